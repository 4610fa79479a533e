use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use crate::api::links::{BaseUrl, Link};
use crate::api::page::{FormatQuery, page_links, send_page};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::tile::Matrix;

/// A tile matrix set in which tiles can be had, as the OGC standard 17-083r4 describes one.
#[derive(Debug, PartialEq)]
pub struct MatrixSet {
    pub id: &'static str,
    title: &'static str,
    /// Where the OGC has registered it; none of one that it has not.
    pub uri: Option<&'static str>,
    pub crs: &'static str,
    axes: [&'static str; 2],
    scale_set: Option<&'static str>,
    pub matrix: Matrix,
    /// The north-west corner, in the order of the axes.
    origin: [f64; 2],
    /// The side of a cell at zoom 0, in units of the reference system; a tile has 256 cells along each side.
    cell_size: f64,
    metres_per_unit: f64,
    /// The highest zoom of the definition; tiles are made for fewer.
    zoom_max: u8,
}

/// Metres along a degree of the equator of WGS 84.
const METRES_PER_DEGREE: f64 = 6_378_137.0 * std::f64::consts::PI / 180.0;

/// The side of a cell on a screen that scale denominators are counted for, metres.
const CELL_M: f64 = 0.000_28;

const CELLS: u32 = 256;

/// The first is the one that most maps have.
///
/// CGCS2000 differs from WGS 84 by some centimetres, less than a unit of any tile, so both geographic sets have the same tiles.
pub const MATRIX_SETS: [MatrixSet; 3] = [
    MatrixSet {
        id: "WebMercatorQuad",
        title: "Google Maps Compatible for the World",
        uri: Some("http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"),
        crs: "http://www.opengis.net/def/crs/EPSG/0/3857",
        axes: ["X", "Y"],
        scale_set: Some("http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible"),
        matrix: Matrix::Mercator,
        origin: [-20_037_508.342_789_2, 20_037_508.342_789_2],
        cell_size: 156_543.033_928_041,
        metres_per_unit: 1.0,
        zoom_max: 24,
    },
    MatrixSet {
        id: "WorldCRS84Quad",
        title: "CRS84 for the World",
        uri: Some("http://www.opengis.net/def/tilematrixset/OGC/1.0/WorldCRS84Quad"),
        crs: "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
        axes: ["Lon", "Lat"],
        scale_set: Some("http://www.opengis.net/def/wkss/OGC/1.0/GoogleCRS84Quad"),
        matrix: Matrix::Geographic,
        origin: [-180.0, 90.0],
        cell_size: 0.703_125,
        metres_per_unit: METRES_PER_DEGREE,
        zoom_max: 23,
    },
    MatrixSet {
        id: "CGCS2000Quad",
        title: "CGCS2000 for the World, laid out as WorldCRS84Quad",
        uri: None,
        crs: "http://www.opengis.net/def/crs/EPSG/0/4490",
        axes: ["Lat", "Lon"],
        scale_set: None,
        matrix: Matrix::Geographic,
        origin: [90.0, -180.0],
        cell_size: 0.703_125,
        metres_per_unit: METRES_PER_DEGREE,
        zoom_max: 23,
    },
];

impl MatrixSet {
    /// Finds a set by its id.
    ///
    /// # Errors
    /// 404 where there is none.
    pub fn find(id: &str) -> Result<&'static Self, Problem> {
        let known = || MATRIX_SETS.iter().map(|set| set.id).collect::<Vec<_>>().join(", ");
        let missing =
            || Problem::not_found(format!("there is no tileset or tile matrix set {id}; there are {} and the tileset boundaries", known()));
        MATRIX_SETS.iter().find(|set| set.id == id).ok_or_else(missing)
    }

    pub fn path(&self) -> String {
        format!("/tileMatrixSets/{}", self.id)
    }

    fn to_wire(&self, base: &BaseUrl) -> TileMatrixSet {
        let tile_matrices = (0..=self.zoom_max).map(|z| {
            let cell_size = self.cell_size / f64::from(1_u32 << z);
            TileMatrix {
                id: z.to_string(),
                scale_denominator: cell_size * self.metres_per_unit / CELL_M,
                cell_size,
                corner_of_origin: "topLeft",
                point_of_origin: self.origin,
                tile_width: CELLS,
                tile_height: CELLS,
                matrix_width: self.matrix.columns(z),
                matrix_height: self.matrix.rows(z),
            }
        });
        TileMatrixSet {
            id: self.id,
            title: self.title,
            uri: self.uri,
            crs: self.crs,
            ordered_axes: self.axes,
            well_known_scale_set: self.scale_set,
            tile_matrices: tile_matrices.collect(),
            links: page_links(base, &self.path(), ""),
        }
    }
}

/// The tile matrix sets in which tiles can be had.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TileMatrixSets {
    tile_matrix_sets: Vec<TileMatrixSetItem>,
    links: Vec<Link>,
}

/// A tile matrix set in the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TileMatrixSetItem {
    id: &'static str,
    title: &'static str,
    /// Where the OGC has registered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'static str>,
    crs: &'static str,
    links: Vec<Link>,
}

/// How the world is divided into tiles, zoom by zoom.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TileMatrixSet {
    id: &'static str,
    title: &'static str,
    /// Where the OGC has registered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'static str>,
    crs: &'static str,
    ordered_axes: [&'static str; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    well_known_scale_set: Option<&'static str>,
    tile_matrices: Vec<TileMatrix>,
    links: Vec<Link>,
}

/// The tiles of one zoom.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TileMatrix {
    id: String,
    scale_denominator: f64,
    cell_size: f64,
    corner_of_origin: &'static str,
    point_of_origin: [f64; 2],
    tile_width: u32,
    tile_height: u32,
    matrix_width: u32,
    matrix_height: u32,
}

/// The tile matrix sets in which tiles can be had.
#[utoipa::path(
    get,
    operation_id = "list_tile_matrix_sets",
    path = "/tileMatrixSets",
    tag = "maps",
    params(FormatQuery),
    responses((status = 200, description = "The sets", content((TileMatrixSets = "application/json"), (String = "text/html"))))
)]
pub async fn list_tile_matrix_sets(Query(query): Query<FormatQuery>, base: BaseUrl, headers: HeaderMap) -> Result<Response, Problem> {
    let item = |set: &MatrixSet| {
        let link = Link::new(base.to(&set.path()), "self", "application/json").titled(set.title);
        TileMatrixSetItem { id: set.id, title: set.title, uri: set.uri, crs: set.crs, links: vec![link] }
    };
    let tile_matrix_sets = MATRIX_SETS.iter().map(item).collect();
    let body = TileMatrixSets { tile_matrix_sets, links: page_links(&base, "/tileMatrixSets", "") };
    send_page("Tile matrix sets", &body, &body.links, query.f.as_deref(), &headers)
}

/// One tile matrix set, as the OGC's standard 17-083r4 writes it.
#[utoipa::path(
    get,
    operation_id = "find_tile_matrix_set",
    path = "/tileMatrixSets/{tileMatrixSetId}",
    tag = "maps",
    params(("tileMatrixSetId" = String, Path, description = "`WebMercatorQuad`, `WorldCRS84Quad` or `CGCS2000Quad`"), FormatQuery),
    responses((status = 200, description = "The set", content((TileMatrixSet = "application/json"), (String = "text/html"))))
)]
pub async fn find_tile_matrix_set(
    Path(id): Path<String>,
    Query(query): Query<FormatQuery>,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let set = MatrixSet::find(&id)?.to_wire(&base);
    send_page(set.title, &set, &set.links, query.f.as_deref(), &headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of the OGC's own definitions.
    #[test]
    fn the_sets_are_those_that_are_registered() {
        for (id, z, scale, cell, width, height) in [
            ("WebMercatorQuad", 0, 559_082_264.028_717, 156_543.033_928_041, 1, 1),
            ("WebMercatorQuad", 12, 136_494.693_366_386, 38.218_514_142_588_1, 4096, 4096),
            ("WorldCRS84Quad", 0, 279_541_132.014_358, 0.703_125, 2, 1),
            ("WorldCRS84Quad", 14, 17_061.836_670_798_2, 0.000_042_915_344_238_281_2, 32_768, 16_384),
            ("CGCS2000Quad", 1, 139_770_566.007_179, 0.351_562_5, 4, 2),
        ] {
            let set = MatrixSet::find(id).unwrap();
            assert!(z <= set.zoom_max);
            let found = set.cell_size / f64::from(1_u32 << z);
            assert!((found / cell - 1.0).abs() < 1e-12, "{id} {z}: {found}");
            let found = found * set.metres_per_unit / CELL_M;
            assert!((found / scale - 1.0).abs() < 1e-12, "{id} {z}: {found}");
            assert_eq!((set.matrix.columns(z), set.matrix.rows(z)), (width, height));
        }
        assert!(MatrixSet::find("boundaries").is_err() && MatrixSet::find("webmercatorquad").is_err());
    }
}
