//! Logs that follow each other without a hole.

use std::collections::{HashMap, HashSet};

use repo_format::id::LeaseId;

use super::{GapReason, KnownLog};

/// Logs of one stream, each of which follows the one before.
pub struct Chain<'l> {
    /// In their order; never empty.
    pub logs: Vec<&'l KnownLog>,
    /// Why nothing comes before the first.
    pub begins: GapReason,
}

impl Chain<'_> {
    /// Until when it is complete.
    pub fn until(&self) -> i64 {
        self.logs.last().map_or(i64::MIN, |log| log.record.complete_until)
    }

    fn since(&self) -> i64 {
        self.logs.first().map_or(i64::MAX, |log| log.record.complete_until)
    }

    /// Whether `other` says nothing that this one does not say: two machines may fetch the same part of a stream.
    fn has_all_of(&self, other: &Chain<'_>) -> bool {
        let stream = |chain: &Chain<'_>| chain.logs.first().map(|log| log.record.stream);
        stream(self) == stream(other) && self.since() < other.since() && other.until() <= self.until()
    }
}

/// The chains of one server, in the order of their beginnings. Where several logs follow the same one, the way that reaches furthest counts.
pub fn chains<'l>(logs: &[&'l KnownLog]) -> Vec<Chain<'l>> {
    let known: HashSet<LeaseId> = logs.iter().map(|log| log.id).collect();
    let mut followers: HashMap<LeaseId, Vec<&'l KnownLog>> = HashMap::new();
    for log in logs {
        if let Some(previous) = log.record.previous {
            followers.entry(previous).or_default().push(log);
        }
    }
    let first = logs.iter().filter_map(|log| Some((*log, beginning(log, &known)?)));
    let mut chains: Vec<_> = first.map(|(log, begins)| Chain { logs: furthest(log, &followers), begins }).collect();
    // The one that was fetched first comes first if several were complete at the same time.
    chains.sort_by_key(Chain::since);
    let is_needed = |at: &usize| !chains.iter().any(|other| other.has_all_of(&chains[*at]));
    let needed: HashSet<usize> = (0..chains.len()).filter(is_needed).collect();
    chains.into_iter().enumerate().filter(|(at, _)| needed.contains(at)).map(|(_, chain)| chain).collect()
}

/// Why a chain begins with `log`; `None` if the log before is there.
fn beginning(log: &KnownLog, known: &HashSet<LeaseId>) -> Option<GapReason> {
    match (log.record.previous, log.record.start) {
        (Some(previous), _) => (!known.contains(&previous)).then_some(GapReason::Missing(previous)),
        (None, Some(start)) => Some(GapReason::Stream(start)),
        // No such record can be read.
        (None, None) => None,
    }
}

/// The way from `first` on that reaches furthest.
fn furthest<'l>(first: &'l KnownLog, followers: &HashMap<LeaseId, Vec<&'l KnownLog>>) -> Vec<&'l KnownLog> {
    // Each log that can be reached, and the place in this list of the one that it was reached from.
    let mut reached: Vec<(&KnownLog, Option<usize>)> = vec![(first, None)];
    let mut seen = HashSet::from([first.id]);
    let mut at = 0;
    while let Some(&(log, _)) = reached.get(at) {
        for next in followers.get(&log.id).into_iter().flatten() {
            // A log follows one log, so a circle comes of a forged record only.
            if follows(next, log) && seen.insert(next.id) {
                reached.push((next, Some(at)));
            }
        }
        at += 1;
    }
    let last = (0..reached.len()).max_by_key(|at| (reached[*at].0.record.complete_until, std::cmp::Reverse(*at)));
    let mut way: Vec<_> = std::iter::successors(last, |at| reached[*at].1).map(|at| reached[at].0).collect();
    way.reverse();
    way
}

/// Whether `next` begins where `log` ends.
fn follows(next: &KnownLog, log: &KnownLog) -> bool {
    let (from, to) = (&next.record.from, &log.record.to);
    next.record.stream == log.record.stream && (&from.file, from.offset) == (&to.file, to.offset)
}
