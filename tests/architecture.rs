//! The layout is the design: who may use whom is the table below, and this test reads every source file against it.
//!
//! Files are read as tokens, so grouped imports, paths inside bodies and macros, and `super` chains are seen alike.
//! A new edge is a decision: change the table here and in ARCHITECTURE.md, and say why.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// For each module of the crate, the modules of ours that it may use. `*` is every module.
const EDGES: &[(&str, &[&str])] = &[
    ("boundary", &[]),
    ("topology", &["boundary"]),
    ("index", &["boundary", "topology"]),
    ("dispatch", &["boundary", "index"]),
    ("lineage", &["boundary", "topology", "index", "dispatch"]),
    ("tile", &["boundary", "topology"]),
    ("snapshot", &["boundary", "topology", "index", "dispatch", "tile"]),
    ("import", &["boundary", "topology", "dispatch"]),
    ("store", &["boundary", "topology", "dispatch"]),
    ("history", &["boundary", "topology", "index", "dispatch", "lineage", "snapshot", "store", "config"]),
    ("export", &["boundary", "topology", "dispatch", "tile"]),
    ("sample", &["boundary", "topology", "dispatch", "import", "export"]),
    (
        "api",
        &["boundary", "topology", "index", "dispatch", "tile", "lineage", "snapshot", "import", "store", "history", "export", "config"],
    ),
    ("config", &["boundary"]),
    ("telemetry", &[]),
    ("app", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// Modules that take values and return values: no files, clock, network, environment or process.
const PURE: &[&str] = &["boundary", "topology", "index", "dispatch", "lineage", "tile", "snapshot"];

/// Crates and paths that only some modules may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("axum", &["api"]),
    ("tower_http", &["api"]),
    ("utoipa", &["api"]),
    ("utoipa_axum", &["api"]),
    ("utoipa_swagger_ui", &["api"]),
    ("rusqlite", &["store"]),
    ("tokio_postgres", &["store"]),
    ("tokio_postgres_rustls", &["store"]),
    ("deadpool_postgres", &["store"]),
    ("refinery", &["store"]),
    ("parquet", &["store"]),
    ("proj", &["import", "api"]),
    ("clap", &["cli", "main"]),
    ("figment", &["config"]),
];

/// Paths that read the world, which pure modules may not.
const WORLD: &[&[&str]] = &[
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "io"],
    &["std", "time", "SystemTime"],
    &["std", "time", "Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["Uuid", "now_v7"],
    &["Uuid", "new_v4"],
    &["tokio"],
];

/// How statements of SQL begin. A literal that begins so belongs into the store.
const SQL: &[&str] =
    &["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "CREATE INDEX ", "PRAGMA ", "BEGIN IMMEDIATE"];

#[test]
fn every_module_uses_only_what_the_table_allows() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let violations: Vec<String> = rust_files(&source)
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            find_violations(file.strip_prefix(&source).unwrap(), &text)
        })
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn every_module_of_the_crate_stands_in_the_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&source) {
        let module = module_path(file.strip_prefix(&source).unwrap()).first().cloned().unwrap_or_default();
        if module != "lib" {
            assert!(EDGES.iter().any(|(name, _)| *name == module), "{module} stands in no row of the table");
        }
    }
}

#[test]
fn the_map_shows_the_same_table() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    for (module, allowed) in EDGES {
        let row = match allowed {
            ["*"] => format!("| `{module}` | every module |"),
            [] => format!("| `{module}` | nothing of ours |"),
            names => format!("| `{module}` | {} |", names.join(", ")),
        };
        assert!(map.contains(&row), "ARCHITECTURE.md lacks the row: {row}");
    }
}

#[test]
fn a_forbidden_edge_is_found_however_it_is_written() {
    for (file, text) in [
        ("boundary/unit.rs", "use crate::store::Store;"),
        ("boundary/unit.rs", "use crate::{boundary::Level, store::{Store, records::*}};"),
        ("topology/arcs.rs", "use {crate::{index as i}};"),
        ("index/rtree.rs", "fn f() { let _ = crate::snapshot::Live::new(); }"),
        ("index/rtree.rs", "use super::super::api::router;"),
        ("index/deep/er.rs", "use super::super::super::api;"),
        ("tile/mod.rs", "use super::store;"),
        ("tile/matrix.rs", "mod tests { use super::super::super::export::geojson; }"),
        ("dispatch/roster.rs", "fn f() { vec![crate::plan::x()]; }"),
        ("topology/mod.rs", "pub use crate as root;"),
        ("topology/mod.rs", "use crate::{self as root};"),
    ] {
        assert!(!find_violations(Path::new(file), text).is_empty(), "{file}: {text}");
    }
}

#[test]
fn http_sql_and_projections_are_found_outside_their_modules() {
    for (file, text) in [
        ("snapshot/live.rs", "use axum::Router;"),
        ("store/mod.rs", "use axum::{Router, Json};"),
        ("store/mod.rs", "use {std::fmt, ::axum as web};"),
        ("api/router.rs", "use rusqlite::Connection;"),
        ("api/router.rs", r#"const Q: &str = "SELECT 1 FROM unit";"#),
        ("index/rtree.rs", "fn f() { proj::Proj::new(\"EPSG:4546\"); }"),
        ("topology/mod.rs", "use std::{collections::BTreeMap, fs::File};"),
        ("dispatch/roster.rs", "fn f() { jiff::Timestamp::now(); }"),
        ("index/rtree.rs", "use std::time::{Duration, Instant};"),
        ("index/rtree.rs", "use proj as p;"),
        ("boundary/unit.rs", "fn f() { Uuid::now_v7(); }"),
    ] {
        assert!(!find_violations(Path::new(file), text).is_empty(), "{file}: {text}");
    }
}

#[test]
fn allowed_edges_and_innocent_words_pass() {
    for (file, text) in [
        ("topology/arcs.rs", "use crate::boundary::{Level, Unit};"),
        ("index/rtree.rs", "use crate::{boundary::Unit, topology::ArcId}; use super::locate;"),
        ("api/router.rs", "use axum::Router; use crate::snapshot::Live;"),
        ("boundary/unit.rs", "//! Unlike crate::store this knows no SQL.\nconst A: &str = \"axum\";"),
        ("boundary/unit.rs", "mod tests { use super::*; use super::super::level::Level; }"),
        ("cli/serve.rs", "use crate::{api, app, store};"),
        ("tile/matrix.rs", "fn f() { let proj = 1; proj + 1; }"),
        ("boundary/unit.rs", "use std::fmt::{self, Display}; pub(crate) fn f() {}"),
    ] {
        assert_eq!(find_violations(Path::new(file), text), Vec::<String>::new(), "{file}");
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder of the sources can be listed") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The path of modules that a file is, `index/rtree.rs` being `[index, rtree]` and `index/mod.rs` being `[index]`.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

fn find_violations(file: &Path, text: &str) -> Vec<String> {
    let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let path = module_path(file);
    let module = path[0].clone();
    if module == "lib" {
        return Vec::new();
    }
    let mut found = Found::default();
    found.read_tokens(tokens, &path);
    let allowed = EDGES.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, allowed)| allowed);
    let mut violations = Vec::new();
    for used in &found.paths {
        let names: Vec<&str> = used.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["crate", "self"] => violations.push(format!("{}: names the crate's root, which hides what it uses", file.display())),
            ["crate", other, ..] if *other != module && !allowed.contains(&"*") && !allowed.contains(other) => {
                violations.push(format!("{}: {module} may not use {other}", file.display()));
            }
            [first, ..] => {
                if let Some((_, modules)) = RESERVED.iter().find(|(name, _)| name == first)
                    && names.len() > 1
                    && !modules.contains(&module.as_str())
                {
                    violations.push(format!("{}: only {} may name {first}", file.display(), modules.join(", ")));
                }
                let reads_the_world = WORLD.iter().any(|world| names.windows(world.len()).any(|part| part == *world));
                if PURE.contains(&module.as_str()) && reads_the_world {
                    violations.push(format!("{}: {module} is pure and may not name {}", file.display(), names.join("::")));
                }
            }
            [] => {}
        }
    }
    if module != "store" {
        let statements = found.literals.iter().filter(|literal| SQL.iter().any(|sql| literal.trim_start().starts_with(sql)));
        violations.extend(statements.map(|sql| format!("{}: only store knows SQL: {sql}", file.display())));
    }
    violations
}

/// The paths that a file names, from the root of a crate, and its string literals.
#[derive(Default)]
struct Found {
    paths: BTreeSet<Vec<String>>,
    literals: Vec<String>,
}

impl Found {
    /// Reads every path in `tokens`, which stand in the module `module`.
    fn read_tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at..] {
                [TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Group(body), ..]
                    if keyword == "mod" && body.delimiter() == Delimiter::Brace =>
                {
                    let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
                    self.read_tokens(body.stream(), &inner);
                    at + 3
                }
                [TokenTree::Ident(keyword), TokenTree::Group(group), ..] if keyword == "use" => {
                    self.read_group(group.stream(), &[], module);
                    at + 2
                }
                [TokenTree::Ident(keyword), TokenTree::Ident(name), ..] if keyword == "use" && !is_double_colon(&tokens, at + 2) => {
                    // A whole crate: told from a variable of the same name by a second step.
                    self.paths.insert(vec![name.to_string(), "self".to_owned()]);
                    at + 1
                }
                [TokenTree::Ident(_), ..] => self.read_path(&tokens, at, Vec::new(), module),
                [TokenTree::Group(group), ..] => {
                    self.read_tokens(group.stream(), module);
                    at + 1
                }
                [TokenTree::Literal(literal), ..] => {
                    self.literals.push(literal.to_string().trim_start_matches(['r', '#', 'b', '"']).to_owned());
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// Reads the path that begins at `at` behind `prefix`, and returns the place behind it.
    fn read_path(&mut self, tokens: &[TokenTree], mut at: usize, prefix: Vec<String>, module: &[String]) -> usize {
        let mut path = prefix;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) => {
                    path = join(path, &name.to_string(), module);
                    at += 1;
                }
                Some(TokenTree::Group(group)) if !path.is_empty() && group.delimiter() == Delimiter::Brace => {
                    self.read_group(group.stream(), &path, module);
                    return at + 1;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                    at += 1;
                    break;
                }
                _ => break,
            }
            if !is_double_colon(tokens, at) {
                break;
            }
            at += 2;
        }
        self.paths.insert(path);
        at
    }

    /// Reads `{a, b::c, d as e}` behind a prefix.
    fn read_group(&mut self, tokens: TokenStream, prefix: &[String], module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for item in tokens.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',')) {
            let skip = if is_double_colon(item, 0) { 2 } else { 0 };
            match item.get(skip) {
                Some(TokenTree::Ident(name)) if name == "self" => {
                    self.paths.insert(prefix.iter().cloned().chain(["self".to_owned()]).collect());
                }
                Some(TokenTree::Ident(name)) if prefix.is_empty() && !is_double_colon(item, skip + 1) => {
                    self.paths.insert(vec![name.to_string(), "self".to_owned()]);
                }
                Some(_) => {
                    self.read_path(item, skip, prefix.to_vec(), module);
                }
                None => {}
            }
        }
    }
}

/// Goes one step along a path; `self`, `super` and `crate` are taken from where the path stands.
fn join(mut path: Vec<String>, name: &str, module: &[String]) -> Vec<String> {
    let absolute = |module: &[String]| ["crate".to_owned()].into_iter().chain(module.iter().cloned()).collect();
    match name {
        "self" if path.is_empty() => absolute(module),
        "super" if path.is_empty() => absolute(&module[..module.len().saturating_sub(1)]),
        "super" => {
            path.pop();
            path
        }
        _ => {
            path.push(name.to_owned());
            path
        }
    }
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
    is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1))
}
