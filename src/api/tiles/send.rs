use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::cache::{Asked, Coded, FinishedTile};
use super::subject::Subject;
use crate::api::document::Terms;
use crate::api::features::items::deadline;
use crate::api::links::{Link, to_header};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::tile::{Coding, Matrix, TileAddress, TileChoice};

pub const MVT: &str = "application/vnd.mapbox-vector-tile";

/// Codings that are offered, those first that a caller who takes several alike is sent: the first is the one that packs text-like bytes best.
const CODINGS: [Coding; 4] = [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Plain];

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
    pub subject: Subject,
    pub matrix: Matrix,
    pub address: TileAddress,
    /// What the answer's `Link` header leads to.
    pub links: Vec<Link>,
    /// What the answer depends on beside the coding and the caller.
    pub varies: Varies,
}

/// Whether a caller chooses the form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varies {
    /// By the `Accept` header, as OGC API has it.
    ByAccept,
    /// There is but one form, whatever the header says.
    No,
}

impl TileRequest {
    /// Sends the tile in the coding that the caller likes best, or says that the caller has it already.
    ///
    /// # Errors
    /// 404 beyond the zooms that are made, 400 for an unknown field or collection, 406 where every coding is refused.
    pub async fn send(self, state: &AppState, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
        let terms = Terms::of(method, headers);
        let coding = choose_coding(&terms)?;
        let is_private = self.subject.is_private;
        let choice = self.subject.choice();
        let (links, varies) = (self.links.clone(), self.varies);
        // What is kept was seen to be there when it was made, and needs no thread of its own.
        let tile = match state.tiles().ready(self.ask(&choice, coding)) {
            Some(tile) => tile,
            None if state.tiles().is_quick(self.ask(&choice, coding)) => self.find(state, coding)?,
            None => {
                let state = state.clone();
                let find = move || self.find(&state, coding);
                tokio::task::spawn_blocking(find).await.map_err(|e| Problem::internal(&e))??
            }
        };
        send_finished(tile.as_ref(), coding, &terms, (is_private, varies), &links)
    }

    fn ask<'a>(&'a self, choice: &'a TileChoice, coding: Coding) -> Asked<'a> {
        let Subject { layers, .. } = &self.subject;
        let (drawing, filter) = (self.subject.drawing(self.matrix), self.subject.filter_key());
        Asked { layers, drawing, address: self.address, choice, filter, coding }
    }

    fn find(&self, state: &AppState, coding: Coding) -> Result<FinishedTile, Problem> {
        let (_, choice) = self.subject.open(state, self.matrix)?;
        let max_zoom = self.matrix.zoom_as_wide(state.tiles().described().max_zoom);
        if self.address.z() > max_zoom {
            return Err(Problem::not_found(format!("tiles are made for zooms 0 to {max_zoom}; nearer zooms are drawn from those")));
        }
        let passing = self.subject.passing(state, deadline(state))?;
        state.tiles().tile(self.ask(&choice, coding), &passing).map_err(|e| Problem::internal(&e))
    }
}

/// Returns the coding that a caller likes best.
///
/// # Errors
/// 406 where every coding is refused.
pub fn choose_coding(terms: &Terms) -> Result<Coding, Problem> {
    let offered = "the tile is sent as br, zstd or gzip, or as it is, and Accept-Encoding refuses all of them";
    terms.coding(&CODINGS).ok_or_else(|| Problem::new(ProblemKind::NotAcceptable, offered))
}

/// Sends a tile, or says that it is empty, or that the caller has it already.
///
/// # Errors
/// Links that no header can hold.
pub fn send_finished(
    tile: Option<&Arc<Coded>>,
    coding: Coding,
    terms: &Terms,
    (is_private, varies): (bool, Varies),
    links: &[Link],
) -> Result<Response, Problem> {
    let links = HeaderValue::from_str(&to_header(links)).map_err(|e| Problem::internal(&e))?;
    let cache = HeaderValue::from_static(if is_private { "private, no-cache" } else { "no-cache" });
    let vary = HeaderValue::from_static(match (varies, is_private) {
        (Varies::ByAccept, true) => "Accept, Accept-Encoding, Authorization",
        (Varies::ByAccept, false) => "Accept, Accept-Encoding",
        (Varies::No, true) => "Accept-Encoding, Authorization",
        (Varies::No, false) => "Accept-Encoding",
    });
    let about = [(header::CACHE_CONTROL, cache), (header::VARY, vary), (header::LINK, links)];
    let Some(tile) = tile else { return Ok((StatusCode::NO_CONTENT, about).into_response()) };
    Ok((about, send_coded(tile, coding, terms)).into_response())
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
