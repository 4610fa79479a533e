use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::sync::Arc;

use geo_types::Coord;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::plain::OPTIONS;
use super::quick::Found;
use crate::api::as_of::{choose, default_layer, parse_generation, parse_time};
use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::observe::count_lookups;
use crate::api::problem::{ParameterError, Problem, ProblemKind};
use crate::api::query::{FromQuery, Values, finite};
use crate::api::state::AppState;
use crate::api::wire::LocateAnswer;
use crate::boundary::{LayerName, Level, Position, PositionError};
use crate::dispatch::{BorderRuling, BorderRulings, Ruling};
use crate::history::{AsOf, Parts};
use crate::import::{Crs, CrsError};
use crate::index::{MaybeUnit, Status};
use crate::snapshot::{ACCURACY_M_MAX, Answer, LayerKey, Query, QueryError, Snapshot};

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
    /// The time for which to answer, RFC 3339: with the boundaries in effect then, and who was or will be on duty. By default now, or
    /// with a `generation` that is not in effect now the time from which it is.
    #[param(format = DateTime)]
    pub at: Option<String>,
    /// The number of the generation whose boundaries answer, whenever it is in effect. Drafts, and generations that have not taken
    /// effect, are for planners and administrators, by number and by time.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub generation: Option<String>,
    /// How far the true position may lie from the one given, metres.
    #[param(value_type = Option<f64>, minimum = 0, maximum = 50_000)]
    pub accuracy_m: Option<String>,
    /// The category of what is reported, `CODE` or `CODE:CONDITION`. Until categories are loaded any is taken, and `departments` and
    /// `due_at` are null.
    #[param(example = "E0110")]
    pub category: Option<String>,
    /// Only these members of the answer, separated by commas; for CSV only these columns beside `error`. In JSON too `grid_code` is the
    /// code alone. Bodies of many records for which only `grid_code` and `status` are named are answered many times as fast.
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
            generation: text("generation"),
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
            "generation" => self.generation.as_deref(),
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

/// WGS 84 in degrees, as `crs` names it.
const WGS84: &str = "EPSG:4326";

/// So many records before its own is written, a code is asked of memory: about as long as memory takes.
const CODES_AHEAD: usize = 16;

/// Gives the fields of one record by their names.
pub type Fields<'r> = dyn Fn(&str) -> Option<Given<'r>> + 'r;

/// Answers the lookups of one request: one caller, one state of the service, one moment.
///
/// Every answer is read from one snapshot. Records that ask for other times are answered from what the service was or will be then,
/// as it was known when the request began.
#[derive(Debug)]
pub struct Asker {
    state: AppState,
    /// The current snapshot, and the one that is to follow it.
    known: Vec<Arc<Snapshot>>,
    /// What was read last. Records of one body mostly ask for the same time, or for times between the same changes.
    last: Arc<Snapshot>,
    caller: Caller,
    options: Options,
    now: Timestamp,
    layer_default: LayerName,
    /// None only while the first question is being made.
    plain: Option<Plain>,
    /// The reference system read last. Records of one body mostly share theirs, and reading one takes far longer than comparing.
    crs_last: (String, Crs),
}

/// What is asked where a record says no more than its position, which is left at 0, 0.
#[derive(Clone, Debug)]
struct Plain {
    question: Question,
    /// The reference system of the position.
    crs: Crs,
}

/// A question, and the version of the boundaries from which it is to be answered.
#[derive(Clone, Debug)]
pub struct Question {
    query: Query,
    key: LayerKey,
    /// Whether the same question has the same answer in the next moment.
    has_time: bool,
    /// The ruling by which the place is taken for a unit's, with the distance to its place.
    ruling: Option<(BorderRuling, f64)>,
}

impl Question {
    /// Whether its time was given or follows from its generation, so that its answer does not depend on the clock.
    pub fn has_time(&self) -> bool {
        self.has_time
    }

    pub fn position(&self) -> Position {
        self.query.position
    }

    pub fn accuracy_m(&self) -> Option<f64> {
        self.query.accuracy_m
    }

    /// Returns the ruling by which it is answered, with the distance to its place in metres.
    pub fn ruling(&self) -> Option<&(BorderRuling, f64)> {
        self.ruling.as_ref()
    }

    /// Returns the query with all units that are as near as this, metres.
    pub fn reaching(&self, distance_m: f64) -> Query {
        Query { accuracy_m: Some(distance_m), ..self.query.clone() }
    }
}

/// Records that wait for a generation at once, over all bodies. Each holds up a thread, and there are to be some left for the others.
const RECORDS_WAITING_MAX: usize = 8;

static RECORDS_WAITING: Semaphore = Semaphore::const_new(RECORDS_WAITING_MAX);

impl Asker {
    /// Gets ready to answer a caller, and loads the version that the options ask for.
    ///
    /// # Errors
    /// 503 before the first snapshot, and where the version cannot be had now; 400 where an option is wrong whatever the position.
    pub async fn new(state: &AppState, caller: Caller, options: Options) -> Result<Self, Problem> {
        let known = state.snapshots()?;
        let (last, layer_default) = (Arc::clone(&known[0]), default_layer(&known[0]));
        let crs_last = (WGS84.to_owned(), Crs::WGS84);
        let mut asker =
            Self { state: state.clone(), known, last, caller, options, now: Timestamp::now(), layer_default, plain: None, crs_last };
        let mut faults = Faults::default();
        let (query, crs, as_of) = asker.read_options(&|_| None, &mut faults);
        faults.into_result()?;
        let question = asker.choose(query, as_of)?;
        if !asker.is_at_hand(&question) {
            asker.last = asker.state.load(&asker.known, &question.parts()).await?;
        }
        asker.check_level(&question)?;
        asker.plain = crs.map(|crs| Plain { question, crs });
        Ok(asker)
    }

    /// Reads one question and sees to it that it can be answered.
    ///
    /// # Errors
    /// Names every field that is missing or wrong; refuses what the caller may not see, and what cannot be had now.
    pub fn ask(&mut self, fields: &Fields<'_>) -> Result<Question, Problem> {
        let mut faults = Faults::default();
        let (lon, lat) = (read_number(fields, "lon", &mut faults), read_number(fields, "lat", &mut faults));
        let place = |crs: &Crs, faults: &mut Faults| to_position(lon?, lat?, crs, faults);
        // Most records say where, and nothing of their own beside it.
        let plain = self.plain.as_ref().filter(|_| OPTIONS.iter().all(|name| says_nothing(fields(name).as_ref())));
        if let Some(Plain { question, crs }) = plain.cloned() {
            let position = place(&crs, &mut faults);
            faults.into_result()?;
            let position = position.unwrap_or(question.query.position);
            let question = Question { query: Query { position, ..question.query }, ..question };
            self.settle(&question)?;
            return Ok(question);
        }
        let (mut query, crs, as_of) = self.read_options(fields, &mut faults);
        if let Some(position) = crs.and_then(|crs| place(&crs, &mut faults)) {
            query.position = position;
        }
        faults.into_result()?;
        let question = self.choose(query, as_of)?;
        self.settle(&question)?;
        Ok(question)
    }

    /// Whether a record that gives nothing but two numbers gives a position in degrees.
    pub fn takes_degrees(&self) -> bool {
        self.plain.as_ref().is_some_and(|plain| plain.crs.is_lon_lat())
    }

    /// Tells of the positions of many records, which say nothing beside them, in which unit they lie. `take` gets the place of each among
    /// them. `units` is only kept so that it need not be made each time.
    ///
    /// # Errors
    /// What is asked cannot be had now; nothing was told then.
    pub fn answer_owners(
        &mut self,
        positions: &[Position],
        units: &mut Vec<MaybeUnit>,
        take: &mut dyn FnMut(usize, Found<'_>),
    ) -> Result<(), Problem> {
        let Some(Plain { question, .. }) = self.plain.clone() else { return Ok(()) };
        self.settle(&question)?;
        let (layer, depth) = self.last.find_level(&question.query).map_err(|e| Problem::internal(&e))?;
        let index = layer.index();
        units.clear();
        units.resize(positions.len(), MaybeUnit::NONE);
        // Where overlaps were accepted, a unit alone does not tell the status.
        let has_overlaps = layer.coverage().accepted().overlap;
        if !has_overlaps {
            index.owners(positions, depth, units);
        }
        let mut inside = 0;
        let mut ahead = units.iter().skip(CODES_AHEAD);
        for (at, (position, unit)) in positions.iter().zip(units.iter()).enumerate() {
            ahead.next().and_then(|unit| unit.get()).into_iter().for_each(|unit| index.fetch_code(depth, unit));
            let found = match unit.get() {
                Some(unit) => {
                    inside += 1;
                    Found { status: Status::Inside, code: Some(index.code(depth, unit)) }
                }
                None => {
                    let owner = index.owner(*position, depth);
                    count_lookups(owner.status.as_str(), 1);
                    Found { status: owner.status, code: owner.unit.map(|unit| index.code(depth, unit)) }
                }
            };
            take(at, found);
        }
        count_lookups(Status::Inside.as_str(), inside);
        Ok(())
    }

    /// Returns what the question asked last finds, and the snapshot in which.
    ///
    /// # Errors
    /// None after [`Asker::ask`].
    pub fn find<'s>(&'s self, question: &'s Question) -> Result<(&'s Snapshot, Answer<'s>), Problem> {
        Ok((&self.last, self.answer_to(question)?))
    }

    /// Takes the place of a question for the unit that a ruling names, where one holds there and the unit is still near.
    ///
    /// # Errors
    /// None after [`Asker::ask`].
    pub fn rule_on(&self, question: &mut Question, rulings: &BorderRulings) -> Result<(), Problem> {
        let Some((ruling, distance_m)) = rulings.find(question.query.position) else { return Ok(()) };
        let ruled = self.last.answer_as(&question.query, &ruling.unit, 2.0 * ruling.radius_m).map_err(|e| Problem::internal(&e))?;
        if ruled.is_some() {
            question.ruling = Some((ruling.clone(), distance_m));
        }
        Ok(())
    }

    fn answer_to<'s>(&'s self, question: &'s Question) -> Result<Answer<'s>, Problem> {
        if let Some((ruling, _)) = &question.ruling {
            let ruled = self.last.answer_as(&question.query, &ruling.unit, 2.0 * ruling.radius_m).map_err(|e| Problem::internal(&e))?;
            if let Some(ruled) = ruled {
                return Ok(ruled);
            }
        }
        self.last.answer(&question.query).map_err(|e| Problem::internal(&e))
    }

    /// Rules on each category at the place of the question asked last, as far as the caller may see it, and returns the answer about
    /// the place too.
    ///
    /// # Errors
    /// None after [`Asker::ask`].
    pub fn rule_all<'s>(&'s self, question: &'s Question) -> Result<(Answer<'s>, Vec<Ruling<'s>>), Problem> {
        let answer = self.last.answer(&question.query).map_err(|e| Problem::internal(&e))?;
        let rulings = self.last.rule_all(&answer, self.is_insider(&question.key.layer));
        Ok((answer, rulings))
    }

    /// Sees to it that a question can be answered from what was read last.
    fn settle(&mut self, question: &Question) -> Result<(), Problem> {
        if !self.is_at_hand(question) {
            self.last = self.load_in_place(question)?;
        }
        self.check_level(question)?;
        self.check_category(question)
    }

    /// Answers the question asked last with what the caller may see.
    ///
    /// # Errors
    /// None after [`Asker::ask`], which has checked layer and level.
    pub fn answer<'a>(&'a self, question: &'a Question, base: &BaseUrl) -> Result<LocateAnswer<'a>, Problem> {
        let answer = self.answer_to(question)?;
        count_lookups(answer.status().as_str(), 1);
        let reaches = self.caller.reaches_layer(&question.key.layer);
        let shows_workers = reaches && self.caller.sees_personal_data_of(answer.path().map(|unit| &unit.code));
        let mut wire = LocateAnswer::new(&answer, base.as_str(), shows_workers);
        let current = self.known[0].layer(&question.key.layer).map(|layer| layer.generation().id);
        if let Some(grid) = wire.grid.as_mut().filter(|_| current != Some(question.key.generation)) {
            // The current boundaries may not have this unit, or otherwise.
            write!(grid.href, "?generation={}", question.key.generation).expect("writing to a string cannot fail");
        }
        Ok(wire)
    }

    /// Reads all but the position, which is left at 0, 0. Says also in which system positions are, and which version is meant.
    fn read_options(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> (Query, Option<Crs>, AsOf) {
        let crs = self.option(fields, "crs", faults).unwrap_or_else(|| WGS84.to_owned());
        let crs = faults.keep("crs", self.read_crs(&crs));
        let layer = self.option(fields, "layer", faults).map(|name| LayerName::parse(&name));
        let level = self.option(fields, "level", faults).map(|name| Level::parse(&name));
        let at = self.option(fields, "at", faults).map(|text| parse_time(&text));
        let generation = self.option(fields, "generation", faults).map(|text| parse_generation(&text));
        let accuracy_m = self.option(fields, "accuracy_m", faults).map(|text| parse_accuracy(&text));
        let as_of = AsOf {
            at: at.and_then(|at| faults.keep("at", at)),
            generation: generation.and_then(|generation| faults.keep("generation", generation)),
        };
        let query = Query {
            position: Position { lon: 0.0, lat: 0.0 },
            layer: layer.and_then(|layer| faults.keep("layer", layer)).unwrap_or_else(|| self.layer_default.clone()),
            level: level.and_then(|level| faults.keep("level", level)),
            at: self.now,
            accuracy_m: accuracy_m.and_then(|accuracy_m| faults.keep("accuracy_m", accuracy_m)),
            category: self.option(fields, "category", faults),
        };
        (query, crs, as_of)
    }

    /// Finds the version that a question means, where the caller may see it.
    fn choose(&self, query: Query, as_of: AsOf) -> Result<Question, Problem> {
        let base = &self.known[0];
        // Most ask for now, and need no search among generations.
        if let Some(layer) = base.layer(&query.layer).filter(|_| as_of.is_current()) {
            self.caller.require_layer(&query.layer, layer.is_public(), &format!("the layer {}", query.layer))?;
            return Ok(Question { query, key: layer.key(), has_time: false, ruling: None });
        }
        let Some(history) = base.history(&query.layer) else {
            // Which layers there are is nobody's secret; what lies in them may be.
            let known = base.histories().iter().map(|history| history.layer.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Problem::parameter("layer", format!("there is no layer {}; known are: {known}", query.layer)));
        };
        let choice = choose(history, as_of, self.now, &self.caller)?;
        let key = self.state.known_key_of(history, choice.generation);
        Ok(Question { query: Query { at: choice.at, ..query }, key, has_time: as_of.at.is_some() || choice.at != self.now, ruling: None })
    }

    /// Whether the question can be answered from what was read last, or from what needs no building, which is then taken.
    fn is_at_hand(&mut self, question: &Question) -> bool {
        let holds = |snapshot: &Arc<Snapshot>| {
            let layer = snapshot.layer(&question.key.layer);
            layer.is_some_and(|layer| layer.key() == question.key) && snapshot.roster_snapshot().term.contains(question.query.at)
        };
        if holds(&self.last) {
            return true;
        }
        let found = self.known.first().filter(|base| holds(base)).cloned();
        let found = found.or_else(|| self.state.archive().find(&self.known, &question.parts()));
        found.map(|found| self.last = found).is_some()
    }

    /// Loads what a record asks for while its body is being read. The thread waits, and its other work goes to another.
    fn load_in_place(&self, question: &Question) -> Result<Arc<Snapshot>, Problem> {
        let busy = |_| Problem::new(ProblemKind::Overloaded, "too many records wait for other times than now; send them again");
        let _waiting = RECORDS_WAITING.try_acquire().map_err(busy)?;
        let parts = question.parts();
        let load = self.state.load(&self.known, &parts);
        tokio::task::block_in_place(|| Handle::current().block_on(load))
    }

    /// Checks that the layer has the level in the version that was read.
    fn check_level(&self, question: &Question) -> Result<(), Problem> {
        let found = self.last.find_level(&question.query).map(drop);
        found.map_err(|error| match error {
            QueryError::UnknownLayer { .. } => Problem::parameter("layer", error.to_string()),
            QueryError::UnknownLevel { .. } => Problem::parameter("level", error.to_string()),
            QueryError::Empty { .. } => Problem::new(ProblemKind::NotReady, error.to_string()),
            QueryError::Category(_) => Problem::parameter("category", error.to_string()),
        })
    }

    /// Whether what is not public of a layer may be shown.
    fn is_insider(&self, layer: &LayerName) -> bool {
        self.caller.is_insider() && self.caller.reaches_layer(layer)
    }

    /// Checks that there is the category that is asked for. What is private is unknown to the public.
    fn check_category(&self, question: &Question) -> Result<(), Problem> {
        let Some(category) = &question.query.category else { return Ok(()) };
        let rules = self.last.rules(question.query.at);
        if !rules.has_categories() {
            return Ok(());
        }
        let found = rules.find(category, self.is_insider(&question.key.layer)).map(drop);
        found.map_err(|error| Problem::parameter("category", error.to_string()))
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
}

impl Question {
    fn parts(&self) -> Parts {
        Parts { layers: vec![self.key.clone()], roster_at: Some(self.query.at) }
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

/// Whether a value leaves a field to the options of the request.
fn says_nothing(given: Option<&Given<'_>>) -> bool {
    match given {
        None => true,
        Some(Given::Text(text)) => text.trim().is_empty(),
        Some(Given::Number(_) | Given::Other) => false,
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

fn parse_accuracy(text: &str) -> Result<f64, String> {
    match finite(text)? {
        accuracy_m if (0.0..=ACCURACY_M_MAX).contains(&accuracy_m) => Ok(accuracy_m),
        accuracy_m => Err(format!("{accuracy_m} is not between 0 and {ACCURACY_M_MAX} metres")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_is_a_bounded_distance() {
        assert_eq!(parse_accuracy("30"), Ok(30.0));
        for bad in ["-1", "50001", "NaN", "wide"] {
            assert!(parse_accuracy(bad).is_err(), "{bad}");
        }
    }
}
