use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Context, Outcome};
use crate::api::{self, AppState, Tls};
use crate::app::{self, ErasureList, OpenMode, SharedStore};
use crate::config::Config;
use crate::snapshot::Live;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to listen; by default what the settings say, else 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Encrypts with this chain of certificates, PEM, and the key of --tls-key; both are read again on SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Offers this file to everybody under /archives/ by its name, whole or in ranges; may be given again
    #[arg(long, value_name = "FILE")]
    archive: Vec<PathBuf>,
    /// Offers the features of this GeoPackage to everybody as collections, FILE.gpkg or FILE.gpkg:LAYER; may be given again
    #[arg(long, value_name = "FILE")]
    collection: Vec<String>,
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    let store = open(&context.store)?;
    let listen = args.listen.unwrap_or(context.config.http.listen);
    let mut config = context.config.clone();
    config.map.archives.extend(args.archive);
    config.features.collections.extend(args.collection);
    check_archives(&config.map.archives)?;
    crate::import::Crs::parse(&config.geocoder.crs).context("the setting geocoder.crs is wrong")?;
    if args.tls_cert.is_some() {
        (config.http.tls_cert, config.http.tls_key) = (args.tls_cert, args.tls_key);
    }
    let scheme = if config.http.tls_cert.is_some() { "https" } else { "http" };
    let erasures = ErasureList::of(&context.store, &config.privacy);
    run_service(config, store, erasures, listen, move |address| {
        tracing::info!("the map is at {scheme}://{address}/app/");
    })
}

/// Opens the store for taking cases in; where it cannot be written, for reading, so that lookups and maps are answered all the same.
pub(super) fn open(address: &str) -> anyhow::Result<SharedStore> {
    app::open_store(address, OpenMode::Write).or_else(|error| {
        let Ok(store) = app::open_store(address, OpenMode::ReadOnly) else { return Err(error.into()) };
        tracing::warn!(error = &error as &(dyn std::error::Error + 'static), "the store cannot be written, so no cases are taken in");
        Ok(store)
    })
}

/// Sees that every archive is there and has a name of its own, so that a slip is told now and not to a caller.
fn check_archives(archives: &[PathBuf]) -> anyhow::Result<()> {
    for (at, path) in archives.iter().enumerate() {
        std::fs::File::open(path).with_context(|| format!("cannot read the archive {}", path.display()))?;
        let name = path.file_name();
        let is_taken = archives[..at].iter().any(|other| other.file_name() == name);
        anyhow::ensure!(!is_taken, "two archives have the name of {}; rename one", path.display());
    }
    Ok(())
}

/// Serves a store until SIGTERM or SIGINT. `on_ready` is called once, with the bound address, as soon as lookups are answered.
pub fn run_service(
    config: Config,
    store: SharedStore,
    erasures: ErasureList,
    listen: SocketAddr,
    on_ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the service's threads")?;
    let outcome = runtime.block_on(serve(config, store, erasures, listen, on_ready));
    // A snapshot that is just being built is of no use any more.
    runtime.shutdown_background();
    outcome
}

async fn serve(
    config: Config,
    store: SharedStore,
    erasures: ErasureList,
    listen: SocketAddr,
    on_ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> anyhow::Result<Outcome> {
    // Both must be asked for: the usual handler for Ctrl-C does not see SIGTERM.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    // Kept from ending the program also where there is nothing to read again.
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let tls = match (&config.http.tls_cert, &config.http.tls_key) {
        (Some(certificates), Some(key)) => Some(Arc::new(Tls::load(certificates, key)?)),
        _ => None,
    };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr().context("cannot learn the address that was bound")?;
    tracing::info!("listening on {}://{address}", if tls.is_some() { "https" } else { "http" });
    if tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            "{address} is reachable by others without encryption: keys travel in the clear, and browsers give no position; serve with --tls-cert and --tls-key, or put a TLS proxy in front"
        );
    }
    let tables = app::read_tables(&config.features.collections, config.features.collection_bytes_max)?;
    let described = app::read_tile_layers(&config.map)?;
    let state = AppState::with_tables(Arc::new(Live::default()), Arc::clone(&store), config, tables, described);
    state.tell_erasures_to(Arc::new(erasures));
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing the requests under way");
    };
    let feed = feed(state.clone(), store, address, on_ready);
    let reload = reload_on(&mut hangup, tls.as_deref());
    let serving = async {
        match &tls {
            Some(tls) => api::serve_encrypted(listener, Arc::clone(tls), state, stop).await,
            None => api::serve(listener, state, stop).await,
        }
    };
    tokio::select! {
        result = serving => result.context("cannot go on listening")?,
        error = feed => return Err(error),
        never = reload => match never {},
    }
    Ok(Outcome::Done)
}

/// Reads the certificate again at each signal. One that cannot be used leaves the one before in use.
async fn reload_on(hangup: &mut Signal, tls: Option<&Tls>) -> Infallible {
    loop {
        if hangup.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        match tls.map(Tls::reload) {
            None => tracing::info!("SIGHUP: there is no certificate to read again"),
            Some(Ok(())) => tracing::info!("the certificate has been read again"),
            Some(Err(error)) => tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "the certificate before stays in use"),
        }
    }
}

/// Builds the first snapshot and then follows the store. Returns only when the first one cannot be built.
async fn feed(state: AppState, store: SharedStore, address: SocketAddr, on_ready: impl FnOnce(SocketAddr)) -> anyhow::Error {
    if let Err(error) = app::load_first(&state, &store).await {
        return error.into();
    }
    if state.live().load().is_some_and(|snapshot| snapshot.layers().is_empty()) {
        tracing::warn!("the store has no boundaries in force yet; import some");
    }
    on_ready(address);
    let (looked_at, workflow) = (Arc::clone(&store), state.config().cases.workflow.clone());
    // All open cases are read for it, which is nothing to wait for.
    tokio::task::spawn_blocking(move || match app::find_stranded(&*looked_at, &workflow) {
        Ok(stranded) => app::describe_stranded(&stranded, &workflow).into_iter().for_each(|told| tracing::warn!("{told}")),
        Err(error) => tracing::warn!(%error, "cannot look for cases in states that the workflow does not have"),
    });
    app::follow(state, store).await
}
