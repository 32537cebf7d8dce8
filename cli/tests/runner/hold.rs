//! A held snapshot is told, listed and answered, and holds `forget` and `prune` up meanwhile.

use std::fs;

use crate::harness::Machine;

/// A machine whose pictures were saved three weeks ago and now.
fn practice() -> Machine {
    let machine = Machine::with_repository();
    for number in 0..60 {
        machine.write(format!("source/A/{number}.jpg"), [&b"\xff\xd8\xff"[..], &vec![7; 5000 + number]].concat());
    }
    machine.backup_ahead(-21 * 24 * 3600);
    machine.backup(&[]);
    machine
}

#[test]
fn an_attack_holds_everything_up_until_it_is_answered() {
    let machine = practice();
    for number in 0..60 {
        let path = machine.path(format!("source/A/{number}.jpg"));
        fs::write(&path, vec![0x5a; 6000 + number]).unwrap();
    }
    let source = machine.arg("source");
    let backup = machine.run(["backup", &source]).expect(3);
    assert!(backup.err.contains("60 of 60 changed files do not begin as their names say"), "{}", backup.err);
    for command in [&["forget", "--keep-last", "1"][..], &["prune"]] {
        let refused = machine.run(command).expect(1);
        assert!(refused.err.contains("enamel hold list"), "{}", refused.err);
    }
    machine.run(["status"]).expect(0).prints("enamel hold list");
    let listed = machine.run(["hold", "list"]).expect(3);
    let id = listed.out.split_whitespace().nth(1).unwrap().to_owned();
    assert!(listed.out.contains("nobody has answered"), "{}", listed.out);
    machine.run(["hold", "answer", "ffffffff", "--ours", "x"]).expect(1);
    machine.run(["hold", "answer", &id]).expect(2);
    machine.run(["hold", "answer", &id, "--ours", "a new program"]).expect(0);
    assert!(machine.run(["hold", "list"]).expect(0).out.contains("it was us: a new program"));
    let json = machine.run(["--json", "hold", "list"]).expect(0).last("hold");
    assert_eq!(json["answer"]["verdict"], "ours");
    machine.run(["forget", "--keep-last", "1", "--prune"]).expect(0);
}

#[test]
fn a_change_that_is_announced_is_not_held() {
    let machine = practice();
    machine.run(["hold", "expect", "--for", "1h", "conversion"]).expect(0);
    for number in 0..60 {
        fs::write(machine.path(format!("source/A/{number}.jpg")), vec![0x5a; 6000 + number]).unwrap();
    }
    machine.backup(&[]);
    machine.run(["hold", "list"]).expect(0).prints("no snapshot is held");
}
