use std::path::PathBuf;

use anyhow::Context as _;

use super::super::Context;
use super::{from_file, from_store};
use crate::boundary::GenerationId;
use crate::cli::locate::parse_generation;
use crate::history::{WORKLOAD, WantedLimit, WantedLoad, join_limits, parse_limits, parse_loads, parse_wishes};
use crate::import::Crs;
use crate::plan::{Base, Census};
use crate::topology::ValidCoverage;

/// Where base units come from: a level of the store, or a boundary file without one.
#[derive(Clone, Debug, clap::Args)]
pub struct PlanSource {
    /// The level of the base units, from the store
    #[arg(long, required_unless_present = "from", conflicts_with = "from")]
    pub level: Option<String>,
    #[arg(long, default_value = "grid")]
    pub layer: String,
    /// The boundaries of this generation; those in effect where none is named
    #[arg(long, value_name = "N", value_parser = parse_generation)]
    pub generation: Option<GenerationId>,
    /// The level whose borders no district crosses, from the store
    #[arg(long, value_name = "LEVEL", conflicts_with = "from")]
    pub within: Option<String>,
    /// What is balanced: a field of the units, or `workload`, the cases of the store; several as FIELD:WEIGHT,FIELD:WEIGHT
    #[arg(long, value_name = "FIELD", conflicts_with = "load_field")]
    pub load: Option<String>,
    /// A boundary file of base units, in place of the store
    #[arg(long, value_name = "FILE")]
    pub from: Option<String>,
    /// The field of the units' codes
    #[arg(long, value_name = "FIELD")]
    pub code_field: Option<String>,
    /// The field of the load, with --from; several as FIELD:WEIGHT,FIELD:WEIGHT
    #[arg(long, value_name = "FIELD")]
    pub load_field: Option<String>,
    /// The field of the parents, whose borders no district crosses, with --from
    #[arg(long, value_name = "FIELD", requires = "from")]
    pub parent_field: Option<String>,
    /// The field of each unit's district of today; from the store the level between, where there is one
    #[arg(long, value_name = "FIELD")]
    pub current_field: Option<String>,
    /// The field of residents, to tell how many change hands
    #[arg(long, value_name = "FIELD")]
    pub residents_field: Option<String>,
    /// What no district may have more of, as NAME:MOST,NAME:MOST: `units`, `area_km2`, or what may be a load
    #[arg(long, value_name = "LIMITS")]
    pub at_most: Option<String>,
    /// What no district may have less of, written as --at-most
    #[arg(long, value_name = "LIMITS")]
    pub at_least: Option<String>,
    /// A GeoJSON file of lines along which borders should run, polygons that none should cut, and points of which each gets a district
    #[arg(long, value_name = "FILE.geojson")]
    pub wishes: Option<PathBuf>,
    /// The reference system of the file: EPSG:n, WKT, GCJ02 or BD09
    #[arg(long, value_name = "CRS", value_parser = Crs::parse, requires = "from")]
    pub crs: Option<Crs>,
    /// The encoding of texts in a shapefile: GBK, UTF-8…
    #[arg(long, value_name = "ENCODING", value_parser = crate::import::find_encoding, requires = "from")]
    pub encoding: Option<&'static encoding_rs::Encoding>,
}

impl PlanSource {
    pub fn read(&self, context: &Context) -> anyhow::Result<Base> {
        match &self.from {
            Some(file) => from_file::read(self, file),
            None => from_store::read(self, context),
        }
    }

    /// Reads what workers are shared out by.
    pub fn read_census(&self, context: &Context) -> anyhow::Result<Census> {
        match &self.from {
            Some(file) => from_file::read_census(self, file),
            None => from_store::read_census(self, context),
        }
    }

    /// Returns what is limited.
    pub fn limits(&self) -> anyhow::Result<Vec<WantedLimit>> {
        let read = |text: &Option<String>| text.as_deref().map_or(Ok(Vec::new()), parse_limits).map_err(anyhow::Error::msg);
        join_limits(read(&self.at_least)?, read(&self.at_most)?).map_err(|detail| anyhow::anyhow!("the plan {detail}"))
    }

    /// Reads what is wished of borders and weighs them by it.
    pub fn weigh_borders(&self, base: &mut Base, coverage: &ValidCoverage, depth: usize) -> anyhow::Result<()> {
        let Some(path) = &self.wishes else { return Ok(()) };
        let text = std::fs::read(path).with_context(|| format!("cannot read the wishes {}", path.display()))?;
        let value = serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))?;
        let wishes = parse_wishes(&value).map_err(|detail| anyhow::anyhow!("{} {detail}", path.display()))?;
        Ok(wishes.weigh(base, coverage, depth)?)
    }

    /// Returns what is balanced; by default the workload.
    pub fn loads(&self) -> anyhow::Result<Vec<WantedLoad>> {
        match self.load.as_deref().or(self.load_field.as_deref()) {
            Some(text) => parse_loads(text).map_err(anyhow::Error::msg),
            None if self.from.is_some() => anyhow::bail!("--from needs --load-field, the field of what is to be balanced"),
            None => parse_loads(WORKLOAD).map_err(anyhow::Error::msg),
        }
    }
}
