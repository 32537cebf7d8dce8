//! `verify`: finds what is wrong, and says what that affects.

use std::fs;

use crate::harness::{Machine, files};

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
    files(&machine.path("repo/packs")).iter().for_each(|pack| fs::remove_file(pack).unwrap());
    let answer = machine.run(["--json", "verify"]).expect(4);
    assert!(answer.last("finding")["message"].is_string());
}

#[test]
fn a_flipped_bit_is_found_by_reading_the_data() {
    let machine = Machine::with_snapshot();
    for pack in files(&machine.path("repo/packs")) {
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
    machine.run(["snapshots"]).expect(0).says("its second copy is");
    machine.run(["repair"]).expect(0);
    machine.run(["verify"]).expect(0);
}

#[test]
fn a_part_at_a_time_is_remembered_and_stats_say_how_long_ago() {
    let machine = Machine::with_snapshot();
    machine.run(["stats"]).expect(0).prints("has not run yet");
    let packs = files(&machine.path("repo/packs")).len();
    for round in 1..=packs {
        let summary = machine.run(["--json", "verify", "--read-data=1"]).expect(0).last("summary");
        assert!(summary["read_bytes"].as_u64().unwrap() > 0);
        let stats = machine.run(["--json", "stats"]).expect(0).last("summary");
        assert_eq!(stats["never_verified_bytes"] == 0, round == packs, "{stats}");
        assert!(stats["oldest_verified"].is_string());
    }
    machine.run(["stats"]).expect(0).prints("all of it was read and found good within the last");
    machine.run(["verify", "--read-data=50%"]).expect(0);
    machine.run(["verify", "--read-data=0%"]).expect(2).says("percent");
    machine.run(["verify", "--read-data=much"]).expect(2).says("size");
    machine.run(["verify", "--read-data", "5%"]).expect(2);
}

#[test]
fn one_snapshot_can_be_checked_alone() {
    let machine = Machine::with_snapshot();
    let first = machine.backup(&[]);
    machine.write("source/A/more", vec![7; 300_000]);
    machine.backup(&[]);
    let summary = machine.run(["--json", "verify", "--snapshot", &first, "--read-data"]).expect(0).last("summary");
    assert_eq!(summary["snapshots"], 1);
    machine.run(["verify", "--snapshot", "latest"]).expect(0).prints("checked 1 snapshot");
    machine.run(["verify", "--snapshot", "0123abcd"]).expect(1);
}
