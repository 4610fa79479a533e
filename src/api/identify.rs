use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use jiff::Timestamp;

use super::admit::is_always_admitted;
use super::caller::{Caller, Identified, Identity};
use super::origin::find_origin;
use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use super::token::{TokenError, TokenVerifier};

/// Finds out who asks, and turns away who asks too often.
///
/// A key or token that is not taken is no reason to turn a request away yet: the route is told, and none that is open to somebody
/// takes it for nothing.
///
/// # Errors
/// 429 with `Retry-After` for who asks too often.
pub async fn identify<F: Future<Output = Response>>(
    state: &AppState,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Result<Response, Problem> {
    if is_always_admitted(request.uri().path()) {
        return Ok(next(request).await);
    }
    let origin = find_origin(request.extensions(), request.headers(), &state.config().http);
    let identified = find_caller(state, request.headers(), origin).await;
    match &identified {
        Ok(caller) => state.rates().count(caller.identity(), origin)?,
        Err(problem) if problem.kind == ProblemKind::RateLimited => return Err(problem.clone()),
        Err(_) => state.rates().count(&Identity::Nobody, origin)?,
    }
    request.extensions_mut().insert(Identified(identified));
    Ok(next(request).await)
}

async fn find_caller(state: &AppState, headers: &HeaderMap, origin: Option<IpAddr>) -> Result<Caller, Problem> {
    let refused = |detail: &str| Problem::new(ProblemKind::Unauthorized, detail);
    let mut headers = headers.get_all(header::AUTHORIZATION).iter();
    let Some(header) = headers.next() else { return Ok(Caller::public()) };
    let shown = header.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, shown)) = shown else { return Err(refused("the Authorization header is not of the form Bearer KEY")) };
    if headers.next().is_some() {
        return Err(refused("there is more than one Authorization header"));
    }
    let (shown, now) = (shown.trim(), Timestamp::now());
    if let Some(caller) = state.keys().find(shown, now) {
        return Ok(caller);
    }
    match state.tokens().filter(|_| TokenVerifier::is_token(shown)) {
        Some(tokens) => check_token(state, tokens, shown, origin, now).await,
        None => Err(refused("the key is unknown, has expired or has been revoked")),
    }
}

async fn check_token(
    state: &AppState,
    tokens: &TokenVerifier,
    shown: &str,
    origin: Option<IpAddr>,
    now: Timestamp,
) -> Result<Caller, Problem> {
    if let Some(verified) = tokens.recall(shown, now) {
        return Ok(Caller::of_token(&verified));
    }
    // Checking a signature takes a thousand times as long as finding a key, so that whoever makes tokens up is bounded before.
    state.rates().count_address(origin)?;
    match tokens.verify(shown).await {
        Ok(verified) => Ok(Caller::of_token(&verified)),
        Err(error @ TokenError::Refused(_)) => Err(Problem::new(ProblemKind::Unauthorized, error.to_string())),
        Err(error @ TokenError::NoKeys) => Err(Problem::new(ProblemKind::IssuerDown, format!("{error}; keys still open the service"))),
    }
}
