use rustc_hash::FxHashMap;

use super::flow::Network;
use super::region::{Bounds, NONE, Region};
use super::state::State;

/// Load that is to go from one district to a neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shipment {
    pub from: u32,
    pub to: u32,
    pub load: f64,
}

/// What it takes at least to bring all districts into their bounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Transport {
    pub shipments: Vec<Shipment>,
    /// The load of all shipments together; what passes through a district on its way counts twice.
    pub load: f64,
    /// What no district can take or give, however far it is carried.
    pub stuck: f64,
}

/// Parts of a target that amounts are counted in.
const GRAIN: f64 = 1e-7;

/// Finds the least load that must cross the borders between districts until each is within its bounds: a flow of least cost over the
/// districts' adjacency, where every border crossed costs one.
///
/// This is the bound that the load moved by a plan is compared with: units are taken for a liquid here.
pub(super) fn plan_transport(loads: &[f64], pairs: &[(u32, u32)], bounds: Bounds) -> Transport {
    let districts = loads.len();
    let (source, sink, pool) = (districts, districts + 1, districts + 2);
    let mut network = Network::new(districts + 3);
    let grain = (bounds.target.abs() * GRAIN).max(f64::MIN_POSITIVE);
    let whole = |load: f64| (load / grain).round() as i64;
    let (low, high) = (whole(bounds.low), whole(bounds.high));
    let (mut excess, mut lack) = (0, 0);
    for (at, load) in loads.iter().enumerate() {
        let load = whole(*load);
        if load > high {
            network.add(source, at, load - high, 0);
            excess += load - high;
        }
        if load < low {
            network.add(at, sink, low - load, 0);
            lack += low - load;
        }
        // What a district may give or take besides, at no cost but that of the borders.
        network.add(pool, at, (load.min(high) - low).max(0), 0);
        network.add(at, pool, (high - load.max(low)).max(0), 0);
    }
    match lack - excess {
        more if more > 0 => _ = network.add(source, pool, more, 0),
        less => _ = network.add(pool, sink, -less, 0),
    }
    let no_end = loads.iter().map(|load| whole(*load)).sum::<i64>().max(1);
    let arcs: Vec<[usize; 2]> =
        pairs.iter().map(|(a, b)| [(*a, *b), (*b, *a)].map(|(a, b)| network.add(a as usize, b as usize, no_end, 1))).collect();
    let sent = network.run(source, sink);
    let mut transport = Transport { stuck: (excess.max(lack) - sent) as f64 * grain, ..Transport::default() };
    for ((a, b), [there, back]) in pairs.iter().zip(arcs) {
        let net = network.flow(there) - network.flow(back);
        if net != 0 {
            let (from, to) = if net > 0 { (*a, *b) } else { (*b, *a) };
            let load = net.unsigned_abs() as f64 * grain;
            transport.shipments.push(Shipment { from, to, load });
            transport.load += load;
        }
    }
    transport
}

/// How the price of a move is put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    /// For each mean border that the plan's borders grow by.
    pub border: f64,
    /// For each half-width of the bounds in load that leaves its district of today.
    pub moved: f64,
    /// For a district at the end of its bounds, growing with the square of the way there.
    pub uneven: f64,
    /// From where within its bounds a district is pressed back, in half-widths, and how hard.
    pub pressed: f64,
    pub steep: f64,
}

/// Passes over all shipments; what is left then is for the repair.
const PASSES: usize = 12;

/// A unit heavier than this many times what is to be shipped does not go.
const OVERSHOOT: f64 = 1.5;

/// No district is emptied below this part of its target on the way, nor, while others may still give, filled above that.
const EMPTIEST: f64 = 0.4;
const FULLEST: f64 = 1.8;

/// Carries shipments out by moving units along borders, cheapest first, never tearing a district.
pub(super) fn ship(state: &mut State, transport: &Transport, prices: Prices) {
    let mut left = transport.shipments.clone();
    // What a shipment may fall short of without another pass over it.
    let enough = state.region.bounds.half() * 0.1;
    for pass in 0..PASSES {
        let mut by_pair = border_units(state);
        let mut has_moved = false;
        for shipment in left.iter_mut().filter(|shipment| shipment.load > enough) {
            let Some(candidates) = by_pair.get_mut(&(shipment.from, shipment.to)) else { continue };
            while shipment.load > enough {
                let Some(unit) = cheapest(state, candidates, shipment, prices, pass) else { break };
                state.apply(unit, shipment.to);
                shipment.load -= state.region.load[unit as usize];
                has_moved = true;
                for other in state.region.beside(unit) {
                    if state.district(*other) == shipment.from && !candidates.contains(other) {
                        candidates.push(*other);
                    }
                }
            }
        }
        if !has_moved {
            break;
        }
    }
}

/// Returns the units of each district beside each other district.
fn border_units(state: &State) -> FxHashMap<(u32, u32), Vec<u32>> {
    let mut pairs: Vec<(u32, u32, u32)> = state.cut.iter().map(|half| pair_of(state, *half)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .map(|pairs| ((pairs[0].0, pairs[0].1), pairs.iter().map(|pair| pair.2).collect()))
        .collect()
}

fn pair_of(state: &State, half: u32) -> (u32, u32, u32) {
    let (unit, other) = (state.region.from[half as usize], state.region.to[half as usize]);
    (state.district(unit), state.district(other), unit)
}

/// Returns the pairs of districts beside each other, each once.
pub(super) fn adjacent(state: &State) -> Vec<(u32, u32)> {
    let mut pairs: Vec<(u32, u32)> =
        state.cut.iter().map(|half| pair_of(state, *half)).map(|(a, b, _)| (a, b)).filter(|(a, b)| a < b).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn cheapest(state: &mut State, candidates: &[u32], shipment: &Shipment, prices: Prices, pass: usize) -> Option<u32> {
    let (from, to, target) = (shipment.from, shipment.to, state.region.bounds.target);
    let mut priced: Vec<(f64, u32)> = Vec::new();
    for unit in candidates.iter().copied() {
        let load = state.region.load[unit as usize];
        let is_too_much = load > OVERSHOOT * shipment.load
            || state.load[from as usize] - load < EMPTIEST * target
            || (pass * 2 < PASSES && state.load[to as usize] + load > FULLEST * target);
        if state.district(unit) != from || state.region.is_locked[unit as usize] || is_too_much {
            continue;
        }
        if let Some(price) = price(state, unit, to, prices) {
            // Of two alike the heavier, as fewer units then change hands.
            priced.push((price - 0.3 * (load / state.region.bounds.half()).min(2.0), unit));
        }
    }
    priced.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    priced.into_iter().map(|(_, unit)| unit).find(|unit| state.is_removable(*unit))
}

fn price(state: &State, unit: u32, to: u32, prices: Prices) -> Option<f64> {
    let (mut kept, mut gained) = (0f32, 0f32);
    let (from, region) = (state.district(unit), state.region);
    let mut is_beside = false;
    for half in region.halves(unit) {
        match state.district(region.to[half]) {
            district if district == from => kept += region.border[half],
            district if district == to => {
                gained += region.border[half];
                is_beside = true;
            }
            _ => {}
        }
    }
    is_beside.then(|| prices.border * f64::from(kept - gained) / 2.0 + prices.moved * moved_change(region, unit, from, to))
}

/// Returns by how many half-widths of the bounds the moved load grows where a unit goes from one district to another.
pub(super) fn moved_change(region: &Region, unit: u32, from: u32, to: u32) -> f64 {
    let home = region.home[unit as usize];
    let load = region.load[unit as usize] / region.bounds.half();
    if home == NONE {
        0.0
    } else if home == from {
        load
    } else if home == to {
        -load
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { target: 100.0, low: 95.0, high: 105.0 };

    #[test]
    fn what_is_too_much_goes_to_the_nearest_who_have_room() {
        // A row of four: the first has 20 too much, of which its neighbour has room for 5 and the third for 10.
        let transport = plan_transport(&[125.0, 100.0, 95.0, 80.0], &[(0, 1), (1, 2), (2, 3)], BOUNDS);
        assert!(transport.stuck.abs() < 1e-3);
        let net: f64 = transport.shipments.iter().map(|shipment| shipment.load).sum();
        // 20 leave the first, of which 5 stay with the second and 15 go on; the third gives on what the fourth lacks.
        assert!((net - (20.0 + 15.0 + 15.0)).abs() < 1e-3, "{transport:?}");
    }

    #[test]
    fn within_bounds_nothing_moves_and_without_room_the_rest_is_stuck() {
        assert_eq!(plan_transport(&[95.0, 105.0], &[(0, 1)], BOUNDS).load, 0.0);
        assert!((plan_transport(&[130.0, 105.0], &[(0, 1)], BOUNDS).stuck - 25.0).abs() < 1e-3);
        assert!((plan_transport(&[130.0, 80.0], &[], BOUNDS).stuck - 25.0).abs() < 1e-3);
    }
}
