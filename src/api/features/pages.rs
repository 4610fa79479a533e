use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use super::crs::WireCrs;
use super::write::Look;
use crate::api::links::{BaseUrl, Link, encode, with_query};
use crate::api::problem::Problem;
use crate::api::tiles::TileShift;

/// The address of a page, from which those of its neighbours are made.
#[derive(Debug)]
pub struct PageAddress {
    pub base: BaseUrl,
    pub path: String,
    /// The query as it was given.
    pub query: String,
    /// What links to other resources repeat of it, each pair behind an `&`.
    pub version: String,
}

impl PageAddress {
    /// Makes the address with every parameter as it was given, but for `changes`, which are set or, without a value, taken out.
    pub fn with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let is_changed = |pair: &&str| changes.iter().any(|(name, _)| pair.split('=').next() == Some(*name));
        let kept = self.query.split('&').filter(|pair| !pair.is_empty() && !is_changed(pair)).map(str::to_owned);
        let set = changes.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode((*value)?))));
        let query: Vec<_> = kept.chain(set).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        self.base.to(&format!("{}{mark}{}", self.path, query.join("&")))
    }

    /// Returns the links of a page; `prev` and `next` name the feature before or after which the neighbour lies.
    pub fn links(&self, collection: &str, prev: Option<&str>, next: Option<&str>) -> Vec<Link> {
        let mut links = vec![
            Link::new(self.with(&[("f", Some("json"))]), "self", "application/geo+json"),
            Link::new(self.with(&[("f", Some("html"))]), "alternate", "text/html"),
            Link::new(
                self.base.to(&with_query(&format!("/collections/{}", encode(collection)), &self.version)),
                "collection",
                "application/json",
            ),
        ];
        if let Some(next) = next {
            let href = self.with(&[("before", None), ("after", Some(next)), ("f", Some("json"))]);
            links.push(Link::new(href, "next", "application/geo+json"));
        }
        if let Some(prev) = prev {
            let href = self.with(&[("after", None), ("before", Some(prev)), ("f", Some("json"))]);
            links.push(Link::new(href, "prev", "application/geo+json"));
        }
        links
    }
}

/// What stands before the features of a page.
#[derive(Debug)]
pub struct PageHead<'a> {
    pub links: &'a [Link],
    /// The time of the data, so that the same page has the same bytes; none where nothing tells it.
    pub time: Option<&'a str>,
    pub matched: usize,
    pub returned: usize,
}

impl PageHead<'_> {
    /// Writes the head up to the bracket that opens the features.
    ///
    /// # Errors
    /// None that a caller could mend.
    pub fn write(&self, shift: Option<TileShift>, out: &mut Vec<u8>) -> Result<(), Problem> {
        let mut head = serde_json::json!({
            "type": "FeatureCollection",
            "numberMatched": self.matched,
            "numberReturned": self.returned,
            "links": self.links,
        });
        if let Some(time) = self.time {
            head["timeStamp"] = time.into();
        }
        if let Some(shift) = shift {
            head["shift"] = shift.as_str().into();
        }
        serde_json::to_writer(&mut *out, &head).map_err(|e| Problem::internal(&e))?;
        // The features are written one by one behind the other members.
        out.pop();
        out.extend_from_slice(b",\"features\":[");
        Ok(())
    }
}

/// Returns the links of a feature to itself and to what holds it.
pub fn feature_links(look: &Look, id: &str) -> Vec<Link> {
    let (path, pairs, version) = (look.path(id), look.to_pairs(), &look.version);
    let link = |form: &str, rel: &str, media: &str| Link::new(look.base.to(&format!("{path}?f={form}{pairs}{version}")), rel, media);
    let collection = with_query(&format!("/collections/{}", encode(&look.collection)), version);
    vec![
        link("json", "self", "application/geo+json"),
        link("html", "alternate", "text/html"),
        Link::new(look.base.to(&collection), "collection", "application/json"),
    ]
}

/// Says in which reference system the geometry is; what was moved has none.
pub fn with_crs(mut response: Response, shift: Option<TileShift>, crs: Option<&WireCrs>) -> Response {
    if shift.is_none() {
        let uri = crs.unwrap_or(&WireCrs::CRS84).uri();
        let value = HeaderValue::from_str(&format!("<{uri}>")).expect("the address is plain text");
        response.headers_mut().insert(HeaderName::from_static("content-crs"), value);
    }
    response
}
