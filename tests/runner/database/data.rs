//! The schemas that tests put into their servers.

use std::collections::BTreeMap;

use scenario_tests::databases::{TORTURE_OPTIONS, TORTURE_SCHEMAS, many_tables, practice, torture, torture_server};
use scenario_tests::differences::differences;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

on_each_server!(torture_is_the_same_twice, many_tables_and_a_practice_have_the_engine_that_was_asked_for);

fn torture_is_the_same_twice(version: Version) {
    let servers = [torture_server(version, &[]), torture_server(version, &[])];
    servers.iter().for_each(torture);
    for schema in TORTURE_SCHEMAS {
        for described in [TestServer::fingerprint, TestServer::portable] {
            let [first, second] = [0, 1].map(|at| described(&servers[at], schema));
            assert!(first.len() > 15, "{schema}: {} objects", first.len());
            assert_eq!(differences(&first, &second), BTreeMap::new());
        }
    }
}

#[test]
fn torture_holds_what_it_says() {
    let server = TestServer::start(TORTURE_OPTIONS);
    torture(&server);
    for (sql, value) in [
        ("SELECT COUNT(*) FROM torture.history_implicit FOR SYSTEM_TIME ALL", "6"),
        ("SELECT d FROM torture.floats WHERE id = 4", "5e-324"),
        ("SELECT COUNT(*) FROM torture.labels WHERE e + 0 = 0", "1"),
        ("SELECT COUNT(*) FROM torture.labels WHERE e + 0 = 3", "1"),
        ("SELECT COUNT(*) FROM torture.texts WHERE id = 0", "1"),
        ("SELECT LENGTH(v) FROM torture.bytes WHERE id = 1", "256"),
        ("SELECT HEX(sj) FROM torture.texts WHERE id = 1", "835C955C5C"),
        ("SELECT COUNT(*) FROM torture.dates WHERE CAST(d AS CHAR) = '2021-02-31'", "1"),
        ("SELECT v FROM torture.watched WHERE id = 1", "a1😀2"),
        (
            "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'torture' AND TABLE_NAME = 'wide'",
            "1000",
        ),
    ] {
        assert_eq!(server.value(sql).as_deref(), Some(value), "{sql}");
    }
}

fn many_tables_and_a_practice_have_the_engine_that_was_asked_for(version: Version) {
    let server = TestServer::of(version, &[]);
    many_tables(&server, 30, &["InnoDB", "MyISAM"]);
    practice(&server, 1, "MyISAM");
    let engines = |schema| {
        let sql = format!(
            "SELECT ENGINE, COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{schema}' GROUP BY 1 ORDER BY 1"
        );
        server.rows(&sql).concat().into_iter().flatten().collect::<Vec<_>>()
    };
    assert_eq!(engines("many"), ["InnoDB", "15", "MyISAM", "15"]);
    assert_eq!(engines("practice"), ["MyISAM", "8"]);
    assert_eq!(server.value("SELECT COUNT(*) FROM practice.securitylog").as_deref(), Some("60000"));
}
