//! Whole operations on small folders: first backup, unchanged backup, a changed dump, restore, verify.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use benches::{dump, new_repository, noise, save};
use divan::Bencher;
use divan::counter::BytesCount;
use engine::files::backup::ParentChoice;
use engine::files::restore::{RestoreOptions, restore};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::snapshots::{Selector, select};
use engine::upkeep::verify::{Depth, VerifyOptions, verify};

fn main() {
    divan::main();
}

const MIB: usize = 1024 * 1024;
const BYTES: usize = 48 * MIB;

/// 32 MiB of images, and a dump of 16 MiB.
fn practice(folder: &Path) {
    for number in 0..32u64 {
        let patient = folder.join(format!("images/{}", number % 8));
        fs::create_dir_all(&patient).unwrap();
        fs::write(patient.join(format!("{number}.jpg")), noise(MIB, number)).unwrap();
    }
    fs::write(folder.join("dump.sql"), dump(16 * MIB, 1)).unwrap();
}

struct Fixture {
    folder: tempfile::TempDir,
    repository: Repository,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    practice(&folder.path().join("source"));
    let repository = new_repository(folder.path()).unwrap();
    Fixture { folder, repository }
}

fn saved() -> Fixture {
    let fixture = fixture();
    save(&fixture.repository, &fixture.folder.path().join("source"), ParentChoice::None).unwrap();
    fixture
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn first_backup(bencher: Bencher) {
    bencher.counter(BytesCount::new(BYTES)).with_inputs(fixture).bench_local_refs(|f| {
        save(&f.repository, &f.folder.path().join("source"), ParentChoice::None).unwrap().statistics.stored_bytes
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn backup_without_a_parent(bencher: Bencher) {
    let f = saved();
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        save(&f.repository, &f.folder.path().join("source"), ParentChoice::None).unwrap().statistics.stored_bytes
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn unchanged_backup(bencher: Bencher) {
    let f = saved();
    bencher.bench_local(|| {
        save(&f.repository, &f.folder.path().join("source"), ParentChoice::Newest).unwrap().statistics.files
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn restore_everything(bencher: Bencher) {
    let f = saved();
    let snapshot = select(&f.repository, &Selector::Latest { tag: None, until: None }).unwrap().snapshot;
    bencher.counter(BytesCount::new(BYTES)).with_inputs(|| tempfile::tempdir().unwrap()).bench_local_refs(|target| {
        restore(&f.repository, &snapshot, target.path(), &RestoreOptions::default(), &|_, _| {}, &NullMonitor)
            .unwrap()
            .files
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn verify_everything(bencher: Bencher) {
    let f = saved();
    let options = VerifyOptions { depth: Depth::ReadData };
    bencher
        .counter(BytesCount::new(BYTES))
        .bench_local(|| verify(&f.repository, &options, &NullMonitor).unwrap().chunks);
}
