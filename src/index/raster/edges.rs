use geo_types::Coord;

use super::crossing;
use crate::topology::{ArcId, ArcStore};

/// Stands for a unit within a raster: its number and one; 0 is no unit. So labels can be combined by XOR, where crossing an edge
/// from one unit to another is one and the same number both ways.
pub(super) type Label = u32;

/// A stretch of edges along one arc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub arc: ArcId,
    pub first: u32,
    pub count: u32,
}

/// An edge with what lies on its sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub arc: ArcId,
    /// Its number within the arc.
    pub number: u32,
    pub low: Coord<f64>,
    pub high: Coord<f64>,
    /// The sides as seen from the lower end to the higher, or from west to east where both are equally high.
    pub left: Label,
    pub right: Label,
}

/// What covers a place: the XOR of the labels of all units that do, and how many do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cover {
    pub label: Label,
    pub count: i32,
}

impl Run {
    /// Returns the edges of a stretch, given the labels left and right of its arc.
    pub(super) fn edges(self, arcs: &ArcStore, (left, right): (Label, Label)) -> impl Iterator<Item = Edge> {
        let coords = &arcs.coords(self.arc)[self.first as usize..=(self.first + self.count) as usize];
        coords.windows(2).zip(self.first..).map(move |(edge, number)| Edge::new(self.arc, number, edge[0], edge[1], left, right))
    }
}

impl Edge {
    pub(super) fn new(arc: ArcId, number: u32, from: Coord<f64>, to: Coord<f64>, left: Label, right: Label) -> Self {
        if (from.y, from.x) <= (to.y, to.x) {
            Self { arc, number, low: from, high: to, left, right }
        } else {
            Self { arc, number, low: to, high: from, left: right, right: left }
        }
    }

    pub(super) fn xor(&self) -> Label {
        self.left ^ self.right
    }

    /// The ends from west to east.
    pub(super) fn westward(&self) -> (Coord<f64>, Coord<f64>) {
        if self.low.x <= self.high.x { (self.low, self.high) } else { (self.high, self.low) }
    }

    /// Whether an edge of the level's rim or of a gap's.
    pub(super) fn is_loose(&self) -> bool {
        (self.left == 0) != (self.right == 0)
    }
}

impl Cover {
    pub(super) fn of(labels: impl IntoIterator<Item = Label>) -> Self {
        labels.into_iter().fold(Self::default(), |cover, label| Self { label: cover.label ^ label, count: cover.count + 1 })
    }

    /// The cover east of the way from `from_x` to `to`, where this is the cover at its begin.
    pub(super) fn eastward<'a>(mut self, edges: impl Iterator<Item = &'a Edge>, from_x: f64, to: Coord<f64>) -> Self {
        for edge in edges {
            if crossing::crosses_eastward(edge.low, edge.high, from_x, to) {
                self.cross(edge.left, edge.right);
            }
        }
        self
    }

    pub(super) fn northward<'a>(mut self, edges: impl Iterator<Item = &'a Edge>, from: Coord<f64>, to_y: f64) -> Self {
        for edge in edges {
            let (west, east) = edge.westward();
            if crossing::crosses_northward(west, east, from, to_y) {
                // From the right of the way east to its left; seen from the lower end where that is the west end.
                let (south, north) = if edge.low.x <= edge.high.x { (edge.right, edge.left) } else { (edge.left, edge.right) };
                self.cross(south, north);
            }
        }
        self
    }

    pub(super) fn cross(&mut self, from: Label, to: Label) {
        self.label ^= from ^ to;
        self.count += i32::from(to != 0) - i32::from(from != 0);
    }

    /// The one label that there is, 0 where nothing covers; none where several units do.
    pub(super) fn single(self) -> Option<Label> {
        match self.count {
            0 if self.label == 0 => Some(0),
            1 if self.label != 0 => Some(self.label),
            _ => None,
        }
    }
}
