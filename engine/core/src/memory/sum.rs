//! Checksums of rows.

/// A checksum of the fields of a row. Nothing else could verify a row, and a flipped bit would look like a rollback.
pub(super) fn sum(fields: &[&[u8]]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
    }
    let mut sum = [0; 8];
    hasher.finalize_xof().fill(&mut sum);
    sum
}
