use serde_json::{Map, Value};

use super::features::{write_collections, write_feature, write_features};

/// Nesting deeper than this is shown as text; our own documents have at most ten levels beside geometry.
const DEPTH_MAX: usize = 16;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:80rem;padding:0 1rem;color:#1a1f24}\
    nav{margin:.3rem 0 1rem}a{color:#0b5cad}dt{font-weight:600}dd{margin:0 0 .4rem 1.5rem}.wide{overflow-x:auto}\
    table{border-collapse:collapse}td,th{border:1px solid #ccd3da;padding:.2rem .5rem;text-align:left;vertical-align:top}\
    th{background:#f2f5f8}ul{padding-left:1.2rem}svg{max-width:100%;height:auto;border:1px solid #ccd3da;background:#f8fafb}\
    path{fill:#0b5cad22;stroke:#0b5cad;vector-effect:non-scaling-stroke}circle{fill:#0b5cad}form{margin:.6rem 0}\
    label{margin-right:1rem}input{font:inherit}.small{color:#5a646e;font-size:.9em}\
    @media print{nav,form{display:none}svg,tr{break-inside:avoid}body{margin:0;max-width:none}}";

/// Writes a page that shows a resource. Its address, for the way back up, is that of its link to itself.
pub fn page(title: &str, value: &Value) -> String {
    let mut html = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>");
    escape(title, &mut html);
    html.push_str("</title><style>");
    html.push_str(STYLE);
    html.push_str("</style></head><body>");
    write_way(value, &mut html);
    html.push_str("<h1>");
    escape(title, &mut html);
    html.push_str("</h1>");
    match (value["type"].as_str(), &value["collections"]) {
        (Some("FeatureCollection"), _) => write_features(value, &mut html),
        (Some("Feature"), _) => write_feature(value, &mut html),
        (_, Value::Array(collections)) => write_collections(collections, value, &mut html),
        _ => write_value(value, 0, &mut html),
    }
    html.push_str("</body></html>\n");
    html
}

/// Returns the address of a link of a document, in the form for people where it has one.
pub(super) fn link<'v>(value: &'v Value, rel: &str) -> Option<&'v str> {
    let links = value["links"].as_array()?;
    let of_rel = || links.iter().filter(|link| link["rel"] == rel);
    let found = of_rel().find(|link| link["type"] == "text/html").or_else(|| of_rel().next());
    found?["href"].as_str()
}

/// Asks for a page in the form for people.
pub(super) fn as_html(href: &str) -> String {
    let (path, query) = href.split_once('?').unwrap_or((href, ""));
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("f="));
    let query: Vec<&str> = kept.chain(["f=html"]).collect();
    format!("{path}?{}", query.join("&"))
}

/// The first parts of the paths of resources that have pages.
const ROOTS: [&str; 4] = ["/collections", "/conformance", "/tiles", "/tileMatrixSets"];

/// Splits the address of a resource, without its query, into that of the service and the path.
pub(super) fn split_address(own: &str) -> (&str, &str) {
    let address = own.split('?').next().unwrap_or_default();
    let start = address.find("://").map_or(0, |at| at + 3);
    // The service may itself lie below a path of its host.
    let at = ROOTS.iter().filter_map(|root| address[start..].find(root)).min();
    let (base, path) = address.split_at(at.map_or(address.len(), |at| start + at));
    (base.trim_end_matches('/'), path)
}

/// Writes the way from the first page to this one.
fn write_way(value: &Value, html: &mut String) {
    let Some(own) = link(value, "self") else { return };
    let (base, path) = split_address(own);
    html.push_str("<nav>");
    write_anchor(&format!("{base}/?f=html"), "gridkeeper", html);
    let mut address = base.to_owned();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        address = format!("{address}/{segment}");
        html.push_str(" / ");
        write_anchor(&format!("{address}?f=html"), segment, html);
    }
    html.push_str(" · ");
    write_anchor(own, "JSON", html);
    html.push_str("</nav>");
}

/// Writes names and values of any document.
pub(super) fn write_value(value: &Value, depth: usize, html: &mut String) {
    match value {
        Value::Object(members) if depth < DEPTH_MAX => {
            if let (Some(Value::String(href)), Some(Value::String(rel))) = (members.get("href"), members.get("rel")) {
                return write_link(href, rel, members, html);
            }
            html.push_str("<dl>");
            for (name, member) in members {
                html.push_str("<dt>");
                escape(name, html);
                html.push_str("</dt><dd>");
                // Thousands of coordinates help nobody on a page; the JSON has them.
                if name == "coordinates" {
                    html.push('…');
                } else {
                    write_value(member, depth + 1, html);
                }
                html.push_str("</dd>");
            }
            html.push_str("</dl>");
        }
        Value::Array(items) if depth < DEPTH_MAX => {
            html.push_str("<ul>");
            for item in items {
                html.push_str("<li>");
                write_value(item, depth + 1, html);
                html.push_str("</li>");
            }
            html.push_str("</ul>");
        }
        Value::String(text) => escape(text, html),
        other => escape(&other.to_string(), html),
    }
}

fn write_link(href: &str, rel: &str, members: &Map<String, Value>, html: &mut String) {
    let title = members.get("title").and_then(Value::as_str).unwrap_or(rel);
    write_anchor(href, title, html);
    html.push_str(" <span class=\"small\">(");
    escape(rel, html);
    if let Some(media) = members.get("type").and_then(Value::as_str) {
        html.push_str(", ");
        escape(media, html);
    }
    html.push_str(")</span>");
}

pub(super) fn write_anchor(href: &str, text: &str, html: &mut String) {
    html.push_str("<a href=\"");
    escape(href, html);
    html.push_str("\">");
    escape(text, html);
    html.push_str("</a>");
}

/// Returns a text as it stands in markup, in quotes too.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    escape(text, &mut html);
    html
}

pub(super) fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_from_the_data_becomes_markup() {
        let evil = "<script>alert('x')</script>";
        let links = json!([{ "href": "http://h/a?f=json&x=\" onclick=\"", "rel": "self", "type": "application/json" }]);
        let feature = json!({ "type": "Feature", "id": evil, "properties": { evil: evil }, "geometry": null, "links": links });
        for value in [
            json!({ "name": evil, "links": links }),
            feature.clone(),
            json!({ "type": "FeatureCollection", "features": [feature], "links": links }),
            json!({ "collections": [{ "id": evil, "title": evil, "description": evil, "links": links }], "links": links }),
        ] {
            let html = page("a<b", &value);
            assert!(!html.contains("<script>alert") && !html.contains("\" onclick"), "{html}");
            assert!(html.contains("a&lt;b"));
        }
    }

    #[test]
    fn a_page_of_features_tells_what_they_come_to_in_words() {
        let value = json!({
            "type": "FeatureCollection", "figures": { "totals": { "residents": 12.34567, "cases": null } },
            "features": [{
                "type": "Feature", "id": "7", "geometry": null,
                "properties": { "workers": ["W1", "W2"], "area_m2": 1_982_086_148.056, "from": { "code": "431102", "name": "零陵区" } },
            }],
        });
        let html = page("What changes", &value);
        for part in
            ["1 features", "<th>totals: residents</th><td>12.3457</td>", "<td>W1, W2</td>", "<td>1982086148</td>", "<td>431102 零陵区</td>"]
        {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert!(!html.contains("null"), "{html}");
    }

    #[test]
    fn a_page_of_features_leads_on_and_back_in_the_form_for_people() {
        let value = json!({
            "type": "FeatureCollection", "numberMatched": 7, "numberReturned": 1,
            "links": [
                { "href": "http://h/collections/grid/items?f=json", "rel": "self", "type": "application/geo+json" },
                { "href": "http://h/collections/grid/items?after=x&f=json", "rel": "next", "type": "application/geo+json" },
            ],
            "features": [{
                "type": "Feature", "id": "7", "properties": { "code": "431102", "count": 7 },
                "geometry": { "type": "Polygon", "coordinates": [[[111, 26], [112, 26], [112, 27], [111, 26]]] },
                "links": [{ "href": "http://h/collections/grid/items/7?f=html", "rel": "alternate", "type": "text/html" }],
            }],
        });
        let html = page("Features", &value);
        for part in [
            "<a href=\"http://h/collections?f=html\">collections</a>",
            "<a href=\"http://h/collections/grid/items?after=x&amp;f=html\">next</a>",
            "<th>code</th>",
            "<td>431102</td>",
            "<a href=\"http://h/collections/grid/items/7?f=html\">",
            "<path d=\"M",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
    }
}
