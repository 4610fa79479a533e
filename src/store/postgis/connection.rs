//! The connections of one process to one database, and the runtime that drives them behind the store's blocking face.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, QueueMode, RecyclingMethod, Runtime as PoolRuntime,
    TimeoutType, Timeouts, Transaction,
};
use futures_util::future::try_join;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{IsolationLevel, NoTls};

use super::address::Address;
use super::migrate;
use crate::store::StoreError;

/// Connections of one process. The service reads the store from four threads at once and follows it from one.
const CONNECTIONS_MAX: usize = 8;
/// Statements that a connection keeps ready. One over the months of ten years takes the server two megabytes, and of lists there are as many
/// as there are ways to ask for them.
const STATEMENTS_MAX: usize = 64;
/// How long a call waits for a connection that others use, or for a new one.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(15);
/// How long a read may take: a million units take half a minute; more is a database that hangs.
const READ_MAX: Duration = Duration::from_secs(300);
/// How long the reading of the whole store may take for a copy: it waits for the store that is written, over whatever network.
const COPY_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long a short question may take, such as that for the version. A database slower than this counts as away.
const QUESTION_MAX: Duration = Duration::from_secs(5);
/// How long a write waits for another's, the longest of which is the import of a million units. As SQL has it.
const LOCK_TIMEOUT: &str = "120s";
pub(super) const LOCK_WAIT_S: u64 = 120;

/// How long the confirmation of a write is waited for. A commit takes moments; one that takes longer waits for a synchronous standby
/// that is away, which may be for ever.
const COMMIT_MAX: Duration = Duration::from_secs(60);
/// How often work is begun in all where the database gives it up for the sake of other work: in a deadlock, for a serialization
/// failure, and on a standby for what it has to replay. Each such failure lets somebody else go on, so few are met in a row.
const ATTEMPTS_MAX: u32 = 5;
/// How long is waited before the second attempt; before each later one twice as long as before the last.
const PAUSE: Duration = Duration::from_millis(20);

/// What can go wrong inside, before the store's location and the action are added.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(tokio_postgres::Error),
    Pool(PoolError),
    Corrupt {
        what: &'static str,
        detail: String,
    },
    Store(StoreError),
    Late {
        after: Duration,
    },
    /// The connection broke while a write was being confirmed.
    Unconfirmed(tokio_postgres::Error),
    /// The confirmation of a write did not come.
    Unanswered {
        after: Duration,
    },
}

impl Failure {
    /// Whether the database gave the work up though nothing is wrong with it, and undid it.
    fn is_passing(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        [&SqlState::T_R_DEADLOCK_DETECTED, &SqlState::T_R_SERIALIZATION_FAILURE].into_iter().any(|code| error.code() == Some(code))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Sql(error),
            other => Self::Pool(other),
        }
    }
}

pub(super) fn corrupt(what: &'static str, detail: &dyn fmt::Display) -> Failure {
    Failure::Corrupt { what, detail: detail.to_string() }
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
struct Late(Duration);

/// A pool, and the runtime that drives its connections.
pub(super) struct Connections {
    address: Address,
    pool: Pool,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    /// Made when it is first needed.
    own: Mutex<Option<Own>>,
    is_read_only: bool,
    /// The type of geometry columns, which differs from database to database.
    geometry: Type,
    commit_max: Duration,
}

/// A connection that is driven by the thread that waits for it. Of a transaction with ten ways there and back each would otherwise go
/// through another thread twice, which where all cores are busy takes longer than the way.
struct Own {
    pool: Pool,
    runtime: Runtime,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("address", &self.address.shown)
            .field("is_read_only", &self.is_read_only)
            .finish_non_exhaustive()
    }
}

fn make_pool(address: &Address, recycling_method: RecyclingMethod, max_size: usize) -> Result<Pool, Box<dyn Error + Send + Sync>> {
    let recycling = ManagerConfig { recycling_method };
    let manager = match &address.tls {
        Some(tls) => Manager::from_config(address.config.clone(), tls.connector()?, recycling),
        None => Manager::from_config(address.config.clone(), NoTls, recycling),
    };
    let timeouts = Timeouts { wait: Some(WAIT_FOR_CONNECTION), create: Some(WAIT_FOR_CONNECTION), recycle: Some(QUESTION_MAX) };
    // A plan for all values is one over all months; tried in vain every so often, it takes a moment that somebody waits for.
    let settle = Hook::async_fn(|client, _| {
        Box::pin(async { client.batch_execute("SET plan_cache_mode = force_custom_plan").await.map_err(HookError::Backend) })
    });
    let forget = Hook::sync_fn(|client: &mut ClientWrapper, _| {
        if client.statement_cache.size() > STATEMENTS_MAX {
            client.statement_cache.clear();
        }
        Ok(())
    });
    // Whoever was given back last is taken first: it has its statements ready.
    Ok(Pool::builder(manager)
        .post_create(settle)
        .pre_recycle(forget)
        .max_size(max_size)
        .queue_mode(QueueMode::Lifo)
        .timeouts(timeouts)
        .runtime(PoolRuntime::Tokio1)
        .build()?)
}

impl Own {
    fn make(address: &Address) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Nobody hears of a connection that breaks while nobody waits for it, so it is asked before it is used.
        Ok(Self { pool: make_pool(address, RecyclingMethod::Verified, 1)?, runtime })
    }
}

impl Connections {
    /// Opens a store that exists, for reading.
    pub(super) fn open_read_only(address: &str) -> Result<Self, StoreError> {
        let mut connections = Self::connect(address, true)?;
        let found = connections.read("read the layout", async |tx| migrate::find_version(tx).await)?;
        let version = found.ok_or_else(|| StoreError::Missing { location: connections.location() })?;
        migrate::refuse_newer(&connections.location(), version)?;
        migrate::refuse_older(&connections.location(), version)?;
        connections.find_types()?;
        Ok(connections)
    }

    /// Opens a store for reading and writing, and makes its tables or brings them up to date where need be.
    pub(super) fn open_or_create(address: &str) -> Result<Self, StoreError> {
        let mut connections = Self::connect(address, false)?;
        let found = connections.read("read the layout", async |tx| migrate::find_version(tx).await)?;
        migrate::refuse_newer(&connections.location(), found.unwrap_or(0))?;
        if found.is_none_or(migrate::is_older) {
            connections
                .block_on(async {
                    let mut client = connections.pool.get().await?;
                    migrate::run(&mut client).await
                })
                .map_err(|failure| connections.error("make the tables", failure))?;
        }
        connections.find_types()?;
        Ok(connections)
    }

    fn connect(address: &str, is_read_only: bool) -> Result<Self, StoreError> {
        let address = Address::parse(address)?;
        let open = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Open { location: address.shown.clone(), source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("gridkeeper-postgres")
            .enable_all()
            .build()
            .map_err(|e| open(e.into()))?;
        let pool = make_pool(&address, RecyclingMethod::Fast, CONNECTIONS_MAX).map_err(open)?;
        Ok(Self {
            address,
            pool,
            runtime: Some(runtime),
            own: Mutex::new(None),
            is_read_only,
            geometry: Type::UNKNOWN,
            commit_max: COMMIT_MAX,
        })
    }

    fn find_types(&mut self) -> Result<(), StoreError> {
        let oid: u32 =
            self.read("find the type of geometries", async |tx| Ok(tx.query_one("SELECT 'geometry'::regtype::oid", &[]).await?.get(0)))?;
        self.geometry = Type::new("geometry".into(), oid, tokio_postgres::types::Kind::Simple, "public".into());
        Ok(())
    }

    pub(super) fn location(&self) -> String {
        self.address.shown.clone()
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("the runtime is there until the store is dropped")
    }

    pub(super) fn geometry_type(&self) -> Type {
        self.geometry.clone()
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime().block_on(work)
    }

    /// Runs `work` in one read-only transaction, so that it sees one state of the store; again where the database gave it up.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the closure in the call")]
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.again(self.runtime(), action, async || self.read_within(READ_MAX, &work).await)
    }

    /// Like [`Self::read`], for what reads the whole store, and hands on what it reads: it is run once.
    pub(super) fn read_all<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.block_on(self.read_within(COPY_MAX, work)).map_err(|failure| self.error(action, failure))
    }

    /// Like [`Self::read`], for what is answered in a moment unless the database is away.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the closure in the call")]
    pub(super) fn ask<T>(&self, action: &'static str, work: impl AsyncFn(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, StoreError> {
        self.again(self.runtime(), action, async || self.read_within(QUESTION_MAX, &work).await)
    }

    /// Runs an attempt, and again where the database gave it up for the sake of others.
    fn again<T>(&self, runtime: &Runtime, action: &'static str, attempt: impl AsyncFn() -> Result<T, Failure>) -> Result<T, StoreError> {
        let result = runtime.block_on(async {
            let mut pause = PAUSE;
            for _ in 1..ATTEMPTS_MAX {
                match attempt().await {
                    Err(failure) if failure.is_passing() => {
                        tracing::debug!(action, ?failure, "given up by the database; trying again");
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                    }
                    done => return done,
                }
            }
            attempt().await
        });
        result.map_err(|failure| self.error(action, failure))
    }

    async fn read_within<T>(&self, limit: Duration, work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let taken = tokio::time::timeout(limit, self.pool.get()).await;
        let mut client = taken.unwrap_or(Err(PoolError::Timeout(TimeoutType::Wait)))?;
        let reading = async {
            let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
            let transaction = builder.start().await?;
            let value = work(&transaction).await?;
            transaction.commit().await?;
            Ok(value)
        };
        let result = tokio::time::timeout(limit, reading).await;
        // A connection that still waits for an answer is of no use to the next caller.
        result.unwrap_or_else(|_| {
            drop(Object::take(client));
            Err(Failure::Late { after: limit })
        })
    }

    /// Runs `work` in one transaction, which is durable when this returns and leaves nothing where it fails; again where the database
    /// gave it up. Writes of several processes to boundaries, rosters, keys and notes come one after the other.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the closure in the call")]
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.write_beside(action, async |tx| {
            tx.batch_execute("SELECT pg_advisory_xact_lock(hashtext('gridkeeper.' || current_schema()), 1)").await?;
            work(tx).await
        })
    }

    /// Like [`Self::write`], beside other writers: for cases, which come in while boundaries are published.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the closure in the call")]
    pub(super) fn write_beside<T>(
        &self,
        action: &'static str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.refuse_read_only(action)?;
        self.again(self.runtime(), action, async || self.write_once(&self.pool, &work).await)
    }

    /// Like [`Self::write_beside`], for what is written many times a second: one caller at a time, who drives the connection as well.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the closure in the call")]
    pub(super) fn write_often<T>(
        &self,
        action: &'static str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.refuse_read_only(action)?;
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |source| StoreError::Open { location: self.location(), source };
        let own = match &mut *own {
            Some(own) => own,
            none => none.insert(Own::make(&self.address).map_err(open)?),
        };
        self.again(&own.runtime, action, async || self.write_once(&own.pool, &work).await)
    }

    fn refuse_read_only(&self, action: &'static str) -> Result<(), StoreError> {
        if self.is_read_only { Err(StoreError::ReadOnly { action, location: self.location() }) } else { Ok(()) }
    }

    async fn write_once<T>(&self, pool: &Pool, work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut client = pool.get().await?;
        // Each statement sees what was committed before it began, whichever way the database has by default.
        let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).start().await?;
        // A write that is told of is on the disk, whatever the server was set to.
        let settings = format!(
            "SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';
             SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
        );
        // Sent before the first statement of the work, which need not wait for the answer.
        let settle = async { transaction.batch_execute(&settings).await.map_err(Failure::from) };
        let value = match try_join(settle, work(&transaction)).await {
            Ok(((), value)) => value,
            Err(failure) => {
                // Waited for, as nobody may drive this connection afterwards, which would go on to hold its locks.
                if !matches!(tokio::time::timeout(QUESTION_MAX, transaction.rollback()).await, Ok(Ok(()))) {
                    drop(Object::take(client));
                }
                return Err(failure);
            }
        };
        match tokio::time::timeout(self.commit_max, transaction.commit()).await {
            Ok(Ok(())) => Ok(value),
            Ok(Err(error)) if error.is_closed() => Err(Failure::Unconfirmed(error)),
            Ok(Err(error)) => Err(Failure::Sql(error)),
            Err(_) => {
                // The connection still waits for its answer.
                drop(Object::take(client));
                Err(Failure::Unanswered { after: self.commit_max })
            }
        }
    }

    fn error(&self, action: &'static str, failure: Failure) -> StoreError {
        let location = self.location();
        match failure {
            Failure::Store(error) => error,
            Failure::Corrupt { what, detail } => StoreError::Corrupt { location, what, detail },
            Failure::Sql(source) if source.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                StoreError::Locked { location, waited_s: LOCK_WAIT_S }
            }
            Failure::Sql(source) => StoreError::Access { action, location, source: Box::new(source) },
            Failure::Pool(source) => StoreError::Access { action, location, source: Box::new(source) },
            Failure::Late { after } => StoreError::Access { action, location, source: Box::new(Late(after)) },
            Failure::Unconfirmed(source) => {
                StoreError::Unconfirmed { action, location, what: "the connection broke while it was confirmed", source: Box::new(source) }
            }
            Failure::Unanswered { after } => {
                let what = "the database has it and does not confirm it, as where a synchronous standby is away; it shows once one is back";
                StoreError::Unconfirmed { action, location, what, source: Box::new(Late(after)) }
            }
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.pool.close();
        // A runtime may be dropped on a thread of another one only if nobody waits for it.
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner).take().map(|own| own.runtime);
        self.runtime.take().into_iter().chain(own).for_each(Runtime::shutdown_background);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::store::postgis::scratch::Scratch;

    fn open(database: &Scratch) -> Connections {
        Connections::open_or_create(database.address()).unwrap()
    }

    fn execute(connections: &Connections, sql: &str) -> Result<(), StoreError> {
        connections.write("test", async |tx| Ok(tx.batch_execute(sql).await?))
    }

    #[test]
    fn what_the_database_gives_up_is_tried_again_for_a_while() {
        let Some(database) = Scratch::create() else { return };
        let connections = open(&database);
        // A sequence counts on though its transaction is undone.
        let give_up = "CREATE TABLE odd (number bigint); CREATE SEQUENCE attempt;
             CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF nextval('attempt') < NEW.number THEN RAISE EXCEPTION 'given up' USING ERRCODE = TG_ARGV[0]; END IF;
               RETURN NEW;
             END $$;";
        database.run(give_up);
        for code in ["40P01", "40001"] {
            let trigger = format!(
                "SELECT setval('attempt', 1, false);
                 CREATE OR REPLACE TRIGGER give_up BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION give_up('{code}')"
            );
            database.run(&trigger);
            execute(&connections, &format!("INSERT INTO odd VALUES ({ATTEMPTS_MAX})")).unwrap();
            database.run("SELECT setval('attempt', 1, false)");
            let refused = execute(&connections, &format!("INSERT INTO odd VALUES ({})", ATTEMPTS_MAX + 1)).unwrap_err();
            assert!(matches!(refused, StoreError::Access { .. }), "{refused}");
        }
        let rows = connections.read("test", async |tx| Ok(tx.query("SELECT number FROM odd", &[]).await?.len())).unwrap();
        assert_eq!(rows, 2, "each was written once");
        // What is wrong stays wrong.
        let wrong = execute(&connections, "SELECT 1 / 0").unwrap_err();
        assert!(matches!(wrong, StoreError::Access { .. }), "{wrong}");
    }

    #[test]
    fn a_confirmation_that_does_not_come_is_not_waited_for_without_end() {
        let Some(database) = Scratch::create() else { return };
        let mut connections = open(&database);
        // As slow as a commit that waits for a standby.
        let slow = "CREATE TABLE odd (number bigint);
             CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON odd DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()";
        database.run(slow);
        connections.commit_max = Duration::from_millis(200);
        let began = Instant::now();
        let error = execute(&connections, "INSERT INTO odd VALUES (1)").unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(matches!(error, StoreError::Unconfirmed { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains("cannot tell whether this did test") && said.contains("standby is away"), "{said}");
        // Other connections go on.
        connections.read("test", async |tx| Ok(tx.batch_execute("SELECT 1").await?)).unwrap();
    }
}
