//! Backups of servers, as tests make them.

use engine::Result;
use engine::dump::DatabaseSource;
use engine::files::backup::{BackupOutcome, Source, backup};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::snapshots::Snapshot;
use scenario_tests::server::TestServer;

use crate::support::{Fixture, backup_options, by_id};

/// Saves `schemas` of `server`, and all accounts.
pub fn save(_fixture: &Fixture, repository: &Repository, server: &TestServer, schemas: &[&str]) -> Snapshot {
    let source = DatabaseSource { with_accounts: true, ..source(server, schemas) };
    let outcome = try_save(repository, source).unwrap();
    by_id(repository, outcome.snapshot.unwrap())
}

/// A source of `schemas`.
pub fn source(server: &TestServer, schemas: &[&str]) -> DatabaseSource {
    let schemas = schemas.iter().map(|schema| (*schema).to_owned()).collect();
    DatabaseSource { schemas, ..DatabaseSource::new(server.address()) }
}

/// Saves `source` alone.
pub fn try_save(repository: &Repository, source: DatabaseSource) -> Result<BackupOutcome> {
    backup(repository, vec![Source::Database(Box::new(source))], &backup_options(), &NullMonitor)
}
