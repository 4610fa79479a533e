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
}
