//! Boundaries and rosters as of any time: what the store holds, made into what answers.
//!
//! [`resolve`] says which generation a time or a number means, from the list that every snapshot carries. [`load_snapshot`] and
//! [`load_as_of`] build from the store; an [`Archive`] keeps what was built for other times than now, each once and all of it
//! within a budget.

mod archive;
mod flights;
mod load;
mod resolve;
mod shelf;
mod step;

pub use archive::{Archive, ArchiveCounts, ArchiveError, Parts};
pub use load::{LoadError, StoreUnavailable, load_as_of, load_histories, load_layer, load_roster, load_snapshot};
pub use resolve::{AsOf, AsOfError, Resolved, resolve};
