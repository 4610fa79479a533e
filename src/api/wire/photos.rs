use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dispatch::Photo;

/// A photo of a case, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PhotoView {
    pub id: String,
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub media_type: &'static str,
    /// 0 of one that was taken away.
    pub bytes: u64,
    /// As it is shown, pixels.
    pub width: u32,
    pub height: u32,
    /// Of the bytes as they are kept, in hexadecimal.
    pub sha256: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who added it, and as what; not told to all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Whether all may see it: whoever moderated the case had looked at it.
    pub published: bool,
    /// When it was taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub erased_at: Option<Timestamp>,
    /// Where it is; null where it was taken away.
    pub href: Option<String>,
}

impl PhotoView {
    /// Puts a photo on the wire, with who added it where that may be told.
    pub fn new(photo: &Photo, href: String, is_published: bool, tells_author: bool) -> Self {
        Self {
            id: photo.id.to_string(),
            media_type: photo.media.as_str(),
            bytes: photo.byte_count,
            width: photo.width,
            height: photo.height,
            sha256: photo.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
            at: photo.at,
            by: tells_author.then(|| photo.author.clone()),
            role: tells_author.then(|| photo.role.as_str()),
            published: is_published && photo.erased_at.is_none(),
            erased_at: photo.erased_at,
            href: photo.erased_at.is_none().then_some(href),
        }
    }
}
