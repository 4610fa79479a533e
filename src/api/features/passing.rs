use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::asked::{equals, parse_filter, wrong_filter};
use super::crs::WireCrs;
use super::levels::KnownLevel;
use super::query::FilterLanguage;
use super::select::{FEATURES_BETWEEN_LOOKS, hinted, too_late};
use super::source::{Row, Source, geometry_slot};
use super::units::UnitSource;
use super::write::Ends;
use crate::api::caller::Caller;
use crate::api::links::encode;
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Values};
use crate::filter::{Evaluator, Feature, Filter, Kind, Node, Property, Schema, Value};
use crate::snapshot::LayerSnapshot;

/// The parameters that let only some units pass, whatever level they are of.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UnitFilterQuery {
    /// Only units for which this is true: CQL2, over the properties that `queryables` of the collections list; `valid_to` is not one
    /// of them here, as all units of a tile hold. What a level has no property of is unknown of its units.
    #[param(example = "code LIKE '431102%' AND valid_from > DATE('2026-01-01')", max_length = 65_536)]
    pub filter: Option<String>,
    /// The language of `filter`.
    #[param(rename = "filter-lang", value_type = Option<String>, pattern = "^(cql2-text|cql2-json)$", default = "cql2-text")]
    pub filter_lang: Option<FilterLanguage>,
    /// The reference system of geometry in `filter`: one of those that the collections list under `crs`; CRS84 by default.
    #[param(rename = "filter-crs", value_type = Option<String>)]
    pub filter_crs: Option<String>,
    /// Only the unit of this code.
    #[param(max_length = 256)]
    pub code: Option<String>,
    /// Only units of this name.
    #[param(max_length = 256)]
    pub name: Option<String>,
    /// Only units whose parent has this code.
    #[param(max_length = 256)]
    pub parent: Option<String>,
}

/// Tells filters apart: a hash of all that they ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FilterKey([u8; 32]);

/// A filter of units of several levels, seen to fit the properties that these have together.
#[derive(Debug)]
pub struct UnitFilter {
    filter: Filter,
    schema: Schema,
}

/// Longest value that is compared with, in bytes: as long as a name of a unit is ever written.
const VALUE_BYTES_MAX: usize = 256;

/// Units of a tile hold at its time, so it is not told when they will end: plans are not public.
const HIDDEN: &str = "valid_to";

impl FromQuery for UnitFilterQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let as_given = |text: &str| WireCrs::parse(text).map(|_| text.to_owned());
        let query = Self {
            filter: values.optional("filter", |text| Ok::<_, String>(text.to_owned())),
            filter_lang: values.optional("filter-lang", FilterLanguage::parse),
            filter_crs: values.optional("filter-crs", as_given),
            code: values.optional("code", parse_value),
            name: values.optional("name", parse_value),
            parent: values.optional("parent", parse_value),
        };
        Some(query)
    }
}

fn parse_value(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("is empty".into()),
        1..=VALUE_BYTES_MAX => Ok(text.to_owned()),
        length => Err(format!("has {length} bytes, more than {VALUE_BYTES_MAX}")),
    }
}

impl UnitFilterQuery {
    /// Returns the parameters as they stand in an address, each pair behind an `&`.
    pub fn to_pairs(&self) -> String {
        let pair = |(name, value): (&str, &str)| format!("&{name}={}", encode(value));
        self.pairs().map(pair).collect()
    }

    /// Returns what tells this filter of the units of some collections from all others; none where all units pass.
    pub fn key(&self, collections: Option<&[String]>) -> Option<FilterKey> {
        self.pairs().next()?;
        let mut hash = Sha256::new();
        let listed = collections.iter().copied().flatten().map(|id| ("collection", id.as_str()));
        for (name, value) in self.pairs().chain(listed) {
            for part in [name, value] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Some(FilterKey(hash.finalize().into()))
    }

    fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("filter", self.filter.as_deref()),
            ("filter-lang", self.filter_lang.map(FilterLanguage::as_str)),
            ("filter-crs", self.filter_crs.as_deref()),
            ("code", self.code.as_deref()),
            ("name", self.name.as_deref()),
            ("parent", self.parent.as_deref()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

impl UnitFilter {
    /// Sees that what is asked fits the units of levels with these properties; none where nothing is asked.
    ///
    /// # Errors
    /// 400 for what is unknown to all of them or wrong, with its place.
    pub fn of(query: &UnitFilterQuery, levels: &[Arc<Schema>]) -> Result<Option<Self>, Problem> {
        let schema = joined(levels);
        let mut nodes = Vec::new();
        for (name, value) in [("code", &query.code), ("name", &query.name), ("parent", &query.parent)] {
            nodes.extend(value.as_ref().map(|value| equals(name, value, &schema)).transpose()?);
        }
        if let Some(filter) = &query.filter {
            let crs = query.filter_crs.as_deref().map(WireCrs::parse).transpose().map_err(|e| Problem::parameter("filter-crs", e))?;
            nodes.push(parse_filter(filter, query.filter_lang.unwrap_or_default(), crs.as_ref())?);
        }
        let filter = Node::all_of(nodes).map(|node| Filter::compile(&node, &schema)).transpose().map_err(|e| wrong_filter(&e))?;
        Ok(filter.map(|filter| Self { filter, schema }))
    }

    /// Returns of each unit of a level whether it passes.
    ///
    /// # Errors
    /// 503 where it takes longer than `until`.
    pub fn passing(&self, layer: &Arc<LayerSnapshot>, depth: usize, known: KnownLevel, until: Instant) -> Result<Vec<bool>, Problem> {
        let ends = Ends::seen_by(&Caller::public(), layer.generation().created_at);
        let own = Arc::clone(&known.schema);
        let source = UnitSource { layer: Arc::clone(layer), depth, ends, known };
        let slots: Vec<Option<usize>> = self.schema.properties.iter().map(|property| own.find(&property.name)).collect();
        let (evaluator, geometry) = (Evaluator::new(&self.filter), geometry_slot(&own));
        let mut passing = vec![false; source.len()];
        let asked = hinted(&source, self.filter.hint(self.schema.find("code"), geometry_slot(&self.schema)));
        for (number, at) in asked.into_iter().enumerate() {
            if number % FEATURES_BETWEEN_LOOKS == FEATURES_BETWEEN_LOOKS - 1 && Instant::now() > until {
                return Err(too_late());
            }
            passing[at] = evaluator.matches(&Unit { row: Row::new(&source, at, geometry), slots: &slots });
        }
        Ok(passing)
    }
}

/// A unit while a filter of several levels looks at it.
struct Unit<'a> {
    row: Row<'a>,
    /// For each property of the filter its place among those of the level.
    slots: &'a [Option<usize>],
}

impl Feature for Unit<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        self.slots[slot].map_or(Value::Null, |slot| self.row.value(slot))
    }
}

/// Joins the properties of several levels. One that is of several kinds is of any.
fn joined(levels: &[Arc<Schema>]) -> Schema {
    let mut properties: Vec<Property> = Vec::new();
    for property in levels.iter().flat_map(|level| &level.properties).filter(|property| property.name != HIDDEN) {
        match properties.iter_mut().find(|known| known.name == property.name) {
            Some(known) if known.kind != property.kind => known.kind = Kind::Any,
            Some(_) => {}
            None => properties.push(property.clone()),
        }
    }
    Schema { properties }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(filter: &str) -> UnitFilterQuery {
        UnitFilterQuery { filter: Some(filter.into()), ..UnitFilterQuery::default() }
    }

    fn schema(own: &[(&str, Kind)]) -> Arc<Schema> {
        let known = [("code", Kind::Text), ("valid_to", Kind::Instant)].iter().chain(own);
        Arc::new(Schema { properties: known.map(|(name, kind)| Property { name: (*name).to_owned(), kind: *kind }).collect() })
    }

    #[test]
    fn a_property_is_known_where_one_level_has_it() {
        let levels = [schema(&[("households", Kind::Integer)]), schema(&[("kind", Kind::Text)])];
        for known in ["households > 3", "kind = 'park' AND households IS NULL", "code LIKE '4%'"] {
            assert!(UnitFilter::of(&query(known), &levels).unwrap().is_some(), "{known}");
        }
        for unknown in ["colour = 'red'", "valid_to IS NULL", "households = 'many'", "code ="] {
            assert_eq!(UnitFilter::of(&query(unknown), &levels).unwrap_err().errors[0].parameter, "filter", "{unknown}");
        }
        assert!(UnitFilter::of(&UnitFilterQuery::default(), &levels).unwrap().is_none());
    }

    #[test]
    fn filters_are_told_apart_by_all_that_they_ask() {
        let asked = [
            query("code = '1'"),
            query("code = '2'"),
            UnitFilterQuery { code: Some("1".into()), ..UnitFilterQuery::default() },
            UnitFilterQuery { name: Some("1".into()), ..UnitFilterQuery::default() },
            UnitFilterQuery { code: Some("1".into()), ..query("code = '1'") },
        ];
        let keys: std::collections::HashSet<_> = asked.iter().map(|query| query.key(None).unwrap()).collect();
        assert_eq!(keys.len(), asked.len());
        assert_ne!(asked[0].key(None), asked[0].key(Some(&["grid".to_owned()])));
        assert_eq!(UnitFilterQuery::default().key(None), None);
        assert!(parse_value("").is_err() && parse_value(&"x".repeat(257)).is_err() && parse_value("零陵").is_ok());
    }
}
