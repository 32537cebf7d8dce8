//! The memory against a repository that does not exist: it only knows what it is told.

use repo_format::entry::Time;
use repo_format::id::{Bytes32, ChunkId, LeaseId, PackId};
use repo_format::manifest::ManifestKind;

use super::*;

const REPOSITORY: RepositoryId = RepositoryId([1; 16]);

fn manifest(number: u8) -> RememberedManifest {
    RememberedManifest {
        id: LeaseId([number; 16]),
        digest: Bytes32([number; 32]),
        kind: ManifestKind::Snapshot,
        time: Time { seconds: number.into(), nanoseconds: 0 },
        family: Bytes32([9; 32]),
    }
}

fn open_at(folder: &Path, at: &str) -> Memory {
    let place = MemoryPlace { folder: Some(folder), earlier: None, repository_at: at };
    Memory::open(place, REPOSITORY).unwrap()
}

fn numbers(memory: &Memory) -> Vec<u8> {
    memory.manifests().unwrap().iter().map(|manifest| manifest.id.0[0]).collect()
}

#[test]
fn what_was_seen_is_known_to_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open_at(folder.path(), "a");
    assert!(memory.is_new() && memory.is_kept() && !memory.is_new_place());
    memory.remember_manifests(&[manifest(1), manifest(2)]).unwrap();
    memory.forget_manifests(&[manifest(1).id]).unwrap();
    let serial = memory.serial().unwrap();
    drop(memory);
    let memory = open_at(folder.path(), "a");
    assert!(!memory.is_new());
    assert_eq!((numbers(&memory), memory.serial().unwrap()), (vec![2], serial));
}

#[test]
fn the_higher_number_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open_at(folder.path(), "a");
    memory.remember_version("keyring", 4, Bytes32([4; 32])).unwrap();
    memory.remember_version("keyring", 3, Bytes32([3; 32])).unwrap();
    let keyring = Version { name: "keyring", number: 4, digest: Bytes32([4; 32]) };
    assert_eq!(memory.version("keyring").unwrap(), Some(keyring));
    assert_eq!(memory.version("config").unwrap(), None);
}

#[test]
fn a_new_place_is_compared_with_everything_until_somebody_accepts_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_at(folder.path(), "a");
    first.remember_manifests(&[manifest(1), manifest(2)]).unwrap();
    first.remember_version("keyring", 4, Bytes32([4; 32])).unwrap();

    let copy = open_at(folder.path(), "b");
    assert!(copy.is_new_place());
    assert_eq!(numbers(&copy), [2, 1]);
    assert_eq!(copy.version("keyring").unwrap().unwrap().number, 4);
    // The new manifest is expected in the copy, and not in the first place.
    copy.remember_manifests(&[manifest(3)]).unwrap();
    assert_eq!((numbers(&copy), numbers(&first)), (vec![3, 2, 1], vec![2, 1]));

    let versions = [Version { name: "keyring", number: 3, digest: Bytes32([3; 32]) }];
    copy.begin_own_line(&[manifest(1), manifest(3)], &versions).unwrap();
    drop(copy);
    let copy = open_at(folder.path(), "b");
    assert!(!copy.is_new_place());
    assert_eq!((numbers(&copy), numbers(&first)), (vec![3, 1], vec![2, 1]));
    assert_eq!(copy.version("keyring").unwrap().unwrap().number, 3);
    // A third place is compared with all again.
    assert_eq!(numbers(&open_at(folder.path(), "c")), [3, 2, 1]);
}

#[test]
fn a_place_that_lacks_nothing_joins_the_line_if_there_is_no_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_at(folder.path(), "a");
    first.remember_manifests(&[manifest(1)]).unwrap();
    let moved = open_at(folder.path(), "b");
    moved.join_only_line().unwrap();
    moved.remember_manifests(&[manifest(2)]).unwrap();
    assert_eq!(numbers(&first), [2, 1], "whoever puts back the first place as it was is found out");
    let copy = open_at(folder.path(), "c");
    copy.begin_own_line(&[manifest(1)], &[]).unwrap();
    let other = open_at(folder.path(), "d");
    other.join_only_line().unwrap();
    assert!(other.is_new_place(), "nobody knows to which of two it belongs");
}

#[test]
fn one_that_is_damaged_is_put_aside_and_missed_until_somebody_answers() {
    let folder = tempfile::tempdir().unwrap();
    open_at(folder.path(), "a").remember_manifests(&[manifest(1)]).unwrap();
    let path = folder.path().join("memory.sqlite");
    std::fs::write(&path, b"this is not a database, and never was one").unwrap();
    for _ in 0..2 {
        let memory = open_at(folder.path(), "a");
        assert_eq!(memory.troubles().unwrap().len(), 1);
        assert!(memory.troubles().unwrap()[0].contains("memory.damaged-1"));
    }
    assert!(folder.path().join("memory.damaged-1").exists(), "it is kept");
    let memory = open_at(folder.path(), "a");
    memory.end_troubles().unwrap();
    assert_eq!(memory.troubles().unwrap(), [""; 0]);
}

#[test]
fn one_that_another_process_uses_is_not_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let other = open_at(folder.path(), "a");
    std::fs::write(folder.path().join("memory.sqlite"), b"this is not a database").unwrap();
    let place = MemoryPlace { folder: Some(folder.path()), earlier: None, repository_at: "a" };
    assert_eq!(Memory::open(place, REPOSITORY).map(drop).unwrap_err().kind(), ErrorKind::Cache);
    drop(other);
    assert_eq!(open_at(folder.path(), "a").troubles().unwrap().len(), 1);
}

#[test]
fn a_flipped_bit_in_a_row_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    open_at(folder.path(), "a").remember_manifests(&[manifest(1)]).unwrap();
    let connection = Connection::open(folder.path().join("memory.sqlite")).unwrap();
    connection.execute("UPDATE manifests SET seconds = seconds + 1", []).unwrap();
    drop(connection);
    assert_eq!(open_at(folder.path(), "a").troubles().unwrap().len(), 1);
}

#[test]
fn one_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open_at(folder.path(), "a").remember_manifests(&[manifest(1)]).unwrap();
    let path = folder.path().join("memory.sqlite");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let before = std::fs::read(&path).unwrap();
    let place = MemoryPlace { folder: Some(folder.path()), earlier: None, repository_at: "a" };
    assert_eq!(Memory::open(place, REPOSITORY).map(drop).unwrap_err().kind(), ErrorKind::Cache);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn what_the_cache_of_an_earlier_version_remembers_is_taken_over() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = Connection::open(cache.path().join("index.sqlite")).unwrap();
    old.pragma_update(None, "journal_mode", "wal").unwrap();
    old.execute_batch(
        "CREATE TABLE repository (id BLOB NOT NULL);
         CREATE TABLE manifests (id BLOB PRIMARY KEY, digest BLOB NOT NULL, kind INTEGER NOT NULL, seconds INTEGER NOT NULL,
             nanoseconds INTEGER NOT NULL, family BLOB NOT NULL, sum BLOB NOT NULL) WITHOUT ROWID;
         CREATE TABLE remembered (name TEXT PRIMARY KEY, number INTEGER NOT NULL, digest BLOB NOT NULL, sum BLOB NOT NULL)
             WITHOUT ROWID;
         PRAGMA user_version = 3",
    )
    .unwrap();
    old.execute("INSERT INTO repository VALUES (?1)", [REPOSITORY.0]).unwrap();
    let m = manifest(7);
    let values = rusqlite::params![m.id.0, m.digest.0, m.kind.number(), 7, 0, m.family.0, [0u8; 8]];
    old.execute("INSERT INTO manifests VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", values).unwrap();
    old.execute("INSERT INTO remembered VALUES ('keyring', 4, ?1, ?1)", [[4u8; 32]]).unwrap();
    drop(old);
    let place = MemoryPlace { folder: Some(folder.path()), earlier: Some(cache.path()), repository_at: "a" };
    let memory = Memory::open(place, REPOSITORY).unwrap();
    assert_eq!(memory.manifests().unwrap(), [m]);
    let keyring = Version { name: "keyring", number: 4, digest: Bytes32([4; 32]) };
    assert_eq!(memory.version("keyring").unwrap(), Some(keyring));
    assert!(!cache.path().join("index.sqlite").exists(), "it was a cache, and nothing else is in it now");
}

#[test]
fn what_was_found_lost_is_known_to_the_next_process_until_somebody_finds_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let verdict = |number: u8, suffers| Verdict { manifest: LeaseId([number; 16]), suffers, seconds: 7 };
    let suffering = |at: &str| {
        let verdicts = open_at(folder.path(), at).verdicts().unwrap();
        let mut ids: Vec<_> = verdicts.into_values().filter(|v| v.suffers).map(|v| v.manifest.0[0]).collect();
        ids.sort_unstable();
        ids
    };
    let first = open_at(folder.path(), "a");
    first.replace_verdicts(&[verdict(1, true), verdict(2, true), verdict(3, false)], &[]).unwrap();
    first.remember_verdicts(&[verdict(4, true)]).unwrap();
    assert_eq!(suffering("a"), [1, 2, 4]);
    // Another place of the line is judged as the first, until somebody has looked there.
    open_at(folder.path(), "b").join_only_line().unwrap();
    assert_eq!(suffering("b"), [1, 2, 4]);
    open_at(folder.path(), "b").replace_verdicts(&[verdict(1, false), verdict(2, true)], &[]).unwrap();
    assert_eq!(suffering("b"), [2, 4]);
    assert_eq!(suffering("a"), [1, 2, 4], "a copy that is whole says nothing of the first place");
    first.replace_verdicts(&[verdict(1, false)], &[]).unwrap();
    assert_eq!(suffering("a"), [2], "the copy has it, and suffers there");
}

#[test]
fn damage_of_packs_is_remembered_chunk_by_chunk_and_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, pack, chunk) = (open_at(folder.path(), "a"), PackId([1; 32]), ChunkId([2; 32]));
    let many = (0..2000u32).map(|number| ChunkId(*blake3::hash(&number.to_le_bytes()).as_bytes()));
    for damage in [PackDamage::of([chunk]), PackDamage::of([]), PackDamage::of(many)] {
        memory.remember_damaged_pack(pack, &damage).unwrap();
        assert_eq!(open_at(folder.path(), "a").damaged_packs().unwrap()[&pack], damage);
    }
    assert_eq!(memory.damaged_packs().unwrap()[&pack], PackDamage::Whole, "too many to be named");
    assert!(open_at(folder.path(), "b").damaged_packs().unwrap().is_empty());
    memory.forget_damaged_packs(&[pack]).unwrap();
    assert!(memory.damaged_packs().unwrap().is_empty());
}

#[test]
fn what_has_gone_for_good_and_is_there_again_was_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open_at(folder.path(), "a");
    memory.remember_manifests(&[manifest(1), manifest(2)]).unwrap();
    memory.forget_manifests(&[manifest(1).id]).unwrap();
    let both = [manifest(1).id, manifest(2).id];
    assert_eq!(open_at(folder.path(), "a").put_back(&both).unwrap(), [manifest(1).id].into());
    assert!(open_at(folder.path(), "b").put_back(&both).unwrap().is_empty(), "it never went from there");
    memory.welcome(&[manifest(1).id]).unwrap();
    assert!(memory.put_back(&both).unwrap().is_empty());
}

#[test]
fn one_of_the_first_version_gets_the_tables_that_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    open_at(folder.path(), "a").remember_manifests(&[manifest(1)]).unwrap();
    let connection = Connection::open(folder.path().join("memory.sqlite")).unwrap();
    connection
        .execute_batch(
            "DROP TABLE verdicts; DROP TABLE heard; DROP TABLE damage; DROP TABLE gone; DROP TABLE kept; DROP TABLE here; PRAGMA user_version = 1",
        )
        .unwrap();
    drop(connection);
    let memory = open_at(folder.path(), "a");
    assert_eq!((numbers(&memory), memory.troubles().unwrap()), (vec![1], Vec::new()));
    assert!(memory.verdicts().unwrap().is_empty());
}

#[test]
fn one_of_the_second_version_gets_the_table_that_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    open_at(folder.path(), "a").remember_manifests(&[manifest(1)]).unwrap();
    let connection = Connection::open(folder.path().join("memory.sqlite")).unwrap();
    connection.execute_batch("DROP TABLE kept; DROP TABLE here; PRAGMA user_version = 2").unwrap();
    drop(connection);
    let memory = open_at(folder.path(), "a");
    assert_eq!((numbers(&memory), memory.troubles().unwrap()), (vec![1], Vec::new()));
    memory.keep(&[KeptObject { name: "config".to_owned(), bytes: vec![1] }]).unwrap();
}

#[test]
fn one_of_the_third_version_takes_what_a_line_saw_as_seen_in_each_of_its_places() {
    let folder = tempfile::tempdir().unwrap();
    open_at(folder.path(), "a").remember_manifests(&[manifest(1)]).unwrap();
    open_at(folder.path(), "b").join_only_line().unwrap();
    let connection = Connection::open(folder.path().join("memory.sqlite")).unwrap();
    connection.execute_batch("DROP TABLE here; PRAGMA user_version = 3").unwrap();
    drop(connection);
    for place in ["a", "b"] {
        assert!(open_at(folder.path(), place).seen_here().unwrap().contains(&manifest(1).id), "{place}");
    }
    assert!(open_at(folder.path(), "c").seen_here().unwrap().is_empty());
}

#[test]
fn what_was_seen_only_in_a_place_that_leaves_a_line_is_not_expected_in_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_at(folder.path(), "a");
    first.remember_manifests(&[manifest(1), manifest(2)]).unwrap();
    open_at(folder.path(), "b").join_only_line().unwrap();
    let copy = open_at(folder.path(), "b");
    copy.remember_manifests(&[manifest(3)]).unwrap();
    copy.begin_own_line(&[manifest(1), manifest(3)], &[]).unwrap();
    assert_eq!((numbers(&copy), numbers(&first)), (vec![3, 1], vec![2, 1]));
    assert_eq!(copy.seen_here().unwrap().len(), 2);
}

#[test]
fn what_is_kept_is_found_by_the_place_without_the_id() {
    let states = tempfile::tempdir().unwrap();
    let memory = open_at(&states.path().join(REPOSITORY.to_string()), "a");
    let object = |byte| KeptObject { name: "config".to_owned(), bytes: vec![byte] };
    memory.keep(&[object(1)]).unwrap();
    memory.keep(&[object(2)]).unwrap();
    let kept = Kept { repository: REPOSITORY, objects: vec![object(2)] };
    assert_eq!(kept_at(states.path(), "a"), [kept]);
    assert!(kept_at(states.path(), "b").is_empty());
    assert!(kept_at(&states.path().join("nowhere"), "a").is_empty());
}

#[test]
fn disks_of_one_place_are_recognised_by_what_was_seen_on_each() {
    let folder = tempfile::tempdir().unwrap();
    let turn = |there: &[u8]| {
        let memory = open_at(folder.path(), "place");
        memory.recognise(&there.iter().map(|number| manifest(*number).id).collect::<Vec<_>>()).unwrap();
        (memory.turn().unwrap(), numbers(&memory))
    };
    let first = open_at(folder.path(), "place");
    // A disk that nobody has told apart yet passes for the first.
    first.remember_manifests(&[manifest(1), manifest(2), manifest(3)]).unwrap();
    assert_eq!(turn(&[1]), (None, vec![3, 2, 1]));
    for number in [3, 4] {
        let memory = open_at(folder.path(), "place");
        memory.be_another_disk(&[manifest(number).id]).unwrap();
        memory.begin_own_line(&[manifest(1), manifest(number)], &[]).unwrap();
    }
    assert_eq!(turn(&[1, 2]), (Some((1, 3)), vec![2, 1]));
    assert_eq!(turn(&[1, 3, 9]), (Some((2, 3)), vec![3, 1]));
    assert_eq!(turn(&[1, 4]), (Some((3, 3)), vec![4, 1]));
    // Nothing speaks for one of them: the first, which misses what it has seen.
    assert_eq!(turn(&[1]), (Some((1, 3)), vec![2, 1]));
    // Another place knows of no disks.
    let elsewhere = open_at(folder.path(), "place 2");
    assert_eq!((elsewhere.turn().unwrap(), elsewhere.is_new_place()), (None, true));
}
