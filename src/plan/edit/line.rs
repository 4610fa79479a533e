//! A border as it is edited: its line and, at each depth, the units on both sides.

use std::sync::Arc;

use geo_types::Coord;

use crate::topology::{ArcId, Plane, Sides, UnitIndex, ValidCoverage};

/// An arc that the base does not have so.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub coords: Vec<Coord<f64>>,
    /// One for each depth that has sides, coarse to fine.
    pub sides: Vec<Sides>,
}

/// What stands under the number of an arc.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Slot {
    /// What the base has there.
    Base,
    Gone,
    Own(Arc<Line>),
}

/// An arc as it is now, wherever it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum View<'a> {
    Base(&'a ValidCoverage, ArcId),
    Own(&'a Line),
}

impl<'a> View<'a> {
    pub fn coords(self) -> &'a [Coord<f64>] {
        match self {
            Self::Base(base, arc) => base.arcs().coords(arc),
            Self::Own(line) => &line.coords,
        }
    }

    pub fn sides(self, depth: usize) -> Sides {
        match self {
            Self::Base(base, arc) => base_sides(base, arc, depth),
            Self::Own(line) => line.sides[depth],
        }
    }

    pub fn to_line(self, depths: usize) -> Line {
        Line { coords: self.coords().to_vec(), sides: (0..depths).map(|depth| self.sides(depth)).collect() }
    }

    pub fn figures(self, origin: Coord<f64>) -> LineFigures {
        let coords = self.coords();
        LineFigures {
            length_m: Plane::Degrees.length_m(coords),
            under_m2: Plane::Degrees.area_under_m2(origin, coords),
            outline: coords.windows(2).map(|edge| edge_mark(edge[0], edge[1])).fold(0, u64::wrapping_add),
        }
    }
}

/// Returns the units on both sides of an arc of a base. Where an arc is no border of a level, the arcs of a coverage do not say in which
/// of its units it runs; what it separates at finer levels does.
fn base_sides(base: &ValidCoverage, arc: ArcId, depth: usize) -> Sides {
    let sides = base.arcs().sides(arc, depth);
    if sides.is_border() {
        return sides;
    }
    let holder = |side: fn(Sides) -> Option<UnitIndex>| {
        (depth + 1..base.levels().len()).find_map(|finer| {
            let unit = side(base.arcs().sides(arc, finer))?;
            (depth + 1..=finer).rev().try_fold(unit, |unit, at| base.levels()[at].parent(unit))
        })
    };
    let unit = holder(|sides| sides.left).or_else(|| holder(|sides| sides.right));
    Sides { left: unit, right: unit }
}

impl Line {
    /// Whether it is a border of any level.
    pub fn is_border(&self) -> bool {
        self.sides.iter().any(|sides| sides.left != sides.right)
    }

    pub fn set_side(&mut self, depth: usize, is_left: bool, unit: Option<UnitIndex>) {
        let sides = &mut self.sides[depth];
        *(if is_left { &mut sides.left } else { &mut sides.right }) = unit;
    }
}

/// What a line adds to the figures of the units beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LineFigures {
    pub length_m: f64,
    /// The area between the line and the parallel of the board's origin: what a unit on its right has more, and one on its left less.
    pub under_m2: f64,
    /// The marks of its edges added up, so that outlines with the same edges have the same.
    pub outline: u64,
}

/// A number for an edge, whichever way it is run along.
fn edge_mark(a: Coord<f64>, b: Coord<f64>) -> u64 {
    let key = |c: Coord<f64>| mix(c.x.to_bits()).wrapping_mul(3).wrapping_add(mix(c.y.to_bits() ^ 0x5851_f42d_4c95_7f2d));
    mix(key(a)).wrapping_add(mix(key(b))).wrapping_mul(mix(key(a).wrapping_add(key(b))) | 1)
}

/// The finaliser of splitmix64 (Steele and others 2014): every bit of the input changes about half of the output's.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
