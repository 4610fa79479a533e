use std::fmt::Write as _;

use anyhow::Context as _;
use geo_types::Coord;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::time::tell;
use super::{Context, Outcome};
use crate::api::wire::LocateAnswer;
use crate::app::{self, OpenMode};
use crate::boundary::{GenerationId, LayerName, Level, Position, Unit};
use crate::dispatch::{Holder, Ruling};
use crate::history::AsOf;
use crate::import::{Crs, parse_moment};
use crate::snapshot::{ACCURACY_M_MAX, Answer, Query};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Longitude in degrees, or easting
    #[arg(allow_negative_numbers = true)]
    lon: f64,
    /// Latitude in degrees, or northing
    #[arg(allow_negative_numbers = true)]
    lat: f64,
    /// The reference system of the position: EPSG:n, WKT, GCJ02 or BD09
    #[arg(long, default_value = "EPSG:4326")]
    crs: String,
    #[arg(long, default_value = "grid")]
    layer: String,
    /// The level to look at; the finest that is loaded by default
    #[arg(long)]
    level: Option<String>,
    /// The time for which to answer, RFC 3339 or a date and time of the configured time zone; now by default
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The generation whose boundaries answer; the one in effect at the time by default
    #[arg(long, value_name = "N", value_parser = parse_generation)]
    generation: Option<GenerationId>,
    /// The category of what is reported, CODE or CODE:CONDITION: tells the departments and the due time
    #[arg(long, value_name = "CODE")]
    category: Option<String>,
    /// How far the true position may lie from the one given, metres
    #[arg(long, value_name = "METRES")]
    accuracy_m: Option<f64>,
    /// Print what the service answers to a dispatcher
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let as_of = AsOf { at: parse_at(args.at.as_deref(), &context.config.time_zone)?, generation: args.generation };
    let now = Timestamp::now();
    let query = to_query(args, now)?;
    let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
    let (snapshot, at) = app::load_as_of(&*store, &context.config, &query.layer, as_of, now)?;
    let query = Query { at, ..query };
    let answer = snapshot.answer(&query)?;
    if args.json {
        let base = context.config.http.public_base_url.as_deref().unwrap_or_default().trim_end_matches('/');
        super::say(&serde_json::to_string_pretty(&LocateAnswer::new(&answer, base, true)).context("cannot write the answer")?);
    } else {
        super::say(to_text(&answer, &context.config.time_zone).trim_end());
    }
    Ok(Outcome::Done)
}

fn to_query(args: &Args, at: Timestamp) -> anyhow::Result<Query> {
    let given = Coord { x: args.lon, y: args.lat };
    let position = Crs::parse(&args.crs)?.to_wgs84(given).with_context(|| format!("{} {} is no position", args.lon, args.lat))?;
    if let Some(accuracy_m) = args.accuracy_m.filter(|m| !(0.0..=ACCURACY_M_MAX).contains(m)) {
        anyhow::bail!("the accuracy {accuracy_m} is not between 0 and {ACCURACY_M_MAX} metres");
    }
    Ok(Query {
        position: Position::new(position.x, position.y)?,
        layer: LayerName::parse(&args.layer)?,
        level: args.level.as_deref().map(Level::parse).transpose()?,
        at,
        accuracy_m: args.accuracy_m,
        category: args.category.clone(),
    })
}

/// Reads the time of `--at`, where it is given.
pub(super) fn parse_at(text: Option<&str>, time_zone: &TimeZone) -> anyhow::Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let at = parse_moment(text, time_zone).with_context(|| format!("{text:?} is no time; write it as 2026-07-01T08:00:00+08:00"))?;
    Ok(Some(at))
}

/// Reads the number of `--generation`.
pub(super) fn parse_generation(text: &str) -> Result<GenerationId, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(GenerationId).ok_or_else(|| "generations are counted from 1".to_owned())
}

fn to_text(answer: &Answer<'_>, time_zone: &TimeZone) -> String {
    let mut text = String::new();
    let located = &answer.located;
    match answer.unit() {
        Some(unit) => line(&mut text, located.status.as_str(), &describe(unit)),
        None => line(&mut text, located.status.as_str(), &format!("no {} here", answer.layer.layer().levels[answer.depth])),
    }
    for unit in answer.path() {
        line(&mut text, unit.level.as_str(), &describe(unit));
    }
    if let Some(duty) = &answer.duty {
        let holder = duty.holder.as_ref().map_or_else(|| "nobody: an alarm".to_owned(), describe_holder);
        line(&mut text, "keeper", &holder);
        duty.fallback.iter().for_each(|holder| line(&mut text, "  then", &describe_holder(holder)));
    }
    match (&answer.ruling, answer.category) {
        (Some(ruling), _) => describe_ruling(&mut text, ruling, time_zone),
        (None, Some(category)) => line(&mut text, "category", &format!("{category}; no categories are loaded")),
        (None, None) => {}
    }
    if let Some(expires) = answer.expires {
        line(&mut text, "until", &tell(expires, time_zone));
    }
    if let Some(distance_m) = located.distance_to_border_m {
        let doubt = if answer.is_ambiguous { ", which is near enough to be mistaken" } else { "" };
        line(&mut text, "border", &format!("{distance_m:.2} m away{doubt}"));
    }
    for neighbour in &located.alternatives {
        line(&mut text, "neighbour", &format!("{}, {:.2} m away", describe(answer.neighbour(neighbour)), neighbour.distance_m));
    }
    if let Some(nearest) = &located.nearest {
        line(&mut text, "nearest", &format!("{}, {:.2} m away", describe(answer.neighbour(nearest)), nearest.distance_m));
    }
    text
}

fn describe_ruling(text: &mut String, ruling: &Ruling<'_>, time_zone: &TimeZone) {
    line(text, "category", format!("{} {}", ruling.category.code, ruling.category.name).trim_end());
    if let Some(responsible) = &ruling.responsible {
        let place = responsible.unit.map_or_else(|| "everywhere".to_owned(), |unit| format!("of {unit}"));
        let category = responsible.category.map_or_else(|| "all categories".to_owned(), ToString::to_string);
        for row in &responsible.departments {
            line(text, row.role.as_str(), &format!("{} ({}; rule for {category} {place})", row.name, row.department));
        }
    }
    if let Some(due) = &ruling.due {
        let assumed = if due.is_assumed { ", the earliest of several" } else { "" };
        let said =
            format!("{}: {} to {}, condition {}{assumed}", tell(due.at, time_zone), due.limit, due.stage.as_str(), due.row.condition);
        line(text, "due", &said);
    }
    ruling.notes.iter().for_each(|note| line(text, "note", note));
}

fn line(text: &mut String, label: &str, value: &str) {
    writeln!(text, "{label:<11} {value}").expect("writing to a string cannot fail");
}

fn describe(unit: &Unit) -> String {
    if unit.name.is_empty() { unit.code.to_string() } else { format!("{} {}", unit.code, unit.name) }
}

fn describe_holder(holder: &Holder<'_>) -> String {
    format!("{} {} ({} of {}, {})", holder.worker.name, holder.worker.phone, holder.post.as_str(), holder.from, holder.worker.id)
}
