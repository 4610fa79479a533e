//! Bulk lookups: a table in, the same table with answers out, row by row in the order given.

mod answerer;
mod blocks;
mod columnar;
mod delimited;
mod lines;
mod marks;
mod pipeline;
mod tails;
mod tally;
mod workbook;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use jiff::Timestamp;

use self::answerer::{Answerer, FIELDS_DEFAULT, parse_fields};
use self::tally::Tally;
use super::locate::{parse_at, parse_generation};
use super::{Context, Outcome};
use crate::app::{self, OpenMode};
use crate::boundary::{GenerationId, LayerName, Level, Position};
use crate::history::AsOf;
use crate::import::{Crs, LAT_COLUMNS, LON_COLUMNS};
use crate::snapshot::Query;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A table, .csv, .ndjson, .parquet or .xlsx (its first sheet); - is the standard input
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where to write, with the same ending; - is the standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// What kind of table it is, where no ending says so; CSV by default
    #[arg(long)]
    format: Option<Format>,
    /// The reference system of the positions: EPSG:n, WKT, GCJ02 or BD09
    #[arg(long, default_value = "EPSG:4326")]
    crs: String,
    /// The column of longitudes or eastings; usual names are found without
    #[arg(long, value_name = "FIELD", requires = "lat_field")]
    lon_field: Option<String>,
    /// The column of latitudes or northings
    #[arg(long, value_name = "FIELD", requires = "lon_field")]
    lat_field: Option<String>,
    #[arg(long, default_value = "grid")]
    layer: String,
    /// The level to look at; the finest that is loaded by default
    #[arg(long)]
    level: Option<String>,
    /// The time for which to answer; now by default
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The generation whose boundaries answer; the one in effect at the time by default
    #[arg(long, value_name = "N", value_parser = parse_generation)]
    generation: Option<GenerationId>,
    /// What to add, separated by commas; a name that the table has already gets a number, as grid_code_2
    #[arg(long, value_name = "LIST", default_value = FIELDS_DEFAULT)]
    fields: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    /// One JSON object a line
    Ndjson,
    Parquet,
    /// An Excel workbook
    Xlsx,
}

/// Bytes of a table for each unit of the layer from which on it pays to wait for the raster before the first row. Its building takes some
/// microseconds a unit, which rows answered by the tree meanwhile would hold up, each for a microsecond that it would not cost then; a
/// row has some tens of bytes.
const BYTES_PER_UNIT: u64 = 1000;

/// The names of the columns that hold the position.
struct PositionFields {
    lon: Vec<String>,
    lat: Vec<String>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let format = find_format(args)?;
    let crs = Crs::parse(&args.crs)?;
    let fields = parse_fields(&args.fields)?;
    let as_of = AsOf { at: parse_at(args.at.as_deref(), &context.config.time_zone)?, generation: args.generation };
    let layer = LayerName::parse(&args.layer)?;
    let level = args.level.as_deref().map(Level::parse).transpose()?;
    let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
    let (snapshot, at) = app::load_as_of(&*store, &context.config, &layer, as_of, Timestamp::now())?;
    let query = Query {
        // Only the layer, the level and the time of this question matter.
        position: Position { lon: 0.0, lat: 0.0 },
        layer,
        level,
        at,
        accuracy_m: None,
        category: None,
    };
    let answerer = Answerer::new(&snapshot, &query, crs, fields)?;
    let names = PositionFields::new(args.lon_field.as_deref(), args.lat_field.as_deref());
    let mut tally = Tally::start();
    if count_bytes(&args.input) / BYTES_PER_UNIT >= answerer.unit_count() as u64 {
        answerer.wait();
    }
    let is_whole = write_whole(&args.output, |out| match format {
        Format::Csv => delimited::assign(open(&args.input)?, open_again(&args.input)?, out, &answerer, &names, &mut tally),
        Format::Ndjson => lines::assign(open(&args.input)?, out, &answerer, &names, &mut tally),
        Format::Parquet => columnar::assign(&args.input, out, &answerer, &names, &mut tally),
        Format::Xlsx => workbook::assign(&args.input, out, &answerer, &names, &mut tally),
    });
    tally.clear();
    let is_whole = is_whole.with_context(|| format!("cannot assign {}", args.input.display()))?;
    // What was written may look whole, so the exit code has to say that it is not.
    anyhow::ensure!(is_whole, "the standard output was closed before all rows were written");
    tally.finish();
    Ok(Outcome::Done)
}

impl PositionFields {
    fn new(lon: Option<&str>, lat: Option<&str>) -> Self {
        let names = |given: Option<&str>, usual: &[&str]| match given {
            Some(name) => vec![name.to_owned()],
            None => usual.iter().map(|&name| name.to_owned()).collect(),
        };
        Self { lon: names(lon, &LON_COLUMNS), lat: names(lat, &LAT_COLUMNS) }
    }

    /// Finds both columns among the headers of a table.
    fn find(&self, headers: &[String]) -> anyhow::Result<(usize, usize)> {
        let find = |names: &[String], option: &str| {
            let is_it = |header: &String, name: &String| header.trim().eq_ignore_ascii_case(name);
            let found = names.iter().find_map(|name| Some((name, headers.iter().position(|header| is_it(header, name))?)));
            let (name, at) = found
                .with_context(|| format!("there is no column {}; name it with {option}; the table has {}", names[0], headers.join(", ")))?;
            let is_alone = !headers[at + 1..].iter().any(|header| is_it(header, name));
            anyhow::ensure!(is_alone, "there are several columns {name}; give them different names, or name another with {option}");
            Ok(at)
        };
        Ok((find(&self.lon, "--lon-field")?, find(&self.lat, "--lat-field")?))
    }
}

fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn find_format(args: &Args) -> anyhow::Result<Format> {
    let (input, output) = (args.input.as_path(), args.output.as_path());
    let format_of = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            _ if is_pipe(path) => Ok(args.format),
            "csv" => Ok(Some(Format::Csv)),
            "ndjson" | "jsonl" => Ok(Some(Format::Ndjson)),
            "parquet" => Ok(Some(Format::Parquet)),
            "xlsx" => Ok(Some(Format::Xlsx)),
            _ if args.format.is_some() => Ok(args.format),
            _ => bail!("{} does not end in .csv, .ndjson, .parquet or .xlsx; say what it is with --format", path.display()),
        }
    };
    let format = match (format_of(input)?, format_of(output)?) {
        (Some(read), Some(written)) if read != written => {
            bail!("{} and {} have different endings; a table comes out as it went in", input.display(), output.display())
        }
        (Some(format), _) | (None, Some(format)) => format,
        (None, None) => Format::Csv,
    };
    if matches!(format, Format::Xlsx | Format::Parquet) && is_pipe(input) {
        bail!("a workbook or a Parquet file cannot come through a pipe, as it is read from its end; name the file");
    }
    Ok(format)
}

fn open(input: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if is_pipe(input) {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(input).with_context(|| format!("cannot read {}", input.display()))?))
}

/// Returns how large a file is; 0 for a pipe, of which nobody knows.
fn count_bytes(input: &Path) -> u64 {
    input.metadata().map_or(0, |known| known.len())
}

/// Opens a table once more that can be read twice; a pipe cannot, whatever its name.
fn open_again(input: &Path) -> anyhow::Result<Option<File>> {
    let cannot = || format!("cannot read {}", input.display());
    if is_pipe(input) || !input.metadata().with_context(cannot)?.is_file() {
        return Ok(None);
    }
    File::open(input).with_context(cannot).map(Some)
}

/// Writes a file whole or not at all: aside first, then in place of the old one. A pipe gets what there is; false where who reads it has
/// closed it early.
fn write_whole(output: &Path, write: impl FnOnce(&mut (dyn Write + Send)) -> anyhow::Result<()>) -> anyhow::Result<bool> {
    if is_pipe(output) {
        let mut out = BufWriter::new(io::stdout());
        let written = write(&mut out).and_then(|()| out.flush().context("cannot write to the standard output"));
        return super::until_closed(written.map(|()| true));
    }
    let cannot = || format!("cannot write {}", output.display());
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let aside = new_file(folder, output).with_context(cannot)?;
    let mut out = BufWriter::with_capacity(1 << 16, aside);
    write(&mut out)?;
    let aside = out.into_inner().map_err(io::IntoInnerError::into_error).with_context(cannot)?;
    // A name that stands before the bytes do would show half a table after a power cut.
    aside.as_file().sync_all().with_context(cannot)?;
    aside.persist(output).with_context(cannot)?;
    Ok(true)
}

/// Makes a file whose name nobody takes for a result, should it be left behind.
fn new_file(folder: &Path, output: &Path) -> io::Result<tempfile::NamedTempFile> {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".unfinished");
    // A temporary file is its owner's alone unless told otherwise; the result is a file like any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
