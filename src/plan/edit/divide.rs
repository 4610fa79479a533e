//! Splits units by a line, draws one out of others, and merges several.

use std::sync::Arc;

use geo_types::{Coord, LineString};
use rustc_hash::FxHashSet;

use super::board::{Board, UnitState};
use super::operation::Rings;
use super::refusal::{Reason, Refusal, Refused};
use super::rings::{Half, Part};
use super::vertex::check_range;
use crate::boundary::{Properties, Unit, UnitCode, UnitId, Validity};
use crate::topology::{Plane, UnitIndex};

/// Corners of a ring or line that is drawn; one drawn by hand or traced from a plan has some hundreds.
pub const LINE_CORNERS_MAX: usize = 10_000;

impl Board {
    pub fn split(&mut self, depth: usize, code: &UnitCode, line: &[Coord<f64>], codes: &[UnitCode], names: &[String]) -> Refused<()> {
        let unit = self.find_unit(depth, code)?;
        self.guard(depth, unit)?;
        let line = clean(line, 2)?;
        let is_own = |board: &Self, arc: u32| board.borders_of(depth, unit).binary_search(&arc).is_ok();
        let chain = self.node_line(&line, is_own)?;
        let mut cuts = Vec::new();
        for piece in &chain.pieces {
            let Some(ground) = self.ground(piece).filter(|ground| ground[depth] == Some(unit)) else { continue };
            if !(piece.begins_at_border && piece.ends_at_border) {
                let end = if piece.begins_at_border { piece.coords[piece.coords.len() - 1] } else { piece.coords[0] };
                return Err(Refusal::new(Reason::LineMisses, format!("the line ends inside {code}")).of([code.clone()]).at(end));
            }
            cuts.push(self.lay(piece, &ground)?);
        }
        let before = self.figures[depth][unit as usize].parts;
        let parts = self.parts_with(depth, unit, &cuts)?;
        if cuts.is_empty() || parts.len() <= before as usize {
            return Err(Refusal::new(Reason::LineMisses, format!("the line does not divide {code}")).of([code.clone()]).along(&line));
        }
        let is_cut = |part: &Part| part.iter().flatten().any(|half| cuts.contains(&half.arc));
        let mut pieces: Vec<(f64, Part)> = parts.into_iter().filter(is_cut).map(|part| (self.part_area_m2(&part), part)).collect();
        pieces.sort_by(|a, b| b.0.total_cmp(&a.0));
        let new: Vec<(f64, Part)> = pieces.split_off(1);
        let given = self.codes_for(depth, unit, new.len(), codes)?;
        let load = self.figures[depth][unit as usize].load;
        let area_m2 = self.figures[depth][unit as usize].area_m2;
        let mut pieces: Vec<(u32, Vec<Part>)> = Vec::new();
        for (at, ((part_m2, part), code)) in new.into_iter().zip(given).enumerate() {
            let made = self.begin_like(depth, unit, code, names.get(at).cloned().unwrap_or_default());
            // What is counted in the unit goes by area, as nobody knows better before it is counted again.
            let share = load * part_m2 / area_m2;
            self.add_load(depth, unit, -share);
            self.add_load(depth, made, share);
            pieces.push((made, vec![part]));
        }
        for (made, parts) in &pieces {
            self.relabel(depth, unit, *made, parts);
        }
        self.sweep_arcs(&cuts);
        self.count_parts(depth, [unit].into_iter().chain(pieces.iter().map(|(made, _)| *made)))
    }

    pub fn draw(&mut self, depth: usize, code: &UnitCode, name: &str, rings: &Rings, within_m: f64) -> Refused<()> {
        self.check_free(depth, code)?;
        let cover = self.cover(depth, std::slice::from_ref(rings), within_m)?;
        let mut taken: Vec<(u32, Vec<Part>, usize)> = Vec::new();
        for unit in self.units_under(&cover) {
            let (inside, rest) = self.cut_by(unit, &cover)?;
            if !inside.is_empty() {
                taken.push((unit, inside, rest.len()));
            }
        }
        // Logs of old, whose corners stay where they are, have units that end so, and are done again as they were.
        self.take_ground(depth, code, name, &taken, within_m > 0.0)?;
        self.sweep_arcs(&cover.cuts());
        let made = self.find_unit(depth, code)?;
        let left: Vec<u32> = taken.iter().filter(|(_, _, rest)| *rest > 0).map(|(unit, ..)| *unit).collect();
        self.count_parts(depth, left.into_iter().chain([made]))?;
        if self.figures[depth][made as usize].parts != 1 {
            return Err(Refusal::new(Reason::BadShape, format!("{code} would be in several pieces")).of([code.clone()]));
        }
        // One ring alone can be missed only where it runs around a gap, which drafts of old have drawn so.
        if rings.len() > 1 || within_m > 0.0 { self.check_covered(depth, made, &cover) } else { Ok(()) }
    }

    /// Gives parts of units to a new one. What gives all that it has ends, unless `keeps_units`.
    fn take_ground(
        &mut self,
        depth: usize,
        code: &UnitCode,
        name: &str,
        taken: &[(u32, Vec<Part>, usize)],
        keeps_units: bool,
    ) -> Refused<()> {
        let Some((first, ..)) = taken.first() else {
            return Err(Refusal::new(Reason::Outside, "no unit lies under the ring").of([code.clone()]));
        };
        let parent = self.units[depth][*first as usize].parent;
        for (unit, inside, rest) in taken {
            self.guard(depth, *unit)?;
            let place = inside[0][0].first().map(|half| self.ends(*half).0);
            let refuse = |reason, detail: String| match place {
                Some(place) => Refusal::new(reason, detail).of([self.code(depth, *unit)]).at(place),
                None => Refusal::new(reason, detail),
            };
            if self.units[depth][*unit as usize].parent != parent {
                return Err(refuse(Reason::CrossesParent, format!("{code} would lie in several parents")));
            }
            if *rest == 0 && keeps_units {
                return Err(refuse(Reason::EndsUnit, format!("nothing would be left of {}", self.code(depth, *unit))));
            }
            if *rest > self.figures[depth][*unit as usize].parts as usize {
                return Err(refuse(Reason::TearsUnit, format!("{} would be torn into {rest} pieces", self.code(depth, *unit))));
            }
        }
        let made = self.begin_like(depth, *first, code.clone(), name.to_owned());
        for (unit, inside, rest) in taken {
            let figures = self.figures[depth][*unit as usize];
            let inside_m2: f64 = inside.iter().map(|part| self.part_area_m2(part)).sum();
            let share = if *rest == 0 { figures.load } else { figures.load * inside_m2 / figures.area_m2 };
            self.add_load(depth, *unit, -share);
            self.add_load(depth, made, share);
            self.relabel(depth, *unit, made, inside);
            if *rest == 0 {
                let state = UnitState { unit: None, ..self.units[depth][*unit as usize].clone() };
                self.put_unit(depth, *unit, state);
            }
        }
        Ok(())
    }

    pub fn merge(&mut self, depth: usize, codes: &[UnitCode], into: Option<&UnitCode>) -> Refused<()> {
        let mut units = Vec::new();
        for code in codes.iter().chain(into) {
            let unit = self.find_unit(depth, code)?;
            self.guard(depth, unit)?;
            units.push(unit);
        }
        let kept = into.map_or_else(|| units.first().copied(), |_| units.last().copied());
        units.sort_unstable();
        units.dedup();
        let Some(kept) = kept.filter(|_| units.len() > 1) else {
            return Err(Refusal::new(Reason::Repeated, "at least two units are merged").of(codes.iter().cloned()));
        };
        let parent = self.units[depth][kept as usize].parent;
        if let Some(other) = units.iter().find(|unit| self.units[depth][**unit as usize].parent != parent) {
            let (a, b) = (self.code(depth, kept), self.code(depth, *other));
            let refusal = Refusal::new(Reason::CrossesParent, format!("{a} and {b} lie in different parents")).of([a, b]);
            return Err(Box::new(Refusal { place: self.place_of(depth, *other), ..*refusal }));
        }
        self.check_joined(depth, &units, kept)?;
        units.retain(|unit| *unit != kept);
        // What is in a swallowed unit gets another parent, which a lock forbids.
        for unit in &units {
            self.children[depth][*unit as usize].iter().try_for_each(|child| self.guard(depth + 1, *child))?;
        }
        for unit in units {
            self.swallow(depth, unit, kept);
        }
        if depth == self.finest {
            return self.count_parts(depth, [kept]);
        }
        self.count_pieces(depth, kept);
        Ok(())
    }

    /// Gives all that a unit has to another of the same parent, and ends it.
    fn swallow(&mut self, depth: usize, unit: u32, kept: u32) {
        let load = self.figures[depth][unit as usize].load;
        for arc in self.arcs_within(depth, unit) {
            self.change_sides(arc, depth, unit, kept);
        }
        for child in self.children[depth][unit as usize].clone() {
            let state = UnitState { parent: Some(kept), ..self.units[depth + 1][child as usize].clone() };
            self.put_unit(depth + 1, child, state);
        }
        self.change_figures(depth, unit, |figures| figures.load = 0.0);
        self.change_figures(depth, kept, |figures| {
            figures.load += load;
            figures.is_recounted = true;
        });
        let state = UnitState { unit: None, ..self.units[depth][unit as usize].clone() };
        self.put_unit(depth, unit, state);
    }

    /// Sees that units hang together by borders of some length.
    fn check_joined(&self, depth: usize, units: &[u32], from: u32) -> Refused<()> {
        let (mut reached, mut queue) = (FxHashSet::from_iter([from]), vec![from]);
        while let Some(unit) = queue.pop() {
            for arc in self.borders_of(depth, unit) {
                if let Some(other) = Self::beside(self.arc(arc).sides(depth), unit)
                    && units.binary_search(&other).is_ok()
                    && reached.insert(other)
                {
                    queue.push(other);
                }
            }
        }
        match units.iter().find(|unit| !reached.contains(unit)) {
            None => Ok(()),
            Some(apart) => {
                let code = self.code(depth, *apart);
                let mut refusal = Refusal::new(Reason::NotBeside, format!("{code} shares no border with the others")).of([code]);
                refusal.place = self.place_of(depth, *apart);
                Err(refusal)
            }
        }
    }

    /// Returns all arcs that have a unit on a side, ordered: its borders and those of all that it holds.
    pub fn arcs_within(&self, depth: usize, unit: u32) -> Vec<u32> {
        let mut arcs = self.borders_of(depth, unit);
        let mut level = vec![unit];
        for below in depth..self.finest {
            level = level.iter().flat_map(|unit| self.children[below][*unit as usize].iter().copied()).collect();
            level.iter().for_each(|unit| arcs.extend(self.borders_of(below + 1, *unit)));
        }
        arcs.sort_unstable();
        arcs.dedup();
        arcs
    }

    /// Puts another unit on the sides of an arc that have one.
    pub fn change_sides(&mut self, arc: u32, depth: usize, from: u32, to: u32) {
        let mut line = self.arc(arc).to_line(self.units.len());
        let sides = &mut line.sides[depth];
        for side in [&mut sides.left, &mut sides.right] {
            if *side == Some(UnitIndex(from)) {
                *side = Some(UnitIndex(to));
            }
        }
        let line = line.is_border().then_some(line);
        self.put_arc(arc, line);
    }

    fn relabel(&mut self, depth: usize, from: u32, to: u32, parts: &[Part]) {
        for half in parts.iter().flatten().flatten() {
            let mut line = self.arc(half.arc).to_line(self.units.len());
            debug_assert_eq!(self.left_of(*half, depth), Some(UnitIndex(from)), "parts have their unit on the left");
            line.set_side(depth, !half.reversed, Some(UnitIndex(to)));
            // What is no border any more goes last, when both its sides have been told.
            self.put_arc(half.arc, Some(line));
        }
        let arcs: Vec<u32> = parts.iter().flatten().flatten().map(|half: &Half| half.arc).collect();
        self.sweep_arcs(&arcs);
    }

    /// Takes out arcs that are no border.
    pub fn sweep_arcs(&mut self, arcs: &[u32]) {
        for arc in arcs {
            if self.find_arc(*arc).is_some_and(|view| !view.to_line(self.units.len()).is_border()) {
                self.put_arc(*arc, None);
            }
        }
    }

    pub fn part_area_m2(&self, part: &Part) -> f64 {
        part.iter().map(|ring| Plane::Degrees.ring_area_m2(&LineString(self.ring(ring)))).sum()
    }

    /// Counts the parts of finest units anew, and sees that their borders close.
    pub fn count_parts(&mut self, depth: usize, units: impl IntoIterator<Item = u32>) -> Refused<()> {
        for unit in units {
            let parts = u32::try_from(self.parts(depth, unit)?.len()).expect("parts are counted in 32 bits");
            self.change_figures(depth, unit, |figures| figures.parts = parts);
        }
        Ok(())
    }

    /// Returns for each depth the unit at a place that is on no border, as the borders around it tell.
    pub fn ground_at(&self, place: Coord<f64>, depth: usize) -> Vec<Option<u32>> {
        let owner = self.owner_at(place, depth);
        let border = owner.and_then(|unit| Some((unit, *self.borders_of(depth, unit).first()?)));
        let Some((unit, arc)) = border else { return vec![None; self.units.len()] };
        let half = Half { arc, reversed: self.arc(arc).sides(depth).left != Some(UnitIndex(unit)) };
        (0..self.units.len()).map(|depth| self.left_of(half, depth).map(|unit| unit.0)).collect()
    }

    /// Begins a unit beside another, in the same parent.
    fn begin_like(&mut self, depth: usize, like: u32, code: UnitCode, name: String) -> u32 {
        let (old, parent) = (self.unit(depth, like), self.units[depth][like as usize].parent);
        let unit = Unit {
            id: new_id(self.base.layer().name.as_str(), old.level.as_str(), &code),
            code,
            name,
            level: old.level.clone(),
            parent: old.parent.clone(),
            properties: Properties::new(),
            validity: Validity { from: old.validity.from, to: None },
        };
        self.add_unit(depth, UnitState { unit: Some(Arc::new(unit)), parent, is_locked: false })
    }

    pub fn begin_parent(&mut self, depth: usize, like: u32, code: UnitCode) -> u32 {
        self.begin_like(depth, like, code, String::new())
    }

    /// Sees that no unit of a level has a code, or ever had.
    pub fn check_free(&self, depth: usize, code: &UnitCode) -> Refused<()> {
        let is_known = self.codes[depth].contains_key(code) || self.base.levels()[depth].find(code).is_some();
        if is_known || self.spent[depth].binary_search(code).is_ok() {
            let level = self.base.levels()[depth].level();
            return Err(Refusal::new(Reason::CodeTaken, format!("the code {code} is or was that of a {level}")).of([code.clone()]));
        }
        Ok(())
    }
}

/// Takes repeated corners out and sees that there are enough.
pub(super) fn clean(line: &[Coord<f64>], least: usize) -> Refused<Vec<Coord<f64>>> {
    if line.len() > LINE_CORNERS_MAX {
        return Err(Refusal::new(Reason::BadShape, format!("{} corners are more than the {LINE_CORNERS_MAX} allowed", line.len())));
    }
    line.iter().try_for_each(|c| check_range(*c))?;
    let mut line: Vec<Coord<f64>> = line.iter().map(|c| Coord { x: c.x + 0.0, y: c.y + 0.0 }).collect();
    line.dedup();
    if line.len() < least {
        return Err(Refusal::new(Reason::BadShape, format!("{} different corners are too few", line.len())));
    }
    Ok(line)
}

/// An id that is the same whenever the same code begins, so that a draft is the same each time it is put together.
fn new_id(layer: &str, level: &str, code: &UnitCode) -> UnitId {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("{layer}\n{level}\n{code}").as_bytes());
    let bytes: [u8; 16] = std::array::from_fn(|at| digest[at]);
    UnitId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
