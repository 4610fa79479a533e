//! Decides what goes on, what begins and what ends with a new generation, in the same way for every back end.
//!
//! A version of a unit is valid while a generation is in effect that has the unit so. So it is measured by the generation that is in
//! effect when the new one begins, which is not the newest where one was published for later: that is given up, and what it was to end
//! goes on.

use jiff::Timestamp;

use super::identity::Fingerprint;

/// A version of a unit that has to be known: one that the newest published generation has, or that was published and would be valid, or
/// become so, after the new generation has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version<K> {
    pub(super) key: K,
    pub(super) fingerprint: Fingerprint,
    pub(super) valid_from: Timestamp,
    pub(super) valid_to: Option<Timestamp>,
    /// Whether the newest published generation has it.
    pub(super) is_live: bool,
    /// Whether the generation has it that is in effect when the new one begins.
    pub(super) is_in_effect: bool,
}

/// What becomes of the versions of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Succession<K> {
    /// The version that the new generation shares with the newest; none where the unit gets a new one, or is no more.
    pub(super) shared: Option<K>,
    /// When a new version is valid from.
    pub(super) valid_from: Timestamp,
    pub(super) ends: Vec<End<K>>,
}

/// A version that ends otherwise than was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End<K> {
    pub(super) key: K,
    /// None where it goes on in a version of the new generation.
    pub(super) valid_to: Option<Timestamp>,
}

/// Says what becomes of the `versions` of a unit when a generation begins at `effective_from` that
/// has the unit as `new`, or no longer.
///
/// A version never ends before it begins.
pub(super) fn succeed<K: Copy>(versions: &[Version<K>], new: Option<Fingerprint>, effective_from: Timestamp) -> Succession<K> {
    let is_same = |version: &&Version<K>| new == Some(version.fingerprint);
    let predecessor = versions.iter().find(|version| version.is_in_effect && is_same(version));
    let valid_from = predecessor.map_or(effective_from, |version| version.valid_from);
    let goes_on = |version: &&Version<K>| is_same(version) && version.valid_from == valid_from;
    let shared = versions.iter().find(|version| version.is_live && goes_on(version)).map(|version| version.key);
    let mut ends = Vec::new();
    for version in versions.iter().filter(|version| !(version.is_live && goes_on(version))) {
        let valid_to = if goes_on(&version) { None } else { Some(version.valid_from.max(effective_from)) };
        if version.is_live || version.valid_to != valid_to {
            ends.push(End { key: version.key, valid_to });
        }
    }
    Succession { shared, valid_from, ends }
}

/// Whether a new unit's code would name another unit than it did: it is nobody's now, and of `past`, what published units of the code
/// were, none is what the new unit is.
pub(super) fn is_reused<K>(versions: &[Version<K>], past: &[Fingerprint], new: Fingerprint) -> bool {
    let is_known = versions.iter().any(|version| version.is_live || version.is_in_effect);
    !is_known && !past.is_empty() && !past.contains(&new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn print(seed: u8) -> Fingerprint {
        Fingerprint([seed; 32])
    }

    /// Versions by what they are and between which days, live and in effect or not.
    fn versions(rows: &[(u8, i64, Option<i64>, bool, bool)]) -> Vec<Version<usize>> {
        let version = |(key, &(seed, from, to, is_live, is_in_effect)): (usize, &(u8, i64, Option<i64>, bool, bool))| Version {
            key,
            fingerprint: print(seed),
            valid_from: day(from),
            valid_to: to.map(day),
            is_live,
            is_in_effect,
        };
        rows.iter().enumerate().map(version).collect()
    }

    #[test]
    fn what_is_the_same_is_shared_and_what_is_not_ends() {
        let known = versions(&[(1, 1, None, true, true)]);
        assert_eq!(succeed(&known, Some(print(1)), day(5)), Succession { shared: Some(0), valid_from: day(1), ends: vec![] });
        let ended = vec![End { key: 0, valid_to: Some(day(5)) }];
        assert_eq!(succeed(&known, Some(print(2)), day(5)), Succession { shared: None, valid_from: day(5), ends: ended.clone() });
        assert_eq!(succeed(&known, None, day(5)).ends, ended);
    }

    #[test]
    fn what_a_given_up_generation_was_to_end_goes_on() {
        // 1 until day 10, then 2; given up on day 5 for what is 1 still.
        let known = versions(&[(1, 1, Some(10), false, true), (2, 10, None, true, false)]);
        let ends = vec![End { key: 0, valid_to: None }, End { key: 1, valid_to: Some(day(10)) }];
        assert_eq!(succeed(&known, Some(print(1)), day(5)), Succession { shared: None, valid_from: day(1), ends });
        // What changes then ends then, and not on the day of the plan.
        let ends = vec![End { key: 0, valid_to: Some(day(5)) }, End { key: 1, valid_to: Some(day(10)) }];
        assert_eq!(succeed(&known, Some(print(3)), day(5)), Succession { shared: None, valid_from: day(5), ends });
    }

    #[test]
    fn both_versions_of_a_unit_that_went_on_end_together() {
        let known = versions(&[(1, 1, None, false, false), (1, 1, None, true, true)]);
        assert_eq!(succeed(&known, Some(print(1)), day(8)), Succession { shared: Some(1), valid_from: day(1), ends: vec![] });
        let end = |key| End { key, valid_to: Some(day(8)) };
        assert_eq!(succeed(&known, None, day(8)).ends, [end(0), end(1)]);
    }

    #[test]
    fn a_code_is_reused_where_nobody_has_it_and_it_was_something_else() {
        assert!(!is_reused::<usize>(&[], &[], print(1)));
        assert!(!is_reused::<usize>(&[], &[print(2), print(1)], print(1)));
        assert!(is_reused::<usize>(&[], &[print(2)], print(1)));
        // Only what is planned leaves the unit out: it is redrawn.
        assert!(!is_reused(&versions(&[(2, 1, Some(10), false, true)]), &[print(2)], print(1)));
    }
}
