//! Takes cases in over HTTP, as fast as many senders can and at half of that or of the aim, whichever is less, and tells those who listen.
//! Beside it a handler that reads a report and answers says what senders and HTTP alone come to.
//!
//! The service and its senders stand in one process and share its cores. Every sender has a connection of its own, sends one report after
//! the other under a key of its own, each at another place, and counts it when it is acknowledged; what the store has in the end must be as
//! many. `GRIDKEEPER_BENCH_STORE` names a store with boundaries, which is written to; `GRIDKEEPER_BENCH_NAME` stands in the figures,
//! `GRIDKEEPER_BENCH_AIM` is how many cases a second are aimed at, `GRIDKEEPER_BENCH_SECONDS` how long each part takes.

#![expect(clippy::print_stdout, reason = "figures are printed")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gridkeeper::api::{AppState, serve};
use gridkeeper::app::{OpenMode, SharedStore, load_first, open_store};
use gridkeeper::config::Config;
use gridkeeper::dispatch::Role;
use gridkeeper::snapshot::Live;
use gridkeeper::store::{KeyHash, KeyRecord};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: &str = "bench-dispatcher";
/// Connections that send as fast as they can.
const SENDERS: usize = 256;
/// Who listens to the stream.
const LISTENERS: usize = 1_000;

fn main() {
    // The store drives a runtime of its own, so it is asked from outside of this one.
    let store = open_store(&std::env::var("GRIDKEEPER_BENCH_STORE").unwrap(), OpenMode::Write).unwrap();
    let hash = KeyHash(Sha256::digest(KEY.as_bytes()).into());
    store.add_key(&KeyRecord::new(hash, Role::Dispatcher, Timestamp::now()), "bench").unwrap();
    let before = store.newest_happening().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let acknowledged = runtime.block_on(run(Arc::clone(&store)));
    assert_eq!(store.newest_happening().unwrap() - before, acknowledged, "as many are kept as were acknowledged");
    runtime.shutdown_background();
}

/// Returns how many reports were acknowledged.
async fn run(store: SharedStore) -> u64 {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let (name, aim) = (variable("GRIDKEEPER_BENCH_NAME", "store"), variable("GRIDKEEPER_BENCH_AIM", "5000").parse::<u32>().unwrap());
    let lasts = Duration::from_secs(variable("GRIDKEEPER_BENCH_SECONDS", "10").parse().unwrap());
    let mut config = Config::default();
    // All senders show one key here, which is what its bound is for.
    (config.rates.per_key_per_s, config.rates.key_burst) = (1_000_000, 1_000_000);
    let state = AppState::new(Arc::new(Live::default()), Arc::clone(&store), config);
    load_first(&state, &store).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, state.clone(), std::future::pending()));

    let (bare, seconds, _) = drive(answer_at_once().await, SENDERS, lasts, None).await;
    figure("intake_bare_handler", per_second(bare, seconds), "reports/s");
    let (count, seconds, _) = drive(address, SENDERS, lasts, None).await;
    let reached = per_second(count, seconds);
    figure(&format!("intake_{name}_acknowledged"), reached, "cases/s");
    let senders = usize::try_from(aim / 40).unwrap().max(1);
    let half = f64::from(aim).min(reached) / 2.0;
    figure(&format!("intake_{name}_half_asked"), half, "cases/s");
    let (half, seconds, mut delays) = drive(address, senders, lasts, Some(half)).await;
    delays.sort_unstable();
    let at = |share: usize| delays[(delays.len() * share / 1_000).min(delays.len() - 1)].as_secs_f64() * 1_000.0;
    figure(&format!("intake_{name}_half_rate"), per_second(half, seconds), "cases/s");
    figure(&format!("intake_{name}_half_p50"), at(500), "ms");
    figure(&format!("intake_{name}_half_p99"), at(990), "ms");
    figure(&format!("intake_{name}_stream_1000"), tell_all(address).await, "ms");
    count + half + 1
}

/// Serves a handler that takes every report and does nothing with it.
async fn answer_at_once() -> SocketAddr {
    let app = axum::Router::new().route("/v1/incidents", axum::routing::post(async |_: axum::body::Bytes| axum::http::StatusCode::CREATED));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

#[expect(clippy::cast_precision_loss, reason = "a count of cases needs no more than 53 bits")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure {name} {value:.1} {unit}");
}

/// Lets senders report for a time, and returns how many reports were acknowledged, how long that took, and how long each waited. With a
/// rate each has its time, and waits from then on, whether its sender was free by then or not.
async fn drive(address: SocketAddr, senders: usize, lasts: Duration, rate: Option<f64>) -> (u64, f64, Vec<Duration>) {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let (run, begun) = (RUNS.fetch_add(1, Ordering::Relaxed), Instant::now());
    let interval = rate.map(|rate| Duration::from_secs_f64(senders as f64 / rate));
    let tasks: Vec<_> = (0..senders)
        .map(|sender| {
            tokio::spawn(async move {
                let (reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
                let mut reader = BufReader::new(reader);
                let mut delays = Vec::new();
                let offset = interval.map(|interval| interval.mul_f64(sender as f64 / senders as f64)).unwrap_or_default();
                for number in 0_u32.. {
                    let meant = interval.map(|interval| begun + offset + interval * number);
                    if let Some(meant) = meant {
                        tokio::time::sleep_until(meant.into()).await;
                    }
                    let start = meant.unwrap_or_else(Instant::now);
                    if begun.elapsed() >= lasts {
                        break;
                    }
                    post(&mut reader, &mut writer, run, sender, number).await;
                    delays.push(start.elapsed());
                }
                delays
            })
        })
        .collect();
    let mut delays = Vec::new();
    for task in tasks {
        delays.extend(task.await.unwrap());
    }
    (u64::try_from(delays.len()).unwrap(), begun.elapsed().as_secs_f64(), delays)
}

/// Sends one report, somewhere in the sample district, and reads that it was acknowledged.
async fn post<R, W>(reader: &mut R, writer: &mut W, run: u64, sender: usize, number: u32)
where
    R: tokio::io::AsyncBufRead + Unpin,
    W: tokio::io::AsyncWrite + Unpin,
{
    // The golden ratio spreads any number of points evenly.
    let at = (f64::from(number) * 1_024.0 + sender as f64) * 0.618_033_988_749_895;
    let (lon, lat) = (111.30 + 0.5 * at.fract(), 26.00 + 0.25 * (at * 0.754_877_666).fract());
    let body = format!(r#"{{"lon":{lon:.6},"lat":{lat:.6},"description":"楼道堆物","source":"12345"}}"#);
    let request = format!(
        "POST /v1/incidents HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\nIdempotency-Key: {run}-{sender}-{number}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    writer.write_all(request.as_bytes()).await.unwrap();
    let (mut line, mut length, mut status) = (String::new(), 0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).await.unwrap();
        if status.is_empty() {
            status.clone_from(&line);
        } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        } else if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    assert!(status.contains(" 201 "), "{status}{}", String::from_utf8_lossy(&body));
}

/// Lets many listen, reports once, and returns how long it takes until the last of them knows, milliseconds.
async fn tell_all(address: SocketAddr) -> f64 {
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /v1/stream HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while !line.starts_with("retry:") {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
        }
        listeners.push(reader);
    }
    let begun = Instant::now();
    let (reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    post(&mut BufReader::new(reader), &mut writer, u64::MAX, 0, 0).await;
    for reader in &mut listeners {
        let mut line = String::new();
        while !line.starts_with("data:") {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
        }
    }
    begun.elapsed().as_secs_f64() * 1_000.0
}
