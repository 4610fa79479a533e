use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::shift::ShiftQuery;
use super::subject::{Shown, shown_layers};
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::{BaseUrl, with_query};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;

/// The style as it is written for the layer `grid` with its four usual levels, coarse to fine.
const TEMPLATE: &str = include_str!("../../../tiles/style.json");
/// The one style.
const BOUNDARIES: &str = "boundaries";

const TEMPLATE_LEVELS: [&str; 4] = ["district", "street", "community", "grid"];

/// How to draw a tileset: a MapLibre style, version 8. It names no font server; labels are drawn from the viewer's fonts.
#[utoipa::path(
    get,
    operation_id = "show_style",
    path = "/styles/{style}",
    tag = "maps",
    params(("style" = String, Path, description = "`boundaries`"), ShiftQuery, AsOfQuery, LayerQuery),
    responses((status = 200, description = "A MapLibre style", content((serde_json::Value = "application/json"))))
)]
pub async fn show_style(
    Path(style): Path<String>,
    Query(query): Query<ShiftQuery>,
    Query((as_of, only)): Query<(AsOfQuery, LayerQuery)>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Problem> {
    if style != BOUNDARIES {
        return Err(Problem::not_found(format!("there is no style {style}; there is {BOUNDARIES}")));
    }
    let Shown { layers, is_private } = shown_layers(&state, as_of, &only, &caller).await?;
    let ids: Vec<Vec<String>> = layers
        .iter()
        .map(|snapshot| {
            let loaded = snapshot.coverage().levels().iter().filter(|level| !level.is_empty());
            loaded.map(|level| snapshot.layer().collection_id(level.level())).collect()
        })
        .collect();
    let tilejson = base.to(&with_query("/tiles/boundaries", &(query.to_pairs() + &as_of.to_pairs() + &only.to_pairs())));
    let style = to_style(&ids, &tilejson);
    Ok(Document::new("application/json", style.to_string()).private(is_private).into_response())
}

/// Writes the style for the levels that are loaded. `layers` has the collection ids of each layer, coarse to fine.
fn to_style(layers: &[Vec<String>], tilejson: &str) -> Value {
    let mut style: Value = serde_json::from_str(TEMPLATE).expect("the style shipped with the program is JSON, as a test shows");
    style["sources"]["boundaries"] = json!({ "type": "vector", "url": tilejson });
    let template = style["layers"].take();
    let template = template.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut drawn = Vec::new();
    for (at, layer) in template.iter().enumerate() {
        let Some(source_layer) = layer["source-layer"].as_str() else {
            drawn.push(layer.clone());
            continue;
        };
        debug_assert!(layer["id"].is_string(), "layer {at} of the style has no id");
        let (level, suffix) = source_layer.strip_suffix("_label").map_or((source_layer, ""), |level| (level, "_label"));
        for (number, ids) in layers.iter().enumerate() {
            if let Some(id) = standing_for(level, ids) {
                let mut layer = layer.clone();
                layer["source-layer"] = format!("{id}{suffix}").into();
                if number > 0 {
                    layer["id"] = format!("{}-{number}", layer["id"].as_str().unwrap_or_default()).into();
                }
                drawn.push(layer);
            }
        }
    }
    style["layers"] = Value::Array(drawn);
    style
}

/// Returns which of a layer's levels is drawn as a level of the template: the one of the same rank from the finest.
fn standing_for<'a>(level: &str, ids: &'a [String]) -> Option<&'a String> {
    if let Some(same) = ids.iter().find(|id| *id == level) {
        return Some(same);
    }
    let above_finest = TEMPLATE_LEVELS.iter().rev().position(|name| *name == level)?;
    let by_rank = ids.iter().rev().nth(above_finest)?;
    (!TEMPLATE_LEVELS.contains(&by_rank.as_str())).then_some(by_rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source_layers(layers: &[&[&str]]) -> Vec<String> {
        let layers: Vec<Vec<String>> = layers.iter().map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()).collect();
        let style = to_style(&layers, "http://localhost/tiles/boundaries");
        let mut found: Vec<String> =
            style["layers"].as_array().unwrap().iter().filter_map(|layer| layer["source-layer"].as_str().map(String::from)).collect();
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn a_style_draws_the_levels_that_are_loaded() {
        assert!(source_layers(&[]).is_empty());
        let usual = source_layers(&[&["district", "street", "community", "grid"]]);
        assert!(["district", "grid", "grid_label", "street_label"].iter().all(|id| usual.iter().any(|found| found == id)), "{usual:?}");
        assert!(source_layers(&[&["district", "grid"]]).iter().all(|id| id.starts_with("district") || id.starts_with("grid")));
        let police = source_layers(&[&["district", "grid"], &["police.precinct", "police.beat"]]);
        assert!(police.contains(&"police.beat".to_owned()) && police.contains(&"police.precinct_label".to_owned()), "{police:?}");
    }

    #[test]
    fn nothing_in_the_style_lies_elsewhere() {
        let style = to_style(&[vec!["grid".into()]], "http://localhost/tiles/boundaries");
        assert!(style.get("glyphs").is_none() && style.get("sprite").is_none());
        assert!(!TEMPLATE.contains("http"));
    }
}
