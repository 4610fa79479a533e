//! The service over HTTP: lookups, features, maps, and what those who run it need.
//!
//! [`router`] is the list of all routes. A request passes `observe` (count, log), `finish` (the one way out: documents,
//! problems, other origins), `admit` (bounds, panics), `identify` (who asks, and how often), the check of its parameters' names and `access` (who may); then a handler reads one
//! snapshot from start to end.

mod access;
mod addresses;
mod admit;
mod alarms;
mod app;
mod archives;
mod as_of;
mod audit;
mod borders;
mod caller;
mod cases;
mod coding;
mod costs;
mod document;
mod doors;
mod drafts;
mod events;
mod features;
mod finish;
mod followed;
mod generations;
mod health;
mod html;
mod identify;
mod indicators;
mod json;
mod keepers;
mod known;
pub mod links;
mod locate;
pub mod media;
pub mod observe;
mod open311;
mod openapi;
mod openapi30;
mod origin;
mod page;
mod photos;
mod problem;
mod query;
mod rate;
mod room;
mod router;
mod rules;
mod server;
mod state;
mod stream;
mod tiles;
mod tls;
mod token;
mod webhooks;
pub mod wire;

pub use borders::open_rulings;
pub use caller::{Caller, Identity};
pub use document::Document;
pub use features::{TableFeature, TableSource};
pub use keepers::open_skills;
pub use links::{BaseUrl, Link};
pub use locate::plain;
pub use photos::ErasureLog;
pub use problem::{ParameterError, Problem, ProblemKind};
pub use query::{FromQuery, Query, Values, finite};
pub use router::{definition, router, router_of};
pub use server::{serve, serve_encrypted};
pub use state::AppState;
pub use tls::{Tls, TlsError};
