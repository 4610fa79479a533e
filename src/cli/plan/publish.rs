use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use serde_json::json;

use super::super::findings::print;
use super::super::import::parse_effective;
use super::super::source::with_spinner;
use super::super::{Context, Outcome};
use crate::app::{OpenMode, StoreUnavailable, open_store};
use crate::boundary::{GenerationId, LayerName, UnitCode};
use crate::history::{DraftSession, NotPublished, Wish, draw, load_histories, look_over, prepare};
use crate::store::{DraftEntryKind, StoreError};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number of the draft
    draft: u32,
    #[arg(long, default_value = "grid")]
    layer: String,
    /// When it takes effect: a date, or a time with its zone; what the draft says where left out
    #[arg(long, value_name = "DATE")]
    effective: Option<String>,
    /// A remark for the history
    #[arg(long, default_value = "")]
    note: String,
    /// Publish although units have no holder
    #[arg(long)]
    accept_unheld: bool,
    /// Posts that go with it from one unit to another that the draft has, FROM:TO, separated by commas
    #[arg(long, value_name = "FROM:TO", value_delimiter = ',')]
    move_posts: Vec<String>,
    /// Who publishes, for the history
    #[arg(long, default_value = "command line")]
    author: String,
}

#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    /// The number of the draft
    draft: u32,
    #[arg(long, default_value = "grid")]
    layer: String,
    #[arg(long, default_value = "")]
    note: String,
    /// Who approves; somebody else than who made the draft or changed it
    #[arg(long)]
    author: String,
}

/// Publishes a draft that a second person has approved as it is.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let effective_from = args.effective.as_deref().map(|text| parse_effective(text, &context.config.time_zone)).transpose()?;
    let roster_moves = args.move_posts.iter().map(|pair| parse_move(pair)).collect::<anyhow::Result<Vec<_>>>()?;
    let (store, session) = open(&args.layer, args.draft, context)?;
    ensure!(session.end().is_none(), "draft {} was published or withdrawn", args.draft);
    let wish = Wish {
        effective_from,
        note: args.note.clone(),
        accepts_unheld: args.accept_unheld,
        roster_moves,
        author: args.author.clone(),
        at: Timestamp::now(),
    };
    let prepared = match with_spinner("checking", || prepare(&session, &*store, &wish)) {
        Ok(prepared) => prepared,
        Err(NotPublished::Store(error)) => return Err(StoreUnavailable(error).into()),
        Err(refusal) => {
            print(&format!("draft {} is not published: {refusal}\n", args.draft))?;
            return Ok(Outcome::Problems);
        }
    };
    let made = store.publish_draft(prepared.publication(&wish), prepared.roster(), &prepared.entry);
    let made = match made {
        Ok(made) => made,
        Err(error) => return not_done(args.draft, "published", error),
    };
    print(&format!(
        "generation {} of layer {} from {}; {} posts moved, {} units without a holder\n",
        made.id,
        made.layer,
        made.effective_from,
        prepared.posts_moved,
        prepared.unheld.len()
    ))?;
    Ok(Outcome::Done)
}

/// Finds a draft good as it is.
pub fn approve(args: &ApproveArgs, context: &Context) -> anyhow::Result<Outcome> {
    let (store, session) = open(&args.layer, args.draft, context)?;
    ensure!(session.end().is_none(), "draft {} was published or withdrawn", args.draft);
    ensure!(!session.is_by(&args.author), "{} made the draft or changed it; a second person approves", args.author);
    let at = Timestamp::now();
    let ready = look_over(draw(&session), &*store, None, at).map_err(StoreUnavailable)?;
    if ready.coverage.is_none() {
        print(&format!("draft {} is not approved: {} problems stand in the way\n", args.draft, ready.errors()))?;
        return Ok(Outcome::Problems);
    }
    let entry = session.next(DraftEntryKind::Approve, &json!({ "note": args.note }), &args.author, at);
    if let Err(error) = store.add_draft_entry(&entry) {
        return not_done(args.draft, "approved", error);
    }
    print(&format!("draft {} is approved at revision {}\n", args.draft, entry.revision))?;
    Ok(Outcome::Done)
}

/// Says that others have written meanwhile what stands in the way, or that the store failed.
fn not_done(draft: u32, what: &str, error: StoreError) -> anyhow::Result<Outcome> {
    if !error.is_conflict() {
        return Err(StoreUnavailable(error).into());
    }
    print(&format!("draft {draft} is not {what}: {error}\n"))?;
    Ok(Outcome::Problems)
}

fn open(layer: &str, draft: u32, context: &Context) -> anyhow::Result<(crate::app::SharedStore, DraftSession)> {
    let layer = LayerName::parse(layer)?;
    let store = open_store(&context.store, OpenMode::Write)?;
    let histories = load_histories(&*store, &context.config).map_err(StoreUnavailable)?;
    let history = histories.iter().find(|history| history.layer == layer).with_context(|| format!("there is no layer {layer}"))?;
    let session = with_spinner("loading", || DraftSession::open(&*store, history, GenerationId(draft), None))?;
    Ok((store, session))
}

fn parse_move(pair: &str) -> anyhow::Result<(UnitCode, UnitCode)> {
    let (from, to) = pair.split_once(':').with_context(|| format!("{pair:?} is not FROM:TO"))?;
    Ok((UnitCode::parse(from)?, UnitCode::parse(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_written_meanwhile_is_told_and_a_store_that_is_away_is_an_error() {
        let layer = LayerName::parse("grid").unwrap();
        let changed = StoreError::DraftChanged { layer, draft: GenerationId(3), revision: 7 };
        assert!(matches!(not_done(3, "published", changed), Ok(Outcome::Problems)));
        assert!(matches!(not_done(3, "approved", StoreError::RosterChanged { newest: None }), Ok(Outcome::Problems)));
        let away = not_done(3, "published", StoreError::Missing { location: "a.gpkg".into() }).unwrap_err();
        assert!(away.is::<StoreUnavailable>(), "{away:#}");
    }
}
