use jiff::Timestamp;

use super::standing::{Standing, next_generation, standing_of};
use super::unheld::{KeptUnheld, Unheld};
use crate::boundary::{Generation, GenerationId, Layer, LayerName, Level};
use crate::store::{Store, StoreError};

/// The generations of one layer.
#[derive(Clone, Debug)]
pub struct Listing {
    pub layer: Layer,
    /// Oldest first.
    pub generations: Vec<ListedGeneration>,
}

#[derive(Clone, Debug)]
pub struct ListedGeneration {
    pub generation: Generation,
    pub standing: Standing,
    /// Whether it is the one that takes over next.
    pub is_next: bool,
    /// How many units each of its levels has, coarse to fine; none of a draft that is being redrawn, whose steps a list does not read.
    pub units: Vec<(Level, usize)>,
    /// Whom the roster leaves without a holder when it takes effect; known for the next one, where it was asked for.
    pub unheld: Option<Unheld>,
}

/// Lists the generations of every layer, or of one.
///
/// With `unheld` it also finds the units of the next generation that nobody will hold, which reads it whole where that is not known yet.
///
/// # Errors
/// Those of the store.
pub fn list_generations(
    store: &dyn Store,
    layer: Option<&LayerName>,
    now: Timestamp,
    unheld: Option<&KeptUnheld>,
) -> Result<Vec<Listing>, StoreError> {
    let layers = store.load_layers()?.into_iter().filter(|known| layer.is_none_or(|layer| layer == &known.name));
    layers.map(|layer| list(store, layer, now, unheld)).collect()
}

/// Finds one generation of a layer.
///
/// # Errors
/// [`StoreError::NoGeneration`] where there is none of this number, and those of the store.
pub fn find_generation(
    store: &dyn Store,
    layer: &LayerName,
    id: GenerationId,
    now: Timestamp,
    unheld: Option<&KeptUnheld>,
) -> Result<ListedGeneration, StoreError> {
    let listed = list_generations(store, Some(layer), now, unheld)?.into_iter().flat_map(|listing| listing.generations);
    let missing = || StoreError::NoGeneration { layer: layer.clone(), generation: id };
    listed.into_iter().find(|listed| listed.generation.id == id).ok_or_else(missing)
}

fn list(store: &dyn Store, layer: Layer, now: Timestamp, kept: Option<&KeptUnheld>) -> Result<Listing, StoreError> {
    let generations = store.load_generations(&layer.name)?;
    let counts = store.count_units(&layer.name)?;
    let standings = store.load_draft_standings(&layer.name)?;
    let is_redrawn = |id: GenerationId| standings.iter().any(|standing| standing.draft == id && standing.decided.is_some());
    let next = next_generation(&generations, now).map(|next| next.id);
    let mut listed = Vec::with_capacity(generations.len());
    for generation in &generations {
        let is_next = next == Some(generation.id);
        // A generation that was published between the two readings has no counts yet.
        let counted = counts.iter().find(|(id, _)| *id == generation.id).filter(|(id, _)| !is_redrawn(*id));
        let units = counted.map_or_else(Vec::new, |(_, counts)| counts.clone());
        listed.push(ListedGeneration {
            standing: standing_of(&generations, generation, now),
            is_next,
            units: layer.levels.iter().cloned().zip(units).filter(|(_, count)| *count > 0).collect(),
            unheld: kept.filter(|_| is_next).map(|kept| kept.find(store, &layer.name, generation.id)).transpose()?,
            generation: generation.clone(),
        });
    }
    Ok(Listing { layer, generations: listed })
}
