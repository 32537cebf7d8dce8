//! A repository in object storage without conditional writes.

use std::process::{Child, Stdio};

use scenario_tests::object_storage::{Conditions, Fault, Manner, Trouble};

use crate::harness::{Answer, tree};
use crate::object_storage::Office;

fn office() -> Office {
    Office::new(Manner { page: 50, conditions: Conditions::Refused, ..Manner::default() })
}

/// Two backups, the first of them forgotten.
fn with_something_to_prune() -> Office {
    let office = office();
    let source = office.machine.arg("source");
    office.run(&["init"]).expect(0);
    office.run(&["backup", &source]).expect(0);
    office.machine.write("source/A/xray.jpg", vec![0xd9; 300_000]);
    office.run(&["backup", &source]).expect(0);
    office.run(&["forget", "--keep-last", "1"]).expect(0);
    office
}

fn leases(office: &Office) -> Vec<String> {
    office.server.keys().into_iter().filter(|key| key.contains("/leases/")).collect()
}

/// Starts a command that hangs at its first request of this kind.
fn start_hanging(office: &Office, args: &[&str], verb: &'static str, part: &'static str) -> Child {
    office.server.fail(Fault::once(verb, part, Trouble::Hang));
    office.server.take_asked();
    let mut command = office.command(args);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    office.server.wait_for_hanging();
    child
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn storage_without_conditional_writes_is_used_and_the_user_is_told() {
    let office = office();
    office.run(&["init"]).expect(0).says("a prune, a repair and a change of keys must be alone");
    let source = office.machine.arg("source");
    office.run(&["backup", &source]).expect(0);
    office.machine.write("source/A/letter.txt", "Dear other patient");
    office.run(&["backup", &source]).expect(0);
    office.run(&["forget", "--keep-last", "1"]).expect(0);
    office.run(&["prune", "--max-unused", "0"]).expect(0).prints("freed");
    office.run(&["repair"]).expect(0);
    office.run(&["config", "check"]).expect(0).prints("it has no conditions, and this repository relies on none");
    let shown = office.run(&["--json", "config", "show"]).expect(0).last("repository");
    assert_eq!(shown["flags_write"][0], "exclusive-prune");
    assert_eq!(shown["flags_prune"][0], "exclusive-prune");
    assert_eq!(shown["conditions"]["outcome"], "none");
    let status = office.run(&["--json", "status"]).last("summary");
    assert_eq!(status["conditions"]["outcome"], "none");
    let target = office.machine.arg("restored");
    office.run(&["restore", "latest", "--target", &target]).expect(0);
    assert_eq!(tree(&office.machine.path("restored/source")), tree(&office.machine.path("source")));
    office.run(&["verify", "--read-data"]).expect(0).prints("no damage");
    assert_eq!(leases(&office), [""; 0]);
    office.run(&["leases"]).expect(0).prints("no backup is running");
}

#[test]
fn storage_that_ignores_conditions_is_used_only_on_request() {
    let office = Office::new(Manner { page: 50, conditions: Conditions::Ignored, ..Manner::default() });
    office.run(&["init"]).expect(1).says("enamel init --exclusive-prune");
    office.run(&["init", "--exclusive-prune"]).expect(0).says("must be alone");
    office.run(&["backup", &office.machine.arg("source")]).expect(0);
    office.run(&["config", "check"]).expect(0).prints("it does not keep conditions");
    office.run(&["prune"]).expect(0);
    office.run(&["verify", "--read-data"]).expect(0);
    let folder = office.machine.arg("folder");
    office.run(&["--repo", &folder, "init", "--exclusive-prune"]).expect(2).says("only object storage");
}

#[test]
fn a_prune_keeps_backups_out_and_a_killed_one_is_finished_by_the_next() {
    let office = with_something_to_prune();
    let prune = start_hanging(&office, &["prune"], "DELETE", "/packs/");
    let source = office.machine.arg("source");
    office.run(&["backup", &source]).expect(11).says("there is a prune").says("enamel leases remove --help");
    office.run(&["prune"]).expect(11).says("there is a prune");
    office.run(&["key", "add", "--new-key-file", &office.machine.arg("another")]).expect(11).says("there is a prune");
    office.run(&["snapshots"]).expect(0);
    let [lease] = &leases(&office)[..] else { panic!("{:?}", leases(&office)) };
    let id = lease.rsplit('/').next().unwrap();
    office.run(&["leases"]).expect(0).prints("(prune)");
    office.run(&["leases", "fence", &id[..8]]).expect(1).says("nobody can be shut out");
    office.run(&["leases", "remove", &id[..8]]).expect(1).says("its process is running");
    kill(prune);
    office.run(&["backup", &source]).expect(11).says("there is a prune");
    office.run(&["leases", "remove", &id[..8]]).expect(1).says("15 minutes");
    // A quarter of an hour later:
    office.server.remove(lease);
    office.run(&["backup", &source]).expect(0);
    office.run(&["prune"]).expect(0);
    office.run(&["verify", "--read-data"]).expect(0).prints("no damage");
    assert_eq!(leases(&office), [""; 0]);
}

#[test]
fn a_backup_keeps_prunes_out_and_goes_on_beside_others() {
    let office = with_something_to_prune();
    office.machine.write("source/new.txt", "new");
    let source = office.machine.arg("source");
    let hanging = start_hanging(&office, &["backup", &source], "PUT", "/snapshots/");
    let before = office.server.keys();
    office.run(&["prune"]).expect(11).says("a run that saves something");
    office.run(&["repair"]).expect(11).says("a run that saves something");
    assert_eq!(office.server.keys(), before);
    office.run(&["backup", &source]).expect(0);
    kill(hanging);
    office.run(&["prune"]).expect(11).says("a run that saves something");
    office.run(&["verify", "--read-data"]).expect(0).prints("no damage");
}

#[test]
fn a_waiting_backup_begins_when_the_prune_has_ended() {
    let office = with_something_to_prune();
    office.machine.write("settings.toml", "[s3]\nregion = 'eu-test-1'\nwait-for-others = '1min'\n");
    let mut prune = start_hanging(&office, &["prune"], "DELETE", "/packs/");
    let source = office.machine.arg("source");
    let backup = office.command(&["backup", &source]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It has put its lease, and taken it back.
    office.server.wait_for("DELETE", "/leases/");
    office.server.release();
    let backup = Answer::of(backup.wait_with_output().unwrap()).expect(0).says("there is a prune");
    assert!(backup.err.contains("waiting for it"), "{}", backup.err);
    prune.wait().unwrap();
    assert_eq!(leases(&office), [""; 0]);
    office.run(&["verify", "--read-data"]).expect(0).prints("no damage");
}

#[test]
fn leases_are_not_removed_by_hand_where_runs_can_be_shut_out() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    office.run(&["init"]).expect(0);
    let id = "0123456789abcdef0123456789abcdef";
    office.server.put(&format!("office/enamel/leases/{id}"), b"x");
    office.run(&["leases", "remove", id]).expect(1).says("need not be removed").says("enamel leases fence");
    office.run(&["leases", "remove", "77"]).expect(1).says("there is no lease 77");
}
