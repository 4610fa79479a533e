use crate::topology::{Changes, ValidCoverage};

/// A coverage, the one that it was made from, and what differs between them.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    pub base: &'a ValidCoverage,
    pub next: &'a ValidCoverage,
    pub changes: &'a Changes,
}

/// Taking a leaf out of a tree or putting one in costs as much as loading so many in bulk.
const LEAVES_LOADED_PER_CHANGE: usize = 4;

/// Whether a tree is corrected faster than it is loaded anew.
pub(super) fn is_worth_patching(changes: usize, leaves: usize) -> bool {
    changes * LEAVES_LOADED_PER_CHANGE <= leaves
}
