//! Tables of what workers have learned.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::roster::{RowProblem, parse_moment};
use super::table::{Table, TableError};
use crate::dispatch::{SKILL_BYTES_MAX, Skill, WorkerId};

const WORKER_ID: [&str; 4] = ["worker_id", "工号", "人员编号", "网格员编号"];
const SKILL: [&str; 5] = ["skill", "技能", "培训", "培训项目", "证书"];
const SINCE: [&str; 4] = ["since", "取得日期", "培训日期", "发证日期"];
const EXPIRES: [&str; 4] = ["expires", "有效期至", "到期日期", "失效日期"];

/// Reads what workers have learned: `worker_id`, `skill`, `since`, `expires`. Days are those of `time_zone`; an empty `since` is `now`, an
/// empty `expires` is never, and `expires` is the first day on which it no longer holds. `is_known` tells who is on the roster.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list; where there is one, nothing should be stored.
pub fn read_skills(
    table: &Table,
    time_zone: &TimeZone,
    now: Timestamp,
    is_known: impl Fn(&WorkerId) -> bool,
) -> Result<(Vec<Skill>, Vec<RowProblem>), TableError> {
    let (worker, name) = (table.require_column(&WORKER_ID)?, table.require_column(&SKILL)?);
    let (since, expires) = (table.find_column(&SINCE), table.find_column(&EXPIRES));
    let (mut skills, mut problems) = (Vec::new(), Vec::new());
    for row in &table.rows {
        let mut problem = |column: &'static str, detail: String| problems.push(RowProblem { row: row.number, column, detail });
        let id = WorkerId(row.cell(Some(worker)).into());
        if !is_known(&id) {
            problem(
                "worker_id",
                format!("no worker of the roster has the id {:?}; correct it, or import the roster first", id.to_string()),
            );
        }
        let name = row.cell(Some(name)).to_owned();
        if !Skill::is_name(&name) {
            problem("skill", format!("{name:?} is no name of a skill; write 1 to {SKILL_BYTES_MAX} bytes in one line"));
        }
        let mut day = |column: &'static str, text: &str| match (text.is_empty(), parse_moment(text, time_zone)) {
            (true, _) => Some(None),
            (false, None) => {
                problem(column, format!("{text:?} is no date; write it as 2026-07-01"));
                None
            }
            (false, day) => Some(day),
        };
        let (since, expires) = (day("since", row.cell(since)), day("expires", row.cell(expires)));
        let (Some(since), Some(expires)) = (since, expires) else { continue };
        let since = since.unwrap_or(now);
        if expires.is_some_and(|expires| expires <= since) {
            problem("expires", "is not after since; it is the first day on which the skill no longer holds".into());
        }
        skills.push(Skill { worker: id, name, since, expires });
    }
    Ok((skills, problems))
}

#[cfg(test)]
mod tests {
    use super::super::rule_row::tests::table;
    use super::*;

    #[test]
    fn skills_are_read_with_their_faults() {
        let lines = "工号,技能,取得日期,有效期至\nw1,急救,2026-01-01,2028-01-01\nw2,登高,,\nw9,急救,,\nw1,,,\nw1,急救,2026-05-01,2026-05-01\nw1,急救,soon,";
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        let (skills, problems) = read_skills(&table(lines), &TimeZone::UTC, now, |id| matches!(&*id.0, "w1" | "w2")).unwrap();
        let skill = |worker: &str, name: &str, since: &str, expires: Option<&str>| Skill {
            worker: WorkerId(worker.into()),
            name: name.into(),
            since: since.parse().unwrap(),
            expires: expires.map(|text| text.parse().unwrap()),
        };
        let expected =
            [skill("w1", "急救", "2026-01-01T00:00:00Z", Some("2028-01-01T00:00:00Z")), skill("w2", "登高", "2026-03-01T00:00:00Z", None)];
        assert_eq!(skills[..2], expected);
        let columns: Vec<_> = problems.iter().map(|problem| (problem.row, problem.column)).collect();
        assert_eq!(columns, [(4, "worker_id"), (5, "skill"), (6, "expires"), (7, "since")]);
        assert!(read_skills(&table("工号,取得日期\nw1,"), &TimeZone::UTC, now, |_| true).is_err());
    }
}
