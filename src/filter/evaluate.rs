use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;

use super::arithmetic::{negate, reckon};
use super::check::Filter;
use super::expression::Expression;
use super::spatial::{Prepared, Side, SpatialRelation};
use super::syntax::Comparison;
use super::temporal::{Interval, Moment};
use super::value::{Value, compare};

/// What a filter asks of a feature.
pub trait Feature {
    /// Returns the value of a property by its place in the schema that the filter was made for.
    fn value(&self, slot: usize) -> Value<'_>;
}

/// Tells of features whether a filter matches them. One for each thread; what it prepares serves all features it is asked for.
pub struct Evaluator<'f> {
    filter: &'f Filter,
    prepared: Vec<OnceCell<Prepared<'f>>>,
}

impl<'f> Evaluator<'f> {
    pub fn new(filter: &'f Filter) -> Self {
        Self { filter, prepared: filter.geometries.iter().map(|_| OnceCell::new()).collect() }
    }

    /// Whether a feature matches: the filter is true for it, neither false nor unknown.
    pub fn matches(&self, feature: &dyn Feature) -> bool {
        self.truth(&self.filter.root, feature) == Some(true)
    }

    fn truth(&self, expression: &Expression, feature: &dyn Feature) -> Option<bool> {
        match expression {
            Expression::And(parts) => {
                let mut result = Some(true);
                for part in parts {
                    match self.truth(part, feature) {
                        Some(false) => return Some(false),
                        None => result = None,
                        Some(true) => {}
                    }
                }
                result
            }
            Expression::Or(parts) => {
                let mut result = Some(false);
                for part in parts {
                    match self.truth(part, feature) {
                        Some(true) => return Some(true),
                        None => result = None,
                        Some(false) => {}
                    }
                }
                result
            }
            Expression::Not(part) => self.truth(part, feature).map(|truth| !truth),
            Expression::IsNull(part) => Some(self.value(part, feature).is_null()),
            Expression::Compare(comparison, sides) => {
                holds(*comparison, compare(&self.value(&sides[0], feature), &self.value(&sides[1], feature))?)
            }
            Expression::Like(value, pattern) => match self.value(value, feature) {
                Value::Text(text) => Some(pattern.matches(&text)),
                _ => None,
            },
            Expression::Between(parts) => {
                let [value, low, high] = [0, 1, 2].map(|at| self.value(&parts[at], feature));
                let above = compare(&value, &low).map(Ordering::is_ge);
                let below = compare(&value, &high).map(Ordering::is_le);
                match (above, below) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
            Expression::In(value, list) => {
                let value = self.value(value, feature);
                let mut result = Some(false);
                for item in list {
                    match compare(&value, &self.value(item, feature)) {
                        Some(Ordering::Equal) => return Some(true),
                        None => result = None,
                        Some(_) => {}
                    }
                }
                result
            }
            Expression::Spatial(relation, sides) => {
                self.spatial(*relation, &self.value(&sides[0], feature), &self.value(&sides[1], feature))
            }
            Expression::Temporal(relation, sides) => relation.holds(&self.value(&sides[0], feature), &self.value(&sides[1], feature)),
            Expression::Arrays(relation, sides) => relation.holds(&self.value(&sides[0], feature), &self.value(&sides[1], feature)),
            other => match self.value(other, feature) {
                Value::Boolean(truth) => Some(truth),
                _ => None,
            },
        }
    }

    fn value<'a>(&'a self, expression: &'a Expression, feature: &'a dyn Feature) -> Value<'a> {
        match expression {
            Expression::Literal(Value::Text(text)) => Value::Text(Cow::Borrowed(text)),
            Expression::Literal(value) => value.clone(),
            Expression::Geometry(at) => Value::Geometry(&self.filter.geometries[*at], Some(*at)),
            Expression::Property(slot, _) => feature.value(*slot),
            Expression::Array(parts) => Value::Array(parts.iter().map(|part| self.value(part, feature)).collect()),
            Expression::Interval(ends) => self.interval(ends, feature).map_or(Value::Null, Value::Interval),
            Expression::Fold(fold, text) => match self.value(text, feature) {
                Value::Text(text) => Value::Text(fold.apply(&text).into()),
                _ => Value::Null,
            },
            Expression::Negate(number) => negate(&self.value(number, feature)),
            Expression::Chain(first, rest) => {
                let mut result = self.value(first, feature);
                for (operator, operand) in rest {
                    result = reckon(*operator, &result, &self.value(operand, feature));
                }
                result
            }
            condition => self.truth(condition, feature).map_or(Value::Null, Value::Boolean),
        }
    }

    /// Returns the interval; none where an end is unknown, or it begins after its end.
    fn interval(&self, ends: &[Option<Expression>; 2], feature: &dyn Feature) -> Option<Interval> {
        let end = |end: &Option<Expression>| match end {
            None => Some(None),
            Some(end) => Moment::of(&self.value(end, feature)).map(Some),
        };
        Some(Interval { from: end(&ends[0])?, to: end(&ends[1])? })
    }

    fn spatial(&self, relation: SpatialRelation, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
        let (Value::Geometry(left, left_at), Value::Geometry(right, right_at)) = (left, right) else { return None };
        let ready = |at: &Option<usize>| at.map(|at| self.prepared[at].get_or_init(|| Prepared::from(&self.filter.geometries[at])));
        let (left, right) = (Side { geometry: left, prepared: ready(left_at) }, Side { geometry: right, prepared: ready(right_at) });
        Some(relation.holds(left, right))
    }
}

impl std::fmt::Debug for Evaluator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator").field("filter", self.filter).finish_non_exhaustive()
    }
}

fn holds(comparison: Comparison, order: Ordering) -> Option<bool> {
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}
