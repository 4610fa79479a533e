//! Filters of features: CQL2, as text and as JSON (OGC 21-065r2), read, checked against the properties that there are, and evaluated.
//!
//! [`parse_text`] and [`parse_json`] give the same tree; [`Filter::compile`] sees that its names and types fit a [`Schema`];
//! an [`Evaluator`] tells of one feature after another whether it matches, in three-valued logic. [`Hint`] says which features
//! need not be asked. Length and nesting are bounded before anything is built.

mod arithmetic;
mod array;
mod calls;
mod check;
mod error;
mod evaluate;
mod expression;
mod fold;
mod hint;
mod json;
mod lexer;
mod like;
mod literal;
mod schema;
mod spatial;
mod syntax;
mod temporal;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod wkt;

pub use check::Filter;
pub use error::{FilterError, Place};
pub use evaluate::{Evaluator, Feature};
pub use hint::{Codes, Hint};
pub use json::parse_json;
pub use literal::{parse_date, parse_instant};
pub use schema::{Kind, Property, Schema};
pub use syntax::{Node, cut_box};
pub use text::parse_text;
pub use value::{Value, order_values};
