//! Finds where the units of one level fail to meet: gaps, overlaps, and edges that do not match.
//!
//! The cover does not change across an edge with exactly one unit on each side, so all faults lie in the
//! arrangement of the other edges, which are few in a layer that is nearly clean. An edge is unmatched by the rule of
//! JTS's `CoveragePolygonValidator`: it crosses or touches another unit's edge elsewhere than in a common end, runs along
//! it without matching, or lies inside another unit.

use geo::{BoundingRect, InteriorPoint};
use geo_types::{Coord, LineString, MultiLineString, Polygon};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, Envelope, RTree};
use rustc_hash::FxHashSet;

use super::arrange::Arrangement;
use super::faces::{Face, Faces, is_within};
use super::hairline::is_hairline;
use super::mesh::{Matching, MeshLevel};
use super::noding::{envelope, meet, orientation};
use super::pairs::{Entry, find_entries, find_pairs};
use super::vertices::{Vertices, to_u32};

/// The places where the units of a level fail to meet. Units are numbered as they were given.
#[derive(Debug, Default)]
pub(super) struct Seams {
    pub matched_edges: usize,
    pub loose_edges: usize,
    pub gaps: Vec<Gap>,
    pub overlaps: Vec<Overlap>,
    /// The pairs of units that cover a common place, the lower first, ordered.
    pub overlapping_pairs: Vec<(u32, u32)>,
    pub unmatched: Vec<Unmatched>,
    /// False where crossing edges could not be cut apart, so that faults may be missing.
    pub is_complete: bool,
}

/// A hole in the union of the level.
#[derive(Debug)]
pub(super) struct Gap {
    pub polygon: Polygon<f64>,
    /// The units around it, ordered.
    pub units: Vec<u32>,
    /// Whether it is so narrow that rounding decides whether it is there.
    pub is_hairline: bool,
}

/// A place that several units cover.
#[derive(Debug)]
pub(super) struct Overlap {
    pub polygon: Polygon<f64>,
    /// How many units cover it.
    pub cover: i32,
    /// The units that cover it or a part of it, ordered.
    pub units: Vec<u32>,
    /// Whether it is so narrow that rounding decides whether it is there.
    pub is_hairline: bool,
}

/// The unmatched edges of a unit.
#[derive(Debug)]
pub(super) struct Unmatched {
    pub unit: u32,
    pub edges: MultiLineString<f64>,
}

/// Finds the faults of a level whose edges have been matched.
pub(super) fn find_seams(level: &MeshLevel, matching: &Matching, vertices: &Vertices) -> Seams {
    let loose: Vec<_> = matching.loose().map(|half| matching.halves[half as usize]).collect();
    let loose_edges = loose.len();
    let arrangement = Arrangement::new(loose, vertices, |_| 1);
    let faces = Faces::new(arrangement.noded.nodes.coords(), &arrangement.walls);
    let overlaps = overlaps(level, &faces, &arrangement, vertices);
    let gaps = faces.bounded(|cover| cover == 0).into_iter().map(|face| gap(face, &faces, &arrangement)).collect();
    let entries = find_entries(level, &arrangement, vertices);
    Seams {
        matched_edges: (matching.halves.len() - loose_edges) / 2,
        loose_edges,
        gaps,
        overlapping_pairs: find_pairs(level, &overlaps, &entries, &arrangement, vertices),
        overlaps,
        unmatched: unmatched(&entries, &faces, &arrangement, vertices),
        is_complete: arrangement.noded.is_complete,
    }
}

fn gap(face: Face, faces: &Faces<'_>, arrangement: &Arrangement) -> Gap {
    let mut units: Vec<u32> = faces
        .sides(face.cycle)
        .flat_map(|(wall, _)| arrangement.runs_of(wall))
        .map(|(half, _)| arrangement.halves[half as usize].unit)
        .collect();
    units.sort_unstable();
    units.dedup();
    Gap { is_hairline: is_hairline(&face.polygon), polygon: face.polygon, units }
}

fn overlaps(level: &MeshLevel, faces: &Faces<'_>, arrangement: &Arrangement, vertices: &Vertices) -> Vec<Overlap> {
    let found = faces.bounded(|cover| cover >= 2);
    if found.is_empty() {
        return Vec::new();
    }
    let boxes = UnitBoxes::new(level, vertices);
    found
        .into_iter()
        .map(|face| {
            let mut units = units_along(&face, faces, arrangement);
            units.extend(boxes.covering(&face.polygon, &units));
            units.sort_unstable();
            Overlap { is_hairline: is_hairline(&face.polygon), polygon: face.polygon, cover: face.cover, units }
        })
        .collect()
}

/// Returns the units whose own edges bound the face and that cover it.
fn units_along(face: &Face, faces: &Faces<'_>, arrangement: &Arrangement) -> Vec<u32> {
    let mut units: Vec<u32> = faces
        .sides(face.cycle)
        .flat_map(|(wall, right)| arrangement.runs_of(wall).filter(move |(_, same_way)| *same_way != right))
        .map(|(half, _)| arrangement.halves[half as usize].unit)
        .collect();
    units.sort_unstable();
    units.dedup();
    units
}

/// The units of a level by their boxes, to find those that cover a face without having an edge on its rim.
struct UnitBoxes<'a> {
    level: &'a MeshLevel,
    vertices: &'a Vertices,
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, u32>>,
}

impl<'a> UnitBoxes<'a> {
    fn new(level: &'a MeshLevel, vertices: &'a Vertices) -> Self {
        let boxes = level.units.iter().enumerate().filter(|(_, unit)| !unit.rings.is_empty()).map(|(at, unit)| {
            let coords = unit.rings.iter().flat_map(|ring| ring.ids.iter().map(|id| vertices.coord(*id)));
            let aabb = coords.fold(AABB::new_empty(), |mut aabb: AABB<[f64; 2]>, c| {
                aabb.merge(&AABB::from_point([c.x, c.y]));
                aabb
            });
            GeomWithData::new(Rectangle::from_aabb(aabb), to_u32(at))
        });
        Self { level, vertices, tree: RTree::bulk_load(boxes.collect()) }
    }

    /// Returns the units beside the `known` ones that cover a face or a part of it.
    fn covering(&self, face: &Polygon<f64>, known: &[u32]) -> Vec<u32> {
        let (Some(rect), Some(inner)) = (face.bounding_rect(), face.interior_point()) else { return Vec::new() };
        let aabb = AABB::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]);
        let covers = |unit: u32| {
            let edges = || self.edges(unit);
            // Either it holds the middle of the face, or its border with a third unit runs through the face.
            is_within(inner.0, edges()) || edges().filter(|ends| envelope(*ends).intersects(&aabb)).any(|ends| runs_through(ends, face))
        };
        self.tree
            .locate_in_envelope_intersecting(aabb)
            .map(|boxed| boxed.data)
            .filter(|unit| !known.contains(unit) && covers(*unit))
            .collect()
    }

    fn edges(&self, unit: u32) -> impl Iterator<Item = [Coord<f64>; 2]> {
        self.level.units[unit as usize].halves(unit).map(|half| [self.vertices.coord(half.from), self.vertices.coord(half.to)])
    }
}

/// Whether an edge has a stretch strictly inside a face.
fn runs_through(ends: [Coord<f64>; 2], face: &Polygon<f64>) -> bool {
    let rim = || std::iter::once(face.exterior()).chain(face.interiors()).flat_map(|ring| ring.0.windows(2).map(|rim| [rim[0], rim[1]]));
    let mut places = vec![ends[0], ends[1]];
    rim().for_each(|rim| meet(ends, rim, |at| places.push(at)));
    let along = |c: &Coord<f64>| (c.x - ends[0].x) * (ends[1].x - ends[0].x) + (c.y - ends[0].y) * (ends[1].y - ends[0].y);
    places.sort_by(|a, b| along(a).total_cmp(&along(b)));
    places.windows(2).filter(|stretch| stretch[0] != stretch[1]).any(|stretch| {
        let middle = (stretch[0] + stretch[1]) / 2.0;
        is_within(middle, rim())
            && !rim().any(|[a, b]| orientation(a, b, middle) == 0.0 && envelope([a, b]).contains_point(&[middle.x, middle.y]))
    })
}

fn unmatched(entries: &[Entry], faces: &Faces<'_>, arrangement: &Arrangement, vertices: &Vertices) -> Vec<Unmatched> {
    let halves = &arrangement.halves;
    let mut bad: FxHashSet<u32> = FxHashSet::default();
    let differ = |one: &[u32], two: &[u32]| {
        let unit = |half: &u32| halves[*half as usize].unit;
        one.iter().any(|a| two.iter().any(|b| unit(a) != unit(b)))
    };
    for (a, b) in &arrangement.noded.contacts {
        let (one, two) = (&arrangement.edges[*a as usize], &arrangement.edges[*b as usize]);
        if differ(one, two) {
            bad.extend(one.iter().chain(two));
        }
    }
    // The faces say so too, but for units that overlap by less than rounding.
    bad.extend(entries.iter().map(|entry| entry.half));
    // Outside every other unit an edge has cover 1 on its own side and 0 on the other.
    for &(wall, half, same_way) in &arrangement.runs {
        let (left, right) = (faces.cover_left(wall), faces.cover_right(wall));
        let (own, other) = if same_way { (left, right) } else { (right, left) };
        if own >= 2 || other >= 1 {
            bad.insert(half);
        }
    }
    for group in arrangement.edges.iter().filter(|group| group.len() > 1) {
        let first = halves[group[0] as usize].from;
        let (there, back): (Vec<u32>, Vec<u32>) = group.iter().partition(|half| halves[**half as usize].from == first);
        for (one, other) in [(&there, &back), (&back, &there)] {
            if one.len() > 1 {
                bad.extend(one);
            } else if differ(one, other) {
                // It has a match; the others of its group are too many.
                one.iter().for_each(|half| {
                    bad.remove(half);
                });
            }
        }
    }
    let mut bad: Vec<u32> = bad.into_iter().collect();
    bad.sort_unstable_by_key(|half| (halves[*half as usize].unit, *half));
    bad.chunk_by(|a, b| halves[*a as usize].unit == halves[*b as usize].unit)
        .map(|group| Unmatched {
            unit: halves[group[0] as usize].unit,
            edges: join_edges(group.iter().map(|half| (halves[*half as usize].from, halves[*half as usize].to)), vertices),
        })
        .collect()
}

/// Joins edges that follow one another into lines.
pub(super) fn join_edges(edges: impl Iterator<Item = (u32, u32)>, vertices: &Vertices) -> MultiLineString<f64> {
    let mut lines: Vec<LineString<f64>> = Vec::new();
    let mut last = None;
    for (from, to) in edges {
        match lines.last_mut() {
            Some(line) if last == Some(from) => line.0.push(vertices.coord(to)),
            _ => lines.push(LineString(vec![vertices.coord(from), vertices.coord(to)])),
        }
        last = Some(to);
    }
    MultiLineString(lines)
}
