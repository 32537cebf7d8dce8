//! Notices arrive, say no name of anything, and hold nothing up when they do not.

pub mod fakes;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Answer, Machine, files};
use fakes::{Fake, Mood, Security};

const SETTINGS: &str = "repository = \"repo\"\nkey-file = \"key\"\nsources = [\"source\"]\nstate-dir = \"state\"\n";

/// A machine with these lines of `[notify]`.
fn office(more: &str, notify: &str) -> Machine {
    let machine = Machine::with_repository();
    let schedule = "[schedule]\nverify = \"off\"\nforget = \"off\"\n";
    let label = "[notify]\nlabel = \"The practice\"\ntime-limit = \"200ms\"\n";
    machine.write("enamel.toml", format!("{SETTINGS}{more}{schedule}{label}{notify}"));
    machine
}

fn run(machine: &Machine, args: &[&str]) -> Answer {
    let mut command = machine.bare();
    Answer::of(command.arg("--config").arg(machine.path("enamel.toml")).args(args).output().unwrap())
}

fn agent(machine: &Machine) -> Answer {
    run(machine, &["agent", "--once"])
}

fn mail(fake: &Fake) -> String {
    format!("mail = {{ to = [\"dana@example.org\"], server = \"{}\", tls = \"none\" }}\n", fake.address())
}

fn ping(fake: &Fake) -> String {
    format!("ping = \"http://{}/secret-id\"\n", fake.address())
}

fn webhook(fake: &Fake, preset: &str) -> String {
    format!("webhook = [{{ url = \"http://{}/secret-topic\", preset = \"{preset}\" }}]\n", fake.address())
}

/// Changes a file of the agent's memory.
fn change(machine: &Machine, begins: &str, change: impl FnOnce(&mut Value)) {
    let mut paths = files(&machine.path("state")).into_iter();
    let path = paths.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begins)).unwrap();
    let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

/// As if the last try that failed was long ago.
fn later(machine: &Machine) {
    change(machine, "agent-", |memory| memory["jobs"]["backup"]["failed"] = "2026-01-01T00:00:00Z".into());
}

#[test]
fn a_test_goes_each_way_and_says_what_happened() {
    let (smtp, web) = (Fake::mail(Mood::Accepts), Fake::web(Mood::Accepts));
    let machine = office("", &format!("{}{}{}", mail(&smtp), ping(&web), webhook(&web, "ntfy")));
    let all = run(&machine, &["notify", "test"]).expect(0);
    assert_eq!(all.out.lines().count(), 3, "{}", all.out);
    let letter = &smtp.heard()[0];
    assert!(letter.contains("To: dana@example.org") && letter.contains("The practice: a test of notices"), "{letter}");
    assert!(
        letter.contains("Auto-Submitted: auto-generated") && letter.contains("There is nothing to do."),
        "{letter}"
    );
    let heard = web.heard();
    assert!(heard[0].starts_with("POST /secret-id/log HTTP/1.1"), "{}", heard[0]);
    assert!(heard[1].starts_with("POST / HTTP/1.1") && heard[1].contains("\"topic\":\"secret-topic\""), "{}", heard[1]);
    let one = run(&machine, &["--json", "notify", "test", "--only", "ping"]).expect(0);
    let message = one.last("notice_test");
    assert_eq!((&message["way"], &message["sent"]), (&"ping".into(), &true.into()));
    assert_eq!((smtp.heard().len(), web.heard().len(), one.messages().len()), (1, 3, 1));
    assert!(!all.out.contains("secret") && !one.out.contains("secret"), "{}", all.out);
}

#[test]
fn a_way_that_does_not_work_is_named_without_its_secrets() {
    for mood in [Mood::Refuses, Mood::Hangs, Mood::Closes] {
        let (smtp, web) = (Fake::mail(mood), Fake::web(mood));
        let machine = office("", &format!("{}{}{}", mail(&smtp), ping(&web), webhook(&web, "slack")));
        let only = |way: &str| run(&machine, &["notify", "test", "--only", way]).expect(1);
        for answer in [only("mail"), only("ping"), only("webhook")] {
            assert!(
                answer.out.contains(": not sent: the ") && !answer.out.contains("secret"),
                "{mood:?}: {}",
                answer.out
            );
        }
    }
    // Nobody listens.
    let machine = office("", "ping = \"http://127.0.0.1:1/secret\"\n");
    let answer = run(&machine, &["notify", "test"]).expect(1);
    assert!(answer.out.contains("ping to 127.0.0.1:1: not sent: ") && !answer.out.contains("secret"), "{}", answer.out);
    // No such computer.
    let machine = office("", "mail = { to = [\"dana@example.org\"], server = \"nobody.invalid\" }\n");
    let answer = run(&machine, &["notify", "test"]).expect(1);
    assert!(answer.out.contains("not sent: the name of the server is not known"), "{}", answer.out);
    assert!(run(&office("", ""), &["notify", "test"]).expect(2).err.contains("[notify] of enamel.toml has no mail"));
}

#[test]
fn one_wrong_address_keeps_nobody_else_from_their_mail() {
    let smtp = Fake::mail(Mood::KnowsSome);
    let to = "to = [\"dana@example.org\", \"nobody@example.org\"]";
    let machine = office("", &format!("mail = {{ {to}, server = \"{}\", tls = \"none\" }}\n", smtp.address()));
    let answer = run(&machine, &["notify", "test"]).expect(1);
    assert!(answer.out.contains("the server refused 1 recipient"), "{}", answer.out);
    assert_eq!(smtp.heard().iter().filter(|letter| letter.contains("a test of notices")).count(), 1);
}

#[test]
fn a_password_is_not_sent_without_encryption() {
    let smtp = Fake::mail(Mood::Accepts);
    let more = "user = \"u\", password-file = \"mail.password\"";
    let line = format!("mail = {{ to = [\"dana@example.org\"], server = \"{}\", {more} }}\n", smtp.address());
    let machine = office("", &line);
    machine.write("mail.password", "marked-password\n");
    let answer = run(&machine, &["notify", "test"]).expect(1);
    assert!(answer.err.contains("other users can read the password file"), "{}", answer.err);
    assert!(!smtp.heard().concat().contains("AUTH") && !answer.out.contains("marked"), "{}", answer.out);
}

#[test]
fn a_password_goes_only_to_a_server_that_a_known_authority_vouches_for() {
    for (security, word) in [(Security::StartTls, "starttls"), (Security::Tls, "tls")] {
        let (smtp, authority) = Fake::encrypted_mail(security);
        let more = format!("tls = \"{word}\", user = \"office@example.org\", password-file = \"mail.password\"");
        let line =
            format!("mail = {{ to = [\"dana@example.org\"], server = \"localhost:{}\", {more} }}\n", smtp.port());
        let stranger = office("", &line);
        let friend = office("", &format!("ca = \"ca.pem\"\n{line}"));
        friend.write("ca.pem", authority);
        let test = |machine: &Machine| {
            machine.write("mail.password", "marked-password\n");
            run(machine, &["notify", "test"])
        };
        let refused = test(&stranger).expect(1);
        assert!(refused.out.contains("is not accepted"), "{word}: {}", refused.out);
        assert!(!smtp.heard().concat().contains("AUTH"), "{word}: {:?}", smtp.heard());
        test(&friend).expect(0);
        let heard = smtp.heard().concat();
        assert!(heard.contains("AUTH PLAIN") && heard.contains("a test of notices"), "{word}: {heard}");
    }
}

#[test]
fn a_backup_that_looks_like_after_an_attack_is_told_until_somebody_answers() {
    let (smtp, web) = (Fake::mail(Mood::Accepts), Fake::web(Mood::Accepts));
    let prometheus = "prometheus = \"enamel.prom\"\n";
    let machine = office("", &format!("{}{}{prometheus}", mail(&smtp), webhook(&web, "json")));
    for number in 0..60 {
        machine.write(format!("source/A/{number}.jpg"), [&b"\xff\xd8\xff"[..], &vec![7; 5000 + number]].concat());
    }
    // A file beside the repository is not read, and that is told.
    fs::rename(machine.path("enamel.toml"), machine.path("home/enamel.toml")).unwrap();
    machine.backup_ahead(-21 * 24 * 3600);
    fs::rename(machine.path("home/enamel.toml"), machine.path("enamel.toml")).unwrap();
    for number in 0..60 {
        machine.write(format!("source/A/{number}.jpg"), vec![0x5a; 6000 + number]);
    }
    agent(&machine).expect(0);
    let letters = smtp.heard();
    assert!(
        letters.len() == 1 && letters[0].contains("The practice: a backup looks like after an attack"),
        "{letters:?}"
    );
    assert!(web.heard().concat().contains("\"kind\":\"alarm\""), "{:?}", web.heard());
    let figures = || fs::read_to_string(machine.path("enamel.prom")).unwrap();
    assert!(figures().contains("\nenamel_hold 1\n"), "{}", figures());
    agent(&machine).expect(0);
    assert_eq!(smtp.heard().len(), 1, "once");
    let listed = run(&machine, &["hold", "list"]).expect(3);
    let id = listed.out.split_whitespace().nth(1).unwrap().to_owned();
    run(&machine, &["hold", "answer", &id, "--ours", "a new program"]).expect(0);
    agent(&machine).expect(0);
    assert!(smtp.heard()[1].contains("Somebody has answered"), "{:?}", smtp.heard());
    assert!(
        figures().contains("\nenamel_hold 0\n") && figures().contains("\nenamel_repository_bytes "),
        "{}",
        figures()
    );
    let evidence = run(&machine, &["--json", "drill", "list"]).expect(0).last("evidence");
    assert_eq!((&evidence["kind"], &evidence["notes"]), (&"acceptance".into(), &1.into()));
    let words = run(&machine, &["drill", "show", evidence["id"].as_str().unwrap()]).expect(0);
    assert!(words.out.contains("it was us: a new program"), "{}", words.out);
}

#[test]
fn a_monitor_hears_of_each_backup_and_a_person_of_none() {
    let (smtp, web) = (Fake::mail(Mood::Accepts), Fake::web(Mood::Accepts));
    let machine = office("", &format!("{}{}", mail(&smtp), ping(&web)));
    agent(&machine).expect(0);
    let heard = web.heard();
    assert!(
        heard[0].starts_with("POST /secret-id/start ") && heard[1].starts_with("POST /secret-id HTTP"),
        "{heard:?}"
    );
    assert!(heard[1].contains("The practice") && heard.len() == 2);
    agent(&machine).expect(0);
    assert!(smtp.heard().is_empty() && web.heard().len() == 2);
}

#[test]
fn a_backup_that_fails_three_times_is_told_once_and_ends_with_a_good_word() {
    let (smtp, web) = (Fake::mail(Mood::Accepts), Fake::web(Mood::Accepts));
    let machine = office("", &format!("{}{}", mail(&smtp), ping(&web)));
    fs::rename(machine.path("source"), machine.path("away")).unwrap();
    for _ in 0..2 {
        agent(&machine).expect(1);
        later(&machine);
    }
    assert!(smtp.heard().is_empty(), "{:?}", smtp.heard());
    for _ in 0..2 {
        agent(&machine).expect(1);
        later(&machine);
    }
    let letters = smtp.heard();
    assert!(letters.len() == 1 && letters[0].contains("The practice: the backup fails"), "{letters:?}");
    assert!(web.heard().iter().any(|ping| ping.starts_with("POST /secret-id/1 ")), "{:?}", web.heard());
    fs::rename(machine.path("away"), machine.path("source")).unwrap();
    agent(&machine).expect(0);
    assert!(smtp.heard()[1].contains("The backup works again."), "{:?}", smtp.heard());
    assert_eq!(smtp.heard().len(), 2);
}

#[test]
fn a_repository_that_is_not_there_is_told_though_the_agent_ends() {
    let (smtp, web) = (Fake::mail(Mood::Accepts), Fake::web(Mood::Accepts));
    let machine = office("", &format!("{}{}", mail(&smtp), ping(&web)));
    agent(&machine).expect(0);
    fs::rename(machine.path("repo"), machine.path("unplugged")).unwrap();
    agent(&machine).expect(10);
    assert!(web.heard()[2].starts_with("POST /secret-id/10 "), "{:?}", web.heard());
    assert!(smtp.heard().is_empty());
    change(&machine, "notices-", |memory| memory["facts"]["closed"]["since"] = "2026-01-01T00:00:00Z".into());
    agent(&machine).expect(10);
    agent(&machine).expect(10);
    assert!(smtp.heard().len() == 1 && smtp.heard()[0].contains("cannot be opened"), "{:?}", smtp.heard());
    fs::rename(machine.path("unplugged"), machine.path("repo")).unwrap();
    agent(&machine).expect(0);
    assert!(smtp.heard()[1].contains("can be opened again"), "{:?}", smtp.heard());
}

#[test]
fn a_monitor_that_is_down_is_a_warning_and_changes_no_exit_status() {
    for mood in [Mood::Refuses, Mood::Hangs, Mood::Closes] {
        let (smtp, web) = (Fake::mail(mood), Fake::web(mood));
        let machine = office("", &format!("{}{}{}", mail(&smtp), ping(&web), webhook(&web, "discord")));
        let began = Instant::now();
        let answer = agent(&machine).expect(0);
        assert!(answer.err.contains("a notice by ping to 127.0.0.1"), "{mood:?}: {}", answer.err);
        assert!(!answer.err.contains("secret") && began.elapsed() < Duration::from_secs(60), "{}", answer.err);
        assert_eq!(run(&machine, &["--json", "snapshots"]).expect(0).messages().len(), 1);
    }
}

#[test]
fn what_a_monitor_has_missed_it_hears_later() {
    let web = Fake::web(Mood::Accepts);
    let machine = office("", "ping = \"http://127.0.0.1:1/id\"\n");
    agent(&machine).expect(0);
    let text = fs::read_to_string(machine.path("enamel.toml")).unwrap();
    machine.write("enamel.toml", text.replace("http://127.0.0.1:1/id", &format!("http://{}/id", web.address())));
    // The message that waits belongs to its URL.
    change(&machine, "notices-", |memory| {
        let channels = memory["channels"].as_object_mut().unwrap();
        assert!(channels.values().all(|channel| channel["pending"]["exit"] == 0), "{channels:?}");
    });
    agent(&machine).expect(0);
    assert!(web.heard().is_empty(), "another monitor hears of its own backups");
}

#[test]
fn no_name_leaves_this_computer() {
    let (smtp, web) = (Fake::mail(Mood::Accepts), Fake::web(Mood::Accepts));
    let hooks: Vec<String> = ["json", "ntfy", "slack", "teams", "discord"]
        .iter()
        .map(|preset| format!("{{ url = \"http://{}/hook\", preset = \"{preset}\" }}", web.address()))
        .collect();
    let prometheus = "prometheus = \"figures/enamel.prom\"\n";
    let notify = format!("{}{}webhook = [{}]\n{prometheus}", mail(&smtp), ping(&web), hooks.join(", "));
    let more = "tags = [\"marked-tag\"]\n[hooks]\nafter = \"echo marked-hook >&2; exit 3\"\n";
    let machine = office(more, &notify);
    let text = fs::read_to_string(machine.path("enamel.toml")).unwrap();
    let text = text.replace("sources = [\"source\"]", "sources = [\"source/marked-folder\"]");
    machine.write("source/marked-folder/marked-file.jpg", "marked-contents");
    // A name that no snapshot can hold as it is, and one that cannot be read, are problems of a backup.
    let socket = std::os::unix::net::UnixListener::bind(machine.path("source/marked-folder/marked-socket"));
    drop(socket.unwrap());
    machine.write("enamel.toml", text.as_str());
    agent(&machine);
    // A database that nobody can reach, whose schema and account are marked.
    let database = "database = \"mysql://marked-user@127.0.0.1:1\"\nschemas = [\"marked-schema\"]\n";
    machine.write("enamel.toml", format!("{database}{text}"));
    for _ in 0..4 {
        agent(&machine).expect(1);
        later(&machine);
    }
    // Damage of something with a name.
    machine.write("enamel.toml", text.replace("verify = \"off\"", "verify = \"100% daily\""));
    for pack in files(&machine.path("repo/packs")) {
        fs::remove_file(pack).unwrap();
    }
    change(&machine, "agent-", |memory| memory["begun"] = "2026-01-01T00:00:00Z".into());
    agent(&machine);
    // A week is over.
    change(&machine, "notices-", |memory| memory["week"]["since"] = "2026-01-01T00:00:00Z".into());
    agent(&machine);
    let figures = fs::read_to_string(machine.path("figures/enamel.prom")).unwrap();
    let heard = [smtp.heard().concat(), web.heard().concat(), figures].concat();
    for needed in ["the backup fails", "damage was found", "enamel_last_success", "Backups made"] {
        assert!(heard.contains(needed), "`{needed}` is not in:\n{heard}");
    }
    assert!(!heard.contains("marked"), "{heard}");
    assert!(!heard.contains(machine.path("").to_str().unwrap()), "{heard}");
}

#[test]
fn a_week_ends_with_a_summary() {
    let smtp = Fake::mail(Mood::Accepts);
    let machine = office("", &mail(&smtp));
    agent(&machine).expect(0);
    assert!(smtp.heard().is_empty());
    change(&machine, "notices-", |memory| memory["week"]["since"] = "2026-01-01T00:00:00Z".into());
    agent(&machine).expect(0);
    let letter = smtp.heard().concat();
    // There is one key, no second copy, and nobody has restored anything.
    assert!(letter.contains("things need attention") && letter.contains("things need attention.</h1>"), "{letter}");
    assert!(letter.contains("Newest backup") && !letter.contains("<img"), "{letter}");
    agent(&machine).expect(0);
    assert_eq!(smtp.heard().len(), 1);
}

#[test]
fn a_wrong_line_is_refused_when_the_file_is_read() {
    let machine = office("", "nothing-for = \"10min\"\n");
    let wrong = run(&machine, &["config", "show"]).expect(2);
    assert!(wrong.err.contains("[notify]: `nothing-for`"), "{}", wrong.err);
    let machine = office("", "ping = \"https://u:marked@hc.example\"\n");
    let wrong = run(&machine, &["config", "show"]).expect(2);
    assert!(wrong.err.contains("[notify]: `ping`") && !wrong.err.contains("marked"), "{}", wrong.err);
}
