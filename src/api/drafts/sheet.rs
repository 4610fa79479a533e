//! What a draft changes as a page that stands alone: a planner prints it, and two persons sign it. It says everything in English and in
//! Chinese, as the report of the evaluation does.

use std::fmt::Write as _;

use geo::InteriorPoint;
use geo_types::MultiPolygon;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compare::{ChangedUnitView, DraftComparison, TotalsView};
use super::views::geometry_json;
use crate::api::html::{Drawing, escaped};
use crate::boundary::UnitCode;
use crate::history::DraftSession;

/// What stands where there is nothing.
const NOTHING: &str = "—";

/// More changes than this are drawn without their numbers, which would lie over each other.
const NUMBERED_MAX: usize = 150;

/// The sheet of a draft.
pub struct Sheet<'a> {
    pub session: &'a DraftSession,
    pub comparison: &'a DraftComparison,
    /// In which dates are told.
    pub time_zone: &'a TimeZone,
}

impl Sheet<'_> {
    /// Writes the page. Nothing is loaded from elsewhere, and nothing of the data becomes markup.
    pub fn to_html(&self) -> String {
        let id = escaped(&self.comparison.draft);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Draft {id} 草案</title>\n\
             <style>{STYLE}</style></head><body>\n<h1>What draft {id} changes <span lang=\"zh\">草案 {id} 变更对照</span></h1>\n"
        );
        self.write_heading(&mut page);
        write_totals(&self.comparison.totals, self.session.load_field(), &mut page);
        self.write_drawing(&mut page);
        self.write_units(&mut page);
        self.write_signatures(&mut page);
        page.push_str("</body></html>\n");
        page
    }

    fn write_heading(&self, page: &mut String) {
        let generation = self.session.generation();
        let origin = self.comparison.from.map_or_else(|| NOTHING.to_owned(), |from| from.to_string());
        page.push_str("<table>\n");
        for (name, name_zh, value) in [
            ("title", "标题", generation.note.as_str()),
            ("layer", "图层", generation.layer.as_str()),
            ("draft", "草案", &self.comparison.draft),
            ("revision", "修订", &self.comparison.revision.to_string()),
            ("stands on generation", "所依据的版本", &origin),
            ("in effect from", "生效日期", &self.told(generation.effective_from)),
            ("begun by", "拟制人", &generation.author),
        ] {
            let value = if value.is_empty() { NOTHING } else { value };
            let _ = writeln!(page, "<tr><th>{}</th><td>{}</td></tr>", both(name, name_zh), escaped(value));
        }
        page.push_str("</table>\n");
    }

    /// Draws the finest units that differ, as they were and as they are to be, over the coarser ones; alone where none of the finest does.
    fn write_drawing(&self, page: &mut String) {
        let draft = self.session.draft();
        let shapes: Vec<(usize, usize, Shapes)> = (1..)
            .zip(&self.comparison.units)
            .filter_map(|(number, unit)| {
                let depth = draft.base().levels().iter().position(|level| level.level().as_str() == unit.level)?;
                Some((number, depth, Shapes::of(self.session, depth, unit)))
            })
            .collect();
        let finest = shapes.iter().map(|(_, depth, _)| *depth).max();
        let (framed, around): (Vec<_>, Vec<_>) = shapes.iter().partition(|(_, depth, _)| Some(*depth) == finest);
        let geometries = |shapes: &Shapes| [&shapes.before, &shapes.after].into_iter().flatten().map(geometry_json).collect::<Vec<_>>();
        let bounds: Vec<_> = framed.iter().flat_map(|(_, _, shapes)| geometries(shapes)).collect();
        let Some(mut drawing) = Drawing::around(&bounds) else { return };
        for (_, _, shapes) in &around {
            geometries(shapes).iter().for_each(|geometry| drawing.shape(geometry, "wide"));
        }
        for (_, _, shapes) in &framed {
            shapes.after.iter().for_each(|after| drawing.shape(&geometry_json(after), "after"));
        }
        // What was lies above what is to be, so that a border that moves is seen.
        for (_, _, shapes) in &framed {
            shapes.before.iter().for_each(|before| drawing.shape(&geometry_json(before), "before"));
        }
        if framed.len() <= NUMBERED_MAX {
            for (number, _, shapes) in &framed {
                let inside = shapes.after.as_ref().or(shapes.before.as_ref()).and_then(InteriorPoint::interior_point);
                inside.iter().for_each(|at| drawing.text((at.x(), at.y()), &number.to_string()));
            }
        }
        let _ = writeln!(page, "<h2>{}</h2>\n{}", both("Drawing", "变更图"), drawing.finish("Drawing of the changes 变更图"));
        let key = |class: &str, name, name_zh| format!("<span class=\"key {class}\"></span> {}", both(name, name_zh));
        let _ = writeln!(
            page,
            "<p class=\"small\">{} &emsp; {} &emsp; {}. {}</p>",
            key("before", "before", "变更前"),
            key("after", "after", "变更后"),
            key("wide", "coarser units", "上级单元"),
            both("Numbers are those of the table.", "图中序号与下表一致。")
        );
    }

    fn write_units(&self, page: &mut String) {
        let _ = writeln!(page, "<h2>{}</h2>", both("Units that differ", "变更单元"));
        if self.comparison.units.is_empty() {
            let _ = writeln!(page, "<p>{}</p>", both("Nothing differs.", "没有变更。"));
            return;
        }
        let load = self.session.load_field();
        page.push_str("<table><thead><tr><th>#</th>");
        let columns = [
            ("level", "层级"),
            ("change", "变更"),
            ("code", "编码"),
            ("name", "名称"),
            ("parent", "上级"),
            ("area, m²", "面积（平方米）"),
            ("load", "负荷"),
            ("workers", "人员编号"),
        ];
        for (name, name_zh) in columns.into_iter().filter(|(name, _)| *name != "load" || load.is_some()) {
            let _ = write!(page, "<th>{}</th>", both(name, name_zh));
        }
        page.push_str("</tr></thead><tbody>\n");
        for (number, unit) in (1..).zip(&self.comparison.units) {
            write_unit(number, unit, load.is_some(), page);
        }
        page.push_str("</tbody></table>\n");
    }

    /// Tells a time as the office's clocks do.
    fn told(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.time_zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string()
    }

    /// Leaves room for those who answer for it; who approved it in the service is told as of which revision.
    fn write_signatures(&self, page: &mut String) {
        let _ = writeln!(page, "<h2>{}</h2>", both("Approval", "审批"));
        let approval = self.session.approval().map_or_else(
            || both("Not approved in the service.", "系统中尚未审批。"),
            |approval| {
                let (by, at, revision) = (escaped(&approval.author), self.told(approval.at), approval.revision);
                format!(
                    "Approved in the service by {by} on {at}, as of revision {revision}. \
                     <span lang=\"zh\">{by} 于 {at} 在系统中审批（修订 {revision}）。</span>"
                )
            },
        );
        let _ = writeln!(page, "<p>{approval}</p>\n<table class=\"sign\"><tr>");
        for (name, name_zh) in [("Drawn up by, date", "拟制人、日期"), ("Approved by, date", "审批人、日期")] {
            let _ = write!(page, "<td>{}</td>", both(name, name_zh));
        }
        page.push_str("</tr></table>\n");
    }
}

/// The shapes of a unit before and after; of one that has only another name or parent, the one that it keeps.
struct Shapes {
    before: Option<MultiPolygon<f64>>,
    after: Option<MultiPolygon<f64>>,
}

impl Shapes {
    fn of(session: &DraftSession, depth: usize, unit: &ChangedUnitView) -> Self {
        let code = |code: &str| UnitCode::parse(code).ok();
        let before = unit.code_before.as_deref().and_then(code);
        let after = Some(unit.code.as_str()).filter(|_| unit.change != "ended").and_then(code);
        Self {
            before: before.and_then(|code| session.geometry_before(depth, &code)),
            after: after.and_then(|code| session.draft().geometry(depth, &code)),
        }
    }
}

fn write_totals(totals: &TotalsView, load_field: Option<&str>, page: &mut String) {
    let _ = writeln!(page, "<h2>{}</h2>\n<table>", both("What changes hands", "变更合计"));
    let counted = [
        ("units that begin", "新增单元", totals.begun),
        ("units that end", "撤销单元", totals.ended),
        ("units of another shape", "变形单元", totals.reshaped),
        ("units of another parent", "改属单元", totals.reassigned),
        ("units of another name or code", "改名单元", totals.renamed),
    ];
    for (name, name_zh, count) in counted {
        let _ = writeln!(page, "<tr><th>{}</th><td class=\"n\">{count}</td></tr>", both(name, name_zh));
    }
    let area = format!("{:.0}", totals.reassigned_area_m2);
    let _ = writeln!(page, "<tr><th>{}</th><td class=\"n\">{area}</td></tr>", both("area of another parent, m²", "改属面积（平方米）"));
    if let Some(field) = load_field {
        let (field, load) = (escaped(field), shown(Some(totals.reassigned_load)));
        let name = both(&format!("load of another parent ({field})"), &format!("改属负荷（{field}）"));
        let _ = writeln!(page, "<tr><th>{name}</th><td class=\"n\">{load}</td></tr>");
    }
    let _ = writeln!(page, "<tr><th>{}</th><td class=\"n\">{}</td></tr>\n</table>", both("workers concerned", "涉及人员"), totals.workers);
}

fn write_unit(number: usize, unit: &ChangedUnitView, has_load: bool, page: &mut String) {
    let (change, change_zh) = match unit.change {
        "begun" => ("begins", "新增"),
        "ended" => ("ends", "撤销"),
        "reshaped" => ("reshaped", "变形"),
        "reassigned" => ("reassigned", "改属"),
        _ => ("renamed", "改名"),
    };
    let level_zh = match unit.level.as_str() {
        "district" => "区县",
        "street" => "街道",
        "community" => "社区",
        "grid" => "网格",
        _ => "",
    };
    let has_ended = unit.change == "ended";
    // Of what has ended, the view has the code and the name that it had.
    let after = |text: &str| if has_ended { None } else { Some(text.to_owned()) };
    let code = change_of(unit.code_before.clone(), after(&unit.code));
    let name = change_of(unit.name_before.clone(), after(&unit.name));
    let parent = change_of(unit.parent_before.clone(), unit.parent.clone());
    let _ = write!(page, "<tr><td class=\"n\">{number}</td><td>{}</td>", both(&escaped(&unit.level), level_zh));
    let _ = write!(page, "<td>{}</td><td>{code}</td><td>{name}</td><td>{parent}</td>", both(change, change_zh));
    let figures = |before: Option<f64>, after: Option<f64>| format!("{} → {}", shown(before), shown(after));
    let _ = write!(page, "<td class=\"n\">{}</td>", figures(unit.area_m2_before.map(f64::round), unit.area_m2.map(f64::round)));
    if has_load {
        let _ = write!(page, "<td class=\"n\">{}</td>", figures(unit.load_before, unit.load));
    }
    let workers = if unit.workers.is_empty() { NOTHING.to_owned() } else { escaped(&unit.workers.join(", ")) };
    let _ = writeln!(page, "<td>{workers}</td></tr>");
}

/// What was and what is to be; once where both are the same.
fn change_of(before: Option<String>, after: Option<String>) -> String {
    let told = |text: Option<String>| text.filter(|text| !text.is_empty()).map_or_else(|| NOTHING.to_owned(), |text| escaped(&text));
    if before == after { told(after) } else { format!("{} → {}", told(before), told(after)) }
}

/// A figure with at most two decimals.
fn shown(figure: Option<f64>) -> String {
    let Some(figure) = figure else { return NOTHING.to_owned() };
    let text = format!("{figure:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Says the same in both languages, of which both are markup already.
fn both(english: &str, chinese: &str) -> String {
    if chinese.is_empty() { english.to_owned() } else { format!("{english} <span lang=\"zh\">{chinese}</span>") }
}

const STYLE: &str = "body{font:14px/1.4 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;margin:2em;color:#111}\
h1{font-size:1.5em}h2{font-size:1.15em;margin:1.2em 0 .4em}table{border-collapse:collapse}\
th,td{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top}th{background:#eee;font-weight:600}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.small{font-size:12px;color:#444}\
svg{max-width:100%;height:auto;border:1px solid #bbb}path{vector-effect:non-scaling-stroke;fill:none}\
path.wide{stroke:#999;stroke-width:1}path.after{fill:#0b5cad22;stroke:#0b5cad;stroke-width:1.5}\
path.before{stroke:#b3261e;stroke-width:1.5;stroke-dasharray:6 4}text{font-size:18px;text-anchor:middle;dominant-baseline:central;\
paint-order:stroke;stroke:#fff;stroke-width:4px}.key{display:inline-block;width:2em;border-top:2px solid #999;vertical-align:middle}\
.key.before{border-top:2px dashed #b3261e}.key.after{border-top-color:#0b5cad}\
.sign{width:100%}.sign td{width:50%;height:5em}\
@media print{@page{size:A4;margin:12mm}body{margin:0}thead{display:table-header-group}svg,tr{break-inside:avoid}\
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";
