//! Prune: deletes everything that no snapshot needs. It runs beside backups and restores, takes no locks and trusts no
//! clocks.
//!
//! ```text
//! plan:   roots -> what they need -> use of each pack -> which packs go, which are rewritten
//! run:    copy what is needed -> condemn the packs -> nobody can count on them any more -> doom, delete
//! ```
//! A pack is deleted in two steps. First it goes on a list of condemned packs, which every writer reads when it begins.
//! Prune waits until every writer that began before has committed or been shut out. Then it computes the needs of the
//! roots once more, and takes packs off the list that hold the only copy of needed data. FORMAT.md, section 13.1, has
//! the rules; without any one of them data would be lost.

mod choose;
mod elsewhere;
mod figures;
mod ids;
mod lists;
mod live;
mod naming;
mod rewrite;
mod roots;
mod sweep;
mod usage;

use std::collections::{HashMap, HashSet};

use repo_format::id::PackId;
use repo_format::lease::Purpose;
use repo_format::limits::GIB;

use crate::catalog::Catalog;
use crate::error::{ErrorKind, Result};
use crate::monitor::{Monitor, Phase, Work};
use crate::repository::Repository;
use crate::session::{ProcessLookup, View};

pub use figures::{Forecast, PruneReport};

use choose::{Choice, Limits, choose};
use lists::Lists;
use live::Live;
use rewrite::{Rewrite, Rewritten};
use sweep::{Sweep, Swept};
use usage::{Doubts, PackUse, usage};

/// The number of bytes that are copied before their old packs are deleted, at most. So a long prune makes progress, and
/// needs little space.
const BYTES_AT_A_TIME: u64 = GIB;
/// The number of chunks that are copied at one time, at most: each takes some 200 bytes of memory.
const CHUNKS_AT_A_TIME: u64 = 120_000;

/// How to prune.
#[derive(Clone, Copy)]
pub struct PruneOptions<'a> {
    /// The name of this machine, to tell its own writers from others.
    pub this_host: &'a str,
    /// Looks up the processes of this machine.
    pub process: ProcessLookup<'a>,
    /// The unused data that may stay, in percent of the needed data.
    pub max_unused: u64,
    /// The number of bytes to copy at most.
    pub max_rewrite: u64,
}

impl<'a> PruneOptions<'a> {
    fn view(&self, repository: &Repository) -> View<'a> {
        View::new(repository, self.this_host, self.process)
    }
}

/// A plan: nothing has been changed yet.
pub struct Plan<'r, 'a> {
    repository: &'r Repository,
    options: PruneOptions<'a>,
    live: Live<'r>,
    /// The catalog that the plan was made with.
    catalog: &'r Catalog,
    packs: HashMap<PackId, PackUse>,
    choice: Choice,
    condemned: Vec<u64>,
    forecast: Forecast,
}

/// Plans a prune.
///
/// # Errors
/// [`ErrorKind::Damaged`] if the needs of a snapshot are unknown, or the list of condemned packs is missing or an older
/// copy.
pub fn plan<'r, 'a>(
    repository: &'r Repository,
    options: &PruneOptions<'a>,
    monitor: &dyn Monitor,
) -> Result<Plan<'r, 'a>> {
    loop {
        let plan = plan_once(repository, options, monitor)?;
        // Another prune may have freed data that only a forgotten snapshot needed: that data is not lost.
        if plan.forecast.lost_chunks == 0 || plan.live.roots_are_there()? {
            return Ok(plan);
        }
    }
}

fn plan_once<'r, 'a>(
    repository: &'r Repository,
    options: &PruneOptions<'a>,
    monitor: &dyn Monitor,
) -> Result<Plan<'r, 'a>> {
    repository.sync_catalog(monitor)?;
    let lists = Lists::read(repository)?;
    let mut live = Live::new(repository);
    monitor.begin(Phase::Walk, None);
    let threats = roots::read(repository, &options.view(repository), &mut live, monitor);
    monitor.end();
    let writers: Vec<_> = threats?.into_iter().map(|threat| threat.writer).collect();
    live.refuse_holds()?;
    let listed = repository.list_packs()?;
    repository.sync_catalog(monitor)?;
    // A pack with an unreadable table holds nothing usable; `verify` reports it.
    repository.index_unnamed_packs()?;
    let doubts = Doubts {
        condemned: lists.packs(),
        damaged: repository.known_damage()?.into_keys().collect(),
        fixed_until: repository.epochs_of_retired()?,
    };
    let mut catalog = repository.catalog();
    let mut used = usage(catalog, &live, &listed, &doubts)?;
    if used.lost_chunks > 0 {
        // A chunk that the shared catalog does not know is not lost yet: that catalog may be damaged.
        let private = repository.begin_private_catalog()?;
        private.renew(repository)?;
        let by_private = usage(&private.catalog, &live, &listed, &doubts)?;
        if by_private.lost_chunks < used.lost_chunks {
            (catalog, used) = (&private.catalog, by_private);
        }
    }
    let limits = Limits {
        max_unused: options.max_unused,
        max_rewrite: options.max_rewrite,
        pack_bytes: repository.config().pack_bytes,
        unnamed_may_go: writers.is_empty(),
    };
    let choice = choose(&used.packs, limits);
    let sum = |packs: &[PackUse], bytes: fn(&PackUse) -> u64| packs.iter().map(bytes).sum();
    let forecast = Forecast {
        total_bytes: listed.values().sum(),
        unneeded_packs: choice.unneeded.len() as u64,
        unneeded_bytes: sum(&choice.unneeded, |pack| pack.size),
        rewritten_packs: choice.rewritten.len() as u64,
        rewritten_bytes: sum(&choice.rewritten, |pack| pack.size),
        copied_bytes: sum(&choice.rewritten, |pack| pack.needed_bytes),
        condemned_packs: lists.condemned.packs().count() as u64,
        left_unused: choice.left_unused,
        lost_chunks: used.lost_chunks,
        writers,
    };
    let packs = used.packs.into_iter().map(|pack| (pack.id, pack)).collect();
    let condemned = lists.condemned.lists.iter().map(|list| list.number).collect();
    Ok(Plan { repository, options: *options, live, catalog, packs, choice, condemned, forecast })
}

impl Plan<'_, '_> {
    /// The expected effect of the plan.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// Carries out the plan. First comes the rest of earlier prunes, then packs without needed data, then packs to
    /// rewrite, some at a time. As soon as it must wait for a writer, it rewrites nothing more.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if others write, and the store has no conditions: nothing is done then.
    /// [`ErrorKind::Disappeared`] if something of the repository has disappeared and no user has confirmed that:
    /// nothing is done then. If something cannot be read, written or deleted, or the user wishes to stop: everything
    /// done so far stays valid; run it again.
    pub fn run(mut self, monitor: &dyn Monitor) -> Result<PruneReport> {
        self.repository.refuse_unanswered()?;
        // A plan may be old by now: each sweep finds out once more what is needed.
        let _alone = self.repository.alone(Purpose::Prune)?;
        let mut report = PruneReport::default();
        for number in std::mem::take(&mut self.condemned) {
            self.sweep(number, &mut report, monitor)?;
        }
        let unneeded: Vec<_> = self.choice.unneeded.iter().map(|pack| pack.id).collect();
        self.condemn(&unneeded, &mut report, monitor)?;
        for some in batches(std::mem::take(&mut self.choice.rewritten)) {
            if report.waiting.is_empty() {
                self.rewrite(&some, &mut report, monitor)?;
            }
        }
        self.tidy(monitor)?;
        Ok(report)
    }

    fn rewrite(&mut self, packs: &[PackUse], report: &mut PruneReport, monitor: &dyn Monitor) -> Result<()> {
        let bytes = packs.iter().map(|pack| pack.needed_bytes).sum();
        monitor.begin(Phase::Rewrite, Some(Work { items: packs.len() as u64, bytes }));
        let Plan { repository, live, catalog, packs: keepers, .. } = &*self;
        let rewrite = Rewrite { repository, live, catalog, packs: keepers, monitor };
        let mut copies = Vec::new();
        let rewritten = rewrite.run(packs, &mut copies);
        monitor.end();
        match rewritten {
            Ok(Rewritten { replaced, damaged }) => {
                report.new_packs += copies.len() as u64;
                report.new_bytes += copies.iter().map(|pack| pack.size).sum::<u64>();
                report.damaged.extend(damaged);
                self.condemn(&replaced, report, monitor)
            }
            Err(error) if error.kind() == ErrorKind::NoSpace => {
                let copies: Vec<_> = copies.iter().map(|pack| pack.id).collect();
                self.condemn(&copies, report, monitor)?;
                self.rewrite_less(packs, report, monitor)
            }
            Err(error) => Err(error),
        }
    }

    /// On a full disk half as much may fit; the space that it frees serves the rest.
    fn rewrite_less(&mut self, packs: &[PackUse], report: &mut PruneReport, monitor: &dyn Monitor) -> Result<()> {
        let (first, second) = packs.split_at(packs.len() / 2);
        if first.is_empty() || !report.waiting.is_empty() {
            report.had_no_space = true;
            return Ok(());
        }
        self.rewrite(first, report, monitor)?;
        self.rewrite(second, report, monitor)
    }

    fn condemn(&mut self, packs: &[PackId], report: &mut PruneReport, monitor: &dyn Monitor) -> Result<()> {
        match lists::condemn(self.repository, packs)? {
            Some(number) => self.sweep(number, report, monitor),
            None => Ok(()),
        }
    }

    fn sweep(&mut self, number: u64, report: &mut PruneReport, monitor: &dyn Monitor) -> Result<()> {
        monitor.begin(Phase::Delete, None);
        let swept = Sweep {
            repository: self.repository,
            options: &self.options,
            live: &mut self.live,
            monitor,
            fenced: &mut report.fenced,
        }
        .run(number);
        monitor.end();
        match swept? {
            Swept::Done { packs, bytes } => {
                report.deleted_packs += packs;
                report.deleted_bytes += bytes;
            }
            Swept::Waiting(writers) => {
                let known: HashSet<_> = report.waiting.iter().map(|writer| writer.id).collect();
                report.waiting.extend(writers.into_iter().filter(|writer| !known.contains(&writer.id)));
            }
        }
        Ok(())
    }

    /// Merges small index segments, and updates this machine's data.
    fn tidy(&self, monitor: &dyn Monitor) -> Result<()> {
        let segments = self.repository.sync_catalog(monitor)?.segments;
        self.repository.merge_small_segments(&segments)?;
        let listed = self.repository.list_packs()?;
        let gone = |pack: &crate::catalog::KnownPack| !listed.contains_key(&pack.id);
        let gone: Vec<_> = self.repository.catalog().packs()?.iter().filter(|p| gone(p)).map(|p| p.id).collect();
        if gone.is_empty() { Ok(()) } else { self.repository.catalog().forget_gone(&gone) }
    }
}

/// Packs that are rewritten together.
fn batches(packs: Vec<PackUse>) -> Vec<Vec<PackUse>> {
    let mut batches: Vec<Vec<PackUse>> = Vec::new();
    let (mut bytes, mut chunks) = (0, 0);
    for pack in packs {
        bytes += pack.needed_bytes;
        chunks += pack.needed_chunks;
        match batches.last_mut() {
            Some(last) if bytes <= BYTES_AT_A_TIME && chunks <= CHUNKS_AT_A_TIME => last.push(pack),
            _ => {
                (bytes, chunks) = (pack.needed_bytes, pack.needed_chunks);
                batches.push(vec![pack]);
            }
        }
    }
    batches
}
