//! Windows of chains, and the gaps between them.

use std::collections::{BTreeMap, HashMap};

use repo_format::log::{Coverage, StreamStart};

use super::chain::{Chain, chains};
use super::way::{Way, ways};
use super::{Base, Gap, GapReason, Restorable, Window};
use crate::binlog::stored::StoredLog;

/// The moments that can be restored, by the addresses of servers. `logs` are in the order in which they were fetched.
pub fn windows(logs: &[StoredLog], bases: &[Base]) -> Vec<Restorable> {
    let of = |server: Server<'_, '_>| restorable(&server);
    servers(logs, bases).into_iter().map(of).collect()
}

/// All ways from snapshots.
pub fn all_ways<'l, 'b>(logs: &'l [StoredLog], bases: &'b [Base]) -> Vec<Way<'l, 'b>> {
    servers(logs, bases).into_iter().flat_map(|server| ways(&server.bases, &chains(&server.logs))).collect()
}

/// The logs and snapshots of one address.
struct Server<'l, 'b> {
    address: &'l [u8],
    logs: Vec<&'l StoredLog>,
    bases: Vec<&'b Base>,
}

fn servers<'l, 'b>(logs: &'l [StoredLog], bases: &'b [Base]) -> Vec<Server<'l, 'b>> {
    let mut servers: BTreeMap<&[u8], Server<'_, '_>> = BTreeMap::new();
    for log in logs {
        let address = log.address();
        let new = || Server { address, logs: Vec::new(), bases: Vec::new() };
        servers.entry(address).or_insert_with(new).logs.push(log);
    }
    for base in bases {
        servers.get_mut(&base.address[..]).into_iter().for_each(|server| server.bases.push(base));
    }
    servers.into_values().collect()
}

fn restorable(server: &Server<'_, '_>) -> Restorable {
    let chains = chains(&server.logs);
    // The way of each chain that reaches back furthest.
    let mut oldest: HashMap<usize, Way<'_, '_>> = HashMap::new();
    for way in ways(&server.bases, &chains) {
        let age = |way: &Way<'_, '_>| (way.base.from, way.base.id);
        if way.base.from <= way.until && oldest.get(&way.chain).is_none_or(|known| age(&way) < age(known)) {
            oldest.insert(way.chain, way);
        }
    }
    let mut line = Line::default();
    for (at, chain) in chains.iter().enumerate() {
        line.add(chain, oldest.get(&at).map(window));
    }
    line.end();
    let newest = server.logs.iter().max_by_key(|log| log.record.complete_until);
    Restorable {
        address: server.address.to_vec(),
        windows: line.windows,
        gaps: line.gaps,
        clock_ahead: newest.map_or(0, |log| log.record.clock_ahead),
        kept_until: newest.map_or(0, |log| log.record.complete_until),
    }
}

fn window(way: &Way<'_, '_>) -> Window {
    Window {
        stream: way.logs()[0].record.stream,
        base: way.base.id,
        from: way.base.from,
        until: way.until,
        logs: way.logs().iter().map(|log| log.id()).collect(),
    }
}

/// Windows and gaps so far.
#[derive(Default)]
struct Line {
    windows: Vec<Window>,
    gaps: Vec<Gap>,
    /// Reasons why coverage ended since the last window.
    reasons: Vec<GapReason>,
}

impl Line {
    /// Adds a chain, and its window if a snapshot stands in it.
    fn add(&mut self, chain: &Chain<'_>, window: Option<Window>) {
        let partial = chain.logs.iter().filter(|_| !chain.has_everything()).map(|log| reason(log));
        for reason in chain.begins.clone().into_iter().chain(partial) {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        window.into_iter().for_each(|window| self.close(window));
    }

    /// Keeps a window, and the gap before it.
    fn close(&mut self, window: Window) {
        let reasons = std::mem::take(&mut self.reasons);
        let before = self.windows.iter().map(|window| window.until).max();
        if let Some(before) = before
            && before < window.from
        {
            self.gaps.push(Gap { from: before, until: Some(window.from), reasons });
        }
        self.windows.push(window);
    }

    /// Coverage that ended without a snapshot since is a gap that goes on.
    fn end(&mut self) {
        let reasons = std::mem::take(&mut self.reasons);
        let before = self.windows.iter().map(|window| window.until).max();
        let ended = reasons.iter().any(|reason| *reason != GapReason::Stream(StreamStart::First));
        if let Some(from) = before.filter(|_| ended) {
            self.gaps.push(Gap { from, until: None, reasons });
        }
        self.windows.sort_by_key(|window| (window.from, window.until));
    }
}

/// Why no moment in a log can be restored.
fn reason(log: &StoredLog) -> GapReason {
    match log.record.coverage {
        Coverage::Incident => GapReason::Incident,
        _ => GapReason::Partial(log.record.coverage_reason.clone().unwrap_or_default()),
    }
}
