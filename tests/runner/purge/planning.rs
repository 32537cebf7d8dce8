//! Plans: what is refused, and why; what is warned of.

use engine::ErrorKind;
use engine::purge::{Category, Child, Cutoff, PlanOptions, Rule, Unset};

use super::practice::{OLD_ROWS, Practice, category, except, log_options, rule};

fn of_table(table: &str, date: &str) -> Category {
    Category {
        name: table.to_owned(),
        table: table.to_owned(),
        date: date.to_owned(),
        children: Vec::new(),
        attachments: None,
        condition: None,
        keep_years: None,
        note: None,
    }
}

fn with(categories: Vec<Category>) -> PlanOptions {
    PlanOptions { categories, ..log_options() }
}

#[test]
fn what_cannot_be_done_safely_is_refused_with_its_reason() {
    let practice = Practice::with("InnoDB", |server| {
        server.script(
            "USE practice;\n\
             CREATE TABLE nokey (a INT, at DATETIME); CREATE TABLE two (a INT, b INT, at DATE, PRIMARY KEY (a, b));\n\
             CREATE TABLE textkey (a VARCHAR(9) PRIMARY KEY, at DATE);\n\
             CREATE TABLE parent (a INT PRIMARY KEY, at DATE) ENGINE=InnoDB;\n\
             CREATE TABLE stranger (a INT PRIMARY KEY, p INT REFERENCES parent (a) ON DELETE CASCADE) ENGINE=InnoDB;\n\
             CREATE TABLE visit (a INT PRIMARY KEY, at DATE) ENGINE=InnoDB;\n\
             CREATE TABLE visitnote (a INT PRIMARY KEY, v INT REFERENCES visit (a) ON DELETE CASCADE) ENGINE=InnoDB;\n\
             CREATE TABLE triggered (a INT PRIMARY KEY, at DATE);\n\
             CREATE TRIGGER t AFTER DELETE ON triggered FOR EACH ROW INSERT INTO two VALUES (old.a, 1, old.at);\n\
             CREATE TABLE history (a INT PRIMARY KEY, at DATE) WITH SYSTEM VERSIONING;\n\
             CREATE TABLE altered (a INT PRIMARY KEY, at DATE);\n\
             CREATE TABLE counting (a INT PRIMARY KEY, n INT AUTO_INCREMENT UNIQUE, at DATE);\n\
             CREATE TABLE noindex (a INT PRIMARY KEY, log BIGINT, t TEXT, FULLTEXT (t), KEY (t(3)));",
        );
    });
    practice
        .server
        .script("USE practice; ALTER TABLE altered ADD b INT; CREATE TABLE fresh (a INT PRIMARY KEY, at DATE);");
    let unindexed = Category {
        children: vec![Child { table: "noindex".to_owned(), column: "log".to_owned() }],
        ..of_table("patient", "Birthdate")
    };
    let cascading = Category {
        children: vec![Child { table: "visitnote".to_owned(), column: "v".to_owned() }],
        ..of_table("visit", "at")
    };
    let wrong =
        |condition: &str| Category { condition: Some(condition.to_owned()), ..of_table("appointment", "AptDateTime") };
    for (category, why) in [
        (of_table("nowhere", "at"), "is not in this schema"),
        (of_table("nokey", "at"), "has no primary key"),
        (of_table("two", "at"), "has no primary key"),
        (of_table("textkey", "at"), "has no primary key"),
        (of_table("parent", "at"), "foreign key of `practice`.`stranger`, ON DELETE CASCADE"),
        (of_table("triggered", "at"), "trigger `t`"),
        (of_table("history", "at"), "keeps history"),
        (of_table("altered", "at"), "other columns than in the snapshot"),
        (of_table("fresh", "at"), "not in the snapshot"),
        (of_table("patient", "LName"), "is not a date"),
        (of_table("patient", "Nothing"), "no column `Nothing`"),
        (of_table("counting", "at"), "counts up in a column that is not its primary key"),
        (unindexed, "no index on `log`"),
        (cascading, "foreign key of `practice`.`visitnote`, ON DELETE CASCADE"),
        (wrong("Nothing = 1"), "no column `Nothing`"),
        (wrong("AptNum = 1); DELETE FROM patient; SELECT (1"), "has a `;`"),
        (wrong("AptNum IN (SELECT a FROM two)"), "has `SELECT`"),
        (wrong("AptNum = erase_all(1)"), "calls `erase_all`"),
        (wrong("AptNum = 'one'"), "holds numbers"),
    ] {
        let planned = practice.plan(&with(vec![category.clone()])).unwrap();
        let [(name, found)] = &planned.refused[..] else { panic!("{category:?} was not refused") };
        assert!(*name == category.name && found.contains(why), "{category:?}: {found}");
        assert!(planned.plan.categories.is_empty());
    }
    let both = vec![category("taskhist"), category("securitylog")];
    let planned = practice.plan(&with(both)).unwrap();
    assert_eq!((planned.refused.len(), planned.plan.categories.len()), (1, 1));
}

#[test]
fn another_expression_of_a_generated_column_is_refused_and_another_next_number_is_not() {
    let practice = Practice::with("InnoDB", |server| {
        server.script(
            "USE practice; CREATE TABLE visit (a INT AUTO_INCREMENT PRIMARY KEY, at DATE, b DATE AS (at + INTERVAL 1 DAY) STORED);\n\
             INSERT INTO visit (at) VALUES ('2022-01-01'), ('2022-01-02'), ('2024-01-01');",
        );
    });
    let options = with(vec![of_table("visit", "at")]);
    practice.server.run("INSERT INTO practice.visit (at) VALUES ('2024-01-02')");
    assert_eq!(practice.plan(&options).unwrap().forecasts[0].rows(), 2);
    // The other columns are the same, so nothing else would tell.
    practice.server.run("ALTER TABLE practice.visit MODIFY b DATE AS (at + INTERVAL 2 DAY) STORED");
    let refused = practice.plan(&options).unwrap().refused;
    assert!(refused[0].1.contains("other columns than in the snapshot"), "{refused:?}");
}

#[test]
fn a_foreign_key_that_the_account_has_no_right_to_see_is_found() {
    let practice = Practice::with("InnoDB", |server| {
        server.script(
            "CREATE DATABASE `other-one`; CREATE TABLE `other-one`.`a note` (a INT PRIMARY KEY, log BIGINT, \
             FOREIGN KEY (log) REFERENCES practice.securitylog (SecurityLogNum) ON DELETE CASCADE) ENGINE=InnoDB;\n\
             CREATE USER purger; GRANT SELECT, DELETE, LOCK TABLES, TRIGGER ON practice.* TO purger;",
        );
    });
    let error = practice.plan_as("purger", &log_options()).unwrap_err();
    assert!(error.kind() == ErrorKind::PermissionDenied && error.to_string().contains("PROCESS"), "{error}");
    practice.server.run("GRANT PROCESS ON *.* TO purger");
    let planned = practice.plan_as("purger", &log_options()).unwrap();
    let [(_, why)] = &planned.refused[..] else { panic!("{planned:?}") };
    assert!(why.contains("foreign key of `other-one`.`a note`"), "{why}");
}

#[test]
fn a_server_that_cuts_results_short_for_everybody_does_not_for_a_purge() {
    let practice = Practice::with("InnoDB", |server| server.run("SET GLOBAL sql_select_limit = 100"));
    let planned = practice.plan(&log_options()).unwrap();
    assert_eq!(planned.forecasts[0].tables, ["securitylog", "securityloghash"].map(|name| (name.to_owned(), OLD_ROWS)));
}

#[test]
fn requests_that_make_no_sense_are_told() {
    let practice = Practice::new("InnoDB");
    let future = Rule { cutoff: Cutoff::before("9000-01-01".parse().unwrap()), ..rule() };
    let error = practice.plan(&PlanOptions { rule: future, ..log_options() }).unwrap_err();
    assert!(error.kind() == ErrorKind::Usage && error.to_string().contains("in the future"), "{error}");
    for (column, value) in [("Nothing", "1"), ("PatNum", "me")] {
        let error = practice.plan(&except(column, value)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
    let twice = with(vec![category("securitylog"), of_table("securityloghash", "at")]);
    assert_eq!(practice.plan(&twice).unwrap_err().kind(), ErrorKind::Usage);
    let error = practice.plan(&PlanOptions { schema: "other".to_owned(), ..log_options() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[test]
fn one_rule_cuts_all_kinds_of_dates() {
    let practice = Practice::with("InnoDB", |server| {
        server.run("SET GLOBAL time_zone = '+05:00'");
        let mut script = "USE practice; SET time_zone = '+05:00'; SET sql_mode = '';\n".to_owned();
        for kind in ["date", "datetime", "timestamp"] {
            let unset = if kind == "timestamp" { "0000-00-00" } else { "0001-01-01" };
            script += &format!(
                "CREATE TABLE of_{kind} (a INT PRIMARY KEY, at {kind} NULL) ENGINE=InnoDB;\n\
                 INSERT INTO of_{kind} VALUES (1, '2022-01-31 23:59:59'), (2, '2022-02-01'), (3, '{unset}'), (4, '0000-00-00'), (5, NULL), \
                 (9, '2022-02-02');\n"
            );
        }
        server.script(script);
    });
    for kind in ["date", "datetime", "timestamp"] {
        let table = format!("of_{kind}");
        for (unset, expected) in [(Unset::Keep, 1), (Unset::Old, 3)] {
            let options = PlanOptions { rule: Rule { unset, ..rule() }, ..with(vec![of_table(&table, "at")]) };
            let planned = practice.plan(&options).unwrap();
            assert_eq!(planned.forecasts[0].rows(), expected, "{kind} {unset:?}: {:?}", planned.refused);
            practice.run(&planned.plan);
        }
        assert_eq!(practice.count(&format!("{table} WHERE a IN (2, 9)")), 2, "{kind}");
    }
}
