//! Members that were retired: they open what was saved in their time, and nothing later.

use std::fs;
use std::path::PathBuf;

use engine::crypto::{Credential, KeyFile};
use engine::machine::Process;
use engine::monitor::NullMonitor;
use engine::repository::Repository;
use engine::repository::members::{MemberState, add_member, members, remove_member, retire_member};
use engine::snapshots::{self, Selector};
use engine::store::{Folder, MemoryStore, ObjectName, Original, Store};
use engine::upkeep::prune::{self, PruneOptions};
use engine::upkeep::repair::{RepairOptions, repair};
use engine::{ErrorKind, Result};
use repo_format::config::Access;
use repo_format::head::ObjectKind;
use repo_format::id::{Bytes32, LeaseId, MemberId};
use repo_format::keyring::{Keyring, Recipient};
use repo_format::member::Member;
use repo_format::{clear, context, limits};

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

/// How many members each of the years retires beside the one that this test knows.
const CROWD: u64 = 1000;
const YEARS: u64 = 10;

/// The tag of a version, by somebody who knows the link of the one before.
fn tag(link: &[u8; 32], tagged: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(&blake3::derive_key(context::KEYRING_TAG, link), tagged).as_bytes()
}

/// Puts another body in place of a version of the keyring and of its copy, tagged with the link of the one before.
fn rewrite(store: &MemoryStore, version: u64, link: &[u8; 32], change: impl FnOnce(&mut Keyring)) {
    let bytes = store.get(&ObjectName::Keyring(version), u64::MAX).unwrap();
    let object = clear::decode(ObjectKind::Keyring, &bytes, limits::KEYRING).unwrap();
    let mut keyring = Keyring::decode(object.body).unwrap();
    change(&mut keyring);
    let object = clear::encode(ObjectKind::Keyring, &keyring.encode().unwrap(), |tagged| tag(link, tagged)).unwrap();
    store.put_raw(&ObjectName::Keyring(keyring.version), object.clone());
    store.put_raw(&ObjectName::Copy(Original::Keyring(keyring.version)), object);
}

/// A member whose key nobody has any more.
fn somebody(year: u64, number: u64) -> MemberId {
    MemberId(blake3::hash(&[year.to_le_bytes(), number.to_le_bytes()].concat()).as_bytes()[..16].try_into().unwrap())
}

/// An administrator who comes and is retired with a thousand others; the link that both versions are tagged with, and the
/// last that the administrator knows.
fn a_year_of_many(office: &Office, repository: &Repository, year: u64) -> (Admin, [u8; 32]) {
    let link = || *repository.keys().secrets().link();
    let (before, joined) = (link(), repository.keyring_version() + 1);
    let key = KeyFile::generate().unwrap().to_text().to_string();
    let credential = Credential::KeyFile(KeyFile::parse(&key).unwrap());
    let admin = Admin { id: add_member(repository, &credential, "ada").unwrap(), key };
    let known = link();
    retire_member(repository, admin.id).unwrap();
    let crowd: Vec<_> = (0..CROWD).map(|number| somebody(year, number)).collect();
    rewrite(&office.store, joined, &before, |keyring| {
        let like = keyring.recipients[0].clone();
        keyring.recipients.extend(crowd.iter().map(|member| Recipient { member: *member, ..like.clone() }));
        keyring.recipients.sort_by_key(|recipient| recipient.member);
    });
    rewrite(&office.store, joined + 1, &known, |keyring| {
        let retired = keyring.retired.get_or_insert_default();
        retired.extend(&crowd);
        retired.sort();
    });
    let bytes = office.store.get(&ObjectName::Member(admin.id), u64::MAX).unwrap();
    let object = clear::decode(ObjectKind::Member, &bytes, limits::SMALL_OBJECT).unwrap();
    let like = Member::decode(object.body).unwrap();
    for id in crowd {
        // No key that anybody has fits it.
        let commitment = Bytes32(*blake3::hash(&id.0).as_bytes());
        let member = Member { id, commitment, ..like.clone() };
        let object = clear::encode(ObjectKind::Member, &member.encode().unwrap(), |_| [0; 32]).unwrap();
        office.store.put_raw(&ObjectName::Member(id), object);
    }
    (admin, known)
}

#[test]
fn ten_thousand_retired_members_keep_nobody_out_and_let_nobody_in() {
    let office = Office::new();
    let repository = office.fixture.open_anew();
    let may = office.save(1);
    let years: Vec<_> = (0..YEARS).map(|year| a_year_of_many(&office, &repository, year)).collect();
    let newest = repository.keyring_version();
    drop(repository);
    // The office writes as ever.
    let repository = office.fixture.open_anew();
    assert!(repository.warnings().is_empty(), "{:?}", repository.warnings());
    let june = backup(&repository, &office.source).0;
    let states = members(&repository).unwrap();
    let retired = states.iter().filter(|member| matches!(member.state, MemberState::Retired(_))).count();
    assert_eq!((retired as u64, states.len() as u64), (YEARS * (CROWD + 1), YEARS * (CROWD + 1) + 1));
    // The first and the last of them read what was there in their times, and write nothing.
    for (admin, _) in [&years[0], &years[9]] {
        office.assert_reads(admin, &[may]);
        assert_eq!(office.open_as(admin, Access::Write).err().unwrap().kind(), ErrorKind::Refused);
    }
    let repository = office.open_as(&years[9].0, Access::Read).unwrap();
    assert!(repository.later_snapshots().unwrap().contains(&june));
    // No one of them can make the next version: the link that each knows is not that of the newest.
    for (admin, link) in [&years[0], &years[9]] {
        let next = ObjectName::Keyring(newest + 1);
        rewrite(&office.store, newest, link, |keyring| {
            keyring.version = newest + 1;
            keyring.recipients[0].member = admin.id;
        });
        let repository = office.fixture.try_open("reads", &office.fixture.credential(), Access::Read).unwrap();
        assert_eq!(repository.keyring_version(), newest);
        assert!(repository.warnings()[0].contains("cannot be read, so the newest secrets are not known"));
        let error = office.fixture.try_open("writes", &office.fixture.credential(), Access::Write).err().unwrap();
        assert!(error.to_string().contains("cannot be read"), "{error}");
        for name in [ObjectName::Copy(Original::Keyring(newest + 1)), next] {
            office.store.delete(&name).unwrap();
        }
    }
    office.fixture.open_anew();
}
