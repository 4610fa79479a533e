use std::collections::BTreeMap;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::judging::{JudgeError, Judged, judge};
use crate::boundary::{Level, Territory, UnitCode};
use crate::dispatch::indicator::{Grouping, Measure};
use crate::dispatch::{CostRow, FundRow, PostCost, RuleTable, SourceCover, cover, staff_costs};
use crate::store::{Store, StoreError, current_generation};

/// What a unit of the wanted level costs within a period, with all below it.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitPrice {
    /// None for posts above the level, and for cases outside of all units.
    pub unit: Option<UnitCode>,
    pub name: String,
    pub months: f64,
    /// Months for which no row says what they cost.
    pub unpriced_months: f64,
    /// In hundredths of the currency.
    pub cents: f64,
    /// What each source pays of it, in the order of the sources.
    pub covered_cents: Vec<f64>,
    pub reports: u64,
    /// Tasks done of those due in the period.
    pub handled: u64,
}

impl UnitPrice {
    /// Returns what nobody pays.
    pub fn uncovered_cents(&self) -> f64 {
        (self.cents - self.covered_cents.iter().sum::<f64>()).max(0.0)
    }

    /// Returns what each handled case has cost; none where none was handled.
    #[expect(clippy::cast_precision_loss, reason = "counts of cases are far below 2^53")]
    pub fn cents_per_handled(&self) -> Option<f64> {
        (self.handled > 0).then(|| self.cents / self.handled as f64)
    }
}

/// What staff costs within a period, and who pays.
#[derive(Clone, Debug)]
pub struct Priced {
    pub posts: Vec<PostCost>,
    pub sources: Vec<SourceCover>,
    pub units: Vec<UnitPrice>,
    pub handled: Measure,
}

/// Works out what the posts of a period cost by the rosters in force then, who pays for them, and what a handled case costs. Costs and
/// funds are those of the tables in force at `as_of`, each row for its own dates.
///
/// # Errors
/// As [`judge`].
pub fn price(store: &dyn Store, asked: Judged) -> Result<Priced, JudgeError> {
    let (from, to, as_of) = (asked.period.from, asked.period.to, asked.period.as_of);
    let (rates, funds) = load_tables(store, as_of)?;
    let units = Tree::load(store, &asked, to)?;
    let posts = price_posts(store, &rates, (from, to), &asked.territory, |unit| units.path(unit))?;
    let coverage = cover(&posts, &funds, from, to, |unit| units.path(unit));
    let judged = judge(store, &Judged { grouping: Grouping::Unit, ..asked })?;
    let mut found: BTreeMap<Option<UnitCode>, UnitPrice> = BTreeMap::new();
    let empty = |unit: Option<UnitCode>| UnitPrice {
        name: unit.as_ref().and_then(|unit| judged.names.get(unit.as_str()).or_else(|| units.names.get(unit)).cloned()).unwrap_or_default(),
        unit,
        months: 0.0,
        unpriced_months: 0.0,
        cents: 0.0,
        covered_cents: vec![0.0; funds.len()],
        reports: 0,
        handled: 0,
    };
    for (cost, shares) in posts.iter().zip(&coverage.shares) {
        let unit = units.at_level(&cost.unit);
        let sum = found.entry(unit.clone()).or_insert_with(|| empty(unit));
        sum.months += cost.months;
        sum.unpriced_months += cost.unpriced_months;
        sum.cents += cost.cents;
        sum.covered_cents.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share);
    }
    for (group, counts) in &judged.evaluation.groups {
        let unit = group.as_ref().and_then(|code| UnitCode::parse(code).ok());
        let sum = found.entry(unit.clone()).or_insert_with(|| empty(unit));
        sum.reports += counts.reports;
        sum.handled += counts.handled;
    }
    let total = &judged.evaluation.total;
    let handled = Measure { numerator: total.handled, denominator: total.should_handle };
    Ok(Priced { posts, sources: coverage.sources, units: found.into_values().collect(), handled })
}

/// Works out what posts of a territory cost within a period by the rosters in force then. `path_of` gives the codes of a unit and of those
/// above it, the finest first.
///
/// # Errors
/// Those of the store.
pub(super) fn price_posts(
    store: &dyn Store,
    rates: &[CostRow],
    (from, to): (Timestamp, Timestamp),
    territory: &Territory,
    path_of: impl Fn(&UnitCode) -> Vec<UnitCode>,
) -> Result<Vec<PostCost>, StoreError> {
    let mut posts: BTreeMap<_, PostCost> = BTreeMap::new();
    let mut at = from;
    while at < to {
        let roster = store.load_roster(at)?;
        let end = roster.term.to.filter(|end| at < *end).map_or(to, |end| end.min(to));
        let assignments: Vec<_> = roster.data.assignments.into_iter().filter(|assignment| territory.has(&assignment.unit)).collect();
        for cost in staff_costs(&assignments, rates, at, end, &path_of) {
            posts
                .entry((cost.unit.clone(), cost.post))
                .and_modify(|sum| {
                    sum.months += cost.months;
                    sum.cents += cost.cents;
                    sum.unpriced_months += cost.unpriced_months;
                })
                .or_insert(cost);
        }
        at = end;
    }
    Ok(posts.into_values().collect())
}

pub(super) fn load_tables(store: &dyn Store, as_of: Timestamp) -> Result<(Vec<CostRow>, Vec<FundRow>), StoreError> {
    let (mut rates, mut funds) = (Vec::new(), Vec::new());
    for set in store.load_rules()?.into_iter().filter(|set| set.effective_from <= as_of) {
        match set.table {
            RuleTable::Costs(rows) => rates = rows,
            RuleTable::Funds(rows) => funds = rows,
            _ => {}
        }
    }
    Ok((rates, funds))
}

/// The units of the generation in effect, each with its parent.
struct Tree {
    parents: FxHashMap<UnitCode, UnitCode>,
    levels: FxHashMap<UnitCode, usize>,
    names: FxHashMap<UnitCode, String>,
    wanted: usize,
}

impl Tree {
    fn load(store: &dyn Store, asked: &Judged, at: Timestamp) -> Result<Self, JudgeError> {
        let generations = store.load_generations(&asked.layer)?;
        let mut tree = Self { parents: FxHashMap::default(), levels: FxHashMap::default(), names: FxHashMap::default(), wanted: 0 };
        let Some(current) = current_generation(&generations, at).or(generations.last()) else { return Ok(tree) };
        let stored = store.load_generation(&asked.layer, current.id)?;
        tree.wanted = match &asked.level {
            None => stored.shapes.iter().rposition(|shapes| !shapes.is_empty()).unwrap_or(0),
            Some(level) => stored.layer.depth_of(level).ok_or_else(|| JudgeError::NoLevel {
                layer: asked.layer.clone(),
                generation: current.id,
                level: level.clone(),
                known: stored.layer.levels.iter().map(Level::as_str).collect::<Vec<_>>().join(", "),
            })?,
        };
        for (depth, shapes) in stored.shapes.into_iter().enumerate() {
            for unit in shapes.into_iter().map(|shape| shape.unit) {
                tree.parents.extend(unit.parent.map(|parent| (unit.code.clone(), parent)));
                tree.names.insert(unit.code.clone(), unit.name);
                tree.levels.insert(unit.code, depth);
            }
        }
        Ok(tree)
    }

    /// Returns the codes of a unit and of those above it, the finest first.
    fn path(&self, unit: &UnitCode) -> Vec<UnitCode> {
        path_of(&self.parents, unit)
    }

    fn at_level(&self, unit: &UnitCode) -> Option<UnitCode> {
        self.path(unit).into_iter().find(|code| self.levels.get(code) == Some(&self.wanted))
    }
}

/// Returns the codes of a unit and of those above it, the finest first.
pub(super) fn path_of(parents: &FxHashMap<UnitCode, UnitCode>, unit: &UnitCode) -> Vec<UnitCode> {
    // A damaged store might have a circle of parents.
    std::iter::successors(Some(unit), |code| parents.get(*code)).take(LEVELS_MAX).cloned().collect()
}

/// Levels that are followed upwards; no territory has as many.
const LEVELS_MAX: usize = 16;

impl Priced {
    /// Writes a CSV table of the units, with a column for each source.
    pub fn to_csv(&self) -> String {
        let sources: Vec<String> = self.sources.iter().map(|source| quoted(&format!("covered by {}", source.source))).collect();
        let comma = if sources.is_empty() { "" } else { "," };
        let mut text = format!(
            "unit_code,name,staff_months,unpriced_months,cost,{}{comma}uncovered,reports,handled,cost_per_handled\n",
            sources.join(",")
        );
        for unit in &self.units {
            let money = |cents: f64| format!("{:.2}", cents / 100.0);
            let mut cells = vec![
                quoted(unit.unit.as_ref().map_or("", UnitCode::as_str)),
                quoted(&unit.name),
                format!("{:.3}", unit.months),
                format!("{:.3}", unit.unpriced_months),
                money(unit.cents),
            ];
            cells.extend(unit.covered_cents.iter().map(|cents| money(*cents)));
            cells.extend([money(unit.uncovered_cents()), unit.reports.to_string(), unit.handled.to_string()]);
            cells.push(unit.cents_per_handled().map(money).unwrap_or_default());
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
