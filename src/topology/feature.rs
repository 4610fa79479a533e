//! Checks one shape by itself, after the validity rules of OGC 06-103r4, section 6.1.11.
//!
//! | rule | kind | severity |
//! | --- | --- | --- |
//! | coordinates are finite and in range | `coordinate` | error |
//! | there is a geometry | `no_geometry` | error |
//! | a ring has three different points and an area | `too_few_points` | error |
//! | a ring neither crosses itself nor runs along itself | `self_crossing` | error |
//! | a ring touches itself in points only | `self_crossing` | warning |
//! | a ring does not run out and back along a line | `spike` | error |
//! | holes lie inside their polygon; holes and parts do not overlap | `hole` | error |
//! | there is one part | `multipart` | warning |
//! | no point stands twice in a row | `repeated_point` | note |

use std::borrow::Cow;

use geo::Winding;
use geo::winding_order::WindingOrder;
use geo_types::{Coord, LineString, MultiPoint, MultiPolygon, Point, Polygon};

use super::arrange::Arrangement;
use super::faces::{Face, Faces, is_inside};
use super::mesh::{MeshRing, MeshUnit};
use super::noding::{meet, orientation};
use super::plane::Plane;
use super::vertices::{Vertices, to_u32};
use crate::boundary::{Problem, ProblemKind, Severity};

/// What one shape is like by itself.
#[derive(Debug, Default)]
pub(super) struct FeatureCheck {
    /// Without level and feature, which the caller knows.
    pub problems: Vec<Problem>,
    /// Whether the shape can take part in the search for gaps and overlaps.
    pub is_usable: bool,
}

/// Places shown for one problem; the sentence says how many there are.
const PLACES_SHOWN_MAX: usize = 1000;

/// Checks a shape.
pub(super) fn check_feature(geometry: &MultiPolygon<f64>, plane: Plane) -> FeatureCheck {
    let mut check = FeatureCheck::default();
    if geometry.0.iter().all(|polygon| polygon.exterior().0.is_empty()) {
        let remedy = "draw its outline, or take the feature out of the file";
        check.problems.push(Problem::new(ProblemKind::NoGeometry, Severity::Error, "the feature has no geometry", remedy));
        return check;
    }
    if let Some(problem) = check_coordinates(geometry, plane) {
        check.problems.push(problem);
        return check;
    }
    check.problems.extend(check_repeats(geometry));
    check.problems.extend(check_rings(geometry));
    let Some(geometry) = without_degenerate(geometry) else { return check };
    let geometry = geometry.as_ref();
    if geometry.0.len() > 1 {
        let detail = format!("the unit has {} parts", geometry.0.len());
        let remedy = "nothing to do where the unit really is in several pieces; otherwise join them or give each its own code";
        check.problems.push(Problem::new(ProblemKind::Multipart, Severity::Warning, detail, remedy).placed(geometry.clone()));
    }
    check.problems.extend(check_crossings(geometry, plane));
    check.is_usable = true;
    check
}

/// Whether a unit that the repair has changed breaks no rule that would be an error, and still lies on the left of its rings.
pub(super) fn is_sound(unit: &MeshUnit, vertices: &Vertices) -> bool {
    if unit.rings.iter().any(|ring| ring.ids.len() < 3) {
        return false;
    }
    let geometry = unit.to_geometry(vertices);
    let runs_well = |(ring, line): (&MeshRing, &LineString<f64>)| {
        let wanted = if ring.is_hole { WindingOrder::Clockwise } else { WindingOrder::CounterClockwise };
        line.winding_order() == Some(wanted)
    };
    unit.rings.iter().zip(rings(&geometry)).all(runs_well)
        && check_rings(&geometry).is_empty()
        && check_crossings(&geometry, Plane::Degrees).iter().all(|problem| problem.severity < Severity::Error)
}

fn rings(geometry: &MultiPolygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    geometry.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()))
}

fn check_coordinates(geometry: &MultiPolygon<f64>, plane: Plane) -> Option<Problem> {
    let is_good = |c: &Coord<f64>| match plane {
        Plane::Degrees => (-180.0..=180.0).contains(&c.x) && (-90.0..=90.0).contains(&c.y),
        Plane::Projected { .. } => c.x.is_finite() && c.y.is_finite(),
    };
    let mut bad = rings(geometry).flat_map(|ring| ring.0.iter()).filter(|c| !is_good(c));
    let first = bad.next()?;
    let count = 1 + bad.count();
    let what = if plane == Plane::Degrees { "lie outside longitude -180 to 180 and latitude -90 to 90" } else { "are not finite" };
    let detail = format!("{count} coordinates {what}, the first is {}, {}", first.x, first.y);
    let remedy = "check the reference system and the order of the axes, longitude first; then mend the coordinates";
    let problem = Problem::new(ProblemKind::Coordinate, Severity::Error, detail, remedy);
    Some(if first.x.is_finite() && first.y.is_finite() { problem.placed(Point::from(*first)) } else { problem })
}

fn check_repeats(geometry: &MultiPolygon<f64>) -> Option<Problem> {
    let repeats: Vec<Coord<f64>> =
        rings(geometry).flat_map(|ring| ring.0.windows(2)).filter(|edge| edge[0] == edge[1]).map(|edge| edge[0]).collect();
    let count = repeats.len();
    (count > 0).then(|| {
        let detail = format!("{count} points stand twice in a row");
        let remedy = "nothing to do: the repetition is left out";
        Problem::new(ProblemKind::RepeatedPoint, Severity::Note, detail, remedy).placed(places(&repeats))
    })
}

/// Whether a ring encloses nothing.
fn is_degenerate(ring: &LineString<f64>) -> bool {
    let mut distinct: Vec<(u64, u64)> = ring.0.iter().map(|c| ((c.x + 0.0).to_bits(), (c.y + 0.0).to_bits())).collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() < 3 || ring.winding_order().is_none()
}

/// Returns the shape without the rings that enclose nothing, so that the rest of it is checked all the same.
pub(super) fn without_degenerate(geometry: &MultiPolygon<f64>) -> Option<Cow<'_, MultiPolygon<f64>>> {
    if !rings(geometry).any(is_degenerate) {
        return Some(Cow::Borrowed(geometry));
    }
    let sound = |polygon: &Polygon<f64>| {
        let holes = polygon.interiors().iter().filter(|hole| !is_degenerate(hole)).cloned().collect();
        Polygon::new(polygon.exterior().clone(), holes)
    };
    let rest: MultiPolygon<f64> = geometry.iter().filter(|polygon| !is_degenerate(polygon.exterior())).map(sound).collect();
    (!rest.0.is_empty()).then_some(Cow::Owned(rest))
}

fn check_rings(geometry: &MultiPolygon<f64>) -> Vec<Problem> {
    rings(geometry)
        .filter(|ring| is_degenerate(ring))
        .map(|ring| {
            let detail = format!("a ring of {} points encloses no area", ring.0.len());
            let remedy = "take the ring out, or draw it with at least three points that are not on one line";
            Problem::new(ProblemKind::TooFewPoints, Severity::Error, detail, remedy).placed(ring.clone())
        })
        .collect()
}

/// Checks how the edges of a shape meet each other.
fn check_crossings(geometry: &MultiPolygon<f64>, plane: Plane) -> Vec<Problem> {
    let mut vertices = Vertices::default();
    let unit = MeshUnit::new(geometry, &mut vertices);
    let spikes = find_spikes(&unit, &vertices);
    if !spikes.is_empty() {
        let length_m: f64 = spikes.iter().map(|spike| plane.distance_m(spike[0], spike[1])).sum();
        let detail = format!("a ring runs out and back along the same line in {} places, {length_m:.3} m in all", spikes.len());
        let remedy = "delete the vertex at the point of each spike";
        let tips: Vec<Coord<f64>> = spikes.iter().map(|spike| spike[1]).collect();
        return vec![Problem::new(ProblemKind::Spike, Severity::Error, detail, remedy).placed(places(&tips)).with_length_m(length_m)];
    }
    let contacts = find_contacts(&unit, &vertices);
    if contacts.is_empty() && unit.rings.len() == 1 {
        return Vec::new();
    }
    judge_contacts(&unit, &vertices, &contacts, plane)
}

fn find_spikes(unit: &MeshUnit, vertices: &Vertices) -> Vec<[Coord<f64>; 2]> {
    let mut spikes = Vec::new();
    for ring in &unit.rings {
        let count = ring.ids.len();
        for at in 0..count {
            let [a, tip, b] = [0, 1, 2].map(|step| vertices.coord(ring.ids[(at + step) % count]));
            let turns_back = (a.x - tip.x) * (b.x - tip.x) + (a.y - tip.y) * (b.y - tip.y) > 0.0;
            if turns_back && orientation(a, tip, b) == 0.0 {
                let length = |c: Coord<f64>| (c.x - tip.x).hypot(c.y - tip.y);
                spikes.push([if length(a) < length(b) { a } else { b }, tip]);
            }
        }
    }
    spikes
}

/// A place where two edges of a shape meet elsewhere than the ring's order wants it.
struct Contact {
    at: Coord<f64>,
    is_same_ring: bool,
}

fn find_contacts(unit: &MeshUnit, vertices: &Vertices) -> Vec<Contact> {
    let mut contacts = Vec::new();
    for ring in &unit.rings {
        let mut ids = ring.ids.clone();
        ids.sort_unstable();
        contacts.extend(
            ids.chunk_by(|a, b| a == b)
                .filter(|same| same.len() > 1)
                .map(|same| Contact { at: vertices.coord(same[0]), is_same_ring: true }),
        );
    }
    let edges: Vec<(u32, [Coord<f64>; 2])> = unit
        .rings
        .iter()
        .enumerate()
        .flat_map(|(at, ring)| ring.edges().map(move |(a, b)| (to_u32(at), [vertices.coord(a), vertices.coord(b)])))
        .collect();
    for_each_pair_of_boxes(&edges, |one, two| {
        meet(one.1, two.1, |at| contacts.push(Contact { at, is_same_ring: one.0 == two.0 }));
    });
    contacts
}

/// Below this number of edges sorting them by longitude beats building a tree.
const SWEEP_EDGES_MAX: usize = 256;

fn for_each_pair_of_boxes(edges: &[(u32, [Coord<f64>; 2])], mut visit: impl FnMut(&(u32, [Coord<f64>; 2]), &(u32, [Coord<f64>; 2]))) {
    if edges.len() > SWEEP_EDGES_MAX {
        use rstar::RTree;
        use rstar::primitives::{GeomWithData, Rectangle};
        let boxes = edges.iter().enumerate().map(|(at, edge)| GeomWithData::new(Rectangle::from_aabb(super::noding::envelope(edge.1)), at));
        let tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>> = RTree::bulk_load(boxes.collect());
        for (at, edge) in edges.iter().enumerate() {
            for other in tree.locate_in_envelope_intersecting(super::noding::envelope(edge.1)).filter(|other| other.data < at) {
                visit(&edges[other.data], edge);
            }
        }
        return;
    }
    let west = |edge: &[Coord<f64>; 2]| edge[0].x.min(edge[1].x);
    let east = |edge: &[Coord<f64>; 2]| edge[0].x.max(edge[1].x);
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_unstable_by(|a, b| west(&edges[*a].1).total_cmp(&west(&edges[*b].1)));
    for (at, &one) in order.iter().enumerate() {
        let (ring, edge) = &edges[one];
        let (south, north) = (edge[0].y.min(edge[1].y), edge[0].y.max(edge[1].y));
        for &two in order[at + 1..].iter().take_while(|two| west(&edges[**two].1) <= east(edge)) {
            let other = &edges[two].1;
            if other[0].y.max(other[1].y) >= south && other[0].y.min(other[1].y) <= north {
                visit(&(*ring, *edge), &edges[two]);
            }
        }
    }
}

/// Tells crossings from touches by the cover of the faces that the rings make: inside once, outside not at all.
fn judge_contacts(unit: &MeshUnit, vertices: &Vertices, contacts: &[Contact], plane: Plane) -> Vec<Problem> {
    let arrangement = Arrangement::new(unit.halves(0).collect(), vertices, |_| 1);
    let faces = Faces::new(arrangement.noded.nodes.coords(), &arrangement.walls);
    let bad = faces.bounded(|cover| !(0..=1).contains(&cover));
    let at_same_ring: Vec<Coord<f64>> = contacts.iter().filter(|c| c.is_same_ring).map(|c| c.at).collect();
    let runs_along_itself = runs_along_itself(&arrangement);
    let mut problems = Vec::new();
    if !at_same_ring.is_empty() {
        problems.push(if bad.is_empty() && !runs_along_itself {
            let detail = format!("a ring touches itself in {} points, the first at {}", at_same_ring.len(), text(at_same_ring[0]));
            let remedy = "nothing to do where this is meant; other programs want a hole or a part of its own there";
            Problem::new(ProblemKind::SelfCrossing, Severity::Warning, detail, remedy).placed(places(&at_same_ring))
        } else {
            let detail = format!(
                "a ring crosses itself or runs along itself in {} points, the first at {}",
                at_same_ring.len(),
                text(at_same_ring[0])
            );
            let remedy = "move the vertices beside each crossing until the ring runs once around the unit";
            Problem::new(ProblemKind::SelfCrossing, Severity::Error, detail, remedy).placed(places(&at_same_ring))
        });
    } else if !bad.is_empty() || runs_along_itself {
        problems.push(rings_overlap(&bad, contacts, &arrangement, plane));
    }
    if bad.is_empty() {
        problems.extend(unit.rings.chunk_by(|_, ring| ring.is_hole).flat_map(|rings| stray_holes(rings, vertices)));
    }
    problems
}

/// Whether two rings, or two stretches of one, run along the same line.
fn runs_along_itself(arrangement: &Arrangement) -> bool {
    let pieces: usize = arrangement
        .edges
        .iter()
        .zip(&arrangement.noded.chains)
        .map(|(group, chain)| group.len() * chain.windows(2).filter(|ends| ends[0] != ends[1]).count())
        .sum();
    pieces != arrangement.walls.len()
}

fn rings_overlap(bad: &[Face], contacts: &[Contact], arrangement: &Arrangement, plane: Plane) -> Problem {
    let area_m2: f64 = bad.iter().map(|face| plane.polygon_area_m2(&face.polygon)).sum();
    let remedy = "keep each hole inside its polygon, and holes and parts clear of one another";
    if bad.is_empty() {
        // Rings that share an edge end to end have no contact there.
        let nodes = arrangement.noded.nodes.coords();
        let shared = arrangement.edges.iter().zip(&arrangement.noded.chains).filter(|(group, _)| group.len() > 1);
        let along: Vec<Coord<f64>> =
            contacts.iter().map(|c| c.at).chain(shared.flat_map(|(_, chain)| chain.iter().map(|node| nodes[*node as usize]))).collect();
        let detail = match along.first() {
            Some(first) => format!("two rings of the unit run along the same line, at {}", text(*first)),
            None => "two rings of the unit run along the same line".to_owned(),
        };
        return Problem::new(ProblemKind::Hole, Severity::Error, detail, remedy).placed(places(&along));
    }
    let detail = format!("holes or parts of the unit lie outside their polygon or overlap one another, {area_m2:.2} m² in all");
    let polygons = bad.iter().map(|face| face.polygon.clone()).collect::<MultiPolygon<f64>>();
    Problem::new(ProblemKind::Hole, Severity::Error, detail, remedy).placed(polygons).with_area_m2(area_m2)
}

/// Finds holes that lie in another part than the one they are listed under.
fn stray_holes(rings: &[MeshRing], vertices: &Vertices) -> Option<Problem> {
    let line = |ring: &MeshRing| -> LineString<f64> {
        let mut coords: Vec<Coord<f64>> = ring.ids.iter().map(|id| vertices.coord(*id)).collect();
        coords.push(coords[0]);
        coords.into()
    };
    let (exterior, holes) = rings.split_first()?;
    let shell = line(exterior);
    let is_stray = |hole: &&MeshRing| {
        let free = hole.ids.iter().find(|id| !exterior.ids.contains(id));
        free.is_some_and(|id| !is_inside(vertices.coord(*id), &shell) && !is_on(vertices.coord(*id), &shell))
    };
    let stray: Vec<LineString<f64>> = holes.iter().filter(is_stray).map(line).collect();
    (!stray.is_empty()).then(|| {
        let detail = format!("{} holes lie outside the part that they belong to", stray.len());
        let remedy = "list each hole with the part around it";
        Problem::new(ProblemKind::Hole, Severity::Error, detail, remedy).placed(geo_types::MultiLineString(stray))
    })
}

fn is_on(at: Coord<f64>, ring: &LineString<f64>) -> bool {
    ring.0.windows(2).any(|ends| {
        let within = |a: f64, b: f64, c: f64| (a.min(b)..=a.max(b)).contains(&c);
        within(ends[0].x, ends[1].x, at.x) && within(ends[0].y, ends[1].y, at.y) && orientation(ends[0], ends[1], at) == 0.0
    })
}

fn places(coords: &[Coord<f64>]) -> MultiPoint<f64> {
    coords.iter().take(PLACES_SHOWN_MAX).map(|c| Point::from(*c)).collect()
}

fn text(c: Coord<f64>) -> String {
    format!("{}, {}", c.x, c.y)
}
