use std::io::Write;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::coding::AcceptedCodings;
use super::problem::Problem;
use crate::tile::Coding;

/// A whole answer that is ready to be sent: a page, a feature collection, a lookup.
///
/// A handler says what it is; [`super::finish`] sees to ETag, conditional requests, compression and `HEAD`.
#[derive(Clone, Debug)]
pub struct Document {
    media: HeaderValue,
    bytes: Bytes,
    /// Whether the same request may later be answered with 304. Not for answers that depend on the clock.
    tagged: bool,
    /// Whether the answer depends on who asks, and so may not be kept by a shared cache.
    private: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Below this the gzip header and a packet's fixed cost eat the gain. Bytes.
const GZIP_BYTES_MIN: usize = 1024;

/// Larger documents are compressed on a thread for blocking work, so that they do not hold up small answers. Bytes.
const COMPRESS_INLINE_BYTES_MAX: usize = 128 << 10;

/// Geometry as text shrinks by nine tenths of what the slowest level reaches at a quarter of its time.
const GZIP_LEVEL: u32 = 4;

impl Document {
    pub fn new(media: &'static str, bytes: impl Into<Bytes>) -> Self {
        let media = HeaderValue::from_static(media);
        Self { media, bytes: bytes.into(), tagged: true, private: false, headers: Vec::new() }
    }

    /// Marks an answer that the next moment may change: it carries no ETag.
    pub fn untagged(self) -> Self {
        Self { tagged: false, ..self }
    }

    /// Marks an answer that depends on the caller's role.
    pub fn private(self, private: bool) -> Self {
        Self { private, ..self }
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Leaves the document in the response's extensions for [`super::finish`].
impl IntoResponse for Document {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What a request says about how its answer may be sent.
#[derive(Debug)]
pub struct Terms {
    pub method: Method,
    codings: AcceptedCodings,
    if_none_match: Vec<String>,
}

impl Terms {
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let if_none_match = given.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/").to_owned()).collect();
        Self { method: method.clone(), codings: AcceptedCodings::of(headers), if_none_match }
    }

    /// Returns the coding that the caller likes best of some, the first of equals; none where it takes none of them.
    pub fn coding(&self, offered: &[Coding]) -> Option<Coding> {
        self.codings.best(offered)
    }

    /// Whether the caller has the bytes of this tag already.
    pub fn matches(&self, tag: &str) -> bool {
        self.if_none_match.iter().any(|given| given == "*" || given == tag)
    }
}

/// Sends a document on the terms of its request.
pub async fn send(document: Document, terms: &Terms, mut response: Response) -> Response {
    // Who takes neither is sent the bytes as they are: better that than nothing.
    let likes_gzip = terms.coding(&[Coding::Gzip, Coding::Plain]) == Some(Coding::Gzip);
    let compressed = likes_gzip && document.bytes.len() >= GZIP_BYTES_MIN;
    let headers = response.headers_mut();
    headers.insert(
        header::VARY,
        HeaderValue::from_static(if document.private { "Accept, Accept-Encoding, Authorization" } else { "Accept, Accept-Encoding" }),
    );
    let cache = if document.private { "private, no-cache" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    for (name, value) in &document.headers {
        headers.append(name, value.clone());
    }
    if document.tagged {
        let tag = strong_tag(&document.bytes, compressed);
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a tag is hexadecimal digits in quotes"));
        if terms.matches(&tag) {
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::CONTENT_TYPE);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            return response;
        }
    }
    headers.insert(header::CONTENT_TYPE, document.media.clone());
    let mut bytes = document.bytes;
    if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        bytes = match compress(bytes).await {
            Ok(bytes) => bytes,
            Err(problem) => return problem.into_response(),
        };
    }
    response.headers_mut().insert(header::CONTENT_LENGTH, bytes.len().into());
    *response.body_mut() = if terms.method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    response
}

/// Each content coding has a tag of its own, as the bytes differ.
fn strong_tag(bytes: &[u8], compressed: bool) -> String {
    use std::fmt::Write as _;
    let mut tag = String::from("\"");
    for byte in &Sha256::digest(bytes)[..16] {
        write!(tag, "{byte:02x}").expect("writing to a text cannot fail");
    }
    tag.push_str(if compressed { "-gzip\"" } else { "\"" });
    tag
}

async fn compress(bytes: Bytes) -> Result<Bytes, Problem> {
    let compressed = if bytes.len() <= COMPRESS_INLINE_BYTES_MAX {
        gzip(&bytes)
    } else {
        tokio::task::spawn_blocking(move || gzip(&bytes)).await.map_err(|e| Problem::internal(&e))?
    };
    compressed.map(Bytes::from).map_err(|e| Problem::internal(&e))
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coding_has_its_own_tag() {
        assert_ne!(strong_tag(b"x", false), strong_tag(b"x", true));
        assert_ne!(strong_tag(b"x", false), strong_tag(b"y", false));
    }
}
