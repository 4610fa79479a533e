use jiff::Timestamp;

use super::board::Kind;
use crate::api::as_of::parse_time;
use crate::api::cases::require_prefix;
use crate::api::links::encode;
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Values};
use crate::boundary::{Territory, UnitCode};

/// Which cases a map shows.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CaseMapQuery {
    /// Only cases in this state.
    #[param(max_length = 256)]
    pub state: Option<String>,
    /// Only cases that have not ended, or that have.
    pub open: Option<bool>,
    /// Only open cases of which a clock has run out.
    pub overdue: Option<bool>,
    /// Only cases of this category; where it is a wider kind, of all below it.
    #[param(max_length = 256)]
    pub category: Option<String>,
    /// Only cases in units whose code begins so.
    #[param(example = "431102004", max_length = 256)]
    pub grid: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub reported_from: Option<Timestamp>,
    /// Exclusive.
    #[param(value_type = Option<String>, format = DateTime)]
    pub reported_to: Option<Timestamp>,
}

/// What a caller asks for, within what the key reaches. Two who ask the same are shown the same tiles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CaseChoice {
    state: Option<String>,
    open: Option<bool>,
    overdue: bool,
    /// Of one of these; none: of any.
    categories: Vec<String>,
    grid: Option<String>,
    reported_from: Option<Timestamp>,
    reported_to: Option<Timestamp>,
    territory: Territory,
}

/// Longest text that is compared with, in bytes; it is kept beside the tile.
const TEXT_BYTES_MAX: usize = 256;

impl FromQuery for CaseMapQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self {
            state: values.optional("state", parse_text),
            open: values.optional("open", parse_bool),
            overdue: values.optional("overdue", parse_bool),
            category: values.optional("category", parse_text),
            grid: values.optional("grid", parse_text),
            reported_from: values.optional("reported_from", parse_time),
            reported_to: values.optional("reported_to", parse_time),
        })
    }
}

fn parse_text(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("is empty".into()),
        1..=TEXT_BYTES_MAX => Ok(text.to_owned()),
        length => Err(format!("has {length} bytes, more than {TEXT_BYTES_MAX}")),
    }
}

fn parse_bool(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

impl CaseMapQuery {
    /// Returns the parameters as they stand in an address, each pair behind an `&`.
    pub fn to_pairs(&self) -> String {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let all = [
            ("state", self.state.clone()),
            ("open", self.open.map(|open| open.to_string())),
            ("overdue", self.overdue.map(|overdue| overdue.to_string())),
            ("category", self.category.clone()),
            ("grid", self.grid.clone()),
            ("reported_from", time(self.reported_from)),
            ("reported_to", time(self.reported_to)),
        ];
        all.into_iter().filter_map(|(name, value)| Some(format!("&{name}={}", encode(&value?)))).collect()
    }

    /// Narrows what is asked for to what the key reaches, of the categories that are meant by the one that is named.
    ///
    /// # Errors
    /// 403 for a unit that it does not reach, 400 for `overdue=false`.
    pub fn choose(&self, territory: Territory, categories: Vec<String>) -> Result<CaseChoice, Problem> {
        require_prefix(&territory, self.grid.as_deref())?;
        if self.overdue == Some(false) {
            return Err(Problem::parameter("overdue", "is true or left out"));
        }
        Ok(CaseChoice {
            state: self.state.clone(),
            open: self.open,
            overdue: self.overdue.is_some(),
            categories,
            grid: self.grid.clone(),
            reported_from: self.reported_from,
            reported_to: self.reported_to,
            territory,
        })
    }
}

impl CaseChoice {
    pub fn has_kind(&self, kind: &Kind) -> bool {
        self.state.as_ref().is_none_or(|state| kind.state.as_ref() == Some(state))
            && self.open.is_none_or(|open| kind.is_open == Some(open))
            && (self.categories.is_empty() || self.categories.contains(&kind.category))
    }

    /// Whether cases of some units only are chosen.
    pub fn is_limited(&self) -> bool {
        self.grid.is_some() || self.territory != Territory::Whole
    }

    pub fn has_place(&self, grid: Option<&UnitCode>) -> bool {
        let lies_in = |prefix: &String| grid.is_some_and(|grid| grid.as_str().starts_with(prefix.as_str()));
        self.grid.as_ref().is_none_or(lies_in) && self.territory.has_place(grid)
    }

    /// Whether only open cases are chosen of which a clock has run out.
    pub fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// Whether only cases are chosen that have not ended.
    pub fn is_open(&self) -> bool {
        self.open == Some(true)
    }

    /// Returns from when on and until when, exclusive, cases were reported that are chosen.
    pub fn reported(&self) -> [Option<Timestamp>; 2] {
        [self.reported_from, self.reported_to]
    }
}
