//! Second copies: who completes them.

use std::fs;

use engine::monitor::NullMonitor;
use engine::repository::members::add_member;
use engine::session::{WriterOptions, WriterSession};
use engine::store::{Folder, ObjectName};

use super::lab::{self, Key, Lab};

/// The names in `copies/`, in order.
fn copies(lab: &Lab) -> Vec<ObjectName> {
    let mut names = lab.store.names();
    names.retain(|name| name.folder() == Folder::Copies);
    names.sort_by_key(ToString::to_string);
    names
}

/// A repository of two members and versions of the keyring, as an older program would have left it; and what copies it
/// should have.
fn without_copies(folder: &std::path::Path) -> (Lab, Vec<ObjectName>) {
    let lab = Lab::new();
    add_member(&lab.opened(&folder.join("cache")), &Key::generate().credential(), "second").unwrap();
    let all = copies(&lab);
    assert_eq!(all.len(), 5, "config, two members, two versions of the keyring: {all:?}");
    all.iter().for_each(|name| assert!(lab.store.remove_raw(name)));
    (lab, all)
}

#[test]
fn the_first_backup_of_an_older_repository_makes_second_copies() {
    let folder = lab::temp();
    let (lab, all) = without_copies(folder.path());
    fs::write(folder.path().join("file"), "contents").unwrap();
    lab::save(&lab.opened(&folder.path().join("cache")), &[folder.path().join("file")]).unwrap();
    assert_eq!(copies(&lab), all);
    // A later run reads a damaged object from its copy.
    lab.store.put_raw(&ObjectName::Keyring(2), *b"damaged");
    lab.store.put_raw(&ObjectName::Config, *b"damaged");
    let repository = lab.opened(&folder.path().join("new cache"));
    assert_eq!(engine::snapshots::list(&repository).unwrap().snapshots.len(), 1);
}

#[test]
fn a_dry_run_and_a_reader_make_none() {
    let folder = lab::temp();
    let (lab, _) = without_copies(folder.path());
    let repository = lab.opened(&folder.path().join("cache"));
    let options = WriterOptions { dry_run: true, ..WriterOptions::default() };
    drop(WriterSession::begin(&repository, &options, &NullMonitor).unwrap());
    assert_eq!(copies(&lab), []);
}

#[test]
fn a_damaged_original_gets_no_copy_and_stops_no_backup() {
    let folder = lab::temp();
    let (lab, all) = without_copies(folder.path());
    let repository = lab.opened(&folder.path().join("cache"));
    lab.store.put_raw(&ObjectName::Keyring(1), *b"damaged");
    drop(WriterSession::begin(&repository, &WriterOptions::default(), &NullMonitor).unwrap());
    assert_eq!(copies(&lab).len(), all.len() - 1);
}
