//! `repair`: puts right what can be put right, names what cannot, and a backup heals it.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Machine, files};

fn packs(machine: &Machine) -> Vec<PathBuf> {
    files(&machine.path("repo/packs"))
}

#[test]
fn a_sound_repository_needs_no_repair() {
    let machine = Machine::with_snapshot();
    machine.run(["repair", "--read-data"]).expect(0).prints("lost     nothing");
    let summary = machine.run(["--json", "repair"]).expect(0).last("summary");
    assert_eq!((&summary["damaged_packs"], &summary["replaced_segments"]), (&0.into(), &0.into()));
}

#[test]
fn an_index_that_is_gone_is_made_anew() {
    let machine = Machine::with_snapshot();
    files(&machine.path("repo/index")).iter().for_each(|segment| fs::remove_file(segment).unwrap());
    let planned = machine.run(["--json", "repair", "--dry-run"]).expect(0).last("summary");
    assert_eq!((&planned["dry_run"], &planned["named_packs"]), (&true.into(), &packs(&machine).len().into()));
    assert!(files(&machine.path("repo/index")).is_empty());
    machine.run(["repair"]).expect(0);
    assert!(!files(&machine.path("repo/index")).is_empty());
    machine.run(["verify"]).expect(0);
}

#[test]
fn lost_files_are_named_and_the_next_backup_brings_them_back() {
    let machine = Machine::with_snapshot();
    packs(&machine).iter().for_each(|pack| fs::remove_file(pack).unwrap());
    machine.run(["repair"]).expect(4).prints("lost in snapshot").says("enamel backup");
    let answer = machine.run(["--json", "repair"]).expect(4);
    let suffering = answer.last("suffering_snapshot");
    assert_eq!(suffering["paths"].as_array().unwrap().len(), 1);
    assert_eq!(answer.last("summary")["suffering_snapshots"], 1);
    let healed = machine.backup(&[]);
    machine.run(["verify", "--read-data", "--snapshot", &healed]).expect(0);
    // The folders of the first one may have been others, as its files were so new then: they are gone with it.
    machine.run(["forget", "--keep-last", "1"]).expect(0);
    machine.run(["repair", "--read-data"]).expect(0);
    machine.run(["verify", "--read-data"]).expect(0);
}

#[test]
fn packs_full_of_damage_leave_the_index_and_are_healed() {
    let machine = Machine::with_snapshot();
    for pack in packs(&machine) {
        let mut bytes = fs::read(&pack).unwrap();
        // Each chunk, and the table, which the index repeats.
        bytes[80..].iter_mut().for_each(|byte| *byte ^= 1);
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    let answer = machine.run(["--json", "repair", "--read-data"]).expect(4);
    assert!(answer.last("damaged_pack")["damaged_chunks"].as_u64().unwrap() > 0);
    machine.run(["verify", "--read-data"]).expect(4);
    machine.backup(&[]);
    machine.run(["forget", "--keep-last", "1"]).expect(0);
    machine.run(["verify", "--read-data"]).expect(0);
}
