//! The life of a case: a state machine that a city declares, and a history that is only ever added to.
//!
//! `definition` says which moves there are, `decide` whether one is open now and what comes of it, as an event; `state` folds events
//! into what a case is. Nothing but events changes a case, so its state is what its history says. `ring` makes the events that a clock
//! brings about, `photo` that by which a photo is added, `takeover` those of a case that was begun elsewhere, `notice` tells whom an event
//! concerns by name, and `escalation` tells who is to know that one has run out.

mod decide;
mod definition;
mod escalation;
mod event;
#[cfg(test)]
mod histories;
mod notice;
mod order;
mod photo;
mod ring;
mod state;
mod takeover;

pub use decide::{Refusal, begin, decide};
pub use definition::{
    ActionDefinition, ActionName, Admission, Effect, EscalationStep, Need, StateDefinition, StateName, Workflow, WorkflowError,
};
pub use escalation::{Escalation, escalation};
pub use event::{AlarmFact, Appointed, CaseEvent, ClockFact, Facts, NextWord, Place, RulingId, Word};
pub use notice::{NoticeKind, notices_of};
pub use order::{Actor, Context, Order};
pub use photo::with_photo;
pub use ring::{SERVICE, ring};
pub use state::{Appeal, CaseClock, CaseState, Task, TaskState};
pub use takeover::{ImpliedTasks, Takeover, take_over};
