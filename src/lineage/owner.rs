use geo::BoundingRect;
use geo_types::Coord;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use crate::boundary::{Position, UnitShape};
use crate::index::{crosses_oddly, is_on};

/// Who of some units of a level owns a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned {
    /// The unit of this place in the list, of several that overlap the one of smallest code.
    By(usize),
    /// None of them.
    ByNone,
    /// The position lies on the border of one of them and, shifted by the owner rule, in none: who owns it depends on units that are not
    /// in the list.
    Doubtful,
}

/// Finds the owners of positions among some units of a level.
#[derive(Debug)]
pub struct UnitFinder<'a> {
    shapes: &'a [UnitShape],
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

impl<'a> UnitFinder<'a> {
    pub fn new(shapes: &'a [UnitShape]) -> Self {
        let boxed = shapes.iter().enumerate().filter_map(|(at, shape)| {
            let rect = shape.geometry.bounding_rect()?;
            Some(GeomWithData::new(Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]), at))
        });
        Self { shapes, tree: RTree::bulk_load(boxed.collect()) }
    }

    /// Finds who owns `position`, taken as `p + (ε, ε²)`: on a border the unit to the east, on a level border the unit to the north.
    pub fn find(&self, position: Position) -> Owned {
        let at = Coord::from(position);
        let (mut owner, mut touches) = (None, false);
        for boxed in self.tree.locate_in_envelope_intersecting(AABB::from_point([at.x, at.y])) {
            let shape = &self.shapes[boxed.data];
            let rings = || shape.geometry.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
            if rings().filter(|ring| crosses_oddly(&ring.0, at)).count() % 2 == 1 {
                let is_smaller = |other: &usize| shape.unit.code < self.shapes[*other].unit.code;
                owner = Some(owner.filter(|other| !is_smaller(other)).unwrap_or(boxed.data));
            } else {
                touches |= rings().any(|ring| ring.0.windows(2).any(|edge| is_on(edge[0], edge[1], at)));
            }
        }
        match owner {
            Some(owner) => Owned::By(owner),
            None if touches => Owned::Doubtful,
            None => Owned::ByNone,
        }
    }
}
