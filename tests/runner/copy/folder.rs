//! Copies of a repository's folder, made by other programs: disks in rotation, and copies that are behind.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use engine::monitor::NullMonitor;
use engine::repository::{Acceptance, Author};
use engine::store::LocalStore;
use engine::upkeep::verify::{Depth, FindingKind, VerifyOptions, VerifyReport, verify};

use crate::support::{Fixture, backup, noise};

/// A repository in a folder, with a snapshot, and the folder that is saved.
struct Scene {
    first: Fixture,
    second: Fixture,
    disks: [std::path::PathBuf; 2],
    root: std::path::PathBuf,
}

fn mirror(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            mirror(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Scene {
    fn new() -> Self {
        let base = Fixture::new();
        let disks = ["a", "b"].map(|name| base.folder(name).join("repository"));
        let first = base.through(Arc::new(LocalStore::create(&disks[0]).unwrap()));
        first.init().unwrap();
        let root = base.folder("root");
        fs::write(root.join("file"), noise(1, 10_000)).unwrap();
        let scene = Scene { second: first.through(first.store.clone()), first, disks, root };
        scene.save(1);
        scene.copied()
    }

    fn save(&self, round: u64) {
        fs::write(self.root.join(format!("file {round}")), noise(round, 10_000)).unwrap();
        backup(&self.first.open(), &self.root);
    }

    /// The same, after the second folder was made like the first.
    fn copied(self) -> Self {
        mirror(&self.disks[0], &self.disks[1]);
        Scene { second: self.first.through(Arc::new(LocalStore::open(&self.disks[1]).unwrap())), ..self }
    }
}

fn check(fixture: &Fixture) -> VerifyReport {
    verify(&fixture.open(), &VerifyOptions { depth: Depth::ReadData }, &NullMonitor).unwrap()
}

fn accept(fixture: &Fixture) {
    let author = Author { host: "host".into(), user: "user".into(), program: "test".into() };
    fixture.open().accept(&Acceptance::All, "a copy", &author, &NullMonitor).unwrap();
}

#[test]
fn a_copy_whose_source_went_on_is_behind_and_not_damaged() {
    let mut scene = Scene::new();
    for round in 2..5 {
        assert!(check(&scene.second).findings.is_empty(), "it is as the first");
        scene.save(round);
        let report = check(&scene.second);
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        assert!(report.notes.iter().any(|note| note.contains("copy it again")), "{:?}", report.notes);
        let unanswered = scene.second.open().unanswered().unwrap();
        assert!(unanswered.is_behind && !unanswered.is_urgent(), "{unanswered:?}");
        assert!(unanswered.sentences()[0].contains("copy that is behind"), "{unanswered:?}");
        assert!(check(&scene.first).notes.is_empty());
        scene = scene.copied();
    }
}

#[test]
fn what_was_seen_in_a_copy_and_is_gone_from_there_is_missed() {
    let scene = Scene::new();
    check(&scene.second);
    let name = engine::store::ObjectName::Snapshot(scene.second.open().snapshot_names().unwrap()[0]);
    scene.second.store.delete(&name).unwrap();
    let kinds: Vec<_> = check(&scene.second).findings.into_iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&FindingKind::MissingSnapshot), "{kinds:?}");
}

#[test]
fn somebody_who_accepts_a_copy_as_it_is_accepts_nothing_of_its_source() {
    let scene = Scene::new();
    check(&scene.second);
    scene.save(2);
    assert!(scene.second.open().unanswered().unwrap().is_behind);
    accept(&scene.second);
    for fixture in [&scene.first, &scene.second] {
        assert!(check(fixture).findings.is_empty(), "{:?}", check(fixture).findings);
        assert!(fixture.open().unanswered().unwrap().is_empty());
    }
}

#[test]
fn two_disks_in_turn_are_accepted_once() {
    let scene = Scene::new();
    backup(&scene.second.open(), &scene.root);
    scene.save(2);
    accept(&scene.second);
    for round in 3..6 {
        scene.save(round);
        backup(&scene.second.open(), &scene.root);
        for fixture in [&scene.first, &scene.second] {
            assert!(check(fixture).findings.is_empty(), "{:?}", check(fixture).findings);
            assert!(fixture.open().unanswered().unwrap().is_empty());
        }
    }
}
