use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use crate::boundary::{LayerName, Territory, UnitCode};
use crate::history::pricing::{load_tables, path_of, price_posts};
use crate::store::{Store, StoreError, current_generation};

/// Over how many days it is counted what a worker costs.
const COST_DAYS: i64 = 30;

/// Returns what a worker costs a month, as the roster and the table of costs had it in the last 30 days; none where nothing is priced.
/// Neither cases nor geometries are read for it.
///
/// # Errors
/// Those of the store.
pub fn monthly_cost(store: &dyn Store, layer: &LayerName, now: Timestamp) -> Result<Option<f64>, StoreError> {
    let (rates, _) = load_tables(store, now)?;
    if rates.is_empty() {
        return Ok(None);
    }
    let mut parents: FxHashMap<UnitCode, UnitCode> = FxHashMap::default();
    let generations = store.load_generations(layer)?;
    if let Some(current) = current_generation(&generations, now) {
        let heads = store.load_unit_heads(layer, current.id)?;
        parents.extend(heads.into_iter().filter_map(|head| Some((head.code, head.parent?))));
    }
    let from = now - SignedDuration::from_hours(COST_DAYS * 24);
    let posts = price_posts(store, &rates, (from, now), &Territory::Whole, |unit| path_of(&parents, unit))?;
    let months: f64 = posts.iter().map(|post| post.months - post.unpriced_months).sum();
    let cents: f64 = posts.iter().map(|post| post.cents).sum();
    Ok((months > 0.0 && cents > 0.0).then(|| cents / 100.0 / months))
}
