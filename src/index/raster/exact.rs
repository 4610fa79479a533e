use geo_types::Coord;

use super::crossing;
use super::edges::{Cover, Edge, Label, Run};
use super::record::{ArcWords, Record};
use crate::index::ray;
use crate::topology::{ArcId, ArcStore, UnitIndex};

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
    /// How records name arcs.
    pub arc_words: ArcWords,
}

/// A cell with a border, as the exact test needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubtful<'a> {
    pub record: Record<'a>,
    /// The units at the mark and on the other side, as they are named today.
    pub at_mark: Label,
    pub other: Label,
    pub mark: Coord<f64>,
}

impl Doubtful<'_> {
    /// Finds what lies at a position by the edges that the record of its cell names: what covers the cell's mark, and what is crossed on
    /// the way from there, north and then east.
    pub(super) fn find(&self, borders: Borders<'_>, p: Coord<f64>) -> Place {
        if has_tiny(p) {
            return Place::Unknown;
        }
        if self.record.parts_two_units() {
            // Every edge crossed leads from one of the two units to the other, so that the sides of arcs need not be read.
            let mut odd = false;
            borders.for_each_edge_on_way(&self.record, self.mark, p, |_, edge| {
                odd ^= crossing::crosses_northward_edge(edge, self.mark, p.y) ^ crossing::crosses_eastward_edge(edge, self.mark.x, p);
            });
            let label = if odd { self.other } else { self.at_mark };
            return label.checked_sub(1).map_or(Place::Unknown, |unit| Place::In(UnitIndex(unit)));
        }
        let mut cover = Cover { label: self.at_mark, count: i32::from(self.at_mark != 0) };
        borders.for_each_edge_on_way(&self.record, self.mark, p, |arc, [from, to]| {
            let (left, right) = borders.labels(arc);
            let edge = [Edge::new(arc, 0, from, to, left, right)];
            cover = cover.northward(edge.iter(), self.mark, p.y).eastward(edge.iter(), self.mark.x, p);
        });
        match cover.single() {
            None => Place::Unknown,
            Some(0) => self.find_touching(borders, p),
            Some(label) => Place::In(UnitIndex(label - 1)),
        }
    }

    fn find_touching(&self, borders: Borders<'_>, p: Coord<f64>) -> Place {
        let mut first = Label::MAX;
        borders.for_each_run(&self.record, |run| {
            if borders.coords(run).windows(2).any(|edge| ray::is_on(edge[0], edge[1], p)) {
                let (left, right) = borders.labels(run.arc);
                // A side without a unit is 0; one less, it is the largest.
                first = first.min(left.wrapping_sub(1)).min(right.wrapping_sub(1));
            }
        });
        if first == Label::MAX { Place::Free } else { Place::On(UnitIndex(first)) }
    }
}

impl<'a> Borders<'a> {
    pub(super) fn for_each_run(self, record: &Record<'_>, visit: impl FnMut(Run)) {
        record.for_each_run(self.arc_words, visit);
    }

    pub(super) fn coords(self, run: Run) -> &'a [Coord<f64>] {
        &self.arcs.coords(run.arc)[run.first as usize..=(run.first + run.count) as usize]
    }

    /// Returns what lies left and right of an arc.
    fn labels(self, arc: ArcId) -> (Label, Label) {
        let label = |unit: Option<UnitIndex>| unit.map_or(0, |unit| unit.0 + 1);
        let sides = self.arcs.sides(arc, self.depth);
        (label(sides.left), label(sides.right))
    }

    /// Calls `visit` with the edges that the way from `mark` north and then east to `p` may cross: those with one end above the row of `p`
    /// or one east of the mark.
    fn for_each_edge_on_way(self, record: &Record<'_>, mark: Coord<f64>, p: Coord<f64>, mut visit: impl FnMut(ArcId, [Coord<f64>; 2])) {
        self.for_each_run(record, |run| {
            let coords = self.coords(run);
            let side = |c: Coord<f64>| (c.y <= p.y, c.x <= mark.x);
            let (mut from, mut from_side) = (coords[0], side(coords[0]));
            for &to in &coords[1..] {
                let to_side = side(to);
                if from_side != to_side {
                    visit(run.arc, [from, to]);
                }
                (from, from_side) = (to, to_side);
            }
        });
    }
}

/// Whether a coordinate is so small that products of differences may underflow, where the sign of `orient2d` is not certain.
pub(in crate::index) fn has_tiny(c: Coord<f64>) -> bool {
    let is_tiny = |c: f64| c != 0.0 && c.abs() < TINY_DEG;
    is_tiny(c.x) || is_tiny(c.y)
}
