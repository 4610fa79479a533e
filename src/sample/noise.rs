//! Repeatable randomness that depends on a place or a number, not on the order of calls.
//!
//! Only additions, multiplications and comparisons are used: they give the same bits on every machine,
//! which the functions of a C library do not.

use geo_types::Coord;

/// Mixes a seed and a key (the finaliser of SplitMix64, Steele, Lea and Flood 2014).
pub(super) fn hash(seed: u64, key: u64) -> u64 {
    let mut z = seed.wrapping_add(key.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Returns a number from -1 up to 1 that depends on the seed and the key alone.
pub(super) fn signed(seed: u64, key: u64) -> f64 {
    // 53 bits fill the mantissa exactly.
    (hash(seed, key) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Returns smooth noise from -1 to 1 along a line, with one random value at each whole number.
pub(super) fn along(seed: u64, at: f64) -> f64 {
    let cell = at.floor();
    let blend = smooth(at - cell);
    let value = |offset: f64| signed(seed, (cell + offset) as i64 as u64);
    value(0.0) * (1.0 - blend) + value(1.0) * blend
}

/// Returns smooth noise from -1 to 1 over the plane, with one random value at each corner of a lattice of `wavelength_m`.
pub(super) fn over(seed: u64, at: Coord<f64>, wavelength_m: f64) -> f64 {
    let (x, y) = (at.x / wavelength_m, at.y / wavelength_m);
    let (column, row) = (x.floor(), y.floor());
    let (bx, by) = (smooth(x - column), smooth(y - row));
    let corner = |dx: f64, dy: f64| signed(hash(seed, (column + dx) as i64 as u64), (row + dy) as i64 as u64);
    let south = corner(0.0, 0.0) * (1.0 - bx) + corner(1.0, 0.0) * bx;
    let north = corner(0.0, 1.0) * (1.0 - bx) + corner(1.0, 1.0) * bx;
    south * (1.0 - by) + north * by
}

fn smooth(t: f64) -> f64 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_stays_in_its_range_and_is_continuous() {
        for step in 0..2_000 {
            let at = Coord { x: f64::from(step) * 3.7 - 900.0, y: f64::from(step % 61) * 11.3 };
            let here = over(7, at, 100.0);
            let beside = over(7, Coord { x: at.x + 1e-6, y: at.y }, 100.0);
            assert!(here.abs() <= 1.0 && (here - beside).abs() < 1e-6, "{at:?}");
            assert!(along(7, at.x / 10.0).abs() <= 1.0);
        }
    }
}
