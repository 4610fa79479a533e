use geo_types::{Coord, Geometry, LineString, Point};

use crate::boundary::UnitCode;

/// Why an operation was not done. The draft is as it was before.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    pub reason: Reason,
    pub detail: String,
    pub units: Vec<UnitCode>,
    pub place: Option<Geometry<f64>>,
    /// What the planner can do instead.
    pub remedy: &'static str,
}

pub type Refused<T> = Result<T, Box<Refusal>>;

/// The rule that an operation would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    UnknownLevel,
    UnknownUnit,
    /// The same unit is named twice, or too few are.
    Repeated,
    CodeTaken,
    Locked,
    /// Ground would leave the unit that holds the unit's parent, or a coarser border would move.
    CrossesParent,
    TearsUnit,
    TearsParent,
    EmptiesParent,
    NotBeside,
    NoVertex,
    NoBorder,
    Junction,
    /// A border would cross or touch another.
    CrossesBorder,
    /// A border would pass over a vertex of another.
    Swallows,
    LineMisses,
    LineCrossesItself,
    Outside,
    BadShape,
    NotFinest,
    /// Nobody would have the ground.
    OpensGap,
    /// Nothing would be left of another unit.
    EndsUnit,
    /// Units do not fill what they are in here, so that it is not known whose ground it is.
    NestedFault,
}

impl Reason {
    pub const ALL: [Self; 23] = [
        Self::UnknownLevel,
        Self::UnknownUnit,
        Self::Repeated,
        Self::CodeTaken,
        Self::Locked,
        Self::CrossesParent,
        Self::TearsUnit,
        Self::TearsParent,
        Self::EmptiesParent,
        Self::NotBeside,
        Self::NoVertex,
        Self::NoBorder,
        Self::Junction,
        Self::CrossesBorder,
        Self::Swallows,
        Self::LineMisses,
        Self::LineCrossesItself,
        Self::Outside,
        Self::BadShape,
        Self::NotFinest,
        Self::OpensGap,
        Self::EndsUnit,
        Self::NestedFault,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownLevel => "unknown_level",
            Self::UnknownUnit => "unknown_unit",
            Self::Repeated => "repeated",
            Self::CodeTaken => "code_taken",
            Self::Locked => "locked",
            Self::CrossesParent => "crosses_parent",
            Self::TearsUnit => "tears_unit",
            Self::TearsParent => "tears_parent",
            Self::EmptiesParent => "empties_parent",
            Self::NotBeside => "not_beside",
            Self::NoVertex => "no_vertex",
            Self::NoBorder => "no_border",
            Self::Junction => "junction",
            Self::CrossesBorder => "crosses_border",
            Self::Swallows => "swallows",
            Self::LineMisses => "line_misses",
            Self::LineCrossesItself => "line_crosses_itself",
            Self::Outside => "outside",
            Self::BadShape => "bad_shape",
            Self::NotFinest => "not_finest",
            Self::OpensGap => "opens_gap",
            Self::EndsUnit => "ends_unit",
            Self::NestedFault => "nested_fault",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::UnknownLevel => "name a level of the layer that has units",
            Self::UnknownUnit => "name a unit that the draft has; somebody may have merged or renamed it",
            Self::Repeated => "name each unit once, and at least as many as the operation needs",
            Self::CodeTaken => "choose a code that the level never had",
            Self::Locked => "unlock the unit first, or leave it as it is",
            Self::CrossesParent => {
                "stay inside the parent; to move a border of coarser units too, say `with_parents`, and to give ground away move whole units"
            }
            Self::TearsUnit => "choose another line, so that what is left stays in one piece",
            Self::TearsParent => "move the units that would be cut off too, or choose another unit",
            Self::EmptiesParent => "leave it a unit, merge it with another, or say `create` so that it ends",
            Self::NotBeside => "choose units that share a border of some length",
            Self::NoVertex => "point at a vertex, or allow a larger `within_m`",
            Self::NoBorder => "point at a border, or allow a larger `within_m`",
            Self::Junction => "move the vertex instead; more than two borders meet in it",
            Self::CrossesBorder => "choose a place from which no border is crossed",
            Self::Swallows => "move the other vertex first, or stop short of it",
            Self::LineMisses => "draw the line from border to border, its ends on the border or outside",
            Self::LineCrossesItself => "draw a line that does not meet itself",
            Self::Outside => "stay on ground that has units",
            Self::BadShape => "draw at least three corners that are not on one line",
            Self::NotFinest => "do this to units of the finest level, or give whole units to another parent",
            Self::OpensGap => "keep that ground, or first create a unit that takes it",
            Self::EndsUnit => "leave it some ground, or end it first by merging it",
            Self::NestedFault => "import the levels again so that units fill what they are in",
        }
    }
}

impl Refusal {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { reason, detail: detail.into(), units: Vec::new(), place: None, remedy: reason.remedy() })
    }

    pub(super) fn of(mut self: Box<Self>, units: impl IntoIterator<Item = UnitCode>) -> Box<Self> {
        self.units.extend(units);
        self
    }

    pub(super) fn at(mut self: Box<Self>, place: Coord<f64>) -> Box<Self> {
        self.place = Some(Point::from(place).into());
        self
    }

    pub(super) fn covering(mut self: Box<Self>, place: Option<Geometry<f64>>) -> Box<Self> {
        self.place = place;
        self
    }

    /// Says what else can be done than what the rule says of itself.
    pub(super) fn advising(mut self: Box<Self>, remedy: &'static str) -> Box<Self> {
        self.remedy = remedy;
        self
    }

    pub(super) fn along(mut self: Box<Self>, line: &[Coord<f64>]) -> Box<Self> {
        self.place = Some(LineString(line.to_vec()).into());
        self
    }
}
