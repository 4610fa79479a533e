use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::api::problem::{Problem, ProblemKind};

pub const PREFER: HeaderName = HeaderName::from_static("prefer");
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Whether a caller wants no more than to know that it was done, RFC 7240, section 4.2.
pub fn wants_minimal(headers: &HeaderMap) -> bool {
    let given = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split([',', ';']));
    given.map(str::trim).find_map(|part| part.strip_prefix("return=")).is_some_and(|form| form.trim_matches('"') == "minimal")
}

/// Whether a request is to make something that is not there yet, and nothing else.
pub fn is_create_only(headers: &HeaderMap) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| value.as_bytes().trim_ascii() == b"*")
}

/// Says what a write needs to be held to.
pub fn precondition_required(what: &str) -> Problem {
    let detail = format!("send If-Match with the ETag of the {what}, so that nobody's change is lost");
    Problem::new(ProblemKind::PreconditionRequired, detail)
}

/// Says that there is nothing under an address that a write would be held to.
pub fn missing(collection: &str, feature: &str) -> Problem {
    let detail = format!("the collection {collection} has no feature {feature}, so it has no version either; create it, or look again");
    Problem::new(ProblemKind::Changed, detail)
}

/// Makes a header of an address.
///
/// # Errors
/// None that a caller could mend.
pub fn address(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_found_among_others() {
        for (prefer, expected) in [
            ("return=minimal", true),
            ("respond-async, return=\"minimal\"", true),
            ("return=representation", false),
            ("wait=10", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(PREFER, HeaderValue::from_static(prefer))]);
            assert_eq!(wants_minimal(&headers), expected, "{prefer}");
        }
    }
}
