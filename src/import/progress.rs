use std::io::{Read, Seek, SeekFrom};

/// How far the reading of a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file, packed where it is packed.
    pub read_bytes: u64,
    pub total_bytes: u64,
}

/// Tells of progress at most once for so many bytes.
const STEP_BYTES: u64 = 1 << 20;

/// Reads on behalf of another and tells how far it has come.
pub(super) struct Counted<'a, R> {
    inner: R,
    progress: &'a dyn Fn(Progress),
    read_bytes: u64,
    total_bytes: u64,
    told_bytes: u64,
}

impl<'a, R> Counted<'a, R> {
    pub fn new(inner: R, total_bytes: u64, progress: &'a dyn Fn(Progress)) -> Self {
        Self { inner, progress, read_bytes: 0, total_bytes, told_bytes: 0 }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes += count as u64;
        if self.read_bytes - self.told_bytes >= STEP_BYTES || count == 0 {
            self.told_bytes = self.read_bytes;
            let read_bytes = self.read_bytes.min(self.total_bytes);
            (self.progress)(Progress { read_bytes, total_bytes: self.total_bytes });
        }
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}
