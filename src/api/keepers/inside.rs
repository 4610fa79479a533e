use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use geo::{Bearing, Closest, ClosestPoint, Geodesic, Point};
use jiff::Timestamp;
use serde::Serialize;

use super::grid::wind;
use super::me::PersonView;
use super::place::{PlaceQuery, find_unit, require_worker};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::boundary::{Position, UnitCode};
use crate::dispatch::distance_m;
use crate::snapshot::LayerSnapshot;
use crate::topology::UnitIndex;

/// Whether the caller stands in a unit of theirs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Inside {
    /// Null where the border is nearer than the position is accurate.
    pub inside: Option<bool>,
    /// Where one stands; null outside of all units.
    pub unit: Option<UnitName>,
    /// The unit of theirs that holds the position, else the nearest of theirs.
    pub mine: Option<String>,
    /// Metres to the nearest border of `mine`.
    pub distance_to_border_m: Option<f64>,
    /// Outside: in which direction `mine` lies.
    pub direction: Option<&'static str>,
    /// Who answers where one stands, as far as the key reaches.
    pub holder: Option<PersonView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UnitName {
    pub code: String,
    pub name: String,
}

/// Whether the caller stands in a unit of their own, or how far from it and in which direction it lies.
#[utoipa::path(
    get,
    operation_id = "am_i_inside",
    path = "/v1/me/inside",
    tag = "keepers",
    params(PlaceQuery),
    security(("key" = [])),
    responses((status = 200, description = "Whether one is inside", body = Inside))
)]
pub async fn am_i_inside(
    State(state): State<AppState>,
    Query(query): Query<PlaceQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let worker = require_worker(&caller)?;
    let (asker, question) = query.ask(&state, &caller).await?;
    let (snapshot, answer) = asker.find(&question)?;
    let at = Timestamp::now();
    let doubt_m = snapshot.settings().doubt_distance_m.max(question.accuracy_m().unwrap_or(0.0));
    let path: Vec<&UnitCode> = answer.path().map(|unit| &unit.code).collect();
    let own: Vec<&UnitCode> = snapshot.roster().posts_of(&worker, at).map(|post| &post.unit).collect();
    // The finest of theirs that holds the position; none is nearer than one that one is in.
    let here = path.iter().rev().find(|code| own.contains(code)).and_then(|code| find_unit(answer.layer, code));
    let distance_of = |&(depth, unit): &(usize, UnitIndex)| nearest_border(answer.layer, depth, unit, answer.position);
    let all = own.iter().filter_map(|code| find_unit(answer.layer, code));
    let with_distance = here.into_iter().chain(all).filter_map(|found| distance_of(&found).map(|near| (found, near)));
    let mut nearest: Vec<_> = if here.is_some() { with_distance.take(1).collect() } else { with_distance.collect() };
    nearest.sort_by(|a, b| a.1.1.total_cmp(&b.1.1));
    let mine = nearest.into_iter().next();
    let is_inside = here.is_some();
    let in_doubt = mine.as_ref().is_some_and(|(_, (_, far_m))| *far_m < doubt_m);
    let holder = answer.duty.as_ref().and_then(|duty| duty.holder.as_ref());
    let holder = holder.filter(|_| caller.sees_personal_data_of(path.iter().copied()));
    let body = Inside {
        inside: (!in_doubt).then_some(is_inside),
        unit: answer.unit().map(|unit| UnitName { code: unit.code.to_string(), name: unit.name.clone() }),
        mine: mine.as_ref().map(|((depth, unit), _)| answer.layer.coverage().levels()[*depth].unit(*unit).code.to_string()),
        distance_to_border_m: mine.as_ref().map(|(_, (_, far_m))| *far_m),
        direction: mine.as_ref().filter(|_| !is_inside).map(|(_, (at, _))| {
            let point = |position: Position| Point::new(position.lon, position.lat);
            wind(Geodesic.bearing(point(answer.position), point(*at)))
        }),
        holder: holder.map(|holder| PersonView::new(holder.worker)),
    };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Returns the point of a unit's border that is nearest, with its distance in metres: found in the plane, measured on the ellipsoid.
fn nearest_border(layer: &LayerSnapshot, depth: usize, unit: UnitIndex, here: Position) -> Option<(Position, f64)> {
    // Degrees of longitude are as long as those of latitude once they are scaled.
    let scale = here.lat.to_radians().cos().max(1e-6);
    let flat = Point::new(0.0, 0.0);
    let arcs = layer.coverage().levels()[depth].rings(unit).flatten();
    let lines = arcs.map(|arc| {
        let coords = layer.coverage().arcs().coords(arc.arc()).iter();
        geo_types::LineString::from_iter(coords.map(|at| geo_types::Coord { x: (at.x - here.lon) * scale, y: at.y - here.lat }))
    });
    let nearest = lines.filter_map(|line| match line.closest_point(&flat) {
        Closest::Intersection(point) | Closest::SinglePoint(point) => Some(point),
        Closest::Indeterminate => None,
    });
    let nearest = nearest.min_by(|a, b| (a.x().hypot(a.y())).total_cmp(&b.x().hypot(b.y())))?;
    let position = Position { lon: here.lon + nearest.x() / scale, lat: here.lat + nearest.y() };
    Some((position, distance_m(here, position)))
}
