use std::sync::Arc;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use super::super::Context;
use super::super::source::with_spinner;
use super::source::PlanSource;
use crate::app::{OpenMode, StoreUnavailable, open_store};
use crate::boundary::{LayerName, Level, UnitCode};
use crate::config::WorkloadConfig;
use crate::history::{AsOf, BaseChoice, Figures, TodayOf, WeighError, load_histories, resolve, weigh, weigh_base, weigh_census};
use crate::plan::{Base, Census, Workload};
use crate::store::Store;
use crate::topology::{Rules, ValidCoverage, check};

/// The boundaries of a store, and the level of the base units.
struct Opened {
    store: Arc<dyn Store>,
    coverage: Arc<ValidCoverage>,
    depth: usize,
}

fn open(source: &PlanSource, context: &Context) -> anyhow::Result<Opened> {
    let layer = LayerName::parse(&source.layer)?;
    let store = open_store(&context.store, OpenMode::ReadOnly)?;
    let coverage = Arc::new(with_spinner("loading", || load(&*store, &layer, source, context))?);
    let level = Level::parse(source.level.as_deref().context("--level names the level of the base units")?)?;
    let depth = coverage.layer().depth_of(&level).with_context(|| format!("layer {layer} has no level {level}"))?;
    ensure!(!coverage.levels()[depth].is_empty(), "level {level} of layer {layer} has no units");
    Ok(Opened { store, coverage, depth })
}

/// Weighs the work of the units of a level, and returns it with their codes.
pub fn read_workload(source: &PlanSource, context: &Context) -> anyhow::Result<(Vec<UnitCode>, Workload)> {
    let Opened { store, coverage, depth } = open(source, context)?;
    let level = &coverage.levels()[depth];
    let figures = Figures::load(&*store, level.level(), level.units(), Timestamp::now()).map_err(StoreUnavailable::from)?;
    let workload = weigh(&*store, &coverage, depth, &figures, &context.config.workload).map_err(to_anyhow)?;
    Ok((level.units().iter().map(|unit| unit.code.clone()).collect(), workload))
}

/// Reads base units from a level of the store.
pub fn read(source: &PlanSource, context: &Context) -> anyhow::Result<Base> {
    let opened = open(source, context)?;
    let mut base = opened.weigh(source, context, weigh_base)?;
    source.weigh_borders(&mut base, &opened.coverage, opened.depth)?;
    Ok(base)
}

/// Reads what workers are shared out by from a level of the store.
pub fn read_census(source: &PlanSource, context: &Context) -> anyhow::Result<Census> {
    open(source, context)?.weigh(source, context, weigh_census)
}

impl Opened {
    fn weigh<T>(
        &self,
        source: &PlanSource,
        context: &Context,
        weigh: impl FnOnce(&dyn Store, &Arc<ValidCoverage>, &Figures<'_>, &BaseChoice<'_>, &WorkloadConfig) -> Result<T, WeighError>,
    ) -> anyhow::Result<T> {
        let Self { store, coverage, depth } = self;
        let (depth, of_level) = (*depth, &coverage.levels()[*depth]);
        let (layer, level) = (&coverage.layer().name, of_level.level());
        let within = source.within.as_deref().map(Level::parse).transpose()?;
        let within = within
            .map(|within| match coverage.layer().depth_of(&within) {
                Some(above) if above < depth => Ok(above),
                Some(_) => Err(anyhow::anyhow!("level {within} is not above {level}")),
                None => Err(anyhow::anyhow!("layer {layer} has no level {within}")),
            })
            .transpose()?;
        // The level just above the base units is today's plan of them, where the parents that must not be crossed are coarser still.
        let is_between = depth > 0 && within.is_some_and(|above| above + 1 < depth) && !coverage.levels()[depth - 1].is_empty();
        let today = match &source.current_field {
            Some(field) => TodayOf::Field(field),
            None if is_between => TodayOf::Level(depth - 1),
            None => TodayOf::Nothing,
        };
        let (loads, limits) = (source.loads()?, source.limits()?);
        let choice =
            BaseChoice { depth, within, today, loads: &loads, limits: &limits, residents_field: source.residents_field.as_deref() };
        let figures = Figures::load(&**store, level, of_level.units(), Timestamp::now()).map_err(StoreUnavailable::from)?;
        weigh(&**store, coverage, &figures, &choice, &context.config.workload).map_err(to_anyhow)
    }
}

/// A store that fails is told as such, with an exit code of its own.
fn to_anyhow(error: WeighError) -> anyhow::Error {
    match error {
        WeighError::Store(error) => StoreUnavailable::from(error).into(),
        error => error.into(),
    }
}

fn load(store: &dyn Store, layer: &LayerName, source: &PlanSource, context: &Context) -> anyhow::Result<ValidCoverage> {
    let histories = load_histories(store, &context.config).map_err(StoreUnavailable::from)?;
    let history = histories.iter().find(|history| &history.layer == layer).with_context(|| format!("the store has no layer {layer}"))?;
    let as_of = AsOf { at: None, generation: source.generation };
    let generation = resolve(history, as_of, Timestamp::now())?.generation.id;
    let stored = store.load_generation(layer, generation).map_err(StoreUnavailable::from)?;
    let rules = Rules { snap_m: 0.0, accepted: stored.accepted, ..Rules::default() };
    let checked = check(&stored.layer, stored.shapes, &rules);
    checked
        .coverage
        .with_context(|| format!("generation {generation} of layer {layer} no longer passes its check; publish it anew from its source"))
}
