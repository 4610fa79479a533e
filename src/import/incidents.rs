//! Incidents from a table: where something happened, when, and of what kind.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::reproject::Crs;
use super::roster::{RowProblem, parse_moment};
use super::table::{Table, TableError, TableRow};
use crate::boundary::Position;
use crate::dispatch::check_told_time;

/// An incident as a table tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentRow {
    pub row: u64,
    /// The office's own number; empty where the table has none.
    pub id: String,
    pub position: Position,
    /// The position and reference system as they were given, for the record.
    pub given: String,
    pub category: String,
    pub description: String,
    pub source: String,
    pub reported_at: Timestamp,
    /// The state in which the case is by now; empty for a mere record.
    pub state: String,
    /// When it came there; by default when it was reported.
    pub state_at: Option<Timestamp>,
}

/// The names under which columns of positions are found.
pub const LON_COLUMNS: [&str; 6] = ["lon", "lng", "longitude", "long", "经度", "x"];
pub const LAT_COLUMNS: [&str; 4] = ["lat", "latitude", "纬度", "y"];

/// Reads incidents. `crs` is the reference system of rows that name none in a column `crs`; times without an offset are of `time_zone`, and
/// none may be ahead of `now`.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list.
pub fn read_incidents(
    table: &Table,
    crs: &Crs,
    time_zone: &TimeZone,
    now: Timestamp,
) -> Result<(Vec<IncidentRow>, Vec<RowProblem>), TableError> {
    let reader = Reader {
        lon: table.require_column(&LON_COLUMNS)?,
        lat: table.require_column(&LAT_COLUMNS)?,
        reported_at: table.require_column(&["reported_at", "上报时间", "时间"])?,
        id: table.find_column(&["id", "案卷号", "编号"]),
        crs: table.find_column(&["crs", "坐标系"]),
        category: table.find_column(&["category", "类别编码", "类别代码", "类别", "类型"]),
        description: table.find_column(&["description", "描述", "内容"]),
        source: table.find_column(&["source", "来源"]),
        state: table.find_column(&["state", "状态", "案件状态"]),
        state_at: table.find_column(&["state_at", "closed_at", "结案时间"]),
        crs_default: crs,
        time_zone,
        now,
    };
    let (mut incidents, mut problems) = (Vec::with_capacity(table.rows.len()), Vec::new());
    for row in &table.rows {
        match reader.read(row) {
            Ok(incident) => incidents.push(incident),
            Err((column, detail)) => problems.push(RowProblem { row: row.number, column, detail }),
        }
    }
    Ok((incidents, problems))
}

struct Reader<'a> {
    lon: usize,
    lat: usize,
    reported_at: usize,
    id: Option<usize>,
    crs: Option<usize>,
    category: Option<usize>,
    description: Option<usize>,
    source: Option<usize>,
    state: Option<usize>,
    state_at: Option<usize>,
    crs_default: &'a Crs,
    time_zone: &'a TimeZone,
    now: Timestamp,
}

type Fault = (&'static str, String);

impl Reader<'_> {
    fn read(&self, row: &TableRow) -> Result<IncidentRow, Fault> {
        let (lon, lat) = (row.cell(Some(self.lon)), row.cell(Some(self.lat)));
        let named = row.cell(self.crs);
        let own = if named.is_empty() { None } else { Some(Crs::parse(named).map_err(|error| ("crs", error.to_string()))?) };
        let crs = own.as_ref().unwrap_or(self.crs_default);
        let position = parse_position(lon, lat, crs)?;
        let time = row.cell(Some(self.reported_at));
        let reported_at = parse_moment(time, self.time_zone)
            .ok_or_else(|| ("reported_at", format!("{time:?} is no time; write it as 2026-07-01T08:00:00+08:00")))?;
        self.check_time("reported_at", time, reported_at)?;
        let moment = row.cell(self.state_at);
        let state_at = if moment.is_empty() { None } else { Some(parse_moment(moment, self.time_zone)) };
        let state_at = state_at
            .map(|at| at.filter(|at| *at >= reported_at).ok_or_else(|| ("state_at", format!("{moment:?} is no time after the report"))))
            .transpose()?;
        if let Some(at) = state_at {
            self.check_time("state_at", moment, at)?;
        }
        let text = |column| row.cell(column).to_owned();
        Ok(IncidentRow {
            row: row.number,
            id: text(self.id),
            position,
            given: format!("{lon} {lat} {crs}"),
            category: text(self.category),
            description: text(self.description),
            source: text(self.source),
            reported_at,
            state: text(self.state),
            state_at,
        })
    }

    /// Holds a time to what a report sent over HTTP is held to.
    fn check_time(&self, column: &'static str, given: &str, at: Timestamp) -> Result<(), Fault> {
        check_told_time(at, self.now).map_err(|fault| (column, format!("{given:?} {fault}; correct the time, or its offset from UTC")))
    }
}

/// Makes a position of two texts in a reference system; in a projected one the first is the easting.
///
/// # Errors
/// Names the column that is wrong and says why.
pub fn parse_position(lon: &str, lat: &str, crs: &Crs) -> Result<Position, Fault> {
    let number = |column: &'static str, text: &str| {
        if text.trim().is_empty() {
            return Err((column, "it is empty".to_owned()));
        }
        let parsed: Option<f64> = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        parsed.ok_or_else(|| (column, format!("{text:?} is no number; give degrees, or metres of the reference system")))
    };
    let given = geo_types::Coord { x: number("lon", lon)?, y: number("lat", lat)? };
    let at = crs.to_wgs84(given).map_err(|error| ("lon", format!("{error}; check the reference system")))?;
    Position::new(at.x, at.y).map_err(|error| ("lon", format!("{error}; check the columns and the reference system")))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn rows_are_read_in_their_own_reference_system_and_bad_ones_are_told() {
        let row = |number, cells: [&str; 5]| TableRow { number, cells: cells.map(String::from).to_vec() };
        let ended = |number, at: &str| TableRow { cells: ["111.6", "26.2", "", "", "2026-03-01", at].map(String::from).to_vec(), number };
        let table = Table {
            path: PathBuf::from("incidents.csv"),
            headers: ["lon", "lat", "crs", "category", "reported_at", "state_at"].map(String::from).to_vec(),
            rows: vec![
                row(2, ["111.6", "26.2", "", "0110", "2026-03-01 08:00"]),
                row(3, ["111.6", "26.2", "GCJ02", "0110", "2026-03-01T08:00:00+08:00"]),
                row(4, ["east", "26.2", "", "", "2026-03-01"]),
                row(5, ["111.6", "96.2", "", "", "2026-03-01"]),
                row(6, ["111.6", "26.2", "EPSG:0", "", "2026-03-01"]),
                row(7, ["111.6", "26.2", "", "", "soon"]),
                row(8, ["111.6", "26.2", "", "", "2026-03-02 08:05"]),
                row(9, ["111.6", "26.2", "", "", "2026-03-02 08:06"]),
                row(10, ["111.6", "26.2", "", "", "1900-01-01"]),
                ended(11, "2026-03-02 08:05"),
                ended(12, "2062-03-02 08:06"),
            ],
        };
        let now = "2026-03-02T08:00:00+08:00".parse().unwrap();
        let (incidents, problems) = read_incidents(&table, &Crs::WGS84, &TimeZone::get("Asia/Shanghai").unwrap(), now).unwrap();
        assert_eq!(incidents.iter().map(|incident| incident.row).collect::<Vec<_>>(), [2, 3, 8, 11]);
        assert_eq!(incidents[0].position, Position { lon: 111.6, lat: 26.2 });
        assert!((incidents[1].position.lon - 111.6).abs() > 0.001);
        assert_eq!(incidents[0].reported_at, incidents[1].reported_at);
        assert_eq!(
            problems.iter().map(|p| (p.row, p.column)).collect::<Vec<_>>(),
            [(4, "lon"), (5, "lon"), (6, "crs"), (7, "reported_at"), (9, "reported_at"), (10, "reported_at"), (12, "state_at")]
        );
        assert_eq!(problems[4].detail, "\"2026-03-02 08:06\" lies in the future; correct the time, or its offset from UTC");
    }
}
