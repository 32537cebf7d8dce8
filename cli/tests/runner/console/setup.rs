//! The first start: the page asks what `enamel setup` asks, does it, and goes on as the console.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use scenario_tests::server::TestServer;

use super::client::{Browser, Console, LISTEN};
use crate::harness::{Answer, Machine};
use crate::practice::PRACTICE;

/// A computer on which nothing is set up yet.
pub fn first_start() -> Console {
    Console::serve(Machine::new(), &format!("# The practice.\nstate-dir = \"state\"\n{LISTEN}"))
}

/// Answers until the last look.
fn answer_all(console: &Console, browser: &Browser<'_>) {
    let (source, backup) = (console.machine.arg("source"), console.machine.arg("backup"));
    browser.set_up("what", &[("folders", &source)]).expect(303);
    browser.set_up("where", &[("place", &backup), ("risk", "yes")]).expect(303);
}

/// The words on the sheet that the page shows.
pub fn words(page: &str) -> Vec<String> {
    let (_, list) = page.split_once("<ol class=\"words\">").unwrap_or_else(|| panic!("no sheet in {page}"));
    let (list, _) = list.split_once("</ol>").unwrap();
    let words = list.split("<code>").skip(1).map(|rest| rest.split_once("</code>").unwrap().0.to_owned());
    words.collect()
}

fn snapshots(console: &Console) -> usize {
    let listed = console.run(&["--json", "snapshots"]).expect(0).out;
    listed.lines().filter(|line| line.contains("\"message_type\":\"snapshot\"")).count()
}

fn heading(page: &str) -> &str {
    let (_, rest) = page.split_once("<h1>").unwrap_or_else(|| panic!("no heading in {page}"));
    rest.split_once("</h1>").unwrap().0
}

#[test]
fn the_page_sets_up_what_the_terminal_would_and_goes_on_as_the_console() {
    let console = first_start();
    let browser = console.enter();
    assert_eq!(heading(&browser.page("/")), "What to save");
    answer_all(&console, &browser);
    let look = browser.page("/");
    assert_eq!(heading(&look), "A last look");
    assert!(look.contains("the same disk") && look.contains(&console.machine.arg("backup")), "{look}");
    assert!(!console.machine.path("backup").exists(), "nothing is made before the last look");
    browser.set_up("make", &[]).expect(303);
    let words = words(&browser.page("/"));
    assert_eq!(words.len(), 12);
    browser.set_up("paper", &[("first", &words[2].to_uppercase()), ("second", &words[8])]).expect(303);
    assert_eq!(heading(&browser.page("/")), "Everything is there");
    assert_eq!(heading(&console.enter().page("/")), "Everything is there", "another window is no second agent");
    browser.set_up("end", &[]).expect(200);
    // The same browser is in.
    let work = browser.page("/work");
    assert!(work.contains("name=\"token\""), "{work}");
    browser.wait_for_first_backup();
    assert_eq!(snapshots(&console), 1);

    let settings = fs::read_to_string(console.machine.path("enamel.toml")).unwrap();
    assert!(settings.starts_with("# The practice.\nstate-dir") && settings.contains("[console]"), "{settings}");
    assert!(!console.machine.path("enamel-unfinished.toml").exists());
    let variables = [("ENAMEL_PASSWORD", words.join(" ").into())];
    let repository = console.machine.arg("backup");
    let elsewhere = ["--repo", &repository, "restore", "latest", "--target", "back"];
    console.machine.run_bare(&elsewhere, variables).expect(0);
    assert_eq!(fs::read(console.machine.path("back/source/A/letter.txt")).unwrap(), b"Dear patient");

    let actions = browser.page("/proof/actions");
    assert!(actions.contains("set everything up on the page") && actions.contains("tester"), "{actions}");
    for file in fs::read_dir(console.machine.path("state")).unwrap().map(|file| file.unwrap().path()) {
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&words[..3].join(" ")), "{}", file.display());
    }
}

#[test]
fn answers_that_will_not_do_come_back_with_the_words_beside_the_field() {
    let console = first_start();
    let browser = console.enter();
    let refused = |step: &str, fields: &[(&str, &str)], said: &str| {
        let body = browser.set_up(step, fields).expect(400).body;
        assert!(body.contains(said), "{said} is not said in {body}");
        body
    };
    let body = refused("what", &[("folders", "/not/<there>")], "cannot save /not/&#60;there&#62;");
    assert!(body.contains("id=\"folders-why\"") && body.contains("value=\"/not/&#60;there&#62;\""), "{body}");
    refused("what", &[("folders", " ")], "there is nothing to save");
    let source = console.machine.arg("source");
    browser.set_up("what", &[("folders", &source)]).expect(303);
    for (place, said) in [("", "there is no answer"), ("b2:bucket", "id=\"place-why\"")] {
        refused("where", &[("place", place)], said);
    }
    let backup = console.machine.arg("backup");
    let body = refused("where", &[("place", &backup)], "is on the same disk as");
    assert!(body.contains(&format!("value=\"{backup}\"")) && body.contains("name=\"risk\""), "{body}");
    // Nothing can be written there.
    browser.set_up("where", &[("place", "/proc/enamel")]).expect(303);
    refused("make", &[], "This did not work");
    browser.set_up("where", &[("place", &backup), ("risk", "yes")]).expect(303);
    browser.set_up("make", &[]).expect(303);
    let words = words(&browser.page("/"));
    refused("paper", &[("first", "wrong"), ("second", &words[8])], "word 3 on the sheet is another one");
    let body = refused("paper", &[("first", &words[2]), ("second", "")], "word 9 on the sheet is another one");
    assert!(body.contains("id=\"second-why\"") && !body.contains("id=\"first-why\""), "{body}");
    assert!(!console.run(&["key", "list"]).expect(0).out.contains("recovery sheet"));
    // Answers of another window come too late.
    browser.set_up("what", &[("folders", "/etc")]).expect(303);
    assert!(!fs::read_to_string(console.machine.path("enamel.toml")).unwrap().contains("/etc"));
    browser.set_up("end", &[]).expect(303);
    assert_eq!(heading(&browser.page("/")), "The paper");
}

#[test]
fn a_database_is_looked_into_and_its_password_is_in_a_file_only() {
    let (console, server) = (first_start(), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY); INSERT INTO shop.item VALUES (1);
         CREATE USER saver@'127.0.0.1' IDENTIFIED BY 'told-to-nobody'; GRANT SELECT ON *.* TO saver@'127.0.0.1';",
    );
    let (browser, url) = (console.enter(), server.url().replacen("root", "saver", 1));
    let said = |url: &str, password: &str| {
        let form = [("database", url), ("password", password), ("folders", "")];
        browser.set_up("what", &form).expect(400).body
    };
    for (url, password) in [("mysql://saver@", ""), (&url, ""), (&url, "wrong-password")] {
        let body = said(url, password);
        assert!(body.contains("id=\"database-why\"") && !body.contains("wrong-password"), "{body}");
    }
    assert!(!console.machine.path("database-password").exists());
    browser.set_up("what", &[("database", &url), ("password", "told-to-nobody")]).expect(303);
    browser.set_up("where", &[("place", &console.machine.arg("backup")), ("risk", "yes")]).expect(303);
    let look = browser.page("/");
    assert!(look.contains("with the schema shop") && look.contains("lacks rights"), "{look}");
    assert!(look.contains("GRANT ") && !look.contains("told-to-nobody"), "{look}");
    let file = console.machine.path("database-password");
    assert_eq!(fs::read_to_string(&file).unwrap(), "told-to-nobody\n");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // It need not be typed again when something else changes.
    let source = console.machine.arg("source");
    browser.set_up("what", &[("database", &url), ("folders", &source)]).expect(303);
    browser.set_up("make", &[]).expect(303);
    let settings = fs::read_to_string(console.machine.path("enamel.toml")).unwrap();
    assert!(settings.contains(&format!("database = \"{url}\"")) && settings.contains(&source), "{settings}");
    assert!(!settings.contains("told-to-nobody"), "{settings}");
}

#[test]
fn open_dental_is_found_and_asked_only_where_its_images_are() {
    let (console, server) = (first_start(), TestServer::start(&[]));
    server.script(PRACTICE);
    console.machine.write("images/S/SmithJohn1/a.jpg", "a");
    console.machine.write("images/A/keep.txt", "a");
    let (browser, url, images) = (console.enter(), server.url(), console.machine.arg("images"));
    let body = browser.set_up("what", &[("database", &url)]).expect(400).body;
    assert!(body.contains("id=\"images-why\"") && body.contains(r"\\SERVER\OpenDentImages"), "{body}");
    let body = browser.set_up("what", &[("database", &url), ("images", "/not/there")]).expect(400).body;
    assert!(body.contains("/not/there is no folder of this computer"), "{body}");
    browser.set_up("what", &[("database", &url), ("images", &images)]).expect(303);
    browser.set_up("where", &[("place", &console.machine.arg("backup")), ("risk", "yes")]).expect(303);
    let look = browser.page("/");
    assert!(look.contains("Open Dental in the schema") && look.contains(&images), "{look}");
    browser.set_up("make", &[]).expect(303);
    let settings = fs::read_to_string(console.machine.path("enamel.toml")).unwrap();
    assert!(settings.contains("profile = \"opendental\"") && settings.contains(&images), "{settings}");
    let paper = browser.page("/");
    assert!(paper.contains("restore latest --target DIR"), "{paper}");
    assert!(paper.contains("restore latest --to-database mysql://root@localhost"), "{paper}");
}

#[test]
fn a_sheet_that_was_typed_back_opens_the_backups_whoever_has_made_another_meanwhile() {
    let console = first_start();
    let browser = console.enter();
    answer_all(&console, &browser);
    browser.set_up("make", &[]).expect(303);
    let words = words(&browser.page("/"));
    console.machine.write("second", "some other words for another paper\n");
    console.run(&["key", "add", "--label", "recovery sheet", "--new-password-file", "second"]).expect(0);
    browser.set_up("paper", &[("first", &words[2]), ("second", &words[8])]).expect(303);
    assert_eq!(heading(&browser.page("/")), "Everything is there");
    let variables = [("ENAMEL_PASSWORD", words.join(" ").into())];
    console.machine.run_bare(&["--repo", &console.machine.arg("backup"), "key", "list"], variables).expect(0);
}

#[test]
fn a_sheet_for_a_place_that_is_not_the_one_of_the_settings_any_more_is_no_good() {
    let console = first_start();
    let browser = console.enter();
    answer_all(&console, &browser);
    browser.set_up("make", &[]).expect(303);
    let words = words(&browser.page("/"));
    let settings = console.machine.path("enamel.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let line = |name: &str| format!("repository = \"{}\"", console.machine.arg(name));
    console.machine.write("enamel.toml", text.replace(&line("backup"), &line("other")));
    browser.set_up("paper", &[("first", &words[2]), ("second", &words[8])]).expect(303);
    assert_eq!(heading(&browser.page("/")), "A last look");
    assert!(!console.machine.path("other").exists());
    browser.set_up("make", &[]).expect(303);
    assert_eq!(heading(&browser.page("/")), "The paper");
}

#[test]
fn the_owner_may_have_a_password_for_the_page() {
    let console = first_start();
    let browser = console.enter();
    answer_all(&console, &browser);
    browser.set_up("make", &[]).expect(303);
    let words = words(&browser.page("/"));
    browser.set_up("paper", &[("first", &words[2]), ("second", &words[8])]).expect(303);
    let end = |password: &str, again: &str| {
        browser.set_up("end", &[("name", " Dana "), ("password", password), ("again", again)])
    };
    let body = end("short", "short").expect(400).body;
    assert!(body.contains("id=\"password-why\"") && body.contains("10 characters"), "{body}");
    assert!(body.contains("value=\" Dana \"") && !body.contains("checked"), "{body}");
    let body = end("correct horse", "correct house").expect(400).body;
    assert!(body.contains("id=\"again-why\"") && !body.contains("correct ho"), "{body}");
    end("correct horse", "correct horse").expect(200);
    let dana = console.log_in("Dana", "correct horse");
    let actions = dana.page("/proof/actions");
    assert!(actions.contains("set everything up on the page") && !actions.contains("correct horse"), "{actions}");
}

#[test]
fn somebody_who_is_to_be_told_is_named_at_the_first_start_and_a_test_is_sent() {
    let console = first_start();
    let browser = console.enter();
    answer_all(&console, &browser);
    let monitor = [("part", "notices"), ("seen", ""), ("ping", "http://127.0.0.1:9/ping")];
    browser.set_up("tell", &monitor).expect(400);
    browser.set_up("make", &[]).expect(303);
    let words = words(&browser.page("/"));
    browser.set_up("paper", &[("first", &words[2]), ("second", &words[8])]).expect(303);
    let page = browser.page("/");
    assert!(page.contains("Tell somebody") && !page.contains("Send a test"), "{page}");
    let (_, seen) = page.split_once("name=\"seen\" value=\"").unwrap();
    let seen = seen.split_once('"').unwrap().0;
    let wrong = [("seen", seen), ("ping", "ftp://127.0.0.1:9/")];
    let refused = browser.set_up("tell", &wrong).expect(400).body;
    assert!(refused.contains("id=\"notices-ping-why\""), "{refused}");
    browser.set_up("tell", &[("seen", seen), ("ping", "http://127.0.0.1:9/ping")]).expect(303);
    let file = fs::read_to_string(console.machine.path("enamel.toml")).unwrap();
    assert!(file.starts_with("# The practice.\n") && file.contains("ping = \"http://127.0.0.1:9/ping\""), "{file}");
    assert!(browser.page("/").contains("Send a test"));
    let tested = browser.set_up("tell-test", &[]).expect(200).body;
    assert!(tested.contains("The test did not reach everybody") && tested.contains("127.0.0.1"), "{tested}");
    browser.set_up("end", &[]).expect(200);
    browser.wait_for_first_backup();
    assert!(browser.page("/settings").contains("A monitor"));
}

#[test]
fn a_first_start_that_is_killed_goes_on_where_it_was() {
    let mut console = first_start();
    let source = console.machine.arg("source");
    console.enter().set_up("what", &[("folders", &source)]).expect(303);
    console.kill_and_open_again();
    assert_eq!(heading(&console.enter().page("/")), "Where to keep it");
    let backup = console.machine.arg("backup");
    console.enter().set_up("where", &[("place", &backup), ("risk", "yes")]).expect(303);
    console.kill_and_open_again();
    let browser = console.enter();
    assert_eq!(heading(&browser.page("/")), "A last look");
    browser.set_up("make", &[]).expect(303);
    let first = words(&browser.page("/"));
    console.kill_and_open_again();
    let browser = console.enter();
    assert_eq!(heading(&browser.page("/")), "A last look");
    browser.set_up("make", &[]).expect(303);
    let second = words(&browser.page("/"));
    assert_ne!(first, second, "nobody has proved the first sheet");
    browser.set_up("paper", &[("first", &second[2]), ("second", &second[8])]).expect(303);
    console.kill_and_open_again();
    // Everything that is needed is there: the console opens, and makes the first backup.
    console.enter().wait_for_first_backup();
    assert_eq!(snapshots(&console), 1);
    let keys = console.run(&["key", "list"]).expect(0).out;
    assert_eq!(keys.matches("recovery sheet").count(), 1, "{keys}");
}

#[test]
fn only_the_link_lets_somebody_into_a_first_start() {
    let console = first_start();
    let link = console.first_link().to_owned();
    console.ask("GET", "/", &[], "").expect(403);
    console.ask("GET", "/login", &[], "").expect(403);
    console.ask("POST", "/setup/make", &[("Origin", &console.origin())], "").expect(403);
    console.ask("GET", &link, &[], "").expect(200);
    console.ask("GET", &link, &[], "").expect(400);
    // A second one is for the same page.
    let browser = console.enter();
    let page = browser.page("/");
    assert_eq!(heading(&page), "What to save");
    browser.post_as_is("/setup/what", &[("Origin", &console.origin())], &[("folders", "/etc")]).expect(403);
    let (source, token) = (console.machine.arg("source"), browser.token_of("/"));
    let form = [("token", token.as_str()), ("folders", source.as_str())];
    browser.post_as_is("/setup/what", &[("Origin", "http://evil.example")], &form).expect(403);
    assert!(!console.machine.path("enamel-unfinished.toml").exists());
    for other in ["/work", "/settings", "/setup/what"] {
        browser.get(other).expect(404);
    }
    let policy = browser.get("/");
    assert!(policy.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert_eq!(policy.header("cache-control"), Some("no-store"));
    console.send(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").expect(421);
}

#[test]
fn an_agent_without_settings_asks_nobody() {
    let machine = Machine::new();
    let mut agent = machine.bare();
    let answer = Answer::of(agent.args(["agent", "--once"]).output().unwrap()).expect(2);
    assert!(answer.err.contains("does not say what to save") && answer.err.contains("enamel setup"), "{}", answer.err);
}

#[test]
fn a_settings_file_that_is_named_and_not_there_is_no_first_start() {
    let machine = Machine::new();
    let mut console = machine.bare();
    console.args(["--config", "offcie.toml", "console", "--no-browser"]);
    let answer = Answer::of(console.output().unwrap()).expect(2);
    assert!(answer.err.contains("offcie.toml"), "{}", answer.err);
    assert!(!machine.path("offcie.toml").exists() && !machine.path("offcie-unfinished.toml").exists());
}

#[test]
fn a_disk_that_is_away_is_no_first_start() {
    let machine = Machine::new();
    machine
        .write("enamel.toml", format!("repository = \"away\"\nkey-file = \"key\"\nsources = [\"source\"]\n{LISTEN}"));
    let mut console = machine.bare();
    let answer = console.args(["--config", "enamel.toml", "console", "--no-browser"]).output().unwrap();
    let answer = Answer::of(answer).expect(10);
    assert!(!machine.path("away").exists() && !machine.path("key").exists(), "{}", answer.err);
}
