//! The places of snapshots in chains.

use std::collections::HashMap;

use repo_format::log::{Coverage, LogFile, LogPlace, LogRecord, SECOND};

use super::chain::Chain;
use super::{Base, KnownLog};
use crate::binlog::event::Format;

/// The oldest snapshot in each log, by the places of its chain and of the log in it.
pub type Placed<'b> = HashMap<(usize, usize), &'b Base>;

/// Finds the oldest snapshot in each log.
pub fn place<'b>(bases: &[&'b Base], chains: &[Chain<'_>]) -> Placed<'b> {
    let mut placed: Placed<'b> = HashMap::new();
    for base in bases {
        for stand in stands(base, chains) {
            let oldest = placed.entry((stand.chain, stand.log)).or_insert(base);
            if (base.moment, base.id) < (oldest.moment, oldest.id) {
                *oldest = base;
            }
        }
    }
    placed
}

/// The logs that a snapshot stands in: two, if two machines have kept the same log.
pub fn stands(base: &Base, chains: &[Chain<'_>]) -> Vec<Stand> {
    let all = chains.iter().enumerate().filter_map(|(at, chain)| stands_in(base, at, chain));
    let mut stands: Vec<_> = all.collect();
    // A server that begins its log anew gives its files the same names: the newest one that was there at the moment is meant.
    let newest = stands.iter().map(|stand| stand.began).max();
    stands.retain(|stand| Some(stand.began) == newest);
    stands
}

/// The log that a snapshot stands in.
pub struct Stand {
    /// The place of its chain.
    pub chain: usize,
    /// The place of the log in its chain.
    pub log: usize,
    /// When its file began, in seconds.
    began: i64,
}

/// Where `base` stands in a chain. At the end of one log that is the beginning of the next, unless the server lost events there.
fn stands_in(base: &Base, number: usize, chain: &Chain<'_>) -> Option<Stand> {
    let stand = |(at, log): (usize, &&KnownLog)| {
        let began = (log.record.identity == base.identity).then(|| began(&log.record, &base.place))??;
        (began * SECOND <= base.moment).then_some(Stand { chain: number, log: at, began })
    };
    chain.logs.iter().enumerate().rev().filter(|(_, log)| log.record.coverage != Coverage::Incident).find_map(stand)
}

/// When the file of `place` began, if the place lies in the log.
fn began(log: &LogRecord, place: &LogPlace) -> Option<i64> {
    let is = |other: &LogPlace| (&other.file, other.offset) == (&place.file, place.offset);
    let within = |file: &LogFile| file.first <= place.offset && place.offset <= file.end;
    let file = log.files.iter().find(|file| file.name == place.file);
    match file {
        Some(file) if within(file) || is(&log.from) || is(&log.to) => {
            Some(Format::read(&file.format.0).map_or(0, |format| i64::from(format.timestamp)))
        }
        // A log without events of the file it begins in.
        None if is(&log.from) || is(&log.to) => Some(0),
        _ => None,
    }
}
