use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::super::incidents::INCIDENTS;
use super::super::responsibilities::RESPONSIBILITIES;
use super::super::roster::ROSTER;
use super::definition::{
    BodyHeaders, BodyProblems, CollectionPath, DeleteQuery, FeatureInput, FeaturePatch, FeaturePath, VersionHeader, VersionMissing,
    WriteProblems, WriteQuery,
};
use super::incidents::CaseWrite;
use super::roster::RosterWrite;
use super::units::{UnitWrite, refuse_published};
use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::boundary::GenerationId;

/// What a write of a new feature comes with, of one that is there, and the end of one. The definition has their parts by itself: from
/// the arguments of a handler each would be told twice.
type CollectionWrite = (State<AppState>, Path<String>, Query<WriteQuery>, Caller, BaseUrl, HeaderMap, Bytes);
type ItemWrite = (State<AppState>, Path<(String, String)>, Query<WriteQuery>, Caller, BaseUrl, HeaderMap, Bytes);
type ItemEnd = (State<AppState>, Path<(String, String)>, Query<DeleteQuery>, Caller, BaseUrl, HeaderMap);

/// Creates a feature: a unit of a draft, which is drawn out of those that have its ground.
///
/// The body's geometry is brought to borders that it comes near to. Without `code` the first that is free below the parent is given.
#[utoipa::path(
    post,
    operation_id = "create_item",
    path = "/collections/{collectionId}/items",
    tag = "features",
    params(CollectionPath, WriteQuery, BodyHeaders, VersionHeader),
    request_body(content((FeatureInput = "application/geo+json"), (FeatureInput = "application/json"))),
    security(("key" = [])),
    responses(
        (status = 201, description = "The feature, which is durable; `Location` is its address", headers(
            ("Location" = String, description = "The address of the feature"),
            ("ETag" = String, description = "Its version"),
        ), content((serde_json::Value = "application/geo+json"))),
        WriteProblems,
        BodyProblems,
    )
)]
pub async fn create_item(write: CollectionWrite) -> Result<Response, Problem> {
    let (State(state), Path(id), Query(query), caller, base, headers, bytes) = write;
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
        FeaturePath,
        WriteQuery,
        BodyHeaders,
        VersionHeader,
        ("If-None-Match" = Option<String>, Header, description = "`*` to create the unit of this code, and never to replace one"),
    ),
    request_body(content((FeatureInput = "application/geo+json"), (FeatureInput = "application/json"))),
    security(("key" = [])),
    responses(
        (status = 200, description = "The feature as it is now", content((serde_json::Value = "application/geo+json"))),
        (status = 201, description = "The feature that was created", content((serde_json::Value = "application/geo+json"))),
        (status = 204, description = "Done, where no feature was wanted in the answer"),
        WriteProblems,
        BodyProblems,
        VersionMissing,
    )
)]
pub async fn replace_item(write: ItemWrite) -> Result<Response, Problem> {
    write_item(write, true).await
}

/// Changes a feature in part: of a unit of a draft its shape, code, name or parent. What is left out stays.
#[utoipa::path(
    patch,
    operation_id = "update_item",
    path = "/collections/{collectionId}/items/{featureId}",
    tag = "features",
    params(FeaturePath, WriteQuery, BodyHeaders, VersionHeader),
    request_body(content(
        (FeaturePatch = "application/merge-patch+json"), (FeaturePatch = "application/json"), (FeaturePatch = "application/geo+json")
    )),
    security(("key" = [])),
    responses(
        (status = 200, description = "The feature as it is now", content((serde_json::Value = "application/geo+json"))),
        (status = 204, description = "Done, where no feature was wanted in the answer"),
        WriteProblems,
        BodyProblems,
        VersionMissing,
    )
)]
pub async fn update_item(write: ItemWrite) -> Result<Response, Problem> {
    write_item(write, false).await
}

/// Writes one feature, by a body that says all of it or a part.
async fn write_item(write: ItemWrite, is_whole: bool) -> Result<Response, Problem> {
    let (State(state), Path((id, feature)), Query(query), caller, base, headers, bytes) = write;
    match Target::find(&state, &id, query.draft, &caller, &base).await? {
        Target::Incidents => CaseWrite { state, caller, base, headers }.change(&feature, &bytes, is_whole).await,
        Target::Roster => RosterWrite { state, caller, base, headers }.replace(&feature, &bytes, is_whole).await,
        Target::Units(draft) => {
            let unit = UnitWrite { state, caller, base, collection: id, draft, headers };
            if is_whole { unit.replace(feature, &bytes).await } else { unit.update(feature, &bytes).await }
        }
    }
}

/// Deletes a feature: a unit of a draft ends, and its ground goes to another.
#[utoipa::path(
    delete,
    operation_id = "delete_item",
    path = "/collections/{collectionId}/items/{featureId}",
    tag = "features",
    params(FeaturePath, DeleteQuery, VersionHeader),
    security(("key" = [])),
    responses(
        (status = 200, description = "The incident, which is void and stays, or the row of the roster with its end", content((serde_json::Value = "application/geo+json"))),
        (status = 204, description = "Done; `ETag` is that of the draft"),
        WriteProblems,
        VersionMissing,
    )
)]
pub async fn delete_item(write: ItemEnd) -> Result<Response, Problem> {
    let (State(state), Path((id, feature)), Query(query), caller, base, headers) = write;
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
