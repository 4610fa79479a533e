//! The connections of one process to one database, and the runtime that drives them behind the store's blocking face.

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime as PoolRuntime, TimeoutType, Timeouts};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{IsolationLevel, NoTls, Transaction};

use super::address::Address;
use super::migrate;
use crate::store::StoreError;

/// Connections of one process. The service reads the store from four threads at once and follows it from one.
const CONNECTIONS_MAX: usize = 8;
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
    is_read_only: bool,
    /// The type of geometry columns, which differs from database to database.
    geometry: Type,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("address", &self.address.shown)
            .field("is_read_only", &self.is_read_only)
            .finish_non_exhaustive()
    }
}

impl Connections {
    /// Opens a store that exists, for reading.
    pub(super) fn open_read_only(address: &str) -> Result<Self, StoreError> {
        let mut connections = Self::connect(address, true)?;
        let found = connections.read("read the layout", async |tx| migrate::find_version(tx).await)?;
        let version = found.ok_or_else(|| StoreError::Missing { location: connections.location() })?;
        migrate::refuse_newer(&connections.location(), version)?;
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
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &address.tls {
            Some(tls) => Manager::from_config(address.config.clone(), tls.connector().map_err(open)?, recycling),
            None => Manager::from_config(address.config.clone(), NoTls, recycling),
        };
        let timeouts = Timeouts { wait: Some(WAIT_FOR_CONNECTION), create: Some(WAIT_FOR_CONNECTION), recycle: Some(QUESTION_MAX) };
        let pool = Pool::builder(manager).max_size(CONNECTIONS_MAX).timeouts(timeouts).runtime(PoolRuntime::Tokio1).build();
        let pool = pool.map_err(|e| open(e.into()))?;
        Ok(Self { address, pool, runtime: Some(runtime), is_read_only, geometry: Type::UNKNOWN })
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

    /// Runs `work` in one read-only transaction, so that it sees one state of the store.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.read_within(READ_MAX, action, work)
    }

    /// Like [`Self::read`], for what reads the whole store.
    pub(super) fn read_all<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.read_within(COPY_MAX, action, work)
    }

    /// Like [`Self::read`], for what is answered in a moment unless the database is away.
    pub(super) fn ask<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.read_within(QUESTION_MAX, action, work)
    }

    fn read_within<T>(
        &self,
        limit: Duration,
        action: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let result = self.block_on(async {
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
        });
        result.map_err(|failure| self.error(action, failure))
    }

    /// Runs `work` in one transaction, which is durable when this returns and leaves nothing where it fails. Writes of several
    /// processes to boundaries, rosters, keys and notes come one after the other.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.write_with(action, async |tx| {
            tx.batch_execute("SELECT pg_advisory_xact_lock(hashtext('gridkeeper.' || current_schema()), 1)").await?;
            work(tx).await
        })
    }

    /// Like [`Self::write`], beside other writers: for cases, which come in while boundaries are published.
    pub(super) fn write_beside<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.write_with(action, work)
    }

    fn write_with<T>(&self, action: &'static str, work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, StoreError> {
        if self.is_read_only {
            return Err(StoreError::ReadOnly { action, location: self.location() });
        }
        let result = self.block_on(async {
            let mut client = self.pool.get().await?;
            let transaction = client.transaction().await?;
            // A write that is told of is on the disk, whatever the server was set to.
            let settings = format!(
                "SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';
                 SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
            );
            transaction.batch_execute(&settings).await?;
            let value = work(&transaction).await?;
            transaction
                .commit()
                .await
                .map_err(|error| if error.is_closed() { Failure::Unconfirmed(error) } else { Failure::Sql(error) })?;
            Ok(value)
        });
        result.map_err(|failure| self.error(action, failure))
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
            Failure::Unconfirmed(source) => StoreError::Unconfirmed { action, location, source: Box::new(source) },
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.pool.close();
        // A runtime may be dropped on a thread of another one only if nobody waits for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
