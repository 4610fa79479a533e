//! What tests share: the built program, and the real data that lies beside the project where it is present.

#![allow(dead_code, reason = "each test module uses its own part")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The built program.
pub fn gridkeeper() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gridkeeper"))
}

/// A file or folder of the real data beside the project, or a message that the test is skipped.
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: {path} is not beside the project");
    None
}
