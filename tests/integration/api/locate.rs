use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use super::service::{COLUMNS, DISPATCHER, REVOKED, ROWS, SCOPED, SECRETS, SOUTH, Service, WEST, code_of, middle_of};

fn locate(service: &Service, lon: f64, lat: f64, more: &str) -> Value {
    service.json(&format!("/v1/locate?lon={lon}&lat={lat}{more}"))
}

#[test]
fn a_position_has_one_grid_and_the_path_above_it() {
    let service = Service::start();
    for (column, row) in [(0, 0), (7, 3), (COLUMNS - 1, ROWS - 1)] {
        let (lon, lat) = middle_of(column, row);
        let answer = locate(&service, lon, lat, "");
        assert_eq!(answer["status"], "inside");
        assert_eq!(answer["grid"]["code"], code_of(column, row));
        assert_eq!(answer["path"][0]["code"], "431102");
        assert_eq!(answer["generation"], 1);
        let item = answer["grid"]["href"].as_str().unwrap();
        assert!(item.starts_with(&service.url("/collections/grid/items/")), "{item}");
    }
    let outside = locate(&service, WEST - 0.01, SOUTH, "");
    assert_eq!((&outside["status"], &outside["grid"]), (&json!("outside"), &Value::Null));
    assert_eq!(outside["nearest"]["code"], code_of(0, 0));
}

#[test]
fn only_a_key_that_reaches_the_unit_shows_the_worker() {
    let service = Service::start();
    let ((lon, lat), (other_lon, other_lat)) = (middle_of(0, 0), middle_of(5, 5));
    let ask = |key: Option<&str>, lon: f64, lat: f64| {
        let request = service.get(&format!("/v1/locate?lon={lon}&lat={lat}"));
        let response = key.iter().fold(request, RequestBuilder::bearer_auth).send().unwrap();
        assert_eq!(response.headers()["cache-control"], "private, no-cache");
        assert!(response.headers()["vary"].to_str().unwrap().contains("Authorization"));
        (response.status().as_u16(), response.text().unwrap())
    };
    let shows = |text: &str| SECRETS.iter().filter(|secret| text.contains(**secret)).count();
    let (status, public) = ask(None, lon, lat);
    assert_eq!((status, shows(&public)), (200, 0));
    assert!(public.contains("\"post\":\"primary\""));
    assert_eq!(shows(&ask(Some(DISPATCHER), lon, lat).1), 3);
    assert_eq!(shows(&ask(Some(SCOPED), lon, lat).1), 3);
    assert_eq!(shows(&ask(Some(SCOPED), other_lon, other_lat).1), 0);
}

#[test]
fn an_unknown_or_revoked_key_is_turned_away() {
    let service = Service::start();
    for key in ["nobody", REVOKED, ""] {
        let response = service.get("/v1/locate?lon=111&lat=26").header("authorization", format!("Bearer {key}")).send().unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["www-authenticate"].to_str().unwrap()), (401, "Bearer"), "{key}");
    }
    let response = service.get("/v1/locate?lon=111&lat=26").header("authorization", "Basic eDp5").send().unwrap();
    assert_eq!(response.status(), 401);
}

#[test]
fn each_wrong_parameter_is_named() {
    let service = Service::start();
    for (query, expected) in [
        ("lat=1", vec!["lon"]),
        ("lon=x&lat=91", vec!["lon"]),
        ("lon=181&lat=91", vec!["lon"]),
        ("lon=1&lat=NaN", vec!["lat"]),
        ("lon=1&lat=1&crs=EPSG:0", vec!["crs"]),
        ("lon=1&lat=1&crs=mars", vec!["crs"]),
        ("lon=1&lat=1&at=yesterday", vec!["at"]),
        ("lon=1&lat=1&at=1999-01-01T00:00:00Z", vec!["at"]),
        ("lon=1&lat=1&layer=police", vec!["layer"]),
        ("lon=1&lat=1&layer=No%20Layer", vec!["layer"]),
        ("lon=1&lat=1&level=street2", vec!["level"]),
        ("lon=1&lat=1&accuracy_m=-1", vec!["accuracy_m"]),
        ("lon=1&lat=1&fields=grid,colour", vec!["fields"]),
        ("lon=1&lat=1&Level=grid", vec!["Level"]),
        ("lon=1&lat=1&lat=2", vec!["lat"]),
    ] {
        let response = service.get(&format!("/v1/locate?{query}")).send().unwrap();
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = response.json().unwrap();
        let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["parameter"].as_str().unwrap()).collect();
        assert_eq!(named, expected, "{query}: {problem}");
        assert_eq!(problem["instance"], "/v1/locate");
    }
}

#[test]
fn positions_are_taken_in_other_systems_and_answered_in_wgs84() {
    let service = Service::start();
    let (lon, lat) = middle_of(7, 3);
    let shifted = gridkeeper::import::wgs84_to_gcj02(geo_types::Coord { x: lon, y: lat });
    let answer = locate(&service, shifted.x, shifted.y, "&crs=GCJ02");
    assert_eq!(answer["grid"]["code"], code_of(7, 3));
    assert!((answer["position"]["lon"].as_f64().unwrap() - lon).abs() < 1e-8);
}

#[test]
fn a_caller_may_ask_for_some_members_only() {
    let service = Service::start();
    let (lon, lat) = middle_of(1, 1);
    let answer = locate(&service, lon, lat, "&fields=status,grid");
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["status", "grid"]);
    assert_eq!(locate(&service, lon, lat, "&level=district")["grid"]["code"], "431102");
}

#[test]
fn a_record_that_says_a_thing_twice_is_refused_by_its_name_and_the_others_are_answered() {
    let service = Service::start();
    let ((lon, lat), code) = (middle_of(1, 1), code_of(1, 1));
    let twice = |what: &str, name: &str| format!("{what} has the member \"{name}\" twice; leave one out");
    let whole = format!("\"lon\":{lon},\"lat\":{lat}");
    // Plain records are read in another way where only the code is asked for.
    for path in ["/v1/locate", "/v1/locate?fields=grid_code,grid,status", "/v1/locate?fields=status,grid_code"] {
        for name in ["lon", "category", "id"] {
            let lines = format!("{{{whole}}}\n{{{whole},\"{name}\":1,\"{name}\":1}}\n{{{whole}}}\n");
            let text = service.post(path, "application/x-ndjson", lines).text().unwrap();
            let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(answers[1], json!({ "status": "invalid", "error": twice("the record", name) }), "{path}");
            assert!(answers.len() == 3 && answers[0]["status"] == "inside" && answers[0] == answers[2], "{path}: {text}");
        }
    }
    let point = format!("{{\"type\":\"Point\",\"coordinates\":[{lon},{lat}]}}");
    let feature = |id: u8, geometry: &str, properties: &str| {
        format!("{{\"type\":\"Feature\",\"id\":{id},\"geometry\":{geometry},\"properties\":{properties}}}")
    };
    let features = [
        feature(1, &point, "{\"case\":\"A\"}"),
        feature(2, &point, "{\"case\":\"A\",\"case\":\"B\"}"),
        feature(3, &point.replace("}", ",\"coordinates\":[0,0]}"), "{\"case\":\"A\"}"),
        feature(4, &point, "null"),
    ];
    let body = format!("{{\"type\":\"FeatureCollection\",\"features\":[{}]}}", features.join(","));
    let answer: Value = service.post("/v1/locate?fields=grid_code,status", "application/geo+json", body).json().unwrap();
    let answered: Vec<_> = answer["features"].as_array().unwrap().iter().map(|feature| (&feature["id"], &feature["properties"])).collect();
    let invalid = |what: &str, name: &str| json!({ "status": "invalid", "error": twice(what, name) });
    assert_eq!(answered[0], (&json!(1), &json!({ "case": "A", "status": "inside", "grid_code": code })));
    assert_eq!(answered[1], (&json!(2), &invalid("the member properties", "case")));
    let mut of_geometry = invalid("the geometry", "coordinates");
    of_geometry["case"] = "A".into();
    assert_eq!(answered[2], (&json!(3), &of_geometry));
    assert_eq!(answered[3], (&json!(4), &json!({ "status": "inside", "grid_code": code })));
}

#[test]
fn every_type_of_body_is_answered_in_its_type_and_order() {
    let service = Service::start();
    let (a, b) = (middle_of(0, 0), middle_of(3, 2));
    let lines = format!("{{\"lon\":{},\"lat\":{}}}\n\nno json\n{{\"lon\":{},\"lat\":{}}}", a.0, a.1, b.0, b.1);
    let expected = [code_of(0, 0), String::new(), code_of(3, 2)];
    let codes = |answers: Vec<Value>| -> Vec<String> {
        answers.iter().map(|answer| answer["grid"]["code"].as_str().unwrap_or_default().to_owned()).collect()
    };

    let response = service.post("/v1/locate", "application/x-ndjson", lines);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[1]["status"], "invalid");
    assert_eq!(codes(answers), expected);

    let array = json!([{ "lon": a.0, "lat": a.1 }, { "lon": "east" }, { "lon": b.0.to_string(), "lat": b.1, "note": "]}" }]);
    let response = service.post("/v1/locate", "application/json; charset=utf-8", array.to_string());
    assert_eq!(response.headers()["content-type"], "application/json");
    let answers: Vec<Value> = response.json().unwrap();
    assert_eq!(answers[1]["error"], "lon: \"east\" is not a finite number; lat: is missing");
    assert_eq!(codes(answers), expected);

    let point = |at: (f64, f64)| json!({ "type": "Point", "coordinates": [at.0, at.1] });
    let features = json!({ "type": "FeatureCollection", "name": "x", "features": [
        { "type": "Feature", "id": 7, "geometry": point(a), "properties": { "case": "A-1" } },
        { "type": "Feature", "geometry": { "type": "LineString", "coordinates": [[1, 2], [3, 4]] }, "properties": null },
        { "type": "Feature", "geometry": point(b), "properties": {} },
    ] });
    let response = service.post("/v1/locate?fields=status,grid", "application/geo+json", features.to_string());
    assert_eq!(response.headers()["content-type"], "application/geo+json");
    let answer: Value = response.json().unwrap();
    let answered = answer["features"].as_array().unwrap();
    assert_eq!((&answered[0]["id"], &answered[0]["properties"]["case"], &answered[0]["geometry"]), (&json!(7), &json!("A-1"), &point(a)));
    assert_eq!(answered[1]["properties"]["status"], "invalid");
    assert_eq!(codes(answered.iter().map(|feature| feature["properties"].clone()).collect()), expected);

    let csv = format!("\u{feff}id,lon,lat\r\n\"a\"\"1\",{},{}\r\n2,x,1\r\n3,{},{},more\r\n4,{},{}\r\n", a.0, a.1, b.0, b.1, b.0, b.1);
    let response = service.post("/v1/locate", "text/csv", csv);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let text = response.text().unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[0], "id,lon,lat,grid_code,worker_id,status,distance_to_border_m,ambiguous,error");
    assert!(rows[1].starts_with(&format!("\"a\"\"1\",{},{},{},,inside,", a.0, a.1, code_of(0, 0))), "{}", rows[1]);
    assert_eq!(rows[2], "2,x,1,,,invalid,,,\"lon: \"\"x\"\" is not a finite number\"");
    assert!(rows[3].ends_with("\"the row has 4 cells, the header line 3\"") || rows[3].ends_with("the header line 3\""), "{}", rows[3]);
    assert!(rows[4].contains(&code_of(3, 2)));
}

#[test]
fn each_row_of_csv_is_answered_whatever_ends_it_and_none_is_swallowed() {
    let service = Service::start();
    let answer = |body: &str| service.post("/v1/locate?fields=grid_code,status", "text/csv", body.to_owned()).text().unwrap();
    let (lon, lat) = middle_of(3, 2);
    let code = code_of(3, 2);
    for end in ["\n", "\r\n", "\r", "\r\r\n"] {
        for quote in ["", "\""] {
            let rows: String = (0..3).map(|id| format!("{quote}{id}{quote},{lon},{lat}{end}")).collect();
            let expected: String = (0..3).map(|id| format!("{id},{lon},{lat},{code},inside,\n")).collect();
            let text = answer(&format!("id,lon,lat{end}{rows}")).replace('"', "");
            assert_eq!(text, format!("id,lon,lat,grid_code,status,error\n{expected}"), "{end:?} {quote:?}");
        }
    }
    let mixed = answer(&format!("id,lon,lat\n1,{lon},{lat}\r2,{lon},{lat}\n3,{lon},{lat}"));
    assert_eq!(mixed.lines().count(), 4, "{mixed}");
    let open = answer(&format!("id,lon,lat\n1,{lon},{lat}\n\"2,{lon},{lat}\n3,{lon},{lat}\n"));
    let rows: Vec<&str> = open.lines().collect();
    assert_eq!(rows.len(), 3, "{open}");
    assert!(rows[2].starts_with(",,,,invalid,") && rows[2].contains("quote"), "{open}");
}

#[test]
fn a_body_of_another_form_is_a_problem() {
    let service = Service::start();
    for (media, body, status) in [
        ("application/json", "{}", 400),
        ("application/json", "", 400),
        ("application/geo+json", "{\"type\":\"Feature\"}", 400),
        ("application/geo+json", "[]", 400),
        ("text/csv", "", 400),
        ("text/csv", "x,y\n1,2\n", 400),
        ("text/csv; charset=gbk", "lon,lat\n", 415),
        ("application/xml", "<a/>", 415),
    ] {
        let response = service.post("/v1/locate", media, body);
        assert_eq!(response.status(), status, "{media} {body}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    // What is torn after it began is told inside the answer, which still can be read.
    let answers: Vec<Value> = service.post("/v1/locate", "application/json", "[{\"lon\":1,\"lat\":1}, oops").json().unwrap();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[1]["status"], "invalid");
    let long = format!("[{{\"lon\":1,\"lat\":1,\"note\":\"{}\"}},{{\"lon\":1,\"lat\":1}}]", "x".repeat(200_000));
    let answers: Vec<Value> = service.post("/v1/locate", "application/json", long).json().unwrap();
    assert_eq!((&answers[0]["status"], &answers[1]["status"]), (&json!("invalid"), &json!("outside")));
}

/// Sends far more than any buffer holds, and reads slowly: the service must neither break off nor read ahead.
#[test]
fn a_long_body_is_answered_while_it_is_sent_to_a_slow_reader() {
    const RECORDS: usize = 100_000;
    let service = Service::start();
    let mut socket = TcpStream::connect(service.address).unwrap();
    let head = "POST /v1/locate?fields=status,grid HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut sending = socket.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let note = "x".repeat(400);
        for start in (0..RECORDS).step_by(500) {
            let mut lines = String::new();
            for number in start..start + 500 {
                let (lon, lat) = middle_of(number % COLUMNS, (number / COLUMNS) % ROWS);
                writeln!(lines, "{{\"lon\":{lon},\"lat\":{lat},\"note\":\"{note}\"}}").unwrap();
            }
            write!(sending, "{:x}\r\n{lines}\r\n", lines.len()).unwrap();
        }
        sending.write_all(b"0\r\n\r\n").unwrap();
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(!sender.is_finished(), "the service read on although nobody took its answers");
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    let mut text = String::new();
    Chunked(reader).read_to_string(&mut text).unwrap();
    sender.join().unwrap();
    let mut count = 0;
    for (number, line) in text.lines().enumerate() {
        let code = code_of(number % COLUMNS, (number / COLUMNS) % ROWS);
        assert!(line.contains(&code), "record {number}: {line}");
        count += 1;
    }
    assert_eq!(count, RECORDS);
}

/// Reads a chunked body to its end.
struct Chunked<R>(R);

impl<R: BufRead> Chunked<R> {
    fn read_to_string(&mut self, text: &mut String) -> std::io::Result<()> {
        loop {
            let mut size = String::new();
            self.0.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.0.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(());
            }
            chunk.truncate(size);
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
