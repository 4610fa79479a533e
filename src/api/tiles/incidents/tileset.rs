use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use tilejson::{Bounds, Center, TileJSON, VectorLayer, tilejson};

use super::block::Block;
use super::board::Board;
use super::chosen::Chosen;
use super::draw::{CaseDrawing, Drawn, DrawnKey, LAYER};
use super::map::BoardError;
use super::query::{CaseChoice, CaseMapQuery};
use crate::api::caller::Caller;
use crate::api::cases::require_cases;
use crate::api::document::{Document, Terms};
use crate::api::known::{categories_of, require_category, require_state};
use crate::api::links::{BaseUrl, Link, with_query};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::api::tiles::send::{Varies, choose_coding, parse_address, send_finished};
use crate::api::tiles::shift::{ShiftQuery, TileShift};
use crate::api::tiles::tilejson::attribution;
use crate::store::StoreError;
use crate::tile::{Coding, Matrix, PlaceKey, PlaceRect, TileAddress, zoom_to_see};

/// Where its TileJSON is; tiles stand below it.
const PATH: &str = "/tiles/incidents";

/// What features of the tiles say. Beside these, those that stand for several say how many are of each category and state.
const FIELDS: [(&str, &str); 11] = [
    ("count", "cases that the point stands for"),
    ("open", "of them those that have not ended"),
    ("overdue", "of these those of which a clock has run out"),
    ("category:CODE", "of several: how many are of this category; where it belongs to a major one, of that"),
    ("state:NAME", "of several: how many are in this state"),
    ("id", "of a single one: the case"),
    ("category", "of a single one: its category"),
    ("state", "of a single one: its state; none of a mere record"),
    ("grid", "of a single one: the code of the grid that it lies in"),
    ("reported_at", "of a single one: when it was reported"),
    ("due_at", "of a single one: when the next of its clocks runs out"),
];

/// What the tileset of cases holds and where its tiles are: TileJSON 3.0. For those who may see cases, in the units that the key reaches.
#[utoipa::path(
    get,
    operation_id = "show_incidents",
    path = "/tiles/incidents",
    tag = "maps",
    params(ShiftQuery, CaseMapQuery),
    security(("key" = [])),
    responses((status = 200, description = "TileJSON 3.0", content((serde_json::Value = "application/json"))))
)]
pub async fn show_incidents(
    Query((shift, query)): Query<(ShiftQuery, CaseMapQuery)>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Problem> {
    require_cases(&caller)?;
    let choice = choose(&state, &caller, &query).await?;
    let template = base.to(&with_query(&format!("{PATH}/{{z}}/{{x}}/{{y}}"), &(shift.to_pairs() + &query.to_pairs())));
    let (map, cases_max) = (std::sync::Arc::clone(state.case_map()), state.config().cases.map_max);
    // The map reads the store by itself, on a thread on which that may take a while.
    let extent = state.with_store(move |_| unwrap_store(map.current(shift.shift, cases_max).map(|board| extent(&board, &choice))));
    let json = describe(&state, template, extent.await??, shift.shift);
    let bytes = serde_json::to_vec(&json).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new("application/json", bytes).private(true).into_response())
}

/// One tile of cases, MVT 2.1: far out, one point for those of each square of the tile, with their number by category and state; near
/// by, one for each. At every zoom each case is counted once. Column before row.
#[utoipa::path(
    get,
    operation_id = "show_incidents_tile",
    path = "/tiles/incidents/{z}/{x}/{y}",
    tag = "maps",
    params(
        ("z" = u8, Path, description = "Zoom"),
        ("x" = u32, Path, description = "Column, from the west"),
        ("y" = u32, Path, description = "Row, from the north"),
        ShiftQuery,
        CaseMapQuery,
    ),
    security(("key" = [])),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and no case that is wanted lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_incidents_tile(
    Path((z, x, y)): Path<(String, String, String)>,
    Query((shift, query)): Query<(ShiftQuery, CaseMapQuery)>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    require_cases(&caller)?;
    let address = parse_address(Matrix::Mercator, [&z, &x, &y], "zoom/column/row")?;
    let max_zoom = state.tiles().described().max_zoom;
    if address.z() > max_zoom {
        return Err(Problem::not_found(format!("tiles are made for zooms 0 to {max_zoom}; nearer zooms are drawn from those")));
    }
    let terms = Terms::of(&method, &headers);
    let coding = choose_coding(&terms)?;
    let asked = Asked { choice: choose(&state, &caller, &query).await?, shift: shift.shift, address, coding };
    let drawing = state.clone();
    let drawn = state.with_store(move |_| unwrap_store(asked.find(&drawing))).await??;
    let described = Link::new(base.to(&with_query(PATH, &(shift.to_pairs() + &query.to_pairs()))), "describedby", "application/json");
    send_finished(drawn.tile.as_ref(), coding, &terms, (true, Varies::No), &[described])
}

/// Refuses what there is not, as lists of cases do, and finds what the key reaches of what is asked for.
async fn choose(state: &AppState, caller: &Caller, query: &CaseMapQuery) -> Result<CaseChoice, Problem> {
    require_state(state, query.state.as_deref()).await?;
    require_category(state, query.category.as_deref()).await?;
    let snapshot = state.live().load();
    let categories = match (&snapshot, &query.category) {
        (Some(snapshot), category) => categories_of(snapshot, category.as_deref(), Timestamp::now()),
        (None, category) => category.iter().cloned().collect(),
    };
    query.choose(state.territory(caller.scope())?, categories)
}

struct Asked {
    choice: CaseChoice,
    shift: Option<TileShift>,
    address: TileAddress,
    coding: Coding,
}

impl Asked {
    fn find(self, state: &AppState) -> Result<Drawn, BoardError> {
        let map = state.case_map();
        let board = map.current(self.shift, state.config().cases.map_max)?;
        let tiles = state.tiles().described().incidents();
        if self.address.z() < tiles.min_zoom {
            return Ok(Drawn { tile: None, until: None });
        }
        let now = Timestamp::now();
        let snapshot = state.snapshot().ok();
        let revision = board.changed(&PlaceKey::in_tile(self.address));
        let rules = snapshot.as_ref().and_then(|snapshot| snapshot.rule_book().newest());
        let Self { choice, shift, address, coding } = self;
        let key = DrawnKey { choice, address, shift, coding, revision, rules };
        if let Some(drawn) = map.finished.get(&key).filter(|drawn| drawn.holds(now)) {
            return Ok(drawn);
        }
        let majors: FxHashMap<String, String> = snapshot.iter().flat_map(|snapshot| majors_of(snapshot, now)).collect();
        let chosen = Chosen::of(&board, &key.choice, now);
        let drawing = CaseDrawing { board: &board, chosen: &chosen, tiles, majors: &majors };
        let mut drawn = drawing.draw(address, coding)?;
        // Categories may belong to other major ones from then on.
        let change = snapshot.as_ref().and_then(|snapshot| snapshot.rules(now).next_change_of_categories());
        drawn.until = [drawn.until, change].into_iter().flatten().min();
        map.finished.insert(key, drawn.clone());
        Ok(drawn)
    }
}

fn majors_of(snapshot: &crate::snapshot::Snapshot, now: Timestamp) -> Vec<(String, String)> {
    let rows = snapshot.rules(now).categories(true).flat_map(|category| category.rows_at(now));
    rows.filter_map(|row| Some((row.code.to_string(), row.major.as_ref()?.to_string()))).collect()
}

/// Keeps errors of the store apart from those that a caller or the operator can do something about.
///
/// # Errors
/// Those of the store.
pub fn unwrap_store<T>(result: Result<T, BoardError>) -> Result<Result<T, Problem>, StoreError> {
    match result {
        Ok(found) => Ok(Ok(found)),
        Err(BoardError::Store(error)) => Err(error),
        Err(error @ BoardError::TooMany { .. }) => Ok(Err(Problem::new(ProblemKind::Overloaded, error.to_string()))),
        Err(BoardError::Tile(error)) => Ok(Err(Problem::internal(&error))),
    }
}

/// Returns west, south, east and north, degrees, of the cases that are chosen; none where there are none.
fn extent(board: &Board, choice: &CaseChoice) -> Option<[f64; 4]> {
    let chosen = Chosen::of(board, choice, Timestamp::now());
    let world = TileAddress::new(0, 0, 0).map(PlaceKey::in_tile)?;
    let rect = |block: &Block| {
        let is_whole = chosen.totals(block).is_some_and(|totals| totals.count() == block.kinds().len());
        if is_whole { Some(block.rect()) } else { PlaceRect::around(chosen.spots(block).map(|spot| spot.key)) }
    };
    board.blocks(&world).filter_map(rect).reduce(PlaceRect::with).map(PlaceRect::to_degrees)
}

fn describe(state: &AppState, template: String, extent: Option<[f64; 4]>, shift: Option<TileShift>) -> TileJSON {
    let layers = state.tiles().described();
    let (min_zoom, max_zoom) = (layers.incidents().min_zoom, layers.max_zoom);
    let fields = FIELDS.map(|(name, about)| (name.to_owned(), about.to_owned()));
    let mut layer = VectorLayer::new(LAYER.to_owned(), fields.into_iter().collect());
    layer.minzoom = Some(min_zoom);
    layer.maxzoom = Some(max_zoom);
    let mut json = tilejson! { tiles: vec![template], vector_layers: vec![layer], minzoom: min_zoom, maxzoom: max_zoom };
    json.name = Some(LAYER.to_owned());
    json.attribution = attribution(&state.config().map);
    if let Some([west, south, east, north]) = extent {
        json.bounds = Some(Bounds::new(west, south, east, north));
        let zoom = zoom_to_see(east - west, min_zoom..=max_zoom);
        json.center = Some(Center::new(f64::midpoint(west, east), f64::midpoint(south, north), zoom));
    }
    if let Some(shift) = shift {
        json.other.insert("shift".to_owned(), shift.as_str().into());
    }
    json
}
