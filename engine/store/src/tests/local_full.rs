//! A full disk can always forget: the reserve.

use std::fs;
use std::path::Path;

use repo_format::id::LeaseId;

use super::*;

const SIZE: u64 = 256 * 1024;

fn snapshot(n: u8) -> ObjectName {
    ObjectName::Snapshot(LeaseId([n; LeaseId::LEN]))
}

fn reserve_of(root: &Path) -> Option<u64> {
    fs::metadata(root.join("tmp/reserve")).ok().map(|metadata| metadata.len())
}

#[test]
fn the_first_write_makes_the_reserve_and_no_listing_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::create(folder.path()).unwrap();
    assert_eq!(reserve_of(folder.path()), None, "nothing was written yet");
    store.put_new(&ObjectName::Config, &[b"config"]).unwrap();
    assert_eq!(reserve_of(folder.path()), Some(SIZE));
    drop(store);
    fs::write(folder.path().join("tmp/reserve"), "cut short").unwrap();
    let store = LocalStore::open(folder.path()).unwrap();
    store.put_new(&pack(1), &[b"1"]).unwrap();
    assert_eq!(reserve_of(folder.path()), Some(SIZE));
    store.list(Folder::Top, &mut |_| Ok(()), &mut |strange| panic!("{strange}")).unwrap();
}

#[test]
fn a_lease_makes_the_reserve_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::create(folder.path()).unwrap();
    store.put_new(&lease(1), &[b"1"]).unwrap();
    fs::remove_file(folder.path().join("tmp/reserve")).unwrap();
    store.put_new(&snapshot(1), &[b"1"]).unwrap();
    assert_eq!(reserve_of(folder.path()), None);
    store.put_new(&lease(2), &[b"2"]).unwrap();
    assert_eq!(reserve_of(folder.path()), Some(SIZE));
}

/// A disk of two megabytes; none where this user may not mount one.
#[cfg(target_os = "linux")]
struct Disk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(folder.path()).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Disk(folder))
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("repository")
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        use std::io::Write;
        let mut filler = fs::OpenOptions::new().append(true).create(true).open(self.0.path().join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_has_room_for_records_but_not_for_backups() {
    let Some(disk) = Disk::new() else { return };
    let store = LocalStore::create(&disk.root()).unwrap();
    store.put_new(&ObjectName::Condemned, &[b"old"]).unwrap();
    drop(store);
    disk.fill();

    let (one, other) = (LocalStore::open(&disk.root()).unwrap(), LocalStore::open(&disk.root()).unwrap());
    assert_eq!(kind(one.put_new(&lease(1), &[b"lease"])), StoreErrorKind::NoSpace);
    assert_eq!(kind(one.put_new(&pack(1), &[b"pack"])), StoreErrorKind::NoSpace);
    assert_eq!(reserve_of(&disk.root()), Some(SIZE), "a backup must not take it");
    one.put_new(&snapshot(1), &[b"record"]).unwrap();
    other.replace_if(&ObjectName::Condemned, Some(Tag::of(b"old")), &[1; 8192]).unwrap();
    assert_eq!(kind(other.put_new(&lease(2), &[b"lease"])), StoreErrorKind::NoSpace, "what is left is for forgetting");
    one.put_new(&snapshot(2), &[b"record"]).unwrap();
    assert_eq!(reserve_of(&disk.root()), None);

    fs::remove_file(disk.0.path().join("filler")).unwrap();
    other.put_new(&lease(2), &[b"lease"]).unwrap();
    assert_eq!(reserve_of(&disk.root()), Some(SIZE), "there is room again");
}

#[test]
#[cfg(target_os = "linux")]
fn a_failed_first_write_leaves_no_folder_behind() {
    let Some(disk) = Disk::new() else { return };
    drop(LocalStore::create(&disk.root()).unwrap().put_new(&ObjectName::Config, &[b"config"]));
    disk.fill();
    let store = LocalStore::open(&disk.root()).unwrap();
    assert_eq!(kind(store.put_new(&pack(1), &[b"pack"])), StoreErrorKind::NoSpace);
    let names = fs::read_dir(disk.root().join("tmp")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name != "lock" && name != "reserve").count(), 0);
}
