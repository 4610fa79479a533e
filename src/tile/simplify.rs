use std::cmp::Reverse;
use std::collections::BinaryHeap;

use geo_types::Coord;
use rayon::prelude::*;
use robust::orient2d;
use rstar::primitives::GeomWithData;
use rstar::{AABB, RTree};

use crate::topology::{ArcId, ArcStore};

/// The arcs in the Mercator square, each vertex with the area up to which it can be left out.
///
/// Ends of arcs, where borders meet, are never left out. All levels share the arcs, so at any zoom a street's
/// border runs exactly along the borders of its grids.
#[derive(Debug)]
pub(super) struct RankedArcs {
    coords: Vec<Coord<f64>>,
    /// In squares of the world's side; infinite where the vertex must stay.
    ranks: Vec<f32>,
    starts: Vec<usize>,
}

/// A vertex of an arc: its place in the arc, and the arc.
type IndexedVertex = GeomWithData<[f64; 2], (u32, u32)>;

impl RankedArcs {
    /// Ranks the vertices of all arcs, seen through `project`.
    ///
    /// Visvalingam & Whyatt, "Line generalisation by repeated elimination of points" (1993), with one rule more:
    /// a vertex goes only while the triangle it leaves holds no vertex of any other arc, nor of what is left of its
    /// own. So nothing crosses, and nothing changes sides, whatever area is chosen later.
    pub fn build(arcs: &ArcStore, project: &(dyn Fn(Coord<f64>) -> Coord<f64> + Sync)) -> Self {
        let mut coords = Vec::with_capacity(arcs.coord_count());
        let mut starts = vec![0];
        for arc in arcs.ids() {
            coords.extend(arcs.coords(arc).iter().map(|c| project(*c)));
            starts.push(coords.len());
        }
        let mut this = Self { ranks: Vec::new(), coords, starts };
        let vertices = this.index_vertices();
        this.ranks = (0..arcs.len()).into_par_iter().flat_map_iter(|arc| rank_arc(arc, this.arc(arc), &vertices)).collect();
        this
    }

    /// Returns the memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        self.coords.capacity() * size_of::<Coord<f64>>()
            + self.ranks.capacity() * size_of::<f32>()
            + self.starts.capacity() * size_of::<usize>()
    }

    fn arc(&self, arc: usize) -> &[Coord<f64>] {
        &self.coords[self.starts[arc]..self.starts[arc + 1]]
    }

    fn index_vertices(&self) -> RTree<IndexedVertex> {
        let vertices = (0..self.starts.len() - 1)
            .flat_map(|arc| self.arc(arc).iter().enumerate().map(move |(at, c)| GeomWithData::new([c.x, c.y], (to_u32(at), to_u32(arc)))));
        RTree::bulk_load(vertices.collect())
    }

    /// Returns an arc without the vertices that stand for less than `area`.
    pub fn simplified(&self, arc: ArcId, area: f32) -> impl Iterator<Item = Coord<f64>> {
        let range = self.starts[arc.0 as usize]..self.starts[arc.0 as usize + 1];
        let ranks = &self.ranks[range.clone()];
        self.coords[range].iter().zip(ranks).filter(move |(_, rank)| **rank >= area).map(|(c, _)| *c)
    }
}

/// The vertices of one arc while they are taken away one by one.
struct Chain<'a> {
    arc: u32,
    coords: &'a [Coord<f64>],
    before: Vec<u32>,
    after: Vec<u32>,
    gone: Vec<bool>,
}

fn rank_arc(arc: usize, coords: &[Coord<f64>], vertices: &RTree<IndexedVertex>) -> Vec<f32> {
    let count = coords.len();
    let mut ranks = vec![f32::INFINITY; count];
    let mut chain = Chain {
        arc: to_u32(arc),
        coords,
        before: (0..count).map(|at| to_u32(at.saturating_sub(1))).collect(),
        after: (0..count).map(|at| to_u32((at + 1).min(count - 1))).collect(),
        gone: vec![false; count],
    };
    // Areas are not negative, so their bits are in the order of their values.
    let mut queue: BinaryHeap<Reverse<(u64, u32)>> = (1..to_u32(count).saturating_sub(1)).map(|at| chain.entry(at)).collect();
    let mut reached = 0.0_f64;
    while let Some(Reverse((bits, at))) = queue.pop() {
        let vertex = at as usize;
        if chain.gone[vertex] || chain.entry(at) != Reverse((bits, at)) || chain.is_blocked(at, vertices) {
            continue;
        }
        reached = reached.max(f64::from_bits(bits));
        #[expect(clippy::cast_possible_truncation, reason = "a rank is compared, never added; seven digits are enough")]
        let rank = reached as f32;
        ranks[vertex] = rank;
        chain.gone[vertex] = true;
        let (before, after) = (chain.before[vertex], chain.after[vertex]);
        chain.after[before as usize] = after;
        chain.before[after as usize] = before;
        for neighbour in [before, after] {
            if neighbour != 0 && neighbour as usize != count - 1 {
                queue.push(chain.entry(neighbour));
            }
        }
    }
    ranks
}

impl Chain<'_> {
    fn corners(&self, at: u32) -> [Coord<f64>; 3] {
        [self.before[at as usize], at, self.after[at as usize]].map(|vertex| self.coords[vertex as usize])
    }

    fn entry(&self, at: u32) -> Reverse<(u64, u32)> {
        let [a, b, c] = self.corners(at);
        let doubled = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        Reverse(((doubled / 2.0).abs().to_bits(), at))
    }

    /// Says whether another vertex lies in the triangle that would be given away, its rim included.
    fn is_blocked(&self, at: u32, vertices: &RTree<IndexedVertex>) -> bool {
        let corners = self.corners(at);
        let xs = corners.map(|c| c.x);
        let ys = corners.map(|c| c.y);
        let min = |values: [f64; 3]| values.into_iter().fold(f64::INFINITY, f64::min);
        let max = |values: [f64; 3]| values.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let around = AABB::from_corners([min(xs), min(ys)], [max(xs), max(ys)]);
        vertices.locate_in_envelope_intersecting(around).any(|vertex| {
            let (index, arc) = vertex.data;
            let own = arc == self.arc;
            let position = Coord { x: vertex.geom()[0], y: vertex.geom()[1] };
            let is_left = !own || !self.gone[index as usize];
            is_left && !corners.contains(&position) && is_in_triangle(position, corners)
        })
    }
}

fn is_in_triangle(position: Coord<f64>, [a, b, c]: [Coord<f64>; 3]) -> bool {
    let turn = |from: Coord<f64>, to: Coord<f64>| {
        let [from, to, position] = [from, to, position].map(|c| robust::Coord { x: c.x, y: c.y });
        orient2d(from, to, position)
    };
    let turns = [turn(a, b), turn(b, c), turn(c, a)];
    !(turns.iter().any(|t| *t < 0.0) && turns.iter().any(|t| *t > 0.0))
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).expect("arcs and their vertices are counted in 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(coords: &[(f64, f64)], others: &[(f64, f64)]) -> Vec<f32> {
        let coords: Vec<Coord<f64>> = coords.iter().map(|&(x, y)| Coord { x, y }).collect();
        let own = coords.iter().enumerate().map(|(at, c)| GeomWithData::new([c.x, c.y], (to_u32(at), 0)));
        let others = others.iter().enumerate().map(|(at, c)| GeomWithData::new([c.0, c.1], (to_u32(at), 1)));
        rank_arc(0, &coords, &RTree::bulk_load(own.chain(others).collect()))
    }

    #[test]
    fn ends_stay_and_small_bends_go_first() {
        let ranks = rank(&[(0.0, 0.0), (1.0, 0.1), (2.0, 0.0), (3.0, 2.0), (4.0, 0.0)], &[]);
        assert!(ranks[0].is_infinite() && ranks[4].is_infinite());
        assert!(ranks[1] < ranks[2] && ranks[2] <= ranks[3], "{ranks:?}");
    }

    #[test]
    fn a_bend_around_another_border_stays() {
        let bend = [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)];
        assert!(rank(&bend, &[])[1].is_finite());
        assert!(rank(&bend, &[(1.0, 0.5)])[1].is_infinite());
        assert!(rank(&bend, &[(1.0, 0.0)])[1].is_infinite(), "also where it would be touched");
        assert!(rank(&bend, &[(1.0, -0.1)])[1].is_finite());
    }
}
