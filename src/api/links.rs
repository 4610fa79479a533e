use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use serde::Serialize;

use super::origin::find_address;
use super::problem::{Problem, ProblemKind};
use super::state::AppState;

/// The address under which the caller reached the service, without a slash at its end.
///
/// The configured public address wins. Without it the request's own host is taken, or what a trusted proxy says of it; headers of
/// others are not believed, as anybody can send them.
#[derive(Clone, Debug)]
pub struct BaseUrl(String);

impl BaseUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes the absolute address of a path that begins with a slash.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromRequestParts<AppState> for BaseUrl {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if let Some(base) = &state.config().http.public_base_url {
            return Ok(Self(base.trim_end_matches('/').to_owned()));
        }
        let (proto, forwarded) = find_address(&parts.extensions, &parts.headers, &state.config().http).unwrap_or_default();
        let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = forwarded.as_deref().or(named).or_else(|| parts.uri.authority().map(Authority::as_str));
        let is_plain = |host: &&str| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
        let refused = || Problem::new(ProblemKind::InvalidBody, "the request names no usable host");
        let proto = proto.filter(|proto| matches!(proto.as_str(), "http" | "https"));
        let own_scheme = if state.config().http.tls_cert.is_some() { "https" } else { "http" };
        let scheme = proto.as_deref().unwrap_or(own_scheme);
        host.filter(is_plain).map(|host| Self(format!("{scheme}://{host}"))).ok_or_else(refused)
    }
}

/// A link of a page, RFC 8288.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Link {
    pub href: String,
    pub rel: String,
    #[serde(rename = "type")]
    pub media: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templated: Option<bool>,
}

impl Link {
    pub fn new(href: String, rel: &str, media: &str) -> Self {
        Self { href, rel: rel.into(), media: media.into(), title: None, templated: None }
    }

    pub fn titled(self, title: impl Into<String>) -> Self {
        Self { title: Some(title.into()), ..self }
    }

    pub fn templated(self) -> Self {
        Self { templated: Some(true), ..self }
    }
}

/// Makes a path with a query of pairs that each stand behind an `&`.
pub fn with_query(path: &str, pairs: &str) -> String {
    pairs.strip_prefix('&').map_or_else(|| path.to_owned(), |pairs| format!("{path}?{pairs}"))
}

/// Writes links as the value of a `Link` header. Addresses are percent-encoded, so none needs quoting.
///
/// They repeat the query, and clients read no header of any length: those beyond [`LINK_BYTES_MAX`] are left to the body.
pub fn to_header(links: &[Link]) -> String {
    let mut header = String::new();
    for link in links.iter().filter(|link| link.templated.is_none()) {
        let text = format!("<{}>; rel=\"{}\"; type=\"{}\"", link.href, link.rel, link.media);
        if header.len() + text.len() <= LINK_BYTES_MAX {
            header.push_str(if header.is_empty() { "" } else { ", " });
            header.push_str(&text);
        }
    }
    header
}

/// Bytes of links in a header, as many as servers and proxies commonly take of all headers together.
const LINK_BYTES_MAX: usize = 8 << 10;

/// Percent-encodes a text for use as one segment or value of an address: all but the unreserved characters of RFC 3986.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_only_what_needs_no_quoting() {
        assert_eq!(encode("网格 a/b"), "%E7%BD%91%E6%A0%BC%20a%2Fb");
        assert_eq!(encode("2026-01_x.~"), "2026-01_x.~");
    }
}
