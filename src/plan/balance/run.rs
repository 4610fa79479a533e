use rayon::prelude::*;

use super::community::{Done, Job};
use super::region::{Bounds, NONE};
use super::solve::ROUNDS;
use super::task::{CommunityPlan, EFFORT_DEFAULT, Finding, Mode, Numbers, Plan, PlannedDistrict, Task, TaskError};
use super::watch::{OnProgress, Watch};
use crate::plan::{Apportionment, apportion};

/// Puts base units together into districts of about equal load, each in one piece and in one community.
///
/// Communities are worked on at once. `on_progress` is asked from time to time whether to go on; where it breaks off, the best plan so far
/// is returned. Where it does not, the same task makes the same plan, on any number of cores.
///
/// # Errors
/// A task that makes no sense. What a plan does not reach is among its findings.
pub fn balance(task: &Task, on_progress: OnProgress) -> Result<Plan, TaskError> {
    let units_of = task.units_by_community()?;
    let jobs = jobs(task, &units_of)?;
    let watch = Watch::new(on_progress);
    let all = |jobs: Vec<Job>| -> Vec<Done> {
        watch.foresee(ROUNDS * jobs.iter().filter(|job| job.districts > 1).count());
        jobs.into_par_iter().map_init(|| vec![NONE; task.graph.len()], |place_of, job| job.run(place_of, &watch)).collect()
    };
    if task.effort <= EFFORT_DEFAULT {
        let done = all(jobs);
        return Ok(put_together(task, &units_of, done, !watch.was_stopped()));
    }
    // Every community has a good plan before any gets a better one: who is stopped while all is hot returns the first.
    let usual = Task { effort: EFFORT_DEFAULT, ..*task };
    let mut done = all(jobs.iter().map(|job| Job { task: &usual, ..job.clone() }).collect());
    if !watch.stops() {
        let more = all(jobs);
        done = done.into_iter().zip(more).map(|(usual, more)| usual.better(more)).collect();
    }
    Ok(put_together(task, &units_of, done, !watch.was_stopped()))
}

/// Says before anything is moved what each community will have, and what stands in its way already.
///
/// # Errors
/// A task that makes no sense.
pub fn foresee(task: &Task) -> Result<Vec<CommunityPlan>, TaskError> {
    let units_of = task.units_by_community()?;
    let foreseen = |job: Job| {
        let load = job.units.iter().map(|unit| task.load[*unit as usize]).sum();
        CommunityPlan { load, districts: job.districts, bounds: job.bounds, transport_load: None, findings: job.findings }
    };
    Ok(jobs(task, &units_of)?.into_iter().map(foreseen).collect())
}

fn jobs<'a>(task: &'a Task<'a>, units_of: &'a [Vec<u32>]) -> Result<Vec<Job<'a>>, TaskError> {
    let loads: Vec<f64> = units_of.iter().map(|units| units.iter().map(|unit| task.load[*unit as usize]).sum()).collect();
    let mut today_of = today_by_community(task, units_of.len());
    let counts = numbers(task, units_of, &loads, &today_of)?;
    let mean = loads.iter().sum::<f64>() / f64::from(counts.iter().sum::<u32>());
    let mut jobs = Vec::with_capacity(units_of.len());
    for (at, units) in units_of.iter().enumerate() {
        let mut findings = Vec::new();
        let (bounds, aim) = bounds_of(task, (loads[at], units.len()), counts[at], mean, &mut findings);
        for (limit, known) in task.limits.iter().enumerate() {
            let mean = units.iter().map(|unit| known.values[*unit as usize]).sum::<f64>() / f64::from(counts[at]);
            findings.extend((mean > known.most * (1.0 + 1e-9)).then_some(Finding::OverLimit { limit, mean }));
            findings.extend((mean < known.least * (1.0 - 1e-9)).then_some(Finding::UnderLimit { limit, mean }));
        }
        let too_heavy = units.iter().filter(|unit| task.load[**unit as usize] > bounds.high);
        findings.extend(too_heavy.map(|unit| Finding::TooHeavy { unit: *unit, load: task.load[*unit as usize] }));
        findings.extend(std::mem::take(&mut today_of[at].crossing).into_iter().map(|district| Finding::CrossesToday { district }));
        // A stream of its own for each community, whichever thread it falls to.
        let seed = task.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(at as u64);
        let today = std::mem::take(&mut today_of[at].own);
        jobs.push(Job { task, units, districts: counts[at], bounds, aim, today, seed, findings });
    }
    Ok(jobs)
}

impl Task<'_> {
    fn units_by_community(&self) -> Result<Vec<Vec<u32>>, TaskError> {
        self.check()?;
        let communities = self.community.iter().max().map_or(0, |last| *last as usize + 1);
        let mut units_of = vec![Vec::new(); communities];
        for (unit, community) in (0u32..).zip(self.community) {
            units_of[*community as usize].push(unit);
        }
        Ok(units_of)
    }

    fn check(&self) -> Result<(), TaskError> {
        if self.graph.is_empty() {
            return Err(TaskError::Empty);
        }
        if self.mode == Mode::Warm && self.today.iter().all(Option::is_none) {
            return Err(TaskError::NoPlanToday);
        }
        let is_homeless = |unit: usize| self.today.get(unit).copied().flatten().is_none();
        if self.is_locked.iter().enumerate().any(|(unit, is_locked)| *is_locked && is_homeless(unit)) {
            return Err(TaskError::LockWithoutPlan);
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            return Err(TaskError::Tolerance(self.tolerance));
        }
        if let Some(bound) = self.floor.into_iter().chain(self.ceiling).find(|bound| !(bound.is_finite() && *bound >= 0.0)) {
            return Err(TaskError::Bound(bound));
        }
        match (self.floor, self.ceiling) {
            (Some(floor), Some(ceiling)) if floor > ceiling => Err(TaskError::FloorAboveCeiling { floor, ceiling }),
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Default)]
struct Today {
    /// Districts of today whose greater part lies in the community.
    own: Vec<u32>,
    /// Districts of today that have units here and their greater part elsewhere.
    crossing: Vec<u32>,
}

fn today_by_community(task: &Task, communities: usize) -> Vec<Today> {
    let mut shares: Vec<(u32, u32, f64)> = task
        .today
        .iter()
        .zip(task.community)
        .zip(task.load)
        .filter_map(|((today, community), load)| Some(((*today)?, *community, *load)))
        .collect();
    shares.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    let mut today_of = vec![Today::default(); communities];
    for district in shares.chunk_by(|a, b| a.0 == b.0) {
        let parts = district.chunk_by(|a, b| a.1 == b.1).map(|part| (part.iter().map(|share| share.2).sum::<f64>(), part.len(), part[0].1));
        let mut parts: Vec<(f64, usize, u32)> = parts.collect();
        parts.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
        today_of[parts[0].2 as usize].own.push(district[0].0);
        parts[1..].iter().for_each(|part| today_of[part.2 as usize].crossing.push(district[0].0));
    }
    today_of
}

fn numbers(task: &Task, units_of: &[Vec<u32>], loads: &[f64], today_of: &[Today]) -> Result<Vec<u32>, TaskError> {
    let today: Vec<u32> = today_of.iter().map(|today| today.own.len() as u32).collect();
    let adds_up = today.iter().sum::<u32>() == task.districts && today.iter().all(|count| *count > 0);
    if task.numbers == Numbers::Today && adds_up {
        return Ok(today);
    }
    let rooms: Vec<u32> = units_of.iter().map(|units| units.len() as u32).collect();
    Ok(apportion(loads, &rooms, task.districts, Apportionment::SainteLague)?)
}

/// The part of a community's own bounds that must be left where they are narrowed to those of the city.
const NARROWED_MIN: f64 = 0.4;

/// Returns what a district of a community may carry, and what a redraw aims at: near the mean of the community it has to be, and near the city's
/// too it should be, where the community has about as many districts as it should and its units are light enough for that.
fn bounds_of(task: &Task, (load, units): (f64, usize), districts: u32, city_mean: f64, findings: &mut Vec<Finding>) -> (Bounds, Bounds) {
    let mean = load / f64::from(districts);
    let around = |mean: f64| (mean * (1.0 - task.tolerance), mean * (1.0 + task.tolerance));
    let stated = (task.floor.unwrap_or(f64::NEG_INFINITY), task.ceiling.unwrap_or(f64::INFINITY));
    let within = |low: f64, high: f64| {
        // Where floor or ceiling lies beyond what is even, it alone is left: no district may carry less than the floor, or more than the ceiling.
        let (low, high) = (low.clamp(stated.0, stated.1), high.clamp(stated.0, stated.1));
        Bounds { target: mean, low, high }
    };
    let (own, city) = (around(mean), around(city_mean));
    let narrowed = (own.0.max(city.0), own.1.min(city.1));
    let is_near = narrowed.1 - narrowed.0 >= NARROWED_MIN * (own.1 - own.0);
    if !is_near && city_mean > 0.0 {
        let suitable = ((load / city_mean).round() as u32).max(1);
        findings.push(Finding::OffTheMean { share_of_mean: mean / city_mean, districts, suitable });
    }
    let bounds = within(own.0, own.1);
    if mean < bounds.low * (1.0 - 1e-9) || mean > bounds.high * (1.0 + 1e-9) {
        findings.push(Finding::NoRoom { mean });
    }
    let is_fine = (narrowed.1 - narrowed.0) / 2.0 >= load / units.max(1) as f64;
    let has_room = narrowed.0.max(stated.0) < narrowed.1.min(stated.1);
    (bounds, if is_near && is_fine && has_room { within(narrowed.0, narrowed.1) } else { bounds })
}

fn put_together(task: &Task, units_of: &[Vec<u32>], done: Vec<Done>, is_finished: bool) -> Plan {
    let known = task.today.iter().flatten().max().map_or(0, |last| *last + 1);
    let none = PlannedDistrict { load: 0.0, units: 0, community: None };
    let mut plan = Plan {
        district_of: vec![NONE; task.graph.len()],
        districts: vec![none; known as usize],
        communities: Vec::with_capacity(done.len()),
        is_finished,
    };
    for (community, (units, done)) in (0u32..).zip(units_of.iter().zip(done)) {
        let mut numbers = Vec::with_capacity(done.name.len());
        for name in &done.name {
            numbers.push(name.unwrap_or_else(|| {
                plan.districts.push(none);
                plan.districts.len() as u32 - 1
            }));
        }
        for number in &numbers {
            plan.districts[*number as usize].community = Some(community);
        }
        for (unit, district) in units.iter().zip(&done.of) {
            let number = numbers[*district as usize];
            plan.district_of[*unit as usize] = number;
            let district = &mut plan.districts[number as usize];
            district.load += task.load[*unit as usize];
            district.units += 1;
        }
        let mut part: CommunityPlan = done.plan;
        part.findings.extend(done.outside.into_iter().map(|(district, load, why)| Finding::Outside {
            district: numbers[district as usize],
            load,
            why,
        }));
        plan.communities.push(part);
    }
    plan
}
