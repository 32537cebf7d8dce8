//! `supplemental`: a copy with a host who cannot read it.

use std::fs;

use scenario_tests::object_storage::{BUCKET, KEY, Manner, ObjectStorage};

use crate::harness::{Answer, Machine};

/// A host who keeps repositories in object storage, and has no key of any.
struct Host {
    machine: Machine,
    server: ObjectStorage,
}

impl Host {
    fn new() -> Self {
        let host =
            Host { machine: Machine::new(), server: ObjectStorage::start(Manner { page: 20, ..Manner::default() }) };
        host.machine.write("settings.toml", "[s3]\nregion = 'eu-test-1'\ngive-up-after = '1s'\n");
        host
    }

    fn run(&self, args: &[&str]) -> Answer {
        let mut command = self.machine.bare();
        command
            .env("ENAMEL_CONFIG", self.machine.path("settings.toml"))
            .env("AWS_ENDPOINT_URL", self.server.endpoint());
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", "very-secret").args(args);
        Answer::of(command.output().unwrap())
    }

    /// A practice saves something there.
    fn keeps(&self, practice: &str) {
        let (repo, key) = (format!("s3://{BUCKET}/{practice}"), self.machine.arg("key"));
        self.run(&["init", "--repo", &repo, "--key-file", &key]).expect(0);
        self.run(&["backup", &self.machine.arg("source"), "--repo", &repo, "--key-file", &key]).expect(0);
    }
}

#[test]
fn a_host_lists_and_scrubs_what_it_keeps_without_a_key() {
    let host = Host::new();
    let bucket = format!("s3://{BUCKET}/");
    host.run(&["supplemental", "list", &bucket]).expect(0).says("there are no repositories");
    host.keeps("4711");
    host.keeps("4712");
    let listed = host.run(&["--json", "supplemental", "list", &bucket]).expect(0).messages();
    let places: Vec<_> = listed.iter().map(|practice| practice["location"].as_str().unwrap().to_owned()).collect();
    assert_eq!(places, [format!("{bucket}4711"), format!("{bucket}4712")]);
    // Further down, but not too far.
    host.keeps("a/b/c/d/near");
    host.keeps("a/b/c/d/e/far");
    let further = host.run(&["--json", "supplemental", "list", &bucket]).expect(0).messages();
    let places: Vec<_> = further
        .iter()
        .map(|practice| practice["location"].as_str().unwrap()["s3://".len()..].split_once('/').unwrap().1)
        .collect();
    assert_eq!(places, ["4711", "4712", "a/b/c/d/near"]);
    host.run(&["supplemental", "list", &format!("{bucket}a")]).expect(0).prints("far");
    assert!(listed.iter().all(|practice| practice["state"] == "unknown" && practice["objects"] == 1));
    host.run(&["supplemental", "list", &bucket]).expect(0).prints("4711").prints("unknown");
    let place = format!("{bucket}4711");
    host.run(&["supplemental", "scrub", &place]).expect(0).prints("whole: ");
    let summary = host.run(&["--json", "supplemental", "scrub", &place]).expect(0).messages();
    assert_eq!(summary.last().unwrap()["damaged"], 0);
    host.run(&["supplemental", "scrub", &format!("{bucket}4713")]).expect(10).says("there is no repository");
}

#[test]
fn a_host_of_folders_finds_the_byte_that_its_disk_changed() {
    let machine = Machine::with_snapshot();
    fs::create_dir(machine.path("host")).unwrap();
    fs::rename(machine.path("repo"), machine.path("host/4711")).unwrap();
    let bare = |args: &[&str]| machine.run_bare(args, []);
    let (host, place) = (machine.arg("host"), machine.arg("host/4711"));
    bare(&["supplemental", "list", &host]).expect(0).prints("4711");
    bare(&["supplemental", "list", &place]).expect(0).prints("4711");
    bare(&["supplemental", "list", &machine.arg("")]).expect(0).prints("4711");
    bare(&["supplemental", "scrub", &place]).expect(0);
    let packs = fs::read_dir(machine.path("host/4711/packs")).unwrap().next().unwrap().unwrap().path();
    let pack = fs::read_dir(packs).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let name = pack.file_name().unwrap().to_str().unwrap().to_owned();
    bare(&["supplemental", "scrub", &place]).expect(4).prints(&name).prints("do not fit its name");
    bare(&["supplemental", "scrub", &machine.arg("nowhere")]).expect(10);
}
