use geo_types::Coord;

use crate::api::query::{FromQuery, Values};
use crate::boundary::Position;
use crate::import::{wgs84_to_bd09, wgs84_to_gcj02};

/// An offset under which some basemaps are drawn. Never a reference system of the answers: only pictures are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileShift {
    Gcj02,
    Bd09,
}

impl TileShift {
    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "gcj02" => Ok(Self::Gcj02),
            "bd09" => Ok(Self::Bd09),
            _ => Err(format!("{name:?} is not one of gcj02, bd09")),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gcj02 => "gcj02",
            Self::Bd09 => "bd09",
        }
    }

    /// Moves a position by the public formula.
    pub fn apply(self, position: Position) -> Position {
        let coord = Coord::from(position);
        let moved = match self {
            Self::Gcj02 => wgs84_to_gcj02(coord),
            Self::Bd09 => wgs84_to_bd09(coord),
        };
        Position { lon: moved.x, lat: moved.y }
    }
}

/// The parameter of maps that can be moved.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShiftQuery {
    /// Moves the geometry by the public formula, for basemaps drawn with that offset.
    #[param(pattern = "^(gcj02|bd09)$", value_type = Option<String>)]
    pub shift: Option<TileShift>,
}

impl ShiftQuery {
    /// Returns the parameter as it stands in an address, behind an `&`.
    pub fn to_pairs(&self) -> String {
        self.shift.map(|shift| format!("&shift={}", shift.as_str())).unwrap_or_default()
    }
}

impl FromQuery for ShiftQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { shift: values.optional("shift", TileShift::parse) })
    }
}
