use buffa::Message as _;
use fast_mvt::proto::Layer;
use fast_mvt::{MvtReaderRef, MvtResult};
use rustc_hash::{FxHashMap, FxHashSet};

use super::layers::TileField;
use super::tiles::{LABEL_SUFFIX, LayerTiles};
use crate::boundary::Unit;

/// What of a finished tile is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TileChoice {
    /// Only what shows these collections; all by default.
    pub collections: Option<Vec<String>>,
    /// Only these fields; all by default.
    pub fields: Option<Vec<String>>,
    /// Only units whose fields have these values, all of them.
    pub filter: Vec<(TileField, String)>,
}

/// The units that a filter lets pass: their feature ids, by the layers of the tile that show them.
#[derive(Debug, Default)]
pub struct PassingUnits(FxHashMap<String, FxHashSet<u64>>);

impl TileChoice {
    /// Whether all is wanted.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the memory that it takes beside itself, in bytes.
    pub fn bytes(&self) -> usize {
        let lists = self.collections.iter().chain(&self.fields).flatten();
        lists.chain(self.filter.iter().map(|(_, value)| value)).map(|text| size_of::<String>() + text.capacity()).sum()
    }

    /// Whether a layer of a tile shows something of the collections wanted.
    pub fn has_layer(&self, layer: &str) -> bool {
        self.collections.as_ref().is_none_or(|wanted| wanted.iter().any(|collection| shows(layer, collection)))
    }

    /// Whether a field is wanted.
    pub fn has_field(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == field))
    }

    /// Finds the units that pass the filter, whatever fields a zoom carries; none where there is no filter.
    pub fn passing<'a>(&self, layers: impl IntoIterator<Item = &'a LayerTiles>) -> Option<PassingUnits> {
        (!self.filter.is_empty()).then(|| {
            let passes = |unit: &Unit| self.filter.iter().all(|(field, wanted)| field.of(unit) == Some(wanted));
            PassingUnits(layers.into_iter().flat_map(|layer| layer.ids_of(passes)).collect())
        })
    }

    /// Takes what is wanted from a tile; nothing is left where it holds nothing of that.
    ///
    /// # Errors
    /// Bytes that are no tile.
    pub fn take(&self, tile: &[u8], passing: Option<&PassingUnits>) -> MvtResult<Vec<u8>> {
        let mut tile = MvtReaderRef::new(tile)?.to_proto()?;
        tile.layers.retain(|layer| self.has_layer(&layer.name));
        for layer in &mut tile.layers {
            if let Some(PassingUnits(ids)) = passing {
                let ids = ids.get(&layer.name);
                layer.features.retain(|feature| feature.id.zip(ids).is_some_and(|(id, ids)| ids.contains(&id)));
            }
            if self.fields.is_some() || passing.is_some() {
                self.tidy(layer);
            }
        }
        tile.layers.retain(|layer| !layer.features.is_empty());
        Ok(tile.encode_to_vec())
    }

    /// Keeps only the keys that are wanted and the values that are still used.
    fn tidy(&self, layer: &mut Layer) {
        let (keys, values) = (std::mem::take(&mut layer.keys), std::mem::take(&mut layer.values));
        let (mut key_places, mut value_places) = (FxHashMap::default(), FxHashMap::default());
        for feature in &mut layer.features {
            let pairs = std::mem::take(&mut feature.tags);
            for (key, value) in pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])) {
                let (Some(name), Some(content)) = (keys.get(key as usize), values.get(value as usize)) else { continue };
                if self.has_field(name) {
                    feature.tags.push(*key_places.entry(key).or_insert_with(|| push(&mut layer.keys, name.clone())));
                    feature.tags.push(*value_places.entry(value).or_insert_with(|| push(&mut layer.values, content.clone())));
                }
            }
        }
    }
}

/// Whether a layer of a tile shows a collection: its areas, or its names.
fn shows(layer: &str, collection: &str) -> bool {
    layer.strip_prefix(collection).is_some_and(|rest| rest.is_empty() || rest == LABEL_SUFFIX)
}

fn push<T>(list: &mut Vec<T>, item: T) -> u32 {
    list.push(item);
    u32::try_from(list.len() - 1).expect("a tile counts its keys and values in 32 bits")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tile::{TileAddress, TileLayers};
    use crate::topology::town;

    fn tiles() -> (LayerTiles, Vec<u8>) {
        let gaps = crate::boundary::Accepted { gap: true, ..Default::default() };
        let coverage = (0..9).find_map(|seed| town::check_all(town::Town::new(seed).shapes(), gaps).coverage).unwrap();
        let tiles = LayerTiles::build(Arc::new(coverage), &TileLayers::default());
        let tile = tiles.tile(TileAddress::new(13, 4096, 4095).unwrap()).unwrap().unwrap();
        (tiles, tile)
    }

    /// The layer, the id and the fields of a feature.
    type Shown = (String, Option<u64>, Vec<(String, String)>);

    fn features(tile: &[u8]) -> Vec<Shown> {
        let reader = MvtReaderRef::new(tile).unwrap();
        let mut found = Vec::new();
        for layer in reader.layers() {
            for feature in layer.features() {
                let fields = feature.properties_vec().unwrap().into_iter().map(|(key, value)| (key.to_owned(), format!("{value:?}")));
                found.push((layer.name().to_owned(), feature.id(), fields.collect()));
            }
        }
        found
    }

    #[test]
    fn a_choice_of_everything_changes_nothing() {
        let (_, tile) = tiles();
        assert!(TileChoice::default().is_everything());
        assert_eq!(features(&TileChoice::default().take(&tile, None).unwrap()), features(&tile));
    }

    #[test]
    fn only_the_collections_and_fields_that_are_wanted_are_left() {
        let (tiles, tile) = tiles();
        let id = tiles.collections().pop().unwrap();
        let choice = TileChoice { collections: Some(vec![id.clone()]), fields: Some(vec!["code".into()]), filter: Vec::new() };
        let expected: Vec<_> = features(&tile).into_iter().filter(|(layer, ..)| *layer == id || *layer == format!("{id}_label")).collect();
        let taken = choice.take(&tile, None).unwrap();
        let found = features(&taken);
        assert!(!found.is_empty() && found.len() == expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let code: Vec<_> = expected.2.iter().filter(|(key, _)| key == "code").cloned().collect();
            assert_eq!((&found.0, found.1, &found.2), (&expected.0, expected.1, &code));
        }
        let other = TileChoice { collections: Some(vec!["other".into()]), ..TileChoice::default() };
        assert_eq!(other.take(&tile, None).unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn a_filter_lets_units_pass_and_their_names_with_them() {
        let (tiles, tile) = tiles();
        let code = features(&tile).iter().rev().flat_map(|feature| &feature.2).find(|(key, _)| key == "code").unwrap().1.clone();
        let code = code.split('"').nth(1).unwrap().to_owned();
        let choice = TileChoice { filter: vec![(TileField::Code, code.clone())], ..TileChoice::default() };
        let found = features(&choice.take(&tile, choice.passing([&tiles]).as_ref()).unwrap());
        assert!(!found.is_empty());
        assert!(found.iter().all(|(_, _, fields)| fields.iter().any(|(key, value)| key == "code" && value.contains(&code))), "{found:?}");
        let none = TileChoice { filter: vec![(TileField::Code, "none".into())], ..TileChoice::default() };
        assert_eq!(none.take(&tile, none.passing([&tiles]).as_ref()).unwrap(), Vec::<u8>::new());
    }
}
