use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};

use super::cache::Drawing;
use super::choice::{ChoiceQuery, CollectionsQuery, DatasetQuery, check_choice};
use super::send::{TileRequest, parse_address, shown_layers};
use super::shift::ShiftQuery;
use super::tilejson::{Described, describe};
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::{BaseUrl, with_query};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::tile::Matrix;

/// What the tileset of all boundaries holds and where its tiles are: TileJSON 3.0.
#[utoipa::path(
    get,
    operation_id = "show_boundaries",
    path = "/tiles/boundaries",
    tag = "maps",
    params(ShiftQuery, AsOfQuery, LayerQuery, CollectionsQuery, ChoiceQuery),
    responses((status = 200, description = "TileJSON 3.0", content((serde_json::Value = "application/json"))))
)]
pub async fn show_boundaries(
    Query(query): Query<DatasetQuery>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Problem> {
    let shown = shown_layers(&state, query.tile.as_of, &query.only, &caller).await?;
    let template = base.to(&with_query("/tiles/boundaries/{z}/{x}/{y}", &query.to_pairs()));
    let is_private = shown.is_private;
    let json = tokio::task::spawn_blocking(move || {
        let drawing = Drawing { matrix: Matrix::Mercator, shift: query.tile.shift.shift };
        let tiles: Vec<_> = shown.layers.iter().map(|layer| state.tiles().layer(layer, drawing)).collect();
        let choice = query.tile.choice.to_choice(query.collections.collections.as_deref());
        check_choice(&choice, &tiles)?;
        let described = Described { name: "boundaries", template, choice: &choice, shift: drawing.shift };
        serde_json::to_vec(&describe(&tiles, &described, &state.config().map)).map_err(|e| Problem::internal(&e))
    });
    let json = json.await.map_err(|e| Problem::internal(&e))??;
    Ok(Document::new("application/json", json).private(is_private).into_response())
}

/// One tile, MVT 2.1: a layer for each level drawn at that zoom, and one with its names. Column before row.
#[utoipa::path(
    get,
    operation_id = "show_boundaries_tile",
    path = "/tiles/boundaries/{z}/{x}/{y}",
    tag = "maps",
    params(
        ("z" = u8, Path, description = "Zoom"),
        ("x" = u32, Path, description = "Column, from the west"),
        ("y" = u32, Path, description = "Row, from the north"),
        ShiftQuery,
        AsOfQuery,
        LayerQuery,
        CollectionsQuery,
        ChoiceQuery,
    ),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing that is wanted lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_boundaries_tile(
    Path((z, x, y)): Path<(String, String, String)>,
    Query(query): Query<DatasetQuery>,
    State(state): State<AppState>,
    caller: Caller,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let address = parse_address(Matrix::Mercator, [&z, &x, &y], "zoom/column/row")?;
    let shown = shown_layers(&state, query.tile.as_of, &query.only, &caller).await?;
    let drawing = Drawing { matrix: Matrix::Mercator, shift: query.tile.shift.shift };
    let request = TileRequest { shown, drawing, address, choice: query.tile.choice, collections: query.collections.collections };
    request.send(&state, &method, &headers).await
}
