//! Makes sure that what was cut again is valid with all the rest. Why this suffices stands in the module's page.

use rustc_hash::FxHashMap;

use super::Unpatched;
use super::plan::LevelPlan;
use super::recut::Recut;
use crate::topology::arcs::{ArcId, ArcStore, Sides, UnitIndex};
use crate::topology::arrange::Arrangement;
use crate::topology::coverage::ValidCoverage;
use crate::topology::faces::Faces;
use crate::topology::mesh::{Half, MeshUnit};
use crate::topology::nest::{PARENT, find_misfit};
use crate::topology::vertices::Vertices;

/// Loose edges of a level, above which they are not arranged anew: a layer of a hundred thousand units has some ten thousand
/// along its rim, and arranging these takes as long as all the rest.
const LOOSE_EDGES_MAX: usize = 60_000;

/// Returns for each level whether its loose edges are others than before.
///
/// # Errors
/// Names the level's or the parent's rule that would be broken, or may be.
pub(super) fn vouch(
    base: &ValidCoverage,
    plans: &[LevelPlan],
    parents: &[Vec<Option<UnitIndex>>],
    recut: &Recut,
    arcs: &ArcStore,
) -> Result<Vec<bool>, Unpatched> {
    let mut is_rim_changed = vec![false; plans.len()];
    for depth in 0..plans.len() {
        is_rim_changed[depth] = loose_before(base, recut, depth) != loose_after(recut, depth);
        if is_rim_changed[depth] {
            vouch_for_rim(base, arcs, depth)?;
        }
        if depth > 0 && plans[depth - 1].count > 0 && plans[depth].count > 0 {
            vouch_for_nesting(base, plans, parents, recut, arcs, depth)?;
        }
    }
    Ok(is_rim_changed)
}

/// The edges with a unit on one side only, each run with the unit on its left; ordered.
fn loose_before(base: &ValidCoverage, recut: &Recut, depth: usize) -> Vec<(u32, u32)> {
    let along = |(arc, ids): (&ArcId, &Vec<u32>)| {
        let sides = base.arcs.sides(*arc, depth);
        ids.windows(2).filter_map(|ends| loose(sides, ends[0], ends[1])).collect::<Vec<_>>()
    };
    let mut edges: Vec<(u32, u32)> = recut.cut_arcs.iter().zip(&recut.ids).flat_map(along).collect();
    edges.sort_unstable();
    edges
}

fn loose_after(recut: &Recut, depth: usize) -> Vec<(u32, u32)> {
    let mut edges: Vec<(u32, u32)> = recut.edges.iter().filter_map(|([low, high], sides)| loose(sides[depth], low, high)).collect();
    edges.sort_unstable();
    edges
}

fn loose(sides: Sides, from: u32, to: u32) -> Option<(u32, u32)> {
    match (sides.left, sides.right) {
        (Some(_), None) => Some((from, to)),
        (None, Some(_)) => Some((to, from)),
        _ => None,
    }
}

/// Arranges all loose edges of a level, as the check does, and refuses what it would.
fn vouch_for_rim(base: &ValidCoverage, arcs: &ArcStore, depth: usize) -> Result<(), Unpatched> {
    let mut vertices = Vertices::default();
    let mut halves = Vec::new();
    for arc in arcs.ids() {
        let sides = arcs.sides(arc, depth);
        let ((Some(unit), None) | (None, Some(unit))) = (sides.left, sides.right) else { continue };
        let ids: Vec<u32> = arcs.coords(arc).iter().map(|c| vertices.id_of(*c)).collect();
        halves.extend(ids.windows(2).filter_map(|ends| {
            let (from, to) = loose(sides, ends[0], ends[1])?;
            Some(Half { from, to, unit: unit.0 })
        }));
        if halves.len() > LOOSE_EDGES_MAX {
            return Err(Unpatched::TooMany { changed: halves.len(), max: LOOSE_EDGES_MAX });
        }
    }
    let arrangement = Arrangement::new(halves, &vertices, |_| 1);
    if !arrangement.noded.is_complete || !arrangement.noded.contacts.is_empty() {
        return Err(Unpatched::Rim);
    }
    let faces = Faces::new(arrangement.noded.nodes.coords(), &arrangement.walls);
    let has_overlap = !faces.bounded(|cover| cover > 1).is_empty();
    // Where gaps are accepted one must be left at this level, so that the coverage is still one with gaps.
    let has_gap = !faces.bounded(|cover| cover == 0).is_empty();
    if has_overlap || has_gap != base.accepted.gap { Err(Unpatched::Rim) } else { Ok(()) }
}

/// By how much the units of a parent rise over it across an edge: parent, lower end, higher end, rise on the left.
type Rise = (UnitIndex, u32, u32, i32);

/// Calls `visit` with each parent over which an edge rises, looking along the edge.
fn for_each_rise(children: [Option<UnitIndex>; 2], own: [Option<UnitIndex>; 2], mut visit: impl FnMut(UnitIndex, i32)) {
    if children == own {
        return;
    }
    let all = [children[0], children[1], own[0], own[1]];
    for (at, parent) in all.iter().enumerate() {
        let Some(parent) = *parent else { continue };
        if all[..at].contains(&Some(parent)) {
            continue;
        }
        let is = |unit: Option<UnitIndex>| i32::from(unit == Some(parent));
        let rise = is(children[0]) - is(children[1]) - is(own[0]) + is(own[1]);
        if rise != 0 {
            visit(parent, rise);
        }
    }
}

fn push_rise(rises: &mut Vec<Rise>, parent: UnitIndex, from: u32, to: u32, rise: i32) {
    rises.push(if from < to { (parent, from, to, rise) } else { (parent, to, from, -rise) });
}

fn vouch_for_nesting(
    base: &ValidCoverage,
    plans: &[LevelPlan],
    parents: &[Vec<Option<UnitIndex>>],
    recut: &Recut,
    arcs: &ArcStore,
    depth: usize,
) -> Result<(), Unpatched> {
    let mut before: Vec<Rise> = Vec::new();
    for (arc, ids) in recut.cut_arcs.iter().zip(&recut.ids) {
        let (sides, own) = (base.arcs.sides(*arc, depth), base.arcs.sides(*arc, depth - 1));
        let parent = |unit: Option<UnitIndex>| base.levels[depth].parent(unit?);
        for_each_rise([parent(sides.left), parent(sides.right)], [own.left, own.right], |parent, rise| {
            // Over a parent that goes nothing rises any more.
            if let Some(parent) = plans[depth - 1].map(parent) {
                ids.windows(2).for_each(|ends| push_rise(&mut before, parent, ends[0], ends[1], rise));
            }
        });
    }
    let parent = |unit: Option<UnitIndex>| parents[depth][unit?.0 as usize];
    let mut after: Vec<Rise> = Vec::new();
    for ([low, high], sides) in recut.edges.iter() {
        let own = sides[depth - 1];
        for_each_rise([parent(sides[depth].left), parent(sides[depth].right)], [own.left, own.right], |parent, rise| {
            push_rise(&mut after, parent, low, high, rise);
        });
    }
    before.sort_unstable();
    after.sort_unstable();
    let mut changed: FxHashMap<UnitIndex, Vec<Half>> = differing_parents(&before, &after).into_iter().map(|p| (p, Vec::new())).collect();
    let above = &base.levels[depth - 1];
    let refuse = |over: UnitIndex| Unpatched::Nesting(plans[depth - 1].code_of(above, over).clone());
    // Whether an accepted fault is still there cannot be seen from the parents that change.
    if let Some(over) = changed.keys().next().filter(|_| base.accepted.nesting) {
        return Err(refuse(*over));
    }
    if changed.is_empty() {
        return Ok(());
    }
    let mut vertices = Vertices::default();
    for arc in arcs.ids() {
        let (sides, own) = (arcs.sides(arc, depth), arcs.sides(arc, depth - 1));
        let children = [parent(sides.left), parent(sides.right)];
        for_each_rise(children, [own.left, own.right], |over, _| {
            let Some(halves) = changed.get_mut(&over) else { return };
            let ids: Vec<u32> = arcs.coords(arc).iter().map(|c| vertices.id_of(*c)).collect();
            let is_child = |side: usize| children[side] == Some(over);
            let units = [
                (sides.left.filter(|_| is_child(0)), true),
                (sides.right.filter(|_| is_child(1)), false),
                (own.left.filter(|own| *own == over).map(|_| UnitIndex(PARENT)), true),
                (own.right.filter(|own| *own == over).map(|_| UnitIndex(PARENT)), false),
            ];
            for (unit, on_left) in units {
                let Some(unit) = unit else { continue };
                halves.extend(ids.windows(2).map(|ends| match on_left {
                    true => Half { from: ends[0], to: ends[1], unit: unit.0 },
                    false => Half { from: ends[1], to: ends[0], unit: unit.0 },
                }));
            }
        });
    }
    for (over, halves) in changed.into_iter().filter(|(_, halves)| !halves.is_empty()) {
        let outline = match plans[depth - 1].reshaped().find(|begun| begun.index == over) {
            Some(begun) => MeshUnit::new(&begun.shape.geometry, &mut vertices),
            None => {
                let unit = plans[depth - 1].base_of(over).expect("a unit that does not begin was there");
                MeshUnit::new(&base.to_geometry(depth - 1, unit), &mut vertices)
            }
        };
        let misfit = find_misfit(over.0, halves, &outline, &vertices);
        if !misfit.outside.is_empty() || !misfit.is_complete || misfit.has_contacts {
            return Err(refuse(over));
        }
    }
    Ok(())
}

/// Returns the parents over which other edges rise than before.
fn differing_parents(before: &[Rise], after: &[Rise]) -> Vec<UnitIndex> {
    let mut differing: Vec<UnitIndex> = Vec::new();
    let (mut a, mut b) = (before, after);
    while let Some(least) = a.first().into_iter().chain(b.first()).min().copied() {
        let take = |list: &mut &[Rise]| {
            let is_there = list.first() == Some(&least);
            if is_there {
                *list = &list[1..];
            }
            is_there
        };
        if take(&mut a) != take(&mut b) {
            differing.push(least.0);
        }
    }
    differing.dedup();
    differing
}
