//! The small district behind a running service.

use std::net::SocketAddr;
use std::sync::Arc;

use gridkeeper::api::{AppState, TableSource, serve};
use gridkeeper::app::{follow, load_first, read_tile_layers};
use gridkeeper::config::Config;
use gridkeeper::snapshot::Live;
use gridkeeper::store::{MemoryStore, Store};
use reqwest::blocking::{Client, RequestBuilder, Response};
use tokio::sync::oneshot;

pub use super::district::*;

pub struct Service {
    pub address: SocketAddr,
    pub store: Arc<dyn Store>,
    pub state: AppState,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Service {
    pub fn start() -> Self {
        Self::start_with(Config::default())
    }

    pub fn start_with(config: Config) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        fill(&*store);
        Self::start_on(store, config, false)
    }

    /// Serves what a store holds, and follows it where that is wanted.
    pub fn start_on(store: Arc<dyn Store>, config: Config, follows: bool) -> Self {
        Self::start_beside(store, config, follows, Vec::new())
    }

    /// Serves what a store holds, and collections of files beside it.
    pub fn start_beside(store: Arc<dyn Store>, mut config: Config, follows: bool, tables: Vec<Arc<TableSource>>) -> Self {
        // A test that leaves an answer unread must not wait for its connection.
        config.http.drain_s = 1;
        let described = read_tile_layers(&config.map).unwrap();
        let state = AppState::with_tables(Arc::new(Live::default()), Arc::clone(&store), config, tables, described);
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let (serving, source) = (state.clone(), Arc::clone(&store));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                load_first(&serving, &source).await.unwrap();
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let stop = async move { drop(stopped.await) };
                if follows {
                    tokio::spawn(follow(serving.clone(), source));
                }
                serve(listener, serving, stop).await.unwrap();
            });
        });
        let address = told.recv().unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { address, store, state, client, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().unwrap(), self.url(path))
    }

    pub fn post(&self, path: &str, media: &str, body: impl Into<reqwest::blocking::Body>) -> Response {
        self.client.post(self.url(path)).header("content-type", media).body(body).send().unwrap()
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).send().unwrap();
        let status = response.status();
        let text = response.text().unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Idle connections of this client would hold the drain up.
        self.client = Client::new();
        let result = self.thread.take().map(std::thread::JoinHandle::join);
        if !std::thread::panicking() {
            result.unwrap().unwrap();
        }
    }
}
