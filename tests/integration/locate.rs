use serde_json::{Value, json};

use crate::small_town::{COMMUNITY, EAST, SmallTown, WEST, text};

const ROSTER: &str = "unit_code,worker_id,name,phone,post,department,valid_from,valid_to,shift\n\
    431102004001001,W1,唐小军,13800000001,primary,城管,2026-01-01,,08:00-18:00\n\
    431102004001001,W2,李丽华,13800000002,backup,城管,2026-01-01,,\n\
    431102004001,W3,陈志强,13800000003,leader,街道,2026-01-01,2027-01-01,\n";

fn town_with_roster() -> SmallTown {
    let town = SmallTown::build();
    let roster = town.write("roster.csv", ROSTER);
    town.succeed(&["roster", "import", text(&roster)]);
    town
}

fn locate(town: &SmallTown, args: &[&str]) -> Value {
    serde_json::from_str(&town.succeed(&[&["locate", "--json"], args].concat())).unwrap()
}

#[test]
fn a_position_is_answered_with_grid_path_keeper_and_neighbours() {
    let town = town_with_roster();
    let answer = locate(&town, &["111.60995", "26.205", "--at", "2026-03-01T09:00:00+08:00"]);
    assert_eq!(answer["status"], "inside");
    assert_eq!(answer["grid"]["code"], WEST);
    assert_eq!(
        answer["path"],
        json!([
            { "level": "community", "code": COMMUNITY, "name": "徐家井社区" },
            { "level": "grid", "code": WEST, "name": "西" }
        ])
    );
    assert_eq!(answer["responsible"]["worker"], json!({ "id": "W1", "name": "唐小军", "phone": "13800000001" }));
    assert_eq!(answer["responsible"]["fallback"].as_array().unwrap().len(), 2);
    assert_eq!((&answer["vacant"], &answer["expires"]), (&json!(false), &json!("2026-03-01T10:00:00Z")));
    // Five thousandths of a minute of arc of longitude are 5 m at this latitude.
    let distance_m = answer["distance_to_border_m"].as_f64().unwrap();
    assert!((4.9..5.1).contains(&distance_m), "{distance_m}");
    assert_eq!((&answer["ambiguous"], &answer["alternatives"][0]["code"]), (&json!(true), &json!(EAST)));
    assert_eq!(answer["nearest"], Value::Null);
    assert_eq!(answer["generation"], 2);
}

#[test]
fn a_shared_border_belongs_to_the_east_and_a_vacant_grid_to_its_community() {
    let town = town_with_roster();
    let answer = locate(&town, &["111.61", "26.205"]);
    assert_eq!(answer["grid"]["code"], EAST);
    assert_eq!(answer["distance_to_border_m"].as_f64().unwrap().round(), 0.0);
    let at = |time: &str| locate(&town, &["111.615", "26.205", "--at", time]);
    let answer = at("2026-03-01");
    assert_eq!((&answer["responsible"]["worker"]["id"], &answer["responsible"]["from"]), (&json!("W3"), &json!(COMMUNITY)));
    assert_eq!(answer["expires"], "2026-12-31T16:00:00Z");
    let answer = at("2027-01-01");
    assert_eq!((&answer["responsible"], &answer["vacant"]), (&Value::Null, &json!(true)));
}

#[test]
fn outside_is_an_answer_with_the_nearest_grid() {
    let town = town_with_roster();
    let answer = locate(&town, &["111.63", "26.205"]);
    assert_eq!((&answer["status"], &answer["grid"], &answer["path"]), (&json!("outside"), &Value::Null, &json!([])));
    assert_eq!((&answer["nearest"]["code"], &answer["responsible"], &answer["vacant"]), (&json!(EAST), &Value::Null, &json!(false)));
    let distance_m = answer["nearest"]["distance_m"].as_f64().unwrap();
    assert!((998.0..1001.0).contains(&distance_m), "{distance_m}");
}

#[test]
fn a_person_reads_the_keeper_and_his_telephone() {
    let town = town_with_roster();
    let shown = town.succeed(&["locate", "111.60995", "26.205", "--at", "2026-03-01 09:00"]);
    for part in [WEST, "徐家井社区", "唐小军 13800000001", "2026-03-01 18:00", "neighbour"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn a_position_may_be_given_in_another_reference_system() {
    let town = town_with_roster();
    let answer = locate(&town, &["111.61326", "26.2020", "--crs", "GCJ02"]);
    let lon = answer["position"]["lon"].as_f64().unwrap();
    assert!(lon < 111.6100, "{lon}");
    assert_eq!(answer["grid"]["code"], WEST);
    let refused = town.run(&["locate", "111.6", "26.2", "--crs", "EPSG:0"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn what_cannot_be_asked_is_told_and_a_missing_store_has_its_own_exit_code() {
    let town = SmallTown::build();
    for (args, part) in [
        (&["locate", "111.6", "96.2"][..], "96.2 is no position"),
        (&["locate", "111.6", "26.2", "--layer", "police"], "police"),
        (&["locate", "111.6", "26.2", "--level", "house"], "house"),
        (&["locate", "111.6", "26.2", "--at", "soon"], "soon"),
        (&["locate", "111.6", "26.2", "--accuracy-m", "1e9"], "is not between 0 and 50000 metres"),
        (&["locate", "111.6", "26.2", "--at", "2025-12-31"], "its boundaries begin at 2025-12-31T16:00:00Z"),
    ] {
        let output = town.run(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(part), "{error}");
    }
    let mut nowhere = crate::support::gridkeeper();
    let nowhere = nowhere.args(["--store", text(&town.path("nowhere.gpkg")), "locate", "111.6", "26.2"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(3), "{}", String::from_utf8_lossy(&nowhere.stderr));
}
