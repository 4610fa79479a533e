use geo::MapCoords;
use geo_types::{Coord, Geometry, Rect};
use jiff::Timestamp;

use super::crs::WireCrs;
use crate::api::query::finite;
use crate::boundary::Validity;
use crate::filter::cut_box;

/// Four numbers of a box as they were given: the lower corner, then the upper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bbox {
    lower: Coord<f64>,
    upper: Coord<f64>,
}

/// Where features are to lie, in degrees.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// One box, or two where it reaches over the antimeridian.
    Boxes(Vec<Rect<f64>>),
    /// A box of a plane, whose sides are no meridians and parallels.
    Polygon(Geometry<f64>),
}

impl Bbox {
    /// Parses the numbers of two corners, or six with heights, which are passed over.
    ///
    /// # Errors
    /// Another count of numbers, or one that is not finite.
    pub fn parse(text: &str) -> Result<Self, String> {
        let numbers: Vec<f64> = text.split(',').map(|number| finite(number.trim())).collect::<Result<_, _>>()?;
        let ([a, b, c, d] | [a, b, _, c, d, _]) = numbers[..] else {
            return Err(format!("has {} numbers instead of 4 or 6", numbers.len()));
        };
        Ok(Self { lower: Coord { x: a, y: b }, upper: Coord { x: c, y: d } })
    }

    /// Brings the box to degrees. A west greater than its east reaches over the antimeridian.
    ///
    /// # Errors
    /// A corner above the other, or one that the system cannot express.
    pub fn to_area(self, crs: &WireCrs) -> Result<Area, String> {
        if !crs.is_degrees() {
            if self.lower.x > self.upper.x || self.lower.y > self.upper.y {
                return Err("its first corner lies above its second".into());
            }
            let sides = cut_box(self.lower, self.upper);
            let placed = sides.try_map_coords(|coord| crs.to_position(coord)).map_err(|e| e.to_string())?;
            return Ok(Area::Polygon(placed.into()));
        }
        let position = |coord| crs.to_position(coord).map_err(|e| e.to_string());
        let (low, high) = (position(self.lower)?, position(self.upper)?);
        if low.y > high.y {
            return Err(format!("its south {} lies above its north {}", low.y, high.y));
        }
        let rect = |west: f64, east: f64| Rect::new(Coord { x: west, y: low.y }, Coord { x: east, y: high.y });
        Ok(Area::Boxes(if low.x <= high.x { vec![rect(low.x, high.x)] } else { vec![rect(low.x, 180.0), rect(-180.0, high.x)] }))
    }
}

/// A time or a span of time, both ends included, open where none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl Span {
    /// Parses `T`, `T/T`, `../T`, `/T`, `T/..` and `T/`, each T in RFC 3339.
    ///
    /// # Errors
    /// A text of another form, or a start after its end.
    pub fn parse(text: &str) -> Result<Self, String> {
        let end = |text: &str| match text {
            "" | ".." => Ok(None),
            text => parse_time(text).map(Some),
        };
        let Some((from, to)) = text.split_once('/') else {
            let at = parse_time(text)?;
            return Ok(Self { from: Some(at), to: Some(at) });
        };
        let span = Self { from: end(from)?, to: end(to)? };
        match span {
            Self { from: None, to: None } => Err("an interval needs a start or an end".into()),
            Self { from: Some(from), to: Some(to) } if from > to => Err(format!("its start {from} lies after its end {to}")),
            span => Ok(span),
        }
    }

    /// Whether something that holds for a while does so in this span.
    pub fn meets(self, validity: &Validity) -> bool {
        self.to.is_none_or(|to| validity.from <= to) && validity.to.is_none_or(|end| self.from.is_none_or(|from| end > from))
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    // A plus that nobody encoded arrives as a space.
    let given = text.replace(' ', "+");
    let parse = |text: &str| text.parse::<Timestamp>();
    // The last days of the year 9999, by which many mean an open end, are beyond what can be counted; the year before has the same days.
    let is_beyond = || given.strip_prefix("9999-12-3").is_some_and(|rest| parse(&format!("9998-12-3{rest}")).is_ok());
    parse(&given).or_else(|e| match is_beyond() {
        true => Ok(Timestamp::MAX),
        false => Err(format!("{text:?} is not an RFC 3339 time with its offset: {e}")),
    })
}

/// Parses the number of features asked for; more than `max` is lowered to it.
///
/// # Errors
/// Anything but a whole number from 1.
pub fn parse_limit(text: &str, max: usize) -> Result<usize, String> {
    let refused = || format!("{text:?} is not a whole number from 1");
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    // A number too long for the machine is just a very large one.
    match text.parse::<usize>().unwrap_or(usize::MAX) {
        0 => Err(refused()),
        limit => Ok(limit.min(max)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_has_four_or_six_numbers() {
        let degrees = WireCrs::parse(crate::api::features::crs::CRS84).unwrap();
        let area = |text: &str, crs: &WireCrs| Bbox::parse(text)?.to_area(crs);
        let parsed = area("111.5,26,111.6,26.1", &degrees).unwrap();
        assert_eq!(area("111.5,26,0,111.6,26.1,9", &degrees), Ok(parsed.clone()));
        assert_eq!(area("26,111.5,26.1,111.6", &WireCrs::parse("[EPSG:4326]").unwrap()), Ok(parsed));
        assert!(area("1,1,1,1", &degrees).is_ok(), "a box without area is legal");
        for bad in ["", "1,2,3", "1,2,3,4,5", "1,2,3,NaN", "1,3,2,2", "1,2,3,x", "1,2,3,4,5,6,7"] {
            assert!(area(bad, &degrees).is_err(), "{bad}");
        }
        let over = area("179,0,-179,1", &degrees).unwrap();
        assert!(matches!(over, Area::Boxes(boxes) if boxes.len() == 2));
        let plane = WireCrs::parse("[EPSG:4546]").unwrap();
        assert!(matches!(area("2900000,560000,2910000,570000", &plane), Ok(Area::Polygon(_))));
        assert!(area("2910000,560000,2900000,570000", &plane).is_err());
    }

    #[test]
    fn a_span_may_be_open_at_one_end() {
        let at = "2026-01-01T00:00:00Z";
        for (text, from, to) in [
            (at.to_owned(), true, true),
            (format!("{at}/.."), true, false),
            (format!("{at}/"), true, false),
            (format!("../{at}"), false, true),
            (format!("/{at}"), false, true),
            ("2026-01-01T08:00:00+08:00/2026-01-01T00:00:00Z".to_owned(), true, true),
        ] {
            let span = Span::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((span.from.is_some(), span.to.is_some()), (from, to), "{text}");
        }
        for bad in ["", "..", "../..", "/", "2026-02-30T00:00:00Z", "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "a/b/c"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_ends_of_a_span_are_included_but_not_the_end_of_what_holds() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let validity = Validity { from: time("2026-01-01T00:00:00Z"), to: Some(time("2026-02-01T00:00:00Z")) };
        for (span, expected) in [
            ("../2026-01-01T00:00:00Z", true),
            ("../2025-12-31T23:59:59Z", false),
            ("2026-01-31T23:59:59Z/..", true),
            ("2026-02-01T00:00:00Z/..", false),
            ("2026-01-15T00:00:00Z", true),
        ] {
            assert_eq!(Span::parse(span).unwrap().meets(&validity), expected, "{span}");
        }
    }

    #[test]
    fn a_limit_above_the_most_is_lowered() {
        assert_eq!(parse_limit("5", 10), Ok(5));
        assert_eq!(parse_limit("11", 10), Ok(10));
        assert_eq!(parse_limit("99999999999999999999999", 10), Ok(10));
        for bad in ["0", "-1", "", "1.5", "x", "+3"] {
            assert!(parse_limit(bad, 10).is_err(), "{bad}");
        }
    }
}
