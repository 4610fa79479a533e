use std::fmt;

/// The properties that a filter may name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    pub properties: Vec<Property>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub name: String,
    pub kind: Kind,
}

/// What the values of a property, or of a part of a filter, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Boolean,
    Integer,
    Number,
    Text,
    Date,
    Instant,
    Interval,
    Geometry,
    Array,
    /// Different from feature to feature.
    Any,
}

impl Property {
    pub fn is_geometry(&self) -> bool {
        self.kind == Kind::Geometry
    }
}

impl Schema {
    /// Returns the place of a property, which a [`super::Feature`] is asked for.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.name == name)
    }
}

impl Kind {
    /// Whether values of both kinds can be compared.
    pub(super) fn fits(self, other: Self) -> bool {
        let group = |kind: Self| match kind {
            Self::Integer | Self::Number => 0,
            Self::Date | Self::Instant => 1,
            Self::Boolean => 2,
            Self::Text => 3,
            Self::Interval => 4,
            Self::Geometry => 5,
            Self::Array => 6,
            Self::Any => 7,
        };
        self == Self::Any || other == Self::Any || group(self) == group(other)
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Number | Self::Any)
    }

    pub(super) fn is_scalar(self) -> bool {
        !matches!(self, Self::Interval | Self::Geometry | Self::Array)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "a truth value",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Date => "a date",
            Self::Instant => "a timestamp",
            Self::Interval => "an interval",
            Self::Geometry => "a geometry",
            Self::Array => "an array",
            Self::Any => "a value of any kind",
        })
    }
}
