use geo::{Centroid, ConvexHull};
use geo_types::Coord;
use rayon::prelude::*;

use super::compactness::Ground;
use super::graph::{BaseGraph, BaseUnit};
use crate::topology::{Plane, UnitIndex, ValidCoverage};

/// Reads the base units of a plan off a level of a coverage: who shares arcs with whom, and along how many metres.
pub fn base_graph(coverage: &ValidCoverage, depth: usize) -> BaseGraph {
    let indices: Vec<_> = coverage.levels()[depth].indices().collect();
    let measured: Vec<(Coord<f64>, f64)> = indices
        .par_iter()
        .map(|unit| {
            let centre = coverage.to_geometry(depth, *unit).centroid();
            (centre.map_or(Coord::default(), Coord::from), coverage.area_m2(depth, *unit))
        })
        .collect();
    let count = measured.len().max(1) as f64;
    let middle = measured.iter().fold(Coord::default(), |sum: Coord<f64>, (centre, _)| sum + *centre) / count;
    let degree_m = degree_m(middle);
    let to_unit = |(centre, area_m2): &(Coord<f64>, f64)| BaseUnit {
        x_m: (centre.x - middle.x) * degree_m.x,
        y_m: (centre.y - middle.y) * degree_m.y,
        area_m2: *area_m2,
        rim_m: 0.0,
    };
    let mut units: Vec<BaseUnit> = measured.iter().map(to_unit).collect();
    let mut borders = Vec::new();
    for border in coverage.borders(depth) {
        match border.other {
            Some(other) => borders.push((border.unit.0, other.0, border.length_m)),
            None => units[border.unit.0 as usize].rim_m += border.length_m,
        }
    }
    let graph = BaseGraph::new(units, &borders);
    let lost = lost_borders(coverage, depth, &graph);
    if lost.is_empty() {
        return graph;
    }
    borders.extend(lost);
    BaseGraph::new(graph.units().to_vec(), &borders)
}

/// Where an accepted overlap covers a border, its arcs have units on one side only, and units beside each other seem apart. What hangs on
/// nothing else is given borders without length to those it touches.
fn lost_borders(coverage: &ValidCoverage, depth: usize, graph: &BaseGraph) -> Vec<(u32, u32, f64)> {
    if !coverage.accepted().overlap {
        return Vec::new();
    }
    let (piece_of, pieces) = graph.pieces(|_, _| true);
    let mut sizes = vec![0usize; pieces];
    piece_of.iter().for_each(|piece| sizes[*piece as usize] += 1);
    let Some(main) = (0..pieces).max_by_key(|piece| (sizes[*piece], std::cmp::Reverse(*piece))).filter(|_| pieces > 1) else {
        return Vec::new();
    };
    let neighbours = coverage.neighbours(depth);
    let mut lost = Vec::new();
    for (unit, _) in (0u32..).zip(&piece_of).filter(|(_, piece)| **piece as usize != main) {
        let touched = neighbours.of(UnitIndex(unit)).iter().filter(|neighbour| neighbour.only_touches()).map(|neighbour| neighbour.unit.0);
        lost.extend(touched.map(|other| (unit.min(other), unit.max(other), 0.0)));
    }
    lost.sort_unstable_by_key(|(a, b, _)| (*a, *b));
    lost.dedup();
    lost
}

/// Reads what is needed of units' shapes to measure how compact unions of them are.
pub fn ground_of(coverage: &ValidCoverage, depth: usize) -> Ground {
    let indices: Vec<_> = coverage.levels()[depth].indices().collect();
    let hull = |unit| coverage.to_geometry(depth, unit).convex_hull().into_inner().0.0;
    Ground::new(indices.par_iter().map(|unit| hull(*unit)).collect())
}

/// Returns the metres to a degree eastwards and northwards at a place.
pub(super) fn degree_m(at: Coord<f64>) -> Coord<f64> {
    // Short enough that the curve of the earth does not show, long enough for the digits.
    const STEP: f64 = 1e-3;
    let to = |x: f64, y: f64| Plane::Degrees.distance_m(at, Coord { x: at.x + x, y: at.y + y }) / STEP;
    Coord { x: to(STEP, 0.0), y: to(0.0, STEP) }
}
