//! How much work there is in a unit: terms of different kinds, each with what one of it weighs, so that a number can say what it is made of.

/// What a case weighs. One of the usual kind, reported now and done in the usual time, weighs 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseWeights {
    /// By the beginning of a category's code; of several that fit the longest counts.
    pub by_category: Vec<(String, f64)>,
    /// After so many days a case weighs half; none keeps all alike.
    pub half_life_days: Option<f64>,
    /// Hours in which the usual case is handled. One that took twice as long weighs twice, within [`SLOWEST`]; none weighs all alike, and
    /// so is one weighed whose time is not known.
    pub usual_hours: Option<f64>,
}

/// How much more, or less, a case may weigh for the time that it took: one that lay for a month is not a month's work.
pub const SLOWEST: f64 = 4.0;

/// What is known of a case that is weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeighedCase<'a> {
    pub category: &'a str,
    /// Days since it was reported.
    pub age_days: f64,
    /// Hours from when it was given to somebody until it was done.
    pub handling_hours: Option<f64>,
}

impl CaseWeights {
    pub fn weigh(&self, case: &WeighedCase<'_>) -> f64 {
        let fits = self.by_category.iter().filter(|(prefix, _)| case.category.starts_with(prefix.as_str()));
        let of_category = fits.max_by_key(|(prefix, _)| prefix.len()).map_or(1.0, |(_, weight)| *weight);
        let of_age = self.half_life_days.map_or(1.0, |half_life| 0.5f64.powf(case.age_days.max(0.0) / half_life));
        let of_time = self.usual_hours.zip(case.handling_hours);
        of_category * of_age * of_time.map_or(1.0, |(usual, hours)| (hours / usual).clamp(1.0 / SLOWEST, SLOWEST))
    }
}

/// One kind of work of all units: how much of it there is in each, and what one of it weighs.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub name: String,
    pub weight: f64,
    pub amounts: Vec<f64>,
}

/// The work of all units, with what it is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    pub terms: Vec<Term>,
}

impl Workload {
    /// Returns the work of each unit: the sum of its terms.
    pub fn loads(&self) -> Vec<f64> {
        let units = self.terms.first().map_or(0, |term| term.amounts.len());
        (0..units).map(|unit| self.parts(unit).map(|(_, _, load)| load).sum()).collect()
    }

    /// Returns of what a unit's work is made: each term, how much of it there is, and what that weighs.
    pub fn parts(&self, unit: usize) -> impl Iterator<Item = (&Term, f64, f64)> {
        self.terms.iter().map(move |term| (term, term.amounts[unit], term.weight * term.amounts[unit]))
    }
}

/// Returns about how long the shortest walk is that calls at so many places of an area: 0.7124 √(n A) (Beardwood, Halton and Hammersley
/// 1959; the constant of Johnson, McGeoch and Rothberg 1996). In metres of square metres. No place is no walk.
pub fn walk_m(places: f64, area_m2: f64) -> f64 {
    0.7124 * (places * area_m2).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(category: &str, age_days: f64, handling_hours: Option<f64>) -> WeighedCase<'_> {
        WeighedCase { category, age_days, handling_hours }
    }

    #[test]
    fn a_case_weighs_by_category_age_and_time() {
        let weights =
            CaseWeights { by_category: vec![("E".into(), 2.0), ("E01".into(), 3.0)], half_life_days: Some(30.0), usual_hours: Some(8.0) };
        for (case, expected) in [
            (case("C0101", 0.0, None), 1.0),
            (case("E0110", 0.0, None), 3.0),
            (case("E0210", 30.0, None), 1.0),
            (case("C0101", 60.0, Some(16.0)), 0.5),
            // Neither the clerk who forgot to close it nor a time before the report counts without end.
            (case("C0101", 0.0, Some(2_000.0)), SLOWEST),
            (case("C0101", -3.0, Some(0.0)), 1.0 / SLOWEST),
        ] {
            assert!((weights.weigh(&case) - expected).abs() < 1e-12, "{case:?}");
        }
        assert_eq!(CaseWeights::default().weigh(&case("X", 900.0, Some(1.0))), 1.0, "without weights all count one");
    }

    #[test]
    fn a_load_is_the_sum_of_what_it_says_it_is_made_of() {
        let term = |name: &str, weight, amounts: &[f64]| Term { name: name.into(), weight, amounts: amounts.to_vec() };
        let workload = Workload { terms: vec![term("cases", 1.0, &[3.0, 0.0]), term("homes", 0.1, &[40.0, 10.0])] };
        assert_eq!(workload.loads(), [7.0, 1.0]);
        let parts: Vec<_> = workload.parts(0).map(|(term, amount, load)| (term.name.as_str(), amount, load)).collect();
        assert_eq!(parts, [("cases", 3.0, 3.0), ("homes", 40.0, 4.0)]);
        assert!(Workload::default().loads().is_empty());
    }

    #[test]
    fn a_walk_grows_with_the_root_of_places_and_ground() {
        assert_eq!(walk_m(0.0, 1e6), 0.0);
        assert!((walk_m(100.0, 1e6) / walk_m(25.0, 1e6) - 2.0).abs() < 1e-12);
        assert!((walk_m(100.0, 1e6) - 7_124.0).abs() < 1e-6);
    }
}
