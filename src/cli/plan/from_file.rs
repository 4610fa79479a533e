use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustc_hash::FxHashMap;

use super::super::findings::describe_problems;
use super::super::source::{read_source, with_spinner};
use super::source::PlanSource;
use crate::boundary::{Accepted, Layer, LayerName, Level, Properties, Severity, Unit};
use crate::history::{AREA_KM2, UNITS, WantedLimit, to_figure, to_name};
use crate::import::{BoundaryFile, FieldChoice, ReadOptions, SourceFeature};
use crate::lineage::RESIDENTS_NAMES;
use crate::plan::{Base, BaseError, Census, Limit, Named, Variable, base_graph, ground_of, home_of, weigh_together};
use crate::topology::{Rules, ValidCoverage, check};

/// Reads base units from a boundary file. Gaps and overlaps are taken as they are, since nothing is published: only who is beside whom counts.
pub fn read(source: &PlanSource, file: &str) -> anyhow::Result<Base> {
    let Opened { coverage, facts, notes } = open(source, file)?;
    let units = coverage.levels()[0].units();
    let facts = of_units(&facts, units)?;
    let variables = read_variables(source, &facts, file)?;
    let graph = base_graph(&coverage, 0);
    let mut limits = Vec::new();
    for WantedLimit { field, least, most } in source.limits()? {
        let has_field = facts.iter().any(|fact| fact.value(&field).is_some());
        let values = match field.as_str() {
            UNITS if !has_field => vec![1.0; facts.len()],
            AREA_KM2 if !has_field => graph.units().iter().map(|unit| unit.area_m2 / 1e6).collect(),
            _ => read_some_figures(&facts, &field, file)?,
        };
        limits.push(Limit { name: field, values, least, most });
    }
    let residents_field = source.residents_field.clone().or_else(|| {
        let fields = RESIDENTS_NAMES.iter().filter(|name| facts.iter().any(|fact| fact.value(name).is_some()));
        fields.map(|name| (*name).to_owned()).next()
    });
    let residents = residents_field.map(|field| read_figures(&facts, &field, file)).transpose()?.map(|(values, _)| values);
    let mut base = Base {
        codes: units.iter().map(|unit| unit.code.clone()).collect(),
        graph,
        ground: ground_of(&coverage, 0),
        variables,
        limits,
        communities: read_names(&facts, source.parent_field.as_ref(), file)?,
        today: read_names(&facts, source.current_field.as_ref(), file)?,
        residents,
        notes,
        ..Base::default()
    };
    source.weigh_borders(&mut base, &coverage, 0)?;
    Ok(base)
}

/// Reads what workers are shared out by from a boundary file.
pub fn read_census(source: &PlanSource, file: &str) -> anyhow::Result<Census> {
    let Opened { coverage, facts, notes } = open(source, file)?;
    let units = coverage.levels()[0].units();
    let facts = of_units(&facts, units)?;
    let communities = read_names(&facts, source.parent_field.as_ref(), file)?;
    Ok(Census {
        load: weigh_together(&read_variables(source, &facts, file)?, units.len()),
        community: home_of(&communities, units.len()).map_err(|unit| BaseError::NoParent(units[unit].code.clone()))?,
        communities: communities.names,
        today: read_names(&facts, source.current_field.as_ref(), file)?,
        notes,
    })
}

struct Opened {
    coverage: ValidCoverage,
    facts: Facts,
    notes: Vec<String>,
}

fn open(source: &PlanSource, file: &str) -> anyhow::Result<Opened> {
    // What is asked for amiss is told before a large file is read.
    source.loads()?;
    let fields = FieldChoice { code: source.code_field.clone(), name: None, parent: source.parent_field.clone() };
    let options = ReadOptions { crs: source.crs.clone(), encoding: source.encoding, fields, keep_plane: false };
    let read = read_source(file, &options)?;
    read.require_code()?;
    let facts = Facts::new(&read);
    let level = Level::parse("unit").context("the level of the units")?;
    let layer = Layer { name: LayerName::parse("grid")?, levels: vec![level], scheme: None };
    let (shapes, mut problems) = read.into_shapes(&layer, &layer.levels[0]);
    let is_whole = problems.iter().all(|problem| problem.severity < Severity::Error);
    let rules = Rules { accepted: Accepted { overlap: true, gap: true, nesting: true }, ..Rules::default() };
    let checked = with_spinner("checking", || check(&layer, vec![shapes], &rules));
    let accepted = checked.summary.first().map_or((0, 0), |summary| (summary.gaps, summary.overlaps));
    problems.extend(checked.problems.into_iter().filter(|problem| problem.severity == Severity::Error));
    let Some(coverage) = checked.coverage.filter(|_| is_whole) else {
        bail!("{file} cannot be planned with:\n{}", describe_problems(&problems).trim_end());
    };
    let mut notes = vec![format!("{file}: {} units", coverage.levels()[0].units().len())];
    if accepted != (0, 0) {
        notes.push(format!("the units have {} gaps and {} overlaps, which are taken as they are", accepted.0, accepted.1));
    }
    Ok(Opened { coverage, facts, notes })
}

fn of_units<'a>(facts: &'a Facts, units: &[Arc<Unit>]) -> anyhow::Result<Vec<&'a Fact>> {
    units.iter().map(|unit| facts.of(unit.code.as_str())).collect()
}

fn read_variables(source: &PlanSource, facts: &[&Fact], file: &str) -> anyhow::Result<Vec<Variable>> {
    let mut variables = Vec::new();
    for load in source.loads()? {
        let values = read_some_figures(facts, &load.field, file)?;
        variables.push(Variable { name: load.field, weight: load.weight, values });
    }
    Ok(variables)
}

fn read_names(facts: &[&Fact], field: Option<&String>, file: &str) -> anyhow::Result<Named> {
    let Some(field) = field else { return Ok(Named { names: Vec::new(), of: vec![None; facts.len()] }) };
    anyhow::ensure!(facts.iter().any(|fact| fact.value(field).is_some()), "no unit of {file} has a value in the field {field}");
    Ok(Named::new(facts.iter().map(|fact| to_name(fact.value(field).as_ref())).collect()))
}

/// What the file says of a unit, the fields included that were understood as code, name or parent.
struct Fact {
    properties: Properties,
    code: Option<(String, String)>,
    name: Option<(String, String)>,
    parent: Option<(String, String)>,
}

struct Facts(FxHashMap<String, Fact>);

impl Facts {
    fn new(file: &BoundaryFile) -> Self {
        let fact = |feature: &SourceFeature| {
            let known = |field: &Option<String>, value: Option<String>| Some((field.clone()?, value?));
            Fact {
                properties: feature.properties.clone(),
                code: known(&file.fields.code, feature.code.clone()),
                name: known(&file.fields.name, Some(feature.name.clone())),
                parent: known(&file.fields.parent, feature.parent.clone()),
            }
        };
        Self(file.features.iter().filter_map(|feature| Some((feature.code.clone()?.trim().to_owned(), fact(feature)))).collect())
    }

    fn of(&self, code: &str) -> anyhow::Result<&Fact> {
        self.0.get(code).with_context(|| format!("unit {code} is not among the features"))
    }
}

impl Fact {
    fn value(&self, field: &str) -> Option<serde_json::Value> {
        if let Some(value) = self.properties.get(field) {
            return Some(value.clone());
        }
        let known = [&self.code, &self.name, &self.parent].into_iter().flatten().find(|(name, _)| name == field);
        known.map(|(_, value)| value.clone().into())
    }
}

/// Returns a figure of each unit, of which at least one has it.
fn read_some_figures(facts: &[&Fact], field: &str, file: &str) -> anyhow::Result<Vec<f64>> {
    let (values, missing) = read_figures(facts, field, file)?;
    anyhow::ensure!(missing < facts.len(), "no unit of {file} has a number in the field {field}");
    Ok(values)
}

/// Returns a figure of each unit, 0 where it has none, and how many have none.
fn read_figures(facts: &[&Fact], field: &str, file: &str) -> anyhow::Result<(Vec<f64>, usize)> {
    let mut missing = 0;
    let mut figures = Vec::with_capacity(facts.len());
    for fact in facts {
        let figure = to_figure(fact.value(field).as_ref()).map_err(|why| {
            let code = fact.code.as_ref().map_or("", |(_, code)| code.as_str());
            anyhow::anyhow!("unit {code} of {file}: {field}: {why}")
        })?;
        missing += usize::from(figure.is_none());
        figures.push(figure.unwrap_or_default());
    }
    Ok((figures, missing))
}
