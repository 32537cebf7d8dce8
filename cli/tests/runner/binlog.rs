//! The binary log of a server: kept by backups and watches, and listed.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use scenario_tests::server::TestServer;
use serde_json::Value;

use crate::harness::{Answer, Machine, files, parse};

fn server() -> TestServer {
    let server = TestServer::start(&["--log-bin", "--binlog-format=ROW", "--server-id=1"]);
    server.script("CREATE DATABASE shop; CREATE TABLE shop.visit (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB;");
    server
}

fn database(server: &TestServer) -> String {
    format!("--database={}", server.address().public().replace("mysql://", "mysql://root@"))
}

fn transactions(answer: &Answer) -> Vec<Value> {
    parse(&answer.out).into_iter().filter(|message| message["message_type"] == "transaction").collect()
}

#[test]
fn a_backup_keeps_the_log_and_the_list_begins_with_what_destroys_most() {
    let (machine, server) = (Machine::with_repository(), server());
    let database = database(&server);
    machine.run(["backup", &database]).expect(0).prints("log").prints("transactions up to");
    server.script(
        "USE shop; INSERT INTO visit SELECT seq, 'x' FROM seq_1_to_1500; UPDATE shop.visit SET note = 'y' WHERE id = 1;
         DELETE FROM shop.visit; CREATE TABLE shop.old (a INT); DROP TABLE shop.old; INSERT INTO shop.visit VALUES (7, 'z');",
    );
    // The newest part is fetched first.
    let listed = transactions(&machine.run(["--json", "log", &database]).expect(0));
    let kinds: Vec<&str> = listed.iter().map(|transaction| transaction["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["drop", "delete", "update"]);
    assert_eq!(listed[1]["rows"], 1500);
    assert_eq!(listed[1]["tables"][0]["deleted"], 1500);
    assert!(listed[0]["statement"].as_str().unwrap().contains("DROP TABLE"));
    let in_order = transactions(&machine.run(["--json", "log", "--order", "time", "--all"]).expect(0));
    let times: Vec<&str> = in_order.iter().map(|transaction| transaction["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let large = transactions(&machine.run(["--json", "log", "--min-rows", "1000", "--kind", "delete"]).expect(0));
    assert_eq!(large.len(), 1);
    let other = machine.run(["--json", "log", "--table", "shop.nothing"]).expect(0);
    assert!(transactions(&other).is_empty());
    machine.run(["log"]).expect(0).prints("shop.visit: 1,500 deleted");
    machine.run(["verify", "--read-data"]).expect(0);
}

#[test]
fn a_statement_is_listed_with_its_schema_and_for_no_other() {
    let (machine, server) = (Machine::with_repository(), server());
    let database = database(&server);
    machine.run(["backup", &database]).expect(0);
    server.script("CREATE DATABASE copy; CREATE TABLE copy.visit (a INT); USE copy; DROP TABLE visit; USE shop; DROP TABLE visit;");
    for wanted in ["--schema=shop", "--table=shop.visit"] {
        let drops =
            machine.run(["log", &database, "--kind", "drop", wanted]).expect(0).prints("  shop: DROP TABLE `visit`\n");
        assert!(!drops.out.contains("copy"), "{wanted}\n{}", drops.out);
    }
}

/// A watch that has kept something, after `work` gave it something to keep.
fn started_watch(machine: &Machine, database: &str, mut work: impl FnMut()) -> Child {
    loop {
        let mut command = machine.command(["watch", "--every", "1ms", database]);
        let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
        work();
        // The server may not have noticed yet that the one before is gone.
        if lines.next().is_some() {
            return watch;
        }
        watch.wait().unwrap();
    }
}

#[test]
fn a_watch_that_is_killed_keeps_each_transaction_once() {
    let (machine, server) = (Machine::with_repository(), server());
    let (database, count) = (database(&server), Cell::new(0));
    let insert = || {
        server.run(&format!("INSERT INTO shop.visit VALUES ({}, REPEAT('x', 2000))", count.get()));
        count.set(count.get() + 1);
    };
    for round in 0..5 {
        let mut watch = started_watch(&machine, &database, insert);
        (0..round * 4).for_each(|_| insert());
        watch.kill().unwrap();
        watch.wait().unwrap();
        insert();
    }
    let listed = transactions(&machine.run(["--json", "log", "--order", "time", "--all", &database]).expect(0));
    let inserts: Vec<&str> = listed
        .iter()
        .filter(|transaction| transaction["kind"] == "insert")
        .map(|transaction| transaction["before"].as_str().unwrap())
        .collect();
    assert_eq!((inserts.len(), inserts.iter().collect::<BTreeSet<_>>().len()), (count.get(), count.get()));
    machine.run(["verify", "--read-data"]).expect(0);
}

#[test]
fn a_watch_whose_password_is_wrong_ends_and_says_so() {
    let (machine, server) = (Machine::with_repository(), server());
    server.script("CREATE USER ann@localhost IDENTIFIED BY 'right'; GRANT ALL ON *.* TO ann@localhost;");
    let database = database(&server).replace("root@", "ann@");
    machine.write("wrong", "left\n");
    let answer = machine.run(["watch", "--database-password-file", &machine.arg("wrong"), &database]);
    answer.expect(1).says("ann").says("password");
}

#[test]
fn a_server_without_a_log_and_an_account_that_may_not_read_it_are_told() {
    let (machine, off) = (Machine::with_repository(), TestServer::start(&[]));
    off.run("CREATE DATABASE shop");
    let backup = machine.run(["backup", &database(&off)]).expect(0);
    backup.prints("the server keeps no binary log");
    machine.run(["log"]).expect(0).says("no binary log has been kept");
    machine.run(["watch", &database(&off)]).expect(1).says("the server keeps no binary log");
    let server = server();
    server.script(
        "CREATE USER ann@localhost; GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT ON *.* TO ann@localhost;",
    );
    let ann = database(&server).replace("root@", "ann@");
    machine
        .run(["check", &ann])
        .prints("a backup does not keep it: the account lacks REPLICATION SLAVE, BINLOG MONITOR");
    machine.run(["watch", &ann]).expect(1).says("REPLICATION SLAVE").says("enamel grants watch");
    let grants = machine.run(["grants", "watch", &database(&server), "--for", "ann@localhost"]).expect(0);
    grants.prints("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'ann'@'localhost';");
}

/// Has the server delete all files of its log but the newest, with a change that nobody kept.
fn lose_a_part(server: &TestServer) {
    server.script("FLUSH BINARY LOGS; INSERT INTO shop.visit VALUES (1, 'x'); FLUSH BINARY LOGS;");
    let newest = server.rows("SHOW BINARY LOGS").last().unwrap()[0].clone();
    // MariaDB keeps files until it has noted by itself that it does not need them.
    while server.rows("SHOW BINARY LOGS")[0][0] != newest {
        server.run(&format!("PURGE BINARY LOGS TO '{}'", newest.as_deref().unwrap()));
    }
}

#[test]
fn a_gap_is_named_and_changes_the_exit_status() {
    let (machine, server) = (Machine::with_repository(), server());
    let database = database(&server);
    machine.run(["backup", &database]).expect(0);
    lose_a_part(&server);
    // The first run that finds it tells it: the next one finds a stream that goes on.
    machine.run(["log", &database]).expect(3).says("had deleted a part of its binary log");
    machine.run(["log", &database]).expect(0);
}

#[test]
fn a_backup_that_finds_the_earlier_rows_damaged_stores_them_again_and_ends_with_4() {
    let (machine, server) = (Machine::with_repository(), server());
    let database = database(&server);
    server.script("INSERT INTO shop.visit SELECT seq, SHA2(seq, 512) FROM shop.seq_1_to_2000; ANALYZE TABLE shop.visit; DO SLEEP(1.01);");
    machine.run(["backup", &database]).expect(0);
    for pack in files(&machine.path("repo/packs")) {
        let mut bytes = fs::read(&pack).unwrap();
        // Packs of rows are the only large ones.
        let (len, step) = (bytes.len(), 1000);
        (step..len.saturating_sub(10 * step)).step_by(step).for_each(|at| bytes[at] ^= 1);
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    server.script("DO SLEEP(1.01); UPDATE shop.visit SET note = 'x' WHERE id = 7;");
    let told = "shop.visit: its rows in the earlier snapshot are damaged in the repository: it was read whole";
    machine.run(["backup", &database]).expect(4).says(told).says("enamel repair --dry-run --read-data");
}

#[test]
fn status_says_from_when_to_when_any_moment_can_be_restored() {
    let (machine, server) = (Machine::with_repository(), server());
    let database = database(&server);
    machine.run(["backup", &database]).expect(0);
    machine.run(["status"]).expect(0).prints("restorable to any moment from").prints(" ago");
    assert_eq!(machine.run(["status", "--quiet"]).expect(0).out, "");
    let told = machine.run(["--json", "status"]).expect(0).last("restorable");
    assert_eq!((&told["log_is_kept"], &told["is_interrupted"]), (&true.into(), &false.into()));
    // A restore accepts the first and the last moment, and none before or after.
    let edge = |edge: &str| told["windows"][0][edge].as_str().unwrap().to_owned();
    let target = database.replace("--database=", "--to-database=");
    let at = |moment: &str| machine.run(["restore", "latest", &target, "--plan", "--at", moment]);
    at(&edge("from")).expect(0).prints("last inside");
    at(&edge("until")).expect(0);
    at("2020-01-01 12:00:00").expect(1).says("before");
    assert!(told["windows"][0]["from"].as_str() <= told["windows"][0]["until"].as_str());
    // A part is lost, and no snapshot was made since.
    lose_a_part(&server);
    machine.run(["log", &database]);
    let gap = "the server had deleted a part of its binary log before it was kept";
    machine.run(["status"]).expect(3).prints("until the next backup").prints(gap);
    machine.run(["status", "--quiet"]).expect(3).prints("not restorable from");
    let told = machine.run(["--json", "status"]).expect(3).last("restorable");
    assert_eq!((&told["is_interrupted"], &told["gaps"][0]["until"]), (&true.into(), &Value::Null));
    assert_eq!(told["gaps"][0]["reasons"][0], gap);
    // The next snapshot ends the gap, which stays named.
    machine.run(["backup", &database]).expect(0);
    machine.run(["status"]).expect(0).prints("not restorable from").prints(", and from");
}

#[test]
fn verify_names_a_missing_log_and_what_cannot_be_restored_because_of_it() {
    let (machine, server) = (Machine::with_repository(), server());
    let database = database(&server);
    machine.run(["backup", &database]).expect(0);
    let mut ids = Vec::new();
    for round in 0..2 {
        server.run(&format!("INSERT INTO shop.visit VALUES ({round}, 'x')"));
        let saved = machine.run(["--json", "backup", &database]).expect(0);
        ids.push(saved.last("log")["id"].as_str().unwrap().to_owned());
    }
    machine.run(["verify", "--read-data"]).expect(0).prints("3 logs");
    std::fs::remove_file(machine.path("repo/snapshots").join(&ids[0])).unwrap();
    let answer = machine.run(["verify"]).expect(4).prints("broken-log").prints(&ids[0]);
    assert!(answer.out.contains("can be restored"), "{}", answer.out);
    let findings = parse(&machine.run(["--json", "verify"]).expect(4).out);
    assert!(findings.iter().any(|message| message["kind"] == "broken-log" && message["message_type"] == "finding"));
}

#[test]
fn status_of_a_database_without_a_log_is_a_plain_sentence() {
    let (machine, off) = (Machine::with_repository(), TestServer::start(&[]));
    off.run("CREATE DATABASE shop");
    machine.run(["backup", &database(&off)]).expect(0);
    machine.run(["status"]).expect(0).prints("no binary log is kept: the moments of snapshots alone can be restored");
    assert_eq!(machine.run(["--json", "status"]).expect(0).last("restorable")["log_is_kept"], false);
}

#[test]
fn the_advice_names_what_is_not_set_and_what_the_log_costs() {
    let (machine, off) = (Machine::new(), TestServer::start(&["--binlog-row-image=FULL"]));
    let advice = machine.run_bare(&["check", "--explain-log", &database(&off)], []).expect(0);
    for line in ["keeps no binary log", "log_bin = binlog", "binlog_format = ROW", "restart the server", "To undo it"] {
        assert!(advice.out.contains(line), "{}", advice.out);
    }
    assert!(!advice.out.contains("binlog_row_image"), "{}", advice.out);
}

#[test]
fn forget_says_which_moments_are_lost_and_keeps_what_the_log_begins_with() {
    let (machine, server) = (Machine::with_repository(), server());
    let database = database(&server);
    machine.run(["backup", &database]).expect(0);
    for round in 0..2 {
        server.run(&format!("INSERT INTO shop.visit VALUES ({round}, 'x')"));
        machine.run(["backup", &database]).expect(0);
    }
    let rules = ["forget", "--keep-last", "1"];
    machine
        .run(rules.iter().chain(&["--dry-run"]))
        .expect(0)
        .prints("it would then be from")
        .prints("2 snapshots would be");
    let told = machine.run(["--json"].iter().chain(&rules).chain(&["--dry-run"])).expect(0).last("moments");
    assert!(told["before"][0]["from"].as_str() < told["after"][0]["from"].as_str(), "{told}");
    // All of it is younger than a week: the oldest snapshot is what the log begins with.
    let kept = machine.run(rules.iter().chain(&["--keep-log", "7d"])).expect(0);
    kept.prints("1 snapshot forgotten, 2 kept");
    machine.run(rules.iter().chain(&["--keep-log", "7d", "--dry-run"])).expect(0).prints("base of the log");
    machine.run(["forget", "--keep-log", "7d"]).expect(0).prints("nothing went");
    machine.run(["verify"]).expect(0).prints("3 logs");
}
