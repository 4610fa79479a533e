use super::address::TileAddress;
use super::clip::clip_line;
use super::layers::{BorderTiles, TileField};
use super::select::{PassingUnits, TileChoice};
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

/// Which border lines are drawn.
pub(super) struct Lines<'a> {
    pub coverage: &'a ValidCoverage,
    pub borders: BorderTiles,
    pub plan: &'a ZoomPlan,
    /// The depths whose units they are to separate.
    pub wanted: &'a [usize],
    /// The units of which one is to stand at a side, where only some are wanted.
    pub passing: Option<&'a PassingUnits>,
}

impl Lines<'_> {
    /// Returns the border lines of a tile, each arc once.
    ///
    /// Nothing depends on the numbers of arcs: lines stand in the order of what they separate and then of their points.
    pub fn features(&self, shapes: &Shapes, address: TileAddress) -> LayerFeatures {
        let (origin, reach) = (address.origin(), address.reach());
        let mut lines: Vec<(BorderKey, Vec<GridPoint>)> = Vec::new();
        for arc in shapes.find(reach) {
            let Some(key) = self.key(ArcId(arc)) else { continue };
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
        let values = lines.chunk_by(|a, b| a.0 == b.0).map(|group| self.feature(group)).collect();
        LayerFeatures { origin, values }
    }

    /// Returns what a line separates; none of one that is not wanted.
    fn key(&self, arc: ArcId) -> Option<BorderKey> {
        let sides = |depth: usize| self.coverage.arcs().sides(arc, depth);
        let depth = self.plan.drawn_depths().find(|depth| sides(*depth).is_border())?;
        let passes =
            |depth: usize, unit: Option<UnitIndex>| unit.is_some_and(|unit| self.passing.is_none_or(|passing| passing.has(depth, unit)));
        let is_wanted = |depth: usize| {
            let sides = sides(depth);
            self.wanted.contains(&depth) && sides.is_border() && (passes(depth, sides.left) || passes(depth, sides.right))
        };
        let has_sides = self.plan.z >= self.borders.sides_min_zoom;
        let key = BorderKey { depth, sides: has_sides.then(|| [sides(depth).left, sides(depth).right]) };
        self.plan.drawn_depths().any(is_wanted).then_some(key)
    }

    fn feature(&self, group: &[(BorderKey, Vec<GridPoint>)]) -> LineFeature {
        let key = group[0].0;
        let level = &self.coverage.levels()[key.depth];
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
        ([text(level.level().as_str()), depth, code(0), code(1)], first, run)
    }
}

/// The values of a line's fields, its first point, and its commands.
type LineFeature = ([Vec<u8>; 4], GridPoint, Vec<u8>);

/// The fields of border lines, in the order in which their values stand.
const FIELDS: [TileField; 4] = [TileField::Level, TileField::Depth, TileField::Left, TileField::Right];

/// Border lines before they are written.
pub(super) struct LayerFeatures {
    origin: GridPoint,
    values: Vec<LineFeature>,
}

impl LayerFeatures {
    /// Writes the lines with the fields that are wanted.
    pub fn write(&self, choice: &TileChoice) -> LayerWriter<'_> {
        let mut writer = LayerWriter::new(Kind::Line, self.origin, FIELDS.iter().map(TileField::as_str).collect());
        let is_wanted = FIELDS.map(|field| choice.has_field(field.as_str()));
        for (tags, first, run) in &self.values {
            tags.iter().enumerate().filter(|(key, _)| is_wanted[*key]).for_each(|(key, value)| writer.tag(key, value, false));
            writer.feature(None, *first, run);
        }
        writer
    }
}
