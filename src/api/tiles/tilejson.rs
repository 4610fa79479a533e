use std::sync::Arc;

use tilejson::{Bounds, Center, TileJSON, VectorLayer, tilejson};

use super::shift::TileShift;
use crate::config::MapConfig;
use crate::tile::{LayerTiles, TileChoice, zoom_to_see};

/// What a TileJSON says beside what the layers tell of themselves.
#[derive(Debug)]
pub struct Described<'a> {
    pub name: &'a str,
    /// Has `{z}`, `{x}` and `{y}` in it.
    pub template: String,
    pub choice: &'a TileChoice,
    pub shift: Option<TileShift>,
}

/// Describes the tiles of some layers together.
pub fn describe(layers: &[Arc<LayerTiles>], described: &Described<'_>, map: &MapConfig) -> TileJSON {
    let listed = layers.iter().flat_map(|tiles| tiles.vector_layers(described.choice));
    let vector_layers: Vec<VectorLayer> = listed.map(|layer| to_wire(&layer)).collect();
    let max_zoom = layers.iter().map(|tiles| tiles.max_zoom()).max().unwrap_or(0);
    let min_zoom = vector_layers.iter().filter_map(|layer| layer.minzoom).min().unwrap_or(0);
    let template = described.template.clone();
    let mut json = tilejson! { tiles: vec![template], vector_layers: vector_layers, minzoom: min_zoom, maxzoom: max_zoom };
    json.name = Some(described.name.to_owned());
    json.attribution = attribution(map);
    if let Some([west, south, east, north]) = bounds_of(layers) {
        json.bounds = Some(Bounds::new(west, south, east, north));
        let zoom = zoom_to_see(east - west, min_zoom..=max_zoom);
        json.center = Some(Center::new(f64::midpoint(west, east), f64::midpoint(south, north), zoom));
    }
    if let Some(shift) = described.shift {
        json.other.insert("shift".to_owned(), shift.as_str().into());
    }
    json
}

/// Returns the line that every map must show, as those who show it may take it for HTML; none where nothing must be shown.
pub fn attribution(map: &MapConfig) -> Option<String> {
    Some(escape(&map.attribution_line())).filter(|line| !line.is_empty())
}

/// Returns west, south, east and north, degrees, of all that some layers draw.
pub fn bounds_of(layers: &[Arc<LayerTiles>]) -> Option<[f64; 4]> {
    let bounds = layers.iter().filter_map(|tiles| tiles.bounds());
    bounds.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
}

fn to_wire(layer: &crate::tile::VectorLayer) -> VectorLayer {
    let fields = layer.fields.iter().map(|field| (field.as_str().to_owned(), field.about().to_owned())).collect();
    let mut wire = VectorLayer::new(layer.id.clone(), fields);
    wire.minzoom = Some(layer.min_zoom);
    wire.maxzoom = Some(layer.max_zoom);
    wire
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_configured_becomes_markup() {
        assert_eq!(escape("a<b> & c"), "a&lt;b&gt; &amp; c");
    }
}
