//! Tables that are cut by months, so that an old month can be taken out whole, and in which of their months there is what is looked for.

use std::collections::BTreeSet;

use deadpool_postgres::Transaction;
use futures_util::future::try_join;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::values::Time;
use crate::store::StoreError;

/// The tables that are cut, with the column that says in which month a row belongs.
pub(super) const TABLES: [(&str, &str); 3] = [("gk_case", "reported_at"), ("gk_case_event", "reported_at"), ("gk_audit", "at")];

/// Those of which no row is changed or deleted; their months are dropped whole.
const ONLY_ADDED_TO: [&str; 2] = ["gk_case_event", "gk_audit"];

pub(super) fn column_of(table: &str) -> Option<&'static str> {
    TABLES.iter().find(|(name, _)| *name == table).map(|(_, column)| *column)
}

/// Months that one write may reach into: twenty years. A table of cases with more has its dates misread, and each would leave a table.
const MONTHS_MAX: usize = 240;

/// Returns the first day of the month in which `at` lies, UTC.
pub(super) fn month_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date().first_of_month()
}

/// Returns when the month begins in which `at` lies, UTC.
pub(super) fn begin_of(at: Timestamp) -> Timestamp {
    begin(month_of(at)).unwrap_or(Timestamp::MIN)
}

fn begin(day: Date) -> Result<Timestamp, jiff::Error> {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0))
}

/// Returns the name of a month's partition.
pub(super) fn partition_name(table: &str, month: Date) -> String {
    format!("{table}_{}{:04}_{:02}", if month.year() < 0 { "bc" } else { "" }, month.year().unsigned_abs(), month.month())
}

/// Returns the month of which a partition of `table` has the name.
pub(super) fn month_of_partition(table: &str, name: &str) -> Option<Date> {
    let text = name.strip_prefix(table)?.strip_prefix('_')?;
    let (text, sign) = text.strip_prefix("bc").map_or((text, 1), |text| (text, -1));
    let (year, month) = text.split_once('_')?;
    let month = Date::new(sign * year.parse::<i16>().ok()?, month.parse().ok()?, 1).ok()?;
    (partition_name(table, month) == name).then_some(month)
}

/// Times in which to look, apart from each other and in order: each from its first, up to its last, exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spans(Vec<(Timestamp, Timestamp)>);

impl Spans {
    /// Those of some months, told by when they begin, in order. Months that follow each other are one span.
    fn of(months: impl IntoIterator<Item = Timestamp>) -> Result<Self, Failure> {
        let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
        for month in months {
            let next = month_of(month).last_of_month().tomorrow().and_then(begin).map_err(|e| corrupt("month", &e))?;
            match spans.last_mut() {
                Some((_, end)) if *end == month => *end = next,
                _ => spans.push((month, next)),
            }
        }
        Ok(Self(spans))
    }

    /// Returns what a time of `column` has to be, where [`Self::ends`] are the parameters from `first` on.
    pub(super) fn condition(&self, column: &str, first: usize) -> String {
        let span = |from: usize| format!("{column} >= ${from} AND {column} < ${}", from + 1);
        let spans: Vec<String> = (0..self.0.len()).map(|at| span(first + 2 * at)).collect();
        if spans.is_empty() { "false".to_owned() } else { format!("({})", spans.join(" OR ")) }
    }

    pub(super) fn ends(&self) -> impl Iterator<Item = Time> {
        self.0.iter().flat_map(|(from, to)| [Time(*from), Time(*to)])
    }
}

/// Returns the months of cases that have not ended.
pub(super) async fn find_open(tx: &Transaction<'_>) -> Result<Spans, Failure> {
    let sql = "SELECT month FROM gk_case_month WHERE open_cases > 0 ORDER BY month";
    spans(&tx.query(&tx.prepare_cached(sql).await?, &[]).await?)
}

/// Returns the months of cases of which one has an event after `number`.
pub(super) async fn find_after(tx: &Transaction<'_>, number: i64) -> Result<Spans, Failure> {
    let sql = "SELECT month FROM gk_case_month WHERE last_event > $1 ORDER BY month";
    spans(&tx.query(&tx.prepare_cached(sql).await?, &[&number]).await?)
}

/// The next ids of cases in their order, and between when these were reported.
pub(super) struct Look {
    pub count: usize,
    /// The least and the greatest.
    pub ids: [Uuid; 2],
    /// The first time and the last.
    pub between: [Time; 2],
}

/// Looks at so many ids after one; none where there are no more.
pub(super) async fn look(tx: &Transaction<'_>, after: Option<Uuid>, is_newest_first: bool, count: usize) -> Result<Option<Look>, Failure> {
    let (order, than) = if is_newest_first { ("DESC", "<") } else { ("ASC", ">") };
    let after_id = if after.is_some() { format!("id {than} $1") } else { "$1::uuid IS NULL".to_owned() };
    let sql = format!(
        "WITH next AS MATERIALIZED (SELECT id, reported_at FROM gk_case_id WHERE {after_id} ORDER BY id {order} LIMIT $2)
         SELECT count(*), min(reported_at), max(reported_at), (SELECT id FROM next ORDER BY id LIMIT 1), (SELECT id FROM next ORDER BY id DESC LIMIT 1)
         FROM next"
    );
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let row = tx.query_one(&tx.prepare_cached(&sql).await?, &[&after, &limit]).await?;
    let (Some(first), Some(last)) = (row.try_get(1)?, row.try_get(2)?) else { return Ok(None) };
    let count = usize::try_from(row.get::<_, i64>(0)).unwrap_or(usize::MAX);
    Ok(Some(Look { count, ids: [row.get(3), row.get(4)], between: [first, last] }))
}

fn spans(rows: &[Row]) -> Result<Spans, Failure> {
    let months = rows.iter().map(|row| row.try_get::<_, Time>(0).map(|Time(at)| at)).collect::<Result<Vec<_>, _>>()?;
    Spans::of(months)
}

/// Makes the partitions of a table for the months of `times` that are not there yet.
pub(super) async fn ensure(tx: &Transaction<'_>, table: &str, times: impl IntoIterator<Item = Timestamp>) -> Result<(), Failure> {
    ensure_all(tx, &[table], times).await
}

/// Makes the partitions of some tables for the months of `times` that are not there yet.
pub(super) async fn ensure_all(tx: &Transaction<'_>, tables: &[&str], times: impl IntoIterator<Item = Timestamp>) -> Result<(), Failure> {
    let months: BTreeSet<Date> = times.into_iter().map(month_of).collect();
    if months.len() > MONTHS_MAX {
        return Err(Failure::Store(StoreError::TooManyMonths { months: months.len(), max: MONTHS_MAX }));
    }
    let partitions = tables.iter().flat_map(|table| months.iter().map(move |month| (*table, *month)));
    let partitions: Vec<(&str, Date, String)> = partitions.map(|(table, month)| (table, month, partition_name(table, month))).collect();
    let names: Vec<&str> = partitions.iter().map(|(.., name)| name.as_str()).collect();
    // The lock that writing to the tables takes anyway, taken before looking, so that no month is detached in between. One way there
    // and back for both.
    let locked: Vec<String> = tables.iter().map(|table| format!("ONLY {table}")).collect();
    let lock = format!("LOCK TABLE {} IN ROW EXCLUSIVE MODE", locked.join(", "));
    let lock = async { tx.batch_execute(&lock).await.map_err(Failure::from) };
    let ((), known) = try_join(lock, find_tables(tx, &names)).await?;
    for (table, month, name) in partitions.iter().filter(|(.., name)| !known.contains(name)) {
        make_partition(tx, table, *month, name).await?;
    }
    Ok(())
}

async fn make_partition(tx: &Transaction<'_>, table: &str, month: Date, name: &str) -> Result<(), Failure> {
    let next = month.last_of_month().tomorrow().map_err(|e| corrupt("month", &e))?;
    // Two writers may find it missing at once; the second sees the first's when it has the lock.
    tx.batch_execute("SELECT pg_advisory_xact_lock(hashtext('gridkeeper.' || current_schema()), 2)").await?;
    if !find_tables(tx, &[name]).await?.is_empty() {
        return Ok(());
    }
    // Attached rather than made in place, which would lock out all who read the table.
    tx.batch_execute(&format!(
        "CREATE TABLE {name} (LIKE {table} INCLUDING ALL);
         ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{month} 00:00:00+00') TO ('{next} 00:00:00+00')"
    ))
    .await?;
    if ONLY_ADDED_TO.contains(&table) {
        // Triggers of rows come with the table; those of statements do not.
        tx.batch_execute(&format!(
            "CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION gk_refuse_change()"
        ))
        .await?;
    }
    Ok(())
}

/// Returns those of `names` that are tables. The catalogue is read as a table, for what PostgreSQL remembers of names may be older
/// than the lock.
async fn find_tables(tx: &Transaction<'_>, names: &[&str]) -> Result<BTreeSet<String>, Failure> {
    let sql = "SELECT relname::text FROM pg_class WHERE relname = ANY ($1) AND relnamespace = current_schema()::regnamespace";
    Ok(tx.query(&tx.prepare_cached(sql).await?, &[&names]).await?.iter().map(|row| row.get(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_that_follow_each_other_are_one_span() {
        let months = ["2025-11-01", "2025-12-01", "2026-01-01", "2026-03-01"].map(|day| format!("{day}T00:00:00Z").parse().unwrap());
        let spans = Spans::of(months).unwrap();
        assert_eq!(spans.condition("c.at", 3), "(c.at >= $3 AND c.at < $4 OR c.at >= $5 AND c.at < $6)");
        let ends: Vec<String> = spans.ends().map(|Time(at)| at.to_string()).collect();
        assert_eq!(ends, ["2025-11-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"]);
        assert_eq!(Spans::of([]).unwrap().condition("c.at", 1), "false");
    }

    #[test]
    fn a_month_begins_in_utc() {
        for (at, name) in [
            ("2026-01-01T00:00:00Z", "gk_case_2026_01"),
            ("2026-01-01T07:59:59+08:00", "gk_case_2025_12"),
            ("1970-01-01T00:00:00Z", "gk_case_1970_01"),
        ] {
            let month = month_of(at.parse().unwrap());
            assert_eq!(partition_name("gk_case", month), name);
            assert_eq!(month_of_partition("gk_case", name), Some(month));
        }
        for other in ["gk_case_id", "gk_case", "gk_case_2025_13", "gk_case_2025_1", "gk_case_2025_01_out", "gk_audit_2025_01"] {
            assert_eq!(month_of_partition("gk_case", other), None, "{other}");
        }
    }
}
