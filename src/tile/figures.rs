use rustc_hash::FxHashMap;

use super::wire::put_value;

/// Numbers of units that tiles carry beside what the units say of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFigures {
    names: Vec<String>,
    /// For each depth, unit by unit, which entries of the table its numbers are; [`NONE`] for one that is not told.
    entries: Vec<Vec<u32>>,
    /// Each number that occurs, as it stands in tiles.
    table: Vec<Vec<u8>>,
}

/// Stands for a number that is not told.
const NONE: u32 = u32::MAX;

impl UnitFigures {
    /// Takes the numbers of each unit of each depth, one for each name; none of units of which nothing is told.
    pub fn new<const N: usize>(names: [&str; N], levels: &[Vec<Option<[u64; N]>>]) -> Self {
        let (mut table, mut places): (Vec<Vec<u8>>, FxHashMap<u64, u32>) = (Vec::new(), FxHashMap::default());
        let mut entry = |number: u64| {
            *places.entry(number).or_insert_with(|| {
                let mut bytes = Vec::new();
                put_value(&number.into(), &mut bytes);
                table.push(bytes);
                super::to_u32(table.len() - 1)
            })
        };
        let mut of_unit = |unit: &Option<[u64; N]>| unit.map_or([NONE; N], |numbers| numbers.map(&mut entry));
        let entries = levels.iter().map(|level| level.iter().flat_map(&mut of_unit).collect()).collect();
        Self { names: names.map(str::to_owned).to_vec(), entries, table }
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the numbers of a unit that are told, each with the place of its name.
    pub(super) fn of(&self, depth: usize, unit: usize) -> impl Iterator<Item = (usize, &[u8])> {
        let count = self.names.len();
        let own = self.entries.get(depth).and_then(|level| level.get(unit * count..(unit + 1) * count)).unwrap_or_default();
        own.iter().enumerate().filter(|(_, entry)| **entry != NONE).map(|(name, entry)| (name, self.table[*entry as usize].as_slice()))
    }

    /// Returns the memory that it takes beside itself, in bytes.
    pub fn bytes(&self) -> usize {
        let entries = self.entries.iter().map(|level| level.capacity() * size_of::<u32>()).sum::<usize>();
        entries + self.table.iter().map(|bytes| bytes.capacity() + size_of::<Vec<u8>>()).sum::<usize>()
    }
}
