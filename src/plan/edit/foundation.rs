//! How a draft differs from a coverage that is not its base: the one that stands behind what it was begun as.

use std::sync::Arc;

use geo_types::MultiPolygon;
use rustc_hash::{FxHashMap, FxHashSet};

use super::board::{Board, Figures, measure};
use super::draft::Draft;
use super::view::{ChangedUnit, DraftUnit, UnitChange, to_shown};
use crate::boundary::{Unit, UnitCode};
use crate::topology::{UnitIndex, ValidCoverage};

/// What a draft is compared with in the stead of its base, measured once.
///
/// A unit of the base and one of the foundation are the same where they have the same code, or the same outline where neither has the code
/// of the other: it has got another then.
#[derive(Debug)]
pub struct Foundation {
    coverage: Arc<ValidCoverage>,
    /// For each depth of the draft that of the level there.
    depths: Vec<Option<usize>>,
    figures: Vec<Vec<Figures>>,
    /// Units of the base that have another code there.
    renamed: FxHashMap<(usize, u32), UnitIndex>,
    /// Units of the base that are otherwise there, or not there, and how.
    differing: FxHashMap<(usize, u32), UnitChange>,
    /// Units that the base does not have, by the depth of the draft.
    left_out: Vec<(usize, UnitIndex)>,
    /// How many units of the base differ, so that a stroke costs what it touches.
    counts: [usize; UnitChange::ALL.len()],
}

/// A unit that differs: as it is in the foundation, and its number in the draft where it is there.
#[derive(Clone, Copy, Debug)]
struct Difference {
    depth: usize,
    change: UnitChange,
    before: Option<UnitIndex>,
    now: Option<u32>,
}

impl Foundation {
    /// Measures a coverage to compare a draft with it. `loads` are those of its finest units, or empty.
    pub fn new(draft: &Draft, coverage: Arc<ValidCoverage>, loads: &[f64]) -> Self {
        let board = &draft.board;
        let figures = measure(&coverage, board.origin, loads);
        let levels = board.base.levels();
        let depths: Vec<Option<usize>> = levels.iter().map(|level| coverage.layer().depth_of(level.level())).collect();
        let (renamed, differing, left_out) = (FxHashMap::default(), FxHashMap::default(), Vec::new());
        let counts = [0; UnitChange::ALL.len()];
        let mut foundation = Self { coverage, depths, figures, renamed, differing, left_out, counts };
        for (depth, level) in levels.iter().enumerate() {
            foundation.pair(board, depth);
            // Coarser units are paired by now, whose codes tell parents.
            let change = |unit: UnitIndex| Some(((depth, unit.0), board.change_in_base(&foundation, depth, unit.0)?));
            let differing: Vec<((usize, u32), UnitChange)> = level.indices().filter_map(change).collect();
            foundation.differing.extend(differing);
        }
        foundation.differing.values().for_each(|change| foundation.counts[*change as usize] += 1);
        foundation.counts[UnitChange::Ended as usize] += foundation.left_out.len();
        foundation
    }

    /// Finds out which units of a level have another code there, and which are there alone.
    fn pair(&mut self, board: &Board, depth: usize) {
        let Some(own) = self.depths[depth] else { return };
        let (here, there) = (&board.base.levels()[depth], &self.coverage.levels()[own]);
        let left_out: Vec<UnitIndex> = there.indices().filter(|unit| here.find(&there.unit(*unit).code).is_none()).collect();
        let mut by_outline: FxHashMap<u64, UnitIndex> =
            left_out.iter().map(|unit| (self.figures[own][unit.0 as usize].outline, *unit)).collect();
        let mut taken = FxHashSet::default();
        for unit in here.indices().filter(|unit| there.find(&here.unit(*unit).code).is_none()) {
            if let Some(before) = by_outline.remove(&board.base_figures[depth][unit.0 as usize].outline) {
                self.renamed.insert((depth, unit.0), before);
                taken.insert(before.0);
            }
        }
        self.left_out.extend(left_out.into_iter().filter(|unit| !taken.contains(&unit.0)).map(|unit| (depth, unit)));
    }

    /// Finds what a unit of the base was.
    fn before(&self, base: &ValidCoverage, depth: usize, unit: u32) -> Option<UnitIndex> {
        let told = base.levels()[depth].units().get(unit as usize)?;
        self.find(depth, &told.code).or_else(|| self.renamed.get(&(depth, unit)).copied())
    }

    /// Returns the shape of a unit as it is there.
    pub fn geometry(&self, depth: usize, code: &UnitCode) -> Option<MultiPolygon<f64>> {
        let unit = self.find(depth, code)?;
        Some(self.coverage.to_geometry(self.depths[depth]?, unit))
    }

    fn find(&self, depth: usize, code: &UnitCode) -> Option<UnitIndex> {
        self.coverage.levels()[self.depths[depth]?].find(code)
    }

    fn unit(&self, depth: usize, unit: UnitIndex) -> &Unit {
        let depth = self.depths[depth].expect("units are of levels that are there");
        self.coverage.levels()[depth].unit(unit)
    }

    fn figures_of(&self, depth: usize, unit: UnitIndex) -> Figures {
        let depth = self.depths[depth].expect("units are of levels that are there");
        self.figures[depth][unit.0 as usize]
    }

    fn shown(&self, depth: usize, unit: UnitIndex) -> DraftUnit {
        to_shown(self.unit(depth, unit).clone(), depth, &self.figures_of(depth, unit), false, None)
    }
}

impl Draft {
    /// Returns which units differ from a foundation and how, level by level in the byte order of codes, with what they were there.
    pub fn changes_since(&self, foundation: &Foundation) -> Vec<ChangedUnit> {
        let shown = |Difference { depth, change, before, now }: Difference| ChangedUnit {
            depth,
            change,
            before: before.map(|before| foundation.shown(depth, before)),
            after: now.map(|now| self.board.shown(depth, now)),
        };
        let mut found: Vec<ChangedUnit> = self.board.differences(foundation).into_iter().map(shown).collect();
        let code = |unit: &ChangedUnit| unit.after.as_ref().or(unit.before.as_ref()).map(|unit| unit.unit.code.clone());
        found.sort_by(|a, b| a.depth.cmp(&b.depth).then_with(|| code(a).cmp(&code(b))));
        found
    }

    pub fn count_changes_since(&self, foundation: &Foundation) -> [usize; UnitChange::ALL.len()] {
        let mut counts = foundation.counts;
        for (depth, unit) in self.board.touched() {
            if let Some(in_base) = foundation.differing.get(&(depth, unit)) {
                counts[*in_base as usize] -= 1;
            }
            if let Some(Difference { change, .. }) = self.board.difference(foundation, depth, unit) {
                counts[change as usize] += 1;
            }
        }
        counts
    }

    /// Returns how a unit that is there differs from a foundation.
    pub fn change_since(&self, foundation: &Foundation, depth: usize, code: &UnitCode) -> Option<UnitChange> {
        let unit = *self.board.codes.get(depth)?.get(code)?;
        self.board.difference(foundation, depth, unit).map(|difference| difference.change)
    }
}

impl Board {
    fn differences(&self, foundation: &Foundation) -> Vec<Difference> {
        let mut candidates = self.touched();
        candidates.extend(foundation.differing.keys());
        candidates.sort_unstable();
        candidates.dedup();
        let mut found: Vec<Difference> =
            candidates.into_iter().filter_map(|(depth, unit)| self.difference(foundation, depth, unit)).collect();
        let ended = |(depth, before): &(usize, UnitIndex)| Difference {
            depth: *depth,
            change: UnitChange::Ended,
            before: Some(*before),
            now: None,
        };
        found.extend(foundation.left_out.iter().map(ended));
        found
    }

    fn difference(&self, foundation: &Foundation, depth: usize, unit: u32) -> Option<Difference> {
        let before = foundation.before(&self.base, depth, unit);
        let is_there = self.units[depth][unit as usize].unit.is_some();
        let change = match before {
            None if is_there => UnitChange::Begun,
            None => return None,
            Some(_) if !is_there => UnitChange::Ended,
            Some(before) => self.change_from(foundation, depth, before, unit)?,
        };
        Some(Difference { depth, change, before, now: is_there.then_some(unit) })
    }

    /// Says how a unit of the base differs from what it was, as long as the draft does nothing with it.
    fn change_in_base(&self, foundation: &Foundation, depth: usize, unit: u32) -> Option<UnitChange> {
        let Some(before) = foundation.before(&self.base, depth, unit) else { return Some(UnitChange::Begun) };
        let level = &self.base.levels()[depth];
        let parent = level.parent(UnitIndex(unit)).map(|parent| parent.0);
        let outline = self.base_figures[depth][unit as usize].outline;
        self.change_of_unit(foundation, depth, before, (level.unit(UnitIndex(unit)), parent, outline))
    }

    /// Says how a unit that is there differs from what it was.
    fn change_from(&self, foundation: &Foundation, depth: usize, before: UnitIndex, unit: u32) -> Option<UnitChange> {
        let (state, outline) = (&self.units[depth][unit as usize], self.figures[depth][unit as usize].outline);
        self.change_of_unit(foundation, depth, before, (self.unit(depth, unit), state.parent, outline))
    }

    /// Says how a unit, with its parent and outline, differs from what it was: the first that holds.
    fn change_of_unit(
        &self,
        foundation: &Foundation,
        depth: usize,
        before: UnitIndex,
        (is, parent, outline): (&Unit, Option<u32>, u64),
    ) -> Option<UnitChange> {
        let was = foundation.unit(depth, before);
        if outline != foundation.figures_of(depth, before).outline {
            return Some(UnitChange::Reshaped);
        }
        if self.parent_before(foundation, depth, parent, is) != was.parent {
            return Some(UnitChange::Reassigned);
        }
        ((&is.code, &is.name) != (&was.code, &was.name)).then_some(UnitChange::Renamed)
    }

    /// Returns the code that the parent of a unit had: one that has another code now is the same parent.
    fn parent_before(&self, foundation: &Foundation, depth: usize, parent: Option<u32>, unit: &Unit) -> Option<UnitCode> {
        let Some(parent) = parent else { return unit.parent.clone() };
        let before = foundation.before(&self.base, depth - 1, parent)?;
        Some(foundation.unit(depth - 1, before).code.clone())
    }
}
