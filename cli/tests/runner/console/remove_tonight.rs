//! Old data is removed at night, as ordered by day: once, or not at all, and either is told.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use scenario_tests::server::TestServer;
use serde_json::Value;

use super::client::{Browser, Console};
use super::remove::{ALL_ROWS, OLD_ROWS, QUIET, office_with, reviewed, rows};
use crate::notify::fakes::{Fake, Mood};

const DANA: [(&str, &str); 4] =
    [("name", "Dana"), ("password", "correct horse"), ("again", "correct horse"), ("role", "owner")];

/// A practice in which nobody works today, nor tomorrow.
fn office() -> (Console, TestServer) {
    office_that_tells("")
}

/// The same, with these lines about notices.
fn office_that_tells(notify: &str) -> (Console, TestServer) {
    let day = Zoned::now().checked_add(3.days()).unwrap().strftime("%a").to_string();
    office_with(&format!("{QUIET}office-hours = \"{day} 07:00-19:00\"\n{notify}"))
}

/// Reviews what is old, and orders it for the night.
#[track_caller]
fn order(browser: &Browser<'_>) -> String {
    let plan = reviewed(browser);
    assert!(browser.page("/remove").contains("Tonight at "));
    browser.post("/remove/tonight", &wish(&plan)).expect(303);
    plan
}

fn wish(plan: &str) -> [(&str, &str); 3] {
    [("plan", plan), ("reason", "over six years"), ("read", "yes")]
}

/// The file of the order, and its plan.
fn files(console: &Console) -> [PathBuf; 2] {
    let files = std::fs::read_dir(console.machine.path("state")).unwrap().map(|entry| entry.unwrap().path());
    let own: Vec<_> = files.filter(|path| path.to_string_lossy().contains("tonight-")).collect();
    ["json", "plan"].map(|end| own.iter().find(|path| path.extension().unwrap() == end).unwrap().clone())
}

fn ordered(console: &Console) -> Value {
    serde_json::from_slice(&std::fs::read(&files(console)[0]).unwrap()).unwrap()
}

/// The same order for a time so long ago, while no agent runs.
fn ordered_for(console: &Console, order: &Value, ago: SignedDuration) {
    let mut order = order.clone();
    order["wish"]["at"] = (Timestamp::now() - ago).to_string().into();
    std::fs::write(&files(console)[0], order.to_string()).unwrap();
}

/// The ends of all actions of this name, and who ordered them.
fn actions(console: &Console, what: &str) -> Vec<(String, String)> {
    let lines = console.run(&["evidence", "actions", "--json"]).out;
    let actions = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let own = actions.filter(|action| action["what"] == what);
    own.map(|action| (text(&action["person"]), text(&action["end"]))).collect()
}

#[test]
fn old_rows_are_removed_at_night_once_and_the_page_says_who_ordered_it() {
    let (mut console, server) = office();
    console.enter().post("/settings/people", &DANA).expect(303);
    let dana = console.log_in("Dana", "correct horse");
    let plan = order(&dana);
    let page = dana.page("/remove");
    let waits = "89,278 rows will be removed tonight at ";
    assert!(page.contains(waits) && page.contains("ordered by Dana") && page.contains("Do not"), "{page}");
    let second = dana.post("/remove/tonight", &wish(&plan)).expect(400).body;
    assert!(second.contains("ordered for the night already"), "{second}");
    // A later review is another one.
    let later = dana.post("/remove/review", &[("through", "2022-01-15"), ("category", "securitylog")]);
    later.expect(303);
    dana.wait_for_rest();
    console.kill_and_open_again();
    assert!(console.enter().page("/remove").contains(waits), "the order outlives the agent");
    assert_eq!(rows(&server), ALL_ROWS);
    console.end();
    let order = ordered(&console);
    ordered_for(&console, &order, SignedDuration::from_mins(1));
    console.open_again();
    let page = console.enter().wait_for_page("/remove", "89,278 rows were removed");
    assert!(page.contains("Ordered by Dana for ") && page.contains("<td>over six years</td>"), "{page}");
    assert_eq!(page.matches("89,278 rows were removed").count(), 1, "{page}");
    assert_eq!(rows(&server), ALL_ROWS - OLD_ROWS);
    console.kill_and_open_again();
    let owner = console.enter();
    let page = owner.page("/remove");
    assert!(page.contains("89,278 rows were removed") && page.contains("Ordered by Dana for "), "{page}");
    let number = ordered(&console)["number"].to_string();
    owner.post("/remove/tonight/end", &[("order", &number)]).expect(303);
    assert!(!owner.page("/remove").contains("Ordered by Dana for "), "somebody has seen it");
    console.end();
    let of = |what| actions(&console, what);
    let dana = |end: &str| ("Dana".to_owned(), end.to_owned());
    assert_eq!(of("remove old rows, as ordered for the night"), [dana("done")]);
    let mut ordered = of("order a removal for the night");
    ordered.sort();
    assert_eq!(ordered, [dana("done"), dana("failed")]);
}

#[test]
fn an_order_that_is_taken_back_removes_nothing() {
    let (mut console, server) = office();
    let owner = console.enter();
    order(&owner);
    let before = ordered(&console);
    let number = before["number"].to_string();
    owner.post("/remove/tonight/end", &[("order", "7")]).expect(400);
    owner.post("/remove/tonight/end", &[("order", &number)]).expect(303);
    assert!(!owner.page("/remove").contains("will be removed"));
    assert_eq!(ordered(&console), Value::Null);
    owner.post("/remove/tonight/end", &[("order", &number)]).expect(400);
    console.kill_and_open_again();
    console.enter().wait_for_rest();
    console.end();
    assert_eq!(rows(&server), ALL_ROWS);
    let ends: Vec<_> = actions(&console, "take back a removal that was ordered for the night");
    assert_eq!(ends.iter().filter(|(_, end)| end == "done").count(), 1, "{ends:?}");
}

#[test]
fn a_removal_that_may_not_begin_removes_nothing_and_says_why() {
    let (mut console, server) = office();
    let owner = console.enter();
    owner.post("/settings/people", &DANA).expect(303);
    order(&console.log_in("Dana", "correct horse"));
    console.end();
    let order = ordered(&console);
    let [_, plan] = files(&console);
    let now = SignedDuration::from_mins(1);
    // The computer was off for hours.
    ordered_for(&console, &order, SignedDuration::from_hours(5));
    told(&mut console, "The computer was off or busy at that time");
    // Somebody edits the plan.
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replace("\nbefore = \"2022-02-01\"", "\nbefore = \"2023-02-01\"")).unwrap();
    ordered_for(&console, &order, now);
    told(&mut console, "is not the one that was read");
    std::fs::write(&plan, &text).unwrap();
    // The agent was killed while the removal was under way.
    let mut begun = order.clone();
    begun["stage"] = "begun".into();
    ordered_for(&console, &begun, now);
    told(&mut console, "Enamel was stopped while it removed rows at night");
    // The settings name a server that is not there any more.
    let settings = std::fs::read_to_string(console.machine.path("enamel.toml")).unwrap();
    console.machine.write("enamel.toml", settings.replace(&server.url(), "mysql://root@127.0.0.1:9"));
    ordered_for(&console, &order, now);
    told(&mut console, "This did not work");
    console.machine.write("enamel.toml", &settings);
    // Dana is locked out.
    console.open_again();
    console.enter().post("/settings/people/remove", &[("name", "Dana")]).expect(303);
    console.end();
    ordered_for(&console, &order, now);
    told(&mut console, "may not remove anything any more");
    assert_eq!(rows(&server), ALL_ROWS);
    let ends: Vec<_> = actions(&console, "remove old rows, as ordered for the night");
    let count = |end: &str| ends.iter().filter(|(who, own)| who == "Dana" && own == end).count();
    assert_eq!((ends.len(), count("refused"), count("failed")), (4, 3, 1), "{ends:?}");
}

#[test]
fn a_removal_ends_with_the_agent_that_is_killed() {
    let (mut console, server) = office();
    order(&console.enter());
    console.end();
    ordered_for(&console, &ordered(&console), SignedDuration::from_mins(1));
    // Somebody works on the rows: the removal waits for them.
    let mut somebody = server.connect();
    somebody.run("BEGIN").unwrap();
    somebody.run("UPDATE practice.securitylog SET PatNum = PatNum + 1").unwrap();
    let sessions = || -> u64 {
        let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'root'";
        server.value(count).unwrap().parse().unwrap()
    };
    let (idle, begun) = (sessions(), Instant::now());
    let wait = |is_so: &dyn Fn(u64) -> bool| {
        while !is_so(sessions()) {
            assert!(begun.elapsed() < Duration::from_secs(90), "{} sessions", sessions());
        }
    };
    console.open_again();
    wait(&|count| count > idle);
    console.kill_and_open_again();
    assert!(console.enter().page("/remove").contains("Enamel was stopped while it removed rows at night"));
    wait(&|count| count == idle);
    drop(somebody);
    assert_eq!(rows(&server), ALL_ROWS);
}

#[test]
fn a_removal_for_a_time_at_which_people_work_by_now_does_not_begin() {
    let (mut console, server) = office();
    order(&console.enter());
    console.end();
    let settings = std::fs::read_to_string(console.machine.path("enamel.toml")).unwrap();
    let hours = settings.lines().find(|line| line.starts_with("office-hours")).unwrap();
    console.machine.write("enamel.toml", settings.replace(hours, "office-hours = \"Mon-Sun 00:00-24:00\""));
    ordered_for(&console, &ordered(&console), SignedDuration::from_mins(1));
    console.open_again();
    let page = console.enter().wait_for_page("/remove", "The office hours were changed after this was ordered");
    assert!(page.contains("Nothing was removed at night"), "{page}");
    // The settings go back, and the order does not come back.
    console.end();
    console.machine.write("enamel.toml", &settings);
    console.open_again();
    console.enter().wait_for_rest();
    assert_eq!(rows(&server), ALL_ROWS);
}

#[test]
fn an_order_whose_file_is_damaged_is_told_and_the_console_opens() {
    let (mut console, server) = office();
    order(&console.enter());
    console.end();
    let file = files(&console)[0].clone();
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    console.open_again();
    let owner = console.enter();
    let page = owner.page("/remove");
    assert!(
        page.contains("A removal that was ordered for the night is lost") && !page.contains("Ordered by"),
        "{page}"
    );
    let number = ordered(&console)["number"].to_string();
    owner.post("/remove/tonight/end", &[("order", &number)]).expect(303);
    assert!(!owner.page("/remove").contains("is lost"));
    order(&owner);
    assert_eq!(rows(&server), ALL_ROWS);
}

/// Starts the agent, waits until the page says this, and ends the agent.
#[track_caller]
fn told(console: &mut Console, words: &str) {
    console.open_again();
    let page = console.enter().wait_for_page("/remove", words);
    assert!(page.contains("Ordered by Dana for "), "{page}");
    console.end();
}

#[test]
fn somebody_is_told_of_a_removal_that_was_not_done_at_night_and_when_it_was_seen() {
    let smtp = Fake::mail(Mood::Accepts);
    let to = format!("to = [\"dana@example.org\"], server = \"{}\", tls = \"none\"", smtp.address());
    let (mut console, server) = office_that_tells(&format!("[notify]\nlabel = \"The practice\"\nmail = {{ {to} }}\n"));
    order(&console.enter());
    console.end();
    ordered_for(&console, &ordered(&console), SignedDuration::from_hours(5));
    console.open_again();
    let owner = console.enter();
    let letters = |count: usize| {
        let begun = Instant::now();
        while smtp.heard().len() < count {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", smtp.heard());
            owner.page("/remove");
        }
        smtp.heard()
    };
    let first = letters(1).concat();
    assert!(first.contains("Subject: The practice: a removal of old data has not begun"), "{first}");
    assert!(first.contains("has not begun. Nothing was removed."), "{first}");
    assert!(!first.contains("securitylog"), "{first}");
    let number = ordered(&console)["number"].to_string();
    owner.post("/remove/tonight/end", &[("order", &number)]).expect(303);
    let second = letters(2)[1].clone();
    assert!(second.contains("Somebody has seen that a removal of old data has not begun"), "{second}");
    assert_eq!(rows(&server), ALL_ROWS);
}
