use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};

use super::backoff::Outcome;
use super::sign::Signature;

/// How long a receiver may take to answer a message.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends messages, over connections that are used again.
#[derive(Clone, Debug)]
pub struct Sender {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Sender {
    /// Prepares to send, trusting the authorities that this machine trusts.
    pub fn new() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.expect("ring knows the versions that are safe").with_root_certificates(roots).with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Sends one message and tells what came of it. What the receiver says is not read.
    pub async fn send(&self, url: &str, body: String, signature: &Signature) -> Outcome {
        let request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("gridkeeper/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &signature.id)
            .header("webhook-timestamp", &signature.timestamp)
            .header("webhook-signature", &signature.signature)
            .body(Full::new(Bytes::from(body)));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Outcome::Refused(format!("the message cannot be sent to that address: {error}")),
        };
        match tokio::time::timeout(PATIENCE, self.client.request(request)).await {
            Err(_) => Outcome::Away(format!("no answer within {} s", PATIENCE.as_secs())),
            Ok(Err(error)) => Outcome::Away(chain(&error)),
            Ok(Ok(answer)) => judge(answer.status()),
        }
    }
}

/// A receiver that is overloaded or broken is one that is away; one that answers that it does not want it refuses.
fn judge(status: StatusCode) -> Outcome {
    let is_passing = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    if status.is_success() {
        Outcome::Sent
    } else if is_passing || status.is_server_error() {
        Outcome::Away(format!("the receiver answers with {status}"))
    } else {
        Outcome::Refused(format!("the receiver answers with {status}"))
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
