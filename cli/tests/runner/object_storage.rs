//! A repository in object storage, on a server of the tests' own.

use std::process::Command;

use scenario_tests::object_storage::{BUCKET, Conditions, Fault, KEY, Manner, ObjectStorage, Trouble};

use crate::harness::{Answer, Machine, tree};

/// A machine whose repository is in object storage.
pub struct Office {
    /// The machine.
    pub machine: Machine,
    /// The server.
    pub server: ObjectStorage,
}

impl Office {
    /// A machine without a repository, and an empty bucket.
    pub fn new(manner: Manner) -> Self {
        let office = Office { machine: Machine::new(), server: ObjectStorage::start(manner) };
        office
            .machine
            .write("settings.toml", "[s3]\nregion = 'eu-test-1'\ngive-up-after = '1s'\nwait-for-others = '0s'\n");
        office
    }

    /// The program with the place of the repository and its key set.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.machine.bare();
        command
            .env("ENAMEL_REPO", format!("s3://{BUCKET}/office/enamel"))
            .env("ENAMEL_KEY_FILE", self.machine.path("key"));
        command
            .env("ENAMEL_CONFIG", self.machine.path("settings.toml"))
            .env("AWS_ENDPOINT_URL", self.server.endpoint());
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", "very-secret").args(args);
        command
    }

    /// Runs it.
    pub fn run(&self, args: &[&str]) -> Answer {
        Answer::of(self.command(args).output().unwrap())
    }
}

#[test]
fn a_repository_in_object_storage_is_used_like_any_other() {
    let office = Office::new(Manner { page: 20, ..Manner::default() });
    let source = office.machine.arg("source");
    office.run(&["backup", &source]).expect(10).says("there is no repository in s3://practice/office/enamel");
    office.run(&["init"]).expect(0).prints("made the repository");
    office.run(&["init"]).expect(1).says("there is a repository already in s3://practice/office/enamel");
    office.run(&["backup", &source]).expect(0);
    office.run(&["config", "check"]).expect(0).prints("conditional writes");
    office.run(&["config", "show"]).expect(0).prints("s3://practice/office/enamel");
    office.machine.write("source/new.txt", "new");
    office.run(&["backup", &source]).expect(0);
    let target = office.machine.arg("restored");
    office.run(&["restore", "latest", "--target", &target]).expect(0);
    assert_eq!(tree(&office.machine.path("restored/source")), tree(&office.machine.path("source")));
    office.run(&["forget", "--keep-last", "1"]).expect(0);
    office.run(&["prune"]).expect(0);
    office.run(&["verify", "--read-data"]).expect(0).prints("no damage");
    assert!(office.server.keys().iter().all(|key| key.starts_with("office/enamel/")));
}

#[test]
fn an_hourly_backup_makes_twenty_requests() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let source = office.machine.arg("source");
    office.run(&["init"]).expect(0);
    office.run(&["backup", &source]).expect(0);
    office.server.take_asked();
    for hour in 1..4 {
        office.machine.write("source/new.jpg", noise(hour, 50_000));
        office.run(&["backup", &source]).expect(0);
        let asked = office.server.take_asked();
        let asked: Vec<_> = asked.iter().map(|asked| format!("{} {}", asked.verb, asked.key)).collect();
        assert_eq!(asked.len(), 20, "{asked:#?}");
    }
}

/// Runs a program under Python, which says how much memory it held at once, in bytes.
fn peak_of(program: &Command) -> u64 {
    const SCRIPT: &str = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); \
                          print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(program.get_program()).args(program.get_args()).env_clear();
    python.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let answer = Answer::of(python.output().unwrap()).expect(0);
    answer.out.trim().parse::<u64>().unwrap() * 1024
}

/// Bytes that do not compress, other ones for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).take(len / 8).flatten().collect()
}

#[test]
fn memory_stays_within_bounds_however_many_requests_run_at_once() {
    const MOST: u64 = 256_000_000;
    let office = Office::new(Manner { page: 1000, ..Manner::default() });
    for n in 0..150 {
        office.machine.write(format!("large/{n}"), noise(n + 1, 1_000_000));
    }
    let source = office.machine.arg("large");
    office.run(&["init"]).expect(0);
    let target = office.machine.arg("restored");
    for args in [&["backup", &source][..], &["restore", "latest", "--target", &target], &["verify", "--read-data"]] {
        let peak = peak_of(&office.command(args));
        println!("{}: {} MB", args[0], peak / 1_000_000);
        assert!(peak < MOST, "{}: {peak}", args[0]);
    }
}

#[test]
fn an_outage_is_no_damage() {
    let office = Office::new(Manner::default());
    office.run(&["init"]).expect(0);
    office.run(&["backup", &office.machine.arg("source")]).expect(0);
    office.server.fail(Fault::always("GET", "/packs/", Trouble::NoAnswer));
    for args in
        [&["verify", "--read-data"][..], &["repair", "--read-data"], &["restore", "latest", "--target", "there"]]
    {
        let answer = office.run(args).expect(1).says("Nothing is damaged");
        assert!(!answer.out.contains("damage"), "{}", answer.out);
    }
    office.server.heal();
    office.run(&["verify", "--read-data"]).expect(0).prints("no damage");
}

#[test]
fn a_server_on_which_writers_would_harm_each_other_is_refused() {
    for conditions in [Conditions::Ignored, Conditions::Raced] {
        let office = Office::new(Manner { conditions, ..Manner::default() });
        office.run(&["init"]).expect(1).says("cannot hold a repository").says("enamel init --exclusive-prune");
        assert!(office.server.keys().is_empty(), "{:?}", office.server.keys());
    }
}

#[test]
fn keys_that_are_wrong_or_half_there_are_named_and_never_shown() {
    let office = Office::new(Manner::default());
    let run = |variables: &[(&str, Option<&str>)]| {
        let mut command = office.command(&["init"]);
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let answer = Answer::of(command.output().unwrap());
        assert!(!answer.err.contains("very-secret"), "{}", answer.err);
        answer
    };
    run(&[("AWS_ACCESS_KEY_ID", Some("OTHER"))]).expect(1).says("does not know this access key");
    run(&[("AWS_ACCESS_KEY_ID", None)]).expect(2).says("without the other");
    run(&[("AWS_ENDPOINT_URL", Some("127.0.0.1:9"))]).expect(2).says("must begin with");
    run(&[("ENAMEL_REPO", Some("s3://key:very-secret@host/x"))]).expect(2).says("s3://BUCKET/PREFIX");
    office.machine.write("token", "t");
    let token = office.machine.arg("token");
    run(&[
        ("AWS_ACCESS_KEY_ID", None),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some("http://127.0.0.1:9/role")),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Some(&token)),
    ])
    .expect(1)
    .says("there are no credentials");
    let key = format!("[office]\naws_access_key_id={KEY}\naws_secret_access_key=very-secret\n");
    office.machine.write("home/.aws/credentials", key);
    let from_file =
        |profile| run(&[("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None), ("AWS_PROFILE", Some(profile))]);
    from_file("other").expect(2).says("there is no [other]");
    from_file("office").expect(0);
}

#[test]
fn a_bucket_that_keeps_versions_gives_back_what_was_deleted() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let source = office.machine.arg("source");
    office.run(&["init"]).expect(0);
    office.run(&["backup", &source]).expect(0);
    office.run(&["recover", "--as-of", "2030-01-01"]).expect(1).says("keeps no older versions");
    office
        .server
        .configure("versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
    let moment = jiff::Timestamp::from_second(office.server.now()).unwrap().to_string();
    office.server.pass(60);
    for key in office.server.keys() {
        office.server.put(&key, b"encrypted by an intruder");
    }
    office.run(&["snapshots"]).expect(1);
    office.run(&["recover", "--as-of", &moment]).expect(0).prints("deleted or replaced");
    let early = jiff::Timestamp::from_second(office.server.now() - 3600).unwrap().to_string();
    office
        .run(&["recover", "--as-of", &early])
        .expect(10)
        .says("there was no repository")
        .says("give that moment or a later");
    let place = office.machine.arg("recovered");
    office.run(&["recover", "--as-of", &moment, "--to", &place]).expect(0).prints("Now prove that it is whole");
    office.run(&["--repo", &place, "verify", "--read-data"]).expect(0).prints("no damage");
    let target = office.machine.arg("restored");
    office.run(&["--repo", &place, "restore", "latest", "--target", &target]).expect(0);
    assert_eq!(tree(&office.machine.path("restored/source")), tree(&office.machine.path("source")));
    office.run(&["--repo", &place, "recover", "--as-of", &moment]).expect(2).says("only object storage");
}

#[test]
fn what_snapshots_need_is_locked_on_request_and_after_backups() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    let source = office.machine.arg("source");
    office.run(&["init"]).expect(0);
    office.run(&["backup", &source]).expect(0);
    office.run(&["protect"]).expect(1).says("cannot protect");
    office
        .server
        .configure("versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
    office.server.configure(
        "object-lock",
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>",
    );
    office.run(&["protect", "--for", "10d"]).expect(0).prints("protected").says("does not lock new objects");
    office.run(&["protect", "--for", "1h"]).expect(2).says("a day at least");
    let key = "office/enamel/config";
    let first = office.server.locks(key).last().copied().flatten().unwrap();
    // The setting asks for more than twice as long, so the lock is extended.
    office.machine.write("settings.toml", "[s3]\nprotect = '40d'\n");
    office.machine.write("source/new.txt", "new");
    office.run(&["backup", &source]).expect(0).prints("protected");
    let second = office.server.locks(key).last().copied().flatten().unwrap();
    assert!(second > first + 29 * 86_400, "{first} {second}");
    office.run(&["backup", &source]).expect(0);
    assert_eq!(office.server.locks(key).last().copied().flatten(), Some(second));
    office.machine.write("settings.toml", "[s3]\nprotect = 'soon'\n");
    office.run(&["backup", &source]).expect(2).says("protect");
}

#[test]
fn a_rule_that_deletes_objects_is_found() {
    let office = Office::new(Manner { page: 50, ..Manner::default() });
    office.run(&["init"]).expect(0);
    office.run(&["config", "check"]).expect(0).prints("nothing protects objects");
    office.server.configure(
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>tidy</ID><Prefix/><Status>Enabled</Status><Expiration><Days>90</Days></Expiration></Rule>\
         </LifecycleConfiguration>",
    );
    office.run(&["config", "check"]).expect(1).prints("`tidy` deletes objects 90 days after");
}

#[test]
fn the_policy_for_a_bucket_is_printed() {
    let office = Office::new(Manner::default());
    let printed = office.run(&["grants", "s3"]).expect(0).says("Ceph");
    printed.prints("arn:aws:s3:::practice/office/enamel/leases/*");
    office.run(&["grants", "s3", "--repo", "/srv/backup"]).expect(2).says("a bucket of object storage");
}
