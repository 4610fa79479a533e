use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use jiff::Timestamp;
use uuid::Uuid;

use super::collections::{CRS84, FoundLevel, find_level};
use super::filter::{Bbox, Span, parse_limit};
use super::incidents::{self, INCIDENTS};
use super::write::{Ends, UnitWriter};
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::links::{BaseUrl, Link, encode, with_query};
use crate::api::media::{FEATURES, negotiate};
use crate::api::page::{FormatQuery, send_json};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::tiles::TileShift;
use crate::boundary::{UnitCode, UnitId};
use crate::snapshot::LayerSnapshot;
use crate::topology::{CoverageLevel, UnitIndex};

/// Which features a page holds.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ItemsQuery {
    /// Most features on the page; a larger number is lowered to the service's own bound.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 10)]
    pub limit: Option<String>,
    /// Only features that have a point in common with this box: west, south, east, north in degrees. A west greater than
    /// its east reaches over the antimeridian.
    #[param(value_type = Option<Vec<f64>>, style = Form, explode = false, min_items = 4, max_items = 6)]
    pub bbox: Option<Bbox>,
    /// Only features that hold at this time or in this interval, RFC 3339; `..` is an open end.
    #[param(value_type = Option<String>, example = "2026-01-01T00:00:00Z/..")]
    pub datetime: Option<Span>,
    /// Only the unit of this code. For `incidents`: those in grids whose code begins so.
    pub code: Option<String>,
    /// Only units of this name.
    pub name: Option<String>,
    /// Only units whose parent has this code.
    pub parent: Option<String>,
    /// Only incidents of this category.
    pub category: Option<String>,
    /// Also tells of each incident the grid that it lies in by other boundaries: `current`, or the number of a generation. What was
    /// recorded stays as it is.
    #[param(rename = "attribute-to")]
    pub attribute_to: Option<String>,
    /// Only features behind this one, in the order of codes (for incidents, of ids). `next` links carry it.
    pub after: Option<String>,
    /// Only features before this one, the nearest to it. `prev` links carry it.
    pub before: Option<String>,
    /// Moves the geometry by the public formula, for fronts on basemaps drawn with that offset. The answer says so, and
    /// has no reference system.
    #[param(value_type = Option<String>, pattern = "^(gcj02|bd09)$")]
    pub shift: Option<TileShift>,
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^(json|html)$")]
    pub f: Option<String>,
}

impl FromQuery for ItemsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |values: &mut Values, name: &str| values.optional(name, |text| Ok::<_, String>(text.to_owned()));
        let query = Self {
            limit: text(values, "limit"),
            bbox: values.optional("bbox", Bbox::parse),
            datetime: values.optional("datetime", Span::parse),
            code: text(values, "code"),
            name: text(values, "name"),
            parent: text(values, "parent"),
            category: text(values, "category"),
            attribute_to: text(values, "attribute-to"),
            after: text(values, "after"),
            before: text(values, "before"),
            shift: values.optional("shift", TileShift::parse),
            f: text(values, "f"),
        };
        if query.after.is_some() && query.before.is_some() {
            values.fault("before", "cannot stand beside after".into());
        }
        Some(query)
    }
}

impl ItemsQuery {
    /// Returns how many features the page may hold.
    ///
    /// # Errors
    /// 400 for anything but a whole number from 1.
    pub fn limit(&self, state: &AppState) -> Result<usize, Problem> {
        let http = &state.config().http;
        let parse = |text: &String| parse_limit(text, http.page_limit_max).map_err(|e| Problem::parameter("limit", e));
        self.limit.as_ref().map_or(Ok(http.page_limit_default.min(http.page_limit_max)), parse)
    }
}

/// The features of a collection, page by page.
#[utoipa::path(
    get,
    operation_id = "list_items",
    path = "/collections/{collectionId}/items",
    tag = "features",
    params(("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`"), ItemsQuery, AsOfQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "A page of features, in the order of their codes", content(
        (serde_json::Value = "application/geo+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
    )))
)]
pub async fn list_items(
    State(state): State<AppState>,
    Path(id): Path<String>,
    raw: axum::extract::RawQuery,
    Query((query, as_of)): Query<(ItemsQuery, AsOfQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, FEATURES)?;
    let limit = query.limit(&state)?;
    let address = PageAddress {
        base,
        path: format!("/collections/{}/items", encode(&id)),
        query: raw.0.unwrap_or_default(),
        version: as_of.to_pairs(),
    };
    if id == INCIDENTS {
        as_of.refuse(INCIDENTS)?;
        return incidents::list(&state, &query, limit, &caller, &address, offer).await;
    }
    if query.category.is_some() {
        return Err(Problem::parameter("category", "is a parameter of incidents only"));
    }
    if query.attribute_to.is_some() {
        return Err(Problem::parameter("attribute-to", "is a parameter of incidents only"));
    }
    let FoundLevel { layer, depth, is_private } = find_level(&state, &id, as_of, &caller).await?;
    let shift = query.shift;
    // A page may hold ten thousand features; writing one would hold up every small answer on the same thread.
    let ends = Ends::seen_by(&caller, Timestamp::now());
    let page = tokio::task::spawn_blocking(move || write_page(&layer, depth, &id, &query, limit, &address, ends));
    let Page { bytes, links, tells_plans } = page.await.map_err(|e| Problem::internal(&e))??;
    send_json("Features", bytes, &links, offer, is_private || tells_plans).map(|response| with_crs(response, shift))
}

/// One feature, by its id or its official code.
#[utoipa::path(
    get,
    operation_id = "find_item",
    path = "/collections/{collectionId}/items/{featureId}",
    tag = "features",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`"),
        ("featureId" = String, Path, description = "The id of the feature, or the code of the unit"),
        FormatQuery,
        AsOfQuery,
        ("shift" = Option<String>, Query, description = "Moves the geometry: `gcj02` or `bd09`", pattern = "^(gcj02|bd09)$"),
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The feature", content(
        (serde_json::Value = "application/geo+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
    )))
)]
pub async fn find_item(
    State(state): State<AppState>,
    Path((id, feature)): Path<(String, String)>,
    Query(query): Query<FormatQuery>,
    Query((shift, as_of)): Query<(Shift, AsOfQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, FEATURES)?;
    let Shift(shift) = shift;
    if id == INCIDENTS {
        as_of.refuse(INCIDENTS)?;
        return incidents::find(&state, &feature, &caller, &base, offer).await;
    }
    let FoundLevel { layer, depth, is_private } = find_level(&state, &id, as_of, &caller).await?;
    let index = find_unit(&layer.coverage().levels()[depth], &feature);
    let index = index.ok_or_else(|| Problem::not_found(format!("the collection {id} has no feature {feature}")))?;
    let mut bytes = Vec::new();
    let version = as_of.to_pairs();
    let ends = Ends::seen_by(&caller, Timestamp::now());
    let writer = UnitWriter { layer: &layer, depth, collection: &id, base: &base, shift, version: &version, ends };
    writer.write(index, &mut bytes).map_err(|e| Problem::internal(&e))?;
    let unit = layer.coverage().levels()[depth].unit(index);
    let path = format!("/collections/{}/items/{}", encode(&id), unit.id);
    let links = feature_links(&base, &path, &id, &version);
    send_json(unit.code.as_str(), bytes, &links, offer, is_private || ends.is_private(unit)).map(|response| with_crs(response, shift))
}

/// The offset by which geometry is moved.
#[derive(Clone, Copy, Debug)]
pub struct Shift(Option<TileShift>);

impl FromQuery for Shift {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self(values.optional("shift", TileShift::parse)))
    }
}

/// Returns the links of a feature to itself and to what holds it. `version` is what they repeat of the query, each pair behind an `&`.
pub fn feature_links(base: &BaseUrl, path: &str, collection: &str, version: &str) -> Vec<Link> {
    vec![
        Link::new(base.to(&format!("{path}?f=json{version}")), "self", "application/geo+json"),
        Link::new(base.to(&format!("{path}?f=html{version}")), "alternate", "text/html"),
        Link::new(base.to(&with_query(&format!("/collections/{}", encode(collection)), version)), "collection", "application/json"),
    ]
}

fn find_unit(level: &CoverageLevel, feature: &str) -> Option<UnitIndex> {
    if let Ok(id) = Uuid::try_parse(feature)
        && let Some(at) = level.units().iter().position(|unit| unit.id == UnitId(id))
    {
        return u32::try_from(at).ok().map(UnitIndex);
    }
    level.find(&UnitCode::parse(feature).ok()?)
}

/// The address of a page, from which those of its neighbours are made.
#[derive(Debug)]
pub struct PageAddress {
    pub base: BaseUrl,
    pub path: String,
    /// The query as it was given.
    pub query: String,
    /// What links to other resources repeat of it, each pair behind an `&`.
    pub version: String,
}

impl PageAddress {
    /// Makes the address with every parameter as it was given, but for `changes`, which are set or, without a value, taken out.
    pub fn with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let is_changed = |pair: &&str| changes.iter().any(|(name, _)| pair.split('=').next() == Some(*name));
        let kept = self.query.split('&').filter(|pair| !pair.is_empty() && !is_changed(pair)).map(str::to_owned);
        let set = changes.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode((*value)?))));
        let query: Vec<_> = kept.chain(set).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        self.base.to(&format!("{}{mark}{}", self.path, query.join("&")))
    }

    /// Returns the links of a page; `prev` and `next` name the feature before or after which the neighbour lies.
    pub fn links(&self, collection: &str, prev: Option<&str>, next: Option<&str>) -> Vec<Link> {
        let mut links = vec![
            Link::new(self.with(&[("f", Some("json"))]), "self", "application/geo+json"),
            Link::new(self.with(&[("f", Some("html"))]), "alternate", "text/html"),
            Link::new(
                self.base.to(&with_query(&format!("/collections/{}", encode(collection)), &self.version)),
                "collection",
                "application/json",
            ),
        ];
        if let Some(next) = next {
            let href = self.with(&[("before", None), ("after", Some(next)), ("f", Some("json"))]);
            links.push(Link::new(href, "next", "application/geo+json"));
        }
        if let Some(prev) = prev {
            let href = self.with(&[("after", None), ("before", Some(prev)), ("f", Some("json"))]);
            links.push(Link::new(href, "prev", "application/geo+json"));
        }
        links
    }
}

struct Page {
    bytes: Vec<u8>,
    links: Vec<Link>,
    /// Whether a planner is told more by it than others.
    tells_plans: bool,
}

fn write_page(
    layer: &Arc<LayerSnapshot>,
    depth: usize,
    collection: &str,
    query: &ItemsQuery,
    limit: usize,
    address: &PageAddress,
    ends: Ends,
) -> Result<Page, Problem> {
    let level = &layer.coverage().levels()[depth];
    let matched = select(layer, depth, query, ends);
    let code = |index: &UnitIndex| level.unit(*index).code.as_str();
    // Units stand in the order of their codes, so a page is found by search and not by counting.
    let (start, end) = match (&query.after, &query.before) {
        (Some(after), _) => {
            let start = matched.partition_point(|index| code(index) <= after.as_str());
            (start, (start + limit).min(matched.len()))
        }
        (None, Some(before)) => {
            let end = matched.partition_point(|index| code(index) < before.as_str());
            (end.saturating_sub(limit), end)
        }
        (None, None) => (0, limit.min(matched.len())),
    };
    let page = &matched[start..end];
    let next = page.last().filter(|_| end < matched.len()).map(code);
    let prev = page.first().filter(|_| start > 0).map(code);
    let links = address.links(collection, prev, next);
    let mut bytes = Vec::with_capacity(page.len() * FEATURE_BYTES_USUAL);
    let head = PageHead { links: &links, time: &layer.generation().created_at.to_string(), matched: matched.len(), returned: page.len() };
    head.write(query.shift, &mut bytes)?;
    let writer = UnitWriter { layer, depth, collection, base: &address.base, shift: query.shift, version: &address.version, ends };
    for (at, index) in page.iter().enumerate() {
        bytes.extend_from_slice(if at == 0 { b"\n" } else { b",\n" });
        writer.write(*index, &mut bytes).map_err(|e| Problem::internal(&e))?;
    }
    bytes.extend_from_slice(b"\n]}\n");
    let all = query.datetime.is_some().then(|| level.units().iter().any(|unit| ends.is_private(unit)));
    let tells_plans = all.unwrap_or_else(|| page.iter().any(|index| ends.is_private(level.unit(*index))));
    Ok(Page { bytes, links, tells_plans })
}

/// A grid of about 40 vertices with its properties and links; only a first guess for the room a page takes.
const FEATURE_BYTES_USUAL: usize = 2048;

/// What stands before the features of a page.
#[derive(Debug)]
pub struct PageHead<'a> {
    pub links: &'a [Link],
    /// The time of the data, so that the same page has the same bytes.
    pub time: &'a str,
    pub matched: usize,
    pub returned: usize,
}

impl PageHead<'_> {
    /// Writes the head up to the bracket that opens the features.
    ///
    /// # Errors
    /// None that a caller could mend.
    pub fn write(&self, shift: Option<TileShift>, out: &mut Vec<u8>) -> Result<(), Problem> {
        let mut head = serde_json::json!({
            "type": "FeatureCollection",
            "timeStamp": self.time,
            "numberMatched": self.matched,
            "numberReturned": self.returned,
            "links": self.links,
        });
        if let Some(shift) = shift {
            head["shift"] = shift.as_str().into();
        }
        serde_json::to_writer(&mut *out, &head).map_err(|e| Problem::internal(&e))?;
        // The features are written one by one behind the other members.
        out.pop();
        out.extend_from_slice(b",\"features\":[");
        Ok(())
    }
}

/// Returns the units that match, in the order of their codes.
fn select(layer: &LayerSnapshot, depth: usize, query: &ItemsQuery, ends: Ends) -> Vec<UnitIndex> {
    let level = &layer.coverage().levels()[depth];
    let candidates: Vec<UnitIndex> = match (&query.code, query.bbox) {
        (Some(code), None) => UnitCode::parse(code).ok().and_then(|code| level.find(&code)).into_iter().collect(),
        (_, Some(bbox)) => {
            let found = bbox.to_rects().into_iter().flat_map(|rect| layer.index().units_intersecting(depth, rect));
            let mut found: Vec<_> = found.collect();
            found.sort_unstable();
            found.dedup();
            found
        }
        (None, None) => level.indices().collect(),
    };
    let matches = |index: &UnitIndex| {
        let unit = level.unit(*index);
        query.code.as_ref().is_none_or(|code| unit.code.as_str() == code)
            && query.name.as_ref().is_none_or(|name| &unit.name == name)
            && query.parent.as_ref().is_none_or(|parent| unit.parent.as_ref().is_some_and(|own| own.as_str() == parent))
            && query.datetime.is_none_or(|span| span.meets(&ends.seen_of(unit)))
    };
    candidates.into_iter().filter(matches).collect()
}

/// Says in which reference system the geometry is; what was moved has none.
pub fn with_crs(mut response: Response, shift: Option<TileShift>) -> Response {
    if shift.is_none() {
        let value = HeaderValue::from_str(&format!("<{CRS84}>")).expect("the address is plain text");
        response.headers_mut().insert(HeaderName::from_static("content-crs"), value);
    }
    response
}
