//! Reports by address, and the hook for an outside geocoder.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use gridkeeper::boundary::Position;
use gridkeeper::config::Config;
use gridkeeper::dispatch::{AddressKind, AddressRow, Role};
use gridkeeper::store::{KeyHash, KeyRecord, MemoryStore, Store};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::keepers::read;
use super::service::{DISPATCHER, Service, code_of, fill, middle_of};

/// A key that a city may hand to everybody.
const CITIZEN: &str = "citizen";

fn row(zone: &str, street: &str, plate: &str, column: usize) -> AddressRow {
    let (lon, lat) = middle_of(column, 0);
    let [zone, street, plate] = [zone, street, plate].map(str::to_owned);
    let position = Position { lon, lat };
    AddressRow { kind: AddressKind::Plate, zone, street, plate, name: String::new(), alias: String::new(), position }
}

fn service(config: Config) -> Service {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let named =
        |name: &str, column: usize| AddressRow {
            kind: AddressKind::Poi, name: name.into(), ..row("徐家井", "芝山路", "20号", column)
        };
    let rows = [
        row("徐家井", "芝山路", "12号", 3),
        row("南津渡", "解放路", "5号", 4),
        row("朝阳", "解放路", "5号", 5),
        named("便民超市", 6),
        named("农业银行", 8),
    ];
    store.replace_addresses(&rows, "test", Timestamp::now()).unwrap();
    let citizen = KeyHash(Sha256::digest(CITIZEN.as_bytes()).into());
    store.add_key(&KeyRecord::new(citizen, Role::Public, Timestamp::now()), "test").unwrap();
    Service::start_on(store, config, false)
}

fn report(service: &Service, address: &str, status: u16) -> Value {
    read(service.request("POST", "/v1/incidents").json(&json!({ "address": address, "description": "d" })), DISPATCHER, status)
}

#[test]
fn a_report_by_address_is_taken_in_where_the_address_is_certain_and_else_told_what_may_be_meant() {
    let service = service(Config::default());
    let taken = report(&service, "芝山路十二号", 201);
    assert_eq!(taken["grid"]["code"], code_of(3, 0));
    let kept = read(service.get(&format!("/v1/incidents/{}", taken["id"].as_str().unwrap())), DISPATCHER, 200);
    assert_eq!(kept["given"], "芝山路十二号");
    let several = report(&service, "解放路5号", 409);
    assert_eq!(several["type"], "urn:gridkeeper:problem:ambiguous-address");
    let texts: Vec<_> = several["candidates"].as_array().unwrap().iter().map(|candidate| candidate["text"].clone()).collect();
    assert_eq!(texts, ["南津渡解放路5号", "朝阳解放路5号"]);
    // Two places are at this number, and no entry is the number itself.
    let several = report(&service, "芝山路20号", 409);
    let texts: Vec<_> = several["candidates"].as_array().unwrap().iter().map(|candidate| candidate["text"].clone()).collect();
    assert_eq!(texts, ["徐家井芝山路20号便民超市", "徐家井芝山路20号农业银行"]);
    let unknown = report(&service, "徐家井街道芝山路12号旁", 422);
    assert_eq!(
        (&unknown["type"], &unknown["candidates"][0]["text"]),
        (&json!("urn:gridkeeper:problem:unknown-address"), &json!("徐家井芝山路12号"))
    );
    assert_eq!(report(&service, "火车站", 422)["candidates"], json!([]));
    // A position counts, whatever the address says.
    let (lon, lat) = middle_of(7, 0);
    let body = json!({ "lon": lon, "lat": lat, "address": "解放路5号" });
    assert_eq!(read(service.request("POST", "/v1/incidents").json(&body), DISPATCHER, 201)["grid"]["code"], code_of(7, 0));
    read(service.request("POST", "/v1/incidents").json(&json!({ "lon": lon, "address": "芝山路12号" })), DISPATCHER, 400);
    let found = read(service.get("/v1/addresses?q=%E8%8A%9D%E5%B1%B1%E8%B7%AF12%E5%8F%B7"), DISPATCHER, 200);
    assert_eq!(
        (&found["certain"], &found["candidates"][0]["kind"], &found["candidates"][0]["exact"]),
        (&json!(true), &json!("plate"), &json!(true))
    );
    // Another table takes the place of the first at once.
    service.store.replace_addresses(&[row("", "火车站", "", 9)], "test", Timestamp::now()).unwrap();
    assert_eq!(report(&service, "火车站", 201)["grid"]["code"], code_of(9, 0));
    assert_eq!(report(&service, "芝山路12号", 422)["candidates"], json!([]));
}

/// A geocoder that answers each request with the next of these, and hands on what it was asked.
fn geocoder(answers: Vec<(Duration, String)>) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/find?q={{address}}", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (pause, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let _ = tell.send(String::from_utf8_lossy(&request[..length]).into_owned());
            std::thread::sleep(pause);
            let head = if body.starts_with("503") { "HTTP/1.1 503 Service Unavailable" } else { "HTTP/1.1 200 OK" };
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        }
    });
    (url, told)
}

#[test]
fn an_outside_geocoder_offers_what_the_table_does_not_know_in_the_system_that_is_declared() {
    let (lon, lat) = middle_of(2, 0);
    let answer = json!({ "candidates": [{ "text": "火车站", "lon": lon, "lat": lat, "score": 0.9 }] }).to_string();
    let now = Duration::ZERO;
    let long = format!("{{\"candidates\":[],\"x\":\"{}\"}}", "x".repeat(5_000));
    let nowhere = json!({ "candidates": [{ "lon": 999, "lat": 0 }] }).to_string();
    let answers = [
        (now, answer.clone()),
        (now, "503".into()),
        (now, "[]".into()),
        (now, long),
        (now, nowhere),
        (Duration::from_millis(1_500), answer),
    ];
    let (url, asked) = geocoder(answers.to_vec());
    let mut config = Config::default();
    (config.geocoder.url, config.geocoder.crs) = (Some(url), "GCJ02".into());
    (config.geocoder.timeout_ms, config.geocoder.bytes_max) = (1_000, 4_096);
    let service = service(config);
    // What others charge for is not asked for everybody; the city's own table is.
    let of_citizen = |q: &str| read(service.get(&format!("/v1/addresses?q={q}")), CITIZEN, 200);
    assert_eq!(of_citizen("%E7%81%AB%E8%BD%A6%E7%AB%99"), json!({ "certain": false, "candidates": [] }));
    assert_eq!(of_citizen("%E8%8A%9D%E5%B1%B1%E8%B7%AF12%E5%8F%B7")["certain"], true);
    assert!(asked.try_recv().is_err());
    // Never taken without being asked for.
    let offered = report(&service, "火车站 东", 422);
    let candidate = &offered["candidates"][0];
    assert_eq!((&candidate["source"], &candidate["text"], &candidate["score"]), (&json!("geocoder"), &json!("火车站"), &json!(0.9)));
    let shift = (candidate["position"]["lon"].as_f64().unwrap() - lon).abs();
    assert!((0.003..0.008).contains(&shift), "GCJ-02 lies some 500 m beside here: {candidate}");
    assert!(asked.recv().unwrap().starts_with("GET /find?q=%E7%81%AB%E8%BD%A6%E7%AB%99"));
    for why in ["answers with 503", "no list of candidates", "longer than 4096 bytes", "candidate 1 lies nowhere", "within 1000 ms"] {
        let problem = report(&service, "火车站", 422);
        assert!(problem["detail"].as_str().unwrap().contains(why), "{why}: {problem}");
        assert_eq!(problem["candidates"], json!([]));
    }
}
