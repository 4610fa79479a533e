use super::crs::WireCrs;
use super::filter::Area;
use super::order::Order;
use super::query::{FilterLanguage, ItemsQuery};
use crate::api::problem::Problem;
use crate::filter::{Filter, FilterError, Node, Schema, parse_json, parse_text};

/// What a query asks of the features of one collection, checked against the properties that they have.
#[derive(Debug)]
pub struct Asked {
    pub area: Option<Area>,
    pub filter: Option<Filter>,
    pub order: Order,
}

impl Asked {
    /// Sees that all that a query names is there. `equal` are properties that have to have a value, by their names.
    ///
    /// # Errors
    /// 400 for what is unknown or wrong, with its place.
    pub fn of(query: &ItemsQuery, equal: &[(&str, &str)], schema: &Schema) -> Result<Self, Problem> {
        let area = query.bbox.map(|bbox| bbox.to_area(query.bbox_crs.as_ref().unwrap_or(&WireCrs::CRS84)));
        let area = area.transpose().map_err(|e| Problem::parameter("bbox", e))?;
        let named = query.queryables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut nodes = Vec::new();
        for (name, value) in equal.iter().copied().chain(named) {
            nodes.push(equals(name, value, schema)?);
        }
        if let Some(filter) = &query.filter {
            nodes.push(parse_filter(filter, query.filter_lang.unwrap_or_default(), query.filter_crs.as_ref())?);
        }
        let filter = Node::all_of(nodes).map(|node| Filter::compile(&node, schema)).transpose().map_err(|e| wrong_filter(&e))?;
        if let Some(unknown) = query.properties.iter().flatten().find(|name| schema.find(name).is_none()) {
            return Err(Problem::parameter("properties", format!("there is no property {unknown}; there are {}", names(schema))));
        }
        let order = query.sortby.as_deref().map(|text| Order::parse(text, schema));
        let order = order.transpose().map_err(|e| Problem::parameter("sortby", e))?.unwrap_or_default();
        Ok(Self { area, filter, order })
    }
}

/// Reads the condition that a property has a value.
///
/// # Errors
/// 400 for a property that there is not, or a value that is not of its kind.
pub fn equals(name: &str, value: &str, schema: &Schema) -> Result<Node, Problem> {
    let Some(slot) = schema.find(name) else {
        let detail = format!("is neither a parameter nor a property of this collection; the properties are {}", names(schema));
        return Err(Problem::parameter(name, detail));
    };
    Node::equals(&schema.properties[slot], value).map_err(|e| Problem::parameter(name, e))
}

/// Reads a filter, whose geometry is in the reference system `crs`.
///
/// # Errors
/// 400 for what is no filter, with its place.
pub fn parse_filter(filter: &str, language: FilterLanguage, crs: Option<&WireCrs>) -> Result<Node, Problem> {
    let parse = match language {
        FilterLanguage::Text => parse_text,
        FilterLanguage::Json => parse_json,
    };
    let mut node = parse(filter).map_err(|e| wrong_filter(&e))?;
    if let Some(crs) = crs.filter(|crs| !crs.is_crs84()) {
        let placed = node.map_coordinates(crs.is_degrees(), &|coord| crs.to_position(coord));
        placed.map_err(|(place, e)| {
            Problem::parameter("filter", format!("{place}: {e}; see that the order of axes is that of filter-crs"))
        })?;
    }
    Ok(node)
}

/// Says what is wrong with a filter.
pub fn wrong_filter(error: &FilterError) -> Problem {
    Problem::parameter("filter", error.to_string())
}

fn names(schema: &Schema) -> String {
    schema.properties.iter().map(|property| property.name.as_str()).collect::<Vec<_>>().join(", ")
}
