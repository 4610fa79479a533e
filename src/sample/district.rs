//! The whole sample district: its units of every level with their codes, names and borders.

use geo_types::Coord;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::borders::Lines;
use super::codes;
use super::enclaves::{self, Inner};
use super::outline;
use super::regions::{COMMUNITIES, GRIDS_PER_COMMUNITY_MIN, Regions};
use super::relief;
use super::rings::{self, Border, Rings};
use super::subdivision::{Subdivision, area_and_centre, to_u32};
use super::terrain::{self, PLACES};

/// The fewest grids: every street has a community of several.
pub const GRIDS_MIN: usize = 100;

/// The most grids. Four digits of sequence in 334 communities end at 3.3 million; memory was measured up to this.
pub const GRIDS_MAX: usize = 1_000_000;

/// The most plots that communities are made of. More grids divide plots, and leave streets and communities as they are.
const PLOTS_MAX: usize = 6_000;

/// What is asked of the generator; the same settings give the same bytes on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub seed: u64,
    pub grids: usize,
    pub incidents: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seed: 1, grids: 2_000, incidents: 20_000 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sample cannot have {grids} grids: ask for {GRIDS_MIN} to {GRIDS_MAX}")]
pub struct SettingsError {
    pub grids: usize,
}

/// A unit of the sample. Positions are metres in EPSG:4546, easting and northing.
#[derive(Clone, Debug)]
pub struct SampleUnit {
    pub code: String,
    pub name: String,
    /// None for the district.
    pub parent: Option<String>,
    /// Polygons; each has its exterior, counter-clockwise, then its holes, clockwise. All rings are closed.
    pub polygons: Vec<Vec<Vec<Coord<f64>>>>,
    pub area_m2: f64,
    /// The centroid of the largest polygon, which may lie in a hole.
    pub centre: Coord<f64>,
}

/// The sample district, its levels in the order of their codes.
#[derive(Debug)]
pub struct District {
    pub settings: Settings,
    pub district: SampleUnit,
    pub streets: Vec<SampleUnit>,
    pub communities: Vec<SampleUnit>,
    pub grids: Vec<SampleUnit>,
    /// The lines between two grids, which run along streets.
    pub centrelines: Vec<Vec<Coord<f64>>>,
}

impl District {
    /// Makes the district.
    ///
    /// # Errors
    /// A number of grids outside [`GRIDS_MIN`] to [`GRIDS_MAX`].
    pub fn generate(settings: Settings) -> Result<Self, SettingsError> {
        if !(GRIDS_MIN..=GRIDS_MAX).contains(&settings.grids) {
            return Err(SettingsError { grids: settings.grids });
        }
        let ground = Ground::prepare(settings);
        Ok(codes::name_and_number(settings, &ground))
    }
}

/// The borders before anything has a name: what every grid belongs to, and the polygons of every level.
pub(super) struct Ground {
    pub is_urban: Vec<bool>,
    pub street_of_community: Vec<u32>,
    pub community_of_grid: Vec<u32>,
    pub grids: Vec<Vec<Rings>>,
    pub communities: Vec<Vec<Rings>>,
    pub streets: Vec<Vec<Rings>>,
    pub district: Vec<Rings>,
    pub centrelines: Vec<Vec<Coord<f64>>>,
}

impl Ground {
    fn prepare(settings: Settings) -> Self {
        let Settings { seed, grids, .. } = settings;
        let communities = COMMUNITIES.min(grids / GRIDS_PER_COMMUNITY_MIN);
        let faces_wanted = grids - enclaves::inner_count(grids, communities);
        let (mut cut, chosen) = cut_plots(seed, faces_wanted);
        let plots = outline::plots(&cut, &chosen);
        let mut regions = Regions::grow(seed, &plots);
        enclaves::swap_plots(seed, &plots, &mut regions);
        let faces = cut_grids(&mut cut, &chosen, faces_wanted);
        let mut plot_number = vec![0_u32; cut.faces.len()];
        for (number, &face) in (0..).zip(&chosen) {
            plot_number[face as usize] = number;
        }
        let inner = enclaves::choose(seed, grids - faces.len(), &cut, &faces, &regions, &plot_number, &plots);
        let communities = |face: &u32| regions.community_of_plot[plot_number[cut.faces[*face as usize].plot as usize] as usize];
        let community_of_grid: Vec<u32> = faces.iter().map(communities).chain(inner.iter().map(|i| i.community)).collect();
        let (lines, borders) = draw_borders(&cut, &faces, &inner);
        Self::trace(&lines, &borders, community_of_grid, regions)
    }

    fn trace(lines: &Lines, borders: &[Border], community_of_grid: Vec<u32>, regions: Regions) -> Self {
        let Regions { street_of_community, is_urban, .. } = regions;
        let level = |count: usize, of_grid: &dyn Fn(u32) -> u32| {
            let lift = |b: &Border| Border { left: b.left.map(of_grid), right: b.right.map(of_grid), ..*b };
            let borders: Vec<Border> = borders.iter().map(lift).filter(|b| b.left != b.right).collect();
            rings::trace(count, &borders, lines)
        };
        let community = |grid: u32| community_of_grid[grid as usize];
        let street = |grid: u32| street_of_community[community(grid) as usize];
        let centrelines = borders.iter().filter(|b| b.left.is_some() && b.right.is_some()).map(|b| lines.line(b.edge).to_vec()).collect();
        Self {
            grids: level(community_of_grid.len(), &|grid| grid),
            communities: level(street_of_community.len(), &community),
            streets: level(PLACES.len(), &street),
            district: level(1, &|_| 0).swap_remove(0),
            centrelines,
            is_urban,
            street_of_community,
            community_of_grid,
        }
    }
}

/// Cuts until the district has as many plots as communities are to be made of, and chooses them.
fn cut_plots(seed: u64, faces_wanted: usize) -> (Subdivision, Vec<u32>) {
    // Filling holes can add a few plots; then fewer are asked for.
    let mut target = faces_wanted.min(PLOTS_MAX);
    loop {
        let mut cut = Subdivision::new(seed, ChaCha8Rng::seed_from_u64(seed));
        let mut inside = 0_usize;
        cut.cut_heaviest(&[0], |before, one, other| {
            inside += usize::from(outline::is_inside(seed, one)) + usize::from(outline::is_inside(seed, other));
            inside -= usize::from(outline::is_inside(seed, before)).min(inside);
            inside >= target
        });
        let chosen = outline::choose(&cut);
        if chosen.len() <= faces_wanted {
            cut.mark_plots();
            return (cut, chosen);
        }
        target -= (chosen.len() - faces_wanted).max(1);
    }
}

/// Cuts plots on until there are `wanted` faces in the district, and returns them.
fn cut_grids(cut: &mut Subdivision, chosen: &[u32], wanted: usize) -> Vec<u32> {
    let first_new = to_u32(cut.faces.len());
    let mut count = chosen.len();
    if count < wanted {
        cut.cut_heaviest(chosen, |_, _, _| {
            count += 1;
            count == wanted
        });
    }
    chosen.iter().copied().chain(first_new..to_u32(cut.faces.len())).collect()
}

/// Draws all lines with a grid on at least one side. Grids are numbered as `faces`, then `inner`.
fn draw_borders(cut: &Subdivision, faces: &[u32], inner: &[Inner]) -> (Lines, Vec<Border>) {
    let mut grid_of_face = vec![None; cut.faces.len()];
    for (grid, &face) in (0..).zip(faces) {
        grid_of_face[face as usize] = Some(grid);
    }
    let relief = relief::bend(cut, faces);
    let mut beside = outline::faces_beside(cut);
    let grid_of = |face: Option<u32>| face.and_then(|face| grid_of_face[face as usize]);
    for faces in &mut beside {
        if faces.iter().all(|&face| grid_of(face).is_none()) {
            *faces = [None; 2];
        }
    }
    let weight_m2 = faces.iter().map(|&face| &cut.faces[face as usize]).map(|f| f.area_m2 * terrain::density(f.centre)).sum::<f64>()
        / faces.len() as f64;
    let mut lines = Lines::draw(cut, &relief, &beside, weight_m2);
    let mut borders: Vec<Border> = (0..)
        .zip(&beside)
        .filter(|(_, faces)| faces[0].is_some())
        .map(|(edge, &[left, right])| Border { edge, ends: cut.ends(edge), left: grid_of(left), right: grid_of(right) })
        .collect();
    for (&inner, number) in inner.iter().zip(0..) {
        let edge = enclaves::draw(cut, &relief, inner, &mut lines);
        let vertex = to_u32(cut.vertices.len()) + number;
        let grid = to_u32(faces.len()) + number;
        borders.push(Border { edge, ends: [vertex; 2], left: Some(grid), right: grid_of_face[inner.face as usize] });
    }
    lines.fit(terrain::BOX_MIN, terrain::BOX_MAX);
    (lines, borders)
}

/// Returns the area of polygons and the centre of the largest.
pub(super) fn measure(polygons: &[Rings]) -> (f64, Coord<f64>) {
    let mut area_m2 = 0.0;
    let mut largest = (0.0, Coord { x: 0.0, y: 0.0 });
    for (at, ring) in polygons.iter().flat_map(|rings| rings.iter().enumerate()) {
        let (ring_m2, centre) = area_and_centre(ring);
        area_m2 += ring_m2;
        if at == 0 && ring_m2 > largest.0 {
            largest = (ring_m2, centre);
        }
    }
    (area_m2, largest.1)
}
