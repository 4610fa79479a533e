mod live;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Parser;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Context, Outcome, import, incidents, key, roster, rules, serve};
use crate::app::{self, ErasureList, OpenMode};
use crate::boundary::LayerName;
use crate::config::Config;
use crate::dispatch::{Role, RuleKind};
use crate::import::{Crs, parse_moment};
use crate::sample::{self, District, Settings};
use crate::store::KeyRecord;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the sample's files and its store are kept; the demo makes a store of its own there and leaves --store alone
    #[arg(long, default_value = "demo", value_name = "DIR")]
    dir: PathBuf,
    /// The same seed gives the same district
    #[arg(long, default_value_t = Settings::default().seed, value_name = "N")]
    seed: u64,
    /// How many grids, 100 to 1,000,000
    #[arg(long, default_value_t = Settings::default().grids, value_name = "N")]
    grids: usize,
    /// How many incidents
    #[arg(long, default_value_t = Settings::default().incidents, value_name = "N")]
    incidents: usize,
    /// Where to listen; by default what the settings say, else 127.0.0.1:8080
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Make everything again, even where an earlier run has left it
    #[arg(long)]
    fresh: bool,
}

/// What an earlier run has made, so that the next one need not.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    seed: u64,
    grids: usize,
    incidents: usize,
    /// The dispatcher's key; none until everything is loaded, as the one behind it.
    key: Option<String>,
    #[serde(default)]
    planner: Option<String>,
    /// The key of a keeper's own.
    #[serde(default)]
    keeper: Option<String>,
}

/// The keys of those who try the desks.
struct Keys {
    dispatcher: String,
    planner: String,
    /// Of a keeper's own, who has several of the cases.
    keeper: String,
}

/// The boundary files in the order of their levels, each of which must lie in the one before.
const LEVELS: [(&str, &str); 4] =
    [("district.geojson", "district"), ("streets.geojson", "street"), ("communities.geojson", "community"), ("grids.shp", "grid")];

/// The boundaries hold from the day from which the sample's roster and incidents run.
const EFFECTIVE: &str = "2026-01-01";

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    let Args { dir, seed, grids, incidents, listen, fresh } = args;
    let wanted = Settings { seed, grids, incidents };
    let config = with_notice(&context.config);
    let place = Place { dir };
    let Keys { dispatcher: key, planner, keeper } = match place.read_made()? {
        Some(Made { key: Some(dispatcher), planner: Some(planner), keeper: Some(keeper), seed, grids, incidents })
            if !fresh && wanted == (Settings { seed, grids, incidents }) =>
        {
            Keys { dispatcher, planner, keeper }
        }
        _ => place.make(wanted, &config)?,
    };
    let store = serve::open(&place.store())?;
    let listen = listen.unwrap_or(config.http.listen);
    let erasures = ErasureList::of(&place.store(), &config.privacy);
    serve::run_service(config, store, erasures, listen, move |address| {
        super::say(&format!("map  http://{address}/app/#key={key}"));
        super::say(&format!("key  {key}  (a dispatcher's; callers send it as Authorization: Bearer)"));
        super::say(&format!("plan http://{address}/app/#/planner?key={planner}"));
        super::say(&format!("work http://{address}/app/#/keeper?key={keeper}"));
    })
}

/// Every map of the sample says that it is one.
fn with_notice(config: &Config) -> Config {
    let mut config = config.clone();
    sample::NOTICE.clone_into(&mut config.map.notice);
    config
}

/// The folder of a demo.
struct Place {
    dir: PathBuf,
}

impl Place {
    fn store(&self) -> String {
        self.dir.join("gridkeeper.gpkg").display().to_string()
    }

    fn made(&self) -> PathBuf {
        self.dir.join("demo.json")
    }

    /// Reads what an earlier run has made. A store that no demo made is somebody's: it is not touched.
    fn read_made(&self) -> anyhow::Result<Option<Made>> {
        let path = self.made();
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("{} is not what a demo writes", path.display()))?)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if Path::new(&self.store()).exists() {
                    bail!("{} was not made by a demo and is left alone; name another folder with --dir", self.store());
                }
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Makes the sample and loads it, and returns the keys.
    fn make(&self, settings: Settings, config: &Config) -> anyhow::Result<Keys> {
        let Settings { seed, grids, incidents } = settings;
        std::fs::create_dir_all(&self.dir).with_context(|| format!("cannot make the folder {}", self.dir.display()))?;
        // Said before anything is made: a run that is cut short is known as the demo's, and made again.
        let mut made = Made { seed, grids, incidents, key: None, planner: None, keeper: None };
        self.write_made(&made)?;
        self.remove_store()?;
        let files = self.dir.join("sample");
        let district = District::generate(settings)?;
        sample::write_all(&files, &district)?;
        let keys = load(&files, &district, &Context { store: self.store(), config: config.clone() })?;
        made.key = Some(keys.dispatcher.clone());
        (made.planner, made.keeper) = (Some(keys.planner.clone()), Some(keys.keeper.clone()));
        self.write_made(&made)?;
        Ok(keys)
    }

    fn write_made(&self, made: &Made) -> anyhow::Result<()> {
        let path = self.made();
        let text = serde_json::to_vec_pretty(made).expect("numbers and a text are always JSON");
        write_private(&path, &text).with_context(|| format!("cannot write {}", path.display()))
    }

    fn remove_store(&self) -> anyhow::Result<()> {
        for ending in ["", "-wal", "-shm"] {
            let path = self.store() + ending;
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(|| format!("cannot remove {path}")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Loads the files as a person would, one command after the other, and then the cases of today as the service would.
fn load(files: &Path, district: &District, context: &Context) -> anyhow::Result<Keys> {
    for (file, level) in LEVELS {
        passed(file, import::run(&import_args(&files.join(file), level)?, context)?)?;
    }
    let store = app::open_store(&context.store, OpenMode::Create)?;
    passed("roster.csv", roster::import(&*store, &context.config, &files.join("roster.csv"), None, false)?)?;
    let effective = parse_moment(EFFECTIVE, &context.config.time_zone);
    for kind in [RuleKind::Categories, RuleKind::Responsibilities, RuleKind::Calendars] {
        let file = format!("{}.csv", kind.as_str());
        passed(&file, rules::import(kind, &*store, &context.config, &files.join(&file), effective)?)?;
    }
    let layer = LayerName::parse("grid").expect("this is a plain name");
    let incident_file = files.join("incidents.csv");
    passed("incidents.csv", incidents::import(&*store, &context.config, &incident_file, &Crs::WGS84, &layer, false)?)?;
    live::add(&*store, &context.config, district, &layer, Timestamp::now())?;
    let key = |role: Role, worker| key::create_key(&*store, role, |record| KeyRecord { note: "demo".into(), worker, ..record });
    Ok(Keys {
        dispatcher: key(Role::Dispatcher, None)?,
        planner: key(Role::Planner, None)?,
        keeper: key(Role::Worker, Some(district.busy_keeper()))?,
    })
}

/// The arguments that a person would type.
fn import_args(file: &Path, level: &str) -> anyhow::Result<import::Args> {
    #[derive(Parser)]
    struct Import {
        #[command(flatten)]
        args: import::Args,
    }
    let file = file.to_str().context("the folder's name is not UTF-8")?;
    Ok(Import::try_parse_from(["import", file, "--level", level, "--effective", EFFECTIVE])?.args)
}

fn passed(file: &str, outcome: Outcome) -> anyhow::Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Problems => bail!("the sample's own {file} has problems; this is a fault of the program"),
    }
}

/// Writes a file that only its owner may read, as it holds a key.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
