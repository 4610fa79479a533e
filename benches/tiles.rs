//! What tiles cost: cold, by zoom, in memory, and as layers grow; then over HTTP what `benches/tiles.py` asks for.
//!
//! Without arguments it measures the engine in this process. `GRIDKEEPER_BENCH_GRIDS` names the sizes, 10000,100000 by default.
//! Prints `figure NAME VALUE UNIT` lines.
//!
//! - `export GRIDS FILE` writes the units as GeoJSON, one feature a line.
//! - `paths GRIDS FILE` writes the paths of tiles to ask for: as many of each zoom, as a map asks for as many of each; each tile once into
//!   FILE.once; the tiles of zoom 8 into FILE.z8.
//! - `static FOLDER` serves the files of a folder, called Z-X-Y, at Z/X/Y, and prints the address.
//! - `ask ADDRESS FILE CONNECTIONS SECONDS` asks for each path of a file once, or in turn for some seconds, and prints tiles a second
//!   and percentiles.
//! - `serve GRIDS` serves the engine's tiles without any cache, so that every request is a cold one.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

#[path = "support/sample_district.rs"]
mod sample_district;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use geo_types::Coord;
use gridkeeper::tile::{LayerTiles, TileAddress, TileLayers, to_world};
use gridkeeper::topology::ValidCoverage;
use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;

use crate::sample_district::make_coverage;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The level of the service (`src/api/tiles/cache.rs`).
const GZIP_LEVEL: i32 = 1;

/// Tiles measured at each zoom, spread over all that hold something.
const TILES_MAX: usize = 400;

/// Requests for each zoom; where it has fewer tiles, they are asked for again.
const REQUESTS_PER_ZOOM: usize = 200;

/// What Martin serves of the same table: grids at every zoom, code and name, no names in a layer of their own, no borders.
const EQUAL: &str = r#"
max_zoom = 16
[[level]]
name = "grid"
min_zoom = 0
labels = false
fields = [{ name = "code", min_zoom = 0 }, { name = "name", min_zoom = 0 }]
"#;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => {
            let grids = std::env::var("GRIDKEEPER_BENCH_GRIDS").unwrap_or("10000,100000".into());
            grids.split(',').for_each(|grids| measure(grids.parse().unwrap()));
        }
        ["export", grids, file] => export(grids.parse().unwrap(), file),
        ["paths", grids, file] => paths(grids.parse().unwrap(), file),
        ["serve", grids] => serve(grids.parse().unwrap()),
        ["static", folder] => serve_files(folder),
        ["ask", address, file, connections, seconds] => ask(address, file, connections.parse().unwrap(), seconds.parse().unwrap()),
        _ => panic!("{arguments:?} is nothing that this bench does"),
    }
}

fn equal(coverage: &Arc<ValidCoverage>) -> LayerTiles {
    LayerTiles::build(Arc::clone(coverage), &TileLayers::parse(EQUAL).unwrap())
}

fn measure(grids: usize) {
    let coverage = Arc::new(make_coverage(grids));
    let units = coverage.levels()[0].units().len();
    let figure = |name: &str, value: f64, unit: &str| println!("figure tiles_{name}_{grids} {value:.3} {unit}");
    figure("coordinates_per_grid", coverage.arcs().coord_count() as f64 / units as f64, "coordinates");
    let tiles = equal(&coverage);
    let (_, first) = timed(|| tiles.tile(TileAddress::new(0, 0, 0).unwrap()).unwrap());
    figure("first_tile", first.as_secs_f64() * 1e3, "ms");
    let mut all: Vec<TileAddress> = Vec::new();
    let mut before = tiles.bytes();
    figure("memory_ranks", before as f64 / units as f64, "B/grid");
    for z in 1..=16 {
        let (_, built) = timed(|| tiles.collapsed_count(0, z));
        figure(&format!("zoom_build_z{z}"), built.as_secs_f64() * 1e3, "ms");
        if z >= 9 {
            let bytes = tiles.bytes();
            // Once eight are kept, each new one takes the place of the oldest.
            figure(&format!("memory_z{z}"), bytes.saturating_sub(before) as f64 / units as f64, "B/grid");
        }
        before = tiles.bytes();
        figure(&format!("collapsed_z{z}"), tiles.collapsed_count(0, z) as f64, "units");
        let addresses = addresses(&coverage, z);
        let addresses = spread(&addresses);
        let mut times = Vec::new();
        let (mut plain, mut gzip) = (0, 0);
        let mut compressor = Compressor::new(CompressionLvl::new(GZIP_LEVEL).unwrap());
        for address in &addresses {
            let (sizes, time) = timed(|| cold(&tiles, &mut compressor, *address));
            times.push(time);
            plain += sizes[0];
            gzip += sizes[1];
        }
        times.sort_unstable();
        let total: Duration = times.iter().sum();
        figure(&format!("cold_z{z}"), times.len() as f64 / total.as_secs_f64(), "tiles/s");
        figure(&format!("cold_p99_z{z}"), times[(times.len() - 1) * 99 / 100].as_secs_f64() * 1e3, "ms");
        figure(&format!("bytes_z{z}"), plain as f64 / times.len() as f64, "B/tile");
        figure(&format!("gzip_bytes_z{z}"), gzip as f64 / times.len() as f64, "B/tile");
        if z >= 10 {
            all.extend(addresses);
        }
    }
    let (_, one_core) = timed(|| {
        let mut compressor = Compressor::new(CompressionLvl::new(GZIP_LEVEL).unwrap());
        all.iter().for_each(|address| {
            cold(&tiles, &mut compressor, *address);
        });
    });
    figure("cold_z10_16_one_core", all.len() as f64 / one_core.as_secs_f64(), "tiles/s");
    let (_, both) = timed(|| {
        let compressor = || Compressor::new(CompressionLvl::new(GZIP_LEVEL).unwrap());
        all.par_iter().for_each_init(compressor, |compressor, address| {
            cold(&tiles, compressor, *address);
        });
    });
    figure("cold_z10_16", all.len() as f64 / both.as_secs_f64(), "tiles/s");
    figure("memory", tiles.bytes() as f64 / units as f64, "B/grid");
    if std::env::var("GRIDKEEPER_BENCH_LEVELS").is_ok() {
        compare_levels(&tiles, &all);
    }
    edit(&coverage, grids);
}

/// What gzip levels cost and save.
fn compare_levels(tiles: &LayerTiles, all: &[TileAddress]) {
    let bytes: Vec<Vec<u8>> = all.iter().filter_map(|address| tiles.tile(*address).unwrap()).collect();
    for level in 1..=9 {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut total = 0;
        let (_, time) = timed(|| bytes.iter().for_each(|bytes| total += compress(&mut compressor, bytes).len()));
        let plain: usize = bytes.iter().map(Vec::len).sum();
        println!("# gzip level {level}: {:.1} MB/s, {:.1} %", plain as f64 / time.as_secs_f64() / 1e6, 100.0 * total as f64 / plain as f64);
    }
}

/// What it costs to follow a publication that changes one border of a grid.
fn edit(coverage: &Arc<ValidCoverage>, grids: usize) {
    let description = TileLayers::default();
    let tiles = LayerTiles::build(Arc::clone(coverage), &description);
    (10..=16).for_each(|z| {
        tiles.collapsed_count(0, z);
        if let Some(address) = addresses(coverage, z).first() {
            tiles.tile(*address).unwrap();
        }
    });
    let Some((delta, accepted)) = sample_district::nudge(coverage) else { return };
    let patched = coverage.patched(coverage.layer(), vec![delta], accepted).unwrap();
    let next = Arc::new(patched.coverage);
    let ((_, changes), time) = timed(|| tiles.patched(Arc::clone(&next), &patched.changes).unwrap());
    println!("figure tiles_edit_followed_{grids} {:.3} ms", time.as_secs_f64() * 1e3);
    let (fresh, time) = timed(|| {
        let fresh = LayerTiles::build(Arc::clone(&next), &description);
        (10..=16).for_each(|z| {
            fresh.collapsed_count(0, z);
        });
        fresh
    });
    println!("figure tiles_edit_anew_{grids} {:.3} ms", time.as_secs_f64() * 1e3);
    let all: Vec<TileAddress> = (10..=16).flat_map(|z| addresses(&next, z)).collect();
    let touched = all.iter().filter(|address| changes.touch(**address)).count();
    println!("figure tiles_edit_dropped_{grids} {touched} tiles");
    println!("figure tiles_edit_kept_{grids} {} tiles", all.len() - touched);
    drop(fresh);
}

fn cold(tiles: &LayerTiles, compressor: &mut Compressor, address: TileAddress) -> [usize; 2] {
    let Some(bytes) = tiles.tile(address).unwrap() else { return [0, 0] };
    [bytes.len(), compress(compressor, &bytes).len()]
}

fn compress(compressor: &mut Compressor, bytes: &[u8]) -> Vec<u8> {
    let mut gzip = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let len = compressor.gzip_compress(bytes, &mut gzip).unwrap();
    gzip.truncate(len);
    gzip
}

/// The tiles of a zoom that hold a vertex.
fn addresses(coverage: &ValidCoverage, z: u8) -> Vec<TileAddress> {
    let size = f64::from(1_u32 << z);
    let tile = |c: &Coord<f64>| {
        let c = to_world(*c) * size;
        (c.x as u32, c.y as u32)
    };
    let mut all: Vec<(u32, u32)> = coverage.arcs().ids().flat_map(|arc| coverage.arcs().coords(arc).iter().map(tile)).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|(x, y)| TileAddress::new(z, x, y).unwrap()).collect()
}

fn spread(all: &[TileAddress]) -> Vec<TileAddress> {
    let step = all.len().div_ceil(TILES_MAX).max(1);
    all.iter().step_by(step).copied().collect()
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (run(), start.elapsed())
}

/// Writes the units as lines of GeoJSON that ogr2ogr reads.
fn export(grids: usize, file: &str) {
    let coverage = make_coverage(grids);
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
    let level = &coverage.levels()[0];
    for at in level.indices() {
        let unit = level.unit(at);
        let geometry = geojson::GeometryValue::from(&coverage.to_geometry(0, at));
        let geometry = serde_json::to_string(&geojson::Geometry::new(geometry)).unwrap();
        let properties = serde_json::json!({ "gid": at.0 + 1, "code": unit.code.as_str(), "name": unit.name });
        writeln!(out, r#"{{"type":"Feature","properties":{properties},"geometry":{geometry}}}"#).unwrap();
    }
}

/// Writes the paths of the tiles that are asked for, z/x/y.
fn paths(grids: usize, file: &str) {
    let coverage = make_coverage(grids);
    let by_zoom: Vec<Vec<TileAddress>> = (10..=16).map(|z| spread(&addresses(&coverage, z))).collect();
    let as_many = by_zoom.iter().flat_map(|all| all.iter().copied().cycle().take(REQUESTS_PER_ZOOM));
    // In no order that favours anybody.
    let shuffled = |all: Vec<TileAddress>| {
        let mut all: Vec<(usize, TileAddress)> = all.into_iter().enumerate().collect();
        all.sort_by_key(|(at, _)| (*at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        all.into_iter().map(|(_, address)| address).collect::<Vec<_>>()
    };
    let write = |file: &str, all: &[TileAddress]| {
        let lines: String = all.iter().map(|address| format!("{}/{}/{}\n", address.z(), address.x(), address.y())).collect();
        std::fs::write(file, lines).unwrap();
    };
    write(file, &shuffled(as_many.collect()));
    write(&format!("{file}.once"), &shuffled(by_zoom.concat()));
    write(&format!("{file}.z8"), &addresses(&coverage, 8));
}

/// Two headers of a tile, and its bytes.
type Answer = ([(HeaderName, &'static str); 2], axum::body::Bytes);

const HEADERS: [(HeaderName, &str); 2] = [(header::CONTENT_TYPE, "application/vnd.mapbox-vector-tile"), (header::CONTENT_ENCODING, "gzip")];

/// Serves tiles, made anew for each request.
fn serve(grids: usize) {
    let tiles = Arc::new(equal(&Arc::new(make_coverage(grids))));
    (8..=16).rev().for_each(|z| tiles.prepare(z));
    let tile = move |State(tiles): State<Arc<LayerTiles>>, Path((z, x, y)): Path<(u8, u32, u32)>| async move {
        let address = TileAddress::new(z, x, y).unwrap();
        // As the service does it (`src/api/tiles/cache.rs`).
        let is_quick = tiles.is_quick(address, 128);
        let make = move || {
            thread_local! {
                static COMPRESSOR: std::cell::RefCell<Compressor> =
                    std::cell::RefCell::new(Compressor::new(CompressionLvl::new(GZIP_LEVEL).unwrap()));
            }
            let bytes = tiles.tile(address).unwrap().unwrap_or_default();
            COMPRESSOR.with_borrow_mut(|compressor| compress(compressor, &bytes))
        };
        let made = if is_quick { make() } else { tokio::task::spawn_blocking(make).await.unwrap() };
        let answer: Answer = (HEADERS, made.into());
        answer
    };
    serve_app(axum::Router::new().route("/{z}/{x}/{y}", axum::routing::get(tile)).with_state(tiles));
}

/// Serves the files of a folder from memory.
fn serve_files(folder: &str) {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().replace('-', "/"), axum::body::Bytes::from(std::fs::read(&path).unwrap()))
    });
    let files: Arc<HashMap<String, axum::body::Bytes>> = Arc::new(files.collect());
    let file = move |State(files): State<Arc<HashMap<String, axum::body::Bytes>>>, Path(path): Path<String>| {
        let answer: Answer = (HEADERS, files[&path].clone());
        std::future::ready(answer)
    };
    serve_app(axum::Router::new().route("/{*path}", axum::routing::get(file)).with_state(files));
}

fn serve_app(app: axum::Router) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        axum::serve(listener, app).await.unwrap();
    });
}

/// Asks for the paths of a file over some connections: each once where `seconds` is 0, else in turn for so long.
fn ask(address: &str, file: &str, connections: usize, seconds: u64) {
    let paths: Vec<String> = std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
    let (host, prefix) = address.split_once('/').unwrap_or((address, ""));
    let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let until = start + Duration::from_secs(seconds);
    let parts: Vec<(Vec<Duration>, usize)> = std::thread::scope(|scope| {
        let worker = || {
            let mut connection = BufReader::new(TcpStream::connect(host).unwrap());
            connection.get_ref().set_nodelay(true).unwrap();
            let (mut times, mut bytes) = (Vec::new(), 0);
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if if seconds == 0 { at >= paths.len() } else { Instant::now() >= until } {
                    return (times, bytes);
                }
                let path = &paths[at % paths.len()];
                let request = format!("GET {prefix}/{path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip\r\n\r\n");
                let sent = Instant::now();
                connection.get_mut().write_all(request.as_bytes()).unwrap();
                bytes += read_answer(&mut connection);
                times.push(sent.elapsed());
            }
        };
        let workers: Vec<_> = (0..connections).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let elapsed = start.elapsed().as_secs_f64();
    let bytes: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    let mut times: Vec<Duration> = parts.into_iter().flat_map(|(times, _)| times).collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{} {:.3} {:.3} {:.1}", times.len() as f64 / elapsed, at(50), at(99), bytes as f64 / times.len() as f64);
}

/// Reads one answer and returns the length of its body.
fn read_answer(connection: &mut BufReader<TcpStream>) -> usize {
    let mut line = String::new();
    let (mut len, mut is_chunked) = (0, false);
    loop {
        line.clear();
        connection.read_line(&mut line).unwrap();
        let lower = line.trim().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        }
        assert!(!lower.starts_with("http/1.1") || lower.contains(" 200 ") || lower.contains(" 204"), "{lower}");
        if let Some(value) = lower.strip_prefix("content-length:") {
            len = value.trim().parse().unwrap();
        }
        is_chunked |= lower.starts_with("transfer-encoding: chunked");
    }
    let mut body = vec![0; len];
    connection.read_exact(&mut body).unwrap();
    while is_chunked {
        line.clear();
        connection.read_line(&mut line).unwrap();
        let size = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        connection.read_exact(&mut chunk).unwrap();
        len += size;
        is_chunked = size > 0;
    }
    len
}
