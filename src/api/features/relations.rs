use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use geo::coordinate_position::CoordPos;
use geo::dimensions::Dimensions;
use geo::indexed::PreparedGeometry;
use geo::{BoundingRect, Relate};
use geo_types::Geometry;
use jiff::Timestamp;

use super::collections::{FoundLevel, find_level};
use super::items::{PageRequest, deadline};
use super::pages::PageAddress;
use super::picked::PickedSource;
use super::query::ItemsQuery;
use super::source::Source;
use super::units::UnitSource;
use super::write::Ends;
use crate::api::admit::Permit;
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::document::Terms;
use crate::api::links::{BaseUrl, encode};
use crate::api::media::{ITEMS, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::boundary::{LayerName, Level};
use crate::snapshot::LayerSnapshot;
use crate::topology::UnitIndex;

/// Among which units relatives are sought.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RelationQuery {
    /// The level of the relatives. By default the next finer one for `children`, the next coarser one for `parents`, the unit's own
    /// for `touches`, and for `overlaps` the unit's own level in another layer, or its finest.
    #[param(value_type = Option<String>)]
    pub level: Option<Level>,
    /// The layer of the relatives, for `touches` and `overlaps`; the unit's own by default.
    #[param(value_type = Option<String>)]
    pub layer: Option<LayerName>,
}

impl FromQuery for RelationQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { level: values.optional("level", Level::parse), layer: values.optional("layer", LayerName::parse) })
    }
}

/// How units are related to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Children,
    Parents,
    Touches,
    Overlaps,
}

impl Relation {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "children" => Self::Children,
            "parents" => Self::Parents,
            "touches" => Self::Touches,
            "overlaps" => Self::Overlaps,
            _ => return None,
        })
    }
}

/// The units that are related to one: its children, its parents, those that touch it, those that share ground with it.
///
/// All that can be asked of items can be asked of them.
#[utoipa::path(
    get,
    operation_id = "list_relatives",
    path = "/collections/{collectionId}/items/{featureId}/{relation}",
    tag = "features",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`"),
        ("featureId" = String, Path, description = "The id of the unit, or its code"),
        ("relation" = String, Path, description = "`children` and `parents` by the codes; `touches`: a border or a corner in common, no \
          ground; `overlaps`: ground in common", pattern = "^(children|parents|touches|overlaps)$"),
        RelationQuery,
        ItemsQuery,
        AsOfQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "A page of features, in the order asked for", content(
        (serde_json::Value = "application/geo+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
        (String = "text/csv"),
        (Vec<u8> = "application/flatgeobuf"),
        (Vec<u8> = "application/geopackage+sqlite3"),
        (Vec<u8> = "application/vnd.apache.parquet"),
    )))
)]
pub async fn list_relatives(
    State(state): State<AppState>,
    Path((id, feature, relation)): Path<(String, String, String)>,
    raw: axum::extract::RawQuery,
    Query(asked): Query<((ItemsQuery, AsOfQuery), RelationQuery)>,
    caller: Caller,
    base: BaseUrl,
    (method, headers, permit): (Method, HeaderMap, Option<Extension<Permit>>),
) -> Result<Response, Problem> {
    let ((query, as_of), among) = asked;
    let missing = || Problem::not_found("units have children, parents, touches and overlaps");
    let relation = Relation::parse(&relation).ok_or_else(missing)?;
    let offer = negotiate(query.f.as_deref(), &headers, ITEMS)?;
    let limit = query.limit(&state)?;
    let own = find_level(&state, &id, as_of, &caller).await?;
    let of = unit_of(&own, &feature).ok_or_else(|| Problem::not_found(format!("the collection {id} has no feature {feature}")))?;
    let (theirs, collection) = find_relatives_level(&state, &own, relation, &among, as_of, &caller).await?;
    let is_private = own.is_private || theirs.is_private;
    let path = format!("/collections/{}/items/{}/{}", encode(&id), encode(&feature), relation_name(relation));
    let address = PageAddress { base, path, query: raw.0.unwrap_or_default(), version: as_of.to_pairs() };
    let until = deadline(&state);
    let ends = Ends::seen_by(&caller, Timestamp::now());
    // Which level is meant is told by `level` here, and no property of the relatives.
    let query = ItemsQuery { queryables: query.queryables.into_iter().filter(|(name, _)| name != "level").collect(), ..query };
    let permit = permit.map(|Extension(permit)| permit);
    let request = PageRequest {
        query,
        collection,
        limit,
        address,
        until,
        offer,
        is_private,
        state: state.clone(),
        permit,
        terms: Terms::of(&method, &headers),
    };
    request
        .send(move || {
            let known = state.levels().learn(&theirs.layer, theirs.depth);
            let source = UnitSource { layer: Arc::clone(&theirs.layer), depth: theirs.depth, ends, known };
            let picked = relatives(&own, of, relation, &source);
            Arc::new(PickedSource::new(Arc::new(source), picked))
        })
        .await
}

fn relation_name(relation: Relation) -> &'static str {
    match relation {
        Relation::Children => "children",
        Relation::Parents => "parents",
        Relation::Touches => "touches",
        Relation::Overlaps => "overlaps",
    }
}

fn unit_of(level: &FoundLevel, feature: &str) -> Option<UnitIndex> {
    super::units::find_unit(&level.layer, level.depth, feature)
}

/// Finds the level among whose units relatives are sought, and the id of its collection.
async fn find_relatives_level(
    state: &AppState,
    own: &FoundLevel,
    relation: Relation,
    among: &RelationQuery,
    as_of: AsOfQuery,
    caller: &Caller,
) -> Result<(FoundLevel, String), Problem> {
    let by_codes = matches!(relation, Relation::Children | Relation::Parents);
    let own_name = &own.layer.layer().name;
    let other = among.layer.as_ref().filter(|name| *name != own_name);
    if other.is_some() && by_codes {
        return Err(Problem::parameter("layer", "children and parents are of the unit's own layer"));
    }
    let Some(name) = other else {
        let depth = depth_within(&own.layer, own.depth, relation, among.level.as_ref())?;
        let id = own.layer.layer().collection_id(own.layer.coverage().levels()[depth].level());
        return Ok((FoundLevel { depth, ..own.clone() }, id));
    };
    if as_of.number().is_some() {
        return Err(Problem::parameter("layer", "generations are counted layer by layer; ask for other layers by at"));
    }
    let snapshot = state.view_layer(name, as_of, caller).await.map_err(|problem| match problem.kind {
        ProblemKind::NotFound => Problem::parameter("layer", problem.detail),
        _ => problem,
    })?;
    let layer = snapshot.snapshot.layer(name).cloned().ok_or_else(|| Problem::parameter("layer", format!("there is no layer {name}")))?;
    caller.require_layer(name, layer.is_public(), &format!("the layer {name}"))?;
    let own_level = own.layer.coverage().levels()[own.depth].level();
    let wanted = among.level.as_ref().unwrap_or(own_level);
    let depth = layer.layer().depth_of(wanted).filter(|depth| !layer.coverage().levels()[*depth].is_empty());
    let finest = || layer.coverage().finest_depth().filter(|_| among.level.is_none());
    let Some(depth) = depth.or_else(finest) else { return Err(no_level(wanted, &layer)) };
    let id = layer.layer().collection_id(layer.coverage().levels()[depth].level());
    Ok((FoundLevel { is_private: snapshot.is_private || !layer.is_public(), layer, depth }, id))
}

/// Finds the level of the relatives in the unit's own layer.
fn depth_within(layer: &LayerSnapshot, own: usize, relation: Relation, level: Option<&Level>) -> Result<usize, Problem> {
    let levels = layer.coverage().levels();
    let is_loaded = |depth: &usize| !levels[*depth].is_empty();
    if let Some(level) = level {
        let depth = layer.layer().depth_of(level).filter(is_loaded).ok_or_else(|| no_level(level, layer))?;
        let fits = match relation {
            Relation::Children => depth > own,
            Relation::Parents => depth < own,
            Relation::Touches | Relation::Overlaps => true,
        };
        let detail = if relation == Relation::Children { "children are of a finer level" } else { "parents are of a coarser level" };
        return if fits { Ok(depth) } else { Err(Problem::parameter("level", detail)) };
    }
    Ok(match relation {
        Relation::Children => (own + 1..levels.len()).find(is_loaded).unwrap_or(own),
        Relation::Parents => (0..own).rev().find(is_loaded).unwrap_or(own),
        Relation::Touches | Relation::Overlaps => own,
    })
}

fn no_level(level: &Level, layer: &LayerSnapshot) -> Problem {
    let loaded = layer.coverage().levels().iter().filter(|level| !level.is_empty());
    let known: Vec<_> = loaded.map(|level| level.level().as_str()).collect();
    Problem::parameter("level", format!("layer {} has no level {level}; it has {}", layer.layer().name, known.join(", ")))
}

/// Returns the relatives of a unit by their places in the source.
fn relatives(own: &FoundLevel, unit: UnitIndex, relation: Relation, theirs: &UnitSource) -> Vec<usize> {
    let coverage = own.layer.coverage();
    let is_same_level = Arc::ptr_eq(&own.layer, &theirs.layer) && own.depth == theirs.depth;
    match relation {
        // There is no finer or coarser level.
        Relation::Children | Relation::Parents if is_same_level => Vec::new(),
        Relation::Children => {
            let of = Some(unit);
            theirs.level().indices().filter(|child| ancestor(theirs, *child, own.depth) == of).map(|child| child.0 as usize).collect()
        }
        Relation::Parents => {
            let mut at = (own.depth, unit);
            while at.0 > theirs.depth {
                match above(&own.layer, at) {
                    Some(parent) => at = parent,
                    None => return Vec::new(),
                }
            }
            if at.0 == theirs.depth { vec![at.1.0 as usize] } else { Vec::new() }
        }
        Relation::Touches | Relation::Overlaps => {
            let geometry = Geometry::from(coverage.to_geometry(own.depth, unit));
            let Some(bounds) = geometry.bounding_rect() else { return Vec::new() };
            let prepared = PreparedGeometry::from(&geometry);
            let is_related = |at: &usize| {
                let is_itself = is_same_level && *at == unit.0 as usize;
                !is_itself
                    && theirs.geometry(*at).is_some_and(|other| {
                        let matrix = prepared.relate(&other);
                        let shares_ground = matrix.get(CoordPos::Inside, CoordPos::Inside) == Dimensions::TwoDimensional;
                        if relation == Relation::Overlaps { shares_ground } else { matrix.is_touches() }
                    })
            };
            theirs.near(&[bounds]).into_iter().filter(is_related).collect()
        }
    }
}

/// Returns the next coarser unit that holds one, with its depth: levels that are not loaded are passed over.
fn above(layer: &LayerSnapshot, (depth, unit): (usize, UnitIndex)) -> Option<(usize, UnitIndex)> {
    let coverage = layer.coverage();
    let parent = coverage.levels()[depth].parent(unit);
    if let Some(parent) = parent.filter(|_| depth > 0) {
        return Some((depth - 1, parent));
    }
    let code = coverage.levels()[depth].unit(unit).parent.as_ref()?;
    (0..depth).rev().find_map(|above| Some((above, coverage.levels()[above].find(code)?)))
}

fn ancestor(source: &UnitSource, unit: UnitIndex, depth: usize) -> Option<UnitIndex> {
    let mut at = (source.depth, unit);
    while at.0 > depth {
        at = above(&source.layer, at)?;
    }
    (at.0 == depth).then_some(at.1)
}
