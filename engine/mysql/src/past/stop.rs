//! Where a replay ends: behind the last transaction that is wanted.

use repo_format::log::{FIRST_OFFSET, LogFile, TimeSource, TransactionRecord};

use super::When;
use super::chain::Chain;
use crate::binlog::replay::Position;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;

/// A transaction in a chain.
pub(super) struct Placed {
    pub at: Position,
    pub record: TransactionRecord,
}

/// The transactions behind the snapshot, one after the other.
///
/// # Errors
/// If their lists cannot be read, or that of `take`, which says whether to go on.
pub(super) fn each(
    chain: &Chain,
    reader: &ChunkReader<'_>,
    mut take: impl FnMut(Placed) -> Result<Going>,
) -> Result<()> {
    for (nr, log) in chain.logs.iter().enumerate() {
        for record in log.transactions(reader)? {
            let record = record?;
            let own = usize::try_from(record.file).ok().and_then(|at| Some((at, log.record.files.get(at)?)));
            let (file, LogFile { name, .. }) = own.ok_or_else(|| {
                Error::new(
                    ErrorKind::Damaged,
                    format!("the list of transactions of the log {} names no file", log.id()),
                )
            })?;
            if chain.is_behind_base(nr, file, record.begin) {
                let at = Position { file: name.clone(), offset: record.begin };
                if take(Placed { at, record })? == Going::Stop {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    On,
    Stop,
}

/// The wanted part of a chain, as its transactions have it.
pub(super) struct Stop {
    /// The first place that is not wanted.
    pub place: Position,
    /// Everything before this place is known to be wanted, whether or not a transaction ends there.
    pub reached: Position,
    /// The last transaction that is.
    pub last: Option<Placed>,
    /// The first that is not.
    pub next: Option<Placed>,
}

/// Finds the place behind the last transaction that is wanted.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the moment is not in the chain; [`ErrorKind::Usage`] if the place is in the middle of a transaction.
pub(super) fn find(
    chain: &Chain,
    reader: &ChunkReader<'_>,
    when: &When,
    count: &mut dyn FnMut(&Placed),
) -> Result<Stop> {
    let mut stop = Stop { place: chain.base.clone(), reached: chain.end(), last: None, next: None };
    let (mut found, mut inside) = (*when == When::Newest, None);
    each(chain, reader, |placed| {
        let is_next = match when {
            When::Newest => false,
            When::At(time) => placed.record.time > *time,
            When::Before(place) => {
                if place.file == placed.at.file && (placed.record.begin + 1..placed.record.end).contains(&place.offset)
                {
                    inside = Some(placed.at.clone());
                }
                // No transaction stands between this place and the one before it, or the snapshot.
                *place == placed.at || *place == stop.place || is_passed(chain, place, &placed.at)
            }
            When::Gtid(_) => found,
        };
        if is_next || inside.is_some() {
            found = true;
            stop.reached = placed.at.clone();
            stop.next = Some(placed);
            return Ok(Going::Stop);
        }
        found |= matches!(when, When::Gtid(gtid) if placed.record.gtid.as_ref() == Some(gtid));
        stop.place = Position { offset: placed.record.end, ..placed.at.clone() };
        count(&placed);
        stop.last = Some(placed);
        Ok(Going::On)
    })?;
    if let Some(begin) = inside {
        let message = format!("no transaction begins there: the one around it begins at {begin}");
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("`enamel log` shows with each transaction the place before it."));
    }
    let ends_at = |place: &Position| {
        let end = chain.end();
        *place == end || *place == stop.place || is_passed(chain, place, &end)
    };
    if matches!(when, When::Before(place) if ends_at(place)) {
        found = true;
    }
    if matches!(when, When::At(time) if *time <= chain.until) {
        found = true;
    }
    if found { Ok(stop) } else { Err(not_covered(chain, when)) }
}

/// Whether `place` is the beginning of a file behind the snapshot's, and the log is at it or behind it when it is at `reached`.
fn is_passed(chain: &Chain, place: &Position, reached: &Position) -> bool {
    place.offset == FIRST_OFFSET && place.file != chain.base.file && chain.has_reached(place, reached)
}

fn not_covered(chain: &Chain, when: &When) -> Error {
    let end = chain.end();
    let message = match when {
        When::At(_) => format!("the moment is not in the repository: its logs end at {end}, before it"),
        When::Before(place) => format!(
            "no transaction begins at {place} between the snapshot, at {}, and the end of the logs, at {end}",
            chain.base
        ),
        When::Gtid(gtid) => format!(
            "the transaction {gtid} is not between the snapshot, at {}, and the end of the logs, at {end}",
            chain.base
        ),
        When::Newest => "the repository has no logs".to_owned(),
    };
    Error::new(ErrorKind::NotFound, message)
        .with_hint("A later moment needs a newer part of the log, an earlier one an earlier snapshot: `enamel status` says what is covered.")
}

/// Whether the time of a transaction is only known from below.
pub(super) fn is_about(record: &TransactionRecord) -> bool {
    record.time_source == TimeSource::Statement
}
