use super::clip::{GridRect, clip_line};
use super::layers::BorderTiles;
use super::snap::GridPoint;
use super::wire::{Kind, LayerWriter, put_run, put_text_value, put_value};
use super::zoom::{Shapes, ZoomPlan};
use crate::topology::{ArcId, UnitIndex, ValidCoverage};

/// What lines have in common that are one feature: the coarsest level that they separate, and at near zooms the units on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct BorderKey {
    depth: usize,
    sides: Option<[Option<UnitIndex>; 2]>,
}

/// Returns the border lines of a tile, each arc once.
///
/// Nothing depends on the numbers of arcs: lines stand in the order of what they separate and then of their points.
pub(super) fn border_features(
    coverage: &ValidCoverage,
    borders: BorderTiles,
    shapes: &Shapes,
    plan: &ZoomPlan,
    origin: GridPoint,
    reach: GridRect,
) -> LayerFeatures {
    let has_sides = plan.z >= borders.sides_min_zoom;
    let mut lines: Vec<(BorderKey, Vec<GridPoint>)> = Vec::new();
    for arc in shapes.find(reach) {
        let sides = |depth: usize| coverage.arcs().sides(ArcId(arc), depth);
        let Some(depth) = plan.drawn_depths().find(|depth| sides(*depth).is_border()) else { continue };
        let key = BorderKey { depth, sides: has_sides.then(|| [sides(depth).left, sides(depth).right]) };
        let runs = shapes.runs();
        let is_inside = runs.rect(arc as usize).is_some_and(|rect| reach.contains(rect));
        for line in runs.parts(arc as usize) {
            if is_inside {
                lines.push((key, line));
            } else {
                lines.extend(clip_line(&line, reach).into_iter().map(|part| (key, part)));
            }
        }
    }
    lines.sort_unstable();
    let mut values = Vec::new();
    for group in lines.chunk_by(|a, b| a.0 == b.0) {
        let key = group[0].0;
        let level = &coverage.levels()[key.depth];
        let text = |text: &str| {
            let mut value = Vec::new();
            put_text_value(text, &mut value);
            value
        };
        let mut depth = Vec::new();
        put_value(&key.depth.into(), &mut depth);
        let code = |at: usize| key.sides.and_then(|sides| sides[at]).map(|unit| text(level.unit(unit).code.as_str())).unwrap_or_default();
        let mut run = Vec::new();
        let first = put_run(group.iter().map(|(_, line)| line.as_slice()), false, &mut run).expect("a group has a line");
        values.push(([text(level.level().as_str()), depth, code(0), code(1)], first, run));
    }
    LayerFeatures { origin, values }
}

/// Border lines before they are written.
pub(super) struct LayerFeatures {
    origin: GridPoint,
    values: Vec<([Vec<u8>; 4], GridPoint, Vec<u8>)>,
}

impl LayerFeatures {
    pub fn to_writer(&self) -> LayerWriter<'_> {
        let mut writer = LayerWriter::new(Kind::Line, self.origin, vec!["level", "depth", "left", "right"]);
        for (tags, first, run) in &self.values {
            tags.iter().enumerate().for_each(|(key, value)| writer.tag(key, value, false));
            writer.feature(None, *first, run);
        }
        writer
    }
}
