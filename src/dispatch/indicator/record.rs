use jiff::Timestamp;

use super::facts::{CaseFacts, Round, StageFacts, TaskFacts};
use crate::dispatch::workflow::{Appeal, CaseClock, CaseEvent, CaseState, Effect, TaskState};
use crate::dispatch::{Case, DepartmentId, DepartmentRole, Stage};

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
    /// Reads a case and its history as far as it was known at `as_of`, which may be not at all: then it is a mere record, and only that it
    /// was reported is known.
    pub fn of(case: &Case, events: &[CaseEvent], as_of: Timestamp) -> Self {
        let known = events.iter().position(|event| event.at > as_of).unwrap_or(events.len());
        let events = &events[..known];
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
            rounds: Vec::new(),
            is_taken_up: false,
            has_history: false,
            verifications: Vec::new(),
            stages: Vec::new(),
            tasks: Vec::new(),
            returns: 0,
            reopenings: 0,
            is_extended: false,
            is_delay_excused: false,
            is_off_list: false,
            rating: None,
            is_repeat: events.iter().any(|event| !event.facts.duplicates.is_empty()),
        };
        if let Some((rounds, state)) = read_rounds(events) {
            facts.rounds = rounds;
            facts.read(&state, events);
        }
        facts
    }

    fn read(&mut self, state: &CaseState, events: &[CaseEvent]) {
        self.has_history = true;
        self.voided_at = self.rounds.last().and_then(|round| round.voided_at);
        self.filed_at = state.filed_at;
        let asked = events.iter().enumerate().filter(|(_, event)| event.effect == Effect::Verify);
        let seen = |at: usize| events[at + 1..].iter().find(|later| later.state != events[at].state).map(|later| later.at);
        self.verifications = asked.map(|(at, event)| (event.at, seen(at))).collect();
        self.stages = state.clocks.iter().map(StageFacts::of).collect();
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
        let reopened: Vec<Timestamp> = self.rounds.iter().filter_map(|round| round.began_at).collect();
        for task in &state.tasks {
            let clocks: Vec<&CaseClock> = task.past_clocks.iter().chain([&task.clock]).collect();
            // What was sent back to be done again is judged by the clock that it then got; that it was sent back is counted by itself. What
            // was done before the case was reopened was done.
            let is_one = |before: &&CaseClock, next: &&CaseClock| {
                let lies_between = |at: &Timestamp| before.ended_at.is_some_and(|end| end <= *at) && *at <= next.started_at;
                !reopened.iter().any(lies_between)
            };
            let turns: Vec<&[&CaseClock]> = clocks.chunk_by(is_one).collect();
            for (number, turn) in turns.iter().enumerate() {
                let (first, last) = (turn[0], turn[turn.len() - 1]);
                let is_last = number + 1 == turns.len();
                self.tasks.push(TaskFacts {
                    department: task.department.clone(),
                    is_lead: task.role == DepartmentRole::Lead,
                    given_at: first.started_at,
                    // What is sent back needs not be accepted again.
                    accepted_at: if number == 0 { task.accepted_at } else { Some(first.started_at) },
                    due_at: due_of(last),
                    done_at: last.ended_at.filter(|_| !is_last || task.state == TaskState::Done),
                    is_gone: is_last && task.state.is_gone(),
                    cancelled_at: last.ended_at.filter(|_| is_last && task.state == TaskState::Cancelled),
                    is_extended: extended.contains(&&task.department),
                });
            }
        }
        let is_settled = self.rounds.iter().any(|round| round.settled_at.is_some());
        self.is_taken_up = self.filed_at.is_some() || !self.tasks.is_empty() || is_settled;
    }
}

/// Folds a history, and tells its rounds apart on the way; none where it has none.
fn read_rounds(events: &[CaseEvent]) -> Option<(Vec<Round>, CaseState)> {
    let (first, others) = events.split_first()?;
    let mut state = CaseState::fold([first])?;
    let (mut rounds, mut began_at, mut reworks) = (Vec::new(), None, 0);
    for event in others {
        if state.is_end && !event.is_end {
            rounds.push(Round { reopened_at: Some(event.at), ..round_of(&state, began_at, reworks) });
            (began_at, reworks) = (Some(event.at), state.reworks);
        }
        state.apply(event);
    }
    rounds.push(round_of(&state, began_at, reworks));
    Some((rounds, state))
}

/// Reads the round that began at some time, before which things were sent back `reworks_before` times.
fn round_of(state: &CaseState, began_at: Option<Timestamp>, reworks_before: u32) -> Round {
    let total = state.clocks.iter().rfind(|clock| clock.stage == Stage::Total).and_then(due_of);
    let due_of_tasks = |since: Option<Timestamp>| {
        let tasks = state.tasks.iter().filter(|task| !task.state.is_gone() && since.is_none_or(|since| task.clock.started_at >= since));
        tasks.filter_map(|task| due_of(&task.clock)).max()
    };
    // Until it has tasks of its own it is due when it was.
    let due_at = total.or_else(|| due_of_tasks(began_at)).or_else(|| due_of_tasks(None));
    let is_void = state.ended_how == Some(Effect::Void);
    Round {
        began_at,
        due_at,
        settled_at: state.ended_at.filter(|_| !is_void),
        voided_at: state.ended_at.filter(|_| is_void),
        reopened_at: None,
        reworks: state.reworks.saturating_sub(reworks_before),
    }
}
