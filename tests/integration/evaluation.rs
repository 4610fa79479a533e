//! Indicators through the built program, on a small district and on a city's published requests.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};

use flate2::read::GzDecoder;
use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::boundary::{GenerationId, LayerName, Position, UnitCode};
use gridkeeper::dispatch::workflow::{ActionName, Appointed, CaseEvent, ClockFact, Effect, Facts, StateName};
use gridkeeper::dispatch::{Case, CaseId, DepartmentId, DepartmentRole, Reporter, Role, Stage};
use gridkeeper::history::load_attributor;
use gridkeeper::store::{CaseWrite, CaseWritten, NewCase, Store};
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::service::{case_at, code_of, fill, middle_of};
use crate::support::{gridkeeper, python_with, shared};

fn run(args: &[&str]) -> Output {
    gridkeeper().args(args).output().unwrap()
}

fn done(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is known of a request when it is over, which is all that a city publishes.
struct Outcome<'a> {
    department: &'a str,
    due_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    is_void: bool,
    is_repeat: bool,
}

/// Writes the history that an outcome tells of: reported and given to its department at once, then done and settled, or voided.
fn with_history(case: Case, outcome: &Outcome<'_>) -> CaseWrite {
    let department = DepartmentId(outcome.department.into());
    let clock = |department: Option<&DepartmentId>, stage| ClockFact {
        department: department.cloned(),
        stage,
        limit: None,
        due_at: outcome.due_at,
        warn_at: None,
    };
    let event = |seq, at, effect: Effect, is_end, facts| CaseEvent {
        seq,
        at,
        author: "import".into(),
        role: Role::Admin,
        action: ActionName(effect.as_str().into()),
        effect,
        state: StateName(if is_end { "closed" } else { "handling" }.into()),
        is_end,
        facts,
    };
    let appointed = Appointed { department: department.clone(), name: outcome.department.into(), role: DepartmentRole::Lead };
    let reported = Facts {
        departments: vec![appointed],
        clocks: vec![clock(Some(&department), Stage::Handle), clock(None, Stage::Total)],
        ..Facts::default()
    };
    // That it is a repeat was noticed by somebody; what the store finds by itself stands in the first event.
    let duplicates = if outcome.is_repeat { vec![(CaseId(Uuid::nil()), 0.0)] } else { Vec::new() };
    let noted = Facts { duplicates, ..Facts::default() };
    let mut events =
        vec![event(1, case.reported_at, Effect::Report, false, reported), event(2, case.reported_at, Effect::Note, false, noted)];
    match outcome.done_at {
        _ if outcome.is_void => events.push(event(3, outcome.done_at.unwrap_or(case.reported_at), Effect::Void, true, Facts::default())),
        Some(at) => {
            let done = Facts { department: Some(department), ..Facts::default() };
            events.push(event(3, at, Effect::Done, false, done));
            events.push(event(4, at, Effect::Close, true, Facts::default()));
        }
        None => {}
    }
    CaseWrite::Add(Box::new(NewCase {
        case,
        events,
        photos: Vec::new(),
        reporter: Reporter::default(),
        token: None,
        near: None,
        border_m: None,
    }))
}

fn write(store: &dyn Store, writes: Vec<CaseWrite>) {
    let written = store.write_cases(writes).unwrap();
    assert!(written.iter().all(|written| matches!(written, CaseWritten::Added(_))), "{written:?}");
}

#[test]
fn washingtons_requests_are_counted_as_duckdb_counts_them() {
    let (Some(wards), Some(requests)) = (shared("data/dc/wards_2012.geojson.gz"), shared("data/dc/incidents_311_2016.csv.gz")) else {
        return;
    };
    let Some(truth) = shared("data/dc/truth/incidents_311__wards_2012.csv.gz") else { return };
    let Some(python) = python_with("duckdb") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, settings) = (at("dc.gpkg"), at("settings.toml"));
    std::fs::write(&settings, "time_zone = \"UTC\"\n[layers.grid]\nlevels = [\"ward\"]\npublic = true\n").unwrap();
    let with = |args: &[&str]| done(&[&["--store", &store, "--config", &settings], args].concat());
    with(&["import", wards.to_str().unwrap(), "--level", "ward", "--code-field", "WARD", "--effective", "2015-01-01"]);
    let count = load_requests(&store, &requests);
    assert_eq!(count, 22_582, "all requests that have a position");
    // All that was due in two years, and one month alone.
    for (from, to) in [("2016-01-01", "2018-01-01"), ("2016-07-10", "2016-08-10")] {
        let (by_department, by_unit) = (at("department.csv"), at("unit.csv"));
        with(&["evaluate", "--from", from, "--to", to, "--by", "department", "-o", &by_department]);
        with(&["evaluate", "--from", from, "--to", to, "--by", "unit", "--level", "ward", "-o", &by_unit]);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evaluation.py");
        let period = [from, to].map(|day| format!("{day}T00:00:00Z"));
        let mut command = Command::new(&python);
        command.arg(script).args([&requests, &truth]).args(&period).args([&by_department, &by_unit]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("department 6 groups") && said.contains("unit 8 groups"), "{said}");
        eprintln!("{from} to {to}:\n{said}");
    }
}

/// Loads the requests with the wards that this program finds, and returns how many there were.
fn load_requests(store: &str, requests: &Path) -> usize {
    let store = open_store(store, OpenMode::Write).unwrap();
    let attributor = load_attributor(&*store, &LayerName::parse("grid").unwrap(), GenerationId(1)).unwrap();
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(requests).unwrap()).read_to_string(&mut text).unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let headers = rows.headers().unwrap().clone();
    let mut writes = Vec::new();
    for row in rows.records() {
        let row: BTreeMap<String, String> = headers.iter().map(str::to_owned).zip(row.unwrap().iter().map(str::to_owned)).collect();
        let (Ok(lon), Ok(lat)) = (row["lon"].parse(), row["lat"].parse()) else { continue };
        let position = Position::new(lon, lat).unwrap();
        let place = attributor.attribute(position);
        let case = Case {
            id: CaseId(Uuid::from_u128(row["id"].parse().unwrap())),
            position,
            given: format!("{lon} {lat}"),
            category: row["service_code"].clone(),
            description: String::new(),
            source: "311".into(),
            reported_at: row["reported_at"].parse().unwrap(),
            district: None,
            generation: place.grid.is_some().then_some(place.generation),
            grid: place.grid,
            holder: None,
        };
        let (due_at, done_at): (Option<Timestamp>, Option<Timestamp>) = (row["due_at"].parse().ok(), row["resolved_at"].parse().ok());
        let outcome = Outcome {
            department: &row["agency"],
            due_at,
            done_at,
            is_void: row["status"] == "VOIDED",
            is_repeat: row["status"].contains("DUPLICATE"),
        };
        writes.push(with_history(case, &outcome));
    }
    let count = writes.len();
    while !writes.is_empty() {
        let rest = writes.split_off(writes.len().min(2_000));
        write(&*store, std::mem::replace(&mut writes, rest));
    }
    count
}

/// Three cases in the first grid, of which one is late, and one that belongs to nobody.
fn district(path: &str) {
    let store = open_store(path, OpenMode::Create).unwrap();
    fill(&*store);
    let time = |text: &str| -> Timestamp { text.parse().unwrap() };
    let mut writes = Vec::new();
    for (number, done) in [(1, Some("2026-03-02T00:00:00Z")), (2, Some("2026-03-09T00:00:00Z")), (3, None)] {
        let mut case = case_at(middle_of(0, 0));
        (case.id, case.reported_at) = (CaseId(Uuid::from_u128(number)), time("2026-03-01T00:00:00Z"));
        let outcome = Outcome {
            department: "城管",
            due_at: Some(time("2026-03-05T00:00:00Z")),
            done_at: done.map(time),
            is_void: false,
            is_repeat: false,
        };
        writes.push(with_history(case, &outcome));
    }
    let mut nobodys = case_at(middle_of(1, 1));
    (nobodys.reported_at, nobodys.holder, nobodys.grid) = (time("2026-03-01T00:00:00Z"), None, UnitCode::parse(&code_of(1, 1)).ok());
    let outcome = Outcome { department: "水务", due_at: None, done_at: None, is_void: false, is_repeat: true };
    writes.push(with_history(nobodys, &outcome));
    write(&*store, writes);
}

#[test]
fn a_district_is_evaluated_by_unit_department_and_worker() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let store = at("district.gpkg");
    district(&store);
    let evaluate = |more: &[&str]| run(&[&["--store", &store, "evaluate", "--from", "2026-03-01", "--to", "2026-04-01"], more].concat());
    let csv = |more: &[&str]| String::from_utf8(evaluate(&[more, &["-o", "-"]].concat()).stdout).unwrap();
    let by_unit = csv(&["--by", "unit"]);
    let first = code_of(0, 0);
    assert!(by_unit.contains(&format!("unit,{first},第1网格,1,")), "{by_unit}");
    assert!(by_unit.contains(&format!("{first},第1网格,1,48.15,on_time_handling,0.3333333333333333,1,3,")), "{by_unit}");
    // No limit, so nothing of which it could be a share: empty, and neither 0 nor 1.
    assert!(by_unit.contains(&format!("unit,{},第22网格,,,on_time_handling,,0,0,", code_of(1, 1))), "{by_unit}");
    let by_district = csv(&["--by", "unit", "--level", "district"]);
    assert!(by_district.contains("unit,431102,零陵区,1,") && by_district.contains(",repeats,0.25,1,4,"), "{by_district}");
    assert!(csv(&["--by", "department"]).contains("department,城管,城管,1,"));
    let by_worker = csv(&["--by", "worker"]);
    assert!(by_worker.contains("worker,W-4711,,1,") && by_worker.contains("worker,,,,,handling,,0,0,"), "{by_worker}");
    assert!(!by_worker.contains("张三丰"), "names stay out of exports");
    // As it was known before the second was done.
    assert!(csv(&["--by", "unit", "--as-of", "2026-03-08"]).contains(",overdue_pending,0.6666666666666666,2,3,"));
    let page = at("report.html");
    assert!(evaluate(&["--by", "unit", "--rank-by", "overdue_pending", "-o", &page]).status.success());
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("@page") && page.contains("按期处置率") && page.contains("多发点位") && !page.contains("http"), "{page}");
    let said = String::from_utf8(evaluate(&["--by", "unit"]).stdout).unwrap();
    assert!(said.contains("4 reports") && said.contains("on-time handling 33.3 % (1/3)"), "{said}");
    for (wrong, told) in [
        (&["--by", "street"][..], "by unit, department or worker"),
        (&["--by", "unit", "--level", "house"], "has no level house"),
        (&["--by", "unit", "--rank-by", "luck"], "there is no indicator"),
        (&["--by", "unit", "-o", "report.doc"], "neither a table nor a page"),
    ] {
        let output = evaluate(wrong);
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(told), "{output:?}");
    }
}

#[test]
fn staff_is_priced_and_paid_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, costs, funds) = (at("district.gpkg"), at("costs.csv"), at("funds.csv"));
    district(&store);
    std::fs::write(&costs, "unit_code,post,monthly_cost\n,primary,4500\n431102,leader,6000.50\n").unwrap();
    std::fs::write(&funds, "资金来源,类型,金额,开始日期,结束日期\n区财政,财政预算,12000,2026-01-01,2027-01-01\n").unwrap();
    assert!(done(&["--store", &store, "costs", "import", &costs]).contains("2 rows of costs are in force"));
    assert!(done(&["--store", &store, "funds", "import", &funds]).contains("1 rows of funds are in force"));
    let period = ["--from", "2026-01-02", "--to", "2026-12-01", "--level", "district"];
    let said = done(&[&["--store", &store, "cost"][..], &period].concat());
    // The keeper holds both posts and is paid once: half of each rate for eleven months.
    assert!(said.contains("for staff") && said.contains("区财政 (budget):") && said.contains("2 tasks handled"), "{said}");
    let csv = done(&[&["--store", &store, "cost"][..], &period, &["-o", "-"]].concat());
    let row: Vec<&str> = csv.lines().find(|line| line.starts_with("431102,")).unwrap().split(',').collect();
    let number = |at: usize| row[at].parse::<f64>().unwrap();
    let (months, unpriced, cost, covered, uncovered) = (number(2), number(3), number(4), number(5), number(6));
    let expected_months = 333.0 / (365.2425 / 12.0);
    assert!((months - expected_months).abs() < 0.01 && unpriced == 0.0, "{csv}");
    assert!((cost - expected_months / 2.0 * (4_500.0 + 6_000.5)).abs() < 30.0, "{csv}");
    assert!((covered - 12_000.0 * 333.0 / 365.0).abs() < 1.0 && (cost - covered - uncovered).abs() < 0.02, "{csv}");
    assert!((number(9) - cost / 2.0).abs() < 0.02, "a handled case: {csv}");
    // The planner need not say what a worker costs: the keeper of both posts has half of each rate.
    let staff = ["plan", "staff", "--level", "grid", "--within", "district", "--workers", "10", "--json"];
    let told: serde_json::Value = serde_json::from_str(&done(&[&["--store", &store][..], &staff].concat())).unwrap();
    let cost = told["staffing"]["cost"].as_f64().unwrap();
    assert!((cost / (10.0 * (4_500.0 + 6_000.5) / 2.0) - 1.0).abs() < 0.01, "{told}");
    std::fs::write(&costs, "unit_code,post,monthly_cost\n9,boss,much\n").unwrap();
    assert_eq!(run(&["--store", &store, "costs", "import", &costs]).status.code(), Some(1));
}

#[test]
fn what_is_evaluated_over_http_has_formulas_and_no_names() {
    let service = crate::api::service::Service::start();
    let case = case_at(middle_of(0, 0));
    let due_at = case.reported_at.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let outcome = Outcome { department: "城管", due_at: Some(due_at), done_at: Some(due_at), is_void: false, is_repeat: false };
    write(&*service.store, vec![with_history(case, &outcome)]);
    let get = |query: &str, key: &str| {
        service.get(&format!("/v1/indicators?from=2026-01-01&to=2100-01-01{query}")).bearer_auth(key).send().unwrap()
    };
    let body: serde_json::Value = get("&level=district", "dispatcher-key").json().unwrap();
    assert_eq!(body["groups"][0]["group"], "431102");
    let indicator = |code: &str| body["indicators"].as_array().unwrap().iter().find(|indicator| indicator["code"] == code).unwrap().clone();
    assert!(indicator("handling")["formula"].as_str().unwrap().contains(" / "));
    let value = |code: &str| body["total"]["values"].as_array().unwrap().iter().find(|value| value["indicator"] == code).unwrap().clone();
    assert_eq!((value("rework")["numerator"].as_u64(), value("satisfaction")["value"].is_null()), (Some(0), true));
    let text = get("&by=worker", "dispatcher-key").text().unwrap();
    assert!(text.contains("W-4711") && !text.contains("张三丰"), "{text}");
    assert_eq!(get("&by=worker", "scoped-key").status(), 403);
    assert_eq!(service.get("/v1/indicators?from=2026-01-01&to=2100-01-01&by=worker").send().unwrap().status(), 401);
    let wrong: serde_json::Value = get("&f=pdf", "dispatcher-key").json().unwrap();
    assert_eq!(wrong["errors"][0]["detail"], r#""pdf" is not one of json, html, csv, report"#);
    assert!(get("&f=csv", "dispatcher-key").text().unwrap().starts_with("by,group,name,rank,score,indicator"));
    assert!(get("&f=report", "dispatcher-key").text().unwrap().contains("@page"));
    for (query, parameter) in [("&level=house", "level"), ("&by=street", "by"), ("&rank_by=luck", "rank_by")] {
        let problem: serde_json::Value = get(query, "dispatcher-key").json().unwrap();
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{problem}");
    }
    let costs = service.get("/v1/costs?from=2026-01-02&to=2026-12-01").bearer_auth("planner-key").send().unwrap();
    let costs: serde_json::Value = costs.json().unwrap();
    assert!(costs["posts"][0]["unpriced_months"].as_f64().unwrap() > 0.0, "{costs}");
}
