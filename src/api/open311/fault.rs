use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::PartialSchema;
use utoipa::openapi::{ContentBuilder, RefOr, Response as ResponseOfDefinition, Schema};

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

/// What a fault is in JSON.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a fault is written in either form from one list")]
struct FaultView {
    code: u16,
    description: String,
}

/// Adds to an answer of the API definition that it may be a fault.
pub fn tell_faults(response: &mut ResponseOfDefinition) {
    let content = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
    response.content.insert("text/xml".to_owned(), content(String::schema()).into());
    response.content.insert("application/json".to_owned(), content(<Vec<FaultView>>::schema()).into());
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
