use crate::boundary::{UnitCode, UnitShape};
use crate::topology::{ArcId, UnitIndex, ValidCoverage};

/// What changes at one level. A unit that changes stands in both lists.
#[derive(Clone, Debug, Default)]
pub struct LevelDelta {
    pub ended: Vec<UnitCode>,
    pub begun: Vec<UnitShape>,
}

/// The next coverage, and what is new in it.
#[derive(Debug)]
pub struct Patched {
    pub coverage: ValidCoverage,
    pub changes: Changes,
}

/// What differs between a coverage and the one that was made from it, for those who keep something of their own about both.
///
/// Arcs keep their numbers but for those listed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Numbers that in the base stood for another arc or for the same with other units beside it, or that are out of use; ordered.
    pub gone_arcs: Vec<ArcId>,
    /// Numbers that in the next coverage stand for an arc that the base did not have under them; ordered.
    pub new_arcs: Vec<ArcId>,
    /// One for each level, coarse to fine.
    pub levels: Vec<LevelChanges>,
}

/// What differs at one level.
#[derive(Clone, Debug, Default)]
pub struct LevelChanges {
    /// For each unit of the base its index in the next coverage, if it is there; none where all units keep their indices.
    pub renumbered: Option<Vec<Option<UnitIndex>>>,
    /// The units of the base whose geometry is no more, by their index there.
    pub gone: Vec<UnitIndex>,
    /// The units of the next coverage whose geometry is new, by their index there.
    pub new: Vec<UnitIndex>,
    /// Whether the rim of the level has changed, that of its gaps included.
    pub is_rim_changed: bool,
}

impl Changes {
    pub(super) fn none(depths: usize) -> Self {
        Self { levels: vec![LevelChanges::default(); depths], ..Self::default() }
    }
}

/// Why a coverage was not made from the one before. Each is about safety, not about fault: the check of all shapes decides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpatched {
    #[error("the layer has other levels or another scheme than before")]
    Layer,
    #[error("the accepted faults differ from those before, or overlaps are among them")]
    Accepted,
    #[error("{changed} changed units or coordinates beside them are too many to follow, at most {max} are")]
    TooMany { changed: usize, max: usize },
    #[error("a level gets its first units or loses its last")]
    Loaded,
    #[error("the unit {0} ends and is not there")]
    Unknown(UnitCode),
    #[error("the unit {0} begins and is there")]
    Duplicate(UnitCode),
    #[error("the shape of {0} is at fault by itself")]
    Shape(UnitCode),
    #[error("the unit {0} has no parent, or none that is certain")]
    Parent(UnitCode),
    #[error("units would overlap along an edge")]
    Overlap,
    #[error("the rim of a level changes so that gaps or overlaps are there or in doubt")]
    Rim,
    #[error("units of {0} would stick out of it, or it is in doubt")]
    Nesting(UnitCode),
}
