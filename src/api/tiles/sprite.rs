use axum::extract::Path;
use axum::response::{IntoResponse, Response};

use crate::api::document::Document;
use crate::api::problem::Problem;

/// The icons of the styles, of our own drawing; `web/scripts/sprites.mjs` draws them.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("sprite.json", "application/json", include_bytes!("../../../tiles/sprites/sprite.json")),
    ("sprite.png", "image/png", include_bytes!("../../../tiles/sprites/sprite.png")),
    ("sprite@2x.json", "application/json", include_bytes!("../../../tiles/sprites/sprite@2x.json")),
    ("sprite@2x.png", "image/png", include_bytes!("../../../tiles/sprites/sprite@2x.png")),
];

/// The icons of the styles, as MapLibre asks for them.
#[utoipa::path(
    get,
    operation_id = "show_sprite",
    path = "/sprites/{file}",
    tag = "maps",
    params(("file" = String, Path, description = "`sprite.json`, `sprite.png`, `sprite@2x.json` or `sprite@2x.png`")),
    responses((status = 200, description = "The icons, or where each stands", content(
        (serde_json::Value = "application/json"),
        (Vec<u8> = "image/png"),
    )))
)]
pub async fn show_sprite(Path(file): Path<String>) -> Result<Response, Problem> {
    let missing = || Problem::not_found(format!("there is no file {file}; there are {}", FILES.map(|(name, ..)| name).join(", ")));
    let (_, media, bytes) = FILES.into_iter().find(|(name, ..)| *name == file).ok_or_else(missing)?;
    Ok(Document::new(media, bytes).into_response())
}
