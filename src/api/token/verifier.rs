use std::collections::HashSet;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use moka::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::claims::Granted;
use super::fetch::Fetcher;
use super::keys::IssuerKeys;
use super::signature;
use crate::config::OidcConfig;

/// Longest token that is looked at, bytes: a header of a request has no more room in most servers.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Tokens that are known to be good, and for how long that is not asked again. A key that the issuer has taken back ends with them.
const KNOWN_MAX: u64 = 10_000;
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// Who bears a token, and what it grants.
#[derive(Clone, Debug)]
pub struct Verified {
    pub subject: Arc<str>,
    pub granted: Arc<Granted>,
    expires_at: Timestamp,
}

/// Why a token is not taken. The first two are told to the caller, who may mend them.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not taken: {0}")]
    Refused(String),
    #[error("the issuer of tokens does not answer")]
    NoKeys,
}

/// Checks tokens of one issuer.
#[derive(Debug)]
pub struct TokenVerifier {
    issuer: String,
    config: OidcConfig,
    validation: Validation,
    keys: ArcSwapOption<FetchedKeys>,
    /// When keys were last asked for, whether they came or not. Held while they are fetched, so that they are fetched once.
    asked: Mutex<Option<Instant>>,
    known: Cache<[u8; 32], Verified>,
}

#[derive(Debug)]
struct FetchedKeys {
    at: Instant,
    keys: IssuerKeys,
}

impl TokenVerifier {
    /// Prepares to check tokens; nothing is fetched yet. None where the settings name no issuer.
    pub fn new(config: &OidcConfig) -> Option<Self> {
        let issuer = config.issuer.as_ref()?;
        signature::install();
        let algorithms = config.algorithms.iter().filter_map(|name| Algorithm::from_str(name).ok());
        let mut validation = Validation {
            algorithms: algorithms.collect(),
            leeway: config.leeway_s,
            validate_nbf: true,
            required_spec_claims: ["exp", "iss", "aud", "sub"].map(String::from).into_iter().collect::<HashSet<_>>(),
            ..Validation::default()
        };
        validation.set_issuer(&[issuer]);
        validation.set_audience(&config.audiences);
        Some(Self {
            issuer: issuer.clone(),
            config: config.clone(),
            validation,
            keys: ArcSwapOption::empty(),
            asked: Mutex::new(None),
            known: Cache::builder().max_capacity(KNOWN_MAX).time_to_live(KNOWN_FOR).build(),
        })
    }

    /// Whether a text has the form of a token: three parts with points between.
    pub fn is_token(text: &str) -> bool {
        text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Returns what is known of a token that was checked a short while ago, without checking it again.
    pub fn recall(&self, token: &str, now: Timestamp) -> Option<Verified> {
        self.known.get(&hash(token)).filter(|verified| now < verified.expires_at)
    }

    /// Checks a token.
    ///
    /// # Errors
    /// The token is not taken, or the keys of the issuer cannot be had.
    pub async fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        let refused = |why: &str| TokenError::Refused(why.to_owned());
        if token.len() > TOKEN_BYTES_MAX {
            return Err(refused("it is too long"));
        }
        let header = decode_header(token).map_err(|_| refused("it has no header that is known"))?;
        if !self.validation.algorithms.contains(&header.alg) {
            return Err(refused("it is signed in a way that is not taken here"));
        }
        let keys = self.keys_for(&header).await?;
        let validation = Validation { algorithms: vec![header.alg], ..self.validation.clone() };
        let mut failure = refused("its key is not one of the issuer's");
        for key in keys.keys.of(&header) {
            match decode::<Value>(token, key, &validation) {
                Ok(token_data) => return self.admit(token, &token_data.claims),
                Err(error) => failure = refused(&describe(&error)),
            }
        }
        Err(failure)
    }

    fn admit(&self, token: &str, claims: &Value) -> Result<Verified, TokenError> {
        let refused = |why: &str| TokenError::Refused(why.to_owned());
        let subject = claims["sub"].as_str().filter(|subject| !subject.is_empty()).ok_or_else(|| refused("it names nobody"))?;
        // A fraction of a second is allowed by the standard and of no use.
        #[expect(clippy::cast_possible_truncation, reason = "a number too large becomes the largest, which no time is")]
        let expires_at = claims["exp"].as_f64().map(|seconds| seconds as i64).and_then(|seconds| Timestamp::from_second(seconds).ok());
        let expires_at = expires_at.ok_or_else(|| refused("its end is no time"))?;
        let leeway = jiff::SignedDuration::from_secs(i64::try_from(self.config.leeway_s).unwrap_or(0));
        let verified = Verified {
            subject: subject.into(),
            granted: Arc::new(Granted::of(claims, &self.config)),
            expires_at: expires_at.checked_add(leeway).unwrap_or(expires_at),
        };
        self.known.insert(hash(token), verified.clone());
        Ok(verified)
    }

    /// Returns keys among which that of the token is, where the issuer has it. They are fetched when they are missing or old, and once
    /// more where the token names another: the issuer may have changed its keys.
    async fn keys_for(&self, header: &Header) -> Result<Arc<FetchedKeys>, TokenError> {
        let is_current =
            |keys: &FetchedKeys| keys.at.elapsed() < Duration::from_secs(self.config.refresh_s) && keys.keys.has_key_for(header);
        if let Some(keys) = self.keys.load_full().filter(|keys| is_current(keys)) {
            return Ok(keys);
        }
        let mut asked = self.asked.lock().await;
        // Another request may have fetched them while this one waited.
        let known = self.keys.load_full();
        if let Some(keys) = known.as_ref().filter(|keys| is_current(keys)) {
            return Ok(Arc::clone(keys));
        }
        let pause = Duration::from_secs(self.config.refresh_pause_s);
        if asked.is_none_or(|at| at.elapsed() >= pause) {
            // Made anew each time, which is seldom, so that authorities that have changed are trusted.
            let fetched = match Fetcher::new(&self.issuer, &self.config) {
                Ok(fetcher) => fetcher.fetch_keys().await,
                Err(error) => Err(error),
            };
            *asked = Some(Instant::now());
            match fetched {
                Ok(keys) => {
                    if keys.is_empty() {
                        tracing::warn!("the issuer of tokens has no key by which signatures are checked");
                    }
                    tracing::info!("the keys of the issuer of tokens have been fetched");
                    let keys = Arc::new(FetchedKeys { at: Instant::now(), keys });
                    self.keys.store(Some(Arc::clone(&keys)));
                    return Ok(keys);
                }
                Err(error) => tracing::warn!(%error, "the keys of the issuer of tokens cannot be had"),
            }
        }
        known.filter(|keys| keys.at.elapsed() < Duration::from_secs(self.config.keep_s)).ok_or(TokenError::NoKeys)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn describe(error: &jsonwebtoken::errors::Error) -> String {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => "it has expired".into(),
        ErrorKind::ImmatureSignature => "it is not valid yet".into(),
        ErrorKind::InvalidIssuer => "it is of another issuer".into(),
        ErrorKind::InvalidAudience => "it is meant for another service".into(),
        ErrorKind::InvalidSignature => "its signature is wrong".into(),
        ErrorKind::MissingRequiredClaim(claim) => format!("it lacks {claim}"),
        ErrorKind::InvalidClaimFormat(claim) => format!("its {claim} cannot be read"),
        _ => "it cannot be read".into(),
    }
}
