//! `forget`: rules, names, refusals, and what `snapshots` marks.

use std::fs;

use crate::harness::Machine;

/// A machine with four snapshots of the source.
fn machine() -> (Machine, Vec<String>) {
    let machine = Machine::with_repository();
    let ids = [&["--tag", "audit"][..], &[], &[], &["--tag", "hourly"]].map(|tags| machine.backup(tags));
    (machine, ids.into())
}

fn with_settings(machine: &Machine, retention: &str) {
    machine.write("home/.config/enamel/enamel.toml", format!("[retention]\n{retention}"));
}

#[test]
fn rules_say_what_stays_and_verify_agrees() {
    let (machine, ids) = machine();
    let rules = ["forget", "--keep-last", "1", "--keep-tag", "audit"];
    let answer = machine.run(rules.iter().chain(&["--dry-run"])).expect(0);
    let answer = answer
        .prints("source of ")
        .prints("last 1 of 1")
        .prints("tag audit")
        .prints("2 snapshots would be forgotten, 2 kept");
    assert_eq!(answer.out.matches("forget  ").count() + answer.out.matches("forget\n").count(), 2, "{}", answer.out);
    assert_eq!(machine.snapshots(), 4, "a dry run changes nothing");
    let answer = machine.run(rules).expect(0).prints("2 snapshots forgotten, 2 kept").says("enamel prune");
    assert!(
        answer.out.contains(&ids[1][..8]) && !answer.out.contains(&ids[3][..8]),
        "only what goes is named: {}",
        answer.out
    );
    assert_eq!(machine.snapshots(), 2);
    machine.run(["verify", "--read-data"]).expect(0).prints("checked 2 snapshots");
    machine.run(rules).expect(0).prints("nothing went: all 2 snapshots are kept");
    machine.run(["restore", "latest", "--target", "restored"]).expect(0);
}

#[test]
fn scripts_are_told_of_every_snapshot() {
    let (machine, ids) = machine();
    let answer = machine.run(["--json", "forget", "--keep-last", "2", "--keep-within", "1h", "-n"]).expect(0);
    let messages = answer.messages();
    assert_eq!(messages.len(), 5);
    assert_eq!((&messages[0]["message_type"], &messages[0]["id"]), (&"decision".into(), &ids[0].as_str().into()));
    assert_eq!((&messages[0]["keep"], &messages[0]["reasons"][0]["text"]), (&true.into(), &"within 1h".into()));
    assert_eq!(messages[3]["reasons"][0]["text"], "last 1 of 2");
    let summary = answer.last("summary");
    assert_eq!((&summary["dry_run"], &summary["kept"], &summary["forgotten"]), (&true.into(), &4.into(), &0.into()));
    let summary = machine.run(["--json", "forget", "--keep-last", "2"]).expect(0).last("summary");
    assert_eq!((&summary["forgotten"], &summary["records"]), (&2.into(), &1.into()));
}

#[test]
fn snapshots_are_forgotten_by_name() {
    let (machine, ids) = machine();
    machine.run(["forget", "--dry-run", &ids[0]]).expect(0).prints("1 snapshot would be forgotten, 3 kept");
    machine.run(["forget", &ids[0][..12], "latest"]).expect(0).prints("2 snapshots forgotten, 2 kept");
    machine.run(["forget", &ids[0]]).expect(1).says("there is no snapshot");
    machine.run(["forget", &ids[1], "--keep-last", "1"]).expect(2).says("cannot be used with");
    machine.run(["forget", "latest:source/A"]).expect(2);
    machine.run(["verify"]).expect(0);
    assert_eq!(machine.snapshots(), 2);
}

#[test]
fn the_policy_of_the_settings_is_marked_and_carried_out() {
    let (machine, ids) = machine();
    let marks = |machine: &Machine| {
        let messages = machine.run(["--json", "snapshots"]).expect(0).messages();
        messages.iter().map(|message| message["policy"].as_str().unwrap_or("none").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(marks(&machine), ["none"; 4]);
    assert!(!machine.run(["snapshots"]).expect(0).out.contains("POLICY"));
    with_settings(&machine, "keep-last = 2\nkeep-tag = ['audit']");
    assert_eq!(marks(&machine), ["keep", "forget", "keep", "keep"]);
    machine.run(["snapshots"]).expect(0).prints("POLICY");
    machine.run(["config", "show"]).expect(0).prints("keep last 2, tag audit");
    machine
        .run(["forget", "--keep-last", "4", "--dry-run"])
        .expect(0)
        .prints("nothing would go: all 4 snapshots are kept");
    machine.run(["forget", "--quiet"]).expect(0);
    assert_eq!(machine.snapshots(), 3);
    assert!(!machine.run(["snapshots"]).expect(0).out.contains(&ids[1][..8]));
}

#[test]
fn a_policy_that_is_refused_marks_nothing() {
    let (machine, _) = machine();
    with_settings(&machine, "keep-tag = ['montly']");
    let answer = machine.run(["snapshots"]).expect(0).says("cannot be used").says("montly");
    assert!(!answer.out.contains("POLICY"), "{}", answer.out);
}

#[test]
fn what_is_rather_a_mistake_is_refused() {
    let (machine, ids) = machine();
    machine.run(["forget"]).expect(2).says("no rule says what to keep");
    machine.run(["forget", "--group-by", "host"]).expect(2).says("no rule");
    machine.run(["forget", "--keep-last", "1", "--keep-tag", "montly"]).expect(2).says("`montly`");
    machine.run(["forget", "--keep-last", "0"]).expect(2);
    machine.run(["forget", "--keep-within", "6m"]).expect(2).says("`mo` are months");
    machine.run(["forget", "--group-by", "paths", "--keep-last", "1"]).expect(2).says("`roots`");
    machine.run(["forget", "--keep-tag", "audit", "--group-by", "tags"]).expect(2).says("no rule keeps any");
    machine.run(["forget", "--keep-last", "1", "--tag", "hourly", "--host", "nobody"]).expect(2).says("`nobody`");
    assert_eq!(machine.snapshots(), ids.len());
    for (retention, said) in [
        ("keep-last = 0", "keep-last"),
        ("keep-within = '6m'", "months"),
        ("keep-tag = ['a b']", "a b"),
        ("group-by = 'paths'", "roots"),
        ("keep-centennially = 1", "keep-centennially"),
    ] {
        with_settings(&machine, retention);
        machine.run(["snapshots"]).expect(2).says("enamel.toml").says(said);
    }
}

#[test]
fn a_snapshot_deleted_by_hand_is_not_forgotten() {
    let (machine, ids) = machine();
    machine.run(["forget", &ids[0]]).expect(0);
    fs::remove_file(machine.path(format!("repo/snapshots/{}", ids[1]))).unwrap();
    let answer = machine.run(["verify"]).expect(4).prints("has disappeared").prints(&ids[1]);
    assert!(!answer.out.contains(&ids[0]), "{}", answer.out);
}

#[test]
fn a_damaged_snapshot_goes_by_its_id_only_if_the_user_says_so() {
    let (machine, ids) = machine();
    let path = format!("repo/snapshots/{}", ids[1]);
    let mut bytes = fs::read(machine.path(&path)).unwrap();
    bytes.truncate(100);
    machine.write(&path, bytes);
    machine.run(["forget", &ids[1]]).expect_one_of(&[1, 4]).says("--damaged");
    machine.run(["forget", &ids[0], "--damaged"]).expect(0);
    machine.run(["forget", &ids[1], "--damaged"]).expect(0).says("its contents are unknown");
    assert_eq!(machine.snapshots(), 2);
    assert_eq!(machine.run(["verify"]).code, 0);
}

#[test]
fn nothing_is_forgotten_by_rules_when_a_source_has_lost_most_of_its_contents() {
    let machine = Machine::with_snapshot();
    machine.backup(&[]);
    std::fs::remove_file(machine.path("source/A/xray.jpg")).unwrap();
    machine.backup(&[]);
    let refused = machine.run(["forget", "--keep-last", "1"]).expect(1);
    assert!(refused.err.contains("--allow-less") && machine.snapshots() == 3, "{}", refused.err);
    machine.run(["forget", "--keep-last", "1", "--dry-run"]).expect(0);
    machine.run(["forget", "--keep-last", "1", "--allow-less"]).expect(0);
    assert_eq!(machine.snapshots(), 1);
}
