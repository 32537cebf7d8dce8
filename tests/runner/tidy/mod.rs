//! Rules that no compiler checks: sizes, edges between modules, places of code, links in documents, prose.
//!
//! Goal: every rule that ARCHITECTURE.md states about the source is true of it. Method: the files are read into a
//! [`Repository`], each rule gives the faults it finds there, and [`planted`] shows that it finds them.

mod edges;
mod files;
mod links;
mod lints;
mod markdown;
mod places;
mod planted;
mod prose;
mod text;

use files::Repository;

/// The findings of a rule: where, and what is wrong there.
type Faults = Vec<String>;

#[track_caller]
fn check(rule: fn(&Repository) -> Faults) {
    let faults = rule(&Repository::read());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn files_are_short() {
    check(text::long_files);
}

#[test]
fn nothing_is_left_to_do() {
    check(text::unfinished);
}

#[test]
fn no_path_of_somebodys_machine_is_there() {
    check(text::machine_paths);
}

#[test]
fn modules_use_what_they_may() {
    check(edges::forbidden);
}

#[test]
fn what_has_a_place_stands_only_there() {
    check(places::strays);
}

#[test]
fn lints_reach_every_package() {
    check(lints::lost_settings);
    check(lints::packages_without);
}

#[test]
fn links_lead_somewhere() {
    check(links::broken);
}

#[test]
fn paths_that_the_documents_name_exist() {
    check(links::unknown_paths);
}

#[test]
fn sentences_begin_with_their_subject() {
    check(prose::beginnings);
}
