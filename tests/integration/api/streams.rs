//! Bodies of many records: what is asked decides how they are answered but not what, and nobody is harmed by those who do not read.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use gridkeeper::config::Config;
use serde_json::{Value, json};

use super::service::{COLUMNS, ROWS, Service, WEST, code_of, middle_of};
use crate::support::PATIENCE;

const QUICK: &str = "/v1/locate?fields=grid_code,status";

/// Records of many kinds, of which the plain ones may be answered many at once.
fn records() -> Vec<String> {
    let mut records = Vec::new();
    for number in 0..COLUMNS * ROWS {
        let (lon, lat) = middle_of(number % COLUMNS, number / COLUMNS);
        records.push(format!("\"id\":{number},\"lon\":{lon},\"lat\":{lat}"));
        records.push(match number % 8 {
            0 => format!("\"lon\":\"{lon}\",\"lat\":{lat}"),
            1 => format!("\"lat\":{lat},\"note\":\"]}}\",\"lon\":{lon}"),
            2 => format!("\"lon\":{lon},\"lat\":{lat},\"note\":[1,{{\"lat\":0}}]"),
            3 => format!("\"lon\":{lon},\"lat\":91"),
            4 => format!("\"lon\":{},\"lat\":{lat}", WEST - 0.5),
            5 => format!("\"lon\":{lon},\"lat\":{lat},\"note\":\"{}\"", "长".repeat(30_000)),
            6 => format!("\"lon\":{lon},\"lat\":{lat},\"lat\":null"),
            _ => format!("\"lon\":{lon},\"lat\":{lat},\"level\":\"street\""),
        });
    }
    records
}

#[test]
fn what_is_answered_many_at_once_is_answered_as_one_by_one() {
    let service = Service::start();
    // A member of its own makes a record one that is looked at alone, whatever it says.
    let alone: Vec<String> = records().iter().map(|members| format!("{{{members},\"category\":null}}")).collect();
    let together: Vec<String> = records().iter().map(|members| format!("{{ {members} }}")).collect();
    for (media, between) in [("application/json", ","), ("application/x-ndjson", "\n")] {
        let (open, close) = if between == "," { ("[", "]") } else { ("", "\n") };
        let ask = |records: &[String]| {
            let body = format!("{open}{}{close}", records.join(between));
            service.post(QUICK, media, body).text().unwrap()
        };
        let answer = ask(&together);
        assert_eq!(answer, ask(&alone), "{media}");
        let first = format!("{{\"status\":\"inside\",\"grid_code\":\"{}\"}}", code_of(0, 0));
        assert!(answer.trim_start_matches("[\n").starts_with(&first), "{media}: {}", &answer[..100]);
        assert_eq!(answer.matches("\"outside\",\"grid_code\":null").count(), COLUMNS * ROWS / 8, "{media}");
        assert!(answer.contains("longer than the service takes") && answer.contains("latitude 91"), "{media}");
    }
}

#[test]
fn rows_that_are_answered_many_at_once_are_answered_as_one_by_one() {
    let service = Service::start();
    let rows: Vec<String> = (0..COLUMNS * ROWS)
        .map(|number| {
            let (lon, lat) = middle_of(number % COLUMNS, number / COLUMNS);
            match number % 8 {
                0 => format!("\"{number}\",{lon},{lat}"),
                1 => format!("a \"b\",{lon},{lat}\r"),
                2 => format!("零,{lon},{lat},more"),
                3 => format!("{number},x,{lat}"),
                4 => format!("{number},{},{lat}", WEST - 0.5),
                5 => String::new(),
                6 => format!("\"two\nlines\", {lon} ,{lat}"),
                _ => format!("零陵,{lon},{lat}\r"),
            }
        })
        .collect();
    let ask = |fields: &str| {
        let body = format!("id,lon,lat\n{}\n", rows.join("\n"));
        service.post(&format!("/v1/locate?fields={fields}"), "text/csv", body).text().unwrap()
    };
    // With a column that is another's for every record, none is answered together with others.
    let alone = ask("layer,grid_code,status");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(alone.as_bytes());
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in reader.records() {
        let row = row.unwrap();
        writer.write_record(row.iter().enumerate().filter(|(column, _)| *column != 3).map(|(_, cell)| cell)).unwrap();
    }
    let together = ask("grid_code,status");
    assert_eq!(together, String::from_utf8(writer.into_inner().unwrap()).unwrap());
    assert_eq!(together.lines().filter(|row| row.ends_with(",,outside,")).count(), COLUMNS * ROWS / 8);
    let (lon, lat) = middle_of(7, 0);
    assert!(together.contains(&format!("\n零陵,{lon},{lat},{},inside,\n", code_of(7, 0))), "{together}");
}

/// Begins a request whose body is far longer than what is ever sent of it.
fn begin(service: &Service, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(service.address).unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000000000\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

fn lines(count: usize) -> String {
    (0..count).fold(String::new(), |mut lines, number| {
        let (lon, lat) = middle_of(number % COLUMNS, (number / COLUMNS) % ROWS);
        writeln!(lines, "{{\"lon\":{lon},\"lat\":{lat}}}").unwrap();
        lines
    })
}

/// Sends until nothing more is taken, and returns how many bytes that were.
fn send_until_stuck(socket: &mut TcpStream, most: usize) -> usize {
    socket.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let lines = lines(2_000);
    let mut sent = 0;
    while sent < most {
        match socket.write(&lines.as_bytes()[sent % lines.len()..]) {
            Ok(count) => sent += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => panic!("{error}"),
        }
    }
    sent
}

/// Twice as many as the service of a test has threads: were each held up by one who does not read, nobody else would be answered.
const STUCK: usize = 4;

/// What two sockets of the loopback hold at most, with what the service may hold, bytes. A body is a thousand times as long.
const HELD_MAX: usize = 64 << 20;

#[test]
fn those_who_do_not_read_hold_little_and_delay_nobody() {
    let service = Service::start();
    let paths = [QUICK, "/v1/locate"].into_iter().cycle().take(STUCK);
    let mut stuck: Vec<TcpStream> = paths.map(|path| begin(&service, path)).collect();
    for socket in &mut stuck {
        let sent = send_until_stuck(socket, HELD_MAX);
        assert!(sent < HELD_MAX, "the service read {sent} bytes although nobody took its answers");
    }
    let (lon, lat) = middle_of(3, 3);
    assert_eq!(service.json(&format!("/v1/locate?lon={lon}&lat={lat}"))["grid"]["code"], code_of(3, 3));
    let answer: Value = service.post(QUICK, "application/json", json!([{ "lon": lon, "lat": lat }]).to_string()).json().unwrap();
    assert_eq!(answer[0]["grid_code"], code_of(3, 3));
}

#[test]
fn a_cut_connection_makes_room_for_another() {
    let mut config = Config::default();
    config.http.concurrent_requests_max = 2;
    let service = Service::start_with(config);
    let (lon, lat) = middle_of(0, 0);
    let status = || service.get(&format!("/v1/locate?lon={lon}&lat={lat}")).send().unwrap().status().as_u16();
    let wait_for = |expected: u16| {
        let end = Instant::now() + PATIENCE;
        while status() != expected {
            assert!(Instant::now() < end, "never {expected}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    // One free place is not yet two: the service itself says how many requests it works on.
    let wait_until_idle = || {
        let end = Instant::now() + PATIENCE;
        while !service.get("/metrics").send().unwrap().text().unwrap().contains("gridkeeper_http_requests_in_flight 0") {
            assert!(Instant::now() < end, "a place stays taken");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    for _ in 0..2 {
        // One is cut while its body is awaited, the other while its answer is not read.
        let (mut in_body, mut in_answer) = (begin(&service, QUICK), begin(&service, QUICK));
        in_body.write_all(lines(1).as_bytes()).unwrap();
        let mut first = [0; 12];
        in_body.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        send_until_stuck(&mut in_answer, HELD_MAX);
        wait_for(503);
        in_body.shutdown(Shutdown::Both).unwrap();
        drop((in_body, in_answer));
        wait_until_idle();
    }
}
