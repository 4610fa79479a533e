//! Shapes of coarser units. These consist of whole units of the next finer level, so a polygon along their borders says which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use geo::InteriorPoint;
use geo_types::Coord;
use rustc_hash::FxHashSet;

use super::board::{Board, UnitState};
use super::cover::{holds_place, oriented};
use super::cut::check_simple;
use super::nearby::envelope;
use super::nodes::{Key, key_of};
use super::operation::{Move, Rings};
use super::refusal::{Reason, Refusal, Refused};
use crate::boundary::UnitCode;

impl Board {
    /// Gives a coarser unit the shape of polygons: it gets the units of the next finer level that lie in them, and those of its own that
    /// do not go to the neighbour with the longest border with that ground.
    pub fn reshape_coarse(&mut self, depth: usize, code: &UnitCode, polygons: &[Rings], within_m: f64) -> Refused<()> {
        let unit = self.find_unit(depth, code)?;
        let under = self.whole_units_under(depth + 1, polygons, within_m)?;
        let own = self.children[depth][unit as usize].clone();
        if !own.iter().any(|child| under.contains(child)) {
            let refusal = Refusal::new(Reason::NotBeside, format!("the polygon has no ground in common with {code}")).of([code.clone()]);
            return Err(refusal.covering(self.place_of(depth, unit)));
        }
        let gained: Vec<u32> = under.iter().copied().filter(|child| self.units[depth + 1][*child as usize].parent != Some(unit)).collect();
        let to_move = |child: &u32, to: UnitCode| Move { unit: self.code(depth + 1, *child), to };
        let mut moves: Vec<Move> = gained.iter().map(|child| to_move(child, code.clone())).collect();
        for group in self.groups_of(depth + 1, own.into_iter().filter(|child| !under.contains(child)).collect()) {
            let to = self.taker_of_group(depth, unit, &group, &gained)?;
            moves.extend(group.iter().map(|child| to_move(child, self.code(depth, to))));
        }
        self.reassign(depth + 1, &moves, false)
    }

    /// Makes a coarser unit of the units of the next finer level that lie in a polygon.
    pub fn draw_coarse(&mut self, depth: usize, code: &UnitCode, name: &str, rings: &Rings, within_m: f64) -> Refused<()> {
        self.check_free(depth, code)?;
        let under = self.whole_units_under(depth + 1, std::slice::from_ref(rings), within_m)?;
        if under.is_empty() {
            return Err(Refusal::new(Reason::Outside, "no unit lies under the ring").of([code.clone()]).along(&rings[0]));
        }
        for giver in under.iter().filter_map(|child| self.units[depth + 1][*child as usize].parent).collect::<BTreeSet<_>>() {
            if self.children[depth][giver as usize].iter().all(|child| under.contains(child)) {
                let ended = self.code(depth, giver);
                let refusal = Refusal::new(Reason::EndsUnit, format!("nothing would be left of {ended}")).of([ended]);
                return Err(refusal.covering(self.place_of(depth, giver)));
            }
        }
        let moves: Vec<Move> = under.iter().map(|child| Move { unit: self.code(depth + 1, *child), to: code.clone() }).collect();
        self.reassign(depth + 1, &moves, true)?;
        let made = self.find_unit(depth, code)?;
        let state = self.units[depth][made as usize].clone();
        let mut unit = self.unit(depth, made).clone();
        name.clone_into(&mut unit.name);
        self.put_unit(depth, made, UnitState { unit: Some(Arc::new(unit)), ..state });
        Ok(())
    }

    /// Finds the units that lie in polygons whose edges are borders of the level, in their order. Nothing is cut.
    fn whole_units_under(&self, depth: usize, polygons: &[Rings], within_m: f64) -> Refused<Vec<u32>> {
        let polygons: Vec<Rings> = polygons.iter().map(|rings| self.along_borders(depth, rings, within_m)).collect::<Refused<_>>()?;
        let mut found: Vec<u32> = Vec::new();
        for rings in &polygons {
            for arc in self.arcs_in(envelope(&rings[0])) {
                let sides = self.arc(arc).sides(depth);
                found.extend([sides.left, sides.right].into_iter().flatten().map(|unit| unit.0));
            }
        }
        found.sort_unstable();
        found.dedup();
        // No ring runs through a unit, so that any point of it tells for all of it.
        let is_under = |unit: &u32| {
            let place = self.geometry(depth, *unit).interior_point();
            place.is_some_and(|place| holds_place(&polygons, place.into()) == Some(true))
        };
        found.retain(is_under);
        Ok(found)
    }

    /// Brings the rings of a polygon to the borders of a level, which all of their edges have to be.
    fn along_borders(&self, depth: usize, rings: &Rings, within_m: f64) -> Refused<Rings> {
        let level = self.base.levels()[depth].level();
        let mut snapped = Rings::new();
        for ring in oriented(rings)? {
            check_simple(&ring)?;
            if let Some(corner) = ring.iter().find(|corner| self.find_vertex(**corner, within_m).is_err()) {
                let detail = format!("the corner is on no vertex of a border, so the polygon would cut a {level}");
                return Err(Refusal::new(Reason::NotFinest, detail).at(*corner));
            }
            snapped.push(self.snapped_ring(&ring, within_m).unwrap_or(ring));
        }
        let borders = self.border_edges(depth, &snapped[0]);
        for edge in snapped.iter().flat_map(|ring| ring.windows(2)) {
            let [from, to] = [key_of(edge[0]), key_of(edge[1])];
            if !borders.contains(&(from.min(to), from.max(to))) {
                let middle = Coord { x: f64::midpoint(edge[0].x, edge[1].x), y: f64::midpoint(edge[0].y, edge[1].y) };
                let cut = self.owner_at(middle, depth).map(|unit| self.code(depth, unit));
                let what =
                    cut.as_ref().map_or_else(|| format!("no border of a {level}"), |code| format!("no border, and would cut {code}"));
                return Err(Refusal::new(Reason::NotFinest, format!("an edge of the polygon is {what}")).of(cut).along(edge));
            }
        }
        Ok(snapped)
    }

    /// Returns the edges of the borders of a level around a ring, whichever way they run.
    fn border_edges(&self, depth: usize, ring: &[Coord<f64>]) -> FxHashSet<(Key, Key)> {
        let mut edges = FxHashSet::default();
        for arc in self.arcs_in(envelope(ring)) {
            let view = self.arc(arc);
            let sides = view.sides(depth);
            if sides.left != sides.right {
                let keys = view.coords().windows(2).map(|edge| (key_of(edge[0]), key_of(edge[1])));
                edges.extend(keys.map(|(a, b)| (a.min(b), a.max(b))));
            }
        }
        edges
    }

    /// Puts units together that hang together by borders.
    fn groups_of(&self, depth: usize, units: Vec<u32>) -> Vec<Vec<u32>> {
        let mut left: FxHashSet<u32> = units.iter().copied().collect();
        let mut groups = Vec::new();
        for first in units {
            if !left.remove(&first) {
                continue;
            }
            let (mut group, mut at) = (vec![first], 0);
            while at < group.len() {
                group.extend(self.units_beside(depth, group[at]).into_iter().filter(|beside| left.remove(beside)));
                at += 1;
            }
            groups.push(group);
        }
        groups
    }

    /// Finds who takes units that a coarser one leaves, by the rule for ground that a unit leaves.
    fn taker_of_group(&self, depth: usize, unit: u32, group: &[u32], gained: &[u32]) -> Refused<u32> {
        let mut beside: BTreeMap<u32, f64> = BTreeMap::new();
        for child in group {
            for arc in self.borders_of(depth + 1, *child) {
                let across = Self::beside(self.arc(arc).sides(depth + 1), *child).filter(|across| gained.binary_search(across).is_err());
                let parent = across.and_then(|across| self.units[depth + 1][across as usize].parent).filter(|parent| *parent != unit);
                if let Some(parent) = parent {
                    *beside.entry(parent).or_default() += self.arc(arc).figures(self.origin).length_m;
                }
            }
        }
        let place = group.first().and_then(|child| self.place_of(depth + 1, *child));
        self.longest_beside(depth, unit, &beside).map_err(|refusal| refusal.covering(place))
    }
}

#[cfg(test)]
mod tests {
    use geo_types::Coord;

    use super::super::tests::{assert_whole, at, code, draft, face, level, refusal};
    use super::super::{Operation, Reason, UnitChange};

    fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Vec<Coord<f64>> {
        vec![at(x, y), at(x + width, y), at(x + width, y + height), at(x, y + height)]
    }

    fn reshape(unit: &str, ring: Vec<Coord<f64>>) -> Operation {
        Operation::Reshape { level: level("community"), unit: code(unit), polygons: vec![vec![ring]], within_m: 0.1 }
    }

    fn draw(unit: &str, ring: Vec<Coord<f64>>) -> Operation {
        Operation::Draw { level: level("community"), code: code(unit), name: "new".into(), rings: vec![ring], within_m: 0.1 }
    }

    #[test]
    fn a_coarser_unit_gets_the_units_that_lie_in_its_polygon_and_leaves_the_others() {
        let mut draft = draft(1);
        let before = face(&draft);
        // It takes the lower half of its eastern neighbour, and leaves its own upper half to the north, where the longest border is.
        draft.apply(&[reshape("c00", rectangle(0.0, 0.0, 4.0, 1.0))]).unwrap();
        let parent = |text: &str| draft.find(2, &code(text)).unwrap().unit.parent.unwrap();
        assert_eq!(["00", "10", "20", "30"].map(parent), ["c00"; 4].map(code));
        assert_eq!(["01", "11", "21", "31"].map(parent), ["c01", "c01", "c10", "c10"].map(code));
        // Nothing is cut: no unit of the finest level has another shape.
        assert_eq!(draft.count_changes()[UnitChange::Reassigned as usize], 4);
        assert_whole(&draft, "gathered");
        // What comes back as it is changes nothing.
        let shape = draft.geometry(1, &code("c00")).unwrap();
        let rings = vec![vec![shape.0[0].exterior().0.clone()]];
        assert_eq!(draft.is_shaped(1, &code("c00"), &rings, 0.1), Ok(true));
        assert!(draft.undo() && face(&draft) == before);
    }

    #[test]
    fn a_coarser_unit_is_drawn_along_borders_and_gets_a_code_and_a_name() {
        let mut draft = draft(1);
        draft.apply(&[draw("n", rectangle(1.0, 1.0, 2.0, 2.0))]).unwrap();
        let made = draft.find(1, &code("n")).unwrap();
        assert_eq!((made.unit.name.as_str(), made.load, made.change), ("new", 40.0, Some(UnitChange::Begun)));
        assert_whole(&draft, "drawn coarse");
        assert_eq!(refusal(&mut draft, draw("n", rectangle(0.0, 0.0, 1.0, 1.0))), Reason::CodeTaken);
    }

    #[test]
    fn a_polygon_that_cuts_a_unit_is_refused_with_the_place() {
        let mut draft = draft(1);
        let before = face(&draft);
        for (operation, reason) in [
            (reshape("c00", rectangle(0.0, 0.0, 2.5, 2.0)), Reason::NotFinest),
            (reshape("c00", vec![at(0.0, 0.0), at(2.0, 0.0), at(0.0, 2.0)]), Reason::NotFinest),
            (reshape("c00", rectangle(0.0, 0.0, 4.0, 2.0)), Reason::EmptiesParent),
            (reshape("c00", rectangle(2.0, 0.0, 1.0, 1.0)), Reason::NotBeside),
            (draw("n", rectangle(0.0, 0.0, 2.0, 2.0)), Reason::EndsUnit),
            (draw("n", rectangle(0.2, 0.2, 0.2, 0.2)), Reason::NotFinest),
        ] {
            let refused = draft.apply(std::slice::from_ref(&operation)).expect_err(&format!("{operation:?}"));
            assert_eq!(refused.reason, reason, "{refused:?} {operation:?}");
            assert!(refused.place.is_some() || reason == Reason::EmptiesParent, "{refused:?}");
            assert!(face(&draft) == before);
        }
    }
}
