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
}

/// When rows of a table begin and end, in order, so that the next change is found without a look at the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(Vec<Timestamp>);

impl Changes {
    pub fn of(rows: impl Iterator<Item = Dates>) -> Self {
        let mut times: Vec<Timestamp> = rows.flat_map(|dates| [dates.from, dates.to]).flatten().collect();
        times.sort_unstable();
        times.dedup();
        Self(times)
    }

    /// Returns the first of them after `at`.
    pub fn next(&self, at: Timestamp) -> Option<Timestamp> {
        self.0.get(self.0.partition_point(|change| *change <= at)).copied()
    }
}
