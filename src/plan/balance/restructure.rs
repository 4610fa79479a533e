use super::bisect::bisect;
use super::contiguity::join_strays;
use super::region::{NONE, Region};
use super::state::State;
use super::transport::adjacent;

/// Makes as many districts of today's as are wanted: the lightest are given to their lightest neighbours, those that
/// have most to give are cut in two.
///
/// Returns the plan, and for each district the one of today that it is. The homes of the region's units are numbered after these; what is at
/// home in a district that is no more has a number beyond.
pub(super) fn fit_number(region: &mut Region, today: Vec<u32>, wanted: u32) -> (Vec<u32>, Vec<Option<u32>>) {
    let mut of = today;
    let before = region.districts;
    let mut kept: Vec<u32> = (0..before).collect();
    // A district of today without a unit of its own left is none.
    let has_unit = |of: &[u32], district: u32| of.contains(&district);
    kept.retain(|district| has_unit(&of, *district));
    while kept.len() > wanted as usize {
        let state = State::new(region, of.clone());
        let Some(gone) = lightest_free(&state, &kept) else { break };
        let around = adjacent(&state);
        let beside = around.iter().filter_map(|(a, b)| if *a == gone { Some(*b) } else { (*b == gone).then_some(*a) });
        let heir = beside.min_by(|a, b| state.load[*a as usize].total_cmp(&state.load[*b as usize]).then(a.cmp(b)));
        let Some(heir) = heir else { break };
        of.iter_mut().filter(|district| **district == gone).for_each(|district| *district = heir);
        kept.retain(|district| *district != gone);
    }
    let mut place = vec![NONE; before as usize];
    for (at, district) in (0u32..).zip(&kept) {
        place[*district as usize] = at;
    }
    of.iter_mut().for_each(|district| *district = place[*district as usize]);
    // Beyond all districts that will be, so that nobody is ever at home there.
    let gone = wanted.max(kept.len() as u32);
    for home in region.home.iter_mut().filter(|home| **home != NONE) {
        *home = if place[*home as usize] == NONE { gone } else { place[*home as usize] };
    }
    let mut names: Vec<Option<u32>> = kept.into_iter().map(Some).collect();
    names.resize(gone as usize, None);
    region.districts = gone;
    split_off(region, &mut of);
    (of, names)
}

/// Cuts districts in two until none is empty, first those that have most load to give: locked units stay where they are.
pub(super) fn split_off(region: &Region, of: &mut [u32]) {
    let mut place_of = vec![NONE; region.len()];
    loop {
        let state = State::new(region, of.to_vec());
        let Some(empty) = (0..region.districts).find(|district| state.count[*district as usize] == 0) else { return };
        let mut free = vec![(0.0, 0u32); region.districts as usize];
        for unit in region.units().filter(|unit| !region.is_locked[*unit as usize]) {
            let (load, count) = &mut free[of[unit as usize] as usize];
            *load += region.load[unit as usize];
            *count += 1;
        }
        let can_split = |district: &u32| state.count[*district as usize] > 1 && free[*district as usize].1 > 0;
        let giver =
            (0..region.districts).filter(can_split).max_by(|a, b| free[*a as usize].0.total_cmp(&free[*b as usize].0).then(b.cmp(a)));
        let Some(giver) = giver else { return };
        let units: Vec<u32> = region.units().filter(|unit| of[*unit as usize] == giver).collect();
        let (mut part, _) = region.cut_out(of, &[giver], &units, &mut place_of);
        part.districts = 2;
        let mut halves = bisect(&part);
        join_strays(&part, &mut halves);
        let leaving = leaving_half(&part, &halves);
        for (unit, half) in units.iter().zip(&halves) {
            if *half == leaving && !region.is_locked[*unit as usize] {
                of[*unit as usize] = empty;
            }
        }
    }
}

/// Returns the half that leaves a district, of which it has some unit that may: the one with fewer locked units.
fn leaving_half(part: &Region, halves: &[u32]) -> u32 {
    let count = |half: u32, is_locked: bool| {
        part.units().filter(|unit| halves[*unit as usize] == half && part.is_locked[*unit as usize] == is_locked).count()
    };
    let rank = |half: u32| (count(half, false) == 0, count(half, true));
    u32::from(rank(1) <= rank(0))
}

/// Returns the lightest district that has no locked unit.
fn lightest_free(state: &State, kept: &[u32]) -> Option<u32> {
    let mut is_bound = vec![false; state.region.districts as usize];
    for unit in state.region.units().filter(|unit| state.region.is_locked[*unit as usize]) {
        is_bound[state.district(unit) as usize] = true;
    }
    let free = kept.iter().copied().filter(|district| !is_bound[*district as usize]);
    free.min_by(|a, b| state.load[*a as usize].total_cmp(&state.load[*b as usize]).then(a.cmp(b)))
}
