//! Drafts over HTTP: begin one, change it step by step, look at what it has become, approve and publish it.
//!
//! Every write names the revision that it is made on, by `If-Match`; who comes too late is told what was done meanwhile, and nothing is
//! lost. A step is acknowledged when its entry is durable.

mod balance;
mod begin;
mod compare;
mod decide;
mod desk;
mod edit;
mod look;
mod sheet;
mod tag;
mod views;

pub use balance::{__path_balance_draft, __path_staff_draft, __path_stop_balance, Runs, balance_draft, staff_draft, stop_balance};
pub use begin::{__path_begin_draft, __path_list_drafts, begin_draft, list_drafts};
pub use compare::{__path_compare_draft, compare_draft};
pub use decide::{__path_approve_draft, __path_publish_draft, __path_withdraw_draft, approve_draft, publish_draft, withdraw_draft};
pub use desk::{Desk, require as require_planner_of, with_draft};
pub use edit::{
    __path_edit_draft, __path_list_operations, __path_redo_operation, __path_undo_last_operation, __path_undo_operations, edit_draft,
    list_operations, redo_operation, undo_last_operation, undo_operations,
};
pub use edit::{now, refused, require_open, write};
pub use look::{__path_find_draft, __path_list_draft_problems, __path_list_draft_units, find_draft, list_draft_problems, list_draft_units};
pub use tag::{DraftName, Expected, feature_tag, tag_header};
