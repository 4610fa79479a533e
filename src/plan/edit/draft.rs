use std::sync::Arc;

use super::board::Board;
use super::counted::LoadField;
use super::operation::Operation;
use super::refusal::Refused;
use super::transaction::Step;
use crate::boundary::UnitCode;
use crate::topology::ValidCoverage;

/// A coverage with the steps that change it, each of which can be taken back and done again, to the bit.
#[derive(Debug)]
pub struct Draft {
    pub(super) board: Board,
    done: Vec<Step>,
    undone: Vec<Step>,
}

impl Draft {
    /// Begins a draft of a coverage.
    ///
    /// `loads` are those of the units of the finest level in their order, or empty; `spent` are for each level codes that have ended.
    ///
    /// # Errors
    /// The coverage has overlaps or units outside of their parents, which were accepted, or no units.
    pub fn new(base: Arc<ValidCoverage>, loads: &[f64], spent: Vec<Vec<UnitCode>>) -> Refused<Self> {
        Ok(Self { board: Board::new(base, loads, spent)?, done: Vec::new(), undone: Vec::new() })
    }

    /// Writes the loads of units that were split or merged into a field when shapes are made: the one that `loads` were read from.
    #[must_use]
    pub fn with_load_field(mut self, field: Option<&str>) -> Self {
        self.board.load_field = field.map(|field| LoadField::new(&self.board, field));
        self
    }

    pub fn base(&self) -> &Arc<ValidCoverage> {
        &self.board.base
    }

    /// Does operations as one step. What was undone before can no longer be done again.
    ///
    /// # Errors
    /// Says which rule an operation would break and where. Nothing is changed then.
    pub fn apply(&mut self, operations: &[Operation]) -> Refused<()> {
        self.board.begin();
        for operation in operations {
            if let Err(refusal) = self.board.operate(operation) {
                self.board.roll_back();
                return Err(refusal);
            }
        }
        let step = self.board.commit();
        self.done.push(step);
        self.undone.clear();
        Ok(())
    }

    /// Takes the last step back; false where there is none.
    pub fn undo(&mut self) -> bool {
        let Some(step) = self.done.pop() else { return false };
        self.board.undo(&step);
        self.undone.push(step);
        true
    }

    /// Does the step again that was taken back last; false where there is none.
    pub fn redo(&mut self) -> bool {
        let Some(step) = self.undone.pop() else { return false };
        self.board.redo(&step);
        self.done.push(step);
        true
    }

    pub fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    pub fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }

    pub(super) fn last_done(&self) -> Option<&Step> {
        self.done.last()
    }

    pub(super) fn last_undone(&self) -> Option<&Step> {
        self.undone.last()
    }
}

impl Board {
    fn operate(&mut self, operation: &Operation) -> Refused<()> {
        match operation {
            Operation::Reassign { level, moves, creates } => {
                let depth = self.find_level(level)?;
                self.reassign(depth, moves, *creates)
            }
            Operation::Split { level, unit, line, codes, names } => {
                let depth = self.find_finest(level)?;
                self.split(depth, unit, line, codes, names)
            }
            Operation::Merge { level, units, into } => {
                let depth = self.find_level(level)?;
                self.merge(depth, units, into.as_ref())
            }
            Operation::MoveVertex { at, to, reach } => self.move_vertex(*at, *to, *reach),
            Operation::MoveEdge { edge, by, reach } => self.move_edge(*edge, *by, *reach),
            Operation::InsertVertex { at, to, reach } => self.insert_vertex(*at, *to, *reach),
            Operation::DeleteVertex { at, reach } => self.delete_vertex(*at, *reach),
            Operation::Draw { level, code, name, rings, within_m } => {
                let depth = self.find_drawn(level)?;
                if depth == self.finest {
                    self.draw(depth, code, name, rings, *within_m)
                } else {
                    self.draw_coarse(depth, code, name, rings, *within_m)
                }
            }
            Operation::Reshape { level, unit, polygons, within_m } => {
                let depth = self.find_drawn(level)?;
                if depth == self.finest {
                    self.reshape(depth, unit, polygons, *within_m)
                } else {
                    self.reshape_coarse(depth, unit, polygons, *within_m)
                }
            }
            Operation::Change { level, unit, code, name, parent } => {
                let depth = self.find_level(level)?;
                self.change(depth, unit, code.as_ref(), name.as_deref(), parent.as_ref())
            }
            Operation::Lock { level, units, is_locked } => {
                let depth = self.find_level(level)?;
                self.lock(depth, units, *is_locked)
            }
        }
    }
}
