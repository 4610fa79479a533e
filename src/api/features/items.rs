use std::cmp::Ordering;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::asked::Asked;
use super::crs::WireCrs;
use super::files::{FileForm, FileRequest, say_who_keeps};
use super::incidents::{self, INCIDENTS};
use super::matched::Matched;
use super::order::{Mark, Order};
use super::pages::{PageAddress, PageHead, feature_links, with_crs};
use super::query::ItemsQuery;
use super::roster::{ROSTER, find_roster, roster_version};
use super::select::{Wanted, select};
use super::source::Source;
use super::sources::{FoundSource, find_source};
use super::write::{Look, WriteError, ZoomLevel};
use crate::api::admit::Permit;
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::document::{Terms, at_version};
use crate::api::drafts::{DraftName, feature_tag};
use crate::api::links::{BaseUrl, Link, encode};
use crate::api::media::{FEATURES, ITEMS, Offer, negotiate};
use crate::api::page::{FormatQuery, send_json};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values};
use crate::api::room;
use crate::api::state::AppState;
use crate::api::tiles::{Drawing, TileShift};
use crate::tile::{Matrix, TileChoice};

/// The features of a collection, page by page.
#[utoipa::path(
    get,
    operation_id = "list_items",
    path = "/collections/{collectionId}/items",
    tag = "features",
    params(("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`"), ItemsQuery, AsOfQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "A page of features, in the order asked for", content(
        (serde_json::Value = "application/geo+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
        (String = "text/csv"),
        (Vec<u8> = "application/flatgeobuf"),
        (Vec<u8> = "application/geopackage+sqlite3"),
        (Vec<u8> = "application/vnd.apache.parquet"),
    )))
)]
pub async fn list_items(
    State(state): State<AppState>,
    Path(id): Path<String>,
    raw: axum::extract::RawQuery,
    Query((query, as_of)): Query<(ItemsQuery, AsOfQuery)>,
    caller: Caller,
    base: BaseUrl,
    (method, headers, permit): (Method, HeaderMap, Option<Extension<Permit>>),
) -> Result<Response, Problem> {
    let forms = if id == INCIDENTS { FEATURES } else { ITEMS };
    let offer = negotiate(query.f.as_deref(), &headers, forms)?;
    let limit = query.limit(&state)?;
    let address = PageAddress {
        base,
        path: format!("/collections/{}/items", encode(&id)),
        query: raw.0.unwrap_or_default(),
        version: as_of.to_pairs(),
    };
    if id == INCIDENTS {
        as_of.refuse(INCIDENTS)?;
        return incidents::list(&state, query, limit, &caller, &address, offer).await;
    }
    if query.category.is_some() {
        return Err(Problem::parameter("category", "is a parameter of incidents only"));
    }
    if query.attribute_to.is_some() {
        return Err(Problem::parameter("attribute-to", "is a parameter of incidents only"));
    }
    let FoundSource { source, is_private } = find_source(&state, &id, as_of, &caller).await?;
    let until = deadline(&state);
    let permit = permit.map(|Extension(permit)| permit);
    let terms = Terms::of(&method, &headers);
    let request = PageRequest { query, collection: id, limit, address, until, offer, is_private, state, permit, terms };
    request.send(move || source).await
}

/// One feature, by its id or its official code.
#[utoipa::path(
    get,
    operation_id = "find_item",
    path = "/collections/{collectionId}/items/{featureId}",
    tag = "features",
    params(
        ("collectionId" = String, Path, description = "The level, or `layer.level`, or `incidents`"),
        ("featureId" = String, Path, description = "The id of the feature, or the code of the unit"),
        FormatQuery,
        AsOfQuery,
        ("crs" = Option<String>, Query, description = "The reference system of the geometry: one of those that the collection lists"),
        ("shift" = Option<String>, Query, description = "Moves the geometry: `gcj02` or `bd09`", pattern = "^(gcj02|bd09)$"),
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The feature", content(
        (serde_json::Value = "application/geo+json"),
        (serde_json::Value = "application/json"),
        (String = "text/html"),
    )))
)]
pub async fn find_item(
    State(state): State<AppState>,
    Path((id, feature)): Path<(String, String)>,
    Query(query): Query<FormatQuery>,
    Query((placing, as_of)): Query<(Placing, AsOfQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, FEATURES)?;
    let Placing { shift, crs } = placing;
    let query = ItemsQuery { shift, crs: crs.clone(), ..ItemsQuery::default() };
    let look = query.look(base, id.clone(), as_of.to_pairs());
    if id == INCIDENTS {
        as_of.refuse(INCIDENTS)?;
        return incidents::find(&state, &feature, &caller, &look, offer).await;
    }
    let (found, version) = if id == ROSTER {
        find_roster(&state, as_of, &caller).await.map(|(found, newest)| (found, Some(roster_version(newest))))?
    } else {
        (find_source(&state, &id, as_of, &caller).await?, None)
    };
    let FoundSource { source, is_private } = found;
    let at = source.find(&feature).ok_or_else(|| Problem::not_found(format!("the collection {id} has no feature {feature}")))?;
    let mut bytes = Vec::new();
    look.write(&*source, at, &mut bytes).map_err(|e| to_problem(&e))?;
    let links = feature_links(&look, &source.id(at));
    let is_private = is_private || source.is_private(at);
    let response = send_json(&source.key(at), bytes, &links, offer, is_private)?;
    // What is written to is held to the revision of the draft or the roster, which its tag therefore says.
    let version = version.or_else(|| {
        let (number, (layer, _)) = as_of.draft.zip(source.level())?;
        Some(feature_tag(&DraftName { layer: layer.layer().name.clone(), number }, layer.revision()))
    });
    let response = version.into_iter().fold(response, at_version);
    Ok(with_crs(response, shift, crs.as_ref()))
}

/// Where the geometry of one feature is put.
#[derive(Clone, Debug)]
pub struct Placing {
    shift: Option<TileShift>,
    crs: Option<WireCrs>,
}

impl FromQuery for Placing {
    fn from_query(values: &mut Values) -> Option<Self> {
        let placing = Self { shift: values.optional("shift", TileShift::parse), crs: values.optional("crs", WireCrs::parse) };
        if placing.shift.is_some() && placing.crs.is_some() {
            values.fault("shift", "cannot stand beside crs: what is moved has no reference system".into());
        }
        Some(placing)
    }
}

impl ItemsQuery {
    /// Returns how the query wants features to be shown.
    pub fn look(&self, base: BaseUrl, collection: String, version: String) -> Look {
        Look {
            base,
            collection,
            version,
            shift: self.shift,
            crs: self.crs.clone(),
            properties: self.properties.clone(),
            skips_geometry: self.skip_geometry == Some(true),
            zoom: None,
            link_pieces: OnceLock::new(),
        }
    }
}

/// Looking at features is given up shortly before the request is, so that the caller is told the reason.
pub fn deadline(state: &AppState) -> Instant {
    Instant::now() + Duration::from_secs(state.config().http.request_timeout_s).mul_f64(0.9)
}

/// Turns what went wrong with writing a feature into a problem.
pub fn to_problem(error: &WriteError) -> Problem {
    match error {
        WriteError::Place { source, .. } => Problem::parameter("crs", format!("{error}: {source}")),
        WriteError::Out(_) => Problem::internal(error),
    }
}

/// What is asked of the features of a collection, and how they are to be sent.
pub struct PageRequest {
    pub query: ItemsQuery,
    /// The collection that the features are of.
    pub collection: String,
    pub limit: usize,
    pub address: PageAddress,
    pub until: Instant,
    pub offer: Offer,
    /// Whether what is shown depends on who asks, whatever is on the page.
    pub is_private: bool,
    pub state: AppState,
    /// What a file that is sent goes on holding.
    pub permit: Option<Permit>,
    pub terms: Terms,
}

/// A page that is written.
struct Page {
    bytes: Bytes,
    links: Vec<Link>,
    /// Whether a planner is told more by it than others.
    tells_plans: bool,
}

/// What a query asks of a source, found.
struct Chosen {
    asked: Asked,
    look: Look,
    page: Vec<usize>,
    has_prev: bool,
    has_next: bool,
    /// How many features there are on all pages.
    matched: usize,
    /// Whether a planner is told more by it than others.
    tells_plans: bool,
}

/// Files that are written at once. Each takes a thread and may take room on disk for as long as its reader takes it.
const FILES_AT_ONCE: usize = 8;

static FILE_PERMITS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(FILES_AT_ONCE)));

impl PageRequest {
    /// Sends the page of features of a source, which is made where there is time, or a file of them.
    ///
    /// # Errors
    /// 400 for what is unknown or wrong in the query; 503 where it takes too long, or too many files are being sent.
    pub async fn send(self, source: impl FnOnce() -> Arc<dyn Source> + Send + 'static) -> Result<Response, Problem> {
        let (shift, crs, offer, is_private) = (self.query.shift, self.query.crs.clone(), self.offer, self.is_private);
        let Some(form) = FileForm::of(offer) else {
            // A page may hold ten thousand features; writing one would hold up every small answer on the same thread.
            let page = tokio::task::spawn_blocking(move || self.write(&*source()));
            let Page { bytes, links, tells_plans } = page.await.map_err(|e| Problem::internal(&e))??;
            let response = send_json("Features", bytes, &links, offer, is_private || tells_plans);
            return response.map(|response| with_crs(response, shift, crs.as_ref()));
        };
        if crs.as_ref().is_some_and(|crs| !crs.is_crs84()) && !form.takes_crs() {
            return Err(Problem::parameter("crs", "this form has degrees only; ask for fgb or csv"));
        }
        let busy = || Problem::new(ProblemKind::Overloaded, "too many files are being sent");
        let permit = Arc::clone(&FILE_PERMITS).try_acquire_owned().map_err(|_| busy())?;
        let held = (self.permit.clone(), permit);
        let is_head = self.terms.method == Method::HEAD;
        let chosen = tokio::task::spawn_blocking(move || {
            let source = source();
            let tag = file_tag(&*source, &self.address, form);
            if let Some(tag) = tag.as_ref().filter(|tag| self.terms.matches(tag.trim_start_matches("W/"))) {
                // The caller has it, so it is not even looked for.
                let is_private = is_private || (0..source.len()).any(|at| source.is_private(at));
                return Ok(Err((tag.clone(), is_private)));
            }
            let Chosen { look, page, tells_plans, .. } = self.choose(&*source)?;
            let is_private = is_private || tells_plans;
            Ok::<_, Problem>(Ok(FileRequest { rows: page, source, look, form, is_private, tag }))
        });
        match chosen.await.map_err(|e| Problem::internal(&e))?? {
            Err((tag, is_private)) => {
                let mut response = (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
                say_who_keeps(response.headers_mut(), is_private);
                Ok(response)
            }
            Ok(file) if is_head => file.head().map(|response| with_crs(response, shift, crs.as_ref())),
            Ok(file) => file.send(held).map(|response| with_crs(response, shift, crs.as_ref())),
        }
    }

    fn write(&self, source: &dyn Source) -> Result<Page, Problem> {
        let Chosen { asked, look, page, has_prev, has_next, matched, tells_plans } = self.choose(source)?;
        let cut = Cut { page: &page, has_next, has_prev, matched };
        let (bytes, links) = cut.write(source, self.query.shift, &asked.order, &look, &self.address)?;
        Ok(Page { bytes, links, tells_plans })
    }

    fn choose(&self, source: &dyn Source) -> Result<Chosen, Problem> {
        let query = &self.query;
        let mut equal = Vec::new();
        for (name, value) in [("code", &query.code), ("name", &query.name), ("parent", &query.parent)] {
            equal.extend(value.as_deref().map(|value| (name, value)));
        }
        let asked = Asked::of(query, &equal, source.schema())?;
        let mut look = query.look(self.address.base.clone(), self.collection.clone(), self.address.version.clone());
        look.zoom = query.zoom_level.map(|z| self.zoom(source, z)).transpose()?;
        let wanted = Wanted { area: asked.area.as_ref(), span: query.datetime, filter: asked.filter.as_ref(), until: self.until };
        let order = &asked.order;
        let matched = if wanted.is_everything() && order.is_by_key() {
            Matched::All(source.len())
        } else {
            let mut picked = select(source, &wanted)?;
            order.sort(source, &mut picked);
            Matched::Picked(picked)
        };
        // A file holds all features unless a number of them is asked for.
        let is_file = FileForm::of(self.offer).is_some();
        let limit = if is_file && query.limit.is_none() { matched.len() } else { self.limit };
        let (start, end) = match Side::of(query, order)? {
            // Features stand in their order, so a page is found by search and not by counting.
            Side::After(mark) => {
                let start = matched.count_while(|at| order.compare(source, at, &mark) != Ordering::Greater);
                (start, start.saturating_add(limit).min(matched.len()))
            }
            Side::Before(mark) => {
                let end = matched.count_while(|at| order.compare(source, at, &mark) == Ordering::Less);
                (end.saturating_sub(limit), end)
            }
            Side::All => (0, limit.min(matched.len())),
        };
        // Where times choose or order the features, what is not on the page may be what is private.
        let looks_at_times = query.datetime.is_some() || asked.filter.is_some() || !order.is_by_key();
        let is_private = |at: &usize| source.is_private(*at);
        let page = matched.cut(start..end);
        let tells_plans = if looks_at_times { (0..source.len()).any(|at| is_private(&at)) } else { page.iter().any(is_private) };
        Ok(Chosen { has_prev: start > 0, has_next: end < matched.len(), matched: matched.len(), look, page, tells_plans, asked })
    }

    /// Finds what is drawn of the features at the zoom that is nearest to one.
    fn zoom(&self, source: &dyn Source, z: u8) -> Result<ZoomLevel, Problem> {
        let refused = || Problem::parameter("zoom-level", "only boundaries are drawn at zooms");
        let (layer, depth) = source.level().ok_or_else(refused)?;
        let drawing = Drawing { matrix: Matrix::Mercator, shift: None };
        let tiles = self.state.tiles().layer(&layer, drawing);
        let id = layer.layer().collection_id(layer.coverage().levels()[depth].level());
        let drawn = tiles.vector_layers(&TileChoice::default()).into_iter().find(|drawn| drawn.id == id).ok_or_else(refused)?;
        Ok(ZoomLevel { tiles, z: z.clamp(drawn.min_zoom, drawn.max_zoom) })
    }
}

/// Returns a weak tag of a file: two of the same features, asked for alike, say the same, though a database may be laid out otherwise.
fn file_tag(source: &dyn Source, address: &PageAddress, form: FileForm) -> Option<String> {
    use std::fmt::Write as _;
    let version = source.version()?;
    let told = [env!("CARGO_PKG_VERSION"), &version, &address.path, &address.query, form.ending()].join("\n");
    let mut tag = String::from("W/\"");
    for byte in &Sha256::digest(told)[..16] {
        write!(tag, "{byte:02x}").expect("writing to a text cannot fail");
    }
    tag.push('"');
    Some(tag)
}

/// On which side of a place in the order a page lies.
pub enum Side {
    All,
    After(Mark),
    Before(Mark),
}

impl Side {
    /// Reads it off a query.
    ///
    /// # Errors
    /// 400 for what is no place in the order.
    pub fn of(query: &ItemsQuery, order: &Order) -> Result<Self, Problem> {
        let mark = |name: &str, text: &str| order.parse_mark(text).map_err(|e| Problem::parameter(name, e));
        Ok(match (&query.after, &query.before) {
            (Some(after), _) => Self::After(mark("after", after)?),
            (None, Some(before)) => Self::Before(mark("before", before)?),
            (None, None) => Self::All,
        })
    }
}

/// The features of a page, and what lies around it.
pub struct Cut<'a> {
    pub page: &'a [usize],
    pub has_next: bool,
    pub has_prev: bool,
    pub matched: usize,
}

impl Cut<'_> {
    /// Writes the page with its links.
    ///
    /// # Errors
    /// 400 for geometry that the reference system cannot express.
    pub fn write(
        &self,
        source: &dyn Source,
        shift: Option<TileShift>,
        order: &Order,
        look: &Look,
        address: &PageAddress,
    ) -> Result<(Bytes, Vec<Link>), Problem> {
        let place = |at: &usize| order.mark(source, *at).to_text();
        let next = self.page.last().filter(|_| self.has_next).map(place);
        let prev = self.page.first().filter(|_| self.has_prev).map(place);
        let links = address.links(&look.collection, prev.as_deref(), next.as_deref());
        let mut bytes = room::take(self.page.len() * FEATURE_BYTES_USUAL);
        let time = source.time().map(|time| time.to_string());
        PageHead { links: &links, time: time.as_deref(), matched: self.matched, returned: self.page.len() }.write(shift, &mut bytes)?;
        for (number, at) in self.page.iter().enumerate() {
            bytes.extend_from_slice(if number == 0 { b"\n" } else { b",\n" });
            look.write(source, *at, &mut bytes).map_err(|e| to_problem(&e))?;
        }
        bytes.extend_from_slice(b"\n]}\n");
        Ok((room::lend(bytes), links))
    }
}

/// A grid of about 40 vertices with its properties and links; only a first guess for the room a page takes.
const FEATURE_BYTES_USUAL: usize = 3072;
