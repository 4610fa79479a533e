use super::compactness::{Compactness, Ground, compactness};
use super::compare::{changes, variation_of_information};
use super::evenness::Evenness;
use super::graph::BaseGraph;
use super::holes::holes;

/// A plan to be measured, whoever made it.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    pub graph: &'a BaseGraph,
    pub ground: &'a Ground,
    pub load: &'a [f64],
    pub community: &'a [u32],
    /// The district of each unit; none is in no district.
    pub district_of: &'a [Option<u32>],
    pub districts: usize,
    /// The plan of today, to compare with; empty where there is none.
    pub today: &'a [Option<u32>],
    pub is_locked: &'a [bool],
    /// How many live in each unit, where that is known.
    pub residents: Option<&'a [f64]>,
    /// The least load that had to move, where it is known.
    pub transport_load: Option<f64>,
}

/// What is shown of every plan.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    pub units: usize,
    /// Districts with at least one unit.
    pub districts: usize,
    pub load: f64,
    /// Loads against the mean of each district's community, and against the mean of all.
    pub evenness: Evenness,
    pub city_evenness: Evenness,
    pub by_community: Vec<CommunityLoad>,
    pub by_district: Vec<DistrictMeasures>,
    /// Means over all districts.
    pub polsby_popper: f64,
    pub reock: f64,
    pub hull_ratio: f64,
    /// Pairs of units beside each other in different districts, and how long their borders are together.
    pub cut_edges: usize,
    pub border_m: f64,
    /// Districts in more than one piece, and pieces beyond the first of each.
    pub torn: usize,
    pub stray_pieces: usize,
    pub holes: usize,
    pub unassigned: usize,
    /// Districts with units of more than one community.
    pub parent_crossings: usize,
    pub locked: usize,
    pub against: Option<Against>,
}

/// How much of a plan differs from today's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Against {
    pub units: usize,
    pub load: f64,
    pub load_share: f64,
    pub residents: Option<f64>,
    pub area_m2: f64,
    /// Districts that gave or took units: as many workers get to know other ground.
    pub districts: usize,
    /// Locked units that are elsewhere.
    pub locked: usize,
    /// Natural logarithm, weighed by load.
    pub variation_of_information: f64,
    /// The least load that had to move, and the moved load over it.
    pub bound: Option<f64>,
    pub over_bound: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CommunityLoad {
    pub community: u32,
    pub load: f64,
    pub districts: usize,
    pub load_per_district: f64,
    /// Over the mean of all districts.
    pub share_of_mean: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistrictMeasures {
    pub district: u32,
    /// The community of most of its load.
    pub community: u32,
    pub units: usize,
    pub load: f64,
    /// What it should carry: the mean of its community.
    pub target: f64,
    pub pieces: usize,
    pub holes: usize,
    pub compactness: Compactness,
}

/// Measures a plan by all that is shown of one.
pub fn measure(plan: &Measured) -> Measures {
    let mut districts = tally(plan);
    let by_community = by_community(plan, &districts);
    for district in &mut districts {
        district.target = by_community[district.community as usize].load_per_district;
    }
    let loads: Vec<f64> = districts.iter().map(|district| district.load).collect();
    let targets: Vec<f64> = districts.iter().map(|district| district.target).collect();
    let all: f64 = loads.iter().sum();
    let count = districts.len().max(1) as f64;
    let (cut_edges, border_m) = cut(plan);
    let mean = |of: fn(&Compactness) -> f64| districts.iter().map(|district| of(&district.compactness)).sum::<f64>() / count;
    Measures {
        units: plan.district_of.len(),
        districts: districts.len(),
        load: plan.load.iter().sum(),
        evenness: Evenness::of(&loads, &targets),
        city_evenness: Evenness::of(&loads, &vec![all / count; loads.len()]),
        polsby_popper: mean(|compactness| compactness.polsby_popper),
        reock: mean(|compactness| compactness.reock),
        hull_ratio: mean(|compactness| compactness.hull_ratio),
        cut_edges,
        border_m,
        torn: districts.iter().filter(|district| district.pieces > 1).count(),
        stray_pieces: districts.iter().map(|district| district.pieces.saturating_sub(1)).sum(),
        holes: districts.iter().map(|district| district.holes).sum(),
        unassigned: plan.district_of.iter().filter(|district| district.is_none()).count(),
        parent_crossings: crossings(plan),
        locked: plan.is_locked.iter().filter(|is_locked| **is_locked).count(),
        against: (!plan.today.is_empty()).then(|| against(plan)),
        by_community,
        by_district: districts,
    }
}

fn tally(plan: &Measured) -> Vec<DistrictMeasures> {
    let compactness = compactness(plan.graph, plan.ground, plan.district_of, plan.districts);
    let holes = holes(plan.graph, plan.district_of, plan.districts);
    let (piece_of, pieces) = plan.graph.pieces(|a, b| plan.district_of[a as usize] == plan.district_of[b as usize]);
    let mut district_of_piece = vec![None; pieces];
    let mut tallies: Vec<DistrictMeasures> = (0u32..)
        .zip(compactness.into_iter().zip(holes))
        .map(|(district, (compactness, holes))| DistrictMeasures {
            district,
            community: 0,
            units: 0,
            load: 0.0,
            target: 0.0,
            pieces: 0,
            holes,
            compactness,
        })
        .collect();
    for (unit, district) in plan.district_of.iter().enumerate() {
        district_of_piece[piece_of[unit] as usize] = *district;
        let Some(district) = district else { continue };
        let tally = &mut tallies[*district as usize];
        tally.units += 1;
        tally.load += plan.load[unit];
    }
    district_of_piece.into_iter().flatten().for_each(|district| tallies[district as usize].pieces += 1);
    for (community, of) in communities_of(plan) {
        tallies[of as usize].community = community;
    }
    tallies.retain(|tally| tally.units > 0);
    tallies
}

/// Returns for each district the community of most of its load, of most of its units where there is no load.
fn communities_of(plan: &Measured) -> Vec<(u32, u32)> {
    let mut parts: Vec<(u32, u32, f64)> = Vec::with_capacity(plan.district_of.len());
    for (unit, district) in plan.district_of.iter().enumerate() {
        parts.extend(district.map(|district| (district, plan.community[unit], plan.load[unit])));
    }
    parts.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    let mut sums: Vec<(u32, u32, f64, usize)> = Vec::new();
    for part in parts.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        sums.push((part[0].0, part[0].1, part.iter().map(|part| part.2).sum(), part.len()));
    }
    let greatest = |parts: &[(u32, u32, f64, usize)]| {
        let best = parts.iter().max_by(|a, b| a.2.total_cmp(&b.2).then(a.3.cmp(&b.3)).then(b.1.cmp(&a.1)));
        best.map(|part| (part.1, part.0))
    };
    sums.chunk_by(|a, b| a.0 == b.0).filter_map(greatest).collect()
}

fn by_community(plan: &Measured, districts: &[DistrictMeasures]) -> Vec<CommunityLoad> {
    let count = plan.community.iter().max().map_or(0, |last| *last as usize + 1);
    let (mut loads, mut numbers) = (vec![0.0; count], vec![0usize; count]);
    for district in districts {
        loads[district.community as usize] += district.load;
        numbers[district.community as usize] += 1;
    }
    let mean = districts.iter().map(|district| district.load).sum::<f64>() / districts.len().max(1) as f64;
    let of = |(community, (load, districts)): (u32, (f64, usize))| {
        let load_per_district = load / districts.max(1) as f64;
        CommunityLoad {
            community,
            load,
            districts,
            load_per_district,
            share_of_mean: if mean > 0.0 { load_per_district / mean } else { 0.0 },
        }
    };
    (0u32..).zip(loads.into_iter().zip(numbers)).map(of).collect()
}

fn cut(plan: &Measured) -> (usize, f64) {
    let is_cut = |a: u32, b: u32| plan.district_of[a as usize] != plan.district_of[b as usize];
    plan.graph.borders().filter(|(a, b, _)| is_cut(*a, *b)).fold((0, 0.0), |(count, sum), (_, _, length_m)| (count + 1, sum + length_m))
}

fn crossings(plan: &Measured) -> usize {
    let mut first = vec![None; plan.districts];
    let mut crosses = vec![false; plan.districts];
    for (district, community) in plan.district_of.iter().zip(plan.community) {
        if let Some(district) = district {
            let first = first[*district as usize].get_or_insert(*community);
            crosses[*district as usize] |= first != community;
        }
    }
    crosses.into_iter().filter(|crosses| *crosses).count()
}

fn against(plan: &Measured) -> Against {
    let found = changes(plan.today, plan.district_of, plan.load);
    let moved = || found.iter().flat_map(|change| &change.units).map(|unit| *unit as usize);
    let load: f64 = found.iter().map(|change| change.load).sum();
    let all: f64 = plan.load.iter().sum();
    let mut touched: Vec<u32> = found.iter().flat_map(|change| [change.from, change.to]).flatten().collect();
    touched.sort_unstable();
    touched.dedup();
    Against {
        units: moved().count(),
        load,
        load_share: if all > 0.0 { load / all } else { 0.0 },
        residents: plan.residents.map(|residents| moved().map(|unit| residents[unit]).sum()),
        area_m2: moved().map(|unit| plan.graph.units()[unit].area_m2).sum(),
        districts: touched.len(),
        locked: moved().filter(|unit| plan.is_locked.get(*unit).copied().unwrap_or(false)).count(),
        variation_of_information: variation_of_information(plan.today, plan.district_of, plan.load),
        bound: plan.transport_load,
        over_bound: plan.transport_load.filter(|bound| *bound > 0.0).map(|bound| load / bound),
    }
}
