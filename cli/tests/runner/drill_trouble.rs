//! Drills in trouble: a full disk, a server that is in use, a drill that was killed, a copy that is damaged. Nothing of
//! it is taken for damage of the backup, and nothing of a drill stays.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scenario_tests::server::TestServer;

use crate::harness::{Answer, Machine, files};

/// A table of an engine that waits for ever when the disk is full.
const SCHEMA: &str = "CREATE DATABASE practice; USE practice;
    CREATE TABLE xray (n BIGINT PRIMARY KEY, picture LONGBLOB NOT NULL) ENGINE=MyISAM;
    INSERT INTO xray SELECT seq, CONCAT(seq, REPEAT('x', 50000)) FROM seq_1_to_400;";
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// A machine with a snapshot of a database, whose scratch folder the account of a server can enter.
fn practice() -> (Machine, TestServer) {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(SCHEMA);
    machine.run(["backup", "--database", &server.url(), "--schema", "practice", "--no-log"]).expect(0);
    open_to_servers(&machine);
    (machine, server)
}

fn open_to_servers(machine: &Machine) {
    for folder in ["", "scratch"] {
        fs::create_dir_all(machine.path(folder)).unwrap();
        fs::set_permissions(machine.path(folder), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn drill(machine: &Machine) -> Command {
    machine.command(["--json", "drill", "--scratch-folder", &machine.arg("scratch")])
}

/// Folders of scratch servers and their markers.
fn left(machine: &Machine) -> Vec<PathBuf> {
    let own = fs::read_dir(machine.path("scratch")).unwrap().map(|entry| entry.unwrap().path());
    let own = own.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("enamel-scratch-"));
    own.flat_map(|path| fs::read_dir(path).unwrap()).map(|entry| entry.unwrap().path()).collect()
}

/// The file of this name that a scratch server has made; waits for it.
fn made_by_server(scratch: &Path, ending: &str) -> PathBuf {
    let began = Instant::now();
    loop {
        // The folder changes meanwhile: what goes away is no answer.
        let found = Command::new("find").arg(scratch).args(["-path", ending]).stderr(Stdio::null()).output().unwrap();
        if let Some(path) = String::from_utf8(found.stdout).unwrap().lines().next() {
            return path.into();
        }
        assert!(began.elapsed() < PATIENCE, "no server has made {ending}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The only evidence says that nothing was proved, and why.
#[track_caller]
fn not_carried_out(machine: &Machine, why: &str) {
    let list = machine.run(["--json", "drill", "list"]).expect(0).messages();
    assert_eq!((list.len(), list[0]["result"].as_str(), list[0]["faults"].as_u64()), (1, Some("not-done"), Some(0)));
    machine.run(["drill", "show", list[0]["id"].as_str().unwrap()]).expect(0).prints(why);
    let on = machine.run(["--json", "status"]).expect(0).messages();
    let check = on.iter().find(|message| message["question"] == "restorable").unwrap();
    assert_eq!(check["state"], "attention", "{check}");
}

/// A small disk; none where this user may not mount one.
struct Disk(PathBuf);

impl Disk {
    fn of(machine: &Machine, megabytes: u32) -> Option<Self> {
        let folder = machine.path("scratch");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=755"), "none"]).arg(&folder);
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success()).then_some(Disk(folder))
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 1 << 16]).is_ok() {}
        while filler.write_all(&[0; 512]).is_ok() {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Fails if a server still has a file open there: then the test has failed before.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_server_whose_disk_is_full_ends_a_drill_and_is_no_damage() {
    let (machine, _server) = practice();
    let Some(disk) = Disk::of(&machine, 700) else { return };
    let running = drill(&machine).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    made_by_server(&disk.0, "*/data/practice");
    disk.fill();
    let answer = Answer::of(running.wait_with_output().unwrap()).expect(1);
    assert!(answer.err.contains("the disk of the scratch server") && answer.err.contains("no-space"), "{}", answer.err);
    assert!(answer.err.contains("--scratch-folder"), "{}", answer.err);
    assert_eq!(left(&machine), Vec::<PathBuf>::new());
    not_carried_out(&machine, "the disk of the scratch server");
    assert!(Command::new("umount").arg(&disk.0).status().unwrap().success(), "no process is left there");
    // With room it works.
    Answer::of(drill(&machine).output().unwrap()).expect(0);
    assert_eq!(left(&machine), Vec::<PathBuf>::new());
}

#[test]
fn a_disk_without_room_for_a_server_is_named_with_what_is_needed() {
    let (machine, _server) = practice();
    let Some(_disk) = Disk::of(&machine, 50) else { return };
    let answer = Answer::of(drill(&machine).output().unwrap()).expect(1);
    assert!(
        answer.err.contains("no room for a scratch server") && answer.err.contains("50 MB are free"),
        "{}",
        answer.err
    );
    not_carried_out(&machine, "no room for a scratch server");
}

#[test]
fn a_folder_that_takes_no_large_file_is_no_damage() {
    let machine = Machine::with_repository();
    machine.write("source/large.bin", vec![7; 40 << 20]);
    machine.backup(&[]);
    open_to_servers(&machine);
    let mut command = Command::new("sh");
    // 16 MiB, as if the file system took no larger file.
    command.args(["-c", r#"ulimit -f 32768 && exec "$0" "$@""#, crate::harness::ENAMEL]);
    command.args(["--json", "drill", "--scratch-folder", &machine.arg("scratch")]).env_clear();
    let own = drill(&machine);
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(machine.path(""));
    let answer = Answer::of(command.output().unwrap()).expect(1);
    assert!(answer.err.contains("large.bin") && answer.err.contains("cannot be restored into"), "{}", answer.err);
    assert_eq!(left(&machine), Vec::<PathBuf>::new());
    not_carried_out(&machine, "cannot be restored into");
    Answer::of(drill(&machine).output().unwrap()).expect(3);
}

#[test]
fn a_port_in_use_holds_no_drill_up() {
    let (machine, _server) = practice();
    // Somebody else may have it: that is as good.
    let _port = TcpListener::bind(("127.0.0.1", 3306));
    Answer::of(drill(&machine).output().unwrap()).expect(0);
}

#[test]
fn a_server_that_another_drill_uses_is_left_alone() {
    let (machine, server) = practice();
    let mut other = server.connect();
    assert_eq!(other.value("SELECT GET_LOCK('enamel drill', 0)").unwrap().as_deref(), Some("1"));
    machine.run(["drill", "--into", &server.url()]).expect(11).says("another drill is using this server");
    drop(other);
    machine.run(["drill", "--into", &server.url()]).expect(0);
    assert!(server.rows("SHOW DATABASES LIKE '%drill%'").is_empty());
}

#[test]
fn the_next_drill_removes_what_a_killed_one_has_left() {
    let (machine, _server) = practice();
    let mut running = drill(&machine).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let data = made_by_server(&machine.path("scratch"), "*/data/practice");
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(left(&machine).len(), 2, "the folder and its marker");
    let list = machine.run(["drill", "list"]).expect(0);
    assert!(list.out.contains("no drill"), "a drill that was killed proves nothing: {}", list.out);

    let answer = Answer::of(drill(&machine).output().unwrap()).expect(0);
    assert!(answer.err.contains("which a run had left that was killed"), "{}", answer.err);
    assert!(!data.exists());
    assert_eq!(left(&machine), Vec::<PathBuf>::new());
    assert_eq!(answer.last("summary")["result"], "passed");
}

#[test]
fn a_drill_from_a_copy_is_evidence_about_the_copy_in_the_own_repository() {
    let machine = Machine::with_snapshot();
    fs::remove_file(machine.path("source/A/xray.jpg")).unwrap();
    let snapshot = machine.backup(&[]);
    let second = ["--to", "second", "--to-key-file", "second.key"];
    machine.run(["copy", "--new", "--init"].iter().chain(&second)).expect(0);
    let from = ["--json", "drill", "--from", "second", "--from-key-file", "second.key"];
    let before = files(&machine.path("second"));
    machine.run(from).expect(0);
    assert_eq!(files(&machine.path("second")), before, "nothing is written into the copy");
    let evidence = machine.run(["--json", "drill", "list"]).expect(0).last("evidence");
    assert_eq!((&evidence["from_copy"], &evidence["result"]), (&true.into(), &"passed".into()), "{evidence}");
    assert_eq!(evidence["snapshot"], snapshot.as_str(), "the snapshot as it is called here");
    machine.run(["drill", "--from", "second"]).expect(2).says("no password of").says("a key or password of its own");

    // Damage in the copy is named, and is none of the original.
    for pack in files(&machine.path("second/packs")) {
        let mut bytes = fs::read(&pack).unwrap();
        bytes.iter_mut().skip(64).step_by(50).for_each(|byte| *byte ^= 1);
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    machine.run(from).expect(4);
    machine.run(["drill"]).expect(0);
    let records = machine.run(["--json", "drill", "list"]).expect(0).messages();
    let of = |from_copy: bool| records.iter().filter(move |record| record["from_copy"] == from_copy);
    assert_eq!(of(true).map(|record| record["result"].clone()).collect::<Vec<_>>(), ["failed", "passed"]);
    assert_eq!(of(false).map(|record| record["result"].clone()).collect::<Vec<_>>(), ["passed"]);
    fs::remove_dir_all(machine.path("second")).unwrap();
    machine.run(from).expect(10);
}

#[test]
fn no_line_of_a_certificate_is_longer_than_80_columns() {
    let (machine, server) = (Machine::with_snapshot(), TestServer::start(&[]));
    server.script(SCHEMA);
    open_to_servers(&machine);
    let images = machine.path("images of a practice with a long name/and of another folder below it");
    fs::create_dir_all(&images).unwrap();
    for n in 0..30 {
        fs::write(images.join(format!("{n}-{}.jpg", "long".repeat(40))), "no picture").unwrap();
    }
    let database = ["--database", &server.url(), "--schema", "practice", "--no-log"].map(str::to_owned);
    let args = [vec!["backup".to_owned()], database.to_vec(), vec![images.display().to_string()]].concat();
    machine.run(args).expect(0);
    Answer::of(drill(&machine).output().unwrap()).expect(3);
    machine.run(["verify", "--read-data"]).expect(0);
    let by = "Dr. Dana Example-Longname of the practice in the long street of a large town";
    machine.run(["evidence", "sign", "--by", by]).expect(0);
    let certificate = |machine: &Machine| machine.run(["drill", "certificate"]).expect(0).out;
    let noted = certificate(&machine);
    assert!(noted.contains("note, files"), "{noted}");
    for pack in files(&machine.path("repo/packs")) {
        let mut bytes = fs::read(&pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    Answer::of(drill(&machine).output().unwrap()).expect(4);

    let failed = certificate(&machine);
    assert!(failed.contains("1 passed with notes, 1 failed") && failed.contains("fault, "), "{failed}");
    for page in [noted, failed] {
        let wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(wide, Vec::<&str>::new());
        let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(by), "nothing is cut: {page}");
        assert!(page.contains('…'), "but what is marked: {page}");
    }
}
