use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::figures::{Figures, WeighError, to_name};
use super::loads::{AREA_KM2, UNITS, WORKLOAD, WantedLimit, WantedLoad};
use super::workload::weigh;
use crate::config::WorkloadConfig;
use crate::lineage::RESIDENTS_NAMES;
use crate::plan::{Base, Limit, Named, Variable, base_graph, ground_of};
use crate::store::{Store, StoreError};
use crate::topology::{CoverageLevel, UnitIndex, ValidCoverage};

/// What of a coverage is planned with.
#[derive(Clone, Copy, Debug)]
pub struct BaseChoice<'a> {
    /// The level of the base units.
    pub depth: usize,
    /// The level whose borders no district crosses.
    pub within: Option<usize>,
    /// What says which units make a district today.
    pub today: TodayOf<'a>,
    pub loads: &'a [WantedLoad],
    pub limits: &'a [WantedLimit],
    /// The field of residents; one of the usual names where none is given.
    pub residents_field: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TodayOf<'a> {
    Nothing,
    /// A coarser level.
    Level(usize),
    /// A field of the base units.
    Field(&'a str),
}

/// Makes base units of a level of a coverage, weighed by `figures` of that level.
///
/// # Errors
/// A field is not there, is no number, or there is no work.
pub fn weigh_base(
    store: &dyn Store,
    coverage: &Arc<ValidCoverage>,
    figures: &Figures<'_>,
    choice: &BaseChoice<'_>,
    config: &WorkloadConfig,
) -> Result<Base, WeighError> {
    let level = &coverage.levels()[choice.depth];
    let variables = weigh_variables(store, Some((coverage, choice.depth)), figures, choice.loads, config)?;
    let graph = base_graph(coverage, choice.depth);
    let mut limits = Vec::with_capacity(choice.limits.len());
    for WantedLimit { field, least, most } in choice.limits {
        let values = match field.as_str() {
            _ if figures.has_field(field) => figures.of(field)?,
            UNITS => vec![1.0; level.units().len()],
            AREA_KM2 => graph.units().iter().map(|unit| unit.area_m2 / 1e6).collect(),
            WORKLOAD => weigh(store, coverage, choice.depth, figures, config)?.loads(),
            _ => figures.of(field)?,
        };
        limits.push(Limit { name: field.clone(), values, least: *least, most: *most });
    }
    let usual_residents = || RESIDENTS_NAMES.iter().copied().find(|name| figures.has_field(name));
    let residents_field = choice.residents_field.or_else(usual_residents);
    Ok(Base {
        codes: level.units().iter().map(|unit| unit.code.clone()).collect(),
        graph,
        ground: ground_of(coverage, choice.depth),
        variables,
        limits,
        communities: parent_names(coverage, choice),
        today: today_names(coverage, choice)?,
        spent: choice.spent_names(store, coverage)?,
        residents: residents_field.map(|field| figures.of(field)).transpose()?,
        notes: vec![format!("layer {}: {} units of level {}", coverage.layer().name, level.units().len(), level.level())],
        ..Base::default()
    })
}

impl BaseChoice<'_> {
    /// Returns the names that no new district of a plan may get: all codes that the level above the base units has or ever had, as that is
    /// where districts become units.
    ///
    /// # Errors
    /// The store fails.
    fn spent_names(&self, store: &dyn Store, coverage: &ValidCoverage) -> Result<FxHashSet<String>, StoreError> {
        let Some(above) = self.depth.checked_sub(1) else { return Ok(FxHashSet::default()) };
        let level = &coverage.levels()[above];
        let ever = store.load_codes(&coverage.layer().name, level.level(), None)?;
        Ok(ever.iter().chain(level.units().iter().map(|unit| &unit.code)).map(ToString::to_string).collect())
    }
}

/// Weighs each load by itself. Cases are counted in the units of a level of a coverage; without one no load may ask for them.
pub(super) fn weigh_variables(
    store: &dyn Store,
    counted: Option<(&Arc<ValidCoverage>, usize)>,
    figures: &Figures<'_>,
    loads: &[WantedLoad],
    config: &WorkloadConfig,
) -> Result<Vec<Variable>, WeighError> {
    let mut variables = Vec::with_capacity(loads.len());
    for WantedLoad { field, weight } in loads {
        let values = match counted.filter(|_| field == WORKLOAD && !figures.has_field(WORKLOAD)) {
            Some((coverage, depth)) => weigh(store, coverage, depth, figures, config)?.loads(),
            None => figures.of(field)?,
        };
        variables.push(Variable { name: field.clone(), weight: *weight, values });
    }
    Ok(variables)
}

/// Returns the units whose borders no district crosses; all is one where none are chosen.
pub(super) fn parent_names(coverage: &ValidCoverage, choice: &BaseChoice<'_>) -> Named {
    choice.within.map_or_else(|| nothing(coverage, choice), |above| ancestors(coverage, choice.depth, above))
}

/// Returns the districts of today.
///
/// # Errors
/// They are in a field that no unit has.
pub(super) fn today_names(coverage: &ValidCoverage, choice: &BaseChoice<'_>) -> Result<Named, WeighError> {
    match choice.today {
        TodayOf::Nothing => Ok(nothing(coverage, choice)),
        TodayOf::Level(above) => Ok(ancestors(coverage, choice.depth, above)),
        TodayOf::Field(field) => by_field(&coverage.levels()[choice.depth], field),
    }
}

fn nothing(coverage: &ValidCoverage, choice: &BaseChoice<'_>) -> Named {
    Named { names: Vec::new(), of: vec![None; coverage.levels()[choice.depth].units().len()] }
}

fn ancestors(coverage: &ValidCoverage, depth: usize, above: usize) -> Named {
    let ancestor = |unit: UnitIndex| {
        let mut at = unit;
        for depth in (above + 1..=depth).rev() {
            at = coverage.levels()[depth].parent(at)?;
        }
        Some(at.0)
    };
    let of = coverage.levels()[depth].indices().map(ancestor).collect();
    Named::renumbered(of, |unit| coverage.levels()[above].unit(UnitIndex(unit)).code.as_str())
}

fn by_field(level: &CoverageLevel, field: &str) -> Result<Named, WeighError> {
    let names: Vec<Option<String>> = level.units().iter().map(|unit| to_name(unit.properties.get(field))).collect();
    if names.iter().all(Option::is_none) {
        return Err(WeighError::NoValue { level: level.level().clone(), field: field.to_owned() });
    }
    Ok(Named::new(names))
}
