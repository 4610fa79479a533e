use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;

use super::crs::{CRS84, crs_uris};
use super::incidents::{INCIDENTS, sees_incidents};
use super::responsibilities::RESPONSIBILITIES;
use super::roster::ROSTER;
use super::source::Source;
use super::table::TableSource;
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::caller::Caller;
use crate::api::links::{BaseUrl, Link, encode, with_query};
use crate::api::page::{FormatQuery, page_links, send_private_page};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::api::tiles::{TILEJSON, TILESETS_REL};
use crate::boundary::LayerName;
use crate::snapshot::{LayerSnapshot, Snapshot};

/// The collections that the caller may see.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Collections {
    pub links: Vec<Link>,
    pub collections: Vec<Collection>,
}

/// One level of a layer, a layer of a file, or the incidents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    pub id: String,
    pub title: String,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extent: Option<Extent>,
    pub item_type: &'static str,
    /// The reference systems in which geometry is taken and sent, the default first.
    pub crs: Vec<String>,
    /// That in which positions are kept: sent in it, they are as they were given.
    pub storage_crs: &'static str,
    pub links: Vec<Link>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Extent {
    pub spatial: SpatialExtent,
    pub temporal: TemporalExtent,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SpatialExtent {
    /// West, south, east, north.
    pub bbox: [[f64; 4]; 1],
    pub crs: &'static str,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TemporalExtent {
    /// Start and end; null is open.
    #[schema(value_type = Vec<Vec<Option<String>>>)]
    pub interval: [[Option<Timestamp>; 2]; 1],
}

/// The levels of all layers that the caller may see, as collections.
#[utoipa::path(
    get,
    operation_id = "list_collections",
    path = "/collections",
    tag = "features",
    params(FormatQuery, AsOfQuery, LayerQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "The collections", content((Collections = "application/json"), (String = "text/html"))))
)]
pub async fn list_collections(
    State(state): State<AppState>,
    Query(query): Query<FormatQuery>,
    Query((as_of, only)): Query<(AsOfQuery, LayerQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let snapshot = state.view_layers(as_of, &only, &caller).await?.snapshot;
    let visible = snapshot.layers().iter().filter(|layer| caller.sees_layer(&layer.layer().name, layer.is_public()));
    let levels = visible.flat_map(|layer| (0..layer.coverage().levels().len()).map(move |depth| (layer, depth)));
    let loaded = levels.filter(|(layer, depth)| !layer.coverage().levels()[*depth].is_empty());
    let mut collections: Vec<_> = loaded.map(|(layer, depth)| to_collection(&state, layer, depth, &base, as_of)).collect();
    let has_rules = snapshot.rules(as_of.at.unwrap_or_else(Timestamp::now)).has_responsibilities();
    if has_rules && as_of.number().is_none() && only.layer.is_none() {
        collections.push(responsibilities_collection(&base, as_of));
    }
    if as_of.is_current() && only.layer.is_none() {
        collections.extend(state.tables().iter().map(|table| table_collection(table, &base)));
    }
    if sees_incidents(&caller).is_ok() && as_of.is_current() && only.layer.is_none() {
        collections.push(incidents_collection(&base));
        collections.push(roster_collection(&base, as_of));
    }
    let version = as_of.to_pairs() + &only.to_pairs();
    let mut links = page_links(&base, "/collections", &version);
    let tilesets = Link::new(base.to(&with_query("/tiles", &version)), TILESETS_REL, "application/json");
    links.push(tilesets.titled("The vector tiles of all collections together"));
    let body = Collections { links, collections };
    send_private_page("Collections", &body, &body.links, query.f.as_deref(), &headers)
}

/// One collection.
#[utoipa::path(
    get,
    operation_id = "find_collection",
    path = "/collections/{collectionId}",
    tag = "features",
    params(("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`"), FormatQuery, AsOfQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "The collection", content((Collection = "application/json"), (String = "text/html"))))
)]
pub async fn find_collection(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<FormatQuery>,
    Query(as_of): Query<AsOfQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let collection = if id == INCIDENTS {
        sees_incidents(&caller)?;
        as_of.refuse(INCIDENTS)?;
        incidents_collection(&base)
    } else if id == ROSTER {
        sees_incidents(&caller)?;
        AsOfQuery { at: None, ..as_of }.refuse(ROSTER)?;
        roster_collection(&base, as_of)
    } else if id == RESPONSIBILITIES {
        AsOfQuery { at: None, ..as_of }.refuse(RESPONSIBILITIES)?;
        responsibilities_collection(&base, as_of)
    } else if let Some(table) = state.table(&id) {
        as_of.refuse(&id)?;
        table_collection(&table, &base)
    } else {
        let found = find_level(&state, &id, as_of, &caller).await?;
        to_collection(&state, &found.layer, found.depth, &base, as_of)
    };
    send_private_page(&collection.title, &collection, &collection.links, query.f.as_deref(), &headers)
}

/// One level of a layer in the version asked for.
#[derive(Clone, Debug)]
pub struct FoundLevel {
    pub layer: Arc<LayerSnapshot>,
    pub depth: usize,
    /// Whether what it shows depends on who asks.
    pub is_private: bool,
}

/// Finds the layer and the depth that a collection's id stands for, in the version asked for.
///
/// # Errors
/// 404 where there is none; 401 or 403 where the caller may not see it; 400 and 503 where the version cannot be had.
pub async fn find_level(state: &AppState, id: &str, as_of: AsOfQuery, caller: &Caller) -> Result<FoundLevel, Problem> {
    let missing = || Problem::not_found(format!("there is no collection {id}; /collections lists those there are"));
    let base = state.snapshot()?;
    if as_of.is_current() {
        let (layer, depth) = find_in(&base, id).ok_or_else(missing)?;
        caller.require_layer(&layer.layer().name, layer.is_public(), &format!("the collection {id}"))?;
        return Ok(FoundLevel { is_private: !layer.is_public(), layer, depth });
    }
    // The id is the level of the layer `grid`, or `layer.level`: levels of other times may have other names than those of today.
    let name = LayerName::parse(id.split_once('.').map_or("grid", |(layer, _)| layer)).ok().filter(|name| base.history(name).is_some());
    let view = state.view_layer(&name.ok_or_else(missing)?, as_of, caller).await?;
    let (layer, depth) = find_in(&view.snapshot, id).ok_or_else(missing)?;
    Ok(FoundLevel { is_private: view.is_private || !layer.is_public(), layer, depth })
}

fn find_in(snapshot: &Snapshot, id: &str) -> Option<(Arc<LayerSnapshot>, usize)> {
    snapshot.layers().iter().find_map(|layer| {
        let levels = layer.coverage().levels();
        let depth = levels.iter().position(|level| !level.is_empty() && layer.layer().collection_id(level.level()) == id)?;
        Some((Arc::clone(layer), depth))
    })
}

fn to_collection(state: &AppState, layer: &LayerSnapshot, depth: usize, base: &BaseUrl, as_of: AsOfQuery) -> Collection {
    let version = as_of.to_pairs();
    let level = &layer.coverage().levels()[depth];
    let id = layer.layer().collection_id(level.level());
    let bbox = state.levels().extent(layer, depth);
    let since = level.units().iter().map(|unit| unit.validity.from).min();
    let mut collection = Collection {
        title: format!("{} ({})", level.level(), layer.layer().name),
        description: format!(
            "{} units of level {} of the layer {}, generation {}",
            level.units().len(),
            level.level(),
            layer.layer().name,
            layer.generation().id
        ),
        extent: bbox.map(|bbox| Extent {
            spatial: SpatialExtent { bbox: [bbox], crs: CRS84 },
            temporal: TemporalExtent { interval: [[since, layer.superseded_at()]] },
        }),
        item_type: "feature",
        crs: crs_uris(),
        storage_crs: CRS84,
        links: collection_links(base, &id, &version),
        id,
    };
    let tiles = format!("/collections/{}/tiles", encode(&collection.id));
    let tilesets = Link::new(base.to(&with_query(&tiles, &version)), TILESETS_REL, "application/json");
    collection.links.push(tilesets.titled("The vector tiles, by tile matrix set"));
    let tilejson = Link::new(base.to(&format!("{tiles}/WebMercatorQuad?f=tilejson{version}")), "describedby", TILEJSON);
    collection.links.push(tilejson.titled("TileJSON of the vector tiles"));
    collection
}

fn incidents_collection(base: &BaseUrl) -> Collection {
    Collection {
        id: INCIDENTS.into(),
        title: "Incidents".into(),
        description: "What happened where, with the grid and the holder of its time; not public".into(),
        extent: None,
        item_type: "feature",
        crs: crs_uris(),
        storage_crs: CRS84,
        links: collection_links(base, INCIDENTS, ""),
    }
}

fn roster_collection(base: &BaseUrl, as_of: AsOfQuery) -> Collection {
    Collection {
        id: ROSTER.into(),
        title: "Roster".into(),
        description: "Who holds which post at which unit, from when until when; not public".into(),
        extent: None,
        item_type: "feature",
        crs: crs_uris(),
        storage_crs: CRS84,
        links: collection_links(base, ROSTER, &as_of.to_pairs()),
    }
}

fn responsibilities_collection(base: &BaseUrl, as_of: AsOfQuery) -> Collection {
    Collection {
        id: RESPONSIBILITIES.into(),
        title: "Responsibilities".into(),
        description: "Which department answers for which category where: the rules in force, each with the ground of its unit".into(),
        extent: None,
        item_type: "feature",
        crs: crs_uris(),
        storage_crs: CRS84,
        links: collection_links(base, RESPONSIBILITIES, &as_of.to_pairs()),
    }
}

fn table_collection(table: &TableSource, base: &BaseUrl) -> Collection {
    Collection {
        id: table.name().into(),
        title: table.name().into(),
        description: format!("{} features of a file that the operator offers", table.len()),
        extent: table.extent().map(|bbox| Extent {
            spatial: SpatialExtent { bbox: [bbox], crs: CRS84 },
            temporal: TemporalExtent { interval: [[None, None]] },
        }),
        item_type: "feature",
        crs: crs_uris(),
        storage_crs: CRS84,
        links: collection_links(base, table.name(), ""),
    }
}

/// `version` is what the links repeat of the query, each pair behind an `&`.
fn collection_links(base: &BaseUrl, id: &str, version: &str) -> Vec<Link> {
    let path = format!("/collections/{}", encode(id));
    let mut links = page_links(base, &path, version);
    links.push(Link::new(base.to(&format!("{path}/items?f=json{version}")), "items", "application/geo+json").titled("The features"));
    links.push(Link::new(base.to(&format!("{path}/items?f=html{version}")), "items", "text/html").titled("The features to read"));
    for (name, rel, title) in [
        ("queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", "What can be asked of the features"),
        ("sortables", "http://www.opengis.net/def/rel/ogc/1.0/sortables", "By what the features can be sorted"),
        ("schema", "http://www.opengis.net/def/rel/ogc/1.0/schema", "What is said of the features"),
    ] {
        let address = base.to(&with_query(&format!("{path}/{name}"), version));
        links.push(Link::new(address, rel, "application/schema+json").titled(title));
    }
    links
}
