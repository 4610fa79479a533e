use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use super::source::with_spinner;
use super::time::{parse_time, tell};
use super::{Context, Outcome};
use crate::app::{self, OpenMode};
use crate::boundary::{LayerName, Level, Territory};
use crate::dispatch::indicator::Grouping;
use crate::history::{JudgeError, Judged, Priced, StoreUnavailable, UnitPrice, period_of, price};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first day that counts, or a time
    #[arg(long, value_name = "DATE")]
    from: String,
    /// The first day that no longer counts, or a time
    #[arg(long, value_name = "DATE")]
    to: String,
    /// The level of the units; the finest by default
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// The layer of the units
    #[arg(long, default_value = "grid")]
    layer: String,
    /// Writes a table of the units, .csv; - is the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let time_zone = &context.config.time_zone;
    let (from, to) = (parse_time(&args.from, time_zone)?, parse_time(&args.to, time_zone)?);
    ensure!(from < to, "--to {} is not after --from {}; it is the first day that no longer counts", args.to, args.from);
    let layer = LayerName::parse(&args.layer).context("the layer is wrong")?;
    let level = args.level.as_ref().map(|level| Level::parse(level)).transpose().context("the level is wrong")?;
    let period = period_of(&context.config.indicators, from, to, Timestamp::now(), time_zone);
    let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
    let asked = Judged { grouping: Grouping::Unit, level, layer, period, territory: Territory::Whole, cases_max: None };
    let priced = with_spinner("adding up costs", || {
        price(&*store, asked).map_err(|error| match error {
            JudgeError::Store(error) => anyhow::Error::new(StoreUnavailable(error)),
            other => other.into(),
        })
    })?;
    match &args.output {
        None => print_short(&priced, &format!("{} to {}", tell(from, time_zone), tell(to, time_zone))),
        Some(output) if output.as_os_str() == "-" => super::say(priced.to_csv().trim_end()),
        Some(output) => {
            std::fs::write(output, priced.to_csv()).with_context(|| format!("cannot write {}", output.display()))?;
            super::say(&format!("{}: {} units", output.display(), priced.units.len()));
        }
    }
    Ok(Outcome::Done)
}

fn print_short(priced: &Priced, period: &str) {
    let sum = |of: fn(&UnitPrice) -> f64| priced.units.iter().map(of).sum::<f64>() / 100.0;
    let (cost, gap, unpriced) = (sum(|unit| unit.cents), sum(UnitPrice::uncovered_cents), sum(|unit| unit.unpriced_months) * 100.0);
    super::say(&format!("{period}: {cost:.2} for staff, {gap:.2} of it paid by nobody"));
    if unpriced > 0.0 {
        super::say(&format!("no row of the costs says what {unpriced:.1} months of staff cost"));
    }
    let handled = priced.handled.numerator;
    #[expect(clippy::cast_precision_loss, reason = "counts of cases are far below 2^53")]
    let each = (handled > 0).then(|| cost / handled as f64).map_or_else(|| "—".to_owned(), |each| format!("{each:.2}"));
    super::say(&format!("{handled} tasks handled, {each} for each"));
    for source in &priced.sources {
        let [available, covered] = [source.available_cents, source.covered_cents].map(|cents| cents / 100.0);
        super::say(&format!("{} ({}): {covered:.2} of {available:.2} spent", source.source, source.kind.as_str()));
    }
}
