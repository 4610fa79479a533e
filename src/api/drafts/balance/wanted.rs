use axum::http::HeaderMap;
use serde_json::Value;

use crate::api::cases::{Body, or_empty};
use crate::api::problem::Problem;
use crate::boundary::Level;
use crate::history::{WantedLimit, WantedLoad, join_limits, parse_limits, parse_loads, parse_wishes};
use crate::plan::{LOAD_MAX, Mode, Numbers, TOLERANCE_DEFAULT, Wanted, Wishes};

/// The longest that somebody may have a plan looked for.
pub const SECONDS_MAX: f64 = 600.0;

/// What is wanted of a plan. Everything may be left out.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member")]
#[schema(as = BalanceRequest)]
pub struct BalanceBody {
    /// The level of the units that go from one district to another, the units of the next coarser level; the finest by default.
    level: Option<String>,
    /// How many districts there are to be, locked ones not counted; as many as today by default.
    #[schema(minimum = 1, maximum = 1_000_000)]
    into: Option<u32>,
    /// What is balanced: a field of the units, a figure that was loaded, or `workload`; several as `FIELD:WEIGHT,FIELD:WEIGHT`. By default the
    /// draft's field of loads, or `workload` where it has none.
    load: Option<String>,
    /// `warm`, from the draft as it stands with the least change, or `redraw`; warm by default.
    #[schema(pattern = "^(warm|redraw)$")]
    mode: Option<String>,
    /// How many districts each community gets: `today`'s or by `load`.
    #[schema(pattern = "^(today|load)$")]
    numbers: Option<String>,
    /// How far a district's load may be from its mean, on both sides; 0.05 by default.
    #[schema(minimum = 0.000_001, maximum = 0.999_999)]
    tolerance: Option<f64>,
    /// The least that a district may carry, where one load is balanced; of each of several `at_least` says it.
    floor: Option<f64>,
    /// The most that a district may carry, where one load is balanced; of each of several `at_most` says it.
    ceiling: Option<f64>,
    /// Codes of units that stay, and of districts that keep theirs, beside those that are locked in the draft.
    lock: Option<Vec<String>>,
    /// What no district may have more of, `NAME:MOST,NAME:MOST`: `units`, `area_km2`, or what may be a load.
    at_most: Option<String>,
    /// What no district may have less of, written as `at_most`.
    at_least: Option<String>,
    /// GeoJSON, longitude and latitude: lines along which borders should run, polygons that none should cut, points of which each gets a
    /// district of its own (in a redraw).
    #[schema(value_type = Option<Object>)]
    wishes: Option<Value>,
    /// The same seed makes the same plan; 1 by default.
    seed: Option<u64>,
    /// For how long to look, in seconds, where the usual time is not enough.
    #[schema(minimum = 0.001, maximum = 600)]
    seconds: Option<f64>,
}

const MEMBERS: &[&str] = &[
    "level",
    "into",
    "load",
    "mode",
    "numbers",
    "tolerance",
    "floor",
    "ceiling",
    "lock",
    "at_most",
    "at_least",
    "wishes",
    "seed",
    "seconds",
];

/// What was read of a body, before the draft says how many districts there are.
#[derive(Clone, Debug)]
pub struct Asked {
    pub level: Option<Level>,
    pub loads: Option<Vec<WantedLoad>>,
    pub limits: Vec<WantedLimit>,
    pub wishes: Wishes,
    into: Option<u32>,
    wanted: Wanted,
}

impl Asked {
    /// # Errors
    /// 400 with every member that is wrong.
    pub fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Problem> {
        let mut body = Body::read(headers, or_empty(bytes), MEMBERS)?;
        let into = body.number("into").map(|into| u32::try_from(into).unwrap_or(u32::MAX));
        if into == Some(0) {
            body.fault("into", "is not a whole number of at least 1".into());
        }
        let mode = body.parsed("mode", |text| match text {
            "warm" => Ok(Mode::Warm),
            "redraw" => Ok(Mode::Redraw),
            _ => Err(format!("{text:?} is neither warm nor redraw")),
        });
        let numbers = body.parsed("numbers", |text| match text {
            "today" => Ok(Numbers::Today),
            "load" => Ok(Numbers::ByLoad),
            _ => Err(format!("{text:?} is neither today nor load")),
        });
        let (floor, ceiling) = (body.real("floor", 0.0..=LOAD_MAX), body.real("ceiling", 0.0..=LOAD_MAX));
        if floor.zip(ceiling).is_some_and(|(floor, ceiling)| floor > ceiling) {
            body.fault("floor", "is above the ceiling".into());
        }
        let wanted = Wanted {
            districts: 0,
            mode,
            numbers,
            tolerance: body.real("tolerance", 1e-6..=0.999_999).unwrap_or(TOLERANCE_DEFAULT),
            floor,
            ceiling,
            locks: body.list("lock", |code| Ok(code.trim().to_owned())),
            seed: body.number("seed").unwrap_or(1),
            seconds: body.real("seconds", 0.001..=SECONDS_MAX),
        };
        let (level, loads) = (body.parsed("level", Level::parse), body.parsed("load", parse_loads));
        if loads.as_ref().is_some_and(|loads| loads.len() > 1) {
            let mut refuse = |member, instead| {
                body.fault(member, format!("bounds one load, and several are balanced; say it of each by {instead}"));
            };
            floor.iter().for_each(|_| refuse("floor", "at_least"));
            ceiling.iter().for_each(|_| refuse("ceiling", "at_most"));
        }
        let [at_least, at_most] = ["at_least", "at_most"].map(|member| body.parsed(member, parse_limits).unwrap_or_default());
        let limits = join_limits(at_least, at_most).map_err(|detail| body.fault("at_least", detail)).unwrap_or_default();
        let wishes = body.object("wishes");
        let wishes = if wishes.is_empty() { Ok(Wishes::default()) } else { parse_wishes(&Value::Object(wishes)) };
        let wishes = wishes.map_err(|detail| body.fault("wishes", detail)).unwrap_or_default();
        body.finish()?;
        Ok(Self { level, loads, limits, wishes, into, wanted })
    }

    /// For how long a plan is to be looked for, where that was said.
    pub fn seconds(&self) -> Option<f64> {
        self.wanted.seconds
    }

    /// Returns what is wanted of a draft with so many districts and these locks of its own.
    pub fn of_draft(self, districts: u32, locks: Vec<String>) -> Wanted {
        let mut wanted = self.wanted;
        wanted.districts = self.into.unwrap_or(districts);
        wanted.locks.extend(locks);
        wanted
    }
}
