//! Caches that say what is not so: that the chunk which all snapshots need stands in a pack which holds another.

use std::path::PathBuf;

use engine::catalog::Catalog;
use engine::monitor::NullMonitor;
use repo_format::head::{KeyClass, Sealing};
use repo_format::id::{Bytes32, ChunkId, PackId};
use repo_format::pack::PackTable;
use repo_format::segment::SegmentPack;

use super::scene::{Scene, copy_folder};
use super::spoiler::Deed;

/// Transactions of the forged cache that is to look newer than that of any process.
const NEWER: usize = 100;

/// The folder of a forged cache's files; empty if there are none.
pub fn folder(scene: &Scene, deed: Deed) -> PathBuf {
    scene.caches(&format!("{deed:?}")).join(scene.repository().id().to_string())
}

/// Makes those of a scene with two snapshots.
pub fn make(scene: &Scene) {
    let repository = scene.repository();
    let kept = repository.read_snapshot_object(scene.first).unwrap();
    let engine::repository::SnapshotObject::Manifest(kept) = kept else { unreachable!("the first is a snapshot") };
    let kept: Vec<ChunkId> = kept.manifest.ids.clone();
    let segments = repository.sync_catalog(&NullMonitor).unwrap().segments.into_keys();
    let packs: Vec<_> = segments.flat_map(|id| repository.read_segment(id).unwrap()).collect();
    let has_kept = |pack: &&SegmentPack| pack.table.entries.iter().any(|entry| kept.contains(&entry.id));
    let (holder, stays) = (packs.iter().find(has_kept).unwrap(), packs.iter().find(|pack| !has_kept(pack)).unwrap());
    let mut lie = stays.clone();
    lie.table.entries = holder.table.entries.clone();
    for deed in [Deed::Replace, Deed::ReplaceUnnoticed] {
        let folder = folder(scene, deed);
        if deed == Deed::ReplaceUnnoticed {
            copy_folder(&scene.caches("cache"), folder.parent().unwrap());
        }
        let catalog = Catalog::open(&folder, repository.id()).unwrap();
        if deed == Deed::Replace {
            (1..=4).for_each(|number| catalog.import_pack(&no_pack(number)).unwrap());
        }
        catalog.import_pack(&lie).unwrap();
        (0..NEWER).for_each(|_| catalog.note_memory([0; 16]).unwrap());
    }
}

/// A pack that is nowhere, and takes a row.
fn no_pack(number: u8) -> SegmentPack {
    SegmentPack {
        id: PackId([number; 32]),
        size: 1000,
        sealing: Sealing { class: KeyClass::Meta, epoch: 1 },
        salt: Bytes32([number; 32]),
        table: PackTable { salts: Vec::new(), entries: Vec::new() },
    }
}
