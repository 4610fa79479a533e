use super::balance::{Finding, Plan, PlannedDistrict};
use super::compare::most_in_common;

/// Gives the districts of a plan that was drawn around seeds the numbers of today's districts with which they have most load in common;
/// new ones follow behind them.
///
/// `today` has `known` districts. What was least to be moved was reckoned from the seeds, so it is known no more.
pub(super) fn name_after_today(plan: &mut Plan, today: &[Option<u32>], known: usize, load: &[f64]) {
    let pairs = plan.district_of.iter().zip(today).zip(load);
    let pairs = pairs.filter_map(|((district, today), load)| Some((*district, (*today)?, *load)));
    let number_of = most_in_common(pairs, plan.districts.len(), known);
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
            // A seed was a lock to those who drew; nobody locked anything.
            if let Finding::TooManyLocked { districts: points, wanted } = *finding {
                *finding = Finding::TooManyPoints { points, districts: wanted };
            }
            if let Finding::Outside { district, .. } | Finding::CrossesToday { district } = finding {
                *district = number_of[*district as usize];
            }
        }
    }
}
