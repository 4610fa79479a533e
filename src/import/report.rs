use std::io::{self, Write};

use geo_types::{Geometry, LineString};
use geojson::{Feature, GeometryValue, JsonObject};
use serde_json::{Value, json};

use crate::boundary::{Problem, ProblemUnit};
use crate::topology::VertexMove;

/// Writes problems, and the vertices that a repair moved, as a GeoJSON FeatureCollection that any GIS opens.
///
/// Features have `kind, severity, level, units, features, area_m2, length_m, detail, remedy`; those without a place
/// have a null geometry. `units` are codes, or `#` and the number of a feature that has none.
/// A moved vertex is a line from where it was to where it is, of the kind `moved_vertex`.
///
/// # Errors
/// Those of `writer`.
pub fn write_report(mut writer: impl Write, problems: &[Problem], moves: &[VertexMove]) -> io::Result<()> {
    writer.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
    let features = problems.iter().map(problem_feature).chain(moves.iter().map(move_feature));
    for (at, feature) in features.enumerate() {
        writer.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut writer, &feature)?;
    }
    writer.write_all(b"\n]}\n")?;
    writer.flush()
}

/// Returns what a report calls a unit: its code, or `#` and its place in the file.
pub fn unit_label(unit: &ProblemUnit) -> String {
    unit.code.clone().unwrap_or_else(|| format!("#{}", unit.source.number))
}

fn problem_feature(problem: &Problem) -> Feature {
    let units: Vec<String> = problem.units.iter().map(unit_label).collect();
    let numbers: Vec<usize> = problem.units.iter().map(|unit| unit.source.number).collect();
    let properties = json!({
        "kind": problem.kind.as_str(),
        "severity": problem.severity.as_str(),
        "level": problem.level.as_ref().map(crate::boundary::Level::as_str),
        "units": units,
        "features": numbers,
        "area_m2": problem.area_m2,
        "length_m": problem.length_m,
        "detail": problem.detail,
        "remedy": problem.remedy,
    });
    feature(problem.place.as_ref(), properties)
}

fn move_feature(moved: &VertexMove) -> Feature {
    let properties = json!({
        "kind": "moved_vertex",
        "severity": "note",
        "level": moved.level.as_str(),
        "units": [],
        "features": [moved.source.number],
        "area_m2": null,
        "length_m": moved.distance_m,
        "detail": "the repair moved a vertex so that neighbours meet",
        "remedy": "none needed",
    });
    feature(Some(&Geometry::LineString(LineString(vec![moved.from, moved.to]))), properties)
}

fn feature(place: Option<&Geometry<f64>>, properties: Value) -> Feature {
    let geometry = place.map(|place| geojson::Geometry::new(GeometryValue::from(place)));
    let properties: Option<JsonObject> = match properties {
        Value::Object(members) => Some(members),
        _ => None,
    };
    Feature { bbox: None, geometry, id: None, properties, foreign_members: None }
}

#[cfg(test)]
mod tests {
    use geo_types::Point;

    use super::*;
    use crate::boundary::{FeatureRef, Level, ProblemKind, Severity};

    #[test]
    fn a_report_is_geojson_with_a_place_for_each_problem_that_has_one() {
        let unit = |code: Option<&str>, number| ProblemUnit { code: code.map(str::to_owned), source: FeatureRef { number } };
        let problems = [
            Problem::new(ProblemKind::Gap, Severity::Error, "a hole", "move the border")
                .of([unit(Some("a"), 1), unit(None, 2)])
                .placed(Point::new(1.0, 2.0))
                .with_area_m2(3.5),
            Problem::new(ProblemKind::NoGeometry, Severity::Error, "nothing there", "draw it"),
        ];
        let level = Level::parse("grid").unwrap();
        let moved =
            VertexMove { level, source: FeatureRef { number: 7 }, from: (0.0, 0.0).into(), to: (0.0, 1e-7).into(), distance_m: 0.011 };
        let mut written = Vec::new();
        write_report(&mut written, &problems, &[moved]).unwrap();
        let collection: geojson::FeatureCollection = String::from_utf8(written).unwrap().parse().unwrap();
        let [gap, none, moved] = collection.features.as_slice() else { panic!("{collection:?}") };
        assert_eq!(gap.property("units"), Some(&json!(["a", "#2"])));
        assert_eq!(gap.property("area_m2"), Some(&json!(3.5)));
        assert!(gap.geometry.is_some() && none.geometry.is_none() && moved.geometry.is_some());
        assert_eq!(moved.property("kind"), Some(&json!("moved_vertex")));
    }
}
