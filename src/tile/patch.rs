//! Makes the tiles of the next coverage from those before, and says which tiles differ.
//!
//! What is drawn at a zoom comes from the arcs alone, and each step looks no further than its own surroundings:
//!
//! * which vertices an arc keeps depends on vertices within its rectangle (`simplify`);
//! * where an arc runs after rounding depends on its own vertices and on the hot squares that its edges pass (`snap`);
//! * a unit's shape depends on the points of its own arcs.
//!
//! So what may differ is: arcs that came or went or keep other vertices; arcs that stay but have an edge that passes a square that is hot
//! in one coverage only; and the units on the sides of both. These are drawn anew, with the hot squares of everything near
//! them, and compared with what was drawn before. Everything else is copied.

use std::sync::{Arc, OnceLock, PoisonError};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::address::TileAddress;
use super::clip::GridRect;
use super::packed::{RectSet, point_rect};
use super::simplify::{RankedArcs, Touched};
use super::snap::{GridPoint, HotSquares, Lines, edge_rect, hot_points, passes, round};
use super::tiles::{LayerTiles, Names, SharedZoom};
use super::words::Words;
use super::zoom::{Runs, Shapes, ZoomGeometry, ZoomPlan, draw_arcs, draw_units};
use crate::topology::{ArcId, Changes, UnitIndex, ValidCoverage};

/// How far beyond its own rectangle a square can be that leads an edge elsewhere, with room for rounding outwards; units of a zoom's grid.
const INFLUENCE: i32 = 3;

/// Which tiles differ between two coverages of a layer.
#[derive(Debug, Default)]
pub struct TileChanges {
    /// For each zoom the parts of its grid in which something is drawn otherwise.
    drawn: Vec<RectSet>,
    /// For each zoom the places of names that came, went or say something else; the finest grid.
    names: Vec<RectSet>,
}

impl TileChanges {
    /// Says whether a tile may have other bytes than before. Where it says no, they are the same.
    pub fn touch(&self, address: TileAddress) -> bool {
        let at = usize::from(address.z());
        self.drawn.get(at).is_some_and(|drawn| drawn.meets(address.reach()))
            || self.names.get(at).is_some_and(|names| names.meets(address.finest()))
    }
}

/// Which unit of one coverage is which of another, at one level.
struct Renumbering {
    /// For each unit after the one before.
    before: Vec<Option<u32>>,
    /// For each unit before the one after.
    after: Vec<Option<u32>>,
}

impl LayerTiles {
    /// Makes the tiles of `coverage`, which was made from these tiles' coverage with `changes`; each tile has the bytes that
    /// [`Self::build`] would give it. Nothing where no tile was made of these yet, so that there is nothing to go on.
    pub fn patched(&self, coverage: Arc<ValidCoverage>, changes: &Changes) -> Option<(Self, TileChanges)> {
        let ranked = self.ranked.get()?;
        let next = self.like(coverage);
        let (next_ranked, touched) = ranked.patched(next.coverage.arcs(), changes, &|c| self.project(c));
        let units: Vec<Renumbering> = (0..self.levels.len()).map(|depth| self.renumbering(&next, depth, changes)).collect();
        let said: Vec<Vec<[Option<u32>; 2]>> =
            (0..self.levels.len()).map(|depth| self.said_otherwise(&next, depth, &units[depth])).collect();
        let moved: Vec<Vec<GridRect>> =
            (0..self.levels.len()).map(|depth| self.patch_names(&next, depth, &units[depth], &said[depth], changes)).collect();

        let kept = self.zooms.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let follow = |z: u8| {
            let plan = self.plan(z);
            let step = Step { before: self, after: &next, ranked: [ranked, &next_ranked], touched: &touched, units: &units, plan: &plan };
            let (geometry, drawn) = match kept.iter().find(|(kept, _)| *kept == z).and_then(|(_, zoom)| zoom.get()) {
                Some(zoom) => {
                    let (geometry, mut drawn) = step.patch(zoom, changes);
                    step.add_said(&said, [zoom, &geometry], &mut drawn);
                    (Some(geometry), drawn)
                }
                None => (None, step.reach(&said)),
            };
            let names = plan.drawn_depths().flat_map(|depth| moved[depth].iter().copied()).collect();
            (geometry, RectSet::new(drawn), RectSet::new(names))
        };
        let followed: Vec<_> = (0..=self.max_zoom()).into_par_iter().map(follow).collect();
        let mut tile_changes = TileChanges::default();
        let mut zooms: Vec<(u8, SharedZoom)> = Vec::new();
        for (z, (geometry, drawn, names)) in (0..).zip(followed) {
            zooms.extend(geometry.map(|geometry| (z, Arc::new(OnceLock::from(geometry)))));
            tile_changes.drawn.push(drawn);
            tile_changes.names.push(names);
        }
        // Those used last stay last.
        zooms.sort_by_key(|(z, _)| kept.iter().position(|(kept, _)| kept == z));
        *next.zooms.lock().unwrap_or_else(PoisonError::into_inner) = zooms;
        next.ranked.set(next_ranked).expect("it was made empty");
        Some((next, tile_changes))
    }

    fn renumbering(&self, next: &Self, depth: usize, changes: &Changes) -> Renumbering {
        let count = self.coverage.levels()[depth].units().len();
        let after: Vec<Option<u32>> = match changes.levels.get(depth).and_then(|level| level.renumbered.as_ref()) {
            Some(renumbered) => renumbered.iter().map(|unit| unit.map(|unit| unit.0)).collect(),
            None => (0..super::to_u32(count)).map(Some).collect(),
        };
        let mut before = vec![None; next.coverage.levels()[depth].units().len()];
        for (unit, next) in (0..).zip(&after) {
            if let Some(next) = next {
                before[*next as usize] = Some(unit);
            }
        }
        Renumbering { before, after }
    }

    /// Returns the units that came, went, or whose features say something else, by their indices before and after.
    fn said_otherwise(&self, next: &Self, depth: usize, units: &Renumbering) -> Vec<[Option<u32>; 2]> {
        let (old, new) = (self.coverage.levels()[depth].units(), next.coverage.levels()[depth].units());
        let fields = &self.levels[depth].fields;
        let says_same = |before: usize, after: usize| {
            let (a, b) = (&old[before], &new[after]);
            if self.ids[depth][before] != next.ids[depth][after] {
                return false;
            }
            let words = |unit: &crate::boundary::Unit| {
                let mut words = Words::new();
                words.push(unit, fields);
                words
            };
            Arc::ptr_eq(a, b) || a == b || words(a).is_same(0, &words(b), 0)
        };
        let went = (0..).zip(&units.after).filter(|(_, after)| after.is_none()).map(|(before, _)| [Some(before), None]);
        let others = (0_u32..).zip(&units.before).filter_map(|(after, before)| match before {
            Some(before) => (!says_same(*before as usize, after as usize)).then_some([Some(*before), Some(after)]),
            None => Some([None, Some(after)]),
        });
        went.chain(others).collect()
    }

    /// Gives `next` the names of a level, and returns the places of those that differ.
    fn patch_names(&self, next: &Self, depth: usize, units: &Renumbering, said: &[[Option<u32>; 2]], changes: &Changes) -> Vec<GridRect> {
        let Some(names) = self.names[depth].get() else { return Vec::new() };
        let level = &next.coverage.levels()[depth];
        let reshaped: FxHashSet<u32> = changes.levels.get(depth).iter().flat_map(|level| &level.new).map(|unit| unit.0).collect();
        let again: FxHashSet<u32> = said.iter().filter_map(|[_, after]| *after).collect();
        let mut words = Words::new();
        let mut places = Vec::with_capacity(units.before.len());
        for (after, before) in (0..).zip(&units.before) {
            match before.filter(|_| !again.contains(&after)) {
                Some(before) => words.copy(&names.words, before as usize..before as usize + 1),
                None => words.push(level.unit(UnitIndex(after)), &self.levels[depth].fields),
            }
            places.push(match before.filter(|_| !reshaped.contains(&after)) {
                Some(before) => names.places[before as usize],
                None => next.place(depth, UnitIndex(after)),
            });
        }
        let mut moved = Vec::new();
        for [before, after] in said {
            moved.extend(before.map(|unit| names.places[unit as usize]));
            moved.extend(after.map(|unit| places[unit as usize]));
        }
        for &after in &reshaped {
            let before = units.before[after as usize].map(|unit| names.places[unit as usize]);
            if before != Some(places[after as usize]) {
                moved.extend(before);
                moved.push(places[after as usize]);
            }
        }
        next.names[depth].set(Names::new(words, places)).expect("it was made empty");
        moved.into_iter().map(point_rect).collect()
    }
}

/// A border as it is seen.
#[derive(PartialEq, Eq, Hash)]
struct BorderLine<'a> {
    rect: GridRect,
    first: GridPoint,
    run: &'a [u8],
    depth: usize,
    sides: [Option<&'a str>; 2],
}

/// One zoom on its way from one coverage to the next.
struct Step<'a> {
    before: &'a LayerTiles,
    after: &'a LayerTiles,
    ranked: [&'a RankedArcs; 2],
    touched: &'a Touched,
    units: &'a [Renumbering],
    plan: &'a ZoomPlan,
}

impl Step<'_> {
    /// Draws what may differ and copies the rest; returns also the rectangles of what does differ.
    fn patch(&self, zoom: &ZoomGeometry, changes: &Changes) -> (ZoomGeometry, Vec<GridRect>) {
        let led = self.led_otherwise();
        let arcs: Vec<ArcId> = self.drawn(&self.after.coverage, &self.touched.after).chain(led.iter().copied()).collect();
        let affected: Vec<Vec<UnitIndex>> = (0..self.units.len()).map(|depth| self.affected_units(depth, &arcs, changes)).collect();
        let mut to_round: FxHashSet<ArcId> = arcs.iter().copied().collect();
        for (depth, units) in affected.iter().enumerate() {
            let level = &self.after.coverage.levels()[depth];
            to_round.extend(units.iter().flat_map(|unit| level.rings(*unit)).flatten().map(|arc| arc.arc()));
        }
        let rounded = self.round(to_round);
        let points = |arc: ArcId| rounded.get(&arc).map(Vec::as_slice).unwrap_or_default();

        let mut differing = Vec::new();
        let levels = zoom.levels.iter().enumerate().map(|(depth, shapes)| {
            let runs = shapes.as_ref()?.runs();
            let again = draw_units(&self.after.coverage.levels()[depth], &affected[depth], &points);
            for (at, unit) in affected[depth].iter().enumerate() {
                let before = self.units[depth].before[unit.0 as usize].map(|unit| unit as usize);
                if before.is_none_or(|before| !runs.is_same(before, &again, at)) {
                    differing.extend(before.and_then(|before| runs.rect(before)));
                    differing.extend(again.rect(at));
                }
            }
            let numbers: Vec<u32> = affected[depth].iter().map(|unit| unit.0).collect();
            let before = &self.units[depth].before;
            Some(Shapes::new(merge(runs, &again, &numbers, before.len(), |unit| before[unit].map(|unit| unit as usize))))
        });
        let levels = levels.collect();
        let borders = zoom.borders.as_ref().map(|shapes| {
            let runs = shapes.runs();
            let led_again = led.clone();
            let mut numbers: Vec<ArcId> = self.touched.after.iter().copied().chain(led).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let again = draw_arcs(numbers.iter().copied(), &points);
            let old_numbers = self.touched.before.iter().chain(&led_again).map(|arc| (*arc, arc.0 as usize));
            let old = self.border_lines(&self.before.coverage, runs, old_numbers);
            let new = self.border_lines(&self.after.coverage, &again, numbers.iter().enumerate().map(|(at, arc)| (*arc, at)));
            differing.extend(old.symmetric_difference(&new).map(|line| line.rect));
            let numbers: Vec<u32> = numbers.into_iter().map(|arc| arc.0).collect();
            Shapes::new(merge(runs, &again, &numbers, self.after.coverage.arcs().len(), Some))
        });
        (ZoomGeometry { levels, borders }, differing)
    }

    /// Returns what is seen of some arcs, without their numbers.
    fn border_lines<'r>(
        &self,
        coverage: &'r ValidCoverage,
        runs: &'r Runs,
        arcs: impl Iterator<Item = (ArcId, usize)>,
    ) -> FxHashSet<BorderLine<'r>> {
        let line = |(arc, at): (ArcId, usize)| {
            let sides = |depth: usize| coverage.arcs().sides(arc, depth);
            let depth = self.plan.drawn_depths().find(|depth| sides(*depth).is_border())?;
            let code = |unit: Option<UnitIndex>| unit.map(|unit| coverage.levels()[depth].unit(unit).code.as_str());
            let sides = [code(sides(depth).left), code(sides(depth).right)];
            Some(BorderLine { rect: runs.rect(at)?, first: runs.first(at), run: runs.run(at), depth, sides })
        };
        arcs.filter_map(line).collect()
    }

    fn drawn<'a>(&'a self, coverage: &'a ValidCoverage, arcs: &'a [ArcId]) -> impl Iterator<Item = ArcId> + 'a {
        arcs.iter().copied().filter(|arc| self.plan.is_drawn(coverage, *arc))
    }

    /// Returns the arcs that keep their vertices but pass a square that is hot in one coverage only.
    fn led_otherwise(&self) -> Vec<ArcId> {
        let hot = |tiles: &LayerTiles, ranked: &RankedArcs, arcs: &[ArcId]| -> FxHashSet<GridPoint> {
            let mut lines = Lines::new();
            self.drawn(&tiles.coverage, arcs).for_each(|arc| lines.push(self.plan.line(ranked, arc)));
            hot_points(&lines).into_iter().collect()
        };
        let before = hot(self.before, self.ranked[0], &self.touched.before);
        let after = hot(self.after, self.ranked[1], &self.touched.after);
        let squares = RectSet::new(before.symmetric_difference(&after).map(|square| point_rect(*square)).collect());
        let passes_one = |arc: &ArcId| {
            let line: Vec<_> = self.plan.line(self.ranked[1], *arc).collect();
            line.windows(2).any(|edge| squares.any(edge_rect(edge[0], edge[1]), |square| passes(edge[0], edge[1], square.min)))
        };
        self.arcs_near(&squares)
            .filter(|arc| self.touched.after.binary_search(arc).is_err() && self.plan.is_drawn(&self.after.coverage, *arc))
            .filter(passes_one)
            .collect()
    }

    /// Returns the arcs of the next coverage whose rectangle, and what may lead them elsewhere, meets some rectangles.
    fn arcs_near(&self, rects: &RectSet) -> impl Iterator<Item = ArcId> {
        let boxes = (0..).zip(self.ranked[1].boxes());
        boxes.filter(|(_, rect)| rects.meets(self.plan.coarsen(**rect).grown(INFLUENCE))).map(|(arc, _)| ArcId(arc))
    }

    /// Returns the units of the next coverage whose shape may differ.
    fn affected_units(&self, depth: usize, arcs: &[ArcId], changes: &Changes) -> Vec<UnitIndex> {
        if !self.plan.is_drawn[depth] {
            return Vec::new();
        }
        let beside = |coverage: &ValidCoverage, arc: ArcId| {
            let sides = coverage.arcs().sides(arc, depth);
            [sides.left, sides.right].into_iter().flatten()
        };
        let after = arcs.iter().flat_map(|arc| beside(&self.after.coverage, *arc));
        let before = self.touched.before.iter().flat_map(|arc| beside(&self.before.coverage, *arc));
        let before = before.filter_map(|unit| self.units[depth].after[unit.0 as usize]).map(UnitIndex);
        let mut units: Vec<UnitIndex> = after.chain(before).chain(changes.levels[depth].new.iter().copied()).collect();
        units.sort_unstable();
        units.dedup();
        units
    }

    /// Rounds some arcs of the next coverage beside all that come near them.
    fn round(&self, arcs: FxHashSet<ArcId>) -> FxHashMap<ArcId, Vec<GridPoint>> {
        let mut arcs: Vec<ArcId> = arcs.into_iter().collect();
        arcs.sort_unstable();
        let ranked = self.ranked[1];
        let rects = arcs.iter().map(|arc| self.plan.coarsen(ranked.boxes()[arc.0 as usize]).grown(INFLUENCE));
        let near = RectSet::new(rects.collect());
        let mut lines = Lines::new();
        let mut surroundings = Lines::new();
        self.arcs_near(&near)
            .filter(|arc| self.plan.is_drawn(&self.after.coverage, *arc))
            .for_each(|arc| surroundings.push(self.plan.line(ranked, arc)));
        arcs.iter().for_each(|arc| lines.push(self.plan.line(ranked, *arc)));
        let rounded = round(&lines, &HotSquares::of(&surroundings));
        arcs.iter().enumerate().map(|(at, arc)| (*arc, rounded.get(at).to_vec())).collect()
    }

    /// Adds the rectangles of units that say something else than before, or that came or went.
    fn add_said(&self, said: &[Vec<[Option<u32>; 2]>], zooms: [&ZoomGeometry; 2], differing: &mut Vec<GridRect>) {
        for depth in self.plan.drawn_depths() {
            for units in &said[depth] {
                for (zoom, unit) in zooms.iter().zip(units) {
                    let shapes = unit.and_then(|unit| zoom.level(depth)?.runs().rect(unit as usize));
                    differing.extend(shapes);
                }
            }
        }
    }

    /// Returns rectangles around all that may differ, where nothing was kept of the zoom with which to compare.
    fn reach(&self, said: &[Vec<[Option<u32>; 2]>]) -> Vec<GridRect> {
        let sides =
            [(&self.before.coverage, self.ranked[0], &self.touched.before), (&self.after.coverage, self.ranked[1], &self.touched.after)];
        let mut seeds = Vec::new();
        for (coverage, ranked, touched) in sides {
            let boxes = self.drawn(coverage, touched).map(|arc| self.plan.coarsen(ranked.boxes()[arc.0 as usize]).grown(INFLUENCE));
            seeds.extend(boxes);
        }
        let near = RectSet::new(seeds);
        let arcs: Vec<ArcId> = self.arcs_near(&near).filter(|arc| self.plan.is_drawn(&self.after.coverage, *arc)).collect();
        let mut rects = Vec::new();
        for depth in self.plan.drawn_depths() {
            let mut add = |tiles: &LayerTiles, ranked: &RankedArcs, unit: UnitIndex| {
                let arcs = tiles.coverage.levels()[depth].rings(unit).flatten();
                let rect = arcs.map(|arc| ranked.boxes()[arc.arc().0 as usize]).reduce(GridRect::join);
                rects.extend(rect.map(|rect| self.plan.coarsen(rect).grown(INFLUENCE)));
            };
            let beside = |coverage: &ValidCoverage, arcs: &[ArcId]| -> FxHashSet<UnitIndex> {
                let sides = arcs.iter().map(|arc| coverage.arcs().sides(*arc, depth));
                sides.flat_map(|sides| [sides.left, sides.right]).flatten().collect()
            };
            for unit in beside(&self.after.coverage, &arcs) {
                add(self.after, self.ranked[1], unit);
            }
            for unit in beside(&self.before.coverage, &self.touched.before) {
                add(self.before, self.ranked[0], unit);
            }
            for [before, after] in &said[depth] {
                before.iter().for_each(|unit| add(self.before, self.ranked[0], UnitIndex(*unit)));
                after.iter().for_each(|unit| add(self.after, self.ranked[1], UnitIndex(*unit)));
            }
        }
        rects
    }
}

/// Puts shapes that were drawn again, under their numbers, between those that are copied; `before` gives these their old numbers.
fn merge(old: &Runs, again: &Runs, numbers: &[u32], count: usize, before: impl Fn(usize) -> Option<usize>) -> Runs {
    let mut merged = Runs::new(old.is_closed());
    merged.reserve(count, old.byte_count() + again.byte_count());
    let mut drawn = numbers.iter().enumerate().peekable();
    let mut at = 0;
    while at < count {
        if let Some((place, _)) = drawn.next_if(|(_, number)| **number as usize == at) {
            merged.copy(again, place..place + 1);
            at += 1;
            continue;
        }
        let Some(first) = before(at) else {
            merged.push_none();
            at += 1;
            continue;
        };
        // As long a run as stood side by side before.
        let end = drawn.peek().map_or(count, |(_, number)| **number as usize).min(count);
        let len = (at..end).zip(first..).take_while(|(at, old)| before(*at) == Some(*old)).count();
        merged.copy(old, first..first + len);
        at += len;
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::super::layers::TileLayers;
    use super::*;
    use crate::boundary::Accepted;
    use crate::topology::town;

    /// Every level from the first zoom on, a property and the sides of borders everywhere.
    const ALL_FROM_0: &str = r#"
        max_zoom = 15
        [borders]
        min_zoom = 0
        sides_min_zoom = 12
        [[level]]
        name = "grid"
        min_zoom = 0
        fields = [{ name = "code", min_zoom = 0 }, { name = "name", min_zoom = 9 }, { name = "parent", min_zoom = 0 }]
    "#;

    /// The tiles that a town meets, which lies north-east of where the equator meets Greenwich, and a rim of one tile.
    fn addresses(z: u8) -> Vec<TileAddress> {
        let middle = if z == 0 { 0 } else { 1 << (z - 1) };
        let side = (0.08 / 360.0 * f64::from(1_u32 << z)).ceil() as u32 + 1;
        let across = (0..=side).flat_map(|x| (0..=side + 1).map(move |y| (x, y)));
        across.filter_map(|(x, y)| TileAddress::new(z, middle + x, (middle + 1).checked_sub(y)?)).collect()
    }

    fn check_chain(seed: u64, description: &TileLayers, zooms: &[u8], counts: &mut [usize; 2]) {
        let gaps = Accepted { gap: true, ..Default::default() };
        let mut town = town::Town::new(seed);
        let mut before = town.shapes();
        let Some(mut coverage) = town::check_all(before.clone(), gaps).coverage.map(Arc::new) else { return };
        let mut tiles = LayerTiles::build(Arc::clone(&coverage), description);
        let all: Vec<TileAddress> = zooms.iter().flat_map(|z| addresses(*z)).collect();
        let mut bytes: Vec<Option<Vec<u8>>> = all.iter().map(|address| tiles.tile(*address).unwrap()).collect();
        for _ in 0..3 {
            town.edit();
            let after = town.shapes();
            let Some(fresh) = town::check_all(after.clone(), gaps).coverage else { return };
            let Ok(patched) = coverage.patched(&town::layer(), town::delta(&before, &after), fresh.accepted()) else { return };
            coverage = Arc::new(patched.coverage);
            let (next, changes) = tiles.patched(Arc::clone(&coverage), &patched.changes).unwrap();
            let expected = LayerTiles::build(Arc::new(fresh), description);
            for (address, old) in all.iter().zip(&mut bytes) {
                let [found, expected] = [&next, &expected].map(|tiles| tiles.tile(*address).unwrap());
                assert!(found == expected, "seed {seed}: {address:?} of the tiles that followed differs from the one made anew");
                if changes.touch(*address) {
                    counts[1] += 1;
                } else {
                    counts[0] += 1;
                    assert!(*old == found, "seed {seed}: {address:?} differs from before though nothing touches it");
                }
                *old = found;
            }
            (tiles, before) = (next, after);
        }
    }

    #[test]
    fn tiles_that_followed_changes_are_those_made_anew_and_the_untouched_stay() {
        let description = TileLayers::parse(ALL_FROM_0).unwrap();
        let mut counts = [0; 2];
        (0..12).for_each(|seed| check_chain(seed, &description, &[5, 9, 11, 12, 13, 14, 15], &mut counts));
        let [untouched, touched] = counts;
        assert!(untouched > 2000 && touched > 500, "{untouched} untouched and {touched} touched tiles");
    }

    #[test]
    fn zooms_that_were_not_kept_are_judged_from_afar() {
        let description = TileLayers::default();
        let mut counts = [0; 2];
        // More zooms than are kept.
        (20..23).for_each(|seed| check_chain(seed, &description, &[0, 3, 5, 7, 9, 10, 11, 12, 13, 14], &mut counts));
        assert!(counts[0] > 100 && counts[1] > 50, "{counts:?}");
    }
}
