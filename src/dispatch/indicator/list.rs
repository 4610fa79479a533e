use super::counts::Counts;

/// A share of one count in another, or a number for each of another.
#[derive(Clone, Copy, Debug)]
pub struct Indicator {
    /// Stays the same from release to release.
    pub code: &'static str,
    pub name: &'static str,
    /// As the standards call it.
    pub name_zh: &'static str,
    /// What is divided by what, in words.
    pub formula: &'static str,
    pub formula_zh: &'static str,
    pub numerator: fn(&Counts) -> u64,
    pub denominator: fn(&Counts) -> u64,
    /// Whether more of it is better; none where it is neither good nor bad.
    pub is_better_high: Option<bool>,
}

/// An indicator of a group within a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    pub numerator: u64,
    pub denominator: u64,
}

impl Measure {
    /// Returns the share; none, and not 0 or 1, where there was nothing of which it could be one.
    #[expect(clippy::cast_precision_loss, reason = "counts of cases are far below 2^53")]
    pub fn value(self) -> Option<f64> {
        (self.denominator > 0).then(|| self.numerator as f64 / self.denominator as f64)
    }
}

impl Indicator {
    pub fn of(&self, counts: &Counts) -> Measure {
        Measure { numerator: (self.numerator)(counts), denominator: (self.denominator)(counts) }
    }

    pub fn find(code: &str) -> Option<&'static Self> {
        INDICATORS.iter().find(|indicator| indicator.code == code)
    }
}

macro_rules! indicators {
    ($($code:literal, $name:literal, $name_zh:literal, $formula:literal, $formula_zh:literal, $numerator:expr, $denominator:expr, $better:expr;)+) => {
        &[$(Indicator {
            code: $code,
            name: $name,
            name_zh: $name_zh,
            formula: $formula,
            formula_zh: $formula_zh,
            numerator: $numerator,
            denominator: $denominator,
            is_better_high: $better,
        }),+]
    };
}

/// All indicators. What should be done in a period is what was due in it; what a standard leaves to the site is said in the formula.
pub static INDICATORS: &[Indicator] = indicators![
    "handling", "handling rate", "处置率",
    "tasks due in the period that are done / tasks due in the period",
    "期内到期且已处置的任务数 / 期内到期的任务数",
    |c| c.handled, |c| c.should_handle, Some(true);
    "on_time_handling", "on-time handling", "按期处置率",
    "tasks due in the period that were done by then / tasks due in the period",
    "期内到期且按期处置的任务数 / 期内到期的任务数",
    |c| c.handled_on_time, |c| c.should_handle, Some(true);
    "overdue_pending", "overdue and not handled", "超期待处置率",
    "tasks due in the period that are late and not done / tasks due in the period",
    "期内到期、已超期且未处置的任务数 / 期内到期的任务数",
    |c| c.overdue_pending, |c| c.should_handle, Some(false);
    "extension", "extension rate", "延期率",
    "tasks due in the period whose limit was made longer / tasks due in the period",
    "期内到期且延过期的任务数 / 期内到期的任务数",
    |c| c.extended, |c| c.should_handle, Some(false);
    "closing", "closing rate", "结案率",
    "cases due in the period that are settled / cases due in the period",
    "期内到期且已结案的案件数 / 期内到期的案件数",
    |c| c.closed, |c| c.should_close, Some(true);
    "on_time_closing", "on-time closing", "按期结案率",
    "cases due in the period that were settled by then / cases due in the period",
    "期内到期且按期结案的案件数 / 期内到期的案件数",
    |c| c.closed_on_time, |c| c.should_close, Some(true);
    "rework", "rework rate", "返工率",
    "cases due in the period that were sent back to be done again / cases due in the period",
    "期内到期且返过工的案件数 / 期内到期的案件数",
    |c| c.reworked, |c| c.should_close, Some(false);
    "valid_reports", "valid reports", "有效上报率",
    "reports of the period that were not voided / reports of the period",
    "期内上报且未作废的案件数 / 期内上报的案件数",
    |c| c.valid_reports, |c| c.reports, Some(true);
    "on_time_check", "on-time check", "按期核实率",
    "checks due in the period that were made by then / checks due in the period",
    "期内到期且按期完成的核实数 / 期内到期的核实数",
    |c| c.checked_on_time, |c| c.should_check, Some(true);
    "on_time_verification", "on-time verification", "按期核查率",
    "looks at places due in the period that were made by then / looks due in the period; needs indicators.verify_hours",
    "期内到期且按期完成的核查数 / 期内到期的核查数；需设置 indicators.verify_hours",
    |c| c.verified_on_time, |c| c.should_verify, Some(true);
    "accurate_dispatch", "accurate dispatch", "准确派遣率",
    "cases whose dispatch was due in the period that no department gave back or passed on / cases whose dispatch was due",
    "期内派遣到期且未被退回或转派的案件数 / 期内派遣到期的案件数",
    |c| c.dispatched_accurate, |c| c.should_dispatch, Some(true);
    "on_time_dispatch", "on-time dispatch", "按期派遣率",
    "cases whose dispatch was due in the period that were dispatched by then / cases whose dispatch was due",
    "期内派遣到期且按期派遣的案件数 / 期内派遣到期的案件数",
    |c| c.dispatched_on_time, |c| c.should_dispatch, Some(true);
    "on_time_filing", "on-time filing", "按时立案率",
    "cases filed in the period within the limit / cases filed in the period; needs indicators.filing_hours",
    "期内在时限内立案的案件数 / 期内立案的案件数；需设置 indicators.filing_hours",
    |c| c.filed_on_time, |c| c.filed_timed, Some(true);
    "accurate_filing", "accurate filing", "准确立案率",
    "cases filed in the period that were not voided later / cases filed in the period",
    "期内立案且此后未作废的案件数 / 期内立案的案件数",
    |c| c.filed_accurate, |c| c.filed, Some(true);
    "filing", "filing rate", "立案率",
    "cases filed in the period / reports of the period; the standard leaves the denominator to the site",
    "期内立案的案件数 / 期内上报的案件数；标准由各地确定分母",
    |c| c.filed, |c| c.reports, None;
    "dispatch", "dispatch rate", "派遣率",
    "cases filed in the period that were given to a department / cases filed in the period; left to the site",
    "期内立案且已派给部门的案件数 / 期内立案的案件数；由各地确定",
    |c| c.filed_dispatched, |c| c.filed, Some(true);
    "acceptance", "acceptance rate", "受理率",
    "tasks given in the period that were taken on or done / tasks given in the period; left to the site",
    "期内派出且已签收或完成的任务数 / 期内派出的任务数；由各地确定",
    |c| c.tasks_accepted, |c| c.tasks, Some(true);
    "satisfaction", "satisfaction", "满意率",
    "cases settled in the period that were rated 4 or 5 / cases settled in the period that were rated; left to the site",
    "期内结案且评 4 分或 5 分的案件数 / 期内结案且有评分的案件数；由各地确定",
    |c| c.content, |c| c.rated, Some(true);
    "rating", "mean rating", "平均评分",
    "sum of the ratings of cases settled in the period / cases settled in the period that were rated",
    "期内结案案件的评分之和 / 期内结案且有评分的案件数",
    |c| c.rating_sum, |c| c.rated, Some(true);
    "reopening", "reopening rate", "重新打开率",
    "cases settled in the period that had been reopened / cases settled in the period",
    "期内结案且曾重新办理的案件数 / 期内结案的案件数",
    |c| c.reopened, |c| c.settled, Some(false);
    "taken_up", "taken up", "受理案件率",
    "reports of the period that were filed, given to somebody or settled / reports of the period",
    "期内上报且已立案、派出或办结的案件数 / 期内上报的案件数",
    |c| c.taken_up, |c| c.reports, Some(true);
    "public_reports", "public reports", "公众举报率",
    "reports of the period whose source is not the office's own / reports of the period",
    "期内来源不是本单位的上报数 / 期内上报的案件数",
    |c| c.public_reports, |c| c.reports, None;
    "repeats", "repeat rate", "重复上报率",
    "reports of the period with another case near in place and time / reports of the period",
    "期内上报且附近短时间内另有案件的案件数 / 期内上报的案件数",
    |c| c.repeats, |c| c.reports, Some(false);
    "peak", "peak share", "高峰时段占比",
    "reports of the period in the busiest hour of the day / reports of the period",
    "期内一天中最忙一小时的上报数 / 期内上报的案件数",
    Counts::in_busiest_hour, |c| c.reports, None;
    "off_list", "off the list", "清单外事项率",
    "reports of the period that a keeper handled though not on the admission list / reports of the period",
    "期内上报、由网格员处置但不在准入清单的案件数 / 期内上报的案件数",
    |c| c.off_list, |c| c.reports, Some(false);
    "load", "reports for each keeper", "人均案件数",
    "reports of the period / keepers who held the grids of these reports at their time",
    "期内上报的案件数 / 上报时负责这些网格的人数",
    |c| c.reports, |c| c.holders.len() as u64, None;
];

/// How much an indicator counts in the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    pub indicator: &'static Indicator,
    pub weight: f64,
}

impl PartialEq for Indicator {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

/// Returns the weighted mean of indicators of which more is better, and of 1 less those of which less is, from 0 to 100. Those without
/// a value are left out with their weight; none where none has one.
pub fn score(counts: &Counts, weights: &[Weight]) -> Option<f64> {
    let parts = weights.iter().filter_map(|Weight { indicator, weight }| {
        let value = indicator.of(counts).value()?.clamp(0.0, 1.0);
        Some((if indicator.is_better_high == Some(false) { 1.0 - value } else { value }, *weight))
    });
    let (sum, weight) = parts.fold((0.0, 0.0), |(sum, all), (value, weight)| (sum + value * weight, all + weight));
    (weight > 0.0).then(|| 100.0 * sum / weight)
}
