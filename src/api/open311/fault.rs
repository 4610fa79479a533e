use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::{self, Element};
use super::form::Format;
use crate::api::problem::Problem;

/// What is wrong, as GeoReport v2 says it: a list of codes and descriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub status: u16,
    pub format: Format,
    pub descriptions: Vec<String>,
}

impl Fault {
    pub fn new(status: u16, format: Format, description: &str) -> Self {
        Self { status, format, descriptions: vec![description.to_owned()] }
    }

    /// Says a problem of ours in the standard's form. A key that is missing or wrong is 403 there.
    pub fn of(problem: &Problem, format: Format) -> Self {
        let status = match problem.kind.status() {
            StatusCode::UNAUTHORIZED => 403,
            status => status.as_u16(),
        };
        let told = problem.errors.iter().map(|error| format!("{}: {}", error.parameter, error.detail)).collect::<Vec<_>>();
        Self { status, format, descriptions: if told.is_empty() { vec![problem.detail.clone()] } else { told } }
    }
}

/// Tells the way out that an error has its form already.
#[derive(Clone, Copy, Debug)]
pub struct OwnForm;

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let error = |description: &String| json!({ "code": self.status, "description": description });
        let errors = self.descriptions.iter().map(error).collect();
        let mut response = answer::list(self.format, Element { list: "errors", item: "error" }, errors);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        response.extensions_mut().insert(OwnForm);
        response
    }
}
