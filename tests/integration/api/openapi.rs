use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;

use serde_json::Value;

use super::service::Service;
use crate::support::python_with;

fn definition() -> Value {
    Service::start().json("/api?f=json")
}

/// The definition is a promise. A change shows here, and is looked at before it is taken.
#[test]
fn the_definition_changes_only_on_purpose() {
    let mut definition = definition();
    definition["info"]["version"] = "[version]".into();
    insta::assert_json_snapshot!("definition", definition);
}

#[test]
fn every_operation_has_its_own_id_and_says_what_can_go_wrong() {
    let definition = definition();
    assert_eq!(definition["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, item) in definition["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
            assert!(ids.insert(id.to_owned()), "{id} is given twice");
            for status in ["400", "404", "406", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{id} does not tell of {status}");
            }
        }
    }
    let text = definition.to_string();
    assert!(!text.contains("\"$ref\":\"http"), "a reference leads outside");
    let bbox = definition["paths"]["/collections/{collectionId}/items"]["get"]["parameters"].as_array().unwrap();
    let bbox = bbox.iter().find(|parameter| parameter["name"] == "bbox").unwrap();
    assert_eq!((&bbox["style"], &bbox["explode"]), (&"form".into(), &false.into()), "{bbox}");
    assert!(bbox["schema"].to_string().contains("array"), "{bbox}");
}

/// Two types of one name would be one schema, that of whichever is met last.
#[test]
fn every_schema_has_a_name_of_its_own() {
    fn read(folder: &std::path::Path, named: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                read(&entry, named);
                continue;
            }
            let source = std::fs::read_to_string(&entry).unwrap();
            for derived in source.split("#[derive(").skip(1).filter(|rest| rest.split(')').next().unwrap().contains("ToSchema")) {
                let is_type = |line: &&str| line.contains("struct ") || line.contains("enum ");
                let line = derived.lines().find(is_type).unwrap();
                let own = line.split(' ').skip_while(|word| !matches!(*word, "struct" | "enum")).nth(1).unwrap();
                let head = derived.split(line).next().unwrap();
                let renamed = head.split("schema(as = ").nth(1).map(|rest| rest.split(')').next().unwrap());
                named.push(renamed.unwrap_or(own).split(['<', '(', ';']).next().unwrap().to_owned());
            }
        }
    }
    let mut named = Vec::new();
    read(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut named);
    assert!(named.len() > 50, "{named:?}");
    named.sort();
    let twice: Vec<_> = named.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    assert_eq!(twice, Vec::<String>::new());
}

#[test]
fn a_foreign_validator_accepts_the_definition() {
    let Some(python) = python_with("openapi_spec_validator") else { return };
    let service = Service::start();
    for (form, version) in [("json", "3.1.0"), ("openapi30", "3.0.3")] {
        let definition = service.json(&format!("/api?f={form}"));
        assert_eq!(definition["openapi"], version);
        let mut file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        file.write_all(definition.to_string().as_bytes()).unwrap();
        let output = Command::new(&python).args(["-m", "openapi_spec_validator"]).arg(file.path()).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{version}: {told}");
    }
}

#[test]
fn the_version_of_the_definition_is_negotiated() {
    let service = Service::start();
    let media = |accept: &str| {
        let response = service.get("/api").header("accept", accept).send().unwrap();
        response.headers()["content-type"].to_str().unwrap().to_owned()
    };
    assert_eq!(media("*/*"), "application/vnd.oai.openapi+json;version=3.1");
    assert_eq!(
        media("application/vnd.oai.openapi+json; version=3.0, application/json;q=0.5"),
        "application/vnd.oai.openapi+json;version=3.0"
    );
    assert_eq!(media("application/vnd.oai.openapi+json;version=3.1"), "application/vnd.oai.openapi+json;version=3.1");
}
