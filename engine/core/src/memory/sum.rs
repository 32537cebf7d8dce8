//! Sums of rows.

/// A sum of the fields of a row: there is nothing else to check it against, and a flipped bit in it would look like a rollback.
pub(super) fn sum(fields: &[&[u8]]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
    }
    let mut sum = [0; 8];
    hasher.finalize_xof().fill(&mut sum);
    sum
}
