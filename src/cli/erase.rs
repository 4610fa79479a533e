use anyhow::bail;
use jiff::{Timestamp, ToSpan as _};

use super::time::tell;
use super::{Context, Outcome};
use crate::app::{ErasureList, OpenMode, StoreUnavailable, open_store};
use crate::dispatch::WorkerId;
use crate::store::{ErasureReason, PersonRecord, PhotoFile};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the worker as the roster has it, `reporter CASE` for who reported a case, with its photos, or `photo ID`
    #[arg(required_unless_present = "expired", conflicts_with = "expired")]
    person: Option<String>,
    /// Erase everybody who left the roster, and who reported and photos of cases that ended, longer ago than privacy.keep_days
    #[arg(long)]
    expired: bool,
    /// Erase also who stands on the roster
    #[arg(long, conflicts_with = "expired")]
    anyway: bool,
    /// Say who would be erased, by id, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let mode = if args.dry_run { OpenMode::ReadOnly } else { OpenMode::Write };
    let store = open_store(&context.store, mode)?;
    let now = Timestamp::now();
    let people = store.load_people().map_err(StoreUnavailable::from)?;
    let (chosen, reason) = match &args.person {
        Some(id) => (vec![find(&people, id, args.anyway)?], ErasureReason::Request),
        None => (find_expired(&people, context.config.privacy.keep_days, now)?, ErasureReason::Expiry),
    };
    let list = ErasureList::of(&context.store, &context.config.privacy);
    for person in &chosen {
        let how = if PhotoFile::of_person(&person.id).is_some() { "whose case ended" } else { "who left" };
        let left = person.left_at.map(|at| format!(", {how} {}", tell(at, &context.config.time_zone))).unwrap_or_default();
        if args.dry_run {
            super::say(&format!("would erase {}{left}", what_of(&person.id)));
        } else if list.erase(&*store, &person.id, reason, &super::author(), now)? {
            super::say(&format!("erased {}{left}", what_of(&person.id)));
        }
    }
    if chosen.is_empty() {
        super::say("nobody is to be erased");
    } else if !args.dry_run {
        super::say(&format!("{} keeps what was erased; restore follows it", list.path().display()));
    }
    Ok(Outcome::Done)
}

/// Says what is personal of somebody, or that it is a photo.
fn what_of(id: &WorkerId) -> String {
    if PhotoFile::of_person(id).is_some() { id.to_string() } else { format!("name and phone of {id}") }
}

fn find<'a>(people: &'a [PersonRecord], id: &str, anyway: bool) -> anyhow::Result<&'a PersonRecord> {
    let wanted = WorkerId(id.into());
    let Some(person) = people.iter().find(|person| person.id == wanted) else { bail!("nobody is known as {id}") };
    if person.is_blank {
        bail!("nothing personal is kept of {id}");
    }
    if person.is_on_roster && !anyway {
        bail!(
            "{id} stands on the roster, and duties would be held by nobody with a name; import a roster without {id} first, or say --anyway"
        );
    }
    Ok(person)
}

fn find_expired(people: &[PersonRecord], keep_days: u32, now: Timestamp) -> anyhow::Result<Vec<&PersonRecord>> {
    let before = now.checked_sub((i64::from(keep_days) * 24).hours())?;
    Ok(people.iter().filter(|person| !person.is_blank && person.left_at.is_some_and(|at| at < before)).collect())
}
