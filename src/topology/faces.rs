//! Finds the faces of a noded set of edges and how many units cover each.
//!
//! Every edge knows by how much the cover on its left exceeds that on its right. From the outermost face,
//! whose cover a ray to the west counts, the cover of every other follows by crossing edges.

use std::cmp::Ordering;

use geo_types::{Coord, LineString, Polygon};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::noding::{envelope, orientation};
use super::vertices::to_u32;

/// An edge between two nodes that adds `rise` to the cover on its left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wall {
    pub from: u32,
    pub to: u32,
    pub rise: i32,
}

/// The faces between walls.
///
/// A side is numbered `2 * wall` for the left of a wall, `2 * wall + 1` for its right.
#[derive(Debug)]
pub(super) struct Faces<'a> {
    coords: &'a [Coord<f64>],
    walls: &'a [Wall],
    /// The boundary cycle that each side belongs to.
    cycle_of: Vec<u32>,
    /// The first side of each cycle.
    first_of: Vec<u32>,
    next: Vec<u32>,
    cover: Vec<i32>,
    /// Whether the cycle is the outside of a connected set of walls, rather than the rim of a bounded face.
    is_outer: Vec<bool>,
}

/// A bounded face of some cover.
#[derive(Clone, Debug)]
pub(super) struct Face {
    pub cycle: u32,
    pub cover: i32,
    /// With what lies inside it cut out.
    pub polygon: Polygon<f64>,
}

type Boxed = GeomWithData<Rectangle<[f64; 2]>, u32>;

impl<'a> Faces<'a> {
    /// Finds the faces. Walls meet in nodes only, no two join the same nodes, and at every node their rises balance.
    pub fn new(coords: &'a [Coord<f64>], walls: &'a [Wall]) -> Self {
        let stars = sort_stars(coords, walls);
        let next = link_sides(walls, &stars);
        let (cycle_of, first_of) = trace_cycles(&next);
        let mut faces =
            Self { coords, walls, cycle_of, next, cover: vec![i32::MIN; first_of.len()], is_outer: vec![false; first_of.len()], first_of };
        faces.spread_cover(&stars);
        faces
    }

    /// Returns the cover on the left of a wall, as it runs.
    pub fn cover_left(&self, wall: u32) -> i32 {
        self.cover[self.cycle_of[2 * wall as usize] as usize]
    }

    pub fn cover_right(&self, wall: u32) -> i32 {
        self.cover[self.cycle_of[2 * wall as usize + 1] as usize]
    }

    /// Returns the bounded faces whose cover is asked for, in the order of their first walls.
    pub fn bounded(&self, wanted: impl Fn(i32) -> bool) -> Vec<Face> {
        let mut faces: Vec<Face> = (0..self.first_of.len())
            .filter(|&cycle| !self.is_outer[cycle] && wanted(self.cover[cycle]))
            .map(|cycle| {
                let ring = self.ring(to_u32(cycle));
                Face { cycle: to_u32(cycle), cover: self.cover[cycle], polygon: Polygon::new(ring, Vec::new()) }
            })
            .collect();
        self.cut_out_islands(&mut faces);
        faces
    }

    /// Returns the sides along the rim of a face: the wall, and whether the face lies on the right of it.
    pub fn sides(&self, cycle: u32) -> impl Iterator<Item = (u32, bool)> {
        let first = self.first_of[cycle as usize];
        let mut at = Some(first);
        std::iter::from_fn(move || {
            let side = at?;
            at = Some(self.next[side as usize]).filter(|next| *next != first);
            Some((side / 2, side % 2 == 1))
        })
    }

    fn ring(&self, cycle: u32) -> LineString<f64> {
        let mut coords: Vec<Coord<f64>> =
            self.sides(cycle).map(|(wall, right)| self.coords[start_of(self.walls, 2 * wall + u32::from(right)) as usize]).collect();
        coords.push(coords[0]);
        LineString(coords)
    }

    fn spread_cover(&mut self, stars: &Stars) {
        let tree = RTree::bulk_load(
            self.walls
                .iter()
                .enumerate()
                .map(|(at, wall)| GeomWithData::new(Rectangle::from_aabb(envelope(self.ends(wall))), to_u32(at)))
                .collect::<Vec<Boxed>>(),
        );
        for (node, side) in self.westmost_sides(stars) {
            let outer = self.cycle_of[side as usize];
            self.is_outer[outer as usize] = true;
            self.cover[outer as usize] = self.cover_west_of(node, &tree);
            let mut todo = vec![outer];
            while let Some(cycle) = todo.pop() {
                let cover = self.cover[cycle as usize];
                let sides: Vec<(u32, bool)> = self.sides(cycle).collect();
                for (wall, right) in sides {
                    let rise = self.walls[wall as usize].rise;
                    let beyond = self.cycle_of[(2 * wall + u32::from(!right)) as usize];
                    if self.cover[beyond as usize] == i32::MIN {
                        self.cover[beyond as usize] = if right { cover + rise } else { cover - rise };
                        todo.push(beyond);
                    }
                }
            }
        }
    }

    /// Returns for each connected set of walls its westmost node, of several the southmost, and the side there that looks west.
    fn westmost_sides(&self, stars: &Stars) -> Vec<(u32, u32)> {
        let mut sets = Sets::new(self.coords.len());
        for wall in self.walls {
            sets.join(wall.from, wall.to);
        }
        let mut westmost: Vec<u32> = vec![u32::MAX; self.coords.len()];
        for wall in self.walls {
            for node in [wall.from, wall.to] {
                let best = &mut westmost[sets.find(node) as usize];
                if *best == u32::MAX || compare(self.coords[node as usize], self.coords[*best as usize]).is_lt() {
                    *best = node;
                }
            }
        }
        // At that node all walls lead east, counted from south to north; the last has the west on its left.
        westmost
            .into_iter()
            .filter(|node| *node != u32::MAX)
            .map(|node| {
                let from = self.coords[node as usize];
                let north = |a: &u32, b: &u32| {
                    let (a, b) = (self.end_coord(*a), self.end_coord(*b));
                    if orientation(from, a, b) > 0.0 { Ordering::Less } else { Ordering::Greater }
                };
                let side = stars.at(node).iter().copied().max_by(north).expect("a node has walls");
                (node, side)
            })
            .collect()
    }

    /// Counts the cover just west of a node, and a hair to the north, by the walls that a ray to the west crosses.
    fn cover_west_of(&self, node: u32, tree: &RTree<Boxed>) -> i32 {
        let at = self.coords[node as usize];
        let ray = AABB::from_corners([f64::MIN, at.y], [at.x, at.y]);
        let mut cover = 0;
        for boxed in tree.locate_in_envelope_intersecting(ray) {
            let wall = &self.walls[boxed.data as usize];
            let [from, to] = self.ends(wall);
            if wall.from == node || wall.to == node || (from.y <= at.y) == (to.y <= at.y) {
                continue;
            }
            let northward = from.y <= at.y;
            let (low, high) = if northward { (from, to) } else { (to, from) };
            if orientation(low, high, at) < 0.0 {
                cover += if northward { -wall.rise } else { wall.rise };
            }
        }
        cover
    }

    fn cut_out_islands(&self, faces: &mut [Face]) {
        if faces.is_empty() {
            return;
        }
        let boxes = faces.iter().enumerate().map(|(at, face)| {
            use geo::BoundingRect;
            let rect = face.polygon.bounding_rect().expect("a face has corners");
            GeomWithData::new(Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]), to_u32(at))
        });
        let tree: RTree<Boxed> = RTree::bulk_load(boxes.collect());
        for cycle in (0..to_u32(self.first_of.len())).filter(|cycle| self.is_outer[*cycle as usize]) {
            let island = self.ring(cycle);
            let at = island.0[0];
            // Of nested faces the innermost has the same cover as the island's outside, and the smallest box of those that hold it.
            let holder = tree
                .locate_in_envelope_intersecting(AABB::from_point([at.x, at.y]))
                .map(|boxed| boxed.data as usize)
                .filter(|face| faces[*face].cover == self.cover[cycle as usize] && is_inside(at, faces[*face].polygon.exterior()))
                .min_by(|a, b| box_area(&faces[*a].polygon).total_cmp(&box_area(&faces[*b].polygon)));
            if let Some(face) = holder {
                faces[face].polygon.interiors_push(island);
            }
        }
    }

    fn ends(&self, wall: &Wall) -> [Coord<f64>; 2] {
        [self.coords[wall.from as usize], self.coords[wall.to as usize]]
    }

    fn end_coord(&self, side: u32) -> Coord<f64> {
        self.coords[start_of(self.walls, side ^ 1) as usize]
    }
}

fn box_area(polygon: &Polygon<f64>) -> f64 {
    use geo::BoundingRect;
    polygon.bounding_rect().map_or(0.0, |rect| rect.width() * rect.height())
}

/// Whether a place that is not on a closed ring lies inside it, decided exactly.
pub(super) fn is_inside(at: Coord<f64>, ring: &LineString<f64>) -> bool {
    is_within(at, ring.0.windows(2).map(|ends| [ends[0], ends[1]]))
}

/// Whether a place that is on none of the edges of some closed rings lies inside an odd number of them, decided exactly.
pub(super) fn is_within(at: Coord<f64>, edges: impl Iterator<Item = [Coord<f64>; 2]>) -> bool {
    let is_crossed = |[a, b]: &[Coord<f64>; 2]| {
        let (low, high) = if a.y < b.y { (*a, *b) } else { (*b, *a) };
        (a.y <= at.y) != (b.y <= at.y) && orientation(low, high, at) > 0.0
    };
    edges.filter(is_crossed).count() % 2 == 1
}

/// The sides that start at each node, counter-clockwise.
struct Stars {
    starts: Vec<u32>,
    sides: Vec<u32>,
}

impl Stars {
    fn at(&self, node: u32) -> &[u32] {
        &self.sides[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }
}

fn start_of(walls: &[Wall], side: u32) -> u32 {
    let wall = &walls[(side / 2) as usize];
    if side.is_multiple_of(2) { wall.from } else { wall.to }
}

fn sort_stars(coords: &[Coord<f64>], walls: &[Wall]) -> Stars {
    let mut starts = vec![0u32; coords.len() + 1];
    for wall in walls {
        starts[wall.from as usize + 1] += 1;
        starts[wall.to as usize + 1] += 1;
    }
    for node in 1..starts.len() {
        starts[node] += starts[node - 1];
    }
    let mut free = starts.clone();
    let mut sides = vec![0u32; 2 * walls.len()];
    for side in 0..to_u32(2 * walls.len()) {
        let at = &mut free[start_of(walls, side) as usize];
        sides[*at as usize] = side;
        *at += 1;
    }
    for node in 0..coords.len() {
        let from = coords[node];
        sides[starts[node] as usize..starts[node + 1] as usize].sort_by(|a, b| {
            let (a, b) = (coords[start_of(walls, a ^ 1) as usize], coords[start_of(walls, b ^ 1) as usize]);
            let southern = |to: Coord<f64>| to.y < from.y || (to.y == from.y && to.x < from.x);
            southern(a).cmp(&southern(b)).then_with(|| orientation(from, b, a).total_cmp(&0.0))
        });
    }
    Stars { starts, sides }
}

/// Returns for each side the next one along the rim of the face on its left.
fn link_sides(walls: &[Wall], stars: &Stars) -> Vec<u32> {
    let mut next = vec![0u32; 2 * walls.len()];
    for node in 0..stars.starts.len() - 1 {
        let around = stars.at(to_u32(node));
        for (at, &side) in around.iter().enumerate() {
            // Who comes in along `side` leaves along the next one clockwise.
            next[(side ^ 1) as usize] = around[(at + around.len() - 1) % around.len()];
        }
    }
    next
}

fn trace_cycles(next: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut cycle_of = vec![u32::MAX; next.len()];
    let mut first_of = Vec::new();
    for first in 0..next.len() {
        if cycle_of[first] != u32::MAX {
            continue;
        }
        let mut side = first;
        while cycle_of[side] == u32::MAX {
            cycle_of[side] = to_u32(first_of.len());
            side = next[side] as usize;
        }
        first_of.push(to_u32(first));
    }
    (cycle_of, first_of)
}

fn compare(a: Coord<f64>, b: Coord<f64>) -> Ordering {
    a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y))
}

/// Disjoint sets of nodes.
pub(super) struct Sets {
    parent: Vec<u32>,
}

impl Sets {
    pub fn new(count: usize) -> Self {
        Self { parent: (0..to_u32(count)).collect() }
    }

    pub fn find(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = above;
            node = above;
        }
        node
    }

    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a.max(b) as usize] = a.min(b);
    }
}
