use std::cmp::Reverse;
use std::sync::Arc;

use super::code::UnitCode;

/// The units that somebody is limited to, with all that lies in them: how far a key, a token or a webhook reaches.
///
/// Membership follows parents and never spelling: the code of a unit need not begin with that of its parent, and `S10` does not lie in
/// `S1`. Kept as runs of codes that follow each other among all that are known, so that a store can look them up in an index; where
/// codes do begin with those of their parents, a unit and all that lies in it are one run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Territory {
    /// All units, and what lies in none.
    Whole,
    Runs(Arc<[CodeRun]>),
}

/// The codes from one to another, both included, in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CodeRun {
    pub first: UnitCode,
    pub last: UnitCode,
}

/// A unit among those that are known, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Kin<'a> {
    /// 0 for the coarsest level.
    pub depth: usize,
    pub code: &'a UnitCode,
    /// The unit of a coarser level that holds this one.
    pub parent: Option<&'a UnitCode>,
}

impl Territory {
    /// Returns the units of these codes with all that lie in them. `kin` holds every unit that is known; where it holds one twice, the
    /// first counts, and where units of several levels share a code, the finest does. No codes at all mean no limit.
    pub fn within<'a>(codes: &[UnitCode], mut kin: Vec<Kin<'a>>) -> Self {
        if codes.is_empty() {
            return Self::Whole;
        }
        kin.sort_by_key(|kin| (kin.code, Reverse(kin.depth)));
        let mut runs: Vec<CodeRun> = Vec::new();
        let mut is_open = false;
        for same in kin.chunk_by(|a, b| a.code == b.code) {
            let is_inside = lies_in(codes, &kin, same[0]);
            if is_inside {
                let code = same[0].code.clone();
                match runs.last_mut().filter(|_| is_open) {
                    Some(run) => run.last = code,
                    None => runs.push(CodeRun { first: code.clone(), last: code }),
                }
            }
            is_open = is_inside;
        }
        Self::Runs(runs.into())
    }

    /// Whether a unit belongs to it.
    pub fn has(&self, code: &UnitCode) -> bool {
        match self {
            Self::Whole => true,
            Self::Runs(runs) => {
                let at = runs.partition_point(|run| run.last < *code);
                runs.get(at).is_some_and(|run| run.first <= *code)
            }
        }
    }

    /// Whether what lies in this unit, or in none, belongs to it.
    pub fn has_place(&self, code: Option<&UnitCode>) -> bool {
        matches!(self, Self::Whole) || code.is_some_and(|code| self.has(code))
    }

    /// Whether codes that begin so can belong to it.
    pub fn meets(&self, prefix: &str) -> bool {
        let begins = |code: &UnitCode| code.as_str().starts_with(prefix);
        let spans = |run: &CodeRun| run.first.as_str() < prefix && prefix < run.last.as_str();
        match self {
            Self::Whole => true,
            Self::Runs(runs) => runs.iter().any(|run| begins(&run.first) || begins(&run.last) || spans(run)),
        }
    }

    /// Returns the runs of codes; none where there is no limit.
    pub fn runs(&self) -> Option<&[CodeRun]> {
        match self {
            Self::Whole => None,
            Self::Runs(runs) => Some(runs),
        }
    }
}

/// Whether a unit is one of these, or lies in one. `kin` is in the order of codes, the finest level first.
fn lies_in(codes: &[UnitCode], kin: &[Kin<'_>], unit: Kin<'_>) -> bool {
    let parent_of = |unit: &Kin<'_>| {
        let code = unit.parent?;
        let start = kin.partition_point(|other| other.code < code);
        // Every step is to a coarser level, so that the walk ends.
        kin[start..].iter().take_while(|other| other.code == code).find(|other| other.depth < unit.depth).copied()
    };
    std::iter::successors(Some(unit), parent_of)
        .any(|unit| codes.contains(unit.code) || unit.parent.is_some_and(|code| codes.contains(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    /// Rows of depth, code and parent, `-` for none.
    fn within(scope: &[&str], rows: &[(usize, &str, &str)]) -> Territory {
        let scope: Vec<UnitCode> = scope.iter().map(|text| code(text)).collect();
        let units: Vec<_> = rows.iter().map(|(depth, unit, parent)| (*depth, code(unit), (*parent != "-").then(|| code(parent)))).collect();
        Territory::within(&scope, units.iter().map(|(depth, code, parent)| Kin { depth: *depth, code, parent: parent.as_ref() }).collect())
    }

    const STREETS: [(usize, &str, &str); 7] =
        [(0, "D", "-"), (1, "S1", "D"), (1, "S10", "D"), (2, "S1-1", "S1"), (2, "S10-1", "S10"), (2, "X", "S1"), (2, "Y", "S10")];

    #[test]
    fn codes_that_begin_alike_are_not_kin() {
        let first = within(&["S1"], &STREETS);
        for (unit, is_inside) in [("S1", true), ("S1-1", true), ("X", true), ("S10", false), ("S10-1", false), ("Y", false), ("D", false)] {
            assert_eq!(first.has(&code(unit)), is_inside, "{unit}");
        }
        let tenth = within(&["S10"], &STREETS);
        assert!(tenth.has(&code("Y")) && tenth.has(&code("S10-1")) && !tenth.has(&code("S1-1")) && !tenth.has(&code("X")));
        let all = within(&["D"], &STREETS);
        assert_eq!(all.runs().unwrap().len(), 1);
        assert!(STREETS.iter().all(|(_, unit, _)| all.has(&code(unit))));
    }

    #[test]
    fn where_codes_nest_a_unit_is_one_run() {
        let rows =
            [(0, "43", "-"), (1, "4301", "43"), (1, "4302", "43"), (2, "430101", "4301"), (2, "430102", "4301"), (2, "430201", "4302")];
        let runs = within(&["4301"], &rows);
        assert_eq!(runs.runs().unwrap(), [CodeRun { first: code("4301"), last: code("430102") }]);
        assert!(runs.meets("43") && runs.meets("430102") && runs.meets("4301011") && !runs.meets("4302"));
    }

    #[test]
    fn no_limit_reaches_what_lies_nowhere_and_an_unknown_unit_reaches_nothing() {
        let (whole, none) = (within(&[], &STREETS), within(&["S9"], &STREETS));
        assert!(whole.has_place(None) && whole.has(&code("anything")) && whole.meets("any") && whole.runs().is_none());
        assert!(!none.has_place(None) && !STREETS.iter().any(|(_, unit, _)| none.has(&code(unit))) && !none.meets(""));
    }

    #[test]
    fn a_unit_that_moved_belongs_where_it_is_told_of_first() {
        let moved = [(1, "S1", "-"), (1, "S2", "-"), (2, "G", "S2"), (2, "G", "S1")];
        assert!(within(&["S2"], &moved).has(&code("G")) && !within(&["S1"], &moved).has(&code("G")));
    }

    #[test]
    fn levels_may_share_codes_and_a_circle_of_parents_ends() {
        let same = [(0, "1", "-"), (0, "2", "-"), (1, "1", "2"), (2, "11", "1")];
        let second = within(&["2"], &same);
        assert!(second.has(&code("1")) && second.has(&code("11")) && second.has(&code("2")));
        let circle = [(1, "a", "b"), (1, "b", "a")];
        assert!(within(&["c"], &circle).runs().unwrap().is_empty());
    }
}
