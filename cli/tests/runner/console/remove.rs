//! Old data is chosen, reviewed and removed by the page, and comes back.

use scenario_tests::databases::practice;
use scenario_tests::server::TestServer;

use super::client::{Browser, Console};
use crate::harness::Machine;

/// Rows of the log before 2022-02-01.
pub const OLD_ROWS: u64 = 31 * 24 * 60 - 1;
pub const ALL_ROWS: u64 = 60_000;
const JANUARY: (&str, &str) = ("through", "2022-01-31");
/// The agent does only what a page asks for.
pub const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";

/// A practice whose database is saved, and whose console is open.
fn office() -> (Console, TestServer) {
    office_with(QUIET)
}

/// The same, with this schedule.
pub fn office_with(schedule: &str) -> (Console, TestServer) {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    practice(&server, 1, "InnoDB");
    machine.run(["backup", "--database", &server.url(), "--schema", "practice"]).expect(0);
    let more = format!("database = \"{}\"\nschemas = [\"practice\"]\n{schedule}", server.url());
    (Console::open(machine, &more), server)
}

pub fn rows(server: &TestServer) -> u64 {
    server.value("SELECT COUNT(*) FROM practice.securitylog").unwrap().parse().unwrap()
}

/// Sends a form of the page, and waits until the agent has done what it asks for.
#[track_caller]
pub fn done(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> String {
    let reply = browser.post(path, fields).expect(303);
    assert_eq!(reply.header("location"), Some("/remove"));
    browser.wait_for_rest();
    browser.page("/remove")
}

/// The text between two texts of a page.
#[track_caller]
fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("`{before}` is not in:\n{page}"));
    rest.split_once(after).unwrap().0
}

pub fn reviewed(browser: &Browser<'_>) -> String {
    done(browser, "/remove/look", &[JANUARY]);
    let page = done(browser, "/remove/review", &[JANUARY, ("category", "securitylog")]);
    between(&page, "name=\"plan\" value=\"", "\"").to_owned()
}

#[test]
fn old_rows_are_chosen_reviewed_removed_and_put_back() {
    let (console, server) = office();
    let owner = console.enter();
    assert!(owner.page("/remove").contains("Look what could go"));
    let found = done(&owner, "/remove/look", &[JANUARY]);
    assert!(found.contains("Security log, with its hashes") && found.contains("all, exactly"), "{found}");
    assert_eq!(rows(&server), ALL_ROWS);
    let plan = reviewed(&owner);
    let page = owner.page("/remove");
    assert!(page.contains(&format!("Remove {} rows", engine::words::count(2 * OLD_ROWS))), "{page}");
    let run = [("plan", plan.as_str()), ("reason", "--reclaim"), ("read", "yes")];
    let page = done(&owner, "/remove/run", &run);
    assert!(page.contains("89,278 rows were removed"), "{page}");
    assert!(page.contains("<td>--reclaim</td>"), "a reason is a text: {page}");
    assert_eq!(rows(&server), ALL_ROWS - OLD_ROWS);
    let detail = between(&page, "href=\"/remove/purge?receipt=", "\"").to_owned();
    let shown = owner.page(&format!("/remove/purge?receipt={detail}"));
    assert!(shown.contains("practice.securitylog") && shown.contains("Put 89,278 rows back"), "{shown}");
    assert!(owner.page("/remove/report").contains("ROWS REMOVED FROM LIVE DATABASES"));
    let page = done(&owner, "/remove/put-back", &[("receipt", &detail), ("sure", "yes")]);
    assert!(page.contains("89,278 rows were put back"), "{page}");
    assert_eq!(rows(&server), ALL_ROWS);
}

#[test]
fn removed_rows_are_let_go_early_only_with_a_reason() {
    let (console, server) = office();
    let owner = console.enter();
    let plan = reviewed(&owner);
    let page = done(&owner, "/remove/run", &[("plan", &plan), ("reason", "too large"), ("read", "yes")]);
    assert_eq!(rows(&server), ALL_ROWS - OLD_ROWS);
    let receipt = between(&page, "href=\"/remove/purge?receipt=", "\"").to_owned();
    owner.post("/remove/let-go", &[("receipt", &receipt)]).expect(400);
    let page = done(&owner, "/remove/let-go", &[("receipt", &receipt), ("sure", "yes")]);
    assert!(page.contains("This did not work") && page.contains("six years"), "{page}");
    let given = [("receipt", receipt.as_str()), ("sure", "yes"), ("reason", "moved to the county")];
    let page = done(&owner, "/remove/let-go", &given);
    assert!(page.contains("89,278 removed rows are kept no longer") && page.contains("moved to the county"), "{page}");
}

#[test]
fn only_the_newest_review_is_run_and_only_as_it_was_made() {
    let (console, server) = office();
    let owner = console.enter();
    let run = |plan: &str| owner.post("/remove/run", &[("plan", plan), ("reason", "old"), ("read", "yes")]);
    let first = reviewed(&owner);
    owner.post("/remove/run", &[("plan", &first), ("reason", "old")]).expect(400);
    owner.post("/remove/run", &[("plan", &first), ("reason", " "), ("read", "yes")]).expect(400);
    let day = ("through", "2022-01-15");
    let page = done(&owner, "/remove/review", &[day, ("category", "securitylog")]);
    let second = between(&page, "name=\"plan\" value=\"", "\"").to_owned();
    assert_ne!(first, second);
    assert!(run(&first).expect(400).body.contains("not the newest review"));
    // Somebody edits the plan between review and run.
    let files = std::fs::read_dir(console.machine.path("state")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "plan")).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\nbefore = \"2022-01-16\"", "\nbefore = \"2023-01-16\"")).unwrap();
    run(&second).expect(303);
    owner.wait_for_rest();
    let page = owner.page("/remove");
    assert!(page.contains("This did not work") && page.contains("edited"), "{page}");
    assert_eq!(rows(&server), ALL_ROWS);
}

#[test]
fn what_is_no_category_date_or_patient_is_refused() {
    let (console, _server) = office();
    let owner = console.enter();
    owner.post("/remove/look", &[("through", "soon")]).expect(400);
    owner.post("/remove/look", &[JANUARY, ("keep", "Jones")]).expect(400);
    owner.post("/remove/review", &[JANUARY]).expect(400);
    owner.post("/remove/review", &[JANUARY, ("category", "patient")]).expect(400);
    owner.post("/remove/put-back", &[("receipt", "latest"), ("sure", "yes")]).expect(400);
    assert_eq!(owner.get("/remove/purge?receipt=00").status, 400);
}
