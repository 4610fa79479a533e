//! Chooses the faces that make up the district: one piece, without holes.

use super::regions::Plot;
use super::subdivision::{Face, Subdivision};
use super::terrain;

/// How far the outline is drawn in, so that the district has about 1,974 km².
const DRAWN_IN_M: f64 = 200.0;

pub(super) fn is_inside(seed: u64, face: &Face) -> bool {
    terrain::depth_m(seed, face.centre) > DRAWN_IN_M
}

/// Returns for each whole edge the faces on its left and right; a divided edge has none.
pub(super) fn faces_beside(cut: &Subdivision) -> Vec<[Option<u32>; 2]> {
    let mut beside = vec![[None; 2]; cut.edge_count()];
    for face in 0..cut.faces.len() as u32 {
        for side in cut.sides(face) {
            beside[side.edge as usize][usize::from(side.reversed)] = Some(face);
        }
    }
    beside
}

/// Returns the faces of the district, in the order of the subdivision.
pub(super) fn choose(cut: &Subdivision) -> Vec<u32> {
    let neighbours = neighbours(cut);
    let inside: Vec<bool> = cut.faces.iter().map(|face| is_inside(cut.seed, face)).collect();
    let largest = components(&inside, &neighbours).into_iter().max_by_key(Vec::len).unwrap_or_default();
    let mut outside = vec![true; cut.faces.len()];
    for face in largest {
        outside[face as usize] = false;
    }
    // Whatever the district encloses belongs to it: the piece of outside with the frame is the only one that stays out.
    let around = components(&outside, &neighbours).into_iter().max_by_key(|piece| area_m2(cut, piece) as u64).unwrap_or_default();
    let mut is_out = vec![false; cut.faces.len()];
    for face in around {
        is_out[face as usize] = true;
    }
    (0..cut.faces.len() as u32).filter(|&face| !is_out[face as usize]).collect()
}

/// Returns the chosen faces as plots, numbered in their order.
pub(super) fn plots(cut: &Subdivision, chosen: &[u32]) -> Vec<Plot> {
    let mut number = vec![None; cut.faces.len()];
    for (plot, &face) in (0_u32..).zip(chosen) {
        number[face as usize] = Some(plot);
    }
    let neighbours = neighbours(cut);
    let at_vertex = faces_at_vertices(cut);
    let plot = |&face: &u32| {
        let Face { centre, area_m2, .. } = cut.faces[face as usize];
        let beside = neighbours[face as usize].iter().filter_map(|&other| number[other as usize]).collect();
        let around = cut.sides(face).into_iter().flat_map(|side| &at_vertex[cut.start(side) as usize]);
        let numbers: Vec<Option<u32>> = around.filter(|&&other| other != face).map(|&other| number[other as usize]).collect();
        Plot { centre, area_m2, beside, on_rim: numbers.contains(&None), touching: numbers.into_iter().flatten().collect() }
    };
    chosen.iter().map(plot).collect()
}

fn faces_at_vertices(cut: &Subdivision) -> Vec<Vec<u32>> {
    let mut faces = vec![Vec::new(); cut.vertices.len()];
    for face in 0..cut.faces.len() as u32 {
        for side in cut.sides(face) {
            faces[cut.start(side) as usize].push(face);
        }
    }
    faces
}

fn neighbours(cut: &Subdivision) -> Vec<Vec<u32>> {
    let mut neighbours = vec![Vec::new(); cut.faces.len()];
    for beside in faces_beside(cut) {
        if let [Some(left), Some(right)] = beside {
            neighbours[left as usize].push(right);
            neighbours[right as usize].push(left);
        }
    }
    for list in &mut neighbours {
        list.sort_unstable();
        list.dedup();
    }
    neighbours
}

fn components(member: &[bool], neighbours: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut seen = vec![false; member.len()];
    let mut pieces = Vec::new();
    for first in 0..member.len() as u32 {
        if !member[first as usize] || seen[first as usize] {
            continue;
        }
        seen[first as usize] = true;
        let mut piece = vec![first];
        let mut next = 0;
        while next < piece.len() {
            for &other in &neighbours[piece[next] as usize] {
                if member[other as usize] && !std::mem::replace(&mut seen[other as usize], true) {
                    piece.push(other);
                }
            }
            next += 1;
        }
        pieces.push(piece);
    }
    pieces
}

fn area_m2(cut: &Subdivision, faces: &[u32]) -> f64 {
    faces.iter().map(|&face| cut.faces[face as usize].area_m2).sum()
}
