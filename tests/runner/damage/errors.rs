//! Faults without damage: one clear sentence, the right kind, and nothing is lost.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::error::chain;
use engine::store::faulty::{Fault, FaultyStore, Op, When};
use engine::store::{LocalStore, MemoryStore, StoreErrorKind};
use engine::upkeep::verify::Depth;
use engine::{Error, ErrorKind};
use repo_format::config::Access;

use super::lab::{self, Key, Lab};

fn assert_is(error: &Error, kind: ErrorKind, says: &str) {
    let text = chain(error);
    assert_eq!(error.kind(), kind, "{text}");
    assert!(text.contains(says), "`{text}` does not say `{says}`");
    assert!(!text.contains('\n') && !text.ends_with('.'), "`{text}` is not one sentence");
}

#[test]
fn another_key_file_is_a_wrong_key_file() {
    let (folder, lab) = (lab::temp(), Lab::new());
    let other = Lab { key: Key::generate(), ..lab };
    let error = other.open(folder.path(), Access::Read).err().unwrap();
    assert_is(&error, ErrorKind::WrongPassword, "wrong key file");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left in the cache");
}

#[test]
fn a_place_without_a_repository_is_said_to_have_none() {
    let folder = lab::temp();
    let nothing = Lab { store: MemoryStore::new(), key: Key::generate() };
    let error = nothing.open(folder.path(), Access::Write).err().unwrap();
    assert_is(&error, ErrorKind::NoRepository, "there is no repository in");
    for place in ["missing", "empty"] {
        let place = folder.path().join(place);
        if place.ends_with("empty") {
            fs::create_dir(&place).unwrap();
        }
        let opened = LocalStore::open(&place).map_err(Error::from);
        let error =
            opened.and_then(|store| lab::open(Arc::new(store), &nothing.key, folder.path(), Access::Read).map(|_| ()));
        println!("{}", chain(&error.unwrap_err()));
    }
}

/// A repository with a snapshot behind a store that fails on request.
struct Faulty {
    folder: tempfile::TempDir,
    lab: Lab,
    store: Arc<FaultyStore>,
    sources: Vec<PathBuf>,
}

impl Faulty {
    fn new() -> Self {
        let (folder, lab) = (lab::temp(), Lab::new());
        let sources = vec![folder.path().join("source")];
        fs::create_dir(&sources[0]).unwrap();
        fs::write(sources[0].join("a"), lab::noise(1, 60_000)).unwrap();
        lab::save(&lab.opened(&folder.path().join("warm")), &sources).unwrap();
        fs::write(sources[0].join("b"), lab::noise(2, 60_000)).unwrap();
        let store = Arc::new(FaultyStore::new(Arc::new(lab.store.clone())));
        Faulty { folder, lab, store, sources }
    }

    fn fail(&self, kind: StoreErrorKind, ops: &[Op], at: u64) {
        self.store.fail(Fault { ops: ops.to_vec(), at, lasting: true, kind, when: When::Before });
    }

    fn open(&self, cache: &str) -> engine::Result<engine::repository::Repository> {
        lab::open(self.store.clone(), &self.lab.key, &self.folder.path().join(cache), Access::Write)
    }

    fn backup(&self, cache: &str) -> engine::Result<()> {
        lab::save(&self.open(cache)?, &self.sources).map(|_| ())
    }

    /// After the trouble: nothing is lost, and the next backup is right.
    fn assert_nothing_lost(&self, cache: &str) {
        self.store.heal();
        let report = lab::check(&self.open("other").unwrap(), Depth::ReadData).unwrap();
        assert_eq!(report.findings.len(), 0, "{:?}", report.findings);
        let repository = self.open(cache).unwrap();
        let id = lab::save(&repository, &self.sources).unwrap().snapshot.unwrap();
        let target = lab::temp();
        let snapshot = lab::snapshot(&repository, id).unwrap().unwrap();
        assert_eq!(lab::bring_back(&repository, &snapshot, target.path()).unwrap().problem_count, 0);
        assert!(lab::tree(target.path()) == lab::expected(&self.sources));
    }
}

#[test]
fn a_full_disk_ends_a_backup_with_that_reason_wherever_it_happens() {
    let writes = [Op::PutNew, Op::ReplaceIf];
    for at in 1.. {
        let faulty = Faulty::new();
        faulty.fail(StoreErrorKind::NoSpace, &writes, at);
        match faulty.backup("warm") {
            Ok(()) => {
                assert!(at > 3, "a backup writes a lease, packs, a segment and a manifest");
                return;
            }
            Err(error) => assert_is(&error, ErrorKind::NoSpace, "no space left"),
        }
        faulty.assert_nothing_lost("warm");
    }
}

#[test]
fn forbidden_writes_end_a_backup_with_that_reason() {
    for at in [1, 2, 4] {
        let faulty = Faulty::new();
        faulty.fail(StoreErrorKind::PermissionDenied, &[Op::PutNew], at);
        assert_is(&faulty.backup("warm").unwrap_err(), ErrorKind::PermissionDenied, "permission denied");
        faulty.assert_nothing_lost("warm");
    }
}

#[test]
fn forbidden_reads_end_opening_with_that_reason() {
    for ops in [[Op::Get], [Op::List]] {
        let faulty = Faulty::new();
        faulty.fail(StoreErrorKind::PermissionDenied, &ops, 1);
        assert_is(&faulty.open("fresh").err().unwrap(), ErrorKind::PermissionDenied, "permission denied");
    }
}

#[test]
fn a_store_that_stops_answering_ends_every_operation() {
    for at in 1..40 {
        let faulty = Faulty::new();
        faulty.fail(StoreErrorKind::Io, &[], at);
        if let Err(error) = faulty.backup("fresh") {
            assert_eq!(error.kind(), ErrorKind::Io, "{at}: {}", chain(&error));
        }
        faulty.assert_nothing_lost("fresh");
    }
}

#[test]
fn a_restore_onto_what_is_no_folder_says_so() {
    let faulty = Faulty::new();
    let repository = faulty.open("warm").unwrap();
    let snapshot = engine::snapshots::list(&repository).unwrap().snapshots.remove(0);
    let error = lab::bring_back(&repository, &snapshot, &faulty.sources[0].join("a")).unwrap_err();
    assert!(chain(&error).contains("cannot restore to"), "{}", chain(&error));
    assert_eq!(fs::read(faulty.sources[0].join("a")).unwrap(), lab::noise(1, 60_000));
}
