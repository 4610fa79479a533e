//! Cuts a set of directed edges into walls and finds the faces between them.

use geo_types::Coord;

use super::faces::Wall;
use super::mesh::{Half, edge_key};
use super::noding::{Noded, node_edges};
use super::vertices::{Vertices, to_u32};

/// Edges of units, cut where they meet. [`super::faces::Faces`] finds the faces between its walls.
#[derive(Debug)]
pub(super) struct Arrangement {
    pub halves: Vec<Half>,
    pub noded: Noded,
    /// The different edges of the halves: for each the halves that run along it.
    pub edges: Vec<Vec<u32>>,
    pub walls: Vec<Wall>,
    /// `(wall, half, whether both run the same way)`, ordered.
    pub runs: Vec<(u32, u32, bool)>,
}

impl Arrangement {
    /// Arranges halves; `rise` says by how much each adds to the cover on its left.
    pub fn new(halves: Vec<Half>, vertices: &Vertices, rise: impl Fn(u32) -> i32) -> Self {
        let edges = group_by_edge(&halves);
        let ends: Vec<[Coord<f64>; 2]> = edges
            .iter()
            .map(|group| {
                let half = halves[group[0] as usize];
                [vertices.coord(half.from), vertices.coord(half.to)]
            })
            .collect();
        let noded = node_edges(&ends);
        let mut pieces: Vec<(u64, u32, bool)> = Vec::new();
        for (group, chain) in edges.iter().zip(&noded.chains) {
            for &half in group {
                // The chain runs as the first half of its group does.
                let same_way = halves[half as usize].from == halves[group[0] as usize].from;
                pieces.extend(chain.windows(2).map(|ends| (edge_key(ends[0], ends[1]), half, (ends[0] < ends[1]) == same_way)));
            }
        }
        pieces.sort_unstable();
        let (mut walls, mut runs) = (Vec::new(), Vec::new());
        for group in pieces.chunk_by(|a, b| a.0 == b.0) {
            let total: i32 = group.iter().map(|(_, half, upward)| if *upward { rise(*half) } else { -rise(*half) }).sum();
            if total != 0 {
                let wall = to_u32(walls.len());
                let (from, to) = key_ends(group[0].0);
                walls.push(Wall { from, to, rise: total });
                runs.extend(group.iter().map(|(_, half, upward)| (wall, *half, *upward)));
            }
        }
        Self { halves, noded, edges, walls, runs }
    }

    /// Returns the halves that run along a wall, and whether they run as it does.
    pub fn runs_of(&self, wall: u32) -> impl Iterator<Item = (u32, bool)> {
        let first = self.runs.partition_point(|run| run.0 < wall);
        self.runs[first..].iter().take_while(move |run| run.0 == wall).map(|run| (run.1, run.2))
    }
}

fn group_by_edge(halves: &[Half]) -> Vec<Vec<u32>> {
    super::mesh::by_edge(halves).chunk_by(|a, b| a.0 == b.0).map(|group| group.iter().map(|(_, half)| *half).collect()).collect()
}

fn key_ends(key: u64) -> (u32, u32) {
    let low = u32::try_from(key >> 32).expect("a key is two numbers of 32 bits");
    (low, u32::try_from(key & u64::from(u32::MAX)).expect("a key is two numbers of 32 bits"))
}
