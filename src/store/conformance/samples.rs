//! Small records to write, and what is asked again and again.

use geo_types::{LineString, MultiPolygon, Polygon};
use jiff::Timestamp;
use uuid::Uuid;

use crate::boundary::{
    Accepted, FeatureRef, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Position, Properties, Unit, UnitCode, UnitId,
    UnitShape, Validity,
};
use crate::dispatch::{
    Assignment, CalendarEntry, CalendarName, CalendarRow, Case, CaseId, CategoryCode, CategoryRow, CostRow, Dates, DaySpan, DepartmentId,
    DepartmentRole, FundKind, FundRow, Limit, Limits, LoadRow, Post, ResponsibilityRow, Role, RuleTable, Shift, Weekdays, WorkHours,
    Worker, WorkerId, Zone,
};
use crate::store::records::{KeyHash, KeyRecord, Publication, RosterData, StoredGeneration, newest_generation};
use crate::store::{Store, StoreError};
use crate::topology::{Rules, ValidCoverage, check};

pub fn layer(name: &str) -> Layer {
    Layer { name: LayerName::parse(name).unwrap(), levels: vec![level("coarse"), level("fine")], scheme: None }
}

pub fn level(name: &str) -> Level {
    Level::parse(name).unwrap()
}

pub fn code(text: &str) -> UnitCode {
    UnitCode::parse(text).unwrap()
}

pub fn day(day: i8) -> Timestamp {
    jiff::civil::date(2026, 1, day).in_tz("UTC").unwrap().timestamp()
}

/// Units of one unit each side by side, in the order given.
pub fn row_of_squares(codes: &[&str]) -> Vec<UnitShape> {
    (0..).zip(codes).map(|(at, code)| shape(code, Polygon::new(square(f64::from(at), 0.0, 1.0), vec![]))).collect()
}

pub fn square(lon: f64, lat: f64, size: f64) -> LineString<f64> {
    LineString::from(vec![(lon, lat), (lon + size, lat), (lon + size, lat + size), (lon, lat + size), (lon, lat)])
}

pub fn shape(text: &str, polygon: Polygon<f64>) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::now_v7()),
        code: code(text),
        name: format!("unit {text}"),
        level: level("fine"),
        parent: None,
        properties: Properties::new(),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry: MultiPolygon(vec![polygon]), source: FeatureRef::default() }
}

pub fn squares(codes: &[&str]) -> ValidCoverage {
    coverage(&layer("grid"), vec![vec![], row_of_squares(codes)])
}

/// Makes a coverage of shapes, whatever faults lie between them.
pub fn coverage(layer: &Layer, mut shapes: Vec<Vec<UnitShape>>) -> ValidCoverage {
    for (level, shapes) in layer.levels.iter().zip(&mut shapes) {
        shapes.iter_mut().for_each(|shape| shape.unit.level = level.clone());
    }
    let accepted = Accepted { overlap: true, gap: true, nesting: true };
    let checked = check(layer, shapes, &Rules { snap_m: 0.0, accepted, ..Rules::default() });
    checked.coverage.unwrap_or_else(|| panic!("{:?}", checked.problems))
}

pub fn publication(coverage: &ValidCoverage, parent: Option<GenerationId>, state: GenerationState, on: i8) -> Publication<'_> {
    Publication {
        coverage,
        parent,
        state,
        effective_from: day(on),
        created_at: day(on),
        author: "tester",
        note: "a note",
        restores: None,
        reuses_codes: false,
    }
}

/// Publishes on top of the newest.
pub fn publish(store: &dyn Store, coverage: &ValidCoverage, on: i8) -> Result<Generation, StoreError> {
    let generations = store.load_generations(&coverage.layer().name)?;
    let newest = newest_generation(&generations).map(|newest| newest.id);
    store.publish(publication(coverage, newest, GenerationState::Published, on))
}

pub fn load(store: &dyn Store, generation: &Generation) -> StoredGeneration {
    let stored = store.load_generation(&generation.layer, generation.id).unwrap();
    assert_eq!(&stored.generation, generation);
    stored
}

pub fn worker(id: &str, name: &str) -> Worker {
    Worker { id: WorkerId(id.into()), name: name.into(), phone: "0746-0000000".into() }
}

pub fn assignment(unit: &str, worker: &str, post: Post, shift: &str) -> Assignment {
    Assignment {
        unit: code(unit),
        worker: WorkerId(worker.into()),
        post,
        department: "城管".into(),
        validity: Validity { from: day(1), to: Some(day(30)) },
        shift: Shift::parse(shift).unwrap(),
    }
}

pub fn case(id: u128, lon: f64, lat: f64) -> Case {
    Case {
        id: CaseId(Uuid::from_u128(id)),
        position: Position::new(lon, lat).unwrap(),
        given: format!("{lon} {lat}"),
        category: "垃圾".into(),
        description: "d".into(),
        source: "12345".into(),
        reported_at: day(2),
        district: Some(code("4311")),
        grid: None,
        generation: Some(GenerationId(1)),
        holder: Some(WorkerId("w1".into())),
    }
}

pub fn key(seed: u8, scope: &[&str]) -> KeyRecord {
    KeyRecord {
        scope: scope.iter().map(|text| code(text)).collect(),
        layers: vec![LayerName::parse("grid").unwrap(), LayerName::parse("police").unwrap()],
        note: "counter 1".into(),
        worker: seed.is_multiple_of(2).then(|| WorkerId("w1".into())),
        expires_at: Some(day(20)),
        ..KeyRecord::new(KeyHash([seed; 32]), Role::Dispatcher, day(1))
    }
}

/// The roster of a time after all that the claims write.
pub fn roster_now(store: &dyn Store) -> RosterData {
    store.load_roster(day(31)).unwrap().data
}

pub fn category(of: &str) -> CategoryRow {
    CategoryRow {
        code: CategoryCode::parse(of).unwrap(),
        major: CategoryCode::parse("E01").ok(),
        major_name: "市容环境".into(),
        name: format!("name of {of}"),
        condition: "1".into(),
        filing: "路面有垃圾".into(),
        closing: String::new(),
        zone: Some(Zone("A".into())),
        limits: Limits { handle: Limit::parse("2紧急工作时").ok(), ..Limits::default() },
        is_private: true,
        skill: Some("急救".into()),
        dates: Dates { from: Some(day(1)), to: None },
    }
}

pub fn responsibility(category: Option<&str>, unit: Option<&str>, department: &str) -> ResponsibilityRow {
    ResponsibilityRow {
        category: category.map(|code| CategoryCode::parse(code).unwrap()),
        unit: unit.map(code),
        role: DepartmentRole::Lead,
        rank: 3,
        department: DepartmentId(department.into()),
        name: department.into(),
        dates: Dates { from: None, to: Some(day(30)) },
    }
}

/// A table of each kind.
pub fn rules() -> [RuleTable; 6] {
    let row = |entry| CalendarRow { calendar: Some(CalendarName("default".into())), entry, note: "国庆节".into(), dates: Dates::ALWAYS };
    let week = CalendarEntry::Week {
        days: Weekdays::parse("1-5").unwrap(),
        hours: WorkHours::parse("08:00-12:00;14:00-18:00").unwrap(),
        time_zone: String::new(),
        work_day_hours: 8,
    };
    let span = DaySpan { first: jiff::civil::date(2026, 10, 1), last: jiff::civil::date(2026, 10, 7) };
    let unit = CalendarEntry::Unit { unit: code("4311"), zone: Some(Zone("B".into())) };
    let entries = [week, CalendarEntry::Holiday(span), CalendarEntry::Workday(span, WorkHours::parse("09:00-24:00").ok()), unit];
    [
        RuleTable::Categories(vec![category("E0111"), category("E0110")]),
        RuleTable::Responsibilities(vec![responsibility(Some("E0110"), Some("4311"), "D1"), responsibility(None, None, "D0")]),
        RuleTable::Calendars(entries.map(row).to_vec()),
        RuleTable::Costs(vec![
            CostRow {
                unit: Some(code("4311")),
                post: Some(Post::Leader),
                monthly_cents: 450_050,
                dates: Dates::ALWAYS,
                note: "含社保".into(),
            },
            CostRow { unit: None, post: None, monthly_cents: 0, dates: Dates { from: Some(day(1)), to: None }, note: String::new() },
        ]),
        RuleTable::Funds(vec![FundRow {
            source: "区财政".into(),
            kind: FundKind::Budget,
            amount_cents: 12_000_000,
            unit: Some(code("4311")),
            post: Some(Post::Primary),
            dates: Dates { from: Some(day(1)), to: Some(day(30)) },
            note: String::new(),
        }]),
        RuleTable::Loads(vec![
            LoadRow { unit: code("4311"), name: "户数".into(), value: 1_204.0, dates: Dates::ALWAYS, note: String::new() },
            LoadRow {
                unit: code("4311"),
                name: "部件".into(),
                value: 0.1,
                dates: Dates { from: Some(day(1)), to: Some(day(30)) },
                note: "普查".into(),
            },
        ]),
    ]
}
