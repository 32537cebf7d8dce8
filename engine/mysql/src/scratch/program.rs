//! Finds the program of a server: of a flavour, and of a version that takes what another one has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use repo_format::database::Flavour;

use super::ScratchOptions;
use crate::database::{Server, Version};
use engine_core::error::{Error, ErrorKind, Result};

/// Where distributions put servers.
const USUAL: [&str; 8] = [
    "/usr/sbin",
    "/usr/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/libexec",
    "/usr/local/mysql/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/sbin",
];
const NAMES: [&str; 2] = ["mariadbd", "mysqld"];
const NOT_INSTALLED: &str = "Install the server's program on this machine, it need not run (on Debian `apt-get install mariadb-server-core` or \
                             `mysql-server-core`), or name it with --server-program.";

/// A program of a server.
#[derive(Debug)]
pub(super) struct Program {
    pub path: PathBuf,
    pub server: Server,
}

/// The program that suits `source`: the one that is named, or the oldest of the installed ones that is not older than `source`.
///
/// # Errors
/// [`ErrorKind::NotFound`] if there is none; [`ErrorKind::Usage`] if the one that is named does not suit.
pub(super) fn find(source: &Server, options: &ScratchOptions) -> Result<Program> {
    if let Some(path) = &options.program {
        let server = ask(path)?;
        return if server.takes_data_of(source) {
            Ok(Program { path: path.clone(), server })
        } else {
            let message = format!("{} is {}, and {} is needed", path.display(), said(&server), needed(source));
            Err(Error::new(ErrorKind::Usage, message))
        };
    }
    let folders = options.search.iter().cloned().chain(USUAL.map(PathBuf::from));
    let paths = folders.flat_map(|folder| NAMES.map(|name| folder.join(name))).filter(|path| path.is_file());
    // A program that does not run here, or is of something else, is no candidate.
    let there = paths.filter_map(|path| Some(Program { server: ask(&path).ok()?, path }));
    let programs: Vec<Program> = there.collect();
    let seen: Vec<String> = programs.iter().map(|program| said(&program.server)).collect();
    let suiting = programs.into_iter().filter(|program| program.server.takes_data_of(source));
    suiting.min_by_key(|program| program.server.version).ok_or_else(|| none(source, seen))
}

fn none(source: &Server, mut seen: Vec<String>) -> Error {
    seen.dedup();
    let seen = if seen.is_empty() { String::new() } else { format!("; there is {}", seen.join(", ")) };
    let message = format!("no program of a server is installed here that is {}{seen}", needed(source));
    Error::new(ErrorKind::NotFound, message).with_hint(NOT_INSTALLED)
}

fn needed(source: &Server) -> String {
    format!("{} or newer", said(source))
}

fn said(server: &Server) -> String {
    let (major, minor, patch): Version = server.version;
    format!("{} {major}.{minor}.{patch}", flavour_name(server.flavour))
}

fn flavour_name(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::MariaDb => "MariaDB",
        Flavour::MySql => "MySQL",
    }
}

/// Asks a program for its flavour and version.
fn ask(path: &Path) -> Result<Server> {
    let doing = || format!("cannot ask {} for its version", path.display());
    let output = Command::new(path).args(["--no-defaults", "--version"]).stdin(Stdio::null()).output();
    let output = output.map_err(|e| Error::io(doing(), e))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.split_once(" Ver ") {
        Some((_, version)) if output.status.success() => Ok(Server::from_version(version.trim_start())),
        _ => Err(Error::new(ErrorKind::Usage, format!("{}: it is not a server program", doing()))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(folder: &Path, name: &str, says: &str) {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn the_oldest_program_that_is_not_older_is_taken() {
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let versions = ["999.4.2-MariaDB", "999.1.7-MariaDB", "999.2.0-MariaDB-log"];
        for (folder, version) in folders.iter().zip(versions) {
            program(folder.path(), "mariadbd", &format!("mariadbd  Ver {version} for Linux on x86_64 (x)"));
        }
        program(folders[0].path(), "mysqld", "/usr/sbin/mysqld  Ver 999.1.9 for Linux on x86_64");
        let search = folders.iter().map(|folder| folder.path().to_owned()).collect();
        let options = ScratchOptions { search, ..ScratchOptions::default() };
        let version = |source: &str| find(&Server::from_version(source), &options).map(|found| found.server.version);
        assert_eq!(version("999.1.8-MariaDB").unwrap(), (999, 2, 0));
        assert_eq!(version("999.1.7-MariaDB").unwrap(), (999, 1, 7));
        assert_eq!(version("999.1.9").unwrap(), (999, 1, 9));
        let none = version("999.5.0-MariaDB").unwrap_err();
        assert_eq!(none.kind(), ErrorKind::NotFound);
        assert!(none.to_string().contains("MariaDB 999.5.0 or newer"), "{none}");
        assert!(none.hint().is_some());
    }

    #[test]
    fn a_program_that_is_named_must_suit() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "mysqld", "mysqld  Ver 8.0.30 for Linux on x86_64");
        let options = ScratchOptions { program: Some(folder.path().join("mysqld")), ..ScratchOptions::default() };
        assert!(find(&Server::from_version("8.0.30"), &options).is_ok());
        for other in ["8.0.31", "5.5.5-10.5.1-MariaDB"] {
            assert_eq!(find(&Server::from_version(other), &options).unwrap_err().kind(), ErrorKind::Usage);
        }
    }
}
