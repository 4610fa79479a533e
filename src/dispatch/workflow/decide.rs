use jiff::Timestamp;

use super::definition::{ActionDefinition, ActionName, Effect, Need, StateDefinition, StateName, Workflow};
use super::event::{Appointed, CaseEvent, ClockFact, Facts};
use super::order::{Actor, Context, Order};
use super::state::{Appeal, CaseClock, CaseState, TaskState};
use crate::dispatch::{DepartmentId, DepartmentRole, Limit, PhotoId, Role, Stage, due, postponed};

/// Why a move was not made. `allowed` are the moves that the same role may make now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the workflow {workflow} has no action {action}; {}", describe(allowed))]
    Unknown { workflow: String, action: ActionName, allowed: Vec<ActionName> },
    #[error("{action} is not open to a case that is {state}; {}", describe(allowed))]
    NotNow { action: ActionName, state: StateName, allowed: Vec<ActionName> },
    #[error("{action} is not open while the clocks of the case stand still; {}", describe(allowed))]
    Suspended { action: ActionName, allowed: Vec<ActionName> },
    #[error("the role {role} may not {action}; it takes {takes}")]
    Role { action: ActionName, role: Role, takes: String },
    #[error("{action} must say its {}", need.as_str())]
    Needs { action: ActionName, need: Need },
    #[error("{action} is about the task of one department, and {found}; name one that has an open task")]
    NoTask { action: ActionName, found: String },
    #[error("no rule says which department answers here; name departments")]
    NoDepartment,
    #[error("no rule of responsibility names the department {department}; those that are named are {known}")]
    NoSuchDepartment { department: DepartmentId, known: String },
    #[error("the department {0} has an open task already; name another")]
    HasTask(DepartmentId),
    #[error("the department {0} has accepted its task already")]
    HasAccepted(DepartmentId),
    #[error("the case was appealed already; that is open once")]
    Appealed,
    #[error("{0} is not open to who has appealed; somebody else decides on the appeal")]
    OwnAppeal(ActionName),
    #[error("the case was in time, so there is nothing to appeal")]
    NotLate,
    #[error("no clock that could be extended has a due time")]
    NoClock,
    #[error("{category} is not on the list of what keepers may be given; it goes to {departments}. Give a reason to do it all the same")]
    OffList { category: String, departments: String },
    #[error("a rating is 1 to 5, not {0}")]
    Rating(u8),
    #[error("the case has no photo {0}")]
    NoPhoto(PhotoId),
}

fn describe(allowed: &[ActionName]) -> String {
    if allowed.is_empty() {
        return "no move is open to this role now".to_owned();
    }
    format!("open now are {}", allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

impl Refusal {
    /// Whether the case stands in the way, and not the one who asks or what was said.
    pub fn is_conflict(&self) -> bool {
        !matches!(
            self,
            Self::Role { .. }
                | Self::Needs { .. }
                | Self::Unknown { .. }
                | Self::Rating(_)
                | Self::NoPhoto(_)
                | Self::NoDepartment
                | Self::NoSuchDepartment { .. }
        )
    }
}

/// Returns the first event of a case that is taken in at `at`.
pub fn begin(workflow: &Workflow, role: Role, author: &str, at: Timestamp, context: &Context<'_>) -> CaseEvent {
    let start = workflow.start();
    let departments = if workflow.dispatches_at_once { context.departments.clone() } else { Vec::new() };
    let mut clocks = stage_clock(start, at, context);
    clocks.extend(departments.iter().map(|appointed| task_clock(&appointed.department, at, context)));
    clocks.extend(clock(None, Stage::Total, at, context));
    warn(workflow, &mut clocks, at, context);
    CaseEvent {
        seq: 1,
        at,
        author: author.to_owned(),
        role,
        action: ActionName(Effect::Report.as_str().into()),
        effect: Effect::Report,
        state: start.name.clone(),
        is_end: start.is_end,
        facts: Facts { departments, clocks, ..Facts::default() },
    }
}

/// Decides whether a move is open to a case, and returns the event that comes of it. Nothing is changed.
///
/// # Errors
/// Says why not, with the moves that are open where another one is.
pub fn decide(workflow: &Workflow, case: &CaseState, order: &Order, context: &Context<'_>) -> Result<CaseEvent, Refusal> {
    let action = workflow.find_open(case, order)?;
    if let Some(need) = action.needs.iter().copied().find(|need| !order.has(*need)) {
        return Err(Refusal::Needs { action: action.name.clone(), need });
    }
    // Clocks of two machines differ; a history never goes back.
    let at = order.at.max(case.changed_at);
    let mut facts = Facts {
        reason: order.reason.trim().to_owned(),
        condition: order.condition.trim().to_owned(),
        worker: order.worker.clone(),
        ..Facts::default()
    };
    let mut moves = true;
    match action.effect {
        Effect::Verify => facts.worker = order.worker.clone().or_else(|| context.collector.clone()),
        Effect::SelfHandle => {
            facts.is_off_list = !workflow.admission.admits(&context.category, context.major.as_deref());
            if facts.is_off_list && facts.reason.is_empty() {
                let departments = if context.departments.is_empty() { "no department yet".into() } else { names(&context.departments) };
                return Err(Refusal::OffList { category: context.category.clone(), departments });
            }
        }
        Effect::Dispatch => {
            facts.departments = choose_departments(case, order, context)?;
            facts.clocks.extend(facts.departments.iter().map(|appointed| task_clock(&appointed.department, at, context)));
        }
        Effect::Accept => {
            let department = find_task(case, action, order.department.as_ref())?;
            let is_told_again = case.open_tasks().all(|task| task.department != department || task.state == TaskState::Accepted);
            if is_told_again && !leads_on(action, case) {
                return Err(Refusal::HasAccepted(department));
            }
            facts.department = Some(department);
        }
        Effect::Assign => facts.department = Some(find_task(case, action, order.department.as_ref())?),
        Effect::Return => {
            let department = find_task(case, action, order.department.as_ref())?;
            moves = case.open_tasks().all(|task| task.department == department);
            facts.department = Some(department);
        }
        Effect::Transfer => {
            let (from, to) = find_passing(case, action, order, context)?;
            facts.clocks.push(task_clock(&to.department, at, context));
            facts.departments = vec![to];
            facts.department = Some(from);
        }
        Effect::Done => {
            let department = find_task(case, action, order.department.as_ref())?;
            moves = case.open_tasks().all(|task| task.department == department);
            if moves {
                // Whoever is to check is known with the event, not when it is read.
                facts.worker = order.worker.clone().or_else(|| context.collector.clone());
            }
            facts.department = Some(department);
        }
        Effect::Rework => {
            let redone = case.redone(order.department.as_ref());
            if redone.is_empty() {
                let found = order.department.as_ref().map_or("none is done".to_owned(), |name| format!("{name} has done none"));
                return Err(Refusal::NoTask { action: action.name.clone(), found });
            }
            facts.department.clone_from(&order.department);
            facts.clocks.extend(redone.iter().map(|place| task_clock(&case.tasks[*place].department, at, context)));
        }
        Effect::Resume => facts.clocks = resumed(case, at, context),
        Effect::Extend => facts.clocks = extended(workflow, case, order, context)?,
        Effect::Appeal => {
            if case.appeal != Appeal::None {
                return Err(Refusal::Appealed);
            }
            if !case.is_late(at) {
                return Err(Refusal::NotLate);
            }
            // Who decides on it is somebody else, whichever key they show.
            facts.worker.clone_from(&order.person);
        }
        Effect::ReviewAppeal | Effect::RejectAppeal if !matches!(case.appeal, Appeal::Open | Appeal::Reviewed) => {
            return Err(workflow.not_now(case, action, order));
        }
        Effect::ReviewAppeal | Effect::RejectAppeal if case.is_appeal_of(order.actor()) => {
            return Err(Refusal::OwnAppeal(action.name.clone()));
        }
        Effect::Move => {
            facts.place.clone_from(&order.place);
            facts.place_before = Some(context.place.clone());
        }
        Effect::Reclassify => {
            facts.category.clone_from(&order.category);
            facts.category_before = Some(context.category.clone());
        }
        Effect::Moderate => {
            facts.published = order.published;
            if order.published == Some(true) {
                facts.photos = choose_photos(case, order)?;
            }
        }
        Effect::Rate => {
            facts.rating = order.rating;
            if let Some(wrong) = order.rating.filter(|rating| !(1..=5).contains(rating)) {
                return Err(Refusal::Rating(wrong));
            }
        }
        _ => {}
    }
    let here = workflow.state(&case.name);
    let next = action.to.as_ref().filter(|_| moves).and_then(|to| workflow.state(to));
    if let Some(next) = next.filter(|next| next.name != case.name) {
        facts.clocks.extend(stage_clock(next, at, context));
    }
    if !matches!(action.effect, Effect::Resume | Effect::Extend) {
        warn(workflow, &mut facts.clocks, at, context);
    }
    let state = next.map_or_else(|| case.name.clone(), |next| next.name.clone());
    let is_end = next.or(here).map_or(case.is_end, |state| state.is_end);
    if is_end {
        // The task that the move is about is not open any more.
        let left = facts.department.as_ref().filter(|_| matches!(action.effect, Effect::Return | Effect::Transfer | Effect::Done));
        facts.cancelled = case.open_tasks().map(|task| &task.department).filter(|open| Some(*open) != left).cloned().collect();
    }
    let (author, role) = (order.author.clone(), order.role);
    Ok(CaseEvent { seq: case.version + 1, at, author, role, action: action.name.clone(), effect: action.effect, state, is_end, facts })
}

impl Workflow {
    /// Returns the moves that are open to somebody at `at`, in the order in which they are declared: none that is refused whatever is said
    /// with it.
    pub fn open_to(&self, case: &CaseState, actor: Actor<'_>, at: Timestamp) -> Vec<&ActionDefinition> {
        let is_own = |action: &ActionDefinition| action.effect.decides_appeal() && case.is_appeal_of(actor);
        let is_offered = |action: &ActionDefinition| is_open(action, case) && has_ground(action, case, at) && !is_own(action);
        self.actions.iter().filter(|action| action.is_open_to(actor.role) && is_offered(action)).collect()
    }

    fn find_open(&self, case: &CaseState, order: &Order) -> Result<&ActionDefinition, Refusal> {
        let allowed = || self.open_to(case, order.actor(), order.at).iter().map(|action| action.name.clone()).collect();
        let unknown = || Refusal::Unknown { workflow: self.name.clone(), action: order.action.clone(), allowed: allowed() };
        let action = self.action(&order.action.0).ok_or_else(unknown)?;
        if !action.is_open_to(order.role) {
            let takes = action.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
            return Err(Refusal::Role { action: action.name.clone(), role: order.role, takes });
        }
        if !action.effect.is_open_in(case.suspended_since.is_some()) && action.from.contains(&case.name) && action.effect != Effect::Resume
        {
            return Err(Refusal::Suspended { action: action.name.clone(), allowed: allowed() });
        }
        if is_open(action, case) { Ok(action) } else { Err(self.not_now(case, action, order)) }
    }

    fn not_now(&self, case: &CaseState, action: &ActionDefinition, order: &Order) -> Refusal {
        let others = self.open_to(case, order.actor(), order.at).into_iter().filter(|open| open.name != action.name);
        Refusal::NotNow { action: action.name.clone(), state: case.name.clone(), allowed: others.map(|open| open.name.clone()).collect() }
    }
}

impl ActionDefinition {
    fn is_open_to(&self, role: Role) -> bool {
        role == Role::Admin || self.roles.contains(&role)
    }
}

fn is_open(action: &ActionDefinition, case: &CaseState) -> bool {
    let fits = match action.effect {
        Effect::Accept => case.open_tasks().any(|task| task.state == TaskState::Waiting || leads_on(action, case)),
        effect if effect.is_of_task() => case.open_tasks().next().is_some(),
        Effect::Rework => !case.redone(None).is_empty(),
        effect if effect.decides_appeal() => matches!(case.appeal, Appeal::Open | Appeal::Reviewed),
        Effect::Appeal => case.appeal == Appeal::None,
        Effect::Suspend => !case.is_end,
        _ => true,
    };
    fits && action.from.contains(&case.name) && action.effect.is_open_in(case.suspended_since.is_some())
}

/// Whether there is anything that a move which is open could be about: a delay to appeal against, a clock to make longer.
fn has_ground(action: &ActionDefinition, case: &CaseState, at: Timestamp) -> bool {
    match action.effect {
        Effect::Appeal => case.is_late(at.max(case.changed_at)),
        Effect::Extend => {
            let has_task = case.open_tasks().next().is_some();
            case.running().any(|(department, clock)| clock.due_at.is_some() && is_extendable(has_task, department, clock))
        }
        _ => true,
    }
}

/// Whether a clock is one that is made longer where no department is named: those of open tasks, or else that of the stage.
fn is_extendable(has_task: bool, department: Option<&DepartmentId>, clock: &CaseClock) -> bool {
    department.is_some() == has_task && clock.stage != Stage::Total
}

/// Whether a move takes a case to another state: what one department has accepted before the rework may be the way to go on after it.
fn leads_on(action: &ActionDefinition, case: &CaseState) -> bool {
    action.to.as_ref().is_some_and(|to| *to != case.name)
}

/// Finds the open task that a move is about: that of the department named, or the only one.
fn find_task(case: &CaseState, action: &ActionDefinition, named: Option<&DepartmentId>) -> Result<DepartmentId, Refusal> {
    let refused = |found: String| Refusal::NoTask { action: action.name.clone(), found };
    let open = || case.open_tasks().map(|task| &task.department);
    match named {
        Some(named) if open().any(|department| department == named) => Ok(named.clone()),
        Some(named) => Err(refused(format!("{named} has none that is open"))),
        None => {
            let mut departments: Vec<_> = open().collect();
            departments.dedup();
            match departments.as_slice() {
                [only] => Ok((*only).clone()),
                [] => Err(refused("none is open".to_owned())),
                several => Err(refused(format!("{} have one", several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))),
            }
        }
    }
}

/// Has the first of some departments answer for a case where none of them is named for that.
fn give_lead(departments: &mut [Appointed]) {
    if departments.iter().all(|appointed| appointed.role != DepartmentRole::Lead)
        && let Some(first) = departments.first_mut()
    {
        first.role = DepartmentRole::Lead;
    }
}

/// Returns the departments of an order, the one that it names, or those of the rules, that have no open task yet.
fn choose_departments(case: &CaseState, order: &Order, context: &Context<'_>) -> Result<Vec<Appointed>, Refusal> {
    let has_task = |appointed: &Appointed| case.open_tasks().any(|task| task.department == appointed.department);
    if let Some(busy) = order.departments.iter().find(|appointed| has_task(appointed)) {
        return Err(Refusal::HasTask(busy.department.clone()));
    }
    let of_place = |id: &DepartmentId| context.departments.iter().find(|appointed| appointed.department == *id);
    let named = match (&order.department, order.departments.as_slice()) {
        (Some(id), []) => {
            let role = if case.open_tasks().next().is_none() { DepartmentRole::Lead } else { DepartmentRole::Co };
            let own = Appointed { department: id.clone(), name: String::new(), role };
            if has_task(&own) {
                return Err(Refusal::HasTask(own.department));
            }
            vec![of_place(id).cloned().unwrap_or(own)]
        }
        (None, []) => context.departments.clone(),
        (_, named) => named.to_vec(),
    };
    let mut chosen: Vec<Appointed> = Vec::new();
    for appointed in named.into_iter().filter(|appointed| !has_task(appointed)) {
        if !chosen.iter().any(|other| other.department == appointed.department) {
            chosen.push(called(appointed, case, context)?);
        }
    }
    if chosen.is_empty() {
        return Err(Refusal::NoDepartment);
    }
    // Who is called in beside others leads nobody.
    if case.open_tasks().next().is_none() {
        give_lead(&mut chosen);
    }
    Ok(chosen)
}

/// Finds whose task is passed on, and who gets it in the same role: the first of the departments of an order, or else the one that it
/// names. That one may also be whose task it is, where another is to get it.
fn find_passing(
    case: &CaseState,
    action: &ActionDefinition,
    order: &Order,
    context: &Context<'_>,
) -> Result<(DepartmentId, Appointed), Refusal> {
    let (from, to) = match (&order.department, order.departments.first()) {
        (from, Some(to)) => (from.as_ref(), to.clone()),
        (Some(id), None) => (None, Appointed { department: id.clone(), name: String::new(), role: DepartmentRole::Lead }),
        (None, None) => return Err(Refusal::Needs { action: action.name.clone(), need: Need::Department }),
    };
    if case.open_tasks().any(|task| task.department == to.department) {
        return Err(Refusal::HasTask(to.department));
    }
    let from = find_task(case, action, from)?;
    let role = case.open_tasks().find(|task| task.department == from).map_or(to.role, |task| task.role);
    Ok((from, called(Appointed { role, ..to }, case, context)?))
}

/// Ids that a refusal lists one by one.
const IDS_TOLD: usize = 20;

/// Calls a department what the rules call it, whatever a caller does.
///
/// # Errors
/// No rule names it and it has had no task of the case: nobody would hear of this one.
fn called(appointed: Appointed, case: &CaseState, context: &Context<'_>) -> Result<Appointed, Refusal> {
    let of_place = context.departments.iter().find(|known| known.department == appointed.department);
    let name = of_place.map(|known| known.name.as_str()).or_else(|| context.known.find(&appointed.department));
    if let Some(name) = name {
        return Ok(Appointed { name: name.to_owned(), ..appointed });
    }
    let count = context.known.ids().count();
    if count == 0 || case.tasks.iter().any(|task| task.department == appointed.department) {
        return Ok(appointed);
    }
    let told = context.known.ids().take(IDS_TOLD).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let known = if count > IDS_TOLD { format!("{told} and {} more", count - IDS_TOLD) } else { told };
    Err(Refusal::NoSuchDepartment { department: appointed.department, known })
}

/// Returns the photos that are shown to all with a case: those of an order, or those that are shown already.
fn choose_photos(case: &CaseState, order: &Order) -> Result<Vec<PhotoId>, Refusal> {
    let named = order.photos.as_deref().unwrap_or(case.photos_for_all());
    match named.iter().find(|photo| !case.photos.contains(photo)) {
        Some(unknown) => Err(Refusal::NoPhoto(*unknown)),
        None => Ok(named.to_vec()),
    }
}

fn resumed(case: &CaseState, at: Timestamp, context: &Context<'_>) -> Vec<ClockFact> {
    let fact = |(department, clock): (Option<&DepartmentId>, &CaseClock)| {
        let due_at = clock
            .pauses
            .last()
            .zip(clock.was_due_at)
            .zip(clock.limit)
            .and_then(|((pause, was_due), limit)| postponed(was_due, pause.from, at, limit.clock(), context.calendar));
        let warn_at = clock
            .was_warned_at()
            .zip(clock.pauses.last())
            .zip(clock.limit)
            .and_then(|((warn_at, pause), limit)| postponed(warn_at, pause.from, at, limit.clock(), context.calendar));
        ClockFact { department: department.cloned(), stage: clock.stage, limit: clock.limit, due_at, warn_at }
    };
    case.running().map(fact).collect()
}

/// Makes the clocks of open tasks longer: that of the department named, or all; where no task is open, the stage's.
fn extended(workflow: &Workflow, case: &CaseState, order: &Order, context: &Context<'_>) -> Result<Vec<ClockFact>, Refusal> {
    let has_task = case.open_tasks().next().is_some();
    let is_meant = |department: Option<&DepartmentId>, clock: &CaseClock| match (&order.department, department) {
        (Some(named), Some(own)) => named == own,
        (Some(_), None) => false,
        (None, own) => is_extendable(has_task, own, clock),
    };
    let longer = |(department, clock): (Option<&DepartmentId>, &CaseClock)| {
        let (from, limit) = (clock.due_at?, order.limit?);
        let due_at = due(from, limit, context.calendar)?;
        // What is told of is the time that was added.
        let warn_at = share_of(workflow, limit).and_then(|share| due(from, share, context.calendar));
        Some(ClockFact { department: department.cloned(), stage: clock.stage, limit: clock.limit, due_at: Some(due_at), warn_at })
    };
    let clocks: Vec<_> = case.running().filter(|(department, clock)| is_meant(*department, clock)).filter_map(longer).collect();
    if clocks.is_empty() { Err(Refusal::NoClock) } else { Ok(clocks) }
}

/// The clock of the stage that begins with a state; that of handling is each task's own.
pub(super) fn stage_clock(state: &StateDefinition, at: Timestamp, context: &Context<'_>) -> Vec<ClockFact> {
    let stage = state.stage.filter(|stage| !matches!(stage, Stage::Handle | Stage::Total));
    stage.and_then(|stage| clock(None, stage, at, context)).into_iter().collect()
}

/// A task has a clock even without a limit, so that its time is known.
pub(super) fn task_clock(department: &DepartmentId, at: Timestamp, context: &Context<'_>) -> ClockFact {
    let none = ClockFact { department: Some(department.clone()), stage: Stage::Handle, limit: None, due_at: None, warn_at: None };
    clock(Some(department), Stage::Handle, at, context).unwrap_or(none)
}

fn clock(department: Option<&DepartmentId>, stage: Stage, at: Timestamp, context: &Context<'_>) -> Option<ClockFact> {
    let limit = match stage {
        Stage::Handle => context.limits.of_department().map(|(_, limit)| limit),
        stage => context.limits.of(stage),
    }?;
    let due_at = due(at, limit, context.calendar);
    Some(ClockFact { department: department.cloned(), stage, limit: Some(limit), due_at, warn_at: None })
}

/// Says of clocks that begin at `at` when little is left of them.
pub(super) fn warn(workflow: &Workflow, clocks: &mut [ClockFact], at: Timestamp, context: &Context<'_>) {
    for clock in clocks.iter_mut().filter(|clock| clock.due_at.is_some()) {
        let share = clock.limit.and_then(|limit| share_of(workflow, limit));
        clock.warn_at = share.and_then(|share| due(at, share, context.calendar));
    }
}

fn share_of(workflow: &Workflow, limit: Limit) -> Option<Limit> {
    limit.share(workflow.due_soon_percent?)
}

fn names(departments: &[Appointed]) -> String {
    let name = |appointed: &Appointed| if appointed.name.is_empty() { appointed.department.to_string() } else { appointed.name.clone() };
    departments.iter().map(name).collect::<Vec<_>>().join(", ")
}
