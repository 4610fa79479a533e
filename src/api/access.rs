//! Who may use which route at all. A route that stands in no row is open to nobody.

use axum::extract::Request;
use axum::http::Method;
use rustc_hash::FxHashMap;
use utoipa::openapi::OpenApi;

use super::caller::{Caller, Identified};
use super::problem::{Problem, ProblemKind};
use super::query::operations;
use crate::dispatch::Role;

/// Who may use a route. What is shown there may depend on the caller's role and scope beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Also callers without a key.
    Everybody,
    Only(&'static [Role]),
}

const OFFICE: Access = Access::Only(&[Role::Dispatcher, Role::Planner, Role::Admin]);
const PLANNERS: Access = Access::Only(&[Role::Planner, Role::Admin]);
const ADMINS: Access = Access::Only(&[Role::Admin]);
const DESK: Access = Access::Only(&[Role::Dispatcher, Role::Admin]);

const INSIDERS: Access = Access::Only(&[Role::Worker, Role::Dispatcher, Role::Planner, Role::Admin]);

/// Every route with who may use it, in the order of the router.
const TABLE: &[(&str, &str, Access)] = &[
    ("GET", "/v1/locate", Access::Everybody),
    ("POST", "/v1/locate", Access::Everybody),
    ("GET", "/v1/categories", Access::Everybody),
    ("GET", "/v1/responsibilities", Access::Everybody),
    ("POST", "/v1/incidents", INSIDERS),
    ("GET", "/v1/incidents", INSIDERS),
    // With any key, as citizens report with one; the route says so itself.
    ("GET", "/v1/addresses", Access::Everybody),
    ("GET", "/v1/incidents/{id}", INSIDERS),
    ("POST", "/v1/incidents/{id}/actions", INSIDERS),
    ("GET", "/v1/incidents/{id}/history", INSIDERS),
    ("POST", "/v1/incidents/{id}/photos", INSIDERS),
    // Also to the public, when somebody has said so of the case, which the routes look at themselves.
    ("GET", "/v1/incidents/{id}/photos", Access::Everybody),
    ("GET", "/v1/incidents/{id}/photos/{photo}", Access::Everybody),
    ("DELETE", "/v1/incidents/{id}/photos/{photo}", DESK),
    ("GET", "/v1/stream", Access::Everybody),
    ("GET", "/v1/alarms", INSIDERS),
    // What is one's own; a key that is nobody's own has nothing there.
    ("GET", "/v1/me", INSIDERS),
    ("GET", "/v1/me/grid", INSIDERS),
    ("GET", "/v1/me/inside", INSIDERS),
    ("GET", "/v1/me/tasks", INSIDERS),
    ("GET", "/v1/me/notices", INSIDERS),
    ("GET", "/v1/me/border-reports", INSIDERS),
    ("PUT", "/v1/me/consent", INSIDERS),
    ("PUT", "/v1/me/position", INSIDERS),
    ("DELETE", "/v1/me/position", INSIDERS),
    ("GET", "/v1/workers/nearest", DESK),
    ("POST", "/v1/skills", DESK),
    ("GET", "/v1/skills", OFFICE),
    ("DELETE", "/v1/skills/{id}", DESK),
    ("POST", "/v1/rulings", DESK),
    ("GET", "/v1/rulings", INSIDERS),
    ("DELETE", "/v1/rulings/{id}", DESK),
    ("POST", "/v1/border-reports", INSIDERS),
    ("GET", "/v1/border-reports", OFFICE),
    ("POST", "/v1/border-reports/{id}/settle", PLANNERS),
    ("POST", "/v1/webhooks", ADMINS),
    ("GET", "/v1/webhooks", ADMINS),
    ("DELETE", "/v1/webhooks/{id}", ADMINS),
    ("GET", "/v1/webhooks/{id}/dead-letters", ADMINS),
    ("POST", "/v1/webhooks/{id}/replay", ADMINS),
    // The standard has keys as an argument, which the routes look at themselves.
    ("GET", "/open311/v2/{resource}", Access::Everybody),
    ("POST", "/open311/v2/{resource}", Access::Everybody),
    ("GET", "/open311/v2/{resource}/{item}", Access::Everybody),
    // Of units and departments also to the public, where the settings say so.
    ("GET", "/v1/indicators", Access::Everybody),
    ("GET", "/v1/costs", OFFICE),
    ("GET", "/healthz", Access::Everybody),
    ("GET", "/readyz", Access::Everybody),
    ("GET", "/metrics", Access::Everybody),
    ("GET", "/v1/audit", ADMINS),
    ("GET", "/", Access::Everybody),
    ("GET", "/conformance", Access::Everybody),
    ("GET", "/api", Access::Everybody),
    ("GET", "/collections", Access::Everybody),
    ("GET", "/collections/{collectionId}", Access::Everybody),
    ("GET", "/collections/{collectionId}/queryables", Access::Everybody),
    ("GET", "/collections/{collectionId}/sortables", Access::Everybody),
    ("GET", "/collections/{collectionId}/schema", Access::Everybody),
    ("GET", "/collections/{collectionId}/items", Access::Everybody),
    // Units of drafts are planners', as their routes say; which collections are written to at all, too.
    ("POST", "/collections/{collectionId}/items", INSIDERS),
    ("GET", "/collections/{collectionId}/items/{featureId}", Access::Everybody),
    ("PUT", "/collections/{collectionId}/items/{featureId}", INSIDERS),
    ("PATCH", "/collections/{collectionId}/items/{featureId}", INSIDERS),
    ("DELETE", "/collections/{collectionId}/items/{featureId}", INSIDERS),
    ("GET", "/collections/{collectionId}/items/{featureId}/{relation}", Access::Everybody),
    ("GET", "/v1/generations", Access::Everybody),
    ("GET", "/v1/generations/{layer}/{number}", Access::Everybody),
    ("GET", "/v1/generations/{layer}/{from}/comparison/{to}", Access::Everybody),
    ("POST", "/v1/drafts", PLANNERS),
    ("GET", "/v1/drafts", PLANNERS),
    ("GET", "/v1/drafts/{id}", PLANNERS),
    ("DELETE", "/v1/drafts/{id}", PLANNERS),
    ("GET", "/v1/drafts/{id}/units", PLANNERS),
    ("GET", "/v1/drafts/{id}/operations", PLANNERS),
    ("POST", "/v1/drafts/{id}/operations", PLANNERS),
    ("DELETE", "/v1/drafts/{id}/operations", PLANNERS),
    ("DELETE", "/v1/drafts/{id}/operations/last", PLANNERS),
    ("POST", "/v1/drafts/{id}/operations/redo", PLANNERS),
    ("GET", "/v1/drafts/{id}/problems", PLANNERS),
    ("GET", "/v1/drafts/{id}/comparison", PLANNERS),
    ("POST", "/v1/drafts/{id}/balance", PLANNERS),
    ("DELETE", "/v1/drafts/{id}/balance/{run}", PLANNERS),
    ("GET", "/v1/drafts/{id}/staffing", PLANNERS),
    ("POST", "/v1/drafts/{id}/approval", PLANNERS),
    ("POST", "/v1/drafts/{id}/publication", PLANNERS),
    ("GET", "/tiles/boundaries", Access::Everybody),
    ("GET", "/tiles/boundaries/{z}/{x}/{y}", Access::Everybody),
    ("GET", "/tiles/incidents", INSIDERS),
    ("GET", "/tiles/incidents/{z}/{x}/{y}", INSIDERS),
    // Also to the public, where the settings say so of indicators.
    ("GET", "/tiles/workload", Access::Everybody),
    ("GET", "/tiles/workload/{z}/{x}/{y}", Access::Everybody),
    ("GET", "/tileMatrixSets", Access::Everybody),
    ("GET", "/tileMatrixSets/{tileMatrixSetId}", Access::Everybody),
    ("GET", "/tiles", Access::Everybody),
    ("GET", "/tiles/{tileMatrixSetId}", Access::Everybody),
    ("GET", "/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}", Access::Everybody),
    ("GET", "/collections/{collectionId}/tiles", Access::Everybody),
    ("GET", "/collections/{collectionId}/tiles/{tileMatrixSetId}", Access::Everybody),
    ("GET", "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}", Access::Everybody),
    ("GET", "/styles/{style}", Access::Everybody),
    ("GET", "/sprites/{file}", Access::Everybody),
    ("GET", "/archives/{name}", Access::Everybody),
    ("GET", "/api/{*asset}", Access::Everybody),
    ("GET", "/app", Access::Everybody),
    ("GET", "/app/", Access::Everybody),
    ("GET", "/app/{*file}", Access::Everybody),
];

/// The table by path and method, beside the routes that there are.
#[derive(Debug)]
pub struct AccessTable {
    rows: FxHashMap<&'static str, Vec<(Method, Access)>>,
    documented: FxHashMap<String, Vec<Method>>,
}

/// What the table says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruled {
    Open(Access),
    /// The path is known and does not take the method, which the router says better.
    NoMethod,
    /// Nobody has said who may use the route.
    Closed,
}

impl AccessTable {
    pub fn of(document: &OpenApi) -> Self {
        let mut rows: FxHashMap<&'static str, Vec<(Method, Access)>> = FxHashMap::default();
        for (method, path, access) in TABLE {
            let method = method.parse().expect("the methods of the table are words");
            rows.entry(path).or_default().push((method, *access));
        }
        let documented = document.paths.paths.iter();
        let documented = documented.map(|(path, item)| (path.clone(), operations(item).map(|(method, _)| method).collect()));
        Self { rows, documented: documented.collect() }
    }

    /// Returns the operations of the definition that stand in no row.
    #[cfg(test)]
    fn missing(&self) -> Vec<String> {
        let all = self.documented.iter().flat_map(|(path, methods)| methods.iter().map(move |method| (method, path)));
        let closed = all.filter(|(method, path)| self.rule(method, path) == Ruled::Closed);
        let mut missing: Vec<String> = closed.map(|(method, path)| format!("{method} {path}")).collect();
        missing.sort();
        missing
    }

    fn rule(&self, method: &Method, path: &str) -> Ruled {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let row = self.rows.get(path);
        if let Some((_, access)) = row.and_then(|methods| methods.iter().find(|(known, _)| known == method)) {
            return Ruled::Open(*access);
        }
        let is_documented = self.documented.get(path).is_some_and(|methods| methods.contains(method));
        if row.is_some() && !is_documented { Ruled::NoMethod } else { Ruled::Closed }
    }
}

/// Turns away who may not use the route that the router has found.
///
/// # Errors
/// 401 without a key that is known, 403 with one that does not reach.
pub fn authorize(table: &AccessTable, request: &Request, path: &str) -> Result<(), Problem> {
    if request.method() == Method::OPTIONS {
        return Ok(());
    }
    let ruled = table.rule(request.method(), path);
    match request.extensions().get::<Identified>() {
        Some(Identified(Ok(caller))) => check(ruled, caller),
        Some(Identified(Err(problem))) => Err(problem.clone()),
        None => check(ruled, &Caller::public()),
    }
}

fn check(ruled: Ruled, caller: &Caller) -> Result<(), Problem> {
    match ruled {
        Ruled::NoMethod | Ruled::Open(Access::Everybody) => Ok(()),
        Ruled::Open(Access::Only(roles)) if roles.contains(&caller.role()) => Ok(()),
        Ruled::Open(Access::Only(roles)) => {
            let names = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
            Err(caller.refuse(&format!("this is for the roles {names}"), &format!("do this; it is for {names}")))
        }
        Ruled::Closed => Err(Problem::new(ProblemKind::Forbidden, "nobody may use this")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::AppState;
    use crate::api::router::definition;
    use crate::config::Config;
    use crate::snapshot::Live;
    use crate::store::MemoryStore;

    fn document() -> OpenApi {
        definition(&AppState::new(Arc::new(Live::default()), Arc::new(MemoryStore::new()), Config::default()))
    }

    #[test]
    fn every_route_stands_in_the_table_and_every_row_is_a_route() {
        let document = document();
        let table = AccessTable::of(&document);
        assert_eq!(table.missing(), Vec::<String>::new(), "add rows to the table in src/api/access.rs, and to that of the tests");
        let source = include_str!("router.rs").split("mod tests").next().unwrap();
        let by_hand: Vec<&str> = source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for path in &by_hand {
            assert_eq!(table.rule(&Method::GET, path), Ruled::Open(Access::Everybody), "{path}");
        }
        for (method, path, _) in TABLE {
            let is_documented = table.documented.get(*path).is_some_and(|methods| methods.iter().any(|known| known == method));
            assert!(is_documented || by_hand.contains(path), "{method} {path} is no route");
        }
    }

    #[test]
    fn what_stands_in_no_row_is_open_to_nobody() {
        let table = AccessTable::of(&document());
        assert_eq!(table.rule(&Method::GET, "/v1/secret"), Ruled::Closed);
        assert_eq!(table.rule(&Method::DELETE, "/v1/locate"), Ruled::NoMethod);
        assert_eq!(table.rule(&Method::HEAD, "/v1/locate"), Ruled::Open(Access::Everybody));
        assert_eq!(check(Ruled::Closed, &Caller::public()).unwrap_err().kind, ProblemKind::Forbidden);
    }
}
