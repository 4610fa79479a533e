//! What happens to cases, told as it happens.
//!
//! `feed` follows the events of the store, of this process and of others, and hands each to all who listen, written once for all of
//! them; `listen` is the route, which begins where its listener left off.

mod feed;
mod item;
mod listen;

pub use feed::Feed;
pub use item::{Item, StreamedEvent};
pub use listen::{__path_listen_to_incidents, listen_to_incidents};
