use geo::{BoundingRect, CoordsIter};
use geo_types::{LineString, MultiPolygon, Polygon, Rect};
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::core::solver::Solver;
use i_overlay::float::overlay::{FloatOverlay, OverlayOptions};
use rayon::prelude::*;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use crate::boundary::UnitShape;
use crate::topology::Plane;

/// Ground smaller than this is no heir's: it is what rounding and the joining of edges leave. Square metres.
pub const SLIVER_M2: f64 = 1.0;

/// Ground narrower than this on the mean is no heir's either: a border drawn anew within twice the usual tolerance of the repair
/// is the same border. Metres.
pub const SLIVER_WIDTH_M: f64 = 0.2;

/// A unit's area and the sum of its pieces differ by this much at most: micrometres along its border. Square metres.
pub(super) const ROUNDING_M2: f64 = 1e-2;

/// Ground that is left out because it is too small or too narrow to mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slivers {
    pub count: usize,
    pub area_m2: f64,
    /// Cases that lie in such ground, or in ground between units and nothing that is as small.
    pub cases: usize,
}

/// Ground that an old and a new unit have in common. Units are numbered as they were given.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub from: usize,
    pub to: usize,
    pub area_m2: f64,
    pub ground: MultiPolygon<f64>,
}

/// Old units laid over new ones.
#[derive(Debug)]
pub(super) struct Overlay {
    pub from_m2: Vec<f64>,
    pub to_m2: Vec<f64>,
    /// Old ground that lies in no new unit, and new ground that lay in no old one. Square metres.
    pub lost_m2: Vec<f64>,
    pub gained_m2: Vec<f64>,
    /// By old unit, then by new unit; without slivers.
    pub pieces: Vec<Piece>,
    pub slivers: Slivers,
}

impl Overlay {
    /// Lays all units over each other whose envelopes overlap. Where old units do not overlap each other, a new unit whose whole area has
    /// been found is done: the nearest are looked at first, so most pairs that only touch never are.
    ///
    /// Areas are on the ellipsoid between edges straight in longitude and latitude, see [`Plane::ring_area_m2`]. What each pair has in
    /// common is cut out on a grid of a billionth of the pair's extent, micrometres for a grid of the city.
    pub(super) fn new(from: &[UnitShape], to: &[UnitShape], may_overlap: bool) -> Self {
        let measure =
            |shapes: &[UnitShape]| -> Vec<f64> { shapes.par_iter().map(|shape| Plane::Degrees.area_m2(&shape.geometry)).collect() };
        let (from_m2, to_m2) = (measure(from), measure(to));
        let tree = envelopes(from);
        let cut = |(at, shape): (usize, &UnitShape)| -> Vec<Piece> {
            let Some(rect) = shape.geometry.bounding_rect() else { return Vec::new() };
            let wanted = AABB::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]);
            let near = tree.locate_in_envelope_intersecting(wanted).map(|near| (common(&rect, near.geom()), near.data));
            let mut near: Vec<(f64, usize)> = near.filter(|(common, _)| *common > 0.0).collect();
            near.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let mut left_m2 = to_m2[at];
            let mut pieces = Vec::new();
            for (_, old) in near {
                if let Some(piece) = cut_piece(from, old, shape, at, from_m2[old]) {
                    left_m2 -= piece.area_m2;
                    pieces.push(piece);
                }
                if left_m2 < ROUNDING_M2 && !may_overlap {
                    break;
                }
            }
            pieces
        };
        let mut found: Vec<Piece> = to.par_iter().enumerate().flat_map_iter(cut).collect();
        found.sort_unstable_by_key(|piece| (piece.from, piece.to));
        let (mut lost_m2, mut gained_m2) = (from_m2.clone(), to_m2.clone());
        let mut slivers = Slivers::default();
        let mut pieces = Vec::with_capacity(found.len());
        for piece in found {
            lost_m2[piece.from] -= piece.area_m2;
            gained_m2[piece.to] -= piece.area_m2;
            if is_sliver(&piece.ground, piece.area_m2) {
                slivers.count += 1;
                slivers.area_m2 += piece.area_m2;
            } else {
                pieces.push(piece);
            }
        }
        Self { from_m2, to_m2, lost_m2, gained_m2, pieces, slivers }
    }
}

type Envelopes = RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>;

fn envelopes(shapes: &[UnitShape]) -> Envelopes {
    let boxed = shapes.iter().enumerate().filter_map(|(at, shape)| {
        let rect = shape.geometry.bounding_rect()?;
        Some(GeomWithData::new(Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]), at))
    });
    RTree::bulk_load(boxed.collect())
}

/// The area that two envelopes have in common, square degrees; nought where they have an edge or less.
fn common(rect: &Rect<f64>, other: &Rectangle<[f64; 2]>) -> f64 {
    let (low, high) = (other.lower(), other.upper());
    let width = rect.max().x.min(high[0]) - rect.min().x.max(low[0]);
    let height = rect.max().y.min(high[1]) - rect.min().y.max(low[1]);
    width.max(0.0) * height.max(0.0)
}

fn cut_piece(from: &[UnitShape], at_from: usize, shape: &UnitShape, at_to: usize, from_m2: f64) -> Option<Piece> {
    let old = &from[at_from].geometry;
    if *old == shape.geometry {
        return Some(Piece { from: at_from, to: at_to, area_m2: from_m2, ground: old.clone() });
    }
    let ground = intersection(old, &shape.geometry);
    let area_m2 = Plane::Degrees.area_m2(&ground);
    (area_m2 > 0.0).then_some(Piece { from: at_from, to: at_to, area_m2, ground })
}

/// Cuts out what two geometries have in common, as geo's `BooleanOps` does, by the same engine.
///
/// The engine would ask before each of its sorts how many processors there are, which takes longer than to sort forty edges. Pairs are
/// cut in parallel already, so it is told to use one.
fn intersection(a: &MultiPolygon<f64>, b: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    let solver = Solver { multithreading: None, ..Solver::AUTO };
    let mut overlay = FloatOverlay::with_subj_and_clip_custom(&to_paths(a), &to_paths(b), OverlayOptions::ogc(), solver);
    let shapes = overlay.overlay(OverlayRule::Intersect, FillRule::EvenOdd);
    let to_ring = |path: Vec<[f64; 2]>| {
        let mut ring: LineString<f64> = path.into_iter().collect();
        ring.close();
        ring
    };
    let to_polygon = |shape: Vec<Vec<[f64; 2]>>| {
        let mut rings = shape.into_iter().map(to_ring);
        Some(Polygon::new(rings.next()?, rings.collect()))
    };
    shapes.into_iter().filter_map(to_polygon).collect()
}

/// The rings without their last vertex, which is their first.
fn to_paths(geometry: &MultiPolygon<f64>) -> Vec<Vec<[f64; 2]>> {
    let rings = geometry.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
    rings.map(|ring| ring.0[..ring.0.len().saturating_sub(1)].iter().map(|c| [c.x, c.y]).collect()).collect()
}

pub(super) fn is_sliver_m2(area_m2: f64) -> bool {
    area_m2 < SLIVER_M2
}

fn is_sliver(ground: &MultiPolygon<f64>, area_m2: f64) -> bool {
    if is_sliver_m2(area_m2) {
        return true;
    }
    // The rim is at most as long as all its edges would be across the envelope. Measured edge by edge it costs more than the cutting.
    let Some(rect) = ground.bounding_rect() else { return true };
    let across_m = Plane::Degrees.distance_m(rect.min(), rect.max());
    let rim_m_max = across_m * ground.coords_count() as f64;
    let is_narrow = |rim_m: f64| 2.0 * area_m2 < SLIVER_WIDTH_M * rim_m;
    let rings = || ground.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
    is_narrow(rim_m_max) && is_narrow(rings().map(|ring| Plane::Degrees.length_m(&ring.0)).sum())
}
