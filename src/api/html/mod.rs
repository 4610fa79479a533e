//! Pages for people: what a resource says as JSON, laid out to be read, without a script.
//!
//! [`page`] chooses by what the JSON is: features are a drawing and a table, collections a list, all else names and values.

mod drawing;
mod features;
mod text;

pub use drawing::Drawing;
pub use features::FIGURES;
pub use text::{escaped, page};
