use std::collections::BTreeMap;
use std::sync::Arc;

use geo_types::{Coord, MultiPolygon};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ChangedUnit, Draft, DraftUnit, Foundation, LevelMeasures, Move, Operation, Reach, Reason, Rings, UnitChange};
use crate::boundary::{Accepted, Level, UnitCode, UnitShape};
use crate::topology::town::{STEP, Town, check_all};
use crate::topology::{Plane, ValidCoverage};

const GAPS: Accepted = Accepted { overlap: false, gap: true, nesting: false };

/// Operations tried in a short run; a full one is built with `GRIDKEEPER_EDIT_OPERATIONS`.
const OPERATIONS: usize = 1_500;

pub(super) fn level(name: &str) -> Level {
    Level::parse(name).unwrap()
}

pub(super) fn code(text: &str) -> UnitCode {
    UnitCode::parse(text).unwrap()
}

fn coverages() -> impl Iterator<Item = (u64, Arc<ValidCoverage>)> {
    (0u64..).filter_map(|seed| Some((seed, Arc::new(check_all(Town::new(seed).shapes(), GAPS).coverage?))))
}

/// All that a draft shows, to the bit.
#[derive(Debug, PartialEq)]
pub(super) struct Face {
    shapes: Vec<Vec<UnitShape>>,
    locked: Vec<bool>,
    measures: Vec<LevelMeasures>,
    changes: [usize; UnitChange::ALL.len()],
}

pub(super) fn face(draft: &Draft) -> Face {
    let depths = 0..draft.base().levels().len();
    let shapes: Vec<Vec<UnitShape>> = depths.clone().map(|depth| draft.shapes(depth)).collect();
    let locked = shapes.iter().enumerate().flat_map(|(depth, shapes)| shapes.iter().map(move |shape| (depth, shape.unit.code.clone())));
    let locked = locked.map(|(depth, code)| draft.find(depth, &code).unwrap().is_locked).collect();
    Face { shapes, locked, measures: depths.map(|depth| draft.measures(depth)).collect(), changes: draft.count_changes() }
}

/// Sees that a draft is a whole coverage by the check that every import passes, and that what is kept beside it is true.
pub(super) fn assert_whole(draft: &Draft, what: &str) {
    let now = face(draft);
    let checked = check_all(now.shapes.clone(), GAPS);
    let coverage = checked.coverage.unwrap_or_else(|| panic!("{what}: {:#?}", checked.problems));
    for (depth, shapes) in now.shapes.iter().enumerate() {
        let mut sums = (0.0, 0.0);
        for shape in shapes {
            let kept = draft.find(depth, &shape.unit.code).unwrap();
            let area_m2 = Plane::Degrees.area_m2(&shape.geometry);
            assert!((kept.area_m2 - area_m2).abs() < 1e-3, "{what}: {} {} {area_m2}", shape.unit.code, kept.area_m2);
            let lines = shape.geometry.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
            let perimeter_m: f64 = lines.map(|line| Plane::Degrees.length_m(&line.0)).sum();
            assert!((kept.perimeter_m - perimeter_m).abs() < 1e-3, "{what}: {} {perimeter_m}", kept.perimeter_m);
            sums = (sums.0 + area_m2, sums.1 + kept.load);
        }
        let measures = now.measures[depth];
        assert!((measures.area_m2 - sums.0).abs() < 1e-1 && (measures.load - sums.1).abs() < 1e-6, "{what}");
        let border_m: f64 = coverage.borders(depth).iter().map(|border| border.length_m).sum();
        assert!((measures.border_m - border_m).abs() < 1e-2, "{what}: {} {border_m}", measures.border_m);
        let in_parts = shapes.iter().filter(|shape| shape.geometry.0.len() > 1).count();
        assert!(depth < draft.finest_depth() || measures.in_parts == in_parts, "{what}: {} {in_parts}", measures.in_parts);
    }
    let (mut ended, mut begun) = (0, 0);
    for level in draft.delta() {
        ended += level.ended.len();
        begun += level.begun.len();
    }
    let patched = draft.base().patched(draft.base().layer(), draft.delta(), coverage.accepted());
    if let Ok(patched) = patched {
        for (depth, level) in coverage.levels().iter().enumerate() {
            assert_eq!(patched.coverage.levels()[depth].units(), level.units(), "{what}: {ended} {begun}");
        }
    }
}

/// Sees that a draft differs from its own base as it says by itself, and that one of what it has become differs from that in the same way.
fn assert_compared(draft: &Draft, what: &str) {
    let told = |changes: Vec<ChangedUnit>| -> Vec<_> {
        let code = |unit: &Option<DraftUnit>| unit.as_ref().map(|unit| unit.unit.code.to_string());
        changes.iter().map(|unit| (unit.depth, unit.change, code(&unit.before), code(&unit.after))).collect()
    };
    let base = draft.base();
    assert_eq!(told(draft.changes_since(&Foundation::new(draft, Arc::clone(base), &[]))), told(draft.changes()), "{what}");
    let coverage = check_all(face(draft).shapes, GAPS).coverage.unwrap();
    let Ok(mut again) = Draft::new(Arc::new(coverage), &[], Vec::new()) else { return };
    // What is done on top is counted by what it touches.
    let mut hand = Hand { rng: ChaCha8Rng::seed_from_u64(1), made: 0 };
    let foundation = Foundation::new(&again, Arc::clone(base), &[]);
    for _ in 0..10 {
        let operation = hand.operation(&again);
        let is_done = again.apply(&[operation]).is_ok();
        assert_counted(&again, &foundation, what);
        if is_done {
            again.undo();
        }
    }
    // Two coverages do not tell that a unit with another code and another shape is the same one.
    let has_other_code = |unit: &ChangedUnit| match (&unit.before, &unit.after) {
        (Some(before), Some(after)) => before.unit.code != after.unit.code,
        _ => false,
    };
    if draft.changes().iter().any(has_other_code) {
        return;
    }
    let foundation = Foundation::new(&again, Arc::clone(base), &[]);
    let (since, own) = (again.count_changes_since(&foundation), draft.count_changes());
    assert_counted(&again, &foundation, what);
    // What has begun with the outline of what has ended is taken for the same there, and is told as what else it is.
    let same = own[UnitChange::Begun as usize] - since[UnitChange::Begun as usize];
    assert_eq!(own[UnitChange::Ended as usize] - since[UnitChange::Ended as usize], same, "{what}: {own:?} {since:?}");
    assert_eq!(own[UnitChange::Reshaped as usize], since[UnitChange::Reshaped as usize], "{what}: {own:?} {since:?}");
    assert!(same > 0 || own == since, "{what}: {own:?} {since:?}");
}

fn assert_counted(draft: &Draft, foundation: &Foundation, what: &str) {
    let mut counts = [0; UnitChange::ALL.len()];
    draft.changes_since(foundation).iter().for_each(|unit| counts[unit.change as usize] += 1);
    assert_eq!(draft.count_changes_since(foundation), counts, "{what}");
}

struct Hand {
    rng: ChaCha8Rng,
    made: usize,
}

impl Hand {
    fn place(&mut self, near: Coord<f64>, step: f64) -> Coord<f64> {
        let mut by = || (f64::from(self.rng.random_range(-1000..=1000)) / 1000.0) * step;
        Coord { x: near.x + by(), y: near.y + by() }
    }

    fn unit(&mut self, draft: &Draft, depth: usize) -> (UnitCode, MultiPolygon<f64>) {
        let codes = draft.codes_in(depth, None);
        let code = codes[self.rng.random_range(0..codes.len())].clone();
        let geometry = draft.geometry(depth, &code).unwrap();
        (code, geometry)
    }

    fn vertex(&mut self, geometry: &MultiPolygon<f64>) -> (Coord<f64>, Coord<f64>) {
        let line = geometry.0[0].exterior();
        let at = self.rng.random_range(1..line.0.len());
        (line.0[at], line.0[at - 1])
    }

    /// The shape of a unit as somebody else sends it back: rounded, with a corner elsewhere, more or fewer, or something quite different.
    fn shape(&mut self, geometry: &MultiPolygon<f64>, step: f64) -> Vec<Rings> {
        let round = |c: &Coord<f64>| Coord { x: (c.x * 1e7).round() / 1e7, y: (c.y * 1e7).round() / 1e7 };
        let ring = |line: &geo_types::LineString<f64>| line.0[1..].iter().map(round).collect::<Vec<_>>();
        let rings = |polygon: &geo_types::Polygon<f64>| std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect();
        let mut polygons: Vec<Rings> = geometry.0.iter().map(rings).collect();
        let corners = &mut polygons[0][0];
        let at = self.rng.random_range(0..corners.len());
        let before = corners[(at + corners.len() - 1) % corners.len()];
        match self.rng.random_range(0..6) {
            0 | 1 => corners[at] = self.place(corners[at], step),
            2 if corners.len() > 3 => drop(corners.remove(at)),
            3 => {
                let middle = Coord { x: f64::midpoint(before.x, corners[at].x), y: f64::midpoint(before.y, corners[at].y) };
                let new = self.place(middle, step / 2.0);
                corners.insert(at, new);
            }
            4 => {
                let hole = self.place(before, STEP);
                polygons[0].push(vec![hole, self.place(hole, step), self.place(hole, step)]);
            }
            _ => {
                let a = self.place(before, STEP);
                polygons = vec![vec![vec![a, self.place(a, STEP), self.place(a, 2.0 * STEP), self.place(a, STEP)]]];
            }
        }
        polygons
    }

    fn code(&mut self) -> UnitCode {
        self.made += 1;
        code(&format!("new{}", self.made))
    }

    fn parent(&mut self, draft: &Draft, depth: usize) -> UnitCode {
        self.unit(draft, depth - 1).0
    }

    fn operation(&mut self, draft: &Draft) -> Operation {
        let (district, community, grid) = (level("district"), level("community"), level("grid"));
        let (unit, geometry) = self.unit(draft, 2);
        let (vertex, before) = self.vertex(&geometry);
        let with_parents = self.rng.random_range(0..3) > 0;
        let reach = Reach { with_parents, ..Reach::default() };
        let step = [0.1, 0.5, 2.0][self.rng.random_range(0..3)] * STEP;
        let middle = Coord { x: f64::midpoint(vertex.x, before.x), y: f64::midpoint(vertex.y, before.y) };
        match self.rng.random_range(0..17) {
            14..17 => Operation::Reshape { level: grid, unit, polygons: self.shape(&geometry, step), within_m: 0.1 },
            0 | 1 => Operation::MoveVertex { at: vertex, to: self.place(vertex, step), reach },
            2 => Operation::MoveEdge { edge: [vertex, before], by: self.place(Coord::default(), step / 4.0), reach },
            3 => Operation::InsertVertex { at: middle, to: Some(self.place(middle, step / 4.0)), reach },
            4 => Operation::DeleteVertex { at: vertex, reach },
            5 | 6 => {
                let mut line: Vec<Coord<f64>> =
                    vec![self.place(vertex, STEP), self.place(middle, 2.0 * STEP), self.place(vertex, 3.0 * STEP)];
                if self.rng.random_range(0..3) == 0 {
                    // Through vertices, as one who snaps to what is there draws it.
                    line = vec![vertex, self.vertex(&geometry).0];
                }
                Operation::Split { level: grid, unit, line, codes: vec![self.code(), self.code(), self.code()], names: Vec::new() }
            }
            7 | 8 => {
                let other = self.unit(draft, 2).0;
                Operation::Merge { level: grid, units: vec![unit, other], into: None }
            }
            9 => {
                let a = self.place(vertex, STEP);
                let ring = vec![a, self.place(a, STEP), self.place(a, 2.0 * STEP), self.place(a, STEP)];
                Operation::Draw { level: grid, code: self.code(), name: "drawn".into(), rings: vec![ring], within_m: 0.0 }
            }
            10 => {
                let to = self.parent(draft, 2);
                Operation::Reassign { level: grid, moves: vec![Move { unit, to }], creates: self.rng.random_range(0..4) == 0 }
            }
            11 => Operation::Change { level: grid, unit, code: Some(self.code()), name: Some("told".into()), parent: None },
            12 => Operation::Lock { level: grid, units: vec![unit], is_locked: self.rng.random_range(0..4) == 0 },
            _ => match self.rng.random_range(0..3) {
                0 => {
                    let units = vec![self.unit(draft, 1).0, self.unit(draft, 1).0];
                    Operation::Merge { level: community, units, into: None }
                }
                1 => {
                    Operation::Change { level: district, unit: self.unit(draft, 0).0, code: None, name: Some("town".into()), parent: None }
                }
                _ => Operation::Change { level: community, unit: self.unit(draft, 1).0, code: Some(self.code()), name: None, parent: None },
            },
        }
    }
}

#[test]
fn whatever_is_done_the_coverage_is_whole_and_undo_restores_it_to_the_bit() {
    let wanted = option_env!("GRIDKEEPER_EDIT_OPERATIONS").map_or(OPERATIONS, |count| count.parse().unwrap());
    let (mut tried, mut done, mut refused) = (0, BTreeMap::<String, usize>::new(), BTreeMap::<&str, usize>::new());
    for (seed, coverage) in coverages() {
        if tried >= wanted {
            break;
        }
        let mut hand = Hand { rng: ChaCha8Rng::seed_from_u64(seed), made: 0 };
        let loads: Vec<f64> = (0..coverage.levels()[2].units().len()).map(|at| (at % 7) as f64).collect();
        let mut draft = Draft::new(Arc::clone(&coverage), &loads, Vec::new()).unwrap();
        let mut faces = vec![face(&draft)];
        assert_whole(&draft, &format!("seed {seed}"));
        for round in 0..60 {
            let operation = hand.operation(&draft);
            tried += 1;
            let name = format!("{operation:?}").split([' ', '{']).next().unwrap().to_owned();
            match draft.apply(std::slice::from_ref(&operation)) {
                Ok(()) => {
                    *done.entry(name).or_default() += 1;
                    assert_whole(&draft, &format!("seed {seed} round {round} {operation:?}"));
                    if round % 10 == 0 {
                        assert_compared(&draft, &format!("seed {seed} round {round} {operation:?}"));
                    }
                    faces.push(face(&draft));
                }
                Err(refusal) => {
                    *refused.entry(refusal.reason.as_str()).or_default() += 1;
                    assert!(!refusal.detail.is_empty() && !refusal.remedy.is_empty());
                    assert!(face(&draft) == *faces.last().unwrap(), "seed {seed} round {round} {operation:?}");
                }
            }
        }
        for at in (0..faces.len() - 1).rev() {
            assert!(draft.undo());
            assert!(face(&draft) == faces[at], "seed {seed} undo to {at}");
        }
        assert!(!draft.undo());
        for (at, expected) in faces.iter().enumerate().skip(1) {
            assert!(draft.redo());
            assert!(face(&draft) == *expected, "seed {seed} redo to {at}");
        }
        assert!(!draft.redo());
    }
    for kind in
        ["Reassign", "Split", "Merge", "MoveVertex", "MoveEdge", "InsertVertex", "DeleteVertex", "Draw", "Reshape", "Change", "Lock"]
    {
        assert!(done.get(kind).is_some_and(|count| *count > 3), "{kind} was hardly ever done: {done:?} {refused:?}");
    }
    assert!(refused.len() > 8, "{refused:?}");
}

/// Four by four squares of a hundredth of a degree: grids 00 to 33 by column and row, two by two in a community, in one district or two.
fn squares(districts: usize) -> Arc<ValidCoverage> {
    use crate::topology::cases::shape;
    let square = |x: usize, y: usize, columns: usize, rows: usize| {
        let at = |x: usize, y: usize| Coord { x: x as f64 * 0.01, y: y as f64 * 0.01 };
        let mut ring: Vec<Coord<f64>> = (0..columns).map(|step| at(x + step, y)).collect();
        ring.extend((0..rows).map(|step| at(x + columns, y + step)));
        ring.extend((0..columns).map(|step| at(x + columns - step, y + rows)));
        ring.extend((0..rows).map(|step| at(x, y + rows - step)));
        ring.push(ring[0]);
        MultiPolygon(vec![geo_types::Polygon::new(geo_types::LineString(ring), Vec::new())])
    };
    let make =
        |text: &str, name: &str, parent: Option<String>, geometry: MultiPolygon<f64>| shape(name, 1, text, parent.as_deref(), geometry);
    let width = 4 / districts;
    let tops = (0..districts).map(|at| make(&format!("d{at}"), "district", None, square(at * width, 0, width, 4))).collect();
    let mut middle = Vec::new();
    let mut fine = Vec::new();
    for x in 0..4 {
        for y in 0..4 {
            let community = format!("c{}{}", x / 2, y / 2);
            if x % 2 == 0 && y % 2 == 0 {
                middle.push(make(&community, "community", Some(format!("d{}", x / width)), square(x, y, 2, 2)));
            }
            fine.push(make(&format!("{x}{y}"), "grid", Some(community), square(x, y, 1, 1)));
        }
    }
    let checked = check_all(vec![tops, middle, fine], Accepted::default());
    Arc::new(checked.coverage.unwrap_or_else(|| panic!("{:?}", checked.problems)))
}

pub(super) fn draft(districts: usize) -> Draft {
    let loads: Vec<f64> = vec![10.0; 16];
    Draft::new(squares(districts), &loads, vec![Vec::new(), Vec::new(), vec![code("spent")]]).unwrap()
}

pub(super) fn at(x: f64, y: f64) -> Coord<f64> {
    Coord { x: x * 0.01, y: y * 0.01 }
}

pub(super) fn refusal(draft: &mut Draft, operation: Operation) -> Reason {
    let refusal = draft.apply(&[operation]).unwrap_err();
    refusal.reason
}

fn give(unit: &str, to: &str) -> Operation {
    Operation::Reassign { level: level("grid"), moves: vec![Move { unit: code(unit), to: code(to) }], creates: false }
}

#[test]
fn a_split_gives_the_smaller_piece_a_new_code_and_its_share_of_the_load() {
    let mut draft = draft(1);
    let line = vec![at(0.25, -0.5), at(0.25, 1.5)];
    draft.apply(&[Operation::Split { level: level("grid"), unit: code("00"), line, codes: Vec::new(), names: Vec::new() }]).unwrap();
    let (kept, new) = (draft.find(2, &code("00")).unwrap(), draft.find(2, &code("00-2")).unwrap());
    assert!((new.area_m2 / kept.area_m2 - 1.0 / 3.0).abs() < 1e-4, "{} {}", new.area_m2, kept.area_m2);
    assert!((new.load - 2.5).abs() < 1e-3 && (kept.load + new.load - 10.0).abs() < 1e-9);
    assert_eq!((new.unit.parent, new.change), (Some(code("c00")), Some(UnitChange::Begun)));
    // The neighbour above has got a vertex where the line ended.
    assert_eq!(draft.find(2, &code("01")).unwrap().change, Some(UnitChange::Reshaped));
    assert_eq!(draft.find(2, &code("02")).unwrap().change, None);
}

#[test]
fn a_line_that_does_not_divide_is_refused() {
    let mut draft = draft(1);
    let split =
        |line: Vec<Coord<f64>>| Operation::Split { level: level("grid"), unit: code("00"), line, codes: Vec::new(), names: Vec::new() };
    for line in [
        vec![at(0.2, 0.2), at(0.4, 0.4)],
        vec![at(-0.5, 0.5), at(0.5, 0.5)],
        vec![at(3.2, 3.0), at(3.4, 3.4)],
        vec![at(0.0, 0.0), at(1.0, 0.0)],
    ] {
        assert_eq!(refusal(&mut draft, split(line)), Reason::LineMisses);
    }
    let loops = vec![at(-0.5, 0.5), at(0.5, 0.5), at(0.5, 0.2), at(0.2, 0.2), at(0.2, 0.8)];
    assert_eq!(refusal(&mut draft, split(loops)), Reason::LineCrossesItself);
    assert_eq!(refusal(&mut draft, split(vec![at(0.0, 0.0)])), Reason::BadShape);
}

#[test]
fn what_would_cross_a_parent_or_tear_it_is_refused_with_the_place() {
    let mut draft = draft(2);
    assert_eq!(refusal(&mut draft, give("10", "c10")), Reason::CrossesParent);
    assert_eq!(refusal(&mut draft, give("00", "c01")), Reason::NotBeside);
    // The two lower grids of the community above go down; then giving the corner between them away tears.
    draft.apply(&[give("02", "c00"), give("12", "c00")]).unwrap();
    assert_eq!(refusal(&mut draft, give("01", "c01")), Reason::NotBeside);
    draft.apply(&[give("12", "c01"), give("02", "c01")]).unwrap();
    let both = Operation::Reassign {
        level: level("grid"),
        moves: vec![Move { unit: code("01"), to: code("c01") }, Move { unit: code("10"), to: code("c01") }],
        creates: false,
    };
    let torn = draft.apply(&[both]).unwrap_err();
    assert!(matches!(torn.reason, Reason::TearsParent | Reason::NotBeside), "{torn:?}");
    assert!(torn.place.is_some() && !torn.units.is_empty());
    assert_eq!(
        refusal(&mut draft, Operation::Merge { level: level("grid"), units: vec![code("13"), code("23")], into: None }),
        Reason::CrossesParent
    );
    assert_eq!(
        refusal(&mut draft, Operation::Merge { level: level("grid"), units: vec![code("02"), code("13")], into: None }),
        Reason::NotBeside
    );
}

#[test]
fn a_locked_unit_keeps_its_ground() {
    let mut draft = draft(1);
    draft.apply(&[Operation::Lock { level: level("grid"), units: vec![code("00")], is_locked: true }]).unwrap();
    for operation in [
        give("00", "c10"),
        Operation::MoveVertex { at: at(1.0, 1.0), to: at(1.1, 1.1), reach: Reach::default() },
        Operation::Merge { level: level("grid"), units: vec![code("10"), code("00")], into: None },
        Operation::Split {
            level: level("grid"),
            unit: code("00"),
            line: vec![at(0.5, -1.0), at(0.5, 2.0)],
            codes: Vec::new(),
            names: Vec::new(),
        },
        Operation::Draw {
            level: level("grid"),
            code: code("n"),
            name: String::new(),
            rings: vec![vec![at(0.5, 0.5), at(1.5, 0.5), at(1.5, 0.7)]],
            within_m: 0.0,
        },
        Operation::Change { level: level("grid"), unit: code("00"), code: None, name: Some("x".into()), parent: None },
    ] {
        assert_eq!(refusal(&mut draft, operation.clone()), Reason::Locked, "{operation:?}");
    }
    assert_eq!(draft.measures(2).locked, 1);
}

#[test]
fn a_merge_of_coarser_units_leaves_what_is_locked_in_its_parent() {
    let mut draft = draft(1);
    draft.apply(&[Operation::Lock { level: level("grid"), units: vec![code("00")], is_locked: true }]).unwrap();
    let before = face(&draft);
    let merge = |units: [&str; 2]| Operation::Merge { level: level("community"), units: units.map(code).to_vec(), into: None };
    let refused = draft.apply(&[merge(["c01", "c00"])]).unwrap_err();
    assert_eq!((refused.reason, refused.units), (Reason::Locked, vec![code("00")]));
    assert_eq!(refused.place, draft.geometry(2, &code("00")).map(|mut geometry| geometry.0.remove(0).into()));
    assert!(face(&draft) == before);
    // In the one that is kept it stays where it was.
    draft.apply(&[merge(["c00", "c01"])]).unwrap();
    assert_eq!(draft.find(2, &code("00")).unwrap().unit.parent, Some(code("c00")));
}

#[test]
fn a_border_of_coarser_units_moves_only_when_asked() {
    let mut draft = draft(1);
    let shift =
        |with_parents| Operation::MoveVertex { at: at(2.0, 1.0), to: at(2.3, 1.1), reach: Reach { with_parents, ..Reach::default() } };
    assert_eq!(refusal(&mut draft, shift(false)), Reason::CrossesParent);
    draft.apply(&[shift(true)]).unwrap();
    assert_eq!(draft.find(1, &code("c00")).unwrap().change, Some(UnitChange::Reshaped));
    let inner = Operation::MoveVertex { at: at(1.0, 1.0), to: at(1.2, 1.2), reach: Reach::default() };
    draft.apply(&[inner]).unwrap();
    // Three squares are in the way.
    let far = Operation::MoveVertex { at: at(1.2, 1.2), to: at(1.2, 3.5), reach: Reach::default() };
    assert!(matches!(refusal(&mut draft, far), Reason::Swallows | Reason::CrossesBorder));
}

#[test]
fn a_vertex_does_not_go_through_the_opposite_side_of_its_unit() {
    let mut draft = draft(1);
    let ring = vec![at(0.2, 0.2), at(0.8, 0.2), at(0.5, 0.4)];
    draft
        .apply(&[Operation::Draw { level: level("grid"), code: code("t"), name: String::new(), rings: vec![ring], within_m: 0.0 }])
        .unwrap();
    let through = Operation::MoveVertex { at: at(0.5, 0.4), to: at(0.5, 0.1), reach: Reach::default() };
    assert_eq!(refusal(&mut draft, through), Reason::CrossesBorder);
}

#[test]
fn a_unit_is_drawn_out_of_others_and_swallows_what_it_covers() {
    let mut draft = draft(1);
    let ring = vec![at(-0.0, 0.0), at(1.5, 0.0), at(1.5, 1.0), at(0.0, 1.0)];
    draft
        .apply(&[Operation::Draw { level: level("grid"), code: code("n"), name: "drawn".into(), rings: vec![ring], within_m: 0.0 }])
        .unwrap();
    assert!(draft.find(2, &code("00")).is_none());
    let (drawn, left) = (draft.find(2, &code("n")).unwrap(), draft.find(2, &code("10")).unwrap());
    assert!((drawn.load - 15.0).abs() < 1e-6 && (left.load - 5.0).abs() < 1e-6, "{} {}", drawn.load, left.load);
    let inside = vec![at(0.2, 0.2), at(0.4, 0.2), at(0.4, 0.4)];
    draft
        .apply(&[Operation::Draw { level: level("grid"), code: code("hole"), name: String::new(), rings: vec![inside], within_m: 0.0 }])
        .unwrap();
    assert_eq!(draft.geometry(2, &code("n")).unwrap().0[0].interiors().len(), 1);
    assert_whole(&draft, "drawn");
    let draw = |text: &str, ring: Vec<Coord<f64>>| Operation::Draw {
        level: level("grid"),
        code: code(text),
        name: String::new(),
        rings: vec![ring],
        within_m: 0.0,
    };
    assert_eq!(refusal(&mut draft, draw("n", vec![at(2.2, 0.2), at(2.4, 0.2), at(2.4, 0.4)])), Reason::CodeTaken);
    assert_eq!(refusal(&mut draft, draw("spent", vec![at(2.2, 0.2), at(2.4, 0.2), at(2.4, 0.4)])), Reason::CodeTaken);
    assert_eq!(refusal(&mut draft, draw("o", vec![at(-1.0, 0.2), at(0.4, 0.2), at(0.4, 0.4)])), Reason::Outside);
    assert_eq!(refusal(&mut draft, draw("o", vec![at(1.7, 0.2), at(2.4, 0.2), at(2.4, 0.4)])), Reason::CrossesParent);
    assert_eq!(refusal(&mut draft, draw("o", vec![at(2.4, -0.0), at(2.6, 0.0), at(2.6, 1.0), at(2.4, 1.0)])), Reason::TearsUnit);
    assert_eq!(refusal(&mut draft, draw("o", vec![at(2.4, 0.2), at(2.6, 0.2)])), Reason::BadShape);
}

#[test]
fn a_plan_names_districts_that_begin_and_ends_those_left_empty() {
    let mut draft = draft(1);
    let moves = (0..4).flat_map(|x| (0..4).map(move |y| Move { unit: code(&format!("{x}{y}")), to: code(&format!("p{y}")) })).collect();
    draft.apply(&[Operation::Reassign { level: level("grid"), moves, creates: true }]).unwrap();
    assert_eq!(draft.measures(1).units, 4);
    assert!((draft.measures(1).load_max - 40.0).abs() < 1e-9);
    assert_whole(&draft, "plan");
    assert!(draft.undo());
    assert_eq!(draft.count_changes(), [0; 5]);
}

#[test]
fn a_step_of_several_operations_is_all_or_nothing() {
    let mut draft = draft(1);
    let before = face(&draft);
    let good = Operation::Merge { level: level("grid"), units: vec![code("00"), code("01")], into: Some(code("01")) };
    assert_eq!(draft.apply(&[good.clone(), give("00", "c10")]).unwrap_err().reason, Reason::UnknownUnit);
    assert!(face(&draft) == before);
    draft.apply(&[good]).unwrap();
    let told: Vec<(String, &str)> = draft.last_changes(false).iter().map(|unit| (unit.code.to_string(), unit.change.as_str())).collect();
    assert_eq!(told, [("00".into(), "ended"), ("01".into(), "reshaped")]);
}

fn reshape(unit: &str, ring: Vec<Coord<f64>>) -> Operation {
    Operation::Reshape { level: level("grid"), unit: code(unit), polygons: vec![vec![ring]], within_m: 0.1 }
}

#[test]
fn a_unit_gets_another_shape_and_its_neighbours_give_and_take() {
    let mut draft = draft(1);
    let before = face(&draft);
    // It leaves its upper half to 01, which has the longest border with it, and takes a quarter of 10.
    let area_of = |draft: &Draft, text: &str| draft.find(2, &code(text)).unwrap().area_m2;
    let square_m2 = area_of(&draft, "00");
    draft.apply(&[reshape("00", vec![at(0.0, 0.0), at(1.5, 0.0), at(1.5, 0.5), at(0.0, 0.5)])]).unwrap();
    for (text, part) in [("00", 0.75), ("01", 1.5), ("10", 0.75), ("11", 1.0)] {
        let found = area_of(&draft, text) / square_m2;
        assert!((found - part).abs() < 1e-3, "{text} has {found}");
    }
    let load = |text: &str| draft.find(2, &code(text)).unwrap().load;
    assert!((load("00") - 7.5).abs() < 1e-2 && (load("01") - 15.0).abs() < 1e-2 && (load("10") - 7.5).abs() < 1e-2);
    // The community's border has got vertices, and no other ground.
    assert!((draft.find(1, &code("c00")).unwrap().area_m2 / square_m2 - 4.0).abs() < 1e-3);
    assert_whole(&draft, "reshaped");
    assert!(draft.undo() && face(&draft) == before);
}

#[test]
fn what_is_sent_back_rounded_changes_nothing() {
    let mut draft = draft(1);
    let rounded = |x: f64, y: f64| Coord { x: x * 0.01 + 4e-8, y: y * 0.01 - 3e-8 };
    let ring = vec![rounded(0.0, 0.0), rounded(1.0, 0.0), rounded(1.0, 1.0), rounded(0.0, 1.0)];
    assert_eq!(draft.is_shaped(2, &code("00"), &[vec![ring.clone()]], 0.1), Ok(true));
    assert_eq!(draft.is_shaped(2, &code("00"), &[vec![vec![at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0)]]], 0.1), Ok(false));
    draft.apply(&[reshape("00", ring)]).unwrap();
    assert_eq!(draft.count_changes(), [0; 5]);
    // A community whose corners alone are given has vertices between them.
    let corners = vec![at(0.0, 0.0), at(2.0, 0.0), at(2.0, 2.0), at(0.0, 2.0)];
    assert_eq!(draft.is_shaped(1, &code("c00"), &[vec![corners]], 0.1), Ok(true));
}

#[test]
fn a_shape_that_would_tear_the_coverage_is_refused_with_the_place() {
    let mut draft = draft(1);
    let before = face(&draft);
    let square = |x: f64, y: f64, width: f64, height: f64| vec![at(x, y), at(x + width, y), at(x + width, y + height), at(x, y + height)];
    let hole = |ring: Vec<Coord<f64>>| Operation::Reshape {
        level: level("grid"),
        unit: code("00"),
        polygons: vec![vec![square(0.0, 0.0, 1.0, 1.0), ring]],
        within_m: 0.1,
    };
    for (operation, reason) in [
        (reshape("10", square(1.0, 0.0, 1.5, 1.0)), Reason::CrossesParent),
        (reshape("00", square(0.0, 0.0, 2.0, 1.0)), Reason::EndsUnit),
        (reshape("00", square(-0.5, 0.0, 1.0, 1.0)), Reason::Outside),
        (reshape("00", square(1.2, 0.2, 0.5, 0.5)), Reason::NotBeside),
        (hole(square(0.4, 0.4, 0.2, 0.2)), Reason::OpensGap),
        (hole(square(0.4, 0.4, 1.2, 0.2)), Reason::LineCrossesItself),
        // A slice through the middle of the neighbour.
        (
            reshape(
                "00",
                vec![at(0.0, 0.0), at(1.0, 0.0), at(1.0, 0.4), at(2.0, 0.4), at(2.0, 0.6), at(1.0, 0.6), at(1.0, 1.0), at(0.0, 1.0)],
            ),
            Reason::TearsUnit,
        ),
        (reshape("c00", square(0.0, 0.0, 1.0, 1.0)), Reason::UnknownUnit),
    ] {
        let refused = draft.apply(std::slice::from_ref(&operation)).expect_err(&format!("{operation:?}"));
        assert_eq!(refused.reason, reason, "{refused:?} {operation:?}");
        assert!(refused.place.is_some() || reason == Reason::UnknownUnit, "{refused:?}");
        assert!(face(&draft) == before);
    }
    // Into two parts.
    let two = vec![vec![square(0.0, 0.0, 0.3, 1.0)], vec![square(0.7, 0.0, 0.3, 1.0)]];
    let torn = Operation::Reshape { level: level("grid"), unit: code("00"), polygons: two, within_m: 0.1 };
    assert_eq!(refusal(&mut draft, torn), Reason::TearsUnit);
    draft.apply(&[Operation::Lock { level: level("grid"), units: vec![code("01")], is_locked: true }]).unwrap();
    assert_eq!(refusal(&mut draft, reshape("00", square(0.0, 0.0, 1.0, 1.2))), Reason::Locked);
    // Nobody else lies above it, so what it would leave there goes to the east.
    draft.apply(&[reshape("00", vec![at(0.0, 0.0), at(1.0, 0.0), at(0.0, 1.0)])]).unwrap();
    assert!(draft.find(2, &code("10")).unwrap().area_m2 > 1.4 * draft.find(2, &code("11")).unwrap().area_m2);
}

#[test]
fn a_unit_that_ends_is_inherited_along_the_longest_border() {
    let mut draft = draft(2);
    assert_eq!(draft.heir(2, &code("00")), Ok(code("01")));
    draft.apply(&[reshape("10", vec![at(0.6, 0.0), at(2.0, 0.0), at(2.0, 1.0), at(0.6, 1.0)])]).unwrap();
    assert_eq!(draft.heir(2, &code("00")), Ok(code("10")));
    assert_eq!(draft.heir(1, &code("c00")), Ok(code("c01")));
    assert_eq!(draft.heir(0, &code("d0")), Ok(code("d1")));
    let square = vec![vec![vec![at(0.7, 0.2), at(0.9, 0.2), at(0.9, 0.4)]]];
    assert_eq!(draft.code_for(&level("grid"), None, &square, Some(&code("c00"))).unwrap().0, code("10-2"));
    assert_eq!(draft.code_for(&level("grid"), None, &square, Some(&code("c01"))).unwrap_err().reason, Reason::CrossesParent);
    assert_eq!(draft.code_for(&level("community"), None, &square, None).unwrap().0, code("c00-2"));
    assert_eq!((draft.code_of(2, "10"), draft.code_of(2, "x y")), (Some(code("10")), None));
    draft.apply(&[Operation::Lock { level: level("grid"), units: vec![code("10")], is_locked: true }]).unwrap();
    assert_eq!(draft.heir(2, &code("00")), Ok(code("01")));
    let only = Operation::Merge { level: level("grid"), units: vec![code("00"), code("01"), code("11")], into: None };
    draft.apply(&[only]).unwrap();
    assert_eq!(draft.heir(2, &code("00")).unwrap_err().reason, Reason::Locked);
}

#[test]
fn a_ring_around_an_enclave_leaves_it_in_the_middle() {
    let mut draft = draft(1);
    let square = |x: f64, y: f64, side: f64| vec![at(x, y), at(x + side, y), at(x + side, y + side), at(x, y + side)];
    let draw =
        |text: &str, rings: Rings| Operation::Draw { level: level("grid"), code: code(text), name: String::new(), rings, within_m: 0.0 };
    draft.apply(&[draw("core", vec![square(0.4, 0.4, 0.2)])]).unwrap();
    draft.apply(&[draw("belt", vec![square(0.2, 0.2, 0.6), square(0.4, 0.4, 0.2)])]).unwrap();
    assert_eq!(draft.geometry(2, &code("belt")).unwrap().0[0].interiors().len(), 1);
    assert_whole(&draft, "belt");
    // Around ground that nothing divides yet it would cut that off.
    assert_eq!(refusal(&mut draft, draw("moat", vec![square(3.2, 3.2, 0.6), square(3.4, 3.4, 0.2)])), Reason::TearsUnit);
}
