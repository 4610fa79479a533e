//! Photos of cases: what is known of one, and how a picture is made fit to be kept.
//!
//! `kept` has the nouns. `strip` tells by its bytes what a picture is, and copies of it what a decoder needs to show it; `jpeg`, `png` and
//! `webp` know their containers, `orientation` the one word of a camera's notes that is kept.

mod jpeg;
mod kept;
mod orientation;
mod png;
#[cfg(test)]
mod samples;
mod strip;
mod webp;

pub use kept::{Photo, PhotoId, PhotoMedia};
pub use strip::{PIXELS_MAX, Picture, PictureError, strip};
