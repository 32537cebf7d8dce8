//! Shared by the benchmarks: made-up data that is always the same, and repositories in temporary folders.

use std::path::Path;
use std::sync::Arc;

use engine::crypto::{Credential, KeyFile};
use engine::error::Result;
use engine::files::backup::{BackupOptions, ParentChoice, Source, backup};
use engine::monitor::NullMonitor;
use engine::repository::{InitOptions, OpenOptions, Repository, init};
use engine::store::LocalStore;
use repo_format::config::Access;

/// Bytes that do not compress.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Text like that of a database dump: it compresses to about a quarter.
pub fn dump(len: usize, seed: u64) -> Vec<u8> {
    let words =
        ["Patient appointment edited", "Treatment procedure completed", "Chart module viewed", "Image exported"];
    let mut text = Vec::with_capacity(len + 200);
    let mut word = seed | 1;
    let mut row = 0u64;
    while text.len() < len {
        row += 1;
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (number, what) = (word >> 33, words[(word >> 62) as usize]);
        text.extend(
            format!("({row},{},'{what} {number}',{},'OP-{}',0),\n", number % 25, number % 40_000, number % 14).bytes(),
        );
    }
    text.truncate(len);
    text
}

/// A new repository in `folder`, opened with a key file.
///
/// # Errors
/// Errors of the engine.
pub fn new_repository(folder: &Path) -> Result<Repository> {
    let store = Arc::new(LocalStore::create(&folder.join("repository"))?);
    let credential = Credential::KeyFile(KeyFile::generate()?);
    init(&*store, &credential, &InitOptions { label: "bench".to_owned(), ..InitOptions::default() })?;
    let options = OpenOptions::new(folder.join("cache"), Access::Write);
    Repository::open(store, &credential, &options, &NullMonitor)
}

/// Backs `path` up, reading everything.
///
/// # Errors
/// Errors of the engine.
pub fn save(
    repository: &Repository,
    path: &Path,
    parent: ParentChoice,
) -> Result<engine::files::backup::BackupOutcome> {
    let options = BackupOptions { host: "bench".to_owned(), parent, ..BackupOptions::default() };
    backup(repository, vec![Source::Path(path.to_owned())], &options, &NullMonitor)
}
