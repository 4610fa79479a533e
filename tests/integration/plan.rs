//! Plans on the command line, from files and from a store.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::store::gdal;
use crate::support::{PATIENCE, Running, gridkeeper, shared};

/// A town of square blocks, twelve along each side, in two halves of 72; the north has most of the load.
struct Blocks {
    dir: TempDir,
}

const SIDE: usize = 12;

impl Blocks {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut text = String::from(r#"{"type":"FeatureCollection","features":["#);
        for at in 0..SIDE * SIDE {
            let (x, y) = (at % SIDE, at / SIDE);
            let (west, south) = (111.6 + x as f64 * 0.001, 26.2 + y as f64 * 0.001);
            let (east, north) = (111.6 + (x + 1) as f64 * 0.001, 26.2 + (y + 1) as f64 * 0.001);
            let load = 1 + (x * 7 + y * 3) % 4 + 3 * usize::from(y >= SIDE / 2);
            let half = if y < SIDE / 2 { "S" } else { "N" };
            let today = format!("{half}{}", x / 3);
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(
                text,
                r#"{comma}{{"type":"Feature","properties":{{"code":"{}","load":{load},"half":"{half}","today":"{today}","人口":{}}},"geometry":{{"type":"Polygon","coordinates":[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]}}}}"#,
                code(at),
                load * 10
            );
        }
        text.push_str("]}");
        std::fs::write(dir.path().join("blocks.geojson"), text).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let source = ["--from", "blocks.geojson", "--code-field", "code", "--load-field", "load"];
        gridkeeper().current_dir(self.dir.path()).arg("plan").args(&args[..1]).args(source).args(&args[1..]).output().unwrap()
    }

    /// Runs a command on the store beside the blocks.
    fn on_store(&self, args: &[&str]) -> Output {
        gridkeeper().current_dir(self.dir.path()).args(["--store", "plan.gpkg"]).args(args).output().unwrap()
    }

    /// Runs a command that succeeds, and returns what it prints.
    fn done(&self, args: &[&str]) -> String {
        let output = self.on_store(args);
        let (told, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {told}{complained}");
        told.into_owned()
    }

    fn balance(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["balance", "--json"], args].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn code(at: usize) -> String {
    format!("B{at:03}")
}

fn read_plan(path: &Path) -> BTreeMap<String, String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    assert_eq!(reader.headers().unwrap(), vec!["unit_code", "district"]);
    reader.records().map(|row| row.unwrap()).map(|row| (row[0].to_owned(), row[1].to_owned())).collect()
}

#[test]
fn a_redraw_from_a_file_is_even_whole_and_comes_again() {
    let blocks = Blocks::new();
    let args = ["--parent-field", "half", "--into", "12", "--mode", "redraw", "--seed", "5"];
    let told = blocks.balance(&[&args[..], &["-o", "a.csv"]].concat());
    let metrics = &told["metrics"];
    assert_eq!(
        (metrics["districts"].as_u64(), metrics["torn"].as_u64(), metrics["parent_crossings"].as_u64()),
        (Some(12), Some(0), Some(0))
    );
    assert!(metrics["balance"]["imbalance_max"].as_f64().unwrap() <= 0.05, "{metrics}");
    assert_eq!((metrics["unassigned"].as_u64(), metrics["holes"].as_u64()), (Some(0), Some(0)));
    // The north has twice the load of the south, and so twice the districts.
    let districts =
        |half: &str| metrics["communities"].as_array().unwrap().iter().find(|c| c["code"] == half).unwrap()["districts"].as_u64();
    assert_eq!((districts("N"), districts("S")), (Some(8), Some(4)));
    let plan = read_plan(&blocks.path("a.csv"));
    assert_eq!(plan.len(), SIDE * SIDE);
    assert!(plan.iter().all(|(unit, district)| district.starts_with(if unit.as_str() < "B072" { "S0" } else { "N0" })), "{plan:?}");
    blocks.balance(&[&args[..], &["-o", "b.csv"]].concat());
    assert_eq!(std::fs::read(blocks.path("a.csv")).unwrap(), std::fs::read(blocks.path("b.csv")).unwrap());
}

#[test]
fn a_warm_balance_keeps_locks_and_explains_every_move() {
    let blocks = Blocks::new();
    let source = ["--parent-field", "half", "--current-field", "today", "--into", "8", "--tolerance", "0.03"];
    let told = blocks.balance(&[&source[..], &["--lock", "B000,N1", "-o", "plan.csv"]].concat());
    assert_eq!(told["mode"], "warm");
    let plan = read_plan(&blocks.path("plan.csv"));
    assert_eq!(plan["B000"], "S0");
    let kept = plan.iter().filter(|(_, district)| *district == "N1").count();
    assert!(kept >= 18, "the 18 units of N1 are locked, and {kept} are there");
    assert_eq!(told["metrics"]["locked"], 19);
    let moved = &told["metrics"]["moved"];
    assert_eq!(moved["locked"], 0);
    // Residents are ten times the load here, and are found by their usual name.
    assert!((moved["residents"].as_f64().unwrap() - 10.0 * moved["load"].as_f64().unwrap()).abs() < 1e-6);
    assert!(told["today"]["balance"]["imbalance_max"].as_f64() >= told["metrics"]["balance"]["imbalance_max"].as_f64());
    for change in told["changes"].as_array().unwrap() {
        let text = change["text"].as_str().unwrap();
        assert!(text.contains(" takes ") && text.contains(" from ") && text.contains(" % → "), "{text}");
    }
    // What the command says of a plan is what a comparison says of the file it wrote.
    let output = blocks.run(&["compare", "plan.csv", "--parent-field", "half", "--current-field", "today", "--json", "-o", "changes.csv"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let compared: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(compared["after"]["moved"]["load"], moved["load"]);
    assert_eq!(compared["after"]["balance"], told["metrics"]["balance"]);
    let rows = csv::Reader::from_path(blocks.path("changes.csv")).unwrap().records().count();
    assert_eq!(Some(rows as u64), moved["units"].as_u64());
}

#[test]
fn a_bound_that_cannot_be_met_ends_with_one_and_says_why() {
    let blocks = Blocks::new();
    let output = blocks.run(&["balance", "--into", "4", "--ceiling", "10"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("its districts carry") && told.contains("change their number"), "{told}");
    // What makes no sense is usage.
    for wrong in [
        &["balance", "--into", "4", "--mode", "warm"][..],
        &["balance", "--into", "4", "--lock", "nobody"],
        &["balance", "--into", "0"],
        &["balance", "--into", "4", "--parent-field", "nothing"],
        &["balance", "--into", "1000"],
        &["balance", "--into", "4", "--floor=nan"],
        &["balance", "--into", "4", "--floor=-1"],
        &["balance", "--into", "4", "--ceiling=inf"],
        &["staff", "--ceiling=nan"],
        &["staff", "--cost=inf"],
    ] {
        let output = blocks.run(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn the_plan_itself_goes_to_standard_output() {
    let blocks = Blocks::new();
    let output = blocks.run(&["balance", "--into", "3", "-o", "-"]);
    assert!(output.status.success());
    let plan = String::from_utf8(output.stdout).unwrap();
    assert!(plan.starts_with("unit_code,district\nB000,") && plan.lines().count() == SIDE * SIDE + 1, "{plan}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("144 units in 3 districts"));
}

#[test]
fn an_interrupt_ends_with_the_best_plan_so_far() {
    let blocks = Blocks::new();
    // Years of work, so that it cannot end by itself.
    let args =
        ["plan", "balance", "--from", "blocks.geojson", "--code-field", "code", "--load-field", "load", "--into", "6", "-o", "plan.csv"];
    let child =
        gridkeeper().current_dir(blocks.dir.path()).args(args).args(["--seconds", "1e8", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let status = format!("/proc/{}/status", running.0.id());
    let end = Instant::now() + PATIENCE;
    // SIGINT is the second bit of the signals that a process catches.
    let catches = |text: &str| {
        text.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok()).is_some_and(|mask| mask & 2 > 0)
    };
    while !catches(&std::fs::read_to_string(&status).unwrap()) {
        assert!(Instant::now() < end, "the program does not wait for an interrupt");
        std::thread::sleep(Duration::from_millis(20));
    }
    running.signal("INT");
    let code = running.wait();
    assert!(matches!(code, 0 | 1), "{code}");
    assert_eq!(read_plan(&blocks.path("plan.csv")).len(), SIDE * SIDE);
    let mut told = String::new();
    running.0.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["finished"], false);
}

#[test]
fn borders_run_along_lines_leave_compounds_whole_and_begin_around_points() {
    let blocks = Blocks::new();
    let feature = |geometry: Value| json!({ "type": "Feature", "properties": {}, "geometry": geometry });
    let write = |features: &[Value]| {
        let collection = json!({ "type": "FeatureCollection", "features": features });
        std::fs::write(blocks.path("wishes.geojson"), collection.to_string()).unwrap();
    };
    let source = ["--into", "2", "--tolerance", "0.25"];
    let plan = |more: &[&str]| {
        let told = blocks.balance(&[&source[..], &["-o", "plan.csv"], more].concat());
        (told, read_plan(&blocks.path("plan.csv")))
    };
    // Pairs of blocks with a border between the rows.
    let cuts = |plan: &BTreeMap<String, String>, row: usize| {
        (0..SIDE).filter(|column| plan[&code((row - 1) * SIDE + column)] != plan[&code(row * SIDE + column)]).count()
    };
    // Loads alone draw the border a row to the south of the road.
    let road = feature(json!({ "type": "LineString", "coordinates": [[111.59, 26.208], [111.62, 26.208]] }));
    write(&[road]);
    let (_, without) = plan(&[]);
    let (told, with) = plan(&["--wishes", "wishes.geojson"]);
    assert_eq!((told["metrics"]["torn"].as_u64(), cuts(&without, 7), cuts(&with, 8)), (Some(0), SIDE, SIDE), "{without:?} {with:?}");
    // A compound that lies where the border was is cut no more.
    let compound = json!([[[111.59, 26.2066], [111.62, 26.2066], [111.62, 26.2074], [111.59, 26.2074], [111.59, 26.2066]]]);
    write(&[feature(json!({ "type": "Polygon", "coordinates": compound }))]);
    let (_, whole) = plan(&["--wishes", "wishes.geojson"]);
    assert_eq!(cuts(&whole, 7), 0, "{whole:?}");
    // Two stations in the far south: each in a district of its own.
    let station = |x: f64| feature(json!({ "type": "Point", "coordinates": [x, 26.2005] }));
    write(&[station(111.6005), station(111.6015)]);
    let (told, around) = plan(&["--wishes", "wishes.geojson", "--current-field", "today", "--mode", "redraw"]);
    assert_ne!(around["B000"], around["B001"]);
    assert_eq!((&told["metrics"]["torn"], &told["metrics"]["districts"]), (&json!(0), &json!(2)));
    assert!(around.values().all(|district| district.starts_with(['N', 'S'])), "districts keep names of today's: {around:?}");
    // More stations than districts are told as such, and so is the way out.
    write(&[station(111.6005), station(111.6015), station(111.6025)]);
    let many = blocks.run(&[&["balance"], &source[..], &["--wishes", "wishes.geojson", "--json", "-o", "plan.csv"]].concat());
    let told = told_any(&many);
    let finding = told["findings"].as_array().unwrap().iter().find(|finding| finding["kind"] == "too_many_points").unwrap();
    assert_eq!((many.status.code(), &finding["count"]), (Some(1), &json!(3)));
    assert!(finding["text"].as_str().unwrap().contains("leave points out"), "{finding}");
    assert!(!told["findings"].to_string().contains("lock"), "{}", told["findings"]);
    write(&[station(111.6005), station(111.6006)]);
    let refused = blocks.run(&[&["balance"], &source[..], &["--wishes", "wishes.geojson", "-o", "-"]].concat());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("two points lie in unit B000"), "{refused:?}");
}

#[test]
fn districts_have_at_least_what_is_asked_for_beside_the_load() {
    let blocks = Blocks::new();
    let plan = |more: &[&str]| {
        let args = ["balance", "--into", "6", "--mode", "redraw", "--tolerance", "0.3", "--json", "-o", "plan.csv"];
        let output = blocks.run(&[&args[..], more].concat());
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        if output.status.success() {
            read_plan(&blocks.path("plan.csv")).into_values().for_each(|district| *sizes.entry(district).or_default() += 1);
        }
        (output, sizes.into_values().min())
    };
    let least = plan(&[]).1.unwrap();
    let (output, more) = plan(&["--at-least", &format!("units:{}", least + 1), "--at-most", "units:40"]);
    assert!(more > Some(least), "{least}: {output:?}");
    let (output, _) = plan(&["--at-least", "units:25"]);
    let told = told_any(&output);
    let finding = told["findings"].as_array().unwrap().iter().find(|finding| finding["kind"] == "under_limit").unwrap();
    assert_eq!((output.status.code(), &finding["figure"], &finding["bounds"]), (Some(1), &json!("units"), &json!([25.0, 144.0])));
    assert!(finding["text"].as_str().unwrap().contains("24 units on the mean"), "{finding}");
    let refused = plan(&["--at-least", "units:9", "--at-most", "units:8"]).0;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("at least 9 and at most 8 of units"), "{refused:?}");
}

#[test]
fn several_loads_are_balanced_by_their_weights() {
    let blocks = Blocks::new();
    let args = ["--into", "4", "--mode", "redraw", "--tolerance", "0.04"];
    let output = gridkeeper()
        .current_dir(blocks.dir.path())
        .args(["plan", "balance", "--json", "--from", "blocks.geojson", "--code-field", "code", "--load-field", "load:3,人口:1"])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let variables = told["variables"].as_array().unwrap();
    assert_eq!((&variables[0]["name"], &variables[0]["weight"], &variables[1]["weight"]), (&"load".into(), &3.0.into(), &1.0.into()));
    // Residents are ten times the load in every unit, so that both come out as even as their sum.
    for variable in variables {
        let off = variable["balance"]["imbalance_max"].as_f64().unwrap();
        assert!((off - told["metrics"]["balance"]["imbalance_max"].as_f64().unwrap()).abs() < 1e-9, "{variable}");
    }
    // Their sum is in a measure of its own, so that a floor or a ceiling of it would mean nothing; each of them is bounded instead.
    let run = |command: &str, more: &[&str]| {
        let source = ["--from", "blocks.geojson", "--code-field", "code", "--load-field", "load:3,人口:1"];
        gridkeeper().current_dir(blocks.dir.path()).args(["plan", command]).args(source).args(more).output().unwrap()
    };
    for bound in ["--floor", "--ceiling"] {
        let refused = run("balance", &[&args[..], &[bound, "120"]].concat());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(2) && said.contains("2 are balanced together"), "{said}");
    }
    let refused = run("staff", &["--workers", "4", "--ceiling", "120"]);
    assert!(refused.status.code() == Some(2) && String::from_utf8_lossy(&refused.stderr).contains("bounds one load"), "{refused:?}");
    assert!(run("balance", &[&args[..], &["--at-most", "load:200,人口:2000"]].concat()).status.success());
}

#[test]
fn a_parent_without_a_worker_has_nobody_for_its_load() {
    let blocks = Blocks::new();
    // Two districts lie in the west, and one of them has a unit in the east, where there is none.
    let unit = |at: usize, load: u32, parent: &str, today: &str| {
        let (west, east) = (111.6 + at as f64 * 0.001, 111.6 + (at + 1) as f64 * 0.001);
        let ring = json!([[[west, 26.2], [east, 26.2], [east, 26.201], [west, 26.201], [west, 26.2]]]);
        let properties = json!({ "code": code(at), "load": load, "parent": parent, "today": today });
        json!({ "type": "Feature", "properties": properties, "geometry": { "type": "Polygon", "coordinates": ring } })
    };
    let units = [unit(0, 50, "west", "1"), unit(1, 25, "west", "2"), unit(2, 25, "west", "2"), unit(3, 100, "east", "2")];
    std::fs::write(blocks.path("blocks.geojson"), json!({ "type": "FeatureCollection", "features": units }).to_string()).unwrap();
    let args = ["staff", "--parent-field", "parent", "--current-field", "today", "--ceiling", "150"];
    let told = told_any(&blocks.run(&[&args[..], &["--json"]].concat()));
    let today = &told["today"];
    assert_eq!((&today["load_min"], &today["load_max"], &today["load_mean"]), (&json!(50.0), &Value::Null, &json!(100.0)), "{today}");
    assert_eq!((&today["without_workers"], &today["over_ceiling"]), (&json!(["east"]), &json!(1)));
    assert_eq!((&told["staffing"]["load_max"], &told["staffing"]["without_workers"]), (&json!(100.0), &json!([])));
    let said = String::from_utf8(blocks.run(&args).stdout).unwrap();
    assert!(
        said.contains("today: 2 workers, load 100 each, 50 and more (-50.00 % and more), nobody in east, 1 over the ceiling"),
        "{said}"
    );
}

/// As docs/planning.md has it; one street of the sample has an exclave.
#[test]
fn the_worked_example_becomes_a_draft_though_a_street_lies_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = gridkeeper().current_dir(folder.path()).args(["--store", "town.gpkg"]).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for (file, level) in
        [("district.geojson", "district"), ("streets.geojson", "street"), ("communities.geojson", "community"), ("grids.shp", "grid")]
    {
        run(&["import", &format!("{}/shapes/lingling/{file}", env!("CARGO_MANIFEST_DIR")), "--level", level]);
    }
    let options = ["--level", "grid", "--within", "street", "--load", "面积", "--into", "39", "--tolerance", "0.27", "-o", "plan.csv"];
    let told = run(&[&["plan", "balance"], &options[..]].concat());
    for part in ["lie in 2 pieces", "imbalance at most 26.03 %", "21 units, load", "6.50 %, 1.95 × the least possible"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let told = run(&["plan", "import", "plan.csv", "--level", "grid", "--title", "even", "--load", "面积"]);
    assert!(told.contains("21 units go to other districts; 0 districts begin, 0 end"), "{told}");
}

#[test]
fn staff_is_shared_out_by_load() {
    let blocks = Blocks::new();
    let output = blocks.run(&[
        "staff",
        "--parent-field",
        "half",
        "--current-field",
        "today",
        "--ceiling",
        "80",
        "--cost",
        "1000",
        "--what-if",
        "8..12/2",
        "--json",
    ]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["today"]["workers"], &told["staffing"]["workers"]), (&8.into(), &8.into()));
    let load =
        |half: &str| told["parents"].as_array().unwrap().iter().find(|parent| parent["parent"] == half).unwrap()["load"].as_f64().unwrap();
    let fewest = (load("N") / 80.0).ceil() + (load("S") / 80.0).ceil();
    assert_eq!(told["fewest_under_ceiling"].as_f64(), Some(fewest));
    let what_if: Vec<u64> = told["what_if"].as_array().unwrap().iter().map(|row| row["workers"].as_u64().unwrap()).collect();
    assert_eq!(what_if, [8, 10, 12]);
    assert_eq!(told["what_if"][2]["cost"], 12_000.0);
    let is_over = told["staffing"]["over_ceiling"].as_u64().unwrap() > 0;
    assert_eq!(output.status.code(), Some(i32::from(is_over)));
    let spread = |part: &Value| part["load_max"].as_f64().unwrap() / part["load_min"].as_f64().unwrap();
    assert!(spread(&told["staffing"]) < spread(&told["today"]));
}

#[test]
fn units_of_a_store_are_balanced_within_their_streets() {
    let dir = tempfile::tempdir().unwrap();
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling");
    let run = |args: &[&str]| gridkeeper().env("GRIDKEEPER_STORE", dir.path().join("store.gpkg")).args(args).output().unwrap();
    for (file, rest) in [
        ("streets.geojson", &["import", "--level", "street"][..]),
        ("communities.geojson", &["import", "--level", "community"]),
        ("grids.shp", &["import", "--level", "grid"]),
        ("incidents.csv", &["incidents", "import"]),
    ] {
        let file = shapes.join(file);
        let output = run(&[rest, &[file.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // Grids into duty grids of several, none of which reaches into another street.
    let balance = ["plan", "balance", "--level", "grid", "--within", "street", "--json"];
    let output = run(&[&balance[..], &["--into", "40", "--load", "面积", "--tolerance", "0.4"]].concat());
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let metrics = &told["metrics"];
    assert_eq!((metrics["districts"].as_u64(), metrics["parent_crossings"].as_u64()), (Some(40), Some(0)));
    // Streets of the sample have exclaves, which go with somebody.
    let apart = told["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == "in_pieces").count();
    assert!(metrics["torn"].as_u64().unwrap() <= apart as u64, "{}", told["findings"]);
    assert_eq!(metrics["communities"].as_array().unwrap().len(), 16);
    let area: f64 = metrics["by_district"].as_array().unwrap().iter().map(|district| district["area_m2"].as_f64().unwrap()).sum();
    assert!((area / metrics["load"].as_f64().unwrap() - 1.0).abs() < 1e-3, "the field has the areas of the grids");
    // Where blocks are balanced within streets, their communities are today's plan.
    let output = run(&[&balance[..], &["--into", "39"]].concat());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["mode"], "warm", "{told}");
    assert!((told["metrics"]["load"].as_f64().unwrap() - 300.0).abs() < 1e-6, "every case lies in some grid and counts once");
}

#[test]
fn work_is_weighed_as_the_settings_say_and_says_what_it_is_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling");
    let run = |args: &[&str]| {
        gridkeeper().current_dir(dir.path()).env("GRIDKEEPER_STORE", dir.path().join("store.gpkg")).args(args).output().unwrap()
    };
    for (file, rest) in [
        ("streets.geojson", &["import", "--level", "street"][..]),
        ("communities.geojson", &["import", "--level", "community"]),
        ("grids.shp", &["import", "--level", "grid"]),
        ("incidents.csv", &["incidents", "import"]),
    ] {
        let output = run(&[rest, &[shapes.join(file).to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let told = |output: Output| -> Value {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    // Without settings the work is the cases.
    let plain = told(run(&["plan", "load", "--level", "grid", "--json"]));
    assert_eq!((plain["workload"].as_f64().map(f64::round), &plain["weights"]), (Some(300.0), &serde_json::json!({ "cases": 1.0 })));
    let grid = plain["heaviest"][0]["unit_code"].as_str().unwrap();
    let other = plain["heaviest"][1]["unit_code"].as_str().unwrap();

    // What is kept elsewhere is loaded by code; what is wrong with it is told row by row, and nothing is stored.
    std::fs::write(dir.path().join("bad.csv"), format!("unit_code,load,value\n{grid},homes,many\nnowhere,homes,3\n")).unwrap();
    let refused = run(&["load", "import", "bad.csv"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("no number from 0 up") && said.contains("nowhere"), "{said}");
    std::fs::write(dir.path().join("homes.csv"), format!("网格编码,指标,数值\n{grid},homes,40\n{other},homes,1200\n")).unwrap();
    let stored = run(&["load", "import", "homes.csv"]);
    assert!(stored.status.success(), "{}", String::from_utf8_lossy(&stored.stderr));

    let settings = "[workload]\ncases = 2.0\nwalk_km = 0.5\n[workload.fields]\nhomes = 0.1\n";
    std::fs::write(dir.path().join("gridkeeper.toml"), settings).unwrap();
    let weighed = told(run(&["plan", "load", "--level", "grid", "--json", "--top", "2000"]));
    let units = weighed["heaviest"].as_array().unwrap();
    assert_eq!(units[0]["unit_code"], other, "twelve hundred homes are more than any cases");
    for unit in units {
        let sum: f64 = unit["parts"].as_array().unwrap().iter().map(|part| part["workload"].as_f64().unwrap()).sum();
        assert!((sum - unit["workload"].as_f64().unwrap()).abs() < 1e-9, "{unit}");
    }
    let part = |term: &str| units[0]["parts"].as_array().unwrap().iter().find(|part| part["term"] == term).unwrap()["workload"].as_f64();
    assert_eq!(part("homes"), Some(120.0));
    assert!(part("walk_km").unwrap() > 0.0);

    // A balance takes the same figures, by name or all together.
    let balance = ["plan", "balance", "--level", "grid", "--within", "street", "--into", "39", "--json", "--load"];
    let together = told_any(&run(&[&balance[..], &["workload"]].concat()));
    assert!((together["metrics"]["load"].as_f64().unwrap() / weighed["workload"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert_eq!(told_any(&run(&[&balance[..], &["homes"]].concat()))["metrics"]["load"], 1240.0);
    let missing = run(&[&balance[..], &["hoems"]].concat());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("load it with `load import`"));
}

/// What a plan says, whether or not all bounds were met.
fn told_any(output: &Output) -> Value {
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn real_precincts_come_out_more_even_and_more_compact_than_the_published_districts() {
    let Some(file) = shared("data/mn_precincts/mn_08_16.zip") else { return };
    for (field, into, tolerance) in [("CONGDIST", "8", "0.003"), ("MNSENDIST", "67", "0.025"), ("MNLEGDIST", "134", "0.05")] {
        let args = ["plan", "balance", "--code-field", "VTD", "--load-field", "TOTPOP", "--mode", "redraw", "--json"];
        let output = gridkeeper()
            .args(args)
            .args(["--from", file.to_str().unwrap(), "--current-field", field, "--into", into, "--tolerance", tolerance])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let figure = |plan: &str, group: &str, name: &str| told[plan][group][name].as_f64().unwrap();
        assert_eq!(told["metrics"]["torn"], 0, "{into}");
        assert!(figure("metrics", "balance", "imbalance_max") < figure("today", "balance", "imbalance_max"), "{into}");
        let (ours, published) = (figure("metrics", "compactness", "polsby_popper"), figure("today", "compactness", "polsby_popper"));
        assert!(ours > published, "{into} districts: {ours} against {published}");
    }
}

#[test]
fn washington_gets_wards_of_equal_population_and_districts_of_equal_requests() {
    let data = ["block_groups_2010.geojson.gz", "smd_2013.geojson.gz", "incidents_311_2016.csv.gz"];
    let [Some(groups), Some(members), Some(requests)] = data.map(|file| shared(&format!("data/dc/{file}"))) else { return };
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        gridkeeper().current_dir(dir.path()).env("GRIDKEEPER_STORE", dir.path().join("store.gpkg")).args(args).output().unwrap()
    };
    let told = |args: &[&str], into: u64, tolerance: f64| {
        let output = run(&[&["plan", "balance", "--mode", "redraw", "--json"], args].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let metrics = &told["metrics"];
        assert_eq!((metrics["districts"].as_u64(), &metrics["torn"], &metrics["unassigned"]), (Some(into), &json!(0), &json!(0)));
        assert!(metrics["balance"]["imbalance_max"].as_f64().unwrap() <= tolerance, "{}", metrics["balance"]);
        metrics["load"].as_f64().unwrap()
    };
    let source = ["--from", groups.to_str().unwrap(), "--code-field", "GEOID", "--load-field", "POP100"];
    let people = told(&[&source[..], &["--into", "8", "--tolerance", "0.01"]].concat(), 8, 0.01);
    assert!((people - 601_723.0).abs() < 0.5, "the census counted 601,723: {people}");
    // One request has no position.
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(requests).unwrap()).read_to_string(&mut text).unwrap();
    let mut cases = csv::Writer::from_path(dir.path().join("cases.csv")).unwrap();
    cases.write_record(["id", "category", "reported_at", "lon", "lat"]).unwrap();
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        if !row["lon"].is_empty() {
            cases.write_record([&row["id"], &row["service_code"], &row["reported_at"], &row["lon"], &row["lat"]]).unwrap();
        }
    }
    cases.flush().unwrap();
    let import = ["import", members.to_str().unwrap(), "--level", "grid", "--code-field", "SMD_ID"];
    for args in [&import[..], &["incidents", "import", "cases.csv"]] {
        let output = run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let load = told(&["--level", "grid", "--load", "workload", "--into", "40", "--tolerance", "0.05"], 40, 0.05);
    assert!((load - 22_582.0).abs() < 1e-6, "every request counts once: {load}");
}

/// A store of blocks in two halves, the communities, with how commands are run on it.
fn halves(blocks: &Blocks) {
    let rectangle = |code: &str, south: f64, north: f64| {
        format!(
            r#"{{"type":"Feature","properties":{{"code":"{code}"}},"geometry":{{"type":"Polygon","coordinates":[[[111.6,{south}],[111.612,{south}],[111.612,{north}],[111.6,{north}],[111.6,{south}]]]}}}}"#
        )
    };
    let halves =
        format!(r#"{{"type":"FeatureCollection","features":[{},{}]}}"#, rectangle("S", 26.2, 26.206), rectangle("N", 26.206, 26.212));
    std::fs::write(blocks.path("halves.geojson"), halves).unwrap();
    blocks.done(&["import", "halves.geojson", "--level", "community"]);
    blocks.done(&["import", "blocks.geojson", "--level", "grid", "--parent-field", "half"]);
}

#[test]
fn a_plan_becomes_a_draft_that_a_second_person_has_published() {
    let blocks = Blocks::new();
    halves(&blocks);
    let (run, done) = (|args: &[&str]| blocks.on_store(args), |args: &[&str]| blocks.done(args));
    let write = |name: &str, district: &dyn Fn(usize) -> String| {
        let rows: String = (0..SIDE * SIDE).map(|at| format!("{},{}\n", code(at), district(at))).collect();
        std::fs::write(blocks.path(name), format!("unit_code,district\n{rows}")).unwrap();
    };
    // A chessboard hangs together nowhere, and then nothing is written.
    write("torn.csv", &|at| format!("P{}", (at % SIDE + at / SIDE) % 2));
    let refused = run(&["plan", "import", "torn.csv", "--level", "grid"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("shares no border"), "{refused:?}");
    write("thirds.csv", &|at| format!("P{}", at % SIDE / 4));
    let told = done(&["plan", "import", "thirds.csv", "--level", "grid", "--title", "thirds", "--author", "one"]);
    assert!(told.contains("3 districts begin, 2 end"), "{told}");
    let draft = told.split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!(run(&["plan", "publish", &draft]).status.code(), Some(1));
    assert!(!run(&["plan", "approve", &draft, "--author", "one"]).status.success());
    done(&["plan", "approve", &draft, "--author", "two"]);
    // Nobody holds anything.
    assert_eq!(run(&["plan", "publish", &draft]).status.code(), Some(1));
    let published = done(&["plan", "publish", &draft, "--accept-unheld"]);
    assert!(published.starts_with("generation "), "{published}");
    assert!(!run(&["plan", "publish", &draft, "--accept-unheld"]).status.success());
    let found = done(&["locate", "111.6005", "26.2115", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!((&found["path"][0]["code"], &found["grid"]["code"]), (&"P0".into(), &"B132".into()), "{found}");
}

/// Makes a draft of a plan and publishes it.
fn take(blocks: &Blocks, plan: &str) {
    let told = blocks.done(&["plan", "import", plan, "--level", "grid", "--author", "one"]);
    let draft = told.split_whitespace().nth(1).unwrap();
    blocks.done(&["plan", "approve", draft, "--author", "two"]);
    blocks.done(&["plan", "publish", draft, "--accept-unheld"]);
}

#[test]
fn a_plan_gives_no_code_that_has_ended_and_one_that_does_leaves_nothing_behind() {
    let blocks = Blocks::new();
    let street = json!([[[111.6, 26.2], [111.612, 26.2], [111.612, 26.212], [111.6, 26.212], [111.6, 26.2]]]);
    let street = json!({ "type": "Feature", "properties": { "code": "X" }, "geometry": { "type": "Polygon", "coordinates": street } });
    std::fs::write(blocks.path("street.geojson"), json!({ "type": "FeatureCollection", "features": [street] }).to_string()).unwrap();
    blocks.done(&["import", "street.geojson", "--level", "street"]);
    halves(&blocks);
    let balance = |plan: &str| {
        let source = ["plan", "balance", "--level", "grid", "--within", "street", "--load", "load", "--into", "3", "--tolerance", "0.2"];
        blocks.done(&[&source[..], &["-o", plan]].concat());
        let mut districts: Vec<String> = read_plan(&blocks.path(plan)).into_values().collect();
        districts.sort_unstable();
        districts.dedup();
        districts
    };
    assert_eq!(balance("first.csv"), ["N", "S", "X001"]);
    take(&blocks, "first.csv");
    // The third district ends again; both programs and people call the columns as they like.
    let rows: String = (0..SIDE * SIDE).map(|at| format!("{},{}\n", code(at), if at < SIDE * SIDE / 2 { "S" } else { "N" })).collect();
    std::fs::write(blocks.path("halves.csv"), format!("编码,网格\n{rows}")).unwrap();
    let source = ["--level", "grid", "--within", "street", "--load", "load", "--json"];
    let compared = blocks.done(&[&["plan", "compare", "first.csv", "halves.csv"], &source[..]].concat());
    assert_eq!(serde_json::from_str::<Value>(&compared).unwrap()["after"]["districts"], 2);
    take(&blocks, "halves.csv");
    let before = blocks.done(&["generation", "list", "--json"]);
    let refused = blocks.on_store(&["plan", "import", "first.csv", "--level", "grid"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    let at = read_plan(&blocks.path("first.csv")).values().position(|district| district == "X001").unwrap();
    let place = format!("at {:.6} {:.6}", 111.6005 + (at % SIDE) as f64 * 0.001, 26.2005 + (at / SIDE) as f64 * 0.001);
    assert!(said.contains(&format!("row {}: the code X001 is or was that of a community {place}", at + 2)), "{said}");
    assert_eq!(blocks.done(&["generation", "list", "--json"]), before, "nothing is written");
    assert_eq!(balance("second.csv"), ["N", "S", "X002"]);
    take(&blocks, "second.csv");
}

#[test]
fn a_draft_goes_out_as_a_geopackage_is_edited_elsewhere_and_comes_back() {
    let blocks = Blocks::new();
    halves(&blocks);
    let rows: String = (0..SIDE * SIDE).map(|at| format!("{},P{}\n", code(at), at % SIDE / 4)).collect();
    std::fs::write(blocks.path("thirds.csv"), format!("unit_code,district\n{rows}")).unwrap();
    let told = blocks.done(&["plan", "import", "thirds.csv", "--level", "grid", "--title", "thirds"]);
    let draft = told.split_whitespace().nth(1).unwrap().to_owned();
    blocks.done(&["export", "gpkg", "out.gpkg", "--generation", &draft]);
    let path = |name: &str| blocks.path(name).to_string_lossy().into_owned();
    // Another program moves a corner that four blocks share, as somebody does who edits with shared borders.
    if gdal("ogr2ogr", &["-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=15", &path("out.json"), &path("out.gpkg"), "grid"]).is_none() {
        return;
    }
    let edit = |of_all: bool| {
        let mut collection: Value = serde_json::from_slice(&std::fs::read(path("out.json")).unwrap()).unwrap();
        let (mut moved, at) = (0, [111.601, 26.201]);
        for feature in collection["features"].as_array_mut().unwrap() {
            for corner in
                feature["geometry"]["coordinates"].as_array_mut().unwrap().iter_mut().flat_map(|ring| ring.as_array_mut().unwrap())
            {
                // A GeoPackage may hold each block as a multipolygon.
                let corners =
                    if corner[0].is_array() { corner.as_array_mut().unwrap().as_mut_slice() } else { std::slice::from_mut(corner) };
                for corner in corners {
                    let is_it = (0..2).all(|axis| (corner[axis].as_f64().unwrap() - at[axis]).abs() < 1e-9);
                    if is_it && (of_all || moved == 0) {
                        *corner = json!([at[0] + 2e-4, at[1] + 1e-4]);
                        moved += 1;
                    }
                }
            }
        }
        std::fs::write(path("edited.json"), collection.to_string()).unwrap();
        let _ = std::fs::remove_file(path("edited.gpkg"));
        gdal("ogr2ogr", &["-f", "GPKG", "-nln", "grid", &path("edited.gpkg"), &path("edited.json")]).unwrap();
        moved
    };
    let back = ["import", "edited.gpkg", "--level", "grid", "--draft", "--from", &draft];
    // One block alone would leave a gap and an overlap: the same check as ever.
    assert_eq!(edit(false), 1);
    let torn = blocks.on_store(&back);
    assert_eq!(torn.status.code(), Some(1), "{torn:?}");
    assert!(edit(true) >= 4);
    let told = blocks.done(&back);
    let told = told.lines().find(|line| line.starts_with("draft ")).unwrap();
    let second = told.split_whitespace().nth(1).unwrap();
    assert_ne!(second, draft);
    let compared: Value = serde_json::from_str(&blocks.done(&["generation", "compare", &draft, second, "--json"])).unwrap();
    let grids = compared["levels"].as_array().unwrap().iter().find(|level| level["level"] == "grid").unwrap();
    assert_eq!(grids["changed"], json!({ "redrawn": 4 }), "the districts of the draft are there, and four blocks are redrawn");
    let communities = compared["levels"].as_array().unwrap().iter().find(|level| level["level"] == "community").unwrap();
    assert_eq!((&communities["changed"], &communities["unchanged"]), (&json!({}), &json!(3)));
}

/// Three districts side by side, as a plan.
fn write_thirds(blocks: &Blocks) {
    let rows: String = (0..SIDE * SIDE).map(|at| format!("{},P{}\n", code(at), at % SIDE / 4)).collect();
    std::fs::write(blocks.path("thirds.csv"), format!("unit_code,district\n{rows}")).unwrap();
}

fn import_thirds(blocks: &Blocks, more: &[&str]) -> String {
    let told = blocks.done(&[&["plan", "import", "thirds.csv", "--level", "grid", "--author", "one"], more].concat());
    told.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn no_plan_begins_from_a_draft_that_was_overtaken() {
    let blocks = Blocks::new();
    halves(&blocks);
    write_thirds(&blocks);
    let (overtaken, newest) = (import_thirds(&blocks, &[]), import_thirds(&blocks, &["--load", "load"]));
    blocks.done(&["plan", "approve", &newest, "--author", "two"]);
    blocks.done(&["plan", "publish", &newest, "--accept-unheld"]);
    let refused = blocks.on_store(&["plan", "import", "thirds.csv", "--level", "grid", "--from", &overtaken]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("begin one from generation 5"), "{said}");
    // What was published as the newest is the newest.
    std::fs::write(blocks.path("one.csv"), "unit_code,district\nB004,P0\n").unwrap();
    blocks.done(&["plan", "import", "one.csv", "--level", "grid", "--from", &newest]);
    let unknown = blocks.on_store(&["plan", "import", "thirds.csv", "--level", "grid", "--load", "lod"]);
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(unknown.status.code() == Some(2) && said.contains("are: load, 人口"), "{said}");
}

#[test]
fn posts_go_with_a_publication_and_no_roster_is_imported_over_them() {
    let blocks = Blocks::new();
    halves(&blocks);
    write_thirds(&blocks);
    let write_roster = |name: &str, unit: &str| {
        let columns = "unit_code,worker_id,name,phone,post,department,valid_from,valid_to,shift";
        std::fs::write(blocks.path(name), format!("{columns}\n{unit},W1,唐小军,138,primary,,2026-01-01,,\n")).unwrap();
    };
    write_roster("today.csv", "B000");
    write_roster("then.csv", "P0");
    blocks.done(&["roster", "import", "today.csv"]);
    let draft = import_thirds(&blocks, &[]);
    blocks.done(&["plan", "approve", &draft, "--author", "two"]);
    let publish =
        |posts: &str| blocks.on_store(&["plan", "publish", &draft, "--accept-unheld", "--effective", "2099-01-01", "--move-posts", posts]);
    for (posts, said) in
        [("B000:P9", "P9, which is no unit of the draft"), ("B001:P0", "nobody has a post at B001"), ("B000:B000", "leave it out")]
    {
        let refused = publish(posts);
        let told = String::from_utf8_lossy(&refused.stdout);
        assert!(refused.status.code() == Some(1) && told.contains(said), "{told}");
    }
    let published = publish("B000:P0");
    assert!(String::from_utf8_lossy(&published.stdout).contains("; 1 posts moved"), "{published:?}");
    let holder = |at: &str| {
        let found = blocks.done(&["locate", "111.6005", "26.2005", "--at", at, "--json"]);
        let found: Value = serde_json::from_str(&found).unwrap();
        (found["responsible"]["from"].clone(), found)
    };
    assert_eq!((holder("2098-12-01").0, holder("2099-01-02").0), ("B000".into(), "P0".into()), "{:?}", holder("2099-01-02").1);

    // A roster of today would be gone on that day.
    let refused = blocks.on_store(&["roster", "import", "today.csv"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for part in ["generation 4 of layer grid", "2099-01-01 00:00", "--with-generation 4", "--accept-planned", "nothing was stored"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    blocks.done(&["roster", "import", "then.csv", "--with-generation", "4"]);
    assert_eq!(blocks.on_store(&["roster", "import", "today.csv"]).status.code(), Some(1), "the day's roster is still another");
    blocks.done(&["roster", "import", "today.csv", "--accept-planned"]);
}
