//! Two backups beside each other: the rows that differ, in words.

use scenario_tests::server::TestServer;

use super::client::Console;
use super::remove::QUIET;
use crate::harness::Machine;

fn save(machine: &Machine, server: &TestServer) {
    machine.run(["backup", "--database", &server.url(), "--schema", "shop"]).expect(0);
}

#[test]
fn the_rows_that_came_went_and_changed_are_told_with_their_keys_and_columns() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE orders (id INT PRIMARY KEY, what VARCHAR(20), price INT);
         INSERT INTO orders VALUES (1, 'chair', 5), (2, 'table', 6), (3, 'lamp', 7);
         CREATE TABLE pieces (id INT, line INT, what VARCHAR(20), PRIMARY KEY (id, line));
         INSERT INTO pieces VALUES (1, 1, 'leg'), (1, 2, 'seat');",
    );
    save(&machine, &server);
    server.script(
        "USE shop; INSERT INTO orders VALUES (4, 'shelf', 8); DELETE FROM orders WHERE id = 2;
         UPDATE orders SET what = '<b>sofa</b>', price = 9 WHERE id = 1; UPDATE pieces SET what = 'arm' WHERE line = 2;
         CREATE TABLE extra (a INT); INSERT INTO extra SELECT seq.id FROM (SELECT 1 AS id UNION SELECT 2) AS seq;",
    );
    save(&machine, &server);
    let console = Console::open(machine, &format!("database = \"{}\"\nschemas = [\"shop\"]\n{QUIET}", server.url()));
    let browser = console.enter();
    let page = browser.page("/");
    let (_, link) = page.split_once("href=\"/compare/").unwrap_or_else(|| panic!("nothing to compare:\n{page}"));
    let compared = browser.page(&format!("/compare/{}", link.split_once('"').unwrap().0));
    for words in [
        "Database: 3 changes",
        "<b>shop.orders</b>",
        "1 row came, 1 row went, 1 row changed",
        "id 1: what, price changed",
        "id 2 went",
        "id 4 came",
        "id 1, line 2: what changed",
        "<b>shop.extra</b>",
        "a new table with 2 rows",
    ] {
        assert!(compared.contains(words), "`{words}` is not in:\n{compared}");
    }
    assert!(!compared.contains("sofa"), "values stay in the backup");
}
