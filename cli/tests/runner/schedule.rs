//! The agent becomes a service, and stops being one, without a trace.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::{Answer, Machine};

/// A machine whose settings file says everything, and whose service manager notes what it is asked.
fn office() -> Machine {
    let machine = Machine::with_repository();
    machine.write(
        "enamel.toml",
        "repository = \"repo\"\nkey-file = \"key\"\nsources = [\"source\"]\nstate-dir = \"state 5%\"\n",
    );
    for name in ["systemctl", "loginctl"] {
        machine.write(format!("bin/{name}"), format!("#!/bin/sh\necho {name} $* >> {}\n", machine.arg("asked")));
        fs::set_permissions(machine.path(format!("bin/{name}")), fs::Permissions::from_mode(0o755)).unwrap();
    }
    machine
}

fn run(machine: &Machine, args: &[&str]) -> Answer {
    let mut command = machine.bare();
    command.env("PATH", format!("{}:/usr/bin:/bin", machine.arg("bin")));
    Answer::of(command.arg("--config").arg(machine.path("enamel.toml")).args(args).output().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let machine = office();
    for user in [&[][..], &["--user"]] {
        let root = machine.arg(&format!("image{}", user.len()));
        let args = ["schedule", "install", "--manager", "systemd", "--root", &root];
        run(&machine, &[&args[..], user].concat()).expect(0);
        let found = Command::new("find").args([&root, "-name", "enamel-agent.service"]).output().unwrap();
        let unit = String::from_utf8(found.stdout).unwrap().trim().to_owned();
        let verified = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no", &unit])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && !said.contains("enamel"), "{said}");
        let text = fs::read_to_string(unit).unwrap();
        assert!(text.contains("/state 5%%\"") && text.contains(" agent\n"), "{text}");
    }
    assert!(!machine.path("asked").exists(), "a computer that is elsewhere is not asked to do anything");
}

#[test]
fn a_service_is_installed_shown_and_removed() {
    let machine = office();
    let unit = machine.path("home/.config/systemd/user/enamel-agent.service");
    let place = ["--user", "--manager", "systemd"];
    let command = |action: &'static str| [&["schedule", action][..], &place].concat();
    let shown = run(&machine, &command("status")).expect(3);
    assert!(shown.out.contains("no: `enamel schedule install`") && shown.out.contains("backup"), "{}", shown.out);
    let dry = run(&machine, &[&command("install")[..], &["--dry-run"]].concat()).expect(0);
    assert!(dry.out.contains("[Service]") && !unit.exists() && !machine.path("asked").exists());

    run(&machine, &command("install")).expect(0);
    run(&machine, &command("install")).expect(0);
    run(&machine, &["agent", "--once"]).expect(0);
    let shown = run(&machine, &command("status")).expect(0);
    assert!(shown.out.contains("running    yes") && shown.out.contains("done in"), "{}", shown.out);
    let asked = fs::read_to_string(machine.path("asked")).unwrap();
    for line in ["systemctl --user restart enamel-agent.service", "loginctl enable-linger"] {
        assert!(asked.contains(line), "{asked}");
    }

    run(&machine, &command("remove")).expect(0);
    assert!(!unit.exists());
    assert!(run(&machine, &command("remove")).expect(0).err.contains("not installed"));
}

#[test]
fn a_schedule_that_was_removed_is_expected_no_more_and_status_says_so() {
    let machine = office();
    let place = ["--user", "--manager", "systemd"];
    let schedule = |action: &'static [&str]| run(&machine, &[&["schedule"], action, &place].concat()).expect(0);
    let on_time = || {
        let answer = run(&machine, &["--json", "status"]).expect(0).messages();
        let check = answer.into_iter().find(|message| message["question"] == "on-time").unwrap();
        let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
        (text("state"), text("remedy"), text("message").contains("no schedule is installed any more"))
    };
    let good = ("good".to_owned(), String::new(), false);
    let removed = ("attention".to_owned(), "enamel schedule install".to_owned(), true);
    run(&machine, &["backup"]).expect(0);
    assert_eq!(on_time(), good, "somebody who makes backups by hand needs no schedule");
    schedule(&["install", "--dry-run"]);
    assert!(
        !machine
            .path("state 5%")
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with("agent-") })
    );
    schedule(&["install"]);
    assert_eq!(on_time(), good);
    schedule(&["remove"]);
    assert_eq!(on_time(), removed);
    // A unit that is removed by hand is a schedule that is removed.
    schedule(&["install"]);
    fs::remove_file(machine.path("home/.config/systemd/user/enamel-agent.service")).unwrap();
    assert_eq!(on_time(), removed);
    run(&machine, &["status", "--strict"]).expect(3).prints("`enamel schedule install`");
    // An agent that something else starts is a schedule as well.
    run(&machine, &["agent", "--once"]).expect(0);
    assert_eq!(on_time(), good);
    // With the settings somebody says that backups are made by hand.
    schedule(&["install"]);
    schedule(&["remove"]);
    let settings = fs::read_to_string(machine.path("enamel.toml")).unwrap();
    machine.write("enamel.toml", settings + "[schedule]\nbackup = \"off\"\notherwise = \"off\"\n");
    assert_eq!(on_time(), good);
}

#[test]
fn a_unit_of_somebody_else_stays() {
    let machine = office();
    let unit = "home/.config/systemd/user/enamel-agent.service";
    machine.write(unit, "[Service]\n");
    for action in ["install", "remove"] {
        let answer = run(&machine, &["schedule", action, "--user", "--manager", "systemd"]).expect(1);
        assert!(answer.err.contains("was not written by"), "{}", answer.err);
    }
    assert_eq!(fs::read_to_string(machine.path(unit)).unwrap(), "[Service]\n");
}

#[test]
fn a_service_reads_only_the_settings_file() {
    let machine = office();
    machine.write("enamel.toml", "repository = \"repo\"\nsources = [\"source\"]\n");
    let mut command = machine.bare();
    command.arg("--config").arg(machine.path("enamel.toml")).env("ENAMEL_KEY_FILE", machine.path("key"));
    let answer = Answer::of(command.args(["schedule", "install", "--user", "--manager", "systemd"]).output().unwrap());
    assert!(answer.expect(2).err.contains("the key or password is not named in enamel.toml"));
}

#[test]
fn the_lines_of_cron_and_launchd_are_whole() {
    let machine = office();
    let printed =
        |manager: &str| run(&machine, &["schedule", "install", "--dry-run", "--manager", manager]).expect(0).out;
    let cron = printed("cron");
    assert!(
        cron.contains("*/5 * * * * root ") && cron.contains("state 5\\%' ") && cron.contains("agent --once\n"),
        "{cron}"
    );
    let launchd = printed("launchd");
    assert!(launchd.contains("<string>agent</string>") && launchd.contains("state 5%</string>"), "{launchd}");
}
