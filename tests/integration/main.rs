//! Drives the library's public face and the built program, one module for each claim of the contract.

#![expect(clippy::unwrap_used, reason = "a test whose setting up fails stops there and says where; helpers are no tests to the lint")]

mod api;
mod archives;
mod assign;
mod assign_parquet;
mod cluster;
mod copies;
mod covers;
mod demo;
mod distances;
mod encryption;
mod erasure;
mod evaluation;
mod export;
mod generations;
mod import;
mod locate;
mod malformed;
mod map;
mod plan;
#[path = "../../src/store/postgis/scratch.rs"]
mod postgres;
mod quilt;
mod replicas;
mod retention;
mod roster;
mod rules;
mod sample;
mod searches;
mod small_town;
mod store;
mod support;
mod takeover;
mod tile_pieces;
mod tiles;
mod topology;
mod truth;
mod wire;
