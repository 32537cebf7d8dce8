//! The second root of a receipt: the folder that purged files were in, cut down to them.

use repo_format::cbor::ByteString;
use repo_format::database::ReceiptRecord;
use repo_format::entry::EntryKind;
use repo_format::manifest::{Root, RootKind};

use super::rely::rely_on;
use super::source::ReceiptSource;
use super::writer::Writer;
use crate::error::{Error, ErrorKind, Result};
use crate::tree::{DirectoryIter, TreeEntry, join};

/// The folder as a root; none if the receipt names no file.
///
/// # Errors
/// [`ErrorKind::Usage`] if files are named and no folder of the snapshot.
pub(super) fn root(source: &ReceiptSource<'_>, receipt: &ReceiptRecord) -> Result<Option<Root>> {
    if receipt.files.as_ref().is_none_or(|files| files.files.is_empty()) {
        return Ok(None);
    }
    let missing = || Error::new(ErrorKind::Usage, "the receipt names files, and the snapshot has no folder of them");
    let folder = source.folder.ok_or_else(missing)?;
    let mut names = folder.split(|byte| *byte == b'/');
    let (first, below) = (names.next().unwrap_or_default(), names.collect::<Vec<_>>());
    let roots = &source.snapshot.manifest.roots;
    let root = roots.iter().find(|root| root.kind == RootKind::Folder && root.name.0 == first).ok_or_else(missing)?;
    let path =
        below.iter().fold(root.path.0.clone(), |path, name| join(path.strip_suffix(b"/").unwrap_or(&path), name));
    let mut name = below.last().map_or_else(|| first.to_vec(), |name| name.to_vec());
    if name == source.root {
        // The database has it already.
        name.extend(b"~2");
    }
    Ok(Some(Root { name: ByteString(name), kind: RootKind::Folder, path: ByteString(path) }))
}

impl Writer<'_, '_> {
    /// The folder of `root`, with the files of the receipt.
    pub fn files(&mut self, root: &Root, receipt: &ReceiptRecord) -> Result<TreeEntry> {
        let files = receipt.files.iter().flat_map(|files| &files.files);
        let paths: Vec<&[u8]> = files.map(|file| &file.path.0[..]).collect();
        let entry = self.entry(self.source.folder.unwrap_or_default())?;
        let mut folder = self.cut_down(entry, &paths)?;
        folder.meta.name = root.name.clone();
        Ok(folder)
    }

    /// The directory `entry` with nothing but the files at `paths` below it, which ascend: so those of one folder follow each other.
    fn cut_down(&mut self, entry: TreeEntry, paths: &[&[u8]]) -> Result<TreeEntry> {
        let (mut entries, mut rest) = (Vec::new(), paths);
        while let Some(first) = rest.first() {
            let name = first.split(|byte| *byte == b'/').next().unwrap_or_default();
            let below = |path: &'_ [u8]| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest[0] == b'/');
            let (these, others) = rest.split_at(rest.iter().take_while(|path| below(path)).count());
            let is_file = first.len() == name.len();
            let kind = if is_file { EntryKind::File } else { EntryKind::Directory };
            let found = DirectoryIter::seek(&self.reader, entry.tree, name)?
                .filter(|found| found.meta.kind == kind && (!is_file || these.len() == 1));
            let found = found.ok_or_else(|| {
                let message = format!("the snapshot has no file {}, which the receipt names", first.escape_ascii());
                Error::new(ErrorKind::Usage, message)
            })?;
            entries.push(if is_file {
                rely_on(self.store, &self.reader, found.content.as_ref(), self.monitor)?;
                found
            } else {
                let below: Vec<&[u8]> =
                    these.iter().map(|path| path.get(name.len() + 1..).unwrap_or_default()).collect();
                self.cut_down(found, &below)?
            });
            rest = others;
        }
        Ok(TreeEntry { tree: self.nodes(entries)?, ..entry })
    }
}
