use rust_xlsxwriter::Workbook;
use serde_json::Value;

use crate::small_town::{COMMUNITY, EAST, SmallTown, WEST, text};

const CATEGORIES: &str = "大类代码,大类名称,小类代码,小类名称,立案条件,结案条件,处置时限\n\
    E01,市容环境,10,暴露生活垃圾,公共区域有暴露垃圾,清除,４工作时\n\
    C01,公用设施,02,污水井盖,缺失,补装,2紧急工作时\n\
    C01,公用设施,02,污水井盖,响动,修复,2天\n";

const CALENDARS: &str = "calendar,kind,days,hours,unit_code,note\n\
    default,week,周一至周五,08:00-12:00;14:00-18:00,,\n\
    ,holiday,2026-10-01..2026-10-07,,,国庆节\n\
    ,workday,2026-10-10,,,调休上班\n";

fn responsibilities() -> String {
    format!(
        "category,unit_code,department_id,department,role,order\n\
         ,,D0,指挥中心,,\nE01,{COMMUNITY},D1,环卫处,lead,\nE01,{COMMUNITY},D2,城管局,co,1\nE0110,{EAST},D3,街道办,lead,\n"
    )
}

fn import(town: &SmallTown, kind: &str, content: impl AsRef<[u8]>) -> String {
    let file = town.write(&format!("{kind}.csv"), content);
    town.succeed(&[kind, "import", text(&file), "--effective", "2026-01-01"])
}

/// A town with rules of all three kinds.
fn town() -> SmallTown {
    let town = SmallTown::build();
    let (gbk, _, _) = encoding_rs::GBK.encode(CATEGORIES);
    assert!(import(&town, "categories", gbk).starts_with("3 rows of categories are in force from 2026-01-01"));
    import(&town, "calendars", CALENDARS);
    import(&town, "responsibilities", responsibilities());
    town
}

/// What a lookup in the western or the eastern grid says.
fn locate(town: &SmallTown, lon: &str, category: &str, at: &str) -> Value {
    let answer = town.succeed(&["locate", lon, "26.205", "--category", category, "--at", at, "--json"]);
    serde_json::from_str(&answer).unwrap()
}

const IN_WEST: &str = "111.602";
const IN_EAST: &str = "111.617";

#[test]
fn an_import_names_categories_that_the_rules_do_not_have() {
    let town = town();
    let rows =
        "lon,lat,category,reported_at\n111.602,26.205,E0110,2026-03-01\n111.602,26.205,E9999,2026-03-01\n111.602,26.205,E9999,2026-03-02\n";
    let taken = town.run(&["incidents", "import", text(&town.write("incidents.csv", rows))]);
    let told = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert!(taken.status.success() && String::from_utf8_lossy(&taken.stdout).starts_with("3 incidents are new"), "{told}");
    assert!(told.contains("no category \"E9999\", which 2 incidents have") && !told.contains("E0110"), "{told}");
}

#[test]
fn a_lookup_with_a_category_tells_departments_and_due_time() {
    let town = town();
    // The last work day before the National Day, at 16:00.
    let answer = locate(&town, IN_WEST, "E0110", "2026-09-30T16:00:00+08:00");
    let departments: Vec<(&str, &str)> =
        answer["departments"].as_array().unwrap().iter().map(|d| (d["id"].as_str().unwrap(), d["role"].as_str().unwrap())).collect();
    assert_eq!(departments, [("D1", "lead"), ("D2", "co")]);
    assert_eq!(answer["due_at"], "2026-10-08T02:00:00Z", "two hours on the day, two on Thursday the 8th");
    let rule = &answer["rule"];
    assert_eq!((&rule["responsibility"]["unit"], &rule["responsibility"]["breadth"]), (&COMMUNITY.into(), &"major".into()));
    assert_eq!((&rule["limit"]["limit"], &rule["limit"]["calendar"]), (&"4 work_hour".into(), &"default".into()));
    // The nearest unit's rule wins, and the widest rule takes what no other names.
    assert_eq!(locate(&town, IN_EAST, "E0110", "2026-09-30T16:00:00+08:00")["departments"][0]["id"], "D3");
    let manhole = locate(&town, IN_WEST, "C0102", "2026-10-09T17:00:00+08:00");
    assert_eq!((&manhole["departments"][0]["id"], &manhole["due_at"]), (&"D0".into(), &"2026-10-09T11:00:00Z".into()));
    assert_eq!(manhole["rule"]["limit"]["assumed"], true);
    // The make-up Saturday counts.
    assert_eq!(locate(&town, IN_WEST, "C0102:2", "2026-10-09T18:00:00+08:00")["due_at"], "2026-10-12T10:00:00Z");
    let told = town.succeed(&["locate", IN_WEST, "26.205", "--category", "E0110", "--at", "2026-09-30T16:00:00+08:00"]);
    assert!(told.contains("lead        环卫处 (D1; rule for E01 of") && told.contains("co          城管局"), "{told}");
    assert!(told.contains("4 work_hour to handle, condition 1"), "{told}");
}

#[test]
fn what_no_rule_says_and_what_is_unknown_is_told() {
    let town = town();
    let output = town.run(&["locate", IN_WEST, "26.205", "--category", "E0111"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("no category \"E0111\"") && told.contains("E0110 暴露生活垃圾"), "{told}");
    // A rule that names the community alone leaves the rest to nobody, and so there is no due time.
    import(&town, "responsibilities", format!("category,unit_code,department\nE01,{EAST},街道办\n"));
    let answer = locate(&town, IN_WEST, "C0102", "2026-09-30T16:00:00+08:00");
    assert_eq!((&answer["departments"], &answer["due_at"]), (&Value::Array(vec![]), &Value::Null));
    assert!(answer["rule"]["notes"][0].as_str().unwrap().contains("no rule says who answers for C0102"), "{answer}");
    // Before the first rules nothing is known, and any category is taken.
    let before = SmallTown::build();
    let answer = locate(&before, IN_WEST, "anything", "2026-09-30T16:00:00+08:00");
    assert_eq!((&answer["departments"], &answer["due_at"], answer.get("rule")), (&Value::Null, &Value::Null, None));
}

#[test]
fn each_time_has_the_rules_of_its_time() {
    let town = town();
    let file = town.write("later.csv", CATEGORIES.replace("４工作时", "1紧急工作时"));
    let output = town.run(&["categories", "import", text(&file), "--effective", "2099-01-01"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(told.contains("will be in force from 2099-01-01"), "{told}");
    assert_eq!(locate(&town, IN_WEST, "E0110", "2026-09-30T16:00:00+08:00")["due_at"], "2026-10-08T02:00:00Z");
    assert_eq!(locate(&town, IN_WEST, "E0110", "2099-01-01T16:00:00+08:00")["due_at"], "2099-01-01T09:00:00Z");
    assert_eq!(locate(&town, IN_WEST, "E0110", "2098-12-31T08:00:00+08:00")["expires"], "2098-12-31T16:00:00Z");
}

#[test]
fn responsibilities_for_categories_that_are_gone_are_warned_of() {
    let town = town();
    let file = town.write("other.csv", "code,name\nX1,other\n");
    let output = town.run(&["categories", "import", text(&file)]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("not in this table: E01, E0110;"), "{told}");
}

#[test]
fn a_workbook_and_a_table_in_gbk_say_the_same() {
    let town = town();
    let from_csv = locate(&town, IN_WEST, "E0110", "2026-09-30T16:00:00+08:00");
    for (kind, content) in
        [("categories", CATEGORIES.to_owned()), ("responsibilities", responsibilities()), ("calendars", CALENDARS.to_owned())]
    {
        let path = town.path(&format!("{kind}.xlsx"));
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        for (row, line) in (0..).zip(content.lines()) {
            sheet.write_row(row, 0, line.split(',').map(str::trim)).unwrap();
        }
        workbook.save(&path).unwrap();
        town.succeed(&[kind, "import", text(&path), "--effective", "2026-01-01"]);
    }
    assert_eq!(locate(&town, IN_WEST, "E0110", "2026-09-30T16:00:00+08:00"), from_csv);
}

#[test]
fn every_bad_row_is_told_and_the_old_rules_stay() {
    let town = town();
    for (kind, content, parts) in [
        (
            "categories",
            "code,name,handle_limit\nE0110,rubbish,soon\n,empty,4小时\n".to_owned(),
            &["row 2, handle_limit", "row 3, code"][..],
        ),
        (
            "responsibilities",
            format!("category,unit_code,department\nE0199,{WEST},one\nE0110,999,two\nE0110,{WEST},\n"),
            &["row 2, category", "E0110 暴露生活垃圾", "row 3, unit_code", "row 4, department"],
        ),
        ("calendars", "kind,days,hours\nweek,1-5,8-12\nholiday,someday,\n".to_owned(), &["row 2, hours", "row 3, days"]),
    ] {
        let file = town.write("bad.csv", content);
        let output = town.run(&[kind, "import", text(&file)]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        for part in parts.iter().chain(&["nothing was stored"]) {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
    assert_eq!(locate(&town, IN_WEST, "E0110", "2026-09-30T16:00:00+08:00")["due_at"], "2026-10-08T02:00:00Z");
    let empty = town.write("empty.csv", "kind,days\n");
    assert_eq!(town.run(&["calendars", "import", text(&empty)]).status.code(), Some(2));
}

#[test]
fn a_backup_brings_the_rules_back() {
    let town = town();
    let backup = town.path("backup.gpkg");
    town.succeed(&["backup", text(&backup)]);
    let before = locate(&town, IN_WEST, "E0110", "2026-09-30T16:00:00+08:00");
    let copy = crate::support::gridkeeper()
        .args(["--store", text(&backup), "locate", IN_WEST, "26.205", "--category", "E0110", "--at", "2026-09-30T16:00:00+08:00", "--json"])
        .output()
        .unwrap();
    let copy: Value = serde_json::from_slice(&copy.stdout).unwrap();
    assert_eq!((&copy["departments"], &copy["due_at"]), (&before["departments"], &before["due_at"]));
}
