//! The losses and successes of the last check at this place: which snapshots are incomplete, and which packs do not
//! open.
//!
//! The memory keeps them for each place: one copy of a repository may be whole where another is not. A place that was
//! never checked takes the verdicts of its line.
//! its line.

use std::collections::{HashMap, HashSet};

use repo_format::id::{ChunkId, LeaseId, PackId};
use rusqlite::{Row, params};

use super::Memory;
use super::sum::sum;
use crate::error::Result;
use crate::sqlite::damage;

/// The number of chunks of one pack that are remembered individually. If more are damaged, the whole pack counts as
/// damaged.
const CHUNKS_MAX: usize = 1024;
/// Stands before the ids of chunks.
const SOME: u8 = 1;

/// The result of checking everything that a snapshot needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The snapshot.
    pub manifest: LeaseId,
    /// Whether some part has no intact copy anywhere.
    pub suffers: bool,
    /// The time of the check, in seconds since 1970.
    pub seconds: i64,
}

/// The part of a pack that does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackDamage {
    /// These chunks.
    Chunks(HashSet<ChunkId>),
    /// Too many to name, or all of it.
    Whole,
}

impl PackDamage {
    /// Whether this chunk of the pack is known to be damaged.
    pub fn has(&self, chunk: &ChunkId) -> bool {
        match self {
            PackDamage::Chunks(chunks) => chunks.contains(chunk),
            PackDamage::Whole => true,
        }
    }

    /// From the chunks that do not open.
    pub fn of(chunks: impl IntoIterator<Item = ChunkId>) -> Self {
        let chunks: HashSet<_> = chunks.into_iter().collect();
        if chunks.len() > CHUNKS_MAX { PackDamage::Whole } else { PackDamage::Chunks(chunks) }
    }

    /// Ids of chunks after a byte that says that there are some; zero bytes stand for the whole pack.
    fn encode(&self) -> Vec<u8> {
        match self {
            PackDamage::Chunks(chunks) => {
                std::iter::once(SOME).chain(chunks.iter().flat_map(|chunk| chunk.0)).collect()
            }
            PackDamage::Whole => Vec::new(),
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        match bytes.split_first() {
            Some((&SOME, ids)) => PackDamage::Chunks(ids.as_chunks::<32>().0.iter().copied().map(ChunkId).collect()),
            _ => PackDamage::Whole,
        }
    }
}

fn sum_of_verdict(place: &str, verdict: &Verdict) -> [u8; 8] {
    sum(&[place.as_bytes(), &verdict.manifest.0, &[verdict.suffers.into()], &verdict.seconds.to_le_bytes()])
}

fn read_verdict(row: &Row<'_>) -> rusqlite::Result<(String, Verdict)> {
    let place: String = row.get(0)?;
    let verdict = Verdict { manifest: LeaseId(row.get(1)?), suffers: row.get(2)?, seconds: row.get(3)? };
    let is_whole = row.get::<_, [u8; 8]>(4)? == sum_of_verdict(&place, &verdict);
    if is_whole { Ok((place, verdict)) } else { Err(damage()) }
}

const VERDICTS: &str = "SELECT place, manifest, suffers, seconds, sum FROM verdicts";

/// Reads all verdicts; each must be as it was written.
pub(super) fn check_all(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.prepare(VERDICTS)?.query_map([], read_verdict)?.try_for_each(|row| row.map(drop))
}

impl Memory {
    /// The verdicts that hold for this place: its own, and bad verdicts of other places of its line on snapshots that
    /// were never checked here.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn verdicts(&self) -> Result<HashMap<LeaseId, Verdict>> {
        let line = self.line();
        let all: Vec<(String, Verdict)> = self.read("recall what was lost", |c| {
            let sql = format!(
                "{VERDICTS} WHERE place = ?1 OR (suffers AND place IN (SELECT name FROM places WHERE line = ?2))"
            );
            c.prepare_cached(&sql)?.query_map(params![self.at(), line], read_verdict)?.collect()
        })?;
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(place, _)| **place == *self.at());
        let in_order = others.into_iter().chain(own);
        Ok(in_order.map(|(_, verdict)| (verdict.manifest, verdict)).collect())
    }

    /// Replaces all verdicts of this place after everything was checked. `heard` are the earlier records of losses; the
    /// new verdicts settle them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn replace_verdicts(&self, verdicts: &[Verdict], heard: &[LeaseId]) -> Result<()> {
        let at = &*self.at();
        self.write("note what is lost", |t| {
            t.execute("DELETE FROM verdicts WHERE place = ?1", [at])?;
            insert_verdicts(t, at, verdicts)?;
            insert_heard(t, at, heard)
        })
    }

    /// Adds the verdicts on some snapshots.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_verdicts(&self, verdicts: &[Verdict]) -> Result<()> {
        self.write("note what is lost", |t| insert_verdicts(t, &self.at(), verdicts))
    }

    /// The records that need no more reading at this place: they say nothing of losses, or their losses are settled.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn heard(&self) -> Result<HashSet<LeaseId>> {
        self.read("recall what was heard", |c| {
            let mut statement = c.prepare_cached("SELECT record FROM heard WHERE place = ?1")?;
            statement.query_map([self.at()], |row| row.get(0).map(LeaseId))?.collect()
        })
    }

    /// Remembers that these records need no more reading at this place.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_heard(&self, records: &[LeaseId]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.write("note what was heard", |t| insert_heard(t, &self.at(), records))
    }

    /// The packs at this place that did not open completely when they were last read.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub fn damaged_packs(&self) -> Result<HashMap<PackId, PackDamage>> {
        self.read("recall damaged packs", |c| {
            let mut statement = c.prepare_cached("SELECT pack, chunks, sum FROM damage WHERE place = ?1")?;
            let rows = statement.query_map([self.at()], |row| {
                let (pack, chunks): (PackId, Vec<u8>) = (PackId(row.get(0)?), row.get(1)?);
                let is_whole = row.get::<_, [u8; 8]>(2)? == sum(&[&pack.0, &chunks]);
                // A damaged row claims too much damage rather than too little.
                Ok((pack, if is_whole { PackDamage::decode(&chunks) } else { PackDamage::Whole }))
            })?;
            rows.collect()
        })
    }

    /// Remembers that a pack does not open completely.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn remember_damaged_pack(&self, pack: PackId, found: &PackDamage) -> Result<()> {
        let chunks = found.encode();
        self.write("note a damaged pack", |t| {
            let sql = "INSERT OR REPLACE INTO damage (place, pack, chunks, sum) VALUES (?1, ?2, ?3, ?4)";
            t.execute(sql, params![self.at(), pack.0, chunks, sum(&[&pack.0, &chunks])]).map(|_| ())
        })
    }

    /// Forgets the damage of packs that are gone, or that were read and are whole.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`].
    pub(crate) fn forget_damaged_packs(&self, packs: &[PackId]) -> Result<()> {
        if packs.is_empty() {
            return Ok(());
        }
        self.write("note that a pack is whole", |t| {
            let mut delete = t.prepare_cached("DELETE FROM damage WHERE place = ?1 AND pack = ?2")?;
            packs.iter().try_for_each(|pack| delete.execute(params![self.at(), pack.0]).map(|_| ()))
        })
    }
}

fn insert_verdicts(t: &rusqlite::Transaction<'_>, at: &str, verdicts: &[Verdict]) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO verdicts (place, manifest, suffers, seconds, sum) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut insert = t.prepare_cached(sql)?;
    verdicts.iter().try_for_each(|verdict| {
        let Verdict { manifest, suffers, seconds } = verdict;
        insert.execute(params![at, manifest.0, suffers, seconds, sum_of_verdict(at, verdict)]).map(|_| ())
    })
}

fn insert_heard(t: &rusqlite::Transaction<'_>, at: &str, records: &[LeaseId]) -> rusqlite::Result<()> {
    let mut insert = t.prepare_cached("INSERT OR IGNORE INTO heard (place, record) VALUES (?1, ?2)")?;
    records.iter().try_for_each(|record| insert.execute(params![at, record.0]).map(|_| ()))
}
