use std::path::Path as FilePath;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::problem::Problem;
use super::state::AppState;

/// A file that the operator offers, such as tiles drawn ahead: whole, or the range that is asked for.
///
/// It is what it was when it was written, whatever is published since, and everybody may read it.
#[utoipa::path(
    get,
    operation_id = "show_archive",
    path = "/archives/{name}",
    tag = "maps",
    params(("name" = String, Path, description = "The file's name, as `map.archives` and `serve --archive` have it")),
    responses(
        (status = 200, description = "The whole file", content(
            (Vec<u8> = "application/vnd.pmtiles"),
            (Vec<u8> = "application/vnd.sqlite3"),
            (Vec<u8> = "application/octet-stream"),
        )),
        (status = 206, description = "The range that was asked for", content((Vec<u8> = "application/vnd.pmtiles"))),
        (status = 304, description = "The caller has the file already"),
        (status = 416, description = "The file is shorter", content((super::problem::Document = "application/problem+json"))),
    )
)]
pub async fn show_archive(Path(name): Path<String>, State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let archives = &state.config().map.archives;
    let found = archives.iter().find(|path| path.file_name().is_some_and(|known| known == name.as_str()));
    let path = found.ok_or_else(|| Problem::not_found(format!("there is no archive {name}")))?;
    send_ranges(path, request).await
}

/// Sends a file or a range of it, with a strong tag made of its length and time.
///
/// # Errors
/// 500 where it cannot be read.
pub async fn send_ranges(path: &FilePath, mut request: Request) -> Result<Response, Problem> {
    // A range of what may be another file by now is of no use: who asks under that condition is sent the whole.
    if request.headers().contains_key(header::IF_RANGE) {
        request.headers_mut().remove(header::RANGE);
    }
    let media = match path.extension().and_then(|ending| ending.to_str()) {
        Some("pmtiles") => "application/vnd.pmtiles",
        Some("mbtiles") => "application/vnd.sqlite3",
        _ => "application/octet-stream",
    };
    let media = media.parse().expect("the types are fixed");
    let served = ServeFile::new_with_mime(path, &media).oneshot(request).await;
    let mut response = served.unwrap_or_else(|never| match never {}).map(Body::new);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response.into_response())
}
