use geo_types::Coord;

/// A place on the earth.
///
/// # Units
/// Degrees, WGS 84 (EPSG:4326), longitude first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    pub lon: f64,
    pub lat: f64,
}

/// Why two numbers are no position.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PositionError {
    #[error("longitude {} is not a finite number of degrees from -180 to 180", brief(*.0))]
    Longitude(f64),
    #[error("latitude {} is not a finite number of degrees from -90 to 90", brief(*.0))]
    Latitude(f64),
}

/// From where on numbers are written with an exponent: no coordinate in metres is as large, and 300 digits are not read by anybody.
const LONG_FROM: f64 = 1e15;

/// Writes a coordinate for a message.
pub fn brief(number: f64) -> String {
    if number.abs() < LONG_FROM { number.to_string() } else { format!("{number:e}") }
}

impl Position {
    /// Makes a position of two finite numbers in range.
    ///
    /// # Errors
    /// Names the number that is out of range or not finite.
    pub fn new(lon: f64, lat: f64) -> Result<Self, PositionError> {
        if !(-180.0..=180.0).contains(&lon) {
            return Err(PositionError::Longitude(lon));
        }
        if !(-90.0..=90.0).contains(&lat) {
            return Err(PositionError::Latitude(lat));
        }
        Ok(Self { lon, lat })
    }
}

impl From<Position> for Coord<f64> {
    fn from(position: Position) -> Self {
        Coord { x: position.lon, y: position.lat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_finite_and_in_range() {
        assert!(Position::new(111.6, 26.2).is_ok());
        assert!(Position::new(180.0, -90.0).is_ok());
        assert!(matches!(Position::new(f64::NAN, 0.0), Err(PositionError::Longitude(_))));
        assert!(matches!(Position::new(0.0, 90.1), Err(PositionError::Latitude(_))));
    }

    #[test]
    fn a_number_that_is_no_coordinate_is_told_briefly() {
        let told = |lon: f64| Position::new(lon, 0.0).unwrap_err().to_string();
        assert_eq!(told(1e308), "longitude 1e308 is not a finite number of degrees from -180 to 180");
        assert_eq!(told(-180.5), "longitude -180.5 is not a finite number of degrees from -180 to 180");
        assert!(told(f64::INFINITY).starts_with("longitude inf "));
    }
}
