//! Code that has a place of its own: the table "What stands where" in ARCHITECTURE.md.
//!
//! A row holds what it is about, the marks by which it is known, and the files and folders where it may be. Tests may
//! do as they like, unless the row says "also in tests".

use super::Faults;
use super::files::{Repository, code, find_word, shipped_lines};
use super::markdown::{code_spans, table};

const HEADING: &str = "What stands where";

struct Place<'t> {
    what: &'t str,
    marks: Vec<&'t str>,
    allowed: Vec<&'t str>,
    with_tests: bool,
}

pub fn strays(repository: &Repository) -> Faults {
    let rows = table(repository.text("ARCHITECTURE.md"), HEADING);
    let places = rows.iter().filter_map(|row| match row[..] {
        [what, marks, allowed] => {
            let with_tests = what.ends_with("also in tests");
            Some(Place { what, marks: code_spans(marks), allowed: code_spans(allowed), with_tests })
        }
        _ => None,
    });
    let faults: Faults = places.flat_map(|place| strays_of(&place, repository)).collect();
    if rows.is_empty() { vec![format!("ARCHITECTURE.md: there is no table below \"{HEADING}\"")] } else { faults }
}

fn strays_of(place: &Place<'_>, repository: &Repository) -> Faults {
    let mut used = vec![false; place.allowed.len()];
    let mut faults = Faults::new();
    for (path, text) in repository.with_extension(".rs") {
        let Some(number) = place.found_in(path, text) else { continue };
        match place.allowed.iter().position(|allowed| holds(allowed, path)) {
            Some(at) => used[at] = true,
            None => faults.push(format!("{path}:{number}: {}: not here, says ARCHITECTURE.md", place.what)),
        }
    }
    let unused = place.allowed.iter().zip(used).filter(|(_, used)| !used);
    faults.extend(unused.map(|(allowed, _)| format!("ARCHITECTURE.md: {}: nothing of it is in {allowed}", place.what)));
    faults
}

impl Place<'_> {
    /// The first line of a file that has one of the marks.
    fn found_in(&self, path: &str, text: &str) -> Option<usize> {
        let marked = |line: &str| self.marks.iter().any(|mark| find_word(code(line), mark).next().is_some());
        if self.with_tests {
            (1..).zip(text.lines()).find(|(_, line)| marked(line)).map(|(number, _)| number)
        } else {
            shipped_lines(path, text).find(|(_, line)| marked(line)).map(|(number, _)| number)
        }
    }
}

/// Whether `path` is `allowed`, or in it.
fn holds(allowed: &str, path: &str) -> bool {
    path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || allowed.ends_with('/'))
}
