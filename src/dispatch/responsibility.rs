use std::fmt;
use std::sync::Arc;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::category::CategoryCode;
use super::dates::{Changes, Dates};
use crate::boundary::UnitCode;

/// The id by which an office knows a department.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DepartmentId(pub Arc<str>);

impl fmt::Display for DepartmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a department is to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DepartmentRole {
    /// Answers for it.
    Lead,
    /// Helps.
    Co,
}

impl DepartmentRole {
    pub const ALL: [Self; 2] = [Self::Lead, Self::Co];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Co => "co",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A row of a table of responsibilities: one department of one rule. The rows of the same category and unit are one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResponsibilityRow {
    /// A category, or the wider kind of several; none for all.
    pub category: Option<CategoryCode>,
    /// The unit with all below it; none for everywhere.
    pub unit: Option<UnitCode>,
    pub role: DepartmentRole,
    /// Co-departments are asked in this order.
    pub rank: u32,
    pub department: DepartmentId,
    pub name: String,
    pub dates: Dates,
}

/// How wide the category of the rule is that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    Category,
    Major,
    Any,
}

impl Breadth {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Major => "major",
            Self::Any => "any",
        }
    }
}

/// Who is responsible, by which rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Responsible<'a> {
    /// The lead first, then the others in their order.
    pub departments: Vec<&'a ResponsibilityRow>,
    pub breadth: Breadth,
    /// The unit of the rule; none where it holds everywhere.
    pub unit: Option<&'a UnitCode>,
    /// The category or major of the rule; none where it holds for all.
    pub category: Option<&'a CategoryCode>,
}

type RuleKey = (Option<UnitCode>, Option<CategoryCode>);

/// All rules of a table.
#[derive(Clone, Debug, Default)]
pub struct Responsibilities {
    rules: FxHashMap<RuleKey, Vec<ResponsibilityRow>>,
    /// What each department is called, and when.
    names: BTreeMap<DepartmentId, Vec<(Dates, String)>>,
    changes: Changes,
}

impl Responsibilities {
    pub fn new(rows: &[ResponsibilityRow]) -> Self {
        let mut rules: FxHashMap<RuleKey, Vec<ResponsibilityRow>> = FxHashMap::default();
        for row in rows {
            rules.entry((row.unit.clone(), row.category.clone())).or_default().push(row.clone());
        }
        // One order on every replica, whatever that of the rows.
        rules.values_mut().for_each(|rows| rows.sort_by(|a, b| (a.role, a.rank, &a.department).cmp(&(b.role, b.rank, &b.department))));
        let mut names: BTreeMap<DepartmentId, Vec<(Dates, String)>> = BTreeMap::new();
        for row in rows {
            names.entry(row.department.clone()).or_default().push((row.dates, row.name.clone()));
        }
        Self { rules, names, changes: Changes::of(rows.iter().map(|row| row.dates)) }
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a row names a department, at whatever time.
    pub fn names(&self, id: &DepartmentId) -> bool {
        self.names.contains_key(id)
    }

    /// Finds who answers at `at` for a category at the first unit of `path`, which runs from the unit to its coarsest ancestor.
    ///
    /// The nearest unit with a rule wins, whatever the rule's category; of its rules that of the category itself, then that of its major,
    /// then that of all. Last come the rules that hold everywhere.
    pub fn find<'p>(
        &self,
        category: &CategoryCode,
        major: Option<&CategoryCode>,
        path: impl IntoIterator<Item = &'p UnitCode>,
        at: Timestamp,
    ) -> Option<Responsible<'_>> {
        let breadths = [(Breadth::Category, Some(category)), (Breadth::Major, major), (Breadth::Any, None)];
        let units = path.into_iter().map(Some).chain([None]);
        for unit in units {
            for (breadth, category) in breadths {
                if breadth == Breadth::Major && category.is_none() {
                    continue;
                }
                let Some((key, rows)) = self.rules.get_key_value(&(unit.cloned(), category.cloned())) else { continue };
                let departments: Vec<&ResponsibilityRow> = rows.iter().filter(|row| row.dates.contains(at)).collect();
                if !departments.is_empty() {
                    return Some(Responsible { departments, breadth, unit: key.0.as_ref(), category: key.1.as_ref() });
                }
            }
        }
        None
    }

    /// Returns the rows that hold at `at`, by unit and category, those that hold everywhere first.
    pub fn rows_at(&self, at: Timestamp) -> Vec<&ResponsibilityRow> {
        let mut keys: Vec<&RuleKey> = self.rules.keys().collect();
        keys.sort();
        keys.into_iter().flat_map(|key| &self.rules[key]).filter(|row| row.dates.contains(at)).collect()
    }

    /// Returns the first time after `at` at which a row begins or ends.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        self.changes.next(at)
    }
}

/// The departments that rules of responsibility name at one time, or at either of two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Departments<'a> {
    terms: [Option<(&'a Responsibilities, Timestamp)>; 2],
}

impl<'a> Departments<'a> {
    pub fn new(table: Option<&'a Responsibilities>, at: Timestamp) -> Self {
        Self { terms: [table.map(|table| (table, at)), None] }
    }

    /// Returns those of this time and those of another, each as it is called at this one where it is named then.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { terms: [self.terms[0], other.terms[0]] }
    }

    /// Returns their ids, in their order.
    pub fn ids(self) -> impl Iterator<Item = &'a DepartmentId> {
        let named = self.terms.into_iter().flatten().flat_map(|(table, at)| {
            let holds = move |names: &[(Dates, String)]| names.iter().any(|(dates, _)| dates.contains(at));
            table.names.iter().filter(move |(_, names)| holds(names)).map(|(id, _)| id)
        });
        named.collect::<BTreeSet<_>>().into_iter()
    }

    /// Returns what a department is called; none where no rule names it.
    pub fn find(self, id: &DepartmentId) -> Option<&'a str> {
        self.terms.into_iter().flatten().find_map(|(table, at)| {
            let (_, name) = table.names.get(id)?.iter().find(|(dates, _)| dates.contains(at))?;
            Some(name.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of category, unit, role, rank, department, first day, last day (exclusive, or empty).
    fn rules(rows: &[[&str; 7]]) -> Responsibilities {
        let time = |day: &str| (!day.is_empty()).then(|| format!("{day}T00:00:00+08:00").parse().unwrap());
        let row = |row: &[&str; 7]| ResponsibilityRow {
            category: CategoryCode::parse(row[0]).ok(),
            unit: UnitCode::parse(row[1]).ok(),
            role: DepartmentRole::parse(row[2]).unwrap(),
            rank: row[3].parse().unwrap(),
            department: DepartmentId(row[4].into()),
            name: row[4].into(),
            dates: Dates { from: time(row[5]), to: time(row[6]) },
        };
        Responsibilities::new(&rows.iter().map(row).collect::<Vec<_>>())
    }

    /// Who answers for a category of major `E01` at grid `g` of community `c` of street `s`.
    fn check(rules: &Responsibilities, category: &str, on: &str, expected: &[&str], rule: Option<(Breadth, Option<&str>)>) {
        let code = |text: &str| CategoryCode::parse(text).unwrap();
        let path = ["g", "c", "s"].map(|unit| UnitCode::parse(unit).unwrap());
        let at = format!("{on}T12:00:00+08:00").parse().unwrap();
        let found = rules.find(&code(category), Some(&code("E01")), &path, at);
        let departments: Vec<&str> = found.iter().flat_map(|found| &found.departments).map(|row| &*row.department.0).collect();
        assert_eq!(departments, expected, "{category} on {on}");
        assert_eq!(found.map(|found| (found.breadth, found.unit.map(UnitCode::as_str))), rule, "{category} on {on}");
    }

    #[test]
    fn the_nearest_unit_wins_and_then_the_narrowest_category() {
        let rules = rules(&[
            ["E0110", "s", "lead", "0", "street rubbish", "", ""],
            ["E01", "c", "lead", "0", "community looks", "", ""],
            ["E0111", "c", "lead", "0", "community debris", "", ""],
            ["", "", "lead", "0", "city", "", ""],
        ]);
        check(&rules, "E0110", "2026-03-01", &["community looks"], Some((Breadth::Major, Some("c"))));
        check(&rules, "E0111", "2026-03-01", &["community debris"], Some((Breadth::Category, Some("c"))));
        let path = ["x"].map(|unit| UnitCode::parse(unit).unwrap());
        let found = rules.find(&CategoryCode::parse("E0110").unwrap(), None, &path, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((found.breadth, found.unit), (Breadth::Any, None));
    }

    #[test]
    fn the_lead_stands_before_the_others_in_their_order() {
        let rules = rules(&[
            ["E0110", "s", "co", "2", "third", "", ""],
            ["E0110", "s", "co", "1", "second", "", ""],
            ["E0110", "s", "lead", "9", "first", "", ""],
        ]);
        check(&rules, "E0110", "2026-03-01", &["first", "second", "third"], Some((Breadth::Category, Some("s"))));
        check(&rules, "E0111", "2026-03-01", &[], None);
    }

    #[test]
    fn a_rule_that_has_ended_leaves_the_case_to_the_next() {
        let rules = rules(&[
            ["E0110", "c", "lead", "0", "old", "", "2026-07-01"],
            ["E0110", "c", "lead", "0", "new", "2026-10-01", ""],
            ["", "s", "lead", "0", "street", "", ""],
        ]);
        check(&rules, "E0110", "2026-06-30", &["old"], Some((Breadth::Category, Some("c"))));
        check(&rules, "E0110", "2026-07-01", &["street"], Some((Breadth::Any, Some("s"))));
        check(&rules, "E0110", "2026-10-01", &["new"], Some((Breadth::Category, Some("c"))));
        let day = |day: &str| format!("{day}T00:00:00+08:00").parse::<Timestamp>().unwrap();
        assert_eq!(rules.next_change(day("2026-01-01")), Some(day("2026-07-01")));
        assert_eq!(rules.next_change(day("2026-10-01")), None);
    }
}
