use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::document::Document;
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
pub fn send_json(title: &str, bytes: Vec<u8>, links: &[Link], offer: Offer, is_private: bool) -> Result<Response, Problem> {
    let document = if offer == HTML {
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| Problem::internal(&e))?;
        Document::new("text/html; charset=utf-8", to_html(title, &value))
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

/// Nesting deeper than this is shown as text; our own documents have at most ten levels beside geometry.
const DEPTH_MAX: usize = 16;

fn to_html(title: &str, value: &Value) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
    );
    escape(title, &mut html);
    html.push_str(
        "</title><style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
         dt{font-weight:600}dd{margin:0 0 .4rem 1.5rem}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .5rem;\
         text-align:left;vertical-align:top}ul{padding-left:1.2rem}</style></head><body><h1>",
    );
    escape(title, &mut html);
    html.push_str("</h1>");
    write_value(value, 0, &mut html);
    html.push_str("</body></html>\n");
    html
}

fn write_value(value: &Value, depth: usize, html: &mut String) {
    match value {
        Value::Object(members) if depth < DEPTH_MAX => {
            if let (Some(Value::String(href)), Some(Value::String(rel))) = (members.get("href"), members.get("rel")) {
                return write_link(href, rel, members, html);
            }
            html.push_str("<dl>");
            for (name, member) in members {
                html.push_str("<dt>");
                escape(name, html);
                html.push_str("</dt><dd>");
                // Thousands of coordinates help nobody on a page; the JSON has them.
                if name == "coordinates" {
                    html.push('…');
                } else {
                    write_value(member, depth + 1, html);
                }
                html.push_str("</dd>");
            }
            html.push_str("</dl>");
        }
        Value::Array(items) if depth < DEPTH_MAX => {
            html.push_str("<ul>");
            for item in items {
                html.push_str("<li>");
                write_value(item, depth + 1, html);
                html.push_str("</li>");
            }
            html.push_str("</ul>");
        }
        Value::String(text) => escape(text, html),
        other => escape(&other.to_string(), html),
    }
}

fn write_link(href: &str, rel: &str, members: &serde_json::Map<String, Value>, html: &mut String) {
    html.push_str("<a href=\"");
    escape(href, html);
    html.push_str("\">");
    let title = members.get("title").and_then(Value::as_str).unwrap_or(rel);
    escape(title, html);
    html.push_str("</a> (");
    escape(rel, html);
    if let Some(media) = members.get("type").and_then(Value::as_str) {
        html.push_str(", ");
        escape(media, html);
    }
    html.push(')');
}

fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_data_becomes_markup() {
        let value = serde_json::json!({ "name": "<script>alert('x')</script>", "links": [{ "href": "\" onclick=\"", "rel": "self" }] });
        let html = to_html("a<b", &value);
        assert!(!html.contains("<script>"));
        assert!(!html.contains("\" onclick"));
        assert!(html.contains("a&lt;b"));
    }
}
