use super::crs::WireCrs;
use super::filter::{Bbox, Span, parse_limit};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Values};
use crate::api::state::AppState;
use crate::api::tiles::TileShift;

/// Which features a page holds.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ItemsQuery {
    /// Most features on the page; a larger number is lowered to the service's own bound.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 10)]
    pub limit: Option<String>,
    /// Only features that have a point in common with this box: west, south, east, north in degrees, or two corners in the order of
    /// the axes of `bbox-crs`. A west greater than its east reaches over the antimeridian.
    #[param(value_type = Option<Vec<f64>>, style = Form, explode = false, min_items = 4, max_items = 6)]
    pub bbox: Option<Bbox>,
    /// The reference system of `bbox`: one of those that the collection lists under `crs`; CRS84 by default.
    #[param(rename = "bbox-crs", value_type = Option<String>)]
    pub bbox_crs: Option<WireCrs>,
    /// Only features that hold at this time or in this interval, RFC 3339; `..` is an open end.
    #[param(value_type = Option<String>, example = "2026-01-01T00:00:00Z/..")]
    pub datetime: Option<Span>,
    /// Only features for which this is true: CQL2, over the properties that `queryables` lists.
    #[param(example = "S_INTERSECTS(geometry, POINT(111.6 26.2)) AND name LIKE '%社区%'", max_length = 65_536)]
    pub filter: Option<String>,
    /// The language of `filter`.
    #[param(rename = "filter-lang", value_type = Option<String>, pattern = "^(cql2-text|cql2-json)$", default = "cql2-text")]
    pub filter_lang: Option<FilterLanguage>,
    /// The reference system of geometry in `filter`: one of those that the collection lists under `crs`; CRS84 by default.
    #[param(rename = "filter-crs", value_type = Option<String>)]
    pub filter_crs: Option<WireCrs>,
    /// Only the unit of this code. For `incidents`: those in grids whose code begins so.
    pub code: Option<String>,
    /// Only units of this name.
    pub name: Option<String>,
    /// Only units whose parent has this code.
    pub parent: Option<String>,
    /// Only incidents of this category; where it is a wider kind, of all below it.
    pub category: Option<String>,
    /// Only features of which each of these properties has this value. Every simple one that `queryables` lists is a parameter of its
    /// own name.
    #[param(value_type = Option<std::collections::BTreeMap<String, String>>, style = Form, explode = true)]
    pub queryables: Vec<(String, String)>,
    /// Also tells of each incident the grid that it lies in by other boundaries: `current`, or the number of a generation. What was
    /// recorded stays as it is.
    #[param(rename = "attribute-to")]
    pub attribute_to: Option<String>,
    /// Orders the features by properties that `sortables` lists, each with `+` or, to descend, `-` in front; by their codes or ids by
    /// default. What is not known of a feature stands last.
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false, example = json!(["-valid_from", "name"]))]
    pub sortby: Option<String>,
    /// Only these properties of the features.
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false, example = json!(["code", "name"]))]
    pub properties: Option<Vec<String>>,
    /// Leaves the geometry out.
    #[param(rename = "skipGeometry", value_type = Option<bool>, default = false)]
    pub skip_geometry: Option<bool>,
    /// Geometry as it is drawn at this zoom of the web's usual square, so that neighbours stay joined; for units. A zoom at which their
    /// level is not drawn stands for the nearest at which it is, and a unit without area there keeps its geometry.
    #[param(rename = "zoom-level", value_type = Option<u8>, maximum = 22)]
    pub zoom_level: Option<u8>,
    /// The reference system of the geometry: one of those that the collection lists under `crs`; CRS84 by default.
    #[param(value_type = Option<String>, example = "http://www.opengis.net/def/crs/EPSG/0/4546")]
    pub crs: Option<WireCrs>,
    /// Only features behind this place in their order. `next` links carry it.
    pub after: Option<String>,
    /// Only features before this place in their order, the nearest to it. `prev` links carry it.
    pub before: Option<String>,
    /// Moves the geometry by the public formula, for fronts on basemaps drawn with that offset. The answer says so, and
    /// has no reference system.
    #[param(value_type = Option<String>, pattern = "^(gcj02|bd09)$")]
    pub shift: Option<TileShift>,
    /// The form of the answer, whatever the `Accept` header says: a page, or a file of all features, or of `limit` of them.
    #[param(pattern = "^(json|html|geojson|csv|fgb|gpkg|parquet)$")]
    pub f: Option<String>,
}

/// The parameters of a page of features by their names; every other name is that of a property.
pub const NAMES: [&str; 26] = [
    "limit",
    "bbox",
    "bbox-crs",
    "datetime",
    "filter",
    "filter-lang",
    "filter-crs",
    "code",
    "name",
    "parent",
    "category",
    "queryables",
    "attribute-to",
    "sortby",
    "properties",
    "skipGeometry",
    "crs",
    "after",
    "before",
    "shift",
    "f",
    "at",
    "generation",
    "draft",
    "layer",
    "zoom-level",
];

/// The language of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterLanguage {
    #[default]
    Text,
    Json,
}

impl FilterLanguage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "cql2-text",
            Self::Json => "cql2-json",
        }
    }

    /// Reads the name of a language.
    ///
    /// # Errors
    /// Any other name.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "cql2-text" => Ok(Self::Text),
            "cql2-json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is not one of cql2-text, cql2-json")),
        }
    }
}

impl FromQuery for ItemsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |values: &mut Values, name: &str| values.optional(name, |text| Ok::<_, String>(text.to_owned()));
        let query = Self {
            limit: text(values, "limit"),
            bbox: values.optional("bbox", Bbox::parse),
            bbox_crs: values.optional("bbox-crs", WireCrs::parse),
            datetime: values.optional("datetime", Span::parse),
            filter: text(values, "filter"),
            filter_lang: values.optional("filter-lang", FilterLanguage::parse),
            filter_crs: values.optional("filter-crs", WireCrs::parse),
            code: text(values, "code"),
            name: text(values, "name"),
            parent: text(values, "parent"),
            category: text(values, "category"),
            queryables: values.others(&NAMES),
            attribute_to: text(values, "attribute-to"),
            sortby: text(values, "sortby"),
            properties: values.optional("properties", parse_names),
            skip_geometry: values.optional("skipGeometry", parse_truth),
            zoom_level: values.optional("zoom-level", parse_zoom),
            crs: values.optional("crs", WireCrs::parse),
            after: text(values, "after"),
            before: text(values, "before"),
            shift: values.optional("shift", TileShift::parse),
            f: text(values, "f"),
        };
        if values.text("queryables").is_some() {
            values.fault("queryables", "stands for the properties, each of which is a parameter of its own name".into());
        }
        if query.after.is_some() && query.before.is_some() {
            values.fault("before", "cannot stand beside after".into());
        }
        if query.crs.is_some() && query.shift.is_some() {
            values.fault("shift", "cannot stand beside crs: what is moved has no reference system".into());
        }
        Some(query)
    }
}

impl ItemsQuery {
    /// Returns how many features the page may hold.
    ///
    /// # Errors
    /// 400 for anything but a whole number from 1.
    pub fn limit(&self, state: &AppState) -> Result<usize, Problem> {
        let http = &state.config().http;
        let parse = |text: &String| parse_limit(text, http.page_limit_max).map_err(|e| Problem::parameter("limit", e));
        self.limit.as_ref().map_or(Ok(http.page_limit_default.min(http.page_limit_max)), parse)
    }
}

fn parse_names(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        Err("is a list of names with commas between them, none of them empty".into())
    } else {
        Ok(names)
    }
}

fn parse_zoom(text: &str) -> Result<u8, String> {
    let zoom = text.parse().ok().filter(|zoom| *zoom <= ZOOM_MAX && text.bytes().all(|byte| byte.is_ascii_digit()));
    zoom.ok_or_else(|| format!("{text:?} is not a whole number from 0 to {ZOOM_MAX}"))
}

/// Maps ask for no finer zoom.
const ZOOM_MAX: u8 = 22;

fn parse_truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

#[cfg(test)]
mod tests {
    use utoipa::IntoParams;

    use super::*;

    #[test]
    fn every_parameter_of_the_definition_is_known_as_no_property() {
        for parameter in ItemsQuery::into_params(|| None) {
            assert!(NAMES.contains(&parameter.name.as_str()), "{}", parameter.name);
        }
    }
}
