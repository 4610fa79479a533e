use jiff::Timestamp;

use super::definition::{Effect, StateName, words};
use super::event::{AlarmFact, CaseEvent, ClockFact, NextWord, Word};
use super::order::Actor;
use crate::dispatch::{DepartmentId, DepartmentRole, Limit, Pause, PhotoId, Stage, WorkerId};

/// What a case is: the sum of its events, and of nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseState {
    pub name: StateName,
    pub is_end: bool,
    /// The number of its last event.
    pub version: u32,
    pub changed_at: Timestamp,
    /// The tasks of departments, in the order in which they were given; those given back and passed on too.
    pub tasks: Vec<Task>,
    /// Clocks of the case as a whole, those that have stopped too.
    pub clocks: Vec<CaseClock>,
    pub suspended_since: Option<Timestamp>,
    pub filed_at: Option<Timestamp>,
    /// The condition by which it was filed; empty where none was named, or the category is another since.
    pub filed_by: String,
    pub ended_at: Option<Timestamp>,
    /// What ended it.
    pub ended_how: Option<Effect>,
    /// Who looks at the place: before filing, or when it is done.
    pub collector: Option<WorkerId>,
    /// The state in which the collector was asked to.
    asked_in: Option<StateName>,
    pub reworks: u32,
    pub returns: u32,
    pub extensions: u32,
    pub reopenings: u32,
    pub is_supervised: bool,
    pub appeal: Appeal,
    /// Who has appealed, and who that is where the key was a worker's own.
    appealed_by: Option<(String, Option<WorkerId>)>,
    pub is_published: bool,
    /// Photos in the order in which they were added, those that were erased since too.
    pub photos: Vec<PhotoId>,
    /// Those of them that somebody has looked at who said that they may be shown to all.
    photos_shown: Vec<PhotoId>,
    pub is_off_list: bool,
    pub rating: Option<u8>,
}

words! {
    /// How far an appeal is.
    Appeal {
        None = "none",
        Open = "open",
        /// Upheld once; it takes another.
        Reviewed = "reviewed",
        /// The delay stays as a fact and is left out of figures.
        Upheld = "upheld",
        Rejected = "rejected",
    }
}

words! {
    TaskState {
        Waiting = "waiting",
        Accepted = "accepted",
        Done = "done",
        Returned = "returned",
        /// It went on to another department.
        Passed = "passed",
        /// The case ended before it was done.
        Cancelled = "cancelled",
    }
}

impl TaskState {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Accepted)
    }

    /// Whether the department is rid of it without having done it.
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Returned | Self::Passed)
    }
}

/// What one department is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub department: DepartmentId,
    pub name: String,
    pub role: DepartmentRole,
    pub state: TaskState,
    pub worker: Option<WorkerId>,
    pub accepted_at: Option<Timestamp>,
    pub reworks: u32,
    /// How often the case had been reopened when it was given.
    pub round: u32,
    pub clock: CaseClock,
    /// Those before its reworks, oldest first.
    pub past_clocks: Vec<CaseClock>,
}

/// A clock that times a stage of a case or a task.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseClock {
    pub stage: Stage,
    pub limit: Option<Limit>,
    pub started_at: Timestamp,
    /// None where there is no limit, and while it stands still.
    pub due_at: Option<Timestamp>,
    /// When it was due when it was last stopped.
    pub was_due_at: Option<Timestamp>,
    pub pauses: Vec<Pause>,
    pub ended_at: Option<Timestamp>,
    /// What was told of it last, of its present due time.
    pub told: Option<Word>,
    /// What is told of it next, if nothing happens; none while it stands still.
    pub next: Option<NextWord>,
    /// What was to be told next when it was last stopped.
    was_next: Option<NextWord>,
}

impl CaseClock {
    fn begin(fact: &ClockFact, at: Timestamp) -> Self {
        Self {
            stage: fact.stage,
            limit: fact.limit,
            started_at: at,
            due_at: fact.due_at,
            was_due_at: None,
            pauses: Vec::new(),
            ended_at: None,
            told: None,
            next: first_word(fact),
            was_next: None,
        }
    }

    /// Takes another due time. One that is the same, as of a clock that was over before it was stopped, is not told of again.
    fn set(&mut self, fact: &ClockFact) {
        self.limit = fact.limit;
        let is_resumed = self.due_at.is_none();
        if self.due_at.or(self.was_due_at) == fact.due_at {
            self.next = self.next.take().or(self.was_next.take());
        } else {
            self.told = self.told.take().filter(|told| is_resumed && *told == Word::Soon);
            self.next = first_word(fact);
        }
        self.due_at = fact.due_at;
    }

    /// Returns when it was to be told that little is left, of a clock that stands still and was not told of yet.
    pub(super) fn was_warned_at(&self) -> Option<Timestamp> {
        self.was_next.as_ref().filter(|next| next.word == Word::Soon).map(|next| next.at)
    }

    fn tell(&mut self, alarm: &AlarmFact) {
        if self.due_at == Some(alarm.due_at) {
            self.told = Some(alarm.word.clone());
            self.next.clone_from(&alarm.next);
        }
    }

    pub fn is_running(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether it was not stopped in time, or has not been at `at`.
    pub fn is_overdue(&self, at: Timestamp) -> bool {
        self.due_at.is_some_and(|due| self.ended_at.unwrap_or(at) > due)
    }

    /// Whether it had run out by the time at which it was stopped, came to stand still, or by `at`.
    fn is_late(&self, at: Timestamp) -> bool {
        let stood_at = self.pauses.last().filter(|pause| pause.to.is_none()).map(|pause| pause.from);
        let until = self.ended_at.or(stood_at).unwrap_or(at);
        self.due_at.or(self.was_due_at).is_some_and(|due| until > due)
    }

    fn end(&mut self, at: Timestamp) {
        self.ended_at.get_or_insert(at);
    }

    fn pause(&mut self, at: Timestamp) {
        self.was_due_at = self.due_at.take();
        self.was_next = self.next.take();
        self.pauses.push(Pause { from: at, to: None });
    }

    fn resume(&mut self, at: Timestamp) {
        if let Some(last) = self.pauses.last_mut() {
            last.to.get_or_insert(at);
        }
    }
}

fn first_word(fact: &ClockFact) -> Option<NextWord> {
    let due_at = fact.due_at?;
    let soon = fact.warn_at.map(|at| NextWord { at, word: Word::Soon });
    Some(soon.unwrap_or(NextWord { at: due_at, word: Word::Overdue }))
}

impl CaseState {
    /// Folds a history into what a case is; none where it has none.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a CaseEvent>) -> Option<Self> {
        let mut events = events.into_iter();
        let first = events.next()?;
        let mut state = Self::new(first);
        state.apply(first);
        events.for_each(|event| state.apply(event));
        Some(state)
    }

    fn new(first: &CaseEvent) -> Self {
        Self {
            name: first.state.clone(),
            is_end: false,
            version: 0,
            changed_at: first.at,
            tasks: Vec::new(),
            clocks: Vec::new(),
            suspended_since: None,
            filed_at: None,
            filed_by: String::new(),
            ended_at: None,
            ended_how: None,
            collector: None,
            asked_in: None,
            reworks: 0,
            returns: 0,
            extensions: 0,
            reopenings: 0,
            is_supervised: false,
            appeal: Appeal::None,
            appealed_by: None,
            is_published: false,
            photos: Vec::new(),
            photos_shown: Vec::new(),
            is_off_list: false,
            rating: None,
        }
    }

    /// Takes the next event in.
    pub fn apply(&mut self, event: &CaseEvent) {
        let (at, facts) = (event.at, &event.facts);
        if event.state != self.name {
            // A stage lasts as long as the case stays in its state; the total clock goes on.
            self.clocks.iter_mut().filter(|clock| clock.stage != Stage::Total).for_each(|clock| clock.end(at));
        }
        self.is_off_list |= facts.is_off_list;
        match event.effect {
            Effect::Report | Effect::Dispatch | Effect::Note | Effect::Reassign => {}
            Effect::DueSoon | Effect::Overdue | Effect::Escalate => self.tell(event),
            Effect::Verify => {
                self.collector.clone_from(&facts.worker);
                self.asked_in = Some(event.state.clone());
            }
            Effect::File => {
                self.filed_at.get_or_insert(at);
                self.filed_by.clone_from(&facts.condition);
            }
            Effect::Accept => self.each_task(event, |task| {
                task.state = TaskState::Accepted;
                task.accepted_at.get_or_insert(at);
            }),
            Effect::Assign => self.each_task(event, |task| task.worker.clone_from(&facts.worker)),
            Effect::Return => {
                self.returns += 1;
                self.each_task(event, |task| task.leave(TaskState::Returned, at));
            }
            Effect::Transfer => self.each_task(event, |task| task.leave(TaskState::Passed, at)),
            Effect::Done => {
                self.each_task(event, |task| task.leave(TaskState::Done, at));
                self.collector = facts.worker.clone().or(self.collector.take());
                if event.state != self.name {
                    self.asked_in = Some(event.state.clone());
                }
            }
            Effect::Rework => {
                self.reworks += 1;
                for place in self.redone(facts.department.as_ref()) {
                    let task = &mut self.tasks[place];
                    task.reworks += 1;
                    task.state = TaskState::Accepted;
                }
            }
            Effect::Reopen => {
                self.reopenings += 1;
                self.clocks.iter_mut().filter(|clock| clock.stage == Stage::Total).for_each(|clock| clock.ended_at = None);
            }
            Effect::Suspend => {
                self.suspended_since = Some(at);
                self.running_mut().for_each(|clock| clock.pause(at));
            }
            Effect::Resume => {
                self.suspended_since = None;
                self.running_mut().for_each(|clock| clock.resume(at));
            }
            Effect::Extend => self.extensions += 1,
            Effect::Supervise => self.is_supervised = true,
            Effect::Appeal => {
                self.appeal = Appeal::Open;
                self.appealed_by = Some((event.author.clone(), facts.worker.clone()));
            }
            Effect::ReviewAppeal => self.appeal = if self.appeal == Appeal::Open { Appeal::Reviewed } else { Appeal::Upheld },
            Effect::RejectAppeal => self.appeal = Appeal::Rejected,
            Effect::Moderate => {
                self.is_published = facts.published.unwrap_or(self.is_published);
                self.photos_shown.clone_from(&facts.photos);
            }
            Effect::Photo => self.photos.extend(facts.photo),
            Effect::Rate => self.rating = facts.rating.or(self.rating),
            Effect::Reclassify => self.filed_by.clear(),
            Effect::Move | Effect::Void | Effect::SelfHandle | Effect::Close => {}
        }
        for appointed in &facts.departments {
            let fact = facts.clocks.iter().find(|clock| clock.department.as_ref() == Some(&appointed.department));
            let none = ClockFact { department: None, stage: Stage::Handle, limit: None, due_at: None, warn_at: None };
            self.tasks.push(Task {
                department: appointed.department.clone(),
                name: appointed.name.clone(),
                role: appointed.role,
                state: TaskState::Waiting,
                worker: None,
                accepted_at: None,
                reworks: 0,
                round: self.reopenings,
                clock: CaseClock::begin(fact.unwrap_or(&none), at),
                past_clocks: Vec::new(),
            });
        }
        let appointed = |clock: &ClockFact| facts.departments.iter().any(|new| clock.department.as_ref() == Some(&new.department));
        for fact in facts.clocks.iter().filter(|clock| !appointed(clock)) {
            self.set_clock(fact, event);
        }
        if event.is_end {
            if !self.is_end {
                self.ended_at = Some(at);
                self.ended_how = Some(event.effect);
            }
            self.suspended_since = None;
            self.running_mut().for_each(|clock| {
                if clock.pauses.last().is_some_and(|pause| pause.to.is_none()) {
                    // Stopped for good: whether it was late by then is told by when it was due.
                    clock.due_at = clock.was_due_at;
                    clock.ended_at = clock.pauses.last().map(|pause| pause.from);
                }
                clock.resume(at);
                clock.end(at);
            });
            // Nobody is to work on what has ended; where it is taken up again, tasks are given anew.
            self.tasks.iter_mut().filter(|task| task.state.is_open()).for_each(|task| task.state = TaskState::Cancelled);
        } else {
            self.ended_at = None;
            self.ended_how = None;
        }
        self.name = event.state.clone();
        self.is_end = event.is_end;
        self.version = event.seq;
        self.changed_at = at;
    }

    /// A clock that runs is due at another time; any other begins.
    fn set_clock(&mut self, fact: &ClockFact, event: &CaseEvent) {
        let Some(department) = &fact.department else {
            let running = self.clocks.iter_mut().rfind(|clock| clock.stage == fact.stage && clock.is_running());
            match running {
                Some(clock) => clock.set(fact),
                None => self.clocks.push(CaseClock::begin(fact, event.at)),
            }
            return;
        };
        let is_open = |task: &Task| task.state.is_open() && &task.department == department;
        // Of several it is the one that is to be done again, whose clock stands.
        let stands = self.tasks.iter().rposition(|task| is_open(task) && !task.clock.is_running());
        let Some(place) = stands.or_else(|| self.tasks.iter().rposition(is_open)) else { return };
        let task = &mut self.tasks[place];
        if task.clock.is_running() {
            task.clock.set(fact);
        } else {
            let past = std::mem::replace(&mut task.clock, CaseClock::begin(fact, event.at));
            task.past_clocks.push(past);
        }
    }

    fn tell(&mut self, event: &CaseEvent) {
        let Some(alarm) = &event.facts.alarm else { return };
        let clock = match &event.facts.department {
            Some(department) => {
                let open = self.tasks.iter_mut().filter(|task| task.state.is_open());
                open.filter(|task| &task.department == department).map(|task| &mut task.clock).next_back()
            }
            None => self.clocks.iter_mut().rfind(|clock| clock.stage == alarm.stage && clock.is_running()),
        };
        if let Some(clock) = clock {
            clock.tell(alarm);
        }
    }

    fn each_task(&mut self, event: &CaseEvent, change: impl Fn(&mut Task)) {
        let open = self.tasks.iter_mut().filter(|task| task.state.is_open());
        open.filter(|task| Some(&task.department) == event.facts.department.as_ref()).for_each(change);
    }

    fn running_mut(&mut self) -> impl Iterator<Item = &mut CaseClock> {
        let tasks = self.tasks.iter_mut().filter(|task| task.state.is_open()).map(|task| &mut task.clock);
        self.clocks.iter_mut().chain(tasks).filter(|clock| clock.is_running())
    }

    /// Returns the clocks that run, those of tasks with their departments.
    pub fn running(&self) -> impl Iterator<Item = (Option<&DepartmentId>, &CaseClock)> {
        let tasks = self.tasks.iter().filter(|task| task.state.is_open()).map(|task| (Some(&task.department), &task.clock));
        self.clocks.iter().map(|clock| (None, clock)).chain(tasks).filter(|(_, clock)| clock.is_running())
    }

    /// Returns where the tasks stand that are done again where somebody says so: of those that were given last, before or since the case was
    /// reopened, the last that the department, or each of them, has done.
    pub(super) fn redone(&self, department: Option<&DepartmentId>) -> Vec<usize> {
        let round = self.tasks.iter().map(|task| task.round).max();
        let is_done = |task: &Task| task.state == TaskState::Done && Some(task.round) == round;
        let is_last = |place: usize| {
            let task = &self.tasks[place];
            !self.tasks[place + 1..].iter().any(|later| is_done(later) && later.department == task.department)
        };
        let is_asked = |task: &Task| is_done(task) && department.is_none_or(|department| *department == task.department);
        (0..self.tasks.len()).filter(|place| is_asked(&self.tasks[*place]) && is_last(*place)).collect()
    }

    /// Returns the tasks that somebody is still to do.
    pub fn open_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.state.is_open())
    }

    /// Returns the photos that may be shown to all: those that somebody has looked at and said so of. What is added to a case that is shown
    /// already waits until it is said again.
    pub fn photos_for_all(&self) -> &[PhotoId] {
        if self.is_published { &self.photos_shown } else { &[] }
    }

    /// Returns who is still to look at the place: until the case leaves the state in which they were asked.
    pub fn asked(&self) -> Option<&WorkerId> {
        self.collector.as_ref().filter(|_| !self.is_end && self.asked_in.as_ref() == Some(&self.name))
    }

    /// Whether it is somebody who has appealed, by this key or another of theirs.
    pub fn is_appeal_of(&self, actor: Actor<'_>) -> bool {
        let Some((author, person)) = &self.appealed_by else { return false };
        author == actor.author || person.is_some() && person.as_ref() == actor.person
    }

    /// Returns when the next clock runs out; none while all stand still, and of a case that has ended.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.running().filter_map(|(_, clock)| clock.due_at).min()
    }

    /// Returns when the next word about a clock is due; none while all stand still, and of a case that has ended.
    pub fn alarm_at(&self) -> Option<Timestamp> {
        self.running().filter_map(|(_, clock)| clock.next.as_ref()).map(|next| next.at).min()
    }

    /// Returns until when the case has a part in what is counted: its last event, or the last time at which one of its clocks is due,
    /// also of those that have ended.
    pub fn part_until(&self) -> Timestamp {
        let due = self.all_clocks().flat_map(|clock| [clock.due_at, clock.was_due_at]);
        due.flatten().fold(self.changed_at, Timestamp::max)
    }

    /// Whether a clock that runs has run out at `at`; none runs of a case that has ended.
    pub fn is_overdue(&self, at: Timestamp) -> bool {
        !self.is_end && self.running().any(|(_, clock)| clock.is_overdue(at))
    }

    /// Whether a clock has run out by `at`, stopped since or not, by the due time that holds: an extension forgives what was before it.
    pub fn is_late(&self, at: Timestamp) -> bool {
        self.all_clocks().any(|clock| clock.is_late(at))
    }

    /// The clocks of the case and of its tasks, also those that a task had before it was done again.
    fn all_clocks(&self) -> impl Iterator<Item = &CaseClock> {
        let of_tasks = self.tasks.iter().flat_map(|task| std::iter::once(&task.clock).chain(&task.past_clocks));
        self.clocks.iter().chain(of_tasks)
    }
}

impl Task {
    fn leave(&mut self, state: TaskState, at: Timestamp) {
        self.state = state;
        self.clock.end(at);
    }
}
