//! The service over HTTP: lookups, features, maps, and what those who run it need.
//!
//! [`router`] is the list of all routes. A request passes `observe` (count, log), `finish` (the one way out: documents,
//! problems, other origins), `admit` (bounds, panics) and the check of its parameters' names; then a handler reads one
//! snapshot from start to end.

mod admit;
mod app;
mod archives;
mod as_of;
mod caller;
mod coding;
mod document;
mod features;
mod finish;
mod generations;
mod health;
pub mod links;
mod locate;
pub mod media;
pub mod observe;
mod openapi;
mod page;
mod problem;
mod query;
mod router;
mod rules;
mod server;
mod state;
mod tiles;
pub mod wire;

pub use caller::Caller;
pub use document::Document;
pub use links::{BaseUrl, Link};
pub use locate::plain;
pub use problem::{ParameterError, Problem, ProblemKind};
pub use query::{FromQuery, Query, Values, finite};
pub use router::{definition, router, router_of};
pub use server::serve;
pub use state::AppState;
