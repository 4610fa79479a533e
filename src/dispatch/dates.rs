use jiff::Timestamp;

/// Between which times a row of a rule holds; an end that is left out is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dates {
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
}

impl Dates {
    pub const ALWAYS: Self = Self { from: None, to: None };

    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        let begins_before = |from: Option<Timestamp>, to: Option<Timestamp>| from.zip(to).is_none_or(|(from, to)| from < to);
        begins_before(self.from, other.to) && begins_before(other.from, self.to)
    }

    /// Returns the first of its ends after `at`.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        [self.from, self.to].into_iter().flatten().filter(|change| *change > at).min()
    }
}
