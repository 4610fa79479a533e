use std::time::Instant;

use geo::{BoundingRect, Intersects};

use super::filter::{Area, Span};
use super::source::{Row, Source, geometry_slot};
use crate::api::problem::{Problem, ProblemKind};
use crate::boundary::Validity;
use crate::filter::{Codes, Evaluator, Filter, Hint};

/// Which features are wanted, all of it together.
#[derive(Debug)]
pub struct Wanted<'q> {
    pub area: Option<&'q Area>,
    pub span: Option<Span>,
    pub filter: Option<&'q Filter>,
    /// When looking is given up.
    pub until: Instant,
}

impl Wanted<'_> {
    /// Whether no feature is left out.
    pub fn is_everything(&self) -> bool {
        self.area.is_none() && self.span.is_none() && self.filter.is_none()
    }
}

/// Features looked at between two looks at the clock: a look costs less than a filter, and no filter takes a millisecond a feature
/// unless it holds thousands of vertices.
pub const FEATURES_BETWEEN_LOOKS: usize = 64;

/// Returns the features that are wanted, in their order.
///
/// # Errors
/// 503 where it takes too long.
pub fn select(source: &dyn Source, wanted: &Wanted<'_>) -> Result<Vec<usize>, Problem> {
    let slot = geometry_slot(source.schema());
    let evaluator = wanted.filter.map(Evaluator::new);
    let polygon = match wanted.area {
        Some(Area::Polygon(polygon)) => Some(polygon),
        _ => None,
    };
    let mut matched = candidates(source, wanted);
    let mut looked_at = 0_usize;
    let mut is_late = false;
    matched.retain(|at| {
        looked_at += 1;
        is_late = is_late || (looked_at.is_multiple_of(FEATURES_BETWEEN_LOOKS) && Instant::now() > wanted.until);
        if is_late {
            return false;
        }
        let holds = |span: Span| {
            let own = source.span(*at);
            // What says nothing of time is there at any time.
            own.is_none_or(|(from, to)| span.meets(&Validity { from, to }))
        };
        let row = Row::new(source, *at, slot);
        wanted.span.is_none_or(holds)
            && polygon.is_none_or(|polygon| row.geometry().is_none_or(|geometry| geometry.intersects(polygon)))
            && evaluator.as_ref().is_none_or(|evaluator| evaluator.matches(&row))
    });
    if is_late {
        return Err(too_late());
    }
    Ok(matched)
}

/// Returns at least the features that are wanted: by the box exactly, by a code or a geometry that the filter names, or else all.
fn candidates(source: &dyn Source, wanted: &Wanted<'_>) -> Vec<usize> {
    match wanted.area {
        Some(Area::Boxes(boxes)) => return source.meeting(boxes),
        // What has no place is in every area, and the index tells it with those that meet the box.
        Some(Area::Polygon(polygon)) => return polygon.bounding_rect().map_or_else(Vec::new, |rect| source.meeting(&[rect])),
        None => {}
    }
    let slot = geometry_slot(source.schema());
    hinted(source, wanted.filter.map(|filter| filter.hint(source.code_slot(), slot)).unwrap_or_default())
}

/// Says that looking took too long.
pub fn too_late() -> Problem {
    Problem::new(ProblemKind::Timeout, "looking at all features took too long; ask for a smaller area by bbox, or simplify the filter")
}

/// Returns at least the features that a filter with this hint can match.
pub fn hinted(source: &dyn Source, hint: Hint) -> Vec<usize> {
    match (hint.codes, hint.boxes) {
        (Some(Codes::OneOf(codes)), _) => {
            let mut found: Vec<usize> = codes.iter().filter_map(|code| source.find(code)).collect();
            found.sort_unstable();
            found.dedup();
            found
        }
        (Some(Codes::Prefix(prefix)), _) => source.with_prefix(&prefix),
        (None, Some(boxes)) => source.near(&boxes),
        (None, None) => (0..source.len()).collect(),
    }
}
