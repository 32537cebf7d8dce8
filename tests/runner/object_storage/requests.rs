//! How many requests each operation makes: over a network each costs a way there and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use engine::health::{Health, HealthOptions, health};
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::snapshots::diff::{Change, diff};
use engine::snapshots::find::{FindOptions, find};
use engine::snapshots::status::{StatusOptions, status};
use engine::snapshots::{self, Selector, ls};
use engine::store::{Folder, MemoryStore, ObjectName, Store};
use engine::upkeep::verify::verify;
use repo_format::config::Access;
use scenario_tests::object_storage::{Manner, ObjectStorage};

use super::{another, server};
use crate::support::{Fixture, backup, by_id, look, noise, verify_all};

/// Makes other bytes of those of a file.
type Harm<'h> = &'h dyn Fn(&[u8]) -> Vec<u8>;

/// The requests since the last call, by verb.
fn counted(server: &ObjectStorage) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for asked in server.take_asked() {
        *counts.entry(asked.verb).or_default() += 1;
    }
    counts.iter().map(|(verb, count)| format!("{count} {verb}")).collect::<Vec<_>>().join(", ")
}

/// The reads of packs since the last call.
fn reads_of_packs(server: &ObjectStorage) -> usize {
    server.take_asked().iter().filter(|asked| asked.verb == "GET" && asked.key.contains("/packs/")).count()
}

#[test]
fn requests_of_each_operation_are_counted() {
    let (server, store) = server(Manner { page: 1000, ..Manner::default() });
    let fixture = Fixture::in_store(store);
    counted(&server);
    let root = fixture.folder("root");
    for n in 0..20 {
        fs::write(root.join(n.to_string()), noise(n, 50_000)).unwrap();
    }
    let mut found = Vec::new();
    let repository = fixture.open();
    found.push(("open", counted(&server)));
    let (first, _) = backup(&repository, &root);
    found.push(("first backup", counted(&server)));
    fs::write(root.join("3"), noise(99, 50_000)).unwrap();
    backup(&fixture.open(), &root);
    found.push(("an hour, with opening", counted(&server)));
    let far = fixture.through(another(&server));
    let repository = far.open_anew();
    found.push(("open elsewhere", counted(&server)));
    let snapshot = by_id(&repository, first);
    counted(&server);
    repository.sync_catalog(&NullMonitor).unwrap();
    ls::ls(&repository, &snapshot, b"root", true, &mut |_, _| Ok(())).unwrap();
    found.push(("ls", counted(&server)));
    find(&repository, "*7", &FindOptions::default(), &NullMonitor).unwrap();
    found.push(("find", counted(&server)));
    let newest = snapshots::select(&repository, &Selector::Latest { tag: None, until: None }).unwrap().snapshot;
    counted(&server);
    let mut changes = 0;
    let mut count = |_: &Change| {
        changes += 1;
        Ok(())
    };
    diff(&repository, &snapshot, &newest, &mut count).unwrap();
    assert_eq!(changes, 1, "the file");
    found.push(("diff", counted(&server)));
    far.restore(&repository, first, "root/7");
    found.push(("restore of a file", counted(&server)));
    let (target, _) = far.restore(&repository, first, "root");
    assert!(target.join("7").exists());
    found.push(("restore of 20 files", counted(&server)));
    verify_all(&repository);
    found.push(("verify", counted(&server)));
    far.forget(&[first]);
    counted(&server);
    super::repository::prune_all(&far).unwrap();
    found.push(("open and prune", counted(&server)));
    let expected = [
        ("open", "3 GET, 2 LIST"),
        ("first backup", "1 DELETE, 5 GET, 4 LIST, 5 PUT"),
        ("an hour, with opening", "1 DELETE, 8 GET, 6 LIST, 5 PUT"),
        ("open elsewhere", "3 GET, 2 LIST"),
        ("ls", "3 GET, 1 LIST"),
        ("find", "3 GET, 1 LIST"),
        ("diff", ""),
        ("restore of a file", "3 GET, 2 LIST"),
        ("restore of 20 files", "3 GET, 2 LIST"),
        ("verify", "22 GET, 17 LIST"),
        ("open and prune", "4 DELETE, 46 GET, 25 LIST, 9 PUT"),
    ];
    let found: Vec<_> = found.iter().map(|(what, count)| (*what, count.as_str())).collect();
    assert_eq!(found, expected);
}

/// The requests of an hourly backup, and of opening the repository and knowing its packs on another machine, when so many
/// backups were made before.
fn asked_after(backups: u64) -> (usize, [String; 2]) {
    let memory = MemoryStore::new();
    let fixture = Fixture::in_store(Arc::new(memory.clone()));
    let root = fixture.folder("root");
    let repository = fixture.open();
    for n in 0..backups {
        fs::write(root.join("file"), noise(n, 500)).unwrap();
        backup(&repository, &root);
    }
    let server = ObjectStorage::start(Manner { page: 1000, ..Manner::default() });
    for name in memory.names() {
        server.put(&format!("office/enamel/{name}"), &memory.get(&name, u64::MAX).unwrap());
    }
    let packs = server.keys().iter().filter(|key| key.contains("/packs/")).count();
    let near = fixture.through(another(&server));
    let mut hour = String::new();
    // In the first hour this machine keeps the nodes.
    for n in 0..2 {
        fs::write(root.join("file"), noise(backups + n, 500)).unwrap();
        server.take_asked();
        backup(&near.open(), &root);
        hour = counted(&server);
    }
    let far = near.open_anew();
    far.sync_catalog(&NullMonitor).unwrap();
    (packs, [hour, counted(&server)])
}

#[test]
fn a_thousand_packs_cost_an_hour_no_more_requests_than_a_dozen() {
    let (few, many) = (asked_after(6), asked_after(500));
    assert_eq!((few.0, many.0), (12, 1000));
    assert_eq!(few.1, ["1 DELETE, 8 GET, 6 LIST, 5 PUT", "11 GET, 3 LIST"]);
    // Their names fill two pages. A machine that has just come reads fewer than 64 segments: then they are merged.
    assert_eq!(many.1, ["1 DELETE, 8 GET, 8 LIST, 5 PUT", "64 GET, 3 LIST"]);
}

#[test]
fn whether_all_is_well_is_asked_without_reading_a_pack() {
    let (server, store) = server(Manner { page: 1000, ..Manner::default() });
    let fixture = Fixture::in_store(store);
    let root = fixture.folder("root");
    for n in 0..12 {
        fs::write(root.join("file"), noise(n, 20_000)).unwrap();
        backup(&fixture.open(), &root);
    }
    let ask = |repository: &Repository| {
        let status = status(repository, &StatusOptions::default()).unwrap();
        health(repository, &status, &HealthOptions::default()).unwrap()
    };
    let far = fixture.through(another(&server));
    let open = || far.try_open("far", &far.credential(), Access::Read).unwrap();
    let states = |health: &Health| health.checks.iter().map(|check| check.state).collect::<Vec<_>>();
    let kept = || {
        let folder = far.scratch_folder().join("far").join(open().id().to_string()).join("nodes");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.to_str().unwrap().contains("manifest-")).collect::<Vec<_>>()
    };
    // The manifests that are read when a machine looks, by a process of its own.
    let reads = || {
        let repository = open();
        server.take_asked();
        let health = ask(&repository);
        let asked = server.take_asked();
        let of = |folder: &str| asked.iter().filter(|a| a.verb == "GET" && a.key.contains(folder)).count();
        assert_eq!(of("/packs/"), 0, "{asked:?}");
        (states(&health), of("/snapshots/"))
    };
    // A machine reads each manifest once, for all answers and for ever.
    let (first, count) = reads();
    assert_eq!((count, kept().len()), (12, 12));
    assert_eq!(reads(), (first.clone(), 0));
    // A kept manifest that is altered, cut short, another one's or of another repository is read again, and kept.
    let (_other_server, other_store) = super::server(Manner::default());
    let other = Fixture::in_store(other_store);
    backup(&other.open(), &root);
    let foreign = other.scratch_folder().join("cache").join(other.open().id().to_string()).join("nodes");
    let mut foreign = fs::read_dir(foreign).unwrap().map(|entry| entry.unwrap().path());
    let foreign = fs::read(foreign.find(|path| path.to_str().unwrap().contains("manifest-")).unwrap()).unwrap();
    let another_one = fs::read(&kept()[0]).unwrap();
    let altered = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 1).collect::<Vec<_>>();
    let damages: [Harm<'_>; 4] =
        [&altered, &|bytes| bytes[..bytes.len() / 2].to_vec(), &|_| another_one.clone(), &|_| foreign.clone()];
    for damage in damages {
        for path in kept() {
            fs::write(&path, damage(&fs::read(&path).unwrap())).unwrap();
        }
        let (states, count) = reads();
        assert_eq!(states, first);
        assert!((11..=12).contains(&count), "{count}");
        assert_eq!(reads(), (first.clone(), 0));
    }
    kept().iter().for_each(|path| fs::remove_file(path).unwrap());
    assert_eq!(reads(), (first, 12));
}

#[test]
fn a_restore_reads_by_pack() {
    let (server, store) = server(Manner { page: 1000, ..Manner::default() });
    let fixture = Fixture::in_store(store);
    let root = fixture.folder("root");
    for n in 0..30 {
        let folder = root.join((n % 4).to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(n.to_string()), noise(n, 400_000)).unwrap();
    }
    fs::write(root.join("large"), noise(77, 9_000_000)).unwrap();
    let (snapshot, _) = backup(&fixture.open(), &root);
    let far = fixture.through(another(&server)).open_anew();
    server.take_asked();
    fixture.assert_restores(&far, snapshot, &look(&root));
    let reads = reads_of_packs(&server);
    assert!(reads <= 6, "21 MB are 3 requests of 8 MiB at least, and one for the nodes; these were {reads}");
}

#[test]
fn kept_nodes_are_believed_only_if_they_are_right() {
    let (server, store) = server(Manner { page: 1000, ..Manner::default() });
    let fixture = Fixture::in_store(store);
    let root = fixture.folder("root");
    fs::write(root.join("file"), noise(1, 5000)).unwrap();
    let (snapshot, _) = backup(&fixture.open(), &root);
    let kept = || {
        let folder = fixture.scratch_folder().join("cache").join(fixture.open().id().to_string()).join("nodes");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.to_str().unwrap().contains("manifest-")).collect::<Vec<_>>()
    };
    assert_eq!(kept().len(), 1, "a backup keeps the nodes that it has made");
    server.take_asked();
    fixture.assert_restores(&fixture.open(), snapshot, &look(&root));
    assert_eq!(reads_of_packs(&server), 1, "only the data");
    for path in kept() {
        let mut bytes = fs::read(&path).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
        fs::write(path, bytes).unwrap();
    }
    server.take_asked();
    fixture.assert_restores(&fixture.open(), snapshot, &look(&root));
    assert!(reads_of_packs(&server) > 1);
    // The storage itself is damaged: what is kept does not hide that.
    backup(&fixture.open(), &root);
    let kept: Vec<String> = kept().iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let of_nodes = |key: &String| kept.iter().any(|pack| key.ends_with(pack));
    for key in server.keys().iter().filter(|key| of_nodes(key)) {
        let mut bytes = server.object(key).unwrap();
        let chunks = 80..bytes.len() / 2;
        bytes[chunks].iter_mut().for_each(|byte| *byte ^= 1);
        server.put(key, &bytes);
    }
    let report = verify(&fixture.open(), &Default::default(), &NullMonitor).unwrap();
    assert!(!report.findings.is_empty());
}

#[test]
fn many_packs_are_listed_once_each_in_parts() {
    let (server, store) = server(Manner { page: 10, ..Manner::default() });
    let mut put = BTreeSet::new();
    for n in 0..400_u32 {
        let id = repo_format::id::PackId(*blake3::hash(&n.to_le_bytes()).as_bytes());
        server.put(&format!("office/enamel/{}", ObjectName::Pack(id)), b"pack");
        put.insert(ObjectName::Pack(id).to_string());
    }
    let strangers = ["packs/!", "packs/5", "packs/A/b", "packs/ff/zz", "packs/zz"];
    strangers.iter().for_each(|name| server.put(&format!("office/enamel/{name}"), b""));
    let (mut found, mut strange) = (Vec::new(), BTreeSet::new());
    let mut take = |info: engine::store::ObjectInfo| {
        found.push(info.name.to_string());
        Ok(())
    };
    store.list(Folder::Packs, &mut take, &mut |name| assert!(strange.insert(name))).unwrap();
    assert_eq!(found.len(), 400);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), put);
    assert_eq!(strange, strangers.iter().map(|name| (*name).to_owned()).collect());
    let stopped = store.list(
        Folder::Packs,
        &mut |info| Err(engine::store::StoreError::new(engine::store::StoreErrorKind::Io, "stop at", info.name)),
        &mut |_| {},
    );
    assert_eq!(stopped.unwrap_err().action, "stop at");
}
