//! Gives every plot of the subdivision a street and a community, all of them connected.

use std::collections::{BinaryHeap, VecDeque};

use geo_types::Coord;
use rustc_hash::FxHashMap;

use super::noise;
use super::subdivision::to_u32;
use super::terrain::{self, PLACES};

/// A plot with its neighbours.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub centre: Coord<f64>,
    pub area_m2: f64,
    /// Those that share an edge with it.
    pub beside: Vec<u32>,
    /// Those that share at least a vertex with it.
    pub touching: Vec<u32>,
    /// Whether it reaches the outline of the district, be it with a vertex.
    pub on_rim: bool,
}

/// What every plot belongs to. Communities are numbered over the whole district, in the order of streets.
#[derive(Clone, Debug)]
pub(super) struct Regions {
    pub street_of_community: Vec<u32>,
    /// Whether a community is urban (社区), not a village (村).
    pub is_urban: Vec<bool>,
    pub community_of_plot: Vec<u32>,
}

/// The communities of the real district, and how many of them are urban.
pub(super) const COMMUNITIES: usize = 334;
const URBAN: usize = 35;

/// A coverage of few grids has fewer communities, so that they still hold several grids.
pub(super) const GRIDS_PER_COMMUNITY_MIN: usize = 3;

/// A step of growth: the nearest, and among equals the smallest, goes first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    cost: f64,
    plot: u32,
    region: u32,
}

impl Eq for Step {}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.cost.total_cmp(&self.cost).then(other.plot.cmp(&self.plot)).then(other.region.cmp(&self.region))
    }
}

impl Regions {
    pub(super) fn grow(seed: u64, plots: &[Plot]) -> Self {
        let street_of_plot = grow_streets(seed, plots);
        let mut members = vec![Vec::new(); PLACES.len()];
        for (plot, &street) in (0..).zip(&street_of_plot) {
            members[street as usize].push(plot);
        }
        let total = COMMUNITIES.min(plots.len() / GRIDS_PER_COMMUNITY_MIN).max(PLACES.len());
        let counts = share_out(total, &members.iter().map(Vec::len).collect::<Vec<_>>());
        let mut regions = Self { street_of_community: Vec::new(), is_urban: Vec::new(), community_of_plot: vec![u32::MAX; plots.len()] };
        for (street, (members, &count)) in (0..).zip(members.iter().zip(&counts)) {
            let first = to_u32(regions.street_of_community.len());
            regions.street_of_community.extend(std::iter::repeat_n(street, count));
            for (plot, community) in split(seed, plots, members, count) {
                regions.community_of_plot[plot as usize] = first + community;
            }
        }
        regions.is_urban = choose_urban(plots, &regions);
        regions
    }
}

/// Each plot falls to the street whose centre is reached first, over ground of uneven cost.
fn grow_streets(seed: u64, plots: &[Plot]) -> Vec<u32> {
    let mut street_of_plot = vec![u32::MAX; plots.len()];
    let mut steps: BinaryHeap<Step> = BinaryHeap::new();
    for (region, place) in (0..).zip(&PLACES) {
        let centre = place.centre();
        let taken = |plot: u32| steps.iter().any(|step| step.plot == plot);
        let nearest = (0..to_u32(plots.len()))
            .filter(|&plot| !taken(plot))
            .min_by(|&a, &b| distance_m(plots[a as usize].centre, centre).total_cmp(&distance_m(plots[b as usize].centre, centre)));
        steps.extend(nearest.map(|plot| Step { cost: 0.0, plot, region }));
    }
    while let Some(Step { cost, plot, region }) = steps.pop() {
        if street_of_plot[plot as usize] != u32::MAX {
            continue;
        }
        street_of_plot[plot as usize] = region;
        let here = plots[plot as usize].centre;
        for &next in &plots[plot as usize].beside {
            let there = plots[next as usize].centre;
            let uneven = 1.0 + 0.45 * noise::over(noise::hash(seed, 50), there, 5_000.0);
            steps.push(Step { cost: cost + distance_m(here, there) * uneven, plot: next, region });
        }
    }
    street_of_plot
}

/// Shares `total` out in proportion to `weights`, at least one to each, by largest remainder.
fn share_out(total: usize, weights: &[usize]) -> Vec<usize> {
    let spare = total - weights.len();
    let sum: usize = weights.iter().sum();
    let mut counts: Vec<usize> = weights.iter().map(|w| 1 + spare * w / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(spare * weights[i] % sum), i));
    let missing = total - counts.iter().sum::<usize>();
    for &i in order.iter().take(missing) {
        counts[i] += 1;
    }
    // A community needs a plot; what a small street cannot hold goes to the largest.
    for i in 0..counts.len() {
        while counts[i] > weights[i].max(1) {
            let largest = (0..counts.len()).max_by_key(|&j| (weights[j] - weights[j].min(counts[j]), j)).expect("there are 16 streets");
            counts[i] -= 1;
            counts[largest] += 1;
        }
    }
    counts
}

/// Splits the plots of a street into `count` connected regions of much the same number of plots.
///
/// Seeds lie far from each other along the neighbourhood graph; then the region with the fewest plots takes
/// the plot nearest to its seed, until none is left.
fn split(seed: u64, plots: &[Plot], members: &[u32], count: usize) -> Vec<(u32, u32)> {
    let local: FxHashMap<u32, usize> = members.iter().enumerate().map(|(at, &plot)| (plot, at)).collect();
    let beside = |at: usize| plots[members[at] as usize].beside.iter().filter_map(|plot| local.get(plot).copied());
    let seeds = spread_seeds(members.len(), count, (noise::hash(seed, u64::from(members[0])) % members.len() as u64) as usize, beside);
    let mut region_of = vec![u32::MAX; members.len()];
    let mut size = vec![0_usize; count];
    let mut frontier: Vec<BinaryHeap<Step>> =
        seeds.iter().zip(0..).map(|(&at, region)| BinaryHeap::from([Step { cost: 0.0, plot: to_u32(at), region }])).collect();
    let mut turns: BinaryHeap<std::cmp::Reverse<(usize, u32)>> = (0..to_u32(count)).map(|region| std::cmp::Reverse((0, region))).collect();
    while let Some(std::cmp::Reverse((_, region))) = turns.pop() {
        let Some(step) = frontier[region as usize].pop() else { continue };
        let at = step.plot as usize;
        if region_of[at] == u32::MAX {
            region_of[at] = region;
            size[region as usize] += 1;
            let home = plots[members[seeds[region as usize]] as usize].centre;
            for next in beside(at).filter(|&next| region_of[next] == u32::MAX) {
                let cost = distance_m(home, plots[members[next] as usize].centre);
                frontier[region as usize].push(Step { cost, plot: to_u32(next), region });
            }
        }
        turns.push(std::cmp::Reverse((size[region as usize], region)));
    }
    members.iter().copied().zip(region_of).collect()
}

/// Returns places far from each other: each next one is the farthest from those before, counted in steps between neighbours.
fn spread_seeds<I: Iterator<Item = usize>>(len: usize, count: usize, first: usize, beside: impl Fn(usize) -> I) -> Vec<usize> {
    let mut hops = vec![usize::MAX; len];
    let mut seeds = Vec::with_capacity(count);
    let mut next = first;
    while seeds.len() < count {
        seeds.push(next);
        hops[next] = 0;
        let mut queue = VecDeque::from([next]);
        while let Some(at) = queue.pop_front() {
            for neighbour in beside(at) {
                if hops[neighbour] > hops[at] + 1 {
                    hops[neighbour] = hops[at] + 1;
                    queue.push_back(neighbour);
                }
            }
        }
        next = (0..len).max_by_key(|&at| (hops[at], noise::hash(len as u64, at as u64))).expect("a street has a plot");
    }
    seeds
}

/// Chooses the urban communities: the closest built of every street, then the closest built of the seat's streets in turn.
fn choose_urban(plots: &[Plot], regions: &Regions) -> Vec<bool> {
    let count = regions.street_of_community.len();
    let (mut built, mut area_m2) = (vec![0.0; count], vec![0.0; count]);
    for (plot, &community) in plots.iter().zip(&regions.community_of_plot) {
        built[community as usize] += plot.area_m2 * terrain::density(plot.centre);
        area_m2[community as usize] += plot.area_m2;
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| (built[b] / area_m2[b]).total_cmp(&(built[a] / area_m2[a])).then(a.cmp(&b)));
    let mut waiting: Vec<VecDeque<usize>> = vec![VecDeque::new(); PLACES.len()];
    for community in order {
        waiting[regions.street_of_community[community] as usize].push_back(community);
    }
    let mut is_urban = vec![false; count];
    let wanted = (URBAN * count).div_ceil(COMMUNITIES).max(PLACES.len());
    let inner = (0..PLACES.len()).filter(|&street| PLACES[street].is_inner());
    for street in (0..PLACES.len()).chain(inner.cycle().take(wanted - PLACES.len())) {
        if let Some(community) = waiting[street].pop_front() {
            is_urban[community] = true;
        }
    }
    is_urban
}

fn distance_m(a: Coord<f64>, b: Coord<f64>) -> f64 {
    ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communities_are_shared_out_by_size_and_none_is_left_over() {
        for (total, weights, expected) in
            [(10, vec![90, 5, 5], vec![7, 2, 1]), (6, vec![1, 1, 10], vec![1, 1, 4]), (3, vec![7, 7, 7], vec![1, 1, 1])]
        {
            let counts = share_out(total, &weights);
            assert_eq!(counts.iter().sum::<usize>(), total);
            assert_eq!(counts, expected);
        }
    }
}
