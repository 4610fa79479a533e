//! Vector tiles as clients of OGC API Tiles, of TileJSON and of the short path ask for them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fast_mvt::MvtReaderRef;
use geo_types::Coord;
use gridkeeper::boundary::GenerationState;
use gridkeeper::config::Config;
use gridkeeper::tile::{Matrix, to_world};
use jiff::Timestamp;
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};

use super::service::{COLUMNS, DISPATCHER, PLANNER, ROWS, SIDE, SOUTH, Service, WEST, code_of, grid, grids, middle_of, publish};
use super::town;
use crate::store::gdal;
use crate::support::PATIENCE;

const TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";
const TILING_SCHEME: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";
const MVT: &str = "application/vnd.mapbox-vector-tile";

/// Column and row of the tile in the middle of the district.
fn middle(matrix: Matrix, z: u8) -> (u32, u32) {
    let middle = Coord { x: WEST + SIDE * COLUMNS as f64 / 2.0 + SIDE / 3.0, y: SOUTH + SIDE * ROWS as f64 / 2.0 + SIDE / 3.0 };
    let world = matrix.to_world(middle) * f64::from(1_u32 << z);
    (world.x as u32, world.y as u32)
}

fn short(z: u8) -> String {
    let (x, y) = middle(Matrix::Mercator, z);
    format!("/tiles/boundaries/{z}/{x}/{y}")
}

fn link<'a>(page: &'a Value, rel: &str) -> &'a Value {
    let links = page["links"].as_array().unwrap_or_else(|| panic!("{page} has no links"));
    links.iter().find(|link| link["rel"] == rel).unwrap_or_else(|| panic!("there is no link {rel} in {page}"))
}

/// Follows an absolute link.
fn follow(service: &Service, link: &Value) -> Value {
    let path = link["href"].as_str().unwrap().strip_prefix(&service.url("")).unwrap_or_else(|| panic!("{link} leads elsewhere"));
    service.json(path)
}

fn bytes(service: &Service, path: &str) -> Vec<u8> {
    let response = service.get(path).send().unwrap();
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], MVT, "{path}");
    response.bytes().unwrap().to_vec()
}

/// The codes in each layer of a tile, and the names of its fields.
fn contents(tile: &[u8]) -> (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>) {
    let reader = MvtReaderRef::new(tile).unwrap();
    let (mut codes, mut fields): (BTreeMap<String, BTreeSet<String>>, _) = (BTreeMap::new(), BTreeSet::new());
    for layer in reader.layers() {
        let found = codes.entry(layer.name().to_owned()).or_default();
        for feature in layer.features() {
            // Border lines are of no one unit.
            assert!(feature.id().is_some() || layer.name() == "borders");
            for (key, value) in feature.properties_vec().unwrap() {
                fields.insert(key.to_owned());
                if let ("code", fast_mvt::MvtValueRef::String(code)) = (key, value) {
                    found.insert(code.to_owned());
                }
            }
        }
        let keys: Vec<_> = layer.keys().iter().filter(|key| !fields.contains(**key)).collect();
        assert!(keys.is_empty(), "keys that no feature has: {keys:?}");
    }
    (codes, fields)
}

#[test]
fn a_client_finds_tiles_by_following_links_from_the_first_page() {
    let service = Service::start();
    let landing = service.json("/");
    let lists = [
        follow(&service, link(&landing, TILESETS)),
        follow(&service, link(&service.json("/collections"), TILESETS)),
        follow(&service, link(&service.json("/collections/grid"), TILESETS)),
    ];
    assert_eq!(lists[0], lists[1]);
    for list in &lists {
        let tilesets = list["tilesets"].as_array().unwrap();
        assert_eq!(tilesets.len(), 3);
        for item in tilesets {
            assert_eq!(item["dataType"], "vector");
            let tileset = follow(&service, link(item, "self"));
            for member in ["crs", "tileMatrixSetURI", "dataType"] {
                assert_eq!(tileset[member], item[member], "{member}");
            }
            let scheme = follow(&service, link(&tileset, TILING_SCHEME));
            assert_eq!(scheme["crs"], tileset["crs"]);
            let template = link(&tileset, "item");
            assert_eq!((&template["templated"], &template["type"]), (&true.into(), &MVT.into()));
            let limits = tileset["tileMatrixSetLimits"].as_array().unwrap().last().unwrap();
            let matrices = scheme["tileMatrices"].as_array().unwrap();
            let matrix = matrices.iter().find(|matrix| matrix["id"] == limits["tileMatrix"]).unwrap();
            assert!(limits["maxTileCol"].as_u64() < matrix["matrixWidth"].as_u64());
            let href = template["href"].as_str().unwrap().replace("{tileMatrix}", limits["tileMatrix"].as_str().unwrap());
            let middle = |low: &str, high: &str| ((limits[low].as_u64().unwrap() + limits[high].as_u64().unwrap()) / 2).to_string();
            let href = href.replace("{tileRow}", &middle("minTileRow", "maxTileRow"));
            let href = href.replace("{tileCol}", &middle("minTileCol", "maxTileCol"));
            let tile = bytes(&service, href.strip_prefix(&service.url("")).unwrap());
            let listed: BTreeSet<&str> = tileset["layers"].as_array().unwrap().iter().map(|layer| layer["id"].as_str().unwrap()).collect();
            let (found, _) = contents(&tile);
            assert!(found.contains_key("grid") && found.keys().all(|layer| listed.contains(layer.as_str())), "{found:?} {listed:?}");
        }
    }
    assert_eq!(
        follow(&service, link(&landing, "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes"))["tileMatrixSets"][0]["id"],
        "WebMercatorQuad"
    );
}

#[test]
fn the_row_stands_before_the_column_and_the_bytes_are_those_of_the_short_path() {
    let service = Service::start();
    let (x, y) = middle(Matrix::Mercator, 14);
    assert_ne!(x, y);
    let tile = bytes(&service, &short(14));
    assert_eq!(bytes(&service, &format!("/tiles/WebMercatorQuad/14/{y}/{x}")), tile);
    assert_eq!(service.get(&format!("/tiles/WebMercatorQuad/14/{x}/{y}")).send().unwrap().status(), 204);
    let (column, row) = middle(Matrix::Geographic, 13);
    let geographic = bytes(&service, &format!("/tiles/WorldCRS84Quad/13/{row}/{column}"));
    assert_ne!(geographic, tile);
    assert_eq!(bytes(&service, &format!("/collections/grid/tiles/CGCS2000Quad/13/{row}/{column}?f=mvt")), {
        let choice = format!("/tiles/CGCS2000Quad/13/{row}/{column}?collections=grid");
        bytes(&service, &choice)
    });
    // Squares of 1/128 degree are 46.08 tiles of 1/64 degree a row: in degrees they stay squares.
    let areas = MvtReaderRef::new(&geographic).unwrap();
    let grids = areas.layers().find(|layer| layer.name() == "grid").unwrap();
    let whole = grids.features().filter_map(|feature| match feature.geometry().unwrap() {
        fast_mvt::MvtGeometry::Polygon(polygon) => {
            use geo::BoundingRect as _;
            polygon.bounding_rect().filter(|rect| rect.min().x > -64 && rect.max().x < 4160 && rect.min().y > -64 && rect.max().y < 4160)
        }
        _ => None,
    });
    let expected = (SIDE * 8192.0 * 4096.0 / 180.0).round() as i32;
    let mut seen = 0;
    for rect in whole {
        assert!((rect.width() - expected).abs() <= 1 && (rect.height() - expected).abs() <= 1, "{rect:?} {expected}");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn what_is_no_tile_is_404_and_says_in_which_order_it_was_read() {
    let service = Service::start();
    for path in [
        "/tiles/WebMercatorQuad/3/8/0",
        "/tiles/WebMercatorQuad/3/0/8",
        "/tiles/WebMercatorQuad/3/-1/0",
        "/tiles/WebMercatorQuad/3/+1/0",
        "/tiles/WebMercatorQuad/3/01x/0",
        "/tiles/WebMercatorQuad/17/0/0",
        "/tiles/WorldCRS84Quad/0/1/0",
        "/tiles/WorldCRS84Quad/0/0/2",
        "/tiles/WorldCRS84Quad/16/0/0",
        "/tiles/Mars/0/0/0",
        "/tiles/Mars",
        "/tiles/boundaries/0/0",
        "/tileMatrixSets/Mars",
        "/collections/none/tiles",
        "/collections/none/tiles/WebMercatorQuad/0/0/0",
        "/collections/grid/tiles/boundaries",
        "/collections/grid/tiles/WebMercatorQuad/0/1/0",
    ] {
        assert_eq!(service.get(path).send().unwrap().status(), 404, "{path}");
    }
    let problem: Value = service.get("/tiles/WebMercatorQuad/3/8/0").send().unwrap().json().unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("row 8 (given as zoom/row/column)"), "{problem}");
    // The last tile of a geographic row exists and is empty.
    let response = service.get("/tiles/WorldCRS84Quad/0/0/0").send().unwrap();
    assert_eq!(response.status(), 204);
    assert!(response.headers().contains_key("cache-control") && response.bytes().unwrap().is_empty());
}

#[test]
fn the_form_is_negotiated_on_each_page() {
    let service = Service::start();
    let status = |path: &str, accept: &str| service.get(path).header("accept", accept).send().unwrap().status().as_u16();
    let (x, y) = middle(Matrix::Mercator, 14);
    let tile = format!("/tiles/WebMercatorQuad/14/{y}/{x}");
    for (path, accept, expected) in [
        ("/tiles", "text/html", 200),
        ("/tiles", "image/png", 406),
        ("/tiles/WebMercatorQuad?f=html", "*/*", 200),
        ("/tiles/WebMercatorQuad?f=tilejson", "*/*", 200),
        ("/tiles/WorldCRS84Quad?f=tilejson", "*/*", 400),
        ("/tiles/WebMercatorQuad?f=xml", "*/*", 400),
        ("/tileMatrixSets?f=html", "*/*", 200),
        (&tile, MVT, 200),
        (&tile, "image/png", 406),
        (&format!("{tile}?f=png"), "*/*", 400),
        (&format!("{tile}?Fields=code"), "*/*", 400),
    ] {
        assert_eq!(status(path, accept), expected, "{path} {accept}");
    }
    let vary = header(&service.get(&tile).send().unwrap(), "vary");
    assert_eq!(vary.as_deref(), Some("Accept, Accept-Encoding"), "what would not be taken is refused");
    let response =
        service.get("/collections/grid/tiles/WebMercatorQuad").header("accept", "application/vnd.mapbox.tile+json").send().unwrap();
    assert_eq!(response.headers()["content-type"], "application/vnd.mapbox.tile+json");
    let tilejson: Value = response.json().unwrap();
    assert_eq!(tilejson["tilejson"], "3.0.0");
    let template = tilejson["tiles"][0].as_str().unwrap();
    assert!(template.ends_with("/collections/grid/tiles/WebMercatorQuad/{z}/{y}/{x}"), "{template}");
    let listed: Vec<_> = tilejson["vector_layers"].as_array().unwrap().iter().map(|layer| layer["id"].as_str().unwrap()).collect();
    assert_eq!(listed, ["grid", "grid_label", "borders"]);
    assert_eq!((&tilejson["minzoom"], &tilejson["maxzoom"]), (&12.into(), &16.into()));
    assert_eq!(link(&service.json("/collections/grid"), "describedby")["type"], "application/vnd.mapbox.tile+json");
}

/// The bytes of an answer, unpacked by another program than the one that packed them.
fn unpack(coding: Option<&str>, packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        None => plain.extend(packed),
        Some("gzip") => drop(flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap()),
        Some("br") => drop(brotli::Decompressor::new(packed, 4096).read_to_end(&mut plain).unwrap()),
        Some("zstd") => drop(zstd::Decoder::new(packed).unwrap().read_to_end(&mut plain).unwrap()),
        Some(other) => panic!("{other} was never offered"),
    }
    plain
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn each_coding_is_chosen_by_weight_and_has_a_tag_of_its_own() {
    let service = Service::start();
    let path = short(14);
    let plain = bytes(&service, &path);
    let mut tags = BTreeSet::new();
    for (accepted, expected) in [
        ("", None),
        ("identity", None),
        ("gzip", Some("gzip")),
        ("br", Some("br")),
        ("zstd", Some("zstd")),
        ("br;q=0.2, gzip;q=0.8, zstd;q=0.3", Some("gzip")),
        ("gzip;q=0, br;q=0.1", Some("br")),
        ("*;q=0, zstd;q=0.001", Some("zstd")),
        ("compress", None),
    ] {
        let ask = || service.get(&path).header("accept-encoding", accepted);
        let response = ask().send().unwrap();
        assert_eq!(response.status(), 200, "{accepted}");
        assert_eq!(header(&response, "content-encoding").as_deref(), expected, "{accepted}");
        assert_eq!(header(&response, "vary").as_deref(), Some("Accept-Encoding"), "its address has but one form");
        let tag = header(&response, "etag").unwrap();
        let body = response.bytes().unwrap();
        assert_eq!(unpack(expected, &body), plain, "{accepted}");
        assert!(expected.is_none() || body.len() < plain.len());
        let known = ask().header("if-none-match", format!("\"x\", W/{tag}")).send().unwrap();
        assert_eq!((known.status().as_u16(), header(&known, "etag")), (304, Some(tag.clone())));
        assert!(header(&known, "cache-control").is_some() && known.bytes().unwrap().is_empty());
        tags.insert((expected, tag));
    }
    assert_eq!(tags.iter().map(|(_, tag)| tag).collect::<BTreeSet<_>>().len(), 4, "{tags:?}");
    assert_eq!(tags.len(), 4, "the same coding has the same tag: {tags:?}");
    let refused = service.get(&path).header("accept-encoding", "*;q=0").send().unwrap();
    assert_eq!(refused.status(), 406);
    // Another process, or this one after a restart, sends the same bytes.
    let other = Service::start_on(Arc::clone(&service.store), Config::default(), false);
    for (coding, tag) in tags {
        let response =
            other.get(&path).header("accept-encoding", coding.unwrap_or("identity")).header("if-none-match", &tag).send().unwrap();
        assert_eq!(response.status(), 304, "{coding:?}");
    }
}

#[test]
fn head_tells_what_get_would_send() {
    let service = Service::start();
    for (path, status) in [(short(14), 200), ("/tiles/WebMercatorQuad/10/0/0".into(), 204), ("/tiles/WebMercatorQuad".into(), 200)] {
        let get = service.get(&path).header("accept-encoding", "gzip").send().unwrap();
        let head = service.request("HEAD", &path).header("accept-encoding", "gzip").send().unwrap();
        assert_eq!((head.status().as_u16(), get.status().as_u16()), (status, status));
        for name in ["etag", "content-type", "content-encoding", "content-length", "vary", "cache-control", "access-control-allow-origin"] {
            assert_eq!(header(&head, name), header(&get, name), "{path}: {name}");
        }
        assert!(head.bytes().unwrap().is_empty());
    }
    let preflight = service.request("OPTIONS", &short(14)).header("access-control-request-method", "GET").send().unwrap();
    assert_eq!(preflight.status(), 204);
    assert!(header(&preflight, "access-control-allow-methods").unwrap().contains("GET"));
}

#[test]
fn only_what_is_chosen_is_in_a_tile() {
    let service = Service::start();
    let path = short(13);
    let (all, fields) = contents(&bytes(&service, &path));
    assert_eq!(fields, BTreeSet::from(["code", "depth", "level", "name", "parent"].map(String::from)));
    assert_eq!(all.keys().collect::<Vec<_>>(), ["borders", "district", "district_label", "grid", "grid_label"]);

    let (some, fields) = contents(&bytes(&service, &format!("{path}?fields=name,code&collections=grid")));
    assert_eq!(fields, BTreeSet::from(["code", "name"].map(String::from)));
    assert_eq!(some.keys().collect::<Vec<_>>(), ["borders", "grid", "grid_label"]);
    assert_eq!(some["grid"], all["grid"]);

    let one = all["grid_label"].first().unwrap().clone();
    let (found, _) = contents(&bytes(&service, &format!("{path}?code={one}")));
    let mut expected = BTreeMap::from(["grid", "grid_label"].map(|layer| (layer.to_owned(), BTreeSet::from([one.clone()]))));
    expected.insert("borders".to_owned(), BTreeSet::new());
    assert_eq!(found, expected);
    let (found, _) = contents(&bytes(&service, &format!("{path}?parent=431102")));
    assert_eq!(found["grid"], all["grid"]);
    assert!(!found.contains_key("district"));
    assert_eq!(service.get(&format!("{path}?code={one}&name=none")).send().unwrap().status(), 204);
    // A filter holds at zooms that do not carry the field it asks for.
    let (found, _) = contents(&bytes(&service, &format!("{}?code=431102", short(4))));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["borders", "district", "district_label"]);

    for (query, parameter) in [
        ("fields=colour", "fields"),
        ("fields=", "fields"),
        ("collections=none", "collections"),
        ("collections=grid,,", "collections"),
        ("code=", "code"),
        ("filter=colour='1'", "filter"),
        ("filter=code", "filter"),
        ("filter=code='1'&filter-lang=sql", "filter-lang"),
        ("filter=code='1'&filter-crs=Mars", "filter-crs"),
        ("Code=1", "Code"),
    ] {
        let response = service.get(&format!("{path}?{query}")).send().unwrap();
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.json::<Value>().unwrap()["errors"][0]["parameter"], parameter, "{query}");
    }
    for page in [
        "/tiles?fields=colour",
        "/tiles/boundaries?filter=colour=1",
        "/tiles?filter=colour=1",
        "/tiles/WorldCRS84Quad?collections=none",
        "/collections/grid/tiles?fields=colour",
    ] {
        assert_eq!(service.get(page).send().unwrap().status(), 400, "{page}");
    }
    // What describes the tiles says the same, and its addresses repeat the choice.
    let tilejson = service.json("/tiles/boundaries?fields=code&collections=grid&shift=gcj02");
    assert!(tilejson["tiles"][0].as_str().unwrap().ends_with("{y}?shift=gcj02&fields=code&collections=grid"), "{tilejson}");
    assert_eq!(tilejson["vector_layers"][0]["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), ["code"]);
}

/// The tiles under a filter show the features under that filter, whichever way it finds them.
#[test]
fn a_filter_says_the_same_of_tiles_as_of_features() {
    let service = Service::start();
    let path = short(11);
    let (west, north) = (WEST + SIDE * 1.2, SOUTH + SIDE * 1.7);
    let polygon = format!("POLYGON(({WEST} {SOUTH},{west} {SOUTH},{west} {north},{WEST} {north},{WEST} {SOUTH}))");
    let half = code_of(COLUMNS / 2, ROWS / 2);
    for filter in [
        format!("code >= '{half}'"),
        format!("code IN ('{half}', 'none')"),
        format!("code LIKE '{}%' AND NOT name LIKE '%1网格'", &half[..9]),
        format!("S_INTERSECTS(geometry, {polygon})"),
        "valid_from > TIMESTAMP('2020-01-01T00:00:00Z') AND level = 'grid'".to_owned(),
    ] {
        let query = format!("filter={}&fields=code", filter.replace('%', "%25"));
        let items = service.json(&format!("/collections/grid/items?limit=1000&{}", query.replace("fields", "properties")));
        let expected: BTreeSet<String> = items["features"]
            .as_array()
            .unwrap()
            .iter()
            .map(|feature| feature["properties"]["code"].as_str().unwrap().to_owned())
            .collect();
        assert!(!expected.is_empty(), "{filter}");
        // The district is smaller than two tiles of this zoom; a name stands in one of them.
        let (x, y) = middle(Matrix::Mercator, 12);
        let mut found = BTreeSet::new();
        for (x, y) in (x - 2..=x + 2).flat_map(|x| (y - 2..=y + 2).map(move |y| (x, y))) {
            let response = service.get(&format!("/tiles/WebMercatorQuad/12/{y}/{x}?{query}")).send().unwrap();
            if response.status() == 200 {
                let (codes, _) = contents(&response.bytes().unwrap());
                found.extend(codes.get("grid_label").into_iter().flatten().cloned());
            }
        }
        assert_eq!(found, expected, "{filter}");
    }
    // The same in the other language, and in another reference system.
    let json = format!(r#"{{"op":"=","args":[{{"property":"code"}},"{half}"]}}"#);
    let (x, y) = middle(Matrix::Mercator, 12);
    let tile = |query: &str| bytes(&service, &format!("/tiles/WebMercatorQuad/12/{y}/{x}?{query}"));
    assert_eq!(tile(&format!("filter-lang=cql2-json&filter={json}")), tile(&format!("code={half}")));
    let place = format!("S_INTERSECTS(geometry,POINT({} {}))", SOUTH + SIDE * 5.5, WEST + SIDE * 10.5);
    let swapped = tile(&format!("filter-crs=http://www.opengis.net/def/crs/EPSG/0/4326&filter={place}"));
    let (codes, _) = contents(&swapped);
    assert_eq!(codes["grid"], BTreeSet::from([code_of(10, 5)]));
    assert_eq!(service.get(&format!("{path}?filter=code='none'")).send().unwrap().status(), 204);
    // What describes the tiles leads to the tiles under the filter.
    let template = service.json("/tiles/boundaries?filter=code='1'")["tiles"][0].as_str().unwrap().to_owned();
    assert!(template.ends_with("{y}?filter=code%20%3D%20%271%27") || template.ends_with("{y}?filter=code%3D%271%27"), "{template}");
}

#[test]
fn answers_lead_to_what_describes_them() {
    let service = Service::start();
    let (x, y) = middle(Matrix::Mercator, 13);
    for (path, rel, expected) in [
        (format!("/tiles/WebMercatorQuad/13/{y}/{x}?shift=gcj02&fields=code"), "describedby", "/tiles/WebMercatorQuad?f=json&shift=gcj02"),
        (format!("/tiles/WebMercatorQuad/13/{y}/{x}"), TILING_SCHEME, "/tileMatrixSets/WebMercatorQuad"),
        (format!("/collections/grid/tiles/WebMercatorQuad/13/{y}/{x}"), "describedby", "/collections/grid/tiles/WebMercatorQuad?f=json"),
        (short(13), "describedby", "/tiles/boundaries"),
        ("/tiles/WebMercatorQuad/10/0/0".to_owned(), TILING_SCHEME, "/tileMatrixSets/WebMercatorQuad"),
        ("/tiles/boundaries?fields=code".to_owned(), "self", "/tiles/boundaries?fields=code"),
        ("/tiles/boundaries".to_owned(), "alternate", "/tiles/WebMercatorQuad?f=json"),
        ("/tiles".to_owned(), "self", "/tiles?f=json"),
        ("/tiles/WebMercatorQuad?f=tilejson".to_owned(), "self", "/tiles/WebMercatorQuad?f=json"),
    ] {
        let response = service.get(&path).send().unwrap();
        let links = header(&response, "link").unwrap_or_else(|| panic!("{path} has no Link"));
        let wanted = format!("<{}>; rel=\"{rel}\"", service.url(expected));
        assert!(links.contains(&wanted), "{path}: {links} has no {wanted}");
        assert_eq!(service.get(expected).send().unwrap().status(), 200, "{expected}");
    }
}

#[test]
fn a_shift_moves_tiles_of_both_matrices_and_is_told() {
    let service = Service::start();
    let (column, row) = middle(Matrix::Geographic, 13);
    let path = format!("/tiles/CGCS2000Quad/13/{row}/{column}");
    assert_ne!(bytes(&service, &path), bytes(&service, &format!("{path}?shift=gcj02")));
    let tileset = service.json("/tiles/CGCS2000Quad?shift=gcj02");
    assert_eq!(tileset["shift"], "gcj02");
    let (plain, moved) = (service.json("/tiles/CGCS2000Quad"), tileset);
    let west = |tileset: &Value| tileset["boundingBox"]["lowerLeft"][0].as_f64().unwrap();
    assert!((west(&plain) - WEST).abs() < 1e-9 && (0.002..0.008).contains(&(west(&moved) - west(&plain))));
    assert!(plain.get("shift").is_none() && plain.get("tileMatrixSetURI").is_none());
}

#[test]
fn a_draft_is_drawn_for_planners_alone() {
    let service = Service::start();
    let now = Timestamp::now();
    let rest = grids().into_iter().skip(2);
    let moved = [grid((0, 0), (0, 0), 2)].into_iter().chain(rest).collect();
    let draft = publish(&*service.store, "grid", moved, now, now, GenerationState::Draft);
    assert_eq!(draft.0, 2);
    let follower = Service::start_on(Arc::clone(&service.store), Config::default(), false);
    let world = to_world(Coord { x: WEST + SIDE * 1.5, y: SOUTH + SIDE * 0.5 }) * f64::from(1_u32 << 15);
    let path = format!("/tiles/WebMercatorQuad/15/{}/{}", world.y as u32, world.x as u32);
    let drafted = format!("{path}?draft=2");
    let status = |path: &str, key: Option<&str>| key.iter().fold(follower.get(path), RequestBuilder::bearer_auth).send().unwrap();
    assert_eq!(status(&drafted, None).status(), 401);
    assert_eq!(status(&drafted, Some(DISPATCHER)).status(), 403);
    let response = status(&drafted, Some(PLANNER));
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "cache-control").as_deref(), Some("private, no-cache"));
    let (found, _) = contents(&response.bytes().unwrap());
    assert!(!found["grid"].contains(&code_of(1, 0)) && found["grid"].contains(&code_of(0, 0)), "{found:?}");
    let (current, _) = contents(&bytes(&follower, &path));
    assert!(current["grid"].contains(&code_of(1, 0)));
    for (query, expected) in [("draft=1", "draft"), ("draft=9", "draft"), ("draft=2&generation=1", "draft"), ("draft=x", "draft")] {
        let response = status(&format!("{path}?{query}"), Some(PLANNER));
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.json::<Value>().unwrap()["errors"][0]["parameter"], expected, "{query}");
    }
    // Links of what describes it lead to the draft again; features take it alike.
    let response = status("/collections/grid/tiles/WebMercatorQuad?draft=2", Some(PLANNER));
    let tileset: Value = response.json().unwrap();
    assert!(link(&tileset, "item")["href"].as_str().unwrap().ends_with("?draft=2"), "{tileset}");
    let items: Value = status("/collections/grid/items?draft=2", Some(PLANNER)).json().unwrap();
    assert_eq!(items["numberMatched"], COLUMNS * ROWS - 1);
}

#[test]
fn a_filtered_tile_of_a_draft_follows_its_steps() {
    let mut config = Config::default();
    config.http.follow_interval_ms = 20;
    let service = Service::start_on(town::town(), config, true);
    let (status, draft) = town::ask(&service, "POST", "/v1/drafts", None, &json!({ "title": "renamed" }));
    assert_eq!(status, 201, "{draft}");
    let draft = draft["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/drafts/{draft}");
    let (lon, lat) = middle_of(5, 0);
    let world = to_world(Coord { x: lon, y: lat }) * f64::from(1_u32 << 15);
    let tile = format!("/tiles/boundaries/15/{}/{}?draft={draft}", world.x as u32, world.y as u32);
    let wanted = town::grid_at(5, 0);
    let shown = |filter: &str| {
        let response = service.get(&format!("{tile}&{filter}")).bearer_auth(PLANNER).send().unwrap();
        let (is_known, bytes) = (response.status().is_success(), response.bytes().unwrap());
        if bytes.is_empty() || !is_known { BTreeSet::new() } else { contents(&bytes).0.remove("grid").unwrap_or_default() }
    };
    // This process follows the draft a moment later.
    let comes = |filter: &str| {
        let end = Instant::now() + PATIENCE;
        while shown(filter).is_empty() {
            assert!(Instant::now() < end, "{filter} never came");
            std::thread::sleep(Duration::from_millis(20));
        }
        shown(filter)
    };
    let of_code = format!("code={wanted}");
    assert_eq!(comes(&of_code), BTreeSet::from([wanted.clone()]));
    assert_eq!(shown("name=renamed"), BTreeSet::new());
    // Units whose codes come before it become one, so that all behind them have other places in the list of units.
    let steps = [
        json!({ "op": "merge", "level": "grid", "units": [town::grid_at(0, 0), town::grid_at(1, 0)] }),
        json!({ "op": "change", "level": "grid", "unit": wanted, "name": "renamed" }),
    ];
    for step in steps {
        let (status, answer) = town::ask(&service, "POST", &format!("{path}/operations"), Some("*"), &step);
        assert!(status < 300, "{answer}");
    }
    assert_eq!(comes("name=renamed"), BTreeSet::from([wanted.clone()]));
    assert_eq!(shown(&of_code), BTreeSet::from([wanted]));
}

/// GDAL decodes the tile by itself and lays it out by the numbers of its address: the units come to lie where they are.
#[test]
fn gdal_finds_the_units_where_they_are() {
    let service = Service::start();
    let (column, row) = middle(Matrix::Mercator, 13);
    let tile = bytes(&service, &format!("/collections/grid/tiles/WebMercatorQuad/13/{row}/{column}"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tile.mvt");
    std::fs::write(&file, tile).unwrap();
    let place = ["Z=13".to_owned(), format!("X={column}"), format!("Y={row}"), "CLIP=NO".to_owned()];
    let options: Vec<&str> = place.iter().flat_map(|option| ["-oo", option]).collect();
    let source = format!("MVT:{}", file.display());
    let Some(summary) = gdal("ogrinfo", &[&options[..], &["-ro", "-al", "-so", &source, "grid"]].concat()) else { return };
    assert!(summary.contains("code: String") && summary.contains("EPSG\",3857"), "{summary}");
    let extent = summary.lines().find_map(|line| line.strip_prefix("Extent: ")).unwrap();
    let numbers: Vec<f64> = extent.split(['(', ')', ',', ' ']).filter_map(|part| part.parse().ok()).collect();
    // The tile and its buffer, in metres.
    let side = 2.0 * 20_037_508.342_789_2 / 8192.0;
    let (west, north) = (f64::from(column) * side - 20_037_508.342_789_2, 20_037_508.342_789_2 - f64::from(row) * side);
    let lon = |x: f64| x / 20_037_508.342_789_2 * 180.0;
    assert!(numbers[0] >= west - side / 60.0 && numbers[3] <= north + side / 60.0, "{summary}");
    assert!(lon(numbers[0]) >= WEST - 1e-5 && lon(numbers[2]) <= WEST + SIDE * COLUMNS as f64 + 1e-5, "{summary}");
}
