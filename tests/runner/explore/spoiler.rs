//! Somebody who deletes, replaces or rolls back the cache of a process, between any two steps of that process.
//!
//! His deeds stand in the store, under names that nobody else looks at. A process whose cache is exposed looks there
//! before each of its steps, and what it finds is done to its files: so it is part of its history, and all moments are
//! explored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use engine::store::{Folder, ObjectName, Store};
use repo_format::id::LeaseId;
use scenario_tests::explore::{Answer, Change, Changes, Process, Request, pass};

use super::forged;
use super::scene::Scene;

/// Damage to the files of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// They are deleted.
    Delete,
    /// They are as they were when the process began.
    RollBack,
    /// Others are put in their place, whose rows are those of other packs and which say what is not so.
    Replace,
    /// The same, and the others cannot be told from these: a process would read them that did not compare generations.
    ReplaceUnnoticed,
}

const DEEDS: [Deed; 4] = [Deed::Delete, Deed::RollBack, Deed::Replace, Deed::ReplaceUnnoticed];

impl Deed {
    /// Where it stands that it was done.
    fn name(self) -> ObjectName {
        ObjectName::Aside(LeaseId([self as u8; 16]))
    }
}

/// Does it once, at any moment.
pub fn spoiler(deed: Deed) -> Process {
    let only = Changes::only(&[Change::Put(Folder::Aside)]);
    Process::new(format!("{deed:?}"), only, move |store: Arc<dyn Store>| {
        store.put_new(&deed.name(), &[]).map_err(|error| error.to_string())
    })
}

/// The store of a process whose cache, in `folder`, others spoil.
pub fn exposed(store: Arc<dyn Store>, scene: &Scene, folder: &Path) -> Arc<dyn Store> {
    let caches = [Deed::Replace, Deed::ReplaceUnnoticed].map(|deed| (deed, copies(&forged::folder(scene, deed))));
    let (before, folder, done) = (copies(folder), folder.to_owned(), Mutex::new(BTreeSet::new()));
    let spoil = move |deed: Deed| {
        copies(&folder).iter().for_each(|(name, _)| std::fs::remove_file(folder.join(name)).unwrap());
        let forged = caches.iter().find(|(of, _)| *of == deed).map(|(_, files)| files);
        let files = if deed == Deed::RollBack { Some(&before) } else { forged };
        files.into_iter().flatten().for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes).unwrap());
    };
    Arc::new(pass(move |request| {
        if !is_constant(&request) {
            let mut done = done.lock().unwrap();
            let found = Request::List(Folder::Aside).perform(&*store);
            let found = if let Answer::Found(infos) = found { infos } else { Vec::new() };
            let is_new = |deed: &Deed| found.iter().any(|info| info.name == deed.name()) && done.insert(deed.name());
            DEEDS.into_iter().filter(is_new).for_each(&spoil);
        }
        request.perform(&*store)
    }))
}

/// Whether it reads what never changes here: that is no step.
fn is_constant(request: &Request) -> bool {
    request.name() == Some(&ObjectName::Config)
        || matches!(request.folder(), Folder::Keys | Folder::Keyring | Folder::Copies)
}

/// The files of a catalog, but for its locks.
fn copies(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let name = |path: &Path| PathBuf::from(path.file_name().unwrap());
    let is_catalog = |path: &PathBuf| name(path).to_str().unwrap().starts_with("catalog.");
    files.filter(is_catalog).map(|path| (name(&path), std::fs::read(&path).unwrap())).collect()
}
