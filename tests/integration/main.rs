//! Drives the library's public face and the built program, one module for each claim of the contract.

#![expect(clippy::unwrap_used, reason = "a test whose setting up fails stops there and says where; helpers are no tests to the lint")]

mod api;
mod export;
mod import;
mod malformed;
mod quilt;
mod sample;
mod store;
mod support;
mod tiles;
mod topology;
