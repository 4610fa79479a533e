use std::slice;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use geo::{Bearing, Geodesic, InteriorPoint, Point};
use geo_types::Geometry;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::me::PersonView;
use super::place::{codes_of, find_unit, require_worker};
use crate::api::as_of::default_layer;
use crate::api::caller::Caller;
use crate::api::cases::layer_of_cases;
use crate::api::document::Document;
use crate::api::media::{GEOJSON, negotiate};
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::boundary::Territory;
use crate::dispatch::{Assignment, WorkerId};
use crate::export::geojson::write_any_geometry;
use crate::snapshot::{LayerSnapshot, Snapshot};
use crate::store::CaseFilter;
use crate::topology::UnitIndex;

/// Units of one worker that are drawn; whoever holds more is no keeper.
const UNITS_MAX: usize = 200;

/// The eight winds, from north.
const WINDS: [&str; 8] = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

/// Names the wind of a bearing in degrees from north.
pub(super) fn wind(bearing_deg: f64) -> &'static str {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an eighth of a turn is 0 to 8")]
    let eighth = ((bearing_deg.rem_euclid(360.0) / 45.0).round() as usize) % WINDS.len();
    WINDS[eighth]
}

/// The units of the caller's posts, as GeoJSON: each with its open cases, its neighbours, how long the border with each is, in which
/// direction it lies, and who answers there.
#[utoipa::path(
    get,
    operation_id = "show_my_grid",
    path = "/v1/me/grid",
    tag = "keepers",
    security(("key" = [])),
    responses((status = 200, description = "The units", content_type = "application/geo+json", body = Value))
)]
pub async fn show_my_grid(State(state): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    negotiate(None, &headers, &[GEOJSON])?;
    let worker = require_worker(&caller)?;
    let (snapshot, at) = (state.snapshot()?, Timestamp::now());
    let units = posts(&snapshot, &worker, at).take(UNITS_MAX);
    let territories: Vec<Territory> = units.map(|post| snapshot.territory(&layer_of_cases(), slice::from_ref(&post.unit))).collect();
    let counts = state
        .with_store(move |store| {
            let open = |territory| CaseFilter { territory, is_open: Some(true), ..CaseFilter::first(0) };
            let count = |territory| Ok(store.load_cases(&open(territory))?.matched.unwrap_or_default());
            territories.into_iter().map(count).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let layer = snapshot.layer(&default_layer(&snapshot));
    let features: Vec<Value> = layer
        .into_iter()
        .flat_map(|layer| {
            let posts = posts(&snapshot, &worker, at).zip(&counts);
            posts.filter_map(|(post, open)| feature(&snapshot, layer, post, *open, &caller, at)).collect::<Vec<_>>()
        })
        .collect();
    let bytes = serde_json::to_vec(&json!({ "type": "FeatureCollection", "features": features })).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(GEOJSON.media, bytes).private(true).untagged().into_response())
}

fn posts<'a>(snapshot: &'a Snapshot, worker: &'a WorkerId, at: Timestamp) -> impl Iterator<Item = &'a Assignment> {
    snapshot.roster().posts_of(worker, at)
}

fn feature(
    snapshot: &Snapshot,
    layer: &LayerSnapshot,
    post: &Assignment,
    open_cases: usize,
    caller: &Caller,
    at: Timestamp,
) -> Option<Value> {
    let (depth, unit) = find_unit(layer, &post.unit)?;
    let level = &layer.coverage().levels()[depth];
    let shape = layer.coverage().to_geometry(depth, unit);
    let middle = shape.interior_point();
    let mut geometry = Vec::new();
    write_any_geometry(&mut geometry, &Geometry::MultiPolygon(shape)).ok()?;
    let neighbours = borders(layer, depth, unit).into_iter().map(|(other, border)| {
        let codes = codes_of(layer, depth, other);
        let duty = snapshot.roster().find_duty(codes.iter().copied(), at);
        let holder = duty.holder.filter(|_| caller.sees_personal_data_of(codes.iter().copied()));
        let direction = middle.map(|middle| wind(Geodesic.bearing(middle, border.middle())));
        json!({
            "code": level.unit(other).code.as_str(),
            "name": level.unit(other).name,
            "border_m": border.length_m,
            "direction": direction,
            "holder": holder.map(|holder| PersonView::new(holder.worker)),
        })
    });
    Some(json!({
        "type": "Feature",
        "id": post.unit.as_str(),
        "geometry": serde_json::from_slice::<Value>(&geometry).ok()?,
        "properties": {
            "code": post.unit.as_str(),
            "name": level.unit(unit).name,
            "level": level.level().as_str(),
            "post": post.post.as_str(),
            "open_cases": open_cases,
            "neighbours": neighbours.collect::<Vec<_>>(),
        },
    }))
}

/// The border with one neighbour.
#[derive(Debug, Default)]
struct Shared {
    length_m: f64,
    /// Sums of the middles of its arcs, each weighed by its length.
    lon: f64,
    lat: f64,
}

impl Shared {
    fn middle(&self) -> Point<f64> {
        Point::new(self.lon / self.length_m, self.lat / self.length_m)
    }
}

/// Measures the borders of a unit with each of its neighbours, the longest first.
fn borders(layer: &LayerSnapshot, depth: usize, unit: UnitIndex) -> Vec<(UnitIndex, Shared)> {
    let (coverage, arcs) = (layer.coverage(), layer.coverage().arcs());
    let mut shared: FxHashMap<UnitIndex, Shared> = FxHashMap::default();
    for arc in coverage.levels()[depth].rings(unit).flatten() {
        let sides = arcs.sides(arc.arc(), depth);
        let Some(other) = [sides.left, sides.right].into_iter().flatten().find(|side| *side != unit) else { continue };
        let length_m = coverage.arc_length_m(arc.arc());
        let coords = arcs.coords(arc.arc());
        let (Some(first), Some(last)) = (coords.first(), coords.last()) else { continue };
        // A closed arc has no ends to lie between; any of its places will do.
        let middle = if first == last { coords[coords.len() / 2] } else { (*first + *last) / 2.0 };
        let border = shared.entry(other).or_default();
        border.length_m += length_m;
        border.lon += middle.x * length_m;
        border.lat += middle.y * length_m;
    }
    let mut borders: Vec<_> = shared.into_iter().filter(|(_, border)| border.length_m > 0.0).collect();
    borders.sort_by(|a, b| b.1.length_m.total_cmp(&a.1.length_m).then(a.0.0.cmp(&b.0.0)));
    borders
}
