use super::graph::BaseGraph;

/// Counts for each district the holes that other districts fill: what would be cut off from the outside without it.
///
/// Pieces of districts are the nodes of a graph, and what lies around all of them is one more. A piece has a hole for each part of the graph that
/// hangs on it alone (articulation: Hopcroft and Tarjan 1973). Gaps of the coverage are outside.
pub(super) fn holes(graph: &BaseGraph, district_of: &[Option<u32>], districts: usize) -> Vec<usize> {
    let (piece_of, pieces) = graph.pieces(|a, b| district_of[a as usize] == district_of[b as usize]);
    let outside = pieces;
    let mut district_of_piece: Vec<Option<u32>> = vec![None; pieces];
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (unit, piece) in (0u32..).zip(&piece_of) {
        let piece = *piece as usize;
        district_of_piece[piece] = district_of[unit as usize];
        if graph.unit(unit).rim_m > 0.0 {
            pairs.push((piece, outside));
        }
        for beside in graph.beside(unit) {
            let other = piece_of[beside.unit as usize] as usize;
            if other > piece {
                pairs.push((piece, other));
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut beside: Vec<Vec<usize>> = vec![Vec::new(); pieces + 1];
    for (a, b) in pairs {
        beside[a].push(b);
        beside[b].push(a);
    }
    let mut holes = vec![0; districts];
    for piece in cut_off(&beside, outside) {
        if let Some(district) = district_of_piece[piece] {
            holes[district as usize] += 1;
        }
    }
    holes
}

/// Returns each node once for every part of the graph that reaches the root by it alone.
fn cut_off(beside: &[Vec<usize>], root: usize) -> Vec<usize> {
    let mut number = vec![usize::MAX; beside.len()];
    let mut low = vec![usize::MAX; beside.len()];
    let mut found = Vec::new();
    let mut next = 0;
    // A node, the one it was reached from, and how many of its neighbours were looked at.
    let mut path = vec![(root, usize::MAX, 0usize)];
    (number[root], low[root]) = (0, 0);
    while let Some((node, above, seen)) = path.last_mut() {
        let (node, above) = (*node, *above);
        if let Some(other) = beside[node].get(*seen).copied() {
            *seen += 1;
            if number[other] == usize::MAX {
                next += 1;
                (number[other], low[other]) = (next, next);
                path.push((other, node, 0));
            } else if other != above {
                low[node] = low[node].min(number[other]);
            }
            continue;
        }
        path.pop();
        if above != usize::MAX {
            low[above] = low[above].min(low[node]);
            if above != root && low[node] >= number[above] {
                found.push(above);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::BaseUnit;

    #[test]
    fn a_district_around_another_has_a_hole() {
        // Three by three squares: the middle one lies within a ring of eight.
        let side = 3u32;
        let unit = |at: u32| BaseUnit { rim_m: if at == 4 { 0.0 } else { 1.0 }, ..BaseUnit::default() };
        let mut borders = Vec::new();
        for at in 0..side * side {
            if at % side + 1 < side {
                borders.push((at, at + 1, 1.0));
            }
            if at + side < side * side {
                borders.push((at, at + side, 1.0));
            }
        }
        let graph = BaseGraph::new((0..9).map(unit).collect(), &borders);
        let ring: Vec<Option<u32>> = (0..9).map(|at| Some(u32::from(at == 4))).collect();
        assert_eq!(holes(&graph, &ring, 2), [1, 0]);
        let halves: Vec<Option<u32>> = (0..9).map(|at| Some(u32::from(at > 3))).collect();
        assert_eq!(holes(&graph, &halves, 2), [0, 0]);
    }
}
