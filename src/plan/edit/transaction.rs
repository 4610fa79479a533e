//! Writes on the board. Each keeps what was there before, so that a step is undone by putting that back, to the bit.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::board::{Board, Figures, Totals, UnitState, add_line};
use super::line::{Line, Slot};
use super::nearby::boxed;

/// What was there before the first write of each thing.
#[derive(Debug)]
pub(super) struct Transaction {
    slots: FxHashMap<u32, Slot>,
    units: FxHashMap<(usize, u32), UnitState>,
    figures: FxHashMap<(usize, u32), Figures>,
    totals: Vec<Totals>,
    arc_count: u32,
    unit_counts: Vec<usize>,
}

/// What one step changed: each thing as it was and as it is since.
#[derive(Debug)]
pub(super) struct Step {
    slots: Vec<(u32, [Slot; 2])>,
    pub units: Vec<((usize, u32), [UnitState; 2])>,
    pub figures: Vec<((usize, u32), [Figures; 2])>,
    totals: [Vec<Totals>; 2],
    arc_counts: [u32; 2],
    unit_counts: [Vec<usize>; 2],
}

impl Board {
    pub fn begin(&mut self) {
        debug_assert!(self.open.is_none(), "steps follow each other");
        self.open = Some(Transaction {
            slots: FxHashMap::default(),
            units: FxHashMap::default(),
            figures: FxHashMap::default(),
            totals: self.totals.clone(),
            arc_count: self.arc_count,
            unit_counts: self.unit_counts(),
        });
    }

    /// Ends the step that has begun, and brings the sums of levels up to date.
    pub fn commit(&mut self) -> Step {
        let open = self.take_open();
        self.follow_totals(&open);
        self.to_step(open)
    }

    /// Puts everything back as it was when the step began.
    pub fn roll_back(&mut self) {
        let open = self.take_open();
        let step = self.to_step(open);
        self.go(&step, 0);
    }

    pub fn undo(&mut self, step: &Step) {
        self.go(step, 0);
    }

    pub fn redo(&mut self, step: &Step) {
        self.go(step, 1);
    }

    /// Puts a line under a number, or takes what is there away.
    pub fn put_arc(&mut self, arc: u32, line: Option<Line>) {
        let old = self.slots.get(&arc).cloned().unwrap_or(if arc < self.base_arcs() { Slot::Base } else { Slot::Gone });
        self.opened().slots.entry(arc).or_insert(old);
        self.follow_line(arc, -1.0);
        self.swap_slot(arc, line.map_or(Slot::Gone, |line| Slot::Own(Arc::new(line))));
        self.follow_line(arc, 1.0);
    }

    /// Adds a line and returns its number.
    pub fn add_arc(&mut self, line: Line) -> u32 {
        let arc = self.arc_count;
        self.arc_count += 1;
        self.put_arc(arc, Some(line));
        arc
    }

    pub fn put_unit(&mut self, depth: usize, unit: u32, state: UnitState) {
        let old = &self.units[depth][unit as usize];
        let open = self.open.as_mut().expect("writes are made inside a step");
        open.units.entry((depth, unit)).or_insert_with(|| old.clone());
        self.swap_unit(depth, unit, state);
    }

    /// Adds a unit and returns its number.
    pub fn add_unit(&mut self, depth: usize, state: UnitState) -> u32 {
        let unit = u32::try_from(self.units[depth].len()).expect("units are counted in 32 bits");
        self.resize(depth, self.units[depth].len() + 1);
        self.put_unit(depth, unit, state);
        unit
    }

    /// Changes what is kept of a unit's shape.
    pub fn change_figures(&mut self, depth: usize, unit: u32, change: impl FnOnce(&mut Figures)) {
        let figures = &mut self.figures[depth][unit as usize];
        let open = self.open.as_mut().expect("writes are made inside a step");
        open.figures.entry((depth, unit)).or_insert(*figures);
        change(figures);
    }

    /// Adds a load to a unit of which something else is counted now, and to all that hold it.
    pub fn add_load(&mut self, depth: usize, unit: u32, load: f64) {
        self.change_figures(depth, unit, |figures| figures.is_recounted = true);
        let mut at = Some((depth, unit));
        while let Some((depth, unit)) = at {
            self.change_figures(depth, unit, |figures| figures.load += load);
            at = self.units[depth][unit as usize].parent.map(|parent| (depth - 1, parent));
        }
    }

    fn opened(&mut self) -> &mut Transaction {
        self.open.as_mut().expect("writes are made inside a step")
    }

    fn take_open(&mut self) -> Transaction {
        self.open.take().expect("a step that ends has begun")
    }

    fn unit_counts(&self) -> Vec<usize> {
        self.units.iter().map(Vec::len).collect()
    }

    fn follow_line(&mut self, arc: u32, sign: f64) {
        let Some(view) = self.find_arc(arc) else { return };
        let (measured, depths) = (view.figures(self.origin), self.units.len());
        let sides: Vec<_> = (0..depths).map(|depth| view.sides(depth)).collect();
        for (depth, sides) in sides.into_iter().enumerate() {
            if sides.left == sides.right {
                continue;
            }
            for unit in [sides.left, sides.right].into_iter().flatten() {
                self.change_figures(depth, unit.0, |_| ());
            }
            add_line(&mut self.figures[depth], sides, &measured, sign);
            self.totals[depth].border_m += sign * measured.length_m;
        }
    }

    /// Takes the units that the step has touched out of the sums as they were, and adds them as they are.
    fn follow_totals(&mut self, open: &Transaction) {
        let mut touched: Vec<(usize, u32)> = open.figures.keys().chain(open.units.keys()).copied().collect();
        touched.sort_unstable();
        touched.dedup();
        for (depth, unit) in touched {
            let (state, figures) = (&self.units[depth][unit as usize], &self.figures[depth][unit as usize]);
            let (old_state, old) = (open.units.get(&(depth, unit)).unwrap_or(state), open.figures.get(&(depth, unit)).unwrap_or(figures));
            self.totals[depth].add(old_state, old, -1.0);
            self.totals[depth].add(state, figures, 1.0);
        }
    }

    fn to_step(&self, open: Transaction) -> Step {
        let slot = |arc: u32| self.slots.get(&arc).cloned().unwrap_or(Slot::Gone);
        let slots = open.slots.into_iter().map(|(arc, old)| (arc, [old, slot(arc)]));
        let units = open.units.into_iter().map(|(key, old)| (key, [old, self.units[key.0][key.1 as usize].clone()]));
        let figures = open.figures.into_iter().map(|(key, old)| (key, [old, self.figures[key.0][key.1 as usize]]));
        let mut step = Step {
            slots: slots.collect(),
            units: units.collect(),
            figures: figures.collect(),
            totals: [open.totals, self.totals.clone()],
            arc_counts: [open.arc_count, self.arc_count],
            unit_counts: [open.unit_counts, self.unit_counts()],
        };
        step.slots.sort_unstable_by_key(|(arc, _)| *arc);
        step.units.sort_unstable_by_key(|(key, _)| *key);
        step.figures.sort_unstable_by_key(|(key, _)| *key);
        step
    }

    /// Puts everything that a step changed as it was before it, 0, or after it, 1.
    fn go(&mut self, step: &Step, to: usize) {
        for depth in 0..self.units.len() {
            self.resize(depth, step.unit_counts[to][depth].max(self.units[depth].len()));
        }
        for (arc, slots) in &step.slots {
            self.swap_slot(*arc, slots[to].clone());
        }
        for ((depth, unit), states) in &step.units {
            self.swap_unit(*depth, *unit, states[to].clone());
        }
        for ((depth, unit), figures) in &step.figures {
            self.figures[*depth][*unit as usize] = figures[to];
        }
        for depth in 0..self.units.len() {
            self.resize(depth, step.unit_counts[to][depth]);
        }
        self.totals.clone_from(&step.totals[to]);
        self.arc_count = step.arc_counts[to];
    }

    fn resize(&mut self, depth: usize, count: usize) {
        self.units[depth].resize_with(count, UnitState::default);
        self.figures[depth].resize_with(count, Figures::default);
        self.children[depth].resize_with(count, Vec::new);
    }

    /// Changes what stands under the number of an arc, and all that is kept beside the arcs but the figures.
    fn swap_slot(&mut self, arc: u32, slot: Slot) {
        self.link(arc, false);
        match slot {
            Slot::Base => {
                self.slots.remove(&arc);
            }
            slot => {
                self.slots.insert(arc, slot);
            }
        }
        self.link(arc, true);
    }

    fn link(&mut self, arc: u32, is_new: bool) {
        let Some(view) = self.find_arc(arc) else { return };
        let coords = view.coords();
        let (first, last, item) = (coords[0], coords[coords.len() - 1], boxed(arc, coords));
        let sides: Vec<_> = (0..self.units.len()).map(|depth| view.sides(depth)).collect();
        for end in [first, last] {
            if is_new { self.nodes.add(end, arc) } else { self.nodes.remove(end, arc) }
        }
        if is_new {
            self.tree.insert(item);
        } else {
            self.tree.remove(&item);
        }
        for (depth, sides) in sides.into_iter().enumerate().filter(|(_, sides)| sides.left != sides.right) {
            for unit in [sides.left, sides.right].into_iter().flatten() {
                self.link_border(depth, unit.0, arc, is_new);
            }
        }
    }

    fn link_border(&mut self, depth: usize, unit: u32, arc: u32, is_new: bool) {
        let arcs = match self.borders.entry((depth, unit)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) => {
                let base = self.base_borders(depth, unit);
                self.borders.entry((depth, unit)).or_insert(base)
            }
        };
        match (arcs.binary_search(&arc), is_new) {
            (Err(at), true) => arcs.insert(at, arc),
            (Ok(at), false) => {
                arcs.remove(at);
            }
            _ => (),
        }
    }

    /// Changes a unit, its code and its parent's children.
    fn swap_unit(&mut self, depth: usize, unit: u32, state: UnitState) {
        self.told.insert((depth, unit));
        let old = std::mem::replace(&mut self.units[depth][unit as usize], state);
        let new = self.units[depth][unit as usize].clone();
        let held = |state: &UnitState| state.parent.filter(|_| state.unit.is_some());
        if held(&old) != held(&new) {
            if let Some(parent) = held(&old) {
                let children = &mut self.children[depth - 1][parent as usize];
                if let Ok(at) = children.binary_search(&unit) {
                    children.remove(at);
                }
            }
            if let Some(parent) = held(&new) {
                let children = &mut self.children[depth - 1][parent as usize];
                if let Err(at) = children.binary_search(&unit) {
                    children.insert(at, unit);
                }
            }
        }
        // Another unit may have taken the code meanwhile, where several change at once.
        if let Some(known) = &old.unit
            && self.codes[depth].get(&known.code) == Some(&unit)
        {
            self.codes[depth].remove(&known.code);
        }
        if let Some(known) = &new.unit {
            self.codes[depth].insert(known.code.clone(), unit);
        }
    }
}
