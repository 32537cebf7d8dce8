//! Snapshots that read only what the binary log says has changed: they hold what a whole read would.

use std::time::Duration;

use engine::dump::{DatabaseSource, Extent};
use engine::error::chain;
use engine::files::backup::BackupOutcome;
use engine::pack::ChunkReader;
use engine::repository::Repository;
use engine::snapshots::saved::{Database, read_segment};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use repo_format::database::PartlyReadTable;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};
use scenario_tests::writers::{Kind, Writers, prepare};

use super::save::{source, try_save};
use crate::support::{Fixture, by_id};

on_each_server!(
    any_changes_make_the_snapshot_that_a_whole_read_makes,
    a_table_that_several_sessions_read_has_the_segments_of_one_that_one_reads,
    changes_beside_a_backup_are_in_it_or_in_the_next_one,
    changes_that_the_log_does_not_tell_are_found,
    rows_that_are_kept_out_of_the_log_are_named,
    tables_that_were_flushed_are_read_whole_and_the_summary_says_why,
    a_table_that_changed_in_the_second_of_a_snapshot_is_not_read_again,
    a_statement_that_is_logged_after_the_moment_hides_no_row,
    the_log_of_a_replica_that_omits_what_it_receives_is_not_followed,
);

/// Options of a server whose log has rows.
const LOGGED: &[&str] = &["--log-bin=binlog", "--server-id=7", "--binlog-format=ROW"];
/// A foreign key's table is not there twice, a partition's rows may move, and keys are of each kind.
const TABLES: &str = "CREATE DATABASE s; USE s;
     CREATE TABLE a (id INT PRIMARY KEY, v INT, t VARCHAR(4000)) ENGINE=InnoDB;
     CREATE TABLE b (id BIGINT UNSIGNED PRIMARY KEY, v INT, t VARCHAR(4000)) ENGINE=MyISAM;
     CREATE TABLE c (v INT, t VARCHAR(4000), id SMALLINT NOT NULL, UNIQUE KEY (id)) ENGINE=InnoDB;
     CREATE TABLE d (id MEDIUMINT PRIMARY KEY, v INT UNIQUE, t VARCHAR(4000)) ENGINE=InnoDB;
     CREATE TABLE e (id TINYINT UNSIGNED PRIMARY KEY, v INT, t MEDIUMTEXT) ENGINE=MyISAM;
     CREATE TABLE plain (id INT, v INT, t VARCHAR(4000)) ENGINE=InnoDB;
     CREATE TABLE word (id VARCHAR(20) PRIMARY KEY, v INT, t VARCHAR(4000)) ENGINE=InnoDB;";
const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "plain", "word"];

/// A server with [`TABLES`] and some rows, of which it knows how many there are.
fn filled(version: Version) -> TestServer {
    let server = TestServer::of(version, LOGGED);
    server.script(TABLES);
    let ten = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 \
               UNION SELECT 8 UNION SELECT 9)";
    let numbers = format!("(SELECT x.n + 10 * y.n + 100 * z.n n FROM {ten} x JOIN {ten} y JOIN {ten} z)");
    for table in NAMES.iter().filter(|table| **table != "e") {
        let sign = if matches!(*table, "a" | "c") { "- 900" } else { "" };
        let (columns, values) = ("(id, v, t)", format!("3 * n {sign}, n, REPEAT(SHA2(n, 256), 45)"));
        server.script(format!("USE s; INSERT INTO {table} {columns} SELECT {values} FROM {numbers} n;"));
    }
    let large = "n, n, REPEAT(SHA2(n, 256), 10000)";
    server.script(format!(
        "USE s; INSERT INTO e (id, v, t) SELECT {large} FROM {numbers} n WHERE n < 200 AND n % 9 = 0;"
    ));
    server.run(&format!("ANALYZE TABLE {}", NAMES.map(|name| format!("s.{name}")).join(", ")));
    settle(&server);
    server
}

/// Goes on in another second: times of changes are whole seconds.
fn settle(server: &TestServer) {
    server.run("DO SLEEP(1.01)");
}

/// A backup, and the tables that it read in part.
struct Saved {
    outcome: BackupOutcome,
    names: Vec<String>,
    in_part: Vec<PartlyReadTable>,
    /// The content of each table, as the snapshot names it.
    contents: Vec<String>,
    /// By which estimate each was cut.
    segment_bits: Vec<Option<u32>>,
}

impl Saved {
    /// All rows of a table, as they are encoded.
    fn rows(&self, repository: &Repository, table: &str) -> Vec<u8> {
        let snapshot = by_id(repository, self.outcome.snapshot.unwrap());
        let reader = ChunkReader::new(repository);
        let database = Database::open(&reader, &snapshot.manifest, None).unwrap();
        let table = database.schema("s").unwrap().table(table).unwrap();
        let segments = table.segments(&reader).unwrap();
        segments.flat_map(|segment| read_segment(&reader, &segment.unwrap()).unwrap()).collect()
    }

    fn rows_read(&self, table: &str) -> Option<u64> {
        self.in_part.iter().find(|part| part.table == table).map(|part| part.rows)
    }
}

fn save(repository: &Repository, server: &TestServer, extent: Extent) -> Saved {
    // A busy machine may hold locks for long: no table is let go for that.
    saved(repository, DatabaseSource { extent, wait_max: Duration::from_secs(60), ..source(server, &["s"]) })
}

fn saved(repository: &Repository, source: DatabaseSource) -> Saved {
    let outcome = try_save(repository, source);
    let outcome = outcome.unwrap_or_else(|e| panic!("{}", chain(&e)));
    let snapshot = by_id(repository, outcome.snapshot.unwrap());
    let reader = ChunkReader::new(repository);
    let database = Database::open(&reader, &snapshot.manifest, None).unwrap();
    let schema = database.schema("s").unwrap();
    let names = schema.table_names().unwrap();
    let table = |name: &String| schema.table(name).unwrap();
    let content = |name: &String| format!("{name}: {:?}", table(name).rows.map(|rows| rows.content));
    Saved {
        outcome,
        in_part: database.server.in_part.clone().unwrap_or_default(),
        contents: names.iter().map(content).collect(),
        segment_bits: names.iter().map(|name| table(name).record.segment_bits).collect(),
        names,
    }
}

/// Saves what has changed, and everything: both are the same. Gives the former.
fn save_both(repository: &Repository, server: &TestServer) -> Saved {
    let saved = save(repository, server, Extent::Changes);
    let whole = save(repository, server, Extent::Whole);
    assert_eq!(saved.names, whole.names);
    for (at, name) in saved.names.iter().enumerate() {
        // Servers estimate how long rows are when they like to: another estimate cuts the same rows in another way.
        if saved.segment_bits[at] == whole.segment_bits[at] {
            assert_eq!(saved.contents[at], whole.contents[at]);
        } else {
            assert!(saved.rows(repository, name) == whole.rows(repository, name), "the rows of {name} differ");
        }
    }
    assert_eq!(whole.in_part, []);
    saved
}

/// Statements with two numbers for `#` and `%`, for any table `@`.
const STATEMENTS: [&str; 16] = [
    "INSERT IGNORE INTO @ (id, v, t) VALUES (#, #, REPEAT('x', % % 3000))",
    "REPLACE INTO @ (id, v, t) VALUES (#, %, REPEAT('y', # % 3000)), (%, #, '')",
    "INSERT INTO @ (id, v, t) VALUES (#, %, 'z') ON DUPLICATE KEY UPDATE t = 'twice'",
    "UPDATE @ SET t = CONCAT('w', v) WHERE id = 3 * #",
    "UPDATE IGNORE @ SET id = id + 1 WHERE id BETWEEN # AND # + 9",
    "UPDATE IGNORE @ SET id = 300 - id WHERE id BETWEEN 0 AND 300 AND id % 7 = # % 7",
    "DELETE FROM @ WHERE id BETWEEN # AND # + % % 40",
    "DELETE FROM @ WHERE id % 90 = # % 90",
    "INSERT IGNORE INTO a (id, v, t) SELECT id + 1, v, REPEAT('s', 2000) FROM b WHERE id BETWEEN # AND # + 20",
    "UPDATE a JOIN b ON a.id = b.id SET a.t = 'j', b.v = b.v + 1 WHERE a.id BETWEEN # AND # + 30",
    "DELETE a, d FROM a JOIN d ON a.id = d.id WHERE a.id BETWEEN # AND # + 9",
    "BEGIN; UPDATE a SET v = v + 1 WHERE id < #; DELETE FROM d WHERE id = 3 * #; ROLLBACK",
    "BEGIN; DELETE FROM a WHERE id = 3 * #; SAVEPOINT x; DELETE FROM d; ROLLBACK TO x; COMMIT",
    "TRUNCATE @",
    "ALTER TABLE @ ADD COLUMN more INT; UPDATE @ SET more = 1; ALTER TABLE @ DROP COLUMN more",
    "SET SESSION binlog_row_image = MINIMAL; UPDATE @ SET v = v + 1 WHERE id < # / 8; SET SESSION binlog_row_image = FULL",
];

#[derive(Debug, Clone)]
struct Step {
    statement: usize,
    table: usize,
    numbers: [u16; 2],
}

fn step() -> impl Strategy<Value = Step> {
    // Statements that change a whole table are rare.
    let statement = prop_oneof![30 => 0..13usize, 1 => 13..15usize, 2 => Just(15usize)];
    (statement, 0..NAMES.len(), [0u16..3000, 0u16..3000]).prop_map(|(statement, table, numbers)| Step {
        statement,
        table,
        numbers,
    })
}

impl Step {
    fn sql(&self) -> String {
        let [first, second] = self.numbers.map(|number| number.to_string());
        let sql = STATEMENTS[self.statement].replace(" % ", " MOD ").replace('@', NAMES[self.table]);
        sql.replace('#', &first).replace('%', &second)
    }
}

fn any_changes_make_the_snapshot_that_a_whole_read_makes(version: Version) {
    let server = filled(version);
    let fixture = Fixture::new();
    let repository = fixture.open();
    save(&repository, &server, Extent::Changes);
    let mut connection = server.connect();
    for setting in ["sql_mode = ''", "foreign_key_checks = 0"] {
        connection.run(&format!("SET SESSION {setting}")).unwrap();
    }
    connection.run("USE s").unwrap();
    let analyze = format!("ANALYZE TABLE {}", NAMES.map(|name| format!("s.{name}")).join(", "));
    let mut read_in_part = 0;
    let mut runner =
        TestRunner::new(Config { cases: 12, max_shrink_iters: 0, failure_persistence: None, ..Config::default() });
    let shared = std::cell::RefCell::new((&mut connection, &mut read_in_part));
    let outcome = runner.run(&prop::collection::vec(step(), 1..12), |steps| {
        let (connection, read_in_part) = &mut *shared.borrow_mut();
        for sql in steps.iter().map(Step::sql) {
            // Some are refused: a number too large, a key twice.
            sql.split(';').for_each(|one| drop(connection.run(one.trim())));
        }
        // Where segments begin depends on estimates, which the server makes some time later.
        server.run(&analyze);
        let saved = save_both(&repository, &server);
        prop_assert_eq!(saved.outcome.problem_count, 0, "{:?}", saved.outcome.problems);
        **read_in_part += saved.in_part.iter().filter(|part| part.rows > 0).count();
        Ok(())
    });
    outcome.unwrap();
    assert!(read_in_part > 0, "no table was ever read in part");
}

fn changes_beside_a_backup_are_in_it_or_in_the_next_one(version: Version) {
    let without_ids: &[&str] = &["--enforce-gtid-consistency=OFF", "--gtid-mode=OFF"];
    let options = [LOGGED, if version.is_mysql() { without_ids } else { &[] }].concat();
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &options));
    prepare(&server, "s");
    settle(&server);
    let repository = fixture.open();
    save(&repository, &server, Extent::Changes);
    let writers = Writers::start(&server, "s", &Kind::ALL);
    for round in 0..6 {
        writers.wait_rounds(3);
        let extent = if round % 2 == 0 { Extent::Changes } else { Extent::Prove };
        let saved = save(&repository, &server, extent);
        assert_eq!(saved.outcome.problem_count, 0, "round {round}: {:?}", saved.outcome.problems);
    }
    writers.stop();
    save_both(&repository, &server);
}

fn a_table_that_several_sessions_read_has_the_segments_of_one_that_one_reads(version: Version) {
    let server = filled(version);
    let fixture = Fixture::new();
    let repository = fixture.open();
    let read = |range_bytes, sessions| {
        let source = DatabaseSource { range_bytes, sessions, extent: Extent::Whole, ..source(&server, &["s"]) };
        saved(&repository, source).contents
    };
    let alone = read(u64::MAX, 1);
    // All sizes of ranges, from one that only the largest table has to some that have no row.
    for range_bytes in [1 << 20, 1 << 19, 1 << 16, 1] {
        assert_eq!(alone, read(range_bytes, 4), "{range_bytes}");
    }
}

/// Each changes rows in a way that is not in the log as rows of their table.
const HIDDEN: &[(&str, &str)] = &[
    ("a statement", "SET SESSION binlog_format = STATEMENT; UPDATE s.a SET v = v + 1 WHERE id = 3"),
    ("a trigger of a statement", "SET SESSION binlog_format = STATEMENT; UPDATE s.word SET v = v + 1 WHERE id = '9'"),
    ("a truncated table", "TRUNCATE s.a; INSERT INTO s.a VALUES (1, 1, 'x')"),
    ("two tables that change places", "RENAME TABLE s.a TO s.x, s.a2 TO s.a, s.x TO s.a2"),
    ("a table that is made anew", "DROP TABLE s.a2; CREATE TABLE s.a2 LIKE s.a; INSERT INTO s.a2 VALUES (8, 8, '')"),
    ("a column that comes and goes", "ALTER TABLE s.a DROP COLUMN v; ALTER TABLE s.a ADD COLUMN v INT AFTER id"),
    ("a foreign key", "DELETE FROM s.parent WHERE id = 2; UPDATE s.parent SET id = 7 WHERE id = 3"),
    ("a foreign key of a foreign key", "DELETE FROM s.grand WHERE id = 1"),
    ("a table that merges others", "INSERT INTO s.merged VALUES (77, 7); UPDATE s.merged SET v = 9 WHERE id = 1"),
    (
        "a table that merged others and is gone",
        "UPDATE s.m1 SET v = 8 WHERE id = 303; UPDATE s.merged SET v = 9 WHERE id = 300; DROP TABLE s.merged",
    ),
    (
        "a table that merged others for a while",
        "CREATE TABLE s.short (id INT PRIMARY KEY, v INT) ENGINE=MRG_MyISAM UNION=(s.m1) INSERT_METHOD=LAST; \
         UPDATE s.short SET v = 10 WHERE id = 300; DROP TABLE s.short; UPDATE s.m1 SET v = 11 WHERE id = 303",
    ),
    (
        "a statement that is analyzed",
        "SET SESSION binlog_format = STATEMENT; ANALYZE UPDATE s.a SET v = v + 1 WHERE id = 6; \
         SET SESSION binlog_format = ROW; UPDATE s.a SET v = v + 1 WHERE id = 9",
    ),
    (
        "a name in another character set",
        "UPDATE s.`Ã©` SET v = v + 1 WHERE id = 9; SET NAMES latin1; SET SESSION binlog_format = STATEMENT; UPDATE s.`é` SET v = 77 WHERE id = 6",
    ),
    ("a transaction that was prepared before", "XA COMMIT 'x'"),
    ("a log that begins anew", "UPDATE s.a SET v = 5 WHERE id = 6; RESET_LOG; UPDATE s.a SET v = v + 1 WHERE id = 9"),
];

fn changes_that_the_log_does_not_tell_are_found(version: Version) {
    let server = filled(version);
    server.script(
        "USE s; CREATE TABLE a2 LIKE a; INSERT INTO a2 SELECT id, v + 1, t FROM a WHERE id > 0;
         CREATE TABLE grand (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO grand VALUES (1), (2);
         CREATE TABLE parent (id INT PRIMARY KEY, g INT, FOREIGN KEY (g) REFERENCES grand (id) ON DELETE CASCADE) ENGINE=InnoDB;
         CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB;
         INSERT INTO parent VALUES (1, 1), (2, 2), (3, 2), (4, 2); INSERT INTO child VALUES (1, 1), (2, 2), (3, 3), (4, 4);
         CREATE TABLE m1 (id INT PRIMARY KEY, v INT) ENGINE=MyISAM; CREATE TABLE m2 LIKE m1; INSERT INTO m1 VALUES (1, 1), (2, 2); INSERT INTO m2 VALUES (5, 5);
         INSERT INTO m1 SELECT id, v FROM a WHERE id BETWEEN 300 AND 900; CREATE TABLE `Ã©` LIKE a; INSERT INTO `Ã©` SELECT * FROM a;
         CREATE TABLE merged (id INT PRIMARY KEY, v INT) ENGINE=MRG_MyISAM UNION=(m1, m2) INSERT_METHOD=LAST;
         CREATE TRIGGER fires AFTER UPDATE ON word FOR EACH ROW UPDATE d SET t = 'fired' WHERE id = 30;
         XA START 'x'; INSERT INTO c (id, v, t) VALUES (-9000, 1, 'prepared'); XA END 'x'; XA PREPARE 'x';",
    );
    let fixture = Fixture::new();
    let repository = fixture.open();
    for (what, statements) in HIDDEN {
        settle(&server);
        save(&repository, &server, Extent::Changes);
        let mut connection = server.connect();
        for sql in statements.split(';').map(str::trim) {
            let sql = match sql {
                "RESET_LOG" if version.is_mysql() => "RESET BINARY LOGS AND GTIDS",
                "RESET_LOG" => "RESET MASTER",
                // Only MariaDB does what it analyzes.
                sql if version.is_mysql() => sql.trim_start_matches("ANALYZE "),
                sql => sql,
            };
            connection.run(sql).unwrap_or_else(|e| panic!("{what}: {sql}: {}", chain(&e)));
        }
        // As above.
        server.run("ANALYZE TABLE s.a, s.a2, s.`Ã©`");
        let saved = save_both(&repository, &server);
        assert_eq!(saved.outcome.problem_count, 0, "{what}: {:?}", saved.outcome.problems);
    }
}

fn rows_that_are_kept_out_of_the_log_are_named(version: Version) {
    let server = filled(version);
    let fixture = Fixture::new();
    let repository = fixture.open();
    save(&repository, &server, Extent::Changes);
    settle(&server);

    // A table that the log does not mention at all is read, as the server says that it has changed.
    let mut hidden = server.connect();
    hidden.run("SET SESSION sql_log_bin = 0").unwrap();
    hidden.run("UPDATE s.a SET v = -1 WHERE id = 3").unwrap();
    hidden.run("UPDATE s.b SET v = -1 WHERE id = 3").unwrap();
    let saved = save_both(&repository, &server);
    assert_eq!((saved.rows_read("a"), saved.rows_read("b"), saved.rows_read("d")), (None, None, Some(0)));

    // One with other changes in the log is found by its number of rows,
    settle(&server);
    save(&repository, &server, Extent::Changes);
    hidden.run("DELETE FROM s.a WHERE id = 6").unwrap();
    server.run("UPDATE s.a SET v = -2 WHERE id = 9");
    let saved = save_both(&repository, &server);
    assert_eq!((saved.outcome.problem_count, saved.rows_read("a")), (1, None));
    assert!(saved.outcome.problems[0].message.contains("did not tell all changes"), "{:?}", saved.outcome.problems);

    // or at the latest when everything is read to prove it.
    settle(&server);
    save(&repository, &server, Extent::Changes);
    hidden.run("UPDATE s.a SET v = -3 WHERE id = 12").unwrap();
    server.run("UPDATE s.a SET v = -4 WHERE id = 15");
    let saved = save(&repository, &server, Extent::Prove);
    assert_eq!(saved.outcome.problem_count, 1, "{:?}", saved.outcome.problems);
    assert_eq!(saved.contents, save(&repository, &server, Extent::Whole).contents);
}

fn tables_that_were_flushed_are_read_whole_and_the_summary_says_why(version: Version) {
    let server = filled(version);
    let fixture = Fixture::new();
    let repository = fixture.open();
    save(&repository, &server, Extent::Changes);
    settle(&server);
    server.run("FLUSH TABLES");
    server.run("UPDATE s.a SET v = 5 WHERE id = 6");
    let saved = save(&repository, &server, Extent::Changes);
    assert_eq!((saved.rows_read("a"), saved.rows_read("b")), (Some(1), None));
    let why = saved.outcome.databases[0].whole_because.as_deref();
    assert!(why.is_some_and(|why| why.contains("flushed tables")), "{why:?}");
}

fn a_table_that_changed_in_the_second_of_a_snapshot_is_not_read_again(version: Version) {
    let server = TestServer::of(version, LOGGED);
    server.script("CREATE DATABASE s; CREATE TABLE s.a (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; INSERT INTO s.a VALUES (1, 1), (2, 2), (3, 3)");
    // A log that begins in the second of a snapshot may be another one of the same name, and is not followed.
    settle(&server);
    let fixture = Fixture::new();
    let repository = fixture.open();
    save(&repository, &server, Extent::Changes);
    // Some of these have their last change in the second of a moment.
    for value in 0..8 {
        server.run(&format!("UPDATE s.a SET v = {value} WHERE id = 1"));
        save(&repository, &server, Extent::Changes);
        let idle = save(&repository, &server, Extent::Changes);
        let database = &idle.outcome.databases[0];
        assert_eq!((database.rows, database.unchanged_tables), (0, 1), "{database:?} {:?}", idle.outcome.problems);
    }
}

fn a_statement_that_is_logged_after_the_moment_hides_no_row(version: Version) {
    if version.is_mysql() {
        // It keeps such a table locked until the transaction ends.
        return;
    }
    let server = TestServer::of(version, &["--log-bin=binlog", "--server-id=7", "--binlog-format=MIXED"]);
    server.script(
        "CREATE DATABASE s; USE s; CREATE TABLE a (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; CREATE TABLE b (id INT PRIMARY KEY, v INT) ENGINE=MyISAM;
         INSERT INTO a SELECT seq, 0 FROM seq_1_to_100; INSERT INTO b SELECT seq, 0 FROM seq_1_to_100;",
    );
    settle(&server);
    let fixture = Fixture::new();
    let repository = fixture.open();
    save(&repository, &server, Extent::Changes);
    settle(&server);
    let (mut open, mut other) = (server.connect(), server.connect());
    for sql in ["BEGIN", "UPDATE s.a SET v = 1 WHERE id = 1", "UPDATE s.b SET v = 1 WHERE id = 1"] {
        open.run(sql).unwrap();
    }
    other.run("SET SESSION binlog_format = ROW").unwrap();
    other.run("UPDATE s.b SET v = 2 WHERE id = 2").unwrap();
    assert_eq!(save_both(&repository, &server).rows_read("b"), None);
    open.run("COMMIT").unwrap();
    save_both(&repository, &server);
}

fn the_log_of_a_replica_that_omits_what_it_receives_is_not_followed(version: Version) {
    if version.is_mysql() {
        return;
    }
    let server = filled(version);
    let fixture = Fixture::new();
    let repository = fixture.open();
    save(&repository, &server, Extent::Changes);
    server.run("SET GLOBAL gtid_slave_pos = '99-3-12'");
    server.run("UPDATE s.d SET t = 'local' WHERE id = 3");
    assert_eq!(save_both(&repository, &server).in_part, []);
}
