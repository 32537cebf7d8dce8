//! Scratch servers: servers of the program's own, which are gone afterwards however it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine::ErrorKind;
use engine::database::Connection;
use engine::monitor::{Monitor, NullMonitor};
use engine::scratch::{ScratchOptions, ScratchServer};
use repo_format::database::{Flavour, Moment, ServerRecord, Variable};
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use crate::support::Listener;

on_each_server!(
    a_scratch_server_has_the_settings_of_the_source_and_is_gone_afterwards,
    a_server_of_its_own_keeps_a_log_and_is_gone_afterwards,
);

/// A server whose settings are unusual.
fn record(version: Version) -> ServerRecord {
    let variables = [
        ("character_set_server", "latin1"),
        ("collation_server", "latin1_german1_ci"),
        ("div_precision_increment", "7"),
        ("lower_case_table_names", "1"),
        ("sql_mode", "ANSI_QUOTES"),
    ];
    let variable = |(name, value): (&str, &str)| Variable { name: name.to_owned(), value: value.to_owned() };
    ServerRecord {
        flavour: if version.is_mysql() { Flavour::MySql } else { Flavour::MariaDb },
        version: if version.is_mysql() { "8.0.36" } else { "10.4.1-MariaDB-log" }.to_owned(),
        identity: "source".to_owned(),
        hostname: "source".to_owned(),
        started: 0,
        clock_ahead: 0,
        time_zone: "+03:00/UTC".to_owned(),
        variables: variables.map(variable).to_vec(),
        binlog: None,
        moment: Moment {
            seconds: 0,
            microseconds: 0,
            attempts: 1,
            method: "snapshots".to_owned(),
            commits_blocked: 0,
            tables_locked: 0,
            longest_wait: 0,
        },
        carried: Vec::new(),
        late: Vec::new(),
        left_out: Vec::new(),
        profile: None,
        alterations: None,
        in_part: None,
    }
}

fn options(version: Version, folder: &Path) -> ScratchOptions {
    ScratchOptions { program: Some(version.program(folder)), parent: Some(parent(folder)), ..ScratchOptions::default() }
}

/// Folders of tests are their user's alone; the account of a scratch server must come through.
pub fn parent(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder.to_owned()
}

/// Names of what is in the folder for scratch servers below `folder`.
fn left_in(folder: &Path) -> Vec<String> {
    let own = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let own = own.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("enamel-scratch-"));
    let inside = own.flat_map(|path| std::fs::read_dir(path).unwrap());
    inside.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn a_scratch_server_has_the_settings_of_the_source_and_is_gone_afterwards(version: Version) {
    if matches!(version, Version::MariaDb105 | Version::MariaDb118) {
        // Their packages for tests have no installer.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let scratch = ScratchServer::start(&record(version), &options(version, folder.path()), &NullMonitor).unwrap();
    let address = scratch.address();
    let mut connection = Connection::open(&address).unwrap();
    let mut is = |sql: &str| connection.value(&format!("SELECT {sql}")).unwrap().unwrap_or_default();
    assert_eq!(is("@@global.sql_mode"), "ANSI_QUOTES");
    assert_eq!(is("@@global.collation_server"), "latin1_german1_ci");
    assert_eq!(is("@@global.time_zone"), "+03:00");
    assert_eq!(is("@@global.lower_case_table_names"), "1");
    assert_eq!(is("@@global.div_precision_increment"), "7");
    assert_eq!(is("@@global.log_bin + @@global.port * @@global.skip_networking * 0"), "0");
    assert_eq!(is("@@global.local_infile"), "1");
    assert_eq!(is("@@global.event_scheduler"), "OFF");
    assert_eq!(left_in(folder.path()).len(), 2);
    drop(connection);
    drop(scratch);
    assert!(Connection::open(&address).is_err());
    assert!(left_in(folder.path()).is_empty(), "{:?}", left_in(folder.path()));
}

fn a_server_of_its_own_keeps_a_log_and_is_gone_afterwards(version: Version) {
    if matches!(version, Version::MariaDb105 | Version::MariaDb118) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = ScratchServer::start_own(&options(version, folder.path()), &NullMonitor).unwrap().unwrap();
    let mut connection = Connection::open(&server.address()).unwrap();
    let log = connection.value("SELECT CONCAT_WS(' ', @@log_bin + 0, @@binlog_format, @@server_id)").unwrap();
    assert_eq!(log.as_deref(), Some("1 ROW 1"));
    drop((connection, server));
    assert_eq!(left_in(folder.path()), [""; 0]);
}

#[test]
fn a_server_that_does_not_start_is_named_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mysqld");
    let script = "#!/bin/sh\ncase \"$*\" in *--version) echo 'x  Ver 9.0.0 for Linux'; exit ;; esac\necho '[ERROR] no disk'; exit 1\n";
    std::fs::write(&path, script).unwrap();
    assert!(Command::new("chmod").arg("755").arg(&path).status().unwrap().success());
    let options =
        ScratchOptions { program: Some(path), parent: Some(parent(folder.path())), ..ScratchOptions::default() };
    let error = ScratchServer::start(&record(Version::MySql97), &options, &NullMonitor).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(error.to_string().contains("[ERROR] no disk"), "{error}");
    assert!(left_in(folder.path()).is_empty());
}

#[test]
fn a_scratch_server_needs_room() {
    let folder = tempfile::tempdir().unwrap();
    let options = ScratchOptions { data_bytes: 1 << 60, ..options(Version::Installed, folder.path()) };
    let error = ScratchServer::start(&record(Version::Installed), &options, &NullMonitor).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(left_in(folder.path()).is_empty());
}

#[test]
fn a_wish_to_stop_ends_a_start() {
    struct Stopped;
    impl Monitor for Stopped {
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let options = options(Version::Installed, folder.path());
    let error = ScratchServer::start(&record(Version::Installed), &options, &Stopped).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(left_in(folder.path()).is_empty());
}

/// Says in which folder [`leaves_a_scratch_server_behind`] starts one.
const FOLDER: &str = "ENAMEL_TEST_SCRATCH_FOLDER";

#[test]
fn a_killed_run_leaves_no_server_and_the_next_one_removes_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["database::scratch::leaves_a_scratch_server_behind", "--exact", "--ignored", "--nocapture"]);
    let mut child = command.env(FOLDER, folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let said = lines.find_map(|line| line.unwrap().strip_prefix("socket ").map(str::to_owned));
    let socket = PathBuf::from(said.unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left_in(folder.path()).len(), 2);

    let listener = Listener::default();
    let options = options(Version::Installed, folder.path());
    let scratch = ScratchServer::start(&record(Version::Installed), &options, &listener).unwrap();
    assert!(!socket.exists(), "the folder of the killed run is gone");
    assert_eq!(listener.heard("a run had left that was killed"), 1);
    assert_eq!(left_in(folder.path()).len(), 2, "its own");
    drop(scratch);
    assert!(left_in(folder.path()).is_empty());
}

#[test]
#[ignore = "another test starts it, and kills it"]
fn leaves_a_scratch_server_behind() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let options = options(Version::Installed, &folder);
    let scratch = ScratchServer::start(&record(Version::Installed), &options, &NullMonitor).unwrap();
    println!("socket {}", scratch.address().socket.unwrap().display());
    loop {
        std::thread::park();
    }
}
