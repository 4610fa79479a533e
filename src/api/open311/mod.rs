//! Open311 GeoReport v2 (wiki.open311.org/GeoReport_v2): a door for apps and hotlines that speak it, in JSON and XML.
//!
//! It is an adapter: what it takes in are cases like any other, and what it shows of them is what everybody may know. `form` reads what
//! is asked for and in which form, `multipart` a form that brings photos, `answer` writes JSON and XML, `fault` says what is wrong as the standard has it; the others are its
//! resources.

mod answer;
mod discovery;
mod fault;
mod form;
mod multipart;
mod post;
mod requests;
mod routes;
mod services;

pub use fault::{OwnForm, tell_faults};
pub use routes::{
    __path_find_open311_item, __path_find_open311_resource, __path_post_open311_request, find_open311_item, find_open311_resource,
    post_open311_request,
};

/// Where the standard says what is taken, and asks to pass over what it does not know.
pub const PREFIX: &str = "/open311/";
