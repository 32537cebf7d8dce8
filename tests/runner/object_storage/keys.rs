//! Each fault of a network and a server, at each change of keys and at the receipt of a purge: nobody is locked out, nothing
//! is lost, and the same command again does what was asked for.

use std::collections::BTreeSet;

use engine::crypto::{Credential, KeyFile};
use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::repository::members::{Change, add_member, change_member, members, remove_member};
use engine::repository::{Repository, Trust, close_epochs};
use engine::session::{WriterOptions, WriterSession};
use engine::snapshots::Snapshot;
use engine::upkeep::receipt::{KeyRange, PurgePhase, PurgedTable, ReceiptRecord, ReceiptSource, find, history, put};
use engine::{ErrorKind, Result};
use repo_format::cbor::ByteString;
use repo_format::config::Access;
use repo_format::id::{Bytes32, LeaseId, PurgeId};
use scenario_tests::object_storage::{Fault, Manner, ObjectStorage, Trouble};
use scenario_tests::server::TestServer;

use super::repository::{Office, prune_all};
use super::{another, server};
use crate::database::save::save;
use crate::support::{Fixture, backup, look, verify_all};

/// Troubles of one request that was not carried out.
const NOT_DONE: [Trouble; 7] = [
    Trouble::Status(503, "SlowDown"),
    Trouble::Status(500, "InternalError"),
    Trouble::Page(502),
    Trouble::NoAnswer,
    Trouble::CutRequest,
    Trouble::CutBody,
    Trouble::Status(409, "ConcurrentModification"),
];
/// Troubles of one that was carried out, or will be.
const DONE: [Trouble; 3] = [Trouble::LostAnswer, Trouble::StatusAfter(500, "InternalError"), Trouble::Late];

/// Two troubles for each kind of request; the next kind has the next ones.
fn troubles<K>(kinds: impl IntoIterator<Item = K>) -> impl Iterator<Item = (K, [Trouble; 2])> {
    let pairs = (0..).map(|n| [NOT_DONE[n % NOT_DONE.len()], DONE[n % DONE.len()]]);
    kinds.into_iter().zip(pairs)
}

/// A key file that can be used any number of times.
struct Key(String);

impl Key {
    fn generate() -> Self {
        Key(KeyFile::generate().unwrap().to_text().to_string())
    }

    fn credential(&self) -> Credential {
        Credential::KeyFile(KeyFile::parse(&self.0).unwrap())
    }
}

/// A repository with a snapshot and two keys.
struct Keys {
    office: Office,
    first: LeaseId,
    second: Key,
}

/// A change of the keys, by a process that opens the repository for it.
type Deed<'d> = &'d dyn Fn(&Repository) -> Result<()>;

impl Keys {
    fn new() -> Self {
        let office = Office::new(Manner { page: 50, ..Manner::default() });
        let (first, _) = backup(&office.fixture.open(), &office.root);
        let second = Key::generate();
        add_member(&office.fixture.open(), &second.credential(), "second").unwrap();
        Keys { office, first, second }
    }

    fn second_id(&self) -> Option<repo_format::id::MemberId> {
        let all = members(&self.office.fixture.open_anew()).unwrap();
        all.into_iter().find(|member| member.label == "second").map(|member| member.id)
    }

    fn opens(&self, key: &Key) -> bool {
        let cache = self.office.fixture.free_path("cache");
        let opened = self.office.fixture.try_open(cache.to_str().unwrap(), &key.credential(), Access::Read);
        opened.map_err(|error| assert_eq!(error.kind(), ErrorKind::WrongPassword, "{error}")).is_ok()
    }

    /// With this fault `deed` ends well or says that the storage does not answer. Then it is done again, if it was not.
    fn survives(&self, fault: Fault, deed: Deed<'_>, is_done: &dyn Fn(&Self) -> bool) {
        let case = format!("{fault:?}");
        self.office.server.fail(fault);
        let done = self.office.fixture.try_open("cache", &self.office.fixture.credential(), Access::Write);
        let done = done.and_then(|repository| deed(&repository));
        self.office.server.heal();
        // A request that was sent and not answered arrives now.
        self.office.server.let_arrive();
        if let Err(error) = &done {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{case}: {}", chain(error));
        }
        let now = look(&self.office.root);
        self.office.fixture.assert_restores(&self.office.fixture.open_anew(), self.first, &now);
        if !is_done(self) {
            assert!(done.is_err(), "{case}: it said that it was done");
            deed(&self.office.fixture.open_anew()).unwrap_or_else(|error| panic!("{case}, again: {}", chain(&error)));
            assert!(is_done(self), "{case}: not even the second time");
        }
        close_epochs(&self.office.fixture.open_anew(), Trust::Noted).unwrap();
        backup(&self.office.fixture.open_anew(), &self.office.root);
        prune_all(&self.office.fixture).unwrap();
        verify_all(&self.office.fixture.open_anew());
        self.office.fixture.assert_restores(&self.office.fixture.open_anew(), self.first, &now);
    }
}

/// The requests that a deed makes, by verb and the folder that they are about.
fn requests_of(deed: impl Fn(&Keys)) -> BTreeSet<(&'static str, &'static str)> {
    const PARTS: [&str; 9] =
        ["/keys/", "/keyring/", "/copies/", "/notes/", "/condemned", "/config", "/snapshots/", "/index/", "/leases/"];
    let keys = Keys::new();
    keys.office.server.take_asked();
    deed(&keys);
    let asked = keys.office.server.take_asked();
    let part = |key: &str| PARTS.iter().find(|part| key.contains(*part)).copied();
    asked.iter().filter_map(|asked| Some((asked.verb, part(&asked.key)?))).collect()
}

fn add(keys: &Keys, new: &Key) -> Result<()> {
    add_member(&keys.office.fixture.open(), &new.credential(), "new").map(drop)
}

#[test]
fn adding_a_key_survives_every_fault_of_one_request() {
    let kinds = requests_of(|keys| add(keys, &Key::generate()).unwrap());
    assert!(kinds.contains(&("PUT", "/keys/")) && kinds.contains(&("PUT", "/keyring/")), "{kinds:?}");
    for ((verb, part), troubles) in troubles(kinds) {
        for trouble in troubles {
            let keys = Keys::new();
            let new = Key::generate();
            let deed = |repository: &Repository| add_member(repository, &new.credential(), "new").map(drop);
            keys.survives(Fault::once(verb, part, trouble), &deed, &|keys| keys.opens(&new));
            assert!(keys.opens(&keys.second));
        }
    }
}

#[test]
fn removing_a_key_survives_every_fault_of_one_request() {
    let remove = |keys: &Keys| remove_member(&keys.office.fixture.open(), keys.second_id().unwrap());
    let kinds = requests_of(|keys| remove(keys).unwrap());
    assert!(kinds.contains(&("DELETE", "/keys/")) && kinds.contains(&("PUT", "/notes/")), "{kinds:?}");
    for ((verb, part), troubles) in troubles(kinds) {
        for trouble in troubles {
            let keys = Keys::new();
            let id = keys.second_id().unwrap();
            let is_done = |keys: &Keys| keys.second_id().is_none() && !keys.opens(&keys.second);
            keys.survives(Fault::once(verb, part, trouble), &|repository| remove_member(repository, id), &is_done);
        }
    }
}

#[test]
fn a_key_is_changed_or_not_and_one_of_the_two_always_opens() {
    for (part, troubles) in troubles(["/keys/", "/keyring/", "/copies/"].into_iter().cycle().take(NOT_DONE.len())) {
        for trouble in troubles {
            let keys = Keys::new();
            let new = Key::generate();
            keys.office.server.fail(Fault::always("PUT", part, trouble));
            let opened = keys.office.fixture.try_open("second", &keys.second.credential(), Access::Write);
            let changed = opened.and_then(|repository| change_member(&repository, &new.credential(), Change::Routine));
            keys.office.server.heal();
            keys.office.server.let_arrive();
            assert!(keys.opens(&keys.second) || keys.opens(&new), "{trouble:?} {part}");
            if changed.is_ok() {
                assert!(keys.opens(&new), "{trouble:?} {part}");
            }
            verify_all(&keys.office.fixture.open_anew());
        }
    }
}

/// The rows of a table, saved in object storage.
struct Purge {
    server: ObjectStorage,
    fixture: Fixture,
    snapshot: Snapshot,
}

impl Purge {
    fn new() -> Self {
        let database = TestServer::start(&[]);
        database.script(
            "CREATE DATABASE od; USE od; CREATE TABLE log (id INT PRIMARY KEY, note VARCHAR(200)) ENGINE=InnoDB;
             INSERT INTO log SELECT seq, REPEAT(SHA1(seq), 4) FROM seq_1_to_3000",
        );
        let (server, store) = server(Manner { page: 50, ..Manner::default() });
        let fixture = Fixture::in_store(store);
        let snapshot = save(&fixture, &fixture.open(), &database, &["od"]);
        Purge { server, fixture, snapshot }
    }

    fn record(&self, number: u8) -> ReceiptRecord {
        let range = KeyRange { first: ByteString(b"101".to_vec()), last: ByteString(b"200".to_vec()) };
        let log = PurgedTable {
            schema: "od".into(),
            table: "log".into(),
            category: "log".into(),
            ranges: vec![range],
            rows: 100,
            first_date: None,
            last_date: None,
            left: Vec::new(),
        };
        ReceiptRecord {
            purge: PurgeId([number; 16]),
            phase: PurgePhase::Begun,
            operator: "ada".into(),
            host: "office".into(),
            reason: "the log is full".into(),
            plan: Bytes32([1; 32]),
            cutoff: "before 2010-01-01 00:00".into(),
            snapshot: self.snapshot.id,
            server: "identity".into(),
            started: 1_700_000_000,
            ended: None,
            tables: vec![log],
            files: None,
        }
    }

    fn put(&self, repository: &Repository, record: &ReceiptRecord) -> Result<LeaseId> {
        let root = self.snapshot.manifest.roots[0].name.0.clone();
        let source = ReceiptSource { snapshot: &self.snapshot, root: &root, folder: None };
        let options = WriterOptions { host: "this".into(), program: "tests".into(), ..WriterOptions::default() };
        put(WriterSession::begin(repository, &options, &NullMonitor)?, &source, record, &NullMonitor)
    }
}

#[test]
fn the_receipt_of_a_purge_is_there_or_the_purge_hears_that_it_is_not() {
    let purge = Purge::new();
    let mut number = 0;
    let kinds = [
        ("PUT", "/leases/"),
        ("GET", "/condemned"),
        ("GET", "/packs/"),
        ("LIST", "/packs"),
        ("PUT", "/packs/"),
        ("PUT", "/index/"),
        ("PUT", "/snapshots/"),
        ("DELETE", "/leases/"),
    ];
    for trouble in NOT_DONE.into_iter().chain(DONE) {
        for (verb, part) in kinds {
            number += 1;
            let (case, record) = (format!("{trouble:?} at {verb} {part}"), purge.record(number));
            let far = purge.fixture.through(another(&purge.server));
            let repository = far.open_anew();
            purge.server.fail(Fault::once(verb, part, trouble));
            let put = purge.put(&repository, &record);
            purge.server.heal();
            purge.server.let_arrive();
            let repository = far.open_anew();
            match &put {
                Ok(id) => {
                    let there = find(&repository, &id.to_string()).unwrap_or_else(|error| panic!("{case}: {error}"));
                    assert_eq!(there.receipt().unwrap().record.purge, record.purge, "{case}");
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{case}: {}", chain(error)),
            }
            if put.is_err() {
                // The purge deletes nothing then. It is begun again, with the same rows.
                purge.put(&repository, &record).unwrap_or_else(|error| panic!("{case}, again: {}", chain(&error)));
            }
        }
    }
    let repository = purge.fixture.open_anew();
    verify_all(&repository);
    assert_eq!(history(&repository).unwrap().purges.len(), usize::from(number));
    // The rows that the receipts name outlive the snapshot.
    purge.fixture.forget(&[purge.snapshot.id]);
    prune_all(&purge.fixture).unwrap();
    verify_all(&purge.fixture.open_anew());
}
