//! Finds which units of a level overlap.
//!
//! Two units do where an edge of one crosses an edge of the other or leads into the other at a vertex. Both are decided
//! exactly, so that no pair is lost because its common place closes when crossings are rounded, and GEOS's `relate`, which
//! decides exactly too, finds the same pairs. What the faces say beyond that is asked of the two units alone: their edges do not cross, so nothing
//! of theirs is rounded.

use geo_types::Coord;
use rustc_hash::{FxHashMap, FxHashSet};

use super::arrange::Arrangement;
use super::faces::Faces;
use super::mesh::{Half, MeshLevel};
use super::noding::{do_cross, is_inside_edge, orientation};
use super::seams::Overlap;
use super::vertices::{Vertices, to_u32};

/// A half that leads into what lies on the left of another unit's corner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub half: u32,
    pub unit: u32,
    /// Whether it leads into the unit. It may lead into a hole of it that touches the rim there; GEOS calls its edges invalid all the same.
    pub overlaps: bool,
}

/// Finds the halves that lead into another unit's corner at a vertex where they end or which they pass through.
pub(super) fn find_entries(level: &MeshLevel, arrangement: &Arrangement, vertices: &Vertices) -> Vec<Entry> {
    let halves = &arrangement.halves;
    let mut at_vertex = halves_through(arrangement, vertices);
    for (at, half) in halves.iter().enumerate() {
        at_vertex.entry(half.from).or_default().push(to_u32(at));
        at_vertex.entry(half.to).or_default().push(to_u32(at));
    }
    let mut found = Vec::new();
    let corners = corners_at(level, |vertex| at_vertex.contains_key(&vertex));
    for corners in corners.chunk_by(|a, b| (a.vertex, a.unit) == (b.vertex, b.unit)) {
        let Corner { vertex, unit, .. } = corners[0];
        let outside = outside_count(corners, vertices);
        for &number in &at_vertex[&vertex] {
            let half = halves[number as usize];
            if half.unit == unit {
                continue;
            }
            let ends = || [half.from, half.to].into_iter().filter(|end| *end != vertex);
            if ends().any(|end| count_around(corners, end, vertices) > 0) {
                let overlaps = ends().any(|end| !is_rim(corners, end) && count_around(corners, end, vertices) > outside);
                found.push(Entry { half: number, unit, overlaps });
            }
        }
    }
    found
}

/// A vertex of a ring with those before and after it; the unit lies on the left of the way through.
#[derive(Clone, Copy)]
struct Corner {
    vertex: u32,
    unit: u32,
    before: u32,
    after: u32,
}

/// Returns the corners at the vertices asked for, by vertex, then by unit.
fn corners_at(level: &MeshLevel, is_wanted: impl Fn(u32) -> bool) -> Vec<Corner> {
    let mut corners = Vec::new();
    for (unit, mesh_unit) in level.units.iter().enumerate() {
        for ring in &mesh_unit.rings {
            let count = ring.ids.len();
            for at in (0..count).filter(|at| is_wanted(ring.ids[(at + 1) % count])) {
                let [before, vertex, after] = [0, 1, 2].map(|step| ring.ids[(at + step) % count]);
                corners.push(Corner { vertex, unit: to_u32(unit), before, after });
            }
        }
    }
    corners.sort_unstable_by_key(|corner| (corner.vertex, corner.unit));
    corners
}

fn is_rim(corners: &[Corner], end: u32) -> bool {
    corners.iter().any(|corner| end == corner.before || end == corner.after)
}

/// Counts the corners of a unit at a vertex whose left the way to `end` leads into.
fn count_around(corners: &[Corner], end: u32, vertices: &Vertices) -> usize {
    let leads = |corner: &&Corner| {
        ![corner.before, corner.after].contains(&end)
            && leads_inside([corner.before, corner.vertex, corner.after, end].map(|id| vertices.coord(id)))
    };
    corners.iter().filter(leads).count()
}

/// Returns how many corners of a unit at a vertex a way is on the left of and still outside: none, but where a hole touches
/// a rim, whose corner has the hole on its left.
fn outside_count(corners: &[Corner], vertices: &Vertices) -> usize {
    // A way turned counter-clockwise comes in where a corner leads out of the vertex; it is outside just before one of these.
    corners.iter().map(|corner| count_around(corners, corner.after, vertices)).min().unwrap_or(0)
}

/// Returns the halves that pass through a vertex of another edge, by that vertex.
fn halves_through(arrangement: &Arrangement, vertices: &Vertices) -> FxHashMap<u32, Vec<u32>> {
    let mut through: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for &(a, b) in &arrangement.noded.contacts {
        for (one, two) in [(a, b), (b, a)] {
            let (passing, other) = (&arrangement.edges[one as usize], &arrangement.edges[two as usize]);
            let ends = ends_of(arrangement, passing, vertices);
            let half = arrangement.halves[other[0] as usize];
            for vertex in [half.from, half.to] {
                if is_inside_edge(vertices.coord(vertex), ends) {
                    through.entry(vertex).or_default().extend(passing);
                }
            }
        }
    }
    for halves in through.values_mut() {
        halves.sort_unstable();
        halves.dedup();
    }
    through
}

/// Whether the way from a corner to `end` leads into what lies on the left of the corner.
fn leads_inside([before, corner, after, end]: [Coord<f64>; 4]) -> bool {
    let (left_of_in, left_of_out) = (orientation(before, corner, end) > 0.0, orientation(corner, after, end) > 0.0);
    if orientation(before, corner, after) >= 0.0 { left_of_in && left_of_out } else { left_of_in || left_of_out }
}

/// Returns the pairs of units that cover a common place, the lower first, ordered.
pub(super) fn find_pairs(
    level: &MeshLevel,
    overlaps: &[Overlap],
    entries: &[Entry],
    arrangement: &Arrangement,
    vertices: &Vertices,
) -> Vec<(u32, u32)> {
    let mut sure = crossing_pairs(arrangement, vertices);
    sure.extend(
        entries.iter().filter(|entry| entry.overlaps).map(|entry| in_order(arrangement.halves[entry.half as usize].unit, entry.unit)),
    );
    let mut doubtful: FxHashSet<(u32, u32)> = FxHashSet::default();
    for overlap in overlaps {
        // All units of a place that are no more than its cover; where there are more, some of them only share it between them.
        let is_sure = !overlap.is_hairline && usize::try_from(overlap.cover).is_ok_and(|cover| overlap.units.len() <= cover);
        for (at, a) in overlap.units.iter().enumerate() {
            let pairs = overlap.units[at + 1..].iter().map(|b| (*a, *b));
            if is_sure { sure.extend(pairs) } else { doubtful.extend(pairs) }
        }
    }
    let mut pairs: Vec<(u32, u32)> = doubtful.into_iter().filter(|pair| !sure.contains(pair)).collect();
    pairs.retain(|pair| do_overlap(level, *pair, vertices));
    pairs.extend(sure);
    pairs.sort_unstable();
    pairs
}

/// Returns the pairs of units whose edges cross. Each side of such an edge is inside one unit, so both cover a place at the crossing.
fn crossing_pairs(arrangement: &Arrangement, vertices: &Vertices) -> FxHashSet<(u32, u32)> {
    let mut pairs: FxHashSet<(u32, u32)> = FxHashSet::default();
    for &(a, b) in &arrangement.noded.contacts {
        let (one, two) = (&arrangement.edges[a as usize], &arrangement.edges[b as usize]);
        if !do_cross(ends_of(arrangement, one, vertices), ends_of(arrangement, two, vertices)) {
            continue;
        }
        let unit = |half: &u32| arrangement.halves[*half as usize].unit;
        for a in one.iter().map(unit) {
            pairs.extend(two.iter().map(unit).filter(|b| *b != a).map(|b| in_order(a, b)));
        }
    }
    pairs
}

/// Whether two units cover a common place, by the same faces that overlaps are found by: an overlay on a grid of its own would lose
/// the narrowest.
fn do_overlap(level: &MeshLevel, (a, b): (u32, u32), vertices: &Vertices) -> bool {
    /// What the second unit adds to the cover: more than a ring that crosses itself ever covers a place.
    const SECOND: i32 = 1 << 16;
    let halves: Vec<Half> = [a, b].into_iter().flat_map(|unit| level.units[unit as usize].halves(unit)).collect();
    let rises: Vec<i32> = halves.iter().map(|half| if half.unit == a { 1 } else { SECOND }).collect();
    let arrangement = Arrangement::new(halves, vertices, |half| rises[half as usize]);
    let faces = Faces::new(arrangement.noded.nodes.coords(), &arrangement.walls);
    !faces.bounded(|cover| cover >= SECOND && cover % SECOND > 0).is_empty()
}

/// Returns the ends of the edge that some halves run along.
fn ends_of(arrangement: &Arrangement, edge: &[u32], vertices: &Vertices) -> [Coord<f64>; 2] {
    let half = arrangement.halves[edge[0] as usize];
    [vertices.coord(half.from), vertices.coord(half.to)]
}

fn in_order(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}
