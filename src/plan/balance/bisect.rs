use super::region::Region;

/// Cuts a region into districts of about equal load: weighted recursive bisection (Berger and Bokhari 1987), each cut across the
/// longer axis of what is cut.
///
/// Districts need not be in one piece where the ground is not convex; [`super::contiguity::join_strays`] sees to that.
pub(super) fn bisect(region: &Region) -> Vec<u32> {
    let mut units: Vec<u32> = region.units().collect();
    let mut labelled: Vec<(u32, u32)> = Vec::with_capacity(units.len());
    cut(region, &mut units, region.districts, 0, &mut labelled);
    let mut of = vec![0; region.len()];
    for (unit, district) in labelled {
        of[unit as usize] = district;
    }
    of
}

/// Units below which two halves are not worth two threads.
const PARALLEL_MIN: usize = 4_000;

fn cut(region: &Region, units: &mut [u32], districts: u32, first: u32, out: &mut Vec<(u32, u32)>) {
    if districts <= 1 {
        out.extend(units.iter().map(|unit| (*unit, first)));
        return;
    }
    let left = districts / 2;
    let at = cut_once(region, units, left, districts);
    let (a, b) = units.split_at_mut(at);
    if a.len() + b.len() < PARALLEL_MIN {
        cut(region, a, left, first, out);
        cut(region, b, districts - left, first + left, out);
        return;
    }
    let mut others = Vec::with_capacity(b.len());
    rayon::join(|| cut(region, a, left, first, out), || cut(region, b, districts - left, first + left, &mut others));
    out.append(&mut others);
}

/// Orders units along their longer axis, and says how many of them come nearest to `left` of `districts` parts of the load.
fn cut_once(region: &Region, units: &mut [u32], left: u32, districts: u32) -> usize {
    let (dx, dy) = long_axis(region, units);
    let along = |unit: u32| f64::from(region.x[unit as usize]) * dx + f64::from(region.y[unit as usize]) * dy;
    let mut keyed: Vec<(f64, u32)> = units.iter().map(|unit| (along(*unit), *unit)).collect();
    keyed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let all: f64 = units.iter().map(|unit| region.load[*unit as usize]).sum();
    let wanted = all * f64::from(left) / f64::from(districts);
    let (mut sum, mut at) = (0.0, 0);
    for (place, (_, unit)) in units.iter_mut().zip(&keyed) {
        *place = *unit;
    }
    while at < units.len() && sum + region.load[units[at] as usize] / 2.0 < wanted {
        sum += region.load[units[at] as usize];
        at += 1;
    }
    // Every district has a unit, where there are enough of them.
    let (left, right) = (left as usize, (districts - left) as usize);
    at.max(left.min(units.len())).min(units.len().saturating_sub(right).max(left.min(units.len())))
}

/// Returns the direction in which units are spread most: the first eigenvector of the covariance of their places.
fn long_axis(region: &Region, units: &[u32]) -> (f64, f64) {
    let count = units.len().max(1) as f64;
    let place = |unit: &u32| (f64::from(region.x[*unit as usize]), f64::from(region.y[*unit as usize]));
    let (sx, sy) = units.iter().map(place).fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mx, my) = (sx / count, sy / count);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in units.iter().map(place) {
        let (x, y) = (x - mx, y - my);
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
    }
    let angle = f64::atan2(2.0 * xy, xx - yy) / 2.0;
    (angle.cos(), angle.sin())
}
