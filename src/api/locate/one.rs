use std::borrow::Cow;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::ask::{Asker, Given, Options};
use super::form::Members;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::wire::LocateAnswer;

/// The position of a lookup.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Point {
    /// Longitude in degrees, or the easting in a projected system.
    #[param(value_type = f64, required = true, example = 111.6184)]
    lon: Option<String>,
    /// Latitude in degrees, or the northing in a projected system.
    #[param(value_type = f64, required = true, example = 26.2225)]
    lat: Option<String>,
}

impl FromQuery for Point {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |name: &str| values.text(name).map(str::to_owned);
        Some(Self { lon: text("lon"), lat: text("lat") })
    }
}

/// Which grid a position lies in, and who answers for it.
///
/// A position outside every unit is an answer, with the nearest unit. Names, phones and ids of workers are shown only to
/// callers with a key that reaches the unit.
#[utoipa::path(
    get,
    operation_id = "locate_point",
    path = "/v1/locate",
    tag = "lookup",
    params(Point, Options),
    security((), ("key" = [])),
    responses((status = 200, description = "The answer, also where the position lies outside", body = LocateAnswer))
)]
pub async fn locate_point(
    State(state): State<AppState>,
    Query((point, options)): Query<(Point, Options)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let members = Members::parse(options.fields.as_deref())?;
    let mut asker = Asker::new(&state, caller, options).await?;
    let question = asker.ask(&|name| match name {
        "lon" => point.lon.as_deref().map(|text| Given::Text(Cow::Borrowed(text))),
        "lat" => point.lat.as_deref().map(|text| Given::Text(Cow::Borrowed(text))),
        _ => None,
    })?;
    let mut bytes = Vec::with_capacity(1024);
    members.write(&asker.answer(&question, &base)?, &mut bytes)?;
    let document = Document::new(JSON.media, bytes).private(true);
    // Without a time the answer depends on the clock, and a tag would only invite useless questions.
    Ok(if question.has_time() { document } else { document.untagged() }.into_response())
}
