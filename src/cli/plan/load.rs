use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::super::export::replace_file;
use super::super::findings::print;
use super::super::{Context, Outcome};
use super::from_store;
use super::source::PlanSource;
use crate::boundary::UnitCode;
use crate::plan::{Term, Workload, figure, percent};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: PlanSource,
    /// Units that are told, those with most work first
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Write unit_code,workload and how much there is of each term
    #[arg(short, long, value_name = "OUT.csv")]
    out: Option<PathBuf>,
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    anyhow::ensure!(args.source.from.is_none(), "plan load weighs what is in the store; leave --from out");
    let (codes, workload) = from_store::read_workload(&args.source, context)?;
    let loads = workload.loads();
    if let Some(out) = &args.out {
        replace_file(out, |path| Ok(std::fs::write(path, to_csv(&codes, &workload, &loads))?))?;
    }
    let mut order: Vec<usize> = (0..codes.len()).collect();
    order.sort_by(|a, b| loads[*b].total_cmp(&loads[*a]).then_with(|| codes[*a].cmp(&codes[*b])));
    order.truncate(args.top);
    print(&if args.json { to_json(&codes, &workload, &loads, &order) } else { describe(&codes, &workload, &loads, &order) })?;
    Ok(Outcome::Done)
}

fn describe(codes: &[UnitCode], workload: &Workload, loads: &[f64], order: &[usize]) -> String {
    let all: f64 = loads.iter().sum();
    let mut text = format!("{} units, workload {} in all\n", codes.len(), figure(all));
    for term in &workload.terms {
        let amount: f64 = term.amounts.iter().sum();
        let share = percent(term.weight * amount / all);
        _ = writeln!(text, "  {}: {} × {} = {share}", term.name, figure(amount), figure(term.weight));
    }
    for unit in order {
        _ = writeln!(text, "{} {}: {}", codes[*unit], figure(loads[*unit]), explain(workload, *unit));
    }
    text
}

/// Says of what a unit's work is made, the heaviest part first.
fn explain(workload: &Workload, unit: usize) -> String {
    let mut parts: Vec<_> = workload.parts(unit).filter(|(.., load)| *load > 0.0).collect();
    parts.sort_by(|a, b| b.2.total_cmp(&a.2));
    let part = |(term, amount, load): &(&Term, f64, f64)| {
        format!("{} {} × {} = {}", figure(*amount), term.name, figure(term.weight), figure(*load))
    };
    if parts.is_empty() { "nothing".into() } else { parts.iter().map(part).collect::<Vec<_>>().join(" + ") }
}

fn to_json(codes: &[UnitCode], workload: &Workload, loads: &[f64], order: &[usize]) -> String {
    let parts = |unit: usize| -> Vec<Value> {
        let part = |(term, amount, load): (&Term, f64, f64)| json!({ "term": term.name, "amount": amount, "weight": term.weight, "workload": load });
        workload.parts(unit).map(part).collect()
    };
    let unit = |unit: &usize| json!({ "unit_code": codes[*unit].as_str(), "workload": loads[*unit], "parts": parts(*unit) });
    let terms: Map<String, Value> = workload.terms.iter().map(|term| (term.name.clone(), json!(term.weight))).collect();
    let all: f64 = loads.iter().sum();
    let told = json!({ "units": codes.len(), "workload": all, "weights": terms, "heaviest": order.iter().map(unit).collect::<Vec<_>>() });
    format!("{told:#}\n")
}

fn to_csv(codes: &[UnitCode], workload: &Workload, loads: &[f64]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = workload.terms.iter().map(|term| term.name.clone());
    let heading: Vec<String> = ["unit_code".into(), "workload".into()].into_iter().chain(names).collect();
    let mut write = |row: Vec<String>| writer.write_record(row).expect("writing into memory cannot fail");
    write(heading);
    for (unit, (code, load)) in codes.iter().zip(loads).enumerate() {
        let amounts = workload.terms.iter().map(|term| term.amounts[unit].to_string());
        write([code.to_string(), load.to_string()].into_iter().chain(amounts).collect());
    }
    let bytes = writer.into_inner().expect("writing into memory cannot fail");
    String::from_utf8(bytes).expect("codes and numbers are UTF-8")
}
