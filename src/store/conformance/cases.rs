//! Cases.

use uuid::Uuid;

use super::Place;
use super::samples::{case, code, day};
use crate::boundary::{CodeRun, Territory, UnitCode};
use crate::dispatch::{Case, CaseId, WorkerId};
use crate::store::records::{CaseFilter, CasePage};

pub fn cases_come_in_pages_in_the_order_of_ids(place: &Place) {
    let store = place();
    let cases: Vec<Case> = [5, 3, 1, 4, 2].into_iter().map(|id| case(id, 111.0, 26.0)).collect();
    assert_eq!(store.add_cases(&cases, "a", day(1)).unwrap(), 5);
    let mut filter = CaseFilter::first(2);
    let mut seen = Vec::new();
    loop {
        let page = store.load_cases(&filter).unwrap();
        assert_eq!(page.matched, Some(5));
        seen.extend(page.cases.iter().map(|case| case.id.0.as_u128()));
        filter.after = page.cases.last().map(|case| case.id);
        if !page.has_more {
            break;
        }
        assert_eq!(page.cases.len(), 2);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(store.find_case(CaseId(Uuid::from_u128(3))).unwrap(), Some(cases[1].clone()));
    assert_eq!(store.find_case(CaseId(Uuid::from_u128(9))).unwrap(), None);
    let known = store.find_known_cases(&[9, 3, 8, 1].map(|id| CaseId(Uuid::from_u128(id)))).unwrap();
    let known: std::collections::BTreeSet<u128> = known.iter().map(|id| id.0.as_u128()).collect();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [1, 3]);
}

pub fn cases_are_filtered(place: &Place) {
    let store = place();
    let mut cases: Vec<Case> = (0_u8..4).map(|at| case(u128::from(at), -179.0 + f64::from(at) * 119.0, 26.0)).collect();
    cases[0].grid = Some(code("431102"));
    cases[1].grid = Some(code("4311"));
    cases[1].category = "b%_'".into();
    cases[2].reported_at = day(9);
    cases[3].holder = Some(WorkerId("gone".into()));
    store.add_cases(&cases, "a", day(1)).unwrap();
    let check = |filter: CaseFilter, expected: &[u128]| {
        let page = store.load_cases(&filter).unwrap();
        assert_eq!(page.cases.iter().map(|c| c.id.0.as_u128()).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(page.matched, Some(expected.len()));
        assert_eq!(store.load_cases(&CaseFilter { counts: false, ..filter }).unwrap(), CasePage { matched: None, ..page });
    };
    let all = || CaseFilter::first(10);
    check(CaseFilter { bbox: Some([-60.0, 26.0, 59.0, 26.0]), ..all() }, &[1, 2]);
    check(CaseFilter { bbox: Some([170.0, 20.0, -170.0, 30.0]), ..all() }, &[0, 3]);
    check(CaseFilter { bbox: Some([-180.0, 27.0, 180.0, 30.0]), ..all() }, &[]);
    check(CaseFilter { grid_prefix: Some("4311".into()), ..all() }, &[0, 1]);
    check(CaseFilter { grid_prefix: Some("43110".into()), ..all() }, &[0]);
    check(CaseFilter { grid_prefix: Some("4%".into()), ..all() }, &[]);
    let runs = |runs: &[[&str; 2]]| {
        let code = |text: &str| UnitCode::parse(text).unwrap();
        Territory::Runs(runs.iter().map(|[first, last]| CodeRun { first: code(first), last: code(last) }).collect())
    };
    let [east, south] = [cases[0].grid.as_ref().unwrap().as_str(), cases[1].grid.as_ref().unwrap().as_str()];
    check(CaseFilter { territory: runs(&[[east, east]]), ..all() }, &[0]);
    check(CaseFilter { territory: runs(&[["4", "5"]]), ..all() }, &[0, 1]);
    check(CaseFilter { territory: runs(&[["4", "41"], [south, south], ["6", "7"]]), ..all() }, &[1]);
    check(CaseFilter { territory: runs(&[["4", "41"], ["6", "7"]]), ..all() }, &[]);
    check(CaseFilter { territory: runs(&[]), ..all() }, &[]);
    check(CaseFilter { grid_prefix: Some(String::new()), ..all() }, &[0, 1]);
    check(CaseFilter { categories: vec!["b%_'".into()], ..all() }, &[1]);
    check(CaseFilter { categories: vec!["none".into(), "b%_'".into()], ..all() }, &[1]);
    check(CaseFilter { categories: vec!["none".into(), "neither".into()], ..all() }, &[]);
    check(CaseFilter { reported_from: Some(day(9)), ..all() }, &[2]);
    check(CaseFilter { reported_to: Some(day(9)), ..all() }, &[0, 1, 3]);
    check(CaseFilter { reported_from: Some(day(9) + jiff::SignedDuration::from_nanos(1)), ..all() }, &[]);
    check(CaseFilter { reported_to: Some(day(9) + jiff::SignedDuration::from_nanos(1)), ..all() }, &[0, 1, 2, 3]);
    assert_eq!(store.find_case(cases[3].id).unwrap().unwrap().holder, cases[3].holder);
    let none = store.load_cases(&CaseFilter::first(0)).unwrap();
    assert_eq!((none.cases.len(), none.matched, none.has_more), (0, Some(4), true));
}

pub fn a_known_case_is_left_as_it_is(place: &Place) {
    let store = place();
    let first = case(1, 111.0, 26.0);
    store.add_cases(std::slice::from_ref(&first), "a", day(1)).unwrap();
    let changed = Case { description: "changed".into(), ..first.clone() };
    assert_eq!(store.add_cases(&[changed, case(2, 0.0, 0.0)], "a", day(1)).unwrap(), 1);
    assert_eq!(store.find_case(first.id).unwrap(), Some(first));
}
