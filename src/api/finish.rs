use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::document::{Document, Terms, send};
use super::open311::OwnForm;
use super::problem::{PROBLEM_JSON, Problem, ProblemKind};

/// Headers that scripts of other origins may read.
const EXPOSED: &str = "ETag, Link, Location, Content-Location, Content-Crs, Content-Range, Accept-Ranges, Preference-Applied, Retry-After, X-Request-Id, Allow";

/// How long a browser may remember the answer to a preflight: a day, as the routes change only with a release. Seconds.
const PREFLIGHT_AGE_S: u32 = 86_400;

/// The methods that a resource takes where its path has others that take more. A response carries it as an extension, as the router
/// writes `Allow` after all that stands before it.
#[derive(Clone, Copy, Debug)]
pub struct Allowed(pub &'static str);

/// The one way out: writes documents and problems, answers `OPTIONS`, and lets other origins read the answer.
pub async fn finish_response<F: Future<Output = Response>>(request: Request, next: impl FnOnce(Request) -> F) -> Response {
    let terms = Terms::of(request.method(), request.headers());
    let instance = request.uri().path().to_owned();
    let is_preflight = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = next(request).await;
    if let Some(Allowed(methods)) = response.extensions_mut().remove::<Allowed>()
        && response.status() == StatusCode::METHOD_NOT_ALLOWED
    {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    if terms.method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = answer_options(&response, is_preflight);
    }
    if let Some(document) = response.extensions_mut().remove::<Document>() {
        response = send(document, &terms, response).await;
    }
    // What speaks another standard says its errors as that has them.
    if response.extensions().get::<OwnForm>().is_some() {
        allow_origins(&mut response);
        return response;
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>().or_else(|| foreign_problem(&response)) {
        write_problem(&problem, &instance, &terms.method, &mut response);
    }
    // An answer without content has no length either, which the framework forgets where `HEAD` is asked.
    if response.status() == StatusCode::NO_CONTENT {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    allow_origins(&mut response);
    response
}

/// Turns an error of the framework into a problem, so that no caller meets another form.
fn foreign_problem(response: &Response) -> Option<Problem> {
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|media| media == PROBLEM_JSON);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    Some(match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            let allow = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or("no method");
            Problem::new(ProblemKind::MethodNotAllowed, format!("the resource takes {allow}"))
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(ProblemKind::BodyTooLarge, "send less, or as a stream of records where the resource takes one")
        }
        StatusCode::INTERNAL_SERVER_ERROR => Problem::new(ProblemKind::Internal, super::problem::INTERNAL_DETAIL),
        status => Problem::new(ProblemKind::Other(status), status.canonical_reason().unwrap_or("the request failed").to_ascii_lowercase()),
    })
}

fn write_problem(problem: &Problem, instance: &str, method: &Method, response: &mut Response) {
    let bytes: Bytes = problem.to_json(instance);
    *response.status_mut() = problem.kind.status();
    let headers = response.headers_mut();
    headers.remove(header::ETAG);
    headers.remove(header::CONTENT_ENCODING);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    *response.body_mut() = if method == Method::HEAD { Body::empty() } else { bytes.into() };
}

fn answer_options(refused: &Response, is_preflight: bool) -> Response {
    let allow = refused.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    let allow = HeaderValue::from_str(&format!("{allow},OPTIONS")).expect("methods are plain words");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if is_preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
        let taken = "Authorization, Content-Type, Content-Crs, Accept, Prefer, If-None-Match, If-Match, If-Range, Range, Idempotency-Key, \
                     Last-Event-ID, X-Request-Id";
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(taken));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S.into());
    }
    headers.insert(header::ALLOW, allow);
    response
}

/// Any origin may ask: a key travels in a header that a foreign page cannot make the browser add.
fn allow_origins(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
