//! Responsibilities: which departments answer for which categories at which units.

use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::roster::RowProblem;
use super::rule_row::{MAJOR, MINOR, RuleRow, UNIT_CODE, VALID_FROM, VALID_TO, join_codes};
use super::table::{Table, TableError};
use crate::boundary::UnitCode;
use crate::dispatch::{CategoryCode, DepartmentId, DepartmentRole, ResponsibilityRow};

/// The columns of a table of responsibilities, each with the names under which it is found.
const CATEGORY: [&str; 5] = ["category", "code", "类别编码", "类别代码", "编码"];
const DEPARTMENT_ID: [&str; 3] = ["department_id", "部门编码", "单位编码"];
const DEPARTMENT: [&str; 5] = ["department", "处置单位", "责任单位", "部门", "单位名称"];
const ROLE: [&str; 3] = ["role", "角色", "主协办"];
const ORDER: [&str; 3] = ["order", "顺序", "序号"];

struct Columns {
    category: Option<usize>,
    major: Option<usize>,
    minor: Option<usize>,
    unit_code: Option<usize>,
    department_id: Option<usize>,
    department: usize,
    role: Option<usize>,
    order: Option<usize>,
    valid_from: Option<usize>,
    valid_to: Option<usize>,
}

impl Columns {
    fn find(table: &Table) -> Result<Self, TableError> {
        let major = table.find_column(&MAJOR);
        let category = match table.find_column(&CATEGORY) {
            None if major.is_none() => Some(table.require_column(&CATEGORY)?),
            found => found,
        };
        Ok(Self {
            category,
            major,
            minor: table.find_column(&MINOR),
            unit_code: table.find_column(&UNIT_CODE),
            department_id: table.find_column(&DEPARTMENT_ID),
            department: table.require_column(&DEPARTMENT)?,
            role: table.find_column(&ROLE),
            order: table.find_column(&ORDER),
            valid_from: table.find_column(&VALID_FROM),
            valid_to: table.find_column(&VALID_TO),
        })
    }
}

/// Reads responsibilities. An empty category is all of them, an empty unit is everywhere, an empty role the lead. Several departments
/// in one cell are the lead and then the others in their order. `is_known` tells which codes have a unit; `check_category` says what is
/// wrong with a category that there is not.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list; where there is one, nothing should be stored.
pub fn read_responsibilities(
    table: &Table,
    time_zone: &TimeZone,
    is_known: impl Fn(&UnitCode) -> bool,
    check_category: impl Fn(&CategoryCode) -> Result<(), String>,
) -> Result<(Vec<ResponsibilityRow>, Vec<RowProblem>), TableError> {
    let columns = Columns::find(table)?;
    let (mut rows, mut problems): (Vec<(u64, ResponsibilityRow)>, Vec<RowProblem>) = (Vec::new(), Vec::new());
    for row in &table.rows {
        let mut reader = RuleRow { row, time_zone, problems: &mut problems };
        let read = read_row(&mut reader, &columns, &is_known, &check_category).unwrap_or_default();
        rows.extend(read.into_iter().map(|read| (row.number, read)));
    }
    check_rules(&rows, &mut problems);
    problems.sort_by_key(|problem| problem.row);
    Ok((rows.into_iter().map(|(_, row)| row).collect(), problems))
}

fn read_row(
    reader: &mut RuleRow<'_>,
    columns: &Columns,
    is_known: &impl Fn(&UnitCode) -> bool,
    check_category: &impl Fn(&CategoryCode) -> Result<(), String>,
) -> Option<Vec<ResponsibilityRow>> {
    let category = read_category(reader, columns, check_category);
    let unit = reader.unit(columns.unit_code, is_known);
    let role = match reader.cell(columns.role).to_lowercase().as_str() {
        "" => Some(None),
        "主办" | "主责" | "牵头" => Some(Some(DepartmentRole::Lead)),
        "协办" | "配合" | "协同" => Some(Some(DepartmentRole::Co)),
        text => {
            let role = DepartmentRole::parse(text);
            if role.is_none() {
                reader.problem("role", format!("{text:?} is no role; write lead or co"));
            }
            role.map(Some)
        }
    };
    let order = match reader.cell(columns.order) {
        "" => Some(0),
        text => {
            let order: Option<u32> = text.parse().ok();
            if order.is_none() {
                reader.problem("order", format!("{text:?} is no number from 0; write 1 for whom to ask first"));
            }
            order
        }
    };
    let dates = reader.dates(columns.valid_from, columns.valid_to);
    let departments = read_departments(reader, columns)?;
    let (category, unit, role, order, dates) = (category?, unit?, role?, order?, dates?);
    let department = |(rank, (department, name)): (u32, (DepartmentId, String))| ResponsibilityRow {
        category: category.clone(),
        unit: unit.clone(),
        role: role.unwrap_or(if rank == 0 { DepartmentRole::Lead } else { DepartmentRole::Co }),
        rank: order.saturating_add(rank),
        department,
        name,
        dates,
    };
    Some((0..).zip(departments).map(department).collect())
}

/// Reads the category, or the major where no minor is given; the outer none is a problem, the inner all of them.
fn read_category(
    reader: &mut RuleRow<'_>,
    columns: &Columns,
    check_category: &impl Fn(&CategoryCode) -> Result<(), String>,
) -> Option<Option<CategoryCode>> {
    let (own, major, minor) = (reader.cell(columns.category), reader.cell(columns.major), reader.cell(columns.minor));
    let text = match (own, minor) {
        ("", "") => major.to_owned(),
        ("", minor) => join_codes(major, minor),
        (own, _) => own.to_owned(),
    };
    if matches!(text.as_str(), "" | "*" | "全部" | "所有") {
        return Some(None);
    }
    let code = reader.category("category", &text)?;
    match check_category(&code) {
        Ok(()) => Some(Some(code)),
        Err(detail) => {
            reader.problem("category", detail);
            None
        }
    }
}

/// Reads the ids and names of the departments of a cell. Where no ids are given the names are the ids.
fn read_departments(reader: &mut RuleRow<'_>, columns: &Columns) -> Option<Vec<(DepartmentId, String)>> {
    let split = |text: &'_ str| -> Vec<String> {
        text.split(['、', ';', ',', '\n']).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    };
    let (ids, names) = (split(reader.cell(columns.department_id)), split(reader.cell(Some(columns.department))));
    if names.is_empty() {
        reader.problem("department", "is empty; give the name of the department, or leave the row out".into());
        return None;
    }
    if !ids.is_empty() && ids.len() != names.len() {
        reader.problem("department_id", format!("has {} ids for {} departments; give each its own", ids.len(), names.len()));
        return None;
    }
    let id = |at: usize, name: &String| DepartmentId(ids.get(at).unwrap_or(name).as_str().into());
    Some(names.into_iter().enumerate().map(|(at, name)| (id(at, &name), name)).collect())
}

/// Sees that each rule has one lead at a time, names no department twice, and that an id has one name.
fn check_rules(rows: &[(u64, ResponsibilityRow)], problems: &mut Vec<RowProblem>) {
    let mut rules: FxHashMap<_, Vec<&(u64, ResponsibilityRow)>> = FxHashMap::default();
    let mut names: FxHashMap<&DepartmentId, (u64, &str)> = FxHashMap::default();
    for entry @ (number, row) in rows {
        let mut problem = |column, detail| problems.push(RowProblem { row: *number, column, detail });
        let (first, name) = *names.entry(&row.department).or_insert((*number, row.name.as_str()));
        if name != row.name {
            problem("department", format!("{} is {:?} here, but {name:?} in row {first}; give an id one name", row.department, row.name));
        }
        let earlier = rules.entry((&row.category, &row.unit)).or_default();
        let mut together = earlier.iter().filter(|(_, other)| other.dates.overlaps(&row.dates));
        if let Some((first, _)) = together.clone().find(|(_, other)| other.department == row.department) {
            let detail = format!("{} stands in row {first} for the same category, unit and time; leave one out", row.department);
            problem("department", detail);
        } else if row.role == DepartmentRole::Lead
            && let Some((first, _)) = together.find(|(_, other)| other.role == DepartmentRole::Lead)
        {
            problem("role", format!("row {first} names a lead for the same category, unit and time; make one of them co"));
        }
        earlier.push(entry);
    }
    for rule in rules.into_values() {
        let has_lead =
            |row: &ResponsibilityRow| rule.iter().any(|(_, other)| other.role == DepartmentRole::Lead && other.dates.overlaps(&row.dates));
        if let Some((number, _)) = rule.iter().find(|(_, row)| !has_lead(row)) {
            let detail = "helps where nobody leads; give the category, unit and time a row with the role lead".into();
            problems.push(RowProblem { row: *number, column: "role", detail });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::rule_row::tests::table;

    fn read(lines: &str) -> (Vec<ResponsibilityRow>, Vec<RowProblem>) {
        let check = |code: &CategoryCode| {
            if code.as_str().starts_with('E') { Ok(()) } else { Err(format!("there is no category {code}; correct it")) }
        };
        read_responsibilities(&table(lines), &TimeZone::UTC, |code| code.as_str().starts_with("4311"), check).unwrap()
    }

    #[test]
    fn rows_of_one_category_and_unit_are_a_rule_with_a_lead() {
        let (rows, problems) = read(
            "category,unit_code,department_id,department,role,order\n\
             E0110,431102,D1,环卫处,lead,\n\
             E0110,431102,D2,城管局,co,2\n\
             E0110,431102,D3,街道办,协办,1\n\
             ,,D9,指挥中心,,",
        );
        assert_eq!(problems, []);
        let found: Vec<_> = rows.iter().map(|row| (&*row.department.0, row.role.as_str(), row.rank)).collect();
        assert_eq!(found, [("D1", "lead", 0), ("D2", "co", 2), ("D3", "co", 1), ("D9", "lead", 0)]);
        assert_eq!((&rows[3].category, &rows[3].unit), (&None, &None));
    }

    #[test]
    fn several_departments_in_a_cell_are_the_lead_and_the_others() {
        let (rows, problems) = read("大类代码,小类代码,处置单位\nE01,10,住建局、城管局；街道办\nE01,,城管局");
        assert_eq!(problems.len(), 0, "{problems:?}");
        let found: Vec<_> =
            rows.iter().map(|row| (row.category.as_ref().unwrap().as_str(), &*row.department.0, row.role.as_str())).collect();
        assert_eq!(found, [("E0110", "住建局", "lead"), ("E0110", "城管局", "co"), ("E0110", "街道办", "co"), ("E01", "城管局", "lead")]);
    }

    #[test]
    fn every_fault_of_every_row_is_told_with_its_remedy() {
        let (_, problems) = read(
            "category,unit_code,department_id,department,role,order,valid_from,valid_to\n\
             X1,9999,D1,one,boss,first,soon,\n\
             E0110,431102,D1,one,lead,,,2026-07-01\n\
             E0110,431102,D2,two,lead,,2026-07-01,\n\
             E0110,431102,D3,three,lead,,,\n\
             E0111,431102,D1,one,co,,,\n\
             E0112,431102,D1,uno,lead,,,\n\
             E0113,431102,,,lead,,,\n\
             E0114,431102,D1,one,lead,,,\n\
             E0114,431102,D1,one,co,,,",
        );
        let found: Vec<(u64, &str)> = problems.iter().map(|problem| (problem.row, problem.column)).collect();
        let expected = [
            (2, "category"),
            (2, "unit_code"),
            (2, "role"),
            (2, "order"),
            (2, "valid_from"),
            (5, "role"),
            (6, "role"),
            (7, "department"),
            (8, "department"),
            (10, "department"),
        ];
        assert_eq!(found, expected, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.detail.contains(';')), "{problems:?}");
    }
}
