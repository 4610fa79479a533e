use jiff::Timestamp;

use super::layer::LayerSnapshot;
use super::state::Snapshot;
use crate::boundary::{LayerName, Level, Position, Unit, UnitCode};
use crate::dispatch::{Asked, CategoryError, Duty, Ruling};
use crate::index::{Located, Neighbour, Status};

/// The worst accuracy with which a position may be given, metres: a cell of a mobile network reaches 35 km. It bounds the search for
/// alternatives.
pub const ACCURACY_M_MAX: f64 = 50_000.0;

/// One question: what is here, and who answers for it?
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub position: Position,
    pub layer: LayerName,
    /// None asks for the finest level that has units.
    pub level: Option<Level>,
    pub at: Timestamp,
    /// How far the true position may lie from the one given, metres.
    pub accuracy_m: Option<f64>,
    pub category: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("there is no layer {layer}; known are: {known}")]
    UnknownLayer { layer: LayerName, known: String },
    #[error("layer {layer} has no level {level}; known are: {known}")]
    UnknownLevel { layer: LayerName, level: Level, known: String },
    #[error("no level of layer {layer} has units yet; import boundaries first")]
    Empty { layer: LayerName },
    #[error(transparent)]
    Category(#[from] CategoryError),
}

/// The answer to a [`Query`], read from one snapshot.
#[derive(Debug)]
pub struct Answer<'a> {
    pub layer: &'a LayerSnapshot,
    /// The level that was asked for.
    pub depth: usize,
    pub position: Position,
    pub at: Timestamp,
    pub category: Option<&'a str>,
    pub located: Located,
    /// Who answers for the finest unit of the path; none where no unit holds the position.
    pub duty: Option<Duty<'a>>,
    /// Which departments are told of a case of the category, and by when; none without a category, and where no categories are loaded.
    pub ruling: Option<Ruling<'a>>,
    /// Whether the border is nearer than the position's accuracy or the configured distance of doubt.
    pub is_ambiguous: bool,
    /// The next known change: of shift, assignment or generation.
    pub expires: Option<Timestamp>,
}

impl Snapshot {
    /// Answers a question. A position outside every unit is an answer.
    ///
    /// # Errors
    /// Names a layer, a level or a category that is not there.
    pub fn answer<'a>(&'a self, query: &'a Query) -> Result<Answer<'a>, QueryError> {
        let (layer, depth) = self.find_level(query)?;
        let doubt_m = self.settings().doubt_distance_m.max(query.accuracy_m.unwrap_or(0.0));
        let located = layer.index().locate(query.position, depth, doubt_m);
        let duty = find_duty(self, layer, &located, query.at);
        let ruling = match &query.category {
            Some(category) => self.rule(category, layer, &located, query.at)?,
            None => None,
        };
        let later = |at: &Timestamp| *at > query.at;
        let of_rules = ruling.as_ref().and_then(|ruling| ruling.expires);
        let changes = [of_rules, duty.as_ref().and_then(|duty| duty.expires), layer.superseded_at(), self.roster_until()];
        let expires = changes.into_iter().flatten().filter(later).min();
        let is_ambiguous = located.distance_to_border_m.is_some_and(|distance_m| distance_m < doubt_m);
        Ok(Answer {
            layer,
            depth,
            position: query.position,
            at: query.at,
            category: query.category.as_deref(),
            located,
            duty,
            ruling,
            is_ambiguous,
            expires,
        })
    }

    /// Answers as [`Snapshot::answer`] does, but as if the position lay in the unit of a code: whom a ruling names there. None where that
    /// unit is not within `reach_m` of the position, as where boundaries have moved on since.
    ///
    /// # Errors
    /// As [`Snapshot::answer`].
    pub fn answer_as<'a>(&'a self, query: &'a Query, code: &UnitCode, reach_m: f64) -> Result<Option<Answer<'a>>, QueryError> {
        let mut answer = self.answer(query)?;
        let levels = answer.layer.coverage().levels();
        let Some(unit) = levels[answer.depth].find(code) else { return Ok(None) };
        // Somebody has said whose it is.
        answer.is_ambiguous = false;
        if answer.located.unit == Some(unit) {
            return Ok(Some(answer));
        }
        let near = answer.layer.index().locate(query.position, answer.depth, reach_m);
        if !near.alternatives.iter().chain(&near.nearest).any(|other| other.unit == unit && other.distance_m <= reach_m) {
            return Ok(None);
        }
        let mut path = vec![(answer.depth, unit)];
        let mut below = (answer.depth, unit);
        while let Some(parent) = levels[below.0].parent(below.1) {
            // Levels without units lie between where a layer has some.
            let Some(depth) = (0..below.0).rev().find(|depth| !levels[*depth].is_empty()) else { break };
            below = (depth, parent);
            path.push(below);
        }
        path.reverse();
        (answer.located.unit, answer.located.path, answer.located.status) = (Some(unit), path, Status::Inside);
        answer.duty = find_duty(self, answer.layer, &answer.located, query.at);
        answer.ruling = match &query.category {
            Some(category) => self.rule(category, answer.layer, &answer.located, query.at)?,
            None => None,
        };
        Ok(Some(answer))
    }

    /// Rules on each category at the place of an answer, in the order of the table; private ones only for insiders.
    pub fn rule_all<'a>(&'a self, answer: &Answer<'a>, sees_private: bool) -> Vec<Ruling<'a>> {
        let rules = self.rules(answer.at);
        let path = path_up(answer.layer, &answer.located);
        let all = rules.categories(sees_private);
        all.filter_map(|category| rules.rule(&Asked { category, condition: None }, &path)).collect()
    }

    /// Rules on a category, `CODE` or `CODE:CONDITION`; none where no categories are loaded.
    fn rule<'a>(
        &'a self,
        category: &'a str,
        layer: &'a LayerSnapshot,
        located: &Located,
        at: Timestamp,
    ) -> Result<Option<Ruling<'a>>, CategoryError> {
        let rules = self.rules(at);
        if !rules.has_categories() {
            return Ok(None);
        }
        // Who may not see a private category is turned away before this.
        let asked = rules.find(category, true)?;
        Ok(rules.rule(&asked, &path_up(layer, located)))
    }

    /// Finds the layer and the depth that a query asks for.
    ///
    /// # Errors
    /// Names a layer or level that is not there.
    pub fn find_level(&self, query: &Query) -> Result<(&LayerSnapshot, usize), QueryError> {
        let Some(layer) = self.layer(&query.layer) else {
            let known = list(self.layers().iter().map(|layer| layer.layer().name.as_str()));
            return Err(QueryError::UnknownLayer { layer: query.layer.clone(), known });
        };
        let depth = match &query.level {
            Some(level) => layer.layer().depth_of(level).ok_or_else(|| QueryError::UnknownLevel {
                layer: query.layer.clone(),
                level: level.clone(),
                known: list(layer.layer().levels.iter().map(Level::as_str)),
            })?,
            None => layer.coverage().finest_depth().ok_or_else(|| QueryError::Empty { layer: query.layer.clone() })?,
        };
        Ok((layer, depth))
    }
}

impl<'a> Answer<'a> {
    pub fn status(&self) -> Status {
        self.located.status
    }

    /// Returns the unit of the level asked for.
    pub fn unit(&self) -> Option<&'a Unit> {
        let layer = self.layer;
        self.located.unit.map(|unit| layer.coverage().levels()[self.depth].unit(unit))
    }

    /// Returns the units that hold the position, coarse to fine.
    pub fn path(&self) -> impl DoubleEndedIterator<Item = &'a Unit> {
        let layer = self.layer;
        self.located.path.iter().map(move |&(depth, unit)| layer.coverage().levels()[depth].unit(unit))
    }

    /// Returns the unit that a neighbour of this answer stands for.
    pub fn neighbour(&self, neighbour: &Neighbour) -> &'a Unit {
        let layer = self.layer;
        layer.coverage().levels()[self.depth].unit(neighbour.unit)
    }

    /// Whether units hold the position and nobody answers for any of them.
    pub fn is_vacant(&self) -> bool {
        self.duty.as_ref().is_some_and(|duty| duty.holder.is_none())
    }
}

/// Returns the codes of the units that hold a position, fine to coarse.
fn path_up<'a>(layer: &'a LayerSnapshot, located: &Located) -> Vec<&'a UnitCode> {
    let levels = layer.coverage().levels();
    located.path.iter().rev().map(|&(depth, unit)| &levels[depth].unit(unit).code).collect()
}

fn find_duty<'a>(snapshot: &'a Snapshot, layer: &LayerSnapshot, located: &Located, at: Timestamp) -> Option<Duty<'a>> {
    let levels = layer.coverage().levels();
    let upwards = located.path.iter().rev().map(|&(depth, unit)| &levels[depth].unit(unit).code);
    (!located.path.is_empty()).then(|| snapshot.roster().find_duty(upwards, at))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
