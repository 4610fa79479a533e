use std::cmp::Ordering;

use serde_json::Value as Json;

use super::infer::to_value;
use super::source::Source;
use crate::filter::{Kind, Schema, Value, order_values};

/// The order of features: by properties where those are named, then by their keys, so that no two stand equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    by: Vec<By>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct By {
    slot: usize,
    kind: Kind,
    descends: bool,
}

/// Properties by which features may be ordered at once.
const BY_MAX: usize = 8;

/// A place in an order: behind or before it a page begins, whether or not a feature stands there any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    values: Vec<Json>,
    key: String,
}

impl Order {
    /// Parses names with commas between them, each with `+` or, to descend, `-` in front. A plus that nobody encoded is a space.
    ///
    /// # Errors
    /// Names what is no property, or none that has an order.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, String> {
        let one = |part: &str| {
            let (name, descends) = match part.strip_prefix('-') {
                Some(name) => (name, true),
                None => (part.strip_prefix(['+', ' ']).unwrap_or(part), false),
            };
            let sortable = |slot: &usize| is_sortable(schema.properties[*slot].kind);
            let Some(slot) = schema.find(name).filter(sortable) else {
                let known: Vec<_> = schema.properties.iter().filter(|p| is_sortable(p.kind)).map(|p| p.name.as_str()).collect();
                return Err(format!("{name:?} is no property with an order; there are {}", known.join(", ")));
            };
            Ok(By { slot, kind: schema.properties[slot].kind, descends })
        };
        let by: Vec<By> = text.split(',').map(one).collect::<Result<_, _>>()?;
        if by.len() > BY_MAX { Err(format!("names {} properties, more than {BY_MAX}", by.len())) } else { Ok(Self { by }) }
    }

    pub fn is_by_key(&self) -> bool {
        self.by.is_empty()
    }

    /// Puts features in this order.
    pub fn sort(&self, source: &dyn Source, features: &mut [usize]) {
        if self.is_by_key() {
            return;
        }
        features.sort_by(|a, b| {
            let by_values = self.by.iter().map(|by| by.order(&source.value(*a, by.slot), &source.value(*b, by.slot)));
            by_values.fold(Ordering::Equal, Ordering::then).then(a.cmp(b))
        });
    }

    /// Returns the place of a feature.
    pub fn mark(&self, source: &dyn Source, at: usize) -> Mark {
        let values = self.by.iter().map(|by| to_json(&source.value(at, by.slot))).collect();
        Mark { values, key: source.key(at).into_owned() }
    }

    /// Whether a feature stands before, at or behind a mark.
    pub fn compare(&self, source: &dyn Source, at: usize, mark: &Mark) -> Ordering {
        let by_values =
            self.by.iter().zip(&mark.values).map(|(by, value)| by.order(&source.value(at, by.slot), &to_value(Some(value), by.kind)));
        by_values.fold(Ordering::Equal, Ordering::then).then_with(|| (*source.key(at)).cmp(mark.key.as_str()))
    }

    /// Reads a mark as [`Mark::to_text`] writes it.
    ///
    /// # Errors
    /// A text that is none of this order.
    pub fn parse_mark(&self, text: &str) -> Result<Mark, String> {
        if self.is_by_key() {
            return Ok(Mark { values: Vec::new(), key: text.to_owned() });
        }
        let refused = || format!("{text:?} is no place in this order; follow the links of a page");
        let mut values: Vec<Json> = serde_json::from_str(text).map_err(|_| refused())?;
        match values.pop() {
            Some(Json::String(key)) if values.len() == self.by.len() => Ok(Mark { values, key }),
            _ => Err(refused()),
        }
    }
}

impl Mark {
    /// Writes the mark: the key alone, or an array of the values and the key.
    pub fn to_text(&self) -> String {
        if self.values.is_empty() {
            return self.key.clone();
        }
        let all = self.values.iter().cloned().chain([Json::String(self.key.clone())]);
        Json::Array(all.collect()).to_string()
    }
}

impl By {
    /// Values in their order; what is unknown stands last either way.
    fn order(&self, a: &Value<'_>, b: &Value<'_>) -> Ordering {
        match (*a == Value::Null, *b == Value::Null) {
            (false, false) if self.descends => order_values(b, a),
            (false, false) => order_values(a, b),
            (a, b) => a.cmp(&b),
        }
    }
}

/// Whether values of a kind have an order.
pub fn is_sortable(kind: Kind) -> bool {
    !matches!(kind, Kind::Geometry | Kind::Array | Kind::Interval)
}

fn to_json(value: &Value<'_>) -> Json {
    match value {
        Value::Boolean(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Number(value) => (*value).into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Date(date) => date.to_string().into(),
        Value::Instant(at) => at.to_string().into(),
        Value::Null | Value::Interval(_) | Value::Geometry(..) | Value::Array(_) => Json::Null,
    }
}
