use std::path::PathBuf;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashSet;

use super::time::tell;
use super::{Context, Outcome};
use crate::app::{self, OpenMode, StoreUnavailable};
use crate::dispatch::{Skill, WorkerId, find_lapsing};
use crate::import::{Table, read_skills};
use crate::store::{Entry, EntryFilter, EntryKind, SKILLS_MAX, Store};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add to what workers have learned from a table: worker_id, skill, since, expires
    Import {
        /// A table, .csv (UTF-8 or GBK) or .xlsx
        file: PathBuf,
    },
    /// Tell what has expired or will soon, the first to end first
    Lapsing {
        /// Days ahead; by default `[cases] skill_warning_d`
        #[arg(long)]
        days: Option<u32>,
    },
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    match &args.command {
        Command::Import { file } => {
            let table = Table::read(file)?;
            let store = app::open_store(&context.store, OpenMode::Write)?;
            let stored = store.load_roster(now).map_err(StoreUnavailable::from)?;
            let workers: FxHashSet<&WorkerId> = stored.data.workers.iter().map(|worker| &worker.id).collect();
            let (skills, problems) = read_skills(&table, &context.config.time_zone, now, |id| workers.contains(id))?;
            if !problems.is_empty() {
                super::roster::report(&problems, file);
                return Ok(Outcome::Problems);
            }
            let known = load_skills(&*store)?;
            // One that begins on the day of its import is the same when it is imported again.
            let what = |skill: &Skill| (skill.worker.clone(), skill.name.clone(), skill.expires);
            let mut on_record: FxHashSet<_> = known.iter().map(what).collect();
            let new = skills.iter().filter(|skill| on_record.insert(what(skill)));
            let entries: Vec<Entry> = new.map(|skill| Entry::of_skill(skill, &super::author())).collect();
            store.add_entries(&entries).map_err(StoreUnavailable::from)?;
            super::say(&format!("{} skills are new on record; {} were there already", entries.len(), table.rows.len() - entries.len()));
        }
        Command::Lapsing { days } => {
            let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
            let days = days.unwrap_or(context.config.cases.skill_warning_d);
            let before = now.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX);
            for Skill { worker, name, expires, .. } in find_lapsing(&load_skills(&*store)?, before) {
                let end = expires.map(|end| tell(end, &context.config.time_zone)).unwrap_or_default();
                super::say(&format!("{worker}\t{name}\t{end}"));
            }
        }
    }
    Ok(Outcome::Done)
}

fn load_skills(store: &dyn Store) -> anyhow::Result<Vec<Skill>> {
    let entries = store.load_entries(&EntryFilter::open(EntryKind::Skill, SKILLS_MAX)).map_err(StoreUnavailable::from)?;
    Ok(entries.iter().filter_map(Entry::to_skill).collect())
}
