use std::sync::Arc;

use geo_types::Geometry;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::source::Source;
use super::sources::FoundSource;
use super::table::{TableFeature, TableRowFeature, TableSource};
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::caller::Caller;
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::ResponsibilityRow;
use crate::filter::{Kind, Property, Schema};
use crate::snapshot::{LayerSnapshot, Snapshot};

/// The id of the collection of responsibilities: which department answers for which category where.
pub const RESPONSIBILITIES: &str = "responsibilities";

/// Finds the rules in force at the time asked for, each with the ground of its unit; one that holds everywhere has no geometry.
///
/// What is private is shown to callers with a key alone.
///
/// # Errors
/// 400 for a generation or a draft, as rules have none; else as [`AppState::view_layers`].
pub async fn find_responsibilities(state: &AppState, as_of: AsOfQuery, caller: &Caller) -> Result<FoundSource, Problem> {
    AsOfQuery { at: None, ..as_of }.refuse(RESPONSIBILITIES)?;
    let at = as_of.at.unwrap_or_else(Timestamp::now);
    let snapshot = state.view_layers(as_of, &LayerQuery::default(), caller).await?.snapshot;
    let caller = caller.clone();
    let source = tokio::task::spawn_blocking(move || to_source(&snapshot, at, &caller)).await.map_err(|e| Problem::internal(&e))?;
    Ok(FoundSource { source: Arc::new(source) as Arc<dyn Source>, is_private: true })
}

fn to_source(snapshot: &Snapshot, at: Timestamp, caller: &Caller) -> TableSource {
    let rows = snapshot.rules(at).responsibilities(caller.is_insider());
    let features = rows.into_iter().map(|row| TableRowFeature {
        id: id_of(row),
        feature: TableFeature { properties: properties(row), geometry: row.unit.as_ref().and_then(|unit| ground(snapshot, unit, caller)) },
        span: Some((row.dates.from.unwrap_or(Timestamp::MIN), row.dates.to)),
    });
    TableSource::of_rows(RESPONSIBILITIES.to_owned(), schema(), features.collect(), None)
}

/// What a rule is about, which no other rule of the same time has in common with it.
fn id_of(row: &ResponsibilityRow) -> String {
    let unit = row.unit.as_ref().map_or("*", UnitCode::as_str);
    let category = row.category.as_ref().map_or_else(|| "*".to_owned(), ToString::to_string);
    let from = row.dates.from.map(|from| format!("~{}", from.as_second())).unwrap_or_default();
    format!("{unit}~{category}~{}~{}{from}", row.role.as_str(), row.department.0)
}

/// Returns the ground of a unit, of the first layer that has one of this code and that the caller may see.
pub fn ground(snapshot: &Snapshot, unit: &UnitCode, caller: &Caller) -> Option<Geometry<f64>> {
    let is_seen = |layer: &&Arc<LayerSnapshot>| caller.require_layer(&layer.layer().name, layer.is_public(), "this layer").is_ok();
    let layers = snapshot.layers().iter().filter(is_seen);
    layers.flat_map(|layer| (0..layer.coverage().levels().len()).map(move |depth| (layer, depth))).find_map(|(layer, depth)| {
        let found = layer.coverage().levels()[depth].find(unit)?;
        Some(layer.coverage().to_geometry(depth, found).into())
    })
}

fn schema() -> Schema {
    let all = [
        ("id", Kind::Text),
        ("unit", Kind::Text),
        ("category", Kind::Text),
        ("role", Kind::Text),
        ("rank", Kind::Integer),
        ("department", Kind::Text),
        ("department_name", Kind::Text),
        ("valid_from", Kind::Instant),
        ("valid_to", Kind::Instant),
        ("geometry", Kind::Geometry),
    ];
    Schema { properties: all.map(|(name, kind)| Property { name: name.into(), kind }).into() }
}

fn properties(row: &ResponsibilityRow) -> Map<String, Json> {
    let text = |text: Option<String>| text.map_or(Json::Null, Json::String);
    let pairs = [
        ("unit", text(row.unit.as_ref().map(ToString::to_string))),
        ("category", text(row.category.as_ref().map(ToString::to_string))),
        ("role", row.role.as_str().into()),
        ("rank", row.rank.into()),
        ("department", row.department.0.as_ref().into()),
        ("department_name", row.name.as_str().into()),
        ("valid_from", text(row.dates.from.map(|from| from.to_string()))),
        ("valid_to", text(row.dates.to.map(|to| to.to_string()))),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}
