//! Gives units to other parents, many at once.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::board::{Board, UnitState};
use super::operation::Move;
use super::refusal::{Reason, Refusal, Refused};
use crate::boundary::UnitCode;

impl Board {
    pub fn reassign(&mut self, depth: usize, moves: &[Move], creates: bool) -> Refused<()> {
        if depth == 0 {
            let detail = "the units of the coarsest level have no parents";
            return Err(Refusal::new(Reason::UnknownLevel, detail));
        }
        let above = depth - 1;
        let (mut seen, mut moved, mut added) = (FxHashSet::default(), Vec::new(), FxHashMap::<u32, Vec<u32>>::default());
        for Move { unit: code, to } in moves {
            let unit = self.find_unit(depth, code)?;
            if !seen.insert(unit) {
                return Err(Refusal::new(Reason::Repeated, format!("{code} is given away twice")).of([code.clone()]));
            }
            let from = self.parent_of(depth, unit)?;
            let parent = match self.codes[above].get(to) {
                Some(parent) => *parent,
                None if creates => {
                    self.check_free(above, to)?;
                    self.begin_parent(above, from, to.clone())
                }
                None => self.find_unit(above, to)?,
            };
            if parent != from {
                self.check_move(depth, unit, from, parent)?;
                moved.push((unit, from, parent));
                added.entry(parent).or_default().push(unit);
            }
        }
        for (unit, from, parent) in &moved {
            self.give(depth, *unit, *from, *parent);
        }
        self.check_torn(depth, &moved, &added, creates)
    }

    fn check_move(&self, depth: usize, unit: u32, from: u32, to: u32) -> Refused<()> {
        let above = depth - 1;
        self.guard(depth, unit)?;
        self.guard(above, from)?;
        self.guard(above, to)?;
        let (one, two) = (self.units[above][from as usize].parent, self.units[above][to as usize].parent);
        if one != two {
            let (code, from, to) = (self.code(depth, unit), self.code(above, from), self.code(above, to));
            let detail = format!("{code} would go from {from} to {to}, which lie in different units");
            let mut refusal = Refusal::new(Reason::CrossesParent, detail).of([code]);
            refusal.place = self.place_of(depth, unit);
            return Err(refusal);
        }
        Ok(())
    }

    fn give(&mut self, depth: usize, unit: u32, from: u32, to: u32) {
        for arc in self.arcs_within(depth, unit) {
            let view = self.arc(arc);
            let (sides, here) = (view.sides(depth), Some(crate::topology::UnitIndex(unit)));
            let held = [sides.left == here, sides.right == here];
            let mut line = view.to_line(self.units.len());
            for (is_left, is_held) in [true, false].into_iter().zip(held) {
                if is_held {
                    line.set_side(depth - 1, is_left, Some(crate::topology::UnitIndex(to)));
                }
            }
            self.put_arc(arc, Some(line));
        }
        let load = self.figures[depth][unit as usize].load;
        self.change_figures(depth - 1, from, |figures| figures.load -= load);
        self.change_figures(depth - 1, to, |figures| figures.load += load);
        let state = &self.units[depth][unit as usize];
        self.put_unit(depth, unit, UnitState { parent: Some(to), ..state.clone() });
    }

    /// Sees that no parent is torn by what it gave or took, or left with nothing.
    fn check_torn(&mut self, depth: usize, moved: &[(u32, u32, u32)], added: &FxHashMap<u32, Vec<u32>>, creates: bool) -> Refused<()> {
        let above = depth - 1;
        let mut givers: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (unit, from, _) in moved {
            givers.entry(*from).or_default().push(*unit);
        }
        let mut touched: Vec<u32> = givers.keys().chain(added.keys()).copied().collect();
        touched.sort_unstable();
        touched.dedup();
        for parent in touched {
            if self.children[above][parent as usize].is_empty() {
                if !creates {
                    let code = self.code(above, parent);
                    return Err(Refusal::new(Reason::EmptiesParent, format!("{code} would have no units left")).of([code]));
                }
                if !self.borders_of(above, parent).is_empty() {
                    let code = self.code(above, parent);
                    let detail = format!("{code} has ground that none of its units fill, so it cannot end");
                    return Err(Refusal::new(Reason::NestedFault, detail).of([code]));
                }
                let state = self.units[above][parent as usize].clone();
                self.put_unit(above, parent, UnitState { unit: None, ..state });
                continue;
            }
            self.check_left(depth, parent, givers.get(&parent).map_or(&[], |units| units))?;
            self.check_taken(depth, parent, added.get(&parent).map_or(&[], |units| units))?;
            if self.figures[above][parent as usize].parts != 1 {
                self.count_pieces(above, parent);
            }
        }
        Ok(())
    }

    /// What lay beside the units that a parent gave must still hang together, where the ground in which it lies does. Mostly a few steps
    /// around the hole show that it does.
    fn check_left(&self, depth: usize, parent: u32, given: &[u32]) -> Refused<()> {
        let holds = |unit: u32| self.units[depth][unit as usize].parent == Some(parent);
        let mut rim: Vec<u32> = given.iter().flat_map(|unit| self.units_beside(depth, *unit)).filter(|unit| holds(*unit)).collect();
        rim.sort_unstable();
        rim.dedup();
        while let Some(first) = rim.first().copied() {
            let reached = self.reach(depth, parent, &[first], |reached| rim.iter().all(|unit| reached.contains(unit)));
            rim.retain(|unit| !reached.contains(unit));
            if rim.is_empty() {
                break;
            }
            if let Some(apart) = self.find_around(depth, first, |unit| rim.binary_search(&unit).is_ok()) {
                let (code, torn) = (self.code(depth, apart), self.code(depth - 1, parent));
                let mut refusal =
                    Refusal::new(Reason::TearsParent, format!("{torn} would be torn: {code} would be cut off")).of([torn, code]);
                refusal.place = self.place_of(depth, apart);
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Finds a unit among those that hang together around one and lie in the same unit two levels above: where that lies in pieces, as with
    /// an exclave, in one piece of it.
    fn find_around(&self, depth: usize, unit: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let scope_of = |unit: u32| {
            let parent = self.units[depth][unit as usize].parent?;
            Some(self.units[depth - 1][parent as usize].parent)
        };
        let scope = scope_of(unit);
        let (mut ground, mut queue) = (FxHashSet::from_iter([unit]), vec![unit]);
        while let Some(unit) = queue.pop() {
            for beside in self.units_beside(depth, unit) {
                if scope_of(beside) != scope || !ground.insert(beside) {
                    continue;
                }
                if is_it(beside) {
                    return Some(beside);
                }
                queue.push(beside);
            }
        }
        None
    }

    /// What a parent took must share a border with what it had, or hang together where it had nothing. Where the ground in which it lies
    /// is in pieces, that is so in each of them: nothing there can share a border with what lies in another.
    fn check_taken(&self, depth: usize, parent: u32, taken: &[u32]) -> Refused<()> {
        let Some(first) = taken.first() else { return Ok(()) };
        let taken_set: FxHashSet<u32> = taken.iter().copied().collect();
        let has_old = self.children[depth - 1][parent as usize].len() > taken.len();
        let mut joined: FxHashSet<u32> = FxHashSet::default();
        let mut queue: Vec<u32> = if has_old {
            let is_old = |unit: u32| self.units[depth][unit as usize].parent == Some(parent) && !taken_set.contains(&unit);
            taken.iter().copied().filter(|unit| self.units_beside(depth, *unit).into_iter().any(is_old)).collect()
        } else {
            vec![*first]
        };
        joined.extend(&queue);
        while let Some(unit) = queue.pop() {
            for beside in self.units_beside(depth, unit) {
                if taken_set.contains(&beside) && joined.insert(beside) {
                    queue.push(beside);
                }
            }
        }
        while let Some(apart) = taken.iter().copied().find(|unit| !joined.contains(unit)) {
            // Of what it took all that hangs together with `apart`; nothing else in this piece may be its own.
            let together = self.reach(depth, parent, &[apart], |_| false);
            let is_else = |unit: u32| self.units[depth][unit as usize].parent == Some(parent) && !together.contains(&unit);
            if self.find_around(depth, apart, is_else).is_some() {
                let (code, to) = (self.code(depth, apart), self.code(depth - 1, parent));
                let mut refusal = Refusal::new(Reason::NotBeside, format!("{code} shares no border with {to}")).of([code]);
                refusal.place = self.place_of(depth, apart);
                return Err(refusal);
            }
            joined.extend(together);
        }
        Ok(())
    }

    /// Walks through the children of a parent from some of them, until enough are reached.
    fn reach(&self, depth: usize, parent: u32, from: &[u32], is_enough: impl Fn(&FxHashSet<u32>) -> bool) -> FxHashSet<u32> {
        let mut reached: FxHashSet<u32> = from.iter().copied().collect();
        let mut round = from.to_vec();
        while !round.is_empty() && !is_enough(&reached) {
            let mut next = Vec::new();
            for unit in round {
                for beside in self.units_beside(depth, unit) {
                    if self.units[depth][beside as usize].parent == Some(parent) && reached.insert(beside) {
                        next.push(beside);
                    }
                }
            }
            round = next;
        }
        reached
    }

    /// Returns the units that share a border of some length with a unit.
    pub fn units_beside(&self, depth: usize, unit: u32) -> Vec<u32> {
        let arcs = self.borders_of(depth, unit);
        let mut beside: Vec<u32> = arcs.into_iter().filter_map(|arc| Self::beside(self.arc(arc).sides(depth), unit)).collect();
        beside.sort_unstable();
        beside.dedup();
        beside
    }

    /// Counts anew in how many pieces a unit is, as what it holds hangs together.
    pub fn count_pieces(&mut self, depth: usize, unit: u32) {
        let mut left: FxHashSet<u32> = self.children[depth][unit as usize].iter().copied().collect();
        let mut count = 0;
        for child in self.children[depth][unit as usize].clone() {
            if left.contains(&child) {
                count += 1;
                self.reach(depth + 1, unit, &[child], |_| false).iter().for_each(|reached| {
                    left.remove(reached);
                });
            }
        }
        self.change_figures(depth, unit, |figures| figures.parts = count);
    }

    fn parent_of(&self, depth: usize, unit: u32) -> Refused<u32> {
        let code = || self.code(depth, unit);
        let none = || Refusal::new(Reason::UnknownUnit, format!("{} lies in no unit of the level above", code())).of([code()]);
        self.units[depth][unit as usize].parent.ok_or_else(none)
    }

    /// Changes code, name and parent of a unit.
    pub fn change(
        &mut self,
        depth: usize,
        unit: &UnitCode,
        code: Option<&UnitCode>,
        name: Option<&str>,
        parent: Option<&UnitCode>,
    ) -> Refused<()> {
        let number = self.find_unit(depth, unit)?;
        self.guard(depth, number)?;
        if let Some(parent) = parent {
            self.reassign(depth, &[Move { unit: unit.clone(), to: parent.clone() }], false)?;
        }
        let mut changed = self.unit(depth, number).clone();
        if let Some(code) = code.filter(|code| *code != unit) {
            // Its own code of the base may come back to it.
            let is_own =
                self.base.levels()[depth].find(code).is_some_and(|index| index.0 == number) && !self.codes[depth].contains_key(code);
            if !is_own {
                self.check_free(depth, code)?;
            }
            changed.code = code.clone();
        }
        if let Some(name) = name {
            name.clone_into(&mut changed.name);
        }
        let state = self.units[depth][number as usize].clone();
        self.put_unit(depth, number, UnitState { unit: Some(Arc::new(changed)), ..state });
        Ok(())
    }

    pub fn lock(&mut self, depth: usize, units: &[UnitCode], is_locked: bool) -> Refused<()> {
        for code in units {
            let unit = self.find_unit(depth, code)?;
            let state = self.units[depth][unit as usize].clone();
            self.put_unit(depth, unit, UnitState { is_locked, ..state });
        }
        Ok(())
    }
}
