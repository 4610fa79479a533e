use geo_types::polygon;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::town::{Town, check_all, delta, layer};
use super::{LevelDelta, Patched, Unpatched};
use crate::boundary::{Accepted, FeatureRef, UnitCode, UnitShape};
use crate::topology::cases::shape;
use crate::topology::{ArcId, ArcRef, Sides, ValidCoverage};

const GAPS: Accepted = Accepted { overlap: false, gap: true, nesting: false };

type ArcFace = (Vec<(u64, u64)>, Vec<Sides>);

fn arc_face(coverage: &ValidCoverage, arc: ArcId) -> ArcFace {
    let arcs = coverage.arcs();
    (arcs.coords(arc).iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect(), (0..arcs.depths()).map(|d| arcs.sides(arc, d)).collect())
}

/// Compares all that can be asked of two coverages, but for the numbers of arcs.
fn assert_same(found: &ValidCoverage, expected: &ValidCoverage) {
    let ranks = |coverage: &ValidCoverage| {
        let mut faces: Vec<(ArcFace, ArcId)> = coverage.arcs().ids().map(|arc| (arc_face(coverage, arc), arc)).collect();
        faces.sort_by(|a, b| a.0.0.cmp(&b.0.0));
        let mut rank_of = vec![0; faces.len()];
        faces.iter().enumerate().for_each(|(rank, (_, arc))| rank_of[arc.0 as usize] = rank);
        (faces.into_iter().map(|(face, _)| face).collect::<Vec<_>>(), rank_of)
    };
    let ((found_faces, found_ranks), (faces, expected_ranks)) = (ranks(found), ranks(expected));
    assert_eq!(found_faces, faces);
    assert_eq!((found.layer(), found.accepted()), (expected.layer(), expected.accepted()));
    for (depth, (a, b)) in found.levels().iter().zip(expected.levels()).enumerate() {
        assert_eq!(a.units(), b.units());
        assert_eq!(a.index_by_code, b.index_by_code);
        assert_eq!(a.parents, b.parents);
        assert_eq!((&a.polygons_of, &a.rings_of, &a.arcs_of), (&b.polygons_of, &b.rings_of, &b.arcs_of));
        let ranked =
            |refs: &[ArcRef], ranks: &[usize]| refs.iter().map(|r| (ranks[r.arc().0 as usize], r.is_reversed())).collect::<Vec<_>>();
        assert_eq!(ranked(&a.arc_refs, &found_ranks), ranked(&b.arc_refs, &expected_ranks));
        for unit in a.indices() {
            assert_eq!(found.to_geometry(depth, unit), expected.to_geometry(depth, unit));
        }
        assert_eq!(found.borders(depth), expected.borders(depth));
        let pairs = a.indices().map(|unit| (found.neighbours(depth).of(unit).to_vec(), expected.neighbours(depth).of(unit).to_vec()));
        pairs.for_each(|(a, b)| assert_eq!(a, b));
    }
}

/// Follows a delta and says whether that could be done; what comes out must be what the check of all makes.
fn follow(base: &ValidCoverage, shapes: &[Vec<UnitShape>], delta: Vec<LevelDelta>) -> Result<Patched, Unpatched> {
    let fresh = check_all(shapes.to_vec(), GAPS);
    let accepted = fresh.coverage.as_ref().map_or(base.accepted(), ValidCoverage::accepted);
    let patched = base.patched(&layer(), delta, accepted)?;
    let fresh = fresh.coverage.unwrap_or_else(|| panic!("{:?}", fresh.problems));
    assert_same(&patched.coverage, &fresh);
    Ok(patched)
}

/// A town that the check finds valid.
fn valid_town(seed: u64) -> (Town, Vec<Vec<UnitShape>>, ValidCoverage) {
    (0..)
        .find_map(|more| {
            let mut town = Town::new(seed.wrapping_add(more));
            let shapes = town.shapes();
            let coverage = check_all(shapes.clone(), GAPS).coverage?;
            Some((town, shapes, coverage))
        })
        .unwrap()
}

#[test]
fn most_edits_can_be_followed() {
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..60 {
        let (mut town, before, base) = valid_town(seed);
        town.edit();
        let after = town.shapes();
        let result = follow(&base, &after, delta(&before, &after));
        let reason = match result {
            Ok(_) => "followed".to_owned(),
            Err(reason) => reason.to_string(),
        };
        *reasons.entry(reason).or_default() += 1;
    }
    assert!(reasons["followed"] >= 30, "{reasons:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_followed_change_is_what_the_check_of_all_makes(seed in any::<u64>(), edits in 1..6usize) {
        let (mut town, before, base) = valid_town(seed);
        (0..edits).for_each(|_| town.edit());
        let after = town.shapes();
        let _ = follow(&base, &after, delta(&before, &after));
    }

    #[test]
    fn a_torn_change_is_never_called_valid(seed in any::<u64>(), edits in 1..5usize) {
        // Some units of the change are left out, so that others overlap them, lie beside a gap or have no parent.
        let (mut town, before, base) = valid_town(seed);
        (0..edits).for_each(|_| town.edit());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut torn = before.clone();
        for (torn, after) in torn.iter_mut().zip(town.shapes()) {
            torn.retain(|shape| after.iter().any(|other| other.unit.code == shape.unit.code) || rng.random_bool(0.7));
            for shape in after {
                let at = torn.iter().position(|other| other.unit.code == shape.unit.code);
                match at {
                    Some(at) if rng.random_bool(0.7) => torn[at] = shape,
                    None if rng.random_bool(0.7) => torn.push(shape),
                    _ => {}
                }
            }
        }
        let _ = follow(&base, &torn, delta(&before, &torn));
    }
}

#[test]
fn twenty_changes_in_a_row_leave_no_trace_of_their_history() {
    for seed in 0..4 {
        let (mut town, mut before, mut base) = valid_town(seed);
        let mut followed = 0;
        for _ in 0..20 {
            town.edit();
            let after = town.shapes();
            match follow(&base, &after, delta(&before, &after)) {
                Ok(patched) => {
                    base = patched.coverage;
                    followed += 1;
                }
                Err(_) => match check_all(after.clone(), GAPS).coverage {
                    Some(coverage) => base = coverage,
                    None => continue,
                },
            }
            before = after;
        }
        assert!(followed > 8, "{followed} of 20 followed");
    }
}

/// Two communities of a square each, side by side, with two grids each, one above the other.
fn four_grids() -> Vec<Vec<UnitShape>> {
    let rect = |level, code, parent, x: f64, y: f64, w: f64, h: f64| {
        let (e, n) = (x + w, y + h);
        shape(level, 1, code, parent, polygon![(x: x, y: y), (x: e, y: y), (x: e, y: n), (x: x, y: n)].into())
    };
    let tall = |x: f64| polygon![(x: x, y: 0.), (x: x + 1., y: 0.), (x: x + 1., y: 1.), (x: x + 1., y: 2.), (x: x, y: 2.), (x: x, y: 1.)];
    let all = polygon![(x: 0., y: 0.), (x: 1., y: 0.), (x: 2., y: 0.), (x: 2., y: 1.), (x: 2., y: 2.), (x: 1., y: 2.), (x: 0., y: 2.), (x: 0., y: 1.)];
    vec![
        vec![shape("district", 1, "1", None, all.into())],
        vec![shape("community", 1, "11", Some("1"), tall(0.).into()), shape("community", 1, "12", Some("1"), tall(1.).into())],
        vec![
            rect("grid", "111", Some("11"), 0., 0., 1., 1.),
            rect("grid", "112", Some("11"), 0., 1., 1., 1.),
            rect("grid", "121", Some("12"), 1., 0., 1., 1.),
            rect("grid", "122", Some("12"), 1., 1., 1., 1.),
        ],
    ]
}

/// Changes the four grids and tries to follow.
fn try_to_follow(change: impl FnOnce(&mut Vec<Vec<UnitShape>>)) -> Result<Patched, Unpatched> {
    let before = four_grids();
    let base = check_all(before.clone(), GAPS).coverage.unwrap();
    let mut after = before.clone();
    change(&mut after);
    follow(&base, &after, delta(&before, &after))
}

#[test]
fn what_cannot_be_vouched_for_is_refused_with_its_reason() {
    let code = |code: &str| UnitCode::parse(code).unwrap();
    type Change = fn(&mut Vec<Vec<UnitShape>>);
    let cases: [(&str, Change, Unpatched); 9] = [
        ("a gap at the rim of nothing", |all| all[2].clear(), Unpatched::Loaded),
        ("the same ground twice", |all| all[2][1].geometry = all[2][0].geometry.clone(), Unpatched::Overlap),
        (
            "a grid across another without a common edge",
            |all| all[2][0].geometry.0[0].exterior_mut(|ring| ring.0[2] = (1.3, 1.4).into()),
            Unpatched::Rim,
        ),
        (
            "a grid that leaves its community",
            |all| {
                let far = all[2][3].geometry.clone();
                all[2][1].geometry = far;
                all[2].remove(3);
            },
            Unpatched::Nesting(code("11")),
        ),
        ("a bow tie", |all| all[2][0].geometry.0[0].exterior_mut(|ring| ring.0[1..3].reverse()), Unpatched::Shape(code("111"))),
        ("a parent that is not there", |all| all[2][0].unit.parent = Some(UnitCode::parse("19").unwrap()), Unpatched::Parent(code("111"))),
        ("no parent at all", |all| all[2][0].unit.parent = None, Unpatched::Parent(code("111"))),
        ("children that are left behind", |all| drop(all[1].remove(0)), Unpatched::Parent(code("111"))),
        (
            "another parent than the ground's",
            |all| all[2][0].unit.parent = Some(UnitCode::parse("12").unwrap()),
            Unpatched::Nesting(code("12")),
        ),
    ];
    for (name, change, reason) in cases {
        assert_eq!(try_to_follow(change).unwrap_err(), reason, "{name}");
    }
    let base = check_all(four_grids(), GAPS).coverage.unwrap();
    let none = || vec![LevelDelta::default(); 3];
    let refused = |change: &dyn Fn(&mut Vec<LevelDelta>)| {
        let mut delta = none();
        change(&mut delta);
        base.patched(&layer(), delta, Accepted::default()).unwrap_err()
    };
    assert_eq!(refused(&|delta| delta[2].ended.push(code("999"))), Unpatched::Unknown(code("999")));
    assert_eq!(refused(&|delta| delta[2].begun.push(four_grids()[2][0].clone())), Unpatched::Duplicate(code("111")));
    assert_eq!(refused(&|delta| delta.truncate(2)), Unpatched::Layer);
    assert!(matches!(refused(&|delta| delta[2].ended = vec![code("111"); 5_000]), Unpatched::TooMany { changed: 5_000, .. }));
    assert_eq!(base.patched(&layer(), none(), Accepted { overlap: true, ..GAPS }).unwrap_err(), Unpatched::Accepted);
}

#[test]
fn a_gap_is_refused_unless_there_was_one_and_it_is_accepted() {
    let ring = |codes: &[&str]| {
        // Nine squares without the middle one where it is not asked for.
        let squares = (0..9).filter(|at| *at != 4 || codes.contains(&"4"));
        let shapes = squares.map(|at| {
            let (x, y) = (f64::from(at % 3), f64::from(at / 3));
            let square = polygon![(x: x, y: y), (x: x + 1., y: y), (x: x + 1., y: y + 1.), (x: x, y: y + 1.)];
            shape("grid", 1, &at.to_string(), None, square.into())
        });
        vec![Vec::new(), Vec::new(), shapes.collect::<Vec<_>>()]
    };
    let (whole, holed) = (ring(&["4"]), ring(&[]));
    let base = |shapes: &Vec<Vec<UnitShape>>| check_all(shapes.clone(), GAPS).coverage.unwrap();
    assert_eq!(base(&whole).patched(&layer(), delta(&whole, &holed), Accepted::default()).unwrap_err(), Unpatched::Rim);
    assert_eq!(base(&holed).patched(&layer(), delta(&holed, &whole), GAPS).unwrap_err(), Unpatched::Rim);
    // Without a corner the gap is still closed, without a side it is open.
    let without = |at: usize| {
        let mut fewer = holed.clone();
        fewer[2].remove(at);
        base(&holed).patched(&layer(), delta(&holed, &fewer), GAPS).map(|patched| assert_same(&patched.coverage, &base(&fewer)))
    };
    assert_eq!((without(0), without(1)), (Ok(()), Err(Unpatched::Rim)));
}

#[test]
fn words_about_units_change_without_a_look_at_borders() {
    let before = four_grids();
    let base = check_all(before.clone(), GAPS).coverage.unwrap();
    let mut after = before.clone();
    after[2][1].unit.name = "新".into();
    after[1][0].unit.validity.from = jiff::Timestamp::MAX;
    let patched = follow(&base, &after, delta(&before, &after)).unwrap();
    assert!(std::sync::Arc::ptr_eq(&base.arcs, &patched.coverage.arcs));
    assert!(std::sync::Arc::ptr_eq(&base.levels[2].units[0], &patched.coverage.levels[2].units[0]));
    assert!(patched.changes.new_arcs.is_empty() && patched.changes.levels.iter().all(|level| level.new.is_empty()));
}

#[test]
fn a_junction_that_goes_joins_arcs_and_one_that_comes_parts_them() {
    let joined = try_to_follow(|all| {
        let both = all[1][0].geometry.clone();
        all[2][0].geometry = both;
        all[2].remove(1);
    });
    let joined = joined.unwrap();
    assert_eq!(joined.changes.levels[2].renumbered.as_ref().unwrap()[1], None);
    let (before, after) = (four_grids(), joined.coverage);
    let shapes: Vec<Vec<UnitShape>> = (0..3)
        .map(|depth| {
            let level = &after.levels()[depth];
            let shape = |unit| UnitShape {
                unit: level.unit(unit).clone(),
                geometry: after.to_geometry(depth, unit),
                source: FeatureRef::default(),
            };
            level.indices().map(shape).collect()
        })
        .collect();
    assert!(follow(&after, &before, delta(&shapes, &before)).is_ok());
}

/// Follows a change of grids alone.
fn follow_grids(before: Vec<UnitShape>, after: Vec<UnitShape>) -> Result<Patched, Unpatched> {
    let [before, after] = [before, after].map(|grids| vec![Vec::new(), Vec::new(), grids]);
    let base = check_all(before.clone(), GAPS).coverage.unwrap();
    follow(&base, &after, delta(&before, &after))
}

#[test]
fn a_border_stays_parted_where_an_enclave_that_does_not_change_touches_it() {
    // Between a and b the border runs north from (4, 0) to (4, 4); c lies in a and touches it at (4, 2).
    let grids = |south: f64| {
        let enclave = polygon![(x: 4., y: 2.), (x: 3., y: 3.), (x: 3., y: 1.)];
        let west = geo_types::Polygon::new(
            polygon![(x: 0., y: 0.), (x: 4., y: 0.), (x: 4., y: 2.), (x: 4., y: 4.), (x: 0., y: 4.)].exterior().clone(),
            vec![enclave.exterior().clone()],
        );
        let east = polygon![(x: 4., y: 0.), (x: 8., y: 0.), (x: 8., y: 4.), (x: 4., y: 4.), (x: 4., y: 2.)];
        let below = polygon![(x: 0., y: 0.), (x: 3., y: south), (x: 8., y: 0.), (x: 4., y: 0.)];
        let above = polygon![(x: 0., y: 4.), (x: 4., y: 4.), (x: 8., y: 4.), (x: 3., y: 6. - south)];
        let all = [("a", west), ("b", east), ("c", enclave), ("d", below), ("e", above)];
        all.map(|(code, polygon)| shape("grid", 1, code, None, polygon.into())).to_vec()
    };
    follow_grids(grids(-1.), grids(-2.)).unwrap();
}

#[test]
fn an_island_that_is_touched_begins_where_it_is_touched() {
    let square = |code, x: f64, y: f64| {
        let square = polygon![(x: x, y: y), (x: x + 1., y: y), (x: x + 1., y: y + 1.), (x: x, y: y + 1.)];
        shape("grid", 1, code, None, square.into())
    };
    let island = || square("b", 0., 0.);
    let touched = |x: f64, y: f64| vec![island(), square("a", x, y)];
    for (x, y) in [(1., 1.), (1., -1.), (-1., 1.), (-1., -1.)] {
        let come = follow_grids(vec![island()], touched(x, y)).unwrap();
        assert_eq!(come.coverage.arcs().len(), 2);
        follow_grids(touched(x, y), vec![island()]).unwrap();
        follow_grids(touched(x, y), [touched(x, y), vec![square("c", x, y - 1.)]].concat()).unwrap();
    }
}
