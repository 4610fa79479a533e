//! Any two generations are compared, drafts as of their last steps: who and what changes hands, in every form, and both as plans.

use serde_json::{Value, json};

use super::service::{COLUMNS, DISPATCHER, Service, middle_of};
use super::town::{COMMUNITIES, ask, grid_at, send, start};

/// A draft in which a column of grids goes from the eastern community of the south to the western one.
fn draw() -> (Service, String) {
    let (service, draft) = start();
    let column: Vec<String> = (0..5).map(|row| grid_at(COLUMNS / 2, row)).collect();
    let reassign = json!({ "op": "reassign", "level": "grid", "units": column, "to": COMMUNITIES[0] });
    let (status, applied) = ask(&service, "POST", &format!("{draft}/operations"), Some("*"), &reassign);
    assert_eq!(status, 200, "{applied}");
    (service, draft)
}

fn level<'a>(comparison: &'a Value, name: &str) -> &'a Value {
    comparison["levels"].as_array().unwrap().iter().find(|level| level["level"] == name).unwrap()
}

#[test]
fn a_draft_is_compared_with_what_is_in_effect_as_of_its_last_step() {
    let (service, draft) = draw();
    let number = draft.rsplit('/').next().unwrap();
    let path = format!("/v1/generations/grid/2/comparison/{number}");
    // A case in the ground that changes hands, and one in ground that does not.
    for column in [COLUMNS / 2, 0] {
        let (lon, lat) = middle_of(column, 1);
        let body = json!({ "lon": lon, "lat": lat, "category": "E0110", "description": "垃圾", "source": "12345" });
        let taken = service.request("POST", "/v1/incidents").bearer_auth(DISPATCHER).json(&body).send().unwrap();
        assert_eq!(taken.status(), 201, "{}", taken.text().unwrap());
    }
    let (status, told) = ask(&service, "GET", &format!("{path}?load=households&level=grid"), None, &Value::Null);
    assert_eq!(status, 200, "{told}");
    let grids = level(&told, "grid");
    assert_eq!(
        (&grids["changed"], &grids["unchanged"]),
        (&json!({ "attributes": 5 }), &json!(195)),
        "grids keep their ground and get another parent"
    );
    let (status, communities) = ask(&service, "GET", &format!("{path}?level=community"), None, &Value::Null);
    assert_eq!(status, 200);
    let communities = level(&communities, "community");
    let totals = &communities["totals"];
    assert_eq!((&totals["transfers"], &totals["cases"], &totals["open_cases"]), (&json!(1), &json!(1), &json!(1)), "{totals}");
    let moved =
        communities["transfers"].as_array().unwrap().iter().find(|transfer| transfer["from"]["code"] != transfer["to"]["code"]).unwrap();
    assert_eq!([&moved["from"]["code"], &moved["to"]["code"]], [COMMUNITIES[1], COMMUNITIES[0]]);
    assert_eq!(moved["load"]["open"], 1);

    // Both as plans: the column carries 11 households a grid.
    let plans = &told["plans"];
    assert_eq!((&plans["level"], &plans["district_level"]), (&json!("grid"), &json!("community")));
    let load = |side: &str, code: &str| {
        let districts = plans[side]["by_district"].as_array().unwrap();
        districts.iter().find(|district| district["district"] == code).unwrap()["load"].as_f64().unwrap()
    };
    assert_eq!((load("from", COMMUNITIES[0]), load("to", COMMUNITIES[0])), (275.0, 330.0));
    assert_eq!(
        (&plans["to"]["moved"]["units"], &plans["to"]["moved"]["load"], &plans["to"]["moved"]["workers"]),
        (&json!(5), &json!(55.0), &json!(2))
    );
    assert!(plans["to"]["balance"]["gini"].as_f64() < plans["from"]["balance"]["gini"].as_f64());

    // The way back, and a draft with itself.
    let (status, back) = ask(&service, "GET", &format!("/v1/generations/grid/{number}/comparison/2?level=community"), None, &Value::Null);
    assert_eq!((status, &level(&back, "community")["totals"]["area_m2"]), (200, &totals["area_m2"]));
    let (status, same) = ask(&service, "GET", &format!("/v1/generations/grid/{number}/comparison/{number}"), None, &Value::Null);
    assert_eq!((status, &level(&same, "grid")["changed"]), (200, &json!({})));
}

#[test]
fn a_comparison_is_a_table_a_map_and_a_page() {
    let (service, draft) = draw();
    let path = format!("/v1/generations/grid/2/comparison/{}?level=community", draft.rsplit('/').next().unwrap());
    let get = |form: &str| {
        let response = send(&service, "GET", &format!("{path}&f={form}"), None, "*/*", &Value::Null);
        assert_eq!(response.status(), 200, "{form}");
        response.text().unwrap()
    };
    let csv = get("csv");
    assert!(csv.starts_with("level,kind,from_code,") && csv.lines().next().unwrap().contains(",cases,open_cases,"), "{csv}");
    assert!(csv.lines().any(|row| row.contains(COMMUNITIES[0]) && row.contains(COMMUNITIES[1])), "{csv}");
    let ground: Value = serde_json::from_str(&get("geojson")).unwrap();
    let features = ground["features"].as_array().unwrap();
    assert!(features.iter().any(|feature| feature["properties"]["to"]["code"] == COMMUNITIES[0]), "{ground}");
    assert!(
        features.iter().all(|feature| feature["geometry"]["type"] == "MultiPolygon" || feature["geometry"]["type"] == "Polygon"),
        "{ground}"
    );
    let page = get("html");
    assert!(page.contains("<svg") && page.contains(COMMUNITIES[1]), "{page}");
    // Figures of plans are planners'.
    let refused = service.get("/v1/generations/grid/1/comparison/2?load=households").bearer_auth(DISPATCHER).send().unwrap();
    assert_eq!(refused.status(), 403);
    let (status, wrong) = ask(&service, "GET", &format!("{path}&load=beds"), None, &Value::Null);
    assert_eq!((status, &wrong["errors"][0]["parameter"]), (400, &json!("load")), "{wrong}");
}
