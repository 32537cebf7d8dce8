//! The logs of a repository that follow a snapshot without a hole, as the one search of ways finds them.

use std::collections::HashMap;

use repo_format::log::LogFile;

use crate::binlog::replay::Position;
use crate::binlog::stored::StoredLog;
use crate::binlog::window::Way;

/// The logs of one stream from the place of a snapshot on, each behind the one before. All of them have everything that happened.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub logs: Vec<StoredLog>,
    /// Where the snapshot stands.
    pub base: Position,
    /// Its place among the files of the first log.
    first_file: usize,
    /// The order of all files from there on.
    ranks: HashMap<String, usize>,
    /// Every moment from here on can be restored: microseconds since 1970 by the server's clock,
    pub from: i64,
    /// and up to here.
    pub until: i64,
}

/// Events of one file in one log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'c> {
    pub log: &'c StoredLog,
    pub file: &'c LogFile,
}

impl Chain {
    /// The chain of a way.
    pub fn new(way: &Way<'_, '_>) -> Self {
        let place = &way.base.place;
        let mut chain = Chain {
            logs: way.logs().iter().map(|log| (*log).clone()).collect(),
            base: Position { file: place.file.clone(), offset: place.offset },
            first_file: way.first_file(),
            from: way.base.from,
            until: way.until,
            ranks: HashMap::from([(place.file.clone(), 0)]),
        };
        let mut ranks = std::mem::take(&mut chain.ranks);
        for Part { file, .. } in chain.parts() {
            let next = ranks.len();
            ranks.entry(file.name.clone()).or_insert(next);
        }
        Chain { ranks, ..chain }
    }

    /// The parts from the place of the snapshot on.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let all = self.logs.iter().flat_map(|log| log.record.files.iter().map(move |file| Part { log, file }));
        all.skip(self.first_file)
    }

    /// Whether a place is behind the snapshot: one in a log, counted from 0, and in one of its files.
    pub fn is_behind_base(&self, log: usize, file: usize, offset: u64) -> bool {
        let is_later_file = log > 0 || file > self.first_file;
        let is_its_file = || self.logs[0].record.files.get(file).is_some_and(|own| own.name == self.base.file);
        is_later_file || file == self.first_file && (!is_its_file() || offset >= self.base.offset)
    }

    /// Where it ends.
    pub fn end(&self) -> Position {
        let last = self.logs.last().map(|log| &log.record.to);
        last.map_or_else(|| self.base.clone(), |to| Position { file: to.file.clone(), offset: to.offset })
    }

    /// Whether the log is at `place` or behind it, when it is at `reached`; both are behind the snapshot.
    pub fn has_reached(&self, place: &Position, reached: &Position) -> bool {
        if place.file == reached.file {
            return place.offset <= reached.offset;
        }
        let rank = |place: &Position| self.ranks.get(&place.file);
        rank(place).is_some_and(|own| rank(reached).is_none_or(|reached| own < reached))
    }
}
