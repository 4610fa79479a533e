//! Cuts a rectangle into convex faces, closely in town and loosely in the hills.
//!
//! Every cut runs from side to side of one face, as a street does. An edge that a cut ends on is divided for both of its
//! faces at once, because they share it: the faces therefore always meet vertex by vertex.

use std::collections::BinaryHeap;

use geo_types::Coord;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::terrain;

/// A straight piece between two vertices, or what became of it when a cut ended on it.
#[derive(Clone, Copy, Debug)]
struct Edge {
    ends: [u32; 2],
    /// The first of the two pieces it was divided into; the second follows it. Zero for an edge that is whole.
    pieces: u32,
}

/// An edge with the direction in which a face runs along it, the face being on its left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub edge: u32,
    pub reversed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Face {
    sides: Vec<Side>,
    /// Cuts after [`Subdivision::mark_plots`] leave this as it was.
    pub plot: u32,
    pub centre: Coord<f64>,
    pub area_m2: f64,
}

#[derive(Debug)]
pub(super) struct Subdivision {
    pub seed: u64,
    pub vertices: Vec<Coord<f64>>,
    edges: Vec<Edge>,
    pub faces: Vec<Face>,
    rng: ChaCha8Rng,
}

/// The place of a face among those that may be cut, the heaviest first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Turn {
    weight: f64,
    face: u32,
}

impl Eq for Turn {}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.weight.total_cmp(&other.weight).then(other.face.cmp(&self.face))
    }
}

/// Where a cut meets the border of a face.
#[derive(Clone, Copy, Debug)]
enum End {
    /// At the start of this side.
    Vertex(usize),
    /// On this side, at this share of its length.
    Inside(usize, f64),
}

/// A cut that ends nearer than this share of a side to its end is drawn to the end, which makes a crossroads.
const CROSSROADS_SHARE: f64 = 0.27;

/// Both halves keep at least this share of the area of what is cut.
const SMALLEST_SHARE: f64 = 0.28;

impl Subdivision {
    pub(super) fn new(seed: u64, rng: ChaCha8Rng) -> Self {
        let margin_m = 6_000.0;
        let (min, max) = (terrain::BOX_MIN, terrain::BOX_MAX);
        let (west, south, east, north) = (min.x - margin_m, min.y - margin_m, max.x + margin_m, max.y + margin_m);
        let vertices = [(west, south), (east, south), (east, north), (west, north)].map(|(x, y)| Coord { x, y }).to_vec();
        let edges = [[0, 1], [1, 2], [2, 3], [3, 0]].map(|ends| Edge { ends, pieces: 0 }).to_vec();
        let sides = (0..4).map(|edge| Side { edge, reversed: false }).collect();
        let mut all = Self { seed, vertices, edges, faces: Vec::new(), rng };
        let face = all.face(sides, 0);
        all.faces.push(face);
        all
    }

    /// Cuts the heaviest of the faces `among` until `enough` says so; it is told of each face that changed and each that is new.
    pub(super) fn cut_heaviest(&mut self, among: &[u32], mut enough: impl FnMut(&Face, &Face, &Face) -> bool) {
        let mut turns: BinaryHeap<Turn> = among.iter().map(|&face| self.turn(face)).collect();
        while let Some(turn) = turns.pop() {
            let before = self.faces[turn.face as usize].clone();
            let Some(new) = self.cut(turn.face) else { continue };
            turns.push(self.turn(turn.face));
            turns.push(self.turn(new));
            if enough(&before, &self.faces[turn.face as usize], &self.faces[new as usize]) {
                break;
            }
        }
    }

    /// Makes each face a plot of its own; the pieces of later cuts remember it.
    pub(super) fn mark_plots(&mut self) {
        for (plot, face) in (0..).zip(&mut self.faces) {
            face.plot = plot;
        }
    }

    /// Returns the whole edges around a face, counter-clockwise.
    pub(super) fn sides(&self, face: u32) -> Vec<Side> {
        let mut sides = Vec::with_capacity(self.faces[face as usize].sides.len() + 2);
        for &side in &self.faces[face as usize].sides {
            self.push_whole(side, &mut sides);
        }
        sides
    }

    pub(super) fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Returns the two vertices of an edge, as it is stored.
    pub(super) fn ends(&self, edge: u32) -> [u32; 2] {
        self.edges[edge as usize].ends
    }

    /// Returns the vertex at which a face enters a side.
    pub(super) fn start(&self, side: Side) -> u32 {
        self.edges[side.edge as usize].ends[usize::from(side.reversed)]
    }

    fn push_whole(&self, side: Side, sides: &mut Vec<Side>) {
        let pieces = self.edges[side.edge as usize].pieces;
        if pieces == 0 {
            sides.push(side);
            return;
        }
        let in_order = if side.reversed { [pieces + 1, pieces] } else { [pieces, pieces + 1] };
        for edge in in_order {
            self.push_whole(Side { edge, reversed: side.reversed }, sides);
        }
    }

    fn turn(&self, face: u32) -> Turn {
        let Face { centre, area_m2, .. } = self.faces[face as usize];
        // Land well outside the district only has to carry the outline's far side.
        let is_far = terrain::depth_m(self.seed, centre) < -4_000.0;
        let weight = area_m2 * terrain::density(centre) * if is_far { 0.05 } else { 1.0 };
        Turn { weight, face }
    }

    /// Cuts a face in two and returns the new one; none where no cut leaves two fair halves.
    fn cut(&mut self, face: u32) -> Option<u32> {
        let sides = self.sides(face);
        let corners: Vec<Coord<f64>> = sides.iter().map(|&side| self.vertices[self.start(side) as usize]).collect();
        let (from, to) = self.find_cut(face, &corners)?;
        // Dividing a side shifts those after it, so the later end is made first.
        let ((first, first_end), (second, second_end)) = in_ring_order(from, to);
        let mut ring = sides;
        self.make_end(&mut ring, second, second_end);
        let shift = usize::from(matches!(first_end, End::Inside(..)));
        self.make_end(&mut ring, first, first_end);
        let (first, second) = (end_position(first_end), end_position(second_end) + shift);
        let chord = to_u32(self.edges.len());
        self.edges.push(Edge { ends: [self.start(ring[second]), self.start(ring[first])], pieces: 0 });
        let mut one = ring[first..second].to_vec();
        one.push(Side { edge: chord, reversed: false });
        let mut other = ring[second..].to_vec();
        other.extend_from_slice(&ring[..first]);
        other.push(Side { edge: chord, reversed: true });
        let plot = self.faces[face as usize].plot;
        self.faces[face as usize] = self.face(one, plot);
        let new = self.face(other, plot);
        self.faces.push(new);
        Some(to_u32(self.faces.len() - 1))
    }

    /// Finds where to cut: across the longer way, near the middle, along the local streets.
    fn find_cut(&mut self, face: u32, corners: &[Coord<f64>]) -> Option<(End, End)> {
        let Face { centre, area_m2, .. } = self.faces[face as usize];
        let town = terrain::urbanity(centre);
        let heading = terrain::heading(self.seed, centre);
        let across = Coord { x: -heading.y, y: heading.x };
        let extent = |axis: Coord<f64>| {
            let spread = corners.iter().map(|c| c.x * axis.x + c.y * axis.y);
            spread.clone().fold(f64::NEG_INFINITY, f64::max) - spread.fold(f64::INFINITY, f64::min)
        };
        let (long, short) = if extent(heading) >= extent(across) { (heading, across) } else { (across, heading) };
        // In the hills a cut swings freely; among street blocks it keeps to the grid.
        let swing = (0.55 - 0.5 * town) * self.rng.random_range(-1.0..1.0);
        let offset = (0.12 * (1.0 - 0.4 * town)) * self.rng.random_range(-1.0..1.0) * extent(long) / (long.x * long.x + long.y * long.y);
        let through = Coord { x: centre.x + long.x * offset, y: centre.y + long.y * offset };
        let attempts = [(short, swing, through), (short, 0.0, centre), (long, 0.0, centre), (heading, 0.5, centre)];
        attempts.into_iter().find_map(|(along, swing, through)| {
            let direction = Coord { x: along.x - along.y * swing, y: along.y + along.x * swing };
            let cut = find_ends(corners, through, direction)?;
            let share = cut_area_m2(corners, cut) / area_m2;
            (SMALLEST_SHARE..=1.0 - SMALLEST_SHARE).contains(&share).then_some(cut)
        })
    }

    /// Makes sure that a vertex lies where a cut ends.
    fn make_end(&mut self, ring: &mut Vec<Side>, at: usize, end: End) {
        let End::Inside(_, share) = end else { return };
        let side = ring[at];
        let [a, b] = self.edges[side.edge as usize].ends;
        let share = if side.reversed { 1.0 - share } else { share };
        let (from, to) = (self.vertices[a as usize], self.vertices[b as usize]);
        let middle = to_u32(self.vertices.len());
        self.vertices.push(Coord { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
        let pieces = to_u32(self.edges.len());
        self.edges[side.edge as usize].pieces = pieces;
        self.edges.push(Edge { ends: [a, middle], pieces: 0 });
        self.edges.push(Edge { ends: [middle, b], pieces: 0 });
        let in_order = if side.reversed { [pieces + 1, pieces] } else { [pieces, pieces + 1] };
        ring.splice(at..=at, in_order.map(|edge| Side { edge, reversed: side.reversed }));
    }

    fn face(&self, sides: Vec<Side>, plot: u32) -> Face {
        let corners: Vec<Coord<f64>> = sides.iter().map(|&side| self.vertices[self.start(side) as usize]).collect();
        let (area_m2, centre) = area_and_centre(&corners);
        Face { sides, plot, centre, area_m2 }
    }
}

fn end_position(end: End) -> usize {
    match end {
        End::Vertex(at) => at,
        // The vertex that is made stands after the first piece of the side.
        End::Inside(at, _) => at + 1,
    }
}

fn in_ring_order(a: End, b: End) -> ((usize, End), (usize, End)) {
    let side = |end: End| match end {
        End::Vertex(at) | End::Inside(at, _) => at,
    };
    if end_position(a) < end_position(b) { ((side(a), a), (side(b), b)) } else { ((side(b), b), (side(a), a)) }
}

/// Returns the two places where a line crosses the border of a convex face, drawn to a vertex where one is near.
fn find_ends(corners: &[Coord<f64>], through: Coord<f64>, direction: Coord<f64>) -> Option<(End, End)> {
    let side_of = |c: Coord<f64>| direction.x * (c.y - through.y) - direction.y * (c.x - through.x);
    let mut ends = (0..corners.len()).filter_map(|at| {
        let (here, next) = (side_of(corners[at]), side_of(corners[(at + 1) % corners.len()]));
        if (here > 0.0) == (next > 0.0) {
            return None;
        }
        let share = here / (here - next);
        Some(if share < CROSSROADS_SHARE {
            End::Vertex(at)
        } else if share > 1.0 - CROSSROADS_SHARE {
            End::Vertex((at + 1) % corners.len())
        } else {
            End::Inside(at, share)
        })
    });
    let (first, second) = (ends.next()?, ends.next()?);
    let same = matches!((first, second), (End::Vertex(a), End::Vertex(b)) if a == b);
    (!same && ends.next().is_none()).then_some((first, second))
}

/// Returns the area on one side of a cut.
fn cut_area_m2(corners: &[Coord<f64>], (a, b): (End, End)) -> f64 {
    let place = |end: End| match end {
        End::Vertex(at) => corners[at],
        End::Inside(at, share) => {
            let (from, to) = (corners[at], corners[(at + 1) % corners.len()]);
            Coord { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
        }
    };
    let ((_, first), (_, second)) = in_ring_order(a, b);
    let last = match second {
        End::Vertex(at) => at,
        End::Inside(at, _) => at + 1,
    };
    let mut part = vec![place(first)];
    part.extend((end_position(first)..last).filter(|&at| !matches!(first, End::Vertex(v) if v == at)).map(|at| corners[at]));
    part.push(place(second));
    area_and_centre(&part).0
}

/// Returns the area and the centroid of a simple ring, by the shoelace formula about its first corner.
pub(super) fn area_and_centre(corners: &[Coord<f64>]) -> (f64, Coord<f64>) {
    let origin = corners[0];
    let (mut twice_m2, mut x, mut y) = (0.0, 0.0, 0.0);
    for pair in corners[1..].windows(2) {
        let (ax, ay, bx, by) = (pair[0].x - origin.x, pair[0].y - origin.y, pair[1].x - origin.x, pair[1].y - origin.y);
        let cross = ax * by - ay * bx;
        twice_m2 += cross;
        x += cross * (ax + bx);
        y += cross * (ay + by);
    }
    let scale = if twice_m2 == 0.0 { 0.0 } else { 1.0 / (3.0 * twice_m2) };
    (twice_m2 / 2.0, Coord { x: origin.x + x * scale, y: origin.y + y * scale })
}

pub(super) fn to_u32(count: usize) -> u32 {
    u32::try_from(count).expect("a sample has at most GRIDS_MAX faces, and a few edges and vertices for each")
}
