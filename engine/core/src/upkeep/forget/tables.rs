//! Tables that only one snapshot has: they were damaged or gone when later snapshots were made.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use repo_format::id::LeaseId;
use repo_format::manifest::{Manifest, Root};

use crate::error::{Error, chain};
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::snapshots::saved::{databases, has_table, server_record};
use crate::upkeep::retention::TableName;

/// The word for a table in a snapshot's list of missing objects.
const TABLE: &str = "table";

/// Whether any of `snapshots` may lack a table: a missing part of a database counts among the problems of its snapshot.
pub(super) fn are_missed(snapshots: &[Manifest]) -> bool {
    snapshots.iter().any(has_problems)
}

fn has_problems(manifest: &Manifest) -> bool {
    manifest.problems.count > 0 && databases(manifest).next().is_some()
}

/// The snapshots that should stay for the sake of a table. With `snapshots` oldest first: those in `going` that are the
/// newest to have a table that another snapshot lacks and no remaining one has; and the remaining ones that are the
/// newest to have a table that later ones lack.
pub(super) fn only_copies(
    reader: &ChunkReader<'_>,
    snapshots: &[Manifest],
    going: &HashSet<LeaseId>,
    monitor: &dyn Monitor,
) -> Vec<(LeaseId, Vec<TableName>)> {
    let mut sources: BTreeMap<(&str, &[u8]), Source<'_>> = BTreeMap::new();
    let mut copies: BTreeMap<LeaseId, BTreeSet<TableName>> = BTreeMap::new();
    for manifest in snapshots.iter().rev() {
        for root in databases(manifest) {
            let key = (manifest.host.as_str(), root.path.0.as_slice());
            let source = sources.entry(key).or_insert_with(|| Source::new(reader, monitor));
            let saved = Saved { manifest, root, stays: !going.contains(&manifest.id) };
            for (id, table) in source.look_at(saved) {
                copies.entry(id).or_default().insert(table);
            }
        }
    }
    copies.into_iter().map(|(id, tables)| (id, tables.into_iter().collect())).collect()
}

/// The snapshots of one database, newest first.
struct Source<'r> {
    reader: &'r ChunkReader<'r>,
    monitor: &'r dyn Monitor,
    /// Tables that a snapshot lacks, and that no newer one has.
    sought: BTreeSet<TableName>,
    /// Tables with a copy that stays.
    found: BTreeSet<TableName>,
    /// The snapshots examined so far.
    newer: Vec<Saved<'r>>,
}

/// A database in a snapshot.
struct Saved<'r> {
    manifest: &'r Manifest,
    root: &'r Root,
    stays: bool,
}

impl<'r> Source<'r> {
    fn new(reader: &'r ChunkReader<'r>, monitor: &'r dyn Monitor) -> Self {
        Source { reader, monitor, sought: BTreeSet::new(), found: BTreeSet::new(), newer: Vec::new() }
    }

    /// Examines the next older snapshot. Returns tables, each with the snapshot that must stay because of it.
    fn look_at(&mut self, mut saved: Saved<'r>) -> Vec<(LeaseId, TableName)> {
        let lacking = self.lacking(saved.manifest, saved.root);
        let sought: Vec<_> = self.sought.difference(&lacking).cloned().collect();
        let held: Vec<_> = sought.into_iter().filter(|table| self.has(&saved, table)).collect();
        saved.stays |= !held.is_empty();
        let mut copies: Vec<_> = held.into_iter().map(|table| (saved.manifest.id, table)).collect();
        // No newer snapshot has the sought tables.
        let is_new = |table: &TableName| !self.found.contains(table) && !self.sought.contains(table);
        for table in lacking.into_iter().filter(is_new).collect::<Vec<_>>() {
            let holders: Vec<_> = (0..self.newer.len()).filter(|at| self.has(&self.newer[*at], &table)).collect();
            match holders.iter().find(|at| self.newer[**at].stays).or(holders.first()) {
                Some(at) if self.newer[*at].stays => drop(self.found.insert(table)),
                Some(at) => {
                    self.newer[*at].stays = true;
                    copies.push((self.newer[*at].manifest.id, table));
                }
                None => drop(self.sought.insert(table)),
            }
        }
        for (_, table) in &copies {
            self.sought.remove(table);
            self.found.insert(table.clone());
        }
        self.newer.push(saved);
        copies
    }

    /// The tables that the snapshot's record lists as missing.
    fn lacking(&self, manifest: &Manifest, root: &Root) -> BTreeSet<TableName> {
        if !has_problems(manifest) {
            return BTreeSet::new();
        }
        let record = server_record(self.reader, manifest, root).unwrap_or_else(|error| {
            self.note(manifest, &error);
            None
        });
        let left_out = record.into_iter().flat_map(|record| record.left_out).filter(|object| object.what == TABLE);
        left_out.map(|object| TableName { schema: object.schema, table: object.name }).collect()
    }

    /// Whether the snapshot has a table. An unreadable snapshot counts as one without it.
    fn has(&self, saved: &Saved<'_>, table: &TableName) -> bool {
        has_table(self.reader, saved.manifest, saved.root, &table.schema, &table.table).unwrap_or_else(|error| {
            self.note(saved.manifest, &error);
            false
        })
    }

    fn note(&self, manifest: &Manifest, error: &Error) {
        self.monitor.note(&format!(
            "the record of the database in snapshot {} cannot be read, and is not considered: {}",
            manifest.id,
            chain(error)
        ));
    }
}
