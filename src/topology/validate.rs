use geo_types::{Coord, Polygon};
use rayon::prelude::*;

use super::build::assemble;
use super::codes::check_codes;
use super::coverage::ValidCoverage;
use super::feature::{FeatureCheck, check_feature, without_degenerate};
use super::mesh::{Matching, Mesh, MeshLevel, MeshUnit};
use super::plane::Plane;
use super::report::{own_problems, report_seams};
use super::seams::{Seams, find_seams};
use crate::boundary::{Accepted, FeatureRef, Layer, Level, Problem, ProblemKind, Severity, UnitShape};

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
    /// Holes in the union of the level, slivers included.
    pub gaps: usize,
    pub gaps_m2: f64,
    /// Places that more than one unit covers, slivers included.
    pub overlaps: usize,
    pub overlaps_m2: f64,
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
/// Finds everything in one pass; nothing is left out of the list of problems. A coverage comes of it where no
/// problem is an error. In a projected plane everything is checked but no coverage is made.
pub fn check(layer: &Layer, mut shapes: Vec<Vec<UnitShape>>, rules: &Rules) -> Checked {
    let mut problems = check_codes(layer, &mut shapes);
    let mut mesh = Mesh::default();
    for (level, units) in layer.levels.iter().zip(&shapes) {
        let checks: Vec<FeatureCheck> = units.par_iter().map(|shape| check_feature(&shape.geometry, rules.plane)).collect();
        let mut mesh_level = MeshLevel::default();
        for (shape, check) in units.iter().zip(checks) {
            let geometry = if check.is_usable { without_degenerate(&shape.geometry) } else { None };
            mesh_level.units.push(geometry.map_or_else(MeshUnit::default, |geometry| MeshUnit::new(&geometry, &mut mesh.vertices)));
            problems.extend(own_problems(level, shape, check.problems));
        }
        mesh.levels.push(mesh_level);
    }
    let mut summary = Vec::new();
    for (depth, level) in layer.levels.iter().enumerate() {
        let matching = Matching::new(&mesh.levels[depth]);
        let seams = find_seams(&mesh.levels[depth], &matching, &mesh.vertices);
        problems.extend(report_seams(level, &shapes[depth], &seams, rules));
        summary.push(summarise(level, &shapes[depth], &seams, rules));
    }
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    let accepted = accepted_and_present(&problems, rules.accepted);
    let is_clean = problems.iter().all(|problem| problem.severity < Severity::Error);
    let coverage = (is_clean && rules.plane == Plane::Degrees).then(|| assemble(layer, shapes, accepted));
    Checked { coverage, problems, moves: Vec::new(), summary }
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
        gaps_m2: seams.gaps.iter().fold(0.0, |sum, gap| sum + area_m2(&gap.polygon)),
        overlaps: seams.overlaps.len(),
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
