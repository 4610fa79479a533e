use fast_mvt::{MvtCoord, MvtError, MvtGeomType, MvtLayerBuilder, MvtTileBuilder, MvtValueRef};

use super::address::EXTENT;
use super::layers::TileField;
use super::ring::GridPolygon;
use super::snap::GridPoint;
use crate::boundary::Unit;

/// A feature before it is written.
pub(super) struct TileFeature<'a> {
    pub id: u64,
    pub unit: &'a Unit,
    pub shape: TileShape,
}

/// A place on the zoom's grid.
pub(super) enum TileShape {
    Polygons(Vec<GridPolygon>),
    Point(GridPoint),
}

/// Writes layers of features as a tile with its north-west corner at `origin`; MVT 2.1.
///
/// # Errors
/// A layer without a name, or more than 2^29 points in one ring.
pub(super) fn encode(origin: GridPoint, layers: &[(String, Vec<TileField>, Vec<TileFeature<'_>>)]) -> Result<Vec<u8>, MvtError> {
    let mut tile = MvtTileBuilder::new();
    for (name, fields, features) in layers.iter().filter(|(_, _, features)| !features.is_empty()) {
        let mut layer = tile.layer(name.as_str())?;
        layer.extent(EXTENT.unsigned_abs().try_into().expect("the extent is not zero"));
        for feature in features {
            layer = add(layer, origin, fields, feature)?;
        }
        tile = layer.end();
    }
    Ok(tile.encode())
}

fn add(layer: MvtLayerBuilder, origin: GridPoint, fields: &[TileField], feature: &TileFeature<'_>) -> Result<MvtLayerBuilder, MvtError> {
    let local = |point: &GridPoint| MvtCoord { x: point[0] - origin[0], y: point[1] - origin[1] };
    let mut builder = match &feature.shape {
        TileShape::Point(point) => {
            let mut builder = layer.feature_of(MvtGeomType::Point);
            builder.points([local(point)])?;
            builder
        }
        TileShape::Polygons(polygons) => {
            let mut builder = layer.feature_of(MvtGeomType::Polygon);
            for polygon in polygons {
                for (at, ring) in polygon.iter().enumerate() {
                    builder.ring(ring.iter().map(local), at == 0)?;
                }
            }
            builder
        }
    };
    builder.id(Some(feature.id));
    for field in fields {
        let value = match field {
            TileField::Code => Some(feature.unit.code.as_str()),
            TileField::Name => Some(feature.unit.name.as_str()).filter(|name| !name.is_empty()),
            TileField::Parent => feature.unit.parent.as_ref().map(crate::boundary::UnitCode::as_str),
        };
        if let Some(value) = value {
            builder.tag_ref(field.as_str(), MvtValueRef::String(value))?;
        }
    }
    Ok(builder.end())
}
