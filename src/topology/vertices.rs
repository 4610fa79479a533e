use geo_types::Coord;
use rustc_hash::FxHashMap;

/// The distinct vertices of some shapes, matched by the exact bits of their coordinates.
#[derive(Clone, Debug, Default)]
pub(super) struct Vertices {
    ids: FxHashMap<(u64, u64), u32>,
    coords: Vec<Coord<f64>>,
}

impl Vertices {
    pub fn coords(&self) -> &[Coord<f64>] {
        &self.coords
    }

    pub fn coord(&self, id: u32) -> Coord<f64> {
        self.coords[id as usize]
    }

    pub fn id_of(&mut self, coord: Coord<f64>) -> u32 {
        // Adding zero makes one of the two zeros.
        let coord = Coord { x: coord.x + 0.0, y: coord.y + 0.0 };
        *self.ids.entry((coord.x.to_bits(), coord.y.to_bits())).or_insert_with(|| {
            self.coords.push(coord);
            to_u32(self.coords.len() - 1)
        })
    }

    /// Returns the vertices of a closed ring, the first not repeated at the end, nor any twice in a row.
    pub fn ids_of(&mut self, line: &[Coord<f64>]) -> Vec<u32> {
        let mut ids: Vec<u32> = line.iter().map(|c| self.id_of(*c)).collect();
        without_repeats(&mut ids);
        ids
    }
}

/// Takes out vertices that stand twice in a row in a ring, its end and beginning included.
pub(super) fn without_repeats(ring: &mut Vec<u32>) {
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
}

pub(super) fn to_u32(count: usize) -> u32 {
    u32::try_from(count).expect("a layer has fewer than 2^32 vertices, edges and rings")
}
