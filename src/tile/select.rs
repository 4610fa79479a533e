use super::figures::UnitFigures;
use super::tiles::{BORDERS, LABEL_SUFFIX};
use crate::topology::UnitIndex;

/// Which layers and fields of the tiles are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TileChoice {
    /// Only what shows these collections; all by default.
    pub collections: Option<Vec<String>>,
    /// Only these fields; all by default.
    pub fields: Option<Vec<String>>,
}

/// The units of a layer that a filter lets pass: a list for each depth, with an answer for each unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassingUnits(pub Vec<Vec<bool>>);

/// What is wanted of a tile; all of it by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    pub choice: Option<&'a TileChoice>,
    /// The units that pass, where only some do.
    pub passing: Option<&'a PassingUnits>,
    /// Numbers that units carry beside their own fields.
    pub figures: Option<&'a UnitFigures>,
}

impl<'a> Wanted<'a> {
    pub fn of(choice: &'a TileChoice, passing: Option<&'a PassingUnits>) -> Self {
        Self { choice: Some(choice), passing, figures: None }
    }
}

impl TileChoice {
    /// Returns the memory that it takes beside itself, in bytes.
    pub fn bytes(&self) -> usize {
        self.collections.iter().chain(&self.fields).flatten().map(|text| size_of::<String>() + text.capacity()).sum()
    }

    /// Whether a collection is wanted.
    pub fn has_collection(&self, collection: &str) -> bool {
        self.collections.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == collection))
    }

    /// Whether a layer of a tile shows something of the collections wanted.
    pub fn has_layer(&self, layer: &str) -> bool {
        self.collections.as_ref().is_none_or(|wanted| wanted.iter().any(|collection| shows(layer, collection)))
    }

    /// Whether a field is wanted.
    pub fn has_field(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == field))
    }
}

impl PassingUnits {
    /// Whether a unit passes; one of a level that was not asked about does not.
    pub fn has(&self, depth: usize, unit: UnitIndex) -> bool {
        self.0.get(depth).and_then(|level| level.get(unit.0 as usize)).is_some_and(|passes| *passes)
    }

    /// Returns the memory that it takes beside itself, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|level| size_of::<Vec<bool>>() + level.capacity()).sum()
    }
}

/// Whether a layer of a tile shows a collection: its areas, its names, or its border lines.
fn shows(layer: &str, collection: &str) -> bool {
    let prefix = collection.split_once('.').map_or("", |(name, _)| &collection[..=name.len()]);
    layer.strip_prefix(collection).is_some_and(|rest| rest.is_empty() || rest == LABEL_SUFFIX)
        || layer.strip_prefix(prefix) == Some(BORDERS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use fast_mvt::MvtReaderRef;

    use super::*;
    use crate::tile::{LayerTiles, TileAddress, TileLayers};
    use crate::topology::town;

    fn tiles() -> LayerTiles {
        let gaps = crate::boundary::Accepted { gap: true, ..Default::default() };
        let coverage = (0..9).find_map(|seed| town::check_all(town::Town::new(seed).shapes(), gaps).coverage).unwrap();
        LayerTiles::build(Arc::new(coverage), &TileLayers::default())
    }

    /// The layer, the id and the fields of a feature.
    type Shown = (String, Option<u64>, Vec<(String, String)>);

    fn features(tile: Option<Vec<u8>>) -> Vec<Shown> {
        let Some(tile) = tile else { return Vec::new() };
        let reader = MvtReaderRef::new(&tile).unwrap();
        let mut found = Vec::new();
        for layer in reader.layers() {
            for feature in layer.features() {
                let fields = feature.properties_vec().unwrap().into_iter().map(|(key, value)| (key.to_owned(), format!("{value:?}")));
                found.push((layer.name().to_owned(), feature.id(), fields.collect()));
            }
        }
        found
    }

    fn shown(tiles: &LayerTiles, choice: &TileChoice, passing: Option<&PassingUnits>) -> Vec<Shown> {
        features(tiles.tile_of(TileAddress::new(13, 4096, 4095).unwrap(), Wanted::of(choice, passing)).unwrap())
    }

    #[test]
    fn only_the_collections_and_fields_that_are_wanted_are_left() {
        let tiles = tiles();
        let id = tiles.collections().pop().unwrap();
        let choice = TileChoice { collections: Some(vec![id.clone()]), fields: Some(vec!["code".into()]) };
        let mut expected = shown(&tiles, &TileChoice::default(), None);
        expected.retain(|(layer, ..)| choice.has_layer(layer));
        expected.iter_mut().for_each(|(_, _, fields)| fields.retain(|(key, _)| key == "code"));
        assert!(expected.iter().any(|(layer, ..)| layer == BORDERS));
        assert_eq!(shown(&tiles, &choice, None), expected, "the finest level is separated by every line");
        let other = TileChoice { collections: Some(vec!["other".into()]), ..TileChoice::default() };
        assert_eq!(shown(&tiles, &other, None), []);
    }

    #[test]
    fn a_collection_comes_with_the_lines_that_separate_its_units_alone() {
        let tiles = tiles();
        let ids = tiles.collections();
        for (depth, id) in ids.iter().enumerate() {
            let choice = TileChoice { collections: Some(vec![id.clone()]), ..TileChoice::default() };
            let lines = |choice: &TileChoice| {
                let borders = shown(&tiles, choice, None).into_iter().filter(|(layer, ..)| layer == BORDERS);
                borders.map(|(_, _, fields)| fields).collect::<Vec<_>>()
            };
            let is_coarse = |fields: &Vec<(String, String)>| {
                let of = fields.iter().find(|(key, _)| key == "level").unwrap().1.clone();
                ids[..=depth].iter().any(|id| of.contains(&format!("\"{id}\"")))
            };
            let expected: Vec<_> = lines(&TileChoice::default()).into_iter().filter(is_coarse).collect();
            assert_eq!(lines(&choice), expected, "{id}");
            let listed: BTreeSet<String> = tiles.vector_layers(&choice).into_iter().map(|layer| layer.id).collect();
            assert_eq!(listed, BTreeSet::from([id.clone(), format!("{id}_label"), BORDERS.to_owned()]));
        }
    }

    #[test]
    fn a_filter_lets_units_pass_with_their_names_and_borders() {
        let tiles = tiles();
        let depth = tiles.collections().len() - 1;
        let all = shown(&tiles, &TileChoice::default(), None);
        let id = all.iter().find(|(layer, ..)| *layer == tiles.collections()[depth]).unwrap().1.unwrap();
        let units = tiles.coverage.levels()[depth].indices();
        let passing =
            PassingUnits((0..depth).map(|_| Vec::new()).chain([units.map(|unit| tiles.feature_id(depth, unit) == id).collect()]).collect());
        let found = shown(&tiles, &TileChoice::default(), Some(&passing));
        assert!(found.iter().all(|(layer, own, _)| *own == Some(id) || layer == BORDERS), "{found:?}");
        let in_layer = |name: &str| found.iter().filter(|(layer, ..)| layer == name).count();
        assert_eq!(in_layer(&tiles.collections()[depth]), 1);
        let all_lines = all.iter().filter(|(layer, ..)| layer == BORDERS).count();
        assert!((1..=all_lines).contains(&in_layer(BORDERS)));
        assert_eq!(shown(&tiles, &TileChoice::default(), Some(&PassingUnits::default())), []);
    }
}
