//! The wish to stop, in the middle of the deletion.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use engine::monitor::{Monitor, Phase, Work};
use engine::purge::Ended;
use engine::upkeep::receipt::{ReceiptRecord, history};
use scenario_tests::on_each_server;
use scenario_tests::server::Version;

use super::practice::{OLD_ROWS, Practice, log_options};

/// Batches after which it wishes to stop.
const BATCHES: u32 = 3;

/// Wishes to stop in the middle of the deletion.
#[derive(Default)]
struct Stops {
    deletes: AtomicBool,
    batches: AtomicU32,
}

impl Monitor for Stops {
    fn begin(&self, phase: Phase, _total: Option<Work>) {
        self.deletes.store(phase == Phase::Purge, Ordering::Relaxed);
    }

    fn advance(&self, _done: Work) {
        self.batches.fetch_add(u32::from(self.deletes.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.batches.load(Ordering::Relaxed) >= BATCHES
    }
}

fn rows(record: &ReceiptRecord) -> Vec<u64> {
    record.tables.iter().map(|table| table.rows).collect()
}

on_each_server!(a_run_that_is_stopped_leaves_all_whole_and_the_next_goes_on);

fn a_run_that_is_stopped_leaves_all_whole_and_the_next_goes_on(version: Version) {
    for engine in ["InnoDB", "MyISAM"] {
        let practice = Practice::of(version, engine);
        let plan = practice.plan(&log_options()).unwrap().plan;
        let outcome = practice.try_run(&plan, &Stops::default()).unwrap();
        assert_eq!(outcome.ended, Ended::Interrupted, "{engine}");
        let gone = outcome.categories[0].tables[0].1;
        assert!(gone > 0 && gone < OLD_ROWS, "{engine}: {gone}");
        assert_eq!(practice.count("securitylog"), 60_000 - gone, "{engine}");
        practice.assert_log_is_whole();
        let [purge] = &history(&practice.repository).unwrap().purges[..] else { panic!("one purge") };
        let (begun, ended) = (purge.begun.as_ref().unwrap(), purge.ended.as_ref().unwrap());
        assert_eq!(outcome.receipts, [ended.id()], "{engine}");
        assert_eq!((rows(&begun.record), rows(&ended.record)), (vec![OLD_ROWS; 2], vec![gone; 2]), "{engine}");
        let left = &ended.record.tables[0].left[0];
        assert_eq!((left.rows, &*left.why), (OLD_ROWS - gone, "not reached: the run was stopped"));
        let next = practice.run(&plan);
        assert_eq!((next.ended, next.categories[0].tables[0].1), (Ended::Done, OLD_ROWS - gone), "{engine}");
        assert_eq!(practice.count("securitylog"), 60_000 - OLD_ROWS, "{engine}");
        practice.assert_log_is_whole();
    }
}
