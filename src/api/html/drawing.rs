use std::fmt::Write as _;

use serde_json::Value;

use super::text::escape;

/// Width of a drawing in its own units.
const WIDTH: f64 = 1000.0;

/// A drawing is at most this much higher than it is wide, and wider than high.
const RATIO_MAX: f64 = 1.2;

/// Draws the geometries of features as they lie in the plane of longitude and latitude, the latter stretched as it is at their middle.
/// Nothing where they have no place, or are in another system than degrees.
pub fn write_drawing(features: &[Value], html: &mut String) {
    let geometries: Vec<&Value> = features.iter().map(|feature| &feature["geometry"]).collect();
    let Some(mut drawing) = Drawing::around(geometries.iter().copied()) else { return };
    geometries.iter().for_each(|geometry| drawing.shape(geometry, ""));
    html.push_str(&drawing.finish("Map"));
}

/// A drawing of shapes, one over the other.
#[derive(Debug)]
pub struct Drawing {
    frame: Frame,
    shapes: String,
}

impl Drawing {
    /// Begins a drawing that is as large as geometries; what reaches out of it is cut off. None where they have no place, or are in another
    /// system than degrees.
    pub fn around<'g>(geometries: impl IntoIterator<Item = &'g Value>) -> Option<Self> {
        let mut bounds: Option<[f64; 4]> = None;
        for geometry in geometries {
            each_position(geometry, &mut |x, y| {
                let [west, south, east, north] = bounds.unwrap_or([x, y, x, y]);
                bounds = Some([west.min(x), south.min(y), east.max(x), north.max(y)]);
            });
        }
        let bounds = bounds.filter(|b| b[0] >= -180.0 && b[2] <= 180.0 && b[1] >= -90.0 && b[3] <= 90.0)?;
        Some(Self { frame: Frame::around(bounds), shapes: String::new() })
    }

    /// Draws a geometry. `class` is a plain word, or empty.
    pub fn shape(&mut self, geometry: &Value, class: &str) {
        write_shape(geometry, class, &self.frame, &mut self.shapes);
    }

    /// Writes a text about a place, longitude and latitude.
    pub fn text(&mut self, (lon, lat): (f64, f64), text: &str) {
        let (x, y) = self.frame.place(lon, lat);
        let _ = write!(self.shapes, "<text x=\"{x:.1}\" y=\"{y:.1}\">");
        escape(text, &mut self.shapes);
        self.shapes.push_str("</text>");
    }

    /// Returns the drawing as SVG, which those who cannot see it are told by its label.
    pub fn finish(self, label: &str) -> String {
        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {:.0}\" width=\"640\" role=\"img\" aria-label=\"", self.frame.height);
        escape(label, &mut svg);
        svg.push_str("\">");
        svg.push_str(&self.shapes);
        svg.push_str("</svg>");
        svg
    }
}

#[derive(Debug)]
struct Frame {
    west: f64,
    north: f64,
    scale_x: f64,
    scale_y: f64,
    height: f64,
}

impl Frame {
    fn around([west, south, east, north]: [f64; 4]) -> Self {
        /// A point alone is drawn with this much around it, degrees.
        const MARGIN: f64 = 1e-4;
        let (west, south, east, north) = (west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN);
        let stretch = 1.0 / ((south + north) / 2.0).to_radians().cos().max(0.1);
        let (width, height) = (east - west, (north - south) * stretch);
        let scale = WIDTH / width.max(height / RATIO_MAX);
        Self { west, north, scale_x: scale, scale_y: scale * stretch, height: (height * scale).max(20.0) }
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        ((x - self.west) * self.scale_x, (self.north - y) * self.scale_y)
    }
}

fn write_shape(geometry: &Value, class: &str, frame: &Frame, html: &mut String) {
    let coordinates = &geometry["coordinates"];
    match geometry["type"].as_str() {
        Some("Point") => write_point(coordinates, frame, html),
        Some("MultiPoint") => coordinates.as_array().into_iter().flatten().for_each(|point| write_point(point, frame, html)),
        Some("LineString") => write_path(std::slice::from_ref(coordinates), "", class, frame, html),
        Some("MultiLineString") => write_path(list(coordinates), "", class, frame, html),
        Some("Polygon") => write_path(list(coordinates), "Z", class, frame, html),
        Some("MultiPolygon") => list(coordinates).iter().for_each(|polygon| write_path(list(polygon), "Z", class, frame, html)),
        Some("GeometryCollection") => list(&geometry["geometries"]).iter().for_each(|part| write_shape(part, class, frame, html)),
        _ => {}
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn position(value: &Value) -> Option<(f64, f64)> {
    Some((value.get(0)?.as_f64()?, value.get(1)?.as_f64()?))
}

fn write_point(value: &Value, frame: &Frame, html: &mut String) {
    if let Some((x, y)) = position(value).map(|(x, y)| frame.place(x, y)) {
        let _ = write!(html, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
    }
}

/// Writes lines as one path; points that fall together on the drawing are written once.
fn write_path(lines: &[Value], end: &str, class: &str, frame: &Frame, html: &mut String) {
    html.push_str("<path ");
    if !class.is_empty() {
        let _ = write!(html, "class=\"{class}\" ");
    }
    html.push_str("d=\"");
    for line in lines {
        let mut last = None;
        for (x, y) in list(line).iter().filter_map(position).map(|(x, y)| frame.place(x, y)) {
            #[expect(clippy::cast_possible_truncation, reason = "places on the drawing are below ten thousand")]
            let rounded = ((x * 2.0).round() as i32, (y * 2.0).round() as i32);
            if last == Some(rounded) {
                continue;
            }
            let sign = if last.is_none() { 'M' } else { 'L' };
            let _ = write!(html, "{sign}{:.1} {:.1}", f64::from(rounded.0) / 2.0, f64::from(rounded.1) / 2.0);
            last = Some(rounded);
        }
        html.push_str(end);
    }
    html.push_str(if end.is_empty() { "\" style=\"fill:none\"/>" } else { "\"/>" });
}

fn each_position(geometry: &Value, visit: &mut impl FnMut(f64, f64)) {
    fn walk(value: &Value, visit: &mut impl FnMut(f64, f64)) {
        match position(value) {
            Some((x, y)) => visit(x, y),
            None => list(value).iter().for_each(|value| walk(value, visit)),
        }
    }
    walk(&geometry["coordinates"], visit);
    list(&geometry["geometries"]).iter().for_each(|part| each_position(part, visit));
}
