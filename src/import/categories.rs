//! Categories: what kinds of cases there are, under which conditions one is filed, and how long it may take.

use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::roster::RowProblem;
use super::rule_row::{MAJOR, MINOR, RuleRow, VALID_FROM, VALID_TO, ZONE, join_codes};
use super::table::{Table, TableError};
use crate::dispatch::{CategoryCode, CategoryRow, Limits, SKILL_BYTES_MAX, Skill};

/// The columns of a table of categories, each with the names under which it is found.
const CODE: [&str; 5] = ["code", "category", "类别编码", "类别代码", "编码"];
const MAJOR_NAME: [&str; 3] = ["major_name", "大类名称", "大类"];
const NAME: [&str; 4] = ["name", "小类名称", "名称", "小类"];
const CONDITION: [&str; 4] = ["condition", "条件编码", "条件代码", "条件序号"];
const FILING: [&str; 2] = ["filing_condition", "立案条件"];
const CLOSING: [&str; 2] = ["closing_condition", "结案条件"];
const DISPATCH_LIMIT: [&str; 2] = ["dispatch_limit", "派遣时限"];
const HANDLE_LIMIT: [&str; 4] = ["handle_limit", "limit", "处置时限", "时限"];
const CHECK_LIMIT: [&str; 3] = ["check_limit", "核查时限", "核实时限"];
const TOTAL_LIMIT: [&str; 3] = ["total_limit", "总时限", "结案时限"];
const SKILL: [&str; 4] = ["skill", "所需技能", "技能要求", "技能"];
const PRIVATE: [&str; 3] = ["private", "不公开", "涉密"];

struct Columns {
    code: Option<usize>,
    major: Option<usize>,
    major_name: Option<usize>,
    minor: Option<usize>,
    name: usize,
    condition: Option<usize>,
    filing: Option<usize>,
    closing: Option<usize>,
    zone: Option<usize>,
    /// In the order of the stages.
    limits: [Option<usize>; 4],
    private: Option<usize>,
    skill: Option<usize>,
    valid_from: Option<usize>,
    valid_to: Option<usize>,
}

impl Columns {
    fn find(table: &Table) -> Result<Self, TableError> {
        let (major, minor) = (table.find_column(&MAJOR), table.find_column(&MINOR));
        // A code is written in one column, or in two of which it is put together.
        let code = match table.find_column(&CODE) {
            None if major.is_none() || minor.is_none() => Some(table.require_column(&CODE)?),
            found => found,
        };
        Ok(Self {
            code,
            major,
            major_name: table.find_column(&MAJOR_NAME),
            minor,
            name: table.require_column(&NAME)?,
            condition: table.find_column(&CONDITION),
            filing: table.find_column(&FILING),
            closing: table.find_column(&CLOSING),
            zone: table.find_column(&ZONE),
            limits: [&DISPATCH_LIMIT[..], &HANDLE_LIMIT, &CHECK_LIMIT, &TOTAL_LIMIT].map(|names| table.find_column(names)),
            private: table.find_column(&PRIVATE),
            skill: table.find_column(&SKILL),
            valid_from: table.find_column(&VALID_FROM),
            valid_to: table.find_column(&VALID_TO),
        })
    }
}

/// Reads categories, a row for each filing condition. Conditions without a code of their own are counted from 1 in the order of their
/// texts, so that the same text in several zones is the same condition.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list; where there is one, nothing should be stored.
pub fn read_categories(table: &Table, time_zone: &TimeZone) -> Result<(Vec<CategoryRow>, Vec<RowProblem>), TableError> {
    let columns = Columns::find(table)?;
    let (mut rows, mut problems): (Vec<(u64, CategoryRow)>, Vec<RowProblem>) = (Vec::new(), Vec::new());
    let mut conditions: FxHashMap<CategoryCode, Vec<String>> = FxHashMap::default();
    let mut known: FxHashMap<CategoryCode, Vec<usize>> = FxHashMap::default();
    for row in &table.rows {
        let mut reader = RuleRow { row, time_zone, problems: &mut problems };
        let Some(mut category) = read_row(&mut reader, &columns) else { continue };
        if category.condition.is_empty() {
            let texts = conditions.entry(category.code.clone()).or_default();
            let at = texts.iter().position(|text| *text == category.filing).unwrap_or_else(|| {
                texts.push(category.filing.clone());
                texts.len() - 1
            });
            category.condition = (at + 1).to_string();
        }
        let earlier = known.entry(category.code.clone()).or_default();
        for (number, other) in earlier.iter().map(|at| &rows[*at]).filter(|(_, other)| other.dates.overlaps(&category.dates)) {
            if let Some((column, detail)) = conflict(&category, other, *number) {
                reader.problem(column, detail);
                break;
            }
        }
        earlier.push(rows.len());
        rows.push((row.number, category));
    }
    Ok((rows.into_iter().map(|(_, row)| row).collect(), problems))
}

/// Says in what two rows of one category contradict each other.
fn conflict(row: &CategoryRow, other: &CategoryRow, number: u64) -> Option<(&'static str, String)> {
    let code = &row.code;
    if row.name != other.name {
        return Some(("name", format!("{code} is {:?} here, but {:?} in row {number}; give a code one name", row.name, other.name)));
    }
    if row.major != other.major {
        return Some(("major", format!("{code} is of another major in row {number}; give a category one major")));
    }
    if row.is_private != other.is_private {
        return Some(("private", format!("{code} is private in one of this row and row {number}; write the same in both")));
    }
    if row.skill != other.skill {
        return Some(("skill", format!("{code} needs another skill in row {number}, or none; write the same in both")));
    }
    let is_same = row.condition == other.condition && row.zone == other.zone;
    is_same.then(|| ("condition", format!("{code}:{} stands in row {number} for the same zone and time; leave one out", row.condition)))
}

fn read_row(reader: &mut RuleRow<'_>, columns: &Columns) -> Option<CategoryRow> {
    let (major, minor) = (reader.cell(columns.major), reader.cell(columns.minor));
    let own = reader.cell(columns.code);
    let code = match (own.is_empty(), minor.is_empty()) {
        (false, _) => reader.category("code", own),
        (true, false) => reader.category("minor", &join_codes(major, minor)),
        (true, true) => {
            reader.problem("code", "is empty; give the code of the category, or leave the row out".into());
            None
        }
    };
    let major = if major.is_empty() { Some(None) } else { reader.category("major", major).map(Some) };
    let name = reader.cell(Some(columns.name)).to_owned();
    if name.is_empty() {
        reader.problem("name", "is empty; give the name of the category".into());
    }
    let [dispatch, handle, check, total] = columns.limits;
    let dispatch = reader.limit("dispatch_limit", dispatch);
    let handle = reader.limit("handle_limit", handle);
    let check = reader.limit("check_limit", check);
    let total = reader.limit("total_limit", total);
    let is_private = read_private(reader, columns.private);
    let skill = read_skill(reader, columns.skill);
    let dates = reader.dates(columns.valid_from, columns.valid_to);
    let condition = reader.cell(columns.condition).to_owned();
    if !condition.is_empty() && CategoryCode::parse(&condition).is_err() {
        reader.problem("condition", format!("{condition:?} holds white space or a colon; give a short code such as 1"));
    }
    Some(CategoryRow {
        code: code?,
        major: major?,
        major_name: reader.cell(columns.major_name).to_owned(),
        name,
        condition,
        filing: reader.cell(columns.filing).to_owned(),
        closing: reader.cell(columns.closing).to_owned(),
        zone: reader.zone(columns.zone),
        limits: Limits { dispatch: dispatch?, handle: handle?, check: check?, total: total? },
        is_private: is_private?,
        skill: skill?,
        dates: dates?,
    })
}

/// Reads the skill that a category needs; the outer none is a problem, the inner an empty cell.
fn read_skill(reader: &mut RuleRow<'_>, column: Option<usize>) -> Option<Option<String>> {
    let text = reader.cell(column);
    if text.is_empty() {
        return Some(None);
    }
    if Skill::is_name(text) {
        return Some(Some(text.to_owned()));
    }
    reader.problem("skill", format!("{text:?} is no name of a skill; give one of at most {SKILL_BYTES_MAX} bytes in one line"));
    None
}

fn read_private(reader: &mut RuleRow<'_>, column: Option<usize>) -> Option<bool> {
    match reader.cell(column).to_lowercase().as_str() {
        "" | "no" | "false" | "0" | "否" | "公开" => Some(false),
        "yes" | "true" | "1" | "是" | "不公开" => Some(true),
        other => {
            let detail =
                format!("{other:?} is neither yes nor no; write yes where only insiders may see the category, else leave it empty");
            reader.problem("private", detail);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::rule_row::tests::table;

    fn read(lines: &str) -> (Vec<CategoryRow>, Vec<RowProblem>) {
        read_categories(&table(lines), &TimeZone::get("Asia/Shanghai").unwrap()).unwrap()
    }

    #[test]
    fn a_city_table_is_read_as_it_is() {
        let (rows, problems) = read(
            "大类代码,大类名称,小类代码,小类名称,立案条件,结案条件,处置时限\n\
             01,公用设施,01,上水井盖,缺失,已补,2紧急工作时\n\
             01,公用设施,01,上水井盖,破损,已换,４工作时\n\
             01,公用设施,0102,污水井盖,缺失,已补,2天",
        );
        assert_eq!(problems, []);
        let found: Vec<_> =
            rows.iter().map(|row| (row.code.as_str(), row.condition.as_str(), row.limits.handle.unwrap().to_string())).collect();
        assert_eq!(found, [("0101", "1", "2 urgent_hour".into()), ("0101", "2", "4 work_hour".into()), ("0102", "1", "2 work_day".into())]);
        assert_eq!((rows[0].major.as_ref().unwrap().as_str(), rows[0].closing.as_str()), ("01", "已补"));
    }

    #[test]
    fn the_same_condition_in_several_zones_and_times_is_one() {
        let (rows, problems) = read(
            "code,name,filing_condition,zone,limit,valid_from,valid_to,private\n\
             E0110,rubbish,seen,a,4小时,,,yes\n\
             E0110,rubbish,seen,B,1工作日,,2026-07-01,yes\n\
             E0110,rubbish,seen,B,2工作日,2026-07-01,,yes\n\
             E0110,rubbish,smelt,,2工作日,,,yes",
        );
        assert_eq!(problems, []);
        let found: Vec<_> = rows.iter().map(|row| (row.condition.as_str(), row.zone.as_ref().map(|zone| &*zone.0))).collect();
        assert_eq!(found, [("1", Some("A")), ("1", Some("B")), ("1", Some("B")), ("2", None)]);
        assert!(rows.iter().all(|row| row.is_private));
    }

    #[test]
    fn a_category_names_the_skill_that_it_needs() {
        for header in ["skill", "所需技能", "技能要求", "技能"] {
            let (rows, problems) = read(&format!("小类编码,大类编码,名称,{header}\n01,C01,井盖, 有限空间作业 \n02,C01,路灯,"));
            assert_eq!(problems, []);
            assert_eq!((rows[0].skill.as_deref(), rows[1].skill.as_deref()), (Some("有限空间作业"), None), "{header}");
        }
        let (_, problems) = read("code,name,condition,skill\nC0101,lid,1,climbing\nC0101,lid,2,\nC0102,lamp,1,a\u{7}b");
        let found: Vec<(u64, &str)> = problems.iter().map(|problem| (problem.row, problem.column)).collect();
        assert_eq!(found, [(3, "skill"), (4, "skill")], "{problems:?}");
        assert!(problems.iter().all(|problem| problem.detail.contains(';')), "{problems:?}");
    }

    #[test]
    fn every_fault_of_every_row_is_told_with_its_remedy() {
        let (_, problems) = read(
            "code,major,name,condition,limit,private,valid_from,valid_to\n\
             ,E01,no code,,,,,\n\
             E 1,E01,space,,,,,\n\
             E0110,E01,rubbish,1,soon,perhaps,yesterday,\n\
             E0111,E01,,1,4小时,,2026-02-01,2026-02-01\n\
             E0112,E01,dirt,1,4小时,,,\n\
             E0112,E01,dirt,1,5小时,,,\n\
             E0112,E01,other,2,5小时,,,\n\
             E0112,E02,dirt,3,5小时,,,\n\
             E0112,E01,dirt,4,5小时,是,,",
        );
        let found: Vec<(u64, &str)> = problems.iter().map(|problem| (problem.row, problem.column)).collect();
        let expected = [
            (2, "code"),
            (3, "code"),
            (4, "handle_limit"),
            (4, "private"),
            (4, "valid_from"),
            (5, "name"),
            (5, "valid_to"),
            (7, "condition"),
            (8, "name"),
            (9, "major"),
            (10, "private"),
        ];
        assert_eq!(found, expected, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.detail.contains(';')), "{problems:?}");
    }

    #[test]
    fn a_table_without_codes_is_refused() {
        let error = read_categories(&table("name\nrubbish"), &TimeZone::UTC).unwrap_err();
        assert!(error.to_string().contains("no column code"), "{error}");
    }
}
