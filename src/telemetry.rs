//! Logs: lines on a terminal, JSON where standard error is not one.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. `GRIDKEEPER_LOG` filters, in the notation of `tracing`'s filters.
pub fn start(default_filter: &str) {
    let filter = EnvFilter::try_from_env("GRIDKEEPER_LOG").unwrap_or_else(|_| EnvFilter::new(default_filter));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json().flatten_event(true).init();
    }
}
