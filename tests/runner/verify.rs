//! Verifying a part at a time, one snapshot alone, and judging by need.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use engine::catalog::sealed_chunks;
use engine::monitor::NullMonitor;
use engine::pack::PackRewriter;
use engine::repository::Repository;
use engine::store::{MemoryStore, ObjectName};
use engine::upkeep::verify::{Depth, FindingKind, Part, VerifyOptions, VerifyReport, verify, verify_snapshot};
use repo_format::condemned::{CondemnedList, Phase};
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{LeaseId, PackId};
use repo_format::pack::ChunkKind;

use crate::support::{Fixture, Hook, backup, look, noise, verify_all};

/// A repository with packs of 1 MiB, and a folder of several.
fn scene() -> (Fixture, MemoryStore, PathBuf) {
    let store = MemoryStore::new();
    let fixture = Fixture::with_small_packs(&store);
    let root = fixture.folder("root");
    for number in 0..8 {
        fs::write(root.join(format!("file {number}")), noise(number, 1_000_000)).unwrap();
    }
    (fixture, store, root)
}

fn read_part(repository: &Repository, part: Part) -> VerifyReport {
    verify(repository, &VerifyOptions { depth: Depth::ReadPart(part) }, &NullMonitor).unwrap()
}

fn flip(store: &MemoryStore, pack: PackId, at: usize) {
    let name = ObjectName::Pack(pack);
    let mut bytes = store.bytes(&name).unwrap();
    bytes[at] ^= 1;
    store.put_raw(&name, bytes);
}

#[test]
fn a_part_at_a_time_reads_everything_once() {
    let (fixture, _, root) = scene();
    let repository = fixture.open();
    backup(&repository, &root);
    let packs = repository.list_packs().unwrap();
    let total: u64 = packs.values().sum();
    let (mut read, mut rounds) = (0, 0);
    while repository.catalog().verified().unwrap().len() < packs.len() {
        let report = read_part(&repository, Part::Percent(25));
        assert_eq!((report.findings.len(), report.packs), (0, packs.len() as u64), "{:?}", report.findings);
        assert!((total / 4..total / 2).contains(&report.read_bytes), "{} of {total}", report.read_bytes);
        read += report.read_bytes;
        rounds += 1;
    }
    assert!(rounds <= 4 && read < total * 3 / 2, "{read} of {total} in {rounds} rounds");
    let stats = engine::snapshots::stats::stats(&repository).unwrap();
    assert_eq!(stats.never_verified_bytes, 0);
    assert!(stats.oldest_verified.is_some());
}

#[test]
fn what_was_found_good_is_remembered_and_what_is_damaged_is_not() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    backup(&repository, &root);
    verify_all(&repository);
    let packs = repository.list_packs().unwrap();
    assert_eq!(repository.catalog().verified().unwrap().len(), packs.len(), "a full reading counts, too");

    let pack = *packs.keys().min().unwrap();
    flip(&store, pack, 100);
    // The one that was longest not read comes first.
    repository.catalog().remember_verified(pack, 1).unwrap();
    let report = read_part(&repository, Part::Bytes(1));
    let damaged: Vec<_> = report.findings.iter().filter(|finding| finding.kind == FindingKind::DamagedPack).collect();
    assert!(!damaged.is_empty() && damaged.iter().all(|finding| finding.object.ends_with(&pack.to_string())));
    assert!(!repository.catalog().verified().unwrap().contains_key(&pack));
    let stats = engine::snapshots::stats::stats(&repository).unwrap();
    assert_eq!(stats.never_verified_bytes, packs[&pack]);
    assert!(!read_part(&repository, Part::Bytes(1)).findings.is_empty(), "it comes first again");
}

#[test]
fn one_snapshot_alone_is_checked_with_the_packs_that_it_needs() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let (large, _) = backup(&repository, &root);
    let before: HashSet<PackId> = repository.list_packs().unwrap().into_keys().collect();
    let other = fixture.folder("other");
    fs::write(other.join("file"), noise(99, 1_500_000)).unwrap();
    let (small, _) = backup(&repository, &other);
    let of = |snapshot: LeaseId, depth| {
        verify_snapshot(&fixture.open_anew(), snapshot, &VerifyOptions { depth }, &NullMonitor).unwrap()
    };
    let packs = repository.list_packs().unwrap();
    let own: u64 = packs.iter().filter(|(id, _)| !before.contains(id)).map(|(_, size)| size).sum();
    let report = of(small, Depth::ReadData);
    assert_eq!((report.findings.len(), report.snapshots, report.read_bytes), (0, 1, own), "{:?}", report.findings);

    // Data that only the other snapshot needs is gone: that is not this one's damage.
    packs.keys().filter(|id| !before.contains(id)).for_each(|id| assert!(store.remove_raw(&ObjectName::Pack(*id))));
    for depth in [Depth::Structure, Depth::ReadData] {
        assert!(of(large, depth).findings.is_empty());
        let report = of(small, depth);
        assert_eq!(report.findings[0].kind, FindingKind::LostData, "{:?}", report.findings);
    }
    // The largest holds contents; others may hold what the structure is read from.
    flip(&store, *before.iter().max_by_key(|id| packs[*id]).unwrap(), 100);
    assert!(of(large, Depth::Structure).findings.is_empty(), "only reading finds that");
    assert!(!of(large, Depth::ReadData).findings.is_empty());
    assert_eq!(
        verify_snapshot(&repository, LeaseId([9; 16]), &VerifyOptions::default(), &NullMonitor).unwrap_err().kind(),
        engine::ErrorKind::NotFound
    );
}

#[test]
fn what_no_snapshot_needs_may_be_gone() {
    let (fixture, store, root) = scene();
    let repository = fixture.open();
    let kept = fixture.folder("kept");
    fs::write(kept.join("file"), noise(50, 100_000)).unwrap();
    backup(&repository, &kept);
    let before: HashSet<PackId> = repository.list_packs().unwrap().into_keys().collect();
    let (forgotten, _) = backup(&repository, &root);
    store.remove_raw(&ObjectName::Snapshot(forgotten));
    let packs = repository.list_packs().unwrap();
    packs.keys().filter(|id| !before.contains(id)).for_each(|id| assert!(store.remove_raw(&ObjectName::Pack(*id))));
    let lost = |report: VerifyReport| report.findings.iter().any(|finding| finding.kind == FindingKind::LostData);
    for depth in [Depth::Structure, Depth::ReadData, Depth::ReadPart(Part::Percent(50))] {
        assert!(!lost(verify(&fixture.open_anew(), &VerifyOptions { depth }, &NullMonitor).unwrap()));
    }
}

fn condemn(store: &MemoryStore, repository: &Repository, packs: Vec<PackId>, phase: Phase) {
    let (mut condemned, _) = repository.condemned().unwrap();
    condemned.lists.push(CondemnedList { number: condemned.next, phase, packs });
    condemned.next += 1;
    let plain = condemned.encode().unwrap();
    let object = repository.keys().seal(ObjectKind::Condemned, KeyClass::Index, "condemned", &plain).unwrap();
    store.put_raw(&ObjectName::Condemned, object);
}

#[test]
fn what_only_a_condemned_pack_has_can_be_read_and_is_noted() {
    for phase in [Phase::Condemned, Phase::Doomed] {
        let (fixture, store, root) = scene();
        let repository = fixture.open();
        let (snapshot, _) = backup(&repository, &root);
        let packs: Vec<PackId> = repository.list_packs().unwrap().into_keys().collect();
        condemn(&store, &repository, packs.clone(), phase);
        let noted = |report: &VerifyReport| report.notes.iter().filter(|note| note.contains("is condemned")).count();
        let report = verify_all(&repository);
        assert_eq!(noted(&report), packs.len(), "{:?}", report.notes);
        fixture.assert_restores(&fixture.open_anew(), snapshot, &look(&root));
        // The next backup counts on no damaged chunk, and stores all of them again.
        backup(&repository, &root);
        assert_eq!(noted(&verify_all(&repository)), 0);
        packs.iter().for_each(|pack| assert!(store.remove_raw(&ObjectName::Pack(*pack))));
        verify_all(&repository);
    }
}

/// Puts a copy of all chunks of a pack into a new one, as a prune does; gives its id.
fn rewrite(repository: &Repository, pack: PackId, size: u64) -> PackId {
    let described = repository.read_pack_table(pack, size).unwrap();
    let mut rewriter = PackRewriter::new(repository.keys(), described.sealing.class).unwrap();
    for (id, location) in sealed_chunks(&described).filter(|(_, l)| l.kind != ChunkKind::Padding) {
        let end = location.offset + u64::from(location.sealed_len);
        let sealed = repository.store().get_range(&ObjectName::Pack(pack), location.offset..end).unwrap();
        rewriter.push(id, &location, sealed).unwrap();
    }
    let new = rewriter.finish().unwrap().unwrap();
    repository.store().put_new(&ObjectName::Pack(new.description.id), &new.parts()).unwrap();
    repository.put_segment(std::slice::from_ref(&new.description)).unwrap();
    new.description.id
}

#[test]
fn packs_that_are_rewritten_and_snapshots_that_are_forgotten_meanwhile_are_no_damage() {
    for depth in [Depth::Structure, Depth::ReadData] {
        let (fixture, store, root) = scene();
        let repository = Arc::new(fixture.open());
        let (kept, _) = backup(&repository, &root);
        let before: HashSet<PackId> = repository.list_packs().unwrap().into_keys().collect();
        let other = fixture.folder("other");
        fs::write(other.join("file"), noise(99, 1_500_000)).unwrap();
        let (forgotten, _) = backup(&repository, &other);
        let prune = move || {
            store.remove_raw(&ObjectName::Snapshot(forgotten));
            for (pack, size) in repository.list_packs().unwrap() {
                if before.contains(&pack) {
                    rewrite(&repository, pack, size);
                }
                store.remove_raw(&ObjectName::Pack(pack));
            }
        };
        let hook = Hook::once(|_| true, prune);
        let report = verify(&fixture.open_anew(), &VerifyOptions { depth }, &hook).unwrap();
        assert!(hook.is_done());
        assert!(report.findings.is_empty(), "{depth:?}: {:?}", report.findings);
        fixture.assert_restores(&fixture.open_anew(), kept, &look(&root));
    }
}
