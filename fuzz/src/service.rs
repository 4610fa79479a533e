use std::sync::Arc;

use axum::Router;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use gridkeeper::api::{AppState, router};
use gridkeeper::app::load_first;
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Role, WorkerId};
use gridkeeper::snapshot::Live;
use gridkeeper::store::{KeyHash, KeyRecord, MemoryStore, Store};
use http_body_util::BodyExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use super::district::{SECRETS, case_at, fill, middle_of, write_rules};
use super::written::WrittenRequest;

/// The service over the small district, in this process and without a socket.
pub struct InProcess {
    runtime: Runtime,
    router: Router,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Bytes of an answer that are read; streams have no end.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The draft that stands open from the beginning.
const DRAFT: &str = "/v1/drafts/2";

/// What a request says in `If-Match` to name the revision that its draft has.
const NOW: &str = "now";

impl InProcess {
    /// Fills a store in memory and puts the service on it, with a key for each role: `planner-key` and so on.
    pub fn start() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        fill(&*store);
        write_rules(&*store);
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("the time is one");
        for (key, role) in [("worker-key", Role::Worker), ("admin-key", Role::Admin), ("public-key", Role::Public)] {
            let hash = KeyHash(Sha256::digest(key.as_bytes()).into());
            let worker = (role == Role::Worker).then(|| WorkerId(SECRETS[0].into()));
            store.add_key(&KeyRecord { worker, ..KeyRecord::new(hash, role, at) }, "fuzz").expect("a store in memory takes keys");
        }
        let cases: Vec<_> = (0..20).map(|number| case_at(middle_of(number, 0))).collect();
        store.add_cases(&cases, "fuzz", at).expect("a store in memory takes cases");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the machine has threads");
        let mut config = Config::default();
        // All requests come from here, as fast as they are made.
        (config.rates.per_key_per_s, config.rates.per_address_per_s) = (0, 0);
        let state = AppState::new(Arc::new(Live::default()), Arc::clone(&store), config);
        runtime.block_on(load_first(&state, &store)).expect("the district is whole");
        let service = Self { runtime, router: router(state) };
        let draft = b"POST /v1/drafts\nas: planner\ncontent-type: application/json\n\n{\"title\":\"open\"}";
        let begun = WrittenRequest::parse(draft).and_then(|draft| service.ask(&draft));
        assert_eq!(begun.map(|answer| answer.status), Some(StatusCode::CREATED), "a planner can begin a draft");
        service
    }

    /// Sends a request and reads the answer; none where the request could not be sent over a socket either.
    pub fn ask(&self, written: &WrittenRequest) -> Option<Answer> {
        let mut request = written.to_request()?;
        if request.headers().get(IF_MATCH).is_some_and(|tag| tag == NOW) {
            request.headers_mut().insert(IF_MATCH, self.tag_of_draft()?);
        }
        let router = self.router.clone();
        Some(self.runtime.block_on(async move {
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            let (parts, mut body) = response.into_parts();
            let mut bytes = Vec::new();
            let streams = parts.headers.get("content-type").is_some_and(|media| media == "text/event-stream");
            while !streams && bytes.len() < BODY_BYTES_MAX {
                match body.frame().await {
                    None => break,
                    Some(frame) => {
                        let frame = frame.unwrap_or_else(|error| panic!("the answer breaks off: {error}"));
                        bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                    }
                }
            }
            Answer { status: parts.status, headers: parts.headers, body: bytes }
        }))
    }

    fn tag_of_draft(&self) -> Option<HeaderValue> {
        let asked = WrittenRequest::parse(format!("GET {DRAFT}\nas: planner\n").as_bytes())?;
        self.ask(&asked)?.headers.remove(ETAG)
    }

    /// Sends a request and sees that it does not make the service fail.
    ///
    /// # Panics
    /// For an answer of 500 or above, with all of it.
    pub fn try_out(&self, written: &WrittenRequest) {
        if let Some(Answer { status, body, .. }) = self.ask(written) {
            let is_refusal = status == StatusCode::NOT_IMPLEMENTED;
            assert!(!status.is_server_error() || is_refusal, "{status} for {written:?}: {}", String::from_utf8_lossy(&body));
        }
    }
}
