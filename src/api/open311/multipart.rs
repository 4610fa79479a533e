use std::convert::Infallible;

use axum::body::Bytes;
use multer::{Constraints, Multipart, SizeLimit};

use super::fault::Fault;
use super::form::{Format, PAIRS_MAX, Pairs};
use crate::api::photos::read_picture;
use crate::dispatch::photo::Picture;

/// Photos that one request may bring.
pub const MEDIA_MAX: usize = 3;

/// Longest text of a form, bytes; the longest description has 4,000 characters.
const TEXT_BYTES_MAX: u64 = 64 << 10;

/// The names under which clients send photos as files.
const MEDIA: [&str; 2] = ["media", "media[]"];

/// Reads `multipart/form-data`: the texts as those of any form, and the photos. Other files are passed over, as arguments are that the
/// standard does not know.
///
/// # Errors
/// 400 for what is no such form, 413, 415 or 400 for what is no photo.
pub async fn read(boundary: String, body: Bytes, format: Format, photo_bytes_max: usize) -> Result<(Pairs, Vec<Picture>), Fault> {
    let sizes = MEDIA.iter().fold(SizeLimit::new().per_field(TEXT_BYTES_MAX), |sizes, name| sizes.for_field(*name, photo_bytes_max as u64));
    let stream = futures_util::stream::once(async { Ok::<_, Infallible>(body) });
    let mut parts = Multipart::with_constraints(stream, boundary, Constraints::new().size_limit(sizes));
    let (mut pairs, mut pictures) = (Vec::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(|error| fault_of(&error, format))? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        if is_file && !MEDIA.contains(&name.as_str()) {
            continue;
        }
        let bytes = part.bytes().await.map_err(|error| fault_of(&error, format))?;
        if is_file {
            // A form whose file was not chosen sends an empty one.
            if bytes.is_empty() {
                continue;
            }
            if pictures.len() == MEDIA_MAX {
                return Err(Fault::new(
                    400,
                    format,
                    &format!("more than {MEDIA_MAX} photos are sent; send the others to the request afterwards"),
                ));
            }
            pictures.push(
                read_picture(&bytes)
                    .map_err(|problem| Fault::new(problem.kind.status().as_u16(), format, &format!("media: {}", problem.detail)))?,
            );
            continue;
        }
        if pairs.len() == PAIRS_MAX {
            return Err(Fault::new(400, format, &format!("there are more than {PAIRS_MAX} arguments")));
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Fault::new(400, format, "the arguments are not UTF-8"))?;
        pairs.push((name, text.trim().to_owned()));
    }
    Ok((Pairs::of(pairs, format)?, pictures))
}

fn fault_of(error: &multer::Error, format: Format) -> Fault {
    match error {
        multer::Error::FieldSizeExceeded { limit, field_name } => {
            let name = field_name.as_deref().unwrap_or("a part");
            Fault::new(413, format, &format!("{name} is longer than {limit} bytes"))
        }
        _ => Fault::new(400, format, "the body is not the multipart/form-data that it says it is"),
    }
}
