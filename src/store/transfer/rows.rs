use std::fmt;

use geo_types::MultiPolygon;
use jiff::Timestamp;
use sha2::Digest as _;
use sha2::Sha256;
use uuid::Uuid;

/// One field of a row, as both back ends mean it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    Time(Timestamp),
    Uuid(Uuid),
    Boundary(MultiPolygon<f64>),
}

/// The fields of a row in the order of the table's columns.
pub type Row = Vec<Value>;

impl Value {
    /// How much memory the value takes, about.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Text(text) => text.len(),
                Self::Bytes(bytes) => bytes.len(),
                Self::Boundary(boundary) => boundary
                    .0
                    .iter()
                    .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
                    .fold(0, |sum, ring| sum + ring.0.len() * 16),
                _ => 0,
            }
    }

    /// Writes the value so that two values write the same bytes only where they are the same.
    fn write(&self, out: &mut Vec<u8>) {
        let mut sized = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend((bytes.len() as u64).to_le_bytes());
            out.extend(bytes);
        };
        match self {
            Self::Null => out.push(0),
            Self::Integer(number) => sized(1, &number.to_le_bytes()),
            // SQLite keeps no negative zero in a column of numbers.
            Self::Real(number) => sized(2, &(number + 0.0).to_bits().to_le_bytes()),
            Self::Text(text) => sized(3, text.as_bytes()),
            Self::Bytes(bytes) => sized(4, bytes),
            Self::Time(at) => sized(5, &at.as_microsecond().to_le_bytes()),
            Self::Uuid(id) => sized(6, id.as_bytes()),
            Self::Boundary(boundary) => sized(7, &boundary_bytes(boundary)),
        }
    }
}

/// Returns what tells a row from the others of its table.
pub(in crate::store) fn key_bytes(key: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.iter().for_each(|value| value.write(&mut bytes));
    bytes
}

fn boundary_bytes(boundary: &MultiPolygon<f64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = |count: usize, bytes: &mut Vec<u8>| bytes.extend((count as u64).to_le_bytes());
    count(boundary.0.len(), &mut bytes);
    for polygon in &boundary.0 {
        count(1 + polygon.interiors().len(), &mut bytes);
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            count(ring.0.len(), &mut bytes);
            for coord in &ring.0 {
                bytes.extend(coord.x.to_bits().to_le_bytes());
                bytes.extend(coord.y.to_bits().to_le_bytes());
            }
        }
    }
    bytes
}

/// The rows of a table summed up: their number, and SHA-256 over all of them in the order of the key.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    rows: u64,
    hash: Sha256,
    scratch: Vec<u8>,
}

impl Digest {
    pub fn push(&mut self, row: &[Value]) {
        self.rows += 1;
        self.scratch.clear();
        row.iter().for_each(|value| value.write(&mut self.scratch));
        self.hash.update((self.scratch.len() as u64).to_le_bytes());
        self.hash.update(&self.scratch);
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn sha256(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows && self.sha256() == other.sha256()
    }
}

/// The hash in hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sha256().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_anywhere_have_another_sum() {
        let sum = |rows: &[Row]| {
            let mut digest = Digest::default();
            rows.iter().for_each(|row| digest.push(row));
            digest
        };
        let text = |text: &str| Value::Text(text.into());
        let rows = [
            vec![text("ab"), Value::Null],
            vec![text("a"), text("b")],
            vec![text(""), text("ab")],
            vec![Value::Bytes(b"ab".into()), Value::Null],
        ];
        for (at, one) in rows.iter().enumerate() {
            for (other_at, other) in rows.iter().enumerate() {
                assert_eq!(sum(std::slice::from_ref(one)) == sum(std::slice::from_ref(other)), at == other_at);
            }
        }
        assert_ne!(sum(&[rows[0].clone(), rows[1].clone()]), sum(&[rows[1].clone(), rows[0].clone()]));
        assert_eq!(sum(&[vec![Value::Real(-0.0)]]), sum(&[vec![Value::Real(0.0)]]));
    }
}
