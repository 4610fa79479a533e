use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor};

/// How the bytes of a tile are packed for the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    Plain,
    Gzip,
    Brotli,
    Zstd,
}

/// Borders hardly shrink more above this level of libdeflate (56.3 % at 1, 56.1 % at 4, 54.7 % at 6), which costs half of 6.
const GZIP_LEVEL: i32 = 1;

/// The middle of the scale: the levels above are meant for what is packed once and kept for good.
const BROTLI_QUALITY: i32 = 5;

/// The binary logarithm of the window: tiles are rarely larger than 256 KiB.
const BROTLI_WINDOW: i32 = 18;

/// In the lower half of the scale, where packing is still fast.
const ZSTD_LEVEL: i32 = 6;

/// Room for packed bytes that each thread keeps from one tile to the next; only the largest tiles of far zooms need more.
const ROOM_BYTES_MAX: usize = 1 << 20;

impl Coding {
    /// Returns the name in `Content-Encoding`; none of bytes as they are.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// Packs bytes. The same bytes are packed alike by every process, so that their hash can tell them.
    pub fn pack(self, plain: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Plain => plain,
            Self::Gzip => gzip(&plain),
            Self::Brotli => brotli(&plain),
            Self::Zstd => zstd::bulk::compress(&plain, ZSTD_LEVEL).expect("the room for the worst case is set aside before"),
        }
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    thread_local! {
        /// Half a megabyte of tables, which are costly to make for each tile, and room for what comes out of them.
        static PACKER: RefCell<(Compressor, Vec<u8>)> =
            RefCell::new((Compressor::new(CompressionLvl::new(GZIP_LEVEL).expect("the level is one of libdeflate's")), Vec::new()));
    }
    PACKER.with_borrow_mut(|(compressor, room)| {
        let needed = compressor.gzip_compress_bound(plain.len());
        if room.len() < needed {
            room.resize(needed, 0);
        }
        let length = compressor.gzip_compress(plain, room).expect("the room for the worst case is set aside before");
        let packed = room[..length].to_vec();
        room.truncate(ROOM_BYTES_MAX);
        room.shrink_to(ROOM_BYTES_MAX);
        packed
    })
}

fn brotli(mut plain: &[u8]) -> Vec<u8> {
    let params =
        brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, lgwin: BROTLI_WINDOW, size_hint: plain.len(), ..Default::default() };
    let mut packed = Vec::with_capacity(plain.len() / 2);
    brotli::BrotliCompress(&mut plain, &mut packed, &params).expect("writing to memory cannot fail");
    packed.shrink_to_fit();
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read_back() {
        for plain in [Vec::new(), b"tile".to_vec(), (0..200_000_u32).flat_map(|at| (at / 7).to_le_bytes()).collect()] {
            let packed = [Coding::Gzip, Coding::Brotli, Coding::Zstd].map(|coding| coding.pack(plain.clone()));
            let (mut from_gzip, mut from_brotli) = (vec![0; plain.len()], Vec::new());
            libdeflater::Decompressor::new().gzip_decompress(&packed[0], &mut from_gzip).unwrap();
            brotli::BrotliDecompress(&mut &packed[1][..], &mut from_brotli).unwrap();
            assert!(from_gzip == plain && from_brotli == plain);
            assert_eq!(zstd::bulk::decompress(&packed[2], plain.len()).unwrap(), plain);
            assert_eq!(Coding::Plain.pack(plain.clone()), plain);
        }
    }
}
