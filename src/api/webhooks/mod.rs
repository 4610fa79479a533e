//! Events of cases and publications sent to other systems: signed, at least once, in order.
//!
//! `routes` manages them, `deliver` takes those that nobody else sends for, `step` sends what the store has and remembers how far it is,
//! `message` says what a webhook is told of an event, `sign` makes it a message that its receiver can trust, `send` is the client,
//! `backoff` says when to try again.

mod backoff;
mod deliver;
mod message;
mod routes;
mod send;
mod sign;
mod step;

pub use deliver::deliver;
pub use routes::{
    __path_add_webhook, __path_end_webhook, __path_list_dead_letters, __path_list_webhooks, __path_replay_webhook, add_webhook,
    end_webhook, list_dead_letters, list_webhooks, replay_webhook,
};
