use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;

use super::figures::{NAMES, add_up};
use crate::api::as_of::default_layer;
use crate::api::caller::Caller;
use crate::api::cases::require_cases;
use crate::api::document::{Document, Terms};
use crate::api::links::{BaseUrl, Link, with_query};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::api::tiles::cache::{Coded, FinishedTile};
use crate::api::tiles::drawings::Drawing;
use crate::api::tiles::incidents::{BoardError, unwrap_store};
use crate::api::tiles::send::{Varies, choose_coding, parse_address, send_finished};
use crate::api::tiles::shift::ShiftQuery;
use crate::api::tiles::tilejson::{Described, describe};
use crate::boundary::{GenerationId, LayerName, Territory};
use crate::snapshot::{LayerSnapshot, Snapshot};
use crate::tile::{BORDERS, Coding, Matrix, TileAddress, TileChoice, TileTooLarge, UnitFigures, Wanted};

/// Where its TileJSON is; tiles stand below it.
const PATH: &str = "/tiles/workload";

/// What is said of each figure.
const ABOUT: [&str; 4] = [
    "open cases of the unit",
    "of them those of which a clock has run out",
    "units of the finest level in it in which nobody holds a post",
    "units of the finest level in it",
];

/// Bytes of finished tiles kept ready.
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// Figures kept: those of the keys that are limited to different units, few of which look at once.
const FIGURES_MAX: usize = 64;

/// What was added up, and the tiles that were drawn with it.
#[derive(Debug)]
pub struct Workload {
    known: Mutex<Known>,
    finished: Cache<(u64, Drawing, TileAddress, Coding), FinishedTile>,
}

#[derive(Debug, Default)]
struct Known {
    /// Last added up last.
    figures: Vec<(FiguresKey, Arc<Added>)>,
    /// Figures that were told apart so far.
    count: u64,
}

/// What figures are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FiguresKey {
    layer: LayerName,
    generation: GenerationId,
    territory: Territory,
    /// Of the cases.
    revision: u64,
    /// Of the store: roster and all else.
    version: u64,
}

#[derive(Debug)]
struct Added {
    figures: UnitFigures,
    until: Option<Timestamp>,
    /// Tells these numbers of these units from all others.
    id: u64,
}

impl Workload {
    pub fn new() -> Self {
        let weight = |_: &(u64, Drawing, TileAddress, Coding), tile: &FinishedTile| {
            u32::try_from(tile.as_ref().map_or(0, |tile| tile.bytes.len()) + 256).unwrap_or(u32::MAX)
        };
        Self { known: Mutex::default(), finished: Cache::builder().weigher(weight).max_capacity(CACHE_BYTES_MAX).build() }
    }

    /// Returns the figures of a layer's units, added up where those that are known hold no more.
    fn figures(&self, asked: &Asked, state: &AppState) -> Result<Arc<Added>, BoardError> {
        let board = state.case_map().current(None, state.config().cases.map_max)?;
        let now = Timestamp::now();
        let layer = &asked.layer;
        let key = FiguresKey {
            layer: layer.layer().name.clone(),
            generation: layer.generation().id,
            territory: asked.territory.clone(),
            revision: board.revision(),
            version: asked.snapshot.version(),
        };
        // Held while adding up, so that the tiles of one screen do it once.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |added: &Added| added.until.is_none_or(|until| now <= until);
        if let Some((_, added)) = known.figures.iter().find(|(known, added)| *known == key && holds(added)) {
            return Ok(Arc::clone(added));
        }
        let (figures, due) = add_up(&board, layer, asked.snapshot.roster(), &key.territory, now);
        // Shifts end at any minute, and leave posts vacant.
        let minute = now.checked_add(SignedDuration::from_mins(1)).ok();
        let is_of_same = |(before, _): &(FiguresKey, Arc<Added>)| (&before.layer, &before.territory) == (&key.layer, &key.territory);
        let before = known.figures.iter().position(is_of_same).map(|at| known.figures.remove(at));
        // The same numbers draw the same tiles.
        let same = before.filter(|(before, added)| before.generation == key.generation && added.figures == figures);
        let id = same.map_or_else(|| known.count + 1, |(_, added)| added.id);
        known.count = known.count.max(id);
        let added = Arc::new(Added { figures, until: due.into_iter().chain(minute).min(), id });
        if known.figures.len() >= FIGURES_MAX {
            known.figures.remove(0);
        }
        known.figures.push((key, Arc::clone(&added)));
        Ok(added)
    }
}

impl Default for Workload {
    fn default() -> Self {
        Self::new()
    }
}

/// Whose figures are asked for.
struct Asked {
    snapshot: Arc<Snapshot>,
    layer: Arc<LayerSnapshot>,
    territory: Territory,
}

impl Asked {
    /// Finds the layer in whose units cases lie, and what of it the caller may see.
    ///
    /// # Errors
    /// 401 and 403 where figures are not public and the caller sees no cases, 404 where nothing is loaded.
    fn of(state: &AppState, caller: &Caller) -> Result<Self, Problem> {
        let snapshot = state.snapshot()?;
        let name = default_layer(&snapshot);
        let layer = snapshot.layer(&name).cloned().ok_or_else(|| Problem::not_found(format!("there is no layer {name} yet")))?;
        caller.require_layer(&name, layer.is_public(), &format!("the layer {name}"))?;
        if !state.config().indicators.public {
            require_cases(caller)?;
        }
        let territory = snapshot.territory(&name, caller.scope());
        Ok(Self { snapshot, layer, territory })
    }
}

/// What the tileset of units with their figures holds and where its tiles are: TileJSON 3.0. For those who may see cases, and where
/// indicators are public for all.
#[utoipa::path(
    get,
    operation_id = "show_workload",
    path = "/tiles/workload",
    tag = "maps",
    params(ShiftQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "TileJSON 3.0", content((serde_json::Value = "application/json"))))
)]
pub async fn show_workload(
    Query(shift): Query<ShiftQuery>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Problem> {
    let asked = Asked::of(&state, &caller)?;
    let template = base.to(&with_query(&format!("{PATH}/{{z}}/{{x}}/{{y}}"), &shift.to_pairs()));
    let json = tokio::task::spawn_blocking(move || {
        let tiles = state.tiles().layer(&asked.layer, Drawing { matrix: Matrix::Mercator, shift: shift.shift });
        let choice = TileChoice::default();
        let described = Described { name: "workload", template, choice: &choice, shift: shift.shift };
        let mut json = describe(&[tiles], &described, &state.config().map);
        for layer in json.vector_layers.iter_mut().flatten().filter(|layer| !layer.id.ends_with(BORDERS)) {
            layer.fields.extend(NAMES.iter().zip(ABOUT).map(|(name, about)| ((*name).to_owned(), about.to_owned())));
        }
        serde_json::to_vec(&json).map_err(|e| Problem::internal(&e))
    });
    let bytes = json.await.map_err(|e| Problem::internal(&e))??;
    Ok(Document::new("application/json", bytes).private(true).into_response())
}

/// One tile of units with their figures, MVT 2.1: those of `boundaries`, and of each unit its open and late cases and its vacant posts.
/// A key that is limited to some units has figures of these alone. Column before row.
#[utoipa::path(
    get,
    operation_id = "show_workload_tile",
    path = "/tiles/workload/{z}/{x}/{y}",
    tag = "maps",
    params(
        ("z" = u8, Path, description = "Zoom"),
        ("x" = u32, Path, description = "Column, from the west"),
        ("y" = u32, Path, description = "Row, from the north"),
        ShiftQuery,
    ),
    security((), ("key" = [])),
    responses(
        (status = 200, description = "The tile", content((Vec<u8> = "application/vnd.mapbox-vector-tile"))),
        (status = 204, description = "The tile lies in the world, and nothing lies in it"),
        (status = 304, description = "The caller has the current bytes already"),
    )
)]
pub async fn show_workload_tile(
    Path((z, x, y)): Path<(String, String, String)>,
    Query(shift): Query<ShiftQuery>,
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
    (method, headers): (Method, HeaderMap),
) -> Result<Response, Problem> {
    let asked = Asked::of(&state, &caller)?;
    let address = parse_address(Matrix::Mercator, [&z, &x, &y], "zoom/column/row")?;
    let terms = Terms::of(&method, &headers);
    let coding = choose_coding(&terms)?;
    let drawing = Drawing { matrix: Matrix::Mercator, shift: shift.shift };
    let (of_store, asked) = (state.clone(), Arc::new(asked));
    let reader = Arc::clone(&asked);
    let added = state.with_store(move |_| unwrap_store(of_store.workload().figures(&reader, &of_store))).await??;
    let drawn = tokio::task::spawn_blocking(move || draw(&state, &asked, &added, (drawing, address, coding)));
    let tile = drawn.await.map_err(|e| Problem::internal(&e))??;
    let described = Link::new(base.to(&with_query(PATH, &shift.to_pairs())), "describedby", "application/json");
    send_finished(tile.as_ref(), coding, &terms, (true, Varies::No), &[described])
}

fn draw(
    state: &AppState,
    asked: &Asked,
    added: &Added,
    (drawing, address, coding): (Drawing, TileAddress, Coding),
) -> Result<FinishedTile, Problem> {
    let tiles = state.tiles().layer(&asked.layer, drawing);
    if address.z() > tiles.max_zoom() {
        let max_zoom = tiles.max_zoom();
        return Err(Problem::not_found(format!("tiles are made for zooms 0 to {max_zoom}; nearer zooms are drawn from those")));
    }
    let make = || {
        let wanted = Wanted { figures: Some(&added.figures), ..Wanted::default() };
        let plain = tiles.tile_of(address, wanted)?;
        Ok::<_, TileTooLarge>(plain.map(|plain| Arc::new(Coded::of(coding.pack(plain)))))
    };
    let made = state.workload().finished.try_get_with((added.id, drawing, address, coding), make);
    made.map_err(|error: Arc<TileTooLarge>| Problem::internal(&*error))
}
