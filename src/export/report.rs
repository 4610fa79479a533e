//! Indicators as a table and as a page to print.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::dispatch::indicator::{Evaluated, HotSpot, INDICATORS, Measure, RepeatPlace};

/// What a report tells.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub title: &'a str,
    /// The period and as of when it was judged, in words.
    pub period: &'a str,
    /// `unit`, `department` or `worker`.
    pub by: &'a str,
    /// What the ranking goes by.
    pub ranked_by: &'a str,
    pub total: &'a Evaluated<'a>,
    pub groups: &'a [Evaluated<'a>],
    /// Names of the groups that have one.
    pub names: &'a BTreeMap<String, String>,
    pub repeat_places: &'a [RepeatPlace],
    pub hot_spots: &'a [HotSpot],
}

/// What cases that belong to nobody are called, and all together.
const NOBODY: &str = "—";
const TOTAL: &str = "total";

/// Columns of the table: a row for each indicator of each group, so that every number has its formula beside it.
const COLUMNS: &str = "by,group,name,rank,score,indicator,value,numerator,denominator,formula\n";

impl Report<'_> {
    /// Writes a CSV table: all cases first, then the groups in the order of their ranks. A value without a denominator is empty.
    pub fn to_csv(&self) -> String {
        let mut text = COLUMNS.to_owned();
        for evaluated in [self.total].into_iter().chain(self.groups) {
            let is_total = std::ptr::eq(evaluated, self.total);
            let group = if is_total { TOTAL } else { evaluated.group.as_deref().unwrap_or_default() };
            let name = if is_total { None } else { self.names.get(group) };
            let rank = evaluated.rank.map(|rank| rank.to_string()).unwrap_or_default();
            let score = evaluated.score.map(|score| format!("{score:.2}")).unwrap_or_default();
            for indicator in INDICATORS {
                let measure @ Measure { numerator, denominator } = indicator.of(evaluated.counts);
                let value = measure.value().map(|value| format!("{value}")).unwrap_or_default();
                let cells = [self.by, group, name.map_or("", String::as_str), &rank, &score, indicator.code, &value].map(quoted);
                let _ = writeln!(text, "{},{numerator},{denominator},{}", cells.join(","), quoted(indicator.formula));
            }
        }
        text
    }

    /// Writes a page that stands alone and prints on A4: nothing is loaded from elsewhere.
    pub fn to_html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>{STYLE}</style></head><body>\n\
             <h1>{title}</h1>\n<p>{}</p>\n",
            escaped(self.period),
            title = escaped(self.title),
        );
        let _ = writeln!(
            page,
            "<h2>All cases 总计</h2>\n<table><thead><tr><th>indicator</th><th>指标</th><th>value 数值</th><th>of 分子 / 分母</th><th>formula 公式</th></tr></thead><tbody>"
        );
        for indicator in INDICATORS {
            let measure = indicator.of(self.total.counts);
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{} / {}</td><td>{}<br>{}</td></tr>",
                escaped(indicator.name),
                indicator.name_zh,
                shown(indicator.code, measure),
                measure.numerator,
                measure.denominator,
                escaped(indicator.formula),
                escaped(indicator.formula_zh)
            );
        }
        let by_zh = match self.by {
            "department" => "按部门",
            "worker" => "按人员",
            _ => "按网格单元",
        };
        let (ranked_by, ranked_by_zh) = INDICATORS
            .iter()
            .find(|indicator| indicator.code == self.ranked_by)
            .map_or((self.ranked_by, "综合得分"), |indicator| (indicator.name, indicator.name_zh));
        let (by, ranked_by) = (escaped(self.by), escaped(ranked_by));
        let _ = writeln!(page, "</tbody></table>\n<h2>By {by} {by_zh}排名</h2>\n<p>Ranked by {ranked_by}. 排名依据：{ranked_by_zh}。</p>");
        page.push_str("<table class=\"wide\"><thead><tr><th>#</th><th>group 对象</th><th>score 得分</th><th>reports 上报数</th>");
        for indicator in INDICATORS {
            let formulas = [indicator.formula, indicator.formula_zh].map(escaped).join(" · ");
            let _ = write!(page, "<th title=\"{formulas}\">{}</th>", indicator.name_zh);
        }
        page.push_str("</tr></thead><tbody>\n");
        for evaluated in self.groups {
            let group = evaluated.group.as_deref().unwrap_or(NOBODY);
            let name = self.names.get(group).map(|name| format!("{name} ")).unwrap_or_default();
            let rank = evaluated.rank.map(|rank| rank.to_string()).unwrap_or_default();
            let score = evaluated.score.map_or_else(|| NOBODY.to_owned(), |score| format!("{score:.1}"));
            let _ = write!(page, "<tr><td class=\"n\">{rank}</td><td>{}{}</td>", escaped(&name), escaped(group));
            let _ = write!(page, "<td class=\"n\">{score}</td><td class=\"n\">{}</td>", evaluated.counts.reports);
            for indicator in INDICATORS {
                let _ = write!(page, "<td class=\"n\">{}</td>", shown(indicator.code, indicator.of(evaluated.counts)));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table>\n");
        self.write_places(&mut page);
        page.push_str("<p class=\"small\">— : nothing of which it could be a share. Cases count where and by whom they were held at their own time.<br>— ：分母为零，不计。案件按发生时所在的网格和责任人统计。</p>\n</body></html>\n");
        page
    }

    fn write_places(&self, page: &mut String) {
        page.push_str("<h2>Again and again 多发点位</h2>\n<table><thead><tr><th>category 类别</th><th>cases 案件数</th><th>longitude, latitude 经度、纬度</th></tr></thead><tbody>\n");
        for place in self.repeat_places {
            let at = place.position;
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td class=\"n\">{}</td><td>{:.5}, {:.5}</td></tr>",
                escaped(&place.category),
                place.cases,
                at.lon,
                at.lat
            );
        }
        page.push_str("</tbody></table>\n<h2>Hot spots 热点</h2>\n<table><thead><tr><th>Gi* (z)</th><th>cases 案件数</th><th>longitude, latitude 经度、纬度</th></tr></thead><tbody>\n");
        for spot in self.hot_spots {
            let at = spot.position;
            let _ = writeln!(
                page,
                "<tr><td class=\"n\">{:.2}</td><td class=\"n\">{}</td><td>{:.5}, {:.5}</td></tr>",
                spot.z, spot.cases, at.lon, at.lat
            );
        }
        page.push_str("</tbody></table>\n");
    }
}

/// Shares as a percentage; what is no share as a number.
fn shown(code: &str, measure: Measure) -> String {
    match measure.value() {
        None => NOBODY.to_owned(),
        Some(value) if matches!(code, "rating" | "load") => format!("{value:.2}"),
        Some(value) => format!("{:.1} %", value * 100.0),
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "body{font:14px/1.4 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;margin:2em;color:#111}\
table{border-collapse:collapse;margin:.5em 0 1.5em}th,td{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top}\
th{background:#eee}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.wide{font-size:10px}.small{font-size:11px;color:#555}\
@media print{@page{size:A4 landscape;margin:12mm}body{margin:0}thead{display:table-header-group}tr{break-inside:avoid}}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::indicator::Counts;

    #[test]
    fn every_number_has_its_formula_and_nothing_is_divided_by_nothing() {
        let counts = Counts { reports: 4, valid_reports: 3, ..Counts::default() };
        let (everything, group) = (None, Some("<b>,\"1\"".to_owned()));
        let total = Evaluated { group: &everything, counts: &counts, score: None, rank: None };
        let groups = [Evaluated { group: &group, counts: &counts, score: Some(50.0), rank: Some(1) }];
        let report = Report {
            title: "Report",
            period: "January",
            by: "unit",
            ranked_by: "score",
            total: &total,
            groups: &groups,
            names: &BTreeMap::new(),
            repeat_places: &[],
            hot_spots: &[],
        };
        let csv = report.to_csv();
        assert_eq!(csv.lines().count(), 1 + 2 * INDICATORS.len());
        assert!(csv.contains("unit,total,,,,valid_reports,0.75,3,4,reports of the period that were not voided"), "{csv}");
        assert!(csv.contains("unit,total,,,,handling,,0,0,"), "a share of nothing is empty: {csv}");
        assert!(csv.contains("\"<b>,\"\"1\"\"\",,1,50.00,"), "{csv}");
        let page = report.to_html();
        assert!(INDICATORS.iter().all(|indicator| page.contains(indicator.formula_zh)), "formulas are told in both languages");
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>") && !page.contains("http"), "{page}");
    }
}
