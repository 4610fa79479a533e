//! Files, and files inside files: opened, unpacked within bounds, and put together with what belongs to them.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;

use super::encoding::{decode, guess_encoding};
use super::error::ImportError;
use super::progress::{Counted, Progress};

/// Whatever its packed size, a file may unpack to this many bytes: small packed files compress well.
const UNPACKED_BYTES_FREE: u64 = 64 << 20;

/// Larger files may unpack to this many times their size. Boundaries as text shrink to a tenth or so;
/// deflate could do a thousand, which only a bomb does.
const UNPACKED_TIMES_MAX: u64 = 100;

/// Most entries of an archive that are looked at. A shapefile has four to eight.
const ENTRIES_MAX: usize = 10_000;

/// Opens a file for reading from beginning to end, unpacked where its name ends in `.gz`.
pub(super) fn open<'a>(path: &Path, progress: &'a dyn Fn(Progress)) -> Result<Box<dyn BufRead + 'a>, ImportError> {
    let (file, bytes) = open_plain(path)?;
    let counted = BufReader::with_capacity(1 << 16, Counted::new(file, bytes, progress));
    if !has_extension(path, &["gz"]) {
        return Ok(Box::new(counted));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 16, Bounded { inner: MultiGzDecoder::new(counted), left: unpacked_max(bytes) })))
}

/// Reads a file whole, unpacked where its name ends in `.gz`.
pub(super) fn read_whole(path: &Path, progress: &dyn Fn(Progress)) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    open(path, progress)?.read_to_end(&mut bytes).map_err(|source| read_error(path, source))?;
    Ok(bytes)
}

pub(super) fn open_plain(path: &Path) -> Result<(File, u64), ImportError> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    Ok((file, metadata.len()))
}

/// Turns a failed read into its error; the bound on unpacking has one of its own.
pub(super) fn read_error(path: &Path, source: std::io::Error) -> ImportError {
    if source.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooLarge>) {
        let packed = std::fs::metadata(path).map_or(0, |m| m.len());
        return ImportError::Unpacked { path: path.to_owned(), limit: unpacked_max(packed), times: UNPACKED_TIMES_MAX };
    }
    ImportError::Read { path: path.to_owned(), source }
}

/// The files of a shapefile, wherever they lie.
pub(super) struct ShapefileParts<'a> {
    pub shp: Box<dyn Read + 'a>,
    pub dbf: Option<Vec<u8>>,
    pub shx: Option<Vec<u8>>,
    pub prj: Option<String>,
    pub cpg: Option<String>,
}

/// Finds the `.dbf`, `.shx`, `.prj` and `.cpg` beside a `.shp`, in whatever case their endings are written.
pub(super) fn open_shapefile<'a>(path: &Path, progress: &'a dyn Fn(Progress)) -> Result<ShapefileParts<'a>, ImportError> {
    let sibling = |extension: &str| -> Result<Option<Vec<u8>>, ImportError> {
        let Some(found) = find_sibling(path, extension) else { return Ok(None) };
        std::fs::read(&found).map(Some).map_err(|source| ImportError::Read { path: found, source })
    };
    Ok(ShapefileParts {
        shp: open(path, progress)?,
        dbf: sibling("dbf")?,
        shx: sibling("shx")?,
        prj: sibling("prj")?.map(|bytes| to_text(&bytes)),
        cpg: sibling("cpg")?.map(|bytes| to_text(&bytes)),
    })
}

/// Reads the one shapefile of an archive.
///
/// # Errors
/// An archive that cannot be read, has no shapefile or several, or unpacks to too much.
pub(super) fn unpack_shapefile<'a>(path: &Path, progress: &'a dyn Fn(Progress)) -> Result<ShapefileParts<'a>, ImportError> {
    let mut archive = Archive::open(path, progress)?;
    let shapes = archive.with_extension("shp");
    let &[shape] = shapes.as_slice() else {
        let (detail, remedy) = match shapes.len() {
            0 => (format!("it holds no .shp among its {} files", archive.names.len()), "put .shp, .dbf and .prj into the archive"),
            count => (format!("it holds {count} shapefiles: {}", archive.list(&shapes)), "unpack it and give one of the .shp files"),
        };
        return Err(ImportError::broken(path, "zipped shapefile", detail, remedy));
    };
    let stem = archive.names[shape].rsplit_once('.').map_or("", |(stem, _)| stem).to_owned();
    let mut part = |extension: &str| -> Result<Option<Vec<u8>>, ImportError> {
        let wanted = archive.with_extension(extension);
        let same_stem = |name: &String| name.rsplit_once('.').is_some_and(|(other, _)| other.eq_ignore_ascii_case(&stem));
        let found = wanted.into_iter().find(|&at| same_stem(&archive.names[at]));
        found.map(|at| archive.read(at)).transpose()
    };
    let (dbf, shx, prj, cpg) = (part("dbf")?, part("shx")?, part("prj")?, part("cpg")?);
    let shp = archive.read(shape)?;
    Ok(ShapefileParts {
        shp: Box::new(Cursor::new(shp)),
        dbf,
        shx,
        prj: prj.map(|bytes| to_text(&bytes)),
        cpg: cpg.map(|bytes| to_text(&bytes)),
    })
}

/// Reads the first `.kml` of a `.kmz`.
pub(super) fn unpack_kml(path: &Path, progress: &dyn Fn(Progress)) -> Result<Vec<u8>, ImportError> {
    let mut archive = Archive::open(path, progress)?;
    match archive.with_extension("kml").first() {
        Some(&first) => archive.read(first),
        None => Err(ImportError::broken(path, "KMZ", "it holds no .kml", "give the .kml itself")),
    }
}

pub(super) fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.iter().any(|wanted| e.eq_ignore_ascii_case(wanted)))
}

struct Archive<'a> {
    path: PathBuf,
    zip: ZipArchive<Counted<'a, File>>,
    names: Vec<String>,
    /// Bytes that may still be unpacked, all entries together.
    left: u64,
}

impl<'a> Archive<'a> {
    fn open(path: &Path, progress: &'a dyn Fn(Progress)) -> Result<Self, ImportError> {
        let (file, bytes) = open_plain(path)?;
        let mut zip = ZipArchive::new(Counted::new(file, bytes, progress)).map_err(|e| zip_error(path, &e))?;
        if zip.len() > ENTRIES_MAX {
            let detail = format!("it holds {} files, more than {ENTRIES_MAX}", zip.len());
            return Err(ImportError::broken(path, "zipped shapefile", detail, "unpack it and give the .shp file"));
        }
        let names = (0..zip.len()).map(|at| zip.by_index_raw(at).map(|entry| entry_name(entry.name_raw())));
        let names = names.collect::<Result<_, _>>().map_err(|e| zip_error(path, &e))?;
        Ok(Self { path: path.to_owned(), zip, names, left: unpacked_max(bytes) })
    }

    /// Returns the entries with an ending, but for the shadow files that one system adds.
    fn with_extension(&self, extension: &str) -> Vec<usize> {
        let is_real = |name: &str| !name.starts_with("__MACOSX/") && !name.rsplit('/').next().is_some_and(|file| file.starts_with("._"));
        let fits = |name: &String| is_real(name) && name.rsplit_once('.').is_some_and(|(_, e)| e.eq_ignore_ascii_case(extension));
        (0..self.names.len()).filter(|&at| fits(&self.names[at])).collect()
    }

    fn list(&self, entries: &[usize]) -> String {
        entries.iter().map(|&at| self.names[at].as_str()).collect::<Vec<_>>().join(", ")
    }

    fn read(&mut self, at: usize) -> Result<Vec<u8>, ImportError> {
        let entry = self.zip.by_index(at).map_err(|e| zip_error(&self.path, &e))?;
        let mut bytes = Vec::new();
        Bounded { inner: entry, left: self.left }.read_to_end(&mut bytes).map_err(|source| read_error(&self.path, source))?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}

/// Archives made in China often hold GBK names without saying so.
fn entry_name(raw: &[u8]) -> String {
    decode(guess_encoding(std::iter::once(raw)), raw).0
}

fn zip_error(path: &Path, error: &zip::result::ZipError) -> ImportError {
    ImportError::broken(path, "zip archive", error.to_string(), "pack it again, or give the .shp file itself")
}

fn find_sibling(path: &Path, extension: &str) -> Option<PathBuf> {
    let usual = path.with_extension(extension);
    if usual.is_file() {
        return Some(usual);
    }
    let stem = path.file_stem()?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|candidate| candidate.file_stem() == Some(stem) && has_extension(candidate, &[extension]) && candidate.is_file())
}

fn to_text(bytes: &[u8]) -> String {
    let encoding: &'static Encoding = guess_encoding(std::iter::once(bytes));
    encoding.decode(bytes).0.trim().to_owned()
}

fn unpacked_max(packed_bytes: u64) -> u64 {
    UNPACKED_BYTES_FREE.max(packed_bytes.saturating_mul(UNPACKED_TIMES_MAX))
}

/// Fails once more than so many bytes came out.
struct Bounded<R> {
    inner: R,
    left: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("it unpacks to too much")]
struct TooLarge;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| std::io::Error::other(TooLarge))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_file_that_unpacks_to_far_too_much_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.geojson.gz");
        let mut gz = GzEncoder::new(File::create(&path).unwrap(), Compression::best());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..65 {
            gz.write_all(&zeros).unwrap();
        }
        gz.finish().unwrap();
        assert!(matches!(read_whole(&path, &|_| ()), Err(ImportError::Unpacked { .. })));
    }

    #[test]
    fn an_archive_of_two_shapefiles_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for name in ["a.shp", "b.SHP", "__MACOSX/._a.shp"] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        }
        zip.finish().unwrap();
        let error = unpack_shapefile(&path, &|_| ()).err().unwrap().to_string();
        assert!(error.contains("2 shapefiles: a.shp, b.SHP"), "{error}");
    }
}
