use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};

use super::choice::{ChoiceQuery, CollectionsQuery};
use super::matrix::MATRIX_SETS;
use super::send::{TileRequest, Varies, parse_address};
use super::shift::ShiftQuery;
use super::subject::Subject;
use super::tilejson::{Described, describe};
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::document::Document;
use crate::api::features::UnitFilterQuery;
use crate::api::links::{Link, to_header, with_query};
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::tile::Matrix;

/// Where its TileJSON is; tiles stand below it.
const PATH: &str = "/tiles/boundaries";

/// What the tileset of all boundaries holds and where its tiles are: TileJSON 3.0.
#[utoipa::path(
    get,
    operation_id = "show_boundaries",
    path = "/tiles/boundaries",
    tag = "maps",
    params(ShiftQuery, AsOfQuery, LayerQuery, CollectionsQuery, ChoiceQuery, UnitFilterQuery),
    responses((status = 200, description = "TileJSON 3.0", content((serde_json::Value = "application/json"))))
)]
pub async fn show_boundaries(State(state): State<AppState>, subject: Subject) -> Result<Response, Problem> {
    let template = subject.base.to(&with_query(&format!("{PATH}/{{z}}/{{x}}/{{y}}"), &subject.pairs));
    let is_private = subject.is_private;
    let own = Link::new(subject.base.to(&with_query(PATH, &subject.pairs)), "self", "application/json");
    let other = format!("{}/{}?f=json{}", subject.path, MATRIX_SETS[0].id, subject.pairs);
    let links = to_header(&[own, Link::new(subject.base.to(&other), "alternate", "application/json")]);
    let json = tokio::task::spawn_blocking(move || {
        let (tiles, choice) = subject.open(&state, Matrix::Mercator)?;
        let described = Described { name: "boundaries", template, choice: &choice, shift: subject.shift };
        serde_json::to_vec(&describe(&tiles, &described, &state.config().map)).map_err(|e| Problem::internal(&e))
    });
    let json = json.await.map_err(|e| Problem::internal(&e))??;
    let links = links.parse().map_err(|e| Problem::internal(&e))?;
    Ok(Document::new("application/json", json).header(header::LINK, links).private(is_private).into_response())
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
        UnitFilterQuery,
    ),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing that is wanted lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_boundaries_tile(
    Path((z, x, y)): Path<(String, String, String)>,
    State(state): State<AppState>,
    subject: Subject,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let address = parse_address(Matrix::Mercator, [&z, &x, &y], "zoom/column/row")?;
    let described = Link::new(subject.base.to(&with_query(PATH, &subject.version)), "describedby", "application/json");
    TileRequest { subject, matrix: Matrix::Mercator, address, links: vec![described], varies: Varies::No }
        .send(&state, &method, &headers)
        .await
}
