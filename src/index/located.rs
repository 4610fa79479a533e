use std::fmt;

use crate::topology::UnitIndex;

/// What is at a position, at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// One unit owns it.
    Inside,
    /// No unit of this level or a coarser one is there, nor does the level surround it.
    Outside,
    /// No unit of this level is there, but the level surrounds it or a coarser unit holds it.
    Gap,
    /// Several units are there, as was accepted at the import; the smallest code answers.
    Overlap,
}

/// Who owns a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub status: Status,
    /// Present where the status is inside or overlap.
    pub unit: Option<UnitIndex>,
}

/// The unit of a position, or none, in four bytes: what lookups of many positions write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct MaybeUnit(pub(super) u32);

impl MaybeUnit {
    pub const NONE: Self = Self(0);

    pub fn get(self) -> Option<UnitIndex> {
        self.0.checked_sub(1).map(UnitIndex)
    }
}

impl From<Option<UnitIndex>> for MaybeUnit {
    fn from(unit: Option<UnitIndex>) -> Self {
        Self(unit.map_or(0, |unit| unit.0 + 1))
    }
}

/// A unit near a position that it does not own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub unit: UnitIndex,
    /// Geodesic, to the nearest point of the unit's border; 0 where the unit covers the position too.
    pub distance_m: f64,
}

/// All that boundaries say about a position.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    pub status: Status,
    /// The owner at the level that was asked for.
    pub unit: Option<UnitIndex>,
    /// The units that hold the position, coarse to fine, each with the depth of its level.
    pub path: Vec<(usize, UnitIndex)>,
    /// Distance to the nearest border of `unit`; none where there is no unit.
    pub distance_to_border_m: Option<f64>,
    /// The other units of the level within the distance asked for, nearest first, then by code.
    pub alternatives: Vec<Neighbour>,
    /// The nearest unit of the level where none owns the position.
    pub nearest: Option<Neighbour>,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "outside",
            Self::Gap => "gap",
            Self::Overlap => "overlap",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
