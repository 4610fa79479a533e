use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::ensure;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::export::replace_file;
use super::super::findings::print;
use super::super::{Context, Outcome};
use super::describe::{figure, percent};
use super::source::PlanSource;
use crate::app::{OpenMode, open_store};
use crate::boundary::{LayerName, Level, Territory};
use crate::dispatch::indicator::Grouping;
use crate::history::{JudgeError, Judged, StoreUnavailable, period_of, price};
use crate::plan::{Apportionment, Staffing, apportion, fewest_under};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: PlanSource,
    /// How many workers there are; as many as districts today where none is named
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    workers: Option<u32>,
    /// Other numbers to compare with, as FROM..TO or FROM..TO/STEP
    #[arg(long, value_name = "RANGE", value_parser = parse_range)]
    what_if: Option<Range>,
    /// The most that a worker may carry; also says how few workers keep it
    #[arg(long, value_name = "LOAD")]
    ceiling: Option<f64>,
    /// What a worker costs, in any money and for any time; from the store by default what one costs a month by the table of costs
    #[arg(long, value_name = "COST")]
    cost: Option<f64>,
    /// Sainte-Laguë keeps loads near the mean on both sides, min-max the greatest one low
    #[arg(long, default_value = "sainte-lague")]
    method: Method,
    /// Write parent,load,workers_today,workers,load_per_worker
    #[arg(short, long, value_name = "OUT.csv")]
    out: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Method {
    SainteLague,
    MinMax,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    from: u32,
    to: u32,
    step: u32,
}

/// Rows of a what-if that are worth reading.
const WHAT_IF_MAX: u32 = 1_000;

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    ensure!(args.ceiling.is_none_or(|ceiling| ceiling > 0.0), "--ceiling must be more than 0");
    let mut base = args.source.read(context)?;
    let mut cost = args.cost;
    if cost.is_none() && args.source.from.is_none() {
        cost = cost_of_today(&args.source, context)?;
        base.notes.extend(
            cost.map(|cost| format!("a worker costs {} a month: the mean of the last 30 days by the table of costs", figure(cost))),
        );
    }
    let (load, community) = (base.load(), base.community()?);
    let communities = community.iter().max().map_or(0, |last| *last as usize + 1);
    let (mut loads, mut rooms) = (vec![0.0; communities], vec![0u32; communities]);
    for (load, community) in load.iter().zip(&community) {
        loads[*community as usize] += load;
        rooms[*community as usize] += 1;
    }
    let today = today_by_community(&base.today.of, &community, base.today.names.len(), communities);
    let fewest = args.ceiling.map(|ceiling| fewest_under(&loads, ceiling));
    let workers =
        args.workers.or_else(|| today.as_ref().map(|today| today.iter().sum())).or_else(|| fewest.as_ref().map(|few| few.iter().sum()));
    let Some(workers) = workers else { anyhow::bail!("--workers says how many there are, or --ceiling what one may carry") };
    let method = if args.method == Method::MinMax { Apportionment::MinMax } else { Apportionment::SainteLague };
    let given = apportion(&loads, &rooms, workers, method)?;
    let staffing = |given: &[u32]| Staffing::of(&loads, given, args.ceiling, cost);
    let what_if = args.what_if.map_or_else(Vec::new, |range| (range.from..=range.to).step_by(range.step as usize).collect());
    let what_if: Vec<Staffing> =
        what_if.into_iter().filter_map(|workers| Some(staffing(&apportion(&loads, &rooms, workers, method).ok()?))).collect();
    let now = staffing(&given);
    let rows: Vec<Row> = (0..communities)
        .map(|at| Row {
            parent: base.community_name(at as u32).to_owned(),
            load: loads[at],
            today: today.as_ref().map(|today| today[at]),
            workers: given[at],
            fewest: fewest.as_ref().map(|fewest| fewest[at]),
        })
        .collect();
    if let Some(out) = &args.out {
        replace_file(out, |path| {
            let mut writer = csv::Writer::from_path(path)?;
            writer.write_record(["parent", "load", "workers_today", "workers", "load_per_worker"])?;
            for row in &rows {
                let today = row.today.map_or_else(String::new, |today| today.to_string());
                writer.write_record([
                    row.parent.as_str(),
                    &row.load.to_string(),
                    &today,
                    &row.workers.to_string(),
                    &row.each().to_string(),
                ])?;
            }
            Ok(writer.flush()?)
        })?;
    }
    if args.json {
        let today = today.as_ref().map(|today| to_json(&staffing(today)));
        let fewest: Option<u32> = fewest.as_ref().map(|fewest| fewest.iter().sum());
        let value = json!({
            "staffing": to_json(&now),
            "today": today,
            "fewest_under_ceiling": fewest,
            "parents": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "what_if": what_if.iter().map(to_json).collect::<Vec<_>>(),
        });
        print(&format!("{value:#}\n"))?;
    } else {
        print(&describe(&base.notes, &rows, &now, today.as_ref().map(|today| staffing(today)), fewest.as_deref(), &what_if))?;
    }
    Ok(if now.over_ceiling == 0 { Outcome::Done } else { Outcome::Problems })
}

/// Returns what a worker costs a month, as the roster and the table of costs had it in the last 30 days; none where nothing is priced.
fn cost_of_today(source: &PlanSource, context: &Context) -> anyhow::Result<Option<f64>> {
    let (layer, now) = (LayerName::parse(&source.layer)?, Timestamp::now());
    let from = now - SignedDuration::from_hours(COST_DAYS * 24);
    let period = period_of(&context.config.indicators, from, now, now, &context.config.time_zone);
    let store = open_store(&context.store, OpenMode::ReadOnly)?;
    let level = source.level.as_deref().map(Level::parse).transpose()?;
    let asked = Judged { grouping: Grouping::Unit, level, layer, period, territory: Territory::Whole, cases_max: None };
    let priced = match price(&*store, asked) {
        Ok(priced) => priced,
        Err(JudgeError::Store(error)) => return Err(StoreUnavailable(error).into()),
        // What cannot be priced, as of a layer that has no units yet, has no cost; the plan says the rest.
        Err(_) => return Ok(None),
    };
    let months: f64 = priced.units.iter().map(|unit| unit.months - unit.unpriced_months).sum();
    let cents: f64 = priced.units.iter().map(|unit| unit.cents).sum();
    Ok((months > 0.0 && cents > 0.0).then(|| cents / 100.0 / months))
}

/// Over how many days it is counted what a worker costs.
const COST_DAYS: i64 = 30;

struct Row {
    parent: String,
    load: f64,
    today: Option<u32>,
    workers: u32,
    fewest: Option<u32>,
}

impl Row {
    fn each(&self) -> f64 {
        self.load / f64::from(self.workers.max(1))
    }

    fn to_json(&self) -> Value {
        json!({
            "parent": self.parent,
            "load": self.load,
            "workers_today": self.today,
            "workers": self.workers,
            "load_per_worker": self.each(),
            "fewest_under_ceiling": self.fewest,
        })
    }
}

/// Counts a district where most of its units lie.
fn today_by_community(today: &[Option<u32>], community: &[u32], districts: usize, communities: usize) -> Option<Vec<u32>> {
    if districts == 0 {
        return None;
    }
    let mut pairs: Vec<(u32, u32)> = today.iter().zip(community).filter_map(|(today, community)| Some(((*today)?, *community))).collect();
    pairs.sort_unstable();
    let mut counts = vec![0; communities];
    for district in pairs.chunk_by(|a, b| a.0 == b.0) {
        let most = district.chunk_by(|a, b| a.1 == b.1).max_by_key(|part| part.len());
        most.iter().for_each(|part| counts[part[0].1 as usize] += 1);
    }
    Some(counts)
}

fn to_json(staffing: &Staffing) -> Value {
    json!({
        "workers": staffing.workers,
        "load_min": staffing.load_min,
        "load_max": staffing.load_max,
        "load_mean": staffing.load_mean,
        "over_ceiling": staffing.over_ceiling,
        "cost": staffing.cost,
    })
}

fn describe(
    notes: &[String],
    rows: &[Row],
    now: &Staffing,
    today: Option<Staffing>,
    fewest: Option<&[u32]>,
    what_if: &[Staffing],
) -> String {
    let mut text: String = notes.iter().map(|note| format!("{note}\n")).collect();
    let line = |name: &str, staffing: &Staffing| {
        let off = |load: f64| percent(load / staffing.load_mean - 1.0);
        let cost = staffing.cost.map_or_else(String::new, |cost| format!(", cost {}", figure(cost)));
        let over = if staffing.over_ceiling > 0 { format!(", {} over the ceiling", staffing.over_ceiling) } else { String::new() };
        format!(
            "{name}: {} workers, load {} each, {} to {} ({} to {}){over}{cost}\n",
            staffing.workers,
            figure(staffing.load_mean),
            figure(staffing.load_min),
            figure(staffing.load_max),
            off(staffing.load_min),
            off(staffing.load_max)
        )
    };
    if let Some(today) = today {
        text.push_str(&line("today", &today));
    }
    text.push_str(&line("by load", now));
    if let Some(fewest) = fewest {
        let _ = writeln!(text, "fewest under the ceiling: {}", fewest.iter().sum::<u32>());
    }
    for row in rows {
        let today = row.today.map_or_else(String::new, |today| format!(" ({today} today)"));
        let fewest = row.fewest.map_or_else(String::new, |fewest| format!(", at least {fewest}"));
        let parent = if row.parent.is_empty() { "all" } else { row.parent.as_str() };
        let _ = writeln!(text, "  {parent}: {} workers{today}, load {} each{fewest}", row.workers, figure(row.each()));
    }
    if !what_if.is_empty() {
        text.push_str("what if\n");
        what_if.iter().for_each(|staffing| text.push_str(&line(" ", staffing)));
    }
    text
}

fn parse_range(text: &str) -> Result<Range, String> {
    let wrong = || format!("{text:?} is no range: use 1900..2100 or 1900..2100/50");
    let (range, step) = text.split_once('/').unwrap_or((text, "1"));
    let (from, to) = range.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(wrong);
    let range = Range { from: number(from)?, to: number(to)?, step: number(step)? };
    if range.from > range.to || (range.to - range.from) / range.step >= WHAT_IF_MAX {
        return Err(format!("{text:?} has no number or more than {WHAT_IF_MAX} of them"));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_step() {
        assert_eq!(parse_range("5..9"), Ok(Range { from: 5, to: 9, step: 1 }));
        assert_eq!(parse_range("1900..2100/50"), Ok(Range { from: 1900, to: 2100, step: 50 }));
        for wrong in ["", "5", "9..5", "0..3", "1..2/0", "1..100000"] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_district_is_counted_where_most_of_its_units_lie() {
        let today = [Some(0), Some(0), Some(0), Some(1), None];
        assert_eq!(today_by_community(&today, &[0, 1, 1, 0, 0], 2, 2), Some(vec![1, 1]));
    }
}
