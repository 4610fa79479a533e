//! What the console's page may load.

use axum::http::uri::Uri;

use crate::config::BasemapConfig;

/// What the console may load: only what this service serves, and the pictures of a configured basemap.
pub fn policy(basemap: Option<&BasemapConfig>) -> String {
    let origin = basemap.and_then(|basemap| origin_of(&basemap.source)).map(|origin| format!(" {origin}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{origin}; worker-src 'self' blob:; \
         connect-src 'self'{origin}; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}

/// Returns scheme and host of a template; none for a file, or for what could not stand in a policy.
pub fn origin_of(source: &str) -> Option<String> {
    let (scheme, rest) = source.split_once("://")?;
    let uri: Uri = format!("{scheme}://{}/", rest.split('/').next()?).parse().ok()?;
    let authority = uri.authority()?;
    // A semicolon or a space would end the directive that the host is to stand in.
    let is_plain = authority.as_str().chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    let is_web = matches!(scheme, "http" | "https");
    (is_plain && is_web).then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basemap_opens_the_policy_for_its_own_host_only() {
        let basemap = |source: &str| BasemapConfig { source: source.into(), attribution: String::new(), shift: None };
        assert!(!policy(None).contains("http"));
        assert!(!policy(Some(&basemap("/data/base.pmtiles"))).contains("http"));
        let open = policy(Some(&basemap("https://tiles.example.org:8443/{z}/{x}/{y}.png?k=1")));
        assert!(open.contains("connect-src 'self' https://tiles.example.org:8443;"), "{open}");
        for wrong in ["ftp://a/b", "https://a b/", "https://u@a/", "https://a;script-src/"] {
            assert!(!policy(Some(&basemap(wrong))).contains("://"), "{wrong}");
        }
    }
}
