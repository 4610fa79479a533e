use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Instant;

use axum::response::Response;
use jiff::Timestamp;
use rustc_hash::FxHashSet;
use uuid::Uuid;

use super::asked::Asked;
use super::cases::{CaseSource, case_schema};
use super::filter::Area;
use super::items::{Cut, Side, deadline, to_problem};
use super::pages::{PageAddress, feature_links, with_crs};
use super::query::ItemsQuery;
use super::select::{Wanted, select};
use super::source::Source;
use super::write::Look;
use crate::api::caller::Caller;
use crate::api::cases::{reaches, require_prefix};
use crate::api::document::at_version;
use crate::api::known::{categories_of, require_category};
use crate::api::media::Offer;
use crate::api::page::send_json;
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::api::wire::CaseTag;
use crate::boundary::{LayerName, Territory};
use crate::dispatch::{Case, CaseId};
use crate::history::attribute;
use crate::snapshot::LayerSnapshot;
use crate::store::{CaseFilter, CasePage, CaseRecord, Store, StoreError};

/// The id of the collection of incidents. A level of this name in the layer `grid` would hide behind it.
pub const INCIDENTS: &str = "incidents";

/// The layer by whose boundaries incidents are told where none is named.
const LAYER_DEFAULT: &str = "grid";

/// Incidents that are read from the store at once while a filter looks at all of them.
const CASES_AT_ONCE: usize = 10_000;

/// Sends a page of incidents. They are read from the store, so they answer only while it does.
///
/// # Errors
/// 401 and 403 for those who may not see them, 503 while the store is down.
pub async fn list(
    state: &AppState,
    query: ItemsQuery,
    limit: usize,
    caller: &Caller,
    address: &PageAddress,
    offer: Offer,
) -> Result<Response, Problem> {
    sees_incidents(caller)?;
    let asked = Asked::of(&query, &[], &case_schema())?;
    require_category(state, query.category.as_deref()).await?;
    let categories = categories_of(&*state.snapshot()?, query.category.as_deref(), Timestamp::now());
    let filter = CaseFilter { categories, ..to_filter(&query, &asked, limit, state.territory(caller.scope())?)? };
    let attributed_to = query.attribute_to.as_deref().map(|which| find_layer(state, which)).transpose()?;
    let side = Side::of(&query, &asked.order)?;
    let is_plain =
        asked.filter.is_none() && asked.order.is_by_key() && query.before.is_none() && !matches!(asked.area, Some(Area::Polygon(_)));
    let look = query.look(address.base.clone(), INCIDENTS.to_owned(), String::new());
    let (shift, crs) = (query.shift, query.crs.clone());
    let (found, asked) = if is_plain {
        (FoundCases::of(state.with_store(move |store| store.load_cases(&filter)).await?, &query), asked)
    } else {
        let until = deadline(state);
        let scanned = state.with_store(move |store| Ok((Scan { store, asked: &asked, side: &side, limit, until }.run(filter)?, asked)));
        let (found, asked) = scanned.await?;
        (found?, asked)
    };
    let mut source = CaseSource::new(found.cases);
    source.attributions = attributed_to.map(|layer| {
        let of = |case: &Case| attribute(layer.index(), layer.generation().id, case.position);
        source.cases.iter().map(of).collect()
    });
    let mut page: Vec<usize> = (0..source.len()).collect();
    asked.order.sort(&source, &mut page);
    let cut = Cut { page: &page, has_next: found.has_next, has_prev: found.has_prev, matched: found.matched };
    let (bytes, links) = cut.write(&source, shift, &asked.order, &look, address)?;
    send_json("Incidents", bytes, &links, offer, true).map(|response| with_crs(response, shift, crs.as_ref()))
}

/// Sends one incident.
///
/// # Errors
/// 401 and 403 for those who may not see it, 404, 503 while the store is down.
pub async fn find(state: &AppState, feature: &str, caller: &Caller, look: &Look, offer: Offer) -> Result<Response, Problem> {
    sees_incidents(caller)?;
    let missing = || Problem::not_found(format!("there is no incident {feature}"));
    let id = CaseId(Uuid::try_parse(feature).map_err(|_| missing())?);
    let territory = state.territory(caller.scope())?;
    let record = state.with_store(move |store| store.find_case_record(id)).await?;
    let record = record.filter(|record| reaches(caller, &territory, &record.case)).ok_or_else(missing)?;
    send(record, look, offer)
}

/// Sends an incident as it is in the store. Its tag begins with its version, which writes are held to.
///
/// # Errors
/// A reference system that cannot express its place.
pub fn send(record: CaseRecord, look: &Look, offer: Offer) -> Result<Response, Problem> {
    let version = record.state().map(|state| CaseTag(state.version).to_feature());
    let id = record.case.id.to_string();
    let source = CaseSource::new(vec![record.case]);
    let mut bytes = Vec::new();
    look.write(&source, 0, &mut bytes).map_err(|e| to_problem(&e))?;
    let links = feature_links(look, &source.id(0));
    let response = send_json(&id, bytes, &links, offer, true)?;
    let response = version.into_iter().fold(response, at_version);
    Ok(with_crs(response, look.shift, look.crs.as_ref()))
}

/// The incidents of a page, and what lies around it.
struct FoundCases {
    cases: Vec<Case>,
    has_next: bool,
    has_prev: bool,
    matched: usize,
}

impl FoundCases {
    fn of(page: CasePage, query: &ItemsQuery) -> Self {
        let matched = page.matched.expect("the filter asks for the count");
        Self { cases: page.cases, has_next: page.has_more, has_prev: query.after.is_some(), matched }
    }
}

/// A look at all incidents, some at a time, of which only those of the page are kept.
struct Scan<'s> {
    store: &'s dyn Store,
    asked: &'s Asked,
    side: &'s Side,
    limit: usize,
    until: Instant,
}

impl Scan<'_> {
    fn run(&self, filter: CaseFilter) -> Result<Result<FoundCases, Problem>, StoreError> {
        let mut filter = CaseFilter { after: None, limit: CASES_AT_ONCE, counts: false, ..filter };
        let mut found = FoundCases { cases: Vec::new(), has_next: false, has_prev: false, matched: 0 };
        loop {
            let page = self.store.load_cases(&filter)?;
            filter.after = page.cases.last().map(|case| case.id);
            if let Err(problem) = self.take(page.cases, &mut found) {
                return Ok(Err(problem));
            }
            if !page.has_more {
                return Ok(Ok(found));
            }
        }
    }

    /// Keeps what of more incidents may stand on the page.
    fn take(&self, cases: Vec<Case>, found: &mut FoundCases) -> Result<(), Problem> {
        let source = CaseSource::new(cases);
        // Box and time were looked at by the store.
        let area = self.asked.area.as_ref().filter(|area| matches!(area, Area::Polygon(_)));
        let wanted = Wanted { area, span: None, filter: self.asked.filter.as_ref(), until: self.until };
        let matched = select(&source, &wanted)?;
        found.matched += matched.len();
        let is_wanted: FxHashSet<usize> = matched.into_iter().collect();
        let new = source.cases.into_iter().enumerate().filter(|(at, _)| is_wanted.contains(at)).map(|(_, case)| case);
        let source = CaseSource::new(std::mem::take(&mut found.cases).into_iter().chain(new).collect());
        let order = &self.asked.order;
        let mut kept: Vec<usize> = (0..source.len()).collect();
        order.sort(&source, &mut kept);
        let (at_mark, is_before) = match self.side {
            Side::All => (0, false),
            Side::After(mark) => (kept.partition_point(|at| order.compare(&source, *at, mark) != Ordering::Greater), false),
            Side::Before(mark) => (kept.partition_point(|at| order.compare(&source, *at, mark) == Ordering::Less), true),
        };
        let range = if is_before { at_mark.saturating_sub(self.limit)..at_mark } else { at_mark..(at_mark + self.limit).min(kept.len()) };
        found.has_prev |= range.start > 0;
        found.has_next |= range.end < kept.len();
        let mut on_page: Vec<usize> = kept[range].to_vec();
        on_page.sort_unstable();
        let mut on_page = on_page.into_iter().peekable();
        let mut cases = source.cases;
        let mut at = 0;
        cases.retain(|_| {
            at += 1;
            on_page.next_if_eq(&(at - 1)).is_some()
        });
        found.cases = cases;
        Ok(())
    }
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

fn to_filter(query: &ItemsQuery, asked: &Asked, limit: usize, territory: Territory) -> Result<CaseFilter, Problem> {
    for (name, is_given) in [("name", query.name.is_some()), ("parent", query.parent.is_some())] {
        if is_given {
            return Err(Problem::parameter(name, "is not a parameter of incidents"));
        }
    }
    let after = query.after.as_deref().filter(|_| asked.order.is_by_key()).map(Uuid::try_parse).transpose();
    let after = after.map_err(|_| Problem::parameter("after", "is not the id of an incident"))?;
    // One box, or two that meet at the antimeridian.
    let bbox = match &asked.area {
        Some(Area::Boxes(boxes)) => boxes.first().zip(boxes.last()).map(|(a, b)| [a.min().x, a.min().y, b.max().x, b.max().y]),
        _ => None,
    };
    require_prefix(&territory, query.code.as_deref())?;
    // The store takes the end as excluded; a microsecond more, the finest it keeps, includes it.
    let to = query.datetime.and_then(|span| span.to).map(|to| to.saturating_add(jiff::SignedDuration::from_micros(1)));
    let reported_to = to.transpose().map_err(|e| Problem::parameter("datetime", e.to_string()))?;
    Ok(CaseFilter {
        after: after.map(CaseId),
        bbox,
        territory,
        grid_prefix: query.code.clone(),
        reported_from: query.datetime.and_then(|span| span.from),
        reported_to,
        ..CaseFilter::first(limit)
    })
}
