use jiff::{SignedDuration, Timestamp};

use crate::boundary::{LayerName, Level, Territory};
use crate::config::Config;
use crate::dispatch::indicator::Grouping;
use crate::history::judging::{JudgeError, Judged, period_of};
use crate::history::pricing::price;
use crate::store::{Store, StoreError};

/// Over how many days it is counted what a worker costs.
const COST_DAYS: i64 = 30;

/// Returns what a worker costs a month, as the roster and the table of costs had it in the last 30 days; none where nothing is priced.
///
/// # Errors
/// Those of the store.
pub fn monthly_cost(
    store: &dyn Store,
    layer: LayerName,
    level: Option<Level>,
    config: &Config,
    now: Timestamp,
) -> Result<Option<f64>, StoreError> {
    let from = now - SignedDuration::from_hours(COST_DAYS * 24);
    let period = period_of(&config.indicators, from, now, now, &config.time_zone);
    let asked = Judged { grouping: Grouping::Unit, level, layer, period, territory: Territory::Whole, cases_max: None };
    let priced = match price(store, asked) {
        Ok(priced) => priced,
        Err(JudgeError::Store(error)) => return Err(error),
        // What cannot be priced, as of a layer that has no units yet, has no cost; the plan says the rest.
        Err(_) => return Ok(None),
    };
    let months: f64 = priced.units.iter().map(|unit| unit.months - unit.unpriced_months).sum();
    let cents: f64 = priced.units.iter().map(|unit| unit.cents).sum();
    Ok((months > 0.0 && cents > 0.0).then(|| cents / 100.0 / months))
}
