use std::fmt;

use geo_types::MultiPolygon;
use jiff::Timestamp;
use uuid::Uuid;

use super::code::UnitCode;
use super::level::Level;

/// The stable id of a unit. It stays with the unit when its border or its name changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId(pub Uuid);

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a source says about a unit beside its code and name, in the order of its columns.
pub type Properties = serde_json::Map<String, serde_json::Value>;

/// The names under which a feature tells what is ours of a unit, in their order; what its source says stands behind them.
pub const OWN_PROPERTIES: [&str; 6] = ["code", "name", "level", "parent", "valid_from", "valid_to"];

/// The member of a feature that holds what its source says where one of [`OWN_PROPERTIES`] is among it, so that none is lost.
pub const SOURCE_MEMBER: &str = "source_properties";

/// A boundary without its geometry, which the topology holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    pub id: UnitId,
    pub code: UnitCode,
    /// Empty where the source names none.
    pub name: String,
    pub level: Level,
    /// The code of the unit of the next coarser level that holds this one, where there is such a level.
    pub parent: Option<UnitCode>,
    pub properties: Properties,
    pub validity: Validity,
}

/// From when until when something holds; `to` is exclusive, none is without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

impl Validity {
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

/// A unit together with its geometry, as it travels between a file, the topology and the store.
///
/// Rings are closed, longitude before latitude, degrees WGS 84. Nothing is promised about validity.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitShape {
    pub unit: Unit,
    pub geometry: MultiPolygon<f64>,
    /// Where it stood in its source, for reports.
    pub source: FeatureRef,
}

/// Where a feature stands in the source it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureRef {
    /// Counted from 1, as a person counts records.
    pub number: usize,
}
