//! Makes the next coverage from the one before and the few units that differ.
//!
//! A layer has a hundred thousand units and a publication changes a hundred of them. Checking and cutting all of them again
//! costs seconds; here only what touches a changed unit is looked at, and the rest is copied.
//!
//! # Which arcs are cut again, and why no others
//!
//! How edges join into arcs is decided at each vertex by its star alone: the edges that meet there and the units on their
//! sides. An edge changes (comes, goes, or gets another unit on a side) only if a ring of a changed unit, old or new, runs along it, and
//! then both its ends are vertices of such a ring. Call these vertices *open*. So
//!
//! * a base arc without an open vertex has the same edges, sides and stars as before: it is an arc of the next coverage too;
//! * of all others every edge is taken, as are the edges of the new rings. At an open vertex all edges are then at hand, and at an inner
//!   vertex of an arc there are no others. At an end that is not open the star has not changed: an arc ended there, and still
//!   does. Such ends are *pinned*. A closed arc may start at no junction at all; its start is made open, which
//!   brings in whatever else ends there.
//!
//! The same code cuts these edges as cuts all of them (`build`), and what it makes does not depend on where it started. So the arcs,
//! and with them the rings, are those that a cut of everything would make.
//!
//! # Why the result is valid
//!
//! Nothing is called valid that [`super::check`] at tolerance 0 would refuse. Its verdict is put together from parts, and each is
//! either the same as for the base or made anew by the same code:
//!
//! * shapes by themselves: the new ones are checked (`feature`), the others were;
//! * codes and parents: looked up for the new units, and for those whose parent goes;
//! * gaps and overlaps of a level are a function of its *loose* edges, those with a unit on one side only (`seams`). Mostly
//!   they are the same directed edges as before, and so is the verdict; otherwise all loose edges of the level are arranged anew;
//! * nesting in a parent is a function of the edges of it and of its units that do not cancel (`nest`). Again the same edges give the
//!   same verdict, and a parent with others is compared anew.
//!
//! Everything else is refused with a reason, and the caller checks all shapes: never wrong, sometimes slow. Refused are also
//! things that could be followed but are rare: accepted overlaps, where an edge may have several units on a side; loose edges that
//! cross or touch one another without a vertex, where places are rounded; and a kind of accepted fault that comes or goes.

mod delta;
mod merge;
mod plan;
mod recut;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod town;
mod vouch;

use std::sync::Arc;

use super::coverage::ValidCoverage;
use crate::boundary::{Accepted, Layer};

pub use delta::{Changes, LevelChanges, LevelDelta, Patched, Unpatched};

impl ValidCoverage {
    /// Makes the coverage that [`super::check`] at tolerance 0 would make of this one's shapes without those that end and with
    /// those that begin: the same units, arcs and rings to the bit, but for the numbers of arcs.
    ///
    /// `delta` has one entry for each level of `layer`, which must be this coverage's; `accepted` are the faults that the next
    /// coverage was accepted with. Units keep the parents that they have here, named or found.
    ///
    /// # Errors
    /// Gives the reason where it cannot vouch for the result. Nothing is said about the shapes then: check all of them.
    pub fn patched(&self, layer: &Layer, delta: Vec<LevelDelta>, accepted: Accepted) -> Result<Patched, Unpatched> {
        if *layer != self.layer || delta.len() != self.levels.len() {
            return Err(Unpatched::Layer);
        }
        if accepted != self.accepted || accepted.overlap {
            return Err(Unpatched::Accepted);
        }
        let plans = plan::plan(self, delta)?;
        let parents = plan::find_parents(self, &plans)?;
        if plans.iter().all(|plan| !plan.is_reshaped()) {
            let levels = merge::merge_levels(self, plans, parents, None);
            let changes = Changes::none(levels.len());
            let coverage = ValidCoverage { layer: layer.clone(), arcs: Arc::clone(&self.arcs), levels, accepted };
            return Ok(Patched { coverage, changes });
        }
        let recut = recut::recut(self, &plans)?;
        let numbering = merge::number_arcs(self, &recut, &plans);
        let arcs = merge::merge_arcs(self, &recut, &numbering, &plans);
        let is_rim_changed = vouch::vouch(self, &plans, &parents, &recut, &arcs)?;
        let changes = merge::list_changes(&numbering, &plans, self, &is_rim_changed);
        let rings = merge::RingSource { recut: &recut, numbering: &numbering, arcs: &arcs };
        let levels = merge::merge_levels(self, plans, parents, Some(rings));
        Ok(Patched { coverage: ValidCoverage { layer: layer.clone(), arcs: Arc::new(arcs), levels, accepted }, changes })
    }
}
