//! Random histories of cases, by both kinds of workflow, against what must hold of any.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::boundary::{Position, UnitCode};
use crate::dispatch::indicator::{CaseFacts, Counts, Period};
use crate::dispatch::{
    Calendar, Case, CaseId, DepartmentId, DepartmentRole, Departments, Limit, Limits, Role, Stage, WorkerId, due_with_pauses,
};

fn state(name: &str, stage: Option<Stage>, is_end: bool) -> StateDefinition {
    StateDefinition { name: StateName(name.into()), title: name.into(), stage, is_end }
}

fn action(name: &str, from: &[&str], to: Option<&str>, effect: Effect, needs: &[Need]) -> ActionDefinition {
    ActionDefinition {
        name: ActionName(name.into()),
        title: name.into(),
        from: from.iter().map(|name| StateName((*name).into())).collect(),
        to: to.map(|name| StateName(name.into())),
        roles: if effect == Effect::File { vec![Role::Dispatcher] } else { vec![Role::Worker, Role::Dispatcher] },
        needs: needs.to_vec(),
        effect,
    }
}

/// As a Chinese city has it, in short.
fn workflow() -> Workflow {
    let states = vec![
        state("new", None, false),
        state("filed", Some(Stage::Dispatch), false),
        state("handling", Some(Stage::Handle), false),
        state("checking", Some(Stage::Check), false),
        state("closed", None, true),
        state("void", None, true),
    ];
    let open = ["new", "filed", "handling", "checking"];
    let actions = vec![
        action("file", &["new"], Some("filed"), Effect::File, &[Need::Condition]),
        action("void", &["new", "filed"], Some("void"), Effect::Void, &[Need::Reason]),
        action("self_handle", &["new"], Some("closed"), Effect::SelfHandle, &[]),
        action("dispatch", &["filed"], Some("handling"), Effect::Dispatch, &[]),
        action("link", &["handling"], None, Effect::Dispatch, &[Need::Department]),
        action("accept", &["handling"], None, Effect::Accept, &[]),
        action("return", &["handling"], Some("filed"), Effect::Return, &[Need::Reason]),
        action("transfer", &["handling"], None, Effect::Transfer, &[Need::Department]),
        action("done", &["handling"], Some("checking"), Effect::Done, &[]),
        action("rework", &["checking"], Some("handling"), Effect::Rework, &[Need::Reason]),
        action("close", &["checking"], Some("closed"), Effect::Close, &[]),
        action("reopen", &["closed", "void"], Some("new"), Effect::Reopen, &[Need::Reason]),
        action("suspend", &open, None, Effect::Suspend, &[Need::Reason]),
        action("resume", &open, None, Effect::Resume, &[]),
        action("extend", &open, None, Effect::Extend, &[Need::Limit]),
        action("supervise", &open, None, Effect::Supervise, &[Need::Reason]),
        action("appeal", &["closed"], None, Effect::Appeal, &[Need::Reason]),
        action("review", &["closed"], None, Effect::ReviewAppeal, &[]),
        action("reject", &["closed"], None, Effect::RejectAppeal, &[]),
        action("note", &open, None, Effect::Note, &[]),
    ];
    let step = |level, after: Option<&str>| EscalationStep {
        level,
        stage: None,
        after: after.map(|text| Limit::parse(text).unwrap()),
        to: format!("level {level}"),
    };
    let escalation = vec![step(2, Some("4工作时")), step(1, None), step(3, Some("2工作日"))];
    let admission = Admission { categories: Some(vec!["E01".into()]) };
    Workflow::new("test".into(), StateName("new".into()), false, states, actions, escalation, admission).unwrap().telling_after(75).unwrap()
}

fn reported(at: Timestamp) -> Case {
    Case {
        id: CaseId(uuid::Uuid::nil()),
        position: Position { lon: 111.6, lat: 26.2 },
        given: String::new(),
        category: "E0110".into(),
        description: String::new(),
        source: String::new(),
        reported_at: at,
        district: None,
        grid: None,
        generation: None,
        holder: None,
    }
}

fn appointed(id: &str, role: DepartmentRole) -> Appointed {
    Appointed { department: DepartmentId(id.into()), name: format!("name of {id}"), role }
}

fn context(calendar: &Calendar) -> Context<'_> {
    let limit = |text: &str| Some(Limit::parse(text).unwrap());
    Context {
        departments: vec![appointed("D1", DepartmentRole::Lead), appointed("D2", DepartmentRole::Co)],
        known: Departments::default(),
        limits: Limits {
            dispatch: limit("2工作时"), handle: limit("1工作日"), check: limit("4紧急工作时"), total: limit("3工作日")
        },
        calendar,
        collector: Some(WorkerId("w1".into())),
        category: "E0110".into(),
        major: Some("E01".into()),
        place: Place {
            position: Position { lon: 111.6, lat: 26.2 },
            given: String::new(),
            district: None,
            grid: UnitCode::parse("431102004001001").ok(),
            generation: None,
            holder: None,
            border_m: None,
        },
    }
}

fn office() -> Calendar {
    Calendar::stand_in(TimeZone::get("Asia/Shanghai").unwrap())
}

/// 2026-11-27 is a Friday.
fn local(text: &str) -> Timestamp {
    format!("{text}:00+08:00").parse().unwrap()
}

struct Played {
    workflow: Workflow,
    calendar: Calendar,
    events: Vec<CaseEvent>,
    at: Timestamp,
}

impl Played {
    fn new(at: &str) -> Self {
        let (workflow, calendar) = (workflow(), office());
        let first = begin(&workflow, Role::Worker, "worker", local(at), &context(&calendar));
        Self { workflow, events: vec![first], calendar, at: local(at) }
    }

    fn state(&self) -> CaseState {
        CaseState::fold(&self.events).unwrap()
    }

    fn order(&self, action: &str) -> Order {
        let mut order = Order::new(action, Role::Dispatcher, "dispatcher", self.at);
        order.reason = "because".into();
        order.condition = "1".into();
        order.limit = Limit::parse("1工作日").ok();
        order
    }

    fn play(&mut self, at: &str, action: &str) {
        self.at = local(at);
        self.play_order(&self.order(action)).unwrap();
    }

    fn play_order(&mut self, order: &Order) -> Result<(), Refusal> {
        let event = decide(&self.workflow, &self.state(), order, &context(&self.calendar))?;
        self.events.push(event);
        Ok(())
    }

    /// Tells of all clocks by a time, and returns what was told: the effect, the level, the department, and when.
    fn ring(&mut self, now: &str) -> Vec<(Effect, u8, String, Timestamp)> {
        let mut told = Vec::new();
        while let Some(event) = ring(&self.workflow, &self.state(), &self.calendar, local(now)) {
            let level = match &event.facts.alarm.as_ref().unwrap().word {
                Word::Level { level, .. } => *level,
                _ => 0,
            };
            let department = event.facts.department.as_ref().map(ToString::to_string).unwrap_or_default();
            told.push((event.effect, level, department, event.at));
            self.events.push(event);
        }
        told
    }

    fn task_due(&self, department: &str) -> Option<Timestamp> {
        self.state().tasks.iter().rev().find(|task| &*task.department.0 == department).unwrap().clock.due_at
    }
}

#[test]
fn a_case_ends_when_all_its_departments_have_done_their_tasks() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:30", "file");
    assert_eq!(case.state().due_at(), Some(local("2026-11-27T11:30")), "two work hours to dispatch");
    case.play("2026-11-27T10:00", "dispatch");
    assert_eq!(case.state().tasks.len(), 2);
    assert_eq!(case.task_due("D1"), Some(local("2026-11-30T10:00")));
    let mut linked = case.order("link");
    linked.departments = vec![appointed("D3", DepartmentRole::Co)];
    case.at = local("2026-11-27T14:00");
    linked.at = case.at;
    case.play_order(&linked).unwrap();
    assert_eq!(case.task_due("D3"), Some(local("2026-11-30T12:00")), "its own clock");
    // Whose task is meant must be said while several are open.
    let refused = case.play_order(&case.order("done")).unwrap_err();
    assert!(matches!(refused, Refusal::NoTask { .. }), "{refused}");
    for (department, expected) in [("D2", "handling"), ("D3", "handling"), ("D1", "checking")] {
        let mut done = case.order("done");
        done.department = Some(DepartmentId(department.into()));
        case.play_order(&done).unwrap();
        assert_eq!(&*case.state().name.0, expected, "{department}");
    }
    let state = case.state();
    assert_eq!(state.collector, Some(WorkerId("w1".into())), "the nearest collector checks");
    assert_eq!(state.due_at(), Some(local("2026-11-27T18:00")), "four urgent hours to check");
    case.play("2026-11-27T15:00", "close");
    let state = case.state();
    assert!(state.is_end && state.ended_how == Some(Effect::Close) && !state.is_late(case.at));
    assert_eq!(state.due_at(), None);
}

#[test]
fn rework_goes_back_to_the_department_and_keeps_the_clock_before() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    case.play("2026-11-27T09:00", "dispatch");
    for department in ["D1", "D2"] {
        let mut done = case.order("done");
        done.department = Some(DepartmentId(department.into()));
        case.play_order(&done).unwrap();
    }
    let mut rework = case.order("rework");
    rework.department = Some(DepartmentId("D2".into()));
    rework.at = local("2026-11-27T10:00");
    case.play_order(&rework).unwrap();
    let state = case.state();
    let task = state.tasks.iter().find(|task| &*task.department.0 == "D2").unwrap();
    assert_eq!((task.reworks, task.past_clocks.len(), task.clock.due_at), (1, 1, Some(local("2026-11-30T10:00"))));
    assert_eq!(state.open_tasks().count(), 1);
    assert_eq!(state.reworks, 1);
}

#[test]
fn a_pause_gives_each_clock_what_was_left_of_it() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    case.play("2026-11-27T10:00", "dispatch");
    case.play("2026-11-27T11:00", "suspend");
    assert_eq!(case.state().due_at(), None);
    let refused = case.play_order(&case.order("done")).unwrap_err();
    let Refusal::Suspended { allowed, .. } = &refused else { panic!("{refused}") };
    assert!(allowed.iter().any(|action| &*action.0 == "resume"));
    // Friday 11:00 to Tuesday 09:00: seven hours of the eight are left.
    case.play("2026-12-01T09:00", "resume");
    assert_eq!(case.task_due("D1"), Some(local("2026-12-01T18:00")));
    let limit = Limit::parse("1工作日").unwrap();
    let pause = crate::dispatch::Pause { from: local("2026-11-27T11:00"), to: Some(local("2026-12-01T09:00")) };
    assert_eq!(case.task_due("D1"), due_with_pauses(local("2026-11-27T10:00"), limit, &case.calendar, &[pause]));
    // What was added stays added over a pause.
    case.play("2026-12-01T10:00", "extend");
    assert_eq!(case.task_due("D1"), Some(local("2026-12-02T18:00")));
    case.play("2026-12-01T11:00", "suspend");
    case.play("2026-12-02T11:00", "resume");
    assert_eq!(case.task_due("D1"), Some(local("2026-12-03T18:00")));
}

#[test]
fn what_stands_still_is_late_where_it_was_late_before() {
    // One work day from Friday at 9:00: to Monday at 9:00.
    for (suspended, is_late) in [("2026-11-27T11:00", false), ("2026-11-30T10:00", true)] {
        let mut case = Played::new("2026-11-27T09:00");
        case.play("2026-11-27T09:00", "file");
        case.play("2026-11-27T09:00", "dispatch");
        case.play(suspended, "suspend");
        let state = case.state();
        assert_eq!(
            (state.is_late(local("2026-12-20T09:00")), state.is_overdue(local("2026-12-20T09:00"))),
            (is_late, false),
            "{suspended}"
        );
    }
}

#[test]
fn a_delay_goes_up_the_chain_by_its_clock_alone() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    // Due at 11:00 on Friday; four work hours later it is 17:00, two work days later Tuesday 11:00.
    let level = |at: &str| {
        let state = case.state();
        let found = escalation(&case.workflow, &state, &case.calendar, local(at));
        (found.step.map(|step| step.level), found.next_at)
    };
    assert_eq!(level("2026-11-27T10:59"), (None, Some(local("2026-11-27T11:00"))));
    assert_eq!(level("2026-11-27T11:00"), (Some(1), Some(local("2026-11-27T17:00"))));
    assert_eq!(level("2026-11-28T12:00"), (Some(2), Some(local("2026-12-01T11:00"))));
    assert_eq!(level("2026-12-09T12:00").0, Some(3));
}

#[test]
fn a_clock_is_told_of_before_it_runs_out_when_it_does_and_up_the_chain() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    // Two work hours to dispatch: three quarters are gone at 10:30, all at 11:00; the chain is told then, at 17:00 and on Tuesday.
    assert_eq!(case.state().alarm_at(), Some(local("2026-11-27T10:30")));
    assert_eq!(case.ring("2026-11-27T10:29"), []);
    let word = |effect, level, at: &str| (effect, level, String::new(), local(at));
    assert_eq!(case.ring("2026-11-27T10:30"), [word(Effect::DueSoon, 0, "2026-11-27T10:30")]);
    assert_eq!(case.ring("2026-11-27T10:59"), [], "once");
    let words = [word(Effect::Overdue, 0, "2026-11-27T11:00"), word(Effect::Escalate, 1, "2026-11-27T11:00")];
    assert_eq!(case.ring("2026-11-27T16:59"), words);
    assert_eq!(case.state().alarm_at(), Some(local("2026-11-27T17:00")));
    // The clock of the whole has three work days, of which three quarters are gone on Tuesday as well.
    let whole = word(Effect::DueSoon, 0, "2026-12-01T11:00");
    let words = [word(Effect::Escalate, 2, "2026-11-27T17:00"), whole, word(Effect::Escalate, 3, "2026-12-01T11:00")];
    assert_eq!(case.ring("2026-12-01T11:00"), words);
    assert!(case.ring("2026-12-01T11:00").is_empty());
    assert_eq!(case.state().name, StateName("filed".into()), "nothing else has changed");
    // A service that was away tells of what has run out, and no longer that it will.
    let mut late = Played::new("2026-11-27T09:00");
    late.play("2026-11-27T09:00", "file");
    assert_eq!(late.ring("2026-11-27T12:00")[0], word(Effect::Overdue, 0, "2026-11-27T11:00"));
}

#[test]
fn a_clock_that_is_due_at_another_time_is_told_of_anew_and_one_that_stands_still_is_not() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    case.play("2026-11-27T09:00", "dispatch");
    let first = case.ring("2026-11-30T09:00");
    // One work day: to Monday at 9:00. Both departments are warned at 75 of 100, which is Friday 16:00, and late together.
    let of = |department: &str| first.iter().filter(|told| told.2 == department).map(|told| (told.0, told.1)).collect::<Vec<_>>();
    assert_eq!(of("D1"), [(Effect::Overdue, 0), (Effect::Escalate, 1)]);
    assert_eq!(of("D2"), of("D1"));
    case.play("2026-11-30T10:00", "suspend");
    assert_eq!((case.state().alarm_at(), case.ring("2026-12-09T10:00")), (None, vec![]), "clocks that stand still say nothing");
    case.play("2026-12-09T10:00", "resume");
    let again = case.ring("2026-12-09T10:00");
    assert!(again.iter().all(|told| told.2.is_empty() || told.0 == Effect::Escalate), "what was over before is not told again: {again:?}");
    case.play("2026-12-09T10:00", "extend");
    // The extension counts from the due time, which was on 30 November: it is over by now, and told of once more.
    assert_eq!(case.ring("2026-12-09T10:00").iter().filter(|told| told.0 == Effect::Overdue && !told.2.is_empty()).count(), 2);
}

#[test]
fn a_task_is_accepted_once() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    case.play("2026-11-27T09:00", "dispatch");
    let of = |case: &Played, department: &str| Order { department: Some(DepartmentId(department.into())), ..case.order("accept") };
    case.play_order(&of(&case, "D1")).unwrap();
    let refused = case.play_order(&of(&case, "D1")).unwrap_err();
    assert!(matches!(&refused, Refusal::HasAccepted(department) if &*department.0 == "D1") && refused.is_conflict(), "{refused}");
    case.play_order(&of(&case, "D2")).unwrap();
    let refused = case.play_order(&of(&case, "D2")).unwrap_err();
    assert!(matches!(&refused, Refusal::NotNow { allowed, .. } if !allowed.iter().any(|open| &*open.0 == "accept")), "{refused}");
    assert_eq!(case.events.len(), 5);
}

#[test]
fn what_is_accepted_again_leads_on_where_a_workflow_has_it_so() {
    let mut case = Played::new("2026-11-27T09:00");
    let known = workflow();
    let actions = known.actions().iter().map(|known| match &*known.name.0 {
        "accept" => action("accept", &["filed", "handling"], Some("handling"), Effect::Accept, &[]),
        "rework" => action("rework", &["checking"], Some("filed"), Effect::Rework, &[Need::Reason]),
        _ => known.clone(),
    });
    let (states, actions) = (known.states().to_vec(), actions.collect());
    case.workflow =
        Workflow::new("test".into(), StateName("new".into()), false, states, actions, Vec::new(), Admission::default()).unwrap();
    for action in ["file", "dispatch"] {
        case.play("2026-11-27T09:00", action);
    }
    for department in ["D1", "D2"] {
        for action in ["accept", "done"] {
            case.play_order(&Order { department: Some(DepartmentId(department.into())), ..case.order(action) }).unwrap();
        }
    }
    case.play("2026-11-27T10:00", "rework");
    assert_eq!(&*case.state().name.0, "filed");
    case.play_order(&Order { department: Some(DepartmentId("D1".into())), ..case.order("accept") }).unwrap();
    assert_eq!(&*case.state().name.0, "handling");
}

#[test]
fn somebody_answers_for_a_case_whoever_is_called_in() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    let named = |case: &Played, action: &str, ids: &[&str]| Order {
        departments: ids.iter().map(|id| appointed(id, DepartmentRole::Co)).collect(),
        ..case.order(action)
    };
    case.play_order(&named(&case, "dispatch", &["D2", "D1"])).unwrap();
    let roles = |case: &Played| case.state().tasks.iter().map(|task| (task.department.to_string(), task.role)).collect::<Vec<_>>();
    assert_eq!(roles(&case), [("D2".to_owned(), DepartmentRole::Lead), ("D1".to_owned(), DepartmentRole::Co)]);
    case.play_order(&named(&case, "link", &["D3"])).unwrap();
    assert_eq!(roles(&case)[2], ("D3".to_owned(), DepartmentRole::Co), "there is a lead");
    let done = Order { department: Some(DepartmentId("D2".into())), ..case.order("done") };
    case.play_order(&done).unwrap();
    case.play_order(&named(&case, "link", &["D4"])).unwrap();
    assert_eq!(roles(&case)[3], ("D4".to_owned(), DepartmentRole::Co), "who has led and is done leads all the same");
}

#[test]
fn an_appeal_is_open_once_and_only_after_a_late_end() {
    let mut case = Played::new("2026-11-27T09:00");
    case.play("2026-11-27T09:00", "file");
    case.play("2026-12-27T10:00", "dispatch");
    for department in ["D1", "D2"] {
        let mut done = case.order("done");
        done.department = Some(DepartmentId(department.into()));
        case.play_order(&done).unwrap();
    }
    assert!(matches!(case.play_order(&case.order("appeal")), Err(Refusal::NotNow { .. })));
    case.play("2026-12-27T11:00", "close");
    case.play("2026-12-28T11:00", "appeal");
    assert!(matches!(case.play_order(&case.order("appeal")), Err(Refusal::NotNow { .. } | Refusal::Appealed)));
    for own in ["review", "reject"] {
        let refused = case.play_order(&case.order(own)).unwrap_err();
        assert!(matches!(refused, Refusal::OwnAppeal(_)) && refused.is_conflict(), "who has appealed decides nothing: {refused}");
    }
    let mut by_another = case.order("review");
    by_another.author = "another".into();
    assert!(case.workflow.open_to(&case.state(), by_another.actor(), case.at).iter().any(|action| &*action.name.0 == "review"));
    case.play_order(&by_another).unwrap();
    assert_eq!(case.state().appeal, Appeal::Reviewed, "one look is not enough");
    case.play_order(&by_another).unwrap();
    assert_eq!(case.state().appeal, Appeal::Upheld);
    assert!(case.state().is_late(case.at), "the delay stays a fact");
    assert!(!case.state().is_overdue(case.at), "nothing is due any more");

    let mut quick = Played::new("2026-11-27T09:00");
    quick.play("2026-11-27T09:00", "self_handle");
    assert!(matches!(quick.play_order(&quick.order("appeal")), Err(Refusal::NotLate)));
}

#[test]
fn a_person_with_two_keys_decides_on_no_appeal_of_their_own() {
    let mut late = Played::new("2026-11-27T09:00");
    late.play("2026-12-27T10:00", "self_handle");
    let by = |action: &str, key: &str, person: Option<&str>| {
        let order = Order::new(action, Role::Dispatcher, key, late.at);
        Order { reason: "because".into(), person: person.map(|id| WorkerId(id.into())), ..order }
    };
    // By whom it was appealed, and who decides: a person by another key, another person, and keys that are nobody's.
    for (appeals, decides, is_own) in [
        (("key 1", Some("w1")), ("key 2", Some("w1")), true),
        (("key 1", Some("w1")), ("key 1", Some("w1")), true),
        (("key 1", Some("w1")), ("key 2", Some("w2")), false),
        (("key 1", Some("w1")), ("key 2", None), false),
        (("key 1", None), ("key 2", Some("w1")), false),
        (("key 1", None), ("key 2", None), false),
        (("key 1", None), ("key 1", None), true),
    ] {
        let state = late.state();
        let appeal = decide(&late.workflow, &state, &by("appeal", appeals.0, appeals.1), &context(&late.calendar)).unwrap();
        let mut appealed = state;
        appealed.apply(&appeal);
        for action in ["review", "reject"] {
            let order = by(action, decides.0, decides.1);
            let refused = decide(&late.workflow, &appealed, &order, &context(&late.calendar)).err();
            assert_eq!(matches!(refused, Some(Refusal::OwnAppeal(_))), is_own, "{appeals:?} {decides:?}: {refused:?}");
            let open = late.workflow.open_to(&appealed, order.actor(), order.at);
            assert_eq!(open.iter().any(|open| *open.name.0 == *action), !is_own, "{appeals:?} {decides:?}");
        }
    }
}

#[test]
fn a_move_that_could_be_about_nothing_is_not_offered() {
    let offered = |case: &Played| {
        let state = case.state();
        let open = case.workflow.open_to(&state, case.order("file").actor(), case.at);
        open.iter().map(|action| action.name.to_string()).collect::<Vec<_>>()
    };
    let mut quick = Played::new("2026-11-27T09:00");
    assert!(!offered(&quick).contains(&"extend".to_owned()), "no clock has a limit that could be longer");
    quick.play("2026-11-27T09:00", "self_handle");
    assert_eq!(offered(&quick), ["reopen"], "it was in time");
    let mut slow = Played::new("2026-11-27T09:00");
    slow.play("2026-11-27T09:00", "file");
    assert!(offered(&slow).contains(&"extend".to_owned()));
    slow.play("2026-12-27T10:00", "void");
    assert_eq!(offered(&slow), ["reopen"], "nobody appeals against what was voided, by this workflow");
    let mut late = Played::new("2026-11-27T09:00");
    late.play("2026-11-27T09:00", "file");
    late.play("2026-12-27T10:00", "dispatch");
    for department in ["D1", "D2"] {
        let done = Order { department: Some(DepartmentId(department.into())), ..late.order("done") };
        late.play_order(&done).unwrap();
    }
    late.play("2026-12-27T10:00", "close");
    assert_eq!(offered(&late), ["reopen", "appeal"]);
    late.play("2026-12-28T10:00", "appeal");
    assert_eq!(offered(&late), ["reopen"], "who has appealed does not decide on it");
}

/// What is counted of a case within some time, as it was known at another.
fn counts(case: &Played, from: &str, to: &str, as_of: &str) -> Counts {
    let [from, to, as_of] = [from, to, as_of].map(|day| local(&format!("{day}T00:00")));
    let time_zone = TimeZone::UTC;
    let period = Period { from, to, as_of, time_zone, office_sources: Vec::new(), filing_limit: None, verify_limit: None };
    let facts = CaseFacts::of(&reported(local("2026-11-26T16:00")), &case.events, as_of);
    let mut counts = Counts::default();
    counts.add(&facts, &facts.tasks, &period);
    counts
}

impl Played {
    /// Has everybody do what they have to, and settles the case.
    fn settle(&mut self, at: &str) {
        self.at = local(at);
        while let Some(task) = self.state().open_tasks().next() {
            let done = Order { department: Some(task.department.clone()), ..self.order("done") };
            self.play_order(&done).unwrap();
        }
        self.play(at, "close");
    }
}

#[test]
fn what_was_settled_in_time_stays_so_when_it_is_reopened_and_that_is_counted_by_itself() {
    let november = |case: &Played, as_of: &str| {
        let found = counts(case, "2026-11-01", "2026-12-05", as_of);
        let tasks = (found.should_handle, found.handled, found.handled_on_time);
        (tasks, (found.should_close, found.closed, found.closed_on_time), (found.settled, found.reopened))
    };
    let mut case = Played::new("2026-11-26T16:00");
    case.play("2026-11-26T16:00", "file");
    case.play("2026-11-27T09:00", "dispatch");
    case.settle("2026-11-27T15:00");
    let before = november(&case, "2026-12-05");
    assert_eq!(before, ((2, 2, 2), (1, 1, 1), (1, 0)));
    case.play("2026-12-07T09:00", "reopen");
    let reopened = ((2, 2, 2), (1, 1, 1), (1, 1));
    assert_eq!((november(&case, "2026-12-05"), november(&case, "2027-01-01")), (before, reopened), "nothing that was known is unsaid");
    case.play("2026-12-07T09:00", "file");
    case.play("2026-12-07T10:00", "dispatch");
    case.settle("2026-12-20T09:00");
    assert_eq!((november(&case, "2026-12-05"), november(&case, "2027-01-01")), (before, reopened));
    // The second life has tasks of its own, which are late; the clock of the whole was due in the first.
    let december = counts(&case, "2026-12-05", "2027-01-01", "2027-01-01");
    assert_eq!((december.should_handle, december.handled, december.handled_on_time), (2, 2, 0));
    assert_eq!((december.should_close, december.settled, december.reopened), (0, 1, 1));
    // Voided at last, what was done before was done.
    case.play("2026-12-21T09:00", "reopen");
    case.play("2026-12-21T10:00", "void");
    assert_eq!(november(&case, "2027-01-01"), reopened);
}

#[test]
fn what_is_reopened_before_it_is_due_is_to_be_settled_again_by_then() {
    for (settled_again, on_time) in [("2026-12-01T12:00", 1), ("2026-12-10T12:00", 0)] {
        let mut case = Played::new("2026-11-26T16:00");
        case.play("2026-11-26T16:00", "self_handle");
        case.play("2026-11-27T09:00", "reopen");
        case.play(settled_again, "self_handle");
        let found = counts(&case, "2026-11-01", "2027-01-01", "2027-01-01");
        assert_eq!((found.should_close, found.closed, found.closed_on_time, found.reopened), (1, 1, on_time, 1), "{settled_again}");
    }
}

#[test]
fn what_is_sent_back_is_what_was_given_last_once_for_each_department() {
    let open = |case: &Played| {
        let state = case.state();
        assert!(state.tasks.iter().all(|task| task.state.is_open() == task.clock.is_running()), "{:?}", state.tasks);
        state.open_tasks().map(|task| (task.department.to_string(), task.round, task.reworks)).collect::<Vec<_>>()
    };
    let done = |case: &mut Played, department: &str| {
        let order = Order { department: Some(DepartmentId(department.into())), ..case.order("done") };
        case.play_order(&order).unwrap();
    };
    // Of a case that was reopened.
    let mut case = Played::new("2026-11-26T16:00");
    case.play("2026-11-26T16:00", "file");
    case.play("2026-11-27T09:00", "dispatch");
    case.settle("2026-11-27T15:00");
    let november = |case: &Played| counts(case, "2026-11-01", "2026-12-05", "2027-01-01");
    let before = november(&case);
    case.play("2026-12-07T09:00", "reopen");
    case.play("2026-12-07T09:00", "file");
    case.play("2026-12-07T10:00", "dispatch");
    done(&mut case, "D1");
    done(&mut case, "D2");
    case.play("2026-12-07T11:00", "rework");
    assert_eq!(open(&case), [("D1".to_owned(), 1, 1), ("D2".to_owned(), 1, 1)]);
    let after = november(&case);
    assert_eq!((after.handled, after.handled_on_time, after.reworked), (before.handled, before.handled_on_time, 0));
    // Of a department that was called in twice, and gave the second task back.
    let mut case = Played::new("2026-11-26T16:00");
    case.play("2026-11-26T16:00", "file");
    case.play("2026-11-27T09:00", "dispatch");
    done(&mut case, "D1");
    let again = Order { departments: vec![appointed("D1", DepartmentRole::Co)], ..case.order("link") };
    case.play_order(&again).unwrap();
    let returned = Order { department: Some(DepartmentId("D1".into())), ..case.order("return") };
    case.play_order(&returned).unwrap();
    done(&mut case, "D2");
    case.play("2026-11-27T11:00", "rework");
    assert_eq!(open(&case), [("D1".to_owned(), 0, 1), ("D2".to_owned(), 0, 1)]);
}

#[test]
fn what_is_done_again_after_it_was_reopened_is_another_task_and_what_is_sent_back_before_is_not() {
    let known = workflow();
    let actions = known.actions().iter().map(|known| match &*known.name.0 {
        "reopen" => action("reopen", &["closed", "void"], Some("checking"), Effect::Reopen, &[Need::Reason]),
        _ => known.clone(),
    });
    let (states, actions) = (known.states().to_vec(), actions.collect());
    let mut case = Played::new("2026-11-26T16:00");
    case.workflow =
        Workflow::new("test".into(), StateName("new".into()), false, states, actions, Vec::new(), Admission::default()).unwrap();
    case.play("2026-11-26T16:00", "file");
    case.play("2026-11-27T09:00", "dispatch");
    for action in ["done", "rework"] {
        for department in ["D1", "D2"] {
            case.at = local("2026-11-27T10:00");
            let order = Order { department: Some(DepartmentId(department.into())), ..case.order(action) };
            case.play_order(&order).unwrap();
            if action == "rework" {
                break;
            }
        }
    }
    case.settle("2026-11-27T15:00");
    let tasks = |case: &Played| {
        let count = |from: &str, to: &str| {
            let found = counts(case, from, to, "2027-01-01");
            (found.tasks, found.tasks_accepted, found.should_handle, found.handled_on_time)
        };
        (count("2026-11-01", "2026-12-05"), count("2026-12-05", "2027-01-01"))
    };
    assert_eq!(tasks(&case), ((2, 2, 2, 2), (0, 0, 0, 0)), "sent back within one life it is one task");
    case.play("2026-12-07T09:00", "reopen");
    case.play("2026-12-07T09:00", "rework");
    case.settle("2026-12-20T09:00");
    assert_eq!(tasks(&case), ((2, 2, 2, 2), (2, 2, 2, 0)));
}

#[test]
fn what_is_not_on_the_list_goes_to_its_department() {
    let mut case = Played::new("2026-11-27T09:00");
    let mut off = context(&case.calendar);
    (off.category, off.major) = ("C0102".into(), Some("C01".into()));
    let mut order = case.order("self_handle");
    order.reason.clear();
    let refused = decide(&case.workflow, &case.state(), &order, &off).unwrap_err();
    assert!(refused.to_string().contains("goes to name of D1, name of D2"), "{refused}");
    order.reason = "it was a minute's work".into();
    let event = decide(&case.workflow, &case.state(), &order, &off).unwrap();
    case.events.push(event);
    assert!(case.state().is_off_list, "and it is counted");
}

#[test]
fn a_move_is_open_to_its_roles_alone_and_says_what_it_needs() {
    let mut case = Played::new("2026-11-27T09:00");
    let mut order = case.order("file");
    order.role = Role::Worker;
    assert!(matches!(case.play_order(&order), Err(Refusal::Role { .. })));
    order.role = Role::Admin;
    order.condition.clear();
    assert!(matches!(case.play_order(&order), Err(Refusal::Needs { need: Need::Condition, .. })));
    assert!(matches!(case.play_order(&case.order("fly")), Err(Refusal::Unknown { .. })));
    let refused = case.play_order(&case.order("close")).unwrap_err();
    let Refusal::NotNow { allowed, .. } = &refused else { panic!("{refused}") };
    let allowed: Vec<&str> = allowed.iter().map(|action| &*action.0).collect();
    assert_eq!(allowed, ["file", "void", "self_handle", "suspend", "supervise", "note"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_its_promises(
        moves in prop::collection::vec((0_usize..20, 0_usize..4, 0_i64..3_000), 1..60),
    ) {
        let mut case = Played::new("2026-11-26T16:00");
        let mut told = std::collections::HashSet::new();
        for (action, department, minutes) in moves {
            case.at += SignedDuration::from_mins(minutes);
            let name = case.workflow.actions()[action].name.to_string();
            let mut order = case.order(&name);
            let id = ["D1", "D2", "D3"].get(department);
            order.department = id.map(|id| DepartmentId((*id).into()));
            order.departments = id.filter(|_| action == 4 || action == 7).map(|id| appointed(id, DepartmentRole::Co)).into_iter().collect();
            let before = case.state();
            let is_offered = case.workflow.open_to(&before, order.actor(), case.at).iter().any(|open| *open.name.0 == *name);
            let result = case.play_order(&order);
            let after = case.state();
            match result {
                Err(refusal) => {
                    prop_assert_eq!(&before, &after, "{}", refusal);
                    if matches!(refusal, Refusal::NotNow { .. } | Refusal::Suspended { .. } | Refusal::NotLate | Refusal::Appealed)
                        || matches!(refusal, Refusal::NoClock) && order.department.is_none()
                    {
                        prop_assert!(!is_offered, "{}", refusal);
                    }
                    if let Refusal::NotNow { allowed, .. } | Refusal::Suspended { allowed, .. } = &refusal {
                        prop_assert!(!allowed.iter().any(|open| open.0.as_ref() == name), "{}", refusal);
                    }
                }
                Ok(()) => {
                    // One event more, later than all before, and the fold goes on from where it was.
                    let mut stepped = before.clone();
                    stepped.apply(case.events.last().unwrap());
                    prop_assert_eq!(&stepped, &after);
                    prop_assert_eq!(after.version, before.version + 1);
                    prop_assert!(after.changed_at >= before.changed_at);
                }
            }
            // Clocks are told of as a service does that looks now and then.
            let mut state = case.state();
            let changed_at = state.changed_at;
            while let Some(event) = ring(&case.workflow, &state, &case.calendar, case.at) {
                prop_assert!(event.at >= changed_at && event.seq == state.version + 1 && event.state == state.name);
                let alarm = event.facts.alarm.clone().unwrap();
                let key = (event.facts.department.clone(), alarm.stage, alarm.due_at, format!("{:?}", alarm.word));
                let clock = state.running().find(|(of, clock)| *of == key.0.as_ref() && clock.stage == key.1).map(|(_, clock)| clock.started_at);
                prop_assert!(told.insert((clock, key.clone())), "told twice: {key:?}");
                state.apply(&event);
                case.events.push(event);
            }
            prop_assert!(state.alarm_at().is_none_or(|at| at > case.at));
            let state = case.state();
            prop_assert!(state.tasks.iter().all(|task| task.state.is_open() == task.clock.is_running()));
            if state.is_end {
                prop_assert!(state.open_tasks().next().is_none());
                prop_assert!(state.running().next().is_none() && state.due_at().is_none() && state.ended_at.is_some());
            } else {
                prop_assert!(state.ended_at.is_none());
            }
            prop_assert_eq!(state.suspended_since.is_some(), state.running().any(|(_, clock)| clock.pauses.last().is_some_and(|p| p.to.is_none())) || (state.suspended_since.is_some() && state.running().next().is_none()));
            // No department has two open tasks.
            let mut open: Vec<_> = state.open_tasks().map(|task| &task.department).collect();
            let count = open.len();
            open.sort();
            open.dedup();
            prop_assert_eq!(open.len(), count);
            // Whoever handles has something to do.
            if &*state.name.0 == "handling" {
                prop_assert!(state.open_tasks().next().is_some());
            }
        }
        // Nothing of it counts in a time that begins after its last part.
        let state = case.state();
        let counted_from = |from: Timestamp| {
            let (to, as_of) = (from + SignedDuration::from_hours(24 * 4_000), from + SignedDuration::from_hours(24 * 3_000));
            let day = Some(SignedDuration::from_hours(24));
            let time_zone = TimeZone::UTC;
            let period = Period { from, to, as_of, time_zone, office_sources: Vec::new(), filing_limit: day, verify_limit: day };
            let facts = CaseFacts::of(&reported(local("2026-11-26T16:00")), &case.events, as_of);
            let mut counts = Counts::default();
            counts.add(&facts, &facts.tasks, &period);
            counts
        };
        let after = state.part_until() + SignedDuration::from_hours(24) + SignedDuration::from_nanos(1);
        prop_assert_eq!(counted_from(after), Counts::default());
        prop_assert!(counted_from(local("2026-11-26T16:00")).reports == 1);
    }
}
