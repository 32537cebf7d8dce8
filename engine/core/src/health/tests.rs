//! Worse facts never give a better state.

use proptest::prelude::*;

use super::*;

/// A number that is often 0, small, or at an edge of time.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..5_u64, 0..20_000_000_u64, any::<u64>()]
}

fn age() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), number().prop_map(Some)]
}

prop_compose! {
    fn source()(
        age_seconds in age(),
        expected in prop_oneof![Just(None), (1..1_000_000_u64).prop_map(Some)],
        counts in (number(), number(), number()),
        lost in any::<bool>(),
        named in prop_oneof![Just(None), (number(), number()).prop_map(Some)],
    ) -> SourceFacts {
        SourceFacts {
            age_seconds,
            expected_seconds: expected,
            problems: counts.0,
            late: counts.1,
            missing: counts.2,
            lost,
            named: named.map(|(all, missing)| NamedFiles { all, missing }),
        }
    }
}

prop_compose! {
    fn repository_facts()(
        faults in (number(), number(), number(), number()),
        drill in prop_oneof![Just(None), (age(), any::<bool>()).prop_map(Some)],
        reading in (number(), number(), age(), number(), age()),
        copies in (proptest::collection::vec(age(), 0..3), number()),
        keys in (1..5_u64, 0..2_u64, age()),
        room in (number(), age(), any::<bool>(), 0..3_u8),
        unanswered in prop_oneof![Just(None), number().prop_map(Some)],
        removed in any::<bool>(),
    ) -> Facts {
        Facts {
            sources: Vec::new(),
            is_schedule_removed: removed,
            faults: Faults { unreadable: faults.0, disappeared: faults.1, lost: faults.2, put_back: faults.3 },
            drill: drill.map(|(good_age_seconds, last_failed)| DrillFacts { good_age_seconds, last_failed, restore_seconds: None }),
            reading: ReadingFacts {
                all_bytes: reading.0.saturating_add(reading.1),
                never_bytes: reading.1,
                oldest_seconds: reading.2,
                new_bytes: reading.3,
                oldest_snapshot_seconds: reading.4,
            },
            copies: CopyFacts {
                known: copies.0.into_iter().map(|age_seconds| CopyFact { age_seconds, checked_seconds: 0 }).collect(),
                expected_seconds: None,
                missed: copies.1,
            },
            keys: KeyFacts { active: keys.0, unreadable: keys.1, tried_seconds: keys.2 },
            room: RoomFacts {
                free: match room.3 {
                    0 => Free::Unknown,
                    1 => Free::Unlimited,
                    _ => Free::Bytes(room.0),
                },
                growth_bytes: room.1,
                is_shared: room.2,
            },
            unusual: unanswered.map(|unanswered| UnusualFacts { unanswered }),
        }
    }
}

prop_compose! {
    fn facts()(facts in repository_facts(), sources in proptest::collection::vec(source(), 0..4)) -> Facts {
        Facts { sources, ..facts }
    }
}

/// Makes one fact worse by `by`.
fn worsen(facts: &mut Facts, which: usize, by: u64) {
    let more = |number: &mut u64| *number = number.saturating_add(by);
    let older = |age: &mut Option<u64>| *age = age.map(|age| age.saturating_add(by));
    let changes: [&dyn Fn(&mut Facts); 23] = [
        &|f| f.sources.iter_mut().for_each(|source| older(&mut source.age_seconds)),
        &|f| f.sources.iter_mut().for_each(|source| more(&mut source.problems)),
        &|f| f.sources.iter_mut().for_each(|source| more(&mut source.late)),
        &|f| f.sources.iter_mut().for_each(|source| more(&mut source.missing)),
        &|f| f.sources.iter_mut().for_each(|source| source.lost = true),
        &|f| f.sources.iter_mut().filter_map(|source| source.named.as_mut()).for_each(|named| more(&mut named.missing)),
        &|f| f.sources.iter_mut().for_each(|source| source.age_seconds = None),
        &|f| f.sources.extend(f.sources.first().copied()),
        &|f| more(&mut f.faults.unreadable),
        &|f| more(&mut f.faults.disappeared),
        &|f| more(&mut f.faults.lost),
        &|f| more(&mut f.faults.put_back),
        &|f| f.drill.iter_mut().for_each(|drill| drill.last_failed = true),
        &|f| f.drill.iter_mut().for_each(|drill| older(&mut drill.good_age_seconds)),
        &|f| older(&mut f.reading.oldest_seconds),
        &|f| more(&mut f.reading.never_bytes),
        &|f| f.copies.known.iter_mut().for_each(|copy| older(&mut copy.age_seconds)),
        &|f| more(&mut f.copies.missed),
        &|f| f.copies.known.clear(),
        &|f| f.keys.active = f.keys.active.saturating_sub(by),
        &|f| f.room.growth_bytes.iter_mut().for_each(more),
        &|f| f.room.is_shared = true,
        &|f| f.is_schedule_removed = true,
    ];
    changes[which % changes.len()](facts);
}

proptest! {
    #[test]
    fn worse_facts_never_give_a_better_state(facts in facts(), which in any::<usize>(), by in number()) {
        let mut worse = facts.clone();
        worsen(&mut worse, which, by);
        let (before, after) = (judge(&facts), judge(&worse));
        for check in &before.checks {
            // More problems of an application's files move to the check about them.
            let same = after.checks.iter().find(|other| other.question == check.question);
            let same = same.map_or(State::Bad, |other| other.state);
            let named = worse.sources != facts.sources && check.question == Question::Whole;
            prop_assert!(same >= check.state || named, "{check:?} became {same:?}");
        }
        prop_assert!(after.state() >= before.state());
    }

    #[test]
    fn less_room_is_never_better(free in number(), less in number(), growth in age()) {
        let state = |free| judge(&Facts {
            room: RoomFacts { free: Free::Bytes(free), growth_bytes: growth, is_shared: false },
            ..Facts::default()
        }).checks.into_iter().find(|check| check.question == Question::Room).map(|check| check.state);
        prop_assert!(state(free.saturating_sub(less)) >= state(free));
    }

    #[test]
    fn every_check_that_is_not_good_has_words_and_a_good_one_needs_no_remedy(facts in facts()) {
        for check in judge(&facts).checks {
            prop_assert!(!check.sentence.is_empty() && !check.sentence.ends_with('.'));
            prop_assert!(check.state != State::Good || check.remedy.is_none(), "{check:?}");
        }
    }
}
