//! Databases for tests, in the cluster that `scripts/with-postgres` starts. The tests of the public face use this file too.

use tokio_postgres::NoTls;

/// A database of its own, dropped with this.
pub struct Scratch {
    cluster: String,
    name: String,
    address: String,
}

impl Scratch {
    /// Makes an empty database, or says that the test is skipped where there is no cluster. Under CI there must be one.
    pub fn create() -> Option<Self> {
        let Ok(cluster) = std::env::var("GRIDKEEPER_TEST_POSTGRES") else {
            assert!(std::env::var_os("CI").is_none(), "tests need a cluster: run them by `make test`, or under scripts/with-postgres");
            eprintln!("skipped: no PostgreSQL cluster; run under scripts/with-postgres");
            return None;
        };
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        let (server, _) = cluster.rsplit_once('/').expect("the address names a database");
        let scratch = Self { address: format!("{server}/{name}"), cluster, name };
        run(&scratch.cluster, &format!("CREATE DATABASE {}", scratch.name));
        Some(scratch)
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Runs statements that the database must refuse, and returns what it says.
    #[allow(dead_code, reason = "the tests of the public face try no statement in vain")]
    pub fn refuse(&self, sql: &str) -> String {
        match try_run(&self.address, sql) {
            Err(error) => error.as_db_error().map_or_else(|| error.to_string(), |told| told.message().to_owned()),
            Ok(()) => panic!("{sql} was not refused"),
        }
    }

    /// Runs statements in the database.
    pub fn run(&self, sql: &str) {
        run(&self.address, sql);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        run(&self.cluster, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn run(address: &str, sql: &str) {
    try_run(address, sql).unwrap();
}

fn try_run(address: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
        let driving = tokio::spawn(connection);
        let done = client.batch_execute(sql).await;
        drop(client);
        driving.await.unwrap().unwrap();
        done
    })
}
