use jiff::Timestamp;

use super::facts::{CaseFacts, StageFacts, TaskFacts};
use crate::dispatch::workflow::{Appeal, CaseClock, CaseEvent, CaseState, Effect, TaskState};
use crate::dispatch::{Case, DepartmentId, DepartmentRole};

impl StageFacts {
    fn of(clock: &CaseClock) -> Self {
        Self { stage: clock.stage, started_at: clock.started_at, due_at: due_of(clock), ended_at: clock.ended_at }
    }
}

/// A clock that stands still was due at another time; that is when it was asked for.
fn due_of(clock: &CaseClock) -> Option<Timestamp> {
    clock.due_at.or(clock.was_due_at)
}

impl CaseFacts {
    /// Reads a case and its history, which may be empty: then it is a mere record, and only that it was reported is known.
    pub fn of(case: &Case, events: &[CaseEvent]) -> Self {
        let mut facts = Self {
            id: case.id,
            position: case.position,
            category: case.category.clone(),
            source: case.source.clone(),
            reported_at: case.reported_at,
            grid: case.grid.clone(),
            generation: case.generation,
            holder: case.holder.clone(),
            filed_at: None,
            voided_at: None,
            closed_at: None,
            is_taken_up: false,
            has_history: false,
            verifications: Vec::new(),
            stages: Vec::new(),
            tasks: Vec::new(),
            reworks: 0,
            returns: 0,
            reopenings: 0,
            is_extended: false,
            is_delay_excused: false,
            is_off_list: false,
            rating: None,
            is_repeat: events.iter().any(|event| !event.facts.duplicates.is_empty()),
        };
        if let Some(state) = CaseState::fold(events) {
            facts.read(&state, events);
        }
        facts
    }

    fn read(&mut self, state: &CaseState, events: &[CaseEvent]) {
        self.has_history = true;
        let is_void = state.ended_how == Some(Effect::Void);
        self.voided_at = state.ended_at.filter(|_| is_void);
        self.closed_at = state.ended_at.filter(|_| !is_void);
        self.filed_at = state.filed_at;
        let asked = events.iter().enumerate().filter(|(_, event)| event.effect == Effect::Verify);
        let seen = |at: usize| events[at + 1..].iter().find(|later| later.state != events[at].state).map(|later| later.at);
        self.verifications = asked.map(|(at, event)| (event.at, seen(at))).collect();
        self.stages = state.clocks.iter().map(StageFacts::of).collect();
        self.reworks = state.reworks;
        self.returns = state.returns;
        self.reopenings = state.reopenings;
        self.is_extended = state.extensions > 0;
        self.is_delay_excused = state.appeal == Appeal::Upheld;
        self.is_off_list = state.is_off_list;
        self.rating = state.rating;
        let extended: Vec<&DepartmentId> = events
            .iter()
            .filter(|event| event.effect == Effect::Extend)
            .flat_map(|event| event.facts.clocks.iter().filter_map(|clock| clock.department.as_ref()))
            .collect();
        for task in &state.tasks {
            // What was sent back to be done again is judged by the clock that it then got; that it was sent back is counted by itself.
            self.tasks.push(TaskFacts {
                department: task.department.clone(),
                is_lead: task.role == DepartmentRole::Lead,
                given_at: task.past_clocks.first().unwrap_or(&task.clock).started_at,
                accepted_at: task.accepted_at,
                due_at: due_of(&task.clock),
                done_at: task.clock.ended_at.filter(|_| task.state == TaskState::Done),
                is_gone: task.state.is_gone(),
                cancelled_at: task.clock.ended_at.filter(|_| task.state == TaskState::Cancelled),
                is_extended: extended.contains(&&task.department),
                reworks: task.reworks,
            });
        }
        self.is_taken_up = self.filed_at.is_some() || !self.tasks.is_empty() || self.closed_at.is_some();
    }
}
