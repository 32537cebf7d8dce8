//! Edges between the engine's modules: the table "What may use what" in ARCHITECTURE.md.
//!
//! A row allows a module to use others that have rows above it. So the table has no cycle, and what keeps to it has none.

use std::collections::{BTreeMap, BTreeSet};

use super::Faults;
use super::files::{Repository, code, find_word, shipped_lines};
use super::markdown::{code_spans, table};

const HEADING: &str = "What may use what";
const SOURCE: &str = "engine/src/";
/// What the crate's root re-exports comes from here.
const ROOT_EXPORTS: &str = "error";

type Edges = BTreeMap<String, BTreeSet<String>>;

pub fn forbidden(repository: &Repository) -> Faults {
    let edges = edges(repository);
    let mut faults = Faults::new();
    let mut rows = BTreeMap::new();
    for row in table(repository.text("ARCHITECTURE.md"), HEADING) {
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
            None => faults.push(format!("ARCHITECTURE.md: `{module}` has no row below \"{HEADING}\"")),
            Some(allowed) => faults.extend(differences(module, used, allowed)),
        }
    }
    faults
}

fn differences(module: &str, used: &BTreeSet<String>, allowed: &BTreeSet<String>) -> Faults {
    let extra = used
        .difference(allowed)
        .map(|name| format!("{SOURCE}{module}: uses `{name}`, which ARCHITECTURE.md does not allow"));
    let unused =
        allowed.difference(used).map(|name| format!("ARCHITECTURE.md: `{module}` does not use `{name}` any more"));
    extra.chain(unused).collect()
}

/// Every top-level module, and which others it uses outside of tests.
fn edges(repository: &Repository) -> Edges {
    let mut edges = Edges::new();
    for (path, text) in repository.with_extension(".rs") {
        let Some(inside) = path.strip_prefix(SOURCE).filter(|inside| *inside != "lib.rs") else { continue };
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
