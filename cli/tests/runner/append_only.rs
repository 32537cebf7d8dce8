//! `--append-only`: backups as usual, and nothing taken away.

use std::fs;

use crate::harness::{Machine, files};

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

    files(&machine.path("repo/packs")).iter().take(1).for_each(|pack| fs::remove_file(pack).unwrap());
    machine.run(["--append-only", "repair"]).expect(1).says("append-only");
    assert!(machine.run(["--append-only", "repair", "--dry-run"]).code == 4);
    machine.run(["--append-only", "backup", &machine.arg("source")]).expect(0);
    machine.run(["--append-only", "verify"]).expect(0);
    machine.run(["repair"]).expect(0);
}

#[test]
fn the_setting_is_in_the_settings_file_too() {
    let machine = Machine::with_repository();
    machine.write("enamel.toml", "append-only = true\n");
    let settings = machine.run(["config", "show"]).expect(0);
    let line = settings.out.lines().find(|line| line.starts_with("append-only")).unwrap();
    assert!(line.contains("true") && line.contains("enamel.toml"), "{line}");
    let line = machine.run(["--append-only", "config", "show"]).expect(0);
    assert!(line.out.contains("--append-only"), "{}", line.out);
}
