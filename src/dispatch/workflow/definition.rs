use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::dispatch::{Limit, Role, Stage};

/// The name of a state, such as `pending_dispatch`; what a city calls it is its title.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateName(pub Arc<str>);

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a move, such as `file`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionName(pub Arc<str>);

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$each])* $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    };
}
pub(super) use words;

words! {
    /// What a move does beside going to another state. Cities name and order moves as they like; these are what moves are made of.
    Effect {
        /// The case is taken in. Only ever the first event.
        Report = "report",
        /// A remark, or a move that means nothing beyond its state.
        Note = "note",
        /// Somebody is asked to look at the place before the case is filed (核查): the nearest collector unless one is named.
        Verify = "verify",
        /// The case is filed (立案) by a condition; its total clock begins.
        File = "file",
        /// It will not be handled (不予立案, 作废).
        Void = "void",
        /// The keeper has put it right on the spot (自行处置).
        SelfHandle = "self_handle",
        /// Departments get tasks (派遣), each with its own clock. Those that have one keep it, so this also calls others in (联动).
        Dispatch = "dispatch",
        /// A department takes its task on.
        Accept = "accept",
        /// A person of the department is named for its task.
        Assign = "assign",
        /// A department gives its task back (回退).
        Return = "return",
        /// A task goes on to another department (转派), with a clock of its own.
        Transfer = "transfer",
        /// A department has done its task (处置反馈). The state changes when all have.
        Done = "done",
        /// What was done is not good (返工): the task of the department named, or all, begin again.
        Rework = "rework",
        /// The case is settled (结案).
        Close = "close",
        /// A settled case begins again.
        Reopen = "reopen",
        /// All clocks stand still (挂账).
        Suspend = "suspend",
        /// They go on.
        Resume = "resume",
        /// A clock gets longer (延期).
        Extend = "extend",
        /// The case is watched from above (督办).
        Supervise = "supervise",
        /// A department says that it was not late by its own fault: once, and only when the case has ended.
        Appeal = "appeal",
        /// The appeal is looked at; it takes two.
        ReviewAppeal = "review_appeal",
        /// The appeal is turned down, at either look.
        RejectAppeal = "reject_appeal",
        /// The place is corrected.
        Move = "move",
        /// The category is corrected.
        Reclassify = "reclassify",
        /// Text, media and exact position may be shown to all, or no longer.
        Moderate = "moderate",
        /// Who reported says how content they are, 1 to 5.
        Rate = "rate",
        /// Little is left of a clock. The service's own, as the three below: no workflow declares them.
        DueSoon = "due_soon",
        /// A clock has run out.
        Overdue = "overdue",
        /// Somebody higher up is to know that a clock has run out.
        Escalate = "escalate",
        /// The case has come to another grid or keeper, though nobody moved it: boundaries or the roster changed, or a dispatcher has
        /// ruled whose it is.
        Reassign = "reassign",
        /// A photo of it was added. Who may do so need not be said by a workflow, and no move of one stands for it.
        Photo = "photo",
    }
}

impl Effect {
    /// Whether it is about the task of one department.
    pub fn is_of_task(self) -> bool {
        matches!(self, Self::Accept | Self::Assign | Self::Return | Self::Transfer | Self::Done)
    }

    /// Whether somebody decides by it what another has appealed for.
    pub fn decides_appeal(self) -> bool {
        matches!(self, Self::ReviewAppeal | Self::RejectAppeal)
    }

    /// Whether the service makes it by itself, so that no workflow may declare it.
    pub fn is_of_service(self) -> bool {
        matches!(self, Self::Report | Self::DueSoon | Self::Overdue | Self::Escalate | Self::Reassign | Self::Photo)
    }

    /// Whether it may be done while the clocks stand still.
    fn is_open_while_suspended(self) -> bool {
        matches!(self, Self::Note | Self::Resume | Self::Supervise | Self::Void | Self::Moderate | Self::Move | Self::Reclassify)
    }

    pub(super) fn is_open_in(self, is_suspended: bool) -> bool {
        if is_suspended { self.is_open_while_suspended() } else { self != Self::Resume }
    }
}

words! {
    /// What must be said with a move.
    Need {
        Reason = "reason",
        /// The filing or closing condition by which it is done.
        Condition = "condition",
        Department = "department",
        Worker = "worker",
        /// How much longer.
        Limit = "limit",
        Place = "place",
        Category = "category",
        Rating = "rating",
        Published = "published",
    }
}

/// A state of cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDefinition {
    pub name: StateName,
    pub title: String,
    /// The stage whose clock begins when a case comes here; that of handling is each task's own and begins with it.
    pub stage: Option<Stage>,
    /// Whether a case ends here.
    pub is_end: bool,
}

/// A move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionDefinition {
    pub name: ActionName,
    pub title: String,
    pub from: Vec<StateName>,
    /// Where it leads; none stays. A task's move leads there when it was the last one: the last to be done, the last given back.
    pub to: Option<StateName>,
    /// Who may make it. Administrators may make any.
    pub roles: Vec<Role>,
    pub needs: Vec<Need>,
    pub effect: Effect,
}

/// What may be given to a keeper (准入清单). The rest goes to its department, and a keeper who does it all the same is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Codes of categories, or of their wider kinds; none admits all.
    pub categories: Option<Vec<String>>,
}

impl Admission {
    /// Whether a keeper may be given a case of the category, which may name its condition too.
    pub fn admits(&self, category: &str, major: Option<&str>) -> bool {
        let code = category.split(':').next().unwrap_or(category);
        let is_listed = |listed: &String| listed == code || Some(listed.as_str()) == major;
        self.categories.as_ref().is_none_or(|categories| categories.iter().any(is_listed))
    }
}

/// From when somebody higher up is to know that a clock has run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscalationStep {
    pub level: u8,
    /// None: of any stage.
    pub stage: Option<Stage>,
    /// How much later than due, by whatever clock; none at once.
    pub after: Option<Limit>,
    /// Who is told, as the city calls it.
    pub to: String,
}

/// A declared life of cases. What it names is there, which [`Workflow::new`] sees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    pub name: String,
    pub(super) start: StateName,
    /// Whether departments get their tasks with the report, where a rule names any.
    pub(super) dispatches_at_once: bool,
    pub(super) states: Vec<StateDefinition>,
    pub(super) actions: Vec<ActionDefinition>,
    /// The lowest level first.
    pub(super) escalation: Vec<EscalationStep>,
    pub admission: Admission,
    /// How much of a limit has gone by when it is told that little is left, percent; none tells nothing.
    pub due_soon_percent: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkflowError {
    #[error("the workflow {workflow} names the state {state}, which it does not declare; its states are {known}")]
    UnknownState { workflow: String, state: StateName, known: String },
    #[error("the workflow {workflow} declares {name} twice; rename one")]
    Twice { workflow: String, name: String },
    #[error("no move of the workflow {workflow} leads to the state {state}; give it one, or take it out")]
    Unreachable { workflow: String, state: StateName },
    #[error("no move of the workflow {workflow} leads on from the state {state}, which is no end; give it one, or make it an end")]
    DeadEnd { workflow: String, state: StateName },
    #[error("the action {action} of the workflow {workflow} is open to nobody; name its roles")]
    NoRoles { workflow: String, action: ActionName },
    #[error("the action {action} of the workflow {workflow} has the effect {}, which only the service makes; give it another", effect.as_str())]
    OfService { workflow: String, action: ActionName, effect: Effect },
    #[error("the workflow {workflow} tells that little is left after {percent} percent of a limit; name 1 to 99")]
    DueSoon { workflow: String, percent: u8 },
}

impl Workflow {
    /// Puts a workflow together.
    ///
    /// # Errors
    /// A name that is not declared or declared twice, a state that cannot be reached or left, or a move that nobody may make.
    pub fn new(
        name: String,
        start: StateName,
        dispatches_at_once: bool,
        states: Vec<StateDefinition>,
        actions: Vec<ActionDefinition>,
        mut escalation: Vec<EscalationStep>,
        admission: Admission,
    ) -> Result<Self, WorkflowError> {
        escalation.sort_by_key(|step| step.level);
        let workflow = Self { name, start, dispatches_at_once, states, actions, escalation, admission, due_soon_percent: None };
        workflow.check().map(|()| workflow)
    }

    /// Has it told when so much of a limit has gone by.
    ///
    /// # Errors
    /// It is not from 1 to 99 percent.
    pub fn telling_after(self, percent: u8) -> Result<Self, WorkflowError> {
        if (1..=99).contains(&percent) {
            Ok(Self { due_soon_percent: Some(percent), ..self })
        } else {
            Err(WorkflowError::DueSoon { workflow: self.name, percent })
        }
    }

    pub fn start(&self) -> &StateDefinition {
        self.state(&self.start).expect("the start was declared, which making the workflow has checked")
    }

    pub fn states(&self) -> &[StateDefinition] {
        &self.states
    }

    pub fn actions(&self) -> &[ActionDefinition] {
        &self.actions
    }

    pub fn state(&self, name: &StateName) -> Option<&StateDefinition> {
        self.states.iter().find(|state| &state.name == name)
    }

    pub fn action(&self, name: &str) -> Option<&ActionDefinition> {
        self.actions.iter().find(|action| &*action.name.0 == name)
    }

    fn check(&self) -> Result<(), WorkflowError> {
        let workflow = || self.name.clone();
        let mut names = FxHashSet::default();
        for state in &self.states {
            if !names.insert(&*state.name.0) {
                return Err(WorkflowError::Twice { workflow: workflow(), name: state.name.to_string() });
            }
        }
        let mut actions = FxHashSet::default();
        for action in &self.actions {
            if !actions.insert(&*action.name.0) {
                return Err(WorkflowError::Twice { workflow: workflow(), name: action.name.to_string() });
            }
            if action.roles.is_empty() {
                return Err(WorkflowError::NoRoles { workflow: workflow(), action: action.name.clone() });
            }
            if action.effect.is_of_service() {
                return Err(WorkflowError::OfService { workflow: workflow(), action: action.name.clone(), effect: action.effect });
            }
        }
        let named = self.actions.iter().flat_map(|action| action.from.iter().chain(&action.to)).chain([&self.start]);
        for state in named {
            if !names.contains(&*state.0) {
                let known = self.states.iter().map(|state| state.name.to_string()).collect::<Vec<_>>().join(", ");
                return Err(WorkflowError::UnknownState { workflow: workflow(), state: state.clone(), known });
            }
        }
        for StateDefinition { name: state, is_end, .. } in &self.states {
            let leads_here = |action: &ActionDefinition| action.to.as_ref() == Some(state) && action.from.iter().any(|from| from != state);
            if state != &self.start && !self.actions.iter().any(leads_here) {
                return Err(WorkflowError::Unreachable { workflow: workflow(), state: state.clone() });
            }
            let leads_on = |action: &ActionDefinition| action.from.contains(state) && action.to.as_ref().is_some_and(|to| to != state);
            if !is_end && !self.actions.iter().any(leads_on) {
                return Err(WorkflowError::DeadEnd { workflow: workflow(), state: state.clone() });
            }
        }
        Ok(())
    }
}
