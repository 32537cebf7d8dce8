//! The differences between two snapshots as people see them: tables with their rows, views and routines, not the files in
//! which a database is stored.

use std::collections::HashMap;

use repo_format::database::{ACCOUNTS_FILE, ObjectType, SchemaRecord, unescape_name};

use super::rows::{RowChange, RowChanges, RowLimits, compare_rows};
use super::walk::{Change, ChangeKind, Met, Next, Step, walk};
use crate::error::{Error, ErrorKind, Result, chain};
use crate::monitor::Monitor;
use crate::pack::ChunkReader;
use crate::repository::Repository;
use crate::snapshots::Snapshot;
use crate::snapshots::part::{Part, TableSize, readable, table_size};
use crate::snapshots::saved::{Database, SavedTable};
use crate::tree::TreeEntry;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartChange {
    /// Where, and how it differs. The content of a table differs if its rows or its definition do.
    pub change: Change,
    /// Its meaning.
    pub part: Part,
    /// More about it.
    pub detail: Detail,
}

/// More about a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// More about a table.
    Table {
        /// Its size before; `None` if it was not there or is damaged.
        before: Option<TableSize>,
        /// Its size after.
        after: Option<TableSize>,
        /// How many rows differ; `None` if it was not there before or after, or had other columns.
        rows: Option<RowChanges>,
        /// The first rows that differ, if that was asked for.
        first: Vec<RowChange>,
        /// Its definition is another one.
        is_redefined: bool,
    },
    /// A view, routine, trigger, event or sequence of a schema.
    Object(ObjectType, String),
    /// The character set, collation or comment of a schema.
    Defaults,
    /// The users and grants of a server.
    Accounts,
    /// It cannot be said, for this reason: a snapshot is damaged there. The rest is compared.
    Unreadable(String),
}

/// As [`diff`](super::diff()), but a table is a thing of its own whose rows are compared, and the files in which a
/// database is stored are left out. A folder, table or schema that differs and is damaged is [`Detail::Unreadable`].
///
/// # Errors
/// The error of `found`; [`ErrorKind::Cancelled`]; an error that is no damage.
pub fn compare(
    repository: &Repository,
    before: &Snapshot,
    after: &Snapshot,
    found: &mut dyn FnMut(&PartChange) -> Result<()>,
    monitor: &dyn Monitor,
) -> Result<()> {
    compare_within(&RowLimits::all(), repository, [before, after], found, monitor)
}

/// As [`compare`], of the earlier and the later snapshot, but stops to look at rows where the limits say.
///
/// # Errors
/// As [`compare`].
pub fn compare_within(
    limits: &RowLimits,
    repository: &Repository,
    [before, after]: [&Snapshot; 2],
    found: &mut dyn FnMut(&PartChange) -> Result<()>,
    monitor: &dyn Monitor,
) -> Result<()> {
    let reader = &ChunkReader::new(repository);
    let comparison = Comparison { reader, before, after, limits, monitor };
    walk(reader, before, after, &mut |step| {
        let met = match step {
            Step::Met(met) => met,
            Step::Damaged(path, error) => {
                return found(&unreadable(path, Part::Plain, error)?).map(|()| Next::Pass);
            }
        };
        if monitor.is_cancelled() {
            return Err(Error::cancelled());
        }
        let part = Part::of(&before.manifest, met.path);
        let part = if part == Part::Plain { Part::of(&after.manifest, met.path) } else { part };
        match part {
            Part::Stored | Part::Table => {
                let compared = if part == Part::Table { comparison.table(&met) } else { comparison.stored(&met) };
                let changes = compared.or_else(|error| unreadable(met.path, part, error).map(|change| vec![change]))?;
                changes.iter().try_for_each(&mut *found).map(|()| Next::Pass)
            }
            Part::Server | Part::Schema => {
                // The time of a folder of a database is that of the snapshot.
                let change = met.change().filter(|change| change.kind != ChangeKind::Metadata);
                plain(change, part).iter().try_for_each(&mut *found)?;
                Ok(Next::Enter)
            }
            Part::Plain => {
                plain(met.change(), part).iter().try_for_each(&mut *found)?;
                Ok(Next::Enter)
            }
        }
    })
}

/// A difference about which there is no more to say.
fn plain(change: Option<Change>, part: Part) -> Option<PartChange> {
    change.map(|change| PartChange { change, part, detail: Detail::None })
}

/// A thing that differs, and is damaged.
///
/// # Errors
/// `error`, if it is no damage.
fn unreadable(path: &[u8], part: Part, error: Error) -> Result<PartChange> {
    if !error.is_damage() {
        return Err(error);
    }
    Ok(PartChange { change: inside(path, ChangeKind::Content), part, detail: Detail::Unreadable(chain(&error)) })
}

struct Comparison<'c> {
    reader: &'c ChunkReader<'c>,
    before: &'c Snapshot,
    after: &'c Snapshot,
    limits: &'c RowLimits,
    monitor: &'c dyn Monitor,
}

impl Comparison<'_> {
    fn table(&self, met: &Met<'_>) -> Result<Vec<PartChange>> {
        let told = |change: Change, detail| PartChange { change, part: Part::Table, detail };
        let size = |entry: Option<&TreeEntry>| match entry {
            Some(entry) => readable(table_size(self.reader, entry.tree)),
            None => Ok(None),
        };
        let (before, after) = (size(met.old)?, size(met.new)?);
        let (Some(old), Some(new)) = (met.old, met.new) else {
            let detail = Detail::Table { before, after, rows: None, first: Vec::new(), is_redefined: false };
            return Ok(met.change().map(|change| told(change, detail)).into_iter().collect());
        };
        if old.tree == new.tree {
            return Ok(Vec::new());
        }
        let (old, new) = (self.open(self.before, met.path)?, self.open(self.after, met.path)?);
        let compared = compare_rows(self.reader, &old, &new, self.limits, self.monitor)
            .map_err(|e| e.context(format!("cannot compare {}", String::from_utf8_lossy(met.path))))?;
        let (rows, first) = compared.map_or((None, Vec::new()), |(rows, first)| (Some(rows), first));
        let is_redefined = old.record.create != new.record.create && !is_only_counter(&old, &new);
        if rows == Some(RowChanges::default()) && !is_redefined {
            return Ok(Vec::new());
        }
        let detail = Detail::Table { before, after, rows, first, is_redefined };
        Ok(vec![told(met.changed(ChangeKind::Content), detail)])
    }

    /// The things that a record of a database says otherwise.
    fn stored(&self, met: &Met<'_>) -> Result<Vec<PartChange>> {
        let Some((folder, name)) = split(met.path) else { return Ok(Vec::new()) };
        let told = |kind, part, detail| PartChange { change: inside(folder, kind), part, detail };
        let differs = met.change().is_some_and(|change| change.kind != ChangeKind::Metadata);
        if differs && name == ACCOUNTS_FILE {
            return Ok(vec![told(ChangeKind::Content, Part::Server, Detail::Accounts)]);
        }
        if !differs || name != repo_format::database::SCHEMA_FILE {
            return Ok(Vec::new());
        }
        let record = |snapshot: &Snapshot, is_there: bool| match is_there {
            true => self.schema(snapshot, folder).map(Some),
            false => Ok(None),
        };
        let (old, new) = (record(self.before, met.old.is_some())?, record(self.after, met.new.is_some())?);
        let mut changes = Vec::new();
        if let (Some(old), Some(new)) = (&old, &new) {
            let defaults = |record: &SchemaRecord| {
                (record.character_set.clone(), record.collation.clone(), record.comment.clone())
            };
            if defaults(old) != defaults(new) {
                changes.push(told(ChangeKind::Content, Part::Schema, Detail::Defaults));
            }
        }
        let objects = objects(old.as_ref(), new.as_ref()).into_iter();
        changes.extend(objects.map(|(kind, object, name)| told(kind, Part::Schema, Detail::Object(object, name))));
        Ok(changes)
    }

    fn open(&self, snapshot: &Snapshot, path: &[u8]) -> Result<SavedTable> {
        let (schema, table) = split(path).ok_or_else(|| unnamed(path))?;
        let table = unescape_name(table).ok_or_else(|| unnamed(path))?;
        self.database(snapshot, schema)?.table(&table)
    }

    fn schema(&self, snapshot: &Snapshot, path: &[u8]) -> Result<SchemaRecord> {
        Ok(self.database(snapshot, path)?.record)
    }

    /// The schema at `path`.
    fn database(&self, snapshot: &Snapshot, path: &[u8]) -> Result<crate::snapshots::saved::Schema<'_>> {
        let (root, schema) = split(path).ok_or_else(|| unnamed(path))?;
        let schema = unescape_name(schema).ok_or_else(|| unnamed(path))?;
        Database::open(self.reader, &snapshot.manifest, Some(root))?.schema(&schema)
    }
}

/// Whether two definitions differ only in the next number of AUTO_INCREMENT, which is the rows' and not the table's.
fn is_only_counter(old: &SavedTable, new: &SavedTable) -> bool {
    let plain = |create: &[u8]| {
        let text = String::from_utf8_lossy(create).into_owned();
        const COUNTER: &str = " AUTO_INCREMENT=";
        // The last one: options come after columns and their comments.
        match text.rfind(COUNTER) {
            Some(at) => {
                let rest = text[at + COUNTER.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{}{rest}", &text[..at])
            }
            None => text,
        }
    };
    plain(&old.record.create.0) == plain(&new.record.create.0)
}

/// The objects that differ, with how.
fn objects(old: Option<&SchemaRecord>, new: Option<&SchemaRecord>) -> Vec<(ChangeKind, ObjectType, String)> {
    let of = |record: Option<&SchemaRecord>| {
        let objects = record.map(|record| record.objects.clone()).unwrap_or_default();
        objects.into_iter().map(|object| ((object.kind, object.name.clone()), object)).collect::<HashMap<_, _>>()
    };
    let (old, new) = (of(old), of(new));
    let gone = old.keys().filter(|key| !new.contains_key(key)).map(|key| (ChangeKind::Removed, key));
    let come = new.keys().filter(|key| !old.contains_key(key)).map(|key| (ChangeKind::Added, key));
    // The next value of a sequence is data, and changes all the time.
    let same = |key: &&(ObjectType, String)| {
        old.get(*key).zip(new.get(*key)).is_some_and(|(old, new)| {
            (&old.create, &old.definer, &old.status, &old.sql_mode)
                != (&new.create, &new.definer, &new.status, &new.sql_mode)
        })
    };
    let changed = old.keys().filter(same).map(|key| (ChangeKind::Content, key));
    let mut all: Vec<_> =
        gone.chain(come).chain(changed).map(|(kind, (object, name))| (kind, *object, name.clone())).collect();
    all.sort_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
    all
}

/// A difference in a record of `folder`, which is nothing that has metadata.
fn inside(folder: &[u8], kind: ChangeKind) -> Change {
    Change { path: folder.to_vec(), kind, before: None, after: None }
}

/// The folder of a path, and its last name.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some((&path[..slash], &path[slash + 1..]))
}

fn unnamed(path: &[u8]) -> Error {
    Error::new(ErrorKind::Damaged, format!("`{}` is no path in a database", String::from_utf8_lossy(path)))
}
