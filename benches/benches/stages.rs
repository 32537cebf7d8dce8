//! The stages that a chunk passes, each alone on one core: cutting, naming, coding, sealing.

#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use aes_gcm::aead::{AeadInOut, KeyInit};
use benches::{dump, noise};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use engine::chunk::{Coder, Compression, Cutter, FileCompression, GearTables, decode};
use repo_format::config::Config;
use repo_format::id::RepositoryId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

fn main() {
    divan::main();
}

const MIB: usize = 1024 * 1024;

fn cutter(profile: &str) -> Cutter {
    let config = Config::new(RepositoryId([0; 16]), 0);
    let words = noise(2048, 9);
    let gear = std::array::from_fn(|n| u64::from_le_bytes(words[n * 8..n * 8 + 8].try_into().unwrap()));
    Cutter::new(Arc::new(GearTables::new(Box::new(gear))), config.profile(profile).unwrap())
}

#[divan::bench(args = ["database", "files", "images"])]
fn cut(bencher: Bencher, profile: &str) {
    let (cutter, data) = (cutter(profile), noise(16 * MIB, 1));
    bencher.counter(BytesCount::of_slice(&data)).bench(|| cutter.ends(black_box(&data), true));
}

#[divan::bench(args = [16 * 1024, MIB])]
fn name(bencher: Bencher, len: usize) {
    let data = noise(len, 1);
    bencher.counter(BytesCount::new(len)).bench(|| blake3::keyed_hash(&[7; 32], black_box(&data)));
}

#[divan::bench(args = [1, 3])]
fn compress_dump_chunk(bencher: Bencher, level: i32) {
    let data = dump(16 * 1024, 1);
    let mut coder = Coder::new(level).unwrap();
    bencher
        .counter(BytesCount::new(data.len()))
        .bench_local(|| coder.encode(black_box(&data), Compression::Always).bytes.len());
}

#[divan::bench]
fn recognise_image_chunk(bencher: Bencher) {
    let data = noise(MIB, 1);
    let mut coder = Coder::new(1).unwrap();
    bencher.counter(BytesCount::new(data.len())).bench_local(|| {
        let file = FileCompression::default();
        coder.encode(black_box(&data), Compression::Probe(&file)).bytes.len()
    });
}

#[divan::bench]
fn decompress_dump_chunk(bencher: Bencher) {
    let data = dump(16 * 1024, 1);
    let coded = zstd::bulk::compress(&data, 1).unwrap();
    bencher.counter(BytesCount::new(data.len())).bench(|| decode(1, black_box(&coded), data.len()).unwrap().len());
}

/// The implementation that is used.
#[divan::bench(args = [16 * 1024, MIB])]
fn seal_with_ring(bencher: Bencher, len: usize) {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[3; 32]).unwrap());
    let mut data = noise(len, 1);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        key.seal_in_place_separate_tag(nonce, Aad::from(&[0; 84]), black_box(&mut data)).unwrap()
    });
}

/// The one that it was chosen over.
#[divan::bench(args = [16 * 1024, MIB])]
fn seal_with_aes_gcm(bencher: Bencher, len: usize) {
    let cipher = aes_gcm::Aes256Gcm::new(&[3; 32].into());
    let mut data = noise(len, 1);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        cipher.encrypt_inout_detached(&[0; 12].into(), &[0; 84], black_box(&mut data[..]).into()).unwrap()
    });
}
