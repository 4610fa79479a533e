use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use crate::api::links::{BaseUrl, Link};
use crate::api::openapi::{OPENAPI30_MEDIA, OPENAPI31_MEDIA};
use crate::api::page::{FormatQuery, page_links, send_page};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::api::tiles::{TILESETS_REL, TILING_SCHEMES_REL};

/// The classes of which every requirement is met. docs/api.md says which are missed, and why.
pub const CONFORMANCE: [&str; 49] = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/features",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
    "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/sorting",
    "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/sortables",
    "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/features-sorting",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/array-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/dataset-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/collections-selection",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixsetlimits",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixsetlimits",
    "http://www.opengis.net/spec/tms/2.0/conf/tilesetmetadata",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilesetmetadata",
];

/// The first page: where everything else is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Landing {
    pub title: &'static str,
    pub description: &'static str,
    /// The notices that maps of these boundaries must carry, where there are any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub attribution: String,
    pub links: Vec<Link>,
}

/// The standards that the service keeps.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conformance {
    pub conforms_to: &'static [&'static str],
    pub links: Vec<Link>,
}

/// Where everything is.
#[utoipa::path(
    get,
    operation_id = "show_landing",
    path = "/",
    tag = "features",
    params(FormatQuery),
    responses((status = 200, description = "Links to all there is", content((Landing = "application/json"), (String = "text/html"))))
)]
pub async fn show_landing(
    State(state): State<AppState>,
    Query(query): Query<FormatQuery>,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let link = |path: &str, rel: &str, media: &str, title: &str| Link::new(base.to(path), rel, media).titled(title);
    let links = vec![
        link("/?f=json", "self", "application/json", "This page as JSON"),
        link("/?f=html", "alternate", "text/html", "This page"),
        link("/api?f=openapi30", "service-desc", OPENAPI30_MEDIA, "The API definition, OpenAPI 3.0"),
        link("/api?f=json", "service-desc", OPENAPI31_MEDIA, "The API definition, OpenAPI 3.1"),
        link("/api?f=html", "service-doc", "text/html", "The API definition to read"),
        link("/conformance", "conformance", "application/json", "The standards that are kept"),
        link("/collections", "data", "application/json", "The boundaries, by level"),
        link("/tiles", TILESETS_REL, "application/json", "The vector tiles, by tile matrix set"),
        link("/tileMatrixSets", TILING_SCHEMES_REL, "application/json", "The tile matrix sets"),
        link("/tiles/boundaries", "describedby", "application/json", "TileJSON of the vector tiles"),
        link("/app/", "related", "text/html", "The map"),
    ];
    let landing = Landing {
        title: "gridkeeper",
        description: "Which grid is this point in, and who answers for it now?",
        attribution: state.config().map.attribution.clone(),
        links,
    };
    send_page(landing.title, &landing, &landing.links, query.f.as_deref(), &headers)
}

/// The standards that are kept.
#[utoipa::path(
    get,
    operation_id = "show_conformance",
    path = "/conformance",
    tag = "features",
    params(FormatQuery),
    responses((status = 200, description = "Conformance classes", content((Conformance = "application/json"), (String = "text/html"))))
)]
pub async fn show_conformance(Query(query): Query<FormatQuery>, base: BaseUrl, headers: HeaderMap) -> Result<Response, Problem> {
    let links = page_links(&base, "/conformance", "");
    let conformance = Conformance { conforms_to: &CONFORMANCE, links };
    send_page("Conformance", &conformance, &conformance.links, query.f.as_deref(), &headers)
}
