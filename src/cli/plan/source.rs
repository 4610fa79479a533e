use super::super::Context;
use super::base::Base;
use super::{from_file, from_store};
use crate::boundary::GenerationId;
use crate::cli::locate::parse_generation;
use crate::import::Crs;

/// Where base units come from: a level of the store, or a boundary file without one.
#[derive(Clone, Debug, clap::Args)]
pub struct PlanSource {
    /// The level of the base units, from the store
    #[arg(long, required_unless_present = "from", conflicts_with = "from")]
    pub level: Option<String>,
    #[arg(long, default_value = "grid")]
    pub layer: String,
    /// The boundaries of this generation; those in effect where none is named
    #[arg(long, value_name = "N", value_parser = parse_generation)]
    pub generation: Option<GenerationId>,
    /// The level whose borders no district crosses, from the store
    #[arg(long, value_name = "LEVEL", conflicts_with = "from")]
    pub within: Option<String>,
    /// What is balanced: a field of the units, or `workload`, the cases of the store; several as FIELD:WEIGHT,FIELD:WEIGHT
    #[arg(long, value_name = "FIELD", conflicts_with = "load_field")]
    pub load: Option<String>,
    /// A boundary file of base units, in place of the store
    #[arg(long, value_name = "FILE")]
    pub from: Option<String>,
    /// The field of the units' codes
    #[arg(long, value_name = "FIELD")]
    pub code_field: Option<String>,
    /// The field of the load, with --from; several as FIELD:WEIGHT,FIELD:WEIGHT
    #[arg(long, value_name = "FIELD")]
    pub load_field: Option<String>,
    /// The field of the parents, whose borders no district crosses, with --from
    #[arg(long, value_name = "FIELD", requires = "from")]
    pub parent_field: Option<String>,
    /// The field of each unit's district of today; from the store the level between, where there is one
    #[arg(long, value_name = "FIELD")]
    pub current_field: Option<String>,
    /// The field of residents, to tell how many change hands
    #[arg(long, value_name = "FIELD")]
    pub residents_field: Option<String>,
    /// The reference system of the file: EPSG:n, WKT, GCJ02 or BD09
    #[arg(long, value_name = "CRS", value_parser = Crs::parse, requires = "from")]
    pub crs: Option<Crs>,
    /// The encoding of texts in a shapefile: GBK, UTF-8…
    #[arg(long, value_name = "ENCODING", value_parser = crate::import::find_encoding, requires = "from")]
    pub encoding: Option<&'static encoding_rs::Encoding>,
}

/// A field that is balanced, and how much it weighs beside others.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedLoad {
    pub field: String,
    pub weight: f64,
}

/// The name under which the cases of the store are asked for.
pub const WORKLOAD: &str = "workload";

impl PlanSource {
    pub fn read(&self, context: &Context) -> anyhow::Result<Base> {
        match &self.from {
            Some(file) => from_file::read(self, file),
            None => from_store::read(self, context),
        }
    }

    /// Returns what is balanced; by default the workload.
    pub fn loads(&self) -> anyhow::Result<Vec<WantedLoad>> {
        match self.load.as_deref().or(self.load_field.as_deref()) {
            Some(text) => parse_loads(text),
            None if self.from.is_some() => anyhow::bail!("--from needs --load-field, the field of what is to be balanced"),
            None => parse_loads(WORKLOAD),
        }
    }
}

fn parse_loads(text: &str) -> anyhow::Result<Vec<WantedLoad>> {
    let one = |part: &str| {
        let (field, weight) = match part.rsplit_once(':') {
            Some((field, weight)) => {
                (field, weight.parse().map_err(|_| anyhow::anyhow!("weight {weight:?} of load {field} is no number"))?)
            }
            None => (part, 1.0),
        };
        let is_good = weight > 0.0 && f64::is_finite(weight);
        anyhow::ensure!(is_good && !field.is_empty(), "{part:?} is no load: use FIELD or FIELD:WEIGHT with a weight above 0");
        Ok(WantedLoad { field: field.to_owned(), weight })
    };
    text.split(',').map(|part| one(part.trim())).collect()
}

/// Reads the number that a property says; none of an empty one.
///
/// # Errors
/// What is there is no number, or a negative one.
pub fn to_figure(value: Option<&serde_json::Value>) -> Result<Option<f64>, String> {
    let number = match value {
        None | Some(serde_json::Value::Null) => return Ok(None),
        Some(serde_json::Value::Number(number)) => number.as_f64(),
        Some(serde_json::Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(serde_json::Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match number.filter(|number| number.is_finite()) {
        Some(number) if number >= 0.0 => Ok(Some(number)),
        Some(number) => Err(format!("{number} is below 0")),
        None => Err(format!("{} is no number", value.map_or_else(String::new, ToString::to_string))),
    }
}

/// Makes the text of a property a name: numbers as they are written.
pub fn to_name(value: Option<&serde_json::Value>) -> Option<String> {
    match value? {
        serde_json::Value::String(text) => Some(text.trim().to_owned()),
        // A column of numbers in a shapefile may come with a fraction of nothing.
        serde_json::Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => Some(format!("{whole:.0}")),
            _ => Some(number.to_string()),
        },
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn loads_have_weights() {
        let load = |field: &str, weight| WantedLoad { field: field.into(), weight };
        assert_eq!(parse_loads("户数").unwrap(), [load("户数", 1.0)]);
        assert_eq!(parse_loads("cases:2, homes:0.5").unwrap(), [load("cases", 2.0), load("homes", 0.5)]);
        for wrong in ["", "a:x", "a:0", "a:-1", ":2", "a,,b"] {
            assert!(parse_loads(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn figures_are_numbers_from_nothing_up() {
        for (value, expected) in [(json!(3), Some(3.0)), (json!("4.5"), Some(4.5)), (json!(null), None), (json!(" "), None)] {
            assert_eq!(to_figure(Some(&value)), Ok(expected));
        }
        for wrong in [json!("many"), json!(-1), json!(true)] {
            assert!(to_figure(Some(&wrong)).is_err(), "{wrong}");
        }
        assert_eq!(to_name(Some(&json!(7.0))), Some("7".into()));
        assert_eq!(to_name(Some(&json!(" 07 "))), Some("07".into()));
    }
}
