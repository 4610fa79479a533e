use serde::Deserialize;

use super::address::ZOOM_MAX;
use crate::boundary::Layer;

/// What tiles carry, level by level. The written form is `tiles/layers.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct TileLayers {
    pub max_zoom: u8,
    levels: Vec<NamedLevel>,
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
    pub fields: Vec<(TileField, u8)>,
}

/// What a feature of a tile can say about its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TileField {
    Code,
    Name,
    Parent,
}

impl TileField {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Name => "name",
            Self::Parent => "parent",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    max_zoom: u8,
    level: Vec<WrittenLevel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLevel {
    name: String,
    min_zoom: u8,
    fields: Vec<WrittenField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    name: TileField,
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
        Ok(Self { max_zoom, levels })
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
        let zooms = self.fields.iter().map(|field| field.min_zoom).chain([self.min_zoom]);
        if let Some(zoom) = zooms.max().filter(|zoom| *zoom > max_zoom) {
            return Err(TileLayersError::Zoom { level: self.name, zoom, max_zoom });
        }
        let fields = self.fields.into_iter().map(|field| (field.name, field.min_zoom)).collect();
        Ok(NamedLevel { name: self.name, tiles: LevelTiles { min_zoom: self.min_zoom, fields } })
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
        assert!(matches!(TileLayers::parse("max_zoom = 9"), Err(TileLayersError::Read(_))));
    }
}
