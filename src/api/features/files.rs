use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::source::Source;
use super::write::Look;
use crate::api::admit::Permit;
use crate::api::media::Offer;
use crate::api::problem::Problem;
use crate::export::table::{TableColumn, TableError, TableRow, write_csv, write_flatgeobuf, write_parquet};
use crate::filter::{Kind, Property, Value};
use crate::store::geopackage::write_any_features;

/// A form in which features are sent as a file, all of them unless a number is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileForm {
    /// One collection (RFC 7946), whose features are those of a page without links.
    GeoJson,
    Csv,
    FlatGeobuf,
    GeoPackage,
    GeoParquet,
}

/// Bytes of an answer that are made before its reader has taken those before.
const CHUNK_BYTES: usize = 64 << 10;

/// Chunks that wait for the reader: with [`CHUNK_BYTES`] half a megabyte for each answer.
const CHUNKS_MAX: usize = 8;

/// A reader that takes nothing for so long has gone, whatever its connection says. Seconds, as for bodies of lookups.
const READER_IDLE_S: u64 = 60;

impl FileForm {
    /// Returns the form that an offer stands for; none for a page.
    pub fn of(offer: Offer) -> Option<Self> {
        Some(match offer.name {
            "geojson" => Self::GeoJson,
            "csv" => Self::Csv,
            "fgb" => Self::FlatGeobuf,
            "gpkg" => Self::GeoPackage,
            "parquet" => Self::GeoParquet,
            _ => return None,
        })
    }

    fn media(self) -> &'static str {
        match self {
            Self::GeoJson => "application/geo+json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::FlatGeobuf => "application/flatgeobuf",
            Self::GeoPackage => "application/geopackage+sqlite3",
            Self::GeoParquet => "application/vnd.apache.parquet",
        }
    }

    pub fn ending(self) -> &'static str {
        match self {
            Self::GeoJson => "geojson",
            Self::Csv => "csv",
            Self::FlatGeobuf => "fgb",
            Self::GeoPackage => "gpkg",
            Self::GeoParquet => "parquet",
        }
    }

    /// Whether the file can hold geometry of any reference system; the others are in degrees.
    pub fn takes_crs(self) -> bool {
        matches!(self, Self::GeoJson | Self::Csv | Self::FlatGeobuf)
    }
}

/// The features that a file is to hold.
pub struct FileRequest {
    pub source: Arc<dyn Source>,
    pub rows: Vec<usize>,
    pub look: Look,
    pub form: FileForm,
    pub is_private: bool,
    pub tag: Option<String>,
}

impl FileRequest {
    /// Returns what is said of the file before its first byte, without writing it.
    ///
    /// # Errors
    /// None that a caller could mend.
    pub fn head(&self) -> Result<Response, Problem> {
        let name = format!("attachment; filename=\"{}.{}\"", self.look.collection.replace(['"', '\\', '/'], "_"), self.form.ending());
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.form.media()));
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|e| Problem::internal(&e))?);
        say_who_keeps(headers, self.is_private);
        if let Some(tag) = &self.tag {
            headers.insert(header::ETAG, HeaderValue::from_str(tag).map_err(|e| Problem::internal(&e))?);
        }
        Ok(response)
    }

    /// Sends the file as it is written. `held` is kept until its last byte.
    ///
    /// # Errors
    /// None that a caller could mend.
    pub fn send(self, held: (Option<Permit>, OwnedSemaphorePermit)) -> Result<Response, Problem> {
        let mut response = self.head()?;
        let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_MAX);
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let _held = held;
            let mut out = Chunks { sender: sender.clone(), runtime: runtime.clone(), bytes: Vec::with_capacity(CHUNK_BYTES) };
            if let Err(error) = self.write(&mut out).and_then(|()| Ok(out.flush()?)) {
                tracing::warn!(%error, "a file of features broke off");
                // The reader is told by the missing end.
                let broken = Err(io::Error::other("the file broke off"));
                drop(runtime.block_on(sender.send_timeout(broken, Duration::from_secs(READER_IDLE_S))));
            }
        });
        *response.body_mut() = Body::from_stream(ReceiverStream::new(receiver));
        Ok(response)
    }

    fn write(&self, out: &mut Chunks) -> Result<(), TableError> {
        let columns = self.columns();
        let plain: Vec<TableColumn> = columns.iter().map(|(name, kind, _)| TableColumn { name: name.clone(), kind: *kind }).collect();
        let rows = self.rows.iter().map(|at| self.row(*at, &columns));
        let with_geometry = !self.look.skips_geometry;
        match self.form {
            FileForm::GeoJson => self.write_geojson(out),
            FileForm::Csv => write_csv(out, &plain, with_geometry, rows),
            FileForm::FlatGeobuf => {
                let epsg = self.look.crs.as_ref().map_or(4326, super::crs::WireCrs::epsg);
                write_flatgeobuf(out, &self.look.collection, i32::try_from(epsg)?, &plain, rows)
            }
            FileForm::GeoParquet => write_parquet(out, &plain, with_geometry, rows),
            FileForm::GeoPackage => {
                let file = tempfile::NamedTempFile::new()?;
                let properties: Vec<Property> = plain.into_iter().map(|TableColumn { name, kind }| Property { name, kind }).collect();
                let features = rows.map(|row| row.map(|row| (row.id.into_owned(), row.values, row.geometry)));
                write_any_features(file.path(), &self.look.collection.replace('.', "_"), &properties, features)?;
                io::copy(&mut std::fs::File::open(file.path())?, out)?;
                Ok(())
            }
        }
    }

    fn write_geojson(&self, out: &mut Chunks) -> Result<(), TableError> {
        let (time, count) = (self.source.time(), self.rows.len());
        let time = time.map(|time| format!("\"timeStamp\":\"{time}\",")).unwrap_or_default();
        write!(out, "{{\"type\":\"FeatureCollection\",{time}\"numberReturned\":{count},\"features\":[")?;
        let mut feature = Vec::new();
        for (number, at) in self.rows.iter().enumerate() {
            feature.clear();
            feature.extend_from_slice(if number == 0 { b"\n" } else { b",\n" });
            self.look.write_bare(&*self.source, *at, &mut feature)?;
            out.write_all(&feature)?;
        }
        Ok(out.write_all(b"\n]}\n")?)
    }

    /// Returns the columns: name, kind, and place in the schema. The id and the geometry have columns of their own, whose names no
    /// other may have.
    fn columns(&self) -> Vec<(String, Kind, usize)> {
        const TAKEN: [&str; 5] = ["id", "geometry", "geom", "bbox", "fid"];
        let schema = self.source.schema();
        let is_shown = |name: &str| self.look.properties.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name));
        let is_id = |property: &Property| property.name == "id" && self.source.code_slot().is_some();
        let shown = schema.properties.iter().enumerate().filter(|(_, p)| !p.is_geometry() && !is_id(p) && is_shown(&p.name));
        let name =
            |name: &str| if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(name)) { format!("{name}_") } else { name.to_owned() };
        shown.map(|(slot, property)| (name(&property.name), property.kind, slot)).collect()
    }

    fn row(&self, at: usize, columns: &[(String, Kind, usize)]) -> Result<TableRow<'_>, TableError> {
        let schema = self.source.schema();
        let mut nested = None;
        let values = columns.iter().map(|(_, kind, slot)| {
            if !matches!(kind, Kind::Any | Kind::Array) {
                return self.source.value(at, *slot);
            }
            // What has parts stands in its column as JSON.
            let properties = nested.get_or_insert_with(|| self.source.properties(at));
            let found = properties.iter().find(|(name, _)| *name == schema.properties[*slot].name);
            match found.map(|(_, value)| &**value) {
                None | Some(serde_json::Value::Null) => Value::Null,
                Some(serde_json::Value::String(text)) => Value::Text(text.clone().into()),
                Some(other) => Value::Text(other.to_string().into()),
            }
        });
        let values = values.collect();
        Ok(TableRow { id: Cow::Owned(self.source.id(at).into_owned()), values, geometry: self.look.plane_geometry(&*self.source, at)? })
    }
}

/// Says which caches may keep an answer, and on what it depends.
pub fn say_who_keeps(headers: &mut HeaderMap, is_private: bool) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(if is_private { "private, no-cache" } else { "no-cache" }));
    let vary = if is_private { "Accept, Accept-Encoding, Authorization" } else { "Accept, Accept-Encoding" };
    headers.insert(header::VARY, HeaderValue::from_static(vary));
}

/// Hands what is written to the answer, and waits while its reader is slow.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    bytes: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(CHUNK_BYTES));
        let sent = self.sender.send_timeout(Ok(bytes.into()), Duration::from_secs(READER_IDLE_S));
        self.runtime.block_on(sent).map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the reader has gone"))
    }
}
