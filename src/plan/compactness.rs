use std::f64::consts::PI;

use geo::{Area, ConvexHull};
use geo_types::{Coord, MultiPoint, Point};
use rayon::prelude::*;

use super::graph::BaseGraph;
use super::ground::degree_m;

/// The convex hull of each base unit, degrees: all that is needed of shapes to find the hull of a union.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    hulls: Vec<Vec<Coord<f64>>>,
}

impl Ground {
    pub(super) fn new(hulls: Vec<Vec<Coord<f64>>>) -> Self {
        Self { hulls }
    }

    /// Leaves units out; those that stay keep their order.
    #[must_use]
    pub fn keep(&self, keeps: &[bool]) -> Self {
        Self { hulls: self.hulls.iter().zip(keeps).filter(|(_, keeps)| **keeps).map(|(hull, _)| hull.clone()).collect() }
    }
}

/// How compact a district is. Each ratio is 1 for what is most compact, and towards 0 the less so.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compactness {
    pub area_m2: f64,
    pub perimeter_m: f64,
    /// 4π × area ÷ perimeter² (Polsby and Popper 1991): 1 for a circle.
    pub polsby_popper: f64,
    /// The area over that of the smallest circle around it (Reock 1961).
    pub reock: f64,
    /// The area over that of its convex hull (Niemi and others 1990).
    pub hull_ratio: f64,
}

/// Measures districts, each the union of the base units that `district_of` gives it. Units without a district are left out.
pub fn compactness(graph: &BaseGraph, ground: &Ground, district_of: &[Option<u32>], districts: usize) -> Vec<Compactness> {
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); districts];
    for (unit, district) in (0u32..).zip(district_of) {
        if let Some(district) = district {
            members[*district as usize].push(unit);
        }
    }
    members.par_iter().map(|units| measure(graph, ground, district_of, units)).collect()
}

fn measure(graph: &BaseGraph, ground: &Ground, district_of: &[Option<u32>], units: &[u32]) -> Compactness {
    let (mut area_m2, mut perimeter_m) = (0.0, 0.0);
    for unit in units {
        area_m2 += graph.unit(*unit).area_m2;
        perimeter_m += graph.unit(*unit).rim_m;
        let outward = |other: u32| district_of[other as usize] != district_of[*unit as usize];
        perimeter_m += graph.beside(*unit).iter().filter(|beside| outward(beside.unit)).map(|beside| beside.border_m).sum::<f64>();
    }
    if units.is_empty() || area_m2 <= 0.0 || perimeter_m <= 0.0 {
        return Compactness { area_m2, perimeter_m, ..Compactness::default() };
    }
    let hull = hull_m(ground, units);
    let (_, radius_m) = smallest_circle(&hull);
    // Areas are those of the ellipsoid and hulls lie on a plane, which differs in the fourth digit at most over a district.
    let ratio = |of_m2: f64| if of_m2 > 0.0 { (area_m2 / of_m2).min(1.0) } else { 0.0 };
    let hull_m2 = geo_types::Polygon::new(hull.into(), Vec::new()).unsigned_area();
    Compactness {
        area_m2,
        perimeter_m,
        polsby_popper: ratio(perimeter_m * perimeter_m / (4.0 * PI)),
        reock: ratio(PI * radius_m * radius_m),
        hull_ratio: ratio(hull_m2),
    }
}

/// Returns the convex hull of units on a plane that touches the earth in their midst, metres.
fn hull_m(ground: &Ground, units: &[u32]) -> Vec<Coord<f64>> {
    let corners = || units.iter().flat_map(|unit| &ground.hulls[*unit as usize]).copied();
    let count = corners().count().max(1) as f64;
    let middle = corners().fold(Coord::default(), |sum: Coord<f64>, corner| sum + corner) / count;
    let degree_m = degree_m(middle);
    let points = corners().map(|corner| Point::new((corner.x - middle.x) * degree_m.x, (corner.y - middle.y) * degree_m.y));
    MultiPoint::new(points.collect()).convex_hull().into_inner().0.0
}

/// Returns the smallest circle around points: each that lies outside the one so far is on the rim of the next (Welzl 1991, in loops).
fn smallest_circle(points: &[Coord<f64>]) -> (Coord<f64>, f64) {
    const GRAIN: f64 = 1e-9;
    let is_out = |(centre, radius): (Coord<f64>, f64), point: Coord<f64>| distance(centre, point) > radius * (1.0 + GRAIN) + GRAIN;
    let mut circle = (points.first().copied().unwrap_or_default(), 0.0);
    for (i, a) in points.iter().enumerate() {
        if !is_out(circle, *a) {
            continue;
        }
        circle = (*a, 0.0);
        for (j, b) in points[..i].iter().enumerate() {
            if !is_out(circle, *b) {
                continue;
            }
            circle = ((*a + *b) / 2.0, distance(*a, *b) / 2.0);
            for c in &points[..j] {
                if is_out(circle, *c) {
                    circle = around(*a, *b, *c);
                }
            }
        }
    }
    circle
}

fn distance(a: Coord<f64>, b: Coord<f64>) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

/// Returns the circle through three points; through the farthest two where they lie on one line.
fn around(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>) -> (Coord<f64>, f64) {
    let (u, v) = (b - a, c - a);
    let twice = 2.0 * (u.x * v.y - u.y * v.x);
    let (uu, vv) = (u.x * u.x + u.y * u.y, v.x * v.x + v.y * v.y);
    let centre = Coord { x: a.x + (v.y * uu - u.y * vv) / twice, y: a.y + (u.x * vv - v.x * uu) / twice };
    let radius = distance(centre, a);
    if radius.is_finite() {
        return (centre, radius);
    }
    let pairs = [(a, b), (b, c), (c, a)];
    let (from, to) = pairs.into_iter().max_by(|x, y| distance(x.0, x.1).total_cmp(&distance(y.0, y.1))).unwrap_or((a, b));
    ((from + to) / 2.0, distance(from, to) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Coord<f64> {
        Coord { x, y }
    }

    #[test]
    fn the_smallest_circle_holds_all_and_no_smaller_one_does() {
        let square = [at(0.0, 0.0), at(2.0, 0.0), at(2.0, 2.0), at(0.0, 2.0)];
        let (centre, radius) = smallest_circle(&square);
        assert!(distance(centre, at(1.0, 1.0)) < 1e-9 && (radius - 2f64.sqrt()).abs() < 1e-9);
        let flat = [at(0.0, 0.0), at(5.0, 1.0), at(10.0, 0.0)];
        assert!((smallest_circle(&flat).1 - 5.0).abs() < 1e-9);
        let line = [at(0.0, 0.0), at(1.0, 0.0), at(4.0, 0.0)];
        assert!((smallest_circle(&line).1 - 2.0).abs() < 1e-9);
    }
}
