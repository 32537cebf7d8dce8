//! Two backups beside each other: the rows that differ, in words.

use scenario_tests::server::TestServer;

use super::client::Console;
use super::remove::QUIET;
use crate::harness::{Machine, files};
use crate::losses::damage;

fn save(machine: &Machine, server: &TestServer) {
    machine.run(["backup", "--database", &server.url(), "--schema", "shop"]).expect(0);
}

/// The page that compares the two newest backups.
fn compared(machine: Machine, server: &TestServer) -> String {
    let console = Console::open(machine, &format!("database = \"{}\"\nschemas = [\"shop\"]\n{QUIET}", server.url()));
    let browser = console.enter();
    let page = browser.page("/");
    let (_, link) = page.split_once("href=\"/compare/").unwrap_or_else(|| panic!("nothing to compare:\n{page}"));
    browser.page(&format!("/compare/{}", link.split_once('"').unwrap().0))
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
    let compared = compared(machine, &server);
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

#[test]
fn a_table_that_is_damaged_is_named_and_the_others_are_compared() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    let hashes = "SELECT n, REPEAT(SHA2(n, 512), 7) FROM (SELECT a.n + 32 * b.n AS n FROM numbers a, numbers b) AS n";
    let numbers: Vec<_> = (0..32).map(|n| format!("({n})")).collect();
    server.script(format!(
        "CREATE DATABASE shop; USE shop; CREATE TABLE numbers (n INT PRIMARY KEY); INSERT INTO numbers VALUES {};
         CREATE TABLE large (n INT PRIMARY KEY, t TEXT); INSERT INTO large {hashes};",
        numbers.join(", ")
    ));
    save(&machine, &server);
    let before = files(&machine.path("repo/packs"));
    server.script("USE shop; UPDATE large SET t = REVERSE(t); INSERT INTO numbers VALUES (99);");
    save(&machine, &server);
    let packs: Vec<_> = files(&machine.path("repo/packs")).into_iter().filter(|pack| !before.contains(pack)).collect();
    damage(&packs);
    let told = machine.run(["diff", "latest~1", "latest"]).expect(4);
    told.prints("shop/numbers  1 row added")
        .prints("shop/large  cannot be compared: ")
        .says("1 thing could not be compared");
    let compared = compared(machine, &server);
    for words in
        ["1 thing could not be compared", "shop.large", "Database: 1 change", "<b>shop.numbers</b>", "n 99 came"]
    {
        assert!(compared.contains(words), "`{words}` is not in:\n{compared}");
    }
}
