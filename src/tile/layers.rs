use serde::Deserialize;

use super::address::ZOOM_MAX;
use crate::boundary::Layer;

/// What tiles carry, level by level. The written form is `tiles/layers.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct TileLayers {
    pub max_zoom: u8,
    levels: Vec<NamedLevel>,
    borders: Option<BorderTiles>,
    incidents: ClusterTiles,
}

/// A description of tiles that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TileLayersError {
    #[error("cannot read the description of the tiles")]
    Read(#[source] Box<toml::de::Error>),
    #[error("the tiles' max_zoom {0} is above {ZOOM_MAX}, the highest whose grid fits 32 bits")]
    MaxZoom(u8),
    #[error("the tiles of {level} name the zoom {zoom}, above the max_zoom {max_zoom}")]
    Zoom { level: String, zoom: u8, max_zoom: u8 },
    #[error("the tiles of {level} are drawn from zoom {min_zoom} to {max_zoom}, which is no zoom at all")]
    Range { level: String, min_zoom: u8, max_zoom: u8 },
    #[error("the tiles of {level} have the field {field} twice")]
    Field { level: String, field: String },
    #[error("the tiles of incidents have {0} squares along each side, which is no power of two from 1 to 256")]
    Squares(u32),
    #[error("the description of the tiles names no level")]
    NoLevel,
}

#[derive(Clone, Debug, PartialEq)]
struct NamedLevel {
    name: String,
    tiles: LevelTiles,
}

/// How one level is drawn: from `min_zoom` on, each field from its own.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelTiles {
    pub min_zoom: u8,
    pub max_zoom: u8,
    /// From here to below `min_zoom` the level's layer holds the areas of the finest coarser level that is drawn.
    pub dissolve_zoom: Option<u8>,
    /// Whether names stand in a layer of their own.
    pub labels: bool,
    pub fields: Vec<(TileField, u8)>,
}

/// How border lines are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BorderTiles {
    pub min_zoom: u8,
    /// From here on each line says which units lie on its sides.
    pub sides_min_zoom: u8,
}

/// How points are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterTiles {
    pub min_zoom: u8,
    /// The last zoom at which points of one square are one feature.
    pub clusters_max_zoom: u8,
    /// Squares along each side of a tile, a power of two.
    pub squares: u32,
    /// Points of a nearer tile that each stand by itself; where there are more, those of one fine square are one feature.
    #[serde(default = "ClusterTiles::alone_max")]
    pub alone_max: usize,
    /// Fine squares along each side of such a tile, a power of two.
    #[serde(default = "ClusterTiles::fine_squares")]
    pub fine_squares: u32,
}

impl ClusterTiles {
    /// Points are gathered up to a zoom by eight squares along each side of a tile.
    pub const fn up_to(clusters_max_zoom: u8) -> Self {
        Self { min_zoom: 0, clusters_max_zoom, squares: 8, alone_max: Self::alone_max(), fine_squares: Self::fine_squares() }
    }

    const fn alone_max() -> usize {
        1_000
    }

    /// At zoom 16 such a square is some ten metres wide, as what stands at one door.
    const fn fine_squares() -> u32 {
        64
    }
}

/// What a feature of a tile can say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TileField {
    Code,
    Name,
    Parent,
    /// A property of the unit, under a name of its own.
    Property {
        name: String,
        property: String,
    },
    /// Of a border: the coarsest level that it separates; of a dissolved area: the level that it is of.
    Level,
    /// The place of that level in the layer, 0 being the coarsest.
    Depth,
    /// The code of the unit of that level on the left of a border, looking along it.
    Left,
    Right,
}

impl TileField {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Code => "code",
            Self::Name => "name",
            Self::Parent => "parent",
            Self::Property { name, .. } => name,
            Self::Level => "level",
            Self::Depth => "depth",
            Self::Left => "left",
            Self::Right => "right",
        }
    }

    /// Says what the field holds.
    pub fn about(&self) -> &str {
        match self {
            Self::Code => "official code",
            Self::Name => "name",
            Self::Parent => "code of the unit that holds it",
            Self::Property { .. } => "property of the unit",
            Self::Level => "the coarsest level that a border separates, or the level that an area is of",
            Self::Depth => "the place of that level in the layer, 0 being the coarsest",
            Self::Left => "code of the unit on the left, looking along the line",
            Self::Right => "code of the unit on the right, looking along the line",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    max_zoom: u8,
    level: Vec<WrittenLevel>,
    borders: Option<BorderTiles>,
    incidents: Option<ClusterTiles>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLevel {
    name: String,
    min_zoom: u8,
    max_zoom: Option<u8>,
    dissolve_zoom: Option<u8>,
    labels: Option<bool>,
    fields: Vec<WrittenField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    name: String,
    /// The property of the unit that is meant, where it is called otherwise.
    property: Option<String>,
    min_zoom: u8,
}

impl TileLayers {
    /// Reads a description as `tiles/layers.toml` has it.
    ///
    /// # Errors
    /// What is not TOML of that form, and zooms that cannot be.
    pub fn parse(toml: &str) -> Result<Self, TileLayersError> {
        let written: Written = toml::from_str(toml).map_err(|error| TileLayersError::Read(Box::new(error)))?;
        if written.max_zoom > ZOOM_MAX {
            return Err(TileLayersError::MaxZoom(written.max_zoom));
        }
        if written.level.is_empty() {
            return Err(TileLayersError::NoLevel);
        }
        let max_zoom = written.max_zoom;
        let levels = written.level.into_iter().map(|level| level.resolve(max_zoom)).collect::<Result<_, _>>()?;
        if let Some(borders) = written.borders.filter(|borders| borders.min_zoom.max(borders.sides_min_zoom) > max_zoom) {
            let zoom = borders.min_zoom.max(borders.sides_min_zoom);
            return Err(TileLayersError::Zoom { level: "borders".to_owned(), zoom, max_zoom });
        }
        let incidents = written.incidents.unwrap_or(ClusterTiles::up_to(max_zoom.saturating_sub(1)));
        let zoom = incidents.min_zoom.max(incidents.clusters_max_zoom);
        if zoom > max_zoom {
            return Err(TileLayersError::Zoom { level: "incidents".to_owned(), zoom, max_zoom });
        }
        let is_wrong = |squares: &u32| !(1..=256).contains(squares) || !squares.is_power_of_two();
        if let Some(squares) = [incidents.squares, incidents.fine_squares].into_iter().find(is_wrong) {
            return Err(TileLayersError::Squares(squares));
        }
        Ok(Self { max_zoom, levels, borders: written.borders, incidents })
    }

    /// Returns how border lines are drawn, where they are.
    pub fn borders(&self) -> Option<BorderTiles> {
        self.borders
    }

    /// Returns how incidents are gathered.
    pub fn incidents(&self) -> ClusterTiles {
        self.incidents
    }

    /// Returns the zoom from which each level of `layer` is drawn, coarse to fine.
    pub fn min_zooms(&self, layer: &Layer) -> Vec<u8> {
        self.for_layer(layer).iter().map(|level| level.min_zoom).collect()
    }

    /// Returns how each level of `layer` is drawn, coarse to fine.
    pub(super) fn for_layer(&self, layer: &Layer) -> Vec<LevelTiles> {
        let count = layer.levels.len();
        (0..count).map(|depth| self.for_level(layer.levels[depth].as_str(), count - 1 - depth)).collect()
    }

    fn for_level(&self, name: &str, above_finest: usize) -> LevelTiles {
        let by_rank = || self.levels.iter().rev().nth(above_finest).or_else(|| self.levels.first());
        let named = self.levels.iter().find(|level| level.name == name).or_else(by_rank);
        named.expect("parsing refuses a description without levels").tiles.clone()
    }
}

impl Default for TileLayers {
    /// Returns what `tiles/layers.toml` says.
    fn default() -> Self {
        Self::parse(include_str!("../../tiles/layers.toml")).expect("the description shipped with the program is sound, as a test shows")
    }
}

impl WrittenLevel {
    fn resolve(self, max_zoom: u8) -> Result<NamedLevel, TileLayersError> {
        let zooms = self.fields.iter().map(|field| field.min_zoom).chain([self.min_zoom]).chain(self.max_zoom).chain(self.dissolve_zoom);
        if let Some(zoom) = zooms.max().filter(|zoom| *zoom > max_zoom) {
            return Err(TileLayersError::Zoom { level: self.name, zoom, max_zoom });
        }
        let (min_zoom, max_zoom) = (self.min_zoom, self.max_zoom.unwrap_or(max_zoom));
        if max_zoom < min_zoom {
            return Err(TileLayersError::Range { level: self.name, min_zoom, max_zoom });
        }
        let fields: Vec<(TileField, u8)> = self.fields.into_iter().map(WrittenField::resolve).collect();
        for (at, (field, _)) in fields.iter().enumerate() {
            if fields[..at].iter().any(|(other, _)| other.as_str() == field.as_str()) {
                return Err(TileLayersError::Field { level: self.name, field: field.as_str().to_owned() });
            }
        }
        let tiles = LevelTiles { min_zoom, max_zoom, dissolve_zoom: self.dissolve_zoom, labels: self.labels.unwrap_or(true), fields };
        Ok(NamedLevel { name: self.name, tiles })
    }
}

impl WrittenField {
    fn resolve(self) -> (TileField, u8) {
        let field = match (self.name.as_str(), self.property) {
            ("code", None) => TileField::Code,
            ("name", None) => TileField::Name,
            ("parent", None) => TileField::Parent,
            (_, property) => TileField::Property { property: property.unwrap_or_else(|| self.name.clone()), name: self.name },
        };
        (field, self.min_zoom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::{LayerName, Level};

    fn layer(levels: &[&str]) -> Layer {
        let levels = levels.iter().map(|level| Level::parse(level).unwrap()).collect();
        Layer { name: LayerName::parse("grid").unwrap(), levels, scheme: None }
    }

    #[test]
    fn finer_levels_are_drawn_from_nearer_zooms() {
        let zooms =
            |levels: &[&str]| -> Vec<u8> { TileLayers::default().for_layer(&layer(levels)).iter().map(|level| level.min_zoom).collect() };
        assert_eq!(zooms(&["district", "street", "community", "grid"]), [0, 8, 10, 12]);
        assert_eq!(zooms(&["precinct", "beat"]), [10, 12], "unnamed levels go by their rank from the finest");
        assert_eq!(zooms(&["a", "b", "c", "d", "e"]), [0, 0, 8, 10, 12]);
    }

    #[test]
    fn a_wrong_description_is_refused() {
        assert!(matches!(TileLayers::parse("max_zoom = 18\nlevel = []"), Err(TileLayersError::MaxZoom(18))));
        assert!(matches!(TileLayers::parse("max_zoom = 9\nlevel = []"), Err(TileLayersError::NoLevel)));
        let late = "max_zoom = 9\n[[level]]\nname = \"a\"\nmin_zoom = 10\nfields = []";
        assert!(matches!(TileLayers::parse(late), Err(TileLayersError::Zoom { zoom: 10, .. })));
        let none = "max_zoom = 9\n[[level]]\nname = \"a\"\nmin_zoom = 6\nmax_zoom = 5\nfields = []";
        assert!(matches!(TileLayers::parse(none), Err(TileLayersError::Range { min_zoom: 6, max_zoom: 5, .. })));
        let field = "{ name = \"b\", min_zoom = 1 }";
        let twice = format!("max_zoom = 9\n[[level]]\nname = \"a\"\nmin_zoom = 6\nfields = [{field}, {field}]");
        assert!(matches!(TileLayers::parse(&twice), Err(TileLayersError::Field { .. })));
        let borders = "max_zoom = 9\n[borders]\nmin_zoom = 0\nsides_min_zoom = 10\n[[level]]\nname = \"a\"\nmin_zoom = 6\nfields = []";
        assert!(matches!(TileLayers::parse(borders), Err(TileLayersError::Zoom { zoom: 10, .. })));
        let level = "[[level]]\nname = \"a\"\nmin_zoom = 6\nfields = []";
        let incidents = |zoom: u8, squares: u32| {
            let text = format!("max_zoom = 9\n[incidents]\nmin_zoom = 0\nclusters_max_zoom = {zoom}\nsquares = {squares}\n{level}");
            TileLayers::parse(&text)
        };
        assert!(incidents(9, 8).is_ok());
        assert!(matches!(incidents(10, 8), Err(TileLayersError::Zoom { zoom: 10, .. })));
        assert!(matches!(incidents(9, 6), Err(TileLayersError::Squares(6))));
        let fine = format!("max_zoom = 9\n[incidents]\nmin_zoom = 0\nclusters_max_zoom = 8\nsquares = 8\nfine_squares = 512\n{level}");
        assert!(matches!(TileLayers::parse(&fine), Err(TileLayersError::Squares(512))));
        assert!(matches!(TileLayers::parse("max_zoom = 9"), Err(TileLayersError::Read(_))));
    }
}
