//! The map console at `/app/`: its files, its settings, and the basemap file where one is configured.

mod policy;
mod settings;

use std::borrow::Cow;
use std::path::Path as FilePath;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use rust_embed::Embed;

use self::policy::{origin_of, policy};
use self::settings::show_settings;
use super::archives::send_ranges;
use super::caller::Caller;
use super::document::Document;
use super::problem::Problem;
use super::state::AppState;

/// The built console. It is committed, so that building the program needs no Node.
#[derive(Embed)]
#[folder = "web/dist"]
struct Files;

/// Where files stand whose names have a hash of what is in them.
const HASHED: &str = "assets/";

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
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Ok(Document::new(media, bytes).lasting(path.starts_with(HASHED)).into_response())
}

/// Sends the configured basemap file, or the range of it that is asked for.
async fn show_basemap(state: &AppState, request: Request) -> Result<Response, Problem> {
    let local = state.config().map.basemap.as_ref().filter(|basemap| origin_of(&basemap.source).is_none());
    let basemap = local.ok_or_else(|| Problem::not_found("no basemap file is configured"))?;
    send_ranges(state, FilePath::new(&basemap.source), request).await
}
