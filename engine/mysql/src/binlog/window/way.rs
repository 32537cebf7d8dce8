//! The ways that lead on from snapshots: the one search that both `status` and a restore use.

use std::collections::HashMap;
use std::rc::Rc;

use repo_format::log::{LogPlace, LogRecord, SECOND};

use super::Base;
use super::chain::{Chain, holds};
use crate::binlog::event::Format;
use crate::binlog::stored::StoredLog;

/// A snapshot inside a log is older than the log's end. Clocks that are compared over a network may differ by so much.
const TOLERANCE: i64 = SECOND;

/// A snapshot, and the logs that lead on from it without a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way<'l, 'b> {
    /// The snapshot.
    pub base: &'b Base,
    /// Every moment from that of the snapshot up to here can be restored: microseconds since 1970 by the server's clock.
    pub until: i64,
    /// The place of its chain.
    pub(super) chain: usize,
    /// The logs of the chain, which ways share.
    all: Rc<[&'l StoredLog]>,
    /// The one of them that the snapshot stands in.
    at: usize,
}

impl<'l> Way<'l, '_> {
    /// From the log that the snapshot stands in, to the last that has everything.
    pub fn logs(&self) -> &[&'l StoredLog] {
        &self.all[self.at..]
    }

    /// Which of the first log's files the snapshot stands in; the number of its files, if it stands at the end and the log has none of that name.
    pub fn first_file(&self) -> usize {
        let (first, place) = (&self.all[self.at].record, &self.base.place);
        match first.files.iter().position(|file| file.name == place.file) {
            Some(at) => at,
            None if is_at(&first.from, place) => 0,
            None => first.files.len(),
        }
    }
}

/// The ways from all `bases`. A snapshot has two, if two machines have kept the same log. It has none if it stands in no log, or after all that is
/// known.
pub fn ways<'l, 'b>(bases: &[&'b Base], chains: &[Chain<'l>]) -> Vec<Way<'l, 'b>> {
    let whole = chains.iter().enumerate().filter(|(_, chain)| chain.has_everything());
    let runs: Vec<_> = whole.map(|(chain, all)| Run { logs: all.logs[..].into(), chain }).collect();
    let mut ways: Vec<_> = bases.iter().flat_map(|base| ways_from(base, &runs)).collect();
    // Nothing happened between the end of a log and a snapshot that stands there, whichever snapshot is begun with.
    let mut until: HashMap<usize, i64> = HashMap::new();
    for way in &ways {
        let known = until.entry(way.chain).or_insert(way.until);
        *known = way.until.max(*known);
    }
    ways.iter_mut().for_each(|way| way.until = until[&way.chain]);
    ways
}

/// Logs of a chain that have everything.
struct Run<'l> {
    logs: Rc<[&'l StoredLog]>,
    /// The place of the chain.
    chain: usize,
}

fn ways_from<'l, 'b>(base: &'b Base, runs: &[Run<'l>]) -> Vec<Way<'l, 'b>> {
    let stands: Vec<_> = runs.iter().filter_map(|run| Stand::find(base, run)).collect();
    // A server that begins its log anew gives its files the same names: the newest one that was there at the moment is meant.
    let newest = stands.iter().map(|stand| stand.began).max();
    let meant = stands.into_iter().filter(|stand| Some(stand.began) == newest);
    meant.filter_map(|stand| stand.way(base)).collect()
}

/// Where a snapshot stands in a run.
struct Stand<'r, 'l> {
    run: &'r Run<'l>,
    /// The place of the log.
    at: usize,
    /// When the server's file began, in seconds.
    began: i64,
}

impl<'r, 'l> Stand<'r, 'l> {
    /// Where `base` stands. At the end of one log that is the beginning of the next.
    fn find(base: &Base, run: &'r Run<'l>) -> Option<Self> {
        let is_in = |log: &&StoredLog| log.record.identity == base.identity && holds(&log.record, &base.place);
        let at = run.logs.iter().rposition(is_in)?;
        let began = began(&run.logs[at].record, &base.place);
        (began.saturating_mul(SECOND) <= base.moment).then_some(Stand { run, at, began })
    }

    /// The way from there on. A snapshot that was made after all that is known, and not at the end of it, stands in a log that is not there yet.
    fn way<'b>(self, base: &'b Base) -> Option<Way<'l, 'b>> {
        let last = &self.run.logs.last()?.record;
        let until = last.complete_until;
        let is_known = until.saturating_add(TOLERANCE) >= base.moment || is_at(&last.to, &base.place);
        let all = Rc::clone(&self.run.logs);
        is_known.then(|| Way { base, until: until.max(base.moment), chain: self.run.chain, all, at: self.at })
    }
}

/// When the file of `place` began, in seconds. A log may have no events of the file that it begins in.
fn began(log: &LogRecord, place: &LogPlace) -> i64 {
    let format = log.files.iter().find(|file| file.name == place.file).map(|file| Format::read(&file.format.0));
    format.and_then(Result::ok).map_or(0, |format| i64::from(format.timestamp))
}

fn is_at(one: &LogPlace, other: &LogPlace) -> bool {
    (&one.file, one.offset) == (&other.file, other.offset)
}
