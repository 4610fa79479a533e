use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::Deserialize;

use super::choice::{ChoiceQuery, DatasetQuery, TileQuery, check_choice};
use super::drawings::Drawing;
use super::shift::TileShift;
use crate::api::as_of::{AsOfQuery, LayerQuery, View};
use crate::api::caller::Caller;
use crate::api::features::collections::find_level;
use crate::api::features::{FilterKey, UnitFilter, UnitFilterQuery};
use crate::api::links::{BaseUrl, encode};
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::filter::Schema;
use crate::snapshot::LayerSnapshot;
use crate::tile::{LayerTiles, Matrix, PassingUnits, TileChoice};

/// What some tiles are of: the dataset or the collection that the path names, and what was chosen of it.
#[derive(Debug)]
pub struct Subject {
    pub base: BaseUrl,
    /// Where its tilesets are listed: `/tiles`, or that of a collection.
    pub path: String,
    pub title: String,
    /// What addresses repeat of the query, each pair behind an `&`.
    pub pairs: String,
    /// What they repeat of it where the choice is of no matter.
    pub version: String,
    pub layers: Vec<Arc<LayerSnapshot>>,
    /// Whether the answer depends on who asks.
    pub is_private: bool,
    pub shift: Option<TileShift>,
    choice: ChoiceQuery,
    filter: UnitFilterQuery,
    collections: Option<Vec<String>>,
}

/// The part of a path that names a collection, where it has one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CollectionPath {
    collection_id: Option<String>,
}

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

/// Reads the query and finds the layers that the caller may see of what the path names.
impl FromRequestParts<AppState> for Subject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let path = Path::<CollectionPath>::from_request_parts(parts, state).await;
        let collection = path.map_err(|e| Problem::not_found(e.body_text()))?.0.collection_id;
        let caller = Caller::from_request_parts(parts, state).await?;
        let base = BaseUrl::from_request_parts(parts, state).await?;
        match collection {
            None => {
                let Query(query) = Query::<DatasetQuery>::from_request_parts(parts, state).await?;
                let shown = shown_layers(state, query.tile.as_of, &query.only, &caller).await?;
                let version = query.tile.version() + &query.only.to_pairs();
                let pairs = query.to_pairs();
                let named = ("/tiles".to_owned(), "Boundaries".to_owned());
                Ok(Self::new(base, named, [pairs, version], shown, query.tile, query.collections.collections))
            }
            Some(id) => {
                let Query(query) = Query::<TileQuery>::from_request_parts(parts, state).await?;
                let found = find_level(state, &id, query.as_of, &caller).await?;
                let shown = Shown { layers: vec![found.layer], is_private: found.is_private };
                let named = (format!("/collections/{}/tiles", encode(&id)), id.clone());
                Ok(Self::new(base, named, [query.to_pairs(), query.version()], shown, query, Some(vec![id])))
            }
        }
    }
}

impl Subject {
    fn new(
        base: BaseUrl,
        (path, title): (String, String),
        [pairs, version]: [String; 2],
        shown: Shown,
        query: TileQuery,
        collections: Option<Vec<String>>,
    ) -> Self {
        let Shown { layers, is_private } = shown;
        let TileQuery { shift, choice, filter, .. } = query;
        Self { base, path, title, pairs, version, layers, is_private, shift: shift.shift, choice, filter, collections }
    }

    pub fn drawing(&self, matrix: Matrix) -> Drawing {
        Drawing { matrix, shift: self.shift }
    }

    /// Returns what is wanted, not yet seen to be there.
    pub fn choice(&self) -> TileChoice {
        self.choice.to_choice(self.collections.as_deref())
    }

    pub fn filter_key(&self) -> Option<FilterKey> {
        self.filter.key(self.collections.as_deref())
    }

    /// Returns the tiles of its layers, and sees that they have what was chosen.
    ///
    /// # Errors
    /// 400 for a field, a collection or a property that there is not.
    pub fn open(&self, state: &AppState, matrix: Matrix) -> Result<(Vec<Arc<LayerTiles>>, TileChoice), Problem> {
        let tiles: Vec<_> = self.layers.iter().map(|layer| state.tiles().layer(layer, self.drawing(matrix))).collect();
        let choice = self.choice();
        check_choice(&choice, &tiles)?;
        self.filter(state, &choice)?;
        Ok((tiles, choice))
    }

    /// Finds the units of each layer that pass the filter; none where there is none. Takes a while where nobody asked before.
    ///
    /// # Errors
    /// 400 for a filter that does not fit, 503 where looking takes too long.
    pub fn passing(&self, state: &AppState, until: std::time::Instant) -> Result<Vec<Arc<PassingUnits>>, Problem> {
        let choice = self.choice();
        let (Some(key), Some(filter)) = (self.filter_key(), self.filter(state, &choice)?) else { return Ok(Vec::new()) };
        let of_layer = |layer: &Arc<LayerSnapshot>| {
            let find = || {
                let of_level = |depth: usize| match is_wanted(layer, depth, &choice) {
                    true => filter.passing(layer, depth, state.levels().learn(layer, depth), until),
                    false => Ok(Vec::new()),
                };
                (0..layer.coverage().levels().len()).map(of_level).collect::<Result<_, _>>().map(PassingUnits)
            };
            state.tiles().passing(layer, key, find)
        };
        self.layers.iter().map(of_layer).collect()
    }

    fn filter(&self, state: &AppState, choice: &TileChoice) -> Result<Option<UnitFilter>, Problem> {
        if self.filter_key().is_none() {
            return Ok(None);
        }
        let of_layer = |layer: &Arc<LayerSnapshot>| -> Vec<Arc<Schema>> {
            let wanted = (0..layer.coverage().levels().len()).filter(|depth| is_wanted(layer, *depth, choice));
            wanted.map(|depth| state.levels().learn(layer, depth).schema).collect()
        };
        let schemas: Vec<Arc<Schema>> = self.layers.iter().flat_map(of_layer).collect();
        UnitFilter::of(&self.filter, &schemas)
    }
}

fn is_wanted(layer: &LayerSnapshot, depth: usize, choice: &TileChoice) -> bool {
    let level = &layer.coverage().levels()[depth];
    !level.is_empty() && choice.has_collection(&layer.layer().collection_id(level.level()))
}
