use serde::Serialize;
use serde_json::{Map, Value};

use super::INVALID;
use crate::api::problem::Problem;
use crate::api::wire::LocateAnswer;

/// The members that can be named, in the order of an answer.
pub const MEMBERS: [&str; 18] = [
    "status",
    "position",
    "layer",
    "generation",
    "at",
    "expires",
    GRID_CODE,
    "grid",
    "path",
    "responsible",
    "vacant",
    "departments",
    "due_at",
    "rule",
    "distance_to_border_m",
    "ambiguous",
    "alternatives",
    "nearest",
];

/// The member that stands for the code alone, before the whole unit. Only those who name it get it.
const GRID_CODE: &str = "grid_code";

/// Which members of the answer a caller wants; none named means all.
#[derive(Clone, Debug, Default)]
pub struct Members(Option<Vec<String>>);

#[derive(Serialize)]
struct Invalid<'a> {
    status: &'a str,
    error: &'a str,
}

impl Members {
    /// Parses the value of `fields` for answers in JSON.
    ///
    /// # Errors
    /// Names a member that answers do not have.
    pub fn parse(fields: Option<&str>) -> Result<Self, Problem> {
        Self::parse_of(fields, &MEMBERS)
    }

    /// Parses the value of `fields` against the names that there are.
    ///
    /// # Errors
    /// Names a field that there is not.
    pub fn parse_of(fields: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let Some(fields) = fields else { return Ok(Self(None)) };
        let fields: Vec<_> = fields.split(',').map(|name| name.trim().to_owned()).collect();
        match fields.iter().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(Problem::parameter("fields", format!("{unknown:?} is not one of {}", known.join(", ")))),
            None => Ok(Self(Some(fields))),
        }
    }

    /// Returns the names asked for; none where all are.
    pub fn names(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    /// Writes an answer with the members asked for.
    ///
    /// # Errors
    /// None that a caller could mend.
    pub fn write(&self, answer: &LocateAnswer<'_>, out: &mut Vec<u8>) -> Result<(), Problem> {
        if self.0.is_none() {
            return serde_json::to_writer(out, answer).map_err(|e| Problem::internal(&e));
        }
        serde_json::to_writer(out, &self.pick(answer)?).map_err(|e| Problem::internal(&e))
    }

    /// Returns the members asked for.
    ///
    /// # Errors
    /// None that a caller could mend.
    pub fn pick(&self, answer: &LocateAnswer<'_>) -> Result<Map<String, Value>, Problem> {
        let Value::Object(mut all) = serde_json::to_value(answer).map_err(|e| Problem::internal(&e))? else {
            return Ok(Map::new());
        };
        if let Some(names) = &self.0 {
            if names.iter().any(|name| name == GRID_CODE) {
                let code = answer.grid.as_ref().map_or(Value::Null, |grid| grid.code.into());
                all.shift_insert(Self::place_of(GRID_CODE), GRID_CODE.to_owned(), code);
            }
            all.retain(|name, _| names.contains(name));
        }
        Ok(all)
    }

    /// Returns the place of a member in answers.
    pub fn place_of(name: &str) -> usize {
        MEMBERS.iter().position(|member| *member == name).unwrap_or(MEMBERS.len())
    }
}

/// Writes the element that stands for a record which cannot be answered.
pub fn write_invalid(error: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &Invalid { status: INVALID, error }).expect("texts always serialise into memory");
}
