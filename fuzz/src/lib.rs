//! What the fuzz targets have in common: requests as texts, the service in this process, and filters over features of every kind.
//!
//! The tests of the service read the same files, so that an input that was found once is asked again with every change.

#[path = "../../tests/integration/api/district.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod district;
pub mod filters;
mod service;
mod written;

pub use service::{Answer, InProcess};
pub use written::WrittenRequest;
