use super::bisect::bisect;
use super::contiguity::join_strays;
use super::region::{NONE, Region};
use super::state::State;
use super::transport::adjacent;

/// Makes as many districts of today's as are wanted: the lightest are given to their lightest neighbours, the heaviest are cut in two.
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

/// Cuts the heaviest districts in two until none is empty.
pub(super) fn split_off(region: &Region, of: &mut [u32]) {
    let mut place_of = vec![NONE; region.len()];
    loop {
        let state = State::new(region, of.to_vec());
        let Some(empty) = (0..region.districts).find(|district| state.count[*district as usize] == 0) else { return };
        let can_split = |district: &u32| state.count[*district as usize] > 1;
        let heaviest = (0..region.districts)
            .filter(can_split)
            .max_by(|a, b| state.load[*a as usize].total_cmp(&state.load[*b as usize]).then(b.cmp(a)));
        let Some(heaviest) = heaviest else { return };
        let units: Vec<u32> = region.units().filter(|unit| of[*unit as usize] == heaviest).collect();
        let (mut part, _) = region.cut_out(of, &[heaviest], &units, &mut place_of);
        part.districts = 2;
        let mut halves = bisect(&part);
        join_strays(&part, &mut halves);
        // Locked units stay, and with them the half that holds most of them.
        let locked = |half: u32| part.units().filter(|unit| halves[*unit as usize] == half && part.is_locked[*unit as usize]).count();
        let leaving = u32::from(locked(0) >= locked(1));
        let mut has_left = false;
        for (unit, half) in units.iter().zip(&halves) {
            if *half == leaving && !region.is_locked[*unit as usize] {
                of[*unit as usize] = empty;
                has_left = true;
            }
        }
        if !has_left {
            return;
        }
    }
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
