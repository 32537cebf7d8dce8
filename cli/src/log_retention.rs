//! Retention of binary logs: `keep-log`, and what becomes of the moments that can be restored.

use repo_format::log::SECOND;
use std::collections::{BTreeSet, HashSet};

use engine::Result;
use engine::binlog::keep::{Changed, LogPlan, LogPolicy, plan_logs};
use engine::binlog::stored::StoredLog;
use engine::binlog::window::{Records, Restorable, records};
use engine::machine;
use engine::repository::Repository;
use engine::upkeep::forget::Plan;
use engine::upkeep::retention::{Age, Reason};
use jiff::tz::TimeZone;
use repo_format::id::LeaseId;
use repo_format::manifest::SeenManifest;
use serde::Serialize;

use crate::binlog::{WindowMessage, span_words, window_message};
use crate::effect::Effect;
use crate::ui::{Ui, format};

/// `moments`: the moments of a database that can be restored, before and after.
#[derive(Serialize)]
struct MomentsMessage {
    database: String,
    before: Vec<WindowMessage>,
    after: Vec<WindowMessage>,
}

/// Decides for the logs of each server. Without `keep` no log goes.
///
/// # Errors
/// The repository cannot be read.
pub fn logs(repository: &Repository, going: HashSet<LeaseId>, keep: Option<Age>, ui: &Ui) -> Result<LogPlan> {
    repository.sync_catalog(ui)?;
    let all = records(repository)?;
    let addresses: BTreeSet<&[u8]> = all.logs.iter().map(StoredLog::address).collect();
    let mut joined = LogPlan::default();
    for address in addresses {
        let own = Records {
            logs: all.logs.iter().filter(|log| log.address() == address).cloned().collect(),
            bases: all.bases.iter().filter(|base| base.address == address).cloned().collect(),
            ..Records::default()
        };
        let plan = plan_logs(&own, &LogPolicy { going: going.clone(), since: keep.and_then(|age| since(&own, age)) });
        joined.bases.extend(plan.bases);
        joined.going.extend(plan.going);
        joined.changed.extend(plan.changed);
    }
    Ok(joined)
}

/// Until when logs reach back: counted from the newest log, so that a wrong clock of this machine lets nothing go.
fn since(own: &Records, keep: Age) -> Option<i64> {
    let newest = own.logs.iter().max_by_key(|log| log.record.complete_until)?;
    let now = machine::now().seconds + newest.record.clock_ahead / 1000;
    let last = now.min(newest.record.complete_until / SECOND);
    Some(keep.before_second(last, &TimeZone::system()) * SECOND)
}

/// Adds to `plan` what logs need, and gives the logs to forget.
///
/// # Errors
/// As [`logs`].
pub fn add_to(plan: &mut Plan, repository: &Repository, keep: Option<Age>, ui: &Ui) -> Result<LogPlan> {
    let going = plan.going().iter().map(|manifest| manifest.id).collect();
    let logs = logs(repository, going, keep, ui)?;
    for judged in plan.groups.iter_mut().flat_map(|group| &mut group.members) {
        judged.reasons.extend(logs.bases.contains(&judged.manifest.id).then_some(Reason::BaseOfLog));
    }
    Ok(logs)
}

/// The logs to forget, as records name them.
///
/// # Errors
/// The repository cannot be read.
pub fn references(repository: &Repository, going: &[LeaseId]) -> Result<Vec<SeenManifest>> {
    if going.is_empty() {
        return Ok(Vec::new());
    }
    let present = repository.manifests()?.present;
    let named = present.iter().filter(|manifest| going.contains(&manifest.id));
    Ok(named.map(|manifest| SeenManifest { id: manifest.id, digest: manifest.digest }).collect())
}

/// Says of which databases other moments can be restored afterwards.
///
/// # Errors
/// Standard output cannot be written.
pub fn tell(ui: &Ui, plan: &LogPlan, effect: Effect) -> Result<()> {
    for changed in &plan.changed {
        if ui.is_json() {
            ui.message("moments", message(changed))?;
        } else if !ui.is_quiet() {
            let then = if effect.is_dry() { "would then be" } else { "is now" };
            let database = format::path(&changed.before.address);
            let (before, after) = (spans(&changed.before), spans(&changed.after));
            ui.prose(format_args!("{database}: restorable to any moment {before}; it {then} {after}"))?;
        }
    }
    Ok(())
}

fn message(changed: &Changed) -> MomentsMessage {
    MomentsMessage {
        database: String::from_utf8_lossy(&changed.before.address).into_owned(),
        before: changed.before.windows.iter().map(window_message).collect(),
        after: changed.after.windows.iter().map(window_message).collect(),
    }
}

fn spans(one: &Restorable) -> String {
    let spans: Vec<_> = one.windows.iter().map(span_words).collect();
    if spans.is_empty() { "restorable to moments of snapshots only".to_owned() } else { spans.join(", and ") }
}
