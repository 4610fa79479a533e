//! The roster, of which a write makes a new one.

use std::sync::Arc;

use gridkeeper::boundary::{GenerationState, LayerName, UnitCode};
use gridkeeper::config::Config;
use gridkeeper::dispatch::Role;
use gridkeeper::store::{KeyHash, KeyRecord, MemoryStore, Store};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ADMIN, Desk, feature, read};
use crate::api::service::{DISPATCHER, PLANNER, SCOPED, Service, code_of, fill, grids, publish};

#[test]
fn a_post_is_given_changed_and_ended_and_what_was_said_before_is_kept() {
    let desk = Desk::new();
    let items = "/collections/roster/items";
    // It is personal: nobody without a key sees it, and a limited key what it reaches.
    assert_eq!(desk.service.get(items).send().unwrap().status(), 401);
    let seen = read(desk.service.get(items).bearer_auth(SCOPED).send().unwrap()).1;
    let before = seen["features"].as_array().unwrap().clone();
    assert_eq!((before.len(), &before[0]["properties"]["worker"]), (1, &json!("W-4711")), "{seen}");
    assert_eq!(before[0]["geometry"]["type"], "MultiPolygon");

    let body = |properties: Value| feature(&Value::Null, &properties);
    let row = json!({ "unit": code_of(1, 1), "worker": "W-2", "name": "李四", "phone": "139", "post": "backup", "shift": "08:00-18:00" });
    for (key, status) in [("", 401), (SCOPED, 403), (DISPATCHER, 403)] {
        assert_eq!(desk.send("POST", items, key, &[], &body(row.clone())).status(), status, "{key}");
    }
    let response = desk.send("POST", items, PLANNER, &[], &body(row.clone()));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, made) = read(response);
    assert_eq!((status, &made["properties"]["name"], &made["properties"]["shift"]), (201, &json!("李四"), &json!("08:00-18:00")), "{made}");
    let path = location[location.find("/collections").unwrap()..].to_owned();
    let (first, found) = desk.get(&path);
    assert_eq!((&found["properties"], first.starts_with("\"r2.")), (&made["properties"], true), "{first}");
    // What cannot be is told by what is wrong.
    for (change, status, parameter) in [
        (json!({ "unit": "431102999999999" }), 422, "properties.unit"),
        (json!({ "worker": "W-3", "name": null }), 422, "properties.name"),
        (json!({ "valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z" }), 422, "properties.valid_to"),
        (json!({ "post": "king" }), 400, "properties.post"),
        (json!({ "shift": "all day" }), 400, "properties.shift"),
        (json!({ "rank": 1 }), 400, "properties.rank"),
    ] {
        let mut wrong = row.clone();
        wrong.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (found, refused) = desk.ask("POST", items, &[], &body(wrong));
        assert_eq!((found, &refused["errors"][0]["parameter"]), (status, &json!(parameter)), "{refused}");
    }
    // Two who change the roster on one version: one change, and one 412.
    let patch = |name: &str, tag: &str| desk.ask("PATCH", &path, &[("if-match", tag)], &json!({ "properties": { "department": name } }));
    assert_eq!(desk.ask("PATCH", &path, &[], &json!({ "properties": {} })).0, 428);
    let (status, patched) = patch("Roads", &first);
    assert_eq!(
        (status, &patched["properties"]["department"], &patched["properties"]["post"]),
        (200, &json!("Roads"), &json!("backup")),
        "{patched}"
    );
    assert_eq!(patch("Parks", &first).0, 412);
    let other_unit = json!({ "properties": { "unit": code_of(2, 2) } });
    assert_eq!(desk.ask("PATCH", &path, &[("if-match", "*")], &other_unit).0, 422);
    for (change, parameter) in [
        (json!({ "properties": { "unit": null } }), "properties.unit"),
        (json!({ "properties": { "post": null } }), "properties.post"),
        (json!({ "properties": { "valid_from": null } }), "properties.valid_from"),
        (json!({ "properties": { "name": null } }), "properties.name"),
        (json!({ "id": "another" }), "id"),
        (json!({ "properties": null }), "properties"),
    ] {
        let (status, refused) = desk.ask("PATCH", &path, &[("if-match", "*")], &change);
        assert_eq!((status, &refused["errors"][0]["parameter"]), (422, &json!(parameter)), "{refused}");
    }
    // A row that comes to be about the same as another is refused as one that is added.
    assert_eq!(desk.ask("POST", items, &[], &body(found["properties"].clone())).0, 409);
    // What began stays so where a whole row does not say when, and a phone is taken out.
    let mut whole = found["properties"].clone();
    whole.as_object_mut().unwrap().remove("valid_from");
    whole["department"] = json!("Roads");
    whole["phone"] = json!(null);
    let (status, replaced) = desk.ask("PUT", &path, &[("if-match", "*")], &body(whole));
    assert_eq!((status, &replaced["properties"]["valid_from"]), (200, &found["properties"]["valid_from"]), "{replaced}");
    assert_eq!((&replaced["id"], &replaced["properties"]["phone"]), (&found["id"], &json!("")));
    // Deleted is ended: it stays, with its end.
    let (tag_now, _) = desk.get(&path);
    let (status, ended) = desk.ask("DELETE", &format!("{path}?at=2099-01-01T00:00:00Z"), &[("if-match", &tag_now)], &Value::Null);
    assert_eq!((status, &ended["properties"]["valid_to"]), (200, &json!("2099-01-01T00:00:00Z")), "{ended}");
    assert_eq!(desk.ask("DELETE", &format!("{path}?at=2000-01-01T00:00:00Z"), &[("if-match", "*")], &Value::Null).0, 422);
    assert_eq!(desk.ask("DELETE", "/collections/roster/items/none", &[("if-match", "*")], &Value::Null).0, 412);
    assert_eq!(desk.get(items).1["numberMatched"], 3);
    // Who wrote it stands in the audit log, and before it was written the roster is as it was.
    let audit = read(desk.service.get("/v1/audit?limit=100").bearer_auth(ADMIN).send().unwrap()).1;
    let writes = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "replace_roster").count();
    assert_eq!(writes, 5, "{audit}");
    assert_eq!(desk.get(&format!("{items}?at=2026-02-01T00:00:00Z")).1["features"].as_array().unwrap().len(), 2);
}

#[test]
fn a_key_of_one_layer_sees_no_posts_of_another() {
    const GRID_ONLY: &str = "grid-key";
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let mut beats = grids();
    for beat in &mut beats {
        beat.unit.code = UnitCode::parse(&beat.unit.code.as_str().replacen("431102001", "431102002", 1)).unwrap();
    }
    let (beat, at) = (beats[0].unit.code.to_string(), "2026-01-01T00:00:00Z".parse().unwrap());
    publish(&*store, "police", beats, at, at, GenerationState::Published);
    let hash = KeyHash(Sha256::digest(GRID_ONLY.as_bytes()).into());
    let layers = vec![LayerName::parse("grid").unwrap()];
    store.add_key(&KeyRecord { layers, ..KeyRecord::new(hash, Role::Dispatcher, at) }, "test").unwrap();
    let desk = Desk { service: Service::start_on(store, Config::default(), false) };
    let items = "/collections/roster/items";
    let row = feature(&Value::Null, &json!({ "unit": beat, "worker": "P-1", "name": "王五" }));
    assert_eq!(desk.ask("POST", items, &[], &row).0, 201);
    let sees_beat = |key: &str| {
        let (status, page) = read(desk.service.get(items).bearer_auth(key).send().unwrap());
        let features = page["features"].as_array().unwrap_or_else(|| panic!("{status} {page}"));
        assert!(features.iter().any(|row| row["properties"]["unit"] == code_of(0, 0)), "{page}");
        features.iter().any(|row| row["properties"]["unit"] == beat.as_str())
    };
    assert_eq!((sees_beat(PLANNER), sees_beat(GRID_ONLY)), (true, false));
}

#[test]
fn a_row_is_not_written_where_a_planned_roster_would_lose_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let (at, ahead) = ("2026-01-02T00:00:00Z".parse().unwrap(), "2099-01-01T00:00:00Z");
    let planned = publish(&*store, "grid", grids(), ahead.parse().unwrap(), at, GenerationState::Published);
    let roster = store.load_roster(at).unwrap().data;
    store.replace_roster(&roster, Some((&LayerName::parse("grid").unwrap(), planned)), "test", at).unwrap();
    let desk = Desk { service: Service::start_on(store, Config::default(), false) };
    let row = feature(&Value::Null, &json!({ "unit": code_of(1, 1), "worker": "W-2", "name": "李四" }));
    let (status, refused) = desk.ask("POST", "/collections/roster/items", &[], &row);
    assert_eq!((status, refused["detail"].as_str().unwrap().contains(ahead)), (409, true), "{refused}");
}
