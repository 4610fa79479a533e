use std::io::Write as _;
use std::process::Stdio;

use calamine::{Data, Reader, Xlsx, open_workbook};
use rust_xlsxwriter::Workbook;
use serde_json::Value;

use crate::small_town::{COMMUNITY, EAST, SmallTown, WEST, text};

fn town() -> SmallTown {
    let town = SmallTown::build();
    let roster = format!("unit_code,worker_id,name,phone,post\n{WEST},W1,唐小军,138,primary\n{COMMUNITY},W3,陈志强,139,leader\n");
    let roster = town.write("roster.csv", roster);
    town.succeed(&["roster", "import", text(&roster)]);
    town
}

fn assign(town: &SmallTown, name: &str, bytes: &[u8], more: &[&str]) -> Vec<u8> {
    let (input, output) = (town.write(name, bytes), town.path(&format!("out-{name}")));
    town.succeed(&[&["assign", text(&input), "-o", text(&output)], more].concat());
    std::fs::read(output).unwrap()
}

#[test]
fn a_csv_keeps_its_bytes_and_gains_the_answers() {
    let town = town();
    let input = "编号,经度,纬度,\"a \"\"note\"\"\"\r\n\
        1,111.605,26.205,\"two\r\nlines, quoted\"\r\n\
        2, 111.61 ,26.205,x\r\n\
        3,111.63,26.205,\r\n\
        4,nowhere,26.205,x\r\n\
        5,111.6\r\n";
    let expected = "编号,经度,纬度,\"a \"\"note\"\"\",grid_code,worker_id,status,distance_to_border_m,ambiguous,error\r\n\
        1,111.605,26.205,\"two\r\nlines, quoted\",431102004001001,W1,inside,499.7";
    let output = String::from_utf8(assign(&town, "a.csv", input.as_bytes(), &[])).unwrap();
    assert!(output.starts_with(expected), "{output}");
    let rows: Vec<&str> = output.split("\r\n").collect();
    assert!(rows[3].starts_with("2, 111.61 ,26.205,x,431102004001002,W3,inside,0,true,"), "{}", rows[3]);
    assert_eq!(rows[4], "3,111.63,26.205,,,,outside,,false,");
    assert!(rows[5].starts_with("4,nowhere,26.205,x,,,invalid,,,") && rows[5].contains("is no number"), "{}", rows[5]);
    assert!(rows[6].starts_with("5,111.6,,,,,invalid,,,") && rows[6].contains("2 columns"), "{}", rows[6]);
    assert_eq!(rows.len(), 8);
}

#[test]
fn gbk_comes_out_as_gbk() {
    let town = town();
    let (input, _, _) = encoding_rs::GBK.encode("编号,经度,纬度,地址\n1,１１１.６０５,26.205,徐家井街道\n");
    let output = assign(&town, "gbk.csv", &input, &["--fields", "grid_name,worker_name,status"]);
    assert!(std::str::from_utf8(&output).is_err());
    let (text, _, failed) = encoding_rs::GBK.decode(&output);
    assert!(!failed);
    assert_eq!(text, "编号,经度,纬度,地址,grid_name,worker_name,status,error\n1,１１１.６０５,26.205,徐家井街道,西,唐小军,inside,\n");
}

/// A table whose first character beyond ASCII stands in its last row, which is far behind the first block.
fn write_late_gbk() -> (usize, Vec<u8>) {
    let count = 30_000;
    let (last, _, _) = encoding_rs::GBK.encode("111.615,26.205,徐家井街道\n");
    let table = [b"lon,lat,note\n", "111.605,26.205,x\n".repeat(count).as_bytes(), &*last].concat();
    (count, table)
}

#[test]
fn a_file_is_gbk_from_its_first_row_where_its_last_one_is() {
    let town = town();
    let (count, table) = write_late_gbk();
    let output = assign(&town, "late.csv", &table, &["--fields", "grid_name,worker_name"]);
    let (text, _, failed) = encoding_rs::GBK.decode(&output);
    assert!(!failed && text.lines().skip(1).take(count).all(|row| row == "111.605,26.205,x,西,唐小军,"));
    assert_eq!(text.lines().last(), Some("111.615,26.205,徐家井街道,,陈志强,"));
}

#[test]
fn a_pipe_is_gbk_from_the_block_on_that_shows_it() {
    let town = town();
    let (count, table) = write_late_gbk();
    let mut command = town.command();
    let child = command.args(["assign", "-", "-o", "-", "--fields", "grid_name"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&table).unwrap());
    let output = child.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let rows: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    assert_eq!(rows.len(), count + 3);
    assert_eq!(rows[1], "111.605,26.205,x,西,".as_bytes());
    assert_eq!(*rows[count], *encoding_rs::GBK.encode("111.605,26.205,x,西,").0);
}

#[test]
fn lines_of_json_keep_their_members_and_no_line_is_lost() {
    let town = town();
    let input =
        "{\"id\": 1.50, \"lon\":111.605,\"lat\":\"26.205\"}\n\n{\"lon\":111.605}\nnot json\n{}\n{\"Lng\":111.615,\"Latitude\":26.205}";
    let output = String::from_utf8(assign(&town, "a.ndjson", input.as_bytes(), &[])).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines[0].starts_with("{\"id\": 1.50, \"lon\":111.605,\"lat\":\"26.205\",\"grid_code\":\"431102004001001\""), "{}", lines[0]);
    assert_eq!(lines[1], "");
    let parsed: Vec<Value> = lines.iter().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<&str> = parsed.iter().map(|line| line["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["inside", "invalid", "invalid", "invalid", "inside"]);
    assert_eq!((&parsed[2]["input"], &parsed[4]["grid_code"]), (&Value::from("not json"), &Value::from(EAST)));
}

#[test]
fn the_mark_of_utf_8_stays_in_front_of_lines_of_json() {
    let town = town();
    let line = "{\"lon\":111.605,\"lat\":26.205";
    let fields = ["--fields", "grid_code"];
    let output = assign(&town, "mark.ndjson", format!("\u{feff}{line}}}\n{line}}}\n").as_bytes(), &fields);
    let expected = format!("{line},\"grid_code\":\"{WEST}\"}}\n");
    assert_eq!(String::from_utf8_lossy(&output), format!("\u{feff}{expected}{expected}"));
    assert_eq!(assign(&town, "empty.ndjson", "\u{feff}".as_bytes(), &fields), "\u{feff}".as_bytes());
}

#[test]
fn a_workbook_keeps_its_values() {
    let town = town();
    let input = town.path("in.xlsx");
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["编号", "经度", "纬度"]).unwrap();
    sheet.write(1, 0, 7).unwrap();
    sheet.write_row(1, 1, [111.605, 26.205]).unwrap();
    sheet.write_row(2, 0, ["8", "east", "26.2"]).unwrap();
    workbook.save(&input).unwrap();
    let output = town.path("out.xlsx");
    town.succeed(&["assign", text(&input), "-o", text(&output), "--fields", "grid_code,status"]);
    let mut result: Xlsx<_> = open_workbook(&output).unwrap();
    let range = result.worksheet_range_at(0).unwrap().unwrap();
    let rows: Vec<Vec<Data>> = range.rows().map(<[Data]>::to_vec).collect();
    assert_eq!(rows[0].last(), Some(&Data::String("error".into())));
    assert_eq!(
        rows[1][..5],
        [Data::Float(7.0), Data::Float(111.605), Data::Float(26.205), Data::String(WEST.into()), Data::String("inside".into())]
    );
    assert_eq!((&rows[2][0], &rows[2][4]), (&Data::String("8".into()), &Data::String("invalid".into())));
}

#[test]
fn a_name_that_the_table_has_already_gets_a_number() {
    let town = town();
    let fields = ["--fields", "grid_code,status"];
    let once = assign(&town, "a.csv", b"Lon,Lat,Status\n111.605,26.205,open\n", &fields);
    assert_eq!(String::from_utf8_lossy(&once), format!("Lon,Lat,Status,grid_code,status_2,error\n111.605,26.205,open,{WEST},inside,\n"));
    let twice = String::from_utf8(assign(&town, "b.csv", &once, &fields)).unwrap();
    assert!(twice.starts_with("Lon,Lat,Status,grid_code,status_2,error,grid_code_2,status_3,error_2\n"), "{twice}");
    let line = assign(&town, "a.ndjson", b"{\"lon\":111.605,\"lat\":26.205,\"status\":\"open\"}\n", &fields);
    let line: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!((&line["status"], &line["status_2"], &line["grid_code"]), (&"open".into(), &"inside".into(), &WEST.into()));
    let input = town.path("in.xlsx");
    let mut workbook = Workbook::new();
    workbook.add_worksheet().write_row(0, 0, ["lon", "lat", "grid_code"]).unwrap();
    workbook.save(&input).unwrap();
    town.succeed(&["assign", text(&input), "-o", text(&town.path("out.xlsx")), "--fields", "grid_code"]);
    let mut result: Xlsx<_> = open_workbook(town.path("out.xlsx")).unwrap();
    assert_eq!(result.worksheet_range_at(0).unwrap().unwrap().get((0, 3)), Some(&Data::String("grid_code_2".into())));
}

#[test]
fn who_closes_a_stream_early_has_seen_enough_but_not_a_whole_table() {
    let town = town();
    let rows = town.write("many.csv", format!("lon,lat\n{}", "111.605,26.205\n".repeat(50_000)));
    for (args, code, told) in
        [(&["export", "geojson", "-"][..], 0, ""), (&["assign", text(&rows), "-o", "-"], 2, "before all rows were written")]
    {
        let mut child = town.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && errors.contains(told) && errors.is_empty() == told.is_empty(), "{args:?}: {errors}");
    }
}

#[test]
fn a_pipe_goes_in_and_comes_out_in_batches() {
    let town = town();
    let mut command = town.command();
    let child = command.args(["assign", "-", "-o", "-", "--lon-field", "X", "--lat-field", "Y"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More rows than a batch holds.
    let count = 20_000;
    let writer = std::thread::spawn(move || {
        let rows: String = (0..count).map(|i| format!("{i},{},26.205\n", if i % 2 == 0 { 111.605 } else { 111.615 })).collect();
        write!(stdin, "id,x,y\n{rows}").unwrap();
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let in_order = text.lines().skip(1).enumerate().all(|(i, row)| {
        let code = if i % 2 == 0 { WEST } else { EAST };
        row.starts_with(&format!("{i},")) && row.contains(code)
    });
    assert!(in_order && text.lines().count() == count + 1);
}

#[test]
fn what_cannot_be_assigned_is_refused_and_leaves_no_file() {
    let town = town();
    let csv = town.write("a.csv", "id,east,north\n1,2,3\n");
    let twice = town.write("twice.csv", "lon,lat,Lon\n1,2,3\n");
    let open = town.write("open.csv", format!("lon,lat,note\n1,2,\"never closed\n{}", "1,2,3\n".repeat(1_000)));
    for (args, part) in [
        (vec!["assign", "-", "-o", "b.parquet"], "pipe"),
        (vec!["assign", "a.txt", "-o", "b.txt"], "--format"),
        (vec!["assign", text(&csv), "-o", "b.xlsx"], "different endings"),
        (vec!["assign", text(&csv), "-o", "b.csv"], "--lon-field"),
        (vec!["assign", text(&csv), "-o", "b.csv", "--fields", "grid"], "grid_code"),
        (vec!["assign", "missing.csv", "-o", "b.csv"], "missing.csv"),
        (vec!["assign", text(&twice), "-o", "b.csv"], "several columns lon"),
        (vec!["assign", text(&open), "-o", "b.csv"], "the quote before never closed is never closed"),
    ] {
        let output = town.run(&args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!town.path("b.csv").exists());
}

#[test]
fn odd_lines_and_quotes_are_kept_as_they_are() {
    let town = town();
    let fields = ["--fields", "grid_code"];
    let check = |input: &str, expected: &str| {
        let output = assign(&town, "odd.csv", input.as_bytes(), &fields);
        assert_eq!(String::from_utf8_lossy(&output), expected, "{input:?}");
    };
    // Each row keeps its own line end; lines without text are no rows; the last row gets the line end that it lacks.
    check(
        "\u{feff}lon,lat\n111.605,26.205\r\n\n\r\n111.615,26.205\n111.605,26.205",
        &format!("\u{feff}lon,lat,grid_code,error\n111.605,26.205,{WEST},\r\n111.615,26.205,{EAST},\n111.605,26.205,{WEST},\n"),
    );
    // A mark in front belongs to no row, nor to a quoted name behind it.
    check("\u{feff}\"a,\",lon,lat\n1,111.605,26.205\n", &format!("\u{feff}\"a,\",lon,lat,grid_code,error\n1,111.605,26.205,{WEST},\n"));
    check("lon,lat\r111.605,26.205\r", &format!("lon,lat,grid_code,error\r111.605,26.205,{WEST},\r"));
    check(
        "note,\"lon\",lat\n\"a,\"\"b\"\"\nc\",\"111.605\",\"26.\"205\n5\" pipe,111.615,26.205\n",
        &format!("note,\"lon\",lat,grid_code,error\n\"a,\"\"b\"\"\nc\",\"111.605\",\"26.\"205,{WEST},\n5\" pipe,111.615,26.205,{EAST},\n"),
    );
    let errors = String::from_utf8(assign(&town, "more.csv", b"lon,lat\n111.605,26.205,x,\"a,b\"\n,\n", &fields)).unwrap();
    let rows: Vec<&str> = errors.lines().collect();
    // What is too much goes into the error, so that the answers stand under their names.
    assert_eq!(rows[1], "111.605,26.205,,\"the row has 4 columns, the header has 2; too much is x,\"\"a,b\"\"\"", "{errors}");
    assert_eq!(rows[2], ",,,lon: it is empty", "{errors}");
}

#[test]
fn invalid_rows_are_told_with_their_numbers_and_counted() {
    let town = town();
    let bad: String = (0..30).map(|_| "x,26.205\n").collect();
    let rows = town.write("bad.csv", format!("lon,lat\n111.605,26.205\n{bad}"));
    let output = town.run(&["assign", text(&rows), "-o", "-", "--fields", "status"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success());
    assert!(told.contains("row 3: lon: \"x\" is no number") && told.contains("row 12: ") && !told.contains("row 13: "), "{told}");
    assert!(told.contains("and 20 more rows") && told.contains("31 rows, 30 invalid, ") && told.contains("rows/s"), "{told}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().matches("invalid").count(), 30);
}

#[test]
fn lines_of_json_come_through_a_pipe_where_their_kind_is_named() {
    let town = town();
    let mut command = town.command();
    let child = command.args(["assign", "-", "-o", "-", "--format", "ndjson", "--fields", "grid_code"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"lon\":111.605,\"lat\":26.205}\r\n{\"x\":[{\"lon\":1}]}\n").unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(output.starts_with(&format!(
        "{{\"lon\":111.605,\"lat\":26.205,\"grid_code\":\"{WEST}\"}}\r\n{{\"x\":[{{\"lon\":1}}],\"grid_code\":null,"
    )));
}

#[test]
fn a_killed_run_leaves_nothing_that_looks_whole() {
    let town = town();
    let (done, before) = (town.path("out.csv"), "lon,lat,grid_code,error\n");
    town.write("out.csv", before);
    let mut child = town.command().args(["assign", "-", "-o", text(&done), "--fields", "grid_code"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than the pipe and the blocks hold, so that rows have been written when it ends.
    stdin.write_all(format!("lon,lat\n{}", "111.605,26.205\n".repeat(100_000)).as_bytes()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(std::fs::read_to_string(&done).unwrap(), before);
    let names = std::fs::read_dir(town.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let tables: Vec<String> = names.filter(|name| name.ends_with("csv")).collect();
    assert!(tables.iter().all(|name| name == "out.csv" || name == "roster.csv"), "{tables:?}");
}
