use rustc_hash::FxHashMap;

/// Units that go from one district to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// None: the units were in no district.
    pub from: Option<u32>,
    /// None: the units are in no district now.
    pub to: Option<u32>,
    pub units: Vec<u32>,
    pub load: f64,
}

/// Returns what changes hands between two plans over the same units, by district that gives, then by district that takes.
pub fn changes(before: &[Option<u32>], after: &[Option<u32>], load: &[f64]) -> Vec<Change> {
    let mut place: FxHashMap<(Option<u32>, Option<u32>), usize> = FxHashMap::default();
    let mut changes: Vec<Change> = Vec::new();
    for (unit, (from, to)) in (0u32..).zip(before.iter().zip(after)).filter(|(_, (from, to))| from != to) {
        let at = *place.entry((*from, *to)).or_insert_with(|| {
            changes.push(Change { from: *from, to: *to, units: Vec::new(), load: 0.0 });
            changes.len() - 1
        });
        changes[at].units.push(unit);
        changes[at].load += load[unit as usize];
    }
    changes.sort_unstable_by_key(|change| (change.from, change.to));
    changes
}

/// Returns how far apart two plans are, weighed by load: the variation of information (Meilă 2003), natural logarithm.
///
/// 0 where both put the same units together, whatever the districts are called. Units that one of the two leaves out do not count.
pub fn variation_of_information(before: &[Option<u32>], after: &[Option<u32>], load: &[f64]) -> f64 {
    let mut both: FxHashMap<(u32, u32), f64> = FxHashMap::default();
    let (mut of_before, mut of_after): (FxHashMap<u32, f64>, FxHashMap<u32, f64>) = Default::default();
    let mut all = 0.0;
    for ((before, after), load) in before.iter().zip(after).zip(load) {
        if let (Some(before), Some(after)) = (before, after) {
            *both.entry((*before, *after)).or_default() += load;
            *of_before.entry(*before).or_default() += load;
            *of_after.entry(*after).or_default() += load;
            all += load;
        }
    }
    if all <= 0.0 {
        return 0.0;
    }
    let mut terms: Vec<f64> = both
        .iter()
        .filter(|(_, load)| **load > 0.0)
        .map(|((before, after), load)| -load / all * ((load / of_before[before]).ln() + (load / of_after[after]).ln()))
        .collect();
    // The order of a map is nobody's business.
    terms.sort_unstable_by(f64::total_cmp);
    terms.iter().sum::<f64>().max(0.0)
}

/// Finds for each new district the old one with which it has most load in common; the pair that has most goes first, and each old one
/// goes to one new one. `pairs` has the new and the old district of each unit, and its load.
pub(super) fn most_in_common(pairs: impl Iterator<Item = (u32, u32, f64)>, new: usize, old: usize) -> Vec<Option<u32>> {
    let mut common: FxHashMap<(u32, u32), (f64, usize)> = FxHashMap::default();
    for (new, old, load) in pairs {
        let common = common.entry((new, old)).or_default();
        *common = (common.0 + load, common.1 + 1);
    }
    let mut common: Vec<_> = common.into_iter().collect();
    common.sort_unstable_by(|a, b| b.1.0.total_cmp(&a.1.0).then(b.1.1.cmp(&a.1.1)).then(a.0.cmp(&b.0)));
    let (mut found, mut is_taken) = (vec![None; new], vec![false; old]);
    for ((new, old), _) in common {
        if found[new as usize].is_none() && !std::mem::replace(&mut is_taken[old as usize], true) {
            found[new as usize] = Some(old);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_where_is_told_by_pair() {
        let (before, after) = ([Some(0), Some(0), Some(1), None], [Some(0), Some(1), Some(1), Some(0)]);
        let found = changes(&before, &after, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            found,
            [
                Change { from: None, to: Some(0), units: vec![3], load: 4.0 },
                Change { from: Some(0), to: Some(1), units: vec![1], load: 2.0 },
            ]
        );
    }

    #[test]
    fn names_do_not_matter_to_how_far_plans_are_apart() {
        let plan = [Some(0), Some(0), Some(1), Some(1)];
        let renamed = [Some(7), Some(7), Some(3), Some(3)];
        assert_eq!(variation_of_information(&plan, &renamed, &[1.0; 4]), 0.0);
        // Two halves against two other halves, which have nothing to do with each other: both entropies together.
        let across = [Some(0), Some(1), Some(0), Some(1)];
        assert!((variation_of_information(&plan, &across, &[1.0; 4]) - 2.0 * 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn each_new_district_follows_the_old_one_that_it_has_most_of() {
        // The second has most of old 0, so that the first, which has some of it too, follows old 1.
        let pairs = [(0, 0, 2.0), (1, 0, 5.0), (0, 1, 1.0), (2, 1, 0.5)];
        assert_eq!(most_in_common(pairs.into_iter(), 3, 2), [Some(1), Some(0), None]);
    }
}
