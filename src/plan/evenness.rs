/// How evenly loads are shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evenness {
    /// The mean load.
    pub mean: f64,
    pub min: f64,
    pub max: f64,
    /// The largest distance of a load from what it should be, on either side, as a share of that.
    pub imbalance_max: f64,
    /// The shares of loads at most 5 % and 10 % from what they should be.
    pub within_5: f64,
    pub within_10: f64,
    /// The greatest load over the least; none where the least is 0.
    pub max_over_min: Option<f64>,
    /// The coefficient of variation: the standard deviation over the mean.
    pub variation: f64,
    /// The Gini coefficient: half the mean distance of two loads over the mean (Gini 1912). 0 is even, towards 1 one has all.
    pub gini: f64,
}

impl Evenness {
    /// Compares loads with what each should be.
    ///
    /// `targets` has one figure for each load. Of no load at all every figure is 0.
    pub fn of(loads: &[f64], targets: &[f64]) -> Self {
        if loads.is_empty() {
            return Self::default();
        }
        let count = loads.len() as f64;
        let mean = loads.iter().sum::<f64>() / count;
        let off: Vec<f64> =
            loads.iter().zip(targets).map(|(load, target)| if *target > 0.0 { (load / target - 1.0).abs() } else { 0.0 }).collect();
        // A load at the very end of a bound is within it, whatever the last bits of its sum.
        let within = |most: f64| off.iter().filter(|off| **off <= most + 1e-9).count() as f64 / count;
        let (min, max) = loads.iter().fold((f64::INFINITY, 0.0f64), |(min, max), load| (min.min(*load), max.max(*load)));
        let variance = loads.iter().map(|load| (load - mean).powi(2)).sum::<f64>() / count;
        Self {
            mean,
            min,
            max,
            imbalance_max: off.iter().copied().fold(0.0, f64::max),
            within_5: within(0.05),
            within_10: within(0.10),
            max_over_min: (min > 0.0).then(|| max / min),
            variation: if mean > 0.0 { variance.sqrt() / mean } else { 0.0 },
            gini: gini(loads),
        }
    }
}

fn gini(loads: &[f64]) -> f64 {
    let mut sorted = loads.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (count, all) = (loads.len() as f64, sorted.iter().sum::<f64>());
    if all <= 0.0 {
        return 0.0;
    }
    // The sum over all pairs, from the ranks of the sorted loads.
    let ranked: f64 = sorted.iter().enumerate().map(|(at, load)| (2.0 * (at as f64 + 1.0) - count - 1.0) * load).sum();
    ranked / (count * all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_formulas() {
        let loads = [50.0, 100.0, 105.0, 145.0];
        let evenness = Evenness::of(&loads, &[100.0; 4]);
        assert_eq!((evenness.mean, evenness.min, evenness.max), (100.0, 50.0, 145.0));
        assert_eq!((evenness.imbalance_max, evenness.within_5, evenness.within_10), (0.5, 0.5, 0.5));
        assert_eq!(evenness.max_over_min, Some(2.9));
        assert!((evenness.variation - (4550.0f64 / 4.0).sqrt() / 100.0).abs() < 1e-12);
        // Over all pairs, as it is defined.
        let pairs: f64 = loads.iter().flat_map(|a| loads.iter().map(move |b| (a - b).abs())).sum();
        assert!((evenness.gini - pairs / (2.0 * 16.0 * 100.0)).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_even() {
        assert_eq!(Evenness::of(&[], &[]), Evenness::default());
        assert_eq!(Evenness::of(&[0.0, 0.0], &[0.0, 0.0]).gini, 0.0);
    }
}
