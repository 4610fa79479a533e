use super::region::Region;
use super::state::State;

/// Groups the districts of a plan into clusters of neighbours of at most `most`, by bisecting their centres.
///
/// `turn` turns the axes, so that what is the rim of a cluster in one round lies inside one in the next.
pub(super) fn clusters(state: &State, most: usize, turn: f64) -> Vec<Vec<u32>> {
    let mut centres = centres(state.region, state);
    let (sin, cos) = turn.sin_cos();
    for (x, y, _) in &mut centres {
        (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
    }
    let mut out = Vec::new();
    group(&mut centres, most, &mut out);
    out
}

fn centres(region: &Region, state: &State) -> Vec<(f64, f64, u32)> {
    let mut sums = vec![(0.0, 0.0); region.districts as usize];
    for unit in region.units() {
        let sum = &mut sums[state.district(unit) as usize];
        sum.0 += f64::from(region.x[unit as usize]);
        sum.1 += f64::from(region.y[unit as usize]);
    }
    let count = |at: u32| f64::from(state.count[at as usize].max(1));
    (0u32..).zip(sums).map(|(at, (x, y))| (x / count(at), y / count(at), at)).collect()
}

fn group(centres: &mut [(f64, f64, u32)], most: usize, out: &mut Vec<Vec<u32>>) {
    if centres.len() <= most {
        out.push(centres.iter().map(|(_, _, district)| *district).collect());
        return;
    }
    let spread = |of: fn(&(f64, f64, u32)) -> f64| {
        let (low, high) = centres.iter().map(of).fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(at), high.max(at)));
        high - low
    };
    let along: fn(&(f64, f64, u32)) -> f64 =
        if spread(|centre| centre.0) >= spread(|centre| centre.1) { |centre| centre.0 } else { |centre| centre.1 };
    centres.sort_unstable_by(|a, b| along(a).total_cmp(&along(b)).then(a.2.cmp(&b.2)));
    let (a, b) = centres.split_at_mut(centres.len() / 2);
    group(a, most, out);
    group(b, most, out);
}
