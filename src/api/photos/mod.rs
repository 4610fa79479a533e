//! Photos of cases: taking them in, showing them to whom they may be shown, and taking them away.
//!
//! `read` makes of bytes a picture that may be kept, `keep` a photo of it; `sight` says who may see which; each of the others is a route.

mod add;
mod erase;
mod keep;
mod list;
mod read;
mod show;
mod sight;

pub use add::{__path_add_photo, add_photo};
pub use erase::{__path_erase_photo, ErasureLog, erase_photo};
pub use keep::file_of;
pub use list::{__path_list_photos, list_photos};
pub use read::{UPLOADS_MAX, read_body, read_picture};
pub use show::{__path_show_photo, path_of, show_photo};
