//! Cuts the arcs near changed units again. Which arcs these are, and why they suffice, is argued in the module's page.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Unpatched;
use super::plan::LevelPlan;
use crate::topology::arcs::{ArcId, ArcRef, Sides, UnitIndex};
use crate::topology::build::{Cut, Edges, RingEdge, cut_arcs, for_each_ring};
use crate::topology::coverage::ValidCoverage;
use crate::topology::vertices::{Vertices, to_u32};

/// Coordinates of arcs to cut again, above which all shapes are checked: as many as a layer of ten thousand units has, whose check
/// takes a fraction of a second.
const COORDS_MAX: usize = 400_000;

/// What is cut again, over vertices and arcs numbered by themselves.
pub(super) struct Recut {
    /// The arcs of the base that are cut again, ordered.
    pub cut_arcs: Vec<ArcId>,
    /// The vertices of each of `cut_arcs`.
    pub ids: Vec<Vec<u32>>,
    pub edges: Edges,
    pub cut: Cut,
    /// For each of `cut_arcs` its edges, where units are left beside it.
    edges_of: FxHashMap<ArcId, Vec<RingEdge>>,
    /// The rings of the new geometries, by depth and index of the unit.
    new_rings: FxHashMap<(usize, UnitIndex), Vec<NewRing>>,
}

/// Whether a ring is an exterior, and its edges.
pub(super) type NewRing = (bool, Vec<RingEdge>);

/// Collects the arcs that have an open vertex.
struct Collector<'a> {
    base: &'a ValidCoverage,
    vertices: Vertices,
    is_collected: FxHashSet<ArcId>,
    found: Vec<(ArcId, Vec<u32>)>,
    coord_count: usize,
}

/// Cuts everything near the planned changes.
pub(super) fn recut(base: &ValidCoverage, plans: &[LevelPlan]) -> Result<Recut, Unpatched> {
    let mut all = Collector { base, vertices: Vertices::default(), is_collected: FxHashSet::default(), found: Vec::new(), coord_count: 0 };
    for (level, plan) in base.levels.iter().zip(plans) {
        let arcs = plan.gone.iter().flat_map(|unit| level.rings(UnitIndex(*unit))).flatten();
        arcs.for_each(|arc| all.collect(arc.arc()));
    }
    all.check_size()?;
    // No other arc passes through the inner vertices of an arc, so only its ends have to be looked for.
    let mut is_inner = vec![false; all.vertices.coords().len()];
    for (_, ids) in &all.found {
        ids[1..ids.len() - 1].iter().for_each(|id| is_inner[*id as usize] = true);
    }
    let mut edges = Edges::new(base.arcs.depths());
    let mut new_ids = Vec::new();
    for (depth, plan) in plans.iter().enumerate() {
        for begun in plan.reshaped() {
            for_each_ring(&begun.shape.geometry, |is_exterior, line| {
                new_ids.push((depth, begun.index, is_exterior, all.vertices.ids_of(&line.0)));
            });
        }
    }
    let open_count = to_u32(all.vertices.coords().len());
    let is_inner = |id: u32| is_inner.get(id as usize).is_some_and(|inner| *inner);
    let mut sought: Vec<u32> = (0..open_count).filter(|id| !is_inner(*id)).collect();
    let mut is_open: FxHashSet<u32> = (0..open_count).collect();
    while !sought.is_empty() {
        let first_new = all.found.len();
        all.collect_through(&sought);
        all.check_size()?;
        // A closed arc that starts at no junction must not be cut at its start: whether it does shows what else meets there.
        let starts = all.found[first_new..].iter().filter(|(_, ids)| ids.first() == ids.last()).map(|(_, ids)| ids[0]);
        sought = starts.filter(|start| is_open.insert(*start)).collect();
    }
    all.found.sort_unstable_by_key(|(arc, _)| *arc);
    let Collector { vertices, found, .. } = all;
    let mut is_pinned = vec![false; vertices.coords().len()];
    let mut edges_of = FxHashMap::default();
    for (arc, ids) in &found {
        for end in [ids[0], ids[ids.len() - 1]] {
            is_pinned[end as usize] = !is_open.contains(&end);
        }
        let sides: Vec<Sides> = (0..plans.len()).map(|depth| left_over(base.arcs.sides(*arc, depth), &plans[depth])).collect();
        if sides.iter().any(|sides| sides.is_border()) {
            let along = ids.windows(2).map(|ends| edges.add_known(ends[0], ends[1], &sides)).collect();
            edges_of.insert(*arc, along);
        }
    }
    let mut new_rings: FxHashMap<(usize, UnitIndex), Vec<NewRing>> = FxHashMap::default();
    for (depth, unit, is_exterior, ids) in new_ids {
        new_rings.entry((depth, unit)).or_default().push((is_exterior, edges.add_ring(&ids, unit, depth)));
    }
    if edges.has_copies() {
        return Err(Unpatched::Overlap);
    }
    let cut = cut_arcs(vertices.coords(), &edges, |vertex| is_pinned[vertex as usize]);
    let (cut_arcs, ids) = found.into_iter().unzip();
    Ok(Recut { cut_arcs, ids, edges, cut, edges_of, new_rings })
}

/// The units that stay beside an arc, by their new indices.
fn left_over(sides: Sides, plan: &LevelPlan) -> Sides {
    let stays = |unit: Option<UnitIndex>| unit.filter(|unit| !plan.is_gone(*unit)).and_then(|unit| plan.map(unit));
    Sides { left: stays(sides.left), right: stays(sides.right) }
}

impl Collector<'_> {
    fn collect(&mut self, arc: ArcId) {
        if self.is_collected.insert(arc) {
            let coords = self.base.arcs.coords(arc);
            self.coord_count += coords.len();
            self.found.push((arc, coords.iter().map(|c| self.vertices.id_of(*c)).collect()));
        }
    }

    fn check_size(&self) -> Result<(), Unpatched> {
        let is_many = self.coord_count > COORDS_MAX;
        if is_many { Err(Unpatched::TooMany { changed: self.coord_count, max: COORDS_MAX }) } else { Ok(()) }
    }

    /// Collects all arcs that pass through one of some vertices.
    ///
    /// This reads every coordinate of the layer once. A table of bits keeps all but a few of them from being looked up.
    fn collect_through(&mut self, sought: &[u32]) {
        let wanted: FxHashSet<(u64, u64)> = sought.iter().map(|id| bits_of(self.vertices.coord(*id))).collect();
        let mut maybe = vec![0u64; FILTER_BITS / 64];
        for key in &wanted {
            let slot = filter_slot(*key);
            maybe[slot / 64] |= 1 << (slot % 64);
        }
        let store = &self.base.arcs;
        let hits = store.coords.iter().enumerate().filter(|(_, c)| {
            let key = bits_of(**c);
            let slot = filter_slot(key);
            maybe[slot / 64] >> (slot % 64) & 1 == 1 && wanted.contains(&key)
        });
        let places: Vec<u32> = hits.map(|(place, _)| to_u32(place)).collect();
        for place in places {
            let arc = store.starts.partition_point(|start| *start <= place) - 1;
            self.collect(ArcId(to_u32(arc)));
        }
    }
}

/// 16 KiB, half of a first-level cache: a thousand vertices fill less than a hundredth of it.
const FILTER_BITS: usize = 1 << 17;

fn bits_of(c: geo_types::Coord<f64>) -> (u64, u64) {
    (c.x.to_bits(), c.y.to_bits())
}

fn filter_slot((x, y): (u64, u64)) -> usize {
    // Multiplying by an odd number carries the low bits, in which neighbours differ, to the top.
    let mixed = (x ^ y.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> (64 - FILTER_BITS.ilog2())).expect("the slot has 17 bits")
}

impl Recut {
    /// Returns the edges of an arc of the base that was cut again, as the arc runs.
    pub fn edges_along(&self, arc: ArcRef) -> Option<Vec<RingEdge>> {
        let edges = self.edges_of.get(&arc.arc())?;
        Some(if arc.is_reversed() { edges.iter().rev().map(|edge| edge.flipped()).collect() } else { edges.clone() })
    }

    /// Returns the rings of a new geometry.
    pub fn new_rings(&self, depth: usize, unit: UnitIndex) -> &[NewRing] {
        self.new_rings.get(&(depth, unit)).map_or(&[], Vec::as_slice)
    }
}
