use std::cmp::Ordering;

use super::region::NONE;
use super::state::State;
use super::transport::{Prices, moved_change};
use super::watch::Watch;

/// Moves that a chain has at most: what one district takes too much of, it hands on.
const LENGTH_MAX: usize = 4;

/// Ways on that are tried from each step, the most promising first.
const WIDTH: [usize; LENGTH_MAX] = [16, 8, 5, 4];

/// Sweeps over all districts that are outside.
const SWEEPS: usize = 3;

/// Brings districts within bounds by short chains of moves: a unit goes to a neighbour, which hands on another of its own, perhaps back
/// (ejection chains: Glover 1996). So two units may change places that are both too heavy to move alone.
///
/// Of the chains of the least length that do, the cheapest is taken.
pub(super) fn mend(state: &mut State, prices: Prices, watch: &Watch) {
    let mut search = Search::new(state, prices);
    for _ in 0..SWEEPS {
        let mut outside: Vec<u32> = (0..state.region.districts).filter(|district| !state.is_inside(*district)).collect();
        outside.sort_by(|a, b| state.excess(*a).total_cmp(&state.excess(*b)).then(a.cmp(b)));
        let mut has_changed = false;
        for district in outside {
            if watch.stops() {
                return;
            }
            has_changed |= search.mend_one(state, district);
        }
        if !has_changed {
            return;
        }
    }
}

struct Search {
    prices: Prices,
    /// The half-edges out of each district, and where each stands there, or [`NONE`].
    rim: Vec<Vec<u32>>,
    place: Vec<u32>,
    chain: Vec<(u32, u32, u32)>,
    best: Option<Found>,
    /// What a chain must leave less outside than, to be of use.
    excess_max: f64,
}

struct Found {
    excess: f64,
    price: f64,
    /// Unit, district that it leaves, district that it goes to.
    chain: Vec<(u32, u32, u32)>,
}

/// A move that may come next.
#[derive(Clone, Copy)]
struct Step {
    unit: u32,
    from: u32,
    to: u32,
    price: f64,
    /// How far outside the district that is looked at, and the other, are after it.
    after: f64,
    there: f64,
    rank: f64,
}

impl Step {
    fn order(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then((self.unit, self.to).cmp(&(other.unit, other.to)))
    }
}

impl Search {
    fn new(state: &State, prices: Prices) -> Self {
        let region = state.region;
        let rim = vec![Vec::new(); region.districts as usize];
        let mut search = Self { prices, rim, place: vec![NONE; region.to.len()], chain: Vec::new(), best: None, excess_max: 0.0 };
        // In the order of halves, so that a search does not depend on the way to its plan.
        for half in 0..region.to.len() {
            let district = state.district(region.from[half]);
            if state.district(region.to[half]) != district {
                search.add(half, district);
            }
        }
        search
    }

    fn mend_one(&mut self, state: &mut State, district: u32) -> bool {
        let before = state.excess(district);
        if before == 0.0 {
            return false;
        }
        self.best = None;
        // Half is much where it is far outside.
        self.excess_max = before * 0.5;
        for length in 1..=LENGTH_MAX {
            self.extend(state, district, length, 0.0, 0.0);
            if self.best.as_ref().is_some_and(|best| best.excess == 0.0) {
                break;
            }
        }
        let Some(best) = self.best.take() else { return false };
        for (unit, from, to) in best.chain {
            self.shift(state, unit, from, to);
        }
        true
    }

    /// Tries chains of at most `left` more moves that bring `district` within bounds. `settled` is what the districts behind it are outside.
    fn extend(&mut self, state: &mut State, district: u32, left: usize, price: f64, settled: f64) {
        let depth = self.chain.len();
        if left == 0 || depth >= LENGTH_MAX {
            return;
        }
        for step in self.steps(state, district, WIDTH[depth]) {
            let (here, price) = (settled + step.after, price + step.price);
            // What is behind stays as it is: such a chain ends no better than another did.
            if !self.is_hope(here, f64::NEG_INFINITY) || !state.is_removable(step.unit) {
                continue;
            }
            self.chain.push((step.unit, step.from, step.to));
            if self.is_hope(here + step.there, price) {
                self.best = Some(Found { excess: here + step.there, price, chain: self.chain.clone() });
            }
            if left > 1 && depth + 1 < LENGTH_MAX {
                let other = if step.from == district { step.to } else { step.from };
                self.shift(state, step.unit, step.from, step.to);
                self.extend(state, other, left - 1, price, here);
                self.shift(state, step.unit, step.to, step.from);
            }
            self.chain.pop();
        }
    }

    /// Whether a chain that leaves so much outside, at such a price, would be the best.
    fn is_hope(&self, excess: f64, price: f64) -> bool {
        excess < self.excess_max && self.best.as_ref().is_none_or(|best| (excess, price) < (best.excess, best.price))
    }

    /// Returns the most promising moves out of a district that has too much, or into one that has too little.
    fn steps(&self, state: &State, district: u32, most: usize) -> Vec<Step> {
        let (region, bounds) = (state.region, state.region.bounds);
        let load = state.load[district as usize];
        let excess = state.excess(district);
        // What has more of a figure than it may has to give, however light it is, and what has less has to take where its load allows.
        let gives = match state.must_give(district) {
            Some(true) => true,
            Some(false) if bounds.holds(load) => false,
            _ => load > bounds.middle(),
        };
        let mut steps: Vec<Step> = Vec::with_capacity(most);
        for half in &self.rim[district as usize] {
            let (unit, other) = (region.from[*half as usize], region.to[*half as usize]);
            let beyond = state.district(other);
            let (moved, from, to) = if gives { (unit, district, beyond) } else { (other, beyond, district) };
            let is_back = self.chain.last().is_some_and(|(last, ..)| *last == moved);
            if region.is_locked[moved as usize] || (region.load[moved as usize] == 0.0 && region.limits.is_empty()) || is_back {
                continue;
            }
            let after = state.excess_with(district, moved, !gives);
            if after > excess && after > bounds.half() {
                continue;
            }
            let there = state.excess_with(beyond, moved, gives);
            let price = self.price(state, moved, from, to);
            let step = Step { unit: moved, from, to, price, after, there, rank: 2.0 * (after + there) / bounds.half() + price };
            if steps.len() == most && steps.last().is_some_and(|last| last.order(&step).is_le()) {
                continue;
            }
            // A unit with two borders to the same district is the same move twice.
            if let Err(place) = steps.binary_search_by(|known| known.order(&step)) {
                steps.truncate(most - 1);
                steps.insert(place, step);
            }
        }
        steps
    }

    fn price(&self, state: &State, unit: u32, from: u32, to: u32) -> f64 {
        let region = state.region;
        let mut change = 0f32;
        for half in region.halves(unit) {
            let district = state.district(region.to[half]);
            if district == from {
                change += region.border[half];
            } else if district == to {
                change -= region.border[half];
            }
        }
        self.prices.border * f64::from(change) / 2.0 + self.prices.moved * moved_change(region, unit, from, to)
    }

    fn shift(&mut self, state: &mut State, unit: u32, from: u32, to: u32) {
        let region = state.region;
        for half in region.halves(unit) {
            let (mate, beyond) = (region.mate[half] as usize, state.district(region.to[half]));
            if beyond == from {
                self.add(mate, from);
                self.add(half, to);
            } else if beyond == to {
                self.remove(mate, to);
                self.remove(half, from);
            } else {
                self.remove(half, from);
                self.add(half, to);
            }
        }
        state.apply(unit, to);
    }

    fn add(&mut self, half: usize, district: u32) {
        let rim = &mut self.rim[district as usize];
        self.place[half] = rim.len() as u32;
        rim.push(half as u32);
    }

    fn remove(&mut self, half: usize, district: u32) {
        let rim = &mut self.rim[district as usize];
        let place = self.place[half];
        rim.swap_remove(place as usize);
        if let Some(moved) = rim.get(place as usize) {
            self.place[*moved as usize] = place;
        }
    }
}
