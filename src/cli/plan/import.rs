use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use geo_types::Geometry;
use jiff::Timestamp;

use super::super::findings::{place_of, print};
use super::super::import::parse_effective;
use super::super::source::with_spinner;
use super::super::{Context, Outcome};
use super::table::{PlanRow, read_plan};
use crate::app::{OpenMode, StoreUnavailable, open_store};
use crate::boundary::{GenerationId, LayerName, Level, UnitCode};
use crate::history::{DraftSession, NAMED_UNITS_MAX, beginning_of, load_histories, spent_codes};
use crate::plan::edit::{Draft, Move, Operation, Refusal};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// CSV or XLSX: unit_code, district
    file: PathBuf,
    /// The level of the units
    #[arg(long)]
    level: String,
    #[arg(long, default_value = "grid")]
    layer: String,
    /// The generation or draft that it begins from; the newest published by default
    #[arg(long, value_name = "GENERATION")]
    from: Option<u32>,
    #[arg(long, default_value = "")]
    title: String,
    /// When it is meant to take effect: a date, or a time with its zone
    #[arg(long, value_name = "DATE")]
    effective: Option<String>,
    /// The field of loads
    #[arg(long, value_name = "FIELD")]
    load: Option<String>,
    /// Who makes the draft, for the history
    #[arg(long, default_value = "command line")]
    author: String,
}

/// Makes a draft of somebody's plan. Districts that are not there begin, and those left without units end; what would tear one or cross a
/// parent is refused, and then nothing is written.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let (layer, level) = (LayerName::parse(&args.layer)?, Level::parse(&args.level)?);
    let effective_from = args.effective.as_deref().map(|text| parse_effective(text, &context.config.time_zone)).transpose()?;
    let rows = read_plan(&args.file)?;
    let moves = moves_of(&rows)?;
    let store = open_store(&context.store, OpenMode::Write)?;
    let histories = load_histories(&*store, &context.config).map_err(StoreUnavailable)?;
    let history = histories.iter().find(|history| history.layer == layer).with_context(|| format!("there is no layer {layer}"))?;
    let begun = with_spinner("loading", || beginning_of(&*store, history, args.from.map(GenerationId)))?;
    let begun = begun.with_load_field(args.load.as_deref())?;
    let at = Timestamp::now();
    let operation = Operation::Reassign { level: level.clone(), moves, creates: true };
    // It is tried before anything is written, with all that the draft will know.
    let coverage = Arc::new(begun.coverage.clone());
    let spent = spent_codes(&*store, &coverage, None).map_err(StoreUnavailable)?;
    let mut trial = Draft::new(coverage, &[], spent).map_err(|refusal| refuse(&refusal, &rows, None, &level))?;
    trial.apply(&begun.locks()).map_err(|refusal| refuse(&refusal, &rows, Some(&trial), &level))?;
    trial.apply(std::slice::from_ref(&operation)).map_err(|refusal| refuse(&refusal, &rows, Some(&trial), &level))?;
    let made = store.publish(begun.publication(&args.title, &args.author, effective_from, at)).map_err(StoreUnavailable)?;
    begun.entries(&made).iter().try_for_each(|entry| store.add_draft_entry(entry)).map_err(StoreUnavailable)?;
    let mut session = DraftSession::open(&*store, history, made.id, None)?;
    // Refused only for what was published since it was tried.
    let is_empty = || format!("draft {} is begun, and empty", made.id);
    let entry =
        session.apply(&[operation], &args.author, at).map_err(|refusal| refuse(&refusal, &rows, None, &level)).with_context(is_empty)?;
    store.add_draft_entry(&entry).map_err(StoreUnavailable)?;
    session.confirm(entry)?;
    let [begun, ended, reshaped, reassigned, _] = session.draft().count_changes();
    print(&format!(
        "draft {} of layer {layer}: {reassigned} units go to other districts; {begun} districts begin, {ended} end, {reshaped} change\n",
        made.id
    ))?;
    Ok(Outcome::Done)
}

/// The rows of a plan cannot be done: its data has problems.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PlanRefused(String);

/// Says why a plan is refused, in which rows, and where.
fn refuse(refusal: &Refusal, rows: &[PlanRow], trial: Option<&Draft>, level: &Level) -> anyhow::Error {
    let of_unit = || refusal.units.iter().find_map(|code| rows.iter().find(|row| row.unit == *code));
    let of_district = || refusal.units.iter().find_map(|code| rows.iter().find(|row| row.district == code.as_str()));
    let row = of_unit().or_else(of_district);
    let place = refusal.place.clone().or_else(|| {
        // What is about districts lies where the first unit is that goes there.
        let trial = trial?;
        trial.geometry(trial.base().layer().depth_of(level)?, &row?.unit).map(Geometry::from)
    });
    let place = place.as_ref().and_then(place_of).map_or_else(String::new, |(lon, lat)| format!(" at {lon:.6} {lat:.6}"));
    let row = row.map_or_else(String::new, |row| format!("row {}: ", row.number));
    PlanRefused(format!("the plan is refused: {row}{refusal}{place}; {}", refusal.remedy)).into()
}

fn moves_of(rows: &[PlanRow]) -> anyhow::Result<Vec<Move>> {
    if rows.len() > NAMED_UNITS_MAX {
        bail!("the plan has {} rows, more than the {} of one step", rows.len(), NAMED_UNITS_MAX);
    }
    let to_move = |row: &PlanRow| {
        let to = UnitCode::parse(&row.district).with_context(|| format!("row {} has no district", row.number))?;
        Ok(Move { unit: row.unit.clone(), to })
    };
    rows.iter().map(to_move).collect()
}
