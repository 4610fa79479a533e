//! Plans as text.

use std::fmt::Write as _;

use crate::plan::{Base, Measures, Proposal, figure, percent};

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

/// Says what stands in the way of a plan, one line for each finding.
pub fn describe_findings(proposal: &Proposal, base: &Base) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, community) in (0u32..).zip(&proposal.plan.communities) {
        let place = base.community_name(at);
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        for finding in &community.findings {
            lines.push(format!("{place}{}", finding.sentence(community.bounds, base, |district| proposal.name(district))));
        }
    }
    lines
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
