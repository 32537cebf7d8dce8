//! Gives the events of a chain of logs to a replay.

use super::chain::{Chain, Part};
use super::stop::Going;
use crate::binlog::event::{Event, Header, Kind, Malformed};
use crate::binlog::replay::{Position, Replay, ReplayOutcome};
use crate::binlog::stored::EventIter;
use engine_core::error::{Error, ErrorKind, Result};
use engine_core::pack::ChunkReader;

/// The part of a chain that is wanted.
pub(super) struct Stretch<'s> {
    pub chain: &'s Chain,
    /// The first place that is not wanted.
    pub stop: &'s Position,
    /// Nothing that is wanted comes between the stop and this place.
    pub reached: &'s Position,
}

/// Gives all wanted events to the replay, and ends it.
///
/// # Errors
/// If the log cannot be read; those of the replay.
pub(super) fn feed(mut replay: Replay<'_>, stretch: &Stretch<'_>, reader: &ChunkReader<'_>) -> Result<ReplayOutcome> {
    let Stretch { chain, stop, reached } = *stretch;
    let mut file: Option<String> = None;
    let parts = chain.parts().take_while(|_| *stop != chain.base);
    for part in parts {
        let mut events = part.log.events(reader, part.file, 0)?;
        if file.as_ref() != Some(&part.file.name) {
            replay.file(&part.file.name, events.format().clone())?;
            file = Some(part.file.name.clone());
        }
        if feed_part(&mut replay, part, &mut events, stop)? == Going::Stop {
            break;
        }
    }
    replay.pass_to(reached);
    replay.end()
}

/// Gives the events of one part to the replay; stops at `stop`.
fn feed_part(replay: &mut Replay<'_>, part: Part<'_>, events: &mut EventIter<'_>, stop: &Position) -> Result<Going> {
    let mut place = part.file.first;
    let has_stop = part.file.name == stop.file;
    while let Some(bytes) = events.next_event()? {
        let begin = begin_of(&bytes, &mut place)?;
        if has_stop && begin >= stop.offset {
            return Ok(Going::Stop);
        }
        let event = Event::new(&bytes).map_err(|why| damaged(part, why))?;
        if event.header.kind != Kind::FORMAT {
            replay.event(begin, &event)?;
        }
    }
    Ok(if has_stop && place >= stop.offset { Going::Stop } else { Going::On })
}

/// Where an event begins, and `place` becomes where it ends: its header says so modulo 2^32.
fn begin_of(bytes: &[u8], place: &mut u64) -> Result<u64> {
    let header = Header::read(bytes)
        .map_err(|why| Error::caused(ErrorKind::Damaged, "an event of the log cannot be read", why))?;
    *place = header.end_from(*place);
    Ok(*place - u64::from(header.size))
}

fn damaged(part: Part<'_>, why: Malformed) -> Error {
    Error::caused(ErrorKind::Damaged, format!("{} of the log {} cannot be read", part.file.name, part.log.id()), why)
}
