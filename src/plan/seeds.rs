use rustc_hash::FxHashMap;

use super::balance::{Finding, Plan, PlannedDistrict};

/// Gives the districts of a plan that was drawn around seeds the numbers of today's districts with which they have most load in common;
/// new ones follow behind them.
///
/// `today` has `known` districts. What was least to be moved was reckoned from the seeds, so it is known no more.
pub(super) fn name_after_today(plan: &mut Plan, today: &[Option<u32>], known: usize, load: &[f64]) {
    let mut common: FxHashMap<(u32, u32), (f64, usize)> = FxHashMap::default();
    for (unit, (district, today)) in plan.district_of.iter().zip(today).enumerate() {
        if let Some(today) = today {
            let common = common.entry((*district, *today)).or_default();
            common.0 += load[unit];
            common.1 += 1;
        }
    }
    let mut common: Vec<_> = common.into_iter().collect();
    common.sort_unstable_by(|a, b| b.1.0.total_cmp(&a.1.0).then(b.1.1.cmp(&a.1.1)).then(a.0.cmp(&b.0)));
    let mut number_of: Vec<Option<u32>> = vec![None; plan.districts.len()];
    let mut is_taken = vec![false; known];
    for ((district, today), _) in common {
        if number_of[district as usize].is_none() && !std::mem::replace(&mut is_taken[today as usize], true) {
            number_of[district as usize] = Some(today);
        }
    }
    let mut next = u32::try_from(known).expect("districts are counted in 32 bits");
    let number_of: Vec<u32> = number_of
        .into_iter()
        .map(|number| {
            number.unwrap_or_else(|| {
                next += 1;
                next - 1
            })
        })
        .collect();
    let mut districts = vec![PlannedDistrict { load: 0.0, units: 0, community: None }; next as usize];
    for (district, number) in plan.districts.iter().zip(&number_of) {
        districts[*number as usize] = *district;
    }
    plan.districts = districts;
    plan.district_of.iter_mut().for_each(|district| *district = number_of[*district as usize]);
    for community in &mut plan.communities {
        community.transport_load = None;
        for finding in &mut community.findings {
            if let Finding::Outside { district, .. } | Finding::CrossesToday { district } = finding {
                *district = number_of[*district as usize];
            }
        }
    }
}
