//! A comparison as a table, and as features for a map.

use std::io::{self, Write};

use serde_json::json;

use super::generations::{ComparisonView, LevelView, TransferView};
use crate::export::geojson::write_geometry;
use crate::history::Comparison;

/// Columns of a table of transfers.
const COLUMNS: [&str; 21] = [
    "level",
    "kind",
    "from_code",
    "from_name",
    "to_code",
    "to_name",
    "area_m2",
    "share_of_from",
    "share_of_to",
    "cases",
    "open_cases",
    "cases_share_of_from",
    "cases_share_of_to",
    "residents_estimated",
    "residents_share_of_from",
    "residents_share_of_to",
    "worker_before",
    "worker_before_name",
    "worker_after",
    "worker_after_name",
    "changes_hands",
];

fn cells(level: &LevelView, transfer: &TransferView) -> [String; 21] {
    let figure = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let (from, to) = (transfer.from.as_ref(), transfer.to.as_ref());
    let (load, residents, keepers) = (transfer.load.as_ref(), transfer.residents.as_ref(), transfer.keepers.as_ref());
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let (before, after) = (keepers.and_then(|k| k.before.as_ref()), keepers.and_then(|k| k.after.as_ref()));
    [
        level.level.clone(),
        transfer.kind.to_owned(),
        text(from.map(|unit| &unit.code)),
        text(from.map(|unit| &unit.name)),
        text(to.map(|unit| &unit.code)),
        text(to.map(|unit| &unit.name)),
        transfer.area_m2.to_string(),
        figure(transfer.share_of_from),
        figure(transfer.share_of_to),
        load.map_or_else(String::new, |load| load.cases.to_string()),
        load.map_or_else(String::new, |load| load.open.to_string()),
        figure(load.and_then(|load| load.share_of_from)),
        figure(load.and_then(|load| load.share_of_to)),
        figure(residents.map(|residents| residents.count)),
        figure(residents.map(|residents| residents.share_of_from)),
        figure(residents.and_then(|residents| residents.share_of_to)),
        text(before.map(|keeper| &keeper.worker)),
        text(before.map(|keeper| &keeper.name)),
        text(after.map(|keeper| &keeper.worker)),
        text(after.map(|keeper| &keeper.name)),
        keepers.and_then(|keepers| keepers.changes_hands).map_or_else(String::new, |changes| changes.to_string()),
    ]
}

impl ComparisonView {
    /// Writes a row for each transfer.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |row: &[String]| writer.write_record(row).expect("writing into memory cannot fail");
        write(&COLUMNS.map(ToOwned::to_owned));
        for level in &self.levels {
            level.transfers.iter().for_each(|transfer| write(&cells(level, transfer)));
        }
        writer.into_inner().expect("writing into memory cannot fail")
    }

    /// Writes each transfer as a feature with its ground; what came from no unit or went to none has a null geometry.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_geojson(&self, comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
        let head = json!({ "layer": self.layer, "from": self.from, "to": self.to }).to_string();
        write!(out, "{{\"type\":\"FeatureCollection\",{},\"features\":[", &head[1..head.len() - 1])?;
        let mut is_first = true;
        for (level, drawn) in self.levels.iter().zip(&comparison.levels) {
            for (transfer, ground) in level.transfers.iter().zip(&drawn.transfers) {
                out.write_all(if is_first { b"\n" } else { b",\n" })?;
                is_first = false;
                let mut properties = serde_json::to_value(transfer)?;
                properties["level"] = level.level.clone().into();
                write!(out, "{{\"type\":\"Feature\",\"properties\":{properties},\"geometry\":")?;
                if ground.ground.0.is_empty() {
                    out.write_all(b"null")?;
                } else {
                    write_geometry(out, &ground.ground)?;
                }
                out.write_all(b"}")?;
            }
        }
        out.write_all(b"\n]}\n")
    }
}
