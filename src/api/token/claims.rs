use serde_json::Value;

use crate::boundary::{LayerName, UnitCode};
use crate::config::OidcConfig;
use crate::dispatch::{Role, WorkerId};

/// What stands for all units or layers in a claim, also where a claim is told of that lacks them.
const ALL: &str = "*";

/// What a token says its bearer may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub role: Role,
    /// Empty for all.
    pub scope: Vec<UnitCode>,
    /// Empty for all.
    pub layers: Vec<LayerName>,
    /// Whose token it is, where the issuer names a worker.
    pub worker: Option<WorkerId>,
    /// Why it grants no more than everybody has.
    pub lack: Option<Lack>,
}

/// What a token lacks, so that its bearer is as the public. The values of its claims are not repeated: they are of the issuer's making.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    #[error("its claim {claim} has no role that counts here; have the issuer put one of {known} into it")]
    Role { claim: String, known: String },
    #[error("its claim {claim}, which is to name the {what} that it reaches, {}; have the issuer put {what} by their {names}, or * for all, into it", describe(*is_missing))]
    Limit { claim: String, what: &'static str, names: &'static str, is_missing: bool },
}

fn describe(is_missing: bool) -> &'static str {
    if is_missing { "is missing or empty" } else { "cannot be read whole" }
}

impl Granted {
    /// Reads what the claims grant by the settings. What is missing grants nothing: without a role that is ours, or without a scope
    /// where one has to be named, the bearer is as the public.
    pub fn of(claims: &Value, config: &OidcConfig) -> Self {
        Self::read(claims, config).unwrap_or_else(|lack| Self {
            role: Role::Public,
            scope: Vec::new(),
            layers: Vec::new(),
            worker: None,
            lack: Some(lack),
        })
    }

    fn read(claims: &Value, config: &OidcConfig) -> Result<Self, Lack> {
        let names = words(find(claims, &config.role_claim));
        let role = names.iter().filter_map(|name| role_of(name, config)).max();
        let role = role.ok_or_else(|| Lack::Role { claim: config.role_claim.clone(), known: known_roles(config) })?;
        let scope = limited(claims, config.scope_claim.as_deref(), ["units", "codes"], |code| UnitCode::parse(code).ok())?;
        let layers = limited(claims, config.layer_claim.as_deref(), ["layers", "names"], |name| LayerName::parse(name).ok())?;
        let named = config.worker_claim.as_deref().and_then(|claim| find(claims, claim).as_str()).map(str::trim);
        let worker = named.filter(|id| !id.is_empty()).map(|id| WorkerId(id.into()));
        Ok(Self { role, scope, layers, worker, lack: None })
    }
}

fn known_roles(config: &OidcConfig) -> String {
    if config.roles.is_empty() {
        return Role::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    }
    config.roles.keys().cloned().collect::<Vec<_>>().join(", ")
}

fn role_of(name: &str, config: &OidcConfig) -> Option<Role> {
    if config.roles.is_empty() { Role::parse(name) } else { config.roles.get(name).and_then(|ours| Role::parse(ours)) }
}

/// Returns what a claim limits to; nothing in it for all.
///
/// # Errors
/// The claim must be there and is not, or cannot be read whole.
fn limited<T>(
    claims: &Value,
    claim: Option<&str>,
    [what, names]: [&'static str; 2],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Lack> {
    let Some(claim) = claim else { return Ok(Vec::new()) };
    let words = words(find(claims, claim));
    if words.contains(&ALL) {
        return Ok(Vec::new());
    }
    let lack = |is_missing| Lack::Limit { claim: claim.to_owned(), what, names, is_missing };
    if words.is_empty() {
        return Err(lack(true));
    }
    // A word that is no code must not widen what the others name.
    words.into_iter().map(parse).collect::<Option<_>>().ok_or_else(|| lack(false))
}

/// Finds a claim by its name, else by the names of the members that lead to it with points between.
fn find<'a>(claims: &'a Value, path: &str) -> &'a Value {
    claims.get(path).unwrap_or_else(|| path.split('.').try_fold(claims, |value, name| value.get(name)).unwrap_or(&Value::Null))
}

fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn granted(claims: &Value, config: &OidcConfig) -> (Role, String) {
        let Granted { role, scope, layers, .. } = Granted::of(claims, config);
        let names = scope.iter().map(ToString::to_string).chain(layers.iter().map(ToString::to_string));
        (role, names.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_role_is_found_where_the_settings_say_and_the_highest_counts() {
        let config = OidcConfig { role_claim: "realm_access.roles".into(), ..OidcConfig::default() };
        let claims = json!({ "realm_access": { "roles": ["offline", "worker", "planner"] }, "roles": ["admin"] });
        assert_eq!(granted(&claims, &config).0, Role::Planner);
        let named = OidcConfig { roles: [("desk".to_owned(), "dispatcher".to_owned())].into(), ..OidcConfig::default() };
        assert_eq!(granted(&json!({ "roles": "desk other" }), &named).0, Role::Dispatcher);
        // Once roles are named, ours are no longer taken by themselves.
        assert_eq!(granted(&json!({ "roles": ["admin"] }), &named).0, Role::Public);
        for nothing in [json!({}), json!({ "roles": 7 }), json!({ "roles": ["Admin"] })] {
            assert_eq!(granted(&nothing, &OidcConfig::default()).0, Role::Public);
        }
        // Some issuers put whole addresses into the names of claims.
        let named = OidcConfig { role_claim: "https://grid.example.org/roles".into(), ..OidcConfig::default() };
        assert_eq!(granted(&json!({ "https://grid.example.org/roles": ["worker"] }), &named).0, Role::Worker);
    }

    #[test]
    fn a_scope_that_is_missing_or_cannot_be_read_grants_nothing() {
        let config = OidcConfig { scope_claim: Some("units".into()), layer_claim: Some("layers".into()), ..OidcConfig::default() };
        let claims = |units: Value, layers: Value| json!({ "roles": "admin", "units": units, "layers": layers });
        assert_eq!(granted(&claims(json!("431102001 431102002"), json!("*")), &config), (Role::Admin, "431102001 431102002".into()));
        assert_eq!(granted(&claims(json!(["*"]), json!(["police"])), &config), (Role::Admin, "police".into()));
        for (units, layers) in [(json!([]), json!("*")), (json!("*"), Value::Null), (json!(["a", "\u{7}"]), json!("*"))] {
            assert_eq!(granted(&claims(units, layers), &config), (Role::Public, String::new()));
        }
    }

    #[test]
    fn what_a_token_lacks_is_told_by_its_claim_with_the_remedy() {
        let config = OidcConfig { scope_claim: Some("grid.units".into()), ..OidcConfig::default() };
        let lack = |claims: &Value, config: &OidcConfig| Granted::of(claims, config).lack.map(|lack| lack.to_string()).unwrap_or_default();
        let to_units = "which is to name the units that it reaches";
        let remedy = "have the issuer put units by their codes, or * for all, into it";
        assert_eq!(lack(&json!({ "roles": "admin" }), &config), format!("its claim grid.units, {to_units}, is missing or empty; {remedy}"));
        let unread = json!({ "roles": "admin", "grid": { "units": ["4311", "\u{7}"] } });
        assert_eq!(lack(&unread, &config), format!("its claim grid.units, {to_units}, cannot be read whole; {remedy}"));
        let named = OidcConfig { roles: [("desk".to_owned(), "dispatcher".to_owned())].into(), ..OidcConfig::default() };
        assert_eq!(
            lack(&json!({ "roles": "clerk" }), &named),
            "its claim roles has no role that counts here; have the issuer put one of desk into it"
        );
        assert!(lack(&json!({}), &OidcConfig::default()).ends_with("one of public, worker, dispatcher, planner, admin into it"));
        for enough in [json!({ "roles": "public" }), json!({ "roles": ["worker"] })] {
            assert_eq!(lack(&enough, &OidcConfig::default()), "");
        }
    }
}
