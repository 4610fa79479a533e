use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// A request as a text, which people and fuzzers write alike: a line with method, path and query, which need no escapes; a line for
/// each header, of which `as` names a role; an empty line; and the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRequest {
    pub method: Method,
    /// Path and query as they are sent.
    pub target: String,
    pub role: Option<String>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<u8>,
}

/// What cannot stand in the address of a request. `%`, `&`, `=`, `?` and `+` stand for themselves.
const ESCAPED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Headers that are read of a text; more are passed over.
const HEADERS_MAX: usize = 8;

impl WrittenRequest {
    /// Reads a request; none where the text has no method and path.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = Lines(text);
        let first = lines.next()?;
        let space = first.iter().position(|byte| *byte == b' ')?;
        let method = Method::from_bytes(&first[..space]).ok()?;
        let target = percent_encode(&first[space + 1..], ESCAPED).to_string();
        if !target.starts_with('/') {
            return None;
        }
        let (mut role, mut headers) = (None, Vec::new());
        while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
            if name == b"as" {
                role = Some(String::from_utf8_lossy(value).into_owned());
            } else if headers.len() < HEADERS_MAX
                && let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
            {
                headers.push((name, value));
            }
        }
        Some(Self { method, target, role, headers, body: lines.0.to_vec() })
    }

    /// Makes the request, whose role has a key of its own name.
    pub fn to_request(&self) -> Option<Request<Body>> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.target).header("host", "127.0.0.1:8080");
        if let Some(role) = &self.role {
            request = request.header("authorization", format!("Bearer {role}-key"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body.clone())).ok()
    }
}

/// The lines of a text; what is behind those that were taken is left.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = &self.0[(end + 1).min(self.0.len())..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}
