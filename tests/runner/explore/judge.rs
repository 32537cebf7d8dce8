//! Invariants of every state: each snapshot has what it needs, in packs that are there and that the index names.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use engine::crypto::Keys;
use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::store::{MemoryStore, ObjectName, Tag};
use engine::upkeep::verify::{Depth, VerifyOptions, verify};
use repo_format::condemned::{Condemned, Phase};
use repo_format::head::{KeyClass, ObjectKind};
use repo_format::id::{ChunkId, PackId};
use repo_format::lease::{Lease, Void};
use repo_format::manifest::Manifest;
use repo_format::segment::{self, SegmentPack};
use repo_format::{limits, sealed};
use scenario_tests::explore::Judge;
use tempfile::TempDir;

use super::scene::{Cache, Safety, Scene, Start};

/// An opened repository, and the folder that must stay as long as it is used.
type Opened = (Repository, TempDir);

/// A keyring's name, and the tag of its bytes.
type KeyringAt = (ObjectName, [u8; 32]);

/// Judges the stores of a scene.
pub struct Needs<'s> {
    scene: &'s Scene,
    /// Keys for the objects beside each keyring that was met, by its name and tag.
    opened: RefCell<HashMap<KeyringAt, Rc<Opened>>>,
    newest: RefCell<Option<Rc<Opened>>>,
    segments: RefCell<HashMap<ObjectName, Rc<Vec<SegmentPack>>>>,
    needs: RefCell<HashMap<[u8; 32], Rc<Vec<ChunkId>>>>,
}

impl<'s> Needs<'s> {
    /// A judge who has the keys.
    pub fn of(scene: &'s Scene) -> Self {
        Needs {
            scene,
            opened: RefCell::default(),
            newest: RefCell::default(),
            segments: RefCell::default(),
            needs: RefCell::default(),
        }
    }

    /// Has the keys at hand that open what is in `store`.
    fn take_keys(&self, store: &MemoryStore) -> Result<(), String> {
        let keyrings = store.names().into_iter().filter(|name| matches!(name, ObjectName::Keyring(_)));
        let newest = keyrings.max().ok_or("there is no keyring")?;
        let at = (newest, Tag::of(&store.bytes(&newest).unwrap()).0);
        let known = self.opened.borrow().get(&at).cloned();
        let opened = match known {
            Some(opened) => opened,
            None => Rc::new(self.scene.opened(&store.deep_clone()).map_err(|error| chain(&error))?),
        };
        self.opened.borrow_mut().insert(at, opened.clone());
        *self.newest.borrow_mut() = Some(opened);
        Ok(())
    }

    fn with_keys<T>(&self, work: impl FnOnce(&Keys) -> T) -> T {
        let newest = self.newest.borrow().clone();
        work(newest.as_ref().map_or(self.scene.repository(), |opened| &opened.0).keys())
    }

    fn segment(&self, name: &ObjectName, bytes: &[u8]) -> Result<Rc<Vec<SegmentPack>>, String> {
        if let Some(known) = self.segments.borrow().get(name) {
            return Ok(known.clone());
        }
        let parts = sealed::decode(ObjectKind::Segment, bytes, limits::SEGMENT).map_err(|e| format!("{name}: {e}"))?;
        let plain = self
            .with_keys(|keys| keys.open_parts(KeyClass::Index, b"index", &parts))
            .map_err(|e| format!("{name}: {}", chain(&e)))?;
        let packs = Rc::new(segment::decode(&plain).map_err(|e| format!("{name}: {e}"))?);
        self.segments.borrow_mut().insert(*name, packs.clone());
        Ok(packs)
    }

    /// The objects that a snapshot needs. Its chunks are directories of files that stand in them: no chunk needs another.
    fn needs(&self, name: &ObjectName, bytes: &[u8]) -> Result<Rc<Vec<ChunkId>>, String> {
        let tag = Tag::of(bytes).0;
        if let Some(known) = self.needs.borrow().get(&tag) {
            return Ok(known.clone());
        }
        let open = |kind| {
            self.with_keys(|keys| keys.open(kind, KeyClass::Meta, &name.to_string(), bytes, limits::SMALL_OBJECT))
        };
        let needs = match (open(ObjectKind::Manifest), open(ObjectKind::Void)) {
            (Ok(plain), _) => Manifest::decode(&plain).map_err(|e| format!("{name}: {e}"))?.ids,
            (_, Ok(plain)) => Void::decode(&plain).map(|_| Vec::new()).map_err(|e| format!("{name}: {e}"))?,
            (Err(error), Err(_)) => return Err(format!("{name}: {}", chain(&error))),
        };
        let needs = Rc::new(needs);
        self.needs.borrow_mut().insert(tag, needs.clone());
        Ok(needs)
    }

    fn open(&self, kind: ObjectKind, class: KeyClass, name: &ObjectName, bytes: &[u8], limit: u64) -> Option<Vec<u8>> {
        self.with_keys(|keys| keys.open(kind, class, &name.to_string(), bytes, limit)).ok().map(|plain| plain.to_vec())
    }
}

impl Judge for Needs<'_> {
    fn always(&self, store: &MemoryStore) -> Result<(), String> {
        self.take_keys(store)?;
        let names = store.names();
        let packs: HashSet<&PackId> =
            names.iter().filter_map(|name| if let ObjectName::Pack(id) = name { Some(id) } else { None }).collect();
        let mut found: HashSet<ChunkId> = HashSet::new();
        for name in names.iter().filter(|name| matches!(name, ObjectName::Segment(_))) {
            let segment = self.segment(name, &store.bytes(name).unwrap())?;
            let there = segment.iter().filter(|pack| packs.contains(&pack.id));
            found.extend(there.flat_map(|pack| pack.table.entries.iter().map(|entry| entry.id)));
        }
        for name in names.iter().filter(|name| matches!(name, ObjectName::Snapshot(_))) {
            let needs = self.needs(name, &store.bytes(name).unwrap())?;
            if needs.iter().any(|chunk| !found.contains(chunk)) {
                return Err(format!("{name} needs a chunk that is in no pack that is there and named by the index"));
            }
        }
        Ok(())
    }

    /// A machine that has never seen the repository verifies all of it and reads every snapshot.
    fn at_end(&self, store: &MemoryStore) -> Result<(), String> {
        let start = Start { cache: Cache::Empty, seed: "reader", safety: Safety::Safe };
        let read = self.scene.visit(Arc::new(store.deep_clone()), start, |repository| {
            let report = verify(repository, &VerifyOptions { depth: Depth::ReadData }, &NullMonitor)?;
            let mut findings: Vec<String> = report.findings.into_iter().map(|finding| finding.message).collect();
            for snapshot in engine::snapshots::list(repository)?.snapshots {
                let mut bytes = Vec::new();
                // Each is of one file, which holds its name.
                let file = &snapshot.manifest.roots[0].name.0;
                engine::snapshots::cat::cat(repository, &snapshot, file, &mut bytes)?;
                if bytes != *file {
                    findings.push("a file is not what it was".to_owned());
                }
            }
            Ok(findings)
        });
        let findings = read.map_err(|error| chain(&error))?;
        if findings.is_empty() { Ok(()) } else { Err(findings.join("; ")) }
    }

    fn describe(&self, name: &ObjectName, bytes: &[u8]) -> Option<String> {
        match name {
            ObjectName::Condemned => {
                let plain = self.open(ObjectKind::Condemned, KeyClass::Index, name, bytes, limits::CONDEMNED)?;
                Condemned::decode(&plain).ok().map(|condemned| say_condemned(&condemned))
            }
            ObjectName::Lease(_) => {
                let plain = self.open(ObjectKind::Lease, KeyClass::Index, name, bytes, limits::SMALL_OBJECT)?;
                Lease::decode(&plain).ok().map(|lease| format!("(seen {})", lease.seen))
            }
            ObjectName::Snapshot(_) => {
                let is_void = self.open(ObjectKind::Void, KeyClass::Meta, name, bytes, limits::SMALL_OBJECT).is_some();
                Some(if is_void { "(void)" } else { "(manifest)" }.to_owned())
            }
            _ => None,
        }
    }
}

fn say_condemned(condemned: &Condemned) -> String {
    let lists = condemned.lists.iter().map(|list| {
        let phase = if list.phase == Phase::Doomed { " doomed" } else { "" };
        let packs: Vec<_> = list.packs.iter().map(|pack| pack.to_string()[..4].to_owned()).collect();
        format!(", {}{phase}: {}", list.number, packs.join(" "))
    });
    format!("(next {}{})", condemned.next, lists.collect::<String>())
}
