//! The layout is the design: who may use whom is the table below, and this test reads every source file against it.
//!
//! Files are read as tokens, so grouped imports, paths inside bodies and macros, `super` chains and other names for things are
//! seen alike. What would hide a name (a glob of the crate's root or from above the parent, `extern crate`, `#[path]`) is forbidden.
//! A new edge is a decision: change the table here and in ARCHITECTURE.md, and say why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// For each module of the crate, the modules of ours that it may use. `*` is every module.
const EDGES: &[(&str, &[&str])] = &[
    ("boundary", &[]),
    ("topology", &["boundary"]),
    ("index", &["boundary", "topology"]),
    ("dispatch", &["boundary", "index"]),
    ("lineage", &["boundary", "topology", "index", "dispatch"]),
    ("plan", &["boundary", "topology"]),
    ("tile", &["boundary", "topology"]),
    ("filter", &[]),
    ("snapshot", &["boundary", "topology", "index", "dispatch", "tile"]),
    ("import", &["boundary", "topology", "dispatch"]),
    ("store", &["boundary", "topology", "dispatch", "filter"]),
    ("history", &["boundary", "topology", "index", "dispatch", "lineage", "plan", "snapshot", "store", "config"]),
    ("export", &["boundary", "topology", "dispatch", "tile", "filter"]),
    ("sample", &["boundary", "topology", "dispatch", "import", "export"]),
    ("functions", &["boundary", "index"]),
    (
        "api",
        &[
            "boundary", "topology", "index", "dispatch", "plan", "tile", "lineage", "filter", "snapshot", "import", "store", "history",
            "export", "config",
        ],
    ),
    ("config", &["boundary", "dispatch"]),
    ("telemetry", &[]),
    ("app", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// Modules that take values and return values: no files, clock, network, environment or process.
const PURE: &[&str] = &["boundary", "topology", "index", "dispatch", "lineage", "plan", "tile", "filter", "snapshot", "functions"];

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
    ("parquet", &["store", "export", "cli"]),
    ("datafusion", &["functions"]),
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

/// How statements of SQL begin, and a word that must follow somewhere, as the beginning alone is English too. Any case, any white
/// space. A literal that begins so belongs into the store.
const SQL: &[(&str, &[&str])] = &[
    ("select", &[" from ", " * ", " count(", " 1 ", " exists", " $1", " ?"]),
    ("insert into", &[]),
    ("insert or", &[]),
    ("replace into", &[]),
    ("update", &[" set "]),
    ("delete from", &[]),
    ("with", &[" as (", " as materialized (", " as not materialized ("]),
    ("create", SQL_OBJECTS),
    ("drop", SQL_OBJECTS),
    ("alter", SQL_OBJECTS),
    ("truncate", &[]),
    ("pragma", &[]),
    ("vacuum", &[]),
    ("attach database", &[]),
    ("begin", &[" immediate ", " exclusive ", " deferred ", " transaction ", " isolation "]),
    ("begin;", &[]),
    ("explain", &[" select ", " query plan "]),
];

/// What statements make, drop and alter.
const SQL_OBJECTS: &[&str] =
    &[" table ", " index ", " view ", " trigger ", " schema ", " function ", " extension ", " sequence ", " type ", " role ", " database "];

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
        ("topology/arcs.rs", "use crate::*; fn z() { store::X }"),
        ("topology/mod.rs", "use super::*; fn z() { store::X }"),
        ("topology/arcs.rs", "use super::super::*;"),
        ("topology/patch/geometry.rs", "use super::super::*;"),
        ("topology/arcs.rs", "mod tests { use super::super::*; }"),
        ("topology/arcs.rs", "use crate::{boundary::*, *};"),
        ("topology/arcs.rs", "use crate::boundary as b; use crate::r#store::Store;"),
        ("topology/arcs.rs", "#[path = \"../store/mod.rs\"] mod s;"),
        ("topology/arcs.rs", "#[cfg_attr(test, path = \"../store/mod.rs\")] mod s;"),
        ("topology/arcs.rs", "include!(\"../store/mod.rs\");"),
        ("snapshot/live.rs", "extern crate axum;"),
        ("snapshot/live.rs", "extern crate axum as web;"),
        ("snapshot/live.rs", "use r#axum::Router;"),
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
        ("boundary/unit.rs", "use jiff::Timestamp as T; fn f() { T::now(); }"),
        ("boundary/unit.rs", "fn f() { T::now(); } use jiff::{Zoned, Timestamp as T};"),
        ("boundary/unit.rs", "type T = jiff::Timestamp; fn f() { T::now(); }"),
        ("boundary/unit.rs", "use std as s; fn f() { s::fs::read(\"a\"); }"),
        ("boundary/unit.rs", "use std::{self as s, fmt}; fn f() { s::fs::read(\"a\"); }"),
        ("boundary/unit.rs", "use {std as s}; use s as t; fn f() { t::fs::read(\"a\"); }"),
        ("boundary/unit.rs", "use std::*; fn f() { fs::read(\"a\"); }"),
        ("boundary/unit.rs", "#[derive(Clone, Serialize)] struct A;"),
        ("boundary/unit.rs", "#[derive(serde::Serialize)] struct A;"),
        ("boundary/unit.rs", "#[cfg_attr(feature = \"wire\", derive(Serialize))] struct A;"),
        ("boundary/unit.rs", "impl serde::Serialize for A {}"),
    ] {
        assert!(!find_violations(Path::new(file), text).is_empty(), "{file}: {text}");
    }
    for sql in [
        r#""SELECT\n 1""#,
        r#""select code from unit""#,
        r#"r"
            SELECT count(*)
            FROM unit""#,
        r##"r#"select "code" from unit"#"##,
        r#""WITH a AS (SELECT 1) SELECT * FROM a""#,
        r#""with recursive a as (select 1) select * from a""#,
        r#""DROP TABLE unit""#,
        r#""drop index if exists i""#,
        r#""REPLACE INTO unit VALUES (1)""#,
        r#""replace into unit values (1)""#,
        r#""INSERT OR IGNORE INTO unit VALUES (1)""#,
        r#""update unit set a = 1""#,
        r#""create unique index i on unit (a)""#,
        r#""ALTER TABLE unit ADD a""#,
        r#""-- all\n (SELECT * FROM unit)""#,
    ] {
        let text = format!("fn f() {{ run({sql}); }}");
        assert!(!find_violations(Path::new("api/router.rs"), &text).is_empty(), "{text}");
        assert_eq!(find_violations(Path::new("store/mod.rs"), &text), Vec::<String>::new());
    }
    for (file, text) in [
        ("boundary/unit.rs", "mod tests { use crate::store::Store; }"),
        ("boundary/unit.rs", "fn f() { let t = std::time::Instant::now(); }"),
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
        ("topology/cases.rs", "use super::*; use crate::boundary::*; use rayon::prelude::*;"),
        ("boundary/unit.rs", "mod tests { use super::*; }"),
        ("boundary/unit.rs", "use jiff::Timestamp as T; fn f() -> T { T::UNIX_EPOCH }"),
        ("api/router.rs", "#[utoipa::path(get, path = \"/v1/locate\")] fn f() { g(\"Select a grid\", \"with the others\"); }"),
        ("tile/layers.rs", "#[derive(serde::Deserialize)] struct A;"),
        ("api/wire.rs", "#[derive(Serialize)] struct A;"),
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
    found.follow_aliases();
    let allowed = EDGES.iter().find(|(name, _)| *name == module).map_or(&[][..], |(_, allowed)| allowed);
    let mut violations: Vec<String> = Vec::new();
    if module != "main" {
        violations.extend(found.detours.iter().map(|detour| format!("{}: {detour} hides what it uses", file.display())));
    }
    let is_pure = PURE.contains(&module.as_str());
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
                if is_pure && (reads_the_world || names == ["std", "*"]) {
                    violations.push(format!("{}: {module} is pure and may not name {}", file.display(), names.join("::")));
                }
                if is_pure && names.last() == Some(&"Serialize") {
                    violations.push(format!("{}: types of {module} have their wire types in api", file.display()));
                }
            }
            [] => {}
        }
    }
    if module != "store" {
        let statements = found.literals.iter().filter(|literal| is_sql(literal));
        violations.extend(statements.map(|sql| format!("{}: only store knows SQL: {sql}", file.display())));
    }
    violations
}

/// Whether a literal, as it stands in the source, begins as a statement does.
fn is_sql(literal: &str) -> bool {
    let text = literal.replace("\\n", " \n ").replace("\\t", " ").replace("\\r", " ").replace('\\', " ");
    let without_comments: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let words: Vec<String> = without_comments.join(" ").split_whitespace().map(str::to_lowercase).collect();
    let text = format!("{} ", words.join(" "));
    let text = text.trim_start_matches(['(', ' ']);
    SQL.iter().any(|(beginning, then)| {
        let rest = text.strip_prefix(beginning).filter(|rest| rest.starts_with([' ', ';', '(']) || beginning.ends_with(';'));
        rest.is_some_and(|rest| then.is_empty() || then.iter().any(|word| rest.contains(word)))
    })
}

/// The paths that a file names, from the root of a crate, and its string literals.
#[derive(Default)]
struct Found {
    paths: BTreeSet<Vec<String>>,
    literals: Vec<String>,
    /// What other names stand for: `T` for `jiff::Timestamp`.
    aliases: BTreeMap<String, BTreeSet<Vec<String>>>,
    /// Ways to name things that hide from this test what is named.
    detours: BTreeSet<String>,
}

impl Found {
    /// Adds to each path that begins with another name for something, the path that it stands for.
    fn follow_aliases(&mut self) {
        /// An alias of an alias of an alias is farther than anybody goes; an alias of itself ends here too.
        const DEPTH_MAX: usize = 4;
        for _ in 0..DEPTH_MAX {
            let followed: Vec<Vec<String>> = self
                .paths
                .iter()
                .filter_map(|path| Some((path, self.aliases.get(path.first()?)?)))
                .flat_map(|(path, meant)| meant.iter().map(|meant| [meant, &path[1..]].concat()))
                .collect();
            self.paths.extend(followed);
        }
    }

    fn name_anew(&mut self, alias: &TokenTree, path: Vec<String>) {
        if let TokenTree::Ident(alias) = alias
            && path.first() != Some(&name_of(alias))
        {
            self.aliases.entry(name_of(alias)).or_default().insert(path);
        }
    }

    /// Notes a glob that brings in what stands in the crate's root or above the parent, where no import says whence it comes.
    fn note_glob(&mut self, path: &[String], module: &[String]) {
        let absolute: Vec<&str> = ["crate"].into_iter().chain(module.iter().map(String::as_str)).collect();
        let is_above = path.len() + 1 < absolute.len() && path.iter().zip(&absolute).all(|(a, b)| a == b);
        if path == ["crate"] || (is_above && !path.is_empty()) {
            self.detours.insert(format!("{}::*", path.join("::")));
        }
    }

    /// Reads an attribute: its paths, and whether it says where a module's file is.
    fn read_attribute(&mut self, tokens: TokenStream, module: &[String]) {
        let inner: Vec<TokenTree> = tokens.clone().into_iter().collect();
        match inner.as_slice() {
            [TokenTree::Ident(name), TokenTree::Punct(equals), ..] if name_of(name) == "path" && equals.as_char() == '=' => {
                self.detours.insert("#[path]".into());
            }
            [TokenTree::Ident(name), TokenTree::Group(group)] if name_of(name) == "cfg_attr" => {
                let parts: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in parts.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',')) {
                    self.read_attribute(part.iter().cloned().collect(), module);
                }
                return;
            }
            // The text of a comment.
            [TokenTree::Ident(name), TokenTree::Punct(_), ..] if name_of(name) == "doc" => return,
            _ => {}
        }
        self.read_tokens(tokens, module);
    }

    /// Reads every path in `tokens`, which stand in the module `module`.
    fn read_tokens(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at..] {
                [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
                    if hash.as_char() == '#' && attribute.delimiter() == Delimiter::Bracket =>
                {
                    self.read_attribute(attribute.stream(), module);
                    at + 2
                }
                [TokenTree::Ident(keyword), TokenTree::Ident(root), TokenTree::Ident(name), ..]
                    if keyword == "extern" && root == "crate" =>
                {
                    self.detours.insert(format!("extern crate {name}"));
                    at + 3
                }
                [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(_), ..] if name == "include" && bang.as_char() == '!' => {
                    self.detours.insert("include!".into());
                    at + 3
                }
                [TokenTree::Ident(keyword), alias, TokenTree::Punct(equals), TokenTree::Ident(_), ..]
                    if keyword == "type" && equals.as_char() == '=' =>
                {
                    let mut meant = Self::default();
                    let end = meant.read_path(&tokens, at + 3, Vec::new(), module);
                    meant.paths.iter().for_each(|path| self.name_anew(alias, path.clone()));
                    self.paths.extend(meant.paths);
                    end
                }
                [TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Group(body), ..]
                    if keyword == "mod" && body.delimiter() == Delimiter::Brace =>
                {
                    let inner: Vec<String> = module.iter().cloned().chain([name_of(name)]).collect();
                    self.read_tokens(body.stream(), &inner);
                    at + 3
                }
                [TokenTree::Ident(keyword), TokenTree::Group(group), ..] if keyword == "use" => {
                    self.read_group(group.stream(), &[], module);
                    at + 2
                }
                [TokenTree::Ident(keyword), TokenTree::Ident(name), ..] if keyword == "use" && !is_double_colon(&tokens, at + 2) => {
                    // A whole crate: told from a variable of the same name by a second step.
                    self.paths.insert(vec![name_of(name), "self".to_owned()]);
                    at + 1
                }
                [TokenTree::Ident(_), ..] => self.read_path(&tokens, at, Vec::new(), module),
                [TokenTree::Group(group), ..] => {
                    self.read_tokens(group.stream(), module);
                    at + 1
                }
                [TokenTree::Literal(literal), ..] => {
                    let text = literal.to_string();
                    self.literals.extend(text.split_once('"').map(|(_, text)| text.trim_end_matches('#').trim_end_matches('"').to_owned()));
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
                    path = join(path, &name_of(name), module);
                    at += 1;
                    if let [TokenTree::Ident(keyword), alias, ..] = &tokens[at..]
                        && keyword == "as"
                    {
                        self.name_anew(alias, path.clone());
                    }
                }
                Some(TokenTree::Group(group)) if !path.is_empty() && group.delimiter() == Delimiter::Brace => {
                    self.read_group(group.stream(), &path, module);
                    return at + 1;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' && !path.is_empty() => {
                    at += 1;
                    self.note_glob(&path, module);
                    path.push("*".to_owned());
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
                    if let Some([TokenTree::Ident(keyword), alias]) = item.get(skip + 1..)
                        && keyword == "as"
                    {
                        self.name_anew(alias, prefix.to_vec());
                    }
                    self.paths.insert(prefix.iter().cloned().chain(["self".to_owned()]).collect());
                }
                Some(TokenTree::Ident(name)) if prefix.is_empty() && !is_double_colon(item, skip + 1) => {
                    if let Some([TokenTree::Ident(keyword), alias]) = item.get(skip + 1..)
                        && keyword == "as"
                    {
                        self.name_anew(alias, vec![name_of(name)]);
                    }
                    self.paths.insert(vec![name_of(name), "self".to_owned()]);
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

/// The name that an identifier is, raw or not.
fn name_of(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
    is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1))
}
