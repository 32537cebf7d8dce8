//! Saves a folder twice and restores the older snapshot: `cargo run --example folder -- FOLDER`.

#![allow(clippy::print_stdout, reason = "an example tells its reader")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::prelude::*;
use engine::snapshots::list;

fn main() -> Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(Error::new(ErrorKind::Usage, "which folder? `cargo run --example folder -- FOLDER`"));
    };
    let work = tempfile::tempdir().map_err(|e| Error::io("cannot make a folder", e))?;
    run(Path::new(&folder), work.path())
}

/// Saves `source` into a new repository below `work`, and restores it next to the repository.
pub fn run(source: &Path, work: &Path) -> Result<()> {
    let repository = make_repository(work)?;
    for round in ["first", "second"] {
        let saved = save(&repository, source, round)?;
        println!("{round}: {} files, {} bytes are new", saved.statistics.files, saved.statistics.new_bytes);
        for problem in &saved.problems {
            println!("  not as it should be: {}: {}", problem.path, problem.message);
        }
    }
    // The snapshots that can be read, the oldest first.
    let snapshots = list(&repository)?.snapshots;
    let Some(oldest) = snapshots.first() else { return Ok(()) };
    let target = work.join("restored");
    let outcome = restore(&repository, oldest, &target, &RestoreOptions::default(), &|_, _| {}, &NullMonitor)?;
    println!("snapshot {} is in {}, {} problems", oldest.id, target.display(), outcome.problem_count);
    Ok(())
}

fn make_repository(work: &Path) -> Result<Repository> {
    let store = Arc::new(LocalStore::create(&work.join("repository"))?);
    // This key alone opens the repository. A password would be `Credential::Password`.
    let key = Credential::KeyFile(KeyFile::generate()?);
    init(&*store, &key, &InitOptions { label: "owner".to_owned(), ..InitOptions::default() })?;
    let options = OpenOptions::new(work.join("cache"), Access::Write);
    Repository::open(store, &key, &options, &NullMonitor)
}

fn save(repository: &Repository, source: &Path, tag: &str) -> Result<BackupOutcome> {
    let options = BackupOptions { tags: vec![tag.to_owned()], ..BackupOptions::default() };
    backup(repository, vec![Source::Path(PathBuf::from(source))], &options, &NullMonitor)
}
