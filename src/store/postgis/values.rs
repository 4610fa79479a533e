//! Values that cross to PostgreSQL and back bit for bit.

use std::borrow::Cow;
use std::error::Error;

use bytes::{BufMut, BytesMut};
use geo_types::{Geometry, MultiPolygon, Point};
use geozero::wkb::WkbDialect;
use geozero::{CoordDimensions, ToWkb};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use crate::store::times::to_milliseconds;

type Failed = Box<dyn Error + Sync + Send>;

/// WGS 84 in degrees, longitude first, as PostGIS numbers it.
const SRID: i32 = 4326;

/// Microseconds from 1970 to 2000, from which PostgreSQL counts.
const EPOCH_US: i64 = 946_684_800_000_000;

/// A time, cut to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub Timestamp);

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        out.put_i64(to_milliseconds(self.0).as_microsecond() - EPOCH_US);
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl FromSql<'_> for Time {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failed> {
        let us = i64::from_be_bytes(raw.try_into()?);
        let us = us.checked_add(EPOCH_US).ok_or("the time is infinite")?;
        Ok(Self(Timestamp::from_microsecond(us)?))
    }

    accepts!(TIMESTAMPTZ);
}

/// A geometry as PostGIS sends and takes it: WKB with the number of its reference system.
#[derive(Debug)]
pub(super) struct Ewkb(Vec<u8>);

impl Ewkb {
    pub(super) fn of(geometry: MultiPolygon<f64>) -> Result<Self, geozero::error::GeozeroError> {
        Geometry::MultiPolygon(geometry).to_ewkb(CoordDimensions::xy(), Some(SRID)).map(Self)
    }

    pub(super) fn of_point(lon: f64, lat: f64) -> Result<Self, geozero::error::GeozeroError> {
        Geometry::Point(Point::new(lon, lat)).to_ewkb(CoordDimensions::xy(), Some(SRID)).map(Self)
    }
}

impl ToSql for Ewkb {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        out.put_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "geometry"
    }

    to_sql_checked!();
}

/// A boundary read back.
#[derive(Debug)]
pub(super) struct Boundary(pub MultiPolygon<f64>);

impl FromSql<'_> for Boundary {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failed> {
        use geozero::wkb::FromWkb;
        match Geometry::from_wkb(&mut &*raw, WkbDialect::Ewkb)? {
            Geometry::MultiPolygon(geometry) => Ok(Self(geometry)),
            _ => Err("the geometry is no multipolygon".into()),
        }
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "geometry"
    }
}

/// Stands for a character that PostgreSQL cannot hold: NUL. It is a noncharacter, which no text interchanged has.
const ESCAPE: char = '\u{FDD0}';

/// Writes a text so that PostgreSQL can hold it. Only a text with a NUL, or with the escape itself, is changed.
pub(super) fn to_text(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        match c {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, ESCAPE]),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Reads what [`to_text`] wrote.
pub(super) fn from_text(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ESCAPE => plain.push(if chars.next() == Some(ESCAPE) { ESCAPE } else { '\0' }),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_ordinary_ones_are_not_touched() {
        for text in ["", "永州", "a\0b", "\u{FDD0}", "\u{FDD0}0\0\u{FDD0}\u{FDD0}", "0"] {
            let escaped = to_text(text);
            assert!(!escaped.contains('\0'));
            assert_eq!(from_text(escaped.into_owned()), text);
        }
        assert!(matches!(to_text("零陵区 \\0"), Cow::Borrowed(_)));
    }

    #[test]
    fn times_are_counted_from_2000() {
        let mut out = BytesMut::new();
        for (at, us) in [("2000-01-01T00:00:00Z", 0), ("1999-12-31T23:59:59.9999Z", -1_000)] {
            out.clear();
            Time(at.parse().unwrap()).to_sql(&Type::TIMESTAMPTZ, &mut out).unwrap();
            assert_eq!(i64::from_be_bytes(out[..].try_into().unwrap()), us);
        }
        let at: Timestamp = "2026-11-24T11:22:33.444Z".parse().unwrap();
        out.clear();
        Time(at).to_sql(&Type::TIMESTAMPTZ, &mut out).unwrap();
        assert_eq!(Time::from_sql(&Type::TIMESTAMPTZ, &out).unwrap(), Time(at));
    }
}
