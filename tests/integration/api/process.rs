//! The built program as a process: how it starts, follows its store and stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::store::RosterData;
use jiff::Timestamp;
use reqwest::blocking::Client;
use serde_json::Value;

use super::service::{code_of, fill, middle_of};
use crate::support::{PATIENCE, Running, gridkeeper};

pub struct Process {
    running: Running,
    address: String,
    logs: Receiver<String>,
}

impl Process {
    pub fn start(store: &str, listen: &str) -> Self {
        Self::start_with(store, listen, &[])
    }

    pub fn start_logging(store: &str, log: &str) -> Self {
        Self::start_as(store, "127.0.0.1:0", &[], log)
    }

    pub fn start_with(store: &str, listen: &str, more: &[&str]) -> Self {
        Self::start_as(store, listen, more, "info")
    }

    fn start_as(store: &str, listen: &str, more: &[&str], log: &str) -> Self {
        let mut command = gridkeeper();
        command.args(["--store", store, "serve", "--listen", listen]).args(more).env("GRIDKEEPER_LOG", log).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (tell, logs) = channel();
        std::thread::spawn(move || errors.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut process = Self { running: Running(child), address: String::new(), logs };
        let line = process.wait_for_log("listening on http");
        let address = line.split("://").nth(1).unwrap().split(['"', ' ']).next().unwrap();
        process.address = address.to_owned();
        process
    }

    pub fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    pub fn wait_for_log(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let line = self.logs.recv_timeout(end.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("the program never logged {text:?}, but {seen:#?}"));
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
    }

    /// Returns what is still logged until the program ends.
    pub fn rest_of_logs(&self) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        std::iter::from_fn(|| self.logs.recv_timeout(end.saturating_duration_since(Instant::now())).ok()).collect()
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn id(&self) -> u32 {
        self.running.0.id()
    }

    /// Kills it, as a power cut does.
    pub fn kill(&mut self) {
        self.running.0.kill().unwrap();
        self.running.0.wait().unwrap();
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) {
        self.running.signal("TERM");
        assert_eq!(self.running.wait(), 0);
    }

    pub fn wait_until_ready(&self) -> Client {
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let end = Instant::now() + PATIENCE;
        while !client.get(format!("http://{}/readyz", self.address)).send().is_ok_and(|response| response.status() == 200) {
            assert!(Instant::now() < end, "the program never got ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        client
    }
}

fn stored(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("district.gpkg").to_str().unwrap().to_owned();
    let store = open_store(&path, OpenMode::Create).unwrap();
    fill(&*store);
    path
}

#[test]
fn a_running_request_is_finished_after_sigterm_and_the_program_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(&stored(&folder), "127.0.0.1:0");
    process.wait_until_ready();
    let mut socket = TcpStream::connect(&process.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let head =
        "POST /v1/locate?fields=grid HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let send = |socket: &mut TcpStream, column: usize| {
        let (lon, lat) = middle_of(column, 0);
        let line = format!("{{\"lon\":{lon},\"lat\":{lat}}}\n");
        write!(socket, "{:x}\r\n{line}\r\n", line.len()).unwrap();
    };
    send(&mut socket, 0);
    read_until(&mut socket, &code_of(0, 0));
    process.running.signal("TERM");
    process.wait_for_log("stopping");
    std::thread::sleep(Duration::from_millis(100));
    assert!(TcpStream::connect(&process.address).is_err(), "a draining program takes no new connection");
    send(&mut socket, 1);
    socket.write_all(b"0\r\n\r\n").unwrap();
    read_until(&mut socket, &code_of(1, 0));
    read_until(&mut socket, "0\r\n\r\n");
    assert_eq!(process.running.wait(), 0);
}

fn read_until(socket: &mut TcpStream, text: &str) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(text.as_bytes()) {
        assert_eq!(socket.read(&mut byte).unwrap(), 1, "closed after {}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
}

#[test]
fn what_another_process_writes_is_answered_soon() {
    let folder = tempfile::tempdir().unwrap();
    let path = stored(&folder);
    let mut process = Process::start(&path, "127.0.0.1:0");
    let client = process.wait_until_ready();
    let (lon, lat) = middle_of(0, 0);
    let url = format!("http://{}/v1/locate?lon={lon}&lat={lat}", process.address);
    let vacant = || client.get(&url).send().unwrap().json::<Value>().unwrap()["vacant"].clone();
    assert_eq!(vacant(), false);
    let store = open_store(&path, OpenMode::Create).unwrap();
    store.replace_roster(&RosterData::default(), None, "test", Timestamp::now()).unwrap();
    let end = Instant::now() + PATIENCE;
    while vacant() != true {
        assert!(Instant::now() < end, "the new roster never came");
        std::thread::sleep(Duration::from_millis(50));
    }
    process.running.signal("INT");
    assert_eq!(process.running.wait(), 0);
}

#[test]
fn an_address_that_others_reach_is_warned_of_and_a_missing_store_is_exit_3() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&stored(&folder), "0.0.0.0:0");
    assert!(process.wait_for_log("without encryption").contains("WARN"));
    let missing = folder.path().join("nothing.gpkg");
    let output = gridkeeper().args(["--store", missing.to_str().unwrap(), "serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}
