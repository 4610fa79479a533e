use anyhow::{Context as _, bail};
use clap::Subcommand;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use super::time::{parse_time, tell};
use super::{Context, Outcome};
use crate::app::{self, OpenMode, StoreUnavailable};
use crate::boundary::{LayerName, UnitCode};
use crate::dispatch::{Role, WorkerId};
use crate::store::{KeyHash, KeyRecord, Store};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key and print it, alone and once; only its hash is kept
    Create {
        /// What the caller may do: public, which reports and sees what everybody sees, worker, dispatcher, planner or admin
        #[arg(long, value_parser = parse_role)]
        role: Role,
        /// Codes of the units that the key is limited to, their descendants included, separated by commas; all by default
        #[arg(long, value_delimiter = ',', value_name = "CODES")]
        scope: Vec<String>,
        /// The layers that the key is limited to, separated by commas; all by default
        #[arg(long, value_delimiter = ',', value_name = "LAYERS")]
        layer: Vec<String>,
        /// Whose key it is: the id of a worker on the roster, who then has a grid, tasks and notices of their own
        #[arg(long, value_name = "ID")]
        worker: Option<String>,
        /// When the key ends by itself: a date, whose midnight is meant, or a time; never by default
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Whom the key is for
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List keys by the beginning of their hash
    List,
    /// End a key
    Revoke {
        /// The key itself, or the beginning of its hash as `key list` shows it
        key: String,
    },
}

/// What every key begins with, so that a scanner of source code can find one that was left there.
const PREFIX: &str = "gk_";

/// The parts of a hash that are shown and asked for: 8 hexadecimal digits tell all keys of an office apart.
const HASH_DIGITS_SHOWN: usize = 8;

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Create { role, scope, layer, worker, expires, note } => {
            let store = app::open_store(&context.store, OpenMode::Create)?;
            let scope: Vec<UnitCode> =
                scope.iter().map(|code| UnitCode::parse(code.trim())).collect::<Result<_, _>>().context("the scope is wrong")?;
            warn_of_unknown(&*store, &scope)?;
            let layers =
                layer.iter().map(|name| LayerName::parse(name.trim())).collect::<Result<_, _>>().context("the layers are wrong")?;
            let worker = worker.map(|id| WorkerId(id.trim().into())).filter(|id| !id.0.is_empty());
            if let Some(id) = &worker {
                let roster = store.load_roster(Timestamp::now()).map_err(StoreUnavailable::from)?;
                if !roster.data.workers.iter().any(|known| &known.id == id) {
                    eprintln!("warning: no worker of the roster has the id {id}; the key has no grid and no tasks until one has it");
                }
            }
            let expires_at = expires.map(|text| parse_time(&text, &context.config.time_zone)).transpose()?;
            let now = Timestamp::now();
            if let Some(end) = expires_at.filter(|end| *end <= now) {
                bail!("the key would end at {}, which is past", tell(end, &context.config.time_zone));
            }
            super::say(&create_key(&*store, role, |record| KeyRecord { scope, layers, note, worker, expires_at, ..record })?);
        }
        Command::List => list(&*app::open_store(&context.store, OpenMode::ReadOnly)?, &context.config.time_zone)?,
        Command::Revoke { key } => revoke(&*app::open_store(&context.store, OpenMode::Write)?, &key)?,
    }
    Ok(Outcome::Done)
}

/// Names the codes of a scope that no unit has: such a key is good for nothing until one has them.
fn warn_of_unknown(store: &dyn Store, scope: &[UnitCode]) -> anyhow::Result<()> {
    if scope.is_empty() {
        return Ok(());
    }
    let known = super::roster::load_codes(store, None).map_err(StoreUnavailable::from)?;
    for code in scope.iter().filter(|code| !known.contains(*code)) {
        eprintln!("warning: no unit has the code {code}; the key opens nothing there until one has it");
    }
    Ok(())
}

/// Makes a key of 256 random bits, keeps its hash and returns it. `limit` says what else is to be so of it.
///
/// # Errors
/// The store cannot be written, or the system has no random numbers.
pub fn create_key(store: &dyn Store, role: Role, limit: impl FnOnce(KeyRecord) -> KeyRecord) -> anyhow::Result<String> {
    let mut secret = [0; 32];
    SysRng.try_fill_bytes(&mut secret).context("the system has no random numbers")?;
    let key = format!("{PREFIX}{}", to_hex(&secret));
    let record = limit(KeyRecord::new(hash_key(&key), role, Timestamp::now()));
    store.add_key(&record, &super::author()).map_err(StoreUnavailable::from)?;
    Ok(key)
}

fn list(store: &dyn Store, time_zone: &TimeZone) -> anyhow::Result<()> {
    for key in store.load_keys().map_err(StoreUnavailable::from)? {
        let scope: Vec<&str> = key.scope.iter().map(UnitCode::as_str).chain(key.layers.iter().map(LayerName::as_str)).collect();
        let scope = if scope.is_empty() { "all".to_owned() } else { scope.join(",") };
        let now = Timestamp::now();
        let state = match (key.revoked_at, key.expires_at) {
            (Some(at), _) => format!("revoked {}", tell(at, time_zone)),
            (None, Some(end)) if end <= now => format!("expired {}", tell(end, time_zone)),
            (None, Some(end)) => format!("in force until {}", tell(end, time_zone)),
            (None, None) => "in force".to_owned(),
        };
        let hash = to_hex(&key.hash.0);
        let made = tell(key.created_at, time_zone);
        let whose = key.worker.as_ref().map(|worker| format!("  worker {worker}")).unwrap_or_default();
        super::say(&format!("{}  {:<10}  {scope}  {made}  {state}{whose}  {}", &hash[..HASH_DIGITS_SHOWN], key.role, key.note));
    }
    Ok(())
}

fn revoke(store: &dyn Store, key: &str) -> anyhow::Result<()> {
    let hash = find_hash(store, key.trim())?;
    if !store.revoke_key(hash, &super::author(), Timestamp::now()).map_err(StoreUnavailable::from)? {
        bail!("this key is not in force; `gridkeeper key list` shows those that are");
    }
    Ok(())
}

fn find_hash(store: &dyn Store, key: &str) -> anyhow::Result<KeyHash> {
    if key.starts_with(PREFIX) {
        return Ok(hash_key(key));
    }
    if key.len() < HASH_DIGITS_SHOWN {
        bail!("give the key itself, or at least {HASH_DIGITS_SHOWN} digits of its hash");
    }
    let keys = store.load_keys().map_err(StoreUnavailable::from)?;
    let mut found = keys.iter().map(|record| record.hash).filter(|hash| to_hex(&hash.0).starts_with(&key.to_ascii_lowercase()));
    match (found.next(), found.next()) {
        (Some(hash), None) => Ok(hash),
        (None, _) => bail!("no key has a hash that begins with {key}"),
        (Some(_), Some(_)) => bail!("several keys have a hash that begins with {key}; give more digits"),
    }
}

fn hash_key(key: &str) -> KeyHash {
    KeyHash(Sha256::digest(key.as_bytes()).into())
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| format!("roles are {}", Role::ALL.map(Role::as_str).join(", ")))
}
