//! Open311 GeoReport v2, as an app speaks it.

use std::sync::Arc;
use std::time::Duration;

use gridkeeper::config::Config;
use gridkeeper::dispatch::{Case, CaseId, Reporter, RuleTable};
use gridkeeper::store::{CaseFilter, CaseWrite, MemoryStore, NewCase, Store};
use jiff::{SignedDuration, Timestamp};
use reqwest::blocking::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::cases::{send, service};
use super::district::category;
use super::photos::jpeg;
use super::rules::write_rules;
use super::service::{DISPATCHER, SCOPED, Service, fill, middle_of};

fn get(service: &Service, path: &str) -> Response {
    service.get(&format!("/open311/v2/{path}")).send().unwrap()
}

fn read(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().unwrap())
}

fn post(service: &Service, format: &str, pairs: &[(&str, &str)]) -> Response {
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let body: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let request = service.request("POST", &format!("/open311/v2/requests.{format}"));
    request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&")).send().unwrap()
}

fn request(service: &Service, column: usize) -> String {
    let (lon, lat) = middle_of(column, 0);
    let pairs = [
        ("api_key", DISPATCHER),
        ("service_code", "E0110"),
        ("lat", &*lat.to_string()),
        ("long", &lon.to_string()),
        ("description", "垃圾 & <more>"),
        ("media_url", "https://example.org/1.jpg"),
        ("address_string", "南津渡街道"),
        ("first_name", "某"),
        ("last_name", "王"),
        ("phone", "13800000000"),
        ("email", "w@example.org"),
        ("device_id", "passed over"),
    ];
    let (status, answer) = read(post(service, "json", &pairs));
    assert_eq!(status, 201, "{answer}");
    answer[0]["service_request_id"].as_str().unwrap().to_owned()
}

#[test]
fn the_service_says_where_it_is_and_what_can_be_reported() {
    let service = service();
    let (_, discovery) = read(get(&service, "discovery.json"));
    let endpoint = &discovery["endpoints"][0];
    assert!(endpoint["url"].as_str().unwrap().ends_with("/open311/v2"), "{endpoint}");
    assert_eq!((&endpoint["specification"], &endpoint["type"]), (&json!("http://wiki.open311.org/GeoReport_v2"), &json!("production")));
    let (_, services) = read(get(&service, "services.json?jurisdiction_id=any"));
    let codes: Vec<&str> = services.as_array().unwrap().iter().map(|one| one["service_code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["E0110", "C0102"], "a private category is not there");
    assert_eq!((&services[0]["metadata"], &services[0]["type"]), (&json!(false), &json!("realtime")));
    let xml = get(&service, "services.xml");
    assert_eq!(xml.headers()["content-type"], "text/xml; charset=utf-8");
    assert!(xml.text().unwrap().contains("<services><service><service_code>E0110</service_code>"));
    let (_, definition) = read(get(&service, "services/E0110.json"));
    assert_eq!(definition, json!({ "service_code": "E0110", "attributes": [] }));
}

#[test]
fn a_request_is_taken_in_and_shown_to_all_only_as_far_as_it_was_looked_at() {
    let service = service();
    let id = request(&service, 0);
    let shown = || read(get(&service, &format!("requests/{id}.json"))).1[0].clone();
    let before = shown();
    assert_eq!(
        (&before["status"], &before["service_name"], &before["service_code"]),
        (&json!("open"), &json!("name of E0110"), &json!("E0110"))
    );
    assert_eq!(
        (&before["description"], &before["lat"], &before["media_url"], &before["address"]),
        (&json!(""), &json!(null), &json!(""), &json!(""))
    );
    let moderated = send(
        service.request("POST", &format!("/v1/incidents/{id}/actions")),
        DISPATCHER,
        &json!({ "action": "moderate", "published": true }),
    );
    assert_eq!(moderated.status(), 200);
    let after = shown();
    assert_eq!(after["lat"].as_f64(), Some(middle_of(0, 0).1));
    assert_eq!(
        (&after["description"], &after["media_url"], &after["address"]),
        (&json!("垃圾 & <more>"), &json!("https://example.org/1.jpg"), &json!("南津渡街道"))
    );
    // Who reported it is nobody's but the dispatchers'.
    for path in [format!("requests/{id}.json?api_key={DISPATCHER}"), "requests.xml".to_owned(), format!("requests/{id}.xml")] {
        let text = get(&service, &path).text().unwrap();
        assert!(!text.contains("13800000000") && !text.contains("w@example.org"), "{text}");
    }
    let case = service.get(&format!("/v1/incidents/{id}")).bearer_auth(DISPATCHER).send().unwrap().json::<Value>().unwrap();
    assert_eq!(case["reporter"], json!({ "name": "某 王", "phone": "13800000000", "email": "w@example.org" }));
    let xml = get(&service, &format!("requests/{id}.xml")).text().unwrap();
    assert!(xml.contains("<service_requests><request>") && xml.contains("<description>垃圾 &amp; &lt;more&gt;</description>"), "{xml}");
    let (_, token) = read(get(&service, &format!("tokens/{id}.json")));
    assert_eq!(token[0]["service_request_id"], *id);
}

/// A form with files, as browsers and FixMyStreet send one.
fn post_multipart(service: &Service, texts: &[(&str, &str)], files: &[(&str, &[u8])]) -> Response {
    let mut body = Vec::new();
    for (name, value) in texts {
        body.extend(format!("--XyZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    for (name, bytes) in files {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg");
        body.extend(format!("--XyZ\r\n{head}\r\n\r\n").bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--XyZ--\r\n");
    let request = service.request("POST", "/open311/v2/requests.json");
    request.header("content-type", "multipart/form-data; boundary=XyZ").body(body).send().unwrap()
}

#[test]
fn a_request_brings_photos_and_all_see_the_first_when_it_was_looked_at() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let (lon, lat) = (lon.to_string(), lat.to_string());
    let texts = [
        ("api_key", DISPATCHER),
        ("service_code", "E0110"),
        ("lat", &*lat),
        ("long", &lon),
        ("description", "垃圾 & <more>"),
        ("media_url", "https://example.org/1.jpg"),
    ];
    let photos = [jpeg(1), jpeg(2), jpeg(1)];
    let files = [("media", &photos[0][..]), ("media", &photos[1]), ("media[]", &photos[2]), ("cv", b"no picture"), ("media", b"")];
    let (status, answer) = read(post_multipart(&service, &texts, &files));
    assert_eq!(status, 201, "{answer}");
    let id = answer[0]["service_request_id"].as_str().unwrap();
    let case = service.get(&format!("/v1/incidents/{id}")).bearer_auth(DISPATCHER).send().unwrap().json::<Value>().unwrap();
    assert_eq!(
        (&case["photos"], &case["version"], &case["description"]),
        (&json!(2), &json!(3), &json!("垃圾 & <more>")),
        "two are the same"
    );
    let list = service.get(&format!("/v1/incidents/{id}/photos")).bearer_auth(DISPATCHER).send().unwrap().json::<Value>().unwrap();
    let [first, second] = [0, 1].map(|at| list["photos"][at]["href"].as_str().unwrap().to_owned());
    let media = |query: &str| read(get(&service, &format!("requests/{id}.json{query}"))).1[0]["media_url"].as_str().unwrap().to_owned();
    let with_key = format!("?api_key={DISPATCHER}");
    assert_eq!((media(""), media(&with_key)), (String::new(), "https://example.org/1.jpg".into()));
    let seen: Vec<&str> = [&first, &second].map(|href| href.rsplit_once('/').unwrap().1).to_vec();
    let moderate = json!({ "action": "moderate", "published": true, "photos": seen });
    assert_eq!(send(service.request("POST", &format!("/v1/incidents/{id}/actions")), DISPATCHER, &moderate).status(), 200);
    assert_eq!(media(""), first);
    let path = |href: &str| href.split_once("/v1").map(|(_, rest)| format!("/v1{rest}")).unwrap();
    assert_eq!(service.get(&path(&first)).send().unwrap().status(), 200);
    let xml = get(&service, "requests.xml").text().unwrap();
    assert!(xml.contains(&format!("<media_url>{first}</media_url>")), "{xml}");
    // What is taken away makes room for the next, and in the end for what was given.
    for (href, expected) in [(&first, second.clone()), (&second, "https://example.org/1.jpg".into())] {
        assert_eq!(service.request("DELETE", &path(href)).bearer_auth(DISPATCHER).send().unwrap().status(), 204);
        assert_eq!(media(""), expected);
    }
}

#[test]
fn a_request_whose_photos_are_none_is_refused_and_not_taken_in() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let (lon, lat) = (lon.to_string(), lat.to_string());
    let texts = [("api_key", DISPATCHER), ("service_code", "E0110"), ("lat", &*lat), ("long", &*lon)];
    let photo = jpeg(1);
    let large = [&photo[..], &vec![0; 5 << 20]].concat();
    let refused = |files: &[(&str, &[u8])], status: u16, said: &str| {
        let (found, errors) = read(post_multipart(&service, &texts, files));
        assert_eq!((found, &errors[0]["code"]), (status, &json!(status)), "{errors}");
        assert!(errors[0]["description"].as_str().unwrap().contains(said), "{errors}");
    };
    refused(&[("media", b"<svg/>")], 415, "neither JPEG");
    refused(&[("media", &photo[..60])], 400, "breaks off");
    refused(&[("media", &large)], 413, "media");
    refused(&[("media", &photo[..]); 4], 400, "more than 3 photos");
    let broken = service.request("POST", "/open311/v2/requests.json").header("content-type", "multipart/form-data; boundary=XyZ");
    assert_eq!(broken.body("--XyZ\r\nContent-").send().unwrap().status(), 400);
    let other = service.request("POST", "/open311/v2/requests.json").header("content-type", "application/json").body("{}");
    assert_eq!(other.send().unwrap().status(), 400);
    assert_eq!(read(get(&service, "requests.json")).1, json!([]));
}

#[test]
fn an_insider_sees_all_of_what_the_key_reaches() {
    let service = service();
    let (here, there) = (request(&service, 0), request(&service, 1));
    let lat = |id: &str| read(get(&service, &format!("requests/{id}.json?api_key={SCOPED}"))).1[0]["lat"].clone();
    assert!(lat(&here).is_f64() && lat(&there).is_null());
}

#[test]
fn requests_are_listed_by_state_kind_time_and_id() {
    let service = service();
    let ids: Vec<String> = (0..3).map(|column| request(&service, column)).collect();
    let void = json!({ "action": "void", "reason": "x" });
    assert_eq!(send(service.request("POST", &format!("/v1/incidents/{}/actions", ids[1])), DISPATCHER, &void).status(), 200);
    let found = |query: &str| -> Vec<String> {
        let (status, list) = read(get(&service, &format!("requests.json?{query}")));
        assert_eq!(status, 200, "{list}");
        list.as_array().unwrap().iter().map(|one| one["service_request_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(""), [&ids[2], &ids[1], &ids[0]].map(String::clone), "the newest first");
    assert_eq!(found("status=closed"), [ids[1].clone()]);
    assert_eq!(found("status=open,closed").len(), 3);
    assert_eq!(found("service_code=C0102"), Vec::<String>::new());
    assert_eq!(found("service_code=C0102,E0110&unknown=passed+over").len(), 3);
    assert_eq!(
        found(&format!("service_request_id={},{}&status=closed", ids[0], ids[2])),
        [ids[0].clone(), ids[2].clone()],
        "ids override all"
    );
    assert_eq!(found("start_date=2020-01-01T00:00:00Z&end_date=2020-02-01T00:00:00Z"), Vec::<String>::new());
}

#[test]
fn what_is_wrong_is_said_as_the_standard_has_it() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let (lon, lat) = (lon.to_string(), lat.to_string());
    let check = |pairs: &[(&str, &str)], expected: u16, said: &str| {
        let (status, errors) = read(post(&service, "json", pairs));
        assert_eq!((status, &errors[0]["code"]), (expected, &json!(expected)), "{errors}");
        assert!(errors[0]["description"].as_str().unwrap().contains(said), "{errors}");
    };
    let key = ("api_key", DISPATCHER);
    check(&[("service_code", "E0110")], 403, "api_key");
    check(&[("api_key", "wrong"), ("service_code", "E0110")], 403, "api_key");
    check(&[key], 400, "service_code");
    check(&[key, ("service_code", "E9999")], 404, "E9999");
    check(&[key, ("service_code", "E0601"), ("lat", &lat), ("long", &lon)], 404, "E0601");
    check(&[key, ("service_code", "E0110")], 400, "lat");
    check(&[key, ("service_code", "E0110"), ("address_string", "x")], 400, "address");
    check(&[key, ("service_code", "E0110"), ("lat", "north"), ("long", &lon)], 400, "lat");
    check(&[key, ("service_code", "E0110"), ("lat", &lat), ("long", &lon), ("media_url", "javascript:alert(1)")], 400, "media_url");
    check(&[key, ("service_code", "E0110"), ("lat", &lat), ("long", &lon), ("attribute[condition]", "9")], 400, "category");
    for (path, expected) in [
        ("requests/none.json", 404),
        ("services/E0601.json", 404),
        ("tokens/none.json", 404),
        ("nothing.json", 404),
        ("requests.json?status=sleeping", 400),
        ("requests.json?start_date=yesterday", 400),
        ("requests.json?api_key=wrong", 403),
    ] {
        let (status, errors) = read(get(&service, path));
        assert_eq!((status, &errors[0]["code"]), (expected, &json!(expected)), "{path}: {errors}");
    }
    let xml = get(&service, "requests/none.xml");
    assert_eq!(xml.status(), 404);
    assert!(xml.text().unwrap().contains("<errors><error><code>404</code>"));
    assert_eq!(get(&service, "requests.yaml").status(), 404);
}

#[test]
fn records_without_a_life_do_not_crowd_requests_out() {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    let service = Service::start_on(Arc::clone(&store) as Arc<dyn Store>, Config::default(), false);
    let id = request(&service, 0);
    let taken = store.load_cases(&CaseFilter::first(1)).unwrap().cases.remove(0);
    // As many as one answer may have, and newer.
    let later = |at: u128| Case { id: CaseId(Uuid::from_u128(u128::MAX - at)), ..taken.clone() };
    store.add_cases(&(0..1_000).map(later).collect::<Vec<_>>(), "test", Timestamp::now()).unwrap();
    let (_, all) = read(get(&service, "requests.json"));
    let ids: Vec<&str> = all.as_array().unwrap().iter().map(|one| one["service_request_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [id]);
}

#[test]
fn of_more_requests_than_an_answer_has_the_newest_are_listed_whatever_their_ids() {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    let service = Service::start_on(Arc::clone(&store) as Arc<dyn Store>, Config::default(), false);
    let id = request(&service, 0);
    let newest = store.load_case_records(&CaseFilter::first(1)).unwrap().records.remove(0);
    let older = |minutes: u32| {
        let mut case = Case { id: CaseId(Uuid::from_u128(u128::MAX - u128::from(minutes % 7 * 1_000 + minutes))), ..newest.case.clone() };
        case.reported_at -= SignedDuration::from_mins(minutes.into());
        let (events, photos, reporter) = (newest.events.clone(), Vec::new(), Reporter::default());
        CaseWrite::Add(Box::new(NewCase { case, events, photos, reporter, token: None, near: None, border_m: None }))
    };
    store.write_cases((1..=1_001).map(older).collect()).unwrap();
    let (_, all) = read(get(&service, "requests.json"));
    let all = all.as_array().unwrap();
    let times: Vec<&str> = all.iter().map(|one| one["requested_datetime"].as_str().unwrap()).collect();
    assert_eq!((all.len(), all[0]["service_request_id"].as_str()), (1_000, Some(&*id)));
    assert!(times.is_sorted_by(|a, b| a > b));
    let oldest: Timestamp = times[999].parse().unwrap();
    assert_eq!(newest.case.reported_at.duration_since(oldest).as_mins(), 999);
    // Those that nobody is to see take no place among them, and those of one kind are found behind all others.
    let hidden = |at: u32| {
        let mut case = Case { id: CaseId(Uuid::from_u128(u128::from(at))), category: "E0601".into(), ..newest.case.clone() };
        case.reported_at += SignedDuration::from_millis(1);
        let (events, photos, reporter) = (newest.events.clone(), Vec::new(), Reporter::default());
        CaseWrite::Add(Box::new(NewCase { case, events, photos, reporter, token: None, near: None, border_m: None }))
    };
    store.write_cases((1..=900).map(hidden).collect()).unwrap();
    let (_, shown) = read(get(&service, "requests.json"));
    assert_eq!(shown.as_array().unwrap().len(), 1_000);
    let (_, of_kind) = read(get(&service, "requests.json?service_code=E0110"));
    assert_eq!(of_kind.as_array().unwrap().len(), 1_000);
}

#[test]
fn what_was_private_stays_so_when_its_category_is_gone() {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    let service = Service::start_on(Arc::clone(&store) as Arc<dyn Store>, Config::default(), true);
    let (lon, lat) = middle_of(0, 0);
    let body = json!({ "lon": lon, "lat": lat, "category": "E0601", "description": "secret" });
    let taken: Value = send(service.request("POST", "/v1/incidents"), DISPATCHER, &body).json().unwrap();
    let id = taken["id"].as_str().unwrap();
    let published = json!({ "action": "moderate", "published": true });
    assert_eq!(send(service.request("POST", &format!("/v1/incidents/{id}/actions")), DISPATCHER, &published).status(), 200);
    assert_eq!(get(&service, &format!("requests/{id}.json")).status(), 404);
    let at = Timestamp::now();
    store.replace_rules(&RuleTable::Categories(vec![category("E0110", "4工作时", false)]), at, "test", at).unwrap();
    let is_gone = || get(&service, "services.json").json::<Value>().unwrap().as_array().unwrap().len() == 1;
    while !is_gone() {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(get(&service, &format!("requests/{id}.json")).status(), 404);
    assert_eq!(read(get(&service, "requests.json")).1, json!([]));
}
