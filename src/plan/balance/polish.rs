use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::region::Bounds;
use super::state::State;
use super::transport::{Prices, moved_change};
use super::watch::Watch;

/// How a polish goes: simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983) over moves of single units along borders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heat {
    pub first: f64,
    pub last: f64,
    /// Moves that are thought of.
    pub proposals: u64,
}

/// Moves between two looks at the temperature and at whether somebody wants it to stop.
const BATCH: u64 = 1_024;

/// Moves units along borders, mostly where that makes borders shorter, loads more even and the moved load less. No district is torn.
pub(super) fn polish(state: &mut State, rng: &mut ChaCha8Rng, heat: Heat, prices: Prices, watch: &Watch) {
    let mut done = 0;
    while done < heat.proposals && !state.cut.is_empty() {
        if watch.stops() {
            return;
        }
        let progress = done as f64 / heat.proposals as f64;
        let temperature = heat.first * (heat.last / heat.first).powf(progress);
        for _ in 0..BATCH.min(heat.proposals - done) {
            propose(state, rng, temperature, prices);
        }
        done += BATCH;
    }
}

fn propose(state: &mut State, rng: &mut ChaCha8Rng, temperature: f64, prices: Prices) {
    let region = state.region;
    let half = state.cut[rng.random_range(0..state.cut.len() as u32) as usize] as usize;
    let unit = region.from[half];
    if region.is_locked[unit as usize] {
        return;
    }
    let (from, to) = (state.district(unit), state.district(region.to[half]));
    let load = region.load[unit as usize];
    let (giving, taking) = (state.load[from as usize], state.load[to as usize]);
    let penalty = |load: f64| penalty(load, region.bounds, prices);
    let mut change = penalty(giving - load) + penalty(taking + load) - penalty(giving) - penalty(taking);
    for (limit, sums) in region.limits.iter().zip(&state.limited) {
        let value = limit.value[unit as usize];
        let press = |sum: f64| limit_penalty(sum / limit.most, prices) + floor_penalty(sum, limit.least, prices);
        let (giving, taking) = (sums[from as usize], sums[to as usize]);
        change += press(giving - value) + press(taking + value) - press(giving) - press(taking);
    }
    let (mut kept, mut gained) = (0f32, 0f32);
    for half in region.halves(unit) {
        let district = state.of[region.to[half] as usize];
        if district == from {
            kept += region.border[half];
        } else if district == to {
            gained += region.border[half];
        }
    }
    change += prices.border * f64::from(kept - gained) / 2.0;
    if prices.moved != 0.0 {
        change += prices.moved * moved_change(region, unit, from, to);
    }
    let is_taken = change <= 0.0 || rng.random::<f64>() < (-change / temperature).exp();
    if is_taken && state.is_removable(unit) {
        state.apply(unit, to);
    }
}

/// From which part of a limit on a district is pressed back.
const LIMIT_PRESSED: f64 = 0.9;

/// What it costs that a district has a part of what it may have of a figure: nothing below the limit, steeply more at it and beyond.
fn limit_penalty(share: f64, prices: Prices) -> f64 {
    let press = ((share - LIMIT_PRESSED) / (1.0 - LIMIT_PRESSED)).max(0.0);
    let most = press.min(STEEPEST);
    prices.steep * (most * most + 2.0 * STEEPEST * (press - most))
}

/// The same below what it must have.
fn floor_penalty(sum: f64, least: f64, prices: Prices) -> f64 {
    if least > 0.0 { limit_penalty(2.0 - sum / least, prices) } else { 0.0 }
}

/// From where on the press grows evenly, so that one district far out does not drown all else. Half-widths of the bounds.
const STEEPEST: f64 = 1.3;

/// What it costs that a district has a load: next to nothing well inside its bounds, steeply more towards their ends and beyond.
pub(super) fn penalty(load: f64, bounds: Bounds, prices: Prices) -> f64 {
    let out = (load - bounds.middle()).abs() / bounds.half();
    let curve = |out: f64| {
        let press = (out - prices.pressed).max(0.0);
        prices.uneven * out * out + prices.steep * press * press
    };
    if out <= STEEPEST {
        curve(out)
    } else {
        // The curve's slope at its steepest: the tangent goes on.
        curve(STEEPEST) + (out - STEEPEST) * 2.0 * (prices.uneven * STEEPEST + prices.steep * (STEEPEST - prices.pressed))
    }
}
