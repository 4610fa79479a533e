use std::fmt::Write as _;

use jiff::Timestamp;

use super::copies::{Bar, report};
use super::{Context, Outcome};
use crate::app::{ErasureList, OpenMode, StoreUnavailable, copy_store, open_store, reapply};
use crate::store::transfer::{TableCopy, Target};
use crate::store::{CaseFilter, Store, StoreError, current_generation};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The backup: a file that `backup` wrote, or any other store
    file: String,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let bar = Bar::new();
    let tables = copy_store(&args.file, &context.store, Target::Empty, &|progress| bar.show(progress))?;
    drop(bar);
    let outcome = report(&tables);
    if !tables.iter().all(TableCopy::is_same) {
        return Ok(outcome);
    }
    erase_again(context)?;
    let store = open_store(&context.store, OpenMode::ReadOnly)?;
    super::say(describe(&*store, Timestamp::now()).map_err(StoreUnavailable::from)?.trim_end());
    Ok(outcome)
}

/// Erases whoever, and whatever photo, was erased since the backup was made.
fn erase_again(context: &Context) -> anyhow::Result<()> {
    let list = ErasureList::of(&context.store, &context.config.privacy);
    if !list.exists() {
        eprintln!(
            "warning: there is no list of erasures at {}; whoever was erased since the backup was made is back",
            list.path().display()
        );
        return Ok(());
    }
    let store = open_store(&context.store, OpenMode::Write)?;
    let erased = reapply(&*store, &list, &super::author(), Timestamp::now())?;
    super::say(&format!("erased again: {erased} people and photos"));
    Ok(())
}

/// What the store has now.
fn describe(store: &dyn Store, now: Timestamp) -> Result<String, StoreError> {
    let mut text = String::new();
    for layer in store.load_layers()? {
        let generations = store.load_generations(&layer.name)?;
        let _ = match current_generation(&generations, now) {
            Some(current) => writeln!(text, "layer {}: {} generations, {} in effect", layer.name, generations.len(), current.id),
            None => writeln!(text, "layer {}: {} generations, none in effect", layer.name, generations.len()),
        };
    }
    let roster = store.load_roster(now)?.data;
    let _ = writeln!(text, "roster: {} workers, {} assignments", roster.workers.len(), roster.assignments.len());
    let _ = writeln!(text, "cases: {}", store.load_cases(&CaseFilter::first(0))?.matched.unwrap_or_default());
    Ok(text)
}
