//! How one generation of a layer came of another: units laid over each other, with cases, residents, keepers and the figures of both as plans.

mod cases;
mod keepers;
mod measured;
mod sides;

use crate::boundary::{Generation, GenerationId, Layer, LayerName, Level, UnitShape};
use crate::history::load::LoadError;
use crate::lineage::{LevelComparison, find_residents_field};
use crate::snapshot::LayerHistory;
use crate::store::{Store, StoreError};
use cases::add_cases;
use keepers::add_keepers;
pub use measured::{MeasuredPair, PairError, measure_pair};
use sides::Sides;

#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("cannot read the generations")]
    Store(#[from] StoreError),
    #[error("generation {generation} of layer {layer} no longer passes its check; publish it anew from its source")]
    Invalid { layer: LayerName, generation: GenerationId },
    #[error("generations {from} and {to} of layer {layer} have no level {level}; they have {known}")]
    NoLevel { layer: LayerName, from: GenerationId, to: GenerationId, level: Level, known: String },
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("draft {draft} of layer {layer} cannot be compared: {detail}")]
    Unfit { layer: LayerName, draft: GenerationId, detail: String },
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

/// Compares two generations of a layer, in either direction; drafts as of their last steps.
///
/// Of published ones only units in which they differ are read and laid over each other. Cases and keepers are of today's store: cases of
/// all times by their positions, keepers by the rosters just before and just when `to` takes effect.
///
/// # Errors
/// A generation that is not there, a draft that cannot be put together, a level that neither has, too many differences, and those of the
/// store.
pub fn compare(
    store: &dyn Store,
    history: &LayerHistory,
    from: GenerationId,
    to: GenerationId,
    asked: &Asked,
) -> Result<Comparison, HistoryError> {
    let mut sides = Sides::load(store, history, from, to)?;
    let units: usize = sides.differing.iter().flatten().map(Vec::len).sum();
    if units > asked.units_max {
        return Err(HistoryError::TooMany { units, most: asked.units_max });
    }
    let mut levels = Vec::new();
    for level in levels_of(&sides.layers) {
        if asked.level.as_ref().is_some_and(|wanted| wanted != &level) {
            continue;
        }
        let shapes = |side: usize| -> Vec<UnitShape> {
            sides.layers[side].depth_of(&level).map_or_else(Vec::new, |depth| sides.differing[side][depth].clone())
        };
        let (old, new) = (shapes(0), shapes(1));
        let all = sides.layers[1].depth_of(&level).and_then(|depth| sides.counts.get(depth).copied()).unwrap_or_default();
        let alike = all.saturating_sub(new.len());
        levels.push(LevelComparison::new(level, old, new, alike, sides.may_overlap));
    }
    if let (Some(level), true) = (&asked.level, levels.is_empty()) {
        let known = levels_of(&sides.layers).iter().map(Level::as_str).collect::<Vec<_>>().join(", ");
        return Err(HistoryError::NoLevel { layer: history.layer.clone(), from, to, level: level.clone(), known });
    }
    let [old, new] = sides.generations.clone();
    let mut comparison = Comparison { from: old, to: new, levels, cases: None, has_keepers: asked.with_keepers };
    for level in &mut comparison.levels {
        if let Some(field) = find_residents_field(&level.from, asked.residents_field.as_deref()).map(str::to_owned) {
            level.add_residents(&field);
        }
    }
    if asked.with_cases {
        comparison.cases = Some(add_cases(store, &mut comparison, &mut sides, asked.cases_max)?);
    }
    if asked.with_keepers {
        add_keepers(store, &mut comparison, &sides)?;
    }
    Ok(comparison)
}

fn levels_of([before, after]: &[Layer; 2]) -> Vec<Level> {
    let gone = before.levels.iter().filter(|level| after.depth_of(level).is_none());
    after.levels.iter().chain(gone).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::cases::CASES_PAGE;
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
        let comparison = compare(&store, &LayerHistory::bare(from.layer.clone()), from.id, to.id, &asked).unwrap();
        assert_eq!(comparison.cases, Some(CASES_PAGE + 1));
        assert_eq!(comparison.levels[1].transfers[0].load.unwrap().cases, CASES_PAGE + 1);
        let refused =
            compare(&store, &LayerHistory::bare(from.layer.clone()), from.id, to.id, &Asked { cases_max: 10, ..asked }).unwrap_err();
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
        let comparison = compare(&store, &LayerHistory::bare(layer.name.clone()), from, to, &asked).unwrap();
        let transfer = &comparison.levels[2].transfers[0];
        for keeping in [&transfer.before, &transfer.after] {
            let keeping = keeping.as_ref().unwrap();
            assert_eq!(keeping.path, [code("l"), code("m"), code("h")]);
            assert_eq!(keeping.keeper.as_ref().map(|keeper| &keeper.unit), Some(&code("h")));
        }
    }
}
