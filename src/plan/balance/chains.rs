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
    let bounds = state.region.bounds;
    let mut search = Search::new(state, prices);
    for _ in 0..SWEEPS {
        let mut outside: Vec<u32> = (0..state.region.districts).filter(|district| !bounds.holds(state.load[*district as usize])).collect();
        let excess = |state: &State, district: u32| bounds.excess(state.load[district as usize]);
        outside.sort_by(|a, b| excess(state, *a).total_cmp(&excess(state, *b)).then(a.cmp(b)));
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
    /// The units of each district, and where each stands there.
    members: Vec<Vec<u32>>,
    place: Vec<u32>,
    chain: Vec<(u32, u32, u32)>,
    best: Option<Found>,
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
    rank: f64,
}

impl Search {
    fn new(state: &State, prices: Prices) -> Self {
        let mut members = vec![Vec::new(); state.region.districts as usize];
        let mut place = vec![0; state.region.len()];
        for unit in state.region.units() {
            let list: &mut Vec<u32> = &mut members[state.district(unit) as usize];
            place[unit as usize] = list.len() as u32;
            list.push(unit);
        }
        Self { prices, members, place, chain: Vec::new(), best: None }
    }

    fn mend_one(&mut self, state: &mut State, district: u32) -> bool {
        let before = state.region.bounds.excess(state.load[district as usize]);
        if before == 0.0 {
            return false;
        }
        self.best = None;
        for length in 1..=LENGTH_MAX {
            self.extend(state, district, length, 0.0, 0.0);
            if self.best.as_ref().is_some_and(|best| best.excess == 0.0) {
                break;
            }
        }
        // Half is much where it is far outside.
        let Some(best) = self.best.take().filter(|best| best.excess < before * 0.5) else { return false };
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
            if !state.is_removable(step.unit) {
                continue;
            }
            self.shift(state, step.unit, step.from, step.to);
            self.chain.push((step.unit, step.from, step.to));
            let bounds = state.region.bounds;
            let here = settled + bounds.excess(state.load[district as usize]);
            let other = if step.from == district { step.to } else { step.from };
            let all = here + bounds.excess(state.load[other as usize]);
            let price = price + step.price;
            self.note(all, price);
            self.extend(state, other, left - 1, price, here);
            self.chain.pop();
            self.shift(state, step.unit, step.to, step.from);
        }
    }

    fn note(&mut self, excess: f64, price: f64) {
        if self.best.as_ref().is_none_or(|best| (excess, price) < (best.excess, best.price)) {
            self.best = Some(Found { excess, price, chain: self.chain.clone() });
        }
    }

    /// Returns the most promising moves out of a district that has too much, or into one that has too little.
    fn steps(&self, state: &State, district: u32, most: usize) -> Vec<Step> {
        let (region, bounds) = (state.region, state.region.bounds);
        let load = state.load[district as usize];
        let gives = load > bounds.middle();
        let mut steps: Vec<Step> = Vec::new();
        for unit in self.members[district as usize].iter().copied() {
            for other in region.beside(unit).iter().copied() {
                let beyond = state.district(other);
                let (moved, from, to) = if gives { (unit, district, beyond) } else { (other, beyond, district) };
                let is_known = || steps.iter().any(|step| step.unit == moved && step.to == to);
                let is_back = self.chain.last().is_some_and(|(last, ..)| *last == moved);
                if beyond == district || region.is_locked[moved as usize] || region.load[moved as usize] == 0.0 || is_back || is_known() {
                    continue;
                }
                let weight = region.load[moved as usize];
                let after = bounds.excess(if gives { load - weight } else { load + weight });
                if after > bounds.excess(load) && after > bounds.half() {
                    continue;
                }
                let there = state.load[beyond as usize];
                let there = bounds.excess(if gives { there + weight } else { there - weight });
                let price = self.price(state, moved, from, to);
                steps.push(Step { unit: moved, from, to, price, rank: 2.0 * (after + there) / bounds.half() + price });
            }
        }
        steps.sort_unstable_by(|a, b| a.rank.total_cmp(&b.rank).then((a.unit, a.to).cmp(&(b.unit, b.to))));
        steps.truncate(most);
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
        let list = &mut self.members[from as usize];
        let place = self.place[unit as usize];
        list.swap_remove(place as usize);
        if let Some(moved) = list.get(place as usize) {
            self.place[*moved as usize] = place;
        }
        self.place[unit as usize] = self.members[to as usize].len() as u32;
        self.members[to as usize].push(unit);
        state.apply(unit, to);
    }
}
