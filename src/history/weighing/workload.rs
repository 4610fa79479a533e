use std::sync::Arc;

use jiff::Timestamp;
use rayon::prelude::*;

use super::figures::{Figures, WeighError};
use crate::config::WorkloadConfig;
use crate::dispatch::indicator::CaseFacts;
use crate::index::{LayerIndex, Search};
use crate::plan::{CaseWeights, Term, WeighedCase, Workload, walk_m};
use crate::store::{CaseFilter, Store, StoreError};
use crate::topology::{UnitIndex, ValidCoverage};

/// Cases read at a time.
const CASES_PAGE: usize = 10_000;

/// Weighs the work of the units of a level, from the store as the settings say.
///
/// # Errors
/// A field that is weighed is not there, or there is no work at all.
pub fn weigh(
    store: &dyn Store,
    coverage: &Arc<ValidCoverage>,
    depth: usize,
    figures: &Figures<'_>,
    config: &WorkloadConfig,
) -> Result<Workload, WeighError> {
    let mut terms = Vec::new();
    let mut add = |name: &str, weight: f64, amounts: Vec<f64>| {
        if weight > 0.0 {
            terms.push(Term { name: name.to_owned(), weight, amounts });
        }
    };
    let needs_ground = config.walk_km > 0.0 || config.area_km2 > 0.0;
    let areas_m2: Vec<f64> = if needs_ground { areas_m2(coverage, depth) } else { Vec::new() };
    if config.cases > 0.0 || config.walk_km > 0.0 {
        let CaseSums { weighed, places } = sum_cases(store, coverage, depth, config, figures.now())?;
        add("cases", config.cases, weighed);
        add("walk_km", config.walk_km, places.iter().zip(&areas_m2).map(|(places, area_m2)| walk_m(*places, *area_m2) / 1_000.0).collect());
    }
    add("area_km2", config.area_km2, areas_m2.iter().map(|area_m2| area_m2 / 1e6).collect());
    for (field, weight) in config.fields.iter().filter(|(_, weight)| **weight > 0.0) {
        add(field, *weight, figures.of(field)?);
    }
    let workload = Workload { terms };
    if workload.loads().iter().sum::<f64>() <= 0.0 {
        return Err(WeighError::NoWork);
    }
    Ok(workload)
}

fn areas_m2(coverage: &ValidCoverage, depth: usize) -> Vec<f64> {
    let indices: Vec<UnitIndex> = coverage.levels()[depth].indices().collect();
    indices.par_iter().map(|unit| coverage.area_m2(depth, *unit)).collect()
}

struct CaseSums {
    weighed: Vec<f64>,
    /// How many there are, whatever they weigh.
    places: Vec<f64>,
}

/// Adds up the cases of each unit. A case exactly on a border counts in equal parts for all that it touches, so that the owner rule
/// favours none.
fn sum_cases(
    store: &dyn Store,
    coverage: &Arc<ValidCoverage>,
    depth: usize,
    config: &WorkloadConfig,
    now: Timestamp,
) -> Result<CaseSums, StoreError> {
    let (index, weights) = (LayerIndex::build(Arc::clone(coverage), Search::Rtree), case_weights(config));
    let none = vec![0.0; coverage.levels()[depth].units().len()];
    let mut sums = CaseSums { weighed: none.clone(), places: none };
    let mut add = |position, weight: f64| {
        let located = index.locate(position, depth, 0.0);
        let Some(owner) = located.unit else { return };
        let touched: Vec<UnitIndex> =
            located.alternatives.iter().filter(|other| other.distance_m == 0.0).map(|other| other.unit).chain([owner]).collect();
        for unit in &touched {
            sums.weighed[unit.0 as usize] += weight / touched.len() as f64;
            sums.places[unit.0 as usize] += 1.0 / touched.len() as f64;
        }
    };
    let oldest = config.days.map(|days| now.as_millisecond() - (days * DAY_MS) as i64);
    let reported_from = oldest.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let mut filter = CaseFilter { counts: false, reported_from, ..CaseFilter::first(CASES_PAGE) };
    loop {
        // Histories are only read where it is asked how long a case took.
        let (last, has_more) = if config.usual_hours.is_some() {
            let page = store.load_case_records(&filter)?;
            for record in &page.records {
                let facts = CaseFacts::of(&record.case, &record.events, now);
                add(facts.position, weigh_case(&weights, &facts.category, facts.reported_at, handling_hours(&facts), now));
            }
            (page.records.last().map(|record| record.case.id), page.has_more)
        } else {
            let page = store.load_cases(&filter)?;
            for case in &page.cases {
                add(case.position, weigh_case(&weights, &case.category, case.reported_at, None, now));
            }
            (page.cases.last().map(|case| case.id), page.has_more)
        };
        filter.after = last.filter(|_| has_more);
        if filter.after.is_none() {
            return Ok(sums);
        }
    }
}

fn case_weights(config: &WorkloadConfig) -> CaseWeights {
    CaseWeights {
        by_category: config.categories.iter().map(|(prefix, weight)| (prefix.clone(), *weight)).collect(),
        half_life_days: config.half_life_days,
        usual_hours: config.usual_hours,
    }
}

const DAY_MS: f64 = 86_400_000.0;

fn weigh_case(weights: &CaseWeights, category: &str, reported_at: Timestamp, handling_hours: Option<f64>, now: Timestamp) -> f64 {
    let age_days = (now.as_millisecond() - reported_at.as_millisecond()) as f64 / DAY_MS;
    weights.weigh(&WeighedCase { category, age_days, handling_hours })
}

/// How long the departments worked on a case, one after another or together, hours by the clock; none of one that nobody has done.
fn handling_hours(facts: &CaseFacts) -> Option<f64> {
    let done = facts.tasks.iter().filter(|task| !task.is_gone);
    let hours = done.filter_map(|task| Some((task.done_at?.as_millisecond() - task.given_at.as_millisecond()) as f64 / 3_600_000.0));
    hours.reduce(|a, b| a + b)
}
