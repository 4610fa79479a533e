use std::fmt;

use super::overlay::{Overlay, is_sliver_m2};
use crate::boundary::UnitShape;

/// What became of a unit's ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The same ground under the same code, with another name.
    Renamed,
    /// The same ground under the same code and name, with another parent or other properties.
    Attributes,
    /// The same ground under another code.
    Recoded,
    /// The unit goes on under its code and has other ground, or gave this ground to a neighbour that goes on.
    Redrawn,
    /// Ground of a unit that is the main source of two new units or more.
    Split,
    /// Ground of a unit, most of which went to a new unit that took in most of another as well.
    Merged,
    /// Ground of a unit whose code is no more, and which neither was recoded nor split nor merged; or ground that no unit has now.
    Ended,
    /// Ground of a unit whose code is new, and which comes of none of the above; or ground that no unit had.
    Begun,
}

impl Kind {
    pub const ALL: [Self; 8] =
        [Self::Renamed, Self::Attributes, Self::Recoded, Self::Redrawn, Self::Split, Self::Merged, Self::Ended, Self::Begun];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renamed => "renamed",
            Self::Attributes => "attributes",
            Self::Recoded => "recoded",
            Self::Redrawn => "redrawn",
            Self::Split => "split",
            Self::Merged => "merged",
            Self::Ended => "ended",
            Self::Begun => "begun",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// More than this share makes a unit the main source, or the main heir, of another: more than half, and by so much that two exact halves,
/// whichever way they are rounded, are none.
const MAIN_SHARE: f64 = 0.500_001;

/// What each unit became, or came of.
#[derive(Debug)]
pub(super) struct Kinds {
    /// For each piece; none where the unit is what it was, but for vertices that move no ground.
    pub pieces: Vec<Option<Kind>>,
    pub from: Vec<Option<Kind>>,
    pub to: Vec<Option<Kind>>,
}

impl Kinds {
    pub(super) fn of(overlay: &Overlay, from: &[UnitShape], to: &[UnitShape]) -> Self {
        let links = Links::of(overlay, from, to);
        let pieces: Vec<Option<Kind>> = (0..overlay.pieces.len()).map(|at| links.kind(at)).collect();
        let of_units = |count: usize, unit: &dyn Fn(usize) -> usize, alone: Kind, goes_on: &dyn Fn(usize) -> bool| {
            let mut kinds: Vec<Option<Option<Kind>>> = vec![None; count];
            for (at, kind) in pieces.iter().enumerate() {
                let known = &mut kinds[unit(at)];
                // What says most about the unit: its identity, then splits and merges.
                *known = Some(known.take().map_or(*kind, |known| stronger(known, *kind)));
            }
            let settle = |(at, kind): (usize, Option<Option<Kind>>)| match kind {
                Some(Some(Kind::Redrawn | Kind::Ended | Kind::Begun)) | None => Some(if goes_on(at) { Kind::Redrawn } else { alone }),
                Some(kind) => kind,
            };
            kinds.into_iter().enumerate().map(settle).collect::<Vec<_>>()
        };
        let from_kinds = of_units(from.len(), &|at| overlay.pieces[at].from, Kind::Ended, &|at| links.from_goes_on[at]);
        let to_kinds = of_units(to.len(), &|at| overlay.pieces[at].to, Kind::Begun, &|at| links.to_goes_on[at]);
        Self { pieces, from: from_kinds, to: to_kinds }
    }
}

/// Of what the pieces of one unit say the one that says more: nothing has changed, a new name or code, a split, a merge, the rest.
fn stronger(a: Option<Kind>, b: Option<Kind>) -> Option<Kind> {
    let rank = |kind: Option<Kind>| match kind {
        None => 0,
        Some(Kind::Renamed | Kind::Attributes | Kind::Recoded) => 1,
        Some(Kind::Split) => 2,
        Some(Kind::Merged) => 3,
        Some(Kind::Redrawn | Kind::Ended | Kind::Begun) => 4,
    };
    if rank(b) < rank(a) { b } else { a }
}

struct Links<'a> {
    overlay: &'a Overlay,
    from: &'a [UnitShape],
    to: &'a [UnitShape],
    from_goes_on: Vec<bool>,
    to_goes_on: Vec<bool>,
    /// How many pieces each unit has, and whether it lost or gained nothing beside them.
    from_pieces: Vec<usize>,
    to_pieces: Vec<usize>,
    /// The old unit that gave a new one more than half of its ground, and the new one that got more than half of an old one's.
    main_source: Vec<Option<usize>>,
    main_heir: Vec<Option<usize>>,
    is_split: Vec<bool>,
    is_merged: Vec<bool>,
}

impl<'a> Links<'a> {
    fn of(overlay: &'a Overlay, from: &'a [UnitShape], to: &'a [UnitShape]) -> Self {
        let codes = |shapes: &'a [UnitShape]| shapes.iter().map(|shape| &shape.unit.code).collect::<rustc_hash::FxHashSet<_>>();
        let (from_codes, to_codes) = (codes(from), codes(to));
        let mut links = Self {
            overlay,
            from,
            to,
            from_goes_on: from.iter().map(|shape| to_codes.contains(&shape.unit.code)).collect(),
            to_goes_on: to.iter().map(|shape| from_codes.contains(&shape.unit.code)).collect(),
            from_pieces: vec![0; from.len()],
            to_pieces: vec![0; to.len()],
            main_source: vec![None; to.len()],
            main_heir: vec![None; from.len()],
            is_split: vec![false; from.len()],
            is_merged: vec![false; to.len()],
        };
        for piece in &overlay.pieces {
            links.from_pieces[piece.from] += 1;
            links.to_pieces[piece.to] += 1;
            if piece.area_m2 > MAIN_SHARE * overlay.to_m2[piece.to] {
                links.main_source[piece.to] = Some(piece.from);
            }
            if piece.area_m2 > MAIN_SHARE * overlay.from_m2[piece.from] {
                links.main_heir[piece.from] = Some(piece.to);
            }
        }
        links.is_split = has_two(from.len(), &links.main_source);
        links.is_merged = has_two(to.len(), &links.main_heir);
        links
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        let piece = &self.overlay.pieces[at];
        let (from, to) = (&self.from[piece.from].unit, &self.to[piece.to].unit);
        if self.is_same_ground(at) {
            return match () {
                () if from.code != to.code => Some(Kind::Recoded),
                () if from.name != to.name => Some(Kind::Renamed),
                () if from.parent != to.parent || from.properties != to.properties => Some(Kind::Attributes),
                () => None,
            };
        }
        Some(match () {
            () if self.is_split[piece.from] && self.main_source[piece.to] == Some(piece.from) => Kind::Split,
            () if self.is_merged[piece.to] && self.main_heir[piece.from] == Some(piece.to) => Kind::Merged,
            () if from.code == to.code => Kind::Redrawn,
            () if !self.from_goes_on[piece.from] => Kind::Ended,
            () if !self.to_goes_on[piece.to] => Kind::Begun,
            () => Kind::Redrawn,
        })
    }

    /// Whether the two units of a piece have all their ground in common, but for slivers.
    fn is_same_ground(&self, at: usize) -> bool {
        let piece = &self.overlay.pieces[at];
        self.from_pieces[piece.from] == 1
            && self.to_pieces[piece.to] == 1
            && is_sliver_m2(self.overlay.lost_m2[piece.from])
            && is_sliver_m2(self.overlay.gained_m2[piece.to])
    }
}

/// Tells of each of `count` units whether two others or more name it.
fn has_two(count: usize, named: &[Option<usize>]) -> Vec<bool> {
    let mut counts = vec![0_u32; count];
    named.iter().flatten().for_each(|at| counts[*at] += 1);
    counts.into_iter().map(|count| count > 1).collect()
}
