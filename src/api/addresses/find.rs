use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::geocoder::Offered;
use crate::api::caller::Caller;
use crate::api::cases::require_cases;
use crate::api::document::Document;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::wire::PositionView;
use crate::boundary::Position;
use crate::dispatch::{ADDRESS_CHARS_MAX, AddressBook, Candidate, Meaning};

const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 50;

/// Which address is looked for.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AddressQuery {
    /// The address, or a part of it; at most 200 characters.
    q: String,
    /// Candidates in the answer, at most 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

impl FromQuery for AddressQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let q = values.required("q", |text| match text.trim() {
            "" => Err("is empty".to_owned()),
            text if text.chars().count() > ADDRESS_CHARS_MAX => Err(format!("is longer than {ADDRESS_CHARS_MAX} characters")),
            text => Ok(text.to_owned()),
        });
        let limit = values.optional("limit", |text| match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
            _ => Err(format!("{text:?} is not a whole number of at least 1")),
        });
        Some(Self { q: q?, limit })
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AddressList {
    /// Whether the first candidate is meant beyond doubt.
    pub certain: bool,
    /// The likest first.
    pub candidates: Vec<AddressCandidate>,
    /// Why the outside geocoder was of no help, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geocoder_error: Option<String>,
}

/// A place that may be meant.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AddressCandidate {
    pub text: String,
    /// `zone`, `street`, `plate` or `poi`; null where it comes from the geocoder.
    pub kind: Option<&'static str>,
    pub position: PositionView,
    /// How much alike the texts are, 0 to 1; of a geocoder what it says.
    pub score: Option<f64>,
    /// Whether it has this very address.
    pub exact: bool,
    /// `table` or `geocoder`.
    pub source: &'static str,
}

impl AddressCandidate {
    fn of_table(candidate: &Candidate<'_>) -> Self {
        let position = candidate.row.position;
        Self {
            text: candidate.row.text(),
            kind: Some(candidate.row.kind.as_str()),
            position: PositionView { lon: position.lon, lat: position.lat },
            score: Some(candidate.score),
            exact: candidate.is_exact,
            source: "table",
        }
    }

    fn of_geocoder(offered: &Offered) -> Self {
        Self {
            text: offered.text.clone(),
            kind: None,
            position: PositionView { lon: offered.position.lon, lat: offered.position.lat },
            score: offered.score,
            exact: false,
            source: "geocoder",
        }
    }
}

/// What an address may mean, the likest first. Where the city's table knows nothing like it, an outside geocoder is asked, if the
/// settings name one. It takes a key of any role; for a public one no geocoder is asked.
#[utoipa::path(
    get,
    operation_id = "find_addresses",
    path = "/v1/addresses",
    tag = "cases",
    params(AddressQuery),
    security(("key" = [])),
    responses((status = 200, description = "The candidates", body = AddressList))
)]
pub async fn find_addresses(
    State(state): State<AppState>,
    Query(query): Query<AddressQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    // Citizens say where something is by an address too. What others charge for is not asked on behalf of everybody.
    let is_citizen = caller.has_key() && !caller.is_insider();
    if !is_citizen {
        require_cases(&caller)?;
    }
    let book = state.addresses().await?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let found = book.candidates(&query.q, limit);
    let certain = matches!(book.find(&query.q, 1), Meaning::One(_));
    let mut body = AddressList { certain, candidates: found.iter().map(AddressCandidate::of_table).collect(), geocoder_error: None };
    if body.candidates.is_empty() && !is_citizen {
        let (offered, error) = ask_geocoder(&state, &query.q).await;
        body.candidates = offered.into_iter().take(limit).collect();
        body.geocoder_error = error;
    }
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Returns the place that an address means beyond doubt. What a geocoder offers is never that: the caller chooses.
///
/// # Errors
/// 409 where several places have the address, 422 where none has it, both with candidates.
pub async fn resolve(state: &AppState, address: &str) -> Result<Position, Problem> {
    if address.chars().count() > ADDRESS_CHARS_MAX {
        return Err(Problem::member("address", format!("is longer than {ADDRESS_CHARS_MAX} characters, and no position is given")));
    }
    let book: Arc<AddressBook> = state.addresses().await?;
    let candidates = match book.find(address, LIMIT_DEFAULT) {
        Meaning::One(row) => return Ok(row.position),
        Meaning::Several(candidates) => {
            let detail = "several places have this address; send the position of the one that is meant";
            let candidates = candidates.iter().map(AddressCandidate::of_table).collect::<Vec<_>>();
            return Err(Problem::new(ProblemKind::AmbiguousAddress, detail).offering(to_json(&candidates)));
        }
        Meaning::Unknown(candidates) => candidates.iter().map(AddressCandidate::of_table).collect::<Vec<_>>(),
    };
    let (candidates, error) = if candidates.is_empty() { ask_geocoder(state, address).await } else { (candidates, None) };
    let mut detail = "no place of the table has this address; send the position, of a candidate or another".to_owned();
    if let Some(error) = error {
        detail.push_str("; ");
        detail.push_str(&error);
    }
    Err(Problem::new(ProblemKind::UnknownAddress, detail).offering(to_json(&candidates)))
}

async fn ask_geocoder(state: &AppState, address: &str) -> (Vec<AddressCandidate>, Option<String>) {
    let Some(geocoder) = state.geocoder() else { return (Vec::new(), None) };
    match geocoder.ask(address).await {
        Ok(offered) => (offered.iter().map(AddressCandidate::of_geocoder).collect(), None),
        Err(error) => {
            // The address may be somebody's home, and is not logged.
            tracing::warn!(%error, "the outside geocoder is of no help");
            (Vec::new(), Some(error.to_string()))
        }
    }
}

fn to_json(candidates: &[AddressCandidate]) -> Vec<Value> {
    candidates.iter().map(|candidate| json!(candidate)).collect()
}
