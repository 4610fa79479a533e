use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use geo::MapCoordsInPlace;
use geo_types::Coord;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::address::{BUFFER, EXTENT, Matrix, TileAddress, ZOOM_MAX, grid_size};
use super::borders::Lines;
use super::clip::{GridRect, clip};
use super::figures::UnitFigures;
use super::label::label_point;
use super::layers::{BorderTiles, LevelTiles, TileField, TileLayers};
use super::packed::{PackedIndex, point_rect};
use super::select::{TileChoice, Wanted};
use super::simplify::RankedArcs;
use super::snap::GridPoint;
use super::wire::{Kind, LayerWriter, TileTooLarge, put_run, put_text_value};
use super::words::Words;
use super::zoom::{Shapes, ZoomGeometry, ZoomPlan};
use crate::boundary::Position;
use crate::topology::{UnitIndex, ValidCoverage};

/// Zooms kept ready. A person zooming in and out meets about this many; each costs about as much memory as the
/// coverage's own coordinates, and is made again within the time of one import step.
const ZOOMS_KEPT: usize = 8;

/// Zooms kept ready of what is seldom drawn: the one that is looked at, and the one before it.
const ZOOMS_KEPT_SELDOM: usize = 2;

/// What stands behind a collection's id in the name of the layer with its names.
pub(super) const LABEL_SUFFIX: &str = "_label";

/// What the layer of border lines is called in the layer `grid`, and how its name ends in others.
pub const BORDERS: &str = "borders";

/// Moves positions, in degrees, to where a basemap with an offset shows them.
pub type Shift = dyn Fn(Position) -> Position + Send + Sync;

/// The tiles of one layer's generation. Nothing is prepared before the first tile is asked for.
pub struct LayerTiles {
    pub(super) coverage: Arc<ValidCoverage>,
    pub(super) levels: Vec<LevelTiles>,
    borders: Option<BorderTiles>,
    max_zoom: u8,
    matrix: Matrix,
    shift: Option<Arc<Shift>>,
    /// One list for each depth, in the order of units.
    pub(super) ids: Vec<Vec<u64>>,
    pub(super) ranked: OnceLock<RankedArcs>,
    /// West, south, east and north, degrees, of everything drawn.
    bounds: OnceLock<Option<[f64; 4]>>,
    /// One for each depth.
    pub(super) names: Vec<OnceLock<Names>>,
    /// Most recently used last.
    pub(super) zooms: Mutex<Vec<(u8, SharedZoom)>>,
    zooms_kept: usize,
}

pub(super) type SharedZoom = Arc<OnceLock<ZoomGeometry>>;

/// What the features of a level say, and where their names stand.
#[derive(Debug)]
pub(super) struct Names {
    pub words: Words,
    /// On the grid of [`ZOOM_MAX`]; [`NO_PLACE`] where a unit has no area at all.
    pub places: Vec<GridPoint>,
    index: PackedIndex,
}

/// The field in which areas that stand for a finer level say so.
const LEVEL: &str = "level";

/// What is written of a level: in which tile, with which fields, and which units.
#[derive(Clone, Copy)]
struct Cut<'k, 'a> {
    address: TileAddress,
    keys: &'k [(usize, &'a str)],
    wanted: Wanted<'a>,
}

/// Stands for no place; the world has none so far west.
const NO_PLACE: GridPoint = [i32::MIN; 2];

/// What one layer of a tile is called and holds, as a TileJSON lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorLayer {
    pub id: String,
    pub min_zoom: u8,
    pub max_zoom: u8,
    pub fields: Vec<TileField>,
    /// 0 for points, 1 for lines, 2 for areas.
    pub geometry_dimension: u8,
}

impl LayerTiles {
    /// Makes the tiles of a coverage as `layers` describes them.
    pub fn build(coverage: Arc<ValidCoverage>, layers: &TileLayers) -> Self {
        Self::new(coverage, layers, None)
    }

    /// Makes tiles whose geometry is moved by `shift`, for basemaps that are drawn with an offset.
    pub fn build_shifted(coverage: Arc<ValidCoverage>, layers: &TileLayers, shift: Box<Shift>) -> Self {
        Self::new(coverage, layers, Some(Arc::from(shift)))
    }

    fn new(coverage: Arc<ValidCoverage>, layers: &TileLayers, shift: Option<Arc<Shift>>) -> Self {
        let mut levels = layers.for_layer(coverage.layer());
        // The coarsest level that is loaded is drawn from the first zoom on, so that no zoom is empty.
        if let Some(coarsest) = coverage.levels().iter().position(|level| !level.is_empty()) {
            levels[coarsest].min_zoom = 0;
            levels[coarsest].fields.iter_mut().for_each(|(_, zoom)| *zoom = 0);
        }
        Self {
            borders: layers.borders(),
            max_zoom: layers.max_zoom,
            matrix: Matrix::default(),
            shift,
            ids: feature_ids(&coverage),
            ranked: OnceLock::new(),
            bounds: OnceLock::new(),
            names: levels.iter().map(|_| OnceLock::new()).collect(),
            zooms: Mutex::default(),
            zooms_kept: ZOOMS_KEPT,
            levels,
            coverage,
        }
    }

    /// Returns tiles of another coverage, described as these are, with nothing prepared.
    pub(super) fn like(&self, coverage: Arc<ValidCoverage>) -> Self {
        Self {
            borders: self.borders,
            max_zoom: self.max_zoom,
            matrix: self.matrix,
            shift: self.shift.clone(),
            ids: feature_ids(&coverage),
            ranked: OnceLock::new(),
            bounds: OnceLock::new(),
            names: self.levels.iter().map(|_| OnceLock::new()).collect(),
            zooms: Mutex::default(),
            zooms_kept: self.zooms_kept,
            levels: self.levels.clone(),
            coverage,
        }
    }

    /// Lays the tiles out in another matrix than the Mercator square.
    #[must_use]
    pub fn in_matrix(mut self, matrix: Matrix) -> Self {
        self.matrix = matrix;
        self.max_zoom = matrix.zoom_as_wide(self.max_zoom);
        for level in &mut self.levels {
            for zoom in [&mut level.min_zoom, &mut level.max_zoom].into_iter().chain(&mut level.dissolve_zoom) {
                *zoom = matrix.zoom_as_wide(*zoom);
            }
            level.fields.iter_mut().for_each(|(_, zoom)| *zoom = matrix.zoom_as_wide(*zoom));
        }
        if let Some(borders) = &mut self.borders {
            borders.min_zoom = matrix.zoom_as_wide(borders.min_zoom);
            borders.sides_min_zoom = matrix.zoom_as_wide(borders.sides_min_zoom);
        }
        self
    }

    /// Keeps less ready, for tiles that are seldom asked for.
    #[must_use]
    pub fn seldom(self) -> Self {
        Self { zooms_kept: ZOOMS_KEPT_SELDOM, ..self }
    }

    /// Returns the memory that is held beside the coverage, in bytes. It grows with the zooms that are asked for.
    pub fn bytes(&self) -> usize {
        let ids = self.ids.iter().map(|ids| ids.capacity() * size_of::<u64>()).sum::<usize>();
        let names = self.names.iter().filter_map(OnceLock::get).map(Names::bytes).sum::<usize>();
        let zooms = self.zooms.lock().unwrap_or_else(PoisonError::into_inner);
        let zooms = zooms.iter().filter_map(|(_, zoom)| zoom.get()).map(ZoomGeometry::bytes).sum::<usize>();
        ids + names + zooms + self.ranked.get().map_or(0, RankedArcs::bytes)
    }

    pub fn max_zoom(&self) -> u8 {
        self.max_zoom
    }

    /// Returns a tile as MVT 2.1; none where nothing lies in it or no tiles are made for its zoom.
    ///
    /// The first tile of a zoom rounds all borders to that zoom's grid, which takes a while: call it where waiting is allowed.
    ///
    /// # Errors
    /// A tile of more than 2 GiB.
    pub fn tile(&self, address: TileAddress) -> Result<Option<Vec<u8>>, TileTooLarge> {
        self.tile_of(address, Wanted::default())
    }

    /// Returns what is wanted of a tile. Border lines are those that separate units of the collections wanted, and of which one side
    /// passes.
    ///
    /// # Errors
    /// A tile of more than 2 GiB.
    pub fn tile_of(&self, address: TileAddress, wanted: Wanted<'_>) -> Result<Option<Vec<u8>>, TileTooLarge> {
        if address.z() > self.max_zoom {
            return Ok(None);
        }
        let plan = self.plan(address.z());
        let zoom = self.zoom(address.z());
        let zoom = zoom.get_or_init(|| ZoomGeometry::build(&self.coverage, self.ranked(), &plan));
        let mut tile = Vec::new();
        let everything = TileChoice::default();
        let choice = wanted.choice.unwrap_or(&everything);
        let depths: Vec<usize> = (0..self.levels.len()).filter(|depth| choice.has_collection(&self.layer_id(*depth))).collect();
        for &depth in &depths {
            let id = self.layer_id(depth);
            if let Some(shapes) = zoom.level(depth) {
                let keys = self.keys_at(depth, address.z(), choice);
                let cut = Cut { address, keys: &keys, wanted };
                self.areas(depth, shapes, cut, None).finish(&id, &mut tile)?;
                if self.levels[depth].labels {
                    self.label_layer(depth, cut).finish(&format!("{id}{LABEL_SUFFIX}"), &mut tile)?;
                }
            } else if let Some((from, shapes)) = self.dissolved(depth, address.z(), zoom) {
                let keys = self.keys_at(from, address.z(), choice);
                let mut level = Vec::new();
                if choice.has_field(LEVEL) {
                    put_text_value(self.coverage.levels()[from].level().as_str(), &mut level);
                }
                let cut = Cut { address, keys: &keys, wanted };
                self.areas(from, shapes, cut, Some(&level)).finish(&id, &mut tile)?;
            }
        }
        if let (Some(borders), Some(shapes)) = (self.borders, &zoom.borders) {
            let lines = Lines { coverage: &self.coverage, borders, plan: &plan, wanted: &depths, passing: wanted.passing };
            lines.features(shapes, address).write(choice).finish(&self.borders_id(), &mut tile)?;
        }
        Ok((!tile.is_empty()).then_some(tile))
    }

    /// Whether making a tile takes a moment only: all that it is cut from is ready, and at most `shapes_max` areas and lines come near it.
    pub fn is_quick(&self, address: TileAddress, shapes_max: usize) -> bool {
        let found = {
            let zooms = self.zooms.lock().unwrap_or_else(PoisonError::into_inner);
            zooms.iter().find(|(z, _)| *z == address.z()).map(|(_, zoom)| Arc::clone(zoom))
        };
        let Some(zoom) = found.as_ref().and_then(|zoom| zoom.get()) else { return false };
        let drawn = || (0..self.levels.len()).filter_map(|depth| Some((depth, zoom.level(depth)?)));
        // Areas that stand for finer ones are named by their own level.
        if !drawn().all(|(depth, _)| self.names[depth].get().is_some()) {
            return false;
        }
        let shapes = drawn().map(|(_, shapes)| shapes).chain(&zoom.borders);
        shapes.map(|shapes| shapes.count_near(address.reach())).sum::<usize>() <= shapes_max
    }

    /// Makes all ready that the tiles of a zoom are cut from.
    ///
    /// Who draws tiles on rayon's threads must do so before: all this is made on those threads too, and a thread that waits there for
    /// another may take up a tile that waits for it.
    pub fn prepare(&self, z: u8) {
        self.with_zoom(z, |zoom| {
            let is_named = |depth: &usize| zoom.level(*depth).is_some();
            (0..self.levels.len()).filter(is_named).for_each(|depth| {
                self.names(depth);
            });
        });
    }

    /// Returns what the tiles hold of what is wanted, coarse to fine: of each level that is loaded its areas, then its names; border
    /// lines last.
    pub fn vector_layers(&self, choice: &TileChoice) -> Vec<VectorLayer> {
        let is_loaded = |depth: &usize| !self.coverage.levels()[*depth].is_empty();
        let wanted = (0..self.levels.len()).filter(is_loaded).filter(|depth| choice.has_collection(&self.layer_id(*depth)));
        let mut layers: Vec<VectorLayer> = wanted
            .flat_map(|depth| {
                let id = self.layer_id(depth);
                let level = &self.levels[depth];
                let mut fields: Vec<TileField> = level.fields.iter().map(|(field, _)| field.clone()).collect();
                let label_id = format!("{id}{LABEL_SUFFIX}");
                let labels = VectorLayer {
                    id: label_id,
                    min_zoom: level.min_zoom,
                    max_zoom: level.max_zoom,
                    fields: fields.clone(),
                    geometry_dimension: 0,
                };
                fields.extend(level.dissolve_zoom.map(|_| TileField::Level));
                let min_zoom = level.dissolve_zoom.unwrap_or(level.min_zoom).min(level.min_zoom);
                let areas = VectorLayer { id, min_zoom, max_zoom: level.max_zoom, fields, geometry_dimension: 2 };
                std::iter::once(areas).chain(level.labels.then_some(labels))
            })
            .collect();
        // Lines are drawn where one of the levels is that they separate.
        let first = layers.iter().filter(|layer| layer.geometry_dimension == 2).map(|layer| layer.min_zoom).min();
        layers.extend(self.borders.zip(first).map(|(borders, first)| VectorLayer {
            id: self.borders_id(),
            min_zoom: borders.min_zoom.max(first),
            max_zoom: self.max_zoom,
            fields: vec![TileField::Level, TileField::Depth, TileField::Left, TileField::Right],
            geometry_dimension: 1,
        }));
        layers.iter_mut().for_each(|layer| layer.fields.retain(|field| choice.has_field(field.as_str())));
        layers
    }

    /// Returns the ids of the collections that the tiles show, coarse to fine.
    pub fn collections(&self) -> Vec<String> {
        let loaded = (0..self.levels.len()).filter(|depth| !self.coverage.levels()[*depth].is_empty());
        loaded.map(|depth| self.layer_id(depth)).collect()
    }

    /// Returns west, south, east and north, degrees, of everything drawn; none where nothing is loaded.
    pub fn bounds(&self) -> Option<[f64; 4]> {
        *self.bounds.get_or_init(|| {
            let arcs = self.coverage.arcs();
            let positions = arcs.ids().flat_map(|arc| arcs.coords(arc)).map(|c| self.shifted(*c));
            positions.fold(None, |bounds: Option<[f64; 4]>, c| {
                let [west, south, east, north] = bounds.unwrap_or([c.x, c.y, c.x, c.y]);
                Some([west.min(c.x), south.min(c.y), east.max(c.x), north.max(c.y)])
            })
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
        self.with_zoom(z, |zoom| zoom.level(depth).map_or(0, Shapes::collapsed_count))
    }

    /// Returns the rings of a unit on the grid of a zoom, in units from the north-west corner of the world: what its tiles are cut
    /// from. None where its level is not drawn there.
    pub fn rounded(&self, depth: usize, unit: UnitIndex, z: u8) -> Option<Vec<Vec<[i32; 2]>>> {
        self.with_zoom(z, |zoom| Some(zoom.level(depth)?.runs().parts(unit.0 as usize)))
    }

    fn with_zoom<T>(&self, z: u8, look: impl FnOnce(&ZoomGeometry) -> T) -> T {
        let zoom = self.zoom(z);
        look(zoom.get_or_init(|| ZoomGeometry::build(&self.coverage, self.ranked(), &self.plan(z))))
    }

    fn layer_id(&self, depth: usize) -> String {
        let layer = self.coverage.layer();
        layer.collection_id(&layer.levels[depth])
    }

    fn borders_id(&self) -> String {
        let name = self.coverage.layer().name.as_str();
        if name == "grid" { BORDERS.to_owned() } else { format!("{name}.{BORDERS}") }
    }

    /// Returns what is drawn at a zoom.
    pub(super) fn plan(&self, z: u8) -> ZoomPlan {
        let levels = self.coverage.levels().iter().zip(&self.levels);
        let is_drawn = levels.map(|(level, tiles)| !level.is_empty() && tiles.min_zoom <= z && z <= tiles.max_zoom).collect();
        let has_borders = self.borders.is_some_and(|borders| borders.min_zoom <= z);
        ZoomPlan { z, is_drawn, has_borders, full_detail: z == self.max_zoom }
    }

    /// Returns the finest coarser level that stands for one that is not drawn yet.
    fn dissolved<'a>(&self, depth: usize, z: u8, zoom: &'a ZoomGeometry) -> Option<(usize, &'a Shapes)> {
        let level = &self.levels[depth];
        let is_loaded = !self.coverage.levels()[depth].is_empty();
        level.dissolve_zoom.filter(|from| is_loaded && *from <= z && z < level.min_zoom)?;
        (0..depth).rev().find_map(|coarser| Some((coarser, zoom.level(coarser)?)))
    }

    /// Returns which of the fields that are wanted a level has at a zoom, by their place among all.
    fn keys_at(&self, depth: usize, z: u8, choice: &TileChoice) -> Vec<(usize, &str)> {
        let fields = self.levels[depth].fields.iter().enumerate();
        fields
            .filter(|(_, (field, from))| *from <= z && choice.has_field(field.as_str()))
            .map(|(at, (field, _))| (at, field.as_str()))
            .collect()
    }

    /// Writes the areas of a level; with `level` where they stand for a finer one, saying so unless that is not wanted.
    fn areas<'a>(&'a self, depth: usize, shapes: &Shapes, cut: Cut<'_, 'a>, level: Option<&'a [u8]>) -> LayerWriter<'a> {
        let names = self.names(depth);
        let all_keys = cut.all_keys(level.map(|_| LEVEL));
        let mut writer = LayerWriter::new(Kind::Polygon, cut.address.origin(), all_keys);
        let (runs, reach) = (shapes.runs(), cut.address.reach());
        let mut clipped = Vec::new();
        for unit in shapes.find(reach) {
            if !cut.has(depth, unit) {
                continue;
            }
            let at = unit as usize;
            let (first, run) = if runs.rect(at).is_some_and(|rect| reach.contains(rect)) {
                (runs.first(at), runs.run(at))
            } else {
                clipped.clear();
                let polygons = clip(&runs.parts(at), reach);
                let Some(first) = put_run(polygons.iter().flatten().map(Vec::as_slice), true, &mut clipped) else { continue };
                (first, clipped.as_slice())
            };
            self.tag(depth, names, at, cut, &mut writer);
            if let Some(level) = level {
                writer.tag(cut.keys.len() + cut.figure_count(), level, false);
            }
            writer.feature(Some(self.ids[depth][at]), first, run);
        }
        writer
    }

    fn tag<'a>(&self, depth: usize, names: &'a Names, unit: usize, cut: Cut<'_, 'a>, writer: &mut LayerWriter<'a>) {
        let mut keys = cut.keys.iter().enumerate().peekable();
        for (at, value) in names.words.of(unit).enumerate() {
            if let Some((key, _)) = keys.next_if(|(_, (field, _))| *field == at) {
                // Codes are unique within a level.
                writer.tag(key, value, self.levels[depth].fields[at].0 == TileField::Code);
            }
        }
        if let Some(figures) = cut.wanted.figures {
            figures.of(depth, unit).for_each(|(figure, value)| writer.tag(cut.keys.len() + figure, value, false));
        }
    }

    /// Writes the names whose place lies in the tile itself, so that each stands in exactly one tile.
    fn label_layer<'a>(&'a self, depth: usize, cut: Cut<'_, 'a>) -> LayerWriter<'a> {
        let names = self.names(depth);
        let address = cut.address;
        let mut writer = LayerWriter::new(Kind::Point, address.origin(), cut.all_keys(None));
        let shift = ZOOM_MAX - address.z();
        for unit in names.index.find(address.finest(), |unit| point_rect(names.places[unit as usize])) {
            if !cut.has(depth, unit) {
                continue;
            }
            let at = unit as usize;
            self.tag(depth, names, at, cut, &mut writer);
            writer.feature(Some(self.ids[depth][at]), names.places[at].map(|v| v >> shift), &[]);
        }
        writer
    }

    pub(super) fn project(&self, c: Coord<f64>) -> Coord<f64> {
        self.matrix.to_world(self.shifted(c))
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

    fn ranked(&self) -> &RankedArcs {
        self.ranked.get_or_init(|| RankedArcs::build(self.coverage.arcs(), &|c| self.project(c)))
    }

    fn names(&self, depth: usize) -> &Names {
        self.names[depth].get_or_init(|| {
            let level = &self.coverage.levels()[depth];
            let units: Vec<UnitIndex> = level.indices().collect();
            let places = units.into_par_iter().map(|unit| self.place(depth, unit)).collect();
            Names::new(Words::build(level, &self.levels[depth].fields), places)
        })
    }

    /// Returns where a unit's name stands.
    pub(super) fn place(&self, depth: usize, unit: UnitIndex) -> GridPoint {
        if !self.levels[depth].labels {
            return NO_PLACE;
        }
        let mut geometry = self.coverage.to_geometry(depth, unit);
        geometry.map_coords_in_place(|c| self.project(c));
        let Some(place) = label_point(&geometry) else { return NO_PLACE };
        let size = grid_size(ZOOM_MAX);
        #[expect(clippy::cast_possible_truncation, reason = "the grid of the highest zoom has 2^29 units a side")]
        let place = [(place.x * size).floor() as i32, (place.y * size).floor() as i32];
        place
    }
}

impl<'a> Cut<'_, 'a> {
    /// Returns the names of all fields: those of units, those of their figures, and `last`.
    fn all_keys(&self, last: Option<&'a str>) -> Vec<&'a str> {
        let figures = self.wanted.figures.into_iter().flat_map(UnitFigures::names).map(String::as_str);
        self.keys.iter().map(|(_, key)| *key).chain(figures).chain(last).collect()
    }

    fn figure_count(&self) -> usize {
        self.wanted.figures.map_or(0, |figures| figures.names().len())
    }

    fn has(&self, depth: usize, unit: u32) -> bool {
        self.wanted.passing.is_none_or(|passing| passing.has(depth, UnitIndex(unit)))
    }
}

impl Names {
    pub fn new(words: Words, places: Vec<GridPoint>) -> Self {
        let place = |unit: u32| Some(places[unit as usize]).filter(|place| *place != NO_PLACE).map(point_rect);
        Self { index: PackedIndex::build(places.len(), place), words, places }
    }

    fn bytes(&self) -> usize {
        self.words.bytes() + self.places.capacity() * size_of::<GridPoint>() + self.index.bytes()
    }
}

impl TileAddress {
    /// Returns the part of the zoom's grid that the tile shows, its buffer included.
    pub(super) fn reach(self) -> GridRect {
        let min = self.origin();
        GridRect { min, max: min.map(|v| v + EXTENT) }.grown(BUFFER)
    }

    /// Returns the part of the finest grid that is the tile's own.
    pub(super) fn finest(self) -> GridRect {
        let shift = ZOOM_MAX - self.z();
        let min = self.origin().map(|v| v << shift);
        GridRect { min, max: min.map(|v| v + ((EXTENT << shift) - 1)) }
    }
}

impl fmt::Debug for LayerTiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerTiles").field("layer", &self.coverage.layer().name).finish_non_exhaustive()
    }
}

fn feature_ids(coverage: &ValidCoverage) -> Vec<Vec<u64>> {
    const BITS: u64 = (1 << 52) - 1;
    let ids = |depth: usize| {
        let units = coverage.levels()[depth].units();
        let mut taken = FxHashSet::with_capacity_and_hasher(units.len(), rustc_hash::FxBuildHasher);
        let own = |uuid: uuid::Uuid| uuid.as_u64_pair().1 & BITS;
        let ids = units.iter().map(|unit| {
            let mut id = own(unit.id.0);
            while !taken.insert(id) {
                id = (id + 1) & BITS;
            }
            id
        });
        ids.collect()
    };
    (0..coverage.levels().len()).map(ids).collect()
}
