//! Tokens of an OpenID Connect issuer: JWTs, checked with the keys that the issuer publishes.
//!
//! What may be in a token is fixed by the settings and not by the token: issuer, audience, signatures. Keys are fetched, kept, and
//! fetched again when a token names one that is not known.

mod claims;
mod fetch;
mod keys;
mod signature;
mod verifier;

pub use claims::Lack;
pub use verifier::{TokenError, TokenVerifier, Verified};
