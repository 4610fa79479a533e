use super::region::Bounds;
use crate::plan::{ApportionError, BaseGraph};

/// What a balance starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From today's plan, with the least load changing hands.
    Warm,
    /// Anew, with short borders; districts keep today's names where they have most in common.
    Redraw,
}

/// How many districts each community gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// As many as it has today, where that adds up; else by load.
    Today,
    /// By load, after Sainte-Laguë.
    ByLoad,
}

/// Base units to be put together into districts, with all that a plan must keep to.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    pub graph: &'a BaseGraph,
    /// What is balanced, one figure for each unit, none negative.
    pub load: &'a [f64],
    /// The community of each unit, numbered from 0 without holes; no district crosses from one into another.
    pub community: &'a [u32],
    /// The district that each unit is in today, numbered from 0 without holes; empty where there is no plan of today.
    pub today: &'a [Option<u32>],
    /// Units that stay in their district of today.
    pub is_locked: &'a [bool],
    pub districts: u32,
    pub numbers: Numbers,
    pub mode: Mode,
    /// How far a district's load may be from the mean, as a share of it, on both sides.
    pub tolerance: f64,
    /// The least and the most that a district may carry besides; what lies beyond the tolerance is kept all the same, and the tolerance is not.
    pub floor: Option<f64>,
    pub ceiling: Option<f64>,
    /// What no district may have more or less of than so much, beside its load.
    pub limits: &'a [Limit],
    /// The same seed makes the same plan of the same task.
    pub seed: u64,
    /// Moves thought of for each unit; [`EFFORT_DEFAULT`] is a good one.
    pub effort: f64,
}

/// A figure of which no district may have more, or less, than so much: its units, its ground, a load beside that which is balanced.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub name: String,
    /// One for each unit, none negative.
    pub values: Vec<f64>,
    /// 0 where there may be nothing of it.
    pub least: f64,
    /// More than 0 and not below `least`; infinite where there may be any amount.
    pub most: f64,
}

/// Moves thought of for each unit unless told otherwise: enough that twice as many shorten borders by less than a hundredth.
pub const EFFORT_DEFAULT: f64 = 60.0;

/// Why a task makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TaskError {
    #[error("there are no base units")]
    Empty,
    #[error("cannot share out the districts")]
    Apportion(#[from] ApportionError),
    #[error("a warm balance starts from today's plan, and none is given")]
    NoPlanToday,
    #[error("a unit is locked to its district of today, and no plan of today is given")]
    LockWithoutPlan,
    #[error("tolerance {0} is not between 0 and 1")]
    Tolerance(f64),
    #[error("a floor or ceiling of {0} is no load; name a number from 0 up")]
    Bound(f64),
    #[error("floor {floor} is above ceiling {ceiling}")]
    FloorAboveCeiling { floor: f64, ceiling: f64 },
}

/// Base units put together into districts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The district of each unit. Districts that are there today keep their numbers, new ones follow.
    pub district_of: Vec<u32>,
    /// One for each number of a district; districts of today that are no more have no unit.
    pub districts: Vec<PlannedDistrict>,
    /// One for each community.
    pub communities: Vec<CommunityPlan>,
    /// Whether the work came to its end and was not stopped on the way.
    pub is_finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedDistrict {
    pub load: f64,
    pub units: usize,
    /// None of a district of today that is no more.
    pub community: Option<u32>,
}

/// What became of a community.
#[derive(Clone, Debug)]
pub struct CommunityPlan {
    pub load: f64,
    pub districts: u32,
    pub bounds: Bounds,
    /// The least load that must change hands so that today's districts come within bounds; none without a plan of today,
    /// or where the community is to have more or fewer districts than today.
    pub transport_load: Option<f64>,
    /// What the planner should know, before anything was moved and after.
    pub findings: Vec<Finding>,
}

/// What stands, or stood, in the way of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// A unit is heavier than a district may be.
    TooHeavy { unit: u32, load: f64 },
    /// The community's load for each of its districts is so far from the city's mean that no border can make it even.
    OffTheMean { share_of_mean: f64, districts: u32, suitable: u32 },
    /// The mean of the community is not between floor and ceiling.
    NoRoom { mean: f64 },
    /// The community is in pieces; they were held together across the gap, as if neighbours.
    InPieces { pieces: usize },
    /// Load that today's districts cannot hand on far enough, as they do not hang together.
    Stuck { load: f64 },
    /// Pieces of districts of today that lay apart were given to a neighbour.
    TornToday { pieces: usize },
    /// Units of a district of today that lie in this community while most of it lies in another were given to a neighbour.
    CrossesToday { district: u32 },
    /// Every district of today has locked units, so none of them could be given up.
    TooManyLocked { districts: u32, wanted: u32 },
    /// Each point of a wish is to have a district of its own, and there are more of them than districts.
    TooManyPoints { points: u32, districts: u32 },
    /// Locked units hold pieces of a district apart.
    LockedApart { pieces: usize },
    /// So much of a limited figure that each district has more than it may, however it is shared out.
    OverLimit { limit: usize, mean: f64 },
    /// So little of a limited figure that some district has less than it must, however it is shared out.
    UnderLimit { limit: usize, mean: f64 },
    /// A district could not be brought within bounds.
    Outside { district: u32, load: f64, why: Why },
}

impl Finding {
    /// Whether a stated bound is not met by the plan.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Outside { .. } | Self::LockedApart { .. } | Self::TooManyLocked { .. } | Self::TooManyPoints { .. })
    }
}

/// Why a district stayed outside its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// One of its units is too heavy by itself.
    HeavyUnit,
    /// Floor, ceiling and the load of the community leave no room.
    NoRoom,
    /// Its locked units carry too much by themselves.
    Locked,
    /// It has more of a limited figure than it may, or less than it must.
    Limit,
    /// All its neighbours are locked, or have none to give or no room.
    NoWay,
    /// The work was stopped before.
    Stopped,
}
