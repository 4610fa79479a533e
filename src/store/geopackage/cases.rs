//! Cases, in the order of their ids.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, ToSql, Transaction, params};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::keys::note;
use super::roster::person_key;
use crate::boundary::{GenerationId, Position, Territory, UnitCode};
use crate::dispatch::{Case, CaseId, WorkerId};
use crate::store::audit::Action;
use crate::store::records::{CASES_LOOKED_AT, CaseFilter, CasePage};
use crate::store::times::{parse_time, time_text};
use crate::store::{CaseMark, CaseMarkPage};

/// What [`read_case`] reads, of a case `c` with its holder `p`.
pub(super) const COLUMNS: &str =
    "c.id, c.lon, c.lat, c.given, c.category, c.description, c.source, c.reported_at, c.grid, c.generation, p.worker_id, c.district";

fn select() -> String {
    format!("SELECT {COLUMNS} FROM gk_case AS c LEFT JOIN gk_person AS p ON p.key = c.holder")
}

pub(super) fn add_cases(transaction: &Transaction<'_>, cases: &[Case], author: &str, at: Timestamp) -> Result<usize, Failure> {
    let mut added = 0;
    for case in cases {
        added += insert_case(transaction, case)?;
    }
    note(transaction, &Action::AddCases { added }, author, at)?;
    Ok(added)
}

/// Adds a case and returns how many that were: none where its id is known.
pub(super) fn insert_case(transaction: &Transaction<'_>, case: &Case) -> Result<usize, Failure> {
    let mut add = transaction.prepare_cached(
        "INSERT INTO gk_case (id, lon, lat, given, category, description, source, reported_at, grid, generation, holder, district)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
         WHERE NOT EXISTS (SELECT 1 FROM gk_case_id WHERE id = ?1) ON CONFLICT (id) DO NOTHING",
    )?;
    Ok(add.execute(params![
        case.id.0.to_string(),
        case.position.lon,
        case.position.lat,
        case.given,
        case.category,
        case.description,
        case.source,
        time_text(case.reported_at),
        case.grid.as_ref().map(UnitCode::as_str),
        case.generation.map(|generation| generation.0),
        case.holder.as_ref().map(|id| person_key(transaction, id)).transpose()?,
        case.district.as_ref().map(UnitCode::as_str),
    ])?)
}

pub(super) fn find_case(transaction: &Transaction<'_>, id: CaseId) -> Result<Option<Case>, Failure> {
    let mut statement = transaction.prepare_cached(&format!("{} WHERE c.id = ?1", select()))?;
    statement.query_row([id.0.to_string()], |row| Ok(read_case(row))).optional()?.transpose()
}

/// Returns those of some ids that a case has, or had that was taken out of the store this one is a copy of.
pub(super) fn find_known(transaction: &Transaction<'_>, ids: &[CaseId]) -> Result<Vec<CaseId>, Failure> {
    let sql = "SELECT 1 FROM gk_case WHERE id = ?1 UNION ALL SELECT 1 FROM gk_case_id WHERE id = ?1 LIMIT 1";
    let mut find = transaction.prepare_cached(sql)?;
    let mut known = Vec::new();
    for id in ids {
        if find.exists([id.0.to_string()])? {
            known.push(*id);
        }
    }
    Ok(known)
}

pub(super) fn load_cases(transaction: &Transaction<'_>, filter: &CaseFilter) -> Result<CasePage, Failure> {
    let conditions = Conditions::of(filter);
    let count = || -> Result<usize, Failure> {
        let sql = format!("SELECT count(*) FROM gk_case AS c {}", conditions.sql());
        Ok(transaction.prepare_cached(&sql)?.query_row(conditions.values().as_slice(), |row| row.get(0))?)
    };
    let matched = filter.counts.then(count).transpose()?;
    let (cases, has_more) = page_of(transaction, filter)?;
    Ok(CasePage { cases, matched, has_more })
}

/// Returns a page of cases in the order of their ids, and whether there are more.
pub(super) fn page_of(transaction: &Transaction<'_>, filter: &CaseFilter) -> Result<(Vec<Case>, bool), Failure> {
    read_page(transaction, filter, &select(), read_case)
}

/// Returns a page of what maps show of cases.
pub(super) fn load_case_marks(transaction: &Transaction<'_>, filter: &CaseFilter) -> Result<CaseMarkPage, Failure> {
    let select = "SELECT c.id, c.lon, c.lat, c.category, c.reported_at, c.grid, c.state, c.is_open, c.due_at FROM gk_case AS c";
    let (marks, has_more) = read_page(transaction, filter, select, read_mark)?;
    Ok(CaseMarkPage { marks, has_more })
}

fn read_page<T>(
    transaction: &Transaction<'_>,
    filter: &CaseFilter,
    select: &str,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<(Vec<T>, bool), Failure> {
    let asks_for_parts = filter.is_long || filter.part_from.is_some();
    // Where parts are not known all are read, and whoever asked leaves out what has none.
    let older = (asks_for_parts && !has_parts(transaction)?).then(|| CaseFilter { is_long: false, part_from: None, ..filter.clone() });
    let filter = older.as_ref().unwrap_or(filter);
    let paged = |mut conditions: Conditions| {
        conditions.add_after(filter);
        conditions
    };
    let by_id = if filter.is_newest_first { "c.id DESC" } else { "c.id" };
    let direction = if filter.is_newest_first { "DESC" } else { "ASC" };
    let plain = filter.order.column().map(|column| format!("c.{column} {direction}, {by_id}")).unwrap_or_else(|| by_id.to_owned());
    let page = Page { transaction, select, limit: filter.limit, read };
    if !filter.may_be_seldom() {
        return Ok(page.cut(page.rows(&paged(Conditions::of(filter)), &plain)?));
    }
    let [first, last] = CASES_LOOKED_AT;
    for looked_at in [first, last] {
        let Some(bound) = find_bound(transaction, filter, looked_at)? else {
            return Ok(page.cut(page.rows(&paged(Conditions::of(filter)), &plain)?));
        };
        let mut near = paged(Conditions::of(filter));
        near.add(if filter.is_newest_first { "c.id >= ?" } else { "c.id <= ?" }, vec![Box::new(bound)]);
        let found = page.rows(&near, by_id)?;
        if found.len() > filter.limit {
            return Ok(page.cut(found));
        }
        if !filter.may_be_filled(found.len(), looked_at, last) {
            break;
        }
    }
    let mut open = paged(Conditions::of(filter));
    open.add("c.is_open = 1", Vec::new());
    let ended = || {
        let mut ended = paged(Conditions::of(filter));
        ended.add("c.is_open IS NOT 1", Vec::new());
        ended.add_indexed(filter);
        ended
    };
    // The plus keeps the index of ids from being taken for the order.
    let by_id_found = format!("+{by_id}");
    let mut ids = page.ids(&open, &by_id_found)?;
    match &filter.grid_prefix {
        // What lies in the unit itself stands in the index in the order of ids, and mostly no unit is below.
        Some(unit) => {
            let (mut own, mut below) = (ended(), ended());
            own.add("c.grid = ?", vec![Box::new(unit.clone())]);
            below.add("c.grid > ? AND c.grid <= ?", vec![Box::new(unit.clone()), Box::new(format!("{unit}{}", char::MAX))]);
            ids.extend(page.ids(&own, by_id)?);
            ids.extend(page.ids(&below, &by_id_found)?);
        }
        None => ids.extend(page.ids(&ended(), &by_id_found)?),
    }
    ids.sort_by(|a, b| if filter.is_newest_first { b.cmp(a) } else { a.cmp(b) });
    ids.truncate(filter.limit.saturating_add(1));
    let ids = serde_json::to_string(&ids).expect("texts always serialise");
    let mut found = Conditions { terms: Vec::new(), values: Vec::new() };
    found.add("c.id IN (SELECT value FROM json_each(?))", vec![Box::new(ids)]);
    Ok(page.cut(page.rows(&found, by_id)?))
}

/// Returns the id up to which so many cases are looked at one by one; none where there are no more than that.
fn find_bound(transaction: &Transaction<'_>, filter: &CaseFilter, looked_at: usize) -> Result<Option<String>, Failure> {
    let mut conditions = Conditions { terms: Vec::new(), values: Vec::new() };
    conditions.add_after(filter);
    let order = if filter.is_newest_first { "DESC" } else { "ASC" };
    let sql = format!("SELECT c.id FROM gk_case AS c {} ORDER BY c.id {order} LIMIT 1 OFFSET {looked_at}", conditions.sql());
    Ok(transaction.prepare_cached(&sql)?.query_row(conditions.values().as_slice(), |row| row.get(0)).optional()?)
}

/// What is read of cases, and how many of them.
struct Page<'a, F> {
    transaction: &'a Transaction<'a>,
    select: &'a str,
    limit: usize,
    read: F,
}

impl<T, F: Fn(&Row<'_>) -> Result<T, Failure>> Page<'_, F> {
    /// Returns one more than asked for, which tells whether there are more.
    fn rows(&self, conditions: &Conditions, order: &str) -> Result<Vec<T>, Failure> {
        let sql = format!("{} {} ORDER BY {order} LIMIT {}", self.select, conditions.sql(), self.limit());
        let mut statement = self.transaction.prepare_cached(&sql)?;
        let mut rows = statement.query(conditions.values().as_slice())?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((self.read)(row)?);
        }
        Ok(found)
    }

    /// Returns the ids of as many.
    fn ids(&self, conditions: &Conditions, order: &str) -> Result<Vec<String>, Failure> {
        let sql = format!("SELECT c.id FROM gk_case AS c {} ORDER BY {order} LIMIT {}", conditions.sql(), self.limit());
        let mut statement = self.transaction.prepare_cached(&sql)?;
        let ids = statement.query_map(conditions.values().as_slice(), |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids)
    }

    fn limit(&self) -> i64 {
        i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX)
    }

    fn cut(&self, mut found: Vec<T>) -> (Vec<T>, bool) {
        let has_more = found.len() > self.limit;
        found.truncate(self.limit);
        (found, has_more)
    }
}

/// Whether it is known of cases until when they have a part: not in a file of an older program that is opened for reading alone.
fn has_parts(transaction: &Transaction<'_>) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM pragma_table_info('gk_case') WHERE name = 'part_until'";
    Ok(transaction.prepare_cached(sql)?.exists([])?)
}

/// Returns when the first word about a clock is due.
pub(super) fn next_alarm(transaction: &Transaction<'_>) -> Result<Option<Timestamp>, Failure> {
    let sql = "SELECT min(alarm_at) FROM gk_case WHERE alarm_at IS NOT NULL";
    let found: Option<String> = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    found.map(|text| parse_time(&text).map_err(|e| corrupt("case", &e))).transpose()
}

/// Counts the open cases of each holder who has more than so many, the most first.
pub(super) fn count_open(transaction: &Transaction<'_>, filter: &CaseFilter, more_than: usize) -> Result<Vec<(WorkerId, usize)>, Failure> {
    let mut conditions = Conditions::of(&CaseFilter { is_open: Some(true), ..filter.clone() });
    conditions.add("c.holder IS NOT NULL", Vec::new());
    let found = conditions.sql();
    let more_than = i64::try_from(more_than).unwrap_or(i64::MAX);
    conditions.values.push(Box::new(more_than));
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT p.worker_id, o.n FROM (
           SELECT c.holder, count(*) AS n FROM gk_case AS c {found} GROUP BY c.holder HAVING count(*) > ?
         ) AS o JOIN gk_person AS p ON p.key = o.holder ORDER BY o.n DESC, p.worker_id",
    ))?;
    let mut rows = statement.query(conditions.values().as_slice())?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push((WorkerId(row.get::<_, String>(0)?.into()), row.get(1)?));
    }
    Ok(counts)
}

/// Keeps how near to a border cases are, where that is not known so.
pub(super) fn save_borders(transaction: &Transaction<'_>, borders: &[(CaseId, Option<f64>)]) -> Result<(), Failure> {
    let sql = "UPDATE gk_case SET border_m = ?2 WHERE id = ?1 AND is_open = 1 AND border_m IS NOT ?2";
    let mut put = transaction.prepare_cached(sql)?;
    for (id, border_m) in borders {
        put.execute(params![id.0.to_string(), border_m])?;
    }
    Ok(())
}

/// Rows of an index that a window may span: two degrees.
const ROWS_MAX: i64 = 200;

/// Conditions with their values, joined by AND.
struct Conditions {
    terms: Vec<&'static str>,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    fn of(filter: &CaseFilter) -> Self {
        let mut conditions = Self { terms: Vec::new(), values: Vec::new() };
        if let Some([west, south, east, north]) = filter.bbox {
            let within = if west <= east { "(c.lon >= ? AND c.lon <= ?)" } else { "(c.lon >= ? OR c.lon <= ?)" };
            conditions.add(within, vec![Box::new(west), Box::new(east)]);
            conditions.add("c.lat BETWEEN ? AND ?", vec![Box::new(south), Box::new(north)]);
        }
        conditions.add_territory(&filter.territory);
        if let Some(prefix) = &filter.grid_prefix {
            conditions.add("substr(c.grid, 1, length(?)) = ?", vec![Box::new(prefix.clone()), Box::new(prefix.clone())]);
        }
        match filter.categories.as_slice() {
            [] => {}
            [category] => conditions.add("c.category = ?", vec![Box::new(category.clone())]),
            several => {
                let list = serde_json::json!(several).to_string();
                conditions.add("c.category IN (SELECT value FROM json_each(?))", vec![Box::new(list)]);
            }
        }
        if let Some(from) = filter.reported_from {
            conditions.add("c.reported_at >= ?", vec![Box::new(time_text_up(from))]);
        }
        if let Some(to) = filter.reported_to {
            conditions.add("c.reported_at < ?", vec![Box::new(time_text_up(to))]);
        }
        if let Some(state) = &filter.state {
            conditions.add("c.state = ?", vec![Box::new(state.clone())]);
        }
        match filter.is_open {
            // As the index is written, which takes no parameter.
            Some(true) => conditions.add("c.is_open = 1", Vec::new()),
            Some(false) => conditions.add("c.is_open = 0", Vec::new()),
            None => {}
        }
        match filter.is_published {
            Some(true) => conditions.add("c.is_published = 1", Vec::new()),
            Some(false) => conditions.add("c.is_published = 0", Vec::new()),
            None => {}
        }
        if let Some(before) = filter.due_before {
            conditions.add("c.due_at < ?", vec![Box::new(time_text_up(before))]);
        }
        if let Some(by) = filter.alarm_by {
            conditions.add("c.alarm_at <= ?", vec![Box::new(time_text(by))]);
        }
        if let Some(worker) = &filter.worker {
            let term = "(c.holder = (SELECT key FROM gk_person WHERE worker_id = ?) OR instr(c.people, ?) > 0)";
            conditions.add(term, vec![Box::new(worker.0.to_string()), Box::new(format!("\n{worker}\n"))]);
        }
        if filter.is_near_border {
            conditions.add("c.border_m IS NOT NULL", Vec::new());
        }
        if filter.is_long {
            conditions.add("c.is_long = 1", Vec::new());
        }
        if let Some(from) = filter.part_from {
            conditions.add("c.part_until >= ?", vec![Box::new(time_text_up(from))]);
        }
        if let Some(department) = &filter.department {
            conditions.add("instr(c.departments, ?) > 0", vec![Box::new(format!("\n{department}\n"))]);
        }
        conditions
    }

    fn add_after(&mut self, filter: &CaseFilter) {
        let Some(after) = filter.after else { return };
        let id = Box::new(after.0.to_string());
        match (filter.went_on_after(), filter.is_newest_first) {
            (Some(at), false) => self.add("(c.reported_at <> ? OR c.id > ?)", vec![Box::new(time_text_up(at)), id]),
            (Some(at), true) => self.add("(c.reported_at <> ? OR c.id < ?)", vec![Box::new(time_text_up(at)), id]),
            (None, false) => self.add("c.id > ?", vec![id]),
            (None, true) => self.add("c.id < ?", vec![id]),
        }
    }

    /// Says once more, as indexes are written, what of a filter they find.
    fn add_indexed(&mut self, filter: &CaseFilter) {
        if let Some(department) = &filter.department {
            // Few lists of departments differ, so those that name one are found first: each is sought behind the one before.
            let lists = "c.departments IN (
                WITH RECURSIVE list (ids) AS (
                  SELECT min(departments) FROM gk_case WHERE is_open IS NOT 1
                  UNION ALL
                  SELECT (SELECT min(departments) FROM gk_case WHERE is_open IS NOT 1 AND departments > list.ids) FROM list WHERE ids IS NOT NULL
                ) SELECT ids FROM list WHERE instr(ids, ?) > 0)";
            self.add(lists, vec![Box::new(format!("\n{department}\n"))]);
        }
        if let Some((first, last)) = filter.territory.runs().and_then(|runs| runs.first().zip(runs.last())) {
            self.add("c.grid BETWEEN ? AND ?", vec![Box::new(first.first.to_string()), Box::new(last.last.to_string())]);
        }
        if let Some(rows) = filter.bbox.and_then(|[_, south, _, north]| rows_of(south, north)) {
            let rows: Vec<i64> = rows.collect();
            let numbers = serde_json::to_string(&rows).expect("numbers always serialise");
            self.add("CAST(c.lat * 100 AS INTEGER) IN (SELECT value FROM json_each(?))", vec![Box::new(numbers)]);
        }
    }

    /// Of one run of codes each case is held against its ends; of several first against the span.
    fn add_territory(&mut self, territory: &Territory) {
        let Some(runs) = territory.runs() else { return };
        let [Some(first), Some(last)] = [runs.first(), runs.last()] else { return self.add("0", Vec::new()) };
        let span: Vec<Box<dyn ToSql>> = vec![Box::new(first.first.to_string()), Box::new(last.last.to_string())];
        // The plus keeps the index of units out, which would find all that ever happened there where the first few are wanted.
        self.add("+c.grid BETWEEN ? AND ?", span);
        if runs.len() > 1 {
            let pairs: Vec<[&str; 2]> = runs.iter().map(|run| [run.first.as_str(), run.last.as_str()]).collect();
            let pairs = serde_json::to_string(&pairs).expect("texts always serialise");
            let is_in_one = "EXISTS (SELECT 1 FROM json_each(?) AS run WHERE c.grid BETWEEN run.value ->> 0 AND run.value ->> 1)";
            self.add(is_in_one, vec![Box::new(pairs)]);
        }
    }

    fn add(&mut self, term: &'static str, values: Vec<Box<dyn ToSql>>) {
        self.terms.push(term);
        self.values.extend(values);
    }

    fn sql(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!("WHERE {}", self.terms.join(" AND ")) }
    }

    fn values(&self) -> Vec<&dyn ToSql> {
        self.values.iter().map(AsRef::as_ref).collect()
    }
}

/// Returns the rows of a hundredth of a degree that an index tells apart; none where they are so many that the window is not a small one.
#[expect(clippy::cast_possible_truncation, reason = "a latitude has three digits before the point")]
fn rows_of(south: f64, north: f64) -> Option<std::ops::RangeInclusive<i64>> {
    let rows = (south * 100.0) as i64..=(north * 100.0) as i64;
    (rows.end() - rows.start() < ROWS_MAX).then_some(rows)
}

/// A bound between two milliseconds lies, for times kept to the millisecond, at the later.
fn time_text_up(at: Timestamp) -> String {
    let cut = time_text(at);
    let is_whole = parse_time(&cut).is_ok_and(|whole| whole >= at);
    let next = || at.checked_add(jiff::SignedDuration::from_millis(1)).map_or(cut.clone(), time_text);
    if is_whole { cut } else { next() }
}

fn read_mark(row: &Row<'_>) -> Result<CaseMark, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("case", detail);
    Ok(CaseMark {
        id: CaseId(Uuid::parse_str(&row.get::<_, String>(0)?).map_err(|e| broken(&e))?),
        position: Position::new(row.get(1)?, row.get(2)?).map_err(|e| broken(&e))?,
        category: row.get(3)?,
        reported_at: parse_time(&row.get::<_, String>(4)?).map_err(|e| broken(&e))?,
        grid: row.get::<_, Option<String>>(5)?.as_deref().map(UnitCode::parse).transpose().map_err(|e| broken(&e))?,
        state: row.get(6)?,
        is_open: row.get(7)?,
        due_at: row.get::<_, Option<String>>(8)?.as_deref().map(parse_time).transpose().map_err(|e| broken(&e))?,
    })
}

pub(super) fn read_case(row: &Row<'_>) -> Result<Case, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("case", detail);
    let code = |at: usize| -> Result<_, Failure> {
        row.get::<_, Option<String>>(at)?.as_deref().map(UnitCode::parse).transpose().map_err(|e| broken(&e))
    };
    Ok(Case {
        id: CaseId(Uuid::parse_str(&row.get::<_, String>(0)?).map_err(|e| broken(&e))?),
        position: Position::new(row.get(1)?, row.get(2)?).map_err(|e| broken(&e))?,
        given: row.get(3)?,
        category: row.get(4)?,
        description: row.get(5)?,
        source: row.get(6)?,
        reported_at: parse_time(&row.get::<_, String>(7)?).map_err(|e| broken(&e))?,
        district: code(11)?,
        grid: code(8)?,
        generation: row.get::<_, Option<u32>>(9)?.map(GenerationId),
        holder: row.get::<_, Option<String>>(10)?.map(|id| WorkerId(id.into())),
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::store::conformance::{add, new as live};
    use crate::store::{CaseOrder, GeoPackageStore, Store};

    #[test]
    fn a_file_of_an_older_program_learns_until_when_its_cases_have_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.gpkg");
        let store = GeoPackageStore::open_or_create(&path).unwrap();
        let lives = |days: i64, id: u128| {
            let mut new = live(id, 111.0, None);
            let at = new.events[0].at + SignedDuration::from_hours(24 * days);
            new.events[0].facts.clocks[0].due_at = Some(at);
            (add(new), at)
        };
        let (short, due) = lives(3, 1);
        let (long, last) = lives(40, 2);
        store.write_cases(vec![short, long]).unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        let parts = || {
            let sql = "SELECT part_until, is_long FROM gk_case ORDER BY id";
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))).unwrap();
            rows.collect::<Result<Vec<_>, _>>().unwrap()
        };
        let written = parts();
        assert_eq!(written, [(time_text(due), false), (time_text(last), true)]);
        drop(store);
        let undo = "DROP TRIGGER gk_case_event_is_not_changed; DROP TRIGGER gk_case_event_is_not_deleted; DROP TRIGGER gk_case_event_is_not_replaced;
                    DROP INDEX gk_notice_by_time; DROP INDEX gk_case_ended_by_grid; DROP INDEX gk_case_ended_by_state; DROP INDEX gk_case_ended_by_category; DROP INDEX gk_case_ended_by_departments;
                    DROP INDEX gk_case_ended_by_place; DROP INDEX gk_case_long; ALTER TABLE gk_case DROP COLUMN part_until; ALTER TABLE gk_case DROP COLUMN is_long;
                    ALTER TABLE gk_category DROP COLUMN skill; DELETE FROM gk_migration WHERE number >= 13";
        connection.execute_batch(undo).unwrap();
        let found = |store: &GeoPackageStore| {
            let filter = CaseFilter { part_from: Some(last), order: CaseOrder::Reported, ..CaseFilter::first(9) };
            store.load_case_records(&filter).unwrap().records.len()
        };
        assert_eq!(found(&GeoPackageStore::open_read_only(&path).unwrap()), 2, "all, where it is not known");
        assert_eq!(found(&GeoPackageStore::open_or_create(&path).unwrap()), 1);
        assert_eq!(parts(), written);
    }

    #[test]
    fn the_history_of_a_case_cannot_be_changed_emptied_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.gpkg");
        let store = GeoPackageStore::open_or_create(&path).unwrap();
        store.write_cases(vec![add(live(1, 111.0, None)), add(live(2, 112.0, None))]).unwrap();
        let events = store.load_case_events(0, 10).unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        for statement in [
            "UPDATE gk_case_event SET author = 'b' WHERE number = 1",
            "DELETE FROM gk_case_event WHERE number = 2",
            "DELETE FROM gk_case_event",
            "INSERT OR REPLACE INTO gk_case_event SELECT * FROM gk_case_event WHERE number = 1",
            "INSERT OR REPLACE INTO gk_case_event SELECT 99, case_id, reported_at, seq, at, 'b', role, action, effect, state, is_end, facts
             FROM gk_case_event WHERE number = 1",
        ] {
            let refused = connection.execute(statement, []).unwrap_err().to_string();
            assert!(refused.contains("only added to"), "{statement}: {refused}");
        }
        assert_eq!(store.load_case_events(0, 10).unwrap(), events);
    }
}
