use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;

use super::{Context, Outcome};
use crate::app::{self, OpenMode, StoreUnavailable};
use crate::dispatch::AddressBook;
use crate::import::{Crs, Table, read_addresses};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take the place of the addresses with a table: zone, street, plate, name, alias, kind, lon, lat
    Import {
        /// A table, .csv (UTF-8 or GBK) or .xlsx
        file: PathBuf,
        /// The reference system of lon and lat: EPSG:n, WKT, GCJ02 or BD09
        #[arg(long, default_value = "EPSG:4326")]
        crs: String,
    },
    /// Tell what an address may mean, the likest first
    Find {
        text: String,
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Import { file, crs } => {
            let (rows, problems) = read_addresses(&Table::read(file)?, &Crs::parse(crs)?)?;
            if !problems.is_empty() {
                super::roster::report(&problems, file);
                return Ok(Outcome::Problems);
            }
            let store = app::open_store(&context.store, OpenMode::Write)?;
            store.replace_addresses(&rows, &super::author(), Timestamp::now()).map_err(StoreUnavailable::from)?;
            super::say(&format!("{} addresses are known from now on", rows.len()));
        }
        Command::Find { text, limit } => {
            let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
            let book = AddressBook::new(store.load_addresses().map_err(StoreUnavailable::from)?);
            for candidate in book.candidates(text, *limit) {
                let position = candidate.row.position;
                let exact = if candidate.is_exact { "exact" } else { "like" };
                let (kind, text) = (candidate.row.kind.as_str(), candidate.row.text());
                super::say(&format!("{:.2}  {exact:<5}  {kind:<6}  {} {}  {text}", candidate.score, position.lon, position.lat));
            }
        }
    }
    Ok(Outcome::Done)
}
