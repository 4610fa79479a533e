use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A network in which a flow of least cost is found: successive shortest paths with potentials (Ahuja, Magnanti and Orlin 1993,
/// section 9.7), all paths of one length at once by blocking flows (Dinitz 1970).
///
/// Amounts are whole numbers, so that nothing is lost to rounding and the same network gives the same flow anywhere.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// The arcs that leave each node; an arc and its reverse stand side by side, at `2 i` and `2 i + 1`.
    leaving: Vec<Vec<u32>>,
    to: Vec<u32>,
    room: Vec<i64>,
    cost: Vec<i64>,
}

const FAR: i64 = i64::MAX / 4;

impl Network {
    pub fn new(nodes: usize) -> Self {
        Self { leaving: vec![Vec::new(); nodes], ..Self::default() }
    }

    /// Adds an arc and returns its number.
    pub fn add(&mut self, from: usize, to: usize, room: i64, cost: i64) -> usize {
        let arc = self.to.len();
        for (node, other, room, cost) in [(from, to, room, cost), (to, from, 0, -cost)] {
            self.leaving[node].push(self.to.len() as u32);
            self.to.push(other as u32);
            self.room.push(room);
            self.cost.push(cost);
        }
        arc
    }

    /// Returns what flows along an arc.
    pub fn flow(&self, arc: usize) -> i64 {
        self.room[arc + 1]
    }

    /// Sends as much as can be sent from `source` to `sink` at the least cost, and returns how much that is.
    pub fn run(&mut self, source: usize, sink: usize) -> i64 {
        let nodes = self.leaving.len();
        let mut potential = vec![0i64; nodes];
        let mut sent = 0;
        loop {
            let distance = self.distances(source, &potential);
            if distance[sink] >= FAR {
                return sent;
            }
            let nearest = distance[sink];
            for (potential, distance) in potential.iter_mut().zip(distance) {
                *potential += distance.min(nearest);
            }
            while let Some(levels) = self.levels(source, sink, &potential) {
                let mut next = vec![0; nodes];
                sent += self.push(source, sink, i64::MAX, &potential, &levels, &mut next);
            }
        }
    }

    fn reduced(&self, node: usize, arc: usize, potential: &[i64]) -> i64 {
        self.cost[arc] + potential[node] - potential[self.to[arc] as usize]
    }

    fn distances(&self, source: usize, potential: &[i64]) -> Vec<i64> {
        let mut distance = vec![FAR; self.leaving.len()];
        let mut heap = BinaryHeap::from([(Reverse(0i64), source)]);
        distance[source] = 0;
        while let Some((Reverse(near), node)) = heap.pop() {
            if near > distance[node] {
                continue;
            }
            for arc in self.leaving[node].iter().map(|arc| *arc as usize).filter(|arc| self.room[*arc] > 0) {
                let (other, length) = (self.to[arc] as usize, near + self.reduced(node, arc, potential));
                if length < distance[other] {
                    distance[other] = length;
                    heap.push((Reverse(length), other));
                }
            }
        }
        distance
    }

    /// Numbers nodes by their distance in arcs along shortest paths, where the sink can still be reached by them.
    fn levels(&self, source: usize, sink: usize, potential: &[i64]) -> Option<Vec<u32>> {
        let mut level = vec![u32::MAX; self.leaving.len()];
        level[source] = 0;
        let mut queue = VecDeque::from([source]);
        while let Some(node) = queue.pop_front() {
            for arc in self.leaving[node].iter().map(|arc| *arc as usize) {
                let other = self.to[arc] as usize;
                if level[other] == u32::MAX && self.room[arc] > 0 && self.reduced(node, arc, potential) == 0 {
                    level[other] = level[node] + 1;
                    queue.push_back(other);
                }
            }
        }
        (level[sink] != u32::MAX).then_some(level)
    }

    fn push(&mut self, node: usize, sink: usize, most: i64, potential: &[i64], level: &[u32], next: &mut [usize]) -> i64 {
        if node == sink {
            return most;
        }
        let mut left = most;
        while let Some(arc) = self.leaving[node].get(next[node]).map(|arc| *arc as usize) {
            let other = self.to[arc] as usize;
            if self.room[arc] > 0 && level[other] == level[node] + 1 && self.reduced(node, arc, potential) == 0 {
                let sent = self.push(other, sink, left.min(self.room[arc]), potential, level, next);
                self.room[arc] -= sent;
                self.room[arc ^ 1] += sent;
                left -= sent;
                if left == 0 {
                    return most;
                }
            }
            next[node] += 1;
        }
        most - left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_takes_the_cheaper_way_first() {
        let mut network = Network::new(4);
        let cheap = [network.add(0, 1, 3, 1), network.add(1, 3, 3, 1)];
        let dear = [network.add(0, 2, 9, 5), network.add(2, 3, 4, 5)];
        assert_eq!(network.run(0, 3), 7);
        assert_eq!(cheap.map(|arc| network.flow(arc)), [3, 3]);
        assert_eq!(dear.map(|arc| network.flow(arc)), [4, 4]);
    }

    #[test]
    fn a_first_choice_is_taken_back_where_that_is_cheaper() {
        let mut network = Network::new(4);
        network.add(0, 1, 1, 1);
        network.add(0, 2, 1, 2);
        let shortcut = network.add(1, 2, 1, 0);
        network.add(1, 3, 1, 4);
        network.add(2, 3, 1, 1);
        assert_eq!(network.run(0, 3), 2);
        assert_eq!(network.flow(shortcut), 0);
    }
}
