//! A moment between two backups comes back by the page, as a copy.

use scenario_tests::server::TestServer;

use super::client::{Browser, Console};
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";

/// A practice whose server keeps a log, and where somebody has just deleted all visits.
fn office() -> (Console, TestServer) {
    let machine = Machine::with_repository();
    let server = TestServer::start(&["--log-bin", "--binlog-format=ROW", "--server-id=1"]);
    server.script(
        "CREATE DATABASE shop; USE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB;
         INSERT INTO shop.visit SELECT seq, 'x' FROM seq_1_to_100;",
    );
    machine.run(["backup", "--database", &server.url(), "--schema", "shop"]).expect(0);
    server.script("INSERT INTO shop.visit VALUES (101, 'new'); DELETE FROM shop.visit;");
    let more = format!("database = \"{}\"\nschemas = [\"shop\"]\n{QUIET}", server.url());
    (Console::open(machine, &more), server)
}

#[track_caller]
fn planned(browser: &Browser<'_>, moment: (&str, &str), name: &str) -> String {
    browser.post("/moments/plan", &[moment, ("schema", "shop"), ("name", name)]).expect(303);
    browser.wait_for_rest();
    browser.page("/moments")
}

#[test]
fn the_moment_before_a_deletion_comes_back_under_another_name() {
    let (console, server) = office();
    let owner = console.enter();
    owner.post("/moments/look", &[]).expect(303);
    owner.wait_for_rest();
    let page = owner.page("/moments");
    assert!(page.contains("101 rows went: shop.visit"), "{page}");
    let (_, place) = page.split_once("name=\"before\" value=\"").unwrap();
    let place = place.split_once('"').unwrap().0.to_owned();
    let page = planned(&owner, ("before", &place), "shop_before");
    assert!(page.contains("Exactly this moment can be brought back"), "{page}");
    let (_, run) = page.split_once("name=\"run\" value=\"").unwrap();
    let run = run.split_once('"').unwrap().0.to_owned();
    owner.post("/moments/run", &[("run", "99999")]).expect(400);
    assert_eq!(server.value("SELECT COUNT(*) FROM shop.visit").as_deref(), Some("0"));
    owner.post("/moments/run", &[("run", &run)]).expect(303);
    owner.wait_for_rest();
    assert_eq!(server.value("SELECT COUNT(*) FROM shop_before.visit").as_deref(), Some("101"));
    assert_eq!(server.value("SELECT COUNT(*) FROM shop.visit").as_deref(), Some("0"), "nobody's work is touched");
}

#[test]
fn a_moment_that_no_log_has_is_refused_before_anything_is_done() {
    let (console, server) = office();
    let owner = console.enter();
    let page = planned(&owner, ("at", "2001-01-01 00:00:00"), "shop_long_ago");
    assert!(page.contains("This moment cannot be brought back") && !page.contains("/moments/run"), "{page}");
    let plan = |moment: (&str, &str), name: &str| {
        owner.post("/moments/plan", &[moment, ("schema", "shop"), ("name", name)]).status
    };
    assert_eq!(plan(("at", "soon"), "shop_copy"), 400);
    assert_eq!(plan(("at", ""), "shop_copy"), 400);
    assert_eq!(plan(("at", "2026-11-20 14:00:00"), "shop"), 400, "the live database");
    assert_eq!(plan(("at", "2026-11-20 14:00:00"), "x=y"), 400);
    assert_eq!(
        server.value("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'shop%'").as_deref(),
        Some("1")
    );
}
