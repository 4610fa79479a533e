//! What answers look like on the wire, for the service and for `--json` on the command line alike.

mod locate;

pub use locate::{AlternativeView, GridView, HolderView, LocateAnswer, PathView, PositionView, ResponsibleView, WorkerView};
