//! What staff costs, and who pays for it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::dates::Dates;
use super::roster::{Assignment, Post, WorkerId};
use crate::boundary::UnitCode;

/// Seconds in a month: a twelfth of the mean year of the Gregorian calendar, so that twelve of them are a year.
const MONTH_S: f64 = 365.2425 * 86_400.0 / 12.0;

/// What a post at a unit costs, wages with all that comes on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostRow {
    /// The unit with all below it; none for everywhere.
    pub unit: Option<UnitCode>,
    /// None for every post.
    pub post: Option<Post>,
    /// In hundredths of the currency, for one person and month.
    pub monthly_cents: i64,
    pub dates: Dates,
    pub note: String,
}

/// Where money comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FundKind {
    /// The budget of the city or district (财政预算).
    Budget,
    /// What departments pay for work done for them (部门分摊).
    Levy,
    /// Money from above for a purpose (上级专项).
    Grant,
    /// What the unit earns by itself (自筹).
    SelfFunded,
    /// Enterprises, foundations, residents (社会资金).
    Social,
}

impl FundKind {
    pub const ALL: [Self; 5] = [Self::Budget, Self::Levy, Self::Grant, Self::SelfFunded, Self::Social];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Levy => "levy",
            Self::Grant => "grant",
            Self::SelfFunded => "self",
            Self::Social => "social",
        }
    }

    /// Reads a kind in English or Chinese.
    pub fn parse(text: &str) -> Option<Self> {
        let chinese = match text {
            "财政" | "财政预算" | "预算" => Some(Self::Budget),
            "部门" | "部门分摊" | "部门经费" => Some(Self::Levy),
            "专项" | "上级专项" | "补助" => Some(Self::Grant),
            "自筹" => Some(Self::SelfFunded),
            "社会" | "社会资金" => Some(Self::Social),
            _ => None,
        };
        chinese.or_else(|| Self::ALL.into_iter().find(|kind| kind.as_str() == text))
    }
}

/// Money for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundRow {
    pub source: String,
    pub kind: FundKind,
    /// In hundredths of the currency, for all of its time, over which it is spread evenly.
    pub amount_cents: i64,
    /// The unit with all below it for which it may be spent; none for everywhere.
    pub unit: Option<UnitCode>,
    /// The post for which it may be spent; none for every post.
    pub post: Option<Post>,
    /// Both ends are there.
    pub dates: Dates,
    pub note: String,
}

/// What one post at one unit costs within a period.
#[derive(Clone, Debug, PartialEq)]
pub struct PostCost {
    pub unit: UnitCode,
    pub post: Post,
    /// Months of persons, those who hold several posts at once in equal parts.
    pub months: f64,
    /// In hundredths of the currency.
    pub cents: f64,
    /// Months for which no row says what they cost.
    pub unpriced_months: f64,
}

/// What a source pays within a period.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceCover {
    pub source: String,
    pub kind: FundKind,
    /// Of its money what falls into the period.
    pub available_cents: f64,
    pub covered_cents: f64,
    /// The cost for which it might be spent, whoever pays it.
    pub eligible_cents: f64,
}

/// Who pays for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// In the order of the table of funds.
    pub sources: Vec<SourceCover>,
    /// What is paid of each cost by each source, and by none: in the order of the costs, then of the sources.
    pub shares: Vec<Vec<f64>>,
}

impl Coverage {
    /// Returns what nobody pays of a cost.
    pub fn gap_cents(&self, costs: &[PostCost], at: usize) -> f64 {
        (costs[at].cents - self.shares[at].iter().sum::<f64>()).max(0.0)
    }
}

/// Works out what the assignments of a roster cost from `from` until `to`, exclusive. `path_of` gives the codes of a unit and of those
/// above it, the finest first. Who holds several posts at once is paid once, and costs each of them an equal part.
pub fn staff_costs(
    assignments: &[Assignment],
    rates: &[CostRow],
    from: Timestamp,
    to: Timestamp,
    path_of: impl Fn(&UnitCode) -> Vec<UnitCode>,
) -> Vec<PostCost> {
    let mut by_worker: BTreeMap<&WorkerId, Vec<&Assignment>> = BTreeMap::new();
    for assignment in assignments {
        by_worker.entry(&assignment.worker).or_default().push(assignment);
    }
    let mut found: BTreeMap<(UnitCode, Post), PostCost> = BTreeMap::new();
    let mut paths: BTreeMap<&UnitCode, Vec<UnitCode>> = BTreeMap::new();
    for held in by_worker.into_values() {
        for (begin, end) in stretches(&held, rates, from, to) {
            let active: Vec<&&Assignment> =
                held.iter().filter(|a| a.validity.from <= begin && a.validity.to.is_none_or(|ends| begin < ends)).collect();
            #[expect(clippy::cast_precision_loss, reason = "a person holds a few posts")]
            let months = end.duration_since(begin).as_secs_f64() / MONTH_S / active.len().max(1) as f64;
            for assignment in active {
                let path = paths.entry(&assignment.unit).or_insert_with(|| path_of(&assignment.unit));
                let key = (assignment.unit.clone(), assignment.post);
                let cost = found.entry(key).or_insert_with(|| PostCost {
                    unit: assignment.unit.clone(),
                    post: assignment.post,
                    months: 0.0,
                    cents: 0.0,
                    unpriced_months: 0.0,
                });
                cost.months += months;
                match rate(rates, path, &assignment.unit, assignment.post, begin) {
                    #[expect(clippy::cast_precision_loss, reason = "wages are far below 2^53 cents")]
                    Some(row) => cost.cents += months * row.monthly_cents as f64,
                    None => cost.unpriced_months += months,
                }
            }
        }
    }
    found.into_values().collect()
}

/// Returns the stretches of a period within which neither who holds what nor what it costs changes.
fn stretches(held: &[&Assignment], rates: &[CostRow], from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let of_held = held.iter().flat_map(|assignment| [Some(assignment.validity.from), assignment.validity.to]);
    let of_rates = rates.iter().flat_map(|row| [row.dates.from, row.dates.to]);
    let mut ends: Vec<Timestamp> = of_held.chain(of_rates).flatten().filter(|at| from < *at && *at < to).collect();
    ends.extend([from, to]);
    ends.sort_unstable();
    ends.dedup();
    ends.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// Finds the row that counts: the one of the nearest unit, then the one that names the post, then the last.
fn rate<'a>(rates: &'a [CostRow], path: &[UnitCode], unit: &UnitCode, post: Post, at: Timestamp) -> Option<&'a CostRow> {
    let fits = rates.iter().enumerate().filter(|(_, row)| holds(&row.dates, at) && row.post.is_none_or(|own| own == post));
    let near = fits
        .filter_map(|(number, row)| Some((distance(row.unit.as_ref(), path, unit)?, row.post.is_none(), std::cmp::Reverse(number), row)));
    near.min_by_key(|(distance, is_general, number, _)| (*distance, *is_general, *number)).map(|(.., row)| row)
}

/// Returns how many levels up a row's unit is; none where it is no unit of the path.
fn distance(of: Option<&UnitCode>, path: &[UnitCode], unit: &UnitCode) -> Option<usize> {
    match of {
        None => Some(usize::MAX),
        Some(of) if of == unit => Some(0),
        Some(of) => path.iter().position(|code| code == of),
    }
}

fn holds(dates: &Dates, at: Timestamp) -> bool {
    dates.from.is_none_or(|from| from <= at) && dates.to.is_none_or(|to| at < to)
}

/// Works out who pays for costs within a period. The narrowest money is spent first: that of the nearest unit, then that for a post,
/// then by the order of the table; each source pays its share of all that is left to pay of what it may be spent for.
pub fn cover(
    costs: &[PostCost],
    funds: &[FundRow],
    from: Timestamp,
    to: Timestamp,
    path_of: impl Fn(&UnitCode) -> Vec<UnitCode>,
) -> Coverage {
    let paths: Vec<Vec<UnitCode>> = costs.iter().map(|cost| path_of(&cost.unit)).collect();
    let is_eligible = |fund: &FundRow, at: usize| {
        fund.post.is_none_or(|post| post == costs[at].post) && distance(fund.unit.as_ref(), &paths[at], &costs[at].unit).is_some()
    };
    let mut order: Vec<usize> = (0..funds.len()).collect();
    let depth = |fund: &FundRow| {
        let reached = (0..costs.len()).filter(|at| fund.unit.is_some() && is_eligible(fund, *at)).count();
        // Money of a unit that has nothing to pay is as narrow as can be, and pays nothing.
        if fund.unit.is_none() { usize::MAX } else { reached }
    };
    order.sort_by_key(|at| (depth(&funds[*at]), funds[*at].post.is_none(), *at));
    let mut left: Vec<f64> = costs.iter().map(|cost| cost.cents).collect();
    let mut shares = vec![vec![0.0; funds.len()]; costs.len()];
    for number in order {
        let fund = &funds[number];
        let eligible: Vec<usize> = (0..costs.len()).filter(|at| is_eligible(fund, *at)).collect();
        let open: f64 = eligible.iter().map(|at| left[*at]).sum();
        let paid = available(fund, from, to).min(open);
        if open > 0.0 {
            for at in eligible {
                let share = paid * left[at] / open;
                shares[at][number] = share;
                left[at] -= share;
            }
        }
    }
    let sources = funds.iter().enumerate().map(|(number, fund)| SourceCover {
        source: fund.source.clone(),
        kind: fund.kind,
        available_cents: available(fund, from, to),
        covered_cents: shares.iter().map(|shares| shares[number]).sum(),
        eligible_cents: (0..costs.len()).filter(|at| is_eligible(fund, *at)).map(|at| costs[at].cents).sum(),
    });
    Coverage { sources: sources.collect(), shares }
}

/// Returns what of the money of a source falls into a period.
fn available(fund: &FundRow, from: Timestamp, to: Timestamp) -> f64 {
    let (Some(begins), Some(ends)) = (fund.dates.from, fund.dates.to) else { return 0.0 };
    let (begin, end) = (begins.max(from), ends.min(to));
    if end <= begin {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53 cents")]
    let amount = fund.amount_cents as f64;
    amount * end.duration_since(begin).as_secs_f64() / ends.duration_since(begins).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Validity;
    use crate::dispatch::Shift;

    fn code(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    fn month(number: i8) -> Timestamp {
        let months = f64::from(number - 1);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        start + jiff::SignedDuration::from_secs_f64(months * MONTH_S)
    }

    fn assignment(unit: &str, worker: &str, post: Post, from: i8, to: Option<i8>) -> Assignment {
        Assignment {
            unit: code(unit),
            worker: WorkerId(worker.into()),
            post,
            department: String::new(),
            validity: Validity { from: month(from), to: to.map(month) },
            shift: Shift::ALWAYS,
        }
    }

    fn rate(unit: Option<&str>, post: Option<Post>, monthly: i64, from: Option<i8>) -> CostRow {
        let dates = Dates { from: from.map(month), to: None };
        CostRow { unit: unit.map(code), post, monthly_cents: monthly * 100, dates, note: String::new() }
    }

    fn fund(source: &str, unit: Option<&str>, post: Option<Post>, amount: i64, months: (i8, i8)) -> FundRow {
        let dates = Dates { from: Some(month(months.0)), to: Some(month(months.1)) };
        let (source, unit, note) = (source.into(), unit.map(code), String::new());
        FundRow { source, kind: FundKind::Budget, amount_cents: amount * 100, unit, post, dates, note }
    }

    /// Codes begin with those of their parents: 1 over 11 and 12, 11 over 111.
    fn path(unit: &UnitCode) -> Vec<UnitCode> {
        let text = unit.as_str();
        (1..=text.len()).rev().map(|end| code(&text[..end])).collect()
    }

    fn whole(cents: f64) -> i64 {
        (cents / 100.0).round() as i64
    }

    #[test]
    fn the_nearest_rate_counts_and_changes_at_its_date() {
        let rates = [
            rate(None, None, 1_000, None),
            rate(Some("11"), None, 2_000, None),
            rate(Some("11"), Some(Post::Leader), 3_000, None),
            rate(Some("111"), None, 2_500, Some(4)),
        ];
        let staff = [
            assignment("12", "a", Post::Primary, 1, None),
            assignment("11", "b", Post::Leader, 1, None),
            assignment("111", "c", Post::Primary, 1, Some(6)),
        ];
        let costs = staff_costs(&staff, &rates, month(1), month(7), path);
        let found: Vec<_> = costs.iter().map(|cost| (cost.unit.as_str(), whole(cost.cents), cost.months.round() as i64)).collect();
        // 111: three months at the rate of 11, then two at its own.
        assert_eq!(found, [("11", 18_000, 6), ("111", 3 * 2_000 + 2 * 2_500, 5), ("12", 6_000, 6)]);
    }

    #[test]
    fn who_holds_two_posts_is_paid_once_and_what_has_no_price_is_told() {
        let staff = [assignment("11", "a", Post::Primary, 1, None), assignment("12", "a", Post::Backup, 3, Some(5))];
        let costs = staff_costs(&staff, &[rate(Some("11"), None, 1_000, None)], month(1), month(7), path);
        let found: Vec<_> = costs.iter().map(|cost| (cost.unit.as_str(), whole(cost.cents), cost.unpriced_months.round() as i64)).collect();
        assert_eq!(found, [("11", 5_000, 0), ("12", 0, 1)]);
        assert_eq!(staff_costs(&[], &[], month(1), month(2), path), []);
    }

    #[test]
    fn narrow_money_is_spent_first_and_the_gap_is_told() {
        let rates = [rate(None, None, 1_000, None)];
        let staff = [
            assignment("111", "a", Post::Primary, 1, None),
            assignment("12", "b", Post::Primary, 1, None),
            assignment("1", "c", Post::Leader, 1, None),
        ];
        let costs = staff_costs(&staff, &rates, month(1), month(5), path);
        assert_eq!(costs.iter().map(|cost| whole(cost.cents)).collect::<Vec<_>>(), [4_000, 4_000, 4_000]);
        let funds = [
            fund("city", None, None, 3_000, (1, 5)),
            // Twice as long as the period, so half of it counts; more than there is to pay.
            fund("community", Some("11"), None, 20_000, (1, 9)),
            fund("leaders", None, Some(Post::Leader), 1_000, (1, 5)),
            fund("later", None, None, 9_000, (5, 9)),
        ];
        let coverage = cover(&costs, &funds, month(1), month(5), path);
        let told: Vec<_> = coverage.sources.iter().map(|source| (whole(source.available_cents), whole(source.covered_cents))).collect();
        assert_eq!(told, [(3_000, 3_000), (10_000, 4_000), (1_000, 1_000), (0, 0)]);
        let gaps: Vec<_> = (0..costs.len()).map(|at| whole(coverage.gap_cents(&costs, at))).collect();
        // In the order 1, 111, 12: the city's money is spread over what is left of the leader's and of 12's.
        assert_eq!(gaps, [3_000 - 1_286, 0, 4_000 - 1_714]);
        let paid: f64 = coverage.shares.iter().flatten().sum();
        assert_eq!(whole(paid), 8_000);
    }
}
