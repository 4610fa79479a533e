//! Planners' work over the built program: publish for a date, list, compare, roll back, number.

use std::collections::BTreeMap;

use fast_mvt::MvtReaderRef;
use geo_types::Coord;
use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::config::Config;
use gridkeeper::tile::to_world;
use serde_json::{Value, json};

use crate::api::service::Service;
use crate::small_town::{COMMUNITY, EAST, SmallTown, WEST, text};

const ROSTER: &str = "unit_code,worker_id,name,phone,post,department,valid_from,valid_to,shift\n";

/// Grids as a file: code, west, east, and what else is known of them. All lie between 26.20 and 26.21 north.
fn grids(town: &SmallTown, name: &str, rows: &[(&str, f64, f64, Value)]) -> String {
    let feature = |(code, west, east, more): &(&str, f64, f64, Value)| {
        let mut properties = json!({ "parent": COMMUNITY });
        if !code.is_empty() {
            properties["code"] = (*code).into();
        }
        more.as_object().unwrap().iter().for_each(|(name, value)| properties[name] = value.clone());
        let ring = json!([[west, 26.20], [east, 26.20], [east, 26.21], [west, 26.21], [west, 26.20]]);
        json!({ "type": "Feature", "properties": properties, "geometry": { "type": "Polygon", "coordinates": [ring] } })
    };
    let collection = json!({ "type": "FeatureCollection", "features": rows.iter().map(feature).collect::<Vec<_>>() });
    text(&town.write(name, collection.to_string())).to_owned()
}

fn import(town: &SmallTown, file: &str, options: &[&str]) -> String {
    town.succeed(&[&["import", file, "--level", "grid"], options].concat())
}

fn list(town: &SmallTown) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&town.succeed(&["generation", "list", "--json"])).unwrap();
    listed["generations"].as_array().unwrap().clone()
}

fn compare(town: &SmallTown, from: u32, to: u32) -> Value {
    let told = town.succeed(&["generation", "compare", &from.to_string(), &to.to_string(), "--level", "grid", "--json"]);
    serde_json::from_str::<Value>(&told).unwrap()["levels"][0].clone()
}

fn unchanged_and_changed(town: &SmallTown, from: u32, to: u32) -> (Value, Value) {
    let grid = compare(town, from, to);
    (grid["unchanged"].clone(), grid["changed"].clone())
}

fn states(town: &SmallTown) -> Vec<String> {
    list(town).iter().map(|listed| listed["state"].as_str().unwrap().to_owned()).collect()
}

/// A town whose grids come of a file that has columns of our names, some of both kinds.
fn town_of_many_columns() -> SmallTown {
    let town = SmallTown::build();
    let more = |id: &str| json!({ "人口": 100, "level": 3, "id": id, "valid_from": "spring", "a": { "b": [0.1] }, "name": "网格" });
    let file = grids(&town, "columns.geojson", &[(WEST, 111.60, 111.61, more("A-7")), (EAST, 111.61, 111.62, more("A-8"))]);
    import(&town, &file, &[]);
    town
}

#[test]
fn an_export_that_is_imported_again_changes_nothing() {
    for town in [SmallTown::build(), town_of_many_columns()] {
        let last = u32::try_from(list(&town).len()).unwrap();
        for (times, form) in (1..).zip(["geojson", "gpkg"]) {
            let out = town.path(&format!("out.{form}"));
            town.succeed(&["export", form, text(&out), "--level", "grid"]);
            import(&town, text(&out), &[]);
            assert_eq!(unchanged_and_changed(&town, last, last + times), (json!(2), json!({})), "{form}");
        }
        // The store itself is a GeoPackage with a view for each level.
        std::fs::copy(town.store(), town.path("copy.gpkg")).unwrap();
        import(&town, &format!("{}:grid", text(&town.path("copy.gpkg"))), &[]);
        assert_eq!(unchanged_and_changed(&town, last, last + 3), (json!(2), json!({})));
        let export = |generation: u32| {
            let told = town.succeed(&["export", "geojson", "-", "--level", "grid", "--generation", &generation.to_string()]);
            serde_json::from_str::<Value>(&told).unwrap()["features"].clone()
        };
        assert_eq!(export(last), export(last + 3));
    }
}

#[test]
fn a_unit_that_was_edited_in_an_export_is_the_only_one_that_changes() {
    let town = town_of_many_columns();
    let told = town.succeed(&["export", "geojson", "-", "--level", "grid"]);
    let edited = town.write("edited.geojson", told.replacen("\"人口\":100", "\"人口\":120", 1));
    import(&town, text(&edited), &[]);
    assert_eq!(unchanged_and_changed(&town, 3, 4), (json!(1), json!({ "attributes": 1 })));
    let told = town.succeed(&["export", "geojson", "-", "--level", "grid"]);
    let west = &serde_json::from_str::<Value>(&told).unwrap()["features"][0];
    assert_eq!(west["properties"]["人口"], 120);
    assert_eq!(west["properties"]["level"], "grid");
    let source = json!({ "人口": 120, "level": 3, "id": "A-7", "valid_from": "spring", "a": { "b": [0.1] } });
    assert_eq!(west["source_properties"], source, "the columns of the source");
}

#[test]
fn an_export_that_went_through_ogr2ogr_changes_nothing() {
    let town = SmallTown::build();
    let people = json!({ "人口": 100, "name": "网格" });
    let rows = [(WEST, 111.60, 111.61, people.clone()), (EAST, 111.61, 111.62, people)];
    import(&town, &grids(&town, "people.geojson", &rows), &[]);
    let (out, through) = (town.path("out.geojson"), town.path("through.gpkg"));
    town.succeed(&["export", "geojson", text(&out), "--level", "grid"]);
    if crate::store::gdal("ogr2ogr", &[text(&through), text(&out)]).is_none() {
        return;
    }
    import(&town, text(&through), &[]);
    assert_eq!(unchanged_and_changed(&town, 3, 4), (json!(2), json!({})));
}

#[test]
fn people_are_told_times_of_the_office_and_programs_rfc_3339() {
    let town = SmallTown::build();
    let told = publish_split(&town, &["--effective", "2100-01-01"]);
    assert!(told.contains("in effect from 2100-01-01 00:00 CST"), "{told}");
    let roster = town.write("roster.csv", format!("{ROSTER}{WEST},W1,唐小军,138,primary,,2026-01-01,,\n"));
    let told = town.succeed(&["roster", "import", text(&roster), "--with-generation", "next"]);
    assert!(told.contains("generation 3 of layer grid, from 2100-01-01 00:00 CST"), "{told}");
    town.succeed(&["key", "create", "--role", "dispatcher"]);
    let told = town.succeed(&["key", "list"]);
    assert!(told.contains(" CST  in force"), "{told}");
    assert_eq!(list(&town)[2]["effective_from"], "2099-12-31T16:00:00Z");
}

const HALF: &str = "431102004001003";

/// The western grid is cut in two from the new year of 2100 on.
fn publish_split(town: &SmallTown, options: &[&str]) -> String {
    let people = json!({ "人口": 0 });
    let rows = [(WEST, 111.60, 111.605, people.clone()), (HALF, 111.605, 111.61, people.clone()), (EAST, 111.61, 111.62, people)];
    import(town, &grids(town, "split.geojson", &rows), options)
}

#[test]
fn a_boundary_change_is_published_for_a_date_compared_and_taken_back() {
    let town = SmallTown::build();
    let people = |count: u32| json!({ "人口": count, "name": "" });
    let with_people = grids(&town, "people.geojson", &[(WEST, 111.60, 111.61, people(100)), (EAST, 111.61, 111.62, people(50))]);
    import(&town, &with_people, &[]);
    let roster = town
        .write("roster.csv", format!("{ROSTER}{WEST},W1,唐小军,138,primary,,2026-01-01,,\n{EAST},W2,李丽华,139,primary,,2026-01-01,,\n"));
    town.succeed(&["roster", "import", text(&roster)]);
    let incidents = "lon,lat,category,reported_at\n111.602,26.205,0110,2026-03-01T08:00:00+08:00\n\
        111.605,26.205,0110,2026-03-01T09:00:00+08:00\n111.608,26.205,0110,2026-03-01T10:00:00+08:00\n";
    town.succeed(&["incidents", "import", text(&town.write("incidents.csv", incidents))]);

    let told = publish_split(&town, &["--effective", "2100-01-01", "--author", "planner", "--note", "west is too large"]);
    assert!(told.contains(&format!("nobody answers for 1 of 3 units from that day on:\n  {HALF}")), "{told}");
    assert_eq!(states(&town), ["past", "past", "current", "future"]);
    let next = &list(&town)[3];
    assert_eq!((&next["next"], &next["author"], &next["note"]), (&json!(true), &json!("planner"), &json!("west is too large")));
    assert_eq!((&next["units"]["grid"], &next["unheld"]["codes"]), (&json!(3), &json!([HALF])));
    let table = town.succeed(&["generation", "list"]);
    assert!(table.contains("next") && table.contains("2100-01-01 00:00 CST") && table.contains(HALF), "{table}");

    // The roster of that day is loaded before it, and leaves nobody without a keeper.
    let rows = format!(
        "{ROSTER}{WEST},W1,唐小军,138,primary,,2026-01-01,,\n{HALF},W3,王强,137,primary,,2026-01-01,,\n{EAST},W2,李丽华,139,primary,,2026-01-01,,\n"
    );
    let told = town.succeed(&["roster", "import", text(&town.write("next.csv", rows)), "--with-generation", "next"]);
    assert!(told.contains("take effect with generation 4 of layer grid") && !told.contains("warning"), "{told}");
    assert!(town.succeed(&["locate", "111.607", "26.205"]).contains("唐小军"), "today's keeper stays until then");

    let grid = compare(&town, 3, 4);
    let transfers = grid["transfers"].as_array().unwrap();
    let told: Vec<_> = transfers.iter().filter(|t| t["kind"] == "split").collect();
    assert_eq!(told.len(), 2, "{grid}");
    for transfer in &told {
        assert_eq!(transfer["from"]["code"], WEST);
        assert!((transfer["share_of_from"].as_f64().unwrap() - 0.5).abs() < 1e-6);
        assert!((transfer["residents"]["count"].as_f64().unwrap() - 50.0).abs() < 1e-3, "{transfer}");
    }
    // The case on the new border belongs to the east.
    assert_eq!([&told[0]["load"]["cases"], &told[1]["load"]["cases"]], [1, 2]);
    assert_eq!(told[1]["keepers"]["before"]["worker"], "W1");
    assert_eq!((&told[1]["keepers"]["after"]["worker"], &told[1]["keepers"]["changes_hands"]), (&json!("W3"), &json!(true)));
    assert_eq!(told[0]["keepers"]["changes_hands"], false);
    assert_eq!(grid["changed"]["attributes"], 1, "the eastern grid has other residents by now");

    let csv = town.path("out.csv");
    let told = town.succeed(&["generation", "compare", "3", "4", "-o", text(&csv)]);
    assert!(told.contains(&format!("split      {WEST} → {HALF}")) && told.contains("from W1 唐小军 to W3 王强"), "{told}");
    let csv = std::fs::read_to_string(csv).unwrap();
    assert!(csv.lines().next().unwrap().starts_with("level,kind,from_code,from_name,to_code"), "{csv}");
    assert!(csv.contains(&format!("grid,split,{WEST},,{HALF},,")), "{csv}");
    let drawn = town.path("out.geojson");
    town.succeed(&["generation", "compare", "3", "4", "-o", text(&drawn)]);
    let drawn: geojson::FeatureCollection = std::fs::read_to_string(drawn).unwrap().parse().unwrap();
    assert!(drawn.features.iter().all(|feature| feature.geometry.is_some() && feature.contains_property("kind")));

    let told = town.succeed(&["generation", "rollback", "3", "--author", "head"]);
    assert!(told.contains("generation 5 of layer grid has the boundaries of generation 3"), "{told}");
    assert!(told.contains("gives up generation 4, which was to take effect from 2100-01-01 00:00 CST"), "{told}");
    assert_eq!(states(&town), ["past", "past", "past", "withdrawn", "current"]);
    assert_eq!((&list(&town)[4]["restores"], &list(&town)[4]["author"]), (&json!(3), &json!("head")));
    assert_eq!(compare(&town, 3, 5)["transfers"], json!([]));
    assert!(town.succeed(&["locate", "111.607", "26.205"]).contains(WEST));
    let refused = town.run(&["roster", "import", text(&town.path("next.csv")), "--with-generation", "4"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("generation 4 of layer grid was taken back or overtaken before its day"), "{told}");
}

#[test]
fn numbering_gives_up_what_is_published_for_later_only_where_it_is_told_so() {
    let town = SmallTown::build();
    publish_split(&town, &["--effective", "2100-01-01"]);
    let refused = town.run(&["generation", "number", "--level", "grid"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--accept future"), "{refused:?}");
    let told = town.succeed(&["generation", "number", "--level", "grid", "--accept", "future"]);
    assert!(told.contains("gives up generation 3"), "{told}");
    assert_eq!(states(&town), ["past", "past", "withdrawn", "current"]);
    let refused = town.run(&["generation", "number", "--level", "grid", "--parent", "431102004009"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has no units at level grid below 431102004009"), "{refused:?}");
}

#[test]
fn only_what_was_published_before_is_brought_back() {
    let town = SmallTown::build();
    let told = publish_split(&town, &["--draft"]);
    assert!(told.contains("it takes effect when the file is imported without --draft"), "{told}");
    for (arguments, part) in [
        (&["generation", "rollback", "2"][..], "is the newest already"),
        (&["generation", "rollback", "3"], "is a draft"),
        (&["generation", "compare", "2", "9"], "layer grid has no generation 9"),
        (&["generation", "rollback", "9"], "has no generation 9"),
        (&["generation", "compare", "1", "2", "--level", "beat"], "have no level beat"),
        (&["generation", "list", "--layer", "police"], "no layer police"),
        (&["roster", "import", "roster.csv", "--with-generation", "next"], "no generation of layer grid is waiting"),
        (&["roster", "import", "roster.csv", "--with-generation", "3"], "is a draft"),
    ] {
        let output = town.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
    assert_eq!(states(&town), ["past", "current", "draft"]);
    // A draft is compared like what was published.
    let output = town.run(&["generation", "compare", "2", "3"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 split"), "{output:?}");
}

#[test]
fn a_rollback_brings_units_back_with_their_ids_and_waits_for_its_day() {
    let town = SmallTown::build();
    let before = town.succeed(&["export", "geojson", "-", "--level", "grid"]);
    publish_split(&town, &[]);
    town.succeed(&["generation", "rollback", "2", "--effective", "2100-01-01"]);
    assert_eq!(states(&town), ["past", "past", "current", "future"]);
    let after = town.succeed(&["export", "geojson", "-", "--level", "grid", "--at", "2100-01-02"]);
    let ids = |text: &str| -> Vec<Value> {
        let collection: Value = serde_json::from_str(text).unwrap();
        collection["features"].as_array().unwrap().iter().map(|f| json!([f["id"], f["properties"]["code"], f["geometry"]])).collect()
    };
    assert_eq!(ids(&before), ids(&after));
}

#[test]
fn a_code_that_has_ended_is_refused_to_another_unit_unless_it_is_accepted() {
    let town = SmallTown::build();
    let whole = grids(&town, "whole.geojson", &[(WEST, 111.60, 111.62, json!({}))]);
    import(&town, &whole, &[]);
    let rows = [(WEST, 111.60, 111.605, json!({})), (EAST, 111.605, 111.62, json!({}))];
    let reused = grids(&town, "reused.geojson", &rows);
    let output = town.run(&["import", &reused, "--level", "grid"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("reused_code") && told.contains(EAST) && told.contains("--accept reuse"), "{told}");
    import(&town, &reused, &["--accept", "reuse"]);
}

#[test]
fn a_case_keeps_its_grid_and_is_told_where_it_lies_today() {
    let town = SmallTown::build();
    let incidents = "lon,lat,category,reported_at\n111.602,26.205,0110,2026-03-01T08:00:00+08:00\n111.607,26.205,0220,2026-03-01T09:00:00+08:00\n\
        111.7,26.205,0110,2026-03-01T09:00:00+08:00\n";
    town.succeed(&["incidents", "import", text(&town.write("incidents.csv", incidents))]);
    publish_split(&town, &[]);
    let rows = |arguments: &[&str]| -> Vec<Vec<String>> {
        let told = town.succeed(&[&["incidents", "list"], arguments].concat());
        let mut reader = csv::Reader::from_reader(told.as_bytes());
        let of = |row: csv::StringRecord| [1, 7, 8, 11, 12].iter().filter_map(|at| row.get(*at)).map(str::to_owned).collect();
        let mut rows: Vec<Vec<String>> = reader.records().map(|row| of(row.unwrap())).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(&[]), [vec!["111.602", WEST, "2"], vec!["111.607", WEST, "2"], vec!["111.7", "", ""]]);
    let today = [vec!["111.602", WEST, "2", WEST, "3"], vec!["111.607", WEST, "2", HALF, "3"], vec!["111.7", "", "", "", "3"]];
    assert_eq!(rows(&["--attribute-to", "current"]), today);
    assert_eq!(rows(&["--attribute-to", "2", "--category", "0220"]), [vec!["111.607", WEST, "2", WEST, "2"]]);
    let out = town.path("out.ndjson");
    town.succeed(&["incidents", "export", text(&out), "--attribute-to", "3"]);
    let lines = std::fs::read_to_string(out).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["attributed"] == json!({ "grid": HALF, "generation": 3 }) && line["grid"] == WEST), "{lines:?}");
    for wrong in ["yesterday", "9"] {
        assert_eq!(town.run(&["incidents", "list", "--attribute-to", wrong]).status.code(), Some(2), "{wrong}");
    }
    assert_eq!(town.run(&["incidents", "export", "out.txt"]).status.code(), Some(2));
}

#[test]
fn units_without_codes_are_numbered_and_no_code_comes_back() {
    let town = SmallTown::build();
    // The grid that ended keeps its code for itself: 001 and 002 were given, so 003 comes next, from the west.
    let rows = [
        ("", 111.615, 111.62, json!({})),
        ("", 111.605, 111.61, json!({})),
        (EAST, 111.61, 111.615, json!({})),
        ("", 111.60, 111.605, json!({})),
    ];
    let file = grids(&town, "bare.geojson", &rows);
    let refused = town.run(&["import", &file, "--level", "grid"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = import(&town, &file, &["--number"]);
    assert!(told.contains("3 features had no code and were numbered"), "{told}");
    let code_at = |lon: &str| {
        let told: Value = serde_json::from_str(&town.succeed(&["locate", lon, "26.205", "--json"])).unwrap();
        told["grid"]["code"].as_str().unwrap().to_owned()
    };
    let of = |number: u32| format!("{COMMUNITY}{number:03}");
    assert_eq!(["111.602", "111.607", "111.612", "111.617"].map(code_at), [of(3), of(4), EAST.to_owned(), of(5)]);

    let out = town.path("codes.csv");
    let told = town.succeed(&["generation", "number", "--level", "grid", "-o", text(&out)]);
    assert!(told.contains("new codes for 4 units of level grid"), "{told}");
    assert_eq!(["111.602", "111.607", "111.612", "111.617"].map(code_at), [of(6), of(7), of(8), of(9)]);
    let table = std::fs::read_to_string(out).unwrap();
    assert!(table.contains(&format!("{},{}", EAST, of(8))), "{table}");
    assert_eq!(compare(&town, 3, 4)["changed"], json!({ "recoded": 4 }));
    let output = town.run(&["generation", "number", "--level", "community"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("only the finest level is numbered anew"), "{output:?}");
}

/// Codes with the ids of their features, as the tile over both grids has them in a generation.
fn feature_ids(town: &SmallTown, generation: u32) -> BTreeMap<String, u64> {
    let service = Service::start_on(open_store(text(&town.store()), OpenMode::ReadOnly).unwrap(), Config::default(), false);
    let world = to_world(Coord { x: 111.605, y: 26.205 }) * f64::from(1 << 13);
    let path = format!("/tiles/boundaries/13/{}/{}?generation={generation}", world.x as u32, world.y as u32);
    let tile = service.get(&path).send().unwrap().bytes().unwrap();
    let reader = MvtReaderRef::new(&tile).unwrap();
    let grids = reader.layers().find(|layer| layer.name() == "grid").unwrap();
    let named = |feature: fast_mvt::MvtFeatureRef<'_>| {
        let code = feature.properties_vec().unwrap().into_iter().find_map(|(key, value)| match value {
            fast_mvt::MvtValueRef::String(code) if key == "code" => Some(code.to_owned()),
            _ => None,
        });
        (code.unwrap(), feature.id().unwrap())
    };
    grids.features().map(named).collect()
}

#[test]
fn on_maps_an_id_stays_with_its_unit_from_one_generation_to_the_next() {
    let town = SmallTown::build();
    publish_split(&town, &[]);
    let (before, after) = (feature_ids(&town, 2), feature_ids(&town, 3));
    assert_eq!((before.len(), after.len()), (2, 3));
    // The one in the west gave half of its ground away, the one in the east nothing.
    assert_eq!((before[WEST], before[EAST]), (after[WEST], after[EAST]));
    assert!(!before.values().any(|id| *id == after[HALF]), "{before:?} {after:?}");
}
