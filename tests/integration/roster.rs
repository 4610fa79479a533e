use rust_xlsxwriter::{Format, Workbook};

use crate::small_town::{COMMUNITY, EAST, SmallTown, WEST, text};

const COLUMNS: [&str; 9] = ["unit_code", "worker_id", "name", "phone", "post", "department", "valid_from", "valid_to", "shift"];

fn csv(rows: &[&str]) -> String {
    format!("{}\n{}\n", COLUMNS.join(","), rows.join("\n"))
}

#[test]
fn a_roster_in_gbk_and_one_from_excel_say_the_same() {
    let town = SmallTown::build();
    let csv =
        csv(&[&format!("{WEST},W1,唐小军,138,primary,城管,2026-01-01,,"), &format!("{EAST},W1,唐小军,138,primary,城管,2026-01-01,,")]);
    let (gbk, _, _) = encoding_rs::GBK.encode(&csv);
    let gbk = town.write("roster.csv", gbk);
    let xlsx = town.path("roster.xlsx");
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, COLUMNS).unwrap();
    // Codes as numbers, a merged name, a full-width telephone number and a real date.
    for (row, code) in [(1, 431_102_004_001_001.0), (2, 431_102_004_001_002.0)] {
        sheet.write(row, 0, code).unwrap();
        sheet.write_row(row, 1, ["W1", "", "１３８", "primary", "城管"]).unwrap();
        let date = Format::new().set_num_format("yyyy-mm-dd");
        sheet.write_with_format(row, 6, rust_xlsxwriter::ExcelDateTime::from_ymd(2026, 1, 1).unwrap(), &date).unwrap();
    }
    sheet.merge_range(1, 2, 2, 2, "唐小军", &Format::new()).unwrap();
    workbook.save(&xlsx).unwrap();
    let mut answers = Vec::new();
    for file in [&gbk, &xlsx] {
        let told = town.succeed(&["roster", "import", text(file)]);
        assert!(told.starts_with("2 rows of 1 workers") && told.contains("1 of 3 units have nobody"), "{told}");
        answers.push(town.succeed(&["locate", "111.605", "26.205", "--at", "2027-03-01", "--json"]));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].contains("唐小军"));
}

#[test]
fn every_bad_row_is_told_and_the_old_roster_stays() {
    let town = SmallTown::build();
    let good = town.write("good.csv", csv(&[&format!("{COMMUNITY},W3,陈志强,139,leader,,2026-01-01,,")]));
    town.succeed(&["roster", "import", text(&good)]);
    let bad = town.write(
        "bad.csv",
        csv(&[&format!("{WEST},W1,唐小军,138,primary,,2026-01-01,,"), "999,W2,李丽华,138,boss,,2026-01-01,2025-01-01,25:00-26:00"]),
    );
    let output = town.run(&["roster", "import", text(&bad)]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    for part in ["row 3, unit_code", "row 3, post", "row 3, valid_to", "row 3, shift", "nothing was stored"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(town.succeed(&["locate", "111.605", "26.205"]).contains("陈志强"));
    let missing = town.write("missing.csv", "unit_code,name\n");
    let output = town.run(&["roster", "import", text(&missing)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("worker_id"));
}

#[test]
fn skills_come_from_a_table_once_and_are_told_before_they_lapse() {
    let town = SmallTown::build();
    let roster = csv(&[&format!("{WEST},W1,唐小军,138,primary,,2026-01-01,,"), &format!("{EAST},W2,李丽华,138,primary,,2026-01-01,,")]);
    town.succeed(&["roster", "import", text(&town.write("roster.csv", roster))]);
    let (gbk, _, _) =
        encoding_rs::GBK.encode("工号,技能,培训日期,有效期至\nW1,急救,2025-01-01,2026-01-01\nW2,急救,,2999-01-01\nW2,登高,,\n");
    let skills = town.write("skills.csv", gbk);
    assert!(town.succeed(&["skills", "import", text(&skills)]).starts_with("3 skills are new on record; 0 "));
    assert!(town.succeed(&["skills", "import", text(&skills)]).starts_with("0 skills are new on record; 3 "));
    assert_eq!(town.succeed(&["skills", "lapsing"]), "W1\t急救\t2026-01-01 00:00 CST\n");
    let bad = town.write("bad.csv", "worker_id,skill,expires\nW1,急救,2999-01-01\nW9,急救,soon\n");
    let output = town.run(&["skills", "import", text(&bad)]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("row 3, worker_id") && told.contains("row 3, expires") && told.contains("nothing was stored"), "{told}");
    assert_eq!(town.succeed(&["skills", "lapsing"]), "W1\t急救\t2026-01-01 00:00 CST\n", "all of a table or none");
}

#[test]
fn a_scope_that_no_unit_has_is_warned_of() {
    let town = SmallTown::build();
    let output = town.run(&["key", "create", "--role", "worker", "--scope", &format!("{COMMUNITY},999")]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no unit has the code 999") && !said.contains(COMMUNITY), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("gk_"));
}

#[test]
fn a_key_is_printed_alone_and_only_its_hash_is_kept() {
    let town = SmallTown::build();
    let key = town.succeed(&["key", "create", "--role", "dispatcher", "--scope", COMMUNITY, "--note", "desk 3"]);
    let key = key.trim_end();
    assert!(key.starts_with("gk_") && key.len() == 67 && !key.contains(char::is_whitespace), "{key}");
    let listed = town.succeed(&["key", "list"]);
    assert!(
        listed.contains("dispatcher") && listed.contains("desk 3") && listed.contains("in force") && !listed.contains(&key[3..]),
        "{listed}"
    );
    let stored = std::fs::read(town.store()).unwrap();
    assert!(!stored.windows(key.len()).any(|bytes| bytes == key.as_bytes()));
    town.succeed(&["key", "revoke", key]);
    assert!(town.succeed(&["key", "list"]).contains("revoked"));
    assert_eq!(town.run(&["key", "revoke", "00000000"]).status.code(), Some(2));
    assert_eq!(town.run(&["key", "create", "--role", "mayor"]).status.code(), Some(2));
}

#[test]
fn incidents_are_stored_once_with_their_grid_and_keeper() {
    let town = SmallTown::build();
    let roster = town.write("roster.csv", csv(&[&format!("{COMMUNITY},W3,陈志强,139,leader,,2026-01-01,,")]));
    town.succeed(&["roster", "import", text(&roster)]);
    let rows = "lon,lat,category,description,reported_at,source\n\
        111.605,26.205,0110,暴露垃圾,2026-03-01T08:00:00+08:00,热线\n\
        111.605,26.205,0110,暴露垃圾,2026-03-01T08:00:00+08:00,热线\n\
        111.7,26.205,0110,outside,2026-03-01 08:00,app\n";
    let file = town.write("incidents.csv", rows);
    let told = town.succeed(&["incidents", "import", text(&file)]);
    assert!(told.starts_with("3 incidents are new of 3 in the table; 2 lie in a grid"), "{told}");
    let told = town.succeed(&["incidents", "import", text(&file)]);
    assert!(told.starts_with("0 incidents are new of 3"), "{told}");
    let store = gridkeeper::app::open_store(text(&town.store()), gridkeeper::app::OpenMode::ReadOnly).unwrap();
    let filter = gridkeeper::store::CaseFilter { grid_prefix: Some(WEST.into()), ..gridkeeper::store::CaseFilter::first(10) };
    let page = store.load_cases(&filter).unwrap();
    assert_eq!(page.matched, Some(2));
    assert_eq!(page.cases[0].holder.as_ref().map(ToString::to_string).as_deref(), Some("W3"));
    let bad = town.write("bad.csv", "lon,lat,reported_at\neast,26.2,2026-03-01\n");
    assert_eq!(town.run(&["incidents", "import", text(&bad)]).status.code(), Some(1));
}

#[test]
fn a_number_is_given_to_one_incident_of_a_table() {
    let town = SmallTown::build();
    let rows = "id,lon,lat,reported_at,description\n\
        A1,111.605,26.205,2026-03-01 08:00,a hole\n,111.605,26.205,2026-03-01 08:00,a hole\n,111.605,26.205,2026-03-01 08:00,a hole\n\
        A1,111.606,26.205,2026-03-01 08:00,a lamp\n";
    let refused = town.run(&["incidents", "import", text(&town.write("incidents.csv", rows))]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("row 5") && told.contains("the number of row 2 too"), "{told}");
    assert_eq!(town.succeed(&["incidents", "list"]).lines().count(), 1, "nothing is stored of a table with a fault");
}

#[test]
fn an_incident_has_the_keeper_of_its_time_and_not_of_its_import() {
    let town = SmallTown::build();
    for worker in ["W1", "W2"] {
        let rows = csv(&[&format!("{WEST},{worker},名,138,primary,城管,2020-01-01,,")]);
        let file = town.write("roster.csv", rows.as_bytes());
        town.succeed(&["roster", "import", text(&file)]);
    }
    let now = jiff::Timestamp::now();
    let incidents = format!("lon,lat,reported_at\n111.605,26.205,2026-03-01T08:00:00+08:00\n111.605,26.205,{now}\n");
    let file = town.write("incidents.csv", incidents.as_bytes());
    let told = town.succeed(&["incidents", "import", text(&file)]);
    assert!(told.contains("2 lie in a grid"), "{told}");
    let list = town.succeed(&["incidents", "list"]);
    let held_by = |worker: &str| list.lines().filter(|line| line.contains(worker)).collect::<Vec<_>>();
    assert!(matches!((&held_by("W1")[..], &held_by("W2")[..]), ([old], [new]) if old.contains("2026-03-01") && old != new), "{list}");
}

#[test]
fn an_incident_with_a_state_begins_its_life_there() {
    let town = SmallTown::build();
    let rows = "lon,lat,category,reported_at,状态,结案时间\n\
        111.605,26.205,0110,2026-03-01 08:00,已结案,2026-03-02 09:00\n\
        111.605,26.205,0110,2026-03-01 08:01,pending_dispatch,\n\
        111.605,26.205,0110,2026-03-01 08:02,,\n";
    let file = town.write("lives.csv", rows);
    let told = town.succeed(&["incidents", "import", text(&file)]);
    assert!(told.starts_with("3 incidents are new of 3"), "{told}");
    let store = gridkeeper::app::open_store(text(&town.store()), gridkeeper::app::OpenMode::ReadOnly).unwrap();
    let page = store.load_case_records(&gridkeeper::store::CaseFilter::first(9)).unwrap();
    let mut lives: Vec<_> = page.records.iter().map(|record| (record.case.reported_at, record.state())).collect();
    lives.sort_by_key(|(at, _)| *at);
    let [(_, Some(closed)), (_, Some(open)), (_, None)] = &lives[..] else { panic!("{lives:?}") };
    assert!(closed.is_end && closed.ended_at == Some("2026-03-02T09:00:00+08:00".parse().unwrap()), "{closed:?}");
    assert_eq!((&*open.name.0, open.is_end, open.version), ("pending_dispatch", false, 2));
    drop(store);
    let told = town.succeed(&["incidents", "import", text(&file), "--live"]);
    assert!(told.starts_with("0 incidents are new of 3"), "what is known is left as it is: {told}");
    let bad = town.write("lost.csv", "lon,lat,reported_at,state\n111.605,26.205,2026-03-01,lost\n");
    let refused = town.run(&["incidents", "import", text(&bad)]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("is no state of the workflow") && told.contains("待派遣"), "{told}");
}
