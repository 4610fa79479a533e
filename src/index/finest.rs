use geo_types::{Coord, Rect};

use super::located::MaybeUnit;
use super::raster::{Difference, Ground, Path, Place, Raster};
use super::rtree::UnitTree;
use super::step::Step;
use crate::boundary::Position;
use crate::topology::{ArcId, UnitIndex, ValidCoverage};

/// Cells for each unit of the level. More make fewer positions fall into a cell with a border, and take more memory: with so many a
/// raster of grids of forty vertices takes some 770 bytes a grid, and the whole index less than a kilobyte.
const CELLS_PER_UNIT: f64 = 44.0;

/// A small level gets more, as long as the words of all cells take 2 MiB at most, which stay in the cache.
const CELLS_PER_UNIT_MAX: f64 = 192.0;
const CELLS_OF_SMALL_LEVEL: f64 = (1 << 19) as f64;

/// Positions that are looked up before those in doubt are tested exactly: few enough for what was read to be at hand still.
const POSITIONS_TOGETHER: usize = 1024;

/// The raster of a layer's finest level, and of which units above it the parents' table may speak.
#[derive(Debug)]
pub(super) struct Finest {
    depth: usize,
    raster: Raster,
    /// For each coarser level and each of its units, whether the units of the finest level below it make it up exactly.
    is_made_up: Vec<Vec<bool>>,
}

impl Finest {
    /// Makes the raster of a level; none where it has no area.
    pub(super) fn build(coverage: &ValidCoverage, depth: usize, units: &UnitTree) -> Option<Self> {
        let count = coverage.levels()[depth].units().len() as f64;
        let cells = (CELLS_PER_UNIT * count).max(CELLS_OF_SMALL_LEVEL.min(CELLS_PER_UNIT_MAX * count));
        let raster = Raster::build(ground(coverage, depth, &|p| covering(units, coverage, p)), cells)?;
        Some(Self { depth, raster, is_made_up: find_made_up(coverage, depth) })
    }

    /// Makes the raster for the next coverage, whose units `units` has, from this one.
    pub(super) fn patched(&self, step: &Step<'_>, units: &UnitTree) -> Option<Self> {
        let (depth, next) = (self.depth, step.next);
        if next.finest_depth() != Some(depth) {
            return Self::build(next, next.finest_depth()?, units);
        }
        let boxes = find_differences(step, depth);
        let arcs_near = |window: Rect<f64>| {
            let rings = units.units_near(window).flat_map(|unit| next.levels()[depth].rings(unit)).flatten();
            let mut arcs: Vec<ArcId> = rings.map(|arc| arc.arc()).collect();
            arcs.sort_unstable();
            arcs.dedup();
            arcs
        };
        let difference = Difference { level: &step.changes.levels[depth], boxes: &boxes, arcs_near: &arcs_near };
        match self.raster.patched(ground(next, depth, &|p| covering(units, next, p)), difference) {
            Some(raster) => Some(Self { depth, raster, is_made_up: find_made_up(next, depth) }),
            None => Self::build(next, depth, units),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Returns what lies at a position at a depth, as far as the raster and the parents' table tell.
    pub(super) fn place(&self, coverage: &ValidCoverage, position: Position, depth: usize) -> Place {
        if depth > self.depth {
            return Place::Unknown;
        }
        let place = self.raster.place(coverage.arcs(), position.into());
        match place {
            _ if depth == self.depth => place,
            Place::In(unit) => self.find_above(coverage, unit, depth).map_or(Place::Unknown, Place::In),
            // On a rim of the finest level other units may come first above.
            _ => Place::Unknown,
        }
    }

    /// Writes the unit of each position; `one` answers where the raster does not tell.
    pub(super) fn find_all(
        &self,
        path: Path,
        coverage: &ValidCoverage,
        positions: &[Position],
        owners: &mut [MaybeUnit],
        one: &dyn Fn(Position) -> MaybeUnit,
    ) {
        let mut unknown = Vec::new();
        for (positions, owners) in positions.chunks(POSITIONS_TOGETHER).zip(owners.chunks_mut(POSITIONS_TOGETHER)) {
            self.raster.find_all(path, coverage.arcs(), positions, owners, &mut unknown);
            for number in unknown.drain(..) {
                owners[number as usize] = one(positions[number as usize]);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.raster.bytes() + self.is_made_up.iter().map(Vec::len).sum::<usize>()
    }

    fn find_above(&self, coverage: &ValidCoverage, unit: UnitIndex, depth: usize) -> Option<UnitIndex> {
        let mut above = unit;
        for level in coverage.levels()[depth + 1..=self.depth].iter().rev() {
            above = level.parent(above)?;
        }
        self.is_made_up[depth][above.0 as usize].then_some(above)
    }
}

fn ground<'a>(coverage: &'a ValidCoverage, depth: usize, covering: &'a (dyn Fn(Coord<f64>) -> Vec<UnitIndex> + Sync)) -> Ground<'a> {
    let units = coverage.levels()[depth].units().len();
    Ground { arcs: coverage.arcs(), depth, units, has_overlaps: coverage.accepted().overlap, covering }
}

fn covering(units: &UnitTree, coverage: &ValidCoverage, p: Coord<f64>) -> Vec<UnitIndex> {
    let mut found = Vec::new();
    units.for_each_owner(coverage, p, &mut |unit| found.push(unit));
    found
}

/// Returns boxes around all that has changed: a unit's whole ground, as cells in the middle of it know the unit too, and every arc, as
/// cells know arcs by their numbers, which change also beside units that stay.
fn find_differences(step: &Step<'_>, depth: usize) -> Vec<Rect<f64>> {
    let changes = &step.changes.levels[depth];
    let of_arc = |coverage: &ValidCoverage, arc: &ArcId| bounding_box(coverage.arcs().coords(*arc).iter());
    let of_unit = |coverage: &ValidCoverage, unit: &UnitIndex| {
        let arcs = coverage.levels()[depth].rings(*unit).flatten();
        bounding_box(arcs.flat_map(|arc| coverage.arcs().coords(arc.arc())))
    };
    let units = changes.gone.iter().map(|unit| of_unit(step.base, unit)).chain(changes.new.iter().map(|unit| of_unit(step.next, unit)));
    let gone = step.changes.gone_arcs.iter().map(|arc| of_arc(step.base, arc));
    let new = step.changes.new_arcs.iter().map(|arc| of_arc(step.next, arc));
    units.chain(gone).chain(new).flatten().collect()
}

fn bounding_box<'a>(coords: impl Iterator<Item = &'a Coord<f64>>) -> Option<Rect<f64>> {
    coords.fold(None, |all: Option<Rect<f64>>, c| {
        let (min, max) = all.map_or((*c, *c), |all| (all.min(), all.max()));
        Some(Rect::new(Coord { x: min.x.min(c.x), y: min.y.min(c.y) }, Coord { x: max.x.max(c.x), y: max.y.max(c.y) }))
    })
}

/// Finds which units of the levels above are made up exactly of units of the level at `depth`.
///
/// A unit covers a point as often as its border winds around it. Where the borders of the units below add up, edge by edge, to that of
/// the one above, they cover every point as often as it does; so it owns each point that one of them owns. Along an
/// arc this is seen from its sides.
fn find_made_up(coverage: &ValidCoverage, depth: usize) -> Vec<Vec<bool>> {
    let levels = coverage.levels();
    let mut made_up: Vec<Vec<bool>> = levels[..depth].iter().map(|level| vec![!coverage.accepted().overlap; level.units().len()]).collect();
    let mut above: Vec<Option<UnitIndex>> = levels[depth].indices().map(Some).collect();
    for coarser in (0..depth).rev() {
        above.iter_mut().for_each(|unit| *unit = unit.and_then(|unit| levels[coarser + 1].parent(unit)));
        for arc in coverage.arcs().ids() {
            let (fine, coarse) = (coverage.arcs().sides(arc, depth), coverage.arcs().sides(arc, coarser));
            let to_above = |unit: Option<UnitIndex>| unit.and_then(|unit| above[unit.0 as usize]);
            let left = [(to_above(fine.left), 1), (coarse.left, -1)];
            let right = [(to_above(fine.right), -1), (coarse.right, 1)];
            let sides = [left, right].concat();
            for unit in sides.iter().filter_map(|(unit, _)| *unit) {
                let sum: i32 = sides.iter().filter(|(other, _)| *other == Some(unit)).map(|(_, winds)| winds).sum();
                if sum != 0 {
                    made_up[coarser][unit.0 as usize] = false;
                }
            }
        }
    }
    made_up
}
