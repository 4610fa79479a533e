use axum::http::{HeaderMap, header};
use rustc_hash::FxHashSet;

use super::problem::{Problem, ProblemKind};

/// A form in which a resource can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The value of `f=` that asks for it.
    pub name: &'static str,
    pub media: &'static str,
}

pub const JSON: Offer = Offer { name: "json", media: "application/json" };
pub const HTML: Offer = Offer { name: "html", media: "text/html" };
pub const GEOJSON: Offer = Offer { name: "json", media: "application/geo+json" };

pub const JSON_SCHEMA: Offer = Offer { name: "json", media: "application/schema+json" };

/// What schemas are offered as. Plain JSON is sent to those who accept nothing but that.
pub const SCHEMA: &[Offer] = &[JSON_SCHEMA, HTML, JSON];

/// What pages are offered as; the first is sent to those who do not mind.
pub const PAGE: &[Offer] = &[JSON, HTML];

/// What features are offered as. Plain JSON is sent to those who accept nothing but that.
pub const FEATURES: &[Offer] = &[GEOJSON, HTML, JSON];

/// What many features are offered as: pages, and files that hold all of them.
pub const ITEMS: &[Offer] = &[
    GEOJSON,
    HTML,
    JSON,
    // As a file; by its type a page is meant.
    Offer { name: "geojson", media: "application/geo+json" },
    Offer { name: "csv", media: "text/csv" },
    Offer { name: "fgb", media: "application/flatgeobuf" },
    Offer { name: "gpkg", media: "application/geopackage+sqlite3" },
    Offer { name: "parquet", media: "application/vnd.apache.parquet" },
];

/// Chooses the form: `f=` first, then the `Accept` header, then the first offered.
///
/// # Errors
/// 400 for an `f` that is not offered, 406 where no accepted type can be made.
pub fn negotiate(f: Option<&str>, headers: &HeaderMap, offers: &[Offer]) -> Result<Offer, Problem> {
    if let Some(f) = f {
        return offers.iter().find(|offer| offer.name == f).copied().ok_or_else(|| {
            // One name may stand for two types, of which the first is meant.
            let is_first = |at: usize| offers[..at].iter().all(|earlier| earlier.name != offers[at].name);
            let names: Vec<_> = (0..offers.len()).filter(|at| is_first(*at)).map(|at| offers[at].name).collect();
            Problem::parameter("f", format!("{f:?} is not one of {}", names.join(", ")))
        });
    }
    let accept: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",");
    if accept.trim().is_empty() {
        return Ok(offers[0]);
    }
    let mut best: Option<(f32, Offer)> = None;
    for offer in offers {
        let weight = weight_of(offer.media, &accept);
        if weight > 0.0 && best.is_none_or(|(found, _)| weight > found) {
            best = Some((weight, *offer));
        }
    }
    best.map(|(_, offer)| offer).ok_or_else(|| {
        let mut offered: Vec<_> = offers.iter().map(|offer| offer.media).collect();
        // A page and a file may be of one type.
        let mut seen = FxHashSet::default();
        offered.retain(|media| seen.insert(*media));
        Problem::new(ProblemKind::NotAcceptable, format!("the resource is available as {}", offered.join(", ")))
    })
}

/// Returns the weight that an `Accept` header gives a media type: the most exact range decides, as in RFC 9110, section 12.5.1.
fn weight_of(media: &str, accept: &str) -> f32 {
    let (kind, _) = media.split_once('/').expect("offered media types have two parts");
    let mut found = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        let exactness = match name.split_once('/') {
            _ if name == media => 3,
            Some((range_kind, "*")) if range_kind == kind => 2,
            Some(("*", "*")) => 1,
            _ => continue,
        };
        if exactness > found.0 {
            found = (exactness, weight);
        }
    }
    found.1
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn chosen(accept: &'static str, offers: &[Offer]) -> Option<&'static str> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        negotiate(None, &headers, offers).ok().map(|offer| offer.media)
    }

    #[test]
    fn the_accept_header_decides() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, expected) in [
            ("", Some("application/geo+json")),
            ("*/*", Some("application/geo+json")),
            (browser, Some("text/html")),
            ("application/json", Some("application/json")),
            ("application/geo+json, application/json", Some("application/geo+json")),
            ("application/json;q=0.5, application/geo+json;q=0.1", Some("application/json")),
            ("image/png", None),
            ("text/html;q=0, */*;q=0.1", Some("application/geo+json")),
        ] {
            assert_eq!(chosen(accept, FEATURES), expected, "{accept}");
        }
    }

    #[test]
    fn f_overrides_the_header_and_an_unknown_f_is_400() {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("image/png"))]);
        assert_eq!(negotiate(Some("html"), &headers, PAGE).unwrap(), HTML);
        let problem = negotiate(Some("xml"), &headers, PAGE).unwrap_err();
        assert_eq!((problem.kind, problem.errors[0].parameter.as_str()), (ProblemKind::InvalidParameter, "f"));
        let problem = negotiate(Some("xml"), &headers, FEATURES).unwrap_err();
        assert_eq!(problem.errors[0].detail, "\"xml\" is not one of json, html");
    }
}
