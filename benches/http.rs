//! Serves a store beside bare handlers that do less, and lets `benches/http_driver.py` drive all of them in one run.
//!
//! Five services stand on ports of their own, in one process and on the same threads: ours; a bare handler that returns the bytes of one
//! of our answers behind our layers; the same without layers; and two that only parse the body of a `POST` behind our layers, one with
//! `serde_json` and `csv` and one with our own parser.
//!
//! `GRIDKEEPER_BENCH_STORE` names the store, `GRIDKEEPER_BENCH_POINTS` a CSV of positions, `GRIDKEEPER_BENCH_GRIDS` how many grids the store
//! has; `GRIDKEEPER_BENCH_PYTHON` runs the driver.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use futures_util::StreamExt;
use gridkeeper::api::plain::{read_object, read_row};
use gridkeeper::api::{AppState, router, router_of};
use gridkeeper::app::{OpenMode, load_first, open_store};
use gridkeeper::config::Config;
use gridkeeper::snapshot::Live;
use serde::Deserialize;
use tokio::net::TcpListener;
use tower::ServiceExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers among which the one of middle length is chosen.
const ANSWERS_LOOKED_AT: usize = 101;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let passed = runtime.block_on(run());
    runtime.shutdown_background();
    assert!(passed, "the driver failed");
}

async fn run() -> bool {
    let store = open_store(&std::env::var("GRIDKEEPER_BENCH_STORE").unwrap(), OpenMode::ReadOnly).unwrap();
    let state = AppState::new(Arc::new(Live::default()), Arc::clone(&store), Config::default());
    load_first(&state, &store).await.unwrap();
    state.live().load().unwrap().layers().iter().for_each(|layer| layer.index().wait());
    let points = std::env::var("GRIDKEEPER_BENCH_POINTS").unwrap();
    let answer = usual_answer(&state, &points).await;
    let bare = move || {
        let answer = answer.clone();
        async move { send(answer) }
    };
    let services = [
        serve(router(state.clone())).await,
        serve(router_of(Router::new().route("/v1/locate", get(bare.clone())), state.clone())).await,
        serve(Router::new().route("/v1/locate", get(bare))).await,
        serve(router_of(Router::new().route("/v1/locate", post(parse_with::<Crates>)), state.clone())).await,
        serve(router_of(Router::new().route("/v1/locate", post(parse_with::<Ours>)), state)).await,
    ];
    let mut driver = Command::new(std::env::var("GRIDKEEPER_BENCH_PYTHON").unwrap());
    driver.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/http_driver.py"));
    driver.args(services.iter().map(ToString::to_string)).arg(std::process::id().to_string());
    driver.arg(std::env::var("GRIDKEEPER_BENCH_GRIDS").unwrap()).arg(points);
    tokio::task::spawn_blocking(move || driver.status().unwrap().success()).await.unwrap()
}

/// Returns the answer of middle length to the first of the points.
async fn usual_answer(state: &AppState, points: &str) -> Bytes {
    let mut rows = csv::Reader::from_path(points).unwrap();
    let mut answers = Vec::new();
    for row in rows.deserialize::<Point>().take(ANSWERS_LOOKED_AT) {
        let Point { lon, lat } = row.unwrap();
        let request = Request::get(format!("/v1/locate?lon={lon}&lat={lat}")).header(header::HOST, "127.0.0.1:12345");
        let response = router(state.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        answers.push(to_bytes(response.into_body(), usize::MAX).await.unwrap());
    }
    answers.sort_by_key(Bytes::len);
    answers.swap_remove(answers.len() / 2)
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // As the service itself does.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

/// Sends bytes under the headers of an answer to a lookup.
fn send(answer: Bytes) -> Response {
    let headers = [
        (header::VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ];
    (headers, answer).into_response()
}

/// What a lookup needs of a record.
#[derive(Debug, Default, Deserialize)]
struct Point {
    lon: f64,
    lat: f64,
}

/// Parses the pieces of a body.
trait Parser {
    /// Takes the records that are whole, and says how many bytes they are.
    fn array(bytes: &[u8], sum: &mut Sum) -> usize;
    fn lines(bytes: &[u8], sum: &mut Sum) -> usize;
    fn csv(bytes: &[u8], sum: &mut Sum) -> usize;
}

/// Reads a body as it comes, makes a position of each record, and answers with their number and their sum.
async fn parse_with<P: Parser>(headers: HeaderMap, body: Body) -> String {
    let media = headers[header::CONTENT_TYPE].to_str().unwrap();
    let parse = match media {
        "application/json" => P::array,
        "application/x-ndjson" => P::lines,
        _ => P::csv,
    };
    let (mut body, mut held, mut sum) = (body.into_data_stream(), Vec::new(), Sum::default());
    while let Some(bytes) = body.next().await {
        held.extend_from_slice(&bytes.unwrap());
        let used = parse(&held, &mut sum);
        held.drain(..used);
    }
    format!("{} {} {}\n", sum.count, sum.of.lon, sum.of.lat)
}

#[derive(Debug, Default)]
struct Sum {
    count: usize,
    of: Point,
    is_begun: bool,
}

impl Sum {
    fn add(&mut self, point: &Point) {
        self.count += 1;
        self.of = Point { lon: self.of.lon + point.lon, lat: self.of.lat + point.lat };
    }
}

/// The parsers that one would write with `serde_json` and `csv`: JSON goes straight into a struct of two numbers, and cells of CSV are
/// borrowed from a record that is used again.
struct Crates;

impl Parser for Crates {
    fn array(bytes: &[u8], sum: &mut Sum) -> usize {
        let mut at = 0;
        loop {
            at += between(&bytes[at..]);
            let mut values = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<Point>();
            match values.next() {
                Some(Ok(point)) => sum.add(&point),
                Some(Err(error)) => {
                    assert!(error.is_eof(), "{error}");
                    return at;
                }
                None => return at,
            }
            at += values.byte_offset();
        }
    }

    fn lines(bytes: &[u8], sum: &mut Sum) -> usize {
        each_line(bytes, |line| sum.add(&serde_json::from_slice(line).unwrap()))
    }

    /// Columns are `id,lon,lat`, and no cell holds a line end.
    fn csv(bytes: &[u8], sum: &mut Sum) -> usize {
        let end = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let mut reader = csv::ReaderBuilder::new().has_headers(!sum.is_begun).from_reader(&bytes[..end]);
        sum.is_begun |= end > 0;
        let mut row = csv::ByteRecord::new();
        while reader.read_byte_record(&mut row).unwrap() {
            let number = |at: usize| fast_float2::parse(&row[at]).unwrap();
            sum.add(&Point { lon: number(1), lat: number(2) });
        }
        end
    }
}

/// What the service reads plain records with.
struct Ours;

impl Parser for Ours {
    fn array(bytes: &[u8], sum: &mut Sum) -> usize {
        let mut at = 0;
        loop {
            at += between(&bytes[at..]);
            let Some((position, length)) = read_object(&bytes[at..]) else { return at };
            sum.add(&Point { lon: position.lon, lat: position.lat });
            at += length;
        }
    }

    fn lines(bytes: &[u8], sum: &mut Sum) -> usize {
        each_line(bytes, |line| {
            let (position, _) = read_object(line).unwrap();
            sum.add(&Point { lon: position.lon, lat: position.lat });
        })
    }

    fn csv(bytes: &[u8], sum: &mut Sum) -> usize {
        each_line(bytes, |line| {
            if std::mem::replace(&mut sum.is_begun, true) {
                let position = read_row(line, 3, (1, 2)).unwrap();
                sum.add(&Point { lon: position.lon, lat: position.lat });
            }
        })
    }
}

/// How many bytes stand before the next element of an array.
fn between(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b'[' | b',' | b']') || byte.is_ascii_whitespace()).count()
}

fn each_line(bytes: &[u8], mut take: impl FnMut(&[u8])) -> usize {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        take(&bytes[start..end]);
        start = end + 1;
    }
    start
}
