//! The coverage of a draft while it is edited: the base, and over it what differs.
//!
//! Everything that is asked again and again is kept beside the arcs: which arcs border a unit, which end at a place, which lie in a
//! window, what a unit measures. It follows each write of an arc or a unit, so that an operation costs what it touches.

use std::sync::Arc;

use geo_types::Coord;
use rayon::prelude::*;
use rstar::RTree;
use rustc_hash::{FxHashMap, FxHashSet};

use super::counted::LoadField;
use super::line::{LineFigures, Slot, View};
use super::nearby::{Boxed, boxed};
use super::nodes::Nodes;
use super::refusal::{Reason, Refusal, Refused};
use super::transaction::Transaction;
use crate::boundary::{Level, Unit, UnitCode};
use crate::topology::{ArcId, Plane, Sides, UnitIndex, ValidCoverage};

/// A unit as the draft has it. Numbers below those of the base are the base's indices; units that began in the draft follow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UnitState {
    /// None once it has ended.
    pub unit: Option<Arc<Unit>>,
    pub parent: Option<u32>,
    pub is_locked: bool,
}

/// What is kept of a unit's shape, added up from its borders.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub area_m2: f64,
    pub perimeter_m: f64,
    pub load: f64,
    /// Whether the unit was split, merged or redrawn, so that what is counted in it is another.
    pub is_recounted: bool,
    /// Tells whether the outline has the same edges as another.
    pub outline: u64,
    pub parts: u32,
}

impl Figures {
    /// Returns 4π × area ÷ perimeter² (Polsby and Popper 1991); 0 of a unit without border.
    pub fn polsby_popper(&self) -> f64 {
        let square_m2 = self.perimeter_m * self.perimeter_m;
        if square_m2 > 0.0 { 4.0 * std::f64::consts::PI * self.area_m2 / square_m2 } else { 0.0 }
    }
}

/// The sums over a level that are kept up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub units: usize,
    pub locked: usize,
    pub area_m2: f64,
    pub perimeter_m: f64,
    /// The perimeters of units added up less the borders, each counted once, are what units share.
    pub border_m: f64,
    pub polsby_popper: f64,
    pub in_parts: usize,
    pub load: f64,
    pub load_squares: f64,
}

#[derive(Debug)]
pub(super) struct Board {
    pub base: Arc<ValidCoverage>,
    /// The finest depth with units.
    pub finest: usize,
    pub origin: Coord<f64>,
    pub slots: FxHashMap<u32, Slot>,
    pub arc_count: u32,
    pub units: Vec<Vec<UnitState>>,
    pub figures: Vec<Vec<Figures>>,
    pub base_figures: Vec<Vec<Figures>>,
    pub totals: Vec<Totals>,
    /// The units that are there, by code.
    pub codes: Vec<FxHashMap<UnitCode, u32>>,
    /// For each depth the codes that have ended, in their order.
    pub spent: Vec<Vec<UnitCode>>,
    pub children: Vec<Vec<Vec<u32>>>,
    /// The borders of units that are not those of the base, ordered.
    pub borders: FxHashMap<(usize, u32), Vec<u32>>,
    /// Units of which something else than the shape was ever written.
    pub told: FxHashSet<(usize, u32)>,
    pub nodes: Nodes,
    pub tree: RTree<Boxed>,
    pub open: Option<Transaction>,
    pub load_field: Option<LoadField>,
}

impl Board {
    /// Lays a coverage out to be edited. `loads` are those of the finest units, or empty; `spent` are for each level the codes that
    /// have ended, which no other unit may get.
    pub fn new(base: Arc<ValidCoverage>, loads: &[f64], mut spent: Vec<Vec<UnitCode>>) -> Refused<Self> {
        let accepted = base.accepted();
        if accepted.overlap || accepted.nesting {
            let detail = "units overlap or stick out of what they are in, which was accepted, so that borders have no two sides";
            return Err(Refusal::new(Reason::NestedFault, detail));
        }
        let Some(finest) = base.finest_depth() else { return Err(Refusal::new(Reason::UnknownLevel, "the layer has no units")) };
        let arcs = base.arcs();
        let arc_count = u32::try_from(arcs.len()).expect("arcs are counted in 32 bits");
        let origin = origin_of(&base);
        let tree = RTree::bulk_load(arcs.ids().map(|arc| boxed(arc.0, arcs.coords(arc))).collect());
        let nodes = Nodes::new(arcs.ids().map(|arc| (arc.0, arcs.coords(arc))));
        spent.resize(base.levels().len(), Vec::new());
        spent.iter_mut().for_each(|codes| codes.sort_unstable());
        let depths = 0..base.levels().len();
        let units: Vec<Vec<UnitState>> = depths.clone().map(|depth| states(&base, depth)).collect();
        let codes = base.levels().iter().map(|level| level.indices().map(|unit| (level.unit(unit).code.clone(), unit.0)).collect());
        let mut board = Self {
            finest,
            origin,
            slots: FxHashMap::default(),
            arc_count,
            codes: codes.collect(),
            spent,
            children: children(&units),
            units,
            figures: Vec::new(),
            base_figures: Vec::new(),
            totals: Vec::new(),
            borders: FxHashMap::default(),
            told: FxHashSet::default(),
            nodes,
            tree,
            open: None,
            load_field: None,
            base,
        };
        board.figures = measure(&board.base, board.origin, loads);
        board.base_figures = board.figures.clone();
        board.totals = depths.map(|depth| board.total(depth)).collect();
        Ok(board)
    }

    /// Returns an arc, if there is one under the number.
    pub fn find_arc(&self, arc: u32) -> Option<View<'_>> {
        match self.slots.get(&arc) {
            Some(Slot::Own(line)) => Some(View::Own(line)),
            Some(Slot::Gone) => None,
            None | Some(Slot::Base) => (arc < self.base_arcs()).then(|| View::Base(&self.base, ArcId(arc))),
        }
    }

    pub fn arc(&self, arc: u32) -> View<'_> {
        self.find_arc(arc).expect("what is kept beside the arcs names arcs that are there")
    }

    pub fn base_arcs(&self) -> u32 {
        u32::try_from(self.base.arcs().len()).expect("arcs are counted in 32 bits")
    }

    /// Returns the arcs that are a border of a unit, ordered.
    pub fn borders_of(&self, depth: usize, unit: u32) -> Vec<u32> {
        match self.borders.get(&(depth, unit)) {
            Some(arcs) => arcs.clone(),
            None => self.base_borders(depth, unit),
        }
    }

    pub fn base_borders(&self, depth: usize, unit: u32) -> Vec<u32> {
        if unit as usize >= self.base.levels()[depth].units().len() {
            return Vec::new();
        }
        let rings = self.base.levels()[depth].rings(UnitIndex(unit));
        let mut arcs: Vec<u32> = rings.flatten().map(|arc_ref| arc_ref.arc().0).collect();
        arcs.sort_unstable();
        // Where a unit lies on both sides of an arc it has no border there.
        arcs.dedup();
        arcs
    }

    pub fn unit(&self, depth: usize, unit: u32) -> &Unit {
        self.units[depth][unit as usize].unit.as_ref().expect("what names a unit names one that is there")
    }

    pub fn code(&self, depth: usize, unit: u32) -> UnitCode {
        self.unit(depth, unit).code.clone()
    }

    pub fn find_level(&self, level: &Level) -> Refused<usize> {
        let depth = self.base.layer().depth_of(level).filter(|depth| !self.codes[*depth].is_empty());
        depth.ok_or_else(|| Refusal::new(Reason::UnknownLevel, format!("the draft has no units of a level {level}")))
    }

    pub fn find_unit(&self, depth: usize, code: &UnitCode) -> Refused<u32> {
        let level = self.base.levels()[depth].level();
        let missing = || Refusal::new(Reason::UnknownUnit, format!("the draft has no {level} {code}")).of([code.clone()]);
        self.codes[depth].get(code).copied().ok_or_else(missing)
    }

    pub fn find_finest(&self, level: &Level) -> Refused<usize> {
        let depth = self.find_level(level)?;
        if depth == self.finest {
            return Ok(depth);
        }
        let finest = self.base.levels()[self.finest].level();
        Err(Refusal::new(Reason::NotFinest, format!("{level} is made of finer units; borders are drawn at the level {finest}")))
    }

    /// Finds a level whose units get shapes: the finest, or one whose units consist of those of the next finer level.
    pub fn find_drawn(&self, level: &Level) -> Refused<usize> {
        let depth = self.find_level(level)?;
        if depth < self.finest && !self.codes[depth + 1].is_empty() { Ok(depth) } else { self.find_finest(level) }
    }

    /// Turns away what would change a locked unit.
    pub fn guard(&self, depth: usize, unit: u32) -> Refused<()> {
        if !self.units[depth][unit as usize].is_locked {
            return Ok(());
        }
        let (level, code) = (self.base.levels()[depth].level(), self.code(depth, unit));
        let mut refusal = Refusal::new(Reason::Locked, format!("{level} {code} is locked")).of([code]);
        refusal.place = self.place_of(depth, unit);
        Err(refusal)
    }

    /// Returns the unit that lies beside a unit along an arc, and the unit itself where it lies on both sides.
    pub fn beside(sides: Sides, unit: u32) -> Option<u32> {
        let other = if sides.left == Some(UnitIndex(unit)) { sides.right } else { sides.left };
        other.map(|unit| unit.0)
    }

    fn total(&self, depth: usize) -> Totals {
        let mut totals = Totals::default();
        for (state, figures) in self.units[depth].iter().zip(&self.figures[depth]) {
            totals.add(state, figures, 1.0);
        }
        let borders = self.base.arcs().ids().filter(|arc| {
            let sides = self.base.arcs().sides(*arc, depth);
            sides.left != sides.right
        });
        let borders: Vec<ArcId> = borders.collect();
        totals.border_m =
            borders.par_iter().map(|arc| Plane::Degrees.length_m(self.base.arcs().coords(*arc))).collect::<Vec<_>>().iter().sum();
        totals
    }
}

impl Totals {
    /// Adds a unit, or takes it away with -1.
    pub fn add(&mut self, state: &UnitState, figures: &Figures, sign: f64) {
        if state.unit.is_none() {
            return;
        }
        let count = |number: usize, counts: bool| if sign > 0.0 { number + usize::from(counts) } else { number - usize::from(counts) };
        self.units = count(self.units, true);
        self.locked = count(self.locked, state.is_locked);
        self.in_parts = count(self.in_parts, figures.parts > 1);
        self.area_m2 += sign * figures.area_m2;
        self.perimeter_m += sign * figures.perimeter_m;
        self.polsby_popper += sign * figures.polsby_popper();
        self.load += sign * figures.load;
        self.load_squares += sign * figures.load * figures.load;
    }
}

/// Returns a corner near all others, from which areas are measured.
pub(super) fn origin_of(base: &ValidCoverage) -> Coord<f64> {
    let arcs = base.arcs();
    if arcs.is_empty() { Coord::default() } else { arcs.coords(ArcId(0))[0] }
}

/// Measures all units of a coverage. `loads` are those of the finest units, or empty.
pub(super) fn measure(base: &ValidCoverage, origin: Coord<f64>, loads: &[f64]) -> Vec<Vec<Figures>> {
    let arc_count = u32::try_from(base.arcs().len()).expect("arcs are counted in 32 bits");
    let measured: Vec<LineFigures> = (0..arc_count).into_par_iter().map(|arc| View::Base(base, ArcId(arc)).figures(origin)).collect();
    let mut all: Vec<Vec<Figures>> = Vec::new();
    for (depth, level) in base.levels().iter().enumerate() {
        let mut figures = vec![Figures::default(); level.units().len()];
        for unit in level.indices() {
            figures[unit.0 as usize].parts = u32::try_from(level.polygons(unit).len()).expect("parts are counted in 32 bits");
        }
        for (arc, measured) in (0u32..).zip(&measured) {
            add_line(&mut figures, base.arcs().sides(ArcId(arc), depth), measured, 1.0);
        }
        all.push(figures);
    }
    let Some(finest) = base.finest_depth() else { return all };
    for (unit, load) in (0u32..).zip(loads).take(all[finest].len()) {
        let mut at = Some((finest, UnitIndex(unit)));
        while let Some((depth, unit)) = at {
            all[depth][unit.0 as usize].load += load;
            at = base.levels()[depth].parent(unit).map(|parent| (depth - 1, parent));
        }
    }
    all
}

/// Adds what a line is worth to the units on its sides, or takes it away with -1.
pub(super) fn add_line(figures: &mut [Figures], sides: Sides, line: &LineFigures, sign: f64) {
    if sides.left == sides.right {
        return;
    }
    for (unit, side) in [(sides.left, -1.0), (sides.right, 1.0)] {
        let Some(unit) = unit else { continue };
        let figures = &mut figures[unit.0 as usize];
        figures.area_m2 += sign * side * line.under_m2;
        figures.perimeter_m += sign * line.length_m;
        figures.outline = if sign > 0.0 { figures.outline.wrapping_add(line.outline) } else { figures.outline.wrapping_sub(line.outline) };
    }
}

fn states(base: &ValidCoverage, depth: usize) -> Vec<UnitState> {
    let level = &base.levels()[depth];
    let state = |unit: UnitIndex| UnitState {
        unit: Some(Arc::clone(&level.units()[unit.0 as usize])),
        parent: level.parent(unit).map(|parent| parent.0),
        is_locked: false,
    };
    level.indices().map(state).collect()
}

fn children(units: &[Vec<UnitState>]) -> Vec<Vec<Vec<u32>>> {
    let mut children: Vec<Vec<Vec<u32>>> = units.iter().map(|level| vec![Vec::new(); level.len()]).collect();
    for (depth, level) in units.iter().enumerate().skip(1) {
        for (number, state) in (0u32..).zip(level) {
            if let Some(parent) = state.parent {
                children[depth - 1][parent as usize].push(number);
            }
        }
    }
    children
}
