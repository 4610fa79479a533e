use jiff::Timestamp;

use super::answer::Answer;
use super::state::Snapshot;
use crate::boundary::UnitCode;
use crate::dispatch::workflow::{Appointed, Context, Place};
use crate::dispatch::{Case, Limits, Ruling, WorkerId};

/// How far the nearest collector is looked for where the grid itself has none on duty, metres: as the accuracy of the lookup.
pub const COLLECTOR_DISTANCE_M_MAX: f64 = 3_000.0;

/// Returns what is known of a case where it is, by the rules of `at`. `answer` is the lookup of its place.
pub fn context_of<'a>(snapshot: &'a Snapshot, answer: &Answer<'a>, category: &str, place: Place, at: Timestamp) -> Context<'a> {
    let rules = snapshot.rules(at);
    let path: Vec<&UnitCode> = answer.path().rev().map(|unit| &unit.code).collect();
    let asked = rules.find(category, true).ok();
    let ruling = asked.as_ref().and_then(|asked| rules.rule(asked, &path));
    let terms = rules.terms(asked.as_ref(), &path);
    Context {
        departments: ruling.as_ref().map(appointed).unwrap_or_default(),
        known: rules.departments(),
        limits: if asked.is_some() { terms.limits } else { Limits::default() },
        calendar: terms.calendar,
        collector: nearest_collector(snapshot, answer, at),
        category: category.to_owned(),
        major: ruling.and_then(|ruling| ruling.category.major.as_ref().map(ToString::to_string)),
        place,
    }
}

/// Returns where a case is, as it is kept.
pub fn place_of(case: &Case) -> Place {
    Place {
        position: case.position,
        given: case.given.clone(),
        district: case.district.clone(),
        grid: case.grid.clone(),
        generation: case.generation,
        holder: case.holder.clone(),
        border_m: None,
    }
}

/// Returns where a lookup finds a position, and who answers there.
pub fn place_at(answer: &Answer<'_>, given: String) -> Place {
    let unit = answer.unit();
    Place {
        position: answer.position,
        given,
        district: answer.path().next().map(|unit| unit.code.clone()),
        grid: unit.map(|unit| unit.code.clone()),
        generation: unit.map(|_| answer.layer.generation().id),
        holder: answer.duty.as_ref().and_then(|duty| duty.holder.as_ref()).map(|holder| holder.worker.id.clone()),
        border_m: answer.located.distance_to_border_m.filter(|_| answer.is_ambiguous),
    }
}

/// Returns who gets a case that comes to the place of a lookup at `at`: whoever is on duty there or above, the substitute too; where
/// nobody is, whoever holds the place whatever the hour, so that the case is somebody's.
pub fn keeper_at(snapshot: &Snapshot, answer: &Answer<'_>, at: Timestamp) -> Option<WorkerId> {
    let roster = snapshot.roster();
    let path = || answer.path().rev().map(|unit| &unit.code);
    let on_duty = roster.find_duty(path(), at).holder.map(|holder| holder.worker);
    on_duty.or_else(|| roster.find_keeper(path(), at)).map(|worker| worker.id.clone())
}

fn appointed(ruling: &Ruling<'_>) -> Vec<Appointed> {
    let rows = ruling.responsible.iter().flat_map(|responsible| &responsible.departments);
    rows.map(|row| Appointed { department: row.department.clone(), name: row.name.clone(), role: row.role }).collect()
}

/// Finds the collector who is to look at a place: who is on duty in its grid, else in the nearest grid where somebody is, else whoever
/// answers further up.
fn nearest_collector(snapshot: &Snapshot, answer: &Answer<'_>, at: Timestamp) -> Option<WorkerId> {
    let roster = snapshot.roster();
    let on_duty = |code: &UnitCode| roster.find_duty([code], at).holder.map(|holder| holder.worker.id.clone());
    let own = answer.unit().and_then(|unit| on_duty(&unit.code));
    let near = || answer.located.alternatives.iter().find_map(|other| on_duty(&answer.neighbour(other).code));
    let above = || answer.duty.as_ref()?.holder.as_ref().map(|holder| holder.worker.id.clone());
    own.or_else(near).or_else(above)
}
