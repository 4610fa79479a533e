//! What a draft shows: its units, what differs from the base, and its figures.

use std::sync::Arc;

use geo_types::{Coord, MultiPolygon};

use super::board::{Board, Figures, UnitState};
use super::draft::Draft;
use super::nearby::envelope;
use crate::boundary::{FeatureRef, Unit, UnitCode, UnitShape};
use crate::topology::{LevelDelta, UnitIndex};

/// A unit of a draft with what is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftUnit {
    /// As it stands in the draft, with the code that its parent has now.
    pub unit: Unit,
    pub depth: usize,
    pub is_locked: bool,
    pub area_m2: f64,
    pub perimeter_m: f64,
    pub polsby_popper: f64,
    pub load: f64,
    /// What is different from the base; none where nothing is.
    pub change: Option<UnitChange>,
}

/// A unit of a draft with where it belongs, without its shape.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The number of the unit of the next coarser level that it lies in.
    pub parent: Option<u32>,
    /// Its code, name and properties; its parent's code is that of the base.
    pub unit: &'a Arc<Unit>,
    pub load: f64,
}

/// What differs between a unit of the base and of the draft; the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitChange {
    Begun,
    Ended,
    Reshaped,
    Reassigned,
    Renamed,
}

/// A unit that differs from the base, as it is there and as it is in the draft.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedUnit {
    pub depth: usize,
    pub change: UnitChange,
    pub before: Option<DraftUnit>,
    pub after: Option<DraftUnit>,
}

/// What a step did to a unit, by the code that it had before where it has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepUnit {
    pub depth: usize,
    pub code: UnitCode,
    pub change: StepChange,
    pub parent: Option<UnitCode>,
    pub area_m2: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepChange {
    Unit(UnitChange),
    Locked,
    Unlocked,
}

/// What is shown of a level.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LevelMeasures {
    pub units: usize,
    pub locked: usize,
    pub area_m2: f64,
    /// Each border once.
    pub border_m: f64,
    /// The mean over units, as is [`LevelMeasures::load_mean`].
    pub polsby_popper: f64,
    /// Units in several parts.
    pub in_parts: usize,
    pub load: f64,
    pub load_mean: f64,
    pub load_max: f64,
    pub load_min: f64,
    /// Standard deviation over the mean.
    pub load_cv: f64,
}

impl UnitChange {
    pub const ALL: [Self; 5] = [Self::Begun, Self::Ended, Self::Reshaped, Self::Reassigned, Self::Renamed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Ended => "ended",
            Self::Reshaped => "reshaped",
            Self::Reassigned => "reassigned",
            Self::Renamed => "renamed",
        }
    }
}

impl StepChange {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit(change) => change.as_str(),
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
        }
    }
}

impl Draft {
    pub fn finest_depth(&self) -> usize {
        self.board.finest
    }

    /// Returns the codes of a level that have ended, which no other unit gets, in their order.
    pub fn spent_codes(&self, depth: usize) -> &[UnitCode] {
        &self.board.spent[depth]
    }

    /// Returns the units of a level that there are, by numbers that hold within the level as long as no step is done.
    pub fn members(&self, depth: usize) -> impl Iterator<Item = (u32, Member<'_>)> {
        let all = (0u32..).zip(self.board.units[depth].iter().zip(&self.board.figures[depth]));
        all.filter_map(|(at, (state, figures))| Some((at, Member { parent: state.parent, unit: state.unit.as_ref()?, load: figures.load })))
    }

    /// Returns the units of a level that are locked, in the byte order of codes.
    pub fn locked(&self, depth: usize) -> Vec<UnitCode> {
        let states = self.board.units[depth].iter().filter(|state| state.is_locked);
        let mut codes: Vec<UnitCode> = states.filter_map(|state| state.unit.as_ref()).map(|unit| unit.code.clone()).collect();
        codes.sort_unstable();
        codes
    }

    /// Whether nothing differs from the base.
    pub fn is_unchanged(&self) -> bool {
        self.count_changes() == [0; UnitChange::ALL.len()]
    }

    pub fn has(&self, depth: usize, code: &UnitCode) -> bool {
        self.board.codes.get(depth).is_some_and(|codes| codes.contains_key(code))
    }

    pub fn find(&self, depth: usize, code: &UnitCode) -> Option<DraftUnit> {
        self.board.codes.get(depth)?.get(code).map(|unit| self.board.shown(depth, *unit))
    }

    pub fn geometry(&self, depth: usize, code: &UnitCode) -> Option<MultiPolygon<f64>> {
        self.board.codes.get(depth)?.get(code).map(|unit| self.board.geometry(depth, *unit))
    }

    /// Returns the codes of a level in their byte order, of those whose envelope may meet a window.
    pub fn codes_in(&self, depth: usize, window: Option<[f64; 4]>) -> Vec<UnitCode> {
        let board = &self.board;
        let numbers: Vec<u32> = match window {
            None => board.codes[depth].values().copied().collect(),
            Some([west, south, east, north]) => {
                let corners = [Coord { x: west, y: south }, Coord { x: east, y: north }];
                let mut units: Vec<u32> = Vec::new();
                for arc in board.arcs_in(envelope(&corners)) {
                    let sides = board.arc(arc).sides(depth);
                    units.extend([sides.left, sides.right].into_iter().flatten().map(|unit| unit.0));
                }
                // A window inside a unit meets none of its borders.
                let middle = Coord { x: f64::midpoint(west, east), y: f64::midpoint(south, north) };
                units.extend(board.owner_at(middle, depth));
                units.sort_unstable();
                units.dedup();
                units
            }
        };
        let mut codes: Vec<UnitCode> = numbers.into_iter().map(|unit| board.code(depth, unit)).collect();
        codes.sort_unstable();
        codes
    }

    /// Returns all units of a level as shapes, in the byte order of codes.
    pub fn shapes(&self, depth: usize) -> Vec<UnitShape> {
        let codes = self.codes_in(depth, None);
        let shape = |(at, code): (usize, UnitCode)| self.board.shape(depth, self.board.codes[depth][&code], at + 1);
        codes.into_iter().enumerate().map(shape).collect()
    }

    /// Returns what tells the draft from its base, level by level.
    pub fn delta(&self) -> Vec<LevelDelta> {
        let board = &self.board;
        let mut delta = vec![LevelDelta::default(); board.units.len()];
        for (depth, unit) in board.touched() {
            let Some(change) = board.change_of(depth, unit).or_else(|| board.has_parent_of_other_code(depth, unit)) else { continue };
            if change != UnitChange::Begun {
                delta[depth].ended.push(board.base.levels()[depth].unit(UnitIndex(unit)).code.clone());
            }
            if change != UnitChange::Ended {
                let number = delta[depth].begun.len() + 1;
                delta[depth].begun.push(board.shape(depth, unit, number));
            }
        }
        for level in &mut delta {
            level.ended.sort_unstable();
            level.begun.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
        }
        delta
    }

    /// Returns which units differ from the base and how, level by level in the byte order of codes, with what they were there.
    pub fn changes(&self) -> Vec<ChangedUnit> {
        let board = &self.board;
        let mut found = Vec::new();
        for (depth, unit) in board.touched() {
            let Some(change) = board.change_of(depth, unit) else { continue };
            let before = (change != UnitChange::Begun).then(|| board.shown_in_base(depth, unit));
            let after = (change != UnitChange::Ended).then(|| board.shown(depth, unit));
            found.push(ChangedUnit { depth, change, before, after });
        }
        let code = |unit: &ChangedUnit| unit.after.as_ref().or(unit.before.as_ref()).map(|unit| unit.unit.code.clone());
        found.sort_by(|a, b| a.depth.cmp(&b.depth).then_with(|| code(a).cmp(&code(b))));
        found
    }

    pub fn count_changes(&self) -> [usize; UnitChange::ALL.len()] {
        let mut counts = [0; UnitChange::ALL.len()];
        for (depth, unit) in self.board.touched() {
            if let Some(change) = self.board.change_of(depth, unit) {
                counts[change as usize] += 1;
            }
        }
        counts
    }

    /// Returns what the last step did, or what taking one back did.
    pub fn last_changes(&self, was_undone: bool) -> Vec<StepUnit> {
        let Some(step) = (if was_undone { self.last_undone() } else { self.last_done() }) else { return Vec::new() };
        let (from, to) = if was_undone { (1, 0) } else { (0, 1) };
        let mut keys: Vec<(usize, u32)> = step.units.iter().map(|(key, _)| *key).chain(step.figures.iter().map(|(key, _)| *key)).collect();
        keys.sort_unstable();
        keys.dedup();
        let figures_of = |key: &(usize, u32)| step.figures.binary_search_by_key(key, |(key, _)| *key).ok().map(|at| &step.figures[at].1);
        let states_of = |key: &(usize, u32)| step.units.binary_search_by_key(key, |(key, _)| *key).ok().map(|at| &step.units[at].1);
        let mut found = Vec::new();
        for key in keys {
            let (depth, unit) = key;
            let now = self.board.units[depth].get(unit as usize).cloned().unwrap_or_default();
            let states = states_of(&key).map_or_else(|| [now.clone(), now.clone()], |states| [states[from].clone(), states[to].clone()]);
            let figures = figures_of(&key).map(|figures| [figures[from], figures[to]]);
            let Some(change) = step_change(&states, figures) else { continue };
            let [old, new] = &states;
            let Some(shown) = new.unit.as_ref().or(old.unit.as_ref()) else { continue };
            let parent = new.parent.filter(|_| new.unit.is_some()).map(|parent| self.board.code(depth - 1, parent));
            let area_m2 = self.board.figures[depth].get(unit as usize).map_or(0.0, |figures| figures.area_m2);
            found.push(StepUnit { depth, code: shown.code.clone(), change, parent, area_m2 });
        }
        found
    }

    pub fn measures(&self, depth: usize) -> LevelMeasures {
        let (board, totals) = (&self.board, &self.board.totals[depth]);
        let there = board.units[depth].iter().zip(&board.figures[depth]).filter(|(state, _)| state.unit.is_some());
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        there.for_each(|(_, figures)| (low, high) = (low.min(figures.load), high.max(figures.load)));
        let count = totals.units.max(1) as f64;
        let mean = totals.load / count;
        let variance = (totals.load_squares / count - mean * mean).max(0.0);
        LevelMeasures {
            units: totals.units,
            locked: totals.locked,
            area_m2: totals.area_m2,
            border_m: totals.border_m,
            polsby_popper: totals.polsby_popper / count,
            in_parts: totals.in_parts,
            load: totals.load,
            load_mean: mean,
            load_max: if high.is_finite() { high } else { 0.0 },
            load_min: if low.is_finite() { low } else { 0.0 },
            load_cv: if mean > 0.0 { variance.sqrt() / mean } else { 0.0 },
        }
    }
}

fn step_change([old, new]: &[UnitState; 2], figures: Option<[Figures; 2]>) -> Option<StepChange> {
    let told = |unit: &Option<Arc<Unit>>| unit.as_ref().map(|unit| (unit.code.clone(), unit.name.clone()));
    Some(StepChange::Unit(match (&old.unit, &new.unit) {
        (None, None) => return None,
        (None, Some(_)) => UnitChange::Begun,
        (Some(_), None) => UnitChange::Ended,
        _ if figures.is_some_and(|[old, new]| old.outline != new.outline) => UnitChange::Reshaped,
        _ if old.parent != new.parent => UnitChange::Reassigned,
        _ if told(&old.unit) != told(&new.unit) => UnitChange::Renamed,
        _ if old.is_locked != new.is_locked => return Some(if new.is_locked { StepChange::Locked } else { StepChange::Unlocked }),
        _ => return None,
    }))
}

impl Board {
    /// Returns the units that may differ from the base.
    pub(super) fn touched(&self) -> Vec<(usize, u32)> {
        let mut touched: Vec<(usize, u32)> = self.borders.keys().chain(&self.told).copied().collect();
        // What a unit with a new code holds tells it as its parent.
        for (depth, unit) in &self.told {
            let children = self.children[*depth].get(*unit as usize).into_iter().flatten();
            touched.extend(children.map(|child| (depth + 1, *child)));
        }
        touched.retain(|(depth, unit)| (*unit as usize) < self.units[*depth].len());
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn base_parent(&self, depth: usize, unit: u32) -> Option<u32> {
        let level = &self.base.levels()[depth];
        if (unit as usize) < level.units().len() { level.parent(UnitIndex(unit)).map(|parent| parent.0) } else { None }
    }

    fn change_of(&self, depth: usize, unit: u32) -> Option<UnitChange> {
        let level = &self.base.levels()[depth];
        let state = &self.units[depth][unit as usize];
        if unit as usize >= level.units().len() {
            return state.unit.is_some().then_some(UnitChange::Begun);
        }
        let Some(now) = &state.unit else { return Some(UnitChange::Ended) };
        let base = level.unit(UnitIndex(unit));
        if self.figures[depth][unit as usize].outline != self.base_figures[depth][unit as usize].outline {
            return Some(UnitChange::Reshaped);
        }
        if state.parent != self.base_parent(depth, unit) {
            return Some(UnitChange::Reassigned);
        }
        (now.code != base.code || now.name != base.name).then_some(UnitChange::Renamed)
    }

    /// A unit is told otherwise where its parent got another code.
    fn has_parent_of_other_code(&self, depth: usize, unit: u32) -> Option<UnitChange> {
        let state = &self.units[depth][unit as usize];
        let known = state.unit.as_ref()?;
        (self.to_unit(depth, unit).parent != known.parent).then_some(UnitChange::Renamed)
    }

    pub fn to_unit(&self, depth: usize, unit: u32) -> Unit {
        let state = &self.units[depth][unit as usize];
        let known = self.unit(depth, unit);
        let parent = state.parent.map(|parent| self.code(depth - 1, parent)).or_else(|| known.parent.clone());
        Unit { parent, ..known.clone() }
    }

    fn shape(&self, depth: usize, unit: u32, number: usize) -> UnitShape {
        let mut told = self.to_unit(depth, unit);
        if let Some((field, load)) = self.load_to_write(depth, unit) {
            told.properties.insert(field.to_owned(), load);
        }
        UnitShape { unit: told, geometry: self.geometry(depth, unit), source: FeatureRef { number } }
    }

    pub(super) fn shown(&self, depth: usize, unit: u32) -> DraftUnit {
        let figures = &self.figures[depth][unit as usize];
        let change = self.change_of(depth, unit);
        let is_locked = self.units[depth][unit as usize].is_locked;
        to_shown(self.to_unit(depth, unit), depth, figures, is_locked, change)
    }

    fn shown_in_base(&self, depth: usize, unit: u32) -> DraftUnit {
        let level = &self.base.levels()[depth];
        to_shown(level.unit(UnitIndex(unit)).clone(), depth, &self.base_figures[depth][unit as usize], false, None)
    }
}

pub(super) fn to_shown(unit: Unit, depth: usize, figures: &Figures, is_locked: bool, change: Option<UnitChange>) -> DraftUnit {
    DraftUnit {
        unit,
        depth,
        is_locked,
        area_m2: figures.area_m2,
        perimeter_m: figures.perimeter_m,
        polsby_popper: figures.polsby_popper(),
        load: figures.load,
        change,
    }
}
