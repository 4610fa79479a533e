//! Cases that a city has under way when it begins with the service, and tables that tell of them again.

use std::collections::BTreeSet;

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::config::Config;
use gridkeeper::dispatch::workflow::{Effect, TaskState};
use gridkeeper::dispatch::{DepartmentRole, Role};
use gridkeeper::store::{CaseFilter, CaseRecord, KeyHash, KeyRecord};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::service::Service;
use crate::small_town::{COMMUNITY, SmallTown, text};

const ADMIN: &str = "an administrator's key";

/// Four work hours to handle, two to dispatch, one work day to check; nobody answers for covers.
const CATEGORIES: &str = "大类代码,大类名称,小类代码,小类名称,立案条件,结案条件,派遣时限,处置时限,核查时限\n\
    E01,市容环境,10,暴露生活垃圾,公共区域有暴露垃圾,清除,2工作时,4工作时,1工作日\n\
    C01,公用设施,02,污水井盖,缺失,补装,,2紧急工作时,\n";

fn town(workflow: &str, effective: &[&str]) -> SmallTown {
    let town = SmallTown::build();
    let responsibilities =
        format!("category,unit_code,department_id,department,role\nE01,{COMMUNITY},D1,环卫处,lead\nE01,{COMMUNITY},D2,城管局,co\n");
    for (kind, table) in [("categories", CATEGORIES), ("responsibilities", &responsibilities)] {
        let file = town.write(&format!("{kind}.csv"), table);
        town.succeed(&[&[kind, "import", text(&file)], effective].concat());
    }
    town.write("settings.toml", format!("[cases]\nworkflow = \"{workflow}\"\n"));
    town
}

const SINCE_JANUARY: [&str; 2] = ["--effective", "2026-01-01"];

/// Imports a table, and returns what was printed and what was warned of.
fn import(town: &SmallTown, name: &str, rows: &str) -> (String, String) {
    let settings = town.path("settings.toml");
    let file = town.write(name, rows);
    let output = town.run(&["--config", text(&settings), "incidents", "import", text(&file)]);
    let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{texts:?}");
    let [told, warned] = texts;
    (told, warned)
}

fn records(town: &SmallTown) -> Vec<CaseRecord> {
    let store = open_store(text(&town.store()), OpenMode::ReadOnly).unwrap();
    let mut records = store.load_case_records(&CaseFilter::first(99)).unwrap().records;
    records.sort_by(|a, b| a.case.description.cmp(&b.case.description));
    records
}

fn serve(town: &SmallTown) -> Service {
    let store = open_store(text(&town.store()), OpenMode::Write).unwrap();
    let record = KeyRecord::new(KeyHash(Sha256::digest(ADMIN.as_bytes()).into()), Role::Admin, Timestamp::UNIX_EPOCH);
    store.add_key(&record, "test").unwrap();
    Service::start_on(store, Config::load(Some(&town.path("settings.toml"))).unwrap(), false)
}

/// Moves a case on to its end by the moves that are open, and returns them.
fn walk(service: &Service, id: &str) -> Vec<String> {
    let path = format!("/v1/incidents/{id}");
    let ask = |case: &Value, body: &Value| -> Value {
        let response = service.request("POST", &format!("{path}/actions")).bearer_auth(ADMIN).json(body).send().unwrap();
        let (status, found) = (response.status(), response.json::<Value>().unwrap());
        assert_eq!(status, 200, "{body}: {found}, of {case}");
        found
    };
    let mut case: Value = service.get(&path).bearer_auth(ADMIN).send().unwrap().json().unwrap();
    let mut made = Vec::new();
    while case["open"] == true {
        assert!(made.len() < 20, "{made:?}");
        let open: Vec<&str> = case["actions"].as_array().unwrap().iter().map(|action| action["action"].as_str().unwrap()).collect();
        let tasks = case["tasks"].as_array().unwrap();
        let at_work = |state: &str| tasks.iter().find(|task| task["state"] == state).map(|task| task["department"].clone());
        let (waiting, accepted) = (at_work("waiting"), at_work("accepted"));
        let ways = ["verify_done", "file", "accept", "done", "dispatch", "link", "close"];
        let is_way = |way: &&&str| match **way {
            "accept" => waiting.is_some(),
            "link" | "dispatch" => waiting.is_none() && accepted.is_none(),
            _ => true,
        };
        let action = ways.iter().filter(is_way).find(|way| open.contains(*way)).unwrap_or_else(|| panic!("{case}"));
        let mut body = json!({ "action": action, "reason": "r", "condition": "1" });
        match *action {
            "accept" => body["department"] = waiting.unwrap(),
            "done" => body["department"] = accepted.or(waiting).unwrap(),
            "link" => body["department"] = "D1".into(),
            _ => {}
        }
        made.push((*action).to_owned());
        case = ask(&case, &body);
    }
    assert_eq!(case["state"], "closed", "{made:?}");
    made
}

fn local(text: &str) -> Option<Timestamp> {
    Some(format!("{text}:00+08:00").parse().unwrap())
}

/// A table with an incident in each state, reported on a Monday at nine and there since ten.
fn in_states(states: &[&str], category: &str) -> String {
    let row = |state: &&str| format!("111.602,26.205,{category},{state},2026-03-02 09:00,{state},2026-03-02 10:00\n");
    format!("lon,lat,category,description,reported_at,state,state_at\n{}", states.iter().map(row).collect::<String>())
}

#[test]
fn a_case_that_is_under_way_has_the_tasks_and_clocks_of_its_state_and_goes_on_to_its_end() {
    for (workflow, states) in [
        ("chinese-city", &["pending_file", "verifying", "pending_dispatch", "pending_handle", "handling", "pending_check"][..]),
        ("plain-311", &["open", "in_progress"]),
    ] {
        let town = town(workflow, &SINCE_JANUARY);
        let (told, warned) = import(&town, "cases.csv", &in_states(states, "E0110"));
        assert!(told.starts_with(&format!("{} incidents are new", states.len())) && warned.is_empty(), "{told}{warned}");
        let records = records(&town);
        for record in &records {
            let state = record.state().unwrap();
            let name = &*state.name.0;
            assert_eq!(name, record.case.description);
            let tasks: Vec<(&str, TaskState, Option<Timestamp>)> =
                state.tasks.iter().map(|task| (&*task.department.0, task.state, task.clock.due_at)).collect();
            let both = |state: TaskState, due: Option<Timestamp>| vec![("D1", state, due), ("D2", state, due)];
            let (expected, due_at) = match name {
                // From ten: two hours before noon, two in the afternoon.
                "pending_handle" | "handling" => (both(TaskState::Waiting, local("2026-03-02T16:00")), local("2026-03-02T16:00")),
                "pending_check" => (both(TaskState::Done, None), local("2026-03-03T10:00")),
                "pending_dispatch" => (Vec::new(), local("2026-03-02T12:00")),
                // They have their tasks with the report.
                "open" | "in_progress" => (both(TaskState::Waiting, local("2026-03-02T15:00")), local("2026-03-02T15:00")),
                _ => (Vec::new(), None),
            };
            assert_eq!((tasks, state.due_at()), (expected, due_at), "{name}");
            let is_filed = ["pending_dispatch", "pending_handle", "handling", "pending_check"].contains(&name);
            assert_eq!(state.filed_at, local("2026-03-02T10:00").filter(|_| is_filed), "{name}");
        }
        let service = serve(&town);
        for record in &records {
            let made = walk(&service, &record.case.id.to_string());
            let is_checked = record.case.description == "pending_check";
            assert_eq!(made.iter().filter(|made| *made == "done").count(), if is_checked { 0 } else { 2 }, "{made:?}");
        }
    }
}

#[test]
fn a_case_that_is_under_way_goes_to_those_whom_the_rules_of_now_name_where_its_time_had_none() {
    let town = town("chinese-city", &[]);
    let (_, warned) = import(&town, "cases.csv", &in_states(&["handling"], "E0110"));
    assert_eq!(warned, "");
    let state = records(&town)[0].state().unwrap();
    assert_eq!(state.open_tasks().map(|task| &*task.department.0).collect::<Vec<_>>(), ["D1", "D2"]);
    assert_eq!(state.due_at(), local("2026-03-02T16:00"));
}

#[test]
fn a_case_that_one_department_handles_was_accepted_by_it_and_is_told_of_as_long_as_it_is_behind() {
    let town = town("chinese-city", &SINCE_JANUARY);
    let only = format!("category,unit_code,department_id,department,role\nE01,{COMMUNITY},D3,园林处,lead\n");
    town.succeed(&["responsibilities", "import", text(&town.write("only.csv", &only)), "--effective", "2026-02-01"]);
    import(&town, "cases.csv", &in_states(&["handling"], "E0110"));
    let state = records(&town)[0].state().unwrap();
    let tasks: Vec<_> = state.tasks.iter().map(|task| (&*task.department.0, task.role, task.state)).collect();
    assert_eq!(tasks, [("D3", DepartmentRole::Lead, TaskState::Accepted)]);
    // It was begun in another state before that; only what is later moves it on.
    let (told, warned) = import(
        &town,
        "before.csv",
        &in_states(&["handling"], "E0110").replace(",handling,2026-03-02 10", ",pending_dispatch,2026-03-02 09"),
    );
    assert!(told.contains("1 are known and unchanged") && warned.is_empty(), "{told}{warned}");
    let (told, warned) =
        import(&town, "later.csv", &in_states(&["handling"], "E0110").replace(",handling,2026-03-02 10", ",closed,2026-03-02 11"));
    assert!(told.contains("1 are known and differ") && warned.contains("move it on by its actions"), "{told}{warned}");
}

#[test]
fn a_case_that_had_ended_is_told_as_it_ended() {
    let city = town("chinese-city", &SINCE_JANUARY);
    import(&city, "cases.csv", &in_states(&["closed", "void"], "E0110"));
    let ended: Vec<_> = records(&city).iter().map(|record| record.state().unwrap().ended_how).collect();
    assert_eq!(ended, [Some(Effect::Close), Some(Effect::Void)]);
    let plain = town("plain-311", &SINCE_JANUARY);
    import(&plain, "cases.csv", &in_states(&["closed"], "E0110"));
    let state = records(&plain)[0].state().unwrap();
    assert!(
        state.is_end && state.tasks.iter().all(|task| task.state == TaskState::Done),
        "who had it with the report is done: {:?}",
        state.tasks
    );
}

#[test]
fn a_case_for_which_nobody_answers_is_told_of_with_the_move_that_helps() {
    let town = town("chinese-city", &SINCE_JANUARY);
    let (_, warned) = import(&town, "cases.csv", &in_states(&["pending_dispatch", "handling"], "C0102"));
    assert!(warned.contains("1 incidents in the state handling have no department") && warned.contains("by link (rows 3)"), "{warned}");
    assert!(!warned.contains("pending_dispatch"), "{warned}");
    let records = records(&town);
    let handling = records.iter().find(|record| record.case.description == "handling").unwrap();
    let made = walk(&serve(&town), &handling.case.id.to_string());
    assert_eq!(made, ["link", "accept", "done", "close"]);
}

#[test]
fn the_help_of_the_import_says_what_a_table_may_be_and_have() {
    let output = crate::support::gridkeeper().args(["incidents", "import", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [".csv", ".xlsx", ".ndjson", "state", "state_at", "id"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

/// Imports a table that is refused, and returns what was told.
fn refuse(town: &SmallTown, args: &[&str], name: &str, rows: &str) -> String {
    let settings = town.path("settings.toml");
    let file = town.write(name, rows);
    let output = town.run(&[&["--config", text(&settings)], args, &["import", text(&file)]].concat());
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(!output.status.success(), "{told}");
    told
}

#[test]
fn a_line_that_says_a_thing_twice_is_refused_and_nothing_is_taken_in() {
    let town = town("chinese-city", &SINCE_JANUARY);
    let line = "{\"lon\":111.602,\"lat\":26.205,\"category\":\"E0110\",\"reported_at\":\"2026-03-02 09:00\"}\n";
    let lines = format!("{line}{}", line.replace('}', ",\"category\":\"C0102\"}"));
    for table in ["incidents", "roster", "categories", "addresses"] {
        let told = refuse(&town, &[table], "twice.ndjson", &lines);
        assert!(told.contains("line 2 of ") && told.contains("has the member \"category\" twice; leave one out"), "{table}: {told}");
    }
    assert_eq!(records(&town).len(), 0);
}

#[test]
fn a_report_or_an_end_in_the_future_is_refused_as_over_http_and_nothing_is_taken_in() {
    let town = town("chinese-city", &SINCE_JANUARY);
    let row = |reported: &str, ended: &str| format!("111.602,26.205,E0110,a heap,{reported},已结案,{ended}\n");
    let [soon, later] = [60, 3_600].map(|ahead_s| Timestamp::now() + jiff::SignedDuration::from_secs(ahead_s));
    let [fine, ahead, ends_ahead] =
        [("2026-03-02 09:00", soon), ("2062-03-02 09:00", later), ("2026-03-02 09:00", later)].map(|(from, to)| row(from, &to.to_string()));
    let head = "lon,lat,category,description,reported_at,state,state_at\n";
    let told = refuse(&town, &["incidents"], "ahead.csv", &[head, &fine, &ahead, &ends_ahead].concat());
    assert!(told.contains("row 3") && told.contains("\"2062-03-02 09:00\" lies in the future; correct the time"), "{told}");
    assert!(told.contains("row 4") && told.contains("state_at") && !told.contains("row 2"), "{told}");
    assert_eq!(records(&town).len(), 0);
    let (told, _) = import(&town, "fine.csv", &[head, &fine].concat());
    assert!(told.starts_with("1 incidents are new"), "{told}");
}

const HEAD: &str = "id,lon,lat,category,description,reported_at,state\n";

#[test]
fn a_number_that_another_table_had_is_the_same_incident_and_each_row_that_differs_is_told() {
    let town = town("chinese-city", &SINCE_JANUARY);
    let row = |id: &str, what: &str, state: &str| format!("{id},111.602,26.205,E0110,{what},2026-03-02 09:00,{state}\n");
    let first = [HEAD, &row("A1", "a heap", "handling"), &row("A2", "a hole", ""), &row("", "a lamp", "pending_file")].concat();
    let (told, _) = import(&town, "first.csv", &first);
    assert!(told.starts_with("3 incidents are new of 3 in the table; 3 lie in a grid\n"), "{told}");
    let (told, warned) = import(&town, "first.csv", &first);
    assert!(told.starts_with("0 incidents are new of 3 in the table; 3 lie in a grid; 3 are known and unchanged\n"), "{told}");
    assert_eq!(warned, "");
    let before = records(&town);
    // The next day: one is closed, one is told otherwise and has begun to live, one is as it was, and one is new.
    let next = [
        HEAD,
        &row("A1", "a heap", "已结案"),
        &row("A2", "a deep hole", "pending_file").replace("26.205", "26.206"),
        &row("", "a lamp", "pending_file"),
        &row("A3", "a heap", "handling"),
    ]
    .concat();
    let (told, warned) = import(&town, "next.csv", &next);
    let counts = "1 incidents are new of 4 in the table; 4 lie in a grid; 1 are known and unchanged; 2 are known and differ";
    assert!(told.starts_with(counts), "{told}");
    let lines: Vec<&str> = warned.lines().collect();
    assert_eq!(lines.len(), 2, "{warned}");
    assert!(lines[0].starts_with("warning: row 2: the incident \"A1\" is known as "), "{warned}");
    assert!(lines[0].contains("another state (\"closed\"; it is \"handling\"); move it on by its actions"), "{warned}");
    assert!(lines[1].starts_with("warning: row 3: the incident \"A2\" is known as ") && lines[1].contains("another place ("), "{warned}");
    assert!(lines[1].contains(", description, state (\"pending_file\"; it is \"a mere record\")"), "{warned}");
    assert!(!warned.contains("deep"), "what was described may be personal: {warned}");
    let ids = |records: &[CaseRecord]| records.iter().map(|record| record.case.id).collect::<BTreeSet<_>>();
    let after = records(&town);
    assert!(after.len() == 4 && ids(&after).is_superset(&ids(&before)));
    assert!(before.iter().all(|record| after.contains(record)), "all is left as it was");
    // What was corrected since, and a state in which the case has been, are no differences; without a time a row says no more.
    let heap = before.iter().find(|record| record.case.description == "a heap").unwrap();
    let service = serve(&town);
    let (lon, lat) = (111.604, 26.207);
    let moved = json!({ "action": "move", "lon": lon, "lat": lat });
    let path = format!("/v1/incidents/{}/actions", heap.case.id);
    assert_eq!(service.request("POST", &path).bearer_auth(ADMIN).json(&moved).send().unwrap().status(), 200);
    walk(&service, &heap.case.id.to_string());
    drop(service);
    let (told, warned) = import(&town, "first.csv", &first);
    assert!(told.contains("; 3 are known and unchanged\n") && warned.is_empty(), "{told}{warned}");
}

#[test]
fn another_end_or_another_time_of_it_is_told_of_a_case_that_is_known() {
    let town = town("chinese-city", &SINCE_JANUARY);
    let row = |id: &str, state: &str, at: &str| format!("{id},111.602,26.205,E0110,{id},2026-03-02 09:00,{state},{at}\n");
    let head = HEAD.replace('\n', ",state_at\n");
    let table = |rows: &[String]| format!("{head}{}", rows.concat());
    let first = table(&[
        row("A1", "closed", "2026-03-02 10:00"),
        row("A2", "closed", "2026-03-02 10:00"),
        row("A3", "handling", "2026-03-02 10:00"),
        row("A4", "pending_file", "2026-03-02 10:00"),
        row("A5", "closed", "2026-03-02 10:00"),
    ]);
    import(&town, "first.csv", &first);
    let (told, warned) = import(&town, "first.csv", &first);
    assert!(told.contains("5 are known and unchanged") && warned.is_empty(), "{told}{warned}");
    let next = table(&[
        row("A1", "closed", "2026-03-05 16:00"),
        row("A2", "void", "2026-03-02 09:30"),
        row("A3", "handling", "2026-03-02 10:30"),
        row("A4", "pending_file", "2026-03-02 11:00"),
        row("A5", "handling", "2026-03-02 09:30"),
    ]);
    let (told, warned) = import(&town, "next.csv", &next);
    assert!(told.contains("2 are known and unchanged; 3 are known and differ"), "{told}{warned}");
    let lines: Vec<&str> = warned.lines().collect();
    let of_time =
        "another time of its state (\"2026-03-05T08:00:00Z\"; it is \"2026-03-02T02:00:00Z\"); correct the table where it is wrong";
    assert!(lines.len() == 3 && lines[0].contains("\"A1\"") && lines[0].contains(of_time), "{warned}");
    assert!(lines[1].contains("\"A2\"") && lines[1].contains("another state (\"void\"; it is \"closed\")"), "{warned}");
    assert!(lines[2].contains("\"A3\"") && lines[2].contains("another time of its state"), "{warned}");
    // What the service has moved on is known to the millisecond, and tables tell the minute.
    let heap = records(&town).into_iter().find(|record| record.case.description == "A3").unwrap();
    walk(&serve(&town), &heap.case.id.to_string());
    let closed = records(&town).into_iter().find(|record| record.case.description == "A3").unwrap().events.last().unwrap().at;
    let minute = Timestamp::from_second(closed.as_second() / 60 * 60).unwrap();
    let (told, warned) = import(&town, "minute.csv", &table(&[row("A3", "closed", &minute.to_string())]));
    assert!(told.contains("1 are known and unchanged") && warned.is_empty(), "{told}{warned}");
}
