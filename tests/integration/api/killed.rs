//! The built program, killed while reports come in and while a draft is drawn: nothing that was acknowledged is lost, and nothing doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::dispatch::Role;
use gridkeeper::store::{CaseFilter, KeyHash, KeyRecord};
use jiff::Timestamp;
use reqwest::blocking::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::process::Process;
use super::service::{DISPATCHER, PLANNER, code_of, fill, middle_of};
use super::webhooks::Receiver;
use crate::cluster::Cluster;
use crate::support::PATIENCE;

const SENDERS: usize = 6;
const ADMIN: &str = "killed-admin";

/// What one sender knows: the reports that were acknowledged, by their keys, and the one that was not.
#[derive(Debug, Default)]
struct Known {
    acknowledged: BTreeMap<String, String>,
    open: Option<String>,
}

/// Sends a report under a key until somebody answers; none where the service is away.
fn report(client: &Client, address: &str, key: &str, at: usize) -> Option<String> {
    let (lon, lat) = middle_of(at % 20, at / 20 % 10);
    let request = client.post(format!("http://{address}/v1/incidents")).bearer_auth(DISPATCHER).header("Idempotency-Key", key);
    let response = request.json(&json!({ "lon": lon, "lat": lat, "description": key })).send().ok()?;
    assert_eq!(response.status(), 201, "{key}");
    Some(response.json::<Value>().ok()?["id"].as_str().unwrap().to_owned())
}

fn check(store: &str) {
    let opened = open_store(store, OpenMode::Create).unwrap();
    fill(&*opened);
    let hash = KeyHash(Sha256::digest(ADMIN.as_bytes()).into());
    opened.add_key(&KeyRecord::new(hash, Role::Admin, Timestamp::UNIX_EPOCH), "test").unwrap();
    drop(opened);
    // It fails now and then, so that there is something to be sent again whenever the program is killed.
    let asked = AtomicUsize::new(0);
    let takes = move |_: &super::webhooks::Message| asked.fetch_add(1, Ordering::SeqCst) % 32 != 31;
    let receiver = Receiver::start_choosing("127.0.0.1:0", Arc::new(Mutex::new(Vec::new())), takes);
    let known: Vec<Mutex<Known>> = (0..SENDERS).map(|_| Mutex::default()).collect();
    let rounds = 3;
    for round in 0..rounds {
        let mut process = Process::start(store, "127.0.0.1:0");
        let client = process.wait_until_ready();
        let address = process.address().to_owned();
        if round == 0 {
            let body = json!({ "url": format!("http://{}/", receiver.address) });
            let added = client.post(format!("http://{address}/v1/webhooks")).bearer_auth(ADMIN).json(&body).send().unwrap();
            assert_eq!(added.status(), 201);
        }
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (sender, known) in known.iter().enumerate() {
                let (address, is_over) = (&address, &is_over);
                scope.spawn(move || {
                    let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
                    let mut known = known.lock().unwrap();
                    while !is_over.load(Ordering::SeqCst) {
                        // What was not answered is sent again under its key.
                        let count = known.acknowledged.len();
                        let key = known.open.take().unwrap_or_else(|| format!("{sender}-{count}"));
                        match report(&client, address, &key, sender * 31 + count) {
                            Some(id) => drop(known.acknowledged.insert(key, id)),
                            None => {
                                known.open = Some(key);
                                return;
                            }
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(1_500));
            if round + 1 < rounds {
                process.kill();
            }
            is_over.store(true, Ordering::SeqCst);
        });
        if round + 1 == rounds {
            // The last one goes on until everybody has an answer, and all that happened has been sent on.
            for known in &known {
                let mut known = known.lock().unwrap();
                if let Some(key) = known.open.take() {
                    let id = report(&client, &address, &key, 0).unwrap();
                    known.acknowledged.insert(key, id);
                }
            }
            let all: BTreeSet<String> = known.iter().flat_map(|known| known.lock().unwrap().acknowledged.clone().into_values()).collect();
            let end = Instant::now() + PATIENCE;
            while receiver.wait_for(0).iter().map(super::webhooks::Message::case).collect::<BTreeSet<_>>() != all {
                assert!(Instant::now() < end, "not all messages came");
                std::thread::sleep(Duration::from_millis(50));
            }
            process.stop();
        }
    }
    let store = open_store(store, OpenMode::ReadOnly).unwrap();
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut filter = CaseFilter { counts: false, ..CaseFilter::first(1_000) };
    loop {
        let page = store.load_case_records(&filter).unwrap();
        for record in &page.records {
            assert_eq!(record.events.len(), 1, "a case without its history, or with another's");
            let doubled = kept.insert(record.case.description.clone(), record.case.id.to_string());
            assert_eq!(doubled, None, "{} was taken in twice", record.case.description);
        }
        filter.after = page.records.last().map(|record| record.case.id);
        if !page.has_more {
            break;
        }
    }
    let mut acknowledged = BTreeMap::new();
    known.iter().for_each(|known| acknowledged.extend(known.lock().unwrap().acknowledged.clone()));
    assert!(acknowledged.len() > SENDERS, "hardly anything was sent: {}", acknowledged.len());
    assert_eq!(kept, acknowledged, "each report is there once, under the id that was told");
    let sent: BTreeSet<String> = receiver.wait_for(0).iter().map(super::webhooks::Message::case).collect();
    assert_eq!(sent, acknowledged.into_values().collect(), "each was sent on at least once");
}

/// The names that the steps of a draft have given, first to last: all of its log, which is told by pages.
fn names_in_log(client: &Client, operations: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut after = 0;
    loop {
        let page: Value = client.get(format!("{operations}?limit=1000&after={after}")).bearer_auth(PLANNER).send().unwrap().json().unwrap();
        let entries = page["entries"].as_array().unwrap();
        let steps = entries.iter().filter(|entry| entry["kind"] == "apply");
        names.extend(steps.map(|entry| entry["operations"][0]["name"].as_str().unwrap().to_owned()));
        match entries.last() {
            Some(last) if page["has_more"] == true => after = last["revision"].as_u64().unwrap(),
            _ => return names,
        }
    }
}

/// Draws on a draft until the service is killed, and then finds in it every step that was acknowledged, in its order, and at most one more
/// that nobody was told of.
fn draw(store: &str) {
    let opened = open_store(store, OpenMode::Create).unwrap();
    fill(&*opened);
    drop(opened);
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut process = Process::start(store, "127.0.0.1:0");
        let client = process.wait_until_ready();
        let url = |path: &str| format!("http://{}{path}", process.address());
        if round == 0 {
            let begun = client.post(url("/v1/drafts")).bearer_auth(PLANNER).json(&json!({ "title": "redraw" })).send().unwrap();
            assert_eq!(begun.status(), 201);
        }
        let kept = names_in_log(&client, &url("/v1/drafts/2/operations"));
        let (told, there) = (acknowledged.len(), kept.len());
        assert!(
            kept.starts_with(&acknowledged) && there <= told + 1,
            "{told} steps were acknowledged, {there} are there: {:?}",
            kept.last()
        );
        acknowledged = kept;
        // What the log says is what the draft is.
        let shown = client.get(url(&format!("/v1/drafts/2/units?level=grid&codes={}", code_of(0, 0)))).bearer_auth(PLANNER).send().unwrap();
        let shown: Value = shown.json().unwrap();
        let name = acknowledged.last().cloned().unwrap_or_else(|| "第1网格".into());
        assert_eq!(shown["features"][0]["properties"]["name"], name);
        if round == 2 {
            process.stop();
            return;
        }
        let (address, id) = (process.address().to_owned(), process.id());
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(700));
            std::process::Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
        });
        let operations = format!("http://{address}/v1/drafts/2/operations");
        for at in 0.. {
            let name = format!("{round}-{at}");
            let change = json!({ "op": "change", "level": "grid", "unit": code_of(0, 0), "name": name });
            match client.post(&operations).bearer_auth(PLANNER).header("If-Match", "*").json(&change).send() {
                Ok(response) if response.status() == 200 => acknowledged.push(name),
                Ok(response) => panic!("{}", response.text().unwrap()),
                Err(_) => break,
            }
        }
        killer.join().unwrap();
        process.kill();
        assert!(acknowledged.len() > 5, "hardly anything was drawn");
    }
}

#[test]
fn a_draft_in_a_file_is_as_of_the_last_acknowledged_step_whenever_the_program_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    draw(folder.path().join("store.gpkg").to_str().unwrap());
}

#[test]
fn a_draft_in_a_database_is_as_of_the_last_acknowledged_step_whenever_the_program_is_killed() {
    let Some(cluster) = Cluster::start_primary(&[]) else { return };
    draw(&cluster.address());
}

#[test]
fn a_file_that_is_written_while_the_program_is_killed_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    check(folder.path().join("store.gpkg").to_str().unwrap());
}

#[test]
fn a_database_that_is_written_while_the_program_is_killed_loses_and_doubles_nothing() {
    let Some(cluster) = Cluster::start_primary(&[]) else { return };
    check(&cluster.address());
}
