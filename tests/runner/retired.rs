//! Members that were retired: they open what was saved in their time, and nothing later.

use std::fs;
use std::path::PathBuf;

use engine::crypto::{Credential, KeyFile};
use engine::machine::Process;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::repository::members::{MemberState, add_member, members, remove_member, retire_member};
use engine::snapshots::{self, Selector};
use engine::store::{Folder, MemoryStore, ObjectName, Original};
use engine::upkeep::prune::{self, PruneOptions};
use engine::upkeep::repair::{RepairOptions, repair};
use engine::{ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::{LeaseId, MemberId};

use crate::damage::lab::noise;
use crate::support::{Fixture, backup, verify_all};

/// An office with its key file, and administrators that come and go.
struct Office {
    fixture: Fixture,
    store: MemoryStore,
    source: PathBuf,
}

/// An administrator.
struct Admin {
    key: String,
    id: MemberId,
}

impl Admin {
    fn credential(&self) -> Credential {
        Credential::KeyFile(KeyFile::parse(&self.key).unwrap())
    }
}

impl Office {
    fn new() -> Self {
        let store = MemoryStore::new();
        let fixture = Fixture::with_small_packs(&store);
        let source = fixture.folder("source");
        Office { fixture, store, source }
    }

    fn add(&self, name: &str) -> Admin {
        let key = KeyFile::generate().unwrap().to_text().to_string();
        let credential = Credential::KeyFile(KeyFile::parse(&key).unwrap());
        Admin { id: add_member(&self.fixture.open(), &credential, name).unwrap(), key }
    }

    fn save(&self, seed: u64) -> LeaseId {
        fs::write(self.source.join(format!("file-{seed}")), noise(seed, 300_000)).unwrap();
        backup(&self.fixture.open(), &self.source).0
    }

    /// Opens it on a machine that has never seen it.
    fn open_as(&self, admin: &Admin, access: Access) -> Result<Repository> {
        let cache = self.fixture.free_path("cache");
        self.fixture.try_open(cache.to_str().unwrap(), &admin.credential(), access)
    }

    #[track_caller]
    fn assert_reads(&self, admin: &Admin, snapshots: &[LeaseId]) {
        let repository = self.open_as(admin, Access::Read).unwrap();
        let mut listed: Vec<_> =
            snapshots::list(&repository).unwrap().snapshots.into_iter().map(|snapshot| snapshot.id).collect();
        let mut expected = snapshots.to_vec();
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected);
        for id in snapshots {
            let (target, outcome) = self.fixture.restore(&repository, *id, "source");
            assert_eq!(outcome.problem_count, 0, "{:?}", outcome.problems);
            fs::remove_dir_all(target).unwrap();
        }
    }

    fn prune(&self) {
        let options = PruneOptions {
            this_host: "machine",
            process: &|_| Process::There(None),
            max_unused: 0,
            max_rewrite: u64::MAX,
        };
        prune::plan(&self.fixture.open(), &options, &NullMonitor).unwrap().run(&NullMonitor).unwrap();
    }
}

#[test]
fn an_administrator_of_may_opens_may_and_not_june() {
    let office = Office::new();
    let ada = office.add("ada");
    let may = office.save(1);
    retire_member(&office.fixture.open(), ada.id).unwrap();
    let bob = office.add("bob");
    let june = office.save(2);
    office.assert_reads(&ada, &[may]);
    office.assert_reads(&bob, &[may, june]);
    let repository = office.open_as(&ada, Access::Read).unwrap();
    assert!(repository.later_snapshots().unwrap().contains(&june));
    assert!(!repository.later_snapshots().unwrap().contains(&may));
    let latest = snapshots::select(&repository, &Selector::Latest { tag: None, until: None }).unwrap();
    assert_eq!((latest.snapshot.id, latest.remarks.len()), (may, 0));
    verify_all(&office.fixture.open_anew());
}

#[test]
fn a_retired_member_writes_nothing() {
    let office = Office::new();
    let ada = office.add("ada");
    let may = office.save(1);
    retire_member(&office.fixture.open(), ada.id).unwrap();
    for access in [Access::Write, Access::Prune] {
        let error = office.open_as(&ada, access).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("retired"), "{error}");
    }
    let before = office.store.names();
    let repository = office.open_as(&ada, Access::Read).unwrap();
    let credential = Credential::KeyFile(KeyFile::generate().unwrap());
    assert_eq!(add_member(&repository, &credential, "eve").unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(remove_member(&repository, ada.id).unwrap_err().kind(), ErrorKind::Refused);
    let going = engine::upkeep::forget::plan_named(&repository, &[may], &NullMonitor).unwrap();
    let author = engine::repository::Author { host: "h".into(), user: "u".into(), program: "p".into() };
    let forgotten = engine::upkeep::forget::forget(&repository, &going.going(), &author, &NullMonitor);
    assert_eq!(forgotten.unwrap_err().kind(), ErrorKind::Refused);
    let saved =
        crate::support::backup_paths(&repository, &[&office.source], &crate::support::backup_options(), &NullMonitor);
    assert_eq!(saved.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(office.store.names(), before);
}

#[test]
fn two_administrators_after_each_other_read_what_was_there_in_their_times() {
    let office = Office::new();
    let ada = office.add("ada");
    let may = office.save(1);
    // Somebody was removed before, so epochs are closed by a note that later closings would delete.
    let eve = office.add("eve");
    remove_member(&office.fixture.open(), eve.id).unwrap();
    retire_member(&office.fixture.open(), ada.id).unwrap();
    let bob = office.add("bob");
    let june = office.save(2);
    retire_member(&office.fixture.open(), bob.id).unwrap();
    let cyd = office.add("cyd");
    let july = office.save(3);
    office.assert_reads(&ada, &[may]);
    office.assert_reads(&bob, &[may, june]);
    office.assert_reads(&cyd, &[may, june, july]);
    assert_eq!(office.open_as(&eve, Access::Read).err().unwrap().kind(), ErrorKind::WrongPassword);
    verify_all(&office.fixture.open_anew());
}

#[test]
fn two_administrators_added_at_once_are_one_after_the_other() {
    let office = Office::new();
    let (first, second) = (office.fixture.open_anew(), office.fixture.open_anew());
    let credential = || Credential::KeyFile(KeyFile::generate().unwrap());
    add_member(&first, &credential(), "ada").unwrap();
    assert_eq!(add_member(&second, &credential(), "bob").unwrap_err().kind(), ErrorKind::Fenced);
    let labels = |repository: &Repository| -> Vec<_> {
        let active = members(repository).unwrap().into_iter().filter(|member| member.state == MemberState::Active);
        active.map(|member| member.label).collect()
    };
    assert_eq!(labels(&office.fixture.open_anew()).len(), 2);
    add_member(&office.fixture.open_anew(), &credential(), "bob").unwrap();
    assert_eq!(labels(&office.fixture.open_anew()).len(), 3);
}

#[test]
fn a_repository_whose_office_key_is_lost_belongs_to_the_administrator() {
    let office = Office::new();
    let ada = office.add("ada");
    let may = office.save(1);
    let (lost, new) = (office.fixture.open().member(), KeyFile::generate().unwrap());
    let by_ada = office.open_as(&ada, Access::Write).unwrap();
    add_member(&by_ada, &Credential::KeyFile(new), "new office").unwrap();
    retire_member(&by_ada, lost).unwrap();
    office.assert_reads(&ada, &[may]);
    // The lost machine goes on reading what it had.
    let error = office.fixture.try_open("stolen", &office.fixture.credential(), Access::Write).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let stolen = office.fixture.try_open("stolen", &office.fixture.credential(), Access::Read).unwrap();
    assert_eq!(snapshots::list(&stolen).unwrap().snapshots.len(), 1);
}

#[test]
fn pruning_leaves_to_a_retired_member_what_is_not_forgotten() {
    let office = Office::new();
    let ada = office.add("ada");
    let april = office.save(1);
    let may = office.save(2);
    retire_member(&office.fixture.open(), ada.id).unwrap();
    fs::remove_file(office.source.join("file-1")).unwrap();
    let june = office.save(3);
    office.fixture.forget(&[april]);
    office.prune();
    office.prune();
    office.assert_reads(&ada, &[may]);
    verify_all(&office.fixture.open_anew());
    // Without retired members the sparse packs are rewritten.
    remove_member(&office.fixture.open(), ada.id).unwrap();
    let before = packs(&office.store);
    office.fixture.forget(&[may]);
    office.prune();
    assert_ne!(packs(&office.store), before);
    assert!(snapshots::list(&office.fixture.open_anew()).unwrap().snapshots.iter().any(|s| s.id == june));
}

fn packs(store: &MemoryStore) -> Vec<ObjectName> {
    store.names().into_iter().filter(|name| name.folder() == Folder::Packs).collect()
}

#[test]
fn a_retired_member_that_is_removed_opens_nothing() {
    let office = Office::new();
    let ada = office.add("ada");
    office.save(1);
    retire_member(&office.fixture.open(), ada.id).unwrap();
    remove_member(&office.fixture.open(), ada.id).unwrap();
    assert_eq!(office.open_as(&ada, Access::Read).err().unwrap().kind(), ErrorKind::WrongPassword);
    let left = office
        .store
        .names()
        .into_iter()
        .filter(|name| matches!(Original::of(name), Some(Original::Member(id)) if id == ada.id));
    assert_eq!(left.count(), 0);
}

#[test]
fn the_key_of_a_retired_member_is_checked_and_repaired() {
    let office = Office::new();
    let ada = office.add("ada");
    let may = office.save(1);
    retire_member(&office.fixture.open(), ada.id).unwrap();
    let name = ObjectName::Member(ada.id);
    let mut bytes = office.store.bytes(&name).unwrap();
    bytes[40] ^= 1;
    office.store.put_raw(&name, bytes);
    let report = engine::upkeep::verify::verify(
        &office.fixture.open_anew(),
        &engine::upkeep::verify::VerifyOptions { depth: engine::upkeep::verify::Depth::Structure },
        &NullMonitor,
    )
    .unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    repair(&office.fixture.open_anew(), &RepairOptions::default(), &NullMonitor).unwrap();
    verify_all(&office.fixture.open_anew());
    office.assert_reads(&ada, &[may]);
}

#[test]
fn members_say_who_was_retired_and_the_last_one_cannot_be() {
    let office = Office::new();
    let ada = office.add("ada");
    retire_member(&office.fixture.open(), ada.id).unwrap();
    let repository = office.fixture.open();
    let states: Vec<_> = members(&repository).unwrap().into_iter().map(|member| (member.id, member.state)).collect();
    assert!(states.iter().any(|(id, state)| *id == ada.id && matches!(state, MemberState::Retired(_))), "{states:?}");
    assert_eq!(retire_member(&repository, ada.id).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(retire_member(&repository, repository.member()).unwrap_err().kind(), ErrorKind::Usage);
}
