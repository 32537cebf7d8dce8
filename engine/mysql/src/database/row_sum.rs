//! Compares rows in any order, by the sum of their hashes.

use repo_format::id::Bytes32;

/// The number of rows, and the sum of their hashes, which does not depend on their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowSum {
    /// The number of rows.
    pub rows: u64,
    parts: [u64; 4],
}

impl RowSum {
    /// Adds a row.
    pub fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        let hash = blake3::hash(row);
        for (part, bytes) in self.parts.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *part = part.wrapping_add(u64::from_le_bytes(word));
        }
    }

    /// The sum alone.
    pub fn digest(&self) -> Bytes32 {
        let mut bytes = [0; 32];
        for (part, bytes) in self.parts.iter().zip(bytes.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        Bytes32(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&[u8]]) -> RowSum {
        let mut sum = RowSum::default();
        rows.iter().for_each(|row| sum.add(row));
        sum
    }

    #[test]
    fn a_sum_knows_rows_in_any_order_and_no_others() {
        assert_eq!(sum(&[b"1\n", b"2\n"]), sum(&[b"2\n", b"1\n"]));
        assert_ne!(sum(&[b"1\n", b"2\n"]), sum(&[b"1\n", b"1\n"]));
        assert_ne!(sum(&[b"1\n"]), sum(&[b"1\n", b"1\n"]));
    }

    #[test]
    fn the_digest_of_one_row_is_its_hash_and_that_of_none_is_zero() {
        assert_eq!(&sum(&[b"1\n"]).digest().0, blake3::hash(b"1\n").as_bytes());
        assert_eq!(sum(&[]).digest(), Bytes32([0; 32]));
    }
}
