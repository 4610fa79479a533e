use geo::BoundingRect;
use geo_types::{Geometry, Rect};

use super::expression::Expression;
use super::syntax::Comparison;
use super::value::Value;

/// Which features can match at all, as far as a filter says it plainly: what an index can be asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hint {
    /// A match has a point in common with one of these boxes; none says nothing.
    pub boxes: Option<Vec<Rect<f64>>>,
    /// A match has one of these codes; none says nothing.
    pub codes: Option<Codes>,
}

/// Codes that a match may have.
#[derive(Clone, Debug, PartialEq)]
pub enum Codes {
    OneOf(Vec<String>),
    /// Codes that begin so.
    Prefix(String),
}

impl Hint {
    pub(super) fn of(expression: &Expression, geometries: &[Geometry<f64>], code: Option<usize>, geometry: Option<usize>) -> Self {
        let of = |part: &Expression| Self::of(part, geometries, code, geometry);
        match expression {
            // Each part alone bounds what matches; the first that does is taken.
            Expression::And(parts) => parts.iter().map(of).fold(Self::default(), |known, part| Self {
                boxes: known.boxes.or(part.boxes),
                codes: match (known.codes, part.codes) {
                    (Some(Codes::Prefix(_)), Some(Codes::OneOf(codes))) => Some(Codes::OneOf(codes)),
                    (known, part) => known.or(part),
                },
            }),
            Expression::Or(parts) => {
                let mut hints = parts.iter().map(of);
                let first = hints.next().unwrap_or_default();
                hints.fold(first, Self::either)
            }
            Expression::Compare(Comparison::Equal, sides) => Self { boxes: None, codes: equal_code(&sides[0], &sides[1], code) },
            Expression::In(value, list) if is_property(value, code) => {
                let codes: Option<Vec<String>> = list.iter().map(to_text).collect();
                Self { boxes: None, codes: codes.map(Codes::OneOf) }
            }
            Expression::Like(value, pattern) if is_property(value, code) => {
                let prefix = pattern.prefix();
                Self { boxes: None, codes: (!prefix.is_empty()).then_some(Codes::Prefix(prefix)) }
            }
            Expression::Spatial(relation, sides) if relation.needs_meeting() => {
                let other = if is_property(&sides[0], geometry) { &sides[1] } else { &sides[0] };
                let is_asked = is_property(&sides[0], geometry) || is_property(&sides[1], geometry);
                let boxes = match other {
                    Expression::Geometry(at) if is_asked => boxes_of(&geometries[*at]),
                    _ => None,
                };
                Self { boxes, codes: None }
            }
            _ => Self::default(),
        }
    }

    fn either(self, other: Self) -> Self {
        let codes = match (self.codes, other.codes) {
            (Some(Codes::OneOf(mut a)), Some(Codes::OneOf(b))) => {
                a.extend(b);
                Some(Codes::OneOf(a))
            }
            _ => None,
        };
        let boxes = self.boxes.zip(other.boxes).map(|(mut a, b)| {
            a.extend(b);
            a
        });
        Self { boxes, codes }
    }
}

fn equal_code(left: &Expression, right: &Expression, code: Option<usize>) -> Option<Codes> {
    let text = if is_property(left, code) { to_text(right) } else { to_text(left).filter(|_| is_property(right, code)) };
    text.map(|text| Codes::OneOf(vec![text]))
}

fn is_property(expression: &Expression, slot: Option<usize>) -> bool {
    matches!(expression, Expression::Property(found, _) if Some(*found) == slot)
}

fn to_text(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Literal(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

/// Returns a box around each part of a geometry, so that a box over the antimeridian stays two.
fn boxes_of(geometry: &Geometry<f64>) -> Option<Vec<Rect<f64>>> {
    match geometry {
        Geometry::MultiPolygon(parts) => parts.iter().map(BoundingRect::bounding_rect).collect(),
        Geometry::GeometryCollection(parts) => {
            let parts: Option<Vec<_>> = parts.iter().map(boxes_of).collect();
            parts.map(|parts| parts.concat())
        }
        other => other.bounding_rect().map(|bounds| vec![bounds]),
    }
}
