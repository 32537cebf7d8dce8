//! Commands of enamel.toml that run after a backup.

use std::fs;

use crate::harness::{Answer, Machine};

/// The output of a command that prints its variables.
const TELL: &str = r#"printf '%s|' "$ENAMEL_SNAPSHOT" "$ENAMEL_STATUS" "$ENAMEL_PROBLEMS" "$ENAMEL_MESSAGE" > told"#;

/// A machine whose user's config folder holds these hooks.
fn machine(hooks: &str) -> Machine {
    let machine = Machine::with_repository();
    machine.write("home/.config/enamel/enamel.toml", format!("[hooks]\n{hooks}"));
    machine
}

fn told(machine: &Machine) -> Vec<String> {
    let text = fs::read_to_string(machine.path("told")).unwrap_or_default();
    text.split_terminator('|').map(str::to_owned).collect()
}

#[test]
fn after_a_backup_its_command_knows_the_snapshot() {
    let machine = machine(&format!("after = '''{TELL}'''\non-failure = 'touch failed'"));
    let snapshot = machine.backup(&[]);
    let [id, status, problems, message] = &told(&machine)[..] else { panic!("{:?}", told(&machine)) };
    assert_eq!((id, status.as_str(), problems.as_str()), (&snapshot, "0", "0"));
    assert_eq!(*message, format!("snapshot {} was saved", &snapshot[..8]));
    assert!(!machine.path("failed").exists());
}

#[test]
fn after_a_failure_the_other_command_knows_why() {
    let machine = machine(&format!("after = 'touch succeeded'\non-failure = '''{TELL}'''"));
    machine.run(["backup", "sourse"]).expect(1);
    let [id, status, problems, message] = &told(&machine)[..] else { panic!("{:?}", told(&machine)) };
    assert_eq!((id.as_str(), status.as_str(), problems.as_str()), ("", "1", "0"));
    assert!(message.contains("sourse"), "{message}");
    assert!(!machine.path("succeeded").exists());
    machine.run(["backup", "source", "--repo", "nowhere"]).expect(10);
    assert_eq!(told(&machine)[1], "10");
}

#[test]
fn what_a_command_prints_goes_to_standard_error() {
    let machine = machine("after = 'echo copied; echo warned >&2'");
    let answer = machine.run(["--json", "backup", "source"]).expect(0).says("copied").says("warned");
    answer.last("summary");
}

#[test]
fn a_command_that_fails_makes_a_backup_incomplete() {
    let machine = machine("after = 'exit 7'\non-failure = 'exit 7'");
    machine.run(["backup", "source"]).expect(3).says("the command `after` of enamel.toml failed").says("7");
    assert_eq!(machine.snapshots(), 1);
    machine.run(["backup", "sourse"]).expect(1).says("`on-failure`").says("sourse");
}

#[test]
fn a_command_that_hangs_is_ended_with_all_it_started() {
    let machine = machine("after = 'sleep 1000 | sleep 1000; touch went-on'\ntime-limit = '100ms'");
    let answer: Answer = machine.run(["backup", "source"]).expect(3);
    answer.says("still running");
    assert!(!machine.path("went-on").exists());
}

#[test]
fn a_dry_run_and_other_commands_run_nothing() {
    let machine = machine("after = 'touch ran'\non-failure = 'touch ran'");
    machine.run(["backup", "source", "--dry-run"]).expect(0);
    machine.run(["cat", "latest", "x"]).expect(1);
    assert!(!machine.path("ran").exists());
}

#[test]
fn no_command_inherits_a_password() {
    let machine = Machine::new();
    let secrets = || {
        let repository = ("ENAMEL_REPO", machine.path("repo").into());
        [repository, ("ENAMEL_PASSWORD", "RepoS3cret".into()), ("ENAMEL_DB_PASSWORD", "DbS3cret".into())]
    };
    machine.write("home/.config/enamel/enamel.toml", "[hooks]\nafter = 'env > after'\non-failure = 'env > failed'");
    machine.run_bare(&["init"], secrets()).expect(0);
    machine.run_bare(&["backup", "source"], secrets()).expect(0);
    machine.run_bare(&["backup", "sourse"], secrets()).expect(1);
    let command = "env > unlocked; echo RepoS3cret";
    machine.run_bare(&["snapshots", "--password-command", command], secrets()).expect(0);
    for told in ["after", "failed", "unlocked"] {
        let told = fs::read_to_string(machine.path(told)).unwrap();
        assert!(told.contains("ENAMEL_REPO") && !told.contains("S3cret"), "{told}");
    }
}

#[test]
fn a_time_limit_is_a_duration() {
    machine("time-limit = '5'").run(["backup", "source"]).expect(2).says("time-limit").says("90min");
}
