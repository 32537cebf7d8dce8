//! A repository with very many snapshots: `many_snapshots FOLDER SNAPSHOTS` copies the newest snapshot of the repository in
//! FOLDER so often, one for each half hour before it. FOLDER has `repo` and `key`. `compare/console.py` measures the console with it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people who measure")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use engine::crypto::{Credential, KeyFile};
use engine::monitor::NullMonitor;
use engine::repository::{OpenOptions, Repository};
use engine::session::{WriterOptions, WriterSession};
use engine::store::LocalStore;
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

/// Seconds between two snapshots.
const EVERY: i64 = 1800;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder, count] => number(count).and_then(|count| copy(Path::new(folder), count)),
        _ => Err(Error::new(ErrorKind::Usage, "many_snapshots FOLDER SNAPSHOTS")),
    };
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", engine::error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Error::new(ErrorKind::Usage, format!("{text} is no number")))
}

fn copy(folder: &Path, count: i64) -> Result<String> {
    let start = Instant::now();
    let key = std::fs::read_to_string(folder.join("key")).map_err(|e| Error::io("cannot read the key", e))?;
    let options = OpenOptions::new(folder.join("cache of many_snapshots"), Access::Write);
    let store = Arc::new(LocalStore::open(&folder.join("repo"))?);
    let repository = Repository::open(store, &Credential::KeyFile(KeyFile::parse(&key)?), &options, &NullMonitor)?;
    let (manifests, _) = repository.read_manifests()?;
    let newest = manifests.last().ok_or_else(|| Error::new(ErrorKind::Usage, "make a backup first"))?;
    let mut manifest = newest.manifest.clone();
    let moment = manifest.seconds;
    for number in 1..=count {
        let session = WriterSession::begin(&repository, &WriterOptions::default(), &NullMonitor)?;
        (manifest.id, manifest.seconds) = (session.id(), moment - number * EVERY);
        session.commit_plain(&manifest.encode().map_err(|e| Error::damaged("a new manifest", e))?)?;
    }
    Ok(format!("{count} snapshots made in {:.0} s", start.elapsed().as_secs_f64()))
}
