//! Several services over one database: what is published shows on all of them, and nothing that breaks makes one answer wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use geo_types::{LineString, MultiPolygon, Polygon};
use gridkeeper::app::{OpenMode, SharedStore, open_store};
use gridkeeper::boundary::{
    FeatureRef, GenerationId, GenerationState, Layer, LayerName, Level, Properties, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use gridkeeper::config::Config;
use gridkeeper::store::{Publication, newest_generation};
use gridkeeper::topology::{Rules, ValidCoverage, check};
use jiff::Timestamp;
use reqwest::blocking::Client;
use serde_json::Value;

use crate::api::process::Process;
use crate::cluster::{Cluster, signal};
use crate::support::PATIENCE;
use crate::wire::Wire;

const SIDE: i32 = 12;
const DEG: f64 = 0.001;
/// How soon a replica must show what was published. The aim is a second at the median; a loaded machine gets longer before the
/// test fails, as timing is the business of the bench.
const SOON: Duration = Duration::from_secs(20);

/// Every unit is named after its generation, and its border moves with it, so that an answer mixed of two generations shows.
fn town(generation: u32) -> ValidCoverage {
    let layer = Config::default().layer(&LayerName::parse("grid").unwrap()).layer;
    let shift = f64::from(generation) * 1e-6;
    let corner = |at: i32| f64::from(at) * DEG + if at == 0 || at == SIDE { 0.0 } else { shift };
    let square = |code: String, level: &str, parent: Option<&str>, [west, south, east, north]: [i32; 4]| {
        let [w, s, e, n] = [corner(west), corner(south), corner(east), corner(north)];
        UnitShape {
            unit: Unit {
                id: UnitId(uuid::Uuid::now_v7()),
                code: UnitCode::parse(&code).unwrap(),
                name: format!("g{generation}"),
                level: Level::parse(level).unwrap(),
                parent: parent.map(|parent| UnitCode::parse(parent).unwrap()),
                properties: Properties::new(),
                validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
            },
            geometry: MultiPolygon(vec![Polygon::new(LineString::from(vec![(w, s), (e, s), (e, n), (w, n), (w, s)]), vec![])]),
            source: FeatureRef::default(),
        }
    };
    let cells = (0..SIDE * SIDE).map(|at| {
        let (x, y) = (at % SIDE, at / SIDE);
        square(format!("431102001001{:03}", at + 1), "grid", Some("431102"), [x, y, x + 1, y + 1])
    });
    let district = square("431102".into(), "district", None, [0, 0, SIDE, SIDE]);
    let checked = check(&layer, vec![vec![district], vec![], vec![], cells.collect()], &Rules::default());
    checked.coverage.unwrap_or_else(|| panic!("{:#?}", checked.problems))
}

/// Publishes the next generation; the number that it will have names its units.
fn publish(store: &SharedStore) -> GenerationId {
    let name = LayerName::parse("grid").unwrap();
    let parent = newest_generation(&store.load_generations(&name).unwrap()).map(|newest| newest.id);
    let coverage = town(parent.map_or(1, |parent| parent.0 + 1));
    let now = Timestamp::now();
    let publication = Publication {
        coverage: &coverage,
        parent,
        state: GenerationState::Published,
        effective_from: now,
        created_at: now,
        author: "test",
        note: "",
        restores: None,
        reuses_codes: false,
    };
    store.publish(publication).unwrap().id
}

/// Some hundred lookups a second and replica leave the machine time for what else the test does.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks replicas all the time, and keeps count of what is wrong with their answers.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    faults: Arc<Mutex<Vec<String>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start(replicas: &[(String, Arc<AtomicBool>)]) -> Self {
        let (stop, asked, faults) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::default());
        let thread = |(address, lives): &(String, Arc<AtomicBool>)| {
            let (stop, asked, faults, lives) = (Arc::clone(&stop), Arc::clone(&asked), Arc::clone(&faults), Arc::clone(lives));
            let address = address.clone();
            std::thread::spawn(move || ask_on(&address, &lives, &stop, &asked, &faults))
        };
        let threads = replicas.iter().map(thread).collect();
        Self { stop, asked, faults, threads }
    }

    fn finish(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
        let faults = self.faults.lock().unwrap();
        assert!(faults.is_empty(), "{} faults: {:#?}", faults.len(), &faults[..faults.len().min(5)]);
        self.asked.load(Ordering::Relaxed)
    }
}

fn ask_on(address: &str, lives: &AtomicBool, stop: &AtomicBool, asked: &AtomicU64, faults: &Mutex<Vec<String>>) {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let (mut newest, mut round) = (0, 0_u32);
    while !stop.load(Ordering::Relaxed) {
        if !lives.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
            newest = 0;
            continue;
        }
        round = round.wrapping_add(1);
        std::thread::sleep(PAUSE);
        let (x, y) = (f64::from(round % 11) + 0.4, f64::from(round / 11 % 11) + 0.6);
        let url = format!("http://{address}/v1/locate?lon={}&lat={}&accuracy_m=60", x * DEG, y * DEG);
        let result = client.get(&url).send().and_then(|response| Ok((response.status().as_u16(), response.text()?)));
        // Killed while it was asked.
        if !lives.load(Ordering::Relaxed) {
            continue;
        }
        asked.fetch_add(1, Ordering::Relaxed);
        let fault = match result {
            Ok((200, text)) => find_fault(&serde_json::from_str(&text).unwrap(), &mut newest),
            Ok((status, text)) => Some(format!("{status}: {text}")),
            Err(error) => Some(format!("{error:?}")),
        };
        faults.lock().unwrap().extend(fault.map(|fault| format!("{address}: {fault}")));
    }
}

/// An answer is of one generation, and no replica goes back to an older one.
fn find_fault(answer: &Value, newest: &mut u64) -> Option<String> {
    let generation = answer["generation"].as_u64()?;
    let name = format!("g{generation}");
    let path = answer["path"].as_array()?;
    let is_whole = answer["status"] == "inside" && path.len() == 2 && path.iter().all(|unit| unit["name"] == *name);
    let is_older = generation < *newest;
    *newest = generation.max(*newest);
    (!is_whole || is_older).then(|| format!("after generation {newest}: {answer}"))
}

fn generation_of(client: &Client, address: &str) -> Option<u64> {
    let url = format!("http://{address}/v1/locate?lon={}&lat={}&fields=generation", 0.4 * DEG, 0.4 * DEG);
    client.get(url).send().ok()?.json::<Value>().ok()?["generation"].as_u64()
}

/// Waits until all show a generation, and returns how long the last of them took.
fn wait_for(client: &Client, replicas: &[&Process], generation: GenerationId) -> Duration {
    let began = Instant::now();
    let mut open: Vec<&&Process> = replicas.iter().collect();
    while !open.is_empty() {
        open.retain(|replica| generation_of(client, replica.address()) != Some(generation.0.into()));
        assert!(began.elapsed() < SOON, "{} replicas do not show generation {generation}", open.len());
        std::thread::sleep(Duration::from_millis(2));
    }
    began.elapsed()
}

fn store_state(client: &Client, replica: &Process) -> String {
    let answer = client.get(format!("http://{}/readyz", replica.address())).send().unwrap();
    assert_eq!(answer.status(), 200, "lookups are answered");
    answer.json::<Value>().unwrap()["store"].as_str().unwrap().to_owned()
}

fn wait_for_store(client: &Client, replica: &Process, state: &str) {
    let end = Instant::now() + PATIENCE;
    while store_state(client, replica) != state {
        assert!(Instant::now() < end, "the store of {} is not {state}", replica.address());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn serve(store: &str) -> (Process, Arc<AtomicBool>) {
    let process = Process::start(store, "127.0.0.1:0");
    process.wait_until_ready();
    (process, Arc::new(AtomicBool::new(true)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn nothing_that_breaks_makes_a_replica_answer_wrong() {
    let settings = ["synchronous_commit = on", "wal_level = replica", "wal_keep_size = 64MB", "hot_standby_feedback = on"];
    let Some(mut primary) = Cluster::start_primary(&settings) else { return };
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let store = open_store(&primary.address(), OpenMode::Create).unwrap();
    publish(&store);
    let standby = primary.start_standby("standby1");
    primary.execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.execute("postgres", "SELECT pg_reload_conf()");
    wait_until_synchronous(&primary);

    // Two follow whichever is the primary, one of them over a wire; the third reads from the standby, which cannot call.
    let wire = Wire::to(primary.port());
    let anywhere = primary.address_with(&[&standby], "?target_session_attrs=read-write&connect_timeout=2");
    let over_wire = format!("postgres://gridkeeper@127.0.0.1:{}/grid?connect_timeout=2", wire.port());
    let ((first, first_lives), (second, second_lives), (third, third_lives)) =
        (serve(&anywhere), serve(&over_wire), serve(&standby.address()));
    let live = |process: &Process, lives: &Arc<AtomicBool>| (process.address().to_owned(), Arc::clone(lives));
    let load = Load::start(&[live(&first, &first_lives), live(&second, &second_lives), live(&third, &third_lives)]);
    let mut acknowledged: Vec<GenerationId> = Vec::new();

    // Twenty publications under load.
    let mut times = Vec::new();
    for _ in 0..20 {
        let generation = publish(&store);
        acknowledged.push(generation);
        times.push(wait_for(&client, &[&first, &second, &third], generation));
    }
    eprintln!("a publication shows on three replicas after {:?} at the median, {:?} at most", median(times.clone()), times.iter().max());
    assert_same_answers(&client, &[&first, &second, &third]);

    // The wire is cut, slow, and hangs.
    wire.cut();
    let generation = publish(&store);
    acknowledged.push(generation);
    wait_for(&client, &[&first, &second, &third], generation);
    wire.slow_down(Duration::from_millis(40));
    let generation = publish(&store);
    acknowledged.push(generation);
    wait_for(&client, &[&first, &second, &third], generation);
    wire.hang();
    let generation = publish(&store);
    acknowledged.push(generation);
    wait_for(&client, &[&first, &third], generation);
    wait_for_store(&client, &second, "down");
    wire.mend();
    wait_for(&client, &[&second], generation);
    wait_for_store(&client, &second, "up");

    // A replica is killed while it is asked, and another takes its place.
    second_lives.store(false, Ordering::Relaxed);
    signal(&second.id().to_string(), "KILL");
    drop(second);
    let generation = publish(&store);
    acknowledged.push(generation);
    wait_for(&client, &[&first, &third], generation);
    let (second, second_lives) = serve(&anywhere);
    wait_for(&client, &[&second], generation);

    // The primary is killed; the replicas go on, and say so. Then the standby takes over, with everything that was acknowledged.
    let load_of_second = Load::start(&[live(&second, &second_lives)]);
    primary.kill();
    wait_for_store(&client, &first, "down");
    wait_for_store(&client, &second, "down");
    assert!(open_store(&primary.address(), OpenMode::Write).is_err());
    standby.execute("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''");
    standby.promote();
    let store = open_store(&anywhere, OpenMode::Write).unwrap();
    let name = LayerName::parse("grid").unwrap();
    let kept: Vec<GenerationId> = store.load_generations(&name).unwrap().iter().map(|generation| generation.id).collect();
    assert!(acknowledged.iter().all(|generation| kept.contains(generation)), "{acknowledged:?} were acknowledged, {kept:?} are kept");
    wait_for_store(&client, &first, "up");
    let generation = publish(&store);
    wait_for(&client, &[&first, &second, &third], generation);
    assert_same_answers(&client, &[&first, &second, &third]);
    let asked = load.finish() + load_of_second.finish();
    eprintln!("{asked} lookups were answered, all of them well");
    assert!(asked > 1_000);
}

fn wait_until_synchronous(primary: &Cluster) {
    let end = Instant::now() + PATIENCE;
    while primary.ask("postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1" {
        assert!(Instant::now() < end, "the standby does not follow synchronously");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is cached by its tag must be the same wherever a balancer sends the caller.
fn assert_same_answers(client: &Client, replicas: &[&Process]) {
    let layer: Layer = Config::default().layer(&LayerName::parse("grid").unwrap()).layer;
    let level = layer.levels.last().unwrap();
    for path in [format!("/collections/{level}/items?limit=200"), "/tiles/boundaries".into(), "/tiles/boundaries/14/8192/8191".into()] {
        let answers: BTreeMap<(Option<String>, Vec<u8>), &str> = replicas
            .iter()
            .map(|replica| {
                // The address stands in links, so all are asked as one.
                let request = client.get(format!("http://{}{path}", replica.address())).header("host", "grid.example");
                let response = request.send().unwrap();
                assert_eq!(response.status(), 200, "{path}");
                let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
                ((tag, response.bytes().unwrap().to_vec()), replica.address())
            })
            .collect();
        assert_eq!(answers.len(), 1, "{path}: {:?}", answers.keys().map(|(tag, _)| tag).collect::<Vec<_>>());
    }
}
