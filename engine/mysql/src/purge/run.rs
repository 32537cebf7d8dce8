//! A run: proves, puts a receipt, deletes, and says in the receipt what really went.

use repo_format::id::LeaseId;

use super::category::Category;
use super::check::check_table;
use super::delete::delete;
use super::files::{self, FileProblems};
use super::first_pass::prove;
use super::hold::prepare;
use super::job::Job;
use super::keep::{Keeper, Step};
use super::keys::KeySet;
use super::known::check_known;
use super::orphans;
use super::pace::{Go, Pace, PaceOptions};
use super::plan::{Plan, check_cutoff, check_exceptions, check_names, check_rights};
use super::progress::{Progress, Removed};
use super::reclaim::{Reclaimed, reclaim};
use super::seal::check_seal;
use super::source::{SourceChoice, find_source};
use super::table::Place;
use crate::database::{Address, Connection, Purpose, Server, attended};
use engine_core::error::{Error, ErrorKind, Result, chain};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::Database;

/// The server's lock by which runs keep each other away,
const LOCK: &str = "enamel purge";
/// and for how long one waits: a server takes a while to notice that a run was killed.
const OTHERS_WAIT_SECONDS: u32 = 5;

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Who does it.
    pub operator: String,
    /// The machine.
    pub host: String,
    /// Program and version.
    pub program: String,
    /// Why it is done.
    pub reason: Option<String>,
    /// When, and how fast.
    pub pace: PaceOptions,
    /// Rebuild the tables afterwards, so that their space is free.
    pub reclaim: bool,
    /// The categories that there are today: a plan whose categories are others is refused.
    pub categories: Vec<Category>,
}

/// How a run ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ended {
    /// All that could go is gone.
    #[default]
    Done,
    /// Its time was up. The same plan can be run again.
    TimeIsUp,
    /// The user stopped it. The same plan can be run again.
    Interrupted,
    /// Something failed, see [`RunOutcome::failure`]. The same plan can be run again.
    Failed,
}

/// What a run has done.
#[derive(Debug, Default)]
pub struct RunOutcome {
    /// Of each category of the plan.
    pub categories: Vec<Removed>,
    /// The receipts, in order.
    pub receipts: Vec<LeaseId>,
    /// How it ended.
    pub ended: Ended,
    /// What failed after rows began to go.
    pub failure: Option<Error>,
    /// Files that stay.
    pub file_problems: FileProblems,
    /// Tables that were rebuilt, or were to be.
    pub reclaimed: Vec<Reclaimed>,
}

/// Carries out `plan`. Each row that goes is named in a receipt first, and compared with the snapshot in the moment in which it goes.
///
/// It may end at any point, also by the power: the same plan can be run again, and goes on.
///
/// # Errors
/// [`ErrorKind::Usage`] if the plan was edited, see [`Seal`](super::Seal); [`ErrorKind::Refused`] if the keys of the repository were
/// replaced since, the plan is of another server, a category is not what it is today, or a table changed since so that it is not safe;
/// [`ErrorKind::NotFound`] if its snapshot is gone; [`ErrorKind::Fenced`] if another run works on the server, or a prune is in the way. Else of the server and the repository. Nothing
/// went then: what fails later is in the outcome.
pub fn run(
    repository: &Repository,
    address: &Address,
    plan: &Plan,
    options: &RunOptions,
    monitor: &dyn Monitor,
) -> Result<RunOutcome> {
    attended(address, monitor, |address| run_attended(repository, address, plan, options, monitor))
}

fn run_attended(
    repository: &Repository,
    address: &Address,
    plan: &Plan,
    options: &RunOptions,
    monitor: &dyn Monitor,
) -> Result<RunOutcome> {
    check_seal(plan, repository.keys())?;
    check_known(&plan.categories, &options.categories)?;
    check_names(&plan.categories)?;
    let mut connection = Connection::open(address)?;
    let server = Server::detect(&mut connection)?;
    let identity = server.identity(&mut connection)?;
    if identity != plan.server {
        let message = format!("the plan is for the server {}, and this is {identity}", plan.server);
        return Err(Error::new(ErrorKind::Refused, message));
    }
    let purpose = if options.reclaim { Purpose::Reclaim } else { Purpose::Purge };
    check_rights(&mut connection, &server, (purpose, &plan.schema))?;
    prepare(&mut connection)?;
    check_cutoff(&mut connection, &plan.rule)?;
    keep_others_away(&mut connection)?;
    let reader = ChunkReader::new(repository);
    let choice = SourceChoice { snapshot: Some(plan.snapshot), server: &identity, schema: &plan.schema };
    let source = find_source(repository, &reader, &choice)?;
    let database = Database::open(&reader, &source.snapshot.manifest, Some(&source.root))?;
    let schema = database.schema(&plan.schema)?;
    let manifest = &source.snapshot.manifest;
    let mut place = Place::new(&mut connection, &server, (&reader, manifest), &schema)?;
    let records = orphans::records(repository, plan, monitor)?;
    let mut all = Vec::new();
    for category in &plan.categories {
        if files::located(&reader, manifest, category)? != *category {
            let message = format!("the files of the category `{}` are not where the plan has them", category.name);
            return Err(Error::new(ErrorKind::Refused, message));
        }
        all.push(Progress::new(Job::new(&mut place, category, &plan.rule)?));
    }
    check_exceptions(&place, plan)?;
    check_all(&mut connection, &all)?;
    for progress in &mut all {
        progress.orphans = orphans::find(&mut progress.job, &mut connection, (&records, &plan.schema), monitor)?;
    }
    // Files of other plans may be in other folders, and have the same names there.
    let digest = plan.digest();
    let own: Vec<_> = records.into_iter().filter(|record| record.plan.0 == digest).collect();
    for progress in &mut all {
        progress.find_left_files(&mut connection, &own)?;
    }
    let keeper = Keeper { repository, source: &source, plan, options };
    let mut pace = Pace::new(&options.pace)?;
    let mut outcome = Runner { keeper, connection: &mut connection, pace: &mut pace, monitor }.run(&mut all)?;
    if let Err(error) = check_all(&mut connection, &all) {
        outcome.fail(error);
    }
    if options.reclaim && outcome.failure.is_none() {
        let jobs: Vec<_> = all.iter().map(|progress| &progress.job).collect();
        let rebuilt = reclaim((&mut connection, address), &jobs, (&mut pace, &mut outcome), monitor);
        outcome.note(rebuilt.map(|()| Go::On));
    }
    Ok(outcome)
}

impl RunOutcome {
    /// Notes how something ended that was done after a receipt was put.
    fn note(&mut self, result: Result<Go>) -> Step {
        match result {
            Ok(Go::On) => Step::Done,
            Ok(Go::TimeIsUp) => {
                self.ended = Ended::TimeIsUp;
                Step::TimeIsUp
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => {
                self.ended = Ended::Interrupted;
                Step::Interrupted
            }
            Err(error) => {
                let why = chain(&error);
                self.fail(error);
                Step::Failed(why)
            }
        }
    }

    /// The first failure is the one to tell.
    fn fail(&mut self, error: Error) {
        self.ended = Ended::Failed;
        self.failure.get_or_insert(error);
    }
}

/// One run at a time on a server: another would find rows gone that it has named.
fn keep_others_away(connection: &mut Connection) -> Result<()> {
    match connection.value(&format!("SELECT GET_LOCK('{LOCK}', {OTHERS_WAIT_SECONDS})"))?.as_deref() {
        Some("1") => Ok(()),
        _ => Err(Error::new(ErrorKind::Fenced, "another purge of this database server is running")),
    }
}

/// CHECK TABLE … QUICK, of tables without transactions.
fn check_all(connection: &mut Connection, all: &[Progress<'_>]) -> Result<()> {
    all.iter().flat_map(|progress| progress.job.tables()).try_for_each(|table| check_table(connection, table))
}

struct Runner<'a> {
    keeper: Keeper<'a>,
    connection: &'a mut Connection,
    pace: &'a mut Pace,
    monitor: &'a dyn Monitor,
}

impl Runner<'_> {
    /// Part after part: usually there is one.
    ///
    /// # Errors
    /// What fails before there is a receipt. What fails later is noted in the outcome.
    fn run(mut self, all: &mut [Progress<'_>]) -> Result<RunOutcome> {
        let mut outcome = RunOutcome::default();
        loop {
            match self.part(all, &mut outcome) {
                Ok(()) => {}
                Err(error) if outcome.receipts.is_empty() => return Err(error),
                Err(error) => drop(outcome.note(Err(error))),
            }
            all.iter_mut().for_each(Progress::settle);
            if outcome.ended != Ended::Done || all.iter().all(|progress| progress.all_proven) {
                outcome.categories = all.iter().map(|progress| progress.removed.clone()).collect();
                let attached = all.iter_mut().filter_map(|progress| progress.job.attached.as_mut());
                outcome.file_problems.extend(attached.map(|attached| std::mem::take(&mut attached.problems)));
                return Ok(outcome);
            }
        }
    }

    /// Proves a part, and deletes it.
    ///
    /// # Errors
    /// What fails before its receipt is put. What fails later is noted in `outcome`.
    fn part(&mut self, all: &mut [Progress<'_>], outcome: &mut RunOutcome) -> Result<()> {
        // Proving reads much: it keeps to the window, too.
        self.pace.wait_for_window(self.connection, self.monitor)?;
        self.prove(all)?;
        if all.iter().any(|progress| !progress.proof.is_empty()) {
            self.delete_proven(all, outcome)?;
        }
        Ok(())
    }

    fn prove(&mut self, all: &mut [Progress<'_>]) -> Result<()> {
        self.monitor.begin(Phase::Verify, None);
        for progress in all.iter_mut().filter(|progress| !progress.all_proven) {
            progress.proof = prove(&mut progress.job, self.connection, progress.after, self.monitor)?;
            progress.after = progress.proof.next;
            progress.all_proven = progress.after.is_none();
            progress.proof.files.append(&mut progress.left_files);
            for (keys, orphans) in progress.proof.children.iter_mut().zip(&progress.orphans) {
                orphans.keys().for_each(|key| keys.insert(key));
            }
        }
        self.monitor.end();
        Ok(())
    }

    /// Deletes what has been proven, between the two phases of its receipt.
    ///
    /// # Errors
    /// If the first cannot be put. What fails later is noted in `outcome`.
    fn delete_proven(&mut self, all: &mut [Progress<'_>], outcome: &mut RunOutcome) -> Result<()> {
        let begun = self.keeper.begin(all, self.monitor)?;
        let begun_id = begun.id;
        let rows = all.iter().map(|progress| progress.proof.rows()).sum();
        let bytes = all.iter().map(|progress| progress.proof.bytes).sum();
        self.monitor.begin(Phase::Delete, Some(Work { items: rows, bytes }));
        let result = self.delete(all);
        self.monitor.end();
        let step = outcome.note(result);
        match self.keeper.end(begun, all, &step, self.monitor) {
            Ok(receipt) => outcome.receipts.push(receipt),
            Err(error) => {
                // The first receipt names all that went, and is there.
                outcome.receipts.push(begun_id);
                outcome.fail(error);
            }
        }
        Ok(())
    }

    fn delete(&mut self, all: &mut [Progress<'_>]) -> Result<Go> {
        for Progress { job, proof, deleted, orphans, .. } in all {
            deleted.children.resize_with(orphans.len(), KeySet::default);
            for (at, orphans) in std::mem::take(orphans).iter().enumerate() {
                let gone = (&mut *self.pace, &mut deleted.children[at]);
                if orphans::delete((job, at), self.connection, orphans, gone, self.monitor)? == Go::TimeIsUp {
                    return Ok(Go::TimeIsUp);
                }
            }
            let mut go = delete(job, self.connection, proof, (&mut *self.pace, deleted), self.monitor)?;
            if let Some(attached) = job.attached.as_mut().filter(|_| go == Go::On) {
                let files = (&mut *self.pace, &mut deleted.files);
                go = files::remove(attached, self.connection, &proof.files, files, self.monitor)?;
            }
            if go == Go::TimeIsUp {
                return Ok(go);
            }
        }
        Ok(Go::On)
    }
}
