use super::ask::Asker;
use super::form::Members;
use crate::boundary::Position;
use crate::index::{MaybeUnit, Status};

/// Answers records of which only the unit and the status are asked: many at once, as nothing needs to be measured or found out for each.
///
/// Records are [added](Self::add) while a piece of the body is read and answered together; what is no plain record is answered in between
/// by whoever reads the piece.
#[derive(Debug)]
pub struct Quick {
    columns: Vec<Column>,
    positions: Vec<Position>,
    units: Vec<MaybeUnit>,
}

/// What can be answered so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Status,
    GridCode,
}

impl Column {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "status" => Some(Self::Status),
            "grid_code" => Some(Self::GridCode),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::GridCode => "grid_code",
        }
    }
}

/// What was found for one record.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub status: Status,
    pub code: Option<&'a str>,
}

/// Takes the place of a record among those that were added, the columns to write, and what was found or why nothing can be.
pub type Take<'t> = dyn FnMut(usize, &[Column], Result<Found<'_>, &str>) + 't;

impl Quick {
    /// Returns what answers these members, in their order; none where one of them needs more.
    pub fn new(names: Option<&[String]>) -> Option<Self> {
        let columns: Option<Vec<Column>> = names?.iter().map(|name| Column::parse(name)).collect();
        Some(Self { columns: columns?, positions: Vec::new(), units: Vec::new() })
    }

    /// Puts the columns into the order that answers in JSON have, each once.
    pub fn in_order_of_members(mut self) -> Self {
        self.columns.sort_by_key(|column| Members::place_of(column.name()));
        self.columns.dedup();
        self
    }

    pub fn add(&mut self, position: Position) {
        self.positions.push(position);
    }

    /// Answers what was added, in its order.
    pub fn answer(&mut self, asker: &mut Asker, take: &mut Take<'_>) {
        if self.positions.is_empty() {
            return;
        }
        let (positions, columns) = (&self.positions, &self.columns);
        let answered = asker.answer_owners(positions, &mut self.units, &mut |at, found| take(at, columns, Ok(found)));
        if let Err(problem) = answered {
            (0..positions.len()).for_each(|at| take(at, columns, Err(&problem.detail)));
        }
        self.positions.clear();
    }
}
