//! README and `docs/`: every command in them exists, and prints what the page shows.
//!
//! A `console` block holds commands after `$ `, and what they print. A test runs all commands of a page in one shell, on a
//! machine of its own, and compares. Numbers, dates and ids may differ. `ENAMEL_BLESS=1` writes the real output into pages
//! that show another one. A reader does not see these comments of a page:
//!
//! - `<!-- setup … -->` holds commands that are run at this place;
//! - `<!-- file PATH -->` says which file the next block shows.

mod ids;
mod names;
mod page;
mod shape;
mod shell;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use scenario_tests::server::TestServer;

use crate::harness::Machine;
use ids::Ids;
use page::{Page, Step};
use shell::Shell;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// README and the pages in `docs/`: name and text.
pub fn pages() -> Vec<(String, String)> {
    let mut names = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    names.into_iter().map(|name| (name.clone(), fs::read_to_string(root().join(name)).unwrap())).collect()
}

/// Whether to write real output into the pages.
fn blesses() -> bool {
    std::env::var_os("ENAMEL_BLESS").is_some()
}

/// Runs the commands of a page and compares what they print.
fn check(name: &str, machine: &Machine) {
    let path = root().join(name);
    let text = fs::read_to_string(&path).unwrap();
    let page = Page::parse(&text);
    let printed = run(&page, machine);
    let steps = page.steps.iter().zip(&printed);
    let wrong: Vec<_> = steps.filter_map(|(step, printed)| step.difference(printed)).collect();
    if blesses() && !wrong.is_empty() {
        return fs::write(path, page.with(&printed)).unwrap();
    }
    assert!(wrong.is_empty(), "{name}\n{}", wrong.join("\n"));
}

/// The output of each step of a page, with the paths that the page shows.
fn run(page: &Page, machine: &Machine) -> Vec<String> {
    let (mut shell, mut ids, mut printed) = (Shell::start(machine), Ids::default(), Vec::new());
    for step in &page.steps {
        match step {
            Step::Setup(commands) => {
                let (output, succeeded) = shell.run(commands);
                assert!(succeeded, "{commands}\n{output}");
                printed.push(String::new());
            }
            Step::Command { text, output, .. } => {
                printed.push(shell.run(&ids.real(text)).0);
                ids.learn(output, printed.last().unwrap());
            }
        }
    }
    printed
}

/// A machine whose server answers at `/run/mysqld/mysqld.sock`.
fn machine_with_server() -> (Machine, TestServer) {
    let (machine, server) = (Machine::new(), TestServer::start(&[]));
    let socket = server.address().socket.unwrap();
    fs::create_dir_all(machine.path("run/mysqld")).unwrap();
    symlink(socket, machine.path("run/mysqld/mysqld.sock")).unwrap();
    (machine, server)
}

#[test]
fn the_first_backup_is_as_its_page_shows() {
    check("docs/first-backup.md", &Machine::new());
}

#[test]
fn a_database_is_saved_as_its_page_shows() {
    let (machine, _server) = machine_with_server();
    check("docs/database.md", &machine);
}

#[test]
fn old_data_are_removed_as_their_page_shows() {
    let (machine, _server) = machine_with_server();
    check("docs/remove-old-data.md", &machine);
}

#[test]
fn a_copy_off_site_is_made_as_its_page_shows() {
    check("docs/off-site.md", &Machine::new());
}

#[test]
fn another_computer_restores_as_its_page_shows() {
    let (machine, _server) = machine_with_server();
    check("docs/restore-on-another-computer.md", &machine);
}

#[test]
fn what_is_wrong_is_found_as_its_page_shows() {
    check("docs/when-something-is-wrong.md", &Machine::new());
}

#[test]
fn the_readme_shows_what_is_printed() {
    check("README.md", &Machine::new());
}
