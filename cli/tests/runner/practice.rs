//! A practice: its database and its images in one snapshot, and back.

use scenario_tests::server::TestServer;

use crate::harness::Machine;

/// A small practice of Open Dental, whose images are on another machine.
pub const PRACTICE: &str = r"CREATE DATABASE practice; USE practice;
    CREATE TABLE preference (PrefNum BIGINT PRIMARY KEY, PrefName VARCHAR(255), ValueString TEXT) ENGINE=MyISAM;
    INSERT INTO preference VALUES (1, 'DocPath', '\\\\SERVER\\OpenDentImages\\'), (2, 'AtoZfolderUsed', '1');
    CREATE TABLE patient (PatNum BIGINT PRIMARY KEY, ImageFolder VARCHAR(100)) ENGINE=MyISAM;
    INSERT INTO patient VALUES (1, 'SmithJohn1');
    CREATE TABLE document (DocNum BIGINT PRIMARY KEY, PatNum BIGINT, FileName VARCHAR(255)) ENGINE=InnoDB;
    INSERT INTO document VALUES (1, 1, 'a.jpg'), (2, 1, 'b.jpg');
    CREATE TABLE computerpref (ComputerPrefNum BIGINT PRIMARY KEY, AtoZpath VARCHAR(255)) ENGINE=MyISAM;
    INSERT INTO computerpref VALUES (1, 'X:\\images')";

fn practice() -> (Machine, TestServer, Vec<String>) {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(PRACTICE);
    for (name, text) in
        [("S/SmithJohn1/a.jpg", "a"), ("S/SmithJohn1/b.jpg", "b"), ("S/SmithJohn1/Thumbnails/a.jpg", "t")]
    {
        machine.write(format!("images/{name}"), text);
    }
    machine.write("images/A/keep.txt", "A");
    let map = format!(r"\\server\OpenDentImages={}", machine.path("images").display());
    let database = ["--database", &server.url(), "--schema", "practice", "--profile", "opendental", "--map-path", &map];
    let arguments = ["backup"].iter().chain(&database).map(|word| (*word).to_owned()).collect();
    (machine, server, arguments)
}

#[test]
fn database_and_images_are_one_snapshot_and_a_file_that_is_gone_is_kept() {
    let (machine, _server, backup) = practice();
    machine.run(&backup).expect(0).prints("4 tables");
    machine.run(["ls", "latest", "images/S/SmithJohn1"]).expect(0).prints("a.jpg");
    machine.run(["ls", "latest", "images/S/SmithJohn1/Thumbnails"]).expect(1);
    std::fs::remove_file(machine.path("images/S/SmithJohn1/b.jpg")).unwrap();
    machine.run(&backup).expect(0).says("kept as it was in the previous snapshot");
    machine.run(["cat", "latest", "images/S/SmithJohn1/b.jpg"]).expect(0).prints("b");
    machine.run(["verify", "--read-data"]).expect(0);
}

#[test]
fn a_row_whose_file_was_never_there_is_named() {
    let (machine, server, backup) = practice();
    server.run("INSERT INTO practice.document VALUES (3, 1, 'never.jpg')");
    machine.run(&backup).expect(3).says("images/S/SmithJohn1/never.jpg").says("document 3");
    machine.run(["status"]).expect(3).prints("never.jpg");
}

#[test]
fn a_copy_points_at_no_live_images() {
    let (machine, server, backup) = practice();
    machine.run(&backup).expect(0);
    let url = server.url();
    let restore = ["restore", "latest", "--to-database", &url, "--schema", "practice=check_1124", "--check"];
    machine.run(restore).expect(0).says("lead nowhere");
    assert_eq!(server.value("SELECT ValueString FROM check_1124.preference WHERE PrefNum = 1").as_deref(), Some(""));
    assert_eq!(server.value("SELECT AtoZpath FROM check_1124.computerpref").as_deref(), Some(""));
    assert_eq!(server.rows("SELECT * FROM practice.document"), server.rows("SELECT * FROM check_1124.document"));
}

#[test]
fn a_copy_beside_the_live_schema_holds_up_no_backup() {
    let (machine, server, backup) = practice();
    machine.run(&backup).expect(0);
    let restore = ["restore", "latest", "--to-database", &server.url(), "--schema", "practice=tuesday"];
    machine.run(restore).expect(0);
    // As `enamel setup` leaves it: all schemas are saved.
    let all: Vec<_> = backup.iter().filter(|word| !matches!(word.as_str(), "--schema" | "practice")).collect();
    machine.run(&all).expect(0).prints("8 tables");
    machine.run(["ls", "latest", "images/S/SmithJohn1"]).expect(0).prints("b.jpg");
    // A copy that leads to images, too, might be the one that people work in.
    server.run(r"UPDATE tuesday.preference SET ValueString = '/elsewhere/' WHERE PrefName = 'DocPath'");
    machine.run(&all).expect(2).says("practice, tuesday").says("Name the one that people work in");
}

#[test]
fn a_dry_run_says_what_would_be_found_and_saves_nothing() {
    let (machine, _server, mut backup) = practice();
    backup.push("--dry-run".to_owned());
    machine.run(&backup).expect(0).prints("under lock").prints("would grow");
    assert_eq!(machine.snapshots(), 0);
}
