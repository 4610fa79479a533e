use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response as ResponseOfDefinition;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder, Schema, ServerBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::document::Document;
use super::media::{HTML, JSON, Offer, negotiate};
use super::open311;
use super::openapi30::to_openapi30;
use super::problem::{self, PROBLEM_JSON, Problem};
use super::query::{FromQuery, Query, Values};
use crate::config::Config;

/// The API definition as it is served: in the terms of OpenAPI 3.1, and of 3.0.
#[derive(Clone, Debug)]
pub struct Definition {
    openapi31: Bytes,
    openapi30: Bytes,
}

impl Definition {
    /// Whether a route shows it.
    pub fn is_shown_at(path: &str) -> bool {
        path == "/api"
    }

    /// Writes a definition in both terms.
    pub fn of(document: &OpenApi) -> Self {
        let value = serde_json::to_value(document).expect("a definition is texts and numbers, which always serialise");
        Self { openapi30: to_openapi30(&value).to_string().into(), openapi31: value.to_string().into() }
    }
}

const OPENAPI: Offer = Offer { name: "json", media: OPENAPI31_MEDIA };

/// The media types of the definition, by the version of its terms.
pub const OPENAPI31_MEDIA: &str = "application/vnd.oai.openapi+json;version=3.1";
pub const OPENAPI30_MEDIA: &str = "application/vnd.oai.openapi+json;version=3.0";

/// The parameter of the definition.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApiQuery {
    /// The form of the definition, whatever the `Accept` header says: `json` is OpenAPI 3.1, `openapi30` OpenAPI 3.0.
    #[param(pattern = "^(json|openapi30|html)$")]
    pub f: Option<String>,
}

impl FromQuery for ApiQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { f: values.optional("f", |f| Ok::<_, String>(f.to_owned())) })
    }
}

/// The definition is told apart by its type without the version as well, and sent as plain JSON to who asks for that.
const OFFERS: &[Offer] =
    &[Offer { name: "json", media: "application/vnd.oai.openapi+json" }, HTML, JSON, Offer { name: "openapi30", media: OPENAPI30_MEDIA }];

/// Problems that any operation may answer with, whatever it does.
const COMMON_PROBLEMS: [(&str, &str); 9] = [
    ("400", "A parameter is unknown, given twice or wrong; `errors` names it"),
    ("401", "The key or token is not taken, or the resource needs one"),
    ("403", "The role or the scope of the key does not reach"),
    ("404", "There is no such resource"),
    ("405", "The resource does not take this method; `Allow` has those it takes"),
    ("406", "The resource cannot be had in an accepted type"),
    ("429", "The key or the address asks too often; `Retry-After` says when to come back"),
    ("500", "The service failed; the cause is in its log"),
    ("503", "Busy, not ready, or shutting down; `Retry-After` says when to come back"),
];

/// Returns the head of the definition, to which the router adds its operations.
pub fn start(config: &Config) -> OpenApi {
    let info = InfoBuilder::new()
        .title("gridkeeper")
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .description(Some("Which grid is this point in, who answers for it now? Lookups, boundaries and maps of one snapshot."));
    let base = config.http.public_base_url.as_deref().unwrap_or("/");
    OpenApiBuilder::new().info(info.build()).servers(Some([ServerBuilder::new().url(base).build()])).build()
}

/// Adds what holds for every operation: the key, and the problems any of them may answer with.
pub fn complete(document: &mut OpenApi) {
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key made by `gridkeeper key create`, or a token of the configured issuer"));
    // What an operation does not say otherwise needs no key.
    document.security.get_or_insert_with(|| vec![SecurityRequirement::default()]);
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("key".into(), SecurityScheme::Http(key.build()).into());
    components.schemas.insert(problem::Document::name().into_owned(), problem::Document::schema());
    let mut used = Vec::new();
    problem::Document::schemas(&mut used);
    components.schemas.extend(used);
    // `fields` leaves members of a lookup's answer out, whichever they are.
    if let Some(RefOr::T(Schema::Object(answer))) = components.schemas.get_mut("LocateAnswer") {
        answer.required.clear();
    }
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
            add_problems(operation);
            // What is turned away before its routes is told as a problem there too.
            if path.starts_with(open311::PREFIX) {
                refusals(operation).for_each(open311::tell_faults);
            }
        }
    }
}

fn add_problems(operation: &mut Operation) {
    // What an operation says of a refusal of its own is a problem too, unless it says in which other form.
    for response in refusals(operation) {
        let is_told = |content: &RefOr<Content>| matches!(content, RefOr::T(content) if content.schema.is_some());
        if !response.content.values().any(is_told) {
            response.content.insert(PROBLEM_JSON.to_owned(), problem_content().into());
        }
    }
    // It is turned away before anything of ours sees it, and so without a document.
    let unseen = [("414", "The address is longer than 64 KiB"), ("431", "The address and the headers are longer than is read at all")];
    for (status, description) in unseen {
        let response = ResponseBuilder::new().description(description).build();
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
    }
    for (status, description) in COMMON_PROBLEMS {
        let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, problem_content());
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.build().into());
    }
}

fn refusals(operation: &mut Operation) -> impl Iterator<Item = &mut ResponseOfDefinition> {
    let refusals = operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5']));
    refusals.filter_map(|(_, response)| if let RefOr::T(response) = response { Some(response) } else { None })
}

fn problem_content() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build()
}

/// The API definition, OpenAPI 3.1 and 3.0, and a page to read it on.
#[utoipa::path(
    get,
    operation_id = "show_api",
    path = "/api",
    tag = "features",
    params(ApiQuery),
    responses((status = 200, description = "The API definition", content(
        (serde_json::Value = "application/vnd.oai.openapi+json;version=3.1"),
        (serde_json::Value = "application/vnd.oai.openapi+json;version=3.0"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
    )))
)]
pub async fn show_api(
    Query(query): Query<ApiQuery>,
    headers: HeaderMap,
    Extension(definition): Extension<Arc<Definition>>,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, OFFERS)?;
    if offer == HTML {
        return Ok(with_policy(Document::new("text/html; charset=utf-8", API_PAGE).into_response()));
    }
    if offer.name == "openapi30" || (query.f.is_none() && wants_openapi30(&headers)) {
        return Ok(Document::new(OPENAPI30_MEDIA, definition.openapi30.clone()).into_response());
    }
    let media = if offer == JSON { JSON.media } else { OPENAPI.media };
    Ok(Document::new(media, definition.openapi31.clone()).into_response())
}

/// Whether the `Accept` header names the definition by the older version and not by the newer.
fn wants_openapi30(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<String> =
        accept.flat_map(|value| value.split(',')).map(|range| range.replace([' ', '"'], "").to_ascii_lowercase()).collect();
    let names = |media: &str| ranges.iter().any(|range| range.starts_with(media));
    names(OPENAPI30_MEDIA) && !names(OPENAPI31_MEDIA)
}

/// A file of the page for the API definition. Not part of the definition itself.
pub async fn show_api_asset(Path(asset): Path<String>) -> Result<Response, Problem> {
    if asset == "start.js" {
        return Ok(([(header::CONTENT_TYPE, "text/javascript")], API_PAGE_SCRIPT).into_response());
    }
    if asset == "form.js" {
        return Ok(([(header::CONTENT_TYPE, "text/javascript")], FORM_SCRIPT).into_response());
    }
    let config = Arc::new(utoipa_swagger_ui::Config::from("/api?f=json"));
    let file = utoipa_swagger_ui::serve(&asset, config).map_err(|e| {
        tracing::error!(error = %e, "a file of the page for the API definition cannot be made");
        Problem::new(problem::ProblemKind::Internal, problem::INTERNAL_DETAIL)
    })?;
    let file = file.ok_or_else(|| Problem::not_found("the page for the API definition has no such file"))?;
    let mut response = file.bytes.into_owned().into_response();
    let media = HeaderValue::from_str(&file.content_type).map_err(|e| Problem::internal(&e))?;
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    if file.gzpipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    Ok(response)
}

/// Everything the page needs comes from this service. Addresses are relative, so that it works behind a prefix.
const API_PAGE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>gridkeeper API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="api/swagger-ui.css">
</head><body><div id="api"></div>
<script src="api/swagger-ui-bundle.js"></script><script src="api/start.js"></script>
</body></html>
"#;

const API_PAGE_SCRIPT: &str = r##"SwaggerUIBundle({ url: "api?f=json", dom_id: "#api", validatorUrl: null, deepLinking: true });
"##;

/// Leaves out of a form what is empty: an empty parameter is a wrong one.
const FORM_SCRIPT: &str = "addEventListener('submit', (event) => {
  for (const field of event.target.elements) field.disabled ||= field.value === '' && field.name !== '';
});
";

/// What a page of ours may load: only what this service serves. Swagger UI sets styles on elements.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// Adds the policy that keeps a page from loading anything from elsewhere.
pub fn with_policy(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    response
}
