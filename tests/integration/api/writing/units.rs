//! Units of a draft.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::{Desk, area, feature, item, read, rectangle, tag, text};
use crate::api::service::{PLANNER, SIDE, SOUTH, WEST, code_of};

#[test]
fn a_unit_is_created_replaced_changed_and_deleted_in_a_draft() {
    let desk = Desk::new();
    // Created out of two grids; the server gives its code.
    let body = feature(&rectangle(0.5, 0.0, 1.0, 0.5), &json!({ "name": "new" }));
    let response = desk.send("POST", "/collections/grid/items?draft=2", PLANNER, &[], &body);
    let (location, created_tag) = (response.headers()["location"].to_str().unwrap().to_owned(), tag(&response));
    assert_eq!(response.headers()["content-crs"], "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    let (status, created) = read(response);
    assert_eq!(
        (status, &created["properties"]["name"], &created["properties"]["parent"]),
        (201, &json!("new"), &json!("431102")),
        "{created}"
    );
    assert!(created_tag.starts_with("\"2-2."), "{created_tag}");
    let new = text(&created["properties"]["code"]);
    let path = location[location.find("/collections").unwrap()..].to_owned();
    let (read_tag, found) = desk.get(&path);
    assert_eq!((&found["properties"], &found["id"]), (&created["properties"], &created["id"]));
    assert!(read_tag.starts_with("\"2-2.") && (area(&found["geometry"]) - 0.5 * SIDE * SIDE).abs() < 1e-10, "{read_tag}");
    // It is seen in the draft alone.
    let published = desk.service.get(&format!("/collections/grid/items/{new}")).send().unwrap();
    assert_eq!(published.status(), 404);

    // Replaced, with the tag of the feature: it leaves its western half to whom it borders most, and gets another name.
    let body = feature(&rectangle(1.0, 0.0, 0.5, 0.5), &json!({ "code": new, "name": "half", "parent": "431102" }));
    let response = desk.send("PUT", &item(&new), PLANNER, &[("if-match", &read_tag)], &body);
    assert!(response.headers().contains_key("content-location") && tag(&response).starts_with("\"2-3."), "{:?}", response.headers());
    let (status, replaced) = read(response);
    assert_eq!((status, &replaced["properties"]["name"], &replaced["id"]), (200, &json!("half"), &created["id"]), "{replaced}");
    assert!((area(&replaced["geometry"]) - 0.25 * SIDE * SIDE).abs() < 1e-10);
    let (_, first) = desk.get(&item(&code_of(0, 0)));
    assert!((area(&first["geometry"]) - SIDE * SIDE).abs() < 1e-10, "it got its ground back");

    // One request is one step of the log, so one undo takes it back whole.
    let (status, undone) = desk.ask("DELETE", "/v1/drafts/2/operations/last", &[("if-match", "\"2-3\"")], &Value::Null);
    assert_eq!((status, &undone["revision"]), (200, &json!(4)), "{undone}");
    let (tag_now, back) = desk.get(&item(&new));
    assert_eq!((&back["properties"]["name"], &back["geometry"]), (&json!("new"), &found["geometry"]));

    // Changed in part; the answer is as short as was asked for.
    let patch = json!({ "properties": { "name": "patched" } });
    let response = desk.send("PATCH", &item(&new), PLANNER, &[("if-match", &tag_now), ("prefer", "return=minimal")], &patch);
    assert_eq!((response.status().as_u16(), tag(&response)), (204, "\"2-5\"".to_owned()));
    let (tag_now, patched) = desk.get(&item(&new));
    assert_eq!((&patched["properties"]["name"], &patched["geometry"]), (&json!("patched"), &found["geometry"]));
    // A name that is taken out is empty; what is as it was is no step.
    let (status, unnamed) = desk.ask("PATCH", &item(&new), &[("if-match", &tag_now)], &json!({ "properties": { "name": null } }));
    assert_eq!((status, &unnamed["properties"]["name"]), (200, &json!("")), "{unnamed}");
    let response = desk.send("PUT", &item(&new), PLANNER, &[("if-match", "\"2-6\"")], &unnamed);
    let same_tag = tag(&response);
    assert_eq!(response.status(), 200, "{}", response.text().unwrap());
    assert!(same_tag.starts_with("\"2-6."), "{same_tag}");

    // Deleted: its ground goes to a neighbour, then there is none.
    let response = desk.send("DELETE", &item(&new), PLANNER, &[("if-match", &same_tag)], &Value::Null);
    assert_eq!((response.status().as_u16(), tag(&response)), (204, "\"2-7\"".to_owned()));
    assert_eq!(desk.service.get(&item(&new)).bearer_auth(PLANNER).send().unwrap().status(), 404);
    let (units, whole) = desk.units();
    assert_eq!(units.len(), 200);
    assert!((whole - 200.0 * SIDE * SIDE).abs() < 1e-9, "{whole}");
    // Whose it is to be may be said.
    let into = format!("{}&into={}", item(&code_of(3, 3)), code_of(3, 4));
    assert_eq!(desk.send("DELETE", &into, PLANNER, &[("if-match", "\"2-7\"")], &Value::Null).status(), 204);
    let (_, heir) = desk.get(&item(&code_of(3, 4)));
    assert!((area(&heir["geometry"]) - 2.0 * SIDE * SIDE).abs() < 1e-10);
    let log = desk.get("/v1/drafts/2/operations").1;
    let steps: Vec<&str> = log["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(steps, ["open", "apply", "apply", "undo", "apply", "apply", "apply", "apply"]);
}

#[test]
fn a_unit_is_created_under_a_code_of_ones_own_and_never_over_another() {
    let desk = Desk::new();
    let body = feature(&rectangle(2.2, 2.2, 0.5, 0.5), &json!({ "name": "mine" }));
    let only_new = [("if-none-match", "*")];
    let (status, made) = desk.ask("PUT", &item("431102001001900"), &only_new, &body);
    assert_eq!((status, &made["properties"]["code"]), (201, &json!("431102001001900")), "{made}");
    assert_eq!(desk.ask("PUT", &item("431102001001900"), &only_new, &body).0, 412);
    assert_eq!(desk.ask("PUT", &item("no code at all"), &only_new, &body).0, 400);
    // In another reference system, whose axes are the other way round.
    let turned = json!({ "type": "Polygon", "coordinates": [rectangle(5.2, 5.2, 0.5, 0.5)["coordinates"][0].as_array().unwrap().iter()
        .map(|c| json!([c[1], c[0]])).collect::<Value>()] });
    let crs = [("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/4326>")];
    let (status, made) = desk.ask("POST", "/collections/grid/items?draft=2", &crs, &feature(&turned, &json!({})));
    assert_eq!(status, 201, "{made}");
    assert!((area(&made["geometry"]) - 0.25 * SIDE * SIDE).abs() < 1e-10);
    let unknown = [("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/2326>")];
    let (status, refused) = desk.ask("POST", "/collections/grid/items?draft=2", &unknown, &feature(&turned, &json!({})));
    assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("Content-Crs")));
}

#[test]
fn what_would_tear_the_coverage_is_422_with_the_place_and_a_remedy() {
    let desk = Desk::new();
    let first = code_of(4, 4);
    let put = |geometry: &Value| desk.ask("PUT", &item(&first), &[("if-match", "*")], &feature(geometry, &json!({ "code": first })));
    let mut with_hole = rectangle(4.0, 4.0, 1.0, 1.0);
    with_hole["coordinates"].as_array_mut().unwrap().push(rectangle(4.4, 4.4, 0.2, 0.2)["coordinates"][0].clone());
    for (geometry, reason) in [
        (with_hole, "opens_gap"),
        (rectangle(4.0, 4.0, 2.0, 1.0), "ends_unit"),
        (rectangle(4.0, 4.0, 1.0, 3.0), "ends_unit"),
        (rectangle(8.0, 8.0, 1.0, 1.0), "not_beside"),
    ] {
        let (status, refused) = put(&geometry);
        assert_eq!((status, refused["reason"].as_str().unwrap()), (422, reason), "{refused}");
        assert!(
            refused["place"]["coordinates"].is_array() && refused["remedy"].is_string() && refused["units"][0].is_string(),
            "{refused}"
        );
        assert_eq!(refused["type"], "urn:gridkeeper:problem:edit-refused");
    }
    // Nor does a unit that is created end others, or is one made of what encloses nothing.
    let post = |geometry: &Value| desk.ask("POST", "/collections/grid/items?draft=2", &[], &feature(geometry, &json!({})));
    for shape in [rectangle(4.0, 4.0, 1.0, 1.0), rectangle(4.0, 4.0, 1.5, 1.0)] {
        let (status, refused) = post(&shape);
        assert_eq!((status, &refused["reason"], &refused["units"]), (422, &json!("ends_unit"), &json!([first])), "{refused}");
    }
    let mut crossed = rectangle(4.2, 4.2, 0.5, 0.5);
    crossed["coordinates"][0][1] = json!([WEST + SIDE * 4.9, SOUTH + SIDE * 4.5]);
    crossed["coordinates"][0].as_array_mut().unwrap().swap(1, 2);
    assert_eq!(post(&crossed).1["reason"], "line_crosses_itself");
    for far in [1e200, 181.0] {
        let mut outside = rectangle(4.2, 4.2, 0.5, 0.5);
        outside["coordinates"][0][1][0] = json!(far);
        for (status, refused) in [post(&outside), put(&outside)] {
            assert_eq!((status, &refused["reason"]), (422, &json!("bad_shape")), "{refused}");
        }
    }
    let district = "/collections/district/items/431102?draft=2";
    let small = feature(&rectangle(0.0, 0.0, 10.0, 10.0), &json!({ "code": "431102", "name": "零陵区" }));
    assert_eq!(desk.ask("PUT", district, &[("if-match", "*")], &small).1["reason"], "not_finest");
    // But what its name is may be told, with its shape as it is.
    let (_, mut whole) = desk.get(district);
    whole["properties"]["name"] = json!("零陵");
    let (status, renamed) = desk.ask("PUT", district, &[("if-match", "*")], &whole);
    assert_eq!((status, &renamed["properties"]["name"]), (200, &json!("零陵")), "{renamed}");
    // Nobody could take the only district's ground.
    assert_eq!(desk.ask("DELETE", district, &[("if-match", "*")], &Value::Null).0, 422);
    // What a draft does not keep is told, and not dropped.
    let patch = json!({ "properties": { "households": 7 } });
    let (status, refused) = desk.ask("PATCH", &item(&first), &[("if-match", "*")], &patch);
    assert_eq!((status, &refused["errors"][0]["parameter"]), (422, &json!("properties.households")), "{refused}");
    let patch = json!({ "properties": { "valid_to": "2030-01-01T00:00:00Z" } });
    let (status, refused) = desk.ask("PATCH", &item(&first), &[("if-match", "*")], &patch);
    assert_eq!((status, &refused["errors"][0]["parameter"]), (422, &json!("properties.valid_to")), "{refused}");
    let emptied = desk.ask("PATCH", &item(&first), &[("if-match", "*")], &json!({ "properties": null }));
    assert_eq!((emptied.0, &emptied.1["errors"][0]["parameter"]), (422, &json!("properties")));
    let point = feature(&json!({ "type": "Point", "coordinates": [111.0, 26.0] }), &json!({}));
    assert_eq!(desk.ask("POST", "/collections/grid/items?draft=2", &[], &point).0, 422);
    assert_eq!(desk.get("/v1/drafts/2").1["revision"], 2);
}

#[test]
fn two_writers_with_one_tag_are_one_change_and_one_412() {
    let desk = Desk::new();
    let (tag_now, _) = desk.get(&item(&code_of(0, 0)));
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let write = |name: &str| {
            let (desk, tag, patch) = (&desk, tag_now.clone(), json!({ "properties": { "name": name } }));
            scope.spawn(move || desk.ask("PATCH", &item(&code_of(0, 0)), &[("if-match", &tag)], &patch))
        };
        let writers = [write("one"), write("two")];
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let mut statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{answers:?}");
    let late = &answers.iter().find(|(status, _)| *status == 412).unwrap().1;
    assert_eq!((&late["revision"], late["since"].as_array().unwrap().len()), (&json!(2), 1), "{late}");
    let won = &answers.iter().find(|(status, _)| *status == 200).unwrap().1;
    assert_eq!(desk.get(&item(&code_of(0, 0))).1["properties"]["name"], won["properties"]["name"]);
    assert_eq!(desk.get("/v1/drafts/2").1["revision"], 2);
}

/// Random edits as clients send them; whatever is answered, the draft stays a whole coverage.
#[test]
fn whatever_is_sent_the_units_of_a_draft_fill_their_ground() {
    let desk = Desk::new();
    let mut rng = StdRng::seed_from_u64(4);
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for round in 0..60 {
        let (units, whole) = desk.units();
        assert!((whole - 200.0 * SIDE * SIDE).abs() < 1e-9, "round {round}: {whole}");
        let (code, geometry) = &units[rng.random_range(0..units.len())];
        let mut moved = geometry.clone();
        let rings = if geometry["type"] == "Polygon" { &mut moved["coordinates"][0] } else { &mut moved["coordinates"][0][0] };
        let corners = rings.as_array_mut().unwrap();
        let at = rng.random_range(1..corners.len() - 1);
        for (axis, value) in corners[at].as_array_mut().unwrap().iter_mut().enumerate() {
            let by = f64::from(rng.random_range(-100..=100)) / 100.0 * if axis == 0 { 1.0 } else { 0.7 } * SIDE;
            *value = json!(value.as_f64().unwrap() + by);
        }
        let answer = match rng.random_range(0..5) {
            0 => {
                let (x, y) = (f64::from(rng.random_range(0..190)) / 10.0, f64::from(rng.random_range(0..90)) / 10.0);
                let size = f64::from(rng.random_range(1..15)) / 10.0;
                desk.ask("POST", "/collections/grid/items?draft=2", &[], &feature(&rectangle(x, y, size, size), &json!({})))
            }
            1 => desk.ask("DELETE", &item(code), &[("if-match", "*")], &Value::Null),
            2 => desk.ask("PUT", &item(code), &[("if-match", "*")], &feature(&moved, &json!({ "code": code, "name": "moved" }))),
            _ => desk.ask("PATCH", &item(code), &[("if-match", "*")], &json!({ "geometry": moved })),
        };
        assert!([200, 201, 204, 422].contains(&answer.0), "round {round}: {answer:?}");
        *statuses.entry(answer.0).or_default() += 1;
    }
    assert!(statuses.get(&422).is_some_and(|count| *count > 1) && statuses.get(&200).is_some_and(|count| *count > 10), "{statuses:?}");
    // The check of every import finds nothing.
    let problems = desk.get("/v1/drafts/2/problems").1;
    assert_eq!(problems["errors"], 0, "{problems}");
    // All of it is taken back.
    while desk.ask("DELETE", "/v1/drafts/2/operations/last", &[("if-match", "*")], &Value::Null).0 == 200 {}
    let changed = desk.get("/v1/drafts/2").1["metrics"]["changed"].clone();
    assert_eq!(changed, json!({ "begun": 0, "ended": 0, "reshaped": 0, "reassigned": 0, "renamed": 0 }));
}
