//! A store for any number of services: PostgreSQL with PostGIS.
//!
//! `connection` keeps the pool and the runtime behind the blocking face, `migrate` lays the tables out, `values` packs and unpacks
//! what PostgreSQL has types for and Rust has not, `conditions` puts together what rows have to be, `listen` hears of writes; each of
//! the others holds what one kind of record needs, as in the back end of one file.

mod address;
mod addresses;
mod backend;
mod cases;
mod conditions;
mod connection;
mod drafts;
mod generations;
mod keys;
mod ledger;
mod listen;
mod lists;
mod lives;
mod migrate;
mod months;
mod people;
mod photos;
mod publish;
mod retention;
mod roster;
mod rules;
#[cfg(test)]
pub(crate) mod scratch;
mod transfer;
mod values;
mod webhooks;

pub use backend::PostgisStore;
