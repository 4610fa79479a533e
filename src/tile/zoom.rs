use geo_types::Coord;
use rayon::prelude::*;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::address::grid_size;
use super::clip::GridRect;
use super::ring::{GridPolygon, is_plain, mend};
use super::simplify::RankedArcs;
use super::snap::{GridArcs, GridPoint};
use crate::topology::{ArcRef, CoverageLevel, UnitIndex, ValidCoverage};

/// Vertices whose triangle is smaller than this are left out; squares of the zoom's grid.
///
/// Eight units are one pixel of a tile drawn 512 pixels wide, so what is left out moves a border by less than
/// a pixel. The highest zoom leaves nothing out, since maps enlarge it.
const SIMPLIFY_AREA_UNITS2: f64 = 8.0;

/// All units that are drawn at one zoom, on the grid of that zoom.
#[derive(Debug)]
pub(super) struct ZoomGeometry {
    /// One for each depth of the layer; none where the level is not drawn.
    levels: Vec<Option<ZoomLevel>>,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct ZoomLevel {
    shapes: Vec<UnitOnGrid>,
    index: RTree<GeomWithData<Rectangle<GridPoint>, u32>>,
}

/// A unit's polygons on a grid; none where it is too small to have an area there.
#[derive(Debug)]
pub(super) struct UnitOnGrid {
    pub rect: Option<GridRect>,
    pub polygons: Vec<GridPolygon>,
}

impl ZoomGeometry {
    /// Rounds the borders of the levels that are drawn. `is_drawn` has one answer for each depth.
    pub fn build(coverage: &ValidCoverage, ranked: &RankedArcs, z: u8, is_drawn: &[bool], full_detail: bool) -> Self {
        let size = grid_size(z);
        #[expect(clippy::cast_possible_truncation, reason = "a threshold needs no more than seven digits")]
        let area = if full_detail { 0.0 } else { (SIMPLIFY_AREA_UNITS2 / (size * size)) as f32 };
        let is_border = |arc| (0..is_drawn.len()).any(|depth| is_drawn[depth] && coverage.arcs().sides(arc, depth).is_border());
        let arcs: Vec<Vec<Coord<f64>>> = coverage
            .arcs()
            .ids()
            .map(|arc| if is_border(arc) { ranked.simplified(arc, area).map(|c| c * size).collect() } else { Vec::new() })
            .collect();
        let arcs = GridArcs::round(&arcs);
        let levels = coverage.levels().iter().zip(is_drawn);
        let levels: Vec<Option<ZoomLevel>> = levels.map(|(level, drawn)| drawn.then(|| ZoomLevel::build(level, &arcs))).collect();
        let bytes = levels.iter().flatten().map(ZoomLevel::bytes).sum();
        Self { levels, bytes }
    }

    /// Returns the memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn level(&self, depth: usize) -> Option<&ZoomLevel> {
        self.levels.get(depth)?.as_ref()
    }
}

impl ZoomLevel {
    fn build(level: &CoverageLevel, arcs: &GridArcs) -> Self {
        let count = level.units().len();
        let shapes: Vec<UnitOnGrid> = (0..count).into_par_iter().map(|at| UnitOnGrid::build(level, UnitIndex(to_u32(at)), arcs)).collect();
        let entries = shapes.iter().enumerate().filter_map(|(at, shape)| {
            let rect = shape.rect?;
            Some(GeomWithData::new(Rectangle::from_corners(rect.min, rect.max), to_u32(at)))
        });
        Self { index: RTree::bulk_load(entries.collect()), shapes }
    }

    /// Returns the units whose rectangle meets `rect`, in the order of their codes.
    pub fn units_in(&self, rect: GridRect) -> Vec<(UnitIndex, &UnitOnGrid)> {
        let found = self.index.locate_in_envelope_intersecting(AABB::from_corners(rect.min, rect.max));
        let mut units: Vec<u32> = found.map(|entry| entry.data).collect();
        units.sort_unstable();
        units.into_iter().map(|unit| (UnitIndex(unit), &self.shapes[unit as usize])).collect()
    }

    fn bytes(&self) -> usize {
        // The tree has one inner node with its envelope for about six leaves.
        let leaf = size_of::<rstar::RTreeNode<GeomWithData<Rectangle<GridPoint>, u32>>>() * 6 / 5;
        self.index.size() * leaf + self.shapes.iter().map(UnitOnGrid::bytes).sum::<usize>()
    }

    /// Returns how many units have no area on this grid; they keep their label.
    pub fn collapsed_count(&self) -> usize {
        self.shapes.iter().filter(|shape| shape.polygons.is_empty()).count()
    }
}

impl UnitOnGrid {
    fn bytes(&self) -> usize {
        let ring = |ring: &Vec<GridPoint>| size_of::<Vec<GridPoint>>() + ring.capacity() * size_of::<GridPoint>();
        let polygon = |polygon: &GridPolygon| size_of::<GridPolygon>() + polygon.iter().map(ring).sum::<usize>();
        size_of::<Self>() + self.polygons.iter().map(polygon).sum::<usize>()
    }

    fn build(level: &CoverageLevel, unit: UnitIndex, arcs: &GridArcs) -> Self {
        let polygons: Vec<GridPolygon> = level.polygons(unit).map(|rings| rings.map(|ring| ring_points(ring, arcs)).collect()).collect();
        let all: Vec<Vec<GridPoint>> = polygons.iter().flatten().cloned().collect();
        let polygons = if is_plain(&all) { polygons } else { mend(&all) };
        Self { rect: GridRect::around(polygons.iter().flatten().flatten()), polygons }
    }
}

fn ring_points(ring: &[ArcRef], arcs: &GridArcs) -> Vec<GridPoint> {
    let mut points = Vec::new();
    for arc_ref in ring {
        let arc = arcs.points(arc_ref.arc().0 as usize);
        if arc_ref.is_reversed() {
            points.extend(arc.iter().rev());
        } else {
            points.extend(arc);
        }
    }
    points.dedup();
    while points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    points
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).expect("units are counted in 32 bits")
}
