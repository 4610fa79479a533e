use gridkeeper::config::{Config, ForwardedHeader};
use serde_json::Value;

use super::service::{COLUMNS, ROWS, Service, code_of};

fn codes(page: &Value) -> Vec<String> {
    page["features"].as_array().unwrap().iter().map(|feature| feature["properties"]["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_unit_has_parents_children_and_neighbours() {
    let service = Service::start();
    let ask = |path: &str| codes(&service.json(path));
    let corner = format!("/collections/grid/items/{}", code_of(0, 0));
    assert_eq!(ask(&format!("{corner}/parents")), ["431102"]);
    assert_eq!(ask(&format!("{corner}/parents?level=district")), ["431102"]);
    assert!(ask(&format!("{corner}/children")).is_empty());
    assert_eq!(ask(&format!("{corner}/touches")), [code_of(1, 0), code_of(0, 1), code_of(1, 1)]);
    assert!(ask(&format!("{corner}/overlaps")).is_empty());
    assert_eq!(ask(&format!("{corner}/overlaps?level=district")), ["431102"]);
    let middle = format!("/collections/grid/items/{}/touches", code_of(5, 5));
    assert_eq!(ask(&middle).len(), 8);
    assert_eq!(ask(&format!("{middle}?filter=code%3E'{}'&sortby=-code&limit=2", code_of(5, 5))), [code_of(6, 6), code_of(5, 6)]);
    let district = service.json("/collections/district/items/431102/children?limit=1");
    assert_eq!((district["numberMatched"].as_u64(), codes(&district)), (Some((ROWS * COLUMNS) as u64), vec![code_of(0, 0)]));
    let next = district["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap()["href"].as_str().unwrap();
    assert_eq!(ask(next.strip_prefix(&service.url("")).unwrap()), [code_of(1, 0)]);
}

#[test]
fn what_is_no_relation_or_level_is_told() {
    let service = Service::start();
    let status = |path: &str| service.get(&format!("/collections/grid/items/{}/{path}", code_of(0, 0))).send().unwrap().status().as_u16();
    assert_eq!(status("cousins"), 404);
    for wrong in [
        "children?level=district",
        "parents?level=grid",
        "touches?level=street",
        "touches?layer=police",
        "children?layer=police",
        "touches?color=red",
    ] {
        assert_eq!(status(wrong), 400, "{wrong}");
    }
    assert_eq!(service.get("/collections/grid/items/none/touches").send().unwrap().status(), 404);
}

#[test]
fn a_page_for_people_shows_a_map_a_table_and_a_form() {
    let service = Service::start();
    let html = service.get("/collections/grid/items?f=html&limit=3").send().unwrap().text().unwrap();
    assert_eq!(html.matches("<path d=\"M").count(), 3);
    assert!(html.contains("<form method=\"get\"") && html.contains(">next</a>"), "{html}");
    assert_eq!(service.get("/api/form.js").send().unwrap().status(), 200);
}

#[test]
fn links_follow_a_trusted_proxy_and_nobody_else() {
    let landing = |config: Config| {
        let service = Service::start_with(config);
        let request = service.get("/").header("x-forwarded-proto", "https").header("x-forwarded-host", "made.up, grid.example.org");
        let landing: Value =
            request.header("forwarded", "for=192.0.2.1;proto=https;host=other.example.org").send().unwrap().json().unwrap();
        landing["links"][0]["href"].as_str().unwrap().split("/?").next().unwrap().to_owned()
    };
    let trusting = |header: ForwardedHeader| {
        let mut config = Config::default();
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.http.forwarded_header = header;
        config
    };
    assert!(landing(Config::default()).starts_with("http://127.0.0.1:"));
    assert_eq!(landing(trusting(ForwardedHeader::XForwardedFor)), "https://grid.example.org");
    assert_eq!(landing(trusting(ForwardedHeader::Forwarded)), "https://other.example.org");
}
