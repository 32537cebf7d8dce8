//! The live database goes back to a backup only by an owner who means it, and the one that was there stays.

use scenario_tests::server::TestServer;

use super::client::{Browser, Console};
use crate::harness::Machine;

const QUIET: &str =
    "[schedule]\nbackup = \"off\"\notherwise = \"off\"\nverify = \"off\"\ndrill = \"off\"\nforget = \"off\"\n";

#[test]
fn the_live_database_goes_back_by_an_owner_who_types_name_and_password() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB;
         INSERT INTO shop.visit VALUES (1, 'x'), (2, 'y'), (3, 'z');",
    );
    machine.run(["backup", "--database", &server.url(), "--schema", "shop"]).expect(0);
    server.script("DELETE FROM shop.visit WHERE id > 1;");
    let rows = |schema: &str| server.value(&format!("SELECT COUNT(*) FROM {schema}.visit")).unwrap();
    let more = format!("database = \"{}\"\nschemas = [\"shop\"]\n{QUIET}", server.url());
    let console = Console::open(machine, &more);
    let link = console.enter();
    let put = |name: &str, role: &str| {
        let person = [("name", name), ("role", role), ("password", "correct horse"), ("again", "correct horse")];
        link.post("/settings/people", &person).expect(303);
    };
    put("Dana", "owner");
    put("Bob", "staff");
    let id = console.run(&["snapshots", "--json"]).last("snapshot")["id"].as_str().unwrap().to_owned();
    let thing = |browser: &Browser<'_>| {
        let inside = browser.get(&format!("/backups/{id}")).expect(303);
        inside.header("location").unwrap().strip_prefix("/things/").unwrap().to_owned()
    };
    let number = thing(&link);
    assert!(link.page(&format!("/live/{number}")).contains("This needs your password"), "the link has no password");
    let bob = console.log_in("Bob", "correct horse");
    let of_bob = thing(&bob);
    bob.get(&format!("/live/{of_bob}")).expect(403);
    assert!(!bob.page(&format!("/restore/{of_bob}")).contains("/live/"));
    let dana = console.log_in("Dana", "correct horse");
    let number = thing(&dana);
    let page = dana.page(&format!("/live/{number}"));
    for words in ["What would be replaced", "3 rows", "1 table", "is not in this backup"] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
    let start = |typed: &str, password: &str| {
        let form = [("thing", number.as_str()), ("schema", "shop"), ("typed", typed), ("password", password)];
        dana.post("/live", &form).status
    };
    assert_eq!((start("", "correct horse"), start("shop", "wrong horse"), start("shop", "")), (400, 400, 400));
    assert_eq!(rows("shop"), "1");
    assert_eq!(start("shop", "correct horse"), 303);
    dana.wait_for_rest();
    assert_eq!(rows("shop"), "3");
    let before =
        server.value("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'shop\\_\\_before%'");
    assert_eq!(rows(&before.unwrap()), "1", "the work of today is still there");
    let actions = console.run(&["evidence", "actions"]).out;
    assert!(
        actions.contains("put a backup in place of the live database") && actions.contains("type the password again")
    );
}
