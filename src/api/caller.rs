use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::Role;
use crate::store::{KeyHash, KeyRecord};

/// Who asks. Without a key a caller is public.
#[derive(Clone, Debug)]
pub struct Caller {
    role: Role,
    /// Codes of the units whose personal data the key shows, their descendants included; empty for all.
    scope: Arc<[UnitCode]>,
    has_key: bool,
}

/// The keys that are in force, by their SHA-256, in memory.
#[derive(Debug, Default)]
pub struct KeyRing(FxHashMap<KeyHash, Caller>);

impl KeyRing {
    pub fn new(records: Vec<KeyRecord>) -> Self {
        let in_force = records.into_iter().filter(|record| record.revoked_at.is_none());
        Self(in_force.map(|record| (record.hash, Caller { role: record.role, scope: record.scope.into(), has_key: true })).collect())
    }

    fn find(&self, key: &str) -> Option<&Caller> {
        self.0.get(&KeyHash(Sha256::digest(key.as_bytes()).into()))
    }
}

impl Caller {
    /// Whether the caller may see what is not public, in the units that the key reaches.
    pub fn is_insider(&self) -> bool {
        self.role.sees_personal_data()
    }

    /// Whether personal data of a unit may be shown. `path` holds the codes of the unit and of its ancestors.
    pub fn sees_personal_data_of<'a>(&self, path: impl IntoIterator<Item = &'a UnitCode>) -> bool {
        self.is_insider() && (self.scope.is_empty() || path.into_iter().any(|code| self.scope.contains(code)))
    }

    /// Returns the codes to which the key is limited; empty for all.
    pub fn scope(&self) -> &[UnitCode] {
        &self.scope
    }

    /// Whether drafts and generations that are still to come may be shown.
    pub fn sees_plans(&self) -> bool {
        self.role.sees_plans()
    }

    /// Turns away a caller who may not see what is planned.
    ///
    /// # Errors
    /// 401 without a key, 403 with one that does not reach.
    pub fn require_planner(&self, what: &str) -> Result<(), Problem> {
        if self.sees_plans() {
            return Ok(());
        }
        self.require_insider(what)?;
        Err(Problem::new(ProblemKind::Forbidden, format!("the role {} does not see {what}, which is a planner's", self.role)))
    }

    /// Turns away a caller who may not see what is not public.
    ///
    /// # Errors
    /// 401 without a key, 403 with one that does not reach.
    pub fn require_insider(&self, what: &str) -> Result<(), Problem> {
        match (self.is_insider(), self.has_key) {
            (true, _) => Ok(()),
            (false, false) => Err(Problem::new(ProblemKind::Unauthorized, format!("{what} is not public; send Authorization: Bearer KEY"))),
            (false, true) => Err(Problem::new(ProblemKind::Forbidden, format!("the role {} does not see {what}", self.role))),
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let refused = |detail: &str| Problem::new(ProblemKind::Unauthorized, detail);
        let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
        let Some(header) = headers.next() else {
            return Ok(Self { role: Role::Public, scope: Arc::default(), has_key: false });
        };
        let key = header.to_str().ok().and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, key)) = key else { return Err(refused("the Authorization header is not of the form Bearer KEY")) };
        if headers.next().is_some() {
            return Err(refused("there is more than one Authorization header"));
        }
        state.keys().find(key.trim()).cloned().ok_or_else(|| refused("the key is unknown or has been revoked"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn code(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    fn record(key: &str, role: Role, scope: &[&str], revoked: bool) -> KeyRecord {
        KeyRecord {
            hash: KeyHash(Sha256::digest(key.as_bytes()).into()),
            role,
            scope: scope.iter().map(|text| code(text)).collect(),
            note: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
            revoked_at: revoked.then_some(Timestamp::UNIX_EPOCH),
        }
    }

    #[test]
    fn a_key_shows_personal_data_only_inside_its_scope() {
        let ring = KeyRing::new(vec![record("k", Role::Worker, &["431102001"], false), record("old", Role::Admin, &[], true)]);
        let caller = ring.find("k").unwrap();
        assert!(caller.sees_personal_data_of(&[code("431102"), code("431102001"), code("431102001001")]));
        assert!(!caller.sees_personal_data_of(&[code("431102"), code("431102002")]));
        assert!(ring.find("old").is_none());
        assert!(ring.find("other").is_none());
    }

    #[test]
    fn a_public_key_shows_none() {
        let ring = KeyRing::new(vec![record("p", Role::Public, &[], false)]);
        let caller = ring.find("p").unwrap();
        assert!(!caller.sees_personal_data_of(&[code("1")]));
        assert_eq!(caller.require_insider("this").unwrap_err().kind, ProblemKind::Forbidden);
    }
}
