//! Logs that follow each other without a hole.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use repo_format::id::StreamId;
use repo_format::log::{Coverage, LogFile, LogPlace, LogRecord};

use super::GapReason;
use crate::binlog::stored::StoredLog;

/// Logs of one stream, each of which begins where the one before ends and has everything that happened; or one log that has not.
pub struct Chain<'l> {
    /// In their order; never empty.
    pub logs: Vec<&'l StoredLog>,
    /// Why nothing comes before the first; none if another chain does.
    pub begins: Option<GapReason>,
}

impl Chain<'_> {
    /// Whether its logs have everything that happened.
    pub fn has_everything(&self) -> bool {
        self.logs.iter().all(|log| has_everything(log))
    }

    fn until(&self) -> i64 {
        self.logs.last().map_or(i64::MIN, |log| log.record.complete_until)
    }

    fn since(&self) -> i64 {
        self.logs.first().map_or(i64::MAX, |log| log.record.complete_until)
    }

    /// Whether these logs, each of which follows the one before, say nothing that this chain does not say: two machines may fetch the same part of a
    /// stream.
    pub fn has_all_of(&self, logs: &[&StoredLog]) -> bool {
        let (Some(own), Some(first), Some(last)) = (self.logs.first(), logs.first(), logs.last()) else { return false };
        let begins = || self.logs.iter().position(|log| holds(&log.record, &first.record.from));
        let ends = || self.logs.iter().rposition(|log| holds(&log.record, &last.record.to));
        own.record.stream == first.record.stream
            && last.record.complete_until <= self.until()
            && begins().zip(ends()).is_some_and(|(begins, ends)| begins <= ends)
    }
}

/// Whether a log has everything that happened, so that moments in it can be restored.
fn has_everything(log: &StoredLog) -> bool {
    log.record.coverage == Coverage::Whole
}

/// Whether a place lies in a log.
pub fn holds(log: &LogRecord, place: &LogPlace) -> bool {
    let file = log.files.iter().find(|file| file.name == place.file);
    is_same(&log.from, place) || is_same(&log.to, place) || file.is_some_and(|file| is_within(file, place.offset))
}

fn is_within(file: &LogFile, offset: u64) -> bool {
    (file.first..=file.end).contains(&offset)
}

fn is_same(one: &LogPlace, other: &LogPlace) -> bool {
    (&one.file, one.offset) == (&other.file, other.offset)
}

/// A place in the history of a server.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Point<'l> {
    stream: StreamId,
    file: &'l str,
    offset: u64,
}

impl<'l> Point<'l> {
    fn new(log: &'l StoredLog, place: &'l LogPlace) -> Self {
        Point { stream: log.record.stream, file: &place.file, offset: place.offset }
    }

    fn begin(log: &'l StoredLog) -> Self {
        Self::new(log, &log.record.from)
    }

    fn end(log: &'l StoredLog) -> Self {
        Self::new(log, &log.record.to)
    }
}

/// Logs by the places where they begin.
type Followers<'l> = HashMap<Point<'l>, Vec<&'l StoredLog>>;

/// The chains of one server, in the order of their beginnings. Where several logs begin at the same place, the way that reaches furthest counts. A log
/// that does not have everything is a chain of its own.
pub fn chains<'l>(logs: &[&'l StoredLog]) -> Vec<Chain<'l>> {
    let ends: HashSet<Point<'l>> = logs.iter().map(|log| Point::end(log)).collect();
    let (whole, other): (Vec<_>, Vec<_>) = logs.iter().copied().partition(|log| has_everything(log));
    let mut chains = whole_chains(&whole, &ends);
    chains.extend(other.iter().map(|log| Chain { logs: vec![*log], begins: beginning(log, &ends) }));
    // The one that was fetched first comes first if several were complete at the same time.
    chains.sort_by_key(Chain::since);
    chains
}

/// Why a chain begins with `log`; none if it begins where another one ends.
fn beginning(log: &StoredLog, ends: &HashSet<Point<'_>>) -> Option<GapReason> {
    let is_missing = !ends.contains(&Point::begin(log));
    let missing = log.record.previous.filter(|_| is_missing).map(GapReason::Missing);
    log.record.start.map(GapReason::Stream).or(missing)
}

/// The chains of logs that have everything; `ends` are where any logs end.
fn whole_chains<'l>(logs: &[&'l StoredLog], ends: &HashSet<Point<'l>>) -> Vec<Chain<'l>> {
    let own_ends: HashSet<Point<'l>> = logs.iter().map(|log| Point::end(log)).collect();
    let mut followers: Followers<'l> = HashMap::new();
    for log in logs {
        followers.entry(Point::begin(log)).or_default().push(log);
    }
    // The one that was complete for longer is the better of two logs between the same places.
    followers.values_mut().for_each(|logs| logs.sort_by_key(|log| Reverse(log.record.complete_until)));
    let first = logs.iter().filter(|log| log.record.start.is_some() || !own_ends.contains(&Point::begin(log)));
    let mut chains: Vec<_> =
        first.map(|log| Chain { logs: furthest(log, &followers), begins: beginning(log, ends) }).collect();
    chains.sort_by_key(Chain::since);
    let is_needed = |at: &usize| {
        // If two say the same, the one of fewer logs is kept: small ones may stand beside what took their place.
        let rank = |at: usize| (chains[at].logs.len(), at);
        let says_all = |(nr, other): (usize, &Chain<'_>)| {
            nr != *at
                && other.has_all_of(&chains[*at].logs)
                && (rank(nr) < rank(*at) || !chains[*at].has_all_of(&other.logs))
        };
        !chains.iter().enumerate().any(says_all)
    };
    let needed: HashSet<usize> = (0..chains.len()).filter(is_needed).collect();
    chains.into_iter().enumerate().filter(|(at, _)| needed.contains(at)).map(|(_, chain)| chain).collect()
}

/// The way from `first` on that reaches furthest.
fn furthest<'l>(first: &'l StoredLog, followers: &Followers<'l>) -> Vec<&'l StoredLog> {
    // Each log that can be reached, and the place in this list of the one that it was reached from.
    let mut reached: Vec<(&StoredLog, Option<usize>)> = vec![(first, None)];
    // A circle comes of forged records only.
    let mut seen = HashSet::from([first.id()]);
    let mut at = 0;
    while let Some(&(log, _)) = reached.get(at) {
        for next in followers.get(&Point::end(log)).into_iter().flatten() {
            if seen.insert(next.id()) {
                reached.push((next, Some(at)));
            }
        }
        at += 1;
    }
    let last = (0..reached.len()).max_by_key(|at| (reached[*at].0.record.complete_until, Reverse(*at)));
    let mut way: Vec<_> = std::iter::successors(last, |at| reached[*at].1).map(|at| reached[at].0).collect();
    way.reverse();
    way
}
