//! Asks an outside geocoder about an address: within a bounded time, for a bounded answer, whose reference system the settings declare.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use geo_types::Coord;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;

use crate::api::links::encode;
use crate::boundary::Position;
use crate::config::GeocoderConfig;
use crate::import::Crs;

/// Candidates that are taken from one answer.
const CANDIDATES_MAX: usize = 20;

/// Why an outside geocoder is of no help.
#[derive(Debug, thiserror::Error)]
pub enum GeocoderError {
    #[error("the geocoder's address {url} is none; correct the setting geocoder.url")]
    Address { url: String },
    #[error("the geocoder does not answer: {detail}")]
    Unreachable { detail: String },
    #[error("the geocoder did not answer within {ms} ms")]
    Slow { ms: u64 },
    #[error("the geocoder answers with {status}")]
    Status { status: StatusCode },
    #[error("what the geocoder sends is longer than {bytes_max} bytes, or was cut")]
    TooLong { bytes_max: usize },
    #[error("what the geocoder sends is no list of candidates: {detail}")]
    Document { detail: String },
    #[error("the geocoder's candidate {at} lies nowhere: {detail}; check the setting geocoder.crs")]
    Position { at: usize, detail: String },
}

/// A place that the geocoder offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    pub text: String,
    pub position: Position,
    /// 0 to 1, as the geocoder says; none where it says nothing.
    pub score: Option<f64>,
}

/// Asks the geocoder of the settings.
#[derive(Debug)]
pub struct Geocoder {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    config: GeocoderConfig,
}

#[derive(Debug, Deserialize)]
struct Answer {
    candidates: Vec<OfferedText>,
}

#[derive(Debug, Deserialize)]
struct OfferedText {
    #[serde(default)]
    text: String,
    lon: f64,
    lat: f64,
    score: Option<f64>,
}

impl Geocoder {
    /// Prepares to ask; none where the settings name no geocoder.
    pub fn new(config: &GeocoderConfig) -> Option<Self> {
        config.url.as_ref()?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.expect("ring knows the versions that are safe").with_root_certificates(roots).with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Some(Self { client: Client::builder(TokioExecutor::new()).build(connector), config: config.clone() })
    }

    /// Asks about an address.
    ///
    /// # Errors
    /// Names what stands in the way: no answer, a late, long or wrong one.
    pub async fn ask(&self, address: &str) -> Result<Vec<Offered>, GeocoderError> {
        let patience = Duration::from_millis(self.config.timeout_ms);
        let asked = tokio::time::timeout(patience, self.get(address)).await;
        let bytes = asked.unwrap_or(Err(GeocoderError::Slow { ms: self.config.timeout_ms }))?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(|e| GeocoderError::Document { detail: e.to_string() })?;
        let crs = Crs::parse(&self.config.crs).map_err(|e| GeocoderError::Position { at: 0, detail: e.to_string() })?;
        let offered = answer.candidates.into_iter().take(CANDIDATES_MAX).enumerate();
        offered
            .map(|(at, candidate)| {
                let failed = |detail: String| GeocoderError::Position { at: at + 1, detail };
                let placed = crs.to_wgs84(Coord { x: candidate.lon, y: candidate.lat }).map_err(|e| failed(e.to_string()))?;
                let position = Position::new(placed.x, placed.y).map_err(|e| failed(e.to_string()))?;
                Ok(Offered { text: candidate.text, position, score: candidate.score.map(|score| score.clamp(0.0, 1.0)) })
            })
            .collect()
    }

    async fn get(&self, address: &str) -> Result<Bytes, GeocoderError> {
        let url = self.config.url.as_deref().unwrap_or_default().replace("{address}", &encode(address));
        let wrong = || GeocoderError::Address { url: self.config.url.clone().unwrap_or_default() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let request = Request::get(uri).header(header::ACCEPT, "application/json").body(Empty::new()).map_err(|_| wrong())?;
        let response = self.client.request(request).await.map_err(|e| GeocoderError::Unreachable { detail: chain(&e) })?;
        if response.status() != StatusCode::OK {
            return Err(GeocoderError::Status { status: response.status() });
        }
        let bytes_max = self.config.bytes_max;
        let body = Limited::new(response.into_body(), bytes_max).collect().await;
        Ok(body.map_err(|_| GeocoderError::TooLong { bytes_max })?.to_bytes())
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
