//! A database in a snapshot, as people see it: schemas, tables and rows; and as it is stored, only when they ask.

use std::fs;

use scenario_tests::server::TestServer;

use crate::harness::Machine;

/// A machine with a snapshot of a folder and a database.
fn scene() -> (Machine, TestServer) {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE shop; USE shop; \
         CREATE TABLE orders (id INT PRIMARY KEY, what VARCHAR(40)); \
         INSERT INTO orders VALUES (1, 'chair'), (2, 'lamp'), (3, 'table'); \
         CREATE TABLE log (said VARCHAR(40)); \
         CREATE VIEW v AS SELECT id FROM orders;",
    );
    save(&machine, &server);
    (machine, server)
}

fn save(machine: &Machine, server: &TestServer) {
    machine
        .run(["backup", "--no-log", "--schema", "shop", "--database", &server.url(), &machine.arg("source")])
        .expect(0);
}

#[test]
fn ls_names_schemas_and_tables() {
    let (machine, _server) = scene();
    let ls = |args: &[&str]| machine.run([&["ls", "latest"][..], args].concat()).expect(0).out;
    assert_eq!(ls(&[]), "database\nsource\n");
    assert_eq!(ls(&["database"]), "database/shop\n");
    assert_eq!(ls(&["database/shop"]), "database/shop/log\ndatabase/shop/orders\n");
    assert_eq!(ls(&["database/shop/orders"]), "database/shop/orders\n");
    assert_eq!(ls(&["database", "--recursive"]), "database/shop\ndatabase/shop/log\ndatabase/shop/orders\n");
    let long = ls(&["database/shop", "--long"]);
    let words: Vec<Vec<&str>> = long.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        (&words[0][..5], &words[1][..5]),
        (&["table", "0", "rows", "0", "B"][..], &["table", "3", "rows", "23", "B"][..]),
        "{long}"
    );
    let orders = machine.run(["--json", "ls", "latest", "database/shop/orders"]).expect(0).last("entry");
    assert_eq!((&orders["part"], &orders["rows"], &orders["kind"]), (&"table".into(), &3.into(), &"directory".into()));

    let raw = ls(&["database/shop/orders", "--raw"]);
    assert_eq!(raw, "database/shop/orders/.table\ndatabase/shop/orders/rows\n");
    machine.run(["ls", "latest", "database/shop/orders/rows"]).expect(2).says("--raw");
    machine.run(["ls", "latest", "database/shop/nothing"]).expect(1).says("there is no `database/shop/nothing`");
}

#[test]
fn find_finds_versions_of_tables_and_not_how_they_are_stored() {
    let (machine, server) = scene();
    save(&machine, &server);
    let orders = machine.run(["find", "ORDERS"]).expect(0).out;
    assert!(
        orders.starts_with("database/shop/orders\n  table ") && orders.contains("3 rows  in 2 snapshots"),
        "{orders}"
    );
    assert_eq!(orders.lines().count(), 2, "{orders}");
    server.run("INSERT INTO shop.orders VALUES (4, 'shelf')");
    save(&machine, &server);
    let orders = machine.run(["find", "orders"]).expect(0).out;
    assert!(orders.contains("3 rows  in 2 snapshots") && orders.contains("4 rows  in "), "{orders}");
    let hit = machine.run(["--json", "find", "orders"]).expect(0).last("hit");
    assert_eq!((&hit["part"], &hit["rows"]), (&"table".into(), &4.into()));
    for stored in ["rows", ".table", "**/.schema"] {
        machine.run(["find", stored]).expect(0).says("no snapshot holds anything");
    }
}

#[test]
fn diff_counts_the_rows_that_differ() {
    let (machine, server) = scene();
    server.script(
        "USE shop; INSERT INTO orders VALUES (4, 'shelf'), (5, 'bed'); UPDATE orders SET what = 'sofa' WHERE id = 1; \
         DELETE FROM orders WHERE id = 2; DROP TABLE log; CREATE TABLE extra (a INT); INSERT INTO extra VALUES (1); \
         DROP VIEW v; CREATE VIEW w AS SELECT what FROM orders;",
    );
    save(&machine, &server);
    let diff = machine.run(["diff", "latest~1", "latest"]).expect(0);
    let expected = "- database/shop  view v\n\
                    + database/shop  view w\n\
                    + database/shop/extra  1 row\n\
                    - database/shop/log  0 rows\n\
                    M database/shop/orders  2 rows added, 1 removed, 1 changed\n";
    assert_eq!(diff.out, expected);
    let summary = machine.run(["--json", "diff", "latest~1", "latest"]).expect(0);
    assert!(diff.says("2 added, 2 removed, 1 changed; 2 rows added, 1 removed, 1 changed").err.lines().count() == 1);
    let last = summary.last("summary");
    assert_eq!((&last["rows_added"], &last["rows_removed"], &last["rows_changed"]), (&2.into(), &1.into(), &1.into()));
    let table = summary.last("change")["table"].clone();
    assert_eq!(
        (&table["rows_before"], &table["rows_after"], &table["redefined"]),
        (&3.into(), &4.into(), &false.into())
    );

    machine.run(["diff", "latest~1", "latest", "--raw"]).expect(0).prints("M database/shop/orders/rows");
    machine.run(["diff", "latest", "latest"]).expect(0).says("nothing differs");
    // Rows of another shape cannot be compared.
    server.run("ALTER TABLE shop.orders ADD COLUMN price INT");
    save(&machine, &server);
    let diff = machine.run(["diff", "latest~1", "latest"]).expect(0).out;
    assert_eq!(diff, "M database/shop/orders  4 rows before, 4 rows after, other definition\n");
}

#[test]
fn rows_of_a_table_without_a_key_are_compared_whole() {
    let (machine, server) = scene();
    server.run("INSERT INTO shop.log VALUES ('a'), ('a'), ('b')");
    save(&machine, &server);
    server.script("USE shop; DELETE FROM log WHERE said = 'a' LIMIT 1; UPDATE log SET said = 'c' WHERE said = 'b';");
    save(&machine, &server);
    let diff = machine.run(["diff", "latest~1", "latest"]).expect(0).out;
    assert_eq!(diff, "M database/shop/log  1 row added, 2 removed\n");
}

#[test]
fn cat_prints_a_table_as_sql() {
    let (machine, _server) = scene();
    let sql = machine.run(["cat", "latest", "database/shop/orders"]).expect(0).out;
    assert!(
        sql.contains("INSERT INTO `orders` (`id`, `what`) VALUES\n(1, 'chair'),\n(2, 'lamp'),\n(3, 'table');"),
        "{sql}"
    );
    assert!(!sql.contains("CREATE TABLE `log`"));
    machine.run(["cat", "latest", "database/shop"]).expect(0).prints("CREATE TABLE `log`");
    machine.run(["cat", "latest", "database/shop/orders/rows"]).expect(2).says("--raw");
    let raw = machine.run(["cat", "latest", "database/shop/orders/rows", "--raw"]).expect(0).out;
    assert_eq!(raw, "1\tchair\n2\tlamp\n3\ttable\n");
}

#[test]
fn a_restore_to_a_folder_writes_sql() {
    let (machine, server) = scene();
    let dry = machine.run(["restore", "latest", "--target", "dry", "--dry-run"]).expect(0);
    dry.prints("create     database.sql").prints("database.sql, as SQL");
    assert!(!machine.path("dry").exists());

    machine.run(["restore", "latest", "--target", "out"]).expect(0).prints("database.sql, as SQL: 2 tables, 3 rows");
    let mut there: Vec<_> =
        fs::read_dir(machine.path("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["database.sql", "source"]);
    assert_eq!(fs::read(machine.path("out/source/A/letter.txt")).unwrap(), b"Dear patient");
    let sql = fs::read_to_string(machine.path("out/database.sql")).unwrap();
    server.run("RENAME TABLE shop.orders TO shop.orders_before");
    server.run("DROP TABLE shop.log");
    server.run("DROP VIEW shop.v");
    server.script(&sql);
    assert_eq!(server.value("SELECT COUNT(*) FROM shop.orders").unwrap(), "3");

    let json = machine.run(["--json", "restore", "latest:database/shop/orders", "--target", "one"]).expect(0);
    let summary = json.last("summary");
    assert_eq!((&summary["databases"][0]["file"], &summary["databases"][0]["rows"]), (&"orders.sql".into(), &3.into()));
    assert_eq!(summary["files"], 0);
    assert_eq!(fs::read_dir(machine.path("one")).unwrap().count(), 1);

    machine.run(["restore", "latest", "--target", "raw", "--raw"]).expect(0);
    assert_eq!(fs::read(machine.path("raw/database/shop/orders/rows")).unwrap(), b"1\tchair\n2\tlamp\n3\ttable\n");
    machine.run(["restore", "latest:database/shop/orders/rows", "--target", "rows"]).expect(2).says("--raw");
}

#[test]
fn a_stream_of_the_same_name_is_not_replaced_by_sql() {
    let (machine, server) = (Machine::with_repository(), TestServer::start(&[]));
    server.script("CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY);");
    let url = server.url();
    let args = ["backup", "--no-log", "--database", &url, "--schema", "shop", "--stdin", "database.sql"];
    machine.run_with_input(&args, b"by another program").expect(0);
    machine.run(["restore", "latest", "--target", "out"]).expect(0);
    assert_eq!(fs::read(machine.path("out/database.sql")).unwrap(), b"by another program");
    assert!(fs::read_to_string(machine.path("out/database.database.sql")).unwrap().contains("CREATE TABLE `t`"));
}

#[test]
fn every_phase_counts_things_that_have_a_name() {
    let (machine, server) = scene();
    let phases = |answer: &crate::harness::Answer| -> Vec<(String, String, u64, u64)> {
        let statuses =
            crate::harness::parse(&answer.out).into_iter().filter(|message| message["message_type"] == "status");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let number = |value: &serde_json::Value| value.as_u64().unwrap_or_default();
        let all = statuses
            .map(|s| (text(&s["phase"]), text(&s["unit"]), number(&s["done_items"]), number(&s["total_items"])));
        let mut last: Vec<(String, String, u64, u64)> = Vec::new();
        for status in all {
            match last.last_mut().filter(|before| before.0 == status.0) {
                Some(before) => *before = status,
                None => last.push(status),
            }
        }
        last
    };
    let own = |phase: &str, unit: &str, done, total| (phase.to_owned(), unit.to_owned(), done, total);
    // A first backup of another schema: its tables are counted, and how many there are is known.
    server.script(
        "CREATE DATABASE other; CREATE TABLE other.t (a INT PRIMARY KEY); INSERT INTO other.t VALUES (1), (2);",
    );
    let url = server.url();
    let args = ["--json", "backup", "--no-log", "--schema", "other", "--parent", "none", "--database", &url];
    let first = phases(&machine.run(args).expect(0));
    assert!(first.contains(&own("tables", "table", 1, 1)), "{first:?}");

    let args = ["--json", "restore", "latest", "--to-database", &url, "--schema", "other=copy", "--check"];
    let restored = phases(&machine.run(args).expect(0));
    let wanted = [own("load", "table", 1, 1), own("keys", "table", 1, 1), own("compare", "table", 1, 1)];
    let names: Vec<_> = restored.iter().filter(|(phase, ..)| phase != "index").cloned().collect();
    assert_eq!(names, wanted);
    let sql = phases(&machine.run(["--json", "export-sql", "latest", "--output", "other.sql"]).expect(0));
    assert!(sql.contains(&own("export", "table", 1, 1)), "{sql:?}");
}
