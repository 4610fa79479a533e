use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use rustc_hash::FxHashMap;
use serde_json::json;

use super::super::export::replace_file;
use super::super::findings::print;
use super::super::{Context, Outcome};
use super::describe::{describe_measures, list};
use super::source::PlanSource;
use super::table::{PlanRow, read_plan};
use crate::api::wire::MeasuresView;
use crate::boundary::UnitCode;
use crate::plan::{Base, Explained, Measured, Measures, Named, changes, explain, measure};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan, a table of unit_code,district as `plan import` takes it; compared with today's where it is the only one
    plan: PathBuf,
    /// Another plan, to which the first one changes
    other: Option<PathBuf>,
    #[command(flatten)]
    source: PlanSource,
    /// Write what changes hands: .csv with a row for each unit, or .json
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Print all figures for machines
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let base = args.source.read(context)?;
    let (before, after) = match &args.other {
        Some(other) => (districts_of(&args.plan, &base)?, districts_of(other, &base)?),
        None => {
            ensure!(
                !base.today.names.is_empty(),
                "there is no plan of today to compare {} with: name its field with --current-field, or a second plan",
                args.plan.display()
            );
            (base.today.of.iter().map(|of| of.map(|of| base.today.names[of as usize].clone())).collect(), districts_of(&args.plan, &base)?)
        }
    };
    // The same name is the same district in both.
    let count = before.len();
    let both = Named::new(before.into_iter().chain(after).collect());
    let (before, after) = both.of.split_at(count);
    let (load, community) = (base.load(), base.community()?);
    let measured = Measured {
        graph: &base.graph,
        ground: &base.ground,
        load: &load,
        community: &community,
        district_of: before,
        districts: both.names.len(),
        today: &[],
        is_locked: &[],
        residents: base.residents.as_deref(),
        transport_load: None,
    };
    let old = measure(&measured);
    let new = measure(&Measured { district_of: after, today: before, ..measured });
    let changes = explain(changes(before, after, &load), Some(&old), &new);
    let name = |district: u32| both.names[district as usize].as_str();
    let sentences: Vec<String> = changes.iter().map(|change| change.sentence(name)).collect();
    let view = |measures: &Measures| MeasuresView::new(measures, |at| base.community_name(at), name);
    let named = |district: Option<u32>| district.map(|district| both.names[district as usize].as_str());
    let to_json = || {
        let changes = changes.iter().zip(&sentences).map(|(Explained { change, .. }, text)| {
            let units: Vec<&str> = change.units.iter().map(|unit| base.codes[*unit as usize].as_str()).collect();
            json!({ "from": named(change.from), "to": named(change.to), "units": units, "load": change.load, "text": text })
        });
        json!({ "before": view(&old), "after": view(&new), "changes": changes.collect::<Vec<_>>() })
    };
    if let Some(out) = &args.out {
        match out.extension().and_then(|ending| ending.to_str()) {
            Some("json") => replace_file(out, |path| Ok(std::fs::write(path, format!("{:#}\n", to_json()))?))?,
            Some("csv") => replace_file(out, |path| {
                let mut writer = csv::Writer::from_path(path)?;
                writer.write_record(["unit_code", "from", "to", "load"])?;
                for Explained { change, .. } in &changes {
                    for unit in &change.units {
                        let code = base.codes[*unit as usize].as_str();
                        let load = load[*unit as usize].to_string();
                        writer.write_record([code, named(change.from).unwrap_or(""), named(change.to).unwrap_or(""), &load])?;
                    }
                }
                Ok(writer.flush()?)
            })?,
            _ => bail!("{} is neither .csv nor .json", out.display()),
        }
    }
    if args.json {
        print(&format!("{:#}\n", to_json()))?;
    } else {
        let community = |at: u32| base.community_name(at).to_owned();
        let mut text = format!("before\n{}after\n{}", describe_measures(&old, community), describe_measures(&new, community));
        list(&mut text, &sentences);
        print(&text)?;
    }
    Ok(Outcome::Done)
}

/// Reads which district each unit goes to; a unit that the table leaves out goes to none.
fn districts_of(path: &Path, base: &Base) -> anyhow::Result<Vec<Option<String>>> {
    let place: FxHashMap<&UnitCode, usize> = base.codes.iter().enumerate().map(|(at, code)| (code, at)).collect();
    let mut plan: Vec<Option<String>> = vec![None; base.codes.len()];
    for PlanRow { number, unit, district } in read_plan(path)? {
        let Some(at) = place.get(&unit) else { bail!("{}: row {number}: there is no unit {unit}", path.display()) };
        plan[*at] = Some(district).filter(|district| !district.is_empty());
    }
    Ok(plan)
}
