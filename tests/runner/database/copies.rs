//! Copies of schemas under other names: nothing in them works on what is in use.

use engine::load::{Accounts, Check, Events, Existing, LoadOptions, LoadOutcome, References, SchemaChoice, load};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::save::save;
use crate::support::Fixture;

/// Two schemas that are full of each other, and a third one.
const TANGLE: &str = "
    CREATE DATABASE house; CREATE DATABASE yard; CREATE DATABASE town;
    CREATE TABLE house.room (id INT PRIMARY KEY) ENGINE=InnoDB;
    CREATE TABLE town.street (id INT PRIMARY KEY) ENGINE=InnoDB;
    CREATE TABLE house.one (id INT) ENGINE=MyISAM; CREATE TABLE house.two (id INT) ENGINE=MyISAM; CREATE TABLE town.far (id INT) ENGINE=MyISAM;
    CREATE SEQUENCE house.numbers; CREATE SEQUENCE town.numbers;
    CREATE TABLE yard.tree (id INT PRIMARY KEY, room INT, street INT,
        CONSTRAINT tree_room FOREIGN KEY (room) REFERENCES house.room (id), CONSTRAINT tree_street FOREIGN KEY (street) REFERENCES town.street (id));
    CREATE TABLE yard.gate (id INT PRIMARY KEY DEFAULT NEXTVAL(house.numbers), other INT DEFAULT NEXTVAL(town.numbers));
    CREATE TABLE yard.both (id INT) ENGINE=MERGE UNION=(house.one, house.two) INSERT_METHOD=LAST;
    CREATE TABLE yard.away (id INT) ENGINE=MERGE UNION=(town.far) INSERT_METHOD=LAST;
    CREATE TABLE house.house (id INT PRIMARY KEY, yard INT);
    INSERT INTO house.room VALUES (1); INSERT INTO town.street VALUES (1); INSERT INTO yard.tree VALUES (1, 1, 1); INSERT INTO house.two VALUES (7);
    USE house;
    CREATE VIEW by_own_name AS SELECT house.id, house.yard FROM house;
    CREATE VIEW yard.outer_view AS SELECT * FROM house.by_own_name;
    CREATE VIEW around AS SELECT o.id FROM yard.outer_view o;
    CREATE DEFINER=nobody@nowhere VIEW unowned AS SELECT id FROM room;
    CREATE VIEW foreign_view AS SELECT id FROM town.street;
    CREATE TRIGGER house.head BEFORE INSERT ON house.room FOR EACH ROW SET NEW.id = NEW.id;
    CREATE PROCEDURE qualified() INSERT INTO yard.tree SELECT room.id, room.id, NULL FROM house.room, house.house WHERE house.id = room.id;
    CREATE PROCEDURE dynamic() EXECUTE IMMEDIATE 'DELETE FROM house.room';
    CREATE FUNCTION abroad() RETURNS INT READS SQL DATA RETURN (SELECT MAX(id) FROM town.street);
    CREATE EVENT cleaning ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM house.room WHERE id IN (SELECT room FROM yard.tree);
";

/// A schema that is named like a row of a trigger. All whose name ends in `_away` works on a schema that nobody saves.
const OLD: &str = "
    CREATE DATABASE old; CREATE DATABASE town; CREATE TABLE town.street (id INT); CREATE TABLE town.log (id INT);
    USE old;
    CREATE TABLE room (id INT PRIMARY KEY); CREATE TABLE log (id INT, was INT); INSERT INTO room VALUES (1);
    CREATE TRIGGER room_in AFTER INSERT ON room FOR EACH ROW INSERT INTO old.log VALUES (NEW.id, NULL);
    CREATE TRIGGER room_up AFTER UPDATE ON room FOR EACH ROW INSERT INTO old.log SELECT NEW.id, OLD.id FROM old.room WHERE room.id = NEW.id;
    CREATE TRIGGER room_away AFTER DELETE ON room FOR EACH ROW UPDATE log LEFT JOIN room ON IF(OLD.id, 1, 0), town.log t SET t.id = OLD.id;
    CREATE PROCEDURE clear() DELETE FROM old.room;
    CREATE PROCEDURE plain(n INT) BEGIN DECLARE id INT; SELECT r.id, 1.5, @@global.max_connections INTO id, @a, @b FROM room AS r JOIN log ON log.id = r.id LIMIT 1; END;
    CREATE PROCEDURE moved_away() ALTER TABLE room RENAME TO town.room;
    CREATE PROCEDURE shortly_away() ALTER TABLE room RENAME town.room;
    CREATE PROCEDURE renamed_away() RENAME TABLE room TO town.room;
    CREATE PROCEDURE joined_away() UPDATE room LEFT JOIN log ON IF(room.id, 1, 0), town.street SET room.id = 1;
    CREATE PROCEDURE hinted_away() DELETE a FROM room USE INDEX FOR ORDER BY (PRIMARY), town.street AS a;
    CREATE PROCEDURE dropped_away() DROP VIEW IF EXISTS a, town.b;
    CREATE PROCEDURE granted_away() GRANT SELECT ON town.* TO clerk@localhost;
    CREATE PROCEDURE shown_away() SHOW TABLES FROM town;
    CREATE PROCEDURE called_away() CALL town.p;
    CREATE PROCEDURE emptied_away() TRUNCATE town.street;
    CREATE PROCEDURE analyzed_away() ANALYZE TABLE room, town.street;
    CREATE PROCEDURE like_away() CREATE TABLE x LIKE town.street;
    CREATE EVENT event_away ON SCHEDULE EVERY 1 DAY DISABLE DO ALTER TABLE room RENAME TO town.room;
";

struct Saved {
    _fixture: Fixture,
    repository: Repository,
    snapshot: Snapshot,
}

fn tangle() -> (TestServer, Saved) {
    let server = TestServer::start(&[]);
    server.script(TANGLE);
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["house", "yard", "town"]);
    (server, Saved { _fixture: fixture, repository, snapshot })
}

fn choices(names: &[(&str, &str)]) -> LoadOptions {
    let choice = |(from, to): &(&str, &str)| SchemaChoice { from: (*from).to_owned(), to: (*to).to_owned() };
    let schemas = names.iter().map(choice).collect();
    LoadOptions { schemas, events: Events::AsSaved, check: Check::Digests, ..LoadOptions::default() }
}

fn restore(server: &TestServer, saved: &Saved, options: &LoadOptions) -> LoadOutcome {
    load(&saved.repository, &saved.snapshot, &server.address(), options, &NullMonitor).unwrap()
}

fn named(outcome: &LoadOutcome) -> Vec<String> {
    outcome.problems.iter().map(|p| String::from_utf8_lossy(&p.path.0).into_owned()).collect()
}

/// All definitions of a schema as one text.
fn definitions(server: &TestServer, schema: &str) -> String {
    server.fingerprint(schema).into_values().collect::<Vec<_>>().join("\n")
}

#[test]
fn schemas_that_are_copied_together_stay_together() {
    let (server, saved) = tangle();
    let outcome = restore(&server, &saved, &choices(&[("house", "house2"), ("yard", "yard2")]));
    let expected = ["yard2.away", "yard2.gate", "yard2.tree", "house2.abroad", "house2.foreign_view"];
    let (mut left_out, mut expected) = (named(&outcome), expected.map(str::to_owned).to_vec());
    left_out.sort();
    expected.sort();
    assert_eq!(left_out, expected, "{:?}", outcome.problems);
    for schema in ["house2", "yard2"] {
        let all = definitions(&server, schema).replace("'DELETE FROM house.room'", "");
        for live in ["`house`.`", "`yard`.", "`town`.", " house.room", " yard.tree"] {
            assert!(
                !all.contains(live) || live == "`house`.`" && !all.contains("FROM `house`.`"),
                "{schema} has {live}: {all}"
            );
        }
    }
    let sequence =
        "SELECT COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA='yard2' AND TABLE_NAME='gate'";
    let defaults = server.rows(&format!("{sequence} ORDER BY ORDINAL_POSITION"));
    assert_eq!(defaults, [[Some("nextval(`house2`.`numbers`)".to_owned())], [Some("NULL".to_owned())]]);
    server.script("INSERT INTO yard2.both VALUES (8); INSERT INTO house2.room VALUES (2); CALL house2.qualified()");
    assert_eq!(server.value("SELECT COUNT(*) FROM house.two").as_deref(), Some("1"), "what is live is as it was");
    assert_eq!(server.value("SELECT COUNT(*) FROM house2.two").as_deref(), Some("2"));
    server.script("DELETE FROM yard.tree; DELETE FROM house.room; DELETE FROM town.street");
    assert_eq!(server.value("SELECT COUNT(*) FROM yard2.tree").as_deref(), Some("1"), "and the copy does not follow");
}

#[test]
fn one_copy_alone_has_nothing_of_the_others_unless_it_is_kept() {
    let (server, saved) = tangle();
    let outcome = restore(&server, &saved, &choices(&[("yard", "yard2")]));
    let names = named(&outcome);
    for name in ["yard2.tree", "yard2.gate", "yard2.both", "yard2.away", "yard2.outer_view"] {
        assert!(names.iter().any(|named| named == name), "{name} of {names:?}");
    }
    let foreign = "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA =";
    assert_eq!(server.value(&format!("{foreign} 'yard2'")).as_deref(), Some("0"));
    let keeping = LoadOptions { references: References::Keep, ..choices(&[("yard", "yard3")]) };
    assert_eq!(named(&restore(&server, &saved, &keeping)), [""; 0]);
    assert_eq!(server.value(&format!("{foreign} 'yard3'")).as_deref(), Some("2"));
}

#[test]
fn schemas_that_change_their_names_with_each_other_are_not_mixed_up() {
    let (_, saved) = tangle();
    let other = TestServer::start(&[]);
    let outcome = restore(&other, &saved, &choices(&[("house", "yard"), ("yard", "house"), ("town", "town")]));
    assert_eq!(named(&outcome), [""; 0], "{:?}", outcome.problems);
    let parents = other.rows(
        "SELECT UNIQUE_CONSTRAINT_SCHEMA FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'house' ORDER BY 1",
    );
    assert_eq!(parents, [[Some("town".to_owned())], [Some("yard".to_owned())]]);
    other.script("SELECT * FROM yard.around; SELECT * FROM house.outer_view");
}

#[test]
fn schemas_that_are_replaced_together_lead_to_each_other() {
    let (server, saved) = tangle();
    let all = [("house", "house"), ("yard", "yard"), ("town", "town")];
    let before: Vec<String> = all.iter().map(|(name, _)| definitions(&server, name)).collect();
    let outcome = restore(&server, &saved, &LoadOptions { existing: Existing::Swap, ..choices(&all) });
    assert_eq!(outcome.former.len(), 3);
    let after: Vec<String> = all.iter().map(|(name, _)| definitions(&server, name)).collect();
    assert_eq!(before, after);
    for former in &outcome.former {
        let leads = format!(
            "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = '{}' \
             AND UNIQUE_CONSTRAINT_SCHEMA NOT LIKE '%before%'",
            former.to
        );
        assert_eq!(server.value(&leads).as_deref(), Some("0"), "{}", former.to);
    }
    let kept = &outcome.former.iter().find(|former| former.from == "house").unwrap().to;
    assert!(definitions(&server, kept).contains(&format!("TRIGGER `{kept}`.head")), "its head follows it");
}

#[test]
fn accounts_of_a_copy_have_rights_on_the_copy_alone() {
    let (server, _) = tangle();
    server.script("CREATE USER clerk@localhost; GRANT SELECT ON house.* TO clerk@localhost; GRANT INSERT ON town.* TO clerk@localhost; GRANT UPDATE ON house.room TO clerk@localhost");
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["house", "yard", "town"]);
    let saved = Saved { _fixture: fixture, repository, snapshot };
    let other = TestServer::start(&[]);
    let options = LoadOptions { accounts: Accounts::Make, ..choices(&[("house", "house2"), ("yard", "yard2")]) };
    let outcome = restore(&other, &saved, &options);
    let grants: Vec<String> =
        other.rows("SHOW GRANTS FOR clerk@localhost").into_iter().filter_map(|mut row| row.remove(0)).collect();
    assert_eq!(
        grants[1..],
        ["GRANT SELECT ON `house2`.* TO `clerk`@`localhost`", "GRANT UPDATE ON `house2`.`room` TO `clerk`@`localhost`"]
    );
    let said: Vec<_> = outcome.problems.iter().filter(|problem| problem.path.0.starts_with(b"accounts.")).collect();
    assert!(said.len() == 1 && said[0].message.contains("`town`"), "{said:?}");
}

#[test]
fn a_copy_works_on_no_other_schema_whatever_the_statement() {
    for version in Version::asked() {
        let server = TestServer::of(version, &[]);
        server.script(with_delimiters(OLD));
        let fixture = Fixture::new();
        let repository = fixture.open();
        let snapshot = save(&fixture, &repository, &server, &["old"]);
        let saved = Saved { _fixture: fixture, repository, snapshot };
        let mut left_out = named(&restore(&server, &saved, &choices(&[("old", "copy")])));
        left_out.sort();
        let mut expected: Vec<String> = OLD
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.ends_with("_away") && *word != "_away")
            .map(|word| format!("copy.{word}"))
            .collect();
        expected.sort();
        assert_eq!(left_out, expected, "{version:?}");
        server.script("INSERT INTO copy.room VALUES (2); UPDATE copy.room SET id = 3 WHERE id = 2; CALL copy.plain(1); CALL copy.clear()");
        let count = |table: &str| server.value(&format!("SELECT COUNT(*) FROM {table}"));
        assert_eq!(count("copy.log").as_deref(), Some("2"), "{version:?}");
        assert_eq!(count("copy.room").as_deref(), Some("0"), "{version:?}");
        assert_eq!(count("old.log").as_deref(), Some("0"), "{version:?}: what is live is as it was");
        assert_eq!(count("old.room").as_deref(), Some("1"), "{version:?}");
    }
}

/// A script of statements, one a line or several. Statements of routines hold semicolons.
fn with_delimiters(script: &str) -> String {
    let lines = script.lines().map(|line| match line.trim_end().strip_suffix("END;") {
        Some(body) => format!("DELIMITER //\n{body}END//\nDELIMITER ;\n"),
        None => format!("{line}\n"),
    });
    lines.collect()
}

on_each_server!(names_of_schemas_that_are_copied_together_follow);

/// Statements that name the other schema, each in a routine of its own.
const NAMING: [&str; 16] = [
    "SELECT COUNT(*) FROM yard . tree AS t WHERE t.id = yard.`next`(1)",
    "SELECT 1 FROM `yard`/* here */./* and here */`tree` JOIN room ON room.id = yard.tree.id",
    "UPDATE room, yard.tree SET room.id = 1, yard.tree.id = 2 WHERE `yard`.`tree`.`id` = 0",
    "INSERT IGNORE INTO yard.tree (id) SELECT room.id FROM room ON DUPLICATE KEY UPDATE id = tree.id + 1",
    "REPLACE INTO yard.tree SET id = 3",
    "DELETE yard.tree FROM yard.tree JOIN house.room ON room.id = tree.id",
    "DELETE FROM yard.tree USING yard.tree JOIN room WHERE room.id = tree.id",
    "CALL yard.grow()",
    "BEGIN DECLARE c CURSOR FOR SELECT id FROM yard.tree; OPEN c; CLOSE c; END",
    "BEGIN DECLARE yard INT; SELECT yard.`next`(yard) INTO yard; END",
    "IF EXISTS (SELECT 1 FROM yard.tree) THEN DO yard.`next`(1); ELSE /*!50003 CALL yard.grow() */; END IF",
    "CREATE TEMPORARY TABLE seen SELECT yard.tree.* FROM yard.tree",
    "TRUNCATE TABLE yard.tree",
    "DESCRIBE yard.tree",
    "EXPLAIN yard.tree",
    "DESC yard.tree",
];

fn names_of_schemas_that_are_copied_together_follow(version: Version) {
    let server = TestServer::of(version, &["--log-bin-trust-function-creators=1"]);
    let mut script = "CREATE DATABASE house; CREATE DATABASE yard;
        CREATE TABLE house.room (id INT PRIMARY KEY); CREATE TABLE yard.tree (id INT PRIMARY KEY);
        CREATE FUNCTION yard.`next`(n INT) RETURNS INT DETERMINISTIC RETURN n + 1;
        CREATE PROCEDURE yard.grow() INSERT INTO yard.tree VALUES (77);
        CREATE VIEW house.sight AS SELECT yard.`next`(tree.id) AS n FROM yard.tree;
        USE house;
DELIMITER //
        CREATE TRIGGER house.planted AFTER INSERT ON house.room FOR EACH ROW INSERT INTO yard.tree VALUES (NEW.id) //
        CREATE EVENT house.weekly ON SCHEDULE EVERY 1 WEEK DISABLE DO DELETE FROM yard.tree //"
        .to_owned();
    for (at, statement) in NAMING.iter().enumerate() {
        script.push_str(&format!("CREATE PROCEDURE p{at}() {statement} //\n"));
    }
    server.script(script);
    let fixture = Fixture::new();
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &["house", "yard"]);
    let options = choices(&[("house", "casa"), ("yard", "corte")]);
    let outcome = load(&repository, &snapshot, &server.address(), &options, &NullMonitor).unwrap();
    assert_eq!(named(&outcome), [""; 0], "{:?}", outcome.problems);
    server.script("DROP DATABASE house; DROP DATABASE yard");
    let routines = "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'casa'
        AND (ROUTINE_DEFINITION LIKE '%yard.%' OR ROUTINE_DEFINITION LIKE '%`yard`.%' OR ROUTINE_DEFINITION LIKE '%house.%')";
    assert_eq!(server.value(routines).as_deref(), Some("0"));
    for at in 0..NAMING.len() {
        server.script(format!("CALL casa.p{at}()"));
    }
    server.script("TRUNCATE TABLE corte.tree; INSERT INTO casa.room VALUES (5)");
    assert_eq!(server.value("SELECT n FROM casa.sight").as_deref(), Some("6"));
}
