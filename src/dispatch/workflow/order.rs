use jiff::Timestamp;

use super::definition::{ActionName, Need};
use super::event::{Appointed, Place};
use crate::dispatch::{Calendar, DepartmentId, Departments, Limit, Limits, PhotoId, Role, WorkerId};

/// Who asks for a move.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    pub role: Role,
    pub author: &'a str,
    /// Who that is, where the key or token is a worker's own.
    pub person: Option<&'a WorkerId>,
}

/// A move that somebody asks for.
#[derive(Clone, Debug)]
pub struct Order {
    pub action: ActionName,
    pub role: Role,
    pub author: String,
    /// Who the author is, where the key or token is a worker's own: a person may have several.
    pub person: Option<WorkerId>,
    pub at: Timestamp,
    pub reason: String,
    pub condition: String,
    /// Whose task it is about. May be left out where the case has one that is open.
    pub department: Option<DepartmentId>,
    /// Who is to get a task; none takes those whom the rules name.
    pub departments: Vec<Appointed>,
    pub worker: Option<WorkerId>,
    /// How much longer a clock is to be.
    pub limit: Option<Limit>,
    pub place: Option<Place>,
    pub category: Option<String>,
    pub rating: Option<u8>,
    pub published: Option<bool>,
    /// Photos that somebody has looked at and that may be shown with the case; none leaves it at those that are shown.
    pub photos: Option<Vec<PhotoId>>,
}

impl Order {
    /// Returns an order that says nothing beside its move.
    pub fn new(action: &str, role: Role, author: &str, at: Timestamp) -> Self {
        Self {
            action: ActionName(action.into()),
            role,
            author: author.to_owned(),
            person: None,
            at,
            reason: String::new(),
            condition: String::new(),
            department: None,
            departments: Vec::new(),
            worker: None,
            limit: None,
            place: None,
            category: None,
            rating: None,
            published: None,
            photos: None,
        }
    }

    pub(super) fn actor(&self) -> Actor<'_> {
        Actor { role: self.role, author: &self.author, person: self.person.as_ref() }
    }

    pub(super) fn has(&self, need: Need) -> bool {
        match need {
            Need::Reason => !self.reason.trim().is_empty(),
            Need::Condition => !self.condition.trim().is_empty(),
            Need::Department => self.department.is_some() || !self.departments.is_empty(),
            Need::Worker => self.worker.is_some(),
            Need::Limit => self.limit.is_some(),
            Need::Place => self.place.is_some(),
            Need::Category => self.category.is_some(),
            Need::Rating => self.rating.is_some(),
            Need::Published => self.published.is_some(),
        }
    }
}

/// What is known about a case beside its history, at the place and time of an order.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Whom the rules name, the lead first.
    pub departments: Vec<Appointed>,
    /// All whom they name anywhere, now or when the case was reported; where these are none, any may be given a task.
    pub known: Departments<'a>,
    pub limits: Limits,
    pub calendar: &'a Calendar,
    /// The collector nearest to the place: who holds its grid, or else that of the nearest.
    pub collector: Option<WorkerId>,
    pub category: String,
    /// The wider kind of the category.
    pub major: Option<String>,
    /// Where the case is now.
    pub place: Place,
}
