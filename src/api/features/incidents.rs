use std::io::{self, Write};
use std::sync::Arc;

use axum::response::Response;
use serde_json::json;
use uuid::Uuid;

use super::items::{ItemsQuery, PageAddress, PageHead, feature_links, with_crs};
use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::media::Offer;
use crate::api::page::send_json;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::boundary::LayerName;
use crate::dispatch::{Case, CaseId};
use crate::history::{Attribution, attribute};
use crate::snapshot::LayerSnapshot;
use crate::store::CaseFilter;

/// The id of the collection of incidents. A level of this name in the layer `grid` would hide behind it.
pub const INCIDENTS: &str = "incidents";

/// The layer by whose boundaries incidents are told where none is named.
const LAYER_DEFAULT: &str = "grid";

/// Sends a page of incidents. They are read from the store, so they answer only while it does.
///
/// # Errors
/// 401 and 403 for those who may not see them, 503 while the store is down.
pub async fn list(
    state: &AppState,
    query: &ItemsQuery,
    limit: usize,
    caller: &Caller,
    address: &PageAddress,
    offer: Offer,
) -> Result<Response, Problem> {
    sees_incidents(caller)?;
    let filter = to_filter(query, limit, caller)?;
    let attributed_to = query.attribute_to.as_deref().map(|which| find_layer(state, which)).transpose()?;
    let page = state.read_store(move |store| store.load_cases(&filter)).await?;
    let last = page.cases.last().filter(|_| page.has_more).map(|case| case.id.0.to_string());
    let links = address.links(INCIDENTS, None, last.as_deref());
    let newest = page.cases.iter().map(|case| case.reported_at).max().unwrap_or_default().to_string();
    let matched = page.matched.expect("the filter asks for the count");
    let mut bytes = Vec::new();
    PageHead { links: &links, time: &newest, matched, returned: page.cases.len() }.write(None, &mut bytes)?;
    for (at, case) in page.cases.iter().enumerate() {
        bytes.extend_from_slice(if at == 0 { b"\n" } else { b",\n" });
        let attribution = attributed_to.as_ref().map(|layer| attribute(layer.index(), layer.generation().id, case.position));
        write_case(case, attribution, &address.base, &mut bytes).map_err(|e| Problem::internal(&e))?;
    }
    bytes.extend_from_slice(b"\n]}\n");
    send_json("Incidents", bytes, &links, offer, true).map(|response| with_crs(response, None))
}

/// Sends one incident.
///
/// # Errors
/// 401 and 403 for those who may not see it, 404, 503 while the store is down.
pub async fn find(state: &AppState, feature: &str, caller: &Caller, base: &BaseUrl, offer: Offer) -> Result<Response, Problem> {
    sees_incidents(caller)?;
    let missing = || Problem::not_found(format!("there is no incident {feature}"));
    let id = CaseId(Uuid::try_parse(feature).map_err(|_| missing())?);
    let case = state.read_store(move |store| store.find_case(id)).await?.filter(|case| is_in_scope(case, caller)).ok_or_else(missing)?;
    let mut bytes = Vec::new();
    write_case(&case, None, base, &mut bytes).map_err(|e| Problem::internal(&e))?;
    let links = feature_links(base, &format!("/collections/{INCIDENTS}/items/{}", case.id.0), INCIDENTS, "");
    send_json(feature, bytes, &links, offer, true).map(|response| with_crs(response, None))
}

/// Turns away who may not see incidents: they lie in the units of one layer, which the key must reach.
///
/// # Errors
/// 401 without a key, 403 with one that does not reach.
pub fn sees_incidents(caller: &Caller) -> Result<(), Problem> {
    let layer = LayerName::parse(LAYER_DEFAULT).map_err(|e| Problem::internal(&e))?;
    caller.require_layer(&layer, false, INCIDENTS)
}

/// Finds the boundaries by which incidents are to be told anew: those of the layer `grid`, or of the only one.
fn find_layer(state: &AppState, which: &str) -> Result<Arc<LayerSnapshot>, Problem> {
    let snapshot = state.snapshot()?;
    let refused = |detail: String| Problem::parameter("attribute-to", detail);
    let layers = snapshot.layers();
    let grid = layers.iter().find(|layer| layer.layer().name.as_str() == LAYER_DEFAULT).or(layers.first());
    let layer = grid.ok_or_else(|| refused("no boundaries are in effect".into()))?;
    let loaded = layer.generation().id;
    if which != "current" && which.parse() != Ok(loaded.0) {
        return Err(refused(format!(
            "{which:?} is neither current nor {loaded}, the generation that is loaded; the command incidents export --attribute-to takes any"
        )));
    }
    Ok(Arc::clone(layer))
}

fn to_filter(query: &ItemsQuery, limit: usize, caller: &Caller) -> Result<CaseFilter, Problem> {
    for (name, is_given) in [
        ("name", query.name.is_some()),
        ("parent", query.parent.is_some()),
        ("before", query.before.is_some()),
        ("shift", query.shift.is_some()),
    ] {
        if is_given {
            return Err(Problem::parameter(name, "is not a parameter of incidents"));
        }
    }
    let after = query.after.as_deref().map(Uuid::try_parse).transpose();
    let after = after.map_err(|_| Problem::parameter("after", "is not the id of an incident"))?;
    let bbox = query.bbox.map(|bbox| [bbox.west, bbox.south, bbox.east, bbox.north]);
    // The store takes the end as excluded; a microsecond more, the finest it keeps, includes it.
    let to = query.datetime.and_then(|span| span.to).map(|to| to.saturating_add(jiff::SignedDuration::from_micros(1)));
    let reported_to = to.transpose().map_err(|e| Problem::parameter("datetime", e.to_string()))?;
    Ok(CaseFilter {
        after: after.map(CaseId),
        bbox,
        grid_prefix: scoped_prefix(query.code.as_deref(), caller)?,
        category: query.category.clone(),
        reported_from: query.datetime.and_then(|span| span.from),
        reported_to,
        ..CaseFilter::first(limit)
    })
}

/// Narrows what is asked for to what the key reaches.
pub fn scoped_prefix(code: Option<&str>, caller: &Caller) -> Result<Option<String>, Problem> {
    let scope = caller.scope();
    let inside = |code: &str| scope.iter().any(|unit| code.starts_with(unit.as_str()));
    match (code, scope) {
        (Some(code), scope) if scope.is_empty() || inside(code) => Ok(Some(code.to_owned())),
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some(only.to_string())),
        (Some(_), _) => Err(Problem::new(ProblemKind::Forbidden, "the key does not reach the units of this code")),
        (None, _) => Err(Problem::new(ProblemKind::Forbidden, "the key reaches several units; name one of them by code")),
    }
}

fn is_in_scope(case: &Case, caller: &Caller) -> bool {
    let inside = |code: &str| caller.scope().iter().any(|unit| code.starts_with(unit.as_str()));
    caller.scope().is_empty() || case.grid.as_ref().is_some_and(|grid| inside(grid.as_str()))
}

fn write_case(case: &Case, attribution: Option<Attribution>, base: &BaseUrl, out: &mut Vec<u8>) -> io::Result<()> {
    let path = format!("/collections/{INCIDENTS}/items/{}", case.id.0);
    let mut feature = json!({
        "type": "Feature",
        "id": case.id.0.to_string(),
        "geometry": { "type": "Point", "coordinates": [case.position.lon, case.position.lat] },
        "properties": {
            "category": case.category,
            "description": case.description,
            "source": case.source,
            "reported_at": case.reported_at.to_string(),
            "grid": case.grid.as_ref().map(ToString::to_string),
            "generation": case.generation.map(|generation| generation.0),
            "holder": case.holder.as_ref().map(ToString::to_string),
            "given": case.given,
        },
        "links": feature_links(base, &path, INCIDENTS, ""),
    });
    if let Some(attribution) = attribution {
        let grid = attribution.grid.map(|grid| grid.to_string());
        feature["properties"]["attributed"] = json!({ "grid": grid, "generation": attribution.generation.0 });
    }
    serde_json::to_writer(&mut *out, &feature)?;
    out.flush()
}
