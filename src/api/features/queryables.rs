use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Map, Value as Json, json};
use utoipa::openapi::{self, ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema};

use super::cases::case_schema;
use super::incidents::{INCIDENTS, sees_incidents};
use super::order::is_sortable;
use super::sources::{FoundSource, find_source};
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::links::{BaseUrl, Link, encode};
use crate::api::media::{self, negotiate};
use crate::api::page::{FormatQuery, send_json};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::filter::{Kind, Property, Schema};

/// The properties by which a filter may ask for features: a JSON Schema.
#[utoipa::path(
    get,
    operation_id = "show_queryables",
    path = "/collections/{collectionId}/queryables",
    tag = "features",
    params(SchemaPath, FormatQuery, AsOfQuery),
    security((), ("key" = [])),
    responses(SchemaAnswer)
)]
pub async fn show_queryables(State(state): State<AppState>, request: SchemaRequest) -> Result<Response, Problem> {
    request.show(&state, &QUERYABLES).await
}

/// The properties by which features can be sorted: a JSON Schema.
#[utoipa::path(
    get,
    operation_id = "show_sortables",
    path = "/collections/{collectionId}/sortables",
    tag = "features",
    params(SchemaPath, FormatQuery, AsOfQuery),
    security((), ("key" = [])),
    responses(SchemaAnswer)
)]
pub async fn show_sortables(State(state): State<AppState>, request: SchemaRequest) -> Result<Response, Problem> {
    request.show(&state, &SORTABLES).await
}

/// The properties that features have: a JSON Schema.
#[utoipa::path(
    get,
    operation_id = "show_schema",
    path = "/collections/{collectionId}/schema",
    tag = "features",
    params(SchemaPath, FormatQuery, AsOfQuery),
    security((), ("key" = [])),
    responses(SchemaAnswer)
)]
pub async fn show_schema(State(state): State<AppState>, request: SchemaRequest) -> Result<Response, Problem> {
    request.show(&state, &SCHEMA).await
}

/// The schemas, which differ in the properties that they list.
const QUERYABLES: Resource = Resource { name: "queryables", title: "What can be asked of", is_listed: |_| true };
const SORTABLES: Resource =
    Resource { name: "sortables", title: "By what can be sorted:", is_listed: |property| is_sortable(property.kind) };
const SCHEMA: Resource = Resource { name: "schema", title: "What is said of", is_listed: |_| true };

/// The collection that an address names.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "written for the API definition; an address is read as a whole")]
pub struct SchemaPath {
    /// The collection
    #[param(rename = "collectionId")]
    collection: String,
}

/// A schema in the forms that it can be had.
pub struct SchemaAnswer;

impl IntoResponses for SchemaAnswer {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let content = |schema| ContentBuilder::new().schema(Some(schema)).build();
        let answer = ResponseBuilder::new()
            .description("A JSON Schema of the properties")
            .content("application/schema+json", content(Json::schema()))
            .content("application/json", content(Json::schema()))
            .content("text/html", content(String::schema()));
        BTreeMap::from([("200".to_owned(), answer.build().into())])
    }
}

/// What is asked of a schema.
pub struct SchemaRequest {
    id: String,
    query: FormatQuery,
    as_of: AsOfQuery,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
}

impl FromRequestParts<AppState> for SchemaRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Path(id) = Path::from_request_parts(parts, state).await.map_err(|error| Problem::not_found(error.to_string()))?;
        Ok(Self {
            id,
            query: Query::from_request_parts(parts, state).await?.0,
            as_of: Query::from_request_parts(parts, state).await?.0,
            caller: Caller::from_request_parts(parts, state).await?,
            base: BaseUrl::from_request_parts(parts, state).await?,
            headers: parts.headers.clone(),
        })
    }
}

impl SchemaRequest {
    async fn show(self, state: &AppState, resource: &Resource) -> Result<Response, Problem> {
        let Self { id, query, as_of, caller, base, headers } = self;
        let offer = negotiate(query.f.as_deref(), &headers, media::SCHEMA)?;
        let (schema, is_private) = if id == INCIDENTS {
            sees_incidents(&caller)?;
            as_of.refuse(INCIDENTS)?;
            (case_schema(), true)
        } else {
            let FoundSource { source, is_private } = find_source(state, &id, as_of, &caller).await?;
            (source.schema().clone(), is_private)
        };
        let path = format!("/collections/{}/{}", encode(&id), resource.name);
        let document = resource.to_json(&schema, &base.to(&path), &id);
        let bytes = serde_json::to_vec(&document).map_err(|e| Problem::internal(&e))?;
        let version = as_of.to_pairs();
        let link = |form: &str, rel: &str, media: &str| Link::new(base.to(&format!("{path}?f={form}{version}")), rel, media);
        let links = [link("json", "self", "application/schema+json"), link("html", "alternate", "text/html")];
        send_json(resource.title, bytes, &links, offer, is_private)
    }
}

/// One of the schemas of a collection.
struct Resource {
    name: &'static str,
    title: &'static str,
    is_listed: fn(&Property) -> bool,
}

impl Resource {
    fn to_json(&self, schema: &Schema, id: &str, collection: &str) -> Json {
        let listed = schema.properties.iter().filter(|property| (self.is_listed)(property));
        let properties: Map<String, Json> = listed.map(|property| (property.name.clone(), describe(property))).collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": id,
            "type": "object",
            "title": format!("{} {collection}", self.title),
            "properties": properties,
            "additionalProperties": false,
        })
    }
}

/// Describes a property as a JSON Schema. A geometry has a format and no type, OGC 19-079r2, section 6.
fn describe(property: &Property) -> Json {
    let of_type = |name: &str| json!({ "title": property.name, "type": name });
    let mut description = match property.kind {
        Kind::Boolean => of_type("boolean"),
        Kind::Integer => of_type("integer"),
        Kind::Number => of_type("number"),
        Kind::Text => of_type("string"),
        Kind::Date => json!({ "title": property.name, "type": "string", "format": "date" }),
        Kind::Instant | Kind::Interval => json!({ "title": property.name, "type": "string", "format": "date-time" }),
        Kind::Array => json!({ "title": property.name, "type": "array", "items": {} }),
        Kind::Geometry => json!({ "title": property.name, "format": "geometry-any", "x-ogc-role": "primary-geometry" }),
        Kind::Any => json!({ "title": property.name, "type": ["string", "number", "boolean", "array", "object"] }),
    };
    let role = match property.name.as_str() {
        "id" => "id",
        "valid_from" => "primary-interval-start",
        "valid_to" => "primary-interval-end",
        "reported_at" => "primary-instant",
        _ => return description,
    };
    description["x-ogc-role"] = role.into();
    description
}
