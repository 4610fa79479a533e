//! Cases, in the order of their ids, kept by months.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio_postgres::Row;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::generations::{from_id, to_id};
use super::keys::note;
use super::months;
use super::roster::{person_keys, worker_id};
use super::values::{Ewkb, Time, from_text, to_text};
use crate::boundary::{CodeRun, Position, Territory, UnitCode};
use crate::dispatch::workflow::Place;
use crate::dispatch::{Case, CaseId, WorkerId, cell_of};
use crate::store::audit::Action;
use crate::store::case_records::{CaseMark, CaseMarkPage, Standing};
use crate::store::records::{CASES_LOOKED_AT, CaseFilter, CaseOrder, CasePage};
use crate::store::times::to_milliseconds;

/// What [`read_case`] reads, of a case `c` with its holder `p`.
pub(super) const COLUMNS: &str =
    "c.id, c.lon, c.lat, c.given, c.category, c.description, c.source, c.reported_at, c.grid, c.generation, p.worker_id, c.district";

fn select() -> String {
    format!("SELECT {COLUMNS} FROM gk_case AS c LEFT JOIN gk_person AS p ON p.key = c.holder")
}

pub(super) async fn add_cases(
    tx: &Transaction<'_>,
    geometry: &Type,
    cases: &[Case],
    author: &str,
    at: Timestamp,
) -> Result<usize, Failure> {
    let ids: Vec<Uuid> = cases.iter().map(|case| case.id.0).collect();
    let times: Vec<Time> = cases.iter().map(|case| Time(case.reported_at)).collect();
    // A case that is known already needs no month: where that was taken out, it would be an empty one. Ids stay known for ever.
    let sql = "SELECT id FROM gk_case_id WHERE id = ANY ($1)";
    let known: FxHashSet<Uuid> = tx.query(sql, &[&ids]).await?.iter().map(|row| row.get(0)).collect();
    let unknown = cases.iter().filter(|case| !known.contains(&case.id.0));
    // Locks are taken in one order by all writers: months, then people, then ids in their order.
    months::ensure(tx, "gk_case", unknown.map(|case| case.reported_at)).await?;
    months::ensure(tx, "gk_audit", [at]).await?;
    let people = person_keys(tx, cases.iter().filter_map(|case| case.holder.as_ref())).await?;
    let rows = tx
        .query(
            "INSERT INTO gk_case_id (id, reported_at) SELECT n.id, n.reported_at FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS n (id, reported_at, place)
             ORDER BY n.id, n.place
             ON CONFLICT (id) DO NOTHING RETURNING id",
            &[&ids, &times],
        )
        .await?;
    let mut new: FxHashSet<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    let added = new.len();
    let added_cases = cases.iter().filter(|case| new.remove(&case.id.0)).map(|case| (case, None, None, None));
    copy_cases(tx, geometry, &people, added_cases).await?;
    note(tx, &Action::AddCases { added }, author, at).await?;
    Ok(added)
}

/// Copies cases in, each with what it is now and the key of who reported it, where it has a life.
pub(super) async fn copy_cases<'c>(
    tx: &Transaction<'_>,
    geometry: &Type,
    people: &FxHashMap<WorkerId, i64>,
    cases: impl Iterator<Item = (&'c Case, Option<&'c Standing>, Option<i64>, Option<f64>)>,
) -> Result<(), Failure> {
    let types = [
        Type::UUID,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::FLOAT8,
        Type::FLOAT8,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT8,
        Type::TEXT,
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TIMESTAMPTZ,
        Type::TEXT,
        Type::INT8,
        Type::INT8,
        Type::TIMESTAMPTZ,
        Type::FLOAT8,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::INT4,
        geometry.clone(),
    ];
    let columns = "id, district, reported_at, lon, lat, given, category, description, source, grid, generation, holder, state, version, \
                   is_open, is_published, due_at, departments, cell, reporter, alarm_at, border_m, people, part_until, is_long, \
                   geom";
    let copy = tx.prepare_cached(&format!("COPY gk_case ({columns}) FROM STDIN (FORMAT binary)")).await?;
    let sink = tx.copy_in(&copy).await?;
    let mut copy = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
    for (case, standing, reporter, border_m) in cases {
        let version = standing.map(|standing| i32::try_from(standing.version)).transpose().map_err(|e| corrupt("case", &e))?;
        let row: [&(dyn ToSql + Sync); 26] = [
            &case.id.0,
            &case.district.as_ref().map_or("", UnitCode::as_str),
            &Time(case.reported_at),
            &case.position.lon,
            &case.position.lat,
            &to_text(&case.given),
            &to_text(&case.category),
            &to_text(&case.description),
            &to_text(&case.source),
            &case.grid.as_ref().map(UnitCode::as_str),
            &case.generation.map(from_id).transpose()?,
            &case.holder.as_ref().map(|id| people[id]),
            &standing.map(|standing| to_text(&standing.state)),
            &version,
            &standing.map(|standing| i32::from(standing.is_open)),
            &standing.map(|standing| i32::from(standing.is_published)),
            &standing.and_then(|standing| standing.due_at).map(Time),
            &standing.map(|standing| to_text(&standing.departments)),
            &standing.map(|_| cell_of(case.position)),
            &reporter,
            &standing.and_then(|standing| standing.alarm_at).map(Time),
            &border_m,
            &standing.map(|standing| to_text(&standing.people)),
            &standing.map(|standing| Time(standing.part_until)),
            &standing.map(|standing| i32::from(standing.is_long(case.reported_at))),
            &Ewkb::of_point(case.position.lon, case.position.lat).map_err(|e| corrupt("case", &e))?,
        ];
        copy.as_mut().write(&row).await?;
    }
    copy.finish().await?;
    Ok(())
}

/// Puts a case somewhere else. The district stays: large tables are kept apart by it.
pub(super) async fn move_case(
    tx: &Transaction<'_>,
    geometry: &Type,
    (id, reported_at): (CaseId, Timestamp),
    place: &Place,
    holder: Option<i64>,
) -> Result<(), Failure> {
    let geom = Ewkb::of_point(place.position.lon, place.position.lat).map_err(|e| corrupt("case", &e))?;
    let sql =
        "UPDATE gk_case SET lon = $3, lat = $4, given = $5, grid = $6, generation = $7, holder = $8, cell = $9, geom = $10, border_m = $11
         WHERE id = $1 AND reported_at = $2";
    let types = [
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::FLOAT8,
        Type::FLOAT8,
        Type::TEXT,
        Type::TEXT,
        Type::INT4,
        Type::INT8,
        Type::INT8,
        geometry.clone(),
        Type::FLOAT8,
    ];
    let statement = tx.prepare_typed(sql, &types).await?;
    tx.execute(
        &statement,
        &[
            &id.0,
            &Time(reported_at),
            &place.position.lon,
            &place.position.lat,
            &to_text(&place.given),
            &place.grid.as_ref().map(UnitCode::as_str),
            &place.generation.map(from_id).transpose()?,
            &holder,
            &cell_of(place.position),
            &geom,
            &place.border_m,
        ],
    )
    .await?;
    Ok(())
}

/// Returns when the first word about a clock is due.
pub(super) async fn next_alarm(tx: &Transaction<'_>) -> Result<Option<Timestamp>, Failure> {
    let row = tx.query_one("SELECT min(alarm_at) FROM gk_case WHERE alarm_at IS NOT NULL", &[]).await?;
    Ok(row.try_get::<_, Option<Time>>(0)?.map(|time| time.0))
}

/// Counts the open cases of each holder who has more than so many, the most first.
pub(super) async fn count_open(tx: &Transaction<'_>, filter: &CaseFilter, more_than: usize) -> Result<Vec<(WorkerId, usize)>, Failure> {
    let mut conditions = Conditions::of(&CaseFilter { is_open: Some(true), ..filter.clone() });
    conditions.terms.push("c.holder IS NOT NULL".to_owned());
    let more_than = conditions.value(i64::try_from(more_than).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT p.worker_id, o.n FROM (
           SELECT c.holder, count(*) AS n FROM gk_case AS c {} GROUP BY c.holder HAVING count(*) > {more_than}
         ) AS o JOIN gk_person AS p ON p.key = o.holder ORDER BY o.n DESC, p.worker_id",
        conditions.sql()
    );
    let rows = tx.query(&sql, &conditions.values()).await?;
    let count = |row: &Row| (worker_id(row.get(0)), usize::try_from(row.get::<_, i64>(1)).unwrap_or_default());
    Ok(rows.iter().map(count).collect())
}

/// Keeps how near to a border cases are, where that is not known so.
pub(super) async fn save_borders(tx: &Transaction<'_>, borders: &[(CaseId, Option<f64>)]) -> Result<(), Failure> {
    let ids: Vec<Uuid> = borders.iter().map(|(id, _)| id.0).collect();
    let metres: Vec<Option<f64>> = borders.iter().map(|(_, border_m)| *border_m).collect();
    tx.execute(
        "UPDATE gk_case AS c SET border_m = n.border_m FROM unnest($1::uuid[], $2::double precision[]) AS n (id, border_m)
         WHERE c.id = n.id AND c.is_open = 1 AND c.border_m IS DISTINCT FROM n.border_m",
        &[&ids, &metres],
    )
    .await?;
    Ok(())
}

pub(super) async fn find_case(tx: &Transaction<'_>, id: CaseId) -> Result<Option<Case>, Failure> {
    // The time says in which month's partition to look.
    let sql = format!("{} WHERE c.id = $1 AND c.reported_at = (SELECT reported_at FROM gk_case_id WHERE id = $1)", select());
    tx.query_opt(&sql, &[&id.0]).await?.map(|row| read_case(&row)).transpose()
}

pub(super) async fn load_cases(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<CasePage, Failure> {
    let conditions = Conditions::of(filter);
    let mut matched = None;
    if filter.counts {
        let sql = format!("SELECT count(*) FROM gk_case AS c {}", conditions.sql());
        let count: i64 = tx.query_one(&sql, &conditions.values()).await?.get(0);
        matched = Some(usize::try_from(count).unwrap_or(usize::MAX));
    }
    let (cases, has_more) = page_of(tx, filter).await?;
    Ok(CasePage { cases, matched, has_more })
}

/// Returns a page of cases in the order of their ids, and whether there are more.
pub(super) async fn page_of(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<(Vec<Case>, bool), Failure> {
    read_page(tx, filter, &select(), read_case).await
}

/// Returns a page of what maps show of cases.
pub(super) async fn load_case_marks(tx: &Transaction<'_>, filter: &CaseFilter) -> Result<CaseMarkPage, Failure> {
    let select = "SELECT c.id, c.lon, c.lat, c.category, c.reported_at, c.grid, c.state, c.is_open, c.due_at FROM gk_case AS c";
    let (marks, has_more) = read_page(tx, filter, select, read_mark).await?;
    Ok(CaseMarkPage { marks, has_more })
}

async fn read_page<T>(
    tx: &Transaction<'_>,
    filter: &CaseFilter,
    select: &str,
    read: impl Fn(&Row) -> Result<T, Failure>,
) -> Result<(Vec<T>, bool), Failure> {
    let mut conditions = Conditions::of(filter);
    conditions.add_after(filter);
    let first = filter.order.column().map(|column| format!("c.{column}, ")).unwrap_or_default();
    let order = if filter.is_newest_first { "DESC" } else { "ASC" };
    // One more than asked for tells whether there are more.
    let limit = i64::try_from(filter.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let tail = format!("ORDER BY {first}c.id {order} LIMIT {limit}");
    let sought = if filter.may_be_seldom() { seek(tx, filter, select, &tail).await? } else { None };
    let rows = match sought {
        Some(rows) => rows,
        None => tx.query(&format!("{select} {} {tail}", conditions.sql()), &conditions.values()).await?,
    };
    let mut cases = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let has_more = cases.len() > filter.limit;
    cases.truncate(filter.limit);
    Ok((cases, has_more))
}

/// Looks at some cases one by one, and where these fill no page asks the indexes; none where there are so few cases that nothing of that
/// is needed.
async fn seek(tx: &Transaction<'_>, filter: &CaseFilter, select: &str, tail: &str) -> Result<Option<Vec<Row>>, Failure> {
    let [first, last] = CASES_LOOKED_AT;
    let paged = || {
        let mut conditions = Conditions::of(filter);
        conditions.add_after(filter);
        conditions
    };
    for looked_at in [first, last] {
        let Some(bound) = find_bound(tx, filter, looked_at).await? else { return Ok(None) };
        let mut near = paged();
        let bound = near.value(bound);
        near.terms.push(format!("c.id {} {bound}", if filter.is_newest_first { ">=" } else { "<=" }));
        let found = tx.query(&format!("{select} {} {tail}", near.sql()), &near.values()).await?;
        if found.len() > filter.limit {
            return Ok(Some(found));
        }
        if !filter.may_be_filled(found.len(), looked_at, last) {
            break;
        }
    }
    // All that are wanted are found before they are put in order, by whichever index has the fewest.
    let conditions = paged();
    let of = |part: &str| format!("SELECT c.* FROM gk_case AS c {} AND c.is_open {part}", conditions.sql());
    let found = format!("{} UNION ALL {} OFFSET 0", of("= 1"), of("IS DISTINCT FROM 1"));
    let select = select.replacen("gk_case AS c", &format!("({found}) AS c"), 1);
    Ok(Some(tx.query(&format!("{select} {tail}"), &conditions.values()).await?))
}

/// Returns the id up to which so many cases are looked at one by one; none where there are no more than that.
async fn find_bound(tx: &Transaction<'_>, filter: &CaseFilter, looked_at: usize) -> Result<Option<uuid::Uuid>, Failure> {
    let mut conditions = Conditions { terms: Vec::new(), values: Vec::new() };
    conditions.add_after(filter);
    let order = if filter.is_newest_first { "DESC" } else { "ASC" };
    let sql = format!("SELECT c.id FROM gk_case AS c {} ORDER BY c.id {order} LIMIT 1 OFFSET {looked_at}", conditions.sql());
    Ok(tx.query_opt(&sql, &conditions.values()).await?.map(|row| row.get(0)))
}

struct Conditions {
    terms: Vec<String>,
    values: Vec<Box<dyn ToSql + Sync>>,
}

impl Conditions {
    fn of(filter: &CaseFilter) -> Self {
        let mut conditions = Self { terms: Vec::new(), values: Vec::new() };
        if let Some([west, south, east, north]) = filter.bbox {
            conditions.add_window(west, south, east, north);
        }
        conditions.add_territory(&filter.territory);
        if let Some(prefix) = &filter.grid_prefix {
            let upper = conditions.value(format!("{}{}", to_text(prefix), char::MAX));
            let prefix = conditions.value(to_text(prefix).into_owned());
            conditions.terms.push(format!("c.grid >= {prefix} AND c.grid <= {upper} AND starts_with(c.grid, {prefix})"));
        }
        if let Some(category) = &filter.category {
            let category = conditions.value(to_text(category).into_owned());
            conditions.terms.push(format!("c.category = {category}"));
        }
        if let Some(from) = filter.reported_from {
            let from = conditions.value(Time(to_milliseconds_up(from)));
            conditions.terms.push(format!("c.reported_at >= {from}"));
        }
        if let Some(to) = filter.reported_to {
            let to = conditions.value(Time(to_milliseconds_up(to)));
            conditions.terms.push(format!("c.reported_at < {to}"));
        }
        if let Some(state) = &filter.state {
            let state = conditions.value(to_text(state).into_owned());
            conditions.terms.push(format!("c.state = {state}"));
        }
        // As the index is written, which takes no parameter.
        conditions.terms.extend(filter.is_open.map(|is_open| format!("c.is_open = {}", i32::from(is_open))));
        conditions.terms.extend(filter.is_published.map(|is_published| format!("c.is_published = {}", i32::from(is_published))));
        if let Some(before) = filter.due_before {
            let before = conditions.value(Time(to_milliseconds_up(before)));
            conditions.terms.push(format!("c.due_at < {before}"));
        }
        if let Some(by) = filter.alarm_by {
            let by = conditions.value(Time(by));
            conditions.terms.push(format!("c.alarm_at <= {by}"));
        }
        if let Some(worker) = &filter.worker {
            let id = conditions.value(to_text(&worker.0).into_owned());
            let framed = conditions.value(to_text(&format!("\n{worker}\n")).into_owned());
            let own = format!("c.holder = (SELECT key FROM gk_person WHERE worker_id = {id})");
            conditions.terms.push(format!("({own} OR strpos(c.people, {framed}) > 0)"));
        }
        if filter.is_near_border {
            conditions.terms.push("c.border_m IS NOT NULL".to_owned());
        }
        if filter.is_long {
            conditions.terms.push("c.is_long = 1".to_owned());
        }
        if let Some(from) = filter.part_from {
            let from = conditions.value(Time(to_milliseconds_up(from)));
            conditions.terms.push(format!("c.part_until >= {from}"));
        }
        if let Some(department) = &filter.department {
            let department = conditions.value(to_text(department).into_owned());
            conditions.terms.push(format!("string_to_array(c.departments, E'\\n') @> ARRAY[{department}]"));
        }
        conditions
    }

    fn add_after(&mut self, filter: &CaseFilter) {
        let Some(after) = filter.after else { return };
        let id = self.value(after.0);
        let term = match (filter.order, filter.reported_from) {
            (CaseOrder::Reported, Some(at)) => {
                let at = self.value(Time(to_milliseconds_up(at)));
                format!("(c.reported_at <> {at} OR c.id > {id})")
            }
            _ => format!("c.id {} {id}", if filter.is_newest_first { "<" } else { ">" }),
        };
        self.terms.push(term);
    }

    /// Each case is held against the span of the runs, and of several against each.
    fn add_territory(&mut self, territory: &Territory) {
        let Some(runs) = territory.runs() else { return };
        let [Some(first), Some(last)] = [runs.first(), runs.last()] else { return self.terms.push("false".to_owned()) };
        let [from, to] = [&first.first, &last.last].map(|code| self.value(code.to_string()));
        self.terms.push(format!("c.grid BETWEEN {from} AND {to}"));
        if runs.len() > 1 {
            let ends = |end: fn(&CodeRun) -> &UnitCode| runs.iter().map(|run| end(run).to_string()).collect::<Vec<String>>();
            let firsts = self.value(ends(|run| &run.first));
            let lasts = self.value(ends(|run| &run.last));
            let run = format!("unnest({firsts}::text[], {lasts}::text[]) AS run (first, last)");
            self.terms.push(format!("EXISTS (SELECT 1 FROM {run} WHERE c.grid BETWEEN run.first AND run.last)"));
        }
    }

    /// The index compares rounded boxes, so the numbers themselves decide.
    fn add_window(&mut self, west: f64, south: f64, east: f64, north: f64) {
        let [w, s, e, n] = [west, south, east, north].map(|bound| self.value(bound));
        let near = |w: &str, e: &str| format!("c.geom && ST_MakeEnvelope({w}, {s}, {e}, {n}, 4326)");
        let (near, within) = if west <= east {
            (near(&w, &e), format!("c.lon BETWEEN {w} AND {e}"))
        } else {
            (format!("({} OR {})", near(&w, "180"), near("-180", &e)), format!("(c.lon >= {w} OR c.lon <= {e})"))
        };
        self.terms.extend([near, within, format!("c.lat BETWEEN {s} AND {n}")]);
    }

    /// Keeps a value and returns what stands for it.
    fn value(&mut self, value: impl ToSql + Sync + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    fn sql(&self) -> String {
        if self.terms.is_empty() { String::new() } else { format!("WHERE {}", self.terms.join(" AND ")) }
    }

    fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(AsRef::as_ref).collect()
    }
}

/// A bound between two milliseconds lies, for times kept to the millisecond, at the later.
fn to_milliseconds_up(at: Timestamp) -> Timestamp {
    let cut = to_milliseconds(at);
    if cut >= at { cut } else { cut.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(at) }
}

fn read_mark(row: &Row) -> Result<CaseMark, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("case", detail);
    Ok(CaseMark {
        id: CaseId(row.get(0)),
        position: Position::new(row.get(1), row.get(2)).map_err(|e| broken(&e))?,
        category: from_text(row.get(3)),
        reported_at: row.try_get::<_, Time>(4)?.0,
        grid: row.get::<_, Option<&str>>(5).map(UnitCode::parse).transpose().map_err(|e| broken(&e))?,
        state: row.get::<_, Option<String>>(6).map(from_text),
        is_open: row.get::<_, Option<i32>>(7).map(|is_open| is_open == 1),
        due_at: row.try_get::<_, Option<Time>>(8)?.map(|Time(at)| at),
    })
}

pub(super) fn read_case(row: &Row) -> Result<Case, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("case", detail);
    let code = |text: Option<&str>| text.map(UnitCode::parse).transpose().map_err(|e| broken(&e));
    Ok(Case {
        id: CaseId(row.get(0)),
        position: Position::new(row.get(1), row.get(2)).map_err(|e| broken(&e))?,
        given: from_text(row.get(3)),
        category: from_text(row.get(4)),
        description: from_text(row.get(5)),
        source: from_text(row.get(6)),
        reported_at: row.try_get::<_, Time>(7)?.0,
        district: code(Some(row.get(11)).filter(|district: &&str| !district.is_empty()))?,
        grid: code(row.get(8))?,
        generation: row.get::<_, Option<i32>>(9).map(to_id).transpose()?,
        holder: row.get::<_, Option<String>>(10).map(worker_id),
    })
}

#[cfg(test)]
mod tests {
    use crate::store::conformance::{add, new};
    use crate::store::postgis::scratch::Scratch;
    use crate::store::{PostgisStore, Store};

    #[test]
    fn the_history_of_a_case_cannot_be_changed_or_emptied_not_even_by_the_month_or_in_an_older_database() {
        let Some(database) = Scratch::create() else { return };
        let store = PostgisStore::open_or_create(database.address()).unwrap();
        store.write_cases(vec![add(new(1, 111.0, None)), add(new(2, 112.0, None))]).unwrap();
        let events = store.load_case_events(0, 10).unwrap();
        let refuses_all = || {
            for statement in [
                "UPDATE gk_case_event SET author = 'b' WHERE number = 1",
                "UPDATE gk_case_event_2026_01 SET author = 'b'",
                "DELETE FROM gk_case_event",
                "DELETE FROM gk_case_event_2026_01",
                "TRUNCATE gk_case_event",
                "TRUNCATE gk_case_event_2026_01",
            ] {
                let told = database.refuse(statement);
                assert!(told.contains("only added to"), "{statement}: {told}");
            }
            assert_eq!(store.load_case_events(0, 10).unwrap(), events);
        };
        refuses_all();
        // One whose months were made before gets the same.
        let undo = "DROP TRIGGER gk_case_event_is_only_added_to ON gk_case_event;
                    DROP TRIGGER gk_case_event_is_not_emptied ON gk_case_event;
                    DROP TRIGGER gk_case_event_is_not_emptied ON gk_case_event_2026_01;
                    DELETE FROM gk_migration WHERE version = 9";
        database.run(undo);
        drop(PostgisStore::open_or_create(database.address()).unwrap());
        refuses_all();
    }
}
