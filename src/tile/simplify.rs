use std::cmp::Reverse;
use std::collections::BinaryHeap;

use geo_types::Coord;
use rayon::prelude::*;
use robust::orient2d;

use super::address::{ZOOM_MAX, grid_size};
use super::clip::GridRect;
use super::packed::{PackedIndex, RectSet};
use super::to_u32;
use crate::topology::{ArcId, ArcStore, Changes};

/// The arcs in the Mercator square, each vertex with the area up to which it can be left out.
///
/// Ends of arcs, where borders meet, are never left out. All levels share the arcs, so at any zoom a street's
/// border runs exactly along the borders of its grids.
#[derive(Debug)]
pub(super) struct RankedArcs {
    coords: Vec<Coord<f64>>,
    /// In squares of the world's side; infinite where the vertex must stay.
    ranks: Vec<f32>,
    starts: Vec<u32>,
    /// Around each arc, on the grid of [`ZOOM_MAX`].
    boxes: Vec<GridRect>,
}

/// A vertex that may stand in the way of leaving out another: where it is, and its place in the arc where it is the arc's own.
type Obstacle = (Coord<f64>, Option<u32>);

impl RankedArcs {
    /// Ranks the vertices of all arcs, seen through `project`.
    ///
    /// Visvalingam & Whyatt, "Line generalisation by repeated elimination of points" (1993), with one rule more:
    /// a vertex goes only while the triangle it leaves holds no vertex of any other arc, nor of what is left of its
    /// own. So nothing crosses, and nothing changes sides, whatever area is chosen later.
    pub fn build(arcs: &ArcStore, project: &(dyn Fn(Coord<f64>) -> Coord<f64> + Sync)) -> Self {
        let mut this = Self::without_ranks(arcs.len(), arcs.coord_count());
        this.coords = arcs.ids().flat_map(|arc| arcs.coords(arc)).copied().collect();
        this.coords.par_iter_mut().for_each(|c| *c = project(*c));
        for arc in arcs.ids() {
            this.starts.push(this.starts[this.starts.len() - 1] + to_u32(arcs.coords(arc).len()));
        }
        this.boxes = arcs.ids().collect::<Vec<_>>().into_par_iter().map(|arc| box_around(this.coords(arc))).collect();
        let index = PackedIndex::build(this.boxes.len(), |arc| Some(this.boxes[arc as usize]));
        let all: Vec<ArcId> = arcs.ids().collect();
        // In chunks, so that the parts to be joined are few.
        let ranks: Vec<Vec<f32>> = all
            .par_chunks(256)
            .map(|chunk| {
                let near = |arc: &ArcId| index.find(this.boxes[arc.0 as usize], |other| this.boxes[other as usize]);
                chunk.iter().flat_map(|arc| this.rank(*arc, &near(arc))).collect()
            })
            .collect();
        this.ranks = ranks.concat();
        this
    }

    fn without_ranks(arcs: usize, coords: usize) -> Self {
        let mut starts = Vec::with_capacity(arcs + 1);
        starts.push(0);
        Self { coords: Vec::with_capacity(coords), ranks: Vec::new(), starts, boxes: Vec::with_capacity(arcs) }
    }

    /// Makes what [`Self::build`] would make of `arcs`, which differ from those here by `changes`; and says which arcs have other
    /// vertices than before at any zoom.
    ///
    /// What becomes of an arc depends on its own vertices and on others' within the triangles it gives away, which lie in the
    /// rectangle around it. So of the arcs that stay only those are ranked again whose rectangle holds a vertex that came or went.
    pub fn patched(&self, arcs: &ArcStore, changes: &Changes, project: &(dyn Fn(Coord<f64>) -> Coord<f64> + Sync)) -> (Self, Touched) {
        let mut next = Self::without_ranks(arcs.len(), arcs.coord_count());
        next.ranks.reserve(arcs.coord_count());
        let mut is_new = changes.new_arcs.iter().peekable();
        for arc in arcs.ids() {
            if is_new.next_if(|new| **new == arc).is_some() {
                next.coords.extend(arcs.coords(arc).iter().map(|c| project(*c)));
                next.ranks.resize(next.coords.len(), f32::INFINITY);
                next.boxes.push(box_around(&next.coords[next.starts[next.starts.len() - 1] as usize..]));
            } else {
                let range = self.range(arc);
                next.coords.extend_from_slice(&self.coords[range.clone()]);
                next.ranks.extend_from_slice(&self.ranks[range]);
                next.boxes.push(self.boxes[arc.0 as usize]);
            }
            next.starts.push(to_u32(next.coords.len()));
        }
        let came = changes.new_arcs.iter().flat_map(|arc| next.coords(*arc));
        let went = changes.gone_arcs.iter().flat_map(|arc| self.coords(*arc));
        let moved = RectSet::new(came.chain(went).map(|c| box_around(std::slice::from_ref(c))).collect());
        let stay = arcs.ids().filter(|arc| changes.new_arcs.binary_search(arc).is_err());
        let again: Vec<ArcId> = stay.filter(|arc| moved.meets(next.boxes[arc.0 as usize])).collect();
        let ranked: Vec<ArcId> = again.iter().chain(&changes.new_arcs).copied().collect();
        let near = next.near(&ranked);
        let ranks: Vec<Vec<f32>> = ranked.par_iter().zip(&near).map(|(arc, near)| next.rank(*arc, near)).collect();
        let mut touched = Touched { before: changes.gone_arcs.clone(), after: changes.new_arcs.clone() };
        for (at, (arc, ranks)) in ranked.into_iter().zip(ranks).enumerate() {
            let range = next.range(arc);
            if next.ranks[range.clone()] != ranks {
                next.ranks[range].copy_from_slice(&ranks);
                if at < again.len() {
                    touched.before.push(arc);
                    touched.after.push(arc);
                }
            }
        }
        for list in [&mut touched.before, &mut touched.after] {
            list.sort_unstable();
            list.dedup();
        }
        (next, touched)
    }

    /// Returns for each of some arcs all arcs whose rectangle meets its own.
    fn near(&self, arcs: &[ArcId]) -> Vec<Vec<u32>> {
        let mut near = vec![Vec::new(); arcs.len()];
        let wanted: Vec<GridRect> = arcs.iter().map(|arc| self.boxes[arc.0 as usize]).collect();
        let index = PackedIndex::build(wanted.len(), |at| Some(wanted[at as usize]));
        for (arc, rect) in self.boxes.iter().enumerate() {
            for at in index.find(*rect, |at| wanted[at as usize]) {
                near[at as usize].push(to_u32(arc));
            }
        }
        near
    }

    /// Ranks the vertices of an arc, beside the arcs `near` that reach into its rectangle.
    fn rank(&self, arc: ArcId, near: &[u32]) -> Vec<f32> {
        let coords = self.coords(arc);
        if coords.len() < 3 {
            return vec![f32::INFINITY; coords.len()];
        }
        let reach = self.boxes[arc.0 as usize];
        let others = near.iter().filter(|other| **other != arc.0).flat_map(|other| self.coords(ArcId(*other)));
        let others = others.filter(|c| reach.meets(box_around(std::slice::from_ref(*c)))).map(|c| (*c, None));
        let own = coords.iter().enumerate().map(|(at, c)| (*c, Some(to_u32(at))));
        rank_arc(coords, others.chain(own).collect())
    }

    /// Returns the memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        self.coords.capacity() * size_of::<Coord<f64>>()
            + self.ranks.capacity() * size_of::<f32>()
            + self.starts.capacity() * size_of::<u32>()
            + self.boxes.capacity() * size_of::<GridRect>()
    }

    fn range(&self, arc: ArcId) -> std::ops::Range<usize> {
        self.starts[arc.0 as usize] as usize..self.starts[arc.0 as usize + 1] as usize
    }

    fn coords(&self, arc: ArcId) -> &[Coord<f64>] {
        &self.coords[self.range(arc)]
    }

    /// Returns the rectangles around the arcs, on the grid of [`ZOOM_MAX`].
    pub fn boxes(&self) -> &[GridRect] {
        &self.boxes
    }

    /// Returns an arc without the vertices that stand for less than `area`.
    pub fn simplified(&self, arc: ArcId, area: f32) -> impl Iterator<Item = Coord<f64>> {
        let range = self.range(arc);
        let ranks = &self.ranks[range.clone()];
        self.coords[range].iter().zip(ranks).filter(move |(_, rank)| **rank >= area).map(|(c, _)| *c)
    }
}

/// The arcs that differ between two coverages once simplified, each list ordered: by their numbers in the one and in the other.
#[derive(Debug)]
pub(super) struct Touched {
    pub before: Vec<ArcId>,
    pub after: Vec<ArcId>,
}

fn box_around(coords: &[Coord<f64>]) -> GridRect {
    let size = grid_size(ZOOM_MAX);
    #[expect(clippy::cast_possible_truncation, reason = "the grid of the highest zoom has 2^29 units a side")]
    let to_rect = |c: &Coord<f64>| GridRect {
        min: [(c.x * size).floor() as i32, (c.y * size).floor() as i32],
        max: [(c.x * size).ceil() as i32, (c.y * size).ceil() as i32],
    };
    coords.iter().map(to_rect).reduce(GridRect::join).expect("an arc has two vertices")
}

/// The vertices of one arc while they are taken away one by one.
struct Chain<'a> {
    coords: &'a [Coord<f64>],
    before: Vec<u32>,
    after: Vec<u32>,
    gone: Vec<bool>,
}

/// Ranks the vertices of an arc; `obstacles` are its own vertices and all others that may lie in a triangle of it.
fn rank_arc(coords: &[Coord<f64>], mut obstacles: Vec<Obstacle>) -> Vec<f32> {
    obstacles.sort_unstable_by(|a, b| a.0.x.total_cmp(&b.0.x));
    let count = coords.len();
    let mut ranks = vec![f32::INFINITY; count];
    let mut chain = Chain {
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
        if chain.gone[vertex] || chain.entry(at) != Reverse((bits, at)) || chain.is_blocked(at, &obstacles) {
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
    fn is_blocked(&self, at: u32, obstacles: &[Obstacle]) -> bool {
        let corners = self.corners(at);
        let xs = corners.map(|c| c.x);
        let ys = corners.map(|c| c.y);
        let min = |values: [f64; 3]| values.into_iter().fold(f64::INFINITY, f64::min);
        let max = |values: [f64; 3]| values.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = ([min(xs), min(ys)], [max(xs), max(ys)]);
        let first = obstacles.partition_point(|(c, _)| c.x < low[0]);
        obstacles[first..].iter().take_while(|(c, _)| c.x <= high[0]).any(|&(position, own)| {
            let is_left = own.is_none_or(|index| !self.gone[index as usize]);
            let is_beside = low[1] <= position.y && position.y <= high[1];
            is_beside && is_left && !corners.contains(&position) && is_in_triangle(position, corners)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(coords: &[(f64, f64)], others: &[(f64, f64)]) -> Vec<f32> {
        let coords: Vec<Coord<f64>> = coords.iter().map(|&(x, y)| Coord { x, y }).collect();
        let own = coords.iter().enumerate().map(|(at, c)| (*c, Some(to_u32(at))));
        let others = others.iter().map(|&(x, y)| (Coord { x, y }, None));
        rank_arc(&coords, own.chain(others).collect())
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
