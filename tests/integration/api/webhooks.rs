//! Webhooks, to a receiver that is there, refuses, goes away and comes back.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gridkeeper::app::{RollBackOptions, roll_back};
use gridkeeper::boundary::{GenerationId, GenerationState, LayerName};
use gridkeeper::config::Config;
use gridkeeper::dispatch::Role;
use gridkeeper::store::{KeyHash, KeyRecord, MemoryStore, Store};
use jiff::Timestamp;
use ring::hmac;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cases::{body_at, send};
use super::generations::republish;
use super::service::{COLUMNS, DISPATCHER, PLANNER, Service, code_of, fill};
use super::town::{COMMUNITIES, grid_at, town};
use crate::support::PATIENCE;

const ADMIN: &str = "webhook-admin";

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Message {
    pub fn number(&self) -> u64 {
        serde_json::from_str::<Value>(&self.body).unwrap()["number"].as_u64().unwrap()
    }

    pub fn case(&self) -> String {
        serde_json::from_str::<Value>(&self.body).unwrap()["id"].as_str().unwrap().to_owned()
    }
}

/// A receiver over real sockets, which answers as it is told and can be killed.
pub struct Receiver {
    pub address: SocketAddr,
    messages: Arc<Mutex<Vec<Message>>>,
    status: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub fn start(address: &str, messages: Arc<Mutex<Vec<Message>>>) -> Self {
        Self::start_choosing(address, messages, |_| true)
    }

    /// Starts one that takes what is chosen, where it would take it at all, and answers anything else with 500.
    pub fn start_choosing(
        address: &str,
        messages: Arc<Mutex<Vec<Message>>>,
        takes: impl Fn(&Message) -> bool + Send + Sync + 'static,
    ) -> Self {
        let end = Instant::now() + PATIENCE;
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < end, "{address}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let (status, is_over) = (Arc::new(AtomicU16::new(204)), Arc::new(AtomicBool::new(false)));
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (kept, answer, count, over) = (Arc::clone(&messages), Arc::clone(&status), Arc::clone(&asked), Arc::clone(&is_over));
        let judge = move |message: &Message| {
            count.fetch_add(1, Ordering::SeqCst);
            let status = answer.load(Ordering::SeqCst);
            if status >= 300 || takes(message) { status } else { 500 }
        };
        let judge: Arc<dyn Fn(&Message) -> u16 + Send + Sync> = Arc::new(judge);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (kept, judge, over) = (Arc::clone(&kept), Arc::clone(&judge), Arc::clone(&over));
                std::thread::spawn(move || answer_all(&stream.unwrap(), &kept, &*judge, &over));
            }
        });
        Self { address, messages, status, asked, is_over, thread: Some(thread) }
    }

    fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn wait_for(&self, count: usize) -> Vec<Message> {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.messages.lock().unwrap().clone();
            if seen.len() >= count {
                return seen;
            }
            assert!(Instant::now() < end, "{} messages came of {count}", seen.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Killed: what is under way is not answered, and nobody listens any more.
impl Drop for Receiver {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn answer_all(stream: &TcpStream, kept: &Mutex<Vec<Message>>, judge: &dyn Fn(&Message) -> u16, is_over: &AtomicBool) {
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    loop {
        match reader.read_line(&mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(_) if is_over.load(Ordering::SeqCst) => return,
            Err(_) => continue,
        }
        line.clear();
        let mut headers = BTreeMap::new();
        loop {
            if reader.read_line(&mut line).is_err() {
                return;
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
            line.clear();
        }
        line.clear();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        if reader.read_exact(&mut body).is_err() || is_over.load(Ordering::SeqCst) {
            return;
        }
        let message = Message { headers, body: String::from_utf8(body).unwrap() };
        let status = judge(&message);
        if status < 300 {
            kept.lock().unwrap().push(message);
        }
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        let mut writer = stream;
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn service() -> Service {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    service_on(store)
}

fn service_on(store: Arc<dyn Store>) -> Service {
    service_with(store, Config::default())
}

fn service_with(store: Arc<dyn Store>, mut config: Config) -> Service {
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let hash = KeyHash(Sha256::digest(ADMIN.as_bytes()).into());
    store.add_key(&KeyRecord::new(hash, Role::Admin, at), "test").unwrap();
    config.cases.webhook_retry_ms = 20;
    config.http.follow_interval_ms = 50;
    Service::start_on(store, config, false)
}

fn report(service: &Service, column: usize) -> String {
    let (lon, lat) = super::service::middle_of(column, 0);
    let response = send(service.request("POST", "/v1/incidents"), DISPATCHER, &json!({ "lon": lon, "lat": lat }));
    response.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned()
}

fn note(service: &Service, id: &str) {
    let path = format!("/v1/incidents/{id}/actions");
    let response = send(service.request("POST", &path), DISPATCHER, &json!({ "action": "note", "reason": "x" }));
    assert_eq!(response.status(), 200);
}

fn add(service: &Service, receiver: &Receiver, more: &Value) -> Value {
    let mut body = json!({ "url": format!("http://{}/hook", receiver.address) });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = send(service.request("POST", "/v1/webhooks"), ADMIN, &body);
    assert_eq!(response.status(), 201);
    response.json().unwrap()
}

fn letters(service: &Service, id: &str) -> Vec<Value> {
    let response = service.get(&format!("/v1/webhooks/{id}/dead-letters")).bearer_auth(ADMIN).send().unwrap();
    response.json::<Value>().unwrap()["letters"].as_array().unwrap().clone()
}

#[test]
fn a_message_is_signed_so_that_its_receiver_can_trust_it() {
    let service = service();
    let receiver = Receiver::start("127.0.0.1:0", Arc::default());
    let webhook = add(&service, &receiver, &json!({ "effects": ["report"] }));
    let id = report(&service, 0);
    note(&service, &id);
    report(&service, 1);
    let messages = receiver.wait_for(2);
    assert_eq!(messages.iter().map(Message::number).collect::<Vec<_>>(), [2, 4], "only what was asked for");
    verify(&messages[0], webhook["secret"].as_str().unwrap());
    let list = service.get("/v1/webhooks").bearer_auth(ADMIN).send().unwrap().text().unwrap();
    assert!(!list.contains(webhook["secret"].as_str().unwrap()), "the secret is shown once");
}

#[test]
fn a_publication_is_told_signed_to_all_whom_it_concerns() {
    let service = service_on(town());
    let [all, touched, elsewhere, of_cases] = [(); 4].map(|()| Receiver::start("127.0.0.1:0", Arc::default()));
    let webhook = add(&service, &all, &json!({}));
    add(&service, &touched, &json!({ "effects": ["generation.published"], "scope": [&COMMUNITIES[0][..9]] }));
    add(&service, &elsewhere, &json!({ "scope": [COMMUNITIES[1]] }));
    add(&service, &of_cases, &json!({ "effects": ["report"] }));
    let write = |key: &str, path: &str, body: &Value| {
        let response = send(service.request("POST", path).header("if-match", "*"), key, body);
        assert!(response.status().is_success(), "{path}: {}", response.text().unwrap());
        response.json::<Value>().unwrap()
    };
    let draft = write(PLANNER, "/v1/drafts", &json!({ "title": "one less" }));
    let path = format!("/v1/drafts/{}", draft["id"].as_str().unwrap());
    let merge = json!({ "op": "merge", "level": "grid", "units": [grid_at(0, 0), grid_at(0, 1)] });
    write(PLANNER, &format!("{path}/operations"), &merge);
    write(ADMIN, &format!("{path}/approval"), &json!({}));
    let made = write(PLANNER, &format!("{path}/publication"), &json!({ "accept_unheld": true }));
    let message = all.wait_for(1).remove(0);
    verify(&message, webhook["secret"].as_str().unwrap());
    let mut told: Value = serde_json::from_str(&message.body).unwrap();
    let members = told.as_object_mut().unwrap();
    for (member, is_time) in [("at", true), ("effective_from", true), ("number", false)] {
        let value = members.remove(member).unwrap();
        assert!(if is_time { value.as_str().unwrap().parse::<Timestamp>().is_ok() } else { value == 3 }, "{member}: {value}");
    }
    let expected = json!({
        "type": "generation.published", "layer": "grid", "generation": made["generation"], "parent": 2, "restores": null,
        "units": { "begun": 0, "changed": 1, "ended": 1 },
    });
    assert_eq!(told, expected, "and nobody's name");
    let limited: Value = serde_json::from_str(&touched.wait_for(1)[0].body).unwrap();
    assert_eq!((&limited["generation"], &limited["units"]), (&made["generation"], &Value::Null));
    // What comes next shows that the others were told of nothing before.
    report(&service, COLUMNS - 1);
    assert_eq!(elsewhere.wait_for(1).iter().map(Message::number).collect::<Vec<_>>(), [4]);
    assert_eq!(of_cases.wait_for(1).iter().map(Message::number).collect::<Vec<_>>(), [4]);
}

#[test]
fn an_import_and_a_rollback_by_another_process_are_told_too() {
    let service = service();
    let receiver = Receiver::start("127.0.0.1:0", Arc::default());
    add(&service, &receiver, &json!({ "effects": ["generation.published"] }));
    republish(&service, true, None, GenerationState::Published);
    let options = RollBackOptions { effective_from: None, author: "head".into(), note: None };
    roll_back(&*service.store, &LayerName::parse("grid").unwrap(), GenerationId(1), &options).unwrap();
    // A draft is told to nobody.
    republish(&service, false, None, GenerationState::Draft);
    republish(&service, false, None, GenerationState::Published);
    let told = receiver.wait_for(3).into_iter().map(|message| {
        let told: Value = serde_json::from_str(&message.body).unwrap();
        json!([told["generation"], told["parent"], told["restores"], told["units"]])
    });
    let units = |begun: u32, changed: u32, ended: u32| json!({ "begun": begun, "changed": changed, "ended": ended });
    let expected = [json!([2, 1, null, units(0, 1, 1)]), json!([3, 2, 1, units(1, 1, 0)]), json!([5, 3, null, units(0, 1, 0)])];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

fn verify(Message { headers, body }: &Message, secret: &str) {
    let secret = base64(secret.strip_prefix("whsec_").unwrap());
    let signed = format!("{}.{}.{body}", headers["webhook-id"], headers["webhook-timestamp"]);
    let signature = base64(headers["webhook-signature"].strip_prefix("v1,").unwrap());
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes(), &signature).unwrap();
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[test]
fn a_receiver_that_is_killed_and_comes_back_misses_nothing_and_gets_it_in_order() {
    let service = service();
    let messages = Arc::new(Mutex::new(Vec::new()));
    let receiver = Receiver::start("127.0.0.1:0", Arc::clone(&messages));
    let address = receiver.address.to_string();
    add(&service, &receiver, &json!({}));
    let cases: Vec<String> = (0..3).map(|column| report(&service, column)).collect();
    receiver.wait_for(2);
    drop(receiver);
    for _ in 0..5 {
        cases.iter().for_each(|id| note(&service, id));
    }
    std::thread::sleep(Duration::from_millis(200));
    let receiver = Receiver::start(&address, messages);
    cases.iter().for_each(|id| note(&service, id));
    let newest = service.store.newest_happening().unwrap();
    let end = Instant::now() + PATIENCE;
    let seen = loop {
        let seen = receiver.wait_for(1);
        if seen.iter().any(|message| message.number() == newest) {
            break seen;
        }
        assert!(Instant::now() < end, "the last message never came");
        std::thread::sleep(Duration::from_millis(20));
    };
    // At least once, none left out, and each case in its order where a repeat is passed over.
    for case in &cases {
        let mut numbers: Vec<u64> = seen.iter().filter(|message| &message.case() == case).map(Message::number).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), 7, "{numbers:?}");
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}

#[test]
fn what_is_refused_becomes_a_dead_letter_with_all_that_follows_it_and_comes_again_when_asked_for() {
    let service = service();
    let receiver = Receiver::start("127.0.0.1:0", Arc::default());
    let webhook = add(&service, &receiver, &json!({}))["id"].as_str().unwrap().to_owned();
    receiver.answer_with(400);
    let first = report(&service, 0);
    let end = Instant::now() + PATIENCE;
    while letters(&service, &webhook).first().is_none_or(|letter| letter["state"] != "dead") {
        assert!(Instant::now() < end, "the letter never died");
        std::thread::sleep(Duration::from_millis(20));
    }
    receiver.answer_with(204);
    note(&service, &first);
    let other = report(&service, 1);
    // Other cases go on; a later event of this one waits for the one before it.
    assert_eq!(receiver.wait_for(1)[0].case(), other);
    let dead = letters(&service, &webhook);
    assert_eq!(dead.iter().map(|letter| letter["number"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 3]);
    assert!(dead[0]["error"].as_str().unwrap().contains("400"), "{dead:?}");
    let replay = |body: Value| send(service.request("POST", &format!("/v1/webhooks/{webhook}/replay")), ADMIN, &body).status();
    assert_eq!(replay(json!({})), 202);
    let seen: Vec<u64> = receiver.wait_for(3).iter().map(Message::number).collect();
    assert_eq!(seen, [4, 2, 3]);
    let end = Instant::now() + PATIENCE;
    while !letters(&service, &webhook).is_empty() {
        assert!(Instant::now() < end, "a letter that was sent stays dead");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Everything again from an event on.
    assert_eq!(replay(json!({ "after": 2 })), 202);
    assert_eq!(receiver.wait_for(5)[3..].iter().map(Message::number).collect::<Vec<_>>(), [3, 4]);
    // Numbers are those of the definition, and a body may be left out.
    assert_eq!(replay(json!({ "after": u64::MAX })), 400);
    let path = format!("/v1/webhooks/{webhook}/replay");
    assert_eq!(service.request("POST", &path).bearer_auth(ADMIN).send().unwrap().status(), 202);
    let ended = service.request("DELETE", &format!("/v1/webhooks/{webhook}")).bearer_auth(ADMIN).send().unwrap();
    assert_eq!(ended.status(), 204);
    std::thread::sleep(Duration::from_millis(300));
    report(&service, 2);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(receiver.wait_for(5).len(), 5, "nothing is sent any more");
}

/// Waits until a number of events has come, and returns how they first came: which of each case, in their order.
fn firsts(receiver: &Receiver, count: usize) -> BTreeMap<String, Vec<u64>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut firsts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for message in receiver.wait_for(0) {
            let numbers = firsts.entry(message.case()).or_default();
            if !numbers.contains(&message.number()) {
                numbers.push(message.number());
            }
        }
        let came: usize = firsts.values().map(Vec::len).sum();
        if came >= count {
            return firsts;
        }
        assert!(Instant::now() < end, "{came} events came of {count}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_case_that_is_not_taken_holds_up_no_other() {
    let service = service();
    let refused = Arc::new(Mutex::new(String::new()));
    let choke = Arc::clone(&refused);
    let receiver = Receiver::start_choosing("127.0.0.1:0", Arc::default(), move |message| message.case() != *choke.lock().unwrap());
    let webhook = add(&service, &receiver, &json!({}))["id"].as_str().unwrap().to_owned();
    let first = report(&service, 0);
    receiver.wait_for(1);
    refused.lock().unwrap().clone_from(&first);
    note(&service, &first);
    note(&service, &first);
    let others: Vec<String> = (1..9).map(|column| report(&service, column)).collect();
    others.iter().for_each(|id| note(&service, id));
    let came = firsts(&receiver, 1 + 2 * others.len());
    assert!(others.iter().all(|id| came[id].len() == 2) && came[&first].len() == 1);
    let waiting = letters(&service, &webhook);
    let told: Vec<_> = waiting.iter().map(|letter| (letter["number"].as_u64().unwrap(), letter["state"].as_str().unwrap())).collect();
    assert_eq!(told, [(3, "waiting"), (4, "waiting")]);
    assert!(waiting[0]["error"].as_str().unwrap().contains("500"), "{waiting:?}");
    // A replay asks for what is dead alone.
    let replayed = send(service.request("POST", &format!("/v1/webhooks/{webhook}/replay")), ADMIN, &json!({}));
    assert_eq!((replayed.status().as_u16(), letters(&service, &webhook)[0]["state"].as_str()), (202, Some("waiting")));
    refused.lock().unwrap().clear();
    assert_eq!(firsts(&receiver, 3 + 2 * others.len())[&first], [2, 3, 4], "in its order");
    let end = Instant::now() + PATIENCE;
    while !letters(&service, &webhook).is_empty() {
        assert!(Instant::now() < end, "a letter that was sent still waits");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_receiver_that_is_away_is_not_asked_for_every_case() {
    let service = service();
    let receiver = Receiver::start("127.0.0.1:0", Arc::default());
    let webhook = add(&service, &receiver, &json!({}))["id"].as_str().unwrap().to_owned();
    receiver.answer_with(503);
    let cases: Vec<String> = (0..18).map(|column| report(&service, column)).collect();
    let view = || {
        let list = service.get("/v1/webhooks").bearer_auth(ADMIN).send().unwrap().json::<Value>().unwrap();
        list["webhooks"][0].clone()
    };
    let wait_for = |attempts: u64| {
        let end = Instant::now() + PATIENCE;
        while view()["attempts"].as_u64().unwrap() < attempts {
            assert!(Instant::now() < end, "{}", view());
            std::thread::sleep(Duration::from_millis(20));
        }
        receiver.asked.load(Ordering::SeqCst)
    };
    let before = wait_for(6);
    // By now it waits as a whole: whenever it is asked again, it is for what is held up and for the next event.
    let asked = wait_for(9) - before;
    assert!(asked <= 5 * 5, "{asked} requests in 3 rounds, and perhaps one before and one behind");
    let waiting = letters(&service, &webhook);
    assert_eq!(waiting.iter().map(|letter| letter["number"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!((view()["cursor"].as_u64(), view()["next_at"].is_string()), (Some(5), true));
    receiver.answer_with(204);
    let came = firsts(&receiver, cases.len());
    assert_eq!(came.len(), cases.len());
    let end = Instant::now() + PATIENCE;
    while view()["attempts"] != 0 || !view()["failing_since"].is_null() {
        assert!(Instant::now() < end, "{}", view());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn each_event_is_tried_for_the_whole_time_after_an_earlier_one_was_given_up() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let mut config = Config::default();
    config.cases.webhook_give_up_s = 1;
    let service = service_with(store, config);
    let receiver = Receiver::start("127.0.0.1:0", Arc::default());
    let webhook = add(&service, &receiver, &json!({}))["id"].as_str().unwrap().to_owned();
    receiver.answer_with(503);
    for column in 0..2 {
        let begun = Instant::now();
        report(&service, column);
        while letters(&service, &webhook).iter().filter(|letter| letter["state"] == "dead").count() <= column {
            assert!(begun.elapsed() < PATIENCE, "the letter never died");
            std::thread::sleep(Duration::from_millis(20));
        }
        let lived = begun.elapsed();
        assert!(lived >= Duration::from_millis(900), "event {column} was given up after {lived:?}");
    }
    // Of a webhook that has ended nothing is tried again, and nothing is said to be.
    report(&service, 2);
    let begun = Instant::now();
    while letters(&service, &webhook).len() < 3 {
        assert!(begun.elapsed() < PATIENCE, "it never failed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = service.request("DELETE", &format!("/v1/webhooks/{webhook}")).bearer_auth(ADMIN).send().unwrap();
    assert_eq!(ended.status(), 204);
    assert!(letters(&service, &webhook).iter().all(|letter| letter["state"] == "dead"));
}

#[test]
fn a_receiver_that_fails_at_random_gets_each_case_whole_and_in_order_over_a_restart_too() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let random = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    // Every second request fails, which they do in runs too (xorshift, Marsaglia 2003).
    let takes = move |_: &Message| {
        let next = |mut x: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^ (x << 17)
        };
        let seen = random.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |x| Some(next(x))).unwrap();
        (seen >> 40) & 1 == 0
    };
    let receiver = Receiver::start_choosing("127.0.0.1:0", Arc::default(), takes);
    let (mut cases, mut written) = (Vec::new(), 0);
    let write = |service: &Service, cases: &mut Vec<String>, written: &mut usize| {
        for column in 0..10 {
            cases.push(report(service, column));
            cases.iter().rev().take(6).for_each(|id| note(service, id));
            *written += 1 + cases.len().min(6);
        }
    };
    let service = service_on(Arc::clone(&store));
    add(&service, &receiver, &json!({}));
    write(&service, &mut cases, &mut written);
    // It is stopped while it sends; the next takes over when nobody says any more that this one does.
    drop(service);
    let service = service_on(Arc::clone(&store));
    write(&service, &mut cases, &mut written);
    let came = firsts(&receiver, written);
    assert_eq!(came.len(), cases.len());
    for (case, numbers) in &came {
        assert!(numbers.is_sorted(), "{case} came as {numbers:?}");
    }
    assert_eq!(came.values().map(Vec::len).sum::<usize>(), written);
    assert!(receiver.asked.load(Ordering::SeqCst) > written * 3 / 2, "hardly any failed");
}

#[test]
fn a_webhook_that_cannot_be_is_refused() {
    let service = service();
    for body in [
        json!({ "url": "ftp://example.org" }),
        json!({ "url": "http://user:word@example.org/" }),
        json!({ "url": "http://example.org/", "secret": "short" }),
        json!({ "url": "http://example.org/", "effects": ["explode"] }),
        json!({ "url": "http://example.org/", "scope": ["not a code"] }),
        json!({}),
    ] {
        let response = send(service.request("POST", "/v1/webhooks"), ADMIN, &body);
        assert_eq!(response.status(), 400, "{body}");
    }
    let unknown = json!({ "url": "http://example.org/", "scope": [code_of(0, 0), "999"] });
    let told: Value = send(service.request("POST", "/v1/webhooks"), ADMIN, &unknown).json().unwrap();
    let detail = told["errors"][0]["detail"].as_str().unwrap();
    assert!(told["errors"][0]["parameter"] == "scope" && detail.starts_with("no unit has the code 999; the nearest are 431102"), "{told}");
    assert_eq!(send(service.request("POST", "/v1/webhooks"), DISPATCHER, &body_at(0, 0)).status(), 403);
}
