//! Bends the straight subdivision to the land, without tearing it.
//!
//! A straight-line drawing is planar where every face can be fanned into positively turned triangles from one point inside it.
//! Wide bends hardly change a face's shape. Narrow ones may: where a face cannot be fanned any more, the narrow shifts of its
//! vertices are halved until it can.

use geo_types::Coord;

use super::noise;
use super::subdivision::{Subdivision, area_and_centre};
use super::terrain;

/// The bent vertices, and for each face the point from which all of its border is seen.
#[derive(Debug)]
pub(super) struct Relief {
    pub vertices: Vec<Coord<f64>>,
    pub hubs: Vec<Coord<f64>>,
}

const WIDE_WAVELENGTHS_M: [f64; 2] = [21_000.0, 11_000.0];
const NARROW_WAVELENGTHS_M: [f64; 3] = [5_000.0, 2_600.0, 1_100.0];

/// Shift over wavelength. The slope of the noise times this stays well below 1, so most faces need no second thought.
const STRENGTH: f64 = 0.07;

/// Rounds of halving; after them a vertex has no narrow shift at all.
const ROUNDS_MAX: usize = 24;

/// Bends the whole subdivision so that `district`, the faces of the district, fills its box about the seat.
pub(super) fn bend(cut: &Subdivision, district: &[u32]) -> Relief {
    let rings: Vec<Vec<u32>> =
        (0..cut.faces.len()).map(|face| cut.sides(face as u32).into_iter().map(|side| cut.start(side)).collect()).collect();
    let reach_m = reaches_m(cut, &rings);
    let mut wide: Vec<Coord<f64>> = cut.vertices.iter().map(|&at| wide_place(cut.seed, at)).collect();
    fill_box(&mut wide, district.iter().flat_map(|&face| &rings[face as usize]));
    let narrow: Vec<Coord<f64>> = cut.vertices.iter().zip(&reach_m).map(|(&at, &reach)| narrow_shift(cut.seed, at, reach)).collect();
    let mut shares = vec![1.0; cut.vertices.len()];
    let place = |vertex: usize, shares: &[f64]| Coord {
        x: wide[vertex].x + narrow[vertex].x * shares[vertex],
        y: wide[vertex].y + narrow[vertex].y * shares[vertex],
    };
    for round in 0..=ROUNDS_MAX {
        let mut torn: Vec<u32> = Vec::new();
        for ring in &rings {
            let corners: Vec<Coord<f64>> = ring.iter().map(|&v| place(v as usize, &shares)).collect();
            if !is_seen_from(&corners, area_and_centre(&corners).1) {
                torn.extend(ring);
            }
        }
        if torn.is_empty() {
            break;
        }
        torn.sort_unstable();
        torn.dedup();
        for vertex in torn {
            shares[vertex as usize] = if round + 1 >= ROUNDS_MAX { 0.0 } else { shares[vertex as usize] * 0.5 };
        }
    }
    let vertices: Vec<Coord<f64>> = (0..cut.vertices.len()).map(|vertex| place(vertex, &shares)).collect();
    let hubs = rings.iter().map(|ring| area_and_centre(&ring.iter().map(|&v| vertices[v as usize]).collect::<Vec<_>>()).1).collect();
    Relief { vertices, hubs }
}

/// Returns the length of the shortest edge at each vertex, which bounds how far it may stray on its own.
fn reaches_m(cut: &Subdivision, rings: &[Vec<u32>]) -> Vec<f64> {
    let mut reach_m = vec![f64::INFINITY; cut.vertices.len()];
    for ring in rings {
        for (at, &a) in ring.iter().enumerate() {
            let b = ring[(at + 1) % ring.len()];
            let (from, to) = (cut.vertices[a as usize], cut.vertices[b as usize]);
            let length_m = ((to.x - from.x) * (to.x - from.x) + (to.y - from.y) * (to.y - from.y)).sqrt();
            for vertex in [a, b] {
                reach_m[vertex as usize] = reach_m[vertex as usize].min(length_m);
            }
        }
    }
    reach_m
}

/// The seat stays where it is; the land around it moves.
fn wide_place(seed: u64, at: Coord<f64>) -> Coord<f64> {
    let bends = |at| bends(seed, 20, at, &WIDE_WAVELENGTHS_M, 1.0);
    let (here, seat) = (bends(at), bends(terrain::SEAT));
    Coord { x: at.x + here.x - seat.x, y: at.y + here.y - seat.y }
}

/// Stretches all four ways from the seat until the district reaches the four sides of its box.
fn fill_box<'a>(vertices: &mut [Coord<f64>], district: impl Iterator<Item = &'a u32>) {
    let (mut low, mut high) = (terrain::SEAT, terrain::SEAT);
    for &vertex in district {
        let c = vertices[vertex as usize];
        low = Coord { x: low.x.min(c.x), y: low.y.min(c.y) };
        high = Coord { x: high.x.max(c.x), y: high.y.max(c.y) };
    }
    let (seat, min, max) = (terrain::SEAT, terrain::BOX_MIN, terrain::BOX_MAX);
    let stretch = |at: f64, seat: f64, (low, high): (f64, f64), (min, max): (f64, f64)| {
        let scale = if at < seat { (min - seat) / (low - seat) } else { (max - seat) / (high - seat) };
        seat + (at - seat) * scale
    };
    for c in vertices {
        *c = Coord { x: stretch(c.x, seat.x, (low.x, high.x), (min.x, max.x)), y: stretch(c.y, seat.y, (low.y, high.y), (min.y, max.y)) };
    }
}

fn narrow_shift(seed: u64, at: Coord<f64>, reach_m: f64) -> Coord<f64> {
    let hills = 1.0 - 0.85 * terrain::urbanity(at);
    let shift = bends(seed, 40, at, &NARROW_WAVELENGTHS_M, hills);
    // Each junction strays a little by itself, as crossings do that no plan has straightened.
    let key = at.x.to_bits() ^ at.y.to_bits().rotate_left(29);
    let stray_m = 0.16 * hills * reach_m;
    let stray = |axis: u64| stray_m * noise::signed(noise::hash(seed, 60 + axis), key);
    Coord { x: shift.x + stray(0), y: shift.y + stray(1) }
}

fn bends(seed: u64, label: u64, at: Coord<f64>, wavelengths_m: &[f64], strength: f64) -> Coord<f64> {
    let mut shift = Coord { x: 0.0, y: 0.0 };
    for (octave, &wavelength_m) in (label..).step_by(2).zip(wavelengths_m) {
        let strength_m = wavelength_m * STRENGTH * strength;
        shift.x += strength_m * noise::over(noise::hash(seed, octave), at, wavelength_m);
        shift.y += strength_m * noise::over(noise::hash(seed, octave + 1), at, wavelength_m);
    }
    shift
}

/// Whether every side is seen from `hub` under a fair angle, all turning the same way.
fn is_seen_from(corners: &[Coord<f64>], hub: Coord<f64>) -> bool {
    corners.iter().enumerate().all(|(at, a)| {
        let b = corners[(at + 1) % corners.len()];
        let (ax, ay, bx, by) = (a.x - hub.x, a.y - hub.y, b.x - hub.x, b.y - hub.y);
        let twice_m2 = ax * by - ay * bx;
        let length_m2 = (bx - ax) * (bx - ax) + (by - ay) * (by - ay);
        // A fiftieth as high as long at the least: a flatter triangle leaves a border no room.
        twice_m2 * 50.0 > length_m2
    })
}
