//! Edges between the modules of one crate of the engine: the table "What may use what" in ARCHITECTURE.md. Between crates
//! the compiler keeps them.
//!
//! A row allows a module to use others that have rows above it. So the table has no cycle, and what keeps to it has none.

use std::collections::{BTreeMap, BTreeSet};

use super::Faults;
use super::files::{Repository, code, find_word, shipped_lines};
use super::markdown::{code_spans, table};

/// A crate with modules: where its source is, and the heading above its table.
struct Crate {
    source: &'static str,
    heading: &'static str,
}

const CRATES: [Crate; 2] = [
    Crate { source: "engine/core/src/", heading: "Modules of engine-core" },
    Crate { source: "engine/mysql/src/", heading: "Modules of engine-mysql" },
];
/// Re-exports of a crate's root come from here.
const ROOT_EXPORTS: &str = "error";

type Edges = BTreeMap<String, BTreeSet<String>>;

pub fn forbidden(repository: &Repository) -> Faults {
    CRATES.iter().flat_map(|of| forbidden_in(repository, of)).collect()
}

fn forbidden_in(repository: &Repository, of: &Crate) -> Faults {
    let mut faults = Faults::new();
    let rows: Vec<Vec<String>> =
        table(repository.text("ARCHITECTURE.md"), of.heading).into_iter().map(names_in).collect();
    let modules: BTreeSet<&str> = rows.iter().filter_map(|row| row.first()).map(String::as_str).collect();
    let edges = edges(repository, of.source, &modules);
    let mut above = BTreeMap::new();
    for row in &rows {
        let Some((module, allowed)) = row.split_first() else { continue };
        let below = allowed.iter().filter(|name| !above.contains_key(*name));
        faults
            .extend(below.map(|name| format!("ARCHITECTURE.md: `{module}` may not use `{name}`: it has no row above")));
        if !edges.contains_key(module) {
            faults.push(format!("ARCHITECTURE.md: there is no module `{module}`"));
        }
        above.insert(module.clone(), allowed.iter().cloned().collect::<BTreeSet<_>>());
    }
    for (module, used) in &edges {
        match above.get(module) {
            None => faults.push(format!("ARCHITECTURE.md: `{module}` has no row below \"{}\"", of.heading)),
            Some(allowed) => faults.extend(differences(&format!("{}{module}", of.source), module, used, allowed)),
        }
    }
    faults
}

/// The names in a row: the module, and what it may use.
fn names_in(row: Vec<&str>) -> Vec<String> {
    row.into_iter().flat_map(code_spans).map(str::to_owned).collect()
}

fn differences(path: &str, module: &str, used: &BTreeSet<String>, allowed: &BTreeSet<String>) -> Faults {
    let extra =
        used.difference(allowed).map(|name| format!("{path}: uses `{name}`, which ARCHITECTURE.md does not allow"));
    let unused =
        allowed.difference(used).map(|name| format!("ARCHITECTURE.md: `{module}` does not use `{name}` any more"));
    extra.chain(unused).collect()
}

/// Every module below `source`, and which others it uses outside of tests. A module is a folder or file at the top, or
/// one inside that has a row of its own, such as `upkeep::prune`.
fn edges(repository: &Repository, source: &str, modules: &BTreeSet<&str>) -> Edges {
    let mut edges = Edges::new();
    for (path, text) in repository.with_extension(".rs") {
        let Some(inside) = path.strip_prefix(source).filter(|inside| *inside != "lib.rs") else { continue };
        let module = module_of(&inside.trim_end_matches(".rs").replace('/', "::"), modules);
        let shipped: String = shipped_lines(path, text).map(|(_, line)| code(line)).collect::<Vec<_>>().join("\n");
        // Saying who sees an item, as in `pub(in crate::room)`, is no use.
        let uses = find_word(&shipped, "crate::").filter(|at| !shipped[..*at].ends_with("(in "));
        let uses = uses.flat_map(|at| names(&shipped[at + "crate::".len()..]));
        let mut used: BTreeSet<String> = uses.map(|name| module_of(&name, modules)).collect();
        used.remove(&module);
        // A room that only declares its modules uses nothing, and needs no row.
        if !inside.ends_with("/mod.rs") || !used.is_empty() || modules.contains(module.as_str()) {
            edges.entry(module).or_default().extend(used);
        }
    }
    edges
}

/// The module that a path is in.
fn module_of(path: &str, modules: &BTreeSet<&str>) -> String {
    let mut parts = path.split("::");
    let (first, second) = (parts.next().unwrap_or(path), parts.next().unwrap_or_default());
    let inner = format!("{first}::{second}");
    if modules.contains(inner.as_str()) { inner } else { first.to_owned() }
}

/// The paths that `rest`, which follows `crate::`, begins with, of at most two names: one, or those of a list in braces.
fn names(rest: &str) -> Vec<String> {
    let Some(list) = rest.strip_prefix('{') else { return vec![first_name(rest)] };
    let mut names = vec![first_name(list.trim_start())];
    let mut depth = 1;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(first_name(list[at + 1..].trim_start())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The two names at the beginning of a path. A name that begins with a capital is not a module.
fn first_name(path: &str) -> String {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(path.len());
    let name = path[..end].trim_end_matches(':');
    if name.starts_with(char::is_uppercase) { ROOT_EXPORTS.to_owned() } else { name.to_owned() }
}
