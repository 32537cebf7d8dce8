//! Restores a moment: the snapshot into a scratch server, the log on top, and the result into the target.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use repo_format::config::Access;

use super::chain::Part;
use super::late::LateTables;
use super::stop::Going;
use super::{PastOptions, PastOutcome, Plan};
use crate::binlog::archive::EventIter;
use crate::binlog::event::{Event, Header, Kind};
use crate::binlog::replay::{Definers, Position, Replay, ReplayOptions, ReplayOutcome, TableKey};
use crate::database::{Address, Server};
use crate::dump::DatabaseSource;
use crate::load::{Accounts, Binlog, Check, Definer, Events, Images, LoadOptions, References, load};
use crate::scratch::{ScratchOptions, ScratchServer};
use engine_core::crypto::{Credential, KeyFile};
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::files::backup::{BackupOptions, Source, backup};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::{InitOptions, OpenOptions, Repository, init};
use engine_core::snapshots::saved::Database;
use engine_core::snapshots::{Selector, Snapshot, select};
use engine_store::LocalStore;

/// Engines of tables without transactions.
const WITHOUT_TRANSACTIONS: [&str; 6] = ["myisam", "aria", "memory", "csv", "archive", "mrg_myisam"];
/// A byte of rows takes about so many in a server with its indexes and in a private repository.
const ROOM_FACTOR: u64 = 3;

/// Carries out `plan`, with the server at `target` as the target. Only the finished result reaches it.
///
/// # Errors
/// [`ErrorKind::NotFound`] if no suitable server program is installed; [`ErrorKind::Refused`] if something in the log cannot be done again: the
/// message says where; otherwise as [`load`].
pub fn restore_past(
    repository: &Repository,
    plan: &Plan,
    target: &Address,
    options: &PastOptions,
    monitor: &dyn Monitor,
) -> Result<PastOutcome> {
    let reader = ChunkReader::new(repository);
    let base = Base::open(&reader, &plan.snapshot, options)?;
    base.late.check()?;
    let scratch = ScratchOptions { data_bytes: base.bytes()?.saturating_mul(ROOM_FACTOR), ..options.scratch.clone() };
    let mut scratch = ScratchServer::start(&base.database.server, &scratch, monitor)?;
    let result = base.all(plan, &scratch, target, monitor);
    result.map_err(|error| scratch.explained(error))
}

/// The snapshot that is begun with.
struct Base<'b> {
    reader: &'b ChunkReader<'b>,
    snapshot: &'b Snapshot,
    database: Database<'b>,
    late: LateTables,
    options: &'b PastOptions,
}

impl<'b> Base<'b> {
    fn open(reader: &'b ChunkReader<'b>, snapshot: &'b Snapshot, options: &'b PastOptions) -> Result<Self> {
        let database = Database::open(reader, &snapshot.manifest, options.load.database.as_deref())?;
        Ok(Base { reader, snapshot, late: LateTables::of(&database)?, database, options })
    }

    /// All that happens while the scratch server runs.
    fn all(
        &self,
        plan: &Plan,
        scratch: &ScratchServer,
        target: &Address,
        monitor: &dyn Monitor,
    ) -> Result<PastOutcome> {
        let not_filled = self.fill(scratch, monitor)?;
        let replay = self.replay(plan, scratch, monitor)?;
        let saved = self.save(scratch, monitor)?;
        let newest = select(&saved.repository, &Selector::Latest { tag: None, until: None })?.snapshot;
        let options = LoadOptions {
            database: None,
            stands_for: Some(self.database.server.identity.clone()),
            ..self.options.load.clone()
        };
        let load = load(&saved.repository, &newest, target, &options, monitor)?;
        Ok(PastOutcome { replay, load, scratch_problems: not_filled + saved.problems })
    }

    fn bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        self.each_table(|_, table| bytes += table.row_bytes())?;
        Ok(bytes)
    }

    fn each_table(&self, mut take: impl FnMut(&str, &engine_core::snapshots::saved::SavedTable)) -> Result<()> {
        for name in self.database.schema_names()? {
            let schema = self.database.schema(&name)?;
            for table in schema.table_names()? {
                take(&name, &schema.table(&table)?);
            }
        }
        Ok(())
    }

    /// Loads the snapshot into the scratch server, under its own names; gives how many problems there were.
    fn fill(&self, scratch: &ScratchServer, monitor: &dyn Monitor) -> Result<u64> {
        let mut definers = Definers::open(&scratch.address())?;
        for name in self.database.schema_names()? {
            for object in &self.database.schema(&name)?.record.objects {
                if let Some((user, host)) = object.definer.as_deref().map(account) {
                    definers.make(user, host)?;
                }
            }
        }
        let options = LoadOptions {
            database: self.options.load.database.clone(),
            check: Check::Counts,
            definer: Definer::Keep,
            references: References::Keep,
            events: Events::AsSaved,
            accounts: Accounts::Leave,
            images: Images::Keep,
            binlog: Binlog::Write,
            ..LoadOptions::default()
        };
        let outcome = load(self.reader.repository(), self.snapshot, &scratch.address(), &options, monitor)?;
        // A missing object makes everything that needs it fail below, and is named with the result.
        for problem in &outcome.problems {
            monitor.problem(&problem.path.0, &problem.message);
        }
        Ok(outcome.problem_count)
    }

    fn replay(&self, plan: &Plan, scratch: &ScratchServer, monitor: &dyn Monitor) -> Result<ReplayOutcome> {
        let server = &self.database.server;
        let mut without_transactions = BTreeSet::new();
        self.each_table(|schema, table| {
            if WITHOUT_TRANSACTIONS.contains(&table.record.engine.to_lowercase().as_str()) {
                without_transactions.insert(TableKey::new(schema, &table.record.name));
            }
        })?;
        let options = ReplayOptions {
            target: scratch.address(),
            source: Server { flavour: server.flavour, ..Server::from_version(&server.version) },
            from: plan.base.clone(),
            schemas: self.schemas()?,
            late: self.late.windows.clone(),
            system_zone: server.time_zone.split_once('/').map(|(_, system)| system.to_owned()),
            without_transactions,
            moment: server.moment.seconds,
            mixed: self.options.mixed,
            folder: scratch.folder(),
        };
        monitor.begin(Phase::Restore, Some(Work { items: plan.transactions, bytes: 0 }));
        let result = self.feed(Replay::begin(options, monitor)?, plan);
        monitor.end();
        result
    }

    /// The schemas that are replayed: those of the snapshot, as others of the server were not saved.
    fn schemas(&self) -> Result<Option<Vec<String>>> {
        Ok(Some(self.database.schema_names()?))
    }

    /// Gives the events up to the end of `plan` to the replay.
    fn feed(&self, mut replay: Replay<'_>, plan: &Plan) -> Result<ReplayOutcome> {
        let mut file: Option<String> = None;
        let parts = plan.chain.parts().take_while(|_| plan.stop != plan.base);
        for part in parts {
            let mut events = part.log.events(self.reader, part.file, 0)?;
            if file.as_ref() != Some(&part.file.name) {
                replay.file(&part.file.name, events.format().clone())?;
                file = Some(part.file.name.clone());
            }
            if feed_part(&mut replay, part, &mut events, &plan.stop)? == Going::Stop {
                break;
            }
        }
        replay.pass_to(&plan.reached);
        replay.end()
    }

    /// Saves the result in a private repository, as any database.
    fn save(&self, scratch: &ScratchServer, monitor: &dyn Monitor) -> Result<Saved> {
        let repository = private_repository(&scratch.folder(), monitor)?;
        let source = DatabaseSource {
            profile: self.database.server.profile.clone(),
            spool_folder: Some(scratch.folder()),
            ..DatabaseSource::new(scratch.address())
        };
        let options = BackupOptions { program: "enamel".to_owned(), ..BackupOptions::default() };
        let saved = backup(&repository, vec![Source::Database(Box::new(source))], &options, monitor)?;
        for problem in &saved.problems {
            monitor.problem(&problem.path.0, &problem.message);
        }
        Ok(Saved { repository, problems: saved.problem_count })
    }
}

/// The result, saved.
struct Saved {
    repository: Repository,
    /// Objects that could not be saved.
    problems: u64,
}

/// Gives the events of one part to the replay; stops at `stop`.
fn feed_part(replay: &mut Replay<'_>, part: Part<'_>, events: &mut EventIter<'_>, stop: &Position) -> Result<Going> {
    let mut place = part.file.first;
    let has_stop = part.file.name == stop.file;
    while let Some(bytes) = events.next_event()? {
        let begin = begin_of(&bytes, &mut place)?;
        if has_stop && begin >= stop.offset {
            return Ok(Going::Stop);
        }
        let event = Event::new(&bytes).map_err(|why| damaged(part, why))?;
        if event.header.kind != Kind::FORMAT {
            replay.event(begin, &event)?;
        }
    }
    Ok(if has_stop && place >= stop.offset { Going::Stop } else { Going::On })
}

/// A repository in the scratch server's folder, with a key that nobody else has and that goes with this process.
fn private_repository(folder: &Path, monitor: &dyn Monitor) -> Result<Repository> {
    let store = Arc::new(LocalStore::create(&folder.join("repository"))?);
    let key = Credential::KeyFile(KeyFile::generate()?);
    init(&*store, &key, &InitOptions { label: "scratch".to_owned() })?;
    let options = OpenOptions::new(folder.join("cache"), Access::Write);
    Repository::open(store, &key, &options, monitor)
}

/// Where an event begins, and `place` becomes where it ends: its header says so modulo 2^32.
fn begin_of(bytes: &[u8], place: &mut u64) -> Result<u64> {
    let header = Header::read(bytes)
        .map_err(|why| Error::caused(ErrorKind::Damaged, "an event of the log cannot be read", why))?;
    *place = header.end_from(*place);
    Ok(*place - u64::from(header.size))
}

fn damaged(part: Part<'_>, why: crate::binlog::event::Malformed) -> Error {
    Error::caused(ErrorKind::Damaged, format!("{} of the log {} cannot be read", part.file.name, part.log.id()), why)
}

/// User and host of `user@host`; a role has no host.
fn account(definer: &str) -> (&str, Option<&str>) {
    match definer.rsplit_once('@') {
        Some((user, host)) if !host.is_empty() => (user, Some(host)),
        Some((role, _)) => (role, None),
        None => (definer, None),
    }
}
