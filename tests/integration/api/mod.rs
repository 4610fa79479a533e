//! The service over HTTP, started in this process on a port of its own.

mod conventions;
mod features;
mod locate;
mod openapi;
pub mod process;
pub mod service;
