//! Drives the library's public face and the built program, one module for each claim of the contract.

mod quilt;
mod support;
mod tiles;
