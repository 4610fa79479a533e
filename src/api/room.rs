//! Room for large pages, which is used again: what an allocator gives back to the system is cleared before it is had again, and that
//! took a fifth of the time of a page of two hundred kilobytes.

use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;

/// Rooms that are kept while nobody needs them: as many as pages are commonly written at once.
const KEPT_MAX: usize = 16;

/// A larger room is given back, so that one large page does not hold memory for ever. Bytes.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// A smaller one costs the allocator nothing. Bytes.
const KEPT_BYTES_MIN: usize = 64 << 10;

static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Returns an empty room of at least a size.
pub fn take(bytes: usize) -> Vec<u8> {
    let kept = if bytes < KEPT_BYTES_MIN { None } else { KEPT.lock().unwrap_or_else(PoisonError::into_inner).pop() };
    let mut room = kept.unwrap_or_default();
    room.reserve(bytes);
    room
}

/// Makes bytes of what was written into a room, which comes back when they have been sent.
pub fn lend(room: Vec<u8>) -> Bytes {
    if room.capacity() < KEPT_BYTES_MIN { room.into() } else { Bytes::from_owner(Lent(room)) }
}

struct Lent(Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut room = std::mem::take(&mut self.0);
        room.clear();
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX && room.capacity() <= KEPT_BYTES_MAX {
            kept.push(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_comes_back_empty_when_its_bytes_have_been_sent() {
        let mut room = take(KEPT_BYTES_MIN);
        room.extend_from_slice(b"page");
        let bytes = lend(room);
        let part = bytes.slice(1..);
        drop(bytes);
        assert_eq!(&part[..], b"age");
        drop(part);
        assert!(take(KEPT_BYTES_MIN).is_empty());
    }
}
