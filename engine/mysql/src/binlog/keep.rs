//! Retention of logs: which ones nobody needs any more, and which snapshots stay because logs begin with them.

use std::collections::{HashMap, HashSet};

use repo_format::id::LeaseId;
use repo_format::log::SECOND;

use super::event::Format;
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

/// The logs of a server that may have what happened from one time to another, in seconds since 1970 by the clock of the machine that fetches. A log says
/// only up to when it is complete.
pub fn logs_between<'l>(logs: &'l [StoredLog], identity: &str, from: i64, until: i64) -> Vec<&'l StoredLog> {
    /// Clocks differ by so many seconds.
    const NEAR: i64 = 60;
    let complete: HashMap<LeaseId, i64> = logs.iter().map(|log| (log.id(), log.record.complete_until)).collect();
    let begins = |log: &StoredLog| {
        let before = log.record.previous.and_then(|previous| complete.get(&previous).copied());
        before.or_else(|| {
            let format = Format::read(&log.record.files.first()?.format.0).ok()?;
            Some(i64::from(format.timestamp) * SECOND)
        })
    };
    let own = logs.iter().filter(|log| log.record.identity == identity);
    own.filter(|log| {
        let ahead = log.record.clock_ahead.saturating_mul(SECOND / 1000);
        let at = |seconds: i64| seconds.saturating_mul(SECOND).saturating_add(ahead);
        log.record.complete_until >= at(from.saturating_sub(NEAR))
            && begins(log).is_none_or(|begins| begins <= at(until.saturating_add(NEAR)))
    })
    .collect()
}

fn spans(one: &Restorable) -> Vec<(i64, i64)> {
    one.windows.iter().map(|window| (window.from, window.until)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::stored::made_up::{id, log};
    use super::*;

    #[test]
    fn logs_that_may_have_a_time_are_found() {
        let logs = [
            log(1, 1, None, (4, 1000)),
            log(2, 1, Some(1), (1000, 2000)),
            log(3, 1, Some(2), (2000, 3000)),
            log(4, 1, Some(9), (5000, 6000)),
        ];
        let found = |from, until| {
            let found = logs_between(&logs, "one", from, until);
            found.iter().map(|log| log.id()).collect::<Vec<_>>()
        };
        // Nothing but its file says where the last one begins.
        assert_eq!(found(1200, 1300), [id(2), id(4)]);
        assert_eq!(found(1200, 2500), [id(2), id(3), id(4)]);
        assert_eq!(found(7000, 8000), []);
        assert_eq!(logs_between(&logs, "other", 0, 9000).len(), 0);
    }
}
