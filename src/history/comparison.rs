use geo::BoundingRect;
use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use super::attribution::{Attributor, load_attributor};
use crate::boundary::{Generation, GenerationId, GenerationState, Layer, LayerName, Level, Position, UnitCode, UnitShape};
use crate::dispatch::Roster;
use crate::lineage::{Keeper, Keeping, LevelComparison, Owned, UnitFinder, find_residents_field};
use crate::store::{CaseFilter, Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("cannot read the generations")]
    Store(#[from] StoreError),
    #[error("generation {generation} of layer {layer} no longer passes its check; publish it anew from its source")]
    Invalid { layer: LayerName, generation: GenerationId },
    #[error("generations {from} and {to} of layer {layer} have no level {level}; they have {known}")]
    NoLevel { layer: LayerName, from: GenerationId, to: GenerationId, level: Level, known: String },
    #[error("generation {generation} of layer {layer} is a draft; only published generations are compared")]
    Draft { layer: LayerName, generation: GenerationId },
    #[error("{units} units differ between the generations, more than the {most} that are compared here")]
    TooMany { units: usize, most: usize },
    #[error("more than {most} cases lie in ground that differs, which is as many as are compared here")]
    TooManyCases { most: usize },
}

/// What a comparison is to tell.
#[derive(Clone, Debug)]
pub struct Asked {
    /// None is all levels.
    pub level: Option<Level>,
    /// The field of residents; a usual name where none is named.
    pub residents_field: Option<String>,
    /// Count cases, which is not for the public.
    pub with_cases: bool,
    /// Name keepers, which is not for the public either.
    pub with_keepers: bool,
    /// More units than this that differ, on both sides together, are refused.
    pub units_max: usize,
    /// More cases than this in ground that differs are refused, but for less than a page.
    pub cases_max: usize,
}

/// How one generation of a layer came of another.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub from: Generation,
    pub to: Generation,
    /// Coarse to fine; levels of the old generation that the new one no longer has stand last.
    pub levels: Vec<LevelComparison>,
    /// How many cases lie in the ground that differs, at the finest level; known where they were counted.
    pub cases: Option<usize>,
    /// Whether keepers were asked for.
    pub has_keepers: bool,
}

/// Cases read from the store at a time.
const CASES_PAGE: usize = 10_000;

/// Compares two published generations of a layer, in either direction.
///
/// Only units in which they differ are read and laid over each other. Cases and keepers are of today's store: cases of all times by
/// their positions, keepers by the rosters just before and just when `to` takes effect.
///
/// # Errors
/// A generation that is not there or is a draft, a level that neither has, too many differences, and those of the store.
pub fn compare(
    store: &dyn Store,
    layer: &LayerName,
    from: GenerationId,
    to: GenerationId,
    asked: &Asked,
) -> Result<Comparison, HistoryError> {
    let known = store.load_generations(layer)?;
    let is_draft = |id: &&GenerationId| known.iter().any(|g| g.id == **id && g.state == GenerationState::Draft);
    if let Some(draft) = [from, to].iter().find(is_draft) {
        return Err(HistoryError::Draft { layer: layer.clone(), generation: *draft });
    }
    let after = store.load_changes(layer, from, to)?;
    // What the old one has and the new one has not is what begins on the way back.
    let before = store.load_changes(layer, to, from)?;
    let units: usize = after.begun.iter().chain(&before.begun).map(Vec::len).sum();
    if units > asked.units_max {
        return Err(HistoryError::TooMany { units, most: asked.units_max });
    }
    let counts = store.count_units(layer)?;
    let alike = |level: &Level, begun: usize| {
        let depth = after.layer.depth_of(level);
        let all = depth.and_then(|depth| counts.iter().find(|(id, _)| *id == to)?.1.get(depth).copied());
        all.unwrap_or_default().saturating_sub(begun)
    };
    let may_overlap = after.accepted.overlap || before.accepted.overlap;
    let mut levels = Vec::new();
    for level in levels_of(&after.layer, &before.layer) {
        if asked.level.as_ref().is_some_and(|wanted| wanted != &level) {
            continue;
        }
        let shapes = |layer: &Layer, begun: &[Vec<UnitShape>]| layer.depth_of(&level).map_or_else(Vec::new, |depth| begun[depth].clone());
        let (old, new) = (shapes(&before.layer, &before.begun), shapes(&after.layer, &after.begun));
        let alike = alike(&level, new.len());
        levels.push(LevelComparison::new(level, old, new, alike, may_overlap));
    }
    if let (Some(level), true) = (&asked.level, levels.is_empty()) {
        let known = levels_of(&after.layer, &before.layer).iter().map(Level::as_str).collect::<Vec<_>>().join(", ");
        return Err(HistoryError::NoLevel { layer: layer.clone(), from, to, level: level.clone(), known });
    }
    let mut comparison = Comparison { from: before.generation, to: after.generation, levels, cases: None, has_keepers: asked.with_keepers };
    for level in &mut comparison.levels {
        if let Some(field) = find_residents_field(&level.from, asked.residents_field.as_deref()).map(str::to_owned) {
            level.add_residents(&field);
        }
    }
    if asked.with_cases {
        comparison.cases = Some(add_cases(store, &mut comparison, asked.cases_max)?);
    }
    if asked.with_keepers {
        add_keepers(store, &mut comparison, [&before.layer, &after.layer])?;
    }
    Ok(comparison)
}

fn levels_of(after: &Layer, before: &Layer) -> Vec<Level> {
    let gone = before.levels.iter().filter(|level| after.depth_of(level).is_none());
    after.levels.iter().chain(gone).cloned().collect()
}

/// Counts the cases of each transfer, and returns how many lie in ground that differs.
fn add_cases(store: &dyn Store, comparison: &mut Comparison, cases_max: usize) -> Result<usize, HistoryError> {
    let rects = comparison.levels.iter().flat_map(|level| level.from.iter().chain(&level.to)).filter_map(|s| s.geometry.bounding_rect());
    let around = rects.reduce(|a, b| {
        let (low, high) = (a.min(), a.max());
        geo_types::Rect::new((low.x.min(b.min().x), low.y.min(b.min().y)), (high.x.max(b.max().x), high.y.max(b.max().y)))
    });
    let Some(around) = around else { return Ok(0) };
    let bbox = Some([around.min().x, around.min().y, around.max().x, around.max().y]);
    let mut filter = CaseFilter { bbox, counts: false, ..CaseFilter::first(CASES_PAGE) };
    let mut whole = Whole { store, from: comparison.from.clone(), to: comparison.to.clone(), loaded: [None, None] };
    let finders: Vec<_> = comparison.levels.iter().map(|level| (level, UnitFinder::new(&level.from), UnitFinder::new(&level.to))).collect();
    // Of each case that lies in ground that differs who owned and who owns it, level by level; the others are let go page by page.
    let mut owners: Vec<Vec<(Owned, Owned)>> = vec![Vec::new(); finders.len()];
    loop {
        let page = store.load_cases(&filter)?;
        for (owners, (level, before, after)) in owners.iter_mut().zip(&finders) {
            for case in &page.cases {
                owners.extend(find_owners(level, before, after, case.position, &mut whole)?);
            }
        }
        filter.after = page.cases.last().map(|case| case.id).filter(|_| page.has_more);
        if filter.after.is_none() {
            break;
        }
        let found = owners.iter().map(Vec::len).max().unwrap_or_default();
        if found > cases_max {
            return Err(HistoryError::TooManyCases { most: cases_max });
        }
    }
    drop(finders);
    let finest = owners.last().map_or(0, Vec::len);
    for (level, owners) in comparison.levels.iter_mut().zip(owners) {
        level.add_cases(owners);
    }
    Ok(finest)
}

/// Finds who owned and who owns a position; none where neither is a unit that differs.
fn find_owners(
    level: &LevelComparison,
    before: &UnitFinder<'_>,
    after: &UnitFinder<'_>,
    position: Position,
    whole: &mut Whole<'_>,
) -> Result<Option<(Owned, Owned)>, HistoryError> {
    let mut pair = (before.find(position), after.find(position));
    if pair == (Owned::ByNone, Owned::ByNone) {
        return Ok(None);
    }
    // On a border that only units which are alike in both can decide: rare, and worth reading both generations whole.
    if pair.0 == Owned::Doubtful {
        pair.0 = whole.find(0, &level.level, &level.from, position)?;
    }
    if pair.1 == Owned::Doubtful {
        pair.1 = whole.find(1, &level.level, &level.to, position)?;
    }
    Ok(Some(pair).filter(|pair| *pair != (Owned::ByNone, Owned::ByNone)))
}

/// Both generations whole, each loaded when it is first needed.
struct Whole<'a> {
    store: &'a dyn Store,
    from: Generation,
    to: Generation,
    loaded: [Option<Attributor>; 2],
}

impl Whole<'_> {
    fn find(&mut self, side: usize, level: &Level, shapes: &[UnitShape], position: Position) -> Result<Owned, HistoryError> {
        let generation = if side == 0 { &self.from } else { &self.to };
        let loaded = match self.loaded[side].take() {
            Some(loaded) => loaded,
            None => load_attributor(self.store, &generation.layer, generation.id)?,
        };
        let index = self.loaded[side].insert(loaded).index();
        let Some(depth) = index.coverage().layer().depth_of(level) else { return Ok(Owned::ByNone) };
        let Some(owner) = index.owner(position, depth).unit else { return Ok(Owned::ByNone) };
        let code = &index.coverage().levels()[depth].unit(owner).code;
        // The lists are in the order of codes.
        let found = shapes.binary_search_by(|shape| shape.unit.code.cmp(code));
        Ok(found.map_or(Owned::ByNone, Owned::By))
    }
}

/// Names who answers for each old unit just before `to` takes effect, and for each new one just then.
fn add_keepers(store: &dyn Store, comparison: &mut Comparison, layers: [&Layer; 2]) -> Result<(), HistoryError> {
    /// The store keeps times to the millisecond.
    const JUST_BEFORE: SignedDuration = SignedDuration::from_millis(1);
    let then = comparison.to.effective_from;
    let just_before = then.checked_sub(JUST_BEFORE).unwrap_or(then);
    let roster_at = |at: Timestamp| -> Result<Roster, StoreError> {
        let data = store.load_roster(at)?.data;
        // Who holds a post does not depend on the hour, so the time zone does not matter.
        Ok(Roster::new(data.workers, data.assignments, jiff::tz::TimeZone::UTC))
    };
    let (old_roster, new_roster) = (roster_at(just_before)?, roster_at(then)?);
    let (from, to) = (comparison.from.id, comparison.to.id);
    let mut old_units = Ancestry::new(store, layers[0], from, comparison.levels.iter().flat_map(|level| &level.from));
    let mut new_units = Ancestry::new(store, layers[1], to, comparison.levels.iter().flat_map(|level| &level.to));
    for level in &mut comparison.levels {
        let LevelComparison { level, from, to, transfers, .. } = level;
        for transfer in transfers {
            if let Some(at) = transfer.from {
                transfer.before = Some(find_keeping(&old_roster, old_units.path_of(level, &from[at].unit.code)?, just_before));
            }
            if let Some(at) = transfer.to {
                transfer.after = Some(find_keeping(&new_roster, new_units.path_of(level, &to[at].unit.code)?, then));
            }
        }
    }
    Ok(())
}

/// What is above the units of a generation.
///
/// Units that are alike in both generations are not read. Their parents are those that the layer's scheme gives; where it gives none,
/// the generation is read whole, once.
struct Ancestry<'a> {
    store: &'a dyn Store,
    layer: &'a Layer,
    generation: GenerationId,
    known: Parents,
    is_whole: bool,
}

/// The parent of each unit that is known, none where it has none.
type Parents = FxHashMap<(Level, UnitCode), Option<UnitCode>>;

impl<'a> Ancestry<'a> {
    fn new<'u>(store: &'a dyn Store, layer: &'a Layer, generation: GenerationId, units: impl Iterator<Item = &'u UnitShape>) -> Self {
        Self { store, layer, generation, known: units.map(parent_of).collect(), is_whole: false }
    }

    /// Returns the codes of a unit and of what is above it.
    fn path_of(&mut self, level: &Level, code: &UnitCode) -> Result<Vec<UnitCode>, StoreError> {
        let mut path = vec![code.clone()];
        let (mut level, layer) = (level, self.layer);
        while let Some(above) = layer.parent_of(level) {
            let Some(parent) = self.find_parent(level, &path[path.len() - 1])? else { break };
            path.push(parent);
            level = above;
        }
        Ok(path)
    }

    fn find_parent(&mut self, level: &Level, code: &UnitCode) -> Result<Option<UnitCode>, StoreError> {
        let key = (level.clone(), code.clone());
        if let Some(parent) = self.known.get(&key) {
            return Ok(parent.clone());
        }
        if let Some(parent) = self.layer.scheme.as_ref().and_then(|scheme| scheme.parent_code(code, level)) {
            return Ok(Some(parent));
        }
        if !self.is_whole {
            let stored = self.store.load_generation(&self.layer.name, self.generation)?;
            self.known.extend(stored.shapes.iter().flatten().map(parent_of));
            self.is_whole = true;
        }
        Ok(self.known.get(&key).cloned().flatten())
    }
}

fn parent_of(shape: &UnitShape) -> ((Level, UnitCode), Option<UnitCode>) {
    ((shape.unit.level.clone(), shape.unit.code.clone()), shape.unit.parent.clone())
}

/// Finds who holds the first post along a path, whatever the hour.
fn find_keeping(roster: &Roster, path: Vec<UnitCode>, at: Timestamp) -> Keeping {
    let mut rows = path.iter().flat_map(|code| roster.assignments(code)).filter(|row| row.validity.contains(at));
    let keeper = rows.find_map(|row| {
        let worker = roster.worker(&row.worker)?;
        Some(Keeper { worker: worker.id.clone(), name: worker.name.clone(), post: row.post, unit: row.unit.clone() })
    });
    Keeping { path, keeper }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Post;
    use crate::store::conformance::{assignment, case, code, coverage, day, layer, level, publish, row_of_squares, worker};
    use crate::store::{MemoryStore, RosterData};

    #[test]
    fn cases_are_counted_page_by_page_and_more_than_asked_for_are_refused() {
        let store = MemoryStore::new();
        let named = |name: &str| {
            let mut shapes = row_of_squares(&["1"]);
            shapes[0].unit.name = name.into();
            coverage(&layer("grid"), vec![vec![], shapes])
        };
        let (from, to) = (publish(&store, &named("old"), 1).unwrap(), publish(&store, &named("new"), 2).unwrap());
        let cases: Vec<_> = (0..=CASES_PAGE as u128).map(|id| case(id, 0.5, 0.5)).collect();
        store.add_cases(&cases, "a", day(1)).unwrap();
        let asked =
            Asked { level: None, residents_field: None, with_cases: true, with_keepers: false, units_max: 10, cases_max: usize::MAX };
        let comparison = compare(&store, &from.layer, from.id, to.id, &asked).unwrap();
        assert_eq!(comparison.cases, Some(CASES_PAGE + 1));
        assert_eq!(comparison.levels[1].transfers[0].load.unwrap().cases, CASES_PAGE + 1);
        let refused = compare(&store, &from.layer, from.id, to.id, &Asked { cases_max: 10, ..asked }).unwrap_err();
        assert!(matches!(refused, HistoryError::TooManyCases { most: 10 }), "{refused}");
    }

    #[test]
    fn a_keeper_two_levels_up_is_named_without_a_code_scheme() {
        let store = MemoryStore::new();
        let layer = Layer { name: LayerName::parse("grid").unwrap(), levels: ["high", "middle", "low"].map(level).to_vec(), scheme: None };
        let publish_named = |name: &str, on| {
            let (mut middle, mut low) = (row_of_squares(&["m"]), row_of_squares(&["l"]));
            middle[0].unit.parent = Some(code("h"));
            low[0].unit.parent = Some(code("m"));
            low[0].unit.name = name.into();
            publish(&store, &coverage(&layer, vec![row_of_squares(&["h"]), middle, low]), on).unwrap().id
        };
        let (from, to) = (publish_named("old", 1), publish_named("new", 5));
        let roster = RosterData { workers: vec![worker("w", "n")], assignments: vec![assignment("h", "w", Post::Primary, "")] };
        store.replace_roster(&roster, None, "a", day(1)).unwrap();
        let asked = Asked { level: None, residents_field: None, with_cases: false, with_keepers: true, units_max: 10, cases_max: 0 };
        let comparison = compare(&store, &layer.name, from, to, &asked).unwrap();
        let transfer = &comparison.levels[2].transfers[0];
        for keeping in [&transfer.before, &transfer.after] {
            let keeping = keeping.as_ref().unwrap();
            assert_eq!(keeping.path, [code("l"), code("m"), code("h")]);
            assert_eq!(keeping.keeper.as_ref().map(|keeper| &keeper.unit), Some(&code("h")));
        }
    }
}
