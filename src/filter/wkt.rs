use geo_types::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

use super::error::{FilterError, Place};
use super::text::Parser;

/// The kinds of geometry, in small letters.
const TAGS: [&str; 7] = ["point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"];

pub(super) fn is_tag(word: &str) -> bool {
    TAGS.iter().any(|tag| tag.eq_ignore_ascii_case(word))
}

/// Reads well-known text behind its first word, OGC 06-103r4, section 7. Heights and measures are passed over.
pub(super) fn read(parser: &mut Parser, tag: &str) -> Result<Geometry<f64>, FilterError> {
    for mark in ["ZM", "Z", "M"] {
        if parser.take_word(mark) {
            break;
        }
    }
    if parser.is_word("EMPTY") {
        return Err(parser.error("an empty geometry has no place", "give it coordinates"));
    }
    Ok(match tag.to_ascii_lowercase().as_str() {
        "point" => {
            parser.expect_sign("(")?;
            let at = coordinate(parser)?;
            parser.expect_sign(")")?;
            Point(at).into()
        }
        "linestring" => line(parser)?.into(),
        "polygon" => polygon(parser)?.into(),
        "multipoint" => MultiPoint(list(parser, |parser| {
            let is_in_brackets = parser.take_sign("(");
            let at = coordinate(parser)?;
            if is_in_brackets {
                parser.expect_sign(")")?;
            }
            Ok(Point(at))
        })?)
        .into(),
        "multilinestring" => MultiLineString(list(parser, line)?).into(),
        "multipolygon" => MultiPolygon(list(parser, polygon)?).into(),
        _ => Geometry::GeometryCollection(GeometryCollection(list(parser, |parser| {
            let super::lexer::TokenKind::Word(tag) = parser.peek().clone() else {
                return Err(parser.error(format!("{} is no geometry", parser.peek().describe()), "name its kind, such as POINT"));
            };
            if !is_tag(&tag) {
                return Err(parser.error(format!("{tag} is no kind of geometry"), "POINT, LINESTRING and POLYGON are, and MULTI of each"));
            }
            parser.take_word(&tag);
            parser.deeper(|parser| read(parser, &tag))
        })?)),
    })
}

fn list<T>(parser: &mut Parser, item: impl Fn(&mut Parser) -> Result<T, FilterError>) -> Result<Vec<T>, FilterError> {
    parser.expect_sign("(")?;
    let mut list = vec![item(parser)?];
    while parser.take_sign(",") {
        list.push(item(parser)?);
    }
    parser.expect_sign(")")?;
    Ok(list)
}

fn line(parser: &mut Parser) -> Result<LineString<f64>, FilterError> {
    let place = parser.place();
    to_line(list(parser, coordinate)?, &place)
}

fn polygon(parser: &mut Parser) -> Result<Polygon<f64>, FilterError> {
    let rings = list(parser, |parser| {
        let place = parser.place();
        to_ring(list(parser, coordinate)?, &place)
    })?;
    Ok(to_polygon(rings))
}

/// Reads two numbers, and up to two more that are passed over.
fn coordinate(parser: &mut Parser) -> Result<Coord<f64>, FilterError> {
    let (x, y) = (parser.signed_number()?, parser.signed_number()?);
    for _ in 0..2 {
        if matches!(parser.peek(), super::lexer::TokenKind::Number(_) | super::lexer::TokenKind::Sign("-" | "+")) {
            parser.signed_number()?;
        }
    }
    Ok(Coord { x, y })
}

pub(super) fn to_line(coords: Vec<Coord<f64>>, place: &Place) -> Result<LineString<f64>, FilterError> {
    if coords.len() < 2 {
        return Err(FilterError::new(place, "the line has fewer than two positions", "give it more, or write a point"));
    }
    Ok(LineString(coords))
}

pub(super) fn to_ring(coords: Vec<Coord<f64>>, place: &Place) -> Result<LineString<f64>, FilterError> {
    if coords.len() < 4 || coords.first() != coords.last() {
        let detail = if coords.len() < 4 { "the ring has fewer than four positions" } else { "the ring is not closed" };
        return Err(FilterError::new(place, detail, "give at least three and repeat the first at the end"));
    }
    Ok(LineString(coords))
}

pub(super) fn to_polygon(mut rings: Vec<LineString<f64>>) -> Polygon<f64> {
    let exterior = rings.remove(0);
    Polygon::new(exterior, rings)
}
