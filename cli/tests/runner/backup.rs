//! `init` and `backup`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, openat};

use crate::harness::{Answer, Machine};

#[test]
fn init_makes_a_key_file_for_its_user_only() {
    let machine = Machine::new();
    machine.run(["init"]).expect(0).prints("away from this machine");
    let mode = machine.path("key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn init_leaves_an_existing_repository_and_key_alone() {
    let machine = Machine::with_repository();
    let key = fs::read(machine.path("key")).unwrap();
    machine.run(["init"]).expect(1).says("there is a repository already").says("hint:");
    machine.run(["init", "--key-file", &machine.arg("other")]).expect(1);
    assert_eq!(fs::read(machine.path("key")).unwrap(), key);
    assert!(!machine.path("other").exists(), "no key is made for nothing");
}

#[test]
fn init_uses_a_key_file_that_is_there() {
    let machine = Machine::with_repository();
    let key = fs::read(machine.path("key")).unwrap();
    machine.run(["init", "--repo", &machine.arg("second")]).expect(0);
    assert_eq!(fs::read(machine.path("key")).unwrap(), key);
    machine.run(["snapshots", "--repo", &machine.arg("second")]).expect(0);
}

#[test]
fn a_key_inside_the_repository_is_refused() {
    let machine = Machine::new();
    machine.run(["init", "--key-file", &machine.arg("repo/key")]).expect(2).says("inside the repository");
    assert!(!machine.path("repo").exists());
}

#[test]
fn a_backup_says_what_it_did() {
    let machine = Machine::with_repository();
    let answer = machine.run(["backup", "source", "--tag", "hourly"]).expect(0);
    answer.prints("snapshot ").prints("2 new, 0 changed, 0 unchanged").prints("grew by");
    let summary = machine.run(["--json", "backup", "source"]).expect(0).last("summary");
    assert_eq!(summary["new_files"], 0);
    assert_eq!(summary["files"], 2);
    assert_eq!(summary["snapshot"].as_str().unwrap().len(), 32);
    assert!(summary["parent"].is_string());
}

#[test]
fn a_quiet_backup_says_nothing() {
    let machine = Machine::with_repository();
    let answer = machine.run(["backup", "source", "--quiet"]).expect(0);
    assert_eq!((answer.out.as_str(), answer.err.as_str()), ("", ""));
}

#[test]
fn a_source_that_is_not_there_fails_before_anything_is_saved() {
    let machine = Machine::with_repository();
    machine.run(["backup", "sourse"]).expect(1).says("sourse");
    assert_eq!(machine.snapshots(), 0);
}

#[test]
fn nothing_to_save_is_a_usage_error() {
    Machine::with_repository().run(["backup"]).expect(2).says("there is nothing to save");
}

#[test]
fn what_cannot_be_read_is_named_and_the_status_is_3() {
    let machine = Machine::with_repository();
    let locked = machine.path("source/locked.jpg");
    machine.write("source/locked.jpg", "x");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&locked).is_ok() {
        return; // root reads everything: there is nothing to see here.
    }
    machine.run(["backup", "source"]).expect(3).says("locked.jpg").prints("snapshot ");
    let answer = machine.run(["--json", "backup", "source"]).expect(3);
    assert_eq!(answer.last("summary")["problems"], 1);
    assert_eq!(answer.last("problem")["kind"], "unreadable");
}

#[test]
fn standard_input_becomes_a_file() {
    let machine = Machine::with_repository();
    let dump = b"INSERT INTO patient VALUES (1);\n".repeat(10_000);
    machine.run_with_input(&["backup", "--stdin", "dump.sql"], &dump).expect(0);
    assert_eq!(machine.run(["cat", "latest", "dump.sql"]).expect(0).out.as_bytes(), dump);
}

#[test]
fn a_dry_run_saves_nothing() {
    let machine = Machine::with_repository();
    machine.run(["backup", "source", "--dry-run"]).expect(0).prints("nothing was saved");
    assert_eq!(machine.snapshots(), 0);
}

#[test]
fn excludes_come_from_flags_files_and_ignore_files() {
    let machine = Machine::with_repository();
    for name in ["a.tmp", "b.bak", "c.ignored", "cache/x"] {
        machine.write(format!("source/{name}"), "x");
    }
    machine.write("source/.enamelignore", "*.ignored\n");
    machine.write("source/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
    machine.write("patterns", "*.bak\n");
    machine.backup(&["--exclude", "*.tmp", "--exclude-file", "patterns", "--exclude-caches"]);
    let listed = machine.run(["ls", "latest", "--recursive"]).expect(0).out;
    for name in ["a.tmp", "b.bak", "c.ignored", "cache/x"] {
        assert!(!listed.contains(name), "{listed}");
    }
    machine.backup(&["--no-ignore-files"]);
    machine.run(["ls", "latest", "--recursive"]).expect(0).prints("c.ignored");
}

#[test]
fn a_parent_can_be_chosen_or_refused() {
    let machine = Machine::with_snapshot();
    let again = |parent: &str| -> Answer { machine.run(["--json", "backup", "source", "--parent", parent]).expect(0) };
    assert!(again("none").last("summary")["parent"].is_null());
    assert!(again("latest").last("summary")["parent"].is_string());
    machine.run(["backup", "source", "--parent", "00000000"]).expect(1);
    for trust in ["inode", "mtime,size"] {
        machine.run(["backup", "source", "--trust", trust]).expect(0);
    }
    for kind in ["files", "images", "database"] {
        machine.run(["backup", "source", "--data-kind", kind]).expect(0);
    }
}

#[test]
fn repository_and_cache_are_not_saved_into_themselves() {
    let machine = Machine::with_repository();
    let folder = machine.path("");
    fs::rename(folder.join("repo"), folder.join("source/re [po]!")).unwrap();
    let (repo, cache) = (machine.arg("source/re [po]!"), machine.arg("source/A/cache"));
    machine.write("source/A/po/cache/x", "not the one");
    std::os::unix::fs::symlink("source", folder.join("link")).unwrap();
    for source in ["source", "link/"] {
        let answer =
            machine.run(["backup", source, "--repo", &repo, "--cache-dir", &cache, "--exclude", "!*"]).expect(0);
        answer.says("is left out: it is the repository").says("is left out: it is the cache");
        let listed = machine.run(["ls", "latest", "--recursive", "--repo", &repo]).expect(0).out;
        assert!(listed.contains("A/po/cache/x") && listed.contains("letter.txt"), "{listed}");
        assert!(!listed.contains("re [po]!") && !listed.contains("A/cache"), "{listed}");
    }
    let packs = format!("{repo}/packs");
    machine.run(["backup", &packs, "--repo", &repo]).expect(2).says("in the repository itself");
    assert_eq!(machine.run(["backup", "source", "--repo", &repo, "--quiet"]).expect(0).err, "");
}

#[test]
fn a_copy_of_a_source_is_saved_as_if_it_were_there() {
    let machine = Machine::with_snapshot();
    fs::rename(machine.path("source"), machine.path("copy")).unwrap();
    let args = ["--json", "backup", "copy", "--as-path", &machine.arg("source")];
    let summary = machine.run(args).expect(0).last("summary");
    assert_eq!((summary["new_files"].as_u64(), summary["files"].as_u64()), (Some(0), Some(2)));
    machine.run(["ls", "latest:source/A"]).expect(0).prints("xray.jpg");
    machine.run(["backup", "copy", "repo", "--as-path", "x"]).expect(2).says("once for each");
}

#[test]
fn no_ignore_file_brings_the_repository_back() {
    let machine = Machine::new();
    let repo = machine.arg("source/A/repo");
    machine.run(["init", "--repo", &repo]).expect(0);
    machine.write("source/.enamelignore", "!*\n!repo\n!A/repo/**\n");
    machine.write("source/A/.enamelignore", "!repo\n");
    let answer = machine.run(["backup", "source", "--repo", &repo, "--exclude", "!repo"]).expect(0);
    answer.says("is left out: it is the repository");
    let listed = machine.run(["ls", "latest", "--recursive", "--repo", &repo]).expect(0).out;
    assert!(listed.contains("letter.txt") && !listed.contains("repo"), "{listed}");
}

#[test]
fn a_source_that_is_empty_now_is_named_and_may_be_meant_so() {
    let machine = Machine::with_snapshot();
    fs::remove_dir_all(machine.path("source/A")).unwrap();
    let answer = machine.run(["backup", "source"]).expect(3);
    answer.says("it held files in snapshot").says("is a disk not mounted?").says("--allow-less");
    assert_eq!(machine.run(["--json", "backup", "source"]).expect(3).last("problem")["kind"], "less-than-before");
    machine.run(["status"]).expect(3);
    machine.run(["backup", "source", "--allow-less"]).expect(0);
    machine.run(["backup", "source"]).expect(0);
}

#[test]
fn patterns_are_understood_as_snapshots_show_paths_and_named_where_they_do_nothing() {
    let machine = Machine::with_repository();
    for pattern in ["source/A", "./A", "A/"] {
        let answer = machine.run(["backup", "source", "--exclude", pattern, "--allow-less"]).expect(0);
        assert!(!answer.err.contains("left nothing out"), "{}", answer.err);
        assert!(!machine.run(["ls", "latest", "--recursive"]).expect(0).out.contains("xray"), "{pattern}");
    }
    machine.run(["backup", "source", "--exclude", "B"]).expect(0).says("the pattern of --exclude B left nothing out");
}

#[test]
fn a_pipe_that_is_named_is_said_to_be_none() {
    let machine = Machine::with_repository();
    let script = format!("{} backup <(echo dump)", crate::harness::ENAMEL);
    let mut shell = std::process::Command::new("bash");
    let variables = [("ENAMEL_REPO", "repo"), ("ENAMEL_KEY_FILE", "key"), ("ENAMEL_CACHE_DIR", "cache")];
    shell.args(["-c", &script]).current_dir(machine.path("")).envs(variables);
    Answer::of(shell.output().unwrap()).expect(2).says("--exec NAME -- COMMAND");
    rustix::fs::mknodat(CWD, machine.path("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    machine.run(["backup", "fifo"]).expect(3).says("it is a FIFO").says("--exec NAME -- COMMAND");
}

#[test]
fn folders_may_be_deeper_than_files_may_be_open() {
    const DEPTH: usize = 1200;
    let machine = Machine::with_repository();
    let open = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut at = rustix::fs::open(machine.path("source"), open, Mode::empty()).unwrap();
    for level in 0..DEPTH {
        mkdirat(&at, "d", Mode::RWXU).unwrap();
        at = openat(&at, "d", open, Mode::empty()).unwrap();
        // Something to come back to.
        if level % 100 == 0 {
            mkdirat(&at, "e", Mode::RWXU).unwrap();
            let file = openat(&at, "f", OFlags::WRONLY | OFlags::CREATE, Mode::RWXU).unwrap();
            rustix::io::write(&file, b"content").unwrap();
        }
    }
    let with_few_files = |command: &str| {
        let script = format!("ulimit -n 200; exec {} --json {command}", crate::harness::ENAMEL);
        let mut shell = std::process::Command::new("sh");
        let variables = [("ENAMEL_REPO", "repo"), ("ENAMEL_KEY_FILE", "key"), ("ENAMEL_CACHE_DIR", "cache")];
        shell.args(["-c", &script]).current_dir(machine.path("")).envs(variables);
        Answer::of(shell.output().unwrap()).expect(0).last("summary")
    };
    let summary = with_few_files("backup source");
    assert_eq!(summary["directories"], DEPTH + DEPTH / 100 + 2);
    let summary = with_few_files("restore latest --target out");
    assert_eq!((&summary["directories"], &summary["problems"]), (&(DEPTH + DEPTH / 100 + 2).into(), &0.into()));
    // Nothing is to be changed, and nothing is too much.
    let summary = with_few_files("restore latest --target out --delete");
    assert_eq!((&summary["deleted_entries"], &summary["problems"]), (&0.into(), &0.into()));
}

#[test]
fn the_program_that_is_tested_has_the_clock_and_the_chance_of_the_one_that_ships() {
    let machine = Machine::with_repository();
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    let ids = [machine.backup(&[]), machine.backup(&[])];
    assert_ne!(ids[0], ids[1]);
    for snapshot in machine.run(["--json", "snapshots"]).expect(0).messages() {
        let time: jiff::Timestamp = snapshot["time"].as_str().unwrap().parse().unwrap();
        assert!((before..=now()).contains(&u64::try_from(time.as_second()).unwrap()), "{snapshot}");
    }
}

#[test]
fn a_limit_of_the_size_of_files_is_an_error_with_a_message() {
    let machine = Machine::with_repository();
    let mut state = 1_u64;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    machine.write("source/big", bytes.take(3 << 20).collect::<Vec<u8>>());
    let mut command = std::process::Command::new("sh");
    command.args(["-c", r#"ulimit -f 1024 && exec "$0" "$@""#, crate::harness::ENAMEL, "backup", "source"]);
    for (name, value) in machine.command([""; 0]).get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let answer = Answer::of(command.current_dir(machine.path("")).output().unwrap());
    answer.expect(1).says("cannot write packs/");
    machine.backup(&[]);
}
