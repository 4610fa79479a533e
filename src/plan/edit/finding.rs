//! What is asked of a draft before an operation on it is put together.

use geo::InteriorPoint;
use geo_types::{Coord, LineString, Polygon};
use rustc_hash::FxHashSet;

use super::board::Board;
use super::cover::oriented;
use super::cut::check_simple;
use super::draft::Draft;
use super::nodes::{Key, key_of};
use super::operation::Rings;
use super::refusal::{Reason, Refusal, Refused};
use super::vertex::check_range;
use crate::boundary::{Level, UnitCode, UnitId};

impl Draft {
    /// Returns the depth of a level that has units.
    ///
    /// # Errors
    /// The draft has none of it.
    pub fn depth_of(&self, level: &Level) -> Refused<usize> {
        self.board.find_level(level)
    }

    /// Returns who gets the ground of a unit that ends, where nobody is named: of the units of the same parent that are not locked the
    /// one with the longest border with it, of equals that of the smallest code.
    ///
    /// # Errors
    /// There is no such unit, or nobody who could.
    pub fn heir(&self, depth: usize, code: &UnitCode) -> Refused<UnitCode> {
        self.board.heir(depth, code)
    }

    /// Returns the code of the unit that has a code or an id.
    pub fn code_of(&self, depth: usize, name: &str) -> Option<UnitCode> {
        let id = uuid::Uuid::try_parse(name).ok().map(UnitId);
        let by_id = id.and_then(|id| self.board.units[depth].iter().filter_map(|state| state.unit.as_ref()).find(|unit| unit.id == id));
        let known = |code: &UnitCode| self.board.codes[depth].contains_key(code);
        by_id.map(|unit| unit.code.clone()).or_else(|| UnitCode::parse(name).ok().filter(known))
    }

    /// Returns the code of a unit that is to be drawn: the one that is wanted, else the first that is free below the parent of the ground
    /// that is drawn over, by the scheme of the layer. `parent` is the one that is expected.
    ///
    /// # Errors
    /// The level is neither the finest nor made of the next finer one, the shape is not one polygon, nobody has the ground, the parent is
    /// another, or all codes are taken.
    pub fn code_for(
        &self,
        level: &Level,
        wanted: Option<&UnitCode>,
        polygons: &[Rings],
        parent: Option<&UnitCode>,
    ) -> Refused<(UnitCode, Rings)> {
        let depth = self.board.find_drawn(level)?;
        let [rings] = polygons else {
            return Err(Refusal::new(Reason::BadShape, format!("a unit is drawn as one polygon, not as {}", polygons.len())));
        };
        // A point inside is looked for only where there is an inside.
        let rings = oriented(rings)?;
        rings.iter().try_for_each(|ring| check_simple(ring))?;
        let line = |at: usize| LineString(rings[at].clone());
        let polygon = Polygon::new(line(0), (1..rings.len()).map(line).collect());
        let bad = || Refusal::new(Reason::BadShape, "the polygon encloses no area");
        let place: Coord<f64> = polygon.interior_point().ok_or_else(bad)?.into();
        let nobody = || Refusal::new(Reason::Outside, "no unit has the ground that is drawn over").at(place);
        let holder = self.board.owner_at(place, depth).ok_or_else(nobody)?;
        let held_by = self.board.to_unit(depth, holder).parent;
        if let Some(parent) = parent.filter(|parent| Some(*parent) != held_by.as_ref()) {
            let lies = held_by.map_or("in no unit".to_owned(), |code| format!("in {code}"));
            let detail = format!("the ground lies {lies}, and not in {parent}");
            return Err(Refusal::new(Reason::CrossesParent, detail).of([parent.clone()]).at(place));
        }
        let none = || Refusal::new(Reason::CodeTaken, "no code is free here");
        let code = match wanted {
            Some(code) => code.clone(),
            None => self.board.codes_for(depth, holder, 1, &[])?.pop().ok_or_else(none)?,
        };
        Ok((code, rings))
    }

    /// Whether a unit has the shape of polygons: each corner of them is a vertex of its border, within a tolerance, and none is left out.
    ///
    /// # Errors
    /// There is no such unit, or a corner lies outside of the range of degrees.
    pub fn is_shaped(&self, depth: usize, code: &UnitCode, polygons: &[Rings], within_m: f64) -> Refused<bool> {
        let unit = self.board.find_unit(depth, code)?;
        let own = self.board.edges_of(depth, unit);
        let mut given: FxHashSet<(Key, Key)> = FxHashSet::default();
        for ring in polygons.iter().flatten() {
            ring.iter().try_for_each(|c| check_range(*c))?;
            let closing = ring.first().filter(|first| ring.last() != Some(first));
            let ring: Vec<Coord<f64>> = ring.iter().chain(closing).copied().collect();
            let Some(snapped) = self.board.snapped_ring(&ring, within_m) else { return Ok(false) };
            given.extend(snapped.windows(2).map(|edge| edge_key(edge[0], edge[1])));
        }
        Ok(given == own)
    }
}

impl Board {
    fn edges_of(&self, depth: usize, unit: u32) -> FxHashSet<(Key, Key)> {
        let borders = self.borders_of(depth, unit);
        let edges = borders.iter().flat_map(|arc| self.arc(*arc).coords().windows(2));
        edges.map(|edge| edge_key(edge[0], edge[1])).collect()
    }
}

/// An edge whichever way it is run along.
fn edge_key(a: Coord<f64>, b: Coord<f64>) -> (Key, Key) {
    let (a, b) = (key_of(a), key_of(b));
    (a.min(b), a.max(b))
}
