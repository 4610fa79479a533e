//! What the API definition tells of writes, told once for all of them.

use jiff::Timestamp;
use serde_json::Value;

use crate::api::as_of::{parse_generation, parse_time};
use crate::api::query::{FromQuery, Values};
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
    /// A geometry in the reference system of `Content-Crs`, CRS84 by default; null where a collection has none of its own, as the roster.
    #[schema(value_type = Option<Object>, required)]
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

/// The collection that is written to.
#[derive(Debug, utoipa::IntoParams)]
#[expect(dead_code, reason = "written for the API definition; a path is read part by part")]
#[into_params(parameter_in = Path)]
pub struct CollectionPath {
    /// The level, or `layer.level`, or `incidents`, or `roster`
    #[param(rename = "collectionId")]
    collection: String,
}

/// The feature that is written.
#[derive(Debug, utoipa::IntoParams)]
#[expect(dead_code, reason = "written for the API definition; a path is read part by part")]
#[into_params(parameter_in = Path)]
pub struct FeaturePath {
    /// The level, or `layer.level`, or `incidents`, or `roster`
    #[param(rename = "collectionId")]
    collection: String,
    /// The id of the feature, or the code of the unit
    #[param(rename = "featureId")]
    feature: String,
}

/// What is said of a body beside its type.
#[derive(Debug, utoipa::IntoParams)]
#[expect(dead_code, reason = "written for the API definition; headers are read where they are needed")]
#[into_params(parameter_in = Header)]
pub struct BodyHeaders {
    /// The reference system of the geometry, in angle brackets
    #[param(rename = "Content-Crs")]
    content_crs: Option<String>,
    /// `return=minimal` for an answer without the feature
    #[param(rename = "Prefer")]
    prefer: Option<String>,
}

/// Which version a write is about.
#[derive(Debug, utoipa::IntoParams)]
#[expect(dead_code, reason = "written for the API definition; headers are read where they are needed")]
#[into_params(parameter_in = Header)]
pub struct VersionHeader {
    /// The `ETag` of the feature, or of its draft; needed of a feature that is there, and of one that is created, where it is given, the
    /// version of the draft in which alone that is to be
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// What stands in the way of any write.
#[derive(Debug, utoipa::IntoResponses)]
#[expect(dead_code, reason = "written for the API definition; problems are made where they are met")]
pub enum WriteProblems {
    /// The collection is published and so read-only, the draft is closed, or no move of the case does this
    #[response(status = 409)]
    Conflict,
    /// The version is another by now, or there is no such feature; of a draft `since` has what was done
    #[response(status = 412)]
    Changed,
    /// It would tear the coverage, or break another rule: `reason`, `units`, `place` and `remedy`
    #[response(status = 422)]
    Refused,
}

/// What is wrong with a body as such.
#[derive(Debug, utoipa::IntoResponses)]
#[expect(dead_code, reason = "written for the API definition; problems are made where they are met")]
pub enum BodyProblems {
    /// The body is too large
    #[response(status = 413)]
    TooLarge,
    /// The body is of another type
    #[response(status = 415)]
    OtherType,
}

/// Said of a write to what is there, without its version.
#[derive(Debug, utoipa::IntoResponses)]
#[response(status = 428, description = "`If-Match` is missing")]
pub struct VersionMissing;
