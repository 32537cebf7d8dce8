//! A cache that is corrupt, or another repository's: it is only a cache.

use std::fs;
use std::path::{Path, PathBuf};

use engine::ErrorKind;
use engine::error::chain;
use engine::upkeep::verify::Depth;
use repo_format::config::Access;
use repo_format::id::LeaseId;

use super::lab::{self, Lab, Tree};

struct Scene {
    lab: Lab,
    folder: tempfile::TempDir,
    source: PathBuf,
    first: (LeaseId, Tree),
}

fn scene() -> Scene {
    let folder = lab::temp();
    let lab = Lab::new();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    for n in 0..8 {
        fs::write(source.join(format!("file{n}")), lab::noise(n, 20_000)).unwrap();
    }
    let save = || lab::save(&lab.opened(&folder.path().join("warm")), std::slice::from_ref(&source)).unwrap();
    let first = (save().snapshot.unwrap(), lab::expected(std::slice::from_ref(&source)));
    fs::write(source.join("file3"), lab::noise(33, 20_000)).unwrap();
    save();
    Scene { lab, source, first, folder }
}

/// The database in a cache folder.
fn database(cache: &Path) -> PathBuf {
    let inner = fs::read_dir(cache).unwrap().next().unwrap().unwrap().path();
    inner.join("catalog.sqlite")
}

/// Verify, restore and backup. Faults are errors; wrong results panic.
fn run(scene: &Scene, lab: &Lab, cache: &Path) -> engine::Result<LeaseId> {
    let repository = lab.open(cache, Access::Write)?;
    let report = lab::check(&repository, Depth::Structure)?;
    assert_eq!(report.findings.len(), 0, "{:?}", report.findings);
    let target = lab::temp();
    let snapshot = lab::snapshot(&repository, scene.first.0)?.unwrap();
    let outcome = lab::bring_back(&repository, &snapshot, target.path())?;
    assert!(lab::tree(target.path()) == scene.first.1, "{:?}", outcome.problems);
    assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
    Ok(lab::save(&repository, std::slice::from_ref(&scene.source))?.snapshot.unwrap())
}

/// Runs everything on a cache that `spoil` has changed, three times; then looks from another machine.
fn try_cache(scene: &Scene, spoil: impl FnOnce(&Path)) {
    let lab = scene.lab.copy();
    let folder = lab::temp();
    let cache = folder.path().join("cache");
    lab::copy_folder(&scene.folder.path().join("warm"), &cache);
    spoil(&cache);
    let mut failed = None;
    let mut last = None;
    // Damage may show only in the second run; but the run after a failure has started over.
    for _ in 0..3 {
        match run(scene, &lab, &cache) {
            Ok(id) => last = Some(id),
            Err(error) => {
                let text = chain(&error);
                assert_eq!(error.kind(), ErrorKind::Cache, "{text}");
                assert_eq!(failed, None, "a run has failed before: {text}");
                failed = Some(text);
            }
        }
    }
    let id = last.unwrap();
    let fresh = lab.opened(&folder.path().join("fresh"));
    let report = lab::check(&fresh, Depth::ReadData).unwrap();
    assert_eq!(report.findings.len(), 0, "{:?}", report.findings);
    let target = folder.path().join("target");
    lab::bring_back(&fresh, &lab::snapshot(&fresh, id).unwrap().unwrap(), &target).unwrap();
    assert!(lab::tree(&target) == lab::expected(std::slice::from_ref(&scene.source)));
}

#[test]
fn a_byte_flipped_anywhere_in_the_cache_harms_nothing() {
    let scene = scene();
    let bytes = fs::read(database(&scene.folder.path().join("warm"))).unwrap();
    // Most of a small database is empty pages.
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let places = (0..100).map(|n| used[used.len() * n / 100]).chain(0..20);
    for at in places {
        println!("byte {at}");
        try_cache(&scene, |cache| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(database(cache), bytes).unwrap();
        });
    }
}

#[test]
fn a_cache_that_is_cut_short_emptied_or_something_else_harms_nothing() {
    let scene = scene();
    let len = database(&scene.folder.path().join("warm")).metadata().unwrap().len();
    for keep in [0, 1, 100, 4096, len / 2, len - 1] {
        try_cache(&scene, |cache| {
            fs::File::options().write(true).open(database(cache)).unwrap().set_len(keep).unwrap()
        });
    }
    try_cache(&scene, |cache| fs::write(database(cache), lab::noise(1, 100_000)).unwrap());
    try_cache(&scene, |cache| fs::remove_file(database(cache)).unwrap());
    try_cache(&scene, |cache| fs::write(database(cache).with_extension("sqlite-wal"), lab::noise(1, 100_000)).unwrap());
    try_cache(&scene, |cache| fs::write(database(cache).with_extension("sqlite-shm"), lab::noise(1, 100_000)).unwrap());
}

#[test]
fn the_cache_of_another_repository_is_begun_anew() {
    let (scene, other) = (scene(), scene());
    try_cache(&scene, |cache| {
        let theirs = database(&other.folder.path().join("warm"));
        fs::copy(theirs, database(cache)).unwrap();
    });
}

#[test]
fn a_cache_that_cannot_be_made_is_done_without() {
    let scene = scene();
    let place = scene.folder.path().join("file");
    fs::write(&place, b"").unwrap();
    run(&scene, &scene.lab, &place).unwrap();
}
