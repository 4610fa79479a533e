use geo_types::{Coord, Polygon};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::build::assemble;
use super::codes::check_codes;
use super::coverage::ValidCoverage;
use super::feature::{FeatureCheck, check_feature, without_degenerate};
use super::mesh::{Matching, Mesh, MeshLevel, MeshUnit};
use super::nest::find_misfits;
use super::plane::Plane;
use super::report::{own_problems, report_left_alone, report_misfits, report_seams};
use super::seams::{Seams, find_seams};
use super::snap::{SnapRules, Snapped, snap};
use super::vertices::{Vertices, to_u32};
use crate::boundary::{Accepted, FeatureRef, Layer, Level, Problem, ProblemKind, Severity, UnitCode, UnitShape};

/// How far the repair moves a vertex unless told otherwise: less than any survey of a city vouches for. Metres.
pub const SNAP_M_DEFAULT: f64 = 0.1;

/// How strict a check is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Vertices and edges nearer than this that fail to meet are moved together; 0 moves nothing. Metres.
    pub snap_m: f64,
    pub accepted: Accepted,
    /// What the coordinates are. Only a coverage in degrees may be stored.
    pub plane: Plane,
    /// The depth of the level that comes in. The other levels are known good: their vertices stay where they
    /// are, and only gain those of the newcomer. None: all levels come in together.
    pub incoming: Option<usize>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { snap_m: SNAP_M_DEFAULT, accepted: Accepted::default(), plane: Plane::Degrees, incoming: None }
    }
}

/// What a check found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Present where nothing but notes, warnings and accepted faults was found.
    pub coverage: Option<ValidCoverage>,
    pub problems: Vec<Problem>,
    /// Every vertex moved, once for each feature that has it.
    pub moves: Vec<VertexMove>,
    /// One for each level, coarse to fine.
    pub summary: Vec<LevelSummary>,
}

impl Checked {
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

/// The figures of one level, counted after the repair.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelSummary {
    pub level: Level,
    pub units: usize,
    /// Edges with exactly one unit on each side.
    pub matched_edges: usize,
    /// Edges with one side only, as the outer rim has, or that lie athwart another.
    pub loose_edges: usize,
    /// Units with an edge that runs along, touches or crosses another unit without meeting it vertex by vertex.
    pub units_with_unmatched_edges: usize,
    /// Holes in the union of the level, slivers and hairlines included.
    pub gaps: usize,
    /// Those of the gaps that are so narrow that rounding decides whether they are there.
    pub hairline_gaps: usize,
    pub gaps_m2: f64,
    /// Places that more than one unit covers, slivers and hairlines included.
    pub overlaps: usize,
    pub hairline_overlaps: usize,
    pub overlaps_m2: f64,
    /// Pairs of units that cover a common place, however narrow; decided without rounding.
    pub overlapping_pairs: usize,
    pub moved_vertices: usize,
    pub inserted_vertices: usize,
    pub move_m_max: f64,
}

/// A vertex that the repair moved.
#[derive(Clone, Debug, PartialEq)]
pub struct VertexMove {
    pub level: Level,
    pub source: FeatureRef,
    pub from: Coord<f64>,
    pub to: Coord<f64>,
    pub distance_m: f64,
}

/// Checks all levels of a layer together. `shapes` has one list for each level of `layer`, coarse to fine.
///
/// Finds everything in one pass; nothing is left out of the list of problems. What lies within the tolerance is repaired
/// first and every vertex moved is listed. A coverage comes of it where no problem is an error. In a projected plane
/// everything is checked but no coverage is made.
pub fn check(layer: &Layer, shapes: Vec<Vec<UnitShape>>, rules: &Rules) -> Checked {
    let (mut checked, shapes) = inspect(layer, shapes, rules);
    // By now the mesh that the faults were found on is gone: it and the coverage in the making are the most that is held at a time.
    let is_clean = checked.problems.iter().all(|problem| problem.severity < Severity::Error);
    let accepted = accepted_and_present(&checked.problems, rules.accepted);
    checked.coverage = (is_clean && rules.plane == Plane::Degrees).then(|| assemble(layer, shapes, accepted));
    checked
}

/// Finds all that [`check`] finds and makes no coverage, for those who only report.
pub fn find_problems(layer: &Layer, shapes: Vec<Vec<UnitShape>>, rules: &Rules) -> Checked {
    inspect(layer, shapes, rules).0
}

/// Returns what was found, without a coverage, and the shapes as they were repaired.
fn inspect(layer: &Layer, mut shapes: Vec<Vec<UnitShape>>, rules: &Rules) -> (Checked, Vec<Vec<UnitShape>>) {
    let mut problems = check_codes(layer, &mut shapes);
    let (mut mesh, unsound) = make_mesh(layer, &shapes, rules, &mut problems);
    let parents = number_parents(&shapes);
    let mut moves = Vec::new();
    let mut inserted = vec![0; shapes.len()];
    if rules.snap_m > 0.0 {
        let given = mesh.levels.clone();
        let (tolerance_m, plane, incoming) = (rules.snap_m, rules.plane, rules.incoming);
        let snapped = snap(&mut mesh, SnapRules { tolerance_m, plane, incoming, families: &number_families(&shapes), unsound: &unsound });
        moves = list_moves(layer, &shapes, &given, &snapped, &mesh.vertices, rules);
        problems.extend(report_left_alone(layer, &shapes, &snapped));
        take_over(&mut shapes, &given, &mesh);
        inserted = snapped.inserted;
    }
    let mut summary = Vec::new();
    for (depth, level) in layer.levels.iter().enumerate() {
        let matching = Matching::new(&mesh.levels[depth]);
        let seams = find_seams(&mesh.levels[depth], &matching, &mesh.vertices);
        problems.extend(report_seams(level, &shapes[depth], &seams, rules));
        let mut figures = summarise(level, &shapes[depth], &seams, rules);
        figures.inserted_vertices = inserted[depth];
        count_moves(&mut figures, &moves);
        summary.push(figures);
        if depth > 0 && !shapes[depth].is_empty() && !shapes[depth - 1].is_empty() {
            let misfits = find_misfits(&mesh.levels[depth - 1], &mesh.levels[depth], &parents[depth], &mesh.vertices);
            let levels = [&layer.levels[depth - 1], level];
            problems.extend(report_misfits(levels, &shapes[depth - 1], &shapes[depth], &misfits, rules));
        }
    }
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    (Checked { coverage: None, problems, moves, summary }, shapes)
}

/// Checks each shape by itself and takes what is usable into a mesh. Also returns which units are wrong by themselves.
fn make_mesh(layer: &Layer, shapes: &[Vec<UnitShape>], rules: &Rules, problems: &mut Vec<Problem>) -> (Mesh, Vec<Vec<bool>>) {
    let mut mesh = Mesh::default();
    let mut unsound = Vec::new();
    for (level, units) in layer.levels.iter().zip(shapes) {
        let checks: Vec<FeatureCheck> = units.par_iter().map(|shape| check_feature(&shape.geometry, rules.plane)).collect();
        let mut mesh_level = MeshLevel::default();
        unsound.push(checks.iter().map(|check| check.problems.iter().any(|problem| problem.severity == Severity::Error)).collect());
        for (shape, check) in units.iter().zip(checks) {
            let geometry = if check.is_usable { without_degenerate(&shape.geometry) } else { None };
            mesh_level.units.push(geometry.map_or_else(MeshUnit::default, |geometry| MeshUnit::new(&geometry, &mut mesh.vertices)));
            problems.extend(own_problems(level, shape, check.problems));
        }
        mesh.levels.push(mesh_level);
    }
    (mesh, unsound)
}

/// Returns for each unit of each level the number of its parent in the level above.
fn number_parents(shapes: &[Vec<UnitShape>]) -> Vec<Vec<Option<u32>>> {
    let mut numbers: FxHashMap<&UnitCode, u32> = FxHashMap::default();
    let mut parents = Vec::new();
    for level in shapes {
        parents.push(level.iter().map(|shape| numbers.get(shape.unit.parent.as_ref()?).copied()).collect());
        numbers = level.iter().enumerate().map(|(at, shape)| (&shape.unit.code, to_u32(at))).collect();
    }
    parents
}

/// Numbers the parents that the units of each level name, present or not.
fn number_families(shapes: &[Vec<UnitShape>]) -> Vec<Vec<Option<u32>>> {
    let of_level = |level: &Vec<UnitShape>| {
        let mut numbers: FxHashMap<&UnitCode, u32> = FxHashMap::default();
        let mut number = |code| {
            let next = to_u32(numbers.len());
            *numbers.entry(code).or_insert(next)
        };
        level.iter().map(|shape| shape.unit.parent.as_ref().map(&mut number)).collect()
    };
    shapes.iter().map(of_level).collect()
}

/// Gives the shapes that the repair has changed their new geometry; the others keep theirs to the bit.
fn take_over(shapes: &mut [Vec<UnitShape>], given: &[MeshLevel], mesh: &Mesh) {
    for ((shapes, given), level) in shapes.iter_mut().zip(given).zip(&mesh.levels) {
        for ((shape, before), unit) in shapes.iter_mut().zip(&given.units).zip(&level.units) {
            if before != unit {
                shape.geometry = unit.to_geometry(&mesh.vertices);
            }
        }
    }
}

fn list_moves(
    layer: &Layer,
    shapes: &[Vec<UnitShape>],
    given: &[MeshLevel],
    snapped: &Snapped,
    vertices: &Vertices,
    rules: &Rules,
) -> Vec<VertexMove> {
    let mut moves = Vec::new();
    let levels = layer.levels.iter().zip(shapes).zip(given).enumerate();
    for (_, ((level, shapes), given)) in levels.filter(|(depth, _)| rules.incoming.is_none_or(|incoming| incoming == *depth)) {
        for (shape, unit) in shapes.iter().zip(&given.units) {
            for id in unit.rings.iter().flat_map(|ring| &ring.ids) {
                if let Some(to) = snapped.moved.get(id) {
                    let (from, to) = (vertices.coord(*id), vertices.coord(*to));
                    let (source, distance_m) = (shape.source.clone(), rules.plane.distance_m(from, to));
                    moves.push(VertexMove { level: level.clone(), source, from, to, distance_m });
                }
            }
        }
    }
    moves
}

fn count_moves(figures: &mut LevelSummary, moves: &[VertexMove]) {
    for moved in moves.iter().filter(|moved| moved.level == figures.level) {
        figures.moved_vertices += 1;
        figures.move_m_max = figures.move_m_max.max(moved.distance_m);
    }
}

fn summarise(level: &Level, shapes: &[UnitShape], seams: &Seams, rules: &Rules) -> LevelSummary {
    let area_m2 = |polygon: &Polygon<f64>| rules.plane.polygon_area_m2(polygon);
    LevelSummary {
        level: level.clone(),
        units: shapes.len(),
        matched_edges: seams.matched_edges,
        loose_edges: seams.loose_edges,
        units_with_unmatched_edges: seams.unmatched.len(),
        gaps: seams.gaps.len(),
        hairline_gaps: seams.gaps.iter().filter(|gap| gap.is_hairline).count(),
        gaps_m2: seams.gaps.iter().fold(0.0, |sum, gap| sum + area_m2(&gap.polygon)),
        overlaps: seams.overlaps.len(),
        hairline_overlaps: seams.overlaps.iter().filter(|overlap| overlap.is_hairline).count(),
        overlaps_m2: seams.overlaps.iter().fold(0.0, |sum, overlap| sum + f64::from(overlap.cover - 1) * area_m2(&overlap.polygon)),
        overlapping_pairs: seams.overlapping_pairs.len(),
        moved_vertices: 0,
        inserted_vertices: 0,
        move_m_max: 0.0,
    }
}

/// Returns the kinds that were accepted and that there was something to accept of.
fn accepted_and_present(problems: &[Problem], accepted: Accepted) -> Accepted {
    let has = |kind: ProblemKind| problems.iter().any(|problem| problem.kind == kind);
    Accepted {
        overlap: accepted.overlap && has(ProblemKind::Overlap),
        gap: accepted.gap && has(ProblemKind::Gap),
        nesting: accepted.nesting && has(ProblemKind::Nesting),
    }
}
