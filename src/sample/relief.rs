//! Bends the straight subdivision to the land, without tearing it.
//!
//! A straight-line drawing is planar where every face can be fanned into positively turned triangles from one point inside it.
//! Wide bends hardly change a face's shape. Narrow ones may, and so does what each vertex strays by itself: where a face cannot be
//! fanned any more, first the straying of its vertices is halved, then the narrow bends around it.

use std::collections::VecDeque;

use geo_types::Coord;

use super::noise;
use super::subdivision::{Subdivision, area_and_centre, to_u32};
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

/// Rounds of halving. The first ones halve what a vertex strays by itself, which mostly is enough.
const ROUNDS_MAX: usize = 32;
const STRAY_ROUNDS: usize = 6;

/// How much steeper the narrow bends may get where they are taken back: a share of the way that is gone.
const FADE_SLOPE: f64 = 0.1;

/// Bends the whole subdivision so that `district`, the faces of the district, fills its box about the seat.
pub(super) fn bend(cut: &Subdivision, district: &[u32]) -> Relief {
    let rings: Vec<Vec<u32>> =
        (0..cut.faces.len()).map(|face| cut.sides(face as u32).into_iter().map(|side| cut.start(side)).collect()).collect();
    let mut wide: Vec<Coord<f64>> = cut.vertices.iter().map(|&at| wide_place(cut.seed, at)).collect();
    fill_box(&mut wide, district.iter().flat_map(|&face| &rings[face as usize]));
    let mut shifts = Shifts::new(cut, wide, &reaches_m(cut, &rings));
    for round in 0..ROUNDS_MAX {
        let mut torn: Vec<u32> = rings.iter().filter(|ring| !shifts.is_fanned(ring)).flatten().copied().collect();
        if torn.is_empty() {
            break;
        }
        torn.sort_unstable();
        torn.dedup();
        if round < STRAY_ROUNDS { shifts.halve_stray(&torn) } else { shifts.halve_narrow(&torn, cut, &rings) }
    }
    let vertices: Vec<Coord<f64>> = (0..to_u32(cut.vertices.len())).map(|vertex| shifts.place(vertex)).collect();
    let hubs = rings.iter().map(|ring| area_and_centre(&ring.iter().map(|&v| vertices[v as usize]).collect::<Vec<_>>()).1).collect();
    Relief { vertices, hubs }
}

/// How far each vertex is moved, and how much of that it keeps.
struct Shifts {
    wide: Vec<Coord<f64>>,
    narrow: Vec<Coord<f64>>,
    stray: Vec<Coord<f64>>,
    narrow_share: Vec<f64>,
    stray_share: Vec<f64>,
}

impl Shifts {
    fn new(cut: &Subdivision, wide: Vec<Coord<f64>>, reach_m: &[f64]) -> Self {
        let narrow = cut.vertices.iter().map(|&at| narrow_shift(cut.seed, at)).collect();
        let stray = cut.vertices.iter().zip(reach_m).map(|(&at, &reach_m)| stray_shift(cut.seed, at, reach_m)).collect();
        let whole = vec![1.0; wide.len()];
        Self { wide, narrow, stray, narrow_share: whole.clone(), stray_share: whole }
    }

    fn place(&self, vertex: u32) -> Coord<f64> {
        let at = vertex as usize;
        let (narrow_share, stray_share) = (self.narrow_share[at], self.stray_share[at]);
        Coord {
            x: self.wide[at].x + self.narrow[at].x * narrow_share + self.stray[at].x * stray_share,
            y: self.wide[at].y + self.narrow[at].y * narrow_share + self.stray[at].y * stray_share,
        }
    }

    fn is_fanned(&self, ring: &[u32]) -> bool {
        let corners: Vec<Coord<f64>> = ring.iter().map(|&vertex| self.place(vertex)).collect();
        is_seen_from(&corners, area_and_centre(&corners).1)
    }

    fn halve_stray(&mut self, torn: &[u32]) {
        for &vertex in torn {
            self.stray_share[vertex as usize] *= 0.5;
        }
    }

    /// Halves the narrow bends of some vertices, and fades them around: where faces are small, a bend that ended at a vertex would
    /// tear its neighbours.
    fn halve_narrow(&mut self, torn: &[u32], cut: &Subdivision, rings: &[Vec<u32>]) {
        let mut beside: Vec<Vec<u32>> = vec![Vec::new(); cut.vertices.len()];
        for (from, to) in rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1))) {
            beside[*from as usize].push(*to);
            beside[*to as usize].push(*from);
        }
        for &vertex in torn {
            self.narrow_share[vertex as usize] *= 0.5;
        }
        let shift_m_max = NARROW_WAVELENGTHS_M.iter().sum::<f64>() * STRENGTH;
        let mut changed = VecDeque::from(torn.to_vec());
        while let Some(vertex) = changed.pop_front() {
            for &next in &beside[vertex as usize] {
                let (here, there) = (cut.vertices[vertex as usize], cut.vertices[next as usize]);
                let length_m = ((there.x - here.x) * (there.x - here.x) + (there.y - here.y) * (there.y - here.y)).sqrt();
                let share_max = self.narrow_share[vertex as usize] + FADE_SLOPE * length_m / shift_m_max;
                if self.narrow_share[next as usize] > share_max {
                    self.narrow_share[next as usize] = share_max;
                    changed.push_back(next);
                }
            }
        }
    }
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

fn narrow_shift(seed: u64, at: Coord<f64>) -> Coord<f64> {
    bends(seed, 40, at, &NARROW_WAVELENGTHS_M, hilliness(at))
}

/// Each junction strays a little by itself, as crossings do that no plan has straightened.
fn stray_shift(seed: u64, at: Coord<f64>, reach_m: f64) -> Coord<f64> {
    let key = at.x.to_bits() ^ at.y.to_bits().rotate_left(29);
    let stray_m = 0.16 * hilliness(at) * reach_m;
    let stray = |axis: u64| stray_m * noise::signed(noise::hash(seed, 60 + axis), key);
    Coord { x: stray(0), y: stray(1) }
}

/// Streets of towns are straight.
fn hilliness(at: Coord<f64>) -> f64 {
    1.0 - 0.85 * terrain::urbanity(at)
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
