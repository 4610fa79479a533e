use std::fmt;
use std::sync::Arc;

use geo_types::Coord;

use super::{offset, pool};
use crate::boundary::brief;

/// A coordinate reference system, or an offset, in which positions are given.
///
/// Axis order is always easting or longitude first, whatever the authority says.
/// Cheap to clone, and usable from many threads at once.
///
/// ```
/// use gridkeeper::import::Crs;
/// use geo_types::Coord;
///
/// let crs = Crs::parse("EPSG:4546")?;
/// let position = crs.to_wgs84(Coord { x: 561_796.435, y: 2_901_632.639 })?;
/// assert!((position.x - 111.6184).abs() < 1e-8 && (position.y - 26.2225).abs() < 1e-8);
/// # Ok::<(), gridkeeper::import::CrsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crs(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Degrees that are taken as WGS 84 as they stand, with the name they go by.
    LonLat(&'static str),
    Gcj02,
    Bd09,
    /// What PROJ is given: `EPSG:n` or WKT.
    Proj(Arc<str>),
}

/// Why coordinates cannot be brought to or from WGS 84.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CrsError {
    #[error("{given:?} is no reference system; give EPSG:n, WKT, GCJ02 or BD09")]
    Form { given: String },
    #[error("the reference system {given} is not known: look the code up at https://epsg.io, or give the system as WKT")]
    UnknownCode { given: String },
    #[error("the reference system {given} is not known or has no way to WGS 84: {detail}")]
    Unknown { given: String, detail: String },
    #[error("the position {} {} cannot be in {crs}", brief(*x), brief(*y))]
    Position { x: f64, y: f64, crs: String },
    #[error("more than {max} different reference systems have been used by one thread of this process; start it again")]
    TooMany { max: usize },
}

impl Crs {
    /// Degrees, WGS 84.
    pub const WGS84: Self = Self(Kind::LonLat("EPSG:4326"));
    pub const GCJ02: Self = Self(Kind::Gcj02);
    pub const BD09: Self = Self(Kind::Bd09);

    /// Parses what a person or a file says: `EPSG:4546`, `urn:ogc:def:crs:EPSG::4546`, `CRS84`, WKT of any
    /// dialect, `GCJ02`, `BD09`, `WGS84`, `CGCS2000`.
    ///
    /// CGCS2000 in degrees (EPSG:4490) is taken as WGS 84 unchanged: they differ by decimetres at most, and no
    /// public transformation between them exists.
    ///
    /// # Errors
    /// A text of another form, and a system that PROJ does not know or cannot bring to WGS 84.
    pub fn parse(text: &str) -> Result<Self, CrsError> {
        let text = text.trim();
        let plain: String = text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect::<String>().to_ascii_uppercase();
        match plain.as_str() {
            "GCJ02" => return Ok(Self::GCJ02),
            "BD09" | "BD09LL" => return Ok(Self::BD09),
            "WGS84" | "CRS84" | "OGC:CRS84" => return Ok(Self::WGS84),
            "CGCS2000" => return Self::from_epsg(4490),
            _ => {}
        }
        if let Some(code) = epsg_code(text) {
            return Self::from_epsg(code);
        }
        if plain.ends_with("CRS84") {
            return Ok(Self::WGS84);
        }
        if is_wkt(text) { Self::through_proj(text) } else { Err(CrsError::Form { given: shorten(text) }) }
    }

    /// Makes the system of an EPSG code.
    ///
    /// # Errors
    /// A code that PROJ does not know or cannot bring to WGS 84.
    pub fn from_epsg(code: u32) -> Result<Self, CrsError> {
        match code {
            4326 | 4979 => Ok(Self::WGS84),
            4490 | 4480 => Ok(Self(Kind::LonLat("EPSG:4490"))),
            _ => Self::through_proj(&format!("EPSG:{code}")),
        }
    }

    /// Returns whether coordinates of this system are positions as they stand.
    pub fn is_lon_lat(&self) -> bool {
        matches!(self.0, Kind::LonLat(_))
    }

    /// Returns how many metres one unit of the system's plane is; none where coordinates are angles.
    pub fn plane_unit_m(&self) -> Option<f64> {
        match &self.0 {
            Kind::Proj(definition) => pool::with_transform(definition, |transform| transform.unit_m).ok()?,
            Kind::LonLat(_) | Kind::Gcj02 | Kind::Bd09 => None,
        }
    }

    /// Brings one coordinate to degrees WGS 84. Results that differ from the input by rounding alone are the input.
    ///
    /// # Errors
    /// A coordinate that is not finite or lies outside what the system can express.
    pub fn to_wgs84(&self, coord: Coord<f64>) -> Result<Coord<f64>, CrsError> {
        let mut one = [coord];
        self.all_to_wgs84(&mut one)?;
        Ok(one[0])
    }

    /// Brings many coordinates to degrees WGS 84 in place; quicker than one by one.
    ///
    /// # Errors
    /// The first coordinate that fails, as [`Crs::to_wgs84`]; those before it are converted already.
    pub fn all_to_wgs84(&self, coords: &mut [Coord<f64>]) -> Result<(), CrsError> {
        match &self.0 {
            Kind::LonLat(_) => coords.iter_mut().try_for_each(|c| self.put(c, *c)),
            Kind::Gcj02 => coords.iter_mut().try_for_each(|c| self.put(c, offset::gcj02_to_wgs84(*c))),
            Kind::Bd09 => coords.iter_mut().try_for_each(|c| self.put(c, offset::bd09_to_wgs84(*c))),
            Kind::Proj(definition) => pool::with_transform(definition, |transform| {
                coords.iter_mut().try_for_each(|c| {
                    let position = transform.to_wgs84(*c).ok_or_else(|| self.bad_position(*c))?;
                    self.put(c, keep_unless_moved(*c, position))
                })
            })?,
        }
    }

    /// Brings a position in degrees WGS 84 to this system.
    ///
    /// # Errors
    /// A position that the system cannot express.
    pub fn project(&self, position: Coord<f64>) -> Result<Coord<f64>, CrsError> {
        let coord = match &self.0 {
            Kind::LonLat(_) => Some(position),
            Kind::Gcj02 => Some(offset::wgs84_to_gcj02(position)),
            Kind::Bd09 => Some(offset::wgs84_to_bd09(position)),
            Kind::Proj(definition) => pool::with_transform(definition, |transform| transform.project(position))?,
        };
        coord.filter(|c| c.x.is_finite() && c.y.is_finite()).ok_or_else(|| self.bad_position(position))
    }

    fn through_proj(definition: &str) -> Result<Self, CrsError> {
        pool::with_transform(definition, |_| ())?;
        Ok(Self(Kind::Proj(definition.into())))
    }

    fn put(&self, slot: &mut Coord<f64>, position: Coord<f64>) -> Result<(), CrsError> {
        if !((-180.0..=180.0).contains(&position.x) && (-90.0..=90.0).contains(&position.y)) {
            return Err(self.bad_position(*slot));
        }
        *slot = position;
        Ok(())
    }

    fn bad_position(&self, coord: Coord<f64>) -> CrsError {
        CrsError::Position { x: coord.x, y: coord.y, crs: self.to_string() }
    }
}

/// `EPSG:n`, or the name that WKT carries in front.
impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::LonLat(name) => f.write_str(name),
            Kind::Gcj02 => f.write_str("GCJ02"),
            Kind::Bd09 => f.write_str("BD09"),
            Kind::Proj(definition) => match definition.split('"').nth(1) {
                Some(name) => write!(f, "{name} (WKT)"),
                None => f.write_str(definition),
            },
        }
    }
}

/// A system in degrees whose way to WGS 84 is no way at all still goes through radians and back, which costs the last
/// bit. Positions that come out within a micrometre of the input are kept as they were given.
fn keep_unless_moved(given: Coord<f64>, position: Coord<f64>) -> Coord<f64> {
    const ROUNDING_DEG: f64 = 1e-11;
    let moved = (given.x - position.x).abs().max((given.y - position.y).abs());
    if moved < ROUNDING_DEG { given } else { position }
}

fn epsg_code(text: &str) -> Option<u32> {
    let upper = text.to_ascii_uppercase();
    let at = upper.find("EPSG")?;
    let is_reference = at == 0 || upper.starts_with("URN:OGC:DEF:CRS:") || upper.starts_with("HTTP");
    let code = upper.rsplit([':', '/', '#']).next()?;
    (is_reference && !upper.contains('[')).then(|| code.parse().ok())?
}

fn is_wkt(text: &str) -> bool {
    const HEADS: [&str; 12] = [
        "PROJCS",
        "GEOGCS",
        "GEOCCS",
        "COMPD_CS",
        "PROJCRS",
        "PROJECTEDCRS",
        "GEOGCRS",
        "GEOGRAPHICCRS",
        "GEODCRS",
        "GEODETICCRS",
        "BOUNDCRS",
        "COMPOUNDCRS",
    ];
    let head: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>().to_ascii_uppercase();
    HEADS.contains(&head.as_str()) && text.contains(['[', '('])
}

/// Error messages show the beginning of a long text, not all of it.
fn shorten(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_system_has_many_spellings() {
        for (text, name) in [
            ("EPSG:4546", "EPSG:4546"),
            ("epsg:4326", "EPSG:4326"),
            ("urn:ogc:def:crs:EPSG::4490", "EPSG:4490"),
            ("urn:ogc:def:crs:EPSG:6.9:4546", "EPSG:4546"),
            ("http://www.opengis.net/def/crs/EPSG/0/4546", "EPSG:4546"),
            ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
            ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:4326"),
            ("gcj-02", "GCJ02"),
            ("BD09", "BD09"),
        ] {
            assert_eq!(Crs::parse(text).map(|crs| crs.to_string()), Ok(name.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_system_is_told_so() {
        for text in ["", "4546", "EPSG:", "EPSG:x", "+proj=longlat", "/etc/passwd", "init=epsg:4326"] {
            assert!(matches!(Crs::parse(text), Err(CrsError::Form { .. })), "{text}");
        }
        assert!(matches!(Crs::parse("EPSG:999999"), Err(CrsError::UnknownCode { .. })));
        // A height system has no way to positions.
        assert!(matches!(Crs::parse("EPSG:5703"), Err(CrsError::Unknown { .. })));
    }

    #[test]
    fn easting_comes_first_and_comes_back() {
        let crs = Crs::parse("EPSG:4546").unwrap();
        let seat = Coord { x: 111.6184, y: 26.2225 };
        let plane = crs.project(seat).unwrap();
        assert!((plane.x - 561_796.435).abs() < 1e-3 && (plane.y - 2_901_632.639).abs() < 1e-3, "{plane:?}");
        let back = crs.to_wgs84(plane).unwrap();
        assert!((back.x - seat.x).abs() < 1e-10 && (back.y - seat.y).abs() < 1e-10);
    }

    #[test]
    fn a_plane_knows_its_unit() {
        for (text, unit_m) in [("EPSG:4546", Some(1.0)), ("EPSG:2232", Some(1200.0 / 3937.0)), ("EPSG:4269", None), ("GCJ02", None)] {
            let found = Crs::parse(text).unwrap().plane_unit_m();
            assert!(found.zip(unit_m).map_or(found == unit_m, |(a, b)| (a - b).abs() < 1e-12), "{text} {found:?}");
        }
    }

    #[test]
    fn degrees_of_cgcs2000_are_kept_to_the_last_bit() {
        let esri = r#"GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;
        let position = Coord { x: 111.618_400_000_000_07, y: 26.222_500_000_000_03 };
        for text in ["EPSG:4490", esri] {
            assert_eq!(Crs::parse(text).unwrap().to_wgs84(position), Ok(position), "{text}");
        }
    }

    #[test]
    fn a_position_out_of_range_is_an_error() {
        for (text, x, y) in [("EPSG:4326", 361.0, 0.0), ("EPSG:4326", f64::NAN, 0.0), ("EPSG:4546", 1e30, 1e30), ("GCJ02", 1.0, 100.0)] {
            let result = Crs::parse(text).unwrap().to_wgs84(Coord { x, y });
            assert!(matches!(result, Err(CrsError::Position { .. })), "{text} {x} {y} {result:?}");
        }
    }
}
