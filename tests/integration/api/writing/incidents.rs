//! Incidents, which go through their workflow.

use reqwest::blocking::Response;
use serde_json::{Value, json};

use super::{Desk, feature, read, tag};
use crate::api::service::{DISPATCHER, SCOPED, code_of, middle_of};

fn report(desk: &Desk, key: &str, headers: &[(&str, &str)]) -> Response {
    let (lon, lat) = middle_of(0, 0);
    let point = json!({ "type": "Point", "coordinates": [lon, lat] });
    let properties = json!({ "category": "E0110", "description": "垃圾", "source": "12345" });
    desk.send("POST", "/collections/incidents/items", key, headers, &feature(&point, &properties))
}

fn as_dispatcher(desk: &Desk, method: &str, path: &str, tag: &str, body: &Value) -> Response {
    let named = [("if-match", tag)];
    desk.send(method, path, DISPATCHER, if tag.is_empty() { &[] } else { &named }, body)
}

#[test]
fn an_incident_is_reported_as_a_feature_and_moved_by_its_workflow() {
    let desk = Desk::new();
    let response = report(&desk, DISPATCHER, &[("idempotency-key", "k1")]);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(tag(&response).starts_with("\"1."), "{}", tag(&response));
    assert_eq!(response.headers()["content-type"], "application/geo+json");
    assert_eq!(response.headers()["content-crs"], "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    let (status, taken) = read(response);
    assert_eq!((status, &taken["properties"]["grid"]), (201, &json!(code_of(0, 0))), "{taken}");
    let path = location[location.find("/collections").unwrap()..].to_owned();
    assert!(location.ends_with(taken["id"].as_str().unwrap()), "{location}");
    let minimal = report(&desk, DISPATCHER, &[("prefer", "return=minimal")]);
    assert_eq!((minimal.status().as_u16(), tag(&minimal)), (201, "\"1\"".to_owned()));
    assert!(minimal.headers().contains_key("location") && minimal.bytes().unwrap().is_empty());
    let again = report(&desk, DISPATCHER, &[("idempotency-key", "k1")]);
    assert_eq!(
        (again.headers()["location"].to_str().unwrap(), again.headers()["idempotency-replayed"].to_str().unwrap()),
        (location.as_str(), "true")
    );
    assert_eq!(report(&desk, SCOPED, &[]).status(), 201);
    assert_eq!(report(&desk, "", &[]).status(), 401);

    let show = || {
        let response = desk.service.get(&path).bearer_auth(DISPATCHER).send().unwrap();
        (tag(&response), read(response).1)
    };
    let (first, shown) = show();
    assert!(first.starts_with("\"1."), "{first}");
    // The place is corrected by the move of the workflow that does that.
    let (lon, lat) = middle_of(1, 0);
    let moved = json!({ "geometry": { "type": "Point", "coordinates": [lon, lat] }, "properties": { "reason": "wrong house" } });
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, "", &moved).status(), 428);
    let (status, after) = read(as_dispatcher(&desk, "PATCH", &path, &first, &moved));
    assert_eq!((status, &after["properties"]["grid"]), (200, &json!(code_of(1, 0))), "{after}");
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, &first, &moved).status(), 412);
    let (second, _) = show();
    assert!(second.starts_with("\"2."), "{second}");
    // Text is not rewritten, and two things are two events.
    let (status, refused) = read(as_dispatcher(&desk, "PATCH", &path, &second, &json!({ "properties": { "description": "other" } })));
    assert_eq!((status, &refused["type"]), (409, &json!("urn:gridkeeper:problem:invalid-move")), "{refused}");
    assert!(refused["allowed"].as_array().unwrap().contains(&json!("file")), "{refused}");
    let both = json!({ "geometry": shown["geometry"], "properties": { "state": "void", "reason": "r" } });
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, &second, &both).status(), 409);
    // What is sent back as it is changes nothing.
    let (status, same) = read(as_dispatcher(&desk, "PUT", &path, &second, &show().1));
    assert_eq!(status, 200, "{same}");
    assert_eq!(show().0, second);
    // Nor does the pin move where it is sent back rounded.
    let (mut rounded, kept) = (show().1, show().1);
    let at = rounded["geometry"]["coordinates"].as_array_mut().unwrap();
    at.iter_mut().for_each(|c| *c = json!((c.as_f64().unwrap() * 1e7).round() / 1e7 + 2e-7));
    let (status, same) = read(as_dispatcher(&desk, "PUT", &path, &second, &rounded));
    assert_eq!((status, &same["geometry"]), (200, &kept["geometry"]), "{same}");
    // What would be lost is refused by name, and nothing is answered with 200 that was not done.
    for (properties, parameter) in [
        (json!({ "action": "void", "reason": "r", "category": "E0220" }), "properties.category"),
        (json!({ "worker": "W-2" }), "properties.worker"),
        (json!({ "published": true }), "properties.published"),
        (json!({ "holder": "W-9" }), "properties.holder"),
        (json!({ "grid": code_of(9, 9) }), "properties.grid"),
    ] {
        let (status, refused) = read(as_dispatcher(&desk, "PATCH", &path, &second, &json!({ "properties": properties })));
        assert_eq!((status, &refused["errors"][0]["parameter"]), (409, &json!(parameter)), "{refused}");
    }
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, &second, &json!({ "geometry": null })).status(), 409);
    assert_eq!(show().0, second);
    // A state that no move leads to now is refused with those that are open.
    let closed = json!({ "properties": { "state": "closed_for_ever" } });
    let (status, refused) = read(as_dispatcher(&desk, "PATCH", &path, &second, &closed));
    assert_eq!((status, refused["allowed"].is_array()), (409, true), "{refused}");
    // Nothing is deleted: the case is voided, with a reason, and its history goes on.
    let (status, refused) = read(as_dispatcher(&desk, "DELETE", &path, &second, &Value::Null));
    assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("reason")), "{refused}");
    let void = format!("{path}?reason=twice");
    assert_eq!(as_dispatcher(&desk, "DELETE", &void, &second, &Value::Null).status(), 200);
    let id = path.rsplit('/').next().unwrap();
    let history = read(desk.service.get(&format!("/v1/incidents/{id}/history")).bearer_auth(DISPATCHER).send().unwrap()).1;
    let actions: Vec<&str> = history["events"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["report", "move", "void"]);
    assert_eq!(as_dispatcher(&desk, "DELETE", &void, "*", &Value::Null).status(), 409);
    assert_eq!(as_dispatcher(&desk, "DELETE", "/collections/incidents/items/nothing", "*", &Value::Null).status(), 412);
}
