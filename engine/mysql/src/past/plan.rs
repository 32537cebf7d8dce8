//! The plan of a restore to a moment: from where to where, and what is not certain.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use repo_format::database::ServerRecord;
use repo_format::id::LeaseId;
use repo_format::log::{LogPlace, TransactionFlags};

use super::base::SavedBase;
use super::chain::Chain;
use super::feed::Stretch;
use super::late::{InexactTable, LateTables};
use super::part::ReplayPart;
use super::rehearsal::{Rehearsal, rehearse};
use super::stop::{Placed, Stop, find, is_about};
use super::{PastOptions, Via, When, direct, zones};
use crate::binlog::gtids::Gtids;
use crate::binlog::replay::{Doubt, LeftOutChange, Position};
use crate::binlog::window::{Base, Records, Way, all_ways, holds, missing_tables, records};
use crate::database::TableName;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::Monitor;
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::Snapshot;
use engine_core::snapshots::saved::databases;
use engine_core::words::short;

/// A transaction at the edge of what is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTransaction {
    /// Where it begins.
    pub at: Position,
    /// When it was committed: microseconds since 1970 by the server's clock.
    pub time: i64,
    /// It may have been committed later.
    pub is_about: bool,
    /// Its id.
    pub gtid: Option<String>,
    /// The tables whose rows it changes, or its statement.
    pub what: String,
}

/// The work of a restore to a moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// The snapshot that it begins with.
    pub snapshot: Snapshot,
    /// Where the snapshot stands in the log.
    pub base: Position,
    /// The place before which everything is restored.
    pub stop: Position,
    /// Nothing that is wanted comes between the stop and this place.
    pub(super) reached: Position,
    /// The last transaction that is restored.
    pub last: Option<SeenTransaction>,
    /// The first that is not.
    pub next: Option<SeenTransaction>,
    /// Transactions that are done again.
    pub transactions: u64,
    /// Transactions among them that have statements besides rows.
    pub with_statements: u64,
    /// Statements that run again.
    pub(super) statements: u64,
    pub(super) xa_transactions: u64,
    /// Why the log cannot be done again on the target itself.
    pub not_direct: Option<String>,
    /// Rows that are changed, by schema and table.
    pub rows: BTreeMap<(String, String), u64>,
    /// Tables that are not exact: they come back as the snapshot has them.
    pub inexact: Vec<InexactTable>,
    /// Tables that statements name which may do something else than at the source, and why.
    pub doubtful: BTreeMap<TableName, &'static str>,
    /// Such statements: the first 100.
    pub doubts: Vec<Doubt>,
    /// How many there are.
    pub doubt_count: u64,
    /// Changes that are going to be left out, and how many of each.
    pub left_out: BTreeMap<LeftOutChange, u64>,
    /// Why the restore is going to be refused.
    pub refusal: Option<String>,
    pub(super) chain: Chain,
    pub(super) part: ReplayPart,
    pub(super) zones: BTreeSet<String>,
}

impl Plan {
    /// The tables that are loaded from the snapshot and replayed; none: the whole database.
    pub fn only(&self) -> Option<&BTreeSet<TableName>> {
        self.part.only.as_ref().map(|needs| &needs.tables)
    }

    /// The schemas among them that come with everything in them.
    pub fn only_schemas(&self) -> impl Iterator<Item = &str> {
        self.part.only.iter().flat_map(|needs| &needs.schemas).map(String::as_str)
    }

    /// Why it is going to be refused in this way.
    pub fn refusal_of(&self, via: Via) -> Option<Error> {
        let refusal = self.refusal.as_ref().map(|why| Error::new(ErrorKind::Refused, why.clone()));
        let not_direct = || self.not_direct.as_deref().filter(|_| via == Via::Direct).map(direct::refused);
        refusal.or_else(not_direct)
    }

    /// Time zones by whose rules statements run again. They are the rules of this machine.
    pub fn zones(&self) -> &BTreeSet<String> {
        &self.zones
    }
}

/// Says what a restore of the database of `snapshot` to a moment does.
///
/// # Errors
/// [`ErrorKind::NotFound`] if no logs lead from the snapshot to the moment; [`ErrorKind::Usage`] if the moment is in the middle of a transaction.
pub fn plan(
    repository: &Repository,
    snapshot: &Snapshot,
    when: &When,
    options: &PastOptions,
    monitor: &dyn Monitor,
) -> Result<Plan> {
    sync(repository, monitor)?;
    let reader = ChunkReader::new(repository);
    let saved = SavedBase::open(&reader, snapshot, options)?;
    let root = databases(&snapshot.manifest).next();
    let base = root.and_then(|root| Base::new(snapshot.id, root, &saved.database.server)).ok_or_else(no_log)?;
    let Records { logs, mut bases, .. } = records(repository)?;
    // A snapshot that lacks tables can be begun with if it is named.
    if !bases.contains(&base) {
        bases.push(base.clone());
    }
    let ways = all_ways(&logs, &bases);
    let own = ways.iter().filter(|way| *way.base == base);
    let way = own.rev().max_by_key(|way| way.until).ok_or_else(|| not_in_log(&base))?;
    make(&saved, Chain::new(way), when, monitor)
}

/// Says the same of the newest of `snapshots` from which the moment can be reached. They are in the order of their times. A snapshot that lacks tables
/// is none of them: [`plan`] begins with one that is named.
///
/// # Errors
/// As [`plan`].
pub fn plan_newest(
    repository: &Repository,
    snapshots: &[Snapshot],
    when: &When,
    options: &PastOptions,
    monitor: &dyn Monitor,
) -> Result<Plan> {
    sync(repository, monitor)?;
    let reader = ChunkReader::new(repository);
    let Records { logs, bases, .. } = records(repository)?;
    let mut ways: HashMap<LeaseId, Way<'_, '_>> = HashMap::new();
    for way in all_ways(&logs, &bases) {
        if ways.get(&way.base.id).is_none_or(|known| known.until < way.until) {
            ways.insert(way.base.id, way);
        }
    }
    let known: Vec<_> =
        snapshots.iter().rev().filter_map(|snapshot| Some((snapshot, ways.get(&snapshot.id)?))).collect();
    let mut refusal = None;
    for (snapshot, way) in known.iter().filter(|(_, way)| may_reach(way, when)) {
        let saved = SavedBase::open(&reader, snapshot, options)?;
        match make(&saved, Chain::new(way), when, monitor) {
            Err(error) if error.kind() == ErrorKind::NotFound => refusal = refusal.or(Some(error)),
            result => return result,
        }
    }
    if let Some(error) = refusal {
        return Err(error);
    }
    // No snapshot reaches it: the one that comes nearest says why.
    let is_before = |(_, way): &&(&Snapshot, &Way<'_, '_>)| !matches!(when, When::At(time) if way.base.from > *time);
    let nearest = known.iter().find(is_before).or(known.last()).map(|(snapshot, _)| *snapshot).or(snapshots.last());
    let nearest =
        nearest.ok_or_else(|| Error::new(ErrorKind::NotFound, "the repository has no snapshot of a database"))?;
    plan(repository, nearest, when, options, monitor).and_then(|_| Err(lacks_tables(nearest)))
}

/// Whether the moment may lie on a way, as far as its records say.
fn may_reach(way: &Way<'_, '_>, when: &When) -> bool {
    match when {
        When::At(time) => (way.base.from..=way.until).contains(time),
        When::Before(place) => {
            let place = LogPlace { file: place.file.clone(), offset: place.offset, gtid: String::new() };
            way.logs().iter().any(|log| holds(&log.record, &place))
        }
        When::Gtid(gtid) => {
            let wanted = Gtids::parse(gtid);
            wanted.is_empty() || !Gtids::parse(&way.base.place.gtid).has_all(&wanted)
        }
        When::Newest => true,
    }
}

fn sync(repository: &Repository, monitor: &dyn Monitor) -> Result<()> {
    for (segment, error) in repository.sync_catalog(monitor)?.damaged {
        monitor.note(&format!("index/{segment} cannot be used: {error}"));
    }
    Ok(())
}

fn no_log() -> Error {
    let message = "the snapshot does not say where in a binary log it stands: its server kept none, or did not show it";
    Error::new(ErrorKind::NotFound, message)
        .with_hint("Moments between snapshots need the server's binary log: `enamel check --explain-log` says how to switch it on.")
}

fn not_in_log(base: &Base) -> Error {
    let (file, offset) = (&base.place.file, base.place.offset);
    let message = format!("the repository has no binary log that the snapshot's place, {file}:{offset}, is in");
    Error::new(ErrorKind::NotFound, message).with_hint("`enamel status` says which moments can be restored.")
}

fn lacks_tables(snapshot: &Snapshot) -> Error {
    let id = short(snapshot.id);
    let message = format!("only the snapshot {id} leads to the moment, and tables are missing in it");
    Error::new(ErrorKind::NotFound, message).with_hint("Name it to restore all other tables.")
}

/// The plan of a chain.
fn make(saved: &SavedBase<'_>, chain: Chain, when: &When, monitor: &dyn Monitor) -> Result<Plan> {
    let snapshot = saved.snapshot;
    if let When::At(time) = when
        && *time < chain.from
    {
        let id = short(snapshot.id);
        let message = format!("the moment is before that of the snapshot {id}, or before it had read all tables");
        return Err(Error::new(ErrorKind::NotFound, message).with_hint(
            "`enamel status` says from when on any moment can be restored, `enamel snapshots` which snapshots are older.",
        ));
    }
    let (mut transactions, mut with_statements, mut rows) = (0, 0, BTreeMap::new());
    let Stop { place, reached, last, next } = find(&chain, saved.reader, when, &mut |placed| {
        transactions += 1;
        with_statements += u64::from(placed.record.flags.has(TransactionFlags::STATEMENTS));
        for table in &placed.record.tables {
            let key = (table.schema.clone(), table.table.clone());
            let count: &mut u64 = rows.entry(key).or_default();
            *count =
                [table.inserted, table.updated, table.deleted].iter().fold(*count, |sum, n| sum.saturating_add(*n));
        }
    })?;
    let mut late = LateTables::of(&saved.database)?;
    if let Some(window) = late.windows.iter().find(|window| !chain.has_reached(&window.after, &reached)) {
        let (table, after) = (window.table.shown(), &window.after);
        let message = format!("the snapshot {} read {table} until {after} in the log, after the moment", snapshot.id);
        return Err(
            Error::new(ErrorKind::NotFound, message).with_hint("Choose a later moment, or an earlier snapshot.")
        );
    }
    late.inexact.extend(missing(&saved.database.server));
    let Rehearsal { part, outcome, refusal } =
        rehearse(saved, &Stretch { chain: &chain, stop: &place, reached: &reached }, &late, monitor)?;
    let inexact: Vec<InexactTable> = late.inexact.into_iter().filter(|inexact| part.has(&inexact.table)).collect();
    let zones = if outcome.converts_zones { zones::known() } else { outcome.zones };
    let refusal = refusal.or_else(|| refusal_of(saved, &inexact)).or_else(|| refusal_of_zone(&zones));
    let plan = Plan {
        statements: outcome.statements,
        xa_transactions: outcome.xa_transactions,
        not_direct: None,
        snapshot: snapshot.clone(),
        base: chain.base.clone(),
        stop: place,
        reached,
        last: last.map(seen),
        next: next.map(seen),
        transactions,
        with_statements,
        rows,
        inexact,
        doubtful: outcome.doubtful,
        doubts: outcome.doubts,
        doubt_count: outcome.doubt_count,
        left_out: outcome.left_out,
        refusal,
        chain,
        part,
        zones,
    };
    Ok(Plan { not_direct: direct::obstacle(&plan, &saved.options.load), ..plan })
}

fn seen(placed: Placed) -> SeenTransaction {
    let record = placed.record;
    let tables: Vec<String> = record.tables.iter().map(|table| format!("{}.{}", table.schema, table.table)).collect();
    let text = record.text.as_ref().map(|text| crate::database::outline(&String::from_utf8_lossy(&text.0)));
    let what = text.unwrap_or_else(|| tables.join(", "));
    SeenTransaction { at: placed.at, time: record.time, is_about: is_about(&record), gtid: record.gtid, what }
}

/// Tables and schemas that the snapshot lacks: a schema has all its tables in one.
fn missing(server: &ServerRecord) -> impl Iterator<Item = InexactTable> {
    missing_tables(server).map(|missing| {
        let name = if missing.what == "schema" { "*" } else { missing.name.as_str() };
        let why = format!("the snapshot does not have it: {}", missing.why);
        InexactTable { table: TableName::new(&missing.schema, name), why }
    })
}

/// A table that is asked for by name comes back exactly, or not at all.
fn refusal_of(saved: &SavedBase<'_>, inexact: &[InexactTable]) -> Option<String> {
    let found =
        saved.options.load.tables.iter().find_map(|name| inexact.iter().find(|inexact| inexact.table == *name))?;
    Some(format!(
        "the table {} cannot be restored to this moment: {}; name an earlier snapshot, in which the table is not late",
        found.table.shown(),
        found.why
    ))
}

fn refusal_of_zone(zones: &BTreeSet<String>) -> Option<String> {
    let zone = zones::first_unknown(zones)?;
    Some(format!(
        "statements of the log were given in the time zone {zone}, which this machine does not know: install its zones (on Debian the package tzdata)"
    ))
}
