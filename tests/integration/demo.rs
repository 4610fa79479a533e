//! The demo makes a district once, serves it, and leaves alone what is not its own.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;

use crate::support::{PATIENCE, Running, gridkeeper};

/// A demo that has said where its map is and what its key is.
struct Demo {
    running: Running,
    map: String,
    key: String,
    /// The page of the keeper who has several cases.
    work: String,
}

impl Demo {
    fn start(dir: &Path, more: &[&str]) -> Self {
        let mut child = demo(dir).args(more).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let running = Running(child);
        let (tell, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut seen = Vec::new();
        let mut wait_for = |word: &str| loop {
            let line: String = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the demo never said its {word}, but {seen:?}"));
            match line.strip_prefix(word).and_then(|rest| rest.split_whitespace().next()) {
                Some(value) => return value.to_owned(),
                None => seen.push(line),
            }
        };
        Self { running, map: wait_for("map "), key: wait_for("key "), work: wait_for("work ") }
    }

    /// Looks a position up, as the public or with a key.
    fn locate(&self, position: &[String; 2], key: Option<&str>) -> (StatusCode, Value) {
        let [lon, lat] = position;
        let base = self.map.split("/app/").next().unwrap();
        let request = client().get(format!("{base}/v1/locate?lon={lon}&lat={lat}"));
        let response = key.iter().fold(request, RequestBuilder::bearer_auth).send().unwrap();
        (response.status(), response.json().unwrap())
    }

    /// Reports a case with the demo's key.
    fn report(&self, [lon, lat]: &[String; 2]) -> StatusCode {
        let base = self.map.split("/app/").next().unwrap();
        let body = format!(r#"{{"lon":{lon},"lat":{lat}}}"#);
        let request = client().post(format!("{base}/v1/incidents")).header("content-type", "application/json").bearer_auth(&self.key);
        request.body(body).send().unwrap().status()
    }

    fn get(&self, path: &str, key: &str) -> Value {
        let base = self.map.split("/app/").next().unwrap();
        let response = client().get(format!("{base}{path}")).bearer_auth(key).send().unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().unwrap()
    }

    /// The cases that live, each as it is now; what was imported as a mere record has no state.
    fn live_cases(&self) -> Vec<Value> {
        let all = self.get("/v1/incidents?limit=1000", &self.key)["incidents"].as_array().unwrap().clone();
        let live = all.into_iter().filter(|case| !case["state"].is_null());
        live.map(|case| self.get(&format!("/v1/incidents/{}", case["id"].as_str().unwrap()), &self.key)).collect()
    }

    fn stop(mut self) {
        self.running.signal("TERM");
        assert_eq!(self.running.wait(), 0);
    }
}

fn demo(dir: &Path) -> Command {
    let mut command = gridkeeper();
    command.args(["demo", "--grids", "100", "--incidents", "50", "--listen", "127.0.0.1:0", "--dir"]).arg(dir);
    command
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// The rows of a table that the demo has made, the heading left out.
fn rows_of(dir: &Path, name: &str) -> Vec<csv::StringRecord> {
    csv::Reader::from_path(dir.join("sample").join(name)).unwrap().records().map(Result::unwrap).collect()
}

fn positions(dir: &Path) -> Vec<[String; 2]> {
    rows_of(dir, "incidents.csv").iter().map(|row| [row[1].to_owned(), row[2].to_owned()]).collect()
}

#[test]
fn a_demo_serves_its_map_shows_keepers_to_its_key_alone_and_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let first = Demo::start(&dir, &[]);
    assert!(first.map.ends_with(&format!("/app/#key={}", first.key)), "{}", first.map);
    assert_eq!(client().get(&first.map).send().unwrap().status(), StatusCode::OK);
    assert_key_shows_keepers(&first, &dir);
    assert_desks_have_work(&first);
    let (key, cases) = (first.key.clone(), ids_of(&first.live_cases()));
    first.stop();

    let made = std::fs::read(dir.join("demo.json")).unwrap();
    let second = Demo::start(&dir, &[]);
    assert_eq!(second.key, key, "a second run serves what the first has made");
    assert_eq!(ids_of(&second.live_cases()), cases, "and adds no case to it");
    second.stop();
    assert_eq!(std::fs::read(dir.join("demo.json")).unwrap(), made);

    let fresh = Demo::start(&dir, &["--fresh"]);
    assert_ne!(fresh.key, key);
    let place = &positions(&dir)[0];
    assert_eq!(fresh.locate(place, Some(&key)).0, StatusCode::UNAUTHORIZED, "the old store is gone, and its key with it");
    assert_eq!(fresh.locate(place, Some(&fresh.key)).0, StatusCode::OK);
    assert_eq!(fresh.report(place), StatusCode::CREATED, "the demo takes cases in");
    fresh.stop();
}

fn ids_of(cases: &[Value]) -> Vec<String> {
    cases.iter().map(|case| case["id"].as_str().unwrap().to_owned()).collect()
}

fn assert_desks_have_work(demo: &Demo) {
    let cases = demo.live_cases();
    let states: BTreeSet<&str> = cases.iter().map(|case| case["state"].as_str().unwrap()).collect();
    let all = ["closed", "handling", "pending_check", "pending_dispatch", "pending_file", "pending_handle", "verifying", "void"];
    assert_eq!(states, BTreeSet::from(all));
    let count = |is_so: &dyn Fn(&Value) -> bool| cases.iter().filter(|case| is_so(case)).count();
    let open_tasks = |case: &Value| {
        case["tasks"].as_array().unwrap().iter().filter(|task| ["waiting", "accepted"].contains(&task["state"].as_str().unwrap())).count()
    };
    assert!(count(&|case| case["overdue"] == true && case["open"] == true) >= 3, "some are late");
    assert!(count(&|case| !case["suspended_since"].is_null()) == 2, "some stand still");
    assert!(count(&|case| case["open"] == true && open_tasks(case) >= 2) >= 1, "several departments are on one");
    assert!(count(&|case| case["rating"].as_u64().is_some()) == 4, "some are rated");
    let histories = cases.iter().map(|case| demo.get(&format!("/v1/incidents/{}/history", case["id"].as_str().unwrap()), &demo.key));
    let events: Vec<Value> = histories.flat_map(|history| history["events"].as_array().unwrap().clone()).collect();
    let has = |is_so: &dyn Fn(&Value) -> bool| events.iter().any(is_so);
    let far = |a: &Value, b: &Value, axis: &str| (a["position"][axis].as_f64().unwrap() - b["position"][axis].as_f64().unwrap()).abs();
    let is_beside = |a: &Value, b: &Value| a["id"] != b["id"] && ["lon", "lat"].iter().all(|axis| far(a, b, axis) < 0.000_5);
    assert!(count(&|case| cases.iter().filter(|other| is_beside(case, other)).count() >= 2) >= 3, "one thing is reported by three");
    for effect in ["return", "rework", "escalate", "self_handle"] {
        assert!(has(&|event| event["effect"] == effect), "{effect}");
    }
    let border = demo.get("/v1/alarms?kind=border", &demo.key);
    assert!(border["border"]["count"].as_u64() >= Some(3), "{border}");
    // The keeper's page is a walk.
    let keeper = demo.work.split("key=").nth(1).unwrap();
    let place = &cases[0]["position"];
    let tasks = demo.get(&format!("/v1/me/tasks?lon={}&lat={}", place["lon"], place["lat"]), keeper);
    assert!(tasks["tasks"].as_array().unwrap().len() >= 5, "{tasks}");
    assert_ne!(demo.get("/v1/me", keeper)["notices"]["newest"], 0);
}

fn assert_key_shows_keepers(demo: &Demo, dir: &Path) {
    let mut named = 0;
    let people: Vec<[String; 3]> = rows_of(dir, "roster.csv").iter().map(|row| [1, 2, 3].map(|column| row[column].to_owned())).collect();
    for place in positions(dir) {
        let (status, public) = demo.locate(&place, None);
        assert_eq!((status, &public["status"]), (StatusCode::OK, &Value::from("inside")), "{place:?}");
        let public = public.to_string();
        let (status, known) = demo.locate(&place, Some(&demo.key));
        assert_eq!(status, StatusCode::OK);
        let known = known.to_string();
        for person in people.iter().filter(|person| known.contains(&format!("\"{}\"", person[0]))) {
            named += 1;
            assert!(person.iter().all(|secret| known.contains(secret.as_str())), "{person:?} in {known}");
            assert!(person.iter().all(|secret| !public.contains(secret.as_str())), "{person:?} in {public}");
        }
    }
    assert!(named > 0, "some place of an incident has a keeper");
}

#[test]
fn a_store_that_no_demo_made_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("gridkeeper.gpkg");
    std::fs::write(&store, "somebody's").unwrap();
    for more in [&[][..], &["--fresh"]] {
        let output = demo(dir.path()).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("gridkeeper.gpkg") && error.contains("--dir"), "{error}");
        assert_eq!(std::fs::read(&store).unwrap(), b"somebody's");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is written beside it");
}

#[test]
fn a_demo_that_was_cut_short_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("demo.json"), r#"{"seed": 1, "grids": 100, "incidents": 50, "key": null}"#).unwrap();
    std::fs::write(dir.path().join("gridkeeper.gpkg"), "half a store").unwrap();
    let demo = Demo::start(dir.path(), &[]);
    assert_eq!(client().get(&demo.map).send().unwrap().status(), StatusCode::OK);
    demo.stop();
}
