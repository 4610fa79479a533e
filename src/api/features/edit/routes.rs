use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;

use super::super::incidents::INCIDENTS;
use super::super::responsibilities::RESPONSIBILITIES;
use super::super::roster::ROSTER;
use super::incidents::CaseWrite;
use super::roster::RosterWrite;
use super::units::{UnitWrite, refuse_published};
use crate::api::as_of::{parse_generation, parse_time};
use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::media::{FEATURES, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::boundary::{GenerationId, UnitCode};

/// Where a feature is written.
#[derive(Clone, Copy, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WriteQuery {
    /// The draft whose units are written; `/v1/drafts` begins one. What is published is not written to.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub draft: Option<GenerationId>,
}

impl FromQuery for WriteQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { draft: values.optional("draft", parse_generation) })
    }
}

/// What becomes of a feature that is deleted.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// As for other writes.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub draft: Option<GenerationId>,
    /// The code of the unit that gets the ground of one that is deleted; by default the unit of the same parent, and not locked, with
    /// the longest border.
    #[param(value_type = Option<String>)]
    pub into: Option<UnitCode>,
    /// Why a case is voided, which is what deleting an incident does.
    pub reason: Option<String>,
    /// When a row of the roster ends, RFC 3339, which is what deleting it does; now by default.
    #[param(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

impl FromQuery for DeleteQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let draft = values.optional("draft", parse_generation);
        let reason = values.optional("reason", |reason| Ok::<_, String>(reason.to_owned()));
        Some(Self { draft, into: values.optional("into", UnitCode::parse), reason, at: values.optional("at", parse_time) })
    }
}

/// A feature of GeoJSON. Of units `code`, `name` and `parent` are taken from the properties, of the others those that differ from what
/// is kept are refused.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member")]
#[schema(as = FeatureInput)]
pub struct FeatureInput {
    /// `Feature`.
    #[schema(pattern = "^Feature$")]
    r#type: String,
    /// Not taken of a new feature; of one that is replaced it has to be its own.
    #[schema(value_type = Option<Object>)]
    id: Option<Value>,
    /// A geometry in the reference system of `Content-Crs`, CRS84 by default.
    #[schema(value_type = Object)]
    geometry: Value,
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// What is to change of a feature, as a JSON Merge Patch (RFC 7396): what is left out stays.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member")]
#[schema(as = FeaturePatch)]
pub struct FeaturePatch {
    #[schema(value_type = Option<Object>)]
    geometry: Option<Value>,
    #[schema(value_type = Option<Object>)]
    properties: Option<Value>,
}

/// Creates a feature: a unit of a draft, which is drawn out of those that have its ground.
///
/// The body's geometry is brought to borders that it comes near to. Without `code` the first that is free below the parent is given.
#[utoipa::path(
    post,
    operation_id = "create_item",
    path = "/collections/{collectionId}/items",
    tag = "features",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`, or `roster`"),
        WriteQuery,
        ("Content-Crs" = Option<String>, Header, description = "The reference system of the geometry, in angle brackets"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the draft, where the unit is to be created in that revision alone"),
        ("Prefer" = Option<String>, Header, description = "`return=minimal` for an answer without the feature"),
    ),
    request_body(content((FeatureInput = "application/geo+json"), (FeatureInput = "application/json"))),
    security(("key" = [])),
    responses(
        (status = 201, description = "The feature, which is durable; `Location` is its address", headers(
            ("Location" = String, description = "The address of the feature"),
            ("ETag" = String, description = "Its version"),
        ), content((serde_json::Value = "application/geo+json"))),
        (status = 409, description = "The collection is published and so read-only, or the draft is closed", content_type = "application/problem+json"),
        (status = 412, description = "The draft is at another revision; `since` has what was done", content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", content_type = "application/problem+json"),
        (status = 415, description = "The body is of another type", content_type = "application/problem+json"),
        (status = 422, description = "It would tear the coverage: `reason`, `units`, `place` and `remedy`", content_type = "application/problem+json"),
    )
)]
pub async fn create_item(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<WriteQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    // What a client would rather read is no reason to turn away what it writes: OWSLib asks for XML with every POST.
    match Target::find(&state, &id, query.draft, &caller, &base).await? {
        Target::Incidents => CaseWrite { state, caller, base, headers }.create(&bytes).await,
        Target::Roster => RosterWrite { state, caller, base, headers }.create(&bytes).await,
        Target::Units(draft) => UnitWrite { state, caller, base, collection: id, draft, headers }.create(&bytes).await,
    }
}

/// Replaces a feature: the shape, code, name and parent of a unit of a draft. Neighbours give and take ground, so that no gap opens.
#[utoipa::path(
    put,
    operation_id = "replace_item",
    path = "/collections/{collectionId}/items/{featureId}",
    tag = "features",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`, or `roster`"),
        ("featureId" = String, Path, description = "The id of the feature, or the code of the unit"),
        WriteQuery,
        ("Content-Crs" = Option<String>, Header, description = "The reference system of the geometry, in angle brackets"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the feature, or of its draft; needed unless it is to be created"),
        ("If-None-Match" = Option<String>, Header, description = "`*` to create the unit of this code, and never to replace one"),
        ("Prefer" = Option<String>, Header, description = "`return=minimal` for an answer without the feature"),
    ),
    request_body(content((FeatureInput = "application/geo+json"), (FeatureInput = "application/json"))),
    security(("key" = [])),
    responses(
        (status = 200, description = "The feature as it is now", content((serde_json::Value = "application/geo+json"))),
        (status = 201, description = "The feature that was created", content((serde_json::Value = "application/geo+json"))),
        (status = 204, description = "Done, where no feature was wanted in the answer"),
        (status = 409, description = "The collection is published and so read-only, or the draft is closed", content_type = "application/problem+json"),
        (status = 412, description = "The draft is at another revision, or there is no such feature", content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", content_type = "application/problem+json"),
        (status = 415, description = "The body is of another type", content_type = "application/problem+json"),
        (status = 422, description = "It would tear the coverage: `reason`, `units`, `place` and `remedy`", content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", content_type = "application/problem+json"),
    )
)]
pub async fn replace_item(
    State(state): State<AppState>,
    Path((id, feature)): Path<(String, String)>,
    Query(query): Query<WriteQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    negotiate(None, &headers, FEATURES)?;
    match Target::find(&state, &id, query.draft, &caller, &base).await? {
        Target::Incidents => CaseWrite { state, caller, base, headers }.replace(&feature, &bytes).await,
        Target::Roster => RosterWrite { state, caller, base, headers }.replace(&feature, &bytes, true).await,
        Target::Units(draft) => UnitWrite { state, caller, base, collection: id, draft, headers }.replace(feature, &bytes).await,
    }
}

/// Changes a feature in part: of a unit of a draft its shape, code, name or parent. What is left out stays.
#[utoipa::path(
    patch,
    operation_id = "update_item",
    path = "/collections/{collectionId}/items/{featureId}",
    tag = "features",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`, or `roster`"),
        ("featureId" = String, Path, description = "The id of the feature, or the code of the unit"),
        WriteQuery,
        ("Content-Crs" = Option<String>, Header, description = "The reference system of the geometry, in angle brackets"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the feature, or of its draft; needed"),
        ("Prefer" = Option<String>, Header, description = "`return=minimal` for an answer without the feature"),
    ),
    request_body(content(
        (FeaturePatch = "application/merge-patch+json"), (FeaturePatch = "application/json"), (FeaturePatch = "application/geo+json")
    )),
    security(("key" = [])),
    responses(
        (status = 200, description = "The feature as it is now", content((serde_json::Value = "application/geo+json"))),
        (status = 204, description = "Done, where no feature was wanted in the answer"),
        (status = 409, description = "The collection is published and so read-only, or the draft is closed", content_type = "application/problem+json"),
        (status = 412, description = "The draft is at another revision, or there is no such feature", content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", content_type = "application/problem+json"),
        (status = 415, description = "The body is of another type", content_type = "application/problem+json"),
        (status = 422, description = "It would tear the coverage: `reason`, `units`, `place` and `remedy`", content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", content_type = "application/problem+json"),
    )
)]
pub async fn update_item(
    State(state): State<AppState>,
    Path((id, feature)): Path<(String, String)>,
    Query(query): Query<WriteQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    negotiate(None, &headers, FEATURES)?;
    match Target::find(&state, &id, query.draft, &caller, &base).await? {
        Target::Incidents => CaseWrite { state, caller, base, headers }.update(&feature, &bytes).await,
        Target::Roster => RosterWrite { state, caller, base, headers }.replace(&feature, &bytes, false).await,
        Target::Units(draft) => UnitWrite { state, caller, base, collection: id, draft, headers }.update(feature, &bytes).await,
    }
}

/// Deletes a feature: a unit of a draft ends, and its ground goes to another.
#[utoipa::path(
    delete,
    operation_id = "delete_item",
    path = "/collections/{collectionId}/items/{featureId}",
    tag = "features",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`, or `roster`"),
        ("featureId" = String, Path, description = "The id of the feature, or the code of the unit"),
        DeleteQuery,
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the feature, or of its draft; needed"),
    ),
    security(("key" = [])),
    responses(
        (status = 200, description = "The incident, which is void and stays, or the row of the roster with its end", content((serde_json::Value = "application/geo+json"))),
        (status = 204, description = "Done; `ETag` is that of the draft"),
        (status = 409, description = "The collection is published and so read-only, or the draft is closed", content_type = "application/problem+json"),
        (status = 412, description = "The draft is at another revision, or there is no such feature", content_type = "application/problem+json"),
        (status = 422, description = "Nobody could take its ground: `reason`, `units`, `place` and `remedy`", content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", content_type = "application/problem+json"),
    )
)]
pub async fn delete_item(
    State(state): State<AppState>,
    Path((id, feature)): Path<(String, String)>,
    Query(query): Query<DeleteQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match Target::find(&state, &id, query.draft, &caller, &base).await? {
        Target::Incidents => CaseWrite { state, caller, base, headers }.void(&feature, query.reason).await,
        Target::Roster => RosterWrite { state, caller, base, headers }.end(&feature, query.at).await,
        Target::Units(draft) => UnitWrite { state, caller, base, collection: id, draft, headers }.delete(feature, query.into).await,
    }
}

/// What is written to.
enum Target {
    Incidents,
    Roster,
    /// The units of a draft.
    Units(GenerationId),
}

impl Target {
    /// Finds what a collection's id stands for, and sees that the caller may write to it at all.
    async fn find(
        state: &AppState,
        collection: &str,
        draft: Option<GenerationId>,
        caller: &Caller,
        base: &BaseUrl,
    ) -> Result<Self, Problem> {
        let is_read = collection == RESPONSIBILITIES || state.table(collection).is_some();
        match draft {
            Some(_) if is_read || collection == INCIDENTS || collection == ROSTER => {
                Err(Problem::parameter("draft", format!("is not a parameter of {collection}")))
            }
            _ if is_read => Err(Problem::new(ProblemKind::MethodNotAllowed, format!("the collection {collection} is read alone"))),
            _ if collection == INCIDENTS => Ok(Self::Incidents),
            _ if collection == ROSTER => Ok(Self::Roster),
            Some(draft) => caller.require_planner("drafts").map(|()| Self::Units(draft)),
            None => Err(refuse_published(state, collection, caller, base).await),
        }
    }
}
