use std::str::FromStr;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};

/// Keys that one issuer may publish at once; issuers have two or three, and each is tried for a token that names none.
const KEYS_MAX: usize = 64;

/// The keys of an issuer by which signatures are checked.
#[derive(Debug, Default)]
pub struct IssuerKeys(Vec<IssuerKey>);

#[derive(Debug)]
struct IssuerKey {
    id: Option<String>,
    /// The only signature that it is for, where the issuer says so.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl IssuerKeys {
    /// Reads a set of keys. Those that are for something else, or of a kind that is not known, are left out: an issuer may have more
    /// keys than we understand. Shared secrets are never taken.
    ///
    /// # Errors
    /// The text is no set of keys, or has too many.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        // Key by key, as one of a future kind must not spoil the others.
        #[derive(serde::Deserialize)]
        struct Keys {
            keys: Vec<serde_json::Value>,
        }
        let Keys { keys } = serde_json::from_slice(text).map_err(|error| format!("is no set of keys: {error}"))?;
        if keys.len() > KEYS_MAX {
            return Err(format!("has {} keys, and more than {KEYS_MAX} are not taken", keys.len()));
        }
        let read = keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let set = JwkSet { keys: read.collect() };
        Ok(Self(set.keys.iter().filter_map(IssuerKey::new).collect()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a key for the token is among them.
    pub fn has_key_for(&self, header: &Header) -> bool {
        self.of(header).next().is_some()
    }

    /// Returns the keys with which the token may be signed: that of its id, or all of its kind where it names none.
    pub fn of<'a>(&'a self, header: &'a Header) -> impl Iterator<Item = &'a DecodingKey> {
        let fits = |key: &&IssuerKey| {
            key.key.family() == header.alg.family()
                && key.algorithm.is_none_or(|algorithm| algorithm == header.alg)
                && header.kid.as_ref().is_none_or(|id| key.id.as_ref() == Some(id))
        };
        self.0.iter().filter(fits).map(|key| &key.key)
    }
}

impl IssuerKey {
    fn new(jwk: &Jwk) -> Option<Self> {
        let is_secret = matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
        let is_for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
        if is_secret || !is_for_signatures {
            return None;
        }
        let algorithm = match &jwk.common.key_algorithm {
            Some(name) => Some(Algorithm::from_str(&name.to_string()).ok()?),
            None => None,
        };
        Some(Self { id: jwk.common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(jwk).ok()? })
    }
}
