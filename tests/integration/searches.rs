//! The raster says what the tree says on published boundaries, with all their gaps and overlaps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridkeeper::boundary::{Accepted, Layer, LayerName, Level, Position};
use gridkeeper::import::{ReadOptions, read_boundaries};
use gridkeeper::index::{LayerIndex, MaybeUnit, Search};
use gridkeeper::topology::{Rules, ValidCoverage, check};

use crate::support::shared;

const ANYTHING: Accepted = Accepted { overlap: true, gap: true, nesting: true };

/// Vertices that are looked at of one file: enough for every kind of corner, and a file takes a fraction of a second.
const VERTICES_MAX: usize = 1_500;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

fn load(path: &Path) -> Option<ValidCoverage> {
    let level = Level::parse("zone").unwrap();
    let layer = Layer { name: LayerName::parse("zones").unwrap(), levels: vec![level.clone()], scheme: None };
    let mut boundaries = read_boundaries(path, &ReadOptions::default(), &|_| {}).ok()?;
    for (number, feature) in boundaries.features.iter_mut().enumerate() {
        feature.code = Some(format!("{number:06}"));
    }
    let (shapes, _) = boundaries.into_shapes(&layer, &level);
    check(&layer, vec![shapes], &Rules { accepted: ANYTHING, ..Rules::default() }).coverage
}

/// Positions on vertices and edges of a coverage, and a float or a decimetre beside them.
pub fn telling_positions(coverage: &ValidCoverage) -> Vec<Position> {
    let vertices: Vec<_> = coverage.arcs().ids().flat_map(|arc| coverage.arcs().coords(arc).windows(2)).collect();
    let step = vertices.len().div_ceil(VERTICES_MAX).max(1);
    let beside = |edge: &&[geo_types::Coord<f64>]| {
        let (a, b) = (edge[0], edge[1]);
        let middle = geo_types::Coord { x: a.x + 0.37 * (b.x - a.x), y: a.y + 0.37 * (b.y - a.y) };
        [a, middle].into_iter().flat_map(|c| [(c.x, c.y), (c.x.next_up(), c.y), (c.x, c.y.next_down()), (c.x + 1e-7, c.y - 1e-7)])
    };
    vertices.iter().step_by(step).flat_map(beside).map(|(lon, lat)| Position { lon, lat }).collect()
}

#[test]
fn raster_and_tree_agree_on_published_boundaries() {
    let Some(folder) = shared("data") else { return };
    let mut compared = 0;
    for path in files_below(&folder) {
        let Some(coverage) = load(&path).map(Arc::new).filter(|coverage| !coverage.arcs().is_empty()) else { continue };
        let raster = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
        let tree = LayerIndex::build(Arc::clone(&coverage), Search::Rtree);
        let positions = telling_positions(&coverage);
        let mut owners = vec![MaybeUnit::NONE; positions.len()];
        raster.owners(&positions, 0, &mut owners);
        for (position, owner) in positions.iter().zip(owners) {
            let expected = tree.owner(*position, 0);
            assert_eq!(raster.owner(*position, 0), expected, "{}: {position:?}", path.display());
            assert_eq!(owner.get(), expected.unit, "{}: {position:?}", path.display());
        }
        compared += 1;
    }
    assert!(compared > 5, "{compared} files compared");
}
