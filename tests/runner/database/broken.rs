//! Tables that are damaged on purpose are damaged in the way that tests count on.

use engine::database::error_code;
use scenario_tests::damage::{broken_utf8, crash_table, lose_rows};
use scenario_tests::server::TestServer;

#[test]
fn a_column_can_hold_what_is_no_utf8() {
    let server = TestServer::start(&[]);
    server.run("CREATE DATABASE d");
    broken_utf8(&server, "d");
    let values = server.rows("SELECT HEX(v) FROM d.broken_utf8 ORDER BY id").concat();
    let expected = ["E4", "61C362", "F09F98", "FF", "C3A4", "EDA080"].map(|v| Some(v.to_owned()));
    assert_eq!(values[..6], expected);
    assert_eq!(values[6], None);
    let set = server.value("SELECT CHARSET(v) FROM d.broken_utf8 LIMIT 1");
    assert_eq!(set.as_deref(), Some("utf8mb4"));
}

#[test]
fn tables_that_are_damaged_fail_and_others_do_not() {
    let server = TestServer::start(&[]);
    server.script(
        "CREATE DATABASE d; USE d;
         CREATE TABLE crashed (id INT PRIMARY KEY) ENGINE=MyISAM AS SELECT seq AS id FROM seq_1_to_1000;
         CREATE TABLE lost (id INT PRIMARY KEY) ENGINE=MyISAM AS SELECT seq AS id FROM seq_1_to_1000;
         CREATE TABLE well (id INT PRIMARY KEY) ENGINE=MyISAM AS SELECT seq AS id FROM seq_1_to_1000;",
    );
    crash_table(&server, "d", "crashed");
    lose_rows(&server, "d", "lost");
    let mut connection = server.connect();
    for table in ["crashed", "lost"] {
        let failed = connection.rows(&format!("SELECT * FROM d.{table} ORDER BY id")).unwrap_err();
        assert!(error_code(&failed).is_some(), "{failed:?}");
    }
    assert_eq!(connection.rows("SELECT * FROM d.well").unwrap().len(), 1000);
}
