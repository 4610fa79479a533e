use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::shift::ShiftQuery;
use super::subject::{Shown, shown_layers};
use crate::api::as_of::{AsOfQuery, LayerQuery, default_layer};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::{BaseUrl, with_query};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::snapshot::LayerSnapshot;
use crate::tile::{BORDERS, TileLayers};

/// The style as it is written for the layer `grid` with its four usual levels, coarse to fine.
const TEMPLATE: &str = include_str!("../../../tiles/style.json");
/// The styles that colour units by a figure of the tileset `workload`: title, value, colours and the values at which they change.
const CHOROPLETHS: &str = include_str!("../../../tiles/choropleths.json");

/// The layers of the style of cases, above the boundaries.
const INCIDENTS: &str = include_str!("../../../tiles/incidents.json");

const TEMPLATE_LEVELS: [&str; 4] = ["district", "street", "community", "grid"];

/// A label of both, in the one form that all programs that read styles know.
const NAME_AND_CODE: &str = "{name}\n{code}";

/// The colour of units of which no figure is told.
const UNTOLD: &str = "#dcdcdc";

/// What a style shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StyleKind {
    Boundaries,
    Incidents,
    /// By its name in the table.
    Choropleth(&'static str),
}

impl StyleKind {
    const ALL: [(&'static str, Self); 5] = [
        ("boundaries", Self::Boundaries),
        ("incidents", Self::Incidents),
        ("load", Self::Choropleth("load")),
        ("overdue", Self::Choropleth("overdue")),
        ("vacancy", Self::Choropleth("vacancy")),
    ];

    fn find(id: &str) -> Result<Self, Problem> {
        let known = || Self::ALL.map(|(known, _)| known).join(", ");
        let found = Self::ALL.into_iter().find(|(known, _)| *known == id).map(|(_, kind)| kind);
        found.ok_or_else(|| Problem::not_found(format!("there is no style {id}; there are {}", known())))
    }
}

/// A level that is loaded: the id of its collection, and the zoom from which it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Drawn {
    id: String,
    min_zoom: u8,
}

/// How to draw a tileset: a MapLibre style, version 8. It names no font server; labels are drawn from the viewer's fonts.
///
/// `boundaries` is for all. `load`, `overdue` and `vacancy` colour units by what is to be done in them, from the tileset `workload`;
/// `incidents` draws cases over the boundaries. Whoever draws those shows a key with the tiles.
#[utoipa::path(
    get,
    operation_id = "show_style",
    path = "/styles/{style}",
    tag = "maps",
    params(
        ("style" = String, Path, description = "`boundaries`, `incidents`, `load`, `overdue` or `vacancy`"),
        ShiftQuery,
        LangQuery,
        AsOfQuery,
        LayerQuery,
    ),
    responses((status = 200, description = "A MapLibre style", content((serde_json::Value = "application/json"))))
)]
pub async fn show_style(
    Path(style_name): Path<String>,
    Query((query, language)): Query<(ShiftQuery, LangQuery)>,
    Query((as_of, only)): Query<(AsOfQuery, LayerQuery)>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Problem> {
    let kind = StyleKind::find(&style_name)?;
    if !as_of.is_current() && kind != StyleKind::Boundaries {
        as_of.refuse(&format!("the style {style_name}"))?;
    }
    let Shown { layers, is_private } = shown_layers(&state, as_of, &only, &caller).await?;
    let described = state.tiles().described();
    let drawn: Vec<Vec<Drawn>> = layers.iter().map(|snapshot| drawn_levels(snapshot, described)).collect();
    let version = query.to_pairs() + &as_of.to_pairs() + &only.to_pairs();
    let tilejson = |tileset: &str, pairs: &str| base.to(&with_query(&format!("/tiles/{tileset}"), pairs));
    let has_borders = described.borders().is_some();
    let mut style = to_style(&drawn, &tilejson("boundaries", &version), has_borders);
    let sprite = base.to("/sprites/sprite");
    match kind {
        StyleKind::Boundaries => {}
        StyleKind::Incidents => add_incidents(&mut style, &tilejson("incidents", &query.to_pairs()), &sprite),
        StyleKind::Choropleth(name) => {
            let snapshot = state.snapshot()?;
            let default = default_layer(&snapshot);
            if let Some(other) = only.layer.as_ref().filter(|layer| **layer != default) {
                let detail = format!("the style {style_name} shows figures of the layer {default}, and of {other} there are none");
                return Err(Problem::parameter("layer", detail));
            }
            let at = layers.iter().position(|layer| layer.layer().name == default);
            let levels = at.map(|at| drawn[at].as_slice()).unwrap_or_default();
            style = to_choropleth(name, levels, &tilejson("workload", &query.to_pairs()), &sprite, has_borders);
        }
    }
    if let Some(language) = &language.lang {
        name_in(&mut style, &format!("name:{language}"));
    }
    Ok(Document::new("application/json", style.to_string()).private(is_private).into_response())
}

/// In which language a map is labelled.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LangQuery {
    /// Labels are names in this language, a tag of BCP 47 such as `en`, where tiles carry a field of them, `name:en`; other units keep the
    /// name that they have.
    #[param(pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", value_type = Option<String>)]
    pub lang: Option<String>,
}

impl FromQuery for LangQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { lang: values.optional("lang", parse_language) })
    }
}

fn parse_language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let is_first = parts.next().is_some_and(|first| (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let are_rest = parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_first && are_rest { Ok(text.to_owned()) } else { Err(format!("{text:?} is no tag of a language, such as en or zh-Hans")) }
}

/// Has every label that shows a name show the field `field` first.
fn name_in(style: &mut Value, field: &str) {
    fn replace(value: &mut Value, field: &str) {
        let named = json!(["coalesce", ["get", field], ["get", "name"]]);
        if *value == json!(["get", "name"]) {
            *value = named;
        } else if *value == NAME_AND_CODE {
            *value = json!(["concat", named, "\n", ["get", "code"]]);
        } else if let Some(parts) = value.as_array_mut() {
            parts.iter_mut().for_each(|part| replace(part, field));
        }
    }
    let layers = style["layers"].as_array_mut().into_iter().flatten();
    layers.filter(|layer| !layer["layout"]["text-field"].is_null()).for_each(|layer| replace(&mut layer["layout"]["text-field"], field));
}

/// Returns the levels that are loaded, coarse to fine. The coarsest is drawn from the first zoom on.
fn drawn_levels(snapshot: &LayerSnapshot, description: &TileLayers) -> Vec<Drawn> {
    let zooms = description.min_zooms(snapshot.layer());
    let levels = snapshot.coverage().levels().iter().zip(zooms).filter(|(level, _)| !level.is_empty());
    let drawn = levels
        .enumerate()
        .map(|(at, (level, zoom))| Drawn { id: snapshot.layer().collection_id(level.level()), min_zoom: if at == 0 { 0 } else { zoom } });
    drawn.collect()
}

/// Draws cases over the boundaries.
fn add_incidents(style: &mut Value, tilejson: &str, sprite: &str) {
    style["name"] = "incidents".into();
    style["sprite"] = sprite.into();
    style["sources"]["incidents"] = json!({ "type": "vector", "url": tilejson });
    let layers: Vec<Value> = serde_json::from_str(INCIDENTS).expect("the layers shipped with the program are JSON, as a test shows");
    style["layers"].as_array_mut().expect("a style has layers").extend(layers);
}

/// Writes the style that colours the units of a layer by a figure, at each zoom those of the finest level that is drawn.
fn to_choropleth(name: &str, levels: &[Drawn], tilejson: &str, sprite: &str, has_borders: bool) -> Value {
    let all: Value = serde_json::from_str(CHOROPLETHS).expect("the table shipped with the program is JSON, as a test shows");
    let one = &all[name];
    let mut style = to_style(&[levels.to_vec()], tilejson, has_borders);
    style["name"] = name.into();
    style["metadata"] =
        json!({ "gridkeeper:title": one["title"], "gridkeeper:legend": { "colors": one["colors"], "steps": one["steps"] } });
    style["sources"] = json!({ "workload": { "type": "vector", "url": tilejson } });
    let mut color = vec![json!("step"), one["value"].clone(), one["colors"][0].clone()];
    let steps = one["steps"].as_array().into_iter().flatten().zip(one["colors"].as_array().into_iter().flatten().skip(1));
    color.extend(steps.flat_map(|(step, color)| [step.clone(), color.clone()]));
    let color = json!(["case", ["has", "units"], color, UNTOLD]);
    let fill = |(at, level): (usize, &Drawn)| {
        let mut fill = json!({
            "id": format!("{name}-{}", level.id), "type": "fill", "source": "workload", "source-layer": level.id, "minzoom": level.min_zoom,
            "paint": { "fill-color": color, "fill-antialias": false },
        });
        if let Some(finer) = levels.get(at + 1) {
            fill["maxzoom"] = finer.min_zoom.into();
        }
        fill
    };
    let mut layers: Vec<Value> = style["layers"].take().as_array().cloned().unwrap_or_default();
    layers.retain(|layer| layer["type"] != "fill");
    layers.iter_mut().filter(|layer| layer["source"].is_string()).for_each(|layer| layer["source"] = "workload".into());
    let background = layers.iter().take_while(|layer| layer["type"] == "background").count();
    layers.splice(background..background, levels.iter().enumerate().map(fill));
    if let (Some(icon), Some(finest)) = (one["icon"].as_object(), levels.last()) {
        style["sprite"] = sprite.into();
        let above = layers.iter().position(|layer| layer["type"] == "symbol").unwrap_or(layers.len());
        layers.insert(
            above,
            json!({
                "id": format!("{name}-icon"), "type": "symbol", "source": "workload", "source-layer": format!("{}_label", finest.id),
                "minzoom": finest.min_zoom, "filter": icon["filter"],
                "layout": { "icon-image": icon["image"], "icon-allow-overlap": true, "icon-size": 0.8, "icon-offset": [0, -18] },
            }),
        );
    }
    style["layers"] = Value::Array(layers);
    style
}

/// Writes the style for the levels that are loaded, coarse to fine in each layer. With `has_borders` each border is drawn once, as one of
/// the coarsest level that it separates, else around each area.
fn to_style(layers: &[Vec<Drawn>], tilejson: &str, has_borders: bool) -> Value {
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
                if has_borders && layer["type"] == "line" {
                    along_borders(&mut layer, id);
                }
                if number > 0 {
                    layer["id"] = format!("{}-{number}", layer["id"].as_str().unwrap_or_default()).into();
                }
                let nameless = code_in_place_of_name(&layer);
                drawn.push(layer);
                drawn.extend(nameless);
            }
        }
    }
    style["layers"] = Value::Array(drawn);
    style
}

/// Returns what labels the units without a name that `layer` leaves out, for a layer that shows names. It stands by itself as not all
/// programs that read styles know expressions that choose.
fn code_in_place_of_name(layer: &Value) -> Option<Value> {
    if layer["layout"]["text-field"] != json!(["get", "name"]) {
        return None;
    }
    let mut nameless = layer.clone();
    nameless["id"] = format!("{}-code", layer["id"].as_str()?).into();
    nameless["filter"] = json!(["!", ["has", "name"]]);
    nameless["layout"]["text-field"] = json!(["get", "code"]);
    Some(nameless)
}

/// Has the lines around areas of a collection drawn from the layer of borders.
fn along_borders(layer: &mut Value, collection: &str) {
    let (prefix, level) = collection.rsplit_once('.').map_or((String::new(), collection), |(name, level)| (format!("{name}."), level));
    layer["source-layer"] = format!("{prefix}{BORDERS}").into();
    layer["filter"] = json!(["==", ["get", "level"], level]);
}

/// Returns which of a layer's levels is drawn as a level of the template: the one of the same rank from the finest.
fn standing_for<'a>(level: &str, drawn: &'a [Drawn]) -> Option<&'a str> {
    if let Some(same) = drawn.iter().find(|drawn| drawn.id == level) {
        return Some(&same.id);
    }
    let above_finest = TEMPLATE_LEVELS.iter().rev().position(|name| *name == level)?;
    let by_rank = drawn.iter().rev().nth(above_finest)?.id.as_str();
    (!TEMPLATE_LEVELS.contains(&by_rank)).then_some(by_rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(ids: &[&str]) -> Vec<Drawn> {
        ids.iter().zip((0..).step_by(4)).map(|(id, min_zoom)| Drawn { id: (*id).to_owned(), min_zoom }).collect()
    }

    fn source_layers(layers: &[&[&str]]) -> Vec<String> {
        let layers: Vec<Vec<Drawn>> = layers.iter().map(|ids| levels(ids)).collect();
        let style = to_style(&layers, "http://localhost/tiles/boundaries", true);
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
        let two = source_layers(&[&["district", "grid"]]);
        assert!(two.iter().all(|id| id == "borders" || id.starts_with("district") || id.starts_with("grid")), "{two:?}");
        let police = source_layers(&[&["district", "grid"], &["police.precinct", "police.beat"]]);
        assert!(police.contains(&"police.borders".to_owned()) && police.contains(&"borders".to_owned()), "{police:?}");
        assert!(police.contains(&"police.beat".to_owned()) && police.contains(&"police.precinct_label".to_owned()), "{police:?}");
    }

    #[test]
    fn a_border_is_drawn_once_where_tiles_have_border_lines() {
        let lines = |has_borders: bool| -> Vec<Value> {
            let style = to_style(&[levels(&["district", "grid"])], "http://localhost/tiles/boundaries", has_borders);
            style["layers"].as_array().unwrap().iter().filter(|layer| layer["type"] == "line").cloned().collect()
        };
        let once = lines(true);
        assert!(once.iter().all(|line| line["source-layer"] == "borders"), "{once:?}");
        let grids = once.iter().find(|line| line["id"] == "grid-line").unwrap();
        assert_eq!(grids["filter"], json!(["==", ["get", "level"], "grid"]));
        assert!(lines(false).iter().all(|line| line["source-layer"] != "borders" && line.get("filter").is_none()));
    }

    #[test]
    fn labels_are_in_the_language_that_is_asked_for_and_else_as_they_are() {
        let mut style = to_style(&[levels(&["grid"])], "http://localhost/tiles/boundaries", true);
        let before = style.to_string();
        assert!(!before.contains("name:en"));
        name_in(&mut style, "name:en");
        let label = style["layers"].as_array().unwrap().iter().find(|layer| layer["id"] == "grid-label").unwrap();
        assert_eq!(label["layout"]["text-field"], json!(["coalesce", ["get", "name:en"], ["get", "name"]]));
        let near = style["layers"].as_array().unwrap().iter().find(|layer| layer["id"] == "grid-label-near").unwrap();
        assert_eq!(near["layout"]["text-field"][1], label["layout"]["text-field"]);
        for (text, expected) in [("en", true), ("zh-Hans", true), ("", false), ("e", false), ("en-", false), ("en;x", false), ("9n", false)]
        {
            assert_eq!(parse_language(text).is_ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_in_the_style_lies_elsewhere() {
        let style = to_style(&[levels(&["grid"])], "http://localhost/tiles/boundaries", true);
        assert!(style.get("glyphs").is_none() && style.get("sprite").is_none());
        assert!([TEMPLATE, CHOROPLETHS, INCIDENTS].iter().all(|shipped| !shipped.contains("http")));
    }

    #[test]
    fn at_every_zoom_one_level_is_coloured() {
        for (name, kind) in StyleKind::ALL {
            if !matches!(kind, StyleKind::Choropleth(_)) {
                continue;
            }
            let style = to_choropleth(
                name,
                &levels(&["district", "street", "grid"]),
                "http://localhost/tiles/workload",
                "http://localhost/s",
                true,
            );
            let fills: Vec<_> = style["layers"].as_array().unwrap().iter().filter(|layer| layer["type"] == "fill").collect();
            for z in 0..=16_u64 {
                let is_shown = |fill: &&&Value| fill["minzoom"].as_u64() <= Some(z) && fill["maxzoom"].as_u64().is_none_or(|max| z < max);
                assert_eq!(fills.iter().filter(is_shown).count(), 1, "{name}: zoom {z}");
            }
            let colors = style["metadata"]["gridkeeper:legend"].clone();
            assert_eq!(colors["colors"].as_array().unwrap().len(), colors["steps"].as_array().unwrap().len() + 1, "{name}");
            assert!(
                style["layers"].as_array().unwrap().iter().all(|layer| layer["source"].as_str().is_none_or(|source| source == "workload"))
            );
        }
    }
}
