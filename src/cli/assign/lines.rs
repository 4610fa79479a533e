//! NDJSON: one object a line. Lines are copied byte for byte; the answers are members behind those that were there.

use std::io::{BufRead, Read as _, Write};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::answerer::{Addition, Answerer, Value, free_names};
use super::{BATCH_BYTES, BATCH_ROWS, PositionFields, ROW_BYTES_MAX};

pub(super) fn assign(
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    answerer: &Answerer<'_>,
    names: &PositionFields,
    progress: &ProgressBar,
) -> anyhow::Result<u64> {
    let mut invalid_count = 0;
    loop {
        let batch = read_batch(input)?;
        if batch.is_empty() {
            return Ok(invalid_count);
        }
        let lines: Vec<(bool, Vec<u8>)> = batch.par_iter().map(|line| answer_line(answerer, names, line)).collect();
        for (is_invalid, line) in &lines {
            invalid_count += u64::from(*is_invalid);
            out.write_all(line).context("cannot write a line")?;
        }
        progress.inc(lines.len() as u64);
    }
}

fn read_batch(input: &mut dyn BufRead) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while batch.len() < BATCH_ROWS && bytes < BATCH_BYTES {
        let mut line = Vec::new();
        let limit = ROW_BYTES_MAX as u64 + 1;
        if input.take(limit).read_until(b'\n', &mut line).context("cannot read a line")? == 0 {
            break;
        }
        if line.len() > ROW_BYTES_MAX {
            bail!("a line is longer than {ROW_BYTES_MAX} bytes; is this one object a line?");
        }
        bytes += line.len();
        batch.push(line);
    }
    Ok(batch)
}

/// Returns whether the line is invalid, and the line to write. Empty lines stay as they are.
fn answer_line(answerer: &Answerer<'_>, names: &PositionFields, line: &[u8]) -> (bool, Vec<u8>) {
    let text = line.trim_ascii();
    if text.is_empty() {
        return (false, line.to_vec());
    }
    let parsed: Result<Map<String, Json>, _> = serde_json::from_slice(text);
    let (object, taken, addition) = match parsed {
        Ok(object) => {
            let addition = answer_object(answerer, names, &object);
            (text.to_vec(), object, addition)
        }
        Err(error) => {
            // What is no object cannot take members; it goes into one, so that no line is lost.
            let kept = json!({ "input": String::from_utf8_lossy(text) });
            (kept.to_string().into_bytes(), Map::new(), answerer.refuse(format!("the line is no JSON object: {error}")))
        }
    };
    (addition.error.is_some(), append(object, &taken, answerer, &addition))
}

fn answer_object(answerer: &Answerer<'_>, names: &PositionFields, object: &Map<String, Json>) -> Addition {
    let find = |names: &[String]| {
        let value = names.iter().find_map(|name| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))?.1;
        match value {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            _ => Some(String::new()),
        }
    };
    match (find(&names.lon), find(&names.lat)) {
        (Some(lon), Some(lat)) => answerer.answer(&lon, &lat),
        _ => answerer.refuse(format!("the object has no {} or no {}", names.lon[0], names.lat[0])),
    }
}

/// Puts members in front of the brace that ends an object.
fn append(mut object: Vec<u8>, taken: &Map<String, Json>, answerer: &Answerer<'_>, addition: &Addition) -> Vec<u8> {
    let brace = object.pop();
    debug_assert_eq!(brace, Some(b'}'), "an object ends with a brace");
    let is_empty = object.trim_ascii_end().ends_with(b"{");
    let names = free_names(answerer.fields(), taken.keys().map(String::as_str));
    let error = addition.error.iter().map(|error| Json::from(error.as_str()));
    for (at, (name, value)) in names.iter().zip(addition.values.iter().map(to_json).chain(error)).enumerate() {
        let comma = if at == 0 && is_empty { "" } else { "," };
        object.extend_from_slice(format!("{comma}\"{name}\":{value}").as_bytes());
    }
    object.extend_from_slice(b"}\n");
    object
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Nothing => Json::Null,
        Value::Text(text) => Json::from(text.as_str()),
        Value::Number(number) => json!(number),
        Value::Flag(flag) => Json::from(*flag),
    }
}
