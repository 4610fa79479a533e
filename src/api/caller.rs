use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::problem::{Problem, ProblemKind};
use super::state::AppState;
use super::token::{Lack, Verified};
use crate::boundary::{LayerName, UnitCode};
use crate::dispatch::workflow::Actor;
use crate::dispatch::{Role, WorkerId};
use crate::store::{KeyHash, KeyRecord};

/// Who asks. Without a key or a token a caller is public.
#[derive(Clone, Debug)]
pub struct Caller {
    role: Role,
    /// Codes of the units whose personal data the key shows, their descendants included; empty for all.
    scope: Arc<[UnitCode]>,
    /// The layers that the key reaches; empty for all.
    layers: Arc<[LayerName]>,
    /// Whose key it is, where it is a worker's own.
    worker: Option<WorkerId>,
    identity: Identity,
    /// What a token lacks that grants no more than everybody has.
    lack: Option<Lack>,
}

/// By what a caller is known from one request to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    Nobody,
    Key(KeyHash),
    /// The subject of tokens of the issuer.
    Token(Arc<str>),
}

/// The keys by their SHA-256, in memory.
#[derive(Debug, Default)]
pub struct KeyRing(FxHashMap<KeyHash, RingKey>);

#[derive(Debug)]
struct RingKey {
    caller: Caller,
    expires_at: Option<Timestamp>,
}

impl KeyRing {
    pub fn new(records: Vec<KeyRecord>) -> Self {
        let in_force = records.into_iter().filter(|record| record.revoked_at.is_none());
        let entry = |record: KeyRecord| {
            let identity = Identity::Key(record.hash);
            let (scope, layers) = (record.scope.into(), record.layers.into());
            let caller = Caller { role: record.role, scope, layers, worker: record.worker, identity, lack: None };
            (record.hash, RingKey { caller, expires_at: record.expires_at })
        };
        Self(in_force.map(entry).collect())
    }

    /// Returns who shows a key that is in force at `now`.
    pub fn find(&self, key: &str, now: Timestamp) -> Option<Caller> {
        let found = self.0.get(&KeyHash(Sha256::digest(key.as_bytes()).into()))?;
        found.expires_at.is_none_or(|end| now < end).then(|| found.caller.clone())
    }

    /// Whether a key that is in force at `now` is somebody's.
    pub fn is_held_by(&self, worker: &WorkerId, now: Timestamp) -> bool {
        let mut held = self.0.values().filter(|key| key.caller.worker.as_ref() == Some(worker));
        held.any(|key| key.expires_at.is_none_or(|end| now < end))
    }
}

impl Caller {
    /// Returns who shows nothing.
    pub fn public() -> Self {
        Self { role: Role::Public, scope: Arc::default(), layers: Arc::default(), worker: None, identity: Identity::Nobody, lack: None }
    }

    /// Returns who bears a token.
    pub fn of_token(verified: &Verified) -> Self {
        let granted = &verified.granted;
        Self {
            role: granted.role,
            scope: granted.scope.clone().into(),
            layers: granted.layers.clone().into(),
            worker: granted.worker.clone(),
            identity: Identity::Token(Arc::clone(&verified.subject)),
            lack: granted.lack.clone(),
        }
    }

    pub fn role(&self) -> Role {
        self.role
    }

    /// Returns whose key it is, where it is a worker's own.
    pub fn worker(&self) -> Option<&WorkerId> {
        self.worker.as_ref()
    }

    /// Whether the caller has shown a key or a token.
    pub fn has_key(&self) -> bool {
        self.identity != Identity::Nobody
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns who is named as the author of what the caller writes.
    pub fn author(&self) -> String {
        match &self.identity {
            Identity::Nobody => "public".into(),
            Identity::Key(hash) => format!("key {hash}"),
            Identity::Token(subject) => format!("token {subject}"),
        }
    }

    /// Returns who asks for moves of cases; `author` is [`Caller::author`].
    pub fn actor<'a>(&'a self, author: &'a str) -> Actor<'a> {
        Actor { role: self.role, author, person: self.worker.as_ref() }
    }

    /// Whether the caller may see what is not public, in the units that the key reaches.
    pub fn is_insider(&self) -> bool {
        self.role.sees_personal_data()
    }

    /// Whether the key reaches a layer, whatever its role sees there.
    pub fn reaches_layer(&self, layer: &LayerName) -> bool {
        self.layers.is_empty() || self.layers.contains(layer)
    }

    /// Whether the key is limited to no layer.
    pub fn reaches_all_layers(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether the caller may see a layer at all: everybody a public one, insiders those that their key reaches.
    pub fn sees_layer(&self, layer: &LayerName, is_public: bool) -> bool {
        is_public || self.is_insider() && self.reaches_layer(layer)
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

    /// Whether single persons may be compared.
    pub fn sees_rankings_of_persons(&self) -> bool {
        matches!(self.role, Role::Dispatcher | Role::Planner | Role::Admin)
    }

    /// Turns away a caller who may not see a layer.
    ///
    /// # Errors
    /// 401 without a key, 403 with one that does not reach.
    pub fn require_layer(&self, layer: &LayerName, is_public: bool, what: &str) -> Result<(), Problem> {
        if is_public {
            return Ok(());
        }
        self.require_insider(what)?;
        self.require_reach(layer)
    }

    /// Turns away a key that is limited to other layers.
    ///
    /// # Errors
    /// 403.
    pub fn require_reach(&self, layer: &LayerName) -> Result<(), Problem> {
        if self.reaches_layer(layer) {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::Forbidden, format!("the key does not reach the layer {layer}")))
    }

    /// Turns away a key that is limited to some units or layers, from what is of all of them.
    ///
    /// # Errors
    /// 403.
    pub fn require_unlimited(&self, what: &str) -> Result<(), Problem> {
        if self.scope.is_empty() && self.layers.is_empty() {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::Forbidden, format!("the key is limited to some units or layers, and {what} is of all of them")))
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
        if self.is_insider() { Ok(()) } else { Err(self.refuse(&format!("{what} is not public"), &format!("see {what}"))) }
    }

    /// Makes the problem of a caller who lacks a role: 401 who has shown nothing, 403 another.
    pub fn refuse(&self, why: &str, what: &str) -> Problem {
        match (&self.identity, &self.lack) {
            (Identity::Nobody, _) => Problem::new(ProblemKind::Unauthorized, format!("{why}; send Authorization: Bearer KEY")),
            (_, Some(lack)) => {
                Problem::new(ProblemKind::Forbidden, format!("{why}; the token grants nothing beyond what all have: {lack}"))
            }
            _ => Problem::new(ProblemKind::Forbidden, format!("the role {} does not {what}", self.role)),
        }
    }
}

/// Put into each request before it reaches a route: who asks, or why what was shown is not taken.
#[derive(Clone, Debug)]
pub struct Identified(pub Result<Caller, Problem>);

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        match parts.extensions.get::<Identified>() {
            Some(Identified(identified)) => identified.clone(),
            // Whoever was not asked is nobody.
            None => Ok(Self::public()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    fn record(key: &str, role: Role, scope: &[&str]) -> KeyRecord {
        let hash = KeyHash(Sha256::digest(key.as_bytes()).into());
        KeyRecord { scope: scope.iter().map(|text| code(text)).collect(), ..KeyRecord::new(hash, role, Timestamp::UNIX_EPOCH) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_key_shows_personal_data_only_inside_its_scope() {
        let revoked = KeyRecord { revoked_at: Some(Timestamp::UNIX_EPOCH), ..record("old", Role::Admin, &[]) };
        let ring = KeyRing::new(vec![record("k", Role::Worker, &["431102001"]), revoked]);
        let caller = ring.find("k", at(1)).unwrap();
        assert!(caller.sees_personal_data_of(&[code("431102"), code("431102001"), code("431102001001")]));
        assert!(!caller.sees_personal_data_of(&[code("431102"), code("431102002")]));
        assert!(ring.find("old", at(1)).is_none());
        assert!(ring.find("other", at(1)).is_none());
    }

    #[test]
    fn a_key_ends_at_its_time() {
        let ring = KeyRing::new(vec![KeyRecord { expires_at: Some(at(100)), ..record("k", Role::Worker, &[]) }]);
        assert!(ring.find("k", at(99)).is_some());
        assert!(ring.find("k", at(100)).is_none());
    }

    #[test]
    fn a_key_of_one_layer_reaches_no_other_but_those_that_are_everybodys() {
        let layer = |name: &str| LayerName::parse(name).unwrap();
        let ring = KeyRing::new(vec![KeyRecord { layers: vec![layer("police")], ..record("k", Role::Admin, &[]) }]);
        let caller = ring.find("k", at(1)).unwrap();
        assert!(caller.sees_layer(&layer("police"), false) && caller.sees_layer(&layer("grid"), true));
        assert_eq!(caller.require_layer(&layer("fire"), false, "it").unwrap_err().kind, ProblemKind::Forbidden);
    }

    #[test]
    fn a_public_key_shows_none() {
        let ring = KeyRing::new(vec![record("p", Role::Public, &[])]);
        let caller = ring.find("p", at(1)).unwrap();
        assert!(!caller.sees_personal_data_of(&[code("1")]));
        assert_eq!(caller.require_insider("this").unwrap_err().kind, ProblemKind::Forbidden);
    }
}
