//! Who answers for the sample's units: made-up people with telephone numbers that nobody can have.

use super::District;
use super::SampleUnit;
use super::names::pick;
use super::noise;

const SURNAMES: [&str; 30] = [
    "唐", "蒋", "李", "陈", "王", "周", "张", "刘", "杨", "黄", "吕", "何", "胡", "邓", "罗", "谢", "郑", "欧阳", "彭", "曾", "文", "雷",
    "易", "秦", "龙", "宋", "桂", "屈", "莫", "邹",
];
const GIVEN: [&str; 40] = [
    "建国", "桂英", "小军", "丽华", "志强", "秀兰", "海波", "美玲", "国辉", "春花", "文斌", "玉梅", "永红", "冬生", "艳", "勇", "敏", "涛",
    "静", "鹏", "运来", "满秀", "石生", "芳", "林", "慧", "俊杰", "雪梅", "光明", "菊香", "和平", "翠云", "明亮", "雅琴", "立新", "凤姣",
    "长顺", "晓燕", "一帆", "思远",
];

/// A line of the roster, in the columns of [`ROSTER_COLUMNS`].
pub type RosterRow = [String; 9];

pub const ROSTER_COLUMNS: [&str; 9] = ["unit_code", "worker_id", "name", "phone", "post", "department", "valid_from", "valid_to", "shift"];

/// One grid in this many is vacant: neither primary nor backup.
const GRIDS_PER_VACANT: u64 = 25;

/// The township that has no leader. Some of its villages have none either: their vacant grids have nobody at all.
const LEADERLESS_STREET: &str = "431102203";

/// The sample's boundaries and most of its posts begin here.
const YEAR_BEGINS: &str = "2026-01-01";

/// One primary in this many changes at mid-year.
const GRIDS_PER_CHANGE: u64 = 20;
const MID_YEAR: &str = "2026-07-01";

/// Counts workers and remembers the lines.
struct Office {
    seed: u64,
    workers: u64,
    rows: Vec<RosterRow>,
}

#[derive(Clone)]
struct Person {
    id: String,
    name: String,
    phone: String,
}

/// Writes the roster: leaders of streets and communities, then the keepers of each grid.
pub(super) fn rows(district: &District) -> Vec<RosterRow> {
    let mut office = Office { seed: noise::hash(district.settings.seed, 80), workers: 0, rows: Vec::new() };
    for street in district.streets.iter().filter(|street| street.code != LEADERLESS_STREET) {
        let leader = office.hire();
        office.appoint(street, &leader, "leader", &street_office(street), "");
    }
    let mut grids = district.grids.as_slice();
    for community in &district.communities {
        let (own, rest) = grids.split_at(grids.partition_point(|grid| grid.parent.as_deref() <= Some(community.code.as_str())));
        grids = rest;
        office.staff_community(community, own);
    }
    office.rows
}

impl Office {
    fn staff_community(&mut self, community: &SampleUnit, grids: &[SampleUnit]) {
        let is_urban = community.name.ends_with("社区");
        let department = if is_urban {
            "零陵区城市管理和综合执法局".to_owned()
        } else {
            format!("{}村民委员会", community.name.trim_end_matches('村'))
        };
        let chance = self.chance(&community.code);
        if !(community.parent.as_deref() == Some(LEADERLESS_STREET) && chance.is_multiple_of(2)) {
            let leader = self.hire();
            self.appoint(community, &leader, "leader", &department, "");
        }
        // One backup for the whole community: the same worker at several grids.
        let backup = self.hire();
        let mut keeper: Option<Person> = None;
        for grid in grids {
            let chance = self.chance(&grid.code);
            if chance.is_multiple_of(GRIDS_PER_VACANT) {
                continue;
            }
            if is_urban {
                self.staff_shifts(grid, &department, &backup);
            } else {
                // In the hills one keeper often looks after the next grid too.
                let person = keeper.take_if(|_| (chance >> 8).is_multiple_of(3)).unwrap_or_else(|| self.hire());
                self.staff_alone(grid, &department, &person, &backup, chance);
                keeper = Some(person);
            }
        }
    }

    /// Two keepers share the day; at night the backup answers.
    fn staff_shifts(&mut self, grid: &SampleUnit, department: &str, backup: &Person) {
        for shift in ["06:00-14:00", "14:00-22:00"] {
            let keeper = self.hire();
            self.appoint(grid, &keeper, "primary", department, shift);
        }
        self.appoint(grid, backup, "backup", department, "22:00-06:00");
    }

    fn staff_alone(&mut self, grid: &SampleUnit, department: &str, keeper: &Person, backup: &Person, chance: u64) {
        if (chance >> 16).is_multiple_of(GRIDS_PER_CHANGE) {
            let before = self.hire();
            self.appoint_between(grid, &before, "primary", department, (YEAR_BEGINS, MID_YEAR), "");
            self.appoint_between(grid, keeper, "primary", department, (MID_YEAR, ""), "");
        } else {
            let shift = if (chance >> 24).is_multiple_of(4) { "08:00-12:00;14:00-18:00" } else { "" };
            self.appoint(grid, keeper, "primary", department, shift);
        }
        if (chance >> 32).is_multiple_of(2) {
            self.appoint(grid, backup, "backup", department, "");
        }
    }

    fn hire(&mut self) -> Person {
        self.workers += 1;
        let mixed = noise::hash(self.seed, self.workers);
        let name = format!("{}{}", pick(&SURNAMES, mixed), pick(&GIVEN, mixed >> 32));
        // No mobile number in China begins with 12.
        Person { id: format!("W{:06}", self.workers), name, phone: format!("12{:09}", self.workers) }
    }

    fn appoint(&mut self, unit: &SampleUnit, person: &Person, post: &str, department: &str, shift: &str) {
        self.appoint_between(unit, person, post, department, (YEAR_BEGINS, ""), shift);
    }

    fn appoint_between(&mut self, unit: &SampleUnit, person: &Person, post: &str, department: &str, (from, to): (&str, &str), shift: &str) {
        let Person { id, name, phone } = person.clone();
        self.rows.push([unit.code.clone(), id, name, phone, post.into(), department.into(), from.into(), to.into(), shift.into()]);
    }

    /// Returns a number that depends on the unit alone, so that more grids leave other units as they are.
    fn chance(&self, code: &str) -> u64 {
        code.bytes().fold(self.seed, |mixed, byte| noise::hash(mixed, u64::from(byte)))
    }
}

fn street_office(street: &SampleUnit) -> String {
    if street.name.ends_with("街道") { format!("{}办事处", street.name) } else { format!("{}人民政府", street.name) }
}
