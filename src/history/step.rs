use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::boundary::{FeatureRef, Generation, Unit, UnitCode, UnitShape, Validity};
use crate::snapshot::{LayerHistory, LayerSnapshot};
use crate::store::{GenerationChanges, Store, StoreError};
use crate::topology::{LevelDelta, ValidCoverage};

/// Makes a generation from one that is loaded, reading only what tells them apart. None where that cannot be done: then all of it
/// is to be read and checked.
///
/// # Errors
/// The store fails.
pub fn step(
    store: &dyn Store,
    known: &LayerSnapshot,
    history: &LayerHistory,
    generation: &Generation,
) -> Result<Option<LayerSnapshot>, StoreError> {
    let changes = store.load_changes(&generation.layer, known.generation().id, generation.id)?;
    if changes.has_lost_levels || &changes.layer != known.layer() {
        return Ok(None);
    }
    let (layer, accepted) = (changes.layer.clone(), changes.accepted);
    let delta = to_delta(known.coverage(), changes);
    match known.coverage().patched(&layer, delta, accepted) {
        Ok(patched) => {
            let next = known.patched(generation.clone(), history.superseded_at(generation.id), patched, history.is_public);
            Ok(Some(next.with_newest(history.key(generation.id).newest)))
        }
        Err(reason) => {
            tracing::info!(%reason, generation = generation.id.0, layer = %generation.layer, "the generation is loaded as a whole");
            Ok(None)
        }
    }
}

/// The units that change, those too of which only the end is told otherwise now.
fn to_delta(coverage: &ValidCoverage, changes: GenerationChanges) -> Vec<LevelDelta> {
    let GenerationChanges { ended, begun, ends, .. } = changes;
    let mut deltas = Vec::with_capacity(ended.len());
    for (depth, ((mut ended, mut begun), ends)) in ended.into_iter().zip(begun).zip(ends).enumerate() {
        let level = &coverage.levels()[depth];
        let ends: FxHashMap<UnitCode, Timestamp> = ends.into_iter().collect();
        let gone: FxHashSet<UnitCode> = ended.iter().cloned().collect();
        for (index, unit) in level.indices().zip(level.units()) {
            let to = ends.get(&unit.code).copied();
            if unit.validity.to != to && !gone.contains(&unit.code) {
                let unit = Unit { validity: Validity { to, ..unit.validity }, ..Unit::clone(unit) };
                ended.push(unit.code.clone());
                begun.push(UnitShape { unit, geometry: coverage.to_geometry(depth, index), source: FeatureRef::default() });
            }
        }
        deltas.push(LevelDelta { ended, begun });
    }
    deltas
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::boundary::{GenerationId, GenerationState, LayerName};
    use crate::config::Config;
    use crate::history::load::{load_histories, load_snapshot};
    use crate::snapshot::Snapshot;
    use crate::store::conformance::{code, coverage, day, layer, publication, publish, row_of_squares};
    use crate::store::{MemoryStore, Publication};

    fn load(store: &dyn Store, on: i8, known: &[Arc<Snapshot>]) -> Arc<Snapshot> {
        Arc::new(load_snapshot(store, &Config::default(), day(on), known).unwrap())
    }

    /// Everything of a layer that answers are made of.
    fn contents(snapshot: &Snapshot) -> impl PartialEq + std::fmt::Debug + use<> {
        let grid = snapshot.layer(&LayerName::parse("grid").unwrap()).unwrap();
        let coverage = grid.coverage();
        let units: Vec<_> = coverage
            .levels()
            .iter()
            .enumerate()
            .flat_map(|(depth, level)| level.indices().map(move |unit| (Unit::clone(level.unit(unit)), coverage.to_geometry(depth, unit))))
            .collect();
        (units, grid.generation().clone(), grid.superseded_at(), coverage.accepted())
    }

    #[test]
    fn stepping_from_one_generation_to_the_next_is_loading_it() {
        let store = MemoryStore::new();
        let squares = |rename: Option<usize>, codes: &[&str]| {
            let mut shapes = row_of_squares(codes);
            if let Some(at) = rename {
                shapes[at].unit.name = "renamed".into();
            }
            coverage(&layer("grid"), vec![vec![], shapes])
        };
        publish(&store, &squares(None, &["1", "2", "3", "4"]), 1).unwrap();
        let first = load(&store, 5, &[]);
        publish(&store, &squares(Some(1), &["1", "2", "3", "4"]), 2).unwrap();
        let second = load(&store, 5, std::slice::from_ref(&first));
        assert_eq!(contents(&second), contents(&load(&store, 5, &[])));
        let grid = |snapshot: &Snapshot| Arc::clone(snapshot.layer(&LayerName::parse("grid").unwrap()).unwrap());
        let stepped =
            step(&store, &grid(&first), &load_histories(&store, &Config::default()).unwrap()[0], grid(&second).generation()).unwrap();
        assert!(stepped.is_some(), "so small a change is followed, not loaded");
        // A future generation gives units of the current one an end, and when it is rolled back they have none again.
        publish(&store, &squares(Some(1), &["1", "2", "3"]), 20).unwrap();
        let announced = load(&store, 5, std::slice::from_ref(&second));
        assert_eq!(contents(&announced), contents(&load(&store, 5, &[])));
        let ends = |snapshot: &Snapshot| {
            let grid = grid(snapshot);
            let level = &grid.coverage().levels()[1];
            level.unit(level.find(&code("4")).unwrap()).validity.to
        };
        assert_eq!((ends(&second), ends(&announced)), (None, Some(day(20))));
        let third = load(&store, 21, std::slice::from_ref(&announced));
        assert_eq!(contents(&third), contents(&load(&store, 21, &[])));
        let back = squares(None, &["1", "2", "3", "4"]);
        let back =
            Publication { restores: Some(GenerationId(1)), ..publication(&back, Some(GenerationId(3)), GenerationState::Published, 22) };
        store.publish(back).unwrap();
        assert_eq!(contents(&load(&store, 23, std::slice::from_ref(&third))), contents(&load(&store, 23, &[])));
    }
}
