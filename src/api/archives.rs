use std::fs::File;
use std::io::Read;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rustc_hash::FxHashMap;
use tower::ServiceExt;
use tower_http::services::ServeFile;
use twox_hash::XxHash3_128;

use super::document::Terms;
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
    send_ranges(&state, path, request).await
}

/// The tags of files, each with the length and the time of the file that it was made of.
#[derive(Debug, Default)]
pub struct FileTags(Mutex<FxHashMap<PathBuf, (u64, SystemTime, HeaderValue)>>);

/// As much of a file as is read at once to make its tag, bytes.
const READ_BYTES: usize = 1 << 20;

impl FileTags {
    /// Returns the strong tag of a file, a hash of all its bytes: the same on every replica that has a copy. A file is read as a whole
    /// once, and again where it was written since.
    fn of(&self, path: &FilePath) -> std::io::Result<HeaderValue> {
        let mut file = File::open(path)?;
        let about = file.metadata()?;
        let (length, written) = (about.len(), about.modified()?);
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., tag)) = known().get(path).filter(|(bytes, at, _)| (*bytes, *at) == (length, written)) {
            return Ok(tag.clone());
        }
        let (mut hash, mut read) = (XxHash3_128::new(), vec![0; READ_BYTES]);
        loop {
            match file.read(&mut read)? {
                0 => break,
                count => hash.write(&read[..count]),
            }
        }
        let tag = format!("\"{:032x}\"", hash.finish_128());
        let tag = HeaderValue::from_str(&tag).expect("digits and quotes may stand in a header");
        known().insert(path.to_path_buf(), (length, written, tag.clone()));
        Ok(tag)
    }
}

/// Sends a file or a range of it, with a strong tag made of its bytes.
///
/// A range of a file that is not the one of `If-Range`, several ranges, and those in other units than bytes are answered with the whole
/// file, as RFC 9110 (14.2, 13.1.5) has it.
///
/// # Errors
/// 404 where it is not there any more, 500 where it cannot be read.
pub async fn send_ranges(state: &AppState, path: &FilePath, mut request: Request) -> Result<Response, Problem> {
    let (tags, of) = (state.clone(), path.to_path_buf());
    let tag = tokio::task::spawn_blocking(move || tags.file_tags().of(&of)).await.map_err(|error| Problem::internal(&error))?;
    let tag = match tag {
        Ok(tag) => tag,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Problem::not_found("the file is not there any more")),
        Err(error) => return Err(Problem::internal(&error)),
    };
    let terms = Terms::of(request.method(), request.headers());
    let headers = request.headers_mut();
    let [range, condition] = [header::RANGE, header::IF_RANGE].map(|name| headers.remove(name));
    // The tag that decides is the one made here.
    headers.remove(header::IF_NONE_MATCH);
    headers.remove(header::IF_MODIFIED_SINCE);
    let cached = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if terms.matches(tag.to_str().unwrap_or_default()) {
        return Ok((StatusCode::NOT_MODIFIED, cached).into_response());
    }
    let is_same = condition.is_none_or(|condition| condition == tag);
    if let Some(range) = range.filter(|_| is_same && terms.method == Method::GET) {
        let length = tokio::fs::metadata(path).await.map_err(|error| Problem::internal(&error))?.len();
        if let Some(range) = single_range(&range, length) {
            request.headers_mut().insert(header::RANGE, range);
        }
    }
    let media = match path.extension().and_then(|ending| ending.to_str()) {
        Some("pmtiles") => "application/vnd.pmtiles",
        Some("mbtiles") => "application/vnd.sqlite3",
        _ => "application/octet-stream",
    };
    let media = media.parse().expect("the types are fixed");
    let served = ServeFile::new_with_mime(path, &media).oneshot(request).await;
    let response = served.unwrap_or_else(|never| match never {}).map(Body::new);
    Ok((cached, response).into_response())
}

/// Returns the one range that is asked for, as a file of `length` bytes is asked for it; none where the whole file is the answer.
fn single_range(range: &HeaderValue, length: u64) -> Option<HeaderValue> {
    let (unit, wanted) = range.to_str().ok()?.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || wanted.contains(',') {
        return None;
    }
    let wanted = wanted.trim();
    // The last so many bytes of a file that has fewer are all of it; none of them are no range at all.
    if let Some(last) = wanted.strip_prefix('-').and_then(|last| last.parse::<u64>().ok()).filter(|last| *last >= length) {
        return (last > 0 && length > 0).then(|| HeaderValue::from_static("bytes=0-"));
    }
    HeaderValue::from_str(&format!("bytes={wanted}")).ok()
}
