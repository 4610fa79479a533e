use geo_types::Rect;

/// Says what coordinates of this extent might be, and which option to add. A guess is offered and never taken.
pub(super) fn guess_crs(extent: Option<Rect<f64>>) -> String {
    let Some(extent) = extent else {
        return "it has no coordinates to guess by; add --crs EPSG:4326 if it is in degrees".into();
    };
    let (x, y) = ((extent.min().x, extent.max().x), (extent.min().y, extent.max().y));
    let shown = format!("coordinates run from {} {} to {} {}", round(x.0), round(y.0), round(x.1), round(y.1));
    let guess =
        describe(x, y).or_else(|| describe(y, x).map(|guess| format!("read with the axes exchanged, {guess} (exchange them first)")));
    format!("{shown}: {}", guess.unwrap_or_else(|| "no system in use in China fits; ask who made the file, then add --crs EPSG:n".into()))
}

type Range = (f64, f64);

fn describe(x: Range, y: Range) -> Option<String> {
    let within = |range: Range, low: f64, high: f64| low <= range.0 && range.1 <= high;
    if within(x, -180.0, 180.0) && within(y, -90.0, 90.0) {
        let is_swapped = within(x, 3.0, 54.0) && within(y, 73.0, 136.0);
        return (!is_swapped).then(|| {
            "degrees; add --crs EPSG:4326 (WGS 84) or --crs EPSG:4490 (CGCS2000), or --crs GCJ02 or --crs BD09 if it was drawn on a map of AMap, Tencent or Baidu"
                .into()
        });
    }
    if !within(y, 1_800_000.0, 6_000_000.0) {
        return web_mercator(x, y);
    }
    let zone = (x.0 / 1e6).floor();
    if (zone - (x.1 / 1e6).floor()).abs() < 0.5 && within((x.0 - zone * 1e6, x.1 - zone * 1e6), 100_000.0, 900_000.0) {
        // Zones of three degrees count from 75° E = 25, those of six from 75° E = 13.
        if (25.0..=45.0).contains(&zone) {
            return Some(format!("CGCS2000 in the 3-degree zone {zone:.0}; add --crs EPSG:{:.0}", 4513.0 + zone - 25.0));
        }
        if (13.0..=23.0).contains(&zone) {
            return Some(format!("CGCS2000 in the 6-degree zone {zone:.0}; add --crs EPSG:{:.0}", 4491.0 + zone - 13.0));
        }
        if zone == 0.0 {
            return Some(
                "metres of a Gauss-Kruger zone, whose meridian is not in the numbers; add --crs EPSG:4534 (75° E) to EPSG:4554 (135° E), \
                 one for each 3 degrees: EPSG:4546 for 111° E, EPSG:4547 for 114° E; or EPSG:32649 and the like if it is UTM"
                    .into(),
            );
        }
    }
    web_mercator(x, y)
}

fn web_mercator(x: Range, y: Range) -> Option<String> {
    let is_china = x.0 > 8_000_000.0 && x.1 < 15_200_000.0 && y.0 > 300_000.0 && y.1 < 7_300_000.0;
    is_china.then(|| "metres of Web Mercator; add --crs EPSG:3857".into())
}

fn round(number: f64) -> String {
    if number.abs() < 1000.0 { format!("{number:.4}") } else { format!("{number:.0}") }
}

#[cfg(test)]
mod tests {
    use geo_types::coord;

    use super::*;

    #[test]
    fn the_guess_names_the_option_to_add() {
        for (low, high, expected) in [
            ((111.18, 25.86), (111.96, 26.36), "--crs EPSG:4326"),
            ((37_518_390.0, 2_860_980.0), (37_595_950.0, 2_917_150.0), "--crs EPSG:4525"),
            ((38_418_390.0, 2_860_980.0), (38_495_950.0, 2_917_150.0), "--crs EPSG:4526"),
            ((19_518_390.0, 2_860_980.0), (19_595_950.0, 2_917_150.0), "--crs EPSG:4497"),
            ((518_390.0, 2_860_980.0), (595_950.0, 2_917_150.0), "EPSG:4546 for 111° E"),
            ((12_376_000.0, 2_980_000.0), (12_463_000.0, 3_043_000.0), "--crs EPSG:3857"),
            ((2_860_980.0, 518_390.0), (2_917_150.0, 595_950.0), "axes exchanged, metres of a Gauss-Kruger zone"),
            ((25.86, 111.18), (26.36, 111.96), "axes exchanged, degrees"),
            ((-5e8, -5e8), (5e8, 5e8), "ask who made the file"),
        ] {
            let guess = guess_crs(Some(Rect::new(coord! { x: low.0, y: low.1 }, coord! { x: high.0, y: high.1 })));
            assert!(guess.contains(expected), "{low:?}: {guess}");
        }
        assert!(guess_crs(None).contains("no coordinates"));
    }
}
