use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to agree on a key. Seconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Clients that agree on keys at once. More wait, unaccepted.
const HANDSHAKES_MAX: usize = 256;

/// How long accepting waits after a failure, such as when there are no more files to open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read the certificates of {path}: {detail}")]
    Certificates { path: PathBuf, detail: String },
    #[error("cannot read the private key of {path}: {detail}")]
    Key { path: PathBuf, detail: String },
    #[error("the key of {key} does not fit the certificate of {certificates}")]
    Mismatch {
        certificates: PathBuf,
        key: PathBuf,
        #[source]
        source: rustls::Error,
    },
}

/// The certificate with which the service encrypts. It can be read again while the service runs.
#[derive(Debug)]
pub struct Tls {
    certificates: PathBuf,
    key: PathBuf,
    current: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads a chain of certificates and its private key, both PEM.
    ///
    /// # Errors
    /// A file cannot be read, holds neither, or the two do not belong together.
    pub fn load(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let current = ArcSwap::from(load(certificates, key)?);
        Ok(Self { certificates: certificates.to_owned(), key: key.to_owned(), current })
    }

    /// Reads both files again. Connections that stand keep what they have agreed on; new ones get the new certificate.
    ///
    /// # Errors
    /// As [`Tls::load`]; what was read before stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(load(&self.certificates, &self.key)?);
        Ok(())
    }
}

fn load(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let failed = |detail: String| TlsError::Certificates { path: certificates.to_owned(), detail };
    let read = || CertificateDer::pem_file_iter(certificates)?.collect::<Result<Vec<_>, _>>();
    let chain = read().map_err(|error| failed(error.to_string()))?;
    if chain.is_empty() {
        return Err(failed("there is none in it".into()));
    }
    let private = PrivateKeyDer::from_pem_file(key);
    let private = private.map_err(|error| TlsError::Key { path: key.to_owned(), detail: error.to_string() })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.expect("ring knows the versions that are safe").with_no_client_auth();
    let mut config = builder.with_single_cert(chain, private).map_err(|source| TlsError::Mismatch {
        certificates: certificates.to_owned(),
        key: key.to_owned(),
        source,
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Accepts connections and encrypts them. A client that is slow to agree on a key holds up nobody else.
#[derive(Debug)]
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// # Errors
    /// The bound address cannot be learnt.
    pub fn new(listener: TcpListener, tls: Arc<Tls>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(1);
        Ok(Self { address, ready, accepting: tokio::spawn(accept(listener, tls, sender)) })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The task ends only with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(listener: TcpListener, tls: Arc<Tls>, ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let permits = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await.expect("nobody closes the semaphore");
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are written whole, so waiting to fill a packet would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let (acceptor, ready) = (TlsAcceptor::from(tls.current.load_full()), ready.clone());
        tokio::spawn(async move {
            let _permit = permit;
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(ready.send((stream, peer)).await),
                Ok(Err(error)) => tracing::debug!(%error, "a client did not agree on a key"),
                Err(_) => tracing::debug!("a client was too slow to agree on a key"),
            }
        });
    }
}
