use std::sync::Arc;

use arc_swap::ArcSwap;

/// What is kept in memory of the store, with the version of the store that it is of. Those who write and who follows the store set it in
/// whatever order they come to it; what is older never takes the place of what is newer.
#[derive(Debug, Default)]
pub struct Followed<T>(ArcSwap<(u64, Arc<T>)>);

impl<T> Followed<T> {
    pub fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.load().1)
    }

    /// Keeps a value as of a version, where none of a later version is kept.
    pub fn set(&self, version: u64, value: T) {
        let value = Arc::new((version, Arc::new(value)));
        self.0.rcu(|kept| if kept.0 <= version { Arc::clone(&value) } else { Arc::clone(kept) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_takes_the_place_of_nothing_newer() {
        let followed = Followed::default();
        for (version, expected) in [(1, 1), (3, 3), (2, 3), (3, 3), (4, 4)] {
            followed.set(version, version);
            assert_eq!(*followed.load(), expected);
        }
    }
}
