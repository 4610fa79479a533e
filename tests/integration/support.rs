//! What tests share: the built program, and the real data that lies beside the project where it is present.

#![allow(dead_code, reason = "each test module uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for another process before it gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

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

/// A Python that has a package which `make test` installs, or a message that the test is skipped.
///
/// # Panics
/// Under CI, where it has to be there.
pub fn python_with(package: &str) -> Option<String> {
    let python = std::env::var("GRIDKEEPER_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let status = Command::new(&python).args(["-c", &format!("import {package}")]).stderr(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "make test installs {package}; this machine must run the test");
    eprintln!("skipped: there is no {package}");
    None
}

/// A process that a test has started, and that ends with the test.
pub struct Running(pub Child);

impl Running {
    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Waits for the end and returns the exit code.
    pub fn wait(&mut self) -> i32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code().expect("the program ended by itself");
            }
            assert!(Instant::now() < end, "the program does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
