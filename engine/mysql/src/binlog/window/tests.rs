//! Windows of made-up logs, against a model that tries every moment.

use proptest::prelude::*;
use repo_format::cbor::ByteString;
use repo_format::log::{Coverage, SECOND, StreamStart};

use super::{Base, Gap, GapReason, Records, Restorable, all_ways, windows};
use crate::binlog::keep::{LogPlan, LogPolicy, plan_logs};
use crate::binlog::stored::StoredLog;
use crate::binlog::stored::made_up::{ADDRESS, format, id, log, place};

/// A snapshot at an offset.
fn base(number: u8, offset: u64) -> Base {
    let moment = i64::try_from(offset).unwrap() * SECOND;
    let identity = "one".to_owned();
    Base { id: id(number), address: ADDRESS.to_vec(), identity, place: place(offset), moment, from: moment }
}

fn one(logs: &[StoredLog], bases: &[Base]) -> Restorable {
    let mut found = windows(logs, bases);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// Windows in seconds.
fn spans(found: &Restorable) -> Vec<(i64, i64)> {
    found.windows.iter().map(|window| (window.from / SECOND, window.until / SECOND)).collect()
}

#[test]
fn a_window_reaches_from_the_oldest_snapshot_to_the_end_of_the_log() {
    let logs = [log(1, 1, None, (10, 20)), log(2, 1, Some(1), (20, 30)), log(3, 1, Some(2), (30, 40))];
    let found = one(&logs, &[base(9, 33), base(8, 25)]);
    assert_eq!(spans(&found), [(25, 40)]);
    assert_eq!((found.windows[0].base, &found.windows[0].logs[..]), (id(8), &[id(2), id(3)][..]));
    assert!(found.gaps.is_empty() && !found.is_interrupted());
}

#[test]
fn a_snapshot_at_the_end_of_a_log_needs_only_what_follows() {
    let logs = [log(1, 1, None, (10, 20)), log(2, 1, Some(1), (20, 30))];
    assert_eq!(one(&logs, &[base(8, 20)]).windows[0].logs, [id(2)]);
    let found = one(&logs, &[base(8, 30)]);
    assert_eq!(spans(&found), [(30, 30)], "its own moment");
}

#[test]
fn logs_without_a_snapshot_offer_nothing() {
    let logs = [log(1, 1, None, (10, 20))];
    let found = one(&logs, &[]);
    assert!(found.windows.is_empty() && !found.is_interrupted());
    let mut other = base(8, 15);
    other.identity = "two".to_owned();
    assert!(one(&logs, &[other]).windows.is_empty(), "another server's places mean nothing");
    let mut elsewhere = base(8, 15);
    elsewhere.address = b"mysql://other:3306".to_vec();
    assert!(one(&logs, &[elsewhere]).windows.is_empty());
}

#[test]
fn a_missing_log_ends_the_window_until_the_next_snapshot() {
    let logs = [log(1, 1, None, (10, 20)), log(3, 1, Some(2), (30, 40)), log(4, 1, Some(3), (40, 50))];
    let found = one(&logs, &[base(8, 12), base(9, 44)]);
    assert_eq!(spans(&found), [(12, 20), (44, 50)]);
    let gap = Gap { from: 20 * SECOND, until: Some(44 * SECOND), reasons: vec![GapReason::Missing(id(2))] };
    assert_eq!((&found.gaps[..], found.is_interrupted()), (&[gap][..], false));
    let found = one(&logs, &[base(8, 12)]);
    assert!(found.is_interrupted() && found.gaps[0].until.is_none());
}

#[test]
fn coverage_ends_before_the_log_in_which_the_server_lost_events() {
    let (mut lost, mut next) = (log(2, 1, Some(1), (20, 30)), log(3, 2, None, (30, 40)));
    lost.record.coverage = Coverage::Incident;
    next.record.start = Some(StreamStart::Gap);
    let logs = [log(1, 1, None, (10, 20)), lost, next];
    let found = one(&logs, &[base(8, 12)]);
    assert_eq!(spans(&found), [(12, 20)]);
    assert_eq!(found.gaps[0].reasons, [GapReason::Incident, GapReason::Stream(StreamStart::Gap)]);
    assert!(found.is_interrupted());
    assert!(one(&logs[..2], &[base(8, 12)]).is_interrupted(), "also before anything follows");
    assert!(!one(&logs, &[base(8, 12), base(9, 35)]).is_interrupted());
}

#[test]
fn what_a_server_leaves_out_is_a_gap() {
    let mut partial = log(2, 1, Some(1), (20, 30));
    (partial.record.coverage, partial.record.coverage_reason) = (Coverage::Partial, Some("filters".to_owned()));
    let logs = [log(1, 1, None, (10, 20)), partial, log(3, 1, Some(2), (30, 40))];
    let found = one(&logs, &[base(8, 12), base(9, 33)]);
    assert_eq!(spans(&found), [(12, 20), (33, 40)]);
    assert_eq!(found.gaps[0].reasons, [GapReason::Partial("filters".to_owned())]);
    assert!(one(&logs, &[base(8, 12)]).is_interrupted());
    assert!(one(&logs, &[base(8, 25)]).windows.is_empty(), "its snapshot stands where something is missing");
    assert_eq!(spans(&one(&logs, &[base(8, 20)])), [(20, 20)]);
}

#[test]
fn nothing_happened_between_the_end_of_a_log_and_a_snapshot_that_stands_there() {
    let logs = [log(1, 1, None, (10, 20))];
    let mut idle = base(9, 20);
    (idle.moment, idle.from) = (70 * SECOND, 70 * SECOND);
    assert_eq!(spans(&one(&logs, &[base(8, 12), idle.clone()])), [(12, 70)]);
    assert_eq!(spans(&one(&logs, &[idle])), [(70, 70)]);
}

#[test]
fn a_snapshot_with_late_tables_leads_only_to_moments_after_they_were_read() {
    let mut late = base(8, 12);
    late.from = 17 * SECOND;
    let logs = [log(1, 1, None, (10, 20)), log(2, 1, Some(1), (20, 30))];
    assert_eq!(spans(&one(&logs, &[late.clone()])), [(17, 30)]);
    assert_eq!(spans(&one(&logs, &[late.clone(), base(9, 14)])), [(14, 30)]);
    late.from = 31 * SECOND;
    assert!(one(&logs, &[late]).windows.is_empty());
}

#[test]
fn of_two_machines_the_one_that_reaches_further_counts() {
    let logs = [
        log(1, 1, None, (10, 20)),
        log(2, 1, Some(1), (20, 25)),
        log(3, 1, Some(1), (20, 30)),
        log(4, 1, Some(2), (25, 28)),
        log(5, 1, Some(3), (30, 35)),
    ];
    let found = one(&logs, &[base(8, 22)]);
    assert_eq!((spans(&found), &found.windows[0].logs[..]), (vec![(22, 35)], &[id(3), id(5)][..]));
    assert!(found.gaps.is_empty());
}

#[test]
fn a_file_of_the_same_name_is_told_by_its_beginning() {
    let mut again = log(2, 2, None, (4, 30));
    again.record.start = Some(StreamStart::Reset);
    again.record.files[0].format = ByteString(format(100));
    again.record.complete_until = 140 * SECOND;
    let logs = [log(1, 1, None, (4, 50)), again];
    let (before, mut after) = (base(8, 12), base(9, 12));
    (after.moment, after.from) = (110 * SECOND, 110 * SECOND);
    let found = one(&logs, &[before, after]);
    assert_eq!(spans(&found), [(12, 50), (110, 140)]);
    assert_eq!(found.gaps[0].reasons, [GapReason::Stream(StreamStart::Reset)]);
}

#[test]
fn a_snapshot_after_all_that_is_known_begins_no_window() {
    let mut late = base(8, 12);
    (late.moment, late.from) = (99 * SECOND, 99 * SECOND);
    assert!(one(&[log(1, 1, None, (4, 50))], &[late]).windows.is_empty());
}

#[test]
fn a_log_that_does_not_begin_where_the_one_before_ends_does_not_follow_it() {
    let logs = [log(1, 1, None, (10, 20)), log(2, 1, Some(1), (21, 30))];
    let found = one(&logs, &[base(8, 12)]);
    assert_eq!((spans(&found), found.is_interrupted()), (vec![(12, 20)], true));
    assert_eq!(spans(&one(&logs, &[base(8, 12), base(9, 25)])), [(12, 20), (25, 30)]);
}

#[test]
fn logs_follow_by_their_places_whichever_log_came_before() {
    // One log took the place of the first two.
    let logs = [log(9, 1, None, (10, 30)), log(3, 1, Some(2), (30, 40))];
    assert_eq!(spans(&one(&logs, &[base(8, 12)])), [(12, 40)]);
    // A part that another machine kept says nothing more.
    let beside = [&logs[..], &[log(4, 1, Some(1), (20, 25))]].concat();
    let found = one(&beside, &[base(8, 12)]);
    assert_eq!((spans(&found), found.gaps.len()), (vec![(12, 40)], 0));
}

/// Whether the model can restore a second: from some snapshot through some way of whole logs that reaches it.
fn reaches(logs: &[StoredLog], bases: &[Base], second: i64) -> bool {
    let moment = second * SECOND;
    let begins = |base: &&Base| base.from <= moment;
    bases.iter().filter(begins).any(|base| {
        let holds = |log: &&StoredLog| (log.record.from.offset..=log.record.to.offset).contains(&base.place.offset);
        let mut ways: Vec<&StoredLog> =
            logs.iter().filter(holds).filter(|log| log.record.coverage == Coverage::Whole).collect();
        while let Some(log) = ways.pop() {
            if log.record.complete_until >= moment {
                return true;
            }
            let follows =
                |next: &&StoredLog| (next.record.stream, &next.record.from) == (log.record.stream, &log.record.to);
            ways.extend(logs.iter().filter(follows).filter(|log| log.record.coverage == Coverage::Whole));
        }
        false
    })
}

/// Logs of two streams, with branches and holes.
fn history() -> impl Strategy<Value = (Vec<StoredLog>, Vec<Base>)> {
    let lengths = prop::collection::vec((1u64..9, any::<bool>(), 0u8..8), 1..12);
    let bases = prop::collection::vec(4u64..110, 0..6);
    (lengths, bases, 0u8..12).prop_map(|(lengths, offsets, broken)| {
        let (mut logs, mut at, mut previous, mut stream) = (Vec::new(), 4, None, 1);
        for (number, (length, is_forked, fate)) in (1u8..).zip(lengths) {
            if number == broken {
                (previous, stream) = (None, 2);
                at += 3;
            }
            let mut next = log(number, stream, previous, (at, at + length));
            match fate {
                1 => next.record.coverage = Coverage::Incident,
                2 => next.record.coverage = Coverage::Partial,
                _ => {}
            }
            if is_forked && fate > 1 {
                logs.push(log(100 + number, stream, previous, (at, at + length.div_ceil(2))));
            }
            at += length;
            previous = Some(number);
            // Fate 0: it is not there any more.
            if fate > 0 {
                logs.push(next);
            }
        }
        // Some of them read tables late.
        let mut bases: Vec<Base> = (200u8..).zip(offsets).map(|(number, offset)| base(number, offset)).collect();
        bases.iter_mut().filter(|base| base.place.offset % 3 == 0).for_each(|base| base.from += 2 * SECOND);
        (logs, bases)
    })
}

proptest! {
    #[test]
    fn a_moment_lies_in_a_window_if_some_way_of_logs_reaches_it((logs, bases) in history()) {
        prop_assume!(!logs.is_empty());
        let found = one(&logs, &bases);
        for second in 0..120 {
            let within = found.windows.iter().any(|w| w.from / SECOND <= second && second <= w.until / SECOND);
            prop_assert_eq!(within, reaches(&logs, &bases, second), "second {} in {:?}", second, spans(&found));
            // A restore accepts it from the same ways.
            let moment = second * SECOND;
            let is_led_to = all_ways(&logs, &bases).iter().any(|way| (way.base.from..=way.until).contains(&moment));
            prop_assert_eq!(is_led_to, within);
        }
        for gap in &found.gaps {
            prop_assert!(!gap.reasons.is_empty() && gap.until.is_none_or(|until| gap.from < until));
        }
    }
}

/// Keeps the logs since a second, and lets snapshots go.
fn keep(logs: &[StoredLog], bases: &[Base], since: i64, going: &[u8]) -> LogPlan {
    let records = Records { logs: logs.to_vec(), bases: bases.to_vec(), unreadable: Vec::new() };
    let going = going.iter().map(|number| id(*number)).collect();
    plan_logs(&records, &LogPolicy { going, since: Some(since * SECOND) })
}

#[test]
fn the_newest_snapshot_before_the_time_to_keep_stays_and_older_logs_go() {
    let logs = [
        log(1, 1, None, (10, 20)),
        log(2, 1, Some(1), (20, 30)),
        log(3, 1, Some(2), (30, 40)),
        log(4, 1, Some(3), (40, 50)),
    ];
    let bases = [base(7, 12), base(8, 25), base(9, 45)];
    let plan = keep(&logs, &bases, 35, &[7, 8]);
    assert_eq!((&plan.going[..], plan.bases.iter().copied().collect::<Vec<_>>()), (&[id(1)][..], vec![id(8)]));
    assert_eq!(spans(&plan.changed[0].after), [(25, 50)]);
    // Nothing that the logs since then need may go, whatever else does.
    let plan = keep(&logs, &bases, 5, &[7, 8, 9]);
    assert!(plan.going.is_empty() && plan.bases == [id(7)].into());
    assert!(plan.changed.is_empty());
}

#[test]
fn the_newest_log_stays_however_old_it_is() {
    let logs = [log(1, 1, None, (10, 20)), log(2, 1, Some(1), (20, 30))];
    let plan = keep(&logs, &[base(8, 12)], 99, &[]);
    assert_eq!(plan.going, [id(1)], "fetching goes on behind the newest");
}

#[test]
fn without_a_time_to_keep_no_log_goes_and_what_shrinks_is_told() {
    let logs = [log(1, 1, None, (10, 20)), log(2, 1, Some(1), (20, 30))];
    let records = Records { logs: logs.to_vec(), bases: vec![base(8, 12), base(9, 25)], unreadable: Vec::new() };
    let plan = plan_logs(&records, &LogPolicy { going: [id(8)].into(), since: None });
    assert!(plan.going.is_empty() && plan.bases.is_empty());
    assert_eq!((spans(&plan.changed[0].before), spans(&plan.changed[0].after)), (vec![(12, 30)], vec![(25, 30)]));
}

proptest! {
    #[test]
    fn every_moment_since_the_time_to_keep_stays_and_no_log_stays_without_a_use(
        (logs, bases) in history(),
        since in 0i64..120,
        going in prop::collection::vec(any::<bool>(), 6),
    ) {
        let numbers: Vec<u8> = (200u8..).zip(going).filter(|(_, goes)| *goes).map(|(number, _)| number).collect();
        let plan = keep(&logs, &bases, since, &numbers);
        let kept: Vec<_> = logs.iter().filter(|log| !plan.going.contains(&log.id())).cloned().collect();
        let goes = |base: &&Base| numbers.iter().any(|number| id(*number) == base.id) && !plan.bases.contains(&base.id);
        let staying: Vec<_> = bases.iter().filter(|base| !goes(base)).cloned().collect();
        for second in since..120 {
            prop_assert_eq!(reaches(&kept, &staying, second), reaches(&logs, &bases, second), "second {}", second);
        }
        prop_assert!(plan.going.iter().all(|log| logs.iter().any(|l| l.id() == *log && l.record.complete_until < since * SECOND)));
    }
}
