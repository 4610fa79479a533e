use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::super::export::replace_file;
use super::super::findings::print;
use super::super::{Context, Outcome};
use super::base::Base;
use super::describe::{describe_change, describe_findings, describe_measures, list};
use super::source::PlanSource;
use crate::api::wire::MeasuresView;
use crate::boundary::UnitCode;
use crate::plan::{
    Change, DistrictMeasures, EFFORT_DEFAULT, Finding, Measured, Measures, Mode, Numbers, Plan, Progress, Task, balance, changes,
    effort_for, measure,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: PlanSource,
    /// How many districts there are to be
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    into: u32,
    /// From today's plan with the least change, or anew; warm where there is a plan of today
    #[arg(long)]
    mode: Option<ModeArg>,
    /// How far a district's load may be from its mean, on both sides
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    tolerance: f64,
    /// Units that stay where they are, or districts with all of theirs: codes with commas, or @FILE with one a line
    #[arg(long, value_name = "CODES")]
    lock: Option<String>,
    /// The least that a district may carry
    #[arg(long, value_name = "LOAD")]
    floor: Option<f64>,
    /// The most that a district may carry
    #[arg(long, value_name = "LOAD")]
    ceiling: Option<f64>,
    /// How many districts each parent gets: as many as today where that adds up, or by load; today's in a warm balance
    #[arg(long)]
    numbers: Option<NumbersArg>,
    /// The same seed makes the same plan
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The best plan within this time; it may come before
    #[arg(long, value_name = "T", value_parser = parse_seconds)]
    seconds: Option<f64>,
    /// Write unit_code,district; `-` writes to standard output, and what is printed goes to standard error
    #[arg(short, long, value_name = "OUT.csv")]
    out: Option<PathBuf>,
    /// Print all figures for machines
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ModeArg {
    Warm,
    Redraw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum NumbersArg {
    Today,
    Load,
}

/// Moves thought of for each second that was asked for: so few that they are done in time on one core, so that the seed alone decides and not
/// the clock.
const MOVES_A_SECOND: f64 = 3e6;

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let base = args.source.read(context)?;
    let made = make(args, &base)?;
    let names =
        base.name_districts(&made.plan.district_of, &made.plan.districts.iter().map(|district| district.community).collect::<Vec<_>>());
    if let Some(out) = &args.out {
        write_plan(out, &base.codes, &made.plan, &names)?;
    }
    let text = if args.json { format!("{:#}\n", to_json(&made, &base, &names)) } else { describe(&made, &base, &names) };
    match &args.out {
        // The plan itself is what the standard output is for.
        Some(out) if out.as_os_str() == "-" => std::io::stderr().lock().write_all(text.as_bytes())?,
        _ => print(&text)?,
    }
    let failures = made.plan.communities.iter().flat_map(|community| &community.findings).filter(|finding| finding.is_failure()).count();
    if failures > 0 && !args.json {
        eprintln!("gridkeeper: {failures} bounds could not be met; the reasons stand above");
    }
    Ok(if failures == 0 { Outcome::Done } else { Outcome::Problems })
}

struct Made {
    plan: Plan,
    mode: Mode,
    seed: u64,
    tolerance: f64,
    measures: Measures,
    /// Today's plan by the same figures.
    today: Option<Measures>,
    changes: Vec<Change>,
    took: Duration,
}

fn make(args: &Args, base: &Base) -> anyhow::Result<Made> {
    let (load, community) = (base.load(), base.community()?);
    let has_today = !base.today.names.is_empty();
    let mode = match args.mode {
        Some(ModeArg::Redraw) => Mode::Redraw,
        Some(ModeArg::Warm) => Mode::Warm,
        None if has_today => Mode::Warm,
        None => Mode::Redraw,
    };
    ensure!(
        mode == Mode::Redraw || has_today,
        "--mode warm starts from today's plan: name the field that has it with --current-field, or use --mode redraw"
    );
    let is_locked = base.locks(&read_codes(args.lock.as_deref())?)?;
    let numbers = match args.numbers {
        Some(NumbersArg::Today) => Numbers::Today,
        Some(NumbersArg::Load) => Numbers::ByLoad,
        None if mode == Mode::Warm => Numbers::Today,
        None => Numbers::ByLoad,
    };
    let task = Task {
        graph: &base.graph,
        load: &load,
        community: &community,
        today: if has_today { &base.today.of } else { &[] },
        is_locked: &is_locked,
        districts: args.into,
        numbers,
        mode,
        tolerance: args.tolerance,
        floor: args.floor,
        ceiling: args.ceiling,
        seed: args.seed,
        effort: args.seconds.map_or(EFFORT_DEFAULT, |seconds| effort_for(seconds * MOVES_A_SECOND, load.len(), args.into as usize)),
    };
    let began = Instant::now();
    let plan = with_progress(args.seconds, |on_progress| balance(&task, on_progress))?;
    let took = began.elapsed();
    let district_of: Vec<Option<u32>> = plan.district_of.iter().copied().map(Some).collect();
    // Only where each community keeps its districts is there a least load to compare with.
    let bounds: Vec<f64> = plan.communities.iter().filter_map(|community| community.transport_load).collect();
    let transport_load = (has_today && bounds.len() == plan.communities.len()).then(|| bounds.iter().sum());
    let measured = Measured {
        graph: &base.graph,
        ground: &base.ground,
        load: &load,
        community: &community,
        district_of: &district_of,
        districts: plan.districts.len(),
        today: task.today,
        is_locked: &is_locked,
        residents: base.residents.as_deref(),
        transport_load,
    };
    let today = has_today.then(|| measure(&Measured { district_of: &base.today.of, today: &[], ..measured }));
    let changes = if has_today { changes(&base.today.of, &district_of, &load) } else { Vec::new() };
    let measures = measure(&measured);
    Ok(Made { plan, mode, seed: args.seed, tolerance: args.tolerance, measures, today, changes, took })
}

fn with_progress<T>(seconds: Option<f64>, work: impl FnOnce(&(dyn Fn(Progress) -> ControlFlow<()> + Sync)) -> T) -> T {
    let bar = ProgressBar::new(1);
    bar.set_message("balancing");
    let end = seconds.and_then(|seconds| Instant::now().checked_add(Duration::try_from_secs_f64(seconds).ok()?));
    let is_interrupted = stop_on_interrupt();
    let done = work(&|progress: Progress| {
        bar.set_length(progress.steps.max(1) as u64);
        bar.set_position(progress.done as u64);
        let stops = is_interrupted.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end);
        if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    done
}

/// Tells when somebody has pressed Ctrl-C: the best plan so far is written then. Pressed again it ends the program, as ever.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    const INTERRUPTED: i32 = 130;
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_interrupted);
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_ok() {
                told.store(true, Ordering::Relaxed);
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(INTERRUPTED);
            }
        });
    });
    is_interrupted
}

fn read_codes(lock: Option<&str>) -> anyhow::Result<Vec<String>> {
    let Some(lock) = lock else { return Ok(Vec::new()) };
    let text = match lock.strip_prefix('@') {
        Some(path) => fs::read_to_string(path).with_context(|| format!("cannot read the locked codes {path}"))?,
        None => lock.replace(',', "\n"),
    };
    Ok(text.lines().map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned).collect())
}

fn write_plan(out: &Path, codes: &[UnitCode], plan: &Plan, names: &[String]) -> anyhow::Result<()> {
    if out.as_os_str() == "-" {
        return super::super::until_closed(write_rows(std::io::stdout().lock(), codes, plan, names));
    }
    replace_file(out, |path| write_rows(fs::File::create(path)?, codes, plan, names))
}

fn write_rows(out: impl Write, codes: &[UnitCode], plan: &Plan, names: &[String]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["unit_code", "district"])?;
    for (code, district) in codes.iter().zip(&plan.district_of) {
        writer.write_record([code.as_str(), names[*district as usize].as_str()])?;
    }
    Ok(writer.flush()?)
}

fn describe(made: &Made, base: &Base, names: &[String]) -> String {
    let mut text = String::new();
    for note in &base.notes {
        text.push_str(&format!("{note}\n"));
    }
    let mode = if made.mode == Mode::Warm { "warm" } else { "redraw" };
    let state = if made.plan.is_finished { "" } else { ", stopped at the time given" };
    text.push_str(&format!(
        "{mode}, seed {}, tolerance {} %, {:.3} s{state}\n",
        made.seed,
        made.tolerance * 100.0,
        made.took.as_secs_f64()
    ));
    let findings = describe_findings(&made.plan, base, names);
    list(&mut text, &findings);
    if let Some(today) = &made.today {
        text.push_str(&format!(
            "today: imbalance at most {}, within 5 % {}, Polsby-Popper {:.3}\n",
            super::describe::percent(today.evenness.imbalance_max),
            super::describe::percent(today.evenness.within_5),
            today.polsby_popper
        ));
    }
    text.push_str(&describe_measures(&made.measures, |community| base.community_name(community).to_owned()));
    let lines: Vec<String> = sentences(made, names);
    list(&mut text, &lines);
    text
}

fn sentences(made: &Made, names: &[String]) -> Vec<String> {
    let targets: FxHashMap<u32, f64> = made.measures.by_district.iter().map(|district| (district.district, district.target)).collect();
    // Both are shares of what a district should carry from now on, or should have where it is no more.
    let shares = |measures: Option<&Measures>| -> FxHashMap<u32, f64> {
        let districts = measures.map_or(&[][..], |measures| measures.by_district.as_slice());
        let target = |district: &DistrictMeasures| targets.get(&district.district).copied().unwrap_or(district.target);
        districts.iter().map(|district| (district.district, district.load / target(district).max(f64::MIN_POSITIVE))).collect()
    };
    let (before, after) = (shares(made.today.as_ref()), shares(Some(&made.measures)));
    let share = |shares: &FxHashMap<u32, f64>, district: u32| shares.get(&district).copied().unwrap_or_default();
    let name = |district: u32| names[district as usize].clone();
    let sentence = |change: &Change| describe_change(change, name, |district| share(&before, district), |district| share(&after, district));
    made.changes.iter().map(sentence).collect()
}

fn to_json(made: &Made, base: &Base, names: &[String]) -> Value {
    let view = |measures: &Measures| {
        MeasuresView::new(
            measures,
            |community| base.community_name(community),
            |district| names.get(district as usize).map_or("", String::as_str),
        )
    };
    let sentences = sentences(made, names);
    let name = |district: Option<u32>| district.map(|district| names[district as usize].as_str());
    let changes: Vec<Value> = made
        .changes
        .iter()
        .zip(sentences)
        .map(|(change, sentence)| {
            let units: Vec<&str> = change.units.iter().map(|unit| base.codes[*unit as usize].as_str()).collect();
            json!({ "from": name(change.from), "to": name(change.to), "units": units, "load": change.load, "text": sentence })
        })
        .collect();
    let findings: Vec<Value> = (0u32..)
        .zip(&made.plan.communities)
        .flat_map(|(at, community)| {
            community.findings.iter().map(move |finding| {
                json!({
                    "community": base.community_name(at),
                    "kind": kind_of(finding),
                    "failure": finding.is_failure(),
                    "text": super::describe::describe_finding(finding, community.bounds, base, names),
                })
            })
        })
        .collect();
    json!({
        "mode": if made.mode == Mode::Warm { "warm" } else { "redraw" },
        "seed": made.seed,
        "tolerance": made.tolerance,
        "seconds": made.took.as_secs_f64(),
        "finished": made.plan.is_finished,
        "notes": base.notes,
        "metrics": view(&made.measures),
        "today": made.today.as_ref().map(view),
        "variables": variables(base, &made.plan),
        "findings": findings,
        "changes": changes,
    })
}

/// Tells for each of several loads how even it came out by itself.
fn variables(base: &Base, plan: &Plan) -> Vec<Value> {
    let mut views = Vec::new();
    for variable in &base.variables {
        let mut loads = vec![0.0; plan.districts.len()];
        plan.district_of.iter().zip(&variable.values).for_each(|(district, value)| loads[*district as usize] += value);
        let loads: Vec<f64> =
            loads.into_iter().zip(&plan.districts).filter(|(_, district)| district.units > 0).map(|(load, _)| load).collect();
        let mean = loads.iter().sum::<f64>() / loads.len().max(1) as f64;
        let evenness = crate::plan::Evenness::of(&loads, &vec![mean; loads.len()]);
        views.push(json!({ "name": variable.name, "weight": variable.weight, "balance": crate::api::wire::EvennessView::from(evenness) }));
    }
    views
}

fn kind_of(finding: &Finding) -> &'static str {
    match finding {
        Finding::TooHeavy { .. } => "too_heavy",
        Finding::OffTheMean { .. } => "off_the_mean",
        Finding::NoRoom { .. } => "no_room",
        Finding::InPieces { .. } => "in_pieces",
        Finding::Stuck { .. } => "stuck",
        Finding::TornToday { .. } => "torn_today",
        Finding::CrossesToday { .. } => "crosses_today",
        Finding::TooManyLocked { .. } => "too_many_locked",
        Finding::LockedApart { .. } => "locked_apart",
        Finding::Outside { .. } => "outside",
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    if seconds > 0.0 && seconds.is_finite() { Ok(seconds) } else { Err("the time must be more than 0 seconds".into()) }
}
