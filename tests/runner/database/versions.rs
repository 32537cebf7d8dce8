//! From a server to one of another version or family: what means something else there is translated, what cannot be
//! carried is named.

use engine::database::{Server, list_schemas};
use engine::export::{ExportOptions, export_sql};
use engine::load::{Check, LoadOptions, LoadOutcome, SchemaChoice, load};
use engine::monitor::NullMonitor;
use engine::survey::{Verdict, survey};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::{save, source, try_save};
use crate::support::Fixture;

on_each_server!(
    rows_stay_current_wherever_they_come_to,
    rows_stay_current_wherever_they_come_from,
    texts_come_to_every_server,
    texts_come_from_every_server,
    what_one_family_hides_the_other_does_too,
    a_script_in_the_words_of_a_server_loads_there,
    schemas_that_are_nearly_named_as_the_server_s_own_are_somebody_s,
    names_that_differ_in_case_are_two_names,
    history_that_cannot_be_saved_is_named_by_check_and_backup,
    a_row_that_a_server_refuses_costs_no_other,
    literals_of_other_character_sets_come_back,
    a_zero_below_zero_is_a_zero_where_servers_have_one,
    a_schema_of_bytes_comes_back,
);

/// Tables that keep history: with a period of their own or without a name, by partitions.
const HISTORY: &str = "
    CREATE DATABASE kept; USE kept;
    CREATE TABLE plain (id INT PRIMARY KEY, x INT) WITH SYSTEM VERSIONING;
    INSERT INTO plain VALUES (1, 1), (2, 2); UPDATE plain SET x = 10 WHERE id = 1; DELETE FROM plain WHERE id = 2; INSERT INTO plain VALUES (3, 3);
    CREATE TABLE named (id INT PRIMARY KEY, x INT WITHOUT SYSTEM VERSIONING, began TIMESTAMP(6) GENERATED ALWAYS AS ROW START INVISIBLE,
        ended TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (began, ended), KEY ended (ended)) WITH SYSTEM VERSIONING;
    INSERT INTO named (id) VALUES (1); DELETE FROM named; INSERT INTO named (id) VALUES (2);
    CREATE TABLE parted (id INT PRIMARY KEY AUTO_INCREMENT, x INT, e ENUM('a')) WITH SYSTEM VERSIONING
        PARTITION BY SYSTEM_TIME (PARTITION p HISTORY, PARTITION c CURRENT);
    INSERT INTO parted (x, e) VALUES (1, 'a'); UPDATE parted SET x = 2;
";
/// How many rows are current, and how many there are.
const COUNTS: [(&str, u32, u32); 3] = [("plain", 2, 4), ("named", 1, 2), ("parted", 1, 2)];

/// Restores all that `from` has in `schemas` into `to`.
fn carry(from: &TestServer, to: &TestServer, schemas: &[&str], options: &LoadOptions) -> LoadOutcome {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, from, schemas);
    load(&repository, &snapshot, &to.address(), options, &NullMonitor).unwrap()
}

fn checked() -> LoadOptions {
    LoadOptions { check: Check::Digests, ..LoadOptions::default() }
}

pub fn messages(outcome: &LoadOutcome) -> Vec<String> {
    let shown = |p: &repo_format::node::Problem| format!("{}: {}", String::from_utf8_lossy(&p.path.0), p.message);
    outcome.problems.iter().map(shown).collect()
}

fn assert_history_is_carried(from: &TestServer, to: &TestServer) {
    from.script(HISTORY);
    let outcome = carry(from, to, &["kept"], &checked());
    let takes_history = !to.version().is_mysql() && to.version() != Version::MariaDb105;
    for (table, current, all) in COUNTS {
        let count = |history: &str| to.value(&format!("SELECT COUNT(*) FROM kept.{table}{history}"));
        assert_eq!(count(""), Some(current.to_string()), "{table}: {:?}", messages(&outcome));
        if takes_history {
            assert_eq!(count(" FOR SYSTEM_TIME ALL"), Some(all.to_string()), "{table}");
        }
    }
    let said = messages(&outcome);
    if takes_history {
        assert_eq!(said, [""; 0])
    } else {
        assert!(said.len() == 3 && said.iter().all(|said| said.contains("history is not loaded")), "{said:?}")
    }
    to.script(
        "INSERT INTO kept.named (id) VALUES (9); UPDATE kept.plain SET x = 5; INSERT INTO kept.parted (x) VALUES (7)",
    );
    assert_eq!(to.value("SELECT COUNT(*) FROM kept.named").as_deref(), Some("2"));
}

fn rows_stay_current_wherever_they_come_to(version: Version) {
    assert_history_is_carried(&TestServer::start(&[]), &TestServer::of(version, &[]));
}

fn rows_stay_current_wherever_they_come_from(version: Version) {
    if !version.is_mysql() {
        assert_history_is_carried(&TestServer::of(version, &[]), &TestServer::start(&[]));
    }
}

/// Definitions that name collations of their server, in a schema in utf8, and options of one family alone.
const TEXTS: &str = "
    CREATE DATABASE words CHARACTER SET utf8; USE words;
    CREATE TABLE word (id INT PRIMARY KEY, w VARCHAR(20)); INSERT INTO word VALUES (1, 'straße');
    CREATE FUNCTION longer(w VARCHAR(20)) RETURNS VARCHAR(30) CHARSET utf8mb4 DETERMINISTIC RETURN CONCAT(w, '!');
    CREATE VIEW all_words AS SELECT id, longer(w) AS w FROM word;
    CREATE TRIGGER trimmed BEFORE INSERT ON word FOR EACH ROW SET NEW.w = TRIM(NEW.w);
    CREATE EVENT never ON SCHEDULE EVERY 1 YEAR DISABLE DO DELETE FROM word WHERE w = 'x';
";

fn assert_texts_are_carried(from: &TestServer, to: &TestServer) {
    from.script(TEXTS);
    let outcome = carry(from, to, &["words"], &checked());
    assert_eq!(messages(&outcome), [""; 0]);
    assert_eq!(to.value("SELECT w FROM words.all_words").as_deref(), Some("straße!"));
    let set =
        to.value("SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'words'");
    assert!(set.is_some_and(|set| ["utf8", "utf8mb3"].contains(&set.as_str())));
}

fn texts_come_to_every_server(version: Version) {
    assert_texts_are_carried(&TestServer::start(&[]), &TestServer::of(version, &[]));
}

fn texts_come_from_every_server(version: Version) {
    assert_texts_are_carried(&TestServer::of(version, &[]), &TestServer::start(&[]));
}

/// Between the installed MariaDB and each other server, both ways as far as both have hidden columns and keys.
fn what_one_family_hides_the_other_does_too(version: Version) {
    let (maria, other) = (TestServer::start(&[]), TestServer::of(version, &[]));
    let hidden = if version.is_mysql() { "INVISIBLE" } else { "" };
    other.script(format!(
        "CREATE DATABASE rules; CREATE TABLE rules.t (id INT PRIMARY KEY, a INT, b INT INVISIBLE DEFAULT 5, KEY k (a) {hidden}, CONSTRAINT c CHECK (a < 10) {})",
        if version.is_mysql() { "NOT ENFORCED" } else { "" }
    ));
    other.script(if version.is_mysql() {
        "INSERT INTO rules.t (id, a) VALUES (1, 100)"
    } else {
        "INSERT INTO rules.t (id, a) VALUES (1, 1)"
    });
    assert_eq!(messages(&carry(&other, &maria, &["rules"], &checked())), [""; 0]);
    let columns =
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'rules' AND EXTRA LIKE '%INVISIBLE%'";
    assert_eq!(maria.value(columns).as_deref(), Some("1"));
    let takes = maria.connect().run("INSERT INTO rules.t (id, a) VALUES (2, 100)").is_ok();
    assert_eq!(takes, version.is_mysql(), "what was not enforced is not, and what was is");
    if version.is_mysql() {
        assert_eq!(
            maria
                .value(
                    "SELECT IGNORED FROM information_schema.STATISTICS WHERE TABLE_SCHEMA='rules' AND INDEX_NAME='k'"
                )
                .as_deref(),
            Some("YES")
        );
    }
    maria.script("CREATE DATABASE back; CREATE TABLE back.t (id INT PRIMARY KEY, u VARCHAR(36) DEFAULT UUID(), a INT INVISIBLE, KEY k (a) IGNORED) PAGE_COMPRESSED=0");
    maria.script("INSERT INTO back.t (id, a) VALUES (1, 2)");
    assert_eq!(messages(&carry(&maria, &other, &["back"], &checked())), [""; 0]);
    other.script("INSERT INTO back.t (id) VALUES (2)");
    assert_eq!(other.value("SELECT COUNT(*) FROM back.t WHERE u LIKE '%-%'").as_deref(), Some("2"));
}

/// From the installed server to each, and from each back, by scripts that the server's own client loads.
fn a_script_in_the_words_of_a_server_loads_there(version: Version) {
    let (maria, other) = (TestServer::start(&[]), TestServer::of(version, &[]));
    maria.script(HISTORY);
    for (from, to, schema) in [(&maria, &other, "there"), (&other, &maria, "back")] {
        let sources = TEXTS.replace("words", schema);
        from.script(&sources);
        from.script(format!("USE {schema}; CREATE TABLE hidden (id INT PRIMARY KEY, b INT INVISIBLE DEFAULT 5); INSERT INTO hidden (id) VALUES (1)"));
        from.script(format!(
            "USE {schema}; SET sql_mode='ALLOW_INVALID_DATES'; CREATE PROCEDURE late() INSERT INTO word VALUES (2, 'x')"
        ));
        let schemas: Vec<&str> = if schema == "there" { vec![schema, "kept"] } else { vec![schema] };
        let (text, left_out) = script(from, to, &schemas);
        to.script(&text);
        assert_eq!(to.value(&format!("SELECT w FROM {schema}.all_{schema}")).as_deref(), Some("straße!"));
        to.script(format!("CALL {schema}.late(); INSERT INTO {schema}.hidden VALUES (7)"));
        let head = String::from_utf8_lossy(&text);
        assert!(left_out.iter().all(|why| why.contains("history")), "{left_out:?}");
        let is_old = to.version().is_mysql() || to.version() == Version::MariaDb105;
        assert_eq!(left_out.is_empty(), !is_old || schema == "back", "{}", head.lines().take(12).collect::<String>());
    }
    for (table, current, _) in COUNTS {
        assert_eq!(other.value(&format!("SELECT COUNT(*) FROM kept.{table}")), Some(current.to_string()), "{table}");
    }
}

/// A script of `schemas` for the server `to`, and why things are left out of it.
fn script(from: &TestServer, to: &TestServer, schemas: &[&str]) -> (Vec<u8>, Vec<String>) {
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, from, schemas);
    let target = Some(Server::detect(&mut to.connect()).unwrap());
    let mut text = Vec::new();
    let options = ExportOptions { target, ..ExportOptions::default() };
    let outcome = export_sql(&repository, &snapshot, &options, &mut text, &NullMonitor).unwrap();
    (text, outcome.left_out.into_iter().map(|left_out| left_out.why).collect())
}

fn schemas_that_are_nearly_named_as_the_server_s_own_are_somebody_s(version: Version) {
    let server = TestServer::of(version, &[]);
    for name in ["Mysql", "SYS"] {
        server
            .script(format!("CREATE DATABASE {name}; CREATE TABLE {name}.t (a INT); INSERT INTO {name}.t VALUES (1)"));
    }
    let outcome = carry(&server, &TestServer::of(version, &[]), &[], &checked());
    assert_eq!((outcome.tables.len(), &outcome.problems[..]), (2, &[][..]));
    // A schema name that only some servers reserve belongs to the user on others.
    server.script("CREATE DATABASE IF NOT EXISTS sys; CREATE DATABASE IF NOT EXISTS ndbinfo");
    let all = list_schemas(&mut server.connect(), &[]).unwrap();
    let some = if version == Version::MariaDb105 {
        &["Mysql", "SYS", "ndbinfo", "sys"][..]
    } else {
        &["Mysql", "SYS", "ndbinfo"]
    };
    assert_eq!(all, some);
}

fn names_that_differ_in_case_are_two_names(version: Version) {
    let server = TestServer::of(version, &[]);
    for (schema, other) in [("Shop", 1), ("shop", 2)] {
        server.script(format!(
            "CREATE DATABASE {schema}; USE {schema}; CREATE TABLE t (a INT); CREATE TABLE T (b INT); CREATE VIEW v AS SELECT a FROM t;
             CREATE FUNCTION f{other}() RETURNS INT DETERMINISTIC RETURN {other};
             CREATE TRIGGER tr{other} BEFORE INSERT ON t FOR EACH ROW SET NEW.a = {other};
             CREATE EVENT e{other} ON SCHEDULE EVERY 1 YEAR STARTS '2036-01-01' DO SELECT {other};"
        ));
    }
    let target = TestServer::of(version, &[]);
    let outcome = carry(&server, &target, &["Shop", "shop"], &checked());
    assert_eq!((outcome.tables.len(), outcome.objects, &outcome.problems[..]), (4, 8, &[][..]));
    for (schema, other) in [("Shop", 1), ("shop", 2)] {
        target.script(format!("INSERT INTO {schema}.t VALUES (7)"));
        let found = target.value(&format!("SELECT CONCAT({schema}.f{other}(), (SELECT a FROM {schema}.v))"));
        assert_eq!(found, Some(format!("{other}{other}")));
    }
}

fn history_that_cannot_be_saved_is_named_by_check_and_backup(version: Version) {
    if version.is_mysql() {
        return;
    }
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
    server.script(
        "CREATE DATABASE kept; USE kept;
         CREATE TABLE t (a INT PRIMARY KEY, s BIGINT UNSIGNED GENERATED ALWAYS AS ROW START, e BIGINT UNSIGNED GENERATED ALWAYS AS ROW END,
             PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING ENGINE=InnoDB;
         INSERT INTO t (a) VALUES (1); UPDATE t SET a = 2;",
    );
    assert_eq!(survey(&server.address(), &["kept".to_owned()]).unwrap().verdict(), Verdict::Incomplete);
    let outcome = try_save(&fixture.open(), source(&server, &["kept"])).unwrap();
    let named: Vec<_> = outcome.problems.iter().map(|p| String::from_utf8_lossy(&p.path.0).into_owned()).collect();
    assert_eq!(named, ["kept.t"]);
}

/// The collation `binary` is a keyword, too.
fn a_schema_of_bytes_comes_back(version: Version) {
    let server = TestServer::of(version, &[]);
    server.script(
        "CREATE DATABASE bytes CHARACTER SET binary; USE bytes; CREATE TABLE t (a VARCHAR(9) DEFAULT 'x'); INSERT INTO t VALUES (X'FF00');
         CREATE FUNCTION f() RETURNS CHAR(3) DETERMINISTIC RETURN 'abc'; ALTER DATABASE bytes CHARACTER SET latin1;
         CREATE FUNCTION g() RETURNS CHAR(3) DETERMINISTIC RETURN 'abc'; ALTER DATABASE bytes CHARACTER SET binary;",
    );
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["bytes"]);
    let (by_load, by_script) = (TestServer::of(version, &[]), TestServer::of(version, &[]));
    let outcome = load(&repository, &snapshot, &by_load.address(), &checked(), &NullMonitor).unwrap();
    assert_eq!(messages(&outcome), [""; 0]);
    let mut script = Vec::new();
    export_sql(&repository, &snapshot, &ExportOptions::default(), &mut script, &NullMonitor).unwrap();
    by_script.script(script);
    for target in [by_load, by_script] {
        assert_eq!(target.fingerprint("bytes"), server.fingerprint("bytes"));
        let default = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'bytes'";
        assert_eq!(target.value(default).as_deref(), Some("binary"));
    }
}

/// Rows that the installed MariaDB has, and MySQL refuses: for a constraint, and for a document that is none.
fn a_row_that_a_server_refuses_costs_no_other(version: Version) {
    let (maria, other) = (TestServer::start(&[]), TestServer::of(version, &[]));
    maria.script(
        "CREATE DATABASE refused; USE refused; SET check_constraint_checks = 0, sql_mode = '';
         CREATE TABLE bounded (id INT PRIMARY KEY, a INT, CONSTRAINT c CHECK (a > 10), CHECK (id > 0)); INSERT INTO bounded VALUES (1, 11), (2, 9), (3, 12);
         CREATE TABLE kept (id INT PRIMARY KEY, a INT, CHECK (a > 10)); INSERT INTO kept VALUES (1, 11);
         CREATE TABLE documents (id INT PRIMARY KEY, d TEXT, a VARCHAR(20) GENERATED ALWAYS AS (JSON_EXTRACT(d, '$.a')) STORED) CHARACTER SET utf8mb4;
         INSERT INTO documents (id, d) VALUES (1, '{\"a\": 1}'), (2, '{\"a\"'), (3, '{\"a\": 2}'), (4, '');",
    );
    for local_infile in ["ON", "OFF"] {
        other.run(&format!("SET GLOBAL local_infile = {local_infile}"));
        let said = messages(&carry(&maria, &other, &["refused"], &LoadOptions::default()));
        let count = |table: &str| other.value(&format!("SELECT COUNT(*) FROM refused.{table}"));
        let expected = if version.is_mysql() { ["3", "2"] } else { ["3", "4"] };
        assert_eq!([count("bounded"), count("documents")], expected.map(|count| Some(count.to_owned())), "{said:?}");
        if version.is_mysql() {
            let has =
                |table: &str, words: &str| said.iter().any(|said| said.starts_with(table) && said.contains(words));
            assert!(has("refused.bounded", "its check bounded_chk_1 is not enforced"), "{said:?}");
            let enforced = "SELECT GROUP_CONCAT(CONCAT(CONSTRAINT_NAME, ENFORCED) ORDER BY 1)
                FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = 'refused' AND CONSTRAINT_TYPE = 'CHECK'";
            assert_eq!(other.value(enforced).as_deref(), Some("bounded_chk_1NO,bounded_chk_2YES,kept_chk_1YES"));
            assert!(has("refused.documents", "2 rows are left out"), "{said:?}");
        } else {
            assert_eq!(said, [""; 0]);
        }
        other.run("DROP DATABASE refused");
    }
}

/// Definitions with literals whose bytes are those of another character set, to the server itself and to the installed one.
fn literals_of_other_character_sets_come_back(version: Version) {
    let (server, installed) = (TestServer::of(version, &[]), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE literals; USE literals;
         CREATE TABLE plain (id INT PRIMARY KEY, l VARCHAR(9) CHARACTER SET latin1); INSERT INTO plain VALUES (1, 'ß');
         CREATE VIEW shown AS SELECT CONCAT(l, _latin1 X'E427') AS v FROM plain;",
    );
    if version.is_mysql() {
        server.script(
            "USE literals; CREATE TABLE computed (id INT PRIMARY KEY, l VARCHAR(9) CHARACTER SET latin1, e VARCHAR(9),
                g VARCHAR(20) CHARACTER SET latin1 GENERATED ALWAYS AS (CONCAT(l, 'ä\\'')) STORED NOT NULL, CHECK (l <> CONCAT(l, 'ü')), KEY ((LOWER(e))));
             INSERT INTO computed (id, l, e) VALUES (1, 'ß', 'E');",
        );
    }
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["literals"]);
    for (to, name) in [(&server, "copy"), (&installed, "literals")] {
        let schemas = vec![SchemaChoice { from: "literals".to_owned(), to: name.to_owned() }];
        let options = LoadOptions { schemas, ..checked() };
        let outcome = load(&repository, &snapshot, &to.address(), &options, &NullMonitor).unwrap();
        // MariaDB has no keys of expressions.
        let said = messages(&outcome);
        let is_missed = |said: &String| said.starts_with("literals.computed: its key") && name == "literals";
        assert!(
            said.iter().all(is_missed) && said.len() == usize::from(version.is_mysql() && name == "literals"),
            "{said:?}"
        );
        assert_eq!(to.value(&format!("SELECT HEX(v) FROM {name}.shown")).as_deref(), Some("DFE427"));
        if version.is_mysql() {
            to.run(&format!("INSERT INTO {name}.computed (id, l) VALUES (2, 'ö')"));
            let values = format!("SELECT GROUP_CONCAT(HEX(g) ORDER BY id) FROM {name}.computed");
            assert_eq!(to.value(&values).as_deref(), Some("DFE427,F6E427"));
        }
    }
}

/// To the installed MariaDB, which may be one that has a single zero, and from it.
fn a_zero_below_zero_is_a_zero_where_servers_have_one(version: Version) {
    let (server, installed) = (TestServer::of(version, &[]), TestServer::start(&[]));
    server.script(
        "CREATE DATABASE zeros; USE zeros; CREATE TABLE keyed (id INT PRIMARY KEY, d DOUBLE, f FLOAT, t VARCHAR(9), less DOUBLE GENERATED ALWAYS AS (-d) STORED);
         INSERT INTO keyed (id, d, f, t) VALUES (1, -0e0, -0e0, '-0'), (2, 0, 0, ''), (3, -0.5, 1, '-0');
         CREATE TABLE bare (d DOUBLE, t VARCHAR(9), less DOUBLE GENERATED ALWAYS AS (-d) STORED); INSERT INTO bare (d, t) VALUES (-0e0, '-0'), (-0e0, '-0'), (0, '');",
    );
    let outcome = carry(&server, &installed, &["zeros"], &checked());
    assert_eq!(messages(&outcome), [""; 0]);
    for table in ["keyed", "bare"] {
        let sum = format!("SELECT CONCAT(COUNT(*), ' ', SUM(d), ' ', GROUP_CONCAT(t ORDER BY t)) FROM zeros.{table}");
        assert_eq!(installed.value(&sum), server.value(&sum));
    }
}
