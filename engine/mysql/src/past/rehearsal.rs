//! A rehearsal of the replay: it finds what would be refused, left out, or not certain, before anything is done.

use std::path::PathBuf;

use super::base::{SavedBase, Stage};
use super::feed::{Stretch, feed};
use super::late::LateTables;
use super::needs::Needs;
use super::part::ReplayPart;
use crate::binlog::replay::{Replay, ReplayOutcome};
use engine_core::error::{ErrorKind, Result, chain as shown};
use engine_core::monitor::{Monitor, Phase, Work};

/// A replay as it is going to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Rehearsal {
    pub part: ReplayPart,
    /// The changes that are going to be left out, and those that are not certain.
    pub outcome: ReplayOutcome,
    /// Why it is going to end early.
    pub refusal: Option<String>,
}

/// Rehearses the smallest part that has what is asked for. If a statement of the log may concern it, that is the whole database.
///
/// # Errors
/// If the log cannot be read, or the records of tables; if the monitor wishes to stop.
pub(super) fn rehearse(
    base: &SavedBase<'_>,
    stretch: &Stretch<'_>,
    late: &LateTables,
    monitor: &dyn Monitor,
) -> Result<Rehearsal> {
    let whole = ReplayPart {
        only: None,
        kept: late.inexact.iter().map(|inexact| inexact.table.clone()).collect(),
        late: late.windows.clone(),
    };
    if let Some(needs) = Needs::of(&base.database, &base.options.load)? {
        let small = rehearse_part(base, stretch, whole.only(needs), monitor)?;
        if small.refusal.is_none() {
            return Ok(small);
        }
    }
    rehearse_part(base, stretch, whole, monitor)
}

fn rehearse_part(
    base: &SavedBase<'_>,
    stretch: &Stretch<'_>,
    part: ReplayPart,
    monitor: &dyn Monitor,
) -> Result<Rehearsal> {
    let options =
        base.replay_options(&stretch.chain.base, &part, Stage { target: base.nobody(), folder: PathBuf::new() })?;
    let bytes = stretch.chain.parts().map(|part| part.file.end.saturating_sub(part.file.first)).sum();
    monitor.begin(Phase::Replay, Some(Work { items: 0, bytes }));
    let result = Replay::begin(options, monitor).and_then(|replay| feed(replay, stretch, base.reader));
    monitor.end();
    match result {
        Ok(outcome) => Ok(Rehearsal { part, outcome, refusal: None }),
        Err(error) if error.kind() == ErrorKind::Refused => {
            Ok(Rehearsal { part, refusal: Some(shown(&error)), outcome: ReplayOutcome::default() })
        }
        Err(error) => Err(error),
    }
}
