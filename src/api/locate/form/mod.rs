//! The four forms of a body of records, each answered in its own form.

mod csv;
mod features;
mod members;
mod objects;

pub use csv::CsvForm;
pub use features::FeatureForm;
pub use members::Members;
pub use objects::{ArrayForm, LineForm};
use serde_json::{Map, Value};

use super::ask::{Asker, Fields};
use super::quick::Quick;
use super::split::{Broken, Cut};
use crate::api::links::BaseUrl;
use crate::api::observe::count_lookups;
use crate::api::problem::Problem;
use crate::api::wire::LocateAnswer;
use crate::import::{StrictJsonError, read_strict_json};

/// A body that is read and answered piece by piece.
pub trait Form: Send {
    /// Takes a piece of the body and writes the answers of the records that end in it.
    ///
    /// # Errors
    /// The body is not of this form; nothing can be told apart from here on.
    fn push(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken>;

    /// Takes the end of the body and writes the end of the answer.
    ///
    /// # Errors
    /// The body ended too early.
    fn finish(&mut self, desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken>;

    /// Writes that the body broke off, and the end of the answer, so that what was sent can be read.
    fn give_up(&mut self, broken: &Broken, out: &mut Vec<u8>);

    /// Whether enough has come to know that the body is of this form. Until then a fault is a problem of its own.
    fn is_begun(&self) -> bool;
}

/// Answers one record after the other.
#[derive(Debug)]
pub struct Desk {
    pub asker: Asker,
    pub base: BaseUrl,
    pub members: Members,
    /// Answers plain records many at once, where what is asked allows it.
    pub quick: Option<Quick>,
}

impl Desk {
    pub fn new(asker: Asker, base: BaseUrl, members: Members, quick: Option<Quick>) -> Self {
        let quick = quick.filter(|_| asker.takes_degrees());
        Self { asker, base, members, quick }
    }

    /// Answers a record, or says why it cannot be.
    ///
    /// # Errors
    /// Names what is wrong with the record.
    pub fn answer(&mut self, fields: &Fields<'_>, write: &mut dyn FnMut(&LocateAnswer<'_>) -> Result<(), Problem>) -> Result<(), String> {
        let result = self.try_answer(fields, write).map_err(|problem| problem.detail);
        if result.is_err() {
            count_lookups(INVALID, 1);
        }
        result
    }

    fn try_answer(&mut self, fields: &Fields<'_>, write: &mut dyn FnMut(&LocateAnswer<'_>) -> Result<(), Problem>) -> Result<(), Problem> {
        let question = self.asker.ask(fields)?;
        write(&self.asker.answer(&question, &self.base)?)
    }
}

/// The status of a record that cannot be answered.
pub const INVALID: &str = "invalid";

/// Reads an object in which no member stands twice. `what` is what it is called where it is none.
fn read_object(bytes: &[u8], what: &str) -> Result<Map<String, Value>, String> {
    match read_strict_json(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(format!("{what} is no JSON object")),
        Err(twice @ StrictJsonError::Twice { .. }) => Err(format!("{what} {twice}")),
        Err(StrictJsonError::Syntax(error)) => Err(format!("{what} is no JSON object: {error}")),
    }
}

/// Says of a cut why it holds no record.
fn record<'a>(cut: &Cut<'a>) -> Result<&'a [u8], String> {
    match cut {
        Cut::Record(bytes) => Ok(bytes),
        Cut::TooLong => Err("the record is longer than the service takes".to_owned()),
        Cut::Open => Err("a quote is opened that is not closed up to the end; double a quote that belongs to the text".to_owned()),
    }
}
