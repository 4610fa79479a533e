//! What was reported in the sample: in clusters, and one in three exactly on a street, which is a border of grids.
//!
//! Geocoders put reports on the centrelines of streets, and streets are borders; the sample does the same.

use geo_types::Coord;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::names::pick;
use super::rules::CATEGORIES;
use super::{District, SampleUnit};

/// One incident in this many lies on a border.
const INCIDENTS_PER_BORDER: usize = 3;

/// One grid in this many is a hot spot, and this share of what is on no border happens in one.
const GRIDS_PER_HOT_SPOT: usize = 40;
const HOT_SHARE: f64 = 0.6;

/// Minutes from the first to the last report: ten months.
const PERIOD_MINUTES: i64 = 304 * 24 * 60;

/// Tries at a place inside a grid before its centre is taken; most grids need two.
const TRIES_MAX: usize = 200;

/// An incident. Its place is on the straight way between two positions, metres in EPSG:4546.
#[derive(Clone, Debug)]
pub struct Incident {
    pub between: [Coord<f64>; 2],
    /// How far along; 0 is the first position.
    pub share: f64,
    pub on_border: bool,
    pub category: &'static str,
    pub description: String,
    /// Minutes since the first day of the year.
    pub minute: i64,
    pub source: &'static str,
}

/// How many of the categories are reported: those at the beginning.
const REPORTED: usize = 12;

pub(super) const PLACES: [&str; 8] = ["路口", "菜市场门口", "小学对面", "公交站旁", "桥头", "小区北门", "卫生院附近", "村部前"];
pub(super) const SOURCES: [&str; 5] = ["信息采集员", "12345热线", "视频监控", "公众上报", "媒体"];

/// Makes the incidents, in the order in which they were reported.
pub(super) fn incidents(district: &District) -> Vec<Incident> {
    let mut rng = ChaCha8Rng::seed_from_u64(super::noise::hash(district.settings.seed, 90));
    let hot: Vec<(usize, Coord<f64>)> = (0..district.grids.len().div_ceil(GRIDS_PER_HOT_SPOT))
        .map(|_| {
            let grid = rng.random_range(0..district.grids.len());
            (grid, place_inside(&mut rng, &district.grids[grid]))
        })
        .collect();
    let mut all: Vec<Incident> = (0..district.settings.incidents)
        .map(|number| {
            if number % INCIDENTS_PER_BORDER == 0 {
                let line = &district.centrelines[rng.random_range(0..district.centrelines.len())];
                let at = rng.random_range(0..line.len() - 1);
                // Half of them on a vertex. A line's first may lie on the outline, where rounding can push a place out.
                let on_vertex = rng.random_range(0..2) == 0 && at > 0;
                let share = if on_vertex { 0.0 } else { rng.random_range(0.1..0.9) };
                report(&mut rng, [line[at], line[at + 1]], share, true)
            } else {
                let at = if rng.random_range(0.0..1.0) < HOT_SHARE {
                    let (grid, middle) = hot[rng.random_range(0..hot.len())];
                    near(&mut rng, &district.grids[grid], middle)
                } else {
                    let grid = rng.random_range(0..district.grids.len());
                    place_inside(&mut rng, &district.grids[grid])
                };
                report(&mut rng, [at, at], 0.0, false)
            }
        })
        .collect();
    all.sort_by_key(|incident| incident.minute);
    all
}

fn report(rng: &mut ChaCha8Rng, between: [Coord<f64>; 2], share: f64, on_border: bool) -> Incident {
    let sort = &CATEGORIES[rng.random_range(0..REPORTED)];
    let (category, what) = (sort.code, sort.reported);
    let description = format!("{}{what}", pick(&PLACES, rng.random_range(0..PLACES.len() as u64)));
    let source = SOURCES[rng.random_range(0..SOURCES.len())];
    let day = rng.random_range(0..PERIOD_MINUTES / (24 * 60));
    // The mean of two even hours peaks at two in the afternoon.
    let minute_of_day = (rng.random_range(4 * 60..24 * 60_i64) + rng.random_range(4 * 60..24 * 60_i64)) / 2;
    Incident { between, share, on_border, category, description, minute: day * 24 * 60 + minute_of_day, source }
}

/// Returns a place near the middle of a hot spot, but inside its grid.
fn near(rng: &mut ChaCha8Rng, grid: &SampleUnit, middle: Coord<f64>) -> Coord<f64> {
    let any = place_inside(rng, grid);
    let pull = rng.random_range(0.0..0.35) * rng.random_range(0.0..1.0);
    let pulled = Coord { x: middle.x + (any.x - middle.x) * pull, y: middle.y + (any.y - middle.y) * pull };
    if contains(grid, pulled) { pulled } else { middle }
}

pub(super) fn place_inside(rng: &mut ChaCha8Rng, grid: &SampleUnit) -> Coord<f64> {
    let exterior = &grid.polygons[0][0];
    let (mut min, mut max) = (exterior[0], exterior[0]);
    for c in exterior {
        min = Coord { x: min.x.min(c.x), y: min.y.min(c.y) };
        max = Coord { x: max.x.max(c.x), y: max.y.max(c.y) };
    }
    for _ in 0..TRIES_MAX {
        let at = Coord { x: rng.random_range(min.x..max.x), y: rng.random_range(min.y..max.y) };
        if contains(grid, at) {
            return at;
        }
    }
    grid.centre
}

pub(super) fn contains(unit: &SampleUnit, at: Coord<f64>) -> bool {
    unit.polygons.iter().flatten().filter(|ring| super::rings::contains(ring, at)).count() % 2 == 1
}
