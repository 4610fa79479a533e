//! Problems as text: counted by kind, then one by one.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};

use geo::{BoundingRect, Geometry};
use jiff::Timestamp;

use crate::boundary::{GenerationId, Problem, Severity};
use crate::history::Unheld;
use crate::import::{BoundaryFile, unit_label};
use crate::topology::VertexMove;

/// Problems of one kind that are written out; a report file holds all.
const LISTED_MAX: usize = 20;

/// Codes of one problem that are written out.
const UNITS_MAX: usize = 4;

/// Says what was read and how it was understood.
pub fn describe_file(file: &BoundaryFile) -> String {
    let with_geometry = file.features.iter().filter(|feature| feature.geometry.is_some()).count();
    let mut text = format!("{}: {} of {} features, {}", file.path.display(), file.format, file.features.len(), file.crs);
    if let Some(encoding) = file.encoding {
        let _ = write!(text, ", texts in {encoding}");
    }
    let fields = [("code", &file.fields.code), ("name", &file.fields.name), ("parent", &file.fields.parent)];
    for (what, field) in fields {
        if let Some(field) = field {
            let _ = write!(text, ", {what} in {field}");
        }
    }
    if with_geometry < file.features.len() {
        let _ = write!(text, "; {} without a usable geometry", file.features.len() - with_geometry);
    }
    text.push('\n');
    for note in &file.notes {
        let _ = writeln!(text, "  {note}");
    }
    text
}

/// Says how many there are of each kind, and lists them, the gravest first.
pub fn describe_problems(problems: &[Problem]) -> String {
    let mut text = String::new();
    let mut kinds: Vec<_> = problems.iter().map(|problem| (std::cmp::Reverse(problem.severity), problem.kind)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for (severity, kind) in kinds {
        let of_kind: Vec<&Problem> = problems.iter().filter(|p| p.kind == kind && p.severity == severity.0).collect();
        let _ = writeln!(text, "{} {kind}: {}", severity.0.as_str(), of_kind.len());
        for problem in of_kind.iter().take(LISTED_MAX) {
            let _ = writeln!(text, "  {}", describe_problem(problem));
        }
        if of_kind.len() > LISTED_MAX {
            let _ = writeln!(text, "  … and {} more; --report OUT.geojson holds all", of_kind.len() - LISTED_MAX);
        }
    }
    text
}

pub fn describe_moves(moves: &[VertexMove], snap_m: f64) -> String {
    let Some(furthest_m) = moves.iter().map(|moved| moved.distance_m).max_by(f64::total_cmp) else { return String::new() };
    format!("repaired within {snap_m} m: {} vertices moved, at most {furthest_m:.4} m\n", moves.len())
}

/// Warns of units that nobody will answer for, and counts those for which only somebody further up does.
pub fn describe_unheld(unheld: &Unheld) -> String {
    let mut text = String::new();
    if unheld.unit_count == 0 {
        return text;
    }
    if unheld.roster_is_empty {
        let _ = writeln!(text, "warning: no roster is loaded for that day, so nobody answers for any of {} units", unheld.unit_count);
        return text;
    }
    if !unheld.by_nobody.is_empty() {
        let _ = writeln!(text, "warning: nobody answers for {} of {} units from that day on:", unheld.by_nobody.len(), unheld.unit_count);
        for code in unheld.by_nobody.iter().take(LISTED_MAX) {
            let _ = writeln!(text, "  {code}");
        }
        if unheld.by_nobody.len() > LISTED_MAX {
            let _ = writeln!(text, "  … and {} more; generation list --json has the first hundred", unheld.by_nobody.len() - LISTED_MAX);
        }
    }
    if unheld.by_ancestor > 0 {
        let _ = writeln!(text, "{} units have nobody of their own and fall to whoever holds a unit above them", unheld.by_ancestor);
    }
    text
}

/// Names what was published for later and never takes effect now.
pub fn describe_given_up(given_up: &[(GenerationId, Timestamp)], tell: impl Fn(Timestamp) -> String) -> String {
    let line =
        |(id, from): &(GenerationId, Timestamp)| format!("gives up generation {id}, which was to take effect from {}\n", tell(*from));
    given_up.iter().map(line).collect()
}

pub fn count(problems: &[Problem], severity: Severity) -> usize {
    problems.iter().filter(|problem| problem.severity == severity).count()
}

/// Writes to standard output. A reader who has seen enough (`| head`) is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

fn describe_problem(problem: &Problem) -> String {
    let mut text = problem.level.as_ref().filter(|_| !problem.units.is_empty()).map_or_else(String::new, |level| format!("{level} "));
    let labels: Vec<String> = problem.units.iter().take(UNITS_MAX).map(unit_label).collect();
    if !labels.is_empty() {
        let more = if problem.units.len() > UNITS_MAX { format!(" and {} more", problem.units.len() - UNITS_MAX) } else { String::new() };
        let numbers: Vec<String> = problem.units.iter().take(UNITS_MAX).map(|unit| unit.source.number.to_string()).collect();
        let _ = write!(text, "{}{more} (feature {}): ", labels.join(", "), numbers.join(", "));
    }
    text.push_str(&problem.detail);
    if let Some(place) = problem.place.as_ref().and_then(place_of) {
        let _ = write!(text, " at {:.6} {:.6}", place.0, place.1);
    }
    if let Some(area_m2) = problem.area_m2 {
        let _ = write!(text, ", {} m²", figure(area_m2));
    }
    if let Some(length_m) = problem.length_m {
        let _ = write!(text, ", {} m", figure(length_m));
    }
    let _ = write!(text, " → {}", problem.remedy);
    text
}

/// Small figures with enough digits to tell them from nothing.
fn figure(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 0.01 {
        format!("{value:.3}")
    } else {
        format!("{value:.2e}")
    }
}

/// Returns longitude and latitude of the middle of a place.
pub fn place_of(place: &Geometry<f64>) -> Option<(f64, f64)> {
    place.bounding_rect().map(|rect| (rect.center().x, rect.center().y))
}
