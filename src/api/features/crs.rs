use geo_types::Coord;

use crate::import::{Crs, CrsError};

/// The coordinate reference system of every position that is sent unless another is asked for: degrees, longitude first.
pub const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";

/// The first of the 3-degree zones of CGCS2000 (central meridian 75° E) and the last (135° E), by EPSG code.
const ZONES: std::ops::RangeInclusive<u32> = 4534..=4554;

/// A reference system in which geometry is taken and sent, with its axes in the order of its authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireCrs {
    /// None is CRS84.
    epsg: Option<u32>,
    crs: Crs,
}

impl WireCrs {
    pub const CRS84: Self = Self { epsg: None, crs: Crs::WGS84 };

    /// Reads the address of a system, or its name in brackets, such as `[EPSG:4326]`.
    ///
    /// # Errors
    /// Names the systems that there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let unknown =
            || format!("{text:?} is none of the reference systems that the collection lists under crs, such as {}", uri_of(Some(4326)));
        let plain = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .and_then(|rest| rest.strip_prefix("www.opengis.net/def/crs/"));
        let curie = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let epsg = match (plain, curie) {
            (Some("OGC/1.3/CRS84" | "OGC/0/CRS84"), _) | (_, Some("OGC:CRS84")) => None,
            (Some(path), _) => Some(path.strip_prefix("EPSG/0/").and_then(|code| code.parse().ok()).ok_or_else(unknown)?),
            (_, Some(name)) => Some(name.strip_prefix("EPSG:").and_then(|code| code.parse().ok()).ok_or_else(unknown)?),
            (None, None) => return Err(unknown()),
        };
        match epsg {
            None => Ok(Self::CRS84),
            Some(code) if codes().any(|known| known == code) => Ok(Self { epsg, crs: Crs::from_epsg(code).map_err(|e| e.to_string())? }),
            Some(_) => Err(unknown()),
        }
    }

    /// Returns the address of the system.
    pub fn uri(&self) -> String {
        uri_of(self.epsg)
    }

    /// Returns the code by which files name the system: that of degrees for CRS84, as files have longitude first anyway.
    pub fn epsg(&self) -> u32 {
        self.epsg.unwrap_or(4326)
    }

    /// Brings a position to the system as files have it: easting or longitude first, whatever the authority says.
    ///
    /// # Errors
    /// A position that the system cannot express.
    pub fn to_plane(&self, position: Coord<f64>) -> Result<Coord<f64>, CrsError> {
        self.crs.project(position)
    }

    pub fn is_crs84(&self) -> bool {
        self.epsg.is_none()
    }

    /// Whether coordinates are degrees, so that boxes stay boxes.
    pub fn is_degrees(&self) -> bool {
        self.crs.is_lon_lat()
    }

    /// Brings a position to the system, in the order of its axes.
    ///
    /// # Errors
    /// A position that the system cannot express.
    pub fn to_wire(&self, position: Coord<f64>) -> Result<Coord<f64>, CrsError> {
        self.crs.project(position).map(|coord| self.turn(coord))
    }

    /// Brings coordinates in the order of the system's axes to longitude and latitude.
    ///
    /// # Errors
    /// Coordinates that lie outside what the system can express.
    pub fn to_position(&self, coord: Coord<f64>) -> Result<Coord<f64>, CrsError> {
        // Degrees are taken as they stand: what is out of range is told where the filter or the box is checked.
        if self.is_degrees() { Ok(self.turn(coord)) } else { self.crs.to_wgs84(self.turn(coord)) }
    }

    /// Changes between longitude or easting first and the order of the authority; north comes first in all but two.
    pub fn turn(&self, coord: Coord<f64>) -> Coord<f64> {
        match self.epsg {
            None | Some(3857) => coord,
            Some(_) => Coord { x: coord.y, y: coord.x },
        }
    }
}

/// Returns the addresses of all systems, that of the store first.
pub fn crs_uris() -> Vec<String> {
    std::iter::once(None).chain(codes().map(Some)).map(uri_of).collect()
}

/// EPSG codes: degrees of WGS 84, the web's square, degrees of CGCS2000, and its 3-degree zones.
fn codes() -> impl Iterator<Item = u32> {
    [4326, 3857, 4490].into_iter().chain(ZONES)
}

fn uri_of(epsg: Option<u32>) -> String {
    epsg.map_or_else(|| CRS84.to_owned(), |code| format!("http://www.opengis.net/def/crs/EPSG/0/{code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_known_by_its_address_and_keeps_its_order_of_axes() {
        let seat = Coord { x: 111.6184, y: 26.2225 };
        for (text, first, second) in [
            (CRS84, 111.6184, 26.2225),
            ("http://www.opengis.net/def/crs/EPSG/0/4326", 26.2225, 111.6184),
            ("[EPSG:4490]", 26.2225, 111.6184),
            ("[EPSG:4546]", 2_901_632.639, 561_796.435),
            ("https://www.opengis.net/def/crs/EPSG/0/3857", 12_425_303.5, 3_027_316.5),
        ] {
            let crs = WireCrs::parse(text).unwrap();
            let sent = crs.to_wire(seat).unwrap();
            let close = |a: f64, b: f64| (a - b).abs() < b * 1e-3;
            assert!(close(sent.x, first) && close(sent.y, second), "{text} {sent:?}");
            let back = crs.to_position(sent).unwrap();
            assert!((back.x - seat.x).abs() < 1e-9 && (back.y - seat.y).abs() < 1e-9, "{text}");
            assert_eq!(WireCrs::parse(&crs.uri()), Ok(crs));
        }
        for bad in ["", "EPSG:4326", "[EPSG:2326]", "http://www.opengis.net/def/crs/EPSG/0/4555", "[EPSG:4326", CRS84.trim_end_matches('4')]
        {
            assert!(WireCrs::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(crs_uris().len(), 25);
    }
}
