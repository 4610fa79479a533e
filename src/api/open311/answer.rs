use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::form::Format;

/// The names of elements in XML; JSON has a list without a name.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    pub list: &'static str,
    pub item: &'static str,
}

/// Writes a list of objects.
pub fn list(format: Format, element: Element, items: Vec<Value>) -> Response {
    match format {
        Format::Json => write(format, Value::Array(items).to_string()),
        Format::Xml => {
            let mut xml = String::from(HEAD);
            open(element.list, &mut xml);
            items.iter().for_each(|item| write_element(element.item, item, &mut xml));
            close(element.list, &mut xml);
            write(format, xml)
        }
    }
}

/// Writes one object, which has a name in XML alone.
pub fn object(format: Format, name: &str, object: &Value) -> Response {
    match format {
        Format::Json => write(format, object.to_string()),
        Format::Xml => {
            let mut xml = String::from(HEAD);
            write_element(name, object, &mut xml);
            write(format, xml)
        }
    }
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

fn write(format: Format, text: String) -> Response {
    let media = match format {
        Format::Json => "application/json; charset=utf-8",
        Format::Xml => "text/xml; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media)),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::VARY, HeaderValue::from_static("Authorization")),
    ];
    (headers, text).into_response()
}

/// Writes a value as an element. The elements of a list are called by the singular of its name.
fn write_element(name: &str, value: &Value, xml: &mut String) {
    open(name, xml);
    match value {
        Value::Null => {}
        Value::Object(members) => members.iter().for_each(|(name, value)| write_element(name, value, xml)),
        Value::Array(values) => {
            let singular = name.strip_suffix('s').unwrap_or("item");
            values.iter().for_each(|value| write_element(singular, value, xml));
        }
        Value::String(text) => escape(text, xml),
        Value::Bool(_) | Value::Number(_) => xml.push_str(&value.to_string()),
    }
    close(name, xml);
}

fn open(name: &str, xml: &mut String) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
}

fn close(name: &str, xml: &mut String) {
    xml.push_str("</");
    xml.push_str(name);
    xml.push_str(">\n");
}

/// Writes a text; characters that XML 1.0 cannot hold become the sign for what is not known.
fn escape(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(character),
            control if u32::from(control) < 0x20 || matches!(control, '\u{fffe}' | '\u{ffff}') => xml.push('\u{fffd}'),
            other => xml.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_odd_texts_become_xml() {
        let mut xml = String::new();
        write_element("service", &json!({ "name": "a<b>&\u{1}", "formats": ["x", "y"], "none": null, "n": 1 }), &mut xml);
        assert_eq!(
            xml.replace('\n', ""),
            "<service><name>a&lt;b&gt;&amp;\u{fffd}</name><formats><format>x</format><format>y</format></formats><none></none><n>1</n></service>"
        );
    }
}
