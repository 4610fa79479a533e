use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;

use super::super::export::replace_file;
use super::super::findings::print;
use super::super::{Context, Outcome};
use super::describe::{describe_findings, describe_measures, list};
use super::source::PlanSource;
use crate::api::wire::BalanceView;
use crate::boundary::UnitCode;
use crate::plan::{Base, LOAD_MAX, Mode, Numbers, Progress, Proposal, TOLERANCE_DEFAULT, Wanted, percent};

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
    #[arg(long, value_name = "SHARE", default_value_t = TOLERANCE_DEFAULT)]
    tolerance: f64,
    /// Units that stay where they are, or districts with all of theirs: codes with commas, or @FILE with one a line
    #[arg(long, value_name = "CODES")]
    lock: Option<String>,
    /// The least that a district may carry, where one load is balanced; of each of several --at-least says it
    #[arg(long, value_name = "LOAD", value_parser = parse_bound)]
    floor: Option<f64>,
    /// The most that a district may carry, where one load is balanced; of each of several --at-most says it
    #[arg(long, value_name = "LOAD", value_parser = parse_bound)]
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

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let base = args.source.read(context)?;
    let wanted = wanted(args)?;
    ensure!(
        wanted.mode != Some(Mode::Warm) || base.districts_today().is_some(),
        "--mode warm starts from today's plan: name the field that has it with --current-field, or use --mode redraw"
    );
    let began = Instant::now();
    let made = with_progress(args.seconds, |on_progress| base.propose(&wanted, on_progress))?;
    let took = began.elapsed();
    if let Some(out) = &args.out {
        write_plan(out, &base.codes, &made)?;
    }
    let text = match args.json {
        true => format!("{:#}\n", serde_json::to_value(BalanceView::new(&made, &base, took))?),
        false => describe(&made, &base, took),
    };
    match &args.out {
        // The plan itself is what the standard output is for.
        Some(out) if out.as_os_str() == "-" => std::io::stderr().lock().write_all(text.as_bytes())?,
        _ => print(&text)?,
    }
    let failures = made.failures();
    if failures > 0 && !args.json {
        eprintln!("gridkeeper: {failures} bounds could not be met; the reasons stand above");
    }
    Ok(if failures == 0 { Outcome::Done } else { Outcome::Problems })
}

fn wanted(args: &Args) -> anyhow::Result<Wanted> {
    Ok(Wanted {
        districts: args.into,
        mode: args.mode.map(|mode| match mode {
            ModeArg::Warm => Mode::Warm,
            ModeArg::Redraw => Mode::Redraw,
        }),
        numbers: args.numbers.map(|numbers| match numbers {
            NumbersArg::Today => Numbers::Today,
            NumbersArg::Load => Numbers::ByLoad,
        }),
        tolerance: args.tolerance,
        floor: args.floor,
        ceiling: args.ceiling,
        locks: read_codes(args.lock.as_deref())?,
        seed: args.seed,
        seconds: args.seconds,
    })
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

fn write_plan(out: &Path, codes: &[UnitCode], made: &Proposal) -> anyhow::Result<()> {
    if out.as_os_str() == "-" {
        return super::super::until_closed(write_rows(std::io::stdout().lock(), codes, made));
    }
    replace_file(out, |path| write_rows(fs::File::create(path)?, codes, made))
}

fn write_rows(out: impl Write, codes: &[UnitCode], made: &Proposal) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["unit_code", "district"])?;
    for (code, district) in codes.iter().zip(&made.plan.district_of) {
        writer.write_record([code.as_str(), made.name(*district)])?;
    }
    Ok(writer.flush()?)
}

fn describe(made: &Proposal, base: &Base, took: Duration) -> String {
    let mut text = String::new();
    for note in &base.notes {
        text.push_str(&format!("{note}\n"));
    }
    let mode = if made.mode == Mode::Warm { "warm" } else { "redraw" };
    let state = if made.plan.is_finished { "" } else { ", stopped at the time given" };
    text.push_str(&format!("{mode}, seed {}, tolerance {} %, {:.3} s{state}\n", made.seed, made.tolerance * 100.0, took.as_secs_f64()));
    list(&mut text, &describe_findings(made, base));
    if let Some(today) = &made.today {
        text.push_str(&format!(
            "today: imbalance at most {}, within 5 % {}, Polsby-Popper {:.3}\n",
            percent(today.evenness.imbalance_max),
            percent(today.evenness.within_5),
            today.polsby_popper
        ));
    }
    text.push_str(&describe_measures(&made.measures, |community| base.community_name(community).to_owned()));
    let sentences: Vec<String> = made.changes.iter().map(|change| change.sentence(|district| made.name(district))).collect();
    list(&mut text, &sentences);
    text
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?;
    if seconds > 0.0 && seconds.is_finite() { Ok(seconds) } else { Err("the time must be more than 0 seconds".into()) }
}

fn parse_bound(text: &str) -> Result<f64, String> {
    let bound = text.parse().ok().filter(|bound| (0.0..=LOAD_MAX).contains(bound));
    bound.ok_or_else(|| format!("{text:?} is no number from 0 to {LOAD_MAX:e}"))
}
