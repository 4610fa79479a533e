use axum::http::{HeaderMap, header};

use crate::tile::Coding;

/// What an `Accept-Encoding` header says, RFC 9110, section 12.5.3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AcceptedCodings {
    /// Names in small letters with their weights, as given.
    named: Vec<(String, f32)>,
}

/// The weight of sending bytes as they are where the header does not name that: allowed, and liked less than all that is named.
const UNNAMED_PLAIN: f32 = f32::MIN_POSITIVE;

/// Codings that are looked at; the others are passed over. More than there are registered ones.
const NAMED_MAX: usize = 16;

impl AcceptedCodings {
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let named = values.flat_map(|value| value.split(',')).filter_map(parse).take(NAMED_MAX);
        Self { named: named.collect() }
    }

    /// Returns the coding of greatest weight, the first of equals; none where all are refused.
    pub fn best(&self, offered: &[Coding]) -> Option<Coding> {
        let mut best: Option<(Coding, f32)> = None;
        for coding in offered {
            let weight = self.weight_of(*coding);
            if weight > best.map_or(0.0, |(_, weight)| weight) {
                best = Some((*coding, weight));
            }
        }
        best.map(|(coding, _)| coding)
    }

    fn weight_of(&self, coding: Coding) -> f32 {
        let find = |wanted: &str| self.named.iter().find(|(name, _)| name == wanted).map(|(_, weight)| *weight);
        match coding.name() {
            Some("gzip") => find("gzip").or_else(|| find("x-gzip")).or_else(|| find("*")).unwrap_or(0.0),
            Some(name) => find(name).or_else(|| find("*")).unwrap_or(0.0),
            // A star that does not refuse all is about the codings that are not named, of which this is the last choice.
            None => find("identity").unwrap_or(if find("*") == Some(0.0) { 0.0 } else { UNNAMED_PLAIN }),
        }
    }
}

/// Reads a name and its weight; a weight that is none refuses.
fn parse(item: &str) -> Option<(String, f32)> {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = weight.map_or(Some(1.0), |q| q.trim().parse().ok().filter(|q| (0.0..=1.0).contains(q)));
    Some((name, weight.unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_of_greatest_weight_is_chosen_and_the_first_of_equals() {
        const ALL: [Coding; 4] = [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Plain];
        for (header, expected) in [
            ("", Some(Coding::Plain)),
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip, zstd", Some(Coding::Zstd)),
            ("gzip;q=1.0, br;q=0.9, zstd ; q=0.95", Some(Coding::Gzip)),
            ("GZIP;q=0.5, identity", Some(Coding::Plain)),
            ("identity;q=0.5, gzip;q=0.4", Some(Coding::Plain)),
            ("x-gzip", Some(Coding::Gzip)),
            ("deflate", Some(Coding::Plain)),
            ("*", Some(Coding::Brotli)),
            ("*;q=0.1, br;q=0", Some(Coding::Zstd)),
            ("*;q=0, gzip", Some(Coding::Gzip)),
            ("*;q=0", None),
            ("identity;q=0", None),
            ("*;q=0, identity;q=0.1", Some(Coding::Plain)),
            ("gzip;q=0", Some(Coding::Plain)),
            ("gzip;q=2, br;q=nan, zstd;q=x", Some(Coding::Plain)),
            (",, ;q=1, gzip", Some(Coding::Gzip)),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, header.parse().unwrap())]);
            assert_eq!(AcceptedCodings::of(&headers).best(&ALL), expected, "{header}");
        }
        assert_eq!(AcceptedCodings::default().best(&ALL), Some(Coding::Plain));
    }
}
