//! From nothing to a backup that is made by itself, and again without a loss.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use scenario_tests::server::TestServer;

use crate::harness::{Answer, ENAMEL, Machine};
use crate::practice::PRACTICE;

/// Runs setup with these answers, one a line.
fn answered(machine: &Machine, args: &[&str], answers: &str) -> Answer {
    let mut command = machine.bare();
    command.args(["setup", "--config"]).arg(machine.path("etc/enamel.toml")).arg("--no-schedule").args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that has seen enough does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    Answer::of(child.wait_with_output().unwrap())
}

fn silent(machine: &Machine, args: &[&str]) -> Answer {
    let source = machine.arg("source");
    let usual = ["--yes", "--database", "none", "--source", &source, "--recovery-sheet", "sheet.txt"];
    answered(machine, &[&usual[..], args].concat(), "")
}

fn snapshots(machine: &Machine) -> usize {
    let mut command = machine.bare();
    let listed = Answer::of(command.args(["--config", "etc/enamel.toml", "--json", "snapshots"]).output().unwrap());
    listed.expect(0).out.lines().filter(|line| line.contains("\"message_type\":\"snapshot\"")).count()
}

#[test]
fn one_command_makes_everything_and_a_second_one_loses_nothing() {
    let machine = Machine::new();
    silent(&machine, &["--repository", "backup"]).expect(0);
    assert_eq!(snapshots(&machine), 1);
    let settings = fs::read_to_string(machine.path("etc/enamel.toml")).unwrap();
    machine.write("etc/enamel.toml", format!("# The practice.\n{settings}tags = [\"office\"]\n"));
    // Nothing needs to be said again.
    let again = answered(&machine, &["--yes", "--no-backup"], "").expect(0);
    assert!(again.err.contains("is there already, and opens"), "{}", again.err);
    let after = fs::read_to_string(machine.path("etc/enamel.toml")).unwrap();
    assert_eq!(after, format!("# The practice.\n{settings}tags = [\"office\"]\n"));
    assert_eq!(snapshots(&machine), 1);
}

#[test]
fn the_password_on_the_sheet_brings_everything_back_elsewhere() {
    let machine = Machine::new();
    silent(&machine, &["--repository", "backup"]).expect(0);
    let sheet = fs::read_to_string(machine.path("sheet.txt")).unwrap();
    let password = sheet.lines().find_map(|line| line.strip_prefix("password  ")).unwrap().to_owned();
    fs::remove_dir_all(machine.path("etc")).unwrap();
    let variables = [("ENAMEL_PASSWORD", password.into())];
    let repository = machine.arg("backup");
    machine.run_bare(&["--repo", &repository, "restore", "latest", "--target", "back"], variables).expect(0);
    assert_eq!(fs::read(machine.path("back/source/A/letter.txt")).unwrap(), b"Dear patient");
}

#[test]
fn questions_are_asked_again_until_the_answer_makes_sense() {
    let machine = Machine::new();
    let (source, backup) = (machine.arg("source"), machine.arg("backup"));
    let answers = format!("none\n/not/there\n{source}\nb2:bucket\n{backup}\nyes\nyes\n");
    let answer = answered(&machine, &["--no-recovery-sheet"], &answers).expect(0);
    for said in ["cannot save /not/there", "same disk", "Everything is set up"] {
        assert!(answer.err.contains(said), "{}", answer.err);
    }
    assert_eq!(snapshots(&machine), 1);
}

#[test]
fn words_of_the_sheet_are_typed_back_before_its_key_counts() {
    let machine = Machine::new();
    let source = machine.arg("source");
    let args = ["--database", "none", "--source", &source, "--repository", "backup", "--no-backup"];
    // The answers end at the sheet: nobody has read it.
    let stopped = answered(&machine, &args, "\n\n\nyes\nwrong\n").expect(2);
    assert!(stopped.err.contains("is another one") && stopped.out.contains("RECOVERY SHEET"), "{}", stopped.err);
    let keys = |machine: &Machine| {
        let mut command = machine.bare();
        Answer::of(command.args(["--config", "etc/enamel.toml", "key", "list"]).output().unwrap()).expect(0).out
    };
    assert!(!keys(&machine).contains("recovery sheet"));
    // It goes on from there.
    silent(&machine, &["--no-backup"]).expect(0);
    assert!(keys(&machine).contains("recovery sheet"));
}

#[test]
fn a_script_must_say_what_has_no_usual_answer() {
    let machine = Machine::new();
    let source = machine.arg("source");
    let missing = answered(&machine, &["--yes", "--database", "none", "--source", &source], "").expect(2);
    assert!(missing.err.contains("setup needs --repository"), "{}", missing.err);
    assert!(!machine.path("etc/enamel.toml").exists());
    let nothing = answered(&machine, &["--yes", "--database", "none", "--repository", "backup"], "").expect(2);
    assert!(nothing.err.contains("nothing to save"), "{}", nothing.err);
    let sheet = answered(&machine, &["--yes", "--database", "none", "--source", &source, "--repository", "backup"], "")
        .expect(2);
    assert!(sheet.err.contains("--recovery-sheet FILE"), "{}", sheet.err);
}

#[test]
fn a_database_is_looked_into_and_saved() {
    let machine = Machine::new();
    let server = TestServer::start(&[]);
    server
        .script("CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY); INSERT INTO shop.item VALUES (1);");
    let url = server.url();
    let args = ["--yes", "--database", &url, "--repository", "backup", "--recovery-sheet", "sheet.txt"];
    let answer = answered(&machine, &args, "").expect(0);
    let sheet = fs::read_to_string(machine.path("sheet.txt")).unwrap();
    assert!(sheet.contains(" restore latest --to-database mysql://root@localhost\n"), "{sheet}");
    assert!(answer.err.contains("with the schema shop"), "{}", answer.err);
    assert_eq!(snapshots(&machine), 1);
    let nobody = url.replacen("root", "nobody", 1);
    let refused = answered(&machine, &["--yes", "--database", &nobody, "--repository", "backup"], "").expect(1);
    assert!(refused.err.contains("--database-password-file"), "{}", refused.err);
}

/// A server with a practice of Open Dental, and the folder with its images.
fn practice(machine: &Machine) -> (TestServer, String) {
    let server = TestServer::start(&[]);
    server.script(PRACTICE);
    for name in ["S/SmithJohn1/a.jpg", "S/SmithJohn1/b.jpg", "A/keep.txt"] {
        machine.write(format!("images/{name}"), name);
    }
    (server, machine.arg("images"))
}

fn settled(machine: &Machine) -> String {
    fs::read_to_string(machine.path("etc/enamel.toml")).unwrap()
}

#[test]
fn open_dental_is_found_and_asked_only_where_its_images_are() {
    let machine = Machine::new();
    let (server, images) = practice(&machine);
    let url = server.url();
    let args = ["--database", &url, "--repository", "backup", "--no-recovery-sheet"];
    // The database, a folder that is not there, its images, no other folder, the place, its risk, and the first backup.
    let answers = format!("\n/not/there\n{images}\n\n\nyes\nyes\n");
    let answer = answered(&machine, &args, &answers).expect(0);
    for said in ["Open Dental is there", r"\\SERVER\OpenDentImages", "/not/there is no folder"] {
        assert!(answer.err.contains(said), "`{said}` is not in:\n{}", answer.err);
    }
    let settings = settled(&machine);
    assert!(settings.contains("profile = \"opendental\"") && settings.contains(&images), "{settings}");
    let listed =
        machine.run_bare(&["--config", "etc/enamel.toml", "ls", "latest", "images/S/SmithJohn1"], []).expect(0);
    assert!(listed.out.contains("a.jpg") && listed.out.contains("b.jpg"), "{}", listed.out);
    // The second time everything is known.
    answered(&machine, &["--yes", "--no-recovery-sheet"], "").expect(0);
    assert_eq!(settled(&machine), settings);
    assert_eq!(snapshots(&machine), 2);
}

#[test]
fn a_script_says_where_the_images_of_open_dental_are_or_hears_that_they_are_not_saved() {
    let machine = Machine::new();
    let (server, images) = practice(&machine);
    let url = server.url();
    let silent = |more: &[&str]| {
        let usual = ["--yes", "--database", &url, "--repository", "backup", "--recovery-sheet", "sheet.txt"];
        answered(&machine, &[&usual[..], more].concat(), "")
    };
    let without = silent(&[]).expect(0);
    assert!(without.err.contains("the images of Open Dental are not saved"), "{}", without.err);
    assert!(!settled(&machine).contains("profile"));
    silent(&["--map-path", &format!(r"\\SERVER\OpenDentImages={images}")]).expect(0);
    assert!(settled(&machine).contains("profile = \"opendental\""), "{}", settled(&machine));
    machine.run_bare(&["--config", "etc/enamel.toml", "cat", "latest", "images/S/SmithJohn1/a.jpg"], []).expect(0);
}

/// A person at a terminal, who answers each question when it is asked.
struct Person {
    terminal: Child,
    seen: String,
}

impl Person {
    /// Sits down before a setup with these options. The terminal is that of `script`, which every Linux has.
    fn before(machine: &Machine, args: &[&str]) -> Self {
        let quoted: Vec<_> = args.iter().map(|word| format!("'{word}'")).collect();
        let own = machine.bare();
        let mut script = Command::new("timeout");
        // A question that is not asked ends the test.
        script
            .args(["400", "script", "-qec"])
            .arg(format!("exec '{ENAMEL}' setup {}", quoted.join(" ")))
            .arg("/dev/null")
            .env_clear();
        script.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(machine.path(""));
        script.env("TERM", "xterm").env("SHELL", "/bin/sh").env("NO_COLOR", "1");
        let terminal = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Person { terminal, seen: String::new() }
    }

    /// Waits for the question, and answers it.
    fn answer(&mut self, question: &str, answer: &str) {
        self.read_until(question);
        self.say(answer);
    }

    fn read_until(&mut self, question: &str) {
        let from = self.seen.len();
        while !self.seen[from..].contains(question) {
            let mut more = [0; 4096];
            let length = self.terminal.stdout.as_mut().unwrap().read(&mut more).unwrap();
            assert!(length > 0, "`{question}` was not asked: {}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&more[..length]));
        }
    }

    fn say(&mut self, answer: &str) {
        self.terminal.stdin.as_mut().unwrap().write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    /// Answers which word of the password is on the sheet.
    fn answer_from_sheet(&mut self) {
        let from = self.seen.len();
        self.read_until(" of the password: ");
        let number = self.seen[from..].rsplit("Word ").next().unwrap().split(' ').next().unwrap();
        let number: usize = number.parse().unwrap();
        let words = self.seen.split_once("password  ").unwrap().1.lines().next().unwrap();
        let word = words.split_whitespace().nth(number - 1).unwrap().to_owned();
        self.say(&word);
    }

    /// Reads to the end; gives what was on the terminal, if setup ended well.
    fn leave(mut self) -> String {
        let mut rest = Vec::new();
        self.terminal.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
        self.seen.push_str(&String::from_utf8_lossy(&rest));
        assert!(self.terminal.wait().unwrap().success(), "{}", self.seen);
        self.seen
    }
}

#[test]
fn a_person_at_a_terminal_answers_and_the_password_is_not_shown() {
    let (machine, server) = (Machine::new(), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY); INSERT INTO shop.item VALUES (1);
         CREATE USER saver@'127.0.0.1' IDENTIFIED BY 'told-to-nobody'; GRANT ALL ON *.* TO saver@'127.0.0.1';",
    );
    let config = machine.arg("etc/enamel.toml");
    let mut person = Person::before(&machine, &["--config", &config, "--no-schedule"]);
    person.answer("MySQL or MariaDB server to save", &server.url().replacen("root", "saver", 1));
    person.answer("Password of the database account", "told-to-nobody");
    person.answer("Folders to save", &machine.arg("source"));
    person.answer("Where backups go", "backup");
    person.answer("Keep backups there all the same", "yes");
    person.answer_from_sheet();
    person.answer_from_sheet();
    person.answer("Make a backup now", "yes");
    let seen = person.leave();
    assert!(!seen.contains("told-to-nobody") && seen.contains("Everything is set up"), "{seen}");
    assert_eq!(snapshots(&machine), 1);
    assert_eq!(fs::read_to_string(machine.path("etc/database-password")).unwrap(), "told-to-nobody\n");
}
