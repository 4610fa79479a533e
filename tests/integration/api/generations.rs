use std::sync::Arc;

use gridkeeper::app::{NewLevel, PublishOptions, publish};
use gridkeeper::boundary::{GenerationId, GenerationState, LayerName, Level, Position, UnitCode};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Case, CaseId};
use gridkeeper::topology::Rules;
use jiff::Timestamp;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use super::service::{DISPATCHER, PLANNER, SCOPED, SECRETS, SIDE, SOUTH, Service, WEST, code_of, middle_of};

const LATER: &str = "2100-01-01T00:00:00Z";

/// Publishes the grids with the first two joined, or with the first named anew.
pub fn republish(service: &Service, joined: bool, effective_from: Option<&str>, state: GenerationState) {
    let layer = LayerName::parse("grid").unwrap();
    let mut stored = service.store.load_generation(&layer, GenerationId(1)).unwrap();
    let mut shapes = stored.shapes.pop().unwrap();
    if joined {
        let second = shapes.remove(1);
        shapes[0].geometry = geo::BooleanOps::union(&shapes[0].geometry, &second.geometry);
    } else {
        shapes[0].unit.name = "新".into();
    }
    let options = PublishOptions {
        rules: Rules::default(),
        state,
        effective_from: effective_from.map(|at| at.parse().unwrap()),
        author: "王规划".into(),
        note: "two keepers for one".into(),
        reuses_codes: false,
        gives_up_future: false,
        from: None,
        made_on: None,
    };
    let new = NewLevel { layer: stored.layer, level: Level::parse("grid").unwrap(), shapes, merge: false };
    let published = publish(&*service.store, new, &options).unwrap();
    assert!(published.generation.is_some(), "{:?}", published.problems);
}

fn ask(service: &Service, key: Option<&str>, path: &str) -> (u16, Value) {
    let response = key.iter().fold(service.get(path), RequestBuilder::bearer_auth).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

fn numbers(listed: &Value) -> Vec<u64> {
    listed["generations"].as_array().unwrap().iter().map(|g| g["generation"].as_u64().unwrap()).collect()
}

/// A page as text, in which the address of the service is left out.
fn page(service: &Service, key: Option<&str>, generation: u64) -> String {
    let path = format!("/collections/grid/items?limit=1000&generation={generation}");
    let response = key.iter().fold(service.get(&path), RequestBuilder::bearer_auth).send().unwrap();
    let (status, text) = (response.status(), response.text().unwrap());
    assert_eq!(status, 200, "{text}");
    text.replace(&service.url(""), "")
}

#[test]
fn units_that_are_kept_as_text_are_those_of_the_generation_and_the_caller() {
    let first = Service::start();
    republish(&first, false, None, GenerationState::Published);
    republish(&first, true, Some(LATER), GenerationState::Published);
    let start = |bytes| {
        let mut config = Config::default();
        config.http.feature_text_bytes_max = bytes;
        Service::start_on(Arc::clone(&first.store), config, false)
    };
    let (keeping, fresh) = (start(1 << 20), start(0));
    let mut shown = Vec::new();
    // The planner's turn comes before the public's and after it: only the planner is told that a unit will end.
    for (key, generation) in [(Some(PLANNER), 2), (None, 1), (None, 2), (Some(PLANNER), 2), (None, 2), (Some(PLANNER), 3), (None, 1)] {
        let text = page(&keeping, key, generation);
        assert_eq!(text, page(&fresh, key, generation), "{key:?} {generation}");
        shown.push((text.contains("\"新\""), text.contains("2100-01-01")));
    }
    let [first, planned] = [(false, false), (true, true)];
    assert_eq!(shown, [planned, first, (true, false), planned, (true, false), (false, true), first]);
}

#[test]
fn what_was_in_effect_is_public_and_what_is_planned_is_not() {
    let service = Service::start();
    republish(&service, false, None, GenerationState::Published);
    republish(&service, true, Some(LATER), GenerationState::Published);
    republish(&service, false, None, GenerationState::Draft);
    let (_, public) = ask(&service, None, "/v1/generations");
    assert_eq!(numbers(&public), [1, 2]);
    assert_eq!([&public["generations"][0]["state"], &public["generations"][1]["state"]], ["past", "current"]);
    assert!(!public.to_string().contains("王规划") && !public.to_string().contains("unheld"), "{public}");
    let (_, insider) = ask(&service, Some(DISPATCHER), "/v1/generations?layer=grid");
    assert_eq!((numbers(&insider), &insider["generations"][1]["author"]), (vec![1, 2], &json!("王规划")));
    let (_, planner) = ask(&service, Some(PLANNER), "/v1/generations");
    assert_eq!(numbers(&planner), [1, 2, 3, 4]);
    let next = &planner["generations"][2];
    assert_eq!((&next["state"], &next["next"], &next["effective_from"]), (&json!("future"), &json!(true), &json!(LATER)));
    assert_eq!((&next["units"]["grid"], &next["units"]["district"]), (&json!(199), &json!(1)));
    assert_eq!((&next["unheld"]["by_nobody"], &next["unheld"]["by_ancestor"]), (&json!(0), &json!(198)));
    assert_eq!(planner["generations"][3]["state"], "draft");
    for (key, path, status) in [
        (None, "/v1/generations/grid/2", 200),
        (None, "/v1/generations/grid/3", 401),
        (Some(DISPATCHER), "/v1/generations/grid/3", 403),
        (Some(PLANNER), "/v1/generations/grid/3", 200),
        (None, "/v1/generations/grid/2/comparison/3", 401),
        (None, "/v1/generations/grid/2/comparison/4", 401),
        (Some(PLANNER), "/v1/generations/grid/2/comparison/4", 200),
        (Some(PLANNER), "/v1/generations/grid/2/comparison/3", 200),
        (None, "/v1/generations/grid/9", 404),
        (None, "/v1/generations/grid/first", 404),
        (None, "/v1/generations/police/1", 401),
        (Some(PLANNER), "/v1/generations/police/1", 404),
        (Some(PLANNER), "/v1/generations?layer=police", 404),
        (None, "/v1/generations?layer=A", 400),
        (None, "/v1/generations/grid/1/comparison/2?level=beat", 400),
    ] {
        assert_eq!(ask(&service, key, path).0, status, "{path} {key:?}");
    }
    let (_, one) = ask(&service, None, "/v1/generations/grid/1");
    let listed = &public["generations"][0];
    assert_eq!((&one["generation"], &one["units"], &one["links"]), (&listed["generation"], &listed["units"], &listed["links"]));
}

#[test]
fn a_comparison_shows_the_public_ground_and_insiders_cases_and_keepers() {
    let service = Service::start();
    republish(&service, true, None, GenerationState::Published);
    let case = |number: u128, lon: f64, lat: f64| Case {
        id: CaseId(uuid::Uuid::from_u128(number)),
        position: Position { lon, lat },
        given: String::new(),
        category: String::new(),
        description: String::new(),
        source: String::new(),
        reported_at: Timestamp::UNIX_EPOCH,
        district: None,
        grid: Some(UnitCode::parse(&code_of(0, 0)).unwrap()),
        generation: Some(GenerationId(1)),
        holder: None,
    };
    let (lon, lat) = middle_of(0, 0);
    // In the first grid, on the border of the second, on the border to the third, and on the rim of the district.
    let cases = [
        case(1, lon, lat),
        case(2, WEST + SIDE, lat),
        case(3, WEST + SIDE * 2.0, lat),
        case(4, WEST, SOUTH),
        case(5, WEST + SIDE * 0.5, SOUTH + SIDE),
    ];
    service.store.add_cases(&cases, "test", Timestamp::UNIX_EPOCH).unwrap();
    let path = "/v1/generations/grid/1/comparison/2?level=grid";
    let (_, public) = ask(&service, None, path);
    let level = &public["levels"][0];
    assert_eq!((&level["unchanged"], &level["changed"]), (&json!(198), &json!({ "merged": 1 })));
    let transfers = level["transfers"].as_array().unwrap();
    assert_eq!(transfers.len(), 2);
    for (transfer, code) in transfers.iter().zip([code_of(0, 0), code_of(1, 0)]) {
        assert_eq!(
            (&transfer["kind"], &transfer["from"]["code"], &transfer["to"]["code"]),
            (&json!("merged"), &json!(code), &json!(code_of(0, 0)))
        );
        assert_eq!(transfer["share_of_from"], 1.0);
        assert!((transfer["share_of_to"].as_f64().unwrap() - 0.5).abs() < 1e-6);
        assert!(transfer.get("load").is_none() && transfer.get("keepers").is_none(), "{transfer}");
    }
    let (_, insider) = ask(&service, Some(DISPATCHER), path);
    let transfers = &insider["levels"][0]["transfers"];
    // The first grid has its middle and the south-western corner of the district; the second has its own western border.
    assert_eq!([&transfers[0]["load"]["cases"], &transfers[1]["load"]["cases"]], [2, 1]);
    assert_eq!(transfers[1]["load"]["share_of_to"], json!(0.333_333_333));
    assert_eq!(transfers[0]["keepers"]["before"]["worker"], SECRETS[0]);
    assert_eq!(transfers[1]["keepers"]["before"]["post"], "leader");
    assert_eq!(transfers[1]["keepers"]["changes_hands"], false);
    // A key that reaches the first grid only.
    let (_, scoped) = ask(&service, Some(SCOPED), path);
    let transfers = &scoped["levels"][0]["transfers"];
    assert!(transfers[0].get("load").is_none());
    assert_eq!((&transfers[0]["keepers"]["before"]["worker"], &transfers[1]["keepers"]["before"]), (&json!(SECRETS[0]), &Value::Null));
    // Whether a grid that the key does not reach changes hands would tell who held it.
    assert_eq!((&transfers[0]["keepers"]["changes_hands"], &transfers[1]["keepers"]["changes_hands"]), (&json!(false), &Value::Null));
    let response = service.get(path).send().unwrap();
    let tag = response.headers()["etag"].clone();
    assert_eq!(service.get(path).header("if-none-match", tag).send().unwrap().status(), 304);
    let page = service.get(path).header("accept", "text/html").send().unwrap();
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[test]
fn incidents_are_told_by_the_boundaries_of_today_beside_their_own() {
    let service = Service::start();
    let (lon, lat) = middle_of(3, 2);
    let case = Case {
        id: CaseId(uuid::Uuid::from_u128(1)),
        position: Position { lon, lat },
        given: String::new(),
        category: String::new(),
        description: String::new(),
        source: String::new(),
        reported_at: Timestamp::UNIX_EPOCH,
        district: None,
        grid: Some(UnitCode::parse("431102001001999").unwrap()),
        generation: None,
        holder: None,
    };
    service.store.add_cases(&[case], "test", Timestamp::UNIX_EPOCH).unwrap();
    for which in ["current", "1"] {
        let (status, page) = ask(&service, Some(DISPATCHER), &format!("/collections/incidents/items?attribute-to={which}"));
        assert_eq!(status, 200, "{page}");
        let properties = &page["features"][0]["properties"];
        assert_eq!(properties["grid"], "431102001001999", "what was recorded stays");
        assert_eq!(properties["attributed"], json!({ "grid": code_of(3, 2), "generation": 1 }));
    }
    for (path, status) in [("/collections/incidents/items?attribute-to=9", 400), ("/collections/grid/items?attribute-to=current", 400)] {
        let (found, problem) = ask(&service, Some(DISPATCHER), path);
        assert_eq!((found, &problem["errors"][0]["parameter"]), (status, &json!("attribute-to")), "{path}");
    }
    assert_eq!(ask(&service, None, "/collections/incidents/items?attribute-to=current").0, 401);
}
