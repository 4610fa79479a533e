use std::cell::RefCell;
use std::sync::Once;

use geo_types::Coord;
use proj::Proj;
use rustc_hash::FxHashMap;

use super::CrsError;

/// Most definitions one thread remembers. Each is kept for ever, so a caller who asks for ever new ones is stopped.
/// Real work needs a handful.
const TRANSFORMS_MAX: usize = 128;

thread_local! {
    // A PROJ object may be used by one thread at a time, so each thread has its own. They are leaked on purpose:
    // dropping one calls a clean-up that is global to the process and pulls caches from under other threads.
    static TRANSFORMS: RefCell<FxHashMap<Box<str>, Result<Transform, CrsError>>> = RefCell::default();
}

/// The ways of one reference system to WGS 84 and back.
#[derive(Clone, Copy)]
pub(super) struct Transform {
    there: &'static Proj,
    back: &'static Proj,
    /// Metres to one unit of a plane; none where the coordinates are angles.
    pub unit_m: Option<f64>,
}

/// Calls `work` with this thread's transformation for `definition`, which is made on first use.
pub(super) fn with_transform<T>(definition: &str, work: impl FnOnce(Transform) -> T) -> Result<T, CrsError> {
    let transform = TRANSFORMS.with_borrow_mut(|transforms| {
        if let Some(known) = transforms.get(definition) {
            return known.clone();
        }
        if transforms.len() >= TRANSFORMS_MAX {
            return Err(CrsError::TooMany { max: TRANSFORMS_MAX });
        }
        // Failures are remembered too, as they cost and leak as much.
        let made = Transform::new(definition);
        transforms.insert(definition.into(), made.clone());
        made
    })?;
    Ok(work(transform))
}

impl Transform {
    fn new(definition: &str) -> Result<Self, CrsError> {
        silence_proj();
        let wkt = to_wkt(definition);
        if wkt.is_empty() && definition.starts_with("EPSG:") {
            return Err(CrsError::UnknownCode { given: definition.to_owned() });
        }
        let create = |from: &str, to: &str| {
            let made = Proj::new_known_crs(from, to, None).map_err(|error| CrsError::Unknown {
                given: definition.split('"').nth(1).unwrap_or(definition).to_owned(),
                detail: error.to_string(),
            })?;
            let kept: &'static Proj = Box::leak(Box::new(made));
            Ok::<_, CrsError>(kept)
        };
        let (there, back) = (create(definition, "EPSG:4326")?, create("EPSG:4326", definition)?);
        if is_horizontal(&wkt) {
            return Ok(Self { there, back, unit_m: plane_unit_m(&wkt) });
        }
        Err(CrsError::Unknown { given: definition.to_owned(), detail: "it does not describe positions on the ground".into() })
    }

    pub(super) fn to_wgs84(self, coord: Coord<f64>) -> Option<Coord<f64>> {
        convert(self.there, coord)
    }

    pub(super) fn project(self, position: Coord<f64>) -> Option<Coord<f64>> {
        convert(self.back, position)
    }
}

/// PROJ writes what it fails at to the standard error output, beside the error that it returns.
fn silence_proj() {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        // SAFETY: without a context the call sets the level of the default one, which PROJ allows at any time. It is made once,
        // before this process makes its first context, and contexts made later copy the level.
        unsafe { proj_sys::proj_log_level(std::ptr::null_mut(), proj_sys::PJ_LOG_LEVEL_PJ_LOG_NONE) };
    });
}

/// Returns the definition as PROJ understood it, in WKT of 2019; nothing where it did not.
fn to_wkt(definition: &str) -> String {
    let Ok(crs) = Proj::new(definition) else { return String::new() };
    let crs: &'static Proj = Box::leak(Box::new(crs));
    crs.as_wkt(None, None).unwrap_or_default()
}

/// PROJ makes a way from heights and from geocentric coordinates too, which leaves their numbers as they are.
fn is_horizontal(wkt: &str) -> bool {
    let is_local = ["VERTCRS", "ENGCRS", "TIMECRS", "PARAMETRICCRS"].iter().any(|kind| wkt.starts_with(kind));
    !wkt.is_empty() && !is_local && !wkt.contains("CS[Cartesian,3]")
}

/// The unit stands behind the plane's coordinate system: `CS[Cartesian,2],AXIS[…,LENGTHUNIT["metre",1]]`.
fn plane_unit_m(wkt: &str) -> Option<f64> {
    let (_, axes) = wkt.split_once("CS[Cartesian,2]")?;
    let (_, unit) = axes.split_once("LENGTHUNIT[")?;
    unit.split([',', ']']).nth(1)?.trim().parse().ok()
}

fn convert(transform: &Proj, coord: Coord<f64>) -> Option<Coord<f64>> {
    let is_finite = |c: &Coord<f64>| c.x.is_finite() && c.y.is_finite();
    Some(coord).filter(is_finite).and_then(|c| transform.convert(c).ok()).filter(is_finite)
}
