use std::fmt;

use geo_types::Geometry;

use super::level::Level;
use super::unit::FeatureRef;

/// Something wrong, or worth knowing, about a feature or a place of a boundary file.
///
/// Each problem says which features, where, which rule, how large and what to do about it, so that a
/// planner can mend a file in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub severity: Severity,
    /// The level whose file shows it; none where a file is read before its level is known.
    pub level: Option<Level>,
    /// The features concerned: their codes where they have one, and where they stand in the file.
    pub units: Vec<ProblemUnit>,
    /// The place: a point, the line that does not meet, or the polygon of a gap. None where the feature has no geometry.
    pub place: Option<Geometry<f64>>,
    pub area_m2: Option<f64>,
    pub length_m: Option<f64>,
    /// What is wrong, with the figures, as a sentence without a full stop.
    pub detail: String,
    /// What the person with the file can do.
    pub remedy: String,
}

impl Problem {
    /// Makes a problem without features, place or figures; the methods below add them.
    pub fn new(kind: ProblemKind, severity: Severity, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (detail, remedy) = (detail.into(), remedy.into());
        Self { kind, severity, level: None, units: Vec::new(), place: None, area_m2: None, length_m: None, detail, remedy }
    }

    #[must_use]
    pub fn at_level(mut self, level: &Level) -> Self {
        self.level = Some(level.clone());
        self
    }

    #[must_use]
    pub fn of(mut self, units: impl IntoIterator<Item = ProblemUnit>) -> Self {
        self.units.extend(units);
        self
    }

    #[must_use]
    pub fn placed(mut self, place: impl Into<Geometry<f64>>) -> Self {
        self.place = Some(place.into());
        self
    }

    #[must_use]
    pub fn with_area_m2(mut self, area_m2: f64) -> Self {
        self.area_m2 = Some(area_m2);
        self
    }

    #[must_use]
    pub fn with_length_m(mut self, length_m: f64) -> Self {
        self.length_m = Some(length_m);
        self
    }
}

/// A feature that a problem concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemUnit {
    pub code: Option<String>,
    pub source: FeatureRef,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing was wrong with the answer.
    Note,
    /// The file is taken as it is.
    Warning,
    /// The file is refused unless the kind is accepted by name.
    Error,
}

/// The rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The feature has no geometry, or an empty one.
    NoGeometry,
    /// The geometry is not a polygon.
    NotPolygon,
    /// A coordinate is not finite or out of range.
    Coordinate,
    /// A ring does not end where it begins.
    Unclosed,
    /// A ring has fewer than three different points, or no area.
    TooFewPoints,
    /// A ring crosses or touches itself along a line.
    SelfCrossing,
    /// The ring runs out along a line and back along the same line.
    Spike,
    /// The same point twice in a row.
    RepeatedPoint,
    /// A hole lies outside its polygon, or holes or parts overlap.
    Hole,
    /// The feature has no code, or one that cannot be a code.
    BadCode,
    /// The code does not fit the layer's scheme.
    ForeignCode,
    /// Two features have the same code.
    DuplicateCode,
    /// The code named another unit, which has ended.
    ReusedCode,
    /// The parent that the feature names is not loaded.
    Orphan,
    /// The unit sticks out of its parent.
    Nesting,
    /// A part of the parent lies in none of its children.
    Uncovered,
    /// Two units cover the same place.
    Overlap,
    /// A hole in the union of the level.
    Gap,
    /// A gap or overlap so thin that it is a digitising fault.
    Sliver,
    /// An edge of a unit that does not meet its neighbour's edge vertex by vertex.
    UnmatchedEdge,
    /// The unit has several parts.
    Multipart,
    /// Figures of a unit are those from before it was split, merged or redrawn.
    NotRecounted,
}

impl ProblemKind {
    /// Returns the name used in reports and by `--accept`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoGeometry => "no_geometry",
            Self::NotPolygon => "not_polygon",
            Self::Coordinate => "coordinate",
            Self::Unclosed => "unclosed",
            Self::TooFewPoints => "too_few_points",
            Self::SelfCrossing => "self_crossing",
            Self::Spike => "spike",
            Self::RepeatedPoint => "repeated_point",
            Self::Hole => "hole",
            Self::BadCode => "bad_code",
            Self::ForeignCode => "foreign_code",
            Self::DuplicateCode => "duplicate_code",
            Self::ReusedCode => "reused_code",
            Self::Orphan => "orphan",
            Self::Nesting => "nesting",
            Self::Uncovered => "uncovered",
            Self::Overlap => "overlap",
            Self::Gap => "gap",
            Self::Sliver => "sliver",
            Self::UnmatchedEdge => "unmatched_edge",
            Self::Multipart => "multipart",
            Self::NotRecounted => "not_recounted",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The faults that the person who loads a file takes as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    pub overlap: bool,
    pub gap: bool,
    pub nesting: bool,
}
