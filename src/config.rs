//! What a person can set, with its defaults. Nothing else in the program reads a settings file.
//!
//! Settings come from `gridkeeper.toml` (or `--config FILE`), then from variables `GRIDKEEPER_…` with `__`
//! between a table and its key. [`Settings`] is what was written; [`Config`] is what the program uses.

mod doors;
mod indicators;
mod workflow;
mod workload;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::UncasedStr;
use ipnet::IpNet;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use self::workflow::WorkflowFileError;
use crate::boundary::{Charset, CodeScheme, Layer, LayerName, Level, Segment};
use crate::dispatch::workflow::Workflow;
use crate::dispatch::{DUPLICATE_DISTANCE_M_MAX, RULING_RADIUS_M_MAX};

pub use doors::{ALGORITHMS, ForwardedHeader, GeocoderConfig, OidcConfig, PrivacyConfig, RateConfig};
pub use indicators::IndicatorConfig;
pub use workload::WorkloadConfig;

/// The settings file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "gridkeeper.toml";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the settings")]
    Read(#[source] Box<figment::Error>),
    #[error("there is no settings file {0}")]
    Missing(PathBuf),
    #[error("the setting {setting} is wrong: {detail}")]
    Value { setting: String, detail: String },
    #[error("the setting cases.workflow is wrong")]
    Workflow(#[source] Box<WorkflowFileError>),
}

/// What was written, or its default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    time_zone: String,
    doubt_distance_m: f64,
    index: String,
    layers: BTreeMap<String, LayerSettings>,
    code_schemes: BTreeMap<String, Vec<SegmentSettings>>,
    http: HttpConfig,
    rates: RateConfig,
    oidc: OidcConfig,
    privacy: PrivacyConfig,
    indicators: IndicatorConfig,
    workload: WorkloadConfig,
    history: HistoryConfig,
    map: MapConfig,
    features: FeaturesConfig,
    cases: CaseSettings,
    open311: Open311Config,
    geocoder: GeocoderConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CaseSettings {
    workflow: String,
    duplicate_distance_m: f64,
    duplicate_window_h: u32,
    queue_max: usize,
    batch_max: usize,
    listeners_max: usize,
    webhook_retry_ms: u64,
    webhook_give_up_s: u64,
    open_per_worker_max: usize,
    skill_warning_d: u32,
    map_max: usize,
    reassign_on_redraw: bool,
    reassign_on_roster: bool,
    idempotency_keep_h: u32,
    notices_keep_d: u32,
    ruling_radius_m: f64,
    photo_bytes_max: usize,
    photos_per_case_max: usize,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LayerSettings {
    levels: Vec<String>,
    scheme: Option<String>,
    public: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentSettings {
    level: String,
    lengths: Vec<usize>,
    #[serde(default)]
    alphanumeric: bool,
}

/// What the program uses, fully resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where shifts and dates of rosters are meant. `time_zone`, default Asia/Shanghai.
    pub time_zone: TimeZone,
    /// Positions nearer than this to a border are called ambiguous. `doubt_distance_m`, default 10.
    pub doubt_distance_m: f64,
    /// What finds the unit of a position. `index`, default `raster`; `rtree` takes less memory. `history` passes it on.
    pub index: IndexKind,
    /// The layers with their levels, coarse to fine. `[layers.NAME]`, default `grid` with four levels.
    pub layers: Vec<LayerConfig>,
    pub http: HttpConfig,
    pub rates: RateConfig,
    pub oidc: OidcConfig,
    pub privacy: PrivacyConfig,
    pub indicators: IndicatorConfig,
    pub workload: WorkloadConfig,
    pub history: HistoryConfig,
    pub map: MapConfig,
    pub features: FeaturesConfig,
    pub cases: CaseConfig,
    pub open311: Open311Config,
    pub geocoder: GeocoderConfig,
}

/// How cases are taken in and worked on. `[cases]`.
#[derive(Clone, Debug)]
pub struct CaseConfig {
    /// The life of a case: `chinese-city`, `plain-311`, or the path of a file like those in `workflows/`. Default `chinese-city`.
    pub workflow: Arc<Workflow>,
    /// Cases nearer than this may be about the same, metres. `duplicate_distance_m`, default 50, at most 100.
    pub duplicate_distance_m: f64,
    /// Cases reported within this time before may be about the same, hours. `duplicate_window_h`, default 72.
    pub duplicate_window_h: u32,
    /// Writes that wait for the store at once; beyond it callers get 503. `queue_max`, default 8,192.
    pub queue_max: usize,
    /// Writes that are made durable together. `batch_max`, default 1,024.
    pub batch_max: usize,
    /// Streams of events at once; beyond it callers get 503. `listeners_max`, default 4,096.
    pub listeners_max: usize,
    /// How long is waited before a message that failed is sent again, milliseconds; each time twice as long. `webhook_retry_ms`, default
    /// 1,000.
    pub webhook_retry_ms: u64,
    /// How long a receiver may stay away before its messages become dead letters, seconds. `webhook_give_up_s`, default a day.
    pub webhook_give_up_s: u64,
    /// Open cases of one keeper beyond which an alarm says so. `open_per_worker_max`, default 30.
    pub open_per_worker_max: usize,
    /// Days before a worker's skill expires on which an alarm says so. `skill_warning_d`, default 30.
    pub skill_warning_d: u32,
    /// Cases of which maps are drawn; each takes some 90 bytes of memory for each basemap whose tiles are asked for. Beyond it maps of cases are 503. `map_max`, default 20,000,000.
    pub map_max: usize,
    /// Whether open cases go to the grid and keeper that redrawn boundaries give them. `reassign_on_redraw`, default true.
    pub reassign_on_redraw: bool,
    /// Whether open cases of somebody who no longer holds a post at their grid go to who does. `reassign_on_roster`, default true.
    pub reassign_on_roster: bool,
    /// Hours after which it is forgotten under which `Idempotency-Key` a report was sent; until then a repeat is known.
    /// `idempotency_keep_h`, default 168, a week.
    pub idempotency_keep_h: u32,
    /// Days after which it is forgotten who was told of what by name (`GET /v1/me/notices`); the histories stay. `notices_keep_d`, default
    /// 90.
    pub notices_keep_d: u32,
    /// How far a ruling on a border reaches where the dispatcher does not say, metres. `ruling_radius_m`, default 30, at most 200.
    pub ruling_radius_m: f64,
    /// Largest photo of a case as it is sent, bytes. `photo_bytes_max`, default 4 MiB, at most 32 MiB.
    pub photo_bytes_max: usize,
    /// Photos of a case, those that were erased not counted; 0 takes none. `photos_per_case_max`, default 12, at most 100.
    pub photos_per_case_max: usize,
}

/// What a photo may be set to at most, bytes: it is held in memory while it is taken in.
const PHOTO_BYTES_MAX_MAX: usize = 32 << 20;

/// What a case may be set to have at most: its photos are listed on one page.
const PHOTOS_PER_CASE_MAX_MAX: usize = 100;

/// What Open311 tells about the service. `[open311]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Open311Config {
    /// Whom to ask about the service.
    pub contact: String,
    /// How to get a key.
    pub key_service: String,
    /// The jurisdiction that this service is for; another one that is asked for is not found. By default any is taken.
    pub jurisdiction_id: Option<String>,
    /// Whether this is a service to try things on. Default false.
    pub is_test: bool,
}

/// The index over the units of a level; all give the same answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IndexKind {
    /// A raster of cells over the finest level, see `docs/lookup.md`.
    #[default]
    Raster,
    /// A tree of the units' envelopes.
    Rtree,
}

impl IndexKind {
    pub const ALL: [Self; 2] = [Self::Raster, Self::Rtree];

    /// Returns the name used in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raster => "raster",
            Self::Rtree => "rtree",
        }
    }
}

#[derive(Clone, Debug)]
pub struct LayerConfig {
    pub layer: Layer,
    /// Whether a caller without a key sees the current generation. Default: only the layer `grid`.
    pub public: bool,
}

/// The service's door. `[http]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen; `serve --listen` wins. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// The address under which callers reach the service, without a slash at its end; none takes the request's own host.
    pub public_base_url: Option<String>,
    /// The certificate chain, and its private key, in PEM, with which the service encrypts by itself; `serve --tls-cert --tls-key`
    /// win. Default none.
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Addresses, as networks such as `10.0.0.0/8`, of proxies that are believed about whom they ask for. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it; the other one is not read, as a proxy lets through what it does not write. Default
    /// `x-forwarded-for`; `forwarded` is that of RFC 7239.
    pub forwarded_header: ForwardedHeader,
    /// Largest body of a request that is not streamed, bytes. Default 2 MiB.
    pub body_bytes_max: usize,
    /// Largest single record (a CSV row, a line, a feature) of a streamed body, bytes. Default 64 KiB.
    pub record_bytes_max: usize,
    /// Features on a page when the caller names no limit. Default 10.
    pub page_limit_default: usize,
    /// Most features on a page; a larger limit is lowered to it. Default 10,000.
    pub page_limit_max: usize,
    /// Memory for units as pages have shown them, which neighbouring pages and boxes show again, bytes; 0 keeps none. Default 64 MiB,
    /// which is some 40,000 units of forty vertices.
    pub feature_text_bytes_max: u64,
    /// Requests worked on at once; beyond it callers get 503. Default 512.
    pub concurrent_requests_max: usize,
    /// Longest time a request that is not a stream may take, seconds. Default 30.
    pub request_timeout_s: u64,
    /// How long requests may go on after SIGTERM, seconds. Default 20.
    pub drain_s: u64,
    /// How often the store is asked whether something was published, milliseconds. Default 500.
    pub follow_interval_ms: u64,
}

/// What is kept for answers of other times than now. `[history]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// Memory for generations and rosters of other times, beside the current and the next, bytes; least recently used go first.
    /// Default 1 GiB, which is some five generations of 100,000 units.
    pub memory_bytes_max: u64,
    /// Memory for drawing their tiles, beside the finished tiles, bytes. Default 512 MiB.
    pub tile_memory_bytes_max: u64,
    /// How long a request waits for a generation that is not kept before it gets 503, milliseconds. Default 10,000; below
    /// `http.request_timeout_s`, so that the caller is told the reason.
    pub wait_ms: u64,
}

/// What maps carry and show. `[map]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapConfig {
    /// Who made the boundaries; shown on every map.
    pub attribution: String,
    /// The approval number of the map (审图号); shown on every map.
    pub approval_number: String,
    /// A notice across the map, such as 示例数据，非真实边界.
    pub notice: String,
    pub basemap: Option<BasemapConfig>,
    /// A file that says which level is drawn at which zooms and with which fields, written as `tiles/layers.toml`, which holds where
    /// none is named.
    pub tile_layers: Option<PathBuf>,
    /// Files that are offered under `/archives/` by their names, whole or in ranges, to everybody; `serve --archive` adds some.
    pub archives: Vec<PathBuf>,
}

impl MapConfig {
    /// Returns the line that every map must show: who made it, and its approval number (审图号). Plain text.
    pub fn attribution_line(&self) -> String {
        let approval = if self.approval_number.is_empty() { String::new() } else { format!("审图号：{}", self.approval_number) };
        [self.notice.as_str(), self.attribution.as_str(), approval.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · ")
    }
}

/// Collections beside the boundaries. `[features]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeaturesConfig {
    /// Layers of GeoPackages that are offered to everybody as collections, `FILE.gpkg` for all of a file or `FILE.gpkg:LAYER`;
    /// `serve --collection` adds some. They are read once, when the service starts.
    pub collections: Vec<String>,
    /// Largest size of those files together, bytes: their features are held in memory. Default 256 MiB.
    pub collection_bytes_max: u64,
}

impl Default for FeaturesConfig {
    fn default() -> Self {
        Self { collections: Vec::new(), collection_bytes_max: 256 << 20 }
    }
}

/// A map to lie under the boundaries. Nothing is loaded from outside unless this names it. `[map.basemap]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasemapConfig {
    /// A raster tile template with `{z}`, `{x}`, `{y}`, or the path of a local PMTiles file.
    pub source: String,
    pub attribution: String,
    /// The offset under which the basemap is drawn: `gcj02`, `bd09`, or none.
    #[serde(default)]
    pub shift: Option<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_base_url: None,
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            body_bytes_max: 2 << 20,
            record_bytes_max: 64 << 10,
            page_limit_default: 10,
            page_limit_max: 10_000,
            feature_text_bytes_max: 64 << 20,
            concurrent_requests_max: 512,
            request_timeout_s: 30,
            drain_s: 20,
            follow_interval_ms: 500,
        }
    }
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { memory_bytes_max: 1 << 30, tile_memory_bytes_max: 512 << 20, wait_ms: 10_000 }
    }
}

impl Default for CaseSettings {
    fn default() -> Self {
        let workflow = "chinese-city".to_owned();
        Self {
            workflow,
            duplicate_distance_m: 50.0,
            duplicate_window_h: 72,
            queue_max: 8192,
            batch_max: 1024,
            listeners_max: 4096,
            webhook_retry_ms: 1_000,
            webhook_give_up_s: 86_400,
            open_per_worker_max: 30,
            skill_warning_d: 30,
            map_max: 20_000_000,
            reassign_on_redraw: true,
            reassign_on_roster: true,
            idempotency_keep_h: 168,
            notices_keep_d: 90,
            ruling_radius_m: 30.0,
            photo_bytes_max: 4 << 20,
            photos_per_case_max: 12,
        }
    }
}

impl CaseSettings {
    fn resolve(self) -> Result<CaseConfig, ConfigError> {
        let wrong = |setting: &str, detail: String| ConfigError::Value { setting: setting.to_owned(), detail };
        let workflow = workflow::load_workflow(&self.workflow).map_err(|e| ConfigError::Workflow(Box::new(e)))?;
        // Candidates are looked for in the cells around a place, which are little wider.
        if !(0.0..=DUPLICATE_DISTANCE_M_MAX).contains(&self.duplicate_distance_m) {
            let detail = format!("{} is not from 0 to {DUPLICATE_DISTANCE_M_MAX} metres", self.duplicate_distance_m);
            return Err(wrong("cases.duplicate_distance_m", detail));
        }
        if !(1.0..=RULING_RADIUS_M_MAX).contains(&self.ruling_radius_m) {
            let detail = format!("{} is not from 1 to {RULING_RADIUS_M_MAX} metres", self.ruling_radius_m);
            return Err(wrong("cases.ruling_radius_m", detail));
        }
        if self.idempotency_keep_h == 0 {
            return Err(wrong("cases.idempotency_keep_h", "a repeat must be known for an hour at least".into()));
        }
        if self.notices_keep_d == 0 {
            return Err(wrong("cases.notices_keep_d", "a worker must be able to read a notice for a day at least".into()));
        }
        if !(1..=PHOTO_BYTES_MAX_MAX).contains(&self.photo_bytes_max) {
            return Err(wrong("cases.photo_bytes_max", format!("{} is not from 1 to {PHOTO_BYTES_MAX_MAX} bytes", self.photo_bytes_max)));
        }
        if self.photos_per_case_max > PHOTOS_PER_CASE_MAX_MAX {
            let detail = format!("{} is more than {PHOTOS_PER_CASE_MAX_MAX}", self.photos_per_case_max);
            return Err(wrong("cases.photos_per_case_max", detail));
        }
        if self.queue_max == 0 || self.batch_max == 0 {
            return Err(wrong("cases.queue_max", "at least one write must be let in".into()));
        }
        let Self {
            duplicate_distance_m,
            duplicate_window_h,
            queue_max,
            batch_max,
            listeners_max,
            webhook_retry_ms,
            webhook_give_up_s,
            open_per_worker_max,
            skill_warning_d,
            map_max,
            reassign_on_redraw,
            reassign_on_roster,
            idempotency_keep_h,
            notices_keep_d,
            ruling_radius_m,
            photo_bytes_max,
            photos_per_case_max,
            ..
        } = self;
        Ok(CaseConfig {
            workflow: Arc::new(workflow),
            duplicate_distance_m,
            duplicate_window_h,
            queue_max,
            batch_max,
            listeners_max,
            webhook_retry_ms,
            webhook_give_up_s,
            open_per_worker_max,
            skill_warning_d,
            map_max,
            reassign_on_redraw,
            reassign_on_roster,
            idempotency_keep_h,
            notices_keep_d,
            ruling_radius_m,
            photo_bytes_max,
            photos_per_case_max,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        let grid = LayerSettings {
            levels: ["district", "street", "community", "grid"].map(String::from).to_vec(),
            scheme: Some("unit-grid-15".into()),
            public: true,
        };
        let segment =
            |level: &str, lengths: &[usize]| SegmentSettings { level: level.into(), lengths: lengths.to_vec(), alphanumeric: false };
        // A community with more than 999 grids takes a sequence of four digits.
        let unit_grid = vec![segment("district", &[6]), segment("street", &[3]), segment("community", &[3]), segment("grid", &[3, 4])];
        Self {
            time_zone: "Asia/Shanghai".into(),
            doubt_distance_m: 10.0,
            index: IndexKind::default().as_str().into(),
            layers: BTreeMap::from([("grid".into(), grid)]),
            code_schemes: BTreeMap::from([("unit-grid-15".into(), unit_grid)]),
            http: HttpConfig::default(),
            rates: RateConfig::default(),
            oidc: OidcConfig::default(),
            privacy: PrivacyConfig::default(),
            indicators: IndicatorConfig::default(),
            workload: WorkloadConfig::default(),
            history: HistoryConfig::default(),
            map: MapConfig::default(),
            cases: CaseSettings::default(),
            open311: Open311Config::default(),
            geocoder: GeocoderConfig::default(),
            features: FeaturesConfig::default(),
        }
    }
}

impl Config {
    /// Reads the settings: defaults, then the file, then the environment.
    ///
    /// # Errors
    /// A named file that is missing, an unknown key, or a value that cannot be used.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Settings::default()));
        match file {
            Some(path) if !path.is_file() => return Err(ConfigError::Missing(path.to_owned())),
            Some(path) => figment = figment.merge(Toml::file_exact(path)),
            None if Path::new(DEFAULT_FILE).is_file() => figment = figment.merge(Toml::file_exact(DEFAULT_FILE)),
            None => {}
        }
        // The store's address and the log filter are options of the command line, not settings; what tests and benches need is
        // named to all that they start, this program included.
        let is_setting = |key: &UncasedStr| !key.starts_with("test_") && !key.starts_with("bench_");
        let environment = Env::prefixed("GRIDKEEPER_").ignore(&["store", "log", "key"]).filter(is_setting).split("__");
        let settings: Settings = figment.merge(environment).extract().map_err(|e| ConfigError::Read(Box::new(e)))?;
        settings.resolve()
    }

    /// Returns a layer's configuration; a layer that is not configured has no levels yet and is not public.
    pub fn layer(&self, name: &LayerName) -> LayerConfig {
        self.layers
            .iter()
            .find(|config| &config.layer.name == name)
            .cloned()
            .unwrap_or_else(|| LayerConfig { layer: Layer { name: name.clone(), levels: Vec::new(), scheme: None }, public: false })
    }
}

impl Default for Config {
    fn default() -> Self {
        Settings::default().resolve().expect("the defaults resolve, as a test shows")
    }
}

impl Settings {
    fn resolve(self) -> Result<Config, ConfigError> {
        let wrong = |setting: &str, detail: String| ConfigError::Value { setting: setting.to_owned(), detail };
        let time_zone = TimeZone::get(&self.time_zone).map_err(|e| wrong("time_zone", e.to_string()))?;
        if !(self.doubt_distance_m >= 0.0 && self.doubt_distance_m.is_finite()) {
            return Err(wrong("doubt_distance_m", format!("{} is no distance in metres", self.doubt_distance_m)));
        }
        let index = IndexKind::ALL.into_iter().find(|kind| kind.as_str() == self.index).ok_or_else(|| {
            let known = IndexKind::ALL.map(IndexKind::as_str).join(", ");
            wrong("index", format!("there is no index {:?}; known are: {known}", self.index))
        })?;
        let mut layers = Vec::new();
        for (name, settings) in &self.layers {
            let setting = format!("layers.{name}");
            let parse = |level: &String| Level::parse(level).map_err(|e| wrong(&setting, e.to_string()));
            let scheme = settings.scheme.as_ref().map(|scheme| self.resolve_scheme(&setting, scheme)).transpose()?;
            let layer = Layer {
                name: LayerName::parse(name).map_err(|e| wrong(&setting, e.to_string()))?,
                levels: settings.levels.iter().map(parse).collect::<Result<_, _>>()?,
                scheme,
            };
            layers.push(LayerConfig { layer, public: settings.public });
        }
        if self.http.page_limit_max == 0 || self.http.page_limit_default == 0 {
            return Err(wrong("http.page_limit_max", "a page holds at least one feature".into()));
        }
        if self.http.tls_cert.is_some() != self.http.tls_key.is_some() {
            return Err(wrong("http.tls_cert", "a certificate and its key are named together".into()));
        }
        let checked = self.oidc.check().and_then(|()| self.indicators.check()).and_then(|()| self.workload.check());
        let checked = checked.and_then(|()| self.privacy.check()).and_then(|()| self.geocoder.check());
        checked.map_err(|(setting, detail)| wrong(setting, detail))?;
        let Self {
            doubt_distance_m,
            http,
            rates,
            oidc,
            privacy,
            indicators,
            workload,
            history,
            map,
            cases,
            open311,
            geocoder,
            features,
            ..
        } = self;
        let cases = cases.resolve()?;
        Ok(Config {
            time_zone,
            doubt_distance_m,
            index,
            layers,
            http,
            rates,
            oidc,
            privacy,
            indicators,
            workload,
            history,
            map,
            cases,
            open311,
            geocoder,
            features,
        })
    }

    fn resolve_scheme(&self, setting: &str, name: &str) -> Result<CodeScheme, ConfigError> {
        let wrong = |detail: String| ConfigError::Value { setting: format!("{setting}.scheme"), detail };
        let segments = self.code_schemes.get(name).ok_or_else(|| wrong(format!("there is no table code_schemes.{name}")))?;
        let segments = segments.iter().map(|segment| {
            if segment.lengths.is_empty() {
                return Err(wrong(format!("the segment {} of {name} has no length", segment.level)));
            }
            Ok(Segment {
                level: Level::parse(&segment.level).map_err(|e| wrong(e.to_string()))?,
                lengths: segment.lengths.clone(),
                charset: if segment.alphanumeric { Charset::Alphanumeric } else { Charset::Digits },
            })
        });
        Ok(CodeScheme { name: name.to_owned(), segments: segments.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_resolve_to_the_grid_layer_with_four_levels() {
        let config = Config::default();
        let grid = config.layer(&LayerName::parse("grid").unwrap());
        assert_eq!(grid.layer.levels.len(), 4);
        assert!(grid.public);
        assert!(!config.layer(&LayerName::parse("police").unwrap()).public);
    }

    #[test]
    fn the_line_of_maps_holds_what_is_configured_and_nothing_else() {
        let map = |attribution: &str, number: &str, notice: &str| MapConfig {
            attribution: attribution.into(),
            approval_number: number.into(),
            notice: notice.into(),
            ..MapConfig::default()
        };
        assert_eq!(map("", "", "").attribution_line(), "");
        let line = map("某局", "GS(2026)1号", "示例数据，非真实边界").attribution_line();
        assert_eq!(line, "示例数据，非真实边界 · 某局 · 审图号：GS(2026)1号");
    }

    #[test]
    fn an_index_is_named_by_what_there_is() {
        let load = |text: &str| {
            let figment = Figment::from(Serialized::defaults(Settings::default())).merge(Toml::string(text));
            figment.extract::<Settings>().unwrap().resolve()
        };
        assert_eq!(load("index = \"rtree\"").unwrap().index, IndexKind::Rtree);
        assert_eq!(load("").unwrap().index, IndexKind::Raster);
        let refused = load("index = \"grid\"").unwrap_err();
        assert_eq!(refused.to_string(), "the setting index is wrong: there is no index \"grid\"; known are: raster, rtree");
    }
}
