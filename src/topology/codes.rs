//! Checks the codes of all levels and finds each unit's parent.

use geo::{BoundingRect, Contains, InteriorPoint};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use rustc_hash::{FxHashMap, FxHashSet};

use super::report::feature;
use crate::boundary::{Layer, Problem, ProblemKind, Severity, Unit, UnitCode, UnitShape};

/// Checks the codes of every level, and fills in the parents that are not named.
///
/// A parent is the one that the unit names, else the one its code begins with by the layer's scheme, else the one it lies in.
pub(super) fn check_codes(layer: &Layer, shapes: &mut [Vec<UnitShape>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for depth in 0..shapes.len() {
        let (above, below) = shapes.split_at_mut(depth);
        let level = &mut below[0];
        let found = [duplicates(level), foreign(layer, level), parents(layer, above.last().map(Vec::as_slice), level)];
        problems.extend(found.into_iter().flatten().map(|problem| problem.at_level(&layer.levels[depth])));
    }
    problems
}

fn duplicates(level: &[UnitShape]) -> Vec<Problem> {
    let mut by_code: FxHashMap<&UnitCode, Vec<usize>> = FxHashMap::default();
    for (at, shape) in level.iter().enumerate() {
        by_code.entry(&shape.unit.code).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = by_code.into_values().filter(|group| group.len() > 1).collect();
    groups.sort_unstable();
    groups
        .into_iter()
        .map(|group| {
            let detail = format!("{} features have the code {}", group.len(), level[group[0]].unit.code);
            let remedy = "give each feature a code of its own, or join the parts of one unit into one feature";
            Problem::new(ProblemKind::DuplicateCode, Severity::Error, detail, remedy).of(group.iter().map(|at| feature(&level[*at])))
        })
        .collect()
}

fn foreign(layer: &Layer, level: &[UnitShape]) -> Vec<Problem> {
    let Some(scheme) = &layer.scheme else { return Vec::new() };
    level
        .iter()
        .filter_map(|shape| {
            let error = scheme.check(&shape.unit.code, &shape.unit.level).err()?;
            let remedy = "nothing to do where the code is right as it is; otherwise correct it, or configure the scheme that is in use";
            Some(Problem::new(ProblemKind::ForeignCode, Severity::Warning, error.to_string(), remedy).of([feature(shape)]))
        })
        .collect()
}

fn parents(layer: &Layer, above: Option<&[UnitShape]>, level: &mut [UnitShape]) -> Vec<Problem> {
    level.iter_mut().for_each(|shape| name_parent(layer, &mut shape.unit));
    let Some(above) = above else { return Vec::new() };
    if level.is_empty() {
        return Vec::new();
    }
    if above.is_empty() {
        let detail = format!("the parents of {} units cannot be checked, because their level is not loaded", level.len());
        return vec![Problem::new(ProblemKind::Orphan, Severity::Warning, detail, "import the coarser level first")];
    }
    let codes: FxHashSet<&UnitCode> = above.iter().map(|shape| &shape.unit.code).collect();
    let mut homes = None;
    let mut problems = Vec::new();
    for shape in level {
        match &shape.unit.parent {
            Some(parent) if codes.contains(parent) => {}
            Some(parent) => {
                let detail = format!("the parent {parent} of {} is not loaded", shape.unit.code);
                let remedy = "correct the code or the parent field, or import the parent first";
                problems.push(Problem::new(ProblemKind::Orphan, Severity::Error, detail, remedy).of([feature(shape)]));
            }
            None => {
                shape.unit.parent = homes.get_or_insert_with(|| Homes::new(above)).holding(shape);
                if shape.unit.parent.is_none() {
                    let detail = format!("{} names no parent and lies in none", shape.unit.code);
                    let remedy = "fill in the parent field, or check the reference system of the file";
                    problems.push(Problem::new(ProblemKind::Orphan, Severity::Warning, detail, remedy).of([feature(shape)]));
                }
            }
        }
    }
    problems
}

/// Fills in the parent that a unit's code begins with, where it names none.
pub(super) fn name_parent(layer: &Layer, unit: &mut Unit) {
    if unit.parent.is_none() {
        unit.parent = layer.scheme.as_ref().and_then(|scheme| scheme.parent_code(&unit.code, &unit.level));
    }
}

/// The units of the coarser level by their boxes.
struct Homes<'a> {
    above: &'a [UnitShape],
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

impl<'a> Homes<'a> {
    fn new(above: &'a [UnitShape]) -> Self {
        let boxes = above.iter().enumerate().filter_map(|(at, shape)| {
            let rect = shape.geometry.bounding_rect()?;
            let is_finite = [rect.min().x, rect.min().y, rect.max().x, rect.max().y].iter().all(|c| c.is_finite());
            is_finite.then(|| GeomWithData::new(Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]), at))
        });
        Self { above, tree: RTree::bulk_load(boxes.collect()) }
    }

    /// Returns the code of the unit that holds the middle of a shape; of several the smallest.
    fn holding(&self, shape: &UnitShape) -> Option<UnitCode> {
        let is_finite = shape.geometry.iter().all(|p| p.exterior().0.iter().all(|c| c.x.is_finite() && c.y.is_finite()));
        let inner = shape.geometry.interior_point().filter(|_| is_finite)?;
        self.tree
            .locate_in_envelope_intersecting(AABB::from_point([inner.x(), inner.y()]))
            .map(|boxed| &self.above[boxed.data])
            .filter(|home| home.geometry.contains(&inner))
            .map(|home| home.unit.code.clone())
            .min()
    }
}
