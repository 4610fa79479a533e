//! Brings the tables up to date, step by step, each in one transaction.

use deadpool_postgres::Object;
use deadpool_postgres::Transaction;
use refinery::{Migration, Runner};

use super::connection::{Failure, corrupt};
use crate::store::StoreError;

/// A migration is never changed once it has been released; what follows is a new one.
const MIGRATIONS: [(&str, &str); 5] = [
    ("V1__store", include_str!("../../../migrations/postgis/V1__store.sql")),
    ("V2__publications", include_str!("../../../migrations/postgis/V2__publications.sql")),
    ("V3__photos", include_str!("../../../migrations/postgis/V3__photos.sql")),
    ("V4__parts", include_str!("../../../migrations/postgis/V4__parts.sql")),
    ("V5__lists", include_str!("../../../migrations/postgis/V5__lists.sql")),
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
    let migrations = MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect::<Result<Vec<_>, _>>().map_err(broken)?;
    let mut runner = Runner::new(&migrations);
    runner.set_migration_table_name(TABLE);
    // Two processes that are started together would both make the tables.
    let lock = "hashtext('gridkeeper.' || current_schema()), 0";
    client.batch_execute(&format!("SELECT pg_advisory_lock({lock})")).await?;
    let result = runner.run_async(&mut ***client).await;
    client.batch_execute(&format!("SELECT pg_advisory_unlock({lock})")).await?;
    result.map(|_| ()).map_err(broken)
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use crate::store::postgis::connection::Connections;
    use crate::store::postgis::scratch::Scratch;

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
