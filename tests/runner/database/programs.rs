//! The schemas of programs that many use, as nobody of us would have written them: saved, and restored to servers of both
//! families.

use std::path::PathBuf;

use engine::load::{Check, LoadOptions, load};
use scenario_tests::differences::differences;
use scenario_tests::filled::fill;
use scenario_tests::on_each_server;
use scenario_tests::server::{TestServer, Version, schemas_of_programs};

use super::matrix::{Said, problems, unsaid};
use super::save::save;
use crate::support::{Fixture, Listener};

/// Rows of each table.
const ROWS: u32 = 4;
/// Fewer tables than this, and a script was not understood.
const TABLES_MIN: usize = 450;

on_each_server!(schemas_of_programs_come_back);

fn schemas_of_programs_come_back(version: Version) {
    // They are fetched for a run on all servers.
    if Version::asked() != Version::ALL {
        return;
    }
    let (fixture, server) = (Fixture::new(), TestServer::of(version, &[]));
    let names: Vec<String> = schemas_of_programs().into_iter().map(|script| made(&server, &script)).collect();
    let schemas: Vec<&str> = names.iter().map(String::as_str).collect();
    let tables = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')";
    let tables: usize = server.value(tables).unwrap().parse().unwrap();
    assert!(tables > TABLES_MIN, "{tables} tables");
    let repository = fixture.open();
    let snapshot = save(&fixture, &repository, &server, &schemas);
    let mut wrong = Vec::new();
    for to in [version, if version.is_mysql() { Version::MariaDb105 } else { Version::MySql97 }] {
        let other = TestServer::of(to, &[]);
        let options = LoadOptions { check: Check::Digests, ..LoadOptions::default() };
        let listener = Listener::default();
        let outcome = load(&repository, &snapshot, &other.address(), &options, &listener).unwrap();
        let said = Said { problems: problems(&outcome), listener };
        let mut lines: Vec<String> = said.problems.iter().map(|(object, words)| format!("{object}: {words}")).collect();
        for schema in &schemas {
            if to == version {
                let found = differences(&server.fingerprint(schema), &other.fingerprint(schema));
                lines.extend(found.into_iter().map(|(name, difference)| format!("{schema}.{name}: {difference}")));
            } else {
                let found = unsaid(&server.portable(schema), &other.portable(schema), schema, &said);
                lines.extend(found.into_iter().map(|(object, difference)| format!("{object}: {difference}")));
            }
        }
        wrong.extend(lines.into_iter().map(|line| format!("{} to {}: {line}", version.name(), to.name())));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Makes the schema of a script, named as its file. Statements that this server does not understand are skipped.
fn made(server: &TestServer, script: &PathBuf) -> String {
    let name = script.file_stem().unwrap().to_string_lossy().into_owned();
    let head = format!("CREATE DATABASE `{name}`; USE `{name}`; SET foreign_key_checks = 0; SET sql_mode = '';\n");
    let statements = [head.into_bytes(), std::fs::read(script).unwrap()].concat();
    server.script_with(statements, &["--force"]);
    fill(server, &name, ROWS);
    name
}
