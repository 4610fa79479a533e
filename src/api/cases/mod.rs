//! Cases: taking them in, listing them, and moving them on.
//!
//! `intake` takes a report, `moves` an action of the workflow, `list` and `one` read; `body` reads
//! what was sent; `clocks` tells of those whose time has come, and `reassign` gives those to others that are theirs by
//! now.

mod body;
mod clocks;
mod intake;
mod list;
mod moves;
mod notices;
mod one;
mod query;
mod reassign;
mod rights;

pub use body::{Body, or_empty};
pub use clocks::{forget_old, hear_others, ring_clocks};
pub use intake::{
    __path_report_incident, IDEMPOTENCY_REPLAYED, Submission, check_media_url, read_token, report_incident, report_members, submit,
};
pub use list::{__path_list_incidents, list_incidents};
pub use moves::{__path_act_on_incident, act_by_members, act_on_incident};
pub use one::load as find_case;
pub use one::{__path_find_incident, __path_show_incident_history, find_incident, show_incident_history};
pub use reassign::{keep_assigned, reassign_by_ruling};
pub use rights::{
    is_for_all, is_private, layer as layer_of_cases, reaches, require as require_cases, require_prefix, require_reach, sees as sees_case,
};
