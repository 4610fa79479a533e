use geo_types::Coord;

use crate::boundary::{Level, UnitCode};

/// One change of a draft. Places are degrees, WGS 84, longitude first.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Gives units to other units of the next coarser level.
    Reassign {
        level: Level,
        moves: Vec<Move>,
        /// Whether parents that are not there begin, and those left without units end.
        creates: bool,
    },
    /// Divides a unit of the finest level along a line.
    Split {
        level: Level,
        unit: UnitCode,
        line: Vec<Coord<f64>>,
        codes: Vec<UnitCode>,
        names: Vec<String>,
    },
    /// Makes one unit of several; it keeps the code and name of `into`, by default of the first.
    Merge {
        level: Level,
        units: Vec<UnitCode>,
        into: Option<UnitCode>,
    },
    MoveVertex {
        at: Coord<f64>,
        to: Coord<f64>,
        reach: Reach,
    },
    /// Moves both ends of an edge by the same degrees.
    MoveEdge {
        edge: [Coord<f64>; 2],
        by: Coord<f64>,
        reach: Reach,
    },
    InsertVertex {
        at: Coord<f64>,
        to: Option<Coord<f64>>,
        reach: Reach,
    },
    DeleteVertex {
        at: Coord<f64>,
        reach: Reach,
    },
    /// Draws a unit out of those that lie under it: of the finest level along any line, of a coarser one along borders of the next finer,
    /// whose units it then holds.
    Draw {
        level: Level,
        code: UnitCode,
        name: String,
        /// A polygon.
        rings: Rings,
        /// How near to borders corners are brought to these, metres; 0 leaves them where they are.
        within_m: f64,
    },
    /// Gives a unit the shape of polygons: ground that it gets comes from those that have it, ground that it leaves goes to the neighbour
    /// with the longest border. A coarser unit gets and leaves whole units of the next finer level.
    Reshape {
        level: Level,
        unit: UnitCode,
        polygons: Vec<Rings>,
        /// As of [`Operation::Draw`].
        within_m: f64,
    },
    /// Changes what is told of a unit; what is none stays.
    Change {
        level: Level,
        unit: UnitCode,
        code: Option<UnitCode>,
        name: Option<String>,
        parent: Option<UnitCode>,
    },
    /// Keeps the borders, parents and codes of units as they are, or no longer.
    Lock {
        level: Level,
        units: Vec<UnitCode>,
        is_locked: bool,
    },
}

/// The rings of a polygon, the exterior first, then the holes.
pub type Rings = Vec<Vec<Coord<f64>>>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub unit: UnitCode,
    pub to: UnitCode,
}

/// How far from where somebody points a vertex or border is looked for, and what may move with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    pub within_m: f64,
    /// Whether a border of coarser units may move too.
    pub with_parents: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Self { within_m: Self::WITHIN_M_DEFAULT, with_parents: false }
    }
}

impl Reach {
    /// About what a hand is off by at the closest zoom of a map.
    pub const WITHIN_M_DEFAULT: f64 = 1.0;
    /// Farther away nobody means this vertex.
    pub const WITHIN_M_MAX: f64 = 1_000.0;
}

impl Operation {
    /// Says in a few words what the operation does.
    pub fn summary(&self) -> String {
        match self {
            Self::Reassign { moves, .. } => match &moves[..] {
                [only] => format!("gives {} to {}", only.unit, only.to),
                moves => format!("gives {} units to other parents", moves.len()),
            },
            Self::Split { unit, .. } => format!("splits {unit} by a line"),
            Self::Merge { units, into, .. } => match into.as_ref().or(units.first()) {
                Some(into) => format!("merges {} units into {into}", units.len()),
                None => "merges nothing".into(),
            },
            Self::MoveVertex { .. } => "moves a vertex".into(),
            Self::MoveEdge { .. } => "moves an edge".into(),
            Self::InsertVertex { .. } => "inserts a vertex".into(),
            Self::DeleteVertex { .. } => "deletes a vertex".into(),
            Self::Draw { code, .. } => format!("draws {code}"),
            Self::Reshape { unit, .. } => format!("gives {unit} another shape"),
            Self::Change { unit, code, name, parent, .. } => {
                let mut told: Vec<String> = Vec::new();
                told.extend(code.as_ref().map(|code| format!("the code {code}")));
                told.extend(name.as_ref().map(|name| format!("the name {name:?}")));
                told.extend(parent.as_ref().map(|parent| format!("the parent {parent}")));
                format!("gives {unit} {}", told.join(", "))
            }
            Self::Lock { units, is_locked, .. } => match &units[..] {
                [only] => format!("{} {only}", if *is_locked { "locks" } else { "unlocks" }),
                units => format!("{} {} units", if *is_locked { "locks" } else { "unlocks" }, units.len()),
            },
        }
    }
}
