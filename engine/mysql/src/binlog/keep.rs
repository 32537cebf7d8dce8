//! Retention of logs: which ones nobody needs any more, and which snapshots stay because logs begin with them.

use std::collections::{HashMap, HashSet};

use repo_format::id::LeaseId;

use super::stored::StoredLog;
use super::window::{Base, Records, Restorable, Way, Window, all_ways, windows};

/// The snapshots that go anyway, and the moment that logs should reach back to.
#[derive(Debug, Clone, Default)]
pub struct LogPolicy {
    /// Snapshots that other rules let go, or that were named.
    pub going: HashSet<LeaseId>,
    /// Every moment after this one should stay restorable: microseconds since 1970 by the server's clock. None if no log is to be forgotten.
    pub since: Option<i64>,
}

/// The logs to forget, and what that means.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LogPlan {
    /// Snapshots of those that were to go which stay, because a window begins with them.
    pub bases: HashSet<LeaseId>,
    /// The logs that nothing needs any more.
    pub going: Vec<LeaseId>,
    /// The moments of servers that can be restored now, and those that can afterwards, if that is not the same.
    pub changed: Vec<Changed>,
}

/// The moments of a server before and after.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Changed {
    /// Now.
    pub before: Restorable,
    /// When everything that goes is gone.
    pub after: Restorable,
}

/// Decides for the logs of one address, or of several that share the policy. A log goes if it is older than the policy says, no window that
/// reaches into that time needs it, and another log of its server is newer: fetching goes on behind the newest.
pub fn plan_logs(records: &Records, policy: &LogPolicy) -> LogPlan {
    let before = windows(&records.logs, &records.bases);
    let mut plan = LogPlan::default();
    if let Some(since) = policy.since {
        let ways = all_ways(&records.logs, &records.bases);
        let mut needed: HashSet<LeaseId> = HashSet::new();
        for window in before.iter().flat_map(|one| &one.windows).filter(|window| window.until >= since) {
            let begins = beginning(window, &ways, since);
            plan.bases.extend(begins.base);
            needed.extend(&window.logs[begins.log..]);
        }
        needed.extend(newest(&records.logs));
        let goes = |log: &&StoredLog| log.record.complete_until < since && !needed.contains(&log.id());
        plan.going = records.logs.iter().filter(goes).map(StoredLog::id).collect();
        plan.bases.retain(|base| policy.going.contains(base));
    }
    let stays = |base: &&Base| !policy.going.contains(&base.id) || plan.bases.contains(&base.id);
    let bases: Vec<Base> = records.bases.iter().filter(stays).cloned().collect();
    let going: HashSet<LeaseId> = plan.going.iter().copied().collect();
    let logs: Vec<StoredLog> = records.logs.iter().filter(|log| !going.contains(&log.id())).cloned().collect();
    let mut after = windows(&logs, &bases);
    for before in before {
        // The newest log of each server stays, so each address does.
        let Some(at) = after.iter().position(|after| after.address == before.address) else { continue };
        let after = after.swap_remove(at);
        if spans(&before) != spans(&after) {
            plan.changed.push(Changed { before, after });
        }
    }
    plan
}

/// Where a window begins when it reaches back no further than it should.
struct Beginning {
    /// The snapshot that it begins with.
    base: Option<LeaseId>,
    /// The place of the first log that is needed.
    log: usize,
}

/// The newest snapshot that is not later than `since`; the oldest if all are.
fn beginning(window: &Window, ways: &[Way<'_, '_>], since: i64) -> Beginning {
    let places: HashMap<LeaseId, usize> = window.logs.iter().enumerate().map(|(at, log)| (*log, at)).collect();
    let own = ways.iter().filter(|way| way.base.from <= since).filter_map(|way| {
        let at = places.get(&way.logs()[0].id())?;
        Some((way.base.from, *at, way.base.id))
    });
    match own.max() {
        Some((_, log, base)) => Beginning { base: Some(base), log },
        None => Beginning { base: Some(window.base), log: 0 },
    }
}

/// The newest log of each server.
fn newest(logs: &[StoredLog]) -> impl Iterator<Item = LeaseId> {
    let mut newest: HashMap<(&[u8], &str), (i64, LeaseId)> = HashMap::new();
    for log in logs {
        let own = (log.record.complete_until, log.id());
        let known = newest.entry((log.address(), &log.record.identity)).or_insert(own);
        *known = own.max(*known);
    }
    newest.into_values().map(|(_, id)| id)
}

fn spans(one: &Restorable) -> Vec<(i64, i64)> {
    one.windows.iter().map(|window| (window.from, window.until)).collect()
}
