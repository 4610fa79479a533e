use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustc_hash::FxHashSet;

use super::calendar::{Calendar, CalendarRow, Calendars};
use super::category::{CONDITION_SIGN, Categories, Category, CategoryCode, CategoryRow, Limits, Stage, Zone};
use super::clock::due;
use super::cost::{CostRow, FundRow};
use super::limit::Limit;
use super::load::LoadRow;
use super::responsibility::{DepartmentId, Departments, Responsibilities, ResponsibilityRow, Responsible};
use crate::boundary::UnitCode;

/// Which of the tables of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleKind {
    Categories,
    Responsibilities,
    Calendars,
    /// What posts cost.
    Costs,
    /// Who pays for them.
    Funds,
    /// Figures of units that are kept elsewhere.
    Loads,
}

impl RuleKind {
    pub const ALL: [Self; 6] = [Self::Categories, Self::Responsibilities, Self::Calendars, Self::Costs, Self::Funds, Self::Loads];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Categories => "categories",
            Self::Responsibilities => "responsibilities",
            Self::Calendars => "calendars",
            Self::Costs => "costs",
            Self::Funds => "funds",
            Self::Loads => "loads",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The rows of one table of rules, in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleTable {
    Categories(Vec<CategoryRow>),
    Responsibilities(Vec<ResponsibilityRow>),
    Calendars(Vec<CalendarRow>),
    Costs(Vec<CostRow>),
    Funds(Vec<FundRow>),
    Loads(Vec<LoadRow>),
}

impl RuleTable {
    pub fn kind(&self) -> RuleKind {
        match self {
            Self::Categories(_) => RuleKind::Categories,
            Self::Responsibilities(_) => RuleKind::Responsibilities,
            Self::Calendars(_) => RuleKind::Calendars,
            Self::Costs(_) => RuleKind::Costs,
            Self::Funds(_) => RuleKind::Funds,
            Self::Loads(_) => RuleKind::Loads,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Categories(rows) => rows.len(),
            Self::Responsibilities(rows) => rows.len(),
            Self::Calendars(rows) => rows.len(),
            Self::Costs(rows) => rows.len(),
            Self::Funds(rows) => rows.len(),
            Self::Loads(rows) => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A table of rules as it was imported.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSet {
    /// Grows in the order of writing, over all kinds.
    pub number: u64,
    pub effective_from: Timestamp,
    pub created_at: Timestamp,
    pub table: RuleTable,
}

/// One kind of rules, ready to answer, and from when.
#[derive(Clone, Debug)]
struct Term<T> {
    number: u64,
    from: Timestamp,
    rules: Arc<T>,
}

/// The rules of dispatch of all times: who is told of what, and how long it may take.
///
/// Of the tables of a kind that have taken effect the one written last counts, as with generations of boundaries. Before the first one
/// there are none.
#[derive(Clone, Debug)]
pub struct RuleBook {
    categories: Vec<Term<Categories>>,
    responsibilities: Vec<Term<Responsibilities>>,
    calendars: Vec<Term<Calendars>>,
    no_calendar: Calendars,
    newest: Option<u64>,
}

impl RuleBook {
    /// Makes tables ready to answer. `time_zone` is that of calendars which name none.
    pub fn new(sets: &[RuleSet], time_zone: &TimeZone) -> Self {
        let mut book = Self {
            categories: Vec::new(),
            responsibilities: Vec::new(),
            calendars: Vec::new(),
            no_calendar: Calendars::new(&[], time_zone),
            newest: sets.iter().map(|set| set.number).max(),
        };
        for RuleSet { number, effective_from: from, table, .. } in sets {
            let (number, from) = (*number, *from);
            match table {
                RuleTable::Categories(rows) => book.categories.push(Term { number, from, rules: Arc::new(Categories::new(rows)) }),
                RuleTable::Responsibilities(rows) => {
                    book.responsibilities.push(Term { number, from, rules: Arc::new(Responsibilities::new(rows)) });
                }
                RuleTable::Calendars(rows) => book.calendars.push(Term { number, from, rules: Arc::new(Calendars::new(rows, time_zone)) }),
                // Money and figures decide nothing about cases.
                RuleTable::Costs(_) | RuleTable::Funds(_) | RuleTable::Loads(_) => {}
            }
        }
        book
    }

    /// Returns the number of the table written last, by which a book is known again.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Returns the rules in force at `at`.
    pub fn at(&self, at: Timestamp) -> Rules<'_> {
        Rules {
            book: self,
            categories: in_force(&self.categories, at),
            responsibilities: in_force(&self.responsibilities, at),
            calendars: in_force(&self.calendars, at).unwrap_or(&self.no_calendar),
            at,
            next_table: [next(&self.categories, at), next(&self.responsibilities, at), next(&self.calendars, at)]
                .into_iter()
                .flatten()
                .min(),
        }
    }
}

fn in_force<T>(terms: &[Term<T>], at: Timestamp) -> Option<&T> {
    let begun = terms.iter().filter(|term| term.from <= at);
    begun.max_by_key(|term| term.number).map(|term| &*term.rules)
}

/// Returns when another table of a kind takes over.
fn next<T>(terms: &[Term<T>], at: Timestamp) -> Option<Timestamp> {
    let current = terms.iter().filter(|term| term.from <= at).map(|term| term.number).max();
    terms.iter().filter(|term| term.from > at && Some(term.number) > current).map(|term| term.from).min()
}

/// The rules in force at one time.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    book: &'a RuleBook,
    categories: Option<&'a Categories>,
    responsibilities: Option<&'a Responsibilities>,
    calendars: &'a Calendars,
    at: Timestamp,
    next_table: Option<Timestamp>,
}

/// What is asked of the rules: a category, and one of its filing conditions where that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<'a> {
    pub category: &'a Category,
    pub condition: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CategoryError {
    #[error("there is no category {text:?} at that time{}", describe_nearest(nearest))]
    Unknown { text: String, nearest: Vec<String> },
    #[error("the category {category} has no filing condition {condition:?}; it has {known}")]
    UnknownCondition { category: String, condition: String, known: String },
}

fn describe_nearest(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; the nearest are {}", nearest.join(", ")) }
}

/// Who is told of a case, how long it may take, and by which rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling<'a> {
    pub category: &'a CategoryRow,
    /// None where no rule answers at the place.
    pub responsible: Option<Responsible<'a>>,
    pub due: Option<Due<'a>>,
    /// Why there is no department or no due time, in words; empty where there are both.
    pub notes: Vec<String>,
    /// The next known change of the rules.
    pub expires: Option<Timestamp>,
}

/// When the department is to be done, and by which limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Due<'a> {
    pub at: Timestamp,
    pub limit: Limit,
    pub stage: Stage,
    /// The filing condition on which the limit hangs.
    pub row: &'a CategoryRow,
    /// Whether other conditions of the category have later or other limits, and the earliest was taken as none was named.
    pub is_assumed: bool,
    /// The zone of the city that the place is of, where one is named.
    pub zone: Option<&'a Zone>,
    /// The name of the calendar; none where the stand-in counts.
    pub calendar: Option<&'a str>,
}

/// How long each stage of a case may take, and by which calendar that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    pub limits: Limits,
    pub calendar: &'a Calendar,
}

impl<'a> Rules<'a> {
    /// Whether a table of categories is in force, so that a category can be unknown.
    pub fn has_categories(&self) -> bool {
        self.categories.is_some_and(|categories| !categories.is_empty())
    }

    /// Returns when other categories will hold, where that is known.
    pub fn next_change_of_categories(&self) -> Option<Timestamp> {
        let change = self.categories.and_then(|categories| categories.next_change(self.at));
        [self.next_table, change].into_iter().flatten().min()
    }

    /// Returns the categories that hold, in the order of the table; private ones only for insiders.
    pub fn categories(self, sees_private: bool) -> impl Iterator<Item = &'a Category> {
        let at = self.at;
        let is_shown = move |category: &&Category| category.rows_at(at).next().is_some_and(|row| sees_private || !row.is_private);
        self.categories.into_iter().flat_map(Categories::iter).filter(is_shown)
    }

    /// Whether a table of responsibilities is in force.
    pub fn has_responsibilities(&self) -> bool {
        self.responsibilities.is_some_and(|rules| !rules.is_empty())
    }

    /// Returns the responsibilities that hold, by unit and category; those for private categories only for insiders.
    pub fn responsibilities(self, sees_private: bool) -> Vec<&'a ResponsibilityRow> {
        let public: FxHashSet<&CategoryCode> = self
            .categories(false)
            .flat_map(|category| category.rows_at(self.at).flat_map(|row| [Some(&row.code), row.major.as_ref()]))
            .flatten()
            .collect();
        // A rule for a major of which nobody may see a category says what is private.
        let is_shown = |row: &&ResponsibilityRow| sees_private || row.category.as_ref().is_none_or(|category| public.contains(category));
        let rows = self.responsibilities.map(|rules| rules.rows_at(self.at)).unwrap_or_default();
        rows.into_iter().filter(is_shown).collect()
    }

    /// Returns the departments that the responsibilities that hold name, those for private categories included.
    pub fn departments(&self) -> Departments<'a> {
        Departments::new(self.responsibilities, self.at)
    }

    /// Returns the skill that whoever handles a case of a category is to have; none where it needs none, or the rules do not have it.
    pub fn skill_of(&self, code: &str) -> Option<&str> {
        self.categories?.find(code, self.at)?.skill_at(self.at)
    }

    /// Finds a category by its code, `CODE` or `CODE:CONDITION`. What is private is unknown to the public.
    ///
    /// # Errors
    /// Names the nearest codes, or the conditions that there are.
    pub fn find<'t>(&self, text: &'t str, sees_private: bool) -> Result<Asked<'t>, CategoryError>
    where
        'a: 't,
    {
        let (code, condition) = match text.split_once(CONDITION_SIGN) {
            Some((code, condition)) => (code, Some(condition)),
            None => (text, None),
        };
        let categories = self.categories.filter(|categories| !categories.is_empty());
        let found = categories.and_then(|categories| categories.find(code, self.at));
        let is_shown = |category: &&Category| category.rows_at(self.at).next().is_some_and(|row| sees_private || !row.is_private);
        let Some(category) = found.filter(is_shown) else {
            let nearest = categories.map(|categories| categories.nearest(code, self.at, sees_private)).unwrap_or_default();
            let nearest = nearest.into_iter().map(|row| format!("{} {}", row.code, row.name).trim_end().to_owned()).collect();
            return Err(CategoryError::Unknown { text: text.to_owned(), nearest });
        };
        if let Some(condition) = condition
            && !category.rows_at(self.at).any(|row| row.condition == condition)
        {
            let mut known: Vec<&str> = Vec::new();
            for row in category.rows_at(self.at) {
                // A condition has a row for each zone.
                if !known.contains(&row.condition.as_str()) {
                    known.push(&row.condition);
                }
            }
            let (category, condition) = (category.code.to_string(), condition.to_owned());
            return Err(CategoryError::UnknownCondition { category, condition, known: known.join(", ") });
        }
        Ok(Asked { category, condition })
    }

    /// Returns under what cases of a category are kept: its code, alone and with each of the conditions that it ever had, and where it is a
    /// wider kind those of all categories below it; what is a category no more is below the kind that it was of last. A code that the
    /// rules do not have stands for itself.
    pub fn codes_below(&self, code: &str) -> Vec<String> {
        let mut below: FxHashSet<&CategoryCode> = FxHashSet::default();
        // A category is of the wider kind that the newest table with it says, whatever it was of before.
        let mut seen: FxHashSet<&CategoryCode> = FxHashSet::default();
        for row in self.category_rows() {
            if seen.insert(&row.code) && (row.code.as_str() == code || row.major.as_ref().is_some_and(|major| major.as_str() == code)) {
                below.insert(&row.code);
            }
        }
        let rows = self.category_rows().filter(|row| below.contains(&row.code));
        let named = rows.flat_map(|row| [row.code.to_string(), format!("{}{CONDITION_SIGN}{}", row.code, row.condition)]);
        let mut codes: Vec<String> = named.chain([code.to_owned()]).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Whether a code is, or was at some time, that of a category, alone or with one of its conditions, or of a wider kind.
    pub fn has_had_category(&self, text: &str) -> bool {
        let (code, condition) = text.split_once(CONDITION_SIGN).map_or((text, None), |(code, condition)| (code, Some(condition)));
        let is_meant = |row: &CategoryRow| match condition {
            Some(condition) => row.code.as_str() == code && row.condition == condition,
            None => row.code.as_str() == code || row.major.as_ref().is_some_and(|major| major.as_str() == code),
        };
        self.category_rows().any(is_meant)
    }

    /// Whether a table of responsibilities names a department, or did at some time.
    pub fn has_had_department(&self, id: &DepartmentId) -> bool {
        self.book.responsibilities.iter().any(|term| term.rules.names(id))
    }

    /// Returns the rows of all tables of categories: those that hold now, then the others of the table in force, then those of the other
    /// tables, the newest first.
    fn category_rows(&self) -> impl Iterator<Item = &'a CategoryRow> {
        let at = self.at;
        let holding = self.categories.into_iter().flat_map(Categories::iter).flat_map(move |category| category.rows_at(at));
        let tables = self.book.categories.iter().rev().map(|term| &*term.rules);
        let all = self.categories.into_iter().chain(tables).flat_map(Categories::iter);
        holding.chain(all.flat_map(|category| &category.rows))
    }

    /// Rules on a case of a category at the first unit of `path`, which runs from the unit to its coarsest ancestor.
    ///
    /// Where no condition is named and the category has several, the earliest of their due times counts, and the answer says so.
    pub fn rule(&self, asked: &Asked<'a>, path: &[&UnitCode]) -> Option<Ruling<'a>> {
        let category = asked.category.rows_at(self.at).next()?;
        let mut notes = Vec::new();
        let units = || path.iter().copied();
        let is_inside = !path.is_empty();
        let find = |rules: &'a Responsibilities| rules.find(&category.code, category.major.as_ref(), units(), self.at);
        let responsible = self.responsibilities.filter(|_| is_inside).and_then(find);
        if !is_inside {
            notes.push("the position lies in no unit, so no rule holds there".to_owned());
        } else if self.responsibilities.is_none() {
            notes.push("no responsibilities are loaded".to_owned());
        } else if responsible.is_none() {
            notes.push(format!("no rule says who answers for {} here", category.code));
        }
        let due = if responsible.is_some() { self.due(asked, path, &mut notes) } else { None };
        let changes = [
            self.next_table,
            self.categories.and_then(|categories| categories.next_change(self.at)),
            self.responsibilities.and_then(|rules| rules.next_change(self.at)),
            self.calendars.next_change(self.at),
        ];
        Some(Ruling { category, responsible, due, notes, expires: changes.into_iter().flatten().min() })
    }

    /// Returns the limits of every stage for a case of a category at the first unit of `path`, and the calendar by which they run.
    ///
    /// Where no condition is named and the category has several, those of the one count whose handling is due first.
    pub fn terms(&self, asked: Option<&Asked<'_>>, path: &[&UnitCode]) -> Terms<'a> {
        let units = || path.iter().copied();
        let (calendar, zone) = (self.calendars.find(units(), self.at), self.calendars.find_zone(units(), self.at));
        let rows = asked.map(|asked| rows_of_zone(asked, zone, self.at)).unwrap_or_default();
        let handled = |row: &CategoryRow| row.limits.of_department().and_then(|(_, limit)| due(self.at, limit, calendar));
        let first = rows.into_iter().min_by_key(|row| handled(row).unwrap_or(Timestamp::MAX));
        Terms { limits: first.map_or_else(Limits::default, |row| row.limits), calendar }
    }

    fn due(&self, asked: &Asked<'a>, path: &[&UnitCode], notes: &mut Vec<String>) -> Option<Due<'a>> {
        let units = || path.iter().copied();
        let (calendar, zone) = (self.calendars.find(units(), self.at), self.calendars.find_zone(units(), self.at));
        let rows = rows_of_zone(asked, zone, self.at);
        if rows.is_empty() {
            notes.push(match zone {
                Some(zone) => format!("no filing condition of {} holds in zone {zone}", asked.category.code),
                None => format!("the filing conditions of {} hold in zones of the city, and this place is of none", asked.category.code),
            });
            return None;
        }
        let limited: Vec<(&CategoryRow, Stage, Limit)> =
            rows.iter().filter_map(|row| row.limits.of_department().map(|(stage, limit)| (*row, stage, limit))).collect();
        if limited.is_empty() {
            notes.push(format!("{} has no time limit", asked.category.code));
            return None;
        }
        let is_assumed = rows.len() > 1 && rows.iter().any(|row| row.limits != rows[0].limits);
        let timed = limited.into_iter().filter_map(|(row, stage, limit)| Some((due(self.at, limit, calendar)?, row, stage, limit)));
        // Of several that are due together the one that stands first counts.
        let Some((at, row, stage, limit)) = timed.min_by_key(|(at, ..)| *at) else {
            notes.push(format!("{} has no work ahead to count a time limit by", describe(calendar)));
            return None;
        };
        Some(Due { at, limit, stage, row, is_assumed, zone, calendar: calendar.name.as_ref().map(|name| &*name.0) })
    }
}

/// Returns the conditions asked about that hold in a zone: each by its row for the zone, or else by that for all.
fn rows_of_zone<'a>(asked: &Asked<'a>, zone: Option<&Zone>, at: Timestamp) -> Vec<&'a CategoryRow> {
    let is_asked = |row: &&CategoryRow| asked.condition.is_none_or(|condition| row.condition == condition);
    let rows: Vec<&CategoryRow> = asked.category.rows_at(at).filter(is_asked).collect();
    let has_own = |row: &CategoryRow| zone.is_some() && rows.iter().any(|own| own.condition == row.condition && own.zone.as_ref() == zone);
    let holds = |row: &&&CategoryRow| if has_own(row) { row.zone.as_ref() == zone } else { row.zone.is_none() };
    rows.iter().filter(holds).copied().collect()
}

fn describe(calendar: &Calendar) -> String {
    calendar.name.as_ref().map_or_else(|| "the stand-in calendar".to_owned(), |name| format!("calendar {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::{
        CalendarEntry, CalendarName, CategoryCode, Dates, DepartmentId, DepartmentRole, Limits, WORK_DAY_HOURS, Weekdays, WorkHours,
    };

    fn time(text: &str) -> Timestamp {
        format!("{text}:00+08:00").parse().unwrap()
    }

    fn code(text: &str) -> CategoryCode {
        CategoryCode::parse(text).unwrap()
    }

    fn unit(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    /// A condition of a category in a zone, with the limit of handling.
    fn category(of: &str, condition: &str, zone: &str, limit: &str) -> CategoryRow {
        CategoryRow {
            code: code(of),
            major: Some(code(&of[..3])),
            major_name: String::new(),
            name: format!("name of {of}"),
            condition: condition.into(),
            filing: String::new(),
            closing: String::new(),
            zone: (!zone.is_empty()).then(|| Zone(zone.into())),
            limits: Limits { handle: Limit::parse(limit).ok(), ..Limits::default() },
            is_private: of.ends_with('9'),
            skill: None,
            dates: Dates::ALWAYS,
        }
    }

    fn lead(category: &str, at: &str, department: &str) -> ResponsibilityRow {
        ResponsibilityRow {
            category: CategoryCode::parse(category).ok(),
            unit: UnitCode::parse(at).ok(),
            role: DepartmentRole::Lead,
            rank: 0,
            department: DepartmentId(department.into()),
            name: department.into(),
            dates: Dates::ALWAYS,
        }
    }

    fn row(calendar: Option<&str>, entry: CalendarEntry) -> CalendarRow {
        CalendarRow { calendar: calendar.map(|name| CalendarName(name.into())), entry, note: String::new(), dates: Dates::ALWAYS }
    }

    fn week(name: &str, days: &str, hours: &str) -> CalendarRow {
        let (days, hours) = (Weekdays::parse(days).unwrap(), WorkHours::parse(hours).unwrap());
        row(Some(name), CalendarEntry::Week { days, hours, time_zone: String::new(), work_day_hours: WORK_DAY_HOURS })
    }

    fn book(sets: Vec<(&str, RuleTable)>) -> RuleBook {
        let set = |(number, (from, table)): (u64, (&str, RuleTable))| RuleSet {
            number,
            effective_from: time(from),
            created_at: time("2026-01-01T00:00"),
            table,
        };
        let sets: Vec<RuleSet> = (1..).zip(sets).map(set).collect();
        RuleBook::new(&sets, &TimeZone::get("Asia/Shanghai").unwrap())
    }

    const YEAR: &str = "2026-01-01T00:00";
    /// A Friday afternoon.
    const FRIDAY: &str = "2026-11-27T16:00";

    fn usual() -> RuleBook {
        let categories = vec![
            category("E0110", "1", "", "4工作时"),
            category("C0102", "1", "", "2工作日"),
            category("C0102", "2", "", "2紧急工作时"),
            category("E0201", "1", "", "2工作日"),
            category("E0201", "1", "A", "4工作时"),
            category("E0202", "1", "A", "4工作时"),
            category("E0302", "1", "", ""),
            category("E0409", "1", "", "1工作日"),
            category("F0101", "1", "", "1工作日"),
        ];
        let responsibilities = vec![lead("", "s", "street"), lead("E0110", "c", "sanitation"), lead("F01", "elsewhere", "nobody here")];
        let zone = CalendarEntry::Unit { unit: unit("c"), zone: Some(Zone("A".into())) };
        let shop = CalendarEntry::Unit { unit: unit("market"), zone: None };
        let calendars = vec![
            week("default", "1-5", "08:00-12:00;14:00-18:00"),
            week("market", "1-7", "06:00-22:00"),
            row(None, zone),
            row(Some("market"), shop),
        ];
        book(vec![
            (YEAR, RuleTable::Categories(categories)),
            (YEAR, RuleTable::Responsibilities(responsibilities)),
            (YEAR, RuleTable::Calendars(calendars)),
        ])
    }

    /// What is ruled of a category at a path: the lead, and when it is due.
    fn check(book: &RuleBook, text: &str, path: &[&str], at: &str, expected: (Option<&str>, Option<&str>)) -> Vec<String> {
        let path: Vec<UnitCode> = path.iter().map(|code| unit(code)).collect();
        let path: Vec<&UnitCode> = path.iter().collect();
        let rules = book.at(time(at));
        let ruling = rules.rule(&rules.find(text, true).unwrap(), &path).unwrap();
        let lead = ruling.responsible.as_ref().map(|found| found.departments[0].name.as_str());
        assert_eq!((lead, ruling.due.as_ref().map(|due| due.at)), (expected.0, expected.1.map(time)), "{text} at {path:?}");
        ruling.notes
    }

    #[test]
    fn a_case_gets_departments_and_a_due_time_by_place_and_category() {
        let book = usual();
        let community = ["g", "c", "s"];
        check(&book, "E0110", &community, FRIDAY, (Some("sanitation"), Some("2026-11-30T10:00")));
        check(&book, "E0110", &["h", "d", "s"], FRIDAY, (Some("street"), Some("2026-11-30T10:00")));
        // The market works on Saturdays and at night, and its own calendar counts.
        check(&book, "E0110", &["market", "c", "s"], FRIDAY, (Some("sanitation"), Some("2026-11-27T20:00")));
    }

    #[test]
    fn the_earliest_condition_counts_where_none_is_named() {
        let book = usual();
        let path = ["g", "c", "s"];
        check(&book, "C0102", &path, FRIDAY, (Some("street"), Some("2026-11-27T18:00")));
        check(&book, "C0102:1", &path, FRIDAY, (Some("street"), Some("2026-12-01T16:00")));
        let rules = book.at(time(FRIDAY));
        let units = path.map(unit);
        let is_assumed = |text| {
            let ruling = rules.rule(&rules.find(text, true).unwrap(), &units.iter().collect::<Vec<_>>()).unwrap();
            ruling.due.map(|due| due.is_assumed)
        };
        assert_eq!([is_assumed("C0102"), is_assumed("C0102:1"), is_assumed("E0110")], [Some(true), Some(false), Some(false)]);
    }

    #[test]
    fn a_zone_has_its_own_limits_where_a_row_names_it() {
        let book = usual();
        check(&book, "E0201", &["g", "c", "s"], FRIDAY, (Some("street"), Some("2026-11-30T10:00")));
        check(&book, "E0201", &["h", "d", "s"], FRIDAY, (Some("street"), Some("2026-12-01T16:00")));
        let notes = check(&book, "E0202", &["h", "d", "s"], FRIDAY, (Some("street"), None));
        assert!(notes[0].contains("zones"), "{notes:?}");
    }

    #[test]
    fn what_no_rule_says_is_told_plainly() {
        let book = usual();
        let notes = check(&book, "F0101", &["x"], FRIDAY, (None, None));
        assert_eq!(notes, ["no rule says who answers for F0101 here"]);
        let notes = check(&book, "E0302", &["g", "c", "s"], FRIDAY, (Some("street"), None));
        assert_eq!(notes, ["E0302 has no time limit"]);
        let notes = check(&book, "E0110", &[], FRIDAY, (None, None));
        assert!(notes[0].contains("no unit"), "{notes:?}");
    }

    #[test]
    fn an_unknown_category_is_told_the_nearest_and_a_private_one_is_unknown_to_the_public() {
        let book = usual();
        let rules = book.at(time(FRIDAY));
        let error = rules.find("E0119", false).unwrap_err().to_string();
        assert!(error.contains("E0110 name of E0110"), "{error}");
        assert!(rules.find("E0409", true).is_ok());
        let hidden = rules.find("E0409", false).unwrap_err().to_string();
        assert!(!hidden.contains("name of E0409"), "{hidden}");
        assert_eq!(rules.categories(false).count() + 1, rules.categories(true).count());
        let error = rules.find("C0102:7", false).unwrap_err().to_string();
        assert!(error.contains("1, 2"), "{error}");
    }

    #[test]
    fn each_time_has_the_rules_of_its_time() {
        let table = |limit: &str| RuleTable::Categories(vec![category("E0110", "1", "", limit)]);
        let responsible = RuleTable::Responsibilities(vec![lead("", "", "all")]);
        // The second takes effect ahead; the third is written last and begins before it, so the second never does.
        let book = book(vec![
            ("2026-03-01T00:00", table("1紧急工作时")),
            ("2026-09-01T00:00", table("2紧急工作时")),
            ("2026-06-01T00:00", table("3紧急工作时")),
            ("2026-01-01T00:00", responsible),
        ]);
        assert!(!book.at(time("2026-02-28T23:59")).has_categories());
        assert!(book.at(time("2026-02-28T23:59")).find("E0110", true).is_err());
        check(&book, "E0110", &["g"], "2026-05-01T00:00", (Some("all"), Some("2026-05-01T01:00")));
        check(&book, "E0110", &["g"], "2026-06-01T00:00", (Some("all"), Some("2026-06-01T03:00")));
        check(&book, "E0110", &["g"], "2026-10-01T00:00", (Some("all"), Some("2026-10-01T03:00")));
        let expires = |at: &str| {
            let rules = book.at(time(at));
            rules.rule(&rules.find("E0110", true).unwrap(), &[&unit("g")]).unwrap().expires
        };
        assert_eq!((expires("2026-05-01T00:00"), expires("2026-06-01T00:00")), (Some(time("2026-06-01T00:00")), None));
        assert_eq!(book.newest(), Some(4));
    }

    #[test]
    fn cases_of_categories_and_departments_that_are_no_more_are_found_as_they_were_called() {
        let old = vec![category("E0110", "9", "", ""), category("E0120", "1", "", ""), category("F0101", "1", "", "")];
        let moved = CategoryRow { major: Some(code("E02")), ..category("F0101", "1", "", "") };
        let new = vec![category("E0110", "1", "", ""), moved];
        let book = book(vec![
            ("2026-01-01T00:00", RuleTable::Categories(old)),
            ("2026-01-01T00:00", RuleTable::Responsibilities(vec![lead("", "", "before")])),
            ("2026-06-01T00:00", RuleTable::Categories(new)),
            ("2026-06-01T00:00", RuleTable::Responsibilities(vec![lead("", "", "since")])),
        ]);
        let rules = book.at(time("2026-09-01T00:00"));
        assert_eq!(rules.codes_below("E01"), ["E01", "E0110", "E0110:1", "E0110:9", "E0120", "E0120:1"]);
        assert_eq!(rules.codes_below("E0110"), ["E0110", "E0110:1", "E0110:9"]);
        assert_eq!(
            (rules.codes_below("E02"), rules.codes_below("F01")),
            (vec!["E02".into(), "F0101".into(), "F0101:1".into()], vec!["F01".into()])
        );
        assert_eq!(rules.codes_below("E0110:9"), ["E0110:9"]);
        let known = ["E01", "E02", "F01", "E0110", "E0110:9", "E0120", "E0120:1"];
        assert!(known.iter().all(|code| rules.has_had_category(code)));
        assert!(["", "E", "E0130", "E0120:2", "E01:1"].iter().all(|code| !rules.has_had_category(code)));
        let has_had = |id: &str| rules.has_had_department(&DepartmentId(id.into()));
        assert_eq!([has_had("before"), has_had("since"), has_had("never")], [true, true, false]);
        // A case stands by the rules of its own time too.
        let (before, since) = (DepartmentId("before".into()), DepartmentId("since".into()));
        let both = rules.departments().or(book.at(time("2026-03-01T00:00")).departments());
        assert_eq!((both.find(&before), both.find(&since)), (Some("before"), Some("since")));
        assert_eq!((rules.departments().find(&before), both.ids().collect::<Vec<_>>()), (None, vec![&before, &since]));
    }
}
