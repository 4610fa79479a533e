use jiff::Timestamp;

use super::HistoryError;
use super::sides::Whole;
use crate::boundary::{GenerationId, GenerationState, Level};
use crate::config::WorkloadConfig;
use crate::history::weighing::{BaseChoice, Figures, TodayOf, WORKLOAD, WantedLoad, WeighError, weigh_base};
use crate::plan::{Base, Measured, Measures, Named, measure};
use crate::snapshot::LayerHistory;
use crate::store::Store;

/// Two generations as plans: the units of a level, each in the unit above it, by all figures that are shown of plans.
#[derive(Clone, Debug)]
pub struct MeasuredPair {
    pub level: Level,
    pub district_level: Level,
    pub loads: Vec<WantedLoad>,
    pub from: Measures,
    /// Against the old one: what changes hands.
    pub to: Measures,
    /// Of the districts of both, by their numbers.
    pub districts: Vec<String>,
    /// Of the communities of each.
    pub communities: [Vec<String>; 2],
}

#[derive(Debug, thiserror::Error)]
pub enum PairError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Weigh(#[from] WeighError),
    #[error("the generations have no level {0} with units above it")]
    NoLevel(Level),
    #[error("the generations have no units")]
    Empty,
    #[error(transparent)]
    Base(#[from] crate::plan::BaseError),
}

/// Measures two generations of a layer as plans; drafts as of their last steps. The finest level is taken where none is named, and the
/// work where no load is.
///
/// # Errors
/// A generation or level is not there, a load cannot be weighed, and those of the store.
pub fn measure_pair(
    store: &dyn Store,
    history: &LayerHistory,
    [from, to]: [GenerationId; 2],
    level: Option<&Level>,
    loads: Option<&[WantedLoad]>,
    config: &WorkloadConfig,
    now: Timestamp,
) -> Result<MeasuredPair, PairError> {
    let known = store.load_generations(&history.layer).map_err(HistoryError::from)?;
    let is_draft = |id: GenerationId| known.iter().any(|known| known.id == id && known.state == GenerationState::Draft);
    let whole = [Whole::load(store, history, from, is_draft(from))?, Whole::load(store, history, to, is_draft(to))?];
    let finest = || whole[1].coverage.finest_depth().map(|depth| whole[1].coverage.levels()[depth].level().clone());
    let level = level.cloned().or_else(finest).ok_or(PairError::Empty)?;
    let own_field = whole.iter().find_map(|whole| Some(whole.own.as_ref()?.0.clone()));
    let usual = vec![WantedLoad { field: own_field.unwrap_or_else(|| WORKLOAD.into()), weight: 1.0 }];
    let loads = loads.map_or(usual, <[WantedLoad]>::to_vec);
    let bases = [weigh_whole(store, &whole[0], &level, &loads, config, now)?, weigh_whole(store, &whole[1], &level, &loads, config, now)?];
    // The same code is the same district in both.
    let district = |base: &Base| base.today.of.iter().map(|of| of.map(|of| base.today.names[of as usize].clone())).collect::<Vec<_>>();
    let both = Named::new(district(&bases[0]).into_iter().chain(district(&bases[1])).collect());
    let (old, new) = both.of.split_at(bases[0].codes.len());
    // What each unit of the new one was in, where there was one of its code.
    let place: rustc_hash::FxHashMap<_, _> = bases[0].codes.iter().zip(old).collect();
    let before: Vec<Option<u32>> = bases[1].codes.iter().map(|code| place.get(code).copied().copied().flatten()).collect();
    let measures = |base: &Base, district_of: &[Option<u32>], today: &[Option<u32>]| {
        let (load, community) = (base.load(), base.community()?);
        Ok::<_, PairError>(measure(&Measured {
            graph: &base.graph,
            ground: &base.ground,
            load: &load,
            community: &community,
            district_of,
            districts: both.names.len(),
            today,
            is_locked: &[],
            residents: base.residents.as_deref(),
            transport_load: None,
        }))
    };
    let (from, to) = (measures(&bases[0], old, &[])?, measures(&bases[1], new, &before)?);
    let depth = whole[1].coverage.layer().depth_of(&level).unwrap_or(1);
    let district_level = whole[1].coverage.levels()[depth - 1].level().clone();
    let communities = bases.map(|base| base.communities.names);
    Ok(MeasuredPair { level, district_level, loads, from, to, districts: both.names, communities })
}

fn weigh_whole(
    store: &dyn Store,
    whole: &Whole,
    level: &Level,
    loads: &[WantedLoad],
    config: &WorkloadConfig,
    now: Timestamp,
) -> Result<Base, PairError> {
    let levels = whole.coverage.levels();
    let depth =
        whole.coverage.layer().depth_of(level).filter(|depth| *depth > 0 && !levels[depth - 1].is_empty() && !levels[*depth].is_empty());
    let depth = depth.ok_or_else(|| PairError::NoLevel(level.clone()))?;
    let choice = BaseChoice {
        depth,
        within: depth.checked_sub(2).filter(|above| !levels[*above].is_empty()),
        today: TodayOf::Level(depth - 1),
        loads,
        limits: &[],
        residents_field: None,
    };
    let own = whole.own.as_ref().map(|(field, loads)| (field.clone(), loads[depth].clone()));
    let figures = Figures::load(store, levels[depth].level(), levels[depth].units(), now).map_err(WeighError::from)?.with_own(own);
    Ok(weigh_base(store, &whole.coverage, &figures, &choice, config)?)
}
