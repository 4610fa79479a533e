//! Puts the lines between units together to polygons.

use geo_types::Coord;
use rustc_hash::FxHashMap;

use super::borders::Lines;
use super::subdivision::{Side, area_and_centre};

/// A line with the unit on each side at one level; the same unit on both sides is no border.
#[derive(Clone, Copy, Debug)]
pub(super) struct Border {
    pub edge: u32,
    pub ends: [u32; 2],
    pub left: Option<u32>,
    pub right: Option<u32>,
}

/// Closed rings: the exterior counter-clockwise, then the holes clockwise.
pub(super) type Rings = Vec<Vec<Coord<f64>>>;

/// A side of a unit with the vertices at its ends.
#[derive(Clone, Copy)]
struct Run {
    side: Side,
    start: u32,
    end: u32,
}

/// Returns the polygons of `count` units.
pub(super) fn trace(count: usize, borders: &[Border], lines: &Lines) -> Vec<Vec<Rings>> {
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); count];
    for border in borders.iter().filter(|b| b.left != b.right) {
        let [a, b] = border.ends;
        if let Some(unit) = border.left {
            runs[unit as usize].push(Run { side: Side { edge: border.edge, reversed: false }, start: a, end: b });
        }
        if let Some(unit) = border.right {
            runs[unit as usize].push(Run { side: Side { edge: border.edge, reversed: true }, start: b, end: a });
        }
    }
    runs.iter().map(|runs| polygons(runs, lines)).collect()
}

fn polygons(runs: &[Run], lines: &Lines) -> Vec<Rings> {
    let mut by_start: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (at, run) in runs.iter().enumerate() {
        by_start.entry(run.start).or_default().push(at);
    }
    let mut used = vec![false; runs.len()];
    let mut rings: Vec<Vec<Coord<f64>>> = Vec::new();
    for first in 0..runs.len() {
        if used[first] {
            continue;
        }
        let mut chain = Vec::new();
        let mut at = first;
        while !std::mem::replace(&mut used[at], true) {
            chain.push(runs[at]);
            let candidates = &by_start[&runs[at].end];
            at = if candidates.len() == 1 { candidates[0] } else { next_clockwise(runs, lines, at, candidates) };
        }
        rings.extend(simple_chains(chain).iter().map(|chain| to_ring(chain, lines)));
    }
    nest(rings)
}

/// Chooses the side that bounds the same corner of the unit: the first one met turning clockwise from where the ring came from.
fn next_clockwise(runs: &[Run], lines: &Lines, at: usize, candidates: &[usize]) -> usize {
    let leaving = |side: Side| {
        let line = lines.line(side.edge);
        let (from, to) = if side.reversed { (line[line.len() - 1], line[line.len() - 2]) } else { (line[0], line[1]) };
        turn(Coord { x: to.x - from.x, y: to.y - from.y })
    };
    let Side { edge, reversed } = runs[at].side;
    let back = leaving(Side { edge, reversed: !reversed });
    let clockwise = |candidate: usize| {
        let by = back - leaving(runs[candidate].side);
        if by <= 0.0 { by + 4.0 } else { by }
    };
    *candidates.iter().min_by(|&&a, &&b| clockwise(a).total_cmp(&clockwise(b))).expect("a border goes on at every vertex")
}

/// Returns the direction as a number from 0 to 4 that grows counter-clockwise.
fn turn(d: Coord<f64>) -> f64 {
    let share = d.x / (d.x.abs() + d.y.abs());
    if d.y >= 0.0 { 1.0 - share } else { 3.0 + share }
}

/// Cuts a closed chain that passes a vertex twice into chains that do not.
fn simple_chains(chain: Vec<Run>) -> Vec<Vec<Run>> {
    let mut done = Vec::new();
    let mut open: Vec<Run> = Vec::new();
    for run in chain {
        open.push(run);
        if let Some(at) = open.iter().rposition(|r| r.start == run.end) {
            done.push(open.split_off(at));
        }
    }
    done
}

fn to_ring(chain: &[Run], lines: &Lines) -> Vec<Coord<f64>> {
    let mut ring = Vec::new();
    for run in chain {
        lines.for_each_along(run.side, |c| ring.push(c));
    }
    ring.push(ring[0]);
    ring
}

/// Gives every hole to the exterior around it.
fn nest(rings: Vec<Vec<Coord<f64>>>) -> Vec<Rings> {
    let (exteriors, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|ring| area_and_centre(ring).0 > 0.0);
    let mut polygons: Vec<Rings> = exteriors.into_iter().map(|exterior| vec![exterior]).collect();
    for hole in holes {
        // The middle of an edge: a vertex may lie on the exterior too.
        let inside = Coord { x: (hole[0].x + hole[1].x) / 2.0, y: (hole[0].y + hole[1].y) / 2.0 };
        let around = polygons.iter().position(|polygon| contains(&polygon[0], inside)).unwrap_or(0);
        polygons[around].push(hole);
    }
    polygons
}

/// Whether a position lies inside a closed ring, by the number of its sides to the east.
pub(super) fn contains(ring: &[Coord<f64>], at: Coord<f64>) -> bool {
    ring.windows(2)
        .filter(|pair| {
            let (a, b) = (pair[0], pair[1]);
            (a.y > at.y) != (b.y > at.y) && at.x < a.x + (at.y - a.y) / (b.y - a.y) * (b.x - a.x)
        })
        .count()
        % 2
        == 1
}
