//! Which logs become one, hour after hour.

use proptest::prelude::*;
use repo_format::log::SECOND;

use super::groups;
use crate::binlog::stored::StoredLog;
use crate::binlog::stored::made_up::log;

/// A log that is complete until a second, with so many bytes of events.
fn sized(until: i64, bytes: u64) -> StoredLog {
    let mut log = log(1, 1, None, (4, 5));
    log.record.complete_until = until * SECOND;
    log.manifest.statistics.read_bytes = bytes;
    log
}

fn merged(group: &[StoredLog]) -> StoredLog {
    let last = group.last().unwrap();
    let bytes = group.iter().map(|log| log.manifest.statistics.read_bytes).sum();
    sized(last.record.complete_until / SECOND, bytes)
}

/// Merges what the groups say; gives how many bytes are written again.
fn merge(logs: &mut Vec<StoredLog>) -> u64 {
    let refs: Vec<&StoredLog> = logs.iter().collect();
    let found = groups(&refs);
    let mut written = 0;
    for group in found.into_iter().rev() {
        let one = merged(&logs[group.clone()]);
        written += one.manifest.statistics.read_bytes;
        logs.splice(group, [one]);
    }
    written
}

#[test]
fn months_of_small_logs_leave_a_few_hundred_and_writes_each_byte_a_few_times() {
    for (days, every, bytes, most) in [(20, 10, 1_000, 800), (365, 3600, 40_000, 400), (60, 60, 200_000, 1_000)] {
        let (mut logs, mut written, mut fetched) = (Vec::new(), 0, 0);
        for second in (0..days * 86_400i64).step_by(usize::try_from(every).unwrap()) {
            // Nobody works at night.
            if (8 * 3600..18 * 3600).contains(&(second % 86_400)) {
                logs.push(sized(second, bytes));
                fetched += bytes;
            }
            if second % 3600 == 0 {
                written += merge(&mut logs);
            }
        }
        assert!(logs.len() < most, "{} logs of every {every} s", logs.len());
        assert!(written < 6 * fetched, "{written} of {fetched} bytes");
    }
}

#[test]
fn logs_whose_events_mean_something_else_stay_apart() {
    let mut logs: Vec<_> = (0..40).map(|second| sized(second, 10)).collect();
    assert_eq!(merge(&mut logs.clone()), 400);
    logs[20..].iter_mut().for_each(|log| log.record.version = "another".to_owned());
    let refs: Vec<&StoredLog> = logs.iter().collect();
    assert_eq!(groups(&refs), [0..20, 20..40]);
}

proptest! {
    #[test]
    fn groups_are_apart_and_have_many_small_neighbours(sizes in prop::collection::vec((0i64..2000, 0u64..9_000_000), 0..200)) {
        let mut until = 0;
        let mut next = |(step, bytes): (i64, u64)| { until += step; sized(until, bytes) };
        let logs: Vec<_> = sizes.into_iter().map(&mut next).collect();
        let refs: Vec<&StoredLog> = logs.iter().collect();
        let mut behind = 0;
        for group in groups(&refs) {
            prop_assert!(group.start >= behind && group.end <= logs.len() && group.len() >= 16);
            let one = merged(&logs[group.clone()]);
            prop_assert!(one.manifest.statistics.read_bytes <= 32 << 20);
            behind = group.end;
        }
    }
}
