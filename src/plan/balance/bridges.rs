use rstar::RTree;
use rstar::primitives::GeomWithData;

use crate::plan::BaseGraph;

/// Holds the pieces of a community together: each but the greatest gets a border without length with the nearest unit of another.
///
/// Islands have to go with somebody. Returns how many pieces there are.
pub(super) fn bridge(graph: &BaseGraph, units: &[u32], borders: &mut Vec<(u32, u32, f32)>) -> usize {
    let mut groups = Groups::new(units.len());
    for (a, b, _) in borders.iter() {
        groups.join(*a, *b);
    }
    let mut members: Vec<Vec<u32>> = groups.list();
    let pieces = members.len();
    if pieces < 2 {
        return pieces;
    }
    let place = |at: u32| {
        let unit = graph.unit(units[at as usize]);
        [unit.x_m, unit.y_m]
    };
    // Only what has a border with nobody, or with another community, can be the nearest.
    let mut beside = vec![0usize; units.len()];
    for (a, b, _) in borders.iter() {
        beside[*a as usize] += 1;
        beside[*b as usize] += 1;
    }
    let is_rim = |at: u32| {
        let unit = units[at as usize];
        graph.unit(unit).rim_m > 0.0 || graph.beside(unit).len() > beside[at as usize]
    };
    let rim: Vec<GeomWithData<[f64; 2], u32>> =
        (0..units.len() as u32).filter(|at| is_rim(*at)).map(|at| GeomWithData::new(place(at), at)).collect();
    let tree = RTree::bulk_load(rim);
    while members.len() > 1 {
        // The smallest first: what is near it is looked through for each of its units.
        let least = (0..members.len()).min_by_key(|at| (members[*at].len(), members[*at][0])).unwrap_or(0);
        let piece = members.swap_remove(least);
        let mut nearest: Option<(f64, u32, u32)> = None;
        for at in piece.iter().copied().filter(|at| is_rim(*at)) {
            let group = groups.find(at);
            let mut others = tree.nearest_neighbor_iter_with_distance_2(place(at)).map(|(other, distance_2)| (distance_2, other.data));
            if let Some((distance_2, other)) = others.find(|(_, other)| groups.find(*other) != group)
                && nearest.is_none_or(|known| (distance_2, at, other) < known)
            {
                nearest = Some((distance_2, at, other));
            }
        }
        let Some((_, at, other)) = nearest else { continue };
        let group = groups.find(other);
        if let Some(joined) = members.iter_mut().find(|members| groups.find(members[0]) == group) {
            joined.extend(piece);
        }
        groups.join(at, other);
        borders.push((at.min(other), at.max(other), 0.0));
    }
    pieces
}

/// Which units hang together (disjoint sets with halved paths).
struct Groups(Vec<u32>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count as u32).collect())
    }

    fn find(&mut self, mut at: u32) -> u32 {
        while self.0[at as usize] != at {
            let above = self.0[self.0[at as usize] as usize];
            self.0[at as usize] = above;
            at = above;
        }
        at
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b) as usize] = a.min(b);
    }

    fn list(&mut self) -> Vec<Vec<u32>> {
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); self.0.len()];
        for at in 0..self.0.len() as u32 {
            lists[self.find(at) as usize].push(at);
        }
        lists.retain(|list| !list.is_empty());
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::BaseUnit;

    #[test]
    fn an_island_goes_with_the_nearest_shore() {
        let at = |x_m: f64| BaseUnit { x_m, rim_m: 1.0, ..BaseUnit::default() };
        let graph = BaseGraph::new(vec![at(0.0), at(1.0), at(5.0), at(9.0), at(10.0)], &[(0, 1, 1.0), (3, 4, 1.0)]);
        let mut borders = vec![(0, 1, 1.0), (3, 4, 1.0)];
        assert_eq!(bridge(&graph, &[0, 1, 2, 3, 4], &mut borders), 3);
        assert_eq!(borders[2..], [(1, 2, 0.0), (2, 3, 0.0)]);
    }
}
