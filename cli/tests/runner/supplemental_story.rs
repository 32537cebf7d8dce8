//! The whole story of a supplemental backup: on, off and local, administrators that change, and a lost office.

use std::fs;
use std::process::Command;

use scenario_tests::object_storage::{BUCKET, Fault, KEY, Manner, ObjectStorage, Seaweed, Trouble};
use scenario_tests::server::TestServer;
use serde_json::Value;

use crate::harness::{Answer, Machine, files};

const ADA: &str = "correct horse battery";
const BOB: &str = "seven quiet lanterns";

/// A practice with a database server and a host's object storage.
struct Practice {
    machine: Machine,
    server: TestServer,
    storage: ObjectStorage,
    /// The host's server, the storage of the tests' own or a real one, if variables of the environment name it.
    endpoint: Option<String>,
}

impl Practice {
    fn new() -> Self {
        let storage = ObjectStorage::start(Manner { page: 50, ..Manner::default() });
        let endpoint = storage.endpoint();
        Self::beside(storage, endpoint, "1s")
    }

    fn beside(storage: ObjectStorage, endpoint: String, patience: &str) -> Self {
        let practice =
            Practice { machine: Machine::new(), server: TestServer::start(&[]), storage, endpoint: Some(endpoint) };
        practice.server.run("CREATE DATABASE treasury");
        practice.server.run("CREATE TABLE treasury.ledgerbook (id INT PRIMARY KEY, note VARCHAR(200)) ENGINE=InnoDB");
        practice.pays(1);
        let database = practice.server.address().public().replace("mysql://", "mysql://root@");
        let (repo, key) = (practice.machine.arg("repo"), practice.machine.arg("key"));
        practice.machine.write(
            "enamel.toml",
            format!(
                "repository = {repo:?}\nkey-file = {key:?}\ndatabase = {database:?}\nschemas = [\"treasury\"]\n\n\
                 [s3]\nregion = \"eu-test-1\"\ngive-up-after = \"{patience}\"\n"
            ),
        );
        practice.machine.write("ada", ADA);
        practice.machine.write("bob", BOB);
        practice.run(&["init"]).expect(0);
        practice
    }

    fn pays(&self, id: u32) {
        self.server.run(&format!("INSERT INTO treasury.ledgerbook VALUES ({id}, 'payment of the patient Lovelace')"));
    }

    fn run(&self, args: &[&str]) -> Answer {
        let mut command = self.machine.bare();
        command.env("ENAMEL_CONFIG", self.machine.path("enamel.toml"));
        command.envs(self.endpoint.iter().map(|endpoint| ("AWS_ENDPOINT_URL", endpoint)));
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", "secret").args(args);
        Answer::of(command.output().unwrap())
    }

    fn enable(&self) -> String {
        let place = format!("s3://{BUCKET}/4711");
        let ada = self.machine.arg("ada");
        let more = ["--admin", "Ada Lovelace", "--admin-password-file", &ada, "--practice", "4711"];
        self.run(&[&["supplemental", "enable", &place][..], &more].concat()).expect(0);
        place
    }

    /// Dates of copies that a password opens.
    fn delivered(&self, place: &str, password: &str, more: &[&str]) -> Answer {
        let password = self.machine.arg(password);
        self.run(&[&["supplemental", "deliver", place, "--admin-password-file", &password][..], more].concat())
    }

    fn changes(&self) -> Vec<String> {
        let messages = self.run(&["--json", "supplemental", "status"]).messages();
        let changes = messages.iter().filter(|message| message["message_type"] == "supplemental_change");
        changes.map(|change| change["what"].as_str().unwrap().split(':').next().unwrap().to_owned()).collect()
    }

    fn status(&self) -> Value {
        self.run(&["--json", "supplemental", "status"]).last("supplemental_status")
    }
}

#[test]
fn copies_go_on_after_each_backup_and_the_host_reads_nothing() {
    let practice = Practice::new();
    practice.run(&["supplemental", "status"]).expect(0).prints("off");
    practice.run(&["supplemental", "run"]).expect(2).says("supplemental backups are off");
    practice.machine.write("weak", "elevenchars");
    let (place, weak) = (format!("s3://{BUCKET}/4711"), practice.machine.arg("weak"));
    let refused = ["supplemental", "enable", &place, "--admin", "ada", "--admin-password-file", &weak];
    practice.run(&refused).expect(2).says("fewer than 12 characters");
    practice.run(&["supplemental", "status"]).expect(0).prints("off");
    practice.enable();
    practice.run(&["backup"]).expect(0).prints("made 1 supplemental copy");
    practice.pays(2);
    practice.run(&["backup"]).expect(0).prints("made 1 supplemental copy");
    // Nothing there names a table, a schema, a computer or a person.
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for key in practice.storage.keys() {
        let bytes = practice.storage.object(&key).unwrap();
        for word in ["ledgerbook", "treasury", "Lovelace", "enamel.toml", &practice.machine.arg("repo"), &host] {
            let is_there = |text: &[u8]| text.windows(word.len()).any(|found| found == word.as_bytes());
            assert!(word.len() < 4 || !(is_there(&bytes) || is_there(key.as_bytes())), "{word} is in {key}");
        }
    }
    let listed = practice.run(&["--json", "supplemental", "list", &format!("s3://{BUCKET}/")]).messages();
    assert_eq!((&listed[0]["practice"], &listed[0]["administrator"]), (&"4711".into(), &"AL".into()));
    practice.run(&["supplemental", "scrub", &place]).expect(0);
    practice.run(&["supplemental", "verify", "--percent", "100"]).expect(0).prints("no damage");
    let status = practice.status();
    assert_eq!(
        (&status["administrator"], &status["level"], &status["missed"]),
        (&"Ada Lovelace".into(), &3.into(), &0.into())
    );
    let check = |file: &str| {
        let file = practice.machine.arg(file);
        practice.run(&["supplemental", "check-password", "--admin-password-file", &file])
    };
    practice.run(&["supplemental", "status"]).expect(3).says("check-password");
    check("bob").expect(12).says("not the password");
    check("ada").expect(0).prints("right");
    practice.run(&["supplemental", "status"]).expect(0);
}

/// A window of the day that begins in about two hours.
fn window_that_is_not_now() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = |more: u64| (now / 3600 + more) % 24;
    format!("{:02}:00-{:02}:30", hour(2), hour(2))
}

#[test]
fn copies_wait_for_their_window_and_a_card_that_was_put_back_is_named() {
    let practice = Practice::new();
    practice.enable();
    let settings = fs::read_to_string(practice.machine.path("enamel.toml")).unwrap();
    let (window, rate) = (window_that_is_not_now(), "limit-upload = \"50M\"");
    practice.machine.write("enamel.toml", format!("{settings}window = \"{window}\"\n{rate}\n"));
    practice.run(&["backup"]).expect(0).says("copies wait until");
    practice.run(&["supplemental", "run"]).expect(0).says("copies wait until");
    assert_eq!(practice.status()["missed"], 0);
    practice.run(&["supplemental", "run", "--now"]).expect(0).prints("made 1 supplemental copy");
    practice.run(&["status"]).prints("second copy: ").prints("read back");

    let card = practice.storage.keys().into_iter().find(|key| key.ends_with("/card")).unwrap();
    let older = practice.storage.object(&card).unwrap();
    practice.pays(2);
    practice.run(&["backup"]).expect(0);
    practice.run(&["supplemental", "run", "--now"]).expect(0).prints("made 1 supplemental copy");
    practice.storage.put(&card, &older);
    practice.run(&["supplemental", "status"]).expect(3).says("an older card stands in place of the last one");
    practice.run(&["supplemental", "run", "--now"]).expect(3).says("an older card stands in place of the last one");
    practice.run(&["supplemental", "run", "--now"]).expect(0);
    for (bytes, why) in [(older[..40].to_vec(), "cannot be used"), (vec![7; 200_000], "larger than the format allows")]
    {
        let whole = practice.storage.object(&card).unwrap();
        practice.storage.put(&card, &bytes);
        practice.pays(u32::try_from(bytes.len()).unwrap());
        practice.run(&["backup"]).expect(0);
        practice.run(&["supplemental", "run", "--now"]).expect(3).says(why).prints("made 1 supplemental copy");
        practice.storage.put(&card, &whole);
    }
    practice.storage.remove(&card);
    practice.run(&["supplemental", "run", "--now"]).expect(3).says("the card is gone");
}

#[test]
fn a_real_server_keeps_copies_that_come_back_on_another_computer() {
    let Some(server) = Seaweed::start() else {
        println!("left out: SeaweedFS was not fetched, see `tests/servers.sh storage`");
        return;
    };
    let storage = ObjectStorage::start(Manner::default());
    let practice = Practice::beside(storage, server.endpoint().to_owned(), "2min");
    let place = practice.enable();
    practice.run(&["backup"]).expect(0).prints("made 1 supplemental copy");
    practice.pays(2);
    practice.run(&["backup"]).expect(0).prints("made 1 supplemental copy");
    let listed = practice.run(&["--json", "supplemental", "list", &format!("s3://{BUCKET}/")]).expect(0).messages();
    assert_eq!((&listed[0]["state"], &listed[0]["objects"]), (&"fresh".into(), &2.into()));
    assert!(listed[0]["newest"].as_str().unwrap().starts_with("20"));
    practice.run(&["supplemental", "scrub", &place]).expect(0);
    practice.run(&["supplemental", "verify"]).expect(0);
    let database = practice.server.address().public().replace("mysql://", "mysql://root@");
    practice.delivered(&place, "ada", &["--to-database", &database, "--schema", "treasury=returned"]).expect(0);
    assert_eq!(practice.server.rows("SELECT COUNT(*) FROM returned.ledgerbook"), [[Some("2".to_owned())]]);
    assert!(practice.storage.keys().is_empty());
}

#[test]
fn each_switch_is_noted_and_switching_off_deletes_nothing() {
    let practice = Practice::new();
    let place = practice.enable();
    practice.run(&["backup"]).expect(0);
    let before = practice.storage.keys();
    practice.run(&["supplemental", "disable"]).expect(0).prints("nothing in");
    assert_eq!(practice.storage.keys(), before);
    practice.pays(2);
    let quiet = practice.run(&["backup"]).expect(0);
    assert!(!quiet.out.contains("supplemental"), "{}", quiet.out);
    practice.run(&["supplemental", "run"]).expect(2).says("are off");
    assert_eq!(practice.storage.keys(), before);
    let (usb, ada) = (practice.machine.arg("usb"), practice.machine.arg("ada"));
    practice.run(&["supplemental", "local", &usb, "--admin", "ada", "--admin-password-file", &ada]).expect(0);
    practice.pays(3);
    practice.run(&["backup"]).expect(0).prints("supplemental");
    assert_eq!(practice.storage.keys(), before);
    practice.run(&["supplemental", "enable", &place]).expect(0);
    practice.run(&["supplemental", "run"]).expect(0).prints("supplemental");
    assert!(practice.storage.keys().len() > before.len());
    let switches: Vec<_> = practice.changes().into_iter().filter(|what| what != "administrator").collect();
    assert_eq!(switches, ["on", "off", "local", "on"]);
    practice.run(&["forget", "--keep-last", "1"]).expect(0);
    assert_eq!(practice.changes().len(), 6);
}

#[test]
fn a_copy_that_fails_leaves_the_snapshot_and_two_are_an_alarm() {
    let practice = Practice::new();
    let (usb, ada) = (practice.machine.arg("usb"), practice.machine.arg("ada"));
    practice.run(&["supplemental", "local", &usb, "--admin", "ada", "--admin-password-file", &ada]).expect(0);
    practice.run(&["backup"]).expect(0);
    fs::rename(practice.machine.path("usb"), practice.machine.path("unplugged")).unwrap();
    let snapshots = || practice.run(&["--json", "snapshots"]).messages().len();
    let before = snapshots();
    practice.pays(2);
    practice.run(&["backup"]).expect(3).says("its supplemental copy failed");
    assert_eq!(snapshots(), before + 1);
    practice.run(&["status"]).expect(3).says("no supplemental copy yet");
    practice.pays(3);
    practice.run(&["backup"]).expect(3).says("ALARM");
    assert_eq!(snapshots(), before + 2);
    practice.run(&["status"]).expect(3).says("ALARM: the last 2 snapshots");
    fs::rename(practice.machine.path("unplugged"), practice.machine.path("usb")).unwrap();
    practice.run(&["supplemental", "run"]).expect(0).prints("made 2 supplemental copies");
    practice.run(&["status"]).expect(0);
}

#[test]
fn an_administrator_of_may_opens_may_on_another_computer_and_the_next_one_both() {
    let practice = Practice::new();
    let place = practice.enable();
    practice.run(&["backup"]).expect(0);
    let bob = practice.machine.arg("bob");
    practice
        .run(&["supplemental", "admin", "bob", "--admin-password-file", &bob])
        .expect(0)
        .prints("bob opens the copies");
    practice.pays(2);
    practice.run(&["backup"]).expect(0);
    let dates = |answer: &Answer| answer.out.lines().filter(|line| line.contains("  20")).count();
    let may = practice.delivered(&place, "ada", &[]).expect(3).says("this key was retired");
    assert_eq!(dates(&may), 1, "{}", may.out);
    let both = practice.delivered(&place, "bob", &[]).expect(0).says("the password is that of B");
    assert_eq!(dates(&both), 2, "{}", both.out);
    practice.delivered(&place, "enamel.toml", &[]).expect(12);
    let inside = ["--to", &format!("{place}/inside"), "--to-new-key-file", &practice.machine.arg("inside.key")];
    practice.delivered(&place, "bob", &inside).expect(2).says("one lies inside the other");
    // The host's staff put the objects on a disk.
    for key in practice.storage.keys() {
        let path = practice.machine.path(format!("disk/{}", key.strip_prefix("4711/").unwrap()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, practice.storage.object(&key).unwrap()).unwrap();
    }
    let disk = practice.machine.arg("disk");
    let database = practice.server.address().public().replace("mysql://", "mysql://root@");
    practice
        .delivered(&disk, "bob", &["--to-database", &database, "--schema", "treasury=returned", "--check"])
        .expect(0);
    assert_eq!(practice.server.rows("SELECT COUNT(*) FROM returned.ledgerbook"), [[Some("2".to_owned())]]);
    let (new, key, office) =
        (practice.machine.arg("new"), practice.machine.arg("new.key"), practice.machine.arg("office.key"));
    let more = ["--to", &new, "--to-new-key-file", &key, "--new-office-key", &office];
    practice.delivered(&disk, "bob", &more).expect(0).prints("has 2 snapshots");
    practice.run(&["--repo", &new, "--key-file", &key, "verify", "--read-data"]).expect(0);
    // The key of the lost computer reads what it had, and writes nothing.
    let lost = practice.machine.arg("supplemental.key");
    practice.run(&["--repo", &disk, "--key-file", &lost, "snapshots"]).expect(0).says("this key was retired");
    practice.run(&["--repo", &disk, "--key-file", &lost, "prune"]).expect(1).says("this key was retired");
    practice.run(&["--repo", &disk, "--key-file", &office, "snapshots"]).expect(0);
    assert!(files(&practice.machine.path("disk")).len() > 10);
}

#[test]
fn a_copy_of_the_database_alone_says_in_the_list_what_it_lacks() {
    let practice = Practice::new();
    practice.machine.write("images/A/xray.jpg", vec![7; 5000]);
    let (usb, ada, images) = (practice.machine.arg("usb"), practice.machine.arg("ada"), practice.machine.arg("images"));
    practice.run(&["supplemental", "local", &usb, "--admin", "ada", "--admin-password-file", &ada]).expect(0);
    practice.run(&["backup", &images]).expect(0);
    let listed = |more: &[&str]| practice.run(&[more, &["snapshots"]].concat()).expect(0).out;
    let own = listed(&[]);
    assert!(!own.contains("copied without") && !own.contains("< "), "{own}");
    let copy = listed(&["--repo", &usb, "--key-file", &practice.machine.arg("supplemental.key")]);
    assert!(copy.contains("database (copied without images)") && copy.contains("< "), "{copy}");
}

#[test]
fn disks_of_copies_that_take_turns_are_recognised_once_somebody_has_said_that_there_are_two() {
    let practice = Practice::new();
    let (usb, ada) = (practice.machine.arg("usb"), practice.machine.arg("ada"));
    practice.run(&["supplemental", "local", &usb, "--admin", "ada", "--admin-password-file", &ada]).expect(0);
    practice.run(&["backup"]).expect(0);
    practice.run(&["supplemental", "check-password", "--admin-password-file", &ada]).expect(0);
    // The second disk is a copy of the whole first one, so the system cannot tell them apart.
    let cloned = Command::new("cp").arg("-a").args([&usb, &practice.machine.arg("B")]).status();
    assert!(cloned.unwrap().success());
    let change = |out: &str, into: &str| {
        fs::rename(&usb, practice.machine.path(out)).unwrap();
        fs::rename(practice.machine.path(into), &usb).unwrap();
    };
    practice.pays(2);
    practice.run(&["backup"]).expect(0);
    change("A", "B");
    let told = practice.run(&["supplemental", "status"]).expect(3).says("another disk that takes turns here");
    let key = practice.machine.arg("supplemental.key");
    told.says("enamel accept").says(&format!("--repo {usb} --key-file {key}"));
    let there = ["--repo", &usb, "--key-file", &key];
    let accept = ["accept", "--all", "--another-disk", "--reason", "disk B"];
    practice.run(&[&there[..], &accept].concat()).expect(0);
    practice.run(&["supplemental", "run"]).expect(0).prints("made 1 supplemental copy");
    for turn in 0..2 {
        change("B", "A");
        practice.run(&["supplemental", "status"]).expect(0).says("this is disk 1 of 2");
        practice.pays(10 + turn);
        practice.run(&["backup"]).expect(0).prints("made ");
        change("A", "B");
        practice.run(&["supplemental", "status"]).expect(0).says("this is disk 2 of 2");
        practice.run(&["supplemental", "run"]).expect(0).prints("made ");
        practice.run(&["supplemental", "verify"]).expect(0);
    }
}

/// The lines of enamel.toml that an answer shows.
fn told_lines(answer: &Answer) -> String {
    let lines =
        answer.out.lines().filter(|line| line.starts_with("  ") && (line.contains(" = ") || line.contains('[')));
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

/// The program on a computer that has nothing but these lines, an account and a password.
fn elsewhere(lines: &str, password: &str, args: &[&str]) -> Answer {
    let machine = Machine::new();
    machine.write("told.toml", lines);
    machine.write("password", password);
    let mut command = machine.bare();
    command.env("ENAMEL_CONFIG", machine.path("told.toml"));
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", "secret").args(args);
    if args.contains(&"deliver") {
        command.arg("--admin-password-file").arg(machine.path("password"));
    }
    Answer::of(command.output().unwrap())
}

#[test]
fn a_delivery_into_object_storage_goes_to_its_own_server_and_says_how_others_open_it() {
    let practice = Practice::new();
    let (own, authority) = ObjectStorage::start_encrypted(Manner { page: 50, ..Manner::default() });
    practice.machine.write("authority.pem", authority);
    // The variables are about no place: each place has settings of its own.
    let before = fs::read_to_string(practice.machine.path("enamel.toml")).unwrap();
    let s3 = format!(
        "{before}endpoint = {:?}\nca = \"authority.pem\"\n\n[supplemental.s3]\nendpoint = {:?}\nregion = \"eu-test-2\"\n",
        own.endpoint(),
        practice.storage.endpoint()
    );
    practice.machine.write("enamel.toml", s3);
    let practice = Practice { endpoint: None, ..practice };
    let place = practice.enable();
    practice.run(&["backup"]).expect(0);
    assert!(own.keys().is_empty() && !practice.storage.keys().is_empty());

    let (new, key) = (format!("s3://{BUCKET}/new"), practice.machine.arg("new.key"));
    let more = ["--to", &new, "--to-new-key-file", &key];
    own.fail(Fault::always("PUT", "/packs/", Trouble::Status(403, "AccessDenied")));
    practice.delivered(&place, "ada", &more).expect(1);
    own.heal();
    // The repository is there, and has nothing yet.
    let told = practice.delivered(&place, "ada", &more).expect(0).prints("has 1 snapshot; its key is");
    let told = told.prints("AWS_SECRET_ACCESS_KEY");
    assert!(own.keys().iter().all(|key| key.starts_with("new/")) && !own.keys().is_empty());
    assert!(practice.storage.keys().iter().all(|key| key.starts_with("4711/")));
    let lines = told_lines(&told);
    assert_eq!(
        lines,
        format!(
            "repository = \"{new}\"\nkey-file = \"{key}\"\n[s3]\nendpoint = \"{}\"\nregion = \"eu-test-1\"\n\
             ca = \"{}\"  # copy this file to the other computer, too\n",
            own.endpoint(),
            practice.machine.arg("authority.pem")
        )
    );
    elsewhere(&lines, "", &["verify", "--read-data"]).expect(0).prints("no damage");
    let again = practice.delivered(&place, "ada", &[&["--json"][..], &more].concat()).expect(0).last("delivered");
    assert_eq!((&again["snapshots"], &again["s3"]["region"]), (&0.into(), &"eu-test-1".into()));
    assert_eq!(again["s3"]["endpoint"], own.endpoint());

    // The sheet says how the host is reached.
    let sheet = practice.run(&["supplemental", "recovery-sheet"]).expect(0);
    let password = sheet.out.lines().find_map(|line| line.trim().strip_prefix("password ")).unwrap().trim();
    let lines = told_lines(&sheet);
    assert_eq!(
        lines,
        format!("[supplemental.s3]\nendpoint = \"{}\"\nregion = \"eu-test-2\"\n", practice.storage.endpoint())
    );
    elsewhere(&lines, password, &["supplemental", "deliver", &place]).expect(0);
}

#[test]
fn a_recovery_sheet_and_generated_passwords_open_the_copies() {
    let practice = Practice::new();
    let usb = practice.machine.arg("usb");
    practice.run(&["supplemental", "local", &usb]).expect(0).says("only this computer can open");
    practice.run(&["backup"]).expect(0);
    practice.run(&["supplemental", "status"]).expect(3).says("only this computer");
    let made = practice.run(&["supplemental", "admin", "ada", "--generate"]).expect(0);
    let shown = format!("{}{}", made.out, made.err);
    let password = shown.lines().find_map(|line| line.split_once("only now: ")).unwrap().1.trim();
    practice.machine.write("generated", password);
    practice.delivered(&usb, "generated", &[]).expect(0);
    let sheet = practice.run(&["supplemental", "recovery-sheet"]).expect(0);
    let password = sheet.out.lines().find_map(|line| line.trim().strip_prefix("password ")).unwrap().trim();
    assert_eq!(password.split(' ').count(), 12);
    practice.machine.write("paper", password);
    // Naming another administrator retires the one before, and not the paper.
    let bob = practice.machine.arg("bob");
    practice.run(&["supplemental", "admin", "bob", "--admin-password-file", &bob]).expect(0);
    practice.pays(2);
    practice.run(&["backup"]).expect(0);
    practice.delivered(&usb, "paper", &[]).expect(0);
    practice.delivered(&usb, "generated", &[]).expect(3).says("this key was retired");
}

#[test]
fn the_newest_administrator_of_the_application_is_asked_for_a_key() {
    let practice = Practice::new();
    practice.server.script(
        r"CREATE DATABASE clinic; USE clinic;
        CREATE TABLE preference (PrefNum BIGINT PRIMARY KEY, PrefName VARCHAR(255), ValueString TEXT);
        INSERT INTO preference VALUES (1, 'DocPath', ''), (2, 'AtoZfolderUsed', '0');
        CREATE TABLE patient (PatNum BIGINT PRIMARY KEY, ImageFolder VARCHAR(100));
        CREATE TABLE document (DocNum BIGINT PRIMARY KEY, PatNum BIGINT, FileName VARCHAR(255));
        CREATE TABLE userod (UserNum BIGINT PRIMARY KEY, UserName VARCHAR(255), IsHidden TINYINT, DateTLastLogin DATETIME);
        INSERT INTO userod VALUES (1, 'Ada', 0, '2026-05-01 08:00:00'), (2, 'Bea', 0, '2026-06-01 08:00:00'),
            (3, 'Cyd', 0, '2026-07-01 08:00:00'), (4, 'Dan', 1, '2026-08-01 08:00:00'), (5, 'Eve', 0, '0001-01-01');
        CREATE TABLE usergroupattach (UserNum BIGINT, UserGroupNum BIGINT);
        INSERT INTO usergroupattach VALUES (1, 1), (2, 1), (2, 2), (3, 2), (4, 1), (5, 1);
        CREATE TABLE grouppermission (GroupPermNum BIGINT PRIMARY KEY, UserGroupNum BIGINT, PermType INT);
        INSERT INTO grouppermission VALUES (1, 1, 24), (2, 2, 1), (3, 1, 1)",
    );
    let settings = fs::read_to_string(practice.machine.path("enamel.toml")).unwrap();
    let settings = settings.replace("[\"treasury\"]", "[\"clinic\"]\nprofile = \"opendental\"");
    practice.machine.write("enamel.toml", settings);
    practice.enable();
    // Cyd may not administer, Dan is hidden, and Eve has never logged in.
    practice
        .run(&["backup"])
        .expect(3)
        .says("Bea is the newest administrator and has no key")
        .prints("made 1 supplemental copy");
    let bob = practice.machine.arg("bob");
    practice.run(&["supplemental", "admin", "bea", "--admin-password-file", &bob]).expect(0);
    practice.run(&["backup"]).expect(0);
    practice.server.run("UPDATE clinic.userod SET DateTLastLogin = NOW() WHERE UserNum = 1");
    practice.run(&["backup"]).expect(3).says("Ada is the newest administrator and has no key");
    practice.server.run("DROP TABLE clinic.usergroupattach");
    practice.run(&["backup"]).expect(3).says("cannot tell who is the newest administrator");
}

#[test]
fn a_password_for_a_copy_elsewhere_is_never_weak() {
    let practice = Practice::new();
    let usb = practice.machine.arg("usb");
    practice.run(&["supplemental", "local", &usb]).expect(0);
    practice.machine.write("weak", "elevenchars");
    let (weak, ada, key) =
        (practice.machine.arg("weak"), practice.machine.arg("ada"), practice.machine.arg("supplemental.key"));
    let add = |password: &str| {
        practice.run(&["key", "add", "--repo", &usb, "--key-file", &key, "--weak", "--new-password-file", password])
    };
    add(&weak).expect(2).says("fewer than 12 characters");
    add(&ada).expect(0);
    let members = files(&practice.machine.path("usb/keys"));
    let costs = members.iter().map(|path| {
        let bytes = fs::read(path).unwrap();
        let object = repo_format::clear::decode(repo_format::head::ObjectKind::Member, &bytes, 65_536).unwrap();
        repo_format::member::Member::decode(object.body).unwrap().memory_kib
    });
    assert_eq!(costs.flatten().collect::<Vec<_>>(), [256 * 1024]);
}
