use std::sync::Arc;

use super::shift::ShiftQuery;
use crate::api::as_of::{AsOfQuery, LayerQuery};
use crate::api::features::UnitFilterQuery;
use crate::api::links::encode;
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Values};
use crate::tile::{LayerTiles, TileChoice};

/// The parameters that choose what of a tile is wanted.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChoiceQuery {
    /// Only these fields of the features; the TileJSON lists those there are.
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false)]
    pub fields: Option<Vec<String>>,
}

/// The parameter that chooses collections of a dataset.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CollectionsQuery {
    /// Only these collections; all by default.
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false)]
    pub collections: Option<Vec<String>>,
}

/// All parameters of the tiles of one collection.
#[derive(Clone, Debug, Default)]
pub struct TileQuery {
    pub shift: ShiftQuery,
    pub as_of: AsOfQuery,
    pub choice: ChoiceQuery,
    pub filter: UnitFilterQuery,
}

/// All parameters of the tiles of the dataset.
#[derive(Clone, Debug, Default)]
pub struct DatasetQuery {
    pub tile: TileQuery,
    pub only: LayerQuery,
    pub collections: CollectionsQuery,
}

/// Names in one list. A tile has a dozen fields and collections; more are not looked at one by one.
const NAMES_MAX: usize = 64;

impl FromQuery for ChoiceQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { fields: values.optional("fields", parse_names) })
    }
}

impl FromQuery for CollectionsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { collections: values.optional("collections", parse_names) })
    }
}

impl FromQuery for TileQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let (shift, as_of) = (ShiftQuery::from_query(values)?, AsOfQuery::from_query(values)?);
        Some(Self { shift, as_of, choice: ChoiceQuery::from_query(values)?, filter: UnitFilterQuery::from_query(values)? })
    }
}

impl FromQuery for DatasetQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let (tile, only) = (TileQuery::from_query(values)?, LayerQuery::from_query(values)?);
        Some(Self { tile, only, collections: CollectionsQuery::from_query(values)? })
    }
}

/// Reads a list of names; the order is of no matter, so that the same choice is kept once.
fn parse_names(text: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() > NAMES_MAX {
        return Err(format!("has {} names, more than {NAMES_MAX}", names.len()));
    }
    names.sort_unstable();
    names.dedup();
    match names.iter().any(String::is_empty) {
        true => Err("is a list of names with commas between them, none of them empty".into()),
        false => Ok(names),
    }
}

impl TileQuery {
    /// Returns what of the parameters tells one tileset from another, whatever is chosen of it.
    pub fn version(&self) -> String {
        self.shift.to_pairs() + &self.as_of.to_pairs()
    }

    /// Returns the parameters as they stand in an address, each pair behind an `&`.
    pub fn to_pairs(&self) -> String {
        self.shift.to_pairs() + &self.as_of.to_pairs() + &self.choice.to_pairs() + &self.filter.to_pairs()
    }
}

impl DatasetQuery {
    /// Returns the parameters as they stand in an address, each pair behind an `&`.
    pub fn to_pairs(&self) -> String {
        self.tile.to_pairs() + &self.only.to_pairs() + &names_pair("collections", self.collections.collections.as_deref())
    }
}

impl ChoiceQuery {
    fn to_pairs(&self) -> String {
        names_pair("fields", self.fields.as_deref())
    }

    /// Returns what is wanted, not yet seen to be there.
    pub fn to_choice(&self, collections: Option<&[String]>) -> TileChoice {
        TileChoice { collections: collections.map(<[String]>::to_vec), fields: self.fields.clone() }
    }
}

/// Sees that some layers have the collections and fields that are wanted.
///
/// # Errors
/// 400 for one that they do not have.
pub fn check_choice(choice: &TileChoice, layers: &[Arc<LayerTiles>]) -> Result<(), Problem> {
    let unknown = |wanted: &Option<Vec<String>>, known: &[String]| wanted.iter().flatten().find(|name| !known.contains(name)).cloned();
    let listed = layers.iter().flat_map(|layer| layer.vector_layers(&TileChoice::default())).flat_map(|layer| layer.fields);
    let mut fields: Vec<String> = listed.map(|field| field.as_str().to_owned()).collect();
    fields.sort_unstable();
    fields.dedup();
    if let Some(unknown) = unknown(&choice.fields, &fields) {
        return Err(Problem::parameter("fields", format!("there is no field {unknown}; there are {}", fields.join(", "))));
    }
    let collections: Vec<String> = layers.iter().flat_map(|layer| layer.collections()).collect();
    if let Some(unknown) = unknown(&choice.collections, &collections) {
        let known = collections.join(", ");
        return Err(Problem::parameter("collections", format!("there is no collection {unknown}; there are {known}")));
    }
    Ok(())
}

fn names_pair(name: &str, names: Option<&[String]>) -> String {
    let list = |names: &[String]| names.iter().map(|name| encode(name)).collect::<Vec<_>>().join(",");
    names.map(|names| format!("&{name}={}", list(names))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_names_has_no_order_and_no_gaps() {
        assert_eq!(parse_names("name,code,name"), Ok(vec!["code".to_owned(), "name".to_owned()]));
        for bad in ["", ",", "code,", &"x,".repeat(100)] {
            assert!(parse_names(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_repeat_what_was_chosen() {
        let choice = ChoiceQuery { fields: Some(vec!["code".into(), "name".into()]) };
        let filter = UnitFilterQuery { name: Some("零 陵".into()), filter: Some("code > '1'".into()), ..UnitFilterQuery::default() };
        let query = TileQuery { choice, filter, ..TileQuery::default() };
        assert_eq!(query.to_pairs(), "&fields=code,name&filter=code%20%3E%20%271%27&name=%E9%9B%B6%20%E9%99%B5");
    }
}
