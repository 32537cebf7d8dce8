//! The expected contents of the repository, by the reports of processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::actors::FOLDERS;
use super::folder::Folder;
use crate::harness::Answer;

/// All paths below a folder, with the bytes of files.
pub type Tree = Arc<Vec<(Vec<u8>, Option<Vec<u8>>)>>;

/// A snapshot of one of the folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub folder: usize,
}

impl Listed {
    /// The entry of one snapshot in the output of `snapshots`.
    pub fn of(message: &Value) -> Self {
        let name = message["roots"][0]["name"].as_str().unwrap();
        let folder = (0..FOLDERS).find(|number| Folder::name(*number) == name).unwrap();
        Listed { id: message["id"].as_str().unwrap().to_owned(), folder }
    }
}

/// Something that a process did, or may have done before it died.
pub enum Event {
    /// A backup reported its snapshot.
    Saved { snapshot: Listed, tree: Tree },
    /// A backup was killed: there may be a snapshot.
    MaybeSaved { folder: usize, tree: Tree },
    /// A forget was begun that keeps so many of each folder.
    MayForgetAllBut { newest: usize },
    /// A forget of these snapshots was begun.
    MayForget { ids: Vec<String> },
    /// A forget reported that these are gone.
    Forgot { ids: Vec<String> },
    /// A restore beside everything else ended.
    Read { id: String, answer: Answer },
}

/// A snapshot that must be there, and what it must restore.
struct Known {
    snapshot: Listed,
    tree: Tree,
}

/// All snapshots that must be there, of each folder in their order.
#[derive(Default)]
pub struct Ledger {
    known: Vec<Known>,
    gone: BTreeSet<String>,
}

impl Ledger {
    /// The snapshots that are there.
    pub fn snapshots(&self) -> impl Iterator<Item = Listed> {
        self.known.iter().map(|known| known.snapshot.clone())
    }

    /// Checks what is listed, and what that restores, against what was known and what has happened since; from now on
    /// what is listed is known.
    pub fn take_in(&mut self, events: &[Event], listed: &[Listed], restored: &[Tree]) {
        let mut maybe: BTreeMap<usize, Vec<&Tree>> = BTreeMap::new();
        for event in events {
            match event {
                Event::Saved { snapshot, tree } => {
                    self.known.push(Known { snapshot: snapshot.clone(), tree: tree.clone() });
                }
                Event::MaybeSaved { folder, tree } => maybe.entry(*folder).or_default().push(tree),
                _ => {}
            }
        }
        for (snapshot, tree) in listed.iter().zip(restored) {
            match self.known.iter().find(|known| known.snapshot == *snapshot) {
                Some(known) => assert_same(&known.tree, tree, snapshot),
                None => self.take_in_unreported(snapshot, tree, &mut maybe),
            }
        }
        for event in events {
            match event {
                Event::Forgot { ids } => {
                    assert!(
                        !listed.iter().any(|snapshot| ids.contains(&snapshot.id)),
                        "{ids:?} were forgotten, and are there"
                    );
                }
                Event::Read { id, answer } if answer.code != 0 => {
                    assert!(self.may_go(id, events), "snapshot {id} could not be restored: {}", answer.err);
                }
                _ => {}
            }
        }
        self.let_go(events, listed);
    }

    /// A snapshot whose backup was killed before it could report it.
    fn take_in_unreported(&mut self, snapshot: &Listed, tree: &Tree, maybe: &mut BTreeMap<usize, Vec<&Tree>>) {
        assert!(!self.gone.contains(&snapshot.id), "{snapshot:?} was gone, and is there again");
        let states = maybe.entry(snapshot.folder).or_default();
        let Some(at) = states.iter().position(|state| *state == tree) else {
            panic!("{snapshot:?} is what no backup that was killed can have seen");
        };
        states.remove(at);
        self.known.push(Known { snapshot: snapshot.clone(), tree: tree.clone() });
    }

    /// Checks that what is not listed any more may have been forgotten.
    fn let_go(&mut self, events: &[Event], listed: &[Listed]) {
        let gone: Vec<_> = self.snapshots().filter(|snapshot| !listed.contains(snapshot)).collect();
        for snapshot in &gone {
            assert!(self.may_go(&snapshot.id, events), "{snapshot:?} is gone, and nobody forgot it");
        }
        self.known.retain(|known| !gone.contains(&known.snapshot));
        self.known.sort_by_key(|known| listed.iter().position(|snapshot| *snapshot == known.snapshot));
        self.gone.extend(gone.into_iter().map(|snapshot| snapshot.id));
    }

    /// Whether a forget of this round may have taken a snapshot: by its name, or since there are enough newer ones of its
    /// folder.
    fn may_go(&self, id: &str, events: &[Event]) -> bool {
        let at = self.known.iter().position(|known| known.snapshot.id == id);
        let newer = at.map_or(0, |at| {
            let folder = self.known[at].snapshot.folder;
            self.known[at + 1..].iter().filter(|known| known.snapshot.folder == folder).count()
        });
        events.iter().any(|event| match event {
            Event::MayForget { ids } => ids.iter().any(|named| named == id),
            Event::MayForgetAllBut { newest } => newer >= *newest,
            _ => false,
        })
    }
}

#[track_caller]
fn assert_same(expected: &Tree, found: &Tree, snapshot: &Listed) {
    let names = |tree: &Tree| -> Vec<_> {
        tree.iter()
            .map(|(name, bytes)| (String::from_utf8_lossy(name).into_owned(), bytes.as_ref().map(Vec::len)))
            .collect()
    };
    assert!(expected == found, "{snapshot:?} restores\n{:?}\ninstead of\n{:?}", names(found), names(expected));
}
