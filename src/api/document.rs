use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustc_hash::FxHashMap;
use twox_hash::XxHash3_128;

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
    /// What the ETag begins with: the version of what is shown, which writes are held to.
    version: String,
    /// Whether it may be packed for its way. Not where its bytes are packed already.
    packed: bool,
    /// Whether the answer depends on who asks, and so may not be kept by a shared cache.
    private: bool,
    /// Whether its address will never have other bytes.
    lasting: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Below this the head of a coding and a packet's fixed cost eat the gain. Bytes.
const PACKED_BYTES_MIN: usize = 1024;

/// What documents are packed as, of codings that a caller likes alike the first: they are packed for each answer, and zstd takes a third of
/// the time of br, which gains a tenth.
const CODINGS: [Coding; 4] = [Coding::Zstd, Coding::Brotli, Coding::Gzip, Coding::Plain];

/// Larger documents are compressed on a thread for blocking work, so that they do not hold up small answers. Bytes.
const COMPRESS_INLINE_BYTES_MAX: usize = 128 << 10;

/// Geometry as text shrinks by nine tenths of what the slowest level reaches at a quarter of its time.
const GZIP_LEVEL: u32 = 4;

impl Document {
    pub fn new(media: &'static str, bytes: impl Into<Bytes>) -> Self {
        let media = HeaderValue::from_static(media);
        Self {
            media,
            bytes: bytes.into(),
            tagged: true,
            version: String::new(),
            packed: true,
            private: false,
            lasting: false,
            headers: Vec::new(),
        }
    }

    /// Marks an answer that the next moment may change: it carries no ETag.
    pub fn untagged(self) -> Self {
        Self { tagged: false, ..self }
    }

    /// Marks an answer whose bytes are packed already, as those of pictures are.
    pub fn unpacked(self) -> Self {
        Self { packed: false, ..self }
    }

    /// Says which version of something is shown: the ETag begins with it.
    pub fn version(self, version: impl Into<String>) -> Self {
        Self { version: version.into(), ..self }
    }

    /// Marks an answer that depends on the caller's role.
    pub fn private(self, private: bool) -> Self {
        Self { private, ..self }
    }

    /// Marks what its address will show for ever, such as a file with a hash in its name: whoever has it need not ask again. Packed once and
    /// kept, so it is for files of the program alone.
    pub fn lasting(self, lasting: bool) -> Self {
        Self { lasting, ..self }
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

/// Says of an answer that is a document which version of something it shows.
pub fn at_version(mut response: Response, version: String) -> Response {
    if let Some(document) = response.extensions_mut().get_mut::<Document>() {
        document.version = version;
    }
    response
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
    // Who takes none of them is sent the bytes as they are: better that than nothing.
    let is_worth_it = document.packed && document.bytes.len() >= PACKED_BYTES_MIN;
    let coding = terms.coding(&CODINGS).filter(|_| is_worth_it).unwrap_or(Coding::Plain);
    let headers = response.headers_mut();
    headers.insert(
        header::VARY,
        HeaderValue::from_static(if document.private { "Accept, Accept-Encoding, Authorization" } else { "Accept, Accept-Encoding" }),
    );
    let cache = match (document.private, document.lasting) {
        (true, _) => "private, no-cache",
        (false, true) => "public, max-age=31536000, immutable",
        (false, false) => "no-cache",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    for (name, value) in &document.headers {
        headers.append(name, value.clone());
    }
    if document.tagged {
        let tag = strong_tag(&document.version, &document.bytes, coding);
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("a tag is plain text in quotes"));
        // Of a write `If-None-Match` is about what was there before it, which its handler has seen to.
        if matches!(terms.method, Method::GET | Method::HEAD) && terms.matches(&tag) {
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::CONTENT_TYPE);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            return response;
        }
    }
    headers.insert(header::CONTENT_TYPE, document.media.clone());
    let mut bytes = document.bytes;
    if let Some(name) = coding.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        let packed = if document.lasting { compress_once(coding, bytes).await } else { compress(coding, bytes).await };
        bytes = match packed {
            Ok(bytes) => bytes,
            Err(problem) => return problem.into_response(),
        };
    }
    response.headers_mut().insert(header::CONTENT_LENGTH, bytes.len().into());
    *response.body_mut() = if terms.method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    response
}

/// Each content coding has a tag of its own, as the bytes differ.
///
/// 128 bits tell bytes apart that nobody has made to be taken for each other, at twenty times the speed of a digest that would tell those
/// apart too: a page of a hundred units took half of its time for that. Who could make such bytes may write them anyway, and what is
/// written is held to the version in front.
fn strong_tag(version: &str, bytes: &[u8], coding: Coding) -> String {
    let mut tag = format!("\"{version}{:032x}", XxHash3_128::oneshot(bytes));
    if let Some(name) = coding.name() {
        tag.push('-');
        tag.push_str(name);
    }
    tag.push('"');
    tag
}

/// Packs bytes that last, and keeps them by their tag.
async fn compress_once(coding: Coding, bytes: Bytes) -> Result<Bytes, Problem> {
    static KEPT: LazyLock<Mutex<FxHashMap<String, Bytes>>> = LazyLock::new(Mutex::default);
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let tag = strong_tag("", &bytes, coding);
    if let Some(found) = kept().get(&tag) {
        return Ok(found.clone());
    }
    let packed = compress(coding, bytes).await?;
    kept().insert(tag, packed.clone());
    Ok(packed)
}

async fn compress(coding: Coding, bytes: Bytes) -> Result<Bytes, Problem> {
    let compressed = if bytes.len() <= COMPRESS_INLINE_BYTES_MAX {
        pack(coding, &bytes)
    } else {
        tokio::task::spawn_blocking(move || pack(coding, &bytes)).await.map_err(|e| Problem::internal(&e))?
    };
    compressed.map(Bytes::from).map_err(|e| Problem::internal(&e))
}

fn pack(coding: Coding, bytes: &Bytes) -> std::io::Result<Vec<u8>> {
    if coding == Coding::Gzip { gzip(bytes) } else { Ok(coding.pack(bytes.to_vec())) }
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
        let tags: std::collections::BTreeSet<String> = CODINGS.iter().map(|coding| strong_tag("", b"x", *coding)).collect();
        assert_eq!(tags.len(), CODINGS.len());
        assert_ne!(strong_tag("", b"x", Coding::Plain), strong_tag("", b"y", Coding::Plain));
        assert_ne!(strong_tag("1.", b"x", Coding::Plain), strong_tag("2.", b"x", Coding::Plain));
    }
}
