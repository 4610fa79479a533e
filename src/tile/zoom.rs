use geo_types::Coord;
use rayon::prelude::*;

use super::address::{ZOOM_MAX, grid_size};
use super::clip::GridRect;
use super::packed::PackedIndex;
use super::ring::{is_plain, mend};
use super::simplify::RankedArcs;
use super::snap::{GridPoint, HotSquares, Lines, round};
use super::to_u32;
use super::wire::{put_run, take_run};
use crate::topology::{ArcId, ArcRef, CoverageLevel, UnitIndex, ValidCoverage};

/// Vertices whose triangle is smaller than this are left out; squares of the zoom's grid.
///
/// Eight units are one pixel of a tile drawn 512 pixels wide, so what is left out moves a border by less than
/// a pixel. The highest zoom leaves nothing out, since maps enlarge it.
const SIMPLIFY_AREA_UNITS2: f64 = 8.0;

/// Units that are drawn by one thread at a time.
const CHUNK: usize = 256;

/// What is drawn at one zoom.
#[derive(Clone, Debug)]
pub(super) struct ZoomPlan {
    pub z: u8,
    /// One answer for each depth.
    pub is_drawn: Vec<bool>,
    pub has_borders: bool,
    /// Whether no vertex is left out.
    pub full_detail: bool,
}

/// All that is drawn at one zoom, on the grid of that zoom.
#[derive(Debug)]
pub(super) struct ZoomGeometry {
    /// One for each depth of the layer; none where the level is not drawn.
    pub levels: Vec<Option<Shapes>>,
    /// One for each arc, those that are not drawn without a shape.
    pub borders: Option<Shapes>,
}

/// Shapes one after the other, each ready to be copied into a tile, and where to find them.
#[derive(Debug)]
pub(super) struct Shapes {
    runs: Runs,
    index: PackedIndex,
}

/// Shapes without their index.
#[derive(Debug)]
pub(super) struct Runs {
    is_closed: bool,
    /// Where its lowest corner is above the highest, there is no shape.
    rects: Vec<GridRect>,
    firsts: Vec<GridPoint>,
    starts: Vec<u32>,
    bytes: Vec<u8>,
}

const NO_RECT: GridRect = GridRect { min: [i32::MAX; 2], max: [i32::MIN; 2] };

impl ZoomPlan {
    /// Returns an arc as it is drawn before rounding, in units of the grid.
    pub fn line<'a>(&self, ranked: &'a RankedArcs, arc: ArcId) -> impl Iterator<Item = Coord<f64>> + use<'a> {
        let size = grid_size(self.z);
        #[expect(clippy::cast_possible_truncation, reason = "a threshold needs no more than seven digits")]
        let area = if self.full_detail { 0.0 } else { (SIMPLIFY_AREA_UNITS2 / (size * size)) as f32 };
        ranked.simplified(arc, area).map(move |c| c * size)
    }

    pub fn is_drawn(&self, coverage: &ValidCoverage, arc: ArcId) -> bool {
        self.drawn_depths().any(|depth| coverage.arcs().sides(arc, depth).is_border())
    }

    pub fn drawn_depths(&self) -> impl Iterator<Item = usize> {
        (0..self.is_drawn.len()).filter(|depth| self.is_drawn[*depth])
    }

    /// Brings a rectangle of the finest grid onto this one, outwards.
    pub fn coarsen(&self, rect: GridRect) -> GridRect {
        let shift = u32::from(ZOOM_MAX - self.z);
        GridRect { min: rect.min.map(|v| v >> shift), max: rect.max.map(|v| (v >> shift) + 1) }
    }
}

impl ZoomGeometry {
    /// Rounds the borders of the levels that are drawn.
    pub fn build(coverage: &ValidCoverage, ranked: &RankedArcs, plan: &ZoomPlan) -> Self {
        let mut lines = Lines::new();
        for arc in coverage.arcs().ids() {
            if plan.is_drawn(coverage, arc) {
                lines.push(plan.line(ranked, arc));
            } else {
                lines.push([]);
            }
        }
        let hot = HotSquares::of(&lines);
        let arcs = round(&lines, &hot);
        drop((lines, hot));
        let points = |arc: ArcId| arcs.get(arc.0 as usize);
        let levels = coverage.levels().iter().enumerate().map(|(depth, level)| {
            plan.is_drawn[depth].then(|| Shapes::new(draw_units(level, &level.indices().collect::<Vec<_>>(), &points)))
        });
        let borders = plan.has_borders.then(|| Shapes::new(draw_arcs(coverage.arcs().ids(), &points)));
        Self { levels: levels.collect(), borders }
    }

    /// Returns the memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        self.levels.iter().flatten().chain(&self.borders).map(Shapes::bytes).sum()
    }

    pub fn level(&self, depth: usize) -> Option<&Shapes> {
        self.levels.get(depth)?.as_ref()
    }
}

/// Draws some units of a level, `points` being the rounded arcs.
pub(super) fn draw_units<'a>(level: &CoverageLevel, units: &[UnitIndex], points: &(impl Fn(ArcId) -> &'a [GridPoint] + Sync)) -> Runs {
    let parts: Vec<Runs> = units
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut runs = Runs::new(true);
            chunk.iter().for_each(|unit| draw_unit(level, *unit, points, &mut runs));
            runs
        })
        .collect();
    Runs::concat(true, &parts)
}

fn draw_unit<'a>(level: &CoverageLevel, unit: UnitIndex, points: &impl Fn(ArcId) -> &'a [GridPoint], runs: &mut Runs) {
    let rings: Vec<Vec<GridPoint>> = level.rings(unit).map(|ring| ring_points(ring, points)).collect();
    if is_plain(&rings) {
        runs.push(rings.iter().map(Vec::as_slice));
    } else {
        let polygons = mend(&rings);
        runs.push(polygons.iter().flatten().map(Vec::as_slice));
    }
}

/// Draws arcs as lines.
pub(super) fn draw_arcs<'a>(arcs: impl Iterator<Item = ArcId>, points: &impl Fn(ArcId) -> &'a [GridPoint]) -> Runs {
    let mut runs = Runs::new(false);
    // What is rounded to one point is no line.
    arcs.for_each(|arc| runs.push([points(arc)].into_iter().filter(|line| line.len() > 1)));
    runs
}

fn ring_points<'a>(ring: &[ArcRef], points: &impl Fn(ArcId) -> &'a [GridPoint]) -> Vec<GridPoint> {
    let mut ring_points = Vec::with_capacity(ring.iter().map(|arc| points(arc.arc()).len()).sum());
    for arc_ref in ring {
        let arc = points(arc_ref.arc());
        if arc_ref.is_reversed() {
            ring_points.extend(arc.iter().rev());
        } else {
            ring_points.extend(arc);
        }
    }
    ring_points.dedup();
    while ring_points.len() > 1 && ring_points.first() == ring_points.last() {
        ring_points.pop();
    }
    ring_points
}

impl Runs {
    pub fn new(is_closed: bool) -> Self {
        Self { is_closed, rects: Vec::new(), firsts: Vec::new(), starts: vec![0], bytes: Vec::new() }
    }

    fn concat(is_closed: bool, parts: &[Self]) -> Self {
        let mut all = Self::new(is_closed);
        all.reserve(parts.iter().map(Self::len).sum(), parts.iter().map(|part| part.bytes.len()).sum());
        parts.iter().for_each(|part| all.copy(part, 0..part.len()));
        all
    }

    pub fn reserve(&mut self, count: usize, bytes: usize) {
        self.rects.reserve_exact(count);
        self.firsts.reserve_exact(count);
        self.starts.reserve_exact(count);
        self.bytes.reserve_exact(bytes);
    }

    fn push<'a>(&mut self, parts: impl Iterator<Item = &'a [GridPoint]> + Clone) {
        self.rects.push(GridRect::around(parts.clone().flatten()).unwrap_or(NO_RECT));
        self.firsts.push(put_run(parts, self.is_closed, &mut self.bytes).unwrap_or_default());
        self.starts.push(to_u32(self.bytes.len()));
    }

    /// Appends shapes of another list.
    pub fn copy(&mut self, other: &Self, range: std::ops::Range<usize>) {
        self.rects.extend_from_slice(&other.rects[range.clone()]);
        self.firsts.extend_from_slice(&other.firsts[range.clone()]);
        let (from, to) = (other.starts[range.start], other.starts[range.end]);
        let at = to_u32(self.bytes.len());
        self.starts.extend(other.starts[range.start + 1..=range.end].iter().map(|start| start - from + at));
        self.bytes.extend_from_slice(&other.bytes[from as usize..to as usize]);
    }

    /// Appends an entry without a shape.
    pub fn push_none(&mut self) {
        self.push(std::iter::empty());
    }

    pub fn len(&self) -> usize {
        self.rects.len()
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the rectangle of a shape; none where it is too small to have one on this grid.
    pub fn rect(&self, at: usize) -> Option<GridRect> {
        Some(self.rects[at]).filter(|rect| *rect != NO_RECT)
    }

    pub fn first(&self, at: usize) -> GridPoint {
        self.firsts[at]
    }

    pub fn run(&self, at: usize) -> &[u8] {
        &self.bytes[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Returns the rings or lines of a shape.
    pub fn parts(&self, at: usize) -> Vec<Vec<GridPoint>> {
        take_run(self.firsts[at], self.run(at), self.is_closed)
    }

    pub fn is_same(&self, at: usize, other: &Self, other_at: usize) -> bool {
        self.rects[at] == other.rects[other_at] && self.firsts[at] == other.firsts[other_at] && self.run(at) == other.run(other_at)
    }
}

impl Shapes {
    pub fn new(runs: Runs) -> Self {
        Self { index: PackedIndex::build(runs.len(), |at| runs.rect(at as usize)), runs }
    }

    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Returns the shapes whose rectangle meets `rect`, in the order of their numbers.
    pub fn find(&self, rect: GridRect) -> Vec<u32> {
        self.index.find(rect, |at| self.runs.rects[at as usize])
    }

    /// Returns how many shapes may meet `rect` at most, without looking at each.
    pub fn count_near(&self, rect: GridRect) -> usize {
        self.index.count_near(rect)
    }

    /// Returns how many units have no area on this grid; they keep their label.
    pub fn collapsed_count(&self) -> usize {
        self.runs.rects.iter().filter(|rect| **rect == NO_RECT).count()
    }

    fn bytes(&self) -> usize {
        let runs = &self.runs;
        runs.rects.capacity() * size_of::<GridRect>()
            + runs.firsts.capacity() * size_of::<GridPoint>()
            + runs.starts.capacity() * size_of::<u32>()
            + runs.bytes.capacity()
            + self.index.bytes()
    }
}
