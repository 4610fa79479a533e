use rustc_hash::FxHashMap;

use super::bridges::bridge;
use super::contiguity::join_strays;
use super::region::{Bounds, NONE, Parts, Region, RegionLimit};
use super::restructure::{fit_number, split_off};
use super::solve::{Manner, draw, price, solve};
use super::state::State;
use super::task::{CommunityPlan, Finding, Limit, Mode, Task, Why};
use super::transport::{adjacent, plan_transport};
use super::watch::Watch;
use crate::plan::compare::most_in_common;

/// What a community is given to be balanced.
#[derive(Clone)]
pub(super) struct Job<'a> {
    pub task: &'a Task<'a>,
    pub units: &'a [u32],
    pub districts: u32,
    pub bounds: Bounds,
    /// What a redraw aims at within the bounds.
    pub aim: Bounds,
    /// Districts of today whose greater part lies in this community, in the order of their numbers.
    pub today: Vec<u32>,
    pub seed: u64,
    /// What is known before anything is moved.
    pub findings: Vec<Finding>,
}

/// A community balanced.
pub(super) struct Done {
    /// The district of each unit, from 0.
    pub of: Vec<u32>,
    /// For each of these districts the one of today whose name it keeps.
    pub name: Vec<Option<u32>>,
    pub plan: CommunityPlan,
    /// For findings about districts: which of `of`'s.
    pub outside: Vec<(u32, f64, Why)>,
    /// Districts outside what was aimed at, which may be less than is allowed.
    missed: usize,
    price: f64,
}

impl Done {
    /// Returns the better of two plans of a community: the one that misses its aim with fewer districts, and of two alike the cheaper.
    pub fn better(self, other: Self) -> Self {
        let rank = |done: &Self| (done.missed, done.price);
        if rank(&other) < rank(&self) { other } else { self }
    }
}

impl Job<'_> {
    pub fn run(mut self, place_of: &mut [u32], watch: &Watch) -> Done {
        let task = self.task;
        let (mut region, pieces) = self.make_region(place_of);
        if pieces > 1 {
            self.findings.push(Finding::InPieces { pieces });
        }
        let has_today = !self.today.is_empty();
        let has_locks = region.is_locked.iter().any(|is_locked| *is_locked);
        let mut transport_load = None;
        let mut names: Vec<Option<u32>> = vec![None; self.districts as usize];
        let mut start = None;
        if has_today {
            let today = self.mend_today(&mut region);
            // What moves when districts begin or end has no least load: bounds of one number are not met by districts of another.
            if self.today.len() == self.districts as usize {
                transport_load = Some(self.weigh_transport(&region, &today));
            }
            if task.mode == Mode::Warm || has_locks {
                let (of, kept) = fit_number(&mut region, today, self.districts);
                names = kept.into_iter().map(|kept| kept.map(|at| self.today[at as usize])).collect();
                if region.districts > self.districts {
                    self.findings.push(Finding::TooManyLocked { districts: region.districts, wanted: self.districts });
                    self.districts = region.districts;
                }
                start = Some(of);
            }
        }
        region.districts = self.districts;
        let is_warm = task.mode == Mode::Warm && start.is_some();
        region.keeps_home = is_warm;
        if !is_warm {
            region.bounds = self.aim;
        }
        let manner = if is_warm { Manner::warm(self.seed, task.effort) } else { Manner::redraw(self.seed, task.effort) };
        let keeps_names = start.is_some();
        let start = start.unwrap_or_else(|| {
            let mut of = draw(&region);
            split_off(&region, &mut of);
            of
        });
        region.scale_borders(&start);
        let mut of = if self.districts > 1 { solve(&region, start, manner, watch) } else { start };
        if has_today && !keeps_names {
            names = self.keep_names(&region, &of);
        }
        let apart = join_strays(&region, &mut of);
        if apart > 0 {
            self.findings.push(Finding::LockedApart { pieces: apart });
        }
        let state = State::new(&region, of.clone());
        let (missed, price) = (state.violations().0, price(&state, manner.prices));
        // What is within what is allowed is well, though a redraw aims at less.
        region.bounds = self.bounds;
        let outside = self.explain_outside(&region, &of, watch);
        let load = region.load.iter().sum();
        let plan = CommunityPlan {
            load,
            districts: self.districts,
            bounds: self.bounds,
            transport_load,
            findings: std::mem::take(&mut self.findings),
        };
        Done { of, name: names, plan, outside, missed, price }
    }

    fn make_region(&self, place_of: &mut [u32]) -> (Region, usize) {
        let task = self.task;
        for (place, unit) in (0u32..).zip(self.units) {
            place_of[*unit as usize] = place;
        }
        let mut borders: Vec<(u32, u32, f32)> = Vec::new();
        for (place, unit) in (0u32..).zip(self.units) {
            for beside in task.graph.beside(*unit).iter().filter(|beside| beside.unit > *unit) {
                let other = place_of[beside.unit as usize];
                if other != NONE {
                    borders.push((place, other, (beside.border_m * beside.weight) as f32));
                }
            }
        }
        self.units.iter().for_each(|unit| place_of[*unit as usize] = NONE);
        let pieces = bridge(task.graph, self.units, &mut borders);
        let today_place: FxHashMap<u32, u32> = (0u32..).zip(&self.today).map(|(place, district)| (*district, place)).collect();
        let home = |unit: &u32| {
            let today = task.today.get(*unit as usize).copied().flatten();
            today.and_then(|district| today_place.get(&district).copied()).unwrap_or(NONE)
        };
        let limit = |limit: &Limit| {
            let Limit { values, least, most, .. } = limit;
            RegionLimit { value: self.units.iter().map(|unit| values[*unit as usize]).collect(), least: *least, most: *most }
        };
        let parts = Parts {
            load: self.units.iter().map(|unit| task.load[*unit as usize]).collect(),
            x: self.units.iter().map(|unit| task.graph.unit(*unit).x_m as f32).collect(),
            y: self.units.iter().map(|unit| task.graph.unit(*unit).y_m as f32).collect(),
            area: self.units.iter().map(|unit| task.graph.unit(*unit).area_m2 as f32).collect(),
            home: self.units.iter().map(home).collect(),
            is_locked: self.units.iter().map(|unit| task.is_locked.get(*unit as usize).copied().unwrap_or(false)).collect(),
            limits: task.limits.iter().map(limit).collect(),
        };
        (Region::new(parts, &borders, self.today.len() as u32, self.bounds), pieces)
    }

    /// Returns today's plan with every unit in a district and every district in one piece.
    fn mend_today(&mut self, region: &mut Region) -> Vec<u32> {
        let mut of = region.home.clone();
        let foreign = of.iter().filter(|district| **district == NONE).count();
        let apart = join_strays(region, &mut of);
        let strays = of.iter().zip(&region.home).filter(|(now, home)| now != home).count() - foreign;
        if strays > 0 {
            self.findings.push(Finding::TornToday { pieces: strays });
        }
        debug_assert!(apart == 0 || region.is_locked.iter().any(|is_locked| *is_locked), "only locks hold pieces apart");
        of
    }

    fn weigh_transport(&mut self, region: &Region, today: &[u32]) -> f64 {
        let state = State::new(region, today.to_vec());
        let transport = plan_transport(&state.load, &adjacent(&state), self.bounds);
        if transport.stuck > self.bounds.target * 1e-3 {
            self.findings.push(Finding::Stuck { load: transport.stuck });
        }
        transport.load
    }

    /// Names new districts after the ones of today with which they have most load in common.
    fn keep_names(&self, region: &Region, of: &[u32]) -> Vec<Option<u32>> {
        let at_home = region.units().filter(|unit| region.home[*unit as usize] != NONE);
        let pairs = at_home.map(|unit| (of[unit as usize], region.home[unit as usize], region.load[unit as usize]));
        let names = most_in_common(pairs, self.districts as usize, self.today.len());
        names.into_iter().map(|name| name.map(|at| self.today[at as usize])).collect()
    }

    fn explain_outside(&self, region: &Region, of: &[u32], watch: &Watch) -> Vec<(u32, f64, Why)> {
        let state = State::new(region, of.to_vec());
        let mut outside = Vec::new();
        for (district, load) in (0u32..).zip(&state.load).filter(|(district, _)| !state.is_inside(*district)) {
            let own = || region.units().filter(|unit| of[*unit as usize] == district);
            let locked: f64 = own().filter(|unit| region.is_locked[*unit as usize]).map(|unit| region.load[unit as usize]).sum();
            let mean = region.load.iter().sum::<f64>() / f64::from(self.districts);
            let why = if self.bounds.holds(*load) {
                Why::Limit
            } else if own().any(|unit| region.load[unit as usize] > self.bounds.high) {
                Why::HeavyUnit
            } else if !self.bounds.holds(mean) {
                Why::NoRoom
            } else if locked > self.bounds.high {
                Why::Locked
            } else if watch.was_stopped() {
                Why::Stopped
            } else {
                Why::NoWay
            };
            outside.push((district, *load, why));
        }
        outside
    }
}
