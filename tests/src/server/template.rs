//! A data folder as a new installation has it, made once and copied for each server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

/// Where distributions put servers, besides the search path.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin"];

static SHARED: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());

/// The template that living servers of this process share; a new one if there is none.
pub fn shared() -> Arc<TempDir> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(template) = shared.upgrade() {
        return template;
    }
    let template = Arc::new(install());
    *shared = Arc::downgrade(&template);
    template
}

fn install() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The installer looks for its server beside the search path too, so a missing one is found first.
    program("mariadbd", "mariadb-server");
    let output = Command::new(program("mariadb-install-db", "mariadb-server"))
        .args(["--no-defaults", &format!("--datadir={}", folder.path().display())])
        .args(user())
        .args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"])
        .args(["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M"])
        .output()
        .unwrap_or_else(|e| panic!("cannot run mariadb-install-db: {e}"));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    assert!(output.status.success(), "mariadb-install-db failed:\n{said}");
    folder
}

/// The path of a program of the server.
///
/// # Panics
/// If it is not installed.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("this test needs a MariaDB server, and there is no {name}: on Debian `apt-get install {package}`")
    })
}

/// Root must say that it means it.
pub fn user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder that can be written");
    for entry in std::fs::read_dir(from).expect("the template") {
        let entry = entry.expect("the template");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("the template").is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("space for a copy")),
        }
    }
}
