use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::boundary::{Level, Unit, UnitCode};
use crate::dispatch::{LoadRow, RuleTable};
use crate::plan::BaseError;
use crate::store::{Store, StoreError};

/// Figures of the units of a level: fields of their own, and those that were imported.
#[derive(Debug)]
pub struct Figures<'a> {
    level: &'a Level,
    units: &'a [Arc<Unit>],
    imported: Vec<LoadRow>,
    /// A figure that is known better than its field says.
    own: Option<(String, Vec<f64>)>,
    now: Timestamp,
}

/// Why units cannot be weighed.
#[derive(Debug, thiserror::Error)]
pub enum WeighError {
    #[error("cannot read cases or figures")]
    Store(#[from] StoreError),
    #[error("no unit of level {level} has a number in the field {field}")]
    EmptyField { level: Level, field: String },
    #[error("no unit of level {level} has a field {field}, and no figure of that name was loaded for them; load it with `load import`")]
    UnknownField { level: Level, field: String },
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error("unit {unit}: {field}: {detail}")]
    NoNumber { unit: UnitCode, field: String, detail: String },
    #[error("no unit of level {level} has a value in the field {field}")]
    NoValue { level: Level, field: String },
    #[error(
        "the store has no case in these units, so there is no workload; load cases with `incidents import`, name a field as the load, or \
         weigh something else in [workload] of the settings"
    )]
    NoWork,
}

impl WeighError {
    /// Says what is wrong with a field of units where nothing but such fields is asked for.
    pub fn to_field_detail(&self) -> String {
        match self {
            Self::UnknownField { level, .. } => format!("no unit of level {level} has it"),
            Self::EmptyField { level, .. } => format!("no unit of level {level} has a number in it"),
            Self::NoNumber { unit, detail, .. } => format!("unit {unit}: {detail}"),
            other => other.to_string(),
        }
    }
}

impl<'a> Figures<'a> {
    /// Knows the fields of units alone.
    pub fn of_fields(level: &'a Level, units: &'a [Arc<Unit>], now: Timestamp) -> Self {
        Self { level, units, imported: Vec::new(), own: None, now }
    }

    /// Knows what was imported too.
    ///
    /// # Errors
    /// Those of the store.
    pub fn load(store: &dyn Store, level: &'a Level, units: &'a [Arc<Unit>], now: Timestamp) -> Result<Self, StoreError> {
        let begun = store.load_rules()?.into_iter().filter(|set| set.effective_from <= now);
        let of_loads = begun.filter_map(|set| if let RuleTable::Loads(rows) = set.table { Some((set.number, rows)) } else { None });
        let imported = of_loads.max_by_key(|(number, _)| *number).map(|(_, rows)| rows).unwrap_or_default();
        Ok(Self { imported, ..Self::of_fields(level, units, now) })
    }

    /// Takes these values, one for each unit of the level, for a field's.
    #[must_use]
    pub fn with_own(self, own: Option<(String, Vec<f64>)>) -> Self {
        Self { own, ..self }
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn has_field(&self, field: &str) -> bool {
        self.own.as_ref().is_some_and(|(name, _)| name == field) || self.units.iter().any(|unit| unit.properties.contains_key(field))
    }

    /// Returns a figure of each unit, 0 where it has none: of a field of the units, or where none has it of what was imported.
    ///
    /// # Errors
    /// No unit has it, or a field is no number.
    pub fn of(&self, name: &str) -> Result<Vec<f64>, WeighError> {
        if let Some((_, values)) = self.own.as_ref().filter(|(own, _)| own == name) {
            return Ok(values.clone());
        }
        let (units, level) = (self.units, || self.level.clone());
        if self.has_field(name) {
            let figure = |unit: &Arc<Unit>| {
                let no_number = |detail| WeighError::NoNumber { unit: unit.code.clone(), field: name.to_owned(), detail };
                to_figure(unit.properties.get(name)).map_err(no_number)
            };
            let figures: Vec<Option<f64>> = units.iter().map(figure).collect::<Result<_, _>>()?;
            if figures.iter().all(Option::is_none) {
                return Err(WeighError::EmptyField { level: level(), field: name.to_owned() });
            }
            return Ok(figures.into_iter().map(Option::unwrap_or_default).collect());
        }
        let rows = self.imported.iter().filter(|row| row.name == name && row.dates.contains(self.now));
        let by_unit: FxHashMap<&str, f64> = rows.map(|row| (row.unit.as_str(), row.value)).collect();
        let figures: Vec<Option<f64>> = units.iter().map(|unit| by_unit.get(unit.code.as_str()).copied()).collect();
        if figures.iter().all(Option::is_none) {
            return Err(WeighError::UnknownField { level: level(), field: name.to_owned() });
        }
        Ok(figures.into_iter().map(Option::unwrap_or_default).collect())
    }
}

/// Reads the number that a property says; none of an empty one.
///
/// # Errors
/// What is there is no number, or a negative one.
pub fn to_figure(value: Option<&Value>) -> Result<Option<f64>, String> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match number.filter(|number| number.is_finite()) {
        Some(number) if number >= 0.0 => Ok(Some(number)),
        Some(number) => Err(format!("{number} is below 0")),
        None => Err(format!("{} is no number", value.map_or_else(String::new, ToString::to_string))),
    }
}

/// Makes the text of a property a name: numbers as they are written.
pub fn to_name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()),
        // A column of numbers in a shapefile may come with a fraction of nothing.
        Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => Some(format!("{whole:.0}")),
            _ => Some(number.to_string()),
        },
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
