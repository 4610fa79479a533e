use geo_types::Coord;
use geozero::GeomProcessor;
use geozero::error::Result;
use geozero::wkb::process_gpkg_geom;

use super::raw::{RawGeometry, RawPolygon};

/// Reads one geometry of a GeoPackage: its header and the WKB after it. Rows come from the store, which alone knows SQL.
pub fn read_geopackage_geometry(blob: &[u8]) -> RawGeometry {
    let mut collector = Collector::default();
    let read = process_gpkg_geom(&mut std::io::Cursor::new(blob), &mut collector);
    if let Some(kind) = collector.other {
        return RawGeometry::Other(kind.into());
    }
    match read {
        Err(error) => RawGeometry::Unreadable(format!("its geometry is damaged: {error}")),
        Ok(()) if collector.polygons.iter().flatten().all(Vec::is_empty) => RawGeometry::Empty,
        Ok(()) => RawGeometry::Polygons(collector.polygons),
    }
}

#[derive(Default)]
struct Collector {
    polygons: Vec<RawPolygon>,
    /// What else was met; a polygon beside a line does not make a boundary.
    other: Option<&'static str>,
}

impl GeomProcessor for Collector {
    fn xy(&mut self, x: f64, y: f64, _index: usize) -> Result<()> {
        if let Some(ring) = self.polygons.last_mut().and_then(|polygon| polygon.last_mut()) {
            ring.push(Coord { x, y });
        }
        Ok(())
    }

    fn polygon_begin(&mut self, _tagged: bool, _size: usize, _index: usize) -> Result<()> {
        self.polygons.push(Vec::new());
        Ok(())
    }

    fn linestring_begin(&mut self, tagged: bool, _size: usize, _index: usize) -> Result<()> {
        match self.polygons.last_mut() {
            Some(polygon) if !tagged => polygon.push(Vec::new()),
            _ => self.other = Some("LineString"),
        }
        Ok(())
    }

    fn point_begin(&mut self, _index: usize) -> Result<()> {
        self.other = Some("Point");
        Ok(())
    }

    fn multipoint_begin(&mut self, _size: usize, _index: usize) -> Result<()> {
        self.other = Some("MultiPoint");
        Ok(())
    }

    fn multilinestring_begin(&mut self, _size: usize, _index: usize) -> Result<()> {
        self.other = Some("MultiLineString");
        Ok(())
    }

    fn geometrycollection_begin(&mut self, _size: usize, _index: usize) -> Result<()> {
        self.other = Some("GeometryCollection");
        Ok(())
    }

    fn circularstring_begin(&mut self, _size: usize, _index: usize) -> Result<()> {
        self.other = Some("CircularString");
        Ok(())
    }

    fn compoundcurve_begin(&mut self, _size: usize, _index: usize) -> Result<()> {
        self.other = Some("CompoundCurve");
        Ok(())
    }

    fn curvepolygon_begin(&mut self, _size: usize, _index: usize) -> Result<()> {
        self.other = Some("CurvePolygon");
        Ok(())
    }

    fn multisurface_begin(&mut self, _size: usize, _index: usize) -> Result<()> {
        self.other = Some("MultiSurface");
        Ok(())
    }
}
