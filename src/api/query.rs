//! Query parameters: which names a route takes is read off its OpenAPI operation, so the document cannot lie.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use axum::extract::{FromRequestParts, Request};
use axum::http::Method;
use axum::http::request::Parts;
use utoipa::openapi::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, ParameterStyle};

use super::problem::{ParameterError, Problem};

/// The names that each operation takes, by path template and method.
#[derive(Debug, Default)]
pub struct KnownParameters(HashMap<String, Vec<(Method, Names)>>);

/// The names that one operation takes.
#[derive(Clone, Debug, Default)]
struct Names {
    known: Vec<String>,
    /// Whether it takes others too, which its handler checks: properties of features are parameters.
    is_open: bool,
}

impl KnownParameters {
    pub fn of(document: &OpenApi) -> Self {
        let mut known: HashMap<String, Vec<(Method, Names)>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
                    RefOr::T(parameter) => Some(parameter),
                    RefOr::Ref(_) => None,
                });
                let parameters: Vec<_> = parameters.filter(|p| p.parameter_in == ParameterIn::Query).collect();
                // An object that is exploded stands for its members, which are parameters by their own names.
                let is_open = parameters.iter().any(|p| p.style == Some(ParameterStyle::Form) && p.explode == Some(true));
                let names = Names { known: parameters.iter().map(|p| p.name.clone()).collect(), is_open };
                known.entry(path.clone()).or_default().push((method, names));
            }
        }
        Self(known)
    }

    /// Returns the names that a method of a path takes; none where the path does not take the method, which its route then says.
    /// Files of pages are in no definition: they take no parameters.
    fn names(&self, method: &Method, path: &str) -> Option<&Names> {
        static NONE: Names = Names { known: Vec::new(), is_open: false };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        match self.0.get(path) {
            Some(methods) => methods.iter().find(|(known, _)| known == method).map(|(_, names)| names),
            None => (method == Method::GET).then_some(&NONE),
        }
    }
}

/// Returns the operations of a path with their methods.
pub fn operations(item: &utoipa::openapi::PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// Turns away a request with a parameter that its route does not know, or with one given twice.
///
/// # Errors
/// 400 that names each of them.
pub fn refuse_unknown_parameters(known: &KnownParameters, request: &Request, path: &str) -> Result<(), Problem> {
    let query = request.uri().query().unwrap_or_default();
    if query.is_empty() || request.method() == Method::OPTIONS || request.uri().path().starts_with(super::open311::PREFIX) {
        return Ok(());
    }
    known.names(request.method(), path).map_or(Ok(()), |names| check_names(query, names))
}

fn check_names(query: &str, Names { known, is_open }: &Names) -> Result<(), Problem> {
    let pairs = split(query)?;
    let mut errors = Vec::new();
    for (at, (name, _)) in pairs.iter().enumerate() {
        let error = |detail: String| ParameterError { parameter: name.to_string(), detail };
        if !is_open && !known.iter().any(|known| known == name) {
            let known = if known.is_empty() { "this resource takes none".to_owned() } else { format!("known are {}", known.join(", ")) };
            errors.push(error(format!("is not a parameter of this resource; {known}")));
        } else if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            errors.push(error("is given more than once".into()));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::parameters(errors)) }
}

/// Most parameters that a query may have; no route knows as many.
const PARAMETERS_MAX: usize = 64;

/// A parameter's name and its value; borrowed from the query where nothing in them is encoded, as in most.
type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

fn split(query: &str) -> Result<Vec<Pair<'_>>, Problem> {
    if query.split('&').count() > PARAMETERS_MAX {
        return Err(Problem::new(
            super::problem::ProblemKind::InvalidParameter,
            format!("there are more than {PARAMETERS_MAX} parameters"),
        ));
    }
    query.split('&').filter(|pair| !pair.is_empty()).map(split_pair).collect()
}

fn split_pair(pair: &str) -> Result<Pair<'_>, Problem> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    if !pair.contains(['%', '+']) {
        return Ok((name.into(), value.into()));
    }
    let shown = String::from_utf8_lossy(&decode(name)).into_owned();
    let name = String::from_utf8(decode(name)).map_err(|_| Problem::parameter(&shown, "the name is not UTF-8"))?;
    let value = String::from_utf8(decode(value)).map_err(|_| Problem::parameter(&name, "the value is not UTF-8"))?;
    if name.contains('\0') || value.contains('\0') {
        return Err(Problem::parameter(&name, "has the character U+0000, which no text here can have"));
    }
    Ok((name.into(), value.into()))
}

/// Decodes `application/x-www-form-urlencoded`; a `%` that begins no escape stands for itself, as in the URL standard.
fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits fit a byte"));
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}

/// The values of a query while a route reads them; every fault is collected, so that a caller mends all at once.
#[derive(Debug)]
pub struct Values<'q> {
    pairs: Vec<Pair<'q>>,
    errors: Vec<ParameterError>,
}

/// A route's parameters, read from the query.
pub trait FromQuery: Sized {
    /// Reads the parameters; faults go to `values`, and what is returned beside a fault is never used.
    fn from_query(values: &mut Values) -> Option<Self>;
}

/// Parameters that several routes have in common, beside a route's own.
impl<A: FromQuery, B: FromQuery> FromQuery for (A, B) {
    fn from_query(values: &mut Values) -> Option<Self> {
        let (a, b) = (A::from_query(values), B::from_query(values));
        Some((a?, b?))
    }
}

/// Extracts a route's parameters or answers 400 with every fault.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: FromQuery> Query<T> {
    fn read(query: &str) -> Result<T, Problem> {
        let mut values = Values { pairs: split(query)?, errors: Vec::new() };
        match T::from_query(&mut values) {
            Some(read) if values.errors.is_empty() => Ok(read),
            _ => Err(Problem::parameters(values.errors)),
        }
    }
}

impl<T: FromQuery, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default()).map(Query)
    }
}

impl Values<'_> {
    /// Returns a parameter as it was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| &**value)
    }

    /// Returns the parameters that are none of these, in their order.
    pub fn others(&self, known: &[&str]) -> Vec<(String, String)> {
        let others = self.pairs.iter().filter(|(name, _)| !known.contains(&&**name));
        others.map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    /// Reads a parameter that may be left out.
    pub fn optional<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let result = self.text(name).map(parse)?;
        result.map_err(|e| self.fault(name, e.to_string())).ok()
    }

    /// Reads a parameter that must be given.
    pub fn required<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        if self.text(name).is_none() {
            self.fault(name, "is missing".into());
        }
        self.optional(name, parse)
    }

    pub fn fault(&mut self, name: &str, detail: String) {
        self.errors.push(ParameterError { parameter: name.to_owned(), detail });
    }
}

/// Parses a whole number of at least 0, as large as the definition has numbers: with 63 bits.
///
/// # Errors
/// Shows the text that is none.
pub fn whole(text: &str) -> Result<u64, String> {
    let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| format!("{text:?} is not a whole number from 0 to {}", i64::MAX))
}

/// Parses a finite decimal number.
///
/// # Errors
/// Shows the text that is none; `nan` and `inf` are none.
pub fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("{text:?} is not a finite number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Place {
        lon: f64,
        lat: f64,
        name: Option<String>,
    }

    impl FromQuery for Place {
        fn from_query(values: &mut Values) -> Option<Self> {
            let (lon, lat) = (values.required("lon", finite), values.required("lat", finite));
            let name = values.optional("name", |name| Ok::<_, String>(name.to_owned()));
            Some(Self { lon: lon?, lat: lat?, name })
        }
    }

    fn faults(query: &str) -> Vec<String> {
        Query::<Place>::read(query).unwrap_err().errors.into_iter().map(|e| e.parameter).collect()
    }

    #[test]
    fn all_faults_are_told_at_once() {
        assert_eq!(faults("lon=east"), ["lon", "lat"]);
        assert_eq!(faults("lon=nan&lat=inf"), ["lon", "lat"]);
        assert_eq!(faults("lon=1&lat=2&name=%ff"), ["name"]);
        let read = Query::<Place>::read("lon=111.5&lat=26&name=%E7%BD%91+%E6%A0%BC").unwrap();
        assert_eq!(read, Place { lon: 111.5, lat: 26.0, name: Some("网 格".into()) });
    }

    #[test]
    fn names_are_checked_with_their_case_and_only_once() {
        let known = Names { known: vec!["lon".to_owned(), "lat".to_owned()], is_open: false };
        assert!(check_names("lon=1&lat=2", &known).is_ok());
        assert_eq!(check_names("Lon=1&lat=2&lat=3", &known).unwrap_err().errors.len(), 2);
        assert!(check_names("lon=1", &Names::default()).unwrap_err().detail.contains("takes none"));
        let open = Names { is_open: true, ..known };
        assert!(check_names("color=red&lon=1", &open).is_ok());
        assert!(check_names("color=red&color=blue", &open).is_err());
    }
}
