use serde::Serialize;
use serde_json::{Value, json};

use super::matrix::{MATRIX_SETS, MatrixSet};
use super::send::MVT;
use super::shift::TileShift;
use super::subject::Subject;
use super::tilejson::{Described, bounds_of, describe};
use crate::api::features::CRS84;
use crate::api::links::{BaseUrl, Link, with_query};
use crate::api::page::page_links;
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::tile::{Matrix, TileField, VectorLayer, zoom_to_see};

pub const TILESETS_REL: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";
pub const TILING_SCHEMES_REL: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes";
const TILING_SCHEME_REL: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";

pub const TILEJSON: &str = "application/vnd.mapbox.tile+json";

/// The tilesets of the dataset or of a collection: one for each tile matrix set.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tilesets {
    pub tilesets: Vec<TilesetItem>,
    pub links: Vec<Link>,
}

/// A tileset in the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TilesetItem {
    title: String,
    data_type: &'static str,
    crs: &'static str,
    #[serde(rename = "tileMatrixSetURI", skip_serializing_if = "Option::is_none")]
    tile_matrix_set_uri: Option<&'static str>,
    links: Vec<Link>,
}

/// What a tileset holds and where its tiles are, as the OGC's standard 17-083r4 writes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tileset {
    pub title: String,
    data_type: &'static str,
    crs: &'static str,
    #[serde(rename = "tileMatrixSetURI", skip_serializing_if = "Option::is_none")]
    tile_matrix_set_uri: Option<&'static str>,
    tile_matrix_set_limits: Vec<MatrixLimits>,
    /// None where nothing is loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    bounding_box: Option<BoundingBox>,
    #[serde(skip_serializing_if = "Option::is_none")]
    center_point: Option<CenterPoint>,
    layers: Vec<TilesetLayer>,
    /// The notices that maps of these boundaries must carry, where there are any.
    #[serde(skip_serializing_if = "String::is_empty")]
    attribution: String,
    media_types: [&'static str; 1],
    /// The offset under which the geometry is moved, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    shift: Option<&'static str>,
    pub links: Vec<Link>,
}

/// The tiles of one zoom that may hold something, both ends included.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatrixLimits {
    tile_matrix: String,
    min_tile_row: u32,
    max_tile_row: u32,
    min_tile_col: u32,
    max_tile_col: u32,
}

/// West, south and east, north of all that is drawn, degrees.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoundingBox {
    lower_left: [f64; 2],
    upper_right: [f64; 2],
    crs: &'static str,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CenterPoint {
    coordinates: [f64; 2],
    crs: &'static str,
    tile_matrix: String,
}

/// A layer of the tiles.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TilesetLayer {
    id: String,
    data_type: &'static str,
    /// 0 for points, 1 for lines, 2 for areas.
    geometry_dimension: u8,
    min_tile_matrix: String,
    max_tile_matrix: String,
    #[schema(value_type = serde_json::Value)]
    properties_schema: Value,
}

impl Subject {
    /// Sees that there is what was chosen.
    ///
    /// # Errors
    /// 400 for a field or a collection that there is not.
    pub fn check(&self, state: &AppState) -> Result<(), Problem> {
        self.open(state, MATRIX_SETS[0].matrix).map(drop)
    }

    /// Lists the tilesets.
    pub fn list(&self) -> Tilesets {
        let base = &self.base;
        let item = |set: &MatrixSet| {
            let address = base.to(&format!("{}/{}?f=json{}", self.path, set.id, self.pairs));
            TilesetItem {
                title: self.title_in(set),
                data_type: "vector",
                crs: set.crs,
                tile_matrix_set_uri: set.uri,
                links: vec![Link::new(address, "self", "application/json").titled(self.title_in(set)), tiling_scheme(base, set)],
            }
        };
        Tilesets { tilesets: MATRIX_SETS.iter().map(item).collect(), links: page_links(base, &self.path, &self.pairs) }
    }

    /// Describes the tileset of a matrix set. Takes a while where nobody asked before.
    ///
    /// # Errors
    /// 400 for a field or a collection that there is not.
    pub fn describe(&self, state: &AppState, set: &MatrixSet) -> Result<Tileset, Problem> {
        let (tiles, choice) = self.open(state, set.matrix)?;
        let max_zoom = tiles.iter().map(|tiles| tiles.max_zoom()).max().unwrap_or(0);
        let layers: Vec<VectorLayer> = tiles.iter().flat_map(|tiles| tiles.vector_layers(&choice)).collect();
        let bounds = bounds_of(&tiles);
        let min_zoom = layers.iter().map(|layer| layer.min_zoom).min().unwrap_or(0);
        let limits = |bounds: [f64; 4]| (min_zoom..=max_zoom).map(move |z| MatrixLimits::around(set, bounds, z)).collect();
        Ok(Tileset {
            title: self.title_in(set),
            data_type: "vector",
            crs: set.crs,
            tile_matrix_set_uri: set.uri,
            tile_matrix_set_limits: bounds.map(limits).unwrap_or_default(),
            bounding_box: bounds.map(|[west, south, east, north]| BoundingBox {
                lower_left: [west, south],
                upper_right: [east, north],
                crs: CRS84,
            }),
            center_point: bounds.map(|[west, south, east, north]| CenterPoint {
                coordinates: [f64::midpoint(west, east), f64::midpoint(south, north)],
                crs: CRS84,
                tile_matrix: zoom_to_see(east - west, min_zoom..=max_zoom).to_string(),
            }),
            layers: layers.iter().map(TilesetLayer::of).collect(),
            attribution: state.config().map.attribution_line(),
            media_types: [MVT],
            shift: self.shift.map(TileShift::as_str),
            links: self.links(set),
        })
    }

    /// Describes the tileset as TileJSON, which knows no other matrix set than the Mercator square.
    ///
    /// # Errors
    /// 400 for a field or a collection that there is not.
    pub fn to_tilejson(&self, state: &AppState, set: &MatrixSet) -> Result<tilejson::TileJSON, Problem> {
        let (tiles, choice) = self.open(state, set.matrix)?;
        let template = self.base.to(&with_query(&format!("{}/{}/{{z}}/{{y}}/{{x}}", self.path, set.id), &self.pairs));
        let described = Described { name: &self.title, template, choice: &choice, shift: self.shift };
        Ok(describe(&tiles, &described, &state.config().map))
    }

    fn title_in(&self, set: &MatrixSet) -> String {
        format!("{} in {}", self.title, set.id)
    }

    fn links(&self, set: &MatrixSet) -> Vec<Link> {
        let base = &self.base;
        let path = format!("{}/{}", self.path, set.id);
        let mut links = page_links(base, &path, &self.pairs);
        let template = base.to(&with_query(&format!("{path}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"), &self.pairs));
        links.push(Link::new(template, "item", MVT).titled("A tile").templated());
        links.push(tiling_scheme(base, set));
        if has_tilejson(set) {
            links.push(Link::new(base.to(&format!("{path}?f=tilejson{}", self.pairs)), "describedby", TILEJSON).titled("TileJSON"));
        }
        links
    }
}

/// Returns what a tile's answer leads to: what its tileset holds, and how the world is divided.
pub fn tile_links(subject: &Subject, set: &MatrixSet) -> Vec<Link> {
    let tileset = subject.base.to(&format!("{}/{}?f=json{}", subject.path, set.id, subject.version));
    vec![Link::new(tileset, "describedby", "application/json"), tiling_scheme(&subject.base, set)]
}

/// Whether a tileset of a matrix set can be described as TileJSON.
pub fn has_tilejson(set: &MatrixSet) -> bool {
    set.matrix == Matrix::Mercator
}

fn tiling_scheme(base: &BaseUrl, set: &MatrixSet) -> Link {
    Link::new(base.to(&set.path()), TILING_SCHEME_REL, "application/json").titled(set.id)
}

impl MatrixLimits {
    fn around(set: &MatrixSet, bounds: [f64; 4], z: u8) -> Self {
        let range = set.matrix.tiles_around(bounds, z);
        Self {
            tile_matrix: z.to_string(),
            min_tile_row: range.rows[0],
            max_tile_row: range.rows[1],
            min_tile_col: range.columns[0],
            max_tile_col: range.columns[1],
        }
    }
}

impl TilesetLayer {
    fn of(layer: &VectorLayer) -> Self {
        let fields = layer.fields.iter();
        let properties: serde_json::Map<String, Value> = fields.map(|field| (field.as_str().to_owned(), schema_of(field))).collect();
        Self {
            id: layer.id.clone(),
            data_type: "vector",
            geometry_dimension: layer.geometry_dimension,
            min_tile_matrix: layer.min_zoom.to_string(),
            max_tile_matrix: layer.max_zoom.to_string(),
            properties_schema: json!({ "type": "object", "properties": properties }),
        }
    }
}

/// Describes what a feature may say in a field; a property may be of any type, as the units have it.
fn schema_of(field: &TileField) -> Value {
    match field {
        TileField::Property { .. } => json!({ "title": field.about() }),
        TileField::Depth => json!({ "type": "integer", "minimum": 0, "title": field.about() }),
        _ => json!({ "type": "string", "title": field.about() }),
    }
}
