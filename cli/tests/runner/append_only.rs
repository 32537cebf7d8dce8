//! `--append-only`: backups as usual, and nothing taken away.

use std::fs;

use crate::harness::{Machine, files};

/// The offset of the key class in an object.
const KEY_CLASS: usize = 7;

#[test]
fn backups_go_on_and_repairs_and_key_changes_that_delete_are_refused() {
    let machine = Machine::with_repository();
    for number in 0..3 {
        machine.write(format!("source/A/{number}"), vec![number; 10_000]);
        machine.backup(&["--append-only"]);
    }
    assert_eq!(machine.snapshots(), 3);
    assert!(files(&machine.path("repo/leases")).is_empty());
    machine.run(["--append-only", "verify", "--read-data"]).expect(0);

    // A pack of data: the source has it all. The nodes of an older snapshot it cannot give again.
    let is_data = |pack: &&std::path::PathBuf| fs::read(pack).unwrap()[KEY_CLASS] == 0;
    let packs = files(&machine.path("repo/packs"));
    fs::remove_file(packs.iter().find(is_data).unwrap()).unwrap();
    machine.run(["--append-only", "repair"]).expect(1).says("append-only");
    assert!(machine.run(["--append-only", "repair", "--dry-run"]).code == 4);
    machine.run(["--append-only", "backup", &machine.arg("source")]).expect(0);
    machine.run(["--append-only", "verify"]).expect(0);
    machine.run(["repair"]).expect(0);
}

#[test]
fn the_setting_is_in_the_settings_file_too() {
    let machine = Machine::with_repository();
    machine.write("home/.config/enamel/enamel.toml", "append-only = true\n");
    let settings = machine.run(["config", "show"]).expect(0);
    let line = settings.out.lines().find(|line| line.starts_with("append-only")).unwrap();
    assert!(line.contains("true") && line.contains("enamel.toml"), "{line}");
    let line = machine.run(["--append-only", "config", "show"]).expect(0);
    assert!(line.out.contains("--append-only"), "{}", line.out);
}
