use std::sync::Arc;

use jiff::Timestamp;

use super::base::{BaseChoice, TodayOf, weigh_base};
use super::figures::{Figures, WeighError};
use super::loads::{WORKLOAD, WantedLimit, WantedLoad};
use crate::boundary::{Level, UnitCode};
use crate::config::WorkloadConfig;
use crate::history::drafts::{DraftSession, coverage_of};
use crate::plan::edit::Draft;
use crate::plan::{Base, WishError, Wishes};
use crate::store::Store;
use crate::topology::ValidCoverage;

/// What a plan for a draft is made on: its units as they stand, which may go from one unit of the next coarser level to another.
#[derive(Clone, Debug)]
pub struct DraftGround {
    /// The level of the units that may go, and that of the districts.
    pub level: Level,
    pub district_level: Level,
    /// The draft's revision.
    pub revision: u32,
    coverage: Arc<ValidCoverage>,
    depth: usize,
    /// The loads of the finest units as the draft keeps them, with their field.
    own: Option<(String, Vec<f64>)>,
    /// Of the units: which are locked, and which stay as their district is locked.
    is_locked: Vec<bool>,
    is_bound: Vec<bool>,
    /// Codes that no unit may get which begins at the level of the districts: those that have ended, and those of the draft's base, which come
    /// back to their own units only.
    spent: Vec<UnitCode>,
}

#[derive(Debug, thiserror::Error)]
pub enum DraftGroundError {
    #[error("the draft has no level {0}")]
    UnknownLevel(Level),
    #[error("level {0} is the coarsest with units, so that its units are in no districts that could be balanced")]
    NoDistricts(Level),
    #[error("all districts of level {0} are locked")]
    AllLocked(Level),
    #[error("the draft has problems that must be mended first: {0}")]
    Faulty(String),
    #[error(transparent)]
    Weigh(#[from] WeighError),
    #[error(transparent)]
    Wish(#[from] WishError),
}

/// What of a draft's ground is weighed, and how.
#[derive(Clone, Copy, Debug)]
pub struct GroundChoice<'a> {
    /// The draft's own field of loads where none is named, or the work where it has none.
    pub loads: Option<&'a [WantedLoad]>,
    pub limits: &'a [WantedLimit],
    pub wishes: &'a Wishes,
}

/// Looks at a draft as it stands. Units of the finest level go, where none is named.
///
/// # Errors
/// There is no such level, or none above it; or the draft has problems.
pub fn survey(session: &DraftSession, level: Option<&Level>) -> Result<DraftGround, DraftGroundError> {
    let draft = session.draft();
    let levels = draft.base().levels();
    let depth = depth_of(draft, level)?;
    let coverage = coverage_of(draft).map_err(DraftGroundError::Faulty)?;
    let units = coverage.levels()[depth].units();
    let shown = |depth: usize, code: &UnitCode| draft.find(depth, code);
    let (mut is_locked, mut is_bound, mut loads) = (Vec::new(), Vec::new(), Vec::new());
    for unit in units {
        let known = shown(depth, &unit.code);
        is_locked.push(known.as_ref().is_some_and(|known| known.is_locked));
        is_bound.push(unit.parent.as_ref().and_then(|parent| shown(depth - 1, parent)).is_some_and(|parent| parent.is_locked));
        loads.push(known.map_or(0.0, |known| known.load));
    }
    Ok(DraftGround {
        level: levels[depth].level().clone(),
        district_level: levels[depth - 1].level().clone(),
        revision: session.revision(),
        own: session.load_field().map(|field| (field.to_owned(), loads)),
        spent: levels[depth - 1].units().iter().map(|unit| &unit.code).chain(draft.spent_codes(depth - 1)).cloned().collect(),
        coverage,
        depth,
        is_locked,
        is_bound,
    })
}

/// Finds a level whose units are in districts, the finest where none is named.
pub(super) fn depth_of(draft: &Draft, level: Option<&Level>) -> Result<usize, DraftGroundError> {
    let levels = draft.base().levels();
    let depth = match level {
        None => draft.finest_depth(),
        Some(level) => {
            levels.iter().position(|known| known.level() == level).ok_or_else(|| DraftGroundError::UnknownLevel(level.clone()))?
        }
    };
    if depth == 0 || draft.measures(depth - 1).units == 0 {
        return Err(DraftGroundError::NoDistricts(levels[depth].level().clone()));
    }
    Ok(depth)
}

impl DraftGround {
    /// Weighs the units that may go and their districts, without those that are locked and all that is in them. They stay within the units of the level above theirs.
    ///
    /// # Errors
    /// A load cannot be weighed, a wish cannot be met, or everything is locked.
    pub fn weigh(
        &self,
        store: &dyn Store,
        choice: &GroundChoice<'_>,
        config: &WorkloadConfig,
        now: Timestamp,
    ) -> Result<Base, DraftGroundError> {
        let level = &self.coverage.levels()[self.depth];
        let field = self.own.as_ref().map_or(WORKLOAD, |(field, _)| field.as_str());
        let usual = [WantedLoad { field: field.to_owned(), weight: 1.0 }];
        let GroundChoice { loads, limits, wishes } = *choice;
        let choice = BaseChoice {
            depth: self.depth,
            within: self.depth.checked_sub(2).filter(|above| !self.coverage.levels()[*above].is_empty()),
            today: TodayOf::Level(self.depth - 1),
            loads: loads.unwrap_or(&usual),
            limits,
            residents_field: None,
        };
        let figures = Figures::load(store, level.level(), level.units(), now).map_err(WeighError::from)?.with_own(self.own.clone());
        let mut base = weigh_base(store, &self.coverage, &figures, &choice, config)?;
        wishes.weigh(&mut base, &self.coverage, self.depth)?;
        let keeps: Vec<bool> = self.is_bound.iter().map(|is_bound| !*is_bound).collect();
        if !keeps.contains(&true) {
            return Err(DraftGroundError::AllLocked(self.district_level.clone()));
        }
        let mut base = if keeps.contains(&false) { base.keep(&keeps) } else { base };
        base.spent.extend(self.spent.iter().map(ToString::to_string));
        Ok(base)
    }

    /// Returns the codes of the units that are locked in the draft, of those that are weighed.
    pub fn locks(&self) -> Vec<String> {
        let units = self.coverage.levels()[self.depth].units().iter();
        let locked = units.zip(self.is_locked.iter().zip(&self.is_bound)).filter(|(_, (is_locked, is_bound))| **is_locked && !**is_bound);
        locked.map(|(unit, _)| unit.code.to_string()).collect()
    }
}
