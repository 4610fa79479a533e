use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{drafts_of, require, store_problem, to_problem, with_draft};
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
use crate::boundary::{GenerationId, LayerName};
use crate::history::beginning_of;
use crate::snapshot::LayerHistory;
use crate::store::{DraftEntry, DraftEntryKind, Store};

const TITLE_CHARS_MAX: usize = 200;

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
    /// When it is meant to take effect, RFC 3339; now by default.
    effective_from: Option<String>,
    /// The property of the finest units that says how heavy they are.
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
}

impl FromQuery for DraftsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let state = |text: &str| match text {
            "open" | "approved" | "published" | "withdrawn" => Ok(text.to_owned()),
            _ => Err(format!("{text:?} is none of open, approved, published and withdrawn")),
        };
        Some(Self { layer: values.optional("layer", LayerName::parse), state: values.optional("state", state) })
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftList {
    pub drafts: Vec<DraftHead>,
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
    let (title, effective_from) = (body.text("title", TITLE_CHARS_MAX), body.time("effective_from"));
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

/// The drafts, with where each stands.
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
    let (wanted, links) = (query.state, vec![Link::new(base.to("/v1/drafts"), "self", "application/json")]);
    let heads = state
        .with_store(move |store| {
            let mut heads = Vec::new();
            for layer in layers.iter().filter(|layer| query.layer.as_ref().is_none_or(|wanted| wanted == *layer)) {
                let generations = store.load_generations(layer)?;
                for draft in drafts_of(store, layer)? {
                    let Some(generation) = generations.iter().find(|generation| generation.id == draft) else { continue };
                    let entries = store.load_draft_entries(layer, draft, 0)?;
                    let id = DraftName { layer: layer.clone(), number: draft }.to_string();
                    heads.push(DraftHead {
                        layer: layer.to_string(),
                        number: draft.0,
                        revision: entries.last().map_or(0, |last| last.revision),
                        state: state_of(&entries),
                        title: generation.note.clone(),
                        author: generation.author.clone(),
                        created_at: generation.created_at,
                        effective_from: generation.effective_from,
                        base: generation.origin().map(|origin| origin.0),
                        links: vec![Link::new(base.to(&format!("/v1/drafts/{id}")), "item", "application/json")],
                        id,
                    });
                }
            }
            Ok(heads)
        })
        .await?;
    let drafts = heads.into_iter().filter(|head| wanted.as_deref().is_none_or(|wanted| wanted == head.state)).collect();
    let bytes = serde_json::to_vec(&DraftList { drafts, links }).map_err(|error| Problem::internal(&error))?;
    Ok(Document::new(JSON.media, bytes).private(true).into_response())
}

/// Says where a draft stands from its log alone.
fn state_of(entries: &[DraftEntry]) -> &'static str {
    let told = entries.iter().rev().find_map(|entry| match entry.kind {
        DraftEntryKind::Publish => Some("published"),
        DraftEntryKind::Withdraw => Some("withdrawn"),
        DraftEntryKind::Approve => Some("approved"),
        DraftEntryKind::Apply | DraftEntryKind::Undo | DraftEntryKind::Redo => Some("open"),
        DraftEntryKind::Open => None,
    });
    told.unwrap_or("open")
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
    let begun = beginning_of(store, history, wanted.from).map_err(|error| to_problem(&error))?;
    let publication = begun.publication(&wanted.title, &wanted.author, wanted.effective_from, at);
    let made = store.publish(publication).map_err(|error| store_problem(&error))?;
    let load_field = Some(wanted.load_field.as_str()).filter(|field| !field.is_empty());
    store.add_draft_entry(&begun.entry(&made, load_field)).map_err(|error| store_problem(&error))?;
    Ok(DraftName { layer: made.layer, number: made.id })
}
