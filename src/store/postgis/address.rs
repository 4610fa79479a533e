//! Reads the address of a database, and says over which kind of connection it is reached.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::StoreError;

/// How long one host of the address may take to answer unless the address says otherwise (`connect_timeout`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long sent bytes may stay unconfirmed before the connection counts as broken, so that a cut cable is noticed.
const TCP_TIMEOUT: Duration = Duration::from_secs(15);
/// An idle connection is probed so often that it outlives the usual firewall and a dead peer is noticed.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Where the database is and how it is reached.
#[derive(Debug)]
pub(super) struct Address {
    pub config: Config,
    /// The address without its password, for messages.
    pub shown: String,
    /// None: the address forbids encryption.
    pub tls: Option<Tls>,
}

#[derive(Clone, Debug)]
pub(super) struct Tls {
    roots: Option<PathBuf>,
}

impl Address {
    /// Reads `postgres://[user[:password]@]host[:port][,host…]/database[?option=value…]`. Beside the options of the client
    /// (`sslmode`, `target_session_attrs`, `options`, `connect_timeout`…) `sslrootcert` names a PEM file with the authorities to
    /// trust in place of the system's. `sslmode=require` and the stronger `verify-full` both check certificate and name.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let shown = without_password(text);
        let (rest, roots, verifies) = take_tls_options(text);
        let open = |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Open { location: shown.clone(), source };
        let mut config: Config = rest.parse().map_err(|e: tokio_postgres::Error| open(e.into()))?;
        if verifies {
            config.ssl_mode(SslMode::Require);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_TIMEOUT);
        }
        config.keepalives_idle(KEEPALIVE);
        if config.get_application_name().is_none() {
            config.application_name("gridkeeper");
        }
        let wants_tls = config.get_ssl_mode() == SslMode::Require || roots.is_some();
        if !wants_tls {
            // "Prefer" would fall back to plain text unseen; encryption is used where the address asks for it.
            config.ssl_mode(SslMode::Disable);
        }
        Ok(Self { config, shown, tls: wants_tls.then_some(Tls { roots }) })
    }
}

impl Tls {
    /// Makes the connector: the authorities of the named file, else those of the system.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Box<dyn std::error::Error + Send + Sync>> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(path) => {
                for certificate in read_certificates(path)? {
                    roots.add(certificate)?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
            }
        }
        if roots.is_empty() {
            return Err("there is no certificate authority to trust; name a PEM file with sslrootcert=".into());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Box<dyn std::error::Error + Send + Sync>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    read().map_err(|e| format!("cannot read the certificates of {}: {e}", path.display()).into())
}

/// Takes the options out that the client does not know. Returns the rest of the address, the file of `sslrootcert`, and whether
/// `sslmode` asked for a check of the certificate.
fn take_tls_options(text: &str) -> (String, Option<PathBuf>, bool) {
    let (base, Some(query)) = split_query(text) else { return (text.to_owned(), None, false) };
    let (mut roots, mut verifies) = (None, false);
    let mut kept: Vec<&str> = Vec::new();
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("sslrootcert", path)) => roots = Some(PathBuf::from(&*percent_decode_str(path).decode_utf8_lossy())),
            Some(("sslmode", "verify-full" | "verify-ca")) => verifies = true,
            _ => kept.push(option),
        }
    }
    let rest = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
    (rest, roots, verifies)
}

/// Parts an address from its options. A password may hold a question mark, so the search begins behind it.
fn split_query(text: &str) -> (&str, Option<&str>) {
    let place = text.rfind('@').unwrap_or(0);
    match text[place..].find('?') {
        Some(at) => (&text[..place + at], Some(&text[place + at + 1..])),
        None => (text, None),
    }
}

/// Leaves the password out, wherever it stands.
fn without_password(text: &str) -> String {
    let (base, query) = split_query(text);
    let base = match base.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (who, place))) => format!("{scheme}://{}@{place}", who.split(':').next().unwrap_or_default()),
        None => base.to_owned(),
    };
    let kept: Vec<&str> = query.into_iter().flat_map(|query| query.split('&')).filter(|option| !option.starts_with("password=")).collect();
    if kept.is_empty() { base } else { format!("{base}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (address, shown) in [
            ("postgres://gk:se:c@ret@db/grid", "postgres://gk@db/grid"),
            ("postgres://gk@db1,db2:5433/grid?password=secret&sslmode=require", "postgres://gk@db1,db2:5433/grid?sslmode=require"),
            ("postgresql://db/grid", "postgresql://db/grid"),
            ("postgres://gk:pa?ss@db/grid", "postgres://gk@db/grid"),
            ("postgres://gk:pa?x&sslmode=require@db/grid?connect_timeout=3", "postgres://gk@db/grid?connect_timeout=3"),
        ] {
            assert_eq!(without_password(address), shown);
        }
        let refused = Address::parse("postgres://gk:secret@db:port/grid").unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
    }

    #[test]
    fn encryption_is_used_where_the_address_asks_for_it() {
        let parse = |query: &str| Address::parse(&format!("postgres://gk@db/grid{query}")).unwrap();
        assert!(parse("").tls.is_none() && parse("?sslmode=disable").tls.is_none());
        for query in ["?sslmode=require", "?sslmode=verify-full", "?connect_timeout=3&sslrootcert=/etc/a%20b.pem"] {
            assert!(parse(query).tls.is_some(), "{query}");
        }
        assert_eq!(parse("?sslrootcert=/etc/a%20b.pem").tls.unwrap().roots, Some(PathBuf::from("/etc/a b.pem")));
        assert_eq!(parse("?sslmode=verify-full").config.get_ssl_mode(), SslMode::Require);
    }
}
