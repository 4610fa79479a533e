use geo_types::{Coord, Geometry, LineString, Polygon};
use jiff::Timestamp;
use jiff::civil::Date;

use super::error::Place;
use super::literal::{parse_date, parse_instant};
use super::schema::{Kind, Property};

/// A part of a filter as it was written, before its names and types are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub(super) place: Place,
    pub(super) kind: NodeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum NodeKind {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Date(Date),
    Instant(Timestamp),
    /// `..`, an end of an interval that is open.
    Open,
    Interval(Box<[Node; 2]>),
    Geometry(Geometry<f64>),
    /// West, south, east, north; the west may lie east of the east.
    Bbox([f64; 4]),
    Property(String),
    /// Several values in brackets, or none.
    Array(Vec<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparison, Box<[Node; 2]>),
    Like(Box<[Node; 2]>),
    Between(Box<[Node; 3]>),
    In(Box<Node>, Vec<Node>),
    IsNull(Box<Node>),
    Negate(Box<Node>),
    /// Operators of one rank, from left to right. A list, so that a long sum is no deep tree.
    Chain(Box<Node>, Vec<(Operator, Node)>),
    /// A function by its name in small letters.
    Call(String, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// The whole part of a quotient.
    WholeDivide,
    Power,
}

/// Pieces into which each side of a box is cut before it is brought to another reference system, in which it may be no straight line.
const BOX_SIDE_PIECES: u32 = 32;

impl Node {
    pub(super) fn new(place: Place, kind: NodeKind) -> Self {
        Self { place, kind }
    }

    /// Brings all geometry of the filter to longitude and latitude. Sides of boxes are cut into pieces first, unless `is_degrees`.
    ///
    /// # Errors
    /// The place of the first geometry with a coordinate for which `change` fails, and what it says.
    pub fn map_coordinates<E>(&mut self, is_degrees: bool, change: &dyn Fn(Coord<f64>) -> Result<Coord<f64>, E>) -> Result<(), (Place, E)> {
        use geo::MapCoords;
        let place = self.place.clone();
        match &mut self.kind {
            NodeKind::Geometry(geometry) => {
                *geometry = geometry.try_map_coords(change).map_err(|e| (place, e))?;
                Ok(())
            }
            NodeKind::Bbox([west, south, east, north]) => {
                let (low, high) = (Coord { x: *west, y: *south }, Coord { x: *east, y: *north });
                if is_degrees {
                    let at = |c| change(c).map_err(|e| (place.clone(), e));
                    let (a, b) = (at(low)?, at(high)?);
                    // Where the axes were in the other order, the box is still one.
                    [*west, *south, *east, *north] = [a.x, a.y, b.x, b.y];
                    return Ok(());
                }
                let polygon = cut_box(low, high).try_map_coords(change).map_err(|e| (place, e))?;
                self.kind = NodeKind::Geometry(polygon.into());
                Ok(())
            }
            _ => self.children_mut().into_iter().try_for_each(|child| child.map_coordinates(is_degrees, change)),
        }
    }

    /// Joins filters, all of which have to hold; none where there is none.
    pub fn all_of(mut nodes: Vec<Self>) -> Option<Self> {
        match nodes.len() {
            0 | 1 => nodes.pop(),
            _ => Some(Self::new(Place::Character(1), NodeKind::And(nodes))),
        }
    }

    /// Makes the filter that a property has a value, which is given as a text.
    ///
    /// # Errors
    /// Says what the text should be where it is not of the property's kind, or that the kind cannot be compared.
    pub fn equals(property: &Property, text: &str) -> Result<Self, String> {
        let place = Place::Character(1);
        let wrong = |form: &str| format!("{text:?} is not {}, such as {form}", property.kind);
        let value = match property.kind {
            Kind::Text | Kind::Any => NodeKind::Text(text.to_owned()),
            Kind::Boolean => NodeKind::Boolean(text.parse().map_err(|_| wrong("true"))?),
            Kind::Integer | Kind::Number => match text.parse::<i64>() {
                Ok(number) => NodeKind::Integer(number),
                Err(_) => NodeKind::Number(text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| wrong("7"))?),
            },
            Kind::Date => NodeKind::Date(parse_date(text).ok_or_else(|| wrong("2026-01-31"))?),
            // A plus that nobody encoded arrives as a space.
            Kind::Instant => NodeKind::Instant(
                parse_instant(text).or_else(|| parse_instant(&text.replace(' ', "+"))).ok_or_else(|| wrong("2026-01-31T08:00:00Z"))?,
            ),
            Kind::Interval | Kind::Geometry | Kind::Array => return Err("cannot be compared with a text; use filter".into()),
        };
        let sides = [NodeKind::Property(property.name.clone()), value].map(|kind| Self::new(place.clone(), kind));
        Ok(Self::new(place, NodeKind::Compare(Comparison::Equal, Box::new(sides))))
    }

    fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            NodeKind::Interval(nodes) | NodeKind::Compare(_, nodes) | NodeKind::Like(nodes) => nodes.iter_mut().collect(),
            NodeKind::Between(nodes) => nodes.iter_mut().collect(),
            NodeKind::Array(nodes) | NodeKind::And(nodes) | NodeKind::Or(nodes) | NodeKind::Call(_, nodes) => nodes.iter_mut().collect(),
            NodeKind::Not(node) | NodeKind::IsNull(node) | NodeKind::Negate(node) => vec![&mut **node],
            NodeKind::In(node, list) => std::iter::once(&mut **node).chain(list).collect(),
            NodeKind::Chain(first, rest) => std::iter::once(&mut **first).chain(rest.iter_mut().map(|(_, node)| node)).collect(),
            NodeKind::Boolean(_)
            | NodeKind::Integer(_)
            | NodeKind::Number(_)
            | NodeKind::Text(_)
            | NodeKind::Date(_)
            | NodeKind::Instant(_)
            | NodeKind::Open
            | NodeKind::Geometry(_)
            | NodeKind::Bbox(_)
            | NodeKind::Property(_) => Vec::new(),
        }
    }
}

/// Makes a polygon of a box, with points along its sides.
pub fn cut_box(low: Coord<f64>, high: Coord<f64>) -> Polygon<f64> {
    let corners = [low, Coord { x: high.x, y: low.y }, high, Coord { x: low.x, y: high.y }, low];
    let between = |pair: &[Coord<f64>]| {
        let (from, to) = (pair[0], pair[1]);
        (0..BOX_SIDE_PIECES).map(move |piece| {
            let share = f64::from(piece) / f64::from(BOX_SIDE_PIECES);
            Coord { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
        })
    };
    let mut ring: Vec<Coord<f64>> = corners.windows(2).flat_map(between).collect();
    ring.push(low);
    Polygon::new(LineString(ring), Vec::new())
}
