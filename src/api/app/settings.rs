//! What the console is told before it draws: what there is to show, who asks, and how cases move.

use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::BASEMAP_PATH;
use super::policy::origin_of;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::api::tiles::TileShift;
use crate::config::{BasemapConfig, MapConfig};
use crate::dispatch::workflow::{ActionDefinition, StateDefinition, Workflow};

/// What the console needs to know before it draws.
#[derive(Debug, Serialize)]
struct ConsoleSettings {
    version: &'static str,
    /// The line that must stand on the map whatever is shown.
    attribution: String,
    notice: String,
    layers: Vec<ConsoleLayer>,
    basemap: Option<ConsoleBasemap>,
    caller: ConsoleCaller,
    workflow: ConsoleWorkflow,
}

/// Who asks, so that nobody is shown a desk at which every question would be refused.
#[derive(Debug, Serialize)]
struct ConsoleCaller {
    role: &'static str,
    /// Codes of the units to which the key is limited; empty for all.
    scope: Vec<String>,
}

/// The states and actions of the city's workflow, by which cases are filtered and histories are read.
#[derive(Debug, Serialize)]
struct ConsoleWorkflow {
    name: String,
    states: Vec<ConsoleState>,
    actions: Vec<ConsoleAction>,
}

#[derive(Debug, Serialize)]
struct ConsoleState {
    name: String,
    title: String,
    end: bool,
}

#[derive(Debug, Serialize)]
struct ConsoleAction {
    name: String,
    title: String,
}

#[derive(Debug, Serialize)]
struct ConsoleLayer {
    name: String,
    /// The collections of the levels that are loaded, coarse to fine.
    collections: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ConsoleBasemap {
    /// `raster` for a template of pictures, `pmtiles` for a file.
    kind: &'static str,
    url: String,
    attribution: String,
    shift: Option<&'static str>,
}

pub fn show_settings(state: &AppState, caller: &Caller) -> Result<Response, Problem> {
    let snapshot = state.snapshot()?;
    let visible = snapshot.layers().iter().filter(|layer| caller.sees_layer(&layer.layer().name, layer.is_public()));
    let layers = visible.map(|layer| ConsoleLayer {
        name: layer.layer().name.to_string(),
        collections: {
            let loaded = layer.coverage().levels().iter().filter(|level| !level.is_empty());
            loaded.map(|level| layer.layer().collection_id(level.level())).collect()
        },
    });
    let map: &MapConfig = &state.config().map;
    let settings = ConsoleSettings {
        version: env!("CARGO_PKG_VERSION"),
        attribution: map.attribution_line(),
        notice: map.notice.clone(),
        layers: layers.collect(),
        basemap: map.basemap.as_ref().map(describe_basemap),
        caller: ConsoleCaller { role: caller.role().as_str(), scope: caller.scope().iter().map(ToString::to_string).collect() },
        workflow: describe_workflow(&state.config().cases.workflow),
    };
    let json = serde_json::to_vec(&settings).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new("application/json", json).private(true).into_response())
}

fn describe_basemap(basemap: &BasemapConfig) -> ConsoleBasemap {
    let is_template = origin_of(&basemap.source).is_some();
    ConsoleBasemap {
        kind: if is_template { "raster" } else { "pmtiles" },
        url: if is_template { basemap.source.clone() } else { BASEMAP_PATH.to_owned() },
        attribution: basemap.attribution.clone(),
        shift: basemap.shift.as_deref().and_then(|shift| TileShift::parse(shift).ok()).map(TileShift::as_str),
    }
}

fn describe_workflow(workflow: &Workflow) -> ConsoleWorkflow {
    let state = |state: &StateDefinition| ConsoleState { name: state.name.to_string(), title: state.title.clone(), end: state.is_end };
    let action = |action: &ActionDefinition| ConsoleAction { name: action.name.to_string(), title: action.title.clone() };
    ConsoleWorkflow {
        name: workflow.name.clone(),
        states: workflow.states().iter().map(state).collect(),
        actions: workflow.actions().iter().map(action).collect(),
    }
}
