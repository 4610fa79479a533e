//! Brings the tables up to date, step by step, each in one transaction.

use deadpool_postgres::{Object, Transaction};
use refinery::{Migration, Runner};

use super::connection::{Failure, corrupt};
use crate::store::StoreError;

/// A migration is never changed once it has been released; what follows is a new one.
const MIGRATIONS: [(&str, &str); 11] = [
    ("V1__store", include_str!("../../../migrations/postgis/V1__store.sql")),
    ("V2__publications", include_str!("../../../migrations/postgis/V2__publications.sql")),
    ("V3__photos", include_str!("../../../migrations/postgis/V3__photos.sql")),
    ("V4__parts", include_str!("../../../migrations/postgis/V4__parts.sql")),
    ("V5__lists", include_str!("../../../migrations/postgis/V5__lists.sql")),
    ("V6__lists_of_ended", include_str!("../../../migrations/postgis/V6__lists_of_ended.sql")),
    ("V7__people", include_str!("../../../migrations/postgis/V7__people.sql")),
    ("V8__notices", include_str!("../../../migrations/postgis/V8__notices.sql")),
    ("V9__histories", include_str!("../../../migrations/postgis/V9__histories.sql")),
    ("V10__months", include_str!("../../../migrations/postgis/V10__months.sql")),
    ("V11__skills", include_str!("../../../migrations/postgis/V11__skills.sql")),
];

const TABLE: &str = "gk_migration";

/// Returns the number of the last migration; none where there are no tables of ours.
pub(super) async fn find_version(transaction: &Transaction<'_>) -> Result<Option<i64>, Failure> {
    let sql = format!("SELECT to_regclass('{TABLE}') IS NOT NULL");
    if !transaction.query_one(&sql, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = format!("SELECT max(version)::bigint FROM {TABLE}");
    Ok(transaction.query_one(&sql, &[]).await?.get(0))
}

pub(super) fn is_older(version: i64) -> bool {
    version < i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// A database is not brought up to date by who may only read it, and its tables lack what this program asks for.
pub(super) fn refuse_older(location: &str, version: i64) -> Result<(), StoreError> {
    if !is_older(version) {
        return Ok(());
    }
    let found = format!(
        "has the layout {version} of an older gridkeeper; let this one write to it once, as `serve` does, which brings it up to date"
    );
    Err(StoreError::Foreign { location: location.to_owned(), found })
}

pub(super) fn refuse_newer(location: &str, version: i64) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version <= known {
        return Ok(());
    }
    let found = format!("has the layout {version} of a newer gridkeeper, and this one knows layouts up to {known}; use the newer program");
    Err(StoreError::Foreign { location: location.to_owned(), found })
}

pub(super) async fn run(client: &mut Object) -> Result<(), Failure> {
    let broken = |e: refinery::Error| corrupt("list of migrations", &chain(&e));
    let runner = runner().map_err(broken)?;
    // Two processes that are started together would both make the tables.
    let lock = "hashtext('gridkeeper.' || current_schema()), 0";
    client.batch_execute(&format!("SELECT pg_advisory_lock({lock})")).await?;
    let result = runner.run_async(&mut ***client).await;
    client.batch_execute(&format!("SELECT pg_advisory_unlock({lock})")).await?;
    result.map(|_| ()).map_err(broken)
}

fn runner() -> Result<Runner, refinery::Error> {
    let migrations = MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect::<Result<Vec<_>, _>>()?;
    let mut runner = Runner::new(&migrations);
    runner.set_migration_table_name(TABLE);
    Ok(runner)
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgis::connection::Connections;
    use crate::store::postgis::scratch::Scratch;

    /// Makes the tables as they were with some migration.
    fn make_as_of(database: &Scratch, version: i32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut client, connection) = tokio_postgres::connect(database.address(), tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            runner().unwrap().set_target(refinery::Target::Version(version)).run_async(&mut client).await.unwrap();
        });
    }

    #[test]
    fn a_month_that_is_being_taken_out_gets_the_columns_of_the_table() {
        let Some(database) = Scratch::create() else { return };
        make_as_of(&database, 3);
        let case =
            "INSERT INTO gk_case (id, district, reported_at, lon, lat, given, category, description, source, state, version, is_open, geom)
             SELECT gen_random_uuid(), '', at, 111.6, 26.2, '', '', '', '', 'closed', 1, 0, ST_SetSRID(ST_MakePoint(111.6, 26.2), 4326)
             FROM unnest(ARRAY['2025-01-05'::timestamptz, '2025-02-05']) AS c (at);
             INSERT INTO gk_case_event SELECT 1, id, reported_at, 1, reported_at + interval '40 days', '', '', '', '', 'closed', 1,
               '{\"clocks\":[{\"due_at\":\"2025-02-10T00:00:00Z\"},{}]}' FROM gk_case WHERE reported_at < '2025-02-01';
             INSERT INTO gk_case_event SELECT 2, id, reported_at, 1, reported_at, '', '', '', '', 'closed', 1, '{}' FROM gk_case
               WHERE reported_at >= '2025-02-01';";
        let months = ["01", "02"].map(|month| {
            let next = if month == "01" { "02" } else { "03" };
            ["gk_case", "gk_case_event"].map(|table| {
                format!(
                    "CREATE TABLE {table}_2025_{month} (LIKE {table} INCLUDING ALL);
                     ALTER TABLE {table} ATTACH PARTITION {table}_2025_{month} FOR VALUES FROM ('2025-{month}-01') TO ('2025-{next}-01');"
                )
            })
        });
        let out = "ALTER TABLE gk_case DETACH PARTITION gk_case_2025_01; ALTER TABLE gk_case_2025_01 RENAME TO gk_case_2025_01_out;";
        database.run(&format!("{}{case}{out}", months.concat().concat()));
        let connections = Connections::open_or_create(database.address()).unwrap();
        let ask = |sql: &'static str| -> Vec<(Option<String>, Option<i32>)> {
            let read = async |tx: &Transaction<'_>| Ok(tx.query(sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect());
            connections.read("ask", read).unwrap()
        };
        assert_eq!(
            ask("SELECT to_char(part_until AT TIME ZONE 'UTC', 'YYYY-MM-DD'), is_long FROM gk_case"),
            [(Some("2025-02-05".into()), Some(0))]
        );
        // Nobody judges what is out; its rows are read as they are.
        assert_eq!(ask("SELECT part_until::text, is_long FROM gk_case_2025_01_out"), [(None, None)]);
    }

    #[test]
    fn every_column_of_tables_and_views_says_what_it_holds() {
        let Some(database) = Scratch::create() else { return };
        let connections = Connections::open_or_create(database.address()).unwrap();
        let ask = |sql: &'static str| -> Vec<String> {
            connections.read("ask", async |tx| Ok(tx.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())).unwrap()
        };
        let silent = ask("SELECT c.relname || '.' || a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
             WHERE c.relname LIKE 'gk\\_%' AND c.relname <> 'gk_migration' AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0
               AND col_description(c.oid, a.attnum) IS NULL");
        assert_eq!(silent, Vec::<String>::new());
        let actions = ask("SELECT col_description('gk_audit'::regclass, 4)").concat();
        assert!(actions.contains("detach_month") && actions.contains("archive_month"), "{actions}");
    }
}
