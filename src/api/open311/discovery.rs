use axum::response::Response;
use serde_json::json;

use super::answer;
use super::form::Format;
use crate::api::links::BaseUrl;
use crate::config::Open311Config;

/// When what this service offers under the standard changed last; with a release that changes it this changes.
const CHANGESET: &str = "2026-11-28T00:00:00Z";

/// Tells where the service is and what it speaks.
pub fn show(format: Format, config: &Open311Config, base: &BaseUrl) -> Response {
    let endpoint = json!({
        "specification": "http://wiki.open311.org/GeoReport_v2",
        "url": format!("{}/open311/v2", base.as_str()),
        "changeset": CHANGESET,
        "type": if config.is_test { "test" } else { "production" },
        "formats": ["text/xml", "application/json"],
    });
    let discovery = json!({
        "changeset": CHANGESET,
        "contact": config.contact,
        "key_service": config.key_service,
        "endpoints": [endpoint],
    });
    answer::object(format, "discovery", &discovery)
}
