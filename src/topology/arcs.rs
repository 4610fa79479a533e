use geo_types::Coord;

/// The place of a unit within its level, in the byte order of codes.
///
/// A smaller index is a smaller code, so the owner rule compares indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitIndex(pub u32);

/// The place of an arc in its [`ArcStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArcId(pub u32);

/// An arc with the direction in which a ring runs along it.
///
/// Packed as in TopoJSON: the bits of the id, inverted where the ring runs against the arc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArcRef(i32);

impl ArcRef {
    pub fn new(arc: ArcId, reversed: bool) -> Self {
        let id = i32::try_from(arc.0).expect("a store holds fewer than 2^31 arcs, see ARCS_MAX");
        Self(if reversed { !id } else { id })
    }

    pub fn arc(self) -> ArcId {
        ArcId(if self.0 < 0 { !self.0 } else { self.0 }.unsigned_abs())
    }

    pub fn is_reversed(self) -> bool {
        self.0 < 0
    }
}

/// The units on both sides of an arc at one level, looking along the arc.
///
/// Both none: the arc is no border of this level. One none: that side lies in no unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sides {
    pub left: Option<UnitIndex>,
    pub right: Option<UnitIndex>,
}

impl Sides {
    pub fn reversed(self) -> Self {
        Self { left: self.right, right: self.left }
    }

    pub fn is_border(self) -> bool {
        self.left.is_some() || self.right.is_some()
    }
}

/// All arcs of a layer, shared by its levels.
///
/// An arc runs between two junctions, or closes on itself; between them the units on both sides are
/// the same at every level. Coordinates of all arcs lie in one array.
#[derive(Clone, Debug, Default)]
pub struct ArcStore {
    pub(super) coords: Vec<Coord<f64>>,
    /// One more than there are arcs; arc `i` has the coordinates `starts[i]..starts[i + 1]`.
    pub(super) starts: Vec<u32>,
    /// Arc-major: the sides of arc `i` at depth `d` stand at `i * depths + d`.
    pub(super) sides: Vec<Sides>,
    pub(super) depths: usize,
}

impl ArcStore {
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn ids(&self) -> impl ExactSizeIterator<Item = ArcId> + use<> {
        (0..u32::try_from(self.len()).expect("arcs are counted in 32 bits")).map(ArcId)
    }

    /// Returns the coordinates of an arc, at least two, degrees.
    pub fn coords(&self, arc: ArcId) -> &[Coord<f64>] {
        let at = arc.0 as usize;
        &self.coords[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Returns the units on both sides of an arc at a depth of the layer, 0 being the coarsest level.
    pub fn sides(&self, arc: ArcId, depth: usize) -> Sides {
        debug_assert!(depth < self.depths, "depth {depth} of {}", self.depths);
        self.sides[arc.0 as usize * self.depths + depth]
    }

    /// Returns where the bounds of an arc among the coordinates stand, and its sides at a depth: for who asks memory ahead for what
    /// [`Self::coords`] and [`Self::sides`] will read.
    pub fn places(&self, arc: ArcId, depth: usize) -> (&[u32], &[Sides]) {
        (&self.starts[arc.0 as usize..], &self.sides[arc.0 as usize * self.depths + depth..])
    }

    /// Returns the number of levels for which sides are kept.
    pub fn depths(&self) -> usize {
        self.depths
    }

    /// Returns the coordinates of all arcs together, as an upper bound of work and memory.
    pub fn coord_count(&self) -> usize {
        self.coords.len()
    }

    /// Calls `visit` with each coordinate of a closed ring, the first once more at the end.
    pub fn for_each_ring_coord(&self, ring: &[ArcRef], mut visit: impl FnMut(Coord<f64>)) {
        for (at, arc_ref) in ring.iter().enumerate() {
            let coords = self.coords(arc_ref.arc());
            let skip = usize::from(at > 0);
            if arc_ref.is_reversed() {
                coords.iter().rev().skip(skip).for_each(|c| visit(*c));
            } else {
                coords.iter().skip(skip).for_each(|c| visit(*c));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_keeps_arc_and_direction() {
        for (id, reversed) in [(0, false), (0, true), (7, false), (7, true)] {
            let arc_ref = ArcRef::new(ArcId(id), reversed);
            assert_eq!((arc_ref.arc(), arc_ref.is_reversed()), (ArcId(id), reversed));
        }
    }
}
