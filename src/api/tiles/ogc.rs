//! Tiles as OGC API Tiles 1.0 has them, of the dataset and of each collection. The row stands before the column.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use super::cache::Drawing;
use super::choice::{ChoiceQuery, CollectionsQuery, DatasetQuery, TileQuery};
use super::matrix::MatrixSet;
use super::metadata::{Subject, TILEJSON, Tileset, Tilesets, has_tilejson};
use super::send::{MVT, Shown, TileRequest, parse_address, shown_layers};
use super::shift::ShiftQuery;
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::caller::Caller;
use crate::api::features::collections::find_level;
use crate::api::links::{BaseUrl, encode};
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

/// The tilesets of all boundaries, one for each tile matrix set.
#[utoipa::path(
    get,
    operation_id = "list_tilesets",
    path = "/tiles",
    tag = "maps",
    params(FormatQuery, ShiftQuery, AsOfQuery, LayerQuery, CollectionsQuery, ChoiceQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "The tilesets", content((Tilesets = "application/json"), (String = "text/html"))))
)]
pub async fn list_tilesets(
    State(state): State<AppState>,
    Query((format, query)): Query<(FormatQuery, DatasetQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let subject = of_dataset(&state, query, &caller).await?;
    send_list(subject, state, &base, format.f.as_deref(), &headers).await
}

/// What the tileset of all boundaries in a tile matrix set holds, and where its tiles are.
#[utoipa::path(
    get,
    operation_id = "find_tileset",
    path = "/tiles/{tileMatrixSetId}",
    tag = "maps",
    params(
        ("tileMatrixSetId" = String, Path, description = "`WebMercatorQuad`, `WorldCRS84Quad` or `CGCS2000Quad`"),
        TilesetFormatQuery,
        ShiftQuery,
        AsOfQuery,
        LayerQuery,
        CollectionsQuery,
        ChoiceQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The tileset", content(
        (Tileset = "application/json"),
        (serde_json::Value = "application/vnd.mapbox.tile+json"),
        (String = "text/html"),
    )))
)]
pub async fn find_tileset(
    Path(set): Path<String>,
    State(state): State<AppState>,
    Query((format, query)): Query<(TilesetFormatQuery, DatasetQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let set = MatrixSet::find(&set)?;
    let subject = of_dataset(&state, query, &caller).await?;
    send_tileset(subject, state, base, set, format.f.as_deref(), &headers).await
}

/// One tile of all boundaries, MVT 2.1. Row before column.
#[utoipa::path(
    get,
    operation_id = "show_tile",
    path = "/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
    tag = "maps",
    params(
        ("tileMatrixSetId" = String, Path, description = "`WebMercatorQuad`, `WorldCRS84Quad` or `CGCS2000Quad`"),
        ("tileMatrix" = String, Path, description = "Zoom"),
        ("tileRow" = u32, Path, description = "Row, from the north"),
        ("tileCol" = u32, Path, description = "Column, from the west"),
        TileFormatQuery,
        ShiftQuery,
        AsOfQuery,
        LayerQuery,
        CollectionsQuery,
        ChoiceQuery,
    ),
    security((), ("key" = [])),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing that is wanted lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_tile(
    Path((set, z, row, column)): Path<(String, String, String, String)>,
    State(state): State<AppState>,
    Query((format, query)): Query<(TileFormatQuery, DatasetQuery)>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let set = MatrixSet::find(&set)?;
    let address = parse_address(set.matrix, [&z, &column, &row], "zoom/row/column")?;
    negotiate(format.f.as_deref(), &headers, &[MVT_OFFER])?;
    let shown = shown_layers(&state, query.tile.as_of, &query.only, &caller).await?;
    let drawing = Drawing { matrix: set.matrix, shift: query.tile.shift.shift };
    let request = TileRequest { shown, drawing, address, choice: query.tile.choice, collections: query.collections.collections };
    request.send(&state, &method, &headers).await
}

/// The tilesets of a collection, one for each tile matrix set.
#[utoipa::path(
    get,
    operation_id = "list_collection_tilesets",
    path = "/collections/{collectionId}/tiles",
    tag = "maps",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`"),
        FormatQuery, ShiftQuery, AsOfQuery, ChoiceQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The tilesets", content((Tilesets = "application/json"), (String = "text/html"))))
)]
pub async fn list_collection_tilesets(
    Path(id): Path<String>,
    State(state): State<AppState>,
    Query((format, query)): Query<(FormatQuery, TileQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let subject = of_collection(&state, id, query, &caller).await?;
    send_list(subject, state, &base, format.f.as_deref(), &headers).await
}

/// What the tileset of a collection in a tile matrix set holds, and where its tiles are.
#[utoipa::path(
    get,
    operation_id = "find_collection_tileset",
    path = "/collections/{collectionId}/tiles/{tileMatrixSetId}",
    tag = "maps",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`"),
        ("tileMatrixSetId" = String, Path, description = "`WebMercatorQuad`, `WorldCRS84Quad` or `CGCS2000Quad`"),
        TilesetFormatQuery,
        ShiftQuery,
        AsOfQuery,
        ChoiceQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The tileset", content(
        (Tileset = "application/json"),
        (serde_json::Value = "application/vnd.mapbox.tile+json"),
        (String = "text/html"),
    )))
)]
pub async fn find_collection_tileset(
    Path((id, set)): Path<(String, String)>,
    State(state): State<AppState>,
    Query((format, query)): Query<(TilesetFormatQuery, TileQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let set = MatrixSet::find(&set)?;
    let subject = of_collection(&state, id, query, &caller).await?;
    send_tileset(subject, state, base, set, format.f.as_deref(), &headers).await
}

/// One tile of a collection, MVT 2.1: its areas in a layer that has the collection's id, and its names. Row before column.
#[utoipa::path(
    get,
    operation_id = "show_collection_tile",
    path = "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}",
    tag = "maps",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`"),
        ("tileMatrixSetId" = String, Path, description = "`WebMercatorQuad`, `WorldCRS84Quad` or `CGCS2000Quad`"),
        ("tileMatrix" = String, Path, description = "Zoom"),
        ("tileRow" = u32, Path, description = "Row, from the north"),
        ("tileCol" = u32, Path, description = "Column, from the west"),
        TileFormatQuery,
        ShiftQuery,
        AsOfQuery,
        ChoiceQuery,
    ),
    security((), ("key" = [])),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing that is wanted lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_collection_tile(
    Path((id, set, z, row, column)): Path<(String, String, String, String, String)>,
    State(state): State<AppState>,
    Query((format, query)): Query<(TileFormatQuery, TileQuery)>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let set = MatrixSet::find(&set)?;
    let address = parse_address(set.matrix, [&z, &column, &row], "zoom/row/column")?;
    negotiate(format.f.as_deref(), &headers, &[MVT_OFFER])?;
    let found = find_level(&state, &id, query.as_of, &caller).await?;
    let shown = Shown { layers: vec![found.layer], is_private: found.is_private };
    let drawing = Drawing { matrix: set.matrix, shift: query.shift.shift };
    let request = TileRequest { shown, drawing, address, choice: query.choice, collections: Some(vec![id]) };
    request.send(&state, &method, &headers).await
}

async fn of_dataset(state: &AppState, query: DatasetQuery, caller: &Caller) -> Result<Subject, Problem> {
    Ok(Subject {
        path: "/tiles".into(),
        title: "Boundaries".into(),
        pairs: query.to_pairs(),
        shown: shown_layers(state, query.tile.as_of, &query.only, caller).await?,
        shift: query.tile.shift.shift,
        choice: query.tile.choice,
        collections: query.collections.collections,
    })
}

async fn of_collection(state: &AppState, id: String, query: TileQuery, caller: &Caller) -> Result<Subject, Problem> {
    let found = find_level(state, &id, query.as_of, caller).await?;
    Ok(Subject {
        path: format!("/collections/{}/tiles", encode(&id)),
        title: id.clone(),
        pairs: query.to_pairs(),
        shown: Shown { layers: vec![found.layer], is_private: found.is_private },
        shift: query.shift.shift,
        choice: query.choice,
        collections: Some(vec![id]),
    })
}

async fn send_list(subject: Subject, state: AppState, base: &BaseUrl, f: Option<&str>, headers: &HeaderMap) -> Result<Response, Problem> {
    let offer = negotiate(f, headers, &[JSON, HTML])?;
    let checked = tokio::task::spawn_blocking(move || subject.check(&state).map(|()| subject));
    let subject = checked.await.map_err(|e| Problem::internal(&e))??;
    let list = subject.list(base);
    let bytes = serde_json::to_vec(&list).map_err(|e| Problem::internal(&e))?;
    send_json(&format!("Tilesets: {}", subject.title), bytes, &list.links, offer, subject.shown.is_private)
}

async fn send_tileset(
    subject: Subject,
    state: AppState,
    base: BaseUrl,
    set: &'static MatrixSet,
    f: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let offers = [JSON, HTML, TILEJSON_OFFER];
    let offer = negotiate(f, headers, if has_tilejson(set) { &offers } else { &offers[..2] })?;
    let is_private = subject.shown.is_private;
    // Who is the first to ask for tiles of a layer waits until they are laid out.
    let described = tokio::task::spawn_blocking(move || {
        let tileset = subject.describe(&state, &base, set)?;
        let bytes = if offer == TILEJSON_OFFER {
            serde_json::to_vec(&subject.to_tilejson(&state, &base, set)?)
        } else {
            serde_json::to_vec(&tileset)
        };
        Ok::<_, Problem>((tileset.title, bytes.map_err(|e| Problem::internal(&e))?, tileset.links))
    });
    let (title, bytes, links) = described.await.map_err(|e| Problem::internal(&e))??;
    send_json(&title, bytes, &links, offer, is_private)
}
