use tilejson::{Bounds, Center, TileJSON, VectorLayer, tilejson};

use super::shift::TileShift;
use crate::config::MapConfig;
use crate::tile::LayerTiles;

/// Returns the line that every map must show: who made it, and its approval number (审图号). Plain text.
pub fn attribution_line(map: &MapConfig) -> String {
    let approval = if map.approval_number.is_empty() { String::new() } else { format!("审图号：{}", map.approval_number) };
    [map.notice.as_str(), map.attribution.as_str(), approval.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Describes the tiles of some layers together; `template` has `{z}`, `{x}` and `{y}` in it.
pub fn describe(layers: &[std::sync::Arc<LayerTiles>], template: String, map: &MapConfig, shift: Option<TileShift>) -> TileJSON {
    let vector_layers: Vec<VectorLayer> = layers.iter().flat_map(|tiles| tiles.vector_layers()).map(|layer| to_wire(&layer)).collect();
    let max_zoom = layers.iter().map(|tiles| tiles.max_zoom()).max().unwrap_or(0);
    let mut json = tilejson! { tiles: vec![template], vector_layers: vector_layers, minzoom: 0, maxzoom: max_zoom };
    json.name = Some("boundaries".to_owned());
    // Those who show it may take it for HTML.
    json.attribution = Some(escape(&attribution_line(map))).filter(|line| !line.is_empty());
    let bounds =
        layers.iter().filter_map(|tiles| tiles.bounds()).reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
    if let Some([west, south, east, north]) = bounds {
        json.bounds = Some(Bounds::new(west, south, east, north));
        json.center = Some(Center::new(f64::midpoint(west, east), f64::midpoint(south, north), zoom_of(east - west, max_zoom)));
    }
    if let Some(shift) = shift {
        json.other.insert("shift".to_owned(), shift.as_str().into());
    }
    json
}

fn to_wire(layer: &crate::tile::VectorLayer) -> VectorLayer {
    let fields = layer.fields.iter().map(|field| (field.as_str().to_owned(), field.about().to_owned())).collect();
    let mut wire = VectorLayer::new(layer.id.clone(), fields);
    wire.minzoom = Some(layer.min_zoom);
    wire.maxzoom = Some(layer.max_zoom);
    wire
}

/// Returns the zoom at which something `width_deg` wide fills about two tiles.
fn zoom_of(width_deg: f64, max_zoom: u8) -> u8 {
    (0..max_zoom).find(|z| width_deg * f64::from(1_u32 << z) >= 360.0).unwrap_or(max_zoom)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_holds_what_is_configured_and_nothing_else() {
        let map = |attribution: &str, number: &str, notice: &str| MapConfig {
            attribution: attribution.into(),
            approval_number: number.into(),
            notice: notice.into(),
            basemap: None,
        };
        assert_eq!(attribution_line(&map("", "", "")), "");
        assert_eq!(
            attribution_line(&map("某局", "GS(2026)1号", "示例数据，非真实边界")),
            "示例数据，非真实边界 · 某局 · 审图号：GS(2026)1号"
        );
        assert_eq!(escape("a<b> & c"), "a&lt;b&gt; &amp; c");
    }

    #[test]
    fn a_district_of_half_a_degree_opens_at_zoom_10() {
        assert_eq!(zoom_of(0.5, 16), 10);
        assert_eq!(zoom_of(360.0, 16), 0);
        assert_eq!(zoom_of(0.0, 16), 16);
    }
}
