//! The sample's rules of dispatch: categories as city management names them, made-up departments, and a calendar of work.

use super::District;
use super::codes::DISTRICT_CODE;
use super::noise;

/// A category of the sample.
pub(super) struct Sort {
    pub code: &'static str,
    /// What reports say.
    pub reported: &'static str,
    name: &'static str,
    /// Filing conditions: when, when it is closed, how long it may take, and how long in the middle of the city.
    conditions: &'static [(&'static str, &'static str, &'static str, &'static str)],
    is_private: bool,
}

const fn sort(
    code: &'static str,
    name: &'static str,
    reported: &'static str,
    conditions: &'static [(&'static str, &'static str, &'static str, &'static str)],
) -> Sort {
    Sort { code, reported, name, conditions, is_private: false }
}

/// The first twelve are those of incidents. Limits are of the kind that cities have, in all the forms in which they write them; none is
/// that of a city.
pub(super) const CATEGORIES: [Sort; 16] = [
    sort("E0110", "暴露生活垃圾", "暴露生活垃圾", &[("公共区域有暴露垃圾", "垃圾清除", "1工作日", "4工作时")]),
    sort(
        "E0111",
        "积存渣土",
        "积存渣土",
        &[("渣土不足1立方米", "渣土清除", "2工作日", ""), ("渣土1立方米以上", "渣土清除", "5工作日", "")],
    ),
    sort("E0112", "道路不洁", "道路不洁", &[("路面有污渍或积灰", "路面整洁", "4小时", "2小时")]),
    sort("E0113", "道路破损", "道路破损", &[("坑洞危及行车", "设好围挡并修复", "1紧急工作日", ""), ("一般破损", "修复", "7工作日", "")]),
    sort("E0136", "乱堆物料", "乱堆物料", &[("占道堆放物料", "清除", "1工作日", "4工作时")]),
    sort("E0201", "非法小广告", "非法小广告", &[("张贴或喷涂小广告", "清除", "2天", "1天")]),
    sort("E0302", "施工占道", "施工占道", &[("无证占道", "恢复", "2工作日", "")]),
    sort("E0405", "店外经营", "店外经营", &[("店外摆放经营", "收回店内", "4工作时", "2工作时")]),
    sort("E0410", "非机动车乱停放", "非机动车乱停放", &[("停放影响通行", "摆放整齐", "4工作时", "2工作时")]),
    sort("E0506", "道路积水", "道路积水", &[("积水影响通行", "积水排除", "4紧急工作时", "2紧急工作时")]),
    sort(
        "C0102",
        "污水井盖",
        "污水井盖破损",
        &[("缺失或有危险", "补装", "2紧急工作时", ""), ("破损", "更换", "4工作时", ""), ("响动", "修复", "2工作日", "")],
    ),
    sort("C0137", "路灯", "路灯不亮", &[("连续多盏不亮", "恢复照明", "1工作日", ""), ("单盏不亮", "恢复照明", "3工作日", "")]),
    sort("E0501", "供水管道破裂", "", &[("管道爆裂", "抢修恢复", "4紧急工作时", "")]),
    sort("C0301", "公共厕所", "", &[("设施损坏", "修复", "3工作日", "")]),
    sort("C0402", "行道树", "", &[("倒伏或断枝", "清除", "1自然日", "")]),
    Sort {
        is_private: true, ..sort("E0601", "投诉工作人员", "", &[("对工作人员的投诉", "书面答复", "10工作日", "")])
    },
];

pub(super) const CATEGORY_COLUMNS: [&str; 13] = [
    "code",
    "name",
    "major",
    "major_name",
    "condition",
    "filing_condition",
    "closing_condition",
    "zone",
    "dispatch_limit",
    "handle_limit",
    "check_limit",
    "total_limit",
    "private",
];
pub(super) const RESPONSIBILITY_COLUMNS: [&str; 8] =
    ["category", "unit_code", "department_id", "department", "role", "order", "valid_from", "valid_to"];
pub(super) const CALENDAR_COLUMNS: [&str; 10] =
    ["calendar", "kind", "days", "hours", "time_zone", "unit_code", "zone", "note", "valid_from", "valid_to"];

const MAJORS: [(&str, &str); 9] = [
    ("E01", "市容环境"),
    ("E02", "宣传广告"),
    ("E03", "施工管理"),
    ("E04", "街面秩序"),
    ("E05", "突发事件"),
    ("E06", "其他"),
    ("C01", "公用设施"),
    ("C03", "市容环境设施"),
    ("C04", "园林绿化设施"),
];

/// The departments, by majors and categories.
const DEPARTMENTS: [(&str, &str, &str); 8] = [
    ("E01", "D01", "零陵区环境卫生服务中心"),
    ("E0113", "D02", "零陵区住房和城乡建设局"),
    ("E02", "D03", "零陵区城市管理和综合执法局"),
    ("E03", "D02", "零陵区住房和城乡建设局"),
    ("E04", "D03", "零陵区城市管理和综合执法局"),
    ("E05", "D04", "零陵区应急管理局"),
    ("C", "D05", "零陵区市政设施维护中心"),
    ("E06", "D06", "零陵区纪检监察组"),
];

/// The streets in the middle of the city, with the stricter limits.
const INNER_STREETS: [&str; 4] = ["431102001", "431102002", "431102003", "431102004"];
const INNER_ZONE: &str = "A";

/// One street in this many has a department of its own for what lies on its roads.
const STREETS_PER_OWN: u64 = 3;

/// Holidays as the office of the sample keeps them; those of a real year are published by the government, and imported.
const HOLIDAYS: [(&str, &str); 6] = [
    ("2026-01-01..2026-01-03", "元旦"),
    ("2026-02-15..2026-02-23", "春节"),
    ("2026-04-04..2026-04-06", "清明节"),
    ("2026-05-01..2026-05-05", "劳动节"),
    ("2026-06-19..2026-06-21", "端午节"),
    ("2026-09-25..2026-10-07", "中秋节和国庆节"),
];
const MAKE_UP_DAYS: [&str; 4] = ["2026-01-04", "2026-02-14", "2026-05-09", "2026-10-10"];

pub(super) fn categories() -> Vec<[String; 13]> {
    let mut rows = Vec::new();
    for sort in &CATEGORIES {
        let major = &sort.code[..3];
        let major_name = MAJORS.iter().find(|(code, _)| *code == major).map_or("", |(_, name)| name);
        let private = if sort.is_private { "是" } else { "" };
        for (condition, (filing, closing, limit, inner)) in (1..).zip(sort.conditions) {
            for (zone, limit) in [("", limit), (INNER_ZONE, inner)].into_iter().filter(|(_, limit)| !limit.is_empty()) {
                let condition = condition.to_string();
                let cells =
                    [sort.code, sort.name, major, major_name, &condition, filing, closing, zone, "1小时", limit, "4小时", "", private];
                rows.push(cells.map(str::to_owned));
            }
        }
    }
    rows
}

/// Rules for the whole district, for some streets, and for villages, whose committee helps with all that is theirs.
pub(super) fn responsibilities(district: &District) -> Vec<[String; 8]> {
    let mut rows = Vec::new();
    let mut add = |category: &str, unit: &str, id: &str, name: &str, role: &str, order: &str| {
        rows.push([category, unit, id, name, role, order, "", ""].map(str::to_owned));
    };
    let (center, center_name) = ("D00", "零陵区网格化服务管理中心");
    add("", DISTRICT_CODE, center, center_name, "lead", "");
    let known = |code: &str| MAJORS.iter().any(|(major, _)| *major == code) || CATEGORIES.iter().any(|sort| sort.code == code);
    for (code, id, name) in DEPARTMENTS {
        // The majors of fixed assets all go to one department.
        let codes =
            if known(code) { vec![code] } else { MAJORS.map(|(major, _)| major).into_iter().filter(|m| m.starts_with(code)).collect() };
        for code in codes {
            add(code, DISTRICT_CODE, id, name, "lead", "");
            if code == "E05" {
                add(code, DISTRICT_CODE, "D05", "零陵区市政设施维护中心", "co", "1");
                add(code, DISTRICT_CODE, "D03", "零陵区城市管理和综合执法局", "co", "2");
            }
        }
    }
    let seed = noise::hash(district.settings.seed, 85);
    for (number, street) in (0..).zip(&district.streets) {
        let office = format!("S{}", &street.code[6..]);
        let name = format!("{}综合行政执法队", street.name);
        if noise::hash(seed, number).is_multiple_of(STREETS_PER_OWN) {
            add("E0405", &street.code, &office, &name, "lead", "");
            add("E0405", &street.code, "D03", "零陵区城市管理和综合执法局", "co", "1");
        }
        // A rule of the street would hide those of the district, so it names who leads there too.
        if noise::hash(seed, 100 + number).is_multiple_of(STREETS_PER_OWN) {
            add("E0110", &street.code, "D01", "零陵区环境卫生服务中心", "lead", "");
            add("E0110", &street.code, &office, &name, "co", "1");
        }
    }
    rows
}

pub(super) fn calendars(district: &District) -> Vec<[String; 10]> {
    let row = |cells: [&str; 10]| cells.map(str::to_owned);
    let week = |calendar: &str, days: &str, hours: &str, from: &str, to: &str| {
        row([calendar, "week", days, hours, "Asia/Shanghai", "", "", "", from, to])
    };
    let mut rows = vec![
        week("default", "1-5", "08:00-12:00;14:00-18:00", "", ""),
        // Offices of the south rest longer at noon in summer.
        week("default", "1-5", "08:00-12:00;15:00-18:00", "2026-07-01", "2026-10-01"),
        week("streets", "1-7", "08:00-12:00;14:00-20:00", "", ""),
    ];
    rows.extend(HOLIDAYS.map(|(days, name)| row(["default", "holiday", days, "", "", "", "", name, "", ""])));
    rows.extend(MAKE_UP_DAYS.map(|day| row(["default", "workday", day, "", "", "", "", "调休上班", "", ""])));
    let inner = district.streets.iter().filter(|street| INNER_STREETS.contains(&street.code.as_str()));
    rows.extend(inner.map(|street| row(["streets", "unit", "", "", "", &street.code, INNER_ZONE, &street.name, "", ""])));
    rows
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::import::{Table, TableRow, read_calendars, read_categories, read_responsibilities};
    use crate::sample::Settings;

    fn table<const N: usize>(columns: [&str; N], rows: Vec<[String; N]>) -> Table {
        let rows = (2..).zip(rows).map(|(number, cells)| TableRow { number, cells: cells.to_vec() }).collect();
        Table { path: PathBuf::from("rules.csv"), headers: columns.map(str::to_owned).to_vec(), rows }
    }

    #[test]
    fn the_samples_rules_are_taken_as_they_are() {
        let district = District::generate(Settings { seed: 1, grids: 100, incidents: 0 }).unwrap();
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let (rows, problems) = read_categories(&table(CATEGORY_COLUMNS, categories()), &zone).unwrap();
        assert_eq!((rows.len(), problems), (categories().len(), vec![]));
        let known =
            |code: &str| rows.iter().any(|row| row.code.as_str() == code || row.major.as_ref().is_some_and(|major| major.as_str() == code));
        let check = |code: &crate::dispatch::CategoryCode| if known(code.as_str()) { Ok(()) } else { Err(format!("no {code};")) };
        let responsibilities = table(RESPONSIBILITY_COLUMNS, responsibilities(&district));
        let (found, problems) = read_responsibilities(&responsibilities, &zone, |_| true, check).unwrap();
        assert_eq!((found.len(), problems), (responsibilities.rows.len(), vec![]));
        assert!(found.iter().any(|row| row.unit.as_ref().is_some_and(|unit| unit.as_str().len() > DISTRICT_CODE.len())));
        let calendars = table(CALENDAR_COLUMNS, calendars(&district));
        assert_eq!(read_calendars(&calendars, &zone, |_| true).unwrap().1, []);
    }
}
