use std::sync::Arc;

use geo_types::{Coord, Rect};
use rayon::prelude::*;

use super::ahead::fetch_rings;
use super::aside::Aside;
use super::border::BorderTree;
use super::codes::Codes;
use super::distance::Alternatives;
use super::earth::Observer;
use super::finest::Finest;
use super::holes::Holes;
use super::located::{Located, MaybeUnit, Neighbour, Owner, Status};
use super::raster::{Path, Place};
use super::rtree::UnitTree;
use super::step::Step;
use crate::boundary::Position;
use crate::topology::{Changes, Sides, UnitIndex, ValidCoverage};

/// How the owner of a position is searched. The answers are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Search {
    /// A raster of cells over the finest level, and the tree where it does not tell.
    #[default]
    Raster,
    /// A tree of the units' envelopes.
    Rtree,
}

/// Positions whose owners are found together, and of those how many units' rings are asked for before they are measured: a unit of forty
/// vertices takes a dozen lines of the cache.
const OWNERS_TOGETHER: usize = 1024;
const RINGS_TOGETHER: usize = 32;

/// Answers, for one generation of a layer, which unit of each level a position lies in.
#[derive(Debug)]
pub struct LayerIndex {
    coverage: Arc<ValidCoverage>,
    /// One for each level of the layer, coarse to fine.
    levels: Vec<LevelIndex>,
    /// The raster of the finest level; none where it is not wanted, or the level has no area.
    finest: Aside,
    search: Search,
    path: Path,
}

/// The parts that answer for one level. Those that a change leaves as they are, are shared with the index before it.
#[derive(Debug)]
struct LevelIndex {
    units: Arc<UnitTree>,
    borders: Arc<BorderTree>,
    holes: Arc<Holes>,
    codes: Arc<Codes>,
}

impl LayerIndex {
    /// Builds all parts.
    pub fn build(coverage: Arc<ValidCoverage>, search: Search) -> Self {
        Self::build_aside(coverage, search).finished()
    }

    /// Waits for what is being built aside.
    pub fn finished(self) -> Self {
        self.wait();
        self
    }

    /// Waits for what is being built aside where others hold the index too.
    pub fn wait(&self) {
        self.finest.wait();
    }

    /// Builds all parts but the raster, which follows on a thread of its own: it makes lookups quicker, but what it is built in is time
    /// in which a service could answer.
    pub fn build_aside(coverage: Arc<ValidCoverage>, search: Search) -> Self {
        let level = |depth| LevelIndex {
            units: Arc::new(UnitTree::build(&coverage, depth)),
            borders: Arc::new(BorderTree::build(&coverage, depth)),
            holes: Arc::new(Holes::find(&coverage, depth)),
            codes: Arc::new(Codes::of(&coverage.levels()[depth])),
        };
        let levels: Vec<LevelIndex> = (0..coverage.levels().len()).into_par_iter().map(level).collect();
        let finest = match coverage.finest_depth().filter(|_| search == Search::Raster) {
            Some(depth) => begin_raster(&coverage, depth, &levels),
            None => Aside::ready(None),
        };
        Self { coverage, levels, finest, search, path: Path::detect() }
    }

    /// Looks many positions up with the instructions of `path` rather than with the best that there are.
    ///
    /// # Panics
    /// The machine does not have them, see [`Path::is_here`].
    pub fn with_path(self, path: Path) -> Self {
        assert!(path.is_here(), "this machine has no {}", path.as_str());
        Self { path, ..self }
    }

    /// Makes the index of a coverage that was made from this one's, given what differs between the two. It answers as one built anew
    /// does; each part decides whether it is shared, corrected or built.
    pub fn patched(&self, next: Arc<ValidCoverage>, changes: &Changes) -> Self {
        let step = Step { base: &self.coverage, next: &next, changes };
        let level = |(depth, level): (usize, &LevelIndex)| LevelIndex {
            units: level.units.patched(&step).map_or_else(|| Arc::clone(&level.units), Arc::new),
            borders: level.borders.patched(&step).map_or_else(|| Arc::clone(&level.borders), Arc::new),
            holes: Holes::patched(&step, depth).map_or_else(|| Arc::clone(&level.holes), Arc::new),
            codes: match next.levels()[depth].has_codes_of(&self.coverage.levels()[depth]) {
                true => Arc::clone(&level.codes),
                false => Arc::new(Codes::of(&next.levels()[depth])),
            },
        };
        let levels: Vec<LevelIndex> = self.levels.par_iter().enumerate().map(level).collect();
        let finest = match (next.finest_depth().filter(|_| self.search == Search::Raster), self.finest.wait()) {
            (Some(depth), Some(finest)) => Aside::ready(finest.patched(&step, &levels[depth].units)),
            (Some(depth), None) => begin_raster(&next, depth, &levels),
            (None, _) => Aside::ready(None),
        };
        Self { coverage: next, levels, finest, search: self.search, path: self.path }
    }

    pub fn coverage(&self) -> &Arc<ValidCoverage> {
        &self.coverage
    }

    /// Returns the memory that is held beside the coverage, in bytes; a raster counts when it is built.
    pub fn bytes(&self) -> usize {
        let levels =
            self.levels.iter().map(|level| level.units.bytes() + level.borders.bytes() + level.holes.bytes() + level.codes.bytes());
        levels.sum::<usize>() + self.finest.get().map_or(0, Finest::bytes)
    }

    /// Returns who owns `position` at a depth of the layer, 0 being the coarsest level, by the owner rule:
    ///
    /// * the position is taken as `p + (ε, ε²)`: on a border the unit to the east has it, on a level border the unit to the north;
    /// * where the shifted position lies in no unit but the position itself is on a border, the touching unit of smallest code has it;
    /// * where accepted overlaps give several units, the smallest code has it, status overlap;
    /// * else the status is gap where the level surrounds the position or a coarser unit has it, and outside everywhere else.
    pub fn owner(&self, position: Position, depth: usize) -> Owner {
        match self.place(position, depth) {
            Place::In(unit) | Place::On(unit) => Owner { status: Status::Inside, unit: Some(unit) },
            Place::Free => self.unowned(position, depth),
            Place::Unknown => self.owner_by_tree(position, depth),
        }
    }

    /// Writes the unit that owns each position at a depth: of those that [`Self::owner`] tells, without the status.
    ///
    /// # Panics
    /// There are not as many places to write to as positions.
    pub fn owners(&self, positions: &[Position], depth: usize, owners: &mut [MaybeUnit]) {
        assert_eq!(positions.len(), owners.len(), "each position has a place for its owner");
        let one = |position: Position| MaybeUnit::from(self.unit_at(position, depth));
        match self.finest.get().filter(|finest| finest.depth() == depth) {
            Some(finest) => finest.find_all(self.path, &self.coverage, positions, owners, &one),
            None => positions.iter().zip(owners).for_each(|(position, owner)| *owner = one(*position)),
        }
    }

    /// Returns all that boundaries say about `position` at `depth`, with the other units that lie within `doubt_m` metres, at
    /// most `ALTERNATIVES_MAX` of them.
    pub fn locate(&self, position: Position, depth: usize, doubt_m: f64) -> Located {
        self.located(position, depth, doubt_m, self.owner(position, depth))
    }

    /// Calls `visit` with what [`Self::locate`] returns for each position, and its place among them, in their order. Many together are told
    /// faster than one after another.
    pub fn locate_all(&self, positions: &[Position], depth: usize, doubt_m: f64, mut visit: impl FnMut(usize, Located)) {
        // Where units may overlap, one alone does not tell the status.
        if self.coverage.accepted().overlap {
            positions.iter().enumerate().for_each(|(at, position)| visit(at, self.locate(*position, depth, doubt_m)));
            return;
        }
        let mut owners = vec![MaybeUnit::NONE; positions.len().min(OWNERS_TOGETHER)];
        let mut at = 0;
        for positions in positions.chunks(OWNERS_TOGETHER) {
            let owners = &mut owners[..positions.len()];
            self.owners(positions, depth, owners);
            for (positions, owners) in positions.chunks(RINGS_TOGETHER).zip(owners.chunks(RINGS_TOGETHER)) {
                fetch_rings(&self.coverage, depth, owners);
                for (position, owner) in positions.iter().zip(owners) {
                    let owner = match owner.get() {
                        Some(unit) => Owner { status: Status::Inside, unit: Some(unit) },
                        None => self.owner(*position, depth),
                    };
                    visit(at, self.located(*position, depth, doubt_m, owner));
                    at += 1;
                }
            }
        }
    }

    fn located(&self, position: Position, depth: usize, doubt_m: f64, Owner { status, unit }: Owner) -> Located {
        let mut located = Located {
            status,
            unit,
            // Outside of all units there is no coarser one either.
            path: if status == Status::Outside { Vec::new() } else { self.path(position, depth, unit) },
            distance_to_border_m: None,
            alternatives: Vec::new(),
            nearest: None,
        };
        match unit {
            Some(unit) => {
                let covering = if status == Status::Overlap { self.covering(position, depth) } else { Vec::new() };
                let mut alternatives = Alternatives::new(unit, doubt_m, &covering);
                located.distance_to_border_m = self.measure(position, depth, unit, &mut alternatives);
                located.alternatives = alternatives.into_sorted();
            }
            None => located.nearest = self.nearest(position, depth),
        }
        located
    }

    /// Returns the unit whose border is nearest to a position in no unit, and of several at the same distance that of smallest code.
    pub fn nearest(&self, position: Position, depth: usize) -> Option<Neighbour> {
        if !is_finite(position) {
            return None;
        }
        let mut best: Option<Neighbour> = None;
        let observer = Observer::new(position.into());
        if let Some(nearest) = self.levels[depth].borders.nearest_on_rim(&self.coverage, &observer) {
            return Some(nearest);
        }
        self.levels[depth].borders.for_each_near(
            &self.coverage,
            &observer,
            f64::INFINITY,
            |_| true,
            |distance_m, sides| {
                for unit in [sides.left, sides.right].into_iter().flatten() {
                    if best.is_none_or(|b| (distance_m, unit) < (b.distance_m, b.unit)) {
                        best = Some(Neighbour { unit, distance_m });
                    }
                }
                best.map_or(f64::INFINITY, |b| b.distance_m)
            },
        );
        best
    }

    /// Returns the code of a unit. Where those of many are wanted this is faster than reading the units.
    pub fn code(&self, depth: usize, unit: UnitIndex) -> &str {
        self.levels[depth].codes.code(unit)
    }

    /// Asks memory for the code of a unit that is soon to be read, so that nothing waits for it then.
    pub fn fetch_code(&self, depth: usize, unit: UnitIndex) {
        self.levels[depth].codes.fetch(unit);
    }

    /// Returns the units of a level that have a point in common with a closed box in degrees, in the order of their codes.
    pub fn units_intersecting(&self, depth: usize, window: Rect<f64>) -> Vec<UnitIndex> {
        self.levels[depth].units.units_intersecting(&self.coverage, window)
    }

    /// Returns the units of a level whose envelopes have a point in common with a closed box in degrees, in the order of their codes.
    pub fn units_near(&self, depth: usize, window: Rect<f64>) -> Vec<UnitIndex> {
        let mut units: Vec<UnitIndex> = self.levels[depth].units.units_near(window).collect();
        units.sort_unstable();
        units
    }

    /// The owner, without looking at what surrounds a place that has none.
    fn unit_at(&self, position: Position, depth: usize) -> Option<UnitIndex> {
        match self.place(position, depth) {
            Place::In(unit) | Place::On(unit) => Some(unit),
            Place::Free => None,
            Place::Unknown => self.find_by_tree(position, depth).0,
        }
    }

    /// What the raster says.
    fn place(&self, position: Position, depth: usize) -> Place {
        self.finest.get().map_or(Place::Unknown, |finest| finest.place(&self.coverage, position, depth))
    }

    fn owner_by_tree(&self, position: Position, depth: usize) -> Owner {
        match self.find_by_tree(position, depth) {
            (None, _) => self.unowned(position, depth),
            (unit, count) => Owner { status: if count > 1 { Status::Overlap } else { Status::Inside }, unit },
        }
    }

    fn unowned(&self, position: Position, depth: usize) -> Owner {
        let is_gap = self.levels[depth].holes.surround(position.into()) || (0..depth).any(|above| self.is_held(position, above));
        Owner { status: if is_gap { Status::Gap } else { Status::Outside }, unit: None }
    }

    /// Whether a unit of a level holds the shifted position or touches it: by the rim alone, as units of upper levels have long rings.
    pub(super) fn is_held(&self, position: Position, depth: usize) -> bool {
        let by_rim = self.levels[depth].borders.hold(&self.coverage, position.into());
        by_rim.unwrap_or_else(|| self.find_by_tree(position, depth).0.is_some())
    }

    /// The unit of smallest code that holds the shifted position, or else of those that touch it, and how many hold it.
    fn find_by_tree(&self, position: Position, depth: usize) -> (Option<UnitIndex>, usize) {
        let units = &self.levels[depth].units;
        let (mut first, mut count) = (None, 0);
        units.for_each_owner(&self.coverage, position.into(), &mut |unit| {
            first = Some(first.map_or(unit, |f: UnitIndex| f.min(unit)));
            count += 1;
        });
        (first.or_else(|| units.find_touching(&self.coverage, position.into())), count)
    }

    fn covering(&self, position: Position, depth: usize) -> Vec<UnitIndex> {
        let mut units = Vec::new();
        self.levels[depth].units.for_each_owner(&self.coverage, position.into(), &mut |unit| units.push(unit));
        units
    }

    /// The unit that owns the position at the next coarser level that has one there.
    fn find_coarser(&self, position: Position, depth: usize) -> Option<(usize, UnitIndex)> {
        (0..depth).rev().find_map(|above| Some((above, self.find_by_tree(position, above).0?)))
    }

    /// Returns the units that hold a position, coarse to fine, given the owner at `depth`: upwards by the parents' table, so that
    /// the path never contradicts it, and by position where the table has nothing.
    pub fn path(&self, position: Position, depth: usize, unit: Option<UnitIndex>) -> Vec<(usize, UnitIndex)> {
        let mut path = Vec::new();
        let mut next = unit.map(|unit| (depth, unit)).or_else(|| self.find_coarser(position, depth));
        while let Some((depth, unit)) = next {
            path.push((depth, unit));
            let parent = self.coverage.levels()[depth].parent(unit).map(|parent| (depth - 1, parent));
            next = parent.or_else(|| self.find_coarser(position, depth));
        }
        path.reverse();
        path
    }

    /// Measures the way to the border of `unit`, and collects the units around within the distance of doubt.
    fn measure(&self, position: Position, depth: usize, unit: UnitIndex, alternatives: &mut Alternatives) -> Option<f64> {
        let observer = Observer::new(position.into());
        if let Some(border_m) = self.levels[depth].borders.measure_from_within(&self.coverage, &observer, unit, alternatives) {
            return Some(border_m);
        }
        let mut border_m = f64::INFINITY;
        let is_own = |sides: Sides| sides.left == Some(unit) || sides.right == Some(unit);
        self.levels[depth].borders.for_each_near(
            &self.coverage,
            &observer,
            f64::INFINITY,
            |_| true,
            |distance_m, sides| {
                if is_own(sides) {
                    border_m = border_m.min(distance_m);
                }
                alternatives.add(distance_m, sides);
                border_m.max(alternatives.bound_m())
            },
        );
        border_m.is_finite().then_some(border_m)
    }
}

/// Begins the raster of the level at `depth`.
fn begin_raster(coverage: &Arc<ValidCoverage>, depth: usize, levels: &[LevelIndex]) -> Aside {
    let (coverage, units) = (Arc::clone(coverage), Arc::clone(&levels[depth].units));
    Aside::begin(move || Finest::build(&coverage, depth, &units))
}

fn is_finite(position: Position) -> bool {
    let at = Coord::from(position);
    at.x.is_finite() && at.y.is_finite()
}
