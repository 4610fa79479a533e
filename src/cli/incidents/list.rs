use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use anyhow::bail;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::app::{self, OpenMode, StoreUnavailable};
use crate::boundary::{GenerationId, LayerName};
use crate::cli::export::replace_file;
use crate::cli::time::parse_time;
use crate::cli::{Context, Outcome};
use crate::dispatch::{Case, RuleBook};
use crate::history::{Attribution, Attributor, HistoryError, load_attributor};
use crate::store::{CaseFilter, Store, StoreError, current_generation};

/// Which incidents, and by which boundaries beside those of their own time.
#[derive(Debug, clap::Args)]
pub struct Choice {
    /// Also tell the grid that each lies in by other boundaries, today's or those of a generation; what was recorded stays as it is
    #[arg(long, value_name = "current|N")]
    attribute_to: Option<String>,
    /// The layer of those boundaries
    #[arg(long, default_value = "grid")]
    layer: String,
    /// Only incidents recorded in grids whose code begins so
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Only incidents of this category; where it is a wider kind, of all below it
    #[arg(long, value_name = "CODE")]
    category: Option<String>,
    /// Only incidents reported at this time or later (RFC 3339, or a date)
    #[arg(long, value_name = "T")]
    from: Option<String>,
    /// Only incidents reported before this time
    #[arg(long, value_name = "T")]
    to: Option<String>,
}

/// Cases read from the store at a time.
const PAGE: usize = 10_000;

pub fn run(choice: &Choice, out: &Path, context: &Context) -> anyhow::Result<Outcome> {
    let form = Form::of(out)?;
    let time = |text: &Option<String>| text.as_deref().map(|text| parse_time(text, &context.config.time_zone)).transpose();
    let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
    let categories = match &choice.category {
        Some(category) => {
            let sets = store.load_rules().map_err(StoreUnavailable::from)?;
            RuleBook::new(&sets, &context.config.time_zone).at(Timestamp::now()).codes_below(category)
        }
        None => Vec::new(),
    };
    let filter = CaseFilter {
        grid_prefix: choice.code.clone(),
        categories,
        reported_from: time(&choice.from)?,
        reported_to: time(&choice.to)?,
        counts: false,
        ..CaseFilter::first(PAGE)
    };
    let attributor = choice.attribute_to.as_deref().map(|which| find_attributor(&*store, which, &choice.layer)).transpose()?;
    if out.as_os_str() == "-" {
        let written = write(&*store, filter, attributor.as_ref(), form, BufWriter::new(io::stdout().lock()));
        // Who closes the output early, as `head` does, has seen enough.
        let is_closed = |error: &anyhow::Error| {
            error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe))
        };
        return match written {
            Err(error) if !is_closed(&error) => Err(error),
            _ => Ok(Outcome::Done),
        };
    }
    replace_file(out, |path| write(&*store, filter, attributor.as_ref(), form, BufWriter::new(File::create(path)?)))?;
    Ok(Outcome::Done)
}

fn find_attributor(store: &dyn Store, which: &str, layer: &str) -> anyhow::Result<Attributor> {
    let layer = LayerName::parse(layer)?;
    let generation = if which == "current" {
        let generations = store.load_generations(&layer).map_err(StoreUnavailable::from)?;
        match current_generation(&generations, Timestamp::now()) {
            Some(current) => current.id,
            None => bail!("layer {layer} has no generation in effect now"),
        }
    } else {
        GenerationId(which.parse().map_err(|_| anyhow::anyhow!("{which:?} is neither current nor the number of a generation"))?)
    };
    load_attributor(store, &layer, generation).map_err(|error| match error {
        HistoryError::Store(error @ StoreError::NoGeneration { .. }) => error.into(),
        HistoryError::Store(error) => StoreUnavailable::from(error).into(),
        other => other.into(),
    })
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Csv,
    Ndjson,
}

impl Form {
    fn of(out: &Path) -> anyhow::Result<Self> {
        let ending = out.extension().map(OsStr::to_ascii_lowercase).unwrap_or_default();
        match ending.to_str() {
            _ if out.as_os_str() == "-" => Ok(Self::Csv),
            Some("csv") => Ok(Self::Csv),
            Some("ndjson") => Ok(Self::Ndjson),
            _ => bail!("{} ends neither in .csv nor in .ndjson, so its form is not known", out.display()),
        }
    }
}

fn write(store: &dyn Store, mut filter: CaseFilter, attributor: Option<&Attributor>, form: Form, out: impl Write) -> anyhow::Result<()> {
    let mut writer = match form {
        Form::Csv => RowWriter::Csv(Box::new(csv::Writer::from_writer(out))),
        Form::Ndjson => RowWriter::Ndjson(out),
    };
    writer.start(attributor.is_some())?;
    loop {
        let page = store.load_cases(&filter).map_err(StoreUnavailable::from)?;
        for case in &page.cases {
            writer.write(case, attributor.map(|attributor| attributor.attribute(case.position)))?;
        }
        filter.after = page.cases.last().map(|case| case.id).filter(|_| page.has_more);
        if filter.after.is_none() {
            return writer.finish();
        }
    }
}

const COLUMNS: [&str; 11] =
    ["id", "lon", "lat", "reported_at", "category", "description", "source", "grid", "generation", "holder", "given"];
const ATTRIBUTED: [&str; 2] = ["attributed_grid", "attributed_generation"];

enum RowWriter<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Ndjson(W),
}

impl<W: Write> RowWriter<W> {
    fn start(&mut self, is_attributed: bool) -> anyhow::Result<()> {
        if let Self::Csv(writer) = self {
            let attributed = ATTRIBUTED.iter().filter(|_| is_attributed);
            writer.write_record(COLUMNS.iter().chain(attributed))?;
        }
        Ok(())
    }

    fn write(&mut self, case: &Case, attribution: Option<Attribution>) -> anyhow::Result<()> {
        let attributed = |text: Option<String>| Value::from(text);
        let mut row = vec![
            case.id.0.to_string().into(),
            case.position.lon.into(),
            case.position.lat.into(),
            case.reported_at.to_string().into(),
            case.category.clone().into(),
            case.description.clone().into(),
            case.source.clone().into(),
            attributed(case.grid.as_ref().map(ToString::to_string)),
            case.generation.map(|generation| generation.0).into(),
            attributed(case.holder.as_ref().map(ToString::to_string)),
            case.given.clone().into(),
        ];
        match self {
            Self::Csv(writer) => {
                if let Some(attribution) = attribution {
                    row.push(attributed(attribution.grid.map(|grid| grid.to_string())));
                    row.push(attribution.generation.0.into());
                }
                let cell = |value: Value| match value {
                    Value::Null => String::new(),
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                Ok(writer.write_record(row.into_iter().map(cell))?)
            }
            Self::Ndjson(out) => {
                let mut object: serde_json::Map<String, Value> = COLUMNS.iter().map(ToString::to_string).zip(row).collect();
                if let Some(attribution) = attribution {
                    let grid = attribution.grid.map(|grid| grid.to_string());
                    object.insert("attributed".into(), json!({ "grid": grid, "generation": attribution.generation.0 }));
                }
                serde_json::to_writer(&mut *out, &object)?;
                Ok(out.write_all(b"\n")?)
            }
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Csv(mut writer) => Ok(writer.flush()?),
            Self::Ndjson(mut out) => Ok(out.flush()?),
        }
    }
}
