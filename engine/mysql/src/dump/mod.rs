//! A database as a source: everything that a server shows of some schemas at one moment.
//!
//! ```text
//! plan       lists and describes tables                         server    identity, clock, variables
//! moment     one moment for all: snapshots, and locks where an engine has no snapshots    place     of snapshots in the log
//! barrier    keeps writers away meanwhile                        obstacle  who is in the way, before it is tried
//! locked     reads what is locked, in the order that makes writers wait least   ---> spool (sorted, sealed, without a name)
//! sessions   reads the rest from snapshots, and seals all       late      what could not be read at the moment
//! reader     reads one table: from a snapshot, under a lock, or in short ranges       standstill  lets go of a table that cannot be stored
//! ranges     parts of a large table, for several sessions
//! segments   from rows in order to segments in the repository
//! parent     the parent snapshot; evidence: what did not change    entries   files and folders of all this
//! increment  what the binary log says has changed since the parent snapshot: only that is read
//! ```
//!
//! Definitions are compared when all is read: a table that became another one meanwhile is read again, and named.

mod barrier;
mod entries;
mod evidence;
mod expected;
mod increment;
mod late;
mod lock_group;
mod locked;
mod moment;
mod obstacle;
mod parent;
mod place;
mod plan;
mod ranges;
mod reader;
mod records;
mod rights;
mod segments;
mod server;
mod sessions;
mod shrunken;
mod source;
mod spool;
mod standstill;
mod state;
mod waiters;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use repo_format::database::CarriedTable;
use repo_format::manifest::Root;
use repo_format::node::ProblemKind;

use crate::binlog::changes::Changes;
use crate::database::{
    Address, Connection, LockFacts, Privileges, Reach, Right, Scope, Server, TableInfo, TableName, Turn, attended,
    list_schemas, list_tables, tells_snapshots_apart,
};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::files::backup::{Companion, DatabaseFigures, FolderSource, Loss, MendedTable, Run};
use engine_core::tree::TreeEntry;

use expected::Expected;
pub use increment::Extent;
use increment::{Findings, Increment, Part, find_parts, wanted_tables};
use late::LateRead;
use locked::{LockedRead, LockedReading};
use moment::{Moment, Tried, Wanted};
use parent::ParentDatabase;
use plan::{Means, Plan, PlannedTable, is_table_error, left_out};
use reader::SpooledRows;
use segments::Amiss;
use server::ServerNow;
use sessions::{Job, Sessions, Stored};
pub use source::DatabaseSource;
use spool::SpoolSpace;
use state::{Dump, SavedTables};

/// Why a table is read again that was to be made of its parent's rows.
const PARENT_DAMAGED: &str = "its rows in the earlier snapshot are damaged";
/// How often damaged tables are looked for and left out before the run fails.
const DAMAGED_TRIES: u32 = 3;

/// The news that the binary log told.
struct Told {
    changes: Changes,
    /// The server's format is that of rows.
    logs_rows: bool,
}

impl FolderSource for DatabaseSource {
    fn address(&self) -> String {
        self.address.public()
    }

    fn take_companion(&mut self) -> Option<Companion> {
        self.companion.take()
    }

    fn save(&self, run: &Run<'_>, root: &Root) -> Result<TreeEntry> {
        attended(&self.address, run.monitor(), |address| save(run, address, self, root))
    }
}

fn save(run: &Run<'_>, address: &Address, source: &DatabaseSource, root: &Root) -> Result<TreeEntry> {
    let mut control = Connection::open(address)?;
    let server = Server::detect(&mut control)?;
    Turn::Backup.take(&mut control)?;
    let schemas = list_schemas(&mut control, &source.schemas)?;
    let privileges = Privileges::read(&mut control, &server)?;
    let listed = list_tables(&mut control, &schemas)?;
    let reach = Reach::seen(&mut control, &source.schemas, &schemas, &listed)?;
    let unseen = rights::check(&server, &privileges, source, &reach)?;
    let tells_apart = tells_snapshots_apart(&mut control, &server)?;
    let cache = run.store().repository().catalog().folder().map(std::path::Path::to_owned);
    let dump = Dump {
        run,
        source,
        address,
        now: ServerNow::ask(&mut control, &server)?,
        locking: LockFacts { tells_apart, ..LockFacts::new(&server, &privileges) },
        sees_programs: [Right::Select, Right::Trigger].iter().all(|right| privileges.has_on(*right, &Scope::Server)),
        server,
        schemas,
        listed,
        unseen,
        parent: ParentDatabase::open(run.parent())?,
        spool_folder: source.spool_folder.clone().or(cache).unwrap_or_else(tempfile::env::temp_dir),
        space: SpoolSpace::new(source.spool_bytes_max),
    };
    dump.save(&mut control, root)
}

impl Dump<'_, '_> {
    fn save(&self, control: &mut Connection, root: &Root) -> Result<TreeEntry> {
        let mut plan = Plan::make(self.run, control, &self.server, &self.listed, &self.parent)?;
        let wanted = wanted_tables(&plan);
        let increment = Increment::begin(self, &plan, &wanted)?;
        let mut moment = self.take_moment(control, &mut plan)?;
        let changes = increment.end(self, control, &plan, moment.binlog.as_ref())?;
        let logs_rows = moment.binlog.as_ref().is_some_and(|binlog| binlog.format.eq_ignore_ascii_case("ROW"));
        let mut saved = SavedTables::default();
        saved.left_out.extend(self.unseen.iter().cloned());
        saved.left_out.append(&mut plan.left_out);
        saved.again.append(&mut plan.put_off);
        self.choose_parts(control, &mut plan, changes.map(|changes| Told { changes, logs_rows }), &mut saved)?;
        self.read(&plan, &mut moment, &mut saved)?;
        self.compare_definitions(control, &mut plan, &mut saved)?;
        self.read_late(&mut plan, &mut saved)?;
        self.report(&saved);
        self.count(&plan, &moment, &saved)?;
        records::write(self, control, root, &plan, moment, saved)
    }

    /// Takes the moment. Tables that cannot be locked because they are damaged are left out, those that others hold are put off.
    fn take_moment(&self, control: &mut Connection, plan: &mut Plan) -> Result<Moment> {
        let mut locking = self.locking;
        for _ in 0..DAMAGED_TRIES {
            let snapshots = if plan.has(Means::Snapshot) { self.source.session_count() } else { 0 };
            let groups = plan.lock_groups();
            let facts = LockFacts { locks_tables: !groups.is_empty(), ..locking };
            let (address, server, patience) = (self.address, &self.server, self.source.patience);
            let wanted = Wanted { address, server, facts, snapshots, patience, groups };
            match moment::take(self.run, control, &wanted) {
                Ok(Tried::Held(moment)) => return Ok(moment),
                Ok(Tried::Busy(error)) => {
                    // A stage waits for locks on tables of others, too.
                    let may_other_way = std::mem::take(&mut locking.may_stage);
                    if !plan.put_off_busy(control)? && !may_other_way {
                        return Err(error);
                    }
                }
                Err(error) if is_table_error(&error) && plan.leave_out_damaged(control)? => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Database, "tables are damaged, or vanish, while they are being locked"))
    }

    /// Takes over the tables that have not changed, and finds those of which a part is to be read.
    fn choose_parts(
        &self,
        control: &mut Connection,
        plan: &mut Plan,
        told: std::result::Result<Told, String>,
        saved: &mut SavedTables,
    ) -> Result<()> {
        if plan.tables.iter().all(|table| table.parent.is_none()) {
            return Ok(());
        }
        // Asked behind the barrier: what was renamed before it shows.
        let now = ServerNow { alterations: server::alterations(control)?, ..self.now.clone() };
        let infos = list_tables(control, &self.schemas)?;
        if self.source.extent != Extent::Prove {
            let unchanged = plan.unchanged(&self.parent, &now, &infos);
            self.carry_over(plan, &unchanged, saved)?;
        }
        saved.whole_because = match told {
            Ok(Told { mut changes, logs_rows }) => {
                let findings = Findings { now: &now, infos: &infos, logs_rows };
                let parts = find_parts(self, plan, &mut changes, &findings)?;
                parts.lost.iter().for_each(|name| saved.has_lost(name, Loss::Missing));
                parts.whole_because.map(str::to_owned)
            }
            Err(why) => Some(why),
        };
        for table in plan.tables.iter().filter(|table| table.part.as_ref().is_some_and(Part::is_nothing)) {
            if let Some(parent) = table.parent.as_ref().filter(|_| !saved.is_carried(&table.name())) {
                saved.rows.insert(table.name(), parent.stored_rows());
            }
        }
        Ok(())
    }

    /// Reads all tables: first those that are locked.
    fn read(&self, plan: &Plan, moment: &mut Moment, saved: &mut SavedTables) -> Result<()> {
        let by_name = plan.by_name();
        let to_read: Vec<&PlannedTable> = plan.tables.iter().filter(|table| !saved.has(&table.name())).collect();
        let expected = Expected::new(self.run.monitor(), &to_read, (plan.tables.len() - to_read.len()) as u64);
        let locked = self.read_locked(&to_read, moment)?;
        let mut jobs = Vec::new();
        for table in to_read {
            match (table.means, locked.get_rows(table)) {
                (Means::Snapshot, _) => jobs.push(Job::Read(table, None)),
                (Means::Lock, Some(rows)) => jobs.push(Job::Seal(table, rows)),
                (Means::Lock, None) | (Means::Nothing, _) => expected.is_done(table, None),
            }
        }
        locked.settle(&by_name, saved);
        let sessions = Sessions {
            address: self.address,
            snapshots: std::mem::take(&mut moment.snapshots),
            threads: self.source.session_count(),
            range_bytes: self.source.range_bytes,
            place: self.place(),
            standstill: &self.standstill(),
            expected: &expected,
        };
        for (name, stored) in sessions::store_all(self.run, sessions, jobs)? {
            let info = by_name.get(&name).map(|table| table.info.clone());
            match (stored, info) {
                (Stored::Rows(rows), _) => {
                    match rows.amiss {
                        Some(Amiss::Log) => saved.contradicted.push(name.clone()),
                        Some(Amiss::Parent) => saved.has_lost(&name, Loss::Damaged),
                        None => {}
                    }
                    saved.rows.insert(name, rows);
                }
                (Stored::Redefined, Some(info)) => {
                    saved.again.push((info, "its definition changed while the backup ran".to_owned()));
                }
                (Stored::LetGo(why), Some(info)) => saved.again.push((info, why.to_owned())),
                (Stored::ParentDamaged, Some(info)) => {
                    saved.has_lost(&name, Loss::Damaged);
                    saved.again.push((info, PARENT_DAMAGED.to_owned()));
                }
                (Stored::Damaged(error), Some(info)) => saved.left_out.push(left_out(&info, &error)),
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Takes the rows of unchanged tables from the parent snapshot, as far as they are all there.
    fn carry_over(&self, plan: &Plan, unchanged: &HashSet<TableName>, saved: &mut SavedTables) -> Result<()> {
        for table in plan.tables.iter().filter(|table| unchanged.contains(&table.name())) {
            let Some(before) = &table.parent else { continue };
            let rows_are_there = match &before.rows {
                Some(rows) => self.run.parent().content_is_stored(rows)?,
                None => true,
            };
            if rows_are_there {
                let TableName { schema, table: name } = table.name();
                saved.carried.push(CarriedTable { schema, table: name, read: before.read });
            } else {
                saved.has_lost(&table.name(), Loss::Missing);
            }
        }
        Ok(())
    }

    fn read_locked(&self, to_read: &[&PlannedTable], moment: &mut Moment) -> Result<LockedTables> {
        let to_read = to_read.iter().filter(|table| table.means == Means::Lock);
        let reader = self.run.parent().reader();
        let reading = LockedReading {
            address: self.address,
            server: &self.server,
            tables: to_read.map(|table| (table.name(), table.to_read(reader))).collect(),
            sees_others: self.locking.sees_others,
            wait_max: self.source.wait_max,
            place: self.place(),
            locked_at: moment.locked_at,
        };
        let groups = std::mem::take(&mut moment.locks);
        if groups.is_empty() {
            return Ok(LockedTables::default());
        }
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let outcome = locked::read(self.run, groups, &reading, cores.clamp(2, 4))?;
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        moment.record.tables_locked = millis(outcome.tables_locked);
        moment.record.longest_wait = millis(outcome.longest_wait);
        Ok(LockedTables { tables: Mutex::new(outcome.tables) })
    }

    /// Compares all definitions with those that rows were read by, and finds tables that came meanwhile.
    fn compare_definitions(&self, control: &mut Connection, plan: &mut Plan, saved: &mut SavedTables) -> Result<()> {
        let known: HashSet<TableName> = plan.tables.iter().map(PlannedTable::name).collect();
        let left_out =
            saved.left_out.iter().map(|left| TableName::new(&left.schema, &left.name)).collect::<HashSet<_>>();
        for table in &mut plan.tables {
            self.run.check_stop()?;
            if !late::is_as_described(control, table)? {
                saved.again.push((table.info.clone(), "its definition changed while the backup ran".to_owned()));
            } else if table.means == Means::Snapshot {
                // The counter is read last: it may be ahead of the rows, never behind them.
                table.record.create.0 = late::show_create(control, &table.info)?;
            }
        }
        let is_new = |info: &TableInfo| {
            let name = info.table_name();
            !known.contains(&name) && !left_out.contains(&name)
        };
        for info in list_tables(control, &self.schemas)?.into_iter().filter(is_new).collect::<Vec<_>>() {
            saved.again.push((info, "it was made while the backup ran".to_owned()));
        }
        Ok(())
    }

    /// Reads what must be read again.
    fn read_late(&self, plan: &mut Plan, saved: &mut SavedTables) -> Result<()> {
        let again = std::mem::take(&mut saved.again);
        let read_again = again.iter().map(|(info, _)| info.table_name()).collect::<HashSet<_>>();
        saved.carried.retain(|carried| !read_again.contains(&TableName::new(&carried.schema, &carried.table)));
        saved.rows.retain(|name, _| !read_again.contains(name));
        plan.tables.iter_mut().filter(|table| read_again.contains(&table.name())).for_each(|table| table.part = None);
        let left_out =
            saved.left_out.iter().map(|left| TableName::new(&left.schema, &left.name)).collect::<HashSet<_>>();
        // Omitted tables stay in the plan, without rows.
        plan.tables.retain(|table| !read_again.contains(&table.name()) || left_out.contains(&table.name()));
        let mut done = left_out;
        for (info, why) in again {
            let name = info.table_name();
            // A table may be named twice: as late, and as redefined.
            if !done.insert(name.clone()) {
                continue;
            }
            match late::read(self, &info, &why)? {
                LateRead::LeftOut(left_out) => saved.left_out.push(left_out),
                LateRead::Rows(table, rows, late) => {
                    saved.rows.insert(name, rows);
                    saved.late.push(late);
                    plan.tables.push(*table);
                }
            }
        }
        Ok(())
    }

    fn count(&self, plan: &Plan, moment: &Moment, saved: &SavedTables) -> Result<()> {
        let in_part = |of: &dyn Fn(&Part) -> bool| {
            let parts = plan.tables.iter().filter(|table| !saved.is_carried(&table.name()));
            parts.filter_map(|table| table.part.as_ref()).filter(|part| of(part)).count() as u64
        };
        let figures = DatabaseFigures {
            tables: plan.tables.len() as u64,
            unchanged_tables: saved.carried.len() as u64 + in_part(&|part| part.is_nothing()),
            partly_read_tables: in_part(&|part| !part.is_nothing() && !part.is_proof),
            whole_because: saved.whole_because.clone().filter(|_| moment.binlog.is_some()),
            late_tables: saved.late.len() as u64,
            missing_tables: saved.left_out.len() as u64,
            rows: saved.rows.values().map(|rows| rows.rows).sum(),
            locked_milliseconds: moment.record.tables_locked,
            longest_wait_milliseconds: moment.record.longest_wait,
            mended: self.mended(plan, saved)?,
            shrunken: shrunken::find(self, plan, saved)?
                .iter()
                .map(|name| format!("{}.{}", name.schema, name.table))
                .collect(),
        };
        self.run.count_database(figures);
        Ok(())
    }

    /// The tables whose rows in the parent are lost.
    fn mended(&self, plan: &Plan, saved: &SavedTables) -> Result<Vec<MendedTable>> {
        let without_record = self.parent.lost(plan.tables.iter().map(PlannedTable::name));
        let mut lost: BTreeMap<TableName, Loss> =
            without_record.into_iter().map(|name| (name, Loss::Damaged)).collect();
        lost.extend(saved.lost.clone());
        if lost.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.run.store().repository().known_losses()?;
        let is_known = self.run.parent().origin().is_some_and(|(manifest, _)| known.suffers(manifest.id));
        let mended = |(name, loss): (&TableName, &Loss)| MendedTable {
            name: format!("{}.{}", name.schema, name.table),
            loss: *loss,
            is_known,
        };
        Ok(lost.iter().map(mended).collect())
    }

    /// Reports tables that are not saved as they should be.
    fn report(&self, saved: &SavedTables) {
        let path = |schema: &str, name: &str| format!("{schema}.{name}").into_bytes();
        for left in &saved.left_out {
            let message = format!("the {} is not in the snapshot: {}", left.what, left.why);
            self.run.problem(&path(&left.schema, &left.name), ProblemKind::Unreadable, message);
        }
        for TableName { schema, table } in &saved.contradicted {
            let message = "the binary log did not tell all changes of it since the earlier snapshot: it was read whole. Changes that a session \
                           keeps out of the log (sql_log_bin = 0) are not in the logs that are kept either";
            self.run.problem(&path(schema, table), ProblemKind::Changed, message);
        }
        for late in &saved.late {
            let message = format!("it shows a later time than the other tables: {}", late.why);
            self.run.problem(&path(&late.schema, &late.table), ProblemKind::Changed, message);
        }
    }
}

/// The tables that were read under locks.
#[derive(Default)]
struct LockedTables {
    tables: Mutex<HashMap<TableName, LockedRead>>,
}

impl LockedTables {
    /// Takes the rows of a table, if they were read.
    fn get_rows(&self, table: &PlannedTable) -> Option<Box<SpooledRows>> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        match tables.remove(&table.name()) {
            Some(LockedRead::Rows(rows)) => Some(rows),
            Some(other) => {
                tables.insert(table.name(), other);
                None
            }
            None => None,
        }
    }

    /// Notes what was not read.
    fn settle(self, by_name: &HashMap<TableName, &PlannedTable>, saved: &mut SavedTables) {
        let tables = self.tables.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (name, read) in tables {
            let Some(table) = by_name.get(&name) else { continue };
            match read {
                LockedRead::Rows(_) => {}
                LockedRead::Late => {
                    let why = "others had waited long enough for its lock".to_owned();
                    saved.again.push((table.info.clone(), why));
                }
                LockedRead::Failed(error) => saved.left_out.push(left_out(&table.info, &error)),
            }
        }
    }
}
