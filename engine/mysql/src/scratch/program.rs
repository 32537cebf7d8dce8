//! Finds the program of a server: of a flavour, and of a version that takes what another one has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ScratchOptions;
use crate::database::Server;
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
const NO_MARIADB: &str = "Install MariaDB's program of that series on this machine, it need not run (on Debian `apt-get install \
                          mariadb-server-core`), or name it with --server-program.";
const NO_MYSQL: &str = "Install MySQL's program of that series on this machine, it need not run (on Ubuntu `apt-get install \
                        mysql-server-core-8.0`, from MySQL's own packages `mysql-community-server-core`), or name it with --server-program.";
const NOT_SUITING: &str =
    "Name a program of that series with --server-program, or leave the option out: Enamel looks for an installed one.";

/// A program of a server.
#[derive(Debug)]
pub(super) struct Program {
    pub path: PathBuf,
    pub server: Server,
}

/// The program that suits `source`: the one that is named, or the best of the installed ones.
///
/// # Errors
/// [`ErrorKind::NotFound`] if there is none; [`ErrorKind::Usage`] if the one that is named does not suit.
pub(super) fn find(source: &Server, options: &ScratchOptions) -> Result<Program> {
    if let Some(path) = &options.program {
        let server = ask(path)?;
        return if server.takes_data_of(source) {
            Ok(Program { path: path.clone(), server })
        } else {
            let message = format!("{} is {}, and {} is needed", path.display(), server.title(), needed(source));
            Err(Error::new(ErrorKind::Usage, message).with_hint(NOT_SUITING))
        };
    }
    let programs: Vec<Program> = installed(options).collect();
    let seen: Vec<String> = programs.iter().map(|program| program.server.title()).collect();
    best(source, programs).ok_or_else(|| none(source, seen))
}

/// The one that is named, or the first one that is installed.
///
/// # Errors
/// The one that is named is no program of a server.
pub(super) fn any(options: &ScratchOptions) -> Result<Option<Program>> {
    match &options.program {
        Some(path) => Ok(Some(Program { path: path.clone(), server: ask(path)? })),
        None => Ok(installed(options).next()),
    }
}

fn installed(options: &ScratchOptions) -> impl Iterator<Item = Program> {
    let folders = options.search.iter().cloned().chain(USUAL.map(PathBuf::from));
    let paths = folders.flat_map(|folder| NAMES.map(|name| folder.join(name))).filter(|path| path.is_file());
    // A program that does not run here, or is of something else, is no candidate.
    paths.filter_map(|path| Some(Program { server: ask(&path).ok()?, path }))
}

/// The oldest that is not older than `source`; otherwise the newest of its series.
fn best(source: &Server, programs: Vec<Program>) -> Option<Program> {
    let suiting = programs.into_iter().filter(|program| program.server.takes_data_of(source));
    let (older, others): (Vec<_>, Vec<_>) = suiting.partition(|program| program.server.version < source.version);
    let version = |program: &Program| program.server.version;
    others.into_iter().min_by_key(version).or_else(|| older.into_iter().max_by_key(version))
}

fn none(source: &Server, mut seen: Vec<String>) -> Error {
    seen.dedup();
    let seen = if seen.is_empty() { String::new() } else { format!("; there is {}", seen.join(", ")) };
    let message = format!("no program of a server is installed here that is {}{seen}", needed(source));
    let hint = if source.is_mariadb() { NO_MARIADB } else { NO_MYSQL };
    Error::new(ErrorKind::NotFound, message).with_hint(hint)
}

fn needed(source: &Server) -> String {
    format!("{} or newer", source.title_of_series())
}

/// Asks a program for its flavour and version.
fn ask(path: &Path) -> Result<Server> {
    let doing = || format!("cannot ask {} for its version", path.display());
    let output = Command::new(path).args(["--no-defaults", "--version"]).stdin(Stdio::null()).output();
    let output = output.map_err(|e| Error::io(doing(), e))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.split_once(" Ver ") {
        Some((_, version)) if output.status.success() => Ok(Server::from_version(version.trim_start())),
        _ => {
            Err(Error::new(ErrorKind::Usage, format!("{}: it is not a server program", doing())).with_hint(NOT_SUITING))
        }
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

    /// Folders with a program of each of `versions`.
    fn folders(versions: &[&str]) -> Vec<tempfile::TempDir> {
        let folder = |version: &&str| {
            let folder = tempfile::tempdir().unwrap();
            program(folder.path(), "mariadbd", &format!("mariadbd  Ver {version} for Linux on x86_64 (x)"));
            folder
        };
        versions.iter().map(folder).collect()
    }

    fn looking_in(folders: &[tempfile::TempDir]) -> ScratchOptions {
        let search = folders.iter().map(|folder| folder.path().to_owned()).collect();
        ScratchOptions { search, ..ScratchOptions::default() }
    }

    #[test]
    fn the_oldest_program_that_is_not_older_is_taken() {
        let folders = folders(&["999.4.2-MariaDB", "999.1.7-MariaDB", "999.2.0-MariaDB-log"]);
        program(folders[0].path(), "mysqld", "/usr/sbin/mysqld  Ver 999.1.9 for Linux on x86_64");
        let options = looking_in(&folders);
        let version = |source: &str| find(&Server::from_version(source), &options).map(|found| found.server.version);
        assert_eq!(version("999.1.7-MariaDB").unwrap(), (999, 1, 7));
        assert_eq!(version("999.1.8-MariaDB").unwrap(), (999, 2, 0));
        assert_eq!(version("999.1.9").unwrap(), (999, 1, 9));
        let none = version("999.5.0-MariaDB").unwrap_err();
        assert_eq!(none.kind(), ErrorKind::NotFound);
        assert!(none.to_string().contains("MariaDB 999.5 or newer"), "{none}");
        assert!(none.hint().unwrap().contains("mariadb-server-core"), "{none}");
        let none = version("999.2.0").unwrap_err();
        assert!(none.to_string().contains("MySQL 999.2 or newer"), "{none}");
        assert!(none.hint().unwrap().contains("mysql-community-server-core"), "{none}");
    }

    #[test]
    fn of_older_programs_the_newest_of_the_series_is_taken() {
        let folders = folders(&["999.1.2-MariaDB", "999.1.7-MariaDB", "999.0.9-MariaDB"]);
        let options = looking_in(&folders);
        let version = |source: &str| find(&Server::from_version(source), &options).map(|found| found.server.version);
        assert_eq!(version("999.1.8-MariaDB").unwrap(), (999, 1, 7));
        assert_eq!(version("999.1.3-MariaDB").unwrap(), (999, 1, 7));
        assert_eq!(version("999.0.10-MariaDB").unwrap(), (999, 1, 2), "a newer series is not older");
        assert_eq!(version("999.2.0-MariaDB").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_program_that_is_named_must_suit() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "mysqld", "mysqld  Ver 8.0.30 for Linux on x86_64");
        let options = ScratchOptions { program: Some(folder.path().join("mysqld")), ..ScratchOptions::default() };
        for source in ["8.0.30", "8.0.31", "5.7.44"] {
            assert_eq!(find(&Server::from_version(source), &options).unwrap().server.version, (8, 0, 30), "{source}");
        }
        for other in ["8.4.0", "5.5.5-10.5.1-MariaDB"] {
            let error = find(&Server::from_version(other), &options).unwrap_err();
            assert_eq!((error.kind(), error.hint()), (ErrorKind::Usage, Some(NOT_SUITING)), "{error}");
        }
    }
}
