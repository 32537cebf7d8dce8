//! Windows of chains, and the gaps between them.

use std::collections::BTreeSet;

use repo_format::id::LeaseId;
use repo_format::log::{Coverage, StreamStart};

use super::base::{Placed, place, stands};
use super::chain::{Chain, chains};
use super::{Base, Gap, GapReason, KnownLog, Restorable, Window};

/// The moments that can be restored, by the addresses of servers. `logs` are in the order in which they were fetched.
pub fn windows(logs: &[KnownLog], bases: &[Base]) -> Vec<Restorable> {
    let addresses: BTreeSet<&[u8]> = logs.iter().map(|log| &log.address[..]).collect();
    let of = |address: &[u8]| {
        let own: Vec<&KnownLog> = logs.iter().filter(|log| log.address == address).collect();
        let bases: Vec<&Base> = bases.iter().filter(|base| base.address == address).collect();
        restorable(address, &own, &bases)
    };
    addresses.into_iter().map(of).collect()
}

/// The logs that snapshots stand in, each with its snapshot.
pub fn standing<'b>(logs: &[KnownLog], bases: &'b [Base]) -> Vec<(LeaseId, &'b Base)> {
    let mut found = Vec::new();
    for base in bases {
        let own: Vec<&KnownLog> = logs.iter().filter(|log| log.address == base.address).collect();
        let chains = chains(&own);
        for stand in stands(base, &chains) {
            let chain = &chains[stand.chain];
            // A snapshot after all that is known may stand in a log that is not there yet.
            found.extend((base.moment <= chain.until()).then(|| (chain.logs[stand.log].id, base)));
        }
    }
    found
}

fn restorable(address: &[u8], logs: &[&KnownLog], bases: &[&Base]) -> Restorable {
    let chains = chains(logs);
    let placed = place(bases, &chains);
    let mut line = Line::default();
    for (number, chain) in chains.iter().enumerate() {
        line.add(number, chain, &placed);
    }
    line.end();
    let newest = logs.iter().max_by_key(|log| log.record.complete_until);
    Restorable {
        address: address.to_vec(),
        windows: line.windows,
        gaps: line.gaps,
        clock_ahead: newest.map_or(0, |log| log.record.clock_ahead),
        kept_until: newest.map_or(0, |log| log.record.complete_until),
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
    fn add(&mut self, number: usize, chain: &Chain<'_>, placed: &Placed<'_>) {
        self.reasons.push(chain.begins);
        let mut open: Option<Open> = None;
        for (at, log) in chain.logs.iter().enumerate() {
            let record = &log.record;
            if let Some(ended) = open.take_if(|open| open.window.coverage != record.coverage) {
                // A place in what is left out is still a place: the schemas that are not can be restored there.
                let goes_on = record.coverage == Coverage::Partial;
                open = goes_on.then(|| ended.continued());
                self.close(ended);
                self.reasons.extend((!goes_on && record.coverage == Coverage::Whole).then_some(GapReason::Partial));
            }
            if record.coverage == Coverage::Incident {
                self.reasons.push(GapReason::Incident);
                continue;
            }
            if open.is_none() {
                open = placed.get(&(number, at)).map(|base| Open::begin(base, log));
            }
            if let Some(open) = &mut open {
                open.take(log);
            }
        }
        if let Some(open) = open {
            self.close(open);
        }
    }

    /// Keeps a window, and the gap before it.
    fn close(&mut self, open: Open) {
        let Some(window) = open.closed() else { return };
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

/// A window that has begun.
struct Open {
    window: Window,
    base: Base,
    /// Whether the snapshot stands where the last log ends, so that nothing follows it yet.
    is_at_end: bool,
}

impl Open {
    fn begin(base: &Base, log: &KnownLog) -> Self {
        let window = Window {
            stream: log.record.stream,
            base: base.id,
            from: base.moment,
            until: i64::MIN,
            logs: Vec::new(),
            coverage: log.record.coverage,
            coverage_reason: log.record.coverage_reason.clone(),
        };
        Open { window, base: base.clone(), is_at_end: false }
    }

    /// The same snapshot, from where the server began to leave something out.
    fn continued(&self) -> Self {
        let mut window = self.window.clone();
        window.from = window.from.max(window.until);
        window.coverage = Coverage::Partial;
        Open { window, base: self.base.clone(), is_at_end: false }
    }

    fn take(&mut self, log: &KnownLog) {
        let (to, place) = (&log.record.to, &self.base.place);
        self.window.until = self.window.until.max(log.record.complete_until);
        self.window.logs.push(log.id);
        self.is_at_end = (&to.file, to.offset) == (&place.file, place.offset);
        self.window.coverage_reason = log.record.coverage_reason.clone().or(self.window.coverage_reason.take());
    }

    /// The window; `None` if the snapshot was made after all that is known of the server: then it stands in a log that is not there yet.
    fn closed(self) -> Option<Window> {
        let mut window = self.window;
        if window.until < window.from {
            self.is_at_end.then(|| window.until = window.from)?;
        }
        Some(window)
    }
}
