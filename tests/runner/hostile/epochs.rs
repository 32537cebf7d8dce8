//! A member that was removed, with the secrets it knew and write access to the store.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::machine::Process;
use engine::monitor::NullMonitor;
use engine::repository::members::{add_member, members, remove_member};
use engine::repository::{Repository, Trust, close_epochs};
use engine::session::{Announcement, Death, Life, WriterOptions, WriterSession, read_lease, writers};
use engine::snapshots::{self, Selector};
use engine::store::{Folder, ObjectName, PowerLoss};
use engine::upkeep::prune::{self, PruneOptions};
use engine::upkeep::verify::Depth;
use engine::{ErrorKind, Result};
use repo_format::config::Access;
use repo_format::id::{ChunkId, LeaseId, MemberId};
use repo_format::pack::ChunkKind;
use scenario_tests::explore::{Request, pass};
use tempfile::TempDir;

use crate::damage::lab::{self, Key, Lab};

/// Makes other bytes of those of an object.
type Forge<'f> = &'f dyn Fn(&[u8]) -> Vec<u8>;

/// A practice with two members, of whom Bob is removed, and the copy of its repository that he kept.
struct Practice {
    lab: Lab,
    bob: Key,
    id: MemberId,
    folder: TempDir,
    first: LeaseId,
}

impl Practice {
    fn with_bob() -> Self {
        let (lab, bob, folder) = (Lab::new(), Key::generate(), lab::temp());
        let repository = lab.opened(&folder.path().join("cache"));
        let id = add_member(&repository, &bob.credential(), "bob").unwrap();
        fs::create_dir(folder.path().join("source")).unwrap();
        let mut practice = Practice { lab, bob, id, folder, first: LeaseId([0; 16]) };
        practice.first = practice.save(1);
        practice
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self) -> Repository {
        self.lab.opened(&self.path("cache"))
    }

    /// As a machine that has never seen the repository.
    fn open_anew(&self) -> Repository {
        static MACHINES: AtomicU64 = AtomicU64::new(0);
        let machine = MACHINES.fetch_add(1, Ordering::Relaxed);
        self.lab.opened(&self.path(&format!("machine-{machine}")))
    }

    fn save(&self, seed: u64) -> LeaseId {
        fs::write(self.path("source/file"), lab::noise(seed, 50_000)).unwrap();
        lab::save(&self.open(), &[self.path("source")]).unwrap().snapshot.unwrap()
    }

    fn remove_bob(&self) -> Bobs {
        let bobs = Bobs { lab: Lab { store: self.lab.store.deep_clone(), key: self.bob.clone() }, cache: lab::temp() };
        remove_member(&self.open(), self.id).unwrap();
        bobs
    }

    fn latest(&self) -> LeaseId {
        snapshots::select(&self.open_anew(), &Selector::Latest { tag: None, until: None }).unwrap().snapshot.id
    }

    fn prune(&self) -> Result<prune::PruneReport> {
        let options = PruneOptions {
            this_host: "machine",
            process: &|_| Process::There(None),
            max_unused: 0,
            max_rewrite: u64::MAX,
        };
        prune::plan(&self.open_anew(), &options, &NullMonitor)?.run(&NullMonitor)
    }
}

/// The repository as it was when he was removed.
struct Bobs {
    lab: Lab,
    cache: TempDir,
}

impl Bobs {
    fn open(&self) -> Repository {
        self.lab.opened(self.cache.path())
    }

    fn save(&self, seed: u64) -> LeaseId {
        let source = self.cache.path().join("source");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("file"), lab::noise(seed, 50_000)).unwrap();
        lab::save(&self.open(), &[source]).unwrap().snapshot.unwrap()
    }

    /// Puts into the practice's store all that it lacks, as `cp -n` does.
    fn plant(&self, practice: &Practice) {
        let folders = [Folder::Packs, Folder::Index, Folder::Snapshots, Folder::Leases];
        for name in self.lab.store.names().into_iter().filter(|name| folders.contains(&name.folder())) {
            if practice.lab.store.bytes(&name).is_none() {
                practice.lab.store.put_raw(&name, self.lab.store.bytes(&name).unwrap());
            }
        }
    }
}

fn findings(repository: &Repository) -> Vec<String> {
    let report = lab::check(repository, Depth::ReadData).unwrap();
    report.findings.into_iter().map(|finding| format!("{}: {}", finding.object, finding.message)).collect()
}

#[test]
fn what_a_removed_member_plants_is_named_and_never_chosen() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    let second = practice.save(2);
    let planted = bobs.save(3);
    bobs.plant(&practice);

    let repository = practice.open_anew();
    assert_eq!(practice.latest(), second);
    assert_eq!(repository.read_snapshot_object(planted).unwrap_err().kind(), ErrorKind::NotBelieved);
    let list = snapshots::list(&repository).unwrap();
    assert_eq!(list.snapshots.iter().map(|s| s.id).collect::<Vec<_>>(), [practice.first, second]);
    assert_eq!(list.unreadable.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [planted]);
    let found = findings(&repository);
    assert!(found.iter().any(|finding| finding.starts_with(&format!("snapshots/{planted}"))), "{found:?}");
    assert!(found.iter().all(|finding| finding.contains("is not believed")), "{found:?}");
    // It blocks nothing, and what it needs is there until somebody decides.
    practice.prune().unwrap();
    let object = practice.open_anew().read_unbelieved(planted).unwrap();
    assert_eq!(object.manifest.id, planted);
    assert!(practice.open_anew().read_snapshot_object(practice.first).is_ok());
}

#[test]
fn what_a_planted_snapshot_needs_and_lacks_stops_no_prune() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    let planted = bobs.save(3);
    let name = ObjectName::Snapshot(planted);
    practice.lab.store.put_raw(&name, bobs.lab.store.bytes(&name).unwrap());
    practice.prune().unwrap();
}

#[test]
fn a_writer_stores_again_what_only_a_planted_segment_says_is_there() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    let bob = bobs.open();
    bob.sync_catalog(&NullMonitor).unwrap();
    // Bob knows the id of what the practice will save next, and says that an old pack holds it.
    let wanted: Vec<ChunkId> = {
        let twin = Practice {
            lab: practice.lab.copy(),
            folder: lab::temp(),
            bob: practice.bob.clone(),
            ..practice_of(&practice)
        };
        fs::create_dir(twin.path("source")).unwrap();
        twin.save(7);
        let (before, after) = (chunks(&practice.open_anew()), chunks(&twin.open_anew()));
        after.into_iter().filter(|id| !before.contains(id)).collect()
    };
    let segment = segments(&bob)[0];
    let mut packs = bob.read_segment(segment).unwrap();
    assert!(!wanted.is_empty());
    let entries = packs.iter_mut().flat_map(|pack| &mut pack.table.entries);
    for (entry, id) in entries.filter(|entry| entry.kind == ChunkKind::Data).zip(&wanted) {
        entry.id = *id;
    }
    let (lying, _) = bob.put_segment(&packs).unwrap();
    bobs.plant(&practice);

    let report = practice.open_anew().sync_catalog(&NullMonitor).unwrap();
    assert_eq!(
        report.damaged.iter().map(|(id, e)| (*id, e.kind())).collect::<Vec<_>>(),
        [(lying, ErrorKind::NotBelieved)]
    );
    let snapshot = practice.save(7);
    let repository = practice.open_anew();
    let target = practice.path("target");
    let snapshot = lab::snapshot(&repository, snapshot).unwrap().unwrap();
    lab::bring_back(&repository, &snapshot, &target).unwrap();
    let file = fs::read(target.join("source/file")).unwrap();
    assert!(file == lab::noise(7, 50_000));
}

fn practice_of(practice: &Practice) -> Practice {
    Practice {
        lab: practice.lab.copy(),
        bob: practice.bob.clone(),
        id: practice.id,
        folder: lab::temp(),
        first: practice.first,
    }
}

fn segments(repository: &Repository) -> Vec<repo_format::id::SegmentId> {
    let mut segments: Vec<_> = repository.sync_catalog(&NullMonitor).unwrap().segments.into_keys().collect();
    segments.sort();
    segments
}

fn chunks(repository: &Repository) -> Vec<ChunkId> {
    let packs = segments(repository).into_iter().flat_map(|id| repository.read_segment(id).unwrap());
    let entries = packs.flat_map(|pack| pack.table.entries);
    entries.filter(|entry| entry.kind == ChunkKind::Data).map(|entry| entry.id).collect()
}

#[test]
fn a_segment_that_was_taken_in_before_its_epoch_was_closed_is_let_go() {
    let practice = Practice::with_bob();
    let machine = lab::temp();
    let bobs =
        Bobs { lab: Lab { store: practice.lab.store.deep_clone(), key: practice.bob.clone() }, cache: lab::temp() };
    bobs.save(3);
    // This machine meets the planted segment while Bob is a member still; the note is taken on a store that does not have it.
    let with_planted = Practice { lab: practice.lab.copy(), ..practice_of(&practice) };
    bobs.plant(&with_planted);
    let planted = segments(&with_planted.lab.opened(machine.path()));
    remove_member(&practice.open(), practice.id).unwrap();
    bobs.plant(&practice);
    let repository = practice.lab.opened(machine.path());
    let report = repository.sync_catalog(&NullMonitor).unwrap();
    assert_eq!(report.damaged.len(), 1);
    let kept = repository.catalog().segments().unwrap();
    assert!(kept.len() < planted.len() && kept.iter().all(|id| *id != report.damaged[0].0));
}

#[test]
fn a_planted_lease_is_no_announcement() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    let bob = bobs.open();
    let session = WriterSession::begin(&bob, &WriterOptions::default(), &NullMonitor).unwrap();
    let id = session.id();
    bobs.plant(&practice);
    std::mem::forget(session);
    let announcement = read_lease(&practice.open_anew(), id).unwrap();
    assert!(matches!(announcement, Some(Announcement::NotBelieved(_))), "{announcement:?}");
    let writers = writers(&practice.open_anew(), "machine").unwrap();
    assert_eq!(writers.iter().map(|writer| writer.life).collect::<Vec<_>>(), [Life::Dead(Death::NotBelieved)]);
}

#[test]
fn a_planted_list_of_condemned_packs_stops_writers() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    practice.lab.store.put_raw(&ObjectName::Condemned, bobs.lab.store.bytes(&ObjectName::Condemned).unwrap());
    let repository = practice.open_anew();
    assert_eq!(repository.condemned().unwrap_err().kind(), ErrorKind::Damaged);
    let begun = WriterSession::begin(&repository, &WriterOptions::default(), &NullMonitor);
    assert_eq!(begun.err().unwrap().kind(), ErrorKind::Damaged);
}

#[test]
fn a_writer_that_was_under_way_commits_what_is_believed() {
    let practice = Practice::with_bob();
    let manifest = practice.open().read_unbelieved(practice.first).unwrap().manifest;
    for step in ["before", "between"] {
        let practice = Practice { lab: practice.lab.copy(), ..practice_of(&practice) };
        let (lab, id, cache) = (practice.lab.clone(), practice.id, practice.path("other"));
        let base = practice.lab.store.clone();
        let store = pass(move |request| {
            if let Request::PutNew(ObjectName::Snapshot(_), _) = &request
                && step == "between"
            {
                remove_member(&lab.opened(&cache), id).unwrap();
            }
            request.perform(&base)
        });
        let writer = lab::open(Arc::new(store), &practice.lab.key, &practice.path("cache"), Access::Write).unwrap();
        let session = WriterSession::begin(&writer, &WriterOptions::default(), &NullMonitor).unwrap();
        if step == "before" {
            remove_member(&practice.lab.opened(&practice.path("other")), practice.id).unwrap();
        }
        let id = session.id();
        let plain = repo_format::manifest::Manifest { id, ..manifest.clone() }.encode().unwrap();
        session.commit_plain(&plain).unwrap();
        let repository = practice.open_anew();
        assert!(repository.read_snapshot_object(id).is_ok(), "{step}");
        assert_eq!(findings(&repository), Vec::<String>::new(), "{step}");
        let vouched = practice.lab.store.names().iter().filter(|name| name.folder() == Folder::Notes).count();
        assert_eq!(vouched, if step == "before" { 1 } else { 2 }, "{step}");
    }
}

#[test]
fn a_writer_whose_key_is_removed_under_way_does_not_commit() {
    let practice = Practice::with_bob();
    let writer = lab::open(Arc::new(practice.lab.store.clone()), &practice.bob, &practice.path("bob"), Access::Write);
    let writer = writer.unwrap();
    let manifest = writer.read_unbelieved(practice.first).unwrap().manifest;
    let session = WriterSession::begin(&writer, &WriterOptions::default(), &NullMonitor).unwrap();
    remove_member(&practice.open(), practice.id).unwrap();
    let plain = repo_format::manifest::Manifest { id: session.id(), ..manifest }.encode().unwrap();
    assert_eq!(session.commit_plain(&plain).unwrap_err().kind(), ErrorKind::WrongPassword);
}

#[test]
fn removing_a_member_can_be_interrupted_anywhere_and_made_again() {
    let practice = Practice::with_bob();
    let steps = {
        let once = practice_of(&practice);
        let before = once.lab.store.steps();
        remove_member(&once.open(), once.id).unwrap();
        once.lab.store.steps() - before
    };
    for step in 1..=steps {
        let loss = PowerLoss::ALL[usize::try_from(step).unwrap() % PowerLoss::ALL.len()];
        let mut copy = practice_of(&practice);
        copy.lab.store.crash_at(copy.lab.store.steps() + step);
        // A second copy that cannot be put is no failure.
        let _ = remove_member(&copy.open(), copy.id);
        copy.lab.store = copy.lab.store.restart(loss);
        let repository = copy.open();
        assert!(repository.read_snapshot_object(copy.first).is_ok(), "step {step}");
        drop(repository);
        copy.prune().unwrap();
        if members(&copy.open()).unwrap().iter().any(|member| member.id == copy.id) {
            remove_member(&copy.open(), copy.id).unwrap();
        }
        close_epochs(&copy.open(), Trust::Noted).unwrap();
        let repository = copy.open_anew();
        assert!(!repository.has_open_epochs(), "step {step}");
        assert!(repository.read_snapshot_object(copy.first).is_ok(), "step {step}");
        assert_eq!(findings(&repository), Vec::<String>::new(), "step {step}");
    }
}

#[test]
fn a_note_that_is_gone_is_said_and_a_person_may_say_what_is_believed() {
    let practice = Practice::with_bob();
    practice.remove_bob();
    let second = practice.save(2);
    let notes = [Folder::Notes, Folder::Copies];
    for name in practice.lab.store.names().into_iter().filter(|name| notes.contains(&name.folder())) {
        practice.lab.store.remove_raw(&name);
    }
    let repository = practice.open_anew();
    assert!(repository.note_trouble().unwrap().is_some());
    assert_eq!(repository.read_snapshot_object(practice.first).unwrap_err().kind(), ErrorKind::NotBelieved);
    assert!(repository.read_snapshot_object(second).is_ok());
    assert_ne!(findings(&repository), Vec::<String>::new());
    remove_refused(&practice);
    close_epochs(&repository, Trust::All).unwrap();
    let repository = practice.open_anew();
    assert!(repository.read_snapshot_object(practice.first).is_ok());
    assert_eq!(findings(&repository), Vec::<String>::new());
}

/// The bytes of all notes, and of their copies.
fn notes(practice: &Practice) -> Vec<(ObjectName, Vec<u8>)> {
    let is_note =
        |name: &ObjectName| matches!(name, ObjectName::Note(_) | ObjectName::Copy(engine::store::Original::Note(_)));
    let store = &practice.lab.store;
    store.names().into_iter().filter(is_note).map(|name| (name, store.bytes(&name).unwrap())).collect()
}

#[test]
fn an_altered_note_is_read_from_its_copy_and_two_let_nobody_in() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    let second = practice.save(2);
    let planted = bobs.save(3);
    bobs.plant(&practice);
    let good = notes(&practice);
    assert_eq!(good.len(), 2, "a note and its copy");
    let length = good[0].1.len();
    let alter = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    // One of the two, here and there in it: the other says the same.
    for at in (0..length).step_by(length / 12).chain([length - 1]) {
        for (name, bytes) in &good {
            practice.lab.store.put_raw(name, alter(bytes, at));
            let repository = practice.open_anew();
            assert_eq!(repository.note_trouble().unwrap(), None, "{name} at {at}");
            assert!(repository.read_snapshot_object(practice.first).is_ok(), "{name} at {at}");
            assert_eq!(repository.read_snapshot_object(planted).unwrap_err().kind(), ErrorKind::NotBelieved);
            practice.lab.store.put_raw(name, bytes.clone());
        }
    }
    // Both: nothing of the closed epochs is believed, also not what Bob has planted.
    let halves = good[0].1[..length / 2].to_vec();
    let forged: [Forge<'_>; 4] =
        [&|bytes| alter(bytes, length / 2), &|_| Vec::new(), &|_| halves.clone(), &|_| vec![7; 65 << 20]];
    for forge in forged {
        good.iter().for_each(|(name, bytes)| practice.lab.store.put_raw(name, forge(bytes)));
        let repository = practice.open_anew();
        assert!(repository.note_trouble().unwrap().is_some());
        for id in [practice.first, planted] {
            assert_eq!(repository.read_snapshot_object(id).unwrap_err().kind(), ErrorKind::NotBelieved);
        }
        assert!(repository.read_snapshot_object(second).is_ok());
        assert_eq!(practice.latest(), second);
        assert_ne!(findings(&repository), Vec::<String>::new());
        remove_refused(&practice);
    }
    good.iter().for_each(|(name, bytes)| practice.lab.store.put_raw(name, bytes.clone()));
    assert!(practice.open_anew().read_snapshot_object(practice.first).is_ok());
}

/// Bob knows the secrets of his time, so he can seal a note. It is not the one that the keyring names.
#[test]
fn a_note_of_an_earlier_removal_or_of_another_repository_takes_no_other_ones_place() {
    let practice = Practice::with_bob();
    practice.remove_bob();
    let earlier = notes(&practice);
    let eve = add_member(&practice.open(), &Key::generate().credential(), "eve").unwrap();
    let second = practice.save(2);
    remove_member(&practice.open(), eve).unwrap();
    let good = notes(&practice);
    let other = Practice::with_bob();
    other.remove_bob();
    for planted in [&earlier, &notes(&other)] {
        for ((name, _), (_, bytes)) in good.iter().zip(planted) {
            practice.lab.store.put_raw(name, bytes.clone());
        }
        let repository = practice.open_anew();
        assert!(repository.note_trouble().unwrap().is_some());
        assert_eq!(repository.read_snapshot_object(second).unwrap_err().kind(), ErrorKind::NotBelieved);
    }
}

/// A second removal would let nothing of the closed epochs be believed, so it says that.
fn remove_refused(practice: &Practice) {
    let twin = Practice { lab: practice.lab.copy(), ..practice_of(practice) };
    let other = add_member(&twin.open(), &Key::generate().credential(), "other").unwrap();
    assert_eq!(remove_member(&twin.open(), other).unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn what_was_noted_once_is_believed_after_the_next_removal() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    let second = practice.save(2);
    let planted = bobs.save(3);
    bobs.plant(&practice);
    let eve = add_member(&practice.open(), &Key::generate().credential(), "eve").unwrap();
    remove_member(&practice.open(), eve).unwrap();
    let third = practice.save(4);
    let repository = practice.open_anew();
    for id in [practice.first, second, third] {
        assert!(repository.read_snapshot_object(id).is_ok());
    }
    assert_eq!(repository.read_snapshot_object(planted).unwrap_err().kind(), ErrorKind::NotBelieved);
    let notes: Vec<_> = practice.lab.store.names().into_iter().filter(|name| name.folder() == Folder::Notes).collect();
    assert_eq!(notes.len(), 1, "older notes are gone");
}

#[test]
fn a_keyring_of_before_the_removal_is_refused_where_there_is_no_memory() {
    let practice = Practice::with_bob();
    let bobs = practice.remove_bob();
    practice.save(2);
    // As it was: the versions since are gone, his member is back.
    let store = &practice.lab.store;
    for name in store.names().into_iter().filter(|name| matches!(name.folder(), Folder::Keyring | Folder::Copies)) {
        store.remove_raw(&name);
    }
    let old = [Folder::Keyring, Folder::Copies, Folder::Keys];
    for name in bobs.lab.store.names().into_iter().filter(|name| old.contains(&name.folder())) {
        store.put_raw(&name, bobs.lab.store.bytes(&name).unwrap());
    }
    for _ in 0..2 {
        let repository = practice.lab.opened(&practice.path("fresh"));
        let before = store.names();
        let error = lab::save(&repository, &[practice.path("source")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        let error = add_member(&repository, &Key::generate().credential(), "eve").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert_eq!(store.names(), before, "nothing was stored");
        assert_ne!(findings(&repository), Vec::<String>::new());
    }
}
