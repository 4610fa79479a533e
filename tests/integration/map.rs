//! Tiles, their description, the style and the console's files over HTTP.

use fast_mvt::MvtReaderRef;
use serde_json::Value;

use crate::api::service::Service;

/// The tile in the middle of what the service holds.
fn middle_tile(service: &Service, z: u32) -> String {
    let center = service.json("/tiles/boundaries")["center"].clone();
    let (lon, lat) = (center[0].as_f64().unwrap(), center[1].as_f64().unwrap());
    let world = gridkeeper::tile::to_world(geo_types::Coord { x: lon, y: lat });
    let at = |part: f64| (part * f64::from(1_u32 << z)).floor();
    format!("/tiles/boundaries/{z}/{}/{}", at(world.x), at(world.y))
}

#[test]
fn the_tileset_says_what_its_tiles_hold_and_where_they_are() {
    let service = Service::start();
    let tilejson = service.json("/tiles/boundaries");
    assert_eq!(tilejson["tilejson"], "3.0.0");
    let template = tilejson["tiles"][0].as_str().unwrap();
    assert!(template.starts_with("http://") && template.ends_with("/tiles/boundaries/{z}/{x}/{y}"), "{template}");
    let layers = tilejson["vector_layers"].as_array().unwrap();
    for layer in layers {
        assert!(layer["fields"].is_object() && layer["minzoom"].is_u64() && layer["maxzoom"].is_u64(), "{layer}");
    }
    let bounds: Vec<f64> = tilejson["bounds"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(bounds[0] < bounds[2] && bounds[1] < bounds[3], "{bounds:?}");

    let bytes = service.get(&middle_tile(&service, 14)).send().unwrap().bytes().unwrap();
    let tile = MvtReaderRef::new(&bytes).unwrap();
    assert!(tile.layer_count() > 0);
    for layer in tile.layers() {
        assert!(layers.iter().any(|listed| listed["id"] == layer.name()), "{} is not listed", layer.name());
    }
}

#[test]
fn a_tile_carries_a_strong_tag_of_its_own_bytes() {
    let service = Service::start();
    let path = middle_tile(&service, 14);
    let plain = service.get(&path).send().unwrap();
    assert_eq!(plain.headers()["content-type"], "application/vnd.mapbox-vector-tile");
    assert_eq!(plain.headers()["access-control-allow-origin"], "*");
    assert!(plain.headers().contains_key("cache-control"));
    let tag = plain.headers()["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"'), "{tag} is not strong");
    let zipped = service.get(&path).header("accept-encoding", "gzip").send().unwrap();
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    assert_ne!(zipped.headers()["etag"].to_str().unwrap(), tag);
    let again = service.get(&path).header("if-none-match", &tag).send().unwrap();
    assert_eq!(again.status(), 304);
    assert_ne!(service.get(&format!("{path}?shift=gcj02")).send().unwrap().headers()["etag"].to_str().unwrap(), tag);
}

#[test]
fn an_empty_tile_is_204_and_one_outside_the_world_404() {
    let service = Service::start();
    assert_eq!(service.get("/tiles/boundaries/10/0/0").send().unwrap().status(), 204);
    for path in ["3/8/0", "3/0/8", "3/-1/0", "17/0/0", "99/0/0", "a/0/0", "3/0/b", "3/0/0.5"] {
        assert_eq!(service.get(&format!("/tiles/boundaries/{path}")).send().unwrap().status(), 404, "{path}");
    }
    assert_eq!(service.get("/tiles/others").send().unwrap().status(), 404);
    assert_eq!(service.get("/tiles/boundaries?shift=mars").send().unwrap().status(), 400);
}

#[test]
fn the_style_draws_only_layers_that_the_tiles_have() {
    let service = Service::start();
    let style = service.json("/styles/boundaries");
    assert_eq!(style["version"], 8);
    let listed = service.json("/tiles/boundaries");
    let listed: Vec<&Value> = listed["vector_layers"].as_array().unwrap().iter().map(|layer| &layer["id"]).collect();
    let mut drawn = 0;
    for layer in style["layers"].as_array().unwrap().iter().filter(|layer| layer["source-layer"].is_string()) {
        assert!(listed.contains(&&layer["source-layer"]), "{layer}");
        drawn += 1;
    }
    assert!(drawn > 0);
}

#[test]
fn the_console_and_all_it_names_come_from_here() {
    let service = Service::start();
    let response = service.get("/app/").send().unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';") && !policy.contains("http"), "{policy}");
    let page = response.text().unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
    let files: Vec<&str> = page.split('"').filter(|part| part.starts_with("./assets/")).collect();
    assert!(files.len() >= 2, "{page}");
    for file in files {
        let response = service.get(&format!("/app/{}", file.trim_start_matches("./"))).send().unwrap();
        assert_eq!(response.status(), 200, "{file}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/"), "{file}");
        // The name has a hash of what is in it.
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable", "{file}");
    }
    assert_eq!(service.get("/app/").send().unwrap().headers()["cache-control"], "no-cache");
    assert_eq!(service.get("/app/assets/none.js").send().unwrap().status(), 404);
    assert_eq!(service.get("/app/basemap.pmtiles").send().unwrap().status(), 404);
    let settings = service.json("/app/config.json");
    assert!(settings["basemap"].is_null());
    assert!(settings["layers"][0]["collections"].as_array().unwrap().len() > 1);
}
