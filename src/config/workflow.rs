//! Reads a declared workflow. Two stand in the program; a city may name a file of its own.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::dispatch::workflow::{
    ActionDefinition, ActionName, Admission, Effect, EscalationStep, Need, StateDefinition, StateName, Workflow, WorkflowError,
};
use crate::dispatch::{Limit, LimitError, Role, Stage};

/// The workflows that stand in the program, by the names under which they are asked for.
const SHIPPED: [(&str, &str); 2] =
    [("chinese-city", include_str!("../../workflows/chinese-city.toml")), ("plain-311", include_str!("../../workflows/plain-311.toml"))];

#[derive(Debug, thiserror::Error)]
pub enum WorkflowFileError {
    #[error("there is no workflow {name:?} and no such file; name chinese-city, plain-311 or a .toml file")]
    Missing { name: String },
    #[error("cannot read the workflow {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read the workflow {name}")]
    Form {
        name: String,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("the workflow {workflow} has no {what} {word:?}; it is one of {known}")]
    Word { workflow: String, what: &'static str, word: String, known: String },
    #[error("the workflow {workflow} has a wrong time")]
    Limit {
        workflow: String,
        #[source]
        source: LimitError,
    },
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

/// Reads the workflow of a name, or of a file.
///
/// # Errors
/// There is none, or it is not whole.
pub fn load_workflow(name: &str) -> Result<Workflow, WorkflowFileError> {
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return parse_workflow(name, text);
    }
    let path = Path::new(name);
    if !path.is_file() {
        return Err(WorkflowFileError::Missing { name: name.to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(|source| WorkflowFileError::Read { path: path.to_owned(), source })?;
    parse_workflow(name, &text)
}

fn parse_workflow(name: &str, text: &str) -> Result<Workflow, WorkflowFileError> {
    let file: File = toml::from_str(text).map_err(|e| WorkflowFileError::Form { name: name.to_owned(), source: Box::new(e) })?;
    let states = file.states.iter().map(|state| {
        let stage = state.stage.as_deref().map(|stage| file.word("stage", stage, Stage::ALL, Stage::as_str)).transpose()?;
        Ok(StateDefinition { name: to_state(&state.name), title: state.title.clone(), stage, is_end: state.end })
    });
    let states = states.collect::<Result<_, WorkflowFileError>>()?;
    let actions = file.actions.iter().map(|action| {
        let roles = action.roles.iter().map(|role| file.word("role", role, Role::ALL, Role::as_str));
        let needs = action.needs.iter().map(|need| file.word("need", need, Need::ALL.iter().copied(), Need::as_str));
        Ok(ActionDefinition {
            name: ActionName(action.name.as_str().into()),
            title: action.title.clone(),
            from: action.from.iter().map(|state| to_state(state)).collect(),
            to: action.to.as_deref().map(to_state),
            roles: roles.collect::<Result<_, _>>()?,
            needs: needs.collect::<Result<_, _>>()?,
            effect: file.word("effect", &action.effect, Effect::ALL.iter().copied(), Effect::as_str)?,
        })
    });
    let actions = actions.collect::<Result<_, WorkflowFileError>>()?;
    let escalation = file.escalation.iter().map(|step| {
        let stage = step.stage.as_deref().map(|stage| file.word("stage", stage, Stage::ALL, Stage::as_str)).transpose()?;
        let limit = |text: &String| Limit::parse(text).map_err(|source| WorkflowFileError::Limit { workflow: file.name.clone(), source });
        Ok(EscalationStep { level: step.level, stage, after: step.after.as_ref().map(limit).transpose()?, to: step.to.clone() })
    });
    let escalation = escalation.collect::<Result<_, WorkflowFileError>>()?;
    let admission = Admission { categories: file.admission.and_then(|admission| admission.categories) };
    let workflow = Workflow::new(file.name, to_state(&file.start), file.dispatches_at_once, states, actions, escalation, admission)?;
    Ok(match file.due_soon_percent {
        Some(percent) => workflow.telling_after(percent)?,
        None => workflow,
    })
}

fn to_state(name: &str) -> StateName {
    StateName(name.into())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    start: String,
    #[serde(default)]
    dispatches_at_once: bool,
    due_soon_percent: Option<u8>,
    states: Vec<State>,
    actions: Vec<Action>,
    #[serde(default)]
    escalation: Vec<Step>,
    admission: Option<AdmissionList>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    name: String,
    title: String,
    stage: Option<String>,
    #[serde(default)]
    end: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    name: String,
    title: String,
    from: Vec<String>,
    to: Option<String>,
    roles: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    effect: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    level: u8,
    stage: Option<String>,
    after: Option<String>,
    to: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AdmissionList {
    categories: Option<Vec<String>>,
}

impl File {
    fn word<T: Copy>(
        &self,
        what: &'static str,
        word: &str,
        all: impl IntoIterator<Item = T>,
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, WorkflowFileError> {
        let all: Vec<T> = all.into_iter().collect();
        all.iter().copied().find(|known| name(*known) == word).ok_or_else(|| WorkflowFileError::Word {
            workflow: self.name.clone(),
            what,
            word: word.to_owned(),
            known: all.into_iter().map(name).collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::boundary::Position;
    use crate::dispatch::workflow::{Appointed, CaseEvent, CaseState, Context, Order, Place, Refusal, TaskState, begin, decide, ring};
    use crate::dispatch::{Calendar, DepartmentId, DepartmentRole, Departments, Limits, WorkerId};

    fn appointed(id: &str) -> Appointed {
        Appointed { department: DepartmentId(id.into()), name: id.into(), role: DepartmentRole::Lead }
    }

    fn context(calendar: &Calendar) -> Context<'_> {
        let limit = |text: &str| Some(Limit::parse(text).unwrap());
        let (position, given) = (Position { lon: 111.6, lat: 26.2 }, String::new());
        Context {
            departments: vec![appointed("D1"), Appointed { role: DepartmentRole::Co, ..appointed("D2") }],
            known: Departments::default(),
            limits: Limits {
                dispatch: limit("2工作时"), handle: limit("1工作日"), check: limit("4紧急工作时"), total: limit("3工作日")
            },
            calendar,
            collector: Some(WorkerId("w1".into())),
            category: "E0110".into(),
            major: None,
            place: Place { position, given, district: None, grid: None, generation: None, holder: None, border_m: None },
        }
    }

    /// A case that is moved on by a shipped workflow.
    struct Played {
        workflow: Workflow,
        calendar: Calendar,
        events: Vec<CaseEvent>,
        at: Timestamp,
    }

    impl Played {
        fn new(workflow: &str) -> Self {
            let (workflow, calendar) = (load_workflow(workflow).unwrap(), Calendar::stand_in(TimeZone::get("Asia/Shanghai").unwrap()));
            // A Friday morning.
            let at = "2026-11-27T01:00:00Z".parse().unwrap();
            let events = vec![begin(&workflow, Role::Worker, "worker", at, &context(&calendar))];
            Self { workflow, calendar, events, at }
        }

        fn state(&self) -> CaseState {
            CaseState::fold(&self.events).unwrap()
        }

        /// Makes a move that says all that any may need, of and for the department that is named.
        fn play(&mut self, action: &str, department: Option<&str>) -> Result<(), Refusal> {
            let gives = self.workflow.action(action).is_some_and(|action| matches!(action.effect, Effect::Dispatch | Effect::Transfer));
            let order = Order {
                reason: "because".into(),
                condition: "1".into(),
                worker: Some(WorkerId("w2".into())),
                limit: Limit::parse("1工作日").ok(),
                place: Some(context(&self.calendar).place),
                category: Some("E0111".into()),
                rating: Some(5),
                published: Some(true),
                department: department.filter(|_| !gives).map(|id| DepartmentId(id.into())),
                departments: department.filter(|_| gives).map(appointed).into_iter().collect(),
                ..Order::new(action, Role::Dispatcher, "dispatcher", self.at)
            };
            let event = decide(&self.workflow, &self.state(), &order, &context(&self.calendar))?;
            self.events.push(event);
            Ok(())
        }
    }

    #[test]
    fn a_case_that_is_closed_undone_has_its_tasks_cancelled_and_says_so() {
        let mut case = Played::new("plain-311");
        case.play("accept", Some("D2")).unwrap();
        case.play("done", Some("D2")).unwrap();
        case.play("close", None).unwrap();
        let state = case.state();
        let tasks: Vec<_> = state.tasks.iter().map(|task| (&*task.department.0, task.state, task.clock.ended_at.is_some())).collect();
        assert_eq!(tasks, [("D1", TaskState::Cancelled, true), ("D2", TaskState::Done, true)]);
        let closed = &case.events.last().unwrap().facts;
        assert_eq!((&closed.cancelled, closed.reason.as_str()), (&vec![DepartmentId("D1".into())], "because"));
        // Taken up again it is nobody's until somebody is given it.
        case.play("reopen", None).unwrap();
        assert!(case.state().open_tasks().next().is_none() && case.play("accept", Some("D1")).is_err());
        case.play("dispatch", Some("D1")).unwrap();
        case.play("done", Some("D1")).unwrap();
        let ended = case.events.last().unwrap();
        assert!(ended.is_end && ended.facts.cancelled.is_empty(), "what was done last is not cancelled");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_ended_case_has_no_open_task_and_no_running_clock(
            shipped in 0..SHIPPED.len(),
            moves in prop::collection::vec((0_usize..64, 0_usize..4, 0_i64..2_000), 1..60),
        ) {
            let mut case = Played::new(SHIPPED[shipped].0);
            for (action, department, minutes) in moves {
                case.at += SignedDuration::from_mins(minutes);
                let before = case.state();
                let names: Vec<String> = case.workflow.actions().iter().map(|action| action.name.to_string()).collect();
                let made = case.play(&names[action % names.len()], ["D1", "D2", "D3"].get(department).copied());
                while let Some(event) = ring(&case.workflow, &case.state(), &case.calendar, case.at) {
                    case.events.push(event);
                }
                let state = case.state();
                if state.is_end {
                    prop_assert!(state.open_tasks().next().is_none() && state.running().next().is_none());
                    prop_assert!(state.due_at().is_none() && state.alarm_at().is_none() && !state.is_overdue(Timestamp::MAX));
                }
                // The event that ends it names those whose tasks it ends, and no other.
                let cancelled = |state: &CaseState| state.tasks.iter().filter(|task| task.state == TaskState::Cancelled).count();
                if made.is_ok() && !before.is_end && state.is_end {
                    prop_assert_eq!(cancelled(&state) - cancelled(&before), case.events.last().unwrap().facts.cancelled.len());
                } else {
                    prop_assert_eq!(cancelled(&state), cancelled(&before));
                }
            }
        }
    }

    #[test]
    fn the_shipped_workflows_are_whole() {
        for (name, _) in SHIPPED {
            let workflow = load_workflow(name).unwrap();
            assert_eq!(workflow.name, name);
            assert!(!workflow.start().is_end);
        }
        let chinese = load_workflow("chinese-city").unwrap();
        // Every return, rework and refusal has to be given a reason.
        for action in chinese.actions().iter().filter(|action| matches!(action.effect, Effect::Return | Effect::Rework | Effect::Void)) {
            assert!(action.needs.contains(&Need::Reason), "{}", action.name);
        }
    }

    #[test]
    fn what_is_wrong_with_a_workflow_is_named() {
        let text = SHIPPED[1].1;
        let refused = |from: &str, to: &str| parse_workflow("own", &text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(refused("effect = \"accept\"", "effect = \"take\"").contains("no effect \"take\""));
        assert!(refused("to = \"in_progress\"", "to = \"busy\"").contains("names the state busy"));
        assert!(refused("roles = [\"dispatcher\"]", "roles = []").contains("is open to nobody"));
        assert!(refused("name = \"accept\"", "name = \"dispatch\"").contains("declares dispatch twice"));
        let lost = "[[states]]\nname = \"lost\"\ntitle = \"Lost\"\n\n[[actions]]";
        assert!(refused("[[actions]]", lost).contains("leads to the state lost"));
        assert!(load_workflow("nothing").unwrap_err().to_string().contains("chinese-city, plain-311"));
    }
}
