use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use geo_types::Coord;
use jiff::Timestamp;

use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::observe::count_lookup;
use crate::api::problem::{ParameterError, Problem, ProblemKind};
use crate::api::query::{FromQuery, Values, finite};
use crate::api::state::AppState;
use crate::api::wire::LocateAnswer;
use crate::boundary::{LayerName, Level, Position, PositionError};
use crate::import::{Crs, CrsError};
use crate::snapshot::{Query, QueryError, Snapshot};

/// The options of a lookup. For a body of many records they hold for each record that does not say otherwise.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// The reference system of `lon` and `lat`: `EPSG:n`, WKT, `GCJ02` or `BD09`; WGS 84 by default. In a projected
    /// system `lon` is the easting and `lat` the northing.
    #[param(example = "GCJ02")]
    pub crs: Option<String>,
    /// The layer; `grid` by default, or the only one there is.
    #[param(example = "grid")]
    pub layer: Option<String>,
    /// The level; the finest that is loaded by default.
    #[param(example = "community")]
    pub level: Option<String>,
    /// The time for which to answer, RFC 3339; now by default. It must lie in the time of the loaded generation.
    #[param(format = DateTime)]
    pub at: Option<String>,
    /// How far the true position may lie from the one given, metres.
    #[param(value_type = Option<f64>, minimum = 0, maximum = 50_000)]
    pub accuracy_m: Option<String>,
    /// The category of what is reported. Until categories are loaded any is taken, and `departments` and `due_at` are null.
    pub category: Option<String>,
    /// Only these members of the answer, separated by commas; for CSV only these columns beside `error`.
    #[param(example = "status,grid,responsible")]
    pub fields: Option<String>,
}

impl FromQuery for Options {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |name: &str| values.text(name).map(str::to_owned);
        Some(Self {
            crs: text("crs"),
            layer: text("layer"),
            level: text("level"),
            at: text("at"),
            accuracy_m: text("accuracy_m"),
            category: text("category"),
            fields: text("fields"),
        })
    }
}

impl Options {
    fn text(&self, name: &str) -> Option<&str> {
        match name {
            "crs" => self.crs.as_deref(),
            "layer" => self.layer.as_deref(),
            "level" => self.level.as_deref(),
            "at" => self.at.as_deref(),
            "accuracy_m" => self.accuracy_m.as_deref(),
            "category" => self.category.as_deref(),
            _ => None,
        }
    }
}

/// One value that a record gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Given<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    /// A value of another kind, which is none of a lookup's.
    Other,
}

/// Worse than any way to find a position: a cell of a mobile network reaches 35 km. It bounds the search for alternatives.
pub const ACCURACY_M_MAX: f64 = 50_000.0;

/// The layer that is meant where none is named.
const LAYER_DEFAULT: &str = "grid";

/// WGS 84 in degrees, as `crs` names it.
const WGS84: &str = "EPSG:4326";

/// Gives the fields of one record by their names.
pub type Fields<'r> = dyn Fn(&str) -> Option<Given<'r>> + 'r;

/// Answers the lookups of one request: one caller, one snapshot, one moment.
#[derive(Debug)]
pub struct Asker {
    snapshot: Arc<Snapshot>,
    caller: Caller,
    options: Options,
    now: Timestamp,
    layer_default: LayerName,
    /// The reference system read last. Records of one body mostly share theirs, and reading one takes far longer than comparing.
    crs_last: (String, Crs),
}

impl Asker {
    /// Gets ready to answer a caller from the current snapshot.
    ///
    /// # Errors
    /// 503 before the first snapshot; 400 where an option is wrong whatever the position.
    pub fn new(state: &AppState, caller: Caller, options: Options) -> Result<Self, Problem> {
        let snapshot = state.snapshot()?;
        let layer_default = default_layer(&snapshot);
        let crs_last = (WGS84.to_owned(), Crs::WGS84);
        let mut asker = Self { snapshot, caller, options, now: Timestamp::now(), layer_default, crs_last };
        let mut faults = Faults::default();
        let (query, _, at_is_given) = asker.read_options(&|_| None, &mut faults);
        faults.into_result()?;
        asker.check(&query, at_is_given)?;
        Ok(asker)
    }

    /// Reads one question.
    ///
    /// # Errors
    /// Names every field that is missing or wrong; refuses what the caller may not see.
    pub fn ask(&mut self, fields: &Fields<'_>) -> Result<Query, Problem> {
        let mut faults = Faults::default();
        let (lon, lat) = (read_number(fields, "lon", &mut faults), read_number(fields, "lat", &mut faults));
        let (mut query, crs, at_is_given) = self.read_options(fields, &mut faults);
        if let (Some(lon), Some(lat), Some(crs)) = (lon, lat, crs)
            && let Some(position) = to_position(lon, lat, &crs, &mut faults)
        {
            query.position = position;
        }
        faults.into_result()?;
        self.check(&query, at_is_given)?;
        Ok(query)
    }

    /// Answers a question with what the caller may see.
    ///
    /// # Errors
    /// None after [`Asker::ask`], which has checked layer and level.
    pub fn answer(&self, query: &Query, base: &BaseUrl) -> Result<LocateAnswer, Problem> {
        let answer = self.snapshot.answer(query).map_err(|e| Problem::internal(&e))?;
        count_lookup(answer.status().as_str());
        let shows_workers = self.caller.sees_personal_data_of(answer.path().map(|unit| &unit.code));
        Ok(LocateAnswer::new(&answer, base.as_str(), shows_workers))
    }

    /// Reads all but the position, which is left at 0, 0. Says also in which system positions are and whether a time is given.
    fn read_options(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> (Query, Option<Crs>, bool) {
        let crs = self.option(fields, "crs", faults).unwrap_or_else(|| WGS84.to_owned());
        let crs = faults.keep("crs", self.read_crs(&crs));
        let layer = self.option(fields, "layer", faults).map(|name| LayerName::parse(&name));
        let level = self.option(fields, "level", faults).map(|name| Level::parse(&name));
        let at = self.option(fields, "at", faults).map(|text| parse_time(&text));
        let accuracy_m = self.option(fields, "accuracy_m", faults).map(|text| parse_accuracy(&text));
        let at_is_given = at.is_some();
        let query = Query {
            position: Position { lon: 0.0, lat: 0.0 },
            layer: layer.and_then(|layer| faults.keep("layer", layer)).unwrap_or_else(|| self.layer_default.clone()),
            level: level.and_then(|level| faults.keep("level", level)),
            at: at.and_then(|at| faults.keep("at", at)).unwrap_or(self.now),
            accuracy_m: accuracy_m.and_then(|accuracy_m| faults.keep("accuracy_m", accuracy_m)),
            category: self.option(fields, "category", faults),
        };
        (query, crs, at_is_given)
    }

    /// Returns a field as text: the record's own where it gives one, else the option of the request.
    fn option(&self, fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<String> {
        match fields(name) {
            Some(Given::Text(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Some(Given::Number(number)) => Some(number.to_string()),
            Some(Given::Other) => {
                faults.add(name, "is neither a text nor a number".into());
                None
            }
            Some(Given::Text(_)) | None => self.options.text(name).map(str::to_owned),
        }
    }

    fn read_crs(&mut self, text: &str) -> Result<Crs, CrsError> {
        if self.crs_last.0 != text {
            self.crs_last = (text.to_owned(), Crs::parse(text)?);
        }
        Ok(self.crs_last.1.clone())
    }

    /// Checks that the caller may see the layer, and that it has the level at that time.
    fn check(&self, query: &Query, at_is_given: bool) -> Result<(), Problem> {
        let (layer, _) = self.snapshot.find_level(query).map_err(|error| match error {
            // Which layers there are is nobody's secret; what lies in them may be.
            QueryError::UnknownLayer { .. } => Problem::parameter("layer", error.to_string()),
            QueryError::UnknownLevel { .. } => Problem::parameter("level", error.to_string()),
            QueryError::Empty { .. } => Problem::new(ProblemKind::NotReady, error.to_string()),
        })?;
        if !layer.is_public() {
            self.caller.require_insider(&format!("the layer {}", query.layer))?;
        }
        let from = layer.generation().effective_from;
        let outside = |detail| Err(Problem::new(ProblemKind::AtNotCovered, detail).with_parameter("at"));
        if at_is_given && query.at < from {
            return outside(format!("the loaded boundaries hold from {from}, and {} is before that", query.at));
        }
        match layer.superseded_at().filter(|end| at_is_given && query.at >= *end) {
            Some(end) => outside(format!("the loaded boundaries hold until {end}, and {} is not before that", query.at)),
            None => Ok(()),
        }
    }
}

/// What is wrong with a question, field by field.
#[derive(Debug, Default)]
struct Faults(Vec<ParameterError>);

impl Faults {
    fn add(&mut self, parameter: &str, detail: String) {
        self.0.push(ParameterError { parameter: parameter.to_owned(), detail });
    }

    fn keep<T, E: Display>(&mut self, parameter: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|e| self.add(parameter, e.to_string())).ok()
    }

    fn into_result(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::parameters(self.0)) }
    }
}

fn read_number(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<f64> {
    match fields(name) {
        Some(Given::Number(number)) => Some(number),
        Some(Given::Text(text)) => faults.keep(name, finite(text.trim())),
        Some(Given::Other) => faults.keep(name, Err("is not a number")),
        None => faults.keep(name, Err("is missing")),
    }
}

fn to_position(lon: f64, lat: f64, crs: &Crs, faults: &mut Faults) -> Option<Position> {
    if crs.is_lon_lat() {
        return Position::new(lon, lat)
            .map_err(|error| match error {
                PositionError::Longitude(_) => faults.add("lon", error.to_string()),
                PositionError::Latitude(_) => faults.add("lat", error.to_string()),
            })
            .ok();
    }
    let coord = faults.keep("lon", crs.to_wgs84(Coord { x: lon, y: lat }))?;
    faults.keep("lon", Position::new(coord.x, coord.y))
}

/// Parses RFC 3339. A `+` that nobody encoded arrives as a space; it is taken for what was meant.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse().or_else(|e| text.replace(' ', "+").parse().map_err(|_: jiff::Error| e));
    parsed.map_err(|e| format!("{text:?} is not an RFC 3339 time with its offset: {e}"))
}

fn parse_accuracy(text: &str) -> Result<f64, String> {
    match finite(text)? {
        accuracy_m if (0.0..=ACCURACY_M_MAX).contains(&accuracy_m) => Ok(accuracy_m),
        accuracy_m => Err(format!("{accuracy_m} is not between 0 and {ACCURACY_M_MAX} metres")),
    }
}

/// The layer `grid`, or the only one that is loaded.
fn default_layer(snapshot: &Snapshot) -> LayerName {
    let grid = LayerName::parse(LAYER_DEFAULT).expect("the name keeps the rules of layer names");
    match snapshot.layers() {
        [only] if only.layer().name != grid => only.layer().name.clone(),
        _ => grid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_its_offset_and_forgives_a_plus_that_was_decoded() {
        let expected: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        assert_eq!(parse_time("2026-11-23T08:00:00+08:00"), Ok(expected));
        assert_eq!(parse_time("2026-11-23T08:00:00 08:00"), Ok(expected));
        assert!(parse_time("2026-11-23T08:00:00").is_err());
        assert!(parse_time("yesterday").is_err());
    }

    #[test]
    fn an_accuracy_is_a_bounded_distance() {
        assert_eq!(parse_accuracy("30"), Ok(30.0));
        for bad in ["-1", "50001", "NaN", "wide"] {
            assert!(parse_accuracy(bad).is_err(), "{bad}");
        }
    }
}
