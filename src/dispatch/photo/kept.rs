use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use crate::dispatch::{CaseId, Role};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhotoId(pub Uuid);

impl fmt::Display for PhotoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a picture is, by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhotoMedia {
    Jpeg,
    Png,
    Webp,
}

impl PhotoMedia {
    pub const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Webp];

    /// Returns the media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|media| media.as_str() == text)
    }
}

/// A photo of a case, without its bytes. The bytes are personal, as they may show people: they alone are erased, and what is known of
/// the photo stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    pub id: PhotoId,
    pub case: CaseId,
    pub at: Timestamp,
    /// Who added it, in words that are not personal.
    pub author: String,
    pub role: Role,
    pub media: PhotoMedia,
    /// As it is shown, pixels.
    pub width: u32,
    pub height: u32,
    /// 0 of one that was erased.
    pub byte_count: u64,
    /// Of the bytes as they are kept. It stays when they are erased, so that the same photo, sent again, is not taken in anew.
    pub sha256: [u8; 32],
    pub erased_at: Option<Timestamp>,
}
