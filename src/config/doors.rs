//! Who is let in, and how often: tokens of an issuer, rates, proxies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How often one caller may ask. `[rates]`; a rate of 0 is no bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateConfig {
    /// Requests a second in the long run of one address whose callers show no key. An IPv6 address counts by its /64. Default 100.
    pub per_address_per_s: u32,
    /// Requests that such an address may send at once after a pause. Default 2,000: a map opened by a whole office.
    pub address_burst: u32,
    /// Requests a second in the long run of one key, or of one subject of tokens. Default 1,000.
    pub per_key_per_s: u32,
    /// Requests that a key may send at once after a pause. Default 10,000.
    pub key_burst: u32,
    /// Addresses and keys that are remembered at once; whoever has not asked for longest is forgotten first. Default 100,000.
    pub callers_max: u64,
    /// Whether callers on this machine itself are bounded too. Default false.
    pub bounds_loopback: bool,
}

/// Whose tokens are taken beside keys. `[oidc]`; none without `issuer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// The issuer as it stands in `iss`, letter by letter; its keys are found by `/.well-known/openid-configuration` under it.
    pub issuer: Option<String>,
    /// Where the issuer's keys are; by default where its own description says.
    pub jwks_url: Option<String>,
    /// A PEM file of authorities to trust for the issuer's address instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// A token must be meant for one of these (`aud`). Never empty where there is an issuer.
    pub audiences: Vec<String>,
    /// Signatures that are taken; whatever a token says of itself. Default RS256 and ES256. Secrets shared with the issuer (HS256) and
    /// `none` cannot be named.
    pub algorithms: Vec<String>,
    /// The claim with the roles, a text or a list of texts, members parted by points such as `realm_access.roles`. Default `roles`.
    pub role_claim: String,
    /// What the issuer calls our roles, such as `{ grid-desk = "dispatcher" }`; by default as we do. Of several the highest counts.
    pub roles: BTreeMap<String, String>,
    /// The claim with codes of units, a list or a text with spaces between; `*` is all. Where one is named, a token without it reaches
    /// nothing. Default none: all units.
    pub scope_claim: Option<String>,
    /// The claim with names of layers, in the same way.
    pub layer_claim: Option<String>,
    /// The claim with the id by which the office knows the worker. Default none: nobody has tasks of their own.
    pub worker_claim: Option<String>,
    /// How long the issuer's keys are used before they are fetched again, seconds. Default 3,600.
    pub refresh_s: u64,
    /// A token with an unknown key has the keys fetched again, but not sooner than this after the last attempt, seconds. Default 10.
    pub refresh_pause_s: u64,
    /// How long keys stay in use while the issuer does not answer, seconds. Default 86,400.
    pub keep_s: u64,
    /// By how much clocks may differ, seconds. Default 60.
    pub leeway_s: u64,
}

/// What a proxy names the caller's address by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// Names and phones. `[privacy]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyConfig {
    /// The list of who was erased, which `restore` follows. By default `gridkeeper-erasures.ndjson` beside the store's file, or in the
    /// working folder for a database. Keep it with the backups.
    pub erasures: Option<PathBuf>,
    /// Days after which `erase --expired` erases who has left the roster. Default 365.
    pub keep_days: u32,
    /// Hours after which it is erased where a worker was seen. Default 24, which is the most.
    pub positions_keep_h: u32,
}

impl PrivacyConfig {
    /// Longest time for which positions are kept, hours.
    const POSITIONS_KEEP_H_MAX: u32 = 24;

    /// # Errors
    /// Names the setting that is wrong, and how.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if (1..=Self::POSITIONS_KEEP_H_MAX).contains(&self.positions_keep_h) {
            return Ok(());
        }
        Err(("privacy.positions_keep_h", format!("{} is not from 1 to {} hours", self.positions_keep_h, Self::POSITIONS_KEEP_H_MAX)))
    }
}

/// An outside geocoder, which is asked where the table of addresses knows nothing. `[geocoder]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeocoderConfig {
    /// Its address, with `{address}` where the address that is looked for goes. It answers GET with
    /// `{"candidates": [{"text", "lon", "lat", "score"}]}`. Default none: nobody is asked.
    pub url: Option<String>,
    /// The reference system of its positions: `EPSG:n`, `GCJ02` or `BD09`. Default EPSG:4326.
    pub crs: String,
    /// How long it may take, milliseconds. Default 2,000.
    pub timeout_ms: u64,
    /// Longest answer, bytes. Default 64 KiB.
    pub bytes_max: usize,
}

impl Default for GeocoderConfig {
    fn default() -> Self {
        Self { url: None, crs: "EPSG:4326".into(), timeout_ms: 2_000, bytes_max: 64 << 10 }
    }
}

impl GeocoderConfig {
    /// Longest time that a caller is kept waiting for it, milliseconds: below the patience with a whole request.
    const TIMEOUT_MS_MAX: u64 = 20_000;

    /// # Errors
    /// Names the setting that is wrong, and how.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(url) = self.url.as_ref().filter(|url| !url.contains("{address}")) {
            return Err(("geocoder.url", format!("{url:?} does not say where the address goes; write {{address}} there")));
        }
        if !(1..=Self::TIMEOUT_MS_MAX).contains(&self.timeout_ms) {
            return Err(("geocoder.timeout_ms", format!("{} is not from 1 to {}", self.timeout_ms, Self::TIMEOUT_MS_MAX)));
        }
        Ok(())
    }
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            per_address_per_s: 100,
            address_burst: 2_000,
            per_key_per_s: 1_000,
            key_burst: 10_000,
            callers_max: 100_000,
            bounds_loopback: false,
        }
    }
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        Self { erasures: None, keep_days: 365, positions_keep_h: 24 }
    }
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: None,
            jwks_url: None,
            ca_file: None,
            audiences: Vec::new(),
            algorithms: ["RS256", "ES256"].map(String::from).to_vec(),
            role_claim: "roles".into(),
            roles: BTreeMap::new(),
            scope_claim: None,
            layer_claim: None,
            worker_claim: None,
            refresh_s: 3_600,
            refresh_pause_s: 10,
            keep_s: 86_400,
            leeway_s: 60,
        }
    }
}

/// Signatures of which the verifying half is public.
pub const ALGORITHMS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

impl OidcConfig {
    /// Sees that tokens can be told from forged ones.
    ///
    /// # Errors
    /// Names the setting and what is wrong with it.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        for (setting, url) in [("oidc.issuer", Some(issuer)), ("oidc.jwks_url", self.jwks_url.as_ref())] {
            if url.is_some_and(|url| !is_safe(url)) {
                return Err((setting, "keys that come without encryption can be anybody's; use https://".into()));
            }
        }
        if self.audiences.is_empty() {
            return Err(("oidc.audiences", "name what tokens for this service carry in aud, or tokens for others would open it".into()));
        }
        match self.algorithms.iter().find(|name| !ALGORITHMS.contains(&name.as_str())) {
            Some(name) => Err(("oidc.algorithms", format!("{name:?} is not taken; known are: {}", ALGORITHMS.join(", ")))),
            None if self.algorithms.is_empty() => Err(("oidc.algorithms", "name at least one".into())),
            None => Ok(()),
        }
    }
}

/// Whether nobody between can change what comes from an address: it is encrypted, or on this machine.
fn is_safe(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return url.starts_with("https://") };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_needs_encryption_an_audience_and_signatures_with_a_public_half() {
        let config = |issuer: &str, audiences: &[&str], algorithms: &[&str]| OidcConfig {
            issuer: Some(issuer.into()),
            audiences: audiences.iter().map(ToString::to_string).collect(),
            algorithms: algorithms.iter().map(ToString::to_string).collect(),
            ..OidcConfig::default()
        };
        let wrong = |config: OidcConfig| config.check().unwrap_err().0;
        assert!(config("https://id.example.org/a", &["grid"], &["RS256"]).check().is_ok());
        assert!(config("http://127.0.0.1:9/a", &["grid"], &["EdDSA"]).check().is_ok());
        assert_eq!(wrong(config("http://id.example.org", &["grid"], &["RS256"])), "oidc.issuer");
        assert_eq!(wrong(config("http://127.0.0.1.example.org", &["grid"], &["RS256"])), "oidc.issuer");
        assert_eq!(wrong(config("https://id.example.org", &[], &["RS256"])), "oidc.audiences");
        for algorithm in ["HS256", "none", "rs256", ""] {
            assert_eq!(wrong(config("https://id.example.org", &["grid"], &[algorithm])), "oidc.algorithms");
        }
        assert!(OidcConfig::default().check().is_ok());
    }
}
