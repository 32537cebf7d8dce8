//! Restores a moment: the snapshot into a scratch server, the log on top, and the result into the target.

use std::path::Path;
use std::sync::Arc;

use repo_format::config::Access;

use super::base::{SavedBase, Stage};
use super::feed::{Stretch, feed};
use super::part::ReplayPart;
use super::{PastOptions, PastOutcome, Plan, zones};
use crate::binlog::replay::{Definers, Replay, ReplayOutcome, Target};
use crate::database::{Address, TableName};
use crate::dump::DatabaseSource;
use crate::load::{Accounts, Binlog, Check, Definer, Events, Images, LoadOptions, References, SchemaChoice, load};
use crate::scratch::{ScratchOptions, ScratchServer};
use engine_core::crypto::{Credential, KeyFile};
use engine_core::error::Result;
use engine_core::files::backup::{BackupOptions, Source, backup};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::{InitOptions, OpenOptions, Repository, init};
use engine_core::snapshots::{Selector, select};
use engine_store::LocalStore;

/// A byte of rows takes about so many in a server with its indexes and in a private repository.
const ROOM_FACTOR: u64 = 3;

/// Carries out `plan`, with the server at `target` as the target. Only the finished result reaches it.
///
/// # Errors
/// [`engine_core::error::ErrorKind::NotFound`] if no suitable server program is installed; [`engine_core::error::ErrorKind::Refused`] if something in the log cannot be done again: the
/// message says where; otherwise as [`load`].
pub fn restore_past(
    repository: &Repository,
    plan: &Plan,
    target: &Address,
    options: &PastOptions,
    monitor: &dyn Monitor,
) -> Result<PastOutcome> {
    let reader = ChunkReader::new(repository);
    let base = SavedBase::open(&reader, &plan.snapshot, options)?;
    if let Some(refusal) = plan.refusal_of(options.via) {
        return Err(refusal);
    }
    if base.is_direct(plan, monitor) {
        return base.restore_directly(plan, target, monitor);
    }
    let scratch =
        ScratchOptions { data_bytes: base.bytes(&plan.part)?.saturating_mul(ROOM_FACTOR), ..options.scratch.clone() };
    let mut scratch = ScratchServer::start(&base.database.server, &scratch, monitor)?;
    if scratch.server().version < base.server().version {
        monitor.note(&format!("the log is done again on {}", scratch.server().in_place_of(&base.server())));
    }
    let room = scratch.room(monitor);
    let result = base.all(plan, &scratch, target, &room);
    result.map_err(|error| scratch.explained(room.explained(error)))
}

impl SavedBase<'_> {
    /// All that happens while the scratch server runs.
    fn all(
        &self,
        plan: &Plan,
        scratch: &ScratchServer,
        target: &Address,
        monitor: &dyn Monitor,
    ) -> Result<PastOutcome> {
        let not_filled = self.fill(&plan.part, scratch, monitor)?;
        zones::fill(&scratch.address(), &plan.zones)?;
        let stage = Stage { target: Target::Server(Box::new(scratch.address())), folder: scratch.folder() };
        let replay = self.replay_on(plan, stage, monitor)?;
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

    /// Loads the snapshot into the scratch server, under its own names; gives how many problems there were.
    fn fill(&self, part: &ReplayPart, scratch: &ScratchServer, monitor: &dyn Monitor) -> Result<u64> {
        let mut definers = Definers::open(&Target::Server(Box::new(scratch.address())))?;
        for name in self.database.schema_names()? {
            for object in &self.database.schema(&name)?.record.objects {
                if let Some((user, host)) = object.definer.as_deref().map(account) {
                    definers.make(user, host)?;
                }
            }
        }
        let Some(needs) = &part.only else { return self.fill_with(LoadOptions::default(), scratch, monitor) };
        let tables: Vec<TableName> = needs.tables_elsewhere().collect();
        let same = |name: &String| SchemaChoice { from: name.clone(), to: name.clone() };
        let schemas: Vec<SchemaChoice> = needs.schemas.iter().map(same).collect();
        let mut problems = 0;
        // Tables refer to those of other schemas.
        if !tables.is_empty() {
            problems += self.fill_with(LoadOptions { tables, ..LoadOptions::default() }, scratch, monitor)?;
        }
        if !schemas.is_empty() {
            problems += self.fill_with(LoadOptions { schemas, ..LoadOptions::default() }, scratch, monitor)?;
        }
        Ok(problems)
    }

    /// Loads what `wanted` names.
    fn fill_with(&self, wanted: LoadOptions, scratch: &ScratchServer, monitor: &dyn Monitor) -> Result<u64> {
        let options = LoadOptions {
            database: self.options.load.database.clone(),
            check: Check::Counts,
            definer: Definer::Keep,
            references: References::Keep,
            events: Events::AsSaved,
            accounts: Accounts::Leave,
            images: Images::Keep,
            binlog: Binlog::Write,
            ..wanted
        };
        let outcome = load(self.reader.repository(), self.snapshot, &scratch.address(), &options, monitor)?;
        // A missing object makes everything that needs it fail below, and is named with the result.
        for problem in &outcome.problems {
            monitor.problem(&problem.path.0, &problem.message);
        }
        Ok(outcome.problem_count)
    }

    /// Does the log again on a server that has the snapshot.
    pub(super) fn replay_on(&self, plan: &Plan, stage: Stage, monitor: &dyn Monitor) -> Result<ReplayOutcome> {
        let options = self.replay_options(&plan.base, &plan.part, stage)?;
        let stretch = Stretch { chain: &plan.chain, stop: &plan.stop, reached: &plan.reached };
        let bytes = stretch.chain.parts().map(|part| part.file.end.saturating_sub(part.file.first)).sum();
        monitor.begin(Phase::Replay, Some(Work { items: 0, bytes }));
        let result = Replay::begin(options, monitor).and_then(|replay| feed(replay, &stretch, self.reader));
        monitor.end();
        result
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

/// A repository in the scratch server's folder, with a key that nobody else has and that goes with this process.
fn private_repository(folder: &Path, monitor: &dyn Monitor) -> Result<Repository> {
    let store = Arc::new(LocalStore::create(&folder.join("repository"))?);
    let key = Credential::KeyFile(KeyFile::generate()?);
    init(&*store, &key, &InitOptions { label: "scratch".to_owned(), ..InitOptions::default() })?;
    let options = OpenOptions::new(folder.join("cache"), Access::Write);
    Repository::open(store, &key, &options, monitor)
}

/// User and host of `user@host`; a role has no host.
fn account(definer: &str) -> (&str, Option<&str>) {
    match definer.rsplit_once('@') {
        Some((user, host)) if !host.is_empty() => (user, Some(host)),
        Some((role, _)) => (role, None),
        None => (definer, None),
    }
}
