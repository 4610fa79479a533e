//! A wire between a service and its database that a test can slow down, cut, or leave hanging.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Passes bytes on between whoever connects and one port.
pub struct Wire {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// How long each piece is held back, milliseconds; all of the bits: nothing passes at all.
    delay_ms: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

const HANGS: u64 = u64::MAX;

impl Wire {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let state = Arc::clone(&wire.state);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // Nobody there: the caller sees its connection closed.
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                state.open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                for (from, to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || pass(from, to, &state));
                }
            }
        });
        wire
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts what is connected; new connections come through.
    pub fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Holds each piece back.
    pub fn slow_down(&self, by: Duration) {
        self.state.delay_ms.store(by.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    /// Lets nothing through, and closes nothing either.
    pub fn hang(&self) {
        self.state.delay_ms.store(HANGS, Ordering::Relaxed);
    }

    pub fn mend(&self) {
        self.state.delay_ms.store(0, Ordering::Relaxed);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: &State) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut bytes) {
        if count == 0 {
            break;
        }
        let delay_ms = state.delay_ms.load(Ordering::Relaxed);
        if delay_ms != HANGS {
            std::thread::sleep(Duration::from_millis(delay_ms));
        }
        while state.delay_ms.load(Ordering::Relaxed) == HANGS {
            std::thread::sleep(Duration::from_millis(20));
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
