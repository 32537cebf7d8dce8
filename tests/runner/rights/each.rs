//! Messages about rights are true: with exactly the granted rights, and with each right left out.

use engine::database::{GrantRules, Privileges, Purpose, Reach, Server, Weight, grant_statements, missing};
use engine::load::{LoadOptions, PurgedOptions, SchemaChoice, load, restore_purged};
use engine::monitor::NullMonitor;
use engine::purge::{PlanOptions, RunOptions};
use engine::snapshots::Snapshot;
use engine::survey::{Verdict, survey};
use engine::upkeep::receipt::find;
use engine::{ErrorKind, purge};
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version};

use super::{READER, SCHEMA, as_reader, grant, reader, rights_of, start};
use crate::database::save::{save, source, try_save};
use crate::purge::practice::{log_options, run_options};
use crate::support::Fixture;

on_each_server!(
    a_check_says_what_a_backup_does_with_each_right_left_out,
    a_restore_does_what_the_rights_of_its_account_let_it_do,
    a_purge_is_refused_before_anything_goes_where_a_right_is_lacking,
);

/// How a backup ends, in the words of a survey.
fn backup(fixture: &Fixture, server: &TestServer) -> (Verdict, String) {
    let source = engine::dump::DatabaseSource { address: reader(server), ..source(server, &[SCHEMA]) };
    match try_save(&fixture.open(), source) {
        Ok(outcome) if outcome.problem_count == 0 => (Verdict::Complete, String::new()),
        Ok(outcome) => (Verdict::Incomplete, format!("{:?}", outcome.problems)),
        Err(error) => (Verdict::Impossible, engine::error::chain(&error)),
    }
}

fn check(server: &TestServer) -> Verdict {
    survey(&reader(server), &[SCHEMA.to_owned()]).map_or(Verdict::Impossible, |survey| survey.verdict())
}

fn a_check_says_what_a_backup_does_with_each_right_left_out(version: Version) {
    let (server, detected) = start(version);
    let fixture = Fixture::new();
    let rights = rights_of(&grant(&server, &detected, Purpose::Backup));
    for locked in ["with a table that is locked", "with tables of InnoDB alone"] {
        let (done, why) = backup(&fixture, &server);
        assert_eq!((check(&server), done), (Verdict::Complete, Verdict::Complete), "{locked}: {why}");
        for (right, on) in &rights {
            server.run(&format!("REVOKE {right} ON {on} FROM reader"));
            let (done, why) = backup(&fixture, &server);
            assert_eq!(check(&server), done, "{locked}, without {right} on {on}: {why}");
            server.run(&format!("GRANT {right} ON {on} TO reader"));
        }
        server.run(&format!("DROP TABLE IF EXISTS {SCHEMA}.locked"));
    }
}

/// Restores under another name; how that ended, and with which words.
fn restore(fixture: &Fixture, snapshot: &Snapshot, server: &TestServer) -> (Verdict, String) {
    server.run("DROP DATABASE IF EXISTS my_copy");
    let schemas = vec![SchemaChoice { from: SCHEMA.to_owned(), to: "my_copy".to_owned() }];
    let options = LoadOptions { schemas, ..LoadOptions::default() };
    match load(&fixture.open(), snapshot, &reader(server), &options, &NullMonitor) {
        Ok(outcome) if outcome.problem_count == 0 => (Verdict::Complete, String::new()),
        Ok(outcome) => (Verdict::Incomplete, format!("{:?}", outcome.problems)),
        Err(error) => (Verdict::Impossible, engine::error::chain(&error)),
    }
}

/// Objects that need a right of their own, and are not in every schema.
const RARE: &str = "USE my_shop; CREATE TABLE parent (a INT PRIMARY KEY, b INT, KEY (b)) ENGINE=InnoDB;
    CREATE TABLE child (a INT PRIMARY KEY, FOREIGN KEY (a) REFERENCES parent (a)) ENGINE=InnoDB;
    ALTER TABLE locked ADD b INT, ADD KEY (b); CREATE TABLE merged LIKE locked; ALTER TABLE merged ENGINE=MERGE UNION=(locked);
    CREATE VIEW called AS SELECT f(), a FROM t;
    CREATE USER gone; CREATE DEFINER=gone PROCEDURE orphan() SELECT 1; DROP USER gone;";

fn a_restore_does_what_the_rights_of_its_account_let_it_do(version: Version) {
    let (server, detected) = start(version);
    server.script(RARE);
    let fixture = Fixture::new();
    let snapshot = save(&fixture, &fixture.open(), &server, &[SCHEMA]);
    for trusts in [false, true] {
        server.run(&format!("SET GLOBAL log_bin_trust_function_creators = {trusts}"));
        server.script("DROP USER reader; CREATE USER reader;");
        each_right_of_a_restore(&server, &detected, (&fixture, &snapshot));
    }
}

fn each_right_of_a_restore(server: &TestServer, detected: &Server, (fixture, snapshot): (&Fixture, &Snapshot)) {
    let reach = Reach::unknown(&["my_copy".to_owned()]);
    let rules = GrantRules::read(&mut server.connect(), detected).unwrap();
    let statements = grant_statements(detected, &rules, Purpose::Restore, &reach, READER);
    statements.iter().for_each(|statement| server.run(statement));
    let (done, why) = restore(fixture, snapshot, server);
    assert_eq!(done, Verdict::Complete, "{why}");
    let mut wrong = Vec::new();
    for (right, on) in rights_of(&statements) {
        server.run(&format!("REVOKE {right} ON {on} FROM reader"));
        let privileges = Privileges::read(&mut as_reader(server), detected).unwrap();
        let lacking = missing(&privileges, detected, Purpose::Restore, &reach);
        let is_whole = lacking.iter().all(|missing| missing.weight == Weight::Useful);
        let (done, why) = restore(fixture, snapshot, server);
        if is_whole != (done == Verdict::Complete) {
            wrong.push(format!("without {right} on {on}: said {is_whole}, {done:?}: {why}"));
        }
        server.run(&format!("GRANT {right} ON {on} TO reader"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The log of a practice, with two old rows.
fn log(engine: &str) -> String {
    format!(
        "CREATE DATABASE log_{engine}; USE log_{engine};
         CREATE TABLE securitylog (SecurityLogNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, LogDateTime DATETIME NOT NULL,
             LogText TEXT, PatNum BIGINT NOT NULL, KEY (LogDateTime)) ENGINE={engine};
         CREATE TABLE securityloghash (SecurityLogHashNum BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
             SecurityLogNum BIGINT NOT NULL, LogHash VARCHAR(255) NOT NULL, KEY (SecurityLogNum)) ENGINE={engine};
         INSERT INTO securitylog (LogDateTime, LogText, PatNum) VALUES ('2010-01-01', 'a', 1), ('2011-01-01', 'b', 1), (NOW(), 'c', 1);
         INSERT INTO securityloghash (SecurityLogNum, LogHash) SELECT SecurityLogNum, 'h' FROM securitylog;"
    )
}

fn a_purge_is_refused_before_anything_goes_where_a_right_is_lacking(version: Version) {
    let (server, detected) = start(version);
    let rules = GrantRules::read(&mut server.connect(), &detected).unwrap();
    for engine in ["InnoDB", "MyISAM"] {
        server.script(log(engine));
        let schema = format!("log_{engine}");
        let fixture = Fixture::new();
        let repository = fixture.open();
        save(&fixture, &repository, &server, &[&schema]);
        let reach = Reach::unknown(std::slice::from_ref(&schema));
        let statements = grant_statements(&detected, &rules, Purpose::Reclaim, &reach, READER);
        statements.iter().for_each(|statement| server.run(statement));
        let options = PlanOptions { schema: schema.clone(), ..log_options() };
        let plan = || purge::plan(&repository, &reader(&server), &options, &NullMonitor);
        let planned = plan().unwrap();
        assert_eq!(planned.refused, []);
        let how = RunOptions { reclaim: true, ..run_options() };
        let run = || purge::run(&repository, &reader(&server), &planned.plan, &how, &NullMonitor);
        for (right, on) in rights_of(&statements) {
            server.run(&format!("REVOKE {right} ON {on} FROM reader"));
            let error = run().unwrap_err();
            assert!(
                error.kind() == ErrorKind::PermissionDenied && error.to_string().contains(&right),
                "{right}: {error}"
            );
            // Rebuilding is no part of a plan.
            let is_planned = ["INSERT", "OPTIMIZE_LOCAL_TABLE"].contains(&&right[..]);
            assert_eq!(plan().is_ok(), is_planned, "{right}");
            server.run(&format!("GRANT {right} ON {on} TO reader"));
        }
        let outcome = run().unwrap();
        assert!(outcome.failure.is_none(), "{outcome:?}");
        assert_eq!(outcome.reclaimed.iter().filter_map(|table| table.problem.as_ref()).collect::<Vec<_>>(), [""; 0]);
        let rows = || server.value(&format!("SELECT COUNT(*) FROM log_{engine}.securitylog")).unwrap();
        assert_eq!((outcome.reclaimed.len(), &rows()[..]), (2, "1"));
        let purge = find(&repository, &outcome.receipts[0].to_string()).unwrap();
        let back = restore_purged(
            &repository,
            &purge.receipt().unwrap().manifest,
            &server.address(),
            &PurgedOptions::default(),
            &NullMonitor,
        );
        assert!(back.unwrap().iter().all(|table| table.restored == 2 && table.problems.is_empty()));
        assert_eq!(rows(), "3");
        server.script("DROP USER reader; CREATE USER reader;");
    }
}
