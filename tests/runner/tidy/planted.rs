//! Every rule finds the fault it is there for, and none where there is none.

use super::files::Repository;
use super::{Faults, edges, links, lints, places, prose, text};

const ARCHITECTURE: &str = "\
# Map

### Modules of engine-core

| module | may use |
| --- | --- |
| `error` | |
| `store` | `error` |
| `backup` | `error`, `store` |

### What stands where

| what | marks | where |
| --- | --- | --- |
| threads | `thread::scope` | `engine/core/src/backup/` |
| leaks, also in tests | `leak(` | `engine/core/src/store.rs` |
";
const STORE: &str = "use crate::Error;\n\nfn map() {\n    leak(1);\n}\n";
const BACKUP: &str = "use crate::{error::Result, store::{Store, Tag}};\n\nfn run() { std::thread::scope(|_| {}) }\n";

/// A tidy repository with `files` added to it, or put in place of its own.
fn with(files: &[(&str, &str)]) -> Repository {
    let tidy = [
        ("ARCHITECTURE.md", ARCHITECTURE),
        ("engine/core/src/lib.rs", "use crate::backup;\n"),
        ("engine/core/src/error.rs", "//! Errors.\n"),
        ("engine/core/src/store.rs", STORE),
        ("engine/core/src/backup/mod.rs", BACKUP),
    ];
    Repository::of(&[&tidy, files].concat())
}

#[track_caller]
fn finds(rule: fn(&Repository) -> Faults, files: &[(&str, &str)], fault: &str) {
    let faults = rule(&with(files));
    assert!(faults.len() == 1 && faults[0].contains(fault), "not only {fault:?}:\n{}", faults.join("\n"));
}

#[track_caller]
fn accepts(rule: fn(&Repository) -> Faults, files: &[(&str, &str)]) {
    assert_eq!(rule(&with(files)), Faults::new());
}

#[test]
fn a_tidy_repository_has_no_faults() {
    let rules =
        [text::long_files, text::unfinished, text::machine_paths, edges::forbidden, places::strays, links::broken];
    rules.into_iter().for_each(|rule| accepts(rule, &[]));
    [links::unknown_paths, lints::lost_settings, lints::packages_without, prose::beginnings]
        .into_iter()
        .for_each(|rule| accepts(rule, &[]));
}

#[test]
fn a_file_is_too_long_by_one_line() {
    let long = "fn f() {}\n".repeat(601);
    finds(text::long_files, &[("cli/src/a.rs", &long)], "cli/src/a.rs: 601 lines");
    accepts(text::long_files, &[("cli/src/a.rs", &long[10..]), ("cli/tests/a.rs", &long)]);
    let mostly_tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    accepts(text::long_files, &[("cli/src/a.rs", &mostly_tests)]);
}

#[test]
fn something_is_unfinished() {
    let note = concat!("// TO", "DO: more\n");
    finds(text::unfinished, &[("cli/src/a.rs", note)], "cli/src/a.rs:1");
    finds(text::unfinished, &[("cli/src/a.rs", concat!("fn f() {\n    to", "do!()\n}\n"))], "cli/src/a.rs:2");
    finds(text::unfinished, &[("fuzz/README.md", note)], "fuzz/README.md:1");
    accepts(text::unfinished, &[("cli/src/a.rs", concat!("const MAS", "TO", "DON: u8 = 1;\n"))]);
}

#[test]
fn a_path_is_of_one_machine_only() {
    finds(text::machine_paths, &[("a.sh", concat!("cd /ho", "me/bob/enamel\n"))], "a.sh:1");
    finds(text::machine_paths, &[("test", concat!("\ncd /ro", "ot/enamel\n"))], "test:2");
    accepts(text::machine_paths, &[("a.sh", concat!("cp /ho", "me/ann/x tests/wo", "rk/x\n"))]);
}

#[test]
fn a_module_uses_what_it_may_not() {
    let store = |line: &str| format!("{line}\n{STORE}");
    for line in ["use crate::backup::X;", "use crate::{error::{A, B}, backup};", "fn f() { crate::backup::run() }"] {
        finds(edges::forbidden, &[("engine/core/src/store.rs", &store(line))], "store: uses `backup`");
    }
    let nested = [("engine/core/src/store/deep.rs", "use crate::backup::X;\n")];
    finds(edges::forbidden, &nested, "store: uses `backup`");
    let fine = "/// See [`crate::backup`].\n#[cfg(test)]\nmod tests {\n    use crate::backup;\n}\n";
    accepts(
        edges::forbidden,
        &[(
            "engine/core/src/store.rs",
            &store(fine).replacen(STORE, "", 1).replacen("///", "use crate::Error;\n///", 1),
        )],
    );
}

#[test]
fn a_module_inside_a_room_has_edges_of_its_own_if_it_has_a_row() {
    let rows = "| `store` | `error` |\n| `upkeep::prune` | |\n| `upkeep::repair` | |";
    let table = ARCHITECTURE.replace("| `store` | `error` |", rows);
    let repair = "use crate::upkeep::prune::Plan;\n";
    let files = [
        ("ARCHITECTURE.md", table.as_str()),
        ("engine/core/src/upkeep/mod.rs", "pub mod prune;\npub mod repair;\n"),
        ("engine/core/src/upkeep/prune.rs", "pub(in crate::upkeep) struct Plan;\n"),
        ("engine/core/src/upkeep/repair/mod.rs", repair),
    ];
    finds(edges::forbidden, &files, "upkeep::repair: uses `upkeep::prune`");
}

#[test]
fn a_cycle_cannot_be_allowed() {
    let allowed = ARCHITECTURE.replace("| `error` | |", "| `error` | `backup` |");
    let files = [("ARCHITECTURE.md", allowed.as_str()), ("engine/core/src/error.rs", "use crate::backup;\n")];
    finds(edges::forbidden, &files, "`error` may not use `backup`: it has no row above");
}

#[test]
fn the_table_of_edges_is_not_what_the_source_is() {
    finds(edges::forbidden, &[("engine/core/src/prune.rs", "")], "`prune` has no row");
    let without_error = [("engine/core/src/store.rs", "")];
    finds(edges::forbidden, &without_error, "`store` does not use `error` any more");
    let one_more = ARCHITECTURE.replace("| `backup` |", "| `prune` | |\n| `backup` |");
    finds(edges::forbidden, &[("ARCHITECTURE.md", &one_more)], "there is no module `prune`");
}

#[test]
fn something_stands_where_it_must_not() {
    let thread = "fn f() {\n    thread::scope(|_| {});\n}\n";
    finds(places::strays, &[("cli/src/a.rs", thread)], "cli/src/a.rs:2: threads");
    accepts(places::strays, &[("engine/core/src/backup/b.rs", thread), ("cli/tests/a.rs", thread)]);
    accepts(places::strays, &[("cli/src/a.rs", "// thread::scope would do.\nfn my_thread::scope() {}\n")]);
    finds(places::strays, &[("cli/tests/a.rs", "leak(1);\n")], "cli/tests/a.rs:1: leaks");
    finds(
        places::strays,
        &[("engine/core/src/store.rs", "")],
        "leaks, also in tests: nothing of it is in engine/core/src/store.rs",
    );
    finds(places::strays, &[("ARCHITECTURE.md", "# Map\n")], "there is no table");
}

#[test]
fn a_link_leads_nowhere() {
    let text = "# One two\n[a](#one-two) [b](../ARCHITECTURE.md#map) [c](deep/) [d](https://x.org/y)\n";
    let here = ("docs/a.md", text);
    accepts(links::broken, &[here, ("docs/deep/b.md", "```\n[x](gone.md)\n```\n")]);
    finds(links::broken, &[here], "docs/a.md:2: `deep/`");
    finds(links::broken, &[("docs/a.md", "[a](b.md)\n")], "`b.md`");
    finds(links::broken, &[("docs/a.md", "# One\n[a](#two)\n")], "`#two`");
}

#[test]
fn a_document_names_a_file_that_is_gone() {
    finds(links::unknown_paths, &[("README.md", "See `engine/core/src/gone.rs`.\n")], "README.md:1");
    accepts(
        links::unknown_paths,
        &[("README.md", "`engine/core/src/store.rs`, `engine/core/src/`, `and/or`, `engine/<id>`\n")],
    );
}

#[test]
fn a_lint_does_not_reach_a_package() {
    let own = [("clippy.toml", "a = 1\nb = 2\n"), ("cli/clippy.toml", "b = 2\nc = 3\n")];
    finds(lints::lost_settings, &own, "cli/clippy.toml: `a = 1`");
    finds(lints::packages_without, &[("cli/Cargo.toml", "[package]\n")], "cli/Cargo.toml");
    accepts(lints::packages_without, &[("cli/Cargo.toml", "[lints]\nworkspace = true\n"), ("fuzz/Cargo.toml", "")]);
}

#[test]
fn a_sentence_does_not_begin_with_its_subject() {
    let rule = prose::beginnings;
    finds(
        rule,
        &[("cli/src/a.rs", "/// Makes it.\n///\n/// All is well. What\n/// is not is named.\nfn f() {}\n")],
        "a.rs:3",
    );
    finds(rule, &[("docs/a.md", "- Good.\n- Of these some.\n")], "a.md:2");
    finds(rule, &[("docs/a.md", "| a | b |\n| --- | --- |\n| good | Whoever comes |\n")], "a.md:3");
    let asks = "//! What is it? It is `Of` no use.\n//! - [`x`]: what it says.\nfn what() {}\n";
    accepts(rule, &[("cli/src/a.rs", asks), ("docs/a.md", "```\nWhat it prints\n```\n\nWhatsoever, Often.\n")]);
}
