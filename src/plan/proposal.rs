use rustc_hash::FxHashMap;

use super::balance::{CommunityPlan, EFFORT_DEFAULT, Mode, Numbers, OnProgress, Plan, Task, TaskError, balance, effort_for, foresee};
use super::base::{Base, BaseError};
use super::compare::{Change, changes};
use super::evenness::Evenness;
use super::measures::{DistrictMeasures, Measured, Measures, measure};
use super::seeds::name_after_today;

/// What somebody wants of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub districts: u32,
    /// Warm where there is a plan of today, by default.
    pub mode: Option<Mode>,
    /// Today's in a warm balance and by load in a redraw, by default.
    pub numbers: Option<Numbers>,
    pub tolerance: f64,
    /// Of one load only: the sum of several is in no measure that anybody knows.
    pub floor: Option<f64>,
    pub ceiling: Option<f64>,
    /// Codes of units, and of districts of today.
    pub locks: Vec<String>,
    pub seed: u64,
    /// For how long to look; as long as is usual where none is given.
    pub seconds: Option<f64>,
}

/// How far a load may be from the mean, unless told otherwise.
pub const TOLERANCE_DEFAULT: f64 = 0.05;

/// The most that anybody bounds a load by: loads are counted in cases, households or square metres, and nobody's city has as many.
pub const LOAD_MAX: f64 = 1e15;

/// Moves thought of for each second that was asked for: so few that they are done in time on one core, so that the seed alone decides and not
/// the clock.
const MOVES_A_SECOND: f64 = 3e6;

/// Why no plan can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProposalError {
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error(transparent)]
    Task(#[from] TaskError),
    #[error("districts around points are drawn anew; ask for a redraw, without locks")]
    SeedsWarm,
    #[error(
        "floor and ceiling bound one load, and {0} are balanced together; bound each of them by what districts have at least and at most"
    )]
    SeveralLoads(usize),
}

/// A plan with all that is told of it.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub plan: Plan,
    /// The name of each district of the plan.
    pub names: Vec<String>,
    pub mode: Mode,
    pub seed: u64,
    pub tolerance: f64,
    pub measures: Measures,
    /// Today's plan by the same figures.
    pub today: Option<Measures>,
    pub changes: Vec<Explained>,
}

/// Units that go from one district to another, and what that does to both: loads over what each should carry from now on, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    pub change: Change,
    pub from_share: [f64; 2],
    pub to_share: [f64; 2],
}

/// How even a load came out that is one of several.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableEvenness<'a> {
    pub name: &'a str,
    pub weight: f64,
    pub evenness: Evenness,
}

/// What a task is made of, which borrows it.
struct Parts {
    load: Vec<f64>,
    community: Vec<u32>,
    is_locked: Vec<bool>,
    mode: Mode,
    /// The seeds with their districts, where there are some: all that is known of a plan then.
    seeded: Option<Vec<Option<u32>>>,
}

impl Base {
    /// Returns how many districts there are today; none where no plan of today is known.
    pub fn districts_today(&self) -> Option<u32> {
        u32::try_from(self.today.names.len()).ok().filter(|count| *count > 0)
    }

    /// Says before anything is moved what each community will have, and what stands in its way.
    ///
    /// # Errors
    /// What is wanted makes no sense.
    pub fn foresee(&self, wanted: &Wanted) -> Result<Vec<CommunityPlan>, ProposalError> {
        let parts = self.parts(wanted)?;
        Ok(foresee(&self.task(&parts, wanted))?)
    }

    /// Makes a plan and measures it.
    ///
    /// # Errors
    /// What is wanted makes no sense. What a plan does not reach is among its findings.
    pub fn propose(&self, wanted: &Wanted, on_progress: OnProgress) -> Result<Proposal, ProposalError> {
        let parts = self.parts(wanted)?;
        let task = self.task(&parts, wanted);
        let mut plan = balance(&task, on_progress)?;
        let today_of: &[Option<u32>] = if self.today.names.is_empty() { &[] } else { &self.today.of };
        if parts.seeded.is_some() {
            name_after_today(&mut plan, today_of, self.today.names.len(), &parts.load);
        }
        let community_of: Vec<Option<u32>> = plan.districts.iter().map(|district| district.community).collect();
        let names = self.name_districts(&plan.district_of, &community_of);
        let district_of: Vec<Option<u32>> = plan.district_of.iter().copied().map(Some).collect();
        // Only where each community keeps its districts is there a least load to compare with.
        let bounds: Vec<f64> = plan.communities.iter().filter_map(|community| community.transport_load).collect();
        let has_today = !today_of.is_empty();
        let transport_load = (has_today && bounds.len() == plan.communities.len()).then(|| bounds.iter().sum());
        let measured = Measured {
            graph: &self.graph,
            ground: &self.ground,
            load: task.load,
            community: task.community,
            district_of: &district_of,
            districts: plan.districts.len(),
            today: today_of,
            is_locked: if parts.seeded.is_some() { &[] } else { task.is_locked },
            residents: self.residents.as_deref(),
            transport_load,
        };
        let today = has_today.then(|| measure(&Measured { district_of: today_of, today: &[], ..measured }));
        let changes = if has_today { changes(today_of, &district_of, task.load) } else { Vec::new() };
        let measures = measure(&measured);
        let changes = explain(changes, today.as_ref(), &measures);
        Ok(Proposal { plan, names, mode: parts.mode, seed: wanted.seed, tolerance: wanted.tolerance, measures, today, changes })
    }

    fn parts(&self, wanted: &Wanted) -> Result<Parts, ProposalError> {
        let mode = wanted.mode.unwrap_or(if self.today.names.is_empty() { Mode::Redraw } else { Mode::Warm });
        if self.variables.len() > 1 && (wanted.floor.is_some() || wanted.ceiling.is_some()) {
            return Err(ProposalError::SeveralLoads(self.variables.len()));
        }
        let mut is_locked = self.locks(&wanted.locks)?;
        let mut seeded = None;
        if !self.seeds.is_empty() {
            if mode == Mode::Warm || is_locked.contains(&true) {
                return Err(ProposalError::SeedsWarm);
            }
            let mut of = vec![None; self.codes.len()];
            for (district, unit) in (0u32..).zip(&self.seeds) {
                of[*unit as usize] = Some(district);
                is_locked[*unit as usize] = true;
            }
            seeded = Some(of);
        }
        Ok(Parts { load: self.load(), community: self.community()?, is_locked, mode, seeded })
    }

    fn task<'a>(&'a self, parts: &'a Parts, wanted: &Wanted) -> Task<'a> {
        let by_mode = if parts.mode == Mode::Warm { Numbers::Today } else { Numbers::ByLoad };
        let effort = |seconds: f64| effort_for(seconds * MOVES_A_SECOND, parts.load.len(), wanted.districts as usize);
        Task {
            graph: &self.graph,
            load: &parts.load,
            community: &parts.community,
            today: match &parts.seeded {
                Some(seeded) => seeded,
                None if self.today.names.is_empty() => &[],
                None => &self.today.of,
            },
            is_locked: &parts.is_locked,
            districts: wanted.districts,
            numbers: wanted.numbers.unwrap_or(by_mode),
            mode: parts.mode,
            tolerance: wanted.tolerance,
            floor: wanted.floor,
            ceiling: wanted.ceiling,
            limits: &self.limits,
            seed: wanted.seed,
            effort: wanted.seconds.map_or(EFFORT_DEFAULT, effort),
        }
    }
}

impl Proposal {
    pub fn name(&self, district: u32) -> &str {
        self.names.get(district as usize).map_or("", String::as_str)
    }

    /// Returns how many stated bounds the plan does not meet.
    pub fn failures(&self) -> usize {
        self.plan.communities.iter().flat_map(|community| &community.findings).filter(|finding| finding.is_failure()).count()
    }

    /// Tells for each of several loads how even it came out by itself.
    pub fn by_variable<'a>(&self, base: &'a Base) -> Vec<VariableEvenness<'a>> {
        let of = |known: &'a super::base::Variable| {
            let mut loads = vec![0.0; self.plan.districts.len()];
            self.plan.district_of.iter().zip(&known.values).for_each(|(district, value)| loads[*district as usize] += value);
            let there = loads.into_iter().zip(&self.plan.districts).filter(|(_, district)| district.units > 0);
            let loads: Vec<f64> = there.map(|(load, _)| load).collect();
            let mean = loads.iter().sum::<f64>() / loads.len().max(1) as f64;
            let evenness = Evenness::of(&loads, &vec![mean; loads.len()]);
            VariableEvenness { name: &known.name, weight: known.weight, evenness }
        };
        base.variables.iter().map(of).collect()
    }
}

/// Says of each change what it does to both districts: their loads before and after over what each should carry from now on, or should have
/// carried where it is no more.
pub fn explain(changes: Vec<Change>, before: Option<&Measures>, after: &Measures) -> Vec<Explained> {
    let targets: FxHashMap<u32, f64> = after.by_district.iter().map(|district| (district.district, district.target)).collect();
    let shares = |measures: Option<&Measures>| -> FxHashMap<u32, f64> {
        let districts = measures.map_or(&[][..], |measures| measures.by_district.as_slice());
        let target = |district: &DistrictMeasures| targets.get(&district.district).copied().unwrap_or(district.target);
        districts.iter().map(|district| (district.district, district.load / target(district).max(f64::MIN_POSITIVE))).collect()
    };
    let (before, after) = (shares(before), shares(Some(after)));
    let share = |district: Option<u32>| {
        let of = |shares: &FxHashMap<u32, f64>| district.and_then(|district| shares.get(&district).copied()).unwrap_or_default();
        [of(&before), of(&after)]
    };
    changes.into_iter().map(|change| Explained { from_share: share(change.from), to_share: share(change.to), change }).collect()
}
