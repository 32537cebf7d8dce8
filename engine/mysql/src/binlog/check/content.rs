//! The contents of one log, against its records.

use repo_format::database::Flavour;
use repo_format::log::{LogFile, TransactionFlags, TransactionRecord, part_name};

use super::LogDepth;
use crate::binlog::event::{Event, Malformed};
use crate::binlog::stored::{StoredLog, TransactionIter, part_entry};
use crate::binlog::transaction::{Ended, Placed, Step, Transactions};
use crate::binlog::window::Base;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;

/// The faults of a log, in words.
///
/// # Errors
/// [`ErrorKind::Damaged`] if a part of it cannot be read.
pub fn faults(reader: &ChunkReader<'_>, log: &StoredLog, bases: &[Base], depth: LogDepth) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut sizes = Vec::new();
    for file in &log.record.files {
        let size = if file.end > file.first {
            part_entry(reader, &log.manifest, &part_name(&file.name, file.first))?.meta.size
        } else {
            0
        };
        sizes.push(size);
        // MariaDB does not send everything that stands in its files.
        let (most, is_exact) = (file.end - file.first, log.record.flavour != Flavour::MariaDb);
        if size > most || is_exact && size < most {
            faults.push(format!("it has {size} bytes of {}, where {most} should be", file.name));
        }
    }
    let mut index = Index { log, sizes, bases, last: None, count: 0, faults: Vec::new() };
    for transaction in log.transactions(reader)? {
        index.add(transaction?);
    }
    if index.count != log.record.transactions {
        let (count, named) = (index.count, log.record.transactions);
        index.faults.push(format!("its list has {count} transactions, where {named} should be"));
    }
    faults.append(&mut index.faults);
    if depth == LogDepth::Events {
        faults.extend(event_faults(reader, log)?);
    }
    Ok(faults)
}

/// The list of transactions, as far as it was read.
struct Index<'l> {
    log: &'l StoredLog,
    /// Bytes of events that are kept of each file.
    sizes: Vec<u64>,
    /// Snapshots that stand in the log.
    bases: &'l [Base],
    last: Option<TransactionRecord>,
    count: u64,
    faults: Vec<String>,
}

impl Index<'_> {
    fn add(&mut self, transaction: TransactionRecord) {
        self.count += 1;
        let (begin, end) = (transaction.begin, transaction.end);
        let at = usize::try_from(transaction.file).unwrap_or(usize::MAX);
        let file = self.log.record.files.get(at).zip(self.sizes.get(at));
        let is_within =
            |(file, size): (&LogFile, &u64)| file.first <= begin && end <= file.end && transaction.skip <= *size;
        if !file.is_some_and(is_within) {
            self.faults.push(format!("its list has a transaction at {begin} that is in none of its files"));
        }
        let follows = |last: &TransactionRecord| {
            (last.file, last.end) <= (transaction.file, begin)
                && (last.file < transaction.file || last.skip < transaction.skip)
        };
        if !self.last.as_ref().is_none_or(follows) {
            self.faults.push(format!("its list has a transaction at {begin} that does not follow the one before"));
        }
        for base in self.bases {
            let is_in_file = file.is_some_and(|(file, _)| file.name == base.place.file);
            if is_in_file && begin < base.place.offset && base.place.offset < end {
                self.faults.push(format!(
                    "the snapshot {} stands inside a transaction of it, so nothing can be done again from there on",
                    base.id
                ));
            }
        }
        self.last = Some(transaction);
    }
}

/// Reads every event, and compares the transactions found with those in the list.
fn event_faults(reader: &ChunkReader<'_>, log: &StoredLog) -> Result<Option<String>> {
    let mut listed = log.transactions(reader)?;
    let mut transactions = Transactions::default();
    for (number, file) in (0u32..).zip(&log.record.files).filter(|(_, file)| file.end > file.first) {
        let (mut events, mut offset, mut skip) = (log.events(reader, file, 0)?, file.first, 0);
        while let Some(bytes) = events.next_event()? {
            let malformed = |why: Malformed| {
                let place = format!("the log cannot be used at {}:{offset}", file.name);
                Error::caused(ErrorKind::Damaged, place, why)
            };
            let event = Event::new(&bytes).map_err(malformed)?;
            let end = event.header.end_from(offset);
            let begin = end - u64::from(event.header.size);
            let placed = Placed { event, file: number, begin, end, skip, arrival: None };
            let step = transactions.add(&placed, events.format()).map_err(malformed)?;
            if let Step::Ends(ended) = step
                && let Some(fault) = compare(&mut listed, *ended, file)?
            {
                return Ok(Some(fault));
            }
            (offset, skip) = (end, skip + bytes.len() as u64);
        }
        if offset != file.end {
            return Ok(Some(format!("its events of {} end at {offset}, not at {}", file.name, file.end)));
        }
    }
    match listed.next().transpose()? {
        Some(more) => Ok(Some(format!("its list has a transaction at {} that no event belongs to", more.begin))),
        None => Ok(transactions.is_within().then(|| "its events end inside a transaction".to_owned())),
    }
}

/// Compares a transaction with the next one in the list.
fn compare(listed: &mut TransactionIter<'_>, ended: Ended, file: &LogFile) -> Result<Option<String>> {
    let found = ended.record;
    let place = format!("{}:{}", file.name, found.begin);
    let Some(listed) = listed.next().transpose()? else {
        return Ok(Some(format!("its list lacks the transaction at {place}")));
    };
    let known = |record: &TransactionRecord| (record.file, record.begin, record.end, record.skip);
    // Tables that did not fit into the list are not compared.
    let is_short = listed.flags.has(TransactionFlags::MORE_TABLES);
    let is_same = known(&listed) == known(&found)
        && listed.gtid == found.gtid
        && listed.text == found.text
        && (is_short || (&listed.tables, listed.flags) == (&found.tables, found.flags));
    Ok((!is_same).then(|| format!("its list says something else of the transaction at {place} than its events")))
}
