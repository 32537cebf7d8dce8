//! Codes the bytes of a chunk: raw, or one zstd frame (FORMAT.md, section 8).
//!
//! Compression is by far the most expensive step of a backup. So samples recognise data that does not compress, such as
//! images. A file whose chunks did not compress is not sampled again for a while.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use repo_format::pack::{CODEC_RAW, CODEC_ZSTD};
use zstd::bulk::{Compressor, Decompressor};

use crate::error::{Error, ErrorKind, Result};

/// Smaller chunks are compressed without a probe: a probe would cost as much.
const PROBE_FROM: usize = 64 * 1024;
/// The size of one sample in bytes; a probe takes three.
const SAMPLE: usize = 4 * 1024;
/// If the samples stay above this share of their size (in percent), the chunk does not compress.
const POOR_PERCENT: usize = 95;
/// After a poor chunk, this many chunks of the same file at most are stored raw without a probe. The number doubles up
/// to the maximum.
const SKIP_MAX: u32 = 16;

/// Whether to try to compress.
#[derive(Clone, Copy)]
pub enum Compression<'a> {
    /// For ids, which never compress.
    Never,
    /// For directories, which always compress.
    Always,
    /// Decide by samples, and by the file's earlier chunks.
    Probe(&'a FileCompression),
}

/// Results of compressing a file's earlier chunks.
#[derive(Default)]
pub struct FileCompression {
    /// The number of chunks to store raw before the next probe.
    skip: AtomicU32,
    /// The number of probes in a row that found nothing to compress.
    poor_in_a_row: AtomicU32,
    /// The last chunk compressed well, so no probe is needed.
    good: AtomicBool,
}

impl FileCompression {
    fn should_skip(&self) -> bool {
        self.skip.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn is_good(&self) -> bool {
        self.good.load(Ordering::Relaxed)
    }

    fn was_poor(&self) {
        let row = self.poor_in_a_row.fetch_add(1, Ordering::Relaxed).min(4);
        self.skip.store((1 << row).min(SKIP_MAX), Ordering::Relaxed);
        self.good.store(false, Ordering::Relaxed);
    }

    fn was_good(&self) {
        self.poor_in_a_row.store(0, Ordering::Relaxed);
        self.good.store(true, Ordering::Relaxed);
    }
}

/// A coded chunk, ready to be sealed: codec, then bytes.
pub struct Coded<'a> {
    /// The first byte of the plain text to seal.
    pub codec: u8,
    /// The bytes after it.
    pub bytes: &'a [u8],
}

/// Codes chunks. Each thread has its own, because it keeps its tables.
pub struct Coder {
    compressor: Compressor<'static>,
    sampler: Compressor<'static>,
    buffer: Vec<u8>,
}

impl Coder {
    /// A coder for a zstd level.
    ///
    /// # Errors
    /// If there is no memory for its tables.
    pub fn new(level: i32) -> Result<Self> {
        let failed = |e| Error::io("cannot set up compression", e);
        let compressor = Compressor::new(level).map_err(failed)?;
        let sampler = Compressor::new(1).map_err(failed)?;
        Ok(Coder { compressor, sampler, buffer: Vec::new() })
    }

    /// Codes `plain`.
    pub fn encode<'a>(&'a mut self, plain: &'a [u8], compression: Compression<'_>) -> Coded<'a> {
        let raw = Coded { codec: CODEC_RAW, bytes: plain };
        let file = match compression {
            Compression::Never => return raw,
            Compression::Always => None,
            Compression::Probe(file) => Some(file),
        };
        if let Some(file) = file
            && plain.len() >= PROBE_FROM
            && !file.is_good()
            && (file.should_skip() || self.looks_poor(plain, file))
        {
            return raw;
        }
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        match self.compressor.compress_to_buffer(plain, &mut self.buffer) {
            // A small gain is not worth the time that it costs to restore.
            Ok(length) if length + plain.len() / 32 < plain.len() => {
                file.inspect(|file| file.was_good());
                Coded { codec: CODEC_ZSTD, bytes: &self.buffer[..length] }
            }
            // The buffer is as large as zstd asks for. If zstd refuses all the same, the plain bytes serve as well.
            Ok(_) | Err(_) => {
                file.inspect(|file| file.was_poor());
                raw
            }
        }
    }

    fn looks_poor(&mut self, plain: &[u8], file: &FileCompression) -> bool {
        let places = [0, plain.len() / 2, plain.len() - SAMPLE];
        let samples = places.map(|at| &plain[at..at + SAMPLE]);
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(SAMPLE));
        let mut poor = 0;
        for sample in samples {
            self.buffer.clear();
            let length = self.sampler.compress_to_buffer(sample, &mut self.buffer).unwrap_or(SAMPLE);
            poor += usize::from(length * 100 > SAMPLE * POOR_PERCENT);
        }
        if poor >= 2 {
            file.was_poor();
        }
        poor >= 2
    }
}

thread_local! {
    /// Each thread has a decompressor: setting one up costs more than decoding a small chunk.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn decompress(coded: &[u8], plain_len: usize) -> std::io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let zstd = match kept {
            Some(zstd) => zstd,
            None => kept.insert(Decompressor::new()?),
        };
        zstd.decompress(coded, plain_len)
    })
}

/// Decodes a chunk of exactly `plain_len` bytes; never allocates more. Does not copy raw bytes.
///
/// # Errors
/// [`ErrorKind::Damaged`], or [`ErrorKind::TooNew`] for an unknown codec.
pub fn decode(codec: u8, coded: &[u8], plain_len: usize) -> Result<Cow<'_, [u8]>> {
    let wrong = |why: String| Error::new(ErrorKind::Damaged, why);
    match codec {
        CODEC_RAW if coded.len() == plain_len => Ok(Cow::Borrowed(coded)),
        CODEC_RAW => Err(wrong(format!("a chunk has {} bytes where {plain_len} were expected", coded.len()))),
        CODEC_ZSTD => {
            let plain = decompress(coded, plain_len)
                .map_err(|e| wrong(format!("a chunk does not decompress to its {plain_len} bytes: {e}")))?;
            if plain.len() == plain_len {
                Ok(Cow::Owned(plain))
            } else {
                Err(wrong(format!("a chunk has {} bytes where {plain_len} were expected", plain.len())))
            }
        }
        other => {
            Err(Error::new(ErrorKind::TooNew, format!("a chunk has codec {other}, which this version does not know")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    fn code(plain: &[u8], file: &FileCompression) -> (u8, Vec<u8>) {
        let mut coder = Coder::new(3).unwrap();
        let coded = coder.encode(plain, Compression::Probe(file));
        (coded.codec, coded.bytes.to_vec())
    }

    #[test]
    fn what_was_coded_decodes_to_the_same() {
        for plain in [vec![], b"x".to_vec(), b"abc".repeat(50_000), noise(100), noise(100_000)] {
            let (codec, bytes) = code(&plain, &FileCompression::default());
            assert_eq!(decode(codec, &bytes, plain.len()).unwrap(), plain);
        }
    }

    #[test]
    fn noise_is_kept_raw_and_text_is_compressed() {
        let file = FileCompression::default();
        assert_eq!(code(&noise(100_000), &file).0, CODEC_RAW);
        assert_eq!(code(&b"abc".repeat(50_000), &FileCompression::default()).0, CODEC_ZSTD);
    }

    #[test]
    fn a_file_that_turns_compressible_is_noticed_again() {
        let file = FileCompression::default();
        for _ in 0..20 {
            assert_eq!(code(&noise(100_000), &file).0, CODEC_RAW);
        }
        let text = b"abc".repeat(50_000);
        assert!((0..40).any(|_| code(&text, &file).0 == CODEC_ZSTD));
    }

    #[test]
    fn a_bomb_does_not_decode_beyond_its_stated_length() {
        let bomb = zstd::bulk::compress(&vec![0; 8 << 20], 3).unwrap();
        assert!(decode(CODEC_ZSTD, &bomb, 1000).is_err());
        assert!(decode(CODEC_ZSTD, &bomb, (8 << 20) + 1).is_err());
        assert!(decode(9, b"", 0).is_err());
    }
}
