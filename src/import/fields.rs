//! Which field holds the code, the name, the parent; and codes as offices write them made into codes.

use std::path::Path;

use serde_json::Value;

use super::error::ImportError;

/// The fields a person names. What is not named is looked for among the usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldChoice {
    pub code: Option<String>,
    pub name: Option<String>,
    pub parent: Option<String>,
}

/// The fields in use; none where nothing fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundFields {
    pub code: Option<String>,
    pub name: Option<String>,
    pub parent: Option<String>,
}

/// The first that a file has is taken, whatever its case.
const CODE_NAMES: &[&str] = &[
    "code",
    "unit_code",
    "unitcode",
    "grid_code",
    "gridcode",
    "adcode",
    "admincode",
    "admin_code",
    "编码",
    "代码",
    "网格编码",
    "网格代码",
    "单元网格编码",
    "网格编号",
    "社区编码",
    "社区代码",
    "街道编码",
    "街道代码",
    "区划编码",
    "区划代码",
    "行政区划代码",
    "行政区代码",
    "编号",
];
const NAME_NAMES: &[&str] = &[
    "name",
    "unit_name",
    "grid_name",
    "gridname",
    "名称",
    "网格名称",
    "单元网格名称",
    "社区名称",
    "街道名称",
    "区划名称",
    "行政区名称",
    "名字",
];
const PARENT_NAMES: &[&str] = &[
    "parent",
    "parent_code",
    "parentcode",
    "parent_adcode",
    "上级编码",
    "上级代码",
    "父级编码",
    "所属编码",
    "所属社区编码",
    "所属社区代码",
    "所属街道编码",
    "所属街道代码",
    "所属区划代码",
];

pub(super) fn find_fields(path: &Path, choice: &FieldChoice, present: &[String]) -> Result<FoundFields, ImportError> {
    let find = |named: &Option<String>, usual: &[&str]| match named {
        Some(field) => find_named(present, field).map(Some).ok_or_else(|| ImportError::NoField {
            path: path.to_owned(),
            field: field.clone(),
            present: list(present),
        }),
        None => Ok(find_usual(present, usual)),
    };
    Ok(FoundFields {
        code: find(&choice.code, CODE_NAMES)?,
        name: find(&choice.name, NAME_NAMES)?,
        parent: find(&choice.parent, PARENT_NAMES)?,
    })
}

pub(super) fn list(fields: &[String]) -> String {
    if fields.is_empty() { "none".into() } else { fields.join(", ") }
}

/// What a cell says as a code or a name.
pub(super) struct CellText {
    pub text: String,
    /// It was written as `4.31102E+14`, so that digits may be lost.
    pub is_rounded: bool,
}

/// Makes a cell a code: trimmed, full-width characters as plain ones, numbers that a spreadsheet turned into
/// floats as whole numbers again.
pub(super) fn read_code(value: &Value) -> CellText {
    let plain = |text: String| CellText { text, is_rounded: false };
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => plain(String::new()),
        Value::Bool(flag) => plain(flag.to_string()),
        Value::Number(number) => plain(match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => whole(float).unwrap_or_else(|| number.to_string()),
            _ => number.to_string(),
        }),
        Value::String(text) => {
            let text = to_half_width(text.trim());
            if let Some(digits) = text.trim_end_matches('0').strip_suffix('.').filter(|digits| is_digits(digits)) {
                return plain(digits.to_owned());
            }
            match text.contains(['e', 'E', '.']).then(|| expand(&text)).flatten() {
                Some(text) => CellText { text, is_rounded: true },
                None => plain(text),
            }
        }
    }
}

/// Makes a cell a name: trimmed, numbers as they stand.
pub(super) fn read_name(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn find_named(present: &[String], field: &str) -> Option<String> {
    let same = |candidate: &&String| candidate.as_str() == field;
    let alike = |candidate: &&String| to_half_width(candidate).to_lowercase() == to_half_width(field).to_lowercase();
    present.iter().find(same).or_else(|| present.iter().find(alike)).or_else(|| present.iter().find(|p| is_cut_from(p, field))).cloned()
}

fn find_usual(present: &[String], usual: &[&str]) -> Option<String> {
    usual
        .iter()
        .find_map(|name| present.iter().find(|field| to_half_width(field.trim()).to_lowercase() == *name))
        .or_else(|| usual.iter().find_map(|name| present.iter().find(|field| is_cut_from(field, name))))
        .cloned()
}

/// Field names of a DBF hold ten bytes: three Chinese characters in UTF-8, five in GBK.
fn is_cut_from(field: &str, name: &str) -> bool {
    let length = field.chars().count();
    !field.is_ascii() && (length == 3 || length == 5) && field != name && name.starts_with(field)
}

fn to_half_width(text: &str) -> String {
    const FULL_WIDTH_OFFSET: u32 = 0xfee0;
    text.chars()
        .map(|c| match c {
            '！'..='～' => char::from_u32(u32::from(c) - FULL_WIDTH_OFFSET).unwrap_or(c),
            '\u{3000}' => ' ',
            _ => c,
        })
        .collect::<String>()
        .trim()
        .to_owned()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Writes out `4.31102E+14`.
fn expand(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let is_number = |part: &str| is_digits(part.strip_prefix('+').unwrap_or(part));
    let (front, back) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // A code such as 12E4 stands for itself; a spreadsheet writes a sign after the E.
    if !exponent.starts_with('+') || !is_number(exponent) || !is_digits(front) || !(back.is_empty() || is_digits(back)) {
        return None;
    }
    whole(text.parse().ok()?)
}

/// Returns the digits of a float that is a whole number which floats can hold.
fn whole(float: f64) -> Option<String> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    (float.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&float)).then(|| format!("{float:.0}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(present: &[&str], choice: &FieldChoice) -> Result<FoundFields, ImportError> {
        find_fields(Path::new("a.shp"), choice, &present.iter().map(|&f| f.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_usual_fields_are_found_by_themselves() {
        let code = |present: &[&str]| find(present, &FieldChoice::default()).unwrap().code;
        assert_eq!(code(&["OBJECTID", "CODE", "name"]).as_deref(), Some("CODE"));
        assert_eq!(code(&["名称", "网格编码"]).as_deref(), Some("网格编码"));
        assert_eq!(code(&["adcode", "name", "parent"]).as_deref(), Some("adcode"));
        assert_eq!(code(&["单元网格编"]).as_deref(), Some("单元网格编"), "cut at ten bytes of GBK");
        assert_eq!(code(&["OBJECTID", "Shape_Area"]), None);
    }

    #[test]
    fn a_field_that_is_named_must_be_there() {
        let choice = FieldChoice { code: Some("单元网格编码".into()), ..FieldChoice::default() };
        assert_eq!(find(&["单元网"], &choice).unwrap().code.as_deref(), Some("单元网"));
        let error = find(&["a", "b"], &choice).unwrap_err().to_string();
        assert!(error.contains("its fields are: a, b"), "{error}");
    }

    #[test]
    fn codes_come_back_from_what_spreadsheets_make_of_them() {
        for (cell, expected, is_rounded) in [
            (json!("431102004001001"), "431102004001001", false),
            (json!(431_102_004_001_001_i64), "431102004001001", false),
            (json!(431_102_004_001_001.0), "431102004001001", false),
            (json!("431102.0"), "431102", false),
            (json!("431102.00"), "431102", false),
            (json!("4.31102E+14"), "431102000000000", true),
            (json!("12E4"), "12E4", false),
            (json!("　４３１１０２－００１ "), "431102-001", false),
            (json!("1.5"), "1.5", false),
            (json!("0012"), "0012", false),
            (json!(null), "", false),
        ] {
            let read = read_code(&cell);
            assert_eq!((read.text.as_str(), read.is_rounded), (expected, is_rounded), "{cell}");
        }
    }
}
