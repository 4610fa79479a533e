use geo_types::Coord;

use super::alternatives::Alternatives;
use super::rings::edge_in_plane2_m2;
use super::walk::Walk;
use crate::index::earth::{Observer, PLANE_M};
use crate::index::located::Neighbour;
use crate::index::raster::has_tiny;
use crate::index::ray;
use crate::index::step::Step;
use crate::topology::{ArcId, ValidCoverage};

/// Edges that one box bounds, and boxes that one box of the next level bounds. Powers of two near what fits two lines of a cache.
const EDGES_PER_RUN: usize = 8;
const FAN_OUT: usize = 8;
/// More levels than there can be: 8¹¹ runs are more than 2³² coordinates.
const LEVELS_MAX: usize = 12;

/// The borders that have no unit on one side: the outer rim of a level and the rims of its gaps. The nearest border of
/// a position in no unit is one of them, as the way to any other leads over one.
///
/// A packed tree of boxes in degrees, each with the eight that follow each other below it.
#[derive(Debug)]
pub(in crate::index) struct Rim {
    depth: usize,
    /// Whether a coordinate is so small that exact predicates may underflow, see [`has_tiny`].
    has_tiny: bool,
    runs: Vec<Run>,
    /// From the boxes of the runs to the few at the top.
    levels: Vec<Vec<Bounds>>,
}

/// Consecutive edges of an arc.
#[derive(Clone, Copy, Debug)]
struct Run {
    arc: ArcId,
    start: u32,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: Coord<f64>,
    max: Coord<f64>,
}

impl Bounds {
    const NONE: Self =
        Self { min: Coord { x: f64::INFINITY, y: f64::INFINITY }, max: Coord { x: f64::NEG_INFINITY, y: f64::NEG_INFINITY } };

    fn with(self, other: Self) -> Self {
        let min = Coord { x: self.min.x.min(other.min.x), y: self.min.y.min(other.min.y) };
        Self { min, max: Coord { x: self.max.x.max(other.max.x), y: self.max.y.max(other.max.y) } }
    }

    /// The square of the distance in the plane of the observer.
    fn plane2_m2(&self, observer: &Observer) -> f64 {
        let (min, max) = (observer.plane(self.min), observer.plane(self.max));
        let x = min[0].max(-max[0]).max(0.0);
        let y = min[1].max(-max[1]).max(0.0);
        x * x + y * y
    }
}

impl Run {
    fn coords(self, coverage: &ValidCoverage) -> &[Coord<f64>] {
        let coords = &coverage.arcs().coords(self.arc)[self.start as usize..];
        &coords[..coords.len().min(EDGES_PER_RUN + 1)]
    }

    fn bounds(self, coverage: &ValidCoverage) -> Bounds {
        self.coords(coverage).iter().fold(Bounds::NONE, |bounds, c| bounds.with(Bounds { min: *c, max: *c }))
    }
}

impl Rim {
    pub(in crate::index) fn build(coverage: &ValidCoverage, depth: usize) -> Self {
        let arcs = coverage.arcs().ids().filter(|arc| is_rim(coverage, depth, *arc));
        let runs = arcs.flat_map(|arc| {
            let edges = u32::try_from(coverage.arcs().coords(arc).len() - 1).expect("an arc has fewer than 2^32 coordinates");
            (0..edges).step_by(EDGES_PER_RUN).map(move |start| Run { arc, start })
        });
        let mut runs: Vec<(Run, Bounds)> = runs.map(|run| (run, run.bounds(coverage))).collect();
        let all = runs.iter().fold(Bounds::NONE, |all, (_, bounds)| all.with(*bounds));
        runs.sort_by_cached_key(|(run, bounds)| (interleave(all, *bounds), run.arc, run.start));
        let mut levels = vec![runs.iter().map(|(_, bounds)| *bounds).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > FAN_OUT) {
            levels.push(below.chunks(FAN_OUT).map(|chunk| chunk.iter().fold(Bounds::NONE, |all, bounds| all.with(*bounds))).collect());
        }
        let is_tiny = |(run, _): &(Run, Bounds)| run.coords(coverage).iter().any(|c| has_tiny(*c));
        let has_tiny = runs.iter().any(is_tiny);
        Self { depth, has_tiny, runs: runs.into_iter().map(|(run, _)| run).collect(), levels }
    }

    /// Whether the next coverage has another rim than the one before.
    pub(in crate::index) fn differs(step: &Step<'_>, depth: usize) -> bool {
        let changes = step.changes;
        changes.gone_arcs.iter().any(|arc| is_rim(step.base, depth, *arc))
            || changes.new_arcs.iter().any(|arc| is_rim(step.next, depth, *arc))
    }

    pub(in crate::index) fn bytes(&self) -> usize {
        size_of::<Run>() * self.runs.len() + size_of::<Bounds>() * self.levels.iter().map(Vec::len).sum::<usize>()
    }

    /// Finds the unit whose border is nearest to an observer in no unit, and of several at the same distance that of smallest code.
    /// None where another way has to be found.
    pub(in crate::index) fn nearest(&self, coverage: &ValidCoverage, observer: &Observer) -> Option<Neighbour> {
        let plane2_m2 = self.least_in_plane2_m2(coverage, observer);
        let (mut best, mut corner): (Option<Neighbour>, Option<Coord<f64>>) = (None, None);
        let bound_m = observer.most_m(plane2_m2.sqrt());
        self.for_each_within(coverage, observer, bound_m, |arc, distance_m| {
            let sides = coverage.arcs().sides(arc, self.depth);
            for unit in [sides.left, sides.right].into_iter().flatten() {
                if best.is_none_or(|b| (distance_m, unit) < (b.distance_m, b.unit)) {
                    let ends = [coverage.arcs().coords(arc).first(), coverage.arcs().coords(arc).last()];
                    let is_nearest = |end: &&Coord<f64>| observer.distance_to_edge_m(**end, **end) <= distance_m;
                    corner = ends.into_iter().flatten().find(is_nearest).copied();
                    best = Some(Neighbour { unit, distance_m });
                }
            }
        })?;
        let best = best?;
        // Units that only a corner joins to the rim are as near as those beside it.
        let Some(corner) = corner else { return Some(best) };
        let mut others = Alternatives::new(best.unit, 0.0, &[]);
        Walk { coverage, depth: self.depth, rim: self, observer: &Observer::new(corner) }.measure(best.unit, &mut others)?;
        let unit = others.into_sorted().iter().map(|other| other.unit).chain([best.unit]).min()?;
        Some(Neighbour { unit, ..best })
    }

    /// Calls `visit` with the arcs of the rim that may lie within `bound_m`, some more than once, with the distance to a part of each.
    /// None where the plane at the observer does not reach so far, or an edge is too long for it.
    pub(super) fn for_each_within(
        &self,
        coverage: &ValidCoverage,
        observer: &Observer,
        bound_m: f64,
        mut visit: impl FnMut(ArcId, f64),
    ) -> Option<()> {
        let reach_m = observer.plane_at_most_m(bound_m);
        if !observer.has_plane(reach_m) {
            return None;
        }
        let (reach2_m2, mut is_measured) = (reach_m * reach_m, true);
        self.for_each_run(observer, reach2_m2, |run| {
            let near = |edge: &&[Coord<f64>]| edge_in_plane2_m2(observer, edge[0], edge[1]) <= reach2_m2;
            for edge in run.coords(coverage).windows(2).filter(near) {
                is_measured &= observer.plane_length2_m2(edge[0], edge[1]) <= PLANE_M * PLANE_M;
                visit(run.arc, observer.distance_to_edge_m(edge[0], edge[1]));
            }
            reach2_m2
        });
        is_measured.then_some(())
    }

    /// Whether the level covers a position shifted by the owner rule, or has it on its rim; none where numbers are too small to tell.
    ///
    /// Of the ring around each unit the ray east crosses every border between two units twice, so that where one unit at most covers a
    /// place, the rim alone says by its parity whether one does.
    pub(in crate::index) fn holds(&self, coverage: &ValidCoverage, p: Coord<f64>) -> Option<bool> {
        if self.has_tiny || has_tiny(p) {
            return None;
        }
        let (mut is_inside, mut is_on) = (false, false);
        self.for_each_eastward(p, self.levels.len() - 1, 0, &mut |run| {
            let coords = run.coords(coverage);
            is_inside ^= ray::crosses_oddly(coords, p);
            is_on |= coords.windows(2).any(|edge| ray::is_on(edge[0], edge[1], p));
        });
        Some(is_inside || is_on)
    }

    /// Calls `visit` with the runs whose boxes have a point in common with the ray east from a position, below some boxes of a level.
    fn for_each_eastward(&self, p: Coord<f64>, level: usize, from: usize, visit: &mut dyn FnMut(Run)) {
        for (at, bounds) in self.levels[level].iter().enumerate().skip(from).take(FAN_OUT) {
            if !(bounds.min.y <= p.y && p.y <= bounds.max.y && p.x <= bounds.max.x) {
                continue;
            }
            if level == 0 {
                visit(self.runs[at]);
            } else {
                self.for_each_eastward(p, level - 1, at * FAN_OUT, visit);
            }
        }
    }

    fn least_in_plane2_m2(&self, coverage: &ValidCoverage, observer: &Observer) -> f64 {
        let mut least = f64::INFINITY;
        self.for_each_run(observer, f64::INFINITY, |run| {
            least = least.min(super::rings::line_in_plane2_m2(observer, run.coords(coverage)));
            least
        });
        least
    }

    /// Calls `visit` with the runs whose boxes lie within the reach that it returned last, the nearest of each box first.
    fn for_each_run(&self, observer: &Observer, mut reach2_m2: f64, mut visit: impl FnMut(Run) -> f64) {
        let mut waiting = [(0.0, 0, 0); FAN_OUT * LEVELS_MAX];
        let mut count = 0;
        let push_all = |level: usize, from: usize, waiting: &mut [(f64, usize, usize)], count: &mut usize, reach2_m2: f64| {
            let boxes = &self.levels[level];
            let first = *count;
            for (at, bounds) in boxes.iter().enumerate().skip(from).take(FAN_OUT) {
                let plane2_m2 = bounds.plane2_m2(observer);
                if plane2_m2 <= reach2_m2 {
                    // The nearest comes last, as it is taken first.
                    let mut to = *count;
                    while to > first && waiting[to - 1].0 < plane2_m2 {
                        waiting[to] = waiting[to - 1];
                        to -= 1;
                    }
                    waiting[to] = (plane2_m2, level, at);
                    *count += 1;
                }
            }
        };
        push_all(self.levels.len() - 1, 0, &mut waiting, &mut count, reach2_m2);
        while count > 0 {
            count -= 1;
            let (plane2_m2, level, at) = waiting[count];
            if plane2_m2 > reach2_m2 {
                continue;
            }
            if level == 0 {
                reach2_m2 = visit(self.runs[at]);
            } else {
                push_all(level - 1, at * FAN_OUT, &mut waiting, &mut count, reach2_m2);
            }
        }
    }
}

fn is_rim(coverage: &ValidCoverage, depth: usize, arc: ArcId) -> bool {
    let sides = coverage.arcs().sides(arc, depth);
    sides.left.is_some() != sides.right.is_some()
}

/// Orders boxes so that those near each other mostly follow each other: the bits of their middles in turn (G. M. Morton, 1966).
fn interleave(all: Bounds, bounds: Bounds) -> u64 {
    const STEPS: f64 = 65_535.0;
    let part = |value: f64, min: f64, max: f64| if max > min { ((value - min) / (max - min) * STEPS) as u64 } else { 0 };
    let x = part(f64::midpoint(bounds.min.x, bounds.max.x), all.min.x, all.max.x);
    let y = part(f64::midpoint(bounds.min.y, bounds.max.y), all.min.y, all.max.y);
    (0..16).map(|bit| (x >> bit & 1) << (2 * bit) | (y >> bit & 1) << (2 * bit + 1)).sum()
}
