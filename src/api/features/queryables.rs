use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value as Json, json};

use super::cases::case_schema;
use super::incidents::{INCIDENTS, sees_incidents};
use super::order::is_sortable;
use super::sources::{FoundSource, find_source};
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::links::{BaseUrl, Link, encode};
use crate::api::media::{SCHEMA, negotiate};
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
    params(("collectionId" = String, Path, description = "The collection"), FormatQuery, AsOfQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "A JSON Schema of the properties", content(
        (serde_json::Value = "application/schema+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
    )))
)]
pub async fn show_queryables(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<FormatQuery>,
    Query(as_of): Query<AsOfQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let resource = Resource { name: "queryables", title: "What can be asked of", is_listed: |_| true };
    resource.show(&state, &id, query.f.as_deref(), as_of, &caller, &base, &headers).await
}

/// The properties by which features can be sorted: a JSON Schema.
#[utoipa::path(
    get,
    operation_id = "show_sortables",
    path = "/collections/{collectionId}/sortables",
    tag = "features",
    params(("collectionId" = String, Path, description = "The collection"), FormatQuery, AsOfQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "A JSON Schema of the properties", content(
        (serde_json::Value = "application/schema+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
    )))
)]
pub async fn show_sortables(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<FormatQuery>,
    Query(as_of): Query<AsOfQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let resource = Resource { name: "sortables", title: "By what can be sorted:", is_listed: |property| is_sortable(property.kind) };
    resource.show(&state, &id, query.f.as_deref(), as_of, &caller, &base, &headers).await
}

/// The properties that features have: a JSON Schema.
#[utoipa::path(
    get,
    operation_id = "show_schema",
    path = "/collections/{collectionId}/schema",
    tag = "features",
    params(("collectionId" = String, Path, description = "The collection"), FormatQuery, AsOfQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "A JSON Schema of the features", content(
        (serde_json::Value = "application/schema+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
    )))
)]
pub async fn show_schema(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<FormatQuery>,
    Query(as_of): Query<AsOfQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let resource = Resource { name: "schema", title: "What is said of", is_listed: |_| true };
    resource.show(&state, &id, query.f.as_deref(), as_of, &caller, &base, &headers).await
}

/// One of the schemas of a collection, which differ in the properties that they list.
struct Resource {
    name: &'static str,
    title: &'static str,
    is_listed: fn(&Property) -> bool,
}

impl Resource {
    #[expect(clippy::too_many_arguments, reason = "they are what a handler is given")]
    async fn show(
        self,
        state: &AppState,
        id: &str,
        f: Option<&str>,
        as_of: AsOfQuery,
        caller: &Caller,
        base: &BaseUrl,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let offer = negotiate(f, headers, SCHEMA)?;
        let (schema, is_private) = if id == INCIDENTS {
            sees_incidents(caller)?;
            as_of.refuse(INCIDENTS)?;
            (case_schema(), true)
        } else {
            let FoundSource { source, is_private } = find_source(state, id, as_of, caller).await?;
            (source.schema().clone(), is_private)
        };
        let path = format!("/collections/{}/{}", encode(id), self.name);
        let document = self.to_json(&schema, &base.to(&path), id);
        let bytes = serde_json::to_vec(&document).map_err(|e| Problem::internal(&e))?;
        let version = as_of.to_pairs();
        let link = |form: &str, rel: &str, media: &str| Link::new(base.to(&format!("{path}?f={form}{version}")), rel, media);
        let links = [link("json", "self", "application/schema+json"), link("html", "alternate", "text/html")];
        send_json(self.title, bytes, &links, offer, is_private)
    }

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
