use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use super::Comparison;
use super::sides::Sides;
use crate::boundary::{GenerationId, Layer, Level, UnitCode, UnitShape};
use crate::dispatch::Roster;
use crate::lineage::{Keeper, Keeping, LevelComparison};
use crate::store::{Store, StoreError};

/// Names who answers for each old unit just before `to` takes effect, and for each new one just then.
pub fn add_keepers(store: &dyn Store, comparison: &mut Comparison, sides: &Sides) -> Result<(), StoreError> {
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
    let mut old_units = Ancestry::new(store, sides, 0, comparison.levels.iter().flat_map(|level| &level.from));
    let mut new_units = Ancestry::new(store, sides, 1, comparison.levels.iter().flat_map(|level| &level.to));
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
pub type Parents = FxHashMap<(Level, UnitCode), Option<UnitCode>>;

impl<'a> Ancestry<'a> {
    fn new<'u>(store: &'a dyn Store, sides: &'a Sides, side: usize, units: impl Iterator<Item = &'u UnitShape>) -> Self {
        let (layer, generation) = (&sides.layers[side], sides.generations[side].id);
        match &sides.whole[side] {
            // What was read whole is known whole, and a draft stands so in no table.
            Some(whole) => Self { store, layer, generation, known: whole.parents(), is_whole: true },
            None => Self { store, layer, generation, known: units.map(parent_of).collect(), is_whole: false },
        }
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
