use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::document::Document;
use super::html;
use super::links::{BaseUrl, Link, to_header};
use super::media::{HTML, Offer, PAGE, negotiate};
use super::openapi::with_policy;
use super::problem::Problem;
use super::query::{FromQuery, Values};

/// The parameter of pages that can be had in several forms.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FormatQuery {
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^(json|html)$")]
    pub f: Option<String>,
}

impl FromQuery for FormatQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { f: values.optional("f", |f| Ok::<_, String>(f.to_owned())) })
    }
}

/// Sends a resource as JSON, or as a page that shows the same.
///
/// # Errors
/// 400 or 406 where the form asked for is not offered.
pub fn send_page(title: &str, body: &impl Serialize, links: &[Link], f: Option<&str>, headers: &HeaderMap) -> Result<Response, Problem> {
    let offer = negotiate(f, headers, PAGE)?;
    let bytes = serde_json::to_vec(body).map_err(|e| Problem::internal(&e))?;
    send_json(title, bytes, links, offer, false)
}

/// Sends a resource that shows different callers different things.
///
/// # Errors
/// 400 or 406 where the form asked for is not offered.
pub fn send_private_page(
    title: &str,
    body: &impl Serialize,
    links: &[Link],
    f: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(f, headers, PAGE)?;
    let bytes = serde_json::to_vec(body).map_err(|e| Problem::internal(&e))?;
    send_json(title, bytes, links, offer, true)
}

/// Sends written JSON in the form that was chosen. What depends on the caller is private.
///
/// # Errors
/// None that a caller could mend.
pub fn send_json(title: &str, bytes: impl Into<Bytes>, links: &[Link], offer: Offer, is_private: bool) -> Result<Response, Problem> {
    let bytes = bytes.into();
    let document = if offer == HTML {
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| Problem::internal(&e))?;
        Document::new("text/html; charset=utf-8", html::page(title, &value))
    } else {
        Document::new(offer.media, bytes)
    };
    let response = document.private(is_private).into_response();
    Ok(with_links(if offer == HTML { with_policy(response) } else { response }, links))
}

/// Returns the links of a page to itself and to its other form. `more` is what they repeat of the query, each pair behind an `&`.
pub fn page_links(base: &BaseUrl, path: &str, more: &str) -> Vec<Link> {
    vec![
        Link::new(base.to(&format!("{path}?f=json{more}")), "self", "application/json").titled("This page as JSON"),
        Link::new(base.to(&format!("{path}?f=html{more}")), "alternate", "text/html").titled("This page"),
    ]
}

fn with_links(mut response: Response, links: &[Link]) -> Response {
    if let Ok(value) = to_header(links).parse()
        && !links.is_empty()
    {
        response.headers_mut().insert(axum::http::header::LINK, value);
    }
    response
}
