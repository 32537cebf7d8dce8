//! `verify`: finds what is wrong, and says what that affects.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::Machine;

fn packs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { packs(&path) } else { vec![path] }).collect()
}

#[test]
fn a_sound_repository_verifies() {
    let machine = Machine::with_snapshot();
    machine.run(["verify"]).expect(0).prints("no damage");
    let summary = machine.run(["--json", "verify", "--read-data"]).expect(0).last("summary");
    assert_eq!(summary["findings"], 0);
    assert!(summary["read_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn a_missing_pack_is_damage() {
    let machine = Machine::with_snapshot();
    packs(&machine.path("repo/packs")).iter().for_each(|pack| fs::remove_file(pack).unwrap());
    let answer = machine.run(["--json", "verify"]).expect(4);
    assert!(answer.last("finding")["message"].is_string());
}

#[test]
fn a_flipped_bit_is_found_by_reading_the_data() {
    let machine = Machine::with_snapshot();
    for pack in packs(&machine.path("repo/packs")) {
        let mut bytes = fs::read(&pack).unwrap();
        bytes[100] ^= 1;
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    machine.run(["verify", "--read-data"]).expect(4).prints("DAMAGE");
}

#[test]
fn a_damaged_config_is_damage() {
    let machine = Machine::with_snapshot();
    let config = machine.path("repo/config");
    let mut bytes = fs::read(&config).unwrap();
    bytes[20] ^= 1;
    fs::write(&config, bytes).unwrap();
    machine.run(["verify"]).expect(4);
    machine.run(["snapshots"]).expect(1).says("enamel verify");
}
