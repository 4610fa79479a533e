//! Plans as text.

use std::fmt::Write as _;

use super::base::Base;
use crate::plan::{Bounds, Change, Finding, Measures, Plan, Why};

/// Lines of a list that are printed; `--json` and files hold all.
const LISTED_MAX: usize = 20;

/// Says how even, compact and whole a plan is, and how far from today's.
pub fn describe_measures(measures: &Measures, community: impl Fn(u32) -> String) -> String {
    let mut text = String::new();
    let evenness = &measures.evenness;
    let _ = writeln!(text, "{} units in {} districts, load {}", measures.units, measures.districts, figure(measures.load));
    let ratio = evenness.max_over_min.map_or_else(|| "none".into(), |ratio| format!("{ratio:.2}"));
    let _ = writeln!(
        text,
        "balance: imbalance at most {}, within 5 % {}, within 10 % {}; load {} to {}, max/min {ratio}, CV {:.3}, Gini {:.3}",
        percent(evenness.imbalance_max),
        percent(evenness.within_5),
        percent(evenness.within_10),
        figure(evenness.min),
        figure(evenness.max),
        evenness.variation,
        evenness.gini
    );
    if measures.by_community.len() > 1 {
        let city = &measures.city_evenness;
        let _ = writeln!(
            text,
            "against the mean of the city: imbalance at most {}, within 5 % {}",
            percent(city.imbalance_max),
            percent(city.within_5)
        );
        let mut communities = measures.by_community.clone();
        communities.sort_by(|a, b| (b.share_of_mean - 1.0).abs().total_cmp(&(a.share_of_mean - 1.0).abs()));
        for load in communities.iter().take(LISTED_MAX) {
            let _ = writeln!(
                text,
                "  {}: {} districts, load {} each, {} of the mean",
                community(load.community),
                load.districts,
                figure(load.load_per_district),
                percent(load.share_of_mean)
            );
        }
        more(&mut text, communities.len());
    }
    let _ = writeln!(
        text,
        "compactness: Polsby-Popper {:.3}, Reock {:.3}, hull ratio {:.3}; {} cut edges, {:.1} km of borders between districts",
        measures.polsby_popper,
        measures.reock,
        measures.hull_ratio,
        measures.cut_edges,
        measures.border_m / 1000.0
    );
    let _ = writeln!(
        text,
        "whole: {} districts torn, {} holes, {} units unassigned, {} parent crossings, {} units locked",
        measures.torn, measures.holes, measures.unassigned, measures.parent_crossings, measures.locked
    );
    if let Some(moved) = &measures.against {
        let residents = moved.residents.map_or_else(String::new, |residents| format!(", {residents:.0} residents"));
        let bound = match (moved.bound, moved.over_bound) {
            (Some(_), Some(over)) => format!(", {over:.2} × the least possible"),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "against today: {} units, load {} ({}{bound}){residents}, {:.2} km² and {} workers change; variation of information {:.3}",
            moved.units,
            figure(moved.load),
            percent(moved.load_share),
            moved.area_m2 / 1e6,
            moved.districts,
            moved.variation_of_information
        );
        if moved.locked > 0 {
            let _ = writeln!(text, "{} locked units moved", moved.locked);
        }
    }
    text
}

/// Says in one sentence what changes hands between two districts, and what that does to both.
pub fn describe_change(
    change: &Change,
    name: impl Fn(u32) -> String,
    share_before: impl Fn(u32) -> f64,
    share_after: impl Fn(u32) -> f64,
) -> String {
    let units = if change.units.len() == 1 { "1 unit".to_owned() } else { format!("{} units", change.units.len()) };
    let load = |district: u32| format!("load {} → {}", percent_short(share_before(district)), percent_short(share_after(district)));
    match (change.from, change.to) {
        (Some(from), Some(to)) => {
            format!("{} takes {units} from {}: {} (its own {})", name(to), name(from), load(from), load(to))
        }
        (None, Some(to)) => format!("{} takes {units} that were in no district: {}", name(to), load(to)),
        (Some(from), None) => format!("{units} of {} are in no district: {}", name(from), load(from)),
        (None, None) => String::new(),
    }
}

/// Says what stands in the way of a plan, one line for each finding.
pub fn describe_findings(plan: &Plan, base: &Base, names: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, community) in (0u32..).zip(&plan.communities) {
        let place = base.community_name(at);
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        for finding in &community.findings {
            lines.push(format!("{place}{}", describe_finding(finding, community.bounds, base, names)));
        }
    }
    lines
}

pub fn describe_finding(finding: &Finding, bounds: Bounds, base: &Base, names: &[String]) -> String {
    let range = format!("{} to {}", figure(bounds.low), figure(bounds.high));
    let name = |district: u32| names.get(district as usize).map_or("", String::as_str);
    match finding {
        Finding::TooHeavy { unit, load } => {
            let code = &base.codes[*unit as usize];
            format!(
                "unit {code} carries {} by itself, and a district may carry {range}; divide the unit, or raise the tolerance",
                figure(*load)
            )
        }
        Finding::OffTheMean { share_of_mean, districts, suitable } => format!(
            "its {districts} districts carry {} of the city's mean each, whatever their borders; {suitable} would suit it",
            percent(*share_of_mean)
        ),
        Finding::NoRoom { mean } => {
            format!("its districts carry {} on the mean, and each may carry {range}; change their number", figure(*mean))
        }
        Finding::InPieces { pieces } => format!("its units lie in {pieces} pieces, which were joined at their nearest units"),
        Finding::Stuck { load } => {
            format!("a load of {} cannot reach a district that could take it, as the districts do not hang together", figure(*load))
        }
        Finding::TornToday { pieces } => format!("{pieces} units that lie apart from their district of today were given to a neighbour"),
        Finding::CrossesToday { district } => {
            format!("district {} reaches in from another parent today; its units here were given to a neighbour", name(*district))
        }
        Finding::TooManyLocked { districts, wanted } => {
            format!("{districts} districts of today have locked units, so that {wanted} cannot be made; unlock some")
        }
        Finding::LockedApart { pieces } => format!("{pieces} pieces lie apart and are locked; unlock them, or what lies between"),
        Finding::Outside { district, load, why } => {
            let why = match why {
                Why::HeavyUnit => "one of its units is too heavy by itself",
                Why::NoRoom => "the load of its community leaves no room; change the number of districts",
                Why::Locked => "its locked units alone carry too much",
                Why::NoWay => {
                    "no exchange with its neighbours was found that keeps all of them whole and within bounds; try another seed or a wider tolerance"
                }
                Why::Stopped => "the time was over; give more with --seconds",
            };
            format!("district {} carries {} and may carry {range}: {why}", name(*district), figure(*load))
        }
    }
}

pub fn list(text: &mut String, lines: &[String]) {
    for line in lines.iter().take(LISTED_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    more(text, lines.len());
}

fn more(text: &mut String, count: usize) {
    if count > LISTED_MAX {
        let _ = writeln!(text, "  … and {} more; --json has all", count - LISTED_MAX);
    }
}

/// A load in as many digits as a person reads.
pub fn figure(load: f64) -> String {
    if load.abs() >= 1000.0 || load.fract() == 0.0 { format!("{load:.0}") } else { format!("{load:.2}") }
}

pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn percent_short(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
