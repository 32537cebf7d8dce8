//! Storage that refuses or fails from the middle of an operation on: the operation ends and says so, nothing is damaged,
//! and the next run uses what has arrived.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use engine::ErrorKind;
use engine::error::chain;
use engine::files::restore::{RestoreOptions, restore};
use engine::monitor::NullMonitor;
use engine::store::s3::{S3Options, S3Store};
use engine::store::{ObjectName, Store, StoreErrorKind};
use engine::upkeep::verify::verify;
use repo_format::id::PackId;
use scenario_tests::object_storage::{Fault, Manner, Trouble};

use super::repository::{Office, prune_all};
use super::{another, server};
use crate::support::{backup, backup_options, backup_paths, by_id, look, verify_all};

/// Troubles that last, the kind of the error, and words that it must have.
const LASTING: [(Trouble, ErrorKind, &str); 5] = [
    (Trouble::Status(403, "AccessDenied"), ErrorKind::PermissionDenied, "AccessDenied"),
    (Trouble::Status(400, "ExpiredToken"), ErrorKind::PermissionDenied, "the credentials have expired"),
    (Trouble::Status(403, "RequestTimeTooSkewed"), ErrorKind::PermissionDenied, "the clock of this computer is wrong"),
    (Trouble::OtherRegion("eu-far-1"), ErrorKind::Io, "the bucket is in another region, eu-far-1"),
    (Trouble::Status(503, "SlowDown"), ErrorKind::Unavailable, "SlowDown"),
];

fn office() -> Office {
    Office::new(Manner { page: 50, ..Manner::default() })
}

/// From this request on, counted from now, all are in trouble.
fn fail_from(office: &Office, request: u64, trouble: Trouble) {
    office.server.fail(Fault::always("", "", trouble).from(request));
}

fn expect(error: &engine::Error, kind: ErrorKind, words: &str, step: u64) {
    let said = chain(error);
    assert_eq!(error.kind(), kind, "request {step}: {said}");
    assert!(said.contains(words), "request {step}: {said}");
}

#[test]
fn a_backup_that_is_cut_off_at_any_request_is_made_again_with_what_has_arrived() {
    for (n, (trouble, kind, words)) in (0..).zip(LASTING) {
        // Each trouble begins at other requests.
        for step in (1..=20).filter(|step| step % if n == 0 { 2 } else { 8 } == n % 2 * n) {
            let office = office();
            let now = look(&office.root);
            let repository = office.fixture.open();
            fail_from(&office, step, trouble);
            let cut_off = backup_paths(&repository, &[&office.root], &backup_options(), &NullMonitor);
            drop(repository);
            office.server.heal();
            let arrived: HashSet<String> = packs(&office);
            let is_there = office.server.keys().iter().any(|key| key.contains("/snapshots/"));
            match cut_off {
                // The lease could not be deleted, and that is all.
                Ok(_) => assert!(is_there, "request {step}"),
                Err(error) => expect(&error, kind, words, step),
            }
            let (snapshot, outcome) = backup(&office.fixture.open_anew(), &office.root);
            if arrived.len() == 2 {
                assert_eq!(outcome.statistics.new_bytes, 0, "request {step}: all data had arrived");
            }
            office.fixture.assert_restores(&office.fixture.open_anew(), snapshot, &now);
            verify_all(&office.fixture.open_anew());
        }
    }
}

fn packs(office: &Office) -> HashSet<String> {
    office.server.keys().into_iter().filter(|key| key.contains("/packs/")).collect()
}

#[test]
fn reading_that_is_cut_off_finds_no_damage() {
    let office = office();
    let now = look(&office.root);
    let (snapshot, _) = backup(&office.fixture.open(), &office.root);
    let far = office.through(another(&office.server));
    let repository = far.open_anew();
    let chosen = by_id(&repository, snapshot);
    for (n, (trouble, kind, words)) in (0..).zip(LASTING) {
        for step in [1, 3 + n, 12 + n, 24 + n] {
            fail_from(&office, step, trouble);
            let checked = verify(&repository, &Default::default(), &NullMonitor);
            office.server.heal();
            expect(&checked.err().unwrap(), kind, words, step);
        }
        for step in 1..=3 {
            let repository = far.open_anew();
            let target = far.free_path("restored");
            fail_from(&office, step, trouble);
            let restored = restore(&repository, &chosen, &target, &RestoreOptions::default(), &|_, _| {}, &NullMonitor);
            office.server.heal();
            expect(&restored.err().unwrap(), kind, words, step);
        }
    }
    far.assert_restores(&far.open_anew(), snapshot, &now);
    verify_all(&far.open_anew());
}

#[test]
fn a_prune_that_is_cut_off_loses_nothing_and_the_next_one_goes_on() {
    for (n, (trouble, kind, words)) in (0..).zip(LASTING) {
        for step in [40 + 3 * n, 58 + n] {
            let office = office();
            let (first, _) = backup(&office.fixture.open(), &office.root);
            let now = office.change(3);
            let (second, _) = backup(&office.fixture.open(), &office.root);
            office.fixture.forget(&[first]);
            fail_from(&office, step, trouble);
            let pruned = prune_all(&office.fixture);
            office.server.heal();
            expect(&pruned.err().unwrap(), kind, words, step);
            office.fixture.assert_restores(&office.fixture.open_anew(), second, &now);
            verify_all(&office.fixture.open_anew());
            let report = prune_all(&office.fixture).unwrap();
            assert_eq!(report.waiting.len(), 0, "request {step}: {report:?}");
            office.fixture.assert_restores(&office.fixture.open_anew(), second, &now);
            verify_all(&office.fixture.open_anew());
        }
    }
}

/// A store that gives a request `answer` milliseconds, and its contents more by their size.
fn hasty(options: &S3Options, answer: u64, bytes_per_second: u64) -> Arc<dyn Store> {
    let mut options = options.clone();
    options.patience.answer = Duration::from_millis(answer);
    options.patience.bytes_per_second = bytes_per_second;
    Arc::new(S3Store::new(&options).unwrap())
}

#[test]
fn a_slow_line_is_waited_for_by_the_size_of_what_is_sent() {
    let (server, _) = server(Manner::default());
    let options = server.options("office/enamel");
    let name = ObjectName::Pack(PackId([7; 32]));
    let bytes = vec![7; 2 << 20];
    // 32 pieces with 20 ms before each are 3 MiB a second: more than the slowest line that works.
    server.fail(Fault::once("PUT", "", Trouble::SlowRequest(20)));
    let store = hasty(&options, 200, 1 << 20);
    store.put_new(&name, &[&bytes]).unwrap();
    let puts = server.take_asked().iter().filter(|asked| asked.verb == "PUT").count();
    assert_eq!((puts, server.object(&format!("office/enamel/{name}"))), (1, Some(bytes.clone())));
    // A server that stands still is given up, and asked again.
    store.delete(&name).unwrap();
    server.fail(Fault::once("PUT", "", Trouble::SlowRequest(3_000)));
    let store = hasty(&options, 200, 16 << 20);
    let put = store.put_new(&name, &[&bytes]);
    assert!(put.is_ok() || put.is_err_and(|error| error.kind == StoreErrorKind::Unavailable));
}
