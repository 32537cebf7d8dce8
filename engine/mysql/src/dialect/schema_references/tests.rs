use proptest::prelude::*;

use super::*;

/// Schemas that are certain, and those that may be, with a question mark.
fn found(sql: &str) -> Vec<String> {
    let found = references(sql.as_bytes(), Quoting::default()).unwrap();
    let shown = |r: Reference| if r.is_certain { r.schema } else { format!("{}?", r.schema) };
    found.into_iter().map(shown).collect()
}

#[test]
fn tables_and_routines_have_schemas() {
    for sql in [
        "SELECT 1 FROM od . t",
        "SELECT 1 FROM `od`.`t` `x`",
        "SELECT a FROM (x JOIN (y CROSS JOIN od.t))",
        "SELECT a FROM x, od.t WHERE x.a = t.a",
        "SELECT a FROM x LEFT JOIN y ON x.a = y.b, od.t",
        "SELECT od.f(1)",
        "SELECT `od`.`t`.`a`",
        "SELECT od.t.* FROM x",
        "INSERT IGNORE INTO od.t (a) VALUES (1)",
        "REPLACE od.t VALUES (1)",
        "UPDATE x, od.t SET x.a = 1",
        "DELETE x FROM x JOIN od.t",
        "DELETE od.t FROM x",
        "DELETE FROM a USING od.t JOIN b",
        "CALL od.p",
        "SELECT NEXT VALUE FOR od.s",
        "CREATE TABLE `t` (`a` int DEFAULT nextval(`od`.`s`), KEY `od` (`od`))",
        "CREATE TABLE `t` (`a` int, CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `od`.`p` (`a`))",
        "CREATE TABLE `t` (`a` int) ENGINE=MRG_MyISAM UNION=(`b`,`od`.`c`)",
        "CREATE TEMPORARY TABLE x LIKE od.t",
        "CREATE TRIGGER tr AFTER UPDATE ON od.t FOR EACH ROW SET NEW.a = OLD.a",
        "CREATE TRIGGER od.tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "DROP DATABASE IF EXISTS od",
        "DECLARE r ROW TYPE OF od.t",
        "SELECT 1 FROM od/* . */.t",
        "IF EXISTS (SELECT 1 FROM od.t) THEN SET @a.b = 1; END IF",
    ] {
        assert_eq!(found(sql), ["od"], "{sql}");
    }
}

#[test]
fn columns_have_tables() {
    for sql in [
        "SELECT `staff`.`id`, staff.* FROM `staff` JOIN `room` ON `room`.`staff` = `staff`.`id`",
        "SELECT od.a FROM t AS od WHERE od.b IN (SELECT od.c)",
        "SELECT od.a FROM (SELECT 1 AS a) od",
        "WITH od AS (SELECT 1) SELECT od.a FROM od",
        "SELECT extract(year from od.a), 1.5, 2e5.1 FROM t od",
        "CREATE DEFINER=`od`@`a.b` TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = @@session.sql_mode",
        "BEGIN DECLARE od ROW TYPE OF t; SET od.a = replace(od.a, 'x.y', 1); END",
        "BEGIN FOR od IN (SELECT 1) DO SET x = od.a; END FOR; END",
        "INSERT INTO od (a) VALUES (1) ON DUPLICATE KEY UPDATE od.a = 1",
    ] {
        assert!(found(sql).is_empty(), "{sql}: {:?}", found(sql));
    }
    assert_eq!(found("SET x = od.a"), ["od?"]);
    assert_eq!(references(b"'od", Quoting::default()), None);
}

#[test]
fn statements_that_define_and_administer_have_schemas() {
    for sql in [
        "ALTER TABLE t RENAME TO od.u",
        "ALTER TABLE t RENAME od.u",
        "ALTER TABLE t RENAME = od.u",
        "ALTER TABLE t ADD a INT, RENAME AS od.u",
        "ALTER TABLE t RENAME COLUMN a TO b, RENAME INDEX c TO d, RENAME TO od.u",
        "ALTER EVENT e RENAME TO od.e",
        "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE od.u",
        "ALTER DATABASE od CHARACTER SET latin1",
        "RENAME TABLE a TO b, c TO od.d",
        "DROP VIEW IF EXISTS a, od.b",
        "DROP TABLES a, od.b",
        "DROP TEMPORARY TABLE a, od.b",
        "DROP SEQUENCE a, od.b",
        "DROP TRIGGER IF EXISTS od.tr",
        "DROP INDEX i ON od.t",
        "GRANT SELECT (a), UPDATE ON od.* TO `x`@y.z WITH GRANT OPTION",
        "GRANT ALL ON TABLE od.t TO x",
        "REVOKE EXECUTE ON FUNCTION od.f FROM x",
        "SHOW FULL TABLES FROM od LIKE 'a'",
        "SHOW TRIGGERS IN od",
        "SHOW COLUMNS FROM t FROM od",
        "SHOW INDEX FROM od.t",
        "SHOW CREATE TRIGGER od.tr",
        "SHOW CREATE DATABASE od",
        "USE od",
        "CALL od.p",
        "LOCK TABLES a READ, od.b WRITE",
        "ANALYZE TABLE a, od.b",
        "OPTIMIZE LOCAL TABLES a, od.b",
        "TRUNCATE od.t",
        "TRUNCATE TABLE od.t",
        "CREATE TABLE x LIKE od.t",
        "CREATE TABLE x (LIKE od.t)",
        "HANDLER od.t OPEN",
        "LOAD DATA INFILE 'f' IGNORE INTO TABLE od.t FIELDS TERMINATED BY ','",
        "r od.t%ROWTYPE;",
    ] {
        assert_eq!(found(sql), ["od"], "{sql}");
    }
}

#[test]
fn tables_follow_whatever_stands_between_them() {
    for sql in [
        "SELECT 1 FROM t LEFT JOIN u ON IF(t.a, 1, 0), od.v x",
        "UPDATE t LEFT JOIN u ON IF(t.a, 1, 0), od.v y SET y.a = 1",
        "DELETE a FROM t USE INDEX FOR ORDER BY (PRIMARY), od.v AS a",
        "SELECT 1 FROM t IGNORE KEY FOR GROUP BY (i) FORCE INDEX FOR JOIN (j), od.v",
        "SELECT x.a FROM t FOR SYSTEM_TIME AS OF NOW() x, od.v",
        "SELECT 1 FROM t FOR SYSTEM_TIME FROM '2020-01-01' TO '2021-01-01', od.v",
        "INSERT INTO t SELECT 1 FROM t JOIN u ON VALUES(a) = u.a, od.v ON DUPLICATE KEY UPDATE a = 1",
        "SELECT 1 FROM t JOIN u ON u.value = VALUE(t.a), od.v",
        "SELECT 1 FROM t JOIN u ON CASE WHEN t.a THEN 1 ELSE 2 END, od.v",
        "SELECT 1 FROM t JOIN u ON INSERT(t.a, 1, 1, 'x') = REPLACE(u.a, 'y', ''), od.v",
        "SELECT 1 FROM t JOIN u USING (a, b), od.v",
        "SELECT 1 FROM t FOR UPDATE OF t, od.v",
    ] {
        assert_eq!(found(sql), ["od"], "{sql}");
    }
}

#[test]
fn old_and_new_are_rows_only_of_a_trigger_and_only_where_a_column_stands() {
    let head = "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW";
    for body in [
        "SET NEW.a = OLD.a + 1",
        "IF new.a <> old.a THEN INSERT INTO log (event, body) VALUES (NEW.a, old.b); END IF",
        "UPDATE u JOIN v ON IF(NEW.a, 1, 0) SET u.a = OLD.a WHERE u.b IN (NEW.b, `OLD`.b)",
        "BEGIN SELECT MAX(u.a) INTO NEW.a FROM u WHERE u.b = OLD.b; END",
        "INSERT INTO u SET u.a = CASE WHEN NEW.a THEN OLD.a END ON DUPLICATE KEY UPDATE u.a = NEW.a",
    ] {
        assert!(found(&format!("{head} {body}")).is_empty(), "{body}: {:?}", found(&format!("{head} {body}")));
    }
    for body in [
        "INSERT INTO OLD.u VALUES (NEW.a)",
        "DELETE FROM OLD.u WHERE u.a = OLD.a",
        "DELETE OLD.u FROM OLD.u",
        "UPDATE v, OLD.u SET v.a = NEW.a",
        "UPDATE v LEFT JOIN w ON IF(NEW.a, 1, 0), OLD.u SET v.a = 1",
        "SET NEW.a = (SELECT OLD.u.a FROM OLD.u)",
        "CALL OLD.u",
        "TRUNCATE TABLE OLD.u",
        "SET NEW.a = OLD.u(1)",
    ] {
        let found = found(&format!("{head} {body}"));
        assert!(!found.is_empty() && found.iter().all(|name| name == "OLD"), "{body}: {found:?}");
    }
    assert_eq!(found("CREATE TRIGGER old.tr AFTER DELETE ON new.t FOR EACH ROW SET @a = OLD.a"), ["old", "new"]);
    assert_eq!(found("CREATE PROCEDURE p() SET @a = old.a"), ["old?"]);
    assert!(found("INSERT INTO t VALUES (1) AS new (a) ON DUPLICATE KEY UPDATE b = new.a").is_empty());
}

#[test]
fn whatever_a_definition_names_itself_is_no_schema() {
    for sql in [
        "CREATE PROCEDURE p(INOUT r ROW(a INT, b INT), n INT) BEGIN SET r.a = n; END",
        "CREATE FUNCTION IF NOT EXISTS f(r t%ROWTYPE) RETURN INT AS s t%ROWTYPE; CURSOR c IS SELECT 1; BEGIN s.a := r.a; RETURN c.a; END",
        "BEGIN DECLARE a TYPE OF t.a; DECLARE b TYPE OF t.b; END",
        "AS a t.a%TYPE; BEGIN NULL; END",
        "outer_block: BEGIN SET outer_block.a = 1; END",
        "<<outer_block>> DECLARE a INT; BEGIN outer_block.a := 1; END",
        "BEGIN DECLARE c CURSOR FOR SELECT 1; DECLARE r ROW TYPE OF c; FETCH c INTO r; SELECT 1, 2 INTO r.a, r.b; END",
        "BEGIN FOR r IN c DO SET @x = r.a; END FOR; FOR i IN 1..10 DO SET @x = 1.5; END FOR; END",
        "SELECT J.a FROM JSON_TABLE('[]', '$[*]' COLUMNS (n FOR ORDINALITY, a INT PATH '$.a')) AS j",
        "SELECT x.a FROM t PARTITION (p0, p1) x JOIN (SELECT 1 AS a) y ON x.a = y.a",
        "SELECT x.a FROM t FOR SYSTEM_TIME ALL x",
        "WITH RECURSIVE w (a) AS (SELECT 1 UNION SELECT w.a + 1 FROM w) SELECT w.a FROM w",
        "UPDATE t FOR PORTION OF p FROM '2020-01-01' TO '2021-01-01' SET t.a = 1",
        "SET GLOBAL plugin.limit = 1, SESSION plugin.limit = 2, @@global.x = 1, @@session.y = 2",
        "SELECT s.nextval, s.currval",
        "CREATE TABLE t (a INT, CHECK (t.a > 0.5), FOREIGN KEY (a) REFERENCES u (a) ON DELETE CASCADE ON UPDATE SET NULL)",
        "ALTER DATABASE CHARACTER SET utf8mb4",
        "SHOW COLUMNS FROM t WHERE field = 'a'",
        "SHOW BINLOG EVENTS IN 'log' FROM 4",
        "GRANT SELECT ON t TO x@localhost",
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM x@localhost",
        "SELECT 1 FROM t USE INDEX (i) WHERE t.a = 1",
        "INSERT INTO t (a) SELECT x.a FROM (VALUES (1), (2)) AS x (a)",
    ] {
        assert!(found(sql).is_empty(), "{sql}: {:?}", found(sql));
    }
}

#[test]
fn a_table_named_as_its_schema_is_told_from_it() {
    assert_eq!(found("SELECT staff.id, staff.staff.name FROM staff.staff"), ["staff", "staff"]);
}

#[test]
fn quotes_are_read_as_the_mode_says() {
    let of = |modes: &str| references(b"SELECT 1 FROM \"od\".\"t\"", Quoting::of(modes)).unwrap().len();
    assert_eq!((of("ANSI_QUOTES"), of("ORACLE"), of("")), (1, 1, 0));
}

#[test]
fn every_place_of_a_table_or_routine_is_certain() {
    for sql in [
        "SELECT 1 FROM /*!50000 od.t */ x",
        "/*!50003 CALL od.p */",
        "SELECT 1 FROM `od` -- why\n . # here\n `t`",
        "INSERT LOW_PRIORITY INTO od.t SET a = 1",
        "INSERT INTO od.t (t.a) SELECT x.a FROM x",
        "REPLACE DELAYED INTO od.t VALUES (1)",
        "UPDATE LOW_PRIORITY IGNORE od.t SET a = 1",
        "DELETE LOW_PRIORITY QUICK IGNORE FROM od.t",
        "DELETE od.t.* FROM t",
        "SELECT 1 FROM ((od.t))",
        "SELECT 1 FROM x NATURAL LEFT JOIN od.t",
        "SELECT 1 FROM {OJ od.t LEFT OUTER JOIN x ON 1}",
        "IF (SELECT COUNT(*) FROM od.t) > 0 THEN SET a = 1; END IF",
        "RETURN (SELECT MAX(a) FROM od.t)",
        "DECLARE c CURSOR FOR SELECT a FROM od.t",
        "FOR r IN (SELECT a FROM od.t) DO SET x = r.a; END FOR",
        "WITH w AS (SELECT a FROM od.t) SELECT w.a FROM w",
        "INSERT INTO x TABLE od.t",
        "SELECT a INTO x FROM od.t",
        "(SELECT 1) UNION ALL (SELECT 1 FROM od.t)",
        "SELECT 1 FROM x, LATERAL (SELECT y.a FROM od.t y) z",
        "SELECT z.a FROM x, JSON_TABLE((SELECT j FROM od.t), '$[*]' COLUMNS (a INT PATH '$')) z",
        "DO od.f()",
        "SET x = od . f (1)",
        "CREATE INDEX i USING BTREE ON od.t (a)",
        "CREATE TABLE IF NOT EXISTS od.t (a INT)",
        "CREATE DEFINER=`a`@`b.c` PROCEDURE od.p(a INT) SET a = 1",
        "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW od.v AS SELECT 1",
        "ALTER TABLE m UNION (od.a, b)",
        "ALTER TABLE m UNION = (a, `od`.`b`)",
        "DESC od.t",
        "EXPLAIN od.t a",
        "EXPLAIN EXTENDED SELECT x.a FROM od.t x",
        "CACHE INDEX a, od.t IN hot",
        "LOAD INDEX INTO CACHE a, od.t IGNORE LEAVES",
        "BEGIN od.p; END",
        "BEGIN IF a THEN od.p; END IF; END",
        "SELECT x.a FROM x ORDER BY x.a DESC, (SELECT 1 FROM od.t)",
        "SELECT PREVIOUS VALUE FOR od.s",
        "SELECT od.s.nextval",
    ] {
        assert_eq!(found(sql), ["od"], "{sql}");
    }
    assert_eq!(found("BEGIN x.a := 1; SET y.b = 2; END"), ["x?", "y?"], "these may be records");
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(sql in "([a-z.`(),;@*'=]|FROM |JOIN |SELECT |ON |DECLARE |FOR |TO ){0,40}") {
        let _ = references(sql.as_bytes(), Quoting::default());
    }
}
