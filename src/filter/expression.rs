use super::array::ArrayRelation;
use super::fold::Fold;
use super::like::Pattern;
use super::schema::Kind;
use super::spatial::SpatialRelation;
use super::syntax::{Comparison, Operator};
use super::temporal::TemporalRelation;
use super::value::Value;

/// A part of a filter whose names and types have been seen to fit.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Literal(Value<'static>),
    /// A geometry of the filter, by its place among them.
    Geometry(usize),
    /// A property, by its place in the schema.
    Property(usize, Kind),
    /// None is an open end.
    Interval(Box<[Option<Expression>; 2]>),
    Array(Vec<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Comparison, Box<[Expression; 2]>),
    Like(Box<Expression>, Pattern),
    Between(Box<[Expression; 3]>),
    In(Box<Expression>, Vec<Expression>),
    IsNull(Box<Expression>),
    Spatial(SpatialRelation, Box<[Expression; 2]>),
    Temporal(TemporalRelation, Box<[Expression; 2]>),
    Arrays(ArrayRelation, Box<[Expression; 2]>),
    Fold(Fold, Box<Expression>),
    Negate(Box<Expression>),
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
}

impl Expression {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Literal(value) => match value {
                Value::Null => Kind::Any,
                Value::Boolean(_) => Kind::Boolean,
                Value::Integer(_) => Kind::Integer,
                Value::Number(_) => Kind::Number,
                Value::Text(_) => Kind::Text,
                Value::Date(_) => Kind::Date,
                Value::Instant(_) => Kind::Instant,
                Value::Interval(_) => Kind::Interval,
                Value::Geometry(..) => Kind::Geometry,
                Value::Array(_) => Kind::Array,
            },
            Self::Geometry(_) => Kind::Geometry,
            Self::Property(_, kind) => *kind,
            Self::Interval(_) => Kind::Interval,
            Self::Array(_) => Kind::Array,
            Self::Fold(..) => Kind::Text,
            Self::Negate(_) | Self::Chain(..) => Kind::Number,
            Self::And(_)
            | Self::Or(_)
            | Self::Not(_)
            | Self::Compare(..)
            | Self::Like(..)
            | Self::Between(_)
            | Self::In(..)
            | Self::IsNull(_)
            | Self::Spatial(..)
            | Self::Temporal(..)
            | Self::Arrays(..) => Kind::Boolean,
        }
    }
}
