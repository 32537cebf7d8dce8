//! `enamel.toml`, and what comes before it.

use crate::harness::{Answer, Machine};

/// A machine whose user's config folder holds these settings, and their repository.
fn machine(settings: &str) -> Machine {
    let machine = Machine::with_repository();
    machine.write("home/.config/enamel/enamel.toml", format!("{}\n{settings}", base(&machine)));
    machine
}

fn base(machine: &Machine) -> String {
    format!("repository = {:?}\nkey-file = {:?}", machine.path("repo"), machine.path("key"))
}

fn setting(answer: &Answer, name: &str) -> (String, String) {
    let settings = answer.messages();
    let setting = settings.iter().find(|message| message["name"] == name).unwrap();
    (setting["value"].as_str().unwrap().into(), setting["origin"].as_str().unwrap().into())
}

#[test]
fn plain_backup_does_the_whole_job() {
    let machine = machine("tags = ['hourly']\nexcludes = ['*.jpg']\nsources = ['../../../source']");
    machine.run_bare(&["backup"], []).expect(0);
    let snapshot = machine.run(["--json", "snapshots"]).expect(0).last("snapshot");
    assert_eq!(snapshot["tags"][0], "hourly");
    let listed = machine.run(["ls", "latest", "--recursive"]).expect(0).prints("letter.txt").out;
    assert!(!listed.contains("xray.jpg"), "{listed}");
    machine.run_bare(&["backup", "--tag", "by-hand"], []).expect(0);
    let snapshot = machine.run(["--json", "snapshots"]).expect(0).last("snapshot");
    assert_eq!(snapshot["tags"].as_array().unwrap(), &["by-hand"]);
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let machine = machine("cache-dir = 'from-file'");
    let show = |args: &[&str], variables: Vec<(&str, &str)>| {
        let mut command = machine.bare();
        command.env_remove("ENAMEL_CACHE_DIR").args(["--json", "config", "show"]).args(args).envs(variables);
        Answer::of(command.output().unwrap())
    };
    let file = show(&[], vec![]).expect(0);
    assert!(setting(&file, "cache-dir").0.ends_with("/home/.config/enamel/from-file"));
    assert_eq!(setting(&file, "cache-dir").1, "enamel.toml");
    assert_eq!(setting(&file, "repository").1, "enamel.toml");
    let variable = show(&[], vec![("ENAMEL_CACHE_DIR", "from-env")]);
    assert_eq!(setting(&variable, "cache-dir"), (machine.arg("from-env"), "ENAMEL_CACHE_DIR".into()));
    let flag = show(&["--cache-dir", "from-flag"], vec![("ENAMEL_CACHE_DIR", "from-env")]);
    assert_eq!(setting(&flag, "cache-dir"), (machine.arg("from-flag"), "--cache-dir".into()));
    let empty = show(&[], vec![("ENAMEL_CACHE_DIR", "")]);
    assert_eq!(setting(&empty, "cache-dir").1, "enamel.toml");
}

#[test]
fn the_file_is_found_in_order() {
    let machine = machine("");
    let file = |answer: Answer| setting(&answer.expect(0), "settings file").0;
    let show = ["--json", "config", "show"];
    assert_eq!(file(machine.run_bare(&show, [])), machine.arg("home/.config/enamel/enamel.toml"));
    machine.write("named.toml", base(&machine));
    let named = ("ENAMEL_CONFIG", machine.path("named.toml").into());
    assert_eq!(file(machine.run_bare(&show, [named])), machine.arg("named.toml"));
    machine.run_bare(&["config", "show", "--config", "missing.toml"], []).expect(2).says("missing.toml");
}

#[test]
fn what_does_not_belong_there_is_named_with_its_file() {
    for (settings, said) in [
        ("colour = 'red'", "colour"),
        ("tags = ['a:b']", "a:b"),
        ("password-file = 'x'", "only one of"),
        ("[retention]\nkeep-hourl = 3", "keep-hourl"),
        ("sources = 3", "sources"),
        ("profile = 'opendent'", "opendental"),
        ("map-paths = ['images']", "map-paths"),
        ("[hooks]\nbefore = 'x'", "before"),
        ("database = 'mysql://u:pw@db'", "holds a password"),
        ("database = 'postgres://db'", "mysql://"),
    ] {
        machine(settings).run_bare(&["snapshots"], []).expect(2).says("enamel.toml").says(said);
    }
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let machine = Machine::with_repository();
    let (repo, key) = (machine.arg("repo"), machine.arg("key"));
    machine.run_bare(&["--repo", &repo, "--key-file", &key, "snapshots"], []).expect(0);
    machine.run_bare(&["snapshots", "--repo", &repo, "--key-file", &key], []).expect(0);
    machine.run_bare(&["--repo", &repo, "key", "list", "--key-file", &key], []).expect(0);
}

#[test]
fn show_tells_the_repository_too() {
    let machine = machine("[retention]\nkeep-hourly = 48");
    let answer = machine.run_bare(&["config", "show"], []).expect(0);
    answer.prints("keep hourly 48").prints("images: 256 KiB / 1.00 MiB / 4.00 MiB");
    let repository = machine.run(["--json", "config", "show"]).expect(0).last("repository");
    assert_eq!((&repository["format_version"], repository["profiles"].as_array().unwrap().len()), (&1.into(), 3));
}

#[test]
fn check_names_what_is_wrong() {
    let machine = machine("sources = ['../../../source', 'gone']");
    let answer = machine.run_bare(&["config", "check"], []).expect(1);
    answer.prints("✓ ok      repository and key").prints("✗ FAILED  source").prints("gone");
    machine.run(["--json", "config", "check"]).messages().iter().for_each(|check| assert!(check["ok"].is_boolean()));
    machine.run(["config", "check", "--repo", "nowhere"]).expect(10).prints("FAILED  storage");
}

#[test]
fn check_and_show_tell_of_the_schedule_and_of_notices() {
    let mail = "mail = { to = ['dana@example.org'], server = 'smtp.example.org', user = 'office', password-file = 'mail.password' }";
    let machine = machine(&format!("[schedule]\ndrill = 'monthly'\n[notify]\n{mail}"));
    let shown = machine.run_bare(&["--json", "config", "show"], []).expect(0);
    assert!(setting(&shown, "schedule").0.ends_with("verify 5% daily, drill monthly, forget weekly"), "{}", shown.out);
    assert_eq!(setting(&shown, "notify").0, "mail");
    machine.run_bare(&["config", "check"], []).expect(1).prints("✗ FAILED  notices").prints("mail.password");
    machine.write("home/.config/enamel/mail.password", "secret");
    machine.run_bare(&["config", "check"], []).expect(0).prints("mail: `enamel notify test` tries them");
}

#[test]
fn a_database_of_the_settings_is_shown_with_what_belongs_to_it() {
    let machine =
        machine("database = 'mysql://enamel@db'\nschemas = ['a', 'b']\ndefaults-file = 'my.cnf'\ntls-ca = 'ca.pem'");
    let show = |variables: Vec<(&str, &str)>| {
        let mut command = machine.bare();
        Answer::of(command.args(["--json", "config", "show"]).envs(variables).output().unwrap()).expect(0)
    };
    let shown = show(vec![]);
    let value = |name| setting(&shown, name).0;
    assert_eq!((value("database"), value("schemas")), ("mysql://enamel@db".into(), "a, b".into()));
    assert_eq!(value("defaults-file"), machine.arg("home/.config/enamel/my.cnf"));
    assert_eq!(value("tls"), format!("on, ca {}", machine.arg("home/.config/enamel/ca.pem")));
    assert_eq!(value("database password"), "not set");
    let shown = show(vec![("ENAMEL_DB_PASSWORD", "secret")]);
    assert_eq!(setting(&shown, "database password"), ("password".into(), "ENAMEL_DB_PASSWORD".into()));
    assert!(!shown.out.contains("secret"));
}

#[test]
fn nothing_is_taken_from_a_file_beside_the_repository() {
    let own = machine("append-only = true\ntags = ['own']");
    let bare = Machine::with_repository();
    let settings = [
        "excludes = ['*']",
        "[retention]\nkeep-last = 1",
        "cache-dir = 'evil'",
        "key-file = 'theirs.key'",
        "password-command = 'touch ran; echo x'",
        "[hooks]\nafter = 'touch ran'",
        "database = 'mysql://elsewhere'",
        "sources = ['/etc']",
        "tls-skip-verify = true",
        "tags = ['theirs']",
        "",
        "this is no TOML",
    ];
    for text in settings {
        bare.write("enamel.toml", text);
        // It may have been meant to have an effect.
        bare.run(["backup", "source"]).expect(3).says("enamel.toml is not read");
        bare.run(["forget"]).expect(2).says("enamel.toml is not read");
        own.write("enamel.toml", text);
        own.run_bare(&["backup", "source"], []).expect(0);
        let shown = own.run_bare(&["--json", "config", "show"], []).expect(0);
        assert_eq!(setting(&shown, "append-only"), ("true".into(), "enamel.toml".into()));
        assert_eq!(setting(&shown, "tags").0, "own");
        assert_eq!(setting(&shown, "beside the repository").0, format!("{}, not read", own.arg("enamel.toml")));
    }
    assert_eq!(bare.snapshots(), settings.len());
    bare.run(["ls", "latest", "--recursive"]).expect(0).prints("letter.txt");
    assert!(!bare.path("evil").exists() && !bare.path("ran").exists());
}

#[test]
fn what_stands_beside_the_repository_is_not_opened() {
    let machine = Machine::with_repository();
    let place = machine.path("enamel.toml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &place, rustix::fs::Mode::RWXU).unwrap();
    machine.run(["snapshots"]).expect(0).says("is not read");
    std::fs::remove_file(&place).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &place).unwrap();
    machine.run(["snapshots"]).expect(0).says("is not read");
    std::fs::remove_file(&place).unwrap();
    machine.write("enamel.toml", base(&machine));
    let named = machine.run(["snapshots", "--config", "enamel.toml"]).expect(0);
    assert!(!named.err.contains("is not read"), "{}", named.err);
}

#[test]
fn a_settings_file_is_a_regular_one_of_reasonable_size() {
    let machine = Machine::with_repository();
    let refused = |why: &str| {
        machine.run(["snapshots", "--config", "named.toml"]).expect(2).says("named.toml").says(why);
        std::fs::remove_file(machine.path("named.toml")).unwrap();
    };
    rustix::fs::mkfifoat(rustix::fs::CWD, machine.path("named.toml"), rustix::fs::Mode::RWXU).unwrap();
    refused("not a regular file");
    std::os::unix::fs::symlink("/dev/zero", machine.path("named.toml")).unwrap();
    refused("not a regular file");
    std::fs::File::create(machine.path("named.toml")).unwrap().set_len(1 << 40).unwrap();
    refused("longer than 64 KiB");
    machine.write("named.toml", [0xff, 0xfe]);
    refused("not UTF-8");
    machine.write("real.toml", base(&machine));
    std::os::unix::fs::symlink(machine.path("real.toml"), machine.path("named.toml")).unwrap();
    machine.run(["snapshots", "--config", "named.toml"]).expect(0);
}

#[test]
fn no_value_of_a_settings_file_stands_in_an_error() {
    for (text, said) in [
        ("root:$6$S3cret:19700:0:99999:7:::\ndaemon:*:19700\n", "line 1"),
        ("[client]\npassword = S3cret\n", "line 2"),
        ("# one\nsources = 'S3cret'\n", "line 2: `sources`: "),
        ("append-only = 'S3cret'", "expected a boolean"),
    ] {
        let machine = machine("");
        machine.write("named.toml", text);
        let answer = machine.run(["snapshots", "--config", "named.toml"]).expect(2).says(said);
        assert!(!answer.err.contains("S3cret"), "{}", answer.err);
    }
}

#[test]
fn the_address_of_a_server_is_no_folder_and_nothing_is_made_of_it() {
    let machine = Machine::new();
    for address in ["http://host/bucket", "sftp:user@host:/srv", "rest:https://me:secret@host/", "user@host:/srv"] {
        for answer in [
            machine.run(["init", "--repo", address]),
            machine.run_bare(&["snapshots"], [("ENAMEL_REPO", address.into())]),
        ] {
            let answer = answer.expect(2).says("address of another machine");
            assert!(!answer.err.contains("secret"), "{}", answer.err);
        }
    }
    let names: Vec<_> = std::fs::read_dir(machine.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains(':')), "{names:?}");
}

#[test]
fn the_home_folder_can_be_written_with_a_tilde_where_no_shell_replaces_it() {
    let machine = Machine::new();
    machine.write("home/.config/enamel/enamel.toml", "repository = '~/repo'\nkey-file = '~/key'");
    machine.run_bare(&["init"], []).expect(0);
    assert!(machine.path("home/repo/config").exists() && machine.path("home/key").exists());
    machine.run_bare(&["snapshots"], [("ENAMEL_REPO", "~/repo".into()), ("ENAMEL_KEY_FILE", "~/key".into())]).expect(0);
    machine.run_bare(&["snapshots"], [("ENAMEL_REPO", "~somebody/repo".into())]).expect(2);
}
