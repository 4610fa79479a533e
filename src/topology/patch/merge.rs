//! Puts the arcs that were cut again and the units that begin between what stays, which is copied in runs.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::{Begun, LevelPlan};
use super::recut::Recut;
use super::{Changes, LevelChanges};
use crate::boundary::{Unit, UnitCode};
use crate::topology::arcs::{ArcId, ArcRef, ArcStore, Sides, UnitIndex};
use crate::topology::build::{RingEdge, start_lowest};
use crate::topology::coverage::{CoverageLevel, ValidCoverage};
use crate::topology::vertices::to_u32;

/// Which arc gets which number. An arc that stays keeps its own; new ones take those that are free, so that who refers to arcs has
/// little to correct.
pub(super) struct Numbering {
    /// The number of each arc that was cut again.
    number_of: Vec<ArcId>,
    /// Arcs of the base from the end of the list that fill numbers left over, with their new ones.
    moved: FxHashMap<ArcId, ArcId>,
    count: usize,
    gone: Vec<ArcId>,
    new: Vec<ArcId>,
}

/// Numbers the arcs of the next coverage.
pub(super) fn number_arcs(base: &ValidCoverage, recut: &Recut, plans: &[LevelPlan]) -> Numbering {
    let cut = &recut.cut.arcs;
    // No two arcs start with the same edge.
    let start_of = |coords: &[geo_types::Coord<f64>]| [coords[0].x, coords[0].y, coords[1].x, coords[1].y].map(f64::to_bits);
    let by_start: FxHashMap<[u64; 4], ArcId> = cut.ids().map(|arc| (start_of(cut.coords(arc)), arc)).collect();
    let mut number_of: Vec<Option<ArcId>> = vec![None; cut.len()];
    let (mut free, mut gone, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for &arc in &recut.cut_arcs {
        let coords = base.arcs.coords(arc);
        let Some(again) = by_start.get(&start_of(coords)).copied().filter(|again| cut.coords(*again) == coords) else {
            free.push(arc);
            gone.push(arc);
            continue;
        };
        number_of[again.0 as usize] = Some(arc);
        let has_same_sides = |(depth, plan): (usize, &LevelPlan)| {
            let stays = |unit: Option<UnitIndex>| unit.map_or(Some(None), |unit| plan.map(unit).map(Some));
            let before = base.arcs.sides(arc, depth);
            let after = cut.sides(again, depth);
            (stays(before.left), stays(before.right)) == (Some(after.left), Some(after.right))
        };
        if !plans.iter().enumerate().all(has_same_sides) {
            gone.push(arc);
            new.push(arc);
        }
    }
    let base_count = to_u32(base.arcs.len());
    let mut count = base_count;
    let mut free = free.into_iter();
    for number in number_of.iter_mut().filter(|number| number.is_none()) {
        let taken = free.next().unwrap_or_else(|| {
            count += 1;
            ArcId(count - 1)
        });
        *number = Some(taken);
        new.push(taken);
    }
    let mut number_of: Vec<ArcId> = number_of.into_iter().map(|number| number.expect("every arc got a number")).collect();
    // What is free now is filled from the end of the list, so that it has no holes.
    let left_over: FxHashSet<ArcId> = free.collect();
    count -= to_u32(left_over.len());
    let mut holes: Vec<ArcId> = left_over.iter().copied().filter(|hole| hole.0 < count).collect();
    holes.sort_unstable();
    let at_end: FxHashMap<ArcId, usize> =
        number_of.iter().enumerate().filter(|(_, number)| number.0 >= count).map(|(at, number)| (*number, at)).collect();
    let mut moved = FxHashMap::default();
    let movers = (count..base_count).map(ArcId).filter(|arc| !left_over.contains(arc));
    for (from, to) in movers.zip(holes) {
        match at_end.get(&from) {
            Some(&at) => number_of[at] = to,
            None => {
                moved.insert(from, to);
            }
        }
        gone.push(from);
        new.push(to);
    }
    new.retain(|arc| arc.0 < count);
    for list in [&mut gone, &mut new] {
        list.sort_unstable();
        list.dedup();
    }
    Numbering { number_of, moved, count: count as usize, gone, new }
}

/// Makes the arcs of the next coverage.
pub(super) fn merge_arcs(base: &ValidCoverage, recut: &Recut, numbering: &Numbering, plans: &[LevelPlan]) -> ArcStore {
    enum Source {
        Base(ArcId),
        Cut(ArcId),
    }
    let (store, cut) = (&*base.arcs, &recut.cut.arcs);
    let mut others: Vec<(ArcId, Source)> = numbering.moved.iter().map(|(from, to)| (*to, Source::Base(*from))).collect();
    others.extend(cut.ids().map(|arc| (numbering.number_of[arc.0 as usize], Source::Cut(arc))));
    others.sort_unstable_by_key(|(number, _)| *number);
    let mut merged = ArcStore {
        coords: Vec::with_capacity(store.coords.len() + cut.coords.len()),
        starts: Vec::with_capacity(numbering.count + 1),
        sides: Vec::with_capacity(numbering.count * store.depths),
        depths: store.depths,
    };
    merged.starts.push(0);
    let mut next = 0;
    for (number, source) in others {
        copy_arcs(&mut merged, store, next..number.0 as usize, plans);
        match source {
            Source::Base(arc) => copy_arcs(&mut merged, store, arc.0 as usize..arc.0 as usize + 1, plans),
            Source::Cut(arc) => {
                let at = arc.0 as usize;
                merged.coords.extend_from_slice(cut.coords(arc));
                merged.starts.push(to_u32(merged.coords.len()));
                merged.sides.extend_from_slice(&cut.sides[at * cut.depths..(at + 1) * cut.depths]);
            }
        }
        next = number.0 as usize + 1;
    }
    copy_arcs(&mut merged, store, next..numbering.count, plans);
    merged
}

/// Copies a run of arcs whose units all stay.
fn copy_arcs(to: &mut ArcStore, from: &ArcStore, arcs: std::ops::Range<usize>, plans: &[LevelPlan]) {
    if arcs.is_empty() {
        return;
    }
    let (first, last) = (from.starts[arcs.start], from.starts[arcs.end]);
    let at = to_u32(to.coords.len());
    to.coords.extend_from_slice(&from.coords[first as usize..last as usize]);
    to.starts.extend(from.starts[arcs.start + 1..=arcs.end].iter().map(|start| start - first + at));
    let sides = &from.sides[arcs.start * from.depths..arcs.end * from.depths];
    if plans.iter().any(LevelPlan::is_renumbered) {
        let map = |(sides, plan): (&Sides, &LevelPlan)| {
            let map = |unit: Option<UnitIndex>| unit.and_then(|unit| plan.map(unit));
            Sides { left: map(sides.left), right: map(sides.right) }
        };
        to.sides.extend(sides.iter().zip(plans.iter().cycle()).map(map));
    } else {
        to.sides.extend_from_slice(sides);
    }
}

/// Says what is new, for those who keep something of their own about arcs and units.
pub(super) fn list_changes(numbering: &Numbering, plans: &[LevelPlan], base: &ValidCoverage, is_rim_changed: &[bool]) -> Changes {
    let level = |((plan, level), is_rim_changed): ((&LevelPlan, &CoverageLevel), &bool)| LevelChanges {
        renumbered: plan.is_renumbered().then(|| level.indices().map(|unit| plan.map(unit)).collect()),
        gone: plan.gone.iter().map(|unit| UnitIndex(*unit)).collect(),
        new: plan.reshaped().map(|begun| begun.index).collect(),
        is_rim_changed: *is_rim_changed,
    };
    let levels = plans.iter().zip(&base.levels).zip(is_rim_changed).map(level).collect();
    Changes { gone_arcs: numbering.gone.clone(), new_arcs: numbering.new.clone(), levels }
}

/// Where new rings come from.
#[derive(Clone, Copy)]
pub(super) struct RingSource<'a> {
    pub recut: &'a Recut,
    pub numbering: &'a Numbering,
    pub arcs: &'a ArcStore,
}

impl RingSource<'_> {
    /// Returns the units of a level that stay in shape but have other arcs than before, or the same under other numbers.
    fn touched(self, base: &ValidCoverage, depth: usize, plan: &LevelPlan) -> FxHashSet<u32> {
        let sides = self.numbering.gone.iter().map(|arc| base.arcs.sides(*arc, depth));
        sides.flat_map(|sides| [sides.left, sides.right]).flatten().filter(|unit| !plan.is_gone(*unit)).map(|unit| unit.0).collect()
    }

    fn new_ring(self, edges: &[RingEdge]) -> Vec<ArcRef> {
        let mut refs = Vec::new();
        self.push_cut(edges, &mut refs);
        start_lowest(&mut refs, |arc| self.arcs.coords(arc));
        refs
    }

    fn ring_again(self, ring: &[ArcRef]) -> Vec<ArcRef> {
        let mut refs = Vec::with_capacity(ring.len());
        for &arc in ring {
            match self.recut.edges_along(arc) {
                Some(edges) => self.push_cut(&edges, &mut refs),
                None => refs.push(ArcRef::new(self.numbering.moved.get(&arc.arc()).copied().unwrap_or(arc.arc()), arc.is_reversed())),
            }
        }
        start_lowest(&mut refs, |arc| self.arcs.coords(arc));
        refs
    }

    fn push_cut(self, edges: &[RingEdge], refs: &mut Vec<ArcRef>) {
        let first = refs.len();
        self.recut.cut.push_refs(edges.iter().copied(), &self.recut.edges, refs);
        for arc in &mut refs[first..] {
            *arc = ArcRef::new(self.numbering.number_of[arc.arc().0 as usize], arc.is_reversed());
        }
    }
}

/// Makes the levels of the next coverage. Without a source of rings no ring is another.
pub(super) fn merge_levels(
    base: &ValidCoverage,
    plans: Vec<LevelPlan>,
    parents: Vec<Vec<Option<UnitIndex>>>,
    rings: Option<RingSource<'_>>,
) -> Vec<CoverageLevel> {
    let levels = base.levels.iter().zip(plans).zip(parents).enumerate();
    levels.map(|(depth, ((level, plan), parents))| merge_level(base, depth, level, plan, parents, rings)).collect()
}

/// A unit that cannot be copied as it is.
enum Special {
    Begun(Box<Begun>),
    /// A unit of the base whose arcs are others.
    Touched(u32),
}

fn merge_level(
    base: &ValidCoverage,
    depth: usize,
    level: &CoverageLevel,
    mut plan: LevelPlan,
    parents: Vec<Option<UnitIndex>>,
    rings: Option<RingSource<'_>>,
) -> CoverageLevel {
    let touched = rings.map(|rings| rings.touched(base, depth, &plan)).unwrap_or_default();
    let index_by_code = index_by_code(level, &plan);
    let mut specials: Vec<(UnitIndex, Special)> = Vec::new();
    for begun in std::mem::take(&mut plan.begun) {
        specials.push((begun.index, Special::Begun(Box::new(begun))));
    }
    let begun_count = specials.len();
    for &unit in &touched {
        let index = plan.map(UnitIndex(unit)).expect("a unit that stays in shape stays");
        if specials[..begun_count].binary_search_by_key(&index, |(index, _)| *index).is_err() {
            specials.push((index, Special::Touched(unit)));
        }
    }
    specials.sort_unstable_by_key(|(index, _)| *index);
    let sources = Sources::new(level, &plan);
    let mut merged = Merged::new(level, plan.count);
    let mut next = 0;
    let again = |unit: u32| rings.filter(|_| touched.contains(&unit)).map(|rings| move |ring: &[ArcRef]| rings.ring_again(ring));
    for (index, special) in specials {
        merged.copy_units(&sources, next..index.0);
        next = index.0 + 1;
        let (unit, before) = match special {
            Special::Touched(before) => (Arc::clone(&level.units[before as usize]), before),
            Special::Begun(begun) if begun.is_reshaped => {
                let rings = rings.expect("a new shape has new rings");
                let new_rings =
                    rings.recut.new_rings(depth, index).iter().map(|(is_exterior, edges)| (*is_exterior, rings.new_ring(edges)));
                merged.add_unit(Arc::new(begun.shape.unit), new_rings);
                continue;
            }
            Special::Begun(begun) => (Arc::new(begun.shape.unit), begun.before.expect("a shape that stays was there")),
        };
        let old_rings = level.polygons(UnitIndex(before)).flat_map(|rings| rings.enumerate().map(|(at, ring)| (at == 0, ring)));
        match again(before) {
            Some(again) => merged.add_unit(unit, old_rings.map(|(is_exterior, ring)| (is_exterior, again(ring)))),
            None => merged.add_unit(unit, old_rings.map(|(is_exterior, ring)| (is_exterior, ring.to_vec()))),
        }
    }
    merged.copy_units(&sources, next..to_u32(plan.count));
    merged.finish(level, parents, index_by_code)
}

fn index_by_code(level: &CoverageLevel, plan: &LevelPlan) -> Arc<FxHashMap<UnitCode, UnitIndex>> {
    if !plan.is_renumbered() {
        return Arc::clone(&level.index_by_code);
    }
    let mut index_by_code = FxHashMap::clone(&level.index_by_code);
    index_by_code.retain(|_, unit| plan.map(*unit).map(|index| *unit = index).is_some());
    index_by_code.extend(plan.begun.iter().map(|begun| (begun.shape.unit.code.clone(), begun.index)));
    Arc::new(index_by_code)
}

/// For each unit of the next coverage that of the base; none where all keep their indices.
struct Sources(Option<Vec<u32>>);

impl Sources {
    fn new(level: &CoverageLevel, plan: &LevelPlan) -> Self {
        Self(plan.is_renumbered().then(|| {
            let mut sources = vec![u32::MAX; plan.count];
            for unit in level.indices() {
                if let Some(index) = plan.map(unit) {
                    sources[index.0 as usize] = unit.0;
                }
            }
            sources
        }))
    }

    fn get(&self, unit: u32) -> u32 {
        self.0.as_ref().map_or(unit, |sources| sources[unit as usize])
    }
}

/// A level that is being put together, unit by unit in the order of codes.
struct Merged<'a> {
    base: &'a CoverageLevel,
    units: Vec<Arc<Unit>>,
    polygons_of: Vec<u32>,
    rings_of: Vec<u32>,
    arcs_of: Vec<u32>,
    arc_refs: Vec<ArcRef>,
}

impl<'a> Merged<'a> {
    fn new(base: &'a CoverageLevel, count: usize) -> Self {
        // Few units are new, and those mostly of one ring; what does not fit makes the list grow.
        let mut merged = Self {
            base,
            units: Vec::with_capacity(count),
            polygons_of: Vec::with_capacity(count + 1),
            rings_of: Vec::with_capacity(base.rings_of.len() + count - base.units.len().min(count)),
            arcs_of: Vec::with_capacity(base.arcs_of.len() + count - base.units.len().min(count)),
            arc_refs: Vec::with_capacity(base.arc_refs.len()),
        };
        merged.polygons_of.push(0);
        merged.arcs_of.push(0);
        merged
    }

    /// Copies units that stay as they are, given by their new indices, in runs that stood side by side in the base too.
    fn copy_units(&mut self, sources: &Sources, units: std::ops::Range<u32>) {
        let mut next = units.start;
        while next < units.end {
            let first = sources.get(next);
            let start = next;
            while next < units.end && sources.get(next) == first + (next - start) {
                next += 1;
            }
            self.copy_run(first as usize..(first + next - start) as usize);
        }
    }

    fn copy_run(&mut self, units: std::ops::Range<usize>) {
        let level = self.base;
        let (p0, p1) = (level.polygons_of[units.start], level.polygons_of[units.end]);
        let (r0, r1) = (level.rings_of[p0 as usize], level.rings_of[p1 as usize]);
        let (f0, f1) = (level.arcs_of[r0 as usize], level.arcs_of[r1 as usize]);
        let (p, r, f) = (to_u32(self.rings_of.len()), to_u32(self.arcs_of.len() - 1), to_u32(self.arc_refs.len()));
        self.polygons_of.extend(level.polygons_of[units.start + 1..=units.end].iter().map(|at| at - p0 + p));
        self.rings_of.extend(level.rings_of[p0 as usize..p1 as usize].iter().map(|at| at - r0 + r));
        self.arcs_of.extend(level.arcs_of[r0 as usize + 1..=r1 as usize].iter().map(|at| at - f0 + f));
        self.arc_refs.extend_from_slice(&level.arc_refs[f0 as usize..f1 as usize]);
        self.units.extend_from_slice(&level.units[units]);
    }

    /// Adds a unit with its rings, each with whether it is an exterior.
    fn add_unit(&mut self, unit: Arc<Unit>, rings: impl Iterator<Item = (bool, Vec<ArcRef>)>) {
        self.units.push(unit);
        for (is_exterior, refs) in rings {
            if is_exterior {
                self.rings_of.push(to_u32(self.arcs_of.len() - 1));
            }
            self.arc_refs.extend(refs);
            self.arcs_of.push(to_u32(self.arc_refs.len()));
        }
        self.polygons_of.push(to_u32(self.rings_of.len()));
    }

    fn finish(
        mut self,
        level: &CoverageLevel,
        parents: Vec<Option<UnitIndex>>,
        index_by_code: Arc<FxHashMap<UnitCode, UnitIndex>>,
    ) -> CoverageLevel {
        self.rings_of.push(to_u32(self.arcs_of.len() - 1));
        CoverageLevel {
            level: level.level.clone(),
            units: self.units,
            parents,
            index_by_code,
            polygons_of: self.polygons_of,
            rings_of: self.rings_of,
            arcs_of: self.arcs_of,
            arc_refs: self.arc_refs,
        }
    }
}
