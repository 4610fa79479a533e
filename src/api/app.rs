//! The map console at `/app/`: its files, its settings, and the basemap file where one is configured.

use std::path::Path as FilePath;

use axum::extract::{Path, Request, State};
use axum::http::uri::Uri;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use rust_embed::Embed;
use serde::Serialize;

use super::archives::send_ranges;
use super::caller::Caller;
use super::document::Document;
use super::problem::Problem;
use super::state::AppState;
use super::tiles::TileShift;
use crate::config::{BasemapConfig, MapConfig};

/// The built console. It is committed, so that building the program needs no Node.
#[derive(Embed)]
#[folder = "web/dist"]
struct Files;

/// Where a local basemap file is served.
const BASEMAP_PATH: &str = "basemap.pmtiles";

/// Sends the address without a slash to the one with it, from which the page's own addresses are counted.
pub async fn show_app_elsewhere() -> Redirect {
    Redirect::permanent("/app/")
}

pub async fn show_app(State(state): State<AppState>) -> Result<Response, Problem> {
    let mut response = send_file("index.html")?;
    let policy = policy(state.config().map.basemap.as_ref());
    let policy = HeaderValue::from_str(&policy).map_err(|e| Problem::internal(&e))?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // The page may have come with a key in its address.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

pub async fn show_app_file(
    Path(file): Path<String>,
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    match file.as_str() {
        "" | "index.html" => show_app(State(state)).await,
        "config.json" => show_settings(&state, &caller),
        BASEMAP_PATH => show_basemap(&state, request).await,
        file => send_file(file),
    }
}

fn send_file(path: &str) -> Result<Response, Problem> {
    let file = Files::get(path).ok_or_else(|| Problem::not_found("the map has no such file"))?;
    let media = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    Ok(Document::new(media, file.data.into_owned()).into_response())
}

/// What the console needs to know before it draws.
#[derive(Debug, Serialize)]
struct ConsoleSettings {
    version: &'static str,
    /// The line that must stand on the map whatever is shown.
    attribution: String,
    notice: String,
    layers: Vec<ConsoleLayer>,
    basemap: Option<ConsoleBasemap>,
}

#[derive(Debug, Serialize)]
struct ConsoleLayer {
    name: String,
    /// The collections of the levels that are loaded, coarse to fine.
    collections: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ConsoleBasemap {
    /// `raster` for a template of pictures, `pmtiles` for a file.
    kind: &'static str,
    url: String,
    attribution: String,
    shift: Option<&'static str>,
}

fn show_settings(state: &AppState, caller: &Caller) -> Result<Response, Problem> {
    let snapshot = state.snapshot()?;
    let visible = snapshot.layers().iter().filter(|layer| caller.sees_layer(&layer.layer().name, layer.is_public()));
    let layers = visible.map(|layer| ConsoleLayer {
        name: layer.layer().name.to_string(),
        collections: {
            let loaded = layer.coverage().levels().iter().filter(|level| !level.is_empty());
            loaded.map(|level| layer.layer().collection_id(level.level())).collect()
        },
    });
    let map: &MapConfig = &state.config().map;
    let settings = ConsoleSettings {
        version: env!("CARGO_PKG_VERSION"),
        attribution: map.attribution_line(),
        notice: map.notice.clone(),
        layers: layers.collect(),
        basemap: map.basemap.as_ref().map(describe_basemap),
    };
    let json = serde_json::to_vec(&settings).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new("application/json", json).private(true).into_response())
}

fn describe_basemap(basemap: &BasemapConfig) -> ConsoleBasemap {
    let is_template = origin_of(&basemap.source).is_some();
    ConsoleBasemap {
        kind: if is_template { "raster" } else { "pmtiles" },
        url: if is_template { basemap.source.clone() } else { BASEMAP_PATH.to_owned() },
        attribution: basemap.attribution.clone(),
        shift: basemap.shift.as_deref().and_then(|shift| TileShift::parse(shift).ok()).map(TileShift::as_str),
    }
}

/// What the console may load: only what this service serves, and the pictures of a configured basemap.
fn policy(basemap: Option<&BasemapConfig>) -> String {
    let origin = basemap.and_then(|basemap| origin_of(&basemap.source)).map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{origin}; worker-src 'self' blob:; \
         connect-src 'self'{origin}; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}

/// Returns scheme and host of a template; none for a file, or for what could not stand in a policy.
fn origin_of(source: &str) -> Option<String> {
    let (scheme, rest) = source.split_once("://")?;
    let uri: Uri = format!("{scheme}://{}/", rest.split('/').next()?).parse().ok()?;
    let authority = uri.authority()?;
    // A semicolon or a space would end the directive that the host is to stand in.
    let is_plain = authority.as_str().chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    let is_web = matches!(scheme, "http" | "https");
    (is_plain && is_web).then(|| format!("{scheme}://{authority}"))
}

/// Sends the configured basemap file, or the range of it that is asked for.
async fn show_basemap(state: &AppState, request: Request) -> Result<Response, Problem> {
    let local = state.config().map.basemap.as_ref().filter(|basemap| origin_of(&basemap.source).is_none());
    let basemap = local.ok_or_else(|| Problem::not_found("no basemap file is configured"))?;
    send_ranges(FilePath::new(&basemap.source), request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basemap_opens_the_policy_for_its_own_host_only() {
        let basemap = |source: &str| BasemapConfig { source: source.into(), attribution: String::new(), shift: None };
        assert!(!policy(None).contains("http"));
        assert!(!policy(Some(&basemap("/data/base.pmtiles"))).contains("http"));
        let open = policy(Some(&basemap("https://tiles.example.org:8443/{z}/{x}/{y}.png?k=1")));
        assert!(open.contains("connect-src 'self' https://tiles.example.org:8443;"), "{open}");
        for wrong in ["ftp://a/b", "https://a b/", "https://u@a/", "https://a;script-src/"] {
            assert!(!policy(Some(&basemap(wrong))).contains("://"), "{wrong}");
        }
    }
}
