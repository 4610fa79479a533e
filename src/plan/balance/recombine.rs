use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::region::{NONE, Region};
use super::state::State;
use super::transport::{Prices, adjacent};
use super::watch::Watch;

/// Districts that are merged and split anew at once, at most.
const MERGED_MAX: usize = 5;

/// How much later a random tree crosses from one district into another than within one, so that new cuts mostly lie where old ones do. Over
/// 1 a tree fills a district before it leaves it, and then only what hangs on one branch changes hands.
const CROSSING: f64 = 0.7;
const CROSSING_LATE: f64 = 1.5;

/// Merges districts outside their bounds with one to four neighbours and splits them anew along random spanning trees, so that each part is
/// within bounds (ReCom: DeFord, Duchin and Solomon 2021). Of the splits found the one with the least price is taken.
///
/// Returns how many districts it brought within bounds. Locked units stay where they are.
pub(super) fn recombine(state: &mut State, rng: &mut ChaCha8Rng, trees: Trees, prices: Prices, watch: &Watch) -> usize {
    let mut work = Work::new(state, if trees.late { CROSSING_LATE } else { CROSSING });
    let mut outside: Vec<u32> = (0..state.region.districts).filter(|district| !state.is_inside(*district)).collect();
    outside.sort_by(|a, b| state.excess(*b).total_cmp(&state.excess(*a)).then(a.cmp(b)));
    let mut mended = 0;
    for district in outside {
        if watch.stops() {
            break;
        }
        if state.is_inside(district) {
            continue;
        }
        if let Some(split) = work.find_split(state, rng, district, trees.tries, prices) {
            work.take(state, &split);
            mended += 1;
        }
    }
    mended
}

/// The random trees that splits are looked for along.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trees {
    pub tries: usize,
    /// Whether a tree fills a district before it leaves it.
    pub late: bool,
}

struct Work {
    units_of: Vec<Vec<u32>>,
    beside: Vec<Vec<u32>>,
    /// The place of a unit in what is being split, or [`NONE`].
    place_of: Vec<u32>,
    crossing: f64,
}

/// Another way to share the units of some districts among them.
struct Split {
    price: f64,
    districts: Vec<u32>,
    units: Vec<u32>,
    district_of: Vec<u32>,
}

impl Work {
    fn new(state: &State, crossing: f64) -> Self {
        let districts = state.region.districts as usize;
        let mut units_of = vec![Vec::new(); districts];
        state.region.units().for_each(|unit| units_of[state.district(unit) as usize].push(unit));
        let mut work = Self { units_of, beside: vec![Vec::new(); districts], place_of: vec![NONE; state.region.len()], crossing };
        work.find_neighbours(state);
        work
    }

    fn find_neighbours(&mut self, state: &State) {
        self.beside.iter_mut().for_each(Vec::clear);
        for (a, b) in adjacent(state) {
            self.beside[a as usize].push(b);
            self.beside[b as usize].push(a);
        }
    }

    fn find_split(&mut self, state: &State, rng: &mut ChaCha8Rng, district: u32, tries: usize, prices: Prices) -> Option<Split> {
        let mut best: Option<Split> = None;
        for attempt in 0..tries {
            // Once something is found, half the tries are enough.
            if attempt * 2 >= tries && best.is_some() {
                break;
            }
            let wanted = 2 + attempt * (MERGED_MAX - 1) / tries;
            let Some(districts) = self.choose(state, rng, district, wanted) else { continue };
            let units: Vec<u32> = districts.iter().flat_map(|district| self.units_of[*district as usize].iter().copied()).collect();
            let split = self.split(state, rng, districts, units, prices);
            if let Some(split) = split.filter(|split| best.as_ref().is_none_or(|best| split.price < best.price)) {
                best = Some(split);
            }
        }
        best
    }

    /// Chooses neighbours of a district, mostly such that what they carry together suits their number.
    fn choose(&self, state: &State, rng: &mut ChaCha8Rng, district: u32, wanted: usize) -> Option<Vec<u32>> {
        let bounds = state.region.bounds;
        let mut chosen = vec![district];
        let mut sum = state.load[district as usize] - bounds.target;
        while chosen.len() < wanted {
            let mut around: Vec<u32> = chosen.iter().flat_map(|district| self.beside[*district as usize].iter().copied()).collect();
            around.retain(|other| !chosen.contains(other));
            let off = |other: u32| (sum + state.load[other as usize] - bounds.target).abs();
            let mut best = *around.choose(rng)?;
            for _ in 0..2 {
                let other = *around.choose(rng)?;
                if off(other) < off(best) {
                    best = other;
                }
            }
            sum += state.load[best as usize] - bounds.target;
            chosen.push(best);
        }
        let all: f64 = chosen.iter().map(|district| state.load[*district as usize]).sum();
        let count = chosen.len() as f64;
        (all >= bounds.low * count && all <= bounds.high * count).then_some(chosen)
    }

    fn split(&mut self, state: &State, rng: &mut ChaCha8Rng, districts: Vec<u32>, units: Vec<u32>, prices: Prices) -> Option<Split> {
        for (place, unit) in (0u32..).zip(&units) {
            self.place_of[*unit as usize] = place;
        }
        let split = self.split_placed(state, rng, districts, &units, prices);
        units.iter().for_each(|unit| self.place_of[*unit as usize] = NONE);
        split.map(|split| Split { units, ..split })
    }

    fn split_placed(&self, state: &State, rng: &mut ChaCha8Rng, districts: Vec<u32>, units: &[u32], prices: Prices) -> Option<Split> {
        let (region, bounds) = (state.region, state.region.bounds);
        let mut part_of = vec![NONE; units.len()];
        let mut rest: f64 = districts.iter().map(|district| state.load[*district as usize]).sum();
        for part in 1..districts.len() as u32 {
            let tree = self.grow_tree(state, rng, units, &part_of)?;
            let others = (districts.len() as u32 - part) as f64;
            let fits = |load: f64| bounds.holds(load) && rest - load >= bounds.low * others && rest - load <= bounds.high * others;
            let below = tree.loads_below(region.load.as_slice(), units);
            // Either what hangs below a unit is a part, or all else is.
            let mut cuts: Vec<(u32, bool)> = Vec::new();
            for node in &tree.order[1..] {
                let load = below[*node as usize];
                cuts.extend(fits(load).then_some((*node, true)));
                cuts.extend(fits(rest - load).then_some((*node, false)));
            }
            let (node, is_below) = *cuts.choose(rng)?;
            let taken = tree.hangs_below(node);
            for place in &tree.order {
                if taken[*place as usize] == is_below {
                    part_of[*place as usize] = part;
                    rest -= region.load[units[*place as usize] as usize];
                }
            }
        }
        part_of.iter_mut().filter(|part| **part == NONE).for_each(|part| *part = 0);
        if !keeps_limits(region, units, &part_of, districts.len()) {
            return None;
        }
        let district_of = self.name_parts(state, &districts, units, &part_of)?;
        let price = self.price(state, units, &district_of, prices);
        Some(Split { price, districts, units: Vec::new(), district_of })
    }

    /// Grows a random spanning tree over the units that are in no part yet: the one of least length over random lengths (Kruskal 1956); none where
    /// they do not hang together.
    fn grow_tree(&self, state: &State, rng: &mut ChaCha8Rng, units: &[u32], part_of: &[u32]) -> Option<Tree> {
        const GRAIN: f64 = (1u64 << 31) as f64;
        let region = state.region;
        let free = part_of.iter().filter(|part| **part == NONE).count();
        let root = part_of.iter().position(|part| *part == NONE)? as u32;
        // A length before the half-edge that has it.
        let mut edges: Vec<u64> = Vec::with_capacity(3 * free);
        for (place, unit) in (0u32..).zip(units).filter(|(place, _)| part_of[*place as usize] == NONE) {
            for half in region.halves(*unit) {
                let other = region.to[half];
                let next = self.place_of[other as usize];
                // Of the two halves of a border one is enough.
                if next == NONE || next < place || part_of[next as usize] != NONE {
                    continue;
                }
                let crossing = if state.district(*unit) == state.district(other) { 0.0 } else { self.crossing };
                let length = ((rng.random::<f32>() as f64 + crossing) * GRAIN) as u64;
                edges.push(length << u32::BITS | half as u64);
            }
        }
        edges.sort_unstable();
        let mut set: Vec<u32> = (0..units.len() as u32).collect();
        let mut ends: Vec<(u32, u32)> = Vec::with_capacity(free);
        let mut degree = vec![0u32; units.len() + 1];
        for edge in edges {
            let half = (edge & u64::from(u32::MAX)) as usize;
            let (a, b) = (self.place_of[region.from[half] as usize], self.place_of[region.to[half] as usize]);
            let (one, two) = (find(&mut set, a), find(&mut set, b));
            if one != two {
                set[one as usize] = two;
                ends.push((a, b));
                degree[a as usize + 1] += 1;
                degree[b as usize + 1] += 1;
                if ends.len() + 1 == free {
                    break;
                }
            }
        }
        if ends.len() + 1 != free {
            return None;
        }
        for at in 0..units.len() {
            degree[at + 1] += degree[at];
        }
        let mut next = degree.clone();
        let mut beside = vec![0u32; 2 * ends.len()];
        for (a, b) in ends {
            beside[next[a as usize] as usize] = b;
            next[a as usize] += 1;
            beside[next[b as usize] as usize] = a;
            next[b as usize] += 1;
        }
        let mut tree = Tree { above: vec![NONE; units.len()], order: Vec::with_capacity(free) };
        tree.order.push(root);
        let mut at = 0;
        while let Some(place) = tree.order.get(at).copied() {
            at += 1;
            for other in &beside[degree[place as usize] as usize..degree[place as usize + 1] as usize] {
                if *other != tree.above[place as usize] {
                    tree.above[*other as usize] = place;
                    tree.order.push(*other);
                }
            }
        }
        Some(tree)
    }

    /// Gives each part the district with which it has most in common: locked units first, then today's load, then the load of the plan so far.
    fn name_parts(&self, state: &State, districts: &[u32], units: &[u32], part_of: &[u32]) -> Option<Vec<u32>> {
        let region = state.region;
        let count = districts.len();
        let place = |district: u32| districts.iter().position(|known| *known == district);
        let mut common = vec![(0usize, 0.0, 0.0); count * count];
        for (unit, part) in units.iter().zip(part_of) {
            let load = region.load[*unit as usize];
            if let Some(home) = place(region.home[*unit as usize]) {
                common[*part as usize * count + home].1 += load;
            }
            let now = place(state.district(*unit)).expect("units are those of the districts");
            let common = &mut common[*part as usize * count + now];
            common.0 += usize::from(region.is_locked[*unit as usize]);
            common.2 += load;
        }
        let mut order: Vec<usize> = (0..count * count).collect();
        order.sort_by(|a, b| common[*b].partial_cmp(&common[*a]).expect("loads are numbers").then(a.cmp(b)));
        let mut name_of = vec![NONE; count];
        for at in order {
            let (part, district) = (at / count, districts[at % count]);
            if name_of[part] == NONE && !name_of.contains(&district) {
                name_of[part] = district;
            }
        }
        let district_of: Vec<u32> = part_of.iter().map(|part| name_of[*part as usize]).collect();
        let keeps_locks =
            units.iter().zip(&district_of).all(|(unit, district)| !region.is_locked[*unit as usize] || state.district(*unit) == *district);
        let leaves_home = |district: &u32| {
            let stays = |(unit, of): (&u32, &u32)| of == district && region.home[*unit as usize] == *district;
            state.at_home(*district) > 0 && !units.iter().zip(&district_of).any(stays)
        };
        (keeps_locks && !districts.iter().any(leaves_home)).then_some(district_of)
    }

    fn price(&self, state: &State, units: &[u32], district_of: &[u32], prices: Prices) -> f64 {
        let region = state.region;
        let mut border = 0.0;
        let mut moved = 0.0;
        for (unit, district) in units.iter().zip(district_of) {
            let home = region.home[*unit as usize];
            if home != NONE && home != *district {
                moved += region.load[*unit as usize];
            }
            for half in region.halves(*unit) {
                let place = self.place_of[region.to[half] as usize];
                if place != NONE && district_of[place as usize] != *district {
                    border += f64::from(region.border[half]) / 2.0;
                }
            }
        }
        prices.border * border + prices.moved * moved / region.bounds.half()
    }

    fn take(&mut self, state: &mut State, split: &Split) {
        for (unit, district) in split.units.iter().zip(&split.district_of) {
            if state.district(*unit) != *district {
                state.apply(*unit, *district);
            }
        }
        split.districts.iter().for_each(|district| self.units_of[*district as usize].clear());
        for (unit, district) in split.units.iter().zip(&split.district_of) {
            self.units_of[*district as usize].push(*unit);
        }
        self.find_neighbours(state);
    }
}

/// Whether no part has more of a figure than it may, or less than it must.
fn keeps_limits(region: &Region, units: &[u32], part_of: &[u32], parts: usize) -> bool {
    region.limits.iter().all(|limit| {
        let mut sums = vec![0.0; parts];
        units.iter().zip(part_of).for_each(|(unit, part)| sums[*part as usize] += limit.value[*unit as usize]);
        sums.iter().all(|sum| limit.excess(*sum) == (0.0, 0.0))
    })
}

/// Returns what stands for the set of a place, and shortens the way to it.
fn find(set: &mut [u32], mut place: u32) -> u32 {
    while set[place as usize] != place {
        set[place as usize] = set[set[place as usize] as usize];
        place = set[place as usize];
    }
    place
}

/// A spanning tree over places.
struct Tree {
    above: Vec<u32>,
    /// Each place after the one above it.
    order: Vec<u32>,
}

impl Tree {
    fn loads_below(&self, load: &[f64], units: &[u32]) -> Vec<f64> {
        let mut below = vec![0.0; self.above.len()];
        for place in self.order.iter().rev() {
            below[*place as usize] += load[units[*place as usize] as usize];
            let above = self.above[*place as usize];
            if above != NONE {
                below[above as usize] += below[*place as usize];
            }
        }
        below
    }

    fn hangs_below(&self, node: u32) -> Vec<bool> {
        let mut hangs = vec![false; self.above.len()];
        hangs[node as usize] = true;
        for place in &self.order {
            let above = self.above[*place as usize];
            if above != NONE && hangs[above as usize] {
                hangs[*place as usize] = true;
            }
        }
        hangs
    }
}
