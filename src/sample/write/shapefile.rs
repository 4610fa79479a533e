//! Writes units as a shapefile in EPSG:4546 with GBK text and Chinese column names.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use shapefile::{Point, Polygon, PolygonRing, ShapeWriter};

use super::super::SampleUnit;
use super::dbf::{self, Column};
use super::{EFFECTIVE_FROM, NOTICE, WriteError, at};

/// EPSG:4546 as ESRI writes it: CGCS2000, Gauss-Kruger in zones of 3 degrees, central meridian 111 E, without zone prefix.
const PRJ: &str = concat!(
    r#"PROJCS["CGCS2000_3_Degree_GK_CM_111E",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000","#,
    r#"DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],"#,
    r#"UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],"#,
    r#"PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",111.0],PARAMETER["Scale_Factor",1.0],"#,
    r#"PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#
);

const COLUMNS: [Column; 7] = [
    Column { name: "编码", kind: b'C', width: 20 },
    Column { name: "名称", kind: b'C', width: 48 },
    Column { name: "上级编码", kind: b'C', width: 12 },
    Column { name: "面积", kind: b'N', width: 12 },
    Column { name: "初始时间", kind: b'D', width: 8 },
    Column { name: "备注", kind: b'C', width: 30 },
    Column { name: "synthetic", kind: b'L', width: 1 },
];

/// Writes `stem.shp`, `.shx`, `.dbf`, `.prj` and `.cpg`.
pub(super) fn write_grids(dir: &Path, stem: &str, grids: &[SampleUnit]) -> Result<(), WriteError> {
    let path = |extension: &str| dir.join(format!("{stem}.{extension}"));
    write_shapes(&path("shp"), &path("shx"), grids)?;
    let table = path("dbf");
    write_attributes(&table, grids).map_err(at(&table))?;
    for (extension, text) in [("prj", PRJ), ("cpg", "GBK")] {
        std::fs::write(path(extension), text).map_err(at(&path(extension)))?;
    }
    Ok(())
}

fn write_shapes(shp: &Path, shx: &Path, grids: &[SampleUnit]) -> Result<(), WriteError> {
    let create = |path: &Path| File::create(path).map(BufWriter::new).map_err(at(path));
    let mut writer = ShapeWriter::with_shx(create(shp)?, create(shx)?);
    let failed = |e: shapefile::Error| at(shp)(io::Error::other(e));
    for grid in grids {
        writer.write_shape(&to_polygon(grid)).map_err(failed)?;
    }
    writer.finalize().map_err(failed)
}

fn to_polygon(grid: &SampleUnit) -> Polygon {
    let rings = grid.polygons.iter().flat_map(|rings| {
        rings.iter().enumerate().map(|(at, ring)| {
            let points = ring.iter().map(|c| Point::new(c.x, c.y)).collect();
            if at == 0 { PolygonRing::Outer(points) } else { PolygonRing::Inner(points) }
        })
    });
    Polygon::with_rings(rings.collect())
}

fn write_attributes(path: &Path, grids: &[SampleUnit]) -> io::Result<()> {
    let date = EFFECTIVE_FROM.replace('-', "");
    let rows = grids.iter().map(|grid| {
        vec![
            grid.code.as_str().into(),
            grid.name.as_str().into(),
            grid.parent.as_deref().unwrap_or_default().into(),
            format!("{:.0}", grid.area_m2).into(),
            date.as_str().into(),
            NOTICE.into(),
            "T".into(),
        ]
    });
    let mut out = BufWriter::new(File::create(path)?);
    dbf::write_table(&mut out, &COLUMNS, grids.len(), rows)?;
    out.flush()
}
