//! The versions that can be asked for beside the current one: `at`, `generation` and `draft`, alike for lookups, features and tiles.

use std::sync::Arc;

use jiff::Timestamp;

use super::caller::Caller;
use super::links::encode;
use super::problem::{Problem, ProblemKind};
use super::query::{FromQuery, Values};
use super::state::AppState;
use crate::boundary::{GenerationId, GenerationState, LayerName};
use crate::history::{ArchiveError, AsOf, AsOfError, Parts, Resolved, resolve};
use crate::snapshot::{LayerHistory, LayerKey, Snapshot};

/// The layer that is meant where none is named.
const LAYER_DEFAULT: &str = "grid";

/// The parameters of whatever shows boundaries of another time.
#[derive(Clone, Copy, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOfQuery {
    /// Shows the boundaries in effect at this time, RFC 3339; now by default. Times at which a generation takes effect that has not
    /// yet are for planners and administrators.
    #[param(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Shows the boundaries of this generation, whenever it is in effect. Drafts, and generations that have not taken effect, are for
    /// planners and administrators.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub generation: Option<GenerationId>,
    /// Shows the draft of this number, and nothing that was published. For planners and administrators.
    #[param(value_type = Option<u32>, minimum = 1)]
    pub draft: Option<GenerationId>,
}

impl FromQuery for AsOfQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let (at, generation) = (values.optional("at", parse_time), values.optional("generation", parse_generation));
        let draft = values.optional("draft", parse_generation);
        if draft.is_some() && generation.is_some() {
            values.fault("draft", "is a generation of its own; leave `generation` out".into());
        }
        Some(Self { at, generation, draft })
    }
}

impl AsOfQuery {
    pub fn is_current(self) -> bool {
        self.to_as_of().is_current()
    }

    fn to_as_of(self) -> AsOf {
        AsOf { at: self.at, generation: self.number() }
    }

    pub fn number(self) -> Option<GenerationId> {
        self.generation.or(self.draft)
    }

    /// Finds which version of a layer is meant, as [`choose`] does, and sees that a draft is one.
    fn choose(self, history: &LayerHistory, now: Timestamp, caller: &Caller) -> Result<Choice, Problem> {
        let Some(draft) = self.draft else { return choose(history, self.to_as_of(), now, caller) };
        // Which numbers are drafts is told to nobody else.
        caller.require_planner("drafts")?;
        let choice = choose(history, self.to_as_of(), now, caller).map_err(|problem| match problem.kind {
            ProblemKind::UnknownGeneration => Problem::new(problem.kind, problem.detail).with_parameter("draft"),
            _ => problem,
        })?;
        match history.find(choice.generation).map(|generation| generation.state) {
            Some(GenerationState::Draft) => Ok(choice),
            _ => Err(Problem::parameter(
                "draft",
                format!("generation {draft} of layer {} is published; ask for it by `generation`", history.layer),
            )),
        }
    }

    /// Returns the parameters as they stand in an address, each pair behind an `&`.
    pub fn to_pairs(self) -> String {
        let at = self.at.map(|at| format!("&at={}", encode(&at.to_string()))).unwrap_or_default();
        let generation = self.generation.map(|generation| format!("&generation={generation}")).unwrap_or_default();
        let draft = self.draft.map(|draft| format!("&draft={draft}")).unwrap_or_default();
        at + &generation + &draft
    }

    /// Refuses all parameters for a resource that has no versions.
    ///
    /// # Errors
    /// 400 where one is given.
    pub fn refuse(self, what: &str) -> Result<(), Problem> {
        let given = [("at", self.at.is_some()), ("generation", self.generation.is_some()), ("draft", self.draft.is_some())];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(Problem::parameter(name, format!("is not a parameter of {what}"))),
            None => Ok(()),
        }
    }
}

/// The parameter of resources that show several layers.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LayerQuery {
    /// Only this layer. Generations are counted layer by layer: with `generation` it is `grid` by default, or the only layer there is.
    #[param(value_type = Option<String>)]
    pub layer: Option<LayerName>,
}

impl FromQuery for LayerQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { layer: values.optional("layer", LayerName::parse) })
    }
}

impl LayerQuery {
    pub fn to_pairs(&self) -> String {
        self.layer.as_ref().map(|layer| format!("&layer={layer}")).unwrap_or_default()
    }
}

/// Parses RFC 3339. A `+` that nobody encoded arrives as a space; it is taken for what was meant.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse().or_else(|e| text.replace(' ', "+").parse().map_err(|_: jiff::Error| e));
    parsed.map_err(|e| format!("{text:?} is not an RFC 3339 time with its offset: {e}"))
}

/// Parses the number of a generation.
pub fn parse_generation(text: &str) -> Result<GenerationId, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_number && *number > 0);
    number.map(GenerationId).ok_or_else(|| format!("{text:?} is no number of a generation, which is counted from 1"))
}

/// Returns the layer that is meant where none is named: `grid`, or the only one there is.
pub fn default_layer(snapshot: &Snapshot) -> LayerName {
    let grid = LayerName::parse(LAYER_DEFAULT).expect("the name keeps the rules of layer names");
    match snapshot.histories() {
        [only] if only.layer != grid => only.layer.clone(),
        _ => grid,
    }
}

/// What a request reads of another version.
#[derive(Clone, Debug)]
pub struct View {
    pub snapshot: Arc<Snapshot>,
    /// Whether the answer depends on who asks, though its layers are public.
    pub is_private: bool,
}

/// One version of one layer, that the caller may see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    pub generation: GenerationId,
    pub at: Timestamp,
    /// Whether only planners may see it.
    pub is_plan: bool,
}

/// Finds which version of a layer is meant, and whether the caller may see it.
///
/// # Errors
/// 401 or 403 where the caller may not; 400 where there is none such.
pub fn choose(history: &LayerHistory, as_of: AsOf, now: Timestamp, caller: &Caller) -> Result<Choice, Problem> {
    caller.require_layer(&history.layer, history.is_public, &format!("the layer {}", history.layer))?;
    let Resolved { generation, at } = resolve(history, as_of, now).map_err(|error| to_problem(&error))?;
    let is_plan = history.is_plan(generation, now);
    if is_plan {
        caller.require_planner(&format!("generation {} of layer {}, which has not taken effect", generation.id, history.layer))?;
        caller.require_reach(&history.layer)?;
    }
    Ok(Choice { generation: generation.id, at, is_plan })
}

impl AppState {
    /// Returns the boundaries of one layer in the version asked for. The roster in it is not that of the time.
    ///
    /// # Errors
    /// 404 for an unknown layer, else as [`choose`] and [`AppState::load`].
    pub async fn view_layer(&self, name: &LayerName, query: AsOfQuery, caller: &Caller) -> Result<View, Problem> {
        let known = self.snapshots()?;
        let history = known[0].history(name).ok_or_else(|| Problem::not_found(format!("there is no layer {name}")))?;
        let choice = query.choose(history, Timestamp::now(), caller)?;
        let parts = Parts { layers: vec![self.key_of(history, choice.generation).await], roster_at: None };
        Ok(View { snapshot: self.load(&known, &parts).await?, is_private: choice.is_plan })
    }

    /// Returns the boundaries of all layers that the caller may see, or of the one that is named, in the version asked for. The
    /// roster is not that of the time.
    ///
    /// # Errors
    /// 400 where no layer has boundaries of that version, else as [`choose`] and [`AppState::load`].
    pub async fn view_layers(&self, query: AsOfQuery, only: &LayerQuery, caller: &Caller) -> Result<View, Problem> {
        let known = self.snapshots()?;
        let base = &known[0];
        if query.is_current() && only.layer.is_none() {
            return Ok(View { snapshot: Arc::clone(base), is_private: false });
        }
        let default = || query.number().map(|_| default_layer(base));
        let histories: Vec<&LayerHistory> = match only.layer.clone().or_else(default) {
            Some(name) => {
                let unknown = || Problem::parameter("layer", format!("there is no layer {name}"));
                vec![base.history(&name).ok_or_else(unknown)?]
            }
            // Whoever does not see a layer is shown the others.
            None => base.histories().iter().filter(|history| caller.sees_layer(&history.layer, history.is_public)).collect(),
        };
        let now = Timestamp::now();
        let (mut layers, mut is_private, mut missed) = (Vec::new(), false, None);
        for history in histories {
            match query.choose(history, now, caller) {
                Ok(choice) => {
                    is_private |= choice.is_plan;
                    layers.push(self.key_of(history, choice.generation).await);
                }
                Err(problem) if problem.kind == ProblemKind::AtNotCovered => missed = Some(problem),
                Err(problem) => return Err(problem),
            }
        }
        match missed {
            Some(problem) if layers.is_empty() => Err(problem),
            _ => Ok(View { snapshot: self.load(&known, &Parts { layers, roster_at: None }).await?, is_private }),
        }
    }

    /// Returns what tells the boundaries of a generation from others; those of a draft as of its newest entry.
    async fn key_of(&self, history: &LayerHistory, generation: GenerationId) -> LayerKey {
        if !history.is_draft(generation) {
            return history.key(generation);
        }
        let name = history.layer.clone();
        match self.with_store(move |store| store.newest_draft_revision(&name, generation)).await {
            Ok(revision) => {
                self.desk().learn(&history.layer, generation, revision);
                history.draft_key(generation, revision)
            }
            // What is kept answers while the store is away, as of the last entry that was seen.
            Err(_) => history.draft_key(generation, self.desk().revision_of(&history.layer, generation).unwrap_or_default()),
        }
    }

    /// Returns the same for a draft as of the newest entry that this process knows of. The thread waits where it knows of none.
    pub fn known_key_of(&self, history: &LayerHistory, generation: GenerationId) -> LayerKey {
        if !history.is_draft(generation) {
            return history.key(generation);
        }
        if let Some(revision) = self.desk().revision_of(&history.layer, generation) {
            return history.draft_key(generation, revision);
        }
        let asked = tokio::task::block_in_place(|| self.store().newest_draft_revision(&history.layer, generation));
        // Without the store nothing is known of it, and what is not kept says so itself.
        let Ok(revision) = asked else { return history.key(generation) };
        self.desk().learn(&history.layer, generation, revision);
        history.draft_key(generation, revision)
    }

    /// Returns the snapshots that need no building: the current one first, then the one that is to follow it.
    ///
    /// # Errors
    /// 503 before the first one was built.
    pub fn snapshots(&self) -> Result<Vec<Arc<Snapshot>>, Problem> {
        let current = self.snapshot()?;
        Ok([current].into_iter().chain(self.live().next()).collect())
    }

    /// Puts together what a request reads of another version, and waits where it must be built first.
    ///
    /// # Errors
    /// 503 where it cannot be had now.
    pub async fn load(&self, known: &[Arc<Snapshot>], parts: &Parts) -> Result<Arc<Snapshot>, Problem> {
        self.archive().load(known, parts).await.map_err(|error| archive_problem(&error))
    }
}

fn to_problem(error: &AsOfError) -> Problem {
    let (kind, parameter) = match error {
        AsOfError::UnknownLayer { .. } => (ProblemKind::InvalidParameter, "layer"),
        AsOfError::NotCovered { .. } => (ProblemKind::AtNotCovered, "at"),
        AsOfError::UnknownGeneration { .. } => (ProblemKind::UnknownGeneration, "generation"),
    };
    Problem::new(kind, error.to_string()).with_parameter(parameter)
}

/// Tells a caller why another version cannot be had.
pub fn archive_problem(error: &ArchiveError) -> Problem {
    match error {
        ArchiveError::Loading { .. } => Problem::new(ProblemKind::GenerationLoading, format!("{error}; come back for it")),
        ArchiveError::Busy => Problem::new(ProblemKind::Overloaded, error.to_string()),
        ArchiveError::TooLarge { .. } => Problem::new(ProblemKind::GenerationTooLarge, error.to_string()),
        ArchiveError::Store { what, .. } => {
            let mut problem = Problem::store_down(error);
            problem.detail = format!("{what} is not kept in memory; {}", problem.detail);
            problem
        }
        ArchiveError::Invalid { .. } | ArchiveError::Broken { .. } => Problem::internal(error),
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
    fn a_generation_is_a_whole_number_from_1() {
        assert_eq!(parse_generation("3"), Ok(GenerationId(3)));
        for bad in ["", "0", "-1", "+1", "1.0", "three", "4294967296"] {
            assert!(parse_generation(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_repeat_what_was_asked_for() {
        let query = AsOfQuery { at: Some("2026-11-23T08:00:00+08:00".parse().unwrap()), generation: Some(GenerationId(2)), draft: None };
        assert_eq!(query.to_pairs(), "&at=2026-11-23T00%3A00%3A00Z&generation=2");
        assert_eq!(AsOfQuery { draft: Some(GenerationId(3)), ..AsOfQuery::default() }.to_pairs(), "&draft=3");
        assert_eq!(AsOfQuery::default().to_pairs(), "");
    }
}
