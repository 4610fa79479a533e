use geo_types::Coord;

use super::build::assemble;
use super::coverage::ValidCoverage;
use super::plane::Plane;
use crate::boundary::{Accepted, FeatureRef, Layer, Level, Problem, Severity, UnitShape};

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
pub fn check(layer: &Layer, shapes: Vec<Vec<UnitShape>>, rules: &Rules) -> Checked {
    let coverage = assemble(layer, shapes, rules.accepted);
    Checked { coverage: Some(coverage), problems: Vec::new(), moves: Vec::new(), summary: Vec::new() }
}
