//! Tiles as OGC API Tiles 1.0 has them, of the dataset and of each collection. The row stands before the column.
//!
//! A [`Subject`] is either, so each pair of operations differs in its definition alone.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde::Deserialize;

use super::choice::{ChoiceQuery, CollectionsQuery};
use super::matrix::MatrixSet;
use super::metadata::{TILEJSON, Tileset, Tilesets, has_tilejson, tile_links};
use super::send::{MVT, TileRequest, Varies, parse_address};
use super::shift::ShiftQuery;
use super::subject::Subject;
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::features::UnitFilterQuery;
use crate::api::media::{HTML, JSON, Offer, negotiate};
use crate::api::page::{FormatQuery, send_json};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;

const TILEJSON_OFFER: Offer = Offer { name: "tilejson", media: TILEJSON };
const MVT_OFFER: Offer = Offer { name: "mvt", media: MVT };

/// The parameter of a tileset, which can be had as TileJSON too.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TilesetFormatQuery {
    /// The form of the answer, whatever the `Accept` header says. `tilejson` only in `WebMercatorQuad`.
    #[param(pattern = "^(json|html|tilejson)$")]
    pub f: Option<String>,
}

/// The parameter of a tile.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TileFormatQuery {
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^mvt$")]
    pub f: Option<String>,
}

impl FromQuery for TilesetFormatQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        FormatQuery::from_query(values).map(|FormatQuery { f }| Self { f })
    }
}

impl FromQuery for TileFormatQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        FormatQuery::from_query(values).map(|FormatQuery { f }| Self { f })
    }
}

/// The part of a path that names a tileset.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub struct TilesetPath {
    /// `WebMercatorQuad`, `WorldCRS84Quad` or `CGCS2000Quad`
    tile_matrix_set_id: String,
}

/// The part of a path that names a tile.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub struct TilePath {
    /// `WebMercatorQuad`, `WorldCRS84Quad` or `CGCS2000Quad`
    tile_matrix_set_id: String,
    /// Zoom
    tile_matrix: String,
    /// Row, from the north
    #[param(value_type = u32)]
    tile_row: String,
    /// Column, from the west
    #[param(value_type = u32)]
    tile_col: String,
}

/// The tilesets of all boundaries, one for each tile matrix set.
#[utoipa::path(
    get,
    operation_id = "list_tilesets",
    path = "/tiles",
    tag = "maps",
    params(
        FormatQuery,
        ShiftQuery,
        AsOfQuery,
        LayerQuery,
        CollectionsQuery,
        ChoiceQuery,
        UnitFilterQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The tilesets", content((Tilesets = "application/json"), (String = "text/html"))))
)]
pub async fn list_tilesets(
    State(state): State<AppState>,
    subject: Subject,
    Query(format): Query<FormatQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send_list(subject, state, format.f.as_deref(), &headers).await
}

/// What the tileset of all boundaries in a tile matrix set holds, and where its tiles are.
#[utoipa::path(
    get,
    operation_id = "find_tileset",
    path = "/tiles/{tileMatrixSetId}",
    tag = "maps",
    params(
        TilesetPath,
        TilesetFormatQuery,
        ShiftQuery,
        AsOfQuery,
        LayerQuery,
        CollectionsQuery,
        ChoiceQuery,
        UnitFilterQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The tileset", content(
        (Tileset = "application/json"),
        (serde_json::Value = "application/vnd.mapbox.tile+json"),
        (String = "text/html"),
    )))
)]
pub async fn find_tileset(
    Path(path): Path<TilesetPath>,
    State(state): State<AppState>,
    subject: Subject,
    Query(format): Query<TilesetFormatQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send_tileset(subject, state, &path, format.f.as_deref(), &headers).await
}

/// One tile of all boundaries, MVT 2.1. Row before column.
#[utoipa::path(
    get,
    operation_id = "show_tile",
    path = "/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
    tag = "maps",
    params(
        TilePath,
        TileFormatQuery,
        ShiftQuery,
        AsOfQuery,
        LayerQuery,
        CollectionsQuery,
        ChoiceQuery,
        UnitFilterQuery,
    ),
    security((), ("key" = [])),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing that is wanted lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_tile(
    Path(path): Path<TilePath>,
    State(state): State<AppState>,
    subject: Subject,
    Query(format): Query<TileFormatQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send_tile(subject, &state, &path, format.f.as_deref(), (&method, &headers)).await
}

/// The tilesets of a collection, one for each tile matrix set.
#[utoipa::path(
    get,
    operation_id = "list_collection_tilesets",
    path = "/collections/{collectionId}/tiles",
    tag = "maps",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`"),
        FormatQuery,
        ShiftQuery,
        AsOfQuery,
        ChoiceQuery,
        UnitFilterQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The tilesets", content((Tilesets = "application/json"), (String = "text/html"))))
)]
pub async fn list_collection_tilesets(
    State(state): State<AppState>,
    subject: Subject,
    Query(format): Query<FormatQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send_list(subject, state, format.f.as_deref(), &headers).await
}

/// What the tileset of a collection in a tile matrix set holds, and where its tiles are.
#[utoipa::path(
    get,
    operation_id = "find_collection_tileset",
    path = "/collections/{collectionId}/tiles/{tileMatrixSetId}",
    tag = "maps",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`"),
        TilesetPath,
        TilesetFormatQuery,
        ShiftQuery,
        AsOfQuery,
        ChoiceQuery,
        UnitFilterQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The tileset", content(
        (Tileset = "application/json"),
        (serde_json::Value = "application/vnd.mapbox.tile+json"),
        (String = "text/html"),
    )))
)]
pub async fn find_collection_tileset(
    Path(path): Path<TilesetPath>,
    State(state): State<AppState>,
    subject: Subject,
    Query(format): Query<TilesetFormatQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send_tileset(subject, state, &path, format.f.as_deref(), &headers).await
}

/// One tile of a collection, MVT 2.1: its areas in a layer that has the collection's id, its names, and the lines that separate its
/// units. Row before column.
#[utoipa::path(
    get,
    operation_id = "show_collection_tile",
    path = "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
    tag = "maps",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`"),
        TilePath,
        TileFormatQuery,
        ShiftQuery,
        AsOfQuery,
        ChoiceQuery,
        UnitFilterQuery,
    ),
    security((), ("key" = [])),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing that is wanted lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_collection_tile(
    Path(path): Path<TilePath>,
    State(state): State<AppState>,
    subject: Subject,
    Query(format): Query<TileFormatQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send_tile(subject, &state, &path, format.f.as_deref(), (&method, &headers)).await
}

async fn send_list(subject: Subject, state: AppState, f: Option<&str>, headers: &HeaderMap) -> Result<Response, Problem> {
    let offer = negotiate(f, headers, &[JSON, HTML])?;
    let checked = tokio::task::spawn_blocking(move || subject.check(&state).map(|()| subject));
    let subject = checked.await.map_err(|e| Problem::internal(&e))??;
    let list = subject.list();
    let bytes = serde_json::to_vec(&list).map_err(|e| Problem::internal(&e))?;
    send_json(&format!("Tilesets: {}", subject.title), bytes, &list.links, offer, subject.is_private)
}

async fn send_tileset(
    subject: Subject,
    state: AppState,
    path: &TilesetPath,
    f: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let set = MatrixSet::find(&path.tile_matrix_set_id)?;
    let offers = [JSON, HTML, TILEJSON_OFFER];
    let offer = negotiate(f, headers, if has_tilejson(set) { &offers } else { &offers[..2] })?;
    let is_private = subject.is_private;
    // Who is the first to ask for tiles of a layer waits until they are laid out.
    let described = tokio::task::spawn_blocking(move || {
        let tileset = subject.describe(&state, set)?;
        let bytes =
            if offer == TILEJSON_OFFER { serde_json::to_vec(&subject.to_tilejson(&state, set)?) } else { serde_json::to_vec(&tileset) };
        Ok::<_, Problem>((tileset.title, bytes.map_err(|e| Problem::internal(&e))?, tileset.links))
    });
    let (title, bytes, links) = described.await.map_err(|e| Problem::internal(&e))??;
    send_json(&title, bytes, &links, offer, is_private)
}

async fn send_tile(
    subject: Subject,
    state: &AppState,
    path: &TilePath,
    f: Option<&str>,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Problem> {
    let set = MatrixSet::find(&path.tile_matrix_set_id)?;
    let address = parse_address(set.matrix, [&path.tile_matrix, &path.tile_col, &path.tile_row], "zoom/row/column")?;
    negotiate(f, headers, &[MVT_OFFER])?;
    let links = tile_links(&subject, set);
    TileRequest { subject, matrix: set.matrix, address, links, varies: Varies::ByAccept }.send(state, method, headers).await
}
