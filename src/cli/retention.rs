use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::source::with_spinner;
use super::{Context, Outcome, author};
use crate::app::{StoreUnavailable, clear_leftovers, is_postgres, refuse_unfinished, take_out_month};
use crate::store::{OldMonth, PostgisStore};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The first month that stays; months begin at midnight UTC
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    before: Date,
    /// The folder for the files, one a month
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Take old months of the audit log out too
    #[arg(long)]
    audit: bool,
    /// Say what would be taken out, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    if !is_postgres(&context.store) {
        bail!(
            "{} is a file, which is not kept by months: nothing is taken out of it; move it to PostgreSQL with `gridkeeper migrate` when it grows too large",
            context.store
        );
    }
    let this_month = TimeZone::UTC.to_datetime(Timestamp::now()).date().first_of_month();
    ensure!(
        args.before <= this_month,
        "--before names a month that has not begun; {} is the last that can stay first",
        month_text(this_month)
    );
    // A database without a store is not made one.
    let mut store = PostgisStore::open_read_only(&context.store).map_err(StoreUnavailable::from)?;
    refuse_unfinished(&store)?;
    if !args.dry_run {
        store = PostgisStore::open_or_create(&context.store).map_err(StoreUnavailable::from)?;
        for path in clear_leftovers(&args.to)? {
            super::say(&format!("removed {}, which a run that was cut had begun", path.display()));
        }
    }
    let months = store.find_old_months(args.before, args.audit).map_err(StoreUnavailable::from)?;
    if months.is_empty() {
        super::say(&format!("nothing is older than {}", month_text(args.before)));
    }
    for month in &months {
        if month.open_cases > 0 {
            let (table, when) = (month.table.name, month_text(month.month));
            super::say(&format!("{table} {when}: stays, as {} of its cases have not ended", month.open_cases));
            continue;
        }
        if args.dry_run {
            super::say(&describe(month));
            continue;
        }
        let kept = with_spinner("taking a month out", || take_out_month(&store, month, &args.to, &author()))?;
        let file = kept.file.map_or_else(|| "no file, for there were none".to_owned(), |file| args.to.join(file).display().to_string());
        super::say(&format!("{} {}: {} rows, {file}", month.table.name, month_text(month.month), kept.rows));
    }
    Ok(Outcome::Done)
}

fn describe(month: &OldMonth) -> String {
    let state = if month.is_detached { ", out already and not yet kept" } else { "" };
    format!("{} {}: {} rows{state}", month.table.name, month_text(month.month), month.rows)
}

fn month_text(month: Date) -> String {
    month.strftime("%Y-%m").to_string()
}

fn parse_month(text: &str) -> anyhow::Result<Date> {
    let parse = || -> Option<Date> {
        let (year, month) = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
        Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
    };
    parse().with_context(|| format!("{text:?} is no month such as 2026-01"))
}
