//! The logs of a repository that follow a snapshot without a hole.

use repo_format::database::ServerRecord;
use repo_format::log::{Coverage, LogFile, SECOND};

use crate::binlog::archive::{StoredLog, StoredLogs};
use crate::binlog::replay::Position;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::repository::Repository;

/// The logs of one stream from the place of a snapshot on, each behind the one before.
pub(super) struct Chain {
    pub logs: Vec<StoredLog>,
    /// Where the snapshot stands.
    pub base: Position,
}

/// Events of one file in one log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'c> {
    pub log: &'c StoredLog,
    pub file: &'c LogFile,
}

impl Chain {
    /// The logs that follow the snapshot of `server`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if its server kept no log, or the repository has none that its place is in.
    pub fn of(repository: &Repository, server: &ServerRecord) -> Result<Self> {
        let Some(place) = &server.binlog else {
            let message =
                "the snapshot does not say where in a binary log it stands: its server kept none, or did not show it";
            return Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("Moments between snapshots need the server's binary log: `enamel check --explain-log` says how to switch it on."));
        };
        let base = Position { file: place.file.clone(), offset: place.position };
        let logs = StoredLogs::read(repository)?.logs;
        let logs: Vec<StoredLog> = logs.into_iter().filter(|log| log.record.identity == server.identity).collect();
        let mut chains: Vec<Vec<StoredLog>> = ends(&logs).map(|end| back_from(end, &logs)).collect();
        // Files of the same names may be of several streams; the snapshot is of the one that was fetched next after it.
        let moment = server.moment.seconds.saturating_mul(SECOND);
        chains.retain_mut(|chain| cut_before(chain, &base, moment));
        chains.sort_by_key(|chain| chain.last().map(|log| log.record.complete_until));
        let nearest = |chain: &Vec<StoredLog>| chain.first().map(|log| log.record.complete_until);
        let first = chains.iter().filter_map(nearest).min();
        let logs = chains.into_iter().rfind(|chain| nearest(chain) == first).ok_or_else(|| {
            let message = format!("the repository has no binary log that the snapshot's place, {base}, is in");
            Error::new(ErrorKind::NotFound, message).with_hint("`enamel log` shows which moments its logs cover.")
        })?;
        Ok(Chain { logs, base })
    }

    /// The parts from the place of the snapshot on.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let all = self.logs.iter().flat_map(|log| log.record.files.iter().map(move |file| Part { log, file }));
        all.skip_while(|part| !holds(part.file, &self.base))
    }

    /// Where it ends.
    pub fn end(&self) -> Position {
        let last = self.logs.last().map(|log| &log.record.to);
        last.map_or_else(|| self.base.clone(), |to| Position { file: to.file.clone(), offset: to.offset })
    }

    /// Up to when it is complete: microseconds since 1970 by the server's clock.
    pub fn complete_until(&self) -> i64 {
        self.logs.last().map(|log| log.record.complete_until).unwrap_or_default()
    }
}

impl Part<'_> {
    /// Refuses a log that does not have all that happened.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`].
    pub fn check_coverage(&self) -> Result<()> {
        if self.log.record.coverage == Coverage::Whole {
            return Ok(());
        }
        let why = self.log.record.coverage_reason.as_deref().unwrap_or("the server does not say why");
        let message = format!("the log {} does not have everything that happened: {why}", self.log.id());
        Err(Error::new(ErrorKind::Refused, message))
    }
}

/// Logs that no other one follows.
fn ends(logs: &[StoredLog]) -> impl Iterator<Item = &StoredLog> {
    logs.iter().filter(|log| !logs.iter().any(|other| other.record.previous == Some(log.id())))
}

/// A log and those before it, the first one first.
fn back_from(end: &StoredLog, logs: &[StoredLog]) -> Vec<StoredLog> {
    let mut chain = vec![end.clone()];
    let mut previous = end.record.previous;
    while let Some(log) = previous.and_then(|id| logs.iter().find(|log| log.id() == id)) {
        // A log that names itself, or one behind it, would never end.
        if chain.iter().any(|known| known.id() == log.id()) {
            break;
        }
        previous = log.record.previous;
        chain.push(log.clone());
    }
    chain.reverse();
    chain
}

/// Drops the logs before the one that `base` is in; gives whether there is one, fetched at `moment` or later.
fn cut_before(chain: &mut Vec<StoredLog>, base: &Position, moment: i64) -> bool {
    let is_in = |log: &StoredLog| {
        log.record.complete_until.saturating_add(SECOND) >= moment
            && log.record.files.iter().any(|file| holds(file, base))
    };
    let found = chain.iter().position(is_in);
    found.is_some_and(|at| chain.drain(..at).count() == at)
}

fn holds(file: &LogFile, place: &Position) -> bool {
    file.name == place.file && (file.first..=file.end).contains(&place.offset)
}
