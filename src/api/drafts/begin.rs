use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{require, store_problem, to_problem, with_draft};
use super::edit::now;
use super::look::send;
use super::tag::DraftName;
use super::views::DraftView;
use crate::api::as_of::default_layer;
use crate::api::caller::Caller;
use crate::api::cases::Body;
use crate::api::document::Document;
use crate::api::links::{BaseUrl, Link};
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::boundary::{Generation, GenerationId, GenerationState, LayerName};
use crate::history::beginning_of;
use crate::snapshot::LayerHistory;
use crate::store::{DraftEntryKind, DraftStanding, Store};

const TITLE_CHARS_MAX: usize = 200;

/// Drafts on one page, where a request does not say, and at most.
const DRAFTS_DEFAULT: usize = 100;
const DRAFTS_MAX: usize = 1_000;

/// What a draft is begun with.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[serde(deny_unknown_fields)]
pub struct DraftBody {
    /// `grid` by default, or the only layer there is.
    layer: Option<String>,
    /// The generation or draft that it begins as; the newest published by default.
    from: Option<u32>,
    title: Option<String>,
    /// When it is meant to take effect: RFC 3339, or a date such as `2027-01-01`, which begins at midnight in the time zone of the office;
    /// now by default.
    effective_from: Option<String>,
    /// The property of the finest units that says how heavy they are; that of the draft that it begins from by default.
    load_field: Option<String>,
}

/// Which drafts are listed.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DraftsQuery {
    /// Only those of this layer.
    #[param(value_type = Option<String>)]
    pub layer: Option<LayerName>,
    /// Only those that are `open`, `approved`, `published` or `withdrawn`.
    #[param(pattern = "^(open|approved|published|withdrawn)$")]
    pub state: Option<String>,
    /// Only those that were begun before this one.
    #[param(value_type = Option<String>)]
    pub after: Option<DraftName>,
    /// At most so many; 100 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

impl FromQuery for DraftsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let state = |text: &str| match text {
            "open" | "approved" | "published" | "withdrawn" => Ok(text.to_owned()),
            _ => Err(format!("{text:?} is none of open, approved, published and withdrawn")),
        };
        let name = |text: &str| DraftName::parse(text).map_err(|_| format!("{text:?} is no id of a draft"));
        let limit = |text: &str| match text.parse() {
            Ok(limit @ 1..=DRAFTS_MAX) => Ok(limit),
            _ => Err(format!("{text:?} is no number from 1 to {DRAFTS_MAX}")),
        };
        Some(Self {
            layer: values.optional("layer", LayerName::parse),
            state: values.optional("state", state),
            after: values.optional("after", name),
            limit: values.optional("limit", limit),
        })
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftList {
    /// The newest first.
    pub drafts: Vec<DraftHead>,
    /// Whether there are older ones, to which the link `next` leads.
    pub has_more: bool,
    pub links: Vec<Link>,
}

/// A draft as a list tells of it; the draft itself says more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftHead {
    pub id: String,
    pub layer: String,
    pub number: u32,
    pub revision: u32,
    pub state: &'static str,
    pub title: String,
    pub author: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub effective_from: Timestamp,
    /// The generation that it was made on.
    pub base: Option<u32>,
    pub links: Vec<Link>,
}

/// Begins a draft of new boundaries as a copy of a generation, or of another draft.
#[utoipa::path(
    post,
    operation_id = "begin_draft",
    path = "/v1/drafts",
    tag = "drafts",
    request_body(content = DraftBody, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 201, description = "The draft", body = DraftView),
        (status = 409, description = "Something was published since the draft that it is to begin from was begun", content_type = "application/problem+json"),
        (status = 422, description = "The generation cannot be edited, as overlaps were accepted of it", content_type = "application/problem+json"),
    )
)]
pub async fn begin_draft(
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let known = state.snapshots()?;
    let mut body = Body::read(&headers, &bytes, &["layer", "from", "title", "effective_from", "load_field"])?;
    let layer = body.parsed("layer", LayerName::parse).unwrap_or_else(|| default_layer(&known[0]));
    let from = body.number("from");
    let (title, effective_from) = (body.text("title", TITLE_CHARS_MAX), body.time_or_date("effective_from", &state.config().time_zone));
    let load_field = body.text("load_field", TITLE_CHARS_MAX);
    body.finish()?;
    require(&caller, &layer)?;
    let history = known[0].history(&layer).cloned().ok_or_else(|| Problem::member("layer", format!("there is no layer {layer}")))?;
    let from = from.map(|from| GenerationId(u32::try_from(from).unwrap_or(u32::MAX)));
    let author = caller.author();
    let made = state
        .with_store(move |store| {
            let wanted = Wanted { from, title, effective_from, load_field, author };
            Ok(begin(store, &history, &wanted))
        })
        .await??;
    let id = made.to_string();
    let response = with_draft(&state, &caller, &id, {
        let base = base.clone();
        move |session, _| send(session, &DraftView::new(session, &base, true))
    })
    .await?;
    let mut response = response;
    *response.status_mut() = StatusCode::CREATED;
    let location = base.to(&format!("/v1/drafts/{id}"));
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location).map_err(|error| Problem::internal(&error))?);
    Ok(response)
}

/// The drafts, with where each stands, the newest first.
#[utoipa::path(
    get,
    operation_id = "list_drafts",
    path = "/v1/drafts",
    tag = "drafts",
    params(DraftsQuery),
    security(("key" = [])),
    responses((status = 200, description = "The drafts", body = DraftList))
)]
pub async fn list_drafts(
    State(state): State<AppState>,
    Query(query): Query<DraftsQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    caller.require_planner("drafts")?;
    let known = state.snapshots()?;
    let layers: Vec<LayerName> = known[0].histories().iter().map(|history| history.layer.clone()).collect();
    let layers: Vec<LayerName> = layers.into_iter().filter(|layer| caller.reaches_layer(layer)).collect();
    let layers: Vec<LayerName> = layers.into_iter().filter(|layer| query.layer.as_ref().is_none_or(|wanted| wanted == layer)).collect();
    let mut heads = state
        .with_store(move |store| {
            let mut heads = Vec::new();
            for layer in &layers {
                let standings = store.load_draft_standings(layer)?;
                let drafts = store.load_generations(layer)?.into_iter().filter(|known| known.state == GenerationState::Draft);
                heads.extend(drafts.map(|draft| {
                    let standing = standings.binary_search_by_key(&draft.id, |standing| standing.draft).ok().map(|at| standings[at]);
                    (draft, standing)
                }));
            }
            Ok(heads)
        })
        .await?;
    // Of two that were begun together, the one with the larger number was written last.
    heads.sort_by(|(a, _), (b, _)| (b.created_at, b.id, &b.layer).cmp(&(a.created_at, a.id, &a.layer)));
    let start = match &query.after {
        None => 0,
        Some(after) => {
            let at = heads.iter().position(|(draft, _)| draft.layer == after.layer && draft.id == after.number);
            at.ok_or_else(|| Problem::parameter("after", format!("there is no draft {after}")))? + 1
        }
    };
    let limit = query.limit.unwrap_or(DRAFTS_DEFAULT);
    let wanted = |state: &str| query.state.as_deref().is_none_or(|wanted| wanted == state);
    let heads = heads[start..].iter().map(|(draft, standing)| head(draft, *standing, &base)).filter(|head| wanted(head.state));
    let mut drafts: Vec<DraftHead> = heads.take(limit + 1).collect();
    let has_more = drafts.len() > limit;
    drafts.truncate(limit);
    let mut links = vec![Link::new(base.to("/v1/drafts"), "self", "application/json")];
    if let Some(last) = drafts.last().filter(|_| has_more) {
        let layer = query.layer.as_ref().map(|layer| format!("&layer={layer}")).unwrap_or_default();
        let of_state = query.state.as_ref().map(|state| format!("&state={state}")).unwrap_or_default();
        let next = format!("/v1/drafts?limit={limit}{layer}{of_state}&after={}", last.id);
        links.push(Link::new(base.to(&next), "next", "application/json").titled("Older drafts"));
    }
    let bytes = serde_json::to_vec(&DraftList { drafts, has_more, links }).map_err(|error| Problem::internal(&error))?;
    Ok(Document::new(JSON.media, bytes).private(true).into_response())
}

fn head(draft: &Generation, standing: Option<DraftStanding>, base: &BaseUrl) -> DraftHead {
    let id = DraftName { layer: draft.layer.clone(), number: draft.id }.to_string();
    DraftHead {
        layer: draft.layer.to_string(),
        number: draft.id.0,
        revision: standing.map_or(0, |standing| standing.revision),
        state: state_of(standing),
        title: draft.note.clone(),
        author: draft.author.clone(),
        created_at: draft.created_at,
        effective_from: draft.effective_from,
        base: draft.origin().map(|origin| origin.0),
        links: vec![Link::new(base.to(&format!("/v1/drafts/{id}")), "item", "application/json")],
        id,
    }
}

/// Says where a draft stands from the last entry of its log that decided anything.
fn state_of(standing: Option<DraftStanding>) -> &'static str {
    match standing.and_then(|standing| standing.decided) {
        Some(DraftEntryKind::Publish) => "published",
        Some(DraftEntryKind::Withdraw) => "withdrawn",
        Some(DraftEntryKind::Approve) => "approved",
        Some(DraftEntryKind::Apply | DraftEntryKind::Undo | DraftEntryKind::Redo | DraftEntryKind::Open) | None => "open",
    }
}

struct Wanted {
    from: Option<GenerationId>,
    title: String,
    effective_from: Option<Timestamp>,
    load_field: String,
    author: String,
}

fn begin(store: &dyn Store, history: &LayerHistory, wanted: &Wanted) -> Result<DraftName, Problem> {
    let at = now();
    let begun = beginning_of(store, history, wanted.from).and_then(|begun| begun.with_load_field(Some(&wanted.load_field)));
    let begun = begun.map_err(|error| to_problem(&error))?;
    let publication = begun.publication(&wanted.title, &wanted.author, wanted.effective_from, at);
    let made = store.publish(publication).map_err(|error| store_problem(&error))?;
    for entry in begun.entries(&made) {
        store.add_draft_entry(&entry).map_err(|error| store_problem(&error))?;
    }
    Ok(DraftName { layer: made.layer, number: made.id })
}
