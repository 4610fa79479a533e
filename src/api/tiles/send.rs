use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::cache::{Asked, Coded, Drawing, FinishedTile};
use super::choice::{ChoiceQuery, check_choice};
use crate::api::as_of::{AsOfQuery, LayerQuery, View};
use crate::api::caller::Caller;
use crate::api::document::Terms;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::snapshot::LayerSnapshot;
use crate::tile::{Coding, Matrix, TileAddress, TileChoice};

pub const MVT: &str = "application/vnd.mapbox-vector-tile";

/// Codings that are offered, those first that a caller who takes several alike is sent: the first is the one that packs text-like bytes best.
const CODINGS: [Coding; 4] = [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Plain];

/// The layers whose tiles are shown, and whether the answer depends on who asks.
#[derive(Clone, Debug)]
pub struct Shown {
    pub layers: Vec<Arc<LayerSnapshot>>,
    pub is_private: bool,
}

/// Returns the layers that the caller may see, in the version asked for.
///
/// # Errors
/// As [`AppState::view_layers`]; 401 or 403 where none of those there are may be seen.
pub async fn shown_layers(state: &AppState, as_of: AsOfQuery, only: &LayerQuery, caller: &Caller) -> Result<Shown, Problem> {
    let View { snapshot, is_private } = state.view_layers(as_of, only, caller).await?;
    let all = snapshot.layers();
    let layers: Vec<_> = all.iter().filter(|layer| caller.sees_layer(&layer.layer().name, layer.is_public())).cloned().collect();
    if let (true, false, Some(first)) = (layers.is_empty(), all.is_empty(), all.first()) {
        let name = &first.layer().name;
        caller.require_layer(name, first.is_public(), &format!("the layer {name}"))?;
    }
    let may_differ = snapshot.histories().iter().any(|history| !history.is_public);
    Ok(Shown { layers, is_private: is_private || may_differ })
}

/// Reads an address; `order` says how its three parts stand, for the one who is told that they are wrong.
///
/// # Errors
/// 404 for what is no tile of the world.
pub fn parse_address(matrix: Matrix, [z, x, y]: [&str; 3], order: &str) -> Result<TileAddress, Problem> {
    // A sign or an empty part would pass for a number elsewhere; two addresses must not mean one tile.
    let is_plain = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let read = || TileAddress::within(matrix, z.parse().ok()?, x.parse().ok()?, y.parse().ok()?);
    let address = [z, x, y].iter().all(is_plain).then(read).flatten();
    let bounds = match matrix {
        Matrix::Mercator => "columns and rows run from 0 to below 2^zoom",
        Matrix::Geographic => "rows run from 0 to below 2^zoom, columns to below twice that",
    };
    address.ok_or_else(|| Problem::not_found(format!("zoom {z}, column {x}, row {y} (given as {order}) is no tile of the world; {bounds}")))
}

/// A tile that somebody asks for.
#[derive(Debug)]
pub struct TileRequest {
    pub shown: Shown,
    pub drawing: Drawing,
    pub address: TileAddress,
    pub choice: ChoiceQuery,
    pub collections: Option<Vec<String>>,
}

impl TileRequest {
    /// Sends the tile in the coding that the caller likes best, or says that the caller has it already.
    ///
    /// # Errors
    /// 404 beyond the zooms that are made, 400 for an unknown field or collection, 406 where every coding is refused.
    pub async fn send(self, state: &AppState, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
        let terms = Terms::of(method, headers);
        let refused = || {
            let offered = "the tile is sent as br, zstd or gzip, or as it is, and Accept-Encoding refuses all of them";
            Problem::new(ProblemKind::NotAcceptable, offered)
        };
        let coding = terms.coding(&CODINGS).ok_or_else(refused)?;
        let is_private = self.shown.is_private;
        let choice = self.choice.to_choice(self.collections.as_deref());
        // What is kept was seen to be there when it was made, and needs no thread of its own.
        let tile = match state.tiles().ready(self.ask(&choice, coding)) {
            Some(tile) => tile,
            None => {
                let state = state.clone();
                let find = move || self.find(&state, &choice, coding);
                tokio::task::spawn_blocking(find).await.map_err(|e| Problem::internal(&e))??
            }
        };
        let cache = if is_private { "private, no-cache" } else { "no-cache" };
        let vary = if is_private { "Accept-Encoding, Authorization" } else { "Accept-Encoding" };
        let cacheable = [(header::CACHE_CONTROL, cache), (header::VARY, vary)];
        let Some(tile) = tile else { return Ok((StatusCode::NO_CONTENT, cacheable).into_response()) };
        Ok((cacheable, send_coded(&tile, coding, &terms)).into_response())
    }

    fn ask<'a>(&'a self, choice: &'a TileChoice, coding: Coding) -> Asked<'a> {
        Asked { layers: &self.shown.layers, drawing: self.drawing, address: self.address, choice, coding }
    }

    fn find(&self, state: &AppState, choice: &TileChoice, coding: Coding) -> Result<FinishedTile, Problem> {
        let cache = state.tiles();
        let layers: Vec<_> = self.shown.layers.iter().map(|layer| cache.layer(layer, self.drawing)).collect();
        let max_zoom = layers.iter().map(|layer| layer.max_zoom()).max().unwrap_or(0);
        if self.address.z() > max_zoom {
            return Err(Problem::not_found(format!("tiles are made for zooms 0 to {max_zoom}; nearer zooms are drawn from those")));
        }
        check_choice(choice, &layers)?;
        cache.tile(self.ask(choice, coding)).map_err(|e| Problem::internal(&e))
    }
}

fn send_coded(coded: &Coded, coding: Coding, terms: &Terms) -> Response {
    let tag = HeaderValue::from_str(&coded.tag).expect("a tag is hexadecimal digits in quotes");
    if terms.matches(&coded.tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let media = HeaderValue::from_static(MVT);
    let mut response = ([(header::ETAG, tag), (header::CONTENT_TYPE, media)], coded.bytes.clone()).into_response();
    if let Some(name) = coding.name() {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}
