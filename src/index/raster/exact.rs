use geo_types::Coord;

use super::edges::{Cover, Edge, Label};
use super::record::Record;
use crate::index::ray;
use crate::topology::{ArcStore, UnitIndex};

/// Coordinates that are 0 or larger than this differ by so much that no product of two differences underflows: 1e-100 has floats 1e-116
/// beside it, and the smallest with all its digits is 1e-308.
pub(super) const TINY_DEG: f64 = 1e-100;

/// What lies at a position, at the level of the raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::index) enum Place {
    /// The shifted position lies in this unit and in no other.
    In(UnitIndex),
    /// The shifted position lies in no unit, and the position on the border of this one, and of none with a smaller code.
    On(UnitIndex),
    /// Neither.
    Free,
    /// The raster does not tell.
    Unknown,
}

/// The borders of one level.
#[derive(Clone, Copy)]
pub(super) struct Borders<'a> {
    pub arcs: &'a ArcStore,
    pub depth: usize,
}

/// Finds what lies at a position by the edges that the record of its cell names: what covers the cell's mark, and what is crossed on the
/// way from there, north and then east. `at_mark` is the unit at the mark as it is named today.
pub(super) fn find(record: &Record<'_>, at_mark: Label, mark: Coord<f64>, borders: Borders<'_>, p: Coord<f64>) -> Place {
    if has_tiny(p) {
        return Place::Unknown;
    }
    let mut cover = Cover { label: at_mark, count: i32::from(at_mark != 0) };
    borders.for_each_edge(record, |edge| {
        let one = std::slice::from_ref(edge);
        cover = cover.northward(one.iter(), mark, p.y).eastward(one.iter(), mark.x, p);
    });
    match cover.single() {
        None => Place::Unknown,
        Some(0) => find_touching(record, borders, p),
        Some(label) => Place::In(UnitIndex(label - 1)),
    }
}

fn find_touching(record: &Record<'_>, borders: Borders<'_>, p: Coord<f64>) -> Place {
    let mut first = Label::MAX;
    borders.for_each_edge(record, |edge| {
        if ray::is_on(edge.low, edge.high, p) {
            // A side without a unit is 0; one less, it is the largest.
            first = first.min(edge.left.wrapping_sub(1)).min(edge.right.wrapping_sub(1));
        }
    });
    if first == Label::MAX { Place::Free } else { Place::On(UnitIndex(first)) }
}

impl Borders<'_> {
    fn for_each_edge(self, record: &Record<'_>, mut visit: impl FnMut(&Edge)) {
        let Self { arcs, depth } = self;
        let edge_count = |arc| arcs.coords(arc).len() - 1;
        let label = |unit: Option<UnitIndex>| unit.map_or(0, |unit| unit.0 + 1);
        let sides = |arc| {
            let sides = arcs.sides(arc, depth);
            (label(sides.left), label(sides.right))
        };
        record.for_each_run(edge_count, |run| run.edges(arcs, sides(run.arc)).for_each(|edge| visit(&edge)));
    }
}

/// Whether a coordinate is so small that products of differences may underflow, where the sign of `orient2d` is not certain.
pub(super) fn has_tiny(c: Coord<f64>) -> bool {
    let is_tiny = |c: f64| c != 0.0 && c.abs() < TINY_DEG;
    is_tiny(c.x) || is_tiny(c.y)
}
