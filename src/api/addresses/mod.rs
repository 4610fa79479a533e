//! Addresses: what one means, from the table of the city and, where that knows nothing, from an outside geocoder. Several places are
//! offered, ranked, and none is chosen for the caller.

mod find;
mod geocoder;

pub use find::{__path_find_addresses, find_addresses, resolve};
pub use geocoder::Geocoder;
