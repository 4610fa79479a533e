use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::bisect::bisect;
use super::chains::mend;
use super::clusters::clusters;
use super::contiguity::join_strays;
use super::polish::{Heat, penalty, polish};
use super::recombine::{Trees, recombine};
use super::region::{Bounds, NONE, Region};
use super::state::State;
use super::transport::{Prices, adjacent, plan_transport, ship};
use super::watch::Watch;

/// What a community is to be cut into, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub prices: Prices,
    /// Moves thought of for each unit.
    pub effort: f64,
    pub seed: u64,
    pub is_warm: bool,
}

/// Districts that are worked on together; of the rest only those at the rim of a cluster are missed, and they are inside another in the
/// next round.
const CLUSTER_MAX: usize = 24;

/// Units to a district from which on each of them is thought of more often, and how much more at most.
const UNITS_USUAL: f64 = 50.0;
const REACH_MAX: f64 = 10.0;

/// Rounds of polish over all clusters.
pub(super) const ROUNDS: usize = 5;

/// Rounds in which bounds are as wide as so many units weigh on the mean, at least.
const LOOSE_ROUNDS: usize = 3;
const LOOSE_UNITS: f64 = 2.0;

/// Rounds in which load is carried across many districts.
const TRANSPORT_ROUNDS: usize = 3;

/// Rounds of repair where districts stay outside, each with more tries.
const REPAIR_ROUNDS: usize = 20;

/// Rounds of repair without an effect after which it is given up.
const REPAIR_IDLE_MAX: usize = 8;

/// Times that a cluster is tried in one round of repair. From today's plan the next round, which groups districts otherwise, finds more than
/// another try.
const REPAIR_ATTEMPTS: u32 = 3;
const REPAIR_ATTEMPTS_WARM: u32 = 1;
const TRIES_FIRST: usize = 60;
const TRIES_MAX: usize = 960;
const TRIES_MAX_WARM: usize = 240;

/// The part of the usual effort that today's plan takes, most of which is good as it is.
const WARM_PART: f64 = 0.6;

/// How warm today's plan is once it is mended, so that units go home again where there is room.
const HOMEWARD: Heat = Heat { first: 0.02, last: 0.005, proposals: 0 };

/// Rounds of polish after a repair, and the part of districts that must have been outside before it, one in so many.
const FINISH: std::ops::Range<usize> = ROUNDS + REPAIR_ROUNDS..ROUNDS + REPAIR_ROUNDS + 3;
const RAGGED_PART: usize = 50;

/// The part of the bounds that transport aims at, as units are no liquid.
const AIM: f64 = 0.9;

/// Brings a plan of a region within bounds, and makes it compact. `of` has a district for every unit, each in one piece.
pub(super) fn solve(region: &Region, of: Vec<u32>, manner: Manner, watch: &Watch) -> Vec<u32> {
    let mut state = State::new(region, of);
    carry(&mut state, manner);
    for round in 0..ROUNDS {
        if watch.stops() {
            break;
        }
        // Today's plan is split anew only where nothing else helps, as that moves much.
        let tries = if manner.is_warm { 0 } else { TRIES_FIRST };
        improve(&mut state, manner, round, Effort { heat: manner.heat(round), tries, late: false }, watch);
        watch.step(state.violations().0);
    }
    let outside = state.violations().0;
    repair(&mut state, manner, watch);
    if outside > 0 && manner.is_warm {
        improve(&mut state, manner, FINISH.start, Effort { heat: HOMEWARD, tries: 0, late: false }, watch);
    }
    // A split along a random tree is a ragged border; where there were many, they are worth another polish.
    if outside * RAGGED_PART > state.load.len() && !manner.is_warm {
        for round in FINISH {
            improve(
                &mut state,
                manner,
                round,
                Effort { heat: manner.heat(round - FINISH.start + 1), tries: TRIES_FIRST, late: false },
                watch,
            );
        }
    }
    state.of
}

/// Returns the effort at which about so many moves are thought of in all.
pub fn effort_for(moves: f64, units: usize, districts: usize) -> f64 {
    moves / units.max(1) as f64 / reach(units, districts)
}

/// How much more often a unit is thought of where districts are large, as a border has far to go through them.
fn reach(units: usize, districts: usize) -> f64 {
    (units as f64 / districts.max(1) as f64 / UNITS_USUAL).clamp(1.0, REACH_MAX)
}

/// Cuts a region anew.
pub(super) fn draw(region: &Region) -> Vec<u32> {
    let mut of = bisect(region);
    join_strays(region, &mut of);
    of
}

fn carry(state: &mut State, manner: Manner) {
    for _ in 0..TRANSPORT_ROUNDS {
        if state.violations().0 == 0 {
            return;
        }
        let transport = plan_transport(&state.load, &adjacent(state), shrunk(state.region.bounds, AIM));
        ship(state, &transport, manner.prices);
    }
}

fn repair(state: &mut State, manner: Manner, watch: &Watch) {
    let (mut tries, mut idle) = (TRIES_FIRST, 0);
    for round in ROUNDS..ROUNDS + REPAIR_ROUNDS {
        let before = state.violations();
        if before.0 == 0 || idle == REPAIR_IDLE_MAX || watch.stops() {
            return;
        }
        tries = (tries * 2).min(if manner.is_warm { TRIES_MAX_WARM } else { TRIES_MAX });
        let heat = Heat { first: 0.2, last: 0.02, proposals: 0 };
        // A tree that keeps to districts moves little, one that does not finds more.
        let late = manner.is_warm && round % 2 == 1;
        improve(state, manner, round, Effort { heat, tries, late }, watch);
        idle = if state.violations() == before { idle + 1 } else { 0 };
        if idle > 0 {
            carry(state, manner);
        }
    }
}

/// Returns bounds in which units of the usual weight can move at all: where they are narrow, shapes are found first and loads are fitted after.
fn loosened(region: &Region) -> Bounds {
    let bounds = region.bounds;
    let unit = region.load.iter().sum::<f64>() / region.len().max(1) as f64;
    let half = bounds.half().max(LOOSE_UNITS * unit);
    Bounds { low: bounds.middle() - half, high: bounds.middle() + half, ..bounds }
}

fn shrunk(bounds: Bounds, part: f64) -> Bounds {
    let (middle, half) = (bounds.middle(), (bounds.high - bounds.low) / 2.0 * part);
    Bounds { low: middle - half, high: middle + half, ..bounds }
}

impl Manner {
    /// Borders are all that counts where everything is drawn anew.
    pub fn redraw(seed: u64, effort: f64) -> Self {
        let prices = Prices { border: 1.0, moved: 0.0, uneven: 0.1, pressed: 0.75, steep: 4.0 };
        Self { prices, effort, seed, is_warm: false }
    }

    /// What leaves its district is dear, and districts may well stay at the ends of their bounds.
    pub fn warm(seed: u64, effort: f64) -> Self {
        let prices = Prices { border: 0.4, moved: 2.0, uneven: 0.0, pressed: 0.8, steep: 8.0 };
        Self { prices, effort: WARM_PART * effort, seed, is_warm: true }
    }

    fn attempts(&self) -> u32 {
        if self.is_warm { REPAIR_ATTEMPTS_WARM } else { REPAIR_ATTEMPTS }
    }

    /// Hot at first where all is drawn anew; today's plan is not to be shaken.
    fn heat(&self, round: usize) -> Heat {
        let cooled = 0.55f64.powi(round as i32);
        let first = if self.is_warm { 0.08 } else { 0.7 };
        Heat { first: first * cooled, last: 0.25 * first * cooled, proposals: 0 }
    }

    fn rng(&self, round: usize, cluster: usize) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(((round as u64) << 32) | cluster as u64);
        rng
    }
}

/// Improves clusters of districts beside each other, all at once, each with its own random numbers.
fn improve(state: &mut State, manner: Manner, round: usize, effort: Effort, watch: &Watch) {
    let region = state.region;
    let is_repair = (ROUNDS..FINISH.start).contains(&round);
    // Golden angles never come round to where they were.
    let turn = round as f64 * 2.399_963;
    let groups = clusters(state, CLUSTER_MAX, turn);
    let mut units_of: Vec<Vec<u32>> = vec![Vec::new(); region.districts as usize];
    region.units().for_each(|unit| units_of[state.district(unit) as usize].push(unit));
    let state_now = &*state;
    let better: Vec<Vec<(u32, u32)>> = groups
        .par_iter()
        .enumerate()
        .map_init(
            || vec![NONE; region.len()],
            |place_of, (at, districts)| {
                let has_outside = districts.iter().any(|district| !state_now.is_inside(*district));
                if is_repair && !has_outside {
                    return Vec::new();
                }
                let units: Vec<u32> = districts.iter().flat_map(|district| units_of[*district as usize].iter().copied()).collect();
                let (mut part, of) = region.cut_out(&state_now.of, districts, &units, place_of);
                if round < LOOSE_ROUNDS && !manner.is_warm {
                    part.bounds = loosened(&part);
                }
                let mut rng = manner.rng(round, at);
                let proposals = (manner.effort * reach(units.len(), districts.len()) * units.len() as f64 / ROUNDS as f64) as u64;
                let effort = Effort { heat: Heat { proposals, ..effort.heat }, ..effort };
                let mut improved = None;
                // What resists once gives way to other random numbers, and to more heat.
                for attempt in 0..if is_repair { manner.attempts() } else { 1 } {
                    let first = effort.heat.first * f64::from(1 << attempt);
                    let effort = Effort { heat: Heat { first, ..effort.heat }, ..effort };
                    improved = improve_cluster(&part, &of, manner.prices, &mut rng, effort, watch);
                    if improved.is_some() {
                        break;
                    }
                }
                let improved = improved.unwrap_or(of);
                units.iter().zip(improved).map(|(unit, district)| (*unit, districts[district as usize])).collect()
            },
        )
        .collect();
    for (unit, district) in better.into_iter().flatten() {
        if state.district(unit) != district {
            state.apply(unit, district);
        }
    }
}

/// How hard a cluster is worked on.
#[derive(Clone, Copy)]
struct Effort {
    heat: Heat,
    /// Splits that are tried for each district outside.
    tries: usize,
    /// Whether splits keep to districts as they are.
    late: bool,
}

fn improve_cluster(region: &Region, of: &[u32], prices: Prices, rng: &mut ChaCha8Rng, effort: Effort, watch: &Watch) -> Option<Vec<u32>> {
    let before = State::new(region, of.to_vec());
    let mut state = before.clone();
    polish(&mut state, rng, effort.heat, prices, watch);
    if state.violations().0 > 0 {
        mend(&mut state, prices, watch);
    }
    if state.violations().0 > 0 && effort.tries > 0 {
        recombine(&mut state, rng, Trees { tries: effort.tries, late: effort.late }, prices, watch);
    }
    is_better(&state, &before, prices).then_some(state.of)
}

fn is_better(state: &State, before: &State, prices: Prices) -> bool {
    let (ours, theirs) = (state.violations(), before.violations());
    if ours.0 != theirs.0 {
        return ours.0 < theirs.0;
    }
    if ours.0 > 0 {
        return ours.1 < theirs.1;
    }
    price(state, prices) < price(before, prices)
}

/// What a plan of a region costs beside being within bounds: borders, moved load and unevenness.
pub(super) fn price(state: &State, prices: Prices) -> f64 {
    let bounds = state.region.bounds;
    let uneven: f64 = state.load.iter().map(|load| penalty(*load, bounds, prices)).sum();
    prices.border * state.cut_length() + prices.moved * state.moved() / bounds.half() + uneven
}
