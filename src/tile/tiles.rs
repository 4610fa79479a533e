use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fast_mvt::MvtError;
use geo::MapCoordsInPlace;
use geo_types::Coord;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::address::{BUFFER, EXTENT, TileAddress, grid_size, to_world};
use super::clip::{GridRect, clip};
use super::encode::{TileFeature, TileShape, encode};
use super::label::label_point;
use super::layers::{LevelTiles, TileField, TileLayers};
use super::simplify::RankedArcs;
use super::zoom::{UnitOnGrid, ZoomGeometry};
use crate::boundary::Position;
use crate::topology::{UnitIndex, ValidCoverage};

/// Zooms kept ready. A person zooming in and out meets about this many; each costs about as much memory as the
/// coverage's own coordinates, and is made again within the time of one import step.
const ZOOMS_KEPT: usize = 8;

/// Zooms kept ready of what is seldom drawn: the one that is looked at, and the one before it.
const ZOOMS_KEPT_SELDOM: usize = 2;

/// Moves positions, in degrees, to where a basemap with an offset shows them.
pub type Shift = dyn Fn(Position) -> Position + Send + Sync;

/// The tiles of one layer's generation. Nothing is prepared before the first tile is asked for.
pub struct LayerTiles {
    coverage: Arc<ValidCoverage>,
    levels: Vec<LevelTiles>,
    max_zoom: u8,
    shift: Option<Box<Shift>>,
    /// One list for each depth, in the order of units.
    ids: Vec<Vec<u64>>,
    ranked: OnceLock<RankedArcs>,
    /// Places for names in the Mercator square, one list for each depth.
    labels: Vec<OnceLock<Vec<Option<Coord<f64>>>>>,
    /// Most recently used last.
    zooms: Mutex<Vec<(u8, SharedZoom)>>,
    zooms_kept: usize,
}

type SharedZoom = Arc<OnceLock<ZoomGeometry>>;

/// What one layer of a tile is called and holds, as a TileJSON lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorLayer {
    pub id: String,
    pub min_zoom: u8,
    pub max_zoom: u8,
    pub fields: Vec<TileField>,
}

impl LayerTiles {
    /// Makes the tiles of a coverage as `layers` describes them.
    pub fn build(coverage: Arc<ValidCoverage>, layers: &TileLayers) -> Self {
        Self::new(coverage, layers, None)
    }

    /// Makes tiles whose geometry is moved by `shift`, for basemaps that are drawn with an offset.
    pub fn build_shifted(coverage: Arc<ValidCoverage>, layers: &TileLayers, shift: Box<Shift>) -> Self {
        Self::new(coverage, layers, Some(shift))
    }

    fn new(coverage: Arc<ValidCoverage>, layers: &TileLayers, shift: Option<Box<Shift>>) -> Self {
        let mut levels = layers.for_layer(coverage.layer());
        // The coarsest level that is loaded is drawn from the first zoom on, so that no zoom is empty.
        if let Some(coarsest) = coverage.levels().iter().position(|level| !level.is_empty()) {
            levels[coarsest].min_zoom = 0;
            levels[coarsest].fields.iter_mut().for_each(|(_, zoom)| *zoom = 0);
        }
        let ids = (0..levels.len()).map(|depth| feature_ids(&coverage, depth)).collect();
        let labels = levels.iter().map(|_| OnceLock::new()).collect();
        Self {
            levels,
            max_zoom: layers.max_zoom,
            shift,
            ids,
            ranked: OnceLock::new(),
            labels,
            zooms: Mutex::default(),
            zooms_kept: ZOOMS_KEPT,
            coverage,
        }
    }

    /// Keeps less ready, for tiles that are seldom asked for.
    #[must_use]
    pub fn seldom(self) -> Self {
        Self { zooms_kept: ZOOMS_KEPT_SELDOM, ..self }
    }

    /// Returns the memory that is held beside the coverage, in bytes. It grows with the zooms that are asked for.
    pub fn bytes(&self) -> usize {
        let ids = self.ids.iter().map(|ids| ids.capacity() * size_of::<u64>()).sum::<usize>();
        let labels = self.labels.iter().filter_map(OnceLock::get);
        let labels = labels.map(|places| places.capacity() * size_of::<Option<Coord<f64>>>()).sum::<usize>();
        let zooms = self.zooms.lock().unwrap_or_else(PoisonError::into_inner);
        let zooms = zooms.iter().filter_map(|(_, zoom)| zoom.get()).map(ZoomGeometry::bytes).sum::<usize>();
        ids + labels + zooms + self.ranked.get().map_or(0, RankedArcs::bytes)
    }

    pub fn max_zoom(&self) -> u8 {
        self.max_zoom
    }

    /// Returns a tile as MVT 2.1; none where nothing lies in it or no tiles are made for its zoom.
    ///
    /// The first tile of a zoom rounds all borders to that zoom's grid, which takes a while: call it where waiting is allowed.
    ///
    /// # Errors
    /// A layer that cannot be written, such as a ring of more than 2^29 points.
    pub fn tile(&self, address: TileAddress) -> Result<Option<Vec<u8>>, MvtError> {
        if address.z() > self.max_zoom {
            return Ok(None);
        }
        let zoom = self.zoom(address.z());
        let zoom = zoom.get_or_init(|| self.build_zoom(address.z()));
        let [west, north] = address.origin();
        let reach = GridRect { min: [west - BUFFER, north - BUFFER], max: [west + EXTENT + BUFFER, north + EXTENT + BUFFER] };
        let mut layers = Vec::new();
        for depth in 0..self.levels.len() {
            let Some(level) = zoom.level(depth) else { continue };
            let id = self.layer_id(depth);
            let fields = self.fields_at(depth, address.z());
            let units = level.units_in(reach);
            let areas = units.iter().filter_map(|(unit, shape)| self.area_feature(depth, *unit, shape, reach)).collect();
            layers.push((id.clone(), fields.clone(), areas));
            layers.push((format!("{id}_label"), fields, self.label_features(depth, address)));
        }
        if layers.iter().all(|(_, _, features)| features.is_empty()) {
            return Ok(None);
        }
        encode([west, north], &layers).map(Some)
    }

    /// Returns what the tiles hold, coarse to fine: of each level that is loaded its areas, then its names.
    pub fn vector_layers(&self) -> Vec<VectorLayer> {
        let loaded = (0..self.levels.len()).filter(|depth| !self.coverage.levels()[*depth].is_empty());
        let layers = loaded.flat_map(|depth| {
            let fields: Vec<TileField> = self.levels[depth].fields.iter().map(|(field, _)| *field).collect();
            let id = self.layer_id(depth);
            [id.clone(), format!("{id}_label")].map(|id| VectorLayer {
                id,
                min_zoom: self.levels[depth].min_zoom,
                max_zoom: self.max_zoom,
                fields: fields.clone(),
            })
        });
        layers.collect()
    }

    /// Returns west, south, east and north, degrees, of everything drawn; none where nothing is loaded.
    pub fn bounds(&self) -> Option<[f64; 4]> {
        let arcs = self.coverage.arcs();
        let positions = arcs.ids().flat_map(|arc| arcs.coords(arc)).map(|c| self.shifted(*c));
        positions.fold(None, |bounds: Option<[f64; 4]>, c| {
            let [west, south, east, north] = bounds.unwrap_or([c.x, c.y, c.x, c.y]);
            Some([west.min(c.x), south.min(c.y), east.max(c.x), north.max(c.y)])
        })
    }

    /// Returns the id that a unit's features carry.
    ///
    /// It is made of the last 52 bits of the unit's own id, which are random in a UUID v7, so that it stays with the unit
    /// from one generation to the next and every JavaScript number holds it exactly. Where two units of a level would share
    /// one, the one with the greater code takes the next that is free.
    pub fn feature_id(&self, depth: usize, unit: UnitIndex) -> u64 {
        self.ids[depth][unit.0 as usize]
    }

    /// Returns how many units of a level have no area on the grid of a zoom; of these only the name is drawn.
    pub fn collapsed_count(&self, depth: usize, z: u8) -> usize {
        let zoom = self.zoom(z);
        zoom.get_or_init(|| self.build_zoom(z)).level(depth).map_or(0, super::zoom::ZoomLevel::collapsed_count)
    }

    fn layer_id(&self, depth: usize) -> String {
        let layer = self.coverage.layer();
        layer.collection_id(&layer.levels[depth])
    }

    fn fields_at(&self, depth: usize, z: u8) -> Vec<TileField> {
        self.levels[depth].fields.iter().filter(|(_, from)| *from <= z).map(|(field, _)| *field).collect()
    }

    fn area_feature(&self, depth: usize, unit: UnitIndex, shape: &UnitOnGrid, reach: GridRect) -> Option<TileFeature<'_>> {
        let polygons = match shape.rect {
            Some(rect) if reach.contains(rect) => shape.polygons.clone(),
            _ => clip(&shape.polygons, reach),
        };
        (!polygons.is_empty()).then(|| self.feature(depth, unit, TileShape::Polygons(polygons)))
    }

    /// Returns the names whose place lies in the tile itself, so that each stands in exactly one tile.
    fn label_features(&self, depth: usize, address: TileAddress) -> Vec<TileFeature<'_>> {
        let size = grid_size(address.z());
        let [west, north] = address.origin();
        let labels = self.labels[depth].get_or_init(|| self.build_labels(depth));
        let placed = self.coverage.levels()[depth].indices().zip(labels).filter_map(|(unit, place)| {
            let place = (*place)? * size;
            #[expect(clippy::cast_possible_truncation, reason = "the grid of the highest zoom has 2^29 units a side")]
            let point = [place.x.floor() as i32, place.y.floor() as i32];
            let inside = (west..west + EXTENT).contains(&point[0]) && (north..north + EXTENT).contains(&point[1]);
            inside.then(|| self.feature(depth, unit, TileShape::Point(point)))
        });
        placed.collect()
    }

    fn feature(&self, depth: usize, unit: UnitIndex, shape: TileShape) -> TileFeature<'_> {
        TileFeature { id: self.feature_id(depth, unit), unit: self.coverage.levels()[depth].unit(unit), shape }
    }

    fn shifted(&self, c: Coord<f64>) -> Coord<f64> {
        match &self.shift {
            Some(shift) => shift(Position { lon: c.x, lat: c.y }).into(),
            None => c,
        }
    }

    fn zoom(&self, z: u8) -> SharedZoom {
        let mut zooms = self.zooms.lock().unwrap_or_else(PoisonError::into_inner);
        let found = zooms.iter().position(|(kept, _)| *kept == z);
        let zoom = found.map(|at| zooms.remove(at).1).unwrap_or_default();
        if zooms.len() >= self.zooms_kept {
            zooms.remove(0);
        }
        zooms.push((z, zoom.clone()));
        zoom
    }

    fn build_zoom(&self, z: u8) -> ZoomGeometry {
        let project = |c| to_world(self.shifted(c));
        let ranked = self.ranked.get_or_init(|| RankedArcs::build(self.coverage.arcs(), &project));
        let levels = self.coverage.levels().iter().zip(&self.levels);
        let is_drawn: Vec<bool> = levels.map(|(level, tiles)| !level.is_empty() && tiles.min_zoom <= z).collect();
        ZoomGeometry::build(&self.coverage, ranked, z, &is_drawn, z == self.max_zoom)
    }

    fn build_labels(&self, depth: usize) -> Vec<Option<Coord<f64>>> {
        let units: Vec<UnitIndex> = self.coverage.levels()[depth].indices().collect();
        let place = |unit: UnitIndex| {
            let mut geometry = self.coverage.to_geometry(depth, unit);
            geometry.map_coords_in_place(|c| to_world(self.shifted(c)));
            label_point(&geometry)
        };
        units.into_par_iter().map(place).collect()
    }
}

impl fmt::Debug for LayerTiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerTiles").field("layer", &self.coverage.layer().name).finish_non_exhaustive()
    }
}

fn feature_ids(coverage: &ValidCoverage, depth: usize) -> Vec<u64> {
    const BITS: u64 = (1 << 52) - 1;
    let units = coverage.levels()[depth].units();
    let mut taken = FxHashSet::with_capacity_and_hasher(units.len(), rustc_hash::FxBuildHasher);
    let own = |uuid: uuid::Uuid| uuid.as_u64_pair().1 & BITS;
    units
        .iter()
        .map(|unit| {
            let mut id = own(unit.id.0);
            while !taken.insert(id) {
                id = (id + 1) & BITS;
            }
            id
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::town;

    #[test]
    fn a_coverage_that_followed_changes_has_the_same_tiles_as_one_made_anew() {
        let mut compared = 0;
        for seed in 0..6 {
            let mut town = town::Town::new(seed);
            let before = town.shapes();
            let gaps = crate::boundary::Accepted { gap: true, ..Default::default() };
            let Some(base) = town::check_all(before.clone(), gaps).coverage else { continue };
            (0..2).for_each(|_| town.edit());
            let after = town.shapes();
            let Some(fresh) = town::check_all(after.clone(), gaps).coverage else { continue };
            let Ok(patched) = base.patched(&town::layer(), town::delta(&before, &after), fresh.accepted()) else { continue };
            let tiles = [patched.coverage, fresh].map(|coverage| LayerTiles::build(Arc::new(coverage), &TileLayers::default()));
            // The town lies north-east of where the equator meets Greenwich, in the corner of one tile of each zoom.
            for z in [6, 11, 13, 14] {
                let middle = 1 << (z - 1);
                for (x, y) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
                    let address = TileAddress::new(z, middle + x, middle - y).unwrap();
                    let [found, expected] = [&tiles[0], &tiles[1]].map(|tiles| tiles.tile(address).unwrap());
                    assert_eq!(found, expected, "{z} {x} {y}");
                    compared += usize::from(expected.is_some());
                }
            }
        }
        assert!(compared > 20, "{compared} tiles compared");
    }
}
