//! Puts what was found into sentences with figures and remedies.

use geo::{Euclidean, Length};
use geo_types::{MultiPolygon, Polygon};

use super::nest::Misfit;
use super::plane::Plane;
use super::seams::{Gap, Overlap, Seams, Unmatched};
use super::snap::Snapped;
use super::validate::Rules;
use crate::boundary::{Layer, Level, Problem, ProblemKind, ProblemUnit, Severity, UnitShape};

/// Codes named in a sentence; the rest is counted there, and all stand in the problem's list of features.
const CODES_NAMED_MAX: usize = 6;

/// Places narrower than this are called slivers: digitising leaves such, offices do not draw them. Metres.
const SLIVER_WIDTH_M: f64 = 0.5;

/// Names a feature for a problem.
pub(super) fn feature(shape: &UnitShape) -> ProblemUnit {
    ProblemUnit { code: Some(shape.unit.code.to_string()), source: shape.source.clone() }
}

/// Reports the gaps, overlaps and unmatched edges of a level.
pub(super) fn report_seams(level: &Level, shapes: &[UnitShape], seams: &Seams, rules: &Rules) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    problems.extend(seams.overlaps.iter().map(|overlap| report_overlap(overlap, shapes, rules)));
    problems.extend(seams.gaps.iter().map(|gap| report_gap(gap, shapes, rules)));
    problems.extend(seams.unmatched.iter().map(|unmatched| report_unmatched(unmatched, shapes, rules)));
    if !seams.is_complete {
        let detail = "some edges lie so close together that they could not be told apart, so gaps and overlaps may be missing";
        let remedy = "import with a larger --snap-m";
        problems.push(Problem::new(ProblemKind::UnmatchedEdge, Severity::Error, detail, remedy));
    }
    problems.into_iter().map(|problem| problem.at_level(level)).collect()
}

/// Reports the units that the repair left as they were because moving their vertices would have spoilt a ring.
pub(super) fn report_left_alone(layer: &Layer, shapes: &[Vec<UnitShape>], snapped: &Snapped) -> Vec<Problem> {
    let remedy = "import with a smaller --snap-m, or mend the border by hand";
    if snapped.gave_up {
        let detail = "nothing was repaired, because moving vertices by so much would spoil the rings of too many units";
        return vec![Problem::new(ProblemKind::UnmatchedEdge, Severity::Warning, detail, remedy)];
    }
    let report = |&(depth, unit): &(usize, u32)| {
        let shape = &shapes[depth][unit as usize];
        let detail = format!("{} was not repaired, because moving its vertices would make a ring cross itself", shape.unit.code);
        Problem::new(ProblemKind::UnmatchedEdge, Severity::Note, detail, remedy).at_level(&layer.levels[depth]).of([feature(shape)])
    };
    snapped.left_alone.iter().map(report).collect()
}

/// Reports where the units of a level stick out of their parents, and where parents are left uncovered. Each problem is of the
/// level of the unit that it names.
pub(super) fn report_misfits(
    levels: [&Level; 2],
    above: &[UnitShape],
    shapes: &[UnitShape],
    misfits: &[Misfit],
    rules: &Rules,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for misfit in misfits {
        let parent = &above[misfit.parent as usize];
        problems.extend(
            misfit.outside.iter().map(|(unit, place)| report_outside(&shapes[*unit as usize], parent, place, rules).at_level(levels[1])),
        );
        if !misfit.uncovered.0.is_empty() {
            problems.push(report_uncovered(parent, levels, &misfit.uncovered, rules).at_level(levels[0]));
        }
        if !misfit.is_complete {
            let detail =
                format!("some edges in {} lie so close together that it cannot be told whether its units fill it", parent.unit.code);
            let remedy = "import with a larger --snap-m";
            problems.push(
                Problem::new(ProblemKind::Nesting, severity(rules.accepted.nesting), detail, remedy)
                    .at_level(levels[0])
                    .of([feature(parent)]),
            );
        }
    }
    problems
}

fn report_outside(shape: &UnitShape, parent: &UnitShape, place: &MultiPolygon<f64>, rules: &Rules) -> Problem {
    let area_m2 = rules.plane.area_m2(place);
    let (code, parent_code) = (&shape.unit.code, &parent.unit.code);
    let detail = format!("{code} is not inside its parent {parent_code}: {} stick out in {}", area_text(area_m2), places(place.0.len()));
    let problem = if is_thin(place, rules) {
        let remedy = "nothing to do: the place is narrower than the tolerance";
        Problem::new(ProblemKind::Nesting, Severity::Warning, detail, remedy)
    } else {
        let remedy = "correct the border or the parent of the unit, or, where it is meant, accept it by name with --accept nesting";
        Problem::new(ProblemKind::Nesting, severity(rules.accepted.nesting), detail, remedy)
    };
    problem.of([feature(shape)]).placed(place.clone()).with_area_m2(area_m2)
}

fn report_uncovered(parent: &UnitShape, [above, level]: [&Level; 2], place: &MultiPolygon<f64>, rules: &Rules) -> Problem {
    let area_m2 = rules.plane.area_m2(place);
    let code = &parent.unit.code;
    let detail = format!("{} of the {above} {code} lie in no {level} of it, in {}", area_text(area_m2), places(place.0.len()));
    let remedy =
        format!("nothing to do where no {level} is meant to be there; otherwise draw the missing units or extend their neighbours");
    Problem::new(ProblemKind::Uncovered, Severity::Warning, detail, remedy)
        .of([feature(parent)])
        .placed(place.clone())
        .with_area_m2(area_m2)
}

/// Narrower than this is no fault of nesting even where nothing is to be moved: files with six decimals are no better. Metres.
const NESTING_WIDTH_M: f64 = 0.001;

fn is_thin(place: &MultiPolygon<f64>, rules: &Rules) -> bool {
    let wide_m = rules.snap_m.max(NESTING_WIDTH_M);
    place.iter().all(|polygon| width_m(polygon, rules.plane.polygon_area_m2(polygon), rules.plane) <= wide_m)
}

fn places(count: usize) -> String {
    if count == 1 { "one place".to_owned() } else { format!("{count} places") }
}

fn report_overlap(overlap: &Overlap, shapes: &[UnitShape], rules: &Rules) -> Problem {
    let area_m2 = rules.plane.polygon_area_m2(&overlap.polygon);
    let (what, remedy) = describe(&overlap.polygon, area_m2, overlap.is_hairline, "overlap", rules);
    let who = named(&overlap.units, shapes);
    let times = if overlap.cover > 2 { format!(", {} deep", overlap.cover) } else { String::new() };
    let detail = format!("{who} cover the same place: {what}{times}");
    Problem::new(ProblemKind::Overlap, severity(rules.accepted.overlap), detail, remedy)
        .of(overlap.units.iter().map(|unit| feature(&shapes[*unit as usize])))
        .placed(overlap.polygon.clone())
        .with_area_m2(area_m2)
}

fn report_gap(gap: &Gap, shapes: &[UnitShape], rules: &Rules) -> Problem {
    let area_m2 = rules.plane.polygon_area_m2(&gap.polygon);
    let (what, remedy) = describe(&gap.polygon, area_m2, gap.is_hairline, "gap", rules);
    let detail = format!("a hole that no unit covers, between {}: {what}", named(&gap.units, shapes));
    Problem::new(ProblemKind::Gap, severity(rules.accepted.gap), detail, remedy)
        .of(gap.units.iter().map(|unit| feature(&shapes[*unit as usize])))
        .placed(gap.polygon.clone())
        .with_area_m2(area_m2)
}

fn report_unmatched(unmatched: &Unmatched, shapes: &[UnitShape], rules: &Rules) -> Problem {
    let shape = &shapes[unmatched.unit as usize];
    let length_m: f64 = unmatched.edges.iter().map(|line| rules.plane.length_m(&line.0)).sum();
    let detail = format!("{} has edges that do not meet its neighbours' vertex by vertex, {length_m:.3} m in all", shape.unit.code);
    let remedy = "draw the shared border once with snapping switched on, or import with a larger --snap-m";
    Problem::new(ProblemKind::UnmatchedEdge, Severity::Warning, detail, remedy)
        .of([feature(shape)])
        .placed(unmatched.edges.clone())
        .with_length_m(length_m)
}

/// Reports a shape's own problems as those of its level.
pub(super) fn own_problems(level: &Level, shape: &UnitShape, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(move |problem| problem.at_level(level).of([feature(shape)]))
}

pub(super) fn severity(is_accepted: bool) -> Severity {
    if is_accepted { Severity::Warning } else { Severity::Error }
}

/// Returns the size of a place in words and the remedy for it.
fn describe(place: &Polygon<f64>, area_m2: f64, is_hairline: bool, kind: &str, rules: &Rules) -> (String, String) {
    let width_m = width_m(place, area_m2, rules.plane);
    let accept = format!("accept it by name with --accept {kind}");
    if width_m < SLIVER_WIDTH_M {
        let snap_m = (width_m * 2.0).max(rules.snap_m * 2.0).max(0.01);
        let what = if is_hairline {
            format!(
                "a hairline of {} and about {width_m:.0e} m across, so narrow that rounding decides whether it is there",
                area_text(area_m2)
            )
        } else {
            format!("a sliver of {} and about {width_m:.3} m across", area_text(area_m2))
        };
        return (what, format!("import with --snap-m {snap_m:.2}, or mend the shared border, or {accept}"));
    }
    (area_text(area_m2), format!("mend the border between the units, or, where it is meant, {accept}"))
}

/// Returns how wide a place is: the width of the ribbon with the same area and rim.
pub(super) fn width_m(place: &Polygon<f64>, area_m2: f64, plane: Plane) -> f64 {
    let rim_m = std::iter::once(place.exterior()).chain(place.interiors()).map(|ring| rough_length_m(&ring.0, plane)).sum::<f64>();
    if rim_m > 0.0 { 2.0 * area_m2 / rim_m } else { 0.0 }
}

fn rough_length_m(ring: &[geo_types::Coord<f64>], plane: Plane) -> f64 {
    let Some(first) = ring.first() else { return 0.0 };
    let scale = plane.scale_at(first.y);
    let scaled = |c: &geo_types::Coord<f64>| geo_types::Coord { x: c.x * scale.x_m, y: c.y * scale.y_m };
    Euclidean.length(&ring.iter().map(scaled).collect::<geo_types::LineString<f64>>())
}

/// Writes an area so that slivers do not read as nought.
pub(super) fn area_text(area_m2: f64) -> String {
    if area_m2 >= 1.0 { format!("{area_m2:.1} m²") } else { format!("{area_m2:.2e} m²") }
}

pub(super) fn named(units: &[u32], shapes: &[UnitShape]) -> String {
    let mut text: Vec<&str> = units.iter().take(CODES_NAMED_MAX).map(|unit| shapes[*unit as usize].unit.code.as_str()).collect();
    let more = units.len().saturating_sub(CODES_NAMED_MAX).to_string() + " more";
    if units.len() > CODES_NAMED_MAX {
        text.push(&more);
    }
    match text.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => text.concat(),
    }
}
