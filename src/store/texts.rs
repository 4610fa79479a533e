//! How both SQL back ends write as text what SQL has no type for.

use serde_json::{Value, json};

use crate::boundary::{Accepted, Charset, CodeScheme, GenerationState, Layer, Level, Segment};
use crate::dispatch::Shift;

pub(super) fn state_text(state: GenerationState) -> &'static str {
    match state {
        GenerationState::Draft => "draft",
        GenerationState::Published => "published",
    }
}

pub(super) fn levels_text(layer: &Layer) -> String {
    Value::from_iter(layer.levels.iter().map(Level::as_str)).to_string()
}

pub(super) fn parse_levels(text: &str) -> Option<Vec<Level>> {
    let names: Vec<String> = serde_json::from_str(text).ok()?;
    names.iter().map(|name| Level::parse(name).ok()).collect()
}

pub(super) fn scheme_text(layer: &Layer) -> Option<String> {
    let scheme = layer.scheme.as_ref()?;
    let segment = |segment: &Segment| {
        let alphanumeric = segment.charset == Charset::Alphanumeric;
        json!({"level": segment.level.as_str(), "lengths": segment.lengths, "alphanumeric": alphanumeric})
    };
    Some(json!({"name": scheme.name, "segments": scheme.segments.iter().map(segment).collect::<Vec<_>>()}).to_string())
}

pub(super) fn parse_scheme(text: &str) -> Option<CodeScheme> {
    let value: Value = serde_json::from_str(text).ok()?;
    let segment = |segment: &Value| {
        let lengths = segment["lengths"].as_array()?.iter().map(|length| usize::try_from(length.as_u64()?).ok());
        Some(Segment {
            level: Level::parse(segment["level"].as_str()?).ok()?,
            lengths: lengths.collect::<Option<_>>()?,
            charset: if segment["alphanumeric"].as_bool()? { Charset::Alphanumeric } else { Charset::Digits },
        })
    };
    Some(CodeScheme {
        name: value["name"].as_str()?.to_owned(),
        segments: value["segments"].as_array()?.iter().map(segment).collect::<Option<_>>()?,
    })
}

pub(super) fn accepted_text(accepted: Accepted) -> String {
    let kinds = [("overlap", accepted.overlap), ("gap", accepted.gap), ("nesting", accepted.nesting)];
    kinds.into_iter().filter(|(_, is_accepted)| *is_accepted).map(|(kind, _)| kind).collect::<Vec<_>>().join(",")
}

pub(super) fn parse_accepted(text: &str) -> Accepted {
    let has = |kind: &str| text.split(',').any(|part| part == kind);
    Accepted { overlap: has("overlap"), gap: has("gap"), nesting: has("nesting") }
}

pub(super) fn shift_text(shift: &Shift) -> String {
    shift.to_string()
}
