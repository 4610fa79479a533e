use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use super::me::PersonView;
use super::place::PlaceQuery;
use super::positions::kept_since;
use crate::api::caller::Caller;
use crate::api::cases::require_cases;
use crate::api::document::Document;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values, finite};
use crate::api::state::AppState;
use crate::dispatch::{Assignment, Rules, WorkerId, distance_m};
use crate::snapshot::ACCURACY_M_MAX;
use crate::store::{CaseFilter, Store};

const LIMIT_DEFAULT: usize = 5;
const LIMIT_MAX: usize = 100;

/// How far workers are looked for where the caller does not say, metres.
const DISTANCE_M_DEFAULT: f64 = 3_000.0;

/// Who is looked for.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NearestQuery {
    /// Only those who have this skill, and it has not expired.
    skill: Option<String>,
    /// Only those who have the skill that this category needs, where it needs one.
    category: Option<String>,
    /// Workers in the answer, at most 100; by default 5.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// Only those as near as this, metres; by default 3,000.
    #[param(minimum = 0, maximum = 50000)]
    distance_m_max: Option<f64>,
}

impl FromQuery for NearestQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |name: &str| values.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let (skill, category) = (text("skill"), text("category"));
        let limit = values.optional("limit", |text| match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
            _ => Err(format!("{text:?} is not a whole number of at least 1")),
        });
        let distance_m_max = values.optional("distance_m_max", |text| match finite(text) {
            Ok(metres) if (0.0..=ACCURACY_M_MAX).contains(&metres) => Ok(metres),
            _ => Err(format!("{text:?} is not a number from 0 to {ACCURACY_M_MAX}")),
        });
        Some(Self { skill, category, limit, distance_m_max })
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NearestWorkers {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The skill that the category needs; left out where none was named, or it needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// Those on duty now, the nearest first.
    pub workers: Vec<NearWorker>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NearWorker {
    pub worker: PersonView,
    /// The unit that the worker holds.
    pub unit: String,
    pub post: &'static str,
    pub distance_m: f64,
    /// `position` where it is the distance to where the worker was seen last, `unit` where it is that to the unit.
    pub by: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<Timestamp>,
    pub open_cases: usize,
    pub skills: Vec<String>,
}

/// Who is on duty near a place: by where they were seen last, where they agreed to that, else by the units that they hold.
#[utoipa::path(
    get,
    operation_id = "list_nearest_workers",
    path = "/v1/workers/nearest",
    tag = "keepers",
    params(PlaceQuery, NearestQuery),
    security(("key" = [])),
    responses((status = 200, description = "The workers", body = NearestWorkers))
)]
pub async fn list_nearest_workers(
    State(state): State<AppState>,
    Query((place, query)): Query<(PlaceQuery, NearestQuery)>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_cases(&caller)?;
    let (_, question) = place.ask(&state, &caller).await?;
    let at = Timestamp::now();
    let since = kept_since(&state, at);
    let read = move |store: &dyn Store| Ok((store.load_positions(since)?, store.count_open_cases(&CaseFilter::first(0), 0)?));
    let (positions, counts) = state.with_store(read).await?;
    let mut skills_of: FxHashMap<WorkerId, Vec<String>> = FxHashMap::default();
    for skill in state.skills().iter().filter(|skill| skill.holds(at)) {
        skills_of.entry(skill.worker.clone()).or_default().push(skill.name.clone());
    }
    let counts: FxHashMap<WorkerId, usize> = counts.into_iter().collect();
    let snapshot = state.snapshot()?;
    let roster = snapshot.roster();
    let here = question.position();
    let reach_m = query.distance_m_max.unwrap_or(DISTANCE_M_DEFAULT);
    let lookup = question.reaching(reach_m);
    let answer = snapshot.answer(&lookup).map_err(|e| Problem::internal(&e))?;
    let needed = match &query.category {
        Some(category) => skill_of(snapshot.rules(at), category, at).map_err(|detail| Problem::parameter("category", detail))?,
        None => None,
    };
    let has_skill = |worker: &WorkerId| {
        let has = |skill: &String| skills_of.get(worker).is_some_and(|known| known.contains(skill));
        query.skill.iter().chain(&needed).all(has)
    };
    // Whose units the key does not reach is not told.
    let territory = state.territory(caller.scope())?;
    let on_duty = |post: &&Assignment| roster.is_on_shift(post, at) && territory.has(&post.unit) && has_skill(&post.worker);
    let mut found: Vec<(f64, &'static str, Option<Timestamp>, &Assignment)> = Vec::new();
    for seen in &positions {
        let far_m = distance_m(here, seen.position);
        let post = roster.posts_of(&seen.worker, at).find(on_duty);
        found.extend(post.filter(|_| far_m <= reach_m).map(|post| (far_m, "position", Some(seen.at), post)));
    }
    let seen: FxHashSet<&WorkerId> = positions.iter().map(|seen| &seen.worker).collect();
    let own = answer.path().map(|unit| (0.0, &unit.code));
    let near = answer.located.alternatives.iter().filter(|other| other.distance_m <= reach_m);
    let near = near.map(|other| (other.distance_m, &answer.neighbour(other).code));
    for (far_m, unit) in own.chain(near) {
        let posts = roster.assignments(unit).iter().filter(on_duty).filter(|post| !seen.contains(&post.worker));
        found.extend(posts.map(|post| (far_m, "unit", None, post)));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.3.post, &a.3.worker).cmp(&(b.3.post, &b.3.worker))));
    let mut told: FxHashSet<&WorkerId> = FxHashSet::default();
    let first = found.into_iter().filter(|(.., post)| told.insert(&post.worker)).take(query.limit.unwrap_or(LIMIT_DEFAULT));
    let workers = first.filter_map(|(distance_m, by, seen_at, post)| {
        Some(NearWorker {
            worker: PersonView::new(roster.worker(&post.worker)?),
            unit: post.unit.to_string(),
            post: post.post.as_str(),
            distance_m,
            by,
            seen_at,
            open_cases: counts.get(&post.worker).copied().unwrap_or_default(),
            skills: skills_of.get(&post.worker).cloned().unwrap_or_default(),
        })
    });
    let body = NearestWorkers { at, skill: needed, workers: workers.collect() };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Returns the skill that a category needs; until categories are loaded any category is taken.
fn skill_of(rules: Rules<'_>, category: &str, at: Timestamp) -> Result<Option<String>, String> {
    if !rules.has_categories() {
        return Ok(None);
    }
    let asked = rules.find(category, true).map_err(|error| error.to_string())?;
    Ok(asked.category.skill_at(at).map(str::to_owned))
}
