//! Cuts shapes into arcs.
//!
//! Vertices are matched by their exact bits: shapes that are to share a border must already share its
//! vertices, which is what the check and the repair before this step see to.
//!
//! What comes out does not depend on the order in which shapes, rings and edges were met, but for the numbers of arcs: an arc
//! runs from its lower end, a closed one from its lowest vertex, and a ring begins with the lowest start of an arc on it.
//! Lower is further west, of two equally far west further south. So a coverage that was corrected again and again is the
//! same as one made anew, to the bit. Accepted overlaps are the exception: which of two runs along an edge is whose follows
//! the order of codes.

use std::sync::Arc;

use geo::Winding;
use geo_types::{Coord, LineString, MultiPolygon};
use rustc_hash::FxHashMap;

use super::arcs::{ArcId, ArcRef, ArcStore, Sides, UnitIndex};
use super::coverage::{CoverageLevel, ValidCoverage};
use super::vertices::{Vertices, to_u32};
use crate::boundary::{Accepted, Layer, UnitShape};

/// An edge as a ring runs along it.
#[derive(Clone, Copy)]
pub(super) struct RingEdge {
    edge: u32,
    /// Whether the ring runs from the edge's higher vertex to its lower.
    reversed: bool,
}

impl RingEdge {
    pub(super) fn flipped(self) -> Self {
        Self { edge: self.edge, reversed: !self.reversed }
    }
}

/// The distinct edges of all rings, with the units on both sides at each depth.
pub(super) struct Edges {
    depths: usize,
    ends: Vec<[u32; 2]>,
    sides: Vec<Sides>,
    /// Accepted overlaps may run the same edge twice on the same side; each run is then an edge of its own.
    by_ends: FxHashMap<(u32, u32, u32), u32>,
    has_copies: bool,
}

/// Makes the coverage of shapes that share borders vertex by vertex. `shapes` has one list for each level of `layer`.
pub(super) fn assemble(layer: &Layer, mut shapes: Vec<Vec<UnitShape>>, accepted: Accepted) -> ValidCoverage {
    debug_assert_eq!(shapes.len(), layer.levels.len());
    let depths = shapes.len();
    let mut vertices = Vertices::default();
    let mut edges = Edges::new(depths);
    let mut rings: Vec<Vec<RingEdge>> = Vec::new();
    let mut levels: Vec<CoverageLevel> = Vec::with_capacity(depths);
    for (depth, level_shapes) in shapes.iter_mut().enumerate() {
        level_shapes.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
        let mut level = empty_level(layer, depth);
        let mut index_by_code = FxHashMap::default();
        for (at, shape) in level_shapes.drain(..).enumerate() {
            let unit = UnitIndex(to_u32(at));
            for_each_ring(&shape.geometry, |exterior, line| {
                if exterior {
                    level.rings_of.push(to_u32(level.arcs_of.len()));
                }
                level.arcs_of.push(to_u32(rings.len()));
                rings.push(edges.add_ring(&vertices.ids_of(&line.0), unit, depth));
            });
            level.polygons_of.push(to_u32(level.rings_of.len()));
            let parent = levels.last().and_then(|above| above.find(shape.unit.parent.as_ref()?));
            level.parents.push(parent);
            index_by_code.insert(shape.unit.code.clone(), unit);
            level.units.push(Arc::new(shape.unit));
        }
        level.rings_of.push(to_u32(level.arcs_of.len()));
        level.index_by_code = Arc::new(index_by_code);
        levels.push(level);
    }
    let cut = cut_arcs(vertices.coords(), &edges, |_| false);
    for level in &mut levels {
        // Until here `arcs_of` held the number of each ring; now it becomes offsets into the references.
        let ring_numbers = std::mem::take(&mut level.arcs_of);
        level.arcs_of.push(0);
        for number in ring_numbers {
            level.arc_refs.extend(cut.ring_refs(&rings[number as usize], &edges));
            level.arcs_of.push(to_u32(level.arc_refs.len()));
        }
    }
    ValidCoverage { layer: layer.clone(), arcs: Arc::new(cut.arcs), levels, accepted }
}

fn empty_level(layer: &Layer, depth: usize) -> CoverageLevel {
    CoverageLevel {
        level: layer.levels[depth].clone(),
        units: Vec::new(),
        parents: Vec::new(),
        index_by_code: Arc::default(),
        polygons_of: vec![0],
        rings_of: Vec::new(),
        arcs_of: Vec::new(),
        arc_refs: Vec::new(),
    }
}

/// Visits the rings with the interior on their left: exteriors counter-clockwise, holes clockwise.
pub(super) fn for_each_ring(geometry: &MultiPolygon<f64>, mut visit: impl FnMut(bool, &LineString<f64>)) {
    for polygon in &geometry.0 {
        let mut exterior = polygon.exterior().clone();
        exterior.make_ccw_winding();
        visit(true, &exterior);
        for hole in polygon.interiors() {
            let mut hole = hole.clone();
            hole.make_cw_winding();
            visit(false, &hole);
        }
    }
}

impl Edges {
    pub(super) fn new(depths: usize) -> Self {
        Self { depths, ends: Vec::new(), sides: Vec::new(), by_ends: FxHashMap::default(), has_copies: false }
    }

    pub(super) fn add_ring(&mut self, ids: &[u32], unit: UnitIndex, depth: usize) -> Vec<RingEdge> {
        (0..ids.len()).map(|at| self.add(ids[at], ids[(at + 1) % ids.len()], unit, depth)).collect()
    }

    fn add(&mut self, from: u32, to: u32, unit: UnitIndex, depth: usize) -> RingEdge {
        let reversed = from > to;
        let (low, high) = if reversed { (to, from) } else { (from, to) };
        for copy in 0.. {
            let edge = *self.by_ends.entry((low, high, copy)).or_insert_with(|| {
                self.ends.push([low, high]);
                self.sides.resize(self.ends.len() * self.depths, Sides::default());
                to_u32(self.ends.len() - 1)
            });
            let sides = &mut self.sides[edge as usize * self.depths + depth];
            let side = if reversed { &mut sides.right } else { &mut sides.left };
            if side.is_none() {
                *side = Some(unit);
                self.has_copies |= copy > 0;
                return RingEdge { edge, reversed };
            }
        }
        unreachable!("a side is free after finitely many copies")
    }

    /// Adds an edge that is known to be new, with the sides of all depths seen from `from` to `to`.
    pub(super) fn add_known(&mut self, from: u32, to: u32, sides: &[Sides]) -> RingEdge {
        let reversed = from > to;
        let edge = to_u32(self.ends.len());
        self.ends.push([from.min(to), from.max(to)]);
        self.sides.extend(sides.iter().map(|s| if reversed { s.reversed() } else { *s }));
        let before = self.by_ends.insert((from.min(to), from.max(to), 0), edge);
        debug_assert!(before.is_none(), "a coverage without overlaps has each edge once");
        RingEdge { edge, reversed }
    }

    /// Whether an edge had to be taken twice, because units overlap along it.
    pub(super) fn has_copies(&self) -> bool {
        self.has_copies
    }

    /// Returns the ends of each edge, the lower number first, and what lies on its sides at each depth.
    pub(super) fn iter(&self) -> impl Iterator<Item = ([u32; 2], &[Sides])> {
        self.ends.iter().copied().zip(self.sides.chunks_exact(self.depths))
    }

    fn sides_along(&self, edge: RingEdge) -> impl Iterator<Item = Sides> {
        let at = edge.edge as usize * self.depths;
        self.sides[at..at + self.depths].iter().map(move |s| if edge.reversed { s.reversed() } else { *s })
    }

    fn start(&self, edge: RingEdge) -> u32 {
        self.ends[edge.edge as usize][usize::from(edge.reversed)]
    }

    fn end(&self, edge: RingEdge) -> u32 {
        self.ends[edge.edge as usize][usize::from(!edge.reversed)]
    }
}

/// The edges at each vertex: how many, and the first two.
struct Stars {
    degree: Vec<u32>,
    first_two: Vec<[u32; 2]>,
}

impl Stars {
    fn new(vertex_count: usize, edges: &Edges, is_pinned: impl Fn(u32) -> bool) -> Self {
        let mut stars = Self { degree: vec![0; vertex_count], first_two: vec![[u32::MAX; 2]; vertex_count] };
        for (edge, ends) in edges.ends.iter().enumerate() {
            for &vertex in ends {
                let degree = &mut stars.degree[vertex as usize];
                if *degree < 2 {
                    stars.first_two[vertex as usize][*degree as usize] = to_u32(edge);
                }
                *degree += 1;
            }
        }
        for vertex in (0..to_u32(vertex_count)).filter(|vertex| is_pinned(*vertex)) {
            stars.degree[vertex as usize] = u32::MAX;
        }
        stars
    }

    /// Returns the one edge that carries the same border on beyond the end of `edge`.
    fn next(&self, edges: &Edges, edge: RingEdge) -> Option<RingEdge> {
        let vertex = edges.end(edge);
        if self.degree[vertex as usize] != 2 {
            return None;
        }
        let [a, b] = self.first_two[vertex as usize];
        let other = if a == edge.edge { b } else { a };
        let next = RingEdge { edge: other, reversed: edges.ends[other as usize][1] == vertex };
        edges.sides_along(edge).eq(edges.sides_along(next)).then_some(next)
    }
}

/// Edges joined into arcs.
pub(super) struct Cut {
    pub arcs: ArcStore,
    /// For each edge its arc, and whether the arc runs from the edge's higher vertex to its lower.
    arc_of_edge: Vec<ArcRef>,
    /// For each vertex whether an arc ends there.
    is_end: Vec<bool>,
}

/// Joins edges into arcs. At pinned vertices arcs end whatever meets there, as where edges that are not given meet there too.
pub(super) fn cut_arcs(coords: &[Coord<f64>], edges: &Edges, is_pinned: impl Fn(u32) -> bool) -> Cut {
    let stars = Stars::new(coords.len(), edges, is_pinned);
    let mut arcs = ArcStore { coords: Vec::new(), starts: vec![0], sides: Vec::new(), depths: edges.depths };
    let mut arc_of_edge: Vec<Option<ArcRef>> = vec![None; edges.ends.len()];
    let mut is_end = vec![false; coords.len()];
    for edge in 0..to_u32(edges.ends.len()) {
        if arc_of_edge[edge as usize].is_some() {
            continue;
        }
        let mut chain = chain_through(coords, edges, &stars, RingEdge { edge, reversed: false });
        // The lower end first; of the two ways around a closed arc the one to the lower second vertex.
        let (first, last) = (chain[0], chain[chain.len() - 1]);
        let key = |vertex: u32| lowness(coords[vertex as usize]);
        if (key(edges.start(first)), key(edges.end(first))) > (key(edges.end(last)), key(edges.start(last))) {
            chain.reverse();
            chain.iter_mut().for_each(|e| e.reversed = !e.reversed);
        }
        let id = ArcId(to_u32(arcs.len()));
        for &e in &chain {
            arcs.coords.push(coords[edges.start(e) as usize]);
            arc_of_edge[e.edge as usize] = Some(ArcRef::new(id, e.reversed));
        }
        let (start, end) = (edges.start(chain[0]), edges.end(chain[chain.len() - 1]));
        arcs.coords.push(coords[end as usize]);
        is_end[start as usize] = true;
        is_end[end as usize] = true;
        arcs.sides.extend(edges.sides_along(chain[0]));
        arcs.starts.push(to_u32(arcs.coords.len()));
    }
    let arc_of_edge = arc_of_edge.into_iter().map(|a| a.expect("every edge was put into an arc")).collect();
    Cut { arcs, arc_of_edge, is_end }
}

fn chain_through(coords: &[Coord<f64>], edges: &Edges, stars: &Stars, seed: RingEdge) -> Vec<RingEdge> {
    let mut chain = vec![seed.flipped()];
    while let Some(next) = stars.next(edges, chain[chain.len() - 1]) {
        if next.edge == seed.edge {
            return rotate_loop(coords, edges, chain);
        }
        chain.push(next);
    }
    chain.reverse();
    chain.iter_mut().for_each(|e| *e = e.flipped());
    while let Some(next) = stars.next(edges, chain[chain.len() - 1]) {
        chain.push(next);
    }
    chain
}

/// Starts a closed chain at its lowest vertex.
fn rotate_loop(coords: &[Coord<f64>], edges: &Edges, mut chain: Vec<RingEdge>) -> Vec<RingEdge> {
    let key = |at: &usize| lowness(coords[edges.start(chain[*at]) as usize]);
    let lowest = (0..chain.len()).min_by(|a, b| key(a).partial_cmp(&key(b)).expect("coordinates are numbers"));
    chain.rotate_left(lowest.expect("a chain has an edge"));
    chain
}

/// What vertices are compared by.
fn lowness(c: Coord<f64>) -> (f64, f64) {
    (c.x, c.y)
}

impl Cut {
    /// Returns the arcs along a ring, from their lowest start on.
    fn ring_refs(&self, ring: &[RingEdge], edges: &Edges) -> Vec<ArcRef> {
        let mut refs = Vec::new();
        self.push_refs(ring.iter().copied(), edges, &mut refs);
        start_lowest(&mut refs, |arc| self.arcs.coords(arc));
        refs
    }

    /// Appends the arcs that start along some edges of a ring.
    pub(super) fn push_refs(&self, along: impl Iterator<Item = RingEdge>, edges: &Edges, refs: &mut Vec<ArcRef>) {
        let starts = along.filter(|edge| self.is_end[edges.start(*edge) as usize]);
        refs.extend(starts.map(|edge| {
            let arc_ref = self.arc_of_edge[edge.edge as usize];
            ArcRef::new(arc_ref.arc(), arc_ref.is_reversed() != edge.reversed)
        }));
    }
}

/// Turns a ring so that it begins with the lowest start of its arcs. Where it passes that vertex more than once, the lower
/// next vertex decides, and no ring leaves a vertex twice along the same edge.
pub(super) fn start_lowest<'a>(ring: &mut [ArcRef], coords: impl Fn(ArcId) -> &'a [Coord<f64>]) {
    let key = |at: &usize| match (coords(ring[*at].arc()), ring[*at].is_reversed()) {
        ([first, second, ..], false) | ([.., second, first], true) => (lowness(*first), lowness(*second)),
        _ => unreachable!("an arc has two vertices"),
    };
    let lowest = (0..ring.len()).min_by(|a, b| key(a).partial_cmp(&key(b)).expect("coordinates are numbers"));
    ring.rotate_left(lowest.expect("every ring meets the end of an arc"));
}
