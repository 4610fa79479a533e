//! Gives a unit another shape. Ground that it gets comes from the units that have it, and ground that it leaves goes to a neighbour, so
//! that nothing is left over.

use std::collections::BTreeMap;

use geo_types::Geometry;

use super::board::Board;
use super::cover::Cover;
use super::operation::Rings;
use super::refusal::{Reason, Refusal, Refused};
use super::rings::{Half, Part};
use crate::boundary::UnitCode;
use crate::topology::UnitIndex;

/// Where a ring crosses a border it may go through a vertex beside it: what that can move for each metre of its length, square metres,
/// and what rounding adds.
const MISSED_M2_PER_M: f64 = 2e-3;
const MISSED_M2: f64 = 0.01;

/// Parts of a unit that go to another.
struct Gift {
    from: u32,
    to: u32,
    parts: Vec<Part>,
}

impl Board {
    /// Gives a unit the shape of polygons.
    pub fn reshape(&mut self, depth: usize, code: &UnitCode, polygons: &[Rings], within_m: f64) -> Refused<()> {
        let unit = self.find_unit(depth, code)?;
        self.guard(depth, unit)?;
        let before = self.figures[depth][unit as usize].parts;
        let cover = self.cover(depth, polygons, within_m)?;
        let (kept, left) = self.cut_by(unit, &cover)?;
        if kept.is_empty() {
            let detail = format!("the polygon has no ground in common with {code}");
            let refusal = Refusal::new(Reason::NotBeside, detail).of([code.clone()]).covering(self.place_of(depth, unit));
            return Err(refusal.advising("keep some of its ground, or create another unit there and delete this one"));
        }
        let mut gifts = self.ground_taken(depth, unit, &cover)?;
        let gained = gifts.len();
        for part in left {
            let to = self.taker_of(depth, unit, &part, &gifts[..gained])?;
            gifts.push(Gift { from: unit, to, parts: vec![part] });
        }
        let touched = self.hand_over(depth, &cover, gifts);
        self.count_parts(depth, [unit].into_iter().chain(touched))?;
        self.check_result(depth, unit, &cover, before)
    }

    /// Finds what of other units lies under polygons, and sees that they may give it.
    fn ground_taken(&self, depth: usize, unit: u32, cover: &Cover) -> Refused<Vec<Gift>> {
        let mut gifts = Vec::new();
        for other in self.units_under(cover).into_iter().filter(|other| *other != unit) {
            let (inside, outside) = self.cut_by(other, cover)?;
            let Some(first) = inside.first() else { continue };
            let (code, taker) = (self.code(depth, other), self.code(depth, unit));
            let place = Some(Geometry::Polygon(self.polygon(first)));
            let refuse = |reason, detail: String| Refusal::new(reason, detail).of([code.clone(), taker.clone()]).covering(place.clone());
            self.guard(depth, other).map_err(|refusal| refusal.covering(place.clone()))?;
            if self.units[depth][other as usize].parent != self.units[depth][unit as usize].parent {
                return Err(refuse(Reason::CrossesParent, format!("{taker} would take ground of {code}, which lies in another parent")));
            }
            if outside.is_empty() {
                return Err(refuse(Reason::EndsUnit, format!("nothing would be left of {code}")));
            }
            if outside.len() > self.figures[depth][other as usize].parts as usize {
                return Err(refuse(Reason::TearsUnit, format!("{code} would be torn into {} pieces", outside.len())));
            }
            gifts.push(Gift { from: other, to: unit, parts: inside });
        }
        Ok(gifts)
    }

    /// Finds who takes a part that a unit leaves: of the units of the same parent that are not locked the one with the longest border
    /// with it, of equals that of the smallest code.
    fn taker_of(&self, depth: usize, unit: u32, part: &Part, gifts: &[Gift]) -> Refused<u32> {
        let is_gift = |half: &Half| gifts.iter().flat_map(|gift| gift.parts.iter().flatten().flatten()).any(|given| given.arc == half.arc);
        let mut beside: BTreeMap<u32, f64> = BTreeMap::new();
        for half in part.iter().flatten() {
            let other = self.left_of(Half { reversed: !half.reversed, ..*half }, depth).map(|other| other.0);
            // What lies across has been given to the unit itself where the part and the gift meet.
            if let Some(other) = other.filter(|other| *other != unit && !is_gift(half)) {
                *beside.entry(other).or_default() += self.arc(half.arc).figures(self.origin).length_m;
            }
        }
        self.longest_beside(depth, unit, &beside).map_err(|refusal| {
            let refusal = refusal.covering(Some(Geometry::Polygon(self.polygon(part))));
            if beside.is_empty() { refusal } else { refusal.advising("keep that ground, or give it away by the units on both sides") }
        })
    }

    /// Chooses the unit of the same parent, and not locked, of which the border is the longest.
    pub fn longest_beside(&self, depth: usize, unit: u32, beside: &BTreeMap<u32, f64>) -> Refused<u32> {
        let parent = self.units[depth][unit as usize].parent;
        let mut open: Vec<(f64, UnitCode, u32)> = Vec::new();
        let mut locked = None;
        for (other, length_m) in beside.iter().filter(|(other, _)| self.units[depth][**other as usize].parent == parent) {
            match self.guard(depth, *other) {
                Ok(()) => open.push((*length_m, self.code(depth, *other), *other)),
                Err(refusal) => locked = Some(refusal),
            }
        }
        open.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        if let Some((_, _, other)) = open.first() {
            return Ok(*other);
        }
        let code = self.code(depth, unit);
        Err(match locked {
            Some(refusal) => refusal,
            None if beside.is_empty() => {
                Refusal::new(Reason::OpensGap, format!("no unit lies beside the ground that {code} would leave")).of([code])
            }
            None => {
                let detail = format!("the ground that {code} would leave borders units of other parents alone");
                Refusal::new(Reason::CrossesParent, detail).of([code])
            }
        })
    }

    /// Returns who would take the ground of a unit that ends, by the same rule.
    pub fn heir(&self, depth: usize, code: &UnitCode) -> Refused<UnitCode> {
        let unit = self.find_unit(depth, code)?;
        let mut beside: BTreeMap<u32, f64> = BTreeMap::new();
        for arc in self.borders_of(depth, unit) {
            if let Some(other) = Self::beside(self.arc(arc).sides(depth), unit).filter(|other| *other != unit) {
                *beside.entry(other).or_default() += self.arc(arc).figures(self.origin).length_m;
            }
        }
        let heir = self.longest_beside(depth, unit, &beside);
        let advice = "give the unit to another parent first, or merge the parents";
        heir.map(|heir| self.code(depth, heir)).map_err(|refusal| refusal.covering(self.place_of(depth, unit)).advising(advice))
    }

    /// Writes who has which part, and returns the units other than the givers' own that were touched.
    fn hand_over(&mut self, depth: usize, cover: &Cover, gifts: Vec<Gift>) -> Vec<u32> {
        let mut arcs = cover.cuts();
        let mut touched = Vec::new();
        for Gift { from, to, parts } in gifts {
            let figures = self.figures[depth][from as usize];
            let given_m2: f64 = parts.iter().map(|part| self.part_area_m2(part)).sum();
            // What is counted in a unit goes by area, as nobody knows better before it is counted again.
            let share = if figures.area_m2 > 0.0 { figures.load * given_m2 / figures.area_m2 } else { 0.0 };
            self.add_load(depth, from, -share);
            self.add_load(depth, to, share);
            for half in parts.iter().flatten().flatten() {
                let mut line = self.arc(half.arc).to_line(self.units.len());
                line.set_side(depth, !half.reversed, Some(UnitIndex(to)));
                self.put_arc(half.arc, Some(line));
                arcs.push(half.arc);
            }
            touched.extend([from, to]);
        }
        // A border that is none any more may have had to be told twice, so it goes last.
        self.sweep_arcs(&arcs);
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn check_result(&self, depth: usize, unit: u32, cover: &Cover, parts_before: u32) -> Refused<()> {
        let (code, figures) = (self.code(depth, unit), self.figures[depth][unit as usize]);
        let refuse = |reason, detail: String| Err(Refusal::new(reason, detail).of([code.clone()]).covering(self.place_of(depth, unit)));
        if figures.parts > parts_before.max(1) {
            return refuse(Reason::TearsUnit, format!("{code} would be in {} pieces", figures.parts));
        }
        self.check_covered(depth, unit, cover)
    }

    /// Sees that a unit has the ground of the polygons that were drawn for it.
    pub fn check_covered(&self, depth: usize, unit: u32, cover: &Cover) -> Refused<()> {
        let (code, figures) = (self.code(depth, unit), self.figures[depth][unit as usize]);
        let missed_m2 = (cover.area_m2() - figures.area_m2).abs();
        if missed_m2 > cover.length_m() * MISSED_M2_PER_M + MISSED_M2 {
            let detail = format!("the polygon of {code} covers {missed_m2:.0} m² that no unit has, or one ring of it lies in no other");
            return Err(Refusal::new(Reason::Outside, detail).of([code]).covering(self.place_of(depth, unit)));
        }
        Ok(())
    }
}
