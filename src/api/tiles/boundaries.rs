use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::cache::Coded;
use super::shift::ShiftQuery;
use super::tilejson::describe;
use crate::api::as_of::{AsOfQuery, LayerQuery, View};
use crate::api::caller::Caller;
use crate::api::document::{Document, Terms};
use crate::api::links::{BaseUrl, with_query};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::snapshot::LayerSnapshot;
use crate::tile::TileAddress;

/// The one tileset of boundaries: every level of every layer that the caller may see.
const BOUNDARIES: &str = "boundaries";

const MVT: HeaderValue = HeaderValue::from_static("application/vnd.mapbox-vector-tile");

/// What a tileset holds and where its tiles are: TileJSON 3.0.
#[utoipa::path(
    get,
    operation_id = "show_tileset",
    path = "/tiles/{tileset}",
    tag = "maps",
    params(("tileset" = String, Path, description = "`boundaries`"), ShiftQuery, AsOfQuery, LayerQuery),
    responses((status = 200, description = "TileJSON 3.0", content((serde_json::Value = "application/json"))))
)]
pub async fn show_tileset(
    Path(tileset): Path<String>,
    Query(query): Query<ShiftQuery>,
    Query((as_of, only)): Query<(AsOfQuery, LayerQuery)>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Problem> {
    let (layers, is_private) = visible_layers(&tileset, &state, as_of, &only, &caller).await?;
    let pairs = query.to_pairs() + &as_of.to_pairs() + &only.to_pairs();
    let template = base.to(&with_query(&format!("/tiles/{tileset}/{{z}}/{{x}}/{{y}}"), &pairs));
    let json = tokio::task::spawn_blocking(move || {
        let tiles: Vec<_> = layers.iter().map(|layer| state.tiles().layer(layer, query.shift)).collect();
        serde_json::to_vec(&describe(&tiles, template, &state.config().map, query.shift))
    });
    let json = json.await.map_err(|e| Problem::internal(&e))?.map_err(|e| Problem::internal(&e))?;
    Ok(Document::new("application/json", json).private(is_private).into_response())
}

/// One tile, MVT 2.1: a layer for each level drawn at that zoom, and one with its names.
#[utoipa::path(
    get,
    operation_id = "show_tile",
    path = "/tiles/{tileset}/{z}/{x}/{y}",
    tag = "maps",
    params(
        ("tileset" = String, Path, description = "`boundaries`"),
        ("z" = u8, Path, description = "Zoom"),
        ("x" = u32, Path, description = "Column, from the west"),
        ("y" = u32, Path, description = "Row, from the north"),
        ShiftQuery,
        AsOfQuery,
        LayerQuery,
    ),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_tile(
    Path((tileset, z, x, y)): Path<(String, String, String, String)>,
    Query(query): Query<ShiftQuery>,
    Query((as_of, only)): Query<(AsOfQuery, LayerQuery)>,
    State(state): State<AppState>,
    caller: Caller,
    method: axum::http::Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let address = parse_address(&z, &x, &y)?;
    let (layers, is_private) = visible_layers(&tileset, &state, as_of, &only, &caller).await?;
    // What is at hand needs no thread on which to wait.
    let ready = state.tiles().ready(&layers, query.shift, address);
    let make = move || {
        let max_zoom = layers.iter().map(|layer| state.tiles().layer(layer, query.shift).max_zoom()).max().unwrap_or(0);
        if address.z() > max_zoom {
            return Err(Problem::not_found(format!("tiles are made for zooms 0 to {max_zoom}; nearer zooms are drawn from those")));
        }
        state.tiles().tile(&layers, query.shift, address).map_err(|e| Problem::internal(&e))
    };
    let tile = match ready {
        Some(tile) => tile,
        None => tokio::task::spawn_blocking(make).await.map_err(|e| Problem::internal(&e))??,
    };
    let cache = if is_private { "private, no-cache" } else { "no-cache" };
    let vary = if is_private { "Accept-Encoding, Authorization" } else { "Accept-Encoding" };
    let cacheable = [(header::CACHE_CONTROL, cache), (header::VARY, vary)];
    let Some(tile) = tile else { return Ok((StatusCode::NO_CONTENT, cacheable).into_response()) };
    let terms = Terms::of(&method, &headers);
    let response = if terms.takes_gzip() {
        let mut response = send(&tile.gzip, &terms);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        send(&tile.plain, &terms)
    };
    Ok((cacheable, response).into_response())
}

fn send(coded: &Coded, terms: &Terms) -> Response {
    let tag = HeaderValue::from_str(&coded.tag).expect("a tag is hexadecimal digits in quotes");
    if terms.matches(&coded.tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    ([(header::ETAG, tag), (header::CONTENT_TYPE, MVT)], coded.bytes.clone()).into_response()
}

fn parse_address(z: &str, x: &str, y: &str) -> Result<TileAddress, Problem> {
    let address = || TileAddress::new(z.parse().ok()?, x.parse().ok()?, y.parse().ok()?);
    address().ok_or_else(|| Problem::not_found(format!("{z}/{x}/{y} is no tile of the world; x and y run from 0 to below 2^z")))
}

/// Returns the layers of a tileset that the caller may see, in the version asked for, and whether others may see less.
pub(super) async fn visible_layers(
    tileset: &str,
    state: &AppState,
    as_of: AsOfQuery,
    only: &LayerQuery,
    caller: &Caller,
) -> Result<(Vec<Arc<LayerSnapshot>>, bool), Problem> {
    if tileset != BOUNDARIES {
        return Err(Problem::not_found(format!("there is no tileset {tileset}; there is {BOUNDARIES}")));
    }
    let View { snapshot, is_private } = state.view_layers(as_of, only, caller).await?;
    let is_insider = caller.require_insider("this layer").is_ok();
    let all = snapshot.layers();
    let visible: Vec<_> = all.iter().filter(|layer| layer.is_public() || is_insider).cloned().collect();
    if let (true, false, Some(first)) = (visible.is_empty(), all.is_empty(), all.first()) {
        caller.require_insider(&format!("the layer {}", first.layer().name))?;
    }
    let may_differ = snapshot.histories().iter().any(|history| !history.is_public);
    Ok((visible, is_private || may_differ))
}
