//! A reader in another language, written from FORMAT.md alone, reads a log.

use std::fs;
use std::process::Command;

use engine::binlog::stored::part_entry;
use engine::pack::ChunkReader;
use engine::tree::read_file;
use repo_format::log::part_name;
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::{fetch, logged, stored};
use crate::support::Fixture;

on_each_server!(a_second_reader_finds_what_happened,);

/// The program; it needs nothing but Python.
const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/second_reader/read_log.py");
/// No part of these logs is larger.
const BYTES_MAX: u64 = 64 << 20;

fn a_second_reader_finds_what_happened(version: Version) {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let (server, fixture) = (logged(version), Fixture::new());
    fetch(&fixture, &server);
    server.script(
        "INSERT INTO shop.visit VALUES (1, 'x'), (2, 'x'), (3, 'x'); UPDATE shop.visit SET note = 'y' WHERE id > 1; DELETE FROM shop.visit WHERE id = 2;",
    );
    server.run("FLUSH BINARY LOGS");
    server.script("INSERT INTO shop.visit VALUES (4, REPEAT('z', 60000)); CREATE TABLE shop.other (id INT);");
    fetch(&fixture, &server);
    let logs = stored(&fixture);
    let log = logs.last().unwrap();
    assert_eq!((logs.len(), log.record.files.len()), (2, 2));

    let (repository, folder) = (fixture.open(), tempfile::tempdir().unwrap());
    let reader = ChunkReader::new(&repository);
    let parts = log.record.files.iter().map(|file| part_name(&file.name, file.first));
    for name in [b".log".to_vec(), b".transactions".to_vec()].into_iter().chain(parts) {
        let entry = part_entry(&reader, &log.manifest, &name).unwrap();
        let path = folder.path().join(String::from_utf8(name).unwrap());
        fs::write(path, read_file(&reader, &entry, BYTES_MAX).unwrap()).unwrap();
    }
    let read = Command::new("python3").arg(READER).arg(folder.path()).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let found = String::from_utf8(read.stdout).unwrap();
    for expected in [
        format!("\"identity\": \"{}\"", log.record.identity),
        "\"transactions\": 5".to_owned(),
        "\"groups\": 5".to_owned(),
        "\"shop.visit\": [4, 2, 1]".to_owned(),
        "\"CREATE TABLE shop.other (id INT)\"".to_owned(),
        "\"times_ascend\": true".to_owned(),
    ] {
        assert!(found.contains(&expected), "{expected} is not in {found}");
    }
}
