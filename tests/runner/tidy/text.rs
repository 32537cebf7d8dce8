//! Rules on single files: how long they are, and what must not stand in them.

use super::Faults;
use super::files::{Repository, find_word, shipped_lines};

/// A file with more lines than this, tests apart, does more than one thing.
const LINES_MAX: usize = 600;
/// Put together here, so that this file does not hold them.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("db", "g!("),
];
const HOMES: [&str; 4] = [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
/// The user whom examples are about.
const EXAMPLE_USER: &str = "ann";

pub fn long_files(repository: &Repository) -> Faults {
    let lengths = repository.with_extension(".rs").map(|(path, text)| (path, shipped_lines(path, text).count()));
    let long = lengths.filter(|(_, lines)| *lines > LINES_MAX);
    long.map(|(path, lines)| format!("{path}: {lines} lines, more than {LINES_MAX}: split it")).collect()
}

pub fn unfinished(repository: &Repository) -> Faults {
    each_line(repository, |line| {
        let word = UNFINISHED.iter().find(|word| find_word(line, word).next().is_some())?;
        Some(format!("`{word}`: finish it, or write down elsewhere what is missing"))
    })
}

pub fn machine_paths(repository: &Repository) -> Faults {
    each_line(repository, |line| {
        let home = HOMES.iter().find(|home| find_word(line, home).any(|at| names_a_user(&line[at + home.len()..])))?;
        Some(format!("a path below {home} is of no use elsewhere"))
    })
}

fn names_a_user(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && !rest.starts_with(EXAMPLE_USER)
}

fn each_line(repository: &Repository, fault: impl Fn(&str) -> Option<String>) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.files() {
        let lines = (1..).zip(text.lines());
        faults.extend(
            lines.filter_map(|(number, line): (usize, &str)| Some(format!("{path}:{number}: {}", fault(line)?))),
        );
    }
    faults
}
