//! What holds for every route alike. The routes are taken from the API definition.

use gridkeeper::config::Config;
use gridkeeper::dispatch::{Role, WorkerId};
use gridkeeper::store::{KeyHash, KeyRecord};
use jiff::Timestamp;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::service::{DISPATCHER, SECRETS, Service, code_of};

/// Every documented path with its methods, its parameters filled in with things that exist.
fn routes(service: &Service) -> Vec<(String, String)> {
    let definition = service.json("/api?f=json");
    let mut routes = Vec::new();
    // Open311 says by its own standard what is taken, and how an error looks.
    for (path, item) in definition["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.starts_with("/open311/")) {
        for method in item.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), fill(path)));
        }
    }
    assert!(routes.len() > 8, "{routes:?}");
    routes
}

fn fill(path: &str) -> String {
    let first = code_of(0, 0);
    let names = [
        ("collectionId", "grid"),
        ("featureId", first.as_str()),
        ("relation", "touches"),
        ("tileset", "boundaries"),
        ("style", "boundaries"),
        ("file", "sprite.json"),
        ("z", "0"),
    ];
    let generation = [("layer", "grid"), ("number", "1"), ("from", "1"), ("to", "1")];
    let filled = names.iter().chain(&generation).fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
    let filled = filled.replace("{tileMatrixSetId}", "WebMercatorQuad");
    // Whatever is left is a number of a tile.
    let mut plain = String::new();
    let mut is_name = false;
    for character in filled.chars() {
        match character {
            '{' => {
                is_name = true;
                plain.push('0');
            }
            '}' => is_name = false,
            other if !is_name => plain.push(other),
            _ => {}
        }
    }
    plain
}

#[test]
fn an_unknown_parameter_is_400_and_named_on_every_route() {
    let service = Service::start();
    for (method, path) in routes(&service) {
        for key in [None, Some(DISPATCHER)] {
            let request = service.request(&method, &format!("{path}?Colour=red"));
            let response = key.iter().fold(request, RequestBuilder::bearer_auth).send().unwrap();
            assert_eq!(response.status(), 400, "{method} {path}");
            let problem: Value = response.json().unwrap();
            assert_eq!(problem["errors"][0]["parameter"], "Colour", "{method} {path}: {problem}");
            assert_eq!(problem["type"], "urn:gridkeeper:problem:invalid-parameter");
        }
    }
}

#[test]
fn every_documented_route_is_there_and_no_answer_shows_the_public_a_person() {
    let service = Service::start();
    // No archive is configured here; `archives` asks for one. A stream has no end; `stream` asks for it.
    for (method, path) in routes(&service).into_iter().filter(|(_, path)| !path.starts_with("/archives/") && path != "/v1/stream") {
        let response = service.request(&method, &path).send().unwrap();
        assert!(![404, 405, 500, 501].contains(&response.status().as_u16()), "{method} {path}: {}", response.status());
        let bytes = response.bytes().unwrap();
        for secret in SECRETS {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{method} {path} shows {secret}");
        }
    }
}

#[test]
fn other_methods_are_405_with_those_that_are_taken() {
    let service = Service::start();
    for (path, allow) in [
        ("/v1/locate", "GET"),
        ("/v1/locate?lon=111.6&Colour=red", "GET"),
        ("/", "GET"),
        ("/collections", "GET"),
        ("/app/?Colour=red", "GET"),
    ] {
        let response = service.request("DELETE", path).send().unwrap();
        assert_eq!(response.status(), 405, "{path}");
        assert!(response.headers()["allow"].to_str().unwrap().contains(allow));
        assert_eq!(response.json::<Value>().unwrap()["type"], "urn:gridkeeper:problem:method-not-allowed");
        let response = service.request("OPTIONS", path).send().unwrap();
        assert_eq!(response.status(), 204);
        assert!(response.headers()["allow"].to_str().unwrap().ends_with("OPTIONS"));
    }
}

#[test]
fn a_foreign_page_may_ask_and_read_the_headers() {
    let service = Service::start();
    let preflight = service.request("OPTIONS", "/v1/locate").header("origin", "https://example.org");
    let response = preflight.header("access-control-request-method", "POST").send().unwrap();
    assert_eq!(response.status(), 204);
    let methods = response.headers()["access-control-allow-methods"].to_str().unwrap();
    assert!(methods.contains("POST"), "{methods}");
    assert!(response.headers()["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    for path in ["/", "/nothing", "/healthz"] {
        let response = service.get(path).header("origin", "https://example.org").send().unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "*", "{path}");
        for exposed in ["ETag", "Link", "Location", "Content-Crs"] {
            assert!(response.headers()["access-control-expose-headers"].to_str().unwrap().contains(exposed));
        }
    }
}

#[test]
fn what_is_not_there_is_a_problem_too() {
    let service = Service::start();
    let response = service.get("/no/such/path").send().unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (404, "application/problem+json"));
    let problem: Value = response.json().unwrap();
    assert_eq!((&problem["status"], &problem["instance"]), (&json!(404), &json!("/no/such/path")));
    let response = service.get("/conformance").header("accept", "image/png").send().unwrap();
    assert_eq!(response.status(), 406);
}

/// Clients of the standard ask for XML with all they send, as OWSLib does.
#[test]
fn no_write_is_refused_for_what_its_sender_would_rather_read() {
    let service = Service::start();
    let at = Timestamp::UNIX_EPOCH;
    for (key, role, worker) in [("admin", Role::Admin, None), ("worker", Role::Worker, Some(WorkerId(SECRETS[0].into())))] {
        let hash = KeyHash(Sha256::digest(key.as_bytes()).into());
        service.store.add_key(&KeyRecord { worker, ..KeyRecord::new(hash, role, at) }, "test").unwrap();
    }
    let service = Service::start_on(service.store.clone(), Config::default(), false);
    let mut asked = 0;
    for (path, item) in service.json("/api?f=json")["paths"].as_object().unwrap() {
        let writes = item.as_object().unwrap().keys().filter(|method| *method != "get" && path != "/v1/locate");
        for method in writes {
            let address: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
            let key = if path.starts_with("/v1/me/") { "worker" } else { "admin" };
            let request = service.request(&method.to_uppercase(), &address.join("/")).bearer_auth(key).header("if-match", "*");
            let status = |request: RequestBuilder| request.send().unwrap().status().as_u16();
            let told = status(request.try_clone().unwrap().header("accept", "text/xml"));
            assert_eq!(told, status(request), "{method} {path}");
            assert!(![401, 403, 406].contains(&told), "{method} {path}: {told}");
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

#[test]
fn a_tag_differs_with_the_coding_and_spares_the_second_answer() {
    let service = Service::start();
    for path in ["/api", "/?f=html"] {
        let plain = service.get(path).send().unwrap();
        let tag = plain.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with('"'), "{tag} is not strong");
        let zipped = service.get(path).header("accept-encoding", "gzip").send().unwrap();
        assert_ne!(zipped.headers()["etag"].to_str().unwrap(), tag);
        let again = service.get(path).header("if-none-match", &tag).send().unwrap();
        assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
        assert!(again.bytes().unwrap().is_empty());
        let head = service.request("HEAD", path).send().unwrap();
        assert_eq!((head.status().as_u16(), head.headers()["etag"].to_str().unwrap()), (200, tag.as_str()));
        assert_eq!(head.headers()["content-length"], plain.headers()["content-length"]);
    }
}

#[test]
fn pages_load_nothing_from_elsewhere() {
    let service = Service::start();
    let response = service.get("/api").header("accept", "text/html").send().unwrap();
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let page = response.text().unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
    for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "start.js"] {
        assert!(page.contains(&format!("api/{asset}")));
        let response = service.get(&format!("/api/{asset}")).send().unwrap();
        assert_eq!(response.status(), 200, "{asset}");
        assert!(response.bytes().unwrap().len() > 50);
    }
}

#[test]
fn the_service_tells_how_it_is() {
    let service = Service::start();
    assert_eq!(service.json("/healthz"), json!({ "status": "up" }));
    let ready = service.json("/readyz");
    assert_eq!(ready, json!({ "status": "ready", "store": "up", "generations": [{ "layer": "grid", "generation": 1 }] }));
    service.state.set_store_up(false);
    assert_eq!(service.json("/readyz")["store"], "down");
    service.json("/v1/locate?lon=111.601&lat=26.201");
    for method in ["BREW", "BOIL"] {
        assert_eq!(service.request(method, "/v1/locate").send().unwrap().status(), 405);
    }
    let metrics = service.get("/metrics").send().unwrap().text().unwrap();
    for name in ["gridkeeper_http_requests_total", "gridkeeper_http_request_duration_seconds_bucket", "gridkeeper_lookups_total"] {
        assert!(metrics.contains(name), "{metrics}");
    }
    assert!(metrics.contains("gridkeeper_snapshot_generation{layer=\"grid\"} 1"), "{metrics}");
    assert!(metrics.contains("route=\"/v1/locate\""));
    assert!(metrics.contains("method=\"other\"") && !metrics.contains("BREW"), "nobody makes counters by making methods up: {metrics}");
    service.state.start_draining();
    assert_eq!(service.get("/readyz").send().unwrap().status(), 503);
}

#[test]
fn more_requests_than_allowed_are_shed_but_health_answers() {
    let mut config = gridkeeper::config::Config::default();
    config.http.concurrent_requests_max = 0;
    let service = Service::start_with(config);
    let response = service.get("/v1/locate?lon=1&lat=1").send().unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(service.get("/healthz").send().unwrap().status(), 200);
}
