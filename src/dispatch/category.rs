use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::dates::{Changes, Dates};
use super::limit::Limit;

/// What a city calls a kind of case, such as `E0110`. Cities number them differently, so nothing here knows one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CategoryCode(Arc<str>);

/// Longest code in bytes; the longest known has four characters.
pub const CATEGORY_CODE_BYTES_MAX: usize = 64;

/// Stands between the code of a category and that of one of its filing conditions, where both are named.
pub const CONDITION_SIGN: char = ':';

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the category {code:?} is empty, longer than {CATEGORY_CODE_BYTES_MAX} bytes, or holds white space or {CONDITION_SIGN:?}")]
pub struct CategoryCodeError {
    pub code: String,
}

impl CategoryCode {
    /// Parses a code: not empty, without white space and colon, at most [`CATEGORY_CODE_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// Returns the text that is none.
    pub fn parse(code: &str) -> Result<Self, CategoryCodeError> {
        let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == CONDITION_SIGN;
        if code.is_empty() || code.len() > CATEGORY_CODE_BYTES_MAX || code.contains(is_bad) {
            return Err(CategoryCodeError { code: code.to_owned() });
        }
        Ok(Self(code.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CategoryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A zone of the city by which limits are graded, such as A, B or C.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone(pub Arc<str>);

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of a case's life that has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Dispatch,
    Handle,
    Check,
    /// From the report to the end.
    Total,
}

impl Stage {
    pub const ALL: [Self; 4] = [Self::Dispatch, Self::Handle, Self::Check, Self::Total];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Handle => "handle",
            Self::Check => "check",
            Self::Total => "total",
        }
    }
}

/// The limits of the stages, each where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Limits {
    pub dispatch: Option<Limit>,
    pub handle: Option<Limit>,
    pub check: Option<Limit>,
    pub total: Option<Limit>,
}

impl Limits {
    pub fn of(&self, stage: Stage) -> Option<Limit> {
        match stage {
            Stage::Dispatch => self.dispatch,
            Stage::Handle => self.handle,
            Stage::Check => self.check,
            Stage::Total => self.total,
        }
    }

    /// Returns the limit that a department is given: that of handling, or else the total.
    pub fn of_department(&self) -> Option<(Stage, Limit)> {
        [Stage::Handle, Stage::Total].into_iter().find_map(|stage| Some((stage, self.of(stage)?)))
    }
}

/// A row of a table of categories: one condition under which a case of the category is filed, with its limits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CategoryRow {
    pub code: CategoryCode,
    /// The code of the wider kind that this one is of.
    pub major: Option<CategoryCode>,
    pub major_name: String,
    pub name: String,
    /// Tells the conditions of a category apart.
    pub condition: String,
    pub filing: String,
    pub closing: String,
    /// The zone in which these limits hold; none holds in all that have no row of their own.
    pub zone: Option<Zone>,
    pub limits: Limits,
    /// Whether only insiders see it.
    pub is_private: bool,
    /// What whoever handles a case of it is to have learned; none where anybody may.
    pub skill: Option<String>,
    pub dates: Dates,
}

/// A category and all conditions under which a case of it is filed, in the order of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    pub code: CategoryCode,
    pub rows: Vec<CategoryRow>,
}

impl Category {
    /// Returns the skill that whoever handles a case of it at `at` is to have, which is the same in all rows of a time.
    pub fn skill_at(&self, at: Timestamp) -> Option<&str> {
        self.rows_at(at).next()?.skill.as_deref()
    }

    /// Returns the rows that hold at `at`.
    pub fn rows_at(&self, at: Timestamp) -> impl Iterator<Item = &CategoryRow> {
        self.rows.iter().filter(move |row| row.dates.contains(at))
    }
}

/// All categories of a table, by their codes.
#[derive(Clone, Debug, Default)]
pub struct Categories {
    categories: Vec<Category>,
    by_code: FxHashMap<CategoryCode, usize>,
    changes: Changes,
}

impl Categories {
    pub fn new(rows: &[CategoryRow]) -> Self {
        let mut all = Self { changes: Changes::of(rows.iter().map(|row| row.dates)), ..Self::default() };
        for row in rows {
            let at = *all.by_code.entry(row.code.clone()).or_insert_with(|| {
                all.categories.push(Category { code: row.code.clone(), rows: Vec::new() });
                all.categories.len() - 1
            });
            all.categories[at].rows.push(row.clone());
        }
        all
    }

    pub fn is_empty(&self) -> bool {
        self.categories.is_empty()
    }

    /// Returns the categories in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &Category> {
        self.categories.iter()
    }

    /// Finds a category that has a row at `at`.
    pub fn find(&self, code: &str, at: Timestamp) -> Option<&Category> {
        let code = CategoryCode::parse(code).ok()?;
        let category = &self.categories[*self.by_code.get(&code)?];
        category.rows_at(at).next().map(|_| category)
    }

    /// Returns the categories that hold at `at` whose codes are nearest to a text, or that have it as their name; private ones only for
    /// insiders.
    pub fn nearest(&self, text: &str, at: Timestamp, sees_private: bool) -> Vec<&CategoryRow> {
        /// More are no help.
        const NEAREST_MAX: usize = 3;
        let first = |category: &'_ Category| {
            category.rows.iter().find(|row| row.dates.contains(at)).is_some_and(|row| sees_private || !row.is_private)
        };
        let shown = self.categories.iter().filter(|category| first(category));
        let mut ranked: Vec<(usize, &CategoryRow)> = shown
            .filter_map(|category| category.rows_at(at).next())
            .map(|row| (if row.name == text { 0 } else { 1 + distance(row.code.as_str(), text) }, row))
            .collect();
        ranked.sort_by(|a, b| (a.0, &a.1.code).cmp(&(b.0, &b.1.code)));
        ranked.into_iter().take(NEAREST_MAX).map(|(_, row)| row).collect()
    }

    /// Returns the first time after `at` at which a row begins or ends.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        self.changes.next(at)
    }
}

/// Returns how many letters must be put in, left out or changed to make one text of another (Levenshtein 1966), upper and lower case
/// being one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().take(CATEGORY_CODE_BYTES_MAX).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn category(code: &str, name: &str, is_private: bool) -> CategoryRow {
        CategoryRow {
            code: CategoryCode::parse(code).unwrap(),
            major: None,
            major_name: String::new(),
            name: name.into(),
            condition: "1".into(),
            filing: String::new(),
            closing: String::new(),
            zone: None,
            limits: Limits::default(),
            is_private,
            skill: None,
            dates: Dates::ALWAYS,
        }
    }

    #[test]
    fn a_wrong_code_is_told_the_nearest_and_no_private_one() {
        let rows = [
            category("E0110", "暴露垃圾", false),
            category("E0111", "积存渣土", false),
            category("E0112", "密", true),
            category("C0102", "井盖", false),
        ];
        let categories = Categories::new(&rows);
        let at = Timestamp::UNIX_EPOCH;
        let nearest = |text: &str, sees_private| -> Vec<String> {
            categories.nearest(text, at, sees_private).iter().map(|row| row.code.to_string()).collect()
        };
        assert_eq!(nearest("e0119", false), ["E0110", "E0111", "C0102"]);
        assert_eq!(nearest("e0119", true), ["E0110", "E0111", "E0112"]);
        assert_eq!(nearest("井盖", false)[0], "C0102");
        assert!(categories.find("E0110", at).is_some() && categories.find("E0119", at).is_none() && categories.find("", at).is_none());
    }

    #[test]
    fn the_distance_of_codes_counts_changes() {
        for (a, b, expected) in [("", "", 0), ("a", "", 1), ("E0110", "e0110", 0), ("E0110", "E110", 1), ("kitten", "sitting", 3)] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn a_code_holds_no_white_space_and_no_colon() {
        assert_eq!(CategoryCode::parse("E0110").unwrap().as_str(), "E0110");
        for bad in ["", "E 1", "E0110:1", "a\n", &"x".repeat(CATEGORY_CODE_BYTES_MAX + 1)] {
            assert!(CategoryCode::parse(bad).is_err(), "{bad}");
        }
    }
}
