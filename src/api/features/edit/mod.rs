//! Features that are created, replaced, changed and deleted: OGC API Features, part 4, on what is a draft or is only added to.
//!
//! Units are written in a draft, each request as one step of its log; incidents go through their workflow; a row of the roster is
//! written as a roster in which that row is different. What is published is read alone.

mod allow;
mod body;
mod definition;
mod incidents;
mod roster;
mod routes;
mod terms;
mod units;

pub use allow::ItemsAsked;
pub use routes::{
    __path_create_item, __path_delete_item, __path_replace_item, __path_update_item, create_item, delete_item, replace_item, update_item,
};
