use std::borrow::Cow;
use std::sync::Arc;

use geo_types::{Coord, Geometry, LineString, MultiPolygon, Polygon, Rect};
use jiff::Timestamp;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::infer::{Inference, to_value};
use super::levels::KnownLevel;
use super::source::{Source, merged};
use super::write::{Ends, ZoomLevel};
use crate::boundary::{OWN_PROPERTIES, SOURCE_MEMBER, UnitCode, UnitId};
use crate::export::geojson::{own_properties, write_covered_unit};
use crate::filter::{Kind, Property, Schema, Value};
use crate::snapshot::LayerSnapshot;
use crate::topology::{CoverageLevel, UnitIndex};

/// The units of one level as features, in the byte order of their codes.
#[derive(Clone, Debug)]
pub struct UnitSource {
    pub layer: Arc<LayerSnapshot>,
    pub depth: usize,
    pub ends: Ends,
    pub known: KnownLevel,
}

/// The place of the code in the schema of units; the others stand as [`unit_schema`] puts them.
const CODE: usize = 1;

/// Returns what can be asked of the units of a level: what is ours of them, then what their source says of them.
pub fn unit_schema(level: &CoverageLevel) -> Schema {
    let own = [
        ("id", Kind::Text),
        ("code", Kind::Text),
        ("name", Kind::Text),
        ("level", Kind::Text),
        ("parent", Kind::Text),
        ("valid_from", Kind::Instant),
        ("valid_to", Kind::Instant),
        ("geometry", Kind::Geometry),
    ];
    let mut properties: Vec<Property> = own.map(|(name, kind)| Property { name: name.into(), kind }).into();
    let mut inference = Inference::default();
    for unit in level.units() {
        for (name, value) in unit.properties.iter().filter(|(name, _)| !own.iter().any(|(own, _)| own == name)) {
            inference.look_at(name, value);
        }
    }
    properties.extend(inference.finish());
    Schema { properties }
}

impl UnitSource {
    pub fn level(&self) -> &CoverageLevel {
        &self.layer.coverage().levels()[self.depth]
    }
}

/// Finds a unit by its id or by its code.
pub fn find_unit(layer: &LayerSnapshot, depth: usize, feature: &str) -> Option<UnitIndex> {
    if let Ok(id) = Uuid::try_parse(feature)
        && let Some(unit) = layer.find_by_id(depth, UnitId(id))
    {
        return Some(unit);
    }
    layer.coverage().levels()[depth].find(&UnitCode::parse(feature).ok()?)
}

/// Units of a tile's grid along its side.
const TILE_UNITS: f64 = 4096.0;

/// Makes polygons in degrees of rings on the grid of a zoom. An exterior runs clockwise there, as the grid counts downwards, and the
/// holes in it follow.
fn to_polygons(rings: &[Vec<[i32; 2]>], z: u8) -> Vec<Polygon<f64>> {
    let world = TILE_UNITS * f64::from(z).exp2();
    let place = |[x, y]: [i32; 2]| {
        let (x, y) = (f64::from(x) / world, f64::from(y) / world);
        Coord { x: x * 360.0 - 180.0, y: (std::f64::consts::PI * (1.0 - 2.0 * y)).sinh().atan().to_degrees() }
    };
    let mut polygons: Vec<Polygon<f64>> = Vec::new();
    for ring in rings.iter().filter(|ring| ring.len() >= 3) {
        let is_exterior = doubled_area(ring) > 0;
        let mut line: Vec<Coord<f64>> = ring.iter().copied().map(place).collect();
        if line.first() != line.last() {
            line.push(line[0]);
        }
        match polygons.last_mut() {
            Some(polygon) if !is_exterior => polygon.interiors_push(LineString(line)),
            _ => polygons.push(Polygon::new(LineString(line), Vec::new())),
        }
    }
    polygons
}

/// Returns twice the area of a ring: positive where it runs clockwise as it is seen, with y downwards.
fn doubled_area(ring: &[[i32; 2]]) -> i64 {
    let wide = |point: &[i32; 2]| (i64::from(point[0]), i64::from(point[1]));
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| (wide(a), wide(b))).map(|((ax, ay), (bx, by))| ax * by - bx * ay).sum()
}

fn index(at: usize) -> UnitIndex {
    UnitIndex(u32::try_from(at).expect("units are counted in 32 bits"))
}

fn places(units: Vec<UnitIndex>) -> Vec<usize> {
    units.into_iter().map(|unit| unit.0 as usize).collect()
}

impl Source for UnitSource {
    fn schema(&self) -> &Schema {
        &self.known.schema
    }

    fn len(&self) -> usize {
        self.level().units().len()
    }

    fn key(&self, at: usize) -> Cow<'_, str> {
        self.level().units()[at].code.as_str().into()
    }

    fn id(&self, at: usize) -> Cow<'_, str> {
        self.level().units()[at].id.to_string().into()
    }

    fn find(&self, feature: &str) -> Option<usize> {
        find_unit(&self.layer, self.depth, feature).map(|unit| unit.0 as usize)
    }

    fn value(&self, at: usize, slot: usize) -> Value<'_> {
        let unit = &self.level().units()[at];
        let text = |text| Value::Text(Cow::Borrowed(text));
        match slot {
            0 => Value::Text(unit.id.to_string().into()),
            1 => text(unit.code.as_str()),
            2 => text(&unit.name),
            3 => text(unit.level.as_str()),
            4 => unit.parent.as_ref().map_or(Value::Null, |parent| text(parent.as_str())),
            5 => Value::Instant(unit.validity.from),
            6 => self.ends.seen_of(unit).to.map_or(Value::Null, Value::Instant),
            slot => {
                let property = &self.known.schema.properties[slot];
                to_value(unit.properties.get(&property.name), property.kind)
            }
        }
    }

    fn geometry(&self, at: usize) -> Option<Geometry<f64>> {
        Some(self.layer.coverage().to_geometry(self.depth, index(at)).into())
    }

    fn generalised(&self, at: usize, zoom: &ZoomLevel) -> Option<Geometry<f64>> {
        let rings = zoom.tiles.rounded(self.depth, index(at), zoom.z)?;
        let polygons = to_polygons(&rings, zoom.z);
        (!polygons.is_empty()).then(|| MultiPolygon(polygons).into())
    }

    fn level(&self) -> Option<(Arc<LayerSnapshot>, usize)> {
        Some((Arc::clone(&self.layer), self.depth))
    }

    fn properties(&self, at: usize) -> Vec<(Cow<'_, str>, Cow<'_, Json>)> {
        let unit = &self.level().units()[at];
        let own = own_properties(unit, self.ends.seen_of(unit)).into_iter().map(|(name, value)| (name.into(), Cow::Owned(value)));
        let theirs = unit.properties.iter().filter(|(name, _)| !OWN_PROPERTIES.contains(&name.as_str()));
        own.chain(theirs.map(|(name, value)| (name.as_str().into(), Cow::Borrowed(value)))).collect()
    }

    fn members(&self, at: usize) -> Vec<(&'static str, Json)> {
        let unit = &self.level().units()[at];
        let hides_one = unit.properties.keys().any(|name| OWN_PROPERTIES.contains(&name.as_str()));
        if hides_one { vec![(SOURCE_MEMBER, Json::Object(unit.properties.clone()))] } else { Vec::new() }
    }

    fn write_whole(&self, at: usize, out: &mut Vec<u8>) -> bool {
        let seen = self.ends.seen_of(&self.level().units()[at]);
        write_covered_unit(out, self.layer.coverage(), (self.depth, index(at)), seen).is_ok()
    }

    fn write_kept(&self, at: usize, out: &mut Vec<u8>) -> bool {
        if self.is_private(at) {
            return self.write_whole(at, out);
        }
        self.known.write_kept(index(at), out, |out| self.write_whole(at, out))
    }

    fn span(&self, at: usize) -> Option<(Timestamp, Option<Timestamp>)> {
        let seen = self.ends.seen_of(&self.level().units()[at]);
        Some((seen.from, seen.to))
    }

    fn meeting(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        merged(boxes, |rect| places(self.layer.index().units_intersecting(self.depth, rect)))
    }

    fn near(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        merged(boxes, |rect| places(self.layer.index().units_near(self.depth, rect)))
    }

    fn code_slot(&self) -> Option<usize> {
        Some(CODE)
    }

    fn with_prefix(&self, prefix: &str) -> Vec<usize> {
        let units = self.level().units();
        let start = units.partition_point(|unit| unit.code.as_str() < prefix);
        (start..units.len()).take_while(|at| units[*at].code.as_str().starts_with(prefix)).collect()
    }

    fn is_private(&self, at: usize) -> bool {
        self.ends.is_private(&self.level().units()[at])
    }

    fn time(&self) -> Option<Timestamp> {
        Some(self.layer.generation().created_at)
    }

    fn version(&self) -> Option<String> {
        let (layer, generation) = (self.layer.layer(), self.layer.generation());
        // When a unit ends is told from then on, and planners before.
        let mut ends = Sha256::new();
        for unit in self.level().units() {
            if let Some(to) = self.ends.seen_of(unit).to {
                ends.update(format!("{} {to}\n", unit.code));
            }
        }
        let digest = ends.finalize();
        let ends = u64::from_be_bytes(std::array::from_fn(|at| digest[at]));
        let revision = self.layer.revision();
        Some(format!("{}.{} {} {revision} {} {ends:x}", layer.name, self.level().level(), generation.id, generation.created_at))
    }
}
