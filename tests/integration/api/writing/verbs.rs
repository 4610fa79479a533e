//! What holds of a write whatever is written: preconditions, roles, methods, tags; and a client that does it all.

use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use super::{ADMIN, Desk, feature, item, read, rectangle, tag};
use crate::api::service::{DISPATCHER, PLANNER, SCOPED, code_of};
use crate::support::python_with;

#[test]
fn every_verb_keeps_its_preconditions_and_its_roles() {
    let desk = Desk::new();
    let body = feature(&rectangle(0.0, 0.0, 1.0, 1.0), &json!({ "code": code_of(0, 0), "name": "x" }));
    let patch = json!({ "properties": { "name": "x" } });
    for (method, body) in [("PUT", &body), ("PATCH", &patch), ("DELETE", &Value::Null)] {
        let path = item(&code_of(0, 0));
        for (key, status) in [("", 401), (SCOPED, 403), (DISPATCHER, 403)] {
            assert_eq!(desk.send(method, &path, key, &[("if-match", "*")], body).status(), status, "{method} {key}");
        }
        assert_eq!(desk.ask(method, &path, &[], body).0, 428, "{method}");
        assert_eq!(desk.ask(method, &path, &[("if-match", "\"2-9\"")], body).0, 412, "{method}");
        assert_eq!(desk.ask(method, &path, &[("if-match", "W/\"2-1\"")], body).0, 412, "{method}");
        assert_eq!(desk.ask(method, &item("431102001001999"), &[("if-match", "*")], body).0, 412, "{method}");
        let unknown = path.replace("draft=2", "draft=9");
        assert_eq!(desk.ask(method, &unknown, &[("if-match", "*")], body).1["errors"][0]["parameter"], "draft", "{method}");
        // What is published is not written to, and the answer says where to begin.
        let response = desk.send(method, &path.replace("?draft=2", ""), PLANNER, &[("if-match", "*")], body);
        assert!(response.headers()["link"].to_str().unwrap().contains("/v1/drafts>; rel=\"create-form\""), "{:?}", response.headers());
        let (status, refused) = read(response);
        assert_eq!((status, &refused["type"]), (409, &json!("urn:gridkeeper:problem:read-only")), "{method} {refused}");
        assert!(refused["links"][0]["href"].as_str().unwrap().ends_with("/v1/drafts"));
        assert_eq!(desk.send(method, &path.replace("?draft=2", ""), SCOPED, &[("if-match", "*")], body).status(), 403, "{method}");
    }
    let post =
        |path: &str, key: &str, headers: &[(&str, &str)], body: &Value| desk.send("POST", path, key, headers, body).status().as_u16();
    let new = feature(&rectangle(9.2, 5.2, 0.5, 0.5), &json!({}));
    for (path, key, status) in [
        ("/collections/grid/items?draft=2", "", 401),
        ("/collections/grid/items?draft=2", DISPATCHER, 403),
        ("/collections/grid/items", PLANNER, 409),
        ("/collections/nothing/items", PLANNER, 404),
        ("/collections/nothing/items?draft=2", PLANNER, 404),
        ("/collections/responsibilities/items", PLANNER, 405),
        ("/collections/grid/items?draft=2", ADMIN, 201),
    ] {
        assert_eq!(post(path, key, &[], &new), status, "{path} {key}");
    }
    assert_eq!(post("/collections/grid/items?draft=2", PLANNER, &[("if-match", "\"2-1\"")], &new), 412);
    let typed = desk.service.request("POST", "/collections/grid/items?draft=2").bearer_auth(PLANNER);
    assert_eq!(typed.header("content-type", "text/csv").body("a").send().unwrap().status(), 415);
    for bad in [json!([]), json!({ "type": "FeatureCollection", "features": [] }), json!({ "type": "Feature", "properties": {} })] {
        assert_eq!(post("/collections/grid/items?draft=2", PLANNER, &[], &bad), 400, "{bad}");
    }
}

#[test]
fn options_and_405_tell_what_each_resource_takes() {
    let desk = Desk::new();
    for (path, allow) in [
        ("/collections/grid/items", "GET,HEAD"),
        ("/collections/grid/items?draft=2", "GET,HEAD,POST"),
        ("/collections/grid/items/x", "GET,HEAD"),
        ("/collections/grid/items/x?draft=2", "GET,HEAD,PUT,PATCH,DELETE"),
        ("/collections/incidents/items", "GET,HEAD,POST"),
        ("/collections/incidents/items/x", "GET,HEAD,PUT,PATCH,DELETE"),
        ("/collections/responsibilities/items", "GET,HEAD"),
    ] {
        let response = desk.service.request("OPTIONS", path).send().unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
            (204, format!("{allow},OPTIONS").as_str()),
            "{path}"
        );
        let preflight = desk.service.request("OPTIONS", path).header("access-control-request-method", "GET").send().unwrap();
        assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("Content-Crs"));
        let refused = desk.service.request("TRACE", path).bearer_auth(PLANNER).send().unwrap();
        assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, allow), "{path}");
    }
    let declared = desk.get("/conformance").1["conformsTo"].as_array().unwrap().clone();
    for class in ["create-replace-delete", "update", "optimistic-locking-etags", "features"] {
        assert!(declared.contains(&json!(format!("http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/{class}"))), "{class}");
    }
}

#[test]
fn a_reader_of_tags_gets_304_and_a_writer_uses_the_same_tag() {
    let desk = Desk::new();
    let path = item(&code_of(7, 7));
    let zipped = |request: RequestBuilder| request.bearer_auth(PLANNER).header("accept-encoding", "gzip").send().unwrap();
    let first = zipped(desk.service.get(&path));
    let seen = tag(&first);
    let known = zipped(desk.service.get(&path).header("if-none-match", &seen));
    assert_eq!((known.status().as_u16(), tag(&known)), (304, seen.clone()));
    let patch = json!({ "properties": { "name": "seen" } });
    assert_eq!(desk.ask("PATCH", &path, &[("if-match", &seen)], &patch).0, 200);
    assert_eq!(zipped(desk.service.get(&path).header("if-none-match", &seen)).status(), 200);
}

#[test]
fn a_file_that_is_known_is_not_made_again() {
    let desk = Desk::new();
    for form in ["csv", "fgb", "gpkg", "parquet"] {
        let ask = |method: &str, path: &str, tag: &str| {
            let request = desk.service.request(method, path).bearer_auth(PLANNER);
            if tag.is_empty() { request.send().unwrap() } else { request.header("if-none-match", tag).send().unwrap() }
        };
        let path = format!("/collections/grid/items?draft=2&f={form}");
        let seen = tag(&ask("GET", &path, ""));
        assert!(seen.starts_with("W/\""), "{form} {seen}");
        let known = ask("GET", &path, &seen);
        let (kept, vary) = (&known.headers()["cache-control"], &known.headers()["vary"]);
        assert_eq!((kept.to_str().unwrap(), vary.to_str().unwrap()), ("private, no-cache", "Accept, Accept-Encoding, Authorization"));
        assert_eq!((known.status().as_u16(), tag(&known), known.bytes().unwrap().len()), (304, seen.clone(), 0), "{form}");
        let head = ask("HEAD", &path, "");
        assert_eq!((head.status().as_u16(), tag(&head)), (200, seen.clone()), "{form}");
        assert_eq!(ask("GET", &format!("{path}&limit=7"), &seen).status(), 200, "{form}");
        assert_eq!(ask("GET", &format!("/collections/grid/items?f={form}"), &seen).status(), 200, "{form}");
        let patch = json!({ "properties": { "name": format!("name by {form}") } });
        assert_eq!(desk.ask("PATCH", &item(&code_of(0, 0)), &[("if-match", "*")], &patch).0, 200);
        let after = ask("GET", &path, &seen);
        assert_eq!(after.status(), 200, "{form}");
        assert_ne!(tag(&after), seen, "{form}");
    }
}

#[test]
fn documents_go_out_in_the_coding_that_is_liked_best_and_each_has_its_tag() {
    let desk = Desk::new();
    let path = "/collections/grid/items?limit=100";
    let plain = desk.service.get(path).send().unwrap();
    let (plain_tag, plain) = (tag(&plain), plain.bytes().unwrap());
    let mut tags = vec![plain_tag];
    for (accept, coding) in [("gzip", "gzip"), ("br", "br"), ("zstd, br, gzip", "zstd"), ("zstd;q=0.5, br, gzip;q=0.1", "br")] {
        let packed = desk.service.get(path).header("accept-encoding", accept).send().unwrap();
        assert_eq!(packed.headers()["content-encoding"], coding, "{accept}");
        let seen = tag(&packed);
        let known = desk.service.get(path).header("accept-encoding", accept).header("if-none-match", &seen).send().unwrap();
        assert_eq!(known.status(), 304, "{accept}");
        let bytes = packed.bytes().unwrap();
        let read = match coding {
            "zstd" => zstd::bulk::decompress(&bytes, plain.len()).unwrap(),
            "br" => {
                let mut out = Vec::new();
                brotli::BrotliDecompress(&mut &bytes[..], &mut out).unwrap();
                out
            }
            _ => {
                let mut out = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut out).unwrap();
                out
            }
        };
        assert!(read == plain, "{accept}");
        tags.push(seen);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[test]
fn owslib_writes_units_of_a_draft_and_reports_incidents() {
    let Some(python) = python_with("owslib") else { return };
    let desk = Desk::new();
    let script = format!("{}/tests/owslib_writing.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = std::process::Command::new(python);
    command.args([script, desk.service.url(""), PLANNER.into(), code_of(6, 6), "2".into()]);
    let output = command.env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
