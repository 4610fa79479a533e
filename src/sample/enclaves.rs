//! Lets some units lie inside others: enclaves of communities and streets, and grids dedicated to one campus or market.

use geo_types::Coord;

use super::borders::{BEND_SHARE_MAX, Lines};
use super::noise;
use super::regions::{Plot, Regions};
use super::relief::Relief;
use super::subdivision::Subdivision;

/// A grid that lies wholly inside another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner {
    /// The face that it is cut out of.
    pub face: u32,
    pub community: u32,
}

/// Most plots that are given to a neighbouring community as enclaves.
const PLOT_ENCLAVES_MAX: usize = 8;

/// One community in this many gets an enclave of another cut out of one of its grids.
const COMMUNITIES_PER_ENCLAVE: usize = 30;

/// One grid in this many has a dedicated grid inside, up to [`DEDICATED_MAX`].
const GRIDS_PER_DEDICATED: usize = 180;
const DEDICATED_MAX: usize = 400;

/// Vertices around a grid inside another.
const INNER_VERTICES: usize = 24;

/// Returns how many grids are to lie inside others.
pub(super) fn inner_count(grids: usize, communities: usize) -> usize {
    communities.div_ceil(COMMUNITIES_PER_ENCLAVE) + (grids / GRIDS_PER_DEDICATED).min(DEDICATED_MAX)
}

/// Gives some plots that lie inside one community to the community next to it.
pub(super) fn swap_plots(seed: u64, plots: &[Plot], regions: &mut Regions) {
    let mut touched = vec![false; regions.street_of_community.len()];
    let mut left = PLOT_ENCLAVES_MAX;
    for plot in shuffled(seed, plots.len()) {
        let home = regions.community_of_plot[plot];
        // Not even a corner may reach another community: the plot is to become a hole, not a notch.
        let lies_inside = !plots[plot].on_rim && plots[plot].touching.iter().all(|&n| regions.community_of_plot[n as usize] == home);
        if left == 0 || !lies_inside || touched[home as usize] {
            continue;
        }
        let near = plots[plot].beside.iter().flat_map(|&n| &plots[n as usize].beside);
        let street = regions.street_of_community[home as usize];
        let other = near
            .map(|&n| regions.community_of_plot[n as usize])
            .find(|&other| other != home && regions.street_of_community[other as usize] == street && !touched[other as usize]);
        if let Some(other) = other {
            regions.community_of_plot[plot] = other;
            touched[home as usize] = true;
            touched[other as usize] = true;
            left -= 1;
        }
    }
}

/// Chooses the faces that get a grid inside: first enclaves near the border of two communities, the rest dedicated grids.
pub(super) fn choose(
    seed: u64,
    wanted: usize,
    cut: &Subdivision,
    faces: &[u32],
    regions: &Regions,
    plot_number: &[u32],
    plots: &[Plot],
) -> Vec<Inner> {
    let communities = regions.street_of_community.len();
    let enclaves = communities.div_ceil(COMMUNITIES_PER_ENCLAVE).min(wanted);
    let mut touched = vec![false; communities];
    let mut inner: Vec<Inner> = Vec::with_capacity(wanted);
    let order = shuffled(noise::hash(seed, 61), faces.len());
    let mut is_taken = vec![false; faces.len()];
    // The first enclave belongs to another street, so that a street has a hole and one has two parts.
    for crosses_streets in [true, false] {
        for &at in &order {
            let limit = if crosses_streets { 1 } else { enclaves };
            let plot = plot_number[cut.faces[faces[at] as usize].plot as usize];
            let home = regions.community_of_plot[plot as usize];
            if inner.len() >= limit || touched[home as usize] {
                continue;
            }
            let other = plots[plot as usize].beside.iter().map(|&n| regions.community_of_plot[n as usize]).find(|&other| {
                let same_street = regions.street_of_community[other as usize] == regions.street_of_community[home as usize];
                other != home && !touched[other as usize] && same_street != crosses_streets
            });
            if let Some(community) = other {
                touched[home as usize] = true;
                touched[community as usize] = true;
                is_taken[at] = true;
                inner.push(Inner { face: faces[at], community });
            }
        }
    }
    for &at in &order {
        if inner.len() < wanted && !is_taken[at] {
            let plot = plot_number[cut.faces[faces[at] as usize].plot as usize];
            inner.push(Inner { face: faces[at], community: regions.community_of_plot[plot as usize] });
        }
    }
    inner
}

/// Draws the border of a grid inside a face, counter-clockwise, well clear of the face's own border.
pub(super) fn draw(cut: &Subdivision, relief: &Relief, inner: Inner, lines: &mut Lines) -> u32 {
    let sides = cut.sides(inner.face);
    let corners: Vec<Coord<f64>> = sides.iter().map(|&side| relief.vertices[cut.start(side) as usize]).collect();
    let hub = relief.hubs[inner.face as usize];
    let key = noise::hash(cut.seed, u64::from(inner.face) + (1 << 40));
    let per_side = INNER_VERTICES.div_ceil(corners.len()).max(2);
    let mut ring = Vec::with_capacity(corners.len() * per_side + 1);
    for (at, &from) in corners.iter().enumerate() {
        let to = corners[(at + 1) % corners.len()];
        for step in 0..per_side {
            let along = step as f64 / per_side as f64;
            let on_side = Coord { x: from.x + (to.x - from.x) * along, y: from.y + (to.y - from.y) * along };
            // The face's border stays beyond 1 - BEND_SHARE_MAX of the way from the hub; this stays well within.
            let share = (1.0 - BEND_SHARE_MAX) * (0.55 + 0.12 * noise::along(key, (at * per_side + step) as f64 / 2.3));
            ring.push(Coord { x: hub.x + (on_side.x - hub.x) * share, y: hub.y + (on_side.y - hub.y) * share });
        }
    }
    ring.push(ring[0]);
    lines.push(ring)
}

/// Returns the numbers up to `len` in an order that depends on the seed alone.
fn shuffled(seed: u64, len: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by_cached_key(|&at| noise::hash(seed, at as u64));
    order
}
