use std::borrow::Cow;

use crate::api::caller::Caller;
use crate::api::cases::require_cases;
use crate::api::locate::{Asker, Given, Options, Question};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Values};
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::WorkerId;
use crate::snapshot::LayerSnapshot;
use crate::topology::UnitIndex;

/// Where somebody is.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlaceQuery {
    /// Longitude in degrees, or the easting in a projected system.
    #[param(value_type = Option<f64>)]
    pub lon: Option<String>,
    /// Latitude in degrees, or the northing in a projected system.
    #[param(value_type = Option<f64>)]
    pub lat: Option<String>,
    /// The reference system of `lon` and `lat`: `EPSG:n`, WKT, `GCJ02` or `BD09`; WGS 84 by default.
    pub crs: Option<String>,
    /// How far the true position may lie from the one given, metres.
    #[param(value_type = Option<f64>)]
    pub accuracy_m: Option<String>,
}

impl FromQuery for PlaceQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |name: &str| values.text(name).map(str::to_owned);
        Some(Self { lon: text("lon"), lat: text("lat"), crs: text("crs"), accuracy_m: text("accuracy_m") })
    }
}

impl PlaceQuery {
    /// Whether anything is said of a place: half of one is looked at too, and refused.
    pub fn is_given(&self) -> bool {
        [&self.lon, &self.lat, &self.crs, &self.accuracy_m].into_iter().any(Option::is_some)
    }

    /// Reads the position as a lookup does.
    ///
    /// # Errors
    /// Names every field that is missing or wrong.
    pub async fn ask(&self, state: &AppState, caller: &Caller) -> Result<(Asker, Question), Problem> {
        let mut asker = Asker::new(state, caller.clone(), Options::default()).await?;
        let given = |text: &Option<String>| text.clone().map(|text| Given::Text(Cow::Owned(text)));
        let question = asker.ask(&|name| match name {
            "lon" => given(&self.lon),
            "lat" => given(&self.lat),
            "crs" => given(&self.crs),
            "accuracy_m" => given(&self.accuracy_m),
            _ => None,
        })?;
        Ok((asker, question))
    }
}

/// Returns whose key it is.
///
/// # Errors
/// 401 without a key, 403 with one that is nobody's own.
pub fn require_worker(caller: &Caller) -> Result<WorkerId, Problem> {
    require_cases(caller)?;
    let detail = "the key is no worker's own; make one with `gridkeeper key create --worker ID`, or have the issuer name the worker";
    caller.worker().cloned().ok_or_else(|| Problem::new(ProblemKind::Forbidden, detail))
}

/// Finds a unit by its code at any level, the finest first.
pub fn find_unit(layer: &LayerSnapshot, code: &UnitCode) -> Option<(usize, UnitIndex)> {
    let levels = layer.coverage().levels();
    (0..levels.len()).rev().find_map(|depth| levels[depth].find(code).map(|unit| (depth, unit)))
}

/// Returns a unit with those above it, as depths and units, fine to coarse.
pub fn path_of(layer: &LayerSnapshot, depth: usize, unit: UnitIndex) -> Vec<(usize, UnitIndex)> {
    let levels = layer.coverage().levels();
    let mut path = vec![(depth, unit)];
    let mut below = (depth, unit);
    while let Some(parent) = levels[below.0].parent(below.1) {
        // Levels without units lie between where a layer has some.
        let Some(depth) = (0..below.0).rev().find(|depth| !levels[*depth].is_empty()) else { break };
        below = (depth, parent);
        path.push(below);
    }
    path
}

/// Returns the codes of a unit and of those above it, fine to coarse.
pub fn codes_of(layer: &LayerSnapshot, depth: usize, unit: UnitIndex) -> Vec<&UnitCode> {
    let levels = layer.coverage().levels();
    path_of(layer, depth, unit).into_iter().map(|(depth, unit)| &levels[depth].unit(unit).code).collect()
}
