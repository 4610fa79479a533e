use std::sync::Arc;

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use rustc_hash::FxHashMap;

use super::arcs::{ArcRef, ArcStore, UnitIndex};
use crate::boundary::{Accepted, Layer, Level, Unit, UnitCode};

/// A layer whose levels are seamless, but for the faults that were accepted by name.
///
/// Only [`super::check`] makes one, and [`ValidCoverage::patched`] from one where it can vouch for what `check` would say.
#[derive(Clone, Debug)]
pub struct ValidCoverage {
    pub(super) layer: Layer,
    /// Shared with coverages that differ in the words about units only.
    pub(super) arcs: Arc<ArcStore>,
    /// One for each level of the layer, coarse to fine; a level that is not loaded has no units.
    pub(super) levels: Vec<CoverageLevel>,
    /// The kinds of fault that were accepted and are present.
    pub(super) accepted: Accepted,
}

/// One level of a coverage: its units in the byte order of codes, and their rings as references to arcs.
#[derive(Clone, Debug)]
pub struct CoverageLevel {
    pub(super) level: Level,
    /// Shared with the coverages before and after, in which most units are the same.
    pub(super) units: Vec<Arc<Unit>>,
    pub(super) parents: Vec<Option<UnitIndex>>,
    pub(super) index_by_code: Arc<FxHashMap<UnitCode, UnitIndex>>,
    /// `polygons_of[u]..polygons_of[u + 1]` are the polygons of unit `u`; one more than there are units.
    pub(super) polygons_of: Vec<u32>,
    /// `rings_of[p]..rings_of[p + 1]` are the rings of polygon `p`, the exterior first.
    pub(super) rings_of: Vec<u32>,
    /// `arcs_of[r]..arcs_of[r + 1]` are the arc references of ring `r`.
    pub(super) arcs_of: Vec<u32>,
    pub(super) arc_refs: Vec<ArcRef>,
}

impl ValidCoverage {
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    pub fn arcs(&self) -> &ArcStore {
        &self.arcs
    }

    /// Returns the levels coarse to fine, one for each of the layer's, loaded or not.
    pub fn levels(&self) -> &[CoverageLevel] {
        &self.levels
    }

    pub fn level(&self, level: &Level) -> Option<&CoverageLevel> {
        self.levels.get(self.layer.depth_of(level)?)
    }

    /// Returns the kinds of fault that this coverage has and that were accepted by name.
    pub fn accepted(&self) -> Accepted {
        self.accepted
    }

    /// Returns the finest depth that has units.
    pub fn finest_depth(&self) -> Option<usize> {
        self.levels.iter().rposition(|level| !level.units.is_empty())
    }

    /// Puts a unit's geometry together from its arcs: exteriors counter-clockwise, holes clockwise, rings closed.
    pub fn to_geometry(&self, depth: usize, unit: UnitIndex) -> MultiPolygon<f64> {
        let level = &self.levels[depth];
        MultiPolygon(level.polygons(unit).map(|rings| self.to_polygon(rings)).collect())
    }

    fn to_polygon<'a>(&self, rings: impl Iterator<Item = &'a [ArcRef]>) -> Polygon<f64> {
        let mut lines = rings.map(|ring| LineString(self.to_ring(ring)));
        let exterior = lines.next().expect("every polygon has an exterior ring");
        Polygon::new(exterior, lines.collect())
    }

    /// Puts a closed ring together from its arcs.
    pub fn to_ring(&self, ring: &[ArcRef]) -> Vec<Coord<f64>> {
        let mut coords = Vec::new();
        self.arcs.for_each_ring_coord(ring, |c| coords.push(c));
        coords
    }
}

impl CoverageLevel {
    pub fn level(&self) -> &Level {
        &self.level
    }

    /// Returns the units in the byte order of their codes.
    pub fn units(&self) -> &[Arc<Unit>] {
        &self.units
    }

    pub fn unit(&self, index: UnitIndex) -> &Unit {
        &self.units[index.0 as usize]
    }

    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    pub fn indices(&self) -> impl ExactSizeIterator<Item = UnitIndex> + use<> {
        (0..u32::try_from(self.units.len()).expect("units are counted in 32 bits")).map(UnitIndex)
    }

    pub fn find(&self, code: &UnitCode) -> Option<UnitIndex> {
        self.index_by_code.get(code).copied()
    }

    /// Whether the units are known to have the same codes as another level's, in the same order.
    pub fn has_codes_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.index_by_code, &other.index_by_code)
    }

    /// Returns the unit of the next coarser level that holds this one, where it is loaded.
    pub fn parent(&self, unit: UnitIndex) -> Option<UnitIndex> {
        self.parents[unit.0 as usize]
    }

    /// Returns the polygons of a unit, each as its rings, the exterior first.
    pub fn polygons(&self, unit: UnitIndex) -> impl ExactSizeIterator<Item = impl ExactSizeIterator<Item = &[ArcRef]>> {
        let at = unit.0 as usize;
        (self.polygons_of[at] as usize..self.polygons_of[at + 1] as usize).map(move |polygon| {
            (self.rings_of[polygon] as usize..self.rings_of[polygon + 1] as usize)
                .map(move |ring| &self.arc_refs[self.arcs_of[ring] as usize..self.arcs_of[ring + 1] as usize])
        })
    }

    /// Returns all rings of a unit, exteriors and holes.
    pub fn rings(&self, unit: UnitIndex) -> impl Iterator<Item = &[ArcRef]> {
        self.polygons(unit).flatten()
    }
}
