use std::collections::BTreeMap;

use super::counts::{Counts, Period};
use super::facts::CaseFacts;
use super::list::{Indicator, Weight, score};
use crate::boundary::{GenerationId, UnitCode};

/// By what cases are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// The unit that holds the grid of the case, by the boundaries of its own time.
    Unit,
    /// The departments that had a task; each counts the case, and its own tasks.
    Department,
    /// Who held the grid at the case's time.
    Worker,
}

impl Grouping {
    pub const ALL: [Self; 3] = [Self::Unit, Self::Department, Self::Worker];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Department => "department",
            Self::Worker => "worker",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grouping| grouping.as_str() == text)
    }

    /// Whether the groups are persons, of whom no ranking is shown to the public.
    pub fn is_of_persons(self) -> bool {
        self == Self::Worker
    }
}

/// A unit, a department or a worker; none for cases that belong to nobody.
pub type Group = Option<String>;

/// The counts of a period, of all cases and of each group.
#[derive(Clone, Debug)]
pub struct Evaluation {
    pub grouping: Grouping,
    pub period: Period,
    pub total: Counts,
    pub groups: BTreeMap<Group, Counts>,
}

/// A group with its place among the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated<'a> {
    pub group: &'a Group,
    pub counts: &'a Counts,
    pub score: Option<f64>,
    /// Counted from 1; those of the same value have the same. None where there is no value.
    pub rank: Option<usize>,
}

impl Evaluation {
    pub fn new(grouping: Grouping, period: Period) -> Self {
        Self { grouping, period, total: Counts::default(), groups: BTreeMap::new() }
    }

    /// Counts a case. `unit_of` finds the unit of the wanted level over a grid of a generation.
    pub fn add(&mut self, case: &CaseFacts, unit_of: impl FnOnce(&UnitCode, GenerationId) -> Option<UnitCode>) {
        self.total.add(case, &case.tasks, &self.period);
        match self.grouping {
            Grouping::Unit => {
                let unit = case.grid.as_ref().zip(case.generation).and_then(|(grid, generation)| unit_of(grid, generation));
                self.group(unit.map(|unit| unit.to_string())).add_all(case);
            }
            Grouping::Worker => self.group(case.holder.as_ref().map(ToString::to_string)).add_all(case),
            Grouping::Department => {
                let mut names: Vec<&str> = case.tasks.iter().map(|task| &*task.department.0).collect();
                names.sort_unstable();
                names.dedup();
                for name in &names {
                    let tasks = case.tasks.iter().filter(|task| &*task.department.0 == *name);
                    let counts = self.groups.entry(Some((*name).to_owned())).or_default();
                    counts.add(case, tasks, &self.period);
                }
                if names.is_empty() {
                    self.group(None).add_all(case);
                }
            }
        }
    }

    /// Drops groups for which nothing was counted.
    pub fn finish(mut self) -> Self {
        self.groups.retain(|_, counts| *counts != Counts::default());
        self
    }

    fn group(&mut self, group: Group) -> GroupCounts<'_> {
        GroupCounts { counts: self.groups.entry(group).or_default(), period: &self.period }
    }
}

struct GroupCounts<'a> {
    counts: &'a mut Counts,
    period: &'a Period,
}

impl GroupCounts<'_> {
    fn add_all(self, case: &CaseFacts) {
        self.counts.add(case, &case.tasks, self.period);
    }
}

/// Ranks groups by an indicator, or by the score where none is named: the best first, then those without a value. Cases that belong to
/// nobody are in no ranking.
pub fn rank<'a>(evaluation: &'a Evaluation, by: Option<&Indicator>, weights: &[Weight]) -> Vec<Evaluated<'a>> {
    let value = |counts: &Counts| match by {
        // The smaller the better, where less is better.
        Some(indicator) => indicator.of(counts).value().map(|value| if indicator.is_better_high == Some(false) { -value } else { value }),
        None => score(counts, weights),
    };
    let mut found: Vec<(Option<f64>, Evaluated<'a>)> = evaluation
        .groups
        .iter()
        .map(|(group, counts)| {
            let valued = value(counts).filter(|_| group.is_some());
            (valued, Evaluated { group, counts, score: score(counts, weights), rank: None })
        })
        .collect();
    found.sort_by(|(a, x), (b, y)| {
        b.unwrap_or(f64::NEG_INFINITY).total_cmp(&a.unwrap_or(f64::NEG_INFINITY)).then_with(|| x.group.cmp(y.group))
    });
    let values: Vec<Option<f64>> = found.iter().map(|(value, _)| *value).collect();
    for (at, (value, evaluated)) in found.iter_mut().enumerate() {
        evaluated.rank = value.and_then(|_| values.iter().position(|other| other == &values[at])).map(|first| first + 1);
    }
    found.into_iter().map(|(_, evaluated)| evaluated).collect()
}

#[cfg(test)]
mod tests {
    use super::super::counts::tests::{case, period, task};
    use super::*;
    use crate::dispatch::WorkerId;
    use crate::dispatch::indicator::INDICATORS;

    fn weights() -> Vec<Weight> {
        vec![Weight { indicator: Indicator::find("on_time_handling").unwrap(), weight: 1.0 }]
    }

    fn evaluate(grouping: Grouping, cases: &[CaseFacts]) -> Evaluation {
        let mut evaluation = Evaluation::new(grouping, period());
        let community = |grid: &UnitCode, generation: GenerationId| {
            // By the second generation the grid has gone to another community.
            let code = if generation.0 == 1 { &grid.as_str()[..12] } else { "431102001002" };
            UnitCode::parse(code).ok()
        };
        cases.iter().for_each(|case| evaluation.add(case, community));
        evaluation.finish()
    }

    #[test]
    fn a_case_counts_for_the_unit_and_the_holder_of_its_own_time() {
        let old = case(1, 1, task("a", 20, Some(9)));
        let new =
            CaseFacts { generation: Some(GenerationId(2)), holder: Some(WorkerId("w2".into())), ..case(2, 1, task("a", 20, Some(9))) };
        let nowhere = CaseFacts { grid: None, generation: None, holder: None, ..case(3, 1, task("a", 20, None)) };
        let cases = [old, new, nowhere];
        let by_unit = evaluate(Grouping::Unit, &cases);
        let reports =
            |evaluation: &Evaluation| evaluation.groups.iter().map(|(group, counts)| (group.clone(), counts.reports)).collect::<Vec<_>>();
        assert_eq!(reports(&by_unit), [(None, 1), (Some("431102001001".into()), 1), (Some("431102001002".into()), 1)]);
        assert_eq!(reports(&evaluate(Grouping::Worker, &cases)), [(None, 1), (Some("w1".into()), 1), (Some("w2".into()), 1)]);
        assert_eq!((by_unit.total.reports, by_unit.total.holders.len()), (3, 2));
    }

    #[test]
    fn each_department_answers_for_its_own_tasks() {
        let mut linked = case(1, 1, task("water", 20, Some(9)));
        linked.tasks.push(task("roads", 20, Some(30)));
        let evaluation = evaluate(Grouping::Department, &[linked, case(2, 2, task("water", 20, None))]);
        let of = |name: &str| &evaluation.groups[&Some(name.to_owned())];
        assert_eq!((of("water").should_handle, of("water").handled_on_time, of("water").reports), (2, 1, 2));
        assert_eq!((of("roads").should_handle, of("roads").handled_on_time, of("roads").reports), (1, 0, 1));
        // All together each case counts once, and each task.
        assert_eq!((evaluation.total.reports, evaluation.total.should_handle), (2, 3));
    }

    #[test]
    fn the_best_is_first_the_same_share_a_rank_and_nobody_has_none() {
        let mut cases = Vec::new();
        for (number, (holder, done)) in [("a", Some(9)), ("b", Some(9)), ("c", Some(30)), ("c", Some(9))].into_iter().enumerate() {
            let holder = Some(WorkerId(holder.into()));
            cases.push(CaseFacts { holder, ..case(number as u128, 1, task("x", 20, done)) });
        }
        // Reported, and nothing due yet.
        cases.push(CaseFacts { holder: Some(WorkerId("d".into())), ..case(9, 1, task("x", 500, None)) });
        cases.push(CaseFacts { holder: None, ..case(10, 1, task("x", 20, Some(9))) });
        let evaluation = evaluate(Grouping::Worker, &cases);
        let ranked = |by: Option<&Indicator>| -> Vec<(String, Option<usize>)> {
            let ranked = rank(&evaluation, by, &weights());
            ranked.iter().map(|evaluated| (evaluated.group.clone().unwrap_or_default(), evaluated.rank)).collect()
        };
        let expected =
            [("a", Some(1)), ("b", Some(1)), ("c", Some(3)), ("", None), ("d", None)].map(|(name, rank)| (name.to_owned(), rank));
        assert_eq!(ranked(None), expected);
        // Where less is better the least is first.
        let late = ranked(Indicator::find("overdue_pending"));
        assert!(late[..3].iter().all(|(_, rank)| *rank == Some(1)), "{late:?}");
        let scores: Vec<_> = rank(&evaluation, None, &weights()).iter().map(|evaluated| evaluated.score).collect();
        assert_eq!(scores, [Some(100.0), Some(100.0), Some(50.0), Some(100.0), None]);
    }

    #[test]
    fn every_indicator_has_a_code_of_its_own_and_is_null_where_nothing_was_counted() {
        let nothing = Counts::default();
        for (at, indicator) in INDICATORS.iter().enumerate() {
            assert_eq!(indicator.of(&nothing).value(), None, "{}", indicator.code);
            assert!(INDICATORS[..at].iter().all(|other| other.code != indicator.code), "{}", indicator.code);
            assert!([indicator.formula, indicator.formula_zh].iter().all(|formula| formula.contains(" / ")), "{}", indicator.code);
        }
        // A share is never more than the whole.
        let evaluation = evaluate(Grouping::Unit, &[case(1, 1, task("a", 20, Some(9))), case(2, 1, task("a", 20, None))]);
        for indicator in INDICATORS.iter().filter(|indicator| !matches!(indicator.code, "rating" | "load" | "filing")) {
            assert!(indicator.of(&evaluation.total).value().is_none_or(|value| value <= 1.0), "{}", indicator.code);
        }
    }
}
