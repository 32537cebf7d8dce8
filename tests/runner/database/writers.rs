//! Writers keep what they promise, and a violation is found: what says that a backup is of one moment must itself be right.

use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};
use scenario_tests::writers::{Kind, Writers, check_invariants, prepare};

const NONE: [String; 0] = [];

on_each_server!(writers_keep_the_invariants, a_planted_violation_is_found);

fn writers_keep_the_invariants(version: Version) {
    let server = TestServer::of(version, &[]);
    prepare(&server, "w");
    assert_eq!(check_invariants(&server, "w"), NONE);
    let kinds: Vec<Kind> = Kind::ALL.into_iter().chain(Kind::ALL).collect();
    let writers = Writers::start(&server, "w", &kinds);
    writers.wait_rounds(20);
    for outcome in writers.stop() {
        assert!(outcome.failure.is_none(), "{outcome:?}");
        assert!(outcome.rounds >= 20 && !outcome.longest_wait.is_zero(), "{outcome:?}");
    }
    assert_eq!(check_invariants(&server, "w"), NONE);
}

#[test]
fn whoever_waits_for_a_writer_that_failed_is_woken() {
    let server = TestServer::start(&[]);
    prepare(&server, "w");
    let writers = Writers::start(&server, "w", &[Kind::Transfers]);
    writers.wait_rounds(1);
    server.run("DROP TABLE w.transfer");
    writers.wait_rounds(u64::MAX);
    assert!(writers.stop()[0].failure.is_some());
}

fn a_planted_violation_is_found(version: Version) {
    let server = TestServer::of(version, &[]);
    for (plant, what) in [
        ("UPDATE account2 SET amount = amount + 1 WHERE id = 7", "the sum of the accounts"),
        ("INSERT INTO transfer (writer, amount) VALUES (0, 5)", "transfers that are not counted"),
        (
            "INSERT INTO transfer_count VALUES (0, 1); INSERT INTO transfer (writer, amount) VALUES (1, 5)",
            "writers whose",
        ),
        ("DELETE FROM locked_b WHERE id = 3", "the sum of the tables"),
        ("INSERT INTO a_child VALUES (0, 5, '')", "children without"),
        ("INSERT INTO z_parent VALUES (0, 5), (0, 6)", "writers with more than one parent"),
        ("INSERT INTO mixed_order VALUES (0, 1)", "orders that are not"),
        ("INSERT INTO mixed_log VALUES (0, 1), (0, 2)", "writers with more than one entry"),
    ] {
        prepare(&server, "w");
        server.script(format!("USE w; {plant};"));
        let found = check_invariants(&server, "w");
        assert!(found.len() == 1 && found[0].starts_with(what), "{plant}: {found:?}");
        server.run("DROP DATABASE w");
    }
}

/// A backup that reads one table after the other, here with copies of the tables: the invariants notice.
#[test]
fn a_copy_of_different_moments_is_found() {
    let server = TestServer::start(&[]);
    prepare(&server, "w");
    prepare(&server, "copy");
    let kinds = [Kind::Transfers, Kind::Locked, Kind::Parents];
    let writers = Writers::start(&server, "w", &kinds);
    for table in [
        "a_child",
        "account0",
        "account1",
        "account2",
        "account3",
        "locked_a",
        "locked_b",
        "transfer",
        "transfer_count",
        "z_parent",
    ] {
        writers.wait_rounds(10);
        server.script(format!("DELETE FROM copy.{table}; INSERT INTO copy.{table} SELECT * FROM w.{table};"));
    }
    writers.stop();
    let found = check_invariants(&server, "copy").join("\n");
    for what in ["the sum of the accounts", "transfers that are not counted", "the sum of the tables"] {
        assert!(found.contains(what), "{what} in:\n{found}");
    }
}
