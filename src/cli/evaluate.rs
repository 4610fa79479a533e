use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;

use super::source::with_spinner;
use super::time::{parse_time, tell};
use super::{Context, Outcome};
use crate::app::{self, OpenMode};
use crate::boundary::{LayerName, Level, Territory};
use crate::dispatch::indicator::{Evaluated, Grouping, Indicator, Measure, find_hot_spots, find_repeat_places, rank, score};
use crate::export::Report;
use crate::history::{JudgeError, Judged, Judgement, StoreUnavailable, judge, period_of, weights_of};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first day that counts, or a time
    #[arg(long, value_name = "DATE")]
    from: String,
    /// The first day that no longer counts, or a time
    #[arg(long, value_name = "DATE")]
    to: String,
    /// unit, department or worker
    #[arg(long, value_parser = parse_grouping)]
    by: Grouping,
    /// The level of the units; the finest by default
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// The layer of the units
    #[arg(long, default_value = "grid")]
    layer: String,
    /// As of when cases are judged: what happened later is not known; now by default
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Rank by this indicator instead of the score
    #[arg(long, value_name = "CODE", value_parser = parse_indicator)]
    rank_by: Option<&'static Indicator>,
    /// Writes a table (.csv) or a page to print (.html); - is the standard output, as a table
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Groups that are shown where nothing else was asked for.
const SHOWN_MAX: usize = 20;

/// Indicators that are shown then.
const SHOWN: [&str; 5] = ["on_time_handling", "overdue_pending", "on_time_closing", "rework", "repeats"];

/// Most places of each kind in a report.
const PLACES_MAX: usize = 50;

/// Hot spots are told from this many standard deviations on: one square in a thousand by chance.
const HOT_Z_MIN: f64 = 3.0;

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let time_zone = &context.config.time_zone;
    let (from, to) = (parse_time(&args.from, time_zone)?, parse_time(&args.to, time_zone)?);
    ensure!(from < to, "--to {} is not after --from {}; it is the first day that no longer counts", args.to, args.from);
    let as_of = args.as_of.as_ref().map(|text| parse_time(text, time_zone)).transpose()?.unwrap_or_else(Timestamp::now);
    let layer = LayerName::parse(&args.layer).context("the layer is wrong")?;
    let level = args.level.as_ref().map(|level| Level::parse(level)).transpose().context("the level is wrong")?;
    let weights = weights_of(&context.config.indicators).map_err(anyhow::Error::msg)?;
    let period = period_of(&context.config.indicators, from, to, as_of, time_zone);
    let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
    let asked = Judged { grouping: args.by, level, layer, period, territory: Territory::Whole, cases_max: None };
    let judgement = with_spinner("judging cases", || {
        judge(&*store, &asked).map_err(|error| match error {
            JudgeError::Store(error) => anyhow::Error::new(StoreUnavailable(error)),
            other => other.into(),
        })
    })?;
    let Judgement { evaluation, names, places, case_count } = &judgement;
    let groups = rank(evaluation, args.rank_by, &weights);
    let total = Evaluated { group: &None, counts: &evaluation.total, score: score(&evaluation.total, &weights), rank: None };
    let placed: Vec<_> = places.iter().map(|(at, category)| (*at, category.as_str())).collect();
    let mut repeat_places = find_repeat_places(&placed, context.config.indicators.repeat_cases_min);
    repeat_places.truncate(PLACES_MAX);
    let positions: Vec<_> = places.iter().map(|(at, _)| *at).collect();
    let mut hot_spots = find_hot_spots(&positions, context.config.indicators.hot_spot_side_m, HOT_Z_MIN);
    hot_spots.truncate(PLACES_MAX);
    let told = format!("{} to {}, as known {}", tell(from, time_zone), tell(to, time_zone), tell(as_of, time_zone));
    let report = Report {
        title: "Evaluation 综合评价",
        period: &told,
        by: args.by.as_str(),
        ranked_by: args.rank_by.map_or("score", |indicator| indicator.name),
        total: &total,
        groups: &groups,
        names,
        repeat_places: &repeat_places,
        hot_spots: &hot_spots,
    };
    let Some(output) = &args.output else {
        super::say(&format!("{told}: {case_count} cases, {} reports", evaluation.total.reports));
        print_short(&report);
        return Ok(Outcome::Done);
    };
    let text = match output.extension().and_then(|ending| ending.to_str()) {
        _ if output.as_os_str() == "-" => {
            super::say(report.to_csv().trim_end());
            return Ok(Outcome::Done);
        }
        Some("csv") => report.to_csv(),
        Some("html" | "htm") => report.to_html(),
        _ => bail!("{} is neither a table nor a page; name it .csv or .html", output.display()),
    };
    std::fs::write(output, text).with_context(|| format!("cannot write {}", output.display()))?;
    super::say(&format!("{}: {} groups by {}, {case_count} cases", output.display(), groups.len(), args.by.as_str()));
    Ok(Outcome::Done)
}

fn print_short(report: &Report<'_>) {
    let show = |evaluated: &Evaluated<'_>, title: &str| {
        let rank = evaluated.rank.map_or_else(String::new, |rank| format!("{rank}."));
        let shares = SHOWN.iter().filter_map(|code| Indicator::find(code)).map(|indicator| {
            let measure @ Measure { numerator, denominator } = indicator.of(evaluated.counts);
            let value = measure.value().map_or_else(|| "—".to_owned(), |value| format!("{:.1} %", value * 100.0));
            format!("{} {value} ({numerator}/{denominator})", indicator.name)
        });
        super::say(&format!("{rank:>4} {title}  {} reports; {}", evaluated.counts.reports, shares.collect::<Vec<_>>().join("; ")));
    };
    show(report.total, "all");
    for evaluated in report.groups.iter().take(SHOWN_MAX) {
        let group = evaluated.group.as_deref().unwrap_or("—");
        let name = report.names.get(group).map(|name| format!(" {name}")).unwrap_or_default();
        show(evaluated, &format!("{group}{name}"));
    }
    if report.groups.len() > SHOWN_MAX {
        super::say(&format!("     and {} more; -o OUT.csv or OUT.html has all of them", report.groups.len() - SHOWN_MAX));
    }
}

fn parse_grouping(text: &str) -> Result<Grouping, String> {
    Grouping::parse(text).ok_or_else(|| "cases are put together by unit, department or worker".to_owned())
}

fn parse_indicator(text: &str) -> Result<&'static Indicator, String> {
    let known = || crate::dispatch::indicator::INDICATORS.iter().map(|indicator| indicator.code).collect::<Vec<_>>().join(", ");
    Indicator::find(text).ok_or_else(|| format!("there is no indicator {text:?}; known are {}", known()))
}
