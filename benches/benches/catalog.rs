//! The catalog: look-ups that hit, look-ups that miss, taking in a pack.

#![allow(missing_docs, clippy::unwrap_used)]

use benches::noise;
use divan::{Bencher, black_box};
use engine::catalog::Catalog;
use repo_format::head::{KeyClass, Sealing};
use repo_format::id::{Bytes32, ChunkId, PackId, RepositoryId};
use repo_format::pack::{ChunkKind, PackTable, TableEntry};
use repo_format::segment::SegmentPack;

fn main() {
    divan::main();
}

/// Chunks of a pack of a database: 32 MiB, 4 KiB each as stored.
const PER_PACK: u64 = 8192;

fn id(number: u64) -> ChunkId {
    ChunkId(noise(32, number).try_into().unwrap())
}

fn pack(number: u64) -> SegmentPack {
    let entries: Vec<_> = (0..PER_PACK)
        .map(|chunk| TableEntry {
            id: id(number * PER_PACK + chunk),
            kind: ChunkKind::Data,
            salt: 0,
            position: u32::try_from(chunk).unwrap(),
            sealed_len: 4096,
            plain_len: 16_384,
        })
        .collect();
    SegmentPack {
        id: PackId(noise(32, u64::MAX - number).try_into().unwrap()),
        size: 32 << 20,
        sealing: Sealing { class: KeyClass::Data, epoch: 1 },
        salt: Bytes32([1; 32]),
        table: PackTable { salts: Vec::new(), entries },
    }
}

fn filled(folder: &tempfile::TempDir, packs: u64) -> Catalog {
    let catalog = Catalog::open(folder.path(), RepositoryId([1; 16])).unwrap();
    for number in 0..packs {
        catalog.import_pack(&pack(number)).unwrap();
    }
    catalog
}

#[divan::bench(args = [2, 64], sample_count = 20)]
fn look_up_what_is_there(bencher: Bencher, packs: u64) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = filled(&folder, packs);
    let mut number = 0;
    bencher.bench_local(|| {
        number = (number + 7919) % (packs * PER_PACK);
        catalog.packs_of(&black_box(id(number)), |_| true).unwrap()
    });
}

#[divan::bench(args = [2, 64], sample_count = 20)]
fn look_up_what_is_not(bencher: Bencher, packs: u64) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = filled(&folder, packs);
    let mut number = u64::MAX / 2;
    bencher.bench_local(|| {
        number += 1;
        catalog.packs_of(&black_box(id(number)), |_| true).unwrap()
    });
}

#[divan::bench(sample_count = 10)]
fn take_in_a_pack(bencher: Bencher) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = filled(&folder, 8);
    let mut number = 1000;
    bencher
        .with_inputs(|| {
            number += 1;
            pack(number)
        })
        .bench_local_values(|pack| catalog.import_pack(&pack).unwrap());
}
