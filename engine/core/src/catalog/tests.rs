//! The catalog against a repository that does not exist: it only knows what it is told.

use repo_format::head::KeyClass;
use repo_format::pack::{ForeignSalt, PackTable, TableEntry};

use super::*;

const REPOSITORY: RepositoryId = RepositoryId([1; 16]);

fn entry(id: u8, sealed_len: u32, salt: u16) -> TableEntry {
    let kind = if id == 0 { ChunkKind::Padding } else { ChunkKind::Data };
    TableEntry {
        id: ChunkId([id; 32]),
        kind,
        salt,
        position: u32::from(id) + 100,
        sealed_len,
        plain_len: sealed_len - 17,
    }
}

fn pack(id: u8, entries: Vec<TableEntry>, salts: Vec<ForeignSalt>) -> SegmentPack {
    SegmentPack {
        id: PackId([id; 32]),
        size: 1000,
        sealing: Sealing { class: KeyClass::Data, epoch: 3 },
        salt: Bytes32([id; 32]),
        table: PackTable { salts, entries },
    }
}

#[test]
fn a_chunk_is_found_in_all_packs_that_hold_it_with_the_salt_that_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    let foreign = ForeignSalt { epoch: 2, salt: Bytes32([77; 32]) };
    catalog.import_pack(&pack(1, vec![entry(9, 50, 0), entry(0, 20, 0), entry(8, 60, 0)], vec![])).unwrap();
    let second = pack(2, vec![entry(8, 60, 1)], vec![foreign]);
    catalog.import_segment(SegmentId([5; 32]), std::slice::from_ref(&second)).unwrap();
    catalog.import_segment(SegmentId([6; 32]), &[second]).unwrap();

    let mut found = catalog.locations(&ChunkId([8; 32])).unwrap();
    found.sort_by_key(|l| l.pack);
    let [first, second] = found[..] else { panic!("{found:?}") };
    assert_eq!((first.offset, first.salt, first.sealing.epoch), (80 + 50 + 20, Bytes32([1; 32]), 3));
    assert_eq!((second.offset, second.salt, second.sealing.epoch), (80, Bytes32([77; 32]), 2));
    assert!(catalog.locations(&ChunkId([0; 32])).unwrap().is_empty(), "padding is not a chunk");
    assert_eq!(catalog.chunk_totals().unwrap().chunks, 2);
    assert_eq!(catalog.segments().unwrap().len(), 2);
}

#[test]
fn a_pack_is_named_only_while_a_segment_that_names_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    let own = pack(1, vec![entry(9, 50, 0)], vec![]);
    catalog.import_pack(&own).unwrap();
    assert!(!catalog.packs().unwrap()[0].named);
    catalog.import_segment(SegmentId([5; 32]), std::slice::from_ref(&own)).unwrap();
    assert!(catalog.packs().unwrap()[0].named);
    catalog.forget_segments(&[SegmentId([5; 32])]).unwrap();
    assert!(!catalog.packs().unwrap()[0].named);
    assert_eq!(catalog.locations(&ChunkId([9; 32])).unwrap().len(), 1, "what is known of it stays, as a hint");
}

#[test]
fn a_segment_is_redundant_when_others_name_all_its_packs() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    let [a, b, c] = [1, 2, 3].map(|id| pack(id, vec![entry(id, 50, 0)], vec![]));
    catalog.import_segment(SegmentId([1; 32]), &[a.clone(), b.clone()]).unwrap();
    catalog.import_segment(SegmentId([2; 32]), &[b.clone(), c]).unwrap();
    assert_eq!(catalog.redundant_segments().unwrap(), [].into());
    catalog.import_segment(SegmentId([3; 32]), &[b, a]).unwrap();
    assert_eq!(catalog.redundant_segments().unwrap(), [SegmentId([1; 32]), SegmentId([3; 32])].into());
}

#[test]
fn another_repositorys_cache_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    Catalog::open(folder.path(), REPOSITORY).unwrap().import_pack(&pack(1, vec![entry(9, 50, 0)], vec![])).unwrap();
    assert!(!Catalog::open(folder.path(), REPOSITORY).unwrap().is_empty().unwrap());
    assert!(Catalog::open(folder.path(), RepositoryId([2; 16])).unwrap().is_empty().unwrap());
}

#[test]
fn a_corrupt_cache_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("catalog.sqlite"), b"this is not a database, and never was one").unwrap();
    assert!(Catalog::open(folder.path(), REPOSITORY).unwrap().is_empty().unwrap());
}

#[test]
fn when_a_pack_was_found_good_outlives_all_else_that_is_known_of_packs() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    for (pack, seconds) in [(1, 100), (2, 200), (1, 300)] {
        catalog.remember_verified(PackId([pack; 32]), seconds).unwrap();
    }
    catalog.forget_packs().unwrap();
    assert_eq!(catalog.verified().unwrap(), [(PackId([1; 32]), 300), (PackId([2; 32]), 200)].into());
    catalog.forget_verified(&[PackId([1; 32])]).unwrap();
    assert_eq!(catalog.verified().unwrap(), [(PackId([2; 32]), 200)].into());
}

#[test]
fn two_processes_share_one_cache() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Catalog::open(folder.path(), REPOSITORY).unwrap(), Catalog::open(folder.path(), REPOSITORY).unwrap());
    std::thread::scope(|scope| {
        for (catalog, first) in [(&a, 1u8), (&b, 101)] {
            scope.spawn(move || {
                for n in 0..50 {
                    catalog.import_pack(&pack(first + n, vec![entry(first + n, 50, 0)], vec![])).unwrap();
                }
            });
        }
    });
    assert_eq!(a.packs().unwrap().len(), 100);
    assert_eq!(b.packs().unwrap().len(), 100);
}

/// How many packs it knows.
fn count(catalog: &Catalog) -> usize {
    catalog.packs().unwrap().len()
}

fn is_found(catalog: &Catalog, id: u8) -> bool {
    !catalog.locations(&ChunkId([id; 32])).unwrap().is_empty()
}

/// Deletes the files, as a person does, or somebody who frees space.
fn delete_files(folder: &std::path::Path) {
    schema::remove(folder).unwrap();
}

#[test]
fn a_process_goes_on_with_its_file_when_that_is_deleted_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = Catalog::open(folder.path(), REPOSITORY).unwrap();
    for number in 1..=3 {
        first.import_pack(&pack(number, vec![entry(number, 50, 0)], vec![])).unwrap();
    }
    delete_files(folder.path());
    // The rows of the new file are those of other packs.
    let second = Catalog::open(folder.path(), REPOSITORY).unwrap();
    second.import_pack(&pack(9, vec![entry(9, 50, 0)], vec![])).unwrap();
    assert_eq!((count(&first), count(&second)), (3, 1));
    for _ in 0..2 {
        let found = first.locations(&ChunkId([3; 32])).unwrap();
        assert_eq!(found[0].pack, PackId([3; 32]));
        assert!(!is_found(&first, 9) && is_found(&second, 9));
    }
    let mut packs = 0;
    first.each_chunk(&mut |_, copies| packs += copies.len()).unwrap();
    assert_eq!(packs, 3);
    first.import_pack(&pack(4, vec![entry(4, 50, 0)], vec![])).unwrap();
    assert!(is_found(&first, 4) && !is_found(&second, 4));
}

#[test]
fn a_process_does_not_read_an_older_copy_that_is_put_in_the_place_of_its_file() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    catalog.import_pack(&pack(1, vec![entry(1, 50, 0)], vec![])).unwrap();
    for name in schema::FILES {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    catalog.import_pack(&pack(2, vec![entry(2, 50, 0)], vec![])).unwrap();
    for name in schema::FILES {
        // Not written over: put in its place.
        std::fs::rename(copy.path().join(name), folder.path().join(name)).unwrap();
    }
    assert!(is_found(&catalog, 1) && is_found(&catalog, 2));
    assert_eq!(count(&Catalog::open(folder.path(), REPOSITORY).unwrap()), 1);
    catalog.import_pack(&pack(3, vec![entry(3, 50, 0)], vec![])).unwrap();
    assert!(is_found(&catalog, 3));
}

#[test]
fn one_that_is_damaged_while_another_process_uses_it_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let first = Catalog::open(folder.path(), REPOSITORY).unwrap();
    first.import_pack(&pack(1, vec![entry(1, 50, 0)], vec![])).unwrap();
    schema::mark(folder.path(), first.generation);
    let second = Catalog::open(folder.path(), REPOSITORY).unwrap();
    assert!(second.note().is_some_and(|note| note.contains("another process")), "{:?}", second.note());
    assert_eq!((count(&second), second.folder()), (0, None));
    second.import_pack(&pack(2, vec![entry(2, 50, 0)], vec![])).unwrap();
    assert!(is_found(&second, 2) && !is_found(&first, 2));
    drop(first);
    let third = Catalog::open(folder.path(), REPOSITORY).unwrap();
    assert_eq!((count(&third), third.note()), (0, None), "it is begun anew when nobody uses it");
}

#[test]
fn a_mark_of_another_generation_deletes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    catalog.import_pack(&pack(1, vec![entry(1, 50, 0)], vec![])).unwrap();
    drop(catalog);
    schema::mark(folder.path(), [7; 16]);
    assert_eq!(count(&Catalog::open(folder.path(), REPOSITORY).unwrap()), 1);
}

#[test]
fn an_existing_one_is_opened_beside_a_long_transaction() {
    let folder = tempfile::tempdir().unwrap();
    Catalog::open(folder.path(), REPOSITORY).unwrap().import_pack(&pack(1, vec![entry(1, 50, 0)], vec![])).unwrap();
    let other = Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    assert!(is_found(&catalog, 1));
}

#[test]
fn one_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Catalog::open(folder.path(), REPOSITORY).unwrap());
    let other = Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    other.pragma_update(None, "user_version", 1000).unwrap();
    drop(other);
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    assert!(catalog.note().is_some_and(|note| note.contains("newer version")) && catalog.folder().is_none());
    let other = Connection::open(folder.path().join("catalog.sqlite")).unwrap();
    assert_eq!(sqlite::version(&other).unwrap(), 1000);
}

#[test]
fn what_a_snapshot_counted_on_is_known_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    let snapshot = |number: u8| repo_format::id::LeaseId([number; 16]);
    let packs = [1, 2].map(|number| PackId([number; 32]));
    packs.iter().for_each(|id| catalog.import_pack(&pack(id.0[0], vec![entry(id.0[0], 50, 0)], vec![])).unwrap());
    catalog.remember_counted(snapshot(1), &packs).unwrap();
    catalog.forget_gone(&packs[..1]).unwrap();
    assert_eq!(catalog.counted(snapshot(1)).unwrap().unwrap(), packs, "also those that are gone: then it is looked up");
    for number in 2..=17 {
        catalog.remember_counted(snapshot(number), &packs).unwrap();
    }
    assert_eq!(catalog.counted(snapshot(1)).unwrap(), None);
    assert!(catalog.counted(snapshot(2)).unwrap().is_some());
    catalog.forget_counted(&[snapshot(2)]).unwrap();
    assert_eq!(catalog.counted(snapshot(2)).unwrap(), None);
}
