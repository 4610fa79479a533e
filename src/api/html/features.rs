use serde_json::Value;

use super::drawing::write_drawing;
use super::text::{as_html, escape, link, split_address, write_anchor, write_value};

/// Writes a page of features: how many, the way on and back, a form to ask for others, a drawing, and a table.
pub fn write_features(value: &Value, html: &mut String) {
    let none = Vec::new();
    let features = value["features"].as_array().unwrap_or(&none);
    html.push_str("<p>");
    let count = features.len();
    let matched = value["numberMatched"].as_u64().map_or_else(|| format!("{count} features"), |all| format!("{count} of {all} features"));
    escape(&matched, html);
    for rel in ["prev", "next"] {
        if let Some(href) = link(value, rel) {
            html.push_str(" · ");
            write_anchor(&as_html(href), rel, html);
        }
    }
    html.push_str("</p>");
    write_form(value, html);
    write_drawing(features, html);
    write_figures(&value[FIGURES], html);
    let mut columns: Vec<&str> = Vec::new();
    for name in features.iter().filter_map(|feature| feature["properties"].as_object()).flat_map(|properties| properties.keys()) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    html.push_str("<div class=\"wide\"><table><tr><th>id</th>");
    for column in &columns {
        html.push_str("<th>");
        escape(column, html);
        html.push_str("</th>");
    }
    html.push_str("</tr>");
    for feature in features {
        html.push_str("<tr><td>");
        let id = plain(&feature["id"]);
        match link(feature, "alternate") {
            Some(href) => write_anchor(href, &id, html),
            None => escape(&id, html),
        }
        html.push_str("</td>");
        for column in &columns {
            html.push_str("<td>");
            escape(&plain(&feature["properties"][*column]), html);
            html.push_str("</td>");
        }
        html.push_str("</tr>");
    }
    html.push_str("</table></div>");
    write_links(value, html);
}

/// The member of a collection that has figures of all its features together.
pub const FIGURES: &str = "figures";

/// Writes figures as a table, those within others under both names.
fn write_figures(figures: &Value, html: &mut String) {
    fn rows(name: &str, value: &Value, html: &mut String) {
        let Some(members) = value.as_object() else {
            html.push_str("<tr><th>");
            escape(name, html);
            html.push_str("</th><td>");
            escape(&plain(value), html);
            html.push_str("</td></tr>");
            return;
        };
        members.iter().filter(|(_, value)| !value.is_null()).for_each(|(member, value)| {
            rows(&if name.is_empty() { member.replace('_', " ") } else { format!("{name}: {}", member.replace('_', " ")) }, value, html);
        });
    }
    if figures.is_object() {
        html.push_str("<table>");
        rows("", figures, html);
        html.push_str("</table>");
    }
}

/// Writes one feature: a drawing, its properties, where to go from it.
pub fn write_feature(value: &Value, html: &mut String) {
    write_drawing(std::slice::from_ref(value), html);
    html.push_str("<table>");
    for (name, property) in value["properties"].as_object().into_iter().flatten() {
        html.push_str("<tr><th>");
        escape(name, html);
        html.push_str("</th><td>");
        escape(&plain(property), html);
        html.push_str("</td></tr>");
    }
    html.push_str("</table>");
    write_links(value, html);
}

/// Writes the collections as a table that leads to their features.
pub fn write_collections(collections: &[Value], value: &Value, html: &mut String) {
    html.push_str("<table><tr><th>collection</th><th>description</th><th></th></tr>");
    for collection in collections {
        html.push_str("<tr><td>");
        let title = plain(&collection["title"]);
        match link(collection, "alternate") {
            Some(href) => write_anchor(href, &title, html),
            None => escape(&title, html),
        }
        html.push_str("</td><td>");
        escape(&plain(&collection["description"]), html);
        html.push_str("</td><td>");
        if let Some(href) = link(collection, "items") {
            write_anchor(href, "features", html);
        }
        html.push_str("</td></tr>");
    }
    html.push_str("</table>");
    write_links(value, html);
}

/// Writes a form that asks the same resource for other features. What else was asked stays.
fn write_form(value: &Value, html: &mut String) {
    let Some(own) = link(value, "self") else { return };
    let (path, query) = own.split_once('?').unwrap_or((own, ""));
    let given =
        |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(found, _)| *found == name).map(|(_, v)| decode(v));
    html.push_str("<form method=\"get\" action=\"");
    escape(path, html);
    html.push_str("\"><input type=\"hidden\" name=\"f\" value=\"html\">");
    for (name, size) in [("filter", "40"), ("bbox", "30"), ("datetime", "24"), ("sortby", "14"), ("limit", "5")] {
        html.push_str("<label>");
        html.push_str(name);
        html.push_str(" <input name=\"");
        html.push_str(name);
        html.push_str("\" size=\"");
        html.push_str(size);
        html.push_str("\" value=\"");
        escape(&given(name).unwrap_or_default(), html);
        html.push_str("\"></label>");
    }
    let asked = ["f", "filter", "bbox", "datetime", "sortby", "limit", "after", "before"];
    for (name, text) in query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| !asked.contains(name)) {
        html.push_str("<input type=\"hidden\" name=\"");
        escape(&decode(name), html);
        html.push_str("\" value=\"");
        escape(&decode(text), html);
        html.push_str("\">");
    }
    // Fields that are left empty are no parameters; only a script can leave them out.
    html.push_str("<button>ask</button></form><script src=\"");
    escape(split_address(own).0, html);
    html.push_str("/api/form.js\"></script>");
}

fn write_links(value: &Value, html: &mut String) {
    if value["links"].is_array() {
        html.push_str("<h2>Links</h2>");
        write_value(&value["links"], 0, html);
    }
}

/// A value as a person reads it: a text without quotes, nothing for null.
/// Writes a value for a person: lists with commas, members one after the other, and of a fraction what a person reads.
fn plain(value: &Value) -> String {
    let join = |parts: &mut dyn Iterator<Item = String>, between: &str| parts.collect::<Vec<_>>().join(between);
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => join(&mut parts.iter().map(plain), ", "),
        // What is named by a code and a name says both, and of other members each says what it is.
        Value::Object(members) if members.contains_key("code") => {
            join(&mut members.values().filter(|value| !value.is_null()).map(plain), " ")
        }
        Value::Object(members) => {
            let told = members.iter().filter(|(_, value)| !value.is_null());
            join(&mut told.map(|(name, value)| format!("{} {}", name.replace('_', " "), plain(value))), ", ")
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(fraction) if fraction.abs() >= 1000.0 => format!("{fraction:.0}"),
            Some(fraction) => format!("{fraction:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
            None => number.to_string(),
        },
        Value::Bool(is_so) => is_so.to_string(),
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
