use geo_types::{Coord, Rect};
use rstar::{AABB, RTree, RTreeObject};

use super::ray;
use super::step::{Step, is_worth_patching};
use crate::topology::{CoverageLevel, UnitIndex, ValidCoverage};

/// A tree of the envelopes of one level's units.
#[derive(Debug)]
pub(super) struct UnitTree {
    depth: usize,
    tree: RTree<UnitEnvelope>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct UnitEnvelope {
    min: [f64; 2],
    max: [f64; 2],
    unit: UnitIndex,
}

impl UnitTree {
    pub(super) fn build(coverage: &ValidCoverage, depth: usize) -> Self {
        let level = &coverage.levels()[depth];
        let envelopes = level.indices().filter_map(|unit| UnitEnvelope::of(coverage, level, unit)).collect();
        Self { depth, tree: RTree::bulk_load(envelopes) }
    }

    /// Returns the units that have a point in common with the closed box, in the order of their codes.
    pub(super) fn units_intersecting(&self, coverage: &ValidCoverage, window: Rect<f64>) -> Vec<UnitIndex> {
        let level = &coverage.levels()[self.depth];
        let wanted = AABB::from_corners([window.min().x, window.min().y], [window.max().x, window.max().y]);
        let mut units: Vec<UnitIndex> = self
            .tree
            .locate_in_envelope_intersecting(wanted)
            .filter(|candidate| {
                let is_whole = rstar::Envelope::contains_envelope(&wanted, &candidate.envelope());
                is_whole
                    || ray::rings_meet_box(coverage.arcs(), level.rings(candidate.unit), window)
                    // No border meets the box, so it lies inside or outside as a whole and any of its points decides.
                    || ray::rings_enclose(coverage.arcs(), level.rings(candidate.unit), window.min())
            })
            .map(|candidate| candidate.unit)
            .collect();
        units.sort_unstable();
        units
    }

    /// Returns the units whose envelopes meet the closed box.
    pub(super) fn units_near(&self, window: Rect<f64>) -> impl Iterator<Item = UnitIndex> {
        let wanted = AABB::from_corners([window.min().x, window.min().y], [window.max().x, window.max().y]);
        self.tree.locate_in_envelope_intersecting(wanted).map(|candidate| candidate.unit)
    }

    fn candidates(&self, point: Coord<f64>) -> impl Iterator<Item = UnitIndex> {
        self.tree.locate_in_envelope_intersecting(AABB::from_point([point.x, point.y])).map(|candidate| candidate.unit)
    }

    /// Calls `visit` with every unit that holds the point shifted by the owner rule, in no order.
    pub(super) fn for_each_owner(&self, coverage: &ValidCoverage, point: Coord<f64>, visit: &mut dyn FnMut(UnitIndex)) {
        // A unit that holds the shifted point has the point itself in its closed envelope.
        let level = &coverage.levels()[self.depth];
        self.candidates(point).filter(|unit| ray::rings_enclose(coverage.arcs(), level.rings(*unit), point)).for_each(visit);
    }

    /// Returns the unit of smallest code with the point on its border.
    pub(super) fn find_touching(&self, coverage: &ValidCoverage, point: Coord<f64>) -> Option<UnitIndex> {
        let level = &coverage.levels()[self.depth];
        self.candidates(point).filter(|unit| ray::rings_touch(coverage.arcs(), level.rings(*unit), point)).min()
    }

    /// Returns the memory that is held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        tree_bytes::<UnitEnvelope>(self.tree.size())
    }

    /// Makes the tree for the next coverage from this one; none where nothing that it holds has changed.
    pub(super) fn patched(&self, step: &Step<'_>) -> Option<Self> {
        let changes = &step.changes.levels[self.depth];
        let count = changes.gone.len() + changes.new.len();
        if count == 0 && changes.renumbered.is_none() {
            return None;
        }
        if !is_worth_patching(count, self.tree.size()) {
            return Some(Self::build(step.next, self.depth));
        }
        let mut tree = self.tree.clone();
        for envelope in changes.gone.iter().filter_map(|unit| UnitEnvelope::of(step.base, &step.base.levels()[self.depth], *unit)) {
            let removed = tree.remove(&envelope);
            debug_assert!(removed.is_some(), "the tree has every unit of its coverage");
        }
        if let Some(renumbered) = &changes.renumbered {
            for envelope in &mut tree {
                envelope.unit = renumbered[envelope.unit.0 as usize].expect("units that went were taken out");
            }
        }
        let level = &step.next.levels()[self.depth];
        changes.new.iter().filter_map(|unit| UnitEnvelope::of(step.next, level, *unit)).for_each(|envelope| tree.insert(envelope));
        Some(Self { depth: self.depth, tree })
    }
}

/// Returns the memory of a bulk-loaded tree: its leaves, and one inner node with its envelope for six of them, rstar's fan-out.
pub(super) fn tree_bytes<T: RTreeObject>(leaves: usize) -> usize {
    leaves * size_of::<rstar::RTreeNode<T>>() * 6 / 5
}

impl UnitEnvelope {
    fn of(coverage: &ValidCoverage, level: &CoverageLevel, unit: UnitIndex) -> Option<Self> {
        let mut envelope = Self { min: [f64::INFINITY; 2], max: [f64::NEG_INFINITY; 2], unit };
        for arc in level.rings(unit).flatten() {
            for c in coverage.arcs().coords(arc.arc()) {
                envelope.min = [envelope.min[0].min(c.x), envelope.min[1].min(c.y)];
                envelope.max = [envelope.max[0].max(c.x), envelope.max[1].max(c.y)];
            }
        }
        (envelope.min[0] <= envelope.max[0]).then_some(envelope)
    }
}

impl RTreeObject for UnitEnvelope {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.min, self.max)
    }
}
