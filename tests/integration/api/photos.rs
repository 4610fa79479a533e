//! Photos of cases: what is kept of them, who may see them, and how they are taken away.

use gridkeeper::config::Config;
use reqwest::blocking::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cases::{body_at, send, service};
use super::service::{DISPATCHER, SCOPED, Service, fill, middle_of};

/// What a camera notes and nobody is to read.
pub const NOTED: &str = "GPS 26.2225N serial 4711";

/// A picture as a telephone writes it: upside down, with notes, a comment and a film behind it. `shade` tells pictures apart.
pub fn jpeg(shade: u8) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let mut segment = |marker: u8, content: &[u8]| {
        out.extend([0xff, marker]);
        out.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        out.extend(content);
    };
    let notes = [b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", NOTED.as_bytes()].concat();
    segment(0xe1, &notes);
    segment(0xfe, NOTED.as_bytes());
    segment(0xdb, &[[0; 1].as_slice(), &[1; 64]].concat());
    segment(0xc0, &[8, 0, 30, 0, 40, 1, 1, 0x11, 0]);
    segment(0xda, &[1, 1, 0, 0, 63, 0]);
    out.extend([shade, shade, 0xff, 0xd9]);
    out.extend(NOTED.as_bytes());
    out
}

fn holds(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|window| window == what.as_bytes())
}

fn read(response: Response, status: u16) -> Value {
    let found = response.status();
    let text = response.text().unwrap();
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap_or_default()
}

fn report(service: &Service, body: &Value) -> String {
    let taken = read(send(service.request("POST", "/v1/incidents"), DISPATCHER, body), 201);
    format!("/v1/incidents/{}", taken["id"].as_str().unwrap())
}

fn add(service: &Service, case: &str, key: &str, media: &str, bytes: Vec<u8>) -> Response {
    service.request("POST", &format!("{case}/photos")).bearer_auth(key).header("content-type", media).body(bytes).send().unwrap()
}

fn added(service: &Service, case: &str, shade: u8) -> String {
    let photo = read(add(service, case, DISPATCHER, "image/jpeg", jpeg(shade)), 201);
    format!("{case}/photos/{}", photo["id"].as_str().unwrap())
}

fn get(service: &Service, path: &str, key: Option<&str>) -> Response {
    key.iter().fold(service.get(path), reqwest::blocking::RequestBuilder::bearer_auth).send().unwrap()
}

fn status(service: &Service, path: &str, key: Option<&str>) -> u16 {
    get(service, path, key).status().as_u16()
}

fn list(service: &Service, case: &str, key: Option<&str>) -> Vec<Value> {
    read(get(service, &format!("{case}/photos"), key), 200)["photos"].as_array().unwrap().clone()
}

fn moderate(service: &Service, case: &str, published: bool) {
    let seen = get(service, case, Some(DISPATCHER)).headers()["etag"].to_str().unwrap().to_owned();
    let body = json!({ "action": "moderate", "published": published });
    read(send(service.request("POST", &format!("{case}/actions")).header("if-match", seen), DISPATCHER, &body), 200);
}

#[test]
fn a_photo_is_kept_without_what_a_camera_noted_and_stands_in_the_history() {
    let service = service();
    let case = report(&service, &body_at(0, 0));
    let given = jpeg(1);
    assert!(holds(&given, NOTED));
    // What it is said to be does not count; what it is does.
    let response = add(&service, &case, SCOPED, "image/png", given.clone());
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let photo = read(response, 201);
    assert_eq!((&photo["media_type"], &photo["width"], &photo["height"]), (&json!("image/jpeg"), &json!(30), &json!(40)), "as it is shown");
    assert_eq!((&photo["href"], &photo["published"], &photo["role"]), (&json!(location), &json!(false), &json!("worker")));
    let path = location.split_once("/v1").map(|(_, rest)| format!("/v1{rest}")).unwrap();
    let shown = get(&service, &path, Some(DISPATCHER));
    let header = |name: &str| shown.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("x-content-type-options")), ("image/jpeg".into(), "nosniff".into()));
    assert_eq!(header("cache-control"), "private, no-cache");
    assert!(header("content-security-policy").contains("sandbox") && shown.headers().get("content-encoding").is_none());
    let tag = header("etag");
    let kept = shown.bytes().unwrap();
    assert!(!holds(&kept, NOTED) && holds(&kept, "Exif\0\0MM\0*"), "only which way up it is");
    let sum: String = Sha256::digest(&kept).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((photo["sha256"].as_str(), photo["bytes"].as_u64()), (Some(&*sum), Some(kept.len() as u64)));
    let again = service.get(&path).bearer_auth(DISPATCHER).header("if-none-match", tag).send().unwrap();
    assert_eq!(again.status(), 304);
    // The same bytes on the same case are the same photo, also as they were kept.
    for bytes in [given, kept.to_vec()] {
        let again = add(&service, &case, SCOPED, "image/jpeg", bytes);
        assert_eq!(again.headers()["idempotency-replayed"], "true");
        assert_eq!(read(again, 200)["id"], photo["id"]);
    }
    let history = read(get(&service, &format!("{case}/history"), Some(DISPATCHER)), 200);
    let events = history["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[1]["effect"], &events[1]["photo"]), (2, &json!("photo"), &photo["id"]));
    let whole = read(get(&service, &case, Some(DISPATCHER)), 200);
    assert_eq!((&whole["photos"], &whole["version"], &whole["state"]), (&json!(1), &json!(2), &events[0]["state"]));
}

#[test]
fn a_photo_is_everybodys_only_when_somebody_has_looked_at_it() {
    let service = service();
    let case = report(&service, &body_at(0, 0));
    let early = added(&service, &case, 1);
    let photos = format!("{case}/photos");
    assert_eq!((status(&service, &early, None), status(&service, &photos, None)), (401, 401));
    moderate(&service, &case, true);
    let shown = get(&service, &early, None);
    assert_eq!((shown.status().as_u16(), shown.headers()["cache-control"].to_str().unwrap()), (200, "no-cache"));
    let late = added(&service, &case, 2);
    assert_eq!((status(&service, &late, None), status(&service, &late, Some(SCOPED))), (404, 200));
    let everybodys = list(&service, &case, None);
    assert_eq!((everybodys.len(), everybodys[0].get("by"), &everybodys[0]["published"]), (1, None, &json!(true)));
    let ours: Vec<bool> = list(&service, &case, Some(DISPATCHER)).iter().map(|photo| photo["published"] == true).collect();
    assert_eq!(ours, [true, false]);
    moderate(&service, &case, true);
    assert_eq!((status(&service, &late, None), list(&service, &case, None).len()), (200, 2));
    moderate(&service, &case, false);
    assert_eq!((status(&service, &early, None), status(&service, &photos, None)), (401, 401));
    // Who does not say what they looked at shows no more than was shown; who names photos shows those and no others.
    let say = |body: &Value, expected: u16| read(send(service.request("POST", &format!("{case}/actions")), DISPATCHER, body), expected);
    say(&json!({ "action": "moderate", "published": true }), 200);
    assert_eq!((status(&service, &early, None), status(&service, &late, None)), (404, 404));
    let id = |path: &str| path.rsplit_once('/').unwrap().1.to_owned();
    say(&json!({ "action": "moderate", "published": true, "photos": [id(&late)] }), 200);
    assert_eq!((status(&service, &early, None), status(&service, &late, None)), (404, 200));
    say(&json!({ "action": "moderate", "published": true }), 200);
    assert_eq!((status(&service, &early, None), status(&service, &late, None)), (404, 200));
    let unknown = say(&json!({ "action": "moderate", "published": true, "photos": [uuid::Uuid::nil()] }), 400);
    assert_eq!(unknown["errors"][0]["parameter"], "photos", "{unknown}");
    // A private category stays so.
    let mut private = body_at(0, 0);
    private["category"] = "E0601".into();
    let case = report(&service, &private);
    let photo = added(&service, &case, 3);
    moderate(&service, &case, true);
    assert_eq!((status(&service, &photo, None), status(&service, &photo, Some(DISPATCHER))), (401, 200));
}

#[test]
fn a_photo_is_added_and_seen_as_far_as_a_key_reaches() {
    let service = service();
    let there = report(&service, &body_at(1, 0));
    let photo = added(&service, &there, 1);
    assert_eq!(read(add(&service, &there, SCOPED, "image/jpeg", jpeg(2)), 404)["status"], 404);
    assert_eq!((status(&service, &photo, Some(SCOPED)), status(&service, &format!("{there}/photos"), Some(SCOPED))), (404, 404));
    moderate(&service, &there, true);
    assert_eq!((status(&service, &photo, Some(SCOPED)), list(&service, &there, Some(SCOPED))[0].get("by")), (200, None), "as anybody");
    for path in ["/v1/incidents/none/photos", "/v1/incidents/01890000-0000-7000-8000-000000000000/photos/x"] {
        assert_eq!((status(&service, path, Some(DISPATCHER)), status(&service, path, None)), (404, 401), "{path}");
    }
}

#[test]
fn what_is_no_photo_or_too_much_is_refused_and_nothing_is_kept() {
    let store = std::sync::Arc::new(gridkeeper::store::MemoryStore::new());
    fill(&*store);
    let mut config = Config::default();
    (config.cases.photo_bytes_max, config.cases.photos_per_case_max) = (1_000, 2);
    let service = Service::start_on(store, config, false);
    let (lon, lat) = middle_of(0, 0);
    let case = report(&service, &json!({ "lon": lon, "lat": lat }));
    let refused = |media: &str, bytes: Vec<u8>, status: u16| {
        let problem = read(add(&service, &case, DISPATCHER, media, bytes), status);
        problem["detail"].as_str().unwrap().to_owned()
    };
    assert!(refused("text/html", jpeg(1), 415).contains("text/html"));
    assert!(refused("text/plain", jpeg(1), 415).contains("is taken as image/jpeg, image/png or image/webp, not as text/plain"));
    assert!(refused("image/jpeg", b"<html><script>alert(1)</script>".to_vec(), 415).contains("neither JPEG, PNG nor WebP"));
    assert!(refused("image/heic", b"\0\0\0\x18ftypheic".to_vec(), 415).contains("JPEG"));
    assert!(refused("image/jpeg", Vec::new(), 415).contains("JPEG"));
    assert!(refused("image/jpeg", jpeg(1)[..100].to_vec(), 400).contains("breaks off"));
    assert!(refused("image/jpeg", [jpeg(1), vec![0; 1_000]].concat(), 413).contains("1000 bytes"));
    let streamed = reqwest::blocking::Body::new(std::io::Cursor::new(vec![0xff; 5_000]));
    let request = service.request("POST", &format!("{case}/photos")).bearer_auth(DISPATCHER).header("content-type", "image/jpeg");
    read(request.body(streamed).send().unwrap(), 413);
    assert_eq!(list(&service, &case, Some(DISPATCHER)), Vec::<Value>::new());
    let [first, _] = [1, 2].map(|shade| added(&service, &case, shade));
    assert!(refused("image/jpeg", jpeg(3), 422).contains("at most 2 photos"));
    assert_eq!(service.request("DELETE", &first).bearer_auth(DISPATCHER).send().unwrap().status(), 204);
    added(&service, &case, 3);
}

#[test]
fn a_photo_that_is_taken_away_is_gone_and_known_to_have_been() {
    let service = service();
    let case = report(&service, &body_at(0, 0));
    let photo = added(&service, &case, 1);
    moderate(&service, &case, true);
    let delete = |path: &str, key: &str| service.request("DELETE", path).bearer_auth(key).send().unwrap().status().as_u16();
    assert_eq!(delete(&photo, SCOPED), 403, "keepers take none away");
    let other = report(&service, &body_at(0, 0));
    assert_eq!(delete(&photo.replace(&case, &other), DISPATCHER), 404, "it is of another case");
    let twice = [delete(&photo, DISPATCHER), delete(&photo, DISPATCHER)];
    assert_eq!(twice, [204, 404]);
    assert_eq!((status(&service, &photo, Some(DISPATCHER)), status(&service, &photo, None)), (404, 404));
    assert_eq!(list(&service, &case, None), Vec::<Value>::new());
    let left = &list(&service, &case, Some(DISPATCHER))[0];
    assert!(left["erased_at"].is_string() && left["href"].is_null() && left["bytes"] == 0 && left["published"] == false, "{left}");
    let log = service.store.load_audit(0, 1_000).unwrap();
    let entry = log.iter().find(|entry| entry.action == "erase_photo").unwrap();
    assert!(entry.author.starts_with("key ") && entry.subject.ends_with("on request"), "{entry:?}");
    // A telephone that sends it again does not bring it back.
    let again = read(add(&service, &case, DISPATCHER, "image/jpeg", jpeg(1)), 422);
    assert!(again["detail"].as_str().unwrap().contains("was taken away"), "{again}");
}

#[test]
fn photos_that_are_sent_at_once_are_all_kept_once() {
    let service = service();
    let case = report(&service, &body_at(0, 0));
    std::thread::scope(|scope| {
        for shade in [1, 2, 3, 1, 2, 3] {
            let (service, case) = (&service, &case);
            scope.spawn(move || {
                let status = add(service, case, DISPATCHER, "image/jpeg", jpeg(shade)).status().as_u16();
                assert!(matches!(status, 200 | 201), "{status}");
            });
        }
    });
    assert_eq!(list(&service, &case, Some(DISPATCHER)).len(), 3);
}
