//! Saves a schema of a server, and loads it under another name: `cargo run --example database -- SOCKET SCHEMA`.

#![allow(clippy::print_stdout, reason = "an example tells its reader")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::prelude::*;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let (Some(socket), Some(schema)) = (args.next(), args.next()) else {
        let usage = "which server, which schema? `cargo run --example database -- SOCKET SCHEMA`";
        return Err(Error::new(ErrorKind::Usage, usage));
    };
    let mut address = Address { socket: Some(PathBuf::from(socket)), ..Address::default() };
    address.credentials.user = "root".to_owned();
    let work = tempfile::tempdir().map_err(|e| Error::io("cannot make a folder", e))?;
    let loaded = run(&address, &schema.to_string_lossy(), work.path())?;
    println!("{} tables with {} rows are in the copy", loaded.tables.len(), loaded.rows);
    Ok(())
}

/// Saves `schema` of the server at `address` into a new repository below `work`. Loads it as `copy_of_…` and compares
/// it row by row.
pub fn run(address: &Address, schema: &str, work: &Path) -> Result<LoadOutcome> {
    let store = Arc::new(LocalStore::create(&work.join("repository"))?);
    let key = Credential::KeyFile(KeyFile::generate()?);
    init(&*store, &key, &InitOptions { label: "owner".to_owned(), ..InitOptions::default() })?;
    let options = OpenOptions::new(work.join("cache"), Access::Write);
    let repository = Repository::open(store, &key, &options, &NullMonitor)?;

    let server = DatabaseSource { schemas: vec![schema.to_owned()], ..DatabaseSource::new(address.clone()) };
    let saved = backup(&repository, vec![Source::Database(Box::new(server))], &BackupOptions::default(), &NullMonitor)?;
    for problem in &saved.problems {
        println!("not in the snapshot as it should be: {}: {}", problem.path, problem.message);
    }

    let newest = select(&repository, &Selector::Latest { tag: None, until: None })?.snapshot;
    let copy = SchemaChoice { from: schema.to_owned(), to: format!("copy_of_{schema}") };
    let options = LoadOptions { schemas: vec![copy], ..LoadOptions::default() };
    load(&repository, &newest, address, &options, &NullMonitor)
}
