use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::ensure;
use jiff::Timestamp;

use super::super::export::replace_file;
use super::super::findings::print;
use super::super::{Context, Outcome};
use super::source::PlanSource;
use crate::api::wire::StaffingView;
use crate::app::{OpenMode, StoreUnavailable, open_store};
use crate::boundary::LayerName;
use crate::history::{monthly_cost, parse_numbers};
use crate::plan::{Apportionment, Census, StaffQuestion, StaffTable, Staffing, figure, percent};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: PlanSource,
    /// How many workers there are; as many as districts today where none is named
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    workers: Option<u32>,
    /// Other numbers to compare with, as FROM..TO or FROM..TO/STEP
    #[arg(long, value_name = "RANGE", value_parser = parse_what_if)]
    what_if: Option<WhatIf>,
    /// The most that a worker may carry, where one load is shared out; also says how few workers keep it
    #[arg(long, value_name = "LOAD", value_parser = parse_amount)]
    ceiling: Option<f64>,
    /// What a worker costs, in any money and for any time; from the store by default what one costs a month by the table of costs
    #[arg(long, value_name = "COST", value_parser = parse_amount)]
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

/// Numbers of workers as one argument.
#[derive(Clone, Debug)]
struct WhatIf(Vec<u32>);

fn parse_what_if(text: &str) -> Result<WhatIf, String> {
    parse_numbers(text).map(WhatIf)
}

fn parse_amount(text: &str) -> Result<f64, String> {
    let amount = text.parse().ok().filter(|amount: &f64| *amount > 0.0 && amount.is_finite());
    amount.ok_or_else(|| format!("{text:?} is no number above 0"))
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    ensure!(
        args.ceiling.is_none() || args.source.loads()?.len() == 1,
        "--ceiling bounds one load, and several are weighed together here; ask for each of them by itself"
    );
    let mut census = args.source.read_census(context)?;
    let mut cost = args.cost;
    if cost.is_none() && args.source.from.is_none() {
        cost = cost_of_today(&args.source, context)?;
        census.notes.extend(
            cost.map(|cost| format!("a worker costs {} a month: the mean of the last 30 days by the table of costs", figure(cost))),
        );
    }
    let method = if args.method == Method::MinMax { Apportionment::MinMax } else { Apportionment::SainteLague };
    let what_if = args.what_if.as_ref().map_or_else(Vec::new, |WhatIf(numbers)| numbers.clone());
    let question = StaffQuestion { workers: args.workers, method, ceiling: args.ceiling, cost_each: cost, what_if };
    let table = StaffTable::of(&census, &question)?;
    let view = StaffingView::new(&table, &census);
    if let Some(out) = &args.out {
        replace_file(out, |path| Ok(std::fs::write(path, view.to_csv())?))?;
    }
    let text = if args.json { format!("{:#}\n", serde_json::to_value(&view)?) } else { describe(&table, &census) };
    print(&text)?;
    Ok(if table.staffing.over_ceiling == 0 { Outcome::Done } else { Outcome::Problems })
}

fn cost_of_today(source: &PlanSource, context: &Context) -> anyhow::Result<Option<f64>> {
    let layer = LayerName::parse(&source.layer)?;
    let store = open_store(&context.store, OpenMode::ReadOnly)?;
    Ok(monthly_cost(&*store, &layer, Timestamp::now()).map_err(StoreUnavailable::from)?)
}

fn describe(table: &StaffTable, census: &Census) -> String {
    let mut text: String = census.notes.iter().map(|note| format!("{note}\n")).collect();
    let name_of = |community: u32| match census.community_name(community) {
        "" => "all",
        name => name,
    };
    let line = |name: &str, staffing: &Staffing| {
        let off = |load: f64| percent(load / staffing.load_mean - 1.0);
        let (least, off_least) = (figure(staffing.load_min), off(staffing.load_min));
        let range = match staffing.load_max {
            Some(most) => format!("{least} to {} ({off_least} to {})", figure(most), off(most)),
            None => {
                let names: Vec<&str> = staffing.without_workers.iter().map(|community| name_of(*community)).collect();
                format!("{least} and more ({off_least} and more), nobody in {}", names.join(", "))
            }
        };
        let over = if staffing.over_ceiling > 0 { format!(", {} over the ceiling", staffing.over_ceiling) } else { String::new() };
        let cost = staffing.cost.map_or_else(String::new, |cost| format!(", cost {}", figure(cost)));
        format!("{name}: {} workers, load {} each, {range}{over}{cost}\n", staffing.workers, figure(staffing.load_mean))
    };
    if let Some(today) = &table.today {
        text.push_str(&line("today", today));
    }
    text.push_str(&line("by load", &table.staffing));
    if let Some(fewest) = table.fewest() {
        let _ = writeln!(text, "fewest under the ceiling: {fewest}");
    }
    for row in &table.rows {
        let today = row.today.map_or_else(String::new, |today| format!(" ({today} today)"));
        let fewest = row.fewest.map_or_else(String::new, |fewest| format!(", at least {fewest}"));
        let parent = name_of(row.community);
        let _ = writeln!(text, "  {parent}: {} workers{today}, load {} each{fewest}", row.workers, figure(row.load_per_worker()));
    }
    if !table.what_if.is_empty() {
        text.push_str("what if\n");
        table.what_if.iter().for_each(|staffing| text.push_str(&line("  with", staffing)));
    }
    text
}
