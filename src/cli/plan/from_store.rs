use std::sync::Arc;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use super::super::Context;
use super::super::source::with_spinner;
use super::base::{Base, Named, Variable};
use super::source::{PlanSource, WORKLOAD, to_name};
use super::workload::{Figures, weigh};
use crate::app::{OpenMode, StoreUnavailable, open_store};
use crate::boundary::{LayerName, Level, UnitCode};
use crate::history::{AsOf, load_histories, resolve};
use crate::lineage::RESIDENTS_NAMES;
use crate::plan::{Workload, base_graph, ground_of};
use crate::store::Store;
use crate::topology::{CoverageLevel, Rules, UnitIndex, ValidCoverage, check};

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
    let figures = Figures::load(&*store, level, Timestamp::now())?;
    let workload = weigh(&*store, &coverage, depth, &figures, &context.config.workload)?;
    Ok((level.units().iter().map(|unit| unit.code.clone()).collect(), workload))
}

/// Reads base units from a level of the store.
pub fn read(source: &PlanSource, context: &Context) -> anyhow::Result<Base> {
    let Opened { store, coverage, depth } = open(source, context)?;
    let of_level = &coverage.levels()[depth];
    let (layer, level) = (&coverage.layer().name, of_level.level());
    let within = source.within.as_deref().map(Level::parse).transpose()?;
    let within = within
        .map(|within| match coverage.layer().depth_of(&within) {
            Some(above) if above < depth => Ok(above),
            Some(_) => Err(anyhow::anyhow!("level {within} is not above {level}")),
            None => Err(anyhow::anyhow!("layer {layer} has no level {within}")),
        })
        .transpose()?;
    let communities = match within {
        Some(above) => ancestors(&coverage, depth, above),
        None => Named { names: Vec::new(), of: vec![None; of_level.units().len()] },
    };
    // The level just above the base units is today's plan of them, where the parents that must not be crossed are coarser still.
    let is_between = depth > 0 && within.is_some_and(|above| above + 1 < depth) && !coverage.levels()[depth - 1].is_empty();
    let today = match &source.current_field {
        Some(field) => by_field(of_level, field)?,
        None if is_between => ancestors(&coverage, depth, depth - 1),
        None => Named { names: Vec::new(), of: vec![None; of_level.units().len()] },
    };
    let figures = Figures::load(&*store, of_level, Timestamp::now())?;
    let mut variables = Vec::new();
    for load in source.loads()? {
        let values = match load.field == WORKLOAD && !figures.has_field(WORKLOAD) {
            true => weigh(&*store, &coverage, depth, &figures, &context.config.workload)?.loads(),
            false => figures.of(&load.field)?,
        };
        variables.push(Variable { name: load.field, weight: load.weight, values });
    }
    let residents_field = source.residents_field.as_deref().or_else(|| {
        let mut usual = RESIDENTS_NAMES.iter().copied();
        usual.find(|name| figures.has_field(name))
    });
    let residents = residents_field.map(|field| figures.of(field)).transpose()?;
    Ok(Base {
        codes: of_level.units().iter().map(|unit| unit.code.clone()).collect(),
        graph: base_graph(&coverage, depth),
        ground: ground_of(&coverage, depth),
        variables,
        communities,
        today,
        residents,
        notes: vec![format!("layer {layer}: {} units of level {level}", of_level.units().len())],
    })
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

fn ancestors(coverage: &ValidCoverage, depth: usize, above: usize) -> Named {
    let ancestor = |unit: UnitIndex| {
        let mut at = unit;
        for depth in (above + 1..=depth).rev() {
            at = coverage.levels()[depth].parent(at)?;
        }
        Some(coverage.levels()[above].unit(at).code.as_str().to_owned())
    };
    Named::new(coverage.levels()[depth].indices().map(ancestor).collect())
}

fn by_field(level: &CoverageLevel, field: &str) -> anyhow::Result<Named> {
    let names: Vec<Option<String>> = level.units().iter().map(|unit| to_name(unit.properties.get(field))).collect();
    ensure!(names.iter().any(Option::is_some), "no unit of level {} has a value in the field {field}", level.level());
    Ok(Named::new(names))
}
