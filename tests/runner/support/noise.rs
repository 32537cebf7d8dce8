//! Bytes: the same for the same seed.

/// Bytes that do not compress.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Bytes that compress well, and differ everywhere.
pub fn prose(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 64);
    for line in 0u64.. {
        if bytes.len() >= len {
            break;
        }
        bytes.extend_from_slice(format!("line {line} of text {seed}, and nothing that anybody needs\n").as_bytes());
    }
    bytes.truncate(len);
    bytes
}
