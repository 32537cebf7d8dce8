//! Repositories that are whole, however odd: `verify` finds nothing.

use std::fs;

use engine::store::ObjectName;
use engine::upkeep::verify::Depth;
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{Bytes32, LeaseId, PackId};
use repo_format::lease::Void;
use repo_format::pack::{ChunkKind, PackTable, TableEntry};
use repo_format::segment::SegmentPack;

use super::lab::{self, Lab};

#[test]
fn a_repository_is_whole_after_each_of_many_backups() {
    let folder = lab::temp();
    let lab = Lab::new();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    let mut tree = Vec::new();
    for round in 0..6u64 {
        fs::write(source.join(format!("file{}", round % 4)), lab::noise(round, 30_000)).unwrap();
        let repository = lab.opened(&folder.path().join("cache"));
        lab::save(&repository, std::slice::from_ref(&source)).unwrap();
        tree.push(lab::expected(std::slice::from_ref(&source)));
        for cache in ["cache", "fresh"] {
            let repository = lab.opened(&folder.path().join(cache));
            for depth in [Depth::Structure, Depth::ReadData] {
                let report = lab::check(&repository, depth).unwrap();
                assert_eq!(report.findings.len(), 0, "{:?}", report.findings);
                assert_eq!((report.notes.len(), report.snapshots), (0, round + 1), "{:?}", report.notes);
            }
        }
        fs::remove_dir_all(folder.path().join("fresh")).unwrap();
    }
}

#[test]
fn odd_and_harmless_things_are_notes() {
    let folder = lab::temp();
    let lab = Lab::new();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), lab::noise(1, 50_000)).unwrap();
    let repository = lab.opened(&folder.path().join("cache"));
    lab::save(&repository, std::slice::from_ref(&source)).unwrap();

    let segments: Vec<_> = lab.store.names().into_iter().filter(|n| matches!(n, ObjectName::Segment(_))).collect();
    segments.iter().for_each(|segment| assert!(lab.store.remove_raw(segment)));
    let gone = SegmentPack {
        id: PackId([9; 32]),
        size: 80 + 17 + 7 + 47 + 96 + 8,
        sealing: repo_format::head::Sealing { class: KeyClass::Data, epoch: 1 },
        salt: Bytes32([3; 32]),
        table: PackTable {
            salts: Vec::new(),
            entries: vec![TableEntry {
                id: repo_format::id::ChunkId([5; 32]),
                kind: ChunkKind::Data,
                salt: 0,
                position: 0,
                sealed_len: 17,
                plain_len: 0,
            }],
        },
    };
    repository.put_segment(&[gone]).unwrap();
    let id = LeaseId([4; 16]);
    let void = Void { id, time: 1, host: "other".to_owned(), reason: "it was silent".to_owned() };
    let name = ObjectName::Snapshot(id);
    let object =
        repository.keys().seal(ObjectKind::Void, KeyClass::Meta, &name.to_string(), &void.encode().unwrap()).unwrap();
    lab.store.put_raw(&name, object);

    for cache in ["cache", "fresh"] {
        let repository = lab.opened(&folder.path().join(cache));
        for depth in [Depth::Structure, Depth::ReadData] {
            let report = lab::check(&repository, depth).unwrap();
            assert_eq!(report.findings.len(), 0, "{:?}", report.findings);
            assert!(report.notes.iter().any(|note| note.contains("fences a writer")), "{:?}", report.notes);
            assert!(report.notes.iter().any(|note| note.contains("in no index segment")), "{:?}", report.notes);
        }
    }
}

#[test]
fn names_that_are_none_are_notes_in_a_folder() {
    use engine::repository::{InitOptions, init};
    use engine::store::LocalStore;
    let folder = lab::temp();
    let path = folder.path().join("repository");
    let store = LocalStore::create(&path).unwrap();
    let key = lab::Key::generate();
    init(&store, &key.credential(), &InitOptions::default()).unwrap();
    fs::create_dir_all(path.join("snapshots")).unwrap();
    fs::write(path.join("snapshots/notes.txt"), b"hello").unwrap();
    fs::write(path.join("README"), b"hello").unwrap();
    let cache = folder.path().join("cache");
    let store = std::sync::Arc::new(store);
    let repository = lab::open(store, &key, &cache, repo_format::config::Access::Read).unwrap();
    let report = lab::check(&repository, Depth::ReadData).unwrap();
    assert_eq!(report.findings.len(), 0, "{:?}", report.findings);
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
}
