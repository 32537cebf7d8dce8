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
    std::fs::write(folder.path().join("index.sqlite"), b"this is not a database, and never was one").unwrap();
    assert!(Catalog::open(folder.path(), REPOSITORY).unwrap().is_empty().unwrap());
}

#[test]
fn the_higher_number_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path(), REPOSITORY).unwrap();
    catalog.remember("keyring", 4, Bytes32([4; 32])).unwrap();
    catalog.remember("keyring", 3, Bytes32([3; 32])).unwrap();
    assert_eq!(catalog.remembered("keyring").unwrap(), Some((4, Bytes32([4; 32]))));
    assert_eq!(catalog.remembered("config").unwrap(), None);
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
