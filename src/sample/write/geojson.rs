//! Writes units as GeoJSON in CGCS2000 degrees (EPSG:4490), longitude first.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use geo_types::Coord;
use serde_json::json;

use super::super::SampleUnit;
use super::{EFFECTIVE_FROM, NOTICE, WriteError, at};
use crate::import::{Crs, CrsError};

/// Writes a feature collection. All positions are rounded alike, so what is shared stays shared.
pub(super) fn write_units(path: &Path, name: &str, level: &str, units: &[SampleUnit]) -> Result<(), WriteError> {
    let write = || -> io::Result<()> {
        let plane = Crs::from_epsg(4546).map_err(io::Error::other)?;
        let mut out = BufWriter::new(File::create(path)?);
        // The older form of the standard named the reference system like this, and offices still do.
        let crs = json!({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}});
        write!(
            out,
            "{{\n\"type\": \"FeatureCollection\",\n\"name\": {},\n\"crs\": {crs},\n\"notice\": {},\n\"features\": [",
            json!(name),
            json!(NOTICE)
        )?;
        for (at, unit) in units.iter().enumerate() {
            let separator = if at == 0 { "\n" } else { ",\n" };
            write!(out, "{separator}{{\"type\":\"Feature\",\"properties\":{},\"geometry\":", properties(unit, level))?;
            write_geometry(&mut out, &plane, unit)?;
            write!(out, "}}")?;
        }
        out.write_all(b"\n]\n}\n")?;
        out.flush()
    };
    write().map_err(at(path))
}

fn properties(unit: &SampleUnit, level: &str) -> serde_json::Value {
    json!({
        "code": unit.code,
        "name": unit.name,
        "level": level,
        "parent_code": unit.parent,
        "area_m2": unit.area_m2.round() as i64,
        "valid_from": EFFECTIVE_FROM,
        "synthetic": true,
        "notice": NOTICE,
    })
}

fn write_geometry(out: &mut impl Write, plane: &Crs, unit: &SampleUnit) -> io::Result<()> {
    let is_multi = unit.polygons.len() > 1;
    write!(out, "{{\"type\":\"{}\",\"coordinates\":", if is_multi { "MultiPolygon" } else { "Polygon" })?;
    if is_multi {
        write!(out, "[")?;
    }
    for (at, rings) in unit.polygons.iter().enumerate() {
        write!(out, "{}[", if at == 0 { "" } else { "," })?;
        for (at, ring) in rings.iter().enumerate() {
            write!(out, "{}[", if at == 0 { "" } else { "," })?;
            write_ring(out, &to_degrees(plane, ring).map_err(io::Error::other)?)?;
            write!(out, "]")?;
        }
        write!(out, "]")?;
    }
    write!(out, "{}}}", if is_multi { "]" } else { "" })
}

fn write_ring(out: &mut impl Write, ring: &[Coord<f64>]) -> io::Result<()> {
    for (at, c) in ring.iter().enumerate() {
        write!(out, "{}[{:.9},{:.9}]", if at == 0 { "" } else { "," }, c.x, c.y)?;
    }
    Ok(())
}

/// Brings metres of EPSG:4546 to degrees. CGCS2000 and WGS 84 are the same here.
pub(super) fn to_degrees(plane: &Crs, coords: &[Coord<f64>]) -> Result<Vec<Coord<f64>>, CrsError> {
    let mut degrees = coords.to_vec();
    plane.all_to_wgs84(&mut degrees)?;
    Ok(degrees)
}
