//! Links between documents, and paths that they name.

use super::Faults;
use super::files::Repository;
use super::markdown::{anchor, code_spans, links, prose};

pub fn broken(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.with_extension(".md") {
        for (number, line) in prose(text) {
            let bad =
                links(line).into_iter().filter(|target| !is_elsewhere(target) && !leads(repository, path, target));
            faults.extend(bad.map(|target| format!("{path}:{number}: `{target}` leads nowhere")));
        }
    }
    faults
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

fn leads(repository: &Repository, from: &str, target: &str) -> bool {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { from.to_owned() } else { join(from, file) };
    repository.exists(&path) && (heading.is_empty() || has_heading(repository.text(&path), heading))
}

fn has_heading(text: &str, wanted: &str) -> bool {
    prose(text).any(|(_, line)| line.starts_with('#') && anchor(line) == wanted)
}

/// The path that `target` means in the document `from`.
fn join(from: &str, target: &str) -> String {
    let mut names: Vec<&str> = from.split('/').collect();
    names.pop();
    for name in target.split('/') {
        match name {
            "." | "" => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Paths in code spans of the documents in the root folder.
pub fn unknown_paths(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.with_extension(".md").filter(|(path, _)| !path.contains('/')) {
        for (number, line) in prose(text) {
            let spans = code_spans(line).into_iter().filter(|span| is_path(repository, span));
            let unknown = spans.filter(|span| !repository.exists(span));
            faults.extend(unknown.map(|span| format!("{path}:{number}: there is no `{span}`")));
        }
    }
    faults
}

/// Whether this looks like a path from the root: it begins with a folder that is there.
fn is_path(repository: &Repository, span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    span.split_once('/').is_some_and(|(top, _)| repository.exists(top)) && span.chars().all(plain)
}
