//! The scopes of deleting: which things may be deleted in which folder of the target.

use repo_format::id::ChunkId;
use repo_format::manifest::{Manifest, RootKind};

use super::Run;
use super::attributes::Folder;
use super::delete::{KeptReason, Scope};
use super::rules::Rules;
use crate::error::{ErrorKind, Result};
use crate::filesystem::FileStat;
use crate::tree::{DirectoryIter, TreeEntry};

/// Computes the scopes of the folders of a snapshot.
pub(super) struct Scopes<'w, 'r> {
    pub run: &'w Run<'r>,
    pub manifest: &'w Manifest,
}

impl Scopes<'_, '_> {
    /// The scope of the folder `path` of the snapshot; `None` if nothing is deleted.
    pub fn of_path(&self, path: &[u8]) -> Result<Option<Scope>> {
        if !self.run.options.delete {
            return Ok(None);
        }
        let (mut scope, mut tree) = (None, self.manifest.tree_id());
        for part in path.split(|b| *b == b'/').filter(|part| !part.is_empty()) {
            let entry = DirectoryIter::seek(self.run.reader, tree, part)?;
            tree = entry.and_then(|entry| entry.tree);
            scope = match &scope {
                None => self.of_root(part, tree)?,
                Some(scope) => Some(self.below(scope, part, tree, false)?),
            };
        }
        Ok(scope)
    }

    fn of_root(&self, name: &[u8], tree: Option<ChunkId>) -> Result<Option<Scope>> {
        let root = self.manifest.roots.iter().find(|root| root.name.0 == name && root.kind == RootKind::Folder);
        let (Some(root), Some(left_out), true) = (root, &self.manifest.left_out, self.run.options.delete) else {
            return Ok(None);
        };
        self.of_rules(Rules::of_root(self.run.reader, left_out, root, tree)).map(Some)
    }

    /// The scope of the folder `name` in one with the scope `above`.
    pub fn below(&self, above: &Scope, name: &[u8], tree: Option<ChunkId>, is_mount: bool) -> Result<Scope> {
        if is_mount {
            return Ok(Scope { rules: None, kept: Some(KeptReason::Elsewhere) });
        }
        match &above.rules {
            Some(rules) if above.kept.is_none() => self.of_rules(rules.enter(self.run.reader, name, tree)),
            _ => Ok(above.clone()),
        }
    }

    /// Keeps everything in a folder whose rules are lost.
    fn of_rules(&self, rules: Result<Rules>) -> Result<Scope> {
        match rules {
            Ok(rules) => Ok(Scope { rules: Some(rules), kept: None }),
            Err(error) if error.kind() == ErrorKind::Damaged => {
                Ok(Scope { rules: None, kept: Some(KeptReason::Incomplete) })
            }
            Err(error) => Err(error),
        }
    }

    /// The scope of a root that is restored below the target as one of several.
    pub fn of_root_there(
        &self,
        target: &Folder,
        entry: &TreeEntry,
        existing: Option<&FileStat>,
    ) -> Result<Option<Scope>> {
        let scope = self.of_root(entry.name(), entry.tree)?;
        let (Some(scope), Some(stat), Some(dir)) = (scope, existing, &target.dir) else { return Ok(None) };
        let is_mount = dir.is_mount(&stat.entry.name.0, stat).unwrap_or(true);
        Ok(Some(if is_mount { Scope { rules: None, kept: Some(KeptReason::Elsewhere) } } else { scope }))
    }
}
