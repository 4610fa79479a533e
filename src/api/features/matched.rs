use std::ops::Range;

/// The features of a collection that were found, in their order.
#[derive(Debug, PartialEq)]
pub enum Matched {
    /// All there are, in the order of the collection, which need not be listed.
    All(usize),
    Picked(Vec<usize>),
}

impl Matched {
    pub fn len(&self) -> usize {
        match self {
            Self::All(count) => *count,
            Self::Picked(features) => features.len(),
        }
    }

    /// Counts the features at the beginning of which something is true; it is false of all behind them.
    pub fn count_while(&self, is_before: impl Fn(usize) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.at(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Lists some of the features by their places among those found.
    pub fn cut(&self, places: Range<usize>) -> Vec<usize> {
        match self {
            Self::All(_) => places.collect(),
            Self::Picked(features) => features[places].to_vec(),
        }
    }

    fn at(&self, place: usize) -> usize {
        match self {
            Self::All(_) => place,
            Self::Picked(features) => features[place],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_cut_as_a_list_of_them_is() {
        for count in 0..6 {
            let (all, picked) = (Matched::All(count), Matched::Picked((0..count).collect()));
            assert_eq!(all.len(), picked.len());
            for edge in 0..=count + 1 {
                assert_eq!(all.count_while(|at| at < edge), edge.min(count));
                assert_eq!(picked.count_while(|at| at < edge), edge.min(count));
                let end = edge.min(count);
                assert_eq!(all.cut(end / 2..end), picked.cut(end / 2..end));
            }
        }
        let some = Matched::Picked(vec![3, 5, 9]);
        assert_eq!((some.count_while(|at| at < 6), some.cut(1..3)), (2, vec![5, 9]));
    }
}
