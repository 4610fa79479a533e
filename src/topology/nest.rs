//! Finds where units stick out of their parents, and where parents are left uncovered by their units.
//!
//! For each parent its units' edges count up and its own count down. Where units tile their parent all of them cancel;
//! what is left over bounds exactly the places that stick out and those that are uncovered.

use geo::InteriorPoint;
use geo_types::{LineString, MultiPolygon};
use rayon::prelude::*;

use super::arrange::Arrangement;
use super::faces::{Face, Faces, is_inside};
use super::mesh::{Half, MeshLevel, MeshUnit, edge_key};
use super::vertices::{Vertices, to_u32};

/// Where the units of one parent fail to tile it. Units are numbered as they were given.
#[derive(Debug)]
pub(super) struct Misfit {
    pub parent: u32,
    /// For each unit that sticks out the places where it does, ordered by unit.
    pub outside: Vec<(u32, MultiPolygon<f64>)>,
    pub uncovered: MultiPolygon<f64>,
    /// False where crossing edges could not be cut apart.
    pub is_complete: bool,
    /// Whether edges cross or touch elsewhere than in common ends, so that places were rounded.
    pub has_contacts: bool,
}

/// Stands for the parent among the units of its edges.
pub(super) const PARENT: u32 = u32::MAX;

/// Compares the units of a level with their parents, which `parents` numbers.
pub(super) fn find_misfits(above: &MeshLevel, level: &MeshLevel, parents: &[Option<u32>], vertices: &Vertices) -> Vec<Misfit> {
    let mut keyed: Vec<(u32, u64, Half)> = Vec::new();
    for (at, unit) in level.units.iter().enumerate() {
        if let Some(parent) = parents[at] {
            keyed.extend(unit.halves(to_u32(at)).map(|half| (parent, edge_key(half.from, half.to), half)));
        }
    }
    for (at, unit) in above.units.iter().enumerate() {
        keyed.extend(unit.halves(PARENT).map(|half| (to_u32(at), edge_key(half.from, half.to), half)));
    }
    keyed.par_sort_unstable_by_key(|(parent, key, half)| (*parent, *key, half.unit, half.from));
    let mut left_over: Vec<(u32, Half)> = Vec::new();
    for group in keyed.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let rise: i32 = group.iter().map(|(_, _, half)| if half.from < half.to { rise_of(*half) } else { -rise_of(*half) }).sum();
        if rise != 0 {
            left_over.extend(group.iter().map(|(parent, _, half)| (*parent, *half)));
        }
    }
    let groups: Vec<&[(u32, Half)]> = left_over.chunk_by(|a, b| a.0 == b.0).collect();
    let misfit = |group: &&[(u32, Half)]| {
        let halves = group.iter().map(|(_, half)| *half).collect();
        find_misfit(group[0].0, halves, &above.units[group[0].0 as usize], vertices)
    };
    groups
        .par_iter()
        .map(misfit)
        .filter(|misfit| !misfit.outside.is_empty() || !misfit.uncovered.0.is_empty() || !misfit.is_complete)
        .collect()
}

fn rise_of(half: Half) -> i32 {
    if half.unit == PARENT { -1 } else { 1 }
}

/// Compares one parent with its units, given the edges of both that do not cancel.
pub(super) fn find_misfit(parent: u32, halves: Vec<Half>, outline: &MeshUnit, vertices: &Vertices) -> Misfit {
    let rises: Vec<i32> = halves.iter().map(|half| rise_of(*half)).collect();
    let arrangement = Arrangement::new(halves, vertices, |half| rises[half as usize]);
    let faces = Faces::new(arrangement.noded.nodes.coords(), &arrangement.walls);
    let mut misfit = Misfit {
        parent,
        outside: Vec::new(),
        uncovered: MultiPolygon(Vec::new()),
        is_complete: arrangement.noded.is_complete,
        has_contacts: !arrangement.noded.contacts.is_empty(),
    };
    let rings: Vec<LineString<f64>> = outline
        .to_geometry(vertices)
        .into_iter()
        .flat_map(|p| {
            let (e, i) = p.into_inner();
            std::iter::once(e).chain(i)
        })
        .collect();
    let mut outside: Vec<(u32, Face)> = Vec::new();
    for face in faces.bounded(|cover| cover != 0) {
        if face.cover < 0 {
            misfit.uncovered.0.push(face.polygon);
            continue;
        }
        let sides: Vec<(u32, bool)> = faces
            .sides(face.cycle)
            .flat_map(|(wall, right)| arrangement.runs_of(wall).map(move |(half, same_way)| (half, same_way != right)))
            .map(|(half, on_left)| (arrangement.halves[half as usize].unit, on_left))
            .collect();
        if lies_outside(&face, &sides, &rings) {
            let mut units: Vec<u32> =
                sides.into_iter().filter(|(unit, on_left)| *unit != PARENT && *on_left).map(|(unit, _)| unit).collect();
            units.sort_unstable();
            units.dedup();
            outside.extend(units.into_iter().map(|unit| (unit, face.clone())));
        }
    }
    outside.sort_by_key(|(unit, _)| *unit);
    misfit.outside = outside
        .chunk_by(|a, b| a.0 == b.0)
        .map(|group| (group[0].0, group.iter().map(|(_, face)| face.polygon.clone()).collect()))
        .collect();
    misfit
}

/// Whether a face that units cover lies outside the parent; inside it, it is an overlap of its units.
fn lies_outside(face: &Face, sides: &[(u32, bool)], parent: &[LineString<f64>]) -> bool {
    match sides.iter().find(|(unit, _)| *unit == PARENT) {
        Some((_, parent_on_left)) => !parent_on_left,
        None => face.polygon.interior_point().is_none_or(|inner| parent.iter().filter(|ring| is_inside(inner.0, ring)).count() % 2 == 0),
    }
}
