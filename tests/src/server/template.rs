//! A data folder as a new installation has it, made once for all processes of this build, and copied for each server.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Version;
use super::version::{installed, own_folder, user};

/// Options that MySQL must have from the first moment of a data folder.
const INITIAL: [&str; 2] = ["--lower-case-table-names", "--innodb-page-size"];
const SMALL: &[&str] = &["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M"];
const SMALL_MYSQL: &[&str] = &[
    "--innodb-redo-log-capacity=8M",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=OFF",
    "--skip-log-bin",
    "--secure-file-priv=",
];
/// MariaDB has this one too.
const ADMINISTRATOR: &str = "CREATE USER root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";
/// The scripts of MariaDB's installer for a new server, in this order. Names are without `mariadb_` or `mysql_`, which
/// depends on the version.
const SYSTEM: [&str; 4] = ["system_tables", "performance_tables", "system_tables_data", "sys_schema"];

/// The template of a version for servers with these options; it is made if it is not there.
pub fn of(version: Version, options: &[String]) -> PathBuf {
    let is_initial = |option: &&String| version.is_mysql() && INITIAL.iter().any(|initial| option.starts_with(initial));
    let initial: Vec<&String> = options.iter().filter(is_initial).collect();
    let parent = own_folder();
    std::fs::create_dir_all(&parent).expect("a folder of the build");
    let template = parent.join(name(version, &initial));
    if template.exists() {
        return template;
    }
    let lock = File::create(beside(&template, "lock")).expect("a folder that can be written");
    lock.lock().expect("a file that can be locked");
    if !template.exists() {
        // It gets its name when it is whole. A test that was killed may have left a part.
        let part = beside(&template, "part");
        let _ = std::fs::remove_dir_all(&part);
        install(version, &part, &initial);
        std::fs::rename(&part, &template).expect("a folder that can be written");
    }
    template
}

/// Another program, other options or another user: another template.
fn name(version: Version, initial: &[&String]) -> String {
    let output = version.server().arg("--version").output().expect("a server that runs");
    let mut hasher = DefaultHasher::new();
    (output.stdout, SMALL, SMALL_MYSQL, ADMINISTRATOR, initial, rustix::process::geteuid().as_raw()).hash(&mut hasher);
    format!("{}-template-{:016x}", version.name(), hasher.finish())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    name.into()
}

fn install(version: Version, folder: &Path, initial: &[&String]) {
    match version {
        Version::Installed => install_installed(folder),
        Version::MySql97 => {
            let file = beside(folder, "sql");
            std::fs::write(&file, ADMINISTRATOR).expect("a folder that can be written");
            let mut command = version.server();
            command.args(SMALL_MYSQL).args(initial).arg("--initialize-insecure");
            command.arg(format!("--init-file={}", file.display()));
            finish(command.arg(format!("--datadir={}", folder.display())).args(user()), &[]);
        }
        Version::MariaDb105 | Version::MariaDb118 => {
            std::fs::create_dir_all(folder.join("mysql")).expect("a folder that can be written");
            let mut command = version.server();
            command.args(SMALL).args(initial).args(["--bootstrap", "--max-allowed-packet=8M"]);
            finish(command.arg(format!("--datadir={}", folder.display())).args(user()), &system_tables(version));
        }
    }
}

fn install_installed(folder: &Path) {
    // The installer looks for its server beside the search path too, so a missing one is found first.
    installed("mariadbd", "mariadb-server");
    let mut command = Command::new(installed("mariadb-install-db", "mariadb-server"));
    command.args(["--no-defaults", &format!("--datadir={}", folder.display())]).args(user());
    command.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]).args(SMALL);
    finish(&mut command, &[]);
}

/// The statements that make the system tables, with a root that has no password.
fn system_tables(version: Version) -> Vec<u8> {
    let mut statements = b"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n".to_vec();
    let share = version.share();
    for part in SYSTEM {
        let names = [format!("mariadb_{part}.sql"), format!("mysql_{part}.sql")];
        // 10.5 has no schema `sys`.
        let Some(path) = names.iter().map(|name| share.join(name)).find(|path| path.exists()) else { continue };
        let text = std::fs::read_to_string(path).expect("a script of the server");
        // The accounts of the machine's own name are not made.
        let lines = text.lines().filter(|line| !line.contains("@current_hostname"));
        lines.for_each(|line| writeln!(statements, "{line}").expect("memory"));
    }
    statements
}

/// Runs what makes a data folder, and gives it `input`.
fn finish(command: &mut Command, input: &[u8]) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        // A server that ends early does not read it all; why it ended is in the output.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("a child")
    });
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder that can be written");
    for entry in std::fs::read_dir(from).expect("the template") {
        let entry = entry.expect("the template");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("the template").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("space for a copy");
        }
    }
}
