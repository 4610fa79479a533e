//! Finds out what a delta means for each level: who goes, who comes, who keeps which index.

use geo_types::{Coord, MultiPolygon};

use super::{LevelDelta, Unpatched};
use crate::boundary::{Severity, UnitCode, UnitShape};
use crate::topology::arcs::UnitIndex;
use crate::topology::build::for_each_ring;
use crate::topology::codes::name_parent;
use crate::topology::coverage::{CoverageLevel, ValidCoverage};
use crate::topology::feature::check_feature;
use crate::topology::plane::Plane;
use crate::topology::vertices::{Vertices, to_u32};

/// Units that end or begin, above which all shapes are checked. Around each some forty edges are cut again, one by one, so that a
/// few thousand of them cost as much as the check saves elsewhere.
const UNITS_MAX: usize = 4_096;

/// A unit of the base that is not in the next coverage.
const GONE: u32 = u32::MAX;

/// What happens at one level.
pub(super) struct LevelPlan {
    /// In the order of codes.
    pub begun: Vec<Begun>,
    /// The units of the base that end, those that change included, ordered.
    ended: Vec<u32>,
    /// The units of the base whose geometry ends, ordered.
    pub gone: Vec<u32>,
    /// The new index of each unit of the base, or [`GONE`]; none where all keep theirs.
    map: Option<Vec<u32>>,
    /// Units in the next coverage.
    pub count: usize,
}

/// A unit that begins, or changes.
pub(super) struct Begun {
    pub shape: UnitShape,
    /// Its index in the base, where it is there.
    pub before: Option<u32>,
    pub index: UnitIndex,
    /// Whether its geometry or its parent is new, and not only what is said about it.
    pub is_reshaped: bool,
}

impl LevelPlan {
    /// Returns the index that a unit of the base has in the next coverage.
    pub fn map(&self, base: UnitIndex) -> Option<UnitIndex> {
        match &self.map {
            Some(map) => Some(map[base.0 as usize]).filter(|index| *index != GONE).map(UnitIndex),
            None => Some(base),
        }
    }

    pub fn is_renumbered(&self) -> bool {
        self.map.is_some()
    }

    /// Whether the geometry of a unit of the base ends.
    pub fn is_gone(&self, base: UnitIndex) -> bool {
        self.gone.binary_search(&base.0).is_ok()
    }

    pub fn is_reshaped(&self) -> bool {
        !self.gone.is_empty() || self.reshaped().next().is_some()
    }

    pub fn reshaped(&self) -> impl Iterator<Item = &Begun> {
        self.begun.iter().filter(|begun| begun.is_reshaped)
    }

    /// Returns the unit of the base that has an index in the next coverage.
    pub fn base_of(&self, index: UnitIndex) -> Option<UnitIndex> {
        match &self.map {
            Some(map) => map.iter().position(|mapped| *mapped == index.0).map(|unit| UnitIndex(to_u32(unit))),
            None => Some(index),
        }
    }

    /// Returns the code of a unit of the next coverage.
    pub fn code_of<'a>(&'a self, level: &'a CoverageLevel, index: UnitIndex) -> &'a UnitCode {
        match self.begun.iter().find(|begun| begun.index == index) {
            Some(begun) => &begun.shape.unit.code,
            None => &level.units[self.base_of(index).expect("a unit that does not begin was there").0 as usize].code,
        }
    }

    fn is_ended(&self, base: u32) -> bool {
        self.ended.binary_search(&base).is_ok()
    }

    /// Returns the index that a code has in the next coverage.
    fn find(&self, level: &CoverageLevel, code: &UnitCode) -> Option<UnitIndex> {
        match self.begun.binary_search_by(|begun| begun.shape.unit.code.cmp(code)) {
            Ok(at) => Some(self.begun[at].index),
            Err(_) => level.find(code).filter(|base| !self.is_ended(base.0)).and_then(|base| self.map(base)),
        }
    }
}

/// Plans all levels, and checks what can be checked of the shapes by themselves.
pub(super) fn plan(base: &ValidCoverage, delta: Vec<LevelDelta>) -> Result<Vec<LevelPlan>, Unpatched> {
    let changed = delta.iter().map(|level| level.ended.len() + level.begun.len()).sum();
    if changed > UNITS_MAX {
        return Err(Unpatched::TooMany { changed, max: UNITS_MAX });
    }
    delta.into_iter().enumerate().map(|(depth, delta)| plan_level(base, depth, delta)).collect()
}

fn plan_level(base: &ValidCoverage, depth: usize, delta: LevelDelta) -> Result<LevelPlan, Unpatched> {
    let level = &base.levels[depth];
    let find = |code: UnitCode| level.find(&code).map(|unit| unit.0).ok_or(Unpatched::Unknown(code));
    let mut ended = delta.ended.into_iter().map(find).collect::<Result<Vec<u32>, Unpatched>>()?;
    ended.sort_unstable();
    ended.dedup();
    let mut shapes = delta.begun;
    shapes.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
    if let Some(twice) = shapes.windows(2).find(|pair| pair[0].unit.code == pair[1].unit.code) {
        return Err(Unpatched::Duplicate(twice[0].unit.code.clone()));
    }
    let mut begun = Vec::with_capacity(shapes.len());
    for mut shape in shapes {
        name_parent(&base.layer, &mut shape.unit);
        let before = level.find(&shape.unit.code).map(|unit| unit.0);
        if before.is_some_and(|unit| ended.binary_search(&unit).is_err()) {
            return Err(Unpatched::Duplicate(shape.unit.code));
        }
        let is_same = |unit: u32| {
            level.units[unit as usize].parent == shape.unit.parent && has_geometry(base, depth, UnitIndex(unit), &shape.geometry)
        };
        let is_reshaped = !before.is_some_and(is_same);
        if is_reshaped && check_feature(&shape.geometry, Plane::Degrees).problems.iter().any(|problem| problem.severity == Severity::Error)
        {
            return Err(Unpatched::Shape(shape.unit.code));
        }
        begun.push(Begun { shape, before, index: UnitIndex(0), is_reshaped });
    }
    let stays_in_shape = |unit: &u32| begun.iter().any(|begun| begun.before == Some(*unit) && !begun.is_reshaped);
    let gone = ended.iter().copied().filter(|unit| !stays_in_shape(unit)).collect();
    let mut plan = LevelPlan { begun, ended, gone, map: None, count: level.units.len() };
    number(level, &mut plan);
    if (plan.count == 0) != level.units.is_empty() {
        return Err(Unpatched::Loaded);
    }
    Ok(plan)
}

/// Gives every unit its index: its rank among the codes of the next coverage.
fn number(level: &CoverageLevel, plan: &mut LevelPlan) {
    let mut kept: Vec<u32> = plan.begun.iter().filter_map(|begun| begun.before).collect();
    kept.sort_unstable();
    let leaving: Vec<u32> = plan.ended.iter().copied().filter(|unit| kept.binary_search(unit).is_err()).collect();
    let place = |begun: &Begun| to_u32(level.units.partition_point(|unit| unit.code < begun.shape.unit.code));
    // The units of the base before which newcomers stand, in the order of codes.
    let places: Vec<u32> = plan.begun.iter().filter(|begun| begun.before.is_none()).map(place).collect();
    plan.count = level.units.len() - leaving.len() + places.len();
    if !leaving.is_empty() || !places.is_empty() {
        let mut map = Vec::with_capacity(level.units.len());
        let (mut left, mut come) = (0, 0);
        for unit in 0..to_u32(level.units.len()) {
            while places.get(come).is_some_and(|place| *place <= unit) {
                come += 1;
            }
            if leaving.get(left) == Some(&unit) {
                left += 1;
                map.push(GONE);
            } else {
                map.push(unit + to_u32(come) - to_u32(left));
            }
        }
        plan.map = Some(map);
    }
    let mut come = 0;
    for begun in &mut plan.begun {
        begun.index = UnitIndex(match (begun.before, &plan.map) {
            (Some(before), Some(map)) => map[before as usize],
            (Some(before), None) => before,
            (None, _) => {
                come += 1;
                let place = places[come - 1];
                place + to_u32(come - 1) - to_u32(leaving.partition_point(|unit| *unit < place))
            }
        });
    }
}

/// The parents of the units of each level in the next coverage.
pub(super) fn find_parents(base: &ValidCoverage, plans: &[LevelPlan]) -> Result<Vec<Vec<Option<UnitIndex>>>, Unpatched> {
    let mut all = Vec::with_capacity(plans.len());
    for (depth, plan) in plans.iter().enumerate() {
        let level = &base.levels[depth];
        let above = depth.checked_sub(1).map(|above| (&base.levels[above], &plans[above])).filter(|(_, plan)| plan.count > 0);
        let mut parents = vec![None; plan.count];
        if let Some((above_level, above)) = above {
            // Who has no parent although there are some might lie in one that comes.
            let is_in_doubt = above.is_reshaped();
            for (unit, parent) in (0..).zip(&level.parents) {
                let Some(index) = plan.map(UnitIndex(unit)) else { continue };
                let found = parent.and_then(|parent| above.map(parent));
                let is_sure = if parent.is_some() { found.is_some() } else { !is_in_doubt };
                if !is_sure && !plan.is_ended(unit) {
                    return Err(Unpatched::Parent(level.units[unit as usize].code.clone()));
                }
                parents[index.0 as usize] = found;
            }
            for begun in &plan.begun {
                let unit = &begun.shape.unit;
                let parent = unit.parent.as_ref().and_then(|parent| above.find(above_level, parent));
                parents[begun.index.0 as usize] = Some(parent.ok_or_else(|| Unpatched::Parent(unit.code.clone()))?);
            }
        }
        all.push(parents);
    }
    Ok(all)
}

/// Whether a unit of the base has a geometry, wherever the rings start and whichever way they run.
fn has_geometry(base: &ValidCoverage, depth: usize, unit: UnitIndex, geometry: &MultiPolygon<f64>) -> bool {
    let mut rings = base.levels[depth].polygons(unit).flat_map(|rings| rings.enumerate().map(|(at, ring)| (at == 0, ring)));
    let mut is_same = true;
    for_each_ring(geometry, |is_exterior, line| {
        is_same = is_same
            && rings.next().is_some_and(|(was_exterior, ring)| {
                was_exterior == is_exterior && {
                    let coords = base.to_ring(ring);
                    runs_alike(&coords[..coords.len() - 1], &line.0)
                }
            });
    });
    is_same && rings.next().is_none()
}

fn runs_alike(open: &[Coord<f64>], line: &[Coord<f64>]) -> bool {
    let mut vertices = Vertices::default();
    let ids: Vec<Coord<f64>> = vertices.ids_of(line).into_iter().map(|id| vertices.coord(id)).collect();
    ids.len() == open.len() && (0..ids.len()).any(|start| ids[start] == open[0] && ids[start..].iter().chain(&ids[..start]).eq(open))
}
