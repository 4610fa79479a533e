use std::sync::Arc;

use jiff::Timestamp;

use super::base::{BaseChoice, parent_names, today_names, weigh_variables};
use super::draft::{DraftGroundError, depth_of};
use super::figures::{Figures, WeighError};
use super::loads::{WORKLOAD, WantedLoad};
use crate::boundary::{Level, Unit};
use crate::config::WorkloadConfig;
use crate::history::drafts::coverage_of;
use crate::plan::edit::Draft;
use crate::plan::{BaseError, Census, Named, home_of, weigh_together};
use crate::store::Store;
use crate::topology::ValidCoverage;

/// Takes what workers are shared out by from a level of a coverage, weighed by `figures` of that level. No shape is measured.
///
/// # Errors
/// A field is not there, is no number, there is no work, or a unit has no parent.
pub fn weigh_census(
    store: &dyn Store,
    coverage: &Arc<ValidCoverage>,
    figures: &Figures<'_>,
    choice: &BaseChoice<'_>,
    config: &WorkloadConfig,
) -> Result<Census, WeighError> {
    let level = &coverage.levels()[choice.depth];
    let variables = weigh_variables(store, Some((coverage, choice.depth)), figures, choice.loads, config)?;
    let communities = parent_names(coverage, choice);
    let units = level.units();
    Ok(Census {
        load: weigh_together(&variables, units.len()),
        community: home_of(&communities, units.len()).map_err(|unit| BaseError::NoParent(units[unit].code.clone()))?,
        communities: communities.names,
        today: today_names(coverage, choice)?,
        notes: vec![format!("layer {}: {} units of level {}", coverage.layer().name, units.len(), level.level())],
    })
}

/// The units of a draft as it stands with where they belong, to share workers out by.
#[derive(Clone, Debug)]
pub struct DraftCensus {
    /// That of the districts, of which each has a worker.
    pub district_level: Level,
    level: Level,
    units: Vec<Arc<Unit>>,
    today: Named,
    communities: Named,
    /// The loads of the units as the draft keeps them, with their field.
    own: Option<(String, Vec<f64>)>,
    /// Where cases are counted, and the level; none where no load asks for them.
    coverage: Option<(Arc<ValidCoverage>, usize)>,
    note: String,
}

/// Counts the units of a draft by where they belong, those of the finest level where none is named. `load_field` is the field that the
/// draft's own loads are of, `loads` are those that are to be weighed: only where cases are is the draft put together as a coverage.
///
/// # Errors
/// There is no such level, or none above it; or the draft has problems and cases are to be weighed.
pub fn take_census(
    draft: &Draft,
    load_field: Option<&str>,
    level: Option<&Level>,
    loads: Option<&[WantedLoad]>,
) -> Result<DraftCensus, DraftGroundError> {
    let depth = depth_of(draft, level)?;
    let levels = draft.base().levels();
    let mut members: Vec<_> = draft.members(depth).map(|(_, member)| member).collect();
    let asks_work = loads.map_or(load_field.is_none(), |loads| loads.iter().any(|load| load.field == WORKLOAD));
    let coverage = asks_work.then(|| coverage_of(draft)).transpose().map_err(DraftGroundError::Faulty)?;
    if coverage.is_some() {
        // Cases are counted by units in the order of a coverage.
        members.sort_unstable_by(|a, b| a.unit.code.cmp(&b.unit.code));
    }
    // Of each unit of a level its parent, by number.
    let above = |depth: usize| {
        let mut parents = Vec::new();
        for (number, member) in draft.members(depth) {
            parents.resize(number as usize + 1, None);
            parents[number as usize] = member.parent;
        }
        parents
    };
    let districts: Vec<Option<u32>> = members.iter().map(|member| member.parent).collect();
    let communities = match depth.checked_sub(2).filter(|above| draft.measures(*above).units > 0) {
        Some(top) => {
            let parents = above(depth - 1);
            let of = districts.iter().map(|district| parents.get((*district)? as usize).copied().flatten()).collect();
            named(draft, top, of)
        }
        None => Named { names: Vec::new(), of: vec![None; members.len()] },
    };
    let name = &draft.base().layer().name;
    let own = load_field.map(|field| (field.to_owned(), members.iter().map(|member| member.load).collect()));
    Ok(DraftCensus {
        district_level: levels[depth - 1].level().clone(),
        level: levels[depth].level().clone(),
        today: named(draft, depth - 1, districts),
        communities,
        own,
        note: format!("layer {name}: {} units of level {}", members.len(), levels[depth].level()),
        units: members.into_iter().map(|member| Arc::clone(member.unit)).collect(),
        coverage: coverage.map(|coverage| (coverage, depth)),
    })
}

impl DraftCensus {
    /// Weighs the units; the draft's own field of loads where none is named, or the work where it has none. Locked units count, as a lock
    /// keeps borders and the work behind it is to be done all the same.
    ///
    /// # Errors
    /// A load cannot be weighed, or a unit has no parent.
    pub fn weigh(
        &self,
        store: &dyn Store,
        loads: Option<&[WantedLoad]>,
        config: &WorkloadConfig,
        now: Timestamp,
    ) -> Result<Census, DraftGroundError> {
        let own = self.own.as_ref().map(|(field, _)| field.as_str());
        let usual = [WantedLoad { field: own.unwrap_or(WORKLOAD).to_owned(), weight: 1.0 }];
        let loads = loads.unwrap_or(&usual);
        // What the draft keeps by itself needs no table of figures.
        let is_own = loads.iter().all(|load| Some(load.field.as_str()) == own);
        let figures = match is_own {
            true => Figures::of_fields(&self.level, &self.units, now),
            false => Figures::load(store, &self.level, &self.units, now).map_err(WeighError::from)?,
        };
        let counted = self.coverage.as_ref().map(|(coverage, depth)| (coverage, *depth));
        let variables = weigh_variables(store, counted, &figures.with_own(self.own.clone()), loads, config)?;
        let no_parent = |unit: usize| WeighError::from(BaseError::NoParent(self.units[unit].code.clone()));
        Ok(Census {
            load: weigh_together(&variables, self.units.len()),
            community: home_of(&self.communities, self.units.len()).map_err(no_parent)?,
            communities: self.communities.names.clone(),
            today: self.today.clone(),
            notes: vec![self.note.clone()],
        })
    }
}

fn named(draft: &Draft, depth: usize, of: Vec<Option<u32>>) -> Named {
    let mut codes = Vec::new();
    for (number, member) in draft.members(depth) {
        codes.resize(number as usize + 1, "");
        codes[number as usize] = member.unit.code.as_str();
    }
    Named::renumbered(of, |number| codes.get(number as usize).copied().unwrap_or(""))
}
