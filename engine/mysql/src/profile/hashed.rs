//! Compares saved rows that nobody may change with the hashes that the application keeps of them. Needs no server.
//!
//! Both tables are read once for each million rows. Memory: 24 bytes for each of these.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use repo_format::id::ChunkId;
use sha2::{Digest, Sha256};

use super::cells::each_row;
use super::definition::{HashPart, HashedRows};
use engine_core::error::{Error, Result};
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkReader;

/// Rows that are in memory at a time.
const ROWS_MAX: u64 = 1 << 20;

/// A row that does not fit its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashFault {
    /// The hash is that of another row.
    Wrong(i64),
    /// There is no hash.
    Missing(i64),
}

/// How many rows were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashCheck {
    /// Rows.
    pub rows: u64,
    /// Rows that fit their hash.
    pub equal: u64,
    /// Rows with another hash.
    pub wrong: u64,
    /// Rows without a hash.
    pub missing: u64,
}

/// The row of a key, as far as it is needed.
struct Expected {
    key: i64,
    /// The first bytes of its hash.
    hash: [u8; 8],
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Missing,
    Wrong,
    Equal,
}

/// Compares the hashes of the saved `schema`, whose table has about `rows` rows. Calls `found` for each fault.
///
/// # Errors
/// [`engine_core::ErrorKind::NotFound`] if a table or column was not saved; [`engine_core::ErrorKind::Damaged`]; of `found`; if
/// the monitor wishes to stop.
pub fn check_hashes(
    reader: &ChunkReader<'_>,
    hashed: &HashedRows,
    schema: Option<ChunkId>,
    rows: u64,
    found: &mut dyn FnMut(HashFault),
    monitor: &dyn Monitor,
) -> Result<HashCheck> {
    let mut check = HashCheck::default();
    let passes = rows.div_ceil(ROWS_MAX).max(1);
    for pass in 0..passes {
        let is_of_pass = |key: i64| key.cast_unsigned() % passes == pass;
        let mut expected = expected_hashes(reader, hashed, schema, &is_of_pass, monitor)?;
        expected.sort_unstable_by_key(|row| row.key);
        compare(reader, hashed, schema, &mut expected, monitor)?;
        for row in expected {
            check.rows += 1;
            match row.state {
                State::Equal => check.equal += 1,
                State::Wrong => {
                    check.wrong += 1;
                    found(HashFault::Wrong(row.key));
                }
                State::Missing => {
                    check.missing += 1;
                    found(HashFault::Missing(row.key));
                }
            }
        }
    }
    Ok(check)
}

fn expected_hashes(
    reader: &ChunkReader<'_>,
    hashed: &HashedRows,
    schema: Option<ChunkId>,
    is_wanted: &dyn Fn(i64) -> bool,
    monitor: &dyn Monitor,
) -> Result<Vec<Expected>> {
    let [a, b, c, d, e, f] = hashed.parts.map(HashPart::column);
    let mut expected = Vec::new();
    each_row(reader, schema, hashed.table, [hashed.key, a, b, c, d, e, f], &mut |[key, a, b, c, d, e, f]| {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        if let Some(key) = number(key).filter(|key| is_wanted(*key)) {
            let hash = hash_of(&hashed.parts, [a, b, c, d, e, f]);
            expected.push(Expected { key, hash, state: State::Missing });
        }
        Ok(())
    })?;
    Ok(expected)
}

fn compare(
    reader: &ChunkReader<'_>,
    hashed: &HashedRows,
    schema: Option<ChunkId>,
    expected: &mut [Expected],
    monitor: &dyn Monitor,
) -> Result<()> {
    each_row(reader, schema, hashed.hash_table, [hashed.hash_key, hashed.hash], &mut |[key, hash]| {
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let place = number(key).and_then(|key| expected.binary_search_by_key(&key, |row| row.key).ok());
        if let Some(row) = place.and_then(|place| expected.get_mut(place)) {
            let is_equal =
                BASE64_STANDARD.decode(hash.unwrap_or_default()).is_ok_and(|hash| hash.starts_with(&row.hash));
            row.state = row.state.max(if is_equal { State::Equal } else { State::Wrong });
        }
        Ok(())
    })
}

fn number(cell: Option<Vec<u8>>) -> Option<i64> {
    std::str::from_utf8(&cell?).ok()?.parse().ok()
}

/// The first bytes of the hash of a row.
fn hash_of(parts: &[HashPart; 6], cells: [Option<Vec<u8>>; 6]) -> [u8; 8] {
    let mut hasher = Sha256::new();
    for (part, cell) in parts.iter().zip(cells) {
        let cell = cell.unwrap_or_default();
        let text = String::from_utf8_lossy(&cell);
        let text = match part {
            HashPart::Column(_) => &text,
            HashPart::DateTime(_) => without_fraction(&text),
            HashPart::DateTimeSince(_, year) if is_since(&text, *year) => without_fraction(&text),
            HashPart::DateTimeSince(..) => "",
        };
        text.encode_utf16().for_each(|unit| hasher.update(unit.to_le_bytes()));
    }
    hasher.finalize().first_chunk().copied().unwrap_or_default()
}

fn without_fraction(text: &str) -> &str {
    text.split_once('.').map_or(text, |(whole, _)| whole)
}

fn is_since(text: &str, year: u16) -> bool {
    text.get(..4).and_then(|text| text.parse::<u16>().ok()).is_some_and(|found| found >= year)
}

#[cfg(test)]
mod tests {
    use super::super::named;
    use super::*;

    #[test]
    fn a_row_has_the_hash_that_the_application_computes() {
        let parts = named("opendental").unwrap().hashed.as_ref().unwrap().parts;
        let cells = |previous: &str| {
            ["8", "1", "2026-11-20 14:02:59", "Ärztin Ωmega", "77", previous].map(|cell| Some(cell.as_bytes().to_vec()))
        };
        let expected = |text: &str| {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            *Sha256::digest(&bytes).first_chunk::<8>().unwrap()
        };
        let text = "812026-11-20 14:02:59Ärztin Ωmega77";
        assert_eq!(hash_of(&parts, cells("0001-01-01 00:00:00")), expected(text));
        assert_eq!(
            hash_of(&parts, cells("2026-11-19 08:00:00.000000")),
            expected(&format!("{text}2026-11-19 08:00:00"))
        );
        let mut null = cells("0000-00-00 00:00:00");
        null[3] = None;
        assert_eq!(hash_of(&parts, null), expected("812026-11-20 14:02:5977"));
    }
}
