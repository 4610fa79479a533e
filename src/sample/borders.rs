//! Turns the straight edges into borders with many vertices.
//!
//! Each edge stays inside the two triangles between it and the hubs of its faces, as a curve over the edge. Triangles of
//! different edges do not overlap, so no two borders meet but at their ends. Both faces read the same curve.

use geo_types::Coord;

use super::noise;
use super::relief::Relief;
use super::subdivision::{Side, Subdivision, to_u32};
use super::terrain;

/// Every edge as a line of at least two positions, in metres of EPSG:4546, rounded to a tenth of a millimetre.
#[derive(Debug, Default)]
pub(super) struct Lines {
    coords: Vec<Coord<f64>>,
    starts: Vec<u32>,
}

/// A border bends at most this share of the way to a hub.
pub(super) const BEND_SHARE_MAX: f64 = 0.3;

/// Vertices of a border stand at least this far apart.
const SPACING_M_MIN: f64 = 2.0;

/// Spacing as a share of the width of a face of the usual weight; this gives 30 to 40 vertices around a grid.
const SPACING_SHARE: f64 = 0.125;

impl Lines {
    /// Draws every edge that `faces_beside` knows a face of. `weight_m2` is the usual weight of a face (area times density).
    pub(super) fn draw(cut: &Subdivision, relief: &Relief, faces_beside: &[[Option<u32>; 2]], weight_m2: f64) -> Self {
        let mut lines = Self { coords: Vec::new(), starts: vec![0] };
        for (edge, faces) in (0..).zip(faces_beside) {
            if let [Some(left), Some(right)] = *faces {
                let hubs = [relief.hubs[left as usize], relief.hubs[right as usize]];
                let ends = cut.ends(edge).map(|v| relief.vertices[v as usize]);
                let key = cut.ends(edge);
                lines.draw_one(noise::hash(noise::hash(cut.seed, u64::from(key[0])), u64::from(key[1])), ends, hubs, weight_m2);
            }
            lines.starts.push(to_u32(lines.coords.len()));
        }
        lines
    }

    /// Adds a line that was made elsewhere.
    pub(super) fn push(&mut self, line: impl IntoIterator<Item = Coord<f64>>) -> u32 {
        self.coords.extend(line);
        self.starts.push(to_u32(self.coords.len()));
        to_u32(self.starts.len() - 2)
    }

    pub(super) fn line(&self, edge: u32) -> &[Coord<f64>] {
        &self.coords[self.starts[edge as usize] as usize..self.starts[edge as usize + 1] as usize]
    }

    /// Moves and stretches everything so that it fills the box, then rounds.
    pub(super) fn fit(&mut self, min: Coord<f64>, max: Coord<f64>) {
        let (mut low, mut high) = (Coord { x: f64::INFINITY, y: f64::INFINITY }, Coord { x: f64::NEG_INFINITY, y: f64::NEG_INFINITY });
        for c in &self.coords {
            low = Coord { x: low.x.min(c.x), y: low.y.min(c.y) };
            high = Coord { x: high.x.max(c.x), y: high.y.max(c.y) };
        }
        let scale = Coord { x: (max.x - min.x) / (high.x - low.x), y: (max.y - min.y) / (high.y - low.y) };
        for c in &mut self.coords {
            *c = Coord { x: to_grain(min.x + (c.x - low.x) * scale.x), y: to_grain(min.y + (c.y - low.y) * scale.y) };
        }
    }

    /// Calls `visit` with the positions along a side, in the face's direction, without the last.
    pub(super) fn for_each_along(&self, side: Side, visit: impl FnMut(Coord<f64>)) {
        let line = self.line(side.edge);
        if side.reversed {
            line[1..].iter().rev().copied().for_each(visit);
        } else {
            line[..line.len() - 1].iter().copied().for_each(visit);
        }
    }

    fn draw_one(&mut self, key: u64, [from, to]: [Coord<f64>; 2], hubs: [Coord<f64>; 2], weight_m2: f64) {
        let middle = Coord { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 };
        let length_m = distance_m(from, to);
        let spacing_m = (SPACING_SHARE * (weight_m2 / terrain::density(middle)).sqrt()).max(SPACING_M_MIN);
        let steps = ((length_m / spacing_m) as usize).max(1);
        let heights = heights(key, steps, length_m / spacing_m, 0.04 + 0.96 * (1.0 - terrain::urbanity(middle)));
        self.coords.push(from);
        for (step, &height) in heights.iter().enumerate().take(steps).skip(1) {
            // Uneven steps: a surveyor sets a mark where a border turns.
            let jitter = 0.3 * noise::signed(noise::hash(key, 7), step as u64);
            let share = (step as f64 + jitter) / steps as f64;
            let on_edge = Coord { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
            let hub = hubs[usize::from(height < 0.0)];
            // A short edge far from its hub would otherwise grow into a needle.
            let bend = height.abs() * BEND_SHARE_MAX * (0.8 * length_m / distance_m(middle, hub)).min(1.0);
            self.coords.push(Coord { x: on_edge.x + (hub.x - on_edge.x) * bend, y: on_edge.y + (hub.y - on_edge.y) * bend });
        }
        self.coords.push(to);
    }
}

/// Returns how far a line strays from its edge at each step, from -1 (right) to 1 (left), 0 at both ends.
fn heights(key: u64, steps: usize, length: f64, amplitude: f64) -> Vec<f64> {
    let mut heights: Vec<f64> = (0..=steps)
        .map(|step| {
            let share = step as f64 / steps as f64;
            let at = share * length;
            let rough = 0.62 * noise::along(key, at / 7.0) + 0.28 * noise::along(key ^ 1, at / 2.6) + 0.1 * noise::along(key ^ 2, at);
            let envelope = (8.0 * share * (1.0 - share)).min(1.0);
            (rough * envelope * amplitude).clamp(-1.0, 1.0)
        })
        .collect();
    // Where the line changes sides it passes through a point of the edge itself; else the step across could leave the triangles.
    for step in 1..heights.len() {
        if heights[step - 1] * heights[step] < 0.0 {
            let nearer = if heights[step - 1].abs() < heights[step].abs() { step - 1 } else { step };
            heights[nearer] = 0.0;
        }
    }
    heights
}

/// Rounds to a tenth of a millimetre, so that a file's digits say exactly where a border runs.
fn to_grain(metres: f64) -> f64 {
    // Divided by a whole number, not multiplied by a fraction: the result is the double nearest to the decimal.
    (metres * 1e4).round() / 1e4
}

fn distance_m(a: Coord<f64>, b: Coord<f64>) -> f64 {
    ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_changes_sides_only_on_its_edge() {
        for key in 0..500 {
            let heights = heights(key, 40, 40.0, 1.0);
            assert!(heights.windows(2).all(|pair| pair[0] * pair[1] >= 0.0), "{heights:?}");
            assert_eq!((heights[0], heights[40]), (0.0, 0.0));
        }
    }
}
