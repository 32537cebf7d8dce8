//! The folders of a store: where an object stands, and which folders are known to be durable.

use std::collections::HashSet;
use std::io;
use std::sync::Mutex;

use super::lock;
use super::unix::Dir;
use crate::ObjectName;

/// An object's folder, and its name there.
pub(super) struct Spot {
    pub dir: Dir,
    pub name: String,
}

/// The folders below the root of a store.
pub(super) struct Folders {
    root: Dir,
    /// Folders that this handle knows to be durable.
    durable: Mutex<HashSet<String>>,
}

impl Folders {
    pub fn new(root: Dir) -> Self {
        Folders { root, durable: Mutex::default() }
    }

    /// The store's own folder.
    pub fn root(&self) -> &Dir {
        &self.root
    }

    /// Where an object is.
    pub fn spot(&self, object: &ObjectName) -> io::Result<Spot> {
        self.walk(object, |dir, folder| dir.folder(folder))
    }

    /// Where an object is to be. Makes the folder if needed, and makes it durable. This is done once per handle even if the folder exists:
    /// the process that made it may not have synced it yet.
    pub fn prepare(&self, object: &ObjectName) -> io::Result<Spot> {
        self.walk(object, |dir, folder| self.prepare_folder(dir, folder))
    }

    /// The folder `name` in `parent`, made and durable.
    pub fn prepare_folder(&self, parent: &Dir, name: &str) -> io::Result<Dir> {
        let path = parent.below(name);
        if lock(&self.durable).contains(&path) {
            return parent.folder(name);
        }
        let dir = parent.make_folder(name)?;
        parent.sync()?;
        lock(&self.durable).insert(path);
        Ok(dir)
    }

    fn walk(&self, object: &ObjectName, enter: impl Fn(&Dir, &str) -> io::Result<Dir>) -> io::Result<Spot> {
        let path = object.to_string();
        let Some((folders, name)) = path.rsplit_once('/') else {
            return Ok(Spot { dir: self.root.clone(), name: path });
        };
        let dir = folders.split('/').try_fold(self.root.clone(), |dir, folder| enter(&dir, folder))?;
        Ok(Spot { dir, name: name.to_owned() })
    }
}
