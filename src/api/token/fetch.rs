use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;

use super::keys::IssuerKeys;
use crate::config::OidcConfig;

/// How long an issuer may take for one document.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest document of an issuer, bytes; a set of keys with their certificates has some ten thousand.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Where every issuer describes itself, under its name. OpenID Connect Discovery 1.0, section 4.
const DESCRIPTION: &str = "/.well-known/openid-configuration";

/// Why the keys of the issuer cannot be had; for the log.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{url} is no address")]
    Address { url: String },
    #[error("{url} does not answer: {detail}")]
    Unreachable { url: String, detail: String },
    #[error("{url} did not answer within {} s", PATIENCE.as_secs())]
    Slow { url: String },
    #[error("{url} answers with {status}")]
    Status { url: String, status: StatusCode },
    #[error("what {url} sends {detail}")]
    Document { url: String, detail: String },
    #[error("the authorities of {path}: {detail}")]
    Authorities { path: String, detail: String },
}

/// Fetches what an issuer publishes.
#[derive(Debug)]
pub struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    issuer: String,
    jwks_url: Option<String>,
}

impl Fetcher {
    /// Prepares to fetch from the issuer `issuer`.
    ///
    /// # Errors
    /// The file of authorities cannot be read.
    pub fn new(issuer: &str, config: &OidcConfig) -> Result<Self, FetchError> {
        let mut roots = RootCertStore::empty();
        match &config.ca_file {
            Some(path) => {
                let failed = |detail: String| FetchError::Authorities { path: path.display().to_string(), detail };
                let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
                for certificate in read().map_err(|error| failed(error.to_string()))? {
                    roots.add(certificate).map_err(|error| failed(error.to_string()))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.expect("ring knows the versions that are safe").with_root_certificates(roots).with_no_client_auth();
        // Without encryption only on this machine, as the settings were checked for.
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, issuer: issuer.to_owned(), jwks_url: config.jwks_url.clone() })
    }

    /// Fetches the keys of the issuer.
    ///
    /// # Errors
    /// The issuer does not answer, or not with keys.
    pub async fn fetch_keys(&self) -> Result<IssuerKeys, FetchError> {
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.find_keys().await?,
        };
        let text = self.get(&url).await?;
        IssuerKeys::parse(&text).map_err(|detail| FetchError::Document { url, detail })
    }

    async fn find_keys(&self) -> Result<String, FetchError> {
        #[derive(Deserialize)]
        struct Description {
            issuer: String,
            jwks_uri: String,
        }
        let url = format!("{}{DESCRIPTION}", self.issuer.trim_end_matches('/'));
        let text = self.get(&url).await?;
        let failed = |detail: String| FetchError::Document { url: url.clone(), detail };
        let found: Description = serde_json::from_slice(&text).map_err(|error| failed(format!("is no description: {error}")))?;
        if found.issuer != self.issuer {
            return Err(failed(format!("describes the issuer {:?}, and not {:?}", found.issuer, self.issuer)));
        }
        let is_encrypted = |url: &str| url.starts_with("https://");
        if is_encrypted(&self.issuer) && !is_encrypted(&found.jwks_uri) {
            return Err(failed(format!("has its keys at {}, without encryption", found.jwks_uri)));
        }
        Ok(found.jwks_uri)
    }

    async fn get(&self, url: &str) -> Result<Bytes, FetchError> {
        tokio::time::timeout(PATIENCE, self.get_slowly(url)).await.unwrap_or_else(|_| Err(FetchError::Slow { url: url.to_owned() }))
    }

    async fn get_slowly(&self, url: &str) -> Result<Bytes, FetchError> {
        let address = || FetchError::Address { url: url.to_owned() };
        let unreachable = |detail: String| FetchError::Unreachable { url: url.to_owned(), detail };
        let uri: Uri = url.parse().map_err(|_| address())?;
        let request = Request::get(uri).header(header::ACCEPT, "application/json").body(Empty::new()).map_err(|_| address())?;
        let response = self.client.request(request).await.map_err(|error| unreachable(chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status { url: url.to_owned(), status: response.status() });
        }
        let body = Limited::new(response.into_body(), DOCUMENT_BYTES_MAX).collect().await;
        Ok(body.map_err(|error| unreachable(error.to_string()))?.to_bytes())
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
