//! Invariants of a schema at every moment, whatever the writers do.

use engine::database::quote_name;

use super::kinds::{ACCOUNT_TABLES, ACCOUNTS, BALANCE};
use crate::server::TestServer;

/// Checks a schema of writers, or a copy of it. Gives what is not as it must be, in words.
///
/// A writer whose transaction mixes engines may have one row in the log that is not yet among the orders: MyISAM knows no
/// transaction.
///
/// # Panics
/// If a table is missing or cannot be read.
pub fn check_invariants(server: &TestServer, schema: &str) -> Vec<String> {
    let mut connection = server.connect();
    connection.run(&format!("USE {}", quote_name(schema))).unwrap_or_else(|e| panic!("{e:?}"));
    let mut violations = Vec::new();
    for (what, sql, expected) in rules() {
        let value = connection.value(&sql).unwrap_or_else(|e| panic!("{e:?}"));
        if value.as_deref() != Some(expected.as_str()) {
            violations.push(format!("{what}: {} in place of {expected}", value.as_deref().unwrap_or("NULL")));
        }
    }
    violations
}

/// Each rule: what it is about, a query, and what the query gives.
fn rules() -> Vec<(&'static str, String, String)> {
    let count = |what, sql: &str| (what, format!("SELECT COUNT(*) FROM {sql}"), "0".to_owned());
    let sums: Vec<String> =
        (0..ACCOUNT_TABLES).map(|number| format!("(SELECT SUM(amount) FROM account{number})")).collect();
    let total = |tables: u64| (tables * ACCOUNTS * BALANCE).to_string();
    vec![
        ("the sum of the accounts", format!("SELECT {}", sums.join(" + ")), total(ACCOUNT_TABLES)),
        count(
            "writers whose transfers are not as many as they counted",
            "(SELECT writer, COUNT(*) AS n FROM transfer GROUP BY writer) logged
             NATURAL RIGHT JOIN transfer_count WHERE logged.n IS NULL",
        ),
        (
            "transfers that are not counted",
            "SELECT (SELECT COUNT(*) FROM transfer) - (SELECT COALESCE(SUM(n), 0) FROM transfer_count)".to_owned(),
            "0".to_owned(),
        ),
        (
            "the sum of the tables that are changed under locks",
            "SELECT (SELECT SUM(amount) FROM locked_a) + (SELECT SUM(amount) FROM locked_b)".to_owned(),
            total(2),
        ),
        count("children without a parent", "a_child LEFT JOIN z_parent p USING (writer, n) WHERE p.n IS NULL"),
        count(
            "writers with more than one parent without a child",
            "(SELECT 1 FROM z_parent LEFT JOIN a_child c USING (writer, n) WHERE c.n IS NULL GROUP BY writer HAVING COUNT(*) > 1) w",
        ),
        count(
            "orders that are not in the log",
            "mixed_order LEFT JOIN mixed_log l USING (writer, n) WHERE l.n IS NULL",
        ),
        count(
            "writers with more than one entry of the log without an order",
            "(SELECT 1 FROM mixed_log LEFT JOIN mixed_order o USING (writer, n) WHERE o.n IS NULL GROUP BY writer HAVING COUNT(*) > 1) w",
        ),
    ]
}
