//! Cases of today, so that whoever tries the desks finds some in every state: what was reported how long ago, and what has been done
//! about it since. Several are one keeper's, who has a walk by them.

use std::collections::BTreeMap;

use geo_types::Coord;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::incidents::{PLACES, SOURCES, contains, place_inside};
use super::names::pick;
use super::rules::CATEGORIES;
use super::{District, SampleUnit, noise, roster};
use crate::boundary::Position;
use crate::dispatch::workflow::{Appointed, Order};
use crate::dispatch::{CONDITION_SIGN, CaseId, DepartmentId, DepartmentRole, Role, WorkerId};
use crate::import::{Crs, CrsError};

/// A case of today.
#[derive(Clone, Debug)]
pub struct LiveCase {
    pub id: CaseId,
    pub position: Position,
    /// With the condition by which it is filed.
    pub category: String,
    pub description: String,
    pub source: String,
    pub reported_at: Timestamp,
    /// What has been done about it, in its order; moves of the workflow `chinese-city`.
    pub moves: Vec<Order>,
}

/// Who has taken the cases in and moved them on, in histories.
pub const AUTHOR: &str = "sample";

/// What is reported twice is reported this far apart at most, metres along each axis.
const BESIDE_M: f64 = 20.0;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// Where a case is.
#[derive(Clone, Copy, Debug)]
enum Where {
    /// In a grid of the keeper who has several cases.
    Keeper,
    Anywhere,
    /// On a street, which is a border of two grids.
    Border,
    /// Some steps from the one before: somebody else reports the same.
    Beside,
}

/// What is done about a case.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Verify,
    File,
    Dispatch,
    /// Calls another department in, by id and name.
    Link(&'static str, &'static str),
    /// One of several departments, or the only one, begins.
    Accept(Option<&'static str>),
    /// Names the keeper for the task.
    Assign,
    Return,
    Suspend,
    Supervise,
    Done,
    CheckDone,
    Rework,
    Close,
    Rate(u8),
    Void,
    SelfHandle,
}

/// A category with its condition, a place, minutes since the report, and what was done after how many hundredths of them.
///
/// What is to be late is older than the longest holidays, during which clocks of work stand still.
type Story = (&'static str, &'static str, Where, i64, &'static [(i64, Deed)]);

const STORIES: [Story; 36] = {
    use Deed::{
        Accept, Assign, CheckDone, Close, Dispatch, Done, File, Link, Rate, Return, Rework, SelfHandle, Supervise, Suspend, Verify, Void,
    };
    use Where::{Anywhere, Beside, Border, Keeper};
    const LAW: Deed = Link("D03", "零陵区城市管理和综合执法局");
    [
        // Just reported; some lie between two grids, and one thing was reported by three.
        ("E0112", "1", Anywhere, 12, &[]),
        ("C0137", "2", Anywhere, 35, &[]),
        ("E0201", "1", Border, 50, &[]),
        ("E0136", "1", Border, 70, &[]),
        ("E0113", "2", Anywhere, 40, &[]),
        ("E0113", "2", Beside, 25, &[]),
        ("E0113", "2", Beside, 8, &[]),
        ("E0410", "1", Keeper, 15, &[]),
        // Somebody is asked to look.
        ("E0302", "1", Anywhere, 90, &[(40, Verify)]),
        ("E0111", "2", Keeper, 2 * HOUR, &[(30, Verify)]),
        // Waiting for a department; one for too long, and one came back.
        ("C0102", "3", Anywhere, 50, &[(60, File)]),
        ("E0201", "1", Anywhere, 45, &[(70, File)]),
        ("E0136", "1", Border, DAY, &[(5, File)]),
        ("E0302", "1", Anywhere, 2 * DAY, &[(5, File), (8, Dispatch), (40, Return)]),
        // Waiting to be begun.
        ("E0113", "2", Keeper, 5 * HOUR, &[(10, File), (20, Dispatch)]),
        ("C0137", "2", Anywhere, DAY, &[(4, File), (8, Dispatch)]),
        ("E0506", "1", Anywhere, HOUR, &[(10, File), (20, Dispatch)]),
        ("E0112", "1", Anywhere, 15 * DAY, &[(2, File), (4, Dispatch), (60, Supervise)]),
        // Being handled, by two departments, by one, by the keeper.
        ("E0136", "1", Keeper, 16 * DAY, &[(3, File), (5, Dispatch), (8, Accept(None)), (10, Assign)]),
        ("E0302", "1", Border, 6 * HOUR, &[(10, File), (15, Dispatch), (20, LAW), (30, Accept(Some("D02")))]),
        ("E0111", "2", Anywhere, 20 * HOUR, &[(5, File), (10, Dispatch), (30, Accept(None))]),
        ("E0201", "1", Anywhere, 20 * DAY, &[(2, File), (4, Dispatch), (20, Accept(None))]),
        ("C0102", "3", Keeper, 8 * HOUR, &[(10, File), (15, Dispatch), (40, Accept(None)), (50, Assign)]),
        ("E0113", "2", Anywhere, 2 * DAY, &[(5, File), (10, Dispatch), (40, Accept(None))]),
        // Standing still.
        ("E0302", "1", Anywhere, 6 * DAY, &[(4, File), (8, Dispatch), (12, Accept(None)), (30, Suspend)]),
        ("E0111", "2", Anywhere, 3 * DAY, &[(4, File), (8, Dispatch), (30, Suspend)]),
        // Done, and somebody is asked to check; one was sent back in between.
        ("E0410", "1", Keeper, 7 * HOUR, &[(8, File), (12, Dispatch), (20, Accept(None)), (70, Done)]),
        ("E0112", "1", Anywhere, 5 * HOUR, &[(8, File), (12, Dispatch), (20, Accept(None)), (60, Done)]),
        ("E0201", "1", Anywhere, 2 * DAY, &[(4, File), (6, Dispatch), (10, Accept(None)), (40, Done), (50, Rework), (95, Done)]),
        // Ended: rated well and badly, in time and late, void, or put right on the spot.
        (
            "E0112",
            "1",
            Anywhere,
            2 * DAY,
            &[(2, File), (3, Dispatch), (4, Accept(None)), (5, Done), (20, CheckDone), (25, Close), (60, Rate(5))],
        ),
        (
            "E0136",
            "1",
            Keeper,
            3 * DAY,
            &[(2, File), (3, Dispatch), (5, Accept(None)), (10, Done), (20, CheckDone), (25, Close), (70, Rate(4))],
        ),
        ("C0137", "2", Anywhere, 6 * DAY, &[(2, File), (3, Dispatch), (10, Accept(None)), (25, Done), (30, Close), (50, Rate(5))]),
        ("E0201", "1", Anywhere, 8 * DAY, &[(2, File), (3, Dispatch), (50, Accept(None)), (80, Done), (85, Close), (90, Rate(2))]),
        ("E0113", "2", Anywhere, 10 * DAY, &[(2, File), (3, Dispatch), (10, Accept(None)), (40, Done), (45, Close)]),
        ("E0410", "1", Anywhere, DAY, &[(10, Void)]),
        ("E0136", "1", Keeper, 6 * HOUR, &[(20, SelfHandle)]),
    ]
};

impl District {
    /// Returns the keeper who has several of the cases of today: of those who are on duty at all hours one with the most grids.
    pub fn busy_keeper(&self) -> WorkerId {
        WorkerId(self.find_busy().0.into())
    }

    /// Makes the cases as they stand at a time, in the order in which they were reported.
    ///
    /// # Errors
    /// PROJ is not there, or does not know the sample's plane.
    pub fn live_cases(&self, now: Timestamp) -> Result<Vec<LiveCase>, CrsError> {
        let mut rng = ChaCha8Rng::seed_from_u64(noise::hash(self.settings.seed, 95));
        let (keeper, own) = self.find_busy();
        let keeper = WorkerId(keeper.into());
        let mut before: Option<(&SampleUnit, Coord<f64>)> = None;
        let mut all = Vec::with_capacity(STORIES.len());
        for (number, &(code, condition, place, age, deeds)) in STORIES.iter().enumerate() {
            let (grid, at) = match (place, before) {
                (Where::Border, _) => {
                    let line = &self.centrelines[rng.random_range(0..self.centrelines.len())];
                    (None, line[line.len() / 2])
                }
                (Where::Beside, Some((grid, at))) => (Some(grid), beside(&mut rng, grid, at)),
                (Where::Keeper, _) => {
                    let grid = own[number % own.len()];
                    (Some(grid), place_inside(&mut rng, grid))
                }
                _ => {
                    let grid = &self.grids[rng.random_range(0..self.grids.len())];
                    (Some(grid), place_inside(&mut rng, grid))
                }
            };
            before = grid.map(|grid| (grid, at));
            let reported_at = now - SignedDuration::from_mins(age);
            let moves = deeds.iter().map(|(share, deed)| {
                let at = reported_at + SignedDuration::from_secs(age * 60 * share / 100);
                deed.to_order(condition, &keeper, at)
            });
            let reported = CATEGORIES.iter().find(|sort| sort.code == code).map_or("", |sort| sort.reported);
            all.push(LiveCase {
                id: CaseId(id_of(&mut rng, reported_at)),
                position: to_position(at)?,
                category: format!("{code}{CONDITION_SIGN}{condition}"),
                description: format!("{}{reported}", pick(&PLACES, rng.random_range(0..PLACES.len() as u64))),
                source: SOURCES[rng.random_range(0..SOURCES.len())].to_owned(),
                reported_at,
                moves: moves.collect(),
            });
        }
        all.sort_by_key(|case| (case.reported_at, case.id));
        Ok(all)
    }

    fn find_busy(&self) -> (String, Vec<&SampleUnit>) {
        let mut grids_of: BTreeMap<String, Vec<&SampleUnit>> = BTreeMap::new();
        for [unit, worker, .., valid_to, shift] in roster::rows(self).into_iter().filter(|row| row[4] == "primary") {
            let grid = self.grids.binary_search_by(|grid| grid.code.cmp(&unit)).map(|at| &self.grids[at]);
            if let Ok(grid) = grid
                && valid_to.is_empty()
                && shift.is_empty()
            {
                grids_of.entry(worker).or_default().push(grid);
            }
        }
        let most = grids_of.into_iter().rev().max_by_key(|(_, grids)| grids.len());
        most.expect("most villages have keepers without shifts, and a district of a hundred grids has many villages")
    }
}

impl Deed {
    fn to_order(self, condition: &str, keeper: &WorkerId, at: Timestamp) -> Order {
        let order = |action: &str| Order::new(action, Role::Dispatcher, AUTHOR, at);
        let because = |action: &str, reason: &str| Order { reason: reason.into(), ..order(action) };
        let by = |action: &str| Order { condition: condition.into(), ..order(action) };
        match self {
            Self::Verify => order("verify"),
            Self::File => by("file"),
            Self::Dispatch => order("dispatch"),
            Self::Link(id, name) => {
                let department = Appointed { department: DepartmentId(id.into()), name: name.into(), role: DepartmentRole::Co };
                Order { departments: vec![department], ..because("link", "需要联合执法") }
            }
            Self::Accept(department) => Order { department: department.map(|id| DepartmentId(id.into())), ..order("accept") },
            Self::Assign => Order { worker: Some(keeper.clone()), ..order("assign") },
            Self::Return => because("return", "不属本部门职责"),
            Self::Suspend => because("suspend", "等待管线产权单位确认"),
            Self::Supervise => because("supervise", "居民多次催办"),
            Self::Done => order("done"),
            Self::CheckDone => order("check_done"),
            Self::Rework => because("rework", "现场仍有残留"),
            Self::Close => by("close"),
            Self::Rate(rating) => Order { rating: Some(rating), ..order("rate") },
            Self::Void => because("void", "现场未发现"),
            Self::SelfHandle => Order { role: Role::Worker, reason: "当场清理".into(), ..order("self_handle") },
        }
    }
}

/// Returns a place some steps away in the same grid, or else the same place.
fn beside(rng: &mut ChaCha8Rng, grid: &SampleUnit, at: Coord<f64>) -> Coord<f64> {
    let moved = Coord { x: at.x + rng.random_range(-BESIDE_M..BESIDE_M), y: at.y + rng.random_range(-BESIDE_M..BESIDE_M) };
    if contains(grid, moved) { moved } else { at }
}

fn to_position(at: Coord<f64>) -> Result<Position, CrsError> {
    let mut place = [at];
    Crs::from_epsg(4546)?.all_to_wgs84(&mut place)?;
    let round = |degrees: f64| (degrees * 1e9).round() / 1e9;
    Ok(Position::new(round(place[0].x), round(place[0].y)).expect("the sample lies in its box"))
}

/// Ids are in the order of reports, as those that the service gives.
fn id_of(rng: &mut ChaCha8Rng, at: Timestamp) -> uuid::Uuid {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    let mut bytes = [0; 10];
    bytes.iter_mut().for_each(|byte| *byte = rng.random_range(0..=u8::MAX));
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Settings;

    #[test]
    fn the_cases_of_a_time_are_the_same_each_time_and_in_its_past() {
        let district = District::generate(Settings { seed: 1, grids: 100, incidents: 1 }).unwrap();
        let now: Timestamp = "2026-11-03T02:00:00Z".parse().unwrap();
        let cases = district.live_cases(now).unwrap();
        assert_eq!(format!("{cases:?}"), format!("{:?}", district.live_cases(now).unwrap()));
        assert!(cases.is_sorted_by_key(|case| case.reported_at));
        assert!(cases.is_sorted_by_key(|case| case.id), "a list by ids is one by time");
        for case in &cases {
            let times: Vec<Timestamp> = [case.reported_at].into_iter().chain(case.moves.iter().map(|order| order.at)).collect();
            assert!(times.is_sorted() && times.iter().all(|at| *at < now), "{case:?}");
        }
    }
}
