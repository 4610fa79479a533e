//! Moves together what fails to meet by less than the tolerance.
//!
//! Only vertices of edges that fail to match take part. Vertices of different units within the tolerance are gathered
//! in one of them; vertices beside another unit's edge are put into that edge. This is repeated until nothing changes.
//! Nothing moves farther than the tolerance from where it was given.
//!
//! Levels are matched with the next coarser one that has units, whatever lies between: a level that comes in between later
//! finds them agreed to the bit. Where they do not agree, because they came in before with less tolerance, the newcomer goes to
//! the finer one's vertices: those are the more, and what is left between it and the coarser one is narrower than the tolerance.
//!
//! A unit whose ring would be spoilt is left as it
//! was, and its neighbours are snapped anew around it.

use geo_types::Coord;
use rstar::primitives::GeomWithData;
use rstar::{AABB, RTree};
use rustc_hash::{FxHashMap, FxHashSet};

use super::feature::is_sound;
use super::mesh::{LOOSE, Matching, Mesh, edge_key};
use super::plane::Plane;
use super::vertices::{Vertices, to_u32, without_repeats};

/// Rounds of moving and inserting. Each settles what the one before brought near; real layers needed four at most.
const ROUNDS_MAX: usize = 8;

/// Times that snapping starts anew because it spoilt a ring. Then everything is left as it was given.
const RESTARTS_MAX: usize = 12;

/// What snapping goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct SnapRules<'a> {
    pub tolerance_m: f64,
    pub plane: Plane,
    /// The only depth whose vertices may move; none: all may.
    pub incoming: Option<usize>,
    /// For each level a number for each unit's parent, the same for the same code, whether the level above has it or not.
    pub families: &'a [Vec<Option<u32>>],
    /// For each level the units that are wrong by themselves and are left alone.
    pub unsound: &'a [Vec<bool>],
}

/// What snapping did.
#[derive(Debug, Default)]
pub(super) struct Snapped {
    /// Where vertices went, by their numbers.
    pub moved: FxHashMap<u32, u32>,
    /// For each level how many vertices were put into edges.
    pub inserted: Vec<usize>,
    /// Units that were left as they were because snapping would have spoilt them: depth and number.
    pub left_alone: Vec<(usize, u32)>,
    /// Whether snapping gave up and nothing was moved.
    pub gave_up: bool,
}

/// A unit of a level, as one number that orders as the pair does.
type Owner = u64;

fn owner(depth: usize, unit: u32) -> Owner {
    (depth as u64) << 32 | u64::from(unit)
}

fn depth_of(owner: Owner) -> usize {
    usize::try_from(owner >> 32).expect("a depth is small")
}

/// Snaps a mesh in place.
pub(super) fn snap(mesh: &mut Mesh, rules: SnapRules<'_>) -> Snapped {
    let mut left_alone: FxHashSet<Owner> = FxHashSet::default();
    for (depth, units) in rules.unsound.iter().enumerate() {
        left_alone.extend((0..to_u32(units.len())).filter(|unit| units[*unit as usize]).map(|unit| owner(depth, unit)));
    }
    let unsound_count = left_alone.len();
    let given = mesh.levels.clone();
    for _ in 0..RESTARTS_MAX {
        let mut pass = Pass { rules, left_alone: &left_alone, moved: FxHashMap::default(), origins: FxHashMap::default() };
        let inserted = pass.run(mesh);
        let moved = pass.moved;
        let spoilt = spoilt_units(mesh, &given, &left_alone);
        if spoilt.is_empty() {
            let mut left_alone: Vec<(usize, u32)> = left_alone
                .into_iter()
                .map(|owner| (depth_of(owner), u32::try_from(owner & u64::from(u32::MAX)).expect("a unit is numbered in 32 bits")))
                .filter(|(depth, unit)| !rules.unsound[*depth][*unit as usize])
                .collect();
            left_alone.sort_unstable();
            return Snapped { moved, inserted, left_alone, gave_up: false };
        }
        left_alone.extend(spoilt);
        mesh.levels.clone_from(&given);
    }
    debug_assert!(left_alone.len() > unsound_count);
    Snapped { inserted: vec![0; mesh.levels.len()], gave_up: true, ..Snapped::default() }
}

fn spoilt_units(mesh: &Mesh, given: &[super::mesh::MeshLevel], left_alone: &FxHashSet<Owner>) -> Vec<Owner> {
    use rayon::prelude::*;
    let spoilt = |(depth, level): (usize, &super::mesh::MeshLevel)| -> Vec<Owner> {
        level
            .units
            .par_iter()
            .enumerate()
            .filter(|(at, unit)| **unit != given[depth].units[*at] && !is_sound(unit, &mesh.vertices))
            .map(|(at, _)| owner(depth, to_u32(at)))
            .collect()
    };
    let found: Vec<Owner> = mesh.levels.iter().enumerate().flat_map(spoilt).collect();
    // A unit that is left alone keeps its vertices and gains none.
    debug_assert!(found.iter().all(|owner| !left_alone.contains(owner)));
    found
}

struct Pass<'a> {
    rules: SnapRules<'a>,
    left_alone: &'a FxHashSet<Owner>,
    moved: FxHashMap<u32, u32>,
    /// For a vertex the others that were moved to it.
    origins: FxHashMap<u32, Vec<u32>>,
}

/// The edges that fail to match, and their vertices.
struct LooseParts {
    /// Ends and owners of each.
    edges: Vec<([u32; 2], Vec<Owner>)>,
    /// The vertices of these edges with all units that use them, ordered by number.
    vertices: Vec<(u32, Vec<Owner>)>,
}

impl LooseParts {
    fn owners(&self, vertex: u32) -> &[Owner] {
        self.vertices.binary_search_by_key(&vertex, |(id, _)| *id).map_or(&[], |at| &self.vertices[at].1)
    }
}

impl Pass<'_> {
    /// Returns for each level how many vertices were put into edges.
    fn run(&mut self, mesh: &mut Mesh) -> Vec<usize> {
        let mut inserted = vec![0; mesh.levels.len()];
        for _ in 0..ROUNDS_MAX {
            let loose = find_loose(mesh, self.rules.families);
            let gathered = self.gather(&loose, &mesh.vertices);
            let has_moved = !gathered.is_empty();
            self.apply_moves(mesh, &gathered);
            let loose = if has_moved { find_loose(mesh, self.rules.families) } else { loose };
            let (onto_edges, into_edges) = self.meet_edges(&loose, &mut mesh.vertices);
            self.apply_moves(mesh, &onto_edges);
            let count = insert(mesh, &into_edges);
            if !has_moved && onto_edges.is_empty() && count.iter().all(|count| *count == 0) {
                break;
            }
            inserted.iter_mut().zip(count).for_each(|(sum, count)| *sum += count);
        }
        inserted
    }

    fn is_fixed(&self, owners: &[Owner]) -> bool {
        owners.iter().any(|owner| self.left_alone.contains(owner) || self.rules.incoming.is_some_and(|depth| depth_of(*owner) != depth))
    }

    /// Whether the newcomer's part of what is held by `owners` may leave a coarser level for a finer one.
    fn may_leave(&self, owners: &[Owner], to: &[Owner]) -> bool {
        let Some(incoming) = self.rules.incoming else { return false };
        let has =
            |owners: &[Owner], is_meant: fn(&usize, &usize) -> bool| owners.iter().any(|owner| is_meant(&depth_of(*owner), &incoming));
        let is_left_alone = owners.iter().any(|owner| self.left_alone.contains(owner));
        has(owners, usize::eq) && !has(owners, usize::gt) && has(to, usize::gt) && !is_left_alone
    }

    /// Whether everything that stands at `vertex` came from within the tolerance of `to`.
    fn may_move(&self, vertex: u32, to: Coord<f64>, vertices: &Vertices) -> bool {
        let is_near = |from: u32| self.distance_m(vertices.coord(from), to) <= self.rules.tolerance_m;
        is_near(vertex) && self.origins.get(&vertex).is_none_or(|origins| origins.iter().all(|from| is_near(*from)))
    }

    fn distance_m(&self, a: Coord<f64>, b: Coord<f64>) -> f64 {
        let scale = self.rules.plane.scale_at(a.y.midpoint(b.y));
        ((a.x - b.x) * scale.x_m).hypot((a.y - b.y) * scale.y_m)
    }

    fn reach(&self, at: Coord<f64>) -> [f64; 2] {
        let scale = self.rules.plane.scale_at(at.y);
        // A hair more, so that the box never cuts off what the distance lets in. At the poles any longitude is near.
        let tolerance_m = self.rules.tolerance_m * 1.001;
        [(tolerance_m / scale.x_m).min(360.0 * tolerance_m.max(1.0) / scale.y_m.min(1.0)), tolerance_m / scale.y_m]
    }

    /// Gathers vertices of different units in one of them, the nearest first. Returns who goes where.
    fn gather(&self, loose: &LooseParts, vertices: &Vertices) -> FxHashMap<u32, u32> {
        let tree = point_tree(loose, vertices);
        let mut pairs: Vec<(f64, u32, u32)> = Vec::new();
        for (vertex, owners) in &loose.vertices {
            let at = vertices.coord(*vertex);
            for near in tree.locate_in_envelope_intersecting(box_around(at, self.reach(at))).filter(|near| near.data > *vertex) {
                let distance_m = self.distance_m(at, vertices.coord(near.data));
                if distance_m <= self.rules.tolerance_m && are_disjoint(owners, loose.owners(near.data)) {
                    pairs.push((distance_m, *vertex, near.data));
                }
            }
        }
        let key = |id: u32| (vertices.coord(id).x, vertices.coord(id).y);
        let waits = self.pairs_that_wait(&pairs, loose);
        let waits = |pair: &(f64, u32, u32)| waits.contains(&(pair.1, pair.2));
        pairs.sort_by(|a, b| waits(a).cmp(&waits(b)).then(a.0.total_cmp(&b.0)).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut clusters = Clusters::default();
        for (_, a, b) in pairs {
            let (one, two) = (clusters.of(a, loose), clusters.of(b, loose));
            if one == two || !are_disjoint(&clusters.list[one].owners, &clusters.list[two].owners) {
                continue;
            }
            let (owners_one, owners_two) = (&clusters.list[one].owners, &clusters.list[two].owners);
            let (mut fixed_one, fixed_two) = (self.is_fixed(owners_one), self.is_fixed(owners_two));
            if fixed_one && fixed_two {
                if self.may_leave(owners_one, owners_two) {
                    fixed_one = false;
                } else if !self.may_leave(owners_two, owners_one) {
                    continue;
                }
            }
            // Who may not move stays; else the vertex that more units use; else the more westerly.
            let (head_one, head_two) = (clusters.list[one].head, clusters.list[two].head);
            let weight = |head: u32| loose.owners(head).len();
            let keeps_one = fixed_one
                || !fixed_two
                    && (weight(head_one) > weight(head_two) || weight(head_one) == weight(head_two) && key(head_one) <= key(head_two));
            let (stays, goes) = if keeps_one { (one, two) } else { (two, one) };
            let to = vertices.coord(clusters.list[stays].head);
            if clusters.list[goes].members.iter().all(|member| self.may_move(*member, to, vertices)) {
                clusters.join(stays, goes);
            }
        }
        clusters.moves()
    }

    /// Finds the pairs of a newcomer with a vertex of a coarser level where a finer level, which is known good too, has one as well.
    fn pairs_that_wait(&self, pairs: &[(f64, u32, u32)], loose: &LooseParts) -> FxHashSet<(u32, u32)> {
        let Some(incoming) = self.rules.incoming else { return FxHashSet::default() };
        // The newcomer of a pair, and whether what it is beside is of a finer level.
        let newcomer = |&(_, one, two): &(f64, u32, u32)| {
            let is_fixed = [one, two].map(|vertex| self.is_fixed(loose.owners(vertex)));
            let (new, known) = if is_fixed[0] { (two, one) } else { (one, two) };
            let is_finer = loose.owners(known).iter().any(|owner| depth_of(*owner) > incoming);
            (is_fixed[0] != is_fixed[1]).then_some((new, is_finer))
        };
        let beside_finer: FxHashSet<u32> =
            pairs.iter().filter_map(newcomer).filter(|(_, is_finer)| *is_finer).map(|(new, _)| new).collect();
        if beside_finer.is_empty() {
            return FxHashSet::default();
        }
        let waits = |pair: &&(f64, u32, u32)| newcomer(pair).is_some_and(|(new, is_finer)| !is_finer && beside_finer.contains(&new));
        pairs.iter().filter(waits).map(|pair| (pair.1, pair.2)).collect()
    }

    /// Finds vertices beside edges of other units. Returns the vertices that have to move onto an edge that may not bend,
    /// and for each edge the vertices to put into it, in order.
    fn meet_edges(&self, loose: &LooseParts, vertices: &mut Vertices) -> (FxHashMap<u32, u32>, FxHashMap<u64, Vec<u32>>) {
        let tree = point_tree(loose, vertices);
        let mut found: Vec<(f64, u32, usize, f64)> = Vec::new();
        for (number, (ends, owners)) in loose.edges.iter().enumerate() {
            if owners.iter().any(|owner| self.left_alone.contains(owner)) {
                continue;
            }
            let [a, b] = ends.map(|end| vertices.coord(end));
            let scale = self.rules.plane.scale_at(a.y.midpoint(b.y));
            let [reach_x, reach_y] = self.reach(if a.y.abs() > b.y.abs() { a } else { b });
            let aabb =
                AABB::from_corners([a.x.min(b.x) - reach_x, a.y.min(b.y) - reach_y], [a.x.max(b.x) + reach_x, a.y.max(b.y) + reach_y]);
            let along = Coord { x: (b.x - a.x) * scale.x_m, y: (b.y - a.y) * scale.y_m };
            let length2 = along.x * along.x + along.y * along.y;
            for near in tree.locate_in_envelope_intersecting(aabb).filter(|near| !ends.contains(&near.data)) {
                let at = vertices.coord(near.data);
                let from = Coord { x: (at.x - a.x) * scale.x_m, y: (at.y - a.y) * scale.y_m };
                let share = (from.x * along.x + from.y * along.y) / length2;
                let distance_m = (from.x - share * along.x).hypot(from.y - share * along.y);
                if share > 0.0 && share < 1.0 && distance_m <= self.rules.tolerance_m && are_disjoint(owners, loose.owners(near.data)) {
                    found.push((distance_m, near.data, number, share));
                }
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut onto: FxHashMap<u32, u32> = FxHashMap::default();
        let mut into: FxHashMap<u64, Vec<(f64, u32)>> = FxHashMap::default();
        for (_, vertex, number, share) in found {
            let (ends, owners) = &loose.edges[number];
            let mut put = vertex;
            if self.is_fixed(owners) {
                // A border that is known good keeps its line: the newcomer comes to it.
                let [a, b] = ends.map(|end| vertices.coord(end));
                let at = a + (b - a) * share;
                let stays = self.is_fixed(loose.owners(vertex)) && !self.may_leave(loose.owners(vertex), owners);
                if stays || onto.contains_key(&vertex) || !self.may_move(vertex, at, vertices) {
                    continue;
                }
                put = vertices.id_of(at);
                if ends.contains(&put) {
                    continue;
                }
                if put != vertex {
                    onto.insert(vertex, put);
                }
            } else if onto.contains_key(&vertex) {
                // It is on its way to another border; the next round sees where it has come to.
                continue;
            }
            into.entry(edge_key(ends[0], ends[1])).or_default().push((if ends[0] < ends[1] { share } else { 1.0 - share }, put));
        }
        let in_order = |mut list: Vec<(f64, u32)>| -> Vec<u32> {
            list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut ids: Vec<u32> = list.into_iter().map(|(_, id)| id).collect();
            ids.dedup();
            ids
        };
        (onto, into.into_iter().map(|(edge, list)| (edge, in_order(list))).collect())
    }

    fn apply_moves(&mut self, mesh: &mut Mesh, moves: &FxHashMap<u32, u32>) {
        if moves.is_empty() {
            return;
        }
        let mut ordered: Vec<(u32, u32)> = moves.iter().map(|(from, to)| (*from, *to)).collect();
        ordered.sort_unstable();
        for (from, to) in ordered {
            let mut arrivals = self.origins.remove(&from).unwrap_or_default();
            arrivals.push(from);
            for origin in &arrivals {
                self.moved.insert(*origin, to);
            }
            self.origins.entry(to).or_default().extend(arrivals);
        }
        // A newcomer that leaves a coarser level's vertex leaves it where it is.
        let incoming = self.rules.incoming;
        let levels = mesh.levels.iter_mut().enumerate().filter(|(depth, _)| incoming.is_none_or(|incoming| incoming == *depth));
        for ring in levels.flat_map(|(_, level)| &mut level.units).flat_map(|unit| &mut unit.rings) {
            if ring.ids.iter().any(|id| moves.contains_key(id)) {
                ring.ids.iter_mut().for_each(|id| *id = moves.get(id).copied().unwrap_or(*id));
                without_repeats(&mut ring.ids);
                without_spikes(&mut ring.ids);
            }
        }
    }
}

fn insert(mesh: &mut Mesh, into_edges: &FxHashMap<u64, Vec<u32>>) -> Vec<usize> {
    let mut counts = vec![0; mesh.levels.len()];
    if into_edges.is_empty() {
        return counts;
    }
    for (level, count) in mesh.levels.iter_mut().zip(&mut counts) {
        for ring in level.units.iter_mut().flat_map(|unit| &mut unit.rings) {
            if ring.edges().all(|(a, b)| !into_edges.contains_key(&edge_key(a, b))) {
                continue;
            }
            let before = ring.ids.len();
            let mut ids = Vec::with_capacity(before + 4);
            for (a, b) in ring.edges() {
                ids.push(a);
                match into_edges.get(&edge_key(a, b)) {
                    Some(list) if a < b => ids.extend(list),
                    Some(list) => ids.extend(list.iter().rev()),
                    None => {}
                }
            }
            without_repeats(&mut ids);
            *count += ids.len().saturating_sub(before);
            ring.ids = ids;
        }
    }
    counts
}

/// Takes out vertices where a ring runs out and straight back, which moving makes of notches narrower than the tolerance.
fn without_spikes(ring: &mut Vec<u32>) {
    let mut at = 0;
    while ring.len() >= 3 && at < ring.len() {
        let count = ring.len();
        let (before, after) = (ring[(at + count - 1) % count], ring[(at + 1) % count]);
        if before == after {
            ring.remove(at);
            without_repeats(ring);
            at = at.saturating_sub(2);
        } else {
            at += 1;
        }
    }
}

/// Finds the edges that fail to match within a level, or across two.
fn find_loose(mesh: &Mesh, families: &[Vec<Option<u32>>]) -> LooseParts {
    let mut edges: Vec<(u64, Owner)> = Vec::new();
    let matchings: Vec<Matching> = mesh.levels.iter().map(Matching::new).collect();
    for (depth, matching) in matchings.iter().enumerate() {
        for half in matching.loose().map(|half| matching.halves[half as usize]) {
            edges.push((edge_key(half.from, half.to), owner(depth, half.unit)));
        }
    }
    for depth in 1..matchings.len() {
        let above = (0..depth).rev().find(|above| !matchings[*above].halves.is_empty());
        if let Some(above) = above.filter(|_| !matchings[depth].halves.is_empty()) {
            unmatched_across(&matchings, [above, depth], &families[depth], &mut edges);
        }
    }
    edges.sort_unstable();
    edges.dedup();
    let ends = |key: u64| [key >> 32, key & u64::from(u32::MAX)].map(|id| u32::try_from(id).expect("a key is two numbers of 32 bits"));
    let edges: Vec<([u32; 2], Vec<Owner>)> =
        edges.chunk_by(|a, b| a.0 == b.0).map(|group| (ends(group[0].0), group.iter().map(|edge| edge.1).collect())).collect();
    let mut ids: Vec<u32> = edges.iter().flat_map(|(ends, _)| *ends).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut is_loose = vec![false; mesh.vertices.coords().len()];
    ids.iter().for_each(|id| is_loose[*id as usize] = true);
    let mut vertices: Vec<(u32, Vec<Owner>)> = ids.into_iter().map(|id| (id, Vec::new())).collect();
    for (depth, level) in mesh.levels.iter().enumerate() {
        for (at, unit) in level.units.iter().enumerate() {
            for id in unit.rings.iter().flat_map(|ring| &ring.ids).filter(|id| is_loose[**id as usize]) {
                let place = vertices.binary_search_by_key(id, |(id, _)| *id).expect("loose vertices are listed");
                let owners = &mut vertices[place].1;
                let owner = owner(depth, to_u32(at));
                if owners.last() != Some(&owner) {
                    owners.push(owner);
                }
            }
        }
    }
    LooseParts { edges, vertices }
}

/// Adds the edges of parents that none of their units' borders run along, and the other way round.
///
/// Where levels between the two have no units yet, nothing says which parents lie in which coarser unit, so every border between
/// parents may be one of the coarser level, and where no parents are named every edge.
fn unmatched_across(matchings: &[Matching], [above, depth]: [usize; 2], families: &[Option<u32>], edges: &mut Vec<(u64, Owner)>) {
    let below = &matchings[depth];
    let is_next = above + 1 == depth;
    let family = |half: u32| families[below.halves[half as usize].unit as usize];
    let is_border = |half: u32| {
        let mate = below.mates[half as usize];
        mate == LOOSE || family(half) != family(mate) || !is_next && family(half).is_none()
    };
    let mut all: Vec<(u64, Owner)> = Vec::new();
    for half in (0..to_u32(below.halves.len())).filter(|half| is_border(*half)) {
        let half = below.halves[half as usize];
        all.push((edge_key(half.from, half.to), owner(depth, half.unit)));
    }
    all.extend(matchings[above].halves.iter().map(|half| (edge_key(half.from, half.to), owner(above, half.unit))));
    all.sort_unstable();
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let depth_of_first = depth_of(group[0].1);
        if group.iter().all(|edge| depth_of(edge.1) == depth_of_first) {
            edges.extend(group);
        }
    }
}

type PointTree = RTree<GeomWithData<[f64; 2], u32>>;

fn point_tree(loose: &LooseParts, vertices: &Vertices) -> PointTree {
    let points = loose.vertices.iter().map(|(id, _)| {
        let at = vertices.coord(*id);
        GeomWithData::new([at.x, at.y], *id)
    });
    RTree::bulk_load(points.collect())
}

fn box_around(at: Coord<f64>, [x, y]: [f64; 2]) -> AABB<[f64; 2]> {
    AABB::from_corners([at.x - x, at.y - y], [at.x + x, at.y + y])
}

/// Whether two ordered lists have nothing in common.
fn are_disjoint(one: &[Owner], two: &[Owner]) -> bool {
    let (mut a, mut b) = (0, 0);
    while a < one.len() && b < two.len() {
        match one[a].cmp(&two[b]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => return false,
        }
    }
    true
}

/// Vertices gathered in one of them.
#[derive(Default)]
struct Clusters {
    number_of: FxHashMap<u32, usize>,
    list: Vec<Cluster>,
}

struct Cluster {
    head: u32,
    members: Vec<u32>,
    owners: Vec<Owner>,
}

impl Clusters {
    fn of(&mut self, vertex: u32, loose: &LooseParts) -> usize {
        *self.number_of.entry(vertex).or_insert_with(|| {
            self.list.push(Cluster { head: vertex, members: vec![vertex], owners: loose.owners(vertex).to_vec() });
            self.list.len() - 1
        })
    }

    fn join(&mut self, stays: usize, goes: usize) {
        let gone = std::mem::replace(&mut self.list[goes], Cluster { head: u32::MAX, members: Vec::new(), owners: Vec::new() });
        for member in &gone.members {
            self.number_of.insert(*member, stays);
        }
        let cluster = &mut self.list[stays];
        cluster.members.extend(gone.members);
        cluster.owners.extend(gone.owners);
        cluster.owners.sort_unstable();
    }

    fn moves(self) -> FxHashMap<u32, u32> {
        let moves = |cluster: Cluster| {
            cluster.members.into_iter().filter(move |member| *member != cluster.head).map(move |member| (member, cluster.head))
        };
        self.list.into_iter().flat_map(moves).collect()
    }
}
