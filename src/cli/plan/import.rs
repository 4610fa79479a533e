use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;

use super::super::findings::print;
use super::super::import::parse_effective;
use super::super::source::with_spinner;
use super::super::{Context, Outcome};
use crate::app::{OpenMode, StoreUnavailable, open_store};
use crate::boundary::{GenerationId, LayerName, Level, UnitCode};
use crate::history::{DraftSession, NAMED_UNITS_MAX, beginning_of, load_histories};
use crate::import::Table;
use crate::plan::edit::{Draft, Move, Operation, Refusal};

/// Usual names of the columns of a plan.
const UNIT_NAMES: &[&str] = &["unit_code", "unit", "code", "编码", "单元编码"];
const DISTRICT_NAMES: &[&str] = &["district", "parent", "网格", "上级编码"];

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
    let moves = read_plan(args)?;
    let store = open_store(&context.store, OpenMode::Write)?;
    let histories = load_histories(&*store, &context.config).map_err(StoreUnavailable)?;
    let history = histories.iter().find(|history| history.layer == layer).with_context(|| format!("there is no layer {layer}"))?;
    let begun = with_spinner("loading", || beginning_of(&*store, history, args.from.map(GenerationId)))?;
    let at = Timestamp::now();
    let operation = Operation::Reassign { level, moves, creates: true };
    // It is tried before anything is written.
    let mut trial = Draft::new(Arc::new(begun.coverage.clone()), &[], Vec::new()).map_err(|refusal| refuse(&refusal))?;
    trial.apply(std::slice::from_ref(&operation)).map_err(|refusal| refuse(&refusal))?;
    let made = store.publish(begun.publication(&args.title, &args.author, effective_from, at)).map_err(StoreUnavailable)?;
    store.add_draft_entry(&begun.entry(&made, args.load.as_deref())).map_err(StoreUnavailable)?;
    let mut session = DraftSession::open(&*store, history, made.id, None)?;
    let entry = session.apply(&[operation], &args.author, at).map_err(|refusal| refuse(&refusal))?;
    store.add_draft_entry(&entry).map_err(StoreUnavailable)?;
    session.confirm(entry)?;
    let [begun, ended, reshaped, reassigned, _] = session.draft().count_changes();
    print(&format!(
        "draft {} of layer {layer}: {reassigned} units go to other districts; {begun} districts begin, {ended} end, {reshaped} change\n",
        made.id
    ))?;
    Ok(Outcome::Done)
}

fn refuse(refusal: &Refusal) -> anyhow::Error {
    anyhow::anyhow!("the plan is refused: {refusal}; {}", refusal.remedy)
}

fn read_plan(args: &Args) -> anyhow::Result<Vec<Move>> {
    let table = Table::read(&args.file)?;
    let (unit, district) = (table.require_column(UNIT_NAMES)?, table.require_column(DISTRICT_NAMES)?);
    let mut moves = Vec::new();
    for row in &table.rows {
        let code = |column: usize, what: &str| {
            UnitCode::parse(row.cell(Some(column))).with_context(|| format!("row {} has no {what}", row.number))
        };
        moves.push(Move { unit: code(unit, "unit_code")?, to: code(district, "district")? });
    }
    ensure!(!moves.is_empty(), "the plan has no rows");
    if moves.len() > NAMED_UNITS_MAX {
        bail!("the plan has {} rows, more than the {} of one step", moves.len(), NAMED_UNITS_MAX);
    }
    Ok(moves)
}
