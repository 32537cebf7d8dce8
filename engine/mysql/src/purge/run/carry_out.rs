//! A run: proves, puts a receipt, deletes, and says in the receipt what really went.

use super::keep::Keeper;
use super::options::RunOptions;
use super::outcome::{Ended, RunOutcome};
use super::progress::Progress;
use crate::database::{Address, BinaryLog, Connection, Purpose, Server, Turn, attended};
use crate::purge::delete::{delete, delete_orphans, find_orphans, purge_records, remove_files};
use crate::purge::files::located;
use crate::purge::job::Job;
use crate::purge::pace::{Go, Pace, Paced, prepare};
use crate::purge::plan::{Plan, check_cutoff, check_exceptions, check_names, check_rights, check_seal};
use crate::purge::prove::prove;
use crate::purge::reclaim::{Candidate, Rebuilder};
use crate::purge::tables::{KeySet, Place, SavedSchema, SourceChoice, check_table, find_source};
use crate::purge::terms::check_known;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::monitor::{Monitor, Phase, Work};
use engine_core::pack::ChunkReader;
use engine_core::repository::Repository;
use engine_core::snapshots::saved::Database;

/// Carries out `plan`. Each row that goes is named in a receipt first, and compared with the snapshot in the moment in which it goes.
///
/// It may end at any point, also by the power: the same plan can be run again, and goes on.
///
/// # Errors
/// [`ErrorKind::Usage`] if the plan was edited, see [`Seal`](crate::purge::Seal); [`ErrorKind::Refused`] if the keys of the repository were
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
    check_rights(&mut connection, &server, purpose, &plan.schema)?;
    prepare(&mut connection)?;
    check_cutoff(&mut connection, &plan.rule)?;
    Turn::Purge.take(&mut connection)?;
    let reader = ChunkReader::new(repository);
    let choice = SourceChoice { snapshot: Some(plan.snapshot), server: &identity, schema: &plan.schema };
    let source = find_source(repository, &reader, &choice)?;
    let database = Database::open(&reader, &source.snapshot.manifest, Some(&source.root))?;
    let schema = database.schema(&plan.schema)?;
    let manifest = &source.snapshot.manifest;
    let mut place = Place::new(&mut connection, &server, SavedSchema { reader: &reader, manifest, schema: &schema })?;
    let records = purge_records(repository, plan, monitor)?;
    let mut all = Vec::new();
    for category in &plan.categories {
        if located(&reader, manifest, category)? != *category {
            let message = format!("the files of the category `{}` are not where the plan has them", category.name);
            return Err(Error::new(ErrorKind::Refused, message));
        }
        all.push(Progress::new(Job::new(&mut place, category, &plan.rule)?));
    }
    check_exceptions(&place, plan)?;
    check_all(&mut connection, &all)?;
    for progress in &mut all {
        progress.orphans = find_orphans(&mut progress.job, &mut connection, &records, monitor)?;
    }
    // Files of other plans may be in other folders, and have the same names there.
    let digest = plan.digest();
    let own: Vec<_> = records.into_iter().filter(|record| record.plan.0 == digest).collect();
    for progress in &mut all {
        progress.find_left_files(&mut connection, &own)?;
    }
    let keeper = Keeper { repository, source: &source, plan, options };
    let mut pace = Pace::new(&options.pace)?;
    let mut paced = Paced { connection: &mut connection, pace: &mut pace, monitor };
    let mut outcome = Runner { keeper, paced: &mut paced }.run(&mut all)?;
    if let Err(error) = check_all(paced.connection, &all) {
        outcome.fail(error);
    }
    outcome.server_log = BinaryLog::life(paced.connection).ok();
    if options.reclaim && outcome.failure.is_none() {
        let mut rebuilder = Rebuilder { paced, address };
        reclaim(&mut rebuilder, &all, &mut outcome);
    }
    Ok(outcome)
}

/// Rebuilds the tables that rows went from, unless the run did not come to its end.
fn reclaim(rebuilder: &mut Rebuilder<'_>, all: &[Progress<'_>], outcome: &mut RunOutcome) {
    if outcome.ended != Ended::Done {
        rebuilder.paced.monitor.note("no table is rebuilt, as the run did not come to its end");
        return;
    }
    let removed = outcome.categories.iter().flat_map(|removed| &removed.tables).map(|(_, rows)| *rows);
    let tables = all.iter().flat_map(|progress| progress.job.tables()).zip(removed);
    let candidates: Vec<_> = tables.map(|(table, removed)| Candidate { table, removed }).collect();
    let rebuilt = rebuilder.rebuild(&candidates, &mut outcome.reclaimed);
    outcome.note(rebuilt.map(|()| Go::On));
}

/// CHECK TABLE … QUICK, of tables without transactions.
fn check_all(connection: &mut Connection, all: &[Progress<'_>]) -> Result<()> {
    all.iter().flat_map(|progress| progress.job.tables()).try_for_each(|table| check_table(connection, table))
}

struct Runner<'a, 'p> {
    keeper: Keeper<'a>,
    paced: &'a mut Paced<'p>,
}

impl Runner<'_, '_> {
    /// Part after part: usually there is one.
    ///
    /// # Errors
    /// Failures before there is a receipt. A later failure is noted in the outcome.
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
    /// Failures before its receipt is put. A later failure is noted in `outcome`.
    fn part(&mut self, all: &mut [Progress<'_>], outcome: &mut RunOutcome) -> Result<()> {
        // Proving reads much: it keeps to the window, too.
        self.paced.wait_for_window()?;
        self.prove(all)?;
        if all.iter().any(|progress| !progress.proof.is_empty()) {
            self.delete_proven(all, outcome)?;
        }
        Ok(())
    }

    fn prove(&mut self, all: &mut [Progress<'_>]) -> Result<()> {
        let Paced { connection, monitor, .. } = &mut *self.paced;
        monitor.begin(Phase::Prove, None);
        for progress in all.iter_mut().filter(|progress| !progress.all_proven) {
            progress.proof = prove(&mut progress.job, connection, progress.after, *monitor)?;
            progress.after = progress.proof.next;
            progress.all_proven = progress.after.is_none();
            progress.proof.files.append(&mut progress.left_files);
            for (keys, orphans) in progress.proof.children.iter_mut().zip(&progress.orphans) {
                orphans.keys().for_each(|key| keys.insert(key));
            }
        }
        monitor.end();
        Ok(())
    }

    /// Deletes what has been proven, between the two phases of its receipt.
    ///
    /// # Errors
    /// If the first cannot be put. A later failure is noted in `outcome`.
    fn delete_proven(&mut self, all: &mut [Progress<'_>], outcome: &mut RunOutcome) -> Result<()> {
        let begun = self.keeper.begin(all, self.paced.monitor)?;
        let begun_id = begun.id;
        let rows = all.iter().map(|progress| progress.proof.rows()).sum();
        let bytes = all.iter().map(|progress| progress.proof.bytes).sum();
        self.paced.monitor.begin(Phase::Purge, Some(Work { items: rows, bytes }));
        let result = self.delete(all);
        self.paced.monitor.end();
        let step = outcome.note(result);
        match self.keeper.end(begun, all, &step, self.paced.monitor) {
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
                if delete_orphans(job, at, self.paced, orphans, &mut deleted.children[at])? == Go::TimeIsUp {
                    return Ok(Go::TimeIsUp);
                }
            }
            let mut go = delete(job, self.paced, proof, deleted)?;
            if let Some(attached) = job.attached.as_mut().filter(|_| go == Go::On) {
                go = remove_files(attached, self.paced, &proof.files, &mut deleted.files)?;
            }
            if go == Go::TimeIsUp {
                return Ok(go);
            }
        }
        Ok(Go::On)
    }
}
