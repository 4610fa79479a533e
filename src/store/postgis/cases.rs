//! Cases, in the order of their ids, kept by months.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio_postgres::Row;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::conditions::Conditions;
use super::connection::{Failure, corrupt};
use super::generations::{from_id, to_id};
use super::keys::note;
use super::months;
use super::roster::{person_keys, worker_id};
use super::values::{Ewkb, Time, from_text, to_text};
use crate::boundary::{Position, UnitCode};
use crate::dispatch::workflow::Place;
use crate::dispatch::{Case, CaseId, WorkerId, cell_of};
use crate::store::audit::Action;
use crate::store::case_records::Standing;

/// What [`read_case`] reads, of a case `c` with its holder `p`.
pub(super) const COLUMNS: &str =
    "c.id, c.lon, c.lat, c.given, c.category, c.description, c.source, c.reported_at, c.grid, c.generation, p.worker_id, c.district";

pub(super) fn select() -> String {
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
    let mut conditions = Conditions::default();
    conditions.terms.push("alarm_at IS NOT NULL".to_owned());
    conditions.add_spans("reported_at", &months::find_open(tx).await?);
    let sql = format!("SELECT min(alarm_at) FROM gk_case {}", conditions.sql());
    let row = tx.query_one(&tx.prepare_cached(&sql).await?, &conditions.values()).await?;
    Ok(row.try_get::<_, Option<Time>>(0)?.map(|time| time.0))
}

/// Keeps how near to a border cases are, where that is not known so.
pub(super) async fn save_borders(tx: &Transaction<'_>, borders: &[(CaseId, Option<f64>)]) -> Result<(), Failure> {
    let ids: Vec<Uuid> = borders.iter().map(|(id, _)| id.0).collect();
    let metres: Vec<Option<f64>> = borders.iter().map(|(_, border_m)| *border_m).collect();
    let mut conditions = Conditions::default();
    let (ids, metres) = (conditions.value(ids), conditions.value(metres));
    conditions.terms.push("c.id = n.id AND c.is_open = 1 AND c.border_m IS DISTINCT FROM n.border_m".to_owned());
    conditions.add_spans("c.reported_at", &months::find_open(tx).await?);
    let known = format!("unnest({ids}::uuid[], {metres}::double precision[]) AS n (id, border_m)");
    let sql = format!("UPDATE gk_case AS c SET border_m = n.border_m FROM {known} {}", conditions.sql());
    tx.execute(&sql, &conditions.values()).await?;
    Ok(())
}

pub(super) async fn find_case(tx: &Transaction<'_>, id: CaseId) -> Result<Option<Case>, Failure> {
    let Some(reported_at) = find_time(tx, id).await? else { return Ok(None) };
    let statement = tx.prepare_cached(&format!("{} WHERE c.id = $1 AND c.reported_at = $2", select())).await?;
    tx.query_opt(&statement, &[&id.0, &reported_at]).await?.map(|row| read_case(&row)).transpose()
}

/// Returns those of some cases that are there. Asked for by the span of their times too, which says in which months to look.
pub(super) async fn find_cases(tx: &Transaction<'_>, ids: &[CaseId]) -> Result<Vec<Case>, Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let statement = tx.prepare_cached("SELECT min(reported_at), max(reported_at) FROM gk_case_id WHERE id = ANY ($1)").await?;
    let row = tx.query_one(&statement, &[&ids]).await?;
    let (Some(first), Some(last)) = (row.try_get::<_, Option<Time>>(0)?, row.try_get::<_, Option<Time>>(1)?) else { return Ok(Vec::new()) };
    let sql = format!("{} WHERE c.id = ANY ($1) AND c.reported_at BETWEEN $2 AND $3", select());
    let rows = tx.query(&tx.prepare_cached(&sql).await?, &[&ids, &first, &last]).await?;
    rows.iter().map(read_case).collect()
}

/// Returns when a case was reported, which says in which month's partition to look for it; asked for by itself, so that a statement is
/// planned over that one alone.
pub(super) async fn find_time(tx: &Transaction<'_>, id: CaseId) -> Result<Option<Time>, Failure> {
    let statement = tx.prepare_cached("SELECT reported_at FROM gk_case_id WHERE id = $1").await?;
    let row = tx.query_opt(&statement, &[&id.0]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Returns those of some ids that a case has, or had whose month was taken out.
pub(super) async fn find_known(tx: &Transaction<'_>, ids: &[CaseId]) -> Result<Vec<CaseId>, Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = tx.query("SELECT id FROM gk_case_id WHERE id = ANY ($1)", &[&ids]).await?;
    Ok(rows.iter().map(|row| CaseId(row.get(0))).collect())
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
                    DROP TABLE gk_case_month; DROP FUNCTION gk_count_months; ALTER TABLE gk_case_counter RENAME COLUMN last_number TO number; ALTER TABLE gk_category DROP COLUMN skill;
                    DELETE FROM gk_migration WHERE version >= 9";
        database.run(undo);
        drop(PostgisStore::open_or_create(database.address()).unwrap());
        refuses_all();
    }
}
