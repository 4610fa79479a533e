//! Codes for units that have none, in the order of reading.
//!
//! Local standards order the unit grids of a community from west to east, then from north to south; one says from left to right and from
//! top to bottom. That is the order of a text: rows from north to south, each read from west to east.

use rustc_hash::FxHashSet;

use super::code::{Segment, UnitCode};

/// Where a unit lies, as far as its place in the order goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The centroid of its area, degrees.
    pub lon: f64,
    pub lat: f64,
    /// How far it reaches from north to south, degrees.
    pub height_deg: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberingError {
    #[error(
        "below {parent} only {free} codes are left that no {level} ever had, and {wanted} are needed; allow the scheme a longer segment"
    )]
    Exhausted { parent: UnitCode, level: String, free: usize, wanted: usize },
    #[error("a code below {parent} would be longer than a code may be")]
    TooLong { parent: UnitCode },
}

/// Centroids this part of the median height apart from the northernmost of a row, or less, stand in its row.
const ROW_PART: f64 = 0.5;

/// Returns the places in the order of reading.
///
/// A row begins with the northernmost place that stands in none yet, and holds all whose centroid lies at most half of the
/// median height further south. In a row the western goes first; of two at the same longitude the northern, then the one given first.
pub fn reading_order(places: &[Place]) -> Vec<usize> {
    let mut heights: Vec<f64> = places.iter().map(|place| place.height_deg).collect();
    heights.sort_by(f64::total_cmp);
    let reach = heights.get(heights.len() / 2).copied().unwrap_or_default() * ROW_PART;
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*b].lat.total_cmp(&places[*a].lat).then(a.cmp(b)));
    let mut rest = &mut order[..];
    while let Some(&first) = rest.first() {
        let row = rest.partition_point(|at| places[*at].lat >= places[first].lat - reach);
        // A place without numbers is its own row.
        let (row, south) = rest.split_at_mut(row.max(1));
        // The sort is stable, so that places at one longitude stay from north to south.
        row.sort_by(|a, b| places[*a].lon.total_cmp(&places[*b].lon));
        rest = south;
    }
    order
}

/// Returns `count` codes below `parent` in their order, none of which is `taken`.
///
/// The sequence runs from 1 and passes over every number that is taken, in whatever length it was written. All codes have the first
/// length of the segment that has room for all of them.
///
/// # Errors
/// No length of the segment has room.
pub fn free_codes(
    parent: &UnitCode,
    count: usize,
    segment: &Segment,
    taken: &FxHashSet<UnitCode>,
) -> Result<Vec<UnitCode>, NumberingError> {
    let mut most = 0;
    for length in &segment.lengths {
        let last = 10_usize.checked_pow(u32::try_from(*length).unwrap_or(u32::MAX)).map_or(usize::MAX, |end| end - 1);
        let mut codes = Vec::with_capacity(count);
        for number in 1..=last {
            if codes.len() == count {
                break;
            }
            let is_taken = |length: &usize| to_code(parent, number, *length).is_ok_and(|code| taken.contains(&code));
            if !segment.lengths.iter().any(is_taken) {
                codes.push(to_code(parent, number, *length)?);
            }
        }
        if codes.len() == count {
            return Ok(codes);
        }
        most = most.max(codes.len());
    }
    Err(NumberingError::Exhausted { parent: parent.clone(), level: segment.level.to_string(), free: most, wanted: count })
}

fn to_code(parent: &UnitCode, number: usize, length: usize) -> Result<UnitCode, NumberingError> {
    UnitCode::parse(&format!("{parent}{number:0length$}")).map_err(|_| NumberingError::TooLong { parent: parent.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::{Charset, Level};

    fn order(places: &[(f64, f64)]) -> Vec<usize> {
        reading_order(&places.iter().map(|&(lon, lat)| Place { lon, lat, height_deg: 1.0 }).collect::<Vec<_>>())
    }

    #[test]
    fn units_are_read_like_a_page() {
        // Two rows whose units do not stand quite level.
        assert_eq!(order(&[(0.0, 0.0), (1.0, 0.2), (0.0, 1.1), (1.0, 0.9), (2.0, 1.2)]), [2, 3, 4, 0, 1]);
        assert_eq!(order(&[]), [0; 0]);
    }

    #[test]
    fn equal_places_keep_their_order_and_one_line_goes_south() {
        assert_eq!(order(&[(0.0, 0.0), (0.0, 0.0)]), [0, 1]);
        assert_eq!(order(&[(0.0, 0.0), (0.0, 0.4), (0.0, 0.2)]), [1, 2, 0]);
        assert_eq!(order(&[(0.0, 0.0), (0.0, 2.0), (0.0, 1.0)]), [1, 2, 0]);
        assert_eq!(order(&[(f64::NAN, f64::NAN), (0.0, 1.0)]).len(), 2);
    }

    fn segment(lengths: &[usize]) -> Segment {
        Segment { level: Level::parse("grid").unwrap(), lengths: lengths.to_vec(), charset: Charset::Digits }
    }

    fn codes(count: usize, lengths: &[usize], taken: &[&str]) -> Result<Vec<String>, NumberingError> {
        let taken = taken.iter().map(|code| UnitCode::parse(code).unwrap()).collect();
        let free = free_codes(&UnitCode::parse("9").unwrap(), count, &segment(lengths), &taken)?;
        Ok(free.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_code_that_is_taken_is_passed_over_in_every_length() {
        assert_eq!(codes(3, &[3, 4], &["9002", "90003"]).unwrap(), ["9001", "9004", "9005"]);
        assert_eq!(codes(0, &[3], &[]).unwrap(), [""; 0]);
    }

    #[test]
    fn what_outgrows_its_length_takes_the_next() {
        assert_eq!(codes(10, &[1, 2], &[]).unwrap()[..2], ["901", "902"]);
        assert_eq!(codes(9, &[1, 2], &[]).unwrap()[8], "99");
        let error = codes(9, &[1], &["95"]).unwrap_err();
        assert!(matches!(error, NumberingError::Exhausted { free: 8, wanted: 9, .. }), "{error}");
    }
}
