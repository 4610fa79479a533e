use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, header};

use crate::api::problem::{Problem, ProblemKind};
use crate::dispatch::photo::{Picture, PictureError, strip};

/// Pictures that are taken in at once; who comes later waits. They are held in memory until they are durable.
pub const UPLOADS_MAX: usize = 16;

/// The bytes of a picture, as the API definition has them.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[schema(value_type = String, format = Binary)]
pub struct PhotoBytes(Vec<u8>);

/// Reads a body of at most so many bytes.
///
/// # Errors
/// 413 for a longer one, 400 for one that breaks off.
pub async fn read_body(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(ProblemKind::BodyTooLarge, format!("at most {bytes_max} bytes are taken"));
    let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|said| said > bytes_max) {
        return Err(too_large());
    }
    to_bytes(body, bytes_max).await.map_err(|error| {
        let is_too_long = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
            .any(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if is_too_long { too_large() } else { Problem::new(ProblemKind::InvalidBody, "the body broke off") }
    })
}

/// Makes of bytes a picture that may be kept.
///
/// # Errors
/// 415 where they are none of a kind that is taken, 400 where it is broken, 413 where it is too large.
pub fn read_picture(bytes: &[u8]) -> Result<Picture, Problem> {
    strip(bytes).map_err(|error| {
        let kind = match error {
            PictureError::Unknown => ProblemKind::UnsupportedMediaType,
            PictureError::Broken { .. } => ProblemKind::InvalidBody,
            PictureError::TooLarge { .. } => ProblemKind::BodyTooLarge,
        };
        Problem::new(kind, error.to_string())
    })
}
