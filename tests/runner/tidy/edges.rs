//! Edges between the modules of one crate of the engine: the table "What may use what" in ARCHITECTURE.md. Between crates the compiler keeps them.
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
/// What a crate's root re-exports comes from here.
const ROOT_EXPORTS: &str = "error";

type Edges = BTreeMap<String, BTreeSet<String>>;

pub fn forbidden(repository: &Repository) -> Faults {
    CRATES.iter().flat_map(|of| forbidden_in(repository, of)).collect()
}

fn forbidden_in(repository: &Repository, of: &Crate) -> Faults {
    let edges = edges(repository, of.source);
    let mut faults = Faults::new();
    let mut rows = BTreeMap::new();
    for row in table(repository.text("ARCHITECTURE.md"), of.heading) {
        let names = row.iter().flat_map(|cell| code_spans(cell)).map(str::to_owned).collect::<Vec<_>>();
        let Some((module, allowed)) = names.split_first() else { continue };
        let below = allowed.iter().filter(|name| !rows.contains_key(*name));
        faults
            .extend(below.map(|name| format!("ARCHITECTURE.md: `{module}` may not use `{name}`: it has no row above")));
        if !edges.contains_key(module) {
            faults.push(format!("ARCHITECTURE.md: there is no module `{module}`"));
        }
        rows.insert(module.clone(), allowed.iter().cloned().collect::<BTreeSet<_>>());
    }
    for (module, used) in &edges {
        match rows.get(module) {
            None => faults.push(format!("ARCHITECTURE.md: `{module}` has no row below \"{}\"", of.heading)),
            Some(allowed) => faults.extend(differences(&format!("{}{module}", of.source), module, used, allowed)),
        }
    }
    faults
}

fn differences(path: &str, module: &str, used: &BTreeSet<String>, allowed: &BTreeSet<String>) -> Faults {
    let extra =
        used.difference(allowed).map(|name| format!("{path}: uses `{name}`, which ARCHITECTURE.md does not allow"));
    let unused =
        allowed.difference(used).map(|name| format!("ARCHITECTURE.md: `{module}` does not use `{name}` any more"));
    extra.chain(unused).collect()
}

/// Every top-level module below `source`, and which others it uses outside of tests.
fn edges(repository: &Repository, source: &str) -> Edges {
    let mut edges = Edges::new();
    for (path, text) in repository.with_extension(".rs") {
        let Some(inside) = path.strip_prefix(source).filter(|inside| *inside != "lib.rs") else { continue };
        let module = inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs");
        let shipped: String = shipped_lines(path, text).map(|(_, line)| code(line)).collect::<Vec<_>>().join("\n");
        let used = edges.entry(module.to_owned()).or_default();
        used.extend(find_word(&shipped, "crate::").flat_map(|at| names(&shipped[at + "crate::".len()..])));
        used.remove(module);
    }
    edges
}

/// The modules that `rest`, which follows `crate::`, begins with: one, or those of a list in braces.
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

/// The name at the beginning of a path. One that begins with a capital is no module.
fn first_name(path: &str) -> String {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    let name = &path[..end];
    if name.starts_with(char::is_uppercase) { ROOT_EXPORTS.to_owned() } else { name.to_owned() }
}
