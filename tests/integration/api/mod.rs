//! The service over HTTP, started in this process on a port of its own.

mod alarms;
mod as_of;
mod cases;
mod clients;
mod conventions;
mod cql2;
mod doors;
mod faulty;
mod features;
mod files;
mod fuzz;
mod generations;
mod killed;
mod locate;
mod ogc_tiles;
mod open311;
mod openapi;
pub mod process;
mod rates;
mod relations;
mod rules;
pub mod service;
mod stream;
mod streams;
mod tls;
mod tokens;
mod webhooks;
