use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{self, Element};
use super::fault::Fault;
use super::form::Format;
use crate::dispatch::Category;
use crate::snapshot::Snapshot;

/// The attribute by which a caller says which filing condition is meant.
pub const CONDITION: &str = "condition";

/// Lists the categories that may be reported; private ones are not there.
pub fn list(snapshot: &Snapshot, format: Format, at: Timestamp) -> Response {
    let services = snapshot.rules(at).categories(false).filter_map(|category| service(category, at)).collect();
    answer::list(format, Element { list: "services", item: "service" }, services)
}

/// Tells what is asked of who reports a service.
///
/// # Errors
/// 404 for a category that is not there, or private.
pub fn show(snapshot: &Snapshot, code: &str, format: Format, at: Timestamp) -> Result<Response, Fault> {
    let unknown = |_| Fault::new(404, format, &format!("service_code {code} was not found"));
    let rules = snapshot.rules(at);
    let asked = rules.find(code, false).map_err(unknown)?;
    let conditions = conditions(asked.category, at);
    let attributes: Vec<Value> = if conditions.len() < 2 {
        Vec::new()
    } else {
        let values: Vec<Value> = conditions.iter().map(|(key, name)| json!({ "key": key, "name": name })).collect();
        let description = "立案条件 / what exactly was seen";
        vec![json!({
            "variable": true, "code": CONDITION, "datatype": "singlevaluelist", "required": false, "datatype_description": "",
            "order": 1, "description": description, "values": values,
        })]
    };
    let definition = json!({ "service_code": asked.category.code.as_str(), "attributes": attributes });
    Ok(answer::object(format, "service_definition", &definition))
}

fn service(category: &Category, at: Timestamp) -> Option<Value> {
    let first = category.rows_at(at).next()?;
    Some(json!({
        "service_code": category.code.as_str(),
        "service_name": first.name,
        "description": first.filing,
        "metadata": conditions(category, at).len() > 1,
        "type": "realtime",
        "keywords": "",
        "group": first.major_name,
    }))
}

/// The filing conditions of a category, each once: it has a row for each zone.
fn conditions(category: &Category, at: Timestamp) -> Vec<(&str, &str)> {
    let mut conditions: Vec<(&str, &str)> = Vec::new();
    for row in category.rows_at(at) {
        if !conditions.iter().any(|(known, _)| *known == row.condition) {
            conditions.push((&row.condition, &row.filing));
        }
    }
    conditions
}
