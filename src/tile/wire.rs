//! Writes tiles as MVT 2.1, and the parts of them that are kept ready.

use rustc_hash::FxHashMap;

use super::address::EXTENT;
use super::snap::GridPoint;

/// A tile is a message of Protocol Buffers, which hold at most 2 GiB.
const TILE_BYTES_MAX: usize = 1 << 31;

const MOVE_TO: u64 = 1;
const LINE_TO: u64 = 2;
/// The command that closes a ring, with its count of one.
const CLOSE_PATH: u8 = 15;

/// A tile has more bytes than the format can hold.
#[derive(Debug, thiserror::Error)]
#[error("the tile would have {bytes} bytes, more than the 2 GiB that the format holds; draw fewer units at its zoom")]
pub struct TileTooLarge {
    bytes: usize,
}

/// What the features of a layer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Point = 1,
    Line = 2,
    Polygon = 3,
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Reads a number that [`put_varint`] has written, and moves on behind it.
pub(super) fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return value;
        }
    }
    unreachable!("runs are written by this module and end where a number ends")
}

fn put_step(out: &mut Vec<u8>, from: GridPoint, to: GridPoint) {
    for axis in 0..2 {
        let step = to[axis] - from[axis];
        put_varint(out, u64::from(((step << 1) ^ (step >> 31)).cast_unsigned()));
    }
}

fn take_step(bytes: &mut &[u8], from: GridPoint) -> GridPoint {
    from.map(|at| {
        let step = u32::try_from(take_varint(bytes)).expect("a step fits 32 bits");
        at + ((step >> 1).cast_signed() ^ -(step & 1).cast_signed())
    })
}

/// Appends lines or rings as their commands, all but the first step, which depends on the tile; returns the point that it leads to.
///
/// The steps between parts do not depend on the tile, so a unit that lies in a tile as a whole is copied into it. Rings have their
/// interior on the left and MVT wants it on the right, so they are written backwards.
pub(super) fn put_run<'a>(parts: impl IntoIterator<Item = &'a [GridPoint]>, is_closed: bool, out: &mut Vec<u8>) -> Option<GridPoint> {
    let (mut first, mut at) = (None, [0, 0]);
    for part in parts {
        let Some(&start) = part.first() else { continue };
        if first.is_none() {
            first = Some(start);
        } else {
            put_varint(out, 1 << 3 | MOVE_TO);
            put_step(out, at, start);
        }
        at = start;
        put_varint(out, (part.len() as u64 - 1) << 3 | LINE_TO);
        for step in 1..part.len() {
            let point = part[if is_closed { part.len() - step } else { step }];
            put_step(out, at, point);
            at = point;
        }
        if is_closed {
            out.push(CLOSE_PATH);
        }
    }
    first
}

/// Returns the parts that [`put_run`] has written.
pub(super) fn take_run(first: GridPoint, mut run: &[u8], is_closed: bool) -> Vec<Vec<GridPoint>> {
    let (mut parts, mut at) = (Vec::new(), first);
    while !run.is_empty() {
        if !parts.is_empty() {
            take_varint(&mut run);
            at = take_step(&mut run, at);
        }
        let count = take_varint(&mut run) >> 3;
        let mut part = Vec::with_capacity(usize::try_from(count).unwrap_or(0) + 1);
        part.push(at);
        for _ in 0..count {
            at = take_step(&mut run, at);
            part.push(at);
        }
        if is_closed {
            part[1..].reverse();
            run = &run[1..];
        }
        parts.push(part);
    }
    parts
}

/// Writes a value of a property as it stands in a layer's list of values.
pub(super) fn put_value(value: &serde_json::Value, out: &mut Vec<u8>) {
    use serde_json::Value;
    let mut body = Vec::new();
    match value {
        Value::Bool(flag) => body.extend([7 << 3, u8::from(*flag)]),
        Value::Number(number) => {
            if let Some(whole) = number.as_u64() {
                body.push(5 << 3);
                put_varint(&mut body, whole);
            } else if let Some(whole) = number.as_i64() {
                body.push(6 << 3);
                put_varint(&mut body, ((whole << 1) ^ (whole >> 63)).cast_unsigned());
            } else if let Some(real) = number.as_f64() {
                body.push(3 << 3 | 1);
                body.extend(real.to_le_bytes());
            }
        }
        Value::String(text) => put_text(text, &mut body),
        // Lists and objects have no form of their own in a tile.
        other => put_text(&other.to_string(), &mut body),
    }
    out.push(4 << 3 | 2);
    put_varint(out, body.len() as u64);
    out.extend(body);
}

/// Writes a text as it stands in a layer's list of values.
pub(super) fn put_text_value(text: &str, out: &mut Vec<u8>) {
    let len = 1 + varint_len(text.len() as u64) + text.len();
    out.push(4 << 3 | 2);
    put_varint(out, len as u64);
    put_text(text, out);
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(1 << 3 | 2);
    put_varint(out, text.len() as u64);
    out.extend(text.as_bytes());
}

/// Writes one layer of a tile, feature by feature.
pub(super) struct LayerWriter<'a> {
    kind: Kind,
    origin: GridPoint,
    keys: Vec<&'a str>,
    /// Those that a feature has, as the layer lists them.
    used: Vec<&'a str>,
    /// For each key its place among them, once it has one.
    key_places: Vec<Option<u64>>,
    /// For each key the value that the feature before had, as neighbours often share one.
    before: Vec<(&'a [u8], u64)>,
    places: FxHashMap<&'a [u8], u64>,
    values: Vec<u8>,
    value_count: u64,
    features: Vec<u8>,
    tags: Vec<u8>,
    head: Vec<u8>,
}

impl<'a> LayerWriter<'a> {
    /// Begins a layer of a tile that has its north-west corner at `origin`.
    pub fn new(kind: Kind, origin: GridPoint, keys: Vec<&'a str>) -> Self {
        let before = vec![(&[][..], 0); keys.len()];
        Self {
            kind,
            origin,
            before,
            key_places: vec![None; keys.len()],
            used: Vec::new(),
            keys,
            places: FxHashMap::default(),
            values: Vec::new(),
            value_count: 0,
            features: Vec::new(),
            tags: Vec::new(),
            head: Vec::new(),
        }
    }

    /// Gives the next feature a property: the place of its key, and its value as [`put_value`] writes it. `is_unique` where no other
    /// feature of the layer has the same, which saves looking for it.
    pub fn tag(&mut self, key: usize, value: &'a [u8], is_unique: bool) {
        if value.is_empty() {
            return;
        }
        let place = if is_unique {
            self.add_value(value)
        } else if self.before[key].0 == value {
            self.before[key].1
        } else {
            let place = match self.places.get(value) {
                Some(place) => *place,
                None => {
                    let place = self.add_value(value);
                    self.places.insert(value, place);
                    place
                }
            };
            self.before[key] = (value, place);
            place
        };
        let key = self.key_places[key].unwrap_or_else(|| {
            let next = self.used.len() as u64;
            self.key_places[key] = Some(next);
            self.used.push(self.keys[key]);
            next
        });
        put_varint(&mut self.tags, key);
        put_varint(&mut self.tags, place);
    }

    fn add_value(&mut self, value: &[u8]) -> u64 {
        self.values.extend_from_slice(value);
        self.value_count += 1;
        self.value_count - 1
    }

    /// Ends a feature: its id, and its geometry as [`put_run`] has written it. A point has no run.
    pub fn feature(&mut self, id: Option<u64>, first: GridPoint, run: &[u8]) {
        self.head.clear();
        put_varint(&mut self.head, 1 << 3 | MOVE_TO);
        put_step(&mut self.head, self.origin, first);
        let geometry = self.head.len() + run.len();
        let id_len = id.map_or(0, |id| 1 + varint_len(id));
        let tags_len = if self.tags.is_empty() { 0 } else { 1 + varint_len(self.tags.len() as u64) + self.tags.len() };
        let body = id_len + tags_len + 2 + 1 + varint_len(geometry as u64) + geometry;
        let out = &mut self.features;
        out.push(2 << 3 | 2);
        put_varint(out, body as u64);
        if let Some(id) = id {
            out.push(1 << 3);
            put_varint(out, id);
        }
        if !self.tags.is_empty() {
            out.push(2 << 3 | 2);
            put_varint(out, self.tags.len() as u64);
            out.extend_from_slice(&self.tags);
        }
        out.extend([3 << 3, self.kind as u8, 4 << 3 | 2]);
        put_varint(out, geometry as u64);
        out.extend_from_slice(&self.head);
        out.extend_from_slice(run);
        self.tags.clear();
    }

    /// Appends the layer to a tile; nothing where it has no feature.
    pub fn finish(self, name: &str, tile: &mut Vec<u8>) -> Result<(), TileTooLarge> {
        if self.features.is_empty() {
            return Ok(());
        }
        let mut around = Vec::new();
        // version 2
        around.extend([15 << 3, 2, 1 << 3 | 2]);
        put_varint(&mut around, name.len() as u64);
        around.extend_from_slice(name.as_bytes());
        for key in &self.used {
            around.push(3 << 3 | 2);
            put_varint(&mut around, key.len() as u64);
            around.extend_from_slice(key.as_bytes());
        }
        around.push(5 << 3);
        put_varint(&mut around, u64::from(EXTENT.unsigned_abs()));
        let len = around.len() + self.features.len() + self.values.len();
        let bytes = tile.len() + len;
        if bytes >= TILE_BYTES_MAX {
            return Err(TileTooLarge { bytes });
        }
        tile.reserve(len + 12);
        tile.push(3 << 3 | 2);
        put_varint(tile, len as u64);
        tile.extend(around);
        tile.extend(self.features);
        tile.extend(self.values);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_back_as_it_was_written() {
        let parts: Vec<Vec<GridPoint>> =
            vec![vec![[5, 7], [5, 9], [1 << 29, -3]], vec![[0, 0], [-70, 64], [3, 3], [2, 1]], vec![[9, 9], [8, 8], [7, 9]]];
        for is_closed in [false, true] {
            let mut run = Vec::new();
            let first = put_run(parts.iter().map(Vec::as_slice), is_closed, &mut run).unwrap();
            assert_eq!((first, take_run(first, &run, is_closed)), ([5, 7], parts.clone()));
        }
    }

    #[test]
    fn numbers_of_all_lengths_are_read_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), (1 << 52) - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(bytes.len(), varint_len(value));
            assert_eq!(take_varint(&mut &bytes[..]), value);
        }
    }
}
