//! Makes the data folder of a scratch server.

use std::path::{Path, PathBuf};

use super::folder::Folder;
use super::program::Program;
use super::running::Running;
use super::settings::Settings;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Monitor;

/// The installer of MariaDB, under both its names.
const INSTALLERS: [&str; 2] = ["mariadb-install-db", "mysql_install_db"];
/// Where it is, seen from the folder of the server.
const BESIDE: [&str; 3] = [".", "../bin", "../scripts"];

/// The inputs of an installation.
pub(super) struct Installer<'i> {
    pub program: &'i Program,
    pub settings: &'i Settings<'i>,
    /// Where programs are looked for.
    pub search: &'i [PathBuf],
}

impl Installer<'_> {
    /// Makes the data folder. Its administrator is `root`, without a password.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if MariaDB's installer is missing; [`ErrorKind::Database`] if it fails; if the monitor wishes to stop.
    pub fn run(&self, monitor: &dyn Monitor) -> Result<()> {
        let folder: &Folder = self.settings.folder;
        let (program, arguments) = if self.program.server.is_mariadb() {
            (self.mariadb_installer()?, self.mariadb_arguments())
        } else {
            let mut arguments = self.settings.initial();
            arguments.push("--initialize-insecure".to_owned());
            (self.program.path.clone(), arguments)
        };
        Running::start(&program, &arguments, None, folder)?.wait_until_it_ends(folder, monitor)
    }

    fn mariadb_arguments(&self) -> Vec<String> {
        let mut arguments = self.settings.initial();
        let further = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"];
        arguments.extend(further.map(str::to_owned));
        // The installer looks for its server where it was packaged for, unless it is told.
        if let Some(base) = self.own_base() {
            arguments.push(format!("--basedir={}", base.display()));
        }
        arguments
    }

    /// The folder of an installation that is not the system's.
    fn own_base(&self) -> Option<&Path> {
        let base = self.program.path.parent()?.parent()?;
        (base != Path::new("/usr") && base.join("share").is_dir()).then_some(base)
    }

    fn mariadb_installer(&self) -> Result<PathBuf> {
        let own = self.program.path.parent().into_iter().flat_map(|folder| BESIDE.map(|beside| folder.join(beside)));
        let folders = own.chain(self.search.iter().cloned());
        let paths = folders.flat_map(|folder| INSTALLERS.map(|name| folder.join(name)));
        paths.into_iter().find(|path| path.is_file()).ok_or_else(|| {
            let message = format!("there is no {} beside {}", INSTALLERS[0], self.program.path.display());
            Error::new(ErrorKind::NotFound, message)
                .with_hint("On Debian `apt-get install mariadb-server-core` and `mariadb-server` have it.")
        })
    }
}
