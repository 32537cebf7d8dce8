//! The servers that tests run on: the installed one, and those that `tests/servers.sh` fetches.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

/// The versions that a run asks for: their names with blanks between, or `all`.
const ASKED: &str = "ENAMEL_TEST_VERSIONS";
/// Where fetched servers lie, if not in `target/servers`.
const FOLDER: &str = "ENAMEL_TEST_SERVERS";
/// Where distributions put servers, besides the search path.
const PROGRAMS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin"];

/// A server that tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The MariaDB that is installed, or that comes first on the search path. It always is asked for.
    Installed,
    /// MySQL 9.7, of Debian unstable.
    MySql97,
    /// MariaDB 10.5, of Debian 11.
    MariaDb105,
    /// MariaDB 11.8, of Debian 13.
    MariaDb118,
}

impl Version {
    /// All that tests can run on.
    pub const ALL: [Version; 4] = [Version::Installed, Version::MySql97, Version::MariaDb105, Version::MariaDb118];

    /// The versions that this run asks for: by default the installed one and MySQL 9.7.
    ///
    /// # Panics
    /// If the environment names a version that is not known.
    pub fn asked() -> Vec<Version> {
        let named = std::env::var(ASKED).unwrap_or_else(|_| "installed mysql-9.7".to_owned());
        if named.trim() == "all" {
            return Self::ALL.to_vec();
        }
        let words: Vec<&str> = named.split_whitespace().collect();
        let unknown = words.iter().find(|word| Self::ALL.iter().all(|version| version.name() != **word));
        assert_eq!(unknown, None, "{ASKED} must be `all` or some of {:?}", Self::ALL.map(Version::name));
        Self::ALL.into_iter().filter(|v| *v == Version::Installed || words.contains(&v.name())).collect()
    }

    /// Whether this run asks for it.
    pub fn is_asked(self) -> bool {
        Self::asked().contains(&self)
    }

    /// Its name in the environment and for `tests/servers.sh`.
    pub fn name(self) -> &'static str {
        match self {
            Version::Installed => "installed",
            Version::MySql97 => "mysql-9.7",
            Version::MariaDb105 => "mariadb-10.5",
            Version::MariaDb118 => "mariadb-11.8",
        }
    }

    /// Whether it is MySQL; else it is MariaDB.
    pub fn is_mysql(self) -> bool {
        self == Version::MySql97
    }

    /// The command that starts its server, with the options by which it finds what belongs to it.
    pub(super) fn server(self) -> Command {
        let Some(root) = self.root() else {
            let mut command = Command::new(installed("mariadbd", "mariadb-server"));
            command.arg("--no-defaults");
            return command;
        };
        let mut command = self.run(if self.is_mysql() { "mysqld" } else { "mariadbd" });
        command.args(["--no-defaults", &format!("--basedir={}", root.join("usr").display())]);
        command.arg(format!("--lc-messages-dir={}", self.share().display()));
        command.arg(format!("--character-sets-dir={}", self.share().join("charsets").display()));
        command.arg(format!("--plugin-dir={}", root.join("usr/lib/mysql/plugin").display()));
        command
    }

    /// The path of its server's program as one that users may name. Fetched servers get a script for it in `folder`.
    ///
    /// # Panics
    /// If it is not there, or the folder cannot be written.
    pub fn program(self, folder: &Path) -> PathBuf {
        if self == Version::Installed {
            return installed("mariadbd", "mariadb-server");
        }
        let command = self.server();
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
        let name = words[1].trim_matches('\'').to_owned();
        // The first option of users is the same as here.
        let script = format!("#!/bin/sh\nshift\nexec {} \"$@\"\n", words.join(" "));
        let path = folder.join(name);
        std::fs::write(&path, script).expect("a folder that can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a file of ours");
        path
    }

    /// The command that starts the client that comes with it.
    pub(super) fn client(self) -> Command {
        if self == Version::Installed {
            let mut command = Command::new("mariadb");
            command.arg("--no-defaults");
            return command;
        }
        let mut command = self.run(if self.is_mysql() { "mysql" } else { "mariadb" });
        command.args(["--no-defaults", &format!("--character-sets-dir={}", self.share().join("charsets").display())]);
        command
    }

    /// The program that comes with it and shows a binary log as statements. Fetched MariaDB has none.
    pub(super) fn log_reader(self) -> Command {
        if self == Version::Installed {
            let mut command = Command::new("mariadb-binlog");
            command.arg("--no-defaults");
            return command;
        }
        let mut command = self.run("mysqlbinlog");
        command.args(["--no-defaults", &format!("--character-sets-dir={}", self.share().join("charsets").display())]);
        command
    }

    /// The program that comes with it and shows the rules of a time zone as statements.
    pub(super) fn zone_reader(self) -> Command {
        if self == Version::Installed {
            return Command::new(installed("mariadb-tzinfo-to-sql", "mariadb-server"));
        }
        self.run("mysql_tzinfo_to_sql")
    }

    /// Where a fetched server has its messages, character sets and scripts.
    pub(super) fn share(self) -> PathBuf {
        let name = if self == Version::MariaDb118 { "mariadb" } else { "mysql" };
        self.root().unwrap_or_default().join("usr/share").join(name)
    }

    fn run(self, program: &str) -> Command {
        let mut command = Command::new(self.root().unwrap_or_default().join("run"));
        command.arg(program);
        command
    }

    /// The folder of a fetched server.
    ///
    /// # Panics
    /// If it was not fetched.
    fn root(self) -> Option<PathBuf> {
        if self == Version::Installed {
            return None;
        }
        let root = fetched_folder().join(self.name());
        assert!(
            root.join("run").is_file(),
            "this test needs {name}, and it is not in {}: run `tests/servers.sh get {name}`, \
             or leave it out of the tests with {ASKED}=installed",
            root.display(),
            name = self.name(),
        );
        Some(root)
    }
}

/// The scripts that make the schemas of well-known programs, in order of their names.
///
/// # Panics
/// If they were not fetched.
pub fn schemas_of_programs() -> Vec<PathBuf> {
    let folder = fetched_folder().join("schemas");
    let entries = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}: run `tests/servers.sh schemas`", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder that can be read").path()).collect();
    paths.sort();
    paths
}

/// The path of a file that `tests/servers.sh` has fetched; `None` if it has not.
pub fn fetched(file: &str) -> Option<PathBuf> {
    Some(fetched_folder().join(file)).filter(|path| path.exists())
}

fn fetched_folder() -> PathBuf {
    std::env::var_os(FOLDER).map_or_else(own_folder, PathBuf::from)
}

/// The folder of this project's build where servers and their templates lie.
pub(super) fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("servers")
}

/// The path of a program of the installed server.
///
/// # Panics
/// If it is not installed.
pub(super) fn installed(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(PROGRAMS.map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("this test needs a MariaDB server, and there is no {name}: on Debian `apt-get install {package}`")
    })
}

/// Root must say that it means it.
pub(super) fn user() -> Option<&'static str> {
    geteuid().is_root().then_some("--user=root")
}

/// Makes a test of each function, `fn name(version: Version)`, for each version: `mysql_9_7::name` and so on, in parallel.
/// The test of a version that the run does not ask for does nothing.
#[macro_export]
macro_rules! on_each_server {
    ($($name:ident),+ $(,)?) => {
        $crate::on_each_server!(@ installed Installed, $($name)+);
        $crate::on_each_server!(@ mysql_9_7 MySql97, $($name)+);
        $crate::on_each_server!(@ mariadb_10_5 MariaDb105, $($name)+);
        $crate::on_each_server!(@ mariadb_11_8 MariaDb118, $($name)+);
    };
    (@ $module:ident $version:ident, $($name:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    let version = $crate::server::Version::$version;
                    if version.is_asked() {
                        super::$name(version);
                    }
                }
            )+
        }
    };
}
