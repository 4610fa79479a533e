use geo::BoundingRect;

use super::sides::Sides;
use super::{Comparison, HistoryError};
use crate::boundary::{Level, Position, UnitShape};
use crate::history::attribution::{Attributor, load_attributor};
use crate::lineage::{LevelComparison, Owned, UnitFinder};
use crate::store::{CaseFilter, Store};

/// Cases read from the store at a time.
pub const CASES_PAGE: usize = 10_000;

/// Counts the cases of each transfer, and those of them that have not ended, and returns how many lie in ground that differs.
pub fn add_cases(store: &dyn Store, comparison: &mut Comparison, sides: &mut Sides, cases_max: usize) -> Result<usize, HistoryError> {
    let Some(bbox) = around(comparison) else { return Ok(0) };
    let all = CaseFilter { bbox: Some(bbox), counts: false, ..CaseFilter::first(CASES_PAGE) };
    let open = CaseFilter { is_open: Some(true), ..all.clone() };
    let owners = find_all(store, comparison, sides, all, cases_max)?;
    let finest = owners.last().map_or(0, Vec::len);
    for (level, owners) in comparison.levels.iter_mut().zip(owners) {
        level.add_cases(owners);
    }
    let owners = find_all(store, comparison, sides, open, cases_max)?;
    for (level, owners) in comparison.levels.iter_mut().zip(owners) {
        level.add_open_cases(owners);
    }
    Ok(finest)
}

/// Returns the window that holds all units that differ.
fn around(comparison: &Comparison) -> Option<[f64; 4]> {
    let rects = comparison.levels.iter().flat_map(|level| level.from.iter().chain(&level.to)).filter_map(|s| s.geometry.bounding_rect());
    let around = rects.reduce(|a, b| {
        let (low, high) = (a.min(), a.max());
        geo_types::Rect::new((low.x.min(b.min().x), low.y.min(b.min().y)), (high.x.max(b.max().x), high.y.max(b.max().y)))
    });
    around.map(|around| [around.min().x, around.min().y, around.max().x, around.max().y])
}

/// Finds of each case that lies in ground that differs who owned and who owns it, level by level.
fn find_all(
    store: &dyn Store,
    comparison: &Comparison,
    sides: &mut Sides,
    mut filter: CaseFilter,
    cases_max: usize,
) -> Result<Vec<Vec<(Owned, Owned)>>, HistoryError> {
    let finders: Vec<_> = comparison.levels.iter().map(|level| (level, UnitFinder::new(&level.from), UnitFinder::new(&level.to))).collect();
    // Cases in other ground are let go page by page.
    let mut owners: Vec<Vec<(Owned, Owned)>> = vec![Vec::new(); finders.len()];
    loop {
        let page = store.load_cases(&filter)?;
        for (owners, (level, before, after)) in owners.iter_mut().zip(&finders) {
            for case in &page.cases {
                owners.extend(find_owners(level, before, after, case.position, store, sides)?);
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
    Ok(owners)
}

/// Finds who owned and who owns a position; none where neither is a unit that differs.
fn find_owners(
    level: &LevelComparison,
    before: &UnitFinder<'_>,
    after: &UnitFinder<'_>,
    position: Position,
    store: &dyn Store,
    sides: &mut Sides,
) -> Result<Option<(Owned, Owned)>, HistoryError> {
    let mut pair = (before.find(position), after.find(position));
    if pair == (Owned::ByNone, Owned::ByNone) {
        return Ok(None);
    }
    // On a border that only units which are alike in both can decide: rare, and worth reading both generations whole.
    if pair.0 == Owned::Doubtful {
        pair.0 = find_in_whole(store, sides, 0, &level.level, &level.from, position)?;
    }
    if pair.1 == Owned::Doubtful {
        pair.1 = find_in_whole(store, sides, 1, &level.level, &level.to, position)?;
    }
    Ok(Some(pair).filter(|pair| *pair != (Owned::ByNone, Owned::ByNone)))
}

/// Finds the owner in a generation whole, which is loaded when it is first needed.
fn find_in_whole(
    store: &dyn Store,
    sides: &mut Sides,
    side: usize,
    level: &Level,
    shapes: &[UnitShape],
    position: Position,
) -> Result<Owned, HistoryError> {
    let generation = &sides.generations[side];
    let loaded: Attributor = match sides.attributors[side].take() {
        Some(loaded) => loaded,
        None => match &sides.whole[side] {
            Some(whole) => whole.attributor(generation),
            None => load_attributor(store, &generation.layer, generation.id)?,
        },
    };
    let index = sides.attributors[side].insert(loaded).index();
    let Some(depth) = index.coverage().layer().depth_of(level) else { return Ok(Owned::ByNone) };
    let Some(owner) = index.owner(position, depth).unit else { return Ok(Owned::ByNone) };
    let code = &index.coverage().levels()[depth].unit(owner).code;
    // The lists are in the order of codes.
    let found = shapes.binary_search_by(|shape| shape.unit.code.cmp(code));
    Ok(found.map_or(Owned::ByNone, Owned::By))
}
