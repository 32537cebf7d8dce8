//! Object storage without conditions: leases alone keep programs apart.

use std::fs;
use std::path::PathBuf;

use engine::crypto::{Credential, KeyFile};
use engine::machine::{self, Process, standing};
use engine::monitor::NullMonitor;
use engine::repository::members::{add_member, members, remove_member};
use engine::repository::{Repository, close_epochs};
use engine::session::{SILENCE, View, WriterOptions, WriterSession, fence};
use engine::upkeep::repair::{RepairOptions, repair};
use engine::{Error, ErrorKind};
use repo_format::config::{Access, Conditions as Outcome};
use repo_format::entry::Time;
use repo_format::id::LeaseId;
use scenario_tests::object_storage::{Conditions, Fault, Manner, ObjectStorage, Trouble};

use super::repository::prune_all;
use super::{another, server};
use crate::support::{Fixture, Tree, backup, backup_options, backup_paths, look, noise, verify_all};

struct Office {
    server: ObjectStorage,
    fixture: Fixture,
    root: PathBuf,
}

impl Office {
    fn new(conditions: Conditions) -> Self {
        let (server, store) = server(Manner { page: 50, conditions, ..Manner::default() });
        let fixture = Fixture::in_store(store);
        let root = fixture.folder("root");
        fs::write(root.join("stays"), noise(1, 300_000)).unwrap();
        fs::write(root.join("changes"), noise(2, 200_000)).unwrap();
        Office { server, fixture, root }
    }

    fn without_conditions() -> Self {
        Self::new(Conditions::Refused)
    }

    /// Two snapshots, the first forgotten: there is something to prune. Gives the second.
    fn with_something_to_prune() -> (Self, LeaseId, Tree) {
        let office = Self::without_conditions();
        let (first, _) = backup(&office.fixture.open(), &office.root);
        fs::write(office.root.join("changes"), noise(3, 200_000)).unwrap();
        let (second, _) = backup(&office.fixture.open(), &office.root);
        office.fixture.forget(&[first]);
        let now = look(&office.root);
        (office, second, now)
    }

    /// As another computer sees it.
    fn elsewhere(&self) -> Fixture {
        self.fixture.through(another(&self.server))
    }

    fn leases(&self) -> Vec<LeaseId> {
        let keys = self.server.keys().into_iter();
        keys.filter_map(|key| key.split_once("/leases/").map(|(_, id)| id.parse().unwrap())).collect()
    }

    fn back_up(&self) -> Result<(), Error> {
        backup_paths(&self.fixture.open(), &[&self.root], &backup_options(), &NullMonitor).map(drop)
    }

    /// Everything is as it must be, and no lease is left.
    fn assert_good(&self, snapshot: LeaseId, tree: &Tree) {
        let elsewhere = self.elsewhere();
        elsewhere.assert_restores(&elsewhere.open_anew(), snapshot, tree);
        verify_all(&elsewhere.open_anew());
        assert_eq!(self.leases(), []);
    }
}

fn begin(repository: &Repository) -> Result<WriterSession<'_>, Error> {
    let options = WriterOptions { host: "office".to_owned(), ..WriterOptions::default() };
    WriterSession::begin(repository, &options, &NullMonitor)
}

fn key() -> Credential {
    Credential::KeyFile(KeyFile::generate().unwrap())
}

#[track_caller]
fn assert_fenced<T>(result: Result<T, Error>, why: &str) {
    let Err(error) = result else { panic!("nobody was in the way") };
    assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
    assert!(engine::error::chain(&error).contains(why), "{error}");
}

#[test]
fn a_repository_lives_without_conditions() {
    for conditions in [Conditions::Refused, Conditions::Ignored] {
        let (server, store) = server(Manner { page: 50, conditions, ..Manner::default() });
        let fixture = Fixture::without_repository(store.clone());
        let options =
            engine::repository::InitOptions { exclusive: engine::repository::Exclusive::Always, ..Default::default() };
        engine::repository::init(&*store, &fixture.credential(), &options).unwrap();
        let root = fixture.folder("root");
        fs::write(root.join("stays"), noise(1, 300_000)).unwrap();
        let office = Office { server, fixture, root };
        let (first, _) = backup(&office.fixture.open(), &office.root);
        fs::write(office.root.join("changes"), noise(3, 200_000)).unwrap();
        let (second, _) = backup(&office.fixture.open(), &office.root);
        office.fixture.forget(&[first]);
        let second_key = add_member(&office.fixture.open(), &key(), "second").unwrap();
        remove_member(&office.fixture.open(), second_key).unwrap();
        let report = prune_all(&office.elsewhere()).unwrap();
        assert!(report.deleted_packs > 0, "{report:?}");
        repair(&office.elsewhere().open_anew(), &RepairOptions::default(), &NullMonitor).unwrap();
        let (third, _) = backup(&office.fixture.open(), &office.root);
        let now = look(&office.root);
        office.assert_good(second, &now);
        office.assert_good(third, &now);
        let repository = office.fixture.open_anew();
        assert_eq!(repository.condemned().unwrap().0.lists, []);
        assert_eq!(members(&repository).unwrap().len(), 1);
    }
}

#[test]
fn a_prune_a_repair_and_a_change_of_keys_give_up_while_somebody_writes() {
    let (office, snapshot, now) = Office::with_something_to_prune();
    let before = office.server.keys();
    let repository = office.fixture.open_anew();
    let session = begin(&repository).unwrap();
    let elsewhere = office.elsewhere();
    assert_fenced(prune_all(&elsewhere), "process");
    assert_fenced(repair(&elsewhere.open_anew(), &RepairOptions::default(), &NullMonitor), "on office");
    assert_fenced(add_member(&elsewhere.open_anew(), &key(), "second"), "nobody else may write");
    assert_fenced(close_epochs(&elsewhere.open_anew(), Default::default()), "nobody else may write");
    assert_eq!(office.leases(), [session.id()]);
    assert!(fence(&repository, session.id(), "office", "").unwrap_err().kind() == ErrorKind::Refused);
    drop(session);
    assert_eq!(office.server.keys(), before);
    prune_all(&elsewhere).unwrap();
    office.assert_good(snapshot, &now);
}

#[test]
fn writers_give_way_to_a_prune_whose_list_may_still_arrive_and_it_is_finished_later() {
    let (office, snapshot, now) = Office::with_something_to_prune();
    office.server.fail(Fault::once("PUT", "/condemned", Trouble::Late));
    let failed = prune_all(&office.elsewhere()).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable, "{failed}");
    office.server.heal();
    let [lease] = office.leases()[..] else { panic!("the lease stays") };
    assert_fenced(office.back_up(), "a prune, process");
    assert_fenced(prune_all(&office.elsewhere()), "a prune, process");
    assert_eq!(office.leases(), [lease]);
    office.server.let_arrive();
    let repository = office.fixture.open_anew();
    assert_eq!(repository.condemned().unwrap().0.lists.len(), 1);
    remove_later(&repository, lease).unwrap();
    let report = prune_all(&office.elsewhere()).unwrap();
    assert!(report.deleted_packs > 0, "{report:?}");
    office.assert_good(snapshot, &now);
}

#[test]
fn a_prune_that_failed_with_an_answer_keeps_nobody_out() {
    let (office, snapshot, now) = Office::with_something_to_prune();
    for (verb, part) in [("DELETE", "/packs/"), ("PUT", "/index/"), ("GET", "/condemned")] {
        office.server.fail(Fault::always(verb, part, Trouble::Status(403, "AccessDenied")));
        prune_all(&office.elsewhere()).unwrap_err();
        office.server.heal();
        assert_eq!(office.leases(), [], "{verb} {part}");
        office.back_up().unwrap();
    }
    prune_all(&office.elsewhere()).unwrap();
    office.assert_good(snapshot, &now);
}

#[test]
fn a_writer_whose_manifest_may_still_arrive_keeps_prunes_out() {
    let (office, snapshot, now) = Office::with_something_to_prune();
    office.server.fail(Fault::always("PUT", "/snapshots/", Trouble::Late));
    fs::write(office.root.join("new"), noise(4, 100_000)).unwrap();
    let newest = look(&office.root);
    assert_eq!(office.back_up().unwrap_err().kind(), ErrorKind::Unavailable);
    office.server.heal();
    let [lease] = office.leases()[..] else { panic!("the lease stays") };
    assert_fenced(prune_all(&office.elsewhere()), &lease.to_string()[..8]);
    office.server.let_arrive();
    remove_later(&office.fixture.open_anew(), lease).unwrap();
    prune_all(&office.elsewhere()).unwrap();
    office.assert_good(lease, &newest);
    office.assert_good(snapshot, &now);
}

#[test]
fn keys_whose_version_may_still_arrive_are_not_changed_by_others() {
    let office = Office::without_conditions();
    office.back_up().unwrap();
    office.server.fail(Fault::once("PUT", "/keyring/2", Trouble::Late));
    let failed = add_member(&office.fixture.open_anew(), &key(), "second").unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable, "{failed}");
    let [lease] = office.leases()[..] else { panic!("the lease stays") };
    assert_fenced(add_member(&office.elsewhere().open_anew(), &key(), "third"), "a change of keys");
    office.server.let_arrive();
    remove_later(&office.fixture.open_anew(), lease).unwrap();
    let repository = office.elsewhere().open_anew();
    add_member(&repository, &key(), "third").unwrap();
    assert_eq!(repository.keyring_version(), 3);
    assert_eq!(members(&repository).unwrap().len(), 3);
    assert_eq!(office.leases(), []);
}

#[test]
fn a_missing_answer_to_what_was_done_keeps_nobody_out() {
    let (office, snapshot, now) = Office::with_something_to_prune();
    for trouble in [Trouble::LostAnswer, Trouble::StatusAfter(500, "InternalError")] {
        office.server.fail(Fault::once("PUT", "/keyring/", trouble));
        let added = add_member(&office.fixture.open_anew(), &key(), "another").unwrap();
        office.server.fail(Fault::once("PUT", "/condemned", trouble));
        remove_member(&office.fixture.open_anew(), added).unwrap();
        office.server.fail(Fault::once("PUT", "/condemned", trouble));
        prune_all(&office.elsewhere()).unwrap();
        office.server.heal();
    }
    office.assert_good(snapshot, &now);
}

#[test]
fn an_administrator_who_was_not_alone_is_told() {
    let office = Office::without_conditions();
    let (one, other) = (office.fixture.open_anew(), office.elsewhere().open_anew());
    add_member(&other, &key(), "second").unwrap();
    assert_fenced(add_member(&one, &key(), "third"), "another process changed the keys");
    assert_eq!(office.leases(), []);
}

#[test]
fn a_writer_whose_lease_was_removed_commits_nothing() {
    let office = Office::without_conditions();
    let repository = office.fixture.open();
    let session = begin(&repository).unwrap();
    office.server.remove(&format!("office/enamel/leases/{}", session.id()));
    assert_fenced(session.commit_plain(b""), "somebody has removed the lease");
}

/// Removes a lease as soon as that may be, from a computer that cannot see its process.
fn remove_later(repository: &Repository, lease: LeaseId) -> Result<(), Error> {
    let now = machine::now();
    let later = Time { seconds: now.seconds + SILENCE, ..now };
    standing::at(later, || View::new(repository, "elsewhere", &|_| Process::Gone).remove(repository, lease)).map(drop)
}

#[test]
fn a_lease_is_removed_by_hand_only_when_nothing_of_its_run_can_arrive() {
    let office = Office::without_conditions();
    let repository = office.fixture.open();
    let session = begin(&repository).unwrap();
    let view = |process| View::new(&repository, "office", process);
    let running = view(&machine::process).remove(&repository, session.id()).unwrap_err();
    assert!(running.to_string().contains("is running"), "{running}");
    let young = view(&|_| Process::Gone).remove(&repository, session.id()).unwrap_err();
    assert!(young.to_string().contains("15 minutes"), "{young}");
    for error in [running, young] {
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    }
    assert_eq!(view(&|_| Process::Gone).remove(&repository, LeaseId([9; 16])).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(office.leases(), [session.id()]);
    remove_later(&repository, session.id()).unwrap();
    assert_eq!(office.leases(), []);

    let usual = Office::new(Conditions::Kept);
    let repository = usual.fixture.open();
    let session = begin(&repository).unwrap();
    let refused = remove_later(&repository, session.id()).unwrap_err();
    assert!(refused.to_string().contains("conditional writes"), "{refused}");
}

#[test]
fn what_a_check_of_the_storage_finds_is_noted_and_grows_old() {
    for conditions in [Conditions::Kept, Conditions::Refused] {
        let office = Office::new(conditions);
        let reader = office.fixture.open();
        let made = reader.config().clone();
        let expected = if conditions == Conditions::Kept { Outcome::Kept } else { Outcome::Missing };
        assert_eq!(made.conditions.unwrap().outcome(), Some(expected));
        let year = Time { seconds: made.created + 366 * 86_400, nanoseconds: 0 };
        assert_eq!(reader.old_conditions_check(), None);
        reader.note_conditions(expected).unwrap();
        assert_eq!(office.elsewhere().open_anew().config().version, 1, "it was noted a moment ago");
        standing::at(year, || {
            assert!(reader.old_conditions_check().is_some());
            reader.note_conditions(expected).unwrap();
        });
        let repository = office.elsewhere().open_anew();
        assert_eq!((repository.config().version, repository.config().conditions.unwrap().time), (2, year.seconds));
        standing::at(year, || assert_eq!(repository.old_conditions_check(), None));
        // A process that began with the older config goes on beside snapshots of the newer.
        let (snapshot, _) = backup(&repository, &office.root);
        backup(&reader, &office.root);
        verify_all(&reader);
        office.assert_good(snapshot, &look(&office.root));
        assert!(office.fixture.try_open("cache", &office.fixture.credential(), Access::Prune).is_ok());
    }
}
