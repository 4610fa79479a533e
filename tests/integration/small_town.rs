//! A store with one community of two grids, side by side, for tests of what reads a store.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use geo_types::{MultiPolygon, coord};
use gridkeeper::app::{self, NewLevel, OpenMode, PublishOptions};
use gridkeeper::boundary::{FeatureRef, GenerationState, LayerName, Level, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use gridkeeper::config::Config;
use gridkeeper::topology::Rules;
use jiff::Timestamp;
use uuid::Uuid;

use crate::support::gridkeeper;

/// The grids: 0.01 degrees each way, the first from 111.60 to 111.61 east, the second beside it, both from 26.20 to 26.21 north.
pub const WEST: &str = "431102004001001";
pub const EAST: &str = "431102004001002";
pub const COMMUNITY: &str = "431102004001";

pub struct SmallTown {
    pub folder: tempfile::TempDir,
}

impl SmallTown {
    pub fn build() -> Self {
        let town = Self { folder: tempfile::tempdir().unwrap() };
        let community = shape(1, "community", COMMUNITY, "徐家井社区", 111.60, 0.02);
        town.publish("community", vec![community]);
        town.publish("grid", vec![shape(1, "grid", WEST, "西", 111.60, 0.01), shape(2, "grid", EAST, "", 111.61, 0.01)]);
        town
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    pub fn command(&self) -> Command {
        let mut command = gridkeeper();
        command.arg("--store").arg(self.store()).current_dir(self.folder.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    /// Runs a command that must succeed and returns what it printed.
    pub fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn store(&self) -> PathBuf {
        self.path("town.gpkg")
    }

    fn publish(&self, level: &str, shapes: Vec<UnitShape>) {
        let layer = Config::default().layer(&LayerName::parse("grid").unwrap()).layer;
        let store = app::open_store(text(&self.store()), OpenMode::Create).unwrap();
        let options = PublishOptions {
            rules: Rules::default(),
            state: GenerationState::Published,
            effective_from: Some("2026-01-01T00:00:00+08:00".parse().unwrap()),
            author: "test".into(),
            note: String::new(),
            reuses_codes: false,
            gives_up_future: false,
            from: None,
            made_on: None,
        };
        let new = NewLevel { layer, level: Level::parse(level).unwrap(), shapes, merge: false };
        let published = app::publish(&*store, new, &options).unwrap();
        assert!(published.generation.is_some(), "{:?}", published.problems);
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn shape(number: usize, level: &str, code: &str, name: &str, west: f64, width: f64) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::now_v7()),
        code: UnitCode::parse(code).unwrap(),
        name: name.into(),
        level: Level::parse(level).unwrap(),
        parent: (level == "grid").then(|| UnitCode::parse(COMMUNITY).unwrap()),
        properties: Properties::new(),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    // Both levels must have the same corners, bit for bit.
    let east = if (west + width - 111.61).abs() < 1e-9 { 111.61 } else { 111.62 };
    let mut ring =
        vec![coord! { x: west, y: 26.20 }, coord! { x: east, y: 26.20 }, coord! { x: east, y: 26.21 }, coord! { x: west, y: 26.21 }];
    ring.push(ring[0]);
    UnitShape { unit, geometry: MultiPolygon(vec![geo_types::Polygon::new(ring.into(), Vec::new())]), source: FeatureRef { number } }
}
