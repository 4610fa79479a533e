use axum::http::HeaderMap;
use jiff::Timestamp;
use percent_encoding::percent_decode;

use super::fault::Fault;

/// In which form an answer is written, which the end of the path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
}

/// Longest form that is taken, in pairs.
pub const PAIRS_MAX: usize = 200;

/// Splits `requests.xml` into its name and its format.
///
/// # Errors
/// 404 for another form.
pub fn split_format(name: &str) -> Result<(&str, Format), Fault> {
    match name.rsplit_once('.') {
        Some((name, "json")) => Ok((name, Format::Json)),
        Some((name, "xml")) => Ok((name, Format::Xml)),
        _ => Err(Fault::new(404, Format::Xml, "resources end in .xml or .json")),
    }
}

/// What was sent: names and values, which may come more than once. Names that the standard does not know are passed over, as callers send
/// those of their own cities.
#[derive(Clone, Debug, Default)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads `application/x-www-form-urlencoded`, as of a query or of a body.
    ///
    /// # Errors
    /// More than fit, or what is no UTF-8.
    pub fn read(text: &str, format: Format) -> Result<Self, Fault> {
        if text.split('&').count() > PAIRS_MAX {
            return Err(Fault::new(400, format, &format!("there are more than {PAIRS_MAX} arguments")));
        }
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode(spaced.as_bytes()).decode_utf8().map(|text| text.trim().to_owned())
        };
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(pair).collect::<Result<_, std::str::Utf8Error>>();
        let pairs: Vec<(String, String)> = pairs.map_err(|_| Fault::new(400, format, "the arguments are not UTF-8"))?;
        Self::of(pairs, format)
    }

    /// Takes pairs that were read already.
    ///
    /// # Errors
    /// A character that cannot be stored.
    pub fn of(pairs: Vec<(String, String)>, format: Format) -> Result<Self, Fault> {
        if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(Fault::new(400, format, "an argument has the character U+0000, which cannot be stored"));
        }
        Ok(Self(pairs))
    }

    /// Returns a value; none where it is left out or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, value)| given == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Returns the parts of a list, separated by commas.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|part| !part.is_empty()).collect()
    }

    pub fn time(&self, name: &str, format: Format) -> Result<Option<Timestamp>, Fault> {
        let wrong = |text: &str| Fault::new(400, format, &format!("{name} is {text:?}, which is no W3C time with a zone"));
        self.get(name).map(|text| crate::api::as_of::parse_time(text).map_err(|_| wrong(text))).transpose()
    }
}

/// How a body is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyForm {
    Urlencoded,
    /// With what stands between its parts.
    Multipart {
        boundary: String,
    },
}

impl BodyForm {
    /// Returns the form that a body is said to be; none for anything else.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let media = headers.get(axum::http::header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
        if media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Some(Self::Urlencoded);
        }
        multer::parse_boundary(media).ok().map(|boundary| Self::Multipart { boundary })
    }
}
