//! A small district in a store: 20 by 10 grids around 111.6, 26.2, with one keeper.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use gridkeeper::boundary::{
    FeatureRef, GenerationId, GenerationState, Layer, LayerName, Level, Position, Properties, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{
    Assignment, Case, CaseId, CategoryCode, CategoryRow, Dates, DepartmentId, DepartmentRole, Limit, Limits, Post, ResponsibilityRow, Role,
    RuleTable, Shift, Worker, WorkerId,
};
use gridkeeper::store::{KeyHash, KeyRecord, Publication, RosterData, Store, newest_generation};
use gridkeeper::topology::{Rules, check};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub const WEST: f64 = 111.6;
pub const SOUTH: f64 = 26.2;
/// The side of a grid in degrees, exact in binary so that neighbours meet exactly.
pub const SIDE: f64 = 1.0 / 128.0;
pub const COLUMNS: usize = 20;
pub const ROWS: usize = 10;

/// What the public must never see.
pub const SECRETS: [&str; 3] = ["W-4711", "张三丰", "13800004711"];

pub const DISPATCHER: &str = "dispatcher-key";
pub const PLANNER: &str = "planner-key";
/// A worker's key that reaches only the first grid.
pub const SCOPED: &str = "scoped-key";
pub const REVOKED: &str = "revoked-key";

/// The code of a grid by its column and row, counted from the south-west.
pub fn code_of(column: usize, row: usize) -> String {
    format!("431102001001{:03}", row * COLUMNS + column + 1)
}

/// The middle of a grid.
pub fn middle_of(column: usize, row: usize) -> (f64, f64) {
    (WEST + SIDE * (column as f64 + 0.5), SOUTH + SIDE * (row as f64 + 0.5))
}

/// A case of today.
pub fn case_at((lon, lat): (f64, f64)) -> Case {
    Case {
        id: CaseId(uuid::Uuid::now_v7()),
        position: Position::new(lon, lat).unwrap(),
        given: format!("{lon} {lat}"),
        category: "E0110".into(),
        description: "test".into(),
        source: "12345".into(),
        reported_at: Timestamp::now(),
        district: None,
        grid: Some(UnitCode::parse(&code_of(0, 0)).unwrap()),
        generation: Some(GenerationId(1)),
        holder: Some(WorkerId(SECRETS[0].into())),
    }
}

/// Publishes the district with its roster and keys.
pub fn fill(store: &dyn Store) {
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    publish(store, "grid", grids(), at, at, GenerationState::Published);
    store.replace_roster(&roster(at), None, "test", at).unwrap();
    for (key, role, scope, revoked) in [
        (DISPATCHER, Role::Dispatcher, vec![], false),
        (PLANNER, Role::Planner, vec![], false),
        (SCOPED, Role::Worker, vec![UnitCode::parse(&code_of(0, 0)).unwrap()], false),
        (REVOKED, Role::Admin, vec![], true),
    ] {
        let hash = KeyHash(Sha256::digest(key.as_bytes()).into());
        let revoked_at = revoked.then_some(at);
        store.add_key(&KeyRecord { scope, revoked_at, ..KeyRecord::new(hash, role, at) }, "test").unwrap();
    }
}

/// The grids of the district, each of one square.
pub fn grids() -> Vec<UnitShape> {
    let mut grids = Vec::new();
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            grids.push(grid((column, row), (column, row), 1));
        }
    }
    grids
}

/// A grid by the column and row of its code, that lies somewhere and is so many squares wide.
pub fn grid(code: (usize, usize), at: (usize, usize), width: usize) -> UnitShape {
    let number = code.1 * COLUMNS + code.0 + 1;
    square("grid", &code_of(code.0, code.1), &format!("第{number}网格"), Some("431102"), at, (width, 1), number)
}

/// Publishes the district with these grids, made at `now`, as the generation after the newest.
pub fn publish(
    store: &dyn Store,
    layer: &str,
    grids: Vec<UnitShape>,
    from: Timestamp,
    now: Timestamp,
    state: GenerationState,
) -> GenerationId {
    let layer = Layer { name: LayerName::parse(layer).unwrap(), ..Config::default().layers[0].layer.clone() };
    let whole = square("district", "431102", "零陵区", None, (0, 0), (COLUMNS, ROWS), 1);
    // The district's border has a vertex wherever two grids meet on it, as an import would give it.
    let checked = check(&layer, vec![vec![whole], vec![], vec![], grids], &Rules::default());
    let coverage = checked.coverage.unwrap_or_else(|| panic!("{:#?}", checked.problems));
    let parent = newest_generation(&store.load_generations(&layer.name).unwrap()).map(|newest| newest.id);
    let publication = Publication {
        coverage: &coverage,
        parent,
        state,
        effective_from: from,
        created_at: now,
        author: "test",
        note: "",
        restores: None,
        reuses_codes: true,
    };
    store.publish(publication).unwrap().id
}

fn roster(from: Timestamp) -> RosterData {
    let id = WorkerId(SECRETS[0].into());
    let worker = Worker { id: id.clone(), name: SECRETS[1].into(), phone: SECRETS[2].into() };
    let assign = |unit: &str, post| Assignment {
        unit: UnitCode::parse(unit).unwrap(),
        worker: id.clone(),
        post,
        department: "综治中心".into(),
        validity: Validity { from, to: None },
        shift: Shift::ALWAYS,
    };
    let assignments = vec![assign(&code_of(0, 0), Post::Primary), assign("431102", Post::Leader)];
    RosterData { workers: vec![worker], assignments }
}

pub fn square(
    level: &str,
    code: &str,
    name: &str,
    parent: Option<&str>,
    at: (usize, usize),
    size: (usize, usize),
    number: usize,
) -> UnitShape {
    let corner = |column: usize, row: usize| Coord { x: WEST + SIDE * (at.0 + column) as f64, y: SOUTH + SIDE * (at.1 + row) as f64 };
    let (width, height) = size;
    let south = (0..width).map(|c| corner(c, 0));
    let east = (0..height).map(|r| corner(width, r));
    let north = (0..width).map(|c| corner(width - c, height));
    let west = (0..=height).map(|r| corner(0, height - r));
    let ring = LineString(south.chain(east).chain(north).chain(west).collect());
    let unit = Unit {
        id: UnitId(uuid::Uuid::now_v7()),
        code: UnitCode::parse(code).unwrap(),
        name: name.into(),
        level: Level::parse(level).unwrap(),
        parent: parent.map(|code| UnitCode::parse(code).unwrap()),
        properties: Properties::new(),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry: MultiPolygon(vec![Polygon::new(ring, vec![])]), source: FeatureRef { number } }
}

/// A category whose cases are handled within a limit.
pub fn category(code: &str, limit: &str, is_private: bool) -> CategoryRow {
    CategoryRow {
        code: CategoryCode::parse(code).unwrap(),
        major: CategoryCode::parse(&code[..3]).ok(),
        major_name: String::new(),
        name: format!("name of {code}"),
        condition: "1".into(),
        filing: "seen".into(),
        closing: String::new(),
        zone: None,
        limits: Limits { handle: Limit::parse(limit).ok(), ..Limits::default() },
        is_private,
        skill: None,
        dates: Dates::ALWAYS,
    }
}

/// Says which department leads in a unit.
pub fn lead(category: &str, unit: &str, department: &str) -> ResponsibilityRow {
    ResponsibilityRow {
        category: CategoryCode::parse(category).ok(),
        unit: UnitCode::parse(unit).ok(),
        role: DepartmentRole::Lead,
        rank: 0,
        department: DepartmentId(department.into()),
        name: format!("name of {department}"),
        dates: Dates::ALWAYS,
    }
}

/// Writes three categories, and who is responsible for them.
pub fn write_rules(store: &dyn Store) {
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let categories = vec![category("E0110", "4工作时", false), category("C0102", "2紧急工作时", false), category("E0601", "1工作日", true)];
    let responsibilities = vec![lead("E01", "431102", "D1"), lead("E0110", &code_of(0, 0), "D2"), lead("E06", "431102", "D6")];
    store.replace_rules(&RuleTable::Categories(categories), at, "test", at).unwrap();
    store.replace_rules(&RuleTable::Responsibilities(responsibilities), at, "test", at).unwrap();
}
