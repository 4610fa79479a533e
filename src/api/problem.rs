use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::links::{Link, to_header};

/// The one way in which a request fails: problem details as in RFC 9457.
///
/// What is said is meant for the caller. Causes inside the service are logged where they are met and never sent.
#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: ProblemKind,
    pub detail: String,
    /// The parameters that are wrong, all of them.
    pub errors: Vec<ParameterError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The moves that are open, where one was not.
    allowed: Option<Vec<String>>,
    more: Option<Box<More>>,
}

/// What is told of a draft that was not changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct More {
    /// The rule that an operation would break.
    pub reason: Option<&'static str>,
    pub units: Option<Vec<String>>,
    /// GeoJSON.
    pub place: Option<Value>,
    pub remedy: Option<String>,
    /// The revision that the draft is at.
    pub revision: Option<u32>,
    /// What was done since the revision that the caller knows.
    pub since: Option<Value>,
    /// What an address may mean.
    pub candidates: Option<Vec<Value>>,
    /// Where to go instead.
    pub links: Option<Vec<Link>>,
}

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ParameterError {
    pub parameter: String,
    pub detail: String,
}

/// The kinds of problem; each has one `type` and one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    InvalidParameter,
    InvalidBody,
    AtNotCovered,
    UnknownGeneration,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    BodyTooLarge,
    UnsupportedMediaType,
    RateLimited,
    InvalidMove,
    Changed,
    KeyReused,
    EditRefused,
    BreaksRule,
    PreconditionRequired,
    DraftClosed,
    ReadOnly,
    NotApproved,
    Superseded,
    Unheld,
    HasProblems,
    NoConsent,
    OffDuty,
    AmbiguousAddress,
    UnknownAddress,
    Internal,
    Overloaded,
    Timeout,
    NotReady,
    StoreDown,
    GenerationLoading,
    GenerationTooLarge,
    IssuerDown,
    /// An answer of the framework that has no kind of its own.
    Other(StatusCode),
}

/// Seconds after which a caller who met an overload may come back: long enough that a crowd thins out, short enough for a person.
pub const RETRY_AFTER_S: u32 = 2;

pub const PROBLEM_JSON: &str = "application/problem+json";

impl ProblemKind {
    pub const NAMED: [Self; 36] = [
        Self::InvalidParameter,
        Self::InvalidBody,
        Self::AtNotCovered,
        Self::UnknownGeneration,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::InvalidMove,
        Self::Changed,
        Self::KeyReused,
        Self::EditRefused,
        Self::BreaksRule,
        Self::PreconditionRequired,
        Self::DraftClosed,
        Self::ReadOnly,
        Self::NotApproved,
        Self::Superseded,
        Self::Unheld,
        Self::HasProblems,
        Self::NoConsent,
        Self::OffDuty,
        Self::AmbiguousAddress,
        Self::UnknownAddress,
        Self::Internal,
        Self::Overloaded,
        Self::Timeout,
        Self::NotReady,
        Self::StoreDown,
        Self::GenerationLoading,
        Self::GenerationTooLarge,
        Self::IssuerDown,
    ];

    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidParameter | Self::InvalidBody | Self::AtNotCovered | Self::UnknownGeneration => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::InvalidMove
            | Self::NoConsent
            | Self::OffDuty
            | Self::AmbiguousAddress
            | Self::DraftClosed
            | Self::ReadOnly
            | Self::NotApproved
            | Self::Superseded
            | Self::Unheld
            | Self::HasProblems => StatusCode::CONFLICT,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::KeyReused | Self::EditRefused | Self::BreaksRule | Self::UnknownAddress => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded
            | Self::Timeout
            | Self::NotReady
            | Self::StoreDown
            | Self::GenerationLoading
            | Self::GenerationTooLarge
            | Self::IssuerDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::Other(status) => status,
        }
    }

    /// Returns the last part of the `type`, which is `urn:gridkeeper:problem:NAME`.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidParameter => "invalid-parameter",
            Self::InvalidBody => "invalid-body",
            Self::AtNotCovered => "at-not-covered",
            Self::UnknownGeneration => "unknown-generation",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NotAcceptable => "not-acceptable",
            Self::BodyTooLarge => "body-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::RateLimited => "rate-limited",
            Self::InvalidMove => "invalid-move",
            Self::Changed => "changed",
            Self::KeyReused => "idempotency-key-reused",
            Self::EditRefused => "edit-refused",
            Self::BreaksRule => "breaks-rule",
            Self::PreconditionRequired => "precondition-required",
            Self::DraftClosed => "draft-closed",
            Self::ReadOnly => "read-only",
            Self::NotApproved => "not-approved",
            Self::Superseded => "superseded",
            Self::Unheld => "unheld",
            Self::HasProblems => "has-problems",
            Self::NoConsent => "no-consent",
            Self::OffDuty => "off-duty",
            Self::AmbiguousAddress => "ambiguous-address",
            Self::UnknownAddress => "unknown-address",
            Self::Internal => "internal",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::NotReady => "not-ready",
            Self::StoreDown => "store-down",
            Self::GenerationLoading => "generation-loading",
            Self::GenerationTooLarge => "generation-too-large",
            Self::IssuerDown => "issuer-down",
            Self::Other(_) => return None,
        })
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidParameter => "A parameter is unknown or wrong",
            Self::InvalidBody => "The body cannot be read",
            Self::AtNotCovered => "No boundaries are in effect at this time",
            Self::UnknownGeneration => "There is no such generation",
            Self::Unauthorized => "A valid key is needed",
            Self::Forbidden => "The key does not allow this",
            Self::NotFound => "There is no such resource",
            Self::MethodNotAllowed => "The resource does not take this method",
            Self::NotAcceptable => "The resource is not available in an accepted type",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is of a type that is not taken here",
            Self::RateLimited => "Too many requests",
            Self::InvalidMove => "The case does not take this move now",
            Self::Changed => "The resource is another by now",
            Self::KeyReused => "The key was used for another request",
            Self::EditRefused => "The operation is refused, and the draft is as before",
            Self::BreaksRule => "What is sent breaks a rule",
            Self::PreconditionRequired => "The version that the change is made on has to be named",
            Self::DraftClosed => "The draft is no longer edited",
            Self::ReadOnly => "What is published is not written to",
            Self::NotApproved => "Nobody has approved the draft as it is",
            Self::Superseded => "Something newer was published meanwhile",
            Self::Unheld => "Units would have no holder",
            Self::HasProblems => "Problems stand in the way",
            Self::NoConsent => "The worker has not agreed to this",
            Self::OffDuty => "The worker is off duty",
            Self::AmbiguousAddress => "Several places have this address",
            Self::UnknownAddress => "No place is known by this address",
            Self::Internal => "The service failed",
            Self::Overloaded => "The service is busy",
            Self::Timeout => "The answer took too long",
            Self::NotReady => "The service is not ready",
            Self::StoreDown => "The store does not answer",
            Self::GenerationLoading => "The generation is still being loaded",
            Self::GenerationTooLarge => "The generation is larger than the memory for other times",
            Self::IssuerDown => "The issuer of tokens does not answer",
            Self::Other(status) => status.canonical_reason().unwrap_or("The request failed"),
        }
    }
}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let headers = match kind {
            ProblemKind::Unauthorized => vec![(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
            // Coming back is of no use before the setting is raised.
            ProblemKind::GenerationTooLarge => Vec::new(),
            _ if kind.status() == StatusCode::SERVICE_UNAVAILABLE => vec![(header::RETRY_AFTER, RETRY_AFTER_S.into())],
            _ => Vec::new(),
        };
        Self { kind, detail: detail.into(), errors: Vec::new(), headers, allowed: None, more: None }
    }

    /// Makes the problem of one wrong parameter.
    pub fn parameter(parameter: &str, detail: impl Into<String>) -> Self {
        Self::parameters(vec![ParameterError { parameter: parameter.to_owned(), detail: detail.into() }])
    }

    /// Makes the problem of several wrong parameters.
    pub fn parameters(errors: Vec<ParameterError>) -> Self {
        let told: Vec<_> = errors.iter().map(|error| format!("{}: {}", error.parameter, error.detail)).collect();
        Self { errors, ..Self::new(ProblemKind::InvalidParameter, told.join("; ")) }
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// Logs a failure inside the service and hides it from the caller.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "a request failed inside the service");
        Self::new(ProblemKind::Internal, INTERNAL_DETAIL)
    }

    /// Logs a failure of the store and tells the caller only that the store is away.
    pub fn store_down(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %chain(error), "the store failed under a request");
        Self::new(ProblemKind::StoreDown, "lookups and boundaries still answer; try again later")
    }

    /// Says after how many seconds the caller may come back.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((header::RETRY_AFTER, seconds.into()));
        self
    }

    pub fn with_parameter(mut self, parameter: &str) -> Self {
        self.errors.push(ParameterError { parameter: parameter.to_owned(), detail: self.detail.clone() });
        self
    }

    /// Makes the problem of a body of which members are wrong.
    pub fn members(errors: Vec<ParameterError>) -> Self {
        Self { kind: ProblemKind::InvalidBody, ..Self::parameters(errors) }
    }

    /// Makes the problem of a body of which one member is wrong.
    pub fn member(member: &str, detail: impl Into<String>) -> Self {
        Self { kind: ProblemKind::InvalidBody, ..Self::parameter(member, detail) }
    }

    /// Adds the moves that are open instead.
    pub fn allowing(self, allowed: Vec<String>) -> Self {
        Self { allowed: Some(allowed), ..self }
    }

    /// Adds what is told of a draft.
    pub fn telling(self, more: More) -> Self {
        Self { more: Some(Box::new(more)), ..self }
    }

    /// Adds where to go instead, in the document and in a `Link` header.
    pub fn leading_to(mut self, links: Vec<Link>) -> Self {
        if let Ok(value) = HeaderValue::from_str(&to_header(&links)) {
            self.headers.push((header::LINK, value));
        }
        self.telling(More { links: Some(links), ..More::default() })
    }

    /// Adds what an address may mean.
    pub fn offering(self, candidates: Vec<Value>) -> Self {
        self.telling(More { candidates: Some(candidates), ..More::default() })
    }

    /// Writes the document. `instance` is the path that was asked for.
    pub fn to_json(&self, instance: &str) -> Bytes {
        let none = More::default();
        let more = self.more.as_deref().unwrap_or(&none);
        let document = Document {
            r#type: self.kind.name().map_or_else(|| "about:blank".to_owned(), |name| format!("urn:gridkeeper:problem:{name}")),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
            allowed: self.allowed.as_deref(),
            reason: more.reason,
            units: more.units.as_deref(),
            place: more.place.as_ref(),
            remedy: more.remedy.as_deref(),
            revision: more.revision,
            since: more.since.as_ref(),
            candidates: more.candidates.as_deref(),
            links: more.links.as_deref(),
        };
        serde_json::to_vec(&document).expect("texts and numbers always serialise").into()
    }
}

/// What is told of a failure inside the service; the log has the cause under the request's id.
pub const INTERNAL_DETAIL: &str = "the failure has been logged under the request id of this answer";

/// Problem details, RFC 9457.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ParameterError],
    /// Of a move of a case that is not open: the moves that are.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<&'a [String]>,
    /// Of an operation on a draft that is refused: the rule that it would break.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The codes of the units concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<&'a [String]>,
    /// Where it would be broken, as a GeoJSON geometry.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    place: Option<&'a Value>,
    /// What can be done instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a str>,
    /// Of a draft that is another by now: its revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// What was done since the revision that the caller named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    since: Option<&'a Value>,
    /// Of an address that is not certain: the places that may be meant, as `/v1/addresses` has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    candidates: Option<&'a [Value]>,
    /// Where to go instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<&'a [Link]>,
}

/// Leaves the problem in the response's extensions: [`super::finish`] writes it, as only it knows the path.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_type_of_its_own() {
        let mut names: Vec<_> = ProblemKind::NAMED.iter().map(|kind| kind.name().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ProblemKind::NAMED.len());
    }

    #[test]
    fn a_problem_names_every_wrong_parameter() {
        let error = |parameter: &str| ParameterError { parameter: parameter.into(), detail: "is wrong".into() };
        let problem = Problem::parameters(vec![error("lon"), error("lat")]);
        let json: serde_json::Value = serde_json::from_slice(&problem.to_json("/v1/locate")).unwrap();
        assert_eq!(json["status"], 400);
        assert_eq!(json["instance"], "/v1/locate");
        assert_eq!(json["errors"][1]["parameter"], "lat");
        assert_eq!(json["detail"], "lon: is wrong; lat: is wrong");
    }
}
