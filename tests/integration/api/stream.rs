//! What happens to cases, as it is told.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use super::cases::{body_at, send, service};
use super::service::{DISPATCHER, SCOPED, Service};
use crate::support::PATIENCE;

/// The messages of a stream as they come.
pub struct Messages(Receiver<(u64, String, Value)>);

impl Messages {
    pub fn open(service: &Service, key: Option<&str>, after: Option<u64>) -> Self {
        let request = Client::builder().no_proxy().timeout(None).build().unwrap().get(service.url("/v1/stream"));
        let request = key.into_iter().fold(request, reqwest::blocking::RequestBuilder::bearer_auth);
        let request = after.into_iter().fold(request, |request, after| request.header("Last-Event-ID", after.to_string()));
        let response: Response = request.send().unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["content-type"].as_bytes()), (200, &b"text/event-stream"[..]));
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let (mut id, mut name) = (0, String::new());
            for line in BufReader::new(response).lines().map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("id: ") {
                    id = number.parse().unwrap();
                } else if let Some(effect) = line.strip_prefix("event: ") {
                    name = effect.to_owned();
                } else if let Some(data) = line.strip_prefix("data: ")
                    && tell.send((id, name.clone(), serde_json::from_str(data).unwrap())).is_err()
                {
                    return;
                }
            }
        });
        Self(told)
    }

    pub fn next(&self) -> (u64, String, Value) {
        self.0.recv_timeout(PATIENCE).expect("a message was to come")
    }

    pub fn is_quiet(&self) -> bool {
        self.0.recv_timeout(Duration::from_millis(200)).is_err()
    }
}

fn report(service: &Service, column: usize) -> String {
    let response = send(service.request("POST", "/v1/incidents"), DISPATCHER, &body_at(column, 0));
    response.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned()
}

fn act(service: &Service, id: &str, body: &Value) {
    let response = send(service.request("POST", &format!("/v1/incidents/{id}/actions")), DISPATCHER, body);
    assert_eq!(response.status(), 200);
}

#[test]
fn a_listener_hears_what_happens_and_misses_nothing_when_it_comes_back() {
    let service = service();
    report(&service, 0);
    let listener = Messages::open(&service, Some(DISPATCHER), None);
    let id = report(&service, 1);
    let (number, name, data) = listener.next();
    assert_eq!((number, name.as_str(), data["id"].as_str(), data["state"].as_str()), (3, "report", Some(&*id), Some("pending_file")));
    act(&service, &id, &json!({ "action": "file", "condition": "1" }));
    assert_eq!(listener.next().1, "file");
    drop(listener);
    act(&service, &id, &json!({ "action": "dispatch" }));
    let back = Messages::open(&service, Some(DISPATCHER), Some(3));
    assert_eq!([back.next().0, back.next().0], [4, 5]);
    act(&service, &id, &json!({ "action": "accept" }));
    assert_eq!(back.next(), (6, "accept".into(), back_of(&service, 6)));
    let whole = Messages::open(&service, Some(DISPATCHER), Some(0));
    assert_eq!((1..=5).map(|_| whole.next().0).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
    assert_eq!(service.get("/v1/stream").header("Last-Event-ID", "x").send().unwrap().status(), 400);
}

/// What a new listener gets of one event.
fn back_of(service: &Service, number: u64) -> Value {
    Messages::open(service, Some(DISPATCHER), Some(number - 1)).next().2
}

#[test]
fn each_hears_what_is_for_them() {
    let service = service();
    let (public, scoped) = (Messages::open(&service, None, None), Messages::open(&service, Some(SCOPED), None));
    let elsewhere = report(&service, 1);
    assert!(public.is_quiet() && scoped.is_quiet());
    let here = report(&service, 0);
    assert_eq!(scoped.next().2["id"], here);
    assert!(public.is_quiet(), "a case is not shown to all before somebody said so");
    act(&service, &elsewhere, &json!({ "action": "moderate", "published": true }));
    let (number, _, data) = public.next();
    let mut members: Vec<&str> = data.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!((number, members), (4, vec!["at", "category", "id", "number", "state"]));
    assert!(scoped.is_quiet());
    // A category that is not shown to all stays so, whatever was said of the case.
    let mut private = body_at(0, 0);
    private["category"] = "E0601".into();
    let private = send(service.request("POST", "/v1/incidents"), DISPATCHER, &private).json::<Value>().unwrap();
    assert_eq!(scoped.next().2["id"], private["id"]);
    act(&service, private["id"].as_str().unwrap(), &json!({ "action": "moderate", "published": true }));
    assert_eq!(scoped.next().2["id"], private["id"]);
    assert!(public.is_quiet(), "nobody is told of it");
}

#[test]
fn a_stream_ends_when_the_service_does() {
    let service = service();
    let listener = Messages::open(&service, Some(DISPATCHER), None);
    let began = Instant::now();
    drop(service);
    assert!(listener.0.recv_timeout(PATIENCE).is_err());
    assert!(began.elapsed() < PATIENCE);
}
