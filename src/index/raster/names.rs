use super::edges::Label;
use crate::topology::{LevelChanges, UnitIndex};

/// What the labels in the cells stand for.
///
/// A raster that is built names units by their numbers. Where a change gives other numbers to all units behind one that comes or goes, the
/// cells keep their labels and this table is made; a unit that comes gets a label behind all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// For each label the number of its unit and one; 0 for label 0 and for units that are gone. Empty where each label is its own.
    today: Vec<Label>,
}

impl Names {
    /// Returns the number, and one, of the unit that a label stands for.
    pub(super) fn today(&self, label: Label) -> Label {
        if self.today.is_empty() { label } else { self.today[label as usize] }
    }

    pub(super) fn is_plain(&self) -> bool {
        self.today.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.today.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.today.capacity() * size_of::<Label>()
    }

    /// Follows a change to a level that has `units` units then.
    pub(super) fn patched(&self, changes: &LevelChanges, units: usize) -> Self {
        let Some(renumbered) = &changes.renumbered else { return self.clone() };
        let labels = if self.is_plain() { renumbered.len() + 1 } else { self.today.len() };
        let follow = |label: usize| {
            let before = self.today(label as Label).checked_sub(1)?;
            renumbered[before as usize].map(|unit| unit.0 + 1)
        };
        let mut today: Vec<Label> = (0..labels).map(|label| follow(label).unwrap_or(0)).collect();
        let mut is_named = vec![false; units + 1];
        today.iter().for_each(|label| is_named[*label as usize] = true);
        today.extend((1..=units as Label).filter(|unit| !is_named[*unit as usize]));
        Self { today }
    }

    /// Returns the label of each of so many units; none where each label is its own.
    pub(super) fn to_labels(&self, units: usize) -> Option<Vec<Label>> {
        if self.is_plain() {
            return None;
        }
        let mut labels = vec![0; units];
        for (label, unit) in (0..).zip(&self.today) {
            if let Some(unit) = unit.checked_sub(1) {
                labels[unit as usize] = label;
            }
        }
        Some(labels)
    }
}

/// Names units as they are to stand in the cells.
#[derive(Clone, Copy)]
pub(super) struct Labels<'a>(pub(super) Option<&'a [Label]>);

impl Labels<'_> {
    pub(super) fn of(self, unit: UnitIndex) -> Label {
        self.0.map_or(unit.0 + 1, |labels| labels[unit.0 as usize])
    }

    pub(super) fn of_side(self, unit: Option<UnitIndex>) -> Label {
        unit.map_or(0, |unit| self.of(unit))
    }
}
